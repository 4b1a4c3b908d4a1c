#include "stadion/docker/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "stadion/base/language.h"
#include "stadion/docker/event_stream.h"
#include "stadion/json/json.h"

#define INSPECT_MS 10000
#define PULL_MS (6ULL * 3600 * 1000) /* every call has an end; the stall is what decides */

struct docker_pull {
	struct docker_request *request;
	struct docker_pull **slot;
	docker_moved_fn *moved;
	docker_pulled_fn *done;
	void *arg;
	struct docker_lines lines;
	struct docker_progress progress;
	struct error error; /* what the stream said */
};

static bool reference_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("._-/:@[]+", c);
}

bool docker_reference_parse(const char *text, struct docker_reference *out, struct error *error)
{
	struct docker_reference reference = { 0 };
	const char *at, *slash, *colon;
	size_t name_len = strlen(text);

	for (const char *p = text; *p; p++) {
		if (!reference_character(*p))
			return error_set(error, ERROR_INVALID,
					 "image '%.200s': invalid reference format", text);
	}
	if (!name_len || name_len >= DOCKER_REFERENCE_MAX)
		return error_set(error, ERROR_INVALID,
				 "image '%.60s': a name has from 1 to %d characters", text,
				 DOCKER_REFERENCE_MAX - 1);
	at = strchr(text, '@');
	if (at)
		name_len = (size_t)(at - text);
	slash = memrchr(text, '/', name_len);
	colon = memrchr(text, ':', name_len);
	if (colon && (!slash || colon > slash)) /* else it is the port of the registry */
		name_len = (size_t)(colon - text);
	else
		colon = NULL;
	memcpy(reference.name, text, name_len);
	if (at)
		text_copy(reference.tag, sizeof(reference.tag), at + 1);
	else if (colon)
		text_copy(reference.tag, sizeof(reference.tag), colon + 1);
	else
		text_copy(reference.tag, sizeof(reference.tag), "latest");
	if (!name_len || !reference.tag[0])
		return error_set(error, ERROR_INVALID, "image '%.200s': invalid reference format",
				 text);
	*out = reference;
	return true;
}

bool docker_image_inspect(struct docker_engine *engine, const char *image, docker_done_fn *done,
			  void *arg, struct docker_request **slot, struct error *error)
{
	struct text path = TEXT_INIT(4096);
	struct docker_call call = { .timeout_ms = INSPECT_MS };
	bool ok;

	text_add(&path, "/images/");
	docker_path_add(&path, image);
	text_add(&path, "/json");
	call.path = text_string(&path);
	ok = path.failed ? error_set(error, ERROR_NOMEM, "image %.100s", image)
			 : docker_request_start(engine, &call, done, arg, slot, error);
	text_clear(&path);
	return ok;
}

static struct docker_layer *find_layer(struct docker_progress *progress, const char *id)
{
	struct docker_layer *layer;

	for (size_t i = 0; i < progress->layer_count; i++) {
		if (strcmp(progress->layers[i].id, id) == 0)
			return &progress->layers[i];
	}
	if (progress->layer_count == DOCKER_LAYERS_MAX)
		return NULL;
	layer = &progress->layers[progress->layer_count++];
	*layer = (struct docker_layer){ 0 };
	text_copy(layer->id, sizeof(layer->id), id);
	return layer;
}

/* Only the bytes that come over the wire count; extracting counts the same bytes again. */
static void move_layer(struct docker_progress *progress, const char *id, const char *status,
		       struct json_object *detail)
{
	int64_t current = detail ? json_integer(detail, "current", 0) : 0;
	int64_t total = detail ? json_integer(detail, "total", 0) : 0;
	struct docker_layer *layer = id[0] ? find_layer(progress, id) : NULL;

	if (!layer)
		return;
	if (strcmp(status, "Downloading") == 0 && current >= 0 && total >= 0) {
		layer->done = (uint64_t)current;
		layer->total = (uint64_t)total;
	} else if (strcmp(status, "Download complete") == 0 || strcmp(status, "Extracting") == 0 ||
		   strcmp(status, "Pull complete") == 0) {
		layer->done = layer->total;
	}
}

static void add_up(struct docker_progress *progress)
{
	progress->bytes_done = progress->bytes_total = 0;
	for (size_t i = 0; i < progress->layer_count; i++) {
		progress->bytes_done += progress->layers[i].done;
		progress->bytes_total += progress->layers[i].total;
	}
}

bool docker_progress_read(struct docker_progress *progress, const char *line, size_t len,
			  struct error *error)
{
	autoptr(json_object) document = json_parse(line, len, NULL);
	const char *problem, *status;

	if (!document || !json_object_is_type(document, json_type_object))
		return false;
	problem = json_text(document, "error", NULL);
	if (problem) {
		error_set(error, ERROR_UNAVAILABLE, "%s", problem);
		return true;
	}
	status = json_text(document, "status", "");
	move_layer(progress, json_text(document, "id", ""), status,
		   json_object_member(document, "progressDetail"));
	(void)text_copy(progress->status, sizeof(progress->status), status); /* cut is fine */
	add_up(progress);
	return true;
}

static void pull_line(const char *line, size_t len, void *arg)
{
	struct docker_pull *pull = arg;

	if (docker_progress_read(&pull->progress, line, len, &pull->error) && pull->moved)
		pull->moved(&pull->progress, pull->arg);
}

static bool pull_data(long status, const char *data, size_t len, void *arg)
{
	struct docker_pull *pull = arg;

	(void)status;
	return docker_lines_take(&pull->lines, data, len, pull_line, pull);
}

static void pull_free(struct docker_pull *pull)
{
	docker_lines_clear(&pull->lines);
	free(pull);
}

static void pull_done(const struct docker_reply *reply, void *arg)
{
	struct docker_pull *pull = arg;
	struct docker_reply result = *reply;
	docker_pulled_fn *done = pull->done;
	void *done_arg = pull->arg;

	if (result.error.kind == ERROR_NONE && pull->error.kind != ERROR_NONE)
		result.error = pull->error;
	*pull->slot = NULL;
	pull_free(pull);
	done(&result, done_arg);
}

bool docker_image_pull(struct docker_engine *engine, const char *image, uint64_t stall_ms,
		       docker_moved_fn *moved, docker_pulled_fn *done, void *arg,
		       struct docker_pull **slot, struct error *error)
{
	struct docker_reference reference;
	struct docker_pull *pull;
	struct text path = TEXT_INIT(4096);
	struct docker_call call = { .lane = DOCKER_STREAM,
				    .method = "POST",
				    .timeout_ms = PULL_MS,
				    .stall_ms = stall_ms,
				    .on_data = pull_data };
	bool ok;

	assert(!*slot);
	if (!docker_reference_parse(image, &reference, error))
		return false;
	pull = calloc(1, sizeof(*pull));
	if (!pull)
		return error_set(error, ERROR_NOMEM, "pulling %.100s", image);
	*pull = (struct docker_pull){ .slot = slot, .moved = moved, .done = done, .arg = arg };
	text_add(&path, "/images/create?fromImage=");
	docker_path_add(&path, reference.name);
	text_add(&path, "&tag=");
	docker_path_add(&path, reference.tag);
	call.path = text_string(&path);
	ok = path.failed
		     ? error_set(error, ERROR_NOMEM, "pulling %.100s", image)
		     : docker_request_start(engine, &call, pull_done, pull, &pull->request, error);
	text_clear(&path);
	if (ok)
		*slot = pull;
	else
		pull_free(pull);
	return ok;
}

void docker_pull_cancel(struct docker_pull **slot)
{
	if (!*slot)
		return;
	docker_request_cancel(&(*slot)->request);
	pull_free(*slot);
	*slot = NULL;
}
