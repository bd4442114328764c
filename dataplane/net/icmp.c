/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/icmp.h"

#include <rte_icmp.h>
#include <rte_ip.h>

#include "dataplane/net/frame.h"
#include "dataplane/packet.h"

#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129
#define ECHO_HEADER 8u
#define HOP_LIMIT 64

bool icmp_rate_allows(struct icmp *icmp, uint64_t now)
{
	uint64_t earned = (now - icmp->filled) * (ICMP_ECHO_PER_SECOND / 1000);
	icmp->filled = now;
	icmp->spent -= earned < icmp->spent ? (uint32_t)earned : icmp->spent;
	if (icmp->spent >= ICMP_ECHO_BURST)
		return false;
	icmp->spent++;
	return true;
}

static struct rte_ipv4_hdr *ipv4_of(struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv4_hdr *, packet_of(mbuf)->l3_offset);
}

static struct rte_ipv6_hdr *ipv6_of(struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv6_hdr *, packet_of(mbuf)->l3_offset);
}

/* The sum over the message, and the pseudo-header that ICMPv6 has: all ones if it is intact. */
static uint16_t message_sum(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	uint32_t sum = rte_raw_cksum(packet_dns(mbuf), mbuf->data_len - packet->dns_offset);
	if (packet->ipv6)
		sum += rte_ipv6_phdr_cksum(ipv6_of(mbuf), 0);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

bool icmp_checksum_good(struct rte_mbuf *mbuf)
{
	return message_sum(mbuf) == 0xffff;
}

static bool echo_wanted(const struct net_port *port, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	if (mbuf->data_len < packet->dns_offset + ECHO_HEADER ||
	    mbuf->data_len - packet->l3_offset > port->mtu ||
	    !net_port_owns(port, packet->query.local_addr, packet->ipv6))
		return false;
	const uint8_t *message = packet_dns(mbuf);
	uint8_t request = packet->ipv6 ? ICMP6_ECHO_REQUEST : RTE_IP_ICMP_ECHO_REQUEST;
	if (message[0] != request || message[1] != 0)
		return false;
	/* Source routes would have to be turned round, records continued: pings do without. */
	size_t header = packet->ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	if (packet->dns_offset != packet->l3_offset + header)
		return false;
	return icmp_checksum_good(mbuf);
}

static void message_turn(struct rte_mbuf *mbuf)
{
	uint8_t *message = packet_dns(mbuf);
	message[0] = packet_of(mbuf)->ipv6 ? ICMP6_ECHO_REPLY : RTE_IP_ICMP_ECHO_REPLY;
	memset(message + 2, 0, 2);
	uint16_t checksum = (uint16_t)~message_sum(mbuf);
	memcpy(message + 2, &checksum, sizeof(checksum));
}

static void ipv6_turn(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	struct rte_ipv6_hdr *ip = ipv6_of(mbuf);
	memcpy(ip->dst_addr, packet->query.client_addr, 16);
	memcpy(ip->src_addr, packet->query.local_addr, 16);
	ip->hop_limits = HOP_LIMIT;
}

static void ipv4_turn(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	struct rte_ipv4_hdr *ip = ipv4_of(mbuf);
	memcpy(&ip->dst_addr, packet->query.client_addr, 4);
	memcpy(&ip->src_addr, packet->query.local_addr, 4);
	ip->time_to_live = HOP_LIMIT;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

bool icmp_input(struct icmp *icmp, const struct net_port *port, struct rte_mbuf *mbuf, uint64_t now,
		struct net_tx *tx, struct stats *stats)
{
	const struct packet *packet = packet_of(mbuf);
	if (!echo_wanted(port, mbuf))
		return false;
	/* Pings leave half of the queue to what matters. */
	if (tx->count >= NET_TX_BURST || !icmp_rate_allows(icmp, now)) {
		stats_add(&stats->drop[DROP_ICMP], 1);
		rte_pktmbuf_free(mbuf);
		return true;
	}
	struct rte_ether_addr client;
	memcpy(client.addr_bytes, packet->query.client_mac, sizeof(client.addr_bytes));
	if (packet->ipv6)
		ipv6_turn(mbuf);
	else
		ipv4_turn(mbuf);
	message_turn(mbuf);
	net_ethernet_replace(port, mbuf, &client,
			     packet->ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	stats_add(&stats->counter[STATS_ECHO], 1);
	tx->mbufs[tx->count++] = mbuf;
	return true;
}
