/* SPDX-License-Identifier: BSD-2-Clause */
/* Made-up workers whose turns are counted here, and what systemd is told through a socket of ours. */
#include "control/pulse.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct worker workers[WORKERS_MAX];

static struct dataplane dataplane;
static struct pulse pulse;
static int systemd;

static void setup(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	memset(workers, 0, sizeof(workers));
	dataplane = (struct dataplane){.n_workers = 2};
	/* Autobind gives it an abstract name; systemd writes those with an @. */
	systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(systemd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(getsockname(systemd, (struct sockaddr *)&address, &length), 0);
	address.sun_path[0] = '@';
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	pulse_start(&pulse);
}

static void teardown(void)
{
	close(systemd);
}

/* Milliseconds in which worker 0 turns, and worker 1 as said, with looks every 100 of them. */
static uint64_t pass(uint64_t now, uint64_t ms, bool turning)
{
	for (uint64_t end = now + ms; now < end;) {
		now += 100;
		workers[0].stats.counter[STATS_IDLE_TURNS]++;
		if (turning)
			workers[1].stats.counter[STATS_BUSY_TURNS]++;
		pulse_tick(&pulse, &dataplane, now);
	}
	return now;
}

static unsigned told(void)
{
	char text[32];
	unsigned count = 0;
	for (ssize_t got; (got = recv(systemd, text, sizeof(text), 0)) > 0; count++)
		ck_assert(got == 10 && memcmp(text, "WATCHDOG=1", 10) == 0);
	return count;
}

START_TEST(a_stall_and_its_end)
{
	uint64_t now = pass(5000, 3000, true);
	ck_assert(!pulse.worker[0].stalled && !pulse.worker[1].stalled);
	now = pass(now, 900, false);
	ck_assert(!pulse.worker[1].stalled);
	now = pass(now, 100, false);
	ck_assert(pulse.worker[1].stalled && !pulse.worker[0].stalled);
	now = pass(now, 2000, false);
	ck_assert_uint_eq(pulse_stalled_ms(&pulse, 1), 3000);
	ck_assert_uint_eq(pulse_stalled_ms(&pulse, 0), 0);
	ck_assert_uint_eq(pulse.worker[1].stalls, 1);
	now = pass(now, 100, true);
	ck_assert_uint_eq(pulse_stalled_ms(&pulse, 1), 0);
	pass(now, 1000, false);
	ck_assert_uint_eq(pulse.worker[1].stalls, 2);
}
END_TEST

/* The process was stopped for a minute: the first look after it may come before any turn. */
START_TEST(time_in_which_nobody_looked)
{
	uint64_t now = pass(5000, 1000, true);
	pulse_tick(&pulse, &dataplane, now + 60000);
	ck_assert(!pulse.worker[0].stalled && !pulse.worker[1].stalled);
	pass(now + 60000, 700, false);
	ck_assert(!pulse.worker[1].stalled); /* PULSE_LOOK_MS and 700 ms */
	pass(now + 60700, 100, false);
	ck_assert(pulse.worker[1].stalled);
}
END_TEST

START_TEST(systemd_is_told_while_all_turn)
{
	uint64_t now = pass(5000, 2000, true);
	ck_assert_uint_eq(told(), 0); /* it did not ask */
	setenv("WATCHDOG_USEC", "1000000", 1);
	pulse_start(&pulse);
	ck_assert_uint_eq(pulse.every, 500);
	now = pass(now, 2000, true);
	ck_assert_uint_eq(told(), 4);
	now = pass(now, 1000, false); /* the stall is seen at the end */
	ck_assert_uint_le(told(), 2);
	now = pass(now, 5000, false);
	ck_assert_uint_eq(told(), 0);
	pass(now, 1000, true);
	ck_assert_uint_eq(told(), 2);
}
END_TEST

static Suite *pulse_suite(void)
{
	Suite *suite = suite_create("pulse");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, a_stall_and_its_end);
	tcase_add_test(all, time_in_which_nobody_looked);
	tcase_add_test(all, systemd_is_told_while_all_turn);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(pulse_suite)
