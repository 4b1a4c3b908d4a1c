#include "stadion/net/http_client.h"

#include <stdlib.h>
#include <string.h>

#include "http_client_parts.h"
#include "loop_parts.h"
#include "stadion/base/language.h"

#define CONNECTIONS 16

struct watched_socket {
	LIST_ENTRY(watched_socket) link;
	struct event *event;
};

static void socket_forget(struct watched_socket *watched)
{
	LIST_REMOVE(watched, link);
	if (watched->event)
		event_free(watched->event);
	free(watched);
}

static void destroy(struct http_client *client)
{
	struct http_request *request;
	struct watched_socket *watched;

	while ((request = TAILQ_FIRST(&client->ended))) {
		TAILQ_REMOVE(&client->ended, request, link);
		http_request_free(request);
	}
	if (client->multi)
		(void)curl_multi_cleanup(client->multi); /* fails for a bad handle only */
	while ((watched = LIST_FIRST(&client->sockets)))
		socket_forget(watched);
	if (client->turn)
		event_free(client->turn);
	if (client->curl_timer)
		event_free(client->curl_timer);
	free(client->unix_socket);
	free(client->authorization);
	free(client);
	curl_global_cleanup();
}

void http_client_leave(struct http_client *client)
{
	client->depth--;
	if (client->closing && client->depth == 0)
		destroy(client);
}

void http_client_drain(struct http_client *client)
{
	struct CURLMsg *message;
	int left;

	while (!client->closing && (message = curl_multi_info_read(client->multi, &left))) {
		struct http_request *request = NULL;
		CURLcode code = message->data.result;

		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		if (request->slot) /* else a callback of this very loop cancelled it */
			http_request_deliver(request, code);
	}
}

/* Socket and timer events do these two things only. */
static void act(struct http_client *client, curl_socket_t fd, int what)
{
	int running;

	client->depth++;
	(void)curl_multi_socket_action(client->multi, fd, what, &running); /* told per request */
	http_client_drain(client);
	http_client_leave(client);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	act(arg, fd,
	    ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void on_curl_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	struct http_request *request;

	(void)fd;
	(void)what;
	while ((request = TAILQ_FIRST(&client->ended))) {
		TAILQ_REMOVE(&client->ended, request, link);
		http_request_free(request);
	}
	client->depth++;
	while (!client->closing && (request = TAILQ_FIRST(&client->waiting)))
		http_request_begin(request);
	http_client_leave(client);
}

static int curl_wants_timer(CURLM *multi, long after_ms, void *arg)
{
	struct http_client *client = arg;
	struct timeval after = loop_timeval(after_ms > 0 ? (uint64_t)after_ms : 0);

	(void)multi;
	if (after_ms < 0)
		return event_del(client->curl_timer);
	return event_add(client->curl_timer, &after);
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http_client *client = arg;
	struct watched_socket *watched = known;
	short events = EV_PERSIST;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched)
			socket_forget(watched);
		(void)curl_multi_assign(client->multi, fd, NULL);
		return 0;
	}
	if (!watched) {
		watched = calloc(1, sizeof(*watched));
		if (!watched)
			return -1;
		LIST_INSERT_HEAD(&client->sockets, watched, link);
		(void)curl_multi_assign(client->multi, fd, watched);
	}
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	if (watched->event)
		event_free(watched->event);
	watched->event = event_new(client->loop->base, fd, events, on_socket, client);
	return watched->event && event_add(watched->event, NULL) == 0 ? 0 : -1;
}

static bool copy_options(struct http_client *client, const struct http_client_options *options)
{
	struct text header = TEXT_INIT(8192);

	client->unix_socket = text_duplicate(options->unix_socket);
	if (options->unix_socket && !client->unix_socket)
		return false;
	if (options->bearer_token) {
		text_addf(&header, "Authorization: Bearer %s", options->bearer_token);
		client->authorization = text_take(&header);
		return client->authorization != NULL;
	}
	return true;
}

static bool set_up(struct http_client *client, const struct http_client_options *options)
{
	long connections = options->max_connections > 0 ? options->max_connections : CONNECTIONS;

	client->multi = curl_multi_init();
	client->turn = event_new(client->loop->base, -1, 0, on_turn, client);
	client->curl_timer = event_new(client->loop->base, -1, 0, on_curl_timer, client);
	if (!client->multi || !client->turn || !client->curl_timer)
		return false;
	return curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket) ==
		       CURLM_OK &&
	       curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
	       curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer) ==
		       CURLM_OK &&
	       curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
	       curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections) == CURLM_OK &&
	       curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections) ==
		       CURLM_OK;
}

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options,
				    struct error *error)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (!client || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(client);
		(void)error_set(error, ERROR_NOMEM, "starting an HTTP client");
		return NULL;
	}
	client->loop = loop;
	TAILQ_INIT(&client->waiting);
	TAILQ_INIT(&client->live);
	TAILQ_INIT(&client->ended);
	LIST_INIT(&client->sockets);
	if (!copy_options(client, options) || !set_up(client, options)) {
		destroy(client);
		(void)error_set(error, ERROR_NOMEM, "starting an HTTP client");
		return NULL;
	}
	return client;
}

void http_client_free(struct http_client *client)
{
	struct http_request *request;

	if (!client)
		return;
	while ((request = TAILQ_FIRST(&client->waiting)))
		http_request_drop(request);
	while ((request = TAILQ_FIRST(&client->live)))
		http_request_drop(request);
	client->closing = true;
	if (client->depth == 0)
		destroy(client);
}
