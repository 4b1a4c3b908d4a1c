#pragma once

/* The shim's two halves: starting the process, and watching over it. */

#include "process_output.h"
#include "process_record.h"

#define SHIM_CLIENTS 4

struct shim_client {
	int fd; /* -1: free */
	char line[64];
	size_t len;
};

struct shim {
	int folder, sandbox, listener, signals;
	struct process_spec *spec;
	struct process_mark mark;
	struct process_output outputs[2];
	struct shim_client clients[SHIM_CLIENTS];
	uid_t user;
	gid_t group;
	uint64_t started_ms; /* monotonic */
	uint64_t kill_ms;    /* monotonic: when SIGKILL is due; 0: nobody asked to stop */
	bool ended;
	int status; /* as from waitpid */
};

/* Starts the process of its spec, in a session and process group of its own, and writes
 * process.json. */
bool shim_start(struct shim *shim, struct error *error);
/* Until the process has ended, its output is written and exit.json is there. */
void shim_watch(struct shim *shim);
