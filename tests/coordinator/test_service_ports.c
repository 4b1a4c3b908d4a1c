#include "service_ports.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Numbers in a row end with -1. The range is 10000 to 10003. */
static const struct row {
	const char *claim;
	int32_t app[5], old[5], others[5], want[5]; /* want[0] == -2: refused */
} rows[] = {
	{ "the lowest free is taken", { 0, -1 }, { -1 }, { 10000, -1 }, { 10001, -1 } },
	{ "the own earlier one comes first",
	  { 0, -1 },
	  { 10002, -1 },
	  { 10002, -1 },
	  { 10002, -1 } },
	{ "an earlier one outside the range is not reused",
	  { 0, -1 },
	  { 80, -1 },
	  { -1 },
	  { 10000, -1 } },
	{ "earlier ones keep their order",
	  { 0, 0, -1 },
	  { 10003, 10001, -1 },
	  { -1 },
	  { 10003, 10001, -1 } },
	{ "one that is named is not given twice",
	  { 10003, 0, -1 },
	  { 10003, -1 },
	  { -1 },
	  { 10003, 10000, -1 } },
	{ "explicit numbers stay as they are",
	  { 80, 10001, -1 },
	  { -1 },
	  { 80, -1 },
	  { 80, 10001, -1 } },
	{ "two open ones differ", { 0, 0, -1 }, { -1 }, { -1 }, { 10000, 10001, -1 } },
	{ "a full range refuses", { 0, -1 }, { -1 }, { 10000, 10001, 10002, 10003, -1 }, { -2 } },
};

static struct app *app_with(const int32_t *ports)
{
	struct app *app = app_new();

	ck_assert_ptr_nonnull(app);
	app->id = strdup("/a");
	app->ports = calloc(5, sizeof(*app->ports));
	while (ports[app->port_count] >= 0) {
		app->ports[app->port_count].service_port = ports[app->port_count];
		app->port_count++;
	}
	return app;
}

START_TEST(service_ports_follow_the_table)
{
	const struct row *row = &rows[_i];
	struct app *app = app_with(row->app), *old = app_with(row->old);
	struct app *others = app_with(row->others);
	struct port_set *used = calloc(1, sizeof(*used));
	struct error error;
	bool assigned;

	service_ports_collect(app, used);
	service_ports_collect(others, used);
	assigned = service_ports_assign(app, old, 10000, 10003, used, &error);
	ck_assert_msg(assigned == (row->want[0] != -2), "%s", row->claim);
	if (!assigned)
		ck_assert_int_eq(error.kind, ERROR_INVALID);
	for (size_t i = 0; assigned && i < app->port_count; i++)
		ck_assert_msg(app->ports[i].service_port == row->want[i], "%s: %d", row->claim,
			      app->ports[i].service_port);
	free(used);
	app_unref(app);
	app_unref(old);
	app_unref(others);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_ports");
	TCase *tcase = tcase_create("service_ports");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, service_ports_follow_the_table, 0, ROWS(rows));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
