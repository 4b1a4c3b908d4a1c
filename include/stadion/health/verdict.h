#pragma once

/* What the result of one health check means for the task: pure counting. Source: app
 * specification, "Counting" and "When it kills", with these choices: exactly `max_failures` in a
 * row kill, 0 never kills, and a failure that grace forgives leaves no record at all. */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/model/task.h"

enum probe_result {
	PROBE_PASSED,
	PROBE_FAILED,
	PROBE_UNDECIDED, /* says nothing of the task: a 1xx to ignore, our own lag, engine away */
};

struct probe_outcome {
	enum probe_result result;
	char cause[160]; /* FAILED, UNDECIDED: why, in words */
};

struct verdict_policy {
	uint64_t grace_ms;
	int32_t max_failures;
};

struct verdict {
	struct check_result result;
	bool flipped; /* known or alive is not what it was */
	bool counted; /* a failure that counts */
	bool kill;
};

/* `age_ms`: since the task runs; `wall_ms`: now, for the record's times only. */
struct verdict verdict_next(const struct check_result *last, const struct verdict_policy *policy,
			    uint64_t age_ms, const struct probe_outcome *outcome, int64_t wall_ms);
