/* PUT and PATCH of /v2/apps: many updates, one deployment. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_state.h"
#include "app_change.h"
#include "body.h"
#include "pending.h"
#include "query.h"
#include "reply.h"
#include "stadion/json/json.h"
#include "stadion/model/path_id.h"
#include "warning.h"

#define UPDATES_MAX 1000 /* in one request */

struct update_list {
	struct change *changes;
	struct app **apps;
	char (*ids)[PATH_ID_MAX];
	size_t count;
};

static void update_list_clear(struct update_list *list)
{
	for (size_t i = 0; list->apps && i < list->count; i++)
		app_unref(list->apps[i]);
	free(list->changes);
	free(list->apps);
	free(list->ids);
}

static bool update_list_init(struct update_list *list, size_t count)
{
	list->changes = calloc(count + 1, sizeof(*list->changes));
	list->apps = calloc(count + 1, sizeof(struct app *));
	list->ids = calloc(count + 1, sizeof(*list->ids));
	return list->changes && list->apps && list->ids;
}

/* Marathon's paths of a list begin with the index. */
static void reply_indexed(struct http_exchange *exchange, struct problems *problems, size_t index)
{
	for (size_t i = 0; i < problems->count && i < PROBLEMS_MAX; i++) {
		struct problem *problem = &problems->items[i];
		char path[sizeof(problem->path)];

		(void)text_copy(path, sizeof(path), problem->path);
		snprintf(problem->path, sizeof(problem->path), "(%zu)%.230s", index, path);
	}
	reply_problems(exchange, problems);
}

/* The id of update `index`, resolved and not given before; else answers. */
static bool read_id(struct http_exchange *exchange, struct update_list *list,
		    struct json_object *item)
{
	const char *text =
		json_object_is_type(item, json_type_object) ? json_text(item, "id", NULL) : NULL;
	char *id = list->ids[list->count];
	struct error error = { 0 };

	if (!text) {
		reply_message(exchange, 422, "update %zu of the list has no id", list->count);
		return false;
	}
	if (!path_id_resolve(text, "/", id, &error) || !path_id_is_app(id, &error)) {
		struct problems problems = { 0 };

		problems_add(&problems, false, "/id", "%s", error.text);
		reply_indexed(exchange, &problems, list->count);
		return false;
	}
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->ids[i], id)) {
			reply_message(exchange, 422, "app '%s' is in the list twice", id);
			return false;
		}
	return true;
}

static bool read_update(struct http_exchange *exchange, struct api *api, struct update_list *list,
			struct json_object *item, bool partial)
{
	struct problems problems = { 0 };
	struct app_update update = { .document = item, .partial = partial };
	struct app *app = NULL;

	if (!read_id(exchange, list, item))
		return false;
	update.id = list->ids[list->count];
	switch (app_update_read(api, &update, &app, &problems)) {
	case APP_UPDATE_GOOD:
		break;
	case APP_UPDATE_PROBLEMS:
		reply_indexed(exchange, &problems, list->count);
		return false;
	case APP_UPDATE_NO_VERSION:
		reply_message(exchange, 404, "App '%s' has no version '%s'", update.id,
			      json_text(item, "version", ""));
		return false;
	case APP_UPDATE_BAD_TIME:
		reply_message(exchange, 422, "version '%s' is not a timestamp",
			      json_text(item, "version", ""));
		return false;
	}
	list->apps[list->count] = app;
	list->changes[list->count] = (struct change){
		.kind = CHANGE_UPDATE,
		.id = list->ids[list->count],
		.app = app,
	};
	list->count++;
	return true;
}

static bool check_exists(struct http_exchange *exchange, const struct api *api,
			 const struct update_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!api_find_app(api, list->ids[i])) {
			reply_message(exchange, 404, "App '%s' does not exist", list->ids[i]);
			return false;
		}
	return true;
}

static void change_many(struct http_exchange *exchange, struct api *api, bool partial, bool create)
{
	struct update_list list = { 0 };
	struct problems problems = { 0 };
	autoptr(json_object) document = body_read(exchange);
	size_t count;
	bool good;

	if (!document)
		return;
	count = json_object_is_type(document, json_type_array) ? json_object_array_length(document)
							       : UPDATES_MAX + 1;
	if (count > UPDATES_MAX) {
		problems_add(&problems, false, "/",
			     json_object_is_type(document, json_type_array)
				     ? "more than 1000 apps in one request"
				     : "error.expected.jsarray");
		reply_problems(exchange, &problems);
		return;
	}
	warn_of_unknown(exchange, document);
	good = update_list_init(&list, count);
	if (!good)
		reply_message(exchange, 503, "out of memory");
	for (size_t i = 0; good && i < count; i++)
		good = read_update(exchange, api, &list, json_object_array_get_idx(document, i),
				   partial);
	good = good && (create || check_exists(exchange, api, &list));
	if (good)
		app_changes_start(api, exchange, list.changes, list.count,
				  pending_answer_deployment);
	update_list_clear(&list);
}

void apps_update_many(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	change_many(exchange, arg, query_flag(exchange, "partialUpdate", true), true);
}

void apps_patch_many(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	change_many(exchange, arg, true, false);
}
