#include "supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/json/json_writer.h"
#include "task.h"

#define SURVEY_RETRY_MS 1000
#define FRESH_CHECKS_MS 10000 /* plain successes are told so often, at most, and not written */
#define SETTLE_MS 3000 /* the coordinator is greeted after that even if the engine is silent */

struct source { /* of what is found: a runtime */
	struct supervisor *supervisor;
	struct runtime *runtime;
	bool container;
	bool surveyed; /* its complete list has come once */
	bool told;     /* that it does not list: once is enough for the log */
	struct timer retry;
};

struct supervisor {
	struct supervisor_options options;
	struct task_context context;
	struct task *tasks; /* by id */
	struct wanted wanted;
	bool wanted_known;   /* a list has come since the session began */
	bool condition_told; /* the engine's condition as it is now was reported */
	bool settled;
	uint64_t checks_told_ms; /* monotonic */
	struct source docker, process;
	struct timer settle; /* until `settled` */
	struct timer pass;   /* goes through everything, soon */
};

static struct task *find(struct supervisor *supervisor, const char *task_id)
{
	struct task *task;

	HASH_FIND_STR(supervisor->tasks, task_id, task);
	return task;
}

static void add(struct supervisor *supervisor, struct task *task)
{
	if (!task) {
		log_error("supervisor.no_memory");
		return; /* asked for again with the next list */
	}
	HASH_ADD_KEYPTR(hh, supervisor->tasks, task->status.task_id, strlen(task->status.task_id),
			task);
}

static struct source *source_of(struct supervisor *supervisor, bool container)
{
	return container ? &supervisor->docker : &supervisor->process;
}

static void pass_soon(struct supervisor *supervisor)
{
	timer_start(&supervisor->pass, 0);
}

/* ---- Wanted against known ---- */

static void reconcile_wanted(struct supervisor *supervisor, const struct wanted_task *wanted)
{
	struct task *task = find(supervisor, wanted->task_id);
	bool container = wanted->app->container == CONTAINER_DOCKER;
	const struct reconcile_wanted as_wanted = {
		.seen = wanted->seen,
		.surveyed = source_of(supervisor, container)->surveyed,
	};
	struct reconcile_known known;

	if (task)
		known = task_known(task);
	switch (reconcile_task(task ? &known : NULL, &as_wanted)) {
	case RECONCILE_START:
		task = task_new_wanted(&supervisor->context, wanted);
		add(supervisor, task);
		break;
	case RECONCILE_LOST:
		task = task_new_lost(&supervisor->context, wanted);
		add(supervisor, task);
		break;
	case RECONCILE_RESUME:
		task_resume(task);
		break;
	case RECONCILE_DEFINE:
		task_define(task, wanted);
		break;
	case RECONCILE_KEEP:
	case RECONCILE_STOP:
	case RECONCILE_FORGET:
		break;
	}
	if (task)
		task->wanted = true;
}

static void reconcile_unwanted(struct supervisor *supervisor)
{
	struct task *task, *next;

	HASH_ITER(hh, supervisor->tasks, task, next) {
		const struct reconcile_known known = task_known(task);
		enum reconcile_action action = RECONCILE_KEEP;

		if (!task->wanted && !task_recalled(task))
			action = reconcile_task(&known, NULL);
		if (action == RECONCILE_STOP)
			task_kill(task, "killed: it is no longer wanted");
		if (action != RECONCILE_FORGET)
			continue;
		HASH_DEL(supervisor->tasks, task);
		task_forget(task); /* the runtime lets removals wait for creations */
	}
}

static void pass(void *arg)
{
	struct supervisor *supervisor = arg;

	if (!supervisor->wanted_known)
		return;
	for (struct task *task = supervisor->tasks; task; task = task->hh.next)
		task->wanted = false;
	for (size_t i = 0; i < supervisor->wanted.task_count; i++)
		reconcile_wanted(supervisor, &supervisor->wanted.tasks[i]);
	reconcile_unwanted(supervisor);
}

void supervisor_want(struct supervisor *supervisor, struct wanted *wanted)
{
	wanted_clear(&supervisor->wanted);
	supervisor->wanted = *wanted;
	*wanted = (struct wanted){ 0 };
	supervisor->wanted_known = true;
	pass(supervisor);
}

void supervisor_session(struct supervisor *supervisor)
{
	for (struct task *task = supervisor->tasks; task; task = task->hh.next)
		task->acked_seq = 0;
	supervisor->wanted_known = false;
	supervisor->condition_told = false;
}

void supervisor_receipt(struct supervisor *supervisor, const struct receipt *receipt)
{
	bool ended = false;

	for (size_t i = 0; i < receipt->ack_count; i++) {
		struct task *task = find(supervisor, receipt->acks[i].task_id);

		if (!task)
			continue;
		task_acked(task, receipt->acks[i].seq);
		ended |= task_state_terminal(task->status.state);
	}
	if (ended)
		pass_soon(supervisor);
}

/* ---- What is found on the host ---- */

static void settle_when_known(struct supervisor *supervisor)
{
	struct runtime_condition engine;
	bool adopting = false;

	if (supervisor->settled)
		return;
	runtime_condition(supervisor->options.docker, &engine);
	for (struct task *task = supervisor->tasks; task; task = task->hh.next)
		adopting |= task->phase == PHASE_ADOPTING ||
			    task->phase == PHASE_ADOPTING_TO_STOP || !task->committed_seq;
	if (adopting || !engine.ready || !supervisor->docker.surveyed ||
	    !supervisor->process.surveyed)
		return;
	supervisor->settled = true;
	timer_cancel(&supervisor->settle);
	supervisor->options.settled(supervisor->options.arg);
}

static void on_settle(void *arg)
{
	struct supervisor *supervisor = arg;

	supervisor->settled = true;
	log_warn("supervisor.unsettled", F("docker", supervisor->docker.surveyed ? "ok" : "silent"),
		 F("process", supervisor->process.surveyed ? "ok" : "silent"));
	supervisor->options.settled(supervisor->options.arg);
}

static void on_found(const struct runtime_found *found, void *arg)
{
	struct source *source = arg;
	struct supervisor *supervisor = source->supervisor;
	struct task *task = find(supervisor, found->task_id);

	if (!task) {
		if (!task_id_valid(found->task_id)) {
			log_warn("supervisor.bad_label", F("task", found->task_id));
			return;
		}
		task = task_new_found(&supervisor->context, found, source->container);
		add(supervisor, task);
	}
	if (task)
		task->found = true;
}

static void on_survey(const struct error *error, void *arg)
{
	struct source *source = arg;
	struct supervisor *supervisor = source->supervisor;

	if (error) {
		if (!source->told)
			log_warn("supervisor.survey_failed",
				 F("runtime", source->container ? "docker" : "process"),
				 F("error", error->text));
		source->told = true;
		timer_start(&source->retry, SURVEY_RETRY_MS);
		return;
	}
	source->surveyed = true;
	if (source->container)
		journal_meta_set(supervisor->options.journal, JOURNAL_SURVEYED, "yes");
	for (struct task *task = supervisor->tasks; task; task = task->hh.next) {
		if (task_in_docker(task) == source->container && task_recalled(task))
			task_surveyed(task);
	}
	settle_when_known(supervisor);
	pass_soon(supervisor);
	supervisor->options.news(supervisor->options.arg); /* a complete report can be made now */
}

static void survey(void *arg)
{
	struct source *source = arg;
	struct supervisor *supervisor = source->supervisor;
	struct error error = { 0 };

	for (struct task *task = supervisor->tasks; task; task = task->hh.next) {
		if (task_in_docker(task) == source->container && task_recalled(task))
			task->found = false;
	}
	if (!runtime_survey(source->runtime, on_found, on_survey, source, &error))
		on_survey(&error, source);
}

/* ---- What is told ---- */

static void on_task_news(struct task *task, void *arg)
{
	struct supervisor *supervisor = arg;

	settle_when_known(supervisor);
	if (task_has_news(task))
		supervisor->options.news(supervisor->options.arg);
}

static void on_condition(void *arg)
{
	struct supervisor *supervisor = arg;

	if (timer_pending(&supervisor->docker.retry)) /* the engine may be back */
		timer_start(&supervisor->docker.retry, 0);
	supervisor->condition_told = false;
	settle_when_known(supervisor);
	supervisor->options.news(supervisor->options.arg);
}

static void on_journal(void *arg)
{
	struct supervisor *supervisor = arg;
	int64_t since_ms;
	bool refuses = journal_problem(supervisor->options.journal, &since_ms) != NULL;

	for (struct task *task = supervisor->tasks; refuses && task; task = task->hh.next)
		task_unrecorded(task);
	on_condition(supervisor);
}

static void fill_condition(struct supervisor *supervisor, struct report *out)
{
	struct runtime_condition engine;
	int64_t since_ms;
	const char *problem = journal_problem(supervisor->options.journal, &since_ms);

	runtime_condition(supervisor->options.docker, &engine);
	if (!engine.ready) {
		problem = engine.text;
		since_ms = engine.since_ms > 0 ? engine.since_ms : clock_wall_ms();
	}
	/* An agent that cannot write its journal starts nothing either: for the coordinator that
	 * is the same as an engine that is away. */
	out->engine_down_since_ms = problem ? since_ms : 0;
	(void)text_copy(out->engine_problem, sizeof(out->engine_problem), problem ? problem : "");
}

/* Whether a list of all tasks would be true: the engine has listed its containers some time since
 * the journal is there, and what was found then is on disk. */
static bool knows_all(const struct supervisor *supervisor)
{
	for (const struct task *task = supervisor->tasks; task; task = task->hh.next) {
		if (!task->defined && !task->committed_seq)
			return false; /* its commit is news */
	}
	return journal_meta(supervisor->options.journal, JOURNAL_SURVEYED)[0] != '\0';
}

bool supervisor_report(struct supervisor *supervisor, struct report *out)
{
	size_t count = HASH_COUNT(supervisor->tasks);
	bool any = !supervisor->condition_told;
	uint64_t now_ms = clock_monotonic_ms();
	bool fresh = now_ms - supervisor->checks_told_ms >= FRESH_CHECKS_MS;

	fill_condition(supervisor, out);
	out->complete = out->complete && knows_all(supervisor);
	out->tasks = calloc(count ? count : 1, sizeof(*out->tasks));
	if (!out->tasks)
		return false;
	for (struct task *task = supervisor->tasks; task; task = task->hh.next) {
		/* In a complete report, a change that is not on disk yet goes under the number of
		 * the last one that is: its own number follows. */
		bool tell = out->complete
				    ? task->committed_seq > 0
				    : task_has_news(task) || (fresh && task_has_fresh_checks(task));

		if (!tell || !task_status_copy(&out->tasks[out->task_count], &task->status))
			continue;
		out->tasks[out->task_count++].seq = task->committed_seq;
		if (task->checked)
			supervisor->checks_told_ms = now_ms;
		task->checked = false;
		any = true;
	}
	supervisor->condition_told = true;
	return any;
}

void supervisor_write(struct supervisor *supervisor, struct text *out)
{
	struct json_writer writer = JSON_WRITER(out);

	json_array_begin(&writer);
	for (struct task *task = supervisor->tasks; task; task = task->hh.next) {
		struct text status = TEXT_INIT(out->max);

		task_status_write(&status, &task->status);
		out->failed |= status.failed;
		if (!status.failed)
			json_put_raw(&writer, text_string(&status));
		text_clear(&status);
	}
	json_array_end(&writer);
}

/* ---- Beginning and end ---- */

static void on_record(struct journal_record *record, void *arg)
{
	struct supervisor *supervisor = arg;

	add(supervisor, task_new_recalled(&supervisor->context, record));
}

static bool source_init(struct source *source, struct supervisor *supervisor,
			struct runtime *runtime, bool container, struct error *error)
{
	source->supervisor = supervisor;
	source->runtime = runtime;
	source->container = container;
	if (!timer_init(&source->retry, supervisor->options.loop, survey, source, error))
		return false;
	timer_start(&source->retry, 0);
	return true;
}

void supervisor_free(struct supervisor *supervisor)
{
	struct task *task, *next;

	if (!supervisor)
		return;
	HASH_ITER(hh, supervisor->tasks, task, next) {
		HASH_DEL(supervisor->tasks, task);
		task_free(task);
	}
	wanted_clear(&supervisor->wanted);
	timer_clear(&supervisor->docker.retry);
	timer_clear(&supervisor->process.retry);
	timer_clear(&supervisor->settle);
	timer_clear(&supervisor->pass);
	free(supervisor);
}

DEFINE_AUTOPTR(supervisor, supervisor_free)

struct supervisor *supervisor_new(const struct supervisor_options *options, struct error *error)
{
	autoptr(supervisor) supervisor = calloc(1, sizeof(*supervisor));
	struct loop *loop = options->loop;

	if (!supervisor) {
		error_set(error, ERROR_NOMEM, "starting the supervisor");
		return NULL;
	}
	supervisor->options = *options;
	supervisor->context = (struct task_context){
		.loop = loop,
		.journal = options->journal,
		.ports = options->ports,
		.probes = options->probes,
		.docker = options->docker,
		.process = options->process,
		.hostname = options->hostname,
		.boot_id = options->boot_id,
		.news = on_task_news,
		.arg = supervisor,
	};
	if (!journal_each(options->journal, on_record, supervisor, error) ||
	    !timer_init(&supervisor->pass, loop, pass, supervisor, error) ||
	    !timer_init(&supervisor->settle, loop, on_settle, supervisor, error) ||
	    !source_init(&supervisor->docker, supervisor, options->docker, true, error) ||
	    !source_init(&supervisor->process, supervisor, options->process, false, error))
		return NULL;
	timer_start(&supervisor->settle, SETTLE_MS);
	runtime_on_condition(options->docker, on_condition, supervisor);
	journal_on_problem(options->journal, on_journal, supervisor);
	return TAKE(supervisor);
}
