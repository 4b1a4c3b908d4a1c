#pragma once

/* A stage for tests of the coordinator: the real one on a real store, behind a real HTTP server,
 * and hosts that are played by the test, speaking the protocol over HTTP. The script of a host says
 * what becomes of the tasks that it is handed. Everything waits for conditions, nothing sleeps. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/coordinator/coordinator.h"
#include "stadion/json/json.h"
#include "stadion/model/app_read.h"
#include "stadion/net/http_client.h"
#include "stadion/net/http_server.h"
#include "stadion/protocol/messages.h"

/* Check notes every assertion in a file of its own, which a test that fills the disk cannot have.
 */
#define STAGE_MUST(condition, ...) ((condition) ? (void)0 : ck_abort_msg(__VA_ARGS__))
#define STAGE_HOLDS(condition) STAGE_MUST(condition, "does not hold: %s", #condition)

#define STAGE_HOSTS 3
#define STAGE_TASKS 64
#define STAGE_PATIENCE_MS 30000

struct stage;

struct played_task {
	struct task_status status; /* task_id NULL: free */
	bool wanted;
	bool dirty; /* not acknowledged in this form */
};

struct played_host {
	struct stage *stage;
	char id[16];
	bool on;	    /* speaks */
	bool stays_staging; /* tasks do not come to run by themselves */
	bool ignores_stops;
	bool incurious; /* does not ask for its list */
	char session[2048];
	uint64_t epoch, revision;
	struct played_task tasks[STAGE_TASKS];
	size_t created, refused; /* tasks begun ever; requests answered by other than 200 */
	size_t unchanged;	 /* lists that were held back in vain */
	bool complete_sent;
	struct http_client *client;
	struct http_request *hello, *report, *wanted;
};

struct stage {
	char folder[64], spec[96];
	struct loop *loop;
	struct coordinator *coordinator;
	struct coordinator_options options;
	struct http_server *server;
	struct played_host hosts[STAGE_HOSTS];
	struct timer poll, patience;
	bool (*condition)(struct stage *stage, void *arg);
	void *arg;
	bool met;
};

static inline void host_speak(struct played_host *host);

static inline void host_post(struct played_host *host, const char *path, struct text *body,
			     http_done_fn *done, struct http_request **slot)
{
	struct error error = { .kind = ERROR_NONE };
	char url[128];
	struct http_call call = { .method = "POST",
				  .url = url,
				  .body = text_string(body),
				  .body_len = body->len,
				  .timeout_ms = 30000 };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(host->stage->server),
		 path);
	STAGE_HOLDS(!body->failed);
	STAGE_MUST(http_request_start(host->client, &call, done, host, slot, &error), "%s",
		   error.text);
	text_clear(body);
}

static inline void host_lose_session(struct played_host *host)
{
	host->session[0] = '\0';
	host->complete_sent = false;
	host->revision = 0;
	http_request_cancel(&host->hello);
	http_request_cancel(&host->report);
	http_request_cancel(&host->wanted);
}

/* True when the reply is good; else the host starts over from the stage's timer. */
static inline bool host_check(struct played_host *host, const struct http_reply *reply)
{
	if (reply->status == 200)
		return true;
	host->refused++;
	if (reply->status == 410 || reply->status == 0)
		host_lose_session(host);
	return false;
}

static inline void host_on_welcome(const struct http_reply *reply, void *arg)
{
	struct played_host *host = arg;
	struct welcome welcome;
	struct error error;

	if (!host_check(host, reply))
		return;
	STAGE_MUST(welcome_read(reply->body, reply->body_len, &welcome, &error), "%s", error.text);
	strcpy(host->session, welcome.session);
	STAGE_HOLDS(welcome.epoch >= host->epoch);
	host->epoch = welcome.epoch;
	welcome_clear(&welcome);
	host_speak(host);
}

static inline struct played_task *host_find(struct played_host *host, const char *task_id)
{
	for (size_t i = 0; i < STAGE_TASKS; i++)
		if (host->tasks[i].status.task_id &&
		    strcmp(host->tasks[i].status.task_id, task_id) == 0)
			return &host->tasks[i];
	return NULL;
}

static inline void host_on_receipt(const struct http_reply *reply, void *arg)
{
	struct played_host *host = arg;
	struct receipt receipt;
	struct error error;

	if (!host_check(host, reply))
		return;
	STAGE_MUST(receipt_read(reply->body, reply->body_len, &receipt, &error), "%s", error.text);
	for (size_t i = 0; i < receipt.ack_count; i++) {
		struct played_task *task = host_find(host, receipt.acks[i].task_id);

		if (!task || receipt.acks[i].seq < task->status.seq)
			continue;
		task->dirty = false;
		if (task_state_terminal(task->status.state))
			task_status_clear(&task->status);
	}
	host->complete_sent = true;
	receipt_clear(&receipt);
	host_speak(host);
}

static inline void task_move(struct played_task *task, enum task_state state)
{
	task->status.seq++;
	task->status.state = state;
	task->status.at_ms = clock_wall_ms();
	task->dirty = true;
	if (state == TASK_RUNNING && !task->status.started_ms)
		task->status.started_ms = task->status.at_ms;
}

/* As the agent would: ended after so long, well or not. */
static inline void task_end(struct played_task *task, enum task_state state, uint64_t ran_ms,
			    const char *message)
{
	task_move(task, state);
	task->status.ran_ms = ran_ms;
	task->status.ran_healthy = true;
	text_copy(task->status.message, sizeof(task->status.message), message);
}

static inline void host_begin(struct played_host *host, const struct wanted_task *wanted)
{
	struct played_task *task = NULL;

	for (size_t i = 0; i < STAGE_TASKS && !task; i++)
		if (!host->tasks[i].status.task_id)
			task = &host->tasks[i];
	STAGE_HOLDS(task);
	*task = (struct played_task){ .wanted = true };
	task->status.task_id = text_duplicate(wanted->task_id);
	task->status.attempt = 1;
	task->status.exit_code = -1;
	if (wanted->app->check_count > 0) {
		task->status.check_count = wanted->app->check_count;
		task->status.checks =
			calloc(wanted->app->check_count, sizeof(*task->status.checks));
	}
	if (wanted->seen > 0) {
		task_end(task, TASK_GONE, 0, "lost");
		task->status.seq = wanted->seen + 1;
		return;
	}
	host->created++;
	task_move(task, host->stays_staging ? TASK_STAGING : TASK_RUNNING);
}

static inline void host_carry_out(struct played_host *host, const struct wanted *wanted)
{
	for (size_t i = 0; i < STAGE_TASKS; i++)
		host->tasks[i].wanted = false;
	for (size_t i = 0; i < wanted->task_count; i++) {
		struct played_task *task = host_find(host, wanted->tasks[i].task_id);

		if (task)
			task->wanted = true;
		else
			host_begin(host, &wanted->tasks[i]);
	}
	for (size_t i = 0; i < STAGE_TASKS; i++) {
		struct played_task *task = &host->tasks[i];

		if (task->status.task_id && !task->wanted && !host->ignores_stops &&
		    !task_state_terminal(task->status.state))
			task_end(task, TASK_KILLED, 1000, "killed");
	}
}

static inline void host_on_wanted(const struct http_reply *reply, void *arg)
{
	struct played_host *host = arg;
	struct wanted wanted;
	struct error error;

	if (!host_check(host, reply))
		return;
	STAGE_MUST(wanted_read(reply->body, reply->body_len, &wanted, &error), "%s", error.text);
	STAGE_HOLDS(wanted.epoch >= host->epoch);
	host->revision = wanted.revision;
	if (wanted.unchanged)
		host->unchanged++;
	else
		host_carry_out(host, &wanted);
	wanted_clear(&wanted);
	host_speak(host);
}

static inline void host_say_hello(struct played_host *host)
{
	struct text body = TEXT_INIT(65536);
	struct hello hello = { .protocol = PROTOCOL_VERSION,
			       .host_id = host->id,
			       .incarnation = host->id,
			       .boot_id = "boot",
			       .cluster = "",
			       .epoch = host->epoch,
			       .hostname = host->id,
			       .port_low = 31000,
			       .port_high = 32000,
			       .cpu_milli = 8000,
			       .mem_kib = 8 << 20,
			       .disk_kib = 8 << 20,
			       .engine = "Docker 20.10.24",
			       .version = "0.1.0" };

	hello_write(&body, &hello);
	host_post(host, PROTOCOL_PATH_HELLO, &body, host_on_welcome, &host->hello);
}

static inline void host_say_report(struct played_host *host)
{
	struct task_status statuses[STAGE_TASKS];
	struct text body = TEXT_INIT(1 << 20);
	struct report report = { .session = host->session,
				 .complete = !host->complete_sent,
				 .tasks = statuses };

	for (size_t i = 0; i < STAGE_TASKS; i++)
		if (host->tasks[i].status.task_id && (host->tasks[i].dirty || report.complete))
			statuses[report.task_count++] = host->tasks[i].status;
	if (!report.complete && report.task_count == 0)
		return;
	report_write(&body, &report);
	host_post(host, PROTOCOL_PATH_REPORT, &body, host_on_receipt, &host->report);
}

static inline void host_say_ask(struct played_host *host)
{
	struct text body = TEXT_INIT(65536);

	ask_write(&body, &(struct ask){ .session = host->session,
					.revision = host->revision,
					.wait_ms = PROTOCOL_WAIT_MS });
	host_post(host, PROTOCOL_PATH_WANTED, &body, host_on_wanted, &host->wanted);
}

static inline void host_speak(struct played_host *host)
{
	if (!host->on || !host->stage->server || host->hello)
		return;
	if (!host->session[0]) {
		host_say_hello(host);
		return;
	}
	if (!host->report)
		host_say_report(host);
	if (host->complete_sent && !host->wanted && !host->incurious)
		host_say_ask(host);
}

static inline void stage_handle(struct http_exchange *exchange, void *arg)
{
	struct stage *stage = arg;

	coordinator_handle_agent(exchange, stage->coordinator);
}

static inline void stage_open(struct stage *stage)
{
	struct error error = { .kind = ERROR_NONE };
	struct http_server_options options = { .address = "127.0.0.1",
					       .body_max = PROTOCOL_BODY_MAX };

	stage->coordinator = coordinator_new(stage->loop, &stage->options, &error);
	STAGE_MUST(stage->coordinator, "%s", error.text);
	stage->server = http_server_new(stage->loop, &options, stage_handle, stage, &error);
	STAGE_MUST(stage->server, "%s", error.text);
}

static inline void stage_close(struct stage *stage)
{
	for (size_t i = 0; i < STAGE_HOSTS; i++)
		host_lose_session(&stage->hosts[i]);
	http_server_free(TAKE(stage->server));
	coordinator_free(TAKE(stage->coordinator));
}

/* The coordinator dies, without a word to anybody, and another opens its store. */
static inline void stage_restart(struct stage *stage)
{
	stage_close(stage);
	stage_open(stage);
}

static inline void stage_on_poll(void *arg)
{
	struct stage *stage = arg;

	for (size_t i = 0; i < STAGE_HOSTS; i++)
		host_speak(&stage->hosts[i]);
	if (stage->condition && stage->condition(stage, stage->arg)) {
		stage->met = true;
		loop_stop(stage->loop);
		return;
	}
	timer_start(&stage->poll, 2);
}

static inline void stage_on_patience(void *arg)
{
	struct stage *stage = arg;

	loop_stop(stage->loop);
}

/* Runs the loop until the condition holds; fails the test when patience ends. */
static inline void stage_wait(struct stage *stage, const char *what,
			      bool (*condition)(struct stage *stage, void *arg), void *arg)
{
	struct error error;

	stage->condition = condition;
	stage->arg = arg;
	stage->met = false;
	timer_start(&stage->poll, 0);
	timer_start(&stage->patience, STAGE_PATIENCE_MS);
	STAGE_HOLDS(loop_run(stage->loop, &error));
	timer_cancel(&stage->patience);
	timer_cancel(&stage->poll);
	STAGE_MUST(stage->met, "never: %s", what);
}

static inline void stage_set_up(struct stage *stage, size_t hosts)
{
	struct error error = { .kind = ERROR_NONE };

	memset(stage, 0, sizeof(*stage));
	log_setup(getenv("STAGE_LOG") ? LOG_DEBUG : LOG_ERROR, 2);
	strcpy(stage->folder, "/var/tmp/stadion-stage-XXXXXX");
	STAGE_HOLDS(mkdtemp(stage->folder));
	snprintf(stage->spec, sizeof(stage->spec), "sqlite:%s/c.db", stage->folder);
	stage->options.store = stage->spec;
	stage->loop = loop_new(&error);
	STAGE_HOLDS(timer_init(&stage->poll, stage->loop, stage_on_poll, stage, &error));
	STAGE_HOLDS(timer_init(&stage->patience, stage->loop, stage_on_patience, stage, &error));
	for (size_t i = 0; i < STAGE_HOSTS; i++) {
		struct played_host *host = &stage->hosts[i];

		snprintf(host->id, sizeof(host->id), "host-%zu", i);
		host->stage = stage;
		host->on = i < hosts;
		host->client =
			http_client_new(stage->loop, &(struct http_client_options){ 0 }, &error);
		STAGE_HOLDS(host->client);
	}
	stage_open(stage);
}

static inline void stage_tear_down(struct stage *stage)
{
	static const char *const ends[] = { "", "-wal", ".lock" };

	stage_close(stage);
	for (size_t i = 0; i < STAGE_HOSTS; i++) {
		for (size_t t = 0; t < STAGE_TASKS; t++)
			task_status_clear(&stage->hosts[i].tasks[t].status);
		http_client_free(stage->hosts[i].client);
	}
	timer_clear(&stage->poll);
	timer_clear(&stage->patience);
	loop_free(stage->loop);
	for (size_t i = 0; i < ROWS(ends); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s/c.db%s", stage->folder, ends[i]);
		(void)unlink(name); /* may not have come to be */
	}
	(void)rmdir(stage->folder);
}

/* What a change came to; blocking ids are kept as their number. */
struct answer {
	bool done;
	struct error error;
	char deployment[UUID_SIZE];
	int64_t version_ms;
	size_t blocking;
};

static inline void on_answer(const struct change_outcome *outcome, void *arg)
{
	struct answer *answer = arg;

	STAGE_HOLDS(!answer->done);
	answer->done = true;
	answer->error = outcome->error;
	answer->version_ms = outcome->version_ms;
	if (outcome->deployment_id)
		strcpy(answer->deployment, outcome->deployment_id);
	while (outcome->blocking && outcome->blocking[answer->blocking])
		answer->blocking++;
}

static inline bool is_answered(struct stage *stage, void *arg)
{
	const struct answer *answer = arg;

	(void)stage;
	return answer->done;
}

static inline struct app *app_of(const char *json)
{
	struct error error = { .kind = ERROR_NONE };
	struct problems problems = { .count = 0 };
	struct json_object *root = json_parse(json, strlen(json), &error);
	struct app *app;

	STAGE_MUST(root, "%s", error.text);
	app = app_read(root, &(struct app_read_options){ 0 }, &problems);
	STAGE_MUST(app, "%s: %s", problems.items[0].path, problems.items[0].message);
	json_object_put(root);
	return app;
}

static inline struct answer stage_change(struct stage *stage, enum change_kind kind, const char *id,
					 const char *json, bool force)
{
	struct app *app = json ? app_of(json) : NULL;
	struct change change = { .kind = kind, .id = id, .app = app };
	struct answer answer = { .done = false };

	coordinator_change(stage->coordinator, &change, 1, force, on_answer, &answer);
	STAGE_HOLDS(!answer.done);
	app_unref(app);
	stage_wait(stage, "an answer to a change", is_answered, &answer);
	return answer;
}

static inline const struct cluster *stage_cluster(const struct stage *stage)
{
	return coordinator_cluster(stage->coordinator);
}

/* All deployments done, `count` tasks of the app run, here and there. */
struct settled {
	const char *id;
	int count;
};

static inline int count_live(struct stage *stage)
{
	int count = 0;

	for (size_t h = 0; h < STAGE_HOSTS; h++)
		for (size_t t = 0; t < STAGE_TASKS; t++) {
			const struct task_status *status = &stage->hosts[h].tasks[t].status;

			count += status->task_id && !task_state_terminal(status->state);
		}
	return count;
}

static inline bool is_settled(struct stage *stage, void *arg)
{
	const struct settled *settled = arg;
	const struct cluster *cluster = stage_cluster(stage);
	const struct cluster_app *app = cluster_find_app(cluster, settled->id);

	if (!TAILQ_EMPTY(&cluster->deployments) || count_live(stage) != settled->count)
		return false;
	if (!app)
		return settled->count == 0;
	return (int)app->instance_count == settled->count &&
	       cluster_count_tasks(app).running == settled->count;
}

static inline void stage_settle(struct stage *stage, const char *id, int count)
{
	struct settled settled = { id, count };
	char what[128];

	snprintf(what, sizeof(what), "%s with %d running", id, count);
	stage_wait(stage, what, is_settled, &settled);
}

/* Some live task, the first that is found. */
static inline struct played_task *stage_task(struct stage *stage)
{
	for (size_t h = 0; h < STAGE_HOSTS; h++)
		for (size_t t = 0; t < STAGE_TASKS; t++) {
			struct played_task *task = &stage->hosts[h].tasks[t];

			if (task->status.task_id && !task_state_terminal(task->status.state))
				return task;
		}
	ck_abort_msg("no task lives");
}

static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
