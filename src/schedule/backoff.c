#include "stadion/schedule/backoff.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct backoff backoff_after_end(struct backoff last, const struct backoff_policy *policy,
				 uint64_t ran_well_ms, uint64_t now_ms)
{
	double grown;

	if (ran_well_ms >= BACKOFF_WELL_MS)
		return (struct backoff){ 0 };
	last = backoff_expire(last, policy, now_ms);
	if (last.delay_ms == 0) {
		last.delay_ms = least(policy->first_ms, policy->max_ms);
	} else {
		grown = (double)last.delay_ms * policy->factor;
		last.delay_ms =
			grown < (double)policy->max_ms ? (int64_t)(grown + 0.5) : policy->max_ms;
	}
	last.until_ms = now_ms + (uint64_t)last.delay_ms;
	last.reference_ms = now_ms;
	return last;
}

struct backoff backoff_after_progress(struct backoff last, uint64_t now_ms)
{
	if (last.delay_ms == 0)
		return last;
	last.until_ms = now_ms + (uint64_t)last.delay_ms;
	last.reference_ms = now_ms;
	return last;
}

struct backoff backoff_expire(struct backoff last, const struct backoff_policy *policy,
			      uint64_t now_ms)
{
	if (last.delay_ms > 0 && now_ms > last.reference_ms &&
	    now_ms - last.reference_ms > (uint64_t)policy->max_ms)
		return (struct backoff){ 0 };
	return last;
}

uint64_t backoff_left_ms(struct backoff backoff, uint64_t now_ms)
{
	if (backoff.delay_ms == 0 || now_ms >= backoff.until_ms)
		return 0;
	return backoff.until_ms - now_ms;
}
