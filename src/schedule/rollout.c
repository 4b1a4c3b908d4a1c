#include "stadion/schedule/rollout.h"

#include <math.h>

/* Marathon's arithmetic, asked anew after each change instead of remembered:
 *
 *	min_good   = ceil(n * minimumHealthCapacity)
 *	max_places = floor(n * (1 + maximumOverCapacity)), one more when both are equal and
 *	             everything is good: else nothing could ever move
 *
 *	places taken = old and current ones that are not gone, those being stopped included
 *	good         = wanted, running and healthy ones, old or current
 *
 * Old ones may go as far as `good` stays at min_good; current ones may start as far as there are
 * places. Where this leaves a standstill, an old one that is not good goes: it does not count.
 * Instances of lost hosts take no place and are waited for by nobody. */

#define SLACK 1e-9 /* 10 * (1 + 0.2) must be 12 whatever the binary fraction */

struct census {
	size_t current, current_good; /* wanted ones of the wanted configuration */
	size_t old, old_good;	      /* outdated, not yet told to stop */
	size_t stopping, places;      /* still there; all that are still there */
};

static struct census count_all(const struct rollout_instance *instances, size_t count)
{
	struct census census = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct rollout_instance *instance = &instances[i];

		if (instance->unreachable)
			continue;
		census.places++;
		if (instance->stopping) {
			census.stopping++;
		} else if (instance->current) {
			census.current++;
			census.current_good += instance->good;
		} else {
			census.old++;
			census.old_good += instance->good;
		}
	}
	return census;
}

/* Lower goes first: what was named, what does not run yet, what runs badly, the rest. */
static int rank(const struct rollout_instance *instance)
{
	if (instance->victim)
		return 0;
	if (!instance->running)
		return 1;
	return instance->good ? 3 : 2;
}

static bool goes_before(const struct rollout_goal *goal, const struct rollout_instance *a,
			const struct rollout_instance *b)
{
	if (rank(a) != rank(b))
		return rank(a) < rank(b);
	if (goal->kill_selection == KILL_OLDEST_FIRST)
		return a->since_ms < b->since_ms;
	return a->since_ms > b->since_ms;
}

/* Marks up to `wanted` of the instances of one kind, in their order. */
static size_t stop_some(const struct rollout_goal *goal, const struct rollout_instance *instances,
			size_t count, bool current, size_t wanted, bool *stops)
{
	size_t stopped = 0;

	while (stopped < wanted) {
		size_t best = count;

		for (size_t i = 0; i < count; i++) {
			const struct rollout_instance *instance = &instances[i];

			if (stops[i] || instance->stopping || instance->unreachable ||
			    instance->current != current)
				continue;
			if (best == count || goes_before(goal, instance, &instances[best]))
				best = i;
		}
		if (best == count)
			break;
		stops[best] = true;
		stopped++;
	}
	return stopped;
}

/* What is lost on unreachable hosts is not to come back: outdated ones, or all when none are
 * wanted. */
static size_t stop_lost(const struct rollout_goal *goal, const struct rollout_instance *instances,
			size_t count, bool *stops)
{
	size_t stopped = 0;

	for (size_t i = 0; i < count; i++) {
		const struct rollout_instance *instance = &instances[i];

		stops[i] = instance->unreachable && !instance->stopping &&
			   (!instance->current || goal->instances <= 0);
		stopped += stops[i];
	}
	return stopped;
}

static size_t old_to_stop(const struct census *census, size_t wanted, size_t min_good)
{
	size_t good = census->current_good + census->old_good;
	size_t bad = census->old - census->old_good;
	size_t stop = 0;

	if (census->current_good >= wanted)
		return census->old;
	if (good > min_good) /* those that are not good go first and cost nothing */
		stop = bad + good - min_good;
	if (census->old > wanted && stop < census->old - wanted)
		stop = census->old - wanted;
	return stop < census->old ? stop : census->old;
}

struct rollout_step rollout_next(const struct rollout_goal *goal,
				 const struct rollout_instance *instances, size_t count,
				 bool *stops)
{
	const size_t wanted = goal->instances > 0 ? (size_t)goal->instances : 0;
	const size_t min_good =
		(size_t)ceil((double)wanted * goal->minimum_health_capacity - SLACK);
	size_t max_places =
		(size_t)floor((double)wanted * (1 + goal->maximum_over_capacity) + SLACK);
	struct census census = count_all(instances, count);
	struct rollout_step step = { .stop_count = stop_lost(goal, instances, count, stops) };
	size_t old_stops = old_to_stop(&census, wanted, min_good);

	if (census.old > 0 && min_good == max_places &&
	    census.current_good + census.old_good >= min_good)
		max_places++;
	if (census.current < wanted && census.places < max_places) {
		step.start = wanted - census.current;
		if (step.start > max_places - census.places)
			step.start = max_places - census.places;
	}
	if (old_stops == 0 && step.start == 0 && census.stopping == 0 &&
	    census.current == census.current_good && census.old > census.old_good)
		old_stops = 1;
	step.stop_count += stop_some(goal, instances, count, false, old_stops, stops);
	if (census.current > wanted)
		step.stop_count +=
			stop_some(goal, instances, count, true, census.current - wanted, stops);
	step.done = step.start == 0 && step.stop_count == 0 && census.stopping == 0 &&
		    census.old == 0 && census.current == wanted && census.current_good == wanted;
	return step;
}
