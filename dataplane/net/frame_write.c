/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/frame.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/checksum.h"

#define HOP_LIMIT 64

static uint16_t ethernet_size(const struct net_port *port)
{
	return RTE_ETHER_HDR_LEN + (port->vlan != 0 ? RTE_VLAN_HLEN : 0);
}

static __rte_always_inline void untagged_write(const struct net_port *port, uint8_t *frame,
					       const struct rte_ether_addr *destination,
					       uint16_t type)
{
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)frame;
	ethernet->dst_addr = *destination;
	ethernet->src_addr = port->mac;
	ethernet->ether_type = rte_cpu_to_be_16(type);
}

static void tagged_write(const struct net_port *port, uint8_t *frame,
			 const struct rte_ether_addr *destination, uint16_t type)
{
	struct rte_vlan_hdr *tag = (struct rte_vlan_hdr *)(frame + RTE_ETHER_HDR_LEN);
	untagged_write(port, frame, destination, RTE_ETHER_TYPE_VLAN);
	tag->vlan_tci = rte_cpu_to_be_16(port->vlan);
	tag->eth_proto = rte_cpu_to_be_16(type);
}

uint8_t net_ethernet_write(const struct net_port *port, uint8_t *frame,
			   const struct rte_ether_addr *destination, uint16_t type)
{
	if (port->vlan == 0)
		untagged_write(port, frame, destination, type);
	else
		tagged_write(port, frame, destination, type);
	return (uint8_t)ethernet_size(port);
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

static __rte_always_inline struct net_ends ends_of(const struct net_flow *flow)
{
	return (struct net_ends){
		.source = flow->source.bytes,
		.destination = flow->destination.bytes,
		.mac = &flow->destination_mac,
		.source_port = flow->source_port,
		.destination_port = flow->destination_port,
		.dscp = flow->dscp,
		.ipv6 = flow->destination.ipv6,
	};
}

static __rte_always_inline void udp_write(const struct net_ends *ends, struct rte_udp_hdr *udp,
					  uint16_t length)
{
	udp->src_port = rte_cpu_to_be_16(ends->source_port);
	udp->dst_port = rte_cpu_to_be_16(ends->destination_port);
	udp->dgram_len = rte_cpu_to_be_16(length);
}

/* Of both addresses: at most 33 bits, so that a few words more are added without a carry. */
static __rte_always_inline uint64_t addresses_sum(const struct net_ends *ends)
{
	if (!ends->ipv6)
		return net_sum_4(net_sum_4(0, ends->source), ends->destination);
	uint64_t sum = net_sum_8(net_sum_8(0, ends->source), ends->source + 8);
	sum = net_sum_8(net_sum_8(sum, ends->destination), ends->destination + 8);
	return (sum & UINT32_MAX) + (sum >> 32);
}

/*
 * The checksum over pseudo header (`addresses` is the sum of those), UDP header and message, from
 * what is at hand rather than from the headers just written.
 */
static __rte_always_inline rte_be16_t udp_checksum(const struct net_ends *ends, uint64_t addresses,
						   const uint8_t *dns, uint16_t length)
{
	uint64_t sum = addresses + RTE_BE16(IPPROTO_UDP) + 2u * rte_cpu_to_be_16(length) +
		       rte_cpu_to_be_16(ends->source_port) +
		       rte_cpu_to_be_16(ends->destination_port);
	uint16_t checksum = (uint16_t)~net_sum_fold(
		net_sum(sum, dns, length - sizeof(struct rte_udp_hdr)));
	return checksum != 0 ? checksum : UINT16_MAX; /* RFC 768: 0 would say that there is none */
}

static __rte_always_inline void ipv4_write(const struct net_port *port, struct rte_mbuf *mbuf,
					   const struct net_ends *ends, struct rte_ipv4_hdr *ip,
					   uint16_t udp_length, bool offload)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint64_t addresses = addresses_sum(ends);
	rte_be16_t checksum = 0, length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + udp_length));
	bool port_sums_ip = offload && port->tx_ip_checksum;
	bool port_sums_udp = offload && port->tx_udp_checksum;
	if (port_sums_ip)
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	else
		checksum = (rte_be16_t)~net_sum_fold(
			addresses + rte_cpu_to_be_16((uint16_t)(RTE_IPV4_VHL_DEF << 8 | ends->dscp << 2)) +
			length + RTE_BE16(RTE_IPV4_HDR_DF_FLAG) +
			RTE_BE16(HOP_LIMIT << 8 | IPPROTO_UDP));
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = (uint8_t)(ends->dscp << 2),
		.total_length = length,
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = HOP_LIMIT,
		.next_proto_id = IPPROTO_UDP,
		.hdr_checksum = checksum,
	};
	memcpy(&ip->src_addr, ends->source, 4);
	memcpy(&ip->dst_addr, ends->destination, 4);
	udp_write(ends, udp, udp_length);
	if (port_sums_udp) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
		udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		udp->dgram_cksum =
			udp_checksum(ends, addresses, (const uint8_t *)(udp + 1), udp_length);
	}
}

static __rte_always_inline void ipv6_write(const struct net_port *port, struct rte_mbuf *mbuf,
					   const struct net_ends *ends, struct rte_ipv6_hdr *ip,
					   uint16_t udp_length, bool offload)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)ends->dscp << 22);
	ip->payload_len = rte_cpu_to_be_16(udp_length);
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = HOP_LIMIT;
	memcpy(ip->src_addr, ends->source, 16);
	memcpy(ip->dst_addr, ends->destination, 16);
	udp_write(ends, udp, udp_length);
	if (offload && port->tx_udp_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
		udp->dgram_cksum = rte_ipv6_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		udp->dgram_cksum = udp_checksum(ends, addresses_sum(ends),
						(const uint8_t *)(udp + 1), udp_length);
	}
}

/* `l2` is ethernet_size(): where that and ends->ipv6 are constants, so is most of what follows. */
static __rte_always_inline void frame_write(const struct net_port *port, struct rte_mbuf *mbuf,
					    const struct net_ends *ends, uint16_t l2, bool offload)
{
	struct packet *packet = packet_of(mbuf);
	uint16_t l3 = ends->ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint16_t headers = (uint16_t)(l2 + l3 + sizeof(struct rte_udp_hdr));
	uint16_t length = packet->dns_length;
	uint16_t udp_length = (uint16_t)(sizeof(struct rte_udp_hdr) + length);

	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->dns_offset - headers);
	packet->dns_offset = headers;
	packet->l3_offset = (uint8_t)l2;
	mbuf->data_len = (uint16_t)(headers + length);
	mbuf->pkt_len = mbuf->data_len;
	mbuf->ol_flags &= NET_MBUF_ATTACHED;
	mbuf->tx_offload = (uint64_t)l2 | (uint64_t)l3 << RTE_MBUF_L2_LEN_BITS;
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint16_t type = ends->ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;
	if (l2 == RTE_ETHER_HDR_LEN)
		untagged_write(port, frame, ends->mac, type);
	else
		tagged_write(port, frame, ends->mac, type);
	if (ends->ipv6)
		ipv6_write(port, mbuf, ends, (struct rte_ipv6_hdr *)(frame + l2), udp_length,
			   offload);
	else
		ipv4_write(port, mbuf, ends, (struct rte_ipv4_hdr *)(frame + l2), udp_length,
			   offload);
}

/* Most frames are IPv4 without a tag: for these the sizes of all headers are known. */
static __rte_always_inline void frame_write_sized(const struct net_port *port, struct rte_mbuf *mbuf,
						  struct net_ends *ends)
{
	if (unlikely(port->vlan != 0 || ends->ipv6)) {
		frame_write(port, mbuf, ends, ethernet_size(port), true);
	} else {
		ends->ipv6 = false;
		frame_write(port, mbuf, ends, RTE_ETHER_HDR_LEN, true);
	}
}

void net_frame_write(const struct net_port *port, struct rte_mbuf *mbuf,
		     const struct net_flow *flow)
{
	struct net_ends ends = ends_of(flow);
	frame_write_sized(port, mbuf, &ends);
}

void net_frame_send(const struct net_port *port, struct rte_mbuf *mbuf, struct net_ends ends)
{
	frame_write_sized(port, mbuf, &ends);
}

void net_frame_answer(const struct net_port *port, struct rte_mbuf *mbuf)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	struct net_ends ends = {
		.source = query->local_addr,
		.destination = query->client_addr,
		.mac = (const struct rte_ether_addr *)(const void *)query->client_mac,
		.source_port = query->local_port,
		.destination_port = query->client_port,
		.ipv6 = (query->flags & QUERY_IPV6) != 0,
	};
	frame_write_sized(port, mbuf, &ends);
}

rte_be16_t net_frame_checksum(const struct net_flow *flow, struct rte_mbuf *mbuf)
{
	struct net_ends ends = ends_of(flow);
	return udp_checksum(&ends, addresses_sum(&ends), packet_dns(mbuf),
			    (uint16_t)(sizeof(struct rte_udp_hdr) + packet_of(mbuf)->dns_length));
}

/* ---- in fragments ---- */

/* Of one datagram: what its fragments have in common. */
struct cut {
	uint16_t l2;
	uint16_t header; /* bytes of IP and fragment headers */
	uint16_t step;	 /* bytes of the datagram in each fragment but the last */
	uint16_t length; /* of the datagram */
	uint32_t id;
	bool ipv6;
};

/* Makes the headers of a fragment, a copy of those of the whole, say which part it is. */
static void place_write(const struct cut *cut, uint8_t *l3, uint16_t offset, uint16_t part)
{
	bool more = offset + part < cut->length;
	if (cut->ipv6) {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)l3;
		ip->payload_len = rte_cpu_to_be_16(
			(uint16_t)(sizeof(struct rte_ipv6_fragment_ext) + part));
		ip->proto = IPPROTO_FRAGMENT;
		*(struct rte_ipv6_fragment_ext *)(ip + 1) = (struct rte_ipv6_fragment_ext){
			.next_header = IPPROTO_UDP,
			.frag_data = rte_cpu_to_be_16(RTE_IPV6_SET_FRAG_DATA(offset, more)),
			.id = cut->id,
		};
		return;
	}
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(cut->header + part));
	ip->packet_id = (rte_be16_t)cut->id;
	ip->fragment_offset = rte_cpu_to_be_16(
		(uint16_t)(offset / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* A further fragment, out of the frame of the whole. */
static void part_write(const struct cut *cut, struct rte_mbuf *part, const uint8_t *frame,
		       uint16_t offset)
{
	uint16_t plain = cut->l2 + (cut->ipv6 ? sizeof(struct rte_ipv6_hdr) : cut->header);
	uint16_t length = RTE_MIN(cut->step, (uint16_t)(cut->length - offset));
	uint8_t *to = rte_pktmbuf_mtod(part, uint8_t *);
	memcpy(to, frame, plain);
	place_write(cut, to + cut->l2, offset, length);
	memcpy(to + cut->l2 + cut->header, frame + plain + offset, length);
	part->data_len = (uint16_t)(cut->l2 + cut->header + length);
	part->pkt_len = part->data_len;
}

/* The first fragment stays where the whole was; for IPv6 its headers make room for one more. */
static void first_write(const struct cut *cut, struct rte_mbuf *mbuf)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	if (cut->ipv6) {
		const uint16_t more = sizeof(struct rte_ipv6_fragment_ext);
		memmove(frame - more, frame, cut->l2 + sizeof(struct rte_ipv6_hdr));
		mbuf->data_off = (uint16_t)(mbuf->data_off - more);
		packet_of(mbuf)->dns_offset = (uint16_t)(packet_of(mbuf)->dns_offset + more);
		frame -= more;
	}
	mbuf->data_len = (uint16_t)(cut->l2 + cut->header + cut->step);
	mbuf->pkt_len = mbuf->data_len;
	place_write(cut, frame + cut->l2, 0, cut->step);
}

unsigned net_fragments_write(const struct net_port *port, struct rte_mbuf *mbuf,
			     const struct net_flow *flow, uint16_t mtu, struct rte_mempool *pool,
			     uint32_t id, struct rte_mbuf *out[static NET_FRAGMENTS_MAX])
{
	struct cut cut = {
		.l2 = ethernet_size(port),
		.header = sizeof(struct rte_ipv4_hdr),
		.length = (uint16_t)(sizeof(struct rte_udp_hdr) + packet_of(mbuf)->dns_length),
		.id = id,
		.ipv6 = flow->destination.ipv6,
	};
	if (cut.ipv6)
		cut.header = sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_ipv6_fragment_ext);
	cut.step = (uint16_t)((mtu - cut.header) & ~7u);
	unsigned count = 1;
	while (count * cut.step < cut.length)
		count++;
	if (count > NET_FRAGMENTS_MAX ||
	    (count > 1 && rte_pktmbuf_alloc_bulk(pool, out + 1, count - 1) != 0))
		return 0;
	struct net_ends ends = ends_of(flow);
	frame_write(port, mbuf, &ends, cut.l2, false);
	out[0] = mbuf;
	for (unsigned i = 1; i < count; i++)
		part_write(&cut, out[i], rte_pktmbuf_mtod(mbuf, const uint8_t *),
			   (uint16_t)(i * cut.step));
	if (count > 1)
		first_write(&cut, mbuf);
	return count;
}
