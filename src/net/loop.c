#include "stadion/net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "loop_parts.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"

#define TICK_MS 1000
#define LONGEST_MS (31ULL * 24 * 3600 * 1000)

struct loop_signal {
	LIST_ENTRY(loop_signal) link;
	struct event *event;
	loop_signal_fn *fn;
	void *arg;
};

DEFINE_AUTOPTR(loop, loop_free)

struct timeval loop_timeval(uint64_t ms)
{
	if (ms > LONGEST_MS)
		ms = LONGEST_MS;
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
				 .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t now = clock_monotonic_ms();

	(void)fd;
	(void)what;
	loop->lag_ms = now > loop->tick_due_ms ? now - loop->tick_due_ms : 0;
	loop->tick_due_ms = now + TICK_MS;
}

/* One thread, so no locks; precise, because the coarse clock lets timers fire up to 4 ms early;
 * uncached, because a timer that is started late in a long callback counts from then. */
static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config &&
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER |
						  EVENT_BASE_FLAG_NO_CACHE_TIME) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

struct loop *loop_new(struct error *error)
{
	autoptr(loop) loop = calloc(1, sizeof(*loop));
	struct timeval second = loop_timeval(TICK_MS);

	if (!loop) {
		(void)error_set(error, ERROR_NOMEM, "starting the event loop");
		return NULL;
	}
	LIST_INIT(&loop->signals);
	(void)signal(SIGPIPE, SIG_IGN); /* a peer that left is an errno, not an end */
	loop->base = base_new();
	if (!loop->base) {
		(void)error_set_errno(error, ERROR_INTERNAL, errno, "starting the event loop");
		return NULL;
	}
	loop->tick_due_ms = clock_monotonic_ms() + TICK_MS;
	loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
	if (!loop->tick || event_add(loop->tick, &second) < 0) {
		(void)error_set(error, ERROR_NOMEM, "starting the event loop");
		return NULL;
	}
	return TAKE(loop);
}

void loop_free(struct loop *loop)
{
	struct loop_signal *entry;

	if (!loop)
		return;
	children_free(loop->children);
	while ((entry = LIST_FIRST(&loop->signals))) {
		LIST_REMOVE(entry, link);
		event_free(entry->event);
		free(entry);
	}
	if (loop->tick)
		event_free(loop->tick);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

bool loop_run(struct loop *loop, struct error *error)
{
	while (!loop->stopping)
		if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			return error_set_errno(error, ERROR_INTERNAL, errno,
					       "running the event loop");
	loop->stopping = false;
	return true;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
	(void)event_base_loopbreak(loop->base); /* fails without a base only */
}

uint64_t loop_now_ms(struct loop *loop)
{
	(void)loop; /* libevent 2.1 has no hook at waking; the vDSO clock costs 30 ns */
	return clock_monotonic_ms();
}

uint64_t loop_lag_ms(struct loop *loop)
{
	return loop->lag_ms;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->arg);
}

bool timer_init(struct timer *timer, struct loop *loop, timer_fn *fn, void *arg,
		struct error *error)
{
	*timer = (struct timer){ .fn = fn, .arg = arg };
	timer->event = event_new(loop->base, -1, 0, on_timer, timer);
	if (!timer->event)
		return error_set(error, ERROR_NOMEM, "making a timer");
	return true;
}

void timer_start(struct timer *timer, uint64_t after_ms)
{
	struct timeval after = loop_timeval(after_ms);

	if (event_add(timer->event, &after) < 0) /* out of memory: no way to go on in order */
		abort();
}

void timer_cancel(struct timer *timer)
{
	if (timer->event)
		(void)event_del(timer->event);
}

bool timer_pending(const struct timer *timer)
{
	return timer->event && event_pending(timer->event, EV_TIMEOUT, NULL);
}

void timer_clear(struct timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	*timer = (struct timer){ 0 };
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct loop_signal *entry = arg;

	(void)what;
	entry->fn(number, entry->arg);
}

bool loop_on_signal(struct loop *loop, int number, loop_signal_fn *fn, void *arg,
		    struct error *error)
{
	struct loop_signal *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return error_set(error, ERROR_NOMEM, "watching signal %d", number);
	entry->fn = fn;
	entry->arg = arg;
	entry->event = evsignal_new(loop->base, number, on_signal, entry);
	if (!entry->event || event_add(entry->event, NULL) < 0) {
		if (entry->event)
			event_free(entry->event);
		free(entry);
		return error_set(error, ERROR_INVALID, "signal %d cannot be watched", number);
	}
	LIST_INSERT_HEAD(&loop->signals, entry, link);
	return true;
}
