/* /metrics and /metrics/prometheus. Every number is collected once, by the table below, and written
 * in either form; the table is the list of what there is. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api_state.h"
#include "reply.h"
#include "stadion/json/json_writer.h"
#include "stadion/store/store.h"
#include "views.h"

/* Where a number goes: one call per value, with the value of the metric's label or NULL. */
struct metric;
struct metric_sink {
	void (*put)(struct metric_sink *sink, const struct metric *metric, const char *label,
		    double value);
	struct text *out;
	struct json_writer writer;
	bool counters; /* JSON: which kind is written now */
	const struct metric *last;
};

typedef void metric_fn(struct metric_sink *sink, const struct metric *metric,
		       const struct api *api);

struct metric {
	const char *name, *help;
	bool counter;	   /* only rises; else a gauge */
	const char *label; /* NULL: none */
	metric_fn *collect;
};

static const struct cluster *cluster_of(const struct api *api)
{
	return coordinator_cluster(api->coordinator);
}

static void collect_apps(struct metric_sink *sink, const struct metric *metric,
			 const struct api *api)
{
	size_t count = 0;

	for (const struct cluster_app *app = cluster_of(api)->apps; app; app = app->hh.next)
		count += !app->removing;
	sink->put(sink, metric, NULL, (double)count);
}

static void collect_tasks(struct metric_sink *sink, const struct metric *metric,
			  const struct api *api)
{
	static const enum task_state states[] = { TASK_STAGING, TASK_STARTING, TASK_RUNNING,
						  TASK_KILLING, TASK_UNREACHABLE };
	size_t counts[ROWS(states)] = { 0 };

	for (const struct instance *instance = cluster_of(api)->instances; instance;
	     instance = instance->hh.next)
		for (size_t i = 0; i < ROWS(states); i++)
			counts[i] += task_view_state(instance) == states[i];
	for (size_t i = 0; i < ROWS(states); i++)
		sink->put(sink, metric, task_state_name(states[i]), (double)counts[i]);
}

static struct cluster_counts count_all(const struct api *api)
{
	struct cluster_counts counts = { 0 };

	for (const struct instance *instance = cluster_of(api)->instances; instance;
	     instance = instance->hh.next)
		cluster_count_task(instance, &counts);
	return counts;
}

static void collect_health(struct metric_sink *sink, const struct metric *metric,
			   const struct api *api)
{
	struct cluster_counts counts = count_all(api);

	sink->put(sink, metric, "healthy", counts.healthy);
	sink->put(sink, metric, "unhealthy", counts.unhealthy);
	sink->put(sink, metric, "unknown", counts.running - counts.healthy - counts.unhealthy);
}

static void collect_deployments(struct metric_sink *sink, const struct metric *metric,
				const struct api *api)
{
	const struct deployment *deployment;
	size_t count = 0;

	TAILQ_FOREACH(deployment, &cluster_of(api)->deployments, link)
		count++;
	sink->put(sink, metric, NULL, (double)count);
}

static void collect_hosts(struct metric_sink *sink, const struct metric *metric,
			  const struct api *api)
{
	size_t up = 0, away = 0;

	for (const struct host *host = cluster_of(api)->hosts; host; host = host->hh.next)
		*(host->state == HOST_UP ? &up : &away) += 1;
	sink->put(sink, metric, "up", (double)up);
	sink->put(sink, metric, "unreachable", (double)away);
}

static void collect_queue(struct metric_sink *sink, const struct metric *metric,
			  const struct api *api)
{
	double count = 0;

	for (const struct cluster_app *app = cluster_of(api)->apps; app; app = app->hh.next)
		count += app->waiting;
	sink->put(sink, metric, NULL, count);
}

static void collect_commits(struct metric_sink *sink, const struct metric *metric,
			    const struct api *api)
{
	sink->put(sink, metric, NULL, (double)coordinator_store_stats(api->coordinator).commits);
}

static void collect_batches(struct metric_sink *sink, const struct metric *metric,
			    const struct api *api)
{
	sink->put(sink, metric, NULL, (double)coordinator_store_stats(api->coordinator).batches);
}

static void collect_requests(struct metric_sink *sink, const struct metric *metric,
			     const struct api *api)
{
	for (size_t i = 0; i < API_METHODS; i++)
		sink->put(sink, metric, api_methods[i], (double)api->requests[i]);
}

static void collect_memory(struct metric_sink *sink, const struct metric *metric,
			   const struct api *api)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128], *second;

	(void)api;
	if (!file)
		return;
	if (fgets(line, sizeof(line), file) && (second = strchr(line, ' ')))
		sink->put(sink, metric, NULL,
			  (double)strtoul(second, NULL, 10) * (double)sysconf(_SC_PAGESIZE));
	(void)fclose(file); /* was only read */
}

static void collect_files(struct metric_sink *sink, const struct metric *metric,
			  const struct api *api)
{
	DIR *folder = opendir("/proc/self/fd");
	double count = -3; /* itself and the two dots */

	(void)api;
	if (!folder)
		return;
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	sink->put(sink, metric, NULL, count);
}

static void collect_cpu(struct metric_sink *sink, const struct metric *metric,
			const struct api *api)
{
	struct rusage usage;

	(void)api;
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		sink->put(sink, metric, NULL,
			  (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static const struct metric metrics[] = {
	{ "stadion_apps", "Apps that are wanted", false, NULL, collect_apps },
	{ "stadion_tasks", "Tasks by state", false, "state", collect_tasks },
	{ "stadion_tasks_health", "Running tasks by health", false, "health", collect_health },
	{ "stadion_deployments", "Deployments under way", false, NULL, collect_deployments },
	{ "stadion_hosts", "Hosts by state", false, "state", collect_hosts },
	{ "stadion_queue_instances", "Instances that wait for a place or for time", false, NULL,
	  collect_queue },
	{ "stadion_store_commits_total", "Commits to disk", true, NULL, collect_commits },
	{ "stadion_store_batches_total", "Changes that those commits held", true, NULL,
	  collect_batches },
	{ "stadion_http_requests_total", "Requests by method", true, "method", collect_requests },
	{ "process_resident_memory_bytes", "Memory in use", false, NULL, collect_memory },
	{ "process_open_fds", "Open file descriptors", false, NULL, collect_files },
	{ "process_cpu_seconds_total", "Processor time used", true, NULL, collect_cpu },
};

static void collect_all(struct metric_sink *sink, const struct api *api)
{
	for (size_t i = 0; i < ROWS(metrics); i++)
		metrics[i].collect(sink, &metrics[i], api);
}

static void put_prometheus(struct metric_sink *sink, const struct metric *metric, const char *label,
			   double value)
{
	if (sink->last != metric)
		text_addf(sink->out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
			  metric->name, metric->counter ? "counter" : "gauge");
	sink->last = metric;
	if (label)
		text_addf(sink->out, "%s{%s=\"%s\"} %.15g\n", metric->name, metric->label, label,
			  value);
	else
		text_addf(sink->out, "%s %.15g\n", metric->name, value);
}

static void put_json(struct metric_sink *sink, const struct metric *metric, const char *label,
		     double value)
{
	char name[160];

	if (metric->counter != sink->counters)
		return;
	snprintf(name, sizeof(name), label ? "%s.%s" : "%s", metric->name, label);
	json_key(&sink->writer, name);
	json_object_begin(&sink->writer);
	json_field_double(&sink->writer, metric->counter ? "count" : "value", value);
	json_object_end(&sink->writer);
}

void metrics_get(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	static const char *const empty[] = { "histograms", "meters", "timers" };
	struct text body = TEXT_INIT(REPLY_MAX);
	struct metric_sink sink = { .put = put_json, .writer = JSON_WRITER(&body) };

	(void)match;
	json_object_begin(&sink.writer);
	json_field_text(&sink.writer, "version", "4.0.0"); /* of this JSON form, as Marathon's */
	for (int counters = 1; counters >= 0; counters--) {
		sink.counters = counters;
		json_key(&sink.writer, counters ? "counters" : "gauges");
		json_object_begin(&sink.writer);
		collect_all(&sink, arg);
		json_object_end(&sink.writer);
	}
	for (size_t i = 0; i < ROWS(empty); i++) {
		json_key(&sink.writer, empty[i]);
		json_object_begin(&sink.writer);
		json_object_end(&sink.writer);
	}
	json_object_end(&sink.writer);
	http_exchange_reply_json(exchange, 200, &body);
}

void metrics_get_prometheus(struct http_exchange *exchange, const struct route_match *match,
			    void *arg)
{
	struct text body = TEXT_INIT(REPLY_MAX);
	struct metric_sink sink = { .put = put_prometheus, .out = &body };

	(void)match;
	collect_all(&sink, arg);
	if (body.failed)
		reply_message(exchange, 503, "out of memory");
	else
		http_exchange_reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8",
				    text_string(&body), body.len);
	text_clear(&body);
}
