/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "dataplane/rules/rates.h"

#define HZ 1000000u /* cycles a second */
#define THREADS 4

static const uint64_t seed[2] = {0x1234567890abcdef, 0xfedcba0987654321};

static uint64_t takes(struct rate *rate, uint64_t now, unsigned times)
{
	uint64_t taken = 0;
	for (unsigned i = 0; i < times; i++)
		taken += rate_take(rate, now);
	return taken;
}

START_TEST(a_bucket_holds_its_burst_and_fills_at_its_rate)
{
	struct rate rate = {.limit = rate_limit_of(100, 10, HZ)};
	ck_assert_uint_eq(takes(&rate, 5 * HZ, 50), 10);
	ck_assert_uint_eq(takes(&rate, 5 * HZ + HZ / 100 - 1, 50), 0);
	ck_assert_uint_eq(takes(&rate, 5 * HZ + HZ / 100, 50), 1);
	ck_assert_uint_eq(takes(&rate, 5 * HZ + HZ / 20, 50), 4);
	ck_assert_uint_eq(takes(&rate, 100 * HZ, 50), 10); /* no more than full */
}
END_TEST

START_TEST(a_rate_is_kept_over_time)
{
	struct rate rate = {.limit = rate_limit_of(1000, 1000, HZ)};
	uint64_t taken = 0;
	for (uint64_t now = HZ; now < 11 * HZ; now += 100) /* ten times as many want one */
		taken += rate_take(&rate, now);
	ck_assert_uint_ge(taken, 10999);
	ck_assert_uint_le(taken, 11001);
}
END_TEST

START_TEST(nothing_is_nothing)
{
	struct rate rate = {.limit = rate_limit_of(0, 10, HZ)};
	ck_assert_uint_eq(takes(&rate, HZ, 10), 0);
	rate = (struct rate){.limit = rate_limit_of(10, 0, HZ)};
	ck_assert_uint_eq(takes(&rate, HZ, 10), 0);
	rate = (struct rate){.limit = rate_limit_of(1e12, 1e9, HZ)};
	ck_assert_uint_eq(takes(&rate, HZ, 1000), 1000);
	rate = (struct rate){.limit = rate_limit_of(1e-15, 2, HZ)};
	ck_assert_uint_eq(takes(&rate, HZ, 10), 1);
}
END_TEST

/* As a rule takes one. */
static bool table_take(const struct rate_table *table, const uint8_t *address, bool ipv6,
		       uint64_t now)
{
	return rate_table_take(table, rate_table_key(table, address, ipv6), now);
}

struct work {
	struct rate *rate;
	struct rate_table *table;
	uint64_t taken;
};

static void *hammer(void *context)
{
	struct work *work = context;
	uint8_t client[16] = {192, 0, 2, 1};
	for (unsigned i = 0; i < 100000; i++) {
		work->taken += rate_take(work->rate, HZ);
		client[3] = (uint8_t)(i & 3);
		work->taken += table_take(work->table, client, false, HZ);
	}
	return NULL;
}

static struct rate_table *table_new(uint32_t clients, struct rate_limit limit, uint8_t v4,
				    uint8_t v6)
{
	size_t size = rate_table_size(clients);
	void *cells = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	struct rate_table *table = malloc(sizeof(*table));
	memset(cells, 0, size);
	rate_table_init(table, cells, clients, limit, v4, v6, seed);
	return table;
}

static void table_free(struct rate_table *table)
{
	free(table->cells);
	free(table);
}

START_TEST(threads_share_the_tokens)
{
	struct rate rate = {.limit = rate_limit_of(100, 5000, HZ)};
	struct rate_table *table = table_new(100, rate_limit_of(100, 700, HZ), 32, 64);
	pthread_t threads[THREADS];
	struct work work[THREADS];
	uint64_t taken = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		work[i] = (struct work){&rate, table, 0};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, &work[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		taken += work[i].taken;
	}
	ck_assert_uint_ge(taken, 5000 + 4 * 700);
	ck_assert_uint_le(taken, 5000 + 4 * 700 * 105 / 100);
	table_free(table);
}
END_TEST

/* What all threads take while time goes by, from when the first starts until the last ends. */
struct race {
	struct rate *rate;
	struct rate_table *table;
	uint64_t until;
	uint64_t taken, client_taken;
};

static uint64_t us_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * HZ + (uint64_t)now.tv_nsec / 1000;
}

static void *race_run(void *context)
{
	static const uint8_t client[16] = {192, 0, 2, 1};
	struct race *race = context;
	for (uint64_t now; (now = us_now()) < race->until;) {
		race->taken += rate_take(race->rate, now);
		race->client_taken += table_take(race->table, client, false, now);
	}
	return NULL;
}

/* Buckets are deep enough that none is ever full, however long the machine lets the threads wait. */
START_TEST(all_threads_together_keep_the_rate)
{
	enum { RATE = 20000, BURST = 60000, US = 500000 };
	struct rate rate = {.limit = rate_limit_of(RATE, BURST, HZ)};
	struct rate_table *table = table_new(100, rate.limit, 32, 64);
	pthread_t threads[THREADS];
	struct race races[THREADS];
	uint64_t taken = 0, client_taken = 0, start = us_now();
	for (unsigned i = 0; i < THREADS; i++) {
		races[i] = (struct race){&rate, table, start + US, 0, 0};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race_run, &races[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		taken += races[i].taken;
		client_taken += races[i].client_taken;
	}
	uint64_t allowed = BURST + (uint64_t)RATE * US / HZ; /* no token is taken after the end */
	ck_assert_uint_le(taken, allowed + allowed / 20);
	ck_assert_uint_ge(taken, allowed - allowed / 20);
	ck_assert_uint_le(client_taken, allowed + allowed / 20);
	ck_assert_uint_ge(client_taken, allowed - allowed / 20);
	table_free(table);
}
END_TEST

static bool take(struct rate_table *table, uint32_t client, uint64_t now)
{
	uint8_t address[16] = {0};
	memcpy(address, &client, sizeof(client));
	return table_take(table, address, false, now);
}

START_TEST(clients_are_told_apart)
{
	struct rate_table *table = table_new(1000, rate_limit_of(10, 3, HZ), 24, 64);
	static const uint8_t a[] = {10, 0, 0, 1}, same[] = {10, 0, 0, 200}, b[] = {10, 0, 1, 1};
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8}, v6_same[16] = {0x20, 1, 0xd, 0xb8, [15] = 1},
			     v6_other[16] = {0x20, 1, 0xd, 0xb8, [7] = 1};
	for (int i = 0; i < 3; i++) {
		ck_assert(table_take(table, i == 1 ? same : a, false, HZ));
		ck_assert(table_take(table, i == 1 ? v6_same : v6, true, HZ));
	}
	ck_assert(!table_take(table, same, false, HZ));
	ck_assert(!table_take(table, v6_same, true, HZ));
	ck_assert(table_take(table, b, false, HZ));
	ck_assert(table_take(table, v6_other, true, HZ));
	ck_assert(table_take(table, a, false, HZ + HZ / 10));
	ck_assert(!table_take(table, a, false, HZ + HZ / 10));
	table_free(table);
}
END_TEST

/* As many clients as the table is for: the limits of all but one in fifty hold. */
START_TEST(many_clients_in_the_memory_given)
{
	enum { CLIENTS = 1000000 };
	struct rate_table *table = table_new(CLIENTS, rate_limit_of(1, 2, HZ), 32, 64);
	unsigned first = 0, over = 0;
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t client = 0; client < CLIENTS; client++) {
			bool taken = take(table, client, HZ);
			first += round == 0 && taken;
			over += round == 2 && !taken;
		}
	ck_assert_uint_eq(first, CLIENTS);
	ck_assert_uint_ge(over, CLIENTS / 100 * 98);
	ck_assert_uint_le(rate_table_size(CLIENTS), 32u << 20);
	table_free(table);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("rates");
	TCase *rates = tcase_create("rates");
	tcase_add_test(rates, a_bucket_holds_its_burst_and_fills_at_its_rate);
	tcase_add_test(rates, a_rate_is_kept_over_time);
	tcase_add_test(rates, nothing_is_nothing);
	tcase_add_test(rates, threads_share_the_tokens);
	tcase_add_test(rates, all_threads_together_keep_the_rate);
	tcase_add_test(rates, clients_are_told_apart);
	tcase_add_test(rates, many_clients_in_the_memory_given);
	suite_add_tcase(made, rates);
	return made;
}

UNIT_MAIN(suite)
