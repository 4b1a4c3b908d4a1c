#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process_runtime.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"

#define LAUNCH_MS 20000
#define RETRY_MS 100
#define RETRIES 100 /* so long a shim that holds its lock may take to begin */

void process_unit_free(struct process_unit *unit)
{
	struct process_runtime *runtime = (struct process_runtime *)unit->base.runtime;

	TAILQ_REMOVE(&runtime->units, unit, link);
	child_cancel(&unit->launcher);
	if (unit->hear)
		event_free(unit->hear);
	if (unit->socket >= 0)
		close(unit->socket);
	if (unit->folder >= 0)
		close(unit->folder);
	timer_clear(&unit->again);
	free(unit->name);
	free(unit->sandbox);
	free(unit->records);
	runtime_unit_clear(&unit->base);
	free(unit);
}

/* The last word; whoever has let go of the unit is served here as well. */
static void unit_over(struct process_unit *unit, const struct runtime_report *report)
{
	unit->over = true;
	if (unit->base.report) {
		runtime_unit_report(&unit->base, report);
		return;
	}
	files_remove_records(unit);
	process_unit_free(unit);
}

static void unit_failed(struct process_unit *unit, const struct error *error)
{
	struct runtime_report report = {
		.event = RUNTIME_FAILED, .exit_code = -1, .text = error->text, .error = *error
	};

	unit_over(unit, &report);
}

static void unit_ended(struct process_unit *unit, const struct process_exit *end)
{
	struct runtime_report report = { .event = RUNTIME_ENDED,
					 .handle = unit->handle,
					 .started_ms = end->started_ms,
					 .ran_ms = end->ran_ms,
					 .exit_code = end->exit_code,
					 .signal = end->signal };
	char words[64];

	if (end->signal)
		snprintf(words, sizeof(words), "killed by signal %d", end->signal);
	else
		snprintf(words, sizeof(words), "exited with code %d", end->exit_code);
	report.text = words;
	unit_over(unit, &report);
}

/* It is not there any more, and nobody wrote down how it ended. */
static void unit_lost(struct process_unit *unit, const struct process_mark *mark, const char *text)
{
	struct runtime_report report = { .event = RUNTIME_ENDED,
					 .handle = unit->handle,
					 .started_ms = mark ? mark->started_ms : 0,
					 .exit_code = -1,
					 .infrastructure = true,
					 .text = text };

	if (mark && process_alive(mark)) /* with no shim its output would go nowhere */
		(void)kill(-mark->pid, SIGKILL);
	unit_over(unit, &report);
}

static void attach(struct process_unit *unit);
static bool launch(struct process_unit *unit, struct error *error);

static void disconnect(struct process_unit *unit)
{
	if (unit->hear)
		event_free(unit->hear);
	unit->hear = NULL;
	if (unit->socket >= 0)
		close(unit->socket);
	unit->socket = -1;
}

/* The shim says nothing; its end is what is heard. */
static void heard(evutil_socket_t fd, short what, void *arg)
{
	struct process_unit *unit = arg;
	char nothing[16];
	ssize_t len = read((int)fd, nothing, sizeof(nothing));

	(void)what;
	if (len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	disconnect(unit);
	attach(unit);
}

static void ask_to_stop(struct process_unit *unit)
{
	char line[40];
	int len = snprintf(line, sizeof(line), "stop %llu\n", (unsigned long long)unit->grace_ms);

	/* A short line into an empty buffer; a shim that has gone is heard of. */
	if (unit->socket >= 0 && write(unit->socket, line, (size_t)len) < 0)
		log_debug("shim.deaf", F("task", unit->base.task_id), F("errno", errno));
}

static void connected(struct process_unit *unit, const struct process_mark *mark)
{
	struct runtime_report report = { .event = RUNTIME_RUNNING,
					 .handle = unit->handle,
					 .started_ms = mark->started_ms,
					 .exit_code = -1,
					 .text = "running" };

	unit->hear = event_new(loop_base(unit->base.runtime->loop), unit->socket,
			       EV_READ | EV_PERSIST, heard, unit);
	if (!unit->hear || event_add(unit->hear, NULL) < 0) {
		disconnect(unit);
		timer_start(&unit->again, RETRY_MS);
		return;
	}
	if (!unit->base.report)
		unit->grace_ms = 0;
	if (unit->stop_wanted || !unit->base.report)
		ask_to_stop(unit);
	runtime_unit_report(&unit->base, &report);
}

/* A shim between its lock and its process, or between its socket's end and its own: a moment. */
static bool wait_for_shim(struct process_unit *unit)
{
	if (!process_locked(unit->folder))
		return false;
	/* With an owner it may be given up; else its records must outlive it. */
	if (++unit->tries > RETRIES && unit->base.report)
		return false;
	timer_start(&unit->again, RETRY_MS);
	return true;
}

static void not_there(struct process_unit *unit)
{
	struct error error;

	error_set(&error, ERROR_NOT_FOUND, "there is no record of this task");
	unit_failed(unit, &error);
}

/* From the records: how does it stand? */
static void attach(struct process_unit *unit)
{
	struct process_exit end;
	struct process_mark mark;
	char boot_id[BOOT_ID_SIZE] = "";
	struct error error = { 0 };

	if (unit->folder < 0) {
		not_there(unit);
	} else if (process_exit_read(unit->folder, &end, &error)) {
		unit_ended(unit, &end);
	} else if (!process_mark_read(unit->folder, &mark, &error)) {
		if (wait_for_shim(unit))
			return;
		if (unit->adopting || !unit->base.report)
			unit_lost(unit, NULL, "was never started");
		else if (!launch(unit, &error))
			unit_failed(unit, &error);
	} else {
		snprintf(unit->handle, sizeof(unit->handle), "pid:%ld", (long)mark.pid);
		(void)process_boot_id(boot_id);
		if (strcmp(boot_id, mark.boot_id) != 0) {
			unit_lost(unit, NULL, "the host was restarted");
			return;
		}
		unit->socket = process_socket_connect(unit->folder);
		if (unit->socket >= 0)
			connected(unit, &mark);
		else if (!wait_for_shim(unit) && process_exit_read(unit->folder, &end, &error))
			unit_ended(unit, &end);
		else if (!timer_pending(&unit->again))
			unit_lost(unit, &mark, "its shim was killed");
	}
}

static void launched(const struct child_end *end, void *arg)
{
	struct process_unit *unit = arg;
	struct error error;

	if (end->exit_code == 0) {
		attach(unit);
		return;
	}
	if (end->timed_out)
		error_set(&error, ERROR_TIMEOUT, "the shim did not begin within %d s",
			  LAUNCH_MS / 1000);
	else
		error_set(&error, ERROR_UNAVAILABLE, "%s",
			  end->output_len ? end->output : "the shim did not begin");
	unit_failed(unit, &error);
}

static bool launch(struct process_unit *unit, struct error *error)
{
	struct process_runtime *runtime = (struct process_runtime *)unit->base.runtime;
	const char *const argv[] = { runtime->program, "shim", unit->records, NULL };
	/* The agent's own environment may hold what is no task's business. */
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	struct child_call call = { .argv = argv,
				   .environment = environment,
				   .timeout_ms = LAUNCH_MS };

	return files_create(unit, error) &&
	       child_start(runtime->base.loop, &call, launched, unit, &unit->launcher, error);
}

static void unit_again(void *arg)
{
	struct process_unit *unit = arg;
	struct runtime_report starting = { .event = RUNTIME_STARTING,
					   .exit_code = -1,
					   .text = "starting the process" };
	struct error error;

	/* A shim that began too late may be alive after all: then it is stopped first. */
	if (unit->folder < 0 ? unit->over || !unit->base.report
			     : unit->over && !process_locked(unit->folder)) {
		files_remove_records(unit);
		process_unit_free(unit);
	} else if (unit->adopting || unit->folder >= 0) {
		attach(unit);
	} else if (unit->stop_wanted) {
		unit_ended(unit, &(struct process_exit){ .exit_code = -1 });
	} else if (!launch(unit, &error)) {
		unit_failed(unit, &error);
	} else {
		runtime_unit_report(&unit->base, &starting);
	}
}

static struct process_unit *unit_new(struct runtime *base, const struct runtime_launch *order,
				     runtime_report_fn *report, void *arg)
{
	struct process_runtime *runtime = (struct process_runtime *)base;
	struct process_unit *unit = calloc(1, sizeof(*unit));
	struct text sandbox = TEXT_INIT(4096), records = TEXT_INIT(4096);

	if (!unit)
		return NULL;
	unit->folder = unit->socket = -1;
	TAILQ_INSERT_TAIL(&runtime->units, unit, link);
	if (!runtime_unit_init(&unit->base, base, order, report, arg) ||
	    !(unit->name = runtime_unit_name(order->task_id, order->attempt)))
		goto undo;
	text_addf(&sandbox, "%s/%s", runtime->directory, order->task_id);
	text_addf(&records, "%s/.shim/%s", runtime->directory, unit->name);
	unit->sandbox = text_take(&sandbox);
	unit->records = text_take(&records);
	if (!unit->sandbox || !unit->records ||
	    !timer_init(&unit->again, base->loop, unit_again, unit, NULL))
		goto undo;
	unit->folder = open(unit->records, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	timer_start(&unit->again, 0);
	return unit;
undo:
	process_unit_free(unit);
	return NULL;
}

/* Records that are there already are those of an earlier try: it is taken up, not repeated. */
struct runtime_unit *process_unit_start(struct runtime *runtime, const struct runtime_launch *order,
					runtime_report_fn *report, void *arg)
{
	struct process_unit *unit = unit_new(runtime, order, report, arg);

	return unit ? &unit->base : NULL;
}

/* The environment is needed for commands beside the task; the spec has it. */
static void read_environment(struct process_unit *unit)
{
	autoptr(process_spec) spec = process_spec_read(unit->folder, NULL);

	for (size_t i = 0; spec && spec->environment[i]; i++) {
		char *value = strchr(spec->environment[i], '=');

		if (!value)
			continue;
		*value = '\0';
		if (!pair_list_add(&unit->base.environment, spec->environment[i], value + 1))
			return;
	}
}

struct runtime_unit *process_unit_adopt(struct runtime *runtime, const struct runtime_launch *order,
					runtime_report_fn *report, void *arg)
{
	struct process_unit *unit = unit_new(runtime, order, report, arg);

	if (!unit)
		return NULL;
	unit->adopting = true;
	if (!order->environment && unit->folder >= 0)
		read_environment(unit);
	return &unit->base;
}

void process_unit_stop(struct runtime_unit *base, uint64_t grace_ms)
{
	struct process_unit *unit = (struct process_unit *)base;

	unit->stop_wanted = true;
	unit->grace_ms = grace_ms;
	ask_to_stop(unit); /* or when it is connected */
}

void process_unit_remove(struct runtime_unit *base)
{
	struct process_unit *unit = (struct process_unit *)base;

	base->report = NULL;
	unit->grace_ms = 0;
	unit->stop_wanted = true;
	if (unit->socket >= 0)
		ask_to_stop(unit); /* its end removes the rest */
	else if (!unit->launcher)
		timer_start(&unit->again, 0);
}

void process_unit_release(struct runtime_unit *base)
{
	process_unit_free((struct process_unit *)base);
}
