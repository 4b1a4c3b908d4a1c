#pragma once

/* A coordinator with its API on a port of its own and a store in a folder of its own; requests go
 * over real connections. Rows of steps run in order against one of them. */

#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "stadion/api/api.h"
#include "stadion/base/language.h"
#include "stadion/base/log.h"
#include "stadion/net/http_server.h"
#include "stadion/net/loop.h"

struct api_case {
	char folder[64];
	struct loop *loop;
	struct http_server *server;
	struct coordinator *coordinator;
	struct api *api;
	char *answer; /* of the last call: all its bytes */
	bool ended;
};

/* A request and what must hold of its answer. An expectation is one of
 *     details.0.path=/id     the value there, text bare, all else as JSON; "*" is any
 *     !app.tasks             nothing is there
 *     @Location=/v2/apps/x   a header
 *     !@Warning              no such header */
struct step {
	const char *claim, *method, *path, *headers, *body;
	int status;
	const char *want[12];
};

static void api_case_handle(struct http_exchange *exchange, void *arg)
{
	api_handle(exchange, ((struct api_case *)arg)->api);
}

static void api_case_open(struct api_case *self, const struct api_options *options)
{
	const struct http_server_options server = { .address = "127.0.0.1" };
	struct coordinator_options coordinator = { .agent_token = "secret" };
	struct error error = { 0 };
	char store[128];

	*self = (struct api_case){ .folder = "/tmp/stadion-api-XXXXXX" };
	log_setup(LOG_ERROR, 2);
	ck_assert_ptr_nonnull(mkdtemp(self->folder));
	snprintf(store, sizeof(store), "sqlite:%s/stadion.db", self->folder);
	coordinator.store = store;
	self->loop = loop_new(&error);
	ck_assert_msg(self->loop, "%s", error.text);
	self->server = http_server_new(self->loop, &server, api_case_handle, self, &error);
	ck_assert_msg(self->server, "%s", error.text);
	self->coordinator = coordinator_new(self->loop, &coordinator, &error);
	ck_assert_msg(self->coordinator, "%s", error.text);
	self->api = api_new(self->loop, self->coordinator, options, &error);
	ck_assert_msg(self->api, "%s", error.text);
}

static inline void api_case_start(struct api_case *self, const char *credentials)
{
	api_case_open(self, &(struct api_options){ .credentials = credentials,
						   .address = "a.test:8080" });
}

static void api_case_stop(struct api_case *self)
{
	char command[128];

	http_server_free(self->server);
	api_free(self->api);
	coordinator_free(self->coordinator);
	loop_free(self->loop);
	free(self->answer);
	snprintf(command, sizeof(command), "rm -r %s", self->folder);
	ck_assert_int_eq(system(command), 0);
}

static void api_case_event(struct bufferevent *connection, short what, void *arg)
{
	struct api_case *self = arg;

	(void)connection;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	self->ended = true;
	loop_stop(self->loop);
}

static void api_case_send(const struct api_case *self, struct bufferevent *connection,
			  const struct step *step)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(self->server)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct evbuffer *out = bufferevent_get_output(connection);

	evbuffer_add_printf(out, "%s %s HTTP/1.1\r\nHost: a.test:8080\r\nConnection: close\r\n",
			    step->method, step->path);
	if (step->headers)
		evbuffer_add_printf(out, "%s\r\n", step->headers);
	if (step->body)
		evbuffer_add_printf(out, "Content-Length: %zu\r\n", strlen(step->body));
	evbuffer_add_printf(out, "\r\n%s", step->body ? step->body : "");
	ck_assert_int_eq(bufferevent_socket_connect(connection, (struct sockaddr *)&address,
						    (int)sizeof(address)),
			 0);
}

/* Leaves the whole answer in self->answer. */
static void api_case_call(struct api_case *self, const struct step *step)
{
	const struct timeval deadline = { .tv_sec = 20 };
	struct bufferevent *connection =
		bufferevent_socket_new(loop_base(self->loop), -1, BEV_OPT_CLOSE_ON_FREE);
	struct evbuffer *in = bufferevent_get_input(connection);
	struct error error = { 0 };
	size_t len;

	self->ended = false;
	bufferevent_setcb(connection, NULL, NULL, api_case_event, self);
	bufferevent_set_timeouts(connection, &deadline, NULL);
	bufferevent_enable(connection, EV_READ | EV_WRITE);
	api_case_send(self, connection, step);
	ck_assert_msg(loop_run(self->loop, &error) && self->ended, "%s: %s", step->claim,
		      error.text);
	len = evbuffer_get_length(in);
	free(self->answer);
	self->answer = calloc(1, len + 1);
	evbuffer_remove(in, self->answer, len);
	bufferevent_free(connection);
}

static struct json_object *api_case_find(struct json_object *at, const char *path, size_t len)
{
	while (at && len > 0) {
		size_t part = 0;
		char key[128] = { 0 };

		while (part < len && path[part] != '.')
			part++;
		memcpy(key, path, part < sizeof(key) ? part : 0);
		if (json_object_is_type(at, json_type_array))
			at = json_object_array_get_idx(at, strtoul(key, NULL, 10));
		else
			at = json_object_object_get(at, key);
		path += part + (part < len);
		len -= part + (part < len);
	}
	return at;
}

static const char *api_case_header(const char *answer, const char *name, size_t len, char *out,
				   size_t size)
{
	for (const char *line = strstr(answer, "\r\n"); line && line[2] != '\r';
	     line = strstr(line + 2, "\r\n"))
		if (!strncasecmp(line + 2, name, len) && line[2 + len] == ':') {
			const char *value = line + 2 + len + 1;

			value += strspn(value, " ");
			snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
			return out;
		}
	return NULL;
}

static void api_case_expect(const struct step *step, const char *answer, struct json_object *body,
			    const char *want)
{
	const char *equals = strchr(want, '='), *got;
	char value[512];
	struct json_object *found;

	if (want[0] == '!' && want[1] == '@') {
		ck_assert_msg(
			!api_case_header(answer, want + 2, strlen(want + 2), value, sizeof(value)),
			"%s: there is a header %s in\n%s", step->claim, want + 2, answer);
		return;
	}
	if (want[0] == '!') {
		ck_assert_msg(!api_case_find(body, want + 1, strlen(want + 1)),
			      "%s: %s is there in\n%s", step->claim, want + 1, answer);
		return;
	}
	ck_assert_ptr_nonnull(equals);
	if (want[0] == '@') {
		got = api_case_header(answer, want + 1, (size_t)(equals - want) - 1, value,
				      sizeof(value));
	} else {
		found = api_case_find(body, want, (size_t)(equals - want));
		got = json_object_is_type(found, json_type_string) ? json_object_get_string(found)
		      : found ? json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN)
			      : NULL;
	}
	ck_assert_msg(got && (!strcmp(equals + 1, "*") || !strcmp(got, equals + 1)),
		      "%s: wanted %s, got %s in\n%s", step->claim, want, got ? got : "nothing",
		      answer);
}

static void api_case_run(struct api_case *self, const struct step *step)
{
	struct json_object *body;
	const char *text;
	char status[16];

	api_case_call(self, step);
	snprintf(status, sizeof(status), "HTTP/1.1 %d", step->status);
	ck_assert_msg(!strncmp(self->answer, status, strlen(status)), "%s: wanted %d, got\n%s",
		      step->claim, step->status, self->answer);
	text = strstr(self->answer, "\r\n\r\n");
	body = json_tokener_parse(text ? text + 4 : "");
	for (size_t i = 0; i < ROWS(step->want) && step->want[i]; i++)
		api_case_expect(step, self->answer, body, step->want[i]);
	json_object_put(body);
}

#define API_CASE_RUN(self, steps)                           \
	do {                                                \
		for (size_t i_ = 0; i_ < ROWS(steps); i_++) \
			api_case_run(self, &(steps)[i_]);   \
	} while (0)
