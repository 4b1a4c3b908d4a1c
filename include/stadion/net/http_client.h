#pragma once

/* HTTP requests on the event loop: curl's multi interface driven by libevent. Nothing blocks.
 * Source: libcurl's multi_socket pages; the Docker Engine API for what is asked through it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/net/loop.h"

struct http_client;  /* the connections of one loop to its servers; outlives its requests */
struct http_request; /* one request under way; owned by the client, seen through a slot */

struct http_client_options {
	const char *unix_socket;  /* path; NULL: TCP */
	const char *bearer_token; /* sent with every request; NULL: none. Copied. */
	long max_connections;	  /* in all; requests beyond it queue inside curl. 0: 16 */
};

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options,
				    struct error *error);
void http_client_free(struct http_client *client); /* cancels what is left; NULL is fine */

struct http_reply {
	long status;	    /* HTTP status; 0 if no whole reply came, and then `error` says why */
	const char *body;   /* not NUL-terminated; valid during the callback only; never NULL */
	size_t body_len;    /* bytes; 0 where on_data took them */
	long interim;	    /* the last informational status (100-199) that came; 0: none */
	uint64_t took_ms;   /* from start to end */
	struct error error; /* ERROR_TIMEOUT: a deadline; ERROR_NO_SPACE: body over body_max;
			       ERROR_UNAVAILABLE: anything else (refused, reset, TLS ...) */
};
typedef void http_done_fn(const struct http_reply *reply, void *arg);

/* Takes a piece of a body as it comes. `status` is that of the reply. Return false to end the
 * request: `done` then gets ERROR_UNAVAILABLE. May cancel its own request instead. */
typedef bool http_data_fn(long status, const char *data, size_t len, void *arg);

struct http_call {
	const char *method; /* NULL: GET */
	const char *url;
	const char *body; /* copied; NULL: none */
	size_t body_len;
	const char *content_type;   /* NULL with a body: application/json */
	const char *const *headers; /* "Name: value", ended by NULL; may be NULL; copied */
	uint64_t timeout_ms;	    /* of the whole request; 0 is refused (ERROR_INVALID) */
	uint64_t connect_ms;	    /* 0: 5000 */
	uint64_t stall_ms;	    /* give up when no byte came for so long; 0: none */
	size_t body_max;	    /* 0: HTTP_BODY_MAX */
	bool discard_body;     /* read it, keep nothing; past body_max it is cut and that is fine */
	bool insecure_tls;     /* no certificate check (health checks, as Marathon's) */
	bool fresh_connection; /* do not re-use, do not keep (health checks) */
	http_data_fn *on_data; /* NULL: gathered for `done` */
};

#define HTTP_BODY_MAX (16U << 20)

/* Starts a request into *slot, which must be NULL and must not move in memory meanwhile. It ends
 * once: *slot turns NULL, then `done` is called, from the loop and never from inside this call. So
 * a non-NULL slot means "still running", and an owner's destructor just cancels all its slots.
 * No redirects are followed. Returns false, *slot still NULL, with ERROR_INVALID or ERROR_NOMEM. */
bool http_request_start(struct http_client *client, const struct http_call *call,
			http_done_fn *done, void *arg, struct http_request **slot,
			struct error *error);

/* Ends *slot without calling back and sets it to NULL. NULL is fine. Safe in any
 * callback. */
void http_request_cancel(struct http_request **slot);
