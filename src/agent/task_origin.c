/* Where tasks come from: the wanted list, the journal, or what runs on the host. */

#include <stdlib.h>
#include <string.h>

#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "task_life.h"
#include "task_ports.h"

bool task_status_fit(struct task_status *status, const struct app *app)
{
	size_t ports = app->port_count, checks = app->check_count;
	int32_t *new_ports = calloc(ports ? ports : 1, sizeof(*new_ports));
	struct check_result *new_checks = calloc(checks ? checks : 1, sizeof(*new_checks));

	if (!new_ports || !new_checks) {
		free(new_ports);
		free(new_checks);
		return false;
	}
	for (size_t i = 0; i < ports; i++)
		new_ports[i] = i < status->port_count ? status->ports[i] : PORT_NONE;
	for (size_t i = 0; i < checks && i < status->check_count; i++)
		new_checks[i] = status->checks[i];
	free(status->ports);
	free(status->checks);
	status->ports = new_ports;
	status->port_count = ports;
	status->checks = new_checks;
	status->check_count = checks;
	return true;
}

DEFINE_AUTOPTR(task, task_free)

/* Takes a reference of `app`. */
static struct task *task_new(struct task_context *context, const char *task_id,
			     const struct app *app)
{
	autoptr(task) task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->context = context;
	task->app = app_ref(app);
	task->defined = true;
	task->status.task_id = text_duplicate(task_id);
	task->status.attempt = 1;
	task->status.state = TASK_STAGING;
	task->status.at_ms = clock_wall_ms();
	task->status.exit_code = -1;
	if (!task->status.task_id || !task_status_fit(&task->status, app))
		return NULL;
	return TAKE(task);
}

static void propose_ports(struct task_status *status, const int32_t *ports, size_t count)
{
	for (size_t i = 0; i < status->port_count && i < count; i++)
		status->ports[i] = ports[i];
}

struct task *task_new_wanted(struct task_context *context, const struct wanted_task *wanted)
{
	struct task *task = task_new(context, wanted->task_id, wanted->app);

	if (!task)
		return NULL;
	task->phase = PHASE_INTENDED;
	propose_ports(&task->status, wanted->ports, wanted->port_count);
	task_intend(task);
	return task;
}

struct task *task_new_lost(struct task_context *context, const struct wanted_task *wanted)
{
	struct task *task = task_new(context, wanted->task_id, wanted->app);

	if (!task)
		return NULL;
	task->phase = PHASE_ENDED;
	task->status.seq = wanted->seen;
	task->status.infrastructure = true;
	task_enter(task, TASK_GONE, "it ran here, but neither a record nor anything of it is left");
	log_warn("task.lost", F("task", wanted->task_id));
	task_changed(task);
	return task;
}

static enum task_phase recalled_phase(enum task_state state)
{
	if (task_state_terminal(state))
		return PHASE_RECALLED_ENDED;
	switch (state) {
	case TASK_RUNNING:
		return PHASE_RECALLED;
	case TASK_KILLING:
		return PHASE_RECALLED_STOPPING;
	default:
		return PHASE_RECALLED_INTENT;
	}
}

struct task *task_new_recalled(struct task_context *context, struct journal_record *record)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->context = context;
	task->app = TAKE(record->app);
	task->defined = record->defined;
	task->status = record->status;
	record->status = (struct task_status){ 0 };
	task->running_since_ms = record->running_since_ms;
	task->rebooted = strcmp(record->boot_id, context->boot_id) != 0;
	task->committed_seq = task->status.seq;
	task->phase = recalled_phase(task->status.state);
	if (!task_status_fit(&task->status, task->app)) {
		task_free(task);
		return NULL;
	}
	if (task->phase != PHASE_RECALLED_ENDED)
		task_ports_hold(&task->status, context->ports);
	return task;
}

/* As much of an app as labels tell: enough to hold, report and stop what was found. */
static struct app *app_of_labels(const struct runtime_found *found, bool container)
{
	autoptr(app) app = app_new();

	if (!app)
		return NULL;
	app->container = container ? CONTAINER_DOCKER : CONTAINER_NONE;
	app->network = container ? NETWORK_BRIDGE : NETWORK_HOST;
	app->version_ms = found->version_ms;
	free(app->id);
	app->id = text_duplicate(found->app_id ? found->app_id : "/unknown");
	free(app->ports);
	app->port_count = 0;
	app->ports = calloc(found->port_count ? found->port_count : 1, sizeof(*app->ports));
	if (!app->id || !app->ports)
		return NULL;
	app->port_count = found->port_count;
	return TAKE(app);
}

struct task *task_new_found(struct task_context *context, const struct runtime_found *found,
			    bool container)
{
	autoptr(app) app = app_of_labels(found, container);
	struct task *task = app ? task_new(context, found->task_id, app) : NULL;

	if (!task)
		return NULL;
	task->defined = false;
	task->phase = PHASE_ADOPTING;
	task->status.attempt = found->attempt;
	task->status.started_ms = found->started_ms;
	/* What was said of it before is lost with the record. Whatever number that had reached,
	 * counting changes one by one, it was less than the milliseconds since 1970. */
	task->status.seq = (uint64_t)clock_wall_ms();
	(void)text_copy(task->status.container_id, sizeof(task->status.container_id),
			found->handle ? found->handle : "");
	propose_ports(&task->status, found->ports, found->port_count);
	task_ports_hold(&task->status, context->ports);
	log_info("task.found", F("task", found->task_id), F("handle", found->handle));
	task_adopt(task);
	return task;
}
