#pragma once

/* Exchanges that wait until a change is on disk. */

#include "api_state.h"
#include "stadion/base/text.h"
#include "stadion/coordinator/coordinator.h"

/* How a change that was accepted is answered; one that was refused is answered alike for all. */
typedef void pending_answer_fn(struct http_exchange *exchange, const struct change_outcome *outcome,
			       struct pending *pending);

struct pending {
	struct api *api;
	struct http_exchange *exchange;
	pending_answer_fn *answer;
	char *app_id;	  /* what an answer needs to know; NULL if it does not */
	struct text body; /* prepared at the time of the request */
	LIST_ENTRY(pending) link;
};

/* Answers 503 and returns NULL without memory. Goes by pending_done. */
struct pending *pending_new(struct api *api, struct http_exchange *exchange,
			    pending_answer_fn *answer, const char *app_id);

/* The change_done_fn of every change: answers and frees. */
void pending_done(const struct change_outcome *outcome, void *pending);

/* The end of the process: the rest is answered with 503. */
void pending_end_all(struct api *api);

pending_answer_fn pending_answer_deployment; /* 200 with the deployment */
pending_answer_fn pending_answer_body;	     /* 200 with what was prepared */
