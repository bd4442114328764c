/* SPDX-License-Identifier: BSD-2-Clause */
#include <rte_ip.h>

#include "tests/unit/net_lab.h"
#include "tests/unit/net_samples.h"
#include "tests/unit/unit.h"

#define EXPECT(hex_or_bytes, class, why) expect(__LINE__, hex_or_bytes, class, why)

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
	ck_assert_msg(class == NET_CLASS_DROP && reason == why, "line %d: class %d, reason %d", line,
		      class, reason);
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

START_TEST(vlan_is_the_ports)
{
	DROPPED(lab_frame(SAMPLE_UDP4_TAGGED_IN), DROP_FRAME_VLAN);
	changed(__LINE__, SAMPLE_UDP4_TAGGED_IN, 15, 0, false, DROP_NONE + DROP_FRAME_VLAN + 0 == 0
		? DROP_NONE : DROP_FRAME_VLAN);
}
END_TEST
