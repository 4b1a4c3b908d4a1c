#include "journal.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stadion/base/text.h"
#include "stadion/store/store.h"

static char folder[64];
static struct loop *loop;

static void setup(void)
{
	struct error error = { 0 };

	snprintf(folder, sizeof(folder), "/tmp/stadion-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	loop = loop_new(&error);
	ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
	char command[128];

	loop_free(loop);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static struct journal *open_journal(void)
{
	struct error error = { 0 };
	struct journal *journal = journal_open(loop, folder, &error);

	ck_assert_msg(journal != NULL, "%s", error.text);
	return journal;
}

static void on_done(void *arg)
{
	++*(int *)arg;
	loop_stop(loop);
}

static void put(struct journal *journal, const char *task_id, enum task_state state)
{
	struct app *app = app_new();
	struct check_result check = { .known = true,
				      .consecutive_failures = 2,
				      .last_failure_ms = 17,
				      .cause = "status 503" };
	int32_t port = 31000;
	struct journal_record record = {
		.app = app,
		.defined = true,
		.running_since_ms = 4711,
		.boot_id = "boot-1",
		.status = { .task_id = (char *)task_id,
			    .seq = 3,
			    .attempt = 1,
			    .state = state,
			    .at_ms = 5,
			    .ports = &port,
			    .port_count = 1,
			    .checks = &check,
			    .check_count = 1,
			    .message = "words" },
	};
	struct journal_write *slot = NULL;
	int done = 0;

	free(app->id);
	app->id = text_duplicate("/journalled");
	free(app->cmd);
	app->cmd = text_duplicate("sleep 1");
	journal_put(journal, &record, on_done, &done, &slot);
	ck_assert_ptr_nonnull(slot);
	ck_assert_int_eq(done, 0); /* never from inside */
	ck_assert(loop_run(loop, NULL));
	ck_assert_int_eq(done, 1);
	ck_assert_ptr_null(slot);
	app_unref(app);
}

struct found {
	int count;
	struct journal_record last;
};

static void on_record(struct journal_record *record, void *arg)
{
	struct found *found = arg;

	found->count++;
	task_status_clear(&found->last.status);
	app_unref(found->last.app);
	found->last = *record;
	record->app = NULL;
	record->status = (struct task_status){ 0 };
}

static void found_clear(struct found *found)
{
	task_status_clear(&found->last.status);
	app_unref(found->last.app);
}

START_TEST(a_task_comes_back_whole)
{
	char *task_id = task_id_new("/journalled");
	struct journal *journal = open_journal();
	struct found found = { 0 };

	put(journal, task_id, TASK_RUNNING);
	journal_close(journal);
	journal = open_journal();
	ck_assert(journal_each(journal, on_record, &found, NULL));
	ck_assert_int_eq(found.count, 1);
	ck_assert(found.last.defined);
	ck_assert_uint_eq(found.last.running_since_ms, 4711);
	ck_assert_str_eq(found.last.boot_id, "boot-1");
	ck_assert_str_eq(found.last.app->id, "/journalled");
	ck_assert_str_eq(found.last.app->cmd, "sleep 1");
	const struct task_status *status = &found.last.status;

	ck_assert_str_eq(status->task_id, task_id);
	ck_assert_uint_eq(status->seq, 3);
	ck_assert_int_eq(status->state, TASK_RUNNING);
	ck_assert_int_eq(status->ports[0], 31000);
	ck_assert_str_eq(status->message, "words");
	ck_assert_uint_eq(status->check_count, 1);
	ck_assert(status->checks[0].known && !status->checks[0].alive);
	ck_assert_int_eq(status->checks[0].consecutive_failures, 2);
	ck_assert_str_eq(status->checks[0].cause, "status 503");
	found_clear(&found);
	journal_close(journal);
	free(task_id);
}
END_TEST

START_TEST(a_deleted_task_stays_away)
{
	char *gone = task_id_new("/journalled");
	char *kept = task_id_new("/journalled");
	struct journal *journal = open_journal();
	struct found found = { 0 };

	put(journal, gone, TASK_FINISHED);
	journal_delete(journal, gone);
	put(journal, kept, TASK_RUNNING); /* when it is on disk, so is what came before */
	journal_close(journal);
	journal = open_journal();
	ck_assert(journal_each(journal, on_record, &found, NULL));
	ck_assert_int_eq(found.count, 1);
	ck_assert_str_eq(found.last.status.task_id, kept);
	found_clear(&found);
	journal_close(journal);
	free(gone);
	free(kept);
}
END_TEST

START_TEST(facts_come_back)
{
	char *task_id = task_id_new("/journalled");
	struct journal *journal = open_journal();

	ck_assert_str_eq(journal_meta(journal, JOURNAL_EPOCH), "");
	journal_meta_set(journal, JOURNAL_EPOCH, "12");
	journal_meta_set(journal, JOURNAL_HOST_ID, "host-1");
	ck_assert_str_eq(journal_meta(journal, JOURNAL_EPOCH), "12");
	put(journal, task_id, TASK_STAGING);
	journal_close(journal);
	journal = open_journal();
	ck_assert_str_eq(journal_meta(journal, JOURNAL_EPOCH), "12");
	ck_assert_str_eq(journal_meta(journal, JOURNAL_HOST_ID), "host-1");
	ck_assert_str_eq(journal_meta(journal, JOURNAL_CLUSTER), "");
	journal_close(journal);
	free(task_id);
}
END_TEST

static void on_stored(const struct error *error, void *arg)
{
	(void)arg;
	ck_assert_ptr_null(error);
	loop_stop(loop);
}

START_TEST(a_record_of_nonsense_costs_only_itself)
{
	static const char *const nonsense[] = { "", "{", "{}", "[1]", "{\"app\":{},\"status\":7}" };
	char *task_id = task_id_new("/journalled");
	char spec[96], key[32];
	struct journal *journal = open_journal();
	struct found found = { 0 };

	put(journal, task_id, TASK_RUNNING);
	journal_close(journal);
	snprintf(spec, sizeof(spec), "sqlite:%s/agent.db", folder);
	struct store *store = store_open(loop, spec, NULL);
	struct store_batch *batch = store_batch_new();

	for (size_t i = 0; i < ROWS(nonsense); i++) {
		snprintf(key, sizeof(key), "task/%zu", i);
		ck_assert(store_batch_put(batch, key, nonsense[i], strlen(nonsense[i])));
	}
	store_commit(store, batch, on_stored, NULL);
	ck_assert(loop_run(loop, NULL));
	store_close(store);
	journal = open_journal();
	ck_assert(journal_each(journal, on_record, &found, NULL));
	ck_assert_int_eq(found.count, 1);
	ck_assert_str_eq(found.last.status.task_id, task_id);
	found_clear(&found);
	journal_close(journal);
	free(task_id);
}
END_TEST

START_TEST(a_cancelled_write_calls_nobody_and_still_lands)
{
	char *first = task_id_new("/journalled");
	char *second = task_id_new("/journalled");
	struct journal *journal = open_journal();
	struct app *app = app_new();
	struct journal_record record = {
		.app = app, .status = { .task_id = first, .state = TASK_RUNNING, .attempt = 1 }
	};
	struct journal_write *slot = NULL;
	struct found found = { 0 };
	int done = 0;

	free(app->id);
	app->id = text_duplicate("/journalled");
	journal_put(journal, &record, on_done, &done, &slot);
	journal_write_cancel(&slot);
	ck_assert_ptr_null(slot);
	put(journal, second, TASK_RUNNING);
	ck_assert_int_eq(done, 0);
	journal_close(journal);
	journal = open_journal();
	ck_assert(journal_each(journal, on_record, &found, NULL));
	ck_assert_int_eq(found.count, 2);
	found_clear(&found);
	journal_close(journal);
	app_unref(app);
	free(first);
	free(second);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *tcase = tcase_create("journal");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_task_comes_back_whole);
	tcase_add_test(tcase, a_deleted_task_stays_away);
	tcase_add_test(tcase, facts_come_back);
	tcase_add_test(tcase, a_record_of_nonsense_costs_only_itself);
	tcase_add_test(tcase, a_cancelled_write_calls_nobody_and_still_lands);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
