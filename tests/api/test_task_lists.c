/* What is made of the tasks of an app beyond JSON lists: text for load balancers, and taskStats. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "task_stats.h"
#include "tasks_text.h"

static struct app_port two_ports[] = {
	{ .container_port = 80, .service_port = 10000 },
	{ .container_port = 81, .host_port = PORT_NONE, .service_port = 10001 },
};
static struct app bridge = {
	.network = NETWORK_BRIDGE,
	.ports = two_ports,
	.port_count = ROWS(two_ports),
	.version_ms = 2000,
	.scaled_ms = 2000,
	.configured_ms = 1500,
};
static struct app inner = {
	.network = NETWORK_CONTAINER,
	.network_name = (char[]){ "blue" },
	.ports = two_ports,
	.port_count = ROWS(two_ports),
};
static struct app portless = { .network = NETWORK_HOST };
static struct app older = { .version_ms = 1500 };
static struct app oldest = { .version_ms = 1000 };
static int32_t placed[] = { 31742, PORT_NONE };

#define RUNNING(version, name, since)                                                         \
	{                                                                                     \
		.id = (char[]){ "x" }, .app = (version), .hostname = (name), .ports = placed, \
		.port_count = ROWS(placed),                                                   \
		.status = { .seq = 1,                                                         \
			    .state = TASK_RUNNING,                                            \
			    .started_ms = (since),                                            \
			    .address = "172.17.0.2" },                                        \
	}

static void add(struct cluster_app *app, struct instance *instance)
{
	LIST_INSERT_HEAD(&app->instances, instance, of_app);
	app->instance_count++;
}

static const struct text_row {
	const char *claim;
	struct app *app;
	const char *networks, *want;
} text_rows[] = {
	{ "a line per service port, with the host port at its index", &bridge, NULL,
	  "g_web\t10000\th1:31742\th2:31742\t\ng_web\t10001\t\n" },
	{ "hosts alone where there are no ports", &portless, NULL, "g_web\t \th1\th2\t\n" },
	{ "container networks only when asked for", &inner, NULL, "" },
	{ "another network", &inner, "red", "" },
	{ "by name, with the container's own port", &inner, "red,blue",
	  "g_web\t10000\t172.17.0.2:80\t172.17.0.2:80\t\n"
	  "g_web\t10001\t172.17.0.2:81\t172.17.0.2:81\t\n" },
	{ "all of them", &inner, "*",
	  "g_web\t10000\t172.17.0.2:80\t172.17.0.2:80\t\n"
	  "g_web\t10001\t172.17.0.2:81\t172.17.0.2:81\t\n" },
};

START_TEST(lists_have_a_text_form)
{
	const struct text_row *row = &text_rows[_i];
	struct instance first = RUNNING(row->app, (char[]){ "h1" }, 1);
	struct instance second = RUNNING(row->app, (char[]){ "h2" }, 1);
	struct instance staging = { .app = row->app, .hostname = (char[]){ "h3" } };
	struct cluster_app app = { .id = (char[]){ "/g/web" }, .current = row->app };
	struct text got = TEXT_INIT(4096);

	LIST_INIT(&app.instances);
	add(&app, &staging);
	add(&app, &second);
	add(&app, &first);
	tasks_text_add(&got, &app, row->networks);
	ck_assert_msg(!strcmp(text_string(&got), row->want), "%s: got\n%s", row->claim,
		      text_string(&got));
	text_clear(&got);
}
END_TEST

#define STATS(staged, running, rest)                                         \
	"{\"stats\":{\"counts\":{\"staged\":" staged ",\"running\":" running \
	",\"healthy\":0,\"unhealthy\":0}" rest "}}"
#define LIFE(average, median) \
	",\"lifeTime\":{\"averageSeconds\":" average ",\"medianSeconds\":" median "}"

START_TEST(stats_tell_versions_apart)
{
	struct instance current = RUNNING(&bridge, NULL, 9000);
	struct instance unscaled = RUNNING(&older, NULL, 8000);
	struct instance outdated = RUNNING(&oldest, NULL, 1000);
	struct instance staging = { .app = &bridge };
	struct cluster_app app = { .id = (char[]){ "/web" }, .current = &bridge };
	struct text got = TEXT_INIT(4096);
	struct json_writer writer = JSON_WRITER(&got);

	LIST_INIT(&app.instances);
	json_object_begin(&writer);
	task_stats_write(&writer, &app, 10000);
	add(&app, &current);
	add(&app, &unscaled);
	add(&app, &outdated);
	add(&app, &staging);
	task_stats_write(&writer, &app, 10000);
	json_object_end(&writer);
	/* clang-format off */
	ck_assert_str_eq(text_string(&got),
		"{\"taskStats\":{},\"taskStats\":{"
		"\"startedAfterLastScaling\":" STATS("1", "1", LIFE("1.0", "1.0")) ","
		"\"withLatestConfig\":" STATS("1", "2", LIFE("1.5", "1.5")) ","
		"\"withOutdatedConfig\":" STATS("0", "1", LIFE("9.0", "9.0")) ","
		"\"totalSummary\":" STATS("1", "3", LIFE("4.0", "2.0")) "}}");
	/* clang-format on */
	text_clear(&got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("task_lists");
	TCase *tcase = tcase_create("task_lists");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, lists_have_a_text_form, 0, ROWS(text_rows));
	tcase_add_test(tcase, stats_tell_versions_apart);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
