#include "hosts.h"

#include <stdlib.h>
#include <string.h>

#include "deployer.h"
#include "gateway.h"
#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"

#define TICK_MS 1000

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
	mark_instances(coordinator, host);
}

/* A pause of our own (stopped, starved, asleep) looks like the silence of everybody else: after it
 * all of them get a fresh term. Two witnesses, since either may wake up first. */
static bool was_paused(struct coordinator *coordinator, uint64_t now_ms)
{
	return now_ms > coordinator->tick_due_ms + PAUSE_MS ||
	       loop_lag_ms(coordinator->loop) > PAUSE_MS;
}

static void on_tick(void *arg)
{
	struct coordinator *coordinator = arg;
	uint64_t now_ms = loop_now_ms(coordinator->loop);
	bool paused = was_paused(coordinator, now_ms);
	struct host *host;

	for (host = coordinator->cluster.hosts; host; host = host->hh.next) {
		if (paused && host->state == HOST_UP)
			host->heard_ms = now_ms;
		if (host->state == HOST_UP &&
		    now_ms - host->heard_ms >= coordinator->unreachable_ms)
			fall_silent(coordinator, host, now_ms);
		else if (host->state == HOST_UNREACHABLE && host->instance_count > 0)
			mark_instances(coordinator, host); /* their terms may have ended */
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
	       loop_now_ms(coordinator->loop) - host->silent_since_ms >=
		       (uint64_t)instance->app->unreachable_inactive_ms;
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

	if (!set_text(&host->hostname, hello->hostname, &changed) ||
	    !set_text(&host->engine, hello->engine, &changed) ||
	    !set_text(&host->version, hello->version, &changed) ||
	    !set_attributes(host, &hello->attributes, &changed))
		return false;
	return !changed || ledger_put_host(&coordinator->ledger, host);
}

static struct host *find_or_make(struct coordinator *coordinator, const char *id)
{
	struct host *host = record_find_host(&coordinator->cluster, id);

	if (host)
		return host;
	if (!(host = record_host_new(id)))
		return NULL;
	record_host_link(&coordinator->cluster, host);
	/* Never an old number again, also after a restart: an agent compares them for equality. */
	host->revision = coordinator->cluster.epoch << 32;
	return host;
}

/* One live agent per identity. A newer process of the same agent takes over; the one before it must
 * not come back, or two that share an identity would push each other out for ever. */
static bool take_over(struct host *host, const struct hello *hello, struct error *error)
{
	if (hello->incarnation[0] && strcmp(host->retired, hello->incarnation) == 0)
		return error_set(error, ERROR_CONFLICT,
				 "another agent has taken over the host id %s", host->id);
	if (strcmp(host->incarnation, hello->incarnation) != 0) {
		memcpy(host->retired, host->incarnation, sizeof(host->retired));
		(void)text_copy(host->incarnation, sizeof(host->incarnation), hello->incarnation);
	}
	return true;
}

struct host *hosts_welcome(struct coordinator *coordinator, const struct hello *hello,
			   struct error *error)
{
	struct host *host = find_or_make(coordinator, hello->host_id);

	if (!host || !take_facts(coordinator, host, hello)) {
		error_set(error, ERROR_NOMEM, "no memory for host %s", hello->host_id);
		return NULL;
	}
	if (!take_over(host, hello, error))
		return NULL;
	gateway_drop_poll(host);
	id_uuid(host->session);
	host->reported = false;
	host->state = HOST_UP;
	hosts_heard(coordinator, host);
	log_info("host.joined", F("host", host->id), F("hostname", host->hostname),
		 F("engine", host->engine));
	return host;
}
