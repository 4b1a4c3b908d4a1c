/* /v2/groups: trees of apps. Marathon takes bodies of any type here. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_state.h"
#include "body.h"
#include "pending.h"
#include "query.h"
#include "reply.h"
#include "stadion/base/clock.h"
#include "stadion/coordinator/groups.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/group.h"
#include "views.h"

struct group_embed {
	bool apps, groups;
	unsigned app; /* what is added to each app */
};

#define EMBED_KEYS_MAX 32

/* None asked for is all but the apps' extras. */
static struct group_embed read_embed(struct http_exchange *exchange)
{
	struct group_embed embed = { .app = embed_read(exchange, 0) };

	embed.apps = embed.groups = !http_exchange_query(exchange, "embed", 0);
	for (size_t i = 0; i < EMBED_KEYS_MAX; i++) {
		const char *name = http_exchange_query(exchange, "embed", i);

		if (!name)
			break;
		embed.apps = embed.apps || !strcmp(name, "group.apps");
		embed.groups = embed.groups || !strcmp(name, "group.groups");
	}
	return embed;
}

/* The id in the path; none is the root. False for what can be no id: nothing has that name. */
static bool read_id(const struct route_match *match, char out[PATH_ID_MAX], struct error *error)
{
	return path_id_resolve(match->params[0] ? match->params[0] : "/", "/", out, error);
}

/* The group of the path, which is there; else answers. */
static bool require_group(struct http_exchange *exchange, const struct api *api,
			  const struct route_match *match, char id[PATH_ID_MAX])
{
	if (!read_id(match, id, NULL))
		(void)text_format(id, PATH_ID_MAX, "/%s", match->params[0]); /* for people */
	else if (groups_exist(coordinator_cluster(api->coordinator), id))
		return true;
	reply_message(exchange, 404, "Group '%s' does not exist", id);
	return false;
}

struct app_writing {
	const struct cluster *cluster;
	unsigned embed;
};

static void write_app(struct json_writer *writer, const struct app *app, void *arg)
{
	const struct app_writing *writing = arg;

	app_view_write(writer, writing->cluster, cluster_find_app(writing->cluster, app->id),
		       writing->embed);
}

static void reply_group(struct http_exchange *exchange, const struct group *group,
			const struct group_write_options *options)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	group_write(&writer, group, options);
	http_exchange_reply_json(exchange, 200, &body);
}

void group_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	const struct cluster *cluster = coordinator_cluster(api->coordinator);
	struct group_embed embed = read_embed(exchange);
	struct app_writing writing = { cluster, embed.app };
	autoptr(group) group = NULL;
	struct error error = { 0 };
	char id[PATH_ID_MAX];

	if (!require_group(exchange, api, match, id))
		return;
	group = groups_at(cluster, id, 0, &error);
	if (group)
		reply_group(exchange, group,
			    &(struct group_write_options){ .apps = embed.apps,
							   .groups = embed.groups,
							   .write_app = write_app,
							   .arg = &writing });
	else
		reply_error(exchange, &error);
}

/* All apps below; of a group that is not there, none. */
void group_apps_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	const struct cluster *cluster = coordinator_cluster(api->coordinator);
	autofree const struct cluster_app **apps = apps_sorted(cluster);
	unsigned embed = embed_read(exchange, 0);
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	char id[PATH_ID_MAX];
	bool named = read_id(match, id, NULL);

	if (!apps) {
		reply_message(exchange, 503, "out of memory");
		return;
	}
	json_array_begin(&writer);
	for (size_t i = 0; named && apps[i]; i++)
		if (path_id_within(apps[i]->id, id))
			app_view_write(&writer, cluster, apps[i], embed);
	json_array_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void group_versions_list(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	int64_t versions[CLUSTER_VERSIONS_MAX];
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);
	char id[PATH_ID_MAX];
	size_t count;

	if (!require_group(exchange, api, match, id))
		return;
	count = groups_versions(coordinator_cluster(api->coordinator), id, versions);
	json_array_begin(&writer);
	for (size_t i = 0; i < count; i++)
		json_put_timestamp(&writer, versions[i]);
	json_array_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

/* The version is the last parameter: the root's route has no id. */
void group_version_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	const struct api *api = arg;
	bool of_root = !match->params[1];
	const char *version = match->params[of_root ? 0 : 1];
	struct group_embed embed = read_embed(exchange);
	autoptr(group) group = NULL;
	struct error error = { 0 };
	char id[PATH_ID_MAX] = "/";
	int64_t version_ms;

	if (!of_root && !read_id(match, id, NULL)) {
		reply_message(exchange, 404, "Group '/%s' does not exist", match->params[0]);
		return;
	}
	if (!timestamp_parse(version, &version_ms)) {
		reply_message(exchange, 422, "version '%s' is not a timestamp", version);
		return;
	}
	group = version_ms > 0
			? groups_at(coordinator_cluster(api->coordinator), id, version_ms, &error)
			: NULL;
	if (group)
		reply_group(exchange, group,
			    &(struct group_write_options){ .apps = embed.apps,
							   .groups = embed.groups });
	else
		reply_message(exchange, 404, "Group '%s' has no version '%s'", id, version);
}

static void answer_created(struct http_exchange *exchange, const struct change_outcome *outcome,
			   struct pending *pending)
{
	char location[PATH_ID_MAX + 16];

	(void)text_format(location, sizeof(location), "/v2/groups%s", pending->app_id);
	http_exchange_header(exchange, "Location", location);
	reply_deployment(exchange, 201, outcome);
}

static void answer_plan(struct http_exchange *exchange, const struct change_outcome *outcome,
			struct pending *pending)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct json_writer writer = JSON_WRITER(&body);

	(void)pending;
	json_object_begin(&writer);
	deployment_steps_write(&writer, outcome->plan);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, 200, &body);
}

/* What the body asks for, to be cleared by the caller; else answers. */
static bool read_request(struct http_exchange *exchange, const struct api *api,
			 const struct route_match *match, struct group_request *out)
{
	autoptr(json_object) document = body_read_any_type(exchange);
	struct group_read_options options = {
		.marathon_check_defaults = api->marathon_check_defaults,
	};
	struct problems problems = { 0 };
	struct error error = { 0 };
	char id[PATH_ID_MAX];

	if (!document)
		return false;
	if (read_id(match, id, &error)) {
		options.id = id;
		if (group_read(document, &options, out, &problems))
			return true;
	} else {
		problems_add(&problems, false, "/id", "%s", error.text);
	}
	reply_problems(exchange, &problems);
	return false;
}

void group_create(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	struct change change = { .kind = CHANGE_GROUP_CREATE };
	struct group_request request;
	struct pending *pending;

	if (!read_request(exchange, api, match, &request))
		return;
	change.id = request.id;
	change.group = &request;
	pending = pending_new(api, exchange, answer_created, request.id);
	if (pending)
		coordinator_change(api->coordinator, &change, 1,
				   query_flag(exchange, "force", false), pending_done, pending);
	group_request_clear(&request);
}

void group_update(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	bool dry = query_flag(exchange, "dryRun", false);
	struct change change = { .kind = CHANGE_GROUP_UPDATE };
	struct group_request request;
	struct pending *pending;

	if (!read_request(exchange, api, match, &request))
		return;
	change.id = request.id;
	change.group = &request;
	pending = pending_new(api, exchange, dry ? answer_plan : pending_answer_deployment, NULL);
	if (pending && dry)
		coordinator_preview(api->coordinator, &change, 1, pending_done, pending);
	else if (pending)
		coordinator_change(api->coordinator, &change, 1,
				   query_flag(exchange, "force", false), pending_done, pending);
	group_request_clear(&request);
}

void group_remove(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct api *api = arg;
	struct change change = { .kind = CHANGE_GROUP_REMOVE };
	struct pending *pending;
	char id[PATH_ID_MAX];

	if (!require_group(exchange, api, match, id))
		return;
	change.id = id;
	pending = pending_new(api, exchange, pending_answer_deployment, NULL);
	if (pending)
		coordinator_change(api->coordinator, &change, 1,
				   query_flag(exchange, "force", false), pending_done, pending);
}
