#pragma once

/* Where a check of a task goes. Pure. Source: app specification, "What port index addresses"; a
 * TCP check of a bridged task asks the container itself, since docker-proxy accepts for the dead.
 */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/base/text.h"
#include "stadion/model/app.h"

struct probe_target {
	char host[48]; /* numeric */
	int32_t port;
};

/* `ports`: host port per row of app->ports; `address`: of the container, "" for the host's own.
 * false, with the reason in `cause`, when the task has no such address or port. */
bool probe_target_find(const struct app *app, const struct health_check *check,
		       const int32_t *ports, const char *address, struct probe_target *out,
		       char cause[160]);

/* "http://127.0.0.1:31000/path": a missing slash is added, and what must not stand in a request
 * line is percent-encoded. malloc'ed; NULL without memory. */
char *probe_target_url(const struct probe_target *target, const struct health_check *check);
