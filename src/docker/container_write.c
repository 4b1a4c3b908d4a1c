#include "stadion/docker/container.h"

#include <stdio.h>

#include "stadion/json/json_writer.h"

static void write_list(struct json_writer *writer, const char *key, const char *const *items)
{
	if (!items)
		return;
	json_key(writer, key);
	json_array_begin(writer);
	for (size_t i = 0; items[i]; i++)
		json_put_text(writer, items[i]);
	json_array_end(writer);
}

static void write_labels(struct json_writer *writer, const struct docker_container_spec *spec)
{
	json_key(writer, "Labels");
	json_object_begin(writer);
	for (size_t i = 0; i < spec->label_count; i++)
		json_field_text(writer, spec->labels[i].key, spec->labels[i].value);
	json_object_end(writer);
}

static bool same_container_port(const struct docker_port *a, const struct docker_port *b)
{
	return a->container_port == b->container_port && a->protocol[0] == b->protocol[0];
}

/* Two rows may map the same container port: it is one key with two bindings then. */
static bool seen_before(const struct docker_container_spec *spec, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (same_container_port(&spec->ports[i], &spec->ports[index]))
			return true;
	}
	return false;
}

static void port_key(struct json_writer *writer, const struct docker_port *port)
{
	char key[32];

	snprintf(key, sizeof(key), "%d/%s", (int)port->container_port, port->protocol);
	json_key(writer, key);
}

static void write_exposed(struct json_writer *writer, const struct docker_container_spec *spec)
{
	json_key(writer, "ExposedPorts");
	json_object_begin(writer);
	for (size_t i = 0; i < spec->port_count; i++) {
		if (seen_before(spec, i))
			continue;
		port_key(writer, &spec->ports[i]);
		json_object_begin(writer);
		json_object_end(writer);
	}
	json_object_end(writer);
}

static void write_bindings(struct json_writer *writer, const struct docker_container_spec *spec)
{
	json_key(writer, "PortBindings");
	json_object_begin(writer);
	for (size_t i = 0; i < spec->port_count; i++) {
		if (seen_before(spec, i))
			continue;
		port_key(writer, &spec->ports[i]);
		json_array_begin(writer);
		for (size_t j = i; j < spec->port_count; j++) {
			char number[16];

			if (spec->ports[j].host_port <= 0 ||
			    !same_container_port(&spec->ports[i], &spec->ports[j]))
				continue;
			snprintf(number, sizeof(number), "%d", (int)spec->ports[j].host_port);
			json_object_begin(writer);
			json_field_text(writer, "HostIp", "");
			json_field_text(writer, "HostPort", number);
			json_object_end(writer);
		}
		json_array_end(writer);
	}
	json_object_end(writer);
}

static void write_host_config(struct json_writer *writer, const struct docker_container_spec *spec)
{
	json_key(writer, "HostConfig");
	json_object_begin(writer);
	json_field_text(writer, "NetworkMode", spec->network_mode);
	json_field_integer(writer, "Memory", spec->memory_bytes);
	json_field_integer(writer, "CpuShares", spec->cpu_shares);
	write_bindings(writer, spec);
	json_key(writer, "RestartPolicy");
	json_object_begin(writer);
	json_field_text(writer, "Name", "no");
	json_object_end(writer);
	json_key(writer, "LogConfig");
	json_object_begin(writer);
	json_field_text(writer, "Type", "json-file");
	json_key(writer, "Config");
	json_object_begin(writer);
	json_field_text(writer, "max-size", spec->log_max_size);
	json_field_text(writer, "max-file", spec->log_max_files);
	json_object_end(writer);
	json_object_end(writer);
	json_object_end(writer);
}

void docker_container_write(struct text *out, const struct docker_container_spec *spec)
{
	struct json_writer writer = JSON_WRITER(out);

	json_object_begin(&writer);
	json_field_text(&writer, "Image", spec->image);
	write_list(&writer, "Entrypoint", spec->entrypoint);
	write_list(&writer, "Cmd", spec->command);
	write_list(&writer, "Env", spec->environment);
	write_labels(&writer, spec);
	write_exposed(&writer, spec);
	write_host_config(&writer, spec);
	json_object_end(&writer);
}
