#include "api_case.h"

#define TUTORIAL                                                                            \
	"{\"id\":\"docker-2048\",\"container\":{\"type\":\"DOCKER\",\"docker\":{\"image\":" \
	"\"some/image\",\"network\":\"BRIDGE\",\"portMappings\":[{\"containerPort\":80,"    \
	"\"hostPort\":0}]}},\"cpus\":0.5,\"mem\":512.0,\"instances\":0}"

static const struct step create_steps[] = {
	{ "nothing yet", "GET", "/v2/apps", NULL, NULL, 200, { "apps=[]" } },
	{ "created",
	  "POST",
	  "/v2/apps",
	  "Content-Type: application/json",
	  TUTORIAL,
	  201,
	  { "id=/docker-2048", "@Location=/v2/apps/docker-2048", "@Marathon-Deployment-Id=*",
	    "version=*", "tasksStaged=0", "tasksRunning=0", "tasksHealthy=0", "tasksUnhealthy=0",
	    "deployments.0.id=*", "!tasks", "!lastTaskFailure" } },
	{ "headers of every answer",
	  "GET",
	  "/v2/apps/docker-2048",
	  NULL,
	  NULL,
	  200,
	  { "@Cache-Control=no-cache, no-store, must-revalidate", "@Pragma=no-cache", "@Expires=0",
	    "@X-Frame-Options=DENY", "@X-XSS-Protection=1; mode=block",
	    "@X-Marathon-Leader=http://a.test:8080", "@Content-Type=application/json" } },
	{ "as it was normalised",
	  "GET",
	  "/v2/apps/docker-2048",
	  NULL,
	  NULL,
	  200,
	  { "app.id=/docker-2048", "app.cpus=0.5", "app.mem=512.0", "app.instances=0",
	    "app.networks.0.mode=container/bridge", "app.container.portMappings.0.hostPort=0",
	    "app.container.portMappings.0.servicePort=10000", "app.tasks=[]",
	    "app.versionInfo.lastScalingAt=*", "app.tasksRunning=0",
	    "!app.container.docker.network", "!app.waitingFor" } },
	{ "doubled slashes",
	  "GET",
	  "/v2/apps//docker-2048",
	  NULL,
	  NULL,
	  200,
	  { "app.id=/docker-2048" } },
	{ "a slash at the end", "GET", "/v2/apps/docker-2048/", NULL, NULL, 200, { "app.id=*" } },
	{ "again",
	  "POST",
	  "/v2/apps",
	  NULL,
	  TUTORIAL,
	  409,
	  { "message=An app with id [/docker-2048] already exists.", "!deployments" } },
	{ "in the list",
	  "GET",
	  "/v2/apps",
	  NULL,
	  NULL,
	  200,
	  { "apps.0.id=/docker-2048", "apps.0.tasksStaged=0", "apps.0.deployments=*",
	    "!apps.0.tasks", "!apps.1" } },
	{ "with its tasks",
	  "GET",
	  "/v2/apps?embed=apps.tasks",
	  NULL,
	  NULL,
	  200,
	  { "apps.0.tasks=[]" } },
	{ "found by a part of its id",
	  "GET",
	  "/v2/apps?id=KER-20",
	  NULL,
	  NULL,
	  200,
	  { "apps.0.id=/docker-2048" } },
	{ "not by another", "GET", "/v2/apps?id=4096", NULL, NULL, 200, { "apps=[]" } },
	{ "without a command it matches none",
	  "GET",
	  "/v2/apps?cmd=e",
	  NULL,
	  NULL,
	  200,
	  { "apps=[]" } },
	{ "as a group", "GET", "/v2/apps/*", NULL, NULL, 200, { "*.0.id=/docker-2048" } },
	{ "a group that is none", "GET", "/v2/apps/g/*", NULL, NULL, 404, { "message=*" } },
	{ "HEAD", "HEAD", "/v2/apps/docker-2048", NULL, NULL, 200, { "@X-Frame-Options=DENY" } },
};

static const struct step refusal_steps[] = {
	{ "an app that is not there",
	  "GET",
	  "/v2/apps/nope",
	  NULL,
	  NULL,
	  404,
	  { "message=App '/nope' does not exist" } },
	{ "what can be no id", "GET", "/v2/apps/No_Pe", NULL, NULL, 404, { "message=*" } },
	{ "destroying it",
	  "DELETE",
	  "/v2/apps/nope",
	  NULL,
	  NULL,
	  404,
	  { "message=App '/nope' does not exist" } },
	{ "restarting it", "POST", "/v2/apps/nope/restart", NULL, NULL, 404, { "message=*" } },
	{ "patching it",
	  "PATCH",
	  "/v2/apps/nope",
	  NULL,
	  "{\"instances\":1}",
	  404,
	  { "message=*" } },
	{ "half a document",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"id\":",
	  400,
	  { "message=Invalid JSON", "details=*" } },
	{ "no document", "POST", "/v2/apps", NULL, NULL, 400, { "details=*" } },
	{ "a form",
	  "POST",
	  "/v2/apps",
	  "Content-Type: application/x-www-form-urlencoded",
	  "id=a",
	  415,
	  { "message=*" } },
	{ "a bad id",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"id\":\"Bad_Id\",\"cmd\":\"sleep 1\"}",
	  422,
	  { "message=Invalid JSON", "details.0.path=/id", "details.0.errors.0=*" } },
	{ "no id",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"cmd\":\"sleep 1\"}",
	  422,
	  { "message=Invalid JSON", "details.0.path=/id",
	    "details.0.errors.0=error.path.missing" } },
	{ "nothing to run",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"id\":\"/a\"}",
	  422,
	  { "message=Object is not valid", "details.0.path=/", "details.0.errors.0=*" } },
	{ "text for a number",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"id\":\"/a\",\"cmd\":\"sleep 1\",\"instances\":\"2\"}",
	  422,
	  { "details.0.path=/instances", "details.0.errors.0=error.expected.jsnumber" } },
	{ "a list for an app", "PUT", "/v2/apps/a", NULL, "[]", 422, { "details=*" } },
	{ "an app for a list",
	  "PUT",
	  "/v2/apps",
	  NULL,
	  "{}",
	  422,
	  { "details.0.path=/", "details.0.errors.0=error.expected.jsarray" } },
	{ "an id that is a route",
	  "PUT",
	  "/v2/apps/a/tasks",
	  NULL,
	  "{\"cmd\":\"sleep 1\"}",
	  422,
	  { "details.0.path=/id" } },
	{ "another method", "POST", "/v2/apps/a", NULL, "{}", 405, { "message=*", "@Allow=*" } },
	{ "no such path", "GET", "/v2/nothing", NULL, NULL, 404, { "message=*" } },
	{ "pods", "GET", "/v2/pods", NULL, NULL, 501, { "message=*" } },
	{ "nothing came of it", "GET", "/v2/apps", NULL, NULL, 200, { "apps=[]" } },
};

static const struct step update_steps[] = {
	{ "PUT creates",
	  "PUT",
	  "/v2/apps/g/web",
	  NULL,
	  "{\"id\":\"other\",\"cmd\":\"sleep 9\",\"instances\":0,\"labels\":{\"a\":\"b\"},"
	  "\"version\":\"2020-01-01T00:00:00.000Z\"}",
	  201,
	  { "@Location=/v2/apps/g/web", "version=*", "deploymentId=*",
	    "@Marathon-Deployment-Id=*" } },
	{ "the path's id wins", "GET", "/v2/apps/other", NULL, NULL, 404, { 0 } },
	{ "PUT merges",
	  "PUT",
	  "/v2/apps/g/web?force=true",
	  NULL,
	  "{\"env\":{\"K\":\"v\"},\"cmd\":null}",
	  200,
	  { "version=*", "deploymentId=*", "!id" } },
	{ "what was not said stays",
	  "GET",
	  "/v2/apps/g/web",
	  NULL,
	  NULL,
	  200,
	  { "app.cmd=sleep 9", "app.labels.a=b", "app.env.K=v", "app.id=/g/web" } },
	{ "PUT replaces when asked",
	  "PUT",
	  "/v2/apps/g/web?force=True&partialUpdate=False",
	  NULL,
	  "{\"cmd\":\"sleep 8\",\"instances\":0}",
	  200,
	  { "deploymentId=*" } },
	{ "what was not said is gone",
	  "GET",
	  "/v2/apps/g/web",
	  NULL,
	  NULL,
	  200,
	  { "app.cmd=sleep 8", "!app.labels.a", "!app.env" } },
	{ "PATCH merges",
	  "PATCH",
	  "/v2/apps/g/web?force=true",
	  NULL,
	  "{\"cpus\":0.25}",
	  200,
	  { "deploymentId=*" } },
	{ "patched",
	  "GET",
	  "/v2/apps/g/web",
	  NULL,
	  NULL,
	  200,
	  { "app.cpus=0.25", "app.cmd=sleep 8" } },
	{ "four versions",
	  "GET",
	  "/v2/apps/g/web/versions",
	  NULL,
	  NULL,
	  200,
	  { "versions.3=*", "!versions.4" } },
	{ "version with more",
	  "PUT",
	  "/v2/apps/g/web",
	  NULL,
	  "{\"version\":\"2020-01-01T00:00:00.000Z\",\"cpus\":1}",
	  422,
	  { "message=Object is not valid", "details.0.path=/version" } },
	{ "an unknown version",
	  "PUT",
	  "/v2/apps/g/web",
	  NULL,
	  "{\"version\":\"2020-01-01T00:00:00.000Z\"}",
	  404,
	  { "message=*" } },
	{ "no time at all",
	  "PUT",
	  "/v2/apps/g/web",
	  NULL,
	  "{\"version\":\"yesterday\"}",
	  422,
	  { "message=*", "!details" } },
	{ "a version that is not kept",
	  "GET",
	  "/v2/apps/g/web/versions/2020-01-01T00:00:00.000Z",
	  NULL,
	  NULL,
	  404,
	  { "message=*" } },
	{ "a version that is none",
	  "GET",
	  "/v2/apps/g/web/versions/x",
	  NULL,
	  NULL,
	  422,
	  { "message=*" } },
	{ "versions of nothing", "GET", "/v2/apps/nope/versions", NULL, NULL, 404, { 0 } },
	{ "restart",
	  "POST",
	  "/v2/apps/g/web/restart?force=true",
	  NULL,
	  NULL,
	  200,
	  { "deploymentId=*" } },
	{ "many at once",
	  "PUT",
	  "/v2/apps?force=true",
	  NULL,
	  "[{\"id\":\"/g/web\",\"cpus\":0.5},{\"id\":\"new\",\"cmd\":\"sleep 7\",\"instances\":0}]",
	  200,
	  { "version=*", "deploymentId=*" } },
	{ "one of them",
	  "GET",
	  "/v2/apps/g/web",
	  NULL,
	  NULL,
	  200,
	  { "app.cpus=0.5", "app.cmd=sleep 8" } },
	{ "the other", "GET", "/v2/apps/new", NULL, NULL, 200, { "app.cmd=sleep 7" } },
	{ "below a group", "GET", "/v2/apps/g/*", NULL, NULL, 200, { "*.0.id=/g/web", "!*.1" } },
	{ "PATCH creates none",
	  "PATCH",
	  "/v2/apps?force=true",
	  NULL,
	  "[{\"id\":\"new\",\"cpus\":0.5},{\"id\":\"newer\",\"cmd\":\"sleep 7\"}]",
	  404,
	  { "message=App '/newer' does not exist" } },
	{ "nor changes the rest", "GET", "/v2/apps/new", NULL, NULL, 200, { "app.cpus=1.0" } },
	{ "a list names the index",
	  "PUT",
	  "/v2/apps",
	  NULL,
	  "[{\"id\":\"new\",\"cpus\":0.5},{\"id\":\"newer\",\"cmd\":7}]",
	  422,
	  { "details.0.path=(1)/cmd", "details.0.errors.0=error.expected.jsstring" } },
	{ "a list without an id",
	  "PUT",
	  "/v2/apps",
	  NULL,
	  "[{\"cmd\":\"sleep 7\"}]",
	  422,
	  { "message=*", "!details" } },
	{ "a list with one twice",
	  "PUT",
	  "/v2/apps",
	  NULL,
	  "[{\"id\":\"new\",\"cpus\":1},{\"id\":\"/new\",\"cpus\":2}]",
	  422,
	  { "message=*" } },
	{ "destroy", "DELETE", "/v2/apps/new", NULL, NULL, 200, { "version=*", "deploymentId=*" } },
	{ "it is gone", "GET", "/v2/apps/new", NULL, NULL, 404, { 0 } },
};

/* Without a host nothing can be placed: a deployment that stays. */
static const struct step lock_steps[] = {
	{ "it waits",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"id\":\"w\",\"cmd\":\"sleep 9\"}",
	  201,
	  { "id=/w" } },
	{ "its deployment",
	  "GET",
	  "/v2/deployments",
	  NULL,
	  NULL,
	  200,
	  { "0.id=*", "0.affectedApps=[\"\\/w\"]", "0.affectedPods=[]",
	    "0.steps.0.actions.0.action=StartApplication", "0.steps.1.actions.0.app=/w",
	    "0.currentActions.0.readinessCheckResults=[]", "0.totalSteps=2", "!0.why", "!1" } },
	{ "says why when asked",
	  "GET",
	  "/v2/deployments?embed=why",
	  NULL,
	  NULL,
	  200,
	  { "0.why=*" } },
	{ "the queue",
	  "GET",
	  "/v2/queue",
	  NULL,
	  NULL,
	  200,
	  { "queue.0.app.id=/w", "queue.0.count=1", "queue.0.delay.overdue=true",
	    "queue.0.delay.timeLeftSeconds=0", "queue.0.since=*", "!queue.0.role",
	    "!queue.0.waitingFor", "queue.0.processedOffersSummary.processedOffersCount=*" } },
	{ "no task yet", "GET", "/v2/apps/w/tasks", NULL, NULL, 200, { "tasks=[]" } },
	{ "what it waits for",
	  "GET",
	  "/v2/apps/w?embed=why",
	  NULL,
	  NULL,
	  200,
	  { "app.waitingFor=*", "app.deployments.0.id=*" } },
	{ "it is locked",
	  "PUT",
	  "/v2/apps/w",
	  NULL,
	  "{\"cpus\":0.5}",
	  409,
	  { "message=*", "deployments.0.id=*" } },
	{ "unless it is forced",
	  "PUT",
	  "/v2/apps/w?force=true",
	  NULL,
	  "{\"cpus\":0.5}",
	  200,
	  { "deploymentId=*" } },
	{ "forget the delay", "DELETE", "/v2/queue/w/delay", NULL, NULL, 204, { 0 } },
	{ "of what waits", "DELETE", "/v2/queue/nope/delay", NULL, NULL, 404, { "message=*" } },
	{ "no such deployment",
	  "DELETE",
	  "/v2/deployments/nope",
	  NULL,
	  NULL,
	  404,
	  { "message=*" } },
};

static void run(const struct step *steps, size_t count)
{
	struct api_case self;

	api_case_start(&self, NULL);
	for (size_t i = 0; i < count; i++)
		api_case_run(&self, &steps[i]);
	api_case_stop(&self);
}

START_TEST(apps_are_created)
{
	run(create_steps, ROWS(create_steps));
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
	run(refusal_steps, ROWS(refusal_steps));
}
END_TEST

START_TEST(apps_are_changed)
{
	run(update_steps, ROWS(update_steps));
}
END_TEST

START_TEST(deployments_lock)
{
	run(lock_steps, ROWS(lock_steps));
}
END_TEST

/* The text between `before` and the next quote in the last answer. */
static void pick(const struct api_case *self, const char *before, char *out, size_t size)
{
	const char *at = strstr(self->answer, before);

	ck_assert_msg(at, "%s is not in\n%s", before, self->answer);
	at += strlen(before);
	snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

START_TEST(an_old_version_comes_back)
{
	struct api_case self;
	char version[64], body[128], path[128];

	api_case_start(&self, NULL);
	api_case_run(&self, &(struct step){ "create",
					    "POST",
					    "/v2/apps",
					    NULL,
					    "{\"id\":\"v\",\"cmd\":\"sleep 1\",\"instances\":0}",
					    201,
					    { "cmd=sleep 1" } });
	pick(&self, "\"version\":\"", version, sizeof(version));
	api_case_run(&self, &(struct step){ "change",
					    "PUT",
					    "/v2/apps/v?force=true",
					    NULL,
					    "{\"cmd\":\"sleep 2\"}",
					    200,
					    { 0 } });
	snprintf(path, sizeof(path), "/v2/apps/v/versions/%s", version);
	api_case_run(&self, &(struct step){ "the old one",
					    "GET",
					    path,
					    NULL,
					    NULL,
					    200,
					    { "id=/v", "cmd=sleep 1", "versionInfo.lastScalingAt=*",
					      "!app", "!tasksRunning" } });
	snprintf(body, sizeof(body), "{\"version\":\"%s\"}", version);
	api_case_run(&self, &(struct step){ "back",
					    "PUT",
					    "/v2/apps/v?force=true",
					    NULL,
					    body,
					    200,
					    { "deploymentId=*" } });
	api_case_run(&self, &(struct step){ "it is back",
					    "GET",
					    "/v2/apps/v",
					    NULL,
					    NULL,
					    200,
					    { "app.cmd=sleep 1" } });
	api_case_run(&self, &(struct step){ "as a new version",
					    "GET",
					    "/v2/apps/v/versions",
					    NULL,
					    NULL,
					    200,
					    { "versions.2=*" } });
	api_case_stop(&self);
}
END_TEST

START_TEST(a_deployment_is_cancelled)
{
	struct api_case self;
	char id[64], path[128];

	api_case_start(&self, NULL);
	api_case_run(&self, &(struct step){ "create",
					    "POST",
					    "/v2/apps",
					    NULL,
					    "{\"id\":\"c\",\"cmd\":\"sleep 1\"}",
					    201,
					    { 0 } });
	pick(&self, "Marathon-Deployment-Id: ", id, 37);
	snprintf(path, sizeof(path), "/v2/deployments/%s?force=true", id);
	api_case_run(&self,
		     &(struct step){ "drop it", "DELETE", path, NULL, NULL, 202, { "!message" } });
	api_case_run(&self,
		     &(struct step){
			     "none is left", "GET", "/v2/deployments", NULL, NULL, 200, { "!0" } });
	api_case_run(&self, &(struct step){ "the app stays",
					    "GET",
					    "/v2/apps/c",
					    NULL,
					    NULL,
					    200,
					    { "app.instances=1" } });
	api_case_stop(&self);
}
END_TEST

/* Writes a request and leaves at once: what was asked is there, who asked is not. */
static void send_and_leave(const struct api_case *self, const char *body)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(self->server)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_gt(dprintf(fd,
				 "POST /v2/apps HTTP/1.1\r\nHost: a.test:8080\r\n"
				 "Content-Length: %zu\r\n\r\n%s",
				 strlen(body), body),
			 0);
	close(fd);
}

START_TEST(a_change_outlives_who_asked_for_it)
{
	struct api_case self;
	bool there = false;

	api_case_start(&self, NULL);
	send_and_leave(&self, "{\"id\":\"left\",\"cmd\":\"sleep 1\",\"instances\":0}");
	for (int i = 0; i < 100 && !there; i++) {
		api_case_call(&self, &(struct step){ .claim = "it is carried out",
						     .method = "GET",
						     .path = "/v2/apps/left" });
		there = strstr(self.answer, "HTTP/1.1 200");
	}
	ck_assert_msg(there, "%s", self.answer);
	api_case_stop(&self);
}
END_TEST

/* However far the change has come, the end leaves nothing behind: the leak checker looks. */
START_TEST(stopping_amid_a_change_is_clean)
{
	struct api_case self;

	api_case_start(&self, NULL);
	send_and_leave(&self, "{\"id\":\"cut\",\"cmd\":\"sleep 1\",\"instances\":0}");
	for (int i = 0; i < _i; i++)
		(void)event_base_loop(loop_base(self.loop), EVLOOP_NONBLOCK);
	api_case_stop(&self);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apps");
	TCase *tcase = tcase_create("apps");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, apps_are_created);
	tcase_add_test(tcase, what_is_wrong_is_refused);
	tcase_add_test(tcase, apps_are_changed);
	tcase_add_test(tcase, deployments_lock);
	tcase_add_test(tcase, an_old_version_comes_back);
	tcase_add_test(tcase, a_deployment_is_cancelled);
	tcase_add_test(tcase, a_change_outlives_who_asked_for_it);
	tcase_add_loop_test(tcase, stopping_amid_a_change_is_clean, 0, 8);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
