/* SPDX-License-Identifier: BSD-2-Clause */
/* The frames of ARP and neighbour discovery. Private to the net room. */
#ifndef SLUICE_DATAPLANE_NET_NEIGHBOUR_FRAMES_H
#define SLUICE_DATAPLANE_NET_NEIGHBOUR_FRAMES_H

#include "dataplane/net/net.h"

#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136

/* What a received frame says. */
struct neighbour_news {
	struct net_address sender; /* all zero in duplicate address detection, an ARP probe */
	struct net_address target;
	struct rte_ether_addr mac; /* of the sender */
	bool has_mac;
	bool question;
	bool solicited; /* an advertisement that answers a question of ours */
	bool override;	/* replaces the MAC that is known (RFC 4861, section 4.4) */
};

/* False if the frame is malformed (RFC 826; RFC 4861, section 7.1). */
bool neighbour_arp_read(struct rte_mbuf *mbuf, struct neighbour_news *news);
bool neighbour_nd_read(struct rte_mbuf *mbuf, struct neighbour_news *news);

/* Turns a question about us, as it was read, into its answer; 90 bytes at most. */
void neighbour_arp_answer(const struct net_port *port, struct rte_mbuf *mbuf,
			  const struct neighbour_news *news);
void neighbour_nd_answer(const struct net_port *port, struct rte_mbuf *mbuf,
			 const struct neighbour_news *news);

/* Writes a question into an empty mbuf; to `mac` alone if it is not NULL. */
void neighbour_arp_ask(const struct net_port *port, struct rte_mbuf *mbuf,
		       const struct net_address *source, const struct net_address *target,
		       const struct rte_ether_addr *mac);
void neighbour_nd_ask(const struct net_port *port, struct rte_mbuf *mbuf,
		      const struct net_address *source, const struct net_address *target,
		      const struct rte_ether_addr *mac);

#endif
