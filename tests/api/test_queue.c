/* The queue as hosts make it: who was looked at, who refused and why. And pages of other sites. */

#include "api_case.h"
#include "cors.h"
#include "stadion/protocol/messages.h"

/* A host joins: says hello, and reports that it runs nothing. */
static void join(struct api_case *self)
{
	char id[] = "h1", boot[] = "boot", none[] = "", version[] = "0.1.0";
	struct text body = TEXT_INIT(65536);
	struct step step = { .claim = "join",
			     .method = "POST",
			     .path = PROTOCOL_PATH_HELLO,
			     .headers = "Authorization: Bearer secret",
			     .status = 200 };
	struct hello hello = { .protocol = PROTOCOL_VERSION,
			       .host_id = id,
			       .incarnation = id,
			       .boot_id = boot,
			       .cluster = none,
			       .hostname = id,
			       .port_low = 31000,
			       .port_high = 31010,
			       .cpu_milli = 1000,
			       .mem_kib = 1 << 20,
			       .disk_kib = 1 << 20,
			       .engine = version,
			       .version = version };
	struct report report = { .complete = true };
	char session[64];
	const char *at;

	hello_write(&body, &hello);
	step.body = text_string(&body);
	api_case_run(self, &step);
	at = strstr(self->answer, "\"session\":\"");
	ck_assert_ptr_nonnull(at);
	snprintf(session, sizeof(session), "%.36s:%s", at + strlen("\"session\":\""), id);
	text_clear(&body);
	report.session = session;
	report_write(&body, &report);
	step.path = PROTOCOL_PATH_REPORT;
	step.body = text_string(&body);
	api_case_run(self, &step);
	text_clear(&body);
}

static const struct step steps[] = {
	{ "too much for it",
	  "POST",
	  "/v2/apps",
	  NULL,
	  "{\"id\":\"big\",\"cmd\":\"x\",\"cpus\":2,\"mem\":4096,\"instances\":2}",
	  201,
	  { "id=/big" } },
	{ "waits",
	  "GET",
	  "/v2/queue",
	  NULL,
	  NULL,
	  200,
	  { "queue.0.app.id=/big", "queue.0.count=2", "queue.0.delay.overdue=true",
	    "queue.0.delay.timeLeftSeconds=0", "queue.0.processedOffersSummary.lastUnusedOfferAt=*",
	    "!queue.0.processedOffersSummary.lastUsedOfferAt", "!queue.0.lastUnusedOffers",
	    "!queue.0.waitingFor", "!queue.0.role" } },
	{ "is charged to the first reason",
	  "GET",
	  "/v2/queue",
	  NULL,
	  NULL,
	  200,
	  { "queue.0.processedOffersSummary.rejectSummaryLastOffers.0.reason=UnfulfilledRole",
	    "queue.0.processedOffersSummary.rejectSummaryLastOffers.0.processed=1",
	    "queue.0.processedOffersSummary.rejectSummaryLastOffers.4.reason=InsufficientCpus",
	    "queue.0.processedOffersSummary.rejectSummaryLastOffers.4.declined=1",
	    "queue.0.processedOffersSummary.rejectSummaryLastOffers.5.declined=0",
	    "queue.0.processedOffersSummary.rejectSummaryLastOffers.5.processed=0",
	    "queue.0.processedOffersSummary.rejectSummaryLastOffers.9.reason="
	    "DeclinedScarceResources",
	    "!queue.0.processedOffersSummary.rejectSummaryLastOffers.10" } },
	{ "the host's word",
	  "GET",
	  "/v2/queue?embed=lastUnusedOffers",
	  NULL,
	  NULL,
	  200,
	  { "queue.0.lastUnusedOffers.0.offer.hostname=h1",
	    "queue.0.lastUnusedOffers.0.offer.resources.0.scalar=1.0",
	    "queue.0.lastUnusedOffers.0.offer.resources.3.ranges.0.begin=31000",
	    "queue.0.lastUnusedOffers.0.offer.attributes=[]",
	    "queue.0.lastUnusedOffers.0.reason.0=InsufficientCpus",
	    "queue.0.lastUnusedOffers.0.reason.1=InsufficientMemory",
	    "!queue.0.lastUnusedOffers.0.reason.2", "queue.0.lastUnusedOffers.0.timestamp=*" } },
	{ "the delay", "DELETE", "/v2/queue/big/delay", NULL, NULL, 204, { 0 } },
	{ "a smaller one",
	  "PUT",
	  "/v2/apps/big?force=true",
	  NULL,
	  "{\"cpus\":0.1,\"mem\":32,\"instances\":1}",
	  200,
	  { "version=*" } },
	{ "has found its place", "GET", "/v2/queue", NULL, NULL, 200, { "queue=[]" } },
	{ "one host",
	  "GET",
	  "/v2/hosts/h1",
	  NULL,
	  NULL,
	  200,
	  { "host.id=h1", "host.state=up", "host.tasks=1", "tasks.0.appId=/big",
	    "tasks.0.slaveId=h1", "!tasks.1" } },
	{ "a task", "GET", "/v2/tasks?status=staging", NULL, NULL, 200, { "tasks.0.host=h1" } },
	{ "its statistics",
	  "GET",
	  "/v2/apps/big?embed=taskStats",
	  NULL,
	  NULL,
	  200,
	  { "app.taskStats.totalSummary.stats.counts.staged=1",
	    "!app.taskStats.withOutdatedConfig" } },
};

START_TEST(the_queue_says_why)
{
	struct api_case self;

	api_case_start(&self, NULL);
	join(&self);
	API_CASE_RUN(&self, steps);
	printf("queue: %zu rows\n", ROWS(steps));
	api_case_stop(&self);
}
END_TEST

static const struct origin_row {
	const char *configured, *origin, *want;
} origins[] = {
	{ NULL, "https://a.example", NULL },
	{ "https://a.example", NULL, NULL },
	{ "https://a.example", "https://a.example", "https://a.example" },
	{ "https://a.example", "HTTPS://A.example", "HTTPS://A.example" },
	{ "https://a.example", "https://a.example.evil", NULL },
	{ "https://a.example", "https://b.example", NULL },
	{ "https://a.example, https://b.example", "https://b.example", "https://b.example" },
	{ "*", "https://a.example", "*" },
	{ "https://a.example,*", "https://b.example", "*" },
	{ "", "https://a.example", NULL },
	{ "https://a.example", "", NULL },
};

START_TEST(sites_that_are_configured_may_look)
{
	const struct origin_row *row = &origins[_i];
	const char *got = cors_origin(row->configured, row->origin);

	ck_assert_msg(row->want ? got && !strcmp(got, row->want) : !got, "%s for %s: %s",
		      row->configured ? row->configured : "none",
		      row->origin ? row->origin : "none", got ? got : "none");
}
END_TEST

#define OURS "Origin: https://a.example"
#define METHOD "\r\nAccess-Control-Request-Method: GET"

static const struct step looks[] = {
	{ "the question before the question carries no credentials",
	  "OPTIONS",
	  "/v2/apps",
	  OURS METHOD "\r\nAccess-Control-Request-Headers: X-A",
	  NULL,
	  200,
	  { "@Access-Control-Allow-Origin=https://a.example", "@Access-Control-Allow-Headers=X-A",
	    "@Access-Control-Allow-Methods=GET, HEAD, OPTIONS", "@Access-Control-Max-Age=86400",
	    "@Vary=Origin" } },
	{ "of another site", "OPTIONS", "/v2/apps", "Origin: https://b.example", NULL, 401, { 0 } },
	{ "of none", "OPTIONS", "/v2/apps", NULL, NULL, 401, { 0 } },
	{ "looking needs them", "GET", "/v2/apps", OURS, NULL, 401, { 0 } },
	{ "looking",
	  "GET",
	  "/v2/info",
	  OURS "\r\nAuthorization: Basic dTpw",
	  NULL,
	  200,
	  { "@Access-Control-Allow-Origin=https://a.example",
	    "marathon_config.access_control_allow_origin=https://a.example" } },
	{ "changing",
	  "POST",
	  "/v2/apps",
	  OURS "\r\nAuthorization: Basic dTpw",
	  "{}",
	  403,
	  { "message=*" } },
};

START_TEST(other_sites_look_and_do_not_change)
{
	const struct api_options options = { .credentials = "u:p",
					     .address = "a.test:8080",
					     .allow_origins = "https://a.example" };
	struct api_case self;

	api_case_open(&self, &options);
	API_CASE_RUN(&self, looks);
	api_case_stop(&self);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue");
	TCase *tcase = tcase_create("queue");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_queue_says_why);
	tcase_add_test(tcase, other_sites_look_and_do_not_change);
	tcase_add_loop_test(tcase, sites_that_are_configured_may_look, 0, ROWS(origins));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
