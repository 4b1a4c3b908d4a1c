/* /v2/info, /v2/leader, /v2/plugins, /ping: what this coordinator is. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_state.h"
#include "reply.h"
#include "stadion/json/json_writer.h"

#define MARATHON_PROFILE "1.10.26" /* the release whose wire this is; clients compare it */

/* Of Marathon's settings those that mean something here; strict clients know no others. */
static void write_config(struct json_writer *writer, const struct api *api)
{
	const char *colon = strrchr(api->address, ':');
	size_t len = colon ? (size_t)(colon - api->address) : strlen(api->address);

	json_field_text(writer, "framework_name", "stadion");
	json_key(writer, "hostname");
	json_put_text_bytes(writer, api->address, len);
	json_field_integer(writer, "local_port_min", 10000);
	json_field_integer(writer, "local_port_max", 20000);
	json_field_flag(writer, "ha", false);
	json_field_flag(writer, "checkpoint", true);
	json_field_text(writer, "executor", "//cmd");
	json_field_text(writer, "mesos_role", "*");
	json_field_integer(writer, "task_launch_timeout", 300000);
	json_key(writer, "features");
	json_array_begin(writer);
	json_array_end(writer);
	if (api->allow_origins)
		json_field_text(writer, "access_control_allow_origin", api->allow_origins);
}

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
	write_config(&writer, api);
	json_object_end(&writer);
	json_key(&writer, "zookeeper_config");
	json_object_begin(&writer);
	json_field_integer(&writer, "zk_max_versions", CLUSTER_VERSIONS_MAX);
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

/* Who leads alone cannot step down: nobody would lead. Said, rather than a silent success. */
void leader_delete(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;

	(void)match;
	reply_message(exchange, 404,
		      "%s is the only coordinator: there is none to lead in its place",
		      api->address);
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
