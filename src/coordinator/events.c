#include "events.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "event_text.h"
#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/model/app_write.h"

#define EVENT_MAX (3U << 19) /* bytes of one event, so that more than one is kept */
#define FAILURES_MAX 16	     /* told of one check in one report */

struct draft {
	struct text text;
	struct json_writer writer;
};

static struct json_writer *begin(struct draft *draft)
{
	text_init(&draft->text, EVENT_MAX);
	draft->writer = (struct json_writer)JSON_WRITER(&draft->text);
	json_object_begin(&draft->writer);
	return &draft->writer;
}

/* One that is too large must not keep the change itself from being made. */
static void add(struct coordinator *coordinator, struct draft *draft, const char *type)
{
	json_field_text(&draft->writer, "eventType", type);
	json_field_timestamp(&draft->writer, "timestamp", clock_wall_ms());
	json_object_end(&draft->writer);
	if (draft->text.failed)
		log_error("event.too_large", F("type", type), F("max", EVENT_MAX));
	else
		event_bus_add(coordinator->events, &coordinator->ledger, type,
			      text_string(&draft->text));
	text_clear(&draft->text);
}

/* Changes and deployments */

static void add_checks(struct coordinator *coordinator, const struct wish *wish,
		       const struct app *app, int64_t version_ms)
{
	struct json_writer *writer;
	struct draft draft;

	if (app->configured_ms != version_ms)
		return;
	if (wish->old_app && wish->old_app->check_count > 0) {
		json_field_text(begin(&draft), "appId", wish->id);
		add(coordinator, &draft, "remove_health_check_event");
	}
	for (size_t i = 0; i < app->check_count; i++) {
		writer = begin(&draft);
		json_field_text(writer, "appId", wish->id);
		json_field_timestamp(writer, "version", version_ms);
		json_key(writer, "healthCheck");
		health_check_write(writer, &app->checks[i]);
		add(coordinator, &draft, "add_health_check_event");
	}
}

static void add_group(struct coordinator *coordinator, const struct transition *transition)
{
	struct draft draft;
	struct json_writer *writer = begin(&draft);

	event_text_group(writer, transition);
	json_field_timestamp(writer, "version", transition->version_ms);
	add(coordinator, &draft, "group_change_success");
}

/* The definition as it is now: the record's, or the wish's if nothing had to be changed. */
static const struct app *definition_of(const struct wish *wish)
{
	return wish->record ? wish->record->current : wish->app;
}

static void add_api_post(struct coordinator *coordinator, const struct transition *transition)
{
	const struct app *app = definition_of(&transition->wishes[0]);
	struct json_writer *writer;
	struct draft draft;

	if (!transition->uri || !transition->client || !app)
		return;
	writer = begin(&draft);
	json_field_text(writer, "clientIp", transition->client);
	json_field_text(writer, "uri", transition->uri);
	json_key(writer, "appDefinition");
	json_object_begin(writer);
	app_write_members(writer, app);
	json_object_end(writer);
	add(coordinator, &draft, "api_post_event");
}

void events_change(struct coordinator *coordinator, const struct transition *transition)
{
	const struct deployment *deployment =
		record_find_deployment(&coordinator->cluster, transition->deployment_id);
	struct json_writer *writer;
	struct draft draft;

	add_group(coordinator, transition);
	if (transition->count > 0)
		add_api_post(coordinator, transition);
	if (!deployment) {
		writer = begin(&draft);
		json_field_text(writer, "id", transition->deployment_id);
		event_text_empty_plan(writer, transition->deployment_id, transition->version_ms);
		add(coordinator, &draft, "deployment_success");
		return;
	}
	events_step_begun(coordinator, deployment);
	for (size_t i = 0; i < transition->count; i++) {
		const struct app *app = definition_of(&transition->wishes[i]);

		if (app)
			add_checks(coordinator, &transition->wishes[i], app,
				   transition->version_ms);
	}
}

static void add_step(struct coordinator *coordinator, const struct deployment *deployment,
		     const char *type)
{
	struct draft draft;
	struct json_writer *writer = begin(&draft);

	event_text_plan(writer, deployment);
	event_text_step(writer, deployment);
	add(coordinator, &draft, type);
}

void events_step_begun(struct coordinator *coordinator, const struct deployment *deployment)
{
	add_step(coordinator, deployment, "deployment_info");
}

void events_step_done(struct coordinator *coordinator, const struct deployment *deployment)
{
	add_step(coordinator, deployment, "deployment_step_success");
}

void events_deployment_done(struct coordinator *coordinator, const struct deployment *deployment)
{
	struct draft draft;
	struct json_writer *writer = begin(&draft);

	json_field_text(writer, "id", deployment->id);
	event_text_plan(writer, deployment);
	add(coordinator, &draft, "deployment_success");
}

void events_cancelled(struct coordinator *coordinator, const struct deployment *deployment,
		      const char *by)
{
	char reason[128];
	struct draft draft;
	struct json_writer *writer = begin(&draft);

	(void)text_format(reason, sizeof(reason), "cancelled by %s", by);
	json_field_text(writer, "id", deployment->id);
	event_text_plan(writer, deployment);
	json_field_text(writer, "reason", reason);
	add(coordinator, &draft, "deployment_failed");
}

void events_app_removed(struct coordinator *coordinator, const struct cluster_app *app)
{
	struct draft draft;

	if (app->current->check_count > 0) {
		json_field_text(begin(&draft), "appId", app->id);
		add(coordinator, &draft, "remove_health_check_event");
	}
	json_field_text(begin(&draft), "appId", app->id);
	add(coordinator, &draft, "app_terminated_event");
}

/* Instances */

static void add_instance(struct coordinator *coordinator, const struct instance *instance,
			 const char *condition)
{
	struct draft draft;

	event_text_instance(begin(&draft), instance, condition);
	add(coordinator, &draft, "instance_changed_event");
}

static void add_state(struct coordinator *coordinator, const struct instance *instance,
		      enum task_state state, const struct task_status *status)
{
	struct draft draft;

	add_instance(coordinator, instance, event_text_condition(state));
	event_text_status(begin(&draft), instance, state, status);
	add(coordinator, &draft, "status_update_event");
}

void events_launched(struct coordinator *coordinator, const struct instance *instance)
{
	add_instance(coordinator, instance, "Provisioned");
}

static struct json_writer *begin_health(struct draft *draft, const struct instance *instance)
{
	struct json_writer *writer = begin(draft);

	json_field_text(writer, "appId", instance->owner->id);
	json_field_text(writer, "taskId", instance->id);
	event_text_instance_id(writer, "instanceId", instance);
	json_field_timestamp(writer, "version", instance->app->version_ms);
	return writer;
}

static void add_failed_check(struct coordinator *coordinator, const struct instance *instance,
			     const struct health_check *check)
{
	struct draft draft;
	struct json_writer *writer = begin_health(&draft, instance);

	json_key(writer, "healthCheck");
	health_check_write(writer, check);
	add(coordinator, &draft, "failed_health_check_event");
}

/* Failures that count and were not told yet. An agent may report several at a time. */
static int32_t new_failures(const struct check_result *old, const struct check_result *result)
{
	int32_t count = result->consecutive_failures;

	if (!result->known)
		return 0;
	if (result->first_success_ms == old->first_success_ms &&
	    result->last_success_ms == old->last_success_ms)
		count -= old->consecutive_failures; /* the same row of failures */
	return count < 0 ? 0 : count > FAILURES_MAX ? FAILURES_MAX : count;
}

static void add_health(struct coordinator *coordinator, const struct instance *instance,
		       const struct task_status *status)
{
	static const struct check_result none;
	const struct task_status *old = &instance->status;
	enum task_health health = task_health(status);
	enum task_health before = old->seq ? task_health(old) : TASK_HEALTH_UNKNOWN;
	struct json_writer *writer;
	struct draft draft;

	for (size_t i = 0; i < status->check_count && i < instance->app->check_count; i++) {
		const struct check_result *result = &status->checks[i];
		const struct check_result *was = i < old->check_count ? &old->checks[i] : &none;

		for (int32_t n = new_failures(was, result); n > 0; n--)
			add_failed_check(coordinator, instance, &instance->app->checks[i]);
		if (result->known && (!was->known || was->alive != result->alive) &&
		    (was->known || result->alive)) {
			json_field_flag(begin_health(&draft, instance), "alive", result->alive);
			add(coordinator, &draft, "health_status_changed_event");
		}
	}
	if (health == TASK_HEALTH_NONE || health == before)
		return;
	writer = begin(&draft);
	event_text_instance_id(writer, "instanceId", instance);
	json_field_text(writer, "runSpecId", instance->owner->id);
	json_key(writer, "healthy");
	if (health == TASK_HEALTH_UNKNOWN)
		json_put_text(writer, NULL);
	else
		json_put_flag(writer, health == TASK_HEALTHY);
	json_field_timestamp(writer, "runSpecVersion", instance->app->version_ms);
	add(coordinator, &draft, "instance_health_changed_event");
}

/* Both names of it: the older one is what older clients wait for. */
static void add_unhealthy_kill(struct coordinator *coordinator, const struct instance *instance,
			       const char *reason)
{
	static const char *const types[] = { "unhealthy_task_kill_event",
					     "unhealthy_instance_kill_event" };
	struct draft draft;

	for (size_t i = 0; i < ROWS(types); i++) {
		struct json_writer *writer = begin(&draft);

		json_field_text(writer, "appId", instance->owner->id);
		json_field_text(writer, "taskId", instance->id);
		if (i > 0)
			event_text_instance_id(writer, "instanceId", instance);
		json_field_timestamp(writer, "version", instance->app->version_ms);
		json_field_text(writer, "reason", reason);
		json_field_text(writer, "host", instance->hostname);
		json_field_text(writer, "slaveId", instance->host_id);
		add(coordinator, &draft, types[i]);
	}
}

void events_status(struct coordinator *coordinator, const struct instance *instance,
		   const struct task_status *status)
{
	bool ended = task_state_terminal(status->state);

	if (ended && status->killed_unhealthy) {
		add_health(coordinator, instance, status);
		add_unhealthy_kill(coordinator, instance, status->message);
	}
	if (instance->status.seq == 0 || instance->status.state != status->state)
		add_state(coordinator, instance, status->state, status);
	if (!ended)
		add_health(coordinator, instance, status);
}

void events_expunged(struct coordinator *coordinator, const struct instance *instance)
{
	struct task_status status = { .at_ms = clock_wall_ms() };

	(void)text_format(status.message, sizeof(status.message),
			  "given up: its host %.200s is unreachable", instance->hostname);
	add_state(coordinator, instance, TASK_GONE, &status);
}

/* Hosts */

void events_host_back(struct coordinator *coordinator, const struct host *host)
{
	const struct instance *instance;

	LIST_FOREACH(instance, &host->instances, of_host)
		if (instance->status.seq > 0)
			add_state(coordinator, instance, instance->status.state, &instance->status);
}

static void add_unreachable(struct coordinator *coordinator, const struct host *host)
{
	struct task_status status = { .state = TASK_UNREACHABLE };
	const struct instance *instance;

	(void)text_format(status.message, sizeof(status.message), "host %.200s does not answer",
			  host->hostname);
	LIST_FOREACH(instance, &host->instances, of_host)
		add_state(coordinator, instance, TASK_UNREACHABLE, &status);
}

struct silence {
	struct job job;
	char host_id[];
};

static void run_silence(struct coordinator *coordinator, struct job *job)
{
	struct silence *silence = (struct silence *)((char *)job - offsetof(struct silence, job));
	const struct host *host = record_find_host(&coordinator->cluster, silence->host_id);

	if (host && host->state == HOST_UNREACHABLE)
		add_unreachable(coordinator, host);
	free(silence);
}

static void drop_silence(struct job *job)
{
	free((char *)job - offsetof(struct silence, job));
}

void events_host_silent(struct coordinator *coordinator, const struct host *host)
{
	size_t size = strlen(host->id) + 1;
	struct silence *silence = calloc(1, sizeof(*silence) + size);

	if (!silence) {
		log_error("event.lost", F("host", host->id), F("why", "no memory"));
		return;
	}
	memcpy(silence->host_id, host->id, size);
	silence->job.run = run_silence;
	silence->job.drop = drop_silence;
	coordinator_add_job(coordinator, &silence->job);
}

/* Streams */

struct stream_note {
	struct job job;
	const char *type;
	char peer[];
};

static void run_note(struct coordinator *coordinator, struct job *job)
{
	struct stream_note *note =
		(struct stream_note *)((char *)job - offsetof(struct stream_note, job));
	struct draft draft;

	json_field_text(begin(&draft), "remoteAddress", note->peer);
	add(coordinator, &draft, note->type);
	free(note);
}

static void drop_note(struct job *job)
{
	free((char *)job - offsetof(struct stream_note, job));
}

void coordinator_tell_stream(struct coordinator *coordinator, enum stream_change change,
			     const char *peer)
{
	size_t size = strlen(peer) + 1;
	struct stream_note *note = calloc(1, sizeof(*note) + size);

	if (!note)
		return; /* nothing depends on it */
	memcpy(note->peer, peer, size);
	note->type = change == STREAM_ATTACHED ? "event_stream_attached" : "event_stream_detached";
	note->job.run = run_note;
	note->job.drop = drop_note;
	coordinator_add_job(coordinator, &note->job);
}
