#include "ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "group_records.h"
#include "saved.h"

void ledger_init(struct ledger *ledger, struct cluster *cluster, struct store *store,
		 void (*done)(const struct error *error, void *arg), void *arg)
{
	*ledger = (struct ledger){
		.cluster = cluster, .store = store, .number = 1, .done = done, .arg = arg
	};
	TAILQ_INIT(&ledger->entries);
	STAILQ_INIT(&ledger->effects);
}

static struct ledger_entry *enter(struct ledger *ledger, enum ledger_record record,
				  enum ledger_change change)
{
	struct ledger_entry *entry = calloc(1, sizeof(*entry));

	assert(!ledger->in_flight);
	if (!entry) {
		ledger->incomplete = true;
		return NULL;
	}
	entry->record = record;
	entry->change = change;
	TAILQ_INSERT_TAIL(&ledger->entries, entry, link);
	return entry;
}

static void leave(struct ledger *ledger, struct ledger_entry *entry)
{
	TAILQ_REMOVE(&ledger->entries, entry, link);
	saved_free(entry->saved);
	free(entry);
}

/* Remembers `saved` for a record that was not in this transaction before. */
static struct ledger_entry *keep(struct ledger *ledger, enum ledger_record record,
				 uint64_t *touched, struct saved *saved)
{
	struct ledger_entry *entry = saved ? enter(ledger, record, LEDGER_KEPT) : NULL;

	if (!entry) {
		ledger->incomplete = true;
		saved_free(saved);
		return NULL;
	}
	entry->saved = saved;
	*touched = ledger->number;
	return entry;
}

bool ledger_keep_app(struct ledger *ledger, struct cluster_app *app)
{
	struct ledger_entry *entry;

	if (app->touched == ledger->number)
		return true;
	entry = keep(ledger, RECORD_APP, &app->touched, saved_app(app));
	if (entry)
		entry->app = app;
	return entry;
}

bool ledger_keep_group(struct ledger *ledger, struct cluster_group *group)
{
	struct ledger_entry *entry;

	if (group->touched == ledger->number)
		return true;
	entry = keep(ledger, RECORD_GROUP, &group->touched, saved_group(group));
	if (entry)
		entry->group = group;
	return entry;
}

bool ledger_keep_instance(struct ledger *ledger, struct instance *instance)
{
	struct ledger_entry *entry;

	if (instance->touched == ledger->number)
		return true;
	entry = keep(ledger, RECORD_INSTANCE, &instance->touched, saved_instance(instance));
	if (entry)
		entry->instance = instance;
	return entry;
}

bool ledger_keep_deployment(struct ledger *ledger, struct deployment *deployment)
{
	struct ledger_entry *entry;

	if (deployment->touched == ledger->number)
		return true;
	entry = keep(ledger, RECORD_DEPLOYMENT, &deployment->touched, saved_deployment(deployment));
	if (entry)
		entry->deployment = deployment;
	return entry;
}

bool ledger_keep_meta(struct ledger *ledger)
{
	return ledger->meta_touched == ledger->number ||
	       keep(ledger, RECORD_META, &ledger->meta_touched, saved_meta(ledger->cluster));
}

bool ledger_add_app(struct ledger *ledger, struct cluster_app *app)
{
	struct ledger_entry *entry = enter(ledger, RECORD_APP, LEDGER_ADDED);

	if (!entry) {
		record_app_free(app);
		return false;
	}
	entry->app = app;
	app->touched = ledger->number;
	record_app_link(ledger->cluster, app);
	return true;
}

bool ledger_add_group(struct ledger *ledger, struct cluster_group *group)
{
	struct ledger_entry *entry = enter(ledger, RECORD_GROUP, LEDGER_ADDED);

	if (!entry) {
		record_group_free(group);
		return false;
	}
	entry->group = group;
	group->touched = ledger->number;
	record_group_link(ledger->cluster, group);
	return true;
}

static bool remove_past(struct ledger *ledger, struct past *past)
{
	struct ledger_entry *entry = enter(ledger, RECORD_PAST, LEDGER_REMOVED);

	if (!entry)
		return false;
	entry->past = past;
	record_past_unlink(ledger->cluster, past);
	return true;
}

bool ledger_add_past(struct ledger *ledger, struct past *past)
{
	struct ledger_entry *entry = enter(ledger, RECORD_PAST, LEDGER_ADDED);

	if (!entry) {
		record_past_free(past);
		return false;
	}
	entry->past = past;
	record_past_link(ledger->cluster, past);
	return ledger->cluster->past_count <= CLUSTER_VERSIONS_MAX ||
	       remove_past(ledger, TAILQ_FIRST(&ledger->cluster->pasts));
}

bool ledger_add_instance(struct ledger *ledger, struct instance *instance)
{
	struct ledger_entry *entry = enter(ledger, RECORD_INSTANCE, LEDGER_ADDED);

	if (!entry) {
		record_instance_free(instance);
		return false;
	}
	entry->instance = instance;
	instance->touched = instance->commit = ledger->number;
	record_instance_link(ledger->cluster, instance);
	return true;
}

bool ledger_add_deployment(struct ledger *ledger, struct deployment *deployment)
{
	struct ledger_entry *entry = enter(ledger, RECORD_DEPLOYMENT, LEDGER_ADDED);

	if (!entry) {
		record_deployment_free(deployment);
		return false;
	}
	entry->deployment = deployment;
	deployment->touched = ledger->number;
	record_deployment_link(ledger->cluster, deployment);
	return true;
}

bool ledger_remove_app(struct ledger *ledger, struct cluster_app *app)
{
	struct ledger_entry *entry = enter(ledger, RECORD_APP, LEDGER_REMOVED);

	if (!entry)
		return false;
	entry->app = app;
	record_app_unlink(ledger->cluster, app);
	return true;
}

bool ledger_remove_group(struct ledger *ledger, struct cluster_group *group)
{
	struct ledger_entry *entry = enter(ledger, RECORD_GROUP, LEDGER_REMOVED);

	if (!entry)
		return false;
	entry->group = group;
	record_group_unlink(ledger->cluster, group);
	return true;
}

bool ledger_remove_instance(struct ledger *ledger, struct instance *instance)
{
	struct ledger_entry *entry = enter(ledger, RECORD_INSTANCE, LEDGER_REMOVED);

	if (!entry)
		return false;
	entry->instance = instance;
	record_instance_unlink(ledger->cluster, instance);
	return true;
}

bool ledger_remove_deployment(struct ledger *ledger, struct deployment *deployment)
{
	struct ledger_entry *entry = enter(ledger, RECORD_DEPLOYMENT, LEDGER_REMOVED);

	if (!entry)
		return false;
	entry->deployment = deployment;
	record_deployment_unlink(ledger->cluster, deployment);
	return true;
}

struct store_batch *ledger_batch(struct ledger *ledger)
{
	if (!ledger->versions && !(ledger->versions = store_batch_new()))
		ledger->incomplete = true;
	return ledger->versions;
}

/* A definition that fell off the list stays in the store while a task of it runs: a restart must
 * still know what that task is. archive_load sweeps it later. */
static bool drop_version(struct ledger *ledger, const struct cluster_app *app,
			 const struct app *version)
{
	const struct instance *instance;

	LIST_FOREACH(instance, &app->instances, of_app)
		if (instance->app->version_ms == version->version_ms) /* it may be a copy */
			return true;
	return archive_delete_version(ledger->versions, version);
}

bool ledger_push_version(struct ledger *ledger, struct cluster_app *app, struct app *version)
{
	struct store_batch *batch = ledger_batch(ledger);
	struct app *fallen;
	bool fine;

	assert(app->touched == ledger->number);
	if (!batch || !archive_put_version(batch, version)) {
		ledger->incomplete = true;
		app_unref(version);
		return false;
	}
	fallen = record_app_push_version(app, version);
	fine = !fallen || drop_version(ledger, app, fallen);
	ledger->incomplete = ledger->incomplete || !fine;
	app_unref(fallen);
	return fine;
}

bool ledger_put_host(struct ledger *ledger, struct host *host)
{
	struct ledger_entry *entry = enter(ledger, RECORD_HOST, LEDGER_KEPT);

	if (entry)
		entry->host = host;
	return entry;
}

void ledger_add_effect(struct ledger *ledger, struct effect *effect)
{
	assert(!ledger->in_flight);
	STAILQ_INSERT_TAIL(&ledger->effects, effect, link);
}

bool ledger_has_work(const struct ledger *ledger)
{
	return !TAILQ_EMPTY(&ledger->entries) || !STAILQ_EMPTY(&ledger->effects) ||
	       ledger->versions || ledger->incomplete;
}

/* A record that was changed and then removed has its delete further on. */
static bool write_entry(struct store_batch *batch, const struct ledger_entry *entry,
			const struct cluster *cluster)
{
	bool removed = entry->change == LEDGER_REMOVED;

	switch (entry->record) {
	case RECORD_APP:
		return removed		  ? archive_delete_app(batch, entry->app)
		       : entry->app->gone ? true
					  : archive_put_app(batch, entry->app);
	case RECORD_GROUP:
		return removed		    ? archive_delete_group(batch, entry->group)
		       : entry->group->gone ? true
					    : archive_put_group(batch, entry->group);
	case RECORD_PAST:
		return removed		   ? archive_delete_past(batch, entry->past)
		       : entry->past->gone ? true
					   : archive_put_past(batch, entry->past);
	case RECORD_INSTANCE:
		return removed		       ? archive_delete_instance(batch, entry->instance)
		       : entry->instance->gone ? true
					       : archive_put_instance(batch, entry->instance);
	case RECORD_DEPLOYMENT:
		return removed ? archive_delete_deployment(batch, entry->deployment)
		       : entry->deployment->gone ? true
						 : archive_put_deployment(batch, entry->deployment);
	case RECORD_HOST:
		return archive_put_host(batch, entry->host);
	case RECORD_META:
		return archive_put_meta(batch, cluster);
	}
	return false;
}

static void undo_entry(struct ledger *ledger, struct ledger_entry *entry)
{
	struct cluster *cluster = ledger->cluster;

	if (entry->change == LEDGER_KEPT) {
		if (entry->record == RECORD_APP)
			saved_restore_app(entry->saved, entry->app);
		else if (entry->record == RECORD_GROUP)
			saved_restore_group(entry->saved, entry->group);
		else if (entry->record == RECORD_INSTANCE)
			saved_restore_instance(entry->saved, entry->instance);
		else if (entry->record == RECORD_DEPLOYMENT)
			saved_restore_deployment(entry->saved, entry->deployment);
		else if (entry->record == RECORD_META)
			saved_restore_meta(entry->saved, cluster);
		return;
	}
	if (entry->record == RECORD_APP)
		(entry->change == LEDGER_ADDED ? record_app_unlink : record_app_link)(cluster,
										      entry->app);
	else if (entry->record == RECORD_GROUP)
		(entry->change == LEDGER_ADDED ? record_group_unlink
					       : record_group_link)(cluster, entry->group);
	else if (entry->record == RECORD_PAST)
		(entry->change == LEDGER_ADDED ? record_past_unlink
					       : record_past_link)(cluster, entry->past);
	else if (entry->record == RECORD_INSTANCE)
		(entry->change == LEDGER_ADDED ? record_instance_unlink
					       : record_instance_link)(cluster, entry->instance);
	else if (entry->record == RECORD_DEPLOYMENT)
		(entry->change == LEDGER_ADDED ? record_deployment_unlink : record_deployment_link)(
			cluster, entry->deployment);
}

/* Frees what is in no index any more: the removed of a commit, the added of a refused one. Oldest
 * entries last, since an instance points at its app. */
static void free_entries(struct ledger *ledger, enum ledger_change gone)
{
	struct ledger_entry *entry;

	while ((entry = TAILQ_LAST(&ledger->entries, ledger_entries))) {
		if (entry->change == gone && entry->record == RECORD_APP && entry->app->gone)
			record_app_free(entry->app);
		else if (entry->change == gone && entry->record == RECORD_GROUP &&
			 entry->group->gone)
			record_group_free(entry->group);
		else if (entry->change == gone && entry->record == RECORD_PAST && entry->past->gone)
			record_past_free(entry->past);
		else if (entry->change == gone && entry->record == RECORD_INSTANCE &&
			 entry->instance->gone)
			record_instance_free(entry->instance);
		else if (entry->change == gone && entry->record == RECORD_DEPLOYMENT &&
			 entry->deployment->gone)
			record_deployment_free(entry->deployment);
		leave(ledger, entry);
	}
}

static void end(const struct error *error, void *arg)
{
	struct ledger *ledger = arg;
	STAILQ_HEAD(, effect) effects = STAILQ_HEAD_INITIALIZER(effects);
	struct ledger_entry *entry;
	struct effect *effect;

	if (error) {
		TAILQ_FOREACH_REVERSE(entry, &ledger->entries, ledger_entries, link)
		{
			undo_entry(ledger, entry);
		}
	}
	TAILQ_FOREACH(entry, &ledger->entries, link)
		if (entry->record == RECORD_HOST && !error)
			entry->host->unsaved = false;
	STAILQ_CONCAT(&effects, &ledger->effects);
	ledger->number++;
	ledger->incomplete = false;
	ledger->in_flight = false;
	ledger->done(error, ledger->arg);
	free_entries(ledger, error ? LEDGER_ADDED : LEDGER_REMOVED);
	while ((effect = STAILQ_FIRST(&effects))) {
		STAILQ_REMOVE_HEAD(&effects, link);
		effect->fn(effect, error);
	}
}

void ledger_submit(struct ledger *ledger)
{
	static const struct error no_memory = { ERROR_NOMEM, "no memory for a change" };
	struct store_batch *batch = ledger_batch(ledger);
	struct ledger_entry *entry;
	bool fine = batch;

	assert(!ledger->in_flight);
	ledger->in_flight = true;
	TAILQ_FOREACH(entry, &ledger->entries, link)
		fine = fine && write_entry(batch, entry, ledger->cluster);
	ledger->versions = NULL;
	if (!fine || ledger->incomplete) {
		store_batch_free(batch);
		end(&no_memory, ledger);
	} else if (store_batch_count(batch) == 0) {
		store_batch_free(batch);
		end(NULL, ledger);
	} else {
		store_commit(ledger->store, batch, end, ledger);
	}
}

void ledger_clear(struct ledger *ledger)
{
	static const struct error stopping = { ERROR_UNAVAILABLE, "the coordinator is stopping" };
	struct effect *effect;

	while ((effect = STAILQ_FIRST(&ledger->effects))) {
		STAILQ_REMOVE_HEAD(&ledger->effects, link);
		effect->fn(effect, &stopping);
	}
	store_batch_free(ledger->versions);
	free_entries(ledger, LEDGER_REMOVED);
}
