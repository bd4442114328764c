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

/* Where packets to a server are to leave from, as far as somebody said. All zero: from anywhere. */
struct net_source {
	bool addressed;
	uint8_t port; /* as in struct net_route, and one; 0: any */
	struct net_address address; /* of one of our ports, if `addressed` */
};

/* Whether the address is within the prefix: on its link, for the prefix of a port. Any thread. */
static inline bool net_prefix_holds(const struct net_prefix *prefix,
				    const struct net_address *address)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;
	if (prefix->address.ipv6 != address->ipv6 ||
	    memcmp(prefix->address.bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       ((prefix->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

/*
 * The longest on-link prefix of any port, else the first gateway of the address's family; of the
 * ports that `from` allows. 0, or -ENETUNREACH where neither leads there.
 */
int net_route_lookup(const struct net_port *ports, unsigned n_ports,
		     const struct net_address *destination, const struct net_source *from,
		     struct net_route *route);

#endif
