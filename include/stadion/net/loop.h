#pragma once

/* The event loop of the process and its timers. One loop, one thread; nothing blocks on it. */

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "stadion/base/error.h"

struct loop;

struct loop *loop_new(struct error *error); /* ignores SIGPIPE for the process */
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
bool loop_run(struct loop *loop, struct error *error); /* until loop_stop */
void loop_stop(struct loop *loop);

/* The monotonic time at which the loop last woke, in ms: the `now` to hand to pure code. */
uint64_t loop_now_ms(struct loop *loop);
/* How late the loop's own once-a-second tick came last time, in ms. A process that was stopped
 * (SIGSTOP, a sleeping laptop) or starved sees it here. */
uint64_t loop_lag_ms(struct loop *loop);

typedef void timer_fn(void *arg);

struct timer { /* in its owner's memory; must not move while it is initialised */
	struct event *event;
	timer_fn *fn;
	void *arg;
};

bool timer_init(struct timer *timer, struct loop *loop, timer_fn *fn, void *arg,
		struct error *error);
void timer_start(struct timer *timer, uint64_t after_ms); /* once; starting again moves it */
void timer_cancel(struct timer *timer);
bool timer_pending(const struct timer *timer);
void timer_clear(struct timer *timer); /* cancels and releases; fine on a zeroed one */

typedef void loop_signal_fn(int number, void *arg);
/* Calls fn on the loop for each delivery of signal `number`, until loop_free. */
bool loop_on_signal(struct loop *loop, int number, loop_signal_fn *fn, void *arg,
		    struct error *error);
