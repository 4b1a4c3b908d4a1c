#include "pending.h"

#include <stdlib.h>

#include "reply.h"

struct pending *pending_new(struct api *api, struct http_exchange *exchange,
			    pending_answer_fn *answer, const char *app_id)
{
	struct pending *pending;
	uint64_t wait_ms;
	char *id;

	if (!pending_read_wait(exchange, &wait_ms))
		return NULL;
	pending = calloc(1, sizeof(*pending));
	id = text_duplicate(app_id);

	if (!pending || (app_id && !id)) {
		free(pending);
		free(id);
		reply_message(exchange, 503, "out of memory");
		return NULL;
	}
	pending->api = api;
	pending->exchange = exchange;
	pending->answer = answer;
	pending->app_id = id;
	pending->wait_ms = wait_ms;
	text_init(&pending->body, REPLY_MAX);
	LIST_INSERT_HEAD(&api->pending, pending, link);
	return pending;
}

void pending_free(struct pending *pending)
{
	LIST_REMOVE(pending, link);
	text_clear(&pending->body);
	free(pending->app_id);
	free(pending);
}

void pending_done(const struct change_outcome *outcome, void *arg)
{
	struct pending *pending = arg;

	if (outcome->error.kind == ERROR_NONE && pending_await(pending, outcome))
		return;
	if (outcome->error.kind == ERROR_NONE)
		pending->answer(pending->exchange, outcome, pending);
	else
		reply_refused(pending->exchange, outcome);
	pending_free(pending);
}

void pending_end_all(struct api *api)
{
	struct pending *pending;

	while ((pending = LIST_FIRST(&api->pending))) {
		pending_stop_waiting(pending);
		reply_message(pending->exchange, 503, "the coordinator is stopping");
		pending_free(pending);
	}
}

void pending_answer_deployment(struct http_exchange *exchange, const struct change_outcome *outcome,
			       struct pending *pending)
{
	(void)pending;
	reply_deployment(exchange, 200, outcome);
}

void pending_answer_body(struct http_exchange *exchange, const struct change_outcome *outcome,
			 struct pending *pending)
{
	if (outcome->deployment_id)
		http_exchange_header(exchange, "Marathon-Deployment-Id", outcome->deployment_id);
	http_exchange_reply_json(exchange, 200, &pending->body);
}
