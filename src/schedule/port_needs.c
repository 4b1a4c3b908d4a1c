#include "port_needs.h"

int32_t port_asked(const struct app *app, size_t row)
{
	const struct app_port *port = &app->ports[row];

	if (app->network == NETWORK_HOST) /* else the number only names a service port */
		return app->require_ports ? port->service_port : 0;
	return port->host_port;
}

static bool named(const struct app *app, int32_t port)
{
	for (size_t i = 0; i < app->port_count; i++)
		if (port_asked(app, i) == port)
			return true;
	return false;
}

size_t ports_asked_random(const struct app *app)
{
	size_t count = 0;

	for (size_t i = 0; i < app->port_count; i++)
		count += port_asked(app, i) == 0;
	return count;
}

static bool usable(const struct app *app, const struct placement_host *host, int32_t port)
{
	return !port_set_has(host->ports, port) && !named(app, port);
}

/* Stops at `enough`: every placement asks each host, and a range has tens of thousands. */
static size_t ports_free_upto(const struct app *app, const struct placement_host *host,
			      size_t enough)
{
	size_t count = 0;

	for (int32_t port = host->port_low; port <= host->port_high && count < enough; port++)
		count += usable(app, host, port);
	return count;
}

size_t ports_free(const struct app *app, const struct placement_host *host)
{
	return ports_free_upto(app, host, SIZE_MAX);
}

/* One number may serve tcp in one row and udp in another. */
static bool protocols_clash(enum port_protocol a, enum port_protocol b)
{
	return a == b || a == PORT_TCP_UDP || b == PORT_TCP_UDP;
}

int32_t port_taken(const struct app *app, const struct placement_host *host)
{
	for (size_t i = 0; i < app->port_count; i++) {
		int32_t port = port_asked(app, i);

		if (port <= 0)
			continue;
		if (port_set_has(host->ports, port))
			return port;
		for (size_t k = 0; k < i; k++)
			if (port_asked(app, k) == port &&
			    protocols_clash(app->ports[k].protocol, app->ports[i].protocol))
				return port;
	}
	return 0;
}

bool ports_fit(const struct app *app, const struct placement_host *host)
{
	size_t random = ports_asked_random(app);

	return port_taken(app, host) == 0 && ports_free_upto(app, host, random) == random;
}

void ports_take(const struct app *app, const struct placement_host *host, uint32_t random,
		int32_t *ports)
{
	uint32_t size = host->port_high >= host->port_low
				? (uint32_t)(host->port_high - host->port_low) + 1
				: 1;
	uint32_t next = random % size;

	for (size_t i = 0; i < app->port_count; i++) {
		ports[i] = port_asked(app, i);
		if (ports[i] != 0)
			continue;
		while (!usable(app, host, host->port_low + (int32_t)(next % size)))
			next++;
		ports[i] = host->port_low + (int32_t)(next++ % size);
	}
}
