/* /v2/apps: lists, reads, changes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_state.h"
#include "app_change.h"
#include "body.h"
#include "label_selector.h"
#include "pending.h"
#include "query.h"
#include "reply.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/path_id.h"
#include "views.h"
#include "warning.h"

/* The absolute id of the path; answers 422 for what cannot be one. */
static bool read_id(struct http_exchange *exchange, const char *text, char out[PATH_ID_MAX])
{
	struct problems problems = { 0 };
	struct error error = { 0 };

	if (path_id_resolve(text, "/", out, &error) && path_id_is_app(out, &error))
		return true;
	problems_add(&problems, false, "/id", "%s", error.text);
	reply_problems(exchange, &problems);
	return false;
}

static bool contains(const char *text, const char *part)
{
	return !part || (text && strcasestr(text, part));
}

struct app_filter {
	const char *id, *cmd;
	struct label_selector *labels; /* owned; NULL: any */
};

/* Answers for a bad selector. */
static bool read_filter(struct http_exchange *exchange, struct app_filter *out)
{
	const char *labels = http_exchange_query(exchange, "label", 0);
	struct error error = { 0 };

	out->id = http_exchange_query(exchange, "id", 0);
	out->cmd = http_exchange_query(exchange, "cmd", 0);
	out->labels = labels ? label_selector_parse(labels, &error) : NULL;
	if (!labels || out->labels)
		return true;
	reply_error(exchange, &error);
	return false;
}

static bool passes(const struct app_filter *filter, const struct cluster_app *app)
{
	return contains(app->id, filter->id) && contains(app->current->cmd, filter->cmd) &&
	       (!filter->labels || label_selector_matches(filter->labels, &app->current->labels));
}

static void write_apps(struct json_writer *writer, const struct app_filter *filter,
		       const struct cluster *cluster, const struct cluster_app *const *apps,
		       unsigned embed)
{
	json_array_begin(writer);
	for (; *apps; apps++)
		if (passes(filter, *apps))
			app_view_write(writer, cluster, *apps, embed);
	json_array_end(writer);
}

void apps_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	const struct cluster *cluster = coordinator_cluster(api->coordinator);
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	autofree const struct cluster_app **apps = apps_sorted(cluster);
	struct app_filter filter;

	(void)match;
	if (!apps) {
		reply_message(exchange, 503, "out of memory");
		return;
	}
	if (!read_filter(exchange, &filter))
		return;
	json_object_begin(&writer);
	json_key(&writer, "apps");
	write_apps(&writer, &filter, cluster, apps,
		   embed_read(exchange, EMBED_COUNTS | EMBED_DEPLOYMENTS));
	json_object_end(&writer);
	label_selector_free(filter.labels);
	http_exchange_reply_json(exchange, 200, &body);
}

/* GET /v2/apps/{group}/ and a star: the apps of the group and below. */
static void list_group(struct http_exchange *exchange, const struct api *api, const char *group,
		       unsigned embed)
{
	const struct cluster *cluster = coordinator_cluster(api->coordinator);
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	autofree const struct cluster_app **apps = apps_sorted(cluster);
	const struct app_filter all = { 0 };

	if (!apps) {
		reply_message(exchange, 503, "out of memory");
		return;
	}
	if (!apps_keep_group(cluster, apps, group)) {
		reply_message(exchange, 404, "Group '%s' does not exist", group);
		return;
	}
	json_object_begin(&writer);
	json_key(&writer, "*");
	write_apps(&writer, &all, cluster, apps, embed);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void app_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	unsigned embed = embed_read(exchange,
				    EMBED_COUNTS | EMBED_TASKS | EMBED_DEPLOYMENTS | EMBED_FAILURE);
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	const struct cluster_app *app;
	char id[PATH_ID_MAX];

	if (group_star_parse(match->params[0], id)) {
		list_group(exchange, api, id, embed);
		return;
	}
	app = api_require_app(exchange, api, match->params[0]);
	if (!app)
		return;
	json_object_begin(&writer);
	json_key(&writer, "app");
	app_view_write(&writer, coordinator_cluster(api->coordinator), app, embed);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

static void add_location(struct http_exchange *exchange, const char *id)
{
	char location[PATH_ID_MAX + 16];

	snprintf(location, sizeof(location), "/v2/apps%s", id);
	http_exchange_header(exchange, "Location", location);
}

static void answer_created_app(struct http_exchange *exchange, const struct change_outcome *outcome,
			       struct pending *pending)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	const struct cluster_app *app = api_find_app(pending->api, pending->app_id);

	add_location(exchange, pending->app_id);
	if (!app) { /* destroyed again while its creation was being written */
		reply_deployment(exchange, 201, outcome);
		return;
	}
	if (outcome->deployment_id)
		http_exchange_header(exchange, "Marathon-Deployment-Id", outcome->deployment_id);
	app_view_write_created(&writer, app, outcome->deployment_id);
	http_exchange_reply_json(exchange, 201, &body);
}

static void answer_created_deployment(struct http_exchange *exchange,
				      const struct change_outcome *outcome, struct pending *pending)
{
	add_location(exchange, pending->app_id);
	reply_deployment(exchange, 201, outcome);
}

static void start_change(struct api *api, struct http_exchange *exchange,
			 const struct change *change, bool force, pending_answer_fn *answer)
{
	struct pending *pending = pending_new(api, exchange, answer, change->id);

	if (pending)
		coordinator_change(api->coordinator, change, 1, force, pending_done, pending);
}

void apps_create(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	const struct app_read_options options = {
		.marathon_check_defaults = api->marathon_check_defaults,
	};
	struct problems problems = { 0 };
	autoptr(json_object) document = body_read(exchange);
	autoptr(app) app = NULL;

	(void)match;
	if (!document)
		return;
	warn_of_unknown(exchange, document);
	app = app_read(document, &options, &problems);
	if (!app) {
		reply_problems(exchange, &problems);
		return;
	}
	if (api_find_app(api, app->id)) {
		reply_message(exchange, 409, "An app with id [%s] already exists.", app->id);
		return;
	}
	app_changes_start(api, exchange,
			  &(struct change){ .kind = CHANGE_CREATE,
					    .id = app->id,
					    .app = app,
					    .client = http_exchange_peer(exchange),
					    .uri = http_exchange_path(exchange) },
			  1, answer_created_app);
}

/* Answers for all results but the good one. */
static bool reply_update(struct http_exchange *exchange, enum app_update_result result,
			 const struct app_update *update, const struct problems *problems)
{
	const char *version;

	switch (result) {
	case APP_UPDATE_GOOD:
		return true;
	case APP_UPDATE_PROBLEMS:
		reply_problems(exchange, problems);
		return false;
	case APP_UPDATE_NO_VERSION:
		version = json_text(update->document, "version", "");
		reply_message(exchange, 404, "App '%s' has no version '%s'", update->id, version);
		return false;
	case APP_UPDATE_BAD_TIME:
		version = json_text(update->document, "version", "");
		reply_message(exchange, 422, "version '%s' is not a timestamp", version);
		return false;
	}
	return false;
}

static void change_app(struct http_exchange *exchange, struct api *api, const char *text,
		       bool partial, bool create)
{
	struct problems problems = { 0 };
	struct app_update update = { .partial = partial };
	autoptr(json_object) document = body_read(exchange);
	autoptr(app) app = NULL;
	char id[PATH_ID_MAX];
	bool there;

	if (!document || !read_id(exchange, text, id))
		return;
	warn_of_unknown(exchange, document);
	there = api_find_app(api, id);
	if (!there && !create) {
		reply_message(exchange, 404, "App '%s' does not exist", id);
		return;
	}
	update.document = document;
	update.id = id;
	if (reply_update(exchange, app_update_read(api, &update, &app, &problems), &update,
			 &problems))
		app_changes_start(api, exchange,
				  &(struct change){ .kind = CHANGE_UPDATE,
						    .id = id,
						    .app = app,
						    .client = http_exchange_peer(exchange),
						    .uri = http_exchange_path(exchange) },
				  1, there ? pending_answer_deployment : answer_created_deployment);
}

void app_update(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	change_app(exchange, arg, match->params[0], query_flag(exchange, "partialUpdate", true),
		   true);
}

void app_patch(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	change_app(exchange, arg, match->params[0], true, false);
}

void app_remove(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	const struct cluster_app *app = api_require_app(exchange, api, match->params[0]);

	if (app)
		start_change(api, exchange,
			     &(struct change){ .kind = CHANGE_REMOVE, .id = app->id },
			     query_flag(exchange, "force", true), pending_answer_deployment);
}

void app_restart(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	const struct cluster_app *app =
		body_type_check(exchange) ? api_require_app(exchange, api, match->params[0]) : NULL;

	if (app)
		start_change(api, exchange,
			     &(struct change){ .kind = CHANGE_RESTART, .id = app->id },
			     query_flag(exchange, "force", false), pending_answer_deployment);
}
