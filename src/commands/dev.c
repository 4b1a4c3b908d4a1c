/* stadion dev: coordinator and agent on one loop. They talk over loopback HTTP as they would
 * between machines, so that what works here works there. */

#include <limits.h>
#include <stdio.h>

#include "server.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/commands/commands.h"
#include "stadion/version.h"
#include "state.h"

static bool take_token(const struct settings *settings, char **token, struct error *error)
{
	struct text path = TEXT_INIT(PATH_MAX);
	bool good;

	if (settings->agent_token_file)
		return state_secret_read(settings->agent_token_file, token, error) ||
		       error_wrap(error, "--agent-token-file");
	text_addf(&path, "%s/agent.token", settings->state);
	good = path.failed ? error_set(error, ERROR_INVALID, "the state folder's path is too long")
			   : state_secret_make(text_string(&path), token, error);
	text_clear(&path);
	return good;
}

static void greet(const struct server *server)
{
	const char *url = coordinator_part_url(server->coordinator);

	printf("Stadion " STADION_VERSION " is up.\n\n"
	       "  UI      %s/ui/\n"
	       "  API     %s/v2/apps\n"
	       "  engine  %s\n"
	       "  state   %s\n\n"
	       "Ctrl-C stops Stadion. What it started runs on, and is taken up again next time.\n",
	       url, url, server->settings.docker, server->settings.state);
	(void)fflush(stdout); /* a banner that nobody can read is no reason to stop */
}

static bool start(struct server *server, struct error *error)
{
	const struct settings *settings = &server->settings;
	autofree char *token = NULL;
	struct agent_part_options options = {
		.settings = settings,
		.listen = &settings->agent_listen,
		.listen_flag = "--agent-listen",
	};

	if (!take_token(settings, &token, error))
		return false;
	server->coordinator = coordinator_part_new(server->loop, settings, token, error);
	if (!server->coordinator)
		return false;
	options.token = token;
	options.coordinator = coordinator_part_url(server->coordinator);
	server->agent = agent_part_new(server->loop, &options, error);
	if (!server->agent)
		return false;
	greet(server);
	return true;
}

int command_dev(int argc, char **argv)
{
	(void)argc; /* argv ends with NULL */
	return server_main(ROLE_DEV, "Coordinator and agent in one command, on loopback.", argv,
			   start);
}
