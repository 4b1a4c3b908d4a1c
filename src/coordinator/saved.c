#include "saved.h"

#include <stdlib.h>
#include <string.h>

#include "records.h"

struct saved { /* the members that transactions change; those of other kinds of record are zero */
	struct app *versions[CLUSTER_VERSIONS_MAX];
	size_t version_count;
	bool removing;
	struct backoff backoff;
	struct last_failure failure;

	struct group *head;

	enum instance_goal goal;
	char why_stop[sizeof(((struct instance *)0)->why_stop)];
	struct task_status status;

	size_t step;
	int64_t version_ms;
};

void saved_free(struct saved *saved)
{
	if (!saved)
		return;
	for (size_t i = 0; i < saved->version_count; i++)
		app_unref(saved->versions[i]);
	group_unref(saved->head);
	last_failure_clear(&saved->failure);
	task_status_clear(&saved->status);
	free(saved);
}

struct saved *saved_app(const struct cluster_app *app)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (!saved || !last_failure_copy(&saved->failure, &app->failure)) {
		free(saved);
		return NULL;
	}
	for (size_t i = 0; i < app->version_count; i++)
		saved->versions[i] = app_ref(app->versions[i]);
	saved->version_count = app->version_count;
	saved->removing = app->removing;
	saved->backoff = app->backoff;
	return saved;
}

/* Swaps, so that saved_free releases what the refused transaction had made. */
void saved_restore_app(struct saved *saved, struct cluster_app *app)
{
	struct last_failure failure = app->failure;
	size_t count = app->version_count;

	for (size_t i = 0; i < CLUSTER_VERSIONS_MAX; i++) {
		struct app *version = i < count ? app->versions[i] : NULL;

		app->versions[i] = saved->versions[i];
		saved->versions[i] = version;
	}
	app->version_count = saved->version_count;
	saved->version_count = count;
	app->current = app->versions[0];
	app->removing = saved->removing;
	app->backoff = saved->backoff;
	app->failure = saved->failure;
	saved->failure = failure;
}

struct saved *saved_group(const struct cluster_group *group)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (saved)
		saved->head = group_ref(group->head);
	return saved;
}

void saved_restore_group(struct saved *saved, struct cluster_group *group)
{
	struct group *head = group->head;

	group->head = saved->head;
	saved->head = head;
}

struct saved *saved_instance(const struct instance *instance)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (!saved || !task_status_copy(&saved->status, &instance->status)) {
		free(saved);
		return NULL;
	}
	saved->goal = instance->goal;
	memcpy(saved->why_stop, instance->why_stop, sizeof(saved->why_stop));
	return saved;
}

void saved_restore_instance(struct saved *saved, struct instance *instance)
{
	struct task_status status = instance->status;

	instance->status = saved->status;
	saved->status = status;
	instance->goal = saved->goal;
	memcpy(instance->why_stop, saved->why_stop, sizeof(instance->why_stop));
}

bool saved_goal_differs(const struct saved *saved, const struct instance *instance)
{
	return saved->goal != instance->goal;
}

struct saved *saved_deployment(const struct deployment *deployment)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (saved)
		saved->step = deployment->step;
	return saved;
}

void saved_restore_deployment(struct saved *saved, struct deployment *deployment)
{
	deployment->step = saved->step;
}

struct saved *saved_meta(const struct cluster *cluster)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (saved)
		saved->version_ms = cluster->version_ms;
	return saved;
}

void saved_restore_meta(struct saved *saved, struct cluster *cluster)
{
	cluster->version_ms = saved->version_ms;
}
