/* Groups as documents and as values. */

#include "app_document.h"
#include "stadion/model/group.h"

#define A "{\"id\":\"a\",\"cmd\":\"sleep 1\"}"

static bool read_request(const char *id, const char *json, struct group_request *out,
			 struct problems *problems)
{
	autoptr(json_object) document = document_of(json);

	problems->count = 0;
	return group_read(document, &(struct group_read_options){ .id = id }, out, problems);
}

static void describe(const struct group *group, struct text *out)
{
	text_addf(out, "%s", group->id);
	if (group->has_apps) {
		text_add(out, "(");
		for (size_t i = 0; i < group->app_count; i++)
			text_addf(out, "%s%s", i ? " " : "", group->apps[i]->id);
		text_add(out, ")");
	}
	if (group->has_groups) {
		text_add(out, "[");
		for (size_t i = 0; i < group->group_count; i++) {
			text_add(out, i ? " " : "");
			describe(group->groups[i], out);
		}
		text_add(out, "]");
	}
	if (!group->has_dependencies)
		return;
	text_add(out, "<");
	for (size_t i = 0; group->dependencies && group->dependencies[i]; i++)
		text_addf(out, "%s%s", i ? " " : "", group->dependencies[i]);
	text_add(out, ">");
}

/* got: id(apps)[groups]<dependencies>, without what was not said */
static const struct {
	const char *claim, *path, *json, *got;
} good[] = {
	{ "nothing said", "/g", "{}", "/g" },
	{ "the root", "/", "{\"apps\":[" A "]}", "/(/a)" },
	{ "an id that goes on", "/g", "{\"id\":\"h\"}", "/g/h" },
	{ "an absolute id", "/g", "{\"id\":\"/g/h/i\"}", "/g/h/i" },
	{ "the same id", "/g", "{\"id\":\"/g\"}", "/g" },
	{ "empty lists are said", "/g", "{\"apps\":[],\"groups\":[],\"dependencies\":[]}",
	  "/g()[]<>" },
	{ "null is not said", "/g", "{\"apps\":null,\"groups\":null,\"version\":null}", "/g" },
	{ "unknown members and empty pods", "/g", "{\"enforceRole\":true,\"x\":1,\"pods\":[]}",
	  "/g" },
	{ "apps are relative to the group", "/g",
	  "{\"apps\":[" A ",{\"id\":\"/g/b\",\"cmd\":\"x y\"},{\"id\":\"../g/c\",\"cmd\":\"xy\"}]}",
	  "/g(/g/a /g/b /g/c)" },
	{ "nested", "/g",
	  "{\"groups\":[{\"id\":\"h\",\"apps\":[" A "],\"dependencies\":[\"../i\",\"/z\"]},"
	  "{\"id\":\"/g/i\",\"groups\":[{\"id\":\"j\",\"apps\":[" A "]}]}]}",
	  "/g[/g/h(/g/h/a)</g/i /z> /g/i[/g/i/j(/g/i/j/a)]]" },
};

START_TEST(good_documents)
{
	struct text text = TEXT_INIT(4096);
	struct group_request request;
	struct problems problems;

	ck_assert_msg(read_request(good[_i].path, good[_i].json, &request, &problems), "%s: %s: %s",
		      good[_i].claim, problems.items[0].path, problems.items[0].message);
	ck_assert_int_eq(request.kind, GROUP_DEFINE);
	describe(request.group, &text);
	ck_assert_msg(!strcmp(text_string(&text), good[_i].got), "%s: %s", good[_i].claim,
		      text_string(&text));
	ck_assert_str_eq(request.id, request.group->id);
	text_clear(&text);
	group_request_clear(&request);
}
END_TEST

static const struct {
	const char *json;
	enum group_request_kind kind;
	double factor;
	int64_t version_ms;
} others[] = {
	{ "{\"scaleBy\":2}", GROUP_SCALE, 2, 0 },
	{ "{\"scaleBy\":0.5,\"id\":\"/g\"}", GROUP_SCALE, 0.5, 0 },
	{ "{\"scaleBy\":0,\"apps\":null}", GROUP_SCALE, 0, 0 },
	{ "{\"version\":\"2024-05-01T10:00:04.990Z\"}", GROUP_ROLL_BACK, 0, 1714557604990 },
	{ "{\"version\":\"2024-05-01T12:00:04.990+02:00\"}", GROUP_ROLL_BACK, 0, 1714557604990 },
};

START_TEST(what_stands_alone)
{
	struct group_request request;
	struct problems problems;

	ck_assert(read_request("/g", others[_i].json, &request, &problems));
	ck_assert_int_eq(request.kind, others[_i].kind);
	ck_assert_str_eq(request.id, "/g");
	ck_assert_ptr_null(request.group);
	if (request.kind == GROUP_SCALE)
		ck_assert_double_eq(request.factor, others[_i].factor);
	else
		ck_assert_int_eq(request.version_ms, others[_i].version_ms);
}
END_TEST

/* message: NULL is any */
static const struct {
	const char *claim, *group, *json, *path, *message;
} bad[] = {
	{ "no object", "/g", "[]", "/", "error.expected.jsobject" },
	{ "an id of another type", "/g", "{\"id\":1}", "/id", "error.expected.jsstring" },
	{ "a bad id", "/g", "{\"id\":\"A_b\"}", "/id", NULL },
	{ "an id that leads out", "/g", "{\"id\":\"../h\"}", "/id", NULL },
	{ "an id elsewhere", "/g", "{\"id\":\"/gg\"}", "/id", NULL },
	{ "apps as a last segment", "/g/apps", "{}", "/id", NULL },
	{ "versions as a last segment", "/g", "{\"id\":\"versions\"}", "/id", NULL },
	{ "apps of another type", "/g", "{\"apps\":{}}", "/apps", "error.expected.jsarray" },
	{ "groups of another type", "/g", "{\"groups\":1}", "/groups", "error.expected.jsarray" },
	{ "dependencies of another type", "/g", "{\"dependencies\":\"x\"}", "/dependencies",
	  "error.expected.jsarray" },
	{ "a dependency of another type", "/g", "{\"dependencies\":[\"x\",2]}", "/dependencies(1)",
	  "error.expected.jsstring" },
	{ "a bad dependency", "/g", "{\"dependencies\":[\"X\"]}", "/dependencies(0)", NULL },
	{ "the root depends", "/", "{\"dependencies\":[\"/x\"]}", "/dependencies", NULL },
	{ "an app of another type", "/g", "{\"apps\":[1]}", "/apps(0)", "error.expected.jsobject" },
	{ "an app without id", "/g", "{\"apps\":[{\"cmd\":\"sleep 1\"}]}", "/apps(0)/id",
	  "error.path.missing" },
	{ "a field of an app", "/g", "{\"apps\":[" A ",{\"id\":\"b\",\"cmd\":7}]}", "/apps(1)/cmd",
	  "error.expected.jsstring" },
	{ "a rule of an app", "/g", "{\"apps\":[{\"id\":\"b\"}]}", "/apps(0)", NULL },
	{ "an app outside", "/g", "{\"apps\":[{\"id\":\"/b\",\"cmd\":\"sleep 1\"}]}", "/apps(0)/id",
	  NULL },
	{ "an app deeper down", "/g", "{\"apps\":[{\"id\":\"b/c\",\"cmd\":\"sleep 1\"}]}",
	  "/apps(0)/id", NULL },
	{ "an app twice", "/g", "{\"apps\":[" A "," A "]}", "/apps(1)/id", NULL },
	{ "a group that is an app", "/g", "{\"apps\":[" A "],\"groups\":[{\"id\":\"a\"}]}",
	  "/groups(0)/id", NULL },
	{ "a group twice", "/g", "{\"groups\":[{\"id\":\"h\"},{\"id\":\"/g/h\"}]}", "/groups(1)/id",
	  NULL },
	{ "a group without id", "/g", "{\"groups\":[{}]}", "/groups(0)/id", "error.path.missing" },
	{ "a group outside", "/g", "{\"groups\":[{\"id\":\"/h\"}]}", "/groups(0)/id", NULL },
	{ "a nested group named apps", "/g", "{\"groups\":[{\"id\":\"apps\"}]}", "/groups(0)/id",
	  NULL },
	{ "deep down", "/g",
	  "{\"groups\":[{\"id\":\"h\"},{\"id\":\"i\",\"apps\":[{\"id\":\"B_\",\"cmd\":\"ls\"}]}]}",
	  "/groups(1)/apps(0)/id", NULL },
	{ "a factor below", "/g", "{\"groups\":[{\"id\":\"h\",\"scaleBy\":2}]}", "/groups(0)",
	  NULL },
	{ "pods", "/g", "{\"pods\":[{}]}", "/pods", NULL },
	{ "a factor that is none", "/g", "{\"scaleBy\":\"2\"}", "/scaleBy",
	  "error.expected.jsnumber" },
	{ "a factor below zero", "/g", "{\"scaleBy\":-0.5}", "/scaleBy", "error.min" },
	{ "a factor and more", "/g", "{\"scaleBy\":2,\"apps\":[]}", "/scaleBy", NULL },
	{ "a version and more", "/g", "{\"version\":\"2024-05-01T10:00:04.990Z\",\"groups\":[]}",
	  "/version", NULL },
	{ "a version that is no time", "/g", "{\"version\":\"yesterday\"}", "/version", NULL },
	{ "a version of another type", "/g", "{\"version\":5}", "/version",
	  "error.expected.jsstring" },
};

START_TEST(bad_documents)
{
	struct group_request request;
	struct problems problems;

	ck_assert_msg(!read_request(bad[_i].group, bad[_i].json, &request, &problems), "%s",
		      bad[_i].claim);
	ck_assert_msg(
		problems.count == 1 && !strcmp(problems.items[0].path, bad[_i].path) &&
			(!bad[_i].message || !strcmp(problems.items[0].message, bad[_i].message)),
		"%s: %zu: %s: %s", bad[_i].claim, problems.count, problems.items[0].path,
		problems.items[0].message);
}
END_TEST

static const struct {
	int32_t instances;
	double factor;
	int32_t want; /* -1: refused */
} scalings[] = {
	{ 2, 2, 4 }, { 1, 0.5, 1 },   { 3, 0.5, 2 },	     { 3, 0, 0 },	{ 0, 7, 0 },
	{ 5, 1, 5 }, { 10, 0.31, 4 }, { 1, 100000, 100000 }, { 2, 100000, -1 }, { 1, 1e300, -1 },
};

START_TEST(instances_are_rounded_up)
{
	autoptr(app) app = good_app("{"
				    "\"id\":\"/a\",\"cmd\":\"sleep 1\"}");
	struct error error = { 0 };
	int32_t got = -1;

	app->instances = scalings[_i].instances;
	ck_assert_int_eq(group_scale_instances(app, scalings[_i].factor, &got, &error),
			 scalings[_i].want >= 0);
	ck_assert_int_eq(got, scalings[_i].want);
}
END_TEST

static const struct {
	bool apps, groups;
	const char *want;
} writings[] = {
	{ false, false,
	  "{\"id\":\"/g\",\"apps\":[],\"pods\":[],\"groups\":[],\"dependencies\":[\"/x\"],"
	  "\"version\":\"2024-05-01T10:00:04.990Z\"}" },
	{ false, true,
	  "{\"id\":\"/g\",\"apps\":[],\"pods\":[],\"groups\":[{\"id\":\"/g/h\",\"apps\":[],"
	  "\"pods\":[],\"groups\":[],\"dependencies\":[],\"version\":\"1970-01-01T00:00:00.000Z\"}"
	  "],\"dependencies\":[\"/x\"],\"version\":\"2024-05-01T10:00:04.990Z\"}" },
};

START_TEST(written_as_group_info)
{
	struct group_request request;
	struct problems problems;
	struct text text = TEXT_INIT(65536);
	struct json_writer writer = JSON_WRITER(&text);
	autoptr(json_object) document = NULL;

	ck_assert(read_request("/g",
			       "{\"apps\":[" A "],\"groups\":[{\"id\":\"h\"}],"
			       "\"dependencies\":[\"/x\"]}",
			       &request, &problems));
	request.group->version_ms = 1714557604990;
	group_write(&writer, request.group,
		    &(struct group_write_options){ .apps = writings[_i].apps,
						   .groups = writings[_i].groups });
	document = document_of(text_string(&text));
	assert_document("group", document, writings[_i].want);
	text_clear(&text);
	group_request_clear(&request);
}
END_TEST

START_TEST(heads_are_copied_without_their_content)
{
	struct group_request request;
	struct problems problems;
	struct group *head;

	ck_assert(read_request("/g", "{\"apps\":[" A "],\"dependencies\":[\"/x\"]}", &request,
			       &problems));
	head = group_copy_head(request.group);
	ck_assert_str_eq(head->id, "/g");
	ck_assert_uint_eq(head->app_count, 0);
	ck_assert(group_same_dependencies(head, request.group));
	ck_assert(group_add_dependency(head, "/y"));
	ck_assert(!group_same_dependencies(head, request.group));
	group_unref(head);
	group_request_clear(&request);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("group");
	TCase *tcase = tcase_create("group");

	tcase_add_loop_test(tcase, good_documents, 0, ROWS(good));
	tcase_add_loop_test(tcase, what_stands_alone, 0, ROWS(others));
	tcase_add_loop_test(tcase, bad_documents, 0, ROWS(bad));
	tcase_add_loop_test(tcase, instances_are_rounded_up, 0, ROWS(scalings));
	tcase_add_loop_test(tcase, written_as_group_info, 0, ROWS(writings));
	tcase_add_test(tcase, heads_are_copied_without_their_content);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
