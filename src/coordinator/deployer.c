#include "deployer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aim.h"
#include "events.h"
#include "hosts.h"
#include "launcher.h"
#include "reports.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/schedule/rollout.h"

void deployer_mark(struct coordinator *coordinator, struct cluster_app *app)
{
	app->settled = false; /* until it has been looked at again */
	if (!app->is_marked && !app->gone) {
		app->is_marked = true;
		TAILQ_INSERT_TAIL(&coordinator->marked, app, marked);
	}
	coordinator_wake(coordinator);
}

void deployer_mark_all(struct coordinator *coordinator)
{
	for (struct cluster_app *app = coordinator->cluster.apps; app; app = app->hh.next)
		deployer_mark(coordinator, app);
}

void deployer_mark_waiting(struct coordinator *coordinator)
{
	struct cluster_app *app;

	TAILQ_FOREACH(app, &coordinator->waiting, waiting_link)
		deployer_mark(coordinator, app);
}

static void set_waiting(struct coordinator *coordinator, struct cluster_app *app, bool waiting)
{
	if (waiting && !app->is_waiting)
		TAILQ_INSERT_TAIL(&coordinator->waiting, app, waiting_link);
	else if (!waiting && app->is_waiting)
		TAILQ_REMOVE(&coordinator->waiting, app, waiting_link);
	app->is_waiting = waiting;
}

void deployer_forget(struct coordinator *coordinator, struct cluster_app *app)
{
	if (app->is_marked)
		TAILQ_REMOVE(&coordinator->marked, app, marked);
	app->is_marked = false;
	set_waiting(coordinator, app, false);
}

void deployer_expect_launch(struct coordinator *coordinator, uint64_t left_ms)
{
	uint64_t due_ms = loop_now_ms(coordinator->loop) + left_ms;

	if (timer_pending(&coordinator->launch) && coordinator->launch_due_ms <= due_ms)
		return;
	coordinator->launch_due_ms = due_ms;
	timer_start(&coordinator->launch, left_ms);
}

bool deployer_stop(struct coordinator *coordinator, struct instance *instance, const char *why)
{
	if (instance->goal == INSTANCE_STOP)
		return true;
	if (!ledger_keep_instance(&coordinator->ledger, instance))
		return false;
	instance->goal = INSTANCE_STOP;
	(void)text_copy(instance->why_stop, sizeof(instance->why_stop), why); /* for people */
	log_info("instance.stop", F("task", instance->id), F("why", why));
	deployer_mark(coordinator, instance->owner);
	return true;
}

bool deployer_drop(struct coordinator *coordinator, struct instance *instance)
{
	struct cluster_app *owner = instance->owner;

	if (!ledger_remove_instance(&coordinator->ledger, instance))
		return false;
	coordinator->room = true;
	deployer_mark(coordinator, owner);
	return true;
}

/* Nobody can stop or ask what runs on a silent host. What was to end counts as gone: should the
 * host return, it is not in its list and ends then. The rest goes by the app's strategy. */
static bool is_expunged(const struct coordinator *coordinator, const struct instance *instance)
{
	const struct host *host = instance->host;

	if (!host || host->state != HOST_UNREACHABLE)
		return !host; /* a host that nobody knows cannot come back under that name */
	if (instance->goal == INSTANCE_STOP || instance->owner->removing)
		return true;
	return hosts_expunged(coordinator, instance);
}

static void expunge(struct coordinator *coordinator, struct cluster_app *app)
{
	struct instance *instance = LIST_FIRST(&app->instances), *next;

	for (; instance; instance = next) {
		next = LIST_NEXT(instance, of_app);
		if (!is_expunged(coordinator, instance))
			continue;
		log_warn("instance.expunged", F("task", instance->id), F("host", instance->host_id),
			 F("why", "its host is unreachable"));
		events_expunged(coordinator, instance);
		if (!deployer_drop(coordinator, instance))
			return;
	}
}

static bool stop_overdue(struct coordinator *coordinator, struct cluster_app *app)
{
	char why[128];
	struct instance *instance;

	LIST_FOREACH(instance, &app->instances, of_app) {
		if (!hosts_overdue(coordinator, instance))
			continue;
		(void)snprintf(why, sizeof(why), "not running, and no progress for %.3g s",
			       (double)coordinator->launch_timeout_ms / 1000);
		if (!reports_note_overdue(coordinator, instance, why) ||
		    !deployer_stop(coordinator, instance, why))
			return false;
	}
	return true;
}

static void apply_stops(struct coordinator *coordinator, const struct cluster_app *app,
			const struct aim *aim, struct instance **instances, size_t count,
			const bool *stops)
{
	for (size_t i = 0; i < count; i++) {
		const char *why = app->removing ? "the app is destroyed"
				  : aim_is_current(aim, instances[i])
					  ? "scaled down"
					  : "replaced by a newer version";

		if (stops[i] && !deployer_stop(coordinator, instances[i], why))
			return;
	}
}

/* Asks the rollout what to do now, and does it. False without memory. */
static bool move_on(struct coordinator *coordinator, struct cluster_app *app, const struct aim *aim)
{
	size_t size = app->instance_count + 1, count = 0;
	autofree struct rollout_instance *views = calloc(size, sizeof(*views));
	autofree struct instance **instances = calloc(size, sizeof(struct instance *));
	autofree bool *stops = calloc(size, sizeof(*stops));
	struct rollout_goal goal = aim_goal(aim);
	struct rollout_step step;
	struct instance *instance;

	if (!views || !instances || !stops)
		return false;
	LIST_FOREACH(instance, &app->instances, of_app) {
		if (hosts_given_up(coordinator, instance))
			continue;
		instances[count] = instance;
		views[count++] = aim_view(aim, instance);
	}
	step = rollout_next(&goal, views, count, stops);
	apply_stops(coordinator, app, aim, instances, count, stops);
	launcher_launch(coordinator, app, aim->app, step.start);
	set_waiting(coordinator, app, app->waiting > 0);
	app->settled = step.done;
	return true;
}

static void step_app(struct coordinator *coordinator, struct cluster_app *app)
{
	struct aim aim = aim_of(app);

	expunge(coordinator, app);
	if (!stop_overdue(coordinator, app) || !move_on(coordinator, app, &aim)) {
		coordinator->ledger.incomplete = true; /* undone, and tried again later */
		return;
	}
	if (app->removing && aim.instances == 0 && app->instance_count == 0) {
		log_info("app.removed", F("app", app->id));
		events_app_removed(coordinator, app);
		(void)ledger_remove_app(&coordinator->ledger, app); /* else nothing is committed */
	}
}

static bool is_done(const struct coordinator *coordinator, const struct deployment_action *action)
{
	const struct cluster_app *app = record_find_app(&coordinator->cluster, action->app_id);

	switch (action->action) {
	case PLAN_START:
		return true;
	case PLAN_SCALE:
	case PLAN_RESTART:
		return !app || app->settled;
	case PLAN_STOP:
		return !app;
	}
	return true;
}

/* The first thing in the running step that is not done; NULL: the step is. */
static const struct deployment_action *find_undone(const struct coordinator *coordinator,
						   const struct deployment *deployment)
{
	for (size_t i = 0; i < deployment->action_count; i++)
		if (deployment->actions[i].step == deployment->step &&
		    !is_done(coordinator, &deployment->actions[i]))
			return &deployment->actions[i];
	return NULL;
}

static void mark_affected(struct coordinator *coordinator, const struct deployment *deployment)
{
	for (size_t i = 0; deployment->affected[i]; i++) {
		struct cluster_app *app =
			record_find_app(&coordinator->cluster, deployment->affected[i]);

		if (app)
			deployer_mark(coordinator, app);
	}
}

bool deployer_cancel(struct coordinator *coordinator, struct deployment *deployment, const char *by)
{
	log_warn("deployment.cancelled", F("deployment", deployment->id), F("by", by));
	events_cancelled(coordinator, deployment, by);
	mark_affected(coordinator, deployment);
	return ledger_remove_deployment(&coordinator->ledger, deployment);
}

static void advance(struct coordinator *coordinator, struct deployment *deployment)
{
	const struct deployment_action *undone = find_undone(coordinator, deployment);

	if (undone) {
		aim_explain(record_find_app(&coordinator->cluster, undone->app_id), deployment->why,
			    sizeof(deployment->why));
		return;
	}
	deployment->why[0] = '\0';
	mark_affected(coordinator, deployment);
	events_step_done(coordinator, deployment);
	if (deployment->step + 1 < deployment->step_count) {
		if (ledger_keep_deployment(&coordinator->ledger, deployment)) {
			deployment->step++;
			events_step_begun(coordinator, deployment);
		}
		return;
	}
	events_deployment_done(coordinator, deployment);
	log_info("deployment.done", F("deployment", deployment->id));
	(void)ledger_remove_deployment(&coordinator->ledger, deployment); /* else not committed */
}

static struct cluster_app *take_marked(struct coordinator *coordinator)
{
	struct cluster_app *app = TAILQ_FIRST(&coordinator->marked);

	if (app) {
		TAILQ_REMOVE(&coordinator->marked, app, marked);
		app->is_marked = false;
	}
	return app;
}

void deployer_run(struct coordinator *coordinator)
{
	struct cluster_app *app;

	/* While the disk refuses, trying again at once would only turn in circles. */
	if (timer_pending(&coordinator->retry))
		return;
	if (coordinator->room)
		deployer_mark_waiting(coordinator);
	coordinator->room = false;
	while (!coordinator->ledger.incomplete && (app = take_marked(coordinator))) {
		struct deployment *deployment = app->deployment;

		if (app->gone)
			continue;
		step_app(coordinator, app);
		if (deployment && !deployment->gone)
			advance(coordinator, deployment);
	}
}
