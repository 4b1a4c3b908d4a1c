#include "stadion/protocol/messages.h"

#include <stdlib.h>
#include <string.h>

#include "protocol_read.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"

void hello_clear(struct hello *message)
{
	if (!message)
		return;
	free(message->host_id);
	free(message->incarnation);
	free(message->boot_id);
	free(message->cluster);
	free(message->hostname);
	pair_list_clear(&message->attributes);
	free(message->engine);
	free(message->version);
	*message = (struct hello){ 0 };
}

void welcome_clear(struct welcome *message)
{
	if (!message)
		return;
	free(message->cluster);
	free(message->session);
	*message = (struct welcome){ 0 };
}

void report_clear(struct report *message)
{
	if (!message)
		return;
	free(message->session);
	for (size_t i = 0; i < message->task_count; i++)
		task_status_clear(&message->tasks[i]);
	free(message->tasks);
	*message = (struct report){ 0 };
}

void receipt_clear(struct receipt *message)
{
	if (!message)
		return;
	for (size_t i = 0; i < message->ack_count; i++)
		free(message->acks[i].task_id);
	free(message->acks);
	*message = (struct receipt){ 0 };
}

void ask_clear(struct ask *message)
{
	if (!message)
		return;
	free(message->session);
	*message = (struct ask){ 0 };
}

void hello_write(struct text *out, const struct hello *message)
{
	struct json_writer writer = JSON_WRITER(out);

	json_object_begin(&writer);
	json_field_integer(&writer, "protocol", message->protocol);
	json_field_text(&writer, "hostId", message->host_id);
	json_field_text(&writer, "incarnation", message->incarnation);
	json_field_text(&writer, "bootId", message->boot_id);
	json_field_text(&writer, "cluster", message->cluster);
	json_field_integer(&writer, "epoch", (int64_t)message->epoch);
	json_field_text(&writer, "hostname", message->hostname);
	json_field_integer(&writer, "portLow", message->port_low);
	json_field_integer(&writer, "portHigh", message->port_high);
	json_field_integer(&writer, "cpuMilli", message->cpu_milli);
	json_field_integer(&writer, "memKib", message->mem_kib);
	json_field_integer(&writer, "diskKib", message->disk_kib);
	json_key(&writer, "attributes");
	json_object_begin(&writer);
	for (size_t i = 0; i < message->attributes.count; i++)
		json_field_text(&writer, message->attributes.items[i].key,
				message->attributes.items[i].value);
	json_object_end(&writer);
	json_field_text(&writer, "engine", message->engine);
	json_field_text(&writer, "version", message->version);
	json_object_end(&writer);
}

bool hello_read(const char *body, size_t len, struct hello *out, struct error *error)
{
	autoptr(json_object) root = protocol_parse(body, len, error);
	struct hello message = { 0 };
	int64_t protocol = 0, low = 0, high = 0;
	bool good;

	*out = (struct hello){ 0 };
	good = root && read_integer(root, "protocol", 0, INT32_MAX, &protocol, error) &&
	       read_text(root, "hostId", &message.host_id, error) &&
	       read_text(root, "incarnation", &message.incarnation, error) &&
	       read_text(root, "bootId", &message.boot_id, error) &&
	       read_text(root, "cluster", &message.cluster, error) &&
	       read_number(root, "epoch", &message.epoch, error) &&
	       read_text(root, "hostname", &message.hostname, error) &&
	       read_integer(root, "portLow", 1, UINT16_MAX, &low, error) &&
	       read_integer(root, "portHigh", low, UINT16_MAX, &high, error) &&
	       read_integer(root, "cpuMilli", 0, PROTOCOL_CPU_MILLI_MAX, &message.cpu_milli,
			    error) &&
	       read_integer(root, "memKib", 0, PROTOCOL_KIB_MAX, &message.mem_kib, error) &&
	       read_integer(root, "diskKib", 0, PROTOCOL_KIB_MAX, &message.disk_kib, error) &&
	       read_pairs(root, "attributes", &message.attributes, error) &&
	       read_text(root, "engine", &message.engine, error) &&
	       read_text(root, "version", &message.version, error);
	if (!good) {
		hello_clear(&message);
		return error_wrap(error, "reading a hello");
	}
	message.protocol = (int)protocol;
	message.port_low = (uint16_t)low;
	message.port_high = (uint16_t)high;
	*out = message;
	return true;
}

void welcome_write(struct text *out, const struct welcome *message)
{
	struct json_writer writer = JSON_WRITER(out);

	json_object_begin(&writer);
	json_field_integer(&writer, "protocol", message->protocol);
	json_field_text(&writer, "cluster", message->cluster);
	json_field_integer(&writer, "epoch", (int64_t)message->epoch);
	json_field_text(&writer, "session", message->session);
	json_object_end(&writer);
}

bool welcome_read(const char *body, size_t len, struct welcome *out, struct error *error)
{
	autoptr(json_object) root = protocol_parse(body, len, error);
	struct welcome message = { 0 };
	int64_t protocol = 0;

	*out = (struct welcome){ 0 };
	if (!root || !read_integer(root, "protocol", 0, INT32_MAX, &protocol, error) ||
	    !read_text(root, "cluster", &message.cluster, error) ||
	    !read_number(root, "epoch", &message.epoch, error) ||
	    !read_text(root, "session", &message.session, error)) {
		welcome_clear(&message);
		return error_wrap(error, "reading a welcome");
	}
	message.protocol = (int)protocol;
	*out = message;
	return true;
}

void report_write(struct text *out, const struct report *message)
{
	struct json_writer writer = JSON_WRITER(out);

	json_object_begin(&writer);
	json_field_text(&writer, "session", message->session);
	json_field_flag(&writer, "complete", message->complete);
	json_field_integer(&writer, "engineDownSince", message->engine_down_since_ms);
	json_field_text(&writer, "engineProblem", message->engine_problem);
	json_key(&writer, "tasks");
	json_array_begin(&writer);
	for (size_t i = 0; i < message->task_count; i++)
		status_put(&writer, &message->tasks[i]);
	json_array_end(&writer);
	json_object_end(&writer);
}

static bool read_tasks(struct json_object *root, struct report *message, struct error *error)
{
	struct json_object *list;
	size_t count;

	if (!read_array(root, "tasks", PROTOCOL_TASKS_MAX, &list, error))
		return false;
	count = json_object_array_length(list);
	message->tasks = calloc(count + 1, sizeof(*message->tasks));
	if (!message->tasks)
		return error_set(error, ERROR_NOMEM, "%zu tasks", count);
	for (; message->task_count < count; message->task_count++)
		if (!task_status_read(json_object_array_get_idx(list, message->task_count),
				      &message->tasks[message->task_count], error))
			return false;
	return true;
}

bool report_read(const char *body, size_t len, struct report *out, struct error *error)
{
	autoptr(json_object) root = protocol_parse(body, len, error);
	struct report message = { 0 };

	*out = (struct report){ 0 };
	if (!root || !read_text(root, "session", &message.session, error) ||
	    !read_flag(root, "complete", &message.complete, error) ||
	    !read_integer(root, "engineDownSince", 0, INT64_MAX, &message.engine_down_since_ms,
			  error) ||
	    !read_into(root, "engineProblem", message.engine_problem,
		       sizeof(message.engine_problem), error) ||
	    !read_tasks(root, &message, error)) {
		report_clear(&message);
		return error_wrap(error, "reading a report");
	}
	*out = message;
	return true;
}

void receipt_write(struct text *out, const struct receipt *message)
{
	struct json_writer writer = JSON_WRITER(out);

	json_object_begin(&writer);
	json_field_integer(&writer, "epoch", (int64_t)message->epoch);
	json_key(&writer, "acks");
	json_array_begin(&writer);
	for (size_t i = 0; i < message->ack_count; i++) {
		json_object_begin(&writer);
		json_field_text(&writer, "task", message->acks[i].task_id);
		json_field_integer(&writer, "seq", (int64_t)message->acks[i].seq);
		json_object_end(&writer);
	}
	json_array_end(&writer);
	json_object_end(&writer);
}

static bool read_acks(struct json_object *root, struct receipt *message, struct error *error)
{
	struct json_object *list;
	size_t count;

	if (!read_array(root, "acks", PROTOCOL_TASKS_MAX, &list, error))
		return false;
	count = json_object_array_length(list);
	message->acks = calloc(count + 1, sizeof(*message->acks));
	if (!message->acks)
		return error_set(error, ERROR_NOMEM, "%zu acks", count);
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		message->ack_count++;
		if (!read_task_id(item, "task", &message->acks[i].task_id, error) ||
		    !read_number(item, "seq", &message->acks[i].seq, error))
			return error_wrap(error, "ack %zu", i);
	}
	return true;
}

bool receipt_read(const char *body, size_t len, struct receipt *out, struct error *error)
{
	autoptr(json_object) root = protocol_parse(body, len, error);
	struct receipt message = { 0 };

	*out = (struct receipt){ 0 };
	if (!root || !read_number(root, "epoch", &message.epoch, error) ||
	    !read_acks(root, &message, error)) {
		receipt_clear(&message);
		return error_wrap(error, "reading a receipt");
	}
	*out = message;
	return true;
}

void ask_write(struct text *out, const struct ask *message)
{
	struct json_writer writer = JSON_WRITER(out);

	json_object_begin(&writer);
	json_field_text(&writer, "session", message->session);
	json_field_integer(&writer, "revision", (int64_t)message->revision);
	json_field_integer(&writer, "waitMs", (int64_t)message->wait_ms);
	json_object_end(&writer);
}

bool ask_read(const char *body, size_t len, struct ask *out, struct error *error)
{
	autoptr(json_object) root = protocol_parse(body, len, error);
	struct ask message = { 0 };

	*out = (struct ask){ 0 };
	if (!root || !read_text(root, "session", &message.session, error) ||
	    !read_number(root, "revision", &message.revision, error) ||
	    !read_number(root, "waitMs", &message.wait_ms, error)) {
		ask_clear(&message);
		return error_wrap(error, "reading an ask");
	}
	*out = message;
	return true;
}
