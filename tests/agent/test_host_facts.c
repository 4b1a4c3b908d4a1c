#include "host_facts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator_link.h"

START_TEST(this_host_has_something)
{
	struct host_facts facts;

	host_facts_read(&facts, "/tmp");
	ck_assert_str_ne(facts.hostname, "");
	ck_assert_str_ne(facts.machine_id, "");
	ck_assert_int_ge(facts.cpu_milli, 1000);
	ck_assert_int_gt(facts.mem_kib, 0);
	ck_assert_int_gt(facts.disk_kib, 0);
}
END_TEST

START_TEST(an_id_is_of_one_machine_and_one_engine)
{
	char one[HOST_ID_SIZE], same[HOST_ID_SIZE], other[HOST_ID_SIZE], swapped[HOST_ID_SIZE];

	host_id_derive(one, "machine", "/var/run/docker.sock");
	host_id_derive(same, "machine", "/var/run/docker.sock");
	host_id_derive(other, "machine", "/var/run/other.sock");
	host_id_derive(swapped, "machine/", "var/run/docker.sock");
	ck_assert_str_eq(one, same);
	ck_assert_str_ne(one, other);
	ck_assert_str_ne(one, swapped);
	ck_assert_uint_eq(strlen(one), 5 + 32);
}
END_TEST

START_TEST(delays_grow_within_their_bounds_and_differ)
{
	ck_assert_uint_ge(link_delay_ms(0, 0), LINK_DELAY_MIN_MS / 2);
	ck_assert_uint_le(link_delay_ms(0, UINT32_MAX), LINK_DELAY_MIN_MS);
	for (unsigned failures = 0; failures < 100; failures++) {
		ck_assert_uint_ge(link_delay_ms(failures + 1, 7), link_delay_ms(failures, 7));
		ck_assert_uint_le(link_delay_ms(failures, failures * 2654435761U),
				  LINK_DELAY_MAX_MS);
	}
	ck_assert_uint_ge(link_delay_ms(50, 0), LINK_DELAY_MAX_MS / 2);
	ck_assert_uint_ne(link_delay_ms(5, 1), link_delay_ms(5, 1000));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host_facts");
	TCase *tcase = tcase_create("host_facts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, this_host_has_something);
	tcase_add_test(tcase, an_id_is_of_one_machine_and_one_engine);
	tcase_add_test(tcase, delays_grow_within_their_bounds_and_differ);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
