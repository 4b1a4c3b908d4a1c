#include "stadion/model/app_shape.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/model/app_read.h"
#include "stadion/model/app_write.h"

static const struct row {
	const char *document;
	const char *want; /* the paths, joined by blanks */
} rows[] = {
	{ "{\"id\":\"a\",\"cmd\":\"x\"}", "" },
	{ "{\"id\":\"a\",\"instancs\":2}", "/instancs" },
	{ "{\"a\":1,\"b\":null}", "/a /b" },
	{ "{\"env\":{\"ANY\":\"x\"},\"labels\":{\"any\":\"x\"}}", "" },
	{ "{\"container\":{\"dockr\":{}}}", "/container/dockr" },
	{ "{\"container\":{\"docker\":{\"image\":\"x\",\"imge\":\"x\",\"network\":\"BRIDGE\"}}}",
	  "/container/docker/imge" },
	{ "{\"container\":{\"portMappings\":[{\"containerPort\":1},{\"contanerPort\":1}]}}",
	  "/container/portMappings(1)/contanerPort" },
	{ "{\"container\":{\"docker\":{\"portMappings\":[{\"x\":1}]}}}",
	  "/container/docker/portMappings(0)/x" },
	{ "{\"networks\":[{\"mode\":\"host\",\"nam\":1}]}", "/networks(0)/nam" },
	{ "{\"portDefinitions\":[{\"port\":0,\"prot\":1}]}", "/portDefinitions(0)/prot" },
	{ "{\"healthChecks\":[{\"pathh\":\"/\",\"command\":{\"valu\":1}}]}",
	  "/healthChecks(0)/pathh /healthChecks(0)/command/valu" },
	{ "{\"upgradeStrategy\":{\"minimumHealth\":1}}", "/upgradeStrategy/minimumHealth" },
	{ "{\"unreachableStrategy\":\"disabled\"}", "" },
	{ "{\"unreachableStrategy\":{\"x\":1}}", "/unreachableStrategy/x" },
	{ "{\"ports\":[0],\"uris\":[],\"fetch\":[{\"uri\":\"x\"}],\"version\":\"x\"}", "" },
	{ "{\"tasks\":[],\"tasksRunning\":1,\"versionInfo\":{},\"deployments\":[]}", "" },
	{ "{\"container\":[],\"networks\":{},\"healthChecks\":[1]}", "" },
	{ "[]", "" },
};

START_TEST(unknown_members_are_named)
{
	struct error error = { 0 };
	autoptr(json_object) document =
		json_parse(rows[_i].document, strlen(rows[_i].document), &error);
	struct unknown_fields unknown;
	struct text got = TEXT_INIT(4096);

	ck_assert_msg(document, "%s", error.text);
	app_unknown_fields(document, &unknown);
	for (size_t i = 0; i < unknown.count; i++)
		text_addf(&got, "%s%s", i > 0 ? " " : "", unknown.paths[i]);
	ck_assert_str_eq(text_string(&got), rows[_i].want);
	text_clear(&got);
}
END_TEST

START_TEST(unknown_members_are_bounded)
{
	struct text text = TEXT_INIT(1 << 20);
	struct unknown_fields unknown;
	autoptr(json_object) document = NULL;

	text_add(&text, "{");
	for (int i = 0; i < 1000; i++)
		text_addf(&text, "%s\"%0200d\":1", i > 0 ? "," : "", i);
	text_add(&text, "}");
	document = json_parse(text_string(&text), text.len, NULL);
	app_unknown_fields(document, &unknown);
	ck_assert_uint_eq(unknown.count, 1000);
	ck_assert_uint_eq(strlen(unknown.paths[UNKNOWN_FIELDS_MAX - 1]),
			  sizeof(unknown.paths[0]) - 1);
	text_clear(&text);
}
END_TEST

/* Every member of `shown` has a property of that name in `schema`, and so all the way down. */
static void check_described(struct json_object *shown, struct json_object *schema, const char *path)
{
	struct json_object *properties = json_object_member(schema, "properties");

	json_object_object_foreach(shown, name, value)
	{
		struct json_object *property = json_object_member(properties, name);
		char where[256];

		snprintf(where, sizeof(where), "%.120s/%.100s", path, name);
		ck_assert_msg(property, "the schema lacks %s", where);
		if (json_object_is_type(value, json_type_array)) {
			property = json_object_member(property, "items");
			value = json_object_array_get_idx(value, 0);
		}
		if (json_object_is_type(value, json_type_object) &&
		    json_object_member(property, "properties"))
			check_described(value, property, where);
	}
}

/* With all that a definition can have. */
#define BRIDGE                                                                               \
	"{\"id\":\"/a\",\"args\":[\"x\"],\"user\":\"u\",\"env\":{\"A\":\"b\"},"              \
	"\"constraints\":[[\"hostname\",\"UNIQUE\"]],\"dependencies\":[\"/b\"],"             \
	"\"acceptedResourceRoles\":[\"*\"],\"taskKillGracePeriodSeconds\":3,"                \
	"\"networks\":[{\"mode\":\"container\",\"name\":\"blue\"}],\"container\":{\"type\":" \
	"\"DOCKER\",\"docker\":{\"image\":\"i\"},\"portMappings\":[{\"containerPort\":80,"   \
	"\"hostPort\":0,\"name\":\"http\"}]},\"healthChecks\":[{\"protocol\":\"HTTP\","      \
	"\"path\":\"/\",\"port\":80}]}"
#define HOST                                                                               \
	"{\"id\":\"/a\",\"cmd\":\"x\",\"portDefinitions\":[{\"port\":0,\"name\":\"http\"," \
	"\"labels\":{\"a\":\"b\"}}],\"healthChecks\":[{\"protocol\":\"COMMAND\","          \
	"\"command\":{\"value\":\"true\"}}]}"

START_TEST(the_schema_has_all_that_is_written)
{
	static const char *const documents[] = { BRIDGE, HOST };
	const struct app_read_options options = { 0 };
	struct problems problems = { 0 };
	autoptr(json_object) document = json_parse(documents[_i], strlen(documents[_i]), NULL);
	autoptr(app) app = app_read(document, &options, &problems);
	struct text schema_text = TEXT_INIT(1 << 20), shown_text = TEXT_INIT(1 << 20);
	struct json_writer schema_writer = JSON_WRITER(&schema_text);
	struct json_writer shown_writer = JSON_WRITER(&shown_text);
	autoptr(json_object) schema = NULL;
	autoptr(json_object) shown = NULL;

	ck_assert_msg(app, "%s: %s", problems.items[0].path, problems.items[0].message);
	app_schema_write(&schema_writer);
	json_object_begin(&shown_writer);
	app_write_members(&shown_writer, app);
	json_object_end(&shown_writer);
	schema = json_parse(text_string(&schema_text), schema_text.len, NULL);
	shown = json_parse(text_string(&shown_text), shown_text.len, NULL);
	ck_assert_ptr_nonnull(schema);
	ck_assert_ptr_nonnull(shown);
	json_object_object_del(shown, "version");
	json_object_object_del(shown, "versionInfo");
	check_described(shown, schema, "");
	text_clear(&schema_text);
	text_clear(&shown_text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("app_shape");
	TCase *tcase = tcase_create("app_shape");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, unknown_members_are_named, 0, ROWS(rows));
	tcase_add_test(tcase, unknown_members_are_bounded);
	tcase_add_loop_test(tcase, the_schema_has_all_that_is_written, 0, 2);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
