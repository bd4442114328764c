/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/path_mtu.h"
#include "tests/unit/net_lab.h"
#include "tests/unit/unit.h"

#define NOW 1000000u
#define LENGTH 1408u
#define CHECKSUM RTE_BE16(0x1234)

static struct net_port port;
static struct path_mtu *paths;

static void setup(void)
{
	lab_setup();
	port = lab_port(0);
	paths = path_mtu_create();
	ck_assert_ptr_nonnull(paths);
}

static void teardown(void)
{
	path_mtu_destroy(paths);
	ck_assert_uint_eq(lab_outstanding, 0);
}

static struct net_flow flow_to(bool ipv6, uint8_t host, uint16_t to_port)
{
	return (struct net_flow){
		.source = ipv6 ? lab_ipv6(1) : lab_ipv4(10, 53, 0, 1),
		.destination = ipv6 ? lab_ipv6(host) : lab_ipv4(10, 53, 0, host),
		.source_port = 53,
		.destination_port = to_port,
	};
}

static void sent(bool ipv6, uint8_t host, uint16_t to_port)
{
	struct net_flow flow = flow_to(ipv6, host, to_port);
	path_mtu_sent(paths, &flow, LENGTH, CHECKSUM, NOW);
}

/* A report from a router about such a message; `at` and `value` change a byte of it before it is sealed. */
static struct rte_mbuf *report(bool ipv6, uint32_t mtu, uint8_t host, uint16_t to_port, size_t at,
			       uint8_t value)
{
	uint8_t frame[14 + 40 + 8 + 40 + 8] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9};
	size_t header = ipv6 ? 40 : 20, length = 14 + header + 8 + header + 8;
	uint8_t *ip = frame + 14, *icmp = ip + header, *quote = icmp + 8, *udp = quote + header;
	struct net_flow flow = flow_to(ipv6, host, to_port);
	lab_store(frame + 12, ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	for (uint8_t *to = ip; to != NULL; to = to == ip ? quote : NULL) {
		bool outer = to == ip;
		to[0] = ipv6 ? 0x60 : 0x45;
		lab_store(to + (ipv6 ? 4 : 2), (uint16_t)(outer ? length - 14 - (ipv6 ? 40 : 0) : 1428));
		to[ipv6 ? 6 : 9] = outer ? (ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) : IPPROTO_UDP;
		struct net_address router = ipv6 ? lab_ipv6(9) : lab_ipv4(10, 53, 0, 9);
		struct net_address *from = outer ? &router : &flow.source;
		struct net_address *target = outer ? &flow.source : &flow.destination;
		memcpy(to + (ipv6 ? 8 : 12), from->bytes, ipv6 ? 16 : 4);
		memcpy(to + (ipv6 ? 24 : 16), target->bytes, ipv6 ? 16 : 4);
	}
	icmp[0] = ipv6 ? 2 : 3;
	icmp[1] = ipv6 ? 0 : 4;
	lab_store(icmp + 4, (uint16_t)(mtu >> 16));
	lab_store(icmp + 6, (uint16_t)mtu);
	lab_store(udp, 53);
	lab_store(udp + 2, to_port);
	lab_store(udp + 4, LENGTH);
	lab_store(udp + 6, 0x1234);
	if (at != 0)
		icmp[at] = value;
	if (ipv6) {
		lab_icmp6_seal(frame, length);
	} else {
		lab_store(icmp + 2, lab_checksum(icmp, length - 34, 0));
		lab_ipv4_seal(frame);
	}
	return lab_frame_bytes(frame, length, 0);
}

static int input(struct rte_mbuf *mbuf, uint64_t now)
{
	uint8_t reason = DROP_NONE;
	enum net_class class = net_frame_classify(&port, mbuf, &reason);
	ck_assert(class == NET_CLASS_ICMP || class == NET_CLASS_ICMP6);
	int result = path_mtu_wants(mbuf) ? (int)path_mtu_input(paths, &port, mbuf, now) : -1;
	rte_pktmbuf_free(mbuf);
	return result;
}

static uint16_t found(bool ipv6, uint8_t host, uint64_t now)
{
	struct net_flow flow = flow_to(ipv6, host, 0);
	return path_mtu_find(paths, &port, &flow.destination, now);
}

START_TEST(what_was_sent_is_heeded)
{
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		sent(ipv6, 2, 40000);
		ck_assert_uint_eq(found(ipv6, 2, NOW), 1500);
		ck_assert_int_eq(input(report(ipv6, 1400, 2, 40000, 0, 0), NOW), PATH_MTU_LEARNED);
		ck_assert_uint_eq(found(ipv6, 2, NOW), 1400);
		ck_assert_uint_eq(found(ipv6, 3, NOW), 1500);
		ck_assert_int_eq(input(report(ipv6, 1400, 2, 40000, 0, 0), NOW), PATH_MTU_UNSAFE);
		ck_assert_int_eq(input(report(ipv6, 1280, 2, 40000, 0, 0), NOW), PATH_MTU_LEARNED);
		ck_assert_uint_eq(found(ipv6, 2, NOW + PATH_MTU_MEMORY_MS - 1), 1280);
		ck_assert_uint_eq(found(ipv6, 2, NOW + PATH_MTU_MEMORY_MS), 1500);
	}
	port.mtu = 1270;
	ck_assert_uint_eq(found(false, 2, NOW), 1270); /* never more than the port has */
}
END_TEST

START_TEST(limits_are_safe)
{
	const uint32_t too_small[] = {0, 1, 68, 576, 1259};
	for (size_t i = 0; i < RTE_DIM(too_small); i++) {
		sent(false, (uint8_t)(10 + i), 40000);
		ck_assert_int_eq(input(report(false, too_small[i], (uint8_t)(10 + i), 40000, 0, 0), NOW),
				 PATH_MTU_LEARNED);
		ck_assert_uint_eq(net_message_room(found(false, (uint8_t)(10 + i), NOW), false),
				  NET_MESSAGE_SAFE);
	}
	sent(true, 2, 40000);
	ck_assert_int_eq(input(report(true, 1279, 2, 40000, 0, 0), NOW), PATH_MTU_UNSAFE);
	ck_assert_int_eq(input(report(true, 0, 2, 40000, 0, 0), NOW), PATH_MTU_UNSAFE);
	ck_assert_int_eq(input(report(true, 1500, 2, 40000, 0, 0), NOW), PATH_MTU_UNSAFE);
	ck_assert_int_eq(input(report(true, 66816, 2, 40000, 0, 0), NOW), PATH_MTU_UNSAFE);
	ck_assert_uint_eq(found(true, 2, NOW), 1500);
}
END_TEST

/* What another worker has believed: whoever sent what it quotes, but within the same limits. */
START_TEST(others_are_told)
{
	const struct { uint32_t mtu; uint16_t four, six; } told[] = {
		{1400, 1400, 1400}, {1450, 1400, 1400}, {1279, 1279, 1400}, {576, PATH_MTU_MIN4, 1400}};
	for (size_t i = 0; i < RTE_DIM(told); i++)
		for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
			struct rte_mbuf *mbuf = report(ipv6, told[i].mtu, 2, 40000, 0, 0);
			uint8_t reason;
			ck_assert_int_eq(net_frame_classify(&port, mbuf, &reason),
					 ipv6 ? NET_CLASS_ICMP6 : NET_CLASS_ICMP);
			path_mtu_learn(paths, &port, mbuf, NOW);
			rte_pktmbuf_free(mbuf);
			ck_assert_uint_eq(found(ipv6, 2, NOW), ipv6 ? told[i].six : told[i].four);
		}
}
END_TEST

/* Any byte of the quote that says what was sent: whatever is changed in it, it was not. */
START_TEST(forgeries_are_not)
{
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		size_t header = ipv6 ? 40 : 20, udp = 8 + header;
		sent(ipv6, 2, 40000);
		for (size_t at = udp; at < udp + 8; at++)
			ck_assert_int_eq(input(report(ipv6, 1300, 2, 40000, at, 0xa5), NOW),
					 PATH_MTU_FOREIGN);
		ck_assert_int_eq(input(report(ipv6, 1300, 3, 40000, 0, 0), NOW), PATH_MTU_FOREIGN);
		ck_assert_int_eq(input(report(ipv6, 1300, 2, 40001, 0, 0), NOW), PATH_MTU_FOREIGN);
		/* Protocol, our address, version; for IPv4 a later fragment. */
		ck_assert_int_eq(input(report(ipv6, 1300, 2, 40000, 8 + (ipv6 ? 6 : 9), 6), NOW),
				 PATH_MTU_MALFORMED);
		ck_assert_int_eq(input(report(ipv6, 1300, 2, 40000, 8 + (ipv6 ? 9 : 13), 9), NOW),
				 PATH_MTU_MALFORMED);
		ck_assert_int_eq(input(report(ipv6, 1300, 2, 40000, 8, 0x55), NOW),
				 PATH_MTU_MALFORMED);
		if (!ipv6)
			ck_assert_int_eq(input(report(ipv6, 1300, 2, 40000, 8 + 7, 1), NOW),
					 PATH_MTU_MALFORMED);
		/* Of another type, damaged, cut short, too late. */
		ck_assert_int_eq(input(report(ipv6, 1300, 2, 40000, ipv6 ? 0u : 1u, 1), NOW),
				 ipv6 ? PATH_MTU_LEARNED : -1);
		struct rte_mbuf *mbuf = report(ipv6, 1300, 2, 40000, 0, 0);
		rte_pktmbuf_mtod(mbuf, uint8_t *)[mbuf->data_len - 1u] ^= 1;
		ck_assert_int_eq(input(mbuf, NOW), PATH_MTU_MALFORMED);
		ck_assert_int_eq(input(report(ipv6, 1290, 2, 40000, 0, 0), NOW + PATH_MTU_REPORT_MS + 1),
				 PATH_MTU_FOREIGN);
	}
}
END_TEST

/* As many paths as there are places, and more: the newest are known. */
START_TEST(memory_is_bounded)
{
	unsigned known = 0;
	for (unsigned i = 0; i < 4 * PATH_MTU_ENTRIES; i++) {
		struct net_flow flow = flow_to(false, 2, 40000);
		flow.destination = lab_ipv4(10, 53, (uint8_t)(i >> 8), (uint8_t)i);
		path_mtu_sent(paths, &flow, LENGTH, CHECKSUM, NOW + i);
		struct rte_mbuf *mbuf = report(false, 1300, 2, 40000, 0, 0);
		uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *), *icmp = frame + 34;
		memcpy(icmp + 8 + 16, flow.destination.bytes, 4);
		lab_store(icmp + 2, 0);
		lab_store(icmp + 2, lab_checksum(icmp, mbuf->data_len - 34u, 0));
		ck_assert_int_eq(input(mbuf, NOW + i), PATH_MTU_LEARNED);
		ck_assert_uint_eq(path_mtu_find(paths, &port, &flow.destination, NOW + i), 1300);
	}
	for (unsigned i = 0; i < 4 * PATH_MTU_ENTRIES; i++) {
		struct net_address to = lab_ipv4(10, 53, (uint8_t)(i >> 8), (uint8_t)i);
		known += path_mtu_find(paths, &port, &to, NOW + i) == 1300;
	}
	ck_assert_uint_gt(known, PATH_MTU_ENTRIES / 16 * 15);
	ck_assert_uint_le(known, PATH_MTU_ENTRIES);
}
END_TEST

static Suite *net_path_mtu_suite(void)
{
	Suite *suite = suite_create("net_path_mtu");
	TCase *tcase = tcase_create("path_mtu");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_sent_is_heeded);
	tcase_add_test(tcase, limits_are_safe);
	tcase_add_test(tcase, others_are_told);
	tcase_add_test(tcase, forgeries_are_not);
	tcase_add_test(tcase, memory_is_bounded);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(net_path_mtu_suite)
