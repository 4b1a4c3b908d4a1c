#include "stadion/docker/container.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/json/json.h"

static const struct {
	const char *word;
	enum docker_status status;
} statuses[] = {
	{ "created", DOCKER_CREATED },	 { "running", DOCKER_RUNNING },
	{ "paused", DOCKER_RUNNING },	 { "restarting", DOCKER_RUNNING },
	{ "exited", DOCKER_EXITED },	 { "dead", DOCKER_EXITED },
	{ "removing", DOCKER_REMOVING },
};

static bool read_status(const char *word, enum docker_status *out)
{
	for (size_t i = 0; i < ROWS(statuses); i++) {
		if (strcmp(statuses[i].word, word) == 0) {
			*out = statuses[i].status;
			return true;
		}
	}
	return false;
}

/* The engine writes year 1 for "never". */
static int64_t read_time(struct json_object *object, const char *key)
{
	int64_t ms = 0;

	return timestamp_parse(json_text(object, key, ""), &ms) && ms > 0 ? ms : 0;
}

/* Engines before 1.52 have it beside the networks as well, but only for the default bridge. */
static const char *read_address(struct json_object *settings)
{
	struct json_object *networks = settings ? json_object_member(settings, "Networks") : NULL;

	if (networks) {
		json_object_object_foreach(networks, name, network)
		{
			const char *address = "";

			(void)name;
			if (json_object_is_type(network, json_type_object))
				address = json_text(network, "IPAddress", "");
			if (address[0])
				return address;
		}
	}
	return settings ? json_text(settings, "IPAddress", "") : "";
}

const char *docker_container_id(struct json_object *created)
{
	const char *id = created ? json_text(created, "Id", "") : "";

	return strlen(id) < DOCKER_ID_SIZE ? id : "";
}

bool docker_container_read(struct json_object *inspected, struct docker_container *out)
{
	struct json_object *state, *config;
	const char *id = docker_container_id(inspected);
	const char *name;

	if (!id[0] || !json_object_is_type(inspected, json_type_object))
		return false;
	state = json_object_member(inspected, "State");
	config = json_object_member(inspected, "Config");
	name = json_text(inspected, "Name", "");
	*out = (struct docker_container){
		.id = id,
		.name = name + (name[0] == '/'),
		.address = read_address(json_object_member(inspected, "NetworkSettings")),
		.labels = config ? json_object_member(config, "Labels") : NULL,
	};
	if (!state || !read_status(json_text(state, "Status", ""), &out->status))
		return false;
	out->exit_code = (int)json_integer(state, "ExitCode", 0);
	out->out_of_memory = json_flag(state, "OOMKilled", false);
	out->problem = json_text(state, "Error", "");
	out->started_ms = read_time(state, "StartedAt");
	out->ended_ms = read_time(state, "FinishedAt");
	return true;
}

bool docker_container_read_row(struct json_object *row, struct docker_container *out)
{
	struct json_object *names;
	const char *name = "", *id = "";

	if (!row || !json_object_is_type(row, json_type_object))
		return false;
	id = docker_container_id(row);
	names = json_array_member(row, "Names");
	if (names && json_object_array_length(names) > 0 &&
	    json_object_is_type(json_object_array_get_idx(names, 0), json_type_string))
		name = json_object_get_string(json_object_array_get_idx(names, 0));
	*out = (struct docker_container){
		.id = id,
		.name = name + (name[0] == '/'),
		.address = read_address(json_object_member(row, "NetworkSettings")),
		.problem = "",
		.created_ms = json_integer(row, "Created", 0) * 1000,
		.labels = json_object_member(row, "Labels"),
	};
	return id[0] && read_status(json_text(row, "State", ""), &out->status);
}

static const char *const refusals[] = {
	"port is already allocated",
	"address already in use",
	"Ports are not available",
	"failed to bind host port",
};

bool docker_port_refused(const char *message, const int32_t *ports, size_t count, int32_t *port)
{
	bool refused = false;

	for (size_t i = 0; i < ROWS(refusals) && !refused; i++)
		refused = strstr(message, refusals[i]) != NULL;
	if (!refused)
		return false;
	*port = 0;
	/* "Bind for 0.0.0.0:31000 failed", "listen tcp4 0.0.0.0:31000: bind": the number after a
	 * colon that is one of ours. The container's own address stands there too sometimes. */
	for (const char *p = strchr(message, ':'); p; p = strchr(p + 1, ':')) {
		long number = isdigit((unsigned char)p[1]) ? strtol(p + 1, NULL, 10) : 0;

		for (size_t i = 0; i < count && number; i++) {
			if (ports[i] == number) {
				*port = ports[i];
				return true;
			}
		}
	}
	return true;
}
