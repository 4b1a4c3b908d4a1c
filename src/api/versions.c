/* /v2/apps/{id}/versions: the kept definitions of an app. */

#include "api_state.h"
#include "reply.h"
#include "stadion/base/clock.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/app_write.h"
#include "stadion/model/path_id.h"

void versions_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct cluster_app *app = api_require_app(exchange, arg, match->params[0]);
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	if (!app)
		return;
	json_object_begin(&writer);
	json_key(&writer, "versions");
	json_array_begin(&writer);
	for (size_t i = 0; i < app->version_count; i++)
		json_put_timestamp(&writer, app->versions[i]->version_ms);
	json_array_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void version_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct cluster_app *app = api_require_app(exchange, arg, match->params[0]);
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	const struct app *version;
	int64_t version_ms;

	if (!app)
		return;
	if (!timestamp_parse(match->params[1], &version_ms)) {
		reply_message(exchange, 422, "version '%s' is not a timestamp", match->params[1]);
		return;
	}
	version = cluster_app_version(app, version_ms);
	if (!version) {
		reply_message(exchange, 404, "App '%s' has no version '%s'", app->id,
			      match->params[1]);
		return;
	}
	json_object_begin(&writer);
	app_write_members(&writer, version);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}
