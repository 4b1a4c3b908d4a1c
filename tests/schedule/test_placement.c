/* Where instances go, which ports they get, and what is said when nothing fits. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/schedule/placement.h"

static struct port_set no_ports;

/* Hosts a b c on racks 1 1 2; c is the biggest. */
static struct pair rack_1[] = { { (char *)"rack", (char *)"1" }, { (char *)"cpu", (char *)"2.0" } };
static struct pair rack_2[] = { { (char *)"rack", (char *)"2" } };
static const struct pair_list racks[] = {
	{ rack_1, 2 }, { rack_1, 2 }, { rack_2, 1 }, { NULL, 0 }
};

static struct placement_host host_of(size_t i)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	return (struct placement_host){ .hostname = names[i],
					.attributes = &racks[i],
					.reachable = true,
					.docker = true,
					.cpu_milli = 4000,
					.mem_kib = 4096 * 1024,
					.disk_kib = 1 << 30,
					.port_low = 31000,
					.port_high = 31009,
					.ports = &no_ports };
}

/* accepted: one letter per host a to d in the order of their names */
static const struct {
	const char *claim;
	struct constraint constraint;
	size_t placed[8];
	size_t placed_count;
	const char *accepted;
} matches[] = {
	{ "unique", { (char *)"hostname", CONSTRAINT_UNIQUE, NULL }, { 0, 2 }, 2, "bd" },
	{ "unique by attribute", { (char *)"rack", CONSTRAINT_UNIQUE, NULL }, { 0 }, 1, "c" },
	{ "cluster named", { (char *)"rack", CONSTRAINT_CLUSTER, (char *)"2" }, { 0 }, 1, "c" },
	{ "cluster of the first", { (char *)"rack", CONSTRAINT_CLUSTER, NULL }, { 1, 2 }, 2, "ab" },
	{ "cluster begins anywhere",
	  { (char *)"rack", CONSTRAINT_CLUSTER, NULL },
	  { 0 },
	  0,
	  "abc" },
	{ "group by knows used values only",
	  { (char *)"rack", CONSTRAINT_GROUP_BY, NULL },
	  { 0, 1 },
	  2,
	  "abc" },
	{ "group by balances", { (char *)"rack", CONSTRAINT_GROUP_BY, NULL }, { 0, 1, 2 }, 3, "c" },
	{ "group by level", { (char *)"rack", CONSTRAINT_GROUP_BY, NULL }, { 0, 2 }, 2, "abc" },
	{ "group by waits for a third",
	  { (char *)"rack", CONSTRAINT_GROUP_BY, (char *)"3" },
	  { 0, 2 },
	  2,
	  "" },
	{ "like matches the whole",
	  { (char *)"hostname", CONSTRAINT_LIKE, (char *)"a|c|dd" },
	  { 0 },
	  0,
	  "ac" },
	{ "like needs the field",
	  { (char *)"rack", CONSTRAINT_LIKE, (char *)".*" },
	  { 0 },
	  0,
	  "abc" },
	{ "unlike", { (char *)"@hostname", CONSTRAINT_UNLIKE, (char *)"a|b" }, { 0 }, 0, "cd" },
	{ "unlike takes a missing field",
	  { (char *)"rack", CONSTRAINT_UNLIKE, (char *)"1" },
	  { 0 },
	  0,
	  "cd" },
	{ "unlike with a broken pattern refuses",
	  { (char *)"hostname", CONSTRAINT_UNLIKE, (char *)"(" },
	  { 0 },
	  0,
	  "" },
	{ "max per", { (char *)"rack", CONSTRAINT_MAX_PER, (char *)"2" }, { 0, 1, 2 }, 3, "c" },
	{ "is text", { (char *)"rack", CONSTRAINT_IS, (char *)"2" }, { 0 }, 0, "c" },
	{ "is a number", { (char *)"cpu", CONSTRAINT_IS, (char *)"2" }, { 0 }, 0, "ab" },
};

START_TEST(constraints_follow_the_table)
{
	struct placement_host hosts[] = { host_of(0), host_of(1), host_of(2), host_of(3) };
	struct placement_request request = { .hosts = hosts,
					     .host_count = 4,
					     .placed = matches[_i].placed,
					     .placed_count = matches[_i].placed_count };
	char accepted[8] = "";

	for (size_t i = 0; i < 4; i++)
		if (constraint_accepts(&matches[_i].constraint, &request, i))
			strcat(accepted, hosts[i].hostname);
	ck_assert_msg(strcmp(accepted, matches[_i].accepted) == 0, "%s: %s", matches[_i].claim,
		      accepted);
}
END_TEST

START_TEST(least_loaded_wins_and_ties_are_even)
{
	autoptr(app) app = app_new();
	struct placement_host hosts[] = { host_of(0), host_of(1), host_of(2) };
	struct placement_request request = { .app = app, .hosts = hosts, .host_count = 3 };
	struct placement_choice choice = { 0 };
	size_t chosen[3] = { 0 };

	hosts[0].load = 5;
	hosts[1].load = hosts[2].load = 2;
	for (uint32_t i = 0; i < 1000; i++) {
		request.random = i * 2654435761U;
		ck_assert(placement_choose(&request, &choice, NULL));
		chosen[choice.host]++;
	}
	ck_assert_uint_eq(chosen[0], 0);
	ck_assert_uint_gt(chosen[1], 400);
	ck_assert_uint_gt(chosen[2], 400);
}
END_TEST

static struct app *bridge_app(const int32_t *host_ports, size_t count)
{
	struct app *app = app_new();

	ck_assert_ptr_nonnull(app);
	app->network = NETWORK_BRIDGE;
	app->container = CONTAINER_DOCKER;
	app->ports = calloc(count, sizeof(*app->ports));
	app->port_count = count;
	for (size_t i = 0; i < count; i++)
		app->ports[i].host_port = host_ports[i];
	return app;
}

START_TEST(random_ports_are_consecutive_and_free)
{
	static const int32_t asked[] = { 0, PORT_NONE, 31004, 0, 8080, 0 };
	autoptr(app) app = bridge_app(asked, 6);
	struct placement_host host = host_of(0);
	struct port_set taken = { { 0 } };
	struct placement_request request = { .app = app, .hosts = &host, .host_count = 1 };
	int32_t ports[6];
	struct placement_choice choice = { .ports = ports };
	bool wrapped = false;

	host.ports = &taken;
	port_set_add(&taken, 31002);
	port_set_add(&taken, 31003);
	port_set_add(&taken, 31008);
	port_set_remove(&taken, 31008);
	for (uint32_t random = 0; random < 200; random++) {
		request.random = random;
		ck_assert(placement_choose(&request, &choice, NULL));
		ck_assert_int_eq(ports[1], PORT_NONE);
		ck_assert_int_eq(ports[2], 31004);
		ck_assert_int_eq(ports[4], 8080);
		for (size_t i = 0; i < 6; i += i == 0 ? 3 : 2) {
			ck_assert(ports[i] >= 31000 && ports[i] <= 31009 && ports[i] != 31004);
			ck_assert(!port_set_has(&taken, ports[i]));
		}
		ck_assert(ports[0] != ports[3] && ports[3] != ports[5] && ports[0] != ports[5]);
		wrapped = wrapped || ports[3] < ports[0] || ports[5] < ports[3];
	}
	ck_assert(wrapped);
}
END_TEST

START_TEST(host_mode_names_ports_only_when_required)
{
	static const int32_t asked[] = { 0 };
	autoptr(app) app = bridge_app(asked, 1);
	struct placement_host host = host_of(0);
	struct placement_request request = { .app = app, .hosts = &host, .host_count = 1 };
	int32_t port;
	struct placement_choice choice = { .ports = &port };

	app->network = NETWORK_HOST;
	app->ports[0].service_port = 10000;
	ck_assert(placement_choose(&request, &choice, NULL));
	ck_assert(port >= 31000 && port <= 31009);
	app->require_ports = true;
	ck_assert(placement_choose(&request, &choice, NULL));
	ck_assert_int_eq(port, 10000);
}
END_TEST

START_TEST(every_reason_is_told)
{
	static const int32_t asked[] = { 0, 31001 };
	autoptr(app) app = bridge_app(asked, 2);
	struct placement_host hosts[] = { host_of(0), host_of(1), host_of(2), host_of(3) };
	struct port_set taken;
	struct placement_request request = { .app = app, .hosts = hosts, .host_count = 4 };
	struct placement_choice choice = { 0 };
	unsigned refusals[4];
	char words[512];

	memset(&taken, 0xff, sizeof(taken));
	app->cpu_milli = 5000;
	app->mem_kib = 512 * 1024;
	app->constraints = calloc(1, sizeof(*app->constraints));
	app->constraint_count = 1;
	app->constraints[0] =
		(struct constraint){ strdup("hostname"), CONSTRAINT_LIKE, strdup("a.*") };
	hosts[0].ports = &taken;
	hosts[1].mem_kib = 380 * 1024;
	hosts[2].reachable = false;
	hosts[2].docker = false;
	hosts[3].cpu_milli = -5;
	ck_assert(!placement_choose(&request, &choice, refusals));
	ck_assert_uint_eq(refusals[0], REFUSED_CPUS | REFUSED_PORTS);
	ck_assert_uint_eq(refusals[1], REFUSED_CPUS | REFUSED_MEMORY | REFUSED_CONSTRAINT);
	ck_assert_uint_eq(refusals[2],
			  REFUSED_CPUS | REFUSED_UNREACHABLE | REFUSED_ENGINE | REFUSED_CONSTRAINT);
	placement_explain(&request, 0, refusals[0], words, sizeof(words));
	ck_assert_str_eq(words, "needs 5 cpus, has 4; needs host port 31001, which is taken; needs "
				"1 host ports, has 0 free in 31000-31009");
	placement_explain(&request, 1, refusals[1], words, sizeof(words));
	ck_assert_str_eq(words, "constraint hostname LIKE a.* refuses b; needs 5 cpus, has 4; "
				"needs 512 MB of memory, has 380");
	placement_explain(&request, 3, REFUSED_CPUS, words, sizeof(words));
	ck_assert_str_eq(words, "needs 5 cpus, has 0");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("placement");
	TCase *tcase = tcase_create("placement");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, constraints_follow_the_table, 0, ROWS(matches));
	tcase_add_test(tcase, least_loaded_wins_and_ties_are_even);
	tcase_add_test(tcase, random_ports_are_consecutive_and_free);
	tcase_add_test(tcase, host_mode_names_ports_only_when_required);
	tcase_add_test(tcase, every_reason_is_told);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
