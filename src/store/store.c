#include "stadion/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "batch.h"
#include "database.h"

/* The way of a batch:
 *
 *     store_commit --> waiting --> [writer: all of it, one transaction] --> finished --> done()
 *      (the loop)      `lock`            `database_lock`                     `lock`    (the loop)
 *
 * Whatever gathers while one transaction syncs is the next one: nothing waits for company, and
 * under load a sync is shared by many. */

#define WRITER_STACK (256U << 10)

struct store {
	struct database *database;
	pthread_mutex_t database_lock; /* the connection is used by one thread at a time */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work;
	struct batch_queue waiting, finished;
	size_t pending; /* in both queues and in the writer's hands */
	bool closing;
	struct store_stats stats;

	pthread_t writer;
	bool writer_runs;
	int wakeup_fd;
	struct event *wakeup;
};

static void wake_loop(struct store *store)
{
	uint64_t one = 1;

	/* Cannot fail: the counter would have to overflow, and then the loop is awake anyway. */
	(void)!write(store->wakeup_fd, &one, sizeof(one));
}

/* Refused batches ride along, emptied, so that completions keep the order of the calls. */
static void write_batches(struct store *store, struct batch_queue *batches)
{
	struct error error = { .kind = ERROR_NONE };
	struct store_batch *batch;
	uint64_t count = 0;
	bool written;

	pthread_mutex_lock(&store->database_lock);
	written = database_apply(store->database, batches, &error);
	pthread_mutex_unlock(&store->database_lock);
	STAILQ_FOREACH(batch, batches, link)
	{
		if (batch->error.kind == ERROR_NONE) {
			count++;
			if (!written)
				batch->error = error;
		}
		batch_drop_changes(batch);
	}
	pthread_mutex_lock(&store->lock);
	store->stats.batches += count;
	store->stats.commits++;
	pthread_mutex_unlock(&store->lock);
}

static void *writer_run(void *arg)
{
	struct store *store = arg;
	struct batch_queue taken = STAILQ_HEAD_INITIALIZER(taken);

	pthread_mutex_lock(&store->lock);
	for (;;) {
		while (STAILQ_EMPTY(&store->waiting) && !store->closing)
			pthread_cond_wait(&store->work, &store->lock);
		if (STAILQ_EMPTY(&store->waiting))
			break;
		STAILQ_CONCAT(&taken, &store->waiting);
		pthread_mutex_unlock(&store->lock);
		write_batches(store, &taken);
		pthread_mutex_lock(&store->lock);
		STAILQ_CONCAT(&store->finished, &taken);
		wake_loop(store);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

static void on_wakeup(evutil_socket_t fd, short what, void *arg)
{
	struct store *store = arg;
	struct batch_queue finished = STAILQ_HEAD_INITIALIZER(finished);
	struct store_batch *batch;
	uint64_t ignored;

	(void)what;
	(void)!read(fd, &ignored, sizeof(ignored)); /* only resets the counter */
	pthread_mutex_lock(&store->lock);
	STAILQ_CONCAT(&finished, &store->finished);
	STAILQ_FOREACH(batch, &finished, link)
	{
		store->pending--;
	}
	pthread_mutex_unlock(&store->lock);
	while ((batch = STAILQ_FIRST(&finished))) {
		STAILQ_REMOVE_HEAD(&finished, link);
		batch->done(batch->error.kind == ERROR_NONE ? NULL : &batch->error, batch->arg);
		store_batch_free(batch);
	}
}

/* Signals are the loop's: the writer must never be the thread that takes one. */
static bool writer_start(struct store *store, struct error *error)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int number;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WRITER_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	number = pthread_create(&store->writer, &attributes, writer_run, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (number != 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, number, "starting a thread");
	store->writer_runs = true;
	return true;
}

static bool connect_loop(struct store *store, struct loop *loop, struct error *error)
{
	store->wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (store->wakeup_fd < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "making an eventfd");
	store->wakeup = event_new(loop_base(loop), store->wakeup_fd, EV_READ | EV_PERSIST,
				  on_wakeup, store);
	if (!store->wakeup || event_add(store->wakeup, NULL) < 0)
		return error_set(error, ERROR_NOMEM, "watching an eventfd");
	return true;
}

struct store *store_open(struct loop *loop, const char *spec, struct error *error)
{
	static const char scheme[] = "sqlite:";
	autoptr(store) store = calloc(1, sizeof(*store));

	if (!store) {
		error_set(error, ERROR_NOMEM, "opening store %s", spec);
		return NULL;
	}
	store->wakeup_fd = -1;
	STAILQ_INIT(&store->waiting);
	STAILQ_INIT(&store->finished);
	pthread_mutex_init(&store->lock, NULL);
	pthread_mutex_init(&store->database_lock, NULL);
	pthread_cond_init(&store->work, NULL);
	if (strncmp(spec, scheme, strlen(scheme)) != 0 || !spec[strlen(scheme)]) {
		error_set(error, ERROR_INVALID, "store %s: must be sqlite:PATH", spec);
		return NULL;
	}
	store->database = database_open(spec + strlen(scheme), error);
	if (!store->database || !connect_loop(store, loop, error) || !writer_start(store, error)) {
		error_wrap(error, "opening the store");
		return NULL;
	}
	return TAKE(store);
}

static void free_batches(struct batch_queue *batches)
{
	struct store_batch *batch;

	while ((batch = STAILQ_FIRST(batches))) {
		STAILQ_REMOVE_HEAD(batches, link);
		store_batch_free(batch);
	}
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->writer_runs) {
		pthread_mutex_lock(&store->lock);
		store->closing = true;
		pthread_cond_signal(&store->work);
		pthread_mutex_unlock(&store->lock);
		pthread_join(store->writer, NULL);
	}
	if (store->wakeup)
		event_free(store->wakeup);
	if (store->wakeup_fd >= 0)
		(void)close(store->wakeup_fd); /* holds no data */
	free_batches(&store->waiting);
	free_batches(&store->finished);
	database_close(store->database);
	pthread_mutex_destroy(&store->lock);
	pthread_mutex_destroy(&store->database_lock);
	pthread_cond_destroy(&store->work);
	free(store);
}

uint64_t store_epoch(const struct store *store)
{
	return database_epoch(store->database);
}

void store_commit(struct store *store, struct store_batch *batch, store_done_fn *done, void *arg)
{
	batch->done = done;
	batch->arg = arg;
	if (batch->incomplete)
		error_set(&batch->error, ERROR_NOMEM, "gathering %zu changes", batch->count);
	pthread_mutex_lock(&store->lock);
	if (store->pending >= STORE_PENDING_MAX)
		error_set(&batch->error, ERROR_UNAVAILABLE,
			  "%zu changes wait for the disk already, the most there may be",
			  store->pending);
	if (batch->error.kind != ERROR_NONE)
		batch_drop_changes(batch);
	store->pending++;
	STAILQ_INSERT_TAIL(&store->waiting, batch, link);
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
}

bool store_each(struct store *store, const char *prefix, store_each_fn *fn, void *arg,
		struct error *error)
{
	bool fine;

	pthread_mutex_lock(&store->database_lock);
	fine = database_each(store->database, prefix, fn, arg, error);
	pthread_mutex_unlock(&store->database_lock);
	return fine;
}

struct store_stats store_stats(const struct store *store)
{
	/* The lock is the one thing in it that a reader changes. */
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&store->lock;
	struct store_stats stats;

	pthread_mutex_lock(lock);
	stats = store->stats;
	pthread_mutex_unlock(lock);
	return stats;
}
