/* The text side of constraints: what is well formed, and how patterns match. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/model/constraint.h"

static const struct {
	const char *operator, * value;
	bool valid;
} rows[] = {
	{ "UNIQUE", NULL, true },
	{ "unique", "x", false },
	{ "CLUSTER", NULL, true },
	{ "CLUSTER", "x", true },
	{ "GROUP_BY", NULL, true },
	{ "group_by", "3", true },
	{ "GROUP_BY", "x", false },
	{ "LIKE", "a.*", true },
	{ "LIKE", NULL, false },
	{ "LIKE", "(", false },
	{ "UNLIKE", "[", false },
	{ "MAX_PER", "2", true },
	{ "MAX_PER", NULL, false },
	{ "MAX_PER", "-1", false },
	{ "MAX_PER", "99999999999", false },
	{ "IS", "a/b-c_1.2", true },
	{ "IS", "a b", false },
	{ "IS", NULL, false },
};

START_TEST(constraints_are_checked)
{
	struct constraint constraint = { (char *)"hostname", CONSTRAINT_IS,
					 (char *)rows[_i].value };
	char why[256] = "";

	ck_assert(constraint_operator_parse(rows[_i].operator, & constraint.operator));
	ck_assert_msg(constraint_valid(&constraint, why, sizeof(why)) == rows[_i].valid, "%s %s",
		      rows[_i].operator, why);
	ck_assert(rows[_i].valid || *why);
	ck_assert(rows[_i].valid || !rows[_i].value || strstr(why, rows[_i].value));
}
END_TEST

static const struct {
	const char *pattern, *text;
	enum pattern_match want;
} matches[] = {
	{ "10.23.85.234", "10.23.85.234", PATTERN_MATCHES },
	{ "10.23.85.234", "10a23b85c234", PATTERN_MATCHES },
	{ "10.23.85.23", "10.23.85.234", PATTERN_DIFFERS },
	{ "10.23.85", "10.23.85.234", PATTERN_DIFFERS },
	{ "a|ab", "ab", PATTERN_MATCHES },
	{ "a|b", "xb", PATTERN_DIFFERS },
	{ "", "", PATTERN_MATCHES },
	{ "a*", "a\n", PATTERN_DIFFERS },
	{ "(", "(", PATTERN_UNDECIDED },
	{ "(a+)+b(?<=c)", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", PATTERN_UNDECIDED },
	{ "x", "\xff", PATTERN_UNDECIDED },
};

START_TEST(patterns_match_the_whole_text)
{
	ck_assert_msg(constraint_pattern_match(matches[_i].pattern, matches[_i].text) ==
			      matches[_i].want,
		      "%s on %s", matches[_i].pattern, matches[_i].text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("constraint");
	TCase *tcase = tcase_create("constraint");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, constraints_are_checked, 0, ROWS(rows));
	tcase_add_loop_test(tcase, patterns_match_the_whole_text, 0, ROWS(matches));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
