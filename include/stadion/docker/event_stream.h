#pragma once

/* GET /events, kept up: resumed from the last event's time when it breaks, asked anew now and then
 * even when it does not (a connection can be dead without saying so). Events may be missed, and
 * come twice: whoever listens confirms by lists. Source: protocol, "relist is truth". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/docker/engine.h"
#include "stadion/net/loop.h"

#define DOCKER_LINE_MAX (64U << 10)
#define DOCKER_EVENTS_LIFE_MS 120000

struct docker_event {
	const char *action; /* "start" "kill" "oom" "die" "destroy" */
	const char *container;
	int64_t time_ns;
	int exit_code; /* of "die"; -1 where there is none */
};
/* From inside the reading of the stream: must not free it. */
typedef void docker_event_fn(const struct docker_event *event, void *arg);
/* The stream was asked for again: something may have been missed, list. Not called for the first
 * time. */
typedef void docker_resumed_fn(void *arg);

struct docker_events;
struct docker_events *docker_events_new(struct docker_engine *engine, const char *label,
					docker_event_fn *event, docker_resumed_fn *resumed,
					void *arg, struct error *error);
void docker_events_free(struct docker_events *events); /* NULL is fine */
/* Asks anew now, without waiting for the backoff: the engine is known to answer again. */
void docker_events_kick(struct docker_events *events);

/* The pure parts. Cuts a byte stream at newlines; a line over DOCKER_LINE_MAX is dropped whole. */
struct docker_lines {
	char *data;
	size_t len, size;
	bool skipping; /* until the next newline */
};
typedef void docker_line_fn(const char *line, size_t len, void *arg);
bool docker_lines_take(struct docker_lines *lines, const char *data, size_t len,
		       docker_line_fn *line, void *arg); /* false without memory */
void docker_lines_clear(struct docker_lines *lines);

/* Strings belong to *document, which the caller releases. */
bool docker_event_read(const char *line, size_t len, struct docker_event *out,
		       struct json_object **document);
