#include "views.h"

#include <stdlib.h>
#include <string.h>

#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/coordinator/groups.h"
#include "stadion/model/app_write.h"
#include "stadion/model/path_id.h"
#include "stadion/model/task_write.h"
#include "stadion/schedule/plan.h"
#include "task_stats.h"

static const struct {
	const char *name;
	unsigned bits;
} embeds[] = {
	{ "tasks", EMBED_TASKS | EMBED_DEPLOYMENTS }, /* the pair is historic */
	{ "counts", EMBED_COUNTS },
	{ "deployments", EMBED_DEPLOYMENTS },
	{ "readiness", EMBED_READINESS },
	{ "lastTaskFailure", EMBED_FAILURE },
	{ "failures", EMBED_TASKS | EMBED_DEPLOYMENTS | EMBED_FAILURE },
	{ "taskStats", EMBED_STATS },
	{ "lastUnusedOffers", EMBED_OFFERS },
	{ "why", EMBED_WHY },
};

unsigned embed_parse(const char *name)
{
	static const char *const prefixes[] = { "group.apps.", "apps.", "app." };

	for (size_t i = 0; i < ROWS(prefixes); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) != 0)
			continue;
		name += strlen(prefixes[i]);
		break;
	}
	for (size_t i = 0; i < ROWS(embeds); i++)
		if (!strcmp(embeds[i].name, name))
			return embeds[i].bits;
	return 0;
}

#define EMBED_KEYS_MAX 32

unsigned embed_read(struct http_exchange *exchange, unsigned always)
{
	for (size_t i = 0; i < EMBED_KEYS_MAX; i++) {
		const char *name = http_exchange_query(exchange, "embed", i);

		if (!name)
			break;
		always |= embed_parse(name);
	}
	return always;
}

static void counts_write(struct json_writer *writer, struct cluster_counts counts)
{
	json_field_integer(writer, "tasksStaged", counts.staged);
	json_field_integer(writer, "tasksRunning", counts.running);
	json_field_integer(writer, "tasksHealthy", counts.healthy);
	json_field_integer(writer, "tasksUnhealthy", counts.unhealthy);
}

static bool affects(const struct deployment *deployment, const char *app_id)
{
	for (char **id = deployment->affected; id && *id; id++)
		if (!strcmp(*id, app_id))
			return true;
	return false;
}

static void deployment_id_write(struct json_writer *writer, const char *id)
{
	json_object_begin(writer);
	json_field_text(writer, "id", id);
	json_object_end(writer);
}

static void failure_write(struct json_writer *writer, const struct cluster_app *app)
{
	const struct last_failure *failure = &app->failure;

	if (!failure->known)
		return;
	json_key(writer, "lastTaskFailure");
	json_object_begin(writer);
	json_field_text(writer, "appId", app->id);
	json_field_text(writer, "host", failure->host ? failure->host : "");
	json_field_text(writer, "message", failure->message);
	json_field_text(writer, "state", task_state_name(failure->state));
	json_field_text(writer, "taskId", failure->task_id);
	json_field_timestamp(writer, "timestamp", failure->at_ms);
	json_field_timestamp(writer, "version", failure->version_ms);
	if (failure->host_id)
		json_field_text(writer, "slaveId", failure->host_id);
	json_object_end(writer);
}

void app_view_write(struct json_writer *writer, const struct cluster *cluster,
		    const struct cluster_app *app, unsigned embed)
{
	const struct deployment *deployment;
	const struct instance *instance;

	json_object_begin(writer);
	app_write_members(writer, app->current);
	if (embed & EMBED_COUNTS)
		counts_write(writer, cluster_count_tasks(app));
	if (embed & EMBED_DEPLOYMENTS) {
		json_key(writer, "deployments");
		json_array_begin(writer);
		TAILQ_FOREACH(deployment, &cluster->deployments, link)
			if (affects(deployment, app->id))
				deployment_id_write(writer, deployment->id);
		json_array_end(writer);
	}
	if (embed & EMBED_READINESS) {
		json_key(writer, "readinessCheckResults");
		json_array_begin(writer);
		json_array_end(writer);
	}
	if (embed & EMBED_TASKS) {
		json_key(writer, "tasks");
		json_array_begin(writer);
		LIST_FOREACH(instance, &app->instances, of_app)
			task_view_write(writer, instance, TASK_VIEW_NO_SERVICE_PORTS);
		json_array_end(writer);
	}
	if (embed & EMBED_FAILURE)
		failure_write(writer, app);
	if (embed & EMBED_STATS)
		task_stats_write(writer, app, clock_wall_ms());
	if ((embed & EMBED_WHY) && app->waiting > 0)
		json_field_text(writer, "waitingFor", app->waiting_for);
	json_object_end(writer);
}

void app_view_write_created(struct json_writer *writer, const struct cluster_app *app,
			    const char *deployment_id)
{
	json_object_begin(writer);
	app_write_members(writer, app->current);
	counts_write(writer, (struct cluster_counts){ 0 });
	json_key(writer, "deployments");
	json_array_begin(writer);
	if (deployment_id)
		deployment_id_write(writer, deployment_id);
	json_array_end(writer);
	json_object_end(writer);
}

enum task_state task_view_state(const struct instance *instance)
{
	if (instance->host && instance->host->state == HOST_UNREACHABLE &&
	    !task_state_terminal(instance->status.state))
		return TASK_UNREACHABLE;
	return instance->status.seq ? instance->status.state : TASK_STAGING;
}

static void optional_time_write(struct json_writer *writer, const char *key, int64_t wall_ms)
{
	if (wall_ms)
		json_field_timestamp(writer, key, wall_ms);
}

static void check_results_write(struct json_writer *writer, const struct instance *instance)
{
	char id[PATH_ID_MAX + 64];

	json_key(writer, "healthCheckResults");
	json_array_begin(writer);
	for (size_t i = 0; i < instance->status.check_count; i++) {
		const struct check_result *result = &instance->status.checks[i];

		if (!result->known)
			continue;
		json_object_begin(writer);
		json_field_flag(writer, "alive", result->alive);
		json_field_integer(writer, "consecutiveFailures", result->consecutive_failures);
		optional_time_write(writer, "firstSuccess", result->first_success_ms);
		optional_time_write(writer, "lastSuccess", result->last_success_ms);
		optional_time_write(writer, "lastFailure", result->last_failure_ms);
		if (result->cause[0] && result->last_failure_ms)
			json_field_text(writer, "lastFailureCause", result->cause);
		if (task_id_instance(instance->id, id, sizeof(id)))
			json_field_text(writer, "instanceId", id);
		json_object_end(writer);
	}
	json_array_end(writer);
}

const int32_t *task_view_ports(const struct instance *instance, size_t *count)
{
	bool taken = instance->status.port_count == instance->app->port_count;

	*count = taken ? instance->status.port_count : instance->port_count;
	return taken ? instance->status.ports : instance->ports;
}

static void ports_write(struct json_writer *writer, const struct instance *instance,
			enum task_view_ports service_ports)
{
	size_t count;
	const int32_t *ports = task_view_ports(instance, &count);

	task_write_ports(writer, ports, count);
	json_key(writer, "servicePorts");
	json_array_begin(writer);
	for (size_t i = 0; service_ports == TASK_VIEW_SERVICE_PORTS && i < count; i++)
		if (ports[i] != PORT_NONE && i < instance->app->port_count)
			json_put_integer(writer, instance->app->ports[i].service_port);
	json_array_end(writer);
}

void task_view_write(struct json_writer *writer, const struct instance *instance,
		     enum task_view_ports service_ports)
{
	json_object_begin(writer);
	json_field_text(writer, "id", instance->id);
	json_field_text(writer, "appId", instance->app->id);
	json_field_text(writer, "host", instance->hostname ? instance->hostname : "");
	if (instance->host_id)
		json_field_text(writer, "slaveId", instance->host_id);
	ports_write(writer, instance, service_ports);
	task_write_addresses(writer, instance->status.address);
	json_field_text(writer, "state", task_state_name(task_view_state(instance)));
	optional_time_write(writer, "stagedAt", instance->staged_ms);
	optional_time_write(writer, "startedAt", instance->status.started_ms);
	optional_time_write(writer, "version", instance->app->version_ms);
	check_results_write(writer, instance);
	json_key(writer, "localVolumes");
	json_array_begin(writer);
	json_array_end(writer);
	json_field_text(writer, "role", instance->app->role ? instance->app->role : "*");
	json_object_end(writer);
}

static void action_write(struct json_writer *writer, const struct deployment_action *action,
			 bool current)
{
	json_object_begin(writer);
	json_field_text(writer, "action", plan_action_name(action->action));
	json_field_text(writer, "app", action->app_id);
	if (current) {
		json_key(writer, "readinessCheckResults");
		json_array_begin(writer);
		json_array_end(writer);
	}
	json_object_end(writer);
}

static void step_write(struct json_writer *writer, const struct deployment *deployment, size_t step,
		       bool current)
{
	json_array_begin(writer);
	for (size_t i = 0; i < deployment->action_count; i++)
		if (deployment->actions[i].step == step)
			action_write(writer, &deployment->actions[i], current);
	json_array_end(writer);
}

void deployment_steps_write(struct json_writer *writer, const struct deployment *deployment)
{
	json_key(writer, "steps");
	json_array_begin(writer);
	for (size_t step = 0; step < deployment->step_count; step++) {
		json_object_begin(writer);
		json_key(writer, "actions");
		step_write(writer, deployment, step, false);
		json_object_end(writer);
	}
	json_array_end(writer);
}

void deployment_view_write(struct json_writer *writer, const struct deployment *deployment,
			   unsigned embed)
{
	json_object_begin(writer);
	json_field_text(writer, "id", deployment->id);
	json_field_timestamp(writer, "version", deployment->version_ms);
	json_key(writer, "affectedApps");
	json_array_begin(writer);
	for (char **id = deployment->affected; id && *id; id++)
		json_put_text(writer, *id);
	json_array_end(writer);
	json_key(writer, "affectedPods");
	json_array_begin(writer);
	json_array_end(writer);
	deployment_steps_write(writer, deployment);
	json_key(writer, "currentActions");
	step_write(writer, deployment, deployment->step, true);
	json_field_integer(writer, "currentStep",
			   deployment->step_count ? (int64_t)deployment->step + 1 : 0);
	json_field_integer(writer, "totalSteps", (int64_t)deployment->step_count);
	if (embed & EMBED_WHY)
		json_field_text(writer, "why", deployment->why);
	json_object_end(writer);
}

static int by_id(const void *a, const void *b)
{
	const struct cluster_app *const *left = a, *const *right = b;

	return strcmp((*left)->id, (*right)->id);
}

const struct cluster_app **apps_sorted(const struct cluster *cluster)
{
	const struct cluster_app **apps = calloc(HASH_COUNT(cluster->apps) + 1, sizeof(*apps));
	size_t count = 0;

	for (const struct cluster_app *app = cluster->apps; apps && app; app = app->hh.next)
		if (!app->removing)
			apps[count++] = app;
	if (apps)
		qsort(apps, count, sizeof(*apps), by_id);
	return apps;
}

bool group_star_parse(const char *text, char out[PATH_ID_MAX])
{
	size_t len = strlen(text);

	if (len == 0 || text[len - 1] != '*' || (len > 1 && text[len - 2] != '/'))
		return false;
	len -= len > 1 ? 2 : 1;
	return text_format(out, PATH_ID_MAX, "/%.*s", (int)len, text);
}

bool apps_keep_group(const struct cluster *cluster, const struct cluster_app **apps,
		     const char *group)
{
	size_t kept = 0;

	for (size_t i = 0; apps[i]; i++)
		if (path_id_within(apps[i]->id, group))
			apps[kept++] = apps[i];
	apps[kept] = NULL;
	return groups_exist(cluster, group);
}
