#pragma once

/* The members of events, by Marathon's names and forms (marathon-api 11.2); what all events have is
 * added by who publishes them. Pure. */

#include "stadion/coordinator/cluster.h"
#include "stadion/json/json_writer.h"
#include "transition.h"

/* `plan`. An app-less `original` and `target` stand for the root groups of the heavy form: some
 * clients fail without. */
void event_text_plan(struct json_writer *writer, const struct deployment *deployment);
/* The same of a change without steps. */
void event_text_empty_plan(struct json_writer *writer, const char *id, int64_t version_ms);
/* `currentStep` */
void event_text_step(struct json_writer *writer, const struct deployment *deployment);

/* `instanceId`, and whatever else a type calls its task and app. */
void event_text_instance_id(struct json_writer *writer, const char *key,
			    const struct instance *instance);

/* Everything of a status_update_event. */
void event_text_status(struct json_writer *writer, const struct instance *instance,
		       enum task_state state, const struct task_status *status);
/* Everything of an instance_changed_event. */
void event_text_instance(struct json_writer *writer, const struct instance *instance,
			 const char *condition);
const char *event_text_condition(enum task_state state); /* "Running" */

/* `groupId`: the smallest group that has all in it that changes. */
void event_text_group(struct json_writer *writer, const struct transition *transition);
