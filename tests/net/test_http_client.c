#include "stadion/net/http_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "loop_until.h"
#include "raw_peer.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/net/http_server.h"

static struct loop *loop;
static struct http_server *server;
static struct http_client *client;
static struct http_request *slot;
static struct http_exchange *held[4];
static size_t held_count;
static struct http_reply last;
static char last_body[4096], url[128];
static int done_calls, handled;
static unsigned connections_most;

static void on_gone(void *arg)
{
	(void)arg; /* only so that the server notices */
}

static void handle(struct http_exchange *exchange, void *arg)
{
	const char *path = http_exchange_path(exchange);
	const char *token = http_exchange_request_header(exchange, "Authorization");
	struct text text = TEXT_INIT(1 << 20);
	size_t len;
	const char *body = http_exchange_body(exchange, &len);

	(void)arg;
	handled++;
	if (http_server_connections(server) > connections_most)
		connections_most = http_server_connections(server);
	if (strcmp(path, "/hold") == 0) {
		http_exchange_on_gone(exchange, on_gone, NULL);
		held[held_count++] = exchange;
		return;
	}
	if (strcmp(path, "/drip") == 0) {
		http_exchange_stream_begin(exchange, 200, "text/plain");
		(void)http_exchange_stream_write(exchange, "drop", 4);
		held[held_count++] = exchange;
		return;
	}
	if (strcmp(path, "/large") == 0)
		for (int i = 0; i < 100000; i++)
			text_add(&text, "x");
	else
		text_addf(&text, "%s %s [%.*s] %s", http_exchange_method(exchange), path, (int)len,
			  body, token ? token : "-");
	http_exchange_reply(exchange, strcmp(path, "/missing") == 0 ? 404 : 200, "text/plain",
			    text_string(&text), text.len);
	text_clear(&text);
}

static void client_make(struct http_client_options options)
{
	struct error error = { 0 };

	http_client_free(client);
	client = http_client_new(loop, &options, &error);
	ck_assert_msg(client != NULL, "%s", error.text);
}

static void setup(void)
{
	struct http_server_options options = { .address = "127.0.0.1" };

	loop = loop_new(NULL);
	server = http_server_new(loop, &options, handle, NULL, NULL);
	ck_assert_ptr_nonnull(server);
	client = NULL;
	client_make((struct http_client_options){ 0 });
	slot = NULL;
	held_count = 0;
	done_calls = handled = 0;
	connections_most = 0;
}

static void teardown(void)
{
	http_client_free(client);
	http_server_free(server);
	for (size_t i = 0; i < held_count; i++)
		http_exchange_reply_empty(held[i], 200);
	loop_free(loop);
}

static void on_done(const struct http_reply *reply, void *arg)
{
	ck_assert_ptr_eq(arg, &last);
	ck_assert_ptr_null(slot);
	last = *reply;
	ck_assert_ptr_nonnull(reply->body);
	(void)snprintf(last_body, sizeof(last_body), "%.*s", (int)reply->body_len, reply->body);
	done_calls++;
}

static const char *url_of(const char *path)
{
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(server), path);
	return url;
}

static void begin(struct http_call call)
{
	struct error error = { 0 };

	if (!call.timeout_ms)
		call.timeout_ms = 10000;
	done_calls = 0;
	ck_assert_msg(http_request_start(client, &call, on_done, &last, &slot, &error), "%s",
		      error.text);
	ck_assert_ptr_nonnull(slot);
	ck_assert_int_eq(done_calls, 0);
}

static void ask(struct http_call call)
{
	begin(call);
	UNTIL(loop, done_calls);
	ck_assert_int_eq(done_calls, 1);
}

static const struct {
	const char *method, *path, *body;
	long status;
	const char *want;
} calls[] = {
	{ NULL, "/a", NULL, 200, "GET /a [] -" },
	{ "POST", "/a", "hi", 200, "POST /a [hi] -" },
	{ "POST", "/a", NULL, 200, "POST /a [] -" },
	{ "PUT", "/a", "hi", 200, "PUT /a [hi] -" },
	{ "PATCH", "/a", "hi", 200, "PATCH /a [hi] -" },
	{ "DELETE", "/a", NULL, 200, "DELETE /a [] -" },
	{ "HEAD", "/a", NULL, 200, "" },
	{ NULL, "/missing", NULL, 404, "GET /missing [] -" },
	{ NULL, "/a/../b/./c", NULL, 200, "GET /a/../b/./c [] -" },
};

START_TEST(requests_get_their_replies)
{
	ask((struct http_call){ .method = calls[_i].method,
				.url = url_of(calls[_i].path),
				.body = calls[_i].body,
				.body_len = calls[_i].body ? strlen(calls[_i].body) : 0 });
	ck_assert_msg(last.status == calls[_i].status, "%s", last.error.text);
	ck_assert_str_eq(last_body, calls[_i].want);
}
END_TEST

START_TEST(the_token_goes_with_every_request)
{
	client_make((struct http_client_options){ .bearer_token = "secret" });
	ask((struct http_call){ .url = url_of("/a") });
	ck_assert_str_eq(last_body, "GET /a [] Bearer secret");
}
END_TEST

START_TEST(connections_are_kept)
{
	uint64_t begun = clock_monotonic_ms();

	for (int i = 0; i < 100; i++)
		ask((struct http_call){ .url = url_of("/a") });
	ck_assert_uint_eq(connections_most, 1);
	printf("100 requests: %llu ms\n", (unsigned long long)(clock_monotonic_ms() - begun));
	ck_assert_uint_lt(clock_monotonic_ms() - begun, 1500);
	ask((struct http_call){ .url = url_of("/a"), .fresh_connection = true });
	ck_assert_uint_eq(connections_most, 2);
	UNTIL(loop, http_server_connections(server) == 1);
}
END_TEST

START_TEST(a_deadline_ends_it)
{
	ask((struct http_call){ .url = url_of("/hold"), .timeout_ms = 60 });
	ck_assert_int_eq(last.status, 0);
	ck_assert_int_eq(last.error.kind, ERROR_TIMEOUT);
	ck_assert_uint_ge(last.took_ms, 55);
}
END_TEST

START_TEST(silence_ends_it)
{
	ask((struct http_call){ .url = url_of("/drip"), .stall_ms = 60 });
	ck_assert_int_eq(last.status, 0);
	ck_assert_int_eq(last.error.kind, ERROR_TIMEOUT);
	ck_assert_uint_lt(last.took_ms, 5000);
	UNTIL(loop, http_server_connections(server) == 0);
}
END_TEST

START_TEST(a_refused_connection_is_unavailable)
{
	uint16_t port = http_server_port(server);
	char closed[64];

	http_server_free(server);
	server = NULL;
	(void)snprintf(closed, sizeof(closed), "http://127.0.0.1:%u/", port);
	ask((struct http_call){ .url = closed });
	ck_assert_int_eq(last.error.kind, ERROR_UNAVAILABLE);
	ck_assert_int_ne(last.error.text[0], '\0');
}
END_TEST

START_TEST(a_body_is_bounded)
{
	ask((struct http_call){ .url = url_of("/large"), .body_max = 1000 });
	ck_assert_int_eq(last.status, 0);
	ck_assert_int_eq(last.error.kind, ERROR_NO_SPACE);
	ask((struct http_call){ .url = url_of("/large"), .body_max = 1000, .discard_body = true });
	ck_assert_int_eq(last.status, 200);
	ck_assert_uint_eq(last.body_len, 0);
	ask((struct http_call){ .url = url_of("/large"), .body_max = 100000 });
	ck_assert_uint_eq(last.body_len, 100000);
}
END_TEST

static size_t streamed;
static enum { GO_ON, GIVE_UP, CANCEL } on_piece;

static bool take_piece(long status, const char *data, size_t len, void *arg)
{
	ck_assert_int_eq(status, 200);
	ck_assert_ptr_nonnull(data);
	ck_assert_ptr_eq(arg, &last);
	streamed += len;
	if (on_piece == CANCEL)
		http_request_cancel(&slot);
	return on_piece != GIVE_UP;
}

START_TEST(a_body_can_be_streamed)
{
	streamed = 0;
	on_piece = GO_ON;
	ask((struct http_call){ .url = url_of("/large"), .on_data = take_piece });
	ck_assert_uint_eq(streamed, 100000);
	ck_assert_uint_eq(last.body_len, 0);
	ck_assert_int_eq(last.status, 200);
	on_piece = GIVE_UP;
	ask((struct http_call){ .url = url_of("/large"), .on_data = take_piece });
	ck_assert_int_eq(last.error.kind, ERROR_UNAVAILABLE);
	ck_assert_int_eq(last.status, 0);
}
END_TEST

START_TEST(cancelling_while_a_piece_is_taken_is_safe)
{
	on_piece = CANCEL;
	begin((struct http_call){ .url = url_of("/large"), .on_data = take_piece });
	UNTIL(loop, !slot);
	UNTIL(loop, http_server_connections(server) == 0);
	ck_assert_int_eq(done_calls, 0);
}
END_TEST

START_TEST(cancelling_is_silent)
{
	begin((struct http_call){ .url = url_of("/a") });
	http_request_cancel(&slot); /* before curl has it */
	ck_assert_ptr_null(slot);
	http_request_cancel(&slot);
	begin((struct http_call){ .url = url_of("/hold") });
	UNTIL(loop, held_count);
	http_request_cancel(&slot);
	UNTIL(loop, http_server_connections(server) == 0);
	ck_assert_int_eq(done_calls, 0);
	ck_assert_int_eq(handled, 1);
}
END_TEST

static struct http_request *second;

static void start_another(const struct http_reply *reply, void *arg)
{
	struct http_call call = { .url = url, .timeout_ms = 10000 };

	(void)arg;
	ck_assert_int_eq(reply->status, 200);
	http_request_cancel(&second);
	ck_assert(http_request_start(client, &call, on_done, &last, &slot, NULL));
}

START_TEST(a_callback_may_cancel_and_start)
{
	struct http_call call = { .url = url_of("/a"), .timeout_ms = 10000 };

	ck_assert(http_request_start(client, &call, on_done, &last, &second, NULL));
	ck_assert(http_request_start(client, &call, start_another, NULL, &slot, NULL));
	http_request_cancel(&second);
	ck_assert(http_request_start(client, &call, on_done, &last, &second, NULL));
	UNTIL(loop, done_calls);
	UNTIL(loop, !slot && !second);
	ck_assert_int_eq(last.status, 200);
}
END_TEST

static void free_client(const struct http_reply *reply, void *arg)
{
	(void)arg;
	http_client_free(client);
	client = NULL;
	(void)snprintf(last_body, sizeof(last_body), "%.*s", (int)reply->body_len, reply->body);
	done_calls++;
}

START_TEST(a_callback_may_free_the_client)
{
	struct http_call call = { .url = url_of(_i ? "/drip" : "/a"), .timeout_ms = 10000 };

	call.stall_ms = _i ? 50 : 0;
	ck_assert(http_request_start(client, &call, free_client, NULL, &slot, NULL));
	ck_assert(http_request_start(client, &call, on_done, &last, &second, NULL));
	UNTIL(loop, done_calls);
	UNTIL(loop, !client);
	ck_assert_ptr_null(slot);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(what_breaks_the_rules_does_not_start)
{
	static const char *const forged[] = { "X-A: a\r\nX-B: b", NULL };
	struct http_call call = { .url = "http://127.0.0.1/" };
	struct error error = { 0 };

	ck_assert(!http_request_start(client, &call, on_done, &last, &slot, &error));
	ck_assert_int_eq(error.kind, ERROR_INVALID);
	call.timeout_ms = 1000;
	call.headers = forged;
	ck_assert(!http_request_start(client, &call, on_done, &last, &slot, &error));
	ck_assert_int_eq(error.kind, ERROR_INVALID);
	ck_assert_ptr_null(slot);
	call.headers = NULL;
	call.url = "file:///etc/passwd";
	ask(call);
	ck_assert_int_eq(last.error.kind, ERROR_UNAVAILABLE);
}
END_TEST

START_TEST(redirects_are_not_followed)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), peer = -1;
	static const char reply[] = "HTTP/1.1 302 Found\r\nLocation: /other\r\n"
				    "Content-Length: 0\r\n\r\n";

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(at.sin_port));
	begin((struct http_call){ .url = url });
	UNTIL(loop, (peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
	ck_assert_int_gt(send(peer, reply, sizeof(reply) - 1, MSG_NOSIGNAL), 0);
	UNTIL(loop, done_calls);
	ck_assert_int_eq(last.status, 302);
	(void)close(peer);
	(void)close(listener);
}
END_TEST

START_TEST(a_unix_socket_is_asked)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), peer = -1;
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
	char folder[] = "/tmp/stadion-test-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", folder);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	client_make((struct http_client_options){ .unix_socket = at.sun_path });
	begin((struct http_call){ .url = "http://docker/version" });
	UNTIL(loop, (peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
	ck_assert_int_gt(send(peer, reply, sizeof(reply) - 1, MSG_NOSIGNAL), 0);
	UNTIL(loop, done_calls);
	ck_assert_int_eq(last.status, 200);
	ck_assert_str_eq(last_body, "hi");
	(void)close(peer);
	(void)close(listener);
	(void)unlink(at.sun_path);
	(void)rmdir(folder);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_client");
	TCase *tcase = tcase_create("http_client");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, requests_get_their_replies, 0, ROWS(calls));
	tcase_add_test(tcase, the_token_goes_with_every_request);
	tcase_add_test(tcase, connections_are_kept);
	tcase_add_test(tcase, a_deadline_ends_it);
	tcase_add_test(tcase, silence_ends_it);
	tcase_add_test(tcase, a_refused_connection_is_unavailable);
	tcase_add_test(tcase, a_body_is_bounded);
	tcase_add_test(tcase, a_body_can_be_streamed);
	tcase_add_test(tcase, cancelling_while_a_piece_is_taken_is_safe);
	tcase_add_test(tcase, cancelling_is_silent);
	tcase_add_test(tcase, a_callback_may_cancel_and_start);
	tcase_add_loop_test(tcase, a_callback_may_free_the_client, 0, 2);
	tcase_add_test(tcase, what_breaks_the_rules_does_not_start);
	tcase_add_test(tcase, redirects_are_not_followed);
	tcase_add_test(tcase, a_unix_socket_is_asked);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
