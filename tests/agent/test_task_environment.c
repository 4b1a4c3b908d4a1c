#include "task_environment.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/clock.h"
#include "stadion/base/language.h"

#define TASK "web_front.instance-1._app.1"

static struct app_port bridge_ports[] = {
	{ .name = (char *)"http-api", .container_port = 80, .host_port = 0 },
	{ .container_port = 8080, .host_port = PORT_NONE },
	{ .container_port = 0, .host_port = 0 },
	{ .container_port = 0, .host_port = PORT_NONE },
};
static const int32_t bridge_taken[] = { 31005, PORT_NONE, 31009, PORT_NONE };

static struct pair labels[] = {
	{ (char *)"HAPROXY_GROUP", (char *)"external" },
	{ (char *)"a.b--c", (char *)"x y" },
};
static struct pair own[] = {
	{ (char *)"HOST", (char *)"mine" },
	{ (char *)"PORT_80", (char *)"" },
	{ (char *)"COLOUR", (char *)"blue" },
};

static const struct app bridged = {
	.id = (char *)"/web/front",
	.role = (char *)"*",
	.container = CONTAINER_DOCKER,
	.image = (char *)"alexwhen/docker-2048",
	.network = NETWORK_BRIDGE,
	.ports = bridge_ports,
	.port_count = ROWS(bridge_ports),
	.cpu_milli = 500,
	.mem_kib = 512 * 1024,
	.labels = { labels, ROWS(labels) },
	.env = { own, ROWS(own) },
	.version_ms = 1714557604990,
};

static const struct {
	const char *key, *value; /* NULL: absent */
} wanted[] = {
	{ "MESOS_TASK_ID", TASK },
	{ "MARATHON_APP_ID", "/web/front" },
	{ "MARATHON_APP_VERSION", "2024-05-01T10:00:04.990Z" },
	{ "MARATHON_APP_DOCKER_IMAGE", "alexwhen/docker-2048" },
	{ "MARATHON_APP_RESOURCE_CPUS", "0.5" },
	{ "MARATHON_APP_RESOURCE_MEM", "512.0" },
	{ "MARATHON_APP_RESOURCE_DISK", "0.0" },
	{ "MARATHON_APP_RESOURCE_GPUS", "0" },
	{ "MARATHON_APP_LABELS", "HAPROXY_GROUP A_B_C" },
	{ "MARATHON_APP_LABEL_HAPROXY_GROUP", "external" },
	{ "MARATHON_APP_LABEL_A_B_C", "x y" },
	{ "PORT0", "31005" },
	{ "PORT1", "8080" },
	{ "PORT2", "31009" },
	{ "PORT", "31005" },
	{ "PORT_HTTP-API", "31005" },
	{ "PORT_8080", "8080" },
	{ "PORT_31009", "31009" },
	{ "PORT_80", "" }, /* the user's own word, though empty */
	{ "HOST", "mine" },
	{ "COLOUR", "blue" },
	{ "PATH", NULL }, /* an image has its own */
};

START_TEST(a_bridged_task_is_told)
{
	struct pair_list got = { 0 };

	ck_assert(task_environment(&bridged, TASK, "host-1", bridge_taken, &got));
	const char *value = pair_list_find(&got, wanted[_i].key);

	if (wanted[_i].value)
		ck_assert_msg(value && strcmp(value, wanted[_i].value) == 0, "%s is %s",
			      wanted[_i].key, value ? value : "absent");
	else
		ck_assert_msg(!value, "%s is %s", wanted[_i].key, value);
	pair_list_clear(&got);
}
END_TEST

START_TEST(a_made_up_port_stays_the_same)
{
	struct pair_list first = { 0 }, second = { 0 };
	char list[64];

	ck_assert(task_environment(&bridged, TASK, "a", bridge_taken, &first));
	ck_assert(task_environment(&bridged, TASK, "b", bridge_taken, &second));
	const char *made_up = pair_list_find(&first, "PORT3");

	ck_assert_int_ge(atoi(made_up), 1025);
	ck_assert_str_eq(pair_list_find(&second, "PORT3"), made_up);
	snprintf(list, sizeof(list), "31005,31009,%s", made_up);
	ck_assert_str_eq(pair_list_find(&first, "PORTS"), list);
	pair_list_clear(&first);
	pair_list_clear(&second);
}
END_TEST

START_TEST(every_name_comes_once)
{
	struct pair_list got = { 0 };

	ck_assert(task_environment(&bridged, TASK, "a", bridge_taken, &got));
	for (size_t i = 0; i < got.count; i++) {
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(got.items[i].key, got.items[j].key);
	}
	pair_list_clear(&got);
}
END_TEST

START_TEST(a_process_in_host_mode)
{
	struct app_port ports[] = { { .service_port = 10000, .name = (char *)"admin" } };
	const int32_t taken[] = { 31999 };
	const struct app app = {
		.id = (char *)"/hello", .network = NETWORK_HOST, .ports = ports, .port_count = 1
	};
	struct pair_list got = { 0 };

	ck_assert(task_environment(&app, TASK, "host-1", taken, &got));
	ck_assert_str_eq(pair_list_find(&got, "PORT_10000"), "31999");
	ck_assert_str_eq(pair_list_find(&got, "PORT_ADMIN"), "31999");
	ck_assert_str_eq(pair_list_find(&got, "HOST"), "host-1");
	ck_assert_ptr_nonnull(pair_list_find(&got, "PATH"));
	ck_assert_ptr_null(pair_list_find(&got, "MARATHON_APP_DOCKER_IMAGE"));
	pair_list_clear(&got);
}
END_TEST

START_TEST(an_app_without_ports_gets_none_of_their_names)
{
	const struct app app = { .id = (char *)"/hello" };
	struct pair_list got = { 0 };

	ck_assert(task_environment(&app, TASK, "host-1", NULL, &got));
	for (size_t i = 0; i < got.count; i++)
		ck_assert_msg(strncmp(got.items[i].key, "PORT", 4) != 0, "%s", got.items[i].key);
	ck_assert_str_eq(pair_list_find(&got, "MARATHON_APP_LABELS"), "");
	pair_list_clear(&got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("task_environment");
	TCase *tcase = tcase_create("task_environment");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, a_bridged_task_is_told, 0, (int)ROWS(wanted));
	tcase_add_test(tcase, a_made_up_port_stays_the_same);
	tcase_add_test(tcase, every_name_comes_once);
	tcase_add_test(tcase, a_process_in_host_mode);
	tcase_add_test(tcase, an_app_without_ports_gets_none_of_their_names);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
