#include "stadion/coordinator/cluster.h"

#include <string.h>

#include "records.h"

const struct cluster_app *cluster_find_app(const struct cluster *cluster, const char *id)
{
	return record_find_app(cluster, id);
}

const struct instance *cluster_find_instance(const struct cluster *cluster, const char *task_id)
{
	return record_find_instance(cluster, task_id);
}

const struct deployment *cluster_find_deployment(const struct cluster *cluster, const char *id)
{
	return record_find_deployment(cluster, id);
}

const struct app *cluster_app_version(const struct cluster_app *app, int64_t version_ms)
{
	for (size_t i = 0; i < app->version_count; i++)
		if (app->versions[i]->version_ms == version_ms)
			return app->versions[i];
	return NULL;
}

/* Marathon's counters (marathon-api 4.7): they look at the results that there are, so a task with
 * one good and one silent check counts as healthy. */
static void count_health(const struct task_status *status, struct cluster_counts *counts)
{
	bool known = false, alive = true;

	for (size_t i = 0; i < status->check_count; i++) {
		known = known || status->checks[i].known;
		alive = alive && (!status->checks[i].known || status->checks[i].alive);
	}
	counts->healthy += known && alive;
	counts->unhealthy += known && !alive;
}

void cluster_count_task(const struct instance *instance, struct cluster_counts *counts)
{
	/* Nobody can say how the tasks of a silent host are. */
	if (instance->host && instance->host->state == HOST_UNREACHABLE)
		return;
	if (instance->status.seq == 0 || instance->status.state == TASK_STAGING ||
	    instance->status.state == TASK_STARTING)
		counts->staged++;
	if (instance->status.state == TASK_RUNNING && instance->status.seq > 0) {
		counts->running++;
		count_health(&instance->status, counts);
	}
}

struct cluster_counts cluster_count_tasks(const struct cluster_app *app)
{
	struct cluster_counts counts = { 0 };
	const struct instance *instance;

	LIST_FOREACH(instance, &app->instances, of_app)
		cluster_count_task(instance, &counts);
	return counts;
}
