#pragma once

/* What the difference between one task as wanted and as known asks for. Pure; asked again for
 * every task after each wanted list, each complete list of a runtime, and each acknowledgement.
 * Source: protocol rules I1 (level-triggered), I3 (an ended task never starts again), I12. */

#include <stdbool.h>
#include <stdint.h>

struct reconcile_known {
	bool terminal; /* it has ended */
	bool acked;    /* and the coordinator has committed what we said last */
	bool waiting;  /* intended before this process started; nothing of it exists */
	bool defined;  /* its app is known */
};

struct reconcile_wanted {
	uint64_t seen; /* highest seq of it that the coordinator has committed */
	bool surveyed; /* the runtime it belongs to has listed everything it has */
};

enum reconcile_action {
	RECONCILE_KEEP,
	RECONCILE_START,
	RECONCILE_RESUME, /* a waiting one */
	RECONCILE_DEFINE, /* take its app from the wanted list */
	RECONCILE_LOST,	  /* it ran here once and nothing is left: report its end */
	RECONCILE_STOP,
	RECONCILE_FORGET,
};

/* NULL: not known, or not wanted; never both. */
enum reconcile_action reconcile_task(const struct reconcile_known *known,
				     const struct reconcile_wanted *wanted);
