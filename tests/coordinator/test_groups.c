/* Groups: what their changes do to apps, what is left of them, and what they were. */

#include "stadion/coordinator/groups.h"
#include "stage.h"

static struct stage stage;

#define APP(id, more) "{\"id\":\"" id "\",\"cmd\":\"sleep 100\"" more "}"

static struct answer change_groups(enum change_kind kind, const char *id, const char *json,
				   bool force, bool preview, change_done_fn *done)
{
	struct group_request request = { 0 };
	struct change change = { .kind = kind, .id = id, .group = json ? &request : NULL };
	struct problems problems = { .count = 0 };
	struct answer answer = { .done = false };
	struct error error = { 0 };

	if (json) {
		struct json_object *root = json_parse(json, strlen(json), &error);

		STAGE_MUST(root, "%s", error.text);
		STAGE_MUST(group_read(root, &(struct group_read_options){ .id = id }, &request,
				      &problems),
			   "%s: %s", problems.items[0].path, problems.items[0].message);
		json_object_put(root);
	}
	if (preview)
		coordinator_preview(stage.coordinator, &change, 1, done, &answer);
	else
		coordinator_change(stage.coordinator, &change, 1, force, done, &answer);
	group_request_clear(&request);
	stage_wait(&stage, "an answer to a change of a group", is_answered, &answer);
	return answer;
}

static struct answer put(const char *id, const char *json)
{
	return change_groups(CHANGE_GROUP_UPDATE, id, json, false, false, on_answer);
}

static struct answer must_put(const char *id, const char *json)
{
	struct answer answer = put(id, json);

	STAGE_MUST(answer.error.kind == ERROR_NONE, "%s", answer.error.text);
	return answer;
}

static struct answer destroy(const char *id)
{
	return change_groups(CHANGE_GROUP_REMOVE, id, NULL, true, false, on_answer);
}

static bool is_quiet(struct stage *at, void *arg)
{
	return TAILQ_EMPTY(&stage_cluster(at)->deployments) && count_live(at) == *(int *)arg;
}

static void settle(int live)
{
	stage_wait(&stage, "all deployments are done", is_quiet, &live);
}

static void describe(const struct group *group, struct text *out)
{
	text_add(out, group->id);
	for (size_t i = 0; i < group->app_count; i++)
		text_addf(out, " %s*%d", strrchr(group->apps[i]->id, '/') + 1,
			  group->apps[i]->instances);
	for (size_t i = 0; group->dependencies && group->dependencies[i]; i++)
		text_addf(out, " <%s", group->dependencies[i]);
	for (size_t i = 0; i < group->group_count; i++) {
		text_add(out, " [");
		describe(group->groups[i], out);
		text_add(out, "]");
	}
}

static void expect_at(int64_t version_ms, const char *id, const char *want)
{
	struct error error = { 0 };
	struct text text = TEXT_INIT(4096);
	autoptr(group) group = groups_at(stage_cluster(&stage), id, version_ms, &error);

	if (group)
		describe(group, &text);
	else
		text_add(&text, error.kind == ERROR_NOT_FOUND ? "-" : error.text);
	ck_assert_str_eq(text_string(&text), want);
	text_clear(&text);
}

static void expect(const char *want)
{
	expect_at(0, "/", want);
}

#define NESTED                                                                               \
	"{\"groups\":[{\"id\":\"web\",\"dependencies\":[\"../db\"],\"apps\":[" APP(          \
		"a", "") "," APP("b",                                                        \
				 ",\"instances\":2") "]},{\"id\":\"db\",\"apps\":[" APP("x", \
											"") "]}]}"

START_TEST(a_nested_group_is_made_scaled_and_destroyed)
{
	struct answer answer;
	int64_t made_ms;

	stage_set_up(&stage, 2);
	expect("/");
	answer = must_put("/g", NESTED);
	ck_assert_str_ne(answer.deployment, "");
	made_ms = answer.version_ms;
	settle(4);
	expect("/ [/g [/g/db x*1] [/g/web a*1 b*2 </g/db]]");
	ck_assert_int_eq(stage_cluster(&stage)->version_ms, made_ms);

	ck_assert_int_eq(must_put("/g", NESTED).error.kind, ERROR_NONE);
	ck_assert_int_eq(stage_cluster(&stage)->version_ms, made_ms); /* nothing was to be done */

	(void)must_put("/g/web", "{\"scaleBy\":1.5}");
	settle(6);
	expect("/ [/g [/g/db x*1] [/g/web a*2 b*3 </g/db]]");
	expect_at(made_ms, "/g/web", "/g/web a*1 b*2 </g/db");

	ck_assert_int_eq(destroy("/g/web").error.kind, ERROR_NONE);
	settle(1);
	expect("/ [/g [/g/db x*1]]");
	ck_assert_int_eq(destroy("/g/web").error.kind, ERROR_NOT_FOUND);
	ck_assert_int_eq(destroy("/").error.kind, ERROR_NONE);
	settle(0);
	expect("/");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(lists_replace_and_silence_keeps)
{
	stage_set_up(&stage, 1);
	(void)must_put("/g", NESTED);
	settle(4);
	(void)must_put("/g/web", "{\"apps\":[" APP("b", ",\"instances\":2") "]}");
	settle(3);
	expect("/ [/g [/g/db x*1] [/g/web b*2 </g/db]]");
	(void)must_put("/g", "{}");
	expect("/ [/g [/g/db x*1] [/g/web b*2 </g/db]]");
	(void)must_put("/g", "{\"groups\":[{\"id\":\"web\",\"dependencies\":[]}]}");
	settle(2);
	expect("/ [/g [/g/web b*2]]");
	(void)must_put("/g/web", "{\"apps\":[]}");
	settle(0);
	expect("/ [/g [/g/web]]");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(groups_come_with_apps_and_stay_when_they_go)
{
	stage_set_up(&stage, 1);
	ck_assert_int_eq(
		stage_change(&stage, CHANGE_CREATE, "/p/q/a", APP("/p/q/a", ""), false).error.kind,
		ERROR_NONE);
	settle(1);
	expect("/ [/p [/p/q a*1]]");
	ck_assert_int_eq(stage_change(&stage, CHANGE_REMOVE, "/p/q/a", NULL, false).error.kind,
			 ERROR_NONE);
	settle(0);
	expect("/ [/p [/p/q]]");
	stage_restart(&stage);
	expect("/ [/p [/p/q]]");
	ck_assert_int_eq(destroy("/p/q").error.kind, ERROR_NONE);
	stage_restart(&stage);
	expect("/ [/p]");
	stage_tear_down(&stage);
}
END_TEST

START_TEST(a_group_goes_back_to_what_it_was)
{
	struct answer first, second;
	char version[64], time[TIMESTAMP_SIZE];
	int64_t versions[CLUSTER_VERSIONS_MAX];

	stage_set_up(&stage, 1);
	first = must_put("/g", "{\"apps\":[" APP("a", "") "],\"dependencies\":[\"/h\"]}");
	settle(1);
	second = must_put(
		"/g", "{\"apps\":[" APP("b", ",\"instances\":2") "],\"dependencies\":[],"
								 "\"groups\":[{\"id\":\"i\"}]}");
	settle(2);
	(void)must_put("/other", "{\"apps\":[" APP("c", "") "]}");
	settle(3);
	stage_restart(&stage);
	ck_assert_uint_eq(groups_versions(stage_cluster(&stage), "/g", versions), 2);
	ck_assert_int_eq(versions[0], second.version_ms);
	ck_assert_int_eq(versions[1], first.version_ms);
	ck_assert_uint_eq(groups_versions(stage_cluster(&stage), "/", versions), 3);
	expect_at(first.version_ms, "/", "/ [/g a*1 </h]");
	expect_at(second.version_ms, "/", "/ [/g b*2 [/g/i]]");
	expect_at(first.version_ms, "/g/i", "-");
	expect_at(1, "/g", "-");

	timestamp_format(time, first.version_ms);
	snprintf(version, sizeof(version), "{\"version\":\"%s\"}", time);
	(void)must_put("/g", version);
	settle(2);
	expect("/ [/g a*1 </h] [/other c*1]");
	ck_assert_int_eq(put("/other", version).error.kind, ERROR_NOT_FOUND);
	ck_assert_int_eq(put("/g", "{\"version\":\"2001-01-01T00:00:00Z\"}").error.kind,
			 ERROR_NOT_FOUND);
	stage_tear_down(&stage);
}
END_TEST

/* Many changes: the past has an end, and what is beyond it is not there. */
START_TEST(the_past_is_bounded)
{
	int64_t versions[CLUSTER_VERSIONS_MAX];
	struct answer first;
	char json[64];

	stage_set_up(&stage, 0);
	first = must_put("/g", "{}");
	for (int i = 0; i < CLUSTER_VERSIONS_MAX; i++) {
		snprintf(json, sizeof(json), "{\"dependencies\":[\"/h%d\"]}", i);
		(void)must_put("/g", json);
	}
	ck_assert_uint_eq(groups_versions(stage_cluster(&stage), "/g", versions),
			  CLUSTER_VERSIONS_MAX);
	expect_at(first.version_ms, "/g", "-");
	expect_at(versions[CLUSTER_VERSIONS_MAX - 1], "/g", "/g </h0");
	stage_restart(&stage);
	ck_assert_uint_eq(groups_versions(stage_cluster(&stage), "/g", versions),
			  CLUSTER_VERSIONS_MAX);
	expect_at(versions[CLUSTER_VERSIONS_MAX - 1], "/g", "/g </h0");
	stage_tear_down(&stage);
}
END_TEST

static size_t told_steps;

static void on_plan(const struct change_outcome *outcome, void *arg)
{
	STAGE_HOLDS(outcome->error.kind == ERROR_NONE && outcome->plan);
	told_steps = outcome->plan->step_count;
	on_answer(outcome, arg);
}

START_TEST(a_preview_changes_nothing)
{
	stage_set_up(&stage, 1);
	(void)change_groups(CHANGE_GROUP_UPDATE, "/g", NESTED, false, true, on_plan);
	ck_assert_uint_eq(told_steps, 3); /* start all, the database, the rest */
	expect("/");
	ck_assert(TAILQ_EMPTY(&stage_cluster(&stage)->deployments));
	ck_assert_uint_eq(stage_cluster(&stage)->past_count, 0);
	stage_tear_down(&stage);
}
END_TEST

static const struct {
	const char *claim;
	enum change_kind kind;
	const char *id, *json;
	enum error_kind error;
	const char *words;
} refusals[] = {
	{ "there already", CHANGE_GROUP_CREATE, "/g", "{}", ERROR_CONFLICT, "/g" },
	{ "the root is there", CHANGE_GROUP_CREATE, "/", "{}", ERROR_CONFLICT, "/" },
	{ "a group where an app is", CHANGE_GROUP_UPDATE, "/g/web/a", "{}", ERROR_CONFLICT,
	  "/g/web/a" },
	{ "a group below an app", CHANGE_GROUP_CREATE, "/g/web/a/deep/down", "{}", ERROR_CONFLICT,
	  "/g/web/a" },
	{ "an app where a group is", CHANGE_GROUP_UPDATE, "/g", "{\"apps\":[" APP("web", "") "]}",
	  ERROR_INVALID, "/g/web" },
	{ "scaling what is not there", CHANGE_GROUP_UPDATE, "/no", "{\"scaleBy\":2}",
	  ERROR_NOT_FOUND, "/no" },
	{ "destroying it", CHANGE_GROUP_REMOVE, "/no", NULL, ERROR_NOT_FOUND, "/no" },
	{ "too many", CHANGE_GROUP_UPDATE, "/", "{\"scaleBy\":1000000}", ERROR_INVALID, "100000" },
	{ "groups in a circle", CHANGE_GROUP_UPDATE, "/g/db", "{\"dependencies\":[\"/g/web\"]}",
	  ERROR_INVALID, "/g/db/x -> " },
};

START_TEST(refusals_change_nothing)
{
	stage_set_up(&stage, 1);
	(void)must_put("/g", NESTED);
	settle(4);
	for (size_t i = 0; i < ROWS(refusals); i++) {
		struct answer answer = change_groups(refusals[i].kind, refusals[i].id,
						     refusals[i].json, false, false, on_answer);

		ck_assert_msg(answer.error.kind == refusals[i].error &&
				      strstr(answer.error.text, refusals[i].words),
			      "%s: %d: %s", refusals[i].claim, (int)answer.error.kind,
			      answer.error.text);
	}
	ck_assert_int_eq(stage_change(&stage, CHANGE_CREATE, "/g", APP("/g", ""), true).error.kind,
			 ERROR_INVALID);
	expect("/ [/g [/g/db x*1] [/g/web a*1 b*2 </g/db]]");
	stage_tear_down(&stage);
}
END_TEST

/* The coordinator has heard of so many. One that ends before its host ever spoke of it takes as
 * long as the host may hold its poll. */
static bool are_heard(struct stage *at, void *arg)
{
	const struct instance *instance = stage_cluster(at)->instances;
	int heard = 0;

	for (; instance; instance = instance->hh.next)
		heard += instance->status.seq > 0;
	return heard == *(int *)arg;
}

START_TEST(a_deployment_locks_its_group)
{
	struct answer answer;
	int all = 7;

	stage_set_up(&stage, 1);
	stage.hosts[0].stays_staging = true;
	(void)must_put("/g", NESTED);
	answer = put("/g/web", "{\"scaleBy\":2}");
	ck_assert_int_eq(answer.error.kind, ERROR_CONFLICT);
	ck_assert_uint_eq(answer.blocking, 1);
	answer = change_groups(CHANGE_GROUP_UPDATE, "/g/web", "{\"scaleBy\":2}", true, false,
			       on_answer);
	ck_assert_int_eq(answer.error.kind, ERROR_NONE);
	stage_wait(&stage, "word of all tasks", are_heard, &all);
	ck_assert_int_eq(destroy("/g").error.kind, ERROR_NONE);
	settle(0);
	expect("/");
	stage_tear_down(&stage);
}
END_TEST

static bool has_tasks(struct stage *at, void *arg)
{
	(void)arg;
	return count_live(at) > 0;
}

/* The database first: of the others none is handed out before it runs. */
START_TEST(dependencies_of_groups_come_first)
{
	const struct cluster *cluster;
	struct played_task *task;

	stage_set_up(&stage, 1);
	stage.hosts[0].stays_staging = true;
	(void)must_put("/g", NESTED);
	stage_wait(&stage, "a first task", has_tasks, NULL);
	cluster = stage_cluster(&stage);
	ck_assert_uint_eq(cluster_find_app(cluster, "/g/db/x")->instance_count, 1);
	ck_assert_uint_eq(cluster_find_app(cluster, "/g/web/a")->instance_count, 0);
	ck_assert_int_eq(count_live(&stage), 1);
	stage.hosts[0].stays_staging = false;
	task = stage_task(&stage);
	task_move(task, TASK_RUNNING);
	settle(4);
	stage_tear_down(&stage);
}
END_TEST

START_TEST(cancelling_brings_groups_back)
{
	struct answer answer, back = { .done = false };

	stage_set_up(&stage, 1);
	(void)must_put("/g", NESTED);
	settle(4);
	stage.hosts[0].ignores_stops = true;
	answer = destroy("/g");
	expect("/");
	stage.hosts[0].ignores_stops = false;
	coordinator_cancel(stage.coordinator, answer.deployment, false, on_answer, &back);
	stage_wait(&stage, "an answer to a cancel", is_answered, &back);
	ck_assert_msg(back.error.kind == ERROR_NONE, "%s", back.error.text);
	settle(4);
	expect("/ [/g [/g/db x*1] [/g/web a*1 b*2 </g/db]]");
	stage_tear_down(&stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("groups");
	TCase *tcase = tcase_create("groups");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_nested_group_is_made_scaled_and_destroyed);
	tcase_add_test(tcase, lists_replace_and_silence_keeps);
	tcase_add_test(tcase, groups_come_with_apps_and_stay_when_they_go);
	tcase_add_test(tcase, a_group_goes_back_to_what_it_was);
	tcase_add_test(tcase, the_past_is_bounded);
	tcase_add_test(tcase, a_preview_changes_nothing);
	tcase_add_test(tcase, refusals_change_nothing);
	tcase_add_test(tcase, a_deployment_locks_its_group);
	tcase_add_test(tcase, dependencies_of_groups_come_first);
	tcase_add_test(tcase, cancelling_brings_groups_back);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
