#include <stdlib.h>

#include "docker_runtime.h"
#include "stadion/docker/exec.h"

struct command {
	struct runtime_exec base;
	struct docker_runtime *runtime;
	struct docker_exec *exec;
};

static void command_done(const struct docker_exec_end *end, void *arg)
{
	struct command *command = arg;
	struct runtime_exec_end result = { .exit_code = end->exit_code,
					   .output = end->output,
					   .error = end->error };
	runtime_exec_fn *done = command->base.done;
	void *done_arg = command->base.arg;

	if (end->error.kind == ERROR_UNAVAILABLE)
		watch_doubt(command->runtime);
	*command->base.slot = NULL;
	free(command);
	done(&result, done_arg);
}

bool docker_runtime_exec_start(struct runtime_unit *base, const char *text, uint64_t timeout_ms,
			       runtime_exec_fn *done, void *arg, struct runtime_exec **slot,
			       struct error *error)
{
	struct docker_unit *unit = (struct docker_unit *)base;
	struct docker_runtime *runtime = (struct docker_runtime *)base->runtime;
	const char *const argv[] = { "/bin/sh", "-c", text, NULL };
	struct command *command;

	if (!unit->ran || unit->step == STEP_OVER)
		return error_set(error, ERROR_UNAVAILABLE, "the container does not run");
	command = calloc(1, sizeof(*command));
	if (!command)
		return error_set(error, ERROR_NOMEM, "running a command in %s", unit->name);
	command->runtime = runtime;
	command->base = (struct runtime_exec){
		.ops = base->runtime->ops, .slot = slot, .done = done, .arg = arg
	};
	if (!docker_exec_start(runtime->engine, unit->id, argv, timeout_ms, command_done, command,
			       &command->exec, error)) {
		free(command);
		return false;
	}
	*slot = &command->base;
	return true;
}

void docker_runtime_exec_cancel(struct runtime_exec *base)
{
	struct command *command = (struct command *)base;

	docker_exec_cancel(&command->exec);
	free(command);
}
