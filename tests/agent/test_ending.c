#include "ending.h"

#include <check.h>
#include <stdlib.h>

#include "stadion/base/language.h"

static const struct row {
	const char *claim;
	enum task_state state;
	struct runtime_report report;
	enum task_state want;
	const char *message;
} rows[] = {
	{ "0 is finished",
	  TASK_RUNNING,
	  { .exit_code = 0, .text = "" },
	  TASK_FINISHED,
	  "exited with status 0" },
	{ "another status is failed",
	  TASK_RUNNING,
	  { .exit_code = 3, .text = "x" },
	  TASK_FAILED,
	  "exited with status 3" },
	{ "a signal is named",
	  TASK_RUNNING,
	  { .exit_code = -1, .signal = 9, .text = "" },
	  TASK_FAILED,
	  "killed by signal 9 (SIGKILL), exit status 137" },
	{ "memory before signal",
	  TASK_RUNNING,
	  { .exit_code = -1, .signal = 9, .out_of_memory = true, .text = "" },
	  TASK_FAILED,
	  "out of memory" },
	{ "nobody saw it: the runtime's words",
	  TASK_RUNNING,
	  { .exit_code = -1, .text = "container was removed by somebody else" },
	  TASK_FAILED,
	  "container was removed by somebody else" },
	{ "an exit of 0 that was the host's fault is none",
	  TASK_RUNNING,
	  { .exit_code = 0, .infrastructure = true, .text = "" },
	  TASK_FAILED,
	  "exited with status 0" },
	{ "killed keeps its reason, whatever the exit",
	  TASK_KILLING,
	  { .exit_code = 0, .text = "" },
	  TASK_KILLED,
	  "why it was killed" },
};

START_TEST(ending_follows_the_table)
{
	const struct row *row = &rows[_i];
	struct task_status status = { .state = row->state, .message = "why it was killed" };

	ending_fill(&status, &row->report);
	ck_assert_msg(status.state == row->want, "%s: %s", row->claim,
		      task_state_name(status.state));
	ck_assert_str_eq(status.message, row->message);
	ck_assert_int_eq(status.exit_code, row->report.exit_code);
	ck_assert_int_eq(status.signal, row->report.signal);
	ck_assert(status.infrastructure == row->report.infrastructure);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ending");
	TCase *tcase = tcase_create("ending");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, ending_follows_the_table, 0, (int)ROWS(rows));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
