#pragma once

/* Child processes on the loop: started without a shell, output gathered up to a bound, ended by a
 * deadline with SIGKILL to the whole process group. SIGCHLD is handled here for the process; only
 * children started here are reaped. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stadion/base/error.h"
#include "stadion/net/loop.h"

struct child;

struct child_end {
	int exit_code; /* -1 when ended by a signal */
	int signal;    /* 0 when it exited by itself */
	bool timed_out;
	const char *output; /* stdout and stderr, at most output_max bytes; NUL-terminated */
	size_t output_len;
};
typedef void child_done_fn(const struct child_end *end, void *arg);

struct child_call {
	const char *const *argv;	/* argv[0] is a path */
	const char *const *environment; /* "K=V"; NULL: inherited */
	const char *directory;		/* NULL: inherited */
	uint64_t timeout_ms;		/* 0 is refused */
	size_t output_max;		/* 0: 4 KiB */
	uid_t user;
	gid_t group; /* used when `as_user` */
	bool as_user;
};

/* Slots as in http_client.h: ends once, *slot turns NULL before `done`. */
bool child_start(struct loop *loop, const struct child_call *call, child_done_fn *done, void *arg,
		 struct child **slot, struct error *error);
void child_cancel(struct child **slot); /* SIGKILL to its group, reaped in the background */
