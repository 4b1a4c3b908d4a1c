#include "stadion/docker/container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "stadion/base/language.h"
#include "stadion/json/json_writer.h"

#define QUICK_MS 10000	    /* inspect, list: the engine only looks */
#define WORK_MS 60000	    /* create, start, remove: disk, network, runtime */
#define STOP_EXTRA_MS 20000 /* beyond the grace: the kill, the unmounting */

static bool container_call(struct docker_engine *engine, const struct docker_call *model,
			   const char *container, const char *tail, docker_done_fn *done, void *arg,
			   struct docker_request **slot, struct error *error)
{
	struct text path = TEXT_INIT(4096);
	struct docker_call call = *model;
	bool ok;

	text_add(&path, "/containers/");
	docker_path_add(&path, container);
	text_add(&path, tail);
	call.path = text_string(&path);
	ok = path.failed ? error_set(error, ERROR_NOMEM, "container %.100s", container)
			 : docker_request_start(engine, &call, done, arg, slot, error);
	text_clear(&path);
	return ok;
}

bool docker_container_create(struct docker_engine *engine, const char *name, const char *body,
			     docker_done_fn *done, void *arg, struct docker_request **slot,
			     struct error *error)
{
	struct text path = TEXT_INIT(4096);
	struct docker_call call = { .method = "POST", .body = body, .timeout_ms = WORK_MS };
	bool ok;

	text_add(&path, "/containers/create?name=");
	docker_path_add(&path, name);
	call.path = text_string(&path);
	ok = path.failed ? error_set(error, ERROR_NOMEM, "container %.100s", name)
			 : docker_request_start(engine, &call, done, arg, slot, error);
	text_clear(&path);
	return ok;
}

bool docker_container_start(struct docker_engine *engine, const char *container,
			    docker_done_fn *done, void *arg, struct docker_request **slot,
			    struct error *error)
{
	static const struct docker_call call = { .method = "POST", .timeout_ms = WORK_MS };

	return container_call(engine, &call, container, "/start", done, arg, slot, error);
}

bool docker_container_inspect(struct docker_engine *engine, const char *container,
			      docker_done_fn *done, void *arg, struct docker_request **slot,
			      struct error *error)
{
	static const struct docker_call call = { .timeout_ms = QUICK_MS };

	return container_call(engine, &call, container, "/json", done, arg, slot, error);
}

bool docker_container_list(struct docker_engine *engine, const char *label, docker_done_fn *done,
			   void *arg, struct docker_request **slot, struct error *error)
{
	struct text filter = TEXT_INIT(4096), path = TEXT_INIT(16384);
	struct json_writer writer = JSON_WRITER(&filter);
	struct docker_call call = { .timeout_ms = QUICK_MS };
	bool ok;

	json_object_begin(&writer);
	json_key(&writer, "label");
	json_array_begin(&writer);
	json_put_text(&writer, label);
	json_array_end(&writer);
	json_object_end(&writer);
	text_add(&path, "/containers/json?all=1&filters=");
	docker_path_add(&path, text_string(&filter));
	call.path = text_string(&path);
	ok = filter.failed || path.failed
		     ? error_set(error, ERROR_INVALID, "listing containers: label too long")
		     : docker_request_start(engine, &call, done, arg, slot, error);
	text_clear(&filter);
	text_clear(&path);
	return ok;
}

bool docker_container_stop(struct docker_engine *engine, const char *container, uint64_t grace_ms,
			   docker_done_fn *done, void *arg, struct docker_request **slot,
			   struct error *error)
{
	uint64_t seconds = grace_ms / 1000 + (grace_ms % 1000 != 0);
	struct docker_call call = { .lane = DOCKER_WAITING,
				    .method = "POST",
				    .timeout_ms = seconds * 1000 + STOP_EXTRA_MS };
	char tail[64];

	snprintf(tail, sizeof(tail), "/stop?t=%llu", (unsigned long long)seconds);
	return container_call(engine, &call, container, tail, done, arg, slot, error);
}

bool docker_container_kill(struct docker_engine *engine, const char *container, const char *signal,
			   docker_done_fn *done, void *arg, struct docker_request **slot,
			   struct error *error)
{
	static const struct docker_call call = { .method = "POST", .timeout_ms = WORK_MS };
	char tail[64];

	snprintf(tail, sizeof(tail), "/kill?signal=%.20s", signal);
	return container_call(engine, &call, container, tail, done, arg, slot, error);
}

bool docker_container_remove(struct docker_engine *engine, const char *container,
			     docker_done_fn *done, void *arg, struct docker_request **slot,
			     struct error *error)
{
	static const struct docker_call call = { .method = "DELETE", .timeout_ms = WORK_MS };

	return container_call(engine, &call, container, "?force=1&v=1", done, arg, slot, error);
}
