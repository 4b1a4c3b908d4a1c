#include "stadion/base/clock.h"

#include <check.h>
#include <string.h>

#include "stadion/base/language.h"

static const struct {
	const char *text;
	int64_t wall_ms;
	const char *back; /* NULL: refused */
} stamps[] = {
	{ "1970-01-01T00:00:00.000Z", 0, "1970-01-01T00:00:00.000Z" },
	{ "2024-05-01T10:00:04.990Z", 1714557604990, "2024-05-01T10:00:04.990Z" },
	{ "2024-05-01T12:00:04.99+02:00", 1714557604990, "2024-05-01T10:00:04.990Z" },
	{ "2024-05-01T12:00:04.99+0200", 1714557604990, "2024-05-01T10:00:04.990Z" },
	{ "2024-05-01T12:00:04+02", 1714557604000, "2024-05-01T10:00:04.000Z" },
	{ "2024-04-30T23:30:04.9909999-10:30", 1714557604990, "2024-05-01T10:00:04.990Z" },
	{ "2000-02-29T23:59:59Z", 951868799000, "2000-02-29T23:59:59.000Z" },
	{ "1969-12-31T23:59:59.999Z", -1, "1969-12-31T23:59:59.999Z" },
	{ "9999-12-31T23:59:59.999Z", 253402300799999, "9999-12-31T23:59:59.999Z" },
	{ "0000-01-01T00:00:00Z", -62167219200000, "0000-01-01T00:00:00.000Z" },
	{ "1900-02-29T00:00:00Z", 0, NULL },
	{ "2024-02-30T00:00:00Z", 0, NULL },
	{ "2024-13-01T00:00:00Z", 0, NULL },
	{ "2024-00-01T00:00:00Z", 0, NULL },
	{ "2024-01-00T00:00:00Z", 0, NULL },
	{ "2024-01-01T24:00:00Z", 0, NULL },
	{ "2024-01-01T00:60:00Z", 0, NULL },
	{ "2024-01-01T00:00:60Z", 0, NULL },
	{ "2024-01-01T00:00:00", 0, NULL },
	{ "2024-01-01T00:00:00.Z", 0, NULL },
	{ "2024-01-01T00:00:00Zx", 0, NULL },
	{ "2024-01-01T00:00:00+24:00", 0, NULL },
	{ "2024-01-01T00:00:00+02:", 0, NULL },
	{ "2024-01-01 00:00:00Z", 0, NULL },
	{ "2024-1-01T00:00:00Z", 0, NULL },
	{ "", 0, NULL },
};

START_TEST(stamps_are_read_exactly)
{
	int64_t wall_ms = -7;
	bool ok = timestamp_parse(stamps[_i].text, &wall_ms);
	char back[TIMESTAMP_SIZE];

	ck_assert_msg(ok == (stamps[_i].back != NULL), "%s", stamps[_i].text);
	if (!ok) {
		ck_assert_int_eq(wall_ms, -7);
		return;
	}
	ck_assert_int_eq(wall_ms, stamps[_i].wall_ms);
	timestamp_format(back, wall_ms);
	ck_assert_str_eq(back, stamps[_i].back);
}
END_TEST

START_TEST(no_instant_overflows_the_form)
{
	char out[TIMESTAMP_SIZE];

	timestamp_format(out, INT64_MAX);
	ck_assert_str_eq(out, "9999-12-31T23:59:59.999Z");
	timestamp_format(out, INT64_MIN);
	ck_assert_str_eq(out, "0000-01-01T00:00:00.000Z");
	ck_assert(!timestamp_parse(NULL, &(int64_t){ 0 }));
}
END_TEST

START_TEST(every_day_survives_the_way_there_and_back)
{
	char text[TIMESTAMP_SIZE];

	for (int64_t day = -200000; day < 400000; day += 13) {
		int64_t wall_ms = day * 86400000 + 12345678, back;

		timestamp_format(text, wall_ms);
		ck_assert(timestamp_parse(text, &back));
		ck_assert_int_eq(back, wall_ms);
	}
}
END_TEST

START_TEST(the_monotonic_clock_does_not_go_back)
{
	uint64_t before = clock_monotonic_ms();

	ck_assert_uint_ge(clock_monotonic_ms(), before);
	ck_assert_int_gt(clock_wall_ms(), 1700000000000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tcase = tcase_create("clock");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, stamps_are_read_exactly, 0, ROWS(stamps));
	tcase_add_test(tcase, no_instant_overflows_the_form);
	tcase_add_test(tcase, every_day_survives_the_way_there_and_back);
	tcase_add_test(tcase, the_monotonic_clock_does_not_go_back);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
