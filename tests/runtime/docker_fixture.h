#pragma once

/* The real engine for tests: an image made of busybox alone, calls that are waited for, ports that
 * are held, and a broom. Each test program has a host id of its own. */

#include <arpa/inet.h>
#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "stadion/base/clock.h"
#include "stadion/base/id.h"
#include "stadion/base/language.h"
#include "stadion/docker/container.h"
#include "stadion/docker/engine.h"
#include "stadion/json/json.h"
#include "stadion/net/http_client.h"
#include "stadion/net/loop.h"

#define ENGINE_SOCKET "/var/run/docker.sock"
#define PATIENCE_MS 30000

static char fixture_image[64], fixture_host[64];

typedef bool condition_fn(void *arg);

/* Turns the loop until the condition holds; fails the test when it takes too long. */
static inline void wait_until(struct loop *loop, condition_fn *holds, void *arg, const char *what)
{
	struct timeval tick = { .tv_usec = 50000 };
	uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (!holds(arg)) {
		ck_assert_msg(clock_monotonic_ms() < end_ms, "waited in vain: %s", what);
		event_base_loopexit(loop_base(loop), &tick);
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	}
}

/* One call, waited for. */
struct answer {
	bool come;
	long status;
	struct json_object *document;
	struct error error;
};

static inline void answer_take(const struct docker_reply *reply, void *arg)
{
	struct answer *answer = arg;

	answer->come = true;
	answer->status = reply->status;
	answer->error = reply->error;
	answer->document = reply->document ? json_object_get(reply->document) : NULL;
}

static inline bool answer_has_come(void *arg)
{
	return ((struct answer *)arg)->come;
}

static inline struct answer ask_engine(struct loop *loop, const char *method, const char *path)
{
	struct error error = { 0 };
	struct docker_engine *engine = docker_engine_new(loop, ENGINE_SOCKET, &error);
	struct docker_call call = { .method = method, .path = path, .timeout_ms = PATIENCE_MS };
	struct docker_request *slot = NULL;
	struct answer answer = { 0 };

	ck_assert_msg(engine != NULL, "%s", error.text);
	ck_assert(docker_request_start(engine, &call, answer_take, &answer, &slot, &error));
	wait_until(loop, answer_has_come, &answer, path);
	docker_engine_free(engine);
	return answer;
}

/* A tar of one directory, one file and a link: what an image needs at least. */
static inline void tar_entry(FILE *out, const char *name, char type, const char *link, size_t size,
			     unsigned mode)
{
	char head[512] = { 0 };
	unsigned sum = 0;

	snprintf(head, 100, "%s", name);
	snprintf(head + 100, 8, "%07o", mode);
	memcpy(head + 108, "0000000\0000000000", 16);
	snprintf(head + 124, 12, "%011zo", size);
	memcpy(head + 136, "00000000000", 12);
	memset(head + 148, ' ', 8);
	head[156] = type;
	snprintf(head + 157, 100, "%s", link);
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(head); i++)
		sum += (unsigned char)head[i];
	snprintf(head + 148, 8, "%06o", sum);
	fwrite(head, sizeof(head), 1, out);
}

/* `mark`: makes it another image than those with another one. */
static inline char *image_tar(size_t *len, const char *mark)
{
	static const char *const applets[] = { "sh", "httpd", "sleep", "echo", "cat" };
	char *busybox = NULL, *tar = NULL, name[64];
	size_t size = 0;
	FILE *in = fopen("/bin/busybox", "re"), *out = open_memstream(&tar, len);

	ck_assert_msg(in != NULL, "/bin/busybox is needed (busybox-static)");
	fseek(in, 0, SEEK_END);
	size = (size_t)ftell(in);
	rewind(in);
	busybox = calloc(1, size + 512);
	ck_assert(fread(busybox, 1, size, in) == size);
	fclose(in);
	tar_entry(out, "bin/", '5', "", 0, 0755);
	tar_entry(out, "www/", '5', "", 0, 0755);
	tar_entry(out, "bin/busybox", '0', "", size, 0755);
	fwrite(busybox, 1, (size + 511) / 512 * 512, out);
	for (size_t i = 0; i < ROWS(applets); i++) {
		snprintf(name, sizeof(name), "bin/%s", applets[i]);
		tar_entry(out, name, '2', "busybox", 0, 0777);
	}
	tar_entry(out, "www/index.html", '0', "", 5, 0644);
	memset(busybox, 0, 512);
	memcpy(busybox, "hello", 5);
	fwrite(busybox, 512, 1, out);
	tar_entry(out, mark, '5', "", 0, 0755);
	memset(busybox, 0, 1024);
	fwrite(busybox, 1024, 1, out);
	fclose(out);
	free(busybox);
	return tar;
}

static inline void post_done(const struct http_reply *reply, void *arg)
{
	struct answer *answer = arg;

	answer->come = true;
	answer->status = reply->status;
	answer->error = reply->error;
}

/* What the engine answers with a stream, waited for to its end. */
static inline void post_raw(struct loop *loop, struct http_call call)
{
	static const char *const headers[] = { "X-Registry-Auth: e30=", NULL };
	struct http_client_options options = { .unix_socket = ENGINE_SOCKET };
	struct error error = { 0 };
	struct http_client *client = http_client_new(loop, &options, &error);
	struct http_request *slot = NULL;
	struct answer answer = { 0 };

	call.method = "POST";
	call.timeout_ms = PATIENCE_MS;
	call.headers = headers;
	ck_assert(http_request_start(client, &call, post_done, &answer, &slot, &error));
	wait_until(loop, answer_has_come, &answer, call.url);
	ck_assert_msg(answer.status / 100 == 2, "%s: %ld %s", call.url, answer.status,
		      answer.error.text);
	http_client_free(client);
}

/* Imports the image under a name of this program's own. */
static inline void fixture_import(struct loop *loop)
{
	size_t len = 0;
	char url[200], *tar = image_tar(&len, fixture_host);
	struct http_call call = {
		.url = url, .body = tar, .body_len = len, .content_type = "application/x-tar"
	};

	snprintf(url, sizeof(url), "http://docker/v1.41/images/create?fromSrc=-&repo=%s&tag=latest",
		 fixture_image);
	post_raw(loop, call);
	free(tar);
}

static inline void fixture_name(void)
{
	char random[13];

	id_hex(random, 6);
	snprintf(fixture_image, sizeof(fixture_image), "stadion-test-%s", random);
	snprintf(fixture_host, sizeof(fixture_host), "test-%s", random);
}

static inline struct answer fixture_list(struct loop *loop)
{
	char path[256];

	snprintf(
		path, sizeof(path),
		"/containers/json?all=1&filters=%%7B%%22label%%22%%3A%%5B%%22stadion.host%%3D%s%%22"
		"%%5D%%7D",
		fixture_host);
	return ask_engine(loop, NULL, path);
}

/* How many containers of ours there are. */
static inline size_t fixture_count(struct loop *loop)
{
	struct answer answer = fixture_list(loop);
	size_t count = answer.document ? json_object_array_length(answer.document) : 0;

	ck_assert_int_eq(answer.status, 200);
	json_object_put(answer.document);
	return count;
}

static inline void fixture_sweep(struct loop *loop)
{
	struct answer answer = fixture_list(loop);
	char path[200];

	for (size_t i = 0; answer.document && i < json_object_array_length(answer.document); i++) {
		struct json_object *row = json_object_array_get_idx(answer.document, i);

		snprintf(path, sizeof(path), "/containers/%s?force=1&v=1",
			 docker_container_id(row));
		json_object_put(ask_engine(loop, "DELETE", path).document);
	}
	json_object_put(answer.document);
	snprintf(path, sizeof(path), "/images/%s?force=1", fixture_image);
	json_object_put(ask_engine(loop, "DELETE", path).document);
}

/* A free port of the host; held open by *fd until it is closed. */
static inline int32_t hold_port(int *fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(*fd >= 0);
	ck_assert(bind(*fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	ck_assert(listen(*fd, 1) == 0);
	ck_assert(getsockname(*fd, (struct sockaddr *)&address, &len) == 0);
	return ntohs(address.sin_port);
}

static inline int32_t free_port(void)
{
	int fd;
	int32_t port = hold_port(&fd);

	close(fd);
	return port;
}

/* ---- an engine that can be frozen and taken away ---- */

static inline void relay_read(struct bufferevent *from, void *to)
{
	bufferevent_read_buffer(from, bufferevent_get_output(to));
}

static inline void relay_event(struct bufferevent *from, short what, void *to)
{
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	shutdown(bufferevent_getfd(to), SHUT_RDWR);
	bufferevent_disable(from, EV_READ | EV_WRITE);
}

static inline void relay_accept(struct evconnlistener *listener, evutil_socket_t fd,
				struct sockaddr *address, int len, void *arg)
{
	struct event_base *base = evconnlistener_get_base(listener);
	struct sockaddr_un engine = { .sun_family = AF_UNIX, .sun_path = ENGINE_SOCKET };
	struct bufferevent *near = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	struct bufferevent *far = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	(void)address, (void)len, (void)arg;
	bufferevent_socket_connect(far, (struct sockaddr *)&engine, sizeof(engine));
	bufferevent_setcb(near, relay_read, NULL, relay_event, far);
	bufferevent_setcb(far, relay_read, NULL, relay_event, near);
	bufferevent_enable(near, EV_READ | EV_WRITE);
	bufferevent_enable(far, EV_READ | EV_WRITE);
}

/* A process between us and the engine: killing it is the engine's going away. */
static inline pid_t relay_start(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	(void)unlink(path);
	ck_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	ck_assert(listen(fd, 16) == 0);
	pid = fork();
	ck_assert(pid >= 0);
	if (pid == 0) {
		struct event_base *base = event_base_new();

		(void)evconnlistener_new(base, relay_accept, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
		event_base_dispatch(base);
		_exit(1);
	}
	close(fd);
	return pid;
}

static inline void relay_stop(pid_t pid)
{
	ck_assert(kill(pid, SIGKILL) == 0);
	ck_assert(waitpid(pid, NULL, 0) == pid);
}
