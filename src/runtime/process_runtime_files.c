#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "process_runtime.h"
#include "stadion/base/text.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void free_strings(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

static bool add_pair(char **strings, size_t *count, const char *key, const char *value)
{
	if (asprintf(&strings[*count], "%s=%s", key, value) < 0) {
		strings[*count] = NULL;
		return false;
	}
	++*count;
	return true;
}

char **files_environment(const struct process_unit *unit)
{
	const struct pair_list *list = &unit->base.environment;
	char **strings = calloc(list->count + 3, sizeof(*strings));
	size_t count = 0;
	bool ok = strings != NULL;

	if (ok && !pair_list_find(list, "PATH"))
		ok = add_pair(strings, &count, "PATH", PATH_DEFAULT);
	if (ok && !pair_list_find(list, "MESOS_SANDBOX"))
		ok = add_pair(strings, &count, "MESOS_SANDBOX", unit->sandbox);
	for (size_t i = 0; ok && i < list->count; i++)
		ok = add_pair(strings, &count, list->items[i].key, list->items[i].value);
	if (ok)
		return strings;
	free_strings(strings);
	return NULL;
}

static bool make_folder(const char *path, mode_t mode, struct error *error)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return true;
	return error_set_errno(error, ERROR_UNAVAILABLE, errno, "making %s", path);
}

static bool write_spec(struct process_unit *unit, char **argv, struct error *error)
{
	const struct app *app = unit->base.app;
	struct text ports = TEXT_INIT(16384);
	char **environment = files_environment(unit);
	bool ok;

	runtime_ports_write(&ports, unit->base.ports, app->port_count);
	struct process_spec spec = { .task_id = unit->base.task_id,
				     .app_id = app->id,
				     .version_ms = app->version_ms,
				     .attempt = unit->base.attempt,
				     .ports = ports.data ? ports.data : (char[]){ "" },
				     .sandbox = unit->sandbox,
				     .user = app->user,
				     .argv = argv,
				     .environment = environment };
	ok = environment && !ports.failed
		     ? process_spec_write(unit->folder, &spec, error)
		     : error_set(error, ERROR_NOMEM, "task %.100s", unit->base.task_id);
	text_clear(&ports);
	free_strings(environment);
	return ok;
}

bool files_create(struct process_unit *unit, struct error *error)
{
	const struct app *app = unit->base.app;
	char *const shell[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" }, app->cmd, NULL };
	struct process_runtime *runtime = (struct process_runtime *)unit->base.runtime;
	struct text shims = TEXT_INIT(4096);
	bool ok;

	text_addf(&shims, "%s/.shim", runtime->directory);
	ok = make_folder(runtime->directory, 0711, error) &&
	     make_folder(text_string(&shims), 0700, error) &&
	     make_folder(unit->sandbox, 0755, error) && make_folder(unit->records, 0700, error);
	text_clear(&shims);
	if (!ok)
		return false;
	if (!app->cmd && (!app->args || !app->args[0] || app->args[0][0] != '/'))
		return error_set(error, ERROR_INVALID,
				 "args[0] must be a path where there is neither cmd nor container");
	if (unit->folder < 0)
		unit->folder = open(unit->records, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (unit->folder < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "%s", unit->records);
	return write_spec(unit, app->cmd ? (char **)shell : app->args, error);
}

void files_remove_records(struct process_unit *unit)
{
	static const char *const names[] = { RECORD_SOCKET, RECORD_LOCK, RECORD_EXIT,
					     RECORD_PROCESS, RECORD_SPEC };
	static const char *const written[] = { RECORD_EXIT ".new", RECORD_PROCESS ".new",
					       RECORD_SPEC ".new" };

	if (unit->folder < 0)
		return;
	for (size_t i = 0; i < ROWS(names); i++)
		(void)unlinkat(unit->folder, names[i], 0); /* ENOENT is fine */
	for (size_t i = 0; i < ROWS(written); i++)
		(void)unlinkat(unit->folder, written[i], 0);
	(void)rmdir(unit->records); /* what is left is found by the next survey */
}
