#pragma once

/* What the files of this room share: the API's state, and its handlers' types. */

#include <stdbool.h>

#include <sys/queue.h>

#include "stadion/api/api.h"
#include "stadion/base/log.h"
#include "stadion/coordinator/cluster.h"
#include "stadion/net/router.h"

struct event_streams;
struct pending;

#define API_METHODS 7
extern const char *const api_methods[API_METHODS]; /* "GET" ... */

/* The table of what is served. */
extern const struct route api_routes[];
extern const size_t api_route_count;

struct api {
	struct loop *loop;
	struct coordinator *coordinator;
	char *credentials; /* NULL: open */
	char *address;
	char *leader; /* "http://" and the address */
	bool marathon_check_defaults;
	char *allow_origins; /* of other sites that may look, joined by commas; NULL: none */
	uint64_t requests[API_METHODS];
	struct timer level_timer; /* pending: the log level goes back to normal_level then */
	enum log_level normal_level;
	struct event_streams *event_streams;
	LIST_HEAD(, pending) pending; /* exchanges that wait for a change */
};

/* The app as users see it: one that is being destroyed is gone. */
const struct cluster_app *api_find_app(const struct api *api, const char *id);

/* The same by an id as it stands in a path; NULL, and the exchange is answered with 404. */
const struct cluster_app *api_require_app(struct http_exchange *exchange, const struct api *api,
					  const char *text);

/* The routes' functions; `arg` is the struct api. */
route_fn apps_list, apps_create, apps_update_many, apps_patch_many;
route_fn app_get, app_update, app_patch, app_remove, app_restart;
route_fn versions_list, version_get;
route_fn tasks_list, tasks_delete, app_tasks_list, app_tasks_delete, app_task_get, app_task_delete;
route_fn group_get, group_create, group_update, group_remove;
route_fn group_apps_list, group_versions_list, group_version_get;
route_fn deployments_list, deployment_cancel;
route_fn queue_list, queue_reset_delay;
route_fn info_get, leader_get, ping_get, plugins_list;
route_fn events_stream;
route_fn hosts_list, host_get, leader_delete, method_refused, not_there_yet;
route_fn metrics_get, metrics_get_prometheus, logging_get, logging_set;
route_fn openapi_get, app_schema_get;
route_fn web_redirect, web_index, web_file;

timer_fn logging_revert;
