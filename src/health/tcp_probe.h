#pragma once

/* Whether somebody accepts a TCP connection: connect, close. */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/net/loop.h"

struct tcp_probe;

/* `error` NULL: connected; ERROR_TIMEOUT, or ERROR_UNAVAILABLE with the system's words. */
typedef void tcp_probe_fn(const struct error *error, void *arg);

/* Slot as in http_client.h. `host` is numeric. ERROR_INVALID when it is not, ERROR_UNAVAILABLE
 * when this host has no socket to spare. */
bool tcp_probe_start(struct loop *loop, const char *host, int32_t port, uint64_t timeout_ms,
		     tcp_probe_fn *done, void *arg, struct tcp_probe **slot, struct error *error);
void tcp_probe_cancel(struct tcp_probe **slot);
