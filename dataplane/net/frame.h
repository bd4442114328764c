/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames in and out: Ethernet, 802.1Q, IPv4 (RFC 791), IPv6 (RFC 8200) and UDP (RFC 768). Workers
 * only. Every length is checked before the header over it is formed.
 */
#ifndef SLUICE_DATAPLANE_NET_FRAME_H
#define SLUICE_DATAPLANE_NET_FRAME_H

#include "dataplane/net/net.h"
#include "dataplane/packet.h"
#include "dataplane/stats.h"

enum net_class {
	NET_CLASS_DROP,
	NET_CLASS_HOST, /* nothing for Sluice; a host with our addresses would look at it */
	NET_CLASS_UDP,
	NET_CLASS_ARP,
	NET_CLASS_ICMP,
	NET_CLASS_ICMP6, /* neighbour discovery included */
	NET_CLASS_FRAGMENT, /* of UDP for us */
	NET_CLASS_CHAINED, /* in several buffers: to be asked again once it is in one */
};

/* Where a frame goes; ports in host byte order. */
struct net_flow {
	struct net_address source;
	struct net_address destination;
	uint16_t source_port;
	uint16_t destination_port;
	struct rte_ether_addr destination_mac;
	uint8_t dscp; /* RFC 2474: the upper six bits of the traffic class */
};

/* The same where others have the addresses: those of IPv4 are four bytes, those of IPv6 sixteen. */
struct net_ends {
	const uint8_t *source, *destination;
	const struct rte_ether_addr *mac; /* of the next hop */
	uint16_t source_port, destination_port;
	uint8_t dscp;
	bool ipv6;
};

/* Flags that say how an mbuf holds its memory. Whoever clears the others keeps these. */
#define NET_MBUF_ATTACHED (RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT)

/*
 * Says what a received frame is and fills in its struct packet from nothing: offsets, ports and
 * addresses (the sender as client, the destination as local; query.port is the caller's). Padding
 * behind the IP packet is cut off. dns_offset is where the message of ARP, ICMP or UDP begins, and
 * what a fragment carries. NET_CLASS_DROP comes with the reason, and so does NET_CLASS_HOST: where
 * there is no host to take such a frame, it is dropped for that.
 *
 * Groups are for ICMPv6 alone: all nodes, and the solicited-node groups of our addresses (RFC 4291,
 * section 2.7.1); what is for other groups, or for everybody, is the host's. There the source may be unspecified too, for duplicate address detection.
 */
enum net_class net_frame_classify(const struct net_port *port, struct rte_mbuf *mbuf,
				  uint8_t *drop_reason);

/* The rest of it, for a packet whose UDP header stands at `offset` and that ends at `end`. */
enum net_class net_udp_classify(struct rte_mbuf *mbuf, uint32_t offset, uint32_t end,
				uint8_t *reason);

/*
 * A received frame in one buffer: its own first one if that has room, else one of `pool`'s. NULL: it
 * stays as it is, to be dropped for *reason.
 */
struct rte_mbuf *net_frame_whole(struct rte_mbuf *mbuf, struct rte_mempool *pool, uint8_t *reason);

/*
 * Puts fresh headers before the DNS message, whatever stood there: the address family may be
 * another than the received one. The message itself does not move. Checksums are computed by the
 * port where it can, here where not.
 */
void net_frame_write(const struct net_port *port, struct rte_mbuf *mbuf,
		     const struct net_flow *flow);

/* The same, without a copy of what is written. */
void net_frame_send(const struct net_port *port, struct rte_mbuf *mbuf, struct net_ends ends);

/* The same to whom the query came from, as its query_state says; without a proxy between. */
void net_frame_answer(const struct net_port *port, struct rte_mbuf *mbuf);

/* The UDP checksum of a message that net_frame_write() wrote, whoever computes it. */
rte_be16_t net_frame_checksum(const struct net_flow *flow, struct rte_mbuf *mbuf);

/* Fragments that a message of ours is in at most: the largest, over the smallest MTU that a port has. */
#define NET_FRAGMENTS_MAX 8u

/*
 * As net_frame_write(), in frames of at most `mtu` bytes of IP (RFC 791, without DF; RFC 8200, section
 * 4.5), all of their checksums computed here. `id` is unpredictable (RFC 7739). `mbuf` becomes the first
 * of `out`, the others come from `pool`: each is in one buffer, which any device sends; those that
 * rte_ip_frag would make are in several, and have no ID over IPv6. Returns how many there are; 0: there
 * are not enough buffers, and `mbuf` is as it was.
 */
unsigned net_fragments_write(const struct net_port *port, struct rte_mbuf *mbuf,
			     const struct net_flow *flow, uint16_t mtu, struct rte_mempool *pool,
			     uint32_t id, struct rte_mbuf *out[static NET_FRAGMENTS_MAX]);

/* Ethernet header, with the port's VLAN tag if it has one. Returns its length. */
uint8_t net_ethernet_write(const struct net_port *port, uint8_t *frame,
			   const struct rte_ether_addr *destination, uint16_t type);

/*
 * Gives a classified packet that goes back a fresh Ethernet header in place of its own. The tag it
 * came with may be missing (stripped by the port) or of priority alone. What follows stays where
 * it is; the offsets are set anew. `destination` is not within the frame.
 */
void net_ethernet_replace(const struct net_port *port, struct rte_mbuf *mbuf,
			  const struct rte_ether_addr *destination, uint16_t type);

/* Whether the address is the port's own. */
bool net_port_owns(const struct net_port *port, const uint8_t *address, bool ipv6);

#endif
