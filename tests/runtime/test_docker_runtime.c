/* The docker runtime against a real engine. */

#include "docker_fixture.h"

#include "stadion/model/app.h"
#include "stadion/model/task.h"
#include "stadion/runtime/runtime.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <sys/wait.h>

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

static bool stands_still(void *arg)
{
	struct seen *seen = arg;
	char path[200];
	struct answer answer;
	bool running;

	snprintf(path, sizeof(path), "/containers/%s/json", seen->handle);
	answer = ask_engine(loop, NULL, path);
	ck_assert_int_eq(answer.status, 200);
	running = json_flag(json_object_member(answer.document, "State"), "Running", true);
	json_object_put(answer.document);
	return !running;
}

/* Seen as it happens, or found out later: what ended is over, and does not run on under its id. */
START_TEST(a_restart_by_others_is_an_end)
{
	struct seen seen = { 0 };
	char path[200];

	launch(&seen, make_app("exec sleep 1000", false), "t.again", PORT_NONE);
	wait_until(loop, runs, &seen, "running");
	snprintf(path, sizeof(path), "/containers/%s/restart?t=0", seen.handle);
	json_object_put(ask_engine(loop, "POST", path).document);
	wait_until(loop, ended, &seen, "its end");
	wait_until(loop, stands_still, &seen, "the end of what was started again");
	ck_assert_int_eq(seen.count[RUNTIME_RUNNING], 1);
	ck_assert_int_eq(seen.count[RUNTIME_ENDED], 1);
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
		{ "echo \"$GREETING\"; exit 4", 4, "hello world\n", ERROR_NONE },
		/* apart: the engine keeps no order between the two streams */
		{ "echo there >&2", 0, "there\n", ERROR_NONE },
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

START_TEST(a_command_that_is_late_is_killed)
{
	struct seen seen = { 0 };
	struct ran late = { 0 }, after = { 0 };
	struct runtime_exec *slot = NULL;

	launch(&seen, make_app("exec sleep 1000", false), "t.late", PORT_NONE);
	wait_until(loop, runs, &seen, "running");
	ck_assert(runtime_exec_start(seen.unit, "echo $$ > /pid; sleep 1000 & wait", 1000,
				     exec_done, &late, &slot, NULL));
	wait_until(loop, exec_is_done, &late, "the deadline");
	ck_assert_int_eq(late.kind, ERROR_TIMEOUT);
	ck_assert(runtime_exec_start(seen.unit,
				     "while kill -0 $(cat /pid); do sleep 0.05; done 2> /dev/null",
				     10000, exec_done, &after, &slot, NULL));
	wait_until(loop, exec_is_done, &after, "its end in the container");
	ck_assert_int_eq(after.exit_code, 0);
	runtime_remove(seen.unit);
}
END_TEST

/* ---- a registry ---- */

struct registry {
	pid_t pid;
	int32_t port;
	char folder[64], image[128];
};

static void registry_start(struct registry *registry)
{
	char config[96];
	FILE *file;

	strcpy(registry->folder, "/tmp/stadion-registry-XXXXXX");
	ck_assert(mkdtemp(registry->folder) != NULL);
	registry->port = free_port();
	snprintf(registry->image, sizeof(registry->image), "127.0.0.1:%d/%s", (int)registry->port,
		 fixture_image);
	snprintf(config, sizeof(config), "%s/config.yml", registry->folder);
	file = fopen(config, "we");
	ck_assert(file != NULL);
	fprintf(file,
		"version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: %s}\n"
		"http: {addr: \"127.0.0.1:%d\"}\n",
		registry->folder, (int)registry->port);
	fclose(file);
	registry->pid = fork();
	ck_assert(registry->pid >= 0);
	if (registry->pid == 0) {
		ck_assert(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
		execlp("docker-registry", "docker-registry", "serve", config, NULL);
		_exit(127);
	}
}

static void registry_stop(struct registry *registry)
{
	char command[128];

	ck_assert(kill(registry->pid, SIGKILL) == 0);
	ck_assert(waitpid(registry->pid, NULL, 0) == registry->pid);
	snprintf(command, sizeof(command), "rm -r %s", registry->folder);
	ck_assert_int_eq(system(command), 0);
}

/* Pushes an image there that has a layer of its own, and forgets it: all of it comes by a pull. */
static void registry_fill(const struct registry *registry)
{
	char url[300], path[200], mark[33];
	size_t len;
	char *tar;
	struct http_call call = { .url = url };

	id_hex(mark, 16);
	tar = image_tar(&len, mark);
	snprintf(url, sizeof(url), "http://docker/v1.41/images/create?fromSrc=-&repo=%s&tag=latest",
		 registry->image);
	post_raw(loop, (struct http_call){ .url = url,
					   .body = tar,
					   .body_len = len,
					   .content_type = "application/x-tar" });
	free(tar);
	snprintf(url, sizeof(url), "http://docker/v1.41/images/%s/push?tag=latest",
		 registry->image);
	post_raw(loop, call);
	snprintf(path, sizeof(path), "/images/%s", registry->image);
	json_object_put(ask_engine(loop, "DELETE", path).document);
	snprintf(path, sizeof(path), "/images/%s/json", registry->image);
	ck_assert_int_eq(ask_engine(loop, NULL, path).status, 404);
}

START_TEST(pulls_an_image_once_for_all_who_wait)
{
	struct http_client_options options = { 0 };
	struct try up = { .client = http_client_new(loop, &options, NULL) };
	struct registry registry = { 0 };
	struct seen seen[3] = { 0 };
	char path[200];

	registry_start(&registry);
	up.port = registry.port;
	wait_until(loop, answers, &up, "the registry"); /* GET / is 200 there */
	registry_fill(&registry);
	for (int i = 0; i < 3; i++) {
		struct app *app = make_app("exec sleep 1000", false);
		char name[16];

		free(app->image);
		app->image = strdup(registry.image);
		snprintf(name, sizeof(name), "t.pull%d", i);
		launch(&seen[i], app, name, PORT_NONE);
	}
	for (int i = 0; i < 3; i++) {
		wait_until(loop, runs, &seen[i], "running what was pulled");
		ck_assert_int_ge(seen[i].count[RUNTIME_PULLING], 1);
		ck_assert_int_eq(seen[i].count[RUNTIME_STARTING], 1);
		runtime_remove(seen[i].unit);
	}
	wait_until(loop, nothing_left, NULL, "removal of the containers");
	snprintf(path, sizeof(path), "/images/%s?force=1", registry.image);
	json_object_put(ask_engine(loop, "DELETE", path).document);
	http_client_free(up.client);
	registry_stop(&registry);
}
END_TEST

/* A registry that begins to send a layer and stops. */
#define LAYER_BYTES 5000000
#define LAYER_SENT 2000000

struct stuck {
	struct bufferevent *peers[8];
	size_t count;
};

static void stuck_answer(struct bufferevent *peer, const char *type, size_t len, const char *body,
			 size_t body_len)
{
	evbuffer_add_printf(bufferevent_get_output(peer),
			    "HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\n"
			    "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
			    type, len);
	bufferevent_write(peer, body, body_len);
}

static void stuck_read(struct bufferevent *peer, void *arg)
{
	static const char manifest_type[] = "application/vnd.docker.distribution.manifest.v2+json";
	static const char layer[LAYER_SENT], zeros[33] = "00000000000000000000000000000000";
	struct evbuffer *input = bufferevent_get_input(peer);
	char manifest[1024], *line;
	char first = 0;
	bool head;

	(void)arg;
	(void)evbuffer_copyout(input, &first, 1);
	if (first == 0x16) { /* TLS is tried first */
		shutdown(bufferevent_getfd(peer), SHUT_RDWR);
		return;
	}
	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF))) {
		head = strncmp(line, "HEAD ", 5) == 0;
		snprintf(manifest, sizeof(manifest),
			 "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
			 "\"application/vnd.docker.container.image.v1+json\",\"size\":100,"
			 "\"digest\":\"sha256:%s%s\"},\"layers\":[{\"mediaType\":"
			 "\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":%d,"
			 "\"digest\":\"sha256:%s%.31s1\"}]}",
			 manifest_type, zeros, zeros, LAYER_BYTES, zeros, zeros);
		if (strstr(line, " /v2/ "))
			stuck_answer(peer, "application/json", 2, "{}", 2);
		else if (strstr(line, "/manifests/"))
			stuck_answer(peer, manifest_type, strlen(manifest), manifest,
				     head ? 0 : strlen(manifest));
		else if (strstr(line, "01 HTTP/"))
			stuck_answer(peer, "application/octet-stream", LAYER_BYTES, layer,
				     head ? 0 : sizeof(layer));
		free(line);
	}
}

static void stuck_accept(struct evconnlistener *listener, evutil_socket_t fd,
			 struct sockaddr *address, int len, void *arg)
{
	struct stuck *stuck = arg;
	struct bufferevent *peer = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
							  BEV_OPT_CLOSE_ON_FREE);

	(void)address, (void)len;
	ck_assert_uint_lt(stuck->count, ROWS(stuck->peers));
	stuck->peers[stuck->count++] = peer;
	bufferevent_setcb(peer, stuck_read, NULL, NULL, NULL);
	bufferevent_enable(peer, EV_READ | EV_WRITE);
}

static bool some_bytes_came(void *arg)
{
	struct seen *seen = arg;

	ck_assert_msg(!seen->count[RUNTIME_FAILED], "failed: %s", seen->text);
	return seen->last.bytes_done > 0;
}

START_TEST(a_pull_that_stops_is_given_up)
{
	struct docker_runtime_options options = { .socket = ENGINE_SOCKET,
						  .host_id = fixture_host,
						  .cluster = "",
						  .pull_stall_ms = 1500 };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	struct runtime *usual = runtime;
	struct app *app = make_app("true", false);
	struct stuck stuck = { 0 };
	struct seen seen = { 0 };
	struct evconnlistener *listener = evconnlistener_new_bind(
		loop_base(loop), stuck_accept, &stuck, LEV_OPT_CLOSE_ON_FREE, 16,
		(struct sockaddr *)&address, sizeof(address));
	char image[64];

	ck_assert(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len) ==
		  0);
	snprintf(image, sizeof(image), "127.0.0.1:%d/stuck", ntohs(address.sin_port));
	free(app->image);
	app->image = strdup(image);
	runtime = docker_runtime_new(loop, &options, NULL);
	launch(&seen, app, "t.stuck", PORT_NONE);
	wait_until(loop, some_bytes_came, &seen, "bytes");
	ck_assert_uint_eq(seen.last.bytes_total, LAYER_BYTES);
	ck_assert_uint_le(seen.last.bytes_done, LAYER_SENT);
	wait_until(loop, failed, &seen, "giving up");
	ck_assert(seen.last.infrastructure);
	ck_assert_int_eq(seen.last.error.kind, ERROR_TIMEOUT);
	ck_assert_msg(strstr(seen.text, "no byte came for 1.5 s") && strstr(seen.text, image), "%s",
		      seen.text);
	runtime_remove(seen.unit);
	for (size_t i = 0; i < stuck.count; i++)
		bufferevent_free(stuck.peers[i]);
	evconnlistener_free(listener);
	runtime_free(runtime);
	runtime = usual;
}
END_TEST

/* ---- an engine that goes away and comes back ---- */

static bool command_is_in(void *arg)
{
	struct seen *seen = arg;
	char path[200];
	struct answer answer;

	snprintf(path, sizeof(path), "/containers/%s/archive?path=/in", seen->handle);
	answer = ask_engine(loop, "HEAD", path);
	json_object_put(answer.document);
	return answer.status == 200;
}

static bool is_away(void *arg)
{
	return !is_ready(arg);
}

START_TEST(misses_nothing_while_the_engine_is_away)
{
	char path[100];
	struct docker_runtime_options options = { .socket = path,
						  .host_id = fixture_host,
						  .cluster = "" };
	struct runtime *usual = runtime;
	struct seen lives = { 0 }, dies = { 0 }, waits = { 0 };
	char kill_path[200];
	pid_t relay;

	snprintf(path, sizeof(path), "/tmp/%s.sock", fixture_host);
	relay = relay_start(path);
	runtime = docker_runtime_new(loop, &options, NULL);
	launch(&lives, make_app("exec sleep 1000", false), "t.lives", PORT_NONE);
	launch(&dies, make_app("exec sleep 1000", false), "t.dies", PORT_NONE);
	wait_until(loop, runs, &lives, "running");
	wait_until(loop, runs, &dies, "running");

	relay_stop(relay);
	wait_until(loop, is_away, runtime, "the engine's absence");
	launch(&waits, make_app("exec sleep 1000", false), "t.waits", PORT_NONE);
	snprintf(kill_path, sizeof(kill_path), "/containers/%s/kill", dies.handle);
	json_object_put(ask_engine(loop, "POST", kill_path).document);
	ck_assert_int_eq(lives.count[RUNTIME_ENDED] + dies.count[RUNTIME_ENDED], 0);
	ck_assert_int_eq(waits.count[RUNTIME_FAILED] + waits.count[RUNTIME_ENDED], 0);

	relay = relay_start(path);
	wait_until(loop, ended, &dies, "what ended meanwhile");
	wait_until(loop, runs, &waits, "what waited meanwhile");
	ck_assert_int_eq(dies.last.signal, SIGKILL);
	ck_assert_int_eq(lives.count[RUNTIME_ENDED], 0);
	ck_assert(is_ready(runtime));
	runtime_remove(lives.unit);
	runtime_remove(dies.unit);
	runtime_remove(waits.unit);
	wait_until(loop, nothing_left, NULL, "removal of the containers");
	runtime_free(runtime);
	runtime = usual;
	relay_stop(relay);
	(void)unlink(path);
}
END_TEST

/* No answer of the engine is no end of a command: nothing is said against the task. */
START_TEST(a_frozen_engine_is_no_late_command)
{
	char path[100];
	struct docker_runtime_options options = { .socket = path,
						  .host_id = fixture_host,
						  .cluster = "" };
	struct runtime *usual = runtime;
	struct runtime_exec *slot = NULL;
	struct seen seen = { 0 };
	struct ran ran = { 0 };
	pid_t relay;

	snprintf(path, sizeof(path), "/tmp/%s.sock", fixture_host);
	relay = relay_start(path);
	runtime = docker_runtime_new(loop, &options, NULL);
	launch(&seen, make_app("exec sleep 1000", false), "t.frozen", PORT_NONE);
	wait_until(loop, runs, &seen, "running");
	ck_assert(kill(relay, SIGSTOP) == 0);
	ck_assert(runtime_exec_start(seen.unit, "true", 200, exec_done, &ran, &slot, NULL));
	wait_until(loop, exec_is_done, &ran, "the answer that does not come");
	ck_assert_int_eq(ran.exit_code, -1);
	ck_assert_int_eq(ran.kind, ERROR_UNAVAILABLE);
	ck_assert(kill(relay, SIGCONT) == 0);
	ran = (struct ran){ 0 }; /* in the middle of a command */
	ck_assert(runtime_exec_start(seen.unit, "echo > /in; sleep 1000", 2000, exec_done, &ran,
				     &slot, NULL));
	wait_until(loop, command_is_in, &seen, "the command");
	ck_assert(kill(relay, SIGSTOP) == 0);
	wait_until(loop, exec_is_done, &ran, "the answer that does not come");
	ck_assert_int_eq(ran.kind, ERROR_UNAVAILABLE);
	ck_assert(kill(relay, SIGCONT) == 0);
	ck_assert_int_eq(seen.count[RUNTIME_ENDED], 0);
	wait_until(loop, is_ready, runtime, "the engine");
	runtime_remove(seen.unit);
	wait_until(loop, nothing_left, NULL, "removal of the container");
	runtime_free(runtime);
	runtime = usual;
	relay_stop(relay);
	(void)unlink(path);
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
	ck_assert_str_eq(condition.text, "engine at /nowhere/docker.sock does not answer: "
					 "there is no such socket");
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
	tcase_add_test(tcase, a_restart_by_others_is_an_end);
	tcase_add_test(tcase, names_a_port_that_a_stranger_holds);
	tcase_add_loop_test(tcase, refuses_in_the_engines_words, 0, 2);
	tcase_add_loop_test(tcase, stops_with_grace, 0, 2);
	tcase_add_test(tcase, calls_off_what_has_not_begun);
	tcase_add_test(tcase, is_adopted_by_the_next_runtime);
	tcase_add_test(tcase, adopts_nothing_that_is_not_there);
	tcase_add_test(tcase, does_not_launch_twice);
	tcase_add_loop_test(tcase, runs_commands_inside, 0, 3);
	tcase_add_test(tcase, a_command_that_is_late_is_killed);
	tcase_add_test(tcase, pulls_an_image_once_for_all_who_wait);
	tcase_add_test(tcase, a_pull_that_stops_is_given_up);
	tcase_add_test(tcase, misses_nothing_while_the_engine_is_away);
	tcase_add_test(tcase, a_frozen_engine_is_no_late_command);
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
