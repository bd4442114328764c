/* SPDX-License-Identifier: BSD-2-Clause */
/* Which server of a pool gets a query. */
#include "dataplane/serve/balance.h"

#include <math.h>

#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

#define WORKERS 2u
#define NAMES 20000u
#define HZ 1000000000u
#define SERVERS_MANY 40u

static struct rule_bench *bench;
static struct backend *servers[8];
static struct backend *servers_many[SERVERS_MANY];
static struct backend_stats stats[WORKERS][SERVERS_MANY];
static const struct backend_stats *all[WORKERS + 1] = {stats[0], stats[1], NULL};
static struct balance *balance;
static uint64_t now;

static void setup(void)
{
	bench = bench_new();
	bench->context.backends = all;
	bench->context.random = 1;
	balance = calloc(1, sizeof(*balance));
	memset(stats, 0, sizeof(stats));
	balance_init(balance, &bench->context, stats[0], HZ);
	now = HZ;
}

static void teardown(void)
{
	free(balance);
	bench_free(bench);
}

/* Servers s0, s1, ... of these weights and orders in the default pool. */
static void add(unsigned count, const uint32_t *weights, const int32_t *orders)
{
	for (unsigned i = 0; i < count; i++) {
		char address[32], id[40];
		snprintf(address, sizeof(address), "192.0.2.%u", i + 1);
		snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012u", i);
		servers[i] = policy_server_add(
			bench->model,
			&(struct policy_server_options){.address = address,
							.id = id,
							.weight = weights ? weights[i] : 1,
							.order = orders ? orders[i] : 1});
		ck_assert_ptr_nonnull(servers[i]);
		ck_assert_int_eq(policy_server_pool_add(bench->model, servers[i], "", 0), 0);
	}
}

/* The first half of a lower order. */
static void add_many(void)
{
	for (unsigned i = 0; i < SERVERS_MANY; i++) {
		char address[32];
		snprintf(address, sizeof(address), "192.0.2.%u", i + 1);
		servers_many[i] = policy_server_add(
			bench->model, &(struct policy_server_options){
					      .address = address, .order = i < SERVERS_MANY / 2 ? 1 : 2});
		ck_assert_ptr_nonnull(servers_many[i]);
		ck_assert_int_eq(policy_server_pool_add(bench->model, servers_many[i], "", 0), 0);
	}
}

static void compile(enum balance_method method)
{
	policy_model_settings(bench->model)->balance.method = method;
	bench_compile(bench);
}

static size_t name_make(uint8_t *wire, unsigned number)
{
	int length = snprintf((char *)wire + 1, 32, "n%06u", number);
	wire[0] = (uint8_t)length;
	memcpy(wire + 1 + length, "\4TeSt", 6);
	return (size_t)length + 7;
}

static uint16_t choose(unsigned number)
{
	uint8_t wire[64];
	size_t length = name_make(wire, number);
	return balance_choose(bench->policy, 0, wire, length, now, balance);
}

/* How many of the names each server gets. */
static void shares(unsigned *got, unsigned count)
{
	memset(got, 0, count * sizeof(*got));
	for (unsigned i = 0; i < NAMES; i++) {
		uint16_t number = choose(i);
		ck_assert_uint_lt(number, count);
		got[number]++;
	}
}

/* Within a tenth, plus what chance does. */
static void share_check(unsigned got, double part)
{
	double expected = part * NAMES;
	ck_assert_msg(fabs(got - expected) < expected * 0.1 + 4 * sqrt(expected),
		      "%u of %u, expected about %.0f", got, NAMES, expected);
}

START_TEST(least_outstanding)
{
	add(3, NULL, (int32_t[]){1, 1, 2});
	compile(BALANCE_LEAST_OUTSTANDING);
	stats[0][0].queries = 5;
	stats[1][1].queries = 4;
	stats[1][2].queries = 4;
	ck_assert_uint_eq(choose(0), 1); /* as few as 2, but before it */
	stats[1][1].queries = 7;
	stats[1][1].timeouts = 4;
	stats[0][1] = (struct backend_stats){.queries = 2, .responses = 2};
	ck_assert_uint_eq(choose(0), 1); /* 3: what others' workers sent and got counts */
	stats[1][1].queries = 12;
	ck_assert_uint_eq(choose(0), 2);
	memset(stats, 0, sizeof(stats));
	stats[0][0].latency = 900;
	stats[0][1].latency = 800;
	stats[0][2].latency = 1;
	ck_assert_uint_eq(choose(0), 1); /* alike in order: the quicker one */
	backend_up_set(servers[1], false);
	ck_assert_uint_eq(choose(0), 0);
	backend_up_set(servers[0], false);
	ck_assert_uint_eq(choose(0), 2);
	backend_up_set(servers[2], false);
	ck_assert_uint_eq(choose(0), BACKEND_NONE);
}
END_TEST

/* More than are all looked at for each query: what others do is seen once it is looked at anew. */
START_TEST(least_outstanding_of_many)
{
	unsigned got[SERVERS_MANY];
	add_many();
	compile(BALANCE_LEAST_OUTSTANDING);
	for (unsigned round = 1; round <= 3; round++) { /* what is sent counts at once */
		for (unsigned i = 0; i < SERVERS_MANY; i++)
			stats[0][choose(i)].queries++;
		for (unsigned i = 0; i < SERVERS_MANY; i++)
			ck_assert_uint_eq(stats[0][i].queries, round);
	}
	stats[1][20].queries = 1;
	memset(stats[0], 0, sizeof(stats[0]));
	now += HZ;
	memset(got, 0, sizeof(got));
	for (unsigned i = 0; i < SERVERS_MANY - 1; i++)
		got[choose(i)]++;
	for (unsigned i = 0; i < SERVERS_MANY; i++)
		ck_assert_uint_eq(got[i], i != 20);
	/* Alike in all but order, and then in all but latency. */
	memset(stats, 0, sizeof(stats));
	for (unsigned i = 0; i < SERVERS_MANY; i++)
		stats[0][i].latency = 1000 - i;
	now += HZ;
	ck_assert_uint_eq(choose(0), 19); /* the quickest of the first half, which is of a lower order */
	ck_assert_uint_eq(choose(0), 18);
	/* Down, or at its limit. */
	now += HZ;
	backend_up_set(servers_many[19], false);
	ck_assert_uint_eq(choose(0), 18);
	servers_many[17]->max_outstanding = 1;
	ck_assert_uint_eq(choose(0), 17);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(choose(i) != 17);
	for (unsigned i = 0; i < SERVERS_MANY; i++)
		backend_up_set(servers_many[i], false);
	ck_assert_uint_eq(choose(0), BACKEND_NONE);
	ck_assert_uint_eq(choose(0), BACKEND_NONE);
	backend_up_set(servers_many[39], true);
	now += HZ;
	ck_assert_uint_eq(choose(0), 39);
	/* Another policy is another heap, whatever the time. */
	policy_server_options(bench->model, servers_many[0])->order = 9;
	for (unsigned i = 0; i < SERVERS_MANY; i++)
		backend_up_set(servers_many[i], true);
	bench_compile(bench);
	ck_assert_uint_eq(choose(0), 19);
}
END_TEST

START_TEST(first_available)
{
	add(3, NULL, (int32_t[]){3, 1, 2});
	policy_server_options(bench->model, servers[1])->qps_limit = rate_limit_of(10, 10, HZ);
	policy_server_options(bench->model, servers[2])->qps_limit = rate_limit_of(5, 5, HZ);
	compile(BALANCE_FIRST_AVAILABLE);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(choose(i), 1);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(choose(i), 2);
	ck_assert_uint_eq(choose(0), 0);
	now += HZ / 10; /* one token is back for 1 */
	ck_assert_uint_eq(choose(0), 1);
	ck_assert_uint_eq(choose(0), 0);
	backend_up_set(servers[0], false);
	stats[0][1].queries = 1;
	ck_assert_uint_eq(choose(0), 2); /* no tokens anywhere: the one with least to do */
}
END_TEST

START_TEST(round_robin)
{
	add(3, NULL, NULL);
	compile(BALANCE_ROUND_ROBIN);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(choose(0), i % 3);
	backend_up_set(servers[1], false);
	const unsigned without[] = {0, 2, 0, 2};
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(choose(0), without[i]);
	backend_up_set(servers[0], false);
	backend_up_set(servers[2], false);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(choose(0), i % 3);
	policy_model_settings(bench->model)->round_robin_fail = true;
	compile(BALANCE_ROUND_ROBIN);
	ck_assert_uint_eq(choose(0), BACKEND_NONE);
}
END_TEST

START_TEST(at_random_by_weight)
{
	unsigned got[4];
	add(4, (uint32_t[]){1, 2, 3, 4}, NULL);
	compile(BALANCE_WRANDOM);
	shares(got, 4);
	for (unsigned i = 0; i < 4; i++)
		share_check(got[i], (i + 1) / 10.0);
	backend_up_set(servers[3], false);
	shares(got, 4);
	ck_assert_uint_eq(got[3], 0);
	share_check(got[2], 3 / 6.0);
}
END_TEST

/* Names keep their servers, whatever their case, but those of a server that goes down. */
static void stability(enum balance_method method, const uint32_t *weights)
{
	static uint16_t before[NAMES];
	unsigned got[4], moved = 0;
	uint8_t wire[64];
	size_t length = name_make(wire, 7);
	add(4, weights, NULL);
	compile(method);
	shares(got, 4);
	for (unsigned i = 0; i < 4; i++)
		share_check(got[i], (i + 1) / 10.0);
	for (unsigned i = 0; i < NAMES; i++)
		before[i] = choose(i);
	wire[1] = 'N';
	ck_assert_uint_eq(balance_choose(bench->policy, 0, wire, length, now, balance), before[7]);
	backend_up_set(servers[2], false);
	for (unsigned i = 0; i < NAMES; i++) {
		uint16_t number = choose(i);
		ck_assert_uint_ne(number, 2);
		moved += number != before[i];
		ck_assert(number == before[i] || before[i] == 2);
	}
	ck_assert_uint_eq(moved, got[2]);
	for (unsigned i = 0; i < 4; i++)
		backend_up_set(servers[i], false);
	ck_assert_uint_eq(choose(1), BACKEND_NONE);
	backend_up_set(servers[0], true);
	ck_assert_uint_eq(choose(1), 0);
}

START_TEST(by_name)
{
	stability(BALANCE_WHASHED, (uint32_t[]){1, 2, 3, 4});
}
END_TEST

START_TEST(on_the_ring)
{
	stability(BALANCE_CHASHED, (uint32_t[]){1000, 2000, 3000, 4000});
}
END_TEST

/* A server that goes for good takes only its own names along, and the perturbation changes all. */
START_TEST(ring_without_one)
{
	static uint16_t before[NAMES];
	unsigned moved = 0, perturbed = 0;
	add(4, (uint32_t[]){500, 500, 500, 500}, NULL);
	compile(BALANCE_CHASHED);
	for (unsigned i = 0; i < NAMES; i++)
		before[i] = choose(i);
	policy_model_settings(bench->model)->perturbation = 1;
	compile(BALANCE_CHASHED);
	for (unsigned i = 0; i < NAMES; i++)
		perturbed += choose(i) != before[i];
	ck_assert_uint_gt(perturbed, NAMES / 2);
	policy_model_settings(bench->model)->perturbation = 0;
	ck_assert_int_eq(policy_server_remove(bench->model, servers[1]), 0);
	compile(BALANCE_CHASHED);
	for (unsigned i = 0; i < NAMES; i++) {
		uint16_t number = choose(i);
		ck_assert(number == before[i] || before[i] == 1);
		moved += number != before[i];
	}
	share_check(moved, 1 / 4.0);
}
END_TEST

/* With a factor no server has more than its part of the load times that. */
static void bounded(enum balance_method method)
{
	struct policy_settings *settings = policy_model_settings(bench->model);
	uint64_t total = 0;
	add(4, (uint32_t[]){100, 100, 100, 100}, NULL);
	settings->weighted_factor = settings->consistent_factor = 1.25;
	compile(method);
	for (unsigned i = 0; i < 4000; i++) {
		now += HZ / 1000; /* each choice sees what the one before did */
		uint16_t number = choose(1); /* one name for all */
		ck_assert_uint_ne(number, BACKEND_NONE);
		stats[i % WORKERS][number].queries++;
		total++;
		uint64_t has = stats[0][number].queries + stats[1][number].queries;
		ck_assert_uint_le(has, (uint64_t)(1.25 * (double)total / 4) + 2);
	}
}

START_TEST(by_name_bounded)
{
	bounded(BALANCE_WHASHED);
}
END_TEST

START_TEST(at_random_bounded)
{
	bounded(BALANCE_WRANDOM);
}
END_TEST

START_TEST(on_the_ring_bounded)
{
	bounded(BALANCE_CHASHED);
}
END_TEST

/* What this worker sends counts at once, what others send when the load is summed up next. */
START_TEST(bounded_by_all_workers)
{
	add(4, (uint32_t[]){100, 100, 100, 100}, NULL);
	policy_model_settings(bench->model)->consistent_factor = 1.25;
	compile(BALANCE_CHASHED);
	for (unsigned i = 0; i < 4; i++)
		stats[1][i].queries = 100;
	uint16_t home = choose(1);
	stats[0][home].queries = 30;
	ck_assert_uint_ne(choose(1), home);
	stats[0][home].responses = 30;
	ck_assert_uint_eq(choose(1), home);
	stats[1][home].queries = 1100;
	ck_assert_uint_eq(choose(1), home);
	now += HZ / 1000;
	ck_assert_uint_ne(choose(1), home);
	stats[1][home].timeouts = 1000;
	now += HZ / 1000;
	ck_assert_uint_eq(choose(1), home);
}
END_TEST

START_TEST(most_outstanding)
{
	add(2, NULL, (int32_t[]){1, 2});
	policy_server_options(bench->model, servers[0])->max_outstanding = 3;
	for (unsigned method = 0; method < BALANCE_COUNT; method++) {
		memset(stats, 0, sizeof(stats));
		compile((enum balance_method)method);
		stats[1][0].queries = 3;
		stats[0][1].queries = 2;
		for (unsigned i = 0; i < 20; i++)
			ck_assert_uint_eq(choose(i), 1);
		servers[1]->max_outstanding = 2;
		if (method != BALANCE_ROUND_ROBIN)
			ck_assert_uint_eq(choose(0), BACKEND_NONE);
		servers[1]->max_outstanding = 0;
	}
}
END_TEST

START_TEST(pools_have_their_own)
{
	add(2, NULL, NULL);
	int pool = policy_pool_intern(bench->model, "other", 5);
	ck_assert_int_eq(policy_server_pool_add(bench->model, servers[1], "other", 5), 0);
	policy_pool_balance_set(bench->model, (uint32_t)pool,
				(struct policy_balance){.method = BALANCE_WHASHED});
	compile(BALANCE_ROUND_ROBIN);
	ck_assert_int_eq(bench->policy->pools[0].method, BALANCE_ROUND_ROBIN);
	ck_assert_int_eq(bench->policy->pools[pool].method, BALANCE_WHASHED);
	ck_assert_uint_eq(balance_choose(bench->policy, (uint16_t)pool, (const uint8_t *)"", 1, now,
					 balance), 1);
	ck_assert_uint_eq(balance_choose(bench->policy, 77, (const uint8_t *)"", 1, now, balance),
			  BACKEND_NONE);
	ck_assert_uint_eq(balance_choose(bench->policy, POLICY_POOL_UNKNOWN, (const uint8_t *)"", 1,
					 now, balance), BACKEND_NONE);
}
END_TEST

START_TEST(rings_have_a_bound)
{
	char error[256];
	add(2, (uint32_t[]){BALANCE_POINTS_MAX, 1}, NULL);
	policy_model_settings(bench->model)->balance.method = BALANCE_CHASHED;
	ck_assert_ptr_null(policy_model_compile(bench->model, error, sizeof(error)));
	ck_assert_ptr_nonnull(strstr(error, "points"));
	compile(BALANCE_WHASHED);
	unsigned got[2];
	shares(got, 2);
	ck_assert_uint_ge(got[0], NAMES - 2);
}
END_TEST

/* What a walk over the whole ring finds. */
static uint32_t ring_walk(const struct policy_pool *pool, uint32_t hash)
{
	for (uint32_t i = 0; i < pool->n_points; i++)
		if (pool->points[i].hash >= hash)
			return pool->points[i].place;
	return pool->points[0].place;
}

START_TEST(ring_is_searched_right)
{
	add(8, (uint32_t[]){1, 2, 40, 100, 7, 1, 300, 90}, NULL);
	compile(BALANCE_CHASHED);
	const struct policy_pool *pool = &bench->policy->pools[0];
	const struct balance_list list = {bench->policy, pool, 0, now, balance};
	for (uint32_t i = 0; i < pool->n_points; i++)
		for (uint32_t off = 0; off < 3; off++) {
			uint32_t hash = pool->points[i].hash + off - 1;
			ck_assert_uint_eq(balance_place(&list, BALANCE_CHASHED, hash),
					  ring_walk(pool, hash));
		}
	for (uint64_t hash = 0; hash <= UINT32_MAX; hash += 65535 * 257)
		ck_assert_uint_eq(balance_place(&list, BALANCE_CHASHED, (uint32_t)hash),
				  ring_walk(pool, (uint32_t)hash));
	ck_assert_uint_eq(balance_place(&list, BALANCE_CHASHED, UINT32_MAX),
			  ring_walk(pool, UINT32_MAX));
}
END_TEST

/* The hash falls into weights as their sums say, at both ends of each. */
START_TEST(weights_are_searched_right)
{
	add(5, (uint32_t[]){1, 2, 1, 3, 1}, NULL);
	compile(BALANCE_WHASHED);
	static const unsigned places[] = {0, 1, 1, 2, 3, 3, 3, 4};
	const struct balance_list list = {bench->policy, &bench->policy->pools[0], 0, now, balance};
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t first = i << 29;
		ck_assert_uint_eq(balance_place(&list, BALANCE_WHASHED, first), places[i]);
		ck_assert_uint_eq(balance_place(&list, BALANCE_WHASHED, first + (1u << 29) - 1),
				  places[i]);
	}
}
END_TEST

START_TEST(hashes_stay)
{
	/* For good: these are where names have been sent. */
	ck_assert_uint_eq(balance_hash((const uint8_t *)"\3www\4Test", 10, 0),
			  balance_hash((const uint8_t *)"\3WWW\4tEST", 10, 0));
}
END_TEST

static Suite *balance_suite(void)
{
	Suite *suite = suite_create("balance");
	TCase *tests = tcase_create("balance");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, least_outstanding);
	tcase_add_test(tests, least_outstanding_of_many);
	tcase_add_test(tests, first_available);
	tcase_add_test(tests, round_robin);
	tcase_add_test(tests, at_random_by_weight);
	tcase_add_test(tests, by_name);
	tcase_add_test(tests, on_the_ring);
	tcase_add_test(tests, ring_without_one);
	tcase_add_test(tests, by_name_bounded);
	tcase_add_test(tests, at_random_bounded);
	tcase_add_test(tests, on_the_ring_bounded);
	tcase_add_test(tests, bounded_by_all_workers);
	tcase_add_test(tests, most_outstanding);
	tcase_add_test(tests, pools_have_their_own);
	tcase_add_test(tests, rings_have_a_bound);
	tcase_add_test(tests, ring_is_searched_right);
	tcase_add_test(tests, weights_are_searched_right);
	tcase_add_test(tests, hashes_stay);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(balance_suite)
