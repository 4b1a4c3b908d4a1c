/* The courses of Marathon's scale and restart, walked step by step, and random ones under which
 * the limits must hold. */

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stadion/base/language.h"
#include "stadion/schedule/rollout.h"

#define FLEET_MAX 64

struct fleet {
	struct rollout_goal goal;
	struct rollout_instance items[FLEET_MAX];
	size_t count;
	int64_t now_ms;
};

static void fleet_add(struct fleet *fleet, bool current, bool good)
{
	ck_assert_uint_lt(fleet->count, FLEET_MAX);
	fleet->items[fleet->count++] = (struct rollout_instance){
		.current = current, .running = good, .good = good, .since_ms = fleet->now_ms++
	};
}

static struct rollout_step fleet_step(struct fleet *fleet)
{
	bool stops[FLEET_MAX], again[FLEET_MAX];
	struct rollout_step step = rollout_next(&fleet->goal, fleet->items, fleet->count, stops);
	struct rollout_step same = rollout_next(&fleet->goal, fleet->items, fleet->count, again);
	struct rollout_step after;
	size_t marked = 0;

	ck_assert(step.start == same.start && step.stop_count == same.stop_count &&
		  step.done == same.done);
	for (size_t i = 0; i < fleet->count; i++) {
		ck_assert_int_eq(stops[i], again[i]);
		if (!stops[i])
			continue;
		ck_assert(!fleet->items[i].stopping);
		fleet->items[i].stopping = true;
		marked++;
	}
	ck_assert_uint_eq(marked, step.stop_count);
	for (size_t i = 0; i < step.start; i++)
		fleet_add(fleet, true, false);
	/* carried out, it has nothing more to say until something happens */
	after = rollout_next(&fleet->goal, fleet->items, fleet->count, again);
	ck_assert_uint_eq(after.start, 0);
	ck_assert_uint_eq(after.stop_count, 0);
	return step;
}

static void fleet_remove(struct fleet *fleet, size_t at)
{
	fleet->items[at] = fleet->items[--fleet->count];
}

/* One thing happens: a stopping one goes, else a starting one turns good. False: nothing can. */
static bool fleet_event(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++) {
		if (fleet->items[i].stopping) {
			fleet_remove(fleet, i);
			return true;
		}
	}
	for (size_t i = 0; i < fleet->count; i++) {
		if (fleet->items[i].current && !fleet->items[i].good) {
			fleet->items[i].running = fleet->items[i].good = true;
			return true;
		}
	}
	return false;
}

/* course: "+n" starts, "-n" stops, in the order they are asked for */
static const struct {
	const char *claim;
	size_t old, old_bad, current;
	struct rollout_goal goal;
	const char *course;
} courses[] = {
	{ "scale up from none", 0, 0, 0, { 3, 1, 1, 0 }, "+3" },
	{ "scale down", 0, 0, 5, { 2, 1, 1, 0 }, "-3" },
	{ "suspend", 0, 0, 2, { 0, 1, 1, 0 }, "-2" },
	{ "nothing to do", 0, 0, 2, { 2, 1, 1, 0 }, "" },
	{ "1, 1, 1", 1, 0, 0, { 1, 1, 1, 0 }, "+1 -1" },
	{ "4, 1, 1", 4, 0, 0, { 4, 1, 1, 0 }, "+4 -1 -1 -1 -1" },
	{ "4, 0.5, 0", 4, 0, 0, { 4, 0.5, 0, 0 }, "-2 +1 +1 -1 +1 -1 +1" },
	{ "4, 1, 0: the guard", 4, 0, 0, { 4, 1, 0, 0 }, "+1 -1 +1 -1 +1 -1 +1 -1" },
	{ "4, 0, 0", 4, 0, 0, { 4, 0, 0, 0 }, "-4 +1 +1 +1 +1" },
	{ "1, 0, 0", 1, 0, 0, { 1, 0, 0, 0 }, "-1 +1" },
	{ "10, 0.8, 0.2",
	  10,
	  0,
	  0,
	  { 10, 0.8, 0.2, 0 },
	  "+2-2 +1 +1 -1 +1 -1 +1 -1 +1 -1 +1 -1 +1 -1 +1 -1 -1" },
	{ "3, 0.5, 0", 3, 0, 0, { 3, 0.5, 0, 0 }, "-1 +1 -1 +1 -1 +1" },
	{ "4, 1, 0, all old unhealthy", 0, 4, 0, { 4, 1, 0, 0 }, "-1 +1 -1 +1 -1 +1 -1 +1" },
	{ "shrinking too", 4, 0, 0, { 2, 1, 1, 0 }, "-2 +1 +1 -1 -1" },
	{ "to none with old ones", 3, 1, 0, { 0, 1, 1, 0 }, "-4" },
};

START_TEST(courses_follow_the_table)
{
	struct fleet fleet = { .goal = courses[_i].goal };
	char course[256] = "";
	size_t len = 0;
	bool done = false;

	for (size_t i = 0; i < courses[_i].old; i++)
		fleet_add(&fleet, false, true);
	for (size_t i = 0; i < courses[_i].old_bad; i++)
		fleet_add(&fleet, false, false);
	for (size_t i = 0; i < courses[_i].current; i++)
		fleet_add(&fleet, true, true);
	for (int round = 0; round < 200 && !done; round++) {
		struct rollout_step step = fleet_step(&fleet);
		const char *gap = len ? " " : "";

		if (step.start)
			len += (size_t)snprintf(course + len, sizeof(course) - len, "%s+%zu", gap,
						step.start);
		if (step.stop_count)
			len += (size_t)snprintf(course + len, sizeof(course) - len, "%s-%zu",
						step.start ? "" : gap, step.stop_count);
		done = step.done;
		if (!done && !fleet_event(&fleet) && !step.start && !step.stop_count)
			break;
	}
	ck_assert_msg(done, "%s: ends at %s", courses[_i].claim, course);
	ck_assert_str_eq(course, courses[_i].course);
	ck_assert_uint_eq(fleet.count, (size_t)fleet.goal.instances);
}
END_TEST

static const struct {
	const char *claim;
	struct rollout_instance items[4];
	enum kill_selection selection;
	size_t wanted, gone;
} victims[] = {
	{ "the youngest",
	  { { 1, 1, 1, 0, 0, 0, 5 }, { 1, 1, 1, 0, 0, 0, 9 }, { 1, 1, 1, 0, 0, 0, 7 } },
	  KILL_YOUNGEST_FIRST,
	  2,
	  1 },
	{ "the oldest",
	  { { 1, 1, 1, 0, 0, 0, 5 }, { 1, 1, 1, 0, 0, 0, 9 }, { 1, 1, 1, 0, 0, 0, 7 } },
	  KILL_OLDEST_FIRST,
	  2,
	  0 },
	{ "the named one",
	  { { 1, 1, 1, 0, 0, 1, 5 }, { 1, 1, 1, 0, 0, 0, 9 }, { 1, 0, 0, 0, 0, 0, 7 } },
	  KILL_YOUNGEST_FIRST,
	  2,
	  0 },
	{ "one that starts",
	  { { 1, 1, 1, 0, 0, 0, 5 }, { 1, 1, 0, 0, 0, 0, 9 }, { 1, 0, 0, 0, 0, 0, 7 } },
	  KILL_YOUNGEST_FIRST,
	  2,
	  2 },
	{ "one that is unhealthy",
	  { { 1, 1, 0, 0, 0, 0, 5 }, { 1, 1, 1, 0, 0, 0, 9 }, { 1, 1, 1, 0, 0, 0, 7 } },
	  KILL_YOUNGEST_FIRST,
	  2,
	  0 },
};

START_TEST(victims_are_chosen_in_order)
{
	struct rollout_goal goal = { (int32_t)victims[_i].wanted, 1, 1, victims[_i].selection };
	bool stops[3];
	struct rollout_step step = rollout_next(&goal, victims[_i].items, 3, stops);

	ck_assert_uint_eq(step.stop_count, 1);
	ck_assert_msg(stops[victims[_i].gone], "%s", victims[_i].claim);
}
END_TEST

START_TEST(lost_hosts_are_not_waited_for)
{
	struct rollout_goal goal = { 2, 1, 0, KILL_YOUNGEST_FIRST };
	struct rollout_instance items[] = {
		{ .current = true, .running = true, .good = true },
		{ .current = true, .unreachable = true },
		{ .current = false, .unreachable = true },
		{ .current = true, .running = true, .good = true },
	};
	bool stops[4];
	struct rollout_step step = rollout_next(&goal, items, 3, stops);

	ck_assert_uint_eq(step.start, 1);
	ck_assert(!stops[0] && !stops[1] && stops[2]);
	items[2].stopping = true;
	step = rollout_next(&goal, items, 4, stops);
	ck_assert(step.done);
}
END_TEST

static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245U + 12345U;
	return *state >> 16;
}

static size_t count_good(const struct fleet *fleet)
{
	size_t good = 0;

	for (size_t i = 0; i < fleet->count; i++)
		good += fleet->items[i].good && !fleet->items[i].stopping;
	return good;
}

/* Whatever fails in whatever order: never too many places, never fewer good ones by our doing,
 * and once failures end it comes to its end. */
static void walk_at_random(int run)
{
	static const double shares[] = { 0, 0.2, 0.5, 0.8, 1 };
	unsigned random = (unsigned)run * 7919U + 1;
	struct fleet fleet = { 0 };
	size_t min_good, max_places, began;
	bool done = false;
	int round;

	fleet.goal = (struct rollout_goal){ (int32_t)(next_random(&random) % 9),
					    shares[next_random(&random) % ROWS(shares)],
					    shares[next_random(&random) % ROWS(shares)],
					    next_random(&random) % 2 };
	for (size_t i = next_random(&random) % 12; i > 0; i--)
		fleet_add(&fleet, next_random(&random) % 4 == 0, next_random(&random) % 4 != 0);
	began = fleet.count;
	min_good = (size_t)ceil(fleet.goal.instances * fleet.goal.minimum_health_capacity - 1e-9);
	max_places =
		(size_t)floor(fleet.goal.instances * (1 + fleet.goal.maximum_over_capacity) + 1e-9);
	max_places += max_places == min_good;
	for (round = 0; round < 3000 && !done; round++) {
		size_t good = count_good(&fleet), before = fleet.count;
		struct rollout_step step = fleet_step(&fleet);
		size_t left = count_good(&fleet);

		ck_assert_msg(left >= good || left >= min_good, "run %d: %zu of %zu good", run,
			      left, min_good);
		ck_assert_msg(step.start == 0 || fleet.count <= max_places,
			      "run %d: %zu places of %zu", run, fleet.count, max_places);
		ck_assert(fleet.count == before + step.start);
		done = step.done;
		if (done || fleet.count == 0)
			continue;
		if (round < 200) {
			size_t at = next_random(&random) % fleet.count;
			struct rollout_instance *it = &fleet.items[at];

			switch (next_random(&random) % 6) {
			case 0: /* dies, or its stop is carried out */
				fleet_remove(&fleet, at);
				break;
			case 1:
				it->good = false;
				break;
			case 2:
				if (it->stopping)
					fleet_remove(&fleet, at);
				break;
			default:
				it->running = it->good = true;
			}
		} else {
			(void)fleet_event(&fleet);
		}
	}
	ck_assert_msg(done, "run %d of %zu: no end", run, began);
}

START_TEST(any_course_keeps_its_limits) /* one process for all: a fork each costs seconds */
{
	for (int run = 0; run < 500; run++)
		walk_at_random(run);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rollout");
	TCase *tcase = tcase_create("rollout");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, courses_follow_the_table, 0, ROWS(courses));
	tcase_add_loop_test(tcase, victims_are_chosen_in_order, 0, ROWS(victims));
	tcase_add_test(tcase, lost_hosts_are_not_waited_for);
	tcase_add_test(tcase, any_course_keeps_its_limits);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
