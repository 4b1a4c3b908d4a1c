#pragma once

/* What to start and what to stop now, so that an app comes from what there is to what is wanted.
 * Marathon's arithmetic of scale and restart (upgradeStrategy), as one pure function that is asked
 * again after every change. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/model/app.h"

struct rollout_instance {
	bool current;	  /* of the wanted configuration */
	bool running;	  /* TASK_RUNNING */
	bool good;	  /* running, and healthy where the app has checks */
	bool stopping;	  /* its end is wanted already */
	bool unreachable; /* its host is lost for longer than inactiveAfterSeconds: it takes no
			     place, is replaced, and nobody waits for it */
	bool victim;	  /* named by kill-and-scale: goes first */
	int64_t since_ms; /* start time, for killSelection */
};

struct rollout_goal {
	int32_t instances;
	double minimum_health_capacity, maximum_over_capacity;
	enum kill_selection kill_selection;
};

struct rollout_step {
	size_t start; /* so many new instances */
	size_t stop_count;
	bool done; /* exactly the wanted ones are there, all good, none stopping; what is
		      unreachable aside */
};

/* `stops` is the caller's, one flag per instance, all written: true means stop it now. */
struct rollout_step rollout_next(const struct rollout_goal *goal,
				 const struct rollout_instance *instances, size_t count,
				 bool *stops);
