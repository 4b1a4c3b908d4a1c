#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/docker/event_stream.h"
#include "stadion/docker/exec.h"
#include "stadion/json/json.h"

static void join(const char *line, size_t len, void *arg)
{
	text_add_bytes(arg, line, len);
	text_add(arg, "|");
}

static const struct {
	const char *pieces[5];
	const char *want;
} cuts[] = {
	{ { "one\ntwo\n" }, "one|two|" },
	{ { "on", "e\ntw", "o\n" }, "one|two|" },
	{ { "one\n", "\n", "\n\ntwo" }, "one|" },
	{ { "o", "n", "e", "\n" }, "one|" },
};

START_TEST(lines_are_cut_wherever_the_pieces_end)
{
	struct docker_lines lines = { 0 };
	struct text got = TEXT_INIT(1024);

	for (size_t i = 0; i < 5 && cuts[_i].pieces[i]; i++)
		ck_assert(docker_lines_take(&lines, cuts[_i].pieces[i], strlen(cuts[_i].pieces[i]),
					    join, &got));
	ck_assert_str_eq(text_string(&got), cuts[_i].want);
	docker_lines_clear(&lines);
	text_clear(&got);
}
END_TEST

START_TEST(a_line_without_end_is_dropped_and_the_next_one_read)
{
	struct docker_lines lines = { 0 };
	struct text got = TEXT_INIT(1024);
	char piece[1024];

	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < 200; i++)
		ck_assert(docker_lines_take(&lines, piece, sizeof(piece), join, &got));
	ck_assert_uint_le(lines.size, 2 * DOCKER_LINE_MAX);
	ck_assert(docker_lines_take(&lines, "y\nshort\n", 8, join, &got));
	ck_assert_str_eq(text_string(&got), "short|");
	docker_lines_clear(&lines);
	text_clear(&got);
}
END_TEST

#define EVENT(action, attributes)                      \
	"{\"Type\":\"container\",\"Action\":\"" action \
	"\",\"Actor\":{\"ID\":\"ab\",\"Attributes\":{" attributes "}}}"

static const struct {
	const char *line;
	const char *action, *container; /* NULL: refused */
	int64_t time_ns;
	int exit_code;
} events[] = {
	{ "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"ab\",\"Attributes\":{}},"
	  "\"timeNano\":1795342758725569358}",
	  "die", "ab", 1795342758725569358, -1 },
	{ EVENT("die", "\"exitCode\":\"0\",\"image\":\"x\""), "die", "ab", 0, 0 },
	{ EVENT("die", "\"exitCode\":\"137\""), "die", "ab", 0, 137 },
	{ EVENT("die", "\"exitCode\":137"), "die", "ab", 0, -1 },
	{ EVENT("die", "\"exitCode\":\"\""), "die", "ab", 0, -1 },
	{ EVENT("die", "\"exitCode\":\"-1\""), "die", "ab", 0, -1 },
	{ EVENT("die", "\"exitCode\":\"256\""), "die", "ab", 0, -1 },
	{ EVENT("die", "\"exitCode\":\"3x\""), "die", "ab", 0, -1 },
	{ EVENT("oom", "\"image\":\"x\""), "oom", "ab", 0, -1 },
	{ EVENT("start", "\"image\":\"x\""), "start", "ab", 0, -1 },
	{ "{\"Type\":\"network\",\"Action\":\"die\",\"Actor\":{\"ID\":\"ab\"}}", NULL, NULL, 0, 0 },
	{ "{\"Type\":\"container\",\"Action\":\"die\"}", NULL, NULL, 0, 0 },
	{ "{\"Type\":\"container\",\"Action\":7,\"Actor\":{\"ID\":\"ab\"}}", NULL, NULL, 0, 0 },
	{ "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"ab\"},\"timeNano\":-1}",
	  NULL, NULL, 0, 0 },
	{ "{\"message\":\"broken", NULL, NULL, 0, 0 },
	{ "null", NULL, NULL, 0, 0 },
};

START_TEST(events_are_read_or_refused)
{
	autoptr(json_object) document = NULL;
	struct docker_event event = { 0 };
	bool ok = docker_event_read(events[_i].line, strlen(events[_i].line), &event, &document);

	ck_assert_msg(ok == (events[_i].action != NULL), "%s", events[_i].line);
	if (!ok)
		return;
	ck_assert_str_eq(event.action, events[_i].action);
	ck_assert_str_eq(event.container, events[_i].container);
	ck_assert_int_eq(event.time_ns, events[_i].time_ns);
	ck_assert_int_eq(event.exit_code, events[_i].exit_code);
}
END_TEST

START_TEST(output_frames_are_joined_at_any_cut) /* one test per length of the pieces */
{
	static const char stream[] = "\1\0\0\0\0\0\0\3one\2\0\0\0\0\0\0\4 two\1\0\0\0\0\0\0\0"
				     "\1\0\0\0\0\0\0\1!";
	struct docker_frames frames = { 0 };
	size_t step = (size_t)_i;

	for (size_t at = 0; at < sizeof(stream) - 1; at += step) {
		size_t left = sizeof(stream) - 1 - at;

		docker_frames_take(&frames, stream + at, left < step ? left : step);
	}
	ck_assert_str_eq(frames.out, "one two!");
}
END_TEST

START_TEST(output_is_kept_up_to_its_bound)
{
	struct docker_frames frames = { 0 };
	char piece[1000];

	docker_frames_take(&frames, "\1\0\0\0\0\1\0\0", 8);
	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < 65; i++)
		docker_frames_take(&frames, piece, sizeof(piece));
	ck_assert_uint_eq(strlen(frames.out), DOCKER_EXEC_OUTPUT_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event_stream");
	TCase *tcase = tcase_create("pure");
	SRunner *runner;
	int failures;

	tcase_add_loop_test(tcase, lines_are_cut_wherever_the_pieces_end, 0, ROWS(cuts));
	tcase_add_test(tcase, a_line_without_end_is_dropped_and_the_next_one_read);
	tcase_add_loop_test(tcase, events_are_read_or_refused, 0, ROWS(events));
	tcase_add_loop_test(tcase, output_frames_are_joined_at_any_cut, 1, 42);
	tcase_add_test(tcase, output_is_kept_up_to_its_bound);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
