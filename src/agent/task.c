#include "task_life.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ending.h"
#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "task_environment.h"
#include "task_ports.h"

#define KILL_GRACE_MS 5000 /* where the app does not say */
#define PROGRESS_MS 1000   /* a pull tells how far it is so often, at most */

struct occasion { /* what an event brings along */
	const struct runtime_report *report;
	const char *message;
	bool unhealthy;
};

static void task_handle(struct task *task, enum task_event event, const struct occasion *occasion);

/* ---- What is kept, and when it counts ---- */

static void on_saved(void *arg);

static void task_save(struct task *task)
{
	struct journal_record record = {
		.app = task->app,
		.defined = task->defined,
		.status = task->status,
		.running_since_ms = task->running_since_ms,
	};

	task->dirty = task->write != NULL;
	if (task->dirty)
		return;
	task->writing_seq = task->status.seq;
	if (!task->rebooted)
		(void)text_copy(record.boot_id, sizeof(record.boot_id), task->context->boot_id);
	journal_put(task->context->journal, &record, on_saved, task, &task->write);
}

static void on_saved(void *arg)
{
	struct task *task = arg;

	task->committed_seq = task->writing_seq;
	if (task->dirty)
		task_save(task);
	if (task->awaited_seq && task->committed_seq >= task->awaited_seq) {
		task->awaited_seq = 0;
		task_handle(task, ON_COMMITTED, NULL);
	}
	task->context->news(task, task->context->arg);
}

void task_changed(struct task *task)
{
	task->status.seq++;
	task_save(task);
}

static void task_changed_and_wait(struct task *task)
{
	task_changed(task);
	task->awaited_seq = task->status.seq;
}

void task_enter(struct task *task, enum task_state state, const char *message)
{
	task->status.state = state;
	task->status.at_ms = clock_wall_ms();
	if (message)
		(void)text_copy(task->status.message, sizeof(task->status.message),
				message); /* cut is fine */
}

/* Commits the intent, its ports included; without them the task has failed. */
void task_intend(struct task *task)
{
	struct error error = { 0 };

	if (task_ports_take(&task->status, task->app, task->context->ports, &error))
		task_changed_and_wait(task);
	else
		task_handle(task, ON_FAILED, &(struct occasion){ .message = error.text });
}

static void find_port(struct task *task, const struct runtime_report *report)
{
	struct error error = { 0 };

	if (task_ports_replace(&task->status, task->app, task->context->ports, report->port,
			       &error))
		task_changed_and_wait(task);
	else
		task_handle(task, ON_FAILED, &(struct occasion){ .message = error.text });
}

/* ---- The unit and the checks ---- */

static void on_report(struct runtime_unit *unit, const struct runtime_report *report, void *arg)
{
	static const enum task_event events[] = {
		[RUNTIME_PULLING] = ON_PULLING, [RUNTIME_STARTING] = ON_STARTING,
		[RUNTIME_RUNNING] = ON_RUNNING, [RUNTIME_ENDED] = ON_ENDED,
		[RUNTIME_FAILED] = ON_FAILED,	[RUNTIME_PORT_TAKEN] = ON_PORT_TAKEN,
	};
	struct task *task = arg;
	bool spent = report->event == RUNTIME_FAILED || report->event == RUNTIME_PORT_TAKEN;

	assert(unit == task->unit);
	if (spent)
		task->unit = NULL;
	task_handle(task, events[report->event], &(struct occasion){ .report = report });
	if (spent)
		runtime_remove(unit);
	task->context->news(task, task->context->arg);
}

static struct runtime *task_runtime(const struct task *task)
{
	return task_in_docker(task) ? task->context->docker : task->context->process;
}

typedef struct runtime_unit *unit_start_fn(struct runtime *runtime,
					   const struct runtime_launch *launch,
					   runtime_report_fn *report, void *arg);

static void take_unit(struct task *task, unit_start_fn *start)
{
	struct pair_list environment = { 0 };
	const struct runtime_launch launch = {
		.task_id = task->status.task_id,
		.attempt = task->status.attempt,
		.app = task->app,
		.ports = task->status.ports,
		.environment = &environment,
	};

	runtime_release(TAKE(task->unit));
	if (task_environment(task->app, task->status.task_id, task->context->hostname,
			     task->status.ports, &environment))
		task->unit = start(task_runtime(task), &launch, on_report, task);
	pair_list_clear(&environment);
	if (!task->unit)
		task_handle(task, ON_FAILED, &(struct occasion){ .message = "out of memory" });
}

void task_adopt(struct task *task)
{
	take_unit(task, runtime_adopt);
}

static void on_checked(const struct prober_news *news, void *arg)
{
	struct task *task = arg;
	const struct verdict *verdict = &news->verdict;
	const struct health_check *check = &task->app->checks[news->check];
	const char *what = check->protocol == CHECK_COMMAND ? check->command : check->path;
	char message[512];

	task->status.checks[news->check] = verdict->result;
	task->checked = true;
	if (verdict->flipped)
		log_info("task.health", F("task", task->status.task_id),
			 F("check", (int64_t)news->check),
			 F("alive", verdict->result.alive ? "yes" : "no"),
			 F("cause", verdict->result.alive ? "" : verdict->result.cause));
	if (verdict->kill) {
		(void)snprintf(message, sizeof(message),
			       "unhealthy: check %zu (%s%s%.200s) failed %" PRId32
			       " times in a row: %s",
			       news->check, check_protocol_name(check->protocol), what ? " " : "",
			       what ? what : "", verdict->result.consecutive_failures,
			       verdict->result.cause);
		task_handle(task, ON_KILL,
			    &(struct occasion){ .message = message, .unhealthy = true });
	} else if (verdict->flipped || verdict->counted) {
		task_changed(task); /* plain success after success is not worth a write */
	}
}

static void begin_checks(struct task *task, bool adopted)
{
	const struct prober_options options = {
		.loop = task->context->loop,
		.http = task->context->probes,
		.runtime = task_runtime(task),
		.unit = task->unit,
		.app = task->app,
		.ports = task->status.ports,
		.address = task->status.address,
		.results = task->status.checks,
		.running_since_ms = task->running_since_ms,
		.adopted = adopted,
	};
	struct error error = { 0 };

	if (!task->defined || task->app->check_count == 0)
		return;
	task->prober = prober_new(&options, on_checked, task, &error);
	if (!task->prober) /* a side issue never stops a task */
		log_error("task.no_checks", F("task", task->status.task_id),
			  F("error", error.text));
}

/* ---- What the moves do ---- */

/* When an adopted task began to run, by the clock that grace is measured with. */
static uint64_t running_since(const struct runtime_report *report)
{
	uint64_t now_ms = clock_monotonic_ms();
	int64_t wall_ms = clock_wall_ms();
	uint64_t age_ms;

	if (report->started_ms <= 0 || report->started_ms >= wall_ms)
		return now_ms;
	age_ms = (uint64_t)(wall_ms - report->started_ms);
	return now_ms > age_ms ? now_ms - age_ms : 1;
}

static void run(struct task *task, const struct runtime_report *report)
{
	struct task_status *status = &task->status;

	(void)text_copy(status->container_id, sizeof(status->container_id), report->handle);
	(void)text_copy(status->address, sizeof(status->address), report->address);
	task->running_since_ms = clock_monotonic_ms();
	status->started_ms = report->started_ms > 0 ? report->started_ms : clock_wall_ms();
	task_enter(task, TASK_RUNNING, "");
	task_changed(task);
	begin_checks(task, false);
}

static void run_on(struct task *task, const struct runtime_report *report)
{
	struct task_status *status = &task->status;
	bool told = status->state == TASK_RUNNING &&
		    strcmp(status->container_id, report->handle) == 0 &&
		    strcmp(status->address, report->address) == 0;

	if (!task->running_since_ms || task->rebooted)
		task->running_since_ms = running_since(report);
	task->rebooted = false;
	if (!told) {
		(void)text_copy(status->container_id, sizeof(status->container_id), report->handle);
		(void)text_copy(status->address, sizeof(status->address), report->address);
		if (!status->started_ms)
			status->started_ms = report->started_ms;
		task_enter(task, TASK_RUNNING, "");
		task_changed(task);
	}
	begin_checks(task, true);
}

static void tell_progress(struct task *task, const struct runtime_report *report)
{
	const double mib = 1 << 20;
	uint64_t now_ms = clock_monotonic_ms();
	char message[sizeof(task->status.message)];

	if (task->progress_ms && now_ms - task->progress_ms < PROGRESS_MS)
		return;
	task->progress_ms = now_ms;
	if (report->bytes_total > 0)
		(void)snprintf(message, sizeof(message), "pulling %.200s: %.1f of %.1f MiB",
			       task->app->image, (double)report->bytes_done / mib,
			       (double)report->bytes_total / mib);
	else
		(void)snprintf(message, sizeof(message), "pulling %.200s%s%.200s", task->app->image,
			       report->text[0] ? ": " : "", report->text);
	if (strcmp(message, task->status.message) == 0)
		return;
	(void)text_copy(task->status.message, sizeof(task->status.message), message);
	task_changed(task);
}

static void commit_kill(struct task *task, const struct occasion *occasion)
{
	int64_t since_ms;

	assert(occasion);
	prober_free(TAKE(task->prober));
	task->status.killed_unhealthy = occasion->unhealthy;
	task_enter(task, TASK_KILLING, occasion->message);
	task_changed_and_wait(task);
	if (journal_problem(task->context->journal, &since_ms))
		task_unrecorded(task);
}

static void stop(struct task *task)
{
	int64_t grace_ms = task->app->kill_grace_ms;

	runtime_stop(task->unit, grace_ms >= 0 ? (uint64_t)grace_ms : KILL_GRACE_MS);
}

/* The last change of every task. What is left of it stays until it is forgotten. */
static void finish(struct task *task)
{
	struct task_status *status = &task->status;
	enum task_health health = task_health(status);

	prober_free(TAKE(task->prober));
	task_ports_give_back(&task->status, task->context->ports);
	status->ran_healthy = status->started_ms > 0 && !status->killed_unhealthy &&
			      (health == TASK_HEALTHY || health == TASK_HEALTH_NONE);
	status->at_ms = clock_wall_ms();
	log_info("task.ended", F("task", status->task_id),
		 F("state", task_state_name(status->state)), F("exit", status->exit_code),
		 F("ran_ms", (int64_t)status->ran_ms), F("message", status->message));
	task_changed(task);
}

static void end(struct task *task, const struct runtime_report *report)
{
	if (report->handle && report->handle[0])
		(void)text_copy(task->status.container_id, sizeof(task->status.container_id),
				report->handle);
	if (!task->status.started_ms)
		task->status.started_ms = report->started_ms;
	ending_fill(&task->status, report);
	finish(task);
}

static void fail(struct task *task, const struct occasion *occasion)
{
	const struct runtime_report *report;
	const char *message;

	assert(occasion);
	report = occasion->report;
	message = occasion->message;
	if (report)
		message = report->error.text[0] ? report->error.text : report->text;
	task->status.exit_code = -1;
	task->status.infrastructure = report && report->infrastructure;
	task_enter(task, TASK_FAILED, message);
	finish(task);
}

static void vanish(struct task *task)
{
	struct task_status *status = &task->status;
	uint64_t now_ms = clock_monotonic_ms();
	const char *kind = task_in_docker(task) ? "container" : "process";
	char message[128];

	status->infrastructure = task->rebooted;
	status->exit_code = -1;
	if (task->running_since_ms && !task->rebooted && now_ms > task->running_since_ms)
		status->ran_ms = now_ms - task->running_since_ms;
	(void)snprintf(message, sizeof(message), "%s vanished %s", kind,
		       task->rebooted ? "when the host was rebooted" : "while the agent was away");
	task_enter(task, TASK_FAILED, message);
	finish(task);
}

static void call_off(struct task *task, const struct occasion *occasion)
{
	const char *message = occasion && occasion->message ? occasion->message : NULL;

	task->status.exit_code = -1;
	/* One whose end was wanted before keeps the reason that stands there. */
	task_enter(task, TASK_KILLED, message);
	finish(task);
}

/* For moves on what a runtime reported: the table has them on such events only. */
static const struct runtime_report *reported(const struct occasion *occasion)
{
	assert(occasion && occasion->report);
	return occasion->report;
}

static void task_do(struct task *task, enum task_action action, const struct occasion *occasion)
{
	switch (action) {
	case DO_NOTHING:
		break;
	case DO_LAUNCH:
		take_unit(task, runtime_start);
		break;
	case DO_FIND_PORT:
		find_port(task, reported(occasion));
		break;
	case DO_TELL_PROGRESS:
		tell_progress(task, reported(occasion));
		break;
	case DO_TELL_STARTING:
		task_enter(task, TASK_STARTING, "");
		task_changed(task);
		break;
	case DO_RUN:
		run(task, reported(occasion));
		break;
	case DO_RUN_ON:
		run_on(task, reported(occasion));
		break;
	case DO_COMMIT_KILL:
		commit_kill(task, occasion);
		break;
	case DO_STOP:
		stop(task);
		break;
	case DO_ADOPT:
		task_adopt(task);
		break;
	case DO_END:
		end(task, reported(occasion));
		break;
	case DO_FAIL:
		fail(task, occasion);
		break;
	case DO_VANISH:
		vanish(task);
		break;
	case DO_CALL_OFF:
		call_off(task, occasion);
		break;
	}
}

static void task_handle(struct task *task, enum task_event event, const struct occasion *occasion)
{
	const struct task_move *move = task_machine_find(task->phase, event);

	if (!move) {
		log_warn("task.event_refused", F("task", task->status.task_id),
			 F("phase", task_phase_name(task->phase)),
			 F("event", task_event_name(event)));
		return;
	}
	/* Actions may bring up the next event: they begin in the new phase. */
	log_debug("task.moved", F("task", task->status.task_id),
		  F("from", task_phase_name(move->from)), F("to", task_phase_name(move->to)));
	task->phase = move->to;
	task_do(task, move->action, occasion);
}

/* ---- What the supervisor asks and tells ---- */

void task_surveyed(struct task *task)
{
	task_handle(task, task->found ? ON_FOUND : ON_MISSING, NULL);
}

void task_resume(struct task *task)
{
	task_handle(task, ON_WANTED, NULL);
}

void task_define(struct task *task, const struct wanted_task *wanted)
{
	/* Rows of ports that the labels do not name keep what the coordinator committed. */
	size_t labelled = task->status.port_count;

	if (!task_status_fit(&task->status, wanted->app))
		return; /* asked again with the next list */
	for (size_t i = labelled; i < task->status.port_count && i < wanted->port_count; i++)
		task->status.ports[i] = wanted->ports[i];
	task_ports_hold(&task->status, task->context->ports);
	app_unref(task->app);
	task->app = app_ref(wanted->app);
	task->defined = true;
	if (task->status.seq < wanted->seen)
		task->status.seq = wanted->seen;
	task_handle(task, ON_DEFINED, NULL);
	task_changed(task);
}

void task_kill(struct task *task, const char *message)
{
	task_handle(task, ON_KILL, &(struct occasion){ .message = message });
}

void task_unrecorded(struct task *task)
{
	if (!task->awaited_seq ||
	    (task->phase != PHASE_STOPPING && task->phase != PHASE_ADOPTING_TO_STOP))
		return;
	task->awaited_seq = 0;
	task_handle(task, ON_COMMITTED, NULL);
}

void task_acked(struct task *task, uint64_t seq)
{
	if (seq > task->acked_seq && seq <= task->committed_seq)
		task->acked_seq = seq;
}

bool task_in_docker(const struct task *task)
{
	return task->app->container == CONTAINER_DOCKER;
}

bool task_recalled(const struct task *task)
{
	return task->phase == PHASE_RECALLED || task->phase == PHASE_RECALLED_INTENT ||
	       task->phase == PHASE_RECALLED_STOPPING || task->phase == PHASE_RECALLED_ENDED;
}

struct reconcile_known task_known(const struct task *task)
{
	return (struct reconcile_known){
		.terminal = task_state_terminal(task->status.state),
		.acked = task->acked_seq == task->status.seq,
		.waiting = task->phase == PHASE_WAITING,
		.defined = task->defined,
	};
}

bool task_has_news(const struct task *task)
{
	return task->committed_seq == task->status.seq && task->committed_seq > task->acked_seq;
}

bool task_has_fresh_checks(const struct task *task)
{
	return task->checked && task->committed_seq > 0 && task->committed_seq == task->status.seq;
}

void task_free(struct task *task)
{
	if (!task)
		return;
	journal_write_cancel(&task->write);
	prober_free(task->prober);
	runtime_release(task->unit);
	task_status_clear(&task->status);
	app_unref(task->app);
	free(task);
}

void task_forget(struct task *task)
{
	assert(task_state_terminal(task->status.state));
	if (task->unit)
		runtime_remove(TAKE(task->unit));
	journal_write_cancel(&task->write);
	journal_delete(task->context->journal, task->status.task_id);
	task_free(task);
}
