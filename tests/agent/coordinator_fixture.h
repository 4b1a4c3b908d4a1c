#pragma once

/* A coordinator that does what a test tells it, on a real HTTP server: it hands out one wanted
 * list, acknowledges reports, and remembers what was said. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/model/app.h"
#include "stadion/net/http_server.h"
#include "stadion/protocol/messages.h"

#define FIXTURE_TASKS 8
#define FIXTURE_TOKEN "open sesame"

struct heard { /* of one task */
	struct task_status status;
	unsigned states; /* bit per state that was ever said */
};

struct coordinator_fixture {
	struct http_server *server;
	uint64_t epoch, revision;
	char session[16];
	bool acks; /* false: receipts acknowledge nothing */
	struct wanted_task wanted[FIXTURE_TASKS];
	size_t wanted_count;
	struct heard heard[FIXTURE_TASKS];
	size_t heard_count;
	struct hello hello; /* the last one */
	unsigned hellos, reports, complete_reports;
	size_t complete_count; /* tasks in the last complete report */
	int64_t engine_down_since_ms;
	struct http_exchange *held; /* a `wanted` that waits for news */
};

static inline void fixture_reply(struct http_exchange *exchange, struct text *body)
{
	http_exchange_reply_json(exchange, 200, body);
}

static inline void fixture_reply_wanted(struct coordinator_fixture *self,
					struct http_exchange *exchange)
{
	const struct wanted wanted = { .epoch = self->epoch,
				       .revision = self->revision,
				       .tasks = self->wanted,
				       .task_count = self->wanted_count };
	struct text body = TEXT_INIT(PROTOCOL_BODY_MAX);

	wanted_write(&body, &wanted);
	fixture_reply(exchange, &body);
}

/* The list has changed: tells it. */
static inline void fixture_publish(struct coordinator_fixture *self)
{
	struct http_exchange *held = self->held;

	self->revision++;
	self->held = NULL;
	if (held)
		fixture_reply_wanted(self, held);
}

static inline void fixture_want(struct coordinator_fixture *self, const char *task_id,
				struct app *app, int32_t port, uint64_t seen)
{
	struct wanted_task *task = &self->wanted[self->wanted_count++];

	ck_assert_uint_le(self->wanted_count, FIXTURE_TASKS);
	*task = (struct wanted_task){ .task_id = text_duplicate(task_id),
				      .app = app,
				      .seen = seen };
	task->port_count = app->port_count;
	task->ports = calloc(app->port_count + 1, sizeof(int32_t));
	for (size_t i = 0; i < app->port_count; i++)
		task->ports[i] = port;
	fixture_publish(self);
}

static inline void fixture_unwant_all(struct coordinator_fixture *self)
{
	for (size_t i = 0; i < self->wanted_count; i++) {
		free(self->wanted[i].task_id);
		free(self->wanted[i].ports);
		app_unref(self->wanted[i].app);
	}
	self->wanted_count = 0;
	fixture_publish(self);
}

static inline struct heard *fixture_heard(struct coordinator_fixture *self, const char *task_id)
{
	for (size_t i = 0; i < self->heard_count; i++) {
		if (strcmp(self->heard[i].status.task_id, task_id) == 0)
			return &self->heard[i];
	}
	return NULL;
}

static inline void fixture_note(struct coordinator_fixture *self, const struct task_status *status)
{
	struct heard *heard = fixture_heard(self, status->task_id);

	if (!heard) {
		ck_assert_uint_lt(self->heard_count, FIXTURE_TASKS);
		heard = &self->heard[self->heard_count++];
	} else if (status->seq < heard->status.seq) {
		return; /* as the real one: what is older is not news */
	} else {
		ck_assert_msg(!task_state_terminal(heard->status.state) ||
				      heard->status.state == status->state,
			      "an ended task went on: %s", task_state_name(status->state));
	}
	task_status_clear(&heard->status);
	ck_assert(task_status_copy(&heard->status, status));
	heard->states |= 1U << status->state;
}

static inline void fixture_hello(struct coordinator_fixture *self, struct http_exchange *exchange,
				 const char *body, size_t len)
{
	struct error error = { 0 };
	struct text out = TEXT_INIT(PROTOCOL_BODY_MAX);

	hello_clear(&self->hello);
	ck_assert_msg(hello_read(body, len, &self->hello, &error), "%s", error.text);
	self->hellos++;
	snprintf(self->session, sizeof(self->session), "session-%u", self->hellos);
	const struct welcome welcome = { .protocol = PROTOCOL_VERSION,
					 .cluster = (char *)"fixture",
					 .epoch = self->epoch,
					 .session = self->session };

	welcome_write(&out, &welcome);
	fixture_reply(exchange, &out);
}

static inline void fixture_report(struct coordinator_fixture *self, struct http_exchange *exchange,
				  const struct report *report)
{
	struct receipt receipt = { .epoch = self->epoch };
	struct text out = TEXT_INIT(PROTOCOL_BODY_MAX);

	self->reports++;
	self->engine_down_since_ms = report->engine_down_since_ms;
	if (report->complete) {
		self->complete_reports++;
		self->complete_count = report->task_count;
	}
	receipt.acks = calloc(report->task_count + 1, sizeof(*receipt.acks));
	for (size_t i = 0; i < report->task_count; i++) {
		fixture_note(self, &report->tasks[i]);
		if (!self->acks)
			continue;
		receipt.acks[receipt.ack_count].task_id = text_duplicate(report->tasks[i].task_id);
		receipt.acks[receipt.ack_count++].seq = report->tasks[i].seq;
	}
	receipt_write(&out, &receipt);
	receipt_clear(&receipt);
	fixture_reply(exchange, &out);
}

static inline bool fixture_in_session(struct coordinator_fixture *self,
				      struct http_exchange *exchange, const char *session)
{
	static const char gone[] = "{\"message\":\"no such session\"}";

	if (strcmp(session, self->session) == 0)
		return true;
	http_exchange_reply(exchange, 410, "application/json", gone, sizeof(gone) - 1);
	return false;
}

/* One of an agent that is gone gives way. */
static inline void fixture_hold(struct coordinator_fixture *self, struct http_exchange *exchange)
{
	if (self->held)
		http_exchange_reply_empty(self->held, 409);
	self->held = exchange;
}

static inline void fixture_handle(struct http_exchange *exchange, void *arg)
{
	struct coordinator_fixture *self = arg;
	const char *path = http_exchange_path(exchange);
	const char *token = http_exchange_request_header(exchange, "Authorization");
	struct error error = { 0 };
	size_t len;
	const char *body = http_exchange_body(exchange, &len);

	ck_assert_ptr_nonnull(token);
	ck_assert_str_eq(token, "Bearer " FIXTURE_TOKEN);
	if (strcmp(path, PROTOCOL_PATH_HELLO) == 0) {
		fixture_hello(self, exchange, body, len);
	} else if (strcmp(path, PROTOCOL_PATH_REPORT) == 0) {
		struct report report;

		ck_assert_msg(report_read(body, len, &report, &error), "%s", error.text);
		if (fixture_in_session(self, exchange, report.session))
			fixture_report(self, exchange, &report);
		report_clear(&report);
	} else {
		struct ask ask;

		ck_assert_str_eq(path, PROTOCOL_PATH_WANTED);
		ck_assert_msg(ask_read(body, len, &ask, &error), "%s", error.text);
		if (!fixture_in_session(self, exchange, ask.session))
			;
		else if (ask.revision != self->revision)
			fixture_reply_wanted(self, exchange);
		else
			fixture_hold(self, exchange);
		ask_clear(&ask);
	}
}

/* Every session ends: as after a restart of the coordinator. */
static inline void fixture_forget_sessions(struct coordinator_fixture *self)
{
	self->session[0] = '\0';
	fixture_publish(self);
}

static inline void fixture_start(struct coordinator_fixture *self, struct loop *loop)
{
	const struct http_server_options options = { .address = "127.0.0.1",
						     .body_max = PROTOCOL_BODY_MAX };
	struct error error = { 0 };

	*self = (struct coordinator_fixture){ .epoch = 7, .revision = 1, .acks = true };
	self->server = http_server_new(loop, &options, fixture_handle, self, &error);
	ck_assert_msg(self->server != NULL, "%s", error.text);
}

static inline void fixture_stop(struct coordinator_fixture *self)
{
	fixture_unwant_all(self);
	for (size_t i = 0; i < self->heard_count; i++)
		task_status_clear(&self->heard[i].status);
	hello_clear(&self->hello);
	http_server_free(self->server);
}
