/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/frame.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/extension.h"

static __rte_always_inline bool port_owns(const struct net_port *port, const uint8_t *address,
					  bool ipv6)
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

bool net_port_owns(const struct net_port *port, const uint8_t *address, bool ipv6)
{
	return port_owns(port, address, ipv6);
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

/* The broadcast address of a network of ours: an answer to it would reach all its hosts. */
static __rte_noinline bool is_broadcast_here(const struct net_port *port, uint32_t address)
{
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

static inline bool is_broadcast(const struct net_port *port, uint32_t address)
{
	/* The shortest host part that has one is two ones. */
	return unlikely((address & 3) == 3) && is_broadcast_here(port, address);
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

static enum net_class host(uint8_t *reason, enum drop_reason why)
{
	*reason = (uint8_t)why;
	return NET_CLASS_HOST;
}

static __rte_always_inline enum net_class udp_classify(struct rte_mbuf *mbuf, struct packet *packet,
					  uint32_t offset, uint32_t end, uint8_t *reason)
{
	if (end - offset < sizeof(struct rte_udp_hdr))
		return drop(reason, DROP_UDP_HEADER);
	const struct rte_udp_hdr *udp =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_udp_hdr *, offset);
	/* Less than a header wraps around, and is longer than any packet. */
	uint32_t length = rte_be_to_cpu_16(udp->dgram_len) - (uint32_t)sizeof(*udp);
	if (length > end - offset - sizeof(*udp) || udp->src_port == 0)
		return drop(reason, DROP_UDP_HEADER);
	if (length > PACKET_MESSAGE_MAX)
		return drop(reason, DROP_UDP_LARGE);
	/* Only what the port says: frames out of a veth carry checksums yet to be completed. */
	if ((mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return drop(reason, DROP_UDP_CHECKSUM);
	packet->source_port = rte_be_to_cpu_16(udp->src_port);
	packet->destination_port = rte_be_to_cpu_16(udp->dst_port);
	packet->query.client_port = packet->source_port;
	packet->query.local_port = packet->destination_port;
	packet->dns_offset = (uint16_t)(offset + sizeof(*udp));
	packet_dns_resize(mbuf, (uint16_t)length);
	return NET_CLASS_UDP;
}

enum net_class net_udp_classify(struct rte_mbuf *mbuf, uint32_t offset, uint32_t end,
				uint8_t *reason)
{
	return udp_classify(mbuf, packet_of(mbuf), offset, end, reason);
}

static __rte_always_inline bool checksum_bad(const struct rte_mbuf *mbuf, const struct rte_ipv4_hdr *ip)
{
	uint64_t known = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	if (known == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return false;
	if (known == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return true;
	if (unlikely(ip->version_ihl != RTE_IPV4_VHL_DEF))
		return rte_raw_cksum(ip, (size_t)(ip->version_ihl & 0x0f) * 4) != 0xffff;
	return net_sum_fold(net_sum_8(net_sum_8(net_sum_4(0, &ip->dst_addr), &ip->time_to_live), ip)) !=
	       0xffff;
}

/* What is not for an address of ours, or not for one host at all. A host may have further ones. */
static enum net_class ipv4_elsewhere(const struct net_port *port, struct rte_mbuf *mbuf,
				     const struct rte_ipv4_hdr *ip, uint8_t *reason)
{
	uint32_t to = rte_be_to_cpu_32(ip->dst_addr), from = rte_be_to_cpu_32(ip->src_addr);
	bool group = to >> 28 == 14, everybody = to == UINT32_MAX || is_broadcast(port, to);
	if (is_grouped(mbuf) != (group || everybody))
		return drop(reason, DROP_NOT_OURS);
	if (!is_grouped(mbuf))
		return to >> 28 < 14 ? host(reason, DROP_NOT_OURS) : drop(reason, DROP_NOT_OURS);
	/* Who has no address yet asks everybody for one. */
	if (from >> 24 >= 224 || (from >> 24 == 0 && from != 0) || is_broadcast(port, from))
		return drop(reason, DROP_IP_SOURCE);
	return host(reason, group ? DROP_MULTICAST : DROP_BROADCAST);
}

/* Of a header with options (RFC 791, section 3.1), bytes; 0: it is none. */
static __rte_noinline uint32_t ipv4_header_size(const struct rte_ipv4_hdr *ip)
{
	uint32_t size = (ip->version_ihl & 0x0fu) * 4;
	return ip->version_ihl >> 4 == 4 && size > sizeof(*ip) ? size : 0;
}

static enum net_class ipv4_classify(const struct net_port *port, struct rte_mbuf *mbuf,
				    struct packet *packet, uint8_t *reason)
{
	uint32_t offset = packet->l3_offset, room = mbuf->data_len - offset;
	if (room < sizeof(struct rte_ipv4_hdr))
		return drop(reason, DROP_FRAME_SHORT);
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv4_hdr *, offset);
	uint32_t header = sizeof(*ip), total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(ip->version_ihl != RTE_IPV4_VHL_DEF))
		header = ipv4_header_size(ip);
	if (unlikely(header == 0 || total < header))
		return drop(reason, DROP_IP_HEADER);
	if (total > room)
		return drop(reason, DROP_IP_CUT);
	if (checksum_bad(mbuf, ip))
		return drop(reason, DROP_IP_CHECKSUM);
	if (unlikely(is_grouped(mbuf) ||
		     !net_port_owns(port, (const uint8_t *)&ip->dst_addr, false)))
		return ipv4_elsewhere(port, mbuf, ip, reason);
	if (!ipv4_source_plausible(port, ip->src_addr))
		return drop(reason, DROP_IP_SOURCE);
	memcpy(packet->query.client_addr, &ip->src_addr, 4);
	memcpy(packet->query.local_addr, &ip->dst_addr, 4);
	mbuf->data_len = (uint16_t)(offset + total);
	mbuf->pkt_len = mbuf->data_len;
	if (unlikely((ip->fragment_offset & RTE_BE16(0x3fff)) != 0)) {
		packet->dns_offset = (uint16_t)(offset + header);
		return ip->next_proto_id == IPPROTO_UDP ? NET_CLASS_FRAGMENT
							: host(reason, DROP_IP_FRAGMENT);
	}
	if (likely(ip->next_proto_id == IPPROTO_UDP))
		return udp_classify(mbuf, packet, offset + header, offset + total, reason);
	packet->dns_offset = (uint16_t)(offset + header);
	if (ip->next_proto_id == IPPROTO_ICMP)
		return NET_CLASS_ICMP;
	return host(reason, DROP_IP_PROTOCOL);
}

/* What is for a group: for us as far as neighbour discovery needs it. */
static enum net_class ipv6_group(const struct net_port *port, const struct rte_ipv6_hdr *ip,
				 uint8_t *reason)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	bool solicits = solicits_us(port, ip->dst_addr);
	if (ip->src_addr[0] == 0xff)
		return drop(reason, DROP_IP_SOURCE);
	if (ip->proto != IPPROTO_ICMPV6 ||
	    (!solicits && memcmp(ip->dst_addr, all_nodes, sizeof(all_nodes)) != 0))
		return host(reason, DROP_MULTICAST);
	if (!solicits && is_unspecified(ip->src_addr))
		return drop(reason, DROP_IP_SOURCE);
	return NET_CLASS_ICMP6;
}

/* What is not UDP right behind the header: of the link, or behind other headers. */
static enum net_class ipv6_follow(struct rte_mbuf *mbuf, struct packet *packet, uint8_t next,
				  uint8_t *reason)
{
	struct net_extensions found = {.next = next, .end = packet->l3_offset + 40u};
	enum drop_reason why = net_extensions_skip(rte_pktmbuf_mtod(mbuf, const uint8_t *),
						   mbuf->data_len, &found);
	if (why != DROP_NONE)
		return drop(reason, why);
	packet->dns_offset = (uint16_t)found.end;
	if (found.fragment)
		return found.next == IPPROTO_UDP || found.next == IPPROTO_DSTOPTS
			       ? NET_CLASS_FRAGMENT
			       : host(reason, DROP_IP_FRAGMENT);
	if (found.next == IPPROTO_UDP)
		return udp_classify(mbuf, packet, found.end, mbuf->data_len, reason);
	return found.next == IPPROTO_ICMPV6 ? NET_CLASS_ICMP6 : host(reason, DROP_IP_PROTOCOL);
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
	if ((rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6)
		return drop(reason, DROP_IP_HEADER);
	if (payload > room - sizeof(*ip))
		return drop(reason, DROP_IP_CUT);
	if (unlikely(ip->dst_addr[0] == 0xff)) {
		enum net_class class = ipv6_group(port, ip, reason);
		if (class != NET_CLASS_ICMP6)
			return class;
	} else if (is_grouped(mbuf)) {
		return drop(reason, DROP_NOT_OURS);
	} else if (!net_port_owns(port, ip->dst_addr, true)) {
		return host(reason, DROP_NOT_OURS);
	} else if (ip->src_addr[0] == 0xff || is_unspecified(ip->src_addr)) {
		return drop(reason, DROP_IP_SOURCE);
	}
	memcpy(packet->query.client_addr, ip->src_addr, 16);
	memcpy(packet->query.local_addr, ip->dst_addr, 16);
	packet->ipv6 = 1;
	packet->query.flags = QUERY_IPV6;
	uint32_t start = offset + sizeof(*ip);
	mbuf->data_len = (uint16_t)(start + payload);
	mbuf->pkt_len = mbuf->data_len;
	if (likely(ip->proto == IPPROTO_UDP))
		return udp_classify(mbuf, packet, start, start + payload, reason);
	return ipv6_follow(mbuf, packet, ip->proto, reason);
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

/* The headers of most frames: no tag, no options. */
struct plain_headers {
	struct rte_ether_hdr ethernet;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
};
static_assert(sizeof(struct plain_headers) == 42, "as they follow each other in frames");

/* Whether the port says something of the frame that is to be looked at. */
#define NOT_PLAIN (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD)

/* Whether the headers stand where those of a plain frame do. Its length is that of all three, at least. */
static __rte_always_inline bool is_plain(const struct net_port *port,
					 const struct plain_headers *headers)
{
	const struct rte_ipv4_hdr *ip = &headers->ip;
	return headers->ethernet.ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
	       ip->version_ihl == RTE_IPV4_VHL_DEF && ip->next_proto_id == IPPROTO_UDP &&
	       (ip->fragment_offset & RTE_BE16(0x3fff)) == 0 && port->vlan == 0 &&
	       rte_is_same_ether_addr(&headers->ethernet.dst_addr, &port->mac) &&
	       rte_is_unicast_ether_addr(&headers->ethernet.src_addr);
}

/*
 * The short way of what is nothing but a datagram for us, each check as on the long way below. False:
 * it is something else, or there is something wrong with it, and only the long way says what.
 */
static __rte_always_inline bool plain_classify(const struct net_port *port, struct rte_mbuf *mbuf,
					       struct packet *packet)
{
	const struct plain_headers *headers = rte_pktmbuf_mtod(mbuf, const struct plain_headers *);
	if (mbuf->data_len < sizeof(*headers) || (mbuf->ol_flags & NOT_PLAIN) != 0 ||
	    !is_plain(port, headers))
		return false;
	const struct rte_ipv4_hdr *ip = &headers->ip;
	uint32_t total = rte_be_to_cpu_16(ip->total_length);
	uint32_t length = rte_be_to_cpu_16(headers->udp.dgram_len);
	if (total + RTE_ETHER_HDR_LEN > mbuf->data_len || length + sizeof(*ip) > total ||
	    length < sizeof(headers->udp) || length > PACKET_MESSAGE_MAX + sizeof(headers->udp) ||
	    headers->udp.src_port == 0 || checksum_bad(mbuf, ip) ||
	    !port_owns(port, (const uint8_t *)&ip->dst_addr, false) ||
	    !ipv4_source_plausible(port, ip->src_addr))
		return false;
	packet->l3_offset = RTE_ETHER_HDR_LEN;
	memcpy(packet->query.client_mac, &headers->ethernet.src_addr, RTE_ETHER_ADDR_LEN);
	memcpy(packet->query.client_addr, &ip->src_addr, 4);
	memcpy(packet->query.local_addr, &ip->dst_addr, 4);
	packet->source_port = rte_be_to_cpu_16(headers->udp.src_port);
	packet->destination_port = rte_be_to_cpu_16(headers->udp.dst_port);
	packet->query.client_port = packet->source_port;
	packet->query.local_port = packet->destination_port;
	packet->dns_offset = sizeof(*headers);
	packet_dns_resize(mbuf, (uint16_t)(length - sizeof(headers->udp)));
	return true;
}

static __rte_noinline enum net_class frame_classify(const struct net_port *port,
						    struct rte_mbuf *mbuf, uint8_t *reason)
{
	struct packet *packet = packet_of(mbuf);
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
		return host(reason, DROP_FRAME_TYPE);
	}
}

enum net_class net_frame_classify(const struct net_port *port, struct rte_mbuf *mbuf,
				  uint8_t *reason)
{
	struct packet *packet = packet_of(mbuf);
	packet_clear(packet);
	if (unlikely(mbuf->nb_segs != 1))
		return NET_CLASS_CHAINED;
	return likely(plain_classify(port, mbuf, packet)) ? NET_CLASS_UDP
							  : frame_classify(port, mbuf, reason);
}

struct rte_mbuf *net_frame_whole(struct rte_mbuf *mbuf, struct rte_mempool *pool, uint8_t *reason)
{
	if (rte_pktmbuf_linearize(mbuf) == 0)
		return mbuf;
	struct rte_mbuf *whole = rte_pktmbuf_alloc(pool);
	*reason = DROP_FRAME_CHAINED;
	if (whole == NULL)
		return NULL;
	*reason = DROP_FRAME_LARGE;
	if (mbuf->pkt_len > rte_pktmbuf_tailroom(whole)) {
		rte_pktmbuf_free(whole);
		return NULL;
	}
	/* What the port says of it goes with it. */
	whole->ol_flags |= mbuf->ol_flags & ~NET_MBUF_ATTACHED;
	whole->vlan_tci = mbuf->vlan_tci;
	whole->port = mbuf->port;
	uint8_t *to = (uint8_t *)rte_pktmbuf_append(whole, (uint16_t)mbuf->pkt_len);
	for (const struct rte_mbuf *at = mbuf; at != NULL; at = at->next) {
		memcpy(to, rte_pktmbuf_mtod(at, const void *), at->data_len);
		to += at->data_len;
	}
	rte_pktmbuf_free(mbuf);
	return whole;
}
