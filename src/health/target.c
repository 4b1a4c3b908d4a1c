#include "target.h"

#include <stdio.h>
#include <string.h>

#define URL_MAX (16U << 10)

static bool wants_container(const struct app *app, const struct health_check *check, bool fixed,
			    int32_t host_port)
{
	if (app->network == NETWORK_HOST)
		return false;
	switch (check->protocol) {
	case CHECK_TCP:
		return !fixed;
	case CHECK_MESOS_HTTP:
	case CHECK_MESOS_HTTPS:
	case CHECK_MESOS_TCP:
		return true;
	case CHECK_HTTP:
	case CHECK_HTTPS:
	case CHECK_COMMAND:
		break;
	}
	return app->network == NETWORK_CONTAINER || (!fixed && host_port == PORT_NONE);
}

/* The row that the check is about; app->port_count when there is none. A fixed number that no row
 * was given on this host is a port of the host's, as Marathon has it. */
static size_t check_row(const struct app *app, const struct health_check *check,
			const int32_t *ports)
{
	size_t row = 0;

	if (check->port != CHECK_PORT_UNSET) {
		while (row < app->port_count && ports[row] != check->port)
			row++;
		return row;
	}
	if (check->port_index != CHECK_PORT_UNSET)
		row = (size_t)check->port_index;
	return row < app->port_count ? row : app->port_count;
}

static bool no_target(char cause[160], const char *why)
{
	(void)snprintf(cause, 160, "%s", why);
	return false;
}

bool probe_target_find(const struct app *app, const struct health_check *check,
		       const int32_t *ports, const char *address, struct probe_target *out,
		       char cause[160])
{
	size_t row = check_row(app, check, ports);
	bool fixed = check->port != CHECK_PORT_UNSET && row == app->port_count;
	int32_t host_port = PORT_NONE;
	int32_t container_port = 0;

	if (fixed) {
		host_port = container_port = check->port;
	} else if (row < app->port_count) {
		host_port = ports[row];
		container_port = app->ports[row].container_port;
		if (container_port == 0)
			container_port = host_port;
	} else {
		return no_target(cause, "the app has no port for this check");
	}
	const char *host = check->ipv6 ? "::1" : "127.0.0.1";
	int32_t port = host_port;

	if (wants_container(app, check, fixed, host_port)) {
		if (!address[0])
			return no_target(cause, "the container has no address of its own");
		host = address;
		port = container_port;
	}
	if (port <= 0)
		return no_target(cause, "no port is known");
	if (!text_copy(out->host, sizeof(out->host), host))
		return no_target(cause, "the container's address is too long");
	out->port = port;
	return true;
}

char *probe_target_url(const struct probe_target *target, const struct health_check *check)
{
	bool tls = check->protocol == CHECK_HTTPS || check->protocol == CHECK_MESOS_HTTPS;
	bool v6 = strchr(target->host, ':') != NULL;
	struct text url = TEXT_INIT(URL_MAX);

	text_addf(&url, "%s://%s%s%s:%d", tls ? "https" : "http", v6 ? "[" : "", target->host,
		  v6 ? "]" : "", (int)target->port);
	if (!check->path || check->path[0] != '/')
		text_add(&url, "/");
	for (const char *at = check->path ? check->path : ""; *at; at++) {
		unsigned char byte = (unsigned char)*at;

		if (byte <= ' ' || byte >= 0x7f || byte == '#')
			text_addf(&url, "%%%02X", byte);
		else
			text_add_bytes(&url, at, 1);
	}
	char *taken = text_take(&url);

	text_clear(&url);
	return taken;
}
