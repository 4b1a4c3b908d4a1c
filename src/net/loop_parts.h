#pragma once

/* What the other files of this room see of the loop. */

#include <sys/queue.h>

#include "stadion/net/loop.h"

struct children; /* child.c: what was started here and is not reaped yet */

struct loop_signal;

struct loop {
	struct event_base *base;
	struct event *tick;
	uint64_t tick_due_ms, lag_ms;
	bool stopping;
	LIST_HEAD(, loop_signal) signals;
	struct children *children; /* NULL until the first child */
};

/* Kills and forgets what still runs; called by loop_free. NULL is fine. */
void children_free(struct children *children);

/* Milliseconds as libevent wants them, cut at a month. */
struct timeval loop_timeval(uint64_t ms);
