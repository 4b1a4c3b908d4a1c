/* What app definitions become: the tutorial's documents and both forms of each thing, and what
 * is refused, under which path. The forms are those of Marathon 1.5 to 1.10. */

#include "app_document.h"

#define DEFAULTS                                                                           \
	"\"backoffFactor\":1.15,\"backoffSeconds\":1,\"maxLaunchDelaySeconds\":300,"       \
	"\"executor\":\"\",\"labels\":{},\"role\":\"*\",\"gpus\":0,\"disk\":0.0,"          \
	"\"requirePorts\":false,\"killSelection\":\"YOUNGEST_FIRST\","                     \
	"\"upgradeStrategy\":{\"maximumOverCapacity\":1.0,\"minimumHealthCapacity\":1.0}," \
	"\"unreachableStrategy\":{\"inactiveAfterSeconds\":0,\"expungeAfterSeconds\":0}"
#define BRIDGE_2048                                                                             \
	"\"container\":{\"type\":\"DOCKER\",\"docker\":{\"image\":\"alexwhen/docker-2048\","    \
	"\"forcePullImage\":false,\"privileged\":false,\"parameters\":[]},\"volumes\":[],"      \
	"\"portMappings\":[{\"containerPort\":80,\"hostPort\":0,\"servicePort\":0,"             \
	"\"protocol\":\"tcp\",\"labels\":{}}]},\"networks\":[{\"mode\":\"container/bridge\"}]," \
	"\"cpus\":0.5,\"mem\":512.0,\"instances\":1,"
#define CHECK_2048                                                                      \
	"\"healthChecks\":[{\"protocol\":\"HTTP\",\"path\":\"/\",\"portIndex\":0,"      \
	"\"gracePeriodSeconds\":30,\"intervalSeconds\":10,\"timeoutSeconds\":10,"       \
	"\"maxConsecutiveFailures\":3,\"ignoreHttp1xx\":false,\"ipProtocol\":\"IPv4\"," \
	"\"delaySeconds\":15}],"

static const struct {
	const char *file, *id, *want;
} tutorial[] = {
	{ "docker-2048.json", NULL,
	  "{\"id\":\"/docker-2048-created-by-api\"," BRIDGE_2048 DEFAULTS "}" },
	{ "docker-2048-v2.json", "/docker-2048-created-by-api",
	  "{\"id\":\"/docker-2048-created-by-api\"," BRIDGE_2048 CHECK_2048 DEFAULTS "}" },
	{ "docker-2048-v2.json", NULL,
	  "{\"id\":\"/docker-2048-created-by-api-v2\"," BRIDGE_2048 CHECK_2048 DEFAULTS "}" },
	{ "docker-2048-v3.json", "/docker-2048-created-by-api",
	  "{\"id\":\"/docker-2048-created-by-api\"," BRIDGE_2048 CHECK_2048
	  "\"constraints\":[[\"hostname\",\"LIKE\",\"10.23.85.234\"]]," DEFAULTS "}" },
	{ "hello-marathon.json", NULL,
	  "{\"id\":\"/hello-marathon\",\"cmd\":\"while true; do echo \\\"$(date): hello "
	  "marathon\\\"; sleep 1; done\",\"cpus\":0.1,\"mem\":32.0,\"instances\":1,"
	  "\"networks\":[{\"mode\":\"host\"}],\"portDefinitions\":[{\"port\":0,"
	  "\"name\":\"default\",\"protocol\":\"tcp\"}]," DEFAULTS "}" },
};

static void read_file(const char *name, char *out, size_t size)
{
	char path[512];
	FILE *file;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s", path);
	len = fread(out, 1, size - 1, file);
	out[len] = '\0';
	(void)fclose(file);
}

START_TEST(the_tutorial_is_read)
{
	struct app_read_options options = { .id = tutorial[_i].id };
	struct problems problems;
	char text[4096];
	autoptr(app) app = NULL;
	autoptr(json_object) got = NULL;

	read_file(tutorial[_i].file, text, sizeof(text));
	app = app_of(text, &options, &problems);
	ck_assert_msg(app != NULL, "%s: %s", problems.items[0].path, problems.items[0].message);
	got = written(app);
	assert_document(tutorial[_i].file, got, tutorial[_i].want);
}
END_TEST

#define C "\"id\":\"/a\",\"cmd\":\"x\""
#define D(more) "\"id\":\"/a\",\"container\":{\"docker\":{\"image\":\"i\"" more "}"

/* Each pair must give the same app. */
static const struct {
	const char *claim, *one, *other;
} same[] = {
	{ "enum strings in any case",
	  "{" D(",\"network\":\"bridge\"") ",\"type\":\"docker\"},"
					   "\"healthChecks\":[{\"protocol\":\"http\"}],"
					   "\"killSelection\":\"oldest_first\"}",
	  "{" D("") ",\"type\":\"DOCKER\"},\"networks\":[{\"mode\":\"CONTAINER/bridge\"}],"
		    "\"healthChecks\":[{\"protocol\":\"HTTP\"}],\"killSelection\":"
		    "\"OldestFirst\"}" },
	{ "legacy mappings move to the container",
	  "{" D(",\"network\":\"BRIDGE\",\"portMappings\":[{\"containerPort\":80}]") "}}",
	  "{" D("") ",\"portMappings\":[{\"containerPort\":80,\"hostPort\":0}]},"
		    "\"networks\":[{\"mode\":\"container/bridge\"}]}" },
	{ "a bridge without mappings gets one", "{" D(",\"network\":\"BRIDGE\"") "}}",
	  "{" D("") ",\"portMappings\":[{\"containerPort\":0,\"hostPort\":0,"
		    "\"name\":\"default\"}]},\"networks\":[{\"mode\":\"container/bridge\"}]}" },
	{ "surplus ports become mappings",
	  "{" D(",\"network\":\"BRIDGE\",\"portMappings\":[{\"containerPort\":80}]") "},"
										     "\"ports\":[1,"
										     "2]}",
	  "{" D("") ",\"portMappings\":[{\"containerPort\":80},{}]},"
		    "\"networks\":[{\"mode\":\"container/bridge\"}]}" },
	{ "a user network is named by ipAddress",
	  "{" D(",\"network\":\"USER\"") "},\"ipAddress\":{\"networkName\":\"web\"}}",
	  "{" D("") "},\"networks\":[{\"name\":\"web\"}]}" },
	{ "host mode drops mappings",
	  "{" D(",\"network\":\"HOST\",\"portMappings\":[{\"containerPort\":80}]") "}}",
	  "{" D("") "}}" },
	{ "legacy ports", "{" C ",\"ports\":[0,8080]}",
	  "{" C ",\"portDefinitions\":[{\"port\":0},{\"port\":8080,\"protocol\":\"tcp\"}]}" },
	{ "both lists of ports with the same numbers",
	  "{" C ",\"ports\":[8080],\"portDefinitions\":[{\"port\":8080}]}",
	  "{" C ",\"portDefinitions\":[{\"port\":8080}]}" },
	{ "requirePorts is for host mode",
	  "{" D(",\"network\":\"BRIDGE\"") "},\"requirePorts\":true}",
	  "{" D(",\"network\":\"BRIDGE\"") "}}" },
	{ "null is absent, unknown is ignored",
	  "{" C ",\"user\":null,\"uris\":null,\"tasks\":[1],\"versionInfo\":3}", "{" C "}" },
	{ "empty values of what is not supported",
	  "{" C ",\"fetch\":[],\"uris\":[],\"secrets\":{},\"readinessChecks\":[],\"gpus\":0,"
	  "\"tty\":false,\"acceptedResourceRoles\":[],\"args\":[]}",
	  "{" C "}" },
	{ "any text disables the unreachable strategy", "{" C ",\"unreachableStrategy\":\"off\"}",
	  "{" C ",\"unreachableStrategy\":\"disabled\"}" },
	{ "equal constraints are stored once, operators in any case",
	  "{" C ",\"constraints\":[[\"hostname\",\"unique\"],[\"hostname\",\"UNIQUE\"]]}",
	  "{" C ",\"constraints\":[[\"hostname\",\"UNIQUE\"]]}" },
	{ "ids are resolved", "{\"id\":\"x/..//a/\",\"cmd\":\"x\",\"dependencies\":[\"b\"]}",
	  "{" C ",\"dependencies\":[\"/b\"]}" },
	{ "a whole double is an integer", "{" C ",\"instances\":3.0}", "{" C ",\"instances\":3}" },
	{ "a delay is for checks that the agent runs",
	  "{" C ",\"healthChecks\":[{\"protocol\":\"TCP\",\"delaySeconds\":3,\"path\":\"/x\"}]}",
	  "{" C ",\"healthChecks\":[{\"protocol\":\"TCP\"}]}" },
};

START_TEST(both_forms_give_the_same_app)
{
	autoptr(app) one = good_app(same[_i].one);
	autoptr(app) other = good_app(same[_i].other);
	autoptr(json_object) got = written(one);
	autoptr(json_object) want = written(other);

	assert_document(same[_i].claim, got, json_object_to_json_string(want));
	ck_assert_int_eq(app_compare(one, other), APP_SAME);
}
END_TEST

/* message NULL: any words that are no code */
static const struct {
	const char *json, *path, *message;
	bool semantic;
} refused[] = {
	{ "[]", "/", "error.expected.jsobject", false },
	{ "{\"cmd\":\"x\"}", "/id", "error.path.missing", false },
	{ "{\"id\":3,\"cmd\":\"x\"}", "/id", "error.expected.jsstring", false },
	{ "{\"id\":\"a b\",\"cmd\":\"x\"}", "/id", NULL, false },
	{ "{\"id\":\"/\",\"cmd\":\"x\"}", "/id", NULL, false },
	{ "{\"id\":\"/a/tasks\",\"cmd\":\"x\"}", "/id", NULL, false },
	{ "{" C ",\"cpus\":\"1\"}", "/cpus", "error.expected.jsnumber", false },
	{ "{" C ",\"cpus\":-1}", "/cpus", "error.min", false },
	{ "{" C ",\"cpus\":1e300}", "/cpus", "error.max", false },
	{ "{" C ",\"instances\":1.5}", "/instances", "error.expected.int", false },
	{ "{" C ",\"instances\":-1}", "/instances", "error.min", false },
	{ "{" C ",\"requirePorts\":\"yes\"}", "/requirePorts", "error.expected.jsboolean", false },
	{ "{" C ",\"env\":[]}", "/env", "error.expected.jsobject", false },
	{ "{" C ",\"env\":{\"A\":1}}", "/env/A", "error.expected.jsstring", false },
	{ "{" C ",\"env\":{\"A\":{\"secret\":\"s\"}}}", "/env/A", NULL, false },
	{ "{" C ",\"env\":{\"A=B\":\"1\"}}", "/env", NULL, true },
	{ "{" C ",\"killSelection\":\"any\"}", "/killSelection", "error.unknown.enum.literal",
	  false },
	{ "{" C ",\"upgradeStrategy\":{\"maximumOverCapacity\":1}}",
	  "/upgradeStrategy/minimumHealthCapacity", "error.path.missing", false },
	{ "{" C ",\"upgradeStrategy\":{\"maximumOverCapacity\":1,\"minimumHealthCapacity\":2}}",
	  "/upgradeStrategy/minimumHealthCapacity", "error.max", false },
	{ "{" C ",\"unreachableStrategy\":{\"inactiveAfterSeconds\":2,"
	  "\"expungeAfterSeconds\":1}}",
	  "/unreachableStrategy", NULL, true },
	{ "{" C ",\"args\":[1]}", "/args(0)", "error.expected.jsstring", false },
	{ "{" C ",\"args\":[\"y\"]}", "/", NULL, true },
	{ "{\"id\":\"a\"}", "/", NULL, true },
	{ "{\"id\":\"a\",\"cmd\":\"\"}", "/cmd", "error.minLength", false },
	{ "{\"id\":\"a\",\"container\":{}}", "/container/docker", "error.path.missing", false },
	{ "{\"id\":\"a\",\"container\":{\"docker\":{}}}", "/container/docker/image",
	  "error.path.missing", false },
	{ "{\"id\":\"a\",\"container\":{\"type\":\"mesos\"}}", "/container/type", NULL, true },
	{ "{\"id\":\"a\",\"container\":{\"type\":\"rkt\",\"docker\":{\"image\":\"i\"}}}",
	  "/container/type", "error.unknown.enum.literal", false },
	{ "{" D(",\"network\":\"NONE\"") "}}", "/container/docker/network", NULL, true },
	{ "{" D(",\"network\":\"x\"") "}}", "/container/docker/network",
	  "error.unknown.enum.literal", false },
	{ "{" D(",\"network\":\"BRIDGE\"") "},\"networks\":[{\"mode\":\"host\"}]}", "/", NULL,
	  true },
	{ "{" D("") "},\"networks\":[{\"mode\":\"container\"}]}", "/networks(0)/name",
	  "error.path.missing", false },
	{ "{" D("") "},\"networks\":[{\"name\":\"-x\"}]}", "/networks(0)/name", "error.pattern",
	  false },
	{ "{" D("") "},\"networks\":[{\"name\":\"x\"},{\"name\":\"y\"}]}", "/networks", NULL,
	  true },
	{ "{" C ",\"networks\":[{\"mode\":\"container/bridge\"}]}", "/networks", NULL, true },
	{ "{" D(",\"network\":\"BRIDGE\",\"portMappings\":[{\"containerPort\":70000}]") "}}",
	  "/container/portMappings(0)/containerPort", "error.max", false },
	{ "{" D(",\"network\":\"BRIDGE\",\"portMappings\":[{\"name\":\"A\"}]") "}}",
	  "/container/portMappings(0)/name", "error.pattern", false },
	{ "{" D(",\"network\":\"BRIDGE\",\"portMappings\":[{\"protocol\":\"sctp\"}]") "}}",
	  "/container/portMappings(0)/protocol", "error.unknown.enum.literal", false },
	{ "{" D(",\"portMappings\":[],\"network\":\"BRIDGE\"") ",\"portMappings\":[]}}",
	  "/container/portMappings", NULL, true },
	{ "{" C ",\"ports\":[1],\"portDefinitions\":[{\"port\":2}]}", "/", NULL, true },
	{ "{" C ",\"ports\":[80,80]}", "/portDefinitions", NULL, true },
	{ "{" C ",\"ports\":[\"x\"]}", "/portDefinitions(0)/port", "error.expected.jsnumber",
	  false },
	{ "{" C ",\"healthChecks\":[{\"protocol\":\"ICMP\"}]}", "/healthChecks(0)/protocol",
	  "error.unknown.enum.literal", false },
	{ "{" C ",\"healthChecks\":[{},{\"portIndex\":1}]}", "/healthChecks(1)", NULL, true },
	{ "{" C ",\"ports\":[],\"healthChecks\":[{}]}", "/healthChecks(0)", NULL, true },
	{ "{" C ",\"healthChecks\":[{\"protocol\":\"COMMAND\"}]}", "/healthChecks(0)/command/value",
	  "error.path.missing", false },
	{ "{" C ",\"healthChecks\":[{\"command\":{\"value\":\"x\"}}]}", "/healthChecks(0)", NULL,
	  true },
	{ "{" C ",\"healthChecks\":[{\"gracePeriodSeconds\":-1}]}",
	  "/healthChecks(0)/gracePeriodSeconds", "error.min", false },
	{ "{" C ",\"healthChecks\":[{\"path\":\"/a\\r\\nX: y\"}]}", "/healthChecks(0)/path",
	  "error.pattern", false },
	{ "{" C ",\"healthChecks\":[{\"ipProtocol\":\"IPv6\"}]}", "/healthChecks(0)", NULL, true },
	{ "{" C ",\"constraints\":[[\"hostname\"]]}", "/constraints(0)", NULL, true },
	{ "{" C ",\"constraints\":[\"x\"]}", "/constraints(0)", "error.expected.jsarray", false },
	{ "{" C ",\"constraints\":[[\"hostname\",\"NEAR\"]]}", "/constraints(0)", NULL, true },
	{ "{" C ",\"constraints\":[[\"hostname\",\"LIKE\",\"(\"]]}", "/constraints(0)", NULL,
	  true },
	{ "{" C ",\"dependencies\":[\"A\"]}", "/dependencies(0)", NULL, false },
	{ "{" C ",\"labels\":{\"MARATHON_SINGLE_INSTANCE_APP\":\"true\"}}", "/", NULL, true },
	{ "{" C ",\"executor\":\"a//b\"}", "/executor", "error.pattern", false },
	/* what is not there yet */
	{ "{" C ",\"fetch\":[{\"uri\":\"u\"}]}", "/fetch", NULL, true },
	{ "{" C ",\"uris\":[\"u\"]}", "/uris", NULL, true },
	{ "{" C ",\"secrets\":{\"a\":{\"source\":\"b\"}}}", "/secrets", NULL, true },
	{ "{" C ",\"gpus\":1}", "/gpus", NULL, true },
	{ "{" C ",\"tty\":true}", "/tty", NULL, true },
	{ "{" C ",\"check\":{\"tcp\":{}}}", "/check", NULL, true },
	{ "{" C ",\"residency\":{\"x\":1}}", "/residency", NULL, true },
	{ "{" C ",\"resourceLimits\":{\"cpus\":2}}", "/resourceLimits", NULL, true },
	{ "{" C ",\"executorResources\":{\"cpus\":2}}", "/executorResources", NULL, true },
	{ "{" C ",\"readinessChecks\":[{}]}", "/readinessChecks", NULL, true },
	{ "{" D("") ",\"volumes\":[{\"hostPath\":\"/\"}]}}", "/container/volumes", NULL, true },
	{ "{" D(",\"privileged\":true") "}}", "/container/docker/privileged", NULL, true },
	{ "{" D(",\"parameters\":[{\"key\":\"a\",\"value\":\"b\"}]") "}}",
	  "/container/docker/parameters", NULL, true },
};

START_TEST(what_is_wrong_is_told_where_it_is)
{
	struct app_read_options options = { 0 };
	struct problems problems;
	autoptr(app) app = app_of(refused[_i].json, &options, &problems);
	bool code;

	ck_assert_msg(app == NULL, "accepted: %s", refused[_i].json);
	ck_assert_uint_ge(problems.count, 1);
	code = strncmp(problems.items[0].message, "error.", 6) == 0;
	ck_assert_msg(strcmp(problems.items[0].path, refused[_i].path) == 0 &&
			      problems.items[0].semantic == refused[_i].semantic &&
			      (refused[_i].message
				       ? strcmp(problems.items[0].message, refused[_i].message) == 0
				       : !code),
		      "%s: got %s: %s (%d)", refused[_i].json, problems.items[0].path,
		      problems.items[0].message, problems.items[0].semantic);
}
END_TEST

START_TEST(many_problems_stay_in_bounds)
{
	struct app_read_options options = { 0 };
	struct problems problems;
	struct text text = TEXT_INIT(1 << 16);
	struct app *app;

	text_add(&text, "{\"id\":\"a\",\"args\":[0");
	for (int i = 0; i < 2 * PROBLEMS_MAX; i++)
		text_add(&text, ",0");
	text_add(&text, "]}");
	app = app_of(text_string(&text), &options, &problems);
	ck_assert_ptr_null(app);
	ck_assert_uint_eq(problems.count, PROBLEMS_MAX);
	text_clear(&text);
}
END_TEST

/* over + update = want */
static const struct {
	const char *claim, *over, *update, *want;
} updates[] = {
	{ "only instances", "{" C ",\"cpus\":2,\"labels\":{\"a\":\"b\"}}", "{\"instances\":4}",
	  "{" C ",\"cpus\":2,\"labels\":{\"a\":\"b\"},\"instances\":4}" },
	{ "a given map replaces the whole", "{" C ",\"env\":{\"A\":\"1\"}}",
	  "{\"env\":{\"B\":\"2\"}}", "{" C ",\"env\":{\"B\":\"2\"}}" },
	{ "null changes nothing", "{" C "}", "{\"cmd\":null}", "{" C "}" },
	{ "the body's id is ignored", "{" C "}", "{\"id\":\"/other\",\"cpus\":3}",
	  "{" C ",\"cpus\":3}" },
	{ "a container keeps the network",
	  "{" D(",\"network\":\"BRIDGE\",\"portMappings\":[{\"containerPort\":80}]") "}}",
	  "{\"container\":{\"docker\":{\"image\":\"j\"},"
	  "\"portMappings\":[{\"containerPort\":81}]}}",
	  "{\"id\":\"/a\",\"container\":{\"docker\":{\"image\":\"j\"},"
	  "\"portMappings\":[{\"containerPort\":81}]},"
	  "\"networks\":[{\"mode\":\"container/bridge\"}]}" },
	{ "the legacy network wins over the stored one", "{" D("") "}}",
	  "{\"container\":{\"docker\":{\"image\":\"i\",\"network\":\"BRIDGE\","
	  "\"portMappings\":[]}}}",
	  "{" D(",\"network\":\"BRIDGE\",\"portMappings\":[]") "}}" },
	{ "legacy ports replace definitions", "{" C ",\"portDefinitions\":[{\"port\":1}]}",
	  "{\"ports\":[2,3]}", "{" C ",\"ports\":[2,3]}" },
};

START_TEST(an_update_overlays)
{
	autoptr(app) over = good_app(updates[_i].over);
	autoptr(app) want = good_app(updates[_i].want);
	struct app_read_options options = { .id = "/a", .over = over };
	struct problems problems;
	autoptr(app) got = NULL;

	over->version_ms = 1714557604990;
	over->scaled_ms = over->version_ms;
	over->configured_ms = 1714557600000;
	got = app_of(updates[_i].update, &options, &problems);
	ck_assert_msg(got != NULL, "%s: %s: %s", updates[_i].claim, problems.items[0].path,
		      problems.items[0].message);
	ck_assert_msg(app_compare(want, got) == APP_SAME, "%s", updates[_i].claim);
	ck_assert_int_eq(got->version_ms, over->version_ms);
	ck_assert_int_eq(got->configured_ms, over->configured_ms);
}
END_TEST

START_TEST(a_version_rolls_back_alone)
{
	autoptr(app) over = good_app("{" C "}");
	struct app_read_options options = { .id = "/a", .over = over };
	struct problems problems;
	struct app *app = app_of("{\"version\":\"2024-05-01T10:00:04.990Z\",\"cpus\":2}", &options,
				 &problems);

	ck_assert_ptr_null(app);
	ck_assert_str_eq(problems.items[0].path, "/version");
}
END_TEST

START_TEST(check_defaults_can_be_marathons)
{
	struct app_read_options options = { .marathon_check_defaults = true };
	struct problems problems;
	autoptr(app) ours = good_app("{" C ",\"healthChecks\":[{}]}");
	autoptr(app) theirs = app_of("{" C ",\"healthChecks\":[{}]}", &options, &problems);

	ck_assert_int_eq(ours->checks[0].grace_ms, 15000);
	ck_assert_int_eq(ours->checks[0].timeout_ms, 10000);
	ck_assert_int_eq(ours->checks[0].interval_ms, 60000);
	ck_assert_int_eq(ours->checks[0].max_failures, 3);
	ck_assert_int_eq(ours->checks[0].port_index, 0);
	ck_assert_int_eq(theirs->checks[0].grace_ms, 300000);
	ck_assert_int_eq(theirs->checks[0].timeout_ms, 20000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("app_read");
	TCase *tcase = tcase_create("app_read");

	tcase_add_loop_test(tcase, the_tutorial_is_read, 0, ROWS(tutorial));
	tcase_add_loop_test(tcase, both_forms_give_the_same_app, 0, ROWS(same));
	tcase_add_loop_test(tcase, what_is_wrong_is_told_where_it_is, 0, ROWS(refused));
	tcase_add_loop_test(tcase, an_update_overlays, 0, ROWS(updates));
	tcase_add_test(tcase, many_problems_stay_in_bounds);
	tcase_add_test(tcase, a_version_rolls_back_alone);
	tcase_add_test(tcase, check_defaults_can_be_marathons);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
