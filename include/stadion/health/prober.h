#pragma once

/* The health checks of one running task: probes them on the loop, never two at once for one check,
 * and tells what verdict.h makes of each result. Source: app specification, "Who runs it and when";
 * here every kind runs beside the task, first soon after its start and fast until the first
 * success, as long as grace forgives failures. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/health/verdict.h"
#include "stadion/model/app.h"
#include "stadion/net/http_client.h"
#include "stadion/net/loop.h"
#include "stadion/runtime/runtime.h"

struct prober;

struct prober_news {
	size_t check; /* row of app->checks */
	struct verdict verdict;
};
/* After each result that counts. prober_free is allowed in it. */
typedef void prober_fn(const struct prober_news *news, void *arg);

struct prober_options {
	struct loop *loop;
	struct http_client *http; /* outlives the prober */
	const struct runtime
		*runtime;	   /* while it is not ready, failures do not count; NULL: none */
	struct runtime_unit *unit; /* for COMMAND; outlives the prober */
	const struct app *app;	   /* the prober takes a reference */
	const int32_t *ports;	   /* host port per row of app->ports; copied */
	const char *address;	   /* of the container; "" for the host's own; copied */
	const struct check_result *results; /* one per check: as known so far */
	uint64_t running_since_ms;	    /* monotonic: grace counts from here */
	bool adopted; /* it ran before this process did: spread the first probes */
};

/* NULL with ERROR_NOMEM. */
struct prober *prober_new(const struct prober_options *options, prober_fn *fn, void *arg,
			  struct error *error);
void prober_free(struct prober *prober); /* cancels what is under way; NULL is fine */

/* What checks need of an http_client: every probe has a connection of its own, and none may wait
 * for another's. */
struct http_client *prober_http_client_new(struct loop *loop, struct error *error);
