#pragma once

/* What a change of groups comes to: wishes for apps, and for the groups themselves. transition.c
 * calls these in this order. */

#include "stadion/schedule/plan.h"
#include "transition.h"

struct group_change { /* as asked for */
	enum change_kind kind;
	struct group_request request; /* GROUP_REMOVE: the id alone */
};
bool group_change_init(struct group_change *group, const struct change *change);
void group_change_clear(struct group_change *group);

/* Adds the wishes that the change of one group stands for. */
bool group_change_expand(const struct coordinator *coordinator, struct transition *transition,
			 const struct group_change *change);

/* Adds wishes that bring back the groups that a change replaced or took away. */
bool group_change_back(const struct coordinator *coordinator, struct transition *transition,
		       int64_t version_ms);

/* An id names an app or a group. */
bool group_change_check(const struct coordinator *coordinator, struct transition *transition);

/* The groups with dependencies when all wishes have come true: malloc'ed, or NULL without memory.
 */
const struct group **group_change_list(const struct coordinator *coordinator,
				       const struct transition *transition, size_t *count);

/* Leaves the groups that change, those around what changes included: none, nothing happens. */
bool group_change_settle(const struct coordinator *coordinator, struct transition *transition,
			 const struct plan *plan);

/* Notes what is there now for the past, then changes the groups. Before the apps are changed. */
bool group_change_apply(struct coordinator *coordinator, struct transition *transition,
			const struct plan *plan);
