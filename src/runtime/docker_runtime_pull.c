#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker_runtime.h"
#include "stadion/base/log.h"

#define TELL_MS 500

static void pull_free(struct image_pull *pull)
{
	TAILQ_REMOVE(&pull->runtime->pulls, pull, link);
	docker_pull_cancel(&pull->request);
	timer_clear(&pull->tell);
	free(pull->image);
	free(pull);
}

static void pull_moved(const struct docker_progress *progress, void *arg)
{
	struct image_pull *pull = arg;
	uint64_t now_ms = loop_now_ms(pull->runtime->base.loop);
	uint64_t next_ms = pull->told_ms + TELL_MS;

	pull->bytes_done = progress->bytes_done;
	pull->bytes_total = progress->bytes_total;
	(void)text_copy(pull->status, sizeof(pull->status), progress->status);
	/* Not from here: whoever is told may let go of the pull, which is being read. */
	if (!timer_pending(&pull->tell))
		timer_start(&pull->tell, next_ms > now_ms ? next_ms - now_ms : 0);
}

/* Nobody new can join it any more; every waiting unit goes its way. */
static void pull_end(struct image_pull *pull, const struct error *error, bool infrastructure)
{
	struct docker_runtime *runtime = pull->runtime;
	struct docker_units waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct docker_unit *unit;

	TAILQ_FOREACH(unit, &pull->waiting, pull_link)
		unit->pull = NULL;
	TAILQ_CONCAT(&waiting, &pull->waiting, pull_link);
	pull_free(pull);
	while ((unit = TAILQ_FIRST(&waiting))) {
		TAILQ_REMOVE(&waiting, unit, pull_link);
		unit->pulled = true;
		if (error->kind != ERROR_NONE) {
			unit_fail(unit, error, infrastructure);
			continue;
		}
		unit_to(unit, STEP_CREATE);
		unit_advance(unit);
	}
	pull_start_waiting(runtime);
}

static void pull_done(const struct docker_reply *reply, void *arg)
{
	struct image_pull *pull = arg;
	struct docker_runtime *runtime = pull->runtime;
	struct error error = reply->error;

	if (error.kind == ERROR_NONE) {
		log_info("image.pulled", F("image", pull->image), F("bytes", pull->bytes_total));
		pull_end(pull, &error, false);
		return;
	}
	if (!reply->status && (error.kind != ERROR_TIMEOUT || !runtime->base.condition.ready)) {
		watch_doubt(runtime); /* and when it answers, pull_start_waiting */
		return;
	}
	if (!reply->status)
		error_set(&error, ERROR_TIMEOUT, "no byte came for %.10g s: given up",
			  (double)runtime->pull_stall_ms / 1000);
	error_wrap(&error, "pulling %s", pull->image);
	log_warn("image.refused", F("image", pull->image), F("why", error.text));
	pull_end(pull, &error, !reply->status);
}

static void pull_tell(void *arg)
{
	struct image_pull *pull = arg;
	struct runtime_report report = { .event = RUNTIME_PULLING,
					 .bytes_done = pull->bytes_done,
					 .bytes_total = pull->bytes_total };
	struct docker_unit *unit, *next;
	char text[192];

	if (pull->refused.kind != ERROR_NONE) {
		struct error error = pull->refused;

		pull_end(pull, &error, false);
		return;
	}
	pull->told_ms = loop_now_ms(pull->runtime->base.loop);
	snprintf(text, sizeof(text), "pulling %.90s: %s", pull->image,
		 pull->status[0] ? pull->status : "waiting");
	report.text = text;
	pull->telling = true;
	for (unit = TAILQ_FIRST(&pull->waiting); unit; unit = next) {
		next = TAILQ_NEXT(unit, pull_link);
		runtime_unit_report(&unit->base, &report);
	}
	pull->telling = false;
	if (TAILQ_EMPTY(&pull->waiting)) {
		struct docker_runtime *runtime = pull->runtime;

		pull_free(pull);
		pull_start_waiting(runtime);
	}
}

void pull_start_waiting(struct docker_runtime *runtime)
{
	struct image_pull *pull;
	unsigned active = 0;

	if (!runtime->base.condition.ready)
		return;
	TAILQ_FOREACH(pull, &runtime->pulls, link)
		active += pull->request != NULL;
	TAILQ_FOREACH(pull, &runtime->pulls, link) {
		if (active >= PULLS)
			return;
		if (pull->request || pull->refused.kind != ERROR_NONE)
			continue;
		if (docker_image_pull(runtime->engine, pull->image, runtime->pull_stall_ms,
				      pull_moved, pull_done, pull, &pull->request, &pull->refused))
			active++;
		else
			timer_start(&pull->tell, 0);
	}
}

static struct image_pull *pull_find(struct docker_runtime *runtime, const char *image)
{
	struct image_pull *pull;

	TAILQ_FOREACH(pull, &runtime->pulls, link) {
		if (strcmp(pull->image, image) == 0)
			return pull;
	}
	pull = calloc(1, sizeof(*pull));
	if (!pull)
		return NULL;
	pull->runtime = runtime;
	pull->image = text_duplicate(image);
	TAILQ_INIT(&pull->waiting);
	if (!pull->image || !timer_init(&pull->tell, runtime->base.loop, pull_tell, pull, NULL)) {
		free(pull->image);
		free(pull);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&runtime->pulls, pull, link);
	return pull;
}

bool pull_join(struct docker_unit *unit)
{
	struct docker_runtime *runtime = (struct docker_runtime *)unit->base.runtime;
	struct image_pull *pull = pull_find(runtime, unit->base.app->image);

	if (!pull)
		return false;
	unit->pull = pull;
	TAILQ_INSERT_TAIL(&pull->waiting, unit, pull_link);
	if (!timer_pending(&pull->tell))
		timer_start(&pull->tell, 0);
	pull_start_waiting(runtime);
	return true;
}

void pull_leave(struct docker_unit *unit)
{
	struct docker_runtime *runtime = (struct docker_runtime *)unit->base.runtime;
	struct image_pull *pull = unit->pull;

	if (!pull)
		return;
	unit->pull = NULL;
	TAILQ_REMOVE(&pull->waiting, unit, pull_link);
	if (pull->telling || !TAILQ_EMPTY(&pull->waiting))
		return;
	pull_free(pull);
	pull_start_waiting(runtime);
}

void pull_free_all(struct docker_runtime *runtime)
{
	while (!TAILQ_EMPTY(&runtime->pulls))
		pull_free(TAILQ_FIRST(&runtime->pulls));
}
