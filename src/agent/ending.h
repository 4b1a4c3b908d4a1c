#pragma once

/* What the end of a task is called. Pure. Source: app specification, "Docker start" (its row on
 * exits) and "Task states". */

#include "stadion/model/task.h"
#include "stadion/runtime/runtime.h"

/* Fills in state, exit and words of *status from the runtime's report of an end. A task whose state
 * is TASK_KILLING was killed, whatever its exit looks like, and keeps the message that says why. */
void ending_fill(struct task_status *status, const struct runtime_report *report);
