#include "tcp_probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

struct tcp_probe {
	struct tcp_probe **slot;
	tcp_probe_fn *done;
	void *arg;
	struct event *event;
	int fd;
	int failure; /* errno of a connect that failed at once */
};

static void probe_free(struct tcp_probe *probe)
{
	if (probe->event)
		event_free(probe->event);
	if (probe->fd >= 0)
		(void)close(probe->fd); /* nothing was written */
	free(probe);
}

void tcp_probe_cancel(struct tcp_probe **slot)
{
	struct tcp_probe *probe = *slot;

	*slot = NULL;
	if (probe)
		probe_free(probe);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_probe *probe = arg;
	tcp_probe_fn *done = probe->done;
	void *done_arg = probe->arg;
	struct error error = { 0 };
	int number = probe->failure;
	socklen_t size = sizeof(number);

	if (!number && (what & EV_WRITE) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
		number = errno;
	if (number)
		error_set_errno(&error, ERROR_UNAVAILABLE, number, "connecting");
	else if (!(what & EV_WRITE))
		error_set(&error, ERROR_TIMEOUT, "not connected in time");
	tcp_probe_cancel(probe->slot);
	done(error.kind == ERROR_NONE ? NULL : &error, done_arg);
}

static struct addrinfo *numeric_address(const char *host, int32_t port)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char service[16];

	(void)snprintf(service, sizeof(service), "%d", (int)port);
	return getaddrinfo(host, service, &hints, &found) == 0 ? found : NULL;
}

static bool probe_connect(struct tcp_probe *probe, const struct addrinfo *address,
			  struct error *error)
{
	probe->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "opening a socket");
	if (connect(probe->fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
		probe->failure = errno;
	return true;
}

/* Takes the probe; false when no event comes of it. */
static bool probe_watch(struct tcp_probe *probe, struct loop *loop, uint64_t timeout_ms)
{
	const struct timeval limit = {
		.tv_sec = (time_t)(timeout_ms / 1000),
		.tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000),
	};

	probe->event = event_new(loop_base(loop), probe->fd, EV_WRITE, on_event, probe);
	if (!probe->event || event_add(probe->event, &limit) < 0)
		return false;
	if (probe->failure) /* told from the loop, never from inside the start */
		event_active(probe->event, EV_WRITE, 0);
	return true;
}

bool tcp_probe_start(struct loop *loop, const char *host, int32_t port, uint64_t timeout_ms,
		     tcp_probe_fn *done, void *arg, struct tcp_probe **slot, struct error *error)
{
	struct tcp_probe *probe = calloc(1, sizeof(*probe));
	struct addrinfo *address = numeric_address(host, port);
	bool connecting = false;

	if (!probe) {
		error_set(error, ERROR_NOMEM, "starting a TCP check");
		goto out;
	}
	*probe = (struct tcp_probe){ .slot = slot, .done = done, .arg = arg, .fd = -1 };
	if (!address)
		error_set(error, ERROR_INVALID, "%s:%d is no numeric address", host, (int)port);
	else
		connecting = probe_connect(probe, address, error);
	if (connecting && !probe_watch(probe, loop, timeout_ms)) {
		error_set(error, ERROR_NOMEM, "starting a TCP check");
		connecting = false;
	}
	if (connecting)
		*slot = probe;
	else
		probe_free(probe);
out:
	if (address)
		freeaddrinfo(address);
	return connecting;
}
