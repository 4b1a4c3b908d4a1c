#include "agent_part.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "stadion/agent/agent.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/net/http_server.h"
#include "state.h"

struct agent_part {
	struct http_server *server;
	struct agent *agent;
};

DEFINE_AUTOPTR(agent_part, agent_part_free)

void agent_part_free(struct agent_part *part)
{
	if (!part)
		return;
	http_server_free(part->server);
	agent_free(part->agent);
	free(part);
}

static void handle(struct http_exchange *exchange, void *arg)
{
	struct agent_part *part = arg;

	agent_handle(exchange, part->agent);
}

static bool listen_on(struct agent_part *part, struct loop *loop,
		      const struct agent_part_options *options, struct error *error)
{
	const struct http_server_options server = {
		.address = options->listen->address,
		.port = options->listen->port,
		.connection_max = 64,
	};

	part->server = http_server_new(loop, &server, handle, part, error);
	if (part->server)
		return true;
	(void)error_wrap(error, "the agent");
	if (error->kind == ERROR_CONFLICT || error->kind == ERROR_DENIED) {
		struct error taken = *error;

		(void)error_set(error, taken.kind, "%.400s; choose another with %s ADDR:PORT",
				taken.text, options->listen_flag);
	}
	return false;
}

static bool open_agent(struct agent_part *part, struct loop *loop,
		       const struct agent_part_options *options, const char *state,
		       struct error *error)
{
	const struct settings *settings = options->settings;
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct agent_options agent = {
		.coordinator = options->coordinator,
		.token = options->token,
		.docker = settings->docker,
		.state = state,
		.hostname = settings->hostname,
		.host_id = settings->host_id,
		.port_low = settings->ports.low,
		.port_high = settings->ports.high,
		.attributes = &settings->attributes,
		.cpu_milli = settings->resources.cpu_milli,
		.mem_kib = settings->resources.mem_kib,
		.disk_kib = settings->resources.disk_kib,
		.program = program,
	};

	if (len < 0)
		return error_set_errno(error, ERROR_INTERNAL, errno, "finding this program");
	program[len] = '\0';
	part->agent = agent_new(loop, &agent, error);
	return part->agent;
}

struct agent_part *agent_part_new(struct loop *loop, const struct agent_part_options *options,
				  struct error *error)
{
	autoptr(agent_part) part = calloc(1, sizeof(*part));
	struct text path = TEXT_INIT(PATH_MAX);
	autofree char *state = NULL;

	text_addf(&path, "%s/agent", options->settings->state);
	state = text_take(&path);
	if (!part || !state) {
		(void)error_set(error, ERROR_NOMEM, "agent");
		return NULL;
	}
	if (!listen_on(part, loop, options, error) || !state_folder_make(state, error) ||
	    !open_agent(part, loop, options, state, error))
		return NULL;
	return TAKE(part);
}
