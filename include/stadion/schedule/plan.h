#pragma once

/* From old definitions to new ones: which actions, in which steps (Marathon's deployment plan:
 * stops, then starts, then scale and restart by dependency layers). Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "stadion/base/error.h"
#include "stadion/model/app.h"
#include "stadion/model/group.h"

enum plan_action { PLAN_START, PLAN_SCALE, PLAN_RESTART, PLAN_STOP };
const char *plan_action_name(enum plan_action action); /* "StartApplication" */

struct plan_change {
	const char *id;
	const struct app *old_app; /* NULL: new */
	const struct app *new_app; /* NULL: removed */
	bool restart;		   /* even if nothing changed */
};

struct plan_item {
	size_t step;   /* from 0 */
	size_t change; /* index into the changes */
	enum plan_action action;
};

struct plan {
	struct plan_item *items; /* ordered by step */
	size_t count, step_count;
};
void plan_clear(struct plan *plan);

/* Who depends on whom, after the change. A group's dependencies are groups, and hold for every app
 * below it. */
struct plan_world {
	const struct app *const *apps;
	size_t app_count;
	const struct group *const *groups; /* those with dependencies, at least */
	size_t group_count;
};

/* ERROR_INVALID names the cycle if the dependencies have one. */
bool plan_make(const struct plan_change *changes, size_t count, const struct plan_world *world,
	       struct plan *out, struct error *error);
