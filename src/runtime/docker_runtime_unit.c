#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker_runtime.h"
#include "stadion/base/language.h"
#include "stadion/base/log.h"

#define RETRY_FIRST_MS 200
#define RETRY_LAST_MS 8000
#define BODY_MAX (4U << 20)

static const char removed_by_somebody[] = "container was removed by somebody else";

static struct docker_runtime *runtime_of(struct docker_unit *unit)
{
	return (struct docker_runtime *)unit->base.runtime;
}

void unit_free(struct docker_unit *unit)
{
	struct docker_runtime *runtime = runtime_of(unit);

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

static void fail_with(struct docker_unit *unit, enum error_kind kind, const char *text)
{
	struct error error;

	error_set(&error, kind, "%s", text);
	unit_fail(unit, &error, kind != ERROR_CONFLICT);
}

/* It is over without our having seen how. */
static void unit_lost(struct docker_unit *unit, const char *text)
{
	struct runtime_report report = { .event = RUNTIME_ENDED,
					 .handle = unit->id,
					 .started_ms = unit->started_ms,
					 .exit_code = -1,
					 .text = text };

	unit_to(unit, STEP_OVER);
	runtime_unit_report(&unit->base, &report);
}

static void retry_later(struct docker_unit *unit)
{
	unit->retry_ms = unit->retry_ms ? unit->retry_ms * 2 : RETRY_FIRST_MS;
	if (unit->retry_ms > RETRY_LAST_MS)
		unit->retry_ms = RETRY_LAST_MS;
	timer_start(&unit->again, unit->retry_ms);
}

/* Launching goes on: unless its owner has gone, or called it off. True: it does not. */
static bool launch_ended(struct docker_unit *unit)
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
		watch_doubt(runtime_of(unit));
		return;
	}
	if (reply->error.kind == ERROR_NONE)
		text_copy(unit->id, sizeof(unit->id), docker_container_id(reply->document));
	if (reply->status == 409)
		unit->uncertain = true; /* there is one: maybe of an earlier try of ours */
	else
		unit->known = unit->id[0] != '\0';
	if (launch_ended(unit))
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
		fail_with(unit, ERROR_UNAVAILABLE, "the engine created a container without an id");
	} else {
		unit->uncertain = false;
		unit_to(unit, STEP_START);
		unit_advance(unit);
		unit_report(unit, RUNTIME_STARTING, "container created");
	}
}

static bool create(struct docker_unit *unit)
{
	struct docker_runtime *runtime = runtime_of(unit);
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
		watch_doubt(runtime_of(unit));
		return;
	}
	if (reply->error.kind == ERROR_NONE)
		unit->started = true;
	else if (launch_ended(unit))
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
		fail_with(unit, ERROR_NOT_FOUND, removed_by_somebody);
	} else {
		unit_fail(unit, &reply->error, false);
	}
}

/* ---- how does it stand? ---- */

static void looked_gone(struct docker_unit *unit)
{
	unit->id[0] = '\0';
	if (!unit->base.report) {
		unit_free(unit);
	} else if (unit->ran || unit->started) {
		unit_lost(unit, removed_by_somebody);
	} else if (unit->adopting) {
		fail_with(unit, ERROR_NOT_FOUND, "there is no such container");
	} else if (unit->known) {
		fail_with(unit, ERROR_NOT_FOUND, removed_by_somebody);
	} else { /* the lost create never happened */
		unit->uncertain = false;
		if (launch_ended(unit))
			return;
		unit_to(unit, STEP_CREATE);
		unit_advance(unit);
	}
}

static void looked_created(struct docker_unit *unit, enum spec_match match)
{
	if (unit->adopting) {
		struct runtime_report report = { .event = RUNTIME_ENDED,
						 .handle = unit->id,
						 .exit_code = -1,
						 .infrastructure = true,
						 .text = "was created and never started" };

		unit_to(unit, STEP_OVER);
		runtime_unit_report(&unit->base, &report);
		return;
	}
	unit->uncertain = false;
	if (launch_ended(unit))
		return;
	unit->after = AFTER_CREATE;
	unit_to(unit, match == SPEC_SAME ? STEP_START : STEP_CLEAR);
	unit_advance(unit);
}

static void looked_running(struct docker_unit *unit, const struct docker_container *container)
{
	struct runtime_report report = { .event = RUNTIME_RUNNING,
					 .handle = unit->id,
					 .address = container->address,
					 .started_ms = container->started_ms,
					 .exit_code = -1,
					 .text = "running" };
	bool news = !unit->ran;

	unit->ran = true;
	unit->started_ms = container->started_ms;
	unit_to(unit, STEP_RUN);
	if (unit->look_again) {
		unit->look_again = false;
		unit_look(unit);
	}
	if (unit->stop_wanted)
		timer_start(&unit->again, 0);
	if (news)
		runtime_unit_report(&unit->base, &report);
}

static void looked_ended(struct docker_unit *unit, const struct docker_container *container)
{
	struct runtime_report report = { 0 };
	char words[320];

	spec_end(container, &report, words, sizeof(words));
	docker_request_cancel(&unit->stop_call);
	timer_cancel(&unit->stop_again);
	unit_to(unit, STEP_OVER);
	runtime_unit_report(&unit->base, &report);
}

static void looked_at(struct docker_unit *unit, const struct docker_container *container)
{
	enum spec_match match = spec_match(container, &unit->base, runtime_of(unit)->host_id);

	if (match == SPEC_STRANGER && !unit->base.report) {
		unit_free(unit);
		return;
	}
	if (match == SPEC_STRANGER && !unit->known) {
		fail_with(unit, unit->adopting ? ERROR_NOT_FOUND : ERROR_CONFLICT,
			  "the container of that name is not ours");
		return;
	}
	unit->known = true;
	text_copy(unit->id, sizeof(unit->id), container->id);
	if (!unit->base.report) {
		unit_to(unit, STEP_REMOVE);
		unit_advance(unit);
		return;
	}
	switch (container->status) {
	case DOCKER_CREATED:
		looked_created(unit, match);
		break;
	case DOCKER_RUNNING:
		if (match == SPEC_SAME || unit->adopting)
			looked_running(unit, container);
		else
			fail_with(unit, ERROR_CONFLICT, "it runs already, with other host ports");
		break;
	case DOCKER_EXITED:
		looked_ended(unit, container);
		break;
	case DOCKER_REMOVING:
		retry_later(unit);
		break;
	}
}

static void looked(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;
	struct docker_container container;

	if (!reply->status)
		watch_doubt(runtime_of(unit));
	else if (reply->status == 404)
		looked_gone(unit);
	else if (reply->error.kind != ERROR_NONE || !reply->document ||
		 !docker_container_read(reply->document, &container))
		retry_later(unit); /* no answer is not an end */
	else
		looked_at(unit, &container);
}

void unit_look(struct docker_unit *unit)
{
	if (unit->step == STEP_LOOK) {
		unit->look_again = true;
	} else if (unit->step == STEP_RUN) {
		unit_to(unit, STEP_LOOK);
		unit_advance(unit);
	}
}

/* A "die" is the engine's last word on a container that we saw running, and tells how it ended. To
 * inspect it first would cost what the engine takes to tear down its network, for which it holds
 * the container locked: 0.2 s, in which the replacement can be on its way. */
void unit_event(struct docker_unit *unit, const struct docker_event *event)
{
	struct docker_container end = { .id = unit->id,
					.exit_code = event->exit_code,
					.out_of_memory = unit->out_of_memory,
					.problem = "",
					.started_ms = unit->started_ms,
					.ended_ms = event->time_ns / 1000000 };

	if (strcmp(event->action, "oom") == 0) {
		unit->out_of_memory = true;
	} else if (strcmp(event->action, "die") == 0 && unit->step == STEP_RUN &&
		   event->exit_code >= 0 && end.ended_ms >= unit->started_ms) {
		looked_ended(unit, &end);
	} else {
		unit_look(unit);
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
		watch_doubt(runtime_of(unit));
		return;
	}
	if (reply->error.kind != ERROR_NONE && reply->status != 404) {
		retry_later(unit);
		return;
	}
	unit->id[0] = '\0';
	unit->known = unit->uncertain = false;
	if (launch_ended(unit))
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
	struct docker_runtime *runtime = runtime_of(unit);

	runtime->removing--;
	if (!reply->status)
		watch_doubt(runtime);
	if (reply->error.kind != ERROR_NONE && reply->status != 404)
		retry_later(unit);
	else
		unit_free(unit);
	turn_removals(runtime);
}

static bool remove_now(struct docker_unit *unit)
{
	struct docker_runtime *runtime = runtime_of(unit);

	if (!docker_container_remove(runtime->engine, unit->id, removed, unit, &unit->call, NULL))
		return false;
	runtime->removing++;
	return true;
}

/* ---- steps ---- */

void unit_advance(struct docker_unit *unit)
{
	struct docker_runtime *runtime = runtime_of(unit);
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
		ok = docker_container_inspect(runtime->engine, unit->id[0] ? unit->id : unit->name,
					      looked, unit, &unit->call, NULL);
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
		retry_later(unit);
}

static void stop_now(void *arg);

static void stopped(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;

	if (!reply->status)
		watch_doubt(runtime_of(unit));
	else if (reply->error.kind == ERROR_NONE || reply->status == 404)
		unit_look(unit);
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
	if (!docker_container_stop(runtime_of(unit)->engine, unit->id, unit->grace_ms, stopped,
				   unit, &unit->stop_call, NULL))
		timer_start(&unit->stop_again, RETRY_LAST_MS);
}

/* What a wish to stop means at this step. True: it was dealt with, perhaps reported. */
static bool stop_step(struct docker_unit *unit)
{
	switch (unit->step) {
	case STEP_PULL:
	case STEP_CREATE:
	case STEP_START:
		return !unit->call && launch_ended(unit);
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
