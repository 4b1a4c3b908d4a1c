#include "coordinator/stage.h"

/* The agents' wire itself: who is let in, in which order, and what is answered to whom. */

static struct stage stage;

struct said { /* one request and its reply */
	struct http_request *request;
	long status;
	char body[4096];
};

static void on_reply(const struct http_reply *reply, void *arg)
{
	struct said *said = arg;

	ck_assert_msg(reply->status != 0, "%s", reply->error.text);
	said->status = reply->status;
	snprintf(said->body, sizeof(said->body), "%.*s", (int)reply->body_len, reply->body);
}

static bool is_said(struct stage *unused, void *arg)
{
	(void)unused;
	return ((struct said *)arg)->status != 0;
}

static struct said say(const char *method, const char *path, const char *body,
		       const char *authorization)
{
	const char *headers[] = { authorization, NULL };
	struct said said = { .status = 0 };
	struct error error;
	char url[128];
	struct http_call call = { .method = method,
				  .url = url,
				  .body = body,
				  .body_len = body ? strlen(body) : 0,
				  .headers = authorization ? headers : NULL,
				  .timeout_ms = 5000 };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(stage.server), path);
	ck_assert(http_request_start(stage.hosts[0].client, &call, on_reply, &said, &said.request,
				     &error));
	stage_wait(&stage, "a reply", is_said, &said);
	return said;
}

static struct said say_hello(int protocol, const char *incarnation, const char *cluster,
			     uint64_t epoch)
{
	struct text body = TEXT_INIT(65536);
	struct said said;

	hello_write(&body, &(struct hello){ .protocol = protocol,
					    .host_id = (char[]){ "h" },
					    .incarnation = (char *)(uintptr_t)incarnation,
					    .boot_id = (char[]){ "boot" },
					    .cluster = (char *)(uintptr_t)cluster,
					    .epoch = epoch,
					    .hostname = (char *)(uintptr_t)incarnation,
					    .port_low = 31000,
					    .port_high = 32000,
					    .cpu_milli = 1000,
					    .mem_kib = 1 << 20,
					    .engine = (char[]){ "" },
					    .version = (char[]){ "0" } });
	said = say("POST", PROTOCOL_PATH_HELLO, text_string(&body), NULL);
	text_clear(&body);
	return said;
}

static const struct greeting {
	const char *claim;
	int protocol;
	const char *cluster;
	uint64_t epoch;
	long want;
} greetings[] = {
	{ "a new agent is welcome", PROTOCOL_VERSION, "", 0, 200 },
	{ "one version more is fine", PROTOCOL_VERSION + 1, "", 0, 200 },
	{ "two are not", PROTOCOL_VERSION + 2, "", 0, 409 },
	{ "another cluster's is refused", PROTOCOL_VERSION, "00000000-0000-4000-8000-000000000000",
	  0, 409 },
	{ "one that saw a later epoch is refused", PROTOCOL_VERSION, "", 1000, 409 },
};

START_TEST(an_agent_without_an_incarnation_is_refused)
{
	char long_one[80] = "";

	stage_set_up(&stage, 0);
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, "", "", 0).status, 400);
	memset(long_one, 'x', sizeof(long_one) - 1);
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, long_one, "", 0).status, 400);
	ck_assert_ptr_null(stage_cluster(&stage)->hosts);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(greetings_follow_the_table)
{
	const struct greeting *row = &greetings[_i];
	struct said said;

	stage_set_up(&stage, 0);
	said = say_hello(row->protocol, "i", row->cluster, row->epoch);
	ck_assert_msg(said.status == row->want, "%s: %ld %s", row->claim, said.status, said.body);
	if (said.status == 409)
		ck_assert_ptr_nonnull(strstr(said.body, "message"));
	stage_tear_down(&stage);
}
END_TEST

static const struct request {
	const char *method, *path, *body, *authorization;
	long want;
} requests[] = {
	{ "POST", PROTOCOL_PATH_HELLO, "{}", NULL, 401 },
	{ "POST", PROTOCOL_PATH_HELLO, "{}", "Authorization: Bearer wrong", 401 },
	{ "POST", PROTOCOL_PATH_HELLO, "{}", "Authorization: Basic secret", 401 },
	{ "GET", PROTOCOL_PATH_WANTED, NULL, "Authorization: Bearer wrong", 401 },
	{ "POST", PROTOCOL_PATH_HELLO, "{", "Authorization: Bearer secret", 400 },
	{ "POST", PROTOCOL_PATH_REPORT, "[]", "Authorization: Bearer secret", 400 },
	{ "POST", PROTOCOL_PATH_WANTED, "{\"session\":\"x\",\"revision\":0,\"waitMs\":0}",
	  "Authorization: Bearer secret", 410 },
	{ "POST", "/agent/v1/other", "{}", "Authorization: Bearer secret", 404 },
	{ "GET", PROTOCOL_PATH_HELLO, NULL, "Authorization: Bearer secret", 405 },
};

START_TEST(requests_follow_the_table)
{
	const struct request *row = &requests[_i];
	struct said said;

	stage_set_up(&stage, 0);
	stage_close(&stage);
	stage.options.agent_token = "secret";
	stage_open(&stage);
	said = say(row->method, row->path, row->body, row->authorization);
	ck_assert_msg(said.status == row->want, "%s %s %s: %ld %s", row->method, row->path,
		      row->authorization, said.status, said.body);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(the_newer_of_two_agents_with_one_identity_wins)
{
	struct said said;

	stage_set_up(&stage, 0);
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, "older", "", 0).status, 200);
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, "newer", "", 0).status, 200);
	said = say_hello(PROTOCOL_VERSION, "older", "", 0);
	ck_assert_int_eq(said.status, 409);
	ck_assert_ptr_nonnull(strstr(said.body, "now on newer")); /* names who has it */
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, "newer", "", 0).status, 200);

	/* It stays out however often the newer one starts again, and its facts do not count. */
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, "newest", "", 0).status, 200);
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, "older", "", 0).status, 409);
	ck_assert_int_eq(say_hello(PROTOCOL_VERSION, "newer", "", 0).status, 409);
	ck_assert_str_eq(stage_cluster(&stage)->hosts->hostname, "newest");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(the_complete_report_comes_before_the_wanted_list)
{
	struct said said;
	struct welcome welcome;
	struct error error;
	struct text body = TEXT_INIT(65536);

	stage_set_up(&stage, 0);
	said = say_hello(PROTOCOL_VERSION, "i", "", 0);
	ck_assert(welcome_read(said.body, strlen(said.body), &welcome, &error));
	ask_write(&body, &(struct ask){ .session = welcome.session });
	ck_assert_int_eq(say("POST", PROTOCOL_PATH_WANTED, text_string(&body), NULL).status, 409);
	text_clear(&body);
	report_write(&body, &(struct report){ .session = welcome.session, .complete = true });
	ck_assert_int_eq(say("POST", PROTOCOL_PATH_REPORT, text_string(&body), NULL).status, 200);
	text_clear(&body);
	ask_write(&body, &(struct ask){ .session = welcome.session });
	ck_assert_int_eq(say("POST", PROTOCOL_PATH_WANTED, text_string(&body), NULL).status, 200);
	text_clear(&body);
	welcome_clear(&welcome);
	stage_tear_down(&stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gateway");
	TCase *tcase = tcase_create("gateway");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, greetings_follow_the_table, 0, ROWS(greetings));
	tcase_add_loop_test(tcase, requests_follow_the_table, 0, ROWS(requests));
	tcase_add_test(tcase, an_agent_without_an_incarnation_is_refused);
	tcase_add_test(tcase, the_newer_of_two_agents_with_one_identity_wins);
	tcase_add_test(tcase, the_complete_report_comes_before_the_wanted_list);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
