/* /v2/queue: what waits to be launched, for a place or for time. */

#include "api_state.h"
#include "pending.h"
#include "reply.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/app_write.h"
#include "stadion/model/path_id.h"
#include "views.h"

static void write_offers(struct json_writer *writer, const struct cluster_app *app)
{
	json_key(writer, "processedOffersSummary");
	json_object_begin(writer);
	json_field_integer(writer, "processedOffersCount", (int64_t)app->refused_count[0]);
	json_field_integer(writer, "unusedOffersCount", (int64_t)app->refused_count[1]);
	json_key(writer, "rejectSummaryLastOffers");
	json_array_begin(writer);
	json_array_end(writer);
	json_key(writer, "rejectSummaryLaunchAttempt");
	json_array_begin(writer);
	json_array_end(writer);
	json_object_end(writer);
}

static void write_item(struct json_writer *writer, const struct cluster_app *app, uint64_t left_ms,
		       unsigned embed)
{
	json_object_begin(writer);
	json_field_integer(writer, "count", app->waiting);
	json_key(writer, "delay");
	json_object_begin(writer);
	json_field_integer(writer, "timeLeftSeconds", (int64_t)((left_ms + 999) / 1000));
	json_field_flag(writer, "overdue", left_ms == 0);
	json_object_end(writer);
	json_field_timestamp(writer, "since", app->waiting_since_ms);
	write_offers(writer, app);
	json_key(writer, "app");
	json_object_begin(writer);
	app_write_members(writer, app->current);
	json_object_end(writer);
	if (embed & EMBED_WHY)
		json_field_text(writer, "waitingFor", app->waiting_for);
	json_object_end(writer);
}

void queue_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	autofree const struct cluster_app **apps =
		apps_sorted(coordinator_cluster(api->coordinator));
	unsigned embed = embed_read(exchange, 0);
	uint64_t now_ms = loop_now_ms(api->loop);

	(void)match;
	json_object_begin(&writer);
	json_key(&writer, "queue");
	json_array_begin(&writer);
	for (size_t i = 0; apps && apps[i]; i++)
		if (apps[i]->waiting > 0)
			write_item(&writer, apps[i], backoff_left_ms(apps[i]->backoff, now_ms),
				   embed);
	json_array_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

static void answer_reset(struct http_exchange *exchange, const struct change_outcome *outcome,
			 struct pending *pending)
{
	(void)outcome;
	(void)pending;
	http_exchange_reply_empty(exchange, 204);
}

void queue_reset_delay(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	struct error error = { 0 };
	struct pending *pending;
	char id[PATH_ID_MAX];

	if (!path_id_resolve(match->params[0], "/", id, &error))
		reply_message(exchange, 404, "App '/%s' does not exist", match->params[0]);
	else if ((pending = pending_new(api, exchange, answer_reset, id)))
		coordinator_reset_delay(api->coordinator, id, pending_done, pending);
}
