#pragma once

/* What a task's beginnings need of its life: between task_origin.c and task.c. */

#include "task.h"

/* One change more: gets a number, and goes to disk. */
void task_changed(struct task *task);
void task_enter(struct task *task, enum task_state state, const char *message); /* NULL: as is */
void task_intend(struct task *task);
void task_adopt(struct task *task);

/* Makes room for what `app` has: ports (PORT_NONE beyond those known), checks (nothing known). */
bool task_status_fit(struct task_status *status, const struct app *app);
