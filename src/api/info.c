/* /v2/info, /v2/leader, /v2/plugins, /ping: what this coordinator is. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_state.h"
#include "reply.h"
#include "stadion/json/json_writer.h"

#define MARATHON_PROFILE "1.10.26" /* the release whose wire this is; clients compare it */

void info_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	const char *colon = strrchr(api->address, ':');
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)match;
	json_object_begin(&writer);
	json_field_text(&writer, "name", "marathon");
	json_field_text(&writer, "version", MARATHON_PROFILE);
	json_field_flag(&writer, "elected", true);
	json_field_text(&writer, "leader", api->address);
	json_field_text(&writer, "frameworkId", coordinator_cluster(api->coordinator)->id);
	json_key(&writer, "marathon_config");
	json_object_begin(&writer);
	json_field_integer(&writer, "local_port_min", 10000);
	json_field_integer(&writer, "local_port_max", 20000);
	json_field_flag(&writer, "ha", false);
	json_object_end(&writer);
	json_key(&writer, "zookeeper_config");
	json_object_begin(&writer);
	json_object_end(&writer);
	json_key(&writer, "http_config");
	json_object_begin(&writer);
	json_field_integer(&writer, "http_port", colon ? strtol(colon + 1, NULL, 10) : 0);
	json_object_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void leader_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)match;
	json_object_begin(&writer);
	json_field_text(&writer, "leader", api->address);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void plugins_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	static const char body[] = "{\"plugins\":[]}";

	(void)match;
	(void)arg;
	http_exchange_reply(exchange, 200, "application/json", body, sizeof(body) - 1);
}

/* Tried in order against the Accept header; text unless it says otherwise. */
static const struct {
	const char *accept, *type, *body;
} pongs[] = {
	{ "text/plain", "text/plain", "pong" },
	{ "text/html", "text/html", "pong" },
	{ "text/*", "text/plain", "pong" },
	{ "application/json", "application/json", "\"pong\"" },
	{ "*/*", "text/plain", "pong" },
};

void ping_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const char *accept = http_exchange_request_header(exchange, "Accept");

	(void)match;
	(void)arg;
	for (size_t i = 0; i < ROWS(pongs); i++)
		if (!accept || strcasestr(accept, pongs[i].accept)) {
			http_exchange_reply(exchange, 200, pongs[i].type, pongs[i].body,
					    strlen(pongs[i].body));
			return;
		}
	http_exchange_reply_empty(exchange, 204);
}
