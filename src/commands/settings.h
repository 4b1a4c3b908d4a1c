#pragma once

/* What a server can be told, in one table: names, roles, defaults, checks and help come from its
 * rows. Values come from a file, then the environment (STADION_...), then flags; the later wins. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "stadion/base/error.h"
#include "stadion/base/log.h"
#include "stadion/model/app.h"

enum role { ROLE_AGENT = 1, ROLE_COORDINATOR = 2, ROLE_DEV = 4 };
#define ROLE_ANY (ROLE_AGENT | ROLE_COORDINATOR | ROLE_DEV)

const char *role_name(enum role role); /* "agent" */

struct endpoint {
	char address[48]; /* numeric */
	uint16_t port;	  /* 0: any free one */
};
bool endpoint_is_loopback(const struct endpoint *endpoint);

struct port_range {
	uint16_t low, high;
};

struct resources { /* 0: as found */
	int64_t cpu_milli, mem_kib, disk_kib;
};

struct settings { /* strings are owned; NULL or "" where nothing was said */
	char *config, *state;
	struct endpoint listen, agent_listen;
	enum log_level log_level;
	bool insecure;
	char *store, *agent_token_file, *credentials_file;
	int64_t unreachable_after_s;
	int64_t task_launch_timeout_s;
	bool marathon_check_defaults;
	char *allow_origins;
	char *coordinator, *docker, *hostname, *host_id, *token_file;
	struct port_range ports;
	struct pair_list attributes;
	struct resources resources;
};

struct settings_input {
	enum role role;
	const char *const *arguments; /* after the subcommand, ended by NULL */
	const char *const *environment;
};

/* Fills *out, which the caller clears in any case. ERROR_INVALID names the flag, the variable, or
 * file and line, and for an unknown name the nearest known one. */
bool settings_read(const struct settings_input *input, struct settings *out, struct error *error);
void settings_clear(struct settings *settings);

/* Closed by default: whether what is listened on fits the credentials that are set. */
bool settings_check_exposure(const struct settings *settings, enum role role, struct error *error);

void settings_print_help(enum role role, FILE *out);

/* The rows of one role, in the order of the help. */
struct setting {
	const char *name; /* as in files; flags have - for _, variables are STADION_ and capitals */
	unsigned roles;
	enum setting_kind {
		SETTING_TEXT,
		SETTING_PATH,
		SETTING_FLAG,
		SETTING_ENDPOINT,
		SETTING_URL,
		SETTING_SOCKET,
		SETTING_STORE,
		SETTING_LEVEL,
		SETTING_SECONDS,
		SETTING_PORTS,
		SETTING_PAIRS,
		SETTING_RESOURCES,
		SETTING_CHECKS,
	} kind;
	size_t offset;	      /* of the value in struct settings */
	const char *normal;   /* default as text; NULL: worked out, see normal_help */
	const char *argument; /* "ADDR:PORT"; NULL for a flag */
	const char *normal_help;
	const char *help;
	const char *refused; /* a name that is known and cannot be used yet: why */
};
const struct setting *settings_next(enum role role, const struct setting *after);
