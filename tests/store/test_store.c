#include "stadion/store/store.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stadion/base/id.h"
#include "stadion/base/text.h"

/* A store in a folder of its own on a real disk. */
struct fixture {
	char folder[64], spec[128], path[112];
	struct loop *loop;
	struct store *store;
};

static void must_open(struct fixture *fixture)
{
	struct error error = { .kind = ERROR_NONE };

	fixture->store = store_open(fixture->loop, fixture->spec, &error);
	ck_assert_msg(fixture->store, "%s", error.text);
}

static void set_up(struct fixture *fixture)
{
	struct error error;

	memset(fixture, 0, sizeof(*fixture));
	strcpy(fixture->folder, "/var/tmp/stadion-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/new/deep/a.db", fixture->folder);
	snprintf(fixture->spec, sizeof(fixture->spec), "sqlite:%s", fixture->path);
	fixture->loop = loop_new(&error);
	ck_assert_ptr_nonnull(fixture->loop);
}

static void remove_file(const char *path, const char *end)
{
	char name[160];

	snprintf(name, sizeof(name), "%s%s", path, end);
	(void)unlink(name); /* -wal may be absent */
}

static void tear_down(struct fixture *fixture)
{
	char folder[128];

	store_close(fixture->store);
	loop_free(fixture->loop);
	remove_file(fixture->path, "");
	remove_file(fixture->path, "-wal");
	remove_file(fixture->path, ".lock");
	snprintf(folder, sizeof(folder), "%s/new/deep", fixture->folder);
	(void)rmdir(folder); /* a test may not have come so far */
	snprintf(folder, sizeof(folder), "%s/new", fixture->folder);
	(void)rmdir(folder);
	(void)rmdir(fixture->folder);
}

struct waiter { /* stops the loop when so many completions have come */
	struct loop *loop;
	int expected, done, failed;
	struct error error;
	int order[256];
};

struct commit {
	struct waiter *waiter;
	int number;
};

static void on_done(const struct error *error, void *arg)
{
	struct commit *commit = arg;
	struct waiter *waiter = commit->waiter;

	if (waiter->done < (int)ROWS(waiter->order))
		waiter->order[waiter->done] = commit->number;
	waiter->done++;
	if (error) {
		waiter->failed++;
		waiter->error = *error;
	}
	if (waiter->done == waiter->expected)
		loop_stop(waiter->loop);
}

static void run(struct waiter *waiter)
{
	struct error error = { .kind = ERROR_NONE };

	ck_assert_msg(loop_run(waiter->loop, &error), "%s", error.text);
	ck_assert_int_eq(waiter->done, waiter->expected);
}

static struct store_batch *batch_of(const char *key, const char *value)
{
	struct store_batch *batch = store_batch_new();

	ck_assert_ptr_nonnull(batch);
	if (value)
		ck_assert(store_batch_put(batch, key, value, strlen(value)));
	else
		ck_assert(store_batch_delete(batch, key));
	return batch;
}

/* Commits one batch and returns how it ended. */
static struct error commit_now(struct fixture *fixture, struct store_batch *batch)
{
	struct waiter waiter = { .loop = fixture->loop, .expected = 1 };
	struct commit commit = { &waiter, 0 };

	store_commit(fixture->store, batch, on_done, &commit);
	ck_assert_int_eq(waiter.done, 0); /* never from inside */
	run(&waiter);
	return waiter.error;
}

static bool gather(const char *key, const char *value, size_t len, void *arg, struct error *error)
{
	(void)error;
	text_addf(arg, "%s=", key);
	text_add_bytes(arg, value, len);
	text_add(arg, ";");
	return true;
}

static void assert_content(struct fixture *fixture, const char *prefix, const char *want)
{
	struct text text = TEXT_INIT(1 << 20);
	struct error error = { .kind = ERROR_NONE };

	ck_assert_msg(store_each(fixture->store, prefix, gather, &text, &error), "%s", error.text);
	ck_assert_str_eq(text_string(&text), want);
	text_clear(&text);
}

START_TEST(what_was_committed_is_there_after_opening_again)
{
	struct fixture fixture;
	struct store_batch *batch;
	struct stat facts;
	uint64_t epoch;

	set_up(&fixture);
	must_open(&fixture);
	epoch = store_epoch(fixture.store);
	batch = batch_of("a/1", "one");
	ck_assert(store_batch_put(batch, "a/2", "", 0));
	ck_assert(store_batch_put(batch, "b/1", "x\0y", 3));
	ck_assert(store_batch_put(batch, "a/3", "three", 5));
	ck_assert_uint_eq(store_batch_count(batch), 4);
	ck_assert_int_eq(commit_now(&fixture, batch).kind, ERROR_NONE);
	ck_assert_int_eq(commit_now(&fixture, batch_of("a/1", "uno")).kind, ERROR_NONE);
	ck_assert_int_eq(commit_now(&fixture, batch_of("a/3", NULL)).kind, ERROR_NONE);
	assert_content(&fixture, "a/", "a/1=uno;a/2=;");

	store_close(TAKE(fixture.store));
	must_open(&fixture);
	assert_content(&fixture, "a/", "a/1=uno;a/2=;");
	assert_content(&fixture, "zz", "");
	ck_assert_uint_eq(store_epoch(fixture.store), epoch + 1);
	ck_assert_int_eq(stat(fixture.path, &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 0777, 0600);
	*strrchr(fixture.path, '/') = '\0';
	ck_assert_int_eq(stat(fixture.path, &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 0777, 0700);
	fixture.path[strlen(fixture.path)] = '/';
	tear_down(&fixture);
}
END_TEST

START_TEST(completions_come_in_order_and_commits_are_shared)
{
	struct fixture fixture;
	struct commit commits[200];
	struct waiter waiter = { .expected = (int)ROWS(commits) };
	struct store_stats stats;

	set_up(&fixture);
	must_open(&fixture);
	waiter.loop = fixture.loop;
	for (int i = 0; i < (int)ROWS(commits); i++) {
		char key[16];

		snprintf(key, sizeof(key), "k/%03d", i);
		commits[i] = (struct commit){ &waiter, i };
		store_commit(fixture.store, batch_of(key, "v"), on_done, &commits[i]);
	}
	run(&waiter);
	ck_assert_int_eq(waiter.failed, 0);
	for (int i = 0; i < (int)ROWS(commits); i++)
		ck_assert_int_eq(waiter.order[i], i);
	stats = store_stats(fixture.store);
	ck_assert_uint_eq(stats.batches, ROWS(commits));
	ck_assert_uint_lt(stats.commits, ROWS(commits) / 2);
	tear_down(&fixture);
}
END_TEST

START_TEST(closing_waits_for_what_is_under_way)
{
	struct fixture fixture;
	struct waiter waiter = { .expected = 1 };
	struct commit commit = { &waiter, 0 };

	set_up(&fixture);
	must_open(&fixture);
	for (int i = 0; i < 20; i++)
		store_commit(fixture.store, batch_of("k", i == 19 ? "last" : "other"), on_done,
			     &commit);
	store_close(TAKE(fixture.store));
	ck_assert_int_eq(waiter.done, 0);
	must_open(&fixture);
	assert_content(&fixture, "", "k=last;");
	tear_down(&fixture);
}
END_TEST

static bool stop_at_second(const char *key, const char *value, size_t len, void *arg,
			   struct error *error)
{
	int *count = arg;

	(void)value;
	(void)len;
	return ++*count < 2 || error_set(error, ERROR_INVALID, "%s is bad", key);
}

START_TEST(each_stops_with_the_error_of_its_callback)
{
	struct fixture fixture;
	struct error error = { .kind = ERROR_NONE };
	int count = 0;

	set_up(&fixture);
	must_open(&fixture);
	for (int i = 0; i < 3; i++) {
		char key[] = { (char)('a' + i), '\0' };

		commit_now(&fixture, batch_of(key, "v"));
	}
	ck_assert(!store_each(fixture.store, "", stop_at_second, &count, &error));
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(error.kind, ERROR_INVALID);
	ck_assert_str_eq(error.text, "b is bad");
	tear_down(&fixture);
}
END_TEST

START_TEST(a_second_process_is_told_who_has_it)
{
	struct fixture fixture;
	struct error error = { .kind = ERROR_NONE };
	char pid[32];

	set_up(&fixture);
	must_open(&fixture);
	ck_assert_ptr_null(store_open(fixture.loop, fixture.spec, &error));
	ck_assert_int_eq(error.kind, ERROR_CONFLICT);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	ck_assert_ptr_nonnull(strstr(error.text, pid));
	tear_down(&fixture);
}
END_TEST

static const struct bad {
	const char *claim, *content;
	enum error_kind want;
} bad[] = {
	{ "a file that is no database is refused",
	  "This is not a database, but it is long enough to be taken for a header of one, as "
	  "it has more than a hundred bytes.",
	  ERROR_UNAVAILABLE },
};

START_TEST(a_foreign_file_is_refused)
{
	struct fixture fixture;
	struct error error = { .kind = ERROR_NONE };
	FILE *file;

	set_up(&fixture);
	must_open(&fixture); /* makes the folders */
	store_close(TAKE(fixture.store));
	file = fopen(fixture.path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(bad[_i].content, file);
	fclose(file);
	remove_file(fixture.path, "-wal");
	ck_assert_msg(!store_open(fixture.loop, fixture.spec, &error), "%s", bad[_i].claim);
	ck_assert_int_eq(error.kind, bad[_i].want);
	ck_assert_ptr_nonnull(strstr(error.text, "a.db"));
	tear_down(&fixture);
}
END_TEST

static const struct spec {
	const char *spec;
	enum error_kind want;
} specs[] = {
	{ "", ERROR_INVALID },
	{ "sqlite:", ERROR_INVALID },
	{ "etcd:http://127.0.0.1:2379", ERROR_INVALID },
	{ "sqlite:/proc/nothing/a.db", ERROR_UNAVAILABLE },
};

START_TEST(bad_specs_are_refused)
{
	struct fixture fixture;
	struct error error = { .kind = ERROR_NONE };

	set_up(&fixture);
	ck_assert_ptr_null(store_open(fixture.loop, specs[_i].spec, &error));
	ck_assert_int_eq(error.kind, specs[_i].want);
	tear_down(&fixture);
}
END_TEST

/* A file system of 1 MiB in a mount namespace of this test's own process: it goes with it. */
static void mount_small(const char *folder)
{
	ck_assert_msg(unshare(CLONE_NEWNS) == 0, "needs root: %s", strerror(errno));
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_msg(mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0, "%s", strerror(errno));
}

static void fill(const char *path, char *block, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	memset(block, 'x', size);
	while (size > 0)
		if (write(fd, block, size) < 0)
			size /= 2;
	close(fd);
}

START_TEST(a_full_disk_refuses_whole_batches_and_recovers)
{
	struct fixture fixture;
	char ballast[128], block[16384];
	struct store_batch *batch;
	struct error error;
	uint64_t epoch;

	set_up(&fixture);
	mount_small(fixture.folder);
	must_open(&fixture);
	ck_assert_int_eq(commit_now(&fixture, batch_of("a", "before")).kind, ERROR_NONE);
	snprintf(ballast, sizeof(ballast), "%s/ballast", fixture.folder);
	fill(ballast, block, sizeof(block));

	batch = batch_of("a", "after");
	for (int i = 0; i < 20; i++) {
		char key[16];

		snprintf(key, sizeof(key), "b%d", i);
		ck_assert(store_batch_put(batch, key, block, sizeof(block)));
	}
	error = commit_now(&fixture, batch);
	ck_assert_int_eq(error.kind, ERROR_NO_SPACE);
	assert_content(&fixture, "", "a=before;");

	/* Opening again must work without a free block, too. */
	epoch = store_epoch(fixture.store);
	store_close(TAKE(fixture.store));
	must_open(&fixture);
	ck_assert_uint_eq(store_epoch(fixture.store), epoch + 1);
	assert_content(&fixture, "", "a=before;");

	ck_assert_int_eq(unlink(ballast), 0);
	ck_assert_int_eq(commit_now(&fixture, batch_of("a", "again")).kind, ERROR_NONE);
	assert_content(&fixture, "", "a=again;");
	tear_down(&fixture);
}
END_TEST

START_TEST(a_file_size_limit_counts_as_a_full_disk)
{
	struct fixture fixture;
	struct rlimit limit, small;
	struct error error;
	char block[16384];

	set_up(&fixture);
	must_open(&fixture);
	signal(SIGXFSZ, SIG_IGN);
	memset(block, 'x', sizeof(block) - 1);
	block[sizeof(block) - 1] = '\0';
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 100000;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	do {
		block[0]++; /* SQLite does not write what has not changed */
		error = commit_now(&fixture, batch_of("a", block));
	} while (error.kind == ERROR_NONE);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_msg(error.kind == ERROR_NO_SPACE, "%s", error.text);
	ck_assert_int_eq(commit_now(&fixture, batch_of("a", "again")).kind, ERROR_NONE);
	assert_content(&fixture, "", "a=again;");
	tear_down(&fixture);
}
END_TEST

/* The child writes numbers, one commit each, and says each that was acknowledged into a pipe. */
struct endless {
	struct store *store;
	int pipe;
	unsigned next, said;
};

static void write_next(struct endless *endless);

static void say_it(const struct error *error, void *arg)
{
	struct endless *endless = arg;

	if (error || write(endless->pipe, &endless->said, sizeof(endless->said)) < 0)
		_exit(1);
	endless->said++;
	write_next(endless);
}

static void write_next(struct endless *endless)
{
	struct store_batch *batch = store_batch_new();
	char key[32];

	/* Two keys each: half a batch must never be seen. */
	snprintf(key, sizeof(key), "a/%08u", endless->next);
	store_batch_put(batch, key, "v", 1);
	snprintf(key, sizeof(key), "b/%08u", endless->next++);
	store_batch_put(batch, key, "v", 1);
	store_commit(endless->store, batch, say_it, endless);
}

static void write_until_killed(const char *spec, int out, unsigned first)
{
	struct error error = { .kind = ERROR_NONE };
	struct loop *loop = loop_new(&error);
	struct endless endless = { store_open(loop, spec, &error), out, first, first };

	if (!endless.store)
		_exit(2);
	for (int i = 0; i < 8; i++)
		write_next(&endless);
	loop_run(loop, &error);
	_exit(3);
}

/* Kills a writer after some acknowledged commits; returns the number after the last of them. */
static unsigned kill_a_writer(struct fixture *fixture, unsigned first, unsigned commits)
{
	unsigned number, end = first;
	int ends[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		write_until_killed(fixture->spec, ends[1], first);
	close(ends[1]);
	while (end < first + commits && read(ends[0], &number, sizeof(number)) == sizeof(number))
		end = number + 1;
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	while (read(ends[0], &number, sizeof(number)) == sizeof(number))
		end = number + 1;
	close(ends[0]);
	return end;
}

struct keys {
	unsigned count, last;
};

static bool count_keys(const char *key, const char *value, size_t len, void *arg,
		       struct error *error)
{
	struct keys *keys = arg;

	(void)value;
	(void)len;
	(void)error;
	keys->count++;
	keys->last = (unsigned)strtoul(key + 2, NULL, 10);
	return true;
}

START_TEST(kill_9_loses_nothing_acknowledged)
{
	struct fixture fixture;
	unsigned next = 0;

	set_up(&fixture);
	for (int round = 0; round < 12; round++) {
		struct keys a = { 0 }, b = { 0 };
		struct error error;
		uint8_t random;
		unsigned end;

		id_random(&random, sizeof(random));
		end = kill_a_writer(&fixture, next, 1 + random % 64);
		ck_assert_uint_gt(end, next);
		must_open(&fixture);
		ck_assert(store_each(fixture.store, "a/", count_keys, &a, &error));
		ck_assert(store_each(fixture.store, "b/", count_keys, &b, &error));
		ck_assert_uint_ge(a.count, end);
		ck_assert_uint_eq(a.count, b.count);
		ck_assert_uint_eq(a.last + 1, a.count); /* without a hole */
		next = a.count;
		store_close(TAKE(fixture.store));
	}
	tear_down(&fixture);
}
END_TEST

/* Whoever was told an epoch is told a higher one by the next, however soon the last one died. */
START_TEST(epochs_rise_over_kills_at_any_moment)
{
	struct fixture fixture;
	uint64_t last = 0, epoch;

	set_up(&fixture);
	for (int i = 0; i < 20; i++) {
		int ends[2], status;
		pid_t child;

		ck_assert_int_eq(pipe(ends), 0);
		child = fork();
		if (child == 0) {
			must_open(&fixture);
			epoch = store_epoch(fixture.store);
			(void)!write(ends[1], &epoch, sizeof(epoch));
			for (;;)
				pause();
		}
		(void)close(ends[1]);
		if (i % 2 == 0) /* the others die on the way, wherever they are */
			ck_assert_int_eq(read(ends[0], &epoch, sizeof(epoch)), sizeof(epoch));
		else
			usleep((useconds_t)i * 700);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (i % 2 == 0 || read(ends[0], &epoch, sizeof(epoch)) == sizeof(epoch)) {
			ck_assert_uint_gt(epoch, last);
			last = epoch;
		}
		(void)close(ends[0]);
	}
	must_open(&fixture);
	ck_assert_uint_gt(store_epoch(fixture.store), last);
	tear_down(&fixture);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, what_was_committed_is_there_after_opening_again);
	tcase_add_test(tcase, completions_come_in_order_and_commits_are_shared);
	tcase_add_test(tcase, closing_waits_for_what_is_under_way);
	tcase_add_test(tcase, each_stops_with_the_error_of_its_callback);
	tcase_add_test(tcase, a_second_process_is_told_who_has_it);
	tcase_add_loop_test(tcase, a_foreign_file_is_refused, 0, ROWS(bad));
	tcase_add_loop_test(tcase, bad_specs_are_refused, 0, ROWS(specs));
	tcase_add_test(tcase, a_full_disk_refuses_whole_batches_and_recovers);
	tcase_add_test(tcase, a_file_size_limit_counts_as_a_full_disk);
	tcase_add_test(tcase, kill_9_loses_nothing_acknowledged);
	tcase_add_test(tcase, epochs_rise_over_kills_at_any_moment);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
