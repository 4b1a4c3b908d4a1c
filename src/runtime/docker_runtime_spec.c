#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker_runtime.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/json/json.h"
#include "stadion/model/app_write.h"

#define MEMORY_MIN (32LL << 20) /* as Mesos; the engine itself wants 6 MiB */
#define CPU_SHARES_MIN 2

#define LABEL_TASK "stadion.task"
#define LABEL_APP "stadion.app"
#define LABEL_VERSION "stadion.version"
#define LABEL_PORTS "stadion.ports"
#define LABEL_ATTEMPT "stadion.attempt"
#define LABEL_HOST "stadion.host"
#define LABEL_CLUSTER "stadion.cluster"
#define LABEL_SPEC "stadion.spec"
#define LABEL_MESOS "MESOS_TASK_ID"

/* A digest to compare by, not to trust: FNV-1a, 64 bits. */
static uint64_t digest(const char *data, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3U;
	return hash;
}

static void add_port(struct docker_port *ports, size_t *count, const struct app_port *row,
		     int32_t host_port, const char *protocol)
{
	int32_t inside = row->container_port > 0 ? row->container_port : host_port;

	if (inside <= 0)
		return;
	ports[(*count)++] = (struct docker_port){ .container_port = inside,
						  .host_port = host_port > 0 ? host_port : 0,
						  .protocol = protocol };
}

/* At most two per row; `ports` has room for them. */
static size_t list_ports(const struct runtime_unit *unit, struct docker_port *ports)
{
	const struct app *app = unit->app;
	size_t count = 0;

	for (size_t i = 0; app->network != NETWORK_HOST && i < app->port_count; i++) {
		const struct app_port *row = &app->ports[i];

		if (row->protocol != PORT_UDP)
			add_port(ports, &count, row, unit->ports[i], "tcp");
		if (row->protocol != PORT_TCP)
			add_port(ports, &count, row, unit->ports[i], "udp");
	}
	return count;
}

/* "K=V" strings in one allocation behind their array, ended by NULL. */
static char **list_environment(const struct pair_list *list)
{
	size_t size = (list->count + 1) * sizeof(char *);
	char **items, *text;

	for (size_t i = 0; i < list->count; i++)
		size += strlen(list->items[i].key) + strlen(list->items[i].value) + 2;
	items = malloc(size);
	if (!items)
		return NULL;
	text = (char *)(items + list->count + 1);
	for (size_t i = 0; i < list->count; i++) {
		items[i] = text;
		text = stpcpy(text, list->items[i].key);
		*text++ = '=';
		text = stpcpy(text, list->items[i].value) + 1;
	}
	items[list->count] = NULL;
	return items;
}

static const char *network_mode(const struct app *app)
{
	switch (app->network) {
	case NETWORK_HOST:
		return "host";
	case NETWORK_CONTAINER:
		return app->network_name ? app->network_name : "bridge";
	case NETWORK_BRIDGE:
		break;
	}
	return "bridge";
}

static void write_with(struct text *out, const struct runtime_unit *unit,
		       const struct docker_label *labels, size_t label_count,
		       struct docker_port *ports, char **environment)
{
	static const char *const shell[] = { "/bin/sh", NULL };
	const struct app *app = unit->app;
	const char *const command[] = { "-c", app->cmd, NULL };
	int64_t memory = app->mem_kib * 1024, shares = app->cpu_milli * 1024 / 1000;
	struct docker_container_spec spec = {
		.image = app->image,
		.entrypoint = app->cmd ? shell : NULL,
		.command = app->cmd ? command : (const char *const *)app->args,
		.environment = (const char *const *)environment,
		.labels = labels,
		.label_count = label_count,
		.ports = ports,
		.port_count = list_ports(unit, ports),
		.network_mode = network_mode(app),
		.memory_bytes = memory > MEMORY_MIN ? memory : MEMORY_MIN,
		.cpu_shares = shares > CPU_SHARES_MIN ? shares : CPU_SHARES_MIN,
		.log_max_size = "10m",
		.log_max_files = "3",
	};

	docker_container_write(out, &spec);
}

void spec_write(struct text *out, const struct runtime_unit *unit, const struct spec_owner *owner)
{
	struct text stored = TEXT_INIT(4U << 20), port_words = TEXT_INIT(16384);
	struct json_writer writer = JSON_WRITER(&stored);
	struct docker_port *ports = calloc(unit->app->port_count * 2 + 1, sizeof(*ports));
	char **environment = list_environment(&unit->environment);
	char version[TIMESTAMP_SIZE], attempt[16], spec[20];
	const struct docker_label labels[] = {
		{ LABEL_TASK, unit->task_id },	   { LABEL_APP, unit->app->id },
		{ LABEL_VERSION, version },	   { LABEL_ATTEMPT, attempt },
		{ LABEL_HOST, owner->host_id },	   { LABEL_SPEC, spec },
		{ LABEL_MESOS, unit->task_id },	   { LABEL_PORTS, NULL },
		{ LABEL_CLUSTER, owner->cluster },
	};
	struct docker_label filled[ROWS(labels)];

	app_write_stored(&writer, unit->app);
	timestamp_format(version, unit->app->version_ms);
	snprintf(attempt, sizeof(attempt), "%u", (unsigned)unit->attempt);
	snprintf(spec, sizeof(spec), "%016llx",
		 (unsigned long long)digest(text_string(&stored), stored.len));
	runtime_ports_write(&port_words, unit->ports, unit->app->port_count);
	memcpy(filled, labels, sizeof(labels));
	filled[7].value = text_string(&port_words);
	if (ports && environment && !stored.failed && !port_words.failed)
		write_with(out, unit, filled, ROWS(filled) - !owner->cluster[0], ports,
			   environment);
	else
		out->failed = true;
	free(ports);
	free(environment);
	text_clear(&stored);
	text_clear(&port_words);
}

static const char *label(const struct docker_container *container, const char *key)
{
	return container->labels ? json_text(container->labels, key, "") : "";
}

enum spec_match spec_match(const struct docker_container *container,
			   const struct runtime_unit *unit, const char *host_id)
{
	struct text ports = TEXT_INIT(16384);
	bool same;

	if (strcmp(label(container, LABEL_TASK), unit->task_id) != 0 ||
	    strcmp(label(container, LABEL_HOST), host_id) != 0)
		return SPEC_STRANGER;
	runtime_ports_write(&ports, unit->ports, unit->app->port_count);
	same = strcmp(label(container, LABEL_PORTS), text_string(&ports)) == 0;
	text_clear(&ports);
	return same ? SPEC_SAME : SPEC_OTHER_PORTS;
}

bool spec_found(const struct docker_container *container, const char *host_id,
		struct runtime_found *out, int32_t **ports)
{
	unsigned long attempt = strtoul(label(container, LABEL_ATTEMPT), NULL, 10);

	*out = (struct runtime_found){
		.task_id = label(container, LABEL_TASK),
		.app_id = label(container, LABEL_APP),
		.handle = container->id,
		.attempt = attempt > 0 && attempt < UINT32_MAX ? (uint32_t)attempt : 1,
		.running = container->status == DOCKER_RUNNING,
		.started_ms = container->created_ms,
	};
	if (!out->task_id[0] || strcmp(label(container, LABEL_HOST), host_id) != 0)
		return false;
	(void)timestamp_parse(label(container, LABEL_VERSION), &out->version_ms); /* else 0 */
	if (!runtime_ports_read(label(container, LABEL_PORTS), ports, &out->port_count))
		return false;
	out->ports = *ports;
	return true;
}

void spec_end(const struct docker_container *container, struct runtime_report *out, char *words,
	      size_t size)
{
	int code = container->exit_code;

	out->event = RUNTIME_ENDED;
	out->handle = container->id;
	out->started_ms = container->started_ms;
	out->exit_code = code;
	out->out_of_memory = container->out_of_memory;
	if (container->started_ms && container->ended_ms > container->started_ms)
		out->ran_ms = (uint64_t)(container->ended_ms - container->started_ms);
	if (code > 128 && code < 128 + SIGRTMIN) { /* how runc and shells tell a signal */
		out->signal = code - 128;
		out->exit_code = -1;
	}
	if (container->out_of_memory)
		snprintf(words, size, "out of memory: killed by the kernel (exit code %d)", code);
	else if (out->signal)
		snprintf(words, size, "killed by signal %d (exit code %d)", out->signal, code);
	else
		snprintf(words, size, "exited with code %d%s%.200s", code,
			 container->problem[0] ? ": " : "", container->problem);
	out->text = words;
}
