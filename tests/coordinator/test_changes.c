#include "coordinator/stage.h"

/* Changes of several apps, what they may be called, and what stands in their way. */

#define APP(id, more) "{\"id\":\"" id "\",\"cmd\":\"sleep 1000\",\"cpus\":0.1,\"mem\":32" more "}"

static struct stage stage;

static struct answer change_two(const char *one, const char *other, bool force)
{
	struct app *apps[] = { app_of(one), app_of(other) };
	struct change changes[] = {
		{ .kind = CHANGE_UPDATE, .id = apps[0]->id, .app = apps[0] },
		{ .kind = CHANGE_UPDATE, .id = apps[1]->id, .app = apps[1] },
	};
	struct answer answer = { .done = false };

	coordinator_change(stage.coordinator, changes, 2, force, on_answer, &answer);
	app_unref(apps[0]);
	app_unref(apps[1]);
	stage_wait(&stage, "an answer to two changes", is_answered, &answer);
	return answer;
}

static const struct cluster_app *find(const char *id)
{
	return cluster_find_app(stage_cluster(&stage), id);
}

static bool one_reported(struct stage *unused, void *arg)
{
	const struct cluster_app *app = find(arg);

	(void)unused;
	return app && app->instance_count == 1 && LIST_FIRST(&app->instances)->status.seq > 0;
}

static bool runs(struct stage *unused, void *arg)
{
	const struct cluster_app *app = find(arg);

	(void)unused;
	return app && cluster_count_tasks(app).running == 1;
}

static bool all_done(struct stage *unused, void *arg)
{
	(void)unused;
	(void)arg;
	return TAILQ_EMPTY(&stage_cluster(&stage)->deployments);
}

static char below[] = "/below", above[] = "/above";

#define BELOW(more) APP("/below", more)
#define ABOVE(more) APP("/above", ",\"dependencies\":[\"/below\"]" more)
#define CHECKED ",\"healthChecks\":[{\"protocol\":\"COMMAND\",\"command\":{\"value\":\"true\"}}]"

START_TEST(a_layer_waits_until_the_one_below_is_healthy)
{
	struct played_task *task;

	stage_set_up(&stage, 1);
	stage.hosts[0].stays_staging = true;
	ck_assert_int_eq(change_two(ABOVE(""), BELOW(CHECKED), false).error.kind, ERROR_NONE);
	stage_wait(&stage, "the task below", one_reported, below);
	task = stage_task(&stage);
	task_move(task, TASK_RUNNING);
	stage_wait(&stage, "it to run", runs, below);
	stage_restart(&stage); /* in the middle: what was waited for is still waited for */
	stage_wait(&stage, "it to run", runs, below);
	ck_assert_uint_eq(find(above)->instance_count, 0); /* it runs; it is not healthy yet */
	ck_assert_uint_eq(stage.hosts[0].created, 1);
	ck_assert(!TAILQ_EMPTY(&stage_cluster(&stage)->deployments));
	stage.hosts[0].stays_staging = false;
	task_move(task, TASK_RUNNING);
	task->status.checks[0] = (struct check_result){ .known = true, .alive = true };
	stage_wait(&stage, "the task above", runs, above);
	stage_wait(&stage, "an end", all_done, NULL);
	ck_assert_uint_eq(stage.hosts[0].created, 2);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_cancelled_deployment_holds_nobody_back)
{
	struct answer answer = { .done = false };
	char deployment[UUID_SIZE];

	stage_set_up(&stage, 1);
	stage.hosts[0].stays_staging = true;
	strcpy(deployment, change_two(ABOVE(""), BELOW(""), false).deployment);
	stage_wait(&stage, "the task below", one_reported, below);
	ck_assert_uint_eq(find(above)->instance_count, 0);
	coordinator_cancel(stage.coordinator, deployment, true, on_answer, &answer);
	stage_wait(&stage, "an answer to a cancel", is_answered, &answer);
	stage_wait(&stage, "the task above", one_reported, above);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_change_of_one_app_frees_the_others_of_the_deployment_it_cancels)
{
	struct answer answer;

	stage_set_up(&stage, 1);
	stage.hosts[0].stays_staging = true;
	change_two(ABOVE(""), BELOW(""), false);
	stage_wait(&stage, "the task below", one_reported, below);
	answer = stage_change(&stage, CHANGE_UPDATE, below, BELOW(",\"instances\":2"), true);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	stage_wait(&stage, "the task above", one_reported, above);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(who_is_in_the_way_is_named)
{
	char deployment[UUID_SIZE];
	struct answer answer;

	stage_set_up(&stage, 0);
	strcpy(deployment, change_two(ABOVE(""), BELOW(""), false).deployment);
	answer = stage_change(&stage, CHANGE_UPDATE, below, BELOW(",\"instances\":2"), false);
	ck_assert_int_eq(answer.error.kind, ERROR_CONFLICT);
	ck_assert_uint_eq(answer.blocking, 1);
	ck_assert_msg(strstr(answer.error.text, deployment) != NULL, "%s", answer.error.text);
	ck_assert_msg(strstr(answer.error.text, "force") != NULL, "%s", answer.error.text);
	stage_tear_down(&stage);
}
END_TEST

static const struct named {
	const char *claim, *one, *other;
	enum error_kind want;
} names[] = {
	{ "apart", APP("/a", ""), APP("/b/c", ""), ERROR_NONE },
	{ "one begins like the other", APP("/a", ""), APP("/a-b", ""), ERROR_NONE },
	{ "an app below an app", APP("/a", ""), APP("/a/b", ""), ERROR_INVALID },
	{ "deep below", APP("/a", ""), APP("/a/b/c/d", ""), ERROR_INVALID },
	{ "an app named as a group", APP("/g/h/a", ""), APP("/g", ""), ERROR_INVALID },
};

START_TEST(an_id_names_an_app_or_a_group)
{
	const struct named *row = &names[_i];
	struct app *one = app_of(row->one), *other = app_of(row->other);
	struct answer answer;

	stage_set_up(&stage, 0);
	ck_assert_int_eq(change_two(row->one, row->other, false).error.kind, row->want);
	answer = stage_change(&stage, CHANGE_UPDATE, one->id, row->one, true);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	answer = stage_change(&stage, CHANGE_UPDATE, other->id, row->other, true);
	ck_assert_msg(answer.error.kind == row->want, "%s: %s", row->claim, answer.error.text);
	app_unref(one);
	app_unref(other);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(deployments_under_way_have_a_limit)
{
	char json[128], id[16];
	struct answer answer;

	stage_set_up(&stage, 0);
	for (int i = 0; i <= 100; i++) {
		snprintf(id, sizeof(id), "/a%d", i);
		snprintf(json, sizeof(json), "{\"id\":\"%s\",\"cmd\":\"true\"}", id);
		answer = stage_change(&stage, CHANGE_CREATE, id, json, false);
		ck_assert_int_eq(answer.error.kind, i < 100 ? ERROR_NONE : ERROR_DENIED);
	}
	ck_assert_ptr_null(find("/a100"));
	/* One that takes the place of another is fine. */
	answer = stage_change(&stage, CHANGE_UPDATE, "/a7",
			      "{\"id\":\"/a7\",\"cmd\":\"true\",\"instances\":2}", true);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	stage_tear_down(&stage);
}
END_TEST

static struct answer kill_tasks(const char *const *ids, size_t count, bool scale)
{
	struct answer answer = { .done = false };

	coordinator_kill(stage.coordinator, ids, count, scale, false, on_answer, &answer);
	stage_wait(&stage, "an answer to a kill", is_answered, &answer);
	return answer;
}

START_TEST(a_task_named_twice_is_killed_once)
{
	const char *ids[3];

	stage_set_up(&stage, 1);
	stage_change(&stage, CHANGE_CREATE, "/a", APP("/a", ",\"instances\":3"), false);
	stage_settle(&stage, "/a", 3);
	ids[0] = ids[2] = stage_task(&stage)->status.task_id;
	ids[1] = "unknown";
	ck_assert_int_eq(kill_tasks(ids, 3, true).error.kind, ERROR_NONE);
	stage_settle(&stage, "/a", 2);
	ck_assert_int_eq(find("/a")->current->instances, 2);
	stage_tear_down(&stage);
}
END_TEST

static bool list_is_taken(struct stage *unused, void *arg)
{
	(void)unused;
	return stage.hosts[0].revision > *(uint64_t *)arg;
}

START_TEST(without_over_capacity_the_killed_one_ends_first)
{
	uint64_t revision;
	const char *id;

	stage_set_up(&stage, 2);
	stage_change(&stage, CHANGE_CREATE, "/a",
		     APP("/a", ",\"constraints\":[[\"hostname\",\"LIKE\",\"host-0\"]],"
			       "\"upgradeStrategy\":{\"minimumHealthCapacity\":0,"
			       "\"maximumOverCapacity\":0}"),
		     false);
	stage_settle(&stage, "/a", 1);
	stage.hosts[0].ignores_stops = true;
	revision = stage.hosts[0].revision;
	id = stage_task(&stage)->status.task_id;
	ck_assert_int_eq(kill_tasks(&id, 1, false).error.kind, ERROR_NONE);
	stage_wait(&stage, "the list without it", list_is_taken, &revision);
	ck_assert_uint_eq(find("/a")->instance_count, 1);
	ck_assert_uint_eq(stage.hosts[0].created, 1);
	stage.hosts[0].ignores_stops = false;
	task_end(stage_task(&stage), TASK_KILLED, 1000, "killed");
	stage_settle(&stage, "/a", 1);
	ck_assert_uint_eq(stage.hosts[0].created, 2);
	stage_tear_down(&stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("changes");
	TCase *tcase = tcase_create("changes");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_layer_waits_until_the_one_below_is_healthy);
	tcase_add_test(tcase, a_cancelled_deployment_holds_nobody_back);
	tcase_add_test(tcase, a_change_of_one_app_frees_the_others_of_the_deployment_it_cancels);
	tcase_add_test(tcase, who_is_in_the_way_is_named);
	tcase_add_loop_test(tcase, an_id_names_an_app_or_a_group, 0, ROWS(names));
	tcase_add_test(tcase, deployments_under_way_have_a_limit);
	tcase_add_test(tcase, a_task_named_twice_is_killed_once);
	tcase_add_test(tcase, without_over_capacity_the_killed_one_ends_first);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
