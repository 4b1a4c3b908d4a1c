#pragma once

/* The changes of one store_commit, and the node that carries them through the writer's queues: a
 * commit therefore allocates nothing and cannot fail before it has begun. */

#include <sys/queue.h>

#include "stadion/store/store.h"

struct batch_change {
	STAILQ_ENTRY(batch_change) link;
	bool is_delete;
	const char *key, *value; /* inside this very allocation */
	size_t key_len, value_len;
};

struct store_batch {
	STAILQ_ENTRY(store_batch) link;
	STAILQ_HEAD(, batch_change) changes;
	size_t count;
	bool incomplete; /* a change did not fit into memory */
	struct error error;
	store_done_fn *done;
	void *arg;
};

STAILQ_HEAD(batch_queue, store_batch);

/* Gives the changes back early: a batch that waits for its completion needs none. */
void batch_drop_changes(struct store_batch *batch);
