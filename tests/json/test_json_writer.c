#include "stadion/json/json_writer.h"

#include <check.h>
#include <math.h>

#include "stadion/base/language.h"
#include "stadion/json/json.h"

START_TEST(commas_fall_into_place)
{
	struct text text = TEXT_INIT(1000);
	struct json_writer writer = JSON_WRITER(&text);

	json_object_begin(&writer);
	json_field_text(&writer, "a", "x");
	json_field_text(&writer, "none", NULL);
	json_key(&writer, "list");
	json_array_begin(&writer);
	json_array_begin(&writer);
	json_array_end(&writer);
	json_object_begin(&writer);
	json_object_end(&writer);
	json_put_integer(&writer, -1);
	json_put_flag(&writer, false);
	json_put_raw(&writer, "{\"raw\":1}");
	json_array_end(&writer);
	json_field_integer(&writer, "i", INT64_MIN);
	json_field_double(&writer, "d", 512);
	json_field_flag(&writer, "f", true);
	json_field_timestamp(&writer, "t", 0);
	json_object_end(&writer);
	ck_assert_str_eq(text_string(&text),
			 "{\"a\":\"x\",\"none\":null,\"list\":[[],{},-1,false,{\"raw\":1}],"
			 "\"i\":-9223372036854775808,\"d\":512.0,\"f\":true,"
			 "\"t\":\"1970-01-01T00:00:00.000Z\"}");
	text_clear(&text);
}
END_TEST

static const struct {
	const char *value;
	size_t len;
	const char *want;
} strings[] = {
	{ "", 0, "\"\"" },
	{ "a/b", 3, "\"a/b\"" },
	{ "\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"" },
	{ "\x01\x1f\x7f", 3, "\"\\u0001\\u001f\\u007f\"" },
	{ "a\0b", 3, "\"a\\u0000b\"" },
	{ "\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
	{ "a\xff\xfe", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ "\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
};

START_TEST(strings_are_escaped)
{
	struct text text = TEXT_INIT(1000);
	struct json_writer writer = JSON_WRITER(&text);

	json_put_text_bytes(&writer, strings[_i].value, strings[_i].len);
	ck_assert_str_eq(text_string(&text), strings[_i].want);
	text_clear(&text);
}
END_TEST

static const struct {
	double value;
	const char *want;
} doubles[] = {
	{ 0, "0.0" },
	{ -0.0, "-0.0" },
	{ 0.1, "0.1" },
	{ 1.0 / 3, "0.3333333333333333" },
	{ 1e20, "1.0e+20" },
	{ 1.5e-7, "1.5e-07" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	{ 0.30000000000000004, "0.30000000000000004" },
	{ NAN, "null" },
	{ INFINITY, "null" },
};

START_TEST(doubles_have_a_fraction_and_come_back)
{
	struct text text = TEXT_INIT(1000);
	struct json_writer writer = JSON_WRITER(&text);

	json_object_begin(&writer);
	json_field_double(&writer, "d", doubles[_i].value);
	json_object_end(&writer);

	autoptr(json_object) root = json_parse(text.data, text.len, NULL);
	ck_assert_ptr_nonnull(root);
	if (isfinite(doubles[_i].value))
		ck_assert(json_number(root, "d", -9) == doubles[_i].value);
	ck_assert_uint_eq(text.len, strlen(doubles[_i].want) + 6);
	ck_assert_int_eq(strncmp(text.data + 5, doubles[_i].want, strlen(doubles[_i].want)), 0);
	text_clear(&text);
}
END_TEST

START_TEST(the_maximum_shows_once_at_the_end)
{
	struct text text = TEXT_INIT(5);
	struct json_writer writer = JSON_WRITER(&text);

	json_array_begin(&writer);
	json_put_text(&writer, "abcdef");
	json_array_end(&writer);
	ck_assert(text.failed);
	text_clear(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_writer");
	TCase *tcase = tcase_create("json_writer");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, commas_fall_into_place);
	tcase_add_loop_test(tcase, strings_are_escaped, 0, ROWS(strings));
	tcase_add_loop_test(tcase, doubles_have_a_fraction_and_come_back, 0, ROWS(doubles));
	tcase_add_test(tcase, the_maximum_shows_once_at_the_end);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
