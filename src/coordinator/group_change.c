#include "group_change.h"

#include <stdlib.h>
#include <string.h>

#include "group_records.h"
#include "stadion/base/text.h"
#include "stadion/coordinator/groups.h"

static bool no_memory(struct transition *transition)
{
	return error_set(&transition->error, ERROR_NOMEM, "no memory for a change of groups");
}

static struct group_wish *find_group_wish(const struct transition *transition, const char *id)
{
	for (size_t i = 0; i < transition->group_count; i++)
		if (strcmp(transition->groups[i].id, id) == 0)
			return &transition->groups[i];
	return NULL;
}

static bool wish_group(struct transition *transition, enum group_wish_kind kind, const char *id,
		       const struct group *head)
{
	size_t count = transition->group_count;
	struct group_wish *groups = transition->groups;

	if ((count & (count - 1)) == 0)
		groups = reallocarray(groups, count ? count * 2 : 1, sizeof(*groups));
	if (!groups)
		return no_memory(transition);
	transition->groups = groups;
	groups[count] = (struct group_wish){ .kind = kind,
					     .id = text_duplicate(id),
					     .head = group_ref(head) };
	transition->group_count++;
	return groups[count].id || no_memory(transition);
}

static bool wish_app(struct transition *transition, enum change_kind kind, const char *id,
		     const struct app *app)
{
	struct wish *wish = transition_add_wish(transition);

	if (!wish)
		return no_memory(transition);
	wish->kind = kind;
	wish->id = text_duplicate(id);
	wish->app = app ? app_copy(app) : NULL;
	return (wish->id && !wish->app == !app) || no_memory(transition);
}

static bool is_directly_in(const char *id, const char *group)
{
	char parent[PATH_ID_MAX];

	return groups_parent(id, parent) && strcmp(parent, group) == 0;
}

/* The group and all below it go; of the root only what is below. */
static bool remove_group(const struct coordinator *coordinator, struct transition *transition,
			 const char *id)
{
	const struct cluster *cluster = &coordinator->cluster;
	const struct cluster_app *app;
	const struct cluster_group *group;

	for (app = cluster->apps; app; app = app->hh.next)
		if (!app->removing && path_id_within(app->id, id) &&
		    !wish_app(transition, CHANGE_REMOVE, app->id, NULL))
			return false;
	for (group = cluster->groups; group; group = group->hh.next)
		if (path_id_within(group->id, id) &&
		    !wish_group(transition, GROUP_WISH_GONE, group->id, NULL))
			return false;
	return true;
}

static bool has_app(const struct group *group, const char *id)
{
	for (size_t i = 0; i < group->app_count; i++)
		if (strcmp(group->apps[i]->id, id) == 0)
			return true;
	return false;
}

static bool has_group(const struct group *group, const char *id)
{
	for (size_t i = 0; i < group->group_count; i++)
		if (strcmp(group->groups[i]->id, id) == 0)
			return true;
	return false;
}

static bool define_apps(const struct coordinator *coordinator, struct transition *transition,
			const struct group *group)
{
	const struct cluster_app *app;

	for (app = coordinator->cluster.apps; app; app = app->hh.next)
		if (!app->removing && is_directly_in(app->id, group->id) &&
		    !has_app(group, app->id) && !wish_app(transition, CHANGE_REMOVE, app->id, NULL))
			return false;
	for (size_t i = 0; i < group->app_count; i++)
		if (!wish_app(transition, CHANGE_UPDATE, group->apps[i]->id, group->apps[i]))
			return false;
	return true;
}

static bool define(const struct coordinator *coordinator, struct transition *transition,
		   const struct group *group);

static bool define_groups(const struct coordinator *coordinator, struct transition *transition,
			  const struct group *group)
{
	const struct cluster_group *there;

	for (there = coordinator->cluster.groups; there; there = there->hh.next)
		if (is_directly_in(there->id, group->id) && !has_group(group, there->id) &&
		    !remove_group(coordinator, transition, there->id))
			return false;
	for (size_t i = 0; i < group->group_count; i++)
		if (!define(coordinator, transition, group->groups[i]))
			return false;
	return true;
}

static bool define(const struct coordinator *coordinator, struct transition *transition,
		   const struct group *group)
{
	const struct cluster_group *there = record_find_group(&coordinator->cluster, group->id);
	const struct group *head = group->has_dependencies || !there ? group : there->head;

	if (strcmp(group->id, "/") != 0 && !wish_group(transition, GROUP_WISH_SET, group->id, head))
		return false;
	return (!group->has_apps || define_apps(coordinator, transition, group)) &&
	       (!group->has_groups || define_groups(coordinator, transition, group));
}

static bool scale(const struct coordinator *coordinator, struct transition *transition,
		  const struct group_request *request)
{
	const struct cluster_app *app;

	for (app = coordinator->cluster.apps; app; app = app->hh.next) {
		struct app *scaled;

		if (app->removing || !path_id_within(app->id, request->id))
			continue;
		if (!wish_app(transition, CHANGE_UPDATE, app->id, app->current))
			return false;
		scaled = transition->wishes[transition->count - 1].app;
		if (!group_scale_instances(app->current, request->factor, &scaled->instances,
					   &transition->error))
			return false;
	}
	return true;
}

static bool roll_back(const struct coordinator *coordinator, struct transition *transition,
		      const struct group_request *request)
{
	autoptr(group) then = groups_at(&coordinator->cluster, request->id, request->version_ms,
					&transition->error);

	return then && define(coordinator, transition, then);
}

bool group_change_init(struct group_change *group, const struct change *change)
{
	*group = (struct group_change){ .kind = change->kind };
	if (change->kind == CHANGE_GROUP_REMOVE)
		return text_copy(group->request.id, sizeof(group->request.id), change->id);
	group->request = *change->group;
	group->request.group = group_ref(change->group->group);
	return true;
}

void group_change_clear(struct group_change *group)
{
	group_request_clear(&group->request);
}

bool group_change_expand(const struct coordinator *coordinator, struct transition *transition,
			 const struct group_change *change)
{
	const struct group_request *request = &change->request;
	const char *id = request->id;
	bool exists = groups_exist(&coordinator->cluster, id);
	bool creates = change->kind != CHANGE_GROUP_REMOVE && request->kind == GROUP_DEFINE;

	if (change->kind == CHANGE_GROUP_CREATE && exists)
		return error_set(&transition->error, ERROR_CONFLICT,
				 "Group '%s' is there already; PUT changes it", id);
	if (!exists && !creates)
		return error_set(&transition->error, ERROR_NOT_FOUND, "Group '%s' does not exist",
				 id);
	if (change->kind == CHANGE_GROUP_REMOVE)
		return remove_group(coordinator, transition, id);
	switch (request->kind) {
	case GROUP_DEFINE:
		return define(coordinator, transition, request->group);
	case GROUP_SCALE:
		return scale(coordinator, transition, request);
	case GROUP_ROLL_BACK:
		return roll_back(coordinator, transition, request);
	}
	return false;
}

bool group_change_back(const struct coordinator *coordinator, struct transition *transition,
		       int64_t version_ms)
{
	const struct past *past;

	TAILQ_FOREACH(past, &coordinator->cluster.pasts, link) {
		if (past->version_ms != version_ms)
			continue;
		for (size_t i = 0; i < past->group_count; i++)
			if (past->groups[i].before &&
			    !wish_group(transition, GROUP_WISH_SET, past->groups[i].id,
					past->groups[i].before))
				return false;
	}
	return true;
}

static bool will_be(const struct coordinator *coordinator, const struct transition *transition,
		    const char *id)
{
	const struct group_wish *wish = find_group_wish(transition, id);

	return wish ? wish->kind != GROUP_WISH_GONE : groups_exist(&coordinator->cluster, id);
}

/* A new group, and the groups around it, must not be apps. */
static bool check_group(const struct coordinator *coordinator, struct transition *transition,
			const char *id)
{
	char at[PATH_ID_MAX];

	(void)text_copy(at, sizeof(at), id);
	do {
		if (transition_will_have_app(coordinator, transition, at))
			return error_set(&transition->error, ERROR_CONFLICT,
					 "%.100s is an app, so there cannot be a group %.100s", at,
					 id);
	} while (groups_parent(at, at));
	return true;
}

bool group_change_check(const struct coordinator *coordinator, struct transition *transition)
{
	for (size_t i = 0; i < transition->group_count; i++) {
		const struct group_wish *wish = &transition->groups[i];

		if (wish->kind != GROUP_WISH_GONE &&
		    !record_find_group(&coordinator->cluster, wish->id) &&
		    !check_group(coordinator, transition, wish->id))
			return false;
	}
	for (size_t i = 0; i < transition->count; i++) {
		const struct wish *wish = &transition->wishes[i];

		if (wish->app && !wish->old_app && will_be(coordinator, transition, wish->id))
			return error_set(
				&transition->error, ERROR_INVALID,
				"%.200s is a group: an id names an app or a group, not both",
				wish->id);
	}
	return true;
}

const struct group **group_change_list(const struct coordinator *coordinator,
				       const struct transition *transition, size_t *count)
{
	const struct cluster_group *there = coordinator->cluster.groups;
	size_t most = HASH_COUNT(there) + transition->group_count + 1;
	const struct group **list = calloc(most, sizeof(const struct group *));

	*count = 0;
	for (; list && there; there = there->hh.next)
		if (there->head->dependencies && !find_group_wish(transition, there->id))
			list[(*count)++] = there->head;
	for (size_t i = 0; list && i < transition->group_count; i++) {
		const struct group *head = transition->groups[i].head;

		if (head && head->dependencies)
			list[(*count)++] = head;
	}
	return list;
}

static bool changes(const struct coordinator *coordinator, const struct group_wish *wish)
{
	const struct cluster_group *there = record_find_group(&coordinator->cluster, wish->id);

	return !there || wish->kind == GROUP_WISH_GONE ||
	       !group_same_dependencies(there->head, wish->head);
}

static bool touch_above(struct transition *transition, const char *id)
{
	char at[PATH_ID_MAX];

	(void)text_copy(at, sizeof(at), id);
	while (groups_parent(at, at) && strcmp(at, "/") != 0)
		if (!find_group_wish(transition, at) &&
		    !wish_group(transition, GROUP_WISH_TOUCHED, at, NULL))
			return false;
	return true;
}

bool group_change_settle(const struct coordinator *coordinator, struct transition *transition,
			 const struct plan *plan)
{
	size_t kept = 0, given = 0;

	for (size_t i = 0; i < transition->group_count; i++) {
		struct group_wish wish = transition->groups[i];

		if (changes(coordinator, &wish)) {
			transition->groups[kept++] = wish;
			continue;
		}
		free(wish.id);
		group_unref(wish.head);
	}
	given = transition->group_count = kept;
	for (size_t i = 0; i < given; i++)
		if (!touch_above(transition, transition->groups[i].id))
			return false;
	for (size_t i = 0; i < plan->count; i++)
		if (!touch_above(transition, transition->wishes[plan->items[i].change].id))
			return false;
	return true;
}

static bool note_past(struct coordinator *coordinator, const struct transition *transition,
		      const struct plan *plan)
{
	autoptr(past) past =
		record_past_new(transition->version_ms, transition->count, transition->group_count);
	autofree bool *noted = calloc(transition->count + 1, sizeof(*noted));

	if (!past || !noted)
		return false;
	for (size_t i = 0; i < plan->count; i++) {
		size_t change = plan->items[i].change;
		const struct wish *wish = &transition->wishes[change];

		if (!noted[change] && !record_past_add_app(past, wish->id, wish->old_app))
			return false;
		noted[change] = true;
	}
	for (size_t i = 0; i < transition->group_count; i++) {
		const char *id = transition->groups[i].id;
		const struct cluster_group *there = record_find_group(&coordinator->cluster, id);

		if (!record_past_add_group(past, id, there ? there->head : NULL))
			return false;
	}
	return ledger_add_past(&coordinator->ledger, TAKE(past));
}

static bool apply_group(struct coordinator *coordinator, const struct group_wish *wish,
			int64_t version_ms)
{
	struct ledger *ledger = &coordinator->ledger;
	struct cluster_group *there = record_find_group(&coordinator->cluster, wish->id);
	struct group *head;

	if (wish->kind == GROUP_WISH_GONE)
		return !there || ledger_remove_group(ledger, there);
	head = wish->head ? group_copy_head(wish->head)
	       : there	  ? group_copy_head(there->head)
			  : group_new(wish->id);
	if (!head)
		return false;
	head->version_ms = version_ms;
	if (!there) {
		there = record_group_new(head);
		return there && ledger_add_group(ledger, there);
	}
	if (!ledger_keep_group(ledger, there)) {
		group_unref(head);
		return false;
	}
	group_unref(there->head);
	there->head = head;
	return true;
}

bool group_change_apply(struct coordinator *coordinator, struct transition *transition,
			const struct plan *plan)
{
	if (!note_past(coordinator, transition, plan))
		return false;
	for (size_t i = 0; i < transition->group_count; i++)
		if (!apply_group(coordinator, &transition->groups[i], transition->version_ms))
			return false;
	return true;
}
