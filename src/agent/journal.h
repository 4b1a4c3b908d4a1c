#pragma once

/* What the agent must know again after it was killed: its tasks and a few facts about itself. On
 * store/: "task/<task id>" is one task (app, status with ports, when in which boot it began to
 * run), "meta/<name>" one fact. A write that the disk refuses is tried again until it succeeds;
 * meanwhile the journal has a problem to tell of. */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/base/language.h"
#include "stadion/model/app.h"
#include "stadion/model/task.h"
#include "stadion/net/loop.h"

struct journal;
struct journal_write; /* one under way; owned by the journal, seen through a slot */

struct journal_record {
	struct app *app; /* readers: one reference, the caller's */
	bool defined;	 /* else the app is only what a container's labels say */
	struct task_status status;
	uint64_t running_since_ms; /* monotonic, of that boot; 0: never ran */
	char boot_id[64];
};

/* Blocking: before loop_run only. */
struct journal *journal_open(struct loop *loop, const char *folder, struct error *error);
void journal_close(struct journal *journal); /* calls nothing back; NULL is fine */
DEFINE_AUTOPTR(journal, journal_close)

/* What was true when the journal was opened, and is until it is set. "" when absent. */
#define JOURNAL_META_MAX 128
enum journal_meta {
	JOURNAL_HOST_ID,
	JOURNAL_CLUSTER,
	JOURNAL_EPOCH,
	JOURNAL_SURVEYED, /* not "": the engine's containers are all in here */
};
const char *journal_meta(const struct journal *journal, enum journal_meta which);
/* On disk before any later write is. */
void journal_meta_set(struct journal *journal, enum journal_meta which, const char *value);

/* Every task, in no order that means anything; a record that cannot be read is logged and skipped.
 * Blocking: before loop_run only. The callback may take what is in the record and leave NULLs. */
typedef void journal_each_fn(struct journal_record *record, void *arg);
bool journal_each(struct journal *journal, journal_each_fn *fn, void *arg, struct error *error);

/* Writes the task as it is now into *slot, which must be NULL and must not move. `done` is called
 * once, from the loop, when it is on disk; *slot is NULL then. */
typedef void journal_done_fn(void *arg);
void journal_put(struct journal *journal, const struct journal_record *record,
		 journal_done_fn *done, void *arg, struct journal_write **slot);
/* No longer calls back; what is on its way to the disk still gets there. NULL is fine. */
void journal_write_cancel(struct journal_write **slot);
void journal_delete(struct journal *journal, const char *task_id);

/* Why nothing can be written, since when (wall); NULL: all is well. */
const char *journal_problem(const struct journal *journal, int64_t *since_ms);
/* Called when a problem comes or goes. */
void journal_on_problem(struct journal *journal, void (*changed)(void *arg), void *arg);
