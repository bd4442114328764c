/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/frame.h"

#include <rte_ip.h>
#include <rte_udp.h>

#define HOP_LIMIT 64

bool net_port_owns(const struct net_port *port, const uint8_t *address, bool ipv6)
{
	for (unsigned i = 0; i < port->n_addresses; i++) {
		const struct net_address *own = &port->addresses[i].address;
		/* Each with a length the compiler knows: no call. */
		if (own->ipv6 == ipv6 && (ipv6 ? memcmp(own->bytes, address, 16) == 0
					       : memcmp(own->bytes, address, 4) == 0))
			return true;
	}
	return false;
}

/* Solicited-node multicast (RFC 4291, section 2.7.1) of one of our addresses. */
static bool solicits_us(const struct net_port *port, const uint8_t *address)
{
	static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	if (memcmp(address, prefix, sizeof(prefix)) != 0)
		return false;
	for (unsigned i = 0; i < port->n_addresses; i++)
		if (port->addresses[i].address.ipv6 &&
		    memcmp(port->addresses[i].address.bytes + 13, address + 13, 3) == 0)
			return true;
	return false;
}

static bool is_unspecified(const uint8_t *address)
{
	static const uint8_t zero[16];
	return memcmp(address, zero, sizeof(zero)) == 0;
}

/* An answer to the broadcast address of a network of ours would reach all its hosts. */
static bool is_broadcast(const struct net_port *port, uint32_t address)
{
	if ((address & 3) != 3) /* the shortest host part that has one, all ones */
		return false;
	for (unsigned i = 0; i < port->n_addresses; i++) {
		const struct net_prefix *prefix = &port->addresses[i];
		uint32_t own;
		if (prefix->address.ipv6 || prefix->length > 30)
			continue;
		memcpy(&own, prefix->address.bytes, sizeof(own));
		if ((rte_be_to_cpu_32(own) | UINT32_MAX >> prefix->length) == address)
			return true;
	}
	return false;
}

static bool ipv4_source_plausible(const struct net_port *port, rte_be32_t address)
{
	uint32_t source = rte_be_to_cpu_32(address);
	return source >> 24 != 0 && source >> 24 < 224 && !is_broadcast(port, source);
}

/* Whether the frame was sent to a group, while what it carries may be for one host. */
static bool is_grouped(struct rte_mbuf *mbuf)
{
	return (*rte_pktmbuf_mtod(mbuf, const uint8_t *) & 1) != 0;
}

static enum net_class drop(uint8_t *reason, enum drop_reason why)
{
	*reason = (uint8_t)why;
	return NET_CLASS_DROP;
}

static enum net_class udp_classify(struct rte_mbuf *mbuf, struct packet *packet, uint32_t offset,
				   uint32_t end, uint8_t *reason)
{
	if (end - offset < sizeof(struct rte_udp_hdr))
		return drop(reason, DROP_UDP_HEADER);
	const struct rte_udp_hdr *udp =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_udp_hdr *, offset);
	uint32_t length = rte_be_to_cpu_16(udp->dgram_len);
	if (length < sizeof(*udp) || length > end - offset || udp->src_port == 0)
		return drop(reason, DROP_UDP_HEADER);
	/* Only what the port says: frames out of a veth carry checksums yet to be completed. */
	if ((mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return drop(reason, DROP_UDP_CHECKSUM);
	packet->source_port = rte_be_to_cpu_16(udp->src_port);
	packet->destination_port = rte_be_to_cpu_16(udp->dst_port);
	packet->query.client_port = packet->source_port;
	packet->query.local_port = packet->destination_port;
	packet->dns_offset = (uint16_t)(offset + sizeof(*udp));
	packet_dns_resize(mbuf, (uint16_t)(length - sizeof(*udp)));
	return NET_CLASS_UDP;
}

static bool checksum_bad(const struct rte_mbuf *mbuf, const struct rte_ipv4_hdr *ip)
{
	uint64_t known = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	if (known == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return false;
	if (known == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return true;
	return rte_raw_cksum(ip, (size_t)(ip->version_ihl & 0x0f) * 4) != 0xffff;
}

static enum net_class ipv4_classify(const struct net_port *port, struct rte_mbuf *mbuf,
				    struct packet *packet, uint8_t *reason)
{
	uint32_t offset = packet->l3_offset, room = mbuf->data_len - offset;
	if (room < sizeof(struct rte_ipv4_hdr))
		return drop(reason, DROP_FRAME_SHORT);
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv4_hdr *, offset);
	uint32_t header = (ip->version_ihl & 0x0fu) * 4, total = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || total < header || total > room)
		return drop(reason, DROP_IP_HEADER);
	if (checksum_bad(mbuf, ip))
		return drop(reason, DROP_IP_CHECKSUM);
	if ((ip->fragment_offset & rte_cpu_to_be_16(0x3fff)) != 0)
		return drop(reason, DROP_IP_FRAGMENT);
	if (is_grouped(mbuf) || !net_port_owns(port, (const uint8_t *)&ip->dst_addr, false))
		return drop(reason, DROP_NOT_OURS);
	if (!ipv4_source_plausible(port, ip->src_addr))
		return drop(reason, DROP_IP_SOURCE);
	memcpy(packet->query.client_addr, &ip->src_addr, 4);
	memcpy(packet->query.local_addr, &ip->dst_addr, 4);
	mbuf->data_len = (uint16_t)(offset + total);
	mbuf->pkt_len = mbuf->data_len;
	if (likely(ip->next_proto_id == IPPROTO_UDP))
		return udp_classify(mbuf, packet, offset + header, offset + total, reason);
	packet->dns_offset = (uint16_t)(offset + header);
	if (ip->next_proto_id == IPPROTO_ICMP)
		return NET_CLASS_ICMP;
	return drop(reason, DROP_IP_PROTOCOL);
}

/* Whether an IPv6 packet is for us: DROP_NONE, or why not. */
static enum drop_reason ipv6_check(const struct net_port *port, struct rte_mbuf *mbuf,
				   const struct rte_ipv6_hdr *ip)
{
	if (likely(ip->dst_addr[0] != 0xff)) {
		if (is_grouped(mbuf) || !net_port_owns(port, ip->dst_addr, true))
			return DROP_NOT_OURS;
		if (ip->src_addr[0] == 0xff || is_unspecified(ip->src_addr))
			return DROP_IP_SOURCE;
		return DROP_NONE;
	}
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	bool solicits = solicits_us(port, ip->dst_addr);
	if (ip->proto != IPPROTO_ICMPV6 ||
	    (!solicits && memcmp(ip->dst_addr, all_nodes, sizeof(all_nodes)) != 0))
		return DROP_NOT_OURS;
	if (ip->src_addr[0] == 0xff || (!solicits && is_unspecified(ip->src_addr)))
		return DROP_IP_SOURCE;
	return DROP_NONE;
}

static enum net_class ipv6_classify(const struct net_port *port, struct rte_mbuf *mbuf,
				    struct packet *packet, uint8_t *reason)
{
	uint32_t offset = packet->l3_offset, room = mbuf->data_len - offset;
	if (room < sizeof(struct rte_ipv6_hdr))
		return drop(reason, DROP_FRAME_SHORT);
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv6_hdr *, offset);
	uint32_t payload = rte_be_to_cpu_16(ip->payload_len);
	if ((rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6 || payload > room - sizeof(*ip))
		return drop(reason, DROP_IP_HEADER);
	enum drop_reason why = ipv6_check(port, mbuf, ip);
	if (why != DROP_NONE)
		return drop(reason, why);
	memcpy(packet->query.client_addr, ip->src_addr, 16);
	memcpy(packet->query.local_addr, ip->dst_addr, 16);
	packet->ipv6 = 1;
	packet->query.flags = QUERY_IPV6;
	uint32_t start = offset + sizeof(*ip);
	mbuf->data_len = (uint16_t)(start + payload);
	mbuf->pkt_len = mbuf->data_len;
	if (likely(ip->proto == IPPROTO_UDP))
		return udp_classify(mbuf, packet, start, start + payload, reason);
	packet->dns_offset = (uint16_t)start;
	if (ip->proto == IPPROTO_ICMPV6)
		return NET_CLASS_ICMP6;
	return drop(reason,
		    ip->proto == IPPROTO_FRAGMENT ? DROP_IP_FRAGMENT : DROP_IP_PROTOCOL);
}

/* Finds the EtherType behind a VLAN tag. DROP_NONE if the frame is in the port's VLAN. */
static enum drop_reason vlan_skip(const struct net_port *port, struct rte_mbuf *mbuf,
				  struct packet *packet, uint16_t *type)
{
	uint16_t vlan = 0;
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	packet->l3_offset = RTE_ETHER_HDR_LEN;
	if ((mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
		vlan = mbuf->vlan_tci & 0x0fff;
	} else if (*type == RTE_ETHER_TYPE_VLAN) {
		if (mbuf->data_len < RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
			return DROP_FRAME_SHORT;
		vlan = (uint16_t)((frame[14] << 8 | frame[15]) & 0x0fff);
		*type = (uint16_t)(frame[16] << 8 | frame[17]);
		packet->l3_offset += RTE_VLAN_HLEN;
	}
	return vlan == port->vlan ? DROP_NONE : DROP_FRAME_VLAN;
}

enum net_class net_frame_classify(const struct net_port *port, struct rte_mbuf *mbuf,
				  uint8_t *reason)
{
	struct packet *packet = packet_of(mbuf);
	memset(packet, 0, sizeof(*packet));
	if (unlikely(mbuf->nb_segs != 1))
		return drop(reason, DROP_FRAME_CHAINED);
	if (unlikely(mbuf->data_len < RTE_ETHER_HDR_LEN))
		return drop(reason, DROP_FRAME_SHORT);
	const struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	uint16_t type = rte_be_to_cpu_16(ethernet->ether_type);
	enum drop_reason why = vlan_skip(port, mbuf, packet, &type);
	if (unlikely(why != DROP_NONE))
		return drop(reason, why);
	if (unlikely(!rte_is_same_ether_addr(&ethernet->dst_addr, &port->mac) &&
		     !rte_is_multicast_ether_addr(&ethernet->dst_addr)))
		return drop(reason, DROP_NOT_OURS);
	if (unlikely(!rte_is_unicast_ether_addr(&ethernet->src_addr)))
		return drop(reason, DROP_IP_SOURCE);
	memcpy(packet->query.client_mac, &ethernet->src_addr, sizeof(packet->query.client_mac));
	switch (type) {
	case RTE_ETHER_TYPE_IPV4:
		return ipv4_classify(port, mbuf, packet, reason);
	case RTE_ETHER_TYPE_IPV6:
		return ipv6_classify(port, mbuf, packet, reason);
	case RTE_ETHER_TYPE_ARP:
		packet->dns_offset = packet->l3_offset;
		return NET_CLASS_ARP;
	default:
		return drop(reason, DROP_FRAME_TYPE);
	}
}

static uint16_t ethernet_size(const struct net_port *port)
{
	return RTE_ETHER_HDR_LEN + (port->vlan != 0 ? RTE_VLAN_HLEN : 0);
}

uint8_t net_ethernet_write(const struct net_port *port, uint8_t *frame,
			   const struct rte_ether_addr *destination, uint16_t type)
{
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)frame;
	ethernet->dst_addr = *destination;
	ethernet->src_addr = port->mac;
	if (likely(port->vlan == 0)) {
		ethernet->ether_type = rte_cpu_to_be_16(type);
		return RTE_ETHER_HDR_LEN;
	}
	struct rte_vlan_hdr *tag = (struct rte_vlan_hdr *)(ethernet + 1);
	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	tag->vlan_tci = rte_cpu_to_be_16(port->vlan);
	tag->eth_proto = rte_cpu_to_be_16(type);
	return RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
}

void net_ethernet_replace(const struct net_port *port, struct rte_mbuf *mbuf,
			  const struct rte_ether_addr *destination, uint16_t type)
{
	struct packet *packet = packet_of(mbuf);
	uint16_t l2 = ethernet_size(port);
	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->l3_offset - l2);
	mbuf->data_len = (uint16_t)(mbuf->data_len - packet->l3_offset + l2);
	mbuf->pkt_len = mbuf->data_len;
	mbuf->ol_flags &= NET_MBUF_ATTACHED;
	packet->dns_offset = (uint16_t)(packet->dns_offset - packet->l3_offset + l2);
	packet->l3_offset = (uint8_t)l2;
	net_ethernet_write(port, rte_pktmbuf_mtod(mbuf, uint8_t *), destination, type);
}

/*
 * The Internet checksum's sum (RFC 1071) of bytes, and of what was summed before; not folded. Words of
 * eight bytes: messages are short, and wide loads would wait for the narrow stores just before them.
 */
static inline uint64_t sum_add(uint64_t sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t word;
	uint32_t half;
	uint16_t quarter, last = 0;
	for (; length >= sizeof(word); at += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	if ((length & sizeof(half)) != 0) {
		memcpy(&half, at, sizeof(half));
		sum += half;
		at += sizeof(half);
	}
	if ((length & sizeof(quarter)) != 0) {
		memcpy(&quarter, at, sizeof(quarter));
		sum += quarter;
		at += sizeof(quarter);
	}
	if ((length & 1) != 0)
		memcpy(&last, at, 1);
	return sum + last;
}

static inline uint16_t sum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)((sum & UINT16_MAX) + (sum >> 16));
}

static void udp_write(const struct net_flow *flow, struct rte_udp_hdr *udp, uint16_t length)
{
	udp->src_port = rte_cpu_to_be_16(flow->source_port);
	udp->dst_port = rte_cpu_to_be_16(flow->destination_port);
	udp->dgram_len = rte_cpu_to_be_16(length);
	udp->dgram_cksum = 0;
}

/*
 * The checksum over pseudo header (`addresses` is the sum of those), UDP header and message, from
 * what is at hand rather than from the headers just written.
 */
static rte_be16_t udp_checksum(const struct net_flow *flow, uint64_t addresses, const uint8_t *dns,
			       uint16_t length)
{
	uint64_t sum = addresses + RTE_BE16(IPPROTO_UDP) + 2u * rte_cpu_to_be_16(length) +
		       rte_cpu_to_be_16(flow->source_port) +
		       rte_cpu_to_be_16(flow->destination_port);
	uint16_t checksum = (uint16_t)~sum_fold(
		sum_add(sum, dns, length - sizeof(struct rte_udp_hdr)));
	return checksum != 0 ? checksum : UINT16_MAX; /* RFC 768: 0 would say that there is none */
}

static void ipv4_write(const struct net_port *port, struct rte_mbuf *mbuf,
		       const struct net_flow *flow, struct rte_ipv4_hdr *ip, uint16_t udp_length)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + udp_length)),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = HOP_LIMIT,
		.next_proto_id = IPPROTO_UDP,
	};
	memcpy(&ip->src_addr, flow->source.bytes, 4);
	memcpy(&ip->dst_addr, flow->destination.bytes, 4);
	uint64_t addresses = sum_add(sum_add(0, flow->source.bytes, 4), flow->destination.bytes, 4);
	udp_write(flow, udp, udp_length);
	if (port->tx_udp_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
		udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		udp->dgram_cksum =
			udp_checksum(flow, addresses, (const uint8_t *)(udp + 1), udp_length);
	}
	if (port->tx_ip_checksum)
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	else
		ip->hdr_checksum = (uint16_t)~sum_fold(
			addresses + RTE_BE16(RTE_IPV4_VHL_DEF << 8) + ip->total_length +
			RTE_BE16(RTE_IPV4_HDR_DF_FLAG) + RTE_BE16(HOP_LIMIT << 8 | IPPROTO_UDP));
}

static void ipv6_write(const struct net_port *port, struct rte_mbuf *mbuf,
		       const struct net_flow *flow, struct rte_ipv6_hdr *ip, uint16_t udp_length)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(udp_length);
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = HOP_LIMIT;
	memcpy(ip->src_addr, flow->source.bytes, 16);
	memcpy(ip->dst_addr, flow->destination.bytes, 16);
	udp_write(flow, udp, udp_length);
	if (port->tx_udp_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
		udp->dgram_cksum = rte_ipv6_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		uint64_t addresses =
			sum_add(sum_add(0, flow->source.bytes, 16), flow->destination.bytes, 16);
		udp->dgram_cksum =
			udp_checksum(flow, addresses, (const uint8_t *)(udp + 1), udp_length);
	}
}

void net_frame_write(const struct net_port *port, struct rte_mbuf *mbuf,
		     const struct net_flow *flow)
{
	struct packet *packet = packet_of(mbuf);
	bool ipv6 = flow->destination.ipv6;
	uint16_t l2 = ethernet_size(port);
	uint16_t l3 = ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint16_t headers = (uint16_t)(l2 + l3 + sizeof(struct rte_udp_hdr));
	uint16_t udp_length = (uint16_t)(sizeof(struct rte_udp_hdr) + packet->dns_length);

	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->dns_offset - headers);
	packet->dns_offset = headers;
	packet->l3_offset = (uint8_t)l2;
	packet_dns_resize(mbuf, packet->dns_length);
	mbuf->ol_flags &= NET_MBUF_ATTACHED;
	mbuf->l2_len = l2;
	mbuf->l3_len = l3;
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	net_ethernet_write(port, frame, &flow->destination_mac,
			   ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ipv6)
		ipv6_write(port, mbuf, flow, (struct rte_ipv6_hdr *)(frame + l2), udp_length);
	else
		ipv4_write(port, mbuf, flow, (struct rte_ipv4_hdr *)(frame + l2), udp_length);
}
