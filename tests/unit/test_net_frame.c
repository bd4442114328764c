/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/net_samples.h"
#include "tests/unit/port_lab.h"

/* Classifies and frees: what it was, and the reason. */
static enum net_class outcome(struct rte_mbuf *mbuf, uint8_t *reason)
{
	*reason = DROP_NONE;
	enum net_class class = net_frame_classify(&port, mbuf, reason);
	rte_pktmbuf_free(mbuf);
	return class;
}

static void ends_as(int line, struct rte_mbuf *mbuf, enum net_class as, enum drop_reason why)
{
	uint8_t reason;
	enum net_class class = outcome(mbuf, &reason);
	ck_assert_msg(class == as && reason == why, "line %d: class %d, reason %d", line, class,
		      reason);
}

/* A sample with one byte changed; `seal` makes the IPv4 header checksum right again. */
static void changed(int line, const char *hex, size_t at, uint8_t value, bool seal,
		    enum net_class as, enum drop_reason why)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(hex, bytes);
	bytes[at] = value;
	if (seal)
		lab_ipv4_seal(bytes);
	ends_as(line, lab_frame_bytes(bytes, length, 0), as, why);
}

#define DROPPED(mbuf, why) ends_as(__LINE__, mbuf, NET_CLASS_DROP, why)
#define CHANGED(sample, at, value, why)                                                            \
	changed(__LINE__, sample, at, value, false, NET_CLASS_DROP, why)
#define CHANGED4(at, value, why)                                                                   \
	changed(__LINE__, SAMPLE_UDP4_IN, at, value, true, NET_CLASS_DROP, why)
#define CHANGED6(at, value, why) CHANGED(SAMPLE_UDP6_IN, at, value, why)
/* For the host, if there is one. */
#define HOST4(at, value, why)                                                                      \
	changed(__LINE__, SAMPLE_UDP4_IN, at, value, true, NET_CLASS_HOST, why)
#define HOST6(sample, at, value, why)                                                              \
	changed(__LINE__, sample, at, value, false, NET_CLASS_HOST, why)

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
	/* All but the key, which counts with `keyed` alone: the rest is zero. */
	ck_assert_mem_eq(packet, &fresh, offsetof(struct packet, key));
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

/* What the port says of it, stripped priority tag, makes a frame go the long way. */
static void ways_agree(const uint8_t *bytes, size_t length)
{
	uint8_t reason = DROP_NONE, expected = DROP_NONE;
	struct rte_mbuf *mbuf = lab_frame_bytes(bytes, length, 0);
	struct rte_mbuf *longer = lab_frame_bytes(bytes, length, 0);
	longer->ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED;
	enum net_class class = net_frame_classify(&port, mbuf, &reason);
	ck_assert_int_eq(class, net_frame_classify(&port, longer, &expected));
	ck_assert_uint_eq(reason, expected);
	ck_assert_uint_eq(mbuf->data_len, longer->data_len);
	ck_assert_uint_eq(mbuf->pkt_len, longer->pkt_len);
	if (class == NET_CLASS_UDP)
		ck_assert_mem_eq(packet_of(mbuf), packet_of(longer), offsetof(struct packet, key));
	rte_pktmbuf_free(mbuf);
	rte_pktmbuf_free(longer);
}

START_TEST(the_short_way_agrees)
{
	uint8_t sound[LAB_FRAME_MAX], bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_UDP4_IN, sound);
	for (size_t at = 0; at < 42; at++)
		for (unsigned value = 0; value < 512; value++) {
			memcpy(bytes, sound, length);
			bytes[at] = (uint8_t)value;
			if (value >= 256)
				lab_ipv4_seal(bytes);
			if (at != 12 || bytes[at] != 0x81) /* a second tag */
				ways_agree(bytes, length);
		}
	for (size_t cut = 0; cut <= length; cut++)
		ways_agree(sound, cut);
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
	CHANGED(SAMPLE_UDP4_TAGGED_IN, 15, 6, DROP_FRAME_VLAN);
	CHANGED(SAMPLE_UDP4_TAGGED_IN, 15, 0, DROP_FRAME_VLAN);
	/* A second tag. */
	ends_as(__LINE__, flagged(SAMPLE_UDP4_TAGGED_IN, stripped, 5), NET_CLASS_HOST,
		DROP_FRAME_TYPE);
}
END_TEST

START_TEST(ethernet_is_for_us)
{
	struct rte_mbuf *mbuf = lab_frame(SAMPLE_UDP4_IN);
	mbuf->nb_segs = 2;
	uint8_t reason = DROP_NONE;
	ck_assert_int_eq(net_frame_classify(&port, mbuf, &reason), NET_CLASS_CHAINED);
	mbuf->nb_segs = 1;
	rte_pktmbuf_free(mbuf);
	CHANGED4(5, 9, DROP_NOT_OURS);
	CHANGED4(6, 3, DROP_IP_SOURCE); /* from a group */
	HOST4(12, 0x88, DROP_FRAME_TYPE);
	/* What is for one host does not come to a group of them (RFC 1122, section 3.3.6). */
	CHANGED4(0, 3, DROP_NOT_OURS);
	CHANGED6(0, 3, DROP_NOT_OURS);
}
END_TEST

/* A frame in as many buffers as it has bytes, and in two of which the first has room for all. */
START_TEST(chains_become_one)
{
	uint8_t bytes[LAB_FRAME_MAX], reason = DROP_NONE;
	size_t length = lab_bytes(SAMPLE_UDP6_IN, bytes);
	for (unsigned roomy = 0; roomy < 2; roomy++) {
		size_t first = roomy ? length / 2 : 1;
		struct rte_mbuf *head = lab_frame_bytes(bytes, first, roomy ? length : 0);
		for (size_t at = first; at < length; at += first) {
			size_t part = RTE_MIN(first, length - at);
			rte_pktmbuf_chain(head, lab_frame_bytes(bytes + at, part, 0));
		}
		head->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		ck_assert_int_eq(net_frame_classify(&port, head, &reason), NET_CLASS_CHAINED);
		struct rte_mbuf *whole = net_frame_whole(head, &lab_pool, &reason);
		ck_assert_ptr_nonnull(whole);
		ck_assert(roomy == (whole == head));
		ck_assert_uint_eq(whole->ol_flags, RTE_MBUF_F_RX_IP_CKSUM_GOOD);
		udp_is_sound(whole, true, 14, 62);
	}
	/* Too long for any buffer; none there. */
	struct rte_mbuf *head = lab_mbuf(LAB_FRAME_MAX);
	rte_pktmbuf_append(head, LAB_FRAME_MAX);
	rte_pktmbuf_chain(head, lab_frame_bytes(bytes, 1, 0));
	ck_assert_ptr_null(net_frame_whole(head, &lab_pool, &reason));
	ck_assert_uint_eq(reason, DROP_FRAME_LARGE);
	lab_empty = true;
	ck_assert_ptr_null(net_frame_whole(head, &lab_pool, &reason));
	ck_assert_uint_eq(reason, DROP_FRAME_CHAINED);
	rte_pktmbuf_free(head);
}
END_TEST

START_TEST(ipv4_header_is_checked)
{
	CHANGED4(14, 0x65, DROP_IP_HEADER);
	CHANGED4(14, 0x44, DROP_IP_HEADER);
	CHANGED4(14, 0x4c, DROP_IP_HEADER); /* options beyond the packet */
	CHANGED4(17, 47, DROP_IP_CUT);
	CHANGED4(17, 19, DROP_IP_HEADER);
	HOST4(23, IPPROTO_TCP, DROP_IP_PROTOCOL);
	HOST4(33, 3, DROP_NOT_OURS); /* it may have further addresses */
	CHANGED4(30, 255, DROP_NOT_OURS);
	CHANGED4(26, 0, DROP_IP_SOURCE);
	CHANGED4(26, 224, DROP_IP_SOURCE);
	CHANGED4(26, 255, DROP_IP_SOURCE);
	CHANGED4(29, 255, DROP_IP_SOURCE); /* everybody on our network */
}
END_TEST

/* A sample for another address of IPv4, in a frame to everybody. */
static struct rte_mbuf *sent_to(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t from)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_UDP4_IN, bytes);
	const uint8_t to[] = {a, b, c, d};
	memset(bytes, 0xff, 6);
	memcpy(bytes + 30, to, sizeof(to));
	bytes[26] = from;
	lab_ipv4_seal(bytes);
	return lab_frame_bytes(bytes, length, 0);
}

/* Each has its name, and a host may want to see it. */
START_TEST(ipv4_groups)
{
	ends_as(__LINE__, sent_to(224, 0, 0, 251, 10), NET_CLASS_HOST, DROP_MULTICAST);
	ends_as(__LINE__, sent_to(239, 255, 255, 255, 10), NET_CLASS_HOST, DROP_MULTICAST);
	ends_as(__LINE__, sent_to(255, 255, 255, 255, 10), NET_CLASS_HOST, DROP_BROADCAST);
	ends_as(__LINE__, sent_to(10, 53, 0, 255, 10), NET_CLASS_HOST, DROP_BROADCAST);
	DROPPED(sent_to(240, 0, 0, 1, 10), DROP_NOT_OURS);
	DROPPED(sent_to(10, 53, 0, 254, 10), DROP_NOT_OURS);
	DROPPED(sent_to(224, 0, 0, 251, 224), DROP_IP_SOURCE);
	DROPPED(sent_to(224, 0, 0, 251, 0), DROP_IP_SOURCE); /* of 0.53.0.2; 0.0.0.0 is nobody yet */
	/* To one station, for all of them. */
	struct rte_mbuf *mbuf = sent_to(255, 255, 255, 255, 10);
	memcpy(rte_pktmbuf_mtod(mbuf, uint8_t *), lab_mac(1).addr_bytes, 6);
	DROPPED(mbuf, DROP_NOT_OURS);
}
END_TEST

/* Fragments of UDP for us are pieces to put together; others are the host's. */
START_TEST(ipv4_fragments)
{
	uint8_t bytes[LAB_FRAME_MAX], reason;
	static const struct {
		uint8_t high, low;
	} places[] = {{0x20, 0}, {0x60, 0}, {0, 1}, {0x1f, 0xff}};
	for (size_t i = 0; i < RTE_DIM(places); i++) {
		size_t length = lab_bytes(SAMPLE_UDP4_IN, bytes);
		bytes[20] = places[i].high;
		bytes[21] = places[i].low;
		lab_ipv4_seal(bytes);
		ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason),
				 NET_CLASS_FRAGMENT);
		bytes[23] = IPPROTO_TCP;
		lab_ipv4_seal(bytes);
		ends_as(__LINE__, lab_frame_bytes(bytes, length, 0), NET_CLASS_HOST,
			DROP_IP_FRAGMENT);
		bytes[33] = 3;
		lab_ipv4_seal(bytes);
		ends_as(__LINE__, lab_frame_bytes(bytes, length, 0), NET_CLASS_HOST, DROP_NOT_OURS);
	}
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
	CHANGED6(19, 26, DROP_IP_CUT);
	HOST6(SAMPLE_UDP6_IN, 20, IPPROTO_TCP, DROP_IP_PROTOCOL);
	HOST6(SAMPLE_UDP6_IN, 53, 3, DROP_NOT_OURS);
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
	HOST6(SAMPLE_NS_IN, 20, IPPROTO_UDP, DROP_MULTICAST);
	HOST6(SAMPLE_NS_IN, 53, 2, DROP_MULTICAST);
	HOST6(SAMPLE_NA_GRATUITOUS_IN, 53, 2, DROP_MULTICAST); /* ff02::2 */
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

/* A sample with extension headers, given in hexadecimal, between IPv6 and UDP. */
static size_t extended(const char *headers, uint8_t first, uint8_t *bytes)
{
	uint8_t sample[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_UDP6_IN, sample), more = lab_bytes(headers, bytes + 54);
	memcpy(bytes, sample, 54);
	memcpy(bytes + 54 + more, sample + 54, length - 54);
	lab_store(bytes + 18, (uint16_t)(length - 54 + more));
	bytes[20] = first;
	return length + more;
}

static enum net_class extended_class(const char *headers, uint8_t first, uint8_t *reason)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = extended(headers, first, bytes);
	return outcome(lab_frame_bytes(bytes, length, 0), reason);
}

#define PADN(next) next "00010400000000"
#define ATOMIC(next) next "000000deadbeef"

START_TEST(ipv6_extensions)
{
	static const struct {
		uint8_t first;
		unsigned bytes;
		const char *headers;
	} passed[] = {
		{IPPROTO_HOPOPTS, 8, PADN("11")},
		{IPPROTO_HOPOPTS, 8, "1100050200000000"},	  /* router alert, Pad1 */
		{IPPROTO_DSTOPTS, 16, "1101010c000000000000000000000000"},
		{IPPROTO_ROUTING, 8, "1100000000000000"},	  /* at its last stop */
		{IPPROTO_FRAGMENT, 8, ATOMIC("11")},
		{IPPROTO_HOPOPTS, 32, PADN("3c") PADN("2b") "2c00000000000000" ATOMIC("11")},
	};
	uint8_t bytes[LAB_FRAME_MAX];
	for (size_t i = 0; i < RTE_DIM(passed); i++) {
		size_t length = extended(passed[i].headers, passed[i].first, bytes);
		udp_is_sound(lab_frame_bytes(bytes, length, 256), true, 14, 62 + passed[i].bytes);
	}
}
END_TEST

START_TEST(ipv6_extensions_refused)
{
	static const struct {
		uint8_t first;
		enum net_class class;
		enum drop_reason reason;
		const char *headers;
	} rows[] = {
		{IPPROTO_HOPOPTS, NET_CLASS_DROP, DROP_IP_EXTENSION, "11ff010400000000"},
		{IPPROTO_HOPOPTS, NET_CLASS_DROP, DROP_IP_EXTENSION, "1100010500000000"},
		{IPPROTO_HOPOPTS, NET_CLASS_DROP, DROP_IP_EXTENSION, "1100000000000001"},
		{IPPROTO_HOPOPTS, NET_CLASS_DROP, DROP_IP_EXTENSION, "1100c20400010000"}, /* jumbo */
		{IPPROTO_DSTOPTS, NET_CLASS_DROP, DROP_IP_EXTENSION, "1100410400010000"},
		{IPPROTO_DSTOPTS, NET_CLASS_DROP, DROP_IP_EXTENSION, PADN("00") PADN("11")},
		{IPPROTO_ROUTING, NET_CLASS_DROP, DROP_IP_ROUTED, "1100000100000000"},
		{IPPROTO_ROUTING, NET_CLASS_DROP, DROP_IP_ROUTED, "110004ff00000000"},
		{IPPROTO_DSTOPTS, NET_CLASS_DROP, DROP_IP_EXTENSIONS_MANY,
		 PADN("3c") PADN("3c") PADN("3c") PADN("3c") PADN("11")},
		{IPPROTO_FRAGMENT, NET_CLASS_FRAGMENT, DROP_NONE, "11000001deadbeef"},
		{IPPROTO_FRAGMENT, NET_CLASS_FRAGMENT, DROP_NONE, "11000008deadbeef"},
		{IPPROTO_HOPOPTS, NET_CLASS_FRAGMENT, DROP_NONE, PADN("2c") "3c000008deadbeef"},
		{IPPROTO_FRAGMENT, NET_CLASS_HOST, DROP_IP_FRAGMENT, "06000008deadbeef"},
		{IPPROTO_FRAGMENT, NET_CLASS_HOST, DROP_IP_FRAGMENT, "3a000008deadbeef"},
		{IPPROTO_DSTOPTS, NET_CLASS_HOST, DROP_IP_PROTOCOL, PADN("06")},
		{IPPROTO_DSTOPTS, NET_CLASS_HOST, DROP_IP_PROTOCOL, PADN("3b")}, /* nothing follows */
		{IPPROTO_DSTOPTS, NET_CLASS_ICMP6, DROP_NONE, PADN("3a")},
	};
	uint8_t bytes[LAB_FRAME_MAX], reason;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		enum net_class class = extended_class(rows[i].headers, rows[i].first, &reason);
		ck_assert_msg(class == rows[i].class && reason == rows[i].reason,
			      "row %zu: class %d, reason %d", i, class, reason);
	}
	/* 256 bytes are not too many; eight more are. */
	char headers[2 * 264 + 1] = "3c1e01f4";
	memset(headers + 8, '0', sizeof(headers) - 9);
	memcpy(headers + 2 * 248, PADN("11"), 16);
	headers[2 * 256] = '\0';
	ck_assert_int_eq(extended_class(headers, IPPROTO_DSTOPTS, &reason), NET_CLASS_UDP);
	memcpy(headers + 2 * 248, PADN("3c"), 16);
	memcpy(headers + 2 * 256, PADN("11"), 17);
	ck_assert_int_eq(extended_class(headers, IPPROTO_DSTOPTS, &reason), NET_CLASS_DROP);
	ck_assert_uint_eq(reason, DROP_IP_EXTENSIONS_MANY);
	/* Cut within them, the IPv6 header knowing it. */
	size_t whole = extended(PADN("2b") "3c00000000000000" PADN("11"), IPPROTO_HOPOPTS, bytes);
	for (size_t length = 54; length < 54 + 24 + 8; length++) {
		lab_store(bytes + 18, (uint16_t)(length - 54));
		DROPPED(lab_frame_bytes(bytes, length, 0),
			length < 78 ? DROP_IP_EXTENSION : DROP_UDP_HEADER);
	}
	ck_assert_uint_gt(whole, 54 + 24 + 8);
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
			ck_assert(reason == DROP_FRAME_SHORT || reason == DROP_IP_CUT);
		}
		ck_assert_int_ne(outcome(lab_frame_bytes(bytes, whole, 0), &reason),
				 NET_CLASS_DROP);
	}
	port = lab_port(5);
	size_t whole = lab_bytes(SAMPLE_UDP4_TAGGED_IN, bytes);
	for (size_t length = 0; length < whole; length++) {
		ck_assert_int_eq(outcome(lab_frame_bytes(bytes, length, 0), &reason),
				 NET_CLASS_DROP);
		ck_assert(reason == DROP_FRAME_SHORT || reason == DROP_IP_CUT);
	}
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
	TCase *in = tcase_create("in");
	tcase_add_checked_fixture(in, setup, teardown);
	tcase_add_test(in, udp_fills_the_packet);
	tcase_add_test(in, the_short_way_agrees);
	tcase_add_test(in, untagged_port_takes_priority_tags);
	tcase_add_test(in, tagged_port_takes_its_vlan);
	tcase_add_test(in, ethernet_is_for_us);
	tcase_add_test(in, chains_become_one);
	tcase_add_test(in, ipv4_header_is_checked);
	tcase_add_test(in, ipv4_groups);
	tcase_add_test(in, ipv4_fragments);
	tcase_add_test(in, ipv4_source_broadcast);
	tcase_add_test(in, ipv6_extensions);
	tcase_add_test(in, ipv6_extensions_refused);
	tcase_add_test(in, checksums_as_the_port_says);
	tcase_add_test(in, ipv6_header_is_checked);
	tcase_add_test(in, ipv6_groups);
	tcase_add_test(in, udp_header_is_checked);
	tcase_add_test(in, truncated_frames_are_dropped);
	tcase_add_test(in, addresses_are_owned);
	suite_add_tcase(suite, in);
	return suite;
}

UNIT_MAIN(net_frame_suite)
