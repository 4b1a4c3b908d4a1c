#pragma once

/* What http_client.c (curl's multi handle on the loop) and http_request.c (one request) share. */

#include <curl/curl.h>
#include <sys/queue.h>

#include "stadion/base/text.h"
#include "stadion/net/http_client.h"

struct http_request {
	TAILQ_ENTRY(http_request) link;
	struct http_client *client;
	struct http_request **slot; /* its owner's; NULL once it ended */
	http_done_fn *done;
	http_data_fn *on_data;
	void *arg;
	CURL *easy;
	bool added; /* to curl's multi handle, and so in `live`, else in `waiting` */
	struct curl_slist *headers;
	struct text body;
	size_t body_max, got;
	bool discard_body;
	enum { CUT_NOT, CUT_AT_MAXIMUM, CUT_BY_OWNER, CUT_NO_MEMORY } cut;
	long interim;
	uint64_t started_ms;
	uint64_t stall_ms, last_byte_ms;
	struct timer stall;
	char problem[CURL_ERROR_SIZE];
};

TAILQ_HEAD(http_request_list, http_request);

struct watched_socket;

/* Requests pass from `waiting` to `live` to `ended`, and out of memory from the top of the loop
 * only, when neither curl nor an owner is on the stack. */
struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct event *turn;	  /* does what waits for the top of the loop */
	struct event *curl_timer; /* the one timer that curl asks for */
	struct http_request_list waiting, live, ended;
	LIST_HEAD(, watched_socket) sockets;
	char *unix_socket, *authorization;
	int depth; /* of callbacks under way; freeing waits until it is 0 again */
	bool closing;
};

void http_client_drain(struct http_client *client);
void http_client_leave(struct http_client *client); /* depth--; frees what was asked to go */
void http_request_begin(struct http_request *request);
void http_request_deliver(struct http_request *request, CURLcode code);
void http_request_drop(struct http_request *request); /* ends without calling back */
void http_request_free(struct http_request *request);
