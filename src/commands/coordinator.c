/* stadion coordinator: the API, and what decides. */

#include "server.h"
#include "stadion/base/language.h"
#include "stadion/base/log.h"
#include "stadion/commands/commands.h"
#include "state.h"

static bool start(struct server *server, struct error *error)
{
	const struct settings *settings = &server->settings;
	autofree char *token = NULL;

	if (settings->agent_token_file &&
	    !state_secret_read(settings->agent_token_file, &token, error))
		return error_wrap(error, "--agent-token-file");
	server->coordinator = coordinator_part_new(server->loop, settings, token, error);
	if (!server->coordinator)
		return false;
	if (!token)
		log_warn("coordinator.open", F("reason", "without --agent-token-file any agent "
							 "that reaches this port may join"));
	log_info("coordinator.started", F("url", coordinator_part_url(server->coordinator)),
		 F("store", settings->store));
	return true;
}

int command_coordinator(int argc, char **argv)
{
	(void)argc; /* argv ends with NULL */
	return server_main(ROLE_COORDINATOR,
			   "Serves the API and the UI, and decides what runs where.", argv, start);
}
