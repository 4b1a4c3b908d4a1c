#include "docker_runtime.h"

static bool creates_pending(const struct docker_runtime *runtime)
{
	return runtime->turns_taken > 0 || !TAILQ_EMPTY(&runtime->turns);
}

static void give_turns(struct docker_runtime *runtime)
{
	struct docker_unit *unit;

	while (runtime->turns_taken < TURNS && (unit = TAILQ_FIRST(&runtime->turns))) {
		TAILQ_REMOVE(&runtime->turns, unit, turn_link);
		unit->waits_turn = false;
		unit->has_turn = true;
		runtime->turns_taken++;
		unit_advance(unit);
	}
	if (!creates_pending(runtime))
		turn_removals(runtime);
}

bool turn_take(struct docker_unit *unit)
{
	struct docker_runtime *runtime = (struct docker_runtime *)unit->base.runtime;

	if (unit->has_turn)
		return true;
	if (!unit->waits_turn) {
		unit->waits_turn = true;
		TAILQ_INSERT_TAIL(&runtime->turns, unit, turn_link);
		give_turns(runtime);
	}
	return false; /* if it came at once, it was advanced from in there */
}

void turn_leave(struct docker_unit *unit)
{
	struct docker_runtime *runtime = (struct docker_runtime *)unit->base.runtime;

	if (unit->waits_turn)
		TAILQ_REMOVE(&runtime->turns, unit, turn_link);
	unit->waits_turn = false;
	if (!unit->has_turn)
		return;
	unit->has_turn = false;
	runtime->turns_taken--;
	give_turns(runtime);
}

bool turn_may_remove(struct docker_unit *unit)
{
	struct docker_runtime *runtime = (struct docker_runtime *)unit->base.runtime;
	uint64_t waited_ms = loop_now_ms(runtime->base.loop) - unit->since_ms;
	uint64_t needed_ms = creates_pending(runtime) ? REMOVAL_PATIENCE_MS : REMOVAL_QUIET_MS;

	if (runtime->removing >= REMOVALS)
		return false; /* the end of one of them advances it */
	if (waited_ms >= needed_ms)
		return true;
	timer_start(&unit->again, needed_ms - waited_ms);
	return false;
}

void turn_removals(struct docker_runtime *runtime)
{
	struct docker_unit *unit;

	TAILQ_FOREACH(unit, &runtime->units, link) {
		if (runtime->removing >= REMOVALS)
			return;
		/* One that failed waits for its own time. */
		if (unit->step == STEP_REMOVE && !unit->call && !unit->retry_ms)
			unit_advance(unit);
	}
}
