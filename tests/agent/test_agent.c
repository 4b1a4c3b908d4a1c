/* The whole agent, with a real engine, against a coordinator that does what the test says. */

#include "stadion/agent/agent.h"

#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "coordinator_fixture.h"
#include "runtime/docker_fixture.h"
#include "stadion/base/log.h"
#include "stadion/runtime/runtime.h"

#define SERVE "exec httpd -f -p 8000 -h /www"

static struct loop *loop;
static struct agent *agent;
static struct coordinator_fixture coordinator;
static const char *engine = ENGINE_SOCKET;
static char before[64]; /* a coordinator to ask first; "": none */
static char state[64];
static char id[PATH_MAX];

static void start_agent(void)
{
	char url[160];
	struct error error = { 0 };

	snprintf(url, sizeof(url), "%s%shttp://127.0.0.1:%u", before, before[0] ? "," : "",
		 http_server_port(coordinator.server));
	const struct agent_options options = { .coordinator = url,
					       .token = FIXTURE_TOKEN,
					       .docker = engine,
					       .state = state,
					       .hostname = "here",
					       .host_id = fixture_host,
					       .port_low = 33000,
					       .port_high = 34000,
					       .program = "/proc/self/exe" };

	agent = agent_new(loop, &options, &error);
	ck_assert_msg(agent != NULL, "%s", error.text);
}

static void stop_agent(void)
{
	agent_free(agent);
	agent = NULL;
}

static int unlink_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	(void)kind;
	(void)where;
	return remove(path);
}

static void lose_state(void)
{
	(void)nftw(state, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void setup(void)
{
	struct error error = { 0 };
	char *task_id = task_id_new("/test");

	loop = loop_new(&error);
	snprintf(id, sizeof(id), "%s", task_id);
	free(task_id);
	snprintf(state, sizeof(state), "/tmp/stadion-agent-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(state));
	fixture_start(&coordinator, loop);
	start_agent();
}

static bool engine_is_clean(void *arg)
{
	(void)arg;
	return fixture_count(loop) == 0;
}

/* Every test ends with nothing wanted, and then nothing may be left. */
static void teardown(void)
{
	fixture_unwant_all(&coordinator);
	wait_until(loop, engine_is_clean, NULL, "removal of what is not wanted");
	stop_agent();
	fixture_stop(&coordinator);
	loop_free(loop);
	lose_state();
}

static struct app *make_app(const char *cmd)
{
	struct app *app = app_new();

	free(app->id);
	app->id = text_duplicate("/test");
	app->cmd = text_duplicate(cmd);
	app->container = CONTAINER_DOCKER;
	app->image = text_duplicate(fixture_image);
	app->network = NETWORK_BRIDGE;
	app->kill_grace_ms = 100;
	app->version_ms = 1714557604990;
	return app;
}

static struct app *make_server(int32_t host_port)
{
	struct app *app = make_app(SERVE);

	free(app->ports);
	app->ports = calloc(1, sizeof(*app->ports));
	app->port_count = 1;
	app->ports[0] = (struct app_port){ .container_port = 8000, .host_port = host_port };
	return app;
}

static struct app *with_check(struct app *app, enum check_protocol protocol, const char *what,
			      int32_t max_failures)
{
	free(app->checks);
	app->checks = calloc(1, sizeof(*app->checks));
	app->check_count = 1;
	app->checks[0] = (struct health_check){ .protocol = protocol,
						.port = CHECK_PORT_UNSET,
						.port_index = CHECK_PORT_UNSET,
						.interval_ms = 1000,
						.timeout_ms = 5000,
						.max_failures = max_failures };
	if (protocol == CHECK_COMMAND)
		app->checks[0].command = text_duplicate(what);
	else
		app->checks[0].path = text_duplicate(what);
	return app;
}

static const struct task_status *said(void)
{
	struct heard *heard = fixture_heard(&coordinator, id);

	return heard ? &heard->status : NULL;
}

static bool is_running(void *arg)
{
	(void)arg;
	ck_assert_msg(!said() || !task_state_terminal(said()->state), "%s: %s",
		      task_state_name(said()->state), said()->message);
	return said() && said()->state == TASK_RUNNING;
}

static bool is_healthy(void *arg)
{
	return is_running(arg) && task_health(said()) == TASK_HEALTHY;
}

static bool has_ended(void *arg)
{
	(void)arg;
	return said() && task_state_terminal(said()->state);
}

static bool was_complete(void *arg)
{
	return coordinator.complete_reports >= *(unsigned *)arg;
}

static void wait_complete(unsigned count)
{
	wait_until(loop, was_complete, &count, "a complete report");
}

static void engine_call(const char *method, const char *format, const char *container)
{
	char path[256];

	snprintf(path, sizeof(path), format, container);
	struct answer answer = ask_engine(loop, method, path);

	ck_assert_int_lt(answer.status, 300);
	json_object_put(answer.document);
}

START_TEST(runs_reports_and_stops)
{
	fixture_want(&coordinator, id, with_check(make_server(0), CHECK_HTTP, "/", 3), 33100, 0);
	wait_until(loop, is_healthy, NULL, "health");

	const struct heard *heard = fixture_heard(&coordinator, id);

	ck_assert(heard->states & 1U << TASK_STARTING || heard->states & 1U << TASK_STAGING);
	ck_assert_int_ge(heard->status.ports[0], 33000);
	ck_assert_str_ne(heard->status.address, "");
	ck_assert_int_gt(heard->status.started_ms, 0);
	ck_assert_uint_eq(fixture_count(loop), 1);
	ck_assert_str_eq(coordinator.hello.hostname, "here");
	ck_assert_str_eq(coordinator.hello.host_id, fixture_host);
	ck_assert_int_gt(coordinator.hello.mem_kib, 0);
	fixture_unwant_all(&coordinator);
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, TASK_KILLED);
	ck_assert(!said()->killed_unhealthy);
	wait_until(loop, engine_is_clean, NULL, "removal");
}
END_TEST

static const struct {
	const char *cmd;
	enum task_state state;
	const char *message;
} ends[] = {
	{ "exit 0", TASK_FINISHED, "exited with status 0" },
	{ "exit 3", TASK_FAILED, "exited with status 3" },
	{ "kill -9 $$; sleep 9", TASK_FAILED, NULL },
};

START_TEST(tells_how_a_task_ended)
{
	fixture_want(&coordinator, id, make_app(ends[_i].cmd), PORT_NONE, 0);
	if (!ends[_i].message) { /* pid 1 of a container does not kill itself: the engine does */
		wait_until(loop, is_running, NULL, "running");
		engine_call("POST", "/containers/%s/kill", said()->container_id);
	}
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, ends[_i].state);
	ck_assert_str_eq(said()->message,
			 ends[_i].message ? ends[_i].message
					  : "killed by signal 9 (SIGKILL), exit status 137");
	ck_assert_uint_eq(fixture_count(loop), 1); /* kept while it is in the list */
}
END_TEST

START_TEST(keeps_an_end_until_it_is_acknowledged)
{
	coordinator.acks = false;
	fixture_want(&coordinator, id, make_app("exit 3"), PORT_NONE, 0);
	wait_until(loop, has_ended, NULL, "the end");
	fixture_unwant_all(&coordinator);
	fixture_forget_sessions(&coordinator);
	wait_complete(2);
	ck_assert_uint_eq(coordinator.complete_count, 1); /* said again, kept */
	ck_assert_uint_eq(fixture_count(loop), 1);
	coordinator.acks = true;
	fixture_forget_sessions(&coordinator);
	wait_until(loop, engine_is_clean, NULL, "removal");
}
END_TEST

START_TEST(an_image_that_is_not_there_is_told_in_the_engines_words)
{
	struct app *app = make_app("true");

	free(app->image);
	app->image = text_duplicate("127.0.0.1:1/nothing/here:9");
	fixture_want(&coordinator, id, app, PORT_NONE, 0);
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, TASK_FAILED);
	ck_assert_msg(strstr(said()->message, "127.0.0.1:1") != NULL, "%s", said()->message);
}
END_TEST

START_TEST(another_port_is_taken_when_somebody_has_it)
{
	int fd;
	int32_t port = hold_port(&fd);

	fixture_want(&coordinator, id, make_server(0), port, 0);
	wait_until(loop, is_running, NULL, "running");
	ck_assert_int_ne(said()->ports[0], port);
	ck_assert_int_ge(said()->ports[0], 33000);
	ck_assert_int_le(said()->ports[0], 34000);
	close(fd);
}
END_TEST

START_TEST(a_fixed_port_that_somebody_has_is_named)
{
	int fd;
	int32_t port = hold_port(&fd);
	char number[16];

	snprintf(number, sizeof(number), "%d", (int)port);
	fixture_want(&coordinator, id, make_server(port), port, 0);
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, TASK_FAILED);
	ck_assert_msg(strstr(said()->message, number) != NULL, "%s", said()->message);
	ck_assert_uint_eq(fixture_count(loop), 0);
	close(fd);
}
END_TEST

static bool succeeded_after(void *arg)
{
	return said()->checks[0].last_success_ms > *(int64_t *)arg;
}

START_TEST(the_time_of_the_last_success_moves_without_a_change)
{
	int64_t first_ms;
	uint64_t seq;

	fixture_want(&coordinator, id, with_check(make_server(0), CHECK_HTTP, "/", 3), 33150, 0);
	wait_until(loop, is_healthy, NULL, "health");
	first_ms = said()->checks[0].last_success_ms;
	seq = said()->seq;
	wait_until(loop, succeeded_after, &first_ms, "news of another success");
	ck_assert_uint_eq(said()->seq, seq);
}
END_TEST

static const struct {
	enum check_protocol protocol;
	const char *what, *cause;
} sick[] = {
	{ CHECK_HTTP, "/nowhere", "status 404" },
	{ CHECK_COMMAND, "exit 4", "exit status 4" },
};

START_TEST(an_unhealthy_task_is_killed_and_says_why)
{
	fixture_want(&coordinator, id,
		     with_check(make_server(0), sick[_i].protocol, sick[_i].what, 2), 33200, 0);
	wait_until(loop, has_ended, NULL, "the kill");
	ck_assert_int_eq(said()->state, TASK_KILLED);
	ck_assert(said()->killed_unhealthy);
	ck_assert(!said()->ran_healthy);
	ck_assert_int_eq(said()->checks[0].consecutive_failures, 2);
	ck_assert_msg(strstr(said()->message, sick[_i].cause) != NULL, "%s", said()->message);
}
END_TEST

static bool engine_is_told(void *arg)
{
	return (coordinator.engine_down_since_ms > 0) == *(bool *)arg && coordinator.reports > 0;
}

START_TEST(an_engine_that_is_away_is_told_and_changes_no_task)
{
	bool down = true;
	char container[72];

	fixture_want(&coordinator, id, make_server(0), 33850, 0);
	wait_until(loop, is_running, NULL, "running");
	snprintf(container, sizeof(container), "%s", said()->container_id);
	stop_agent();
	engine = "/nowhere/docker.sock";
	start_agent();
	wait_until(loop, engine_is_told, &down, "an agent without engine");
	ck_assert_str_eq(coordinator.hello.engine, "");
	ck_assert(is_running(NULL));
	stop_agent();
	engine = ENGINE_SOCKET;
	start_agent();
	down = false;
	wait_until(loop, engine_is_told, &down, "an agent with engine");
	ck_assert(is_running(NULL));
	ck_assert_str_eq(said()->container_id, container);
	ck_assert_uint_eq(fixture_count(loop), 1);
}
END_TEST

/* No failed check comes of it, be the first one the last. */
START_TEST(a_frozen_engine_kills_nobody)
{
	bool down = true;
	char path[80];
	pid_t relay;

	stop_agent();
	snprintf(path, sizeof(path), "/tmp/%s-relay.sock", fixture_host);
	relay = relay_start(path);
	engine = path;
	start_agent();
	fixture_want(&coordinator, id, with_check(make_server(0), CHECK_COMMAND, "true", 1), 33860,
		     0);
	wait_until(loop, is_healthy, NULL, "health");
	ck_assert(kill(relay, SIGSTOP) == 0);
	wait_until(loop, engine_is_told, &down, "a silent engine");
	ck_assert(kill(relay, SIGCONT) == 0);
	down = false;
	wait_until(loop, engine_is_told, &down, "an engine that speaks");
	ck_assert(is_healthy(NULL));
	ck_assert_int_eq(said()->checks[0].consecutive_failures, 0);
	ck_assert_uint_eq(fixture_count(loop), 1);
	stop_agent();
	relay_stop(relay);
	(void)unlink(path);
	engine = ENGINE_SOCKET;
	start_agent();
}
END_TEST

START_TEST(a_process_is_a_task_as_well)
{
	struct app *app = make_app("sleep 600");
	char handle[72];

	app->container = CONTAINER_NONE;
	app->network = NETWORK_HOST;
	with_check(app, CHECK_COMMAND, "test -n \"$MESOS_TASK_ID\"", 3);
	fixture_want(&coordinator, id, app, PORT_NONE, 0);
	wait_until(loop, is_healthy, NULL, "health");
	snprintf(handle, sizeof(handle), "%s", said()->container_id);
	ck_assert_int_eq(strncmp(handle, "pid:", 4), 0);
	stop_agent();
	start_agent();
	wait_complete(2);
	ck_assert_int_eq(said()->state, TASK_RUNNING);
	ck_assert_str_eq(said()->container_id, handle);
	fixture_unwant_all(&coordinator);
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, TASK_KILLED);
	ck_assert_int_eq(kill((pid_t)atoi(handle + 4), 0), -1);
}
END_TEST

/* ---- Restarts of the agent ---- */

START_TEST(a_restarted_agent_adopts)
{
	char container[72];
	uint64_t seq;

	fixture_want(&coordinator, id, with_check(make_server(0), CHECK_HTTP, "/", 3), 33300, 0);
	wait_until(loop, is_healthy, NULL, "health");
	snprintf(container, sizeof(container), "%s", said()->container_id);
	seq = said()->seq;
	stop_agent();
	start_agent();
	wait_complete(2);
	ck_assert(is_healthy(NULL)); /* not for a moment unknown */
	ck_assert_str_eq(said()->container_id, container);
	ck_assert_uint_ge(said()->seq, seq);
	ck_assert_uint_eq(fixture_count(loop), 1);
}
END_TEST

START_TEST(an_agent_without_memory_adopts_by_labels)
{
	char container[72];
	uint64_t seen;
	int32_t port;

	fixture_want(&coordinator, id, with_check(make_server(0), CHECK_HTTP, "/", 3), 33400, 0);
	wait_until(loop, is_healthy, NULL, "health");
	snprintf(container, sizeof(container), "%s", said()->container_id);
	port = said()->ports[0];
	seen = said()->seq;
	coordinator.wanted[0].seen = seen;
	stop_agent();
	lose_state();
	start_agent();
	wait_complete(2);
	ck_assert_uint_eq(coordinator.complete_count, 1);
	ck_assert_int_eq(said()->state, TASK_RUNNING);
	ck_assert_str_eq(said()->container_id, container);
	ck_assert_int_eq(said()->ports[0], port);
	ck_assert_uint_gt(said()->seq, seen);
	wait_until(loop, is_healthy, NULL, "health by the app of the wanted list");
	ck_assert_str_eq(said()->container_id, container);
	ck_assert_uint_eq(fixture_count(loop), 1);
}
END_TEST

static bool reported_after(void *arg)
{
	return coordinator.reports > *(unsigned *)arg;
}

/* Its list would lack what runs, and whoever believed it would start that anew. */
START_TEST(an_agent_without_memory_and_engine_gives_no_complete_list)
{
	char path[80], container[72];
	unsigned reports;

	fixture_want(&coordinator, id, make_server(0), 33450, 0);
	wait_until(loop, is_running, NULL, "running");
	snprintf(container, sizeof(container), "%s", said()->container_id);
	coordinator.wanted[0].seen = said()->seq;
	stop_agent();
	lose_state();
	snprintf(path, sizeof(path), "/tmp/%s.sock", fixture_host);
	engine = path;
	start_agent();
	reports = coordinator.reports;
	wait_until(loop, reported_after, &reports, "a report without engine");
	ck_assert_int_gt(coordinator.engine_down_since_ms, 0);
	reports = coordinator.reports;
	wait_until(loop, reported_after, &reports, "another, as a sign of life");
	ck_assert_uint_eq(coordinator.complete_reports, 1);
	ck_assert(symlink(ENGINE_SOCKET, path) == 0);
	wait_complete(2);
	ck_assert_uint_eq(coordinator.complete_count, 1);
	ck_assert_int_eq(said()->state, TASK_RUNNING);
	ck_assert_str_eq(said()->container_id, container);
	ck_assert_uint_eq(fixture_count(loop), 1);
	stop_agent();
	engine = ENGINE_SOCKET;
	start_agent();
	(void)unlink(path);
}
END_TEST

START_TEST(an_agent_without_memory_stops_what_nobody_wants)
{
	fixture_want(&coordinator, id, make_server(0), 33500, 0);
	wait_until(loop, is_running, NULL, "running");
	stop_agent();
	lose_state();
	fixture_unwant_all(&coordinator);
	start_agent();
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, TASK_KILLED);
	wait_until(loop, engine_is_clean, NULL, "removal");
}
END_TEST

static const struct {
	const char *method, *path;
	int32_t signal;
	const char *message;
} fates[] = {
	{ "POST", "/containers/%s/kill", 9, "killed by signal 9 (SIGKILL), exit status 137" },
	{ "DELETE", "/containers/%s?force=1", 0, "container vanished while the agent was away" },
};

START_TEST(what_happened_meanwhile_is_told)
{
	fixture_want(&coordinator, id, make_server(0), 33600, 0);
	wait_until(loop, is_running, NULL, "running");
	stop_agent();
	engine_call(fates[_i].method, fates[_i].path, said()->container_id);
	start_agent();
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, TASK_FAILED);
	ck_assert_int_eq(said()->signal, fates[_i].signal);
	ck_assert_str_eq(said()->message, fates[_i].message);
	ck_assert(!said()->infrastructure);
}
END_TEST

START_TEST(what_ran_and_is_gone_without_a_trace_is_not_started)
{
	fixture_want(&coordinator, id, make_server(0), 33700, 5);
	wait_until(loop, has_ended, NULL, "the end");
	ck_assert_int_eq(said()->state, TASK_GONE);
	ck_assert(said()->infrastructure);
	ck_assert_uint_gt(said()->seq, 5);
	ck_assert_uint_eq(fixture_count(loop), 0);
}
END_TEST

/* ---- The coordinator's side ---- */

START_TEST(a_coordinator_that_forgot_its_sessions_is_greeted_again)
{
	fixture_want(&coordinator, id, make_server(0), 33800, 0);
	wait_until(loop, is_running, NULL, "running");
	fixture_forget_sessions(&coordinator);
	wait_complete(2);
	ck_assert_uint_eq(coordinator.complete_count, 1);
	ck_assert_int_eq(said()->state, TASK_RUNNING);
}
END_TEST

static bool greeted_often(void *arg)
{
	return coordinator.hellos >= *(unsigned *)arg;
}

START_TEST(a_deposed_coordinator_is_not_obeyed)
{
	unsigned hellos;

	fixture_want(&coordinator, id, make_server(0), 33900, 0);
	wait_until(loop, is_running, NULL, "running");
	coordinator.epoch--;
	fixture_unwant_all(&coordinator);
	fixture_forget_sessions(&coordinator);
	hellos = coordinator.hellos + 3;
	wait_until(loop, greeted_often, &hellos, "greetings without obedience");
	ck_assert(is_running(NULL));
	ck_assert_uint_eq(fixture_count(loop), 1);
	/* Nor after a restart: the highest epoch is on disk. */
	stop_agent();
	start_agent();
	hellos = coordinator.hellos + 3;
	wait_until(loop, greeted_often, &hellos, "greetings without obedience");
	ck_assert_uint_eq(fixture_count(loop), 1);
	coordinator.epoch++;
}
END_TEST

static bool was_listed(void *arg)
{
	return ((struct coordinator_fixture *)arg)->complete_reports > 0;
}

START_TEST(another_coordinator_is_found_when_one_has_gone)
{
	struct coordinator_fixture first;
	unsigned hellos;

	stop_agent();
	fixture_start(&first, loop);
	snprintf(before, sizeof(before), "http://127.0.0.1:%u", http_server_port(first.server));
	start_agent();
	before[0] = '\0';
	wait_until(loop, was_listed, &first, "a session with the first one");
	hellos = coordinator.hellos + 1;
	fixture_stop(&first);
	wait_until(loop, greeted_often, &hellos, "a greeting of the other one");
	fixture_want(&coordinator, id, make_server(0), 33950, 0);
	wait_until(loop, is_running, NULL, "running");
}
END_TEST

static bool stands_still(void *arg)
{
	char path[128];
	struct answer answer;
	bool running;

	snprintf(path, sizeof(path), "/containers/%s/json", (const char *)arg);
	answer = ask_engine(loop, NULL, path);
	running = json_flag(json_object_member(answer.document, "State"), "Running", true);
	json_object_put(answer.document);
	return !running;
}

static void fill_disk(const char *path)
{
	static const char block[4096];
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fwrite(block, sizeof(block), 1, file) == 1)
		;
	(void)fclose(file);
}

START_TEST(a_full_disk_keeps_nobody_alive)
{
	char container[72], junk[80];

	if (geteuid() != 0) /* who may not mount has no disk to fill */
		return;
	stop_agent();
	ck_assert(mount("tmpfs", state, "tmpfs", 0, "size=2m") == 0);
	start_agent();
	fixture_want(&coordinator, id, make_server(0), 33960, 0);
	wait_until(loop, is_running, NULL, "running");
	snprintf(container, sizeof(container), "%s", said()->container_id);
	snprintf(junk, sizeof(junk), "%s/junk", state);
	fill_disk(junk);
	fixture_unwant_all(&coordinator);
	wait_until(loop, stands_still, container, "the end");
	ck_assert(unlink(junk) == 0);
	wait_until(loop, has_ended, NULL, "the end's report");
	ck_assert_int_eq(said()->state, TASK_KILLED);
	wait_until(loop, engine_is_clean, NULL, "removal");
	stop_agent();
	ck_assert(umount(state) == 0);
	start_agent();
}
END_TEST

/* ---- Killed at any moment ---- */

/* The agent in a process of its own: argv is agent, coordinator's port, state folder, host id. */
static int agent_main(char **argv)
{
	struct error error = { 0 };
	char url[64];

	loop = loop_new(&error);
	snprintf(url, sizeof(url), "http://127.0.0.1:%s", argv[2]);
	const struct agent_options options = { .coordinator = url,
					       .token = FIXTURE_TOKEN,
					       .docker = ENGINE_SOCKET,
					       .state = argv[3],
					       .host_id = argv[4],
					       .port_low = 33000,
					       .port_high = 34000,
					       .program = "/proc/self/exe" };

	log_setup(LOG_ERROR, 2);
	agent = agent_new(loop, &options, &error);
	return agent && loop_run(loop, &error) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static pid_t spawn_agent(void)
{
	char port[16];
	char *argv[] = { (char *)"agent", (char *)"agent", port, state, fixture_host, NULL };
	pid_t pid;

	snprintf(port, sizeof(port), "%u", http_server_port(coordinator.server));
	ck_assert_int_eq(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
	return pid;
}

static void kill_agent(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void turn_loop(uint64_t for_ms)
{
	const struct timeval limit = { .tv_usec = (suseconds_t)(for_ms * 1000) };

	event_base_loopexit(loop_base(loop), &limit);
	event_base_dispatch(loop_base(loop));
}

static bool all_run(void *arg)
{
	size_t running = 0;

	(void)arg;
	for (size_t i = 0; i < coordinator.heard_count; i++) {
		const struct task_status *status = &coordinator.heard[i].status;

		ck_assert_msg(!task_state_terminal(status->state), "%s", status->message);
		running += status->state == TASK_RUNNING;
	}
	return running == coordinator.wanted_count;
}

START_TEST(killed_at_any_moment_it_neither_doubles_nor_loses)
{
	char *ids[6];
	pid_t pid;

	stop_agent();
	for (size_t i = 0; i < ROWS(ids); i++) {
		ids[i] = task_id_new("/test");
		fixture_want(&coordinator, ids[i], make_server(0), 33000 + (int32_t)i, 0);
	}
	for (int round = 0; round < 12; round++) {
		uint8_t random;

		id_random(&random, sizeof(random));
		pid = spawn_agent();
		turn_loop(20 + random);
		kill_agent(pid);
		(void)all_run(NULL); /* nothing has ended */
	}
	pid = spawn_agent();
	wait_until(loop, all_run, NULL, "all running");
	ck_assert_uint_eq(fixture_count(loop), ROWS(ids));
	kill_agent(pid);
	for (size_t i = 0; i < ROWS(ids); i++)
		free(ids[i]);
	start_agent();
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
	Suite *made = suite_create("agent");
	TCase *tcase = tcase_create("engine");

	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, before_all, after_all);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, runs_reports_and_stops);
	tcase_add_loop_test(tcase, tells_how_a_task_ended, 0, (int)ROWS(ends));
	tcase_add_test(tcase, keeps_an_end_until_it_is_acknowledged);
	tcase_add_test(tcase, an_image_that_is_not_there_is_told_in_the_engines_words);
	tcase_add_test(tcase, another_port_is_taken_when_somebody_has_it);
	tcase_add_test(tcase, a_fixed_port_that_somebody_has_is_named);
	tcase_add_test(tcase, the_time_of_the_last_success_moves_without_a_change);
	tcase_add_loop_test(tcase, an_unhealthy_task_is_killed_and_says_why, 0, (int)ROWS(sick));
	tcase_add_test(tcase, an_engine_that_is_away_is_told_and_changes_no_task);
	tcase_add_test(tcase, a_frozen_engine_kills_nobody);
	tcase_add_test(tcase, a_process_is_a_task_as_well);
	tcase_add_test(tcase, a_restarted_agent_adopts);
	tcase_add_test(tcase, an_agent_without_memory_adopts_by_labels);
	tcase_add_test(tcase, an_agent_without_memory_and_engine_gives_no_complete_list);
	tcase_add_test(tcase, an_agent_without_memory_stops_what_nobody_wants);
	tcase_add_loop_test(tcase, what_happened_meanwhile_is_told, 0, (int)ROWS(fates));
	tcase_add_test(tcase, what_ran_and_is_gone_without_a_trace_is_not_started);
	tcase_add_test(tcase, a_coordinator_that_forgot_its_sessions_is_greeted_again);
	tcase_add_test(tcase, a_deposed_coordinator_is_not_obeyed);
	tcase_add_test(tcase, another_coordinator_is_found_when_one_has_gone);
	tcase_add_test(tcase, a_full_disk_keeps_nobody_alive);
	tcase_add_test(tcase, killed_at_any_moment_it_neither_doubles_nor_loses);
	suite_add_tcase(made, tcase);
	return made;
}

int main(int argc, char **argv)
{
	SRunner *runner;
	int failures;

	if (argc > 1 && strcmp(argv[1], "shim") == 0)
		return process_shim_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], "agent") == 0)
		return agent_main(argv);
	runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
