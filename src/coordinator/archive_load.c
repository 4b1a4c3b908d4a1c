#include "archive.h"

#include <stdlib.h>
#include <string.h>

#include "archive_groups.h"
#include "group_records.h"
#include "records.h"
#include "stadion/base/clock.h"
#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/model/app_read.h"
#include "stadion/protocol/messages.h"

/* What the readers of one kind of record share. The order in which kinds are read is that of
 * `kinds` below: a record may refer to what was read before it. */
struct loading {
	struct cluster *cluster;
	uint64_t now_ms;
	size_t skipped;	  /* records that could not be read */
	struct app_list { /* every stored definition, whether an app still lists it or not */
		struct app **items;
		size_t count, size;
	} versions;
};

static bool read_meta(struct loading *loading, struct json_object *root, struct error *error)
{
	if (!text_copy(loading->cluster->id, UUID_SIZE, json_text(root, "id", "")))
		return error_set(error, ERROR_INVALID, "id is too long");
	loading->cluster->version_ms = json_integer(root, "version", 0);
	return true;
}

static bool read_attributes(struct host *host, struct json_object *attributes)
{
	if (!attributes)
		return true;
	json_object_object_foreach(attributes, key, value)
	{
		if (!json_object_is_type(value, json_type_string) ||
		    !pair_list_add(&host->attributes, key, json_object_get_string(value)))
			return false;
	}
	return true;
}

static bool replace(char **text, const char *with)
{
	free(*text);
	return (*text = text_duplicate(with));
}

static bool read_host(struct loading *loading, struct json_object *root, struct error *error)
{
	autoptr(host) host = record_host_new(json_text(root, "id", ""));

	if (!host || !replace(&host->hostname, json_text(root, "hostname", "")) ||
	    !replace(&host->engine, json_text(root, "engine", "")) ||
	    !replace(&host->version, json_text(root, "version", "")) ||
	    !read_attributes(host, json_object_member(root, "attributes")))
		return error_set(error, ERROR_NOMEM, "no memory, or a bad attribute");
	host->port_low = (uint16_t)json_integer(root, "portLow", 0);
	host->port_high = (uint16_t)json_integer(root, "portHigh", 0);
	host->cpu_milli = json_integer(root, "cpuMilli", 0);
	host->mem_kib = json_integer(root, "memKib", 0);
	host->disk_kib = json_integer(root, "diskKib", 0);
	/* Nobody is declared silent before it had its full time to speak to us. */
	host->heard_ms = loading->now_ms;
	record_host_link(loading->cluster, host);
	(void)TAKE(host);
	return true;
}

static bool read_version(struct loading *loading, struct json_object *root, struct error *error)
{
	struct app_list *list = &loading->versions;
	autoptr(app) app = app_read_stored(root, error);

	if (!app)
		return false;
	if (list->count == list->size) {
		size_t size = list->size ? list->size * 2 : 64;
		struct app **items = realloc(list->items, size * sizeof(*items));

		if (!items)
			return error_set(error, ERROR_NOMEM, "no memory");
		list->items = items;
		list->size = size;
	}
	if (app->version_ms > loading->cluster->version_ms) /* versions rise, whatever was lost */
		loading->cluster->version_ms = app->version_ms;
	list->items[list->count++] = TAKE(app);
	return true;
}

/* Instants come back relative to now, and never further ahead than the delay: a wall clock that
 * was set meanwhile must not hold an app back for a day. */
static struct backoff read_backoff(struct json_object *object, uint64_t now_ms)
{
	struct backoff backoff = { 0 };
	int64_t wall_ms = clock_wall_ms(), left, age;

	if (!object)
		return backoff;
	backoff.delay_ms = json_integer(object, "delay", 0);
	left = json_integer(object, "until", 0) - wall_ms;
	left = left < 0 ? 0 : left > backoff.delay_ms ? backoff.delay_ms : left;
	age = wall_ms - json_integer(object, "reference", wall_ms);
	age = age < 0 ? 0 : age;
	backoff.until_ms = now_ms + (uint64_t)left;
	backoff.reference_ms = (uint64_t)age > now_ms ? 0 : now_ms - (uint64_t)age;
	return backoff;
}

static bool read_failure(struct json_object *object, struct last_failure *out)
{
	struct last_failure failure = { .known = true };

	if (!object)
		return true;
	failure.task_id = text_duplicate(json_text(object, "task", ""));
	failure.host = text_duplicate(json_text(object, "host", ""));
	failure.host_id = text_duplicate(json_text(object, "hostId", ""));
	failure.at_ms = json_integer(object, "at", 0);
	failure.version_ms = json_integer(object, "version", 0);
	(void)text_copy(failure.message, sizeof(failure.message), json_text(object, "message", ""));
	if (!failure.task_id || !failure.host || !failure.host_id ||
	    !task_state_parse(json_text(object, "state", ""), &failure.state)) {
		last_failure_clear(&failure);
		return false;
	}
	*out = failure;
	return true;
}

static int by_id_newest_first(const void *a, const void *b)
{
	const struct app *const *left = a, *const *right = b;
	int order = strcmp((*left)->id, (*right)->id);

	if (order != 0)
		return order;
	return ((*right)->version_ms > (*left)->version_ms) -
	       ((*right)->version_ms < (*left)->version_ms);
}

/* Index of the first definition of the app: where it is, or would be. */
static size_t first_version(const struct app_list *list, const char *id)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(list->items[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void adopt_versions(const struct app_list *list, struct cluster_app *app, int64_t current_ms)
{
	for (size_t i = first_version(list, app->id);
	     i < list->count && strcmp(list->items[i]->id, app->id) == 0 &&
	     app->version_count < CLUSTER_VERSIONS_MAX;
	     i++)
		if (list->items[i]->version_ms <= current_ms)
			app->versions[app->version_count++] = app_ref(list->items[i]);
	app->current = app->versions[0];
}

static bool read_app(struct loading *loading, struct json_object *root, struct error *error)
{
	autoptr(cluster_app) app = record_app_new(json_text(root, "id", ""));
	int64_t current_ms = json_integer(root, "version", 0);

	if (!app || !read_failure(json_object_member(root, "failure"), &app->failure))
		return error_set(error, ERROR_INVALID, "no memory, or a bad failure record");
	adopt_versions(&loading->versions, app, current_ms);
	if (!app->current || app->current->version_ms != current_ms)
		return error_set(error, ERROR_INVALID, "its current definition is missing");
	app->removing = json_flag(root, "removing", false);
	app->backoff = read_backoff(json_object_member(root, "backoff"), loading->now_ms);
	record_app_link(loading->cluster, app);
	(void)TAKE(app);
	return true;
}

static struct app *find_version(const struct app_list *list, const char *id, int64_t version_ms)
{
	for (size_t i = first_version(list, id);
	     i < list->count && strcmp(list->items[i]->id, id) == 0; i++)
		if (list->items[i]->version_ms == version_ms)
			return app_ref(list->items[i]);
	return NULL;
}

static bool read_ports(struct instance *instance, struct json_object *ports)
{
	size_t count = ports ? json_object_array_length(ports) : 0;

	if (count == 0)
		return true;
	if (!(instance->ports = calloc(count, sizeof(*instance->ports))))
		return false;
	for (size_t i = 0; i < count; i++)
		instance->ports[i] =
			json_object_get_int(json_object_array_get_idx(ports, i)); /* our own */
	instance->port_count = count;
	return true;
}

static bool read_instance(struct loading *loading, struct json_object *root, struct error *error)
{
	autoptr(instance) instance =
		record_instance_new(json_text(root, "id", ""), json_text(root, "host", ""),
				    json_text(root, "hostname", ""));
	struct json_object *status = json_object_member(root, "status");
	const char *stop = json_text(root, "stop", NULL);

	if (!instance || !read_ports(instance, json_array_member(root, "ports")))
		return error_set(error, ERROR_NOMEM, "no memory");
	if (status && !task_status_read(status, &instance->status, error))
		return false;
	instance->owner = record_find_app(loading->cluster, json_text(root, "app", ""));
	if (!instance->owner)
		return error_set(error, ERROR_INVALID, "its app is not there");
	instance->app = find_version(&loading->versions, instance->owner->id,
				     json_integer(root, "version", 0));
	if (!instance->app)
		return error_set(error, ERROR_INVALID, "its definition is not there");
	instance->host = record_find_host(loading->cluster, instance->host_id);
	instance->staged_ms = json_integer(root, "staged", 0);
	instance->progress_ms = loading->now_ms;
	instance->goal = stop ? INSTANCE_STOP : INSTANCE_RUN;
	instance->offered = true; /* we cannot know */
	(void)text_copy(instance->why_stop, sizeof(instance->why_stop), stop ? stop : "");
	record_instance_link(loading->cluster, instance);
	(void)TAKE(instance);
	return true;
}

static bool parse_action(const char *name, enum plan_action *out)
{
	static const enum plan_action all[] = { PLAN_START, PLAN_SCALE, PLAN_RESTART, PLAN_STOP };

	for (size_t i = 0; i < ROWS(all); i++)
		if (strcmp(plan_action_name(all[i]), name) == 0) {
			*out = all[i];
			return true;
		}
	return false;
}

static bool read_actions(struct deployment *deployment, struct json_object *actions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(actions, i);
		struct deployment_action *action = &deployment->actions[i];

		if (!parse_action(json_text(item, "action", ""), &action->action) ||
		    !(action->app_id = text_duplicate(json_text(item, "app", ""))))
			return false;
		action->step = (size_t)json_integer(item, "step", 0);
		deployment->action_count++;
	}
	return true;
}

static bool read_affected(struct deployment *deployment, struct json_object *affected, size_t count,
			  struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(affected, i);
		struct json_object *before = json_object_member(item, "before");

		if (before && !(deployment->before[i] = app_read_stored(before, error)))
			return false;
		if (!(deployment->affected[i] = text_duplicate(json_text(item, "app", "")))) {
			app_unref(TAKE(deployment->before[i]));
			return error_set(error, ERROR_NOMEM, "no memory");
		}
	}
	return true;
}

static bool read_deployment(struct loading *loading, struct json_object *root, struct error *error)
{
	struct json_object *actions = json_array_member(root, "actions");
	struct json_object *affected = json_array_member(root, "affected");
	size_t action_count = actions ? json_object_array_length(actions) : 0;
	size_t affected_count = affected ? json_object_array_length(affected) : 0;
	autoptr(deployment) deployment = record_deployment_new(action_count, affected_count);

	if (!deployment)
		return error_set(error, ERROR_NOMEM, "no memory");
	(void)text_copy(deployment->id, sizeof(deployment->id), json_text(root, "id", ""));
	deployment->version_ms = json_integer(root, "version", 0);
	deployment->step = (size_t)json_integer(root, "step", 0);
	deployment->step_count = (size_t)json_integer(root, "steps", 0);
	if (!read_actions(deployment, actions, action_count))
		return error_set(error, ERROR_INVALID, "a bad action");
	if (!read_affected(deployment, affected, affected_count, error))
		return false;
	record_deployment_link(loading->cluster, deployment);
	(void)TAKE(deployment);
	return true;
}

static bool read_group(struct loading *loading, struct json_object *root, struct error *error)
{
	return archive_read_group(loading->cluster, root, error);
}

static bool read_past(struct loading *loading, struct json_object *root, struct error *error)
{
	return archive_read_past(loading->cluster, root, error);
}

typedef bool read_fn(struct loading *loading, struct json_object *root, struct error *error);

static const struct kind {
	const char *prefix;
	read_fn *read;
} kinds[] = {
	{ "meta/cluster", read_meta },	{ "host/", read_host },
	{ "version/", read_version },	{ "app/", read_app },
	{ "instance/", read_instance }, { "deployment/", read_deployment },
	{ "group/", read_group },	{ "past/", read_past },
};

struct kind_loading {
	struct loading *loading;
	const struct kind *kind;
};

static bool read_record(const char *key, const char *value, size_t len, void *arg,
			struct error *error)
{
	struct kind_loading *context = arg;
	struct error problem = { .kind = ERROR_NONE };
	autoptr(json_object) root = json_parse(value, len, &problem);

	(void)error; /* one bad record stops nothing */
	if (!root || !context->kind->read(context->loading, root, &problem)) {
		log_error("archive.skipped", F("key", key), F("error", problem.text));
		context->loading->skipped++;
	}
	return true;
}

/* A definition is kept while its app lists it or a task of it runs. */
static bool is_used(const struct cluster *cluster, const struct app *version)
{
	const struct cluster_app *app = record_find_app(cluster, version->id);
	const struct instance *instance;

	if (!app || cluster_app_version(app, version->version_ms))
		return app != NULL;
	LIST_FOREACH(instance, &app->instances, of_app)
		if (instance->app->version_ms == version->version_ms)
			return true;
	return false;
}

static void on_swept(const struct error *error, void *arg)
{
	(void)arg;
	if (error) /* they are found again at the next start */
		log_warn("archive.not_swept", F("error", error->text));
}

static void end_loading(struct loading *loading, struct store *store)
{
	/* What could not be read today (a newer program's record) may need what seems unused. */
	struct store_batch *batch = store && loading->skipped == 0 ? store_batch_new() : NULL;

	for (size_t i = 0; i < loading->versions.count; i++) {
		struct app *version = loading->versions.items[i];

		if (batch && !is_used(loading->cluster, version))
			(void)archive_delete_version(batch, version); /* next time then */
	}
	for (size_t i = 0; i < loading->versions.count; i++)
		app_unref(loading->versions.items[i]);
	free(loading->versions.items);
	if (batch && store_batch_count(batch) > 0)
		store_commit(store, TAKE(batch), on_swept, NULL);
	store_batch_free(batch);
}

bool archive_load(struct store *store, struct cluster *cluster, uint64_t now_ms,
		  struct error *error)
{
	struct loading loading = { .cluster = cluster, .now_ms = now_ms };
	bool fine = true;

	for (size_t i = 0; fine && i < ROWS(kinds); i++) {
		struct kind_loading context = { &loading, &kinds[i] };

		fine = store_each(store, kinds[i].prefix, read_record, &context, error);
		if (kinds[i].read == read_version && loading.versions.count > 0)
			qsort(loading.versions.items, loading.versions.count,
			      sizeof(*loading.versions.items), by_id_newest_first);
	}
	if (fine && !record_groups_complete(cluster))
		fine = error_set(error, ERROR_NOMEM, "no memory for groups");
	end_loading(&loading, fine ? store : NULL);
	return fine || error_wrap(error, "loading the cluster");
}
