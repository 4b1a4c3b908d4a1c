#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stadion/base/language.h"
#include "state.h"

static char folder[64];

static void setup(void)
{
	snprintf(folder, sizeof(folder), "%s", "/tmp/stadion-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	ck_assert_msg(stat(path, &status) == 0, "%s is not there", path);
	return status.st_mode & 07777;
}

START_TEST(folders_are_private_all_the_way)
{
	char path[128], above[128];
	struct error error = { 0 };

	snprintf(above, sizeof(above), "%s/a", folder);
	snprintf(path, sizeof(path), "%s/a//b/", folder);
	ck_assert_msg(state_folder_make(path, &error), "%s", error.text);
	ck_assert_uint_eq(mode_of(above), 0700);
	ck_assert_uint_eq(mode_of(path), 0700);
	ck_assert_msg(state_folder_make(path, &error), "again: %s", error.text);
}
END_TEST

START_TEST(a_folder_that_cannot_be_is_named)
{
	char path[128];
	struct error error = { 0 };

	ck_assert(!state_folder_make("/proc/nowhere/x", &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/proc/nowhere"));
	snprintf(path, sizeof(path), "%s/file", folder);
	ck_assert_int_ge(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	snprintf(path, sizeof(path), "%s/file/x", folder);
	ck_assert(!state_folder_make(path, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "file/x"));
}
END_TEST

static const struct secret_row {
	const char *claim, *content;
	mode_t mode;
	const char *want; /* NULL: refused */
} secret_rows[] = {
	{ "one line", "word\n", 0600, "word" },
	{ "no line end", "word", 0400, "word" },
	{ "the first line counts", "word\nmore\n", 0640, "word" },
	{ "from elsewhere", "word\r\n", 0600, "word" },
	{ "empty", "", 0600, NULL },
	{ "an empty line", "\nword\n", 0600, NULL },
	{ "open to everybody", "word\n", 0644, NULL },
};

START_TEST(secrets_are_one_line_and_private)
{
	const struct secret_row *row = &secret_rows[_i];
	char path[128];
	autofree char *got = NULL;
	struct error error = { 0 };
	int fd;

	snprintf(path, sizeof(path), "%s/secret", folder);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(write(fd, row->content, strlen(row->content)),
			 (ssize_t)strlen(row->content));
	ck_assert_int_eq(fchmod(fd, row->mode), 0);
	close(fd);
	ck_assert_msg(state_secret_read(path, &got, &error) == (row->want != NULL), "%s: %s",
		      row->claim, error.text);
	if (row->want)
		ck_assert_str_eq(got, row->want);
	else
		ck_assert_msg(strstr(error.text, path), "%s: %s", row->claim, error.text);
}
END_TEST

START_TEST(a_secret_is_made_once)
{
	char path[128];
	autofree char *first = NULL;
	autofree char *second = NULL;
	struct error error = { 0 };

	snprintf(path, sizeof(path), "%s/token", folder);
	ck_assert(!state_secret_read(path, &first, &error));
	ck_assert_msg(state_secret_make(path, &first, &error), "%s", error.text);
	ck_assert_uint_eq(mode_of(path), 0600);
	ck_assert_uint_eq(strlen(first), 64);
	ck_assert_msg(state_secret_make(path, &second, &error), "%s", error.text);
	ck_assert_str_eq(first, second);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *tcase = tcase_create("state");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, folders_are_private_all_the_way);
	tcase_add_test(tcase, a_folder_that_cannot_be_is_named);
	tcase_add_loop_test(tcase, secrets_are_one_line_and_private, 0, ROWS(secret_rows));
	tcase_add_test(tcase, a_secret_is_made_once);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
