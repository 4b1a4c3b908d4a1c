#pragma once

/* The process runtime's own parts:
 *
 *   process_runtime.c        new, free, survey, commands beside a task
 *   process_runtime_unit.c   the way of one process, as its shim tells it
 *   process_runtime_files.c  folders: sandbox and records
 */

#include <sys/queue.h>

#include "process_record.h"
#include "runtime_ops.h"
#include "stadion/net/child.h"

struct process_unit {
	struct runtime_unit base;
	TAILQ_ENTRY(process_unit) link;
	char *name;		 /* of the records folder */
	char *sandbox, *records; /* paths */
	int folder;		 /* the records, open; -1: not there */
	struct child *launcher;
	int socket; /* to the shim; -1: none */
	struct event *hear;
	struct timer again;
	char handle[24];
	bool adopting;
	bool over; /* the last report is out */
	bool stop_wanted;
	unsigned tries;
	uint64_t grace_ms;
};

struct process_runtime {
	struct runtime base;
	char *directory, *program;
	TAILQ_HEAD(, process_unit) units;
	struct timer survey_soon;
	runtime_found_fn *found;
	runtime_survey_fn *surveyed; /* NULL: no survey is under way */
	void *survey_arg;
};

struct runtime_unit *process_unit_start(struct runtime *runtime,
					const struct runtime_launch *launch,
					runtime_report_fn *report, void *arg);
struct runtime_unit *process_unit_adopt(struct runtime *runtime,
					const struct runtime_launch *launch,
					runtime_report_fn *report, void *arg);
void process_unit_stop(struct runtime_unit *unit, uint64_t grace_ms);
void process_unit_remove(struct runtime_unit *unit);
void process_unit_release(struct runtime_unit *unit);
void process_unit_free(struct process_unit *unit);

/* Makes sandbox and records, and writes the spec. */
bool files_create(struct process_unit *unit, struct error *error);
void files_remove_records(struct process_unit *unit);
/* "K=V" strings ended by NULL, with PATH and the sandbox added; free_strings. */
char **files_environment(const struct process_unit *unit);
void free_strings(char **strings);
