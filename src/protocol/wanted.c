#include <stdlib.h>

#include "protocol_read.h"
#include "stadion/json/json.h"
#include "stadion/model/app_read.h"
#include "stadion/model/app_write.h"
#include "stadion/protocol/messages.h"

/* Each distinct app stands once in "apps"; a task names its own by index:
 *
 *     { "epoch": 3, "revision": 17, "unchanged": false, "apps": [ {...} ],
 *       "tasks": [ { "task": "...", "app": 0, "ports": [31005], "seen": 4 } ] }
 */

void wanted_clear(struct wanted *message)
{
	if (!message)
		return;
	for (size_t i = 0; i < message->task_count; i++) {
		free(message->tasks[i].task_id);
		app_unref(message->tasks[i].app);
		free(message->tasks[i].ports);
	}
	free(message->tasks);
	*message = (struct wanted){ 0 };
}

static int by_address(const void *a, const void *b)
{
	const struct app *const *one = a, *const *other = b;

	return (*one > *other) - (*one < *other);
}

/* The distinct apps in order of their addresses; NULL without memory. */
static const struct app **distinct_apps(const struct wanted *message, size_t *count)
{
	const struct app **apps = calloc(message->task_count + 1, sizeof(*apps));

	*count = 0;
	if (!apps)
		return NULL;
	for (size_t i = 0; i < message->task_count; i++)
		apps[i] = message->tasks[i].app;
	qsort(apps, message->task_count, sizeof(*apps), by_address);
	for (size_t i = 0; i < message->task_count; i++)
		if (*count == 0 || apps[*count - 1] != apps[i])
			apps[(*count)++] = apps[i];
	return apps;
}

static void task_put(struct json_writer *writer, const struct wanted_task *task,
		     const struct app **apps, size_t app_count)
{
	const struct app *app = task->app;
	const struct app **found = bsearch(&app, apps, app_count, sizeof(*apps), by_address);

	json_object_begin(writer);
	json_field_text(writer, "task", task->task_id);
	json_field_integer(writer, "app", found - apps);
	json_key(writer, "ports");
	ports_put(writer, task->ports, task->port_count);
	json_field_integer(writer, "seen", (int64_t)task->seen);
	json_object_end(writer);
}

void wanted_write(struct text *out, const struct wanted *message)
{
	struct json_writer writer = JSON_WRITER(out);
	size_t app_count;
	const struct app **apps = distinct_apps(message, &app_count);

	if (!apps) {
		out->failed = true;
		return;
	}
	json_object_begin(&writer);
	json_field_integer(&writer, "epoch", (int64_t)message->epoch);
	json_field_integer(&writer, "revision", (int64_t)message->revision);
	json_field_flag(&writer, "unchanged", message->unchanged);
	json_key(&writer, "apps");
	json_array_begin(&writer);
	for (size_t i = 0; i < app_count; i++)
		app_write_stored(&writer, apps[i]);
	json_array_end(&writer);
	json_key(&writer, "tasks");
	json_array_begin(&writer);
	for (size_t i = 0; i < message->task_count; i++)
		task_put(&writer, &message->tasks[i], apps, app_count);
	json_array_end(&writer);
	json_object_end(&writer);
	free(apps);
}

static bool read_task(struct json_object *item, struct app *const *apps, size_t app_count,
		      struct wanted_task *task, struct error *error)
{
	int64_t index = 0;

	if (!read_task_id(item, "task", &task->task_id, error) ||
	    !read_integer(item, "app", 0, (int64_t)app_count - 1, &index, error) ||
	    !read_ports(item, "ports", &task->ports, &task->port_count, error) ||
	    !read_number(item, "seen", &task->seen, error))
		return false;
	if (task->port_count != apps[index]->port_count)
		return error_set(error, ERROR_INVALID, "%s has %zu ports, its app %zu",
				 task->task_id, task->port_count, apps[index]->port_count);
	task->app = app_ref(apps[index]);
	return true;
}

static bool read_tasks(struct json_object *root, struct app *const *apps, size_t app_count,
		       struct wanted *message, struct error *error)
{
	struct json_object *list;
	size_t count;

	if (!read_array(root, "tasks", PROTOCOL_TASKS_MAX, &list, error))
		return false;
	count = json_object_array_length(list);
	message->tasks = calloc(count + 1, sizeof(*message->tasks));
	if (!message->tasks)
		return error_set(error, ERROR_NOMEM, "%zu tasks", count);
	for (size_t i = 0; i < count; i++) {
		message->task_count++;
		if (!read_task(json_object_array_get_idx(list, i), apps, app_count,
			       &message->tasks[i], error))
			return error_wrap(error, "task %zu", i);
	}
	return true;
}

/* The apps are shared by reference: the ones read here live on in the tasks. */
static bool read_lists(struct json_object *root, struct wanted *message, struct error *error)
{
	struct json_object *list;
	struct app **apps;
	size_t count = 0, length;
	bool good;

	if (!read_array(root, "apps", PROTOCOL_TASKS_MAX, &list, error))
		return false;
	length = json_object_array_length(list);
	apps = calloc(length + 1, sizeof(struct app *));
	if (!apps)
		return error_set(error, ERROR_NOMEM, "%zu apps", length);
	while (count < length) {
		apps[count] = app_read_stored(json_object_array_get_idx(list, count), error);
		if (!apps[count])
			break;
		count++;
	}
	good = count == length && read_tasks(root, apps, count, message, error);
	while (count > 0)
		app_unref(apps[--count]);
	free(apps);
	return good;
}

bool wanted_read(const char *body, size_t len, struct wanted *out, struct error *error)
{
	autoptr(json_object) root = protocol_parse(body, len, error);
	struct wanted message = { 0 };

	*out = (struct wanted){ 0 };
	if (!root || !read_number(root, "epoch", &message.epoch, error) ||
	    !read_number(root, "revision", &message.revision, error) ||
	    !read_flag(root, "unchanged", &message.unchanged, error) ||
	    !read_lists(root, &message, error)) {
		wanted_clear(&message);
		return error_wrap(error, "reading a wanted list");
	}
	*out = message;
	return true;
}
