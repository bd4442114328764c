/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/net_lab.h"
#include "tests/unit/net_samples.h"
#include "tests/unit/unit.h"

static struct net_port port;

static void setup(void)
{
	lab_setup();
	port = lab_port(0);
}

static void teardown(void)
{
	ck_assert_uint_eq(lab_outstanding, 0);
}

/* Classifies and frees: what it was, and the reason. */
static enum net_class outcome(struct rte_mbuf *mbuf, uint8_t *reason)
{
	*reason = DROP_NONE;
	enum net_class class = net_frame_classify(&port, mbuf, reason);
	rte_pktmbuf_free(mbuf);
	return class;
}

static void dropped_for(int line, struct rte_mbuf *mbuf, enum drop_reason why)
{
	uint8_t reason;
	enum net_class class = outcome(mbuf, &reason);
	ck_assert_msg(class == NET_CLASS_DROP && reason == why, "line %d: class %d, reason %d",
		      line, class, reason);
}

/* Drops a sample with one byte changed; `seal` makes the IPv4 header checksum right again. */
static void changed(int line, const char *hex, size_t at, uint8_t value, bool seal,
		    enum drop_reason why)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(hex, bytes);
	bytes[at] = value;
	if (seal)
		lab_ipv4_seal(bytes);
	dropped_for(line, lab_frame_bytes(bytes, length, 0), why);
}

#define DROPPED(mbuf, why) dropped_for(__LINE__, mbuf, why)
#define CHANGED4(at, value, why) changed(__LINE__, SAMPLE_UDP4_IN, at, value, true, why)
#define CHANGED6(at, value, why) changed(__LINE__, SAMPLE_UDP6_IN, at, value, false, why)

static void udp_is_sound(struct rte_mbuf *mbuf, bool ipv6, unsigned l3, unsigned dns)
{
	uint8_t reason = DROP_NONE, message[64];
	ck_assert_int_eq(net_frame_classify(&port, mbuf, &reason), NET_CLASS_UDP);
	struct packet *packet = packet_of(mbuf), fresh = {0};
	struct net_address peer = ipv6 ? lab_ipv6(2) : lab_ipv4(10, 53, 0, 2);
	struct net_address own = ipv6 ? lab_ipv6(1) : lab_ipv4(10, 53, 0, 1);
	struct rte_ether_addr mac = lab_mac(2);
	fresh.l3_offset = (uint8_t)l3;
	fresh.dns_offset = (uint16_t)dns;
	fresh.dns_length = (uint16_t)lab_bytes(SAMPLE_DNS, message);
	fresh.source_port = fresh.query.client_port = 40000;
	fresh.destination_port = fresh.query.local_port = 53;
	fresh.ipv6 = ipv6;
	fresh.query.flags = ipv6 ? QUERY_IPV6 : 0;
	memcpy(fresh.query.client_addr, peer.bytes, 16);
	memcpy(fresh.query.local_addr, own.bytes, 16);
	memcpy(fresh.query.client_mac, mac.addr_bytes, 6);
	ck_assert_mem_eq(packet, &fresh, sizeof(fresh)); /* all of it: the rest is zero */
	ck_assert_mem_eq(packet_dns(mbuf), message, fresh.dns_length);
	ck_assert_uint_eq(mbuf->data_len, dns + fresh.dns_length); /* the padding is gone */
	ck_assert_uint_eq(mbuf->pkt_len, mbuf->data_len);
	rte_pktmbuf_free(mbuf);
}

START_TEST(udp_fills_the_packet)
{
	udp_is_sound(lab_frame(SAMPLE_UDP4_IN), false, 14, 42);
	udp_is_sound(lab_frame(SAMPLE_UDP4_OPTIONS_IN), false, 14, 46);
	udp_is_sound(lab_frame(SAMPLE_UDP6_IN), true, 14, 62);
}
END_TEST

/* A sample with a bit of the metadata set, as a port does it. */
static struct rte_mbuf *flagged(const char *hex, uint64_t ol_flags, uint16_t tci)
{
	struct rte_mbuf *mbuf = lab_frame(hex);
	mbuf->ol_flags = ol_flags;
	mbuf->vlan_tci = tci;
	return mbuf;
}

START_TEST(untagged_port_takes_priority_tags)
{
	struct rte_mbuf *mbuf = lab_frame(SAMPLE_UDP4_TAGGED_IN);
	rte_pktmbuf_mtod(mbuf, uint8_t *)[15] = 0; /* VLAN 0, priority 3 */
	udp_is_sound(mbuf, false, 18, 46);
	udp_is_sound(flagged(SAMPLE_UDP4_IN, RTE_MBUF_F_RX_VLAN_STRIPPED, 3 << 13), false, 14, 42);
	udp_is_sound(flagged(SAMPLE_UDP4_IN, 0, 5), false, 14, 42); /* a TCI that means nothing */
	DROPPED(lab_frame(SAMPLE_UDP4_TAGGED_IN), DROP_FRAME_VLAN);
	DROPPED(flagged(SAMPLE_UDP4_IN, RTE_MBUF_F_RX_VLAN_STRIPPED, 5), DROP_FRAME_VLAN);
}
END_TEST

START_TEST(tagged_port_takes_its_vlan)
{
	const uint64_t stripped = RTE_MBUF_F_RX_VLAN_STRIPPED;
	port = lab_port(5);
	udp_is_sound(lab_frame(SAMPLE_UDP4_TAGGED_IN), false, 18, 46);
	udp_is_sound(flagged(SAMPLE_UDP4_IN, stripped, 3 << 13 | 5), false, 14, 42);
	DROPPED(lab_frame(SAMPLE_UDP4_IN), DROP_FRAME_VLAN);
	DROPPED(flagged(SAMPLE_UDP4_IN, stripped, 6), DROP_FRAME_VLAN);
	changed(__LINE__, SAMPLE_UDP4_TAGGED_IN, 15, 6, false, DROP_FRAME_VLAN);
	changed(__LINE__, SAMPLE_UDP4_TAGGED_IN, 15, 0, false, DROP_FRAME_VLAN);
	/* A second tag. */
	DROPPED(flagged(SAMPLE_UDP4_TAGGED_IN, stripped, 5), DROP_FRAME_TYPE);
}
END_TEST

START_TEST(ethernet_is_for_us)
{
	struct rte_mbuf *mbuf = lab_frame(SAMPLE_UDP4_IN);
	mbuf->nb_segs = 2;
	uint8_t reason = DROP_NONE;
	ck_assert_int_eq(net_frame_classify(&port, mbuf, &reason), NET_CLASS_DROP);
	ck_assert_uint_eq(reason, DROP_FRAME_CHAINED);
	mbuf->nb_segs = 1;
	rte_pktmbuf_free(mbuf);
	CHANGED4(5, 9, DROP_NOT_OURS);
	CHANGED4(6, 3, DROP_IP_SOURCE); /* from a group */
	CHANGED4(12, 0x88, DROP_FRAME_TYPE);
	/* What is for one host does not come to a group of them (RFC 1122, section 3.3.6). */
	CHANGED4(0, 3, DROP_NOT_OURS);
	CHANGED6(0, 3, DROP_NOT_OURS);
}
END_TEST

START_TEST(ipv4_header_is_checked)
{
	CHANGED4(14, 0x65, DROP_IP_HEADER);
	CHANGED4(14, 0x44, DROP_IP_HEADER);
	CHANGED4(14, 0x4c, DROP_IP_HEADER); /* options beyond the packet */
	CHANGED4(17, 47, DROP_IP_HEADER);
	CHANGED4(17, 19, DROP_IP_HEADER);
	CHANGED4(20, 0x20, DROP_IP_FRAGMENT);
	CHANGED4(20, 0x60, DROP_IP_FRAGMENT);
	CHANGED4(21, 1, DROP_IP_FRAGMENT);
	CHANGED4(23, IPPROTO_TCP, DROP_IP_PROTOCOL);
	CHANGED4(33, 3, DROP_NOT_OURS);
	CHANGED4(30, 255, DROP_NOT_OURS);
	CHANGED4(26, 0, DROP_IP_SOURCE);
	CHANGED4(26, 224, DROP_IP_SOURCE);
	CHANGED4(26, 255, DROP_IP_SOURCE);
	CHANGED4(29, 255, DROP_IP_SOURCE); /* everybody on our network */
}
END_TEST

/* The network that a broadcast address belongs to counts, not how the address looks. */
START_TEST(ipv4_source_broadcast)
{
	uint8_t bytes[LAB_FRAME_MAX], reason;
	size_t length = lab_bytes(SAMPLE_UDP4_IN, bytes);
	bytes[28] = 1; /* 10.53.1.255 is a host of 10.53.0.0/23's other half, or of somebody else */
	bytes[29] = 255;
	lab_ipv4_seal(bytes);
	ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason), NET_CLASS_UDP);
	port.addresses[0].length = 23;
	DROPPED(lab_frame_bytes(bytes, length, 0), DROP_IP_SOURCE);
	port.addresses[0].length = 0;
	ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason), NET_CLASS_UDP);
	/* Networks of one and of two have no broadcast address (RFC 3021): 3 is 2's peer. */
	lab_bytes(SAMPLE_UDP4_IN, bytes);
	bytes[29] = 3;
	lab_ipv4_seal(bytes);
	port.addresses[0].length = 32;
	for (uint8_t bits = 30; bits <= 32; bits++) {
		port.addresses[2] = (struct net_prefix){lab_ipv4(10, 53, 0, 2), bits};
		ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason) ==
					 NET_CLASS_DROP,
				 bits == 30);
	}
}
END_TEST

START_TEST(checksums_as_the_port_says)
{
	uint8_t bytes[LAB_FRAME_MAX], reason;
	size_t length = lab_bytes(SAMPLE_UDP4_IN, bytes);
	bytes[24] ^= 1;
	DROPPED(lab_frame_bytes(bytes, length, 0), DROP_IP_CHECKSUM);
	struct rte_mbuf *mbuf = lab_frame_bytes(bytes, length, 0);
	mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	ck_assert_int_eq(outcome(mbuf, &reason), NET_CLASS_UDP);
	DROPPED(flagged(SAMPLE_UDP4_IN, RTE_MBUF_F_RX_IP_CKSUM_BAD, 0), DROP_IP_CHECKSUM);
	DROPPED(flagged(SAMPLE_UDP4_IN, RTE_MBUF_F_RX_L4_CKSUM_BAD, 0), DROP_UDP_CHECKSUM);
	DROPPED(flagged(SAMPLE_UDP6_IN, RTE_MBUF_F_RX_L4_CKSUM_BAD, 0), DROP_UDP_CHECKSUM);
	/* A veth leaves the UDP checksum to be completed. */
	lab_bytes(SAMPLE_UDP4_IN, bytes);
	bytes[40] ^= 1;
	ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason), NET_CLASS_UDP);
}
END_TEST

START_TEST(ipv6_header_is_checked)
{
	CHANGED6(14, 0x40, DROP_IP_HEADER);
	CHANGED6(19, 26, DROP_IP_HEADER);
	CHANGED6(20, IPPROTO_FRAGMENT, DROP_IP_FRAGMENT);
	CHANGED6(20, IPPROTO_HOPOPTS, DROP_IP_PROTOCOL);
	CHANGED6(20, IPPROTO_TCP, DROP_IP_PROTOCOL);
	CHANGED6(53, 3, DROP_NOT_OURS);
	CHANGED6(22, 0xff, DROP_IP_SOURCE);
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_UDP6_IN, bytes);
	memset(bytes + 22, 0, 16);
	DROPPED(lab_frame_bytes(bytes, length, 0), DROP_IP_SOURCE);
}
END_TEST

/* Groups are for neighbour discovery alone. */
START_TEST(ipv6_groups)
{
	uint8_t bytes[LAB_FRAME_MAX], reason;
	ck_assert_int_eq(outcome(lab_frame(SAMPLE_NS_IN), &reason), NET_CLASS_ICMP6);
	ck_assert_int_eq(outcome(lab_frame(SAMPLE_DAD_IN), &reason), NET_CLASS_ICMP6);
	ck_assert_int_eq(outcome(lab_frame(SAMPLE_NA_GRATUITOUS_IN), &reason), NET_CLASS_ICMP6);
	changed(__LINE__, SAMPLE_NS_IN, 20, IPPROTO_UDP, false, DROP_NOT_OURS);
	changed(__LINE__, SAMPLE_NS_IN, 53, 2, false, DROP_NOT_OURS);
	changed(__LINE__, SAMPLE_NA_GRATUITOUS_IN, 53, 2, false, DROP_NOT_OURS); /* ff02::2 */
	/* Nobody asks one host, or speaks, without an address. */
	size_t length = lab_bytes(SAMPLE_DAD_IN, bytes);
	memcpy(bytes + 38, lab_ipv6(1).bytes, 16);
	memcpy(bytes, lab_mac(1).addr_bytes, 6);
	DROPPED(lab_frame_bytes(bytes, length, 0), DROP_IP_SOURCE);
	length = lab_bytes(SAMPLE_NA_GRATUITOUS_IN, bytes);
	memset(bytes + 22, 0, 16);
	DROPPED(lab_frame_bytes(bytes, length, 0), DROP_IP_SOURCE);
}
END_TEST

START_TEST(udp_header_is_checked)
{
	CHANGED4(39, 7, DROP_UDP_HEADER);
	CHANGED4(39, 26, DROP_UDP_HEADER);
	CHANGED6(59, 26, DROP_UDP_HEADER);
	uint8_t bytes[LAB_FRAME_MAX], reason = DROP_NONE;
	size_t length = lab_bytes(SAMPLE_UDP4_IN, bytes);
	bytes[34] = bytes[35] = 0; /* source port */
	DROPPED(lab_frame_bytes(bytes, length, 0), DROP_UDP_HEADER);
	for (uint8_t room = 0; room < 8; room++) { /* packets that end within it */
		lab_bytes(SAMPLE_UDP4_IN, bytes);
		bytes[17] = (uint8_t)(20 + room);
		lab_ipv4_seal(bytes);
		DROPPED(lab_frame_bytes(bytes, 34u + room, 0), DROP_UDP_HEADER);
		lab_bytes(SAMPLE_UDP6_IN, bytes);
		bytes[19] = room;
		DROPPED(lab_frame_bytes(bytes, 54u + room, 0), DROP_UDP_HEADER);
	}
	/* Bytes between the end of UDP and that of IP are nobody's. */
	lab_bytes(SAMPLE_UDP4_IN, bytes);
	bytes[39] = 8 + 3;
	struct rte_mbuf *mbuf = lab_frame_bytes(bytes, length, 0);
	ck_assert_int_eq(net_frame_classify(&port, mbuf, &reason), NET_CLASS_UDP);
	ck_assert_uint_eq(packet_of(mbuf)->dns_length, 3);
	ck_assert_uint_eq(mbuf->data_len, 45);
	rte_pktmbuf_free(mbuf);
}
END_TEST

/* Cut after every byte, in a buffer that ends there. */
START_TEST(truncated_frames_are_dropped)
{
	static const char *const samples[] = {SAMPLE_UDP4_IN, SAMPLE_UDP4_OPTIONS_IN,
					      SAMPLE_UDP6_IN, SAMPLE_ECHO6_IN, SAMPLE_NS_IN};
	uint8_t bytes[LAB_FRAME_MAX], reason;
	for (size_t s = 0; s < RTE_DIM(samples); s++) {
		size_t whole = lab_bytes(samples[s], bytes) - (s == 0); /* one byte of padding */
		for (size_t length = 0; length < whole; length++) {
			ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason),
					 NET_CLASS_DROP);
			ck_assert(reason == DROP_FRAME_SHORT || reason == DROP_IP_HEADER);
		}
		ck_assert_int_ne(outcome(lab_frame_bytes(bytes, whole, 0), &reason),
				 NET_CLASS_DROP);
	}
	port = lab_port(5);
	size_t whole = lab_bytes(SAMPLE_UDP4_TAGGED_IN, bytes);
	for (size_t length = 0; length < whole; length++) {
		ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason),
				 NET_CLASS_DROP);
		ck_assert(reason == DROP_FRAME_SHORT || reason == DROP_IP_HEADER);
	}
}
END_TEST

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

START_TEST(addresses_are_owned)
{
	const struct net_address ipv4 = lab_ipv4(10, 53, 0, 1), ipv6 = lab_ipv6(1);
	const struct net_address other = lab_ipv4(10, 53, 0, 2);
	ck_assert(net_port_owns(&port, ipv4.bytes, false));
	ck_assert(net_port_owns(&port, ipv6.bytes, true));
	ck_assert(!net_port_owns(&port, other.bytes, false));
	ck_assert(!net_port_owns(&port, ipv4.bytes, true));
	ck_assert(!net_port_owns(&port, ipv6.bytes, false)); /* fd53::1 begins like 253.83.0.0 */
	port.n_addresses = 0;
	ck_assert(!net_port_owns(&port, ipv4.bytes, false));
}
END_TEST

static Suite *net_frame_suite(void)
{
	Suite *suite = suite_create("net_frame");
	TCase *in = tcase_create("in"), *out = tcase_create("out");
	tcase_add_checked_fixture(in, setup, teardown);
	tcase_add_test(in, udp_fills_the_packet);
	tcase_add_test(in, untagged_port_takes_priority_tags);
	tcase_add_test(in, tagged_port_takes_its_vlan);
	tcase_add_test(in, ethernet_is_for_us);
	tcase_add_test(in, ipv4_header_is_checked);
	tcase_add_test(in, ipv4_source_broadcast);
	tcase_add_test(in, checksums_as_the_port_says);
	tcase_add_test(in, ipv6_header_is_checked);
	tcase_add_test(in, ipv6_groups);
	tcase_add_test(in, udp_header_is_checked);
	tcase_add_test(in, truncated_frames_are_dropped);
	tcase_add_test(in, addresses_are_owned);
	suite_add_tcase(suite, in);
	tcase_add_checked_fixture(out, setup, teardown);
	tcase_add_test(out, written_frames_are_golden);
	tcase_add_test(out, written_checksums_are_right);
	tcase_add_test(out, offloads_complete_to_golden);
	tcase_add_test(out, attachment_survives);
	tcase_add_test(out, ethernet_is_replaced);
	suite_add_tcase(suite, out);
	return suite;
}

UNIT_MAIN(net_frame_suite)
