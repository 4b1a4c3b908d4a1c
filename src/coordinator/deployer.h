#pragma once

/* Moves apps towards what is wanted of them: deployments step by step, and outside of deployments
 * the number of instances. Level-triggered: it looks at an app as it is now, as often as it is
 * marked, and remembers nothing that the records do not say. */

#include "state.h"

void deployer_mark(struct coordinator *coordinator, struct cluster_app *app);
void deployer_mark_all(struct coordinator *coordinator);
/* Something became free on a host: what waits for a place tries again. */
void deployer_mark_waiting(struct coordinator *coordinator);
void deployer_forget(struct coordinator *coordinator, struct cluster_app *app);

/* Takes a deployment out where it stands; its apps are looked at again. Within a turn. */
bool deployer_cancel(struct coordinator *coordinator, struct deployment *deployment,
		     const char *by);

/* Looks at each marked app. Called within a turn. */
void deployer_run(struct coordinator *coordinator);

/* The time of a launch delay has come, or comes sooner than the timer knew. */
void deployer_expect_launch(struct coordinator *coordinator, uint64_t left_ms);

/* Asks an instance to end; within a turn. No effect on one that is ending already. */
bool deployer_stop(struct coordinator *coordinator, struct instance *instance, const char *why);
/* Takes an instance out of the cluster; within a turn. */
bool deployer_drop(struct coordinator *coordinator, struct instance *instance);
