#pragma once

/* Images: how they are named, whether they are here, and fetching them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/docker/engine.h"

#define DOCKER_REFERENCE_MAX 512

/* "registry:5000/name:tag@digest", cut so that the engine fetches one image and not all its tags:
 * without tag and digest it is "latest"; a digest wins over a tag. */
struct docker_reference {
	char name[DOCKER_REFERENCE_MAX]; /* with the registry */
	char tag[DOCKER_REFERENCE_MAX];	 /* or "sha256:..." */
};
bool docker_reference_parse(const char *text, struct docker_reference *out, struct error *error);

bool docker_image_inspect(struct docker_engine *engine, const char *image, docker_done_fn *done,
			  void *arg, struct docker_request **slot, struct error *error);

/* How far a pull is: the layers seen so far, added up. */
#define DOCKER_LAYERS_MAX 128
struct docker_progress {
	uint64_t bytes_done, bytes_total;
	char status[64]; /* the engine's last word: "Downloading", "Extracting" ... */
	size_t layer_count;
	struct docker_layer {
		char id[16];
		uint64_t done, total;
	} layers[DOCKER_LAYERS_MAX];
};
/* Takes one line of the stream; true when it says something new. A line {"error": ...} sets
 * *error. What it does not understand it skips. */
bool docker_progress_read(struct docker_progress *progress, const char *line, size_t len,
			  struct error *error);

/* Fetches an image. `moved` (may be NULL) is called on progress; it must not cancel the pull.
 * `done` gets an error for a failure that comes inside a stream of status 200 as well, and
 * ERROR_TIMEOUT when the engine told of no progress for stall_ms. */
struct docker_pull;
typedef void docker_moved_fn(const struct docker_progress *progress, void *arg);
typedef void docker_pulled_fn(const struct docker_reply *reply, void *arg);
bool docker_image_pull(struct docker_engine *engine, const char *image, uint64_t stall_ms,
		       docker_moved_fn *moved, docker_pulled_fn *done, void *arg,
		       struct docker_pull **slot, struct error *error);
void docker_pull_cancel(struct docker_pull **slot); /* closes the request, which ends it there */
