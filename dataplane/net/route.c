/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/route.h"

#include <errno.h>

/* Answers come to the port that a query left from: so that has to have the address. */
static bool port_allowed(const struct net_port *ports, unsigned number,
			 const struct net_source *from)
{
	bool owns = !from->addressed;
	for (unsigned a = 0; a < ports[number].n_addresses && !owns; a++)
		owns = net_address_equal(&ports[number].addresses[a].address, &from->address);
	return owns && (from->port == 0 || from->port == number + 1);
}

static const struct net_prefix *link_of(const struct net_port *ports, unsigned n_ports,
					const struct net_address *address,
					const struct net_source *from, uint8_t *port)
{
	const struct net_prefix *best = NULL;
	for (unsigned p = 0; p < n_ports; p++)
		for (unsigned a = 0; a < ports[p].n_addresses; a++) {
			const struct net_prefix *prefix = &ports[p].addresses[a];
			if (net_prefix_holds(prefix, address) &&
			    (best == NULL || prefix->length > best->length) &&
			    port_allowed(ports, p, from)) {
				best = prefix;
				*port = (uint8_t)p;
			}
		}
	return best;
}

/* An address of ours for what goes to a gateway: on the gateway's link, else any of the family. */
static bool gateway_source(const struct net_port *port, const struct net_address *gateway,
			   struct net_address *source)
{
	const struct net_prefix *any = NULL;
	for (unsigned a = 0; a < port->n_addresses; a++) {
		const struct net_prefix *prefix = &port->addresses[a];
		bool link_local = prefix->address.ipv6 && prefix->address.bytes[0] == 0xfe &&
				  (prefix->address.bytes[1] & 0xc0) == 0x80;
		if (prefix->address.ipv6 != gateway->ipv6 || link_local)
			continue;
		if (any == NULL || net_prefix_holds(prefix, gateway))
			any = prefix;
	}
	if (any != NULL)
		*source = any->address;
	return any != NULL;
}

/* False: none leads there. */
static bool gateway_find(const struct net_port *ports, unsigned n_ports,
			 const struct net_address *destination, const struct net_source *from,
			 struct net_route *route)
{
	for (unsigned p = 0; p < n_ports; p++)
		for (unsigned g = 0; g < ports[p].n_gateways && port_allowed(ports, p, from); g++)
			if (ports[p].gateways[g].ipv6 == destination->ipv6 &&
			    gateway_source(&ports[p], &ports[p].gateways[g], &route->source)) {
				route->port = (uint8_t)p;
				route->next_hop = ports[p].gateways[g];
				return true;
			}
	return false;
}

int net_route_lookup(const struct net_port *ports, unsigned n_ports,
		     const struct net_address *destination, const struct net_source *from,
		     struct net_route *route)
{
	const struct net_prefix *link = link_of(ports, n_ports, destination, from, &route->port);
	if (link != NULL) {
		route->next_hop = *destination;
		route->source = link->address;
	} else if (!gateway_find(ports, n_ports, destination, from, route)) {
		return -ENETUNREACH;
	}
	if (from->addressed)
		route->source = from->address;
	return 0;
}
