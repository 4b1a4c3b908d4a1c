/* The docker runtime against a real engine. */

#include "docker_fixture.h"

#include "stadion/model/app.h"
#include "stadion/model/task.h"
#include "stadion/runtime/runtime.h"

#include <signal.h>

static struct loop *loop;
static struct runtime *runtime;

/* What a unit has reported so far. */
struct seen {
	struct runtime_unit *unit;
	int count[RUNTIME_FAILED + 1];
	struct runtime_report last;
	char handle[80], address[64], text[600];
	bool remove_at_end;
};

static void note(struct runtime_unit *unit, const struct runtime_report *report, void *arg)
{
	struct seen *seen = arg;

	seen->count[report->event]++;
	seen->last = *report;
	snprintf(seen->text, sizeof(seen->text), "%s", report->text);
	snprintf(seen->handle, sizeof(seen->handle), "%s", report->handle);
	if (report->event == RUNTIME_RUNNING)
		snprintf(seen->address, sizeof(seen->address), "%s", report->address);
	if (seen->remove_at_end && report->event == RUNTIME_ENDED) {
		runtime_remove(unit);
		seen->unit = NULL;
	}
}

static bool runs(void *arg)
{
	struct seen *seen = arg;

	ck_assert_msg(!seen->count[RUNTIME_FAILED], "failed: %s", seen->text);
	return seen->count[RUNTIME_RUNNING] > 0;
}

static bool ended(void *arg)
{
	struct seen *seen = arg;

	ck_assert_msg(!seen->count[RUNTIME_FAILED], "failed: %s", seen->text);
	return seen->count[RUNTIME_ENDED] > 0;
}

static bool failed(void *arg)
{
	return ((struct seen *)arg)->count[RUNTIME_FAILED] > 0;
}

static bool port_taken(void *arg)
{
	struct seen *seen = arg;

	ck_assert_msg(!seen->count[RUNTIME_FAILED], "failed: %s", seen->text);
	return seen->count[RUNTIME_PORT_TAKEN] > 0;
}

static bool is_ready(void *arg)
{
	struct runtime_condition condition;

	runtime_condition(arg, &condition);
	return condition.ready;
}

static struct runtime *new_runtime(void)
{
	struct docker_runtime_options options = { .socket = ENGINE_SOCKET,
						  .host_id = fixture_host,
						  .cluster = "test" };
	struct error error = { 0 };
	struct runtime *made = docker_runtime_new(loop, &options, &error);

	ck_assert_msg(made != NULL, "%s", error.text);
	return made;
}

static void setup(void)
{
	struct error error = { 0 };

	loop = loop_new(&error);
	ck_assert_msg(loop != NULL, "%s", error.text);
	runtime = new_runtime();
}

static bool nothing_left(void *arg)
{
	(void)arg;
	return fixture_count(loop) == 0;
}

static void teardown(void)
{
	wait_until(loop, nothing_left, NULL, "removal of the containers");
	runtime_free(runtime);
	loop_free(loop);
}

/* Container names are the whole engine's: ours have our host id in them. */
static const char *unique(const char *task_id, char out[128])
{
	snprintf(out, 128, "%s.%s", fixture_host, task_id);
	return out;
}

/* A command app; with a port it is a web server in a bridge. */
static struct app *make_app(const char *cmd, bool port)
{
	struct app *app = app_new();

	app->id = strdup("/test");
	app->container = CONTAINER_DOCKER;
	app->image = strdup(fixture_image);
	app->cmd = strdup(cmd);
	app->network = port ? NETWORK_BRIDGE : NETWORK_HOST;
	app->version_ms = 1714557604990;
	if (port) {
		app->ports = calloc(1, sizeof(*app->ports));
		app->port_count = 1;
		app->ports[0].container_port = 8000;
	}
	return app;
}

static void launch(struct seen *seen, struct app *app, const char *task_id, int32_t port)
{
	struct pair_list environment = { 0 };
	char own_id[128];
	struct runtime_launch order = { .task_id = unique(task_id, own_id),
					.attempt = 1,
					.app = app,
					.ports = &port,
					.environment = &environment };

	ck_assert(pair_list_add(&environment, "GREETING", "hello world"));
	seen->unit = runtime_start(runtime, &order, note, seen);
	ck_assert(seen->unit != NULL);
	pair_list_clear(&environment);
	app_unref(app);
}

/* ---- */

struct fetch {
	struct http_request *slot;
	bool come;
	char body[64];
};

static void fetched(const struct http_reply *reply, void *arg)
{
	struct fetch *fetch = arg;

	fetch->come = reply->status == 200;
	snprintf(fetch->body, sizeof(fetch->body), "%.*s", (int)reply->body_len, reply->body);
}

struct
try {
	struct http_client *client;
	struct fetch fetch;
	int32_t port;
};

static bool answers(void *arg)
{
	struct try *try = arg;
	char url[64];
	struct http_call call = { .url = url, .timeout_ms = 2000, .fresh_connection = true };

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", (int)try->port);
	if (!try->fetch.come && !try->fetch.slot)
		ck_assert(http_request_start(try->client, &call, fetched, &try->fetch,
					     &try->fetch.slot, NULL));
	return try->fetch.come;
}

START_TEST(launches_and_answers_on_its_port)
{
	struct http_client_options options = { 0 };
	struct try try = { .client = http_client_new(loop, &options, NULL), .port = free_port() };
	struct seen seen = { 0 };

	launch(&seen, make_app("exec httpd -f -p 8000 -h /www", true), "t.answers", try.port);
	wait_until(loop, runs, &seen, "running");
	ck_assert_int_eq(seen.count[RUNTIME_STARTING], 1);
	ck_assert_int_eq((int)strlen(seen.handle), 64);
	ck_assert(seen.address[0] != '\0');
	ck_assert(seen.last.started_ms > 0);
	wait_until(loop, answers, &try, "the answer on its port");
	ck_assert_str_eq(try.fetch.body, "hello");
	runtime_remove(seen.unit);
	http_client_free(try.client);
}
END_TEST

START_TEST(tells_how_it_died)
{
	static const struct {
		const char *cmd;
		int exit_code, signal;
	} rows[] = {
		{ "exit 3", 3, 0 },
		{ "test \"$GREETING\" = 'hello world'", 0, 0 },
		{ "sh -c 'kill -9 $$'; exit $?", -1, SIGKILL },
	};
	struct seen seen = { .remove_at_end = true };

	launch(&seen, make_app(rows[_i].cmd, false), "t.dies", PORT_NONE);
	wait_until(loop, ended, &seen, rows[_i].cmd);
	ck_assert_int_eq(seen.last.exit_code, rows[_i].exit_code);
	ck_assert_int_eq(seen.last.signal, rows[_i].signal);
	ck_assert(seen.unit == NULL);
}
END_TEST

START_TEST(notices_kill_and_removal_by_others)
{
	static const struct {
		const char *method, *tail;
		int signal;
		const char *text;
	} rows[] = {
		{ "POST", "/kill", SIGKILL, "killed by signal 9 (exit code 137)" },
		{ "DELETE", "?force=1", 0, "container was removed by somebody else" },
	};
	struct seen seen = { 0 };
	char path[200];

	launch(&seen, make_app("exec sleep 1000", false), "t.others", PORT_NONE);
	wait_until(loop, runs, &seen, "running");
	snprintf(path, sizeof(path), "/containers/%s%s", seen.handle, rows[_i].tail);
	json_object_put(ask_engine(loop, rows[_i].method, path).document);
	wait_until(loop, ended, &seen, "its end");
	if (rows[_i].signal || strcmp(seen.text, rows[_i].text) == 0) {
		ck_assert_int_eq(seen.last.signal, rows[_i].signal);
		ck_assert_str_eq(seen.text, rows[_i].text);
	} else { /* removed by force it is killed first, and that may be what we saw */
		ck_assert_int_eq(seen.last.signal, SIGKILL);
	}
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(names_a_port_that_a_stranger_holds)
{
	struct seen seen = { 0 };
	int fd;
	int32_t port = hold_port(&fd);

	launch(&seen, make_app("exec sleep 1000", true), "t.port", port);
	wait_until(loop, port_taken, &seen, "the port's refusal");
	ck_assert_int_eq(seen.last.port, port);
	runtime_remove(seen.unit);
	close(fd);
	seen = (struct seen){ 0 }; /* the same id again, with another port */
	launch(&seen, make_app("exec sleep 1000", true), "t.port", free_port());
	wait_until(loop, runs, &seen, "running on another port");
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(refuses_in_the_engines_words)
{
	static const struct {
		const char *image;
		const char *words;
	} rows[] = {
		{ "127.0.0.1:1/stadion-no-such-image", "connection refused" },
		{ "Stadion Bad/Name", "invalid reference format" },
	};
	struct seen seen = { 0 };
	struct app *app = make_app("true", false);

	free(app->image);
	app->image = strdup(rows[_i].image);
	launch(&seen, app, "t.missing", PORT_NONE);
	wait_until(loop, failed, &seen, rows[_i].image);
	ck_assert_msg(strstr(seen.text, rows[_i].words) != NULL, "%s", seen.text);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(stops_with_grace)
{
	static const struct {
		const char *cmd;
		int exit_code, signal;
	} rows[] = {
		{ "trap 'exit 7' TERM; while :; do sleep 0.1; done", 7, 0 },
		{ "trap '' TERM; while :; do sleep 0.1; done", -1, SIGKILL },
	};
	struct seen seen = { 0 };
	uint64_t begin_ms;

	launch(&seen, make_app(rows[_i].cmd, false), "t.stops", PORT_NONE);
	wait_until(loop, runs, &seen, "running");
	begin_ms = clock_monotonic_ms();
	runtime_stop(seen.unit, 1000);
	wait_until(loop, ended, &seen, rows[_i].cmd);
	ck_assert_int_eq(seen.last.exit_code, rows[_i].exit_code);
	ck_assert_int_eq(seen.last.signal, rows[_i].signal);
	ck_assert(rows[_i].signal == 0 || clock_monotonic_ms() - begin_ms >= 1000);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(calls_off_what_has_not_begun)
{
	struct seen seen = { 0 };

	launch(&seen, make_app("exec sleep 1000", false), "t.off", PORT_NONE);
	runtime_stop(seen.unit, 1000);
	wait_until(loop, ended, &seen, "the end of what never began");
	ck_assert_int_eq(seen.last.exit_code, -1);
	ck_assert_int_eq(seen.count[RUNTIME_RUNNING], 0);
	runtime_remove(seen.unit);
}
END_TEST

/* ---- survey and adoption ---- */

struct survey {
	size_t found, running;
	int32_t port;
	char task_id[128], handle[80];
	bool done;
};

static void survey_found(const struct runtime_found *found, void *arg)
{
	struct survey *survey = arg;

	survey->found++;
	survey->running += found->running;
	survey->port = found->port_count == 1 ? found->ports[0] : 0;
	snprintf(survey->task_id, sizeof(survey->task_id), "%s", found->task_id);
	snprintf(survey->handle, sizeof(survey->handle), "%s", found->handle);
	ck_assert_str_eq(found->app_id, "/test");
	ck_assert_int_eq(found->version_ms, 1714557604990);
	ck_assert_int_eq(found->attempt, 1);
}

static void survey_done(const struct error *error, void *arg)
{
	ck_assert_msg(!error, "%s", error ? error->text : "");
	((struct survey *)arg)->done = true;
}

static bool surveyed(void *arg)
{
	return ((struct survey *)arg)->done;
}

static void adopt(struct seen *seen, const char *task_id)
{
	struct app *app = make_app("x", false);
	char own_id[128];
	struct runtime_launch order = { .task_id = unique(task_id, own_id),
					.attempt = 1,
					.app = app };

	seen->unit = runtime_adopt(runtime, &order, note, seen);
	ck_assert(seen->unit != NULL);
	app_unref(app);
}

START_TEST(is_adopted_by_the_next_runtime)
{
	struct seen seen = { 0 }, again = { 0 };
	struct survey survey = { 0 };
	int32_t port = free_port();
	char handle[80], own_id[128];

	launch(&seen, make_app("exec sleep 1000", true), "t.adopt", port);
	wait_until(loop, runs, &seen, "running");
	snprintf(handle, sizeof(handle), "%s", seen.handle);
	runtime_release(seen.unit);
	runtime_free(runtime);

	runtime = new_runtime();
	ck_assert(runtime_survey(runtime, survey_found, survey_done, &survey, NULL));
	wait_until(loop, surveyed, &survey, "the survey");
	ck_assert_int_eq((int)survey.found, 1);
	ck_assert_int_eq((int)survey.running, 1);
	ck_assert_int_eq(survey.port, port);
	ck_assert_str_eq(survey.task_id, unique("t.adopt", own_id));
	ck_assert_str_eq(survey.handle, handle);

	adopt(&again, "t.adopt");
	wait_until(loop, runs, &again, "adoption");
	ck_assert_str_eq(again.handle, handle);
	runtime_stop(again.unit, 0);
	wait_until(loop, ended, &again, "the end of the adopted");
	runtime_release(again.unit);

	again = (struct seen){ 0 }; /* ended ones are adopted as what they are */
	adopt(&again, "t.adopt");
	wait_until(loop, ended, &again, "adoption of an ended one");
	ck_assert_int_eq(again.count[RUNTIME_RUNNING], 0);
	runtime_remove(again.unit);
}
END_TEST

START_TEST(adopts_nothing_that_is_not_there)
{
	struct seen seen = { 0 };

	adopt(&seen, "t.nothing");
	wait_until(loop, failed, &seen, "the refusal");
	ck_assert_int_eq(seen.last.error.kind, ERROR_NOT_FOUND);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(does_not_launch_twice)
{
	struct seen seen = { 0 }, twice = { 0 };
	int32_t port = free_port();

	launch(&seen, make_app("exec sleep 1000", true), "t.twice", port);
	wait_until(loop, runs, &seen, "running");
	launch(&twice, make_app("exec sleep 1000", true), "t.twice", port);
	wait_until(loop, runs, &twice, "running as the same container");
	ck_assert_str_eq(seen.handle, twice.handle);
	runtime_release(twice.unit);
	runtime_remove(seen.unit);
}
END_TEST

/* ---- exec ---- */

struct ran {
	bool done;
	int exit_code;
	char output[128];
	enum error_kind kind;
};

static void exec_done(const struct runtime_exec_end *end, void *arg)
{
	struct ran *ran = arg;

	ran->done = true;
	ran->exit_code = end->exit_code;
	ran->kind = end->error.kind;
	snprintf(ran->output, sizeof(ran->output), "%s", end->output);
}

static bool exec_is_done(void *arg)
{
	return ((struct ran *)arg)->done;
}

START_TEST(runs_commands_inside)
{
	static const struct {
		const char *command;
		int exit_code;
		const char *output;
		enum error_kind kind;
	} rows[] = {
		{ "echo \"$GREETING\"; echo there >&2; exit 4", 4, "hello world\nthere\n",
		  ERROR_NONE },
		{ "sleep 1000", -1, "", ERROR_TIMEOUT },
	};
	struct seen seen = { 0 };
	struct ran ran = { 0 };
	struct runtime_exec *slot = NULL;

	launch(&seen, make_app("exec sleep 1000", false), "t.exec", PORT_NONE);
	wait_until(loop, runs, &seen, "running");
	ck_assert(runtime_exec_start(seen.unit, rows[_i].command, rows[_i].kind ? 300 : 10000,
				     exec_done, &ran, &slot, NULL));
	wait_until(loop, exec_is_done, &ran, rows[_i].command);
	ck_assert(slot == NULL);
	ck_assert_int_eq(ran.exit_code, rows[_i].exit_code);
	ck_assert_str_eq(ran.output, rows[_i].output);
	ck_assert_int_eq(ran.kind, rows[_i].kind);
	runtime_remove(seen.unit);
}
END_TEST

START_TEST(an_absent_engine_is_a_condition)
{
	struct docker_runtime_options options = { .socket = "/nowhere/docker.sock",
						  .host_id = fixture_host,
						  .cluster = "" };
	struct runtime_condition condition;
	struct runtime *usual = runtime;
	struct seen seen = { 0 };

	runtime = docker_runtime_new(loop, &options, NULL);
	launch(&seen, make_app("true", false), "t.absent", PORT_NONE);
	do {
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
		runtime_condition(runtime, &condition);
	} while (!condition.since_ms);
	ck_assert(!condition.ready);
	ck_assert_msg(strstr(condition.text, "/nowhere/docker.sock") != NULL, "%s", condition.text);
	ck_assert_int_eq(seen.count[RUNTIME_FAILED] + seen.count[RUNTIME_ENDED], 0);
	runtime_release(seen.unit);
	runtime_free(runtime);
	runtime = usual;
	wait_until(loop, is_ready, runtime, "the real engine");
}
END_TEST

static void before_all(void)
{
	struct loop *own = loop_new(NULL);

	fixture_name();
	fixture_import(own);
	loop_free(own);
}

static void after_all(void)
{
	struct loop *own = loop_new(NULL);

	fixture_sweep(own);
	loop_free(own);
}

static Suite *suite(void)
{
	Suite *made = suite_create("docker_runtime");
	TCase *tcase = tcase_create("engine");

	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, before_all, after_all);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, launches_and_answers_on_its_port);
	tcase_add_loop_test(tcase, tells_how_it_died, 0, 3);
	tcase_add_loop_test(tcase, notices_kill_and_removal_by_others, 0, 2);
	tcase_add_test(tcase, names_a_port_that_a_stranger_holds);
	tcase_add_loop_test(tcase, refuses_in_the_engines_words, 0, 2);
	tcase_add_loop_test(tcase, stops_with_grace, 0, 2);
	tcase_add_test(tcase, calls_off_what_has_not_begun);
	tcase_add_test(tcase, is_adopted_by_the_next_runtime);
	tcase_add_test(tcase, adopts_nothing_that_is_not_there);
	tcase_add_test(tcase, does_not_launch_twice);
	tcase_add_loop_test(tcase, runs_commands_inside, 0, 2);
	tcase_add_test(tcase, an_absent_engine_is_a_condition);
	suite_add_tcase(made, tcase);
	return made;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failures;

	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
