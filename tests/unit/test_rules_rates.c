/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of rates, as rules have them, over all workers together: the clock is the test's, so what
 * passes is bounded from below as well as from above however busy the machine is.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/clock.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

#define HZ UINT64_C(1000000000) /* cycles a second */
#define WORKERS 2
#define RATE 500
#define BURST 100
#define STEPS 2000 /* of the clock, a millisecond each */
#define OFFERED 2  /* by each worker at each step: eight times the rate in all */

static struct rule_bench *bench;
static pthread_barrier_t steps;

/* A worker's own, beside the policy that all share. */
struct lane {
	struct packet_sample packet;
	struct stats stats;
	uint64_t hits[RULE_HIT_SLOTS];
	struct rule_context context;
	uint64_t passed;
};

static struct lane *lanes;

static void setup(void)
{
	bench = bench_new();
	lanes = aligned_alloc(64, WORKERS * sizeof(*lanes));
	ck_assert_ptr_nonnull(lanes);
	memset(lanes, 0, WORKERS * sizeof(*lanes));
	for (unsigned i = 0; i < WORKERS; i++) {
		packet_sample_query(&lanes[i].packet, "www.example.com", DNS_TYPE_A, false);
		lanes[i].context = bench->context;
		lanes[i].context.stats = &lanes[i].stats;
		lanes[i].context.rule_hits = lanes[i].hits;
	}
	clock_replayed = 100 * HZ;
}

static void teardown(void)
{
	clock_replayed = 0;
	free(lanes);
	bench_free(bench);
}

static bool passes(struct lane *lane)
{
	return rule_chain_run(bench->policy, CHAIN_QUERY, &lane->packet.mbuf, 0, &lane->context) !=
	       RULE_DROP;
}

static void *lane_run(void *argument)
{
	struct lane *lane = argument;
	for (unsigned step = 0; step < STEPS; step++) {
		if (pthread_barrier_wait(&steps) == PTHREAD_BARRIER_SERIAL_THREAD)
			clock_replayed += HZ / 1000;
		pthread_barrier_wait(&steps);
		for (unsigned i = 0; i < OFFERED; i++)
			lane->passed += passes(lane);
	}
	return NULL;
}

/* What passes while workers offer more than the limit at the same time: the limit, within 5 %. */
static void limit_assert(void)
{
	const uint64_t limit = BURST + (uint64_t)RATE * (STEPS - 1) / 1000;
	pthread_t threads[WORKERS];
	uint64_t passed = 0;
	bench_compile(bench);
	ck_assert_int_eq(pthread_barrier_init(&steps, NULL, WORKERS), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, lane_run, &lanes[i]), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		passed += lanes[i].passed;
	}
	pthread_barrier_destroy(&steps);
	ck_assert_uint_ge(passed, limit - limit / 20);
	ck_assert_uint_le(passed, limit + limit / 20);
}

static struct rate_limit limit_made(void)
{
	return rate_limit_of(RATE, BURST, HZ);
}

static void drop_rest(void)
{
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(bench->model),
		   policy_action_plain(bench->model, RULE_ACTION_DROP));
}

START_TEST(max_qps)
{
	bench_rule(bench, CHAIN_QUERY, policy_selector_rate(bench->model, limit_made()),
		   policy_action_plain(bench->model, RULE_ACTION_ALLOW));
	drop_rest();
	limit_assert();
}
END_TEST

START_TEST(max_qps_of_a_client)
{
	bench_rule(bench, CHAIN_QUERY,
		   policy_selector_client_rate(bench->model, limit_made(), 24, 64, 1000),
		   policy_action_plain(bench->model, RULE_ACTION_DROP));
	limit_assert();
}
END_TEST

START_TEST(qps)
{
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(bench->model),
		   policy_action_rate(bench->model, limit_made()));
	limit_assert();
}
END_TEST

START_TEST(qps_of_a_pool)
{
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(bench->model),
		   policy_action_rate_pool(bench->model, limit_made(), "fast", 4, true));
	drop_rest();
	limit_assert();
	int pool = policy_pool_find(bench->policy, "fast", 4);
	ck_assert_int_eq(lanes[0].packet.packet.query.pool, pool);
	ck_assert_int_eq(lanes[1].packet.packet.query.pool, pool);
}
END_TEST

/* Bytes of memory that the process has in use. */
static size_t resident(void)
{
	unsigned long size, pages;
	FILE *file = fopen("/proc/self/statm", "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%lu %lu", &size, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* The bank's, and what else the policy has; sanitizers add an eighth. Another million takes no more. */
START_TEST(a_million_clients_stay_in_their_memory)
{
	enum { CLIENTS = 1000000 };
	struct query_state *query = &lanes[0].packet.packet.query;
	size_t before = resident(), first = 0;
	bench_rule(bench, CHAIN_QUERY,
		   policy_selector_client_rate(bench->model, limit_made(), 32, 64, CLIENTS),
		   policy_action_plain(bench->model, RULE_ACTION_DROP));
	bench_compile(bench);
	size_t taken[2];
	for (uint32_t client = 0; client < 2 * CLIENTS; client++) {
		memcpy(query->client_addr, &client, sizeof(client));
		first += passes(&lanes[0]);
		if (client % CLIENTS == CLIENTS - 1)
			taken[client / CLIENTS] = resident() - before;
	}
	ck_assert_uint_eq(first, 2 * CLIENTS);
	ck_assert_uint_ge(taken[0], CLIENTS * sizeof(uint64_t));
	ck_assert_uint_le(taken[0], 56u << 20);
	ck_assert_uint_le(taken[1], taken[0] + (1u << 20));
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("rules_rates");
	TCase *rates = tcase_create("rates");
	tcase_add_checked_fixture(rates, setup, teardown);
	tcase_add_test(rates, max_qps);
	tcase_add_test(rates, max_qps_of_a_client);
	tcase_add_test(rates, qps);
	tcase_add_test(rates, qps_of_a_pool);
	tcase_add_test(rates, a_million_clients_stay_in_their_memory);
	suite_add_tcase(made, rates);
	return made;
}

UNIT_MAIN(suite)
