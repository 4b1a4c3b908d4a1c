#pragma once

/* One task of this host, in all its parts: record, ports, unit in a runtime, checks, status. Its
 * moves are task_machine.h's. What it tells is on disk before anybody may read it. */

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "journal.h"
#include "port_pool.h"
#include "reconcile.h"
#include "stadion/health/prober.h"
#include "stadion/model/task.h"
#include "stadion/protocol/messages.h"
#include "stadion/runtime/runtime.h"
#include "task_machine.h"

struct task;

struct task_context { /* what all tasks of an agent share; outlives them */
	struct loop *loop;
	struct journal *journal;
	struct port_pool *ports;
	struct http_client *probes;
	struct runtime *docker, *process;
	const char *hostname;
	const char *boot_id; /* of the host as it runs now */
	/* The task has moved, or something new of it is on disk. Never called from inside a
	 * function below. */
	void (*news)(struct task *task, void *arg);
	void *arg;
};

struct task {
	struct task_context *context;
	struct app *app;
	bool defined; /* else `app` is only what the labels of a container say */
	enum task_phase phase;
	struct task_status status;
	uint64_t running_since_ms; /* monotonic; 0: has not run */
	bool rebooted;		   /* the host, since then */
	uint64_t writing_seq, committed_seq, acked_seq;
	uint64_t awaited_seq; /* ON_COMMITTED when this one is on disk; 0: nobody waits */
	struct journal_write *write;
	bool dirty; /* changed while the write was under way */
	struct runtime_unit *unit;
	struct prober *prober;
	uint64_t progress_ms; /* monotonic; when a pull's progress was last told */
	bool checked;	      /* its checks passed since they were last told */

	/* The supervisor's own notes. */
	bool wanted; /* in the newest wanted list */
	bool found;  /* in the runtime's list that is being read */
	UT_hash_handle hh;
};

/* All return NULL only without memory. */
struct task *task_new_wanted(struct task_context *context, const struct wanted_task *wanted);
/* One that the coordinator saw here and of which nothing is left: it ended, nobody knows how. */
struct task *task_new_lost(struct task_context *context, const struct wanted_task *wanted);
/* Takes what is in the record. */
struct task *task_new_recalled(struct task_context *context, struct journal_record *record);
/* A container or process of ours without a record. */
struct task *task_new_found(struct task_context *context, const struct runtime_found *found,
			    bool container);
void task_free(struct task *task); /* touches nothing that runs; NULL is fine */
/* Removes what is left of an ended task, record included, and frees it. */
void task_forget(struct task *task);

/* The runtime's complete list is read: task->found says whether it was in it. */
void task_surveyed(struct task *task);
void task_resume(struct task *task);
void task_define(struct task *task, const struct wanted_task *wanted);
void task_kill(struct task *task, const char *message);
void task_acked(struct task *task, uint64_t seq);

/* The journal refuses writes: an end that is wanted does not wait for them, or an app that fills
 * the disk could not be stopped. */
void task_unrecorded(struct task *task);

bool task_in_docker(const struct task *task);
bool task_recalled(const struct task *task); /* its runtime's list is still waited for */
struct reconcile_known task_known(const struct task *task);
/* Something is on disk that the coordinator has not acknowledged. */
bool task_has_news(const struct task *task);
/* Nothing has changed but the times of its checks. */
bool task_has_fresh_checks(const struct task *task);
