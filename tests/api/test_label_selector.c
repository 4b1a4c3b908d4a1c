#include "label_selector.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pair labels_of_all[] = {
	{ "env", "prod" }, { "tier", "web" }, { "in", "1" }, { "a b", "x/y" }, { "empty", "" },
};

static const struct pair_list labels = { .items = labels_of_all, .count = 5 };

static const struct row {
	const char *text;
	bool matches;
} rows[] = {
	{ "", true },
	{ "  ", true },
	{ "env", true },
	{ "zone", false },
	{ "empty", true },
	{ "env==prod", true },
	{ " env == prod ", true },
	{ "env==pro", false },
	{ "env!=prod", false },
	{ "env!=test", true },
	{ "zone!=a", false },
	{ "env in (test, prod)", true },
	{ "env in(prod)", true },
	{ "env in (test)", false },
	{ "zone in (a)", false },
	{ "env notin (test,stage)", true },
	{ "env notin (prod)", false },
	{ "zone notin (a)", false },
	{ "env==prod,tier==web", true },
	{ "env==prod, tier==api", false },
	{ "env,tier,zone", false },
	{ "in", true },
	{ "in in (1)", true },
	{ "in==1", true },
	{ "a\\ b==x\\/y", true },
	{ "a\\ b in (x\\/y, z)", true },
	{ "e\\nv==prod", true },
};

START_TEST(selectors_match)
{
	struct error error = { 0 };
	autoptr(label_selector) selector = label_selector_parse(rows[_i].text, &error);

	ck_assert_msg(selector, "%s: %s", rows[_i].text, error.text);
	ck_assert_msg(label_selector_matches(selector, &labels) == rows[_i].matches, "%s",
		      rows[_i].text);
}
END_TEST

static const struct bad_row {
	const char *text;
	const char *position;
} bad_rows[] = {
	{ ",", "position 1:" },		 { "env,", "position 5:" },
	{ "env=prod", "position 4:" },	 { "env==", "position 6:" },
	{ "==prod", "position 1:" },	 { "env in prod", "position 8:" },
	{ "env in (", "position 9:" },	 { "env in ()", "position 9:" },
	{ "env in (a", "position 10:" }, { "env in (a,)", "position 11:" },
	{ "env prod", "position 5:" },	 { "env==a b", "position 8:" },
	{ "env==x/y", "position 7:" },	 { "env\\", "position 4:" },
	{ "!env", "position 1:" },
};

START_TEST(bad_selectors_name_the_position)
{
	struct error error = { 0 };

	ck_assert_ptr_null(label_selector_parse(bad_rows[_i].text, &error));
	ck_assert_int_eq(error.kind, ERROR_INVALID);
	ck_assert_msg(strstr(error.text, bad_rows[_i].position), "%s: %s", bad_rows[_i].text,
		      error.text);
}
END_TEST

/* `count` times `word`. */
static char *repeat(const char *word, size_t count)
{
	char *text = calloc(count + 1, strlen(word));

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * strlen(word), word, strlen(word));
	return text;
}

START_TEST(selectors_have_limits)
{
	static const struct {
		const char *word;
		size_t count;
	} limits[] = {
		{ "a", LABEL_SELECTOR_MAX },
		{ "a,", LABEL_TERMS_MAX + 1 },
		{ "a in (b,c,d,e,f),", LABEL_VALUES_MAX / 5 + 1 },
	};
	struct error error = { 0 };

	for (size_t i = 0; i < ROWS(limits); i++) {
		char *text = repeat(limits[i].word, limits[i].count);

		ck_assert_ptr_null(label_selector_parse(text, &error));
		ck_assert_int_eq(error.kind, ERROR_INVALID);
		free(text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("label_selector");
	TCase *tcase = tcase_create("label_selector");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, selectors_match, 0, ROWS(rows));
	tcase_add_loop_test(tcase, bad_selectors_name_the_position, 0, ROWS(bad_rows));
	tcase_add_test(tcase, selectors_have_limits);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
