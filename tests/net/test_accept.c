#include "stadion/net/accept.h"

#include <check.h>
#include <stdlib.h>

#include "stadion/base/language.h"

static const struct row {
	const char *header, *name;
	int weight;
} rows[] = {
	{ NULL, "application/json", 7 },
	{ "", "application/json", 0 },
	{ "application/json", "application/json", 1000 },
	{ "Application/JSON", "application/json", 1000 },
	{ "application/*", "application/json", 1000 },
	{ "*/*", "application/json", 1000 },
	{ "text/html, */*;q=0.8", "application/json", 800 },
	{ "application/json;charset=utf-8", "application/json", 1000 },
	{ "application/json; charset=utf-8; q=0.25", "application/json", 250 },
	{ "application/json;q=0", "application/json", 0 },
	{ "application/json;q=0, */*", "application/json", 0 },
	{ "*/*, application/json;q=0", "application/json", 0 },
	{ "text/plain", "application/json", 0 },
	{ "text/*", "text/plain", 1000 },
	{ "text/*;q=0.1,text/plain;q=0.3", "text/plain", 300 },
	{ "application/jsonx", "application/json", 0 },
	{ "application/jso", "application/json", 0 },
	{ "*", "application/json", 0 },
	{ " , ,text/plain", "text/plain", 1000 },
	{ "gzip", "gzip", 1000 },
	{ "deflate, gzip;q=0.5", "gzip", 500 },
	{ "*", "gzip", 1000 },
	{ "gzip;q=0.000", "gzip", 0 },
	{ "*;q=0", "gzip", 0 },
	{ "identity", "gzip", 0 },
	{ "gzip;q=1.0", "gzip", 1000 },
	{ "gzip;q=", "gzip", 1000 },
	{ "gzip;", "gzip", 1000 },
};

START_TEST(headers_have_weights)
{
	const struct row *row = &rows[_i];

	ck_assert_msg(accept_weight(row->header, row->name, 7) == row->weight, "%s of '%s': %d",
		      row->name, row->header ? row->header : "nothing",
		      accept_weight(row->header, row->name, 7));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("accept");
	TCase *tcase = tcase_create("accept");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, headers_have_weights, 0, ROWS(rows));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
