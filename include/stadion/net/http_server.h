#pragma once

/* An HTTP/1.1 server on libevent's evhttp, with the limits that evhttp lacks: connections, and a
 * deadline for a whole request however slowly it drips. Refuses what evhttp lets through (several
 * or malformed Content-Length headers). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/base/text.h"
#include "stadion/net/loop.h"

struct http_server;
struct http_exchange; /* a request and its reply; lives until replied to, even if the peer left */

struct http_server_options {
	const char *address;	 /* numeric; "127.0.0.1" */
	uint16_t port;		 /* 0: any free one, see http_server_port */
	size_t header_max;	 /* bytes; 0: 16 KiB. Beyond: 431 or 400 */
	size_t header_count;	 /* 0: 100. Beyond: 431 */
	size_t body_max;	 /* bytes; 0: 1 MiB. Beyond: 413 */
	unsigned connection_max; /* 0: 512. Beyond: not accepted until one ends */
	uint64_t request_ms; /* from ready-to-read to the whole request; 0: 30 s. Beyond: closed */
};

/* Called on the loop with a complete request. Must reply now or later, exactly once. */
typedef void http_handler_fn(struct http_exchange *exchange, void *arg);

/* ERROR_CONFLICT "address:port is taken ..." names who to ask; ERROR_DENIED for no right. */
struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
				    http_handler_fn *handler, void *arg, struct error *error);
void http_server_free(struct http_server *server); /* open exchanges end as if the peer had left */
uint16_t http_server_port(const struct http_server *server);
unsigned http_server_connections(const struct http_server *server);

/* The request. Strings live as long as the exchange. */
const char *http_exchange_method(const struct http_exchange *exchange); /* "GET" */
const char *http_exchange_path(const struct http_exchange *exchange);	/* decoded, no query */
/* Decoded value of a query key (the index-th, from 0); NULL when absent. */
const char *http_exchange_query(struct http_exchange *exchange, const char *key, size_t index);
const char *http_exchange_request_header(const struct http_exchange *exchange, const char *name);
const char *http_exchange_body(const struct http_exchange *exchange, size_t *len); /* never NULL */
const char *http_exchange_peer(const struct http_exchange *exchange);		   /* "127.0.0.1" */

/* The reply: headers first, then exactly one of the ends. After an end the exchange is gone. A
 * reply to a peer that left is dropped. HEAD sends no body. */
void http_exchange_header(struct http_exchange *exchange, const char *name, const char *value);
void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type,
			 const char *body, size_t len);
void http_exchange_reply_json(struct http_exchange *exchange, int status,
			      struct text *body); /* takes the text's content; 500 when it failed */
void http_exchange_reply_empty(struct http_exchange *exchange, int status);

/* A streamed reply, for event streams. http_exchange_stream_begin replaces the ends above. */
void http_exchange_stream_begin(struct http_exchange *exchange, int status,
				const char *content_type);
/* false: the peer left or does not read (more than HTTP_STREAM_PENDING_MAX bytes wait). */
bool http_exchange_stream_write(struct http_exchange *exchange, const char *data, size_t len);
void http_exchange_stream_end(struct http_exchange *exchange);
#define HTTP_STREAM_PENDING_MAX (4U << 20)
/* Bytes that were written and wait for the peer to read. */
size_t http_exchange_stream_pending(const struct http_exchange *exchange);
/* Called from the loop each time that nothing waits any more, for writers that go by the peer's
 * pace. NULL removes it. */
void http_exchange_stream_on_room(struct http_exchange *exchange, void (*room)(void *arg),
				  void *arg);
/* Ends it without what still waits: for a peer that does not read. */
void http_exchange_stream_cut(struct http_exchange *exchange);

/* Called once, from the loop, if the peer leaves before the end; the exchange must still be ended
 * (replied to, which then sends nothing). NULL removes it. Only an exchange that asked for this
 * sees its peer leave at once (a peer that closes its sending half has left, too); else it shows
 * at the reply. */
void http_exchange_on_gone(struct http_exchange *exchange, void (*gone)(void *arg), void *arg);
