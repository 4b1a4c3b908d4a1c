#pragma once

/* What a kind of runtime provides, and the parts that every kind has in common. */

#include "stadion/runtime/runtime.h"

struct runtime_ops {
	struct runtime_unit *(*start)(struct runtime *runtime, const struct runtime_launch *launch,
				      runtime_report_fn *report, void *arg);
	struct runtime_unit *(*adopt)(struct runtime *runtime, const struct runtime_launch *launch,
				      runtime_report_fn *report, void *arg);
	bool (*survey)(struct runtime *runtime, runtime_found_fn *found, runtime_survey_fn *done,
		       void *arg, struct error *error);
	void (*stop)(struct runtime_unit *unit, uint64_t grace_ms);
	void (*remove)(struct runtime_unit *unit);
	void (*release)(struct runtime_unit *unit);
	bool (*exec_start)(struct runtime_unit *unit, const char *command, uint64_t timeout_ms,
			   runtime_exec_fn *done, void *arg, struct runtime_exec **slot,
			   struct error *error);
	void (*exec_cancel)(struct runtime_exec *exec); /* frees it; the slot is NULL already */
	void (*free)(struct runtime *runtime);
};

struct runtime { /* first member of each kind */
	const struct runtime_ops *ops;
	struct loop *loop;
	struct runtime_condition condition;
	void (*changed)(void *arg);
	void *changed_arg;
};

struct runtime_unit { /* first member of each kind's unit */
	struct runtime *runtime;
	struct app *app;
	char *task_id;
	uint32_t attempt;
	int32_t *ports; /* one per row of app->ports */
	struct pair_list environment;
	runtime_report_fn *report; /* NULL: its owner has gone */
	void *arg;
};

struct runtime_exec { /* first member of each kind's exec */
	const struct runtime_ops *ops;
	struct runtime_exec **slot;
	runtime_exec_fn *done;
	void *arg;
};

/* Copies the launch. False without memory; clear it all the same. */
bool runtime_unit_init(struct runtime_unit *unit, struct runtime *runtime,
		       const struct runtime_launch *launch, runtime_report_fn *report, void *arg);
void runtime_unit_clear(struct runtime_unit *unit);
/* May free the unit: touch nothing after. NULL members of the report become "". */
void runtime_unit_report(struct runtime_unit *unit, const struct runtime_report *report);
/* Name of container or folder: the task id, with ".<attempt>" from the second attempt on. */
char *runtime_unit_name(const char *task_id, uint32_t attempt);

/* Tells whoever asked when it is a change. */
void runtime_set_condition(struct runtime *runtime, bool ready, const char *text);

/* "31000,-,31002": ports as labels and records have them. The reader allocates; false if the text
 * is not of that form. */
struct text;
void runtime_ports_write(struct text *out, const int32_t *ports, size_t count);
bool runtime_ports_read(const char *text, int32_t **ports, size_t *count);
