#include "reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deployer.h"
#include "events.h"
#include "hosts.h"
#include "launcher.h"
#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"

/* How each end counts: for the launch delay (app-spec 9) and as lastTaskFailure (app-spec 13.3). */
static const struct ending {
	bool delays, is_failure;
} endings[] = {
	[TASK_FINISHED] = { .delays = true },
	[TASK_FAILED] = { .delays = true, .is_failure = true },
	[TASK_KILLED] = { 0 }, /* a failure only by health check */
	[TASK_ERROR] = { .delays = true, .is_failure = true },
	[TASK_LOST] = { .is_failure = true },
	[TASK_GONE] = { .delays = true, .is_failure = true },
	[TASK_DROPPED] = { .delays = true, .is_failure = true },
	[TASK_UNKNOWN] = { .is_failure = true },
};

static bool is_current(const struct instance *instance)
{
	return instance->app->version_ms >= instance->owner->current->configured_ms;
}

static bool note_failure(const struct instance *instance, const struct task_status *status)
{
	struct last_failure failure = { .known = true,
					.task_id = instance->id,
					.host = instance->hostname,
					.host_id = instance->host_id,
					.state = status->state,
					.at_ms = status->at_ms,
					.version_ms = instance->app->version_ms };
	struct last_failure copy;

	(void)text_copy(failure.message, sizeof(failure.message), status->message);
	if (!last_failure_copy(&copy, &failure))
		return false;
	last_failure_clear(&instance->owner->failure);
	instance->owner->failure = copy;
	return true;
}

bool reports_note_overdue(struct coordinator *coordinator, const struct instance *instance,
			  const char *why)
{
	struct task_status status = { .state = TASK_KILLED, .at_ms = clock_wall_ms() };

	(void)text_copy(status.message, sizeof(status.message), why);
	return ledger_keep_app(&coordinator->ledger, instance->owner) &&
	       note_failure(instance, &status);
}

/* Faults that are not the app's delay nothing, if it had started: a host that came back from a
 * reboot gets its tasks at once. Before the start they do, or a broken engine would be stormed. */
static bool raises_delay(const struct instance *instance, const struct task_status *status)
{
	bool excused = status->infrastructure && status->started_ms > 0;
	/* Whatever its host calls it: what ends unasked before it ran would be back at once. */
	bool stillborn = status->started_ms == 0 && !status->killed_unhealthy;

	return (endings[status->state].delays || stillborn) && !excused && is_current(instance) &&
	       instance->goal == INSTANCE_RUN;
}

static bool end_instance(struct coordinator *coordinator, struct instance *instance,
			 const struct task_status *status)
{
	struct cluster_app *owner = instance->owner;
	bool wanted_end = instance->goal == INSTANCE_STOP;

	log_info("instance.ended", F("task", instance->id), F("host", instance->host_id),
		 F("state", task_state_name(status->state)), F("exit_code", status->exit_code),
		 F("ran_ms", status->ran_ms), F("message", status->message));
	events_status(coordinator, instance, status);
	if (!ledger_keep_app(&coordinator->ledger, owner))
		return false;
	if (!wanted_end && (endings[status->state].is_failure || status->killed_unhealthy) &&
	    !note_failure(instance, status))
		return false;
	if (raises_delay(instance, status)) {
		struct backoff_policy policy = launcher_policy(owner->current);
		uint64_t ran_well_ms = status->ran_healthy ? status->ran_ms : 0;

		owner->backoff = backoff_after_end(owner->backoff, &policy, ran_well_ms,
						   loop_now_ms(coordinator->loop));
	}
	return deployer_drop(coordinator, instance);
}

static bool is_progress(enum task_state state)
{
	return state == TASK_STAGING || state == TASK_STARTING || state == TASK_RUNNING;
}

static bool move_instance(struct coordinator *coordinator, struct instance *instance,
			  const struct task_status *status)
{
	struct cluster_app *owner = instance->owner;
	bool moved = instance->status.seq == 0 || instance->status.state != status->state;
	struct task_status copy;

	instance->progress_ms = loop_now_ms(coordinator->loop);
	events_status(coordinator, instance, status);
	if (!ledger_keep_instance(&coordinator->ledger, instance) ||
	    !task_status_copy(&copy, status))
		return false;
	task_status_clear(&instance->status);
	instance->status = copy;
	if (moved)
		log_info("instance.moved", F("task", instance->id),
			 F("state", task_state_name(status->state)), F("message", status->message));
	if (moved && is_progress(status->state) && owner->backoff.delay_ms > 0 &&
	    is_current(instance)) {
		if (!ledger_keep_app(&coordinator->ledger, owner))
			return false;
		owner->backoff =
			backoff_after_progress(owner->backoff, loop_now_ms(coordinator->loop));
	}
	deployer_mark(coordinator, owner);
	return true;
}

/* Plain successes make no change of their own: their times are for who looks, and not kept. */
static void note_checks(struct instance *instance, const struct task_status *status)
{
	struct task_status *known = &instance->status;

	if (known->state != status->state || known->check_count != status->check_count)
		return;
	for (size_t i = 0; i < known->check_count; i++) {
		if (known->checks[i].alive && status->checks[i].alive)
			known->checks[i] = status->checks[i];
	}
}

static bool apply_status(struct coordinator *coordinator, const struct host *host,
			 const struct task_status *status)
{
	struct instance *instance = record_find_instance(&coordinator->cluster, status->task_id);

	if (!instance) { /* its end was committed, or it was given up: it is in no wanted list */
		if (!task_state_terminal(status->state))
			log_warn("report.unknown_task", F("task", status->task_id),
				 F("host", host->id), F("state", task_state_name(status->state)),
				 F("why", "the cluster has no such task: it is not wanted"));
		return true;
	}
	if (instance->host != host) {
		log_warn("report.foreign_task", F("task", status->task_id), F("host", host->id),
			 F("owner", instance->host_id));
		return true;
	}
	instance->unseen_stops = 0;
	if (status->seq == instance->status.seq)
		note_checks(instance, status);
	if (status->seq <= instance->status.seq)
		return true;
	return task_state_terminal(status->state) ? end_instance(coordinator, instance, status)
						  : move_instance(coordinator, instance, status);
}

static bool lose_instance(struct coordinator *coordinator, struct instance *instance)
{
	struct task_status status = { .state = TASK_GONE,
				      .at_ms = clock_wall_ms(),
				      .started_ms = instance->status.started_ms,
				      .exit_code = -1,
				      .infrastructure = true };

	(void)snprintf(status.message, sizeof(status.message),
		       "the agent on %.100s does not know this task any more", instance->hostname);
	return end_instance(coordinator, instance, &status);
}

/* What an agent spoke of before and does not list now is lost with the agent's memory, and it has
 * no container either. What it never spoke of it may just not have been told yet. */
static bool find_lost(struct coordinator *coordinator, struct host *host,
		      const struct report *report)
{
	struct instance *instance, *next;

	coordinator->report_number++;
	for (size_t i = 0; i < report->task_count; i++) {
		instance = record_find_instance(&coordinator->cluster, report->tasks[i].task_id);
		if (instance && instance->host == host)
			instance->listed = coordinator->report_number;
	}
	for (instance = LIST_FIRST(&host->instances); instance; instance = next) {
		next = LIST_NEXT(instance, of_host);
		if (instance->listed != coordinator->report_number &&
		    (instance->status.seq > 0 || instance->goal == INSTANCE_STOP) &&
		    !lose_instance(coordinator, instance))
			return false;
	}
	return true;
}

static void take_engine(struct coordinator *coordinator, struct host *host,
			const struct report *report)
{
	bool back = host->engine_down_since_ms && !report->engine_down_since_ms;

	host->engine_down_since_ms = report->engine_down_since_ms;
	(void)text_copy(host->engine_problem, sizeof(host->engine_problem), report->engine_problem);
	coordinator->room = coordinator->room || back;
}

void reports_apply(struct coordinator *coordinator, struct host *host, const struct report *report)
{
	bool fine = true;

	for (size_t i = 0; fine && i < report->task_count; i++)
		fine = apply_status(coordinator, host, &report->tasks[i]);
	if (fine && report->complete) {
		fine = find_lost(coordinator, host, report);
		hosts_reported(coordinator, host);
	}
	take_engine(coordinator, host, report);
	coordinator->ledger.incomplete = coordinator->ledger.incomplete || !fine;
}

void reports_forget_unseen(struct coordinator *coordinator, struct host *host)
{
	struct instance *instance, *next;

	for (instance = LIST_FIRST(&host->instances); instance; instance = next) {
		next = LIST_NEXT(instance, of_host);
		if (instance->goal == INSTANCE_STOP && instance->status.seq == 0 &&
		    (instance->unseen_stops > UNSEEN_STOPS || !instance->offered) &&
		    !lose_instance(coordinator, instance))
			return;
	}
}
