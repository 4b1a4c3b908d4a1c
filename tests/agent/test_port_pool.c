#include "port_pool.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A port that the kernel says is free now, held open by a listener. */
static int listen_somewhere(int type, uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, type, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

START_TEST(what_somebody_else_has_is_not_given)
{
	uint16_t port;
	int fd = listen_somewhere(SOCK_STREAM, &port);
	struct port_pool *pool = port_pool_new(port, port);

	ck_assert(!port_pool_claim(pool, port, PORT_TCP));
	ck_assert_int_eq(port_pool_pick(pool, PORT_TCP, 0), PORT_NONE);
	ck_assert(port_pool_claim(pool, port, PORT_UDP)); /* the other protocol is free */
	close(fd);
	port_pool_free(pool);
}
END_TEST

START_TEST(udp_is_tried_as_udp)
{
	uint16_t port;
	int fd = listen_somewhere(SOCK_DGRAM, &port);
	struct port_pool *pool = port_pool_new(port, port);

	ck_assert(!port_pool_claim(pool, port, PORT_UDP));
	ck_assert(!port_pool_claim(pool, port, PORT_TCP_UDP));
	close(fd);
	ck_assert(port_pool_claim(pool, port, PORT_TCP_UDP));
	port_pool_free(pool);
}
END_TEST

START_TEST(no_port_goes_to_two)
{
	uint16_t port;
	int fd = listen_somewhere(SOCK_STREAM, &port);
	struct port_pool *pool = port_pool_new(1024, 65535);

	close(fd);
	ck_assert(port_pool_claim(pool, port, PORT_TCP));
	ck_assert(!port_pool_claim(pool, port, PORT_TCP));
	port_pool_give_back(pool, port);
	ck_assert(port_pool_claim(pool, port, PORT_TCP));
	port_pool_give_back(pool, port);
	port_pool_hold(pool, port);
	ck_assert(!port_pool_claim(pool, port, PORT_TCP));
	port_pool_free(pool);
}
END_TEST

START_TEST(a_freed_port_is_the_last_to_be_given)
{
	struct port_pool *pool = port_pool_new(42100, 42109);
	int32_t first = port_pool_pick(pool, PORT_TCP, 3);
	int taken = 1;

	ck_assert_int_ge(first, 42100);
	ck_assert_int_le(first, 42109);
	port_pool_give_back(pool, first);
	for (;;) {
		int32_t port = port_pool_pick(pool, PORT_TCP, (uint32_t)(first - 42100));

		if (port == first)
			break;
		ck_assert_int_ne(port, PORT_NONE);
		taken++;
	}
	ck_assert_int_eq(port_pool_pick(pool, PORT_TCP, 0), PORT_NONE);
	ck_assert_int_ge(taken, 5); /* others of the machine may have some of them */
	port_pool_free(pool);
}
END_TEST

START_TEST(nonsense_is_no_port)
{
	struct port_pool *pool = port_pool_new(42110, 42111);

	ck_assert(!port_pool_claim(pool, 0, PORT_TCP));
	ck_assert(!port_pool_claim(pool, 70000, PORT_TCP));
	ck_assert(!port_pool_claim(pool, PORT_NONE, PORT_TCP));
	port_pool_hold(pool, 70000);
	port_pool_give_back(pool, PORT_NONE);
	port_pool_free(pool);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port_pool");
	TCase *tcase = tcase_create("port_pool");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, what_somebody_else_has_is_not_given);
	tcase_add_test(tcase, udp_is_tried_as_udp);
	tcase_add_test(tcase, no_port_goes_to_two);
	tcase_add_test(tcase, a_freed_port_is_the_last_to_be_given);
	tcase_add_test(tcase, nonsense_is_no_port);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
