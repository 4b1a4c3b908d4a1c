#include <stdlib.h>

#include "protocol_read.h"
#include "stadion/json/json.h"
#include "stadion/protocol/messages.h"

static void check_put(struct json_writer *writer, const struct check_result *check)
{
	json_object_begin(writer);
	json_field_flag(writer, "known", check->known);
	json_field_flag(writer, "alive", check->alive);
	json_field_integer(writer, "failures", check->consecutive_failures);
	json_field_integer(writer, "firstSuccess", check->first_success_ms);
	json_field_integer(writer, "lastSuccess", check->last_success_ms);
	json_field_integer(writer, "lastFailure", check->last_failure_ms);
	json_field_text(writer, "cause", check->cause);
	json_object_end(writer);
}

void status_put(struct json_writer *writer, const struct task_status *status)
{
	json_object_begin(writer);
	json_field_text(writer, "task", status->task_id);
	json_field_integer(writer, "seq", (int64_t)status->seq);
	json_field_integer(writer, "attempt", status->attempt);
	json_field_text(writer, "state", task_state_name(status->state));
	json_field_integer(writer, "at", status->at_ms);
	json_field_integer(writer, "started", status->started_ms);
	json_field_integer(writer, "ran", (int64_t)status->ran_ms);
	json_field_flag(writer, "ranHealthy", status->ran_healthy);
	json_key(writer, "ports");
	ports_put(writer, status->ports, status->port_count);
	json_field_text(writer, "address", status->address);
	json_field_text(writer, "container", status->container_id);
	json_field_text(writer, "message", status->message);
	json_field_integer(writer, "exitCode", status->exit_code);
	json_field_integer(writer, "signal", status->signal);
	json_field_flag(writer, "outOfMemory", status->out_of_memory);
	json_field_flag(writer, "killedUnhealthy", status->killed_unhealthy);
	json_field_flag(writer, "infrastructure", status->infrastructure);
	json_key(writer, "checks");
	json_array_begin(writer);
	for (size_t i = 0; i < status->check_count; i++)
		check_put(writer, &status->checks[i]);
	json_array_end(writer);
	json_object_end(writer);
}

void task_status_write(struct text *out, const struct task_status *status)
{
	struct json_writer writer = JSON_WRITER(out);

	status_put(&writer, status);
}

static bool read_check(struct json_object *item, struct check_result *check, struct error *error)
{
	int64_t failures = 0;

	if (!read_flag(item, "known", &check->known, error) ||
	    !read_flag(item, "alive", &check->alive, error) ||
	    !read_integer(item, "failures", 0, INT32_MAX, &failures, error) ||
	    !read_integer(item, "firstSuccess", 0, INT64_MAX, &check->first_success_ms, error) ||
	    !read_integer(item, "lastSuccess", 0, INT64_MAX, &check->last_success_ms, error) ||
	    !read_integer(item, "lastFailure", 0, INT64_MAX, &check->last_failure_ms, error) ||
	    !read_into(item, "cause", check->cause, sizeof(check->cause), error))
		return false;
	check->consecutive_failures = (int32_t)failures;
	return true;
}

static bool read_checks(struct json_object *object, struct task_status *status, struct error *error)
{
	struct json_object *list;
	size_t count;

	if (!read_array(object, "checks", PROTOCOL_CHECKS_MAX, &list, error))
		return false;
	count = json_object_array_length(list);
	if (count == 0)
		return true;
	status->checks = calloc(count, sizeof(*status->checks));
	if (!status->checks)
		return error_set(error, ERROR_NOMEM, "checks");
	status->check_count = count;
	for (size_t i = 0; i < count; i++)
		if (!read_check(json_object_array_get_idx(list, i), &status->checks[i], error))
			return error_wrap(error, "check %zu", i);
	return true;
}

static bool read_state(struct json_object *object, struct task_status *status, struct error *error)
{
	const char *name = json_text(object, "state", "");

	if (!task_state_parse(name, &status->state))
		return error_set(error, ERROR_INVALID, "state: '%.40s' is none", name);
	if (status->state == TASK_UNREACHABLE)
		return error_set(error, ERROR_INVALID,
				 "state: only the coordinator finds a task to be %s", name);
	return true;
}

static bool read_end(struct json_object *object, struct task_status *status, struct error *error)
{
	int64_t exit_code = 0, signal_number = 0;

	if (!read_integer(object, "exitCode", INT32_MIN, INT32_MAX, &exit_code, error) ||
	    !read_integer(object, "signal", 0, 1024, &signal_number, error) ||
	    !read_flag(object, "outOfMemory", &status->out_of_memory, error) ||
	    !read_flag(object, "killedUnhealthy", &status->killed_unhealthy, error) ||
	    !read_flag(object, "infrastructure", &status->infrastructure, error))
		return false;
	status->exit_code = (int32_t)exit_code;
	status->signal = (int32_t)signal_number;
	return true;
}

bool task_status_read(struct json_object *object, struct task_status *out, struct error *error)
{
	struct task_status status = { 0 };
	int64_t attempt = 0;

	*out = (struct task_status){ 0 };
	if (!read_task_id(object, "task", &status.task_id, error) ||
	    !read_number(object, "seq", &status.seq, error) ||
	    !read_integer(object, "attempt", 0, INT32_MAX, &attempt, error) ||
	    !read_state(object, &status, error) ||
	    !read_integer(object, "at", 0, INT64_MAX, &status.at_ms, error) ||
	    !read_integer(object, "started", 0, INT64_MAX, &status.started_ms, error) ||
	    !read_number(object, "ran", &status.ran_ms, error) ||
	    !read_flag(object, "ranHealthy", &status.ran_healthy, error) ||
	    !read_ports(object, "ports", &status.ports, &status.port_count, error) ||
	    !read_into(object, "address", status.address, sizeof(status.address), error) ||
	    !read_into(object, "container", status.container_id, sizeof(status.container_id),
		       error) ||
	    !read_into(object, "message", status.message, sizeof(status.message), error) ||
	    !read_end(object, &status, error) || !read_checks(object, &status, error)) {
		task_status_clear(&status);
		return error_wrap(error, "a task's status");
	}
	status.attempt = (uint32_t)attempt;
	*out = status;
	return true;
}
