#pragma once

/* What http_server.c (connections and their limits), http_exchange.c (a request and its reply),
 * http_gzip.c, http_check.c (what evhttp lets through) and http_refusal.c (what it does not)
 * share. */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

#include "stadion/net/http_server.h"

struct connection;

struct http_pair {
	char *key, *value;
};

struct http_exchange {
	TAILQ_ENTRY(http_exchange) link; /* in the server's `gone` while `told` waits */
	struct http_server *server;	 /* NULL once it was freed */
	struct connection *connection;	 /* NULL once the peer left */
	struct evhttp_request *request;	 /* evhttp's, or ours when `orphan`; NULL when lost */
	bool orphan, waits_to_tell, streaming, is_head;
	const char *method;
	char *path;
	char *peer;
	struct http_pair *query; /* made at the first look */
	size_t query_count;
	bool query_known;
	struct evkeyvalq headers; /* where they are saved when evhttp frees the request */
	struct evbuffer *body;	  /* and the body */
	char *query_text;
	void (*gone)(void *arg);
	void *gone_arg;
	void (*room)(void *arg);
	void *room_arg;
};

struct http_exchange *http_exchange_new(struct http_server *server, struct connection *connection,
					struct evhttp_request *request);
void http_exchange_free(struct http_exchange *exchange);
/* The connection ends: saves what the exchange still needs of it. */
void http_exchange_lose(struct http_exchange *exchange);
void http_exchange_tell_gone(struct http_exchange *exchange);

/* Says why the request must be refused, with *status; NULL when it is fine. */
const char *http_check_request(struct evhttp_request *request, size_t header_count, int *status);

/* What evhttp refuses by itself goes out in JSON. False without memory: then it stays HTML. */
bool http_refusal_watch(struct bufferevent *bufferevent);

/* The body packed, and the headers that say so: where the client offers gzip and it is worth it.
 * Else NULL. */
struct evbuffer *http_gzip_reply(struct http_exchange *exchange, const char *content_type,
				 struct evbuffer *body);

/* The exchange of a connection ended: the reply is on its way. */
void connection_replied(struct connection *connection, struct evhttp_request *request);
/* Ends the connection from the top of the loop. */
void connection_cut(struct connection *connection);
/* The same, and its exchange is nobody's any more. */
void connection_abandon(struct connection *connection);
struct http_exchange *connection_exchange(const struct connection *connection); /* or NULL */
/* From now on wants to know at once when the peer leaves. */
void connection_watch(struct connection *connection);
void server_tell_later(struct http_server *server, struct http_exchange *exchange);
void server_forget_gone(struct http_server *server, struct http_exchange *exchange);
