#include "service_ports.h"

void service_ports_collect(const struct app *app, struct port_set *used)
{
	for (size_t i = 0; i < app->port_count; i++)
		if (app->ports[i].service_port > 0 && app->ports[i].service_port <= UINT16_MAX)
			port_set_add(used, app->ports[i].service_port);
}

static bool names(const struct app *app, int32_t port)
{
	for (size_t i = 0; i < app->port_count; i++)
		if (app->ports[i].service_port == port)
			return true;
	return false;
}

static int32_t own_earlier(const struct app *app, const struct app *old, int32_t low, int32_t high)
{
	for (size_t i = 0; old && i < old->port_count; i++) {
		int32_t port = old->ports[i].service_port;

		if (port >= low && port <= high && !names(app, port))
			return port;
	}
	return 0;
}

static int32_t lowest_free(const struct port_set *used, int32_t low, int32_t high)
{
	for (int32_t port = low; port <= high; port++)
		if (!port_set_has(used, port))
			return port;
	return 0;
}

bool service_ports_assign(struct app *app, const struct app *old, uint16_t low, uint16_t high,
			  struct port_set *used, struct error *error)
{
	for (size_t i = 0; i < app->port_count; i++) {
		int32_t port = app->ports[i].service_port;

		if (port != 0)
			continue;
		port = own_earlier(app, old, low, high);
		if (port == 0)
			port = lowest_free(used, low, high);
		if (port == 0)
			return error_set(error, ERROR_INVALID,
					 "%s: no service port from %u to %u is free", app->id, low,
					 high);
		app->ports[i].service_port = port;
		port_set_add(used, port);
	}
	return true;
}
