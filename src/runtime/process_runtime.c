#include "process_runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stadion/base/text.h"

/* ---- survey ---- */

static void found_folder(struct process_runtime *runtime, int folder)
{
	autoptr(process_spec) spec = process_spec_read(folder, NULL); /* damaged: nothing to tell */
	struct process_exit end;
	struct process_mark mark;
	struct runtime_found found = { .handle = "" };
	int32_t *ports = NULL;

	if (!spec || !runtime_ports_read(spec->ports, &ports, &found.port_count))
		return;
	found.task_id = spec->task_id;
	found.app_id = spec->app_id;
	found.attempt = spec->attempt;
	found.version_ms = spec->version_ms;
	found.ports = ports;
	if (process_mark_read(folder, &mark, NULL)) {
		found.started_ms = mark.started_ms;
		found.running = !process_exit_read(folder, &end, NULL) && process_alive(&mark);
	}
	runtime->found(&found, runtime->survey_arg);
	free(ports);
}

static void survey_now(void *arg)
{
	struct process_runtime *runtime = arg;
	runtime_survey_fn *done = runtime->surveyed;
	struct text path = TEXT_INIT(4096);
	struct error error = { 0 };
	const struct dirent *entry;
	DIR *shims;

	text_addf(&path, "%s/.shim", runtime->directory);
	shims = opendir(text_string(&path));
	if (!shims && errno != ENOENT)
		error_set_errno(&error, ERROR_UNAVAILABLE, errno, "%s", text_string(&path));
	while (shims && (entry = readdir(shims))) {
		int folder = entry->d_name[0] == '.'
				     ? -1
				     : openat(dirfd(shims), entry->d_name,
					      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (folder < 0)
			continue;
		found_folder(runtime, folder);
		close(folder);
	}
	if (shims)
		closedir(shims);
	text_clear(&path);
	runtime->surveyed = NULL;
	done(error.kind == ERROR_NONE ? NULL : &error, runtime->survey_arg);
}

static bool survey(struct runtime *base, runtime_found_fn *found, runtime_survey_fn *done,
		   void *arg, struct error *error)
{
	struct process_runtime *runtime = (struct process_runtime *)base;

	if (runtime->surveyed)
		return error_set(error, ERROR_CONFLICT, "a survey is under way");
	runtime->found = found;
	runtime->surveyed = done;
	runtime->survey_arg = arg;
	timer_start(&runtime->survey_soon, 0);
	return true;
}

/* ---- commands beside a task ---- */

struct command {
	struct runtime_exec base;
	struct child *child;
};

static void command_done(const struct child_end *end, void *arg)
{
	struct command *command = arg;
	struct runtime_exec_end result = { .exit_code = end->exit_code, .output = end->output };
	runtime_exec_fn *done = command->base.done;
	void *done_arg = command->base.arg;

	if (end->timed_out)
		error_set(&result.error, ERROR_TIMEOUT, "the command did not end in time");
	else if (end->signal) /* as a shell has it */
		result.exit_code = 128 + end->signal;
	if (result.error.kind != ERROR_NONE)
		result.exit_code = -1;
	*command->base.slot = NULL;
	free(command);
	done(&result, done_arg);
}

static bool command_user(const char *user, struct child_call *call, struct error *error)
{
	const struct passwd *entry = getpwnam(user);

	if (!entry)
		return error_set(error, ERROR_INVALID, "there is no user '%s' on this host", user);
	call->as_user = entry->pw_uid != geteuid();
	call->user = entry->pw_uid;
	call->group = entry->pw_gid;
	return true;
}

static bool exec_start(struct runtime_unit *base, const char *text, uint64_t timeout_ms,
		       runtime_exec_fn *done, void *arg, struct runtime_exec **slot,
		       struct error *error)
{
	struct process_unit *unit = (struct process_unit *)base;
	const char *const argv[] = { "/bin/sh", "-c", text, NULL };
	struct child_call call = { .argv = argv,
				   .directory = unit->sandbox,
				   .timeout_ms = timeout_ms };
	struct command *command;
	char **environment;
	bool ok;

	if (unit->over || unit->socket < 0)
		return error_set(error, ERROR_UNAVAILABLE, "the process does not run");
	if (base->app->user && !command_user(base->app->user, &call, error))
		return false;
	command = calloc(1, sizeof(*command));
	environment = files_environment(unit);
	call.environment = (const char *const *)environment;
	ok = command && environment;
	if (ok) {
		command->base = (struct runtime_exec){
			.ops = base->runtime->ops, .slot = slot, .done = done, .arg = arg
		};
		ok = child_start(base->runtime->loop, &call, command_done, command, &command->child,
				 error);
	} else {
		error_set(error, ERROR_NOMEM, "running a command beside %s", unit->name);
	}
	free_strings(environment);
	if (ok)
		*slot = &command->base;
	else
		free(command);
	return ok;
}

static void exec_cancel(struct runtime_exec *base)
{
	struct command *command = (struct command *)base;

	child_cancel(&command->child);
	free(command);
}

/* ---- */

static void process_runtime_free(struct runtime *base)
{
	struct process_runtime *runtime = (struct process_runtime *)base;

	while (!TAILQ_EMPTY(&runtime->units))
		process_unit_free(TAILQ_FIRST(&runtime->units));
	timer_clear(&runtime->survey_soon);
	free(runtime->directory);
	free(runtime->program);
	free(runtime);
}

static const struct runtime_ops process_ops = {
	.start = process_unit_start,
	.adopt = process_unit_adopt,
	.survey = survey,
	.stop = process_unit_stop,
	.remove = process_unit_remove,
	.release = process_unit_release,
	.exec_start = exec_start,
	.exec_cancel = exec_cancel,
	.free = process_runtime_free,
};

struct runtime *process_runtime_new(struct loop *loop,
				    const struct process_runtime_options *options,
				    struct error *error)
{
	struct process_runtime *runtime = calloc(1, sizeof(*runtime));

	if (!runtime) {
		error_set(error, ERROR_NOMEM, "the process runtime");
		return NULL;
	}
	runtime->base = (struct runtime){ .ops = &process_ops, .loop = loop };
	TAILQ_INIT(&runtime->units);
	runtime->directory = text_duplicate(options->directory);
	runtime->program = text_duplicate(options->program);
	if (!runtime->directory || !runtime->program) {
		error_set(error, ERROR_NOMEM, "the process runtime");
		goto undo;
	}
	if (!timer_init(&runtime->survey_soon, loop, survey_now, runtime, error))
		goto undo;
	runtime_set_condition(&runtime->base, true, "processes");
	return &runtime->base;
undo:
	process_runtime_free(&runtime->base);
	return NULL;
}
