#include "stadion/agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "coordinator_link.h"
#include "host_facts.h"
#include "journal.h"
#include "port_pool.h"
#include "stadion/base/id.h"
#include "stadion/base/language.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/health/prober.h"
#include "stadion/net/router.h"
#include "stadion/runtime/runtime.h"
#include "stadion/version.h"
#include "supervisor.h"

#define INCARNATION_BYTES 16
#define REPLY_MAX (8U << 20)

struct agent {
	struct loop *loop;
	char *coordinator, *token;
	char *host_id, *hostname;
	char incarnation[2 * INCARNATION_BYTES + 1];
	uint16_t port_low, port_high;
	struct pair_list attributes;
	struct host_facts facts;
	struct journal *journal;
	struct port_pool *ports;
	struct http_client *probes;
	struct runtime *docker, *process;
	struct supervisor *supervisor;
	struct coordinator_link *link; /* NULL until what runs here is known */
};

static bool pairs_copy(struct pair_list *out, const struct pair_list *from)
{
	for (size_t i = 0; from && i < from->count; i++) {
		if (!pair_list_add(out, from->items[i].key, from->items[i].value))
			return false;
	}
	return true;
}

/* ---- What the link asks and brings ---- */

static void fill_hello(struct hello *out, void *arg)
{
	struct agent *agent = arg;
	struct runtime_condition engine;

	runtime_condition(agent->docker, &engine);
	out->host_id = text_duplicate(agent->host_id);
	out->incarnation = text_duplicate(agent->incarnation);
	out->boot_id = text_duplicate(agent->facts.boot_id);
	out->cluster = text_duplicate(journal_meta(agent->journal, JOURNAL_CLUSTER));
	out->hostname = text_duplicate(agent->hostname);
	out->port_low = agent->port_low;
	out->port_high = agent->port_high;
	out->cpu_milli = agent->facts.cpu_milli;
	out->mem_kib = agent->facts.mem_kib;
	out->disk_kib = agent->facts.disk_kib;
	(void)pairs_copy(&out->attributes, &agent->attributes); /* short of memory: fewer */
	out->engine = text_duplicate(engine.ready ? engine.text : "");
	out->version = text_duplicate(STADION_VERSION);
}

static bool fill_report(struct report *out, void *arg)
{
	struct agent *agent = arg;

	return supervisor_report(agent->supervisor, out);
}

static void note_epoch(struct agent *agent, uint64_t epoch)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, epoch);
	journal_meta_set(agent->journal, JOURNAL_EPOCH, text);
}

static void on_joined(const struct welcome *welcome, void *arg)
{
	struct agent *agent = arg;

	log_info("coordinator.joined", F("cluster", welcome->cluster),
		 F("epoch", (int64_t)welcome->epoch));
	journal_meta_set(agent->journal, JOURNAL_CLUSTER, welcome->cluster);
	note_epoch(agent, welcome->epoch);
	docker_runtime_set_cluster(agent->docker, welcome->cluster);
	supervisor_session(agent->supervisor);
}

static void on_receipt(const struct receipt *receipt, void *arg)
{
	struct agent *agent = arg;

	note_epoch(agent, receipt->epoch);
	supervisor_receipt(agent->supervisor, receipt);
}

static void on_wanted(struct wanted *wanted, void *arg)
{
	struct agent *agent = arg;

	/* On disk before anything that this list makes us do: writes keep their order, and every
	 * start and every stop waits for a write of its own. */
	note_epoch(agent, wanted->epoch);
	supervisor_want(agent->supervisor, wanted);
}

static void on_news(void *arg)
{
	struct agent *agent = arg;

	if (agent->link)
		coordinator_link_wake(agent->link);
}

static void on_settled(void *arg)
{
	struct agent *agent = arg;
	struct error error = { 0 };
	const struct coordinator_link_options options = {
		.loop = agent->loop,
		.urls = agent->coordinator,
		.token = agent->token,
		.cluster = journal_meta(agent->journal, JOURNAL_CLUSTER),
		.epoch = strtoull(journal_meta(agent->journal, JOURNAL_EPOCH), NULL, 10),
		.hello = fill_hello,
		.report = fill_report,
		.joined = on_joined,
		.receipt = on_receipt,
		.wanted = on_wanted,
		.arg = agent,
	};

	agent->link = coordinator_link_new(&options, &error);
	if (!agent->link) /* the tasks are supervised all the same */
		log_error("coordinator.no_link", F("error", error.text));
}

/* ---- Beginning and end ---- */

static bool make_folder(const char *path, struct error *error)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "making %s", path);
	/* It holds definitions with their environment: for us alone, whoever made it. */
	if (chmod(path, 0700) < 0)
		return error_set_errno(error, ERROR_DENIED, errno, "making %s private", path);
	return true;
}

static bool learn_host(struct agent *agent, const struct agent_options *options,
		       struct error *error)
{
	char derived[HOST_ID_SIZE];
	const char *kept = journal_meta(agent->journal, JOURNAL_HOST_ID);
	const char *host_id = options->host_id && options->host_id[0] ? options->host_id : kept;

	host_facts_read(&agent->facts, options->state);
	if (options->cpu_milli)
		agent->facts.cpu_milli = options->cpu_milli;
	if (options->mem_kib)
		agent->facts.mem_kib = options->mem_kib;
	if (options->disk_kib)
		agent->facts.disk_kib = options->disk_kib;
	if (!host_id[0]) {
		host_id_derive(derived, agent->facts.machine_id, options->docker);
		host_id = derived;
	}
	if (strlen(host_id) >= JOURNAL_META_MAX)
		return error_set(error, ERROR_INVALID, "the host id has more than %d characters",
				 JOURNAL_META_MAX - 1);
	agent->host_id = text_duplicate(host_id);
	agent->hostname =
		text_duplicate(options->hostname && options->hostname[0] ? options->hostname
									 : agent->facts.hostname);
	agent->coordinator = text_duplicate(options->coordinator);
	agent->token = text_duplicate(options->token);
	agent->port_low = options->port_low;
	agent->port_high = options->port_high;
	id_hex(agent->incarnation, INCARNATION_BYTES);
	if (!agent->host_id || !agent->hostname || !agent->coordinator ||
	    (options->token && !agent->token) ||
	    !pairs_copy(&agent->attributes, options->attributes))
		return error_set(error, ERROR_NOMEM, "starting the agent");
	return true;
}

static bool start_runtimes(struct agent *agent, const struct agent_options *options,
			   struct error *error)
{
	char sandboxes[4096];
	const struct docker_runtime_options docker = {
		.socket = options->docker,
		.host_id = agent->host_id,
		.cluster = journal_meta(agent->journal, JOURNAL_CLUSTER),
	};
	const struct process_runtime_options process = {
		.directory = sandboxes,
		.program = options->program,
	};
	int len = snprintf(sandboxes, sizeof(sandboxes), "%s/tasks", options->state);

	if (len < 0 || (size_t)len >= sizeof(sandboxes))
		return error_set(error, ERROR_INVALID, "the path of the state folder is too long");
	if (!make_folder(sandboxes, error))
		return false;
	agent->docker = docker_runtime_new(agent->loop, &docker, error);
	agent->process = agent->docker ? process_runtime_new(agent->loop, &process, error) : NULL;
	agent->probes = agent->process ? prober_http_client_new(agent->loop, error) : NULL;
	return agent->probes != NULL;
}

static bool start_supervisor(struct agent *agent, struct error *error)
{
	const struct supervisor_options options = {
		.loop = agent->loop,
		.journal = agent->journal,
		.ports = agent->ports,
		.probes = agent->probes,
		.docker = agent->docker,
		.process = agent->process,
		.hostname = agent->hostname,
		.boot_id = agent->facts.boot_id,
		.news = on_news,
		.settled = on_settled,
		.arg = agent,
	};

	agent->supervisor = supervisor_new(&options, error);
	if (!agent->supervisor)
		return false;
	journal_meta_set(agent->journal, JOURNAL_HOST_ID, agent->host_id);
	return true;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	coordinator_link_free(agent->link);
	supervisor_free(agent->supervisor);
	http_client_free(agent->probes);
	runtime_free(agent->docker);
	runtime_free(agent->process);
	port_pool_free(agent->ports);
	journal_close(agent->journal);
	pair_list_clear(&agent->attributes);
	free(agent->hostname);
	free(agent->host_id);
	free(agent->token);
	free(agent->coordinator);
	free(agent);
}

DEFINE_AUTOPTR(agent, agent_free)

struct agent *agent_new(struct loop *loop, const struct agent_options *options, struct error *error)
{
	autoptr(agent) agent = calloc(1, sizeof(*agent));

	if (!agent) {
		error_set(error, ERROR_NOMEM, "starting the agent");
		return NULL;
	}
	agent->loop = loop;
	if (options->port_low == 0 || options->port_low > options->port_high) {
		error_set(error, ERROR_INVALID, "the host ports %u-%u are no range",
			  options->port_low, options->port_high);
		return NULL;
	}
	agent->ports = port_pool_new(options->port_low, options->port_high);
	if (!agent->ports) {
		error_set(error, ERROR_NOMEM, "starting the agent");
		return NULL;
	}
	if (!make_folder(options->state, error))
		return NULL;
	agent->journal = journal_open(loop, options->state, error);
	if (!agent->journal || !learn_host(agent, options, error) ||
	    !start_runtimes(agent, options, error) || !start_supervisor(agent, error))
		return NULL;
	log_info("agent.started", F("host", agent->host_id), F("hostname", agent->hostname),
		 F("cpu_milli", agent->facts.cpu_milli), F("mem_kib", agent->facts.mem_kib));
	return TAKE(agent);
}

/* ---- The agent's own API ---- */

static void get_ping(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	(void)arg;
	http_exchange_reply(exchange, 200, "text/plain; charset=utf-8", "pong", 4);
}

static bool authorised(const struct agent *agent, struct http_exchange *exchange)
{
	static const char scheme[] = "Bearer ";
	const char *header = http_exchange_request_header(exchange, "Authorization");

	if (!agent->token)
		return true;
	return header && strncmp(header, scheme, sizeof(scheme) - 1) == 0 &&
	       id_equal_secret(header + sizeof(scheme) - 1, agent->token);
}

static void get_tasks(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	static const char refusal[] = "{\"message\":\"the agent's token is needed\"}";
	struct agent *agent = arg;
	struct text body = TEXT_INIT(REPLY_MAX);

	(void)match;
	if (!authorised(agent, exchange)) {
		http_exchange_header(exchange, "WWW-Authenticate", "Bearer");
		http_exchange_reply(exchange, 401, "application/json", refusal,
				    sizeof(refusal) - 1);
		return;
	}
	supervisor_write(agent->supervisor, &body);
	http_exchange_reply_json(exchange, 200, &body);
}

void agent_handle(struct http_exchange *exchange, void *agent)
{
	static const struct route routes[] = {
		{ "GET", "/ping", get_ping },
		{ "GET", "/v1/tasks", get_tasks },
	};

	router_dispatch(routes, ROWS(routes), exchange, agent);
}
