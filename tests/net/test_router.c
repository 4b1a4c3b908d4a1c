#include "stadion/net/router.h"

#include <check.h>
#include <string.h>

#include "stadion/base/language.h"

static const struct route routes[] = {
	{ "GET", "/", NULL },
	{ "GET", "/v2/apps", NULL },
	{ "POST", "/v2/apps", NULL },
	{ "GET", "/v2/apps/{id}/versions/{version}", NULL },
	{ "GET", "/v2/apps/{id}/versions", NULL },
	{ "DELETE", "/v2/apps/{id}/tasks/{task}", NULL },
	{ "GET", "/v2/apps/{id}", NULL },
	{ "PUT", "/v2/apps/{id}", NULL },
	{ "GET", "/v2/hosts/{host}/tasks/{task}", NULL },
};

static const struct {
	const char *method, *path;
	int want;
	const char *first, *second, *allow;
} rows[] = {
	{ "GET", "/", 0, NULL, NULL, "" },
	{ "GET", "", 0, NULL, NULL, "" },
	{ "GET", "///", 0, NULL, NULL, "" },
	{ "GET", "/v2/apps", 1, NULL, NULL, "" },
	{ "GET", "//v2//apps//", 1, NULL, NULL, "" },
	{ "HEAD", "/v2/apps", 1, NULL, NULL, "" },
	{ "POST", "/v2/apps/", 2, NULL, NULL, "" },
	{ "GET", "/v2/apps/a", 6, "a", NULL, "" },
	{ "GET", "/v2/apps//a/b//c/", 6, "a/b/c", NULL, "" },
	{ "PUT", "/v2/apps/a/b", 7, "a/b", NULL, "" },
	{ "GET", "/v2/apps/a/b/versions", 4, "a/b", NULL, "" },
	{ "GET", "/v2/apps/a/b/versions/2024", 3, "a/b", "2024", "" },
	{ "GET", "/v2/apps/versions/versions/versions", 3, "versions", "versions", "" },
	{ "GET", "/v2/apps/a/versions/1/2", 6, "a/versions/1/2", NULL, "" },
	{ "GET", "/v2/apps/versions", 6, "versions", NULL, "" },
	{ "DELETE", "/v2/apps/a/tasks/t1", 5, "a", "t1", "" },
	{ "GET", "/v2/hosts/h/tasks/t", 8, "h", "t", "" },
	{ "GET", "/v2/hosts/h/x/tasks/t", -1, NULL, NULL, "" },
	{ "GET", "/v2/app", -1, NULL, NULL, "" },
	{ "GET", "/v2/appsx", -1, NULL, NULL, "" },
	{ "GET", "/v2", -1, NULL, NULL, "" },
	{ "PATCH", "/v2/apps", -2, NULL, NULL, "GET, HEAD, POST, OPTIONS" },
	{ "OPTIONS", "/v2/apps/x", -2, NULL, NULL, "GET, HEAD, PUT, OPTIONS" },
	{ "DELETE", "/v2/apps/x/versions", -2, NULL, NULL, "GET, HEAD, PUT, OPTIONS" },
};

START_TEST(paths_find_their_row)
{
	char scratch[ROUTE_PATH_MAX], allow[64];
	struct route_match match = { 0 };
	int got = router_find(routes, ROWS(routes), rows[_i].method, rows[_i].path, scratch, &match,
			      allow, sizeof(allow));

	ck_assert_msg(got == rows[_i].want, "%s: %d", rows[_i].path, got);
	ck_assert_pstr_eq(match.params[0], rows[_i].first);
	ck_assert_pstr_eq(match.params[1], rows[_i].second);
	ck_assert_str_eq(allow, rows[_i].allow);
}
END_TEST

START_TEST(a_path_too_long_is_nowhere)
{
	char path[ROUTE_PATH_MAX + 100], scratch[ROUTE_PATH_MAX], allow[64];
	struct route_match match = { 0 };

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	memcpy(path, "/v2/apps/", 9);
	ck_assert_int_eq(router_find(routes, ROWS(routes), "GET", path, scratch, &match, allow,
				     sizeof(allow)),
			 -1);
	path[ROUTE_PATH_MAX - 1] = '\0';
	ck_assert_int_eq(router_find(routes, ROWS(routes), "GET", path, scratch, &match, allow,
				     sizeof(allow)),
			 6);
	ck_assert_uint_eq(strlen(match.params[0]), ROUTE_PATH_MAX - 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("router");
	TCase *tcase = tcase_create("router");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, paths_find_their_row, 0, ROWS(rows));
	tcase_add_test(tcase, a_path_too_long_is_nowhere);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
