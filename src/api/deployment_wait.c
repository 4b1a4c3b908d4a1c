/* ?wait=SECONDS: a change is answered when its deployment has ended. Ours; off unless asked for. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pending.h"
#include "reply.h"

#define HEADER "Stadion-Deployment"

bool pending_read_wait(struct http_exchange *exchange, uint64_t *wait_ms)
{
	const char *text = http_exchange_query(exchange, "wait", 0);
	char *end;
	long seconds;

	*wait_ms = 0;
	if (!text)
		return true;
	seconds = strtol(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && seconds <= WAIT_MAX_S) {
		*wait_ms = (uint64_t)seconds * 1000;
		return true;
	}
	reply_message(exchange, 422, "wait is a number of seconds from 0 to %d", WAIT_MAX_S);
	return false;
}

static void stop_waiting(struct pending *pending)
{
	event_bus_detach(&pending->reader);
	timer_clear(&pending->deadline);
	http_exchange_on_gone(pending->exchange, NULL, NULL);
	pending->waits = false;
}

static void answer(struct pending *pending, const char *how)
{
	const struct change_outcome outcome = { .deployment_id = pending->deployment_id,
						.version_ms = pending->version_ms };

	stop_waiting(pending);
	http_exchange_header(pending->exchange, HEADER, how);
	pending->answer(pending->exchange, &outcome, pending);
	pending_free(pending);
}

static void answer_failed(struct pending *pending)
{
	stop_waiting(pending);
	http_exchange_header(pending->exchange, HEADER, "failed");
	http_exchange_header(pending->exchange, "Marathon-Deployment-Id", pending->deployment_id);
	reply_message(pending->exchange, 409, "Deployment '%s' was cancelled before it was done",
		      pending->deployment_id);
	pending_free(pending);
}

static void on_deadline(void *arg)
{
	answer(arg, "running");
}

/* Nobody is there to be told; the reply is dropped. */
static void on_gone(void *arg)
{
	answer(arg, "running");
}

static void on_events(struct event_reader *reader)
{
	struct pending *pending =
		(struct pending *)((char *)reader - offsetof(struct pending, reader));
	const struct event_bus *bus = coordinator_events(pending->api->coordinator);
	char id[UUID_SIZE + 16];

	snprintf(id, sizeof(id), "\"id\":\"%s\"", pending->deployment_id);
	while (pending->seen < event_bus_last(bus)) {
		const struct event *event = event_bus_get(bus, ++pending->seen);
		bool done = event && !strcmp(event->type, "deployment_success");

		if ((!done && (!event || strcmp(event->type, "deployment_failed") != 0)) ||
		    !memmem(event->frame, event->len, id, strlen(id)))
			continue;
		if (done)
			answer(pending, "succeeded");
		else
			answer_failed(pending);
		return;
	}
}

bool pending_await(struct pending *pending, const struct change_outcome *outcome)
{
	struct coordinator *coordinator = pending->api->coordinator;
	struct error error = { 0 };

	if (pending->wait_ms == 0 || !outcome->deployment_id || outcome->plan)
		return false;
	if (!cluster_find_deployment(coordinator_cluster(coordinator), outcome->deployment_id)) {
		http_exchange_header(pending->exchange, HEADER,
				     "succeeded"); /* had no more to do */
		return false;
	}
	if (!timer_init(&pending->deadline, pending->api->loop, on_deadline, pending, &error))
		return false; /* without memory: as if it had not been asked for */
	memcpy(pending->deployment_id, outcome->deployment_id, UUID_SIZE);
	pending->version_ms = outcome->version_ms;
	pending->waits = true;
	pending->reader.fn = on_events;
	pending->seen = event_bus_last(coordinator_events(coordinator));
	event_bus_attach(coordinator_events(coordinator), &pending->reader);
	timer_start(&pending->deadline, pending->wait_ms);
	http_exchange_on_gone(pending->exchange, on_gone, pending);
	return true;
}

void pending_stop_waiting(struct pending *pending)
{
	if (pending->waits)
		stop_waiting(pending);
}
