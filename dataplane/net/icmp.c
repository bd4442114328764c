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

static bool rate_allows(struct icmp *icmp, uint64_t now)
{
	uint64_t second = now / 1000 + 1;
	if (icmp->second != second) {
		icmp->second = second;
		icmp->replies = 0;
	}
	return icmp->replies++ < ICMP_ECHO_PER_SECOND;
}

/* The checksum after the type byte went from `request` to 0 or 129 (RFC 1624). */
static uint16_t checksum_adjust(uint16_t checksum, uint8_t from, uint8_t to)
{
	uint32_t sum = (uint16_t)~checksum;
	sum += (uint16_t)~rte_cpu_to_be_16((uint16_t)(from << 8));
	sum += rte_cpu_to_be_16((uint16_t)(to << 8));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void ethernet_swap(const struct net_port *port, struct rte_mbuf *mbuf)
{
	struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
	ethernet->dst_addr = ethernet->src_addr;
	ethernet->src_addr = port->mac;
}

static void ip_swap(struct rte_mbuf *mbuf, const struct packet *packet)
{
	if (packet->ipv6) {
		struct rte_ipv6_hdr *ip =
			rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv6_hdr *, packet->l3_offset);
		memcpy(ip->dst_addr, packet->query.client_addr, 16);
		memcpy(ip->src_addr, packet->query.local_addr, 16);
		ip->hop_limits = HOP_LIMIT;
		return;
	}
	struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv4_hdr *, packet->l3_offset);
	memcpy(&ip->dst_addr, packet->query.client_addr, 4);
	memcpy(&ip->src_addr, packet->query.local_addr, 4);
	ip->time_to_live = HOP_LIMIT;
	ip->hdr_checksum = 0;
	ip->hdr_checksum =
		(uint16_t)~rte_raw_cksum(ip, (size_t)(ip->version_ihl & 0x0f) * 4);
}

void icmp_input(struct icmp *icmp, const struct net_port *port, struct rte_mbuf *mbuf, uint64_t now,
		struct net_tx *tx, struct stats *stats)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t request = packet->ipv6 ? ICMP6_ECHO_REQUEST : RTE_IP_ICMP_ECHO_REQUEST;
	uint8_t reply = packet->ipv6 ? ICMP6_ECHO_REPLY : RTE_IP_ICMP_ECHO_REPLY;
	uint8_t *message = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, packet->dns_offset);
	if (mbuf->data_len < packet->dns_offset + ECHO_HEADER || message[0] != request ||
	    message[1] != 0 || !net_port_owns(port, packet->query.local_addr, packet->ipv6) ||
	    tx->count >= NET_TX_BURST || !rate_allows(icmp, now)) {
		stats_add(&stats->drop[DROP_ICMP], 1);
		rte_pktmbuf_free(mbuf);
		return;
	}
	uint16_t checksum;
	memcpy(&checksum, message + 2, sizeof(checksum));
	checksum = checksum_adjust(checksum, request, reply);
	memcpy(message + 2, &checksum, sizeof(checksum));
	message[0] = reply;
	ethernet_swap(port, mbuf);
	ip_swap(mbuf, packet);
	mbuf->ol_flags = 0;
	stats_add(&stats->counter[STATS_ECHO], 1);
	tx->mbufs[tx->count++] = mbuf;
}
