#include "stadion/net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "http_server_parts.h"
#include "loop_parts.h"
#include "stadion/base/language.h"
#include "stadion/base/log.h"

/* evhttp tells neither when a connection begins nor of one that never completes a request. So each
 * connection is seen first when evhttp asks for its bufferevent; from the top of the loop, when
 * evhttp has made its own object (it is the argument of the bufferevent's callbacks), we ask to be
 * told its end. A reference of ours keeps the bufferevent until then. */

#define BACKLOG 128
#define ACCEPT_PAUSE_MS 200
#define READ_AHEAD 16384
#define DRAIN_FACTOR 10 /* a reply may take so many times what a request may */

struct connection {
	TAILQ_ENTRY(connection) link; /* in `fresh`, in `cut`, or in neither */
	UT_hash_handle hh;
	enum { CONNECTION_FRESH, CONNECTION_OPEN, CONNECTION_CUT } state;
	struct http_server *server;
	struct bufferevent *bufferevent;
	struct evhttp_connection *evcon; /* NULL while fresh */
	struct timer deadline;
	struct event *leaves;
	struct http_exchange *exchange;
};

TAILQ_HEAD(connection_list, connection);
TAILQ_HEAD(exchange_list, http_exchange);

struct http_server {
	struct loop *loop;
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's, once bound to it */
	struct event *turn;
	struct timer accept_again;
	struct connection *connections; /* all, by bufferevent */
	struct connection_list fresh, cut;
	struct exchange_list gone;
	struct http_server_options options;
	uint16_t port;
	http_handler_fn *handler;
	void *arg;
};

unsigned http_server_connections(const struct http_server *server)
{
	return HASH_COUNT(server->connections);
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

static void listen_as_allowed(struct http_server *server)
{
	if (http_server_connections(server) < server->options.connection_max)
		(void)evconnlistener_enable(server->listener);
	else
		(void)evconnlistener_disable(server->listener);
}

static void connection_forget(struct connection *connection)
{
	struct http_server *server = connection->server;

	HASH_DEL(server->connections, connection);
	if (connection->state == CONNECTION_FRESH) {
		TAILQ_REMOVE(&server->fresh, connection, link);
		(void)bufferevent_decref(connection->bufferevent);
	} else if (connection->state == CONNECTION_CUT) {
		TAILQ_REMOVE(&server->cut, connection, link);
	}
	if (connection->leaves)
		event_free(connection->leaves);
	timer_clear(&connection->deadline);
	free(connection);
	if (server->http && !timer_pending(&server->accept_again))
		listen_as_allowed(server);
}

static void on_closed(struct evhttp_connection *evcon, void *arg)
{
	struct connection *connection = arg;
	struct http_exchange *exchange = connection->exchange;

	evhttp_connection_set_closecb(evcon, NULL, NULL); /* evhttp may call twice */
	if (exchange) {
		exchange->connection = NULL;
		http_exchange_lose(exchange);
		if (exchange->gone)
			server_tell_later(connection->server, exchange);
		else if (!connection->server->http)
			exchange->server = NULL;
	}
	connection_forget(connection);
}

/* evhttp reads on while it writes a reply: quietness must not end an event stream (the deadline
 * is for requests), and what a peer pumps in meanwhile must be bounded. evhttp never needs more of
 * it than one whole request. */
static void set_bounds(struct connection *connection)
{
	const struct http_server_options *options = &connection->server->options;
	struct timeval stall = loop_timeval(options->request_ms);

	(void)bufferevent_set_timeouts(connection->bufferevent, NULL, &stall);
	bufferevent_setwatermark(connection->bufferevent, EV_READ, 0,
				 options->header_max + options->body_max + READ_AHEAD);
}

/* False when evhttp had to drop it already. */
static bool adopt(struct connection *connection)
{
	void *evcon = NULL;

	bufferevent_getcb(connection->bufferevent, NULL, NULL, NULL, &evcon);
	if (!evcon) {
		connection_forget(connection);
		return false;
	}
	TAILQ_REMOVE(&connection->server->fresh, connection, link);
	connection->state = CONNECTION_OPEN;
	connection->evcon = evcon;
	evhttp_connection_set_closecb(evcon, on_closed, connection);
	set_bounds(connection);
	(void)http_refusal_watch(connection->bufferevent);
	(void)bufferevent_decref(connection->bufferevent); /* evhttp holds the other */
	return true;
}

static void connection_end(struct connection *connection)
{
	if (connection->state != CONNECTION_FRESH || adopt(connection))
		evhttp_connection_free(connection->evcon); /* calls on_closed */
}

static void on_deadline(void *arg)
{
	connection_end(arg);
}

static void on_leaves(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connection_end(arg);
}

static void turn_soon(struct http_server *server)
{
	event_active(server->turn, EV_TIMEOUT, 0);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;
	struct connection *connection;
	struct http_exchange *exchange;

	(void)fd;
	(void)what;
	while ((connection = TAILQ_FIRST(&server->fresh)))
		(void)adopt(connection);
	while ((connection = TAILQ_FIRST(&server->cut)))
		connection_end(connection);
	exchange = TAILQ_FIRST(&server->gone);
	if (!exchange)
		return;
	server_forget_gone(server, exchange);
	if (!TAILQ_EMPTY(&server->gone))
		turn_soon(server);
	http_exchange_tell_gone(exchange); /* may free the server */
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct http_server *server = arg;
	struct connection *connection = calloc(1, sizeof(*connection));
	struct bufferevent *bufferevent = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (!connection || !bufferevent ||
	    !timer_init(&connection->deadline, server->loop, on_deadline, connection, NULL)) {
		free(connection);
		return bufferevent; /* without our limits, until evhttp runs out of memory too */
	}
	connection->server = server;
	connection->bufferevent = bufferevent;
	bufferevent_incref(bufferevent);
	TAILQ_INSERT_TAIL(&server->fresh, connection, link);
	HASH_ADD_PTR(server->connections, bufferevent, connection);
	timer_start(&connection->deadline, server->options.request_ms);
	listen_as_allowed(server);
	turn_soon(server);
	return bufferevent;
}

void connection_cut(struct connection *connection)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	connection->state = CONNECTION_CUT;
	TAILQ_INSERT_TAIL(&connection->server->cut, connection, link);
	turn_soon(connection->server);
}

void connection_abandon(struct connection *connection)
{
	connection->exchange = NULL;
	connection_cut(connection);
}

struct http_exchange *connection_exchange(const struct connection *connection)
{
	return connection->exchange;
}

/* evhttp does not read while a reply is due, so it would not see the peer leave. */
void connection_watch(struct connection *connection)
{
	evutil_socket_t fd = bufferevent_getfd(connection->bufferevent);

	if (connection->leaves)
		return;
	connection->leaves =
		event_new(connection->server->loop->base, fd, EV_CLOSED, on_leaves, connection);
	if (connection->leaves)
		(void)event_add(connection->leaves, NULL); /* else it shows at the reply */
}

static void on_sent(struct evhttp_request *request, void *arg)
{
	struct connection *connection = arg;

	(void)request;
	timer_start(&connection->deadline, connection->server->options.request_ms);
}

void connection_replied(struct connection *connection, struct evhttp_request *request)
{
	connection->exchange = NULL;
	if (connection->leaves)
		event_free(TAKE(connection->leaves));
	evhttp_request_set_on_complete_cb(request, on_sent, connection);
	timer_start(&connection->deadline, connection->server->options.request_ms * DRAIN_FACTOR);
}

void server_tell_later(struct http_server *server, struct http_exchange *exchange)
{
	exchange->waits_to_tell = true;
	TAILQ_INSERT_TAIL(&server->gone, exchange, link);
	turn_soon(server);
}

void server_forget_gone(struct http_server *server, struct http_exchange *exchange)
{
	if (!exchange->waits_to_tell)
		return;
	exchange->waits_to_tell = false;
	TAILQ_REMOVE(&server->gone, exchange, link);
}

static void refuse(struct http_exchange *exchange, int status, const char *why)
{
	struct text body = TEXT_INIT(512);

	text_addf(&body, "{\"message\":\"%s\"}", why);
	http_exchange_header(exchange, "Connection", "close");
	http_exchange_reply_json(exchange, status, &body);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct http_server *server = arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(request);
	struct bufferevent *bufferevent = evhttp_connection_get_bufferevent(evcon);
	struct connection *connection;
	struct http_exchange *exchange;
	const char *why;
	int status;

	HASH_FIND_PTR(server->connections, &bufferevent, connection);
	if (!connection || (connection->state == CONNECTION_FRESH && !adopt(connection))) {
		evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	timer_cancel(&connection->deadline);
	exchange = http_exchange_new(server, connection, request);
	if (!exchange) {
		evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	connection->exchange = exchange;
	why = http_check_request(request, server->options.header_count, &status);
	if (why)
		refuse(exchange, status, why);
	else
		server->handler(exchange, server->arg);
}

static void on_accept_again(void *arg)
{
	listen_as_allowed(arg);
}

/* Out of descriptors, most likely: the listener would stay readable and spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct http_server *server = arg;

	log_warn("http.accept_failed", F("reason", strerror(EVUTIL_SOCKET_ERROR())));
	(void)evconnlistener_disable(listener);
	timer_start(&server->accept_again, ACCEPT_PAUSE_MS);
}

static bool parse_address(const struct http_server_options *options,
			  struct sockaddr_storage *storage, socklen_t *len, struct error *error)
{
	struct sockaddr_in *four = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof(*storage));
	if (inet_pton(AF_INET, options->address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(options->port);
		*len = sizeof(*four);
		return true;
	}
	if (inet_pton(AF_INET6, options->address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(options->port);
		*len = sizeof(*six);
		return true;
	}
	return error_set(error, ERROR_INVALID, "%s is not a numeric address", options->address);
}

static bool tell_bind_failure(const struct http_server_options *options, int number,
			      struct error *error)
{
	if (number == EADDRINUSE)
		return error_set(error, ERROR_CONFLICT,
				 "%s:%u is taken; \"ss -ltnp sport = :%u\" tells by whom",
				 options->address, options->port, options->port);
	return error_set_errno(error,
			       number == EACCES || number == EPERM ? ERROR_DENIED : ERROR_INVALID,
			       number, "listening on %s:%u", options->address, options->port);
}

static bool open_socket(const struct http_server_options *options, int *out, uint16_t *port,
			struct error *error)
{
	struct sockaddr_storage storage;
	socklen_t len = 0;
	int fd, on = 1;

	if (!parse_address(options, &storage, &len, error))
		return false;
	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(error, ERROR_INTERNAL, errno, "making a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* inherited */
	if (bind(fd, (struct sockaddr *)&storage, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&storage, &len) < 0) {
		int number = errno;

		(void)close(fd);
		return tell_bind_failure(options, number, error);
	}
	*port = ntohs(storage.ss_family == AF_INET ? ((struct sockaddr_in *)&storage)->sin_port
						   : ((struct sockaddr_in6 *)&storage)->sin6_port);
	*out = fd;
	return true;
}

static bool start(struct http_server *server, int fd)
{
	server->http = evhttp_new(server->loop->base);
	server->turn = event_new(server->loop->base, -1, 0, on_turn, server);
	server->listener = evconnlistener_new(server->loop->base, NULL, NULL,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!server->listener)
		(void)close(fd);
	if (!server->http || !server->turn || !server->listener ||
	    !timer_init(&server->accept_again, server->loop, on_accept_again, server, NULL))
		return false;
	evhttp_set_bevcb(server->http, on_connection, server);
	evhttp_set_gencb(server->http, on_request, server);
	evhttp_set_default_content_type(server->http, NULL);
	evhttp_set_max_headers_size(server->http, (ev_ssize_t)server->options.header_max);
	evhttp_set_max_body_size(server->http, (ev_ssize_t)server->options.body_max);
	evhttp_set_allowed_methods(
		server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
				      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	if (!evhttp_bind_listener(server->http, server->listener))
		return false;
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	return true;
}

static void set_defaults(struct http_server_options *options)
{
	if (!options->header_max)
		options->header_max = 16U << 10;
	if (!options->header_count)
		options->header_count = 100;
	if (!options->body_max)
		options->body_max = 1U << 20;
	if (!options->connection_max)
		options->connection_max = 512;
	if (!options->request_ms)
		options->request_ms = 30000;
	options->address = NULL; /* the caller's; not needed once bound */
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
				    http_handler_fn *handler, void *arg, struct error *error)
{
	struct http_server *server;
	uint16_t port = 0;
	int fd = -1;

	if (!open_socket(options, &fd, &port, error))
		return NULL;
	server = calloc(1, sizeof(*server));
	if (!server) {
		(void)close(fd);
		(void)error_set(error, ERROR_NOMEM, "starting an HTTP server");
		return NULL;
	}
	server->loop = loop;
	server->handler = handler;
	server->arg = arg;
	server->port = port;
	server->options = *options;
	set_defaults(&server->options);
	TAILQ_INIT(&server->fresh);
	TAILQ_INIT(&server->cut);
	TAILQ_INIT(&server->gone);
	if (!start(server, fd)) {
		http_server_free(server);
		(void)error_set(error, ERROR_NOMEM, "starting an HTTP server");
		return NULL;
	}
	return server;
}

void http_server_free(struct http_server *server)
{
	struct evhttp *http;
	struct connection *connection;
	struct http_exchange *exchange;

	if (!server)
		return;
	http = server->http;
	server->http = NULL; /* nothing is accepted any more */
	if (http)
		evhttp_free(http); /* closes all connections: on_closed */
	while ((connection = TAILQ_FIRST(&server->fresh)))
		connection_forget(connection);
	while ((exchange = TAILQ_FIRST(&server->gone))) {
		server_forget_gone(server, exchange);
		exchange->server = NULL;
		http_exchange_tell_gone(exchange);
	}
	timer_clear(&server->accept_again);
	if (server->turn)
		event_free(server->turn);
	free(server);
}
