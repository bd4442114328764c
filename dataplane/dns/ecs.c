/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/ecs.h"

#include <errno.h>

#define FAMILY_IPV4 1u
#define FAMILY_IPV6 2u

void dns_ecs_make(struct dns_ecs *ecs, const uint8_t *address, bool ipv6, uint8_t prefix)
{
	uint8_t bits = ipv6 ? 128 : 32;
	if (prefix > bits)
		prefix = bits;
	size_t bytes = (prefix + 7u) / 8;
	uint8_t *data = ecs->wire + 4;
	dns_u16_store(ecs->wire, DNS_OPTION_ECS);
	dns_u16_store(ecs->wire + 2, (uint16_t)(DNS_ECS_HEAD + bytes));
	dns_u16_store(data, ipv6 ? FAMILY_IPV6 : FAMILY_IPV4);
	data[2] = prefix;
	data[DNS_ECS_SCOPE] = 0;
	memcpy(data + DNS_ECS_HEAD, address, ipv6 ? 16 : 4); /* more than needed, of known length */
	if (prefix % 8 != 0)
		data[DNS_ECS_HEAD + bytes - 1] &= (uint8_t)(0xff00u >> prefix % 8);
	ecs->length = (uint8_t)(4 + DNS_ECS_HEAD + bytes);
}

/* The only option of its code, of the same length; else 0. Its offset. */
static size_t place_of(const uint8_t *message, const struct dns_edns *edns,
		       const struct dns_ecs *ecs)
{
	struct dns_options options;
	struct dns_option option;
	size_t place = 0;
	int more;
	dns_options_open(&options, message, edns);
	while ((more = dns_option_next(&options, &option)) > 0) {
		if (option.code != DNS_OPTION_ECS)
			continue;
		if (place != 0 || option.length != dns_ecs_data_length(ecs))
			return 0;
		place = option.start;
	}
	return more == 0 ? place : 0;
}

/* Whether the OPT is sound, and has no option of this code. */
static bool is_without(const uint8_t *message, const struct dns_edns *edns)
{
	struct dns_option option;
	return dns_option_find(message, edns, DNS_OPTION_ECS, &option) == 0;
}

static int opt_append(uint8_t *message, size_t length, const struct dns_ecs *ecs,
		      uint16_t udp_size)
{
	uint8_t *opt = message + length;
	memset(opt, 0, DNS_OPT_SIZE);
	dns_u16_store(opt + 1, DNS_TYPE_OPT);
	dns_u16_store(opt + DNS_OPT_SIZE_OFFSET, udp_size);
	opt[DNS_OPT_SIZE - 1] = ecs->length;
	memcpy(opt + DNS_OPT_SIZE, ecs->wire, ecs->length);
	dns_count_store(message, DNS_SECTION_ADDITIONAL, 1);
	return (int)(length + DNS_OPT_SIZE + ecs->length);
}

int dns_ecs_put(uint8_t *message, size_t length, size_t capacity, size_t question_end,
		const struct dns_edns *edns, const struct dns_ecs *ecs, uint16_t udp_size)
{
	size_t limit = capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX;
	size_t place;
	if (edns->offset == 0 && length == question_end && limit - length >= DNS_ECS_ROOM)
		return opt_append(message, length, ecs, udp_size);
	if (edns->offset != 0 && edns->last && edns->end == length &&
	    limit - length >= ecs->length && is_without(message, edns)) {
		memcpy(message + length, ecs->wire, ecs->length);
		dns_u16_store(message + edns->rdata - 2, edns->rdlength + ecs->length);
		return (int)(length + ecs->length);
	}
	if (edns->offset != 0 && (place = place_of(message, edns, ecs)) != 0) {
		memcpy(message + place, ecs->wire, ecs->length);
		return (int)length;
	}
	return dns_option_set(message, length, capacity, DNS_OPTION_ECS, dns_ecs_data(ecs),
			      dns_ecs_data_length(ecs), udp_size);
}

bool dns_ecs_is_for_all(const uint8_t *response, size_t length, const uint8_t *data,
			size_t data_length)
{
	struct dns_option option;
	struct dns_edns edns;
	return dns_edns_search(response, length, &edns) == DNS_OK && edns.offset != 0 &&
	       dns_option_find(response, &edns, DNS_OPTION_ECS, &option) > 0 &&
	       option.length == data_length &&
	       memcmp(response + option.data, data, data_length) == 0;
}
