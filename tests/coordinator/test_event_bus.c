#include "coordinator/stage.h"

#include <inttypes.h>

#include "ledger.h"
#include "records.h"
#include "stadion/coordinator/event_bus.h"

/* Numbers, order, bounds and what survives, with a real ledger on a real store. */

struct bench {
	char folder[64], spec[96];
	struct loop *loop;
	struct store *store;
	struct cluster cluster;
	struct ledger ledger;
	struct event_bus *bus;
	struct event_reader reader;
	unsigned told;	     /* how often the reader was */
	uint64_t told_up_to; /* the newest number then */
	bool waits, ended, failed;
};

static struct bench bench;

static void on_ended(const struct error *error, void *arg)
{
	(void)arg;
	bench.ended = true;
	bench.failed = error;
	if (bench.waits)
		loop_stop(bench.loop);
}

static void on_told(struct event_reader *reader)
{
	(void)reader;
	bench.told++;
	bench.told_up_to = event_bus_last(bench.bus);
}

static void bench_open(void)
{
	struct error error = { 0 };

	bench.store = store_open(bench.loop, bench.spec, &error);
	ck_assert_msg(bench.store, "%s", error.text);
	ledger_init(&bench.ledger, &bench.cluster, bench.store, on_ended, NULL);
	bench.bus = event_bus_new(bench.store, &bench.ledger, &error);
	ck_assert_msg(bench.bus, "%s", error.text);
	bench.reader.fn = on_told;
	event_bus_attach(bench.bus, &bench.reader);
}

static void bench_close(void)
{
	event_bus_detach(&bench.reader);
	store_close(bench.store);
	ledger_clear(&bench.ledger);
	event_bus_free(bench.bus);
}

static void bench_set_up(void)
{
	struct error error = { 0 };

	memset(&bench, 0, sizeof(bench));
	log_setup(LOG_ERROR, 2);
	strcpy(bench.folder, "/var/tmp/stadion-bus-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(bench.folder));
	snprintf(bench.spec, sizeof(bench.spec), "sqlite:%s/c.db", bench.folder);
	bench.loop = loop_new(&error);
	ck_assert_ptr_nonnull(bench.loop);
	bench_open();
}

static void bench_tear_down(void)
{
	char command[128];

	bench_close();
	loop_free(bench.loop);
	snprintf(command, sizeof(command), "rm -r %s", bench.folder);
	ck_assert_int_eq(system(command), 0);
}

/* Ends the transaction that was gathered; returns when it has. */
static void submit(void)
{
	struct error error;

	bench.ended = bench.waits = false;
	ledger_submit(&bench.ledger);
	bench.waits = !bench.ended;
	if (bench.waits)
		ck_assert(loop_run(bench.loop, &error));
	ck_assert(bench.ended);
}

static void add(const char *data)
{
	event_bus_add(bench.bus, &bench.ledger, "a_event", data);
}

static bool count_row(const char *key, const char *value, size_t len, void *arg,
		      struct error *error)
{
	(void)key;
	(void)value;
	(void)len;
	(void)error;
	++*(size_t *)arg;
	return true;
}

static size_t stored_rows(void)
{
	struct error error = { 0 };
	size_t count = 0;

	ck_assert_msg(store_each(bench.store, "event/", count_row, &count, &error), "%s",
		      error.text);
	return count;
}

START_TEST(a_frame_is_byte_for_byte)
{
	const struct event *event;
	char want[128];
	uint64_t number;

	bench_set_up();
	number = event_bus_last(bench.bus) + 1;
	add("{\"a\":1}");
	ck_assert_ptr_null(event_bus_get(bench.bus, number)); /* not before it is on disk */
	ck_assert_uint_eq(bench.told, 0);
	submit();
	event = event_bus_get(bench.bus, number);
	ck_assert_ptr_nonnull(event);
	snprintf(want, sizeof(want), "id: %" PRIu64 "\r\nevent: a_event\r\ndata: {\"a\":1}\r\n\r\n",
		 number);
	ck_assert_str_eq(event->frame, want);
	ck_assert_uint_eq(event->len, strlen(want));
	ck_assert_str_eq(event->type, "a_event");
	ck_assert_uint_eq(bench.told, 1);
	ck_assert_uint_eq(bench.told_up_to, number);
	bench_tear_down();
}
END_TEST

START_TEST(what_was_refused_is_not_told_and_takes_no_number)
{
	uint64_t last;

	bench_set_up();
	add("{\"n\":1}");
	submit();
	last = event_bus_last(bench.bus);
	add("{\"n\":2}");
	add("{\"n\":3}");
	bench.ledger.incomplete = true;
	submit();
	ck_assert(bench.failed);
	ck_assert_uint_eq(event_bus_last(bench.bus), last);
	ck_assert_ptr_null(event_bus_get(bench.bus, last + 1));
	ck_assert_uint_eq(bench.told, 1);
	add("{\"n\":4}");
	submit();
	ck_assert_uint_eq(event_bus_last(bench.bus), last + 1);
	ck_assert_ptr_nonnull(strstr(event_bus_get(bench.bus, last + 1)->frame, "{\"n\":4}"));
	ck_assert_uint_eq(stored_rows(), 2);
	bench_tear_down();
}
END_TEST

START_TEST(a_refusal_gives_back_what_had_to_make_room)
{
	uint64_t first;

	bench_set_up();
	for (int i = 0; i < EVENT_BUS_COUNT_MAX; i++)
		add("{}");
	submit();
	first = event_bus_first(bench.bus);
	add("{}");
	bench.ledger.incomplete = true;
	submit();
	ck_assert_uint_eq(event_bus_first(bench.bus), first);
	ck_assert_ptr_nonnull(event_bus_get(bench.bus, first));
	add("{}");
	submit();
	ck_assert_uint_eq(event_bus_first(bench.bus), first + 1);
	ck_assert_ptr_null(event_bus_get(bench.bus, first));
	ck_assert_uint_eq(stored_rows(), EVENT_BUS_COUNT_MAX);
	bench_tear_down();
}
END_TEST

START_TEST(the_last_ones_survive)
{
	uint64_t first, last;
	char frame[128];

	bench_set_up();
	for (int i = 0; i < EVENT_BUS_COUNT_MAX + 50; i++) {
		char data[32];

		snprintf(data, sizeof(data), "{\"n\":%d}", i);
		add(data);
		if (i % 100 == 99)
			submit();
	}
	submit();
	first = event_bus_first(bench.bus);
	last = event_bus_last(bench.bus);
	ck_assert_uint_eq(last - first + 1, EVENT_BUS_COUNT_MAX);
	ck_assert_ptr_nonnull(strstr(event_bus_get(bench.bus, first)->frame, "{\"n\":50}"));
	strcpy(frame, event_bus_get(bench.bus, last)->frame);
	bench_close();
	bench_open();
	ck_assert_uint_eq(event_bus_first(bench.bus), first);
	ck_assert_uint_eq(event_bus_last(bench.bus), last);
	for (uint64_t number = first; number <= last; number++) {
		const struct event *event = event_bus_get(bench.bus, number);

		ck_assert(event && event->number == number);
	}
	ck_assert_str_eq(event_bus_get(bench.bus, last)->frame, frame);
	ck_assert_str_eq(event_bus_get(bench.bus, last)->type, "a_event");
	ck_assert_uint_eq(stored_rows(), EVENT_BUS_COUNT_MAX);
	add("{}");
	submit();
	ck_assert_uint_eq(event_bus_last(bench.bus), last + 1);
	bench_tear_down();
}
END_TEST

START_TEST(large_ones_are_bounded_by_bytes)
{
	enum { SIZE = 300000, COUNT = 20 };
	char *data = malloc(SIZE + 1);
	size_t bytes = 0;

	bench_set_up();
	memset(data, 'x', SIZE);
	data[SIZE] = '\0';
	for (int i = 0; i < COUNT; i++) { /* some of them gone before they were there */
		add(data);
		if (i % 10 == 9)
			submit();
	}
	for (uint64_t n = event_bus_first(bench.bus); n <= event_bus_last(bench.bus); n++)
		bytes += event_bus_get(bench.bus, n)->len;
	ck_assert_uint_le(bytes, EVENT_BUS_BYTES_MAX);
	ck_assert_uint_gt(bytes, EVENT_BUS_BYTES_MAX - 2 * SIZE);
	ck_assert_uint_eq(stored_rows(),
			  event_bus_last(bench.bus) - event_bus_first(bench.bus) + 1);
	bench_tear_down();
	free(data);
}
END_TEST

static void delete_row(uint64_t number)
{
	struct store_batch *batch = ledger_batch(&bench.ledger);
	char key[64];

	snprintf(key, sizeof(key), "event/%020" PRIu64, number);
	ck_assert(store_batch_delete(batch, key));
	submit();
}

START_TEST(what_is_before_a_hole_is_not_kept)
{
	uint64_t first;

	bench_set_up();
	for (int i = 0; i < 10; i++)
		add("{}");
	submit();
	first = event_bus_first(bench.bus);
	delete_row(first + 4);
	bench_close();
	bench_open();
	ck_assert_uint_eq(event_bus_first(bench.bus), first + 5);
	ck_assert_uint_eq(event_bus_last(bench.bus), first + 9);
	ck_assert_ptr_null(event_bus_get(bench.bus, first));
	submit();
	ck_assert_uint_eq(stored_rows(), 5); /* the rest is swept */
	bench_tear_down();
}
END_TEST

START_TEST(numbers_begin_with_the_time_of_birth)
{
	int64_t now_ms = clock_wall_ms();

	bench_set_up();
	ck_assert_uint_ge(event_bus_last(bench.bus) + 1, (uint64_t)now_ms);
	ck_assert_uint_le(event_bus_last(bench.bus) + 1, (uint64_t)clock_wall_ms());
	ck_assert_uint_eq(event_bus_first(bench.bus), event_bus_last(bench.bus) + 1);
	bench_tear_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event bus");
	TCase *tcase = tcase_create("event bus");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_frame_is_byte_for_byte);
	tcase_add_test(tcase, what_was_refused_is_not_told_and_takes_no_number);
	tcase_add_test(tcase, a_refusal_gives_back_what_had_to_make_room);
	tcase_add_test(tcase, the_last_ones_survive);
	tcase_add_test(tcase, large_ones_are_bounded_by_bytes);
	tcase_add_test(tcase, what_is_before_a_hole_is_not_kept);
	tcase_add_test(tcase, numbers_begin_with_the_time_of_birth);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
