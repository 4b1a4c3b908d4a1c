#include <stdlib.h>
#include <string.h>

#include "docker_runtime.h"
#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/json/json.h"

#define PROBE_FIRST_MS 100
#define PROBE_LAST_MS 8000

/* ---- lists ---- */

static void list_ask(void *arg);

static struct docker_unit *find_unit(struct docker_runtime *runtime, const char *id)
{
	struct docker_unit *unit;

	TAILQ_FOREACH(unit, &runtime->units, link) {
		if (strcmp(unit->id, id) == 0)
			return unit;
	}
	return NULL;
}

/* Marks what the list has; false if it is not to be trusted as a whole. */
static bool read_list(struct docker_runtime *runtime, struct json_object *list)
{
	if (!list || !json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct docker_container row;
		struct docker_unit *unit;

		if (!docker_container_read_row(json_object_array_get_idx(list, i), &row))
			return false;
		unit = find_unit(runtime, row.id);
		if (unit && row.status == DOCKER_RUNNING)
			unit->listed = true;
	}
	return true;
}

static void listed(const struct docker_reply *reply, void *arg)
{
	struct docker_runtime *runtime = arg;
	struct docker_unit *unit;

	timer_start(&runtime->list_again, runtime->list_wanted ? 0 : RELIST_MS);
	runtime->list_wanted = false;
	if (!reply->status) {
		watch_doubt(runtime);
		return;
	}
	if (reply->error.kind != ERROR_NONE || !read_list(runtime, reply->document)) {
		log_warn("engine.list_refused", F("why", reply->error.text));
		return;
	}
	runtime->probe_delay_ms = 0;
	/* What should run and is not listed as running is asked about one by one: a list may be
	 * older than what we know. */
	TAILQ_FOREACH(unit, &runtime->units, link) {
		if (!unit->listed && unit->step == STEP_RUN)
			unit_look(unit);
		else if (unit->listed && unit->step == STEP_OVER)
			unit_end_stray(unit);
		unit->listed = false;
	}
}

static void list_ask(void *arg)
{
	struct docker_runtime *runtime = arg;
	struct docker_unit *unit;

	if (runtime->list) {
		runtime->list_wanted = true;
		return;
	}
	TAILQ_FOREACH(unit, &runtime->units, link)
		unit->listed = false;
	if (!docker_container_list(runtime->engine, runtime->label, listed, runtime, &runtime->list,
				   NULL))
		timer_start(&runtime->list_again, RELIST_MS);
}

/* ---- events ---- */

static void event_came(const struct docker_event *event, void *arg)
{
	struct docker_unit *unit = find_unit(arg, event->container);

	if (unit)
		unit_event(unit, event);
}

static void events_resumed(void *arg)
{
	list_ask(arg);
}

/* ---- is the engine there? ---- */

static void advance_all(struct docker_runtime *runtime)
{
	struct docker_unit *unit;

	TAILQ_FOREACH(unit, &runtime->units, link) {
		if (!timer_pending(&unit->again))
			unit_advance(unit);
	}
	pull_start_waiting(runtime);
}

/* First the events, then the list: what happens in between is in one of them. */
static void engine_back(struct docker_runtime *runtime)
{
	log_info("engine.ready", F("engine", docker_engine_name(runtime->engine)),
		 F("socket", docker_engine_socket(runtime->engine)));
	if (runtime->events)
		docker_events_kick(runtime->events); /* resumed: lists */
	else
		runtime->events = docker_events_new(runtime->engine, runtime->label, event_came,
						    events_resumed, runtime, NULL);
	list_ask(runtime);
}

static uint64_t next_delay(struct docker_runtime *runtime)
{
	uint16_t random;
	uint64_t half;

	runtime->probe_delay_ms =
		runtime->probe_delay_ms ? runtime->probe_delay_ms * 2 : PROBE_FIRST_MS;
	if (runtime->probe_delay_ms > PROBE_LAST_MS)
		runtime->probe_delay_ms = PROBE_LAST_MS;
	id_random(&random, sizeof(random));
	half = runtime->probe_delay_ms / 2;
	return half + half * random / UINT16_MAX;
}

static void probed(const struct docker_reply *reply, void *arg)
{
	struct docker_runtime *runtime = arg;
	bool was_ready = runtime->base.condition.ready;

	if (reply->error.kind != ERROR_NONE) {
		if (was_ready || !runtime->base.condition.since_ms)
			log_warn("engine.away", F("why", reply->error.text));
		timer_start(&runtime->probe_again, next_delay(runtime));
		runtime_set_condition(&runtime->base, false, reply->error.text);
		return;
	}
	runtime_set_condition(&runtime->base, true, docker_engine_name(runtime->engine));
	if (!was_ready || !runtime->events)
		engine_back(runtime);
	advance_all(runtime);
}

static void probe(void *arg)
{
	struct docker_runtime *runtime = arg;

	if (!runtime->probe &&
	    !docker_engine_probe(runtime->engine, probed, runtime, &runtime->probe, NULL))
		timer_start(&runtime->probe_again, PROBE_LAST_MS);
}

void watch_doubt(struct docker_runtime *runtime)
{
	if (runtime->probe || timer_pending(&runtime->probe_again))
		return;
	/* At once the first time, then slower: an engine that answers the probe and nothing else
	 * must not be asked in a circle. A list that succeeds ends it. */
	if (!runtime->probe_delay_ms) {
		runtime->probe_delay_ms = 1;
		probe(runtime);
	} else {
		timer_start(&runtime->probe_again, next_delay(runtime));
	}
}

bool watch_begin(struct docker_runtime *runtime, struct error *error)
{
	if (!timer_init(&runtime->probe_again, runtime->base.loop, probe, runtime, error) ||
	    !timer_init(&runtime->list_again, runtime->base.loop, list_ask, runtime, error))
		return false;
	probe(runtime);
	return true;
}

void watch_end(struct docker_runtime *runtime)
{
	docker_events_free(runtime->events);
	docker_request_cancel(&runtime->probe);
	docker_request_cancel(&runtime->list);
	timer_clear(&runtime->probe_again);
	timer_clear(&runtime->list_again);
}
