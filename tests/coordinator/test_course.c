#include "coordinator/stage.h"

/* The course of apps with hosts that behave: created, scaled, replaced, killed, destroyed. */

#define APP(more) "{\"id\":\"/a\",\"cmd\":\"sleep 1000\",\"cpus\":0.1,\"mem\":32" more "}"

static struct stage stage;

static void must_change(enum change_kind kind, const char *json, bool force)
{
	struct answer answer = stage_change(&stage, kind, "/a", json, force);

	ck_assert_msg(answer.error.kind == ERROR_NONE, "%s", answer.error.text);
	ck_assert_str_ne(answer.deployment, "");
}

static const struct cluster_app *the_app(void)
{
	const struct cluster_app *app = cluster_find_app(stage_cluster(&stage), "/a");

	ck_assert_ptr_nonnull(app);
	return app;
}

START_TEST(an_app_is_created_scaled_and_destroyed)
{
	int64_t version_ms, configured_ms;

	stage_set_up(&stage, 2);
	must_change(CHANGE_CREATE, APP(",\"instances\":2"), false);
	stage_settle(&stage, "/a", 2);
	version_ms = the_app()->current->version_ms;
	configured_ms = the_app()->current->configured_ms;
	ck_assert_int_eq(version_ms, configured_ms);

	must_change(CHANGE_UPDATE, APP(",\"instances\":5"), false);
	stage_settle(&stage, "/a", 5);
	ck_assert_int_gt(the_app()->current->version_ms, version_ms);
	ck_assert_int_eq(the_app()->current->scaled_ms, the_app()->current->version_ms);
	ck_assert_int_eq(the_app()->current->configured_ms, configured_ms);
	ck_assert_uint_eq(stage.hosts[0].created + stage.hosts[1].created, 5); /* two were kept */
	ck_assert_uint_ge(stage.hosts[0].created, 2); /* and they are spread */
	ck_assert_uint_ge(stage.hosts[1].created, 2);

	must_change(CHANGE_UPDATE, APP(",\"instances\":1"), false);
	stage_settle(&stage, "/a", 1);
	must_change(CHANGE_REMOVE, NULL, true);
	stage_settle(&stage, "/a", 0);
	ck_assert_ptr_null(cluster_find_app(stage_cluster(&stage), "/a"));
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_changed_definition_replaces_and_an_equal_one_does_not)
{
	struct answer answer;
	int64_t version_ms;
	char before[256];

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(""), false);
	stage_settle(&stage, "/a", 1);
	strcpy(before, stage_task(&stage)->status.task_id);
	version_ms = the_app()->current->version_ms;

	answer = stage_change(&stage, CHANGE_UPDATE, "/a", APP(""), false);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	ck_assert_str_ne(answer.deployment, "");
	ck_assert_int_eq(the_app()->current->version_ms, version_ms);
	ck_assert(TAILQ_EMPTY(&stage_cluster(&stage)->deployments));

	must_change(CHANGE_UPDATE, APP(",\"env\":{\"A\":\"1\"}"), false);
	stage_settle(&stage, "/a", 1);
	ck_assert_str_ne(stage_task(&stage)->status.task_id, before);
	ck_assert_uint_eq(the_app()->version_count, 2);
	strcpy(before, stage_task(&stage)->status.task_id);

	must_change(CHANGE_RESTART, NULL, false);
	stage_settle(&stage, "/a", 1);
	ck_assert_str_ne(stage_task(&stage)->status.task_id, before);
	ck_assert_int_gt(the_app()->current->configured_ms, version_ms);
	stage_tear_down(&stage);
}
END_TEST

static bool is_replaced(struct stage *unused, void *arg)
{
	(void)unused;
	return stage.hosts[0].created >= *(size_t *)arg &&
	       cluster_count_tasks(the_app()).running == 1 && the_app()->instance_count == 1;
}

START_TEST(what_had_run_well_is_replaced_at_once)
{
	size_t two = 2;
	char before[256];

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(",\"backoffSeconds\":3600,\"maxLaunchDelaySeconds\":3600"),
		    false);
	stage_settle(&stage, "/a", 1);
	strcpy(before, stage_task(&stage)->status.task_id);
	task_end(stage_task(&stage), TASK_FAILED, 10000, "exited with 137");
	stage_wait(&stage, "a replacement", is_replaced, &two);
	ck_assert_str_ne(stage_task(&stage)->status.task_id, before);
	ck_assert(the_app()->failure.known);
	ck_assert_str_eq(the_app()->failure.task_id, before);
	ck_assert_str_eq(the_app()->failure.message, "exited with 137");
	ck_assert_int_eq(the_app()->failure.state, TASK_FAILED);
	stage_tear_down(&stage);
}
END_TEST

static bool is_waiting(struct stage *unused, void *arg)
{
	(void)unused;
	(void)arg;
	return the_app()->waiting == 1;
}

static enum error_kind reset_delay(void)
{
	struct answer answer = { .done = false };

	coordinator_reset_delay(stage.coordinator, "/a", on_answer, &answer);
	stage_wait(&stage, "an answer to a reset", is_answered, &answer);
	return answer.error.kind;
}

START_TEST(a_crash_waits_for_its_delay)
{
	size_t two = 2;

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(",\"backoffSeconds\":3600,\"maxLaunchDelaySeconds\":3600"),
		    false);
	stage_settle(&stage, "/a", 1);
	ck_assert_int_eq(reset_delay(), ERROR_NOT_FOUND);
	task_end(stage_task(&stage), TASK_FAILED, 9999, "exited with 1");
	stage_wait(&stage, "an app that waits", is_waiting, NULL);
	ck_assert_ptr_nonnull(strstr(the_app()->waiting_for, "exited with 1"));

	/* The delay survives a restart; nothing is launched meanwhile. */
	stage_restart(&stage);
	stage_wait(&stage, "an app that waits", is_waiting, NULL);
	ck_assert_uint_eq(stage.hosts[0].created, 1);
	ck_assert_int_eq(the_app()->backoff.delay_ms, 3600000);

	/* What is answered is on disk. */
	stage.hosts[0].on = false;
	ck_assert_int_eq(reset_delay(), ERROR_NONE);
	stage_restart(&stage);
	ck_assert_int_eq(the_app()->backoff.delay_ms, 0);
	stage.hosts[0].on = true;
	stage_wait(&stage, "a launch after the reset", is_replaced, &two);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(an_unhealthy_kill_is_replaced_at_once_and_told)
{
	size_t two = 2;
	struct played_task *task;

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(",\"backoffSeconds\":3600,\"maxLaunchDelaySeconds\":3600"),
		    false);
	stage_settle(&stage, "/a", 1);
	task = stage_task(&stage);
	task_end(task, TASK_KILLED, 500, "health check 0 failed 3 times");
	task->status.killed_unhealthy = true;
	task->status.ran_healthy = false;
	stage_wait(&stage, "a replacement", is_replaced, &two);
	ck_assert_str_eq(the_app()->failure.message, "health check 0 failed 3 times");
	ck_assert_int_eq(the_app()->failure.state, TASK_KILLED);
	stage_tear_down(&stage);
}
END_TEST

static bool is_begun(struct stage *at, void *arg)
{
	(void)arg;
	return count_live(at) == 1;
}

static bool is_acknowledged(struct stage *at, void *arg)
{
	const struct played_task *task = arg;

	(void)at;
	return !task->dirty;
}

static bool is_last_success(struct stage *at, void *arg)
{
	const struct cluster_app *app = cluster_find_app(stage_cluster(at), "/a");
	const struct instance *instance = LIST_FIRST(&app->instances);

	return instance && instance->status.checks[0].last_success_ms == *(int64_t *)arg;
}

START_TEST(times_of_checks_move_without_a_new_number)
{
	int64_t later_ms = 5000;
	struct played_task *task;
	uint64_t seq;

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE,
		    APP(",\"healthChecks\":[{\"protocol\":\"COMMAND\","
			"\"command\":{\"value\":\"true\"}}]"),
		    false);
	stage_wait(&stage, "a task", is_begun, NULL);
	task = stage_task(&stage);
	task->status.checks[0] = (struct check_result){
		.known = true, .alive = true, .first_success_ms = 1000, .last_success_ms = 1000
	};
	task_move(task, TASK_RUNNING);
	stage_settle(&stage, "/a", 1);
	stage_wait(&stage, "its receipt", is_acknowledged, task);
	seq = task->status.seq;
	task->status.checks[0].last_success_ms = later_ms;
	task->dirty = true;
	stage_wait(&stage, "the later time", is_last_success, &later_ms);
	ck_assert_uint_eq(LIST_FIRST(&the_app()->instances)->status.seq, seq);
	stage_tear_down(&stage);
}
END_TEST

static struct answer kill_one(bool scale)
{
	const char *ids[] = { stage_task(&stage)->status.task_id, "unknown" };
	struct answer answer = { .done = false };

	coordinator_kill(stage.coordinator, ids, 2, scale, false, on_answer, &answer);
	stage_wait(&stage, "an answer to a kill", is_answered, &answer);
	return answer;
}

START_TEST(a_kill_replaces_and_a_kill_with_scale_does_not)
{
	struct answer answer;
	char before[256];

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(",\"instances\":2"), false);
	stage_settle(&stage, "/a", 2);
	strcpy(before, stage_task(&stage)->status.task_id);
	answer = kill_one(false);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	ck_assert_str_eq(answer.deployment, "");
	stage_settle(&stage, "/a", 2);
	ck_assert_ptr_null(cluster_find_instance(stage_cluster(&stage), before));
	ck_assert(!the_app()->failure.known); /* killed by a person: no failure */

	strcpy(before, stage_task(&stage)->status.task_id);
	answer = kill_one(true);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	ck_assert_str_ne(answer.deployment, "");
	stage_settle(&stage, "/a", 1);
	ck_assert_ptr_null(cluster_find_instance(stage_cluster(&stage), before));
	ck_assert_int_eq(the_app()->current->instances, 1);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_deployment_locks_its_app)
{
	struct answer answer;

	stage_set_up(&stage, 1);
	stage.hosts[0].stays_staging = true;
	must_change(CHANGE_CREATE, APP(""), false);
	answer = stage_change(&stage, CHANGE_CREATE, "/a", APP(""), false);
	ck_assert_int_eq(answer.error.kind, ERROR_CONFLICT);
	ck_assert_uint_eq(answer.blocking, 0); /* it exists: that is not a matter of locks */
	answer = stage_change(&stage, CHANGE_UPDATE, "/a", APP(",\"instances\":2"), false);
	ck_assert_int_eq(answer.error.kind, ERROR_CONFLICT);
	ck_assert_uint_eq(answer.blocking, 1);
	ck_assert_int_eq(the_app()->current->instances, 1);
	answer = stage_change(&stage, CHANGE_UPDATE, "/a", APP(",\"instances\":2"), true);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	ck_assert_int_eq(the_app()->current->instances, 2);
	answer = stage_change(&stage, CHANGE_REMOVE, "/a", NULL, true);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	stage_settle(&stage, "/a", 0);
	stage_tear_down(&stage);
}
END_TEST

static bool is_placed(struct stage *unused, void *arg)
{
	(void)unused;
	(void)arg;
	return the_app()->instance_count == 1;
}

START_TEST(what_no_host_was_told_of_is_gone_at_once)
{
	stage_set_up(&stage, 1);
	stage.hosts[0].incurious = true;
	must_change(CHANGE_CREATE, APP(""), false);
	stage_wait(&stage, "placed", is_placed, NULL);
	must_change(CHANGE_REMOVE, NULL, true);
	stage.hosts[0].incurious = false;
	stage_settle(&stage, "/a", 0);
	ck_assert_uint_eq(stage.hosts[0].created, 0);
	ck_assert_uint_eq(stage.hosts[0].unchanged, 0);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(cancelling_goes_back_or_stops_where_it_is)
{
	struct answer answer = { .done = false }, again = { .done = false };
	char deployment[UUID_SIZE];

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(""), false);
	stage_settle(&stage, "/a", 1);
	stage.hosts[0].stays_staging = true;
	must_change(CHANGE_UPDATE, APP(",\"instances\":3"), false);
	strcpy(deployment, TAILQ_FIRST(&stage_cluster(&stage)->deployments)->id);
	coordinator_cancel(stage.coordinator, deployment, false, on_answer, &answer);
	stage_wait(&stage, "an answer to a cancel", is_answered, &answer);
	ck_assert_msg(answer.error.kind == ERROR_NONE, "%s", answer.error.text);
	ck_assert_str_ne(answer.deployment, deployment);
	stage_settle(&stage, "/a", 1);
	ck_assert_int_eq(the_app()->current->instances, 1);

	must_change(CHANGE_UPDATE, APP(",\"instances\":2"), false);
	strcpy(deployment, TAILQ_FIRST(&stage_cluster(&stage)->deployments)->id);
	coordinator_cancel(stage.coordinator, deployment, true, on_answer, &again);
	stage_wait(&stage, "an answer to a cancel", is_answered, &again);
	ck_assert_int_eq(again.error.kind, ERROR_NONE);
	ck_assert_str_eq(again.deployment, "");
	ck_assert(TAILQ_EMPTY(&stage_cluster(&stage)->deployments));
	ck_assert_int_eq(the_app()->current->instances, 2);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(what_does_not_exist_is_not_found)
{
	struct answer answer = { .done = false };

	stage_set_up(&stage, 0);
	ck_assert_int_eq(stage_change(&stage, CHANGE_REMOVE, "/a", NULL, true).error.kind,
			 ERROR_NOT_FOUND);
	ck_assert_int_eq(stage_change(&stage, CHANGE_RESTART, "/a", NULL, true).error.kind,
			 ERROR_NOT_FOUND);
	coordinator_cancel(stage.coordinator, "nothing", true, on_answer, &answer);
	stage_wait(&stage, "an answer", is_answered, &answer);
	ck_assert_int_eq(answer.error.kind, ERROR_NOT_FOUND);
	stage_tear_down(&stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("course");
	TCase *tcase = tcase_create("course");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, an_app_is_created_scaled_and_destroyed);
	tcase_add_test(tcase, a_changed_definition_replaces_and_an_equal_one_does_not);
	tcase_add_test(tcase, what_had_run_well_is_replaced_at_once);
	tcase_add_test(tcase, a_crash_waits_for_its_delay);
	tcase_add_test(tcase, an_unhealthy_kill_is_replaced_at_once_and_told);
	tcase_add_test(tcase, times_of_checks_move_without_a_new_number);
	tcase_add_test(tcase, a_kill_replaces_and_a_kill_with_scale_does_not);
	tcase_add_test(tcase, a_deployment_locks_its_app);
	tcase_add_test(tcase, what_no_host_was_told_of_is_gone_at_once);
	tcase_add_test(tcase, cancelling_goes_back_or_stops_where_it_is);
	tcase_add_test(tcase, what_does_not_exist_is_not_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
