#pragma once

/* An agent with its port, wired from settings. */

#include "settings.h"
#include "stadion/base/error.h"
#include "stadion/net/loop.h"

struct agent_part;

struct agent_part_options {
	const struct settings *settings; /* read during the call only */
	const struct endpoint *listen;
	const char *listen_flag; /* that sets it, for messages */
	const char *coordinator; /* URL */
	const char *token;	 /* NULL: none */
};

struct agent_part *agent_part_new(struct loop *loop, const struct agent_part_options *options,
				  struct error *error);
void agent_part_free(struct agent_part *part); /* touches no task; NULL is fine */
