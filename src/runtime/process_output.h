#pragma once

/* One output file of a process: what comes through a pipe is appended, and past OUTPUT_MAX the file
 * becomes `<name>.1`. Written by the shim, so that no line depends on the agent. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define OUTPUT_MAX (10U << 20)

struct process_output {
	int pipe;    /* reading end; -1: ended */
	int sandbox; /* open directory, not ours */
	int file;
	const char *name; /* "stdout" */
	uint64_t size;
	uid_t user;
	gid_t group;
};

bool process_output_open(struct process_output *output); /* errno on failure */
/* Takes what is there; false when nothing is left to take now. */
bool process_output_take(struct process_output *output);
void process_output_close(struct process_output *output);
