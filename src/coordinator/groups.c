#include "stadion/coordinator/groups.h"

#include <stdlib.h>
#include <string.h>

#include "group_records.h"
#include "stadion/base/text.h"

bool groups_exist(const struct cluster *cluster, const char *id)
{
	return strcmp(id, "/") == 0 || record_find_group(cluster, id);
}

bool groups_parent(const char *id, char out[PATH_ID_MAX])
{
	const char *slash = strrchr(id, '/');
	size_t len = (size_t)(slash - id);

	if (!slash[1])
		return false;
	if (len == 0)
		len = 1;
	memmove(out, id, len); /* out may be id */
	out[len] = '\0';
	return true;
}

/* Everything of a moment: what is there now, but for what was touched since, of which the first
 * change since then knows what it was. */
struct moment_item {
	const char *id;
	size_t order;	       /* of the change, from the moment on; what is there now comes last */
	const struct app *app; /* one of them, or neither: was not there */
	const struct group *group;
};

struct moment {
	struct moment_item *items;
	size_t count;
};

static int by_id_then_order(const void *a, const void *b)
{
	const struct moment_item *one = a, *other = b;
	int order = strcmp(one->id, other->id);

	return order != 0 ? order : (one->order > other->order) - (one->order < other->order);
}

static size_t past_size(const struct cluster *cluster, int64_t version_ms)
{
	const struct past *past;
	size_t size = 0;

	TAILQ_FOREACH(past, &cluster->pasts, link)
		if (past->version_ms > version_ms)
			size += past->app_count + past->group_count;
	return size;
}

static void moment_add(struct moment *moment, const char *group, struct moment_item item)
{
	if (path_id_within(item.id, group))
		moment->items[moment->count++] = item;
}

static void gather(const struct cluster *cluster, const char *id, int64_t version_ms,
		   struct moment *moment)
{
	const struct cluster_app *app;
	const struct cluster_group *group;
	const struct past *past;
	size_t order = 0;

	TAILQ_FOREACH(past, &cluster->pasts, link) {
		if (past->version_ms <= version_ms)
			continue;
		order++;
		for (size_t i = 0; i < past->app_count; i++)
			moment_add(moment, id,
				   (struct moment_item){ .id = past->apps[i].id,
							 .order = order,
							 .app = past->apps[i].before });
		for (size_t i = 0; i < past->group_count; i++)
			moment_add(moment, id,
				   (struct moment_item){ .id = past->groups[i].id,
							 .order = order,
							 .group = past->groups[i].before });
	}
	order++;
	for (app = cluster->apps; app; app = app->hh.next)
		if (!app->removing)
			moment_add(moment, id,
				   (struct moment_item){
					   .id = app->id, .order = order, .app = app->current });
	for (group = cluster->groups; group; group = group->hh.next)
		moment_add(moment, id,
			   (struct moment_item){
				   .id = group->id, .order = order, .group = group->head });
}

/* Leaves of each id what it was, and nothing of what was not there. An id that was an app and is a
 * group has two entries of one change: whichever of them was there counts. */
static void settle(struct moment *moment)
{
	size_t kept = 0;

	qsort(moment->items, moment->count, sizeof(*moment->items), by_id_then_order);
	for (size_t i = 0; i < moment->count;) {
		const struct moment_item *first = &moment->items[i];
		struct moment_item found = *first;

		for (; i < moment->count && strcmp(moment->items[i].id, found.id) == 0; i++)
			if (moment->items[i].order == found.order && !found.app && !found.group)
				found = moment->items[i];
		if (found.app || found.group)
			moment->items[kept++] = found;
	}
	moment->count = kept;
}

/* The made groups, so that what lies in one finds it. Parents come before their children: their
 * ids are the beginnings of theirs. */
struct made {
	struct group **groups; /* sorted by id */
	size_t count;
};

static struct group *find_made(const struct made *made, const char *id)
{
	size_t low = 0, high = made->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(made->groups[middle]->id, id);

		if (order == 0)
			return made->groups[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool plant(const struct made *made, const struct moment_item *item, struct group *group)
{
	char parent[PATH_ID_MAX];
	struct group *into = groups_parent(item->id, parent) ? find_made(made, parent) : NULL;

	if (!into) /* an app whose group was there without a record: of a store of earlier days */
		return true;
	return group ? group_add_group(into, group_ref(group))
		     : group_add_app(into, app_ref(item->app));
}

static struct group *make_group(const struct moment_item *item)
{
	struct group *group = group_copy_head(item->group);

	if (group)
		group->has_dependencies = group->has_apps = group->has_groups = true;
	return group;
}

/* Takes `root`. */
static struct group *grow(const struct moment *moment, struct group *root)
{
	autofree struct group **groups = calloc(moment->count + 1, sizeof(struct group *));
	struct made made = { groups, 0 };
	bool fine = groups;

	if (fine)
		groups[made.count++] = root;
	for (size_t i = 0; fine && i < moment->count; i++) {
		const struct moment_item *item = &moment->items[i];
		autoptr(group) group = NULL;

		if (strcmp(item->id, root->id) == 0)
			continue;
		if (item->group && !(group = make_group(item)))
			fine = false;
		fine = fine && plant(&made, item, group);
		if (fine && group && group->references > 1) /* its parent holds it */
			groups[made.count++] = group;
	}
	if (fine)
		return root;
	group_unref(root);
	return NULL;
}

static struct group *make_root(const struct cluster *cluster, const struct moment *moment,
			       const char *id, int64_t version_ms, struct error *error)
{
	struct group *root = NULL;

	if (strcmp(id, "/") == 0) {
		root = group_new(id);
		if (root) {
			root->version_ms = version_ms ? version_ms : cluster->version_ms;
			root->has_dependencies = root->has_apps = root->has_groups = true;
		}
	} else if (moment->count > 0 && strcmp(moment->items[0].id, id) == 0 &&
		   moment->items[0].group) {
		root = make_group(&moment->items[0]);
	} else {
		error_set(error, ERROR_NOT_FOUND, "Group '%s' does not exist", id);
		return NULL;
	}
	if (!root)
		error_set(error, ERROR_NOMEM, "no memory for group %s", id);
	return root;
}

static bool is_kept(const struct cluster *cluster, int64_t version_ms)
{
	const struct past *past;

	TAILQ_FOREACH(past, &cluster->pasts, link)
		if (past->version_ms == version_ms)
			return true;
	return version_ms == 0 || version_ms == cluster->version_ms;
}

struct group *groups_at(const struct cluster *cluster, const char *id, int64_t version_ms,
			struct error *error)
{
	int64_t moment_ms = version_ms ? version_ms : INT64_MAX;
	size_t size = HASH_COUNT(cluster->apps) + HASH_COUNT(cluster->groups) +
		      past_size(cluster, moment_ms) + 1;
	autofree struct moment_item *items = calloc(size, sizeof(*items));
	struct moment moment = { items, 0 };
	struct group *root;

	if (!is_kept(cluster, version_ms)) {
		error_set(error, ERROR_NOT_FOUND, "That version of group '%s' is not kept", id);
		return NULL;
	}
	if (items) {
		gather(cluster, id, moment_ms, &moment);
		settle(&moment);
		root = make_root(cluster, &moment, id, version_ms, error);
		if (!root)
			return NULL;
		if ((root = grow(&moment, root)))
			return root;
	}
	error_set(error, ERROR_NOMEM, "no memory for group %s", id);
	return NULL;
}

static bool touches(const struct past *past, const char *id)
{
	for (size_t i = 0; i < past->app_count; i++)
		if (path_id_within(past->apps[i].id, id))
			return true;
	for (size_t i = 0; i < past->group_count; i++)
		if (path_id_within(past->groups[i].id, id))
			return true;
	return false;
}

static bool existed(const struct cluster *cluster, const char *id, int64_t version_ms)
{
	const struct past *past;

	TAILQ_FOREACH(past, &cluster->pasts, link) {
		if (past->version_ms <= version_ms)
			continue;
		for (size_t i = 0; i < past->group_count; i++)
			if (strcmp(past->groups[i].id, id) == 0)
				return past->groups[i].before;
	}
	return groups_exist(cluster, id);
}

size_t groups_versions(const struct cluster *cluster, const char *id,
		       int64_t out[CLUSTER_VERSIONS_MAX])
{
	const struct past *past;
	size_t count = 0;

	TAILQ_FOREACH_REVERSE(past, &cluster->pasts, past_list, link)
	{
		if (count < CLUSTER_VERSIONS_MAX && touches(past, id) &&
		    existed(cluster, id, past->version_ms))
			out[count++] = past->version_ms;
	}
	return count;
}
