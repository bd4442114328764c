/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "control/policy/client_watch.h"
#include "dataplane/rules/client_counts.h"

#define HZ UINT64_C(6000000) /* a part of one second is a million cycles */
#define START (1000 * HZ)

static const uint64_t seed[2] = {0x1234567890abcdef, 0xfedcba0987654321};
static struct client_counts counts;
static void *memory; /* of them */
static struct client_watch watch;
static struct count_losses losses;
static uint32_t limits[COUNT_COLUMNS_MAX];

static struct count_shape shape_of(uint32_t clients, uint32_t seconds)
{
	return (struct count_shape){
		.clients = clients,
		.v4_prefix = 32,
		.v6_prefix = 128,
		.n_columns = 6,
		.n_queries = 2,
		.columns = {{COUNT_QUERIES, 0, 0, seconds},
			    {COUNT_TYPE, 0, 28, seconds},
			    {COUNT_RCODES, 0, 1 << 3, seconds},
			    {COUNT_RCODES, 0, 0xffff, seconds},
			    {COUNT_BYTES, 0, 0, seconds},
			    {COUNT_MISSES, 0, 0, seconds}},
	};
}

static void open_for(const struct count_shape *shape, unsigned workers, uint32_t limit)
{
	losses = (struct count_losses){0};
	size_t size = client_counts_measure(&counts, shape, (uint16_t)workers, HZ, seed);
	memory = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	ck_assert_ptr_nonnull(memory);
	client_counts_place(&counts, memset(memory, 0, size));
	ck_assert(client_watch_open(&watch));
	for (unsigned i = 0; i < COUNT_COLUMNS_MAX; i++)
		limits[i] = limit / workers;
}

static void close_all(void)
{
	client_watch_close(&watch);
	free(memory);
}

static void event(unsigned worker, uint32_t number, uint64_t now, const struct count_event *what)
{
	uint8_t address[16] = {0};
	memcpy(address, &number, sizeof(number));
	client_counts_add(&counts, worker, address, false, 5300, what);
	client_counts_flush(&counts, worker, limits, now, &losses);
}

static void query(unsigned worker, uint32_t number, uint64_t now)
{
	event(worker, number, now, &(struct count_event){.value = 1});
}

/* The larger of both sums. */
static uint64_t sum_of(uint32_t number, uint64_t now, unsigned column)
{
	struct count_client client;
	uint64_t sums[2][COUNT_COLUMNS_MAX];
	uint8_t address[16] = {0};
	memcpy(address, &number, sizeof(number));
	count_client_make(&counts, address, false, 5300, &client);
	client_counts_sum(&counts, &client, now, sums);
	return RTE_MAX(sums[0][column], sums[1][column]);
}

/* Whether apply() would find a client above a limit now. */
static bool is_found(uint32_t number, uint64_t now, uint64_t limit)
{
	struct count_client client;
	uint64_t sums[2][COUNT_COLUMNS_MAX];
	bool found = false;
	client_watch_begin(&watch, &counts);
	while (client_watch_next(&watch, &counts, now, &client, sums))
		found |= (uint32_t)client.words[0] == number &&
			 RTE_MAX(sums[0][0], sums[1][0]) > limit;
	return found;
}

START_TEST(events_count_for_their_time_and_no_longer)
{
	struct count_shape shape = shape_of(100, 10);
	open_for(&shape, 1, 1000);
	for (unsigned i = 0; i < 50; i++)
		query(0, 7, START + i);
	ck_assert_uint_eq(sum_of(7, START + 50, 0), 50);
	ck_assert_uint_eq(sum_of(7, START + 8 * HZ, 0), 50);
	ck_assert_uint_eq(sum_of(8, START + 8 * HZ, 0), 0);
	/* At most one part longer, since then the last whole time had them. */
	ck_assert_uint_eq(sum_of(7, START + 12 * HZ, 0), 0);
	query(0, 7, START + 100 * HZ);
	ck_assert_uint_eq(sum_of(7, START + 100 * HZ, 0), 1);
	close_all();
}
END_TEST

START_TEST(each_column_counts_its_own)
{
	struct count_shape shape = shape_of(100, 10);
	open_for(&shape, 1, 1000000);
	event(0, 1, START, &(struct count_event){.value = 28});
	event(0, 1, START, &(struct count_event){.value = 1});
	event(0, 1, START, &(struct count_event){.answer = true, .value = 3, .bytes = 100});
	event(0, 1, START, &(struct count_event){.answer = true, .bytes = 50, .miss = true});
	event(0, 1, START, &(struct count_event){.answer = true, .bytes = 50, .part = true});
	const uint64_t expected[] = {2, 1, 1, 2, 200, 1};
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(sum_of(1, START, i), expected[i]);
	close_all();
}
END_TEST

START_TEST(counters_stay_at_their_most)
{
	struct count_shape shape = shape_of(100, 10);
	open_for(&shape, 1, 1000000);
	for (unsigned i = 0; i < 3; i++)
		event(0, 1, START,
		      &(struct count_event){.answer = true, .bytes = UINT32_MAX - 5, .value = 0});
	ck_assert_uint_eq(sum_of(1, START, 4), UINT32_MAX);
	close_all();
}
END_TEST

/* Real windows of every length and phase: what is counted is never more than the largest of them. */
START_TEST(nobody_within_the_limit_is_above_it)
{
	enum { SECONDS = 10, LIMIT = 100, BURSTS = 400 };
	struct count_shape shape = shape_of(100, SECONDS);
	uint64_t times[BURSTS * 20], n = 0;
	unsigned random = 1;
	open_for(&shape, 3, LIMIT);
	for (uint64_t now = START; n + 20 < BURSTS * 20 && now < START + 600 * HZ;) {
		random = random * 1103515245 + 12345;
		now += (random >> 8) % (2 * HZ);
		unsigned wanted = (random >> 4) % 20 + 1, within = 0;
		for (uint64_t i = n; i-- > 0 && times[i] + SECONDS * HZ >= now;)
			within++;
		for (unsigned i = 0; i < wanted && within + i < LIMIT; i++) {
			query(i % 3, 9, now);
			times[n++] = now;
		}
		ck_assert_uint_le(sum_of(9, now, 0), LIMIT);
		ck_assert(!is_found(9, now + HZ / 3, LIMIT));
	}
	ck_assert_uint_gt(n, 1000);
	close_all();
}
END_TEST

/* Slightly above, evenly, on one worker or spread over several; looked at once a second. */
static void steady(unsigned workers, double rate, bool expected)
{
	enum { SECONDS = 10, LIMIT = 300 };
	struct count_shape shape = shape_of(100, SECONDS);
	open_for(&shape, workers, LIMIT);
	uint64_t step = (uint64_t)((double)HZ / rate), applied = START;
	bool found = false;
	unsigned i = 0;
	for (uint64_t now = START; now < START + 40 * HZ; now += step) {
		query(i++ % workers, 5, now);
		if (now - applied < HZ)
			continue;
		applied += HZ;
		found |= is_found(5, now, LIMIT);
	}
	ck_assert_int_eq(found, expected);
	ck_assert_uint_eq(losses.untold + losses.replaced + watch.lost, 0);
	close_all();
}

START_TEST(steady_clients_are_told_apart_by_one_in_a_hundred)
{
	const unsigned workers[] = {1, 2, 5, 16};
	steady(workers[_i], 30.3, true);
	steady(workers[_i], 29.9, false);
}
END_TEST

/* All within 5/6 of the time, at any moment, and then silence. */
START_TEST(bursts_are_found)
{
	for (unsigned phase = 0; phase < 60; phase++) {
		struct count_shape shape = shape_of(100, 6);
		open_for(&shape, 4, 300);
		uint64_t begin = START + phase * HZ / 10;
		bool found = false;
		for (unsigned i = 0; i < 301; i++)
			query(i % 4, 5, begin + i * (5 * HZ) / 301);
		for (unsigned second = 5; second < 9; second++)
			found |= is_found(5, begin + second * HZ, 300);
		ck_assert_msg(found, "phase %u", phase);
		ck_assert(!is_found(5, begin + 20 * HZ, 300));
		ck_assert_uint_eq(watch.count - watch.at + watch.kept, 0);
		close_all();
	}
}
END_TEST

/* Seen while it was below, and above by the time of the next look, with nothing after that. */
START_TEST(a_client_is_looked_at_until_its_part_is_over)
{
	struct count_shape shape = shape_of(100, 60);
	open_for(&shape, 4, 400);
	for (unsigned i = 0; i < 380; i++)
		query(i % 4, 5, START);
	for (unsigned i = 0; i < 100; i++)
		query(0, 5, START);
	ck_assert(is_found(5, START, 400));
	struct count_told told;
	ck_assert(!client_counts_told(&counts, 0, &told));
	close_all();
	open_for(&shape, 4, 400);
	for (unsigned i = 0; i < 104; i++)
		query(0, 5, START);
	ck_assert(!is_found(5, START + 1, 400));
	for (unsigned i = 0; i < 300; i++)
		query(0, 5, START + 2);
	ck_assert(is_found(5, START + HZ, 400));
	close_all();
}
END_TEST

START_TEST(clients_are_told_apart_by_their_masks)
{
	struct count_shape shape = shape_of(100, 10);
	shape.port_bits = 2;
	uint8_t v4[16] = {192, 0, 2, 1, 99, 98}, same[16] = {192, 0, 2, 1, 1, 2};
	uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5};
	struct count_client a, b;
	open_for(&shape, 1, 10);
	count_client_make(&counts, v4, false, 16383, &a);
	count_client_make(&counts, same, false, 1, &b);
	ck_assert_uint_eq(count_client_key(&counts, &a), count_client_key(&counts, &b));
	count_client_make(&counts, same, false, 16384, &b);
	ck_assert_uint_eq(b.port, 16384);
	ck_assert_uint_ne(count_client_key(&counts, &a), count_client_key(&counts, &b));
	close_all();
	shape.v4_prefix = 24;
	shape.v6_prefix = 33;
	open_for(&shape, 1, 10);
	count_client_make(&counts, v4, false, 40000, &a);
	uint8_t expected[16] = {192, 0, 2};
	ck_assert_mem_eq(a.words, expected, 16);
	ck_assert_uint_eq(a.port, 0);
	count_client_make(&counts, v6, true, 40000, &a);
	uint8_t shorter[16] = {0x20, 1, 0xd, 0xb8};
	ck_assert_mem_eq(a.words, shorter, 16);
	v6[4] = 0x80;
	count_client_make(&counts, v6, true, 40000, &b);
	ck_assert_uint_ne(count_client_key(&counts, &a), count_client_key(&counts, &b));
	close_all();
}
END_TEST

START_TEST(a_million_clients_are_counted_each)
{
	enum { CLIENTS = 1000000 };
	struct count_shape shape = shape_of(CLIENTS, 10);
	open_for(&shape, 1, 1000);
	for (unsigned round = 0; round < 3; round++)
		for (uint32_t i = 0; i < CLIENTS; i++)
			query(0, i, START + round * HZ);
	unsigned wrong = 0;
	for (uint32_t i = 0; i < CLIENTS; i++)
		wrong += sum_of(i, START + 2 * HZ, 0) != 3;
	/* Those whose places were all taken. */
	ck_assert_uint_le(wrong, CLIENTS / 100);
	ck_assert_uint_le(losses.replaced + losses.refused, CLIENTS / 50);
	close_all();
}
END_TEST

/* A flood of addresses, beside clients that go on: these keep their places. */
START_TEST(those_not_seen_for_longest_make_room)
{
	struct count_shape shape = shape_of(10000, 10);
	open_for(&shape, 1, 1000000);
	uint32_t stranger = 1u << 20;
	for (unsigned turn = 0; turn < 200; turn++) {
		for (uint32_t i = 0; i < 100; i++)
			query(0, i, START + turn * HZ / 2);
		for (unsigned i = 0; i < 500; i++)
			query(0, stranger++, START + turn * HZ / 2);
	}
	unsigned kept = 0;
	for (uint32_t i = 0; i < 100; i++)
		kept += sum_of(i, START + 199 * HZ / 2, 0) >= 16;
	ck_assert_uint_ge(kept, 98); /* the others' places were all taken */
	ck_assert_uint_eq(counts.tables[0].used, 10000);
	ck_assert_uint_le(losses.refused, 200 * 500 / 100);
	close_all();
}
END_TEST

/* However long the time of a rule is, rows are another's after a second; the oldest go first. */
START_TEST(long_times_do_not_keep_strangers)
{
	struct count_shape shape = shape_of(1024, 3600);
	open_for(&shape, 1, 1000000);
	for (uint32_t i = 0; i < 2000; i++)
		query(0, 1000000 + i, START);
	ck_assert_uint_eq(counts.tables[0].used, 1024);
	ck_assert_uint_ge(losses.refused, 2000 - 1024);
	losses = (struct count_losses){0};
	for (uint32_t i = 0; i < 128; i++)
		query(0, i, START + 3 * HZ / 2);
	for (uint32_t i = 0; i < 512; i++)
		query(0, 2000000 + i, START + 3 * HZ);
	ck_assert_uint_le(losses.refused, 10);
	unsigned kept = 0;
	for (uint32_t i = 0; i < 128; i++)
		kept += sum_of(i, START + 3 * HZ, 0) == 1;
	ck_assert_uint_ge(kept, 120);
	close_all();
}
END_TEST

START_TEST(what_finds_no_room_is_counted)
{
	struct count_shape shape = shape_of(100000, 10);
	open_for(&shape, 1, 0);
	for (uint32_t i = 0; i < COUNT_TOLD + 10; i++)
		query(0, i, START);
	ck_assert_uint_eq(losses.untold, 10);
	ck_assert(is_found(3, START, 0));
	for (unsigned turn = 1; turn < 6; turn++) {
		for (uint32_t i = 0; i < COUNT_TOLD; i++)
			query(0, turn * COUNT_TOLD + i, START + 1);
		is_found(0, START + 1, 0);
	}
	ck_assert_uint_gt(watch.lost, 0);
	ck_assert_uint_eq(watch.kept, CLIENT_WATCH_MAX);
	ck_assert(!is_found(3, START + 100 * HZ, 0));
	close_all();
}
END_TEST

/* A look that ends early, as with an error, forgets nobody. */
START_TEST(a_look_may_end_early)
{
	struct count_shape shape = shape_of(1000, 10);
	struct count_client client;
	uint64_t sums[2][COUNT_COLUMNS_MAX];
	open_for(&shape, 1, 0);
	for (uint32_t i = 0; i < 10; i++)
		query(0, i, START);
	client_watch_begin(&watch, &counts);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(client_watch_next(&watch, &counts, START, &client, sums));
	for (uint32_t i = 0; i < 10; i++)
		ck_assert(is_found(i, START, 0));
	close_all();
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("client_counts");
	TCase *all = tcase_create("all");
	tcase_add_test(all, events_count_for_their_time_and_no_longer);
	tcase_add_test(all, each_column_counts_its_own);
	tcase_add_test(all, counters_stay_at_their_most);
	tcase_add_test(all, nobody_within_the_limit_is_above_it);
	tcase_add_loop_test(all, steady_clients_are_told_apart_by_one_in_a_hundred, 0, 4);
	tcase_add_test(all, bursts_are_found);
	tcase_add_test(all, a_client_is_looked_at_until_its_part_is_over);
	tcase_add_test(all, clients_are_told_apart_by_their_masks);
	tcase_add_test(all, a_million_clients_are_counted_each);
	tcase_add_test(all, those_not_seen_for_longest_make_room);
	tcase_add_test(all, long_times_do_not_keep_strangers);
	tcase_add_test(all, what_finds_no_room_is_counted);
	tcase_add_test(all, a_look_may_end_early);
	suite_add_tcase(made, all);
	return made;
}

UNIT_MAIN(suite)
