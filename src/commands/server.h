#pragma once

/* What all servers do around their parts: settings, loop, signals, start, run, stop. */

#include <stdbool.h>

#include "agent_part.h"
#include "coordinator_part.h"
#include "settings.h"
#include "stadion/base/error.h"
#include "stadion/net/loop.h"

struct server {
	struct settings_input input;
	struct settings settings;
	struct loop *loop;
	struct coordinator_part *coordinator; /* of those that have one */
	struct agent_part *agent;
};

/* Starts the parts that the role has; what it leaves in *server is freed by server_main. */
typedef bool server_start_fn(struct server *server, struct error *error);

/* argv[0] is the subcommand. Returns the exit status. */
int server_main(enum role role, const char *summary, char **argv, server_start_fn *start);
