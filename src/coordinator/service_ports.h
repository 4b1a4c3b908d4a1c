#pragma once

/* Numbers for service ports that a definition leaves open (marathon-api 13.4). */

#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/coordinator/cluster.h"

/* Fills in every service port of `app` that is 0: first the app's own earlier numbers (of `old`,
 * which may be NULL) that it does not name itself, in order, then the lowest that is not in `used`.
 * Adds to `used` what it takes. ERROR_INVALID when the range is exhausted. */
bool service_ports_assign(struct app *app, const struct app *old, uint16_t low, uint16_t high,
			  struct port_set *used, struct error *error);

void service_ports_collect(const struct app *app, struct port_set *used);
