/* /v2/queue: what waits to be launched, for a place or for time. */

#include "api_state.h"
#include "pending.h"
#include "reply.h"
#include "stadion/base/clock.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/app_write.h"
#include "stadion/model/path_id.h"
#include "views.h"

/* Marathon's funnel: what the reasons before have left is processed by the next. */
static void write_funnel(struct json_writer *writer, const char *key, unsigned long processed,
			 const unsigned long declined[PLACEMENT_REASONS])
{
	json_key(writer, key);
	json_array_begin(writer);
	for (size_t i = 0; i < PLACEMENT_REASONS; i++) {
		json_object_begin(writer);
		json_field_text(writer, "reason", placement_reason_name(i));
		json_field_integer(writer, "declined", (int64_t)declined[i]);
		json_field_integer(writer, "processed", (int64_t)processed);
		json_object_end(writer);
		processed -= declined[i];
	}
	json_array_end(writer);
}

static void write_offers(struct json_writer *writer, const struct offers *offers)
{
	json_key(writer, "processedOffersSummary");
	json_object_begin(writer);
	json_field_integer(writer, "processedOffersCount", (int64_t)offers->processed);
	json_field_integer(writer, "unusedOffersCount", (int64_t)offers->unused);
	if (offers->unused_ms)
		json_field_timestamp(writer, "lastUnusedOfferAt", offers->unused_ms);
	if (offers->used_ms)
		json_field_timestamp(writer, "lastUsedOfferAt", offers->used_ms);
	write_funnel(writer, "rejectSummaryLastOffers", offers->last_processed,
		     offers->last_declined);
	write_funnel(writer, "rejectSummaryLaunchAttempt", offers->processed, offers->declined);
	json_object_end(writer);
}

static void write_amount(struct json_writer *writer, const char *name, int64_t free_units,
			 double unit)
{
	json_object_begin(writer);
	json_field_text(writer, "name", name);
	json_field_text(writer, "role", "*");
	json_field_double(writer, "scalar", (double)free_units / unit);
	json_object_end(writer);
}

static void write_resources(struct json_writer *writer, const struct host *host)
{
	json_key(writer, "resources");
	json_array_begin(writer);
	write_amount(writer, "cpus", host->cpu_milli - host->used_cpu_milli, 1000);
	write_amount(writer, "mem", host->mem_kib - host->used_mem_kib, 1024);
	write_amount(writer, "disk", host->disk_kib - host->used_disk_kib, 1024);
	json_object_begin(writer);
	json_field_text(writer, "name", "ports");
	json_field_text(writer, "role", "*");
	json_key(writer, "ranges");
	json_array_begin(writer);
	json_object_begin(writer);
	json_field_integer(writer, "begin", host->port_low);
	json_field_integer(writer, "end", host->port_high);
	json_object_end(writer);
	json_array_end(writer);
	json_object_end(writer);
	json_array_end(writer);
}

static void write_attributes(struct json_writer *writer, const struct host *host)
{
	json_key(writer, "attributes");
	json_array_begin(writer);
	for (size_t i = 0; i < host->attributes.count; i++) {
		json_object_begin(writer);
		json_field_text(writer, "name", host->attributes.items[i].key);
		json_field_text(writer, "text", host->attributes.items[i].value);
		json_object_end(writer);
	}
	json_array_end(writer);
}

/* A host's verdict as an offer that was not used; one that would take the app is none. */
static void write_verdict(const struct host *host, unsigned refusals, void *arg)
{
	struct json_writer *writer = arg;

	if (!refusals)
		return;
	json_object_begin(writer);
	json_key(writer, "offer");
	json_object_begin(writer);
	json_field_text(writer, "id", host->id);
	json_field_text(writer, "hostname", host->hostname);
	json_field_text(writer, "agentId", host->id);
	write_resources(writer, host);
	write_attributes(writer, host);
	json_object_end(writer);
	json_key(writer, "reason");
	json_array_begin(writer);
	for (size_t i = 0; i < PLACEMENT_REASONS; i++)
		if (placement_reason_applies(i, refusals))
			json_put_text(writer, placement_reason_name(i));
	json_array_end(writer);
	json_field_timestamp(writer, "timestamp", clock_wall_ms());
	json_object_end(writer);
}

static void write_item(struct json_writer *writer, const struct api *api,
		       const struct cluster_app *app, unsigned embed)
{
	uint64_t left_ms = backoff_left_ms(app->backoff, loop_now_ms(api->loop));

	json_object_begin(writer);
	json_field_integer(writer, "count", app->waiting);
	json_key(writer, "delay");
	json_object_begin(writer);
	json_field_integer(writer, "timeLeftSeconds", (int64_t)((left_ms + 999) / 1000));
	json_field_flag(writer, "overdue", left_ms == 0);
	json_object_end(writer);
	json_field_timestamp(writer, "since", app->waiting_since_ms);
	write_offers(writer, &app->offers);
	if (embed & EMBED_OFFERS) {
		json_key(writer, "lastUnusedOffers");
		json_array_begin(writer);
		coordinator_ask_hosts(api->coordinator, app, write_verdict, writer);
		json_array_end(writer);
	}
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

	(void)match;
	json_object_begin(&writer);
	json_key(&writer, "queue");
	json_array_begin(&writer);
	for (size_t i = 0; apps && apps[i]; i++)
		if (apps[i]->waiting > 0)
			write_item(&writer, api, apps[i], embed);
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
