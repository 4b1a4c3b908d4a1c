#include "stadion/docker/event_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "stadion/base/clock.h"
#include "stadion/base/id.h"
#include "stadion/base/language.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 8000
#define SINCE_OVERLAP_NS 1000000000 /* the first time: a second back, repeats do no harm */

struct docker_events {
	struct docker_engine *engine;
	struct docker_request *request;
	struct timer again;
	struct docker_lines lines;
	struct text filters; /* encoded */
	docker_event_fn *event;
	docker_resumed_fn *resumed;
	void *arg;
	int64_t since_ns; /* of the last event, the engine's clock */
	uint64_t backoff_ms;
	bool asked_before;
};

/* An attribute is a text, whatever it means. */
static int exit_code(struct json_object *actor)
{
	struct json_object *attributes = actor ? json_object_member(actor, "Attributes") : NULL;
	const char *text = attributes ? json_text(attributes, "exitCode", "") : "";
	char *end;
	long code = strtol(text, &end, 10);

	return *text && !*end && code >= 0 && code <= 255 ? (int)code : -1;
}

bool docker_event_read(const char *line, size_t len, struct docker_event *out,
		       struct json_object **document)
{
	autoptr(json_object) event = json_parse(line, len, NULL);
	struct json_object *actor;

	if (!event || !json_object_is_type(event, json_type_object) ||
	    strcmp(json_text(event, "Type", ""), "container") != 0)
		return false;
	actor = json_object_member(event, "Actor");
	*out = (struct docker_event){
		.action = json_text(event, "Action", ""),
		.container = actor ? json_text(actor, "ID", "") : "",
		.time_ns = json_integer(event, "timeNano", 0),
		.exit_code = exit_code(actor),
	};
	if (!out->action[0] || !out->container[0] || out->time_ns < 0)
		return false;
	*document = TAKE(event);
	return true;
}

static void events_line(const char *line, size_t len, void *arg)
{
	struct docker_events *events = arg;
	autoptr(json_object) document = NULL;
	struct docker_event event;

	if (!docker_event_read(line, len, &event, &document))
		return;
	if (event.time_ns)
		events->since_ns = event.time_ns;
	events->event(&event, events->arg);
}

static bool events_data(long status, const char *data, size_t len, void *arg)
{
	struct docker_events *events = arg;

	(void)status;
	events->backoff_ms = 0;
	return docker_lines_take(&events->lines, data, len, events_line, events);
}

/* Between half and the whole of the delay, so that many hosts do not come back together. */
static uint64_t next_delay(struct docker_events *events)
{
	uint16_t random;

	events->backoff_ms = events->backoff_ms ? events->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (events->backoff_ms > BACKOFF_LAST_MS)
		events->backoff_ms = BACKOFF_LAST_MS;
	id_random(&random, sizeof(random));
	return events->backoff_ms / 2 + events->backoff_ms / 2 * random / UINT16_MAX;
}

static void events_ask(void *arg);

static void events_done(const struct docker_reply *reply, void *arg)
{
	struct docker_events *events = arg;

	docker_lines_clear(&events->lines);
	if (reply->error.kind == ERROR_TIMEOUT) /* its appointed end */
		events_ask(events);
	else
		timer_start(&events->again, next_delay(events));
}

static void events_ask(void *arg)
{
	struct docker_events *events = arg;
	struct text path = TEXT_INIT(16384);
	struct docker_call call = { .lane = DOCKER_STREAM,
				    .timeout_ms = DOCKER_EVENTS_LIFE_MS,
				    .on_data = events_data };

	text_addf(&path,
		  "/events?since=%lld.%09lld&filters=", (long long)(events->since_ns / 1000000000),
		  (long long)(events->since_ns % 1000000000));
	text_add(&path, text_string(&events->filters));
	call.path = text_string(&path);
	if (path.failed || !docker_request_start(events->engine, &call, events_done, events,
						 &events->request, NULL))
		timer_start(&events->again, next_delay(events));
	else if (events->asked_before)
		events->resumed(events->arg);
	events->asked_before = true;
	text_clear(&path);
}

static bool write_filters(struct text *out, const char *label)
{
	static const char *const actions[] = { "start", "kill", "oom", "die", "destroy" };
	struct text filters = TEXT_INIT(4096);
	struct json_writer writer = JSON_WRITER(&filters);

	json_object_begin(&writer);
	json_key(&writer, "type");
	json_array_begin(&writer);
	json_put_text(&writer, "container");
	json_array_end(&writer);
	json_key(&writer, "label");
	json_array_begin(&writer);
	json_put_text(&writer, label);
	json_array_end(&writer);
	json_key(&writer, "event");
	json_array_begin(&writer);
	for (size_t i = 0; i < ROWS(actions); i++)
		json_put_text(&writer, actions[i]);
	json_array_end(&writer);
	json_object_end(&writer);
	docker_path_add(out, text_string(&filters));
	if (filters.failed)
		out->failed = true;
	text_clear(&filters);
	return !out->failed;
}

struct docker_events *docker_events_new(struct docker_engine *engine, const char *label,
					docker_event_fn *event, docker_resumed_fn *resumed,
					void *arg, struct error *error)
{
	struct docker_events *events = calloc(1, sizeof(*events));

	if (!events) {
		error_set(error, ERROR_NOMEM, "following the engine's events");
		return NULL;
	}
	*events = (struct docker_events){
		.engine = engine, .event = event, .resumed = resumed, .arg = arg
	};
	events->since_ns = clock_wall_ms() * 1000000 - SINCE_OVERLAP_NS;
	text_init(&events->filters, 8192);
	if (!write_filters(&events->filters, label)) {
		error_set(error, ERROR_INVALID, "following the engine's events: label too long");
		goto undo;
	}
	if (!timer_init(&events->again, docker_engine_loop(engine), events_ask, events, error))
		goto undo;
	events_ask(events);
	return events;
undo:
	docker_events_free(events);
	return NULL;
}

void docker_events_free(struct docker_events *events)
{
	if (!events)
		return;
	docker_request_cancel(&events->request);
	timer_clear(&events->again);
	docker_lines_clear(&events->lines);
	text_clear(&events->filters);
	free(events);
}

void docker_events_kick(struct docker_events *events)
{
	docker_request_cancel(&events->request);
	timer_cancel(&events->again);
	docker_lines_clear(&events->lines);
	events->backoff_ms = 0;
	events_ask(events);
}
