/* /v2/tasks and /v2/apps/{id}/tasks: lists and kills. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_state.h"
#include "body.h"
#include "pending.h"
#include "query.h"
#include "reply.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/path_id.h"
#include "stadion/net/accept.h"
#include "tasks_text.h"
#include "views.h"

enum status_filter { STATUS_RUNNING = 1, STATUS_STAGING = 2 };

/* 0: no filter, also when only unknown values were given. */
static unsigned read_status_filter(struct http_exchange *exchange)
{
	static const char *const keys[] = { "status", "status[]" };
	unsigned filter = 0;

	for (size_t i = 0; i < ROWS(keys); i++)
		for (size_t index = 0; index < 8; index++) {
			const char *value = http_exchange_query(exchange, keys[i], index);

			if (!value)
				break;
			if (!strcasecmp(value, "running"))
				filter |= STATUS_RUNNING;
			if (!strcasecmp(value, "staging"))
				filter |= STATUS_STAGING;
		}
	return filter;
}

static bool passes(const struct instance *instance, unsigned filter)
{
	enum task_state state = task_view_state(instance);

	return !filter || ((filter & STATUS_RUNNING) && state == TASK_RUNNING) ||
	       ((filter & STATUS_STAGING) && (state == TASK_STAGING || state == TASK_STARTING));
}

struct task_list {
	const struct cluster_app *const *apps; /* ended by NULL */
	unsigned filter;
	enum task_view_ports service_ports;
};

static void write_json(struct text *body, const struct task_list *list)
{
	struct json_writer writer = JSON_WRITER(body);
	const struct instance *instance;

	json_object_begin(&writer);
	json_key(&writer, "tasks");
	json_array_begin(&writer);
	for (const struct cluster_app *const *app = list->apps; *app; app++)
		LIST_FOREACH(instance, &(*app)->instances, of_app)
			if (passes(instance, list->filter))
				task_view_write(&writer, instance, list->service_ports);
	json_array_end(&writer);
	json_object_end(&writer);
}

/* JSON unless the client would rather have text. */
static void reply_list(struct http_exchange *exchange, const struct task_list *list)
{
	const char *accept = http_exchange_request_header(exchange, "Accept");
	int json = accept_weight(accept, "application/json", 1);
	int plain = accept_weight(accept, "text/plain", 0);
	struct text body = TEXT_INIT(REPLY_MAX);

	if (json == 0 && plain == 0) {
		reply_message(exchange, 406, "Not Acceptable");
		return;
	}
	if (json >= plain) {
		write_json(&body, list);
		http_exchange_reply_json(exchange, 200, &body);
		return;
	}
	for (const struct cluster_app *const *app = list->apps; *app; app++)
		tasks_text_add(&body, *app, http_exchange_query(exchange, "containerNetworks", 0));
	if (body.failed)
		reply_message(exchange, 500, "the list is larger than an answer may be");
	else
		http_exchange_reply(exchange, 200, "text/plain", text_string(&body), body.len);
	text_clear(&body);
}

void tasks_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	autofree const struct cluster_app **apps =
		apps_sorted(coordinator_cluster(api->coordinator));
	const struct task_list list = { .apps = apps,
					.filter = read_status_filter(exchange),
					.service_ports = TASK_VIEW_SERVICE_PORTS };

	(void)match;
	if (apps)
		reply_list(exchange, &list);
	else
		reply_message(exchange, 503, "out of memory");
}

static void list_group(struct http_exchange *exchange, const struct api *api, const char *group)
{
	autofree const struct cluster_app **apps =
		apps_sorted(coordinator_cluster(api->coordinator));

	if (!apps)
		reply_message(exchange, 503, "out of memory");
	else if (!apps_keep_group(coordinator_cluster(api->coordinator), apps, group))
		reply_message(exchange, 404, "Group '%s' does not exist", group);
	else
		reply_list(exchange, &(struct task_list){ .apps = apps });
}

void app_tasks_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct cluster_app *apps[2] = { NULL };
	char group[PATH_ID_MAX];

	if (group_star_parse(match->params[0], group)) {
		list_group(exchange, arg, group);
		return;
	}
	apps[0] = api_require_app(exchange, arg, match->params[0]);
	if (apps[0])
		reply_list(exchange, &(struct task_list){ .apps = apps });
}

/* The task that `text` names: by its instance part, so that an id of an earlier attempt names the
 * one of now. */
static const struct instance *find_task(const struct cluster_app *app, const char *text)
{
	char wanted[PATH_ID_MAX + 64], have[PATH_ID_MAX + 64];
	const struct instance *instance;

	if (!task_id_instance(text, wanted, sizeof(wanted)))
		return NULL;
	LIST_FOREACH(instance, &app->instances, of_app)
		if (task_id_instance(instance->id, have, sizeof(have)) && !strcmp(wanted, have))
			return instance;
	return NULL;
}

static const struct instance *find_task_or_404(struct http_exchange *exchange,
					       const struct api *api,
					       const struct route_match *match)
{
	const struct cluster_app *app = api_require_app(exchange, api, match->params[0]);
	const struct instance *instance = app ? find_task(app, match->params[1]) : NULL;

	if (app && !instance)
		reply_message(exchange, 404, "Task '%s' does not exist", match->params[1]);
	return instance;
}

static void write_one(struct text *body, const struct instance *instance)
{
	struct json_writer writer = JSON_WRITER(body);

	json_object_begin(&writer);
	json_key(&writer, "task");
	task_view_write(&writer, instance, TASK_VIEW_NO_SERVICE_PORTS);
	json_object_end(&writer);
}

void app_task_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct instance *instance = find_task_or_404(exchange, arg, match);
	struct text body = TEXT_INIT(REPLY_MAX);

	if (!instance)
		return;
	write_one(&body, instance);
	http_exchange_reply_json(exchange, 200, &body);
}

struct kill_options {
	bool scale, force, wipe;
};

/* Answers 400 for what contradicts itself. wipe has nothing to give up yet: there are no
 * persistent volumes. */
static bool read_kill_options(struct http_exchange *exchange, struct kill_options *out)
{
	out->scale = query_flag(exchange, "scale", false);
	out->force = query_flag(exchange, "force", false);
	out->wipe = query_flag(exchange, "wipe", false);
	if (!out->scale || !out->wipe)
		return true;
	reply_message(exchange, 400, "scale and wipe cannot be used together");
	return false;
}

static struct pending *kill_pending(struct api *api, struct http_exchange *exchange,
				    const struct kill_options *options)
{
	return pending_new(api, exchange,
			   options->scale ? pending_answer_deployment : pending_answer_body, NULL);
}

void app_task_delete(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	struct kill_options options;
	const struct instance *instance;
	struct pending *pending;

	if (!read_kill_options(exchange, &options))
		return;
	instance = find_task_or_404(exchange, api, match);
	pending = instance ? kill_pending(api, exchange, &options) : NULL;
	if (!pending)
		return;
	write_one(&pending->body, instance);
	coordinator_kill(api->coordinator, (const char *const[]){ instance->id }, 1, options.scale,
			 options.force, pending_done, pending);
}

/* Tasks that are to be killed, and their answer as it is written meanwhile. */
struct kill_list {
	const char **ids;
	size_t count;
	struct json_writer writer;
};

/* With room for `most` tasks. NULL: without memory, and answered. */
static struct pending *kill_list_begin(struct kill_list *list, struct api *api,
				       struct http_exchange *exchange,
				       const struct kill_options *options, size_t most)
{
	struct pending *pending;

	list->ids = calloc(most + 1, sizeof(*list->ids));
	if (!list->ids) {
		reply_message(exchange, 503, "out of memory");
		return NULL;
	}
	pending = kill_pending(api, exchange, options);
	if (!pending) {
		free(list->ids);
		return NULL;
	}
	list->writer = (struct json_writer)JSON_WRITER(&pending->body);
	json_object_begin(&list->writer);
	json_key(&list->writer, "tasks");
	json_array_begin(&list->writer);
	return pending;
}

static void kill_list_add(struct kill_list *list, const struct instance *instance)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->ids[i] == instance->id)
			return;
	list->ids[list->count++] = instance->id;
	task_view_write(&list->writer, instance, TASK_VIEW_NO_SERVICE_PORTS);
}

static void kill_list_end(struct kill_list *list, struct api *api, struct pending *pending,
			  const struct kill_options *options)
{
	json_array_end(&list->writer);
	json_object_end(&list->writer);
	coordinator_kill(api->coordinator, list->ids, list->count, options->scale, options->force,
			 pending_done, pending);
	free(list->ids);
}

void app_tasks_delete(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	const char *host = http_exchange_query(exchange, "host", 0);
	const struct cluster_app *app;
	const struct instance *instance;
	struct kill_options options;
	struct kill_list list = { 0 };
	struct pending *pending;

	if (!read_kill_options(exchange, &options))
		return;
	app = api_require_app(exchange, api, match->params[0]);
	if (!app)
		return;
	pending = kill_list_begin(&list, api, exchange, &options, app->instance_count);
	if (!pending)
		return;
	LIST_FOREACH(instance, &app->instances, of_app)
		if (!host || !strcmp(host, "*") ||
		    (instance->hostname && !strcmp(host, instance->hostname)))
			kill_list_add(&list, instance);
	kill_list_end(&list, api, pending, &options);
}

/* The ids of {"ids": [...]}; answers 422 without them, 400 for one that is no task id. */
static struct json_object *read_ids(struct http_exchange *exchange, struct json_object *document)
{
	struct json_object *ids = json_object_is_type(document, json_type_object)
					  ? json_array_member(document, "ids")
					  : NULL;
	char part[PATH_ID_MAX + 64];

	if (!ids) {
		struct problems problems = { 0 };

		problems_add(&problems, false, "/ids", "error.path.missing");
		reply_problems(exchange, &problems);
		return NULL;
	}
	for (size_t i = 0; i < json_object_array_length(ids); i++) {
		struct json_object *id = json_object_array_get_idx(ids, i);

		if (json_object_is_type(id, json_type_string) &&
		    task_id_instance(json_object_get_string(id), part, sizeof(part)))
			continue;
		reply_message(exchange, 400, "%s is not a task id", json_object_to_json_string(id));
		return NULL;
	}
	return ids;
}

void tasks_delete(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	const struct cluster *cluster = coordinator_cluster(api->coordinator);
	autoptr(json_object) document = body_read(exchange);
	struct json_object *ids = document ? read_ids(exchange, document) : NULL;
	struct kill_options options;
	struct kill_list list = { 0 };
	struct pending *pending;

	(void)match;
	if (!ids || !read_kill_options(exchange, &options))
		return;
	pending = kill_list_begin(&list, api, exchange, &options, json_object_array_length(ids));
	if (!pending)
		return;
	for (size_t i = 0; i < json_object_array_length(ids); i++) {
		const struct instance *instance = cluster_find_instance(
			cluster, json_object_get_string(json_object_array_get_idx(ids, i)));

		if (instance)
			kill_list_add(&list, instance);
	}
	kill_list_end(&list, api, pending, &options);
}
