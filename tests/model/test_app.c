/* Apps as values: copies, comparisons, and that what is stored comes back exactly. */

#include "app_document.h"

#define C "\"id\":\"/a\",\"cmd\":\"x\""

static const char *const rich[] = {
	"{" C "}",
	"{" C ",\"portDefinitions\":[]}",
	"{\"id\":\"/g/a\",\"args\":[\"a\",\"\",\"\\u00e9\"],\"container\":{\"docker\":{"
	"\"image\":\"i\",\"forcePullImage\":true,\"network\":\"BRIDGE\",\"portMappings\":["
	"{\"containerPort\":80,\"hostPort\":8080,\"servicePort\":10001,\"protocol\":\"udp,tcp\","
	"\"name\":\"http\",\"labels\":{\"VIP\":\"x\"}},{}]}},\"dependencies\":[\"b\",\"/c\"],"
	"\"env\":{\"B\":\"2\",\"A\":\"\"},\"labels\":{\"x\":\"y\"},\"cpus\":0.123,\"mem\":33.3,"
	"\"disk\":1.5,\"instances\":7,\"acceptedResourceRoles\":[\"*\",\"slow\"],"
	"\"backoffFactor\":1.1,\"taskKillGracePeriodSeconds\":0,\"user\":\"nobody\","
	"\"constraints\":[[\"hostname\",\"UNIQUE\"],[\"rack\",\"LIKE\",\"a|b\"]],"
	"\"killSelection\":\"OLDEST_FIRST\",\"unreachableStrategy\":\"disabled\","
	"\"upgradeStrategy\":{\"minimumHealthCapacity\":0.3,\"maximumOverCapacity\":0.7}}",
	"{\"id\":\"/a\",\"container\":{\"docker\":{\"image\":\"i\"},\"portMappings\":[{}]},"
	"\"networks\":[{\"name\":\"web\"}],\"healthChecks\":[{\"protocol\":\"COMMAND\","
	"\"command\":{\"value\":\"true\"},\"delaySeconds\":1},{\"protocol\":\"HTTPS\","
	"\"ignoreHttp1xx\":true,\"port\":443},{\"protocol\":\"MESOS_TCP\",\"ipProtocol\":\"IPv6\"}]"
	","
	"\"unreachableStrategy\":{\"inactiveAfterSeconds\":3,\"expungeAfterSeconds\":9}}",
};

START_TEST(stored_apps_come_back_exactly)
{
	autoptr(app) app = good_app(rich[_i]);
	autoptr(app) back = NULL;
	autoptr(json_object) document = NULL;
	autoptr(json_object) again = NULL;
	struct error error = { 0 };

	app->version_ms = 1714557604990;
	app->scaled_ms = 1714557604991;
	app->configured_ms = 1;
	for (size_t i = 0; i < app->check_count; i++)
		app->checks[i].interval_ms = 1234;
	document = written(app);
	back = app_read_stored(document, &error);
	ck_assert_msg(back != NULL, "%s", error.text);
	again = written(back);
	ck_assert(json_object_equal(document, again));
	ck_assert_int_eq(app_compare(app, back), APP_SAME);
	ck_assert_int_eq(back->version_ms, app->version_ms);
	ck_assert_int_eq(back->scaled_ms, app->scaled_ms);
	ck_assert_int_eq(back->configured_ms, app->configured_ms);
	ck_assert_str_eq(back->id, app->id);
	ck_assert_int_eq(back->instances, app->instances);
}
END_TEST

START_TEST(copies_are_deep_and_equal)
{
	autoptr(app) app = good_app(rich[_i]);
	autoptr(app) copy = app_copy(app);

	ck_assert_ptr_nonnull(copy);
	ck_assert_int_eq(app_compare(app, copy), APP_SAME);
	ck_assert_ptr_ne(app->id, copy->id);
	ck_assert_uint_eq(copy->references, 1);
}
END_TEST

static const struct {
	const char *one, *other;
	enum app_change change;
} changes[] = {
	{ "{" C "}", "{" C ",\"instances\":2}", APP_SCALED },
	{ "{" C ",\"env\":{\"A\":\"1\",\"B\":\"2\"}}", "{" C ",\"env\":{\"B\":\"2\",\"A\":\"1\"}}",
	  APP_SAME },
	{ "{" C "}", "{" C ",\"instances\":2,\"cpus\":2}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"labels\":{\"a\":\"b\"}}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"backoffSeconds\":2}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"killSelection\":\"OLDEST_FIRST\"}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"dependencies\":[\"/b\"]}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"healthChecks\":[{}]}", APP_RECONFIGURED },
	{ "{" C ",\"healthChecks\":[{}]}",
	  "{" C ",\"healthChecks\":[{\"maxConsecutiveFailures\":4}]}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"constraints\":[[\"hostname\",\"UNIQUE\"]]}", APP_RECONFIGURED },
	{ "{" C ",\"ports\":[1]}", "{" C ",\"ports\":[2]}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"user\":\"nobody\"}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"unreachableStrategy\":\"disabled\"}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"requirePorts\":true}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"role\":\"x\"}", APP_RECONFIGURED },
	{ "{" C "}", "{" C ",\"executor\":\"//cmd\"}", APP_RECONFIGURED },
};

START_TEST(changes_are_told_apart)
{
	autoptr(app) one = good_app(changes[_i].one);
	autoptr(app) other = good_app(changes[_i].other);

	ck_assert_msg(app_compare(one, other) == changes[_i].change, "%s", changes[_i].other);
	ck_assert_int_eq(app_compare(other, one), changes[_i].change);
}
END_TEST

START_TEST(strange_stored_documents_are_refused)
{
	static const char *const strange[] = {
		"[]", "{}", "{\"id\":\"/a\",\"instances\":\"1\"}",
		"{\"id\":\"/a\",\"version\":\"yesterday\"}",
		"{\"id\":\"/a\",\"version\":\"2024-05-01T10:00:04.990Z\"}"
	};

	for (size_t i = 0; i < ROWS(strange); i++) {
		autoptr(json_object) document = document_of(strange[i]);
		struct error error = { 0 };

		ck_assert_msg(app_read_stored(document, &error) == NULL, "%s", strange[i]);
		ck_assert_int_eq(error.kind, ERROR_INVALID);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("app");
	TCase *tcase = tcase_create("app");

	tcase_add_loop_test(tcase, stored_apps_come_back_exactly, 0, ROWS(rich));
	tcase_add_loop_test(tcase, copies_are_deep_and_equal, 0, ROWS(rich));
	tcase_add_loop_test(tcase, changes_are_told_apart, 0, ROWS(changes));
	tcase_add_test(tcase, strange_stored_documents_are_refused);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
