/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/host_frame.h"

#include <rte_arp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/net/frame.h"
#include "dataplane/net/neighbour_frames.h"
#include "dataplane/packet.h"

#define ND_TARGET 8u /* where the target begins in a message of neighbour discovery */

/* `length` bytes at `offset`, or NULL if the first buffer has not so many. */
static const void *part(struct rte_mbuf *mbuf, uint32_t offset, uint32_t length)
{
	if (mbuf->data_len < offset || mbuf->data_len - offset < length)
		return NULL;
	return rte_pktmbuf_mtod_offset(mbuf, const void *, offset);
}

/* The protocol of an IP packet, and where its message begins; IPPROTO_MAX if there is none. */
static unsigned protocol_of(struct rte_mbuf *mbuf, uint32_t l3, uint16_t type, uint32_t *message)
{
	if (type == RTE_ETHER_TYPE_IPV4) {
		const struct rte_ipv4_hdr *ip = part(mbuf, l3, sizeof(*ip));
		if (ip == NULL || (ip->fragment_offset & RTE_BE16(0x1fff)) != 0)
			return IPPROTO_MAX;
		*message = l3 + (ip->version_ihl & 0x0fu) * 4;
		return ip->next_proto_id;
	}
	const struct rte_ipv6_hdr *ip =
		type == RTE_ETHER_TYPE_IPV6 ? part(mbuf, l3, sizeof(*ip)) : NULL;
	*message = l3 + sizeof(*ip);
	return ip != NULL ? ip->proto : IPPROTO_MAX;
}

static bool tcp_matters(struct rte_mbuf *mbuf, uint32_t message)
{
	const struct rte_tcp_hdr *tcp = part(mbuf, message, sizeof(*tcp));
	return tcp != NULL &&
	       (tcp->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) != RTE_TCP_SYN_FLAG;
}

bool net_frame_matters(struct rte_mbuf *mbuf)
{
	uint32_t message, l3 = packet_of(mbuf)->l3_offset;
	const rte_be16_t *tag = part(mbuf, l3 - 2, sizeof(*tag));
	uint16_t type = tag != NULL ? rte_be_to_cpu_16(*tag) : 0;
	if (type == RTE_ETHER_TYPE_ARP) {
		const struct rte_arp_hdr *arp = part(mbuf, l3, sizeof(*arp));
		return arp != NULL && arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY);
	}
	switch (protocol_of(mbuf, l3, type, &message)) {
	case IPPROTO_TCP:
		return tcp_matters(mbuf, message);
	case IPPROTO_ICMPV6: {
		const uint8_t *icmp = part(mbuf, message, 1);
		return icmp != NULL && *icmp == ND_ADVERTISEMENT;
	}
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_HOPOPTS:
	case IPPROTO_DSTOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_MAX:
		return false;
	default:
		return true;
	}
}

void net_frame_untag(struct rte_mbuf *mbuf)
{
	if (packet_of(mbuf)->l3_offset > RTE_ETHER_HDR_LEN)
		rte_vlan_strip(mbuf);
}

/* Its questions are the kernel's to ask, and so are its words about addresses that it has beside ours. */
static bool arp_is_answer(const struct net_port *net, struct rte_mbuf *mbuf)
{
	const struct rte_arp_hdr *arp = part(mbuf, RTE_ETHER_HDR_LEN, sizeof(*arp));
	return arp != NULL && arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY) &&
	       net_port_owns(net, (const uint8_t *)&arp->arp_data.arp_sip, false);
}

enum net_host_frame net_host_frame_read(const struct net_port *net, struct rte_mbuf *mbuf,
					uint16_t *port)
{
	uint32_t message;
	const struct rte_ether_hdr *ethernet = part(mbuf, 0, sizeof(*ethernet));
	if (ethernet == NULL)
		return NET_HOST_FRAME;
	uint16_t type = rte_be_to_cpu_16(ethernet->ether_type);
	if (type == RTE_ETHER_TYPE_ARP)
		return arp_is_answer(net, mbuf) ? NET_HOST_FRAME_ANSWER : NET_HOST_FRAME;
	unsigned protocol = protocol_of(mbuf, RTE_ETHER_HDR_LEN, type, &message);
	if (protocol == IPPROTO_UDP) {
		const struct rte_udp_hdr *udp = part(mbuf, message, sizeof(*udp));
		if (udp == NULL)
			return NET_HOST_FRAME;
		*port = rte_be_to_cpu_16(udp->src_port);
		return NET_HOST_FRAME_UDP;
	}
	if (protocol == IPPROTO_ICMPV6) {
		const uint8_t *nd = part(mbuf, message, ND_TARGET + 16);
		if (nd != NULL && *nd == ND_ADVERTISEMENT &&
		    net_port_owns(net, nd + ND_TARGET, true))
			return NET_HOST_FRAME_ANSWER;
	}
	return NET_HOST_FRAME;
}
