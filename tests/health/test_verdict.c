#include "stadion/health/verdict.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"

#define NOW 1000000

static const struct verdict_policy three = { .grace_ms = 10000, .max_failures = 3 };
static const struct verdict_policy never = { .grace_ms = 10000, .max_failures = 0 };
static const struct verdict_policy once = { .grace_ms = 0, .max_failures = 1 };

static const struct row {
	const char *claim;
	const struct verdict_policy *policy;
	struct check_result last;
	uint64_t age_ms;
	enum probe_result result;
	struct verdict want; /* causes aside */
} rows[] = {
	{ "grace hides a failure and leaves no record",
	  &three,
	  { 0 },
	  9999,
	  PROBE_FAILED,
	  { .kill = false } },
	{ "grace ends",
	  &three,
	  { 0 },
	  10000,
	  PROBE_FAILED,
	  { { true, false, 1, 0, 0, NOW, { 0 } }, true, true, false } },
	{ "the first success is known at once, in grace too",
	  &three,
	  { 0 },
	  1,
	  PROBE_PASSED,
	  { { true, true, 0, NOW, NOW, 0, { 0 } }, true, false, false } },
	{ "after a success grace forgives nothing",
	  &three,
	  { true, true, 0, 5, 5, 0, { 0 } },
	  20,
	  PROBE_FAILED,
	  { { true, false, 1, 5, 5, NOW, { 0 } }, true, true, false } },
	{ "two of three do not kill",
	  &three,
	  { true, false, 1, 0, 0, 7, { 0 } },
	  60000,
	  PROBE_FAILED,
	  { { true, false, 2, 0, 0, NOW, { 0 } }, false, true, false } },
	{ "exactly three kill",
	  &three,
	  { true, false, 2, 0, 0, 7, { 0 } },
	  60000,
	  PROBE_FAILED,
	  { { true, false, 3, 0, 0, NOW, { 0 } }, false, true, true } },
	{ "what was to be killed is still to be killed",
	  &three,
	  { true, false, 3, 0, 0, 7, { 0 } },
	  60000,
	  PROBE_FAILED,
	  { { true, false, 4, 0, 0, NOW, { 0 } }, false, true, true } },
	{ "one success heals",
	  &three,
	  { true, false, 2, 5, 6, 7, { 0 } },
	  60000,
	  PROBE_PASSED,
	  { { true, true, 0, 5, NOW, 7, { 0 } }, true, false, false } },
	{ "success after success flips nothing",
	  &three,
	  { true, true, 0, 5, 6, 0, { 0 } },
	  60000,
	  PROBE_PASSED,
	  { { true, true, 0, 5, NOW, 0, { 0 } }, false, false, false } },
	{ "a maximum of 0 never kills",
	  &never,
	  { true, false, 1000, 0, 0, 7, { 0 } },
	  60000,
	  PROBE_FAILED,
	  { { true, false, 1001, 0, 0, NOW, { 0 } }, false, true, false } },
	{ "a maximum of 1 and no grace kill at the first",
	  &once,
	  { 0 },
	  0,
	  PROBE_FAILED,
	  { { true, false, 1, 0, 0, NOW, { 0 } }, true, true, true } },
	{ "undecided changes nothing",
	  &three,
	  { true, false, 2, 5, 6, 7, { 0 } },
	  60000,
	  PROBE_UNDECIDED,
	  { { true, false, 2, 5, 6, 7, { 0 } }, false, false, false } },
	{ "a count at its end does not wrap",
	  &never,
	  { true, false, INT32_MAX, 0, 0, 7, { 0 } },
	  60000,
	  PROBE_FAILED,
	  { { true, false, INT32_MAX, 0, 0, NOW, { 0 } }, false, true, false } },
};

START_TEST(verdict_follows_the_table)
{
	const struct row *row = &rows[_i];
	const struct probe_outcome outcome = { .result = row->result, .cause = "why" };
	struct verdict got = verdict_next(&row->last, row->policy, row->age_ms, &outcome, NOW);
	const struct check_result *a = &got.result, *b = &row->want.result;

	ck_assert_msg(a->known == b->known && a->alive == b->alive &&
			      a->consecutive_failures == b->consecutive_failures,
		      "%s: known %d alive %d failures %d", row->claim, a->known, a->alive,
		      a->consecutive_failures);
	ck_assert_msg(a->first_success_ms == b->first_success_ms &&
			      a->last_success_ms == b->last_success_ms &&
			      a->last_failure_ms == b->last_failure_ms,
		      "%s: other times", row->claim);
	ck_assert_msg(got.flipped == row->want.flipped && got.counted == row->want.counted &&
			      got.kill == row->want.kill,
		      "%s: flipped %d counted %d kill %d", row->claim, got.flipped, got.counted,
		      got.kill);
	ck_assert_str_eq(a->cause, got.counted ? "why" : "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tcase = tcase_create("table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, verdict_follows_the_table, 0, (int)ROWS(rows));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
