#include "tasks_text.h"

#include <string.h>

#include "stadion/model/path_id.h"
#include "views.h"

static bool is_listed(const char *names, const char *name)
{
	if (!names)
		return false;
	while (*names) {
		size_t len = strcspn(names, ",");

		if ((len == 1 && *names == '*') ||
		    (name && len == strlen(name) && !memcmp(names, name, len)))
			return true;
		names += len + (names[len] == ',');
	}
	return false;
}

static void add_endpoint(struct text *out, const struct instance *instance, size_t port)
{
	size_t count;
	const int32_t *ports = task_view_ports(instance, &count);

	if (instance->app->network == NETWORK_CONTAINER) {
		if (instance->status.address[0] && port < instance->app->port_count)
			text_addf(out, "%s:%d\t", instance->status.address,
				  instance->app->ports[port].container_port);
	} else if (port < count && ports[port] != PORT_NONE) {
		text_addf(out, "%s:%d\t", instance->hostname ? instance->hostname : "",
			  ports[port]);
	}
}

static bool is_running(const struct instance *instance)
{
	return task_view_state(instance) == TASK_RUNNING;
}

void tasks_text_add(struct text *out, const struct cluster_app *app, const char *networks)
{
	const struct app *current = app->current;
	const struct instance *instance;
	char id[PATH_ID_MAX];

	if (current->network == NETWORK_CONTAINER && !is_listed(networks, current->network_name))
		return;
	path_id_safe(app->id, id);
	for (size_t port = 0; port < current->port_count; port++) {
		text_addf(out, "%s\t%d\t", id, current->ports[port].service_port);
		LIST_FOREACH(instance, &app->instances, of_app)
			if (is_running(instance))
				add_endpoint(out, instance, port);
		text_add(out, "\n");
	}
	if (current->port_count > 0)
		return;
	text_addf(out, "%s\t \t", id);
	LIST_FOREACH(instance, &app->instances, of_app)
		if (is_running(instance))
			text_addf(out, "%s\t", instance->hostname ? instance->hostname : "");
	text_add(out, "\n");
}
