#include "stadion/coordinator/event_bus.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/base/text.h"
#include "stadion/store/store.h"

#define KEY_PREFIX "event/"
#define KEY_SIZE (sizeof(KEY_PREFIX) + 20)
#define FRAME_MAX (EVENT_BUS_BYTES_MAX + 256)

struct kept {
	STAILQ_ENTRY(kept) link;
	struct event event;
	char *text; /* the frame, and behind its NUL the type */
};

/* `events` holds, oldest first: those that the open transaction deletes, those that stay, and at
 * the end those that it adds. Outside of a transaction all stay. */
struct event_bus {
	STAILQ_HEAD(kept_list, kept) events;
	struct kept *slots[EVENT_BUS_COUNT_MAX]; /* the published ones, by number */
	uint64_t last;				 /* published */
	uint64_t next;
	struct kept *staying; /* the oldest of those; NULL: none */
	struct kept *added;   /* the first of those that the transaction adds; NULL: none */
	size_t count, bytes;  /* of those that stay or are added */
	bool open;	      /* the effect waits in a ledger */
	struct effect effect;
	LIST_HEAD(, event_reader) readers;
};

static void kept_free(struct kept *kept)
{
	if (kept)
		free(kept->text);
	free(kept);
}

static struct kept *kept_new(uint64_t number, const char *type, size_t type_len, const char *data,
			     size_t len)
{
	struct text text = TEXT_INIT(FRAME_MAX);
	struct kept *kept = calloc(1, sizeof(*kept));
	size_t frame_len;

	text_addf(&text, "id: %" PRIu64 "\r\nevent: ", number);
	text_add_bytes(&text, type, type_len);
	text_add(&text, "\r\ndata: ");
	text_add_bytes(&text, data, len);
	text_add(&text, "\r\n\r\n");
	frame_len = text.len;
	text_add_bytes(&text, "", 1);
	text_add_bytes(&text, type, type_len);
	if (!kept || text.failed) {
		text_clear(&text);
		free(kept);
		return NULL;
	}
	kept->text = text_take(&text);
	kept->event = (struct event){ .number = number,
				      .type = kept->text + frame_len + 1,
				      .frame = kept->text,
				      .len = frame_len };
	return kept;
}

static void key_of(uint64_t number, char out[KEY_SIZE])
{
	(void)snprintf(out, KEY_SIZE, KEY_PREFIX "%020" PRIu64, number);
}

static void append(struct event_bus *bus, struct kept *kept)
{
	STAILQ_INSERT_TAIL(&bus->events, kept, link);
	if (!bus->staying)
		bus->staying = kept;
	if (!bus->added)
		bus->added = kept;
	bus->count++;
	bus->bytes += kept->event.len;
	bus->next = kept->event.number + 1;
}

static void drop_first(struct event_bus *bus)
{
	struct kept *kept = STAILQ_FIRST(&bus->events);

	STAILQ_REMOVE_HEAD(&bus->events, link);
	if (bus->slots[kept->event.number % EVENT_BUS_COUNT_MAX] == kept)
		bus->slots[kept->event.number % EVENT_BUS_COUNT_MAX] = NULL;
	kept_free(kept);
}

/* True while the oldest one that stays has to go. */
static bool is_too_much(const struct event_bus *bus)
{
	return bus->count > 1 &&
	       (bus->count > EVENT_BUS_COUNT_MAX || bus->bytes > EVENT_BUS_BYTES_MAX);
}

static void give_up_oldest(struct event_bus *bus)
{
	bus->count--;
	bus->bytes -= bus->staying->event.len;
	bus->staying = STAILQ_NEXT(bus->staying, link);
}

/* What was added is published, what was deleted is forgotten. */
static void settle(struct event_bus *bus)
{
	struct kept *added = TAKE(bus->added);

	if (added && bus->staying && added->event.number < bus->staying->event.number)
		added = bus->staying; /* more in one transaction than is kept */
	while (!STAILQ_EMPTY(&bus->events) && STAILQ_FIRST(&bus->events) != bus->staying)
		drop_first(bus);
	for (; added; added = STAILQ_NEXT(added, link))
		bus->slots[added->event.number % EVENT_BUS_COUNT_MAX] = added;
	bus->last = bus->next - 1;
}

static void undo(struct event_bus *bus)
{
	struct kept_list all = STAILQ_HEAD_INITIALIZER(all);
	struct kept *kept;

	STAILQ_CONCAT(&all, &bus->events);
	bus->staying = NULL;
	bus->count = bus->bytes = 0;
	bus->next = bus->last + 1;
	while ((kept = STAILQ_FIRST(&all))) {
		STAILQ_REMOVE_HEAD(&all, link);
		if (kept->event.number <= bus->last)
			append(bus, kept);
		else
			kept_free(kept);
	}
	bus->added = NULL;
}

static void on_committed(struct effect *effect, const struct error *error)
{
	struct event_bus *bus =
		(struct event_bus *)((char *)effect - offsetof(struct event_bus, effect));
	struct event_reader *reader, *next;

	bus->open = false;
	if (error) {
		undo(bus);
		return;
	}
	settle(bus);
	for (reader = LIST_FIRST(&bus->readers); reader; reader = next) {
		next = LIST_NEXT(reader, link);
		reader->fn(reader);
	}
}

static bool write_batch(struct event_bus *bus, struct store_batch *batch, const struct kept *added,
			const char *data)
{
	struct text value = TEXT_INIT(FRAME_MAX);
	char key[KEY_SIZE];
	bool fine;

	text_addf(&value, "%s ", added->event.type);
	text_add(&value, data);
	key_of(added->event.number, key);
	fine = !value.failed && store_batch_put(batch, key, text_string(&value), value.len);
	text_clear(&value);
	for (; fine && is_too_much(bus); give_up_oldest(bus)) {
		key_of(bus->staying->event.number, key);
		fine = store_batch_delete(batch, key);
	}
	return fine;
}

void event_bus_add(struct event_bus *bus, struct ledger *ledger, const char *type, const char *data)
{
	struct store_batch *batch = ledger_batch(ledger);
	struct kept *kept = kept_new(bus->next, type, strlen(type), data, strlen(data));

	if (!bus->open) {
		bus->open = true;
		bus->effect.fn = on_committed;
		ledger_add_effect(ledger, &bus->effect);
	}
	if (!batch || !kept) {
		kept_free(kept);
		ledger->incomplete = true;
		return;
	}
	append(bus, kept);
	if (!write_batch(bus, batch, kept, data))
		ledger->incomplete = true;
}

struct loading {
	struct event_bus *bus;
	struct ledger *ledger;
};

/* Its first transaction deletes what is not kept. */
static bool forget(struct loading *loading, const char *key, struct error *error)
{
	struct store_batch *batch = ledger_batch(loading->ledger);

	return (batch && store_batch_delete(batch, key)) ||
	       error_set(error, ERROR_NOMEM, "no memory for events");
}

static bool forget_oldest(struct loading *loading, struct error *error)
{
	char key[KEY_SIZE];

	key_of(loading->bus->staying->event.number, key);
	give_up_oldest(loading->bus);
	return forget(loading, key, error);
}

/* A hole would let readers think that they have seen all: what is before it is not kept. */
static bool load(const char *key, const char *value, size_t len, void *arg, struct error *error)
{
	struct loading *loading = arg;
	struct event_bus *bus = loading->bus;
	const char *blank = memchr(value, ' ', len);
	uint64_t number = strtoull(key + strlen(KEY_PREFIX), NULL, 10);
	size_t type_len;
	struct kept *kept;

	if (!blank || number == 0 || number < bus->next) {
		log_warn("event.unreadable", F("key", key));
		return forget(loading, key, error);
	}
	while (number != bus->next && bus->staying)
		if (!forget_oldest(loading, error))
			return false;
	type_len = (size_t)(blank - value);
	kept = kept_new(number, value, type_len, blank + 1, len - type_len - 1);
	if (!kept)
		return error_set(error, ERROR_NOMEM, "no memory for events");
	append(bus, kept);
	while (is_too_much(bus))
		if (!forget_oldest(loading, error))
			return false;
	return true;
}

struct event_bus *event_bus_new(struct store *store, struct ledger *ledger, struct error *error)
{
	autoptr(event_bus) bus = calloc(1, sizeof(*bus));
	struct loading loading = { .bus = bus, .ledger = ledger };

	if (!bus) {
		error_set(error, ERROR_NOMEM, "no memory for events");
		return NULL;
	}
	STAILQ_INIT(&bus->events);
	LIST_INIT(&bus->readers);
	if (!store_each(store, KEY_PREFIX, load, &loading, error))
		return NULL;
	if (!bus->staying)
		bus->next = (uint64_t)clock_wall_ms();
	settle(bus);
	return TAKE(bus);
}

void event_bus_free(struct event_bus *bus)
{
	if (!bus)
		return;
	assert(LIST_EMPTY(&bus->readers));
	while (!STAILQ_EMPTY(&bus->events))
		drop_first(bus);
	free(bus);
}

void event_bus_attach(struct event_bus *bus, struct event_reader *reader)
{
	LIST_INSERT_HEAD(&bus->readers, reader, link);
}

void event_bus_detach(struct event_reader *reader)
{
	LIST_REMOVE(reader, link);
}

uint64_t event_bus_first(const struct event_bus *bus)
{
	const struct kept *oldest = STAILQ_FIRST(&bus->events);

	return oldest && oldest->event.number <= bus->last ? oldest->event.number : bus->last + 1;
}

uint64_t event_bus_last(const struct event_bus *bus)
{
	return bus->last;
}

const struct event *event_bus_get(const struct event_bus *bus, uint64_t number)
{
	const struct kept *kept = bus->slots[number % EVENT_BUS_COUNT_MAX];

	return kept && kept->event.number == number ? &kept->event : NULL;
}
