#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"
#include "settings_value.h"
#include "stadion/base/language.h"

#define WORDS 8

static char file_path[] = "/tmp/stadion-settings-XXXXXX";

static void write_file(const char *content)
{
	FILE *file = fopen(file_path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void setup(void)
{
	int fd = mkstemp(file_path);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(file_path);
	memcpy(file_path + strlen(file_path) - 6, "XXXXXX", 6);
}

/* One line of what a role was told, so that a row can say what it wants. */
static void describe(const struct settings *settings, enum role role, char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, "%s:%u level=%d insecure=%d state=%s",
				      settings->listen.address, settings->listen.port,
				      settings->log_level, settings->insecure, settings->state);

	if (role != ROLE_AGENT)
		len += (size_t)snprintf(out + len, size - len, " store=%s after=%lld marathon=%d",
					settings->store, (long long)settings->unreachable_after_s,
					settings->marathon_check_defaults);
	if (role == ROLE_AGENT)
		len += (size_t)snprintf(out + len, size - len, " coordinator=%s",
					settings->coordinator);
	if (role != ROLE_COORDINATOR) {
		len += (size_t)snprintf(out + len, size - len, " docker=%s ports=%u-%u",
					settings->docker, settings->ports.low,
					settings->ports.high);
		for (size_t i = 0; i < settings->attributes.count; i++)
			len += (size_t)snprintf(out + len, size - len, " %s:%s",
						settings->attributes.items[i].key,
						settings->attributes.items[i].value);
	}
}

#define COORDINATOR_DEFAULTS                                                                 \
	"127.0.0.1:8080 level=1 insecure=0 state=/s store=sqlite:/s/coordinator/stadion.db " \
	"after=15 marathon=0"
#define AGENT_DEFAULTS                                                                  \
	"127.0.0.1:5051 level=1 insecure=0 state=/s coordinator=http://127.0.0.1:8080 " \
	"docker=/var/run/docker.sock ports=31000-32000"

static const struct good_row {
	const char *claim;
	enum role role;
	const char *file, *environment[WORDS], *arguments[WORDS];
	const char *want;
} good_rows[] = {
	{ "the coordinator's defaults",
	  ROLE_COORDINATOR,
	  NULL,
	  { 0 },
	  { "--state", "/s" },
	  COORDINATOR_DEFAULTS },
	{ "the agent's defaults", ROLE_AGENT, NULL, { 0 }, { "--state=/s" }, AGENT_DEFAULTS },
	{ "an empty file changes nothing",
	  ROLE_AGENT,
	  "",
	  { 0 },
	  { "--state=/s" },
	  AGENT_DEFAULTS },
	{ "comments and blanks",
	  ROLE_AGENT,
	  "# all\n\n  state = /s  # mine\n\tcoordinator=http://127.0.0.1:8080\r\n",
	  { 0 },
	  { 0 },
	  AGENT_DEFAULTS },
	{ "a file speaks",
	  ROLE_COORDINATOR,
	  "listen = 127.0.0.1:1\nlog_level = warn\nstate = /f\ninsecure = yes\n"
	  "unreachable_after = 3\nhealth_check_defaults = marathon\nstore = sqlite:/x.db",
	  { 0 },
	  { 0 },
	  "127.0.0.1:1 level=2 insecure=1 state=/f store=sqlite:/x.db after=3 marathon=1" },
	{ "the environment wins over the file",
	  ROLE_COORDINATOR,
	  "listen = 127.0.0.1:1\nstate = /f",
	  { "STADION_LISTEN=127.0.0.1:2", "OTHER=1", "STADION_STATE=/s" },
	  { "--listen", "127.0.0.1:8080" },
	  COORDINATOR_DEFAULTS },
	{ "flags win over the environment",
	  ROLE_COORDINATOR,
	  NULL,
	  { "STADION_LOG_LEVEL=error", "STADION_STATE=/e" },
	  { "--log-level", "debug", "--state", "/s", "--insecure" },
	  "127.0.0.1:8080 level=0 insecure=1 state=/s store=sqlite:/s/coordinator/stadion.db "
	  "after=15 marathon=0" },
	{ "another role's variable is let be",
	  ROLE_COORDINATOR,
	  NULL,
	  { "STADION_TOKEN_FILE=/t" },
	  { "--state=/s" },
	  COORDINATOR_DEFAULTS },
	{ "the later flag wins",
	  ROLE_COORDINATOR,
	  NULL,
	  { 0 },
	  { "--state=/a", "--state=/s" },
	  COORDINATOR_DEFAULTS },
	{ "attributes gather",
	  ROLE_AGENT,
	  "attribute = rack=r1\nattribute = disk=ssd=fast\n",
	  { 0 },
	  { "--state=/s" },
	  AGENT_DEFAULTS " rack:r1 disk:ssd=fast" },
	{ "a higher source replaces the list",
	  ROLE_AGENT,
	  "attribute = rack=r1\nattribute = disk=ssd\n",
	  { 0 },
	  { "--state=/s", "--attribute", "rack=r2" },
	  AGENT_DEFAULTS " rack:r2" },
	{ "DOCKER_HOST is a default",
	  ROLE_AGENT,
	  NULL,
	  { "DOCKER_HOST=unix:///run/d.sock" },
	  { "--state=/s", "--ports", "1-2" },
	  "127.0.0.1:5051 level=1 insecure=0 state=/s coordinator=http://127.0.0.1:8080 "
	  "docker=/run/d.sock ports=1-2" },
	{ "a flag wins over DOCKER_HOST",
	  ROLE_AGENT,
	  NULL,
	  { "DOCKER_HOST=tcp://elsewhere:1" },
	  { "--state=/s", "--docker", "unix:///var/run/docker.sock" },
	  AGENT_DEFAULTS },
	{ "a slash after the URL is dropped",
	  ROLE_AGENT,
	  NULL,
	  { 0 },
	  { "--state=/s", "--coordinator=http://127.0.0.1:8080/" },
	  AGENT_DEFAULTS },
	{ "addresses of version 6",
	  ROLE_COORDINATOR,
	  NULL,
	  { 0 },
	  { "--state=/s", "--listen", "[::1]:9" },
	  "::1:9 level=1 insecure=0 state=/s store=sqlite:/s/coordinator/stadion.db after=15 "
	  "marathon=0" },
};

static bool read_row(enum role role, const char *file, const char *const *environment,
		     const char *const *given, struct settings *out, struct error *error)
{
	const char *arguments[WORDS + 3] = { 0 };
	size_t count = 0;

	for (; count < WORDS && given[count]; count++)
		arguments[count] = given[count];
	if (file) {
		write_file(file);
		arguments[count++] = "--config";
		arguments[count] = file_path;
	}
	return settings_read(&(struct settings_input){ .role = role,
						       .arguments = arguments,
						       .environment = environment },
			     out, error);
}

START_TEST(settings_rise_from_file_to_flags)
{
	const struct good_row *row = &good_rows[_i];
	struct settings settings;
	struct error error = { 0 };
	char got[1024];

	ck_assert_msg(
		read_row(row->role, row->file, row->environment, row->arguments, &settings, &error),
		"%s: %s", row->claim, error.text);
	describe(&settings, row->role, got, sizeof(got));
	ck_assert_msg(!strcmp(got, row->want), "%s: got %s", row->claim, got);
	settings_clear(&settings);
}
END_TEST

static const struct bad_row {
	const char *claim;
	enum role role;
	const char *file, *environment[WORDS], *arguments[WORDS];
	const char *words[3]; /* that the message must have */
} bad_rows[] = {
	{ "unknown flag",
	  ROLE_AGENT,
	  NULL,
	  { 0 },
	  { "--coordinatr", "x" },
	  { "--coordinatr", "did you mean '--coordinator'" } },
	{ "swapped letters",
	  ROLE_COORDINATOR,
	  NULL,
	  { 0 },
	  { "--sotre", "x" },
	  { "'--sotre'", "'--store'" } },
	{ "unknown key with its line",
	  ROLE_AGENT,
	  "\n# x\nhostnam = a\n",
	  { 0 },
	  { 0 },
	  { ":3: ", "'hostnam'", "'hostname'" } },
	{ "unknown variable",
	  ROLE_DEV,
	  NULL,
	  { "STADION_LISTN=a" },
	  { 0 },
	  { "STADION_LISTN", "STADION_LISTEN" } },
	{ "nothing is near",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--zzzzzzzzzzzz" },
	  { "zzzzzzzzzzzz", "--help" } },
	{ "another role's flag",
	  ROLE_AGENT,
	  NULL,
	  { 0 },
	  { "--store", "sqlite:x" },
	  { "--store", "coordinator, dev" } },
	{ "another role's key",
	  ROLE_COORDINATOR,
	  "ports = 1-2",
	  { 0 },
	  { 0 },
	  { ":1: ", "ports", "agent, dev" } },
	{ "no flag at all", ROLE_DEV, NULL, { 0 }, { "please" }, { "please" } },
	{ "a flag without its value", ROLE_DEV, NULL, { 0 }, { "--state" }, { "--state", "DIR" } },
	{ "an empty value", ROLE_DEV, "state =", { 0 }, { 0 }, { ":1: ", "state", "empty" } },
	{ "no key", ROLE_DEV, "state\n", { 0 }, { 0 }, { ":1: ", "name = value" } },
	{ "set twice", ROLE_DEV, "state = /a\nstate = /b\n", { 0 }, { 0 }, { ":2: ", "twice" } },
	{ "a file in a file", ROLE_DEV, "config = /a\n", { 0 }, { 0 }, { ":1: ", "another file" } },
	{ "a file that is not there",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--config", "/nowhere/x" },
	  { "/nowhere/x", "No such file" } },
	{ "no port",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--listen", "127.0.0.1" },
	  { "--listen", "ADDR:PORT" } },
	{ "a name for an address",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--listen", "example.com:1" },
	  { "--listen", "example.com", "numeric" } },
	{ "a port too high",
	  ROLE_DEV,
	  "listen = 127.0.0.1:70000",
	  { 0 },
	  { 0 },
	  { ":1: ", "70000", "65535" } },
	{ "no URL",
	  ROLE_AGENT,
	  NULL,
	  { "STADION_COORDINATOR=127.0.0.1:8080" },
	  { 0 },
	  { "STADION_COORDINATOR", "http://" } },
	{ "several coordinators",
	  ROLE_AGENT,
	  NULL,
	  { 0 },
	  { "--coordinator", "http://a,http://b" },
	  { "--coordinator", "not there yet" } },
	{ "an engine elsewhere",
	  ROLE_AGENT,
	  NULL,
	  { "DOCKER_HOST=tcp://a:1" },
	  { 0 },
	  { "DOCKER_HOST", "tcp://a:1" } },
	{ "etcd",
	  ROLE_COORDINATOR,
	  NULL,
	  { 0 },
	  { "--store", "etcd:http://a" },
	  { "--store", "etcd is not there yet", "sqlite:" } },
	{ "a folder of apps",
	  ROLE_AGENT,
	  NULL,
	  { 0 },
	  { "--apps", "/a" },
	  { "--apps", "not there yet" } },
	{ "a level", ROLE_DEV, NULL, { 0 }, { "--log-level", "loud" }, { "--log-level", "loud" } },
	{ "no number",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--unreachable-after", "5s" },
	  { "--unreachable-after", "5s" } },
	{ "no second at all", ROLE_DEV, NULL, { 0 }, { "--unreachable-after", "0" }, { "86400" } },
	{ "no time to launch",
	  ROLE_COORDINATOR,
	  "task_launch_timeout = 0",
	  { 0 },
	  { 0 },
	  { "task_launch_timeout", "86400" } },
	{ "ports upside down", ROLE_DEV, NULL, { 0 }, { "--ports", "9-8" }, { "LOW-HIGH" } },
	{ "port zero", ROLE_DEV, NULL, { 0 }, { "--ports", "0-8" }, { "LOW-HIGH" } },
	{ "no value of an attribute",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--attribute", "rack" },
	  { "--attribute", "KEY=VALUE" } },
	{ "an attribute twice",
	  ROLE_DEV,
	  "attribute = a=1\nattribute = a=2\n",
	  { 0 },
	  { 0 },
	  { ":2: ", "'a'", "twice" } },
	{ "an unknown resource",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--resources", "cpus=1,ram=2" },
	  { "--resources", "ram=2" } },
	{ "negative memory", ROLE_DEV, NULL, { 0 }, { "--resources", "mem=-1" }, { "mem=-1" } },
	{ "no number of cpus",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--resources", "cpus=nan" },
	  { "cpus=nan" } },
	{ "neither true nor false",
	  ROLE_DEV,
	  "insecure = perhaps",
	  { 0 },
	  { 0 },
	  { ":1: ", "perhaps" } },
	{ "unknown defaults",
	  ROLE_DEV,
	  NULL,
	  { 0 },
	  { "--health-check-defaults", "mesos" },
	  { "mesos" } },
};

START_TEST(what_is_wrong_is_named)
{
	const struct bad_row *row = &bad_rows[_i];
	struct settings settings;
	struct error error = { 0 };

	ck_assert_msg(!read_row(row->role, row->file, row->environment, row->arguments, &settings,
				&error),
		      "%s: was accepted", row->claim);
	ck_assert_msg(error.kind == ERROR_INVALID, "%s: kind %d", row->claim, error.kind);
	for (size_t i = 0; i < ROWS(row->words) && row->words[i]; i++)
		ck_assert_msg(strstr(error.text, row->words[i]), "%s: '%s' is not in: %s",
			      row->claim, row->words[i], error.text);
	settings_clear(&settings);
}
END_TEST

static const struct exposure_row {
	const char *claim;
	enum role role;
	const char *arguments[WORDS];
	bool want;
} exposure_rows[] = {
	{ "loopback is free", ROLE_COORDINATOR, { "--listen", "127.0.0.1:1" }, true },
	{ "all of 127 is loopback", ROLE_COORDINATOR, { "--listen", "127.3.2.1:1" }, true },
	{ "so is ::1", ROLE_AGENT, { "--listen", "[::1]:1" }, true },
	{ "any address is not", ROLE_COORDINATOR, { "--listen", "0.0.0.0:1" }, false },
	{ "nor is ::", ROLE_DEV, { "--listen", "[::]:1" }, false },
	{ "nor a private one", ROLE_AGENT, { "--listen", "10.0.0.1:1" }, false },
	{ "unless it is said", ROLE_AGENT, { "--listen", "10.0.0.1:1", "--insecure" }, true },
	{ "credentials alone do not do",
	  ROLE_COORDINATOR,
	  { "--listen", "10.0.0.1:1", "--credentials-file", "/c" },
	  false },
	{ "nor does the token",
	  ROLE_COORDINATOR,
	  { "--listen", "10.0.0.1:1", "--agent-token-file", "/t" },
	  false },
	{ "both do",
	  ROLE_COORDINATOR,
	  { "--listen", "10.0.0.1:1", "--credentials-file", "/c", "--agent-token-file", "/t" },
	  true },
	{ "dev has its token",
	  ROLE_DEV,
	  { "--listen", "10.0.0.1:1", "--credentials-file", "/c" },
	  true },
	{ "an agent needs its own",
	  ROLE_AGENT,
	  { "--listen", "10.0.0.1:1", "--token-file", "/t" },
	  true },
};

START_TEST(other_addresses_need_credentials)
{
	const struct exposure_row *row = &exposure_rows[_i];
	const char *environment[] = { "HOME=/h", NULL };
	struct settings settings;
	struct error error = { 0 };

	ck_assert_msg(read_row(row->role, NULL, environment, row->arguments, &settings, &error),
		      "%s: %s", row->claim, error.text);
	ck_assert_msg(settings_check_exposure(&settings, row->role, &error) == row->want, "%s: %s",
		      row->claim, error.text);
	if (!row->want)
		ck_assert_ptr_nonnull(strstr(error.text, "--insecure"));
	settings_clear(&settings);
}
END_TEST

static const struct distance_row {
	const char *a, *b;
	size_t want;
} distance_rows[] = {
	{ "", "", 0 },
	{ "abc", "abc", 0 },
	{ "abc", "", 3 },
	{ "abc", "acb", 1 },
	{ "abc", "ab", 1 },
	{ "abc", "abxc", 1 },
	{ "kitten", "sitting", 3 },
	{ "store", "sotre", 1 },
	{ "ca", "abc", 3 },
};

START_TEST(distance_counts_slips)
{
	const struct distance_row *row = &distance_rows[_i];

	ck_assert_uint_eq(setting_name_distance(row->a, row->b), row->want);
	ck_assert_uint_eq(setting_name_distance(row->b, row->a), row->want);
}
END_TEST

static char *read_config(enum role role)
{
	char path[4096] = TEST_DATA, *text = calloc(1, 1 << 16); /* <root>/tests/commands/data */
	FILE *file;

	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/config/%s.conf",
		 role_name(role));
	file = fopen(path, "r");
	ck_assert_msg(file, "%s is not there", path);
	ck_assert_uint_gt(fread(text, 1, (1 << 16) - 1, file), 0);
	(void)fclose(file);
	return text;
}

/* What a config file says of one setting: its meaning, default, and a line to be used. */
static void write_block(const struct setting *row, char *out, size_t size)
{
	const char *normal = row->normal ? row->normal : row->normal_help;

	snprintf(out, size, "\n# %s\n# default: %s\n#%s = %s\n", row->help, normal, row->name,
		 row->normal ? row->normal : row->argument);
}

static const enum role roles[] = { ROLE_COORDINATOR, ROLE_AGENT, ROLE_DEV };

START_TEST(config_files_are_in_step_with_the_table)
{
	autofree char *text = read_config(roles[_i]);
	const struct setting *row = NULL;
	const char *rest = strstr(text, "\n\n") + 1;
	char block[1024];

	while ((row = settings_next(roles[_i], row))) {
		if (!strcmp(row->name, "config"))
			continue;
		write_block(row, block, sizeof(block));
		ck_assert_msg(!strncmp(rest, block, strlen(block)), "wanted:%s\nfound:%.200s",
			      block, rest);
		rest += strlen(block);
	}
	ck_assert_str_eq(rest, "");
}
END_TEST

START_TEST(defaults_in_config_files_can_be_used)
{
	const char *none[WORDS] = { "--state", "/s" }, *environment[] = { NULL };
	autofree char *text = read_config(roles[_i]);
	const struct setting *row = NULL;
	struct settings settings;
	struct error error = { 0 };

	while ((row = settings_next(roles[_i], row))) {
		char line[64];

		snprintf(line, sizeof(line), "\n#%s = ", row->name);
		if (row->normal)
			strstr(text, line)[1] = ' ';
	}
	ck_assert_msg(read_row(roles[_i], text, environment, none, &settings, &error), "%s",
		      error.text);
	settings_clear(&settings);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *tcase = tcase_create("settings");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, settings_rise_from_file_to_flags, 0, ROWS(good_rows));
	tcase_add_loop_test(tcase, what_is_wrong_is_named, 0, ROWS(bad_rows));
	tcase_add_loop_test(tcase, other_addresses_need_credentials, 0, ROWS(exposure_rows));
	tcase_add_loop_test(tcase, distance_counts_slips, 0, ROWS(distance_rows));
	tcase_add_loop_test(tcase, config_files_are_in_step_with_the_table, 0, ROWS(roles));
	tcase_add_loop_test(tcase, defaults_in_config_files_can_be_used, 0, ROWS(roles));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
