#pragma once

/* The agent: supervises the tasks of one host, with or without its coordinator in reach. */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/model/app.h"
#include "stadion/net/http_server.h"
#include "stadion/net/loop.h"

struct agent;

struct agent_options {
	const char *coordinator; /* "http://127.0.0.1:8080" */
	const char *token;	 /* bearer token for it; NULL: none */
	const char *docker;	 /* path of the engine's socket */
	const char *state;	 /* folder, made 0700 if missing: journal, identity, sandboxes */
	const char *hostname;	 /* what constraints and links see */
	const char *host_id; /* NULL: kept in the state folder, else derived from machine and engine
				address */
	uint16_t port_low, port_high;
	const struct pair_list *attributes;
	int64_t cpu_milli, mem_kib, disk_kib; /* 0: as found */
	const char *program;		      /* our own binary, for the shim */
};

struct agent *agent_new(struct loop *loop, const struct agent_options *options,
			struct error *error);
/* Ends supervision and touches no task: they run on and are adopted next time. */
void agent_free(struct agent *agent);

/* The agent's own small API (GET /ping, GET /v1/tasks with the token), for its http_server. */
void agent_handle(struct http_exchange *exchange, void *agent);
