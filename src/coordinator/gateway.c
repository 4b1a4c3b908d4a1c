#include "gateway.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "reports.h"
#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/json/json_writer.h"
#include "stadion/protocol/messages.h"

static void refuse(struct http_exchange *exchange, int status, const char *message)
{
	struct text body = TEXT_INIT(4096);
	struct json_writer writer = JSON_WRITER(&body);

	json_object_begin(&writer);
	json_field_text(&writer, "message", message);
	json_object_end(&writer);
	http_exchange_reply_json(exchange, status, &body);
}

static int status_of(enum error_kind kind)
{
	switch (kind) {
	case ERROR_CONFLICT:
		return 409;
	case ERROR_INVALID:
		return 400;
	case ERROR_DENIED:
		return 403;
	default: /* the disk, memory: come again */
		return 503;
	}
}

/* A session names its host, so that it is found without a search: "<uuid>:<host id>". */
static struct host *find_session(const struct coordinator *coordinator, const char *session)
{
	struct host *host;
	char uuid[UUID_SIZE];

	if (strlen(session) <= UUID_SIZE || session[UUID_SIZE - 1] != ':')
		return NULL;
	memcpy(uuid, session, UUID_SIZE - 1);
	uuid[UUID_SIZE - 1] = '\0';
	host = record_find_host(&coordinator->cluster, session + UUID_SIZE);
	return host && host->session[0] && id_equal_secret(host->session, uuid) ? host : NULL;
}

/* One message of an agent on its way through a turn. */
struct call {
	struct job job;
	struct effect effect;
	struct coordinator *coordinator;
	struct http_exchange *exchange;
	struct hello hello;
	struct report report;
	struct text answer;
};

static void call_free(struct call *call)
{
	hello_clear(&call->hello);
	report_clear(&call->report);
	text_clear(&call->answer);
	free(call);
}

static void call_refuse(struct call *call, int status, const char *message)
{
	refuse(call->exchange, status, message);
	call_free(call);
}

static void call_drop(struct job *job)
{
	call_refuse((struct call *)((char *)job - offsetof(struct call, job)), 503,
		    "the coordinator is stopping");
}

static struct call *call_of_effect(struct effect *effect)
{
	return (struct call *)((char *)effect - offsetof(struct call, effect));
}

static void call_answered(struct effect *effect, const struct error *error)
{
	struct call *call = call_of_effect(effect);

	if (error) {
		call_refuse(call, status_of(error->kind), error->text);
		return;
	}
	http_exchange_reply_json(call->exchange, 200, &call->answer);
	call_free(call);
}

static struct call *call_new(struct coordinator *coordinator, struct http_exchange *exchange,
			     void (*run)(struct coordinator *coordinator, struct job *job))
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call) {
		refuse(exchange, 503, "no memory");
		return NULL;
	}
	call->job.run = run;
	call->job.drop = call_drop;
	call->effect.fn = call_answered;
	call->coordinator = coordinator;
	call->exchange = exchange;
	text_init(&call->answer, PROTOCOL_BODY_MAX);
	return call;
}

/* hello */

static bool check_hello(const struct coordinator *coordinator, const struct hello *hello,
			struct error *error)
{
	if (abs(hello->protocol - PROTOCOL_VERSION) > 1)
		return error_set(error, ERROR_CONFLICT,
				 "protocol %d: this coordinator speaks %d, and one more or less",
				 hello->protocol, PROTOCOL_VERSION);
	if (!hello->host_id[0] || strlen(hello->host_id) > HOST_ID_MAX)
		return error_set(error, ERROR_INVALID, "hostId: must have 1 to %d bytes",
				 HOST_ID_MAX);
	if (!hello->incarnation[0] || strlen(hello->incarnation) >= INCARNATION_SIZE)
		return error_set(error, ERROR_INVALID, "incarnation: must have 1 to %d bytes",
				 INCARNATION_SIZE - 1);
	if (hello->cluster && hello->cluster[0] &&
	    strcmp(hello->cluster, coordinator->cluster.id) != 0)
		return error_set(error, ERROR_CONFLICT,
				 "this agent belongs to cluster %s, this is %s", hello->cluster,
				 coordinator->cluster.id);
	if (hello->epoch > coordinator->cluster.epoch)
		return error_set(error, ERROR_CONFLICT,
				 "this agent has seen epoch %llu, this coordinator has only %llu: "
				 "its store is older than the cluster",
				 (unsigned long long)hello->epoch,
				 (unsigned long long)coordinator->cluster.epoch);
	return true;
}

static void welcome_answered(struct effect *effect, const struct error *error)
{
	struct call *call = call_of_effect(effect);
	struct host *host = record_find_host(&call->coordinator->cluster, call->hello.host_id);

	if (error && host)
		host->session[0] = '\0'; /* it was never told */
	call_answered(effect, error);
}

static void run_hello(struct coordinator *coordinator, struct job *job)
{
	struct call *call = (struct call *)((char *)job - offsetof(struct call, job));
	struct error error = { .kind = ERROR_NONE };
	struct text session = TEXT_INIT(2048);
	struct host *host = NULL;

	if (check_hello(coordinator, &call->hello, &error))
		host = hosts_welcome(coordinator, &call->hello, &error);
	if (!host) {
		log_warn("host.refused", F("host", call->hello.host_id), F("error", error.text));
		call_refuse(call, status_of(error.kind), error.text);
		return;
	}
	text_addf(&session, "%s:%s", host->session, host->id);
	welcome_write(&call->answer, &(struct welcome){ .protocol = PROTOCOL_VERSION,
							.cluster = coordinator->cluster.id,
							.epoch = coordinator->cluster.epoch,
							.session = session.data });
	call->answer.failed = call->answer.failed || session.failed;
	text_clear(&session);
	call->effect.fn = welcome_answered;
	ledger_add_effect(&coordinator->ledger, &call->effect);
}

static void take_hello(struct coordinator *coordinator, struct http_exchange *exchange,
		       const char *body, size_t len)
{
	struct call *call = call_new(coordinator, exchange, run_hello);
	struct error error = { .kind = ERROR_NONE };

	if (!call)
		return;
	if (!hello_read(body, len, &call->hello, &error))
		call_refuse(call, status_of(error.kind), error.text);
	else
		coordinator_add_job(coordinator, &call->job);
}

/* report */

static bool write_receipt(struct coordinator *coordinator, struct call *call)
{
	const struct report *report = &call->report;
	struct receipt receipt = { .epoch = coordinator->cluster.epoch };

	receipt.acks = calloc(report->task_count + 1, sizeof(*receipt.acks));
	if (!receipt.acks)
		return false;
	for (size_t i = 0; i < report->task_count; i++) {
		receipt.acks[i].task_id = report->tasks[i].task_id;
		receipt.acks[i].seq = report->tasks[i].seq;
	}
	receipt.ack_count = report->task_count;
	receipt_write(&call->answer, &receipt);
	free(receipt.acks); /* the ids are the report's */
	return !call->answer.failed;
}

static void run_report(struct coordinator *coordinator, struct job *job)
{
	struct call *call = (struct call *)((char *)job - offsetof(struct call, job));
	struct host *host = find_session(coordinator, call->report.session);

	if (!host) {
		call_refuse(call, 410, "unknown session: say hello again");
		return;
	}
	hosts_heard(coordinator, host);
	reports_apply(coordinator, host, &call->report);
	if (!write_receipt(coordinator, call))
		coordinator->ledger.incomplete = true;
	ledger_add_effect(&coordinator->ledger, &call->effect);
}

static void take_report(struct coordinator *coordinator, struct http_exchange *exchange,
			const char *body, size_t len)
{
	struct call *call = call_new(coordinator, exchange, run_report);
	struct error error = { .kind = ERROR_NONE };

	if (!call)
		return;
	if (!report_read(body, len, &call->report, &error))
		call_refuse(call, status_of(error.kind), error.text);
	else
		coordinator_add_job(coordinator, &call->job);
}

/* wanted */

struct held_poll {
	LIST_ENTRY(held_poll) late; /* of those that a commit under way keeps from an answer */
	bool is_late;
	struct coordinator *coordinator;
	struct host *host;
	struct http_exchange *exchange;
	struct timer timer;
	uint64_t revision; /* that the agent has */
};

/* Only while no commit is under way: then all that is in memory is on disk. */
static void reply_wanted(const struct coordinator *coordinator, const struct host *host,
			 struct http_exchange *exchange, uint64_t revision)
{
	struct wanted wanted = { .epoch = coordinator->cluster.epoch,
				 .revision = host->revision,
				 .unchanged = revision == host->revision };
	struct text body = TEXT_INIT(PROTOCOL_BODY_MAX);
	struct instance *instance;

	assert(!coordinator->ledger.in_flight);
	wanted.tasks = calloc(host->instance_count + 1, sizeof(*wanted.tasks));
	if (!wanted.tasks) {
		refuse(exchange, 503, "no memory");
		return;
	}
	LIST_FOREACH(instance, &host->instances, of_host) {
		if (wanted.unchanged || instance->goal != INSTANCE_RUN)
			continue;
		instance->offered = true;
		wanted.tasks[wanted.task_count++] =
			(struct wanted_task){ .task_id = instance->id,
					      .app = instance->app,
					      .ports = instance->ports,
					      .port_count = instance->port_count,
					      .seen = instance->status.seq };
	}
	wanted_write(&body, &wanted);
	free(wanted.tasks); /* what they point at is the cluster's */
	http_exchange_reply_json(exchange, 200, &body);
}

static struct http_exchange *poll_end(struct held_poll *poll)
{
	struct http_exchange *exchange = poll->exchange;

	http_exchange_on_gone(exchange, NULL, NULL);
	timer_clear(&poll->timer);
	poll->host->poll = NULL;
	if (poll->is_late)
		LIST_REMOVE(poll, late);
	free(poll);
	return exchange;
}

static void poll_answer(struct held_poll *poll)
{
	struct coordinator *coordinator = poll->coordinator;
	struct host *host = poll->host;
	uint64_t revision = poll->revision;

	reply_wanted(coordinator, host, poll_end(poll), revision);
}

static void poll_delay(struct held_poll *poll)
{
	if (!poll->is_late)
		LIST_INSERT_HEAD(&poll->coordinator->late_polls, poll, late);
	poll->is_late = true;
}

static void on_poll_over(void *arg)
{
	struct held_poll *poll = arg;

	if (poll->coordinator->ledger.in_flight)
		poll_delay(poll);
	else
		poll_answer(poll);
}

void gateway_answer_late(struct coordinator *coordinator)
{
	struct held_poll *poll;

	while ((poll = LIST_FIRST(&coordinator->late_polls)))
		poll_answer(poll);
}

static void on_poll_gone(void *arg)
{
	http_exchange_reply_empty(poll_end(arg), 503); /* nobody is there to read it */
}

void gateway_drop_poll(struct host *host)
{
	if (host->poll)
		refuse(poll_end(host->poll), 410, "this session has ended");
}

void gateway_publish(struct coordinator *coordinator, struct host *host)
{
	(void)coordinator;
	host->revision++;
	if (host->poll)
		poll_answer(host->poll);
}

static void hold(struct coordinator *coordinator, struct host *host, const struct ask *ask,
		 struct http_exchange *exchange)
{
	uint64_t wait_ms = ask->wait_ms < PROTOCOL_WAIT_MS ? ask->wait_ms : PROTOCOL_WAIT_MS;
	struct held_poll *poll = calloc(1, sizeof(*poll));
	struct error error;

	if (!poll || !timer_init(&poll->timer, coordinator->loop, on_poll_over, poll, &error)) {
		free(poll);
		refuse(exchange, 503, "no memory");
		return;
	}
	/* A held request is no sign of life, so it must not outlast the patience for silence. */
	if (wait_ms > coordinator->unreachable_ms / 3)
		wait_ms = coordinator->unreachable_ms / 3;
	poll->coordinator = coordinator;
	poll->host = host;
	poll->exchange = exchange;
	poll->revision = ask->revision;
	if (host->poll) /* its connection broke, and we have not noticed */
		refuse(poll_end(host->poll), 409, "there is a newer request");
	host->poll = poll;
	http_exchange_on_gone(exchange, on_poll_gone, poll);
	timer_start(&poll->timer, wait_ms);
	if (ask->revision != host->revision)
		poll_delay(poll);
}

/* Instances that are to end and of which the host never spoke: it was never told of them, or it has
 * carried out lists without them now, so either it speaks of them soon, or it never had them. */
struct forget_job {
	struct job job;
	char host_id[];
};

static void run_forget(struct coordinator *coordinator, struct job *job)
{
	struct forget_job *forget =
		(struct forget_job *)((char *)job - offsetof(struct forget_job, job));
	struct host *host = record_find_host(&coordinator->cluster, forget->host_id);

	if (host)
		reports_forget_unseen(coordinator, host);
	free(forget);
}

static void drop_forget(struct job *job)
{
	free((char *)job - offsetof(struct forget_job, job));
}

static void count_unseen(struct coordinator *coordinator, const struct host *host)
{
	struct instance *instance;
	struct forget_job *forget;
	bool due = false;

	LIST_FOREACH(instance, &host->instances, of_host)
		if (instance->goal == INSTANCE_STOP && instance->status.seq == 0)
			due = ++instance->unseen_stops > UNSEEN_STOPS || !instance->offered || due;
	if (!due || !(forget = calloc(1, sizeof(*forget) + strlen(host->id) + 1)))
		return; /* without memory: the next request comes soon */
	memcpy(forget->host_id, host->id, strlen(host->id) + 1);
	forget->job.run = run_forget;
	forget->job.drop = drop_forget;
	coordinator_add_job(coordinator, &forget->job);
}

static void take_ask(struct coordinator *coordinator, struct http_exchange *exchange,
		     const char *body, size_t len)
{
	struct error error = { .kind = ERROR_NONE };
	struct ask ask = { 0 };
	struct host *host;

	if (!ask_read(body, len, &ask, &error)) {
		refuse(exchange, status_of(error.kind), error.text);
		return;
	}
	host = find_session(coordinator, ask.session);
	if (!host) {
		refuse(exchange, 410, "unknown session: say hello again");
	} else if (!host->reported) {
		refuse(exchange, 409, "the complete report of this session comes first");
	} else {
		hosts_heard(coordinator, host);
		if (ask.revision == host->revision)
			count_unseen(coordinator, host);
		/* While a commit is under way the list is open: its end answers. */
		if (coordinator->ledger.in_flight || ask.revision == host->revision)
			hold(coordinator, host, &ask, exchange);
		else
			reply_wanted(coordinator, host, exchange, ask.revision);
	}
	ask_clear(&ask);
}

static bool is_allowed(const struct coordinator *coordinator, struct http_exchange *exchange)
{
	static const char scheme[] = "Bearer ";
	const char *header = http_exchange_request_header(exchange, "Authorization");

	if (!coordinator->agent_token)
		return true;
	return header && strncasecmp(header, scheme, strlen(scheme)) == 0 &&
	       id_equal_secret(header + strlen(scheme), coordinator->agent_token);
}

void coordinator_handle_agent(struct http_exchange *exchange, struct coordinator *coordinator)
{
	static const struct {
		const char *path;
		void (*take)(struct coordinator *coordinator, struct http_exchange *exchange,
			     const char *body, size_t len);
	} messages[] = {
		{ PROTOCOL_PATH_HELLO, take_hello },
		{ PROTOCOL_PATH_REPORT, take_report },
		{ PROTOCOL_PATH_WANTED, take_ask },
	};
	const char *path = http_exchange_path(exchange), *body;
	size_t len;

	if (!is_allowed(coordinator, exchange)) {
		http_exchange_header(exchange, "WWW-Authenticate", "Bearer");
		refuse(exchange, 401, "the agent's token is missing or wrong");
		return;
	}
	if (strcmp(http_exchange_method(exchange), "POST") != 0) {
		http_exchange_header(exchange, "Allow", "POST");
		refuse(exchange, 405, "only POST");
		return;
	}
	body = http_exchange_body(exchange, &len);
	for (size_t i = 0; i < ROWS(messages); i++)
		if (strcmp(path, messages[i].path) == 0) {
			messages[i].take(coordinator, exchange, body, len);
			return;
		}
	refuse(exchange, 404, "no such message");
}
