#include "aim.h"

#include <stdio.h>
#include <string.h>

#include "stadion/base/text.h"

/* The app's action that holds now: the last one in the steps up to the running one. */
static const struct deployment_action *find_action(const struct deployment *deployment,
						   const char *app_id)
{
	const struct deployment_action *found = NULL;

	for (size_t i = 0; i < deployment->action_count; i++) {
		const struct deployment_action *action = &deployment->actions[i];

		if (action->step <= deployment->step && strcmp(action->app_id, app_id) == 0 &&
		    (!found || action->step >= found->step))
			found = action;
	}
	return found;
}

static struct aim aim_before(const struct cluster_app *app)
{
	const struct deployment *deployment = app->deployment;

	for (size_t i = 0; deployment->affected[i]; i++)
		if (deployment->before[i] && strcmp(deployment->affected[i], app->id) == 0)
			return (struct aim){ .app = deployment->before[i],
					     .instances = deployment->before[i]->instances };
	return (struct aim){ .app = app->current, .instances = 0 };
}

struct aim aim_of(const struct cluster_app *app)
{
	const struct deployment_action *action = NULL;
	struct aim aim = { .app = app->current, .instances = app->current->instances };

	if (app->deployment && !(action = find_action(app->deployment, app->id)))
		return aim_before(app);
	if (app->removing || (action && action->action == PLAN_START))
		aim.instances = 0;
	aim.by_version = action && action->action == PLAN_RESTART;
	return aim;
}

bool aim_is_current(const struct aim *aim, const struct instance *instance)
{
	return !aim->by_version || instance->app->version_ms >= aim->app->configured_ms;
}

struct rollout_goal aim_goal(const struct aim *aim)
{
	return (struct rollout_goal){ .instances = aim->instances,
				      .minimum_health_capacity = aim->app->minimum_health_capacity,
				      .maximum_over_capacity = aim->app->maximum_over_capacity,
				      .kill_selection = aim->app->kill_selection };
}

static bool is_good(const struct instance *instance)
{
	return instance->status.state == TASK_RUNNING && instance->status.seq > 0 &&
	       (instance->app->check_count == 0 || task_health(&instance->status) == TASK_HEALTHY);
}

/* Of a silent host's instances those that the app still counts on are neither running nor lost:
 * they hold their place. Outdated ones need not be waited for. (Those that were given up for good
 * do not come here at all: hosts_given_up.) */
struct rollout_instance aim_view(const struct aim *aim, const struct instance *instance)
{
	bool silent = !instance->host || instance->host->state == HOST_UNREACHABLE;
	const struct task_status *status = &instance->status;
	bool current = aim_is_current(aim, instance);

	return (struct rollout_instance){
		.current = current,
		.running = !silent && status->seq > 0 && status->state == TASK_RUNNING,
		.good = !silent && is_good(instance),
		.stopping = instance->goal == INSTANCE_STOP,
		.unreachable = silent && !current,
		.since_ms = status->started_ms ? status->started_ms : instance->staged_ms,
	};
}

static const char *state_text(const struct instance *instance)
{
	if (instance->host && instance->host->state == HOST_UNREACHABLE)
		return task_state_name(TASK_UNREACHABLE);
	if (instance->status.seq == 0)
		return "handed to its host";
	if (instance->status.state == TASK_RUNNING)
		return "running, not healthy yet";
	return task_state_name(instance->status.state);
}

void aim_explain(const struct cluster_app *app, char *out, size_t size)
{
	const struct instance *instance, *late = NULL;
	size_t good = 0, ending = 0;

	out[0] = '\0';
	if (!app)
		return;
	LIST_FOREACH(instance, &app->instances, of_app) {
		if (instance->goal == INSTANCE_STOP)
			ending++;
		else if (is_good(instance))
			good++;
		else
			late = instance;
	}
	if (app->waiting > 0)
		(void)snprintf(out, size, "%s: %d more to launch: %s", app->id, app->waiting,
			       app->waiting_for);
	else if (late)
		(void)snprintf(out, size, "%s: %zu of %zu are up; waiting for %s on %s: %s%s%s",
			       app->id, good, app->instance_count - ending, late->id,
			       late->hostname, state_text(late),
			       late->status.message[0] ? ", " : "", late->status.message);
	else if (ending > 0)
		(void)snprintf(out, size, "%s: waiting for %zu tasks to end", app->id, ending);
}
