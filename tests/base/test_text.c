#include "stadion/base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"

START_TEST(grows_by_all_three_ways)
{
	struct text text = TEXT_INIT(10000);

	for (int i = 0; i < 1000; i++) {
		text_add(&text, "ab");
		text_add_bytes(&text, "cdX", 2);
		text_addf(&text, "%d", i % 10);
	}
	ck_assert(!text.failed);
	ck_assert_uint_eq(text.len, 5000);
	ck_assert_uint_eq(strlen(text.data), 5000);
	ck_assert_str_eq(text.data + 4995, "abcd9");
	text_clear(&text);
}
END_TEST

START_TEST(stops_at_its_maximum_and_stays_failed)
{
	struct text text = TEXT_INIT(4);

	text_add(&text, "abcd");
	ck_assert(!text.failed);
	text_add(&text, "e");
	ck_assert(text.failed);
	text_clear(&text);
	ck_assert(!text.failed);
	text_add(&text, "abc");
	text_addf(&text, "%d", 12);
	ck_assert(text.failed);
	text_add_bytes(&text, "", 0);
	ck_assert_str_eq(text_string(&text), "abc");
	ck_assert_ptr_null(text_take(&text));
	ck_assert(!text.failed);
	text_clear(&text);
}
END_TEST

START_TEST(taking_nothing_gives_an_empty_string)
{
	struct text text;

	text_init(&text, 8);
	ck_assert_str_eq(text_string(&text), "");

	autofree char *taken = text_take(&text);
	ck_assert_str_eq(taken, "");
	ck_assert_uint_eq(text.max, 8);
}
END_TEST

START_TEST(taking_hands_over)
{
	struct text text = TEXT_INIT(8);

	text_add(&text, "whole");

	autofree char *taken = text_take(&text);
	ck_assert_str_eq(taken, "whole");
	ck_assert_str_eq(text_string(&text), "");
	ck_assert_uint_eq(text.len, 0);
}
END_TEST

START_TEST(copying_says_when_it_cut)
{
	char out[4] = "zzz";

	ck_assert(text_copy(out, sizeof(out), "abc"));
	ck_assert_str_eq(out, "abc");
	ck_assert(!text_copy(out, sizeof(out), "defg"));
	ck_assert_str_eq(out, "def");
	ck_assert(!text_copy(out, 0, "x"));
	ck_assert_ptr_null(text_duplicate(NULL));
}
END_TEST

static const struct {
	const char *claim, *bytes;
	size_t len, want;
} sequences[] = {
	{ "nothing", "", 0, 0 },
	{ "ASCII", "a", 1, 1 },
	{ "NUL is a character", "\0", 1, 1 },
	{ "two", "\xc3\xa9", 2, 2 },
	{ "three", "\xe2\x82\xac", 3, 3 },
	{ "four", "\xf0\x9f\x98\x80", 4, 4 },
	{ "last", "\xf4\x8f\xbf\xbf", 4, 4 },
	{ "beyond the last", "\xf4\x90\x80\x80", 4, 0 },
	{ "cut", "\xe2\x82\xac", 2, 0 },
	{ "overlong slash", "\xc0\xaf", 2, 0 },
	{ "overlong three", "\xe0\x80\xaf", 3, 0 },
	{ "overlong four", "\xf0\x80\x80\xaf", 4, 0 },
	{ "surrogate", "\xed\xa0\x80", 3, 0 },
	{ "lone continuation", "\x80", 1, 0 },
	{ "no continuation", "\xc3(", 2, 0 },
	{ "five", "\xf8\x88\x80\x80\x80", 5, 0 },
};

START_TEST(sequences_are_well_formed_or_none)
{
	size_t got = text_utf8_sequence(sequences[_i].bytes, sequences[_i].len);

	ck_assert_msg(got == sequences[_i].want, "%s: got %zu", sequences[_i].claim, got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("text");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, grows_by_all_three_ways);
	tcase_add_test(tcase, stops_at_its_maximum_and_stays_failed);
	tcase_add_test(tcase, taking_nothing_gives_an_empty_string);
	tcase_add_test(tcase, taking_hands_over);
	tcase_add_test(tcase, copying_says_when_it_cut);
	tcase_add_loop_test(tcase, sequences_are_well_formed_or_none, 0, ROWS(sequences));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
