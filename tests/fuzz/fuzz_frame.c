/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A received frame through the net room: classified, answered or learned from if it is of the link,
 * turned round into an answer if it is UDP. Byte 0 says what the port says of the frame and whether
 * it is tagged, byte 1 how late it is.
 */
#include <stdlib.h>

#include "dataplane/net/host_frame.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/neighbour.h"
#include "tests/unit/net_lab.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static struct net_port port;
static struct net_tx tx;
static struct stats stats;
static struct icmp icmp;

/* Back to the sender, in both families; the message stays what and where it is. */
static void answer(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const uint8_t *dns = packet_dns(mbuf);
	uint16_t length = packet->dns_length;
	MUST(packet->dns_offset + length == mbuf->data_len);
	MUST(packet->query.client_port != 0);
	for (uint8_t ipv6 = 0; ipv6 < 2; ipv6++) {
		struct net_flow flow = {.source.ipv6 = ipv6, .destination.ipv6 = ipv6};
		net_frame_write(&port, mbuf, &flow);
		MUST(packet_dns(mbuf) == dns && packet->dns_length == length);
		MUST(packet->dns_offset + length == mbuf->data_len);
	}
	rte_pktmbuf_free(mbuf);
}

static void link_input(struct neighbour_table *table, struct rte_mbuf *mbuf, enum net_class class,
		       uint64_t now, bool reply)
{
	if (class == NET_CLASS_ARP)
		neighbour_arp_input(table, 0, mbuf, now, reply);
	else if (class == NET_CLASS_ICMP6 && neighbour_nd_wants(mbuf))
		neighbour_nd_input(table, 0, mbuf, now, reply);
	else if (!icmp_input(&icmp, &port, mbuf, now, &tx, &stats))
		rte_pktmbuf_free(mbuf);
}

/* An exact buffer shows what is read beyond the frame; an answer may need a longer one. */
static void input(struct neighbour_table *table, const uint8_t *data, size_t size, unsigned what,
		  uint64_t now, bool tight)
{
	uint8_t reason = DROP_NONE;
	struct rte_mbuf *mbuf = lab_frame_bytes(data, size, tight ? 0 : 128);
	mbuf->ol_flags = (what & 2 ? RTE_MBUF_F_RX_VLAN_STRIPPED : 0) |
			 (what & 4 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0);
	mbuf->vlan_tci = (uint16_t)(what >> 4);
	uint16_t source;
	net_host_frame_read(&port, mbuf, &source); /* as if it came out of the kernel */
	enum net_class class = net_frame_classify(&port, mbuf, &reason);
	if (class != NET_CLASS_DROP)
		net_frame_matters(mbuf);
	bool passed = class != NET_CLASS_DROP && class != NET_CLASS_HOST;
	MUST(passed == (reason == DROP_NONE));
	MUST(mbuf->data_len <= size);
	if (!passed || class == NET_CLASS_FRAGMENT)
		rte_pktmbuf_free(mbuf);
	else if (class == NET_CLASS_UDP)
		answer(mbuf);
	else
		link_input(table, mbuf, class, now, !tight);
	for (; (mbuf = lab_sent(&tx)) != NULL; rte_pktmbuf_free(mbuf))
		MUST(mbuf->data_len >= 42 && mbuf->data_len == mbuf->pkt_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct neighbour_table *table;
	static uint64_t now = 1000000;
	if (size < 2 || size > LAB_FRAME_MAX)
		return 0;
	if (table == NULL) {
		lab_setup();
		table = neighbour_create(&port, 1, &lab_pool, &tx, &stats);
		MUST(table != NULL);
	}
	port = lab_port(data[0] & 1 ? 5 : 0);
	now += data[1] * 4u;
	const struct net_address asked[] = {lab_ipv4(10, 53, 0, 2), lab_ipv6(2)};
	struct rte_ether_addr mac;
	for (unsigned i = 0; i < RTE_DIM(asked); i++)
		neighbour_resolve(table, 0, &asked[i], now, &mac);
	input(table, data + 2, size - 2, data[0], now, true);
	input(table, data + 2, size - 2, data[0], now, false);
	neighbour_tick(table, now);
	for (struct rte_mbuf *mbuf; (mbuf = lab_sent(&tx)) != NULL;)
		rte_pktmbuf_free(mbuf);
	MUST(lab_outstanding == 0);
	return 0;
}
