/* SPDX-License-Identifier: BSD-2-Clause */
/* What frames are to the kernel, which is host for whatever Sluice is not. Workers only. */
#ifndef SLUICE_DATAPLANE_NET_HOST_FRAME_H
#define SLUICE_DATAPLANE_NET_HOST_FRAME_H

#include "dataplane/net/net.h"

/*
 * Whether a classified frame keeps alive what the kernel has already: segments of connections, words
 * of routing daemons, answers to its own ARP and neighbour discovery. What strangers can begin (TCP
 * connections, UDP, ICMP, questions) does not matter so much.
 */
bool net_frame_matters(struct rte_mbuf *mbuf);

/* Takes the VLAN tag off a classified frame: the kernel's interface is that VLAN's. */
void net_frame_untag(struct rte_mbuf *mbuf);

/* What a frame out of the kernel is, as far as its first buffer tells. */
enum net_host_frame {
	NET_HOST_FRAME,
	NET_HOST_FRAME_UDP,    /* `port` gets its source port, host byte order */
	NET_HOST_FRAME_ANSWER, /* about an address of the port's: Sluice has given it already */
};

enum net_host_frame net_host_frame_read(const struct net_port *net, struct rte_mbuf *mbuf,
					uint16_t *port);

#endif
