/* Marathon's delays: factor 1.15 from 1 s, capped at 300 s. */

#include <check.h>
#include <stdlib.h>

#include "stadion/base/language.h"
#include "stadion/schedule/backoff.h"

static const struct backoff_policy usual = { 1000, 300000, 1.15 };

static const struct {
	int failures;
	int64_t least_ms, most_ms;
} delays[] = {
	{ 1, 1000, 1000 },	{ 2, 1150, 1150 },	{ 3, 1320, 1325 },
	{ 5, 1745, 1755 },	{ 10, 3515, 3525 },	{ 20, 14150, 14300 },
	{ 30, 57400, 57800 },	{ 40, 232000, 234000 }, { 42, 300000, 300000 },
	{ 60, 300000, 300000 },
};

START_TEST(delays_grow_as_marathons)
{
	struct backoff backoff = { 0 };
	uint64_t now = 1000;

	for (int i = 0; i < delays[_i].failures; i++) {
		now = backoff.until_ms > now ? backoff.until_ms : now;
		backoff = backoff_after_end(backoff, &usual, 0, now);
	}
	ck_assert_int_ge(backoff.delay_ms, delays[_i].least_ms);
	ck_assert_int_le(backoff.delay_ms, delays[_i].most_ms);
	ck_assert_uint_eq(backoff_left_ms(backoff, now), (uint64_t)backoff.delay_ms);
	ck_assert_uint_eq(backoff_left_ms(backoff, now + (uint64_t)backoff.delay_ms), 0);
}
END_TEST

START_TEST(what_ran_well_is_replaced_at_once)
{
	struct backoff backoff = backoff_after_end((struct backoff){ 0 }, &usual, 9999, 5000);

	ck_assert_uint_eq(backoff_left_ms(backoff, 5000), 1000);
	backoff = backoff_after_end(backoff, &usual, BACKOFF_WELL_MS, 6000);
	ck_assert_uint_eq(backoff_left_ms(backoff, 6000), 0);
	ck_assert_int_eq(backoff.delay_ms, 0);
}
END_TEST

START_TEST(progress_spreads_launches_only_with_an_entry)
{
	struct backoff backoff = { 0 };

	ck_assert_uint_eq(backoff_left_ms(backoff_after_progress(backoff, 5000), 5000), 0);
	backoff = backoff_after_end(backoff, &usual, 0, 5000);
	ck_assert_uint_eq(backoff_left_ms(backoff_after_progress(backoff, 7000), 7000), 1000);
}
END_TEST

START_TEST(entries_expire)
{
	struct backoff backoff = backoff_after_end((struct backoff){ 0 }, &usual, 0, 5000);

	ck_assert_int_eq(backoff_expire(backoff, &usual, 305000).delay_ms, 1000);
	ck_assert_int_eq(backoff_expire(backoff, &usual, 305001).delay_ms, 0);
}
END_TEST

START_TEST(no_backoff_is_none)
{
	static const struct backoff_policy none = { 0, 300000, 1.15 };
	struct backoff backoff = { 0 };

	for (int i = 0; i < 5; i++)
		backoff = backoff_after_end(backoff, &none, 0, 1000);
	ck_assert_uint_eq(backoff_left_ms(backoff, 1000), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *tcase = tcase_create("backoff");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, delays_grow_as_marathons, 0, ROWS(delays));
	tcase_add_test(tcase, what_ran_well_is_replaced_at_once);
	tcase_add_test(tcase, progress_spreads_launches_only_with_an_entry);
	tcase_add_test(tcase, entries_expire);
	tcase_add_test(tcase, no_backoff_is_none);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
