#include "records.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "group_records.h"
#include "stadion/base/text.h"

void last_failure_clear(struct last_failure *failure)
{
	free(failure->task_id);
	free(failure->host);
	free(failure->host_id);
	*failure = (struct last_failure){ .known = false };
}

bool last_failure_copy(struct last_failure *out, const struct last_failure *from)
{
	struct last_failure copy = *from;

	copy.task_id = text_duplicate(from->task_id);
	copy.host = text_duplicate(from->host);
	copy.host_id = text_duplicate(from->host_id);
	if (!copy.task_id != !from->task_id || !copy.host != !from->host ||
	    !copy.host_id != !from->host_id) {
		last_failure_clear(&copy);
		return false;
	}
	*out = copy;
	return true;
}

struct cluster_app *record_app_new(const char *id)
{
	autoptr(cluster_app) app = calloc(1, sizeof(*app));

	if (!app || !(app->id = text_duplicate(id)))
		return NULL;
	LIST_INIT(&app->instances);
	return TAKE(app);
}

void record_app_free(struct cluster_app *app)
{
	if (!app)
		return;
	for (size_t i = 0; i < app->version_count; i++)
		app_unref(app->versions[i]);
	last_failure_clear(&app->failure);
	free(app->id);
	free(app);
}

struct app *record_app_push_version(struct cluster_app *app, struct app *version)
{
	struct app *fallen = NULL;

	if (app->version_count == CLUSTER_VERSIONS_MAX)
		fallen = app->versions[--app->version_count];
	memmove(app->versions + 1, app->versions, app->version_count * sizeof(app->versions[0]));
	app->versions[0] = app->current = version;
	app->version_count++;
	return fallen;
}

struct instance *record_instance_new(const char *id, const char *host_id, const char *hostname)
{
	autoptr(instance) instance = calloc(1, sizeof(*instance));

	if (!instance)
		return NULL;
	instance->id = text_duplicate(id);
	instance->host_id = text_duplicate(host_id);
	instance->hostname = text_duplicate(hostname);
	return instance->id && instance->host_id && instance->hostname ? TAKE(instance) : NULL;
}

void record_instance_free(struct instance *instance)
{
	if (!instance)
		return;
	task_status_clear(&instance->status);
	app_unref(instance->app);
	free(instance->ports);
	free(instance->hostname);
	free(instance->host_id);
	free(instance->id);
	free(instance);
}

struct deployment *record_deployment_new(size_t actions, size_t affected)
{
	autoptr(deployment) deployment = calloc(1, sizeof(*deployment));

	if (!deployment)
		return NULL;
	/* One more each: calloc(0) may be NULL, and `affected` ends with NULL. */
	deployment->actions = calloc(actions + 1, sizeof(*deployment->actions));
	deployment->affected = calloc(affected + 1, sizeof(*deployment->affected));
	deployment->before = calloc(affected + 1, sizeof(*deployment->before));
	return deployment->actions && deployment->affected && deployment->before ? TAKE(deployment)
										 : NULL;
}

void record_deployment_free(struct deployment *deployment)
{
	if (!deployment)
		return;
	for (size_t i = 0; i < deployment->action_count; i++)
		free(deployment->actions[i].app_id);
	for (size_t i = 0; deployment->affected && deployment->affected[i]; i++) {
		free(deployment->affected[i]);
		app_unref(deployment->before[i]);
	}
	free(deployment->actions);
	free(deployment->affected);
	free(deployment->before);
	free(deployment);
}

struct host *record_host_new(const char *id)
{
	autoptr(host) host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	host->id = text_duplicate(id);
	host->hostname = text_duplicate("");
	host->engine = text_duplicate("");
	host->version = text_duplicate("");
	LIST_INIT(&host->instances);
	return host->id && host->hostname && host->engine && host->version ? TAKE(host) : NULL;
}

void record_host_free(struct host *host)
{
	if (!host)
		return;
	assert(!host->poll);
	pair_list_clear(&host->attributes);
	free(host->version);
	free(host->engine);
	free(host->hostname);
	free(host->id);
	free(host);
}

void record_app_link(struct cluster *cluster, struct cluster_app *app)
{
	app->gone = false;
	HASH_ADD_KEYPTR(hh, cluster->apps, app->id, strlen(app->id), app);
}

void record_app_unlink(struct cluster *cluster, struct cluster_app *app)
{
	app->gone = true;
	HASH_DEL(cluster->apps, app);
}

static void use_resources(struct host *host, const struct app *app, int sign)
{
	host->used_cpu_milli += sign * app->cpu_milli;
	host->used_mem_kib += sign * app->mem_kib;
	host->used_disk_kib += sign * app->disk_kib;
}

void record_instance_link(struct cluster *cluster, struct instance *instance)
{
	instance->gone = false;
	HASH_ADD_KEYPTR(hh, cluster->instances, instance->id, strlen(instance->id), instance);
	LIST_INSERT_HEAD(&instance->owner->instances, instance, of_app);
	instance->owner->instance_count++;
	if (instance->host) {
		LIST_INSERT_HEAD(&instance->host->instances, instance, of_host);
		instance->host->instance_count++;
		use_resources(instance->host, instance->app, 1);
	}
}

void record_instance_unlink(struct cluster *cluster, struct instance *instance)
{
	instance->gone = true;
	HASH_DEL(cluster->instances, instance);
	LIST_REMOVE(instance, of_app);
	instance->owner->instance_count--;
	if (instance->host) {
		LIST_REMOVE(instance, of_host);
		instance->host->instance_count--;
		use_resources(instance->host, instance->app, -1);
	}
}

void record_deployment_link(struct cluster *cluster, struct deployment *deployment)
{
	deployment->gone = false;
	TAILQ_INSERT_TAIL(&cluster->deployments, deployment, link);
	for (size_t i = 0; deployment->affected[i]; i++) {
		struct cluster_app *app = record_find_app(cluster, deployment->affected[i]);

		if (app)
			app->deployment = deployment;
	}
}

void record_deployment_unlink(struct cluster *cluster, struct deployment *deployment)
{
	deployment->gone = true;
	TAILQ_REMOVE(&cluster->deployments, deployment, link);
	for (size_t i = 0; deployment->affected[i]; i++) {
		struct cluster_app *app = record_find_app(cluster, deployment->affected[i]);

		if (app && app->deployment == deployment)
			app->deployment = NULL;
	}
}

void record_host_link(struct cluster *cluster, struct host *host)
{
	HASH_ADD_KEYPTR(hh, cluster->hosts, host->id, strlen(host->id), host);
}

struct cluster_app *record_find_app(const struct cluster *cluster, const char *id)
{
	struct cluster_app *app;

	HASH_FIND_STR(cluster->apps, id, app);
	return app;
}

struct instance *record_find_instance(const struct cluster *cluster, const char *task_id)
{
	struct instance *instance;

	HASH_FIND_STR(cluster->instances, task_id, instance);
	return instance;
}

struct host *record_find_host(const struct cluster *cluster, const char *id)
{
	struct host *host;

	HASH_FIND_STR(cluster->hosts, id, host);
	return host;
}

struct deployment *record_find_deployment(const struct cluster *cluster, const char *id)
{
	struct deployment *deployment;

	TAILQ_FOREACH(deployment, &cluster->deployments, link)
		if (strcmp(deployment->id, id) == 0)
			return deployment;
	return NULL;
}

void cluster_clear(struct cluster *cluster)
{
	struct cluster_app *app, *next_app;
	struct instance *instance, *next_instance;
	struct host *host, *next_host;
	struct deployment *deployment;

	HASH_ITER(hh, cluster->instances, instance, next_instance) {
		record_instance_unlink(cluster, instance);
		record_instance_free(instance);
	}
	while ((deployment = TAILQ_FIRST(&cluster->deployments))) {
		record_deployment_unlink(cluster, deployment);
		record_deployment_free(deployment);
	}
	record_groups_clear(cluster);
	HASH_ITER(hh, cluster->apps, app, next_app) {
		record_app_unlink(cluster, app);
		record_app_free(app);
	}
	HASH_ITER(hh, cluster->hosts, host, next_host) {
		HASH_DEL(cluster->hosts, host);
		record_host_free(host);
	}
}
