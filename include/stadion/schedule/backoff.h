#pragma once

/* Launch backoff of one app configuration (Marathon's, with one deliberate difference: what had
 * run well for BACKOFF_WELL_MS is replaced at once). Pure; times are monotonic milliseconds. */

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_WELL_MS 10000

struct backoff {
	int64_t delay_ms;      /* 0: no entry */
	uint64_t until_ms;     /* earliest next launch */
	uint64_t reference_ms; /* of the last change, for expiry */
};

struct backoff_policy { /* from the app */
	int64_t first_ms, max_ms;
	double factor;
};

/* A task ended by itself (Failed, Error, Finished, Dropped, Gone). `ran_well_ms`: how long it ran,
 * 0 if it was not healthy at the end. */
struct backoff backoff_after_end(struct backoff last, const struct backoff_policy *policy,
				 uint64_t ran_well_ms, uint64_t now_ms);
/* A task moved towards running: with an entry, the next launch waits a delay from now. */
struct backoff backoff_after_progress(struct backoff last, uint64_t now_ms);
/* The entry, or none once it is older than policy->max_ms. */
struct backoff backoff_expire(struct backoff last, const struct backoff_policy *policy,
			      uint64_t now_ms);
uint64_t backoff_left_ms(struct backoff backoff, uint64_t now_ms); /* 0: may launch */
