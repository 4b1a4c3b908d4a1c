#pragma once

/* What happened in the cluster, as Marathon's events. An event belongs to the transaction that made
 * it true: it is written in the same batch, and is published once that is on disk, in the order of
 * the commits. Numbers rise by one and are never given twice, whatever happens to the process, so a
 * reader that knows the last number that it has seen misses nothing and sees nothing twice.
 *
 *   event/<20 digits>       "<type> <JSON>"
 *
 * The newest events are kept, in the store and in memory, where one copy serves all readers. The
 * first number of a cluster is the time of its birth: so a number of another cluster is never taken
 * for one of ours, it is older than all that is kept or newer than all that there is. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

#include "stadion/base/error.h"
#include "stadion/base/language.h"

#define EVENT_BUS_COUNT_MAX 10000 /* events kept */
#define EVENT_BUS_BYTES_MAX (2U << 20)

struct event_bus;
struct ledger;
struct store;

struct event {
	uint64_t number;
	const char *type;  /* "status_update_event" */
	const char *frame; /* as it goes to readers: id, event and data lines and an empty one */
	size_t len;
};

/* Told after events were published; in its owner's memory. `fn` may take itself out, nobody else.
 */
struct event_reader {
	LIST_ENTRY(event_reader) link;
	void (*fn)(struct event_reader *reader);
};

void event_bus_attach(struct event_bus *bus, struct event_reader *reader);
void event_bus_detach(struct event_reader *reader);

uint64_t event_bus_first(const struct event_bus *bus); /* the oldest kept; last + 1: none is */
uint64_t event_bus_last(const struct event_bus *bus);  /* the newest published */
/* NULL when it is not kept any more, or not published yet. Good until the next return to the loop.
 */
const struct event *event_bus_get(const struct event_bus *bus, uint64_t number);

/* Within coordinator/ */

/* Loads what is kept; what cannot be is deleted by the ledger's next transaction. Blocking. */
struct event_bus *event_bus_new(struct store *store, struct ledger *ledger, struct error *error);
void event_bus_free(struct event_bus *bus); /* after its ledger was cleared */
DEFINE_AUTOPTR(event_bus, event_bus_free)

/* An event of the transaction that is gathered now. `data` is one line of JSON. Without memory the
 * transaction will not be committed. */
void event_bus_add(struct event_bus *bus, struct ledger *ledger, const char *type,
		   const char *data);
