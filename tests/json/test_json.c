#include "stadion/base/text.h"
#include "stadion/json/json.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct {
	const char *text;
	size_t len;
} accepted[] = {
	{ BYTES("{}") },
	{ BYTES(" \r\n\t[ ] ") },
	{ BYTES("0") },
	{ BYTES("-0") },
	{ BYTES("12") },
	{ BYTES(" 12\n") },
	{ BYTES("true") },
	{ BYTES("\"\"") },
	{ BYTES("-1.5e+3") },
	{ BYTES("1E-400") },
	{ BYTES("9223372036854775807") },
	{ BYTES("-9223372036854775808") },
	{ BYTES("1.7976931348623157e308") },
	{ BYTES("\"\\ud83d\\ude00 \\u00e9 \xc3\xa9 \x7f\"") },
	{ BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"") },
	{ BYTES("{\"a\":{\"a\":null},\"b\":[{\"a\":1},{\"a\":2}],\"A\":0,\"\":1}") },
	{ BYTES("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]") },
};

START_TEST(json_is_read)
{
	struct error error = { 0 };
	autoptr(json_object) root = json_parse(accepted[_i].text, accepted[_i].len, &error);

	ck_assert_msg(root != NULL, "%s: %s", accepted[_i].text, error.text);
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	const char *want;
} refused[] = {
	{ BYTES(""), "line 1, column 1: the text ends where a value was expected" },
	{ BYTES(" \n "), "line 2, column 2: the text ends where a value was expected" },
	{ BYTES("null"), "line 1, column 1: the document is null" },
	{ BYTES("{'a':1}"), "line 1, column 2: a key in double quotes was expected" },
	{ BYTES("{a:1}"), "line 1, column 2: a key in double quotes was expected" },
	{ BYTES("['a']"), "line 1, column 2: a value was expected" },
	{ BYTES("[NaN]"), "line 1, column 2: a value was expected" },
	{ BYTES("[Infinity]"), "line 1, column 2: a value was expected" },
	{ BYTES("[-Infinity]"), "line 1, column 3: a digit was expected" },
	{ BYTES("[True]"), "line 1, column 2: a value was expected" },
	{ BYTES("[tru]"), "line 1, column 2: a value was expected" },
	{ BYTES("[truee]"), "line 1, column 6: a comma or ] was expected" },
	{ BYTES("{\"a\":1"), "line 1, column 7: the text ends inside an object" },
	{ BYTES("[1"), "line 1, column 3: the text ends inside an array" },
	{ BYTES("[1,]"), "line 1, column 4: a value was expected" },
	{ BYTES("{\"a\":1,}"), "line 1, column 8: a key in double quotes was expected" },
	{ BYTES("{\"a\" 1}"), "line 1, column 6: a colon was expected after the key" },
	{ BYTES("{\"a\":}"), "line 1, column 6: a value was expected" },
	{ BYTES("[1 2]"), "line 1, column 4: a comma or ] was expected" },
	{ BYTES("[1}"), "line 1, column 3: a comma or ] was expected" },
	{ BYTES("{\"a\":1]"), "line 1, column 7: a comma or } was expected" },
	{ BYTES("1 2"), "line 1, column 3: something follows the document" },
	{ BYTES("{}x"), "line 1, column 3: something follows the document" },
	{ BYTES("{}\0"), "line 1, column 3: something follows the document" },
	{ BYTES("[1\0]"), "line 1, column 3: a comma or ] was expected" },
	{ BYTES("[01]"), "line 1, column 2: a number must not begin with 0" },
	{ BYTES("[-01]"), "line 1, column 2: a number must not begin with 0" },
	{ BYTES("[+1]"), "line 1, column 2: a value was expected" },
	{ BYTES("[.5]"), "line 1, column 2: a value was expected" },
	{ BYTES("[1.]"), "line 1, column 4: a digit was expected after the decimal point" },
	{ BYTES("[1e]"), "line 1, column 4: a digit was expected in the exponent" },
	{ BYTES("[0x1]"), "line 1, column 3: a comma or ] was expected" },
	{ BYTES("[1e400]"), "line 1, column 2: the number is beyond the range of 64 bits" },
	{ BYTES("[-1e400]"), "line 1, column 2: the number is beyond the range of 64 bits" },
	{ BYTES("[9223372036854775808]"),
	  "line 1, column 2: the number is beyond the range of 64 bits" },
	{ BYTES("[-9223372036854775809]"),
	  "line 1, column 2: the number is beyond the range of 64 bits" },
	{ BYTES("[1000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000]"),
	  "line 1, column 2: the number has too many digits" },
	{ BYTES("[\"\\u0000\"]"), "line 1, column 3: the character NUL is not allowed" },
	{ BYTES("{\"a\\u0000b\":1}"), "line 1, column 4: the character NUL is not allowed" },
	{ BYTES("[\"\0\"]"), "line 1, column 3: a control character inside a string" },
	{ BYTES("[\"a\nb\"]"), "line 1, column 4: a control character inside a string" },
	{ BYTES("[\"\\ud800\"]"), "line 1, column 3: half of a surrogate pair" },
	{ BYTES("[\"\\ud800\\u0041\"]"), "line 1, column 3: half of a surrogate pair" },
	{ BYTES("[\"\\udc00\"]"), "line 1, column 3: half of a surrogate pair" },
	{ BYTES("[\"\\u12g4\"]"),
	  "line 1, column 7: four hexadecimal digits were expected after \\u" },
	{ BYTES("[\"\\x41\"]"), "line 1, column 4: not a known escape" },
	{ BYTES("[\"\\"), "line 1, column 4: not a known escape" },
	{ BYTES("[\"abc"), "line 1, column 6: the text ends inside a string" },
	{ BYTES("[\"\xff\"]"), "line 1, column 3: not UTF-8" },
	{ BYTES("[\"\xed\xa0\x80\"]"), "line 1, column 3: not UTF-8" },
	{ BYTES("[\"\xc3\xa9\",\n \"\xc3\xa9\xc3\xa9\", x]"),
	  "line 2, column 8: a value was expected" },
	{ BYTES("\xef\xbb\xbf{}"), "line 1, column 1: a value was expected" },
	{ BYTES("[1] // no"), "line 1, column 5: something follows the document" },
	{ BYTES("[/* no */1]"), "line 1, column 2: a value was expected" },
	{ BYTES("{\"a\":1,\n\"b\":{\"a\":1},\n\"a\":2}"),
	  "line 3, column 1: the key \"a\" is there twice" },
	{ BYTES("[{\"a\":{\"x\":1,\"x\":2}}]"), "line 1, column 14: the key \"x\" is there twice" },
	{ BYTES("{\"a\":1,\"\\u0061\":2}"),
	  "a key is there twice in one object, once written with escapes" },
	{ BYTES("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
	  "line 1, column 34: nested too deeply (more than 32 levels)" },
};

START_TEST(what_is_no_json_is_refused_with_its_place)
{
	struct error error = { 0 };
	autoptr(json_object) root = json_parse(refused[_i].text, refused[_i].len, &error);

	ck_assert_msg(root == NULL, "%s", refused[_i].text);
	ck_assert_str_eq(error.text, refused[_i].want);
	ck_assert_int_eq(error.kind, ERROR_INVALID);
}
END_TEST

static const struct {
	const char *entry;
	int count;
	const char *want;
} floods[] = {
	{ "{},", 70000, "too many objects" },
	{ "[],", 70000, "too many objects" },
	{ "1,", 524288, "too many values" },
};

START_TEST(memory_per_byte_is_bounded)
{
	struct text text = TEXT_INIT(4U << 20);
	struct error error = { 0 };

	text_add(&text, "[");
	for (int i = 0; i < floods[_i].count; i++)
		text_add(&text, floods[_i].entry);
	text.data[text.len - 1] = ']';
	ck_assert_ptr_null(json_parse(text_string(&text), text.len, &error));
	ck_assert_ptr_nonnull(strstr(error.text, floods[_i].want));
	text_clear(&text);
}
END_TEST

/* An object with so many members, in a list of its own: others beside it count for themselves. */
static struct json_object *parse_members(int count, struct error *error)
{
	struct text text = TEXT_INIT(1U << 20);
	struct json_object *root;

	text_add(&text, "[{\"a\":1},{");
	for (int i = 0; i < count; i++)
		text_addf(&text, "%s\"k%d\":1", i > 0 ? "," : "", i);
	text_add(&text, "}]");
	root = json_parse(text_string(&text), text.len, error);
	text_clear(&text);
	return root;
}

START_TEST(members_of_an_object_are_bounded)
{
	struct error error = { 0 };
	autoptr(json_object) most = parse_members(16384, &error);
	autoptr(json_object) more = parse_members(16385, &error);

	ck_assert_ptr_nonnull(most);
	ck_assert_ptr_null(more);
	ck_assert_ptr_nonnull(strstr(error.text, "too many members"));
}
END_TEST

START_TEST(getters_do_not_convert)
{
	static const char text[] = "{\"text\":\"12\",\"int\":5,\"double\":2.5,\"flag\":true,"
				   "\"null\":null,\"object\":{},\"array\":[1]}";
	autoptr(json_object) root = json_parse(text, sizeof(text) - 1, NULL);

	ck_assert_ptr_nonnull(root);
	ck_assert_str_eq(json_text(root, "text", "-"), "12");
	ck_assert_str_eq(json_text(root, "int", "-"), "-");
	ck_assert_int_eq(json_integer(root, "int", -1), 5);
	ck_assert_int_eq(json_integer(root, "text", -1), -1);
	ck_assert_int_eq(json_integer(root, "double", -1), -1);
	ck_assert_int_eq(json_integer(root, "flag", -1), -1);
	ck_assert_double_eq(json_number(root, "int", -1), 5);
	ck_assert_double_eq(json_number(root, "double", -1), 2.5);
	ck_assert_double_eq(json_number(root, "text", -1), -1);
	ck_assert(json_flag(root, "flag", false));
	ck_assert(!json_flag(root, "int", false));
	ck_assert_ptr_null(json_member(root, "null"));
	ck_assert_ptr_null(json_member(root, "absent"));
	ck_assert_ptr_null(json_member(NULL, "x"));
	ck_assert_ptr_nonnull(json_object_member(root, "object"));
	ck_assert_ptr_null(json_object_member(root, "array"));
	ck_assert_ptr_nonnull(json_array_member(root, "array"));
	ck_assert_ptr_null(json_array_member(json_member(root, "array"), "x"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = tcase_create("json");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, json_is_read, 0, ROWS(accepted));
	tcase_add_loop_test(tcase, what_is_no_json_is_refused_with_its_place, 0, ROWS(refused));
	tcase_add_loop_test(tcase, memory_per_byte_is_bounded, 0, ROWS(floods));
	tcase_add_test(tcase, members_of_an_object_are_bounded);
	tcase_add_test(tcase, getters_do_not_convert);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
