#include "stadion/coordinator/coordinator.h"

#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "deployer.h"
#include "gateway.h"
#include "hosts.h"
#include "stadion/base/clock.h"
#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "state.h"

void coordinator_wake(struct coordinator *coordinator)
{
	if (!coordinator->ledger.in_flight && !timer_pending(&coordinator->turn))
		timer_start(&coordinator->turn, 0);
}

void coordinator_add_job(struct coordinator *coordinator, struct job *job)
{
	STAILQ_INSERT_TAIL(&coordinator->jobs, job, link);
	coordinator_wake(coordinator);
}

int64_t coordinator_next_version(struct coordinator *coordinator)
{
	int64_t now_ms = clock_wall_ms();

	if (now_ms <= coordinator->last_version_ms)
		now_ms = coordinator->last_version_ms +
			 1; /* versions rise whatever the clock does */
	return coordinator->last_version_ms = now_ms;
}

static void submit(struct coordinator *coordinator)
{
	coordinator->submitted_ms = loop_now_ms(coordinator->loop);
	ledger_submit(&coordinator->ledger);
}

static void on_turn(void *arg)
{
	struct coordinator *coordinator = arg;
	struct job *job;

	if (coordinator->ledger.in_flight)
		return;
	while ((job = STAILQ_FIRST(&coordinator->jobs))) {
		STAILQ_REMOVE_HEAD(&coordinator->jobs, link);
		job->run(coordinator, job);
	}
	deployer_run(coordinator);
	if (ledger_has_work(&coordinator->ledger))
		submit(coordinator);
}

/* Which wanted lists a transaction has changed. A mere status does not. */
static bool changes_wanted(const struct ledger_entry *entry)
{
	if (entry->record != RECORD_INSTANCE)
		return false;
	return entry->change != LEDGER_KEPT || saved_goal_differs(entry->saved, entry->instance);
}

static void publish(struct coordinator *coordinator)
{
	struct ledger_entry *entry;

	TAILQ_FOREACH(entry, &coordinator->ledger.entries, link)
		if (changes_wanted(entry) && entry->instance->host)
			entry->instance->host->changed = true;
	TAILQ_FOREACH(entry, &coordinator->ledger.entries, link) {
		struct host *host = changes_wanted(entry) ? entry->instance->host : NULL;

		if (host && host->changed) {
			host->changed = false;
			gateway_publish(coordinator, host);
		}
	}
}

/* What was refused is still wanted: it is tried again, but not at once. */
static void try_later(struct coordinator *coordinator, const struct error *error)
{
	struct ledger_entry *entry;
	struct deployment *deployment;

	log_error("store.refused", F("error", error->text));
	TAILQ_FOREACH(entry, &coordinator->ledger.entries, link) {
		if (entry->record == RECORD_APP)
			deployer_mark(coordinator, entry->app);
		else if (entry->record == RECORD_INSTANCE)
			deployer_mark(coordinator, entry->instance->owner);
	}
	TAILQ_FOREACH(deployment, &coordinator->cluster.deployments, link) {
		for (size_t i = 0; deployment->affected[i]; i++) {
			struct cluster_app *app =
				record_find_app(&coordinator->cluster, deployment->affected[i]);

			if (app)
				deployer_mark(coordinator, app);
		}
		(void)text_copy(deployment->why, sizeof(deployment->why), error->text);
	}
	timer_start(&coordinator->retry, STORE_RETRY_MS);
}

static void on_committed(const struct error *error, void *arg)
{
	struct coordinator *coordinator = arg;
	struct ledger_entry *entry;

	if (error) {
		try_later(coordinator, error);
	} else {
		publish(coordinator);
		timer_cancel(&coordinator->retry);
	}
	gateway_answer_late(coordinator);
	TAILQ_FOREACH(entry, &coordinator->ledger.entries, link)
		if (entry->record == RECORD_APP && entry->app->gone)
			deployer_forget(coordinator, entry->app);
	/* Whatever came in meanwhile, or was marked just now. */
	timer_start(&coordinator->turn, 0);
}

static void on_retry(void *arg)
{
	coordinator_wake(arg);
}

static void on_launch(void *arg)
{
	deployer_mark_waiting(arg);
}

static bool load(struct coordinator *coordinator, struct error *error)
{
	struct cluster *cluster = &coordinator->cluster;

	if (!archive_load(coordinator->store, cluster, loop_now_ms(coordinator->loop), error))
		return false;
	cluster->epoch = store_epoch(coordinator->store);
	coordinator->last_version_ms = cluster->version_ms;
	if (!cluster->id[0]) { /* it goes to disk now; nobody is told of it before the first turn */
		if (!ledger_keep_meta(&coordinator->ledger))
			return error_set(error, ERROR_NOMEM, "no memory");
		id_uuid(cluster->id);
		submit(coordinator);
	}
	for (struct host *host = cluster->hosts; host; host = host->hh.next)
		host->revision = cluster->epoch << 32;
	deployer_mark_all(coordinator);
	log_info("coordinator.loaded", F("cluster", cluster->id), F("epoch", cluster->epoch),
		 F("apps", HASH_COUNT(cluster->apps)), F("tasks", HASH_COUNT(cluster->instances)),
		 F("hosts", HASH_COUNT(cluster->hosts)));
	return true;
}

static void set_defaults(struct coordinator *coordinator, const struct coordinator_options *options)
{
	coordinator->unreachable_ms =
		options->unreachable_ms ? options->unreachable_ms : UNREACHABLE_MS;
	coordinator->launch_timeout_ms =
		options->launch_timeout_ms ? options->launch_timeout_ms : LAUNCH_TIMEOUT_MS;
	coordinator->service_port_low =
		options->service_port_low ? options->service_port_low : SERVICE_PORT_LOW;
	coordinator->service_port_high =
		options->service_port_high ? options->service_port_high : SERVICE_PORT_HIGH;
}

struct coordinator *coordinator_new(struct loop *loop, const struct coordinator_options *options,
				    struct error *error)
{
	autoptr(coordinator) coordinator = calloc(1, sizeof(*coordinator));

	if (!coordinator) {
		error_set(error, ERROR_NOMEM, "no memory for a coordinator");
		return NULL;
	}
	coordinator->loop = loop;
	TAILQ_INIT(&coordinator->cluster.deployments);
	TAILQ_INIT(&coordinator->cluster.pasts);
	TAILQ_INIT(&coordinator->marked);
	TAILQ_INIT(&coordinator->waiting);
	STAILQ_INIT(&coordinator->jobs);
	LIST_INIT(&coordinator->late_polls);
	ledger_init(&coordinator->ledger, &coordinator->cluster, NULL, on_committed, coordinator);
	set_defaults(coordinator, options);
	if (options->agent_token &&
	    !(coordinator->agent_token = text_duplicate(options->agent_token))) {
		error_set(error, ERROR_NOMEM, "no memory for a coordinator");
		return NULL;
	}
	if (!timer_init(&coordinator->turn, loop, on_turn, coordinator, error) ||
	    !timer_init(&coordinator->retry, loop, on_retry, coordinator, error) ||
	    !timer_init(&coordinator->launch, loop, on_launch, coordinator, error) ||
	    !(coordinator->store = store_open(loop, options->store, error)))
		return NULL;
	coordinator->ledger.store = coordinator->store;
	coordinator->events = event_bus_new(coordinator->store, &coordinator->ledger, error);
	if (!coordinator->events || !load(coordinator, error) || !hosts_start(coordinator, error))
		return NULL;
	coordinator_wake(coordinator);
	return TAKE(coordinator);
}

void coordinator_free(struct coordinator *coordinator)
{
	struct job *job;
	struct host *host;

	if (!coordinator)
		return;
	coordinator->stopping = true;
	store_close(coordinator->store); /* waits for what is under way */
	timer_clear(&coordinator->tick);
	timer_clear(&coordinator->launch);
	timer_clear(&coordinator->retry);
	timer_clear(&coordinator->turn);
	while ((job = STAILQ_FIRST(&coordinator->jobs))) {
		STAILQ_REMOVE_HEAD(&coordinator->jobs, link);
		job->drop(job);
	}
	ledger_clear(&coordinator->ledger);
	event_bus_free(coordinator->events);
	for (host = coordinator->cluster.hosts; host; host = host->hh.next)
		gateway_drop_poll(host);
	cluster_clear(&coordinator->cluster);
	free(coordinator->agent_token);
	free(coordinator);
}

struct event_bus *coordinator_events(struct coordinator *coordinator)
{
	return coordinator->events;
}

struct store_stats coordinator_store_stats(const struct coordinator *coordinator)
{
	return store_stats(coordinator->store);
}

const struct cluster *coordinator_cluster(const struct coordinator *coordinator)
{
	return &coordinator->cluster;
}
