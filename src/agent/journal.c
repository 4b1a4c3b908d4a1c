#include "journal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/app_read.h"
#include "stadion/model/app_write.h"
#include "stadion/protocol/messages.h"
#include "stadion/store/store.h"

#define TASK_PREFIX "task/"
#define KEY_MAX 512
#define RECORD_MAX (4U << 20)
#define RETRY_MS 1000

static const char *const meta_keys[] = {
	[JOURNAL_HOST_ID] = "meta/host_id",
	[JOURNAL_CLUSTER] = "meta/cluster",
	[JOURNAL_EPOCH] = "meta/epoch",
	[JOURNAL_SURVEYED] = "meta/surveyed",
};

struct journal_write {
	struct journal *journal;
	struct journal_write **slot; /* NULL: nobody waits for it */
	journal_done_fn *done;
	void *arg;
	char key[KEY_MAX];
	char *value; /* NULL: delete the key */
	TAILQ_ENTRY(journal_write) link;
};

TAILQ_HEAD(journal_writes, journal_write);

struct journal {
	struct store *store;
	struct journal_writes under_way, refused;
	struct timer retry;
	char meta[ROWS(meta_keys)][JOURNAL_META_MAX];
	int64_t problem_since_ms; /* wall; 0: none */
	char problem[256];
	void (*changed)(void *arg);
	void *changed_arg;
};

static void on_stored(const struct error *error, void *arg);

static void write_free(struct journal_write *write)
{
	free(write->value);
	free(write);
}

static void set_problem(struct journal *journal, const char *text)
{
	if (!text == !journal->problem_since_ms)
		return;
	journal->problem_since_ms = text ? clock_wall_ms() : 0;
	(void)snprintf(journal->problem, sizeof(journal->problem),
		       "the agent cannot write its state: %.200s", text ? text : "");
	if (text)
		log_error("journal.refused", F("error", text));
	else
		log_info("journal.recovered");
	if (journal->changed)
		journal->changed(journal->changed_arg);
}

static void write_submit(struct journal_write *write)
{
	struct journal *journal = write->journal;
	struct store_batch *batch = store_batch_new();
	bool filled = batch && (write->value ? store_batch_put(batch, write->key, write->value,
							       strlen(write->value))
					     : store_batch_delete(batch, write->key));

	if (!filled) { /* no memory now: as a full disk, later perhaps */
		store_batch_free(batch);
		TAILQ_INSERT_TAIL(&journal->refused, write, link);
		timer_start(&journal->retry, RETRY_MS);
		return;
	}
	TAILQ_INSERT_TAIL(&journal->under_way, write, link);
	store_commit(journal->store, batch, on_stored, write);
}

static void on_stored(const struct error *error, void *arg)
{
	struct journal_write *write = arg;
	struct journal *journal = write->journal;

	TAILQ_REMOVE(&journal->under_way, write, link);
	if (error) {
		TAILQ_INSERT_TAIL(&journal->refused, write, link);
		timer_start(&journal->retry, RETRY_MS);
		set_problem(journal, error->text);
		return;
	}
	if (TAILQ_EMPTY(&journal->refused))
		set_problem(journal, NULL);
	struct journal_write **slot = write->slot;
	journal_done_fn *done = write->done;
	void *done_arg = write->arg;

	write_free(write);
	if (slot) {
		*slot = NULL;
		done(done_arg);
	}
}

static void on_retry(void *arg)
{
	struct journal *journal = arg;
	struct journal_writes writes = TAILQ_HEAD_INITIALIZER(writes);
	struct journal_write *write;

	TAILQ_CONCAT(&writes, &journal->refused, link);
	while ((write = TAILQ_FIRST(&writes))) {
		TAILQ_REMOVE(&writes, write, link);
		write_submit(write);
	}
}

/* Takes `value`. NULL without memory. */
static struct journal_write *write_new(struct journal *journal, char *value)
{
	struct journal_write *write = calloc(1, sizeof(*write));

	if (!write) {
		free(value);
		return NULL;
	}
	write->journal = journal;
	write->value = value;
	return write;
}

/* A later write of a key must not be overtaken by an earlier one that was refused. */
static void drop_refused(struct journal *journal, const char *key)
{
	struct journal_write *write = TAILQ_FIRST(&journal->refused);

	while (write) {
		struct journal_write *next = TAILQ_NEXT(write, link);

		if (!write->slot && strcmp(write->key, key) == 0) {
			TAILQ_REMOVE(&journal->refused, write, link);
			write_free(write);
		}
		write = next;
	}
}

static bool on_meta(const char *key, const char *value, size_t len, void *arg, struct error *error)
{
	struct journal *journal = arg;

	(void)error;
	for (size_t i = 0; i < ROWS(meta_keys); i++) {
		if (strcmp(key, meta_keys[i]) == 0 && len < JOURNAL_META_MAX) {
			memcpy(journal->meta[i], value, len);
			journal->meta[i][len] = '\0';
		}
	}
	return true;
}

struct journal *journal_open(struct loop *loop, const char *folder, struct error *error)
{
	autoptr(journal) journal = calloc(1, sizeof(*journal));
	char spec[4096];
	int len = snprintf(spec, sizeof(spec), "sqlite:%s/agent.db", folder);

	if (!journal) {
		error_set(error, ERROR_NOMEM, "opening the journal");
		return NULL;
	}
	TAILQ_INIT(&journal->under_way);
	TAILQ_INIT(&journal->refused);
	if (len < 0 || (size_t)len >= sizeof(spec)) {
		error_set(error, ERROR_INVALID, "the path of the state folder is too long");
		return NULL;
	}
	if (!timer_init(&journal->retry, loop, on_retry, journal, error))
		return NULL;
	journal->store = store_open(loop, spec, error);
	if (!journal->store || !store_each(journal->store, "meta/", on_meta, journal, error)) {
		error_wrap(error, "opening the journal in %s", folder);
		return NULL;
	}
	return TAKE(journal);
}

static void writes_free(struct journal_writes *writes)
{
	struct journal_write *write;

	while ((write = TAILQ_FIRST(writes))) {
		TAILQ_REMOVE(writes, write, link);
		write_free(write);
	}
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->store)
		store_close(journal->store);
	timer_clear(&journal->retry);
	writes_free(&journal->under_way);
	writes_free(&journal->refused);
	free(journal);
}

const char *journal_meta(const struct journal *journal, enum journal_meta which)
{
	return journal->meta[which];
}

void journal_meta_set(struct journal *journal, enum journal_meta which, const char *value)
{
	if (strcmp(journal->meta[which], value) == 0)
		return;
	(void)text_copy(journal->meta[which], JOURNAL_META_MAX, value); /* the peer's are shorter */

	struct journal_write *write = write_new(journal, text_duplicate(journal->meta[which]));

	if (!write || !write->value) {
		log_error("journal.no_memory", F("key", meta_keys[which]));
		free(write);
		return;
	}
	(void)text_copy(write->key, sizeof(write->key), meta_keys[which]); /* fits */
	drop_refused(journal, write->key);
	write_submit(write);
}

static bool record_read(const char *value, size_t len, struct journal_record *out,
			struct error *error)
{
	autoptr(json_object) root = json_parse(value, len, error);

	if (!root)
		return false;
	struct json_object *app = json_object_member(root, "app");
	struct json_object *status = json_object_member(root, "status");

	if (!app || !status)
		return error_set(error, ERROR_INVALID, "no app or no status in it");
	*out = (struct journal_record){
		.defined = json_flag(root, "defined", true),
		.running_since_ms = (uint64_t)json_integer(root, "runningSinceMs", 0),
	};
	(void)text_copy(out->boot_id, sizeof(out->boot_id), json_text(root, "bootId", ""));
	if (!task_status_read(status, &out->status, error))
		return false;
	out->app = app_read_stored(app, error);
	if (!out->app)
		task_status_clear(&out->status);
	return out->app != NULL;
}

struct each {
	journal_each_fn *fn;
	void *arg;
};

static bool on_task(const char *key, const char *value, size_t len, void *arg, struct error *error)
{
	const struct each *each = arg;
	struct journal_record record;
	struct error why = { 0 };

	(void)error;
	if (!record_read(value, len, &record, &why)) {
		log_error("journal.record_skipped", F("key", key), F("error", why.text));
		return true; /* one bad record is no reason to lose the others */
	}
	each->fn(&record, each->arg);
	app_unref(record.app);
	task_status_clear(&record.status);
	return true;
}

bool journal_each(struct journal *journal, journal_each_fn *fn, void *arg, struct error *error)
{
	struct each each = { .fn = fn, .arg = arg };

	return store_each(journal->store, TASK_PREFIX, on_task, &each, error);
}

static char *record_text(const struct journal_record *record)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);
	struct text status = TEXT_INIT(RECORD_MAX);

	task_status_write(&status, &record->status);
	json_object_begin(&writer);
	json_field_flag(&writer, "defined", record->defined);
	json_field_integer(&writer, "runningSinceMs", (int64_t)record->running_since_ms);
	json_field_text(&writer, "bootId", record->boot_id);
	json_key(&writer, "status");
	json_put_raw(&writer, text_string(&status));
	json_key(&writer, "app");
	app_write_stored(&writer, record->app);
	json_object_end(&writer);
	text.failed |= status.failed;
	char *value = text_take(&text);

	text_clear(&status);
	text_clear(&text);
	return value;
}

static void task_key(char key[KEY_MAX], const char *task_id)
{
	(void)snprintf(key, KEY_MAX, TASK_PREFIX "%s", task_id); /* ids are shorter: task.h */
}

void journal_put(struct journal *journal, const struct journal_record *record,
		 journal_done_fn *done, void *arg, struct journal_write **slot)
{
	assert(!*slot);
	struct journal_write *write = write_new(journal, record_text(record));

	if (!write || !write->value) {
		/* As everywhere in it, the agent does not go on with half of its memory. */
		log_error("journal.no_memory", F("task", record->status.task_id));
		abort();
	}
	task_key(write->key, record->status.task_id);
	drop_refused(journal, write->key);
	write->slot = slot;
	write->done = done;
	write->arg = arg;
	*slot = write;
	write_submit(write);
}

void journal_write_cancel(struct journal_write **slot)
{
	if (*slot)
		(*slot)->slot = NULL;
	*slot = NULL;
}

void journal_delete(struct journal *journal, const char *task_id)
{
	struct journal_write *write = write_new(journal, NULL);

	if (!write) { /* it comes up again at the next start, as an ended task: harmless */
		log_error("journal.no_memory", F("task", task_id));
		return;
	}
	task_key(write->key, task_id);
	drop_refused(journal, write->key);
	write_submit(write);
}

const char *journal_problem(const struct journal *journal, int64_t *since_ms)
{
	*since_ms = journal->problem_since_ms;
	return journal->problem_since_ms ? journal->problem : NULL;
}

void journal_on_problem(struct journal *journal, void (*changed)(void *arg), void *arg)
{
	journal->changed = changed;
	journal->changed_arg = arg;
}
