#include "transition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "deployer.h"
#include "events.h"
#include "group_change.h"
#include "service_ports.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/model/path_id.h"

#define BLOCKING_NAMED 3 /* deployments that a refusal names: what fits into a line */

bool transition_init(struct transition *transition, size_t count)
{
	*transition = (struct transition){ .count = count, .room = count + 1 };
	transition->wishes = calloc(count + 1, sizeof(*transition->wishes));
	return transition->wishes;
}

struct wish *transition_add_wish(struct transition *transition)
{
	struct wish *wish, *wishes;

	if (transition->count == transition->room) {
		wishes = reallocarray(transition->wishes, transition->room * 2, sizeof(*wishes));
		if (!wishes)
			return NULL;
		transition->wishes = wishes;
		transition->room *= 2;
	}
	wish = &transition->wishes[transition->count++];
	*wish = (struct wish){ .kind = CHANGE_UPDATE };
	return wish;
}

void transition_clear(struct transition *transition)
{
	for (size_t i = 0; i < transition->group_count; i++) {
		free(transition->groups[i].id);
		group_unref(transition->groups[i].head);
	}
	free(transition->groups);
	record_deployment_free(transition->plan);
	for (size_t i = 0; transition->wishes && i < transition->count; i++) {
		free(transition->wishes[i].id);
		app_unref(transition->wishes[i].app);
	}
	free(transition->wishes);
	free(transition->client);
	free(transition->uri);
	free(transition->blocking);
}

/* An app that is being destroyed is, for whoever asks, not there any more; only its name is still
 * taken, by the deployment that stops it. */
static bool look_up(struct coordinator *coordinator, struct wish *wish, struct error *error)
{
	bool exists;

	wish->record = record_find_app(&coordinator->cluster, wish->id);
	exists = wish->record && !wish->record->removing;
	wish->old_app = exists ? wish->record->current : NULL;
	if (wish->kind == CHANGE_CREATE && exists)
		return error_set(error, ERROR_CONFLICT, "An app with id [%s] already exists.",
				 wish->id);
	if ((wish->kind == CHANGE_REMOVE || wish->kind == CHANGE_RESTART) && !exists)
		return error_set(error, ERROR_NOT_FOUND, "App '%s' does not exist", wish->id);
	if (wish->kind == CHANGE_RESTART && !wish->app &&
	    !(wish->app = app_copy(wish->record->current)))
		return error_set(error, ERROR_NOMEM, "no memory for app %s", wish->id);
	return true;
}

static const struct wish *find_wish(const struct transition *transition, const char *id)
{
	for (size_t i = 0; i < transition->count; i++)
		if (strcmp(transition->wishes[i].id, id) == 0)
			return &transition->wishes[i];
	return NULL;
}

bool transition_will_have_app(const struct coordinator *coordinator,
			      const struct transition *transition, const char *id)
{
	const struct wish *wish = find_wish(transition, id);
	const struct cluster_app *record = record_find_app(&coordinator->cluster, id);

	return wish ? wish->app != NULL : record && !record->removing;
}

static bool refuse_name(struct transition *transition, const char *app, const char *below)
{
	return error_set(&transition->error, ERROR_INVALID,
			 "%.100s is an app, so %.100s cannot lie below it: an id names an app or "
			 "a group, not both",
			 app, below);
}

/* An id names an app or a group: no app lies below another. */
static bool check_name(const struct coordinator *coordinator, struct transition *transition,
		       const char *id)
{
	autofree char *above = text_duplicate(id);
	const struct cluster_app *record;

	if (!above)
		return error_set(&transition->error, ERROR_NOMEM, "no memory for app %s", id);
	for (char *slash = strrchr(above, '/'); slash && slash > above;
	     slash = strrchr(above, '/')) {
		*slash = '\0';
		if (transition_will_have_app(coordinator, transition, above))
			return refuse_name(transition, above, id);
	}
	for (record = coordinator->cluster.apps; record; record = record->hh.next)
		if (strcmp(record->id, id) != 0 && path_id_within(record->id, id) &&
		    transition_will_have_app(coordinator, transition, record->id))
			return refuse_name(transition, id, record->id);
	return true;
}

/* Of two new ones each is looked at from below. */
static bool check_names(const struct coordinator *coordinator, struct transition *transition)
{
	for (size_t i = 0; i < transition->count; i++) {
		const struct wish *wish = &transition->wishes[i];

		if (wish->app && !wish->old_app && !check_name(coordinator, transition, wish->id))
			return false;
	}
	return true;
}

static bool assign_ports(struct coordinator *coordinator, struct transition *transition)
{
	autofree struct port_set *used = calloc(1, sizeof(*used));
	const struct cluster_app *record;

	if (!used)
		return error_set(&transition->error, ERROR_NOMEM, "no memory");
	for (record = coordinator->cluster.apps; record; record = record->hh.next)
		service_ports_collect(record->current, used);
	for (size_t i = 0; i < transition->count; i++)
		if (transition->wishes[i].app)
			service_ports_collect(transition->wishes[i].app, used);
	for (size_t i = 0; i < transition->count; i++) {
		struct wish *wish = &transition->wishes[i];

		if (wish->app &&
		    !service_ports_assign(wish->app, wish->old_app, coordinator->service_port_low,
					  coordinator->service_port_high, used, &transition->error))
			return false;
	}
	return true;
}

static void stamp(struct wish *wish, int64_t version_ms)
{
	struct app *app = wish->app;
	const struct app *old = wish->old_app;
	enum app_change change = old ? app_compare(old, app) : APP_RECONFIGURED;
	bool restart = old && wish->kind == CHANGE_RESTART;

	app->version_ms = version_ms;
	app->scaled_ms = restart ? old->scaled_ms : version_ms;
	app->configured_ms =
		old && change == APP_SCALED && !restart ? old->configured_ms : version_ms;
}

/* Dependencies are judged in the cluster as it will be. */
static bool make_plan(const struct coordinator *coordinator, struct transition *transition,
		      struct plan *plan)
{
	size_t most = HASH_COUNT(coordinator->cluster.apps) + transition->count + 1, all_count = 0;
	struct plan_world world = { 0 };
	autofree const struct group **groups =
		group_change_list(coordinator, transition, &world.group_count);
	autofree const struct app **all = calloc(most, sizeof(const struct app *));
	autofree struct plan_change *changes = calloc(transition->count + 1, sizeof(*changes));
	const struct cluster_app *record;

	if (!all || !changes || !groups)
		return error_set(&transition->error, ERROR_NOMEM, "no memory");
	for (record = coordinator->cluster.apps; record; record = record->hh.next)
		if (!record->removing && !find_wish(transition, record->id))
			all[all_count++] = record->current;
	for (size_t i = 0; i < transition->count; i++) {
		const struct wish *wish = &transition->wishes[i];

		changes[i] = (struct plan_change){ .id = wish->id,
						   .old_app = wish->old_app,
						   .new_app = wish->app,
						   .restart = wish->kind == CHANGE_RESTART };
		if (wish->app)
			all[all_count++] = wish->app;
	}
	world.apps = all;
	world.app_count = all_count;
	world.groups = groups;
	return plan_make(changes, transition->count, &world, plan, &transition->error);
}

static bool is_affected(const struct plan *plan, size_t wish)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].change == wish)
			return true;
	return false;
}

static bool is_listed(const char *const *ids, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

/* The distinct deployments that hold an affected app. */
static bool find_blocking(struct transition *transition, const struct plan *plan)
{
	size_t list = (transition->count + 1) * sizeof(char *), count = 0;
	const char **blocking = calloc(1, list + transition->count * UUID_SIZE);
	char *ids = (char *)blocking + list;

	if (!blocking)
		return error_set(&transition->error, ERROR_NOMEM, "no memory");
	for (size_t i = 0; i < transition->count; i++) {
		const struct cluster_app *record = transition->wishes[i].record;
		const struct deployment *deployment = record ? record->deployment : NULL;

		if (!deployment || !is_affected(plan, i) ||
		    is_listed(blocking, count, deployment->id))
			continue;
		memcpy(ids, deployment->id, UUID_SIZE);
		blocking[count++] = ids;
		ids += UUID_SIZE;
	}
	if (count > 0)
		transition->blocking = blocking;
	else
		free(blocking);
	return true;
}

static bool refuse_locked(struct transition *transition)
{
	struct text ids = TEXT_INIT(BLOCKING_NAMED * (UUID_SIZE + 1) + 32);
	size_t count = 0;

	for (; transition->blocking[count]; count++)
		if (count < BLOCKING_NAMED)
			text_addf(&ids, "%s%s", count > 0 ? ", " : "", transition->blocking[count]);
	if (count > BLOCKING_NAMED)
		text_addf(&ids, " and %zu more", count - BLOCKING_NAMED);
	(void)error_set(&transition->error, ERROR_CONFLICT,
			"held by a deployment under way: %s; wait for its end, or ask again with "
			"force=true to cancel it",
			text_string(&ids));
	text_clear(&ids);
	return false;
}

static bool check_lock(struct transition *transition, const struct plan *plan)
{
	if (!find_blocking(transition, plan))
		return false;
	return transition->force || !transition->blocking || refuse_locked(transition);
}

static bool check_running(const struct coordinator *coordinator, struct transition *transition,
			  const struct plan *plan)
{
	const struct deployment *deployment;
	size_t running = 0;

	if (plan->count == 0)
		return true;
	TAILQ_FOREACH(deployment, &coordinator->cluster.deployments, link)
		running++;
	for (size_t i = 0; transition->blocking && transition->blocking[i]; i++)
		running--; /* it makes room itself */
	return running < DEPLOYMENTS_MAX ||
	       error_set(&transition->error, ERROR_DENIED,
			 "%d deployments are under way, the most there may be: wait for one to "
			 "end, or cancel one",
			 DEPLOYMENTS_MAX);
}

static struct deployment *make_deployment(const struct transition *transition,
					  const struct plan *plan)
{
	autoptr(deployment) deployment = record_deployment_new(plan->count, transition->count);
	size_t affected = 0;

	if (!deployment)
		return NULL;
	memcpy(deployment->id, transition->deployment_id, UUID_SIZE);
	deployment->version_ms = transition->version_ms;
	deployment->step_count = plan->step_count;
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_item *item = &plan->items[i];
		struct deployment_action *action = &deployment->actions[i];

		action->step = item->step;
		action->action = item->action;
		action->app_id = text_duplicate(transition->wishes[item->change].id);
		if (!action->app_id)
			return NULL;
		deployment->action_count++;
	}
	for (size_t i = 0; i < transition->count; i++) {
		const struct wish *wish = &transition->wishes[i];

		if (!is_affected(plan, i))
			continue;
		if (!(deployment->affected[affected] = text_duplicate(wish->id)))
			return NULL;
		if (wish->old_app)
			deployment->before[affected] = app_ref(wish->old_app);
		affected++;
	}
	return TAKE(deployment);
}

static bool apply_wish(struct coordinator *coordinator, struct wish *wish)
{
	struct ledger *ledger = &coordinator->ledger;
	struct app *version = wish->app;
	bool fine;

	if (!wish->record) {
		struct cluster_app *record = record_app_new(wish->id);

		if (!record || !ledger_add_app(ledger, record))
			return false;
		wish->record = record;
	} else if (!ledger_keep_app(ledger, wish->record)) {
		return false;
	}
	wish->record->removing = !version;
	if (!version)
		return true;
	if (!wish->old_app || version->configured_ms != wish->old_app->configured_ms)
		wish->record->backoff = (struct backoff){ 0 };
	wish->app = NULL; /* the record's now */
	fine = ledger_push_version(ledger, wish->record, version);
	wish->record->settled = false;
	return fine;
}

static bool cancel_blocking(struct coordinator *coordinator, const struct transition *transition)
{
	for (size_t i = 0; transition->blocking && transition->blocking[i]; i++) {
		struct deployment *deployment =
			record_find_deployment(&coordinator->cluster, transition->blocking[i]);

		if (!deployer_cancel(coordinator, deployment, transition->deployment_id))
			return false;
	}
	return true;
}

static bool apply(struct coordinator *coordinator, struct transition *transition,
		  const struct plan *plan)
{
	struct deployment *deployment = make_deployment(transition, plan);

	if (!deployment || !ledger_keep_meta(&coordinator->ledger)) {
		record_deployment_free(deployment);
		return false;
	}
	coordinator->cluster.version_ms = transition->version_ms;
	if (!group_change_apply(coordinator, transition, plan)) {
		record_deployment_free(deployment);
		return false;
	}
	for (size_t i = 0; i < transition->count; i++)
		if (is_affected(plan, i) && !apply_wish(coordinator, &transition->wishes[i])) {
			record_deployment_free(deployment);
			return false;
		}
	if (!cancel_blocking(coordinator, transition)) {
		record_deployment_free(deployment);
		return false;
	}
	if (plan->count == 0) { /* groups alone: nothing is to be carried out */
		record_deployment_free(deployment);
		return true;
	}
	if (!ledger_add_deployment(&coordinator->ledger, deployment))
		return false;
	for (size_t i = 0; i < transition->count; i++)
		if (transition->wishes[i].record)
			deployer_mark(coordinator, transition->wishes[i].record);
	log_info("deployment.begun", F("deployment", transition->deployment_id),
		 F("steps", plan->step_count));
	return true;
}

bool transition_carry_out(struct coordinator *coordinator, struct transition *transition)
{
	struct plan plan = { 0 };
	bool fine = true;

	for (size_t i = 0; fine && i < transition->count; i++)
		fine = look_up(coordinator, &transition->wishes[i], &transition->error);
	if (!fine || !check_names(coordinator, transition) ||
	    !group_change_check(coordinator, transition) || !assign_ports(coordinator, transition))
		return false;
	transition->version_ms = coordinator_next_version(coordinator);
	id_uuid(transition->deployment_id);
	for (size_t i = 0; i < transition->count; i++)
		if (transition->wishes[i].app)
			stamp(&transition->wishes[i], transition->version_ms);
	fine = make_plan(coordinator, transition, &plan);
	if (transition->preview) {
		transition->plan = fine ? make_deployment(transition, &plan) : NULL;
		plan_clear(&plan);
		return transition->plan ||
		       (fine && error_set(&transition->error, ERROR_NOMEM, "no memory"));
	}
	fine = fine && check_lock(transition, &plan) &&
	       check_running(coordinator, transition, &plan) &&
	       group_change_settle(coordinator, transition, &plan);
	/* A plan without steps is a success too: it changes nothing (marathon-api 1.6). */
	if (fine && (plan.count > 0 || transition->group_count > 0) &&
	    !apply(coordinator, transition, &plan)) {
		coordinator->ledger.incomplete = true;
		fine = error_set(&transition->error, ERROR_NOMEM, "no memory for a change");
	}
	if (fine)
		events_change(coordinator, transition);
	plan_clear(&plan);
	return fine;
}
