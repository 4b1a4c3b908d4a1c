/* Which replies are packed, and that they unpack to what was sent. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "loop_until.h"
#include "raw_peer.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/net/http_server.h"

static const struct row {
	const char *claim, *method, *headers, *type;
	size_t len;
	bool noise; /* nothing that repeats */
	bool packed;
} rows[] = {
	{ "offered", "GET", "Accept-Encoding: gzip\r\n", "application/json", 20000, false, true },
	{ "among others", "GET", "Accept-Encoding: br, gzip;q=0.5\r\n", "text/html", 5000, false,
	  true },
	{ "any", "GET", "Accept-Encoding: *\r\n", "text/plain", 5000, false, true },
	{ "not offered", "GET", "", "application/json", 20000, false, false },
	{ "refused", "GET", "Accept-Encoding: gzip;q=0\r\n", "application/json", 20000, false,
	  false },
	{ "small", "GET", "Accept-Encoding: gzip\r\n", "application/json", 1023, false, false },
	{ "just worth it", "GET", "Accept-Encoding: gzip\r\n", "application/json", 1024, false,
	  true },
	{ "already dense", "GET", "Accept-Encoding: gzip\r\n", "image/png", 20000, false, false },
	{ "does not shrink", "GET", "Accept-Encoding: gzip\r\n", "text/plain", 3000, true, false },
	{ "would hold the loop", "GET", "Accept-Encoding: gzip\r\n", "text/plain", (4U << 20) + 1,
	  false, false },
	{ "HEAD", "HEAD", "Accept-Encoding: gzip\r\n", "application/json", 20000, false, true },
};

/* The body of a row, to be freed. */
static char *make_body(const struct row *row)
{
	char *body = malloc(row->len + 1);
	uint32_t random = 1;

	ck_assert_ptr_nonnull(body);
	for (size_t i = 0; i < row->len; i++) {
		random = random * 1664525 + 1013904223;
		body[i] = row->noise ? (char)(random >> 24) : "{\"id\":1},"[i % 9];
	}
	return body;
}

static void handle(struct http_exchange *exchange, void *arg)
{
	const struct row *row = arg;
	char *body = make_body(row);

	http_exchange_reply(exchange, 200, row->type, body, row->len);
	free(body);
}

static void receive(struct loop *loop, const struct http_server *server, const struct row *row,
		    struct text *out)
{
	struct raw_peer *peer = calloc(1, sizeof(*peer));
	char request[256];

	ck_assert_ptr_nonnull(peer);
	raw_connect(peer, http_server_port(server));
	snprintf(request, sizeof(request),
		 "%s / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", row->method,
		 row->headers);
	raw_send(peer, request);
	while (!peer->ended) {
		loop_until_step(loop);
		peer->len = 0;
		(void)raw_poll(peer);
		text_add_bytes(out, peer->got, peer->len);
	}
	close(peer->fd);
	free(peer);
}

static void check_unpacks(const struct row *row, const char *packed, size_t len)
{
	char *body = make_body(row), *got = malloc(row->len + 1);
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)packed,
			    .avail_in = (uInt)len,
			    .next_out = (Bytef *)got,
			    .avail_out = (uInt)row->len };

	ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	ck_assert_uint_eq(stream.total_out, row->len);
	ck_assert_mem_eq(got, body, row->len);
	ck_assert_int_eq(inflateEnd(&stream), Z_OK);
	free(got);
	free(body);
}

START_TEST(replies_are_packed_where_it_is_worth_it)
{
	const struct http_server_options options = { .address = "127.0.0.1" };
	struct row row = rows[_i];
	struct error error = { 0 };
	struct loop *loop = loop_new(&error);
	struct http_server *server = http_server_new(loop, &options, handle, &row, &error);
	struct text got = TEXT_INIT(8U << 20);
	const char *body;
	size_t len;

	ck_assert_msg(server, "%s", error.text);
	receive(loop, server, &row, &got);
	body = strstr(text_string(&got), "\r\n\r\n");
	ck_assert_msg(body, "%s: no reply", row.claim);
	body += 4;
	len = got.len - (size_t)(body - got.data);
	ck_assert_msg(!strstr(got.data, "Content-Encoding: gzip") == !row.packed, "%s", row.claim);
	if (!strcmp(row.method, "HEAD"))
		ck_assert_uint_eq(len, 0);
	else if (row.packed)
		check_unpacks(&row, body, len);
	else
		ck_assert_msg(len == row.len, "%s: %zu bytes", row.claim, len);
	text_clear(&got);
	http_server_free(server);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_gzip");
	TCase *tcase = tcase_create("http_gzip");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, replies_are_packed_where_it_is_worth_it, 0, ROWS(rows));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
