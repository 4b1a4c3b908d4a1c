/* The process runtime with real shims: this program is its own `stadion`. */

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "process_record.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/model/app.h"
#include "stadion/runtime/runtime.h"

#define PATIENCE_MS 20000

static struct loop *loop;
static struct runtime *runtime;
static char directory[64];

struct seen {
	struct runtime_unit *unit;
	int count[RUNTIME_FAILED + 1];
	struct runtime_report last;
	char handle[80], text[600];
};

static void note(struct runtime_unit *unit, const struct runtime_report *report, void *arg)
{
	struct seen *seen = arg;

	(void)unit;
	seen->count[report->event]++;
	seen->last = *report;
	snprintf(seen->text, sizeof(seen->text), "%s", report->text);
	snprintf(seen->handle, sizeof(seen->handle), "%s", report->handle);
}

typedef bool condition_fn(void *arg);

static void wait_until(condition_fn *holds, void *arg, const char *what)
{
	struct timeval tick = { .tv_usec = 20000 };
	uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (!holds(arg)) {
		ck_assert_msg(clock_monotonic_ms() < end_ms, "waited in vain: %s", what);
		event_base_loopexit(loop_base(loop), &tick);
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	}
}

static bool runs(void *arg)
{
	struct seen *seen = arg;

	ck_assert_msg(!seen->count[RUNTIME_FAILED], "failed: %s", seen->text);
	return seen->count[RUNTIME_RUNNING] > 0;
}

static bool ended(void *arg)
{
	struct seen *seen = arg;

	ck_assert_msg(!seen->count[RUNTIME_FAILED], "failed: %s", seen->text);
	return seen->count[RUNTIME_ENDED] > 0;
}

static bool failed(void *arg)
{
	return ((struct seen *)arg)->count[RUNTIME_FAILED] > 0;
}

static struct runtime *new_runtime(void)
{
	struct process_runtime_options options = { .directory = directory,
						   .program = "/proc/self/exe" };
	struct error error = { 0 };
	struct runtime *made = process_runtime_new(loop, &options, &error);

	ck_assert_msg(made != NULL, "%s", error.text);
	return made;
}

static void setup(void)
{
	struct error error = { 0 };

	strcpy(directory, "/tmp/stadion-process-XXXXXX");
	ck_assert(mkdtemp(directory) != NULL);
	loop = loop_new(&error);
	ck_assert_msg(loop != NULL, "%s", error.text);
	runtime = new_runtime();
}

static bool no_records(void *arg)
{
	char path[128];
	struct dirent *entry;
	DIR *shims;
	bool none = true;

	(void)arg;
	snprintf(path, sizeof(path), "%s/.shim", directory);
	shims = opendir(path);
	while (shims && (entry = readdir(shims)))
		none = none && entry->d_name[0] == '.';
	if (shims)
		closedir(shims);
	return none;
}

static void teardown(void)
{
	char command[128];

	wait_until(no_records, NULL, "the records' removal");
	runtime_free(runtime);
	loop_free(loop);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static void start(struct seen *seen, const char *cmd, const char *user, const char *task_id)
{
	struct pair_list environment = { 0 };
	struct app *app = app_new();
	struct runtime_launch order = {
		.task_id = task_id, .attempt = 1, .app = app, .environment = &environment
	};

	app->id = strdup("/test");
	app->cmd = strdup(cmd);
	app->user = user ? strdup(user) : NULL;
	app->version_ms = 7;
	ck_assert(pair_list_add(&environment, "GREETING", "hello world"));
	seen->unit = runtime_start(runtime, &order, note, seen);
	ck_assert(seen->unit != NULL);
	pair_list_clear(&environment);
	app_unref(app);
}

static void adopt(struct seen *seen, const char *task_id)
{
	struct app *app = app_new();
	struct runtime_launch order = { .task_id = task_id, .attempt = 1, .app = app };

	app->id = strdup("/test");
	seen->unit = runtime_adopt(runtime, &order, note, seen);
	ck_assert(seen->unit != NULL);
	app_unref(app);
}

/* What is in a file of the sandbox; static memory. */
static const char *sandbox_file(const char *task_id, const char *name)
{
	static char text[65536];
	char path[160];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", directory, task_id, name);
	file = fopen(path, "re");
	len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		fclose(file);
	text[len] = '\0';
	return text;
}

static pid_t pid_of(const struct seen *seen)
{
	long pid = 0;

	ck_assert_int_eq(sscanf(seen->handle, "pid:%ld", &pid), 1);
	return (pid_t)pid;
}

/* ---- */

START_TEST(runs_and_tells_how_it_ended)
{
	static const struct {
		const char *cmd, *out, *err;
		int exit_code, signal;
	} rows[] = {
		{ "echo \"$GREETING\"; echo bad >&2; exit 3", "hello world\n", "bad\n", 3, 0 },
		{ "kill -9 $$", "", "", -1, SIGKILL },
		{ "echo $MESOS_SANDBOX | sed s,.*/,,; (sleep 1000 &) ; exit 0", "t\n", "", 0, 0 },
	};
	struct seen seen = { 0 };

	start(&seen, rows[_i].cmd, NULL, "t");
	wait_until(ended, &seen, rows[_i].cmd);
	ck_assert_int_eq(seen.last.exit_code, rows[_i].exit_code);
	ck_assert_int_eq(seen.last.signal, rows[_i].signal);
	ck_assert_str_eq(sandbox_file("t", "stdout"), rows[_i].out);
	ck_assert_str_eq(sandbox_file("t", "stderr"), rows[_i].err);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(stops_with_grace)
{
	static const struct {
		const char *cmd;
		int exit_code, signal;
	} rows[] = {
		{ "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done", 7, 0 },
		{ "trap '' TERM; echo up; while :; do sleep 0.05; done", -1, SIGKILL },
	};
	struct seen seen = { 0 };
	uint64_t begin_ms, took_ms;
	pid_t pid;

	start(&seen, rows[_i].cmd, NULL, "t");
	wait_until(runs, &seen, "running");
	pid = pid_of(&seen);
	while (strcmp(sandbox_file("t", "stdout"), "up\n") != 0)
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	begin_ms = clock_monotonic_ms();
	runtime_stop(seen.unit, 500);
	wait_until(ended, &seen, rows[_i].cmd);
	took_ms = clock_monotonic_ms() - begin_ms;
	ck_assert_int_eq(seen.last.exit_code, rows[_i].exit_code);
	ck_assert_int_eq(seen.last.signal, rows[_i].signal);
	ck_assert(rows[_i].signal == 0 || took_ms >= 500);
	ck_assert(kill(pid, 0) < 0);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(removal_kills_what_runs)
{
	struct seen seen = { 0 };

	start(&seen, "exec sleep 1000", NULL, "t");
	wait_until(runs, &seen, "running");
	runtime_remove(
		seen.unit); /* teardown waits for the records to go, which is after the end */
}
END_TEST

START_TEST(refuses_what_cannot_run)
{
	struct seen seen = { 0 };

	start(&seen, "true", "nobody-of-that-name", "t");
	wait_until(failed, &seen, "the refusal");
	ck_assert_msg(strstr(seen.text, "nobody-of-that-name") != NULL, "%s", seen.text);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(runs_as_its_user)
{
	struct seen seen = { 0 };

	if (geteuid() != 0) /* nobody else may: then the refusal is what can be seen */
		return;
	ck_assert(chmod(directory, 0755) == 0);
	start(&seen, "id -un; touch mine", "nobody", "t");
	wait_until(ended, &seen, "its end");
	ck_assert_int_eq(seen.last.exit_code, 0);
	ck_assert_str_eq(sandbox_file("t", "stdout"), "nobody\n");
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(output_is_rotated)
{
	struct seen seen = { 0 };
	struct stat old;
	char path[160];

	start(&seen, "head -c 10485760 /dev/zero; echo; echo end", NULL, "t");
	wait_until(ended, &seen, "its end");
	snprintf(path, sizeof(path), "%s/t/stdout.1", directory);
	ck_assert(stat(path, &old) == 0);
	ck_assert_int_ge(old.st_size, 10 << 20);
	ck_assert_int_lt(old.st_size, (10 << 20) + (64 << 10));
	snprintf(path, sizeof(path), "%s/t/stdout", directory);
	ck_assert(stat(path, &old) == 0);
	ck_assert_int_lt(old.st_size, 64 << 10);
	runtime_remove(seen.unit);
}
END_TEST

static bool has_records(const char *task_id)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/.shim/%s", directory, task_id);
	return access(path, F_OK) == 0;
}

static bool is_forgotten(void *arg)
{
	return !has_records(arg);
}

/* What a shim is about to start must be found again, even if its owner has given it up. */
START_TEST(records_outlive_their_owner_while_a_shim_has_them)
{
	struct seen seen = { 0 }, other = { 0 };
	char path[160];
	int lock;

	snprintf(path, sizeof(path), "%s/.shim", directory);
	ck_assert(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/.shim/t", directory);
	ck_assert(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/.shim/t/lock", directory);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert(lock >= 0 && flock(lock, LOCK_EX) == 0);
	start(&seen, "true", NULL, "t");
	wait_until(failed, &seen, "giving up");
	runtime_remove(seen.unit);
	start(&other, "true", NULL, "other"); /* time enough for a removal */
	wait_until(ended, &other, "its end");
	runtime_remove(other.unit);
	wait_until(is_forgotten, (void *)(uintptr_t) "other", "the other's removal");
	ck_assert(has_records("t"));
	close(lock); /* teardown waits for the removal */
}
END_TEST

/* ---- the agent dies and comes back ---- */

struct survey {
	size_t found, running;
	bool done;
};

static void survey_found(const struct runtime_found *found, void *arg)
{
	struct survey *survey = arg;

	survey->found++;
	survey->running += found->running;
	ck_assert_str_eq(found->task_id, "t");
	ck_assert_str_eq(found->app_id, "/test");
	ck_assert_int_eq(found->version_ms, 7);
}

static void survey_done(const struct error *error, void *arg)
{
	ck_assert(!error);
	((struct survey *)arg)->done = true;
}

static bool surveyed(void *arg)
{
	return ((struct survey *)arg)->done;
}

/* An agent in a process of its own, killed with -9 while its task writes line after line. */
static void agent_that_is_killed(const char *cmd)
{
	pid_t agent = fork();
	int status;

	ck_assert(agent >= 0);
	if (agent == 0) {
		struct seen seen = { 0 };
		struct loop *own = loop_new(NULL);

		loop = own;
		runtime = new_runtime();
		start(&seen, cmd, NULL, "t");
		wait_until(runs, &seen, "running");
		raise(SIGKILL);
	}
	ck_assert(waitpid(agent, &status, 0) == agent);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(survives_the_death_of_the_agent)
{
	struct seen seen = { 0 };
	struct survey survey = { 0 };
	int line = 0, lines = 0;

	agent_that_is_killed("i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); sleep 0.005; done;"
			     " exit 5");
	ck_assert(runtime_survey(runtime, survey_found, survey_done, &survey, NULL));
	wait_until(surveyed, &survey, "the survey");
	ck_assert_int_eq((int)survey.found, 1);
	ck_assert_int_eq((int)survey.running, 1);
	adopt(&seen, "t");
	wait_until(ended, &seen, "the end of the adopted");
	ck_assert_int_eq(seen.count[RUNTIME_RUNNING], 1);
	ck_assert_int_eq(seen.last.exit_code, 5);
	for (const char *p = sandbox_file("t", "stdout"); *p; p = strchr(p, '\n') + 1) {
		ck_assert_int_eq(sscanf(p, "%d", &line), 1);
		ck_assert_int_eq(line, lines++);
	}
	ck_assert_int_eq(lines, 300);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(an_end_nobody_saw_is_kept)
{
	struct seen seen = { 0 };

	start(&seen, "exec sleep 1000", NULL, "t");
	wait_until(runs, &seen, "running");
	runtime_release(seen.unit);
	ck_assert(kill(pid_of(&seen), SIGTERM) == 0);
	seen = (struct seen){ 0 };
	adopt(&seen, "t");
	wait_until(ended, &seen, "its end");
	ck_assert_int_eq(seen.last.signal, SIGTERM);
	runtime_release(seen.unit);
	seen = (struct seen){ 0 };
	start(&seen, "exit 0", NULL, "t"); /* and it does not start again */
	wait_until(ended, &seen, "its end, told again");
	ck_assert_int_eq(seen.last.signal, SIGTERM);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(a_killed_shim_takes_its_process_along)
{
	struct seen seen = { 0 };
	uint64_t ticks;
	char path[64], text[256];
	long shim = 0;
	pid_t pid;
	FILE *file;

	start(&seen, "exec sleep 1000", NULL, "t");
	wait_until(runs, &seen, "running");
	pid = pid_of(&seen);
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "re");
	ck_assert(file && fgets(text, sizeof(text), file));
	fclose(file);
	ck_assert_int_eq(sscanf(strrchr(text, ')'), ") %*c %ld", &shim), 1);
	ck_assert(kill((pid_t)shim, SIGKILL) == 0);
	wait_until(ended, &seen, "the loss");
	ck_assert(seen.last.infrastructure);
	ck_assert_int_eq(seen.last.exit_code, -1);
	while (process_start_ticks(pid, &ticks) && kill(pid, 0) == 0) { /* until init reaps it */
		snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
		file = fopen(path, "re");
		if (!file || !fgets(text, sizeof(text), file) || strstr(text, ") Z")) {
			if (file)
				fclose(file);
			break;
		}
		fclose(file);
	}
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(a_stranger_with_its_number_is_not_touched)
{
	struct process_mark mark = { .pid = getpid() };

	ck_assert(process_boot_id(mark.boot_id));
	ck_assert(process_start_ticks(mark.pid, &mark.start_ticks));
	ck_assert(process_alive(&mark));
	mark.start_ticks++;
	ck_assert(!process_alive(&mark));
	mark.start_ticks--;
	mark.boot_id[0] ^= 1;
	ck_assert(!process_alive(&mark));
}
END_TEST

/* ---- commands ---- */

struct ran {
	bool done;
	int exit_code;
	char output[128];
	enum error_kind kind;
};

static void exec_done(const struct runtime_exec_end *end, void *arg)
{
	struct ran *ran = arg;

	ran->done = true;
	ran->exit_code = end->exit_code;
	ran->kind = end->error.kind;
	snprintf(ran->output, sizeof(ran->output), "%s", end->output);
}

static bool exec_is_done(void *arg)
{
	return ((struct ran *)arg)->done;
}

START_TEST(runs_commands_beside)
{
	static const struct {
		const char *command;
		int exit_code;
		const char *output;
		enum error_kind kind;
	} rows[] = {
		{ "echo \"$GREETING\"; cat mine; exit 4", 4, "hello world\nit\n", ERROR_NONE },
		{ "sleep 1000", -1, "", ERROR_TIMEOUT },
	};
	struct seen seen = { 0 };
	struct ran ran = { 0 };
	struct runtime_exec *slot = NULL;

	start(&seen, "echo it > mine; exec sleep 1000", NULL, "t");
	wait_until(runs, &seen, "running");
	while (strcmp(sandbox_file("t", "mine"), "it\n") != 0)
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert(runtime_exec_start(seen.unit, rows[_i].command, rows[_i].kind ? 200 : 10000,
				     exec_done, &ran, &slot, NULL));
	wait_until(exec_is_done, &ran, rows[_i].command);
	ck_assert_int_eq(ran.exit_code, rows[_i].exit_code);
	ck_assert_str_eq(ran.output, rows[_i].output);
	ck_assert_int_eq(ran.kind, rows[_i].kind);
	runtime_remove(seen.unit);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("process_runtime");
	TCase *tcase = tcase_create("processes");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, runs_and_tells_how_it_ended, 0, 3);
	tcase_add_loop_test(tcase, stops_with_grace, 0, 2);
	tcase_add_test(tcase, removal_kills_what_runs);
	tcase_add_test(tcase, refuses_what_cannot_run);
	tcase_add_test(tcase, runs_as_its_user);
	tcase_add_test(tcase, output_is_rotated);
	tcase_add_test(tcase, records_outlive_their_owner_while_a_shim_has_them);
	tcase_add_test(tcase, survives_the_death_of_the_agent);
	tcase_add_test(tcase, an_end_nobody_saw_is_kept);
	tcase_add_test(tcase, a_killed_shim_takes_its_process_along);
	tcase_add_test(tcase, a_stranger_with_its_number_is_not_touched);
	tcase_add_loop_test(tcase, runs_commands_beside, 0, 2);
	suite_add_tcase(made, tcase);
	return made;
}

int main(int argc, char **argv)
{
	SRunner *runner;
	int failures;

	if (argc > 1 && strcmp(argv[1], "shim") == 0)
		return process_shim_main(argc - 1, argv + 1);
	runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
