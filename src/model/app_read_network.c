#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app_parts.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"

#define NETWORK_NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_-"
#define PORT_NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-"

static struct json_object *docker_of(struct json_object *document)
{
	return json_object_member(json_object_member(document, "container"), "docker");
}

bool name_valid(const char *text, const char *set, size_t max)
{
	size_t len = strlen(text);

	return len > 0 && len <= max && text[strspn(text, set)] == '\0' && !strchr("-_", text[0]) &&
	       !strchr("-_", text[len - 1]);
}

static void read_container(struct reader *reader, struct json_object *document, struct app *app)
{
	struct json_object *container = reader_object(reader, document, "", "container");
	const char *type = reader_text(reader, container, "/container", "type");
	struct json_object *docker;

	if (!container)
		return;
	if (type && strcasecmp(type, "MESOS") == 0) {
		problems_add(reader->problems, true, "/container/type",
			     "MESOS containers are not supported yet; use DOCKER");
		return;
	}
	if (type && strcasecmp(type, "DOCKER") != 0)
		problem_code(reader, "/container", "type", "error.unknown.enum.literal");
	docker = reader_object(reader, container, "/container", "docker");
	if (!docker) {
		if (!json_member(container, "docker"))
			problem_code(reader, "/container", "docker", "error.path.missing");
		return;
	}
	app->container = CONTAINER_DOCKER;
	FIELDS_READ(reader, docker_fields, docker, "/container/docker", app);
	if (app->image && !*app->image)
		problem_code(reader, "/container/docker", "image", "error.minLength");
}

static void name_network(struct reader *reader, const char *name, struct app *app)
{
	if (!name) {
		problem_code(reader, "/networks(0)", "name", "error.path.missing");
	} else if (!name_valid(name, NETWORK_NAME_CHARS, 63)) {
		problem_code(reader, "/networks(0)", "name", "error.pattern");
	} else {
		free(app->network_name);
		app->network_name = text_duplicate(name);
	}
}

static void read_network_list(struct reader *reader, struct json_object *networks, struct app *app)
{
	struct json_object *first = json_object_array_get_idx(networks, 0);
	size_t count = json_object_array_length(networks);
	const char *mode, *name;
	int value = NETWORK_CONTAINER;

	if (count > 1) {
		problems_add(reader->problems, true, "/networks",
			     "an app with a Docker container has one network; %zu are given",
			     count);
		return;
	}
	if (!json_object_is_type(first, json_type_object)) {
		problems_add(reader->problems, false, "/networks(0)", "error.expected.jsobject");
		return;
	}
	mode = reader_text(reader, first, "/networks(0)", "mode");
	name = reader_text(reader, first, "/networks(0)", "name");
	if (mode && !field_name_parse(network_mode_names, mode, &value)) {
		problem_code(reader, "/networks(0)", "mode", "error.unknown.enum.literal");
		return;
	}
	app->network = (enum network_mode)value;
	if (app->network == NETWORK_CONTAINER)
		name_network(reader, name, app);
	else if (name)
		problems_add(reader->problems, true, "/networks(0)/name",
			     "only networks of mode container have a name");
}

/* container.docker.network and ipAddress, as up to Marathon 1.4 */
static void read_legacy_network(struct reader *reader, const char *legacy,
				struct json_object *address, struct app *app)
{
	const char *name = reader_text(reader, address, "/ipAddress", "networkName");
	int value = address ? NETWORK_CONTAINER : NETWORK_HOST;

	if (legacy && strcasecmp(legacy, "NONE") == 0) {
		problems_add(reader->problems, true, "/container/docker/network",
			     "NONE is not supported; use BRIDGE, HOST or USER");
		return;
	}
	if (legacy && !field_name_parse(legacy_network_names, legacy, &value)) {
		problem_code(reader, "/container/docker", "network", "error.unknown.enum.literal");
		return;
	}
	app->network = (enum network_mode)value;
	if (!legacy && name && strcmp(name, "mesos-bridge") == 0)
		app->network = NETWORK_BRIDGE;
	if (app->network == NETWORK_CONTAINER)
		name_network(reader, name, app);
}

static void read_network(struct reader *reader, struct json_object *document, struct app *app)
{
	struct json_object *networks = reader_array(reader, document, "", "networks");
	struct json_object *address = reader_object(reader, document, "", "ipAddress");
	const char *legacy =
		reader_text(reader, docker_of(document), "/container/docker", "network");

	if (networks && (legacy || address))
		problems_add(reader->problems, true, "/",
			     "networks must not be mixed with the older %s",
			     legacy ? "container.docker.network" : "ipAddress");
	else if (networks && json_object_array_length(networks) > 0)
		read_network_list(reader, networks, app);
	else
		read_legacy_network(reader, legacy, address, app);
	if (app->network != NETWORK_HOST && app->container == CONTAINER_NONE)
		problems_add(reader->problems, true, "/networks",
			     "bridge and container networks need a Docker container");
}

/* A definition of container mode may repeat the name of the one network. */
static void check_network_names(struct reader *reader, struct json_object *item, const char *path,
				const struct app *app)
{
	struct json_object *names = reader_array(reader, item, path, "networkNames");

	for (size_t i = 0; names && i < json_object_array_length(names); i++) {
		struct json_object *name = json_object_array_get_idx(names, i);

		if (!json_object_is_type(name, json_type_string))
			problem_code(reader, path, "networkNames", "error.expected.jsstring");
		else if (!app->network_name ||
			 strcmp(json_object_get_string(name), app->network_name) != 0)
			problem_code(reader, path, "networkNames",
				     "names a network that the app does not have");
	}
}

static bool port_add(struct reader *reader, struct app *app)
{
	struct app_port *port = &app->ports[app->port_count];

	if (!FIELDS_DEFAULT(mapping_fields, port)) {
		problems_add(reader->problems, false, "/", "out of memory");
		return false;
	}
	/* In host mode the number is unused, and a bridge's mapping without one gets a random. */
	if (app->network == NETWORK_HOST || (app->network == NETWORK_BRIDGE && !reader->stored))
		port->host_port = 0;
	app->port_count++;
	return true;
}

static bool ports_reserve(struct reader *reader, struct app *app, const char *path, size_t count)
{
	if (!reader_count(reader, path,
			  app->network == NETWORK_HOST ? "portDefinitions" : "portMappings", count,
			  PORTS_MAX))
		return false;
	app->ports = calloc(count + 1, sizeof(*app->ports));
	if (!app->ports)
		problems_add(reader->problems, false, "/", "out of memory");
	return app->ports != NULL;
}

static void read_port_list(struct reader *reader, const struct field_table *table,
			   struct json_object *list, const char *path, struct app *app)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct app_port *port = &app->ports[app->port_count];
		char where[64];

		(void)snprintf(where, sizeof(where), "%s(%zu)", path, i);
		if (!json_object_is_type(item, json_type_object)) {
			problems_add(reader->problems, false, where, "error.expected.jsobject");
			continue;
		}
		if (!port_add(reader, app))
			return;
		FIELDS_READ(reader, *table, item, where, port);
		if (port->name && !name_valid(port->name, PORT_NAME_CHARS, SIZE_MAX))
			problem_code(reader, where, "name", "error.pattern");
		check_network_names(reader, item, where, app);
	}
}

/* "ports": [0, 8080]; each is told as the definition that it stands for. */
static void read_legacy_ports(struct reader *reader, struct json_object *ports, struct app *app)
{
	for (size_t i = 0; i < json_object_array_length(ports); i++) {
		struct json_object *item = json_object_new_object();
		char where[64];

		if (!item || !port_add(reader, app)) {
			json_object_put(item);
			return;
		}
		(void)json_object_object_add(item, "port",
					     json_object_get(json_object_array_get_idx(ports, i)));
		(void)snprintf(where, sizeof(where), "/portDefinitions(%zu)", i);
		FIELDS_READ(reader, definition_fields, item, where,
			    &app->ports[app->port_count - 1]);
		json_object_put(item);
	}
}

static bool ports_agree(struct json_object *definitions, struct json_object *ports)
{
	size_t count = json_object_array_length(definitions);

	if (count != json_object_array_length(ports))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct json_object *port = json_object_array_get_idx(ports, i);

		if (json_integer(json_object_array_get_idx(definitions, i), "port", 0) !=
		    json_object_get_int64(port))
			return false;
	}
	return true;
}

static void default_port(struct reader *reader, struct app *app)
{
	if (!ports_reserve(reader, app, "", 1) || !port_add(reader, app))
		return;
	app->ports[0].name = text_duplicate("default");
}

static void read_definitions(struct reader *reader, struct json_object *document, struct app *app)
{
	struct json_object *definitions = reader_array(reader, document, "", "portDefinitions");
	struct json_object *ports = reader_array(reader, document, "", "ports");

	if (definitions && ports && !ports_agree(definitions, ports)) {
		problems_add(reader->problems, true, "/",
			     "ports and portDefinitions differ; give one of them");
		return;
	}
	if (definitions) {
		if (ports_reserve(reader, app, "", json_object_array_length(definitions)))
			read_port_list(reader, &definition_fields, definitions, "/portDefinitions",
				       app);
	} else if (ports) {
		if (ports_reserve(reader, app, "", json_object_array_length(ports)))
			read_legacy_ports(reader, ports, app);
	} else {
		default_port(reader, app);
	}
}

/* How many ports of host mode the user listed. */
static size_t listed_ports(struct json_object *given)
{
	struct json_object *definitions = json_array_member(given, "portDefinitions");
	struct json_object *ports = json_array_member(given, "ports");
	size_t a = definitions ? json_object_array_length(definitions) : 0;
	size_t b = ports ? json_object_array_length(ports) : 0;

	return a > b ? a : b;
}

static void read_mappings(struct reader *reader, struct json_object *document,
			  struct json_object *given, struct app *app)
{
	struct json_object *container = json_object_member(document, "container");
	struct json_object *mappings =
		reader_array(reader, container, "/container", "portMappings");
	struct json_object *legacy =
		reader_array(reader, docker_of(document), "/container", "portMappings");
	size_t listed = listed_ports(given);
	size_t count;

	if (mappings && legacy) {
		problems_add(reader->problems, true, "/container/portMappings",
			     "given in container and in container.docker; give one of them");
		return;
	}
	if (json_member(given, "ipAddress") && listed > 0) {
		problems_add(reader->problems, true, "/", "ipAddress and ports must not be mixed");
		return;
	}
	mappings = mappings ? mappings : legacy;
	if (!mappings && listed == 0) {
		default_port(reader, app);
		return;
	}
	count = mappings ? json_object_array_length(mappings) : 0;
	if (!ports_reserve(reader, app, "/container", count > listed ? count : listed))
		return;
	if (mappings)
		read_port_list(reader, &mapping_fields, mappings, "/container/portMappings", app);
	while (app->port_count < listed && port_add(reader, app))
		continue;
}

void app_read_network(struct reader *reader, struct json_object *document,
		      struct json_object *given, struct app *app)
{
	read_container(reader, document, app);
	read_network(reader, document, app);
	if (app->network == NETWORK_HOST) {
		read_definitions(reader, document, app);
	} else {
		read_mappings(reader, document, given, app);
		app->require_ports = false;
	}
}
