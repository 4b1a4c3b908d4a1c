#include "group_records.h"

#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/coordinator/groups.h"

struct cluster_group *record_group_new(struct group *head)
{
	struct cluster_group *group = head ? calloc(1, sizeof(*group)) : NULL;

	if (!group || !(group->id = text_duplicate(head->id))) {
		group_unref(head);
		free(group);
		return NULL;
	}
	group->head = head;
	return group;
}

void record_group_free(struct cluster_group *group)
{
	if (!group)
		return;
	group_unref(group->head);
	free(group->id);
	free(group);
}

void record_group_link(struct cluster *cluster, struct cluster_group *group)
{
	group->gone = false;
	HASH_ADD_KEYPTR(hh, cluster->groups, group->id, strlen(group->id), group);
}

void record_group_unlink(struct cluster *cluster, struct cluster_group *group)
{
	group->gone = true;
	HASH_DEL(cluster->groups, group);
}

struct cluster_group *record_find_group(const struct cluster *cluster, const char *id)
{
	struct cluster_group *group;

	HASH_FIND_STR(cluster->groups, id, group);
	return group;
}

static bool complete(struct cluster *cluster, const char *id, int64_t version_ms)
{
	char parent[PATH_ID_MAX];

	while (groups_parent(id, parent) && !groups_exist(cluster, parent)) {
		struct group *head = group_new(parent);
		struct cluster_group *group;

		if (head)
			head->version_ms = version_ms;
		group = record_group_new(head);
		if (!group)
			return false;
		record_group_link(cluster, group);
		id = group->id;
	}
	return true;
}

bool record_groups_complete(struct cluster *cluster)
{
	const struct cluster_app *app;

	for (app = cluster->apps; app; app = app->hh.next)
		if (!app->removing && !complete(cluster, app->id, app->current->version_ms))
			return false;
	return true;
}

struct past *record_past_new(int64_t version_ms, size_t apps, size_t groups)
{
	autoptr(past) past = calloc(1, sizeof(*past));

	if (!past)
		return NULL;
	past->version_ms = version_ms;
	past->apps = calloc(apps + 1, sizeof(*past->apps));
	past->groups = calloc(groups + 1, sizeof(*past->groups));
	return past->apps && past->groups ? TAKE(past) : NULL;
}

void record_past_free(struct past *past)
{
	if (!past)
		return;
	for (size_t i = 0; i < past->app_count; i++) {
		free(past->apps[i].id);
		app_unref(past->apps[i].before);
	}
	for (size_t i = 0; i < past->group_count; i++) {
		free(past->groups[i].id);
		group_unref(past->groups[i].before);
	}
	free(past->apps);
	free(past->groups);
	free(past);
}

bool record_past_add_app(struct past *past, const char *id, const struct app *before)
{
	struct past_app *app = &past->apps[past->app_count];

	if (!(app->id = text_duplicate(id)))
		return false;
	app->before = before ? app_ref(before) : NULL;
	past->app_count++;
	return true;
}

bool record_past_add_group(struct past *past, const char *id, const struct group *before)
{
	struct past_group *group = &past->groups[past->group_count];

	if (!(group->id = text_duplicate(id)))
		return false;
	group->before = group_ref(before);
	past->group_count++;
	return true;
}

void record_past_link(struct cluster *cluster, struct past *past)
{
	struct past *earlier = TAILQ_LAST(&cluster->pasts, past_list);

	past->gone = false;
	cluster->past_count++;
	while (earlier && earlier->version_ms > past->version_ms)
		earlier = TAILQ_PREV(earlier, past_list, link);
	if (earlier)
		TAILQ_INSERT_AFTER(&cluster->pasts, earlier, past, link);
	else
		TAILQ_INSERT_HEAD(&cluster->pasts, past, link);
}

void record_past_unlink(struct cluster *cluster, struct past *past)
{
	past->gone = true;
	cluster->past_count--;
	TAILQ_REMOVE(&cluster->pasts, past, link);
}

void record_groups_clear(struct cluster *cluster)
{
	struct cluster_group *group, *next;
	struct past *past;

	HASH_ITER(hh, cluster->groups, group, next) {
		record_group_unlink(cluster, group);
		record_group_free(group);
	}
	while ((past = TAILQ_FIRST(&cluster->pasts))) {
		record_past_unlink(cluster, past);
		record_past_free(past);
	}
}
