/* SPDX-License-Identifier: BSD-2-Clause */
/* Which port and next hop lead to an address. Cold: asked when a policy is built. */
#ifndef SLUICE_DATAPLANE_NET_ROUTE_H
#define SLUICE_DATAPLANE_NET_ROUTE_H

#include "dataplane/net/net.h"

struct net_route {
	uint8_t port; /* index into the list of ports */
	struct net_address next_hop;
	struct net_address source; /* ours on that link */
	uint32_t steer_hash; /* net_steer_hash() of the server; the caller's */
};

/* Whether the address is within the prefix: on its link, for the prefix of a port. Any thread. */
bool net_prefix_holds(const struct net_prefix *prefix, const struct net_address *address);

/*
 * The longest on-link prefix of any port, else the first gateway of the address's family. 0, or
 * -ENETUNREACH where neither leads there.
 */
int net_route_lookup(const struct net_port *ports, unsigned n_ports,
		     const struct net_address *destination, struct net_route *route);

#endif
