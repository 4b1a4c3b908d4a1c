#include "task_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"

/* Whole lives, as rows of events; what must come out is the actions and the last phase. */
static const struct life {
	const char *claim;
	enum task_phase from;
	enum task_event events[8];
	size_t count;
	enum task_action actions[8];
	enum task_phase to;
} lives[] = {
	{ "runs and ends by itself",
	  PHASE_INTENDED,
	  { ON_COMMITTED, ON_PULLING, ON_PULLING, ON_STARTING, ON_RUNNING, ON_ENDED },
	  6,
	  { DO_LAUNCH, DO_TELL_PROGRESS, DO_TELL_PROGRESS, DO_TELL_STARTING, DO_RUN, DO_END },
	  PHASE_ENDED },
	{ "nothing is created before the intent is on disk",
	  PHASE_INTENDED,
	  { ON_KILL, ON_COMMITTED },
	  2,
	  { DO_CALL_OFF, DO_NOTHING },
	  PHASE_ENDED },
	{ "a port is taken: another one is committed before it is used",
	  PHASE_INTENDED,
	  { ON_COMMITTED, ON_PORT_TAKEN, ON_COMMITTED, ON_RUNNING },
	  4,
	  { DO_LAUNCH, DO_FIND_PORT, DO_LAUNCH, DO_RUN },
	  PHASE_RUNNING },
	{ "no other port either",
	  PHASE_INTENDED,
	  { ON_COMMITTED, ON_PORT_TAKEN, ON_FAILED },
	  3,
	  { DO_LAUNCH, DO_FIND_PORT, DO_FAIL },
	  PHASE_ENDED },
	{ "an image that is not there",
	  PHASE_INTENDED,
	  { ON_COMMITTED, ON_PULLING, ON_FAILED },
	  3,
	  { DO_LAUNCH, DO_TELL_PROGRESS, DO_FAIL },
	  PHASE_ENDED },
	{ "a kill is on disk before it is done, and is done once",
	  PHASE_RUNNING,
	  { ON_KILL, ON_KILL, ON_COMMITTED, ON_KILL, ON_ENDED },
	  5,
	  { DO_COMMIT_KILL, DO_NOTHING, DO_STOP, DO_NOTHING, DO_END },
	  PHASE_ENDED },
	{ "it dies while its kill is being written",
	  PHASE_RUNNING,
	  { ON_KILL, ON_ENDED, ON_COMMITTED },
	  3,
	  { DO_COMMIT_KILL, DO_END, DO_NOTHING },
	  PHASE_ENDED },
	{ "killed in mid-launch",
	  PHASE_LAUNCHING,
	  { ON_KILL, ON_STARTING, ON_COMMITTED, ON_ENDED },
	  4,
	  { DO_COMMIT_KILL, DO_NOTHING, DO_STOP, DO_END },
	  PHASE_ENDED },
	{ "killed in mid-launch, and the launch fails",
	  PHASE_LAUNCHING,
	  { ON_KILL, ON_FAILED, ON_COMMITTED },
	  3,
	  { DO_COMMIT_KILL, DO_CALL_OFF, DO_NOTHING },
	  PHASE_ENDED },
	{ "found again after a restart",
	  PHASE_RECALLED,
	  { ON_FOUND, ON_RUNNING, ON_ENDED },
	  3,
	  { DO_ADOPT, DO_RUN_ON, DO_END },
	  PHASE_ENDED },
	{ "found again, but over",
	  PHASE_RECALLED,
	  { ON_FOUND, ON_ENDED },
	  2,
	  { DO_ADOPT, DO_END },
	  PHASE_ENDED },
	{ "vanished during a restart",
	  PHASE_RECALLED,
	  { ON_MISSING },
	  1,
	  { DO_VANISH },
	  PHASE_ENDED },
	{ "nothing is stopped before the runtime has listed",
	  PHASE_RECALLED,
	  { ON_KILL },
	  1,
	  { DO_NOTHING },
	  PHASE_RECALLED },
	{ "an intent without a container waits to be wanted",
	  PHASE_RECALLED_INTENT,
	  { ON_MISSING, ON_WANTED, ON_RUNNING },
	  3,
	  { DO_NOTHING, DO_LAUNCH, DO_RUN },
	  PHASE_RUNNING },
	{ "an intent without a container is not wanted",
	  PHASE_RECALLED_INTENT,
	  { ON_MISSING, ON_KILL },
	  2,
	  { DO_NOTHING, DO_CALL_OFF },
	  PHASE_ENDED },
	{ "an intent with a container: the same start again",
	  PHASE_RECALLED_INTENT,
	  { ON_FOUND, ON_RUNNING },
	  2,
	  { DO_LAUNCH, DO_RUN },
	  PHASE_RUNNING },
	{ "a kill goes on after a restart",
	  PHASE_RECALLED_STOPPING,
	  { ON_FOUND, ON_RUNNING, ON_ENDED },
	  3,
	  { DO_ADOPT, DO_STOP, DO_END },
	  PHASE_ENDED },
	{ "a kill was done during a restart",
	  PHASE_RECALLED_STOPPING,
	  { ON_MISSING },
	  1,
	  { DO_CALL_OFF },
	  PHASE_ENDED },
	{ "an end is taken up for its container only",
	  PHASE_RECALLED_ENDED,
	  { ON_FOUND, ON_ENDED },
	  2,
	  { DO_ADOPT, DO_NOTHING },
	  PHASE_ENDED },
	{ "what was said to have ended must not run",
	  PHASE_RECALLED_ENDED,
	  { ON_FOUND, ON_RUNNING },
	  2,
	  { DO_ADOPT, DO_STOP },
	  PHASE_ENDED },
	{ "a stranger gets its app while it runs",
	  PHASE_ADOPTING,
	  { ON_RUNNING, ON_DEFINED, ON_RUNNING },
	  3,
	  { DO_RUN_ON, DO_ADOPT, DO_RUN_ON },
	  PHASE_RUNNING },
	{ "a stranger nobody wants",
	  PHASE_ADOPTING,
	  { ON_KILL, ON_COMMITTED, ON_RUNNING, ON_ENDED },
	  4,
	  { DO_COMMIT_KILL, DO_NOTHING, DO_STOP, DO_END },
	  PHASE_ENDED },
};

START_TEST(a_life_follows_the_table)
{
	const struct life *life = &lives[_i];
	enum task_phase phase = life->from;

	for (size_t i = 0; i < life->count; i++) {
		const struct task_move *move = task_machine_find(phase, life->events[i]);

		ck_assert_msg(move != NULL, "%s: %s in %s has no row", life->claim,
			      task_event_name(life->events[i]), task_phase_name(phase));
		ck_assert_msg(move->action == life->actions[i], "%s: action %d at event %zu",
			      life->claim, (int)move->action, i);
		phase = move->to;
	}
	ck_assert_msg(phase == life->to, "%s: ends %s", life->claim, task_phase_name(phase));
}
END_TEST

START_TEST(an_ended_task_never_launches_again)
{
	static const enum task_phase ended[] = { PHASE_ENDED, PHASE_RECALLED_ENDED };

	for (size_t i = 0; i < ROWS(ended); i++) {
		for (int event = ON_COMMITTED; event <= ON_MISSING; event++) {
			const struct task_move *move =
				task_machine_find(ended[i], (enum task_event)event);

			ck_assert(!move || (move->to == ended[i] || move->to == PHASE_ENDED));
			ck_assert(!move || move->action == DO_NOTHING || move->action == DO_STOP ||
				  move->action == DO_ADOPT);
		}
	}
}
END_TEST

START_TEST(what_nobody_thought_of_has_no_row)
{
	ck_assert_ptr_null(task_machine_find(PHASE_INTENDED, ON_RUNNING));
	ck_assert_ptr_null(task_machine_find(PHASE_RUNNING, ON_PORT_TAKEN));
	ck_assert_ptr_null(task_machine_find(PHASE_ENDED, ON_WANTED));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("task_machine");
	TCase *tcase = tcase_create("task_machine");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, a_life_follows_the_table, 0, (int)ROWS(lives));
	tcase_add_test(tcase, an_ended_task_never_launches_again);
	tcase_add_test(tcase, what_nobody_thought_of_has_no_row);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
