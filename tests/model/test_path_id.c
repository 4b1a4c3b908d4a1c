/* Ids of apps and groups, and the ids of tasks made of them. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/model/path_id.h"
#include "stadion/model/task.h"

static const struct {
	const char *text, *base, *want; /* NULL: refused */
} rows[] = {
	{ "foo", "/", "/foo" },
	{ "foo", NULL, "/foo" },
	{ "/g//a/", "/", "/g/a" },
	{ "app", "/g", "/g/app" },
	{ "../x", "/g", "/x" },
	{ "./x", "/g", "/g/x" },
	{ "/g/app", "/other", "/g/app" },
	{ "../../../x", "/g", "/x" },
	{ "/", "/", "/" },
	{ "a.b-c.1", "/", "/a.b-c.1" },
	{ "", "/", NULL },
	{ "A", "/", NULL },
	{ "a b", "/", NULL },
	{ "a_b", "/", NULL },
	{ "-a", "/", NULL },
	{ "a-", "/", NULL },
	{ "a-.b", "/", NULL },
	{ "a..b", "/", NULL },
	{ "...", "/", NULL },
	{ ".a", "/", NULL },
	{ "\xc3\xa9", "/", NULL },
};

START_TEST(ids_resolve)
{
	char out[PATH_ID_MAX];
	struct error error = { 0 };
	bool good = path_id_resolve(rows[_i].text, rows[_i].base, out, &error);

	ck_assert_msg(good == (rows[_i].want != NULL), "%s: %s", rows[_i].text, error.text);
	if (good)
		ck_assert_str_eq(out, rows[_i].want);
	else
		ck_assert_int_eq(error.kind, ERROR_INVALID);
}
END_TEST

START_TEST(long_ids_are_refused)
{
	char text[PATH_ID_MAX + 1], out[PATH_ID_MAX];
	struct error error = { 0 };

	memset(text, 'a', sizeof(text));
	text[PATH_ID_MAX - 2] = '\0';
	ck_assert(path_id_resolve(text, "/", out, &error));
	text[PATH_ID_MAX - 2] = 'a';
	text[PATH_ID_MAX - 1] = '\0';
	ck_assert(!path_id_resolve(text, "/", out, &error));
}
END_TEST

START_TEST(apps_are_told_from_groups)
{
	struct error error = { 0 };

	ck_assert(path_id_is_app("/a", &error));
	ck_assert(path_id_is_app("/tasks/a", &error));
	ck_assert(!path_id_is_app("/", &error));
	ck_assert(!path_id_is_app("/a/restart", &error));
	ck_assert(!path_id_is_app("/a/versions", &error));
	ck_assert(path_id_within("/g/a", "/g") && path_id_within("/g", "/g"));
	ck_assert(path_id_within("/g", "/") && !path_id_within("/ga", "/g"));
}
END_TEST

START_TEST(task_ids_hold_their_instance)
{
	char *id = task_id_new("/g/a");
	char instance[128];

	ck_assert(strncmp(id, "g_a.instance-", 13) == 0);
	ck_assert(task_id_valid(id));
	ck_assert(task_id_instance(id, instance, sizeof(instance)));
	ck_assert_uint_eq(strlen(instance), strlen(id) - strlen("._app.1"));
	ck_assert(!task_id_instance(id, instance, 10));
	free(id);
}
END_TEST

static const struct {
	const char *id;
	bool valid;
} task_ids[] = {
	{ "a.instance-0f1e2d3c-0000-11ef-8000-0242ac110002._app.1", true },
	{ "x.instance-y.instance-0f1e2d3c-0000-11ef-8000-0242ac110002._app.12", true },
	{ "", false },
	{ "a", false },
	{ ".instance-0f1e2d3c-0000-11ef-8000-0242ac110002._app.1", false },
	{ "../a.instance-0f1e2d3c-0000-11ef-8000-0242ac110002._app.1", false },
	{ "a/b.instance-0f1e2d3c-0000-11ef-8000-0242ac110002._app.1", false },
	{ "a.instance-0f1e2d3c-0000-11ef-8000-0242ac11000._app.1", false },
	{ "a.instance-0f1e2d3c-0000-11ef-8000-0242ac110002._app.", false },
	{ "a.instance-0f1e2d3c-0000-11ef-8000-0242ac110002._app.1x", false },
	{ "a.instance-0f1e2d3c-0000-11ef-8000-0242ac110002", false },
};

START_TEST(task_ids_have_one_form)
{
	ck_assert_msg(task_id_valid(task_ids[_i].id) == task_ids[_i].valid, "%s", task_ids[_i].id);
}
END_TEST

START_TEST(states_have_names)
{
	for (int i = TASK_STAGING; i <= TASK_UNREACHABLE; i++) {
		enum task_state state;

		ck_assert(task_state_parse(task_state_name((enum task_state)i), &state));
		ck_assert_int_eq(state, i);
		ck_assert_int_eq(task_state_terminal(state),
				 i >= TASK_FINISHED && i != TASK_UNREACHABLE);
	}
}
END_TEST

static const struct {
	struct check_result checks[2];
	size_t count;
	enum task_health want;
} healths[] = {
	{ { { 0 } }, 0, TASK_HEALTH_NONE },
	{ { { .known = false } }, 1, TASK_HEALTH_UNKNOWN },
	{ { { .known = true, .alive = true }, { .known = false } }, 2, TASK_HEALTH_UNKNOWN },
	{ { { .known = true }, { .known = false } }, 2, TASK_HEALTH_UNKNOWN },
	{ { { .known = true }, { .known = true, .alive = true } }, 2, TASK_UNHEALTHY },
	{ { { .known = true, .alive = true }, { .known = true, .alive = true } }, 2, TASK_HEALTHY },
};

START_TEST(health_is_of_all_checks)
{
	struct task_status status = { .check_count = healths[_i].count };
	struct check_result checks[2] = { healths[_i].checks[0], healths[_i].checks[1] };

	status.checks = checks;
	ck_assert_int_eq(task_health(&status), healths[_i].want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("path_id");
	TCase *tcase = tcase_create("path_id");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, ids_resolve, 0, ROWS(rows));
	tcase_add_test(tcase, long_ids_are_refused);
	tcase_add_test(tcase, apps_are_told_from_groups);
	tcase_add_test(tcase, task_ids_hold_their_instance);
	tcase_add_loop_test(tcase, task_ids_have_one_form, 0, ROWS(task_ids));
	tcase_add_test(tcase, states_have_names);
	tcase_add_loop_test(tcase, health_is_of_all_checks, 0, ROWS(healths));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
