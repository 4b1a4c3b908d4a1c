/* What never becomes an exchange is refused in JSON all the same. */

#include <json-c/json.h>
#include <stdlib.h>

#include "loop_until.h"
#include "raw_peer.h"
#include "stadion/base/language.h"
#include "stadion/json/json.h"
#include "stadion/net/http_server.h"

static const struct row {
	const char *claim, *request;
	int status;
} rows[] = {
	{ "an unknown method", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501 },
	{ "no HTTP", "hello\r\n\r\n", 400 },
	{ "no version", "GET /\r\n\r\n", 400 },
	{ "a version to come", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400 },
	{ "a version that is none", "GET / HTTP/-1.1\r\nHost: x\r\n\r\n", 505 },
	{ "a version long gone", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505 },
	{ "a header without colon", "GET / HTTP/1.1\r\nnonsense\r\n\r\n", 400 },
	{ "a body too large", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", 413 },
	{ "a body too large that asks first",
	  "PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n",
	  413 },
	{ "a chunk too large",
	  "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", 413 },
	{ "a chunk too large after asking",
	  "PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
	  "Transfer-Encoding: chunked\r\n\r\nffff\r\n",
	  413 },
};

static void handle(struct http_exchange *exchange, void *arg)
{
	bool *handled = arg;

	*handled = true;
	http_exchange_reply_empty(exchange, 204);
}

static int status_of(const char *got)
{
	static const char begin[] = "HTTP/1.1 ", go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!strncmp(got, go_on, strlen(go_on)))
		got += strlen(go_on);
	ck_assert_msg(!strncmp(got, begin, strlen(begin)), "%s", got);
	return (int)strtol(got + strlen(begin), NULL, 10);
}

START_TEST(refusals_are_json)
{
	const struct row *row = &rows[_i];
	struct http_server_options options = { .address = "127.0.0.1", .body_max = 1000 };
	struct error error = { 0 };
	bool handled = false;
	struct loop *loop = loop_new(&error);
	struct http_server *server = http_server_new(loop, &options, handle, &handled, &error);
	struct raw_peer *peer = calloc(1, sizeof(*peer));
	autoptr(json_object) body = NULL;
	const char *start;

	ck_assert_ptr_nonnull(peer);
	ck_assert_msg(server, "%s", error.text);
	raw_connect(peer, http_server_port(server));
	raw_send(peer, row->request);
	UNTIL(loop, raw_ended(peer));
	ck_assert_msg(status_of(peer->got) == row->status, "%s: %s", row->claim, peer->got);
	start = strchr(peer->got, '{');
	ck_assert_msg(start && strstr(peer->got, "Content-Type: application/json\r\n"), "%s: %s",
		      row->claim, peer->got);
	body = json_parse(start, strlen(start), &error);
	ck_assert_msg(body && *json_text(body, "message", ""), "%s: %s", row->claim, peer->got);
	ck_assert(!handled);
	raw_close(peer);
	free(peer);
	http_server_free(server);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_refusal");
	TCase *tcase = tcase_create("http_refusal");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, refusals_are_json, 0, ROWS(rows));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
