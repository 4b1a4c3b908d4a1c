#pragma once

/* What is wanted of one app at this moment. Outside of deployments: its number of instances.
 * Within one: what its action in the running step says; before that step the app is held as it was
 * before the deployment, after it as it is to be. */

#include "stadion/coordinator/cluster.h"
#include "stadion/schedule/rollout.h"

struct aim {
	const struct app *app; /* what to launch */
	int32_t instances;
	/* Instances of an older configuration are replaced. Else they count like the others: only a
	 * restart replaces, neither scaling nor healing does. */
	bool by_version;
};

struct aim aim_of(const struct cluster_app *app);
bool aim_is_current(const struct aim *aim, const struct instance *instance);
struct rollout_goal aim_goal(const struct aim *aim);
struct rollout_instance aim_view(const struct aim *aim, const struct instance *instance);

/* What the app waits for, in words; `app` may be NULL. */
void aim_explain(const struct cluster_app *app, char *out, size_t size);
