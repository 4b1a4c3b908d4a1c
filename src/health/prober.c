#include "stadion/health/prober.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule.h"
#include "stadion/base/clock.h"
#include "stadion/base/id.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "target.h"
#include "tcp_probe.h"

#define PROBE_BODY_MAX (64U << 10) /* read so that a server is not cut in mid-answer; not kept */
#define REFUSED_MS 500
#define PROBES_MAX 4096 /* at once, of all tasks of this host */

struct probe { /* one check of the task */
	struct prober *prober;
	size_t index;
	struct timer timer;
	uint64_t planned_ms, started_ms; /* monotonic */
	struct check_result result;
	struct http_request *request; /* at most one of these three runs */
	struct tcp_probe *tcp;
	struct runtime_exec *exec;
};

struct prober {
	struct loop *loop;
	struct http_client *http;
	const struct runtime *runtime;
	struct runtime_unit *unit;
	struct app *app;
	int32_t *ports;
	char address[46];
	uint64_t running_since_ms;
	prober_fn *fn;
	void *arg;
	size_t probe_count;
	struct probe probes[];
};

static const struct health_check *probe_check(const struct probe *probe)
{
	return &probe->prober->app->checks[probe->index];
}

static uint64_t probe_timeout_ms(const struct probe *probe)
{
	int64_t timeout_ms = probe_check(probe)->timeout_ms;

	return timeout_ms > 0 ? (uint64_t)timeout_ms : 1;
}

static uint64_t probe_age_ms(const struct probe *probe, uint64_t now_ms)
{
	uint64_t since_ms = probe->prober->running_since_ms;

	return now_ms > since_ms ? now_ms - since_ms : 0;
}

static void probe_plan(struct probe *probe, uint64_t at_ms, uint64_t now_ms)
{
	probe->planned_ms = at_ms > now_ms ? at_ms : now_ms;
	timer_start(&probe->timer, probe->planned_ms - now_ms);
}

/* Whether a failure may be ours: late, or the runtime in between does not answer. */
static bool probe_blind(const struct probe *probe, uint64_t now_ms)
{
	const struct prober *prober = probe->prober;
	struct runtime_condition condition = { .ready = true };
	const struct probe_timing timing = {
		.planned_ms = probe->planned_ms,
		.started_ms = probe->started_ms,
		.ended_ms = now_ms,
		.timeout_ms = probe_timeout_ms(probe),
		.loop_lag_ms = loop_lag_ms(prober->loop),
	};

	if (prober->runtime)
		runtime_condition(prober->runtime, &condition);
	return !condition.ready || probe_lagged(&timing);
}

static void probe_end(struct probe *probe, struct probe_outcome *outcome)
{
	struct prober *prober = probe->prober;
	const struct health_check *check = probe_check(probe);
	const struct verdict_policy policy = {
		.grace_ms = (uint64_t)check->grace_ms,
		.max_failures = check->max_failures,
	};
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t age_ms = probe_age_ms(probe, now_ms);

	if (outcome->result == PROBE_FAILED && probe_blind(probe, now_ms)) {
		log_info("check.undecided", F("app", prober->app->id),
			 F("check", (int64_t)probe->index), F("cause", outcome->cause));
		outcome->result = PROBE_UNDECIDED;
	}
	struct prober_news news = {
		.check = probe->index,
		.verdict = verdict_next(&probe->result, &policy, age_ms, outcome, clock_wall_ms()),
	};
	uint64_t period_ms = probe_period_ms(check, news.verdict.result.known, age_ms);

	probe->result = news.verdict.result;
	probe_plan(probe, probe->started_ms + period_ms, now_ms);
	if (news.verdict.flipped || news.verdict.counted || outcome->result == PROBE_PASSED)
		prober->fn(&news, prober->arg); /* may free the prober: touch nothing after */
}

static void probe_fail(struct probe *probe, const char *cause)
{
	struct probe_outcome outcome = { .result = PROBE_FAILED };

	(void)text_copy(outcome.cause, sizeof(outcome.cause), cause); /* cut is fine */
	probe_end(probe, &outcome);
}

/* Curl keeps the reason of a failed connect to itself. On this host, one that fails at once was
 * refused; an address that nobody has any more takes its time. */
static bool curl_refused(const struct error *error, uint64_t took_ms)
{
	return took_ms < REFUSED_MS && strcasestr(error->text, "connect to server");
}

static void probe_fail_error(struct probe *probe, const struct error *error)
{
	uint64_t took_ms = clock_monotonic_ms() - probe->started_ms;
	char cause[160];

	if (error->kind == ERROR_TIMEOUT)
		(void)snprintf(cause, sizeof(cause), "no answer within %.10g s",
			       (double)probe_timeout_ms(probe) / 1000);
	else if (strcasestr(error->text, "refused") || curl_refused(error, took_ms))
		(void)text_copy(cause, sizeof(cause), "connection refused");
	else
		(void)text_copy(cause, sizeof(cause), error->text); /* cut is fine */
	probe_fail(probe, cause);
}

static void on_http(const struct http_reply *reply, void *arg)
{
	struct probe *probe = arg;
	struct probe_outcome outcome = { .result = PROBE_FAILED };
	long status = reply->status ? reply->status : reply->interim;

	if (!status) {
		probe_fail_error(probe, &reply->error);
		return;
	}
	if (status >= 200 && status < 400)
		outcome.result = PROBE_PASSED;
	else if (status < 200 && probe_check(probe)->ignore_http_1xx)
		outcome.result = PROBE_UNDECIDED;
	(void)snprintf(outcome.cause, sizeof(outcome.cause), "status %ld%s", status,
		       status < 200 ? " and no more" : "");
	probe_end(probe, &outcome);
}

static void on_tcp(const struct error *error, void *arg)
{
	struct probe_outcome outcome = { .result = PROBE_PASSED };

	if (error)
		probe_fail_error(arg, error);
	else
		probe_end(arg, &outcome);
}

static void on_command(const struct runtime_exec_end *end, void *arg)
{
	struct probe *probe = arg;
	struct probe_outcome outcome = { .result = PROBE_PASSED };

	if (end->exit_code == 0) {
		probe_end(probe, &outcome);
	} else if (end->error.kind == ERROR_UNAVAILABLE) {
		outcome.result = PROBE_UNDECIDED;
		log_info("check.undecided", F("app", probe->prober->app->id),
			 F("check", (int64_t)probe->index), F("cause", end->error.text));
		probe_end(probe, &outcome);
	} else if (end->exit_code > 0) {
		outcome.result = PROBE_FAILED;
		(void)snprintf(outcome.cause, sizeof(outcome.cause), "exit status %d%s%.120s",
			       end->exit_code, end->output[0] ? ": " : "", end->output);
		probe_end(probe, &outcome);
	} else {
		probe_fail_error(probe, &end->error);
	}
}

static bool probe_start_http(struct probe *probe, const struct probe_target *target,
			     struct error *error)
{
	static const char *const headers[] = { "User-Agent: stadion-health", NULL };
	autofree char *url = probe_target_url(target, probe_check(probe));
	const struct http_call call = {
		.url = url,
		.headers = headers,
		.timeout_ms = probe_timeout_ms(probe),
		.connect_ms = probe_timeout_ms(probe),
		.body_max = PROBE_BODY_MAX,
		.discard_body = true,
		.insecure_tls = true,
		.fresh_connection = true,
	};

	if (!url)
		return error_set(error, ERROR_NOMEM, "starting an HTTP check");
	return http_request_start(probe->prober->http, &call, on_http, probe, &probe->request,
				  error);
}

static bool probe_start(struct probe *probe, struct error *error)
{
	struct prober *prober = probe->prober;
	const struct health_check *check = probe_check(probe);
	struct probe_target target;
	char cause[160];

	if (check->protocol == CHECK_COMMAND)
		return runtime_exec_start(prober->unit, check->command, probe_timeout_ms(probe),
					  on_command, probe, &probe->exec, error);
	if (!probe_target_find(prober->app, check, prober->ports, prober->address, &target, cause))
		return error_set(error, ERROR_INVALID, "%s", cause);
	if (check->protocol == CHECK_TCP || check->protocol == CHECK_MESOS_TCP)
		return tcp_probe_start(prober->loop, target.host, target.port,
				       probe_timeout_ms(probe), on_tcp, probe, &probe->tcp, error);
	return probe_start_http(probe, &target, error);
}

static void on_timer(void *arg)
{
	struct probe *probe = arg;
	struct probe_outcome outcome = { .result = PROBE_UNDECIDED };
	struct error error = { 0 };

	probe->started_ms = clock_monotonic_ms();
	if (probe_start(probe, &error))
		return;
	if (error.kind == ERROR_INVALID) { /* the check cannot be asked: the app's fault */
		probe_fail(probe, error.text);
		return;
	}
	(void)text_copy(outcome.cause, sizeof(outcome.cause), error.text); /* cut is fine */
	log_warn("check.not_started", F("app", probe->prober->app->id), F("cause", outcome.cause));
	probe_end(probe, &outcome);
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	for (size_t i = 0; i < prober->probe_count; i++) {
		struct probe *probe = &prober->probes[i];

		timer_clear(&probe->timer);
		http_request_cancel(&probe->request);
		tcp_probe_cancel(&probe->tcp);
		runtime_exec_cancel(&probe->exec);
	}
	app_unref(prober->app);
	free(prober->ports);
	free(prober);
}

DEFINE_AUTOPTR(prober, prober_free)

static bool probes_init(struct prober *prober, const struct prober_options *options,
			struct error *error)
{
	uint64_t now_ms = clock_monotonic_ms();

	for (size_t i = 0; i < options->app->check_count; i++) {
		struct probe *probe = &prober->probes[i];
		uint32_t random;

		probe->prober = prober;
		probe->index = i;
		probe->result = options->results[i];
		if (!timer_init(&probe->timer, prober->loop, on_timer, probe, error))
			return false;
		prober->probe_count++;
		id_random(&random, sizeof(random));
		probe_plan(probe,
			   now_ms + probe_first_ms(probe_check(probe), probe->result.known,
						   options->adopted, probe_age_ms(probe, now_ms),
						   random),
			   now_ms);
	}
	return true;
}

struct prober *prober_new(const struct prober_options *options, prober_fn *fn, void *arg,
			  struct error *error)
{
	size_t checks = options->app->check_count;
	size_t port_bytes = options->app->port_count * sizeof(int32_t);
	autoptr(prober) prober = calloc(1, sizeof(*prober) + checks * sizeof(struct probe));
	int32_t *ports = malloc(port_bytes ? port_bytes : 1);

	if (!prober || !ports) {
		free(ports);
		error_set(error, ERROR_NOMEM, "starting the checks of %s", options->app->id);
		return NULL;
	}
	if (port_bytes)
		memcpy(ports, options->ports, port_bytes);
	prober->loop = options->loop;
	prober->http = options->http;
	prober->runtime = options->runtime;
	prober->unit = options->unit;
	prober->app = app_ref(options->app);
	prober->ports = ports;
	(void)text_copy(prober->address, sizeof(prober->address), options->address); /* fits */
	prober->running_since_ms = options->running_since_ms;
	prober->fn = fn;
	prober->arg = arg;
	if (!probes_init(prober, options, error))
		return NULL;
	return TAKE(prober);
}

struct http_client *prober_http_client_new(struct loop *loop, struct error *error)
{
	const struct http_client_options options = { .max_connections = PROBES_MAX };

	return http_client_new(loop, &options, error);
}
