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
	NET_CLASS_UDP,
	NET_CLASS_ARP,
	NET_CLASS_ICMP,
	NET_CLASS_ICMP6, /* neighbour discovery included */
};

/* Where a frame goes; ports in host byte order. */
struct net_flow {
	struct net_address source;
	struct net_address destination;
	uint16_t source_port;
	uint16_t destination_port;
	struct rte_ether_addr destination_mac;
};

/*
 * Says what a received frame is and fills in its struct packet from nothing: offsets, ports and
 * addresses (the sender as client, the destination as local). Padding behind the IP packet is cut
 * off. NET_CLASS_DROP comes with the reason.
 */
enum net_class net_frame_classify(const struct net_port *port, struct rte_mbuf *mbuf,
				  uint8_t *drop_reason);

/*
 * Puts fresh headers before the DNS message, whatever stood there: the address family may be
 * another than the received one. The message itself does not move. Checksums are computed by the
 * port where it can, here where not.
 */
void net_frame_write(const struct net_port *port, struct rte_mbuf *mbuf,
		     const struct net_flow *flow);

/* Ethernet header, with the port's VLAN tag if it has one. Returns its length. */
uint8_t net_ethernet_write(const struct net_port *port, uint8_t *frame,
			   const struct rte_ether_addr *destination, uint16_t type);

/* Whether the address is the port's own. */
bool net_port_owns(const struct net_port *port, const uint8_t *address, bool ipv6);

#endif
