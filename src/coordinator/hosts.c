#include "hosts.h"

#include <stdlib.h>
#include <string.h>

#include "deployer.h"
#include "events.h"
#include "gateway.h"
#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"

#define TICK_MS 1000
#define DOUBT_HOSTS_MIN 3 /* with fewer, half of them say nothing of the network */

static void mark_instances(struct coordinator *coordinator, const struct host *host)
{
	const struct instance *instance;

	LIST_FOREACH(instance, &host->instances, of_host)
		deployer_mark(coordinator, instance->owner);
}

static void fall_silent(struct coordinator *coordinator, struct host *host, uint64_t now_ms)
{
	host->state = HOST_UNREACHABLE;
	host->silent_since_ms = now_ms;
	host->session[0] = '\0';
	host->reported = false;
	gateway_drop_poll(host);
	log_warn("host.unreachable", F("host", host->id), F("hostname", host->hostname),
		 F("silent_ms", now_ms - host->heard_ms), F("instances", host->instance_count));
	events_host_silent(coordinator, host);
	mark_instances(coordinator, host);
}

/* A pause of our own (stopped, starved, asleep) looks like the silence of everybody else: after it
 * all of them get a fresh term. Two witnesses, since either may wake up first. While a commit hangs
 * agents wait for their answers, which keeps them from speaking too. */
static bool was_paused(struct coordinator *coordinator, uint64_t now_ms)
{
	return now_ms > coordinator->tick_due_ms + PAUSE_MS ||
	       loop_lag_ms(coordinator->loop) > PAUSE_MS ||
	       (coordinator->ledger.in_flight && now_ms > coordinator->submitted_ms + PAUSE_MS);
}

static bool is_recent(const struct coordinator *coordinator, const struct host *host,
		      uint64_t now_ms)
{
	return host->state == HOST_UNREACHABLE &&
	       now_ms < host->silent_since_ms + coordinator->unreachable_ms;
}

static void note_progress(struct host *host, uint64_t now_ms)
{
	struct instance *instance;

	LIST_FOREACH(instance, &host->instances, of_host)
		instance->progress_ms = now_ms;
}

/* All terms start afresh, and what a host that fell silent just now ran is not replaced before. */
static void renew_terms(struct coordinator *coordinator, uint64_t now_ms)
{
	struct host *host;

	for (host = coordinator->cluster.hosts; host; host = host->hh.next) {
		note_progress(host, now_ms);
		if (host->state == HOST_UP)
			host->heard_ms = now_ms;
		else if (is_recent(coordinator, host, now_ms))
			host->silent_since_ms = now_ms + coordinator->unreachable_ms;
	}
}

/* More than half of the hosts dead at once are less likely than a network that is: they get one
 * more term, once. Whoever should have spoken twice since it was heard counts as silent, for those
 * who are cut off together do not reach their terms' ends together. */
static void doubt(struct coordinator *coordinator, uint64_t now_ms)
{
	uint64_t term_ms = coordinator->unreachable_ms;
	size_t members = 0, silent = 0;
	bool due = false, many;
	struct host *host;

	for (host = coordinator->cluster.hosts; host; host = host->hh.next) {
		bool up = host->state == HOST_UP;

		members += up || is_recent(coordinator, host, now_ms);
		silent += up ? now_ms - host->heard_ms >= term_ms - term_ms / 3
			     : is_recent(coordinator, host, now_ms);
		due = due || (up && now_ms - host->heard_ms >= term_ms);
	}
	many = members >= DOUBT_HOSTS_MIN && 2 * silent > members;
	if (!many && now_ms >= coordinator->doubted_ms + 2 * term_ms)
		coordinator->doubted_ms = 0;
	if (!many || !due || coordinator->doubted_ms > 0)
		return;
	coordinator->doubted_ms = now_ms;
	log_warn("hosts.doubted", F("silent", silent), F("hosts", members),
		 F("why", "more than half fell silent together: they get one more term"));
	renew_terms(coordinator, now_ms);
}

static void mark_overdue(struct coordinator *coordinator, const struct host *host)
{
	const struct instance *instance;

	LIST_FOREACH(instance, &host->instances, of_host)
		if (hosts_overdue(coordinator, instance))
			deployer_mark(coordinator, instance->owner);
}

static void on_tick(void *arg)
{
	struct coordinator *coordinator = arg;
	uint64_t now_ms = loop_now_ms(coordinator->loop);
	struct host *host;

	if (was_paused(coordinator, now_ms))
		renew_terms(coordinator, now_ms);
	else
		doubt(coordinator, now_ms);
	for (host = coordinator->cluster.hosts; host; host = host->hh.next) {
		if (host->state == HOST_UP &&
		    now_ms - host->heard_ms >= coordinator->unreachable_ms)
			fall_silent(coordinator, host, now_ms);
		else if (host->state == HOST_UNREACHABLE && host->instance_count > 0)
			mark_instances(coordinator, host); /* their terms may have ended */
		else
			mark_overdue(coordinator, host);
	}
	coordinator->tick_due_ms = now_ms + TICK_MS;
	timer_start(&coordinator->tick, TICK_MS);
}

bool hosts_start(struct coordinator *coordinator, struct error *error)
{
	if (!timer_init(&coordinator->tick, coordinator->loop, on_tick, coordinator, error))
		return false;
	coordinator->tick_due_ms = loop_now_ms(coordinator->loop) + TICK_MS;
	timer_start(&coordinator->tick, TICK_MS);
	return true;
}

void hosts_reported(struct coordinator *coordinator, struct host *host)
{
	bool back = host->state == HOST_UNREACHABLE;

	note_progress(host, loop_now_ms(coordinator->loop));
	host->reported = true;
	host->state = HOST_UP;
	coordinator->room = true;
	if (!back)
		return;
	log_info("host.back", F("host", host->id), F("hostname", host->hostname));
	events_host_back(coordinator, host);
	mark_instances(coordinator, host); /* there may be more of them than wanted now */
}

void hosts_heard(struct coordinator *coordinator, struct host *host)
{
	host->heard_ms = loop_now_ms(coordinator->loop);
}

bool hosts_usable(const struct host *host)
{
	return host->state == HOST_UP && host->session[0] && host->reported;
}

bool hosts_given_up(const struct coordinator *coordinator, const struct instance *instance)
{
	const struct host *host = instance->host;

	return host && host->state == HOST_UNREACHABLE && !instance->app->unreachable_disabled &&
	       loop_now_ms(coordinator->loop) >=
		       host->silent_since_ms + (uint64_t)instance->app->unreachable_inactive_ms;
}

bool hosts_expunged(const struct coordinator *coordinator, const struct instance *instance)
{
	return hosts_given_up(coordinator, instance) &&
	       loop_now_ms(coordinator->loop) >=
		       instance->host->silent_since_ms +
			       (uint64_t)instance->app->unreachable_expunge_ms;
}

bool hosts_overdue(const struct coordinator *coordinator, const struct instance *instance)
{
	bool starting = instance->status.seq == 0 || instance->status.state == TASK_STAGING ||
			instance->status.state == TASK_STARTING;

	return starting && instance->goal == INSTANCE_RUN && instance->host &&
	       hosts_usable(instance->host) &&
	       loop_now_ms(coordinator->loop) >=
		       instance->progress_ms + coordinator->launch_timeout_ms;
}

static bool set_text(char **text, const char *value, bool *changed)
{
	char *copy;

	if (strcmp(*text, value) == 0)
		return true;
	if (!(copy = text_duplicate(value)))
		return false;
	free(*text);
	*text = copy;
	*changed = true;
	return true;
}

static bool same_pairs(const struct pair_list *a, const struct pair_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].key, b->items[i].key) != 0 ||
		    strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	return true;
}

static bool set_attributes(struct host *host, const struct pair_list *from, bool *changed)
{
	struct pair_list copy = { 0 };

	if (same_pairs(&host->attributes, from))
		return true;
	for (size_t i = 0; i < from->count; i++)
		if (!pair_list_add(&copy, from->items[i].key, from->items[i].value)) {
			pair_list_clear(&copy);
			return false;
		}
	pair_list_clear(&host->attributes);
	host->attributes = copy;
	*changed = true;
	return true;
}

static bool set_capacity(struct host *host, const struct hello *hello)
{
	bool changed = host->port_low != hello->port_low || host->port_high != hello->port_high ||
		       host->cpu_milli != hello->cpu_milli || host->mem_kib != hello->mem_kib ||
		       host->disk_kib != hello->disk_kib;

	host->port_low = hello->port_low;
	host->port_high = hello->port_high;
	host->cpu_milli = hello->cpu_milli;
	host->mem_kib = hello->mem_kib;
	host->disk_kib = hello->disk_kib;
	return changed;
}

static bool take_facts(struct coordinator *coordinator, struct host *host,
		       const struct hello *hello)
{
	bool changed = set_capacity(host, hello);

	bool fine = set_text(&host->hostname, hello->hostname, &changed) &&
		    set_text(&host->engine, hello->engine, &changed) &&
		    set_text(&host->version, hello->version, &changed) &&
		    set_attributes(host, &hello->attributes, &changed);

	host->unsaved = host->unsaved || changed;
	return fine && (!host->unsaved || ledger_put_host(&coordinator->ledger, host));
}

static struct host *find_or_make(struct coordinator *coordinator, const char *id,
				 struct error *error)
{
	struct host *host = record_find_host(&coordinator->cluster, id);

	if (host)
		return host;
	if (HASH_COUNT(coordinator->cluster.hosts) >= HOSTS_MAX) {
		error_set(error, ERROR_DENIED, "the cluster has %d hosts, the most there may be",
			  HOSTS_MAX);
		return NULL;
	}
	if (!(host = record_host_new(id))) {
		error_set(error, ERROR_NOMEM, "no memory for host %s", id);
		return NULL;
	}
	host->unsaved = true;
	record_host_link(&coordinator->cluster, host);
	/* Never an old number again, also after a restart: an agent compares them for equality. */
	host->revision = coordinator->cluster.epoch << 32;
	return host;
}

/* One live agent per identity. A newer process of the same agent takes over; those before it must
 * not come back, or two that share an identity would push each other out for ever. */
static bool is_retired(const struct host *host, const char *incarnation)
{
	for (size_t i = 0; i < HOST_RETIRED_MAX; i++)
		if (strcmp(host->retired[i], incarnation) == 0)
			return true;
	return false;
}

static void take_over(struct host *host, const char *incarnation)
{
	if (strcmp(host->incarnation, incarnation) == 0)
		return;
	memmove(host->retired[1], host->retired[0],
		(HOST_RETIRED_MAX - 1) * sizeof(host->retired[0]));
	memcpy(host->retired[0], host->incarnation, sizeof(host->retired[0]));
	(void)text_copy(host->incarnation, sizeof(host->incarnation), incarnation);
}

/* The words are for whoever has copied a machine, state folder and all. */
static bool check_identity(const struct host *host, const struct hello *hello, struct error *error)
{
	if (!is_retired(host, hello->incarnation))
		return true;
	return error_set(
		error, ERROR_CONFLICT,
		"another agent has taken over the host id %.80s (now on %.80s): if both are "
		"meant to live, this one needs a --host-id of its own",
		host->id, host->hostname);
}

struct host *hosts_welcome(struct coordinator *coordinator, const struct hello *hello,
			   struct error *error)
{
	struct host *host = find_or_make(coordinator, hello->host_id, error);

	if (!host || !check_identity(host, hello, error))
		return NULL;
	if (!take_facts(coordinator, host, hello)) {
		error_set(error, ERROR_NOMEM, "no memory for host %s", hello->host_id);
		return NULL;
	}
	take_over(host, hello->incarnation);
	gateway_drop_poll(host);
	id_uuid(host->session);
	host->reported = false; /* an unreachable one is back when it has said what runs on it */
	hosts_heard(coordinator, host);
	log_info("host.joined", F("host", host->id), F("hostname", host->hostname),
		 F("engine", host->engine));
	return host;
}
