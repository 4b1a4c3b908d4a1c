#include "coordinator_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/net/http_client.h"

#define HELLO_MS 10000
#define REPORT_MS 15000
#define WANTED_EXTRA_MS 5000 /* on top of the time that the list may be held back */
#define CHECK_MS 5000	     /* looks for reports that nobody took, should a wake be lost */
#define URL_MAX 1024
#define AWAY_FAILURES 3 /* in a row, and another coordinator is looked for, if there is one */

struct lane { /* one of the two loops of a session; hello runs on the report's */
	struct coordinator_link *link;
	struct http_request *request;
	struct timer timer; /* to send, or to send again */
	unsigned failures;
};

struct coordinator_link {
	struct coordinator_link_options options;
	char *urls, *cluster;
	size_t url; /* which of them: index, counted by commas */
	struct http_client *http;
	struct lane reports, wanted;
	uint64_t epoch;
	char *session;	   /* NULL: none */
	bool completing;   /* the report under way is a complete one */
	bool complete;	   /* and one was answered in this session */
	uint64_t revision; /* of the wanted list we have from this session; 0: none */
	bool woken;
	bool told_away; /* that the coordinator is out of reach is logged once */
};

typedef bool answer_fn(struct coordinator_link *link, const char *body, size_t len,
		       struct error *error);

uint64_t link_delay_ms(unsigned failures, uint32_t random)
{
	uint64_t delay_ms = LINK_DELAY_MAX_MS;

	if (failures < 7)
		delay_ms = (uint64_t)LINK_DELAY_MIN_MS << failures;
	if (delay_ms > LINK_DELAY_MAX_MS)
		delay_ms = LINK_DELAY_MAX_MS;
	/* Half of it is fixed, so that nobody hammers; half is chance, so that agents that lost
	 * their coordinator together do not come back together. */
	return delay_ms / 2 + random % (delay_ms / 2 + 1);
}

static void lane_retry(struct lane *lane)
{
	uint32_t random;

	id_random(&random, sizeof(random));
	timer_start(&lane->timer, link_delay_ms(lane->failures, random));
	if (lane->failures < 16)
		lane->failures++;
}

/* The session is over: hello comes next, after a delay. */
static void link_part(struct coordinator_link *link)
{
	free(TAKE(link->session));
	link->complete = false;
	link->revision = 0;
	http_request_cancel(&link->wanted.request);
	http_request_cancel(&link->reports.request);
	timer_cancel(&link->wanted.timer);
	link->wanted.failures = 0;
}

/* "http://b:1" out of "http://a:1,http://b:1". */
static void link_address(const struct coordinator_link *link, const char *path, char out[URL_MAX])
{
	const char *at = link->urls;

	for (size_t i = 0; i < link->url; i++)
		at += strcspn(at, ",") + 1;
	int len = (int)strcspn(at, ",");

	while (len > 0 && at[len - 1] == '/')
		len--;
	(void)snprintf(out, URL_MAX, "%.*s%s", len, at, path); /* cut: refused by the client */
}

static size_t link_addresses(const struct coordinator_link *link)
{
	size_t count = 1;

	for (const char *at = link->urls; *at; at++)
		count += *at == ',';
	return count;
}

static void link_next_address(struct coordinator_link *link)
{
	link->url = (link->url + 1) % link_addresses(link);
}

/* Its host may be gone for good, and its session with it. */
static bool link_abandons(const struct coordinator_link *link, const struct lane *lane, long status)
{
	return (status == 0 || status >= 500) && lane->failures >= AWAY_FAILURES &&
	       link_addresses(link) > 1;
}

/* Takes the body's content. */
static bool lane_post(struct lane *lane, const char *path, struct text *body, uint64_t timeout_ms,
		      http_done_fn *done)
{
	struct coordinator_link *link = lane->link;
	char url[URL_MAX];
	struct error error = { 0 };
	bool started = false;

	link_address(link, path, url);
	const struct http_call call = {
		.method = "POST",
		.url = url,
		.body = text_string(body),
		.body_len = body->len,
		.timeout_ms = timeout_ms,
		.body_max = PROTOCOL_BODY_MAX,
	};

	if (body->failed)
		error_set(&error, ERROR_NO_SPACE, "the message is too large");
	else
		started = http_request_start(link->http, &call, done, lane, &lane->request, &error);
	text_clear(body);
	if (!started) {
		log_error("coordinator.not_asked", F("path", path), F("error", error.text));
		lane_retry(lane);
	}
	return started;
}

/* The words of a refusal: {"message": ...}, or the status alone. */
static void refusal_text(const struct http_reply *reply, char *out, size_t size)
{
	struct error ignored = { 0 };
	autoptr(json_object) root = json_parse(reply->body, reply->body_len, &ignored);
	const char *message = root ? json_text(root, "message", "") : "";

	(void)snprintf(out, size, "status %ld%s%s", reply->status, message[0] ? ": " : "", message);
}

static void link_away(struct coordinator_link *link, const char *why)
{
	if (!link->told_away)
		log_warn("coordinator.away", F("error", why));
	link->told_away = true;
}

/* What all answers have in common. */
static void lane_answered(struct lane *lane, const struct http_reply *reply, answer_fn *answer)
{
	struct coordinator_link *link = lane->link;
	bool in_session = link->session != NULL;
	struct error error = reply->error;

	if (reply->status == 200 && answer(link, reply->body, reply->body_len, &error)) {
		lane->failures = 0;
		return;
	}
	if (reply->status && reply->status != 200)
		refusal_text(reply, error.text, sizeof(error.text));
	if (in_session && reply->status == 410) {
		log_info("coordinator.session_over", F("reason", error.text));
		link_part(link);
		timer_start(&link->reports.timer, 0);
		return;
	}
	link_away(link, error.text);
	if (reply->status == 401 || reply->status == 403 || !in_session ||
	    link_abandons(link, lane, reply->status)) {
		link_part(link);
		link_next_address(link);
		lane_retry(&link->reports);
		return;
	}
	lane_retry(lane);
}

/* Fencing: a coordinator of an older epoch has been deposed and does not know it. */
static bool epoch_holds(struct coordinator_link *link, uint64_t epoch, struct error *error)
{
	if (epoch < link->epoch)
		return error_set(error, ERROR_CONFLICT,
				 "a deposed coordinator answers: epoch %" PRIu64 ", and %" PRIu64
				 " was seen",
				 epoch, link->epoch);
	link->epoch = epoch;
	return true;
}

static void ask_wanted(struct coordinator_link *link);
static void send_report(struct coordinator_link *link);

static bool on_welcome_body(struct coordinator_link *link, const char *body, size_t len,
			    struct error *error)
{
	struct welcome welcome;

	if (!welcome_read(body, len, &welcome, error))
		return false;
	bool same = !link->cluster[0] || strcmp(link->cluster, welcome.cluster) == 0;

	if (!same)
		error_set(error, ERROR_CONFLICT, "cluster %s answers, and this host belongs to %s",
			  welcome.cluster, link->cluster);
	if (!same || !epoch_holds(link, welcome.epoch, error)) {
		welcome_clear(&welcome);
		return false;
	}
	link->told_away = false;
	link->session = TAKE(welcome.session);
	if (!link->cluster[0]) {
		free(link->cluster);
		link->cluster = text_duplicate(welcome.cluster);
	}
	link->options.joined(&welcome, link->options.arg);
	welcome_clear(&welcome);
	send_report(link);
	return true;
}

static void on_hello_done(const struct http_reply *reply, void *arg)
{
	lane_answered(arg, reply, on_welcome_body);
}

static void send_hello(struct coordinator_link *link)
{
	struct hello hello = { .protocol = PROTOCOL_VERSION, .epoch = link->epoch };
	struct text body = TEXT_INIT(PROTOCOL_BODY_MAX);

	link->options.hello(&hello, link->options.arg);
	hello_write(&body, &hello);
	hello_clear(&hello);
	(void)lane_post(&link->reports, PROTOCOL_PATH_HELLO, &body, HELLO_MS, on_hello_done);
}

static bool on_receipt_body(struct coordinator_link *link, const char *body, size_t len,
			    struct error *error)
{
	struct receipt receipt;
	bool first = link->completing && !link->complete;

	if (!receipt_read(body, len, &receipt, error))
		return false;
	if (!epoch_holds(link, receipt.epoch, error)) {
		receipt_clear(&receipt);
		return false;
	}
	link->told_away = false;
	link->complete |= link->completing;
	link->options.receipt(&receipt, link->options.arg);
	receipt_clear(&receipt);
	timer_start(&link->reports.timer, link->woken ? 0 : CHECK_MS);
	if (first)
		ask_wanted(link);
	return true;
}

static void on_report_done(const struct http_reply *reply, void *arg)
{
	lane_answered(arg, reply, on_receipt_body);
}

static void send_report(struct coordinator_link *link)
{
	struct report report = { .complete = !link->complete };
	struct text body = TEXT_INIT(PROTOCOL_BODY_MAX);

	link->woken = false;
	/* Before the complete report nothing is asked for, so reports are the only sign of life. */
	if (!link->options.report(&report, link->options.arg) && link->complete) {
		report_clear(&report);
		timer_start(&link->reports.timer, CHECK_MS);
		return;
	}
	link->completing = report.complete;
	report.session = text_duplicate(link->session);
	report_write(&body, &report);
	report_clear(&report);
	(void)lane_post(&link->reports, PROTOCOL_PATH_REPORT, &body, REPORT_MS, on_report_done);
}

static bool on_wanted_body(struct coordinator_link *link, const char *body, size_t len,
			   struct error *error)
{
	struct wanted wanted;

	if (!wanted_read(body, len, &wanted, error))
		return false;
	if (!epoch_holds(link, wanted.epoch, error)) {
		wanted_clear(&wanted);
		return false;
	}
	link->told_away = false;
	if (!wanted.unchanged) {
		link->revision = wanted.revision;
		link->options.wanted(&wanted, link->options.arg);
	}
	wanted_clear(&wanted);
	timer_start(&link->wanted.timer, 0);
	return true;
}

static void on_wanted_done(const struct http_reply *reply, void *arg)
{
	lane_answered(arg, reply, on_wanted_body);
}

static void ask_wanted(struct coordinator_link *link)
{
	struct ask ask = {
		.session = text_duplicate(link->session),
		.revision = link->revision,
		.wait_ms = PROTOCOL_WAIT_MS,
	};
	struct text body = TEXT_INIT(PROTOCOL_BODY_MAX);

	ask_write(&body, &ask);
	ask_clear(&ask);
	(void)lane_post(&link->wanted, PROTOCOL_PATH_WANTED, &body,
			PROTOCOL_WAIT_MS + WANTED_EXTRA_MS, on_wanted_done);
}

static void on_reports_timer(void *arg)
{
	struct coordinator_link *link = arg;

	if (link->reports.request)
		return;
	if (link->session)
		send_report(link);
	else
		send_hello(link);
}

static void on_wanted_timer(void *arg)
{
	struct coordinator_link *link = arg;

	if (link->session && link->complete && !link->wanted.request)
		ask_wanted(link);
}

void coordinator_link_wake(struct coordinator_link *link)
{
	link->woken = true;
	/* Not while the coordinator is being waited for: then the timer has a delay to keep. */
	if (link->session && !link->reports.request && !link->reports.failures)
		timer_start(&link->reports.timer, 0);
}

void coordinator_link_free(struct coordinator_link *link)
{
	if (!link)
		return;
	http_request_cancel(&link->reports.request);
	http_request_cancel(&link->wanted.request);
	timer_clear(&link->reports.timer);
	timer_clear(&link->wanted.timer);
	http_client_free(link->http);
	free(link->session);
	free(link->cluster);
	free(link->urls);
	free(link);
}

DEFINE_AUTOPTR(coordinator_link, coordinator_link_free)

struct coordinator_link *coordinator_link_new(const struct coordinator_link_options *options,
					      struct error *error)
{
	const struct http_client_options http = {
		.bearer_token = options->token,
		.max_connections = 4,
	};
	autoptr(coordinator_link) link = calloc(1, sizeof(*link));

	if (!link) {
		error_set(error, ERROR_NOMEM, "linking to the coordinator");
		return NULL;
	}
	link->options = *options;
	link->reports.link = link;
	link->wanted.link = link;
	link->epoch = options->epoch;
	link->urls = text_duplicate(options->urls);
	link->cluster = text_duplicate(options->cluster);
	link->http = http_client_new(options->loop, &http, error);
	if (!link->http ||
	    !timer_init(&link->reports.timer, options->loop, on_reports_timer, link, error) ||
	    !timer_init(&link->wanted.timer, options->loop, on_wanted_timer, link, error))
		return NULL;
	if (!link->urls || !link->cluster) {
		error_set(error, ERROR_NOMEM, "linking to the coordinator");
		return NULL;
	}
	timer_start(&link->reports.timer, 0);
	return TAKE(link);
}
