/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client subnet option (RFC 7871): what a server is told of where a query comes from.
 */
#ifndef SLUICE_DATAPLANE_DNS_ECS_H
#define SLUICE_DATAPLANE_DNS_ECS_H

#include "dataplane/dns/edns.h"

#define DNS_ECS_HEAD 4u /* of an option's data: family, source and scope prefix length */
#define DNS_ECS_SCOPE 3u /* where in it the scope is */
#define DNS_ECS_MAX 24u /* bytes of an option with an IPv6 address, code and length included */
#define DNS_ECS_ROOM (DNS_OPT_SIZE + DNS_ECS_MAX) /* the most by which a query grows */

/* An option as it goes into a query, its scope 0; no bytes: there is none. */
struct dns_ecs {
	uint8_t length;
	uint8_t wire[DNS_ECS_MAX];
};

/* Makes the option for the first `prefix` bits of an address; at most all of them. */
void dns_ecs_make(struct dns_ecs *ecs, const uint8_t *address, bool ipv6, uint8_t prefix);

static inline const uint8_t *dns_ecs_data(const struct dns_ecs *ecs)
{
	return ecs->wire + 4;
}

static inline size_t dns_ecs_data_length(const struct dns_ecs *ecs)
{
	return ecs->length - 4u;
}

/*
 * Puts the option into a query whose question ends at `question_end` and whose OPT is `edns`, in place
 * of all that it has; if there is no OPT, one of `udp_size` is added. As the edits of edns.h, and fast
 * where the OPT, or else the question, is the last of the message.
 */
int dns_ecs_put(uint8_t *message, size_t length, size_t capacity, size_t question_end,
		const struct dns_edns *edns, const struct dns_ecs *ecs, uint16_t udp_size);

/*
 * Whether a response says that it is for all subnets: it has the option's data as they were sent, and
 * with them the scope 0.
 */
bool dns_ecs_is_for_all(const uint8_t *response, size_t length, const uint8_t *data,
			size_t data_length);

#endif
