#include <check.h>
#include <stdio.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/schedule/plan.h"
#include "views.h"

#define TASK "web.instance-0f1e2d3c-0000-41ef-8000-0242ac110002._app.1"

static struct app_port app_ports[] = {
	{ .container_port = 80, .service_port = 10000 },
	{ .container_port = 81, .host_port = PORT_NONE, .service_port = 10001 },
	{ .container_port = 82, .service_port = 10002 },
};
static struct app app = {
	.id = (char[]){ "/web" },
	.role = (char[]){ "*" },
	.ports = app_ports,
	.port_count = ROWS(app_ports),
	.version_ms = 1714557604990,
};
static int32_t placed[] = { 31742, PORT_NONE, 31743 };
static int32_t taken[] = { 31800, PORT_NONE, 31743 };
static struct check_result checks[] = {
	{ .known = true,
	  .alive = true,
	  .first_success_ms = 1714557610120,
	  .last_success_ms = 1714557670130 },
	{ .known = false, .consecutive_failures = 1 },
	{ .known = true,
	  .consecutive_failures = 2,
	  .last_failure_ms = 1714557670130,
	  .cause = "refused" },
};
static struct host host_up = { .state = HOST_UP };
static struct host host_away = { .state = HOST_UNREACHABLE };

#define INSTANCE                                                                         \
	.id = (char[]){ TASK }, .app = &app, .host_id = (char[]){ "h1" },                \
	.hostname = (char[]){ "10.0.0.1" }, .staged_ms = 1714557605001, .ports = placed, \
	.port_count = ROWS(placed)

#define HEAD "{\"id\":\"" TASK "\",\"appId\":\"/web\",\"host\":\"10.0.0.1\",\"slaveId\":\"h1\","
#define TAIL "\"localVolumes\":[],\"role\":\"*\"}"
#define STAGED "\"stagedAt\":\"2024-05-01T10:00:05.001Z\","
#define VERSION "\"version\":\"2024-05-01T10:00:04.990Z\","

static const struct task_row {
	const char *claim;
	struct instance instance;
	enum task_view_ports service_ports;
	const char *want;
} task_rows[] = {
	{ "what the agent has not spoken of is staging, on its placed ports",
	  { INSTANCE, .host = &host_up },
	  TASK_VIEW_NO_SERVICE_PORTS,
	  HEAD "\"ports\":[31742,31743],\"servicePorts\":[],\"ipAddresses\":[],"
	       "\"state\":\"TASK_STAGING\"," STAGED VERSION "\"healthCheckResults\":[]," TAIL },
	{ "a running one, on the ports it took, with the results that count",
	  { INSTANCE, .host = &host_up,
	    .status = { .seq = 3,
			.state = TASK_RUNNING,
			.started_ms = 1714557607430,
			.ports = taken,
			.port_count = ROWS(taken),
			.address = "172.17.0.2",
			.checks = checks,
			.check_count = ROWS(checks) } },
	  TASK_VIEW_SERVICE_PORTS,
	  HEAD "\"ports\":[31800,31743],\"servicePorts\":[10000,10002],"
	       "\"ipAddresses\":[{\"ipAddress\":\"172.17.0.2\",\"protocol\":\"IPv4\"}],"
	       "\"state\":\"TASK_RUNNING\"," STAGED
	       "\"startedAt\":\"2024-05-01T10:00:07.430Z\"," VERSION
	       "\"healthCheckResults\":[{\"alive\":true,\"consecutiveFailures\":0,"
	       "\"firstSuccess\":\"2024-05-01T10:00:10.120Z\","
	       "\"lastSuccess\":\"2024-05-01T10:01:10.130Z\","
	       "\"instanceId\":\"web.instance-0f1e2d3c-0000-41ef-8000-0242ac110002\"},"
	       "{\"alive\":false,\"consecutiveFailures\":2,"
	       "\"lastFailure\":\"2024-05-01T10:01:10.130Z\",\"lastFailureCause\":\"refused\","
	       "\"instanceId\":\"web.instance-0f1e2d3c-0000-41ef-8000-0242ac110002\"}]," TAIL },
	{ "on a host that is away it is unreachable",
	  { INSTANCE, .host = &host_away, .status = { .seq = 1, .state = TASK_RUNNING } },
	  TASK_VIEW_NO_SERVICE_PORTS,
	  HEAD "\"ports\":[31742,31743],\"servicePorts\":[],\"ipAddresses\":[],"
	       "\"state\":\"TASK_UNREACHABLE\"," STAGED VERSION "\"healthCheckResults\":[]," TAIL },
	{ "what has ended has, wherever it was",
	  { INSTANCE, .host = &host_away, .status = { .seq = 2, .state = TASK_FAILED } },
	  TASK_VIEW_NO_SERVICE_PORTS,
	  HEAD "\"ports\":[31742,31743],\"servicePorts\":[],\"ipAddresses\":[],"
	       "\"state\":\"TASK_FAILED\"," STAGED VERSION "\"healthCheckResults\":[]," TAIL },
};

START_TEST(tasks_look_like_marathons)
{
	const struct task_row *row = &task_rows[_i];
	struct text got = TEXT_INIT(1 << 16);
	struct json_writer writer = JSON_WRITER(&got);

	task_view_write(&writer, &row->instance, row->service_ports);
	ck_assert_msg(!strcmp(text_string(&got), row->want), "%s: got\n%s\nwanted\n%s", row->claim,
		      text_string(&got), row->want);
	text_clear(&got);
}
END_TEST

static struct deployment_action actions[] = {
	{ 0, PLAN_START, (char[]){ "/a" } },
	{ 1, PLAN_SCALE, (char[]){ "/a" } },
	{ 1, PLAN_RESTART, (char[]){ "/b" } },
};
static char *affected[] = { (char[]){ "/a" }, (char[]){ "/b" }, NULL };

#define PLAN_HEAD                                                                           \
	"{\"id\":\"d1\",\"version\":\"2024-05-01T10:00:04.990Z\","                          \
	"\"affectedApps\":[\"/a\",\"/b\"],\"affectedPods\":[],\"steps\":[{\"actions\":["    \
	"{\"action\":\"StartApplication\",\"app\":\"/a\"}]},{\"actions\":["                 \
	"{\"action\":\"ScaleApplication\",\"app\":\"/a\"},"                                 \
	"{\"action\":\"RestartApplication\",\"app\":\"/b\"}]}],\"currentActions\":["        \
	"{\"action\":\"ScaleApplication\",\"app\":\"/a\",\"readinessCheckResults\":[]},"    \
	"{\"action\":\"RestartApplication\",\"app\":\"/b\",\"readinessCheckResults\":[]}]," \
	"\"currentStep\":2,\"totalSteps\":2"

static const struct plan_row {
	const char *claim;
	unsigned embed;
	const char *want;
} plan_rows[] = {
	{ "strict clients see Marathon's members", 0, PLAN_HEAD "}" },
	{ "who asks why is told", EMBED_WHY, PLAN_HEAD ",\"why\":\"no host\"}" },
};

START_TEST(deployments_look_like_marathons)
{
	const struct plan_row *row = &plan_rows[_i];
	struct deployment deployment = {
		.id = "d1",
		.version_ms = 1714557604990,
		.actions = actions,
		.action_count = ROWS(actions),
		.step_count = 2,
		.step = 1,
		.affected = affected,
		.why = "no host",
	};
	struct text got = TEXT_INIT(1 << 16);
	struct json_writer writer = JSON_WRITER(&got);

	deployment_view_write(&writer, &deployment, row->embed);
	ck_assert_msg(!strcmp(text_string(&got), row->want), "%s: got\n%s\nwanted\n%s", row->claim,
		      text_string(&got), row->want);
	text_clear(&got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("views");
	TCase *tcase = tcase_create("views");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, tasks_look_like_marathons, 0, ROWS(task_rows));
	tcase_add_loop_test(tcase, deployments_look_like_marathons, 0, ROWS(plan_rows));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
