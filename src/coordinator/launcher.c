#include "launcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deployer.h"
#include "events.h"
#include "hosts.h"
#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"

/* The hosts as placement wants to see them. Made once for a round of launches and kept up to date
 * by each of them. */
struct survey {
	struct placement_host *hosts;
	struct host **records; /* the same, by index */
	struct port_set *ports;
	unsigned *refusals;
	size_t host_count;
	size_t *placed; /* with room for every launch of this round */
	size_t placed_count;
};

static void survey_free(struct survey *survey)
{
	if (!survey)
		return;
	free(survey->hosts);
	free(survey->records);
	free(survey->ports);
	free(survey->refusals);
	free(survey->placed);
	free(survey);
}
DEFINE_AUTOPTR(survey, survey_free)

static void add_ports(struct port_set *set, const int32_t *ports, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ports[i] > 0 && ports[i] <= UINT16_MAX)
			port_set_add(set, ports[i]);
}

static void survey_host(struct survey *survey, size_t i, struct host *host)
{
	const struct instance *instance;

	survey->records[i] = host;
	survey->hosts[i] =
		(struct placement_host){ .hostname = host->hostname,
					 .attributes = &host->attributes,
					 .reachable = hosts_usable(host),
					 .docker = host->engine_down_since_ms == 0,
					 .cpu_milli = host->cpu_milli - host->used_cpu_milli,
					 .mem_kib = host->mem_kib - host->used_mem_kib,
					 .disk_kib = host->disk_kib - host->used_disk_kib,
					 .port_low = host->port_low,
					 .port_high = host->port_high,
					 .ports = &survey->ports[i],
					 .load = host->instance_count };
	/* What was proposed counts until the agent has said what it took. */
	LIST_FOREACH(instance, &host->instances, of_host) {
		if (instance->status.port_count > 0)
			add_ports(&survey->ports[i], instance->status.ports,
				  instance->status.port_count);
		else
			add_ports(&survey->ports[i], instance->ports, instance->port_count);
	}
}

static int oldest_first(const void *a, const void *b)
{
	const struct instance *const *left = a, *const *right = b;

	return ((*left)->staged_ms > (*right)->staged_ms) -
	       ((*left)->staged_ms < (*right)->staged_ms);
}

static size_t index_of(const struct survey *survey, const struct host *host)
{
	size_t i = 0;

	while (i < survey->host_count && survey->records[i] != host)
		i++;
	return i;
}

/* Constraints look at the instances of the current configuration, in the order of their launch. */
static bool survey_placed(struct survey *survey, const struct cluster_app *app,
			  const struct app *definition, size_t launches)
{
	const struct instance **items = calloc(app->instance_count + 1, sizeof(const void *));
	const struct instance *instance;
	size_t count = 0;

	survey->placed = calloc(app->instance_count + launches, sizeof(*survey->placed));
	if (!items || !survey->placed) {
		free(items);
		return false;
	}
	LIST_FOREACH(instance, &app->instances, of_app)
		if (instance->app->version_ms >= definition->configured_ms)
			items[count++] = instance;
	qsort(items, count, sizeof(const void *), oldest_first);
	for (size_t i = 0; i < count; i++) {
		size_t host = index_of(survey, items[i]->host);

		if (host < survey->host_count)
			survey->placed[survey->placed_count++] = host;
	}
	free(items);
	return true;
}

static struct survey *survey_make(const struct coordinator *coordinator,
				  const struct cluster_app *app, const struct app *definition,
				  size_t launches)
{
	size_t count = HASH_COUNT(coordinator->cluster.hosts), i = 0;
	autoptr(survey) survey = calloc(1, sizeof(*survey));
	struct host *host;

	if (!survey)
		return NULL;
	survey->host_count = count;
	survey->hosts = calloc(count + 1, sizeof(*survey->hosts));
	survey->records = calloc(count + 1, sizeof(struct host *));
	survey->ports = calloc(count + 1, sizeof(*survey->ports));
	survey->refusals = calloc(count + 1, sizeof(*survey->refusals));
	if (!survey->hosts || !survey->records || !survey->ports || !survey->refusals)
		return NULL;
	for (host = coordinator->cluster.hosts; host; host = host->hh.next)
		survey_host(survey, i++, host);
	return survey_placed(survey, app, definition, launches) ? TAKE(survey) : NULL;
}

static void explain(const struct survey *survey, const struct placement_request *request, char *out,
		    size_t size)
{
	struct text text;

	if (survey->host_count == 0) {
		(void)text_copy(out, size, "no host has joined the cluster yet");
		return;
	}
	text_init(&text, size - 1);
	for (size_t i = 0; i < survey->host_count && !text.failed; i++) {
		char why[256];

		placement_explain(request, i, survey->refusals[i], why, sizeof(why));
		text_addf(&text, "%s%s: %s", i > 0 ? "; " : "", survey->hosts[i].hostname, why);
	}
	(void)text_copy(out, size, text_string(&text)); /* as many hosts as fit */
	text_clear(&text);
}

static struct instance *make_instance(struct cluster_app *app, const struct app *definition,
				      struct host *host, const int32_t *ports, uint64_t now_ms)
{
	autofree char *id = task_id_new(app->id);
	autoptr(instance) instance = id ? record_instance_new(id, host->id, host->hostname) : NULL;

	if (!instance || !(instance->ports = calloc(definition->port_count + 1, sizeof(*ports))))
		return NULL;
	memcpy(instance->ports, ports, definition->port_count * sizeof(*ports));
	instance->port_count = definition->port_count;
	instance->owner = app;
	instance->app = app_ref(definition);
	instance->host = host;
	instance->staged_ms = clock_wall_ms();
	instance->progress_ms = now_ms;
	return TAKE(instance);
}

static void charge(struct survey *survey, const struct placement_choice *choice,
		   const struct app *definition)
{
	struct placement_host *host = &survey->hosts[choice->host];

	host->cpu_milli -= definition->cpu_milli;
	host->mem_kib -= definition->mem_kib;
	host->disk_kib -= definition->disk_kib;
	host->load++;
	add_ports(&survey->ports[choice->host], choice->ports, definition->port_count);
	survey->placed[survey->placed_count++] = choice->host;
}

static void count_offers(struct offers *offers, const struct survey *survey, bool placed)
{
	memset(offers->last_declined, 0, sizeof(offers->last_declined));
	offers->last_processed = survey->host_count;
	offers->processed += survey->host_count;
	if (survey->host_count > 0)
		*(placed ? &offers->used_ms : &offers->unused_ms) = clock_wall_ms();
	if (placed)
		return;
	offers->unused += survey->host_count;
	for (size_t i = 0; i < survey->host_count; i++) {
		size_t reason = placement_first_reason(survey->refusals[i]);

		if (reason == PLACEMENT_REASONS)
			continue;
		offers->last_declined[reason]++;
		offers->declined[reason]++;
	}
}

/* Places one more; false when no host takes it (app->waiting_for says why) or without memory. */
static bool launch_one(struct coordinator *coordinator, struct survey *survey,
		       struct cluster_app *app, const struct app *definition)
{
	struct placement_request request = { .app = definition,
					     .hosts = survey->hosts,
					     .host_count = survey->host_count,
					     .placed = survey->placed,
					     .placed_count = survey->placed_count };
	autofree int32_t *ports = calloc(definition->port_count + 1, sizeof(*ports));
	struct placement_choice choice = { .ports = ports };
	struct instance *instance;
	bool placed;

	if (!ports)
		return false;
	id_random(&request.random, sizeof(request.random));
	placed = placement_choose(&request, &choice, survey->refusals);
	count_offers(&app->offers, survey, placed);
	if (!placed) {
		explain(survey, &request, app->waiting_for, sizeof(app->waiting_for));
		return false;
	}
	instance = make_instance(app, definition, survey->records[choice.host], ports,
				 loop_now_ms(coordinator->loop));
	if (!instance || !ledger_add_instance(&coordinator->ledger, instance))
		return false;
	charge(survey, &choice, definition);
	events_launched(coordinator, instance);
	log_info("instance.placed", F("task", instance->id), F("app", app->id),
		 F("host", instance->host_id));
	return true;
}

struct backoff_policy launcher_policy(const struct app *app)
{
	return (struct backoff_policy){ .first_ms = app->backoff_ms,
					.max_ms = app->max_launch_delay_ms,
					.factor = app->backoff_factor };
}

/* With an entry, each launch puts the next one off (app-spec 9). */
static bool delay_next(struct coordinator *coordinator, struct cluster_app *app, uint64_t now_ms)
{
	if (app->backoff.delay_ms == 0)
		return true;
	if (!ledger_keep_app(&coordinator->ledger, app))
		return false;
	app->backoff = backoff_after_progress(app->backoff, now_ms);
	return true;
}

static void explain_delay(struct cluster_app *app, uint64_t left_ms)
{
	char at[TIMESTAMP_SIZE];

	timestamp_format(at, clock_wall_ms() + (int64_t)left_ms);
	(void)snprintf(app->waiting_for, sizeof(app->waiting_for),
		       "launch delay of %.1f s, until %s (backoff)%s%.350s",
		       (double)app->backoff.delay_ms / 1000, at,
		       app->failure.known ? ", since the last task failed: " : "",
		       app->failure.known ? app->failure.message : "");
}

void launcher_launch(struct coordinator *coordinator, struct cluster_app *app,
		     const struct app *definition, size_t count)
{
	struct backoff_policy policy = launcher_policy(definition);
	uint64_t now_ms = loop_now_ms(coordinator->loop), left_ms = 0;
	autoptr(survey) survey = NULL;

	if (app->waiting == 0)
		app->offers = (struct offers){ .used_ms = app->offers.used_ms };
	app->waiting_for[0] = '\0';
	app->backoff = backoff_expire(app->backoff, &policy, now_ms);
	while (count > 0 && (left_ms = backoff_left_ms(app->backoff, now_ms)) == 0) {
		if (!survey && !(survey = survey_make(coordinator, app, definition, count)))
			break;
		if (!launch_one(coordinator, survey, app, definition) ||
		    !delay_next(coordinator, app, now_ms))
			break;
		count--;
	}
	if (count > 0 && app->waiting == 0)
		app->waiting_since_ms = clock_wall_ms();
	app->waiting = (int32_t)count;
	if (count == 0)
		app->waiting_since_ms = 0;
	if (count > 0 && left_ms > 0) {
		explain_delay(app, left_ms);
		deployer_expect_launch(coordinator, left_ms);
	}
}

void coordinator_ask_hosts(const struct coordinator *coordinator, const struct cluster_app *app,
			   verdict_fn *fn, void *arg)
{
	autoptr(survey) survey = survey_make(coordinator, app, app->current, 1);
	autofree int32_t *ports = calloc(app->current->port_count + 1, sizeof(*ports));
	struct placement_choice choice = { .ports = ports };
	struct placement_request request = { .app = app->current };

	if (!survey || !ports)
		return;
	request.hosts = survey->hosts;
	request.host_count = survey->host_count;
	request.placed = survey->placed;
	request.placed_count = survey->placed_count;
	(void)placement_choose(&request, &choice, survey->refusals); /* which one is not asked */
	for (size_t i = 0; i < survey->host_count; i++)
		fn(survey->records[i], survey->refusals[i], arg);
}
