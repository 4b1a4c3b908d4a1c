#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "deployer.h"
#include "group_change.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "transition.h"

/* A request of a user on its way through a turn. */
struct request {
	struct job job;
	struct effect effect;
	struct coordinator *coordinator;
	struct transition transition;
	bool has_deployment;
	struct group_change *groups; /* to become wishes when their turn has come */
	size_t group_count;
	change_done_fn *done;
	void *arg;
	char **task_ids; /* kill: ended by NULL */
	bool scale;
	char *deployment_id; /* cancel */
	char *app_id;	     /* reset of the launch delay */
};

static void request_free(struct request *request)
{
	for (size_t i = 0; request->task_ids && request->task_ids[i]; i++)
		free(request->task_ids[i]);
	free(request->task_ids);
	for (size_t i = 0; i < request->group_count; i++)
		group_change_clear(&request->groups[i]);
	free(request->groups);
	free(request->deployment_id);
	free(request->app_id);
	transition_clear(&request->transition);
	free(request);
}

static void request_drop(struct job *job)
{
	request_free((struct request *)((char *)job - offsetof(struct request, job)));
}

/* A refusal was found in memory that may have held more than the disk now does: when the commit
 * failed, that is the answer. */
static void request_answer(struct effect *effect, const struct error *error)
{
	struct request *request =
		(struct request *)((char *)effect - offsetof(struct request, effect));
	const struct transition *transition = &request->transition;
	struct change_outcome outcome = { .error = error ? *error : transition->error };

	if (outcome.error.kind == ERROR_NONE) {
		outcome.version_ms = transition->version_ms;
		outcome.deployment_id = request->has_deployment ? transition->deployment_id : NULL;
		outcome.plan = transition->plan;
	} else if (outcome.error.kind == ERROR_CONFLICT) {
		outcome.blocking = transition->blocking;
	}
	if (!request->coordinator->stopping)
		request->done(&outcome, request->arg);
	request_free(request);
}

/* Without memory even for the request, `done` still has to come from the loop. */
static void run_nothing(struct coordinator *coordinator, struct job *job)
{
	struct request *request = (struct request *)((char *)job - offsetof(struct request, job));

	error_set(&request->transition.error, ERROR_NOMEM, "no memory for a change");
	ledger_add_effect(&coordinator->ledger, &request->effect);
}

static struct request *request_new(struct coordinator *coordinator, size_t wishes, bool force,
				   change_done_fn *done, void *arg)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		abort(); /* not even room to say so */
	request->job.run = run_nothing;
	request->job.drop = request_drop;
	request->effect.fn = request_answer;
	request->coordinator = coordinator;
	request->done = done;
	request->arg = arg;
	if (!transition_init(&request->transition, wishes))
		request->transition.count = 0;
	request->transition.force = force;
	return request;
}

static struct request *request_of(struct job *job)
{
	return (struct request *)((char *)job - offsetof(struct request, job));
}

static void run_change(struct coordinator *coordinator, struct job *job)
{
	struct request *request = request_of(job);
	struct transition *transition = &request->transition;
	bool fine = true;

	for (size_t i = 0; fine && i < request->group_count; i++)
		fine = group_change_expand(coordinator, transition, &request->groups[i]);
	fine = fine && transition_carry_out(coordinator, transition);
	request->has_deployment = fine && !transition->preview;
	ledger_add_effect(&coordinator->ledger, &request->effect);
}

static bool set_wish(struct wish *wish, enum change_kind kind, const char *id,
		     const struct app *app)
{
	wish->kind = kind;
	wish->id = text_duplicate(id);
	wish->app = app ? app_copy(app) : NULL;
	return wish->id && !wish->app == !app;
}

static bool is_of_group(const struct change *change)
{
	return change->kind == CHANGE_GROUP_CREATE || change->kind == CHANGE_GROUP_UPDATE ||
	       change->kind == CHANGE_GROUP_REMOVE;
}

/* Those of apps become wishes at once, those of groups when they know what is there. */
static bool take_changes(struct request *request, const struct change *changes, size_t count)
{
	struct transition *transition = &request->transition;

	transition->count = 0; /* there is room for all */
	request->groups = calloc(count + 1, sizeof(*request->groups));
	for (size_t i = 0; request->groups && i < count; i++) {
		const struct change *change = &changes[i];
		bool defines = change->kind == CHANGE_CREATE || change->kind == CHANGE_UPDATE;

		if (is_of_group(change)
			    ? !group_change_init(&request->groups[request->group_count++], change)
			    : !set_wish(&transition->wishes[transition->count++], change->kind,
					change->id, defines ? change->app : NULL))
			return false;
	}
	return request->groups;
}

static void start_change(struct request *request, const struct change *changes, size_t count)
{
	bool fine = request->transition.wishes && take_changes(request, changes, count);

	if (fine && count == 1 && changes->uri) {
		request->transition.client = text_duplicate(changes->client);
		request->transition.uri = text_duplicate(changes->uri);
		fine = request->transition.client && request->transition.uri;
	}
	if (fine)
		request->job.run = run_change;
	coordinator_add_job(request->coordinator, &request->job);
}

void coordinator_change(struct coordinator *coordinator, const struct change *changes, size_t count,
			bool force, change_done_fn *done, void *arg)
{
	start_change(request_new(coordinator, count, force, done, arg), changes, count);
}

void coordinator_preview(struct coordinator *coordinator, const struct change *changes,
			 size_t count, change_done_fn *done, void *arg)
{
	struct request *request = request_new(coordinator, count, false, done, arg);

	request->transition.preview = true;
	start_change(request, changes, count);
}

/* kill */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One wish per app that loses tasks: as many fewer. */
static bool wish_fewer(struct coordinator *coordinator, struct request *request)
{
	struct transition *transition = &request->transition;

	for (size_t i = 0; request->task_ids[i]; i++) {
		const struct instance *instance =
			record_find_instance(&coordinator->cluster, request->task_ids[i]);
		struct wish *wish = NULL;

		if (!instance || instance->goal == INSTANCE_STOP || instance->owner->removing)
			continue;
		if (i > 0 && strcmp(request->task_ids[i - 1], instance->id) == 0)
			continue; /* named twice, gone once */
		for (size_t w = 0; w < transition->count; w++)
			if (strcmp(transition->wishes[w].id, instance->owner->id) == 0)
				wish = &transition->wishes[w];
		if (!wish) {
			wish = &transition->wishes[transition->count++];
			if (!set_wish(wish, CHANGE_UPDATE, instance->owner->id,
				      instance->owner->current))
				return error_set(&transition->error, ERROR_NOMEM, "no memory");
		}
		assert(wish->app);
		if (wish->app->instances > 0)
			wish->app->instances--;
	}
	return true;
}

static void run_kill(struct coordinator *coordinator, struct job *job)
{
	struct request *request = request_of(job);
	struct transition *transition = &request->transition;
	bool fine = true;

	transition->version_ms = coordinator->cluster.version_ms;
	if (request->scale) {
		fine = wish_fewer(coordinator, request) &&
		       transition_carry_out(coordinator, transition);
		request->has_deployment = fine;
	}
	for (size_t i = 0; fine && request->task_ids[i]; i++) {
		struct instance *instance =
			record_find_instance(&coordinator->cluster, request->task_ids[i]);

		if (instance && !deployer_stop(coordinator, instance, "killed by request"))
			fine = error_set(&transition->error, ERROR_NOMEM, "no memory");
	}
	ledger_add_effect(&coordinator->ledger, &request->effect);
}

void coordinator_kill(struct coordinator *coordinator, const char *const *task_ids, size_t count,
		      bool scale, bool force, change_done_fn *done, void *arg)
{
	struct request *request = request_new(coordinator, count, force, done, arg);
	bool fine = request->transition.wishes;

	request->transition.count = 0; /* there is room for one per task */
	request->scale = scale;
	request->task_ids = calloc(count + 1, sizeof(*request->task_ids));
	fine = fine && request->task_ids;
	for (size_t i = 0; fine && i < count; i++)
		fine = (request->task_ids[i] = text_duplicate(task_ids[i]));
	if (fine) {
		qsort(request->task_ids, count, sizeof(char *), by_text);
		request->job.run = run_kill;
	}
	coordinator_add_job(coordinator, &request->job);
}

/* cancel */

static bool wish_back(const struct coordinator *coordinator, const struct deployment *deployment,
		      struct transition *transition)
{
	size_t count = 0;

	while (deployment->affected[count])
		count++;
	transition_clear(transition);
	if (!transition_init(transition, count))
		return error_set(&transition->error, ERROR_NOMEM, "no memory");
	transition->count = 0;
	transition->force = true; /* the deployment itself is in the way */
	for (size_t i = 0; i < count; i++) {
		const struct app *before = deployment->before[i];
		const struct cluster_app *app =
			record_find_app(&coordinator->cluster, deployment->affected[i]);

		if (!before && (!app || app->removing))
			continue;
		if (!set_wish(&transition->wishes[transition->count++],
			      before ? CHANGE_UPDATE : CHANGE_REMOVE, deployment->affected[i],
			      before))
			return error_set(&transition->error, ERROR_NOMEM, "no memory");
	}
	return group_change_back(coordinator, transition, deployment->version_ms);
}

static void run_cancel(struct coordinator *coordinator, struct job *job)
{
	struct request *request = request_of(job);
	struct transition *transition = &request->transition;
	struct deployment *deployment =
		record_find_deployment(&coordinator->cluster, request->deployment_id);
	bool force = transition->force;
	bool fine = true;

	if (!deployment)
		fine = error_set(&transition->error, ERROR_NOT_FOUND,
				 "Deployment '%s' does not exist", request->deployment_id);
	else if (!force)
		fine = request->has_deployment = wish_back(coordinator, deployment, transition) &&
						 transition_carry_out(coordinator, transition);
	if (fine && deployment && !deployment->gone &&
	    !deployer_cancel(coordinator, deployment, "request"))
		error_set(&transition->error, ERROR_NOMEM, "no memory");
	ledger_add_effect(&coordinator->ledger, &request->effect);
}

void coordinator_cancel(struct coordinator *coordinator, const char *deployment_id, bool force,
			change_done_fn *done, void *arg)
{
	struct request *request = request_new(coordinator, 0, force, done, arg);

	request->deployment_id = text_duplicate(deployment_id);
	if (request->deployment_id && request->transition.wishes)
		request->job.run = run_cancel;
	coordinator_add_job(coordinator, &request->job);
}

/* reset delay */

static void run_reset(struct coordinator *coordinator, struct job *job)
{
	struct request *request = request_of(job);
	struct error *error = &request->transition.error;
	struct cluster_app *app = record_find_app(&coordinator->cluster, request->app_id);

	if (!app || app->waiting == 0) {
		error_set(error, ERROR_NOT_FOUND, "nothing of app '%s' waits to be launched",
			  request->app_id);
	} else if (!ledger_keep_app(&coordinator->ledger, app)) {
		error_set(error, ERROR_NOMEM, "no memory for app %s", app->id);
	} else {
		app->backoff = (struct backoff){ 0 };
		deployer_mark(coordinator, app);
	}
	request->transition.version_ms = coordinator->cluster.version_ms;
	ledger_add_effect(&coordinator->ledger, &request->effect);
}

void coordinator_reset_delay(struct coordinator *coordinator, const char *app_id,
			     change_done_fn *done, void *arg)
{
	struct request *request = request_new(coordinator, 0, false, done, arg);

	request->app_id = text_duplicate(app_id);
	if (request->app_id && request->transition.wishes)
		request->job.run = run_reset;
	coordinator_add_job(coordinator, &request->job);
}
