#include "docker_runtime.h"

#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/json/json.h"

static void found_row(struct docker_runtime *runtime, struct json_object *row)
{
	struct docker_container container;
	struct runtime_found found;
	int32_t *ports = NULL;

	if (docker_container_read_row(row, &container) &&
	    spec_found(&container, runtime->host_id, &found, &ports))
		runtime->found(&found, runtime->survey_arg);
	free(ports);
}

static void surveyed(const struct docker_reply *reply, void *arg)
{
	struct docker_runtime *runtime = arg;
	runtime_survey_fn *done = runtime->surveyed;
	struct error error = reply->error;
	bool good = error.kind == ERROR_NONE;

	if (!reply->status)
		watch_doubt(runtime);
	if (good && (!reply->document || !json_object_is_type(reply->document, json_type_array)))
		good = error_set(&error, ERROR_UNAVAILABLE, "the engine's list is no list");
	for (size_t i = 0; good && i < json_object_array_length(reply->document); i++)
		found_row(runtime, json_object_array_get_idx(reply->document, i));
	done(good ? NULL : &error, runtime->survey_arg);
}

static bool survey(struct runtime *base, runtime_found_fn *found, runtime_survey_fn *done,
		   void *arg, struct error *error)
{
	struct docker_runtime *runtime = (struct docker_runtime *)base;

	if (runtime->survey)
		return error_set(error, ERROR_CONFLICT, "a survey is under way");
	if (!docker_container_list(runtime->engine, runtime->label, surveyed, runtime,
				   &runtime->survey, error))
		return false;
	runtime->found = found;
	runtime->surveyed = done;
	runtime->survey_arg = arg;
	return true;
}

static void docker_runtime_free(struct runtime *base)
{
	struct docker_runtime *runtime = (struct docker_runtime *)base;

	base->condition.ready = false; /* so that nothing new begins */
	docker_request_cancel(&runtime->survey);
	watch_end(runtime);
	while (!TAILQ_EMPTY(&runtime->units))
		unit_free(TAILQ_FIRST(&runtime->units));
	pull_free_all(runtime);
	docker_engine_free(runtime->engine);
	free(runtime->host_id);
	free(runtime->cluster);
	free(runtime->label);
	free(runtime);
}

static const struct runtime_ops docker_ops = {
	.start = docker_unit_start,
	.adopt = docker_unit_adopt,
	.survey = survey,
	.stop = docker_unit_stop,
	.remove = docker_unit_remove,
	.release = docker_unit_release,
	.exec_start = docker_runtime_exec_start,
	.exec_cancel = docker_runtime_exec_cancel,
	.free = docker_runtime_free,
};

struct runtime *docker_runtime_new(struct loop *loop, const struct docker_runtime_options *options,
				   struct error *error)
{
	struct docker_runtime *runtime = calloc(1, sizeof(*runtime));
	struct text label = TEXT_INIT(1024);

	if (!runtime) {
		error_set(error, ERROR_NOMEM, "the docker runtime");
		return NULL;
	}
	runtime->base = (struct runtime){ .ops = &docker_ops, .loop = loop };
	runtime->pull_stall_ms = options->pull_stall_ms ? options->pull_stall_ms : PULL_STALL_MS;
	TAILQ_INIT(&runtime->units);
	TAILQ_INIT(&runtime->turns);
	TAILQ_INIT(&runtime->pulls);
	text_addf(&label, "stadion.host=%s", options->host_id);
	runtime->label = text_take(&label);
	runtime->host_id = text_duplicate(options->host_id);
	runtime->cluster = text_duplicate(options->cluster ? options->cluster : "");
	(void)text_copy(runtime->base.condition.text, sizeof(runtime->base.condition.text),
			"the engine was not asked yet");
	runtime->engine = docker_engine_new(loop, options->socket, error);
	if (!runtime->engine)
		goto undo;
	if (!runtime->label || !runtime->host_id || !runtime->cluster) {
		error_set(error, ERROR_NOMEM, "the docker runtime");
		goto undo;
	}
	if (!watch_begin(runtime, error))
		goto undo;
	return &runtime->base;
undo:
	docker_runtime_free(&runtime->base);
	return NULL;
}

void docker_runtime_set_cluster(struct runtime *base, const char *cluster)
{
	struct docker_runtime *runtime = (struct docker_runtime *)base;
	char *copy = text_duplicate(cluster);

	if (!copy)
		return; /* the next welcome brings it again */
	free(runtime->cluster);
	runtime->cluster = copy;
}
