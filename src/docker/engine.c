#include "stadion/docker/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"

#define LANES 3
#define PATH_MAX_LEN (16U << 10) /* filters with long labels; the engine itself takes 1 MiB */
#define PROBE_MS 3000

struct docker_engine {
	struct loop *loop;
	struct http_client *lanes[LANES];
	char *socket;
	int minor; /* of the API version that is spoken */
	char name[64];
	LIST_HEAD(, docker_request) requests;
};

struct docker_request {
	struct docker_engine *engine;
	struct docker_request **slot;
	struct http_request *http;
	docker_done_fn *done;
	http_data_fn *on_data;
	void (*dropped)(void *arg);
	void *arg;
	bool probe;
	LIST_ENTRY(docker_request) link;
	struct text refusal; /* what came instead of a stream */
};

/* Connections at most. Stops and execs may sit for their whole grace or timeout; streams are the
 * events and three pulls. */
static const long lane_width[LANES] = {
	[DOCKER_PROMPT] = 8, [DOCKER_WAITING] = 32, [DOCKER_STREAM] = 5
};

static const struct {
	long status;
	enum error_kind kind;
} kinds[] = {
	{ 400, ERROR_INVALID },	  { 401, ERROR_DENIED },  { 403, ERROR_DENIED },
	{ 404, ERROR_NOT_FOUND }, { 406, ERROR_INVALID }, { 409, ERROR_CONFLICT },
	{ 507, ERROR_NO_SPACE },
};

enum error_kind docker_error_kind(long status)
{
	for (size_t i = 0; i < ROWS(kinds); i++) {
		if (kinds[i].status == status)
			return kinds[i].kind;
	}
	return status >= 400 && status < 500 ? ERROR_INVALID : ERROR_UNAVAILABLE;
}

static void request_free(struct docker_request *request)
{
	LIST_REMOVE(request, link);
	text_clear(&request->refusal);
	free(request);
}

struct docker_engine *docker_engine_new(struct loop *loop, const char *socket, struct error *error)
{
	struct docker_engine *engine = calloc(1, sizeof(*engine));

	if (!engine || !(engine->socket = text_duplicate(socket))) {
		error_set(error, ERROR_NOMEM, "the engine at %s", socket);
		goto undo;
	}
	engine->loop = loop;
	engine->minor = DOCKER_API_NEWEST;
	for (size_t i = 0; i < LANES; i++) {
		struct http_client_options options = { .unix_socket = socket,
						       .max_connections = lane_width[i] };

		engine->lanes[i] = http_client_new(loop, &options, error);
		if (!engine->lanes[i])
			goto undo;
	}
	return engine;
undo:
	docker_engine_free(engine);
	return NULL;
}

void docker_engine_free(struct docker_engine *engine)
{
	struct docker_request *request;

	if (!engine)
		return;
	while ((request = LIST_FIRST(&engine->requests))) {
		void (*dropped)(void *) = request->dropped;
		void *arg = request->arg;

		docker_request_cancel(request->slot);
		if (dropped)
			dropped(arg);
	}
	for (size_t i = 0; i < LANES; i++)
		http_client_free(engine->lanes[i]);
	free(engine->socket);
	free(engine);
}

const char *docker_engine_socket(const struct docker_engine *engine)
{
	return engine->socket;
}

struct loop *docker_engine_loop(const struct docker_engine *engine)
{
	return engine->loop;
}

const char *docker_engine_name(const struct docker_engine *engine)
{
	return engine->name;
}

/* "1.41" is 41; 0 for what is not of that form. */
static int api_minor(const char *version)
{
	char *end;
	long minor;

	if (!version || strncmp(version, "1.", 2) != 0)
		return 0;
	minor = strtol(version + 2, &end, 10);
	return *end || minor < 0 || minor > 999 ? 0 : (int)minor;
}

int docker_api_choose(const char *newest, const char *oldest)
{
	int high = api_minor(newest), low = api_minor(oldest);
	int chosen = high < DOCKER_API_NEWEST ? high : DOCKER_API_NEWEST;

	if (high < DOCKER_API_OLDEST)
		return 0;
	/* Later engines drop old versions: then their oldest is the nearest to what we know. */
	return chosen < low ? low : chosen;
}

static void settle_version(struct docker_engine *engine, struct docker_reply *reply)
{
	const char *newest = json_text(reply->document, "ApiVersion", "");
	const char *oldest = json_text(reply->document, "MinAPIVersion", "");
	const char *version = json_text(reply->document, "Version", "?");
	int minor = docker_api_choose(newest, oldest);

	if (!minor) {
		error_set(&reply->error, ERROR_UNAVAILABLE,
			  "the engine at %s speaks API %.16s, 1.%d or later is needed",
			  engine->socket, newest, DOCKER_API_OLDEST);
		return;
	}
	engine->minor = minor;
	/* Distributions add their own mark, "20.10.24+dfsg1": of no use to people. */
	snprintf(engine->name, sizeof(engine->name), "Docker %.*s", (int)strcspn(version, "+"),
		 version);
}

/* The engine's {"message"}, else whatever it said, else the status. */
static void read_refusal(long status, const char *body, size_t len, struct error *error)
{
	autoptr(json_object) document = len ? json_parse(body, len, NULL) : NULL;
	const char *message = document ? json_text(document, "message", NULL) : NULL;

	if (message)
		error_set(error, docker_error_kind(status), "%s", message);
	else if (len)
		error_set(error, docker_error_kind(status), "HTTP %ld: %.*s", status,
			  (int)(len < 200 ? len : 200), body);
	else
		error_set(error, docker_error_kind(status), "HTTP %ld from the engine", status);
}

/* curl says "couldn't connect" whatever it was; a socket file tells more when it is asked. */
static void explain_absence(const char *path, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	if (text_copy(address.sun_path, sizeof(address.sun_path), path) &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		error_set(error, ERROR_UNAVAILABLE, "%s",
			  errno == ENOENT	  ? "there is no such socket"
			  : errno == ECONNREFUSED ? "connection refused"
			  : errno == EACCES	  ? "no right to use the socket"
						  : strerror(errno));
	close(fd);
}

static void request_done(const struct http_reply *http, void *arg)
{
	struct docker_request *request = arg;
	struct docker_reply reply = { .status = http->status, .error = http->error };
	autoptr(json_object) document = NULL;
	docker_done_fn *done = request->done;
	void *done_arg = request->arg;

	if (reply.error.kind != ERROR_NONE) {
		reply.status = 0; /* half an answer proves nothing */
		if (request->probe && reply.error.kind == ERROR_UNAVAILABLE)
			explain_absence(request->engine->socket, &reply.error);
		error_wrap(&reply.error, "engine at %s does not answer", request->engine->socket);
	} else if (http->status >= 400) {
		if (request->on_data)
			read_refusal(http->status, text_string(&request->refusal),
				     request->refusal.len, &reply.error);
		else
			read_refusal(http->status, http->body, http->body_len, &reply.error);
	} else if (http->body_len && !request->on_data) {
		document = json_parse(http->body, http->body_len, &reply.error);
		if (!document && reply.error.text[0])
			error_wrap(&reply.error, "reading the engine's answer");
		reply.document = document;
	}
	if (request->probe && document)
		settle_version(request->engine, &reply);
	*request->slot = NULL;
	request_free(request);
	done(&reply, done_arg);
}

static bool request_data(long status, const char *data, size_t len, void *arg)
{
	struct docker_request *request = arg;

	if (status < 400)
		return request->on_data(status, data, len, request->arg);
	text_add_bytes(&request->refusal, data, len);
	return true;
}

bool docker_request_start(struct docker_engine *engine, const struct docker_call *call,
			  docker_done_fn *done, void *arg, struct docker_request **slot,
			  struct error *error)
{
	struct docker_request *request = calloc(1, sizeof(*request));
	struct text url = TEXT_INIT(PATH_MAX_LEN);
	struct http_call http = { .method = call->method,
				  .body = call->body,
				  .body_len = call->body ? strlen(call->body) : 0,
				  .timeout_ms = call->timeout_ms,
				  .stall_ms = call->stall_ms,
				  .on_data = call->on_data ? request_data : NULL };
	bool ok = false;

	assert(!*slot);
	if (!request)
		return error_set(error, ERROR_NOMEM, "asking the engine");
	*request = (struct docker_request){ .engine = engine,
					    .slot = slot,
					    .done = done,
					    .on_data = call->on_data,
					    .dropped = call->dropped,
					    .arg = arg };
	LIST_INSERT_HEAD(&engine->requests, request, link);
	text_init(&request->refusal, 4096);
	if (call->unversioned)
		text_addf(&url, "http://docker%s", call->path);
	else
		text_addf(&url, "http://docker/v1.%d%s", engine->minor, call->path);
	http.url = text_string(&url);
	if (url.failed)
		error_set(error, ERROR_INVALID, "asking the engine: a path of over %u bytes",
			  PATH_MAX_LEN);
	else
		ok = http_request_start(engine->lanes[call->lane], &http, request_done, request,
					&request->http, error);
	text_clear(&url);
	if (!ok) {
		request_free(request);
		return false;
	}
	*slot = request;
	return true;
}

void docker_request_cancel(struct docker_request **slot)
{
	struct docker_request *request = *slot;

	if (!request)
		return;
	http_request_cancel(&request->http);
	request_free(request);
	*slot = NULL;
}

bool docker_engine_probe(struct docker_engine *engine, docker_done_fn *done, void *arg,
			 struct docker_request **slot, struct error *error)
{
	struct docker_call call = { .path = "/version",
				    .timeout_ms = PROBE_MS,
				    .unversioned = true };

	if (!docker_request_start(engine, &call, done, arg, slot, error))
		return false;
	assert(*slot);
	(*slot)->probe = true;
	return true;
}
