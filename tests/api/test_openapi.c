/* The document of the API and the table of its routes tell the same. */

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_state.h"
#include "stadion/json/json.h"
#include "web_files.h"

static struct json_object *load(void)
{
	struct error error = { 0 };
	struct json_object *document =
		json_parse(api_documents[0].data, api_documents[0].len, &error);

	ck_assert_msg(document, "%s", error.text);
	return document;
}

/* "/v2/apps/{id}" becomes "/v2/apps/{}": how a parameter is called does not matter. */
static void strip_names(const char *pattern, char *out, size_t size)
{
	size_t len = 0;

	for (; *pattern && len + 1 < size; pattern++) {
		out[len++] = *pattern;
		if (*pattern == '{')
			pattern += strcspn(pattern, "}") - 1;
	}
	out[len] = '\0';
}

static struct json_object *find_path(struct json_object *paths, const char *pattern)
{
	char wanted[256], have[256];

	strip_names(pattern, wanted, sizeof(wanted));
	json_object_object_foreach(paths, path, operations)
	{
		strip_names(path, have, sizeof(have));
		if (!strcmp(wanted, have))
			return operations;
	}
	return NULL;
}

START_TEST(every_route_is_documented)
{
	autoptr(json_object) document = load();
	struct json_object *paths = json_object_member(document, "paths");

	for (size_t i = 0; i < api_route_count; i++) {
		const struct route *route = &api_routes[i];
		char method[16] = { 0 };

		if (route->fn == not_there_yet || route->fn == method_refused)
			continue;
		for (size_t c = 0; route->method[c]; c++)
			method[c] = (char)tolower((unsigned char)route->method[c]);
		ck_assert_msg(json_object_member(find_path(paths, route->pattern), method),
			      "%s %s is to be described in src/api/openapi.json", route->method,
			      route->pattern);
	}
	printf("openapi: %zu routes\n", api_route_count);
}
END_TEST

/* A request of that path as a client would send it. */
static void fill_names(const char *pattern, char *out, size_t size)
{
	strip_names(pattern, out, size);
	for (char *brace = strchr(out, '{'); brace; brace = strchr(out, '{')) {
		*brace = 'x';
		memmove(brace + 1, brace + 2, strlen(brace + 1));
	}
}

START_TEST(every_document_has_a_route)
{
	autoptr(json_object) document = load();

	json_object_object_foreach(json_object_member(document, "paths"), pattern, operations)
	{
		json_object_object_foreach(operations, name, operation)
		{
			char path[256], method[16] = { 0 }, scratch[ROUTE_PATH_MAX], allow[128];
			struct route_match match;

			fill_names(pattern, path, sizeof(path));
			for (size_t c = 0; name[c] && c + 1 < sizeof(method); c++)
				method[c] = (char)toupper((unsigned char)name[c]);
			ck_assert_msg(router_find(api_routes, api_route_count, method, path,
						  scratch, &match, allow, sizeof(allow)) >= 0,
				      "%s %s is described and not there", method, path);
			ck_assert_ptr_nonnull(json_member(operation, "summary"));
			ck_assert_ptr_nonnull(json_object_member(operation, "responses"));
		}
	}
}
END_TEST

/* References within the document lead somewhere. */
static void check_references(struct json_object *at, struct json_object *document)
{
	const char *target = json_text(at, "$ref", NULL);
	struct json_object *found = NULL;

	if (target && target[0] == '#')
		ck_assert_msg(json_pointer_get(document, target + 1, &found) == 0, "%s", target);
	if (json_object_is_type(at, json_type_object)) {
		json_object_object_foreach(at, key, value)
		{
			(void)key;
			check_references(value, document);
		}
	}
	for (size_t i = 0;
	     json_object_is_type(at, json_type_array) && i < json_object_array_length(at); i++)
		check_references(json_object_array_get_idx(at, i), document);
}

START_TEST(references_are_whole)
{
	autoptr(json_object) document = load();

	ck_assert_str_eq(json_text(document, "openapi", ""), "3.1.0");
	check_references(document, document);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("openapi");
	TCase *tcase = tcase_create("openapi");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, every_route_is_documented);
	tcase_add_test(tcase, every_document_has_a_route);
	tcase_add_test(tcase, references_are_whole);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
