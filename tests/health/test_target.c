#include "target.h"

#include <check.h>
#include <stdlib.h>

#include "stadion/base/language.h"

#define U CHECK_PORT_UNSET
#define NONE PORT_NONE

static const struct row {
	const char *claim;
	enum network_mode network;
	enum check_protocol protocol;
	int32_t port, port_index;
	const char *address;
	int32_t host_port, container_port; /* of the app's one port */
	bool ipv6;
	const char *want_host; /* NULL: none */
	int32_t want_port;
} rows[] = {
	{ "HTTP, bridge: through the host port", NETWORK_BRIDGE, CHECK_HTTP, U, 0, "172.17.0.2",
	  31000, 80, false, "127.0.0.1", 31000 },
	{ "HTTP, bridge, no host port: the container", NETWORK_BRIDGE, CHECK_HTTP, U, 0,
	  "172.17.0.2", NONE, 80, false, "172.17.0.2", 80 },
	{ "HTTP, host mode", NETWORK_HOST, CHECK_HTTP, U, 0, "", 31000, 0, false, "127.0.0.1",
	  31000 },
	{ "HTTPS, fixed number: a port of the host", NETWORK_BRIDGE, CHECK_HTTPS, 8443, U,
	  "172.17.0.2", 31000, 80, false, "127.0.0.1", 8443 },
	{ "TCP, bridge: never docker-proxy", NETWORK_BRIDGE, CHECK_TCP, U, 0, "172.17.0.2", 31000,
	  80, false, "172.17.0.2", 80 },
	{ "TCP, bridge, the host port by its number: still the container", NETWORK_BRIDGE,
	  CHECK_TCP, 31000, U, "172.17.0.2", 31000, 80, false, "172.17.0.2", 80 },
	{ "TCP, host mode", NETWORK_HOST, CHECK_TCP, U, 0, "", 31000, 0, false, "127.0.0.1",
	  31000 },
	{ "a container port of 0 is the host port's number", NETWORK_BRIDGE, CHECK_MESOS_TCP, U, 0,
	  "172.17.0.2", 31000, 0, false, "172.17.0.2", 31000 },
	{ "MESOS_HTTP, fixed number: in the container", NETWORK_BRIDGE, CHECK_MESOS_HTTP, 9000, U,
	  "172.17.0.2", 31000, 80, false, "172.17.0.2", 9000 },
	{ "container network: the container", NETWORK_CONTAINER, CHECK_HTTP, U, 0, "10.1.0.9",
	  31000, 80, false, "10.1.0.9", 80 },
	{ "no index given: the first port", NETWORK_HOST, CHECK_HTTP, U, U, "", 31000, 0, false,
	  "127.0.0.1", 31000 },
	{ "IPv6 on the host", NETWORK_HOST, CHECK_MESOS_HTTP, U, 0, "", 31000, 0, true, "::1",
	  31000 },
	{ "an index past the ports", NETWORK_HOST, CHECK_HTTP, U, 1, "", 31000, 0, false, NULL, 0 },
	{ "a container without address", NETWORK_BRIDGE, CHECK_TCP, U, 0, "", 31000, 80, false,
	  NULL, 0 },
	{ "host mode without port", NETWORK_HOST, CHECK_HTTP, U, 0, "", NONE, 0, false, NULL, 0 },
};

START_TEST(target_follows_the_table)
{
	const struct row *row = &rows[_i];
	struct app_port port = { .container_port = row->container_port };
	const struct app app = { .network = row->network, .ports = &port, .port_count = 1 };
	const struct health_check check = { .protocol = row->protocol,
					    .port = row->port,
					    .port_index = row->port_index,
					    .ipv6 = row->ipv6 };
	struct probe_target got = { 0 };
	char cause[160] = "";
	bool found = probe_target_find(&app, &check, &row->host_port, row->address, &got, cause);

	ck_assert_msg(found == (row->want_host != NULL), "%s: found %d", row->claim, found);
	if (!found) {
		ck_assert_msg(cause[0] != '\0', "%s: no reason", row->claim);
		return;
	}
	ck_assert_str_eq(got.host, row->want_host);
	ck_assert_int_eq(got.port, row->want_port);
}
END_TEST

static const struct {
	enum check_protocol protocol;
	const char *host, *path, *want;
} urls[] = {
	{ CHECK_HTTP, "127.0.0.1", NULL, "http://127.0.0.1:80/" },
	{ CHECK_HTTP, "127.0.0.1", "", "http://127.0.0.1:80/" },
	{ CHECK_MESOS_HTTPS, "::1", "/a?b=c", "https://[::1]:80/a?b=c" },
	{ CHECK_HTTP, "127.0.0.1", "health", "http://127.0.0.1:80/health" },
	{ CHECK_HTTP, "127.0.0.1", "/a b\r\nX: y#z", "http://127.0.0.1:80/a%20b%0D%0AX:%20y%23z" },
};

START_TEST(url_follows_the_table)
{
	struct probe_target target = { .port = 80 };
	const struct health_check check = { .protocol = urls[_i].protocol,
					    .path = (char *)urls[_i].path };

	(void)text_copy(target.host, sizeof(target.host), urls[_i].host);
	autofree char *got = probe_target_url(&target, &check);

	ck_assert_str_eq(got, urls[_i].want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("target");
	TCase *tcase = tcase_create("tables");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, target_follows_the_table, 0, (int)ROWS(rows));
	tcase_add_loop_test(tcase, url_follows_the_table, 0, (int)ROWS(urls));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
