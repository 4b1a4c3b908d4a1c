/* /v2/hosts: the machines with an agent. Ours; Marathon has nothing like it. */

#include <stdio.h>
#include <string.h>

#include "api_state.h"
#include "reply.h"
#include "stadion/json/json_writer.h"
#include "views.h"

static void write_resources(struct json_writer *writer, const char *key, int64_t cpu_milli,
			    int64_t mem_kib, int64_t disk_kib)
{
	json_key(writer, key);
	json_object_begin(writer);
	json_field_double(writer, "cpus", (double)cpu_milli / 1000);
	json_field_double(writer, "mem", (double)mem_kib / 1024);
	json_field_double(writer, "disk", (double)disk_kib / 1024);
	json_object_end(writer);
}

static void write_engine(struct json_writer *writer, const struct host *host)
{
	json_key(writer, "engine");
	json_object_begin(writer);
	json_field_text(writer, "name", host->engine ? host->engine : "");
	json_field_flag(writer, "ready", host->engine_down_since_ms == 0);
	if (host->engine_down_since_ms) {
		json_field_timestamp(writer, "downSince", host->engine_down_since_ms);
		json_field_text(writer, "problem", host->engine_problem);
	}
	json_object_end(writer);
}

static void write_host(struct json_writer *writer, const struct host *host)
{
	char ports[16];

	snprintf(ports, sizeof(ports), "%u-%u", host->port_low, host->port_high);
	json_object_begin(writer);
	json_field_text(writer, "id", host->id);
	json_field_text(writer, "hostname", host->hostname);
	json_field_text(writer, "state", host->state == HOST_UP ? "up" : "unreachable");
	json_field_text(writer, "version", host->version ? host->version : "");
	write_engine(writer, host);
	write_resources(writer, "resources", host->cpu_milli, host->mem_kib, host->disk_kib);
	write_resources(writer, "used", host->used_cpu_milli, host->used_mem_kib,
			host->used_disk_kib);
	json_field_text(writer, "ports", ports);
	json_key(writer, "attributes");
	json_object_begin(writer);
	for (size_t i = 0; i < host->attributes.count; i++)
		json_field_text(writer, host->attributes.items[i].key,
				host->attributes.items[i].value);
	json_object_end(writer);
	json_field_integer(writer, "tasks", (int64_t)host->instance_count);
	json_object_end(writer);
}

static const struct host *find_host(const struct api *api, const char *id)
{
	const struct host *host = coordinator_cluster(api->coordinator)->hosts;

	while (host && strcmp(host->id, id) != 0)
		host = host->hh.next;
	return host;
}

void host_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct host *host = find_host(arg, match->params[0]);
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	const struct instance *instance;

	if (!host) {
		reply_message(exchange, 404, "Host '%s' does not exist", match->params[0]);
		return;
	}
	json_object_begin(&writer);
	json_key(&writer, "host");
	write_host(&writer, host);
	json_key(&writer, "tasks");
	json_array_begin(&writer);
	LIST_FOREACH(instance, &host->instances, of_host)
		task_view_write(&writer, instance, TASK_VIEW_SERVICE_PORTS);
	json_array_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void hosts_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)match;
	json_object_begin(&writer);
	json_key(&writer, "hosts");
	json_array_begin(&writer);
	for (const struct host *host = coordinator_cluster(api->coordinator)->hosts; host;
	     host = host->hh.next)
		write_host(&writer, host);
	json_array_end(&writer);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}
