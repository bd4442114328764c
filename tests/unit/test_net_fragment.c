/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/fragment_lab.h"
#include "tests/unit/unit.h"

#define DATAGRAMS 16u
#define PATIENCE 1000u
#define PIECES_MAX 8u

static struct net_port port;
static struct net_fragments *fragments;
static struct stats stats;
static uint8_t datagram[8 + 4200];
static uint64_t seed = 0x5bd1e9955bd1e995;

static void setup(void)
{
	lab_setup();
	port = lab_port(0);
	memset(&stats, 0, sizeof(stats));
	fragments = net_fragments_create(DATAGRAMS, PATIENCE, &lab_pool, &stats, SOCKET_ID_ANY);
	ck_assert_ptr_nonnull(fragments);
}

static void teardown(void)
{
	ck_assert_uint_eq(lab_outstanding, net_fragments_held(fragments));
	net_fragments_expire(fragments, UINT64_MAX / 2);
	ck_assert_uint_eq(net_fragments_held(fragments), 0);
	ck_assert_uint_eq(lab_outstanding, 0);
	net_fragments_destroy(fragments);
}

static unsigned dice(unsigned sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % sides;
}

/* What becomes of a fragment; the reason if it is dropped. The whole is the caller's. */
static enum net_class input(struct rte_mbuf **mbuf, uint64_t now, uint8_t *reason)
{
	*reason = DROP_NONE;
	ck_assert_int_eq(net_frame_classify(&port, *mbuf, reason), NET_CLASS_FRAGMENT);
	enum net_class class = net_fragments_input(fragments, mbuf, now, reason);
	if (class == NET_CLASS_DROP) {
		rte_pktmbuf_free(*mbuf);
		*mbuf = NULL;
	}
	return class;
}

static enum net_class piece(uint16_t start, uint16_t end, bool more, uint16_t id, bool ipv6,
			    uint64_t now, uint8_t *reason)
{
	struct rte_mbuf *mbuf = lab_fragment(datagram, start, end, more, id, ipv6);
	enum net_class class = input(&mbuf, now, reason);
	rte_pktmbuf_free(mbuf);
	return class;
}

static void whole_is(struct rte_mbuf *mbuf, uint16_t length, bool ipv6)
{
	const struct packet *packet = packet_of(mbuf);
	ck_assert_uint_eq(mbuf->nb_segs, 1);
	ck_assert_uint_eq(packet->dns_length, length);
	ck_assert_uint_eq(mbuf->data_len, packet->dns_offset + length);
	ck_assert_mem_eq(packet_dns(mbuf), datagram + 8, length);
	ck_assert_uint_eq(packet->ipv6, ipv6);
	ck_assert_uint_eq(packet->source_port, 40000);
	ck_assert_uint_eq(packet->query.local_port, 53);
	ck_assert_mem_eq(packet->query.client_addr,
			 (ipv6 ? lab_ipv6(2) : lab_ipv4(10, 53, 0, 2)).bytes, 16);
	ck_assert_mem_eq(packet->query.client_mac, lab_mac(2).addr_bytes, 6);
	ck_assert_uint_ge(packet_dns_capacity(mbuf), PACKET_MESSAGE_MAX);
	/* An answer can be written in it. */
	struct net_flow flow = {.destination.ipv6 = ipv6, .source.ipv6 = ipv6};
	net_frame_write(&port, mbuf, &flow);
	ck_assert_mem_eq(packet_dns(mbuf), datagram + 8, length);
}

/* However a message is cut and in whatever order its pieces come. */
START_TEST(pieces_become_the_whole)
{
	for (unsigned round = 0; round < 3000; round++) {
		uint16_t cuts[PIECES_MAX + 1] = {0}, order[PIECES_MAX], count = 0;
		uint16_t length = (uint16_t)(400 + dice(PACKET_MESSAGE_MAX - 400 + 1));
		bool ipv6 = round & 1;
		uint8_t reason;
		lab_datagram(datagram, length, ipv6);
		while (count < PIECES_MAX && cuts[count] < 8 + length) {
			unsigned step = (256 + dice(1200)) & ~7u;
			if (count == PIECES_MAX - 1)
				step = UINT16_MAX;
			cuts[count + 1] = (uint16_t)RTE_MIN(cuts[count] + step, 8u + length);
			order[count] = count;
			count++;
		}
		if (count == 1)
			continue;
		for (unsigned i = count - 1u; i > 0; i--) {
			unsigned with = dice(i + 1);
			RTE_SWAP(order[i], order[with]);
		}
		struct rte_mbuf *mbuf = NULL;
		for (unsigned i = 0; i < count; i++) {
			uint16_t n = order[i];
			mbuf = lab_fragment(datagram, cuts[n], cuts[n + 1], n != count - 1,
					    (uint16_t)round, ipv6);
			ck_assert_int_eq(input(&mbuf, round, &reason),
					 i == count - 1u ? NET_CLASS_UDP : NET_CLASS_FRAGMENT);
		}
		whole_is(mbuf, length, ipv6);
		rte_pktmbuf_free(mbuf);
		ck_assert_uint_eq(net_fragments_held(fragments), 0);
	}
	ck_assert_uint_eq(stats.counter[STATS_FRAGMENTS], stats.counter[STATS_REASSEMBLED] +
							 stats.counter[STATS_FRAGMENTS_JOINED]);
}
END_TEST

/* Pieces of two messages under one name, some twice: never anything but one of the two. */
START_TEST(nonsense_never_becomes_a_message)
{
	static uint8_t other[sizeof(datagram)];
	unsigned wholes = 0;
	uint8_t reason;
	lab_datagram(datagram, 2992, false);
	memcpy(other, datagram, sizeof(other));
	other[8 + 2000] ^= 1;
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t start = (uint16_t)(dice(10) * 304), end = (uint16_t)(start + 304 * (1 + dice(9)));
		end = RTE_MIN(end, 3000);
		if (start >= end)
			continue;
		struct rte_mbuf *mbuf = lab_fragment(dice(8) ? datagram : other, start, end,
						     end != 3000, (uint16_t)dice(4), false);
		uint8_t whole = 0;
		ck_assert_int_eq(net_frame_classify(&port, mbuf, &whole),
				 start == 0 && end == 3000 ? NET_CLASS_UDP : NET_CLASS_FRAGMENT);
		if (start == 0 && end == 3000) {
			rte_pktmbuf_free(mbuf);
			continue;
		}
		if (net_fragments_input(fragments, &mbuf, i, &reason) == NET_CLASS_UDP) {
			ck_assert_uint_eq(packet_of(mbuf)->dns_length, 2992);
			ck_assert_mem_eq(packet_dns(mbuf), datagram + 8, 2992);
			wholes++;
		}
		rte_pktmbuf_free(mbuf);
	}
	ck_assert_uint_gt(wholes, 0);
	ck_assert_uint_gt(stats.drop[DROP_FRAGMENT_OVERLAP], 1000);
}
END_TEST

START_TEST(each_fault_has_its_name)
{
	uint8_t reason;
	lab_datagram(datagram, 4096, false);
	const struct {
		uint16_t start, end;
		bool more;
		enum drop_reason reason;
	} rows[] = {
		{0, 248, true, DROP_FRAGMENT_TINY},	{248, 1000, true, DROP_FRAGMENT_TINY},
		{8, 1000, false, DROP_FRAGMENT_TINY},	{0, 1001, true, DROP_IP_HEADER},
		{800, 800, false, DROP_IP_HEADER},	{4000, 4176, false, DROP_FRAGMENT_LARGE},
		{4168, 4176, true, DROP_FRAGMENT_LARGE},
	};
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
			ck_assert_int_eq(piece(rows[i].start, rows[i].end, rows[i].more, 1, ipv6, 0,
					       &reason),
					 NET_CLASS_DROP);
			ck_assert_uint_eq(reason, rows[i].reason);
		}
	ck_assert_uint_eq(net_fragments_held(fragments), 0);
	/* A message of 4,097 bytes is one too many, though there is room for it. */
	lab_datagram(datagram, 4097, true);
	ck_assert_int_eq(piece(0, 2048, true, 1, true, 0, &reason), NET_CLASS_FRAGMENT);
	ck_assert_int_eq(piece(2048, 4105, false, 1, true, 0, &reason), NET_CLASS_DROP);
	ck_assert_uint_eq(reason, DROP_UDP_LARGE);
}
END_TEST

/* Too many datagrams, too many pieces of few, no buffers: whoever came first stays. */
START_TEST(the_table_is_bounded)
{
	uint8_t reason;
	lab_datagram(datagram, 2992, false);
	for (uint16_t id = 0; id < 2 * DATAGRAMS; id++)
		ck_assert_int_eq(piece(0, 1480, true, id, false, 0, &reason), NET_CLASS_FRAGMENT);
	ck_assert_uint_eq(net_fragments_held(fragments), DATAGRAMS);
	ck_assert_uint_eq(stats.drop[DROP_FRAGMENT_FULL], DATAGRAMS);
	for (uint16_t id = 0; id < DATAGRAMS; id++)
		for (uint16_t n = 1; n < 5; n++)
			piece((uint16_t)(1480 + n * 256), (uint16_t)(1736 + n * 256), true, id, false,
			      0, &reason);
	ck_assert_uint_eq(net_fragments_held(fragments), DATAGRAMS * NET_FRAGMENT_BUFFERS);
	ck_assert_uint_eq(reason, DROP_FRAGMENT_FULL);
	net_fragments_expire(fragments, PATIENCE);
	ck_assert_uint_eq(net_fragments_held(fragments), DATAGRAMS * NET_FRAGMENT_BUFFERS);
	net_fragments_expire(fragments, PATIENCE + 1);
	ck_assert_uint_eq(net_fragments_held(fragments), 0);
	ck_assert_uint_eq(stats.drop[DROP_FRAGMENT_TIMEOUT], DATAGRAMS * NET_FRAGMENT_BUFFERS);
	lab_empty = true;
	ck_assert_int_eq(piece(0, 1480, true, 1, false, PATIENCE, &reason), NET_CLASS_DROP);
	ck_assert_uint_eq(reason, DROP_FRAGMENT_FULL);
}
END_TEST

/* One that waited too long makes room for its namesake, and is counted as what it was. */
START_TEST(late_pieces_begin_anew)
{
	uint8_t reason;
	lab_datagram(datagram, 2992, false);
	piece(0, 1480, true, 7, false, 0, &reason);
	piece(1480, 2960, true, 7, false, 0, &reason);
	ck_assert_int_eq(piece(2960, 3000, false, 7, false, PATIENCE + 1, &reason),
			 NET_CLASS_FRAGMENT);
	ck_assert_uint_eq(stats.drop[DROP_FRAGMENT_TIMEOUT], 2);
	piece(0, 1480, true, 7, false, PATIENCE + 1, &reason);
	ck_assert_int_eq(piece(1480, 2960, true, 7, false, PATIENCE + 2, &reason), NET_CLASS_UDP);
}
END_TEST

static Suite *net_fragment_suite(void)
{
	Suite *suite = suite_create("net_fragment");
	TCase *tcase = tcase_create("fragments");
	if (!lab_eal())
		abort();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, pieces_become_the_whole);
	tcase_add_test(tcase, nonsense_never_becomes_a_message);
	tcase_add_test(tcase, each_fault_has_its_name);
	tcase_add_test(tcase, the_table_is_bounded);
	tcase_add_test(tcase, late_pieces_begin_anew);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(net_fragment_suite)
