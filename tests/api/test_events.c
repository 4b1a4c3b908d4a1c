#include "api_case.h"

#include <inttypes.h>

#include <sys/socket.h>

#include "events.h"

/* /v2/events as its readers see it: over real connections, byte for byte. */

struct reader {
	struct api_case *of;
	struct bufferevent *connection;
	struct text head, stream; /* what came: headers, and the body without its chunks */
	bool ended;
	const char *until; /* stops the loop when the stream has this */
};

static struct api_case self;

/* Moves whole chunks from the connection to the stream. */
static void take_chunks(struct reader *reader, struct evbuffer *in)
{
	for (;;) {
		struct evbuffer_ptr end = evbuffer_search(in, "\r\n", 2, NULL);
		char size[16] = { 0 };
		size_t len;
		char *data;

		if (end.pos < 0 || end.pos >= (ev_ssize_t)sizeof(size))
			return;
		evbuffer_copyout(in, size, (size_t)end.pos);
		len = strtoul(size, NULL, 16);
		if (evbuffer_get_length(in) < (size_t)end.pos + 2 + len + 2)
			return;
		evbuffer_drain(in, (size_t)end.pos + 2);
		data = malloc(len + 2);
		evbuffer_remove(in, data, len + 2);
		text_add_bytes(&reader->stream, data, len);
		free(data);
	}
}

static void on_read(struct bufferevent *connection, void *arg)
{
	struct reader *reader = arg;
	struct evbuffer *in = bufferevent_get_input(connection);

	if (reader->head.len == 0) {
		struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
		char head[2048];

		if (end.pos < 0)
			return;
		ck_assert_int_lt(end.pos + 4, (ev_ssize_t)sizeof(head));
		evbuffer_remove(in, head, (size_t)end.pos + 4);
		text_add_bytes(&reader->head, head, (size_t)end.pos + 4);
	}
	take_chunks(reader, in);
	if (reader->until && strstr(text_string(&reader->stream), reader->until))
		loop_stop(self.loop);
}

static void on_end(struct bufferevent *connection, short what, void *arg)
{
	struct reader *reader = arg;

	(void)connection;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	reader->ended = true;
	loop_stop(self.loop);
}

static void reader_start(struct reader *reader, const char *query, const char *more)
{
	const struct timeval deadline = { .tv_sec = 20 };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(self.server)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	*reader = (struct reader){ .head = TEXT_INIT(65536), .stream = TEXT_INIT(64 << 20) };
	reader->connection =
		bufferevent_socket_new(loop_base(self.loop), -1, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(reader->connection, on_read, NULL, on_end, reader);
	bufferevent_set_timeouts(reader->connection, &deadline, NULL);
	bufferevent_enable(reader->connection, EV_READ | EV_WRITE);
	evbuffer_add_printf(bufferevent_get_output(reader->connection),
			    "GET /v2/events%s HTTP/1.1\r\nHost: a.test:8080\r\n"
			    "Accept: text/event-stream\r\n%s\r\n",
			    query, more);
	ck_assert_int_eq(bufferevent_socket_connect(reader->connection, (struct sockaddr *)&address,
						    (int)sizeof(address)),
			 0);
}

static void reader_end(struct reader *reader)
{
	bufferevent_free(reader->connection);
	text_clear(&reader->head);
	text_clear(&reader->stream);
}

static void reader_wait(struct reader *reader, const char *until)
{
	struct error error;

	reader->until = until;
	if (!strstr(text_string(&reader->stream), until))
		ck_assert(loop_run(self.loop, &error));
	reader->until = NULL;
	ck_assert_msg(strstr(text_string(&reader->stream), until), "no %s in\n%s%s", until,
		      text_string(&reader->head), text_string(&reader->stream));
}

static const struct event_bus *bus(void)
{
	return coordinator_events(self.coordinator);
}

static void create(const char *id)
{
	char body[256];
	const struct step step = { "a create", "POST", "/v2/apps", "Content-Type: application/json",
				   body,       201,    { NULL } };

	snprintf(body, sizeof(body), "{\"id\":\"%s\",\"cmd\":\"sleep 1\",\"instances\":0}", id);
	api_case_run(&self, &step);
}

/* All frames that the bus has from that number on. */
static struct text frames_from(uint64_t number)
{
	struct text frames = TEXT_INIT(1 << 20);

	for (; number <= event_bus_last(bus()); number++) {
		const struct event *event = event_bus_get(bus(), number);

		text_add_bytes(&frames, event->frame, event->len);
	}
	return frames;
}

/* Reads on until all that is published has come, and compares it with what it must be. */
static void expect_stream(struct reader *reader, const char *want)
{
	struct error error;
	char last[64];

	snprintf(last, sizeof(last), "id: %" PRIu64 "\r\n", event_bus_last(bus()));
	reader->until = last;
	if (!strstr(text_string(&reader->stream), last))
		ck_assert(loop_run(self.loop, &error));
	reader->until = NULL;
	ck_assert_str_eq(text_string(&reader->stream), want);
}

START_TEST(a_stream_is_byte_for_byte)
{
	struct reader reader;
	struct text want;
	char value[128];
	uint64_t first;

	api_case_start(&self, NULL);
	create("/before");
	first = event_bus_last(bus()) + 1;
	reader_start(&reader, "", "");
	reader_wait(&reader, "event_stream_attached");
	ck_assert_int_eq(strncmp(text_string(&reader.head), "HTTP/1.1 200 ", 13), 0);
	ck_assert_str_eq(api_case_header(text_string(&reader.head), "Content-Type", 12, value,
					 sizeof(value)),
			 "text/event-stream;charset=utf-8");
	ck_assert_str_eq(
		api_case_header(text_string(&reader.head), "Connection", 10, value, sizeof(value)),
		"close");
	create("/a");
	reader_wait(&reader, "event: deployment_success\r\n");
	want = frames_from(first); /* no more, no less */
	expect_stream(&reader, text_string(&want));
	text_clear(&want);
	snprintf(value, sizeof(value),
		 "id: %" PRIu64 "\r\nevent: event_stream_attached\r\ndata: "
		 "{\"remoteAddress\":\"127.0.0.1\",\"eventType\":\"event_stream_attached\","
		 "\"timestamp\":\"",
		 first);
	ck_assert_int_eq(strncmp(text_string(&reader.stream), value, strlen(value)), 0);
	ck_assert_ptr_nonnull(strstr(text_string(&reader.stream),
				     "data: {\"clientIp\":\"127.0.0.1\",\"uri\":\"/v2/apps\","
				     "\"appDefinition\":{\"id\":\"/a\","));
	reader_end(&reader);
	api_case_stop(&self);
}
END_TEST

START_TEST(a_reader_names_what_it_wants)
{
	struct reader reader;
	const char *stream;
	size_t count = 0;

	api_case_start(&self, NULL);
	reader_start(&reader,
		     "?event_type=api_post_event&event_type=deployment_success&"
		     "event_type=no_such_event&plan-format=light",
		     "");
	while (event_bus_last(bus()) < event_bus_first(bus())) { /* it is attached */
		ck_assert_int_eq(event_base_loop(loop_base(self.loop), EVLOOP_ONCE), 0);
	}
	create("/a");
	reader_wait(&reader, "event: deployment_success\r\n");
	stream = text_string(&reader.stream);
	for (const char *at = stream; (at = strstr(at, "event: ")); at++)
		count++;
	ck_assert_uint_eq(count, 2);
	ck_assert_ptr_nonnull(strstr(stream, "event: api_post_event\r\n"));
	reader_end(&reader);
	api_case_stop(&self);
}
END_TEST

START_TEST(a_reader_that_comes_back_goes_on)
{
	struct reader reader;
	struct text want;
	char header[64];
	uint64_t seen;

	api_case_start(&self, NULL);
	create("/a");
	seen = event_bus_first(bus()) + 2;
	create("/b");
	snprintf(header, sizeof(header), "Last-Event-ID: %" PRIu64 "\r\n", seen);
	reader_start(&reader, "", header);
	reader_wait(&reader, "event_stream_attached");
	want = frames_from(seen + 1);
	expect_stream(&reader, text_string(&want));
	text_clear(&want);
	reader_end(&reader);
	api_case_stop(&self);
}
END_TEST

static const struct gap {
	const char *claim, *asked;
	int64_t from_last; /* asked is that far beyond the newest; 0: as it stands */
} gaps[] = {
	{ "older than what is kept", "5", 0 },
	{ "newer than all", NULL, 1 },
	{ "of another kind of server", "abc-1", 0 },
	{ "beyond all numbers", "99999999999999999999999999", 0 },
	{ "negative", "-1", 0 },
};

START_TEST(a_gap_is_told)
{
	const struct gap *row = &gaps[_i];
	struct reader reader;
	struct text want;
	char header[128], start[256];
	const char *end;

	api_case_start(&self, NULL);
	create("/a");
	snprintf(header, sizeof(header), "Last-Event-ID: %" PRIu64 "\r\n",
		 event_bus_last(bus()) + (uint64_t)row->from_last);
	if (row->asked)
		snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", row->asked);
	reader_start(&reader, "?event_type=event_stream_attached&event_type=group_change_success",
		     header);
	reader_wait(&reader, "event: event_stream_attached");
	snprintf(start, sizeof(start),
		 "id: %" PRIu64 "\r\nevent: event_stream_gap\r\ndata: {\"lastEventId\":\"",
		 event_bus_first(bus()) - 1);
	ck_assert_msg(!strncmp(text_string(&reader.stream), start, strlen(start)), "%s: %s",
		      row->claim, text_string(&reader.stream));
	snprintf(start, sizeof(start), ",\"from\":%" PRIu64 ",", event_bus_first(bus()));
	ck_assert_ptr_nonnull(strstr(text_string(&reader.stream), start));
	end = strstr(text_string(&reader.stream), "\r\n\r\n") + 4;
	want = frames_from(event_bus_first(bus())); /* and all that is kept, from there on */
	ck_assert_int_eq(strncmp(end, text_string(&want), strcspn(end, "{")), 0);
	text_clear(&want);
	reader_end(&reader);
	api_case_stop(&self);
}
END_TEST

START_TEST(a_reader_that_does_not_read_is_cut)
{
	enum { SIZE = 500000, COUNT = 35 };
	struct reader slow, quick;
	char *body = malloc(SIZE + 200);
	struct step step = {
		"a large update", "PUT", "/v2/apps/a", "Content-Type: application/json", body, 200,
		{ NULL }
	};
	int len;

	api_case_start(&self, NULL);
	create("/a");
	reader_start(&slow, "", "");
	reader_wait(&slow, "event_stream_attached");
	reader_start(&quick, "?event_type=api_post_event", "");
	bufferevent_disable(slow.connection, EV_READ);
	for (int i = 0; i < COUNT; i++) {
		len = sprintf(body, "{\"labels\":{\"n%d\":\"", i);
		memset(body + len, 'x', SIZE);
		strcpy(body + len + SIZE, "\"}}");
		api_case_run(&self, &step);
		snprintf(body, 64, "\"labels\":{\"n%d\":", i);
		reader_wait(&quick, body); /* is not kept waiting */
		text_clear(&quick.stream);
	}
	bufferevent_enable(slow.connection, EV_READ);
	while (!slow.ended) {
		struct error error;

		ck_assert(loop_run(self.loop, &error));
	}
	snprintf(body, 64, "\"labels\":{\"n%d\":", COUNT - 1);
	ck_assert_ptr_null(strstr(text_string(&slow.stream), body));
	ck_assert(!quick.ended);
	reader_end(&slow);
	reader_end(&quick);
	free(body);
	api_case_stop(&self);
}
END_TEST

START_TEST(there_is_a_limit_and_it_is_named)
{
	static struct reader readers[EVENT_STREAMS_MAX];
	static const struct step one_more = {
		"one more",
		"GET",
		"/v2/events",
		"Accept: text/event-stream",
		NULL,
		503,
		{ "message=100 event streams are open, the most there may be" }
	};

	api_case_start(&self, NULL);
	for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
		reader_start(&readers[i], "", "");
	for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
		reader_wait(&readers[i], "event_stream_attached");
	api_case_run(&self, &one_more);
	reader_end(&readers[0]); /* makes room, and is told of */
	reader_wait(&readers[1], "event: event_stream_detached\r\n");
	reader_start(&readers[0], "", "");
	reader_wait(&readers[0], "event_stream_attached");
	for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
		reader_end(&readers[i]);
	api_case_stop(&self);
}
END_TEST

static const struct step refusals[] = {
	{ "no Accept", "GET", "/v2/events", NULL, NULL, 406, { "message=*" } },
	{ "any type", "GET", "/v2/events", "Accept: */*", NULL, 406, { "message=*" } },
	{ "JSON", "GET", "/v2/events", "Accept: application/json", NULL, 406, { "message=*" } },
	{ "a POST", "POST", "/v2/events", "Accept: text/event-stream", NULL, 405, { "@Allow=*" } },
	{ "a HEAD", "HEAD", "/v2/events", "Accept: text/event-stream", NULL, 200, { NULL } },
};

START_TEST(refusals_follow_the_table)
{
	api_case_start(&self, NULL);
	API_CASE_RUN(&self, refusals);
	api_case_stop(&self);
}
END_TEST

START_TEST(streams_need_the_password_too)
{
	static const struct step step = { "without a name",
					  "GET",
					  "/v2/events",
					  "Accept: text/event-stream",
					  NULL,
					  401,
					  { "@WWW-Authenticate=*" } };

	api_case_start(&self, "user:password");
	api_case_run(&self, &step);
	api_case_stop(&self);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tcase = tcase_create("events");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_stream_is_byte_for_byte);
	tcase_add_test(tcase, a_reader_names_what_it_wants);
	tcase_add_test(tcase, a_reader_that_comes_back_goes_on);
	tcase_add_loop_test(tcase, a_gap_is_told, 0, ROWS(gaps));
	tcase_add_test(tcase, a_reader_that_does_not_read_is_cut);
	tcase_add_test(tcase, there_is_a_limit_and_it_is_named);
	tcase_add_test(tcase, refusals_follow_the_table);
	tcase_add_test(tcase, streams_need_the_password_too);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
