#include "stadion/net/http_server.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "loop_until.h"
#include "raw_peer.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"

static struct loop *loop;
static struct http_server *server;
static struct http_exchange *held;
static int handled, gone;

static void on_gone(void *arg)
{
	++*(int *)arg;
}

/* What a request asks for stands in its path. */
static void handle(struct http_exchange *exchange, void *arg)
{
	const char *path = http_exchange_path(exchange);
	size_t len;
	const char *body = http_exchange_body(exchange, &len);

	(void)arg;
	handled++;
	if (strcmp(path, "/hold") == 0 || strcmp(path, "/watch") == 0) {
		if (strcmp(path, "/watch") == 0)
			http_exchange_on_gone(exchange, on_gone, &gone);
		held = exchange;
	} else if (strcmp(path, "/stream") == 0) {
		http_exchange_stream_begin(exchange, 200, "text/event-stream");
		http_exchange_on_gone(exchange, on_gone, &gone);
		held = exchange;
	} else if (strcmp(path, "/empty") == 0) {
		http_exchange_reply_empty(exchange, 204);
	} else if (strcmp(path, "/echo") == 0) {
		http_exchange_header(exchange, "X-Method", http_exchange_method(exchange));
		http_exchange_reply(exchange, 200, "text/plain", body, len);
	} else {
		http_exchange_reply(exchange, 200, "text/plain", path, strlen(path));
	}
}

static void start(struct http_server_options options)
{
	struct error error = { 0 };

	options.address = "127.0.0.1";
	loop = loop_new(&error);
	ck_assert_msg(loop != NULL, "%s", error.text);
	server = http_server_new(loop, &options, handle, NULL, &error);
	ck_assert_msg(server != NULL, "%s", error.text);
	held = NULL;
	handled = gone = 0;
}

static void stop(void)
{
	http_server_free(server);
	loop_free(loop);
	server = NULL;
}

static struct raw_peer *peer_new(void)
{
	struct raw_peer *peer = malloc(sizeof(*peer));

	ck_assert_ptr_nonnull(peer);
	raw_connect(peer, http_server_port(server));
	return peer;
}

static void peer_free(struct raw_peer *peer)
{
	if (peer->fd >= 0)
		raw_close(peer);
	free(peer);
}

static const struct {
	const char *claim, *request, *want, *want_also;
} requests[] = {
	{ "GET", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n/a" },
	{ "decoded", "GET /a%20b%2fc HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ",
	  "\r\n\r\n/a b/c" },
	{ "PATCH", "PATCH /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
	  "X-Method: PATCH", "\r\n\r\nhi" },
	{ "chunked",
	  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
	  "chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n"
	  "0\r\n\r\n",
	  "HTTP/1.1 200 ", "\r\n\r\nabc" },
	{ "OPTIONS", "OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n", "X-Method: OPTIONS", "200" },
	{ "HEAD has the length", "HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n", "Content-Length: 4",
	  "HTTP/1.1 200 " },
	{ "no content", "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 204 ", "\r\n\r\n" },
	{ "signed length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nhi",
	  "HTTP/1.1 400 ", "Connection: close" },
	{ "two lengths",
	  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
	  "HTTP/1.1 400 ", "twice" },
	{ "length and chunks",
	  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
	  "chunked\r\n\r\n0\r\n\r\n",
	  "HTTP/1.1 400 ", "Bad Request" },
	{ "other encoding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	  "HTTP/1.1 400 ", "Transfer-Encoding" },
	{ "two hosts", "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400 ", "twice" },
	{ "control in a header", "GET /a HTTP/1.1\r\nHost: x\r\nX-A: a\x01z\r\n\r\n",
	  "HTTP/1.1 400 ", "control" },
	{ "space in a name", "GET /a HTTP/1.1\r\nHost: x\r\nX A: a\r\n\r\n", "HTTP/1.1 400 ",
	  "name" },
	{ "NUL in the path", "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ", "control" },
	{ "line break in the path", "GET /a%0ab HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ",
	  "control" },
	{ "half an escape", "GET /a%2 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ", "" },
	{ "not UTF-8", "GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ", "UTF-8" },
	{ "other method", "BREW /a HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 501 ", "" },
	{ "no HTTP", "hello\r\n\r\n", "400", "" },
};

START_TEST(requests_are_answered)
{
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, requests[_i].request);
	UNTIL(loop, raw_has(peer, requests[_i].want) || peer->ended);
	UNTIL(loop, raw_has(peer, requests[_i].want_also) || peer->ended);
	ck_assert_msg(strstr(peer->got, requests[_i].want) &&
			      strstr(peer->got, requests[_i].want_also),
		      "%s: %s", requests[_i].claim, peer->got);
	peer_free(peer);
	UNTIL(loop, http_server_connections(server) == 0);
	stop();
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer,
		 "GET /first HTTP/1.1\r\nHost: x\r\n\r\nHEAD /none HTTP/1.1\r\nHost: x\r\n\r\n"
		 "GET /second HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, raw_has(peer, "/second"));
	ck_assert_ptr_null(strstr(peer->got, "/none"));
	ck_assert(strstr(peer->got, "/first") < strstr(peer->got, "/second"));
	ck_assert_int_eq(handled, 3);
	peer_free(peer);
	stop();
}
END_TEST

START_TEST(keep_alive_round_trips_are_fast)
{
	struct raw_peer *peer;
	uint64_t begin;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	begin = clock_monotonic_ms();
	for (int i = 0; i < 200; i++) {
		peer->len = 0;
		peer->got[0] = '\0';
		raw_send(peer, "GET /k HTTP/1.1\r\nHost: x\r\n\r\n");
		while (!raw_has(peer, "\r\n\r\n/k"))
			ck_assert_int_ge(event_base_loop(loop_base(loop), EVLOOP_ONCE), 0);
	}
	/* 40 ms each with delayed acks */
	ck_assert_uint_lt(clock_monotonic_ms() - begin, 1000);
	printf("200 keep-alive round trips: %llu ms\n",
	       (unsigned long long)(clock_monotonic_ms() - begin));
	peer_free(peer);
	stop();
}
END_TEST

static const char *const drips[] = {
	"GET / HT",
	"GET /a HTTP/1.1\r\nHost: x\r\nX-",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	"",
	"GET /done HTTP/1.1\r\nHost: x\r\n\r\nGET /a HT",
};

START_TEST(who_drips_is_cut_at_the_deadline)
{
	struct raw_peer *peer;
	uint64_t begin;

	start((struct http_server_options){ .request_ms = 150 });
	peer = peer_new();
	begin = clock_monotonic_ms();
	raw_send(peer, drips[_i]);
	while (!raw_ended(peer)) {
		loop_until_step(loop);
		raw_send(peer, "a"); /* never silent, never done */
	}
	ck_assert_uint_ge(clock_monotonic_ms() - begin, 140);
	ck_assert_uint_lt(clock_monotonic_ms() - begin, 1500);
	UNTIL(loop, http_server_connections(server) == 0);
	peer_free(peer);
	stop();
}
END_TEST

START_TEST(a_large_body_is_refused_and_takes_no_memory)
{
	static char block[1 << 20];
	struct rusage before, after;
	struct raw_peer *peer;
	size_t left = 100;

	memset(block, 'x', sizeof(block) - 1);
	start((struct http_server_options){ 0 });
	peer = peer_new();
	ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
	raw_send(peer, _i ? "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "6400000\r\n"
			  : "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n");
	while (!raw_has(peer, "HTTP/1.1 413 ") && !peer->ended) {
		if (left > 0 &&
		    send(peer->fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			left--;
		loop_until_step(loop);
	}
	ck_assert_msg(strstr(peer->got, "HTTP/1.1 413 ") != NULL, "%s", peer->got);
	ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 32 << 10);
	ck_assert_int_eq(handled, 0);
	peer_free(peer);
	UNTIL(loop, http_server_connections(server) == 0);
	stop();
}
END_TEST

START_TEST(headers_are_bounded_in_bytes_and_number)
{
	struct text text = TEXT_INIT(1 << 20);
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	text_add(&text, "GET /a HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 101; i++)
		text_addf(&text, "X-%d: 1\r\n", i);
	text_add(&text, "\r\n");
	raw_send(peer, text_string(&text));
	UNTIL(loop, raw_has(peer, "HTTP/1.1 431 "));
	peer_free(peer);

	text_clear(&text);
	text_add(&text, "GET /a HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 17 << 10; i++)
		text_add(&text, "a");
	peer = peer_new();
	raw_send(peer, text_string(&text));
	UNTIL(loop, raw_ended(peer) || raw_has(peer, "\r\n\r\n"));
	printf("a header of 17 KiB: %.30s\n", peer->got);
	ck_assert_int_eq(handled, 0);
	peer_free(peer);
	UNTIL(loop, http_server_connections(server) == 0);
	text_clear(&text);
	stop();
}
END_TEST

START_TEST(connections_beyond_the_maximum_wait_for_one_to_end)
{
	struct raw_peer *peers[8];

	start((struct http_server_options){ .connection_max = 3 });
	for (size_t i = 0; i < ROWS(peers); i++) {
		peers[i] = peer_new();
		raw_send(peers[i], "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	UNTIL(loop, raw_has(peers[0], "/a") && raw_has(peers[1], "/a") && raw_has(peers[2], "/a"));
	ck_assert_uint_eq(http_server_connections(server), 3);
	for (int i = 0; i < 20; i++)
		loop_until_step(loop);
	ck_assert(!raw_has(peers[3], "/a"));
	for (size_t i = 0; i < ROWS(peers); i++) {
		UNTIL(loop, raw_has(peers[i], "/a"));
		ck_assert_uint_le(http_server_connections(server), 3);
		peer_free(peers[i]);
	}
	UNTIL(loop, http_server_connections(server) == 0);
	stop();
}
END_TEST

START_TEST(a_deferred_reply_reaches_its_peer)
{
	struct raw_peer *peer;

	start((struct http_server_options){ .request_ms = 50 });
	peer = peer_new();
	raw_send(peer, "POST /watch?a=1&b&a=x%20y+z&force HTTP/1.1\r\nHost: x\r\nX-Y: z\r\n"
		       "Content-Length: 2\r\n\r\nhi");
	UNTIL(loop, held);
	for (int i = 0; i < 50; i++) /* the request's deadline is not the reply's */
		loop_until_step(loop);
	ck_assert_str_eq(http_exchange_query(held, "a", 0), "1");
	ck_assert_str_eq(http_exchange_query(held, "a", 1), "x y z");
	ck_assert_ptr_null(http_exchange_query(held, "a", 2));
	ck_assert_str_eq(http_exchange_query(held, "b", 0), "");
	ck_assert_str_eq(http_exchange_query(held, "force", 0), "");
	ck_assert_ptr_null(http_exchange_query(held, "absent", 0));
	ck_assert_str_eq(http_exchange_request_header(held, "x-y"), "z");
	ck_assert_str_eq(http_exchange_peer(held), "127.0.0.1");
	http_exchange_reply(held, 200, "text/plain", "late", 4);
	UNTIL(loop, raw_has(peer, "\r\n\r\nlate"));
	ck_assert_int_eq(gone, 0);
	peer_free(peer);
	UNTIL(loop, http_server_connections(server) == 0);
	stop();
}
END_TEST

START_TEST(a_peer_that_leaves_is_told_once_and_its_request_stays_readable)
{
	struct raw_peer *peer;
	size_t len;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, "POST /watch HTTP/1.1\r\nHost: x\r\nX-Y: z\r\nContent-Length: 2\r\n\r\nhi");
	UNTIL(loop, held);
	peer_free(peer);
	UNTIL(loop, gone);
	ck_assert_int_eq(gone, 1);
	ck_assert_uint_eq(http_server_connections(server), 0);
	ck_assert_str_eq(http_exchange_path(held), "/watch");
	ck_assert_str_eq(http_exchange_request_header(held, "X-Y"), "z");
	ck_assert_int_eq(memcmp(http_exchange_body(held, &len), "hi", 2), 0);
	ck_assert_uint_eq(len, 2);
	http_exchange_header(held, "X-Late", "1");
	http_exchange_reply(held, 200, "text/plain", "late", 4);
	stop();
}
END_TEST

START_TEST(a_reply_to_a_peer_that_left_unseen_is_dropped)
{
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, held);
	peer_free(peer);
	for (int i = 0; i < 5; i++)
		loop_until_step(loop);
	http_exchange_reply_empty(held, 200);
	UNTIL(loop, http_server_connections(server) == 0);
	stop();
}
END_TEST

START_TEST(open_exchanges_outlive_the_server)
{
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, _i ? "GET /watch HTTP/1.1\r\nHost: x\r\n\r\n"
			  : "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, held);
	http_server_free(server);
	ck_assert_int_eq(gone, _i);
	ck_assert_str_eq(http_exchange_request_header(held, "Host"), "x");
	http_exchange_reply_empty(held, 200);
	UNTIL(loop, raw_ended(peer));
	peer_free(peer);
	loop_free(loop);
}
END_TEST

START_TEST(a_stream_comes_in_chunks)
{
	struct raw_peer *peer;

	start((struct http_server_options){ .request_ms = 50 });
	peer = peer_new();
	raw_send(peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, held);
	ck_assert(http_exchange_stream_write(held, "one", 3));
	UNTIL(loop, raw_has(peer, "3\r\none\r\n"));
	for (int i = 0; i < 50; i++)
		loop_until_step(loop);
	ck_assert(http_exchange_stream_write(held, "three", 5));
	http_exchange_stream_end(held);
	UNTIL(loop, raw_has(peer, "5\r\nthree\r\n0\r\n\r\n"));
	ck_assert_ptr_nonnull(strstr(peer->got, "Transfer-Encoding: chunked"));
	ck_assert_ptr_nonnull(strstr(peer->got, "text/event-stream"));
	peer->len = 0;
	raw_send(peer, "GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, raw_has(peer, "/again"));
	peer_free(peer);
	stop();
}
END_TEST

START_TEST(a_stream_to_HTTP_1_0_ends_with_the_connection)
{
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	UNTIL(loop, held);
	ck_assert(http_exchange_stream_write(held, "one", 3));
	http_exchange_stream_end(held);
	UNTIL(loop, raw_ended(peer));
	ck_assert_ptr_nonnull(strstr(peer->got, "\r\n\r\none"));
	peer_free(peer);
	stop();
}
END_TEST

START_TEST(a_stream_notices_that_its_reader_left)
{
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, held);
	peer_free(peer);
	UNTIL(loop, gone);
	ck_assert(!http_exchange_stream_write(held, "x", 1));
	http_exchange_stream_end(held);
	ck_assert_uint_eq(http_server_connections(server), 0);
	stop();
}
END_TEST

START_TEST(a_stream_asked_for_by_HEAD_has_no_body)
{
	struct raw_peer *peer;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, held);
	ck_assert(!http_exchange_stream_write(held, "one", 3));
	http_exchange_stream_end(held);
	raw_send(peer, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, raw_has(peer, "/next"));
	ck_assert_ptr_null(strstr(peer->got, "one"));
	peer_free(peer);
	stop();
}
END_TEST

START_TEST(a_reader_that_does_not_read_is_cut)
{
	static char block[64 << 10];
	struct raw_peer *peer;
	size_t written = 0;

	start((struct http_server_options){ 0 });
	peer = peer_new();
	raw_send(peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(loop, held);
	while (http_exchange_stream_write(held, block, sizeof(block))) {
		written += sizeof(block);
		ck_assert_uint_lt(written, 64U << 20);
		loop_until_step(loop);
	}
	UNTIL(loop, gone);
	ck_assert_uint_ge(written, HTTP_STREAM_PENDING_MAX - sizeof(block));
	ck_assert_uint_eq(http_server_connections(server), 0);
	http_exchange_stream_end(held);
	peer_free(peer);
	stop();
}
END_TEST

START_TEST(what_cannot_be_bound_says_why)
{
	struct http_server_options options = { .address = "127.0.0.1" };
	struct error error = { 0 };

	start((struct http_server_options){ 0 });
	options.port = http_server_port(server);
	ck_assert_ptr_null(http_server_new(loop, &options, handle, NULL, &error));
	ck_assert_int_eq(error.kind, ERROR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(error.text, "is taken"));
	options.address = "localhost";
	ck_assert_ptr_null(http_server_new(loop, &options, handle, NULL, &error));
	ck_assert_int_eq(error.kind, ERROR_INVALID);
	options.address = "192.0.2.1";
	ck_assert_ptr_null(http_server_new(loop, &options, handle, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "192.0.2.1"));
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_server");
	TCase *tcase = tcase_create("http_server");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, requests_are_answered, 0, ROWS(requests));
	tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
	tcase_add_test(tcase, keep_alive_round_trips_are_fast);
	tcase_add_loop_test(tcase, who_drips_is_cut_at_the_deadline, 0, ROWS(drips));
	tcase_add_loop_test(tcase, a_large_body_is_refused_and_takes_no_memory, 0, 2);
	tcase_add_test(tcase, headers_are_bounded_in_bytes_and_number);
	tcase_add_test(tcase, connections_beyond_the_maximum_wait_for_one_to_end);
	tcase_add_test(tcase, a_deferred_reply_reaches_its_peer);
	tcase_add_test(tcase, a_peer_that_leaves_is_told_once_and_its_request_stays_readable);
	tcase_add_test(tcase, a_reply_to_a_peer_that_left_unseen_is_dropped);
	tcase_add_loop_test(tcase, open_exchanges_outlive_the_server, 0, 2);
	tcase_add_test(tcase, a_stream_comes_in_chunks);
	tcase_add_test(tcase, a_stream_to_HTTP_1_0_ends_with_the_connection);
	tcase_add_test(tcase, a_stream_notices_that_its_reader_left);
	tcase_add_test(tcase, a_stream_asked_for_by_HEAD_has_no_body);
	tcase_add_test(tcase, a_reader_that_does_not_read_is_cut);
	tcase_add_test(tcase, what_cannot_be_bound_says_why);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
