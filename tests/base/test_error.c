#include "stadion/base/error.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "stadion/base/language.h"

START_TEST(setting_fails_and_tells)
{
	struct error error = { 0 };

	ck_assert(!error_set(&error, ERROR_CONFLICT, "port %d is taken", 8080));
	ck_assert_int_eq(error.kind, ERROR_CONFLICT);
	ck_assert_str_eq(error.text, "port 8080 is taken");
}
END_TEST

START_TEST(nobody_needs_to_listen)
{
	ck_assert(!error_set(NULL, ERROR_INVALID, "x"));
	ck_assert(!error_wrap(NULL, "x"));
	ck_assert(!error_set_errno(NULL, ERROR_INVALID, EIO, "x"));
}
END_TEST

START_TEST(wrapping_puts_the_context_first)
{
	struct error error = { 0 };

	(void)error_set(&error, ERROR_INVALID, "no digits");
	ck_assert(!error_wrap(&error, "reading %s", "/x"));
	ck_assert_str_eq(error.text, "reading /x: no digits");
	ck_assert_int_eq(error.kind, ERROR_INVALID);
}
END_TEST

START_TEST(the_old_text_may_be_an_argument)
{
	struct error error = { 0 };

	(void)error_set(&error, ERROR_INVALID, "inner");
	(void)error_set(&error, ERROR_INTERNAL, "[%s]", error.text);
	ck_assert_str_eq(error.text, "[inner]");
}
END_TEST

START_TEST(endless_wrapping_stays_inside)
{
	struct error error = { 0 };

	(void)error_set(&error, ERROR_INVALID, "x");
	for (int i = 0; i < 200; i++)
		(void)error_wrap(&error, "again and again");
	ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);
}
END_TEST

static const struct {
	int number;
	enum error_kind want;
} errnos[] = {
	{ EACCES, ERROR_UNAVAILABLE },
	{ ENOSPC, ERROR_NO_SPACE },
	{ EDQUOT, ERROR_NO_SPACE },
	{ ENOMEM, ERROR_NOMEM },
};

START_TEST(errno_decides_the_kind_where_it_knows_better)
{
	struct error error = { 0 };

	ck_assert(!error_set_errno(&error, ERROR_UNAVAILABLE, errnos[_i].number, "writing"));
	ck_assert_int_eq(error.kind, errnos[_i].want);
	ck_assert_ptr_nonnull(strstr(error.text, strerror(errnos[_i].number)));
	ck_assert_int_eq(strncmp(error.text, "writing: ", 9), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tcase = tcase_create("error");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, setting_fails_and_tells);
	tcase_add_test(tcase, nobody_needs_to_listen);
	tcase_add_test(tcase, wrapping_puts_the_context_first);
	tcase_add_test(tcase, the_old_text_may_be_an_argument);
	tcase_add_test(tcase, endless_wrapping_stays_inside);
	tcase_add_loop_test(tcase, errno_decides_the_kind_where_it_knows_better, 0, ROWS(errnos));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
