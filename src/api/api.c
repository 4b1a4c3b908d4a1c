#include "stadion/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "api_state.h"
#include "cors.h"
#include "events.h"
#include "pending.h"
#include "reply.h"
#include "stadion/base/text.h"
#include "stadion/model/path_id.h"
#include "stadion/net/accept.h"
#include "stadion/net/router.h"

void not_there_yet(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	(void)arg;
	if (!strcmp(http_exchange_method(exchange), "HEAD")) { /* asks whether there are any */
		http_exchange_reply_empty(exchange, 404);
		return;
	}
	reply_message(exchange, 501, "%s is not there yet in this version of Stadion",
		      http_exchange_path(exchange));
}

/* Without it the path would be that of an app. */
void method_refused(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	(void)arg;
	http_exchange_header(exchange, "Allow", "POST, OPTIONS");
	reply_message(exchange, 405, "Method Not Allowed");
}

#define NOT_THERE_YET(pattern)                                                          \
	{ "GET", pattern, not_there_yet }, { "POST", pattern, not_there_yet },          \
		{ "PUT", pattern, not_there_yet }, { "PATCH", pattern, not_there_yet }, \
	{                                                                               \
		"DELETE", pattern, not_there_yet                                        \
	}

/* Tried in order, and {id} takes slashes: what is longer stands first. */
const struct route api_routes[] = {
	{ "GET", "/v2/apps", apps_list },
	{ "POST", "/v2/apps", apps_create },
	{ "PUT", "/v2/apps", apps_update_many },
	{ "PATCH", "/v2/apps", apps_patch_many },
	{ "POST", "/v2/apps/{id}/restart", app_restart },
	{ "GET", "/v2/apps/{id}/restart", method_refused },
	{ "GET", "/v2/apps/{id}/versions", versions_list },
	{ "GET", "/v2/apps/{id}/versions/{version}", version_get },
	{ "GET", "/v2/apps/{id}/tasks", app_tasks_list },
	{ "DELETE", "/v2/apps/{id}/tasks", app_tasks_delete },
	{ "GET", "/v2/apps/{id}/tasks/{task}", app_task_get },
	{ "DELETE", "/v2/apps/{id}/tasks/{task}", app_task_delete },
	{ "GET", "/v2/apps/{id}", app_get },
	{ "PUT", "/v2/apps/{id}", app_update },
	{ "PATCH", "/v2/apps/{id}", app_patch },
	{ "DELETE", "/v2/apps/{id}", app_remove },
	{ "GET", "/v2/groups/apps", group_apps_list },
	{ "GET", "/v2/groups/versions", group_versions_list },
	{ "GET", "/v2/groups/versions/{version}", group_version_get },
	{ "GET", "/v2/groups", group_get },
	{ "POST", "/v2/groups", group_create },
	{ "PUT", "/v2/groups", group_update },
	{ "PATCH", "/v2/groups", not_there_yet },
	{ "DELETE", "/v2/groups", group_remove },
	{ "GET", "/v2/groups/{id}/apps", group_apps_list },
	{ "GET", "/v2/groups/{id}/versions", group_versions_list },
	{ "GET", "/v2/groups/{id}/versions/{version}", group_version_get },
	{ "GET", "/v2/groups/{id}", group_get },
	{ "POST", "/v2/groups/{id}", group_create },
	{ "PUT", "/v2/groups/{id}", group_update },
	{ "PATCH", "/v2/groups/{id}", not_there_yet },
	{ "DELETE", "/v2/groups/{id}", group_remove },
	{ "GET", "/v2/tasks", tasks_list },
	{ "POST", "/v2/tasks/delete", tasks_delete },
	{ "GET", "/v2/deployments", deployments_list },
	{ "DELETE", "/v2/deployments/{deployment}", deployment_cancel },
	{ "GET", "/v2/queue", queue_list },
	{ "DELETE", "/v2/queue/{id}/delay", queue_reset_delay },
	{ "GET", "/v2/info", info_get },
	{ "GET", "/v2/leader", leader_get },
	{ "DELETE", "/v2/leader", leader_delete },
	{ "GET", "/v2/plugins", plugins_list },
	{ "GET", "/v2/events", events_stream },
	{ "GET", "/v2/hosts", hosts_list },
	{ "GET", "/v2/hosts/{host}", host_get },
	{ "GET", "/v2/openapi.json", openapi_get },
	{ "GET", "/v2/schemas/app.json", app_schema_get },
	{ "GET", "/metrics", metrics_get },
	{ "GET", "/metrics/prometheus", metrics_get_prometheus },
	{ "GET", "/logging", logging_get },
	{ "POST", "/logging", logging_set },
	{ "GET", "/ping", ping_get },
	{ "GET", "/", web_redirect },
	{ "GET", "/ui", web_index },
	{ "GET", "/ui/{file}", web_file },
	NOT_THERE_YET("/v2/pods"),
	NOT_THERE_YET("/v2/pods/{id}"),
};
const size_t api_route_count = ROWS(api_routes);

const char *const api_methods[API_METHODS] = { "GET",	"HEAD",	  "POST",   "PUT",
					       "PATCH", "DELETE", "OPTIONS" };

struct api *api_new(struct loop *loop, struct coordinator *coordinator,
		    const struct api_options *options, struct error *error)
{
	struct api *api = calloc(1, sizeof(*api));
	struct text leader = TEXT_INIT(512);

	if (!api)
		goto no_memory;
	api->loop = loop;
	api->coordinator = coordinator;
	api->marathon_check_defaults = options->marathon_check_defaults;
	LIST_INIT(&api->pending);
	text_addf(&leader, "http://%s", options->address);
	api->address = text_duplicate(options->address);
	api->leader = text_take(&leader);
	api->allow_origins = text_duplicate(options->allow_origins);
	if (!api->address || !api->leader || (options->allow_origins && !api->allow_origins))
		goto no_memory;
	if (!timer_init(&api->level_timer, loop, logging_revert, api, error)) {
		api_free(api);
		return NULL;
	}
	api->event_streams = event_streams_new(loop, coordinator, error);
	if (api->event_streams && api_set_credentials(api, options->credentials, error))
		return api;
	api_free(api);
	return NULL;
no_memory:
	api_free(api);
	(void)error_set(error, ERROR_NOMEM, "the API");
	return NULL;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	pending_end_all(api);
	event_streams_free(api->event_streams);
	timer_clear(&api->level_timer);
	free(api->allow_origins);
	free(api->credentials);
	free(api->address);
	free(api->leader);
	free(api);
}

bool api_set_credentials(struct api *api, const char *credentials, struct error *error)
{
	char *copy = text_duplicate(credentials);

	if (credentials && !copy)
		return error_set(error, ERROR_NOMEM, "credentials");
	free(api->credentials);
	api->credentials = copy;
	return true;
}

const struct cluster_app *api_find_app(const struct api *api, const char *id)
{
	const struct cluster_app *app = cluster_find_app(coordinator_cluster(api->coordinator), id);

	return app && !app->removing ? app : NULL;
}

const struct cluster_app *api_require_app(struct http_exchange *exchange, const struct api *api,
					  const char *text)
{
	const struct cluster_app *app = NULL;
	char id[PATH_ID_MAX];

	if (path_id_resolve(text, "/", id, NULL))
		app = api_find_app(api, id);
	else /* what cannot be an id does not exist either */
		snprintf(id, sizeof(id), "/%s", text);
	if (!app)
		reply_message(exchange, 404, "App '%s' does not exist", id);
	return app;
}

static void add_headers(const struct api *api, struct http_exchange *exchange)
{
	static const char *const headers[][2] = {
		{ "Cache-Control", "no-cache, no-store, must-revalidate" },
		{ "Pragma", "no-cache" },
		{ "Expires", "0" },
		{ "X-Frame-Options", "DENY" },
		{ "X-XSS-Protection", "1; mode=block" },
		{ "X-Content-Type-Options", "nosniff" },
	};

	for (size_t i = 0; i < ROWS(headers); i++)
		http_exchange_header(exchange, headers[i][0], headers[i][1]);
	http_exchange_header(exchange, "X-Marathon-Leader", api->leader);
}

/* The resources of /v2 are JSON; those that are something else too decide for themselves. */
static bool accepts_an_answer(const struct http_exchange *exchange)
{
	static const char tasks[] = "/tasks";
	const char *path = http_exchange_path(exchange);
	const char *accept = http_exchange_request_header(exchange, "Accept");
	size_t len = strlen(path);

	return accept_weight(accept, "application/json", 1) > 0 || strncmp(path, "/v2/", 4) != 0 ||
	       !strncmp(path, "/v2/events", strlen("/v2/events")) ||
	       (len > sizeof(tasks) && !strcmp(path + len - sizeof(tasks) + 1, tasks));
}

static void count_request(struct api *api, const char *method)
{
	for (size_t i = 0; i < API_METHODS; i++)
		api->requests[i] += !strcmp(api_methods[i], method);
}

void api_handle(struct http_exchange *exchange, void *arg)
{
	struct api *api = arg;
	const char *path = http_exchange_path(exchange);
	const char *authorization = http_exchange_request_header(exchange, "Authorization");
	bool preflight;

	if (!strncmp(path, "/agent/v1/", strlen("/agent/v1/"))) {
		coordinator_handle_agent(exchange, api->coordinator);
		return;
	}
	count_request(api, http_exchange_method(exchange));
	add_headers(api, exchange);
	preflight = cors_add(exchange, api->allow_origins);
	if (api->credentials && !preflight &&
	    !access_credentials_match(authorization, api->credentials)) {
		http_exchange_header(exchange, "WWW-Authenticate",
				     "Basic realm=\"Stadion\", charset=\"UTF-8\"");
		reply_message(exchange, 401, "User name and password are needed");
		return;
	}
	if (!access_method_is_safe(http_exchange_method(exchange)) &&
	    !access_origin_is_ours(http_exchange_request_header(exchange, "Origin"),
				   http_exchange_request_header(exchange, "Host"))) {
		reply_message(exchange, 403, "A page of another site may not change anything here");
		return;
	}
	if (!accepts_an_answer(exchange)) {
		reply_message(exchange, 406, "Not Acceptable");
		return;
	}
	router_dispatch(api_routes, ROWS(api_routes), exchange, api);
}
