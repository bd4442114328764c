/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP: echo replies (RFC 792; RFC 4443, section 4), and what others need of it. Workers only. */
#ifndef SLUICE_DATAPLANE_NET_ICMP_H
#define SLUICE_DATAPLANE_NET_ICMP_H

#include "dataplane/net/net.h"
#include "dataplane/stats.h"

#define ICMP_ECHO_PER_SECOND 1000u /* of one worker; a multiple of 1000 */
#define ICMP_ECHO_BURST 100u	   /* replies at once after a silence */

/* A token bucket that is full when all is zero. Owned by one worker. */
struct icmp {
	uint64_t filled; /* ms */
	uint32_t spent;	 /* tokens that it lacks */
};

/* Whether one more may be handled now, of what nobody has a right to. */
bool icmp_rate_allows(struct icmp *icmp, uint64_t now);

/* Whether the message of a classified ICMP or ICMPv6 packet is intact. */
bool icmp_checksum_good(struct rte_mbuf *mbuf);

/*
 * Takes a packet that net_frame_classify() called ICMP or ICMP6: an echo request for us goes back
 * as its reply; beyond the rate it is counted and freed. False for anything else, which stays the
 * caller's: so do requests with a bad checksum (the reply would carry a good one), with IPv4 options or
 * IPv6 extension headers, or longer than the MTU. `now` in milliseconds.
 */
bool icmp_input(struct icmp *icmp, const struct net_port *port, struct rte_mbuf *mbuf, uint64_t now,
		struct net_tx *tx, struct stats *stats);

#endif
