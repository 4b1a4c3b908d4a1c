#pragma once

/* A durable, transactional key-value store. Commits run on a thread of their own, many changes to a
 * commit (group commit); completions come back on the loop, in the order of the calls. A completion
 * without error means: on disk, survives kill -9 and power loss.
 *
 * Specs: "sqlite:PATH". (etcd is to come behind the same interface.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/base/language.h"
#include "stadion/net/loop.h"

struct store;
struct store_batch; /* changes that are committed together or not at all */

/* Opens or creates; takes the store's exclusive lock (ERROR_CONFLICT names the holder if another
 * process has it), checks integrity, and raises the epoch by one. Blocking: before loop_run only.
 */
struct store *store_open(struct loop *loop, const char *spec, struct error *error);
/* Waits for the commits under way (their completions are not called) and closes. Not from inside a
 * completion. */
void store_close(struct store *store);
DEFINE_AUTOPTR(store, store_close)

/* The number of this opening: rises by one with each, never falls. Source: protocol, "epoch". */
uint64_t store_epoch(const struct store *store);

struct store_batch *store_batch_new(void);
void store_batch_free(struct store_batch *batch);
DEFINE_AUTOPTR(store_batch, store_batch_free)
bool store_batch_put(struct store_batch *batch, const char *key, const char *value, size_t len);
bool store_batch_delete(struct store_batch *batch, const char *key);
size_t store_batch_count(const struct store_batch *batch);

/* error is NULL on success; ERROR_NO_SPACE when the disk is full (then nothing of it is written);
 * ERROR_UNAVAILABLE for other faults. */
typedef void store_done_fn(const struct error *error, void *arg);

/* Takes the batch. `done` is called once, from the loop, never from inside; at most
 * STORE_PENDING_MAX wait, beyond that it fails at once with ERROR_UNAVAILABLE (by `done` too). */
void store_commit(struct store *store, struct store_batch *batch, store_done_fn *done, void *arg);
#define STORE_PENDING_MAX 65536

/* Every key that begins with `prefix`, in key order. Blocking: at start, before loop_run, only.
 * The callback returns false to stop with its error. */
typedef bool store_each_fn(const char *key, const char *value, size_t len, void *arg,
			   struct error *error);
bool store_each(struct store *store, const char *prefix, store_each_fn *fn, void *arg,
		struct error *error);

struct store_stats {
	uint64_t batches, commits; /* batches per commit: how well grouping works */
};
struct store_stats store_stats(const struct store *store);
