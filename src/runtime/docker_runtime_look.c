#include <signal.h>
#include <string.h>

#include "docker_runtime.h"

static void looked_gone(struct docker_unit *unit)
{
	unit->id[0] = '\0';
	if (!unit->base.report) {
		unit_free(unit);
	} else if (unit->ran || unit->started) {
		unit_lost(unit, UNIT_REMOVED);
	} else if (unit->adopting) {
		unit_fail_with(unit, ERROR_NOT_FOUND, "there is no such container");
	} else if (unit->known) {
		unit_fail_with(unit, ERROR_NOT_FOUND, UNIT_REMOVED);
	} else { /* the lost create never happened */
		unit->uncertain = false;
		if (unit_launch_ended(unit))
			return;
		unit_to(unit, STEP_CREATE);
		/* Not at once: the engine may be at it still, name taken and nothing to see. */
		unit_retry_later(unit);
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
	if (unit_launch_ended(unit))
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

	if (unit->ran && container->started_ms != unit->started_ms) {
		unit_end_stray(unit);
		unit_lost(unit, "container was restarted by somebody else");
		return;
	}
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
	enum spec_match match = spec_match(container, &unit->base, unit_runtime(unit)->host_id);

	if (match == SPEC_STRANGER && !unit->base.report) {
		unit_free(unit);
		return;
	}
	if (match == SPEC_STRANGER && !unit->known) {
		unit_fail_with(unit, unit->adopting ? ERROR_NOT_FOUND : ERROR_CONFLICT,
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
			unit_fail_with(unit, ERROR_CONFLICT,
				       "it runs already, with other host ports");
		break;
	case DOCKER_EXITED:
		looked_ended(unit, container);
		break;
	case DOCKER_REMOVING:
		unit_retry_later(unit);
		break;
	}
}

static void looked(const struct docker_reply *reply, void *arg)
{
	struct docker_unit *unit = arg;
	struct docker_container container;

	if (!reply->status)
		watch_doubt(unit_runtime(unit));
	else if (reply->status == 404)
		looked_gone(unit);
	else if (reply->error.kind != ERROR_NONE || !reply->document ||
		 !docker_container_read(reply->document, &container))
		unit_retry_later(unit); /* no answer is not an end */
	else
		looked_at(unit, &container);
}

bool unit_inspect(struct docker_unit *unit)
{
	return docker_container_inspect(unit_runtime(unit)->engine,
					unit->id[0] ? unit->id : unit->name, looked, unit,
					&unit->call, NULL);
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

/* Whether a "die" leaves nothing to ask. The status of SIGKILL does: it may have been the kernel,
 * out of memory, and the engine's "oom" can come later than its "die". */
static bool tells_all(const struct docker_unit *unit, const struct docker_event *die)
{
	return die->exit_code != 128 + SIGKILL || unit->out_of_memory || unit->killed ||
	       unit->stop_wanted;
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

	if (strcmp(event->action, "start") == 0) {
		if (unit->step == STEP_OVER)
			unit_end_stray(unit);
	} else if (strcmp(event->action, "oom") == 0) {
		unit->out_of_memory = true;
	} else if (strcmp(event->action, "kill") == 0) {
		unit->killed = true;
	} else if (strcmp(event->action, "die") == 0 && unit->step == STEP_RUN &&
		   event->exit_code >= 0 && end.ended_ms >= unit->started_ms &&
		   tells_all(unit, event)) {
		looked_ended(unit, &end);
	} else {
		unit_look(unit);
	}
}
