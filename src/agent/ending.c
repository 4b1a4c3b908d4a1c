#include "ending.h"

#include <stdio.h>
#include <string.h>

/* `unknown`: what the runtime says of an end without exit code and signal. */
static void describe(struct task_status *status, const char *unknown)
{
	char *out = status->message;
	size_t size = sizeof(status->message);
	const char *name = status->signal > 0 ? sigabbrev_np(status->signal) : NULL;

	if (status->out_of_memory)
		(void)snprintf(out, size, "out of memory");
	else if (status->signal > 0)
		(void)snprintf(out, size, "killed by signal %d%s%s%s, exit status %d",
			       (int)status->signal, name ? " (SIG" : "", name ? name : "",
			       name ? ")" : "", 128 + (int)status->signal);
	else if (status->exit_code >= 0)
		(void)snprintf(out, size, "exited with status %d", (int)status->exit_code);
	else
		(void)snprintf(out, size, "%s", unknown[0] ? unknown : "ended, nobody saw how");
}

void ending_fill(struct task_status *status, const struct runtime_report *report)
{
	bool killed = status->state == TASK_KILLING;

	status->exit_code = report->exit_code;
	status->signal = report->signal;
	status->out_of_memory = report->out_of_memory;
	status->ran_ms = report->ran_ms;
	status->infrastructure = report->infrastructure;
	if (killed) {
		status->state = TASK_KILLED;
		return;
	}
	status->state =
		report->exit_code == 0 && !report->infrastructure ? TASK_FINISHED : TASK_FAILED;
	describe(status, report->text[0] ? report->text : report->error.text);
}
