#include "app_fields.h"

#include "stadion/base/language.h"

#define SECONDS_MAX 1e9 /* about 30 years */
#define PORT_MAX 65535

static const struct field_name kill_selection_names[] = {
	{ "YOUNGEST_FIRST", KILL_YOUNGEST_FIRST }, { "OLDEST_FIRST", KILL_OLDEST_FIRST },
	{ "YoungestFirst", KILL_YOUNGEST_FIRST }, /* as Marathon's prose spells it */
	{ "OldestFirst", KILL_OLDEST_FIRST },	   { NULL, 0 },
};

const struct field_name port_protocol_names[] = {
	{ "tcp", PORT_TCP },	     { "udp", PORT_UDP }, { "udp,tcp", PORT_TCP_UDP },
	{ "tcp,udp", PORT_TCP_UDP }, { NULL, 0 },
};

const struct field_name check_protocol_names[] = {
	{ "HTTP", CHECK_HTTP },
	{ "HTTPS", CHECK_HTTPS },
	{ "TCP", CHECK_TCP },
	{ "COMMAND", CHECK_COMMAND },
	{ "MESOS_HTTP", CHECK_MESOS_HTTP },
	{ "MESOS_HTTPS", CHECK_MESOS_HTTPS },
	{ "MESOS_TCP", CHECK_MESOS_TCP },
	{ NULL, 0 },
};

const struct field_name constraint_operator_names[] = {
	{ "UNIQUE", CONSTRAINT_UNIQUE },
	{ "CLUSTER", CONSTRAINT_CLUSTER },
	{ "GROUP_BY", CONSTRAINT_GROUP_BY },
	{ "LIKE", CONSTRAINT_LIKE },
	{ "UNLIKE", CONSTRAINT_UNLIKE },
	{ "MAX_PER", CONSTRAINT_MAX_PER },
	{ "IS", CONSTRAINT_IS },
	{ NULL, 0 },
};

const struct field_name ip_protocol_names[] = {
	{ "IPv4", false },
	{ "IPv6", true },
	{ NULL, 0 },
};

const struct field_name network_mode_names[] = {
	{ "host", NETWORK_HOST },
	{ "container/bridge", NETWORK_BRIDGE },
	{ "container", NETWORK_CONTAINER },
	{ NULL, 0 },
};

const struct field_name legacy_network_names[] = {
	{ "HOST", NETWORK_HOST },
	{ "BRIDGE", NETWORK_BRIDGE },
	{ "USER", NETWORK_CONTAINER },
	{ NULL, 0 },
};

/* A row per kind of field, so that the tables read as tables. */
#define TEXT(of, member, json, when, initial)                            \
	{                                                                \
		.name = (json), .kind = FIELD_TEXT, .rule = (when),      \
		.offset = offsetof(struct of, member), .text = (initial) \
	}
#define LIST(of, member, json, type, when)                      \
	{                                                       \
		.name = (json), .kind = (type), .rule = (when), \
		.offset = offsetof(struct of, member)           \
	}
#define NUMBER(of, member, json, type, when, initial, least, most)                          \
	{                                                                                   \
		.name = (json), .kind = (type), .rule = (when),                             \
		.offset = offsetof(struct of, member), .normal = (initial), .min = (least), \
		.max = (most)                                                               \
	}
#define SCALED(of, member, json, initial, least, most, units)                               \
	{                                                                                   \
		.name = (json), .kind = FIELD_SCALED, .rule = FIELD_ALWAYS,                 \
		.offset = offsetof(struct of, member), .normal = (initial), .min = (least), \
		.max = (most), .scale = (units)                                             \
	}
#define NAMED(of, member, json, when, table, initial)                                        \
	{                                                                                    \
		.name = (json), .kind = FIELD_NAMED, .rule = (when),                         \
		.offset = offsetof(struct of, member), .normal = (initial), .names = (table) \
	}
#define FLAG(of, member, json, when)                                \
	{                                                           \
		.name = (json), .kind = FIELD_FLAG, .rule = (when), \
		.offset = offsetof(struct of, member)               \
	}

/* clang-format off */
static const struct field app_rows[] = {
	TEXT(app, cmd, "cmd", FIELD_WHEN_SET, NULL),
	LIST(app, args, "args", FIELD_TEXTS, FIELD_NOT_EMPTY),
	TEXT(app, user, "user", FIELD_WHEN_SET, NULL),
	TEXT(app, role, "role", FIELD_ALWAYS, "*"),
	TEXT(app, executor, "executor", FIELD_ALWAYS, ""),
	LIST(app, env, "env", FIELD_PAIRS, FIELD_NOT_EMPTY),
	LIST(app, labels, "labels", FIELD_PAIRS, FIELD_ALWAYS),
	NUMBER(app, instances, "instances", FIELD_INTEGER, FIELD_ALWAYS, 1, 0, 100000),
	SCALED(app, cpu_milli, "cpus", 1, 0.001, 4096, 1000),
	SCALED(app, mem_kib, "mem", 128, 0, 1e8, 1024),
	SCALED(app, disk_kib, "disk", 0, 0, 1e9, 1024),
	NUMBER(app, gpus, "gpus", FIELD_INTEGER, FIELD_ALWAYS, 0, 0, 1024),
	FLAG(app, require_ports, "requirePorts", FIELD_ALWAYS),
	LIST(app, accepted_roles, "acceptedResourceRoles", FIELD_TEXTS, FIELD_NOT_EMPTY),
	LIST(app, dependencies, "dependencies", FIELD_TEXTS, FIELD_NOT_EMPTY),
	NUMBER(app, backoff_ms, "backoffSeconds", FIELD_SECONDS, FIELD_ALWAYS, 1, 0, SECONDS_MAX),
	NUMBER(app, backoff_factor, "backoffFactor", FIELD_NUMBER, FIELD_ALWAYS, 1.15, 1, 1e6),
	NUMBER(app, max_launch_delay_ms, "maxLaunchDelaySeconds", FIELD_SECONDS, FIELD_ALWAYS, 300, 0, SECONDS_MAX),
	NUMBER(app, kill_grace_ms, "taskKillGracePeriodSeconds", FIELD_SECONDS, FIELD_WHEN_SET, -1, 0, SECONDS_MAX),
	NAMED(app, kill_selection, "killSelection", FIELD_ALWAYS, kill_selection_names, KILL_YOUNGEST_FIRST),
};

static const struct field upgrade_rows[] = {
	NUMBER(app, minimum_health_capacity, "minimumHealthCapacity", FIELD_NUMBER, FIELD_REQUIRED, 1, 0, 1),
	NUMBER(app, maximum_over_capacity, "maximumOverCapacity", FIELD_NUMBER, FIELD_REQUIRED, 1, 0, 1),
};

static const struct field unreachable_rows[] = {
	NUMBER(app, unreachable_inactive_ms, "inactiveAfterSeconds", FIELD_SECONDS, FIELD_ALWAYS, 0, 0, SECONDS_MAX),
	NUMBER(app, unreachable_expunge_ms, "expungeAfterSeconds", FIELD_SECONDS, FIELD_ALWAYS, 0, 0, SECONDS_MAX),
};

static const struct field docker_rows[] = {
	TEXT(app, image, "image", FIELD_REQUIRED, NULL),
	FLAG(app, force_pull, "forcePullImage", FIELD_ALWAYS),
};

static const struct field hidden_rows[] = {
	TEXT(app, id, "id", FIELD_APART, NULL),
	TEXT(app, network_name, "networks", FIELD_APART, NULL),
	NAMED(app, container, "container", FIELD_APART, NULL, CONTAINER_NONE),
	NAMED(app, network, "networks", FIELD_APART, NULL, NETWORK_HOST),
	FLAG(app, unreachable_disabled, "unreachableStrategy", FIELD_APART),
};

static const struct field mapping_rows[] = {
	NUMBER(app_port, container_port, "containerPort", FIELD_INTEGER, FIELD_ALWAYS, 0, 0, PORT_MAX),
	NUMBER(app_port, host_port, "hostPort", FIELD_INTEGER, FIELD_WHEN_SET, PORT_NONE, 0, PORT_MAX),
	NUMBER(app_port, service_port, "servicePort", FIELD_INTEGER, FIELD_ALWAYS, 0, 0, PORT_MAX),
	NAMED(app_port, protocol, "protocol", FIELD_ALWAYS, port_protocol_names, PORT_TCP),
	TEXT(app_port, name, "name", FIELD_WHEN_SET, NULL),
	LIST(app_port, labels, "labels", FIELD_PAIRS, FIELD_ALWAYS),
};

static const struct field definition_rows[] = {
	NUMBER(app_port, service_port, "port", FIELD_INTEGER, FIELD_ALWAYS, 0, 0, PORT_MAX),
	NAMED(app_port, protocol, "protocol", FIELD_ALWAYS, port_protocol_names, PORT_TCP),
	TEXT(app_port, name, "name", FIELD_WHEN_SET, NULL),
	LIST(app_port, labels, "labels", FIELD_PAIRS, FIELD_NOT_EMPTY),
};

static const struct field check_rows[] = {
	NAMED(health_check, protocol, "protocol", FIELD_ALWAYS, check_protocol_names, CHECK_HTTP),
	TEXT(health_check, path, "path", FIELD_WHEN_SET, NULL),
	TEXT(health_check, command, "command", FIELD_APART, NULL),
	NUMBER(health_check, port, "port", FIELD_INTEGER, FIELD_WHEN_SET, CHECK_PORT_UNSET, 0, PORT_MAX),
	NUMBER(health_check, port_index, "portIndex", FIELD_INTEGER, FIELD_WHEN_SET, CHECK_PORT_UNSET, 0, PORT_MAX),
	NUMBER(health_check, grace_ms, "gracePeriodSeconds", FIELD_SECONDS, FIELD_ALWAYS, 15, 0, SECONDS_MAX),
	NUMBER(health_check, interval_ms, "intervalSeconds", FIELD_SECONDS, FIELD_ALWAYS, 60, 0, SECONDS_MAX),
	NUMBER(health_check, timeout_ms, "timeoutSeconds", FIELD_SECONDS, FIELD_ALWAYS, 10, 0, SECONDS_MAX),
	NUMBER(health_check, delay_ms, "delaySeconds", FIELD_SECONDS, FIELD_ALWAYS, 15, 0, SECONDS_MAX),
	NUMBER(health_check, max_failures, "maxConsecutiveFailures", FIELD_INTEGER, FIELD_ALWAYS, 3, 0, 1e9),
	FLAG(health_check, ignore_http_1xx, "ignoreHttp1xx", FIELD_APART),
	FLAG(health_check, ipv6, "ipProtocol", FIELD_APART),
};
/* clang-format on */

#define TABLE(array)                                  \
	{                                             \
		.rows = (array), .count = ROWS(array) \
	}
const struct field_table app_fields = TABLE(app_rows);
const struct field_table upgrade_fields = TABLE(upgrade_rows);
const struct field_table unreachable_fields = TABLE(unreachable_rows);
const struct field_table docker_fields = TABLE(docker_rows);
const struct field_table hidden_fields = TABLE(hidden_rows);
const struct field_table mapping_fields = TABLE(mapping_rows);
const struct field_table definition_fields = TABLE(definition_rows);
const struct field_table check_fields = TABLE(check_rows);

const struct check_traits *check_traits(enum check_protocol protocol)
{
	static const struct check_traits traits[] = {
		[CHECK_HTTP] = { .port = true, .path = true, .http_1xx = true },
		[CHECK_HTTPS] = { .port = true, .path = true, .http_1xx = true },
		[CHECK_TCP] = { .port = true },
		[CHECK_COMMAND] = { .delay = true },
		[CHECK_MESOS_HTTP] = { .port = true, .path = true, .delay = true, .mesos = true },
		[CHECK_MESOS_HTTPS] = { .port = true, .path = true, .delay = true, .mesos = true },
		[CHECK_MESOS_TCP] = { .port = true, .delay = true, .mesos = true },
	};

	return &traits[protocol];
}
