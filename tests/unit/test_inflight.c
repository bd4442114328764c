/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/inflight.h"

#include "tests/unit/unit.h"

START_TEST(ports_are_shared_as_powers_of_two)
{
	ck_assert_uint_eq(inflight_ports_share(1), 32768);
	ck_assert_uint_eq(inflight_ports_share(3), 16384);
	ck_assert_uint_eq(inflight_ports_share(12), 4096);
	ck_assert_uint_eq(inflight_ports_share(13), 2048);
	ck_assert_uint_eq(inflight_ports_share(64), 512);
	ck_assert_uint_eq(inflight_ports_share(97), 0);
	ck_assert_uint_eq(inflight_ports_share(0), 0);
}
END_TEST

START_TEST(found_by_port_and_id_until_removed)
{
	struct inflight *table = inflight_create(8, 20000, 4096);
	struct inflight_entry *entry = inflight_add(table, 0, 100);
	ck_assert_ptr_nonnull(entry);
	ck_assert(entry->source_port >= 20000 && entry->source_port < 24096);
	ck_assert_ptr_eq(inflight_find(table, entry->source_port, entry->id), entry);
	ck_assert_ptr_null(inflight_find(table, entry->source_port, (uint16_t)(entry->id + 1)));
	ck_assert_uint_eq(inflight_count(table), 1);
	inflight_remove(table, entry, INFLIGHT_WAS_ANSWERED);
	ck_assert_ptr_null(inflight_find(table, entry->source_port, entry->id));
	ck_assert_uint_eq(inflight_count(table), 0);
	inflight_destroy(table);
}
END_TEST

START_TEST(full_table_refuses)
{
	struct inflight *table = inflight_create(3, 16384, 4096);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(inflight_add(table, 0, 1));
	ck_assert_ptr_null(inflight_add(table, 0, 1));
	inflight_remove(table, inflight_any(table), INFLIGHT_TIMED_OUT);
	ck_assert_ptr_nonnull(inflight_add(table, 0, 1));
	inflight_destroy(table);
}
END_TEST

START_TEST(expires_oldest_first)
{
	struct inflight *table = inflight_create(1000, 16384, 4096);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(inflight_add(table, i, 10));
	ck_assert_ptr_null(inflight_expired(table, 9));
	for (uint64_t now = 10; now < 1010; now++) {
		struct inflight_entry *entry = inflight_expired(table, now);
		ck_assert_ptr_nonnull(entry);
		ck_assert_uint_eq(entry->deadline, now);
		inflight_remove(table, entry, INFLIGHT_WAS_ANSWERED);
		ck_assert_ptr_null(inflight_expired(table, now));
	}
	ck_assert_ptr_null(inflight_any(table));
	inflight_destroy(table);
}
END_TEST

START_TEST(ports_and_ids_spread_over_their_ranges)
{
	struct inflight *table = inflight_create(20000, 16384, 4096);
	static uint8_t ports[4096];
	uint16_t id_bits_set = 0, id_bits_clear = 0;
	for (int i = 0; i < 20000; i++) {
		struct inflight_entry *entry = inflight_add(table, 0, 1);
		ports[entry->source_port - 16384] = 1;
		id_bits_set |= entry->id;
		id_bits_clear |= (uint16_t)~entry->id;
	}
	int used = 0;
	for (int i = 0; i < 4096; i++)
		used += ports[i];
	ck_assert_int_gt(used, 3900); /* 4,065 expected */
	ck_assert_uint_eq(id_bits_set & id_bits_clear, 0xffff);
	inflight_destroy(table);
}
END_TEST

/* What waits for long does not hold up what waits for less. */
START_TEST(kinds_of_patience)
{
	struct inflight *table = inflight_create(1000, 16384, 4096);
	struct inflight_entry *patient = inflight_add(table, 0, 1000);
	struct inflight_entry *hasty = inflight_add(table, 1, 10);
	ck_assert_ptr_null(inflight_expired(table, 10));
	ck_assert_ptr_eq(inflight_expired(table, 11), hasty);
	ck_assert_uint_eq(inflight_next(table), 11);
	inflight_remove(table, hasty, INFLIGHT_TIMED_OUT);
	ck_assert_uint_eq(inflight_next(table), 1000);
	ck_assert_ptr_null(inflight_expired(table, 999));
	ck_assert_ptr_eq(inflight_expired(table, 1000), patient);
	for (uint64_t i = 0; i < INFLIGHT_QUEUES + 20; i++)
		ck_assert_ptr_nonnull(inflight_add(table, 0, 2000 + i * 10));
	/* One kind too many waits as long as the nearest: the last that had a queue. */
	unsigned longest = 2000 + (INFLIGHT_QUEUES - 3) * 10, expired = 0;
	struct inflight_entry *entry;
	while ((entry = inflight_expired(table, longest + 10)) != NULL) {
		inflight_remove(table, entry, INFLIGHT_WAS_ANSWERED);
		expired++;
	}
	ck_assert_uint_eq(expired, INFLIGHT_QUEUES + 21);
	ck_assert_ptr_null(inflight_any(table));
	/* Queues that are empty are free for others. */
	entry = inflight_add(table, 0, 77);
	ck_assert_uint_eq(entry->deadline, 77);
	inflight_remove(table, entry, INFLIGHT_TIMED_OUT);
	ck_assert_uint_eq(inflight_next(table), INFLIGHT_NEVER);
	inflight_destroy(table);
}
END_TEST

static const struct net_address servers[] = {
	{.bytes = {10, 53, 0, 53}},
	{.bytes = {10, 53, 0, 54}},
	{.bytes = {0xfd, 0x53, [15] = 0x53}, .ipv6 = 1},
};

static struct inflight_entry *asked(struct inflight *table, const struct net_address *server)
{
	struct inflight_entry *entry = inflight_add(table, 0, 100);
	ck_assert_ptr_nonnull(entry);
	entry->server = *server;
	entry->server_port = 53;
	return entry;
}

/* How it ended is known of the server that was asked, and of nobody else. */
START_TEST(what_has_ended_is_remembered)
{
	static const enum inflight_end ends[] = {INFLIGHT_WAS_ANSWERED, INFLIGHT_TIMED_OUT,
						 INFLIGHT_FORGOTTEN};
	struct inflight *table = inflight_create(8, 20000, 4096);
	for (unsigned s = 0; s < RTE_DIM(servers); s++)
		for (unsigned e = 0; e < RTE_DIM(ends); e++) {
			struct inflight_entry *entry = asked(table, &servers[s]);
			uint16_t port = entry->source_port, id = entry->id;
			const struct net_address *other = &servers[(s + 1) % RTE_DIM(servers)];
			ck_assert_uint_eq(inflight_recall(table, port, id, &servers[s], 53),
					  INFLIGHT_FORGOTTEN);
			inflight_remove(table, entry, ends[e]);
			ck_assert_uint_eq(inflight_recall(table, port, id, &servers[s], 53), ends[e]);
			ck_assert_uint_eq(inflight_recall(table, port, id, other, 53),
					  INFLIGHT_FORGOTTEN);
			ck_assert_uint_eq(inflight_recall(table, port, id, &servers[s], 54),
					  INFLIGHT_FORGOTTEN);
			ck_assert_uint_eq(inflight_recall(table, port ^ 1, id, &servers[s], 53),
					  INFLIGHT_FORGOTTEN);
			ck_assert_uint_eq(inflight_recall(table, port, id ^ 1, &servers[s], 53),
					  INFLIGHT_FORGOTTEN);
		}
	inflight_destroy(table);
}
END_TEST

/* The memory is bounded: new ones take the places of old ones, and most of the last are there. */
START_TEST(memory_of_the_ended_is_bounded)
{
	enum { LAST = 2000 };
	static uint16_t ports[LAST], ids[LAST];
	struct inflight *table = inflight_create(4096, 16384, 32768);
	for (unsigned i = 0; i < 100000 + LAST; i++) {
		struct inflight_entry *entry = asked(table, &servers[0]);
		ports[i % LAST] = entry->source_port;
		ids[i % LAST] = entry->id;
		inflight_remove(table, entry,
				i % 2 == 0 ? INFLIGHT_WAS_ANSWERED : INFLIGHT_TIMED_OUT);
	}
	unsigned known[3] = {0};
	for (unsigned i = 0; i < LAST; i++)
		known[inflight_recall(table, ports[i], ids[i], &servers[0], 53)]++;
	ck_assert_uint_gt(known[INFLIGHT_WAS_ANSWERED], LAST / 2 * 9 / 10); /* 97 % expected */
	ck_assert_uint_gt(known[INFLIGHT_TIMED_OUT], LAST / 2 * 8 / 10);    /* 89 % expected */
	inflight_destroy(table);
}
END_TEST

START_TEST(ports_that_wait)
{
	struct inflight *table = inflight_create(8, 20000, 1);
	ck_assert(!inflight_port_waits(table, 20000));
	struct inflight_entry *first = inflight_add(table, 0, 100);
	struct inflight_entry *second = inflight_add(table, 0, 100);
	ck_assert(inflight_port_waits(table, 20000));
	inflight_remove(table, first, INFLIGHT_FORGOTTEN);
	ck_assert(inflight_port_waits(table, 20000));
	inflight_remove(table, second, INFLIGHT_TIMED_OUT);
	ck_assert(!inflight_port_waits(table, 20000));
	inflight_destroy(table);
}
END_TEST

static Suite *inflight_suite(void)
{
	Suite *suite = suite_create("inflight");
	TCase *tcase = tcase_create("table");
	tcase_add_test(tcase, ports_are_shared_as_powers_of_two);
	tcase_add_test(tcase, found_by_port_and_id_until_removed);
	tcase_add_test(tcase, full_table_refuses);
	tcase_add_test(tcase, expires_oldest_first);
	tcase_add_test(tcase, ports_and_ids_spread_over_their_ranges);
	tcase_add_test(tcase, kinds_of_patience);
	tcase_add_test(tcase, what_has_ended_is_remembered);
	tcase_add_test(tcase, memory_of_the_ended_is_bounded);
	tcase_add_test(tcase, ports_that_wait);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(inflight_suite)
