#include "stadion/net/child.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_until.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"

static struct loop *loop;
static struct child *child;
static struct child_end ended;
static char output[8192];
static int calls;

static void setup(void)
{
	loop = loop_new(NULL);
	ck_assert_ptr_nonnull(loop);
	child = NULL;
	calls = 0;
}

static void teardown(void)
{
	loop_free(loop);
}

static void on_done(const struct child_end *end, void *arg)
{
	(void)arg;
	ck_assert_ptr_null(child);
	ck_assert_uint_lt(end->output_len, sizeof(output));
	memcpy(output, end->output, end->output_len + 1);
	ended = *end;
	calls++;
}

static void run(struct child_call call)
{
	struct error error = { 0 };

	if (call.timeout_ms == 0)
		call.timeout_ms = 10000;
	ck_assert_msg(child_start(loop, &call, on_done, NULL, &child, &error), "%s", error.text);
	UNTIL(loop, calls);
	ck_assert_int_eq(calls, 1);
}

#define SHELL(script) ((const char *const[]){ "/bin/sh", "-c", (script), NULL })

static const struct {
	const char *script;
	int exit_code, signal;
	const char *output;
} scripts[] = {
	{ "exit 0", 0, 0, "" },
	{ "echo out; echo err >&2; exit 3", 3, 0, "out\nerr\n" },
	{ "kill -9 $$", -1, SIGKILL, "" },
	{ "cat", 0, 0, "" },			     /* stdin is empty */
	{ "ls /proc/self/fd | wc -l", 0, 0, "4\n" }, /* 0, 1, 2 and ls's own */
	{ "test $$ = $(cut -d' ' -f5 /proc/$$/stat) && echo own", 0, 0, "own\n" },
	{ "grep -E '^Sig(Ign|Blk)' /proc/$$/status | tr -d '\\t'", 0, 0,
	  "SigBlk:0000000000000000\nSigIgn:0000000000000000\n" },
	{ "sleep 3 & echo left", 0, 0, "left\n" }, /* holds the pipe, not the end */
};

START_TEST(children_end_with_code_and_output)
{
	run((struct child_call){ .argv = SHELL(scripts[_i].script) });
	ck_assert_str_eq(output, scripts[_i].output);
	ck_assert_int_eq(ended.exit_code, scripts[_i].exit_code);
	ck_assert_int_eq(ended.signal, scripts[_i].signal);
	ck_assert(!ended.timed_out);
}
END_TEST

/* A zombie has ended too: who reaps it is not our business. */
static bool has_ended(pid_t pid)
{
	char path[64], state = 'X';
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return true;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 'X';
	(void)fclose(file);
	return state == 'Z' || state == 'X';
}

START_TEST(the_deadline_kills_the_whole_group)
{
	pid_t grandchild;

	run((struct child_call){ .argv = SHELL("sleep 100 & echo $!; wait"), .timeout_ms = 100 });
	ck_assert(ended.timed_out);
	ck_assert_int_eq(ended.signal, SIGKILL);
	grandchild = (pid_t)strtol(output, NULL, 10);
	ck_assert_int_gt(grandchild, 1);
	UNTIL(loop, has_ended(grandchild));
}
END_TEST

START_TEST(output_beyond_the_maximum_is_read_and_dropped)
{
	run((struct child_call){ .argv = SHELL("head -c 300000 /dev/zero | tr '\\0' a"),
				 .output_max = 100 });
	ck_assert_int_eq(ended.exit_code, 0);
	ck_assert_uint_eq(ended.output_len, 100);
}
END_TEST

START_TEST(environment_and_directory_are_given)
{
	run((struct child_call){ .argv = SHELL("echo $A-$HOME; pwd"),
				 .environment = (const char *const[]){ "A=b", NULL },
				 .directory = "/proc" });
	ck_assert_str_eq(output, "b-\n/proc\n");
}
END_TEST

START_TEST(another_user_has_no_right_left)
{
	if (geteuid() != 0)
		return;
	run((struct child_call){ .argv = SHELL("grep -E '^(Uid|Gid|Groups)' /proc/self/status"),
				 .as_user = true,
				 .user = 65534,
				 .group = 65533 });
	ck_assert_str_eq(output, "Uid:\t65534\t65534\t65534\t65534\n"
				 "Gid:\t65533\t65533\t65533\t65533\nGroups:\t \n");
}
END_TEST

START_TEST(what_cannot_start_says_why)
{
	struct error error = { 0 };
	struct child_call call = { .argv = (const char *const[]){ "/no/such", NULL },
				   .timeout_ms = 1000 };

	ck_assert(!child_start(loop, &call, on_done, NULL, &child, &error));
	ck_assert_ptr_null(child);
	ck_assert_int_eq(error.kind, ERROR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(error.text, "/no/such"));
	call.timeout_ms = 0;
	ck_assert(!child_start(loop, &call, on_done, NULL, &child, &error));
	ck_assert_int_eq(error.kind, ERROR_INVALID);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
}
END_TEST

START_TEST(cancelling_is_silent_and_leaves_no_zombie)
{
	struct child_call call = { .argv = SHELL("sleep 100"), .timeout_ms = 100000 };

	ck_assert(child_start(loop, &call, on_done, NULL, &child, NULL));
	child_cancel(&child);
	ck_assert_ptr_null(child);
	child_cancel(&child);
	UNTIL(loop, waitpid(-1, NULL, WNOHANG | WNOWAIT) < 0);
	ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(freeing_the_loop_ends_its_children)
{
	struct child_call call = { .argv = SHELL("sleep 100"), .timeout_ms = 100000 };

	ck_assert(child_start(loop, &call, on_done, NULL, &child, NULL));
	loop_free(loop);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	loop = NULL;
}
END_TEST

START_TEST(strangers_children_are_not_reaped)
{
	pid_t stranger = fork();
	siginfo_t info = { 0 };

	ck_assert_int_ge(stranger, 0);
	if (stranger == 0)
		_exit(7);
	run((struct child_call){ .argv = SHELL("exit 1") });
	ck_assert_int_eq(waitid(P_PID, (id_t)stranger, &info, WEXITED), 0);
	ck_assert_int_eq(info.si_status, 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("child");
	TCase *tcase = tcase_create("child");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, children_end_with_code_and_output, 0, ROWS(scripts));
	tcase_add_test(tcase, the_deadline_kills_the_whole_group);
	tcase_add_test(tcase, output_beyond_the_maximum_is_read_and_dropped);
	tcase_add_test(tcase, environment_and_directory_are_given);
	tcase_add_test(tcase, another_user_has_no_right_left);
	tcase_add_test(tcase, what_cannot_start_says_why);
	tcase_add_test(tcase, cancelling_is_silent_and_leaves_no_zombie);
	tcase_add_test(tcase, freeing_the_loop_ends_its_children);
	tcase_add_test(tcase, strangers_children_are_not_reaped);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
