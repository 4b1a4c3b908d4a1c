#include <stdlib.h>
#include <string.h>

#include "http_server_parts.h"
#include "stadion/base/language.h"

static const struct {
	enum evhttp_cmd_type type;
	const char *name;
} methods[] = {
	{ EVHTTP_REQ_GET, "GET" },	 { EVHTTP_REQ_POST, "POST" },
	{ EVHTTP_REQ_HEAD, "HEAD" },	 { EVHTTP_REQ_PUT, "PUT" },
	{ EVHTTP_REQ_DELETE, "DELETE" }, { EVHTTP_REQ_OPTIONS, "OPTIONS" },
	{ EVHTTP_REQ_PATCH, "PATCH" },
};

static const char *method_name(enum evhttp_cmd_type type)
{
	for (size_t i = 0; i < ROWS(methods); i++)
		if (methods[i].type == type)
			return methods[i].name;
	return "";
}

/* "" for no text; NULL without memory. */
static char *decoded(const char *text, size_t len, bool plus_is_space)
{
	autofree char *raw = strndup(text, len);

	return raw ? evhttp_uridecode(raw, plus_is_space, NULL) : NULL;
}

static bool fill(struct http_exchange *exchange, struct evhttp_request *request)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	const char *target = evhttp_request_get_uri(request);
	size_t path_len = path ? strlen(path) : 0;
	char *peer = NULL;
	ev_uint16_t port;

	if (target && strncmp(target, "//", 2) == 0) { /* for evhttp, the name of a host follows */
		path = target;
		path_len = strcspn(target, "?#");
		query = target[path_len] == '?' ? target + path_len + 1 : NULL;
	}
	evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
	exchange->method = method_name(evhttp_request_get_command(request));
	exchange->is_head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
	exchange->path = decoded(path ? path : "", path_len, false);
	exchange->query_text = text_duplicate(query ? query : "");
	exchange->peer = text_duplicate(peer ? peer : "");
	exchange->body = evbuffer_new();
	return exchange->path && exchange->query_text && exchange->peer && exchange->body;
}

struct http_exchange *http_exchange_new(struct http_server *server, struct connection *connection,
					struct evhttp_request *request)
{
	struct http_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	TAILQ_INIT(&exchange->headers);
	if (!fill(exchange, request)) {
		http_exchange_free(exchange);
		return NULL;
	}
	exchange->server = server;
	exchange->connection = connection;
	exchange->request = request;
	return exchange;
}

void http_exchange_free(struct http_exchange *exchange)
{
	if (exchange->server)
		server_forget_gone(exchange->server, exchange);
	if (exchange->orphan)
		evhttp_request_free(exchange->request);
	for (size_t i = 0; i < exchange->query_count; i++) {
		free(exchange->query[i].key);
		free(exchange->query[i].value);
	}
	free(exchange->query);
	evhttp_clear_headers(&exchange->headers);
	if (exchange->body)
		evbuffer_free(exchange->body);
	free(exchange->query_text);
	free(exchange->path);
	free(exchange->peer);
	free(exchange);
}

void http_exchange_lose(struct http_exchange *exchange)
{
	struct evhttp_request *request = exchange->request;

	if (!evhttp_request_get_connection(request)) { /* evhttp left it to us */
		exchange->orphan = true;
		return;
	}
	TAILQ_CONCAT(&exchange->headers, evhttp_request_get_input_headers(request), next);
	(void)evbuffer_add_buffer(exchange->body, evhttp_request_get_input_buffer(request));
	exchange->request = NULL;
}

void http_exchange_tell_gone(struct http_exchange *exchange)
{
	void (*gone)(void *arg) = exchange->gone;

	exchange->gone = NULL;
	if (gone)
		gone(exchange->gone_arg);
}

const char *http_exchange_method(const struct http_exchange *exchange)
{
	return exchange->method;
}

const char *http_exchange_path(const struct http_exchange *exchange)
{
	return exchange->path;
}

const char *http_exchange_peer(const struct http_exchange *exchange)
{
	return exchange->peer;
}

/* "a=1&b&c=%20": evhttp's own reader refuses a key without a value. */
static void read_query(struct http_exchange *exchange)
{
	const char *at = exchange->query_text;
	size_t most = 1;

	exchange->query_known = true;
	for (const char *c = at; *c; c++)
		most += *c == '&';
	exchange->query = calloc(most, sizeof(*exchange->query));
	if (!exchange->query)
		return;
	while (*at) {
		size_t len = strcspn(at, "&");
		size_t key_len = strcspn(at, "=&");
		struct http_pair *pair = &exchange->query[exchange->query_count];

		if (len > 0) {
			pair->key = decoded(at, key_len, true);
			pair->value = key_len < len
					      ? decoded(at + key_len + 1, len - key_len - 1, true)
					      : text_duplicate("");
			exchange->query_count++;
		}
		at += len + (at[len] == '&');
	}
}

const char *http_exchange_query(struct http_exchange *exchange, const char *key, size_t index)
{
	if (!exchange->query_known)
		read_query(exchange);
	for (size_t i = 0; i < exchange->query_count; i++) {
		const struct http_pair *pair = &exchange->query[i];

		if (pair->key && strcmp(pair->key, key) == 0 && index-- == 0)
			return pair->value;
	}
	return NULL;
}

const char *http_exchange_request_header(const struct http_exchange *exchange, const char *name)
{
	if (exchange->request)
		return evhttp_find_header(evhttp_request_get_input_headers(exchange->request),
					  name);
	return evhttp_find_header(&exchange->headers, name);
}

const char *http_exchange_body(const struct http_exchange *exchange, size_t *len)
{
	struct evbuffer *body = exchange->request
					? evhttp_request_get_input_buffer(exchange->request)
					: exchange->body;
	const unsigned char *bytes = evbuffer_pullup(body, -1);

	*len = bytes ? evbuffer_get_length(body) : 0;
	return bytes ? (const char *)bytes : "";
}

void http_exchange_header(struct http_exchange *exchange, const char *name, const char *value)
{
	if (exchange->connection) /* refuses line breaks: then the header is left out */
		(void)evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name,
					value);
}

static bool has_body(const struct http_exchange *exchange, int status)
{
	return !exchange->is_head && status != 204 && status != 304;
}

static void set_type(struct http_exchange *exchange, const char *content_type)
{
	if (content_type)
		http_exchange_header(exchange, "Content-Type", content_type);
}

/* All replies but streamed ones end here; `body` may be NULL, its bytes are moved. */
static void reply(struct http_exchange *exchange, int status, const char *content_type,
		  struct evbuffer *body)
{
	struct evhttp_request *request = exchange->request;
	struct evbuffer *packed = NULL;
	char length[24];

	if (!exchange->connection) {
		http_exchange_free(exchange);
		return;
	}
	set_type(exchange, content_type);
	if (body)
		packed = http_gzip_reply(exchange, content_type, body);
	body = packed ? packed : body;
	if (exchange->is_head && body) {
		(void)evutil_snprintf(length, sizeof(length), "%zu", evbuffer_get_length(body));
		http_exchange_header(exchange, "Content-Length", length);
	}
	connection_replied(exchange->connection, request);
	evhttp_send_reply(request, status, NULL, has_body(exchange, status) ? body : NULL);
	if (packed)
		evbuffer_free(packed);
	http_exchange_free(exchange);
}

void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type,
			 const char *body, size_t len)
{
	struct evbuffer *buffer = evbuffer_new();

	if (!buffer || evbuffer_add(buffer, body, len) < 0)
		status = 500;
	reply(exchange, status, content_type, buffer);
	if (buffer)
		evbuffer_free(buffer);
}

static void release(const void *data, size_t len, void *owned)
{
	(void)data;
	(void)len;
	free(owned);
}

void http_exchange_reply_json(struct http_exchange *exchange, int status, struct text *body)
{
	static const char failed[] = "{\"message\":\"the reply is larger than allowed\"}";
	struct evbuffer *buffer = evbuffer_new();
	size_t len = body->len;
	char *data = text_take(body);

	if (!buffer || !data || evbuffer_add_reference(buffer, data, len, release, data) < 0) {
		free(data);
		status = 500;
		if (buffer)
			(void)evbuffer_add(buffer, failed, sizeof(failed) - 1);
	}
	reply(exchange, status, "application/json", buffer);
	if (buffer)
		evbuffer_free(buffer);
}

void http_exchange_reply_empty(struct http_exchange *exchange, int status)
{
	reply(exchange, status, NULL, NULL);
}

void http_exchange_stream_begin(struct http_exchange *exchange, int status,
				const char *content_type)
{
	struct evhttp_request *request = exchange->request;

	exchange->streaming = true;
	if (!exchange->connection)
		return;
	set_type(exchange, content_type);
	if (request->major == 1 && request->minor == 0)
		http_exchange_header(exchange, "Connection", "close"); /* ends the body */
	evhttp_send_reply_start(request, status, NULL);
	connection_watch(exchange->connection);
}

size_t http_exchange_stream_pending(const struct http_exchange *exchange)
{
	struct evhttp_connection *evcon;

	if (!exchange->connection)
		return 0;
	evcon = evhttp_request_get_connection(exchange->request);
	return evbuffer_get_length(
		bufferevent_get_output(evhttp_connection_get_bufferevent(evcon)));
}

void http_exchange_stream_on_room(struct http_exchange *exchange, void (*room)(void *arg),
				  void *arg)
{
	exchange->room = room;
	exchange->room_arg = arg;
}

static void on_written(struct evhttp_connection *evcon, void *arg)
{
	const struct http_exchange *exchange = connection_exchange(arg);

	(void)evcon;
	if (exchange && exchange->room)
		exchange->room(exchange->room_arg);
}

bool http_exchange_stream_write(struct http_exchange *exchange, const char *data, size_t len)
{
	struct evbuffer *buffer;
	bool ok;

	if (!exchange->connection || exchange->is_head)
		return false;
	if (http_exchange_stream_pending(exchange) + len > HTTP_STREAM_PENDING_MAX) {
		connection_cut(exchange->connection);
		return false;
	}
	buffer = evbuffer_new();
	ok = buffer && evbuffer_add(buffer, data, len) == 0;
	if (ok)
		evhttp_send_reply_chunk_with_cb(exchange->request, buffer, on_written,
						exchange->connection);
	if (buffer)
		evbuffer_free(buffer);
	return ok;
}

void http_exchange_stream_end(struct http_exchange *exchange)
{
	if (exchange->connection) {
		struct evhttp_request *request = exchange->request;

		connection_replied(exchange->connection, request);
		evhttp_send_reply_end(request);
	}
	http_exchange_free(exchange);
}

void http_exchange_stream_cut(struct http_exchange *exchange)
{
	if (exchange->connection)
		connection_abandon(exchange->connection);
	http_exchange_free(exchange);
}

void http_exchange_on_gone(struct http_exchange *exchange, void (*gone)(void *arg), void *arg)
{
	exchange->gone = gone;
	exchange->gone_arg = arg;
	if (gone && exchange->connection)
		connection_watch(exchange->connection);
	else if (gone && exchange->server)
		server_tell_later(exchange->server, exchange);
}
