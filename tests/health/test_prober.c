/* Probes against real listeners on loopback, which run on the same loop. */

#include "stadion/health/prober.h"

#include <arpa/inet.h>
#include <check.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"

enum manner { REFUSES, SILENT, DRIPS, ANSWERS, FLOODS };

struct peer {
	struct loop *loop;
	enum manner manner;
	const char *answer;
	struct evconnlistener *listener;
	struct bufferevent *connection; /* the newest */
	struct timer drip;
	bool answered; /* on the newest connection */
	int32_t port;
	unsigned accepted, stop_at; /* the loop stops at so many; 0: never */
};

static void on_drip(void *arg)
{
	struct peer *peer = arg;

	if (peer->connection)
		bufferevent_write(peer->connection, "X-Drip: 1\r\n", 11);
	timer_start(&peer->drip, 20);
}

static void on_request(struct bufferevent *connection, void *arg)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
	static const char block[65536];
	struct peer *peer = arg;

	if (peer->manner == ANSWERS) {
		peer->answered = true;
		bufferevent_write(connection, peer->answer, strlen(peer->answer));
	} else if (peer->manner == FLOODS) {
		bufferevent_write(connection, head, sizeof(head) - 1);
		for (int i = 0; i < 32; i++)
			bufferevent_write(connection, block, sizeof(block));
	} else if (peer->manner == DRIPS) {
		bufferevent_write(connection, "HTTP/1.1 200 OK\r\n", 17);
		timer_start(&peer->drip, 20);
	}
	bufferevent_disable(connection, EV_READ);
}

static void on_written(struct bufferevent *connection, void *arg)
{
	struct peer *peer = arg;

	/* Called too when writing only has become possible. */
	if (peer->answered && connection == peer->connection) {
		bufferevent_free(connection); /* answered whole: closes */
		peer->connection = NULL;
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int len, void *arg)
{
	struct peer *peer = arg;

	(void)listener;
	(void)address;
	(void)len;
	if (peer->connection)
		bufferevent_free(peer->connection);
	peer->answered = false;
	if (++peer->accepted == peer->stop_at)
		loop_stop(peer->loop);
	peer->connection = bufferevent_socket_new(loop_base(peer->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(peer->connection, on_request, peer->manner == ANSWERS ? on_written : NULL,
			  NULL, peer);
	bufferevent_enable(peer->connection, EV_READ | EV_WRITE);
}

static void peer_start(struct peer *peer)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	ck_assert(timer_init(&peer->drip, peer->loop, on_drip, peer, NULL));
	peer->listener = evconnlistener_new_bind(loop_base(peer->loop), on_accept, peer,
						 LEV_OPT_CLOSE_ON_FREE, 16,
						 (struct sockaddr *)&address, sizeof(address));
	ck_assert_ptr_nonnull(peer->listener);
	ck_assert_int_eq(getsockname(evconnlistener_get_fd(peer->listener),
				     (struct sockaddr *)&address, &len),
			 0);
	peer->port = ntohs(address.sin_port);
	if (peer->manner == REFUSES) {
		evconnlistener_free(peer->listener);
		peer->listener = NULL;
	}
}

static void peer_stop(struct peer *peer)
{
	if (peer->connection)
		bufferevent_free(peer->connection);
	if (peer->listener)
		evconnlistener_free(peer->listener);
	timer_clear(&peer->drip);
}

struct heard {
	struct loop *loop;
	struct prober_news news;
	unsigned count;
};

static void on_news(const struct prober_news *news, void *arg)
{
	struct heard *heard = arg;

	heard->news = *news;
	heard->count++;
	loop_stop(heard->loop);
}

/* A one-port, one-check app in host mode, whose check has been alive: failures count. */
static void probe_once(struct loop *loop, const struct health_check *check, int32_t port,
		       struct heard *heard)
{
	struct error error = { 0 };
	struct http_client *http = prober_http_client_new(loop, &error);
	struct app_port row = { 0 };
	struct health_check own = *check;
	struct app app = { .references = 1,
			   .id = (char *)"/probed",
			   .network = NETWORK_HOST,
			   .ports = &row,
			   .port_count = 1,
			   .checks = &own,
			   .check_count = 1 };
	const struct check_result results = { .known = true, .alive = true };
	const struct prober_options options = { .loop = loop,
						.http = http,
						.app = &app,
						.ports = &port,
						.address = "",
						.results = &results,
						.running_since_ms = clock_monotonic_ms() };
	struct prober *prober = prober_new(&options, on_news, heard, &error);

	ck_assert_msg(prober != NULL, "%s", error.text);
	heard->loop = loop;
	ck_assert_msg(loop_run(loop, &error), "%s", error.text);
	prober_free(prober);
	http_client_free(http);
}

static const struct row {
	const char *claim;
	enum check_protocol protocol;
	enum manner manner;
	const char *answer;
	const char *cause; /* NULL: passes */
} rows[] = {
	{ "200 passes", CHECK_HTTP, ANSWERS, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	  NULL },
	{ "302 passes and is not followed", CHECK_HTTP, ANSWERS,
	  "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
	  NULL },
	{ "503 fails", CHECK_HTTP, ANSWERS, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
	  "status 503" },
	{ "404 fails", CHECK_HTTP, ANSWERS, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
	  "status 404" },
	{ "an informational status and no more fails", CHECK_HTTP, ANSWERS,
	  "HTTP/1.1 102 Processing\r\n\r\n", "status 102 and no more" },
	{ "an informational status comes before the real one", CHECK_HTTP, ANSWERS,
	  "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL },
	{ "nobody listens", CHECK_HTTP, REFUSES, NULL, "connection refused" },
	{ "accepts and is silent", CHECK_HTTP, SILENT, NULL, "no answer within 0.4 s" },
	{ "drips for ever", CHECK_HTTP, DRIPS, NULL, "no answer within 0.4 s" },
	{ "garbage fails", CHECK_HTTP, ANSWERS, "\x01\x02 what is this\r\n\r\n", "" },
	{ "a body without end is cut, and passes", CHECK_HTTP, FLOODS, NULL, NULL },
	{ "plain text to a TLS check fails", CHECK_HTTPS, ANSWERS, "HTTP/1.1 200 OK\r\n\r\n", "" },
	{ "TCP: somebody accepts", CHECK_TCP, SILENT, NULL, NULL },
	{ "TCP: nobody listens", CHECK_TCP, REFUSES, NULL, "connection refused" },
};

START_TEST(probe_follows_the_table)
{
	const struct row *row = &rows[_i];
	struct error error = { 0 };
	struct loop *loop = loop_new(&error);
	struct peer peer = { .loop = loop, .manner = row->manner, .answer = row->answer };
	const struct health_check check = { .protocol = row->protocol,
					    .port = CHECK_PORT_UNSET,
					    .grace_ms = 1,
					    .interval_ms = 1000,
					    .timeout_ms = 400,
					    .max_failures = 3 };
	struct heard heard = { 0 };

	peer_start(&peer);
	probe_once(loop, &check, peer.port, &heard);

	const struct check_result *got = &heard.news.verdict.result;

	ck_assert_msg(got->alive == !row->cause, "%s: alive %d, %s", row->claim, got->alive,
		      got->cause);
	if (row->cause && row->cause[0])
		ck_assert_str_eq(got->cause, row->cause);
	if (row->cause)
		ck_assert_msg(got->cause[0] != '\0', "%s: no cause", row->claim);
	peer_stop(&peer);
	loop_free(loop);
}
END_TEST

/* The verdict stays as it was: three answers, and no news. */
START_TEST(informational_answers_are_ignored_on_request)
{
	struct error error = { 0 };
	struct loop *loop = loop_new(&error);
	struct peer peer = { .loop = loop,
			     .manner = ANSWERS,
			     .answer = "HTTP/1.1 102 Processing\r\n\r\n",
			     .stop_at = 3 };
	const struct health_check check = { .protocol = CHECK_HTTP,
					    .port = CHECK_PORT_UNSET,
					    .grace_ms = 1,
					    .interval_ms = 1000,
					    .timeout_ms = 400,
					    .max_failures = 3,
					    .ignore_http_1xx = true };
	struct heard heard = { 0 };

	peer_start(&peer);
	probe_once(loop, &check, peer.port, &heard);
	ck_assert_uint_eq(peer.accepted, 3);
	ck_assert_uint_eq(heard.count, 0);
	peer_stop(&peer);
	loop_free(loop);
}
END_TEST

START_TEST(freeing_in_the_middle_ends_everything)
{
	struct error error = { 0 };
	struct loop *loop = loop_new(&error);
	struct peer peer = { .loop = loop, .manner = SILENT };
	struct http_client *http = prober_http_client_new(loop, &error);
	struct app_port row = { 0 };
	struct health_check checks[2] = {
		{ .protocol = CHECK_HTTP,
		  .port = CHECK_PORT_UNSET,
		  .grace_ms = 1,
		  .interval_ms = 1000,
		  .timeout_ms = 60000 },
		{ .protocol = CHECK_TCP,
		  .port = CHECK_PORT_UNSET,
		  .grace_ms = 1,
		  .interval_ms = 1000,
		  .timeout_ms = 60000 },
	};
	struct app app = { .references = 1,
			   .id = (char *)"/probed",
			   .network = NETWORK_HOST,
			   .ports = &row,
			   .port_count = 1,
			   .checks = checks,
			   .check_count = 2 };
	const struct check_result results[2] = { 0 };
	struct heard heard = { .loop = loop };

	peer_start(&peer);
	const struct prober_options options = { .loop = loop,
						.http = http,
						.app = &app,
						.ports = &peer.port,
						.address = "",
						.results = results,
						.running_since_ms = clock_monotonic_ms() };
	struct prober *prober = prober_new(&options, on_news, &heard, &error);

	ck_assert_ptr_nonnull(prober);
	ck_assert(loop_run(loop, &error)); /* the TCP check passes; the HTTP one is under way */
	ck_assert_uint_eq(heard.news.check, 1);
	prober_free(prober);
	ck_assert_uint_eq(app.references, 1);
	http_client_free(http);
	peer_stop(&peer);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("prober");
	TCase *tcase = tcase_create("loopback");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, probe_follows_the_table, 0, (int)ROWS(rows));
	tcase_add_test(tcase, informational_answers_are_ignored_on_request);
	tcase_add_test(tcase, freeing_in_the_middle_ends_everything);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
