/* stadion agent: one host's supervisor. */

#include "server.h"
#include "stadion/base/language.h"
#include "stadion/base/log.h"
#include "stadion/commands/commands.h"
#include "state.h"

static bool start(struct server *server, struct error *error)
{
	const struct settings *settings = &server->settings;
	autofree char *token = NULL;
	struct agent_part_options options = {
		.settings = settings,
		.listen = &settings->listen,
		.listen_flag = "--listen",
		.coordinator = settings->coordinator,
	};

	if (settings->token_file && !state_secret_read(settings->token_file, &token, error))
		return error_wrap(error, "--token-file");
	options.token = token;
	server->agent = agent_part_new(server->loop, &options, error);
	if (server->agent)
		log_info("agent.started", F("coordinator", settings->coordinator),
			 F("docker", settings->docker), F("state", settings->state));
	return server->agent;
}

int command_agent(int argc, char **argv)
{
	(void)argc; /* argv ends with NULL */
	return server_main(ROLE_AGENT, "Runs and watches the tasks of this host.", argv, start);
}
