#pragma once

/* The Docker Engine over its unix socket: one place that knows its API version, its deadlines and
 * its way to say what went wrong. Source: Docker Engine API v1.41.
 *
 * Three groups of connections, so that calls which wait on purpose (a stop, an exec) or that never
 * end (events, pulls) cannot hold up those that should be answered at once. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/net/http_client.h"
#include "stadion/net/loop.h"

#define DOCKER_API_OLDEST 24 /* 1.24 */
#define DOCKER_API_NEWEST 41 /* 1.41: what these sources were written for */

struct docker_engine;  /* ends what is still asked when it is freed */
struct docker_request; /* one call under way, seen through a slot as in http_client.h */

struct docker_engine *docker_engine_new(struct loop *loop, const char *socket, struct error *error);
void docker_engine_free(struct docker_engine *engine); /* NULL is fine */
const char *docker_engine_socket(const struct docker_engine *engine);
struct loop *docker_engine_loop(const struct docker_engine *engine);

struct docker_reply {
	long status;		      /* HTTP status; 0: the engine did not answer */
	struct json_object *document; /* of a good answer; NULL if it had none; lives during the
					 callback, take a reference to keep it */
	struct error error; /* ERROR_NONE: 2xx or 304. With a status: the engine's own words */
};
typedef void docker_done_fn(const struct docker_reply *reply, void *arg);

enum docker_lane { DOCKER_PROMPT, DOCKER_WAITING, DOCKER_STREAM };

struct docker_call {
	enum docker_lane lane;
	const char *method;  /* NULL: GET */
	const char *path;    /* "/containers/json?all=1", encoded; without the version */
	const char *body;    /* JSON; NULL: none */
	uint64_t timeout_ms; /* of the whole call, needed */
	uint64_t stall_ms;   /* 0: none */
	bool unversioned;
	void (*dropped)(void *arg); /* the engine was freed before the end; may be NULL */
	http_data_fn *on_data; /* takes the body of a 2xx as it comes; must not cancel the call */
};

/* Slots and ends as in http_client.h. */
bool docker_request_start(struct docker_engine *engine, const struct docker_call *call,
			  docker_done_fn *done, void *arg, struct docker_request **slot,
			  struct error *error);
void docker_request_cancel(struct docker_request **slot);

/* GET /version, and settles the version for all later calls: ours or theirs, whichever is lower,
 * but not below the lowest that they accept. ERROR_UNAVAILABLE if there is no common one. */
bool docker_engine_probe(struct docker_engine *engine, docker_done_fn *done, void *arg,
			 struct docker_request **slot, struct error *error);
const char *docker_engine_name(const struct docker_engine *engine); /* "Docker 20.10.24"; "" */

/* The pure parts. The minor number of the version to speak; 0: none in common. */
int docker_api_choose(const char *newest, const char *oldest);
/* The kind of error that an HTTP status of the engine means. */
enum error_kind docker_error_kind(long status);
