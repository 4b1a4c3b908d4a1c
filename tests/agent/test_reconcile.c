#include "reconcile.h"

#include <check.h>
#include <stdlib.h>

#include "stadion/base/language.h"

static const struct row {
	const char *claim;
	bool is_known, is_wanted;
	struct reconcile_known known;
	struct reconcile_wanted wanted;
	enum reconcile_action want;
} rows[] = {
	{ "new: start it", false, true, { 0 }, { .surveyed = true }, RECONCILE_START },
	{ "new, but what runs here is not known yet: wait",
	  false,
	  true,
	  { 0 },
	  { 0 },
	  RECONCILE_KEEP },
	{ "it ran and nothing is left: never again",
	  false,
	  true,
	  { 0 },
	  { .seen = 1, .surveyed = true },
	  RECONCILE_LOST },
	{ "it ran, and may be found yet: wait", false, true, { 0 }, { .seen = 1 }, RECONCILE_KEEP },
	{ "runs and is wanted",
	  true,
	  true,
	  { .defined = true },
	  { .seen = 3, .surveyed = true },
	  RECONCILE_KEEP },
	{ "ended and still in the list: an ended id does not start",
	  true,
	  true,
	  { .terminal = true, .defined = true },
	  { .seen = 3, .surveyed = true },
	  RECONCILE_KEEP },
	{ "ended, acknowledged and still in the list",
	  true,
	  true,
	  { .terminal = true, .acked = true, .defined = true },
	  { .seen = 4, .surveyed = true },
	  RECONCILE_KEEP },
	{ "an intent without anything of it goes on",
	  true,
	  true,
	  { .waiting = true, .defined = true },
	  { .seen = 1, .surveyed = true },
	  RECONCILE_RESUME },
	{ "a found one gets its app",
	  true,
	  true,
	  { 0 },
	  { .seen = 9, .surveyed = true },
	  RECONCILE_DEFINE },
	{ "a found one that has ended needs no app",
	  true,
	  true,
	  { .terminal = true },
	  { .seen = 9, .surveyed = true },
	  RECONCILE_KEEP },
	{ "runs and is not wanted: stop", true, false, { .defined = true }, { 0 }, RECONCILE_STOP },
	{ "a found one is not wanted: stop", true, false, { 0 }, { 0 }, RECONCILE_STOP },
	{ "an intent is not wanted any more: stop",
	  true,
	  false,
	  { .waiting = true, .defined = true },
	  { 0 },
	  RECONCILE_STOP },
	{ "ended, and nobody has heard it: keep",
	  true,
	  false,
	  { .terminal = true, .defined = true },
	  { 0 },
	  RECONCILE_KEEP },
	{ "ended, heard, not wanted: forget",
	  true,
	  false,
	  { .terminal = true, .acked = true, .defined = true },
	  { 0 },
	  RECONCILE_FORGET },
};

START_TEST(reconcile_follows_the_table)
{
	const struct row *row = &rows[_i];
	enum reconcile_action got = reconcile_task(row->is_known ? &row->known : NULL,
						   row->is_wanted ? &row->wanted : NULL);

	ck_assert_msg(got == row->want, "%s: got %d", row->claim, (int)got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reconcile");
	TCase *tcase = tcase_create("reconcile");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, reconcile_follows_the_table, 0, (int)ROWS(rows));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
