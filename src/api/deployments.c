/* /v2/deployments */

#include "api_state.h"
#include "pending.h"
#include "query.h"
#include "reply.h"
#include "stadion/json/json_writer.h"
#include "views.h"

void deployments_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	const struct cluster *cluster = coordinator_cluster(api->coordinator);
	const struct deployment *deployment;
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	unsigned embed = embed_read(exchange, 0);

	(void)match;
	json_array_begin(&writer);
	TAILQ_FOREACH(deployment, &cluster->deployments, link)
		deployment_view_write(&writer, deployment, embed);
	json_array_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

static void answer_dropped(struct http_exchange *exchange, const struct change_outcome *outcome,
			   struct pending *pending)
{
	(void)outcome;
	(void)pending;
	http_exchange_reply_empty(exchange, 202);
}

void deployment_cancel(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	const char *id = match->params[0];
	bool force = query_flag(exchange, "force", false);
	struct pending *pending;

	if (!cluster_find_deployment(coordinator_cluster(api->coordinator), id)) {
		reply_message(exchange, 404, "Deployment '%s' does not exist", id);
		return;
	}
	pending = pending_new(api, exchange, force ? answer_dropped : pending_answer_deployment,
			      NULL);
	if (pending)
		coordinator_cancel(api->coordinator, id, force, pending_done, pending);
}
