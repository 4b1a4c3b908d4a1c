#include "schedule.h"

static uint64_t interval_ms(const struct health_check *check)
{
	/* An interval of 0 is allowed in an app and must not spin here. */
	return check->interval_ms < PROBE_FAST_MS ? PROBE_FAST_MS : (uint64_t)check->interval_ms;
}

uint64_t probe_period_ms(const struct health_check *check, bool known, uint64_t age_ms)
{
	/* Fast only where failures are forgiven: past grace each one counts, and the user's
	 * interval says how long a row of them lasts. */
	if (!known && age_ms < (uint64_t)check->grace_ms)
		return PROBE_FAST_MS;
	return interval_ms(check);
}

uint64_t probe_first_ms(const struct health_check *check, bool known, bool adopted, uint64_t age_ms,
			uint32_t random)
{
	const uint64_t without_grace_ms = 5000; /* Marathon's first tick: min(interval, 5 s) */
	uint64_t period_ms = probe_period_ms(check, known, age_ms);

	if (adopted)
		return random % period_ms;
	if (check->grace_ms > 0)
		return PROBE_FIRST_MS;
	return period_ms < without_grace_ms ? period_ms : without_grace_ms;
}

static bool late(uint64_t when_ms, uint64_t due_ms)
{
	return when_ms > due_ms && when_ms - due_ms > PROBE_LAG_MAX_MS;
}

bool probe_lagged(const struct probe_timing *timing)
{
	return late(timing->started_ms, timing->planned_ms) ||
	       late(timing->ended_ms, timing->started_ms + timing->timeout_ms) ||
	       timing->loop_lag_ms > PROBE_LAG_MAX_MS;
}
