/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums over made-up workers. Without EAL the TSC has no frequency: each tick ends a window. */
#include "control/metrics/totals.h"

#include "control/control.h"
#include "tests/unit/unit.h"

struct worker workers[WORKERS_MAX];

static struct dataplane dataplane;
static struct backend_stats backends[2][4];
static struct control *control;

static void setup(void)
{
	memset(workers, 0, sizeof(workers));
	memset(backends, 0, sizeof(backends));
	dataplane = (struct dataplane){.n_workers = 2, .n_ports = 2};
	control = calloc(1, sizeof(*control));
	control->dataplane = &dataplane;
	workers[0].backends = backends[0];
	workers[1].backends = backends[1];
}

static void teardown(void)
{
	free(control);
}

START_TEST(sums)
{
	struct backend_stats sum;
	workers[0].stats.port[0].queries = 1;
	workers[1].stats.port[0].queries = 2;
	workers[1].stats.port[1].queries = 4;
	workers[2].stats.port[1].queries = 1000; /* not one of this dataplane's */
	workers[0].stats.port[1].answers[STATS_OWN_ANSWER] = 8;
	workers[1].stats.counter[STATS_RULE_DROP] = 16;
	control->stats.counter[STATS_RULE_DROP] = 32;
	control->stats.drop[DROP_TIMEOUT] = 64;
	backends[0][3] = (struct backend_stats){.queries = 3, .responses = 2, .timeouts = 1};
	backends[1][3] = (struct backend_stats){.queries = 5, .send_errors = 4, .noncompliant = 6};
	ck_assert_uint_eq(totals_port_queries(control, 0), 3);
	ck_assert_uint_eq(totals_queries(control), 7);
	ck_assert_uint_eq(totals_port_answers(control, 1, STATS_OWN_ANSWER), 8);
	ck_assert_uint_eq(totals_answers(control, STATS_FORWARDED_ANSWER), 0);
	ck_assert_uint_eq(totals_counter(control, STATS_RULE_DROP), 48);
	ck_assert_uint_eq(totals_drop(control, DROP_TIMEOUT), 64);
	totals_backend(control, 3, &sum);
	ck_assert(sum.queries == 8 && sum.responses == 2 && sum.timeouts == 1 &&
		  sum.send_errors == 4 && sum.noncompliant == 6);
}
END_TEST

START_TEST(latency)
{
	workers[0].stats.latency[0] = 1;
	workers[1].stats.latency[5] = 2;
	workers[1].stats.latency[STATS_LATENCY_BOUNDS] = 4;
	ck_assert_uint_eq(totals_latency_below(control, 0), 1);
	ck_assert_uint_eq(totals_latency_below(control, 4), 1);
	ck_assert_uint_eq(totals_latency_below(control, 5), 3);
	ck_assert_uint_eq(totals_latency_below(control, STATS_LATENCY_BOUNDS - 1), 3);
	ck_assert_uint_eq(totals_latency_below(control, STATS_LATENCY_BOUNDS), 7);
}
END_TEST

/* As if each answer had been counted by itself. */
START_TEST(averaged)
{
	struct averages averages = {0};
	double each = 0;
	workers[0].stats.latency[3] = 30;
	workers[1].stats.latency[9] = 20;
	workers[0].stats.latency_sum = 30 * 200;
	workers[1].stats.latency_sum = 20 * 200 + 1000000;
	workers[1].stats.streamed_sum = 1000000; /* over TCP: not these */
	for (unsigned i = 0; i < 50; i++)
		each += (200 - each) / 100;
	averages_tick(&averages, control);
	ck_assert_double_eq_tol(averages.us[0], each, 1e-6);
	averages_tick(&averages, control);
	ck_assert_double_eq_tol(averages.us[0], each, 1e-6);
	workers[0].stats.latency[12]++;
	workers[0].stats.latency_sum += 5000;
	averages_tick(&averages, control);
	ck_assert_double_eq_tol(averages.us[0], each + (5000 - each) / 100, 1e-6);
	ck_assert_double_eq_tol(averages.us[3], 50 * 200e-6 + 5000e-6, 1e-3);
	workers[0].stats.streamed++; /* read before the rest of it */
	averages_tick(&averages, control);
	ck_assert_double_eq_tol(averages.us[0], each + (5000 - each) / 100, 1e-6);
}
END_TEST

START_TEST(busy_share)
{
	struct busy busy = {0};
	uint64_t *first = &workers[0].stats.counter[STATS_BUSY_CYCLES];
	uint64_t *second = &workers[1].stats.counter[STATS_BUSY_CYCLES];
	*first = 500; /* before the first window */
	busy_tick(&busy, &dataplane, 10000);
	ck_assert(!busy.known);
	*first += 250;
	*second += 5000; /* a turn that was begun before the window */
	busy_tick(&busy, &dataplane, 11000);
	ck_assert(busy.known);
	ck_assert_double_eq_tol(busy.ratio[0], 0.25, 1e-9);
	ck_assert_double_eq_tol(busy.ratio[1], 1, 1e-9);
	busy_tick(&busy, &dataplane, 12000);
	ck_assert_double_eq_tol(busy.ratio[0], 0, 1e-9);
}
END_TEST

static Suite *totals_suite(void)
{
	Suite *suite = suite_create("totals");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, sums);
	tcase_add_test(all, latency);
	tcase_add_test(all, averaged);
	tcase_add_test(all, busy_share);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(totals_suite)
