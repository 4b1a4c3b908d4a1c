#include "coordinator/stage.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "stadion/store/store.h"

/* What must survive: restarts of the coordinator at any moment, silent hosts, forgetful agents, a
 * disk that refuses. */

#define APP(more) "{\"id\":\"/a\",\"cmd\":\"sleep 1000\",\"cpus\":0.1,\"mem\":32" more "}"

static struct stage stage;

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

static bool has_created(struct stage *unused, void *arg)
{
	(void)unused;
	return stage.hosts[0].created + stage.hosts[1].created + stage.hosts[2].created >=
	       *(size_t *)arg;
}

static bool has_reported(struct stage *unused, void *arg)
{
	const struct cluster_app *app = cluster_find_app(stage_cluster(&stage), "/a");

	(void)unused;
	return app && cluster_count_tasks(app).staged == *(int *)arg;
}

static void run_hosts(bool stays_staging)
{
	for (size_t h = 0; h < STAGE_HOSTS; h++) {
		stage.hosts[h].stays_staging = stays_staging;
		for (size_t t = 0; t < STAGE_TASKS; t++)
			if (!stays_staging && stage.hosts[h].tasks[t].status.task_id &&
			    stage.hosts[h].tasks[t].status.state == TASK_STAGING)
				task_move(&stage.hosts[h].tasks[t], TASK_RUNNING);
	}
}

START_TEST(a_restart_right_after_the_answer_goes_on)
{
	uint64_t epoch;
	char id[UUID_SIZE];

	stage_set_up(&stage, 2);
	epoch = stage_cluster(&stage)->epoch;
	must_change(CHANGE_CREATE, APP(",\"instances\":4"));
	strcpy(id, stage_cluster(&stage)->id);
	stage_restart(&stage);
	ck_assert_uint_eq(stage_cluster(&stage)->epoch, epoch + 1);
	ck_assert_str_eq(stage_cluster(&stage)->id, id);
	stage_settle(&stage, "/a", 4);
	ck_assert_uint_eq(stage.hosts[0].created + stage.hosts[1].created, 4); /* none doubled */
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_restart_while_tasks_start_goes_on)
{
	int staged = 3;
	char deployment[UUID_SIZE];

	stage_set_up(&stage, 1);
	run_hosts(true);
	must_change(CHANGE_CREATE, APP(",\"instances\":3"));
	stage_wait(&stage, "three reported", has_reported, &staged);
	strcpy(deployment, TAILQ_FIRST(&stage_cluster(&stage)->deployments)->id);
	stage_restart(&stage);
	ck_assert_ptr_nonnull(cluster_find_deployment(stage_cluster(&stage), deployment));
	ck_assert_uint_eq(the_app()->instance_count, 3);
	run_hosts(false);
	stage_settle(&stage, "/a", 3);
	ck_assert_uint_eq(stage.hosts[0].created, 3);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_restart_amid_a_replacement_goes_on)
{
	size_t four = 4;

	stage_set_up(&stage, 2);
	must_change(CHANGE_CREATE, APP(",\"instances\":2"));
	stage_settle(&stage, "/a", 2);
	run_hosts(true);
	must_change(CHANGE_UPDATE, APP(",\"instances\":2,\"env\":{\"A\":\"1\"}"));
	stage_wait(&stage, "the new ones", has_created, &four);
	stage_restart(&stage);
	run_hosts(false);
	stage_settle(&stage, "/a", 2);
	ck_assert_uint_eq(stage.hosts[0].created + stage.hosts[1].created, 4);
	ck_assert_uint_eq(the_app()->version_count, 2);
	stage_tear_down(&stage);
}
END_TEST

static bool is_removing(struct stage *unused, void *arg)
{
	const struct instance *instance;

	(void)unused;
	(void)arg;
	LIST_FOREACH(instance, &the_app()->instances, of_app)
		if (instance->goal != INSTANCE_STOP)
			return false;
	return true;
}

START_TEST(a_restart_amid_a_destruction_goes_on)
{
	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(",\"instances\":2"));
	stage_settle(&stage, "/a", 2);
	stage.hosts[0].ignores_stops = true;
	must_change(CHANGE_REMOVE, NULL);
	stage_wait(&stage, "the stops", is_removing, NULL);
	stage_restart(&stage);
	ck_assert(the_app()->removing);
	stage.hosts[0].ignores_stops = false;
	stage_settle(&stage, "/a", 0);
	ck_assert_ptr_null(cluster_find_app(stage_cluster(&stage), "/a"));
	stage_restart(&stage);
	ck_assert_ptr_null(cluster_find_app(stage_cluster(&stage), "/a"));
	ck_assert(TAILQ_EMPTY(&stage_cluster(&stage)->deployments));
	stage_tear_down(&stage);
}
END_TEST

START_TEST(an_end_that_came_while_nobody_listened_is_taken)
{
	char before[256];

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(""));
	stage_settle(&stage, "/a", 1);
	stage_close(&stage);
	strcpy(before, stage_task(&stage)->status.task_id);
	task_end(stage_task(&stage), TASK_FAILED, 20000, "exited with 3");
	stage_open(&stage);
	stage_settle(&stage, "/a", 1);
	ck_assert_str_ne(stage_task(&stage)->status.task_id, before);
	ck_assert_str_eq(the_app()->failure.message, "exited with 3");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_forgetful_agent_gets_new_tasks_never_the_old_id)
{
	struct played_task *task;
	char before[256];
	size_t two = 2;

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(""));
	stage_settle(&stage, "/a", 1);
	task = stage_task(&stage);
	strcpy(before, task->status.task_id);
	task_status_clear(&task->status);
	host_lose_session(&stage.hosts[0]);
	stage_wait(&stage, "a new task", has_created, &two);
	stage_settle(&stage, "/a", 1);
	ck_assert_str_ne(stage_task(&stage)->status.task_id, before);
	ck_assert_int_eq(the_app()->failure.state, TASK_GONE);
	stage_tear_down(&stage);
}
END_TEST

static size_t record_count(const struct cluster *cluster, const char *host_id)
{
	const struct host *host;

	HASH_FIND_STR(cluster->hosts, host_id, host);
	return host ? host->instance_count : 0;
}

static bool lives_on(struct stage *unused, void *arg)
{
	const struct played_host *host = arg;

	(void)unused;
	return cluster_count_tasks(the_app()).running == 2 &&
	       cluster_find_app(stage_cluster(&stage), "/a")->instance_count == 2 &&
	       record_count(stage_cluster(&stage), host->id) == 2;
}

START_TEST(a_silent_hosts_tasks_move_and_its_own_end_on_return)
{
	stage_set_up(&stage, 1);
	stage_close(&stage);
	stage.options.unreachable_ms = 300;
	stage_open(&stage);
	must_change(CHANGE_CREATE, APP(",\"instances\":2"));
	stage_settle(&stage, "/a", 2);
	stage.hosts[0].on = false;
	host_lose_session(&stage.hosts[0]);
	stage.hosts[1].on = true;
	stage_wait(&stage, "tasks on the other host", lives_on, &stage.hosts[1]);
	ck_assert_int_eq(count_live(&stage), 4);
	stage.hosts[0].on = true;
	stage_settle(&stage, "/a", 2);
	ck_assert(record_count(stage_cluster(&stage), "host-1") == 2);
	stage_tear_down(&stage);
}
END_TEST

static bool is_silent(struct stage *unused, void *arg)
{
	const struct host *host;

	(void)unused;
	HASH_FIND_STR(stage_cluster(&stage)->hosts, (const char *)arg, host);
	return host && host->state == HOST_UNREACHABLE;
}

START_TEST(a_disabled_strategy_waits_for_the_host)
{
	static char id[] = "host-0";

	stage_set_up(&stage, 1);
	stage_close(&stage);
	stage.options.unreachable_ms = 300;
	stage_open(&stage);
	must_change(CHANGE_CREATE, APP(",\"unreachableStrategy\":\"disabled\""));
	stage_settle(&stage, "/a", 1);
	stage.hosts[0].on = false;
	host_lose_session(&stage.hosts[0]);
	stage.hosts[1].on = true;
	stage_wait(&stage, "silence", is_silent, id);
	ck_assert_uint_eq(the_app()->instance_count, 1);
	stage.hosts[0].on = true;
	stage_settle(&stage, "/a", 1);
	ck_assert_uint_eq(stage.hosts[0].created, 1);
	ck_assert_uint_eq(stage.hosts[1].created, 0);
	stage_tear_down(&stage);
}
END_TEST

/* A disk that takes no more bytes: the files may not grow. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	STAGE_HOLDS(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = bytes;
	STAGE_HOLDS(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static bool was_refused(struct stage *unused, void *arg)
{
	(void)unused;
	(void)arg;
	return stage.hosts[0].refused > 0;
}

START_TEST(a_full_disk_refuses_and_memory_says_what_the_disk_says)
{
	struct answer answer;
	int64_t version_ms;

	stage_set_up(&stage, 1);
	must_change(CHANGE_CREATE, APP(""));
	stage_settle(&stage, "/a", 1);
	must_change(CHANGE_UPDATE,
		    APP("")); /* changes nothing; answered when the rest is on disk */
	version_ms = the_app()->current->version_ms;

	limit_files(1);
	answer = stage_change(&stage, CHANGE_UPDATE, "/a", APP(",\"instances\":3"), false);
	STAGE_MUST(answer.error.kind == ERROR_NO_SPACE, "%s", answer.error.text);
	STAGE_HOLDS(the_app()->current->instances == 1);
	STAGE_HOLDS(the_app()->current->version_ms == version_ms);
	STAGE_HOLDS(the_app()->version_count == 1);
	STAGE_HOLDS(TAILQ_EMPTY(&stage_cluster(&stage)->deployments));
	answer = stage_change(&stage, CHANGE_CREATE, "/b", "{\"id\":\"/b\",\"cmd\":\"true\"}",
			      false);
	STAGE_HOLDS(answer.error.kind == ERROR_NO_SPACE);
	STAGE_HOLDS(!cluster_find_app(stage_cluster(&stage), "/b"));
	answer = stage_change(&stage, CHANGE_REMOVE, "/a", NULL, true);
	STAGE_HOLDS(answer.error.kind == ERROR_NO_SPACE);
	STAGE_HOLDS(!the_app()->removing);
	STAGE_HOLDS(!the_app()->deployment);

	/* An end is not acknowledged, so the agent says it again when there is room. */
	task_end(stage_task(&stage), TASK_FAILED, 60000, "exited with 9");
	answer = stage_change(&stage, CHANGE_UPDATE, "/a", APP(",\"instances\":2"), false);
	STAGE_HOLDS(answer.error.kind == ERROR_NO_SPACE);
	limit_files(RLIM_INFINITY);
	stage_settle(&stage, "/a", 1);
	ck_assert_str_eq(the_app()->failure.message, "exited with 9");
	must_change(CHANGE_UPDATE, APP(",\"instances\":2"));
	stage_settle(&stage, "/a", 2);
	stage_restart(&stage);
	stage_settle(&stage, "/a", 2);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(versions_rise_and_the_last_fifty_are_kept)
{
	int64_t last = 0;

	stage_set_up(&stage, 0);
	for (int i = 0; i < CLUSTER_VERSIONS_MAX + 5; i++) {
		char json[128];

		snprintf(json, sizeof(json), "{\"id\":\"/a\",\"cmd\":\"true\",\"instances\":%d}",
			 i + 1);
		must_change(CHANGE_UPDATE, json);
		ck_assert_int_gt(the_app()->current->version_ms, last);
		last = the_app()->current->version_ms;
	}
	stage_restart(&stage);
	ck_assert_uint_eq(the_app()->version_count, CLUSTER_VERSIONS_MAX);
	ck_assert_int_eq(the_app()->current->version_ms, last);
	for (size_t i = 1; i < the_app()->version_count; i++)
		ck_assert_int_lt(the_app()->versions[i]->version_ms,
				 the_app()->versions[i - 1]->version_ms);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(what_a_host_said_while_the_disk_was_full_is_written_later)
{
	stage_set_up(&stage, 0);
	must_change(CHANGE_CREATE, APP(""));
	must_change(CHANGE_UPDATE, APP("")); /* answered when the rest is on disk */
	limit_files(1);
	stage.hosts[0].on = true;
	stage_wait(&stage, "a refused hello", was_refused, NULL);
	limit_files(RLIM_INFINITY);
	stage_settle(&stage, "/a", 1);
	stage_restart(&stage);
	ck_assert_uint_eq(record_count(stage_cluster(&stage), "host-0"), 1);
	stage_settle(&stage, "/a", 1);
	ck_assert_uint_eq(stage.hosts[0].created, 1);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(the_cluster_keeps_its_id_from_the_first_moment)
{
	char id[UUID_SIZE];

	stage_set_up(&stage, 0);
	strcpy(id, stage_cluster(&stage)->id);
	ck_assert_str_ne(id, "");
	stage_restart(&stage); /* the loop has not turned once */
	ck_assert_str_eq(stage_cluster(&stage)->id, id);
	stage_tear_down(&stage);
}
END_TEST

static void on_stored(const struct error *error, void *arg)
{
	STAGE_HOLDS(!error);
	*(bool *)arg = true;
}

static bool is_true(struct stage *unused, void *arg)
{
	(void)unused;
	return *(bool *)arg;
}

/* Between a coordinator that is gone and the next. */
static void put_record(const char *key, const char *value)
{
	struct error error = { .kind = ERROR_NONE };
	struct store *store = store_open(stage.loop, stage.spec, &error);
	struct store_batch *batch = store_batch_new();
	bool stored = false;

	STAGE_MUST(store, "%s", error.text);
	STAGE_HOLDS(store_batch_put(batch, key, value, strlen(value)));
	store_commit(store, batch, on_stored, &stored);
	stage_wait(&stage, "a record", is_true, &stored);
	store_close(store);
}

START_TEST(versions_rise_over_a_clock_that_was_set_back)
{
	int64_t future_ms = clock_wall_ms() + 86400000;
	char meta[256];

	stage_set_up(&stage, 0);
	must_change(CHANGE_CREATE, APP(""));
	snprintf(meta, sizeof(meta), "{\"id\":\"%s\",\"version\":%lld}", stage_cluster(&stage)->id,
		 (long long)future_ms);
	stage_close(&stage);
	put_record("meta/cluster", meta);
	stage_open(&stage);
	must_change(CHANGE_UPDATE, APP(",\"instances\":2"));
	ck_assert_int_gt(the_app()->current->version_ms, future_ms);
	future_ms = the_app()->current->version_ms;

	/* Also when the note of the last one is lost. */
	stage_close(&stage);
	put_record("meta/cluster", "{}");
	stage_open(&stage);
	must_change(CHANGE_UPDATE, APP(",\"instances\":3"));
	ck_assert_int_gt(the_app()->current->version_ms, future_ms);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(what_cannot_be_read_today_is_not_swept)
{
	char record[128];
	int64_t version_ms;

	stage_set_up(&stage, 0);
	must_change(CHANGE_CREATE, APP(""));
	version_ms = the_app()->current->version_ms;
	stage_close(&stage);
	put_record("app//a", "{\"id\":\"/a\",\"version\":\"of a newer program\"}");
	stage_open(&stage);
	ck_assert_ptr_null(cluster_find_app(stage_cluster(&stage), "/a"));
	stage_close(&stage);
	snprintf(record, sizeof(record), "{\"id\":\"/a\",\"version\":%lld}", (long long)version_ms);
	put_record("app//a", record);
	stage_open(&stage);
	ck_assert_int_eq(the_app()->current->version_ms, version_ms);
	stage_tear_down(&stage);
}
END_TEST

/* A disk that hangs: SQLite's sync is this one. */
static atomic_bool disk_hangs;

int fdatasync(int fd)
{
	static int (*real)(int fd);

	while (atomic_load(&disk_hangs))
		usleep(1000);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
	return real(fd);
}

struct hang {
	uint64_t until_ms;
};

static bool is_over(struct stage *unused, void *arg)
{
	const struct host *host;

	(void)unused;
	HASH_FIND_STR(stage_cluster(&stage)->hosts, "host-0", host);
	STAGE_HOLDS(host && host->state == HOST_UP);
	return loop_now_ms(stage.loop) >= ((struct hang *)arg)->until_ms;
}

START_TEST(a_hanging_disk_makes_nobody_silent_or_late)
{
	struct app *app = app_of(APP(",\"instances\":2"));
	struct change change = { .kind = CHANGE_UPDATE, .id = "/a", .app = app };
	struct answer answer = { .done = false };
	struct hang hang;
	int one = 1;

	stage_set_up(&stage, 1);
	stage_close(&stage);
	stage.options.unreachable_ms = 4000;
	stage.options.launch_timeout_ms = 3000;
	stage_open(&stage);
	run_hosts(true);
	must_change(CHANGE_CREATE, APP(""));
	stage_wait(&stage, "one reported", has_reported, &one);
	atomic_store(&disk_hangs, true);
	coordinator_change(stage.coordinator, &change, 1, true, on_answer, &answer);
	hang.until_ms = loop_now_ms(stage.loop) + 7000;
	stage_wait(&stage, "the end of a long hang", is_over, &hang);
	ck_assert(!answer.done); /* nor is anything promised */
	atomic_store(&disk_hangs, false);
	stage_wait(&stage, "an answer", is_answered, &answer);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	run_hosts(false);
	stage_settle(&stage, "/a", 2);
	ck_assert_uint_eq(stage.hosts[0].created, 2);
	app_unref(app);
	stage_tear_down(&stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recovery");
	TCase *tcase = tcase_create("recovery");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_restart_right_after_the_answer_goes_on);
	tcase_add_test(tcase, a_restart_while_tasks_start_goes_on);
	tcase_add_test(tcase, a_restart_amid_a_replacement_goes_on);
	tcase_add_test(tcase, a_restart_amid_a_destruction_goes_on);
	tcase_add_test(tcase, an_end_that_came_while_nobody_listened_is_taken);
	tcase_add_test(tcase, a_forgetful_agent_gets_new_tasks_never_the_old_id);
	tcase_add_test(tcase, a_silent_hosts_tasks_move_and_its_own_end_on_return);
	tcase_add_test(tcase, a_disabled_strategy_waits_for_the_host);
	tcase_add_test(tcase, a_full_disk_refuses_and_memory_says_what_the_disk_says);
	tcase_add_test(tcase, versions_rise_and_the_last_fifty_are_kept);
	tcase_add_test(tcase, what_a_host_said_while_the_disk_was_full_is_written_later);
	tcase_add_test(tcase, the_cluster_keeps_its_id_from_the_first_moment);
	tcase_add_test(tcase, versions_rise_over_a_clock_that_was_set_back);
	tcase_add_test(tcase, what_cannot_be_read_today_is_not_swept);
	tcase_add_test(tcase, a_hanging_disk_makes_nobody_silent_or_late);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
