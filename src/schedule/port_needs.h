#pragma once

/* Host ports of an app on a host: which ones it names, how many more it needs, and which these
 * become.
 */

#include "stadion/schedule/placement.h"

/* What a row of app->ports asks for: PORT_NONE, 0 (any) or a number. */
int32_t port_asked(const struct app *app, size_t row);
size_t ports_asked_random(const struct app *app);
/* Free in the host's range and not named by the app. */
size_t ports_free(const struct app *app, const struct placement_host *host);
/* A port that the app names and cannot have here; 0: none. */
int32_t port_taken(const struct app *app, const struct placement_host *host);
bool ports_fit(const struct app *app, const struct placement_host *host);
/* Consecutive free ports from a random start, with wrap-around. They must fit. */
void ports_take(const struct app *app, const struct placement_host *host, uint32_t random,
		int32_t *ports);
