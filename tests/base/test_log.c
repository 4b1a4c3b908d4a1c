#include "stadion/base/log.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "stadion/base/language.h"

static char written[8192];

/* What one log line says after its time; NULL when nothing was written. */
static const char *line_of(int fd)
{
	ssize_t len = read(fd, written, sizeof(written) - 1);

	if (len <= 0)
		return NULL;
	written[len] = '\0';
	ck_assert_int_eq(written[len - 1], '\n');
	written[len - 1] = '\0';
	ck_assert_ptr_null(strchr(written, '\n'));
	ck_assert_int_gt(len, 25);
	return written + 25;
}

static int open_log(enum log_level level)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	log_setup(level, fds[1]);
	return fds[0];
}

static const struct {
	const char *value, *want;
} values[] = {
	{ "plain-1.2/3", "info e k=plain-1.2/3" },
	{ NULL, "info e k=-" },
	{ "", "info e k=\"\"" },
	{ "two words", "info e k=\"two words\"" },
	{ "a\nforged line", "info e k=\"a\\nforged line\"" },
	{ "tab\tquote\"back\\", "info e k=\"tab\\tquote\\\"back\\\\\"" },
	{ "x=y", "info e k=\"x=y\"" },
	{ "\x1b[31m", "info e k=\"\\x1b[31m\"" },
	{ "\x7f", "info e k=\"\\x7f\"" },
	{ "\xc3\xa9", "info e k=\"\xc3\xa9\"" },
	{ "bad\xff", "info e k=\"bad\\xff\"" },
	{ "c1\xc2\x9b", "info e k=\"c1\\xc2\\x9b\"" },
};

START_TEST(no_value_forges_a_line)
{
	int fd = open_log(LOG_INFO);

	log_info("e", F("k", values[_i].value));
	ck_assert_str_eq(line_of(fd), values[_i].want);
}
END_TEST

START_TEST(numbers_of_every_type_pass)
{
	int fd = open_log(LOG_DEBUG);
	char array[] = "array";

	log_debug("e", F("a", -1), F("b", (size_t)3), F("c", UINT64_MAX), F("d", INT64_MIN),
		  F("f", array));
	ck_assert_str_eq(line_of(fd),
			 "debug e a=-1 b=3 c=9223372036854775807 d=-9223372036854775808 f=array");
}
END_TEST

START_TEST(levels_below_are_dropped)
{
	int fd = open_log(LOG_WARN);

	log_info("quiet");
	ck_assert_ptr_null(line_of(fd));
	log_error("loud");
	ck_assert_str_eq(line_of(fd), "error loud");
}
END_TEST

START_TEST(a_long_value_is_cut_and_says_so)
{
	int fd = open_log(LOG_INFO);
	char value[6000];
	const char *line;

	memset(value, '\n', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_info("e", F("k", value), F("lost", 1));
	line = line_of(fd);
	ck_assert_uint_le(strlen(written), 4095);
	ck_assert_str_eq(line + strlen(line) - 6, "\\n...\"");
}
END_TEST

START_TEST(names_of_levels)
{
	enum log_level level = LOG_INFO;

	ck_assert(log_level_parse("warn", &level));
	ck_assert_int_eq(level, LOG_WARN);
	ck_assert(!log_level_parse("WARN", &level));
	ck_assert(!log_level_parse("", &level));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, no_value_forges_a_line, 0, ROWS(values));
	tcase_add_test(tcase, numbers_of_every_type_pass);
	tcase_add_test(tcase, levels_below_are_dropped);
	tcase_add_test(tcase, a_long_value_is_cut_and_says_so);
	tcase_add_test(tcase, names_of_levels);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
