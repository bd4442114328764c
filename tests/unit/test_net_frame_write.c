/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/net_samples.h"
#include "tests/unit/port_lab.h"

static struct net_flow answer(bool ipv6)
{
	return (struct net_flow){
		.source = ipv6 ? lab_ipv6(1) : lab_ipv4(10, 53, 0, 1),
		.destination = ipv6 ? lab_ipv6(2) : lab_ipv4(10, 53, 0, 2),
		.source_port = 53,
		.destination_port = 40000,
		.destination_mac = lab_mac(2),
	};
}

/* A received packet that carries this message. */
static struct rte_mbuf *received(const char *frame, const char *message)
{
	uint8_t bytes[64], reason;
	size_t length = lab_bytes(message, bytes);
	struct rte_mbuf *mbuf = lab_frame(frame);
	ck_assert_int_eq(net_frame_classify(&port, mbuf, &reason), NET_CLASS_UDP);
	memcpy(packet_dns(mbuf), bytes, length);
	packet_dns_resize(mbuf, (uint16_t)length);
	return mbuf;
}

static void written_is(uint16_t vlan, const char *in, const char *message, bool ipv6,
		       const char *out)
{
	struct net_port way_out = lab_port(vlan);
	struct net_flow flow = answer(ipv6);
	struct rte_mbuf *mbuf = received(in, message);
	const uint8_t *dns = packet_dns(mbuf);
	for (unsigned i = 0; i < 3; i++) { /* again and again: nothing wanders */
		net_frame_write(&way_out, mbuf, &flow);
		ck_assert(lab_is(mbuf, out));
		ck_assert_ptr_eq(packet_dns(mbuf), dns);
		ck_assert_uint_eq(mbuf->ol_flags, 0);
		ck_assert_uint_eq(packet_of(mbuf)->l3_offset, vlan == 0 ? 14 : 18);
	}
	rte_pktmbuf_free(mbuf);
}

START_TEST(written_frames_are_golden)
{
	written_is(0, SAMPLE_UDP4_IN, SAMPLE_DNS, false, SAMPLE_UDP4_OUT);
	written_is(0, SAMPLE_UDP6_IN, SAMPLE_DNS, true, SAMPLE_UDP6_OUT);
	written_is(5, SAMPLE_UDP4_IN, SAMPLE_DNS, false, SAMPLE_UDP4_TAGGED_OUT);
	written_is(5, SAMPLE_UDP6_IN, SAMPLE_DNS, true, SAMPLE_UDP6_TAGGED_OUT);
	/* The other family: headers grow and shrink. */
	written_is(5, SAMPLE_UDP4_IN, SAMPLE_DNS, true, SAMPLE_UDP6_TAGGED_OUT);
	written_is(0, SAMPLE_UDP6_IN, SAMPLE_DNS, false, SAMPLE_UDP4_OUT);
	written_is(0, SAMPLE_UDP4_OPTIONS_IN, SAMPLE_DNS, false, SAMPLE_UDP4_OUT);
	/* A checksum of zero is sent as all ones (RFC 768; RFC 8200, section 8.1). */
	written_is(0, SAMPLE_UDP4_IN, SAMPLE_DNS_ZERO4, false, SAMPLE_UDP4_ZERO_OUT);
	written_is(0, SAMPLE_UDP4_IN, SAMPLE_DNS_ZERO6, true, SAMPLE_UDP6_ZERO_OUT);
}
END_TEST

/* Whatever the message's length and bytes: both checksums are those of RFC 1071. */
START_TEST(written_checksums_are_right)
{
	struct net_port way_out = lab_port(0);
	for (unsigned length = 0; length <= 80; length++) {
		struct rte_mbuf *mbuf = received(SAMPLE_UDP4_IN, SAMPLE_DNS);
		packet_dns_resize(mbuf, (uint16_t)length);
		for (unsigned round = 0; round < 16; round++) {
			bool ipv6 = round & 1;
			struct net_flow flow = answer(ipv6);
			flow.dscp = round * 4 + 3;
			for (unsigned i = 0; i < length; i++)
				packet_dns(mbuf)[i] = (uint8_t)(0xff - round * i * 37);
			net_frame_write(&way_out, mbuf, &flow);
			const uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, 14);
			size_t addresses = ipv6 ? 32 : 8, header = ipv6 ? 40 : 20;
			uint32_t sum = IPPROTO_UDP + 8 + length; /* of the pseudo header */
			sum += (uint16_t)~lab_checksum(ip + header - addresses, addresses, 0);
			ck_assert_uint_eq(lab_checksum(ip + header, 8 + length, sum), 0);
			if (!ipv6)
				ck_assert_uint_eq(lab_checksum(ip, header, 0), 0);
			unsigned class = ipv6 ? (ip[0] << 4 | ip[1] >> 4) & 0xff : ip[1];
			ck_assert_uint_eq(class, flow.dscp << 2);
			ck_assert_uint_eq(ip[0] >> 4, ipv6 ? 6 : 4);
		}
		rte_pktmbuf_free(mbuf);
	}
}
END_TEST

/* What a port does with a frame whose checksums were left to it, judged by the flags. */
static void checksums_complete(struct rte_mbuf *mbuf)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint8_t *udp = frame + mbuf->l2_len + mbuf->l3_len;
	if ((mbuf->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0) {
		ck_assert_uint_eq(frame[24] << 8 | frame[25], 0);
		lab_ipv4_seal(frame);
	}
	if ((mbuf->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM) {
		uint16_t sum = lab_checksum(udp, mbuf->data_len - (size_t)(udp - frame), 0);
		lab_store(udp + 6, sum == 0 ? 0xffff : sum);
	}
}

static void offloaded_is(bool ip, bool udp, bool ipv6, uint64_t ol_flags, const char *out)
{
	struct net_port way_out = lab_port(0);
	struct net_flow flow = answer(ipv6);
	struct rte_mbuf *mbuf = received(SAMPLE_UDP4_IN, SAMPLE_DNS);
	mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH;
	way_out.tx_ip_checksum = ip;
	way_out.tx_udp_checksum = udp;
	net_frame_write(&way_out, mbuf, &flow);
	ck_assert_uint_eq(mbuf->ol_flags, ol_flags);
	ck_assert_uint_eq(mbuf->l2_len, 14);
	ck_assert_uint_eq(mbuf->l3_len, ipv6 ? 40 : 20);
	ck_assert(lab_is(mbuf, out) == (ol_flags == 0));
	checksums_complete(mbuf);
	ck_assert(lab_is(mbuf, out));
	rte_pktmbuf_free(mbuf);
}

START_TEST(offloads_complete_to_golden)
{
	const uint64_t ip = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	const uint64_t udp = RTE_MBUF_F_TX_UDP_CKSUM;
	offloaded_is(false, false, false, 0, SAMPLE_UDP4_OUT);
	offloaded_is(true, false, false, ip, SAMPLE_UDP4_OUT);
	offloaded_is(false, true, false, RTE_MBUF_F_TX_IPV4 | udp, SAMPLE_UDP4_OUT);
	offloaded_is(true, true, false, ip | udp, SAMPLE_UDP4_OUT);
	offloaded_is(true, false, true, 0, SAMPLE_UDP6_OUT);
	offloaded_is(true, true, true, RTE_MBUF_F_TX_IPV6 | udp, SAMPLE_UDP6_OUT);
}
END_TEST

/* How an mbuf holds its memory is not ours to forget: freeing goes by it. */
START_TEST(attachment_survives)
{
	struct net_port way_out = lab_port(0);
	struct net_flow flow = answer(false);
	const uint64_t kept = RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
	struct rte_mbuf *mbuf = received(SAMPLE_UDP4_IN, SAMPLE_DNS);
	mbuf->ol_flags = kept | RTE_MBUF_F_RX_VLAN;
	net_frame_write(&way_out, mbuf, &flow);
	ck_assert_uint_eq(mbuf->ol_flags, kept);
	mbuf->ol_flags = 0;
	rte_pktmbuf_free(mbuf);
}
END_TEST

START_TEST(ethernet_is_replaced)
{
	const struct rte_ether_addr mac = lab_mac(2);
	struct net_port way_out = lab_port(5);
	struct rte_mbuf *mbuf = received(SAMPLE_UDP4_IN, SAMPLE_DNS);
	const uint8_t *dns = packet_dns(mbuf);
	net_ethernet_replace(&way_out, mbuf, &mac, RTE_ETHER_TYPE_IPV4);
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint8_t expected[64];
	ck_assert_uint_eq(mbuf->data_len, 63);
	ck_assert_uint_eq(mbuf->pkt_len, 63);
	lab_bytes(SAMPLE_UDP4_TAGGED_OUT, expected);
	ck_assert_mem_eq(frame, expected, 18);
	ck_assert_uint_eq(packet_of(mbuf)->l3_offset, 18);
	ck_assert_ptr_eq(packet_dns(mbuf), dns);
	way_out.vlan = 0;
	net_ethernet_replace(&way_out, mbuf, &mac, RTE_ETHER_TYPE_IPV4);
	ck_assert_uint_eq(mbuf->data_len, 59);
	ck_assert_ptr_eq(packet_dns(mbuf), dns);
	rte_pktmbuf_free(mbuf);
}
END_TEST

static Suite *net_frame_write_suite(void)
{
	Suite *suite = suite_create("net_frame_write");
	TCase *tests = tcase_create("out");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, written_frames_are_golden);
	tcase_add_test(tests, written_checksums_are_right);
	tcase_add_test(tests, offloads_complete_to_golden);
	tcase_add_test(tests, attachment_survives);
	tcase_add_test(tests, ethernet_is_replaced);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(net_frame_write_suite)
