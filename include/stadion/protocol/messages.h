#pragma once

/* The messages between an agent and its coordinator: src/protocol/README.md has the rules and a
 * drawing. All are JSON bodies of POSTs by the agent with its bearer token; unknown members are
 * ignored; PROTOCOL_VERSION differs by more than one: refused with a reason (409). */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/base/text.h"
#include "stadion/model/app.h"
#include "stadion/model/task.h"

#define PROTOCOL_VERSION 1
#define PROTOCOL_PATH_HELLO "/agent/v1/hello"
#define PROTOCOL_PATH_REPORT "/agent/v1/report"
#define PROTOCOL_PATH_WANTED "/agent/v1/wanted"
#define PROTOCOL_WAIT_MS 10000 /* the longest that a `wanted` is held open */
#define PROTOCOL_BODY_MAX (8U << 20)

/* Who an agent is and what its host has. Opens a session. */
struct hello {
	int protocol;
	char *host_id;
	char *incarnation; /* random, one per process */
	char *boot_id;
	char *cluster;	/* the one this agent belongs to; "" before the first welcome */
	uint64_t epoch; /* highest seen */
	char *hostname; /* what constraints and links see */
	uint16_t port_low, port_high;
	int64_t cpu_milli, mem_kib, disk_kib;
	struct pair_list attributes;
	char *engine;  /* "Docker 20.10.24"; "" while it does not answer */
	char *version; /* of the agent */
};
/* The answer; a refusal is a 4xx with {"message"}. */
struct welcome {
	int protocol;
	char *cluster;
	uint64_t epoch;
	char *session; /* goes into every later message; an unknown one gets 410: say hello again */
};

/* What the agent knows: differences, or everything when `complete` (first thing in a session,
 * and whenever in doubt). Answered only when it is committed. */
struct report {
	char *session;
	bool complete;
	struct task_status *tasks;
	size_t task_count;
	int64_t engine_down_since_ms; /* wall; 0: it answers */
	char engine_problem[256];
};
struct receipt {
	uint64_t epoch;
	struct {
		char *task_id;
		uint64_t seq;
	} * acks; /* committed up to this seq */
	size_t ack_count;
};

/* What the coordinator wants on this host: always the full set. */
struct ask {
	char *session;
	uint64_t revision; /* the one the agent has; 0: none */
	uint64_t wait_ms;  /* how long to hold the request while nothing changes */
};
struct wanted_task {
	char *task_id;
	struct app *app; /* one reference; tasks of one version share it */
	int32_t *ports;	 /* proposed host ports, one per row of app->ports; PORT_NONE: none */
	size_t port_count;
	uint64_t seen; /* highest seq of it that is committed; above 0 and unknown to the agent: it
			  ran here and is lost, it must not be started again */
};
struct wanted {
	uint64_t epoch;
	uint64_t revision;
	bool unchanged; /* nothing new since the asked revision; the lists are empty then */
	struct wanted_task *tasks;
	size_t task_count;
};

void hello_clear(struct hello *message);
void welcome_clear(struct welcome *message);
void report_clear(struct report *message);
void receipt_clear(struct receipt *message);
void ask_clear(struct ask *message);
void wanted_clear(struct wanted *message);

/* Writers append one JSON object; what failed shows in out->failed. */
void hello_write(struct text *out, const struct hello *message);
void welcome_write(struct text *out, const struct welcome *message);
void report_write(struct text *out, const struct report *message);
void receipt_write(struct text *out, const struct receipt *message);
void ask_write(struct text *out, const struct ask *message);
void wanted_write(struct text *out, const struct wanted *message); /* each distinct app once */

/* Readers take whole bodies, check every member (the peer may be hostile), and leave *out cleared
 * and *error set on failure. */
bool hello_read(const char *body, size_t len, struct hello *out, struct error *error);
bool welcome_read(const char *body, size_t len, struct welcome *out, struct error *error);
bool report_read(const char *body, size_t len, struct report *out, struct error *error);
bool receipt_read(const char *body, size_t len, struct receipt *out, struct error *error);
bool ask_read(const char *body, size_t len, struct ask *out, struct error *error);
bool wanted_read(const char *body, size_t len, struct wanted *out, struct error *error);

/* One status alone, as journals and stores keep it. */
void task_status_write(struct text *out, const struct task_status *status);
bool task_status_read(struct json_object *object, struct task_status *out, struct error *error);
