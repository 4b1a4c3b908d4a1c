#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/docker/container.h"
#include "stadion/json/json.h"

static const struct {
	const char *message;
	bool refused;
	int32_t port;
} refusals[] = {
	{ "driver failed programming external connectivity on endpoint t (ab): Bind for "
	  "0.0.0.0:31000 failed: port is already allocated",
	  true, 31000 },
	{ "driver failed programming external connectivity on endpoint t (ab): Error starting "
	  "userland proxy: listen tcp4 0.0.0.0:31001: bind: address already in use",
	  true, 31001 },
	{ "failed to set up container networking: driver failed programming external connectivity "
	  "on endpoint t (ab): failed to bind host port for 0.0.0.0:31001:172.17.0.2:80/tcp: "
	  "address already in use",
	  true, 31001 },
	{ "Bind for :::31000 failed: port is already allocated", true, 31000 },
	{ "Bind for 0.0.0.0:8080 failed: port is already allocated", true, 0 },
	{ "exec: \"/nope\": stat /nope: no such file or directory", false, -7 },
	{ "", false, -7 },
};

START_TEST(port_refusals_are_understood)
{
	static const int32_t ports[] = { -1, 31000, 31001 };
	int32_t port = -7;

	ck_assert(docker_port_refused(refusals[_i].message, ports, ROWS(ports), &port) ==
		  refusals[_i].refused);
	ck_assert_int_eq(port, refusals[_i].port);
}
END_TEST

static const struct {
	const char *document;
	bool good;
	enum docker_status status;
	const char *address;
	int64_t started_ms, ended_ms;
} inspects[] = {
	{ "{\"Id\":\"ab\",\"Name\":\"/t\",\"State\":{\"Status\":\"running\",\"ExitCode\":0,"
	  "\"StartedAt\":\"2024-05-01T10:00:04.990123456Z\","
	  "\"FinishedAt\":\"0001-01-01T00:00:00Z\"},\"NetworkSettings\":{\"IPAddress\":\"\","
	  "\"Networks\":{\"mine\":{\"IPAddress\":\"10.1.2.3\"}}}}",
	  true, DOCKER_RUNNING, "10.1.2.3", 1714557604990, 0 },
	{ "{\"Id\":\"ab\",\"Name\":\"/t\",\"State\":{\"Status\":\"paused\"}}", true, DOCKER_RUNNING,
	  "", 0, 0 },
	{ "{\"Id\":\"ab\",\"State\":{\"Status\":\"exited\",\"ExitCode\":3}}", true, DOCKER_EXITED,
	  "", 0, 0 },
	{ "{\"Id\":\"ab\",\"State\":{\"Status\":\"weird\"}}", false, 0, "", 0, 0 },
	{ "{\"Id\":7,\"State\":{\"Status\":\"exited\"}}", false, 0, "", 0, 0 },
	{ "{\"Id\":\"ab\"}", false, 0, "", 0, 0 },
	{ "[]", false, 0, "", 0, 0 },
};

START_TEST(inspect_is_read_or_refused)
{
	const char *text = inspects[_i].document;
	autoptr(json_object) document = json_parse(text, strlen(text), NULL);
	struct docker_container got;
	bool good = docker_container_read(document, &got);

	ck_assert_msg(good == inspects[_i].good, "%s", text);
	if (!good)
		return;
	ck_assert_int_eq(got.status, inspects[_i].status);
	ck_assert_str_eq(got.address, inspects[_i].address);
	ck_assert_int_eq(got.started_ms, inspects[_i].started_ms);
	ck_assert_int_eq(got.ended_ms, inspects[_i].ended_ms);
}
END_TEST

START_TEST(create_says_what_was_asked_for)
{
	static const char *const entrypoint[] = { "/bin/sh", NULL };
	static const char *const command[] = { "-c", "echo \"$A\"", NULL };
	static const char *const environment[] = { "A=b c", NULL };
	static const struct docker_label labels[] = { { "stadion.task", "t" } };
	static const struct docker_port ports[] = {
		{ 80, 31000, "tcp" }, { 80, 31000, "udp" }, { 80, 31001, "tcp" }, { 90, 0, "tcp" }
	};
	static const struct docker_container_spec spec = {
		.image = "x",
		.entrypoint = entrypoint,
		.command = command,
		.environment = environment,
		.labels = labels,
		.label_count = 1,
		.ports = ports,
		.port_count = ROWS(ports),
		.network_mode = "bridge",
		.memory_bytes = 33554432,
		.cpu_shares = 2,
		.log_max_size = "10m",
		.log_max_files = "3",
	};
	struct text got = TEXT_INIT(4096);

	docker_container_write(&got, &spec);
	ck_assert_str_eq(
		text_string(&got),
		"{\"Image\":\"x\",\"Entrypoint\":[\"/bin/sh\"],\"Cmd\":[\"-c\",\"echo "
		"\\\"$A\\\"\"],"
		"\"Env\":[\"A=b c\"],\"Labels\":{\"stadion.task\":\"t\"},"
		"\"ExposedPorts\":{\"80/tcp\":{},\"80/udp\":{},\"90/tcp\":{}},"
		"\"HostConfig\":{\"NetworkMode\":\"bridge\",\"Memory\":33554432,\"CpuShares\":2,"
		"\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"31000\"},"
		"{\"HostIp\":\"\",\"HostPort\":\"31001\"}],"
		"\"80/udp\":[{\"HostIp\":\"\",\"HostPort\":\"31000\"}],\"90/tcp\":[]},"
		"\"RestartPolicy\":{\"Name\":\"no\"},\"LogConfig\":{\"Type\":\"json-file\","
		"\"Config\":{\"max-size\":\"10m\",\"max-file\":\"3\"}}}}");
	text_clear(&got);
}
END_TEST

static const struct {
	const char *newest, *oldest;
	int want;
} versions[] = {
	{ "1.41", "1.12", 41 }, { "1.50", "1.24", 41 }, { "1.52", "1.44", 44 },
	{ "1.30", "1.12", 30 }, { "1.24", "1.12", 24 }, { "1.23", "1.12", 0 },
	{ "2.0", "1.12", 0 },	{ "", "", 0 },		{ "1.41x", "1.12", 0 },
};

START_TEST(the_version_is_one_that_both_speak)
{
	ck_assert_int_eq(docker_api_choose(versions[_i].newest, versions[_i].oldest),
			 versions[_i].want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("container");
	TCase *tcase = tcase_create("pure");
	SRunner *runner;
	int failures;

	tcase_add_loop_test(tcase, port_refusals_are_understood, 0, ROWS(refusals));
	tcase_add_loop_test(tcase, inspect_is_read_or_refused, 0, ROWS(inspects));
	tcase_add_test(tcase, create_says_what_was_asked_for);
	tcase_add_loop_test(tcase, the_version_is_one_that_both_speak, 0, ROWS(versions));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
