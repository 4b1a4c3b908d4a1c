#pragma once

/* The environment of a task: what it may know of itself, then the user's own variables, which win.
 * Pure. Source: app specification, "What a task gets". */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/model/app.h"

/* Fills *out, which must be empty and is the caller's to clear, whatever is returned. `ports`: host
 * port per row of app->ports. false without memory. */
bool task_environment(const struct app *app, const char *task_id, const char *hostname,
		      const int32_t *ports, struct pair_list *out);
