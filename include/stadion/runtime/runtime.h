#pragma once

/* One interface, two ways to run a task on this host: a container of the Docker Engine, or a
 * process. A unit is one attempt of one task in a runtime's hands: from launch or adoption until it
 * is removed or released. What ended stays (container, exit status, output) until runtime_remove.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/model/app.h"
#include "stadion/net/loop.h"

struct runtime;
struct runtime_unit;

enum runtime_event {
	RUNTIME_PULLING,    /* text, bytes_done, bytes_total: how far; comes several times */
	RUNTIME_STARTING,   /* image present; being created or about to run */
	RUNTIME_RUNNING,    /* handle, address, started_ms are known */
	RUNTIME_ENDED,	    /* it ran and is over: exit_code, signal, out_of_memory, ran_ms, text */
	RUNTIME_PORT_TAKEN, /* `port` is held by somebody else: nothing ran, the unit is spent,
			       launch again with another port. No fault of the app. */
	RUNTIME_FAILED, /* never ran: error says why in the engine's own words; the unit is spent */
};

struct runtime_report {
	enum runtime_event event;
	const char *handle;  /* container id, or "pid:N" */
	const char *address; /* of the container on its network; "" for the host's own */
	int64_t started_ms;  /* wall */
	uint64_t ran_ms;
	int exit_code; /* -1: not known, or by a signal */
	int signal;
	bool out_of_memory;
	bool infrastructure; /* FAILED, ENDED: not the app's fault (engine unreachable, host
				rebooted) */
	int32_t port;
	uint64_t bytes_done, bytes_total;
	const char *text; /* for people; never NULL */
	struct error error;
};

/* From the loop, never from inside launch, adopt or stop. In it, runtime_remove and
 * runtime_release of this unit are allowed. */
typedef void runtime_report_fn(struct runtime_unit *unit, const struct runtime_report *report,
			       void *arg);

struct runtime_launch {
	const char *task_id;
	uint32_t attempt;
	const struct app *app; /* the unit takes a reference of its own */
	const int32_t *ports;  /* host port per row of app->ports; PORT_NONE: none. Copied */
	const struct pair_list *environment; /* complete, user's included. Copied */
};

/* Never blocks; problems come as reports. NULL only without memory. */
struct runtime_unit *runtime_start(struct runtime *runtime, const struct runtime_launch *launch,
				   runtime_report_fn *report, void *arg);

/* Something of ours that was found on the host: by label, or by shim folder. Strings live during
 * the callback. */
struct runtime_found {
	const char *task_id, *app_id, *handle;
	uint32_t attempt;
	int64_t version_ms;
	const int32_t *ports; /* as labelled at creation */
	size_t port_count;
	bool running; /* else created or ended: adopting it reports which */
	int64_t started_ms;
};
typedef void runtime_found_fn(const struct runtime_found *found, void *arg);
/* `error` NULL: the list was complete. Otherwise nothing may be concluded from it. */
typedef void runtime_survey_fn(const struct error *error, void *arg);

/* Lists what carries our labels and this host's id. One at a time; ERROR_CONFLICT otherwise. */
bool runtime_survey(struct runtime *runtime, runtime_found_fn *found, runtime_survey_fn *done,
		    void *arg, struct error *error);

/* Takes up the unit of launch->task_id that survey found or that an earlier process started,
 * without touching it. Reports RUNNING or ENDED as it stands; FAILED with ERROR_NOT_FOUND if it is
 * really not there. environment may be NULL. */
struct runtime_unit *runtime_adopt(struct runtime *runtime, const struct runtime_launch *launch,
				   runtime_report_fn *report, void *arg);

/* SIGTERM (or the image's stop signal), after grace_ms SIGKILL; retried until seen. ENDED follows;
 * a unit that was still pulling or starting is called off and reports ENDED with exit_code -1. */
void runtime_stop(struct runtime_unit *unit, uint64_t grace_ms);

/* Frees the unit and removes what is left of it (container, shim folder), in the background and
 * retried; whatever still runs is killed. A sandbox with output files stays. */
void runtime_remove(struct runtime_unit *unit);
/* Frees the unit and touches nothing: for our own exit. NULL is fine. */
void runtime_release(struct runtime_unit *unit);

/* Runs `command` by /bin/sh -c where the unit runs, with its environment (COMMAND checks). Slot as
 * in http_client.h. exit_code -1 and an error if it passed timeout_ms and was killed
 * (ERROR_TIMEOUT), or could not be run; ERROR_UNAVAILABLE is the runtime's fault and says nothing
 * of the command. */
struct runtime_exec;
struct runtime_exec_end {
	int exit_code;
	const char *output; /* the head of it, NUL-terminated */
	struct error error;
};
typedef void runtime_exec_fn(const struct runtime_exec_end *end, void *arg);
bool runtime_exec_start(struct runtime_unit *unit, const char *command, uint64_t timeout_ms,
			runtime_exec_fn *done, void *arg, struct runtime_exec **slot,
			struct error *error);
void runtime_exec_cancel(struct runtime_exec **slot);

/* Whether the runtime can work: an engine that does not answer is a condition of the host, not
 * the death of its containers. */
struct runtime_condition {
	bool ready;
	int64_t since_ms; /* wall; of the last change */
	char text[256];	  /* "Docker 20.10.24", or what is wrong */
};
void runtime_condition(const struct runtime *runtime, struct runtime_condition *out);
void runtime_on_condition(struct runtime *runtime, void (*changed)(void *arg), void *arg);

void runtime_free(struct runtime *runtime); /* touches nothing that runs; units must be gone */

/* The two of them. */
struct docker_runtime_options {
	const char *socket;	/* "/var/run/docker.sock" */
	const char *host_id;	/* goes into labels; only containers with it are ours */
	const char *cluster;	/* goes into labels; may be "" until docker_runtime_set_cluster */
	uint64_t pull_stall_ms; /* a pull without progress for so long is given up; 0: 60 s */
};
struct runtime *docker_runtime_new(struct loop *loop, const struct docker_runtime_options *options,
				   struct error *error);
void docker_runtime_set_cluster(struct runtime *runtime, const char *cluster);

struct process_runtime_options {
	const char *directory; /* sandboxes and shim folders live below it; 0700 */
	const char *program;   /* our own binary, run as `program shim ...` */
};
struct runtime *process_runtime_new(struct loop *loop,
				    const struct process_runtime_options *options,
				    struct error *error);
/* `stadion shim`: owns one process, its output files and its exit status. Returns the exit status
 * of the shim itself. */
int process_shim_main(int argc, char **argv);
