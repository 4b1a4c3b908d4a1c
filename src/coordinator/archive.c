#include "archive.h"

#include <inttypes.h>
#include <stdio.h>

#include "stadion/base/clock.h"
#include "stadion/base/text.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/app_write.h"
#include "stadion/protocol/messages.h"

#define RECORD_MAX (64U << 20) /* a deployment holds the definitions that it replaces */
#define KEY_MAX 2048

static bool put(struct store_batch *batch, const char *folder, const char *name, struct text *text)
{
	char key[KEY_MAX];
	bool fine = !text->failed &&
		    snprintf(key, sizeof(key), "%s/%s", folder, name) < (int)sizeof(key) &&
		    store_batch_put(batch, key, text_string(text), text->len);

	text_clear(text);
	return fine;
}

static bool forget(struct store_batch *batch, const char *folder, const char *name)
{
	char key[KEY_MAX];

	return snprintf(key, sizeof(key), "%s/%s", folder, name) < (int)sizeof(key) &&
	       store_batch_delete(batch, key);
}

bool archive_put_meta(struct store_batch *batch, const struct cluster *cluster)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);

	json_object_begin(&writer);
	json_field_text(&writer, "id", cluster->id);
	json_field_integer(&writer, "version", cluster->version_ms);
	json_object_end(&writer);
	return put(batch, "meta", "cluster", &text);
}

static void write_backoff(struct json_writer *writer, const struct backoff *backoff)
{
	int64_t offset = clock_wall_ms() - (int64_t)clock_monotonic_ms();

	if (backoff->delay_ms == 0)
		return;
	json_key(writer, "backoff");
	json_object_begin(writer);
	json_field_integer(writer, "delay", backoff->delay_ms);
	json_field_integer(writer, "until", (int64_t)backoff->until_ms + offset);
	json_field_integer(writer, "reference", (int64_t)backoff->reference_ms + offset);
	json_object_end(writer);
}

static void write_failure(struct json_writer *writer, const struct last_failure *failure)
{
	if (!failure->known)
		return;
	json_key(writer, "failure");
	json_object_begin(writer);
	json_field_text(writer, "task", failure->task_id);
	json_field_text(writer, "host", failure->host);
	json_field_text(writer, "hostId", failure->host_id);
	json_field_text(writer, "state", task_state_name(failure->state));
	json_field_integer(writer, "at", failure->at_ms);
	json_field_integer(writer, "version", failure->version_ms);
	json_field_text(writer, "message", failure->message);
	json_object_end(writer);
}

bool archive_put_app(struct store_batch *batch, const struct cluster_app *app)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);

	json_object_begin(&writer);
	json_field_text(&writer, "id", app->id);
	json_field_integer(&writer, "version", app->current->version_ms);
	if (app->removing)
		json_field_flag(&writer, "removing", true);
	write_backoff(&writer, &app->backoff);
	write_failure(&writer, &app->failure);
	json_object_end(&writer);
	return put(batch, "app", app->id, &text);
}

bool archive_delete_app(struct store_batch *batch, const struct cluster_app *app)
{
	bool fine = forget(batch, "app", app->id);

	for (size_t i = 0; i < app->version_count; i++)
		fine = archive_delete_version(batch, app->versions[i]) && fine;
	return fine;
}

static bool version_name(const struct app *version, char out[KEY_MAX])
{
	return snprintf(out, KEY_MAX, "%s/%" PRId64, version->id, version->version_ms) < KEY_MAX;
}

bool archive_put_version(struct store_batch *batch, const struct app *version)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);
	char name[KEY_MAX];

	app_write_stored(&writer, version);
	return version_name(version, name) ? put(batch, "version", name, &text)
					   : (text_clear(&text), false);
}

bool archive_delete_version(struct store_batch *batch, const struct app *version)
{
	char name[KEY_MAX];

	return version_name(version, name) && forget(batch, "version", name);
}

static void write_status(struct json_writer *writer, const struct task_status *status)
{
	struct text text = TEXT_INIT(RECORD_MAX);

	task_status_write(&text, status);
	json_key(writer, "status");
	json_put_raw(writer, text_string(&text));
	writer->out->failed = writer->out->failed || text.failed;
	text_clear(&text);
}

bool archive_put_instance(struct store_batch *batch, const struct instance *instance)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);

	json_object_begin(&writer);
	json_field_text(&writer, "id", instance->id);
	json_field_text(&writer, "app", instance->owner->id);
	json_field_integer(&writer, "version", instance->app->version_ms);
	json_field_text(&writer, "host", instance->host_id);
	json_field_text(&writer, "hostname", instance->hostname);
	json_field_integer(&writer, "staged", instance->staged_ms);
	if (instance->goal == INSTANCE_STOP)
		json_field_text(&writer, "stop", instance->why_stop);
	json_key(&writer, "ports");
	json_array_begin(&writer);
	for (size_t i = 0; i < instance->port_count; i++)
		json_put_integer(&writer, instance->ports[i]);
	json_array_end(&writer);
	if (instance->status.seq > 0)
		write_status(&writer, &instance->status);
	json_object_end(&writer);
	return put(batch, "instance", instance->id, &text);
}

bool archive_delete_instance(struct store_batch *batch, const struct instance *instance)
{
	return forget(batch, "instance", instance->id);
}

static void write_actions(struct json_writer *writer, const struct deployment *deployment)
{
	json_key(writer, "actions");
	json_array_begin(writer);
	for (size_t i = 0; i < deployment->action_count; i++) {
		const struct deployment_action *action = &deployment->actions[i];

		json_object_begin(writer);
		json_field_integer(writer, "step", (int64_t)action->step);
		json_field_text(writer, "action", plan_action_name(action->action));
		json_field_text(writer, "app", action->app_id);
		json_object_end(writer);
	}
	json_array_end(writer);
}

bool archive_put_deployment(struct store_batch *batch, const struct deployment *deployment)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);

	json_object_begin(&writer);
	json_field_text(&writer, "id", deployment->id);
	json_field_integer(&writer, "version", deployment->version_ms);
	json_field_integer(&writer, "step", (int64_t)deployment->step);
	json_field_integer(&writer, "steps", (int64_t)deployment->step_count);
	write_actions(&writer, deployment);
	json_key(&writer, "affected");
	json_array_begin(&writer);
	for (size_t i = 0; deployment->affected[i]; i++) {
		json_object_begin(&writer);
		json_field_text(&writer, "app", deployment->affected[i]);
		if (deployment->before[i]) {
			json_key(&writer, "before");
			app_write_stored(&writer, deployment->before[i]);
		}
		json_object_end(&writer);
	}
	json_array_end(&writer);
	json_object_end(&writer);
	return put(batch, "deployment", deployment->id, &text);
}

bool archive_delete_deployment(struct store_batch *batch, const struct deployment *deployment)
{
	return forget(batch, "deployment", deployment->id);
}

bool archive_put_host(struct store_batch *batch, const struct host *host)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);

	json_object_begin(&writer);
	json_field_text(&writer, "id", host->id);
	json_field_text(&writer, "hostname", host->hostname);
	json_field_text(&writer, "engine", host->engine);
	json_field_text(&writer, "version", host->version);
	json_field_integer(&writer, "portLow", host->port_low);
	json_field_integer(&writer, "portHigh", host->port_high);
	json_field_integer(&writer, "cpuMilli", host->cpu_milli);
	json_field_integer(&writer, "memKib", host->mem_kib);
	json_field_integer(&writer, "diskKib", host->disk_kib);
	json_key(&writer, "attributes");
	json_object_begin(&writer);
	for (size_t i = 0; i < host->attributes.count; i++)
		json_field_text(&writer, host->attributes.items[i].key,
				host->attributes.items[i].value);
	json_object_end(&writer);
	json_object_end(&writer);
	return put(batch, "host", host->id, &text);
}
