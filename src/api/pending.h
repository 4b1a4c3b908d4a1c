#pragma once

/* Exchanges that wait until a change is on disk, and with ?wait=SECONDS until its deployment has
 * ended: then the answer has Stadion-Deployment: succeeded or running (the time is over); a
 * deployment that was cancelled meanwhile is a 409 with `failed`. */

#include "api_state.h"
#include "stadion/base/text.h"
#include "stadion/coordinator/coordinator.h"
#include "stadion/coordinator/event_bus.h"

#define WAIT_MAX_S 600

/* How a change that was accepted is answered; one that was refused is answered alike for all. */
typedef void pending_answer_fn(struct http_exchange *exchange, const struct change_outcome *outcome,
			       struct pending *pending);

struct pending {
	struct api *api;
	struct http_exchange *exchange;
	pending_answer_fn *answer;
	char *app_id;	  /* what an answer needs to know; NULL if it does not */
	struct text body; /* prepared at the time of the request */
	uint64_t wait_ms; /* 0: does not wait for the deployment */
	/* While it does: */
	bool waits;
	char deployment_id[UUID_SIZE];
	int64_t version_ms;
	uint64_t seen; /* number of the last event looked at */
	struct event_reader reader;
	struct timer deadline;
	LIST_ENTRY(pending) link;
};

/* Answers and returns NULL without memory, or with a `wait` that is none. Goes by pending_done. */
struct pending *pending_new(struct api *api, struct http_exchange *exchange,
			    pending_answer_fn *answer, const char *app_id);

/* The change_done_fn of every change: answers and frees. */
void pending_done(const struct change_outcome *outcome, void *pending);

/* Between the files of it. */
bool pending_read_wait(struct http_exchange *exchange, uint64_t *wait_ms);
bool pending_await(struct pending *pending, const struct change_outcome *outcome);
void pending_stop_waiting(struct pending *pending);
void pending_free(struct pending *pending);

/* The end of the process: the rest is answered with 503. */
void pending_end_all(struct api *api);

pending_answer_fn pending_answer_deployment; /* 200 with the deployment */
pending_answer_fn pending_answer_body;	     /* 200 with what was prepared */
