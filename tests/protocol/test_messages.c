/* Messages come back as they were written, and what is no message is refused. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/protocol/messages.h"

#define TASK "web_a.instance-0f1e2d3c-0000-41ef-8000-0242ac110002._app.1"
#define OTHER "web_a.instance-1f1e2d3c-0000-41ef-8000-0242ac110002._app.2"

static void assert_same(const struct text *one, const struct text *other)
{
	ck_assert(!one->failed && !other->failed);
	ck_assert_str_eq(text_string(one), text_string(other));
}

START_TEST(hello_comes_back)
{
	struct hello message = { .protocol = PROTOCOL_VERSION,
				 .host_id = (char *)"h1",
				 .incarnation = (char *)"i",
				 .boot_id = (char *)"b",
				 .cluster = (char *)"",
				 .epoch = 7,
				 .hostname = (char *)"\xe5\x90\x8d.example",
				 .port_low = 31000,
				 .port_high = 32000,
				 .cpu_milli = 4000,
				 .mem_kib = 1 << 20,
				 .disk_kib = 5,
				 .engine = (char *)"Docker 20.10.24",
				 .version = (char *)"0.1.0" };
	struct text one = TEXT_INIT(4096), other = TEXT_INIT(4096);
	struct hello got;
	struct error error = { 0 };

	ck_assert(pair_list_add(&message.attributes, "rack", "\"1\""));
	hello_write(&one, &message);
	ck_assert_msg(hello_read(one.data, one.len, &got, &error), "%s", error.text);
	hello_write(&other, &got);
	assert_same(&one, &other);
	ck_assert_str_eq(got.hostname, message.hostname);
	ck_assert_uint_eq(got.epoch, 7);
	ck_assert_str_eq(pair_list_find(&got.attributes, "rack"), "\"1\"");
	hello_clear(&got);
	pair_list_clear(&message.attributes);
	text_clear(&one);
	text_clear(&other);
}
END_TEST

START_TEST(small_messages_come_back)
{
	struct welcome welcome = { 1, (char *)"c", 3, (char *)"s" }, got_welcome;
	struct ask ask = { (char *)"s", 12, 10000 }, got_ask;
	struct receipt receipt = { .epoch = 3, .ack_count = 2 }, got_receipt;
	struct text text = TEXT_INIT(4096);
	struct error error = { 0 };

	welcome_write(&text, &welcome);
	ck_assert(welcome_read(text.data, text.len, &got_welcome, &error));
	ck_assert_str_eq(got_welcome.session, "s");
	ck_assert_uint_eq(got_welcome.epoch, 3);
	welcome_clear(&got_welcome);
	text_clear(&text);

	ask_write(&text, &ask);
	ck_assert(ask_read(text.data, text.len, &got_ask, &error));
	ck_assert_uint_eq(got_ask.revision, 12);
	ck_assert_uint_eq(got_ask.wait_ms, 10000);
	ask_clear(&got_ask);
	text_clear(&text);

	receipt.acks = calloc(2, sizeof(*receipt.acks));
	receipt.acks[0].task_id = strdup(TASK);
	receipt.acks[0].seq = 9;
	receipt.acks[1].task_id = strdup(OTHER);
	receipt_write(&text, &receipt);
	ck_assert(receipt_read(text.data, text.len, &got_receipt, &error));
	ck_assert_uint_eq(got_receipt.ack_count, 2);
	ck_assert_uint_eq(got_receipt.acks[0].seq, 9);
	ck_assert_str_eq(got_receipt.acks[1].task_id, OTHER);
	receipt_clear(&receipt);
	receipt_clear(&got_receipt);
	text_clear(&text);
}
END_TEST

static struct task_status ended_status(void)
{
	struct task_status status = { .task_id = strdup(TASK),
				      .seq = 5,
				      .attempt = 2,
				      .state = TASK_FAILED,
				      .at_ms = 1714557604990,
				      .started_ms = 1714557600000,
				      .ran_ms = 4990,
				      .ran_healthy = true,
				      .port_count = 2,
				      .address = "172.17.0.2",
				      .container_id = "0123456789abcdef",
				      .message = "exited with 137 \"killed\"\n",
				      .exit_code = -1,
				      .signal = 9,
				      .out_of_memory = true,
				      .killed_unhealthy = true,
				      .infrastructure = true,
				      .check_count = 1 };

	status.ports = calloc(2, sizeof(*status.ports));
	status.ports[0] = 31742;
	status.ports[1] = PORT_NONE;
	status.checks = calloc(1, sizeof(*status.checks));
	status.checks[0] = (struct check_result){ true, false, 3, 1, 2, 3, "refused" };
	return status;
}

START_TEST(report_comes_back)
{
	struct task_status status = ended_status();
	struct report message = { .session = (char *)"s",
				  .complete = true,
				  .tasks = &status,
				  .task_count = 1,
				  .engine_down_since_ms = 4,
				  .engine_problem = "no such file" };
	struct text one = TEXT_INIT(4096), other = TEXT_INIT(4096);
	struct report got;
	struct error error = { 0 };

	report_write(&one, &message);
	ck_assert_msg(report_read(one.data, one.len, &got, &error), "%s", error.text);
	report_write(&other, &got);
	assert_same(&one, &other);
	ck_assert(got.complete);
	ck_assert_int_eq(got.tasks[0].state, TASK_FAILED);
	ck_assert_int_eq(got.tasks[0].ports[1], PORT_NONE);
	ck_assert_int_eq(got.tasks[0].checks[0].consecutive_failures, 3);
	ck_assert_str_eq(got.tasks[0].message, status.message);
	report_clear(&got);
	task_status_clear(&status);
	text_clear(&one);
	text_clear(&other);
}
END_TEST

START_TEST(wanted_shares_its_apps)
{
	autoptr(app) app = app_new();
	struct wanted_task tasks[] = {
		{ (char *)TASK, app, (int32_t[]){ 31005 }, 1, 4 },
		{ (char *)OTHER, app, (int32_t[]){ 31006 }, 1, 0 },
	};
	struct wanted message = { .epoch = 3, .revision = 17, .tasks = tasks, .task_count = 2 };
	struct text text = TEXT_INIT(1 << 16);
	struct wanted got;
	struct error error = { 0 };

	app->id = strdup("/web/a");
	app->cmd = strdup("sleep 1");
	app->ports = calloc(1, sizeof(*app->ports));
	app->port_count = 1;
	wanted_write(&text, &message);
	ck_assert_msg(wanted_read(text.data, text.len, &got, &error), "%s", error.text);
	ck_assert_uint_eq(got.revision, 17);
	ck_assert_uint_eq(got.task_count, 2);
	ck_assert_ptr_eq(got.tasks[0].app, got.tasks[1].app);
	ck_assert_int_eq(app_compare(app, got.tasks[0].app), APP_SAME);
	ck_assert_int_eq(got.tasks[1].ports[0], 31006);
	ck_assert_uint_eq(got.tasks[0].seen, 4);
	wanted_clear(&got);
	text_clear(&text);
}
END_TEST

#define APP \
	"{\"id\":\"/a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\"}],\"portDefinitions\":[]}"
#define WANTED(apps, tasks) \
	"{\"epoch\":1,\"revision\":2,\"unchanged\":false,\"apps\":[" apps "],\"tasks\":[" tasks "]}"

static const struct {
	const char *body, *names;
} refused[] = {
	{ "", "" },
	{ "[]", "object" },
	{ WANTED("{}", ""), "/id" },
	{ WANTED("3", ""), "object" },
	{ WANTED("", "{\"task\":\"" TASK "\",\"app\":0,\"ports\":[],\"seen\":0}"), "app" },
	{ WANTED(APP, "{\"task\":\"" TASK "\",\"app\":1,\"ports\":[],\"seen\":0}"), "app" },
	{ WANTED(APP, "{\"task\":\"" TASK "\",\"app\":-1,\"ports\":[],\"seen\":0}"), "app" },
	{ WANTED(APP, "{\"task\":\"../x\",\"app\":0,\"ports\":[],\"seen\":0}"), "task" },
	{ WANTED(APP, "{\"task\":\"" TASK "\",\"app\":0,\"ports\":[1],\"seen\":0}"), "ports" },
	{ WANTED(APP, "{\"task\":\"" TASK "\",\"app\":0,\"ports\":[70000],\"seen\":0}"), "ports" },
	{ WANTED(APP, "{\"task\":\"" TASK "\",\"app\":0,\"ports\":[],\"seen\":-1}"), "seen" },
	{ WANTED(APP, "7"), "task" },
	{ "{\"epoch\":\"1\",\"revision\":2,\"unchanged\":false,\"apps\":[],\"tasks\":[]}",
	  "epoch" },
	{ "{\"epoch\":1,\"revision\":1.5,\"unchanged\":false,\"apps\":[],\"tasks\":[]}",
	  "revision" },
	{ "{\"epoch\":1,\"revision\":2,\"apps\":[],\"tasks\":[]}", "unchanged" },
};

START_TEST(a_hostile_peer_is_refused)
{
	struct wanted got;
	struct error error = { 0 };
	bool good = wanted_read(refused[_i].body, strlen(refused[_i].body), &got, &error);

	ck_assert_msg(!good, "%s", refused[_i].body);
	ck_assert_ptr_null(got.tasks);
	ck_assert_msg(strstr(error.text, refused[_i].names) != NULL, "%s: %s", refused[_i].body,
		      error.text);
}
END_TEST

#define HELLO(cpus, mem, disk, attributes)                                                       \
	"{\"protocol\":1,\"hostId\":\"h\",\"incarnation\":\"i\",\"bootId\":\"b\",\"cluster\":"   \
	"\"\","                                                                                  \
	"\"epoch\":0,\"hostname\":\"h\",\"portLow\":31000,\"portHigh\":32000,\"cpuMilli\":" cpus \
	",\"memKib\":" mem ",\"diskKib\":" disk ",\"attributes\":" attributes                    \
	",\"engine\":\"\",\"version\":\"1\"}"
#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"
#define LONG_256 LONG_64 LONG_64 LONG_64 LONG_64
#define LONG_1280 LONG_256 LONG_256 LONG_256 LONG_256 LONG_256

static const struct {
	const char *body, *names; /* NULL: fine */
} greetings[] = {
	{ HELLO("4000", "8388608", "0", "{}"), NULL },
	{ HELLO("-1", "8388608", "0", "{}"), "cpuMilli" },
	{ HELLO("9223372036854775807", "8388608", "0", "{}"), "cpuMilli" },
	{ HELLO("4000", "-8388608", "0", "{}"), "memKib" },
	{ HELLO("4000", "9223372036854775807", "0", "{}"), "memKib" },
	{ HELLO("4000", "8388608", "1e300", "{}"), "diskKib" },
	{ HELLO("4000", "8388608", "4611686018427387904", "{}"), "diskKib" },
	{ HELLO("4000", "8388608", "0", "{\"a\":\"" LONG_1280 "\"}"), "attributes" },
	{ HELLO("4000", "8388608", "0", "{\"" LONG_1280 "\":\"a\"}"), "attributes" },
};

START_TEST(absurd_hosts_are_refused)
{
	struct hello got;
	struct error error = { 0 };
	bool good = hello_read(greetings[_i].body, strlen(greetings[_i].body), &got, &error);

	ck_assert_msg(good == !greetings[_i].names, "%s: %s", greetings[_i].body, error.text);
	if (!good)
		ck_assert_msg(strstr(error.text, greetings[_i].names) != NULL, "%s", error.text);
	hello_clear(&got);
}
END_TEST

START_TEST(no_agent_finds_a_task_unreachable)
{
	struct task_status status = ended_status();
	struct report message = { .session = (char *)"s", .tasks = &status, .task_count = 1 };
	struct text text = TEXT_INIT(4096);
	struct report got;
	struct error error = { 0 };

	status.state = TASK_UNREACHABLE;
	report_write(&text, &message);
	ck_assert(!report_read(text.data, text.len, &got, &error));
	ck_assert_msg(strstr(error.text, "TASK_UNREACHABLE") != NULL, "%s", error.text);
	task_status_clear(&status);
	text_clear(&text);
}
END_TEST

START_TEST(unknown_members_are_ignored)
{
	static const char body[] = "{\"session\":\"s\",\"revision\":1,\"waitMs\":2,\"new\":[1]}";
	struct ask got;
	struct error error = { 0 };

	ck_assert(ask_read(body, strlen(body), &got, &error));
	ask_clear(&got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("messages");
	TCase *tcase = tcase_create("messages");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, hello_comes_back);
	tcase_add_test(tcase, small_messages_come_back);
	tcase_add_test(tcase, report_comes_back);
	tcase_add_test(tcase, wanted_shares_its_apps);
	tcase_add_loop_test(tcase, a_hostile_peer_is_refused, 0, ROWS(refused));
	tcase_add_loop_test(tcase, absurd_hosts_are_refused, 0, ROWS(greetings));
	tcase_add_test(tcase, no_agent_finds_a_task_unreachable);
	tcase_add_test(tcase, unknown_members_are_ignored);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
