#pragma once

/* What is known about one run of an app: its state and how its checks stand. The agent writes it,
 * the coordinator keeps it; `seq` orders what the agent says of one task. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/model/app.h"

/* Marathon's names are these with TASK_ in capitals: task_state_name(). */
enum task_state {
	TASK_STAGING,
	TASK_STARTING,
	TASK_RUNNING,
	TASK_KILLING,
	TASK_FINISHED, /* the rest is terminal, but for TASK_UNREACHABLE */
	TASK_FAILED,
	TASK_KILLED,
	TASK_ERROR,
	TASK_LOST,
	TASK_GONE,
	TASK_DROPPED,
	TASK_UNKNOWN,
	TASK_UNREACHABLE, /* the coordinator's opinion, never said by an agent */
};

const char *task_state_name(enum task_state state); /* "TASK_RUNNING" */
bool task_state_parse(const char *name, enum task_state *out);
bool task_state_terminal(enum task_state state);

struct check_result { /* how one health check of one task stands */
	bool known;   /* a result that counts has come: only then it is shown */
	bool alive;
	int32_t consecutive_failures;
	int64_t first_success_ms, last_success_ms, last_failure_ms; /* wall; 0: never */
	char cause[160];					    /* of the last failure */
};

struct task_status {
	char *task_id;
	uint64_t seq;	  /* rises with each change; 0: the agent has not spoken yet */
	uint32_t attempt; /* in-place restarts under the same id, from 1 */
	enum task_state state;
	int64_t at_ms;	    /* wall clock of the agent when `state` was entered */
	int64_t started_ms; /* wall; first TASK_RUNNING; 0: never */
	uint64_t ran_ms;    /* of a terminal one: how long it ran, by a clock that does not jump */
	bool ran_healthy;   /* of a terminal one: it was healthy, or had no checks, when it ended */
	int32_t *ports;	    /* host ports as taken, one per row of app->ports; PORT_NONE: none */
	size_t port_count;
	char address[46];      /* of the container; "" : none */
	char container_id[72]; /* or "pid:N" of a process */
	char message[512];     /* for people: the engine's own words where it has some */
	int32_t exit_code;     /* of a terminal one; -1: not known or by signal */
	int32_t signal;	       /* 0: none */
	bool out_of_memory;
	bool killed_unhealthy; /* ended because its health check said so */
	bool infrastructure; /* ended for a fault that is not the app's: engine gone, host rebooted
			      */
	struct check_result *checks; /* one per row of app->checks */
	size_t check_count;
};

void task_status_clear(struct task_status *status);
bool task_status_copy(struct task_status *out, const struct task_status *from); /* deep */

/* Aggregate over the checks (Marathon, health aggregate). */
enum task_health {
	TASK_HEALTH_NONE /* no checks */,
	TASK_HEALTH_UNKNOWN,
	TASK_HEALTHY,
	TASK_UNHEALTHY
};
enum task_health task_health(const struct task_status *status);

/* "<safe app id>.instance-<uuid>._app.1", malloc'ed. */
char *task_id_new(const char *app_id);
/* "<safe app id>.instance-<uuid>": the part before "._app."; false if it has not that form. */
bool task_id_instance(const char *task_id, char *out, size_t size);
bool task_id_valid(const char *task_id); /* characters and form; what may name a container */
