#include <check.h>

#include "access.h"
#include "api_case.h"

static const struct credentials_row {
	const char *claim, *header;
	bool want;
} credentials_rows[] = {
	{ "right", "Basic YWRhOmxvdmVsYWNl", true },
	{ "any case of the scheme", "basic  YWRhOmxvdmVsYWNl", true },
	{ "none", NULL, false },
	{ "empty", "", false },
	{ "another scheme", "Bearer YWRhOmxvdmVsYWNl", false },
	{ "wrong password", "Basic YWRhOmxvdmVsYWNm", false },
	{ "a beginning of it", "Basic YWRhOmxvdmVsYWM=", false },
	{ "more after it", "Basic YWRhOmxvdmVsYWNlIQ==", false },
	{ "junk after it", "Basic YWRhOmxvdmVsYWNl!", false },
	{ "a NUL inside", "Basic YWRhOmxvdmVsYWNlAGE=", false },
	{ "nothing in it", "Basic ", false },
};

START_TEST(credentials_must_be_right)
{
	const struct credentials_row *row = &credentials_rows[_i];

	ck_assert_msg(access_credentials_match(row->header, "ada:lovelace") == row->want, "%s",
		      row->claim);
}
END_TEST

static const struct origin_row {
	const char *origin, *host;
	bool want;
} origin_rows[] = {
	{ NULL, "a.test:8080", true },
	{ "http://a.test:8080", "a.test:8080", true },
	{ "https://A.test:8080", "a.test:8080", true },
	{ "http://a.test", "a.test:8080", false },
	{ "http://evil.test:8080", "a.test:8080", false },
	{ "http://a.test:8080.evil.test", "a.test:8080", false },
	{ "null", "a.test:8080", false },
	{ "http://a.test:8080", NULL, false },
};

START_TEST(origins_must_be_ours)
{
	const struct origin_row *row = &origin_rows[_i];

	ck_assert_msg(access_origin_is_ours(row->origin, row->host) == row->want, "%s",
		      row->origin);
}
END_TEST

static const struct type_row {
	const char *type;
	bool want;
} type_rows[] = {
	{ NULL, true },
	{ "application/json", true },
	{ "Application/JSON; charset=utf-8", true },
	{ "application/json ;charset=utf-8", true },
	{ "application/jsonp", false },
	{ "text/plain", false },
	{ "application/x-www-form-urlencoded", false },
	{ "", false },
};

START_TEST(types_must_be_json)
{
	const struct type_row *row = &type_rows[_i];

	ck_assert_msg(access_type_is_json(row->type) == row->want, "%s", row->type);
}
END_TEST

#define RIGHT "Authorization: Basic YWRhOmxvdmVsYWNl"
#define ASKS "@WWW-Authenticate=Basic realm=\"Stadion\", charset=\"UTF-8\""

static const struct step locked_steps[] = {
	{ "reads", "GET", "/v2/apps", NULL, NULL, 401, { ASKS, "message=*" } },
	{ "the page", "GET", "/ui/", NULL, NULL, 401, { ASKS } },
	{ "ping", "GET", "/ping", NULL, NULL, 401, { ASKS } },
	{ "HEAD", "HEAD", "/v2/apps", NULL, NULL, 401, { ASKS } },
	{ "OPTIONS", "OPTIONS", "/v2/apps", NULL, NULL, 401, { ASKS } },
	{ "doubled slashes", "GET", "//v2//apps", NULL, NULL, 401, { ASKS } },
	{ "dots", "GET", "/./v2/apps", NULL, NULL, 401, { ASKS } },
	{ "escapes", "GET", "/%762/apps", NULL, NULL, 401, { ASKS } },
	{ "a path beside the agents'",
	  "GET",
	  "//agent/v1/../../v2/apps",
	  NULL,
	  NULL,
	  401,
	  { ASKS } },
	{ "what is not there", "GET", "/nothing", NULL, NULL, 401, { ASKS } },
	{ "before the body is read", "POST", "/v2/apps", NULL, "{", 401, { ASKS } },
	{ "wrong", "GET", "/v2/apps", "Authorization: Basic YWRhOg==", NULL, 401, { ASKS } },
	{ "right", "GET", "/v2/apps", RIGHT, NULL, 200, { "apps=[]" } },
	{ "the agents' door has its own key", "POST", "/agent/v1/hello", RIGHT, "{}", 401, { 0 } },
};

START_TEST(credentials_lock_everything)
{
	struct api_case self;

	api_case_start(&self, "ada:lovelace");
	API_CASE_RUN(&self, locked_steps);
	api_case_stop(&self);
}
END_TEST

static const struct step changed_steps[] = {
	{ "the old ones", "GET", "/v2/apps", RIGHT, NULL, 401, { ASKS } },
	{ "the new ones",
	  "GET",
	  "/v2/apps",
	  "Authorization: Basic YTpi",
	  NULL,
	  200,
	  { "apps=[]" } },
};

START_TEST(credentials_can_change)
{
	struct api_case self;

	api_case_start(&self, "ada:lovelace");
	ck_assert(api_set_credentials(self.api, "a:b", NULL));
	API_CASE_RUN(&self, changed_steps);
	api_case_stop(&self);
}
END_TEST

static const struct step origin_steps[] = {
	{ "another site may not change",
	  "POST",
	  "/v2/apps",
	  "Origin: http://evil.test",
	  "{\"id\":\"a\",\"cmd\":\"true x\"}",
	  403,
	  { "message=*" } },
	{ "nor destroy", "DELETE", "/v2/apps/a", "Origin: null", NULL, 403, { 0 } },
	{ "it may look", "GET", "/v2/apps", "Origin: http://evil.test", NULL, 200, { "apps=[]" } },
	{ "and is not let read it",
	  "GET",
	  "/v2/apps",
	  "Origin: http://evil.test",
	  NULL,
	  200,
	  { "@X-Content-Type-Options=nosniff" } },
	{ "our own page may",
	  "POST",
	  "/v2/apps",
	  "Origin: http://a.test:8080",
	  "{\"id\":\"a\",\"cmd\":\"true x\",\"instances\":0}",
	  201,
	  { "id=/a" } },
};

START_TEST(other_sites_may_not_change)
{
	struct api_case self;

	api_case_start(&self, NULL);
	API_CASE_RUN(&self, origin_steps);
	ck_assert_ptr_null(strcasestr(self.answer, "Access-Control-Allow-Origin"));
	api_case_stop(&self);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access");
	TCase *tcase = tcase_create("access");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, credentials_must_be_right, 0, ROWS(credentials_rows));
	tcase_add_loop_test(tcase, origins_must_be_ours, 0, ROWS(origin_rows));
	tcase_add_loop_test(tcase, types_must_be_json, 0, ROWS(type_rows));
	tcase_add_test(tcase, credentials_lock_everything);
	tcase_add_test(tcase, credentials_can_change);
	tcase_add_test(tcase, other_sites_may_not_change);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
