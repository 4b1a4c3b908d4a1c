#pragma once

/* Finds places for new instances and puts them into the cluster. */

#include "state.h"

/* Launches up to `count` instances of `definition`, as far as launch delay and hosts allow. What is
 * left over shows in app->waiting, with the reason in words. Within a turn. */
void launcher_launch(struct coordinator *coordinator, struct cluster_app *app,
		     const struct app *definition, size_t count);

struct backoff_policy launcher_policy(const struct app *app);
