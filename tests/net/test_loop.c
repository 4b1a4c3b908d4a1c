#include "stadion/net/loop.h"

#include <check.h>
#include <signal.h>
#include <unistd.h>

#include "loop_until.h"
#include "stadion/base/clock.h"

static struct loop *loop;

static void setup(void)
{
	loop = loop_new(NULL);
	ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
	loop_free(loop);
}

static void count(void *arg)
{
	++*(int *)arg;
}

START_TEST(a_timer_fires_once_and_not_early)
{
	struct timer timer;
	int fired = 0;
	uint64_t begin = clock_monotonic_ms();

	ck_assert(timer_init(&timer, loop, count, &fired, NULL));
	timer_start(&timer, 30);
	ck_assert(timer_pending(&timer));
	UNTIL(loop, fired);
	ck_assert_uint_ge(clock_monotonic_ms() - begin, 29);
	ck_assert(!timer_pending(&timer));
	timer_clear(&timer);
	ck_assert_int_eq(fired, 1);
}
END_TEST

START_TEST(a_cancelled_timer_is_silent_and_a_moved_one_moves)
{
	struct timer cancelled, moved, last;
	int a = 0, b = 0, c = 0;

	ck_assert(timer_init(&cancelled, loop, count, &a, NULL));
	ck_assert(timer_init(&moved, loop, count, &b, NULL));
	ck_assert(timer_init(&last, loop, count, &c, NULL));
	timer_start(&cancelled, 5);
	timer_start(&moved, 5);
	timer_start(&moved, 60000);
	timer_start(&last, 40);
	timer_cancel(&cancelled);
	UNTIL(loop, c);
	ck_assert_int_eq(a, 0);
	ck_assert_int_eq(b, 0);
	ck_assert(timer_pending(&moved));
	timer_clear(&cancelled);
	timer_clear(&moved);
	timer_clear(&last);
	timer_clear(&last); /* zeroed */
	ck_assert(!timer_pending(&last));
}
END_TEST

static void stop(void *arg)
{
	loop_stop(arg);
}

START_TEST(running_ends_by_stop_also_before_and_again)
{
	struct timer timer;

	ck_assert(timer_init(&timer, loop, stop, loop, NULL));
	timer_start(&timer, 1);
	ck_assert(loop_run(loop, NULL));
	loop_stop(loop);
	ck_assert(loop_run(loop, NULL));
	timer_start(&timer, 1);
	ck_assert(loop_run(loop, NULL));
	timer_clear(&timer);
}
END_TEST

static void on_signal(int number, void *arg)
{
	*(int *)arg = number;
}

START_TEST(signals_arrive_on_the_loop)
{
	int got = 0;

	ck_assert(loop_on_signal(loop, SIGHUP, on_signal, &got, NULL));
	ck_assert_int_eq(kill(getpid(), SIGHUP), 0);
	UNTIL(loop, got);
	ck_assert_int_eq(got, SIGHUP);
}
END_TEST

static void block(void *arg)
{
	uint64_t until = clock_monotonic_ms() + 1400;

	while (clock_monotonic_ms() < until) /* a starved process: nothing else would do */
		(void)usleep(50000);
	*(int *)arg = 1;
}

START_TEST(a_late_tick_shows)
{
	struct timer timer;
	int blocked = 0;

	ck_assert_uint_eq(loop_lag_ms(loop), 0);
	ck_assert(timer_init(&timer, loop, block, &blocked, NULL));
	timer_start(&timer, 1);
	UNTIL(loop, loop_lag_ms(loop) >= 200);
	ck_assert(blocked);
	UNTIL(loop, loop_lag_ms(loop) < 200); /* and passes */
	timer_clear(&timer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tcase = tcase_create("loop");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, a_timer_fires_once_and_not_early);
	tcase_add_test(tcase, a_cancelled_timer_is_silent_and_a_moved_one_moves);
	tcase_add_test(tcase, running_ends_by_stop_also_before_and_again);
	tcase_add_test(tcase, signals_arrive_on_the_loop);
	tcase_add_test(tcase, a_late_tick_shows);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
