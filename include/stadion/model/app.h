#pragma once

/* An app: what the user wants run. One struct app is one version of its definition; it never
 * changes once it is shared, and is counted by reference. Units are in the names; defaults and
 * limits are Marathon's (its app definition, 1.5 to 1.10) and live in app_read.c's tables. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/language.h"

enum container_kind {
	CONTAINER_NONE, /* a process on the host */
	CONTAINER_DOCKER,
};

enum network_mode { NETWORK_HOST, NETWORK_BRIDGE, NETWORK_CONTAINER };

enum port_protocol { PORT_TCP, PORT_UDP, PORT_TCP_UDP }; /* "tcp" "udp" "udp,tcp" */

enum kill_selection { KILL_YOUNGEST_FIRST, KILL_OLDEST_FIRST };

struct pair { /* an environment variable, a label, a parameter */
	char *key, *value;
};
struct pair_list {
	struct pair *items;
	size_t count;
};

#define PORT_NONE (-1)

/* A row of portDefinitions (host mode) or of container.portMappings (bridge, container). */
struct app_port {
	char *name;		/* NULL: unnamed */
	int32_t container_port; /* 0: the host port's number; unused in host mode */
	int32_t host_port; /* 0: random, PORT_NONE: none, else that very one; unused in host mode */
	int32_t service_port; /* 0: not assigned yet; in host mode this is `port` */
	enum port_protocol protocol;
	struct pair_list labels;
};

enum check_protocol {
	CHECK_HTTP,
	CHECK_HTTPS,
	CHECK_TCP,
	CHECK_COMMAND,
	CHECK_MESOS_HTTP,
	CHECK_MESOS_HTTPS,
	CHECK_MESOS_TCP,
};

#define CHECK_PORT_UNSET (-1)

struct health_check {
	enum check_protocol protocol;
	char *path;	    /* NULL: as "/" */
	char *command;	    /* COMMAND only */
	int32_t port;	    /* fixed number, or CHECK_PORT_UNSET */
	int32_t port_index; /* into app->ports, or CHECK_PORT_UNSET */
	int64_t grace_ms, interval_ms, timeout_ms, delay_ms;
	int32_t max_failures; /* this many in a row kill; 0: never */
	bool ignore_http_1xx;
	bool ipv6;
};

enum constraint_operator {
	CONSTRAINT_UNIQUE,
	CONSTRAINT_CLUSTER,
	CONSTRAINT_GROUP_BY,
	CONSTRAINT_LIKE,
	CONSTRAINT_UNLIKE,
	CONSTRAINT_MAX_PER,
	CONSTRAINT_IS,
};

struct constraint {
	char *field;
	enum constraint_operator operator;
	char *value; /* NULL: none */
};

struct app {
	unsigned references; /* app_ref, app_unref */
	char *id;	     /* absolute */
	char *cmd;	     /* NULL: none; else run as /bin/sh -c cmd */
	char **args;	     /* NULL: none; else ended by NULL */
	char *user;
	char *role;	/* "*" */
	char *executor; /* "" ; stored and given back, without effect */
	struct pair_list env;
	struct pair_list labels;
	int32_t instances;
	int64_t cpu_milli, mem_kib, disk_kib;
	int32_t gpus;

	enum container_kind container;
	char *image; /* DOCKER */
	bool force_pull;
	enum network_mode network;
	char *network_name;	/* CONTAINER mode */
	struct app_port *ports; /* of whichever list the mode has */
	size_t port_count;
	bool require_ports;

	struct health_check *checks;
	size_t check_count;
	struct constraint *constraints;
	size_t constraint_count;
	char **accepted_roles; /* NULL: absent; else ended by NULL */
	char **dependencies;   /* absolute ids; NULL or ended by NULL */

	double minimum_health_capacity, maximum_over_capacity;
	int64_t backoff_ms, max_launch_delay_ms;
	double backoff_factor;
	int64_t kill_grace_ms; /* -1: not given (5 s then) */
	enum kill_selection kill_selection;
	bool unreachable_disabled;
	int64_t unreachable_inactive_ms, unreachable_expunge_ms;

	int64_t version_ms;    /* wall clock; 0: not stored yet */
	int64_t scaled_ms;     /* lastScalingAt */
	int64_t configured_ms; /* lastConfigChangeAt: tasks of an older version are outdated */
};

struct app *app_new(void); /* with every default, one reference; NULL without memory */
struct app *app_ref(const struct app *app);
void app_unref(struct app *app);
DEFINE_AUTOPTR(app, app_unref)

struct app *app_copy(const struct app *app); /* deep, one reference; NULL without memory */

/* What a change from `old` to `new` means (app-definition rule: only `instances` scales, anything
 * else replaces the tasks). Both normalised, service ports assigned. */
enum app_change { APP_SAME, APP_SCALED, APP_RECONFIGURED };
enum app_change app_compare(const struct app *old_app, const struct app *new_app);

bool pair_list_add(struct pair_list *list, const char *key, const char *value);
const char *pair_list_find(const struct pair_list *list, const char *key);
void pair_list_clear(struct pair_list *list);

const char *check_protocol_name(enum check_protocol protocol);
const char *constraint_operator_name(enum constraint_operator operator);
const char *port_protocol_name(enum port_protocol protocol);
