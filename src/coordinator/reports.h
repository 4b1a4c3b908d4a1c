#pragma once

/* What agents say of their tasks, brought into the cluster. */

#include "stadion/protocol/messages.h"
#include "state.h"

/* Within a turn. What cannot be kept in memory makes the transaction fail, so that nothing of the
 * report is acknowledged. */
void reports_apply(struct coordinator *coordinator, struct host *host, const struct report *report);

/* An instance is ended since it does not come to run: that is a failure of its app. */
bool reports_note_overdue(struct coordinator *coordinator, const struct instance *instance,
			  const char *why);

/* An instance that was to end before its host ever spoke of it, and of which it has heard no more
 * since: called with the revision that the host says it carries out. */
void reports_forget_unseen(struct coordinator *coordinator, struct host *host);
