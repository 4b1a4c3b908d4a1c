#include "stadion/runtime/runtime.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime_ops.h"
#include "stadion/base/clock.h"
#include "stadion/base/text.h"

#define PORTS_MAX 1024 /* rows of one app, as far as labels go */

struct runtime_unit *runtime_start(struct runtime *runtime, const struct runtime_launch *launch,
				   runtime_report_fn *report, void *arg)
{
	return runtime->ops->start(runtime, launch, report, arg);
}

struct runtime_unit *runtime_adopt(struct runtime *runtime, const struct runtime_launch *launch,
				   runtime_report_fn *report, void *arg)
{
	return runtime->ops->adopt(runtime, launch, report, arg);
}

bool runtime_survey(struct runtime *runtime, runtime_found_fn *found, runtime_survey_fn *done,
		    void *arg, struct error *error)
{
	return runtime->ops->survey(runtime, found, done, arg, error);
}

void runtime_stop(struct runtime_unit *unit, uint64_t grace_ms)
{
	unit->runtime->ops->stop(unit, grace_ms);
}

void runtime_remove(struct runtime_unit *unit)
{
	unit->runtime->ops->remove(unit);
}

void runtime_release(struct runtime_unit *unit)
{
	if (unit)
		unit->runtime->ops->release(unit);
}

bool runtime_exec_start(struct runtime_unit *unit, const char *command, uint64_t timeout_ms,
			runtime_exec_fn *done, void *arg, struct runtime_exec **slot,
			struct error *error)
{
	assert(!*slot);
	return unit->runtime->ops->exec_start(unit, command, timeout_ms, done, arg, slot, error);
}

void runtime_exec_cancel(struct runtime_exec **slot)
{
	struct runtime_exec *exec = *slot;

	if (!exec)
		return;
	*slot = NULL;
	exec->ops->exec_cancel(exec);
}

void runtime_condition(const struct runtime *runtime, struct runtime_condition *out)
{
	*out = runtime->condition;
}

void runtime_on_condition(struct runtime *runtime, void (*changed)(void *arg), void *arg)
{
	runtime->changed = changed;
	runtime->changed_arg = arg;
}

void runtime_free(struct runtime *runtime)
{
	if (runtime)
		runtime->ops->free(runtime);
}

void runtime_set_condition(struct runtime *runtime, bool ready, const char *text)
{
	struct runtime_condition *condition = &runtime->condition;
	bool same = condition->ready == ready && condition->since_ms;

	(void)text_copy(condition->text, sizeof(condition->text), text);
	if (same)
		return;
	condition->ready = ready;
	condition->since_ms = clock_wall_ms();
	if (runtime->changed)
		runtime->changed(runtime->changed_arg);
}

static bool copy_ports(struct runtime_unit *unit, const int32_t *ports)
{
	size_t count = unit->app->port_count;

	unit->ports = malloc((count ? count : 1) * sizeof(*unit->ports));
	if (!unit->ports)
		return false;
	for (size_t i = 0; i < count; i++)
		unit->ports[i] = ports ? ports[i] : PORT_NONE;
	return true;
}

bool runtime_unit_init(struct runtime_unit *unit, struct runtime *runtime,
		       const struct runtime_launch *launch, runtime_report_fn *report, void *arg)
{
	unit->runtime = runtime;
	unit->app = app_ref(launch->app);
	unit->task_id = text_duplicate(launch->task_id);
	unit->attempt = launch->attempt;
	unit->report = report;
	unit->arg = arg;
	if (!unit->task_id || !copy_ports(unit, launch->ports))
		return false;
	for (size_t i = 0; launch->environment && i < launch->environment->count; i++) {
		const struct pair *pair = &launch->environment->items[i];

		if (!pair_list_add(&unit->environment, pair->key, pair->value))
			return false;
	}
	return true;
}

void runtime_unit_clear(struct runtime_unit *unit)
{
	app_unref(unit->app);
	free(unit->task_id);
	free(unit->ports);
	pair_list_clear(&unit->environment);
}

void runtime_unit_report(struct runtime_unit *unit, const struct runtime_report *report)
{
	struct runtime_report whole = *report;

	whole.handle = whole.handle ? whole.handle : "";
	whole.address = whole.address ? whole.address : "";
	whole.text = whole.text ? whole.text : "";
	if (unit->report)
		unit->report(unit, &whole, unit->arg);
}

char *runtime_unit_name(const char *task_id, uint32_t attempt)
{
	struct text name = TEXT_INIT(1024);

	text_add(&name, task_id);
	if (attempt > 1)
		text_addf(&name, ".%u", (unsigned)attempt);
	return text_take(&name);
}

void runtime_ports_write(struct text *out, const int32_t *ports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		text_add(out, i ? "," : "");
		if (ports[i] > 0)
			text_addf(out, "%d", (int)ports[i]);
		else
			text_add(out, "-");
	}
}

bool runtime_ports_read(const char *text, int32_t **ports, size_t *count)
{
	int32_t *list;
	size_t rows = text[0] ? 1 : 0;

	for (const char *p = text; *p; p++)
		rows += *p == ',';
	if (rows > PORTS_MAX || !(list = malloc((rows ? rows : 1) * sizeof(*list))))
		return false;
	for (size_t i = 0; i < rows; i++) {
		char *end = NULL;
		long port = PORT_NONE;

		if (*text == '-')
			end = (char *)text + 1;
		else
			port = strtol(text, &end, 10);
		if (end == text || (*end && *end != ',') || port < PORT_NONE || port > 65535) {
			free(list);
			return false;
		}
		list[i] = (int32_t)port;
		text = *end ? end + 1 : end;
	}
	*ports = list;
	*count = rows;
	return true;
}
