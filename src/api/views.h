#pragma once

/* How apps, tasks and deployments look on the wire. Strict clients fail on unknown members: what
 * is ours alone is written only when `why` was asked for. */

#include <stdbool.h>

#include "stadion/coordinator/cluster.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/path_id.h"
#include "stadion/net/http_server.h"

enum embed { /* bits: what a view adds */
	     EMBED_COUNTS = 1 << 0,
	     EMBED_TASKS = 1 << 1,
	     EMBED_DEPLOYMENTS = 1 << 2,
	     EMBED_FAILURE = 1 << 3,
	     EMBED_READINESS = 1 << 4,
	     EMBED_WHY = 1 << 5,
	     EMBED_STATS = 1 << 6,
	     EMBED_OFFERS = 1 << 7,
};

/* What a request asks for by `embed`, over what the resource always has. */
unsigned embed_read(struct http_exchange *exchange, unsigned always);
unsigned embed_parse(const char *name); /* 0: unknown, which is ignored */

void app_view_write(struct json_writer *writer, const struct cluster *cluster,
		    const struct cluster_app *app, unsigned embed);

/* The answer to a create: all counts 0, and the deployment that starts it. */
void app_view_write_created(struct json_writer *writer, const struct cluster_app *app,
			    const char *deployment_id);

enum task_view_ports { TASK_VIEW_NO_SERVICE_PORTS, TASK_VIEW_SERVICE_PORTS };
void task_view_write(struct json_writer *writer, const struct instance *instance,
		     enum task_view_ports service_ports);
enum task_state task_view_state(const struct instance *instance);
/* One per port of the app, PORT_NONE where it has none: as the agent took them, or as placed. */
const int32_t *task_view_ports(const struct instance *instance, size_t *count);

/* The member "steps". */
void deployment_steps_write(struct json_writer *writer, const struct deployment *deployment);
void deployment_view_write(struct json_writer *writer, const struct deployment *deployment,
			   unsigned embed);

/* The apps that users see, sorted by id: malloc'ed, ended by NULL; NULL without memory. */
const struct cluster_app **apps_sorted(const struct cluster *cluster);

/* Whether the id of a path is a group and a star: all apps of it and below; the group in `out`. */
bool group_star_parse(const char *text, char out[PATH_ID_MAX]);
/* Keeps those within the group; false when there is no such group. */
bool apps_keep_group(const struct cluster *cluster, const struct cluster_app **apps,
		     const char *group);
