#pragma once

/* One command inside a running container: create, start with its output attached, inspect. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/docker/engine.h"

#define DOCKER_EXEC_OUTPUT_MAX 4096

struct docker_exec;
struct docker_exec_end {
	int exit_code;	    /* -1: `error` says why */
	const char *output; /* both streams, the head of it; NUL-terminated */
	struct error error; /* ERROR_TIMEOUT: passed timeout_ms; it was killed if we may.
			       ERROR_UNAVAILABLE: the engine's fault, the command may be fine */
};
typedef void docker_exec_fn(const struct docker_exec_end *end, void *arg);

/* `argv` is ended by NULL. Slots as in http_client.h; cancelling kills the command if we may. */
bool docker_exec_start(struct docker_engine *engine, const char *container, const char *const *argv,
		       uint64_t timeout_ms, docker_exec_fn *done, void *arg,
		       struct docker_exec **slot, struct error *error);
void docker_exec_cancel(struct docker_exec **slot);

/* The engine's framing of two output streams in one: a head of 8 bytes (stream, 0, 0, 0, length in
 * network order), then the bytes. Copies payload to `out` up to its size, skips the rest. */
struct docker_frames {
	uint8_t head[8];
	size_t head_len;
	uint32_t left; /* bytes of the current frame that are to come */
	char out[DOCKER_EXEC_OUTPUT_MAX + 1];
	size_t out_len;
};
void docker_frames_take(struct docker_frames *frames, const char *data, size_t len);
