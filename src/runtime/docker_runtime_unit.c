#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker_runtime.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/base/log.h"

#define RETRY_FIRST_MS 200
#define RETRY_LAST_MS 8000
#define BODY_MAX (4U << 20)

void unit_free(struct docker_unit *unit)
{
	struct docker_runtime *runtime = unit_runtime(unit);

	docker_request_cancel(&unit->call);
	docker_request_cancel(&unit->stop_call);
	pull_leave(unit);
	TAILQ_REMOVE(&runtime->units, unit, link);
	turn_leave(unit);
	timer_clear(&unit->again);
	timer_clear(&unit->stop_again);
	free(unit->name);
	runtime_unit_clear(&unit->base);
	free(unit);
}

void unit_to(struct docker_unit *unit, enum step step)
{
	unit->step = step;
	if (step != STEP_PULL)
		pull_leave(unit);
	if (step != STEP_CREATE && step != STEP_START)
		turn_leave(unit);
}

static void unit_report(struct docker_unit *unit, enum runtime_event event, const char *text)
{
	struct runtime_report report = { .event = event,
					 .handle = unit->id,
					 .started_ms = unit->started_ms,
					 .exit_code = -1,
					 .text = text };

	runtime_unit_report(&unit->base, &report);
}

void unit_fail(struct docker_unit *unit, const struct error *error, bool infrastructure)
{
	struct runtime_report report = { .event = RUNTIME_FAILED,
					 .handle = unit->id,
					 .exit_code = -1,
					 .infrastructure = infrastructure,
					 .text = error->text,
					 .error = *error };

	unit_to(unit, STEP_OVER);
	runtime_unit_report(&unit->base, &report);
}

void unit_fail_with(struct docker_unit *unit, enum error_kind kind, const char *text)
{
	struct error error;

	error_set(&error, kind, "%s", text);
	unit_fail(unit, &error, kind != ERROR_CONFLICT);
}

void unit_lost(struct docker_unit *unit, const char *text)
{
	int64_t now_ms = clock_wall_ms();
	struct runtime_report report = { .event = RUNTIME_ENDED,
					 .handle = unit->id,
					 .started_ms = unit->started_ms,
					 .exit_code = -1,
					 .text = text };

	if (unit->started_ms && now_ms > unit->started_ms)
		report.ran_ms = (uint64_t)(now_ms - unit->started_ms);
	unit_to(unit, STEP_OVER);
	runtime_unit_report(&unit->base, &report);
}

void unit_retry_later(struct docker_unit *unit)
{
	unit->retry_ms = unit->retry_ms ? unit->retry_ms * 2 : RETRY_FIRST_MS;
	if (unit->retry_ms > RETRY_LAST_MS)
		unit->retry_ms = RETRY_LAST_MS;
	timer_start(&unit->again, unit->retry_ms);
}

/* Launching goes on: unless its owner has gone, or called it off. True: it does not. */
bool unit_launch_ended(struct docker_unit *unit)
{
	if (!unit->base.report) {
		unit_to(unit, unit->uncertain && !unit->id[0] ? STEP_LOOK : STEP_REMOVE);
	} else if (unit->stop_wanted && unit->id[0]) {
		unit->after = AFTER_CALLED_OFF;
		unit_to(unit, STEP_CLEAR);
	} else if (unit->stop_wanted) {
		unit_to(unit, unit->uncertain ? STEP_LOOK : STEP_CALLED_OFF);
	} else {
		return false;
	}
	timer_start(&unit->again, 0);
	return true;
}

/* ---- create and start ---- */

static bool missing_image(const struct docker_reply *reply)
{
	return reply->status == 404 && strcasestr(reply->error.text, "no such image");
}

static void created(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;

	if (!reply->status) {
		unit->uncertain = true;
		watch_doubt(unit_runtime(unit));
		return;
	}
	if (reply->error.kind == ERROR_NONE)
		text_copy(unit->id, sizeof(unit->id), docker_container_id(reply->document));
	if (reply->status == 409)
		unit->uncertain = true; /* there is one: maybe of an earlier try of ours */
	else
		unit->known = unit->id[0] != '\0';
	if (unit_launch_ended(unit))
		return;
	if (reply->status == 409) {
		unit_to(unit, STEP_LOOK);
		unit_advance(unit);
	} else if (missing_image(reply) && !unit->pulled) {
		unit_to(unit, STEP_PULL);
		unit_advance(unit);
	} else if (reply->error.kind != ERROR_NONE) {
		unit_fail(unit, &reply->error, reply->status >= 500);
	} else if (!unit->id[0]) {
		unit_fail_with(unit, ERROR_UNAVAILABLE,
			       "the engine created a container without an id");
	} else {
		unit->uncertain = false;
		unit_to(unit, STEP_START);
		unit_advance(unit);
		unit_report(unit, RUNTIME_STARTING, "container created");
	}
}

static bool create(struct docker_unit *unit)
{
	struct docker_runtime *runtime = unit_runtime(unit);
	struct spec_owner owner = { .host_id = runtime->host_id, .cluster = runtime->cluster };
	struct text body = TEXT_INIT(BODY_MAX);
	bool ok;

	spec_write(&body, &unit->base, &owner);
	ok = !body.failed &&
	     docker_container_create(runtime->engine, unit->name, text_string(&body), created, unit,
				     &unit->call, NULL);
	text_clear(&body);
	return ok;
}

static void started(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;
	struct runtime_unit *base = &unit->base;
	bool refused = docker_port_refused(reply->error.text, base->ports, base->app->port_count,
					   &unit->taken_port);

	if (!reply->status) { /* if it ran and ended meanwhile, it must not start again: look */
		unit->uncertain = true;
		unit_to(unit, STEP_LOOK);
		watch_doubt(unit_runtime(unit));
		return;
	}
	if (reply->error.kind == ERROR_NONE)
		unit->started = true;
	else if (unit_launch_ended(unit))
		return;
	if (reply->error.kind == ERROR_NONE) {
		unit_to(unit, base->report ? STEP_LOOK : STEP_REMOVE);
		unit_advance(unit);
	} else if (refused) {
		unit->after = AFTER_PORT_TAKEN;
		unit_to(unit, STEP_CLEAR);
		unit_advance(unit);
	} else if (reply->status == 404 && strcasestr(reply->error.text, "no such container")) {
		unit->id[0] = '\0';
		unit_fail_with(unit, ERROR_NOT_FOUND, UNIT_REMOVED);
	} else {
		unit_fail(unit, &reply->error, false);
	}
}

/* ---- removal ---- */

static void cleared(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;
	struct runtime_report report = { .event = RUNTIME_PORT_TAKEN,
					 .exit_code = -1,
					 .port = unit->taken_port,
					 .text = "host port is taken" };

	if (!reply->status) {
		watch_doubt(unit_runtime(unit));
		return;
	}
	if (reply->error.kind != ERROR_NONE && reply->status != 404) {
		unit_retry_later(unit);
		return;
	}
	unit->id[0] = '\0';
	unit->known = unit->uncertain = false;
	if (unit_launch_ended(unit))
		return;
	if (unit->after == AFTER_CREATE) {
		unit_to(unit, STEP_CREATE);
		unit_advance(unit);
		return;
	}
	unit_to(unit, STEP_OVER);
	runtime_unit_report(&unit->base, &report);
}

static void removed(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;
	struct docker_runtime *runtime = unit_runtime(unit);

	runtime->removing--;
	if (!reply->status)
		watch_doubt(runtime);
	if (reply->error.kind != ERROR_NONE && reply->status != 404)
		unit_retry_later(unit);
	else
		unit_free(unit);
	turn_removals(runtime);
}

static bool remove_now(struct docker_unit *unit)
{
	struct docker_runtime *runtime = unit_runtime(unit);

	if (!docker_container_remove(runtime->engine, unit->id, removed, unit, &unit->call, NULL))
		return false;
	runtime->removing++;
	return true;
}

/* ---- steps ---- */

void unit_advance(struct docker_unit *unit)
{
	struct docker_runtime *runtime = unit_runtime(unit);
	bool ok = true;

	if (unit->call || !runtime->base.condition.ready)
		return;
	switch (unit->step) {
	case STEP_PULL:
		ok = unit->pull || pull_join(unit);
		break;
	case STEP_CREATE:
		if (turn_take(unit) && !unit->call)
			ok = create(unit);
		break;
	case STEP_START:
		if (turn_take(unit) && !unit->call)
			ok = docker_container_start(runtime->engine, unit->id, started, unit,
						    &unit->call, NULL);
		break;
	case STEP_LOOK:
		ok = unit_inspect(unit);
		break;
	case STEP_CLEAR:
		ok = docker_container_remove(runtime->engine, unit->id, cleared, unit, &unit->call,
					     NULL);
		break;
	case STEP_REMOVE:
		if (unit->id[0] && turn_may_remove(unit))
			ok = remove_now(unit);
		break;
	case STEP_RUN:
	case STEP_CALLED_OFF:
	case STEP_OVER:
		break;
	}
	if (!ok) /* out of memory: it may be better in a moment */
		unit_retry_later(unit);
}

static void stop_now(void *arg);

static void stopped(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;

	if (!reply->status)
		watch_doubt(unit_runtime(unit));
	else if (reply->error.kind == ERROR_NONE || reply->status == 404)
		unit_look(unit);
	if (unit->step == STEP_OVER) /* a stray: the next list tells if it still runs */
		return;
	unit->stop_delay_ms = unit->stop_delay_ms ? unit->stop_delay_ms * 2 : RETRY_FIRST_MS;
	if (unit->stop_delay_ms > RETRY_LAST_MS)
		unit->stop_delay_ms = RETRY_LAST_MS;
	timer_start(&unit->stop_again, unit->stop_delay_ms); /* until its end is seen */
}

static void stop_now(void *arg)
{
	struct docker_unit *unit = arg;

	if (unit->stop_call || !unit->ran || unit->step == STEP_OVER)
		return;
	if (!docker_container_stop(unit_runtime(unit)->engine, unit->id, unit->grace_ms, stopped,
				   unit, &unit->stop_call, NULL))
		timer_start(&unit->stop_again, RETRY_LAST_MS);
}

void unit_end_stray(struct docker_unit *unit)
{
	if (unit->stop_call || !unit->base.report)
		return;
	log_info("container.stray", F("task", unit->base.task_id));
	/* Short of memory: the next list tells of it again. */
	(void)docker_container_stop(unit_runtime(unit)->engine, unit->id, 0, stopped, unit,
				    &unit->stop_call, NULL);
}

/* What a wish to stop means at this step. True: it was dealt with, perhaps reported. */
static bool stop_step(struct docker_unit *unit)
{
	switch (unit->step) {
	case STEP_PULL:
	case STEP_CREATE:
	case STEP_START:
		return !unit->call && unit_launch_ended(unit);
	case STEP_CALLED_OFF:
		unit_to(unit, STEP_OVER);
		unit_report(unit, RUNTIME_ENDED, "called off before it ran");
		return true;
	case STEP_RUN:
	case STEP_LOOK:
		if (!timer_pending(&unit->stop_again))
			stop_now(unit);
		return false;
	case STEP_CLEAR:
	case STEP_OVER:
	case STEP_REMOVE:
		return false;
	}
	return false;
}

static void unit_again(void *arg)
{
	struct docker_unit *unit = arg;

	if (unit->base.report && unit->stop_wanted && stop_step(unit))
		return;
	if (unit->step == STEP_REMOVE && !unit->id[0] && !unit->call)
		unit_free(unit);
	else
		unit_advance(unit);
}

/* ---- what its owner may ask for ---- */

static struct docker_unit *unit_new(struct runtime *base, const struct runtime_launch *launch,
				    runtime_report_fn *report, void *arg)
{
	struct docker_runtime *runtime = (struct docker_runtime *)base;
	struct docker_unit *unit = calloc(1, sizeof(*unit));

	if (!unit)
		return NULL;
	TAILQ_INSERT_TAIL(&runtime->units, unit, link);
	if (runtime_unit_init(&unit->base, base, launch, report, arg) &&
	    (unit->name = runtime_unit_name(launch->task_id, launch->attempt)) &&
	    timer_init(&unit->again, base->loop, unit_again, unit, NULL) &&
	    timer_init(&unit->stop_again, base->loop, stop_now, unit, NULL)) {
		timer_start(&unit->again, 0);
		return unit;
	}
	unit_free(unit);
	return NULL;
}

struct runtime_unit *docker_unit_start(struct runtime *runtime, const struct runtime_launch *launch,
				       runtime_report_fn *report, void *arg)
{
	struct docker_unit *unit = unit_new(runtime, launch, report, arg);

	if (!unit)
		return NULL;
	unit->step = launch->app->force_pull ? STEP_PULL : STEP_CREATE;
	return &unit->base;
}

struct runtime_unit *docker_unit_adopt(struct runtime *runtime, const struct runtime_launch *launch,
				       runtime_report_fn *report, void *arg)
{
	struct docker_unit *unit = unit_new(runtime, launch, report, arg);

	if (!unit)
		return NULL;
	unit->step = STEP_LOOK;
	unit->adopting = unit->uncertain = true;
	return &unit->base;
}

void docker_unit_stop(struct runtime_unit *base, uint64_t grace_ms)
{
	struct docker_unit *unit = (struct docker_unit *)base;

	if (unit->stop_wanted && grace_ms < unit->grace_ms) { /* more urgent: ask again */
		docker_request_cancel(&unit->stop_call);
		timer_cancel(&unit->stop_again);
	}
	unit->stop_wanted = true;
	unit->grace_ms = grace_ms;
	timer_start(&unit->again, 0);
}

void docker_unit_remove(struct runtime_unit *base)
{
	struct docker_unit *unit = (struct docker_unit *)base;

	base->report = NULL;
	unit->since_ms = loop_now_ms(base->runtime->loop);
	unit->retry_ms = 0;
	docker_request_cancel(&unit->stop_call);
	timer_cancel(&unit->stop_again);
	/* A create or start under way is waited for: cut off, it might still be carried out. */
	if (unit->call && (unit->step == STEP_CREATE || unit->step == STEP_START))
		return;
	docker_request_cancel(&unit->call);
	unit_to(unit, unit->uncertain && !unit->id[0] ? STEP_LOOK : STEP_REMOVE);
	timer_start(&unit->again, 0);
}

void docker_unit_release(struct runtime_unit *base)
{
	unit_free((struct docker_unit *)base);
}
