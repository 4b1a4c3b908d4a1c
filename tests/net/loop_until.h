#pragma once

/* Runs a loop until a condition holds; the test's own timeout is the limit. The timer wakes the
 * loop for conditions that no event tells. */

#include <check.h>
#include <event2/event.h>

#include "stadion/net/loop.h"

static inline void loop_until_step(struct loop *loop)
{
	static const struct timeval step = { .tv_usec = 2000 };

	ck_assert_int_eq(event_base_loopexit(loop_base(loop), &step), 0);
	ck_assert_int_ge(event_base_loop(loop_base(loop), EVLOOP_ONCE), 0);
}

#define UNTIL(loop, condition)                 \
	do {                                   \
		while (!(condition))           \
			loop_until_step(loop); \
	} while (0)
