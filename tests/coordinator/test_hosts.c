#include "coordinator/stage.h"

/* Hosts that fall silent, come back, stand still or lie. */

#define APP(more) "{\"id\":\"/a\",\"cmd\":\"sleep 1000\",\"cpus\":0.1,\"mem\":32" more "}"
#define STRATEGY(inactive, expunge)                                     \
	",\"unreachableStrategy\":{\"inactiveAfterSeconds\":" #inactive \
	",\"expungeAfterSeconds\":" #expunge "}"

static struct stage stage;

static void open_with(size_t hosts, uint64_t unreachable_ms, uint64_t launch_timeout_ms)
{
	stage_set_up(&stage, hosts);
	stage_close(&stage);
	stage.options.unreachable_ms = unreachable_ms;
	stage.options.launch_timeout_ms = launch_timeout_ms;
	stage_open(&stage);
}

static void must_change(enum change_kind kind, const char *json)
{
	struct answer answer = stage_change(&stage, kind, "/a", json, true);

	ck_assert_msg(answer.error.kind == ERROR_NONE, "%s", answer.error.text);
}

static const struct cluster_app *the_app(void)
{
	const struct cluster_app *app = cluster_find_app(stage_cluster(&stage), "/a");

	STAGE_HOLDS(app);
	return app;
}

static const struct host *the_host(size_t index)
{
	const struct host *host;

	HASH_FIND_STR(stage_cluster(&stage)->hosts, stage.hosts[index].id, host);
	return host;
}

static void fall_silent(size_t index)
{
	stage.hosts[index].on = false;
	host_lose_session(&stage.hosts[index]);
}

static bool all_joined(struct stage *unused, void *arg)
{
	(void)unused;
	for (size_t i = 0; i < *(size_t *)arg; i++)
		if (!the_host(i) || !the_host(i)->reported)
			return false;
	return true;
}

static bool is_silent(struct stage *unused, void *arg)
{
	(void)unused;
	return the_host(*(size_t *)arg)->state == HOST_UNREACHABLE;
}

/* How long the host had been silent when it was found to be unreachable. */
static uint64_t wait_silence(size_t index)
{
	stage_wait(&stage, "silence", is_silent, &index);
	return the_host(index)->silent_since_ms;
}

START_TEST(many_silent_at_once_get_one_more_term)
{
	enum { TERM_MS = 1500 };
	size_t three = 3;
	uint64_t since_ms;

	open_with(3, TERM_MS, 0);
	stage_wait(&stage, "three hosts", all_joined, &three);
	must_change(CHANGE_CREATE, APP(",\"instances\":3"));
	stage_settle(&stage, "/a", 3);
	since_ms = loop_now_ms(stage.loop);
	fall_silent(0);
	fall_silent(1);
	ck_assert_uint_ge(wait_silence(0) - since_ms, 2 * TERM_MS - TERM_MS / 3);
	wait_silence(1);
	/* The doubt is not for ever. */
	for (size_t i = 0; i < 2; i++)
		for (size_t t = 0; t < STAGE_TASKS; t++)
			task_status_clear(&stage.hosts[i].tasks[t].status);
	stage_settle(&stage, "/a", 3);
	ck_assert_uint_eq(the_host(2)->instance_count, 3);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(one_of_three_is_not_doubted)
{
	enum { TERM_MS = 1500 };
	size_t three = 3;
	uint64_t since_ms;

	open_with(3, TERM_MS, 0);
	stage_wait(&stage, "three hosts", all_joined, &three);
	since_ms = loop_now_ms(stage.loop);
	fall_silent(0);
	ck_assert_uint_lt(wait_silence(0) - since_ms, TERM_MS + 1500);
	ck_assert_int_eq(the_host(1)->state, HOST_UP);
	stage_tear_down(&stage);
}
END_TEST

static size_t created_in_all(void)
{
	return stage.hosts[0].created + stage.hosts[1].created + stage.hosts[2].created;
}

static bool has_created(struct stage *unused, void *arg)
{
	(void)unused;
	return created_in_all() >= *(size_t *)arg;
}

/* On a host that returns before its tasks are given up for good: exactly as many as wanted stay. */
static const struct back {
	const char *claim, *strategy;
	bool replaced, replacement_runs;
} backs[] = {
	{ "before it is given up nothing is replaced", STRATEGY(3600, 7200), false, false },
	{ "the replacement that starts goes", STRATEGY(0, 3600), true, false },
	{ "the younger of two that run goes", STRATEGY(0, 3600), true, true },
	{ "the younger goes, given up after a while", STRATEGY(1, 3600), true, true },
};

static bool two_run(struct stage *unused, void *arg)
{
	const struct instance *instance;
	int running = 0;

	(void)unused;
	(void)arg;
	LIST_FOREACH(instance, &the_app()->instances, of_app)
		running += instance->status.seq > 0 && instance->status.state == TASK_RUNNING;
	return running == 2 && TAILQ_EMPTY(&stage_cluster(&stage)->deployments);
}

START_TEST(a_host_that_returns_keeps_what_runs)
{
	const struct back *row = &backs[_i];
	size_t two = 2, zero = 0;
	char json[512], before[256];

	open_with(1, 1000, 0);
	snprintf(json, sizeof(json), APP("%s"), row->strategy);
	must_change(CHANGE_CREATE, json);
	stage_settle(&stage, "/a", 1);
	strcpy(before, stage_task(&stage)->status.task_id);
	fall_silent(0);
	stage.hosts[1].stays_staging = !row->replacement_runs;
	stage.hosts[1].on = true;
	if (row->replaced) {
		stage_wait(&stage, "a replacement", has_created, &two);
		ck_assert_uint_eq(the_app()->instance_count, 2); /* it is not forgotten */
	} else {
		stage_wait(&stage, "silence", is_silent, &zero);
	}
	if (row->replacement_runs)
		stage_wait(&stage, "two that run", two_run, NULL);
	stage.hosts[0].on = true;
	stage_settle(&stage, "/a", 1);
	ck_assert_msg(!strcmp(stage_task(&stage)->status.task_id, before), "%s", row->claim);
	ck_assert_msg(created_in_all() == (row->replaced ? 2 : 1), "%s", row->claim);
	stage_tear_down(&stage);
}
END_TEST

static bool is_alone(struct stage *unused, void *arg)
{
	(void)unused;
	(void)arg;
	return the_app()->instance_count == 1 && cluster_count_tasks(the_app()).running == 1 &&
	       the_host(1) && the_host(1)->instance_count == 1;
}

START_TEST(what_was_expunged_ends_on_return)
{
	char before[256];

	open_with(1, 1000, 0);
	must_change(CHANGE_CREATE, APP(STRATEGY(0, 1)));
	stage_settle(&stage, "/a", 1);
	strcpy(before, stage_task(&stage)->status.task_id);
	fall_silent(0);
	stage.hosts[1].on = true;
	stage_wait(&stage, "the replacement alone", is_alone, NULL);
	stage.hosts[0].on = true;
	stage_settle(&stage, "/a", 1);
	ck_assert_str_ne(stage_task(&stage)->status.task_id, before);
	ck_assert_uint_eq(created_in_all(), 2);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(what_makes_no_progress_is_replaced)
{
	size_t two = 2;

	open_with(1, 0, 500);
	stage.hosts[0].stays_staging = true;
	must_change(CHANGE_CREATE, APP(""));
	stage_wait(&stage, "a second try", has_created, &two);
	ck_assert_ptr_nonnull(strstr(the_app()->failure.message, "no progress"));
	stage.hosts[0].stays_staging = false;
	stage_settle(&stage, "/a", 1);
	stage_tear_down(&stage);
}
END_TEST

struct pull {
	struct played_task *task;
	uint64_t until_ms;
};

static bool is_pulled(struct stage *unused, void *arg)
{
	struct pull *pull = arg;

	(void)unused;
	if (!pull->task->dirty)
		task_move(pull->task, TASK_STAGING); /* a little further */
	return loop_now_ms(stage.loop) >= pull->until_ms;
}

START_TEST(progress_of_a_pull_counts_as_life)
{
	struct pull pull;
	size_t one = 1;

	open_with(1, 0, 700);
	stage.hosts[0].stays_staging = true;
	must_change(CHANGE_CREATE, APP(""));
	stage_wait(&stage, "a task", has_created, &one);
	pull.task = stage_task(&stage);
	pull.until_ms = loop_now_ms(stage.loop) + 2500;
	stage_wait(&stage, "a long pull", is_pulled, &pull);
	task_move(pull.task, TASK_RUNNING);
	stage_settle(&stage, "/a", 1);
	ck_assert_uint_eq(created_in_all(), 1);
	stage_tear_down(&stage);
}
END_TEST

static bool is_forgotten(struct stage *unused, void *arg)
{
	(void)unused;
	return !((struct played_task *)arg)->status.task_id;
}

START_TEST(nobody_speaks_for_the_tasks_of_another_host)
{
	struct played_task *lie = &stage.hosts[1].tasks[0];
	size_t two = 2;
	uint64_t seq;

	open_with(2, 0, 0);
	stage_wait(&stage, "two hosts", all_joined, &two);
	must_change(CHANGE_CREATE, APP(",\"constraints\":[[\"hostname\",\"LIKE\",\"host-0\"]]"));
	stage_settle(&stage, "/a", 1);
	seq = LIST_FIRST(&the_app()->instances)->status.seq;
	lie->status.task_id = text_duplicate(stage_task(&stage)->status.task_id);
	lie->status.seq = 99;
	task_end(lie, TASK_FAILED, 60000, "so they say");
	stage_wait(&stage, "an acknowledgement", is_forgotten, lie);
	stage_settle(&stage, "/a", 1);
	ck_assert(!the_app()->failure.known);
	ck_assert_uint_eq(LIST_FIRST(&the_app()->instances)->status.seq, seq);
	ck_assert_uint_eq(created_in_all(), 1);
	stage_tear_down(&stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hosts");
	TCase *tcase = tcase_create("hosts");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, many_silent_at_once_get_one_more_term);
	tcase_add_test(tcase, one_of_three_is_not_doubted);
	tcase_add_loop_test(tcase, a_host_that_returns_keeps_what_runs, 0, ROWS(backs));
	tcase_add_test(tcase, what_was_expunged_ends_on_return);
	tcase_add_test(tcase, what_makes_no_progress_is_replaced);
	tcase_add_test(tcase, progress_of_a_pull_counts_as_life);
	tcase_add_test(tcase, nobody_speaks_for_the_tasks_of_another_host);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
