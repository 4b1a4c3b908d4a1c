#include "schedule.h"

#include <check.h>
#include <stdlib.h>

#include "stadion/base/language.h"

static const struct {
	const char *claim;
	int64_t grace_ms, interval_ms;
	bool known;
	uint64_t age_ms, want_ms;
} periods[] = {
	{ "fast within grace", 30000, 10000, false, 5000, 1000 },
	{ "the user's interval after it, so that a row of failures lasts", 30000, 10000, false,
	  30000, 10000 },
	{ "the user's interval once it was alive", 30000, 10000, true, 5000, 10000 },
	{ "an interval of nothing does not spin", 0, 0, true, 5000, 1000 },
};

START_TEST(period_follows_the_table)
{
	const struct health_check check = { .grace_ms = periods[_i].grace_ms,
					    .interval_ms = periods[_i].interval_ms };

	ck_assert_msg(probe_period_ms(&check, periods[_i].known, periods[_i].age_ms) ==
			      periods[_i].want_ms,
		      "%s", periods[_i].claim);
}
END_TEST

START_TEST(first_probe_is_early_only_where_failing_is_free)
{
	const struct health_check forgiving = { .grace_ms = 1, .interval_ms = 60000 };
	const struct health_check strict = { .grace_ms = 0, .interval_ms = 60000 };
	const struct health_check often = { .grace_ms = 0, .interval_ms = 2000 };

	ck_assert_uint_eq(probe_first_ms(&forgiving, false, false, 0, 7), PROBE_FIRST_MS);
	ck_assert_uint_eq(probe_first_ms(&strict, false, false, 0, 7), 5000);
	ck_assert_uint_eq(probe_first_ms(&often, false, false, 0, 7), 2000);
}
END_TEST

START_TEST(adopted_tasks_spread_over_one_interval)
{
	const struct health_check check = { .grace_ms = 1000, .interval_ms = 10000 };
	unsigned halves[2] = { 0 };

	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t at_ms = probe_first_ms(&check, true, true, 50000, i * 2654435761U);

		ck_assert_uint_lt(at_ms, 10000);
		halves[at_ms >= 5000]++;
	}
	ck_assert_uint_gt(halves[0], 400);
	ck_assert_uint_gt(halves[1], 400);
}
END_TEST

static const struct {
	const char *claim;
	struct probe_timing timing;
	bool lagged;
} timings[] = {
	{ "in time", { 1000, 1001, 2001, 1000, 2 }, false },
	{ "begun too late", { 1000, 9000, 9001, 1000, 2 }, true },
	{ "its end seen too late", { 1000, 1000, 9000, 1000, 2 }, true },
	{ "the loop was stopped", { 1000, 1000, 1500, 1000, 8000 }, true },
	{ "a little lateness is nothing", { 1000, 1200, 2600, 1000, 300 }, false },
};

START_TEST(lateness_follows_the_table)
{
	ck_assert_msg(probe_lagged(&timings[_i].timing) == timings[_i].lagged, "%s",
		      timings[_i].claim);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tcase = tcase_create("tables");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, period_follows_the_table, 0, (int)ROWS(periods));
	tcase_add_test(tcase, first_probe_is_early_only_where_failing_is_free);
	tcase_add_test(tcase, adopted_tasks_spread_over_one_interval);
	tcase_add_loop_test(tcase, lateness_follows_the_table, 0, (int)ROWS(timings));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
