#include "task_stats.h"

#include <stdlib.h>

#include "stadion/base/language.h"

static bool after_scaling(const struct app *current, const struct app *version)
{
	return version->version_ms >= current->scaled_ms;
}

static bool latest_config(const struct app *current, const struct app *version)
{
	return version->version_ms >= current->configured_ms;
}

static bool outdated_config(const struct app *current, const struct app *version)
{
	return version->version_ms < current->configured_ms;
}

static bool any(const struct app *current, const struct app *version)
{
	(void)current;
	(void)version;
	return true;
}

static const struct {
	const char *name;
	bool (*counts)(const struct app *current, const struct app *version);
} summaries[] = {
	{ "startedAfterLastScaling", after_scaling },
	{ "withLatestConfig", latest_config },
	{ "withOutdatedConfig", outdated_config },
	{ "totalSummary", any },
};

static int by_value(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void life_times_write(struct json_writer *writer, double *seconds, size_t count)
{
	double sum = 0;

	if (count == 0)
		return;
	qsort(seconds, count, sizeof(*seconds), by_value);
	for (size_t i = 0; i < count; i++)
		sum += seconds[i];
	json_key(writer, "lifeTime");
	json_object_begin(writer);
	json_field_double(writer, "averageSeconds", sum / (double)count);
	json_field_double(writer, "medianSeconds",
			  (seconds[(count - 1) / 2] + seconds[count / 2]) / 2);
	json_object_end(writer);
}

static void counts_write(struct json_writer *writer, const struct cluster_counts *counts)
{
	json_key(writer, "counts");
	json_object_begin(writer);
	json_field_integer(writer, "staged", counts->staged);
	json_field_integer(writer, "running", counts->running);
	json_field_integer(writer, "healthy", counts->healthy);
	json_field_integer(writer, "unhealthy", counts->unhealthy);
	json_object_end(writer);
}

/* `seconds` has room for every task. A summary without tasks is left out. */
static void summary_write(struct json_writer *writer, const struct cluster_app *app, size_t which,
			  int64_t now_ms, double *seconds)
{
	struct cluster_counts counts = { 0 };
	const struct instance *instance;
	size_t tasks = 0, started = 0;

	LIST_FOREACH(instance, &app->instances, of_app) {
		int64_t since_ms = instance->status.started_ms;

		if (!summaries[which].counts(app->current, instance->app))
			continue;
		tasks++;
		cluster_count_task(instance, &counts);
		if (since_ms)
			seconds[started++] = (double)(now_ms - since_ms) / 1000;
	}
	if (tasks == 0)
		return;
	json_key(writer, summaries[which].name);
	json_object_begin(writer);
	json_key(writer, "stats");
	json_object_begin(writer);
	counts_write(writer, &counts);
	life_times_write(writer, seconds, started);
	json_object_end(writer);
	json_object_end(writer);
}

void task_stats_write(struct json_writer *writer, const struct cluster_app *app, int64_t now_ms)
{
	autofree double *seconds = calloc(app->instance_count + 1, sizeof(*seconds));

	json_key(writer, "taskStats");
	json_object_begin(writer);
	for (size_t i = 0; seconds && i < ROWS(summaries); i++)
		summary_write(writer, app, i, now_ms, seconds);
	json_object_end(writer);
}
