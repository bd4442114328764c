/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "dataplane/rules/client_rates.h"
#include "dataplane/rules/rates.h"

#define HZ UINT64_C(1000000000) /* cycles a second */
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
	for (uint64_t now = HZ; now < 11 * HZ; now += HZ / 10000) /* ten times as many want one */
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
static bool client_take(const struct client_rate *rate, const uint8_t *address, bool ipv6,
			uint64_t now)
{
	uint64_t key = client_bank_key(rate->bank, address, ipv6);
	return client_rate_take(rate, client_bank_row(rate->bank, key, now), key, now);
}

struct work {
	struct rate *rate;
	const struct client_rate *clients;
	uint64_t taken;
};

static void *hammer(void *context)
{
	struct work *work = context;
	uint8_t client[16] = {192, 0, 2, 1};
	for (unsigned i = 0; i < 100000; i++) {
		work->taken += rate_take(work->rate, HZ);
		client[3] = (uint8_t)(i & 3);
		work->taken += client_take(work->clients, client, false, HZ);
	}
	return NULL;
}

static struct client_bank bank;

static void bank_open(uint32_t clients, uint16_t width, uint8_t v4, uint8_t v6)
{
	ck_assert(client_bank_open(&bank, clients, width, v4, v6, seed));
}

/* A bank with one rule. */
static struct client_rate rate_open(uint32_t clients, struct rate_limit limit, uint8_t v4,
				    uint8_t v6)
{
	bank_open(clients, 1, v4, v6);
	return client_bank_column(&bank, limit);
}

START_TEST(threads_share_the_tokens)
{
	struct rate rate = {.limit = rate_limit_of(100, 5000, HZ)};
	struct client_rate clients = rate_open(100, rate_limit_of(100, 700, HZ), 32, 64);
	pthread_t threads[THREADS];
	struct work work[THREADS];
	uint64_t taken = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		work[i] = (struct work){&rate, &clients, 0};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, &work[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		taken += work[i].taken;
	}
	ck_assert_uint_ge(taken, 5000 + 4 * 700);
	ck_assert_uint_le(taken, 5000 + 4 * 700 * 105 / 100);
	client_bank_close(&bank);
}
END_TEST

/* What all threads take while time goes by, from when the first starts until the last ends. */
struct race {
	struct rate *rate;
	const struct client_rate *clients;
	uint64_t until;
	uint64_t taken, client_taken;
};

static uint64_t ns_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * HZ + (uint64_t)now.tv_nsec;
}

static void *race_run(void *context)
{
	static const uint8_t client[16] = {192, 0, 2, 1};
	struct race *race = context;
	for (uint64_t now; (now = ns_now()) < race->until;) {
		race->taken += rate_take(race->rate, now);
		race->client_taken += client_take(race->clients, client, false, now);
	}
	return NULL;
}

/* Buckets are deep enough that none is ever full, however long the machine lets the threads wait. */
START_TEST(all_threads_together_keep_the_rate)
{
	enum { RATE = 20000, BURST = 60000, NS = 500000000 };
	struct rate rate = {.limit = rate_limit_of(RATE, BURST, HZ)};
	struct client_rate clients = rate_open(100, rate.limit, 32, 64);
	pthread_t threads[THREADS];
	struct race races[THREADS];
	uint64_t taken = 0, client_taken = 0, start = ns_now();
	for (unsigned i = 0; i < THREADS; i++) {
		races[i] = (struct race){&rate, &clients, start + NS, 0, 0};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race_run, &races[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		taken += races[i].taken;
		client_taken += races[i].client_taken;
	}
	uint64_t allowed = BURST + (uint64_t)RATE * NS / HZ; /* no token is taken after the end */
	ck_assert_uint_le(taken, allowed + allowed / 20);
	ck_assert_uint_ge(taken, allowed - allowed / 20);
	ck_assert_uint_le(client_taken, allowed + allowed / 20);
	ck_assert_uint_ge(client_taken, allowed - allowed / 20);
	client_bank_close(&bank);
}
END_TEST

static bool take(const struct client_rate *rate, uint32_t client, uint64_t now)
{
	uint8_t address[16] = {0};
	memcpy(address, &client, sizeof(client));
	return client_take(rate, address, false, now);
}

START_TEST(clients_are_told_apart)
{
	struct client_rate clients = rate_open(1000, rate_limit_of(10, 3, HZ), 24, 64);
	static const uint8_t a[] = {10, 0, 0, 1}, same[] = {10, 0, 0, 200}, b[] = {10, 0, 1, 1};
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8}, v6_same[16] = {0x20, 1, 0xd, 0xb8, [15] = 1},
			     v6_other[16] = {0x20, 1, 0xd, 0xb8, [7] = 1};
	for (int i = 0; i < 3; i++) {
		ck_assert(client_take(&clients, i == 1 ? same : a, false, HZ));
		ck_assert(client_take(&clients, i == 1 ? v6_same : v6, true, HZ));
	}
	ck_assert(!client_take(&clients, same, false, HZ));
	ck_assert(!client_take(&clients, v6_same, true, HZ));
	ck_assert(client_take(&clients, b, false, HZ));
	ck_assert(client_take(&clients, v6_other, true, HZ));
	ck_assert(client_take(&clients, a, false, HZ + HZ / 10));
	ck_assert(!client_take(&clients, a, false, HZ + HZ / 10));
	client_bank_close(&bank);
}
END_TEST

/* As many clients as the bank is for: the limits of all but one in fifty hold. */
START_TEST(many_clients_in_the_memory_given)
{
	enum { CLIENTS = 1000000 };
	struct client_rate clients = rate_open(CLIENTS, rate_limit_of(1, 2, HZ), 32, 64);
	unsigned first = 0, over = 0;
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t client = 0; client < CLIENTS; client++) {
			bool taken = take(&clients, client, HZ);
			first += round == 0 && taken;
			over += round == 2 && !taken;
		}
	ck_assert_uint_eq(first, CLIENTS);
	ck_assert_uint_ge(over, CLIENTS / 100 * 98);
	ck_assert_uint_le(client_bank_size(CLIENTS, 1), 32u << 20);
	client_bank_close(&bank);
}
END_TEST

/* Rules of a bank have buckets of their own, with limits of their own. */
START_TEST(rules_side_by_side)
{
	static const uint8_t client[16] = {192, 0, 2, 1};
	struct client_rate rates[8];
	bank_open(10, 8, 32, 64);
	for (unsigned i = 0; i < 8; i++)
		rates[i] = client_bank_column(&bank, rate_limit_of(1, i, HZ));
	for (unsigned i = 0; i < 8; i++) {
		unsigned taken = 0;
		for (unsigned n = 0; n < 20; n++)
			taken += client_take(&rates[i], client, false, HZ);
		ck_assert_uint_eq(taken, i);
	}
	client_bank_close(&bank);
}
END_TEST

/* Who is asked for all the time keeps its place, and its limit, in a flood of others. */
START_TEST(a_flood_leaves_the_limits_of_those_who_stay)
{
	static const uint8_t client[16] = {192, 0, 2, 1};
	struct client_rate rate = rate_open(1000, rate_limit_of(1, 5, HZ), 32, 64);
	unsigned taken = 0;
	for (uint32_t i = 0; i < 100000; i++) { /* in ten seconds */
		uint64_t now = 100 * HZ + i * (HZ / 10000);
		take(&rate, 0x01000000u + i, now);
		taken += client_take(&rate, client, false, now);
	}
	ck_assert_uint_ge(taken, 14);
	ck_assert_uint_le(taken, 15);
	client_bank_close(&bank);
}
END_TEST

/* Places change hands: nobody finds what another has left there. */
START_TEST(a_place_is_given_on_full)
{
	struct client_rate rate = rate_open(1, rate_limit_of(1, 1, HZ), 32, 64);
	unsigned first = 0, second = 0;
	for (uint32_t i = 0; i < 10000; i++) {
		first += take(&rate, i, HZ + i);
		second += take(&rate, i, HZ + i);
	}
	ck_assert_uint_ge(first, 10000 * 98 / 100); /* the tags of some are the same */
	ck_assert_uint_eq(second, 0);
	client_bank_close(&bank);
}
END_TEST

/* The counter has no beginning and no end that buckets would know of. */
START_TEST(time_wraps_around)
{
	static const uint8_t client[16] = {192, 0, 2, 1};
	struct client_rate rate = rate_open(10, rate_limit_of(10, 3, HZ), 32, 64);
	uint64_t start = (UINT64_C(1) << 58) - 5 * HZ;
	unsigned taken = 0;
	for (unsigned i = 0; i < 1000; i++)
		taken += client_take(&rate, client, false, start + i * (HZ / 100));
	ck_assert_uint_ge(taken, 102);
	ck_assert_uint_le(taken, 103);
	client_bank_close(&bank);
}
END_TEST

START_TEST(a_client_has_nothing_where_there_is_nothing)
{
	static const uint8_t client[16] = {192, 0, 2, 1};
	static const double limits[][3] = {{0, 10, 0}, {10, 0, 0}, {1e12, 1e9, 20}, {1e-15, 2, 1}};
	bank_open(10, 4, 32, 64);
	for (unsigned i = 0; i < 4; i++) {
		struct rate_limit limit = rate_limit_of(limits[i][0], limits[i][1], HZ);
		struct client_rate rate = client_bank_column(&bank, limit);
		unsigned taken = 0;
		for (unsigned n = 0; n < 20; n++)
			taken += client_take(&rate, client, false, HZ);
		ck_assert_uint_eq(taken, (unsigned)limits[i][2]);
	}
	client_bank_close(&bank);
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
	tcase_add_test(rates, rules_side_by_side);
	tcase_add_test(rates, a_flood_leaves_the_limits_of_those_who_stay);
	tcase_add_test(rates, a_place_is_given_on_full);
	tcase_add_test(rates, time_wraps_around);
	tcase_add_test(rates, a_client_has_nothing_where_there_is_nothing);
	suite_add_tcase(made, rates);
	return made;
}

UNIT_MAIN(suite)
