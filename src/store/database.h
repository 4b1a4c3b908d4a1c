#pragma once

/* The SQLite file behind a store. Blocking, and used by one thread at a time: store.c sees to
 * both. */

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "stadion/base/error.h"
#include "stadion/base/language.h"

struct database;

/* As store_open: creates, locks, checks, raises the epoch. */
struct database *database_open(const char *path, struct error *error);
void database_close(struct database *database);
DEFINE_AUTOPTR(database, database_close)

uint64_t database_epoch(const struct database *database);

/* Writes all changes of all batches in one transaction: all of them or none. */
bool database_apply(struct database *database, const struct batch_queue *batches,
		    struct error *error);

bool database_each(struct database *database, const char *prefix, store_each_fn *fn, void *arg,
		   struct error *error);
