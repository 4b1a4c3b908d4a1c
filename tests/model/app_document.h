#pragma once

/* Reading and writing apps in tests, in one line each. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/model/app_read.h"
#include "stadion/model/app_write.h"

static inline struct json_object *document_of(const char *json)
{
	struct error error;
	struct json_object *document = json_parse(json, strlen(json), &error);

	ck_assert_msg(document != NULL, "%s in %s", error.text, json);
	return document;
}

static inline struct app *app_of(const char *json, const struct app_read_options *options,
				 struct problems *problems)
{
	autoptr(json_object) document = document_of(json);

	problems->count = 0;
	return app_read(document, options, problems);
}

/* An app that must be good. */
static inline struct app *good_app(const char *json)
{
	struct app_read_options options = { 0 };
	struct problems problems;
	struct app *app = app_of(json, &options, &problems);

	ck_assert_msg(app != NULL, "%s: %s for %s", problems.items[0].path,
		      problems.items[0].message, json);
	return app;
}

static inline struct json_object *written(const struct app *app)
{
	struct text text = TEXT_INIT(1 << 20);
	struct json_writer writer = JSON_WRITER(&text);
	struct json_object *document;

	app_write_stored(&writer, app);
	ck_assert(!text.failed);
	document = document_of(text_string(&text));
	text_clear(&text);
	return document;
}

/* By value: the order of members does not count. */
static inline void assert_document(const char *claim, struct json_object *got, const char *want)
{
	autoptr(json_object) wanted = document_of(want);

	ck_assert_msg(json_object_equal(got, wanted), "%s:\ngot  %s\nwant %s", claim,
		      json_object_to_json_string_ext(got, JSON_C_TO_STRING_PLAIN), want);
}

static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
