#pragma once

/* The life of a task on this host, as a table. Pure. What a phase means to the coordinator is in
 * the task's status; a phase says what this process is doing about it. */

#include <stdbool.h>

enum task_phase {
	PHASE_INTENDED,	 /* the intent is being committed; nothing exists yet */
	PHASE_LAUNCHING, /* the runtime pulls, creates, starts */
	PHASE_RUNNING,
	PHASE_STOPPING,
	PHASE_ENDED,
	/* Known from the journal or the runtime's list, at the start of this process. */
	PHASE_RECALLED,	       /* it ran; whether it still does is for the runtime's list to say */
	PHASE_RECALLED_INTENT, /* it was never seen running */
	PHASE_RECALLED_STOPPING, /* its end was being brought about */
	PHASE_RECALLED_ENDED,	 /* its end is known; what is left of it may still lie around */
	PHASE_WAITING,		 /* an intent of which nothing exists: goes on if still wanted */
	PHASE_ADOPTING,		 /* found; the runtime looks how it stands */
	PHASE_ADOPTING_TO_STOP,
};

enum task_event {
	ON_COMMITTED, /* what was waited for is on disk */
	ON_PULLING,
	ON_STARTING,
	ON_RUNNING,
	ON_ENDED,
	ON_FAILED,     /* never ran, or is not there to be adopted */
	ON_PORT_TAKEN, /* nothing ran; another port may do */
	ON_KILL,       /* no longer wanted, or its health check says so */
	ON_WANTED,     /* it is in the wanted list */
	ON_DEFINED,    /* its app has become known */
	ON_FOUND,      /* the runtime's complete list has it */
	ON_MISSING,    /* ... has it not */
};

enum task_action {
	DO_NOTHING,
	DO_LAUNCH,
	DO_FIND_PORT, /* and commit the intent anew */
	DO_TELL_PROGRESS,
	DO_TELL_STARTING,
	DO_RUN,	   /* it runs: tell, and begin its checks */
	DO_RUN_ON, /* as above, but it ran before this process knew */
	DO_COMMIT_KILL,
	DO_STOP,
	DO_ADOPT,
	DO_END,	     /* as the runtime reports */
	DO_FAIL,     /* it could not be started */
	DO_VANISH,   /* it ran, and nobody saw its end */
	DO_CALL_OFF, /* killed with nothing of it to stop */
};

struct task_move {
	enum task_phase from;
	enum task_event on;
	enum task_action action;
	enum task_phase to;
};

/* The row for (from, on); NULL: nobody thought of it, so nothing may happen. */
const struct task_move *task_machine_find(enum task_phase from, enum task_event on);

const char *task_phase_name(enum task_phase phase);
const char *task_event_name(enum task_event event);
