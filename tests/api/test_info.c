#include "api_case.h"

#include "views.h"

static const struct step steps[] = {
	{ "info",
	  "GET",
	  "/v2/info",
	  NULL,
	  NULL,
	  200,
	  { "name=marathon", "elected=true", "leader=a.test:8080", "frameworkId=*",
	    "marathon_config=*", "zookeeper_config.zk_max_versions=50",
	    "http_config.http_port=8080" } },
	{ "leader", "GET", "/v2/leader", NULL, NULL, 200, { "leader=a.test:8080" } },
	{ "leading cannot be given up", "DELETE", "/v2/leader", NULL, NULL, 404, { "message=*" } },
	{ "plugins", "GET", "/v2/plugins", NULL, NULL, 200, { "plugins=[]" } },
	{ "hosts", "GET", "/v2/hosts", NULL, NULL, 200, { "hosts=[]" } },
	{ "tasks", "GET", "/v2/tasks?status=running", NULL, NULL, 200, { "tasks=[]" } },
	{ "queue", "GET", "/v2/queue", NULL, NULL, 200, { "queue=[]" } },
	{ "ping", "GET", "/ping", NULL, NULL, 200, { "@Content-Type=text/plain" } },
	{ "ping as JSON",
	  "GET",
	  "/ping",
	  "Accept: application/json",
	  NULL,
	  200,
	  { "@Content-Type=application/json" } },
	{ "ping as nothing we have", "GET", "/ping", "Accept: image/png", NULL, 204, { 0 } },
	{ "the front door", "GET", "/", NULL, NULL, 302, { "@Location=/ui/" } },
	{ "the page",
	  "GET",
	  "/ui/",
	  NULL,
	  NULL,
	  200,
	  { "@Content-Type=text/html; charset=utf-8", "@Content-Security-Policy=*" } },
	{ "its script",
	  "GET",
	  "/ui/app.js",
	  NULL,
	  NULL,
	  200,
	  { "@Content-Type=text/javascript; charset=utf-8" } },
	{ "its style",
	  "GET",
	  "/ui/style.css",
	  NULL,
	  NULL,
	  200,
	  { "@Content-Type=text/css; charset=utf-8" } },
	{ "nothing else", "GET", "/ui/nothing.js", NULL, NULL, 404, { "message=*" } },
	{ "nor what lies outside",
	  "GET",
	  "/ui/..%2f..%2fetc%2fpasswd",
	  NULL,
	  NULL,
	  404,
	  { "message=*" } },
	{ "kill nothing", "POST", "/v2/tasks/delete", NULL, "{\"ids\":[]}", 200, { "tasks=[]" } },
	{ "kill without ids", "POST", "/v2/tasks/delete", NULL, "{}", 422, { "details=*" } },
	{ "kill what is no task",
	  "POST",
	  "/v2/tasks/delete",
	  NULL,
	  "{\"ids\":[\"x\"]}",
	  400,
	  { "message=*" } },
	{ "kill what is not there",
	  "POST",
	  "/v2/tasks/delete",
	  NULL,
	  "{\"ids\":[\"a.instance-5a1f3bb5-2c5c-4a39-a2b7-000000000000._app.1\"]}",
	  200,
	  { "tasks=[]" } },
	{ "kill twice over",
	  "POST",
	  "/v2/tasks/delete?scale=true&wipe=true",
	  NULL,
	  "{\"ids\":[]}",
	  400,
	  { "message=*" } },
	{ "tasks of nothing",
	  "GET",
	  "/v2/apps/nope/tasks",
	  NULL,
	  NULL,
	  404,
	  { "message=App '/nope' does not exist" } },
	{ "an app",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"id\":\"x\",\"cmd\":\"sleep 1\",\"instances\":0}",
	  201,
	  { 0 } },
	{ "its tasks", "GET", "/v2/apps/x/tasks", NULL, NULL, 200, { "tasks=[]" } },
	{ "kill all of them", "DELETE", "/v2/apps/x/tasks", NULL, NULL, 200, { "tasks=[]" } },
	{ "a task that is not there",
	  "DELETE",
	  "/v2/apps/x/tasks/unknown",
	  NULL,
	  NULL,
	  404,
	  { "message=Task 'unknown' does not exist" } },
};

START_TEST(small_resources_answer)
{
	struct api_case self;

	api_case_start(&self, NULL);
	API_CASE_RUN(&self, steps);
	api_case_stop(&self);
}
END_TEST

static const struct embed_row {
	const char *name;
	unsigned want;
} embeds[] = {
	{ "tasks", EMBED_TASKS | EMBED_DEPLOYMENTS },
	{ "apps.tasks", EMBED_TASKS | EMBED_DEPLOYMENTS },
	{ "app.counts", EMBED_COUNTS },
	{ "group.apps.lastTaskFailure", EMBED_FAILURE },
	{ "why", EMBED_WHY },
	{ "apps.", 0 },
	{ "", 0 },
	{ "apps.apps.tasks", 0 },
};

START_TEST(embeds_have_prefixes)
{
	ck_assert_uint_eq(embed_parse(embeds[_i].name), embeds[_i].want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("info");
	TCase *tcase = tcase_create("info");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, small_resources_answer);
	tcase_add_loop_test(tcase, embeds_have_prefixes, 0, ROWS(embeds));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
