/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "tests/unit/neighbour_lab.h"

START_TEST(full_queue_loses_the_answer)
{
	struct rte_mbuf *filler = lab_mbuf(0);
	for (tx[0].count = 0; tx[0].count < RTE_DIM(tx[0].mbufs); tx[0].count++)
		tx[0].mbufs[tx[0].count] = filler;
	arrive(SAMPLE_ARP_REQUEST_IN, START);
	ck_assert_int_eq(resolve(lab_ipv4(10, 53, 0, 9), START), NEIGHBOUR_PENDING);
	ck_assert_uint_eq(tx[0].count, RTE_DIM(tx[0].mbufs));
	ck_assert_uint_eq(stats.counter[STATS_TX_UNSENT], 1);
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], 0);
	tx[0].count = 0;
	rte_pktmbuf_free(filler);
}
END_TEST

static void question_and_answer(struct net_address address, const char *question,
				const char *answer, const char *packet)
{
	ck_assert_int_eq(resolve(address, START), NEIGHBOUR_PENDING);
	ck_assert(lab_sent_is(&tx[0], question));
	park(packet, address);
	ck_assert_int_eq(resolve(address, START), NEIGHBOUR_PENDING); /* asked once */
	ck_assert_uint_eq(tx[0].count, 0);
	arrive(answer, START + 5);
	ck_assert(lab_sent_is(&tx[0], packet)); /* as it was before its MAC was wiped */
	ck_assert(known_as(address, START + 6, 2));
}

START_TEST(question_releases_what_waits)
{
	question_and_answer(peer, SAMPLE_ARP_REQUEST_OUT, SAMPLE_ARP_REPLY_IN, SAMPLE_UDP4_OUT);
	question_and_answer(peer6, SAMPLE_NS_OUT, SAMPLE_NA_IN, SAMPLE_UDP6_OUT);
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], 1);
	ck_assert_uint_eq(stats.counter[STATS_ND_SENT], 1);
	ck_assert_uint_eq(stats.counter[STATS_NEIGHBOUR_UNPARKED], 0);
}
END_TEST

START_TEST(silence_is_a_failure)
{
	ck_assert_int_eq(resolve(peer, START), NEIGHBOUR_PENDING);
	park(SAMPLE_UDP4_OUT, peer);
	for (uint64_t now = START; now < START + 3000; now += 100) {
		tick(now);
		if ((now - START) % 1000 == 0)
			ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_REQUEST_OUT));
		ck_assert_uint_eq(tx[0].count, 0);
		ck_assert_int_eq(resolve(peer, now), NEIGHBOUR_PENDING);
	}
	tick(START + 3000);
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], NEIGHBOUR_TRIES);
	ck_assert_uint_eq(stats.counter[STATS_NEIGHBOUR_UNPARKED], 1);
	ck_assert_int_eq(resolve(peer, START + 3001), NEIGHBOUR_FAILED);
	tick(START + 3900);
	struct rte_mbuf *late = lab_frame(SAMPLE_UDP4_OUT);
	ck_assert(!neighbour_park(table, 0, &peer, late));
	rte_pktmbuf_free(late);
	ck_assert_int_eq(resolve(peer, START + 3900), NEIGHBOUR_FAILED);
	tick(START + 4000);
	ck_assert_int_eq(resolve(peer, START + 4001), NEIGHBOUR_PENDING);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_REQUEST_OUT));
}
END_TEST

/* An answer that comes late ends the failure. */
START_TEST(late_answer)
{
	ck_assert(unknown(peer, START));
	for (uint64_t now = START; now <= START + 3000; now += 1000) {
		tick(now);
		rte_pktmbuf_free(lab_sent(&tx[0]));
	}
	ck_assert_int_eq(resolve(peer, START + 3001), NEIGHBOUR_FAILED);
	arrive(SAMPLE_ARP_REPLY_IN, START + 3002);
	ck_assert(known_as(peer, START + 3003, 2));
}
END_TEST

START_TEST(used_entry_is_refreshed)
{
	uint64_t now = START;
	arrive(SAMPLE_ARP_REQUEST_IN, now);
	rte_pktmbuf_free(lab_sent(&tx[0]));
	for (unsigned round = 0; round < 3; round++) {
		for (uint64_t end = now + NEIGHBOUR_FRESH_MS; now < end; now += 1000) {
			ck_assert(known_as(peer, now, 2));
			tick(now);
			ck_assert_uint_eq(tx[0].count, 0);
		}
		ck_assert(known_as(peer, ++now, 2));
		tick(now);
		ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_PROBE_OUT)); /* to it alone */
		arrive(SAMPLE_ARP_REPLY_IN, now);
	}
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], 3);
}
END_TEST

START_TEST(unused_entry_expires)
{
	learn_both(START);
	for (uint64_t now = START; now <= START + NEIGHBOUR_UNUSED_MS; now += 1000)
		tick(now);
	ck_assert_uint_eq(tx[0].count, 0); /* nobody used them: no refreshing */
	ck_assert(known_as(peer, START + NEIGHBOUR_UNUSED_MS, 2));
	tick(START + NEIGHBOUR_UNUSED_MS + 1);
	forget_sent();
	ck_assert(unknown(peer6, START + NEIGHBOUR_UNUSED_MS + 1));
	ck_assert(known_as(peer, START + NEIGHBOUR_UNUSED_MS + 1, 2));
}
END_TEST

/* It goes on being used while it is asked for, until nobody is left to hope for. */
START_TEST(lost_neighbour)
{
	uint64_t now = START + NEIGHBOUR_FRESH_MS + 1;
	learn_both(START);
	ck_assert(known_as(peer, START, 2));
	for (unsigned i = 0; i < NEIGHBOUR_TRIES; i++, now += 1001) {
		tick(now);
		ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_PROBE_OUT));
		ck_assert(known_as(peer, now, 2));
	}
	for (unsigned i = 0; i < NEIGHBOUR_TRIES; i++, now += 1000) {
		tick(now);
		ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_REQUEST_OUT));
		ck_assert_int_eq(resolve(peer, now), NEIGHBOUR_PENDING);
	}
	tick(now);
	ck_assert_int_eq(resolve(peer, now), NEIGHBOUR_FAILED);
	ck_assert_uint_eq(tx[0].count, 0);
}
END_TEST

/* Servers behind it do not answer: it is asked by unicast, and then as one whose MAC nobody knows. */
START_TEST(doubted_neighbour)
{
	uint64_t now = START + NEIGHBOUR_DOUBT_MS;
	learn_both(START);
	neighbour_doubt(table, 0, &peer, now - 1); /* it was there a moment ago */
	tick(now - 1);
	ck_assert_uint_eq(tx[0].count, 0);
	for (unsigned i = 0; i < NEIGHBOUR_TRIES; i++, now += 1001) {
		neighbour_doubt(table, 0, &peer, now);
		tick(now);
		ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_PROBE_OUT));
		tick(now + 1);
		ck_assert_uint_eq(tx[0].count, 0);
		ck_assert(known_as(peer, now, 2));
	}
	tick(now);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_REQUEST_OUT));
	ck_assert_int_eq(resolve(peer, now), NEIGHBOUR_PENDING);
	neighbour_doubt(table, 0, &peer, now); /* it is asked for already */
	deliver(0, arp_from(0, 2, 7, 2, 1), now, true); /* another MAC has its address now */
	ck_assert(known_as(peer, now, 7));
	ck_assert_uint_eq(stats.counter[STATS_NEIGHBOUR_DOUBTED], 1);
}
END_TEST

/* The neighbour is there, its servers are not: that costs a question every few seconds, for as long as it lasts. */
START_TEST(doubt_is_cheap)
{
	learn_both(START);
	for (uint64_t now = START; now < START + 60000; now += 100) {
		neighbour_doubt(table, 0, &peer, now);
		tick(now);
		while (tx[0].count > 0) {
			ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_PROBE_OUT));
			arrive(SAMPLE_ARP_REPLY_IN, now);
		}
	}
	ck_assert_uint_le(stats.counter[STATS_ARP_SENT], 60000 / NEIGHBOUR_DOUBT_MS);
	struct net_address other = lab_ipv4(10, 53, 0, 9);
	neighbour_doubt(table, 0, &other, START + 60000); /* nobody we know */
	ck_assert_int_eq(resolve(other, START + 60000), NEIGHBOUR_PENDING);
	forget_sent();
}
END_TEST

/* The answer to a question to one host need not tell its MAC (RFC 4861, section 7.2.4). */
START_TEST(bare_advertisement_confirms)
{
	learn_both(START);
	ck_assert(known_as(peer6, START, 2));
	for (unsigned round = 1; round <= 2; round++) {
		uint64_t now = START + round * (NEIGHBOUR_FRESH_MS + 1);
		arrive(SAMPLE_NA_BARE_IN, now - 1); /* we had not asked: it proves nothing */
		tick(now);
		ck_assert(lab_sent_is(&tx[0], SAMPLE_NS_PROBE_OUT));
		arrive(SAMPLE_NA_BARE_IN, now);
		tick(now + 1001);
		ck_assert_uint_eq(tx[0].count, 0);
		ck_assert(known_as(peer6, now + 1001, 2));
	}
	/* But it makes nobody known. */
	struct net_address other = lab_ipv6(9);
	ck_assert(unknown(other, START));
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_NA_BARE_IN, bytes);
	bytes[77] = 9;
	lab_icmp6_seal(bytes, length);
	deliver(0, lab_frame_bytes(bytes, length, 0), START, true);
	ck_assert_uint_eq(stats.drop[DROP_ND], 0);
	ck_assert_int_eq(resolve(other, START), NEIGHBOUR_PENDING);
}
END_TEST

/* RFC 4861, section 7.2.5: what says so itself replaces a MAC, anything else does not. */
START_TEST(override)
{
	arrive(SAMPLE_NA_GRATUITOUS_IN, START);
	ck_assert(unknown(peer6, START)); /* nobody had asked */
	arrive(SAMPLE_NA_NO_OVERRIDE_IN, START);
	ck_assert(known_as(peer6, START, 3)); /* now somebody had */
	arrive(SAMPLE_NA_IN, START);
	ck_assert(known_as(peer6, START, 2));
	arrive(SAMPLE_NA_NO_OVERRIDE_IN, START);
	ck_assert(known_as(peer6, START, 2));
	arrive(SAMPLE_NA_GRATUITOUS_IN, START);
	ck_assert(known_as(peer6, START, 3));
}
END_TEST

START_TEST(only_questions_for_us_are_learned)
{
	deliver(0, arp_from(0, 7, 7, 2, 1), START, true);  /* an answer nobody asked for */
	deliver(0, arp_from(0, 8, 8, 1, 99), START, true); /* a question for others */
	deliver(0, arp_from(0, 9, 9, 1, 9), START, true);  /* gratuitous */
	deliver(0, arp_from(0, 1, 6, 1, 1), START, true);  /* says that it is us */
	deliver(0, arp_from(1, 4, 4, 1, 1), START, true);  /* not of our network */
	forget_sent();
	ck_assert(unknown(lab_ipv4(10, 53, 0, 7), START));
	ck_assert(unknown(lab_ipv4(10, 53, 0, 8), START));
	ck_assert(unknown(lab_ipv4(10, 53, 0, 9), START));
	ck_assert(unknown(lab_ipv4(10, 53, 0, 1), START));
	ck_assert(unknown(lab_ipv4(10, 53, 1, 4), START));
	/* Those that exist are kept up to date, also by gratuitous ARP. */
	deliver(0, arp_from(0, 9, 9, 1, 9), START, true);
	ck_assert(known_as(lab_ipv4(10, 53, 0, 9), START, 9));
	deliver(0, arp_from(0, 9, 10, 2, 9), START, true);
	ck_assert(known_as(lab_ipv4(10, 53, 0, 9), START, 10));
	/* With our own MAC, too: the kernel's end of a tap has the same. */
	deliver(0, arp_from(0, 9, 1, 1, 9), START, true);
	ck_assert(known_as(lab_ipv4(10, 53, 0, 9), START, 1));
}
END_TEST

/* Somebody has our address: counted each time, told off every ten seconds. */
START_TEST(claims_of_our_addresses)
{
	static const char announcement[] =
		"ffffffffffff020000000001080600010800060400010200000000010a3500010000000000000a350001";
	deliver(0, arp_from(0, 1, 1, 2, 9), START, true); /* our own, out of a tap's other end */
	ck_assert_uint_eq(stats.counter[STATS_ADDRESS_CLAIMED], 0);
	deliver(0, arp_from(0, 1, 6, 2, 9), START, false); /* another worker's to say something */
	ck_assert_uint_eq(tx[0].count, 0);
	deliver(0, arp_from(0, 1, 6, 2, 9), START, true);
	ck_assert(lab_sent_is(&tx[0], announcement));
	deliver(0, arp_from(0, 1, 6, 2, 9), START + NEIGHBOUR_DEFEND_MS - 1, true);
	ck_assert_uint_eq(tx[0].count, 0);
	deliver(0, arp_from(0, 1, 6, 2, 9), START + NEIGHBOUR_DEFEND_MS, true);
	ck_assert(lab_sent_is(&tx[0], announcement));
	ck_assert_uint_eq(stats.counter[STATS_ADDRESS_CLAIMED], 3);
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_NA_GRATUITOUS_IN, bytes);
	bytes[77] = 1; /* fd53::1, by a MAC that ends in 3 */
	lab_icmp6_seal(bytes, length);
	deliver(0, lab_frame_bytes(bytes, length, 64), START + 2 * NEIGHBOUR_DEFEND_MS, true);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_DAD_OUT));
	ck_assert_uint_eq(stats.counter[STATS_ADDRESS_CLAIMED], 4);
}
END_TEST

START_TEST(static_entry_is_for_ever)
{
	struct rte_ether_addr mac = lab_mac(7);
	ck_assert_int_eq(neighbour_add_static(table, 0, &peer, &mac), 0);
	ck_assert(known_as(peer, START, 7));
	arrive(SAMPLE_ARP_REPLY_IN, START);
	ck_assert(known_as(peer, START, 7));
	tick(START + NEIGHBOUR_FRESH_MS + 1);
	tick(START + 2 * NEIGHBOUR_UNUSED_MS);
	ck_assert_uint_eq(tx[0].count, 0);
	ck_assert(known_as(peer, START + 2 * NEIGHBOUR_UNUSED_MS, 7));
	ck_assert_int_eq(neighbour_resolve(table, 1, &peer, START, &mac), NEIGHBOUR_PENDING);
	rte_pktmbuf_free(lab_sent(&tx[1])); /* the other port's 10.53.0.2 is somebody else */
}
END_TEST

/* Questions from everywhere: what is in use stays, and there is room for what will be. */
START_TEST(flood_of_strangers)
{
	unsigned learned = 0;
	ports[0].addresses[0].length = 16;
	arrive(SAMPLE_ARP_REPLY_IN, START);
	ck_assert(unknown(peer, START));
	arrive(SAMPLE_ARP_REPLY_IN, START);
	for (unsigned i = 0; i < 2 * NEIGHBOUR_ENTRIES; i++) {
		deliver(0, arp_from((uint8_t)(8 + i / 256), (uint8_t)i, 66, 1, 1), START, true);
		forget_sent();
	}
	ck_assert(known_as(peer, START, 2));
	ck_assert_uint_eq(stats.counter[STATS_NEIGHBOUR_REFUSED],
			  2 * NEIGHBOUR_ENTRIES - NEIGHBOUR_ENTRIES / 4);
	for (unsigned i = 0; i < 2 * NEIGHBOUR_ENTRIES; i++) {
		struct net_address stranger = lab_ipv4(10, 53, (uint8_t)(8 + i / 256), (uint8_t)i);
		learned += resolve(stranger, START) == NEIGHBOUR_HIT;
		forget_sent();
	}
	ck_assert_uint_le(learned, NEIGHBOUR_ENTRIES / 4);
	ck_assert_uint_ge(learned, 64);
}
END_TEST

/* Forgotten strangers make room for others. */
START_TEST(strangers_are_forgotten)
{
	ports[0].addresses[0].length = 16;
	for (unsigned i = 0; i < NEIGHBOUR_ENTRIES; i++) {
		deliver(0, arp_from((uint8_t)(8 + i / 256), (uint8_t)i, 66, 1, 1), START, true);
		forget_sent();
	}
	learn_both(START);
	ck_assert(unknown(peer, START));
	tick(START + NEIGHBOUR_UNUSED_MS + 1);
	tick(START + NEIGHBOUR_UNUSED_MS + 2);
	forget_sent();
	learn_both(START + NEIGHBOUR_UNUSED_MS + 2);
	ck_assert(known_as(peer6, START + NEIGHBOUR_UNUSED_MS + 2, 2));
}
END_TEST

/* A queue that never moves: what waits for it goes with the entry. */
START_TEST(stuck_queue)
{
	struct rte_mbuf *filler = lab_mbuf(0);
	ck_assert(unknown(peer, START));
	park(SAMPLE_UDP4_OUT, peer);
	for (tx[0].count = 0; tx[0].count < RTE_DIM(tx[0].mbufs) - 1; tx[0].count++)
		tx[0].mbufs[tx[0].count] = filler;
	arrive(SAMPLE_ARP_REPLY_IN, START);
	tick(START + NEIGHBOUR_UNUSED_MS);
	ck_assert_uint_eq(stats.counter[STATS_NEIGHBOUR_UNPARKED], 0);
	tick(START + NEIGHBOUR_UNUSED_MS + 1);
	ck_assert_uint_eq(stats.counter[STATS_NEIGHBOUR_UNPARKED], 1);
	ck_assert_uint_eq(tx[0].count, RTE_DIM(tx[0].mbufs) - 1);
	tx[0].count = 0;
	rte_pktmbuf_free(filler);
}
END_TEST

START_TEST(full_table_fails)
{
	for (unsigned i = 1; i < NEIGHBOUR_ENTRIES; i++) {
		ck_assert_int_eq(resolve(lab_ipv6((uint16_t)(i + 100)), START), NEIGHBOUR_PENDING);
		forget_sent();
	}
	ck_assert_int_eq(resolve(peer, START), NEIGHBOUR_PENDING);
	ck_assert_int_eq(resolve(peer6, START), NEIGHBOUR_FAILED);
	struct rte_ether_addr mac = lab_mac(2);
	ck_assert_int_eq(neighbour_add_static(table, 0, &peer6, &mac), -ENOSPC);
	for (uint64_t now = START; now <= START + 5000; now += 1000) {
		tick(now);
		tick(now); /* many questions: the queue is emptied in between */
		forget_sent();
	}
	ck_assert_int_eq(resolve(peer6, START + 5000), NEIGHBOUR_PENDING);
	forget_sent();
}
END_TEST

START_TEST(parking_is_bounded)
{
	const unsigned hops = NEIGHBOUR_PARKED_ALL / NEIGHBOUR_PARKED;
	struct rte_mbuf *extra = lab_frame(SAMPLE_UDP4_OUT);
	for (uint8_t hop = 0; hop <= hops; hop++) {
		struct net_address address = lab_ipv4(10, 53, 0, (uint8_t)(100 + hop));
		ck_assert(!neighbour_park(table, 0, &address, extra)); /* not asked for */
		ck_assert(unknown(address, START));
		for (unsigned i = 0; i < NEIGHBOUR_PARKED && hop < hops; i++)
			park(SAMPLE_UDP4_OUT, address);
		ck_assert(!neighbour_park(table, 0, &address, extra));
	}
	rte_pktmbuf_free(extra);
	/* All of them answer at once: more than the queue takes. Its owner pushes one more. */
	unsigned sent = 0;
	for (uint8_t hop = 0; hop < hops; hop++)
		deliver(0, arp_from(0, (uint8_t)(100 + hop), (uint8_t)(100 + hop), 2, 1), START,
			true);
	for (unsigned turn = 0; turn < hops * TURNS; turn++) {
		ck_assert_uint_lt(tx[0].count, RTE_DIM(tx[0].mbufs));
		sent += tx[0].count;
		forget_sent();
		neighbour_tick(table, START);
	}
	ck_assert_uint_eq(sent, NEIGHBOUR_PARKED_ALL);
	ck_assert_uint_eq(stats.counter[STATS_NEIGHBOUR_UNPARKED], 0);
}
END_TEST

/* A worker that slept calls once for all that it has missed. */
START_TEST(ticks_go_by_time)
{
	const unsigned hops = 50;
	tick(START);
	for (unsigned hop = 0; hop < hops; hop++)
		ck_assert_int_eq(resolve(lab_ipv4(10, 53, 0, (uint8_t)(100 + hop)), START),
				 NEIGHBOUR_PENDING);
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], hops);
	forget_sent();
	neighbour_tick(table, START + NEIGHBOUR_RETRY_MS);
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], 2 * hops);
	forget_sent();
	/* Ten milliseconds, ten of them. */
	neighbour_tick(table, START + 2 * NEIGHBOUR_RETRY_MS - 10);
	neighbour_tick(table, START + 2 * NEIGHBOUR_RETRY_MS);
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], 2 * hops + 10);
	forget_sent();
}
END_TEST

START_TEST(empty_pool_is_survived)
{
	lab_empty = true;
	ck_assert_int_eq(resolve(peer, START), NEIGHBOUR_PENDING);
	ck_assert_uint_eq(tx[0].count, 0);
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], 0);
	lab_empty = false;
	tick(START + NEIGHBOUR_RETRY_MS);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_REQUEST_OUT));
}
END_TEST

/* What waits when the end comes is freed by it: teardown() counts. */
START_TEST(destroy_frees_what_waits)
{
	ck_assert(unknown(peer, START));
	park(SAMPLE_UDP4_OUT, peer);
	park(SAMPLE_UDP4_OUT, peer);
}
END_TEST

static void life_cycle_add(TCase *tcase)
{
	tcase_add_test(tcase, question_releases_what_waits);
	tcase_add_test(tcase, ticks_go_by_time);
	tcase_add_test(tcase, silence_is_a_failure);
	tcase_add_test(tcase, late_answer);
	tcase_add_test(tcase, used_entry_is_refreshed);
	tcase_add_test(tcase, unused_entry_expires);
	tcase_add_test(tcase, lost_neighbour);
	tcase_add_test(tcase, doubted_neighbour);
	tcase_add_test(tcase, doubt_is_cheap);
	tcase_add_test(tcase, bare_advertisement_confirms);
	tcase_add_test(tcase, override);
	tcase_add_test(tcase, claims_of_our_addresses);
	tcase_add_test(tcase, static_entry_is_for_ever);
	tcase_add_test(tcase, destroy_frees_what_waits);
}

static void bounds_add(TCase *tcase)
{
	tcase_add_test(tcase, only_questions_for_us_are_learned);
	tcase_add_test(tcase, flood_of_strangers);
	tcase_add_test(tcase, strangers_are_forgotten);
	tcase_add_test(tcase, stuck_queue);
	tcase_add_test(tcase, full_table_fails);
	tcase_add_test(tcase, parking_is_bounded);
	tcase_add_test(tcase, empty_pool_is_survived);
	tcase_add_test(tcase, full_queue_loses_the_answer);
}

static Suite *net_neighbour_suite(void)
{
	Suite *suite = suite_create("net_neighbour");
	TCase *life_cycle = tcase_create("life cycle"), *bounds = tcase_create("bounds");
	tcase_add_checked_fixture(life_cycle, setup, teardown);
	life_cycle_add(life_cycle);
	suite_add_tcase(suite, life_cycle);
	tcase_add_checked_fixture(bounds, setup, teardown);
	bounds_add(bounds);
	suite_add_tcase(suite, bounds);
	return suite;
}

UNIT_MAIN(net_neighbour_suite)
