#include "coordinator/stage.h"

#include "event_text.h"

/* What is told of an app's course, and in which order; hosts are played over HTTP. */

#define APP(more) "{\"id\":\"/g/a\",\"cmd\":\"sleep 1000\",\"cpus\":0.1,\"mem\":32" more "}"
#define CHECK ",\"healthChecks\":[{\"protocol\":\"COMMAND\",\"command\":{\"value\":\"true\"}}]"

static struct stage stage;

static const struct event_bus *bus(void)
{
	return coordinator_events(stage.coordinator);
}

/* The members of the newest event of that type after `from`; fails if there is none. */
static struct json_object *newest(uint64_t from, const char *type)
{
	struct error error = { 0 };

	for (uint64_t n = event_bus_last(bus()); n > from; n--) {
		const struct event *event = event_bus_get(bus(), n);
		const char *data = strstr(event->frame, "data: ") + strlen("data: ");
		struct json_object *root;

		if (strcmp(event->type, type) != 0)
			continue;
		root = json_parse(data, strlen(data) - strlen("\r\n\r\n"), &error);
		ck_assert_msg(root, "%s", error.text);
		ck_assert_str_eq(json_text(root, "eventType", ""), type);
		ck_assert_uint_eq(strlen(json_text(root, "timestamp", "")), 24);
		return root;
	}
	ck_abort_msg("no %s was told", type);
}

static struct text types_after(uint64_t from)
{
	struct text types = TEXT_INIT(65536);

	for (uint64_t n = from + 1; n <= event_bus_last(bus()); n++)
		text_addf(&types, "%s ", event_bus_get(bus(), n)->type);
	return types;
}

static void expect_types(uint64_t from, const char *want)
{
	struct text types = types_after(from);

	ck_assert_str_eq(text_string(&types), want);
	text_clear(&types);
}

static void change(enum change_kind kind, const char *json)
{
	struct answer answer = stage_change(&stage, kind, "/g/a", json, true);

	ck_assert_msg(answer.error.kind == ERROR_NONE, "%s", answer.error.text);
}

/* What is in memory may not be on disk yet, and is not told before. */
static bool is_told(struct stage *unused, void *arg)
{
	const struct event *event = event_bus_get(bus(), event_bus_last(bus()));

	return is_settled(unused, arg) && event && strcmp(event->type, "deployment_success") == 0;
}

static void settle(int count)
{
	struct settled settled = { "/g/a", count };

	stage_wait(&stage, "it is settled and told", is_told, &settled);
}

START_TEST(a_create_is_told_in_order)
{
	stage_set_up(&stage, 1);
	change(CHANGE_CREATE, APP(CHECK ",\"instances\":0"));
	settle(0);
	expect_types(event_bus_first(bus()) - 1,
		     "group_change_success deployment_info add_health_check_event "
		     "deployment_step_success deployment_info deployment_step_success "
		     "deployment_success ");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_task_is_told_of)
{
	struct json_object *event;
	uint64_t from;

	stage_set_up(&stage, 1);
	change(CHANGE_CREATE, APP(",\"instances\":0"));
	settle(0);
	from = event_bus_last(bus());
	change(CHANGE_UPDATE, APP(",\"instances\":1"));
	settle(1);
	expect_types(from, "group_change_success deployment_info instance_changed_event "
			   "instance_changed_event status_update_event deployment_step_success "
			   "deployment_success ");
	event = newest(from, "status_update_event");
	ck_assert_str_eq(json_text(event, "taskStatus", ""), "TASK_RUNNING");
	ck_assert_str_eq(json_text(event, "taskId", ""), stage_task(&stage)->status.task_id);
	ck_assert_str_eq(json_text(event, "appId", ""), "/g/a");
	ck_assert_str_eq(json_text(event, "host", ""), "host-0");
	ck_assert_str_eq(json_text(event, "slaveId", ""), "host-0");
	ck_assert_ptr_nonnull(json_array_member(event, "ports"));
	ck_assert_ptr_nonnull(json_array_member(event, "ipAddresses"));
	json_object_put(event);
	event = newest(from, "instance_changed_event");
	ck_assert_str_eq(json_text(event, "condition", ""), "Running");
	ck_assert_str_eq(json_text(event, "runSpecId", ""), "/g/a");
	json_object_put(event);
	event = newest(from, "deployment_success");
	ck_assert_ptr_nonnull(json_object_member(json_object_member(event, "plan"), "original"));
	ck_assert_ptr_nonnull(json_object_member(json_object_member(event, "plan"), "target"));
	json_object_put(event);
	event = newest(from, "group_change_success");
	ck_assert_str_eq(json_text(event, "groupId", ""), "/g");
	json_object_put(event);

	from = event_bus_last(bus());
	change(CHANGE_REMOVE, NULL);
	settle(0);
	expect_types(from, "group_change_success deployment_info instance_changed_event "
			   "status_update_event app_terminated_event deployment_step_success "
			   "deployment_success ");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(no_change_is_a_success_too)
{
	uint64_t from;

	stage_set_up(&stage, 1);
	change(CHANGE_CREATE, APP(",\"instances\":0"));
	settle(0);
	from = event_bus_last(bus());
	change(CHANGE_UPDATE, APP(",\"instances\":0"));
	expect_types(from, "group_change_success deployment_success ");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_forced_change_fails_the_one_before)
{
	struct json_object *event;
	struct answer before;

	stage_set_up(&stage, 0); /* nothing can run */
	before = stage_change(&stage, CHANGE_CREATE, "/g/a", APP(""), false);
	change(CHANGE_UPDATE, APP(",\"env\":{\"A\":\"1\"}"));
	event = newest(0, "deployment_failed");
	ck_assert_str_eq(json_text(event, "id", ""), before.deployment);
	ck_assert_str_ne(json_text(event, "reason", ""), "");
	json_object_put(event);
	stage_tear_down(&stage);
}
END_TEST

static bool has_told(struct stage *unused, void *arg)
{
	(void)unused;
	for (uint64_t n = event_bus_first(bus()); n <= event_bus_last(bus()); n++)
		if (strcmp(event_bus_get(bus(), n)->type, arg) == 0)
			return true;
	return false;
}

static void check_task(bool passed, int64_t at_ms)
{
	struct played_task *task = stage_task(&stage);
	struct check_result *check = &task->status.checks[0];

	check->known = true;
	check->alive = passed;
	check->consecutive_failures = passed ? 0 : check->consecutive_failures + 1;
	if (passed)
		check->last_success_ms = at_ms;
	else
		check->last_failure_ms = at_ms;
	task->status.seq++;
	task->dirty = true;
}

START_TEST(health_is_told_of)
{
	struct json_object *event;
	struct played_task *task;
	char id[256];

	stage_set_up(&stage, 1);
	change(CHANGE_CREATE, APP(CHECK));
	stage_wait(&stage, "it runs", has_told, "status_update_event");
	strcpy(id, stage_task(&stage)->status.task_id);
	check_task(true, 1000);
	stage_wait(&stage, "its health", has_told, "instance_health_changed_event");
	event = newest(0, "health_status_changed_event");
	ck_assert(json_flag(event, "alive", false));
	ck_assert_str_eq(json_text(event, "taskId", ""), id);
	ck_assert_str_ne(json_text(event, "instanceId", ""), "");
	json_object_put(event);
	event = newest(0, "instance_health_changed_event");
	ck_assert(json_flag(event, "healthy", false));
	json_object_put(event);
	check_task(false, 2000);
	stage_wait(&stage, "a failure", has_told, "failed_health_check_event");
	event = newest(0, "failed_health_check_event");
	ck_assert_str_eq(json_text(event, "taskId", ""), id);
	ck_assert_str_eq(json_text(json_object_member(event, "healthCheck"), "protocol", ""),
			 "COMMAND");
	json_object_put(event);
	event = newest(0, "health_status_changed_event");
	ck_assert(!json_flag(event, "alive", true));
	json_object_put(event);

	task = stage_task(&stage);
	task_end(task, TASK_KILLED, 5000, "check 0 failed 3 times: exit 1");
	task->status.killed_unhealthy = true;
	stage_wait(&stage, "the kill", has_told, "unhealthy_instance_kill_event");
	event = newest(0, "unhealthy_instance_kill_event");
	ck_assert_str_eq(json_text(event, "taskId", ""), id);
	ck_assert_str_eq(json_text(event, "reason", ""), "check 0 failed 3 times: exit 1");
	json_object_put(event);
	event = newest(0, "unhealthy_task_kill_event");
	ck_assert_ptr_null(json_member(event, "instanceId"));
	json_object_put(event);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_restart_repeats_nothing_and_goes_on)
{
	struct text before, after;
	uint64_t first, last;

	stage_set_up(&stage, 1);
	change(CHANGE_CREATE, APP(""));
	settle(1);
	first = event_bus_first(bus());
	last = event_bus_last(bus());
	before = types_after(first - 1);
	stage_restart(&stage);
	after = types_after(first - 1);
	ck_assert_str_eq(text_string(&before), text_string(&after));
	ck_assert_uint_eq(event_bus_last(bus()), last);
	settle(1);
	ck_assert_uint_eq(event_bus_last(bus()), last); /* what was told is not news again */
	text_clear(&before);
	text_clear(&after);
	stage_tear_down(&stage);
}
END_TEST

/* The newest status that was told is that. */
static bool has_told_state(struct stage *unused, void *arg)
{
	(void)unused;
	for (uint64_t n = event_bus_last(bus()); n >= event_bus_first(bus()); n--) {
		const struct event *event = event_bus_get(bus(), n);

		if (strcmp(event->type, "status_update_event") == 0)
			return strstr(event->frame, arg);
	}
	return false;
}

START_TEST(a_silent_host_is_told_of)
{
	stage_set_up(&stage, 1);
	stage_close(&stage);
	stage.options.unreachable_ms = 1000;
	stage_open(&stage);
	change(CHANGE_CREATE, APP(",\"unreachableStrategy\":\"disabled\""));
	settle(1);
	stage.hosts[0].on = false;
	stage_wait(&stage, "its silence", has_told_state, "\"TASK_UNREACHABLE\"");
	stage.hosts[0].on = true;
	stage_wait(&stage, "its return", has_told_state, "\"TASK_RUNNING\"");
	stage_tear_down(&stage);
}
END_TEST

static const struct group_row {
	const char *claim;
	char *apps[3];
	struct group_wish groups[3];
	const char *want;
} group_rows[] = {
	{ "an app at the top", { "/a" }, { { 0 } }, "/" },
	{ "an app in a group", { "/g/h/a" }, { { 0 } }, "/g/h" },
	{ "two of one group", { "/g/a", "/g/b" }, { { 0 } }, "/g" },
	{ "names that begin alike", { "/g/a", "/ga/b" }, { { 0 } }, "/" },
	{ "one below the other", { "/g/h/a", "/g/a" }, { { 0 } }, "/g" },
	{ "the other way round", { "/g/a", "/g/h/a" }, { { 0 } }, "/g" },
	{ "a group alone", { NULL }, { { GROUP_WISH_SET, "/g", NULL } }, "/g" },
	{ "the root", { NULL }, { { GROUP_WISH_SET, "/", NULL } }, "/" },
	{ "a group and an app of it",
	  { "/g/a" },
	  { { GROUP_WISH_GONE, "/g", NULL }, { GROUP_WISH_GONE, "/g/h", NULL } },
	  "/g" },
	{ "two groups",
	  { NULL },
	  { { GROUP_WISH_SET, "/g/a", NULL }, { GROUP_WISH_SET, "/g/b", NULL } },
	  "/g" },
	{ "what is around does not count",
	  { "/g/h/a" },
	  { { GROUP_WISH_TOUCHED, "/g", NULL }, { GROUP_WISH_TOUCHED, "/g/h", NULL } },
	  "/g/h" },
	{ "nothing at all", { NULL }, { { 0 } }, "/" },
};

START_TEST(a_change_has_a_group)
{
	struct group_row row = group_rows[_i];
	struct wish wishes[3] = { { 0 } };
	struct transition transition = { .wishes = wishes, .groups = row.groups };
	struct text text = TEXT_INIT(4096);
	struct json_writer writer = JSON_WRITER(&text);
	char want[64];

	while (transition.count < ROWS(row.apps) && row.apps[transition.count]) {
		wishes[transition.count].id = row.apps[transition.count];
		transition.count++;
	}
	while (transition.group_count < ROWS(row.groups) && row.groups[transition.group_count].id)
		transition.group_count++;
	event_text_group(&writer, &transition);
	snprintf(want, sizeof(want), "\"groupId\":\"%s\"", row.want);
	ck_assert_msg(!strcmp(text_string(&text), want), "%s: %s", row.claim, text_string(&text));
	text_clear(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tcase = tcase_create("events");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_create_is_told_in_order);
	tcase_add_test(tcase, a_task_is_told_of);
	tcase_add_test(tcase, no_change_is_a_success_too);
	tcase_add_test(tcase, a_forced_change_fails_the_one_before);
	tcase_add_test(tcase, health_is_told_of);
	tcase_add_test(tcase, a_restart_repeats_nothing_and_goes_on);
	tcase_add_test(tcase, a_silent_host_is_told_of);
	tcase_add_loop_test(tcase, a_change_has_a_group, 0, ROWS(group_rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
