#include "event_text.h"

#include <string.h>

#include "stadion/base/language.h"
#include "stadion/model/path_id.h"
#include "stadion/model/task_write.h"

static void write_action(struct json_writer *writer, const struct deployment_action *action)
{
	json_object_begin(writer);
	json_field_text(writer, "action", plan_action_name(action->action));
	json_field_text(writer, "app", action->app_id);
	json_object_end(writer);
}

static void write_step(struct json_writer *writer, const struct deployment *deployment, size_t step)
{
	json_object_begin(writer);
	json_key(writer, "actions");
	json_array_begin(writer);
	for (size_t i = 0; i < deployment->action_count; i++)
		if (deployment->actions[i].step == step)
			write_action(writer, &deployment->actions[i]);
	json_array_end(writer);
	json_object_end(writer);
}

static void begin_plan(struct json_writer *writer, const char *id, int64_t version_ms)
{
	static const char *const groups[] = { "original", "target" };

	json_key(writer, "plan");
	json_object_begin(writer);
	json_field_text(writer, "id", id);
	json_field_timestamp(writer, "version", version_ms);
	for (size_t i = 0; i < ROWS(groups); i++) {
		json_key(writer, groups[i]);
		json_object_begin(writer);
		json_object_end(writer);
	}
	json_key(writer, "steps");
	json_array_begin(writer);
}

static void end_plan(struct json_writer *writer)
{
	json_array_end(writer);
	json_object_end(writer);
}

void event_text_plan(struct json_writer *writer, const struct deployment *deployment)
{
	begin_plan(writer, deployment->id, deployment->version_ms);
	for (size_t step = 0; step < deployment->step_count; step++)
		write_step(writer, deployment, step);
	end_plan(writer);
}

void event_text_empty_plan(struct json_writer *writer, const char *id, int64_t version_ms)
{
	begin_plan(writer, id, version_ms);
	end_plan(writer);
}

void event_text_step(struct json_writer *writer, const struct deployment *deployment)
{
	json_key(writer, "currentStep");
	write_step(writer, deployment, deployment->step);
}

void event_text_instance_id(struct json_writer *writer, const char *key,
			    const struct instance *instance)
{
	char id[PATH_ID_MAX + 64];

	json_field_text(writer, key,
			task_id_instance(instance->id, id, sizeof(id)) ? id : instance->id);
}

/* An end may be told without what the beginning told. */
void event_text_status(struct json_writer *writer, const struct instance *instance,
		       enum task_state state, const struct task_status *status)
{
	const struct task_status *known = &instance->status;
	const struct task_status *placed =
		status->port_count > 0 ? status : (known->port_count > 0 ? known : NULL);

	json_field_text(writer, "slaveId", instance->host_id);
	json_field_text(writer, "taskId", instance->id);
	json_field_text(writer, "taskStatus", task_state_name(state));
	json_field_text(writer, "message", status->message);
	json_field_text(writer, "appId", instance->owner->id);
	json_field_text(writer, "host", instance->hostname);
	task_write_addresses(writer, status->address[0] ? status->address : known->address);
	task_write_ports(writer, placed ? placed->ports : instance->ports,
			 placed ? placed->port_count : instance->port_count);
	json_field_timestamp(writer, "version", instance->app->version_ms);
}

void event_text_instance(struct json_writer *writer, const struct instance *instance,
			 const char *condition)
{
	event_text_instance_id(writer, "instanceId", instance);
	json_field_text(writer, "condition", condition);
	json_field_text(writer, "runSpecId", instance->owner->id);
	json_field_text(writer, "agentId", instance->host_id);
	json_field_text(writer, "host", instance->hostname);
	json_field_timestamp(writer, "runSpecVersion", instance->app->version_ms);
}

const char *event_text_condition(enum task_state state)
{
	static const char *const names[] = {
		[TASK_STAGING] = "Staging",	    [TASK_STARTING] = "Starting",
		[TASK_RUNNING] = "Running",	    [TASK_KILLING] = "Killing",
		[TASK_FINISHED] = "Finished",	    [TASK_FAILED] = "Failed",
		[TASK_KILLED] = "Killed",	    [TASK_ERROR] = "Error",
		[TASK_LOST] = "Unreachable",	    [TASK_GONE] = "Gone",
		[TASK_DROPPED] = "Dropped",	    [TASK_UNKNOWN] = "Unknown",
		[TASK_UNREACHABLE] = "Unreachable",
	};

	return (size_t)state < ROWS(names) ? names[state] : names[TASK_UNKNOWN];
}

/* Length of the group of which an id of `len` bytes is a member. */
static size_t parent_len(const char *id, size_t len)
{
	while (len > 0 && id[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

/* How much of the group `a` is left to hold the group `b` as well. */
static size_t common_len(const char *a, size_t len, const char *b, size_t b_len)
{
	while (len > 0 &&
	       (len > b_len || strncmp(a, b, len) != 0 || (len < b_len && b[len] != '/')))
		len = parent_len(a, len);
	return len;
}

void event_text_group(struct json_writer *writer, const struct transition *transition)
{
	const char *group = NULL;
	size_t len = 0;

	for (size_t i = 0; i < transition->count; i++) {
		const char *id = transition->wishes[i].id;
		size_t id_len = parent_len(id, strlen(id));

		len = group ? common_len(group, len, id, id_len) : id_len;
		group = group ? group : id;
	}
	for (size_t i = 0; i < transition->group_count; i++) {
		const char *id = transition->groups[i].id;
		size_t id_len = strcmp(id, "/") == 0 ? 0 : strlen(id);

		if (transition->groups[i].kind == GROUP_WISH_TOUCHED)
			continue;
		len = group ? common_len(group, len, id, id_len) : id_len;
		group = group ? group : id;
	}
	json_key(writer, "groupId");
	json_put_text_bytes(writer, len > 0 ? group : "/", len > 0 ? len : 1);
}
