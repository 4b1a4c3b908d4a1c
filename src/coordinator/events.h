#pragma once

/* What is told of a change, and when (marathon-api 11.2). All are called within a turn, where the
 * change is made: the event is part of its transaction. */

#include "state.h"
#include "transition.h"

/* A change that was accepted; its deployment, if it has steps, begins. */
void events_change(struct coordinator *coordinator, const struct transition *transition);

void events_step_begun(struct coordinator *coordinator, const struct deployment *deployment);
void events_step_done(struct coordinator *coordinator, const struct deployment *deployment);
void events_deployment_done(struct coordinator *coordinator, const struct deployment *deployment);
/* `by`: a deployment's id, or who else. */
void events_cancelled(struct coordinator *coordinator, const struct deployment *deployment,
		      const char *by);

void events_app_removed(struct coordinator *coordinator, const struct cluster_app *app);
void events_launched(struct coordinator *coordinator, const struct instance *instance);

/* What `status` says beyond what is known of the instance. Before it is taken over. */
void events_status(struct coordinator *coordinator, const struct instance *instance,
		   const struct task_status *status);

/* An instance that is given up, though its host has not told of its end. */
void events_expunged(struct coordinator *coordinator, const struct instance *instance);

/* The host is back: so are its instances. */
void events_host_back(struct coordinator *coordinator, const struct host *host);
/* At any time: in the next turn, if the host is silent then, its instances are told of. */
void events_host_silent(struct coordinator *coordinator, const struct host *host);
