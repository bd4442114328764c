/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

bool backend_pool_available(const struct policy *policy, uint16_t number)
{
	if (number >= policy->n_pools)
		return false;
	const struct policy_pool *pool = &policy->pools[number];
	for (unsigned i = 0; i < pool->count; i++)
		if (backend_is_up(policy->backends[pool->servers[i]]))
			return true;
	return false;
}

uint64_t backend_outstanding(uint16_t number, const struct backend_stats *const *stats)
{
	uint64_t sum = 0;
	for (; *stats != NULL; stats++)
		sum += backend_unanswered(&(*stats)[number]);
	return sum;
}

uint64_t backend_pool_outstanding(const struct policy *policy, uint16_t number,
				  const struct backend_stats *const *stats)
{
	uint64_t sum = 0;
	if (number >= policy->n_pools)
		return 0;
	const struct policy_pool *pool = &policy->pools[number];
	for (unsigned i = 0; i < pool->count; i++)
		sum += backend_outstanding(pool->servers[i], stats);
	return sum;
}

static int port_parse(const char *text, uint16_t *port)
{
	unsigned value = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (value == 0 || value > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

int backend_address_parse(const char *text, uint16_t default_port, struct net_address *address,
			  uint16_t *port)
{
	char host[INET6_ADDRSTRLEN];
	bool bracket = text[0] == '[';
	const char *start = text + bracket;
	const char *end = bracket ? strchr(start, ']') : strchr(start, ':');

	/* Two colons without brackets: IPv6 without a port. */
	if (!end || (!bracket && strchr(end + 1, ':')))
		end = bracket ? NULL : start + strlen(start);
	if (!end || (size_t)(end - start) >= sizeof(host))
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	bool ipv6 = strchr(host, ':') != NULL;
	*address = (struct net_address){.ipv6 = ipv6};
	*port = default_port;
	if ((bracket && !ipv6) || inet_pton(ipv6 ? AF_INET6 : AF_INET, host, address->bytes) != 1)
		return -EINVAL;
	end += bracket;
	if (*end == '\0')
		return 0;
	return *end == ':' ? port_parse(end + 1, port) : -EINVAL;
}

void backend_address_print(const struct net_address *address, uint16_t port, char *text,
			   size_t size)
{
	char host[INET6_ADDRSTRLEN];
	inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, address->bytes, host, sizeof(host));
	snprintf(text, size, address->ipv6 ? "[%s]:%u" : "%s:%u", host, port);
}
