#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/docker/image.h"

static const struct {
	const char *text, *name, *tag; /* name NULL: refused */
} references[] = {
	{ "alexwhen/docker-2048", "alexwhen/docker-2048", "latest" },
	{ "busybox", "busybox", "latest" },
	{ "busybox:1.36", "busybox", "1.36" },
	{ "localhost:5000/a/b", "localhost:5000/a/b", "latest" },
	{ "localhost:5000/a/b:v1", "localhost:5000/a/b", "v1" },
	{ "busybox@sha256:ab12", "busybox", "sha256:ab12" },
	{ "host:5000/busybox:v1@sha256:ab12", "host:5000/busybox", "sha256:ab12" },
	{ "[::1]:5000/a", "[::1]:5000/a", "latest" },
	{ "", NULL, NULL },
	{ ":v1", NULL, NULL },
	{ "busybox:", NULL, NULL },
	{ "busybox@", NULL, NULL },
	{ "a b", NULL, NULL },
	{ "a\nb", NULL, NULL },
	{ "a?b", NULL, NULL },
};

START_TEST(references_are_cut_like_dockers)
{
	struct docker_reference got = { .name = "untouched" };
	struct error error = { 0 };
	bool ok = docker_reference_parse(references[_i].text, &got, &error);

	ck_assert_msg(ok == (references[_i].name != NULL), "'%s'", references[_i].text);
	ck_assert_str_eq(got.name, ok ? references[_i].name : "untouched");
	if (ok)
		ck_assert_str_eq(got.tag, references[_i].tag);
	else
		ck_assert_int_eq(error.kind, ERROR_INVALID);
}
END_TEST

START_TEST(progress_adds_up_the_layers)
{
	static const char *const lines[] = {
		"{\"status\":\"Pulling from library/x\",\"id\":\"latest\"}",
		"{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"aa\"}",
		"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":10,\"total\":100},"
		"\"id\":\"aa\"}",
		"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":50},"
		"\"id\":\"bb\"}",
		"no json",
		"[1]",
		"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":-1,\"total\":100},"
		"\"id\":\"bb\"}",
		"{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"aa\"}",
		"{\"status\":\"Extracting\",\"progressDetail\":{\"current\":1,\"total\":100},"
		"\"id\":\"aa\"}",
	};
	struct docker_progress progress = { 0 };
	struct error error = { 0 };

	for (size_t i = 0; i < ROWS(lines); i++)
		(void)docker_progress_read(&progress, lines[i], strlen(lines[i]), &error);
	ck_assert_int_eq(error.kind, ERROR_NONE);
	ck_assert_uint_eq(progress.bytes_done, 105);
	ck_assert_uint_eq(progress.bytes_total, 150);
	ck_assert_str_eq(progress.status, "Extracting");
}
END_TEST

START_TEST(an_error_in_the_stream_is_an_error)
{
	static const char line[] = "{\"errorDetail\":{\"message\":\"manifest unknown\"},"
				   "\"error\":\"manifest unknown\"}";
	struct docker_progress progress = { 0 };
	struct error error = { 0 };

	ck_assert(docker_progress_read(&progress, line, sizeof(line) - 1, &error));
	ck_assert_str_eq(error.text, "manifest unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *tcase = tcase_create("pure");
	SRunner *runner;
	int failures;

	tcase_add_loop_test(tcase, references_are_cut_like_dockers, 0, ROWS(references));
	tcase_add_test(tcase, progress_adds_up_the_layers);
	tcase_add_test(tcase, an_error_in_the_stream_is_an_error);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
