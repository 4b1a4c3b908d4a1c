#include "stadion/base/id.h"

#include <check.h>
#include <string.h>

#include "stadion/base/language.h"

START_TEST(uuids_have_their_form_and_differ)
{
	char a[UUID_SIZE], b[UUID_SIZE];

	id_uuid(a);
	id_uuid(b);
	ck_assert_uint_eq(strlen(a), 36);
	ck_assert_str_ne(a, b);
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		ck_assert(dash ? a[i] == '-' : strchr("0123456789abcdef", a[i]) != NULL);
	}
	ck_assert_int_eq(a[14], '4');
	ck_assert_ptr_nonnull(strchr("89ab", a[19]));
}
END_TEST

START_TEST(hex_fills_what_was_asked)
{
	char out[17] = "";

	id_hex(out, 8);
	ck_assert_uint_eq(strspn(out, "0123456789abcdef"), 16);
	ck_assert_int_eq(out[16], '\0');
}
END_TEST

static const struct {
	const char *a, *b;
	bool want;
} secrets[] = {
	{ "", "", true },	    { "abc", "abc", true },	{ "abc", "abd", false },
	{ "abc", "abcabc", false }, { "abcabc", "abc", false }, { "", "a", false },
	{ "a", "", false },
};

START_TEST(secrets_are_equal_or_not)
{
	ck_assert(id_equal_secret(secrets[_i].a, secrets[_i].b) == secrets[_i].want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("id");
	TCase *tcase = tcase_create("id");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, uuids_have_their_form_and_differ);
	tcase_add_test(tcase, hex_fills_what_was_asked);
	tcase_add_loop_test(tcase, secrets_are_equal_or_not, 0, ROWS(secrets));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
