#pragma once

/* The docker runtime's own parts, seen by its files only:
 *
 *   docker_runtime.c          new, free, survey, the table of ops
 *   docker_runtime_watch.c    is the engine there? what did its events and lists say?
 *   docker_runtime_unit.c     the way of one container from launch to end
 *   docker_runtime_look.c     how does its container stand?
 *   docker_runtime_turn.c     who may create now, who may remove now
 *   docker_runtime_pull.c     one pull per image for whoever waits
 *   docker_runtime_exec.c     commands inside
 *   docker_runtime_spec.c     pure: from app to container, from container to report
 *
 * A unit has a step: what is to be done next. While the engine does not answer, units stay at their
 * step; when it does again, every unit is advanced. So nothing that was lost on the way is missed,
 * and no step needs a failure path of its own for an absent engine. */

#include <sys/queue.h>

#include "runtime_ops.h"
#include "stadion/base/text.h"
#include "stadion/docker/container.h"
#include "stadion/docker/engine.h"
#include "stadion/docker/event_stream.h"
#include "stadion/docker/image.h"

#define TURNS 4			 /* creates and starts at once: measured to be the best width */
#define PULLS 3			 /* the engine fetches three layers at a time anyway */
#define REMOVALS 2		 /* at once */
#define REMOVAL_QUIET_MS 1000	 /* so long a replacement has to ask for its turn */
#define REMOVAL_PATIENCE_MS 5000 /* so long creates go first */
#define RELIST_MS 10000
#define PULL_STALL_MS 60000

enum step {
	STEP_PULL,	 /* waits for its image */
	STEP_CREATE,	 /* wants a turn, then to be created */
	STEP_START,	 /* created; wants a turn, then to be started */
	STEP_LOOK,	 /* to be inspected: how does it stand? */
	STEP_RUN,	 /* it runs */
	STEP_CLEAR,	 /* never ran; its container must go, then unit->after */
	STEP_CALLED_OFF, /* never ran, has no container: to be reported */
	STEP_OVER,	 /* the last report is out */
	STEP_REMOVE,	 /* its owner let go of it: container must go, then it is freed */
};

enum after { AFTER_CALLED_OFF, AFTER_PORT_TAKEN, AFTER_CREATE };

struct docker_unit {
	struct runtime_unit base;
	TAILQ_ENTRY(docker_unit) link, turn_link, pull_link;
	char *name; /* of the container */
	char id[DOCKER_ID_SIZE];
	enum step step;
	enum after after;
	bool waits_turn, has_turn;
	bool adopting;	    /* must not be created or started by us */
	bool known;	    /* what carries its name was seen to be ours */
	bool uncertain;	    /* a create or start went out and no answer came */
	bool started;	    /* the engine said that it started */
	bool ran;	    /* RUNTIME_RUNNING is out */
	bool killed;	    /* somebody had the engine send it a signal */
	bool out_of_memory; /* the engine said so of it */
	bool pulled;	    /* its image was fetched for it */
	bool look_again;    /* something happened while we looked */
	bool listed;	    /* by the list under way */
	bool stop_wanted;
	int32_t taken_port;
	int64_t started_ms;
	uint64_t grace_ms, stop_delay_ms, retry_ms;
	uint64_t since_ms; /* STEP_REMOVE */
	struct docker_request *call, *stop_call;
	struct timer again, stop_again;
	struct image_pull *pull;
};

TAILQ_HEAD(docker_units, docker_unit);

struct image_pull {
	TAILQ_ENTRY(image_pull) link;
	struct docker_runtime *runtime;
	struct docker_units waiting; /* by pull_link */
	char *image;
	struct docker_pull *request;
	struct timer tell;
	uint64_t bytes_done, bytes_total, told_ms;
	char status[64];
	struct error refused; /* could not even be asked for */
	bool telling;
};

struct docker_runtime {
	struct runtime base;
	struct docker_engine *engine;
	struct docker_events *events; /* NULL until the engine first answered */
	char *host_id, *cluster, *label;
	struct docker_units units; /* all, also those that are only being removed */
	struct docker_units turns; /* that wait for one, first come first served */
	unsigned turns_taken, removing;
	TAILQ_HEAD(, image_pull) pulls;

	struct docker_request *probe, *list, *survey;
	struct timer probe_again, list_again;
	uint64_t probe_delay_ms, pull_stall_ms;
	bool list_wanted;
	runtime_found_fn *found;
	runtime_survey_fn *surveyed;
	void *survey_arg;
};

static inline struct docker_runtime *unit_runtime(struct docker_unit *unit)
{
	return (struct docker_runtime *)unit->base.runtime;
}

/* docker_runtime_watch.c */
bool watch_begin(struct docker_runtime *runtime, struct error *error);
void watch_end(struct docker_runtime *runtime);
/* A call got no answer: find out whether the engine is there. */
void watch_doubt(struct docker_runtime *runtime);

/* docker_runtime_unit.c */
struct runtime_unit *docker_unit_start(struct runtime *runtime, const struct runtime_launch *launch,
				       runtime_report_fn *report, void *arg);
struct runtime_unit *docker_unit_adopt(struct runtime *runtime, const struct runtime_launch *launch,
				       runtime_report_fn *report, void *arg);
void docker_unit_stop(struct runtime_unit *unit, uint64_t grace_ms);
void docker_unit_remove(struct runtime_unit *unit);
void docker_unit_release(struct runtime_unit *unit);
/* Does what the step asks for, if it can be done now. Never reports. */
void unit_advance(struct docker_unit *unit);
void unit_to(struct docker_unit *unit, enum step step);
void unit_free(struct docker_unit *unit);
/* The two ways to FAILED. May free the unit. */
void unit_fail(struct docker_unit *unit, const struct error *error, bool infrastructure);
void unit_fail_with(struct docker_unit *unit, enum error_kind kind, const char *text);
/* ENDED, without our having seen how. May free the unit. */
void unit_lost(struct docker_unit *unit, const char *text);
void unit_retry_later(struct docker_unit *unit);
/* What ended stays ended, whoever starts its container again: stops it. */
void unit_end_stray(struct docker_unit *unit);
/* Launching goes on: unless its owner has gone, or called it off. True: it does not. */
bool unit_launch_ended(struct docker_unit *unit);

/* docker_runtime_look.c */
#define UNIT_REMOVED "container was removed by somebody else"
bool unit_inspect(struct docker_unit *unit); /* false without memory */
/* Something may have happened to its container. */
void unit_look(struct docker_unit *unit);
/* Something did, by the engine's own word. */
void unit_event(struct docker_unit *unit, const struct docker_event *event);

/* docker_runtime_turn.c */
bool turn_take(struct docker_unit *unit); /* false: it will be advanced when its turn comes */
void turn_leave(struct docker_unit *unit);
bool turn_may_remove(struct docker_unit *unit);
void turn_removals(struct docker_runtime *runtime); /* advances those that wait */

/* docker_runtime_pull.c */
bool pull_join(struct docker_unit *unit); /* false without memory */
void pull_leave(struct docker_unit *unit);
void pull_start_waiting(struct docker_runtime *runtime);
void pull_free_all(struct docker_runtime *runtime);

/* docker_runtime_exec.c */
bool docker_runtime_exec_start(struct runtime_unit *unit, const char *command, uint64_t timeout_ms,
			       runtime_exec_fn *done, void *arg, struct runtime_exec **slot,
			       struct error *error);
void docker_runtime_exec_cancel(struct runtime_exec *exec);

/* docker_runtime_spec.c: pure */
struct spec_owner {
	const char *host_id, *cluster;
};
/* The body of create. */
void spec_write(struct text *out, const struct runtime_unit *unit, const struct spec_owner *owner);
enum spec_match { SPEC_SAME, SPEC_OTHER_PORTS, SPEC_STRANGER };
/* Whether a container is the one of this task on this host, with these ports. */
enum spec_match spec_match(const struct docker_container *container,
			   const struct runtime_unit *unit, const char *host_id);
/* From the labels; ports are allocated. False: not one of ours, or its labels are damaged. */
bool spec_found(const struct docker_container *container, const char *host_id,
		struct runtime_found *out, int32_t **ports);
/* How it ended; text is put into `words`. */
void spec_end(const struct docker_container *container, struct runtime_report *out, char *words,
	      size_t size);
