#pragma once

/* When the next probe of a check is due. Pure; monotonic milliseconds. */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/model/app.h"

#define PROBE_FIRST_MS 100   /* after the task runs, if grace forgives a failure */
#define PROBE_FAST_MS 1000   /* from probe to probe until the first success, within grace */
#define PROBE_LAG_MAX_MS 500 /* later than that by our own fault: the result does not count */

/* From one probe's start to the next one's. */
uint64_t probe_period_ms(const struct health_check *check, bool known, uint64_t age_ms);

/* Delay of a task's first probe. An adopted task's is spread over one period by `random`, so that
 * a restart of the agent is no herd of probes. */
uint64_t probe_first_ms(const struct health_check *check, bool known, bool adopted, uint64_t age_ms,
			uint32_t random);

/* Whether a failure that came at `now_ms` may be our own lateness: the probe began late, its end
 * was noticed late, or the loop as a whole runs late. */
struct probe_timing {
	uint64_t planned_ms, started_ms, ended_ms;
	uint64_t timeout_ms;
	uint64_t loop_lag_ms;
};
bool probe_lagged(const struct probe_timing *timing);
