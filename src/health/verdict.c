#include "stadion/health/verdict.h"

#include "stadion/base/text.h"

static struct verdict passed(const struct check_result *last, int64_t wall_ms)
{
	struct verdict verdict = { .result = *last };
	struct check_result *result = &verdict.result;

	verdict.flipped = !last->known || !last->alive;
	result->known = true;
	result->alive = true;
	result->consecutive_failures = 0;
	if (!result->first_success_ms)
		result->first_success_ms = wall_ms;
	result->last_success_ms = wall_ms;
	return verdict;
}

static struct verdict failed(const struct check_result *last, const struct verdict_policy *policy,
			     const char *cause, int64_t wall_ms)
{
	struct verdict verdict = { .result = *last, .counted = true };
	struct check_result *result = &verdict.result;

	verdict.flipped = !last->known || last->alive;
	result->known = true;
	result->alive = false;
	if (result->consecutive_failures < INT32_MAX)
		result->consecutive_failures++;
	result->last_failure_ms = wall_ms;
	(void)text_copy(result->cause, sizeof(result->cause), cause); /* cut is fine */
	verdict.kill =
		policy->max_failures > 0 && result->consecutive_failures >= policy->max_failures;
	return verdict;
}

struct verdict verdict_next(const struct check_result *last, const struct verdict_policy *policy,
			    uint64_t age_ms, const struct probe_outcome *outcome, int64_t wall_ms)
{
	if (outcome->result == PROBE_PASSED)
		return passed(last, wall_ms);
	if (outcome->result == PROBE_UNDECIDED)
		return (struct verdict){ .result = *last };
	/* Grace is over with the first success, however young the task; and once a failure was
	 * counted, the clock that said so does not take it back. */
	if (!last->known && age_ms < policy->grace_ms)
		return (struct verdict){ .result = *last };
	return failed(last, policy, outcome->cause, wall_ms);
}
