/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's network interfaces as policies see them. */
#include "control/lua/abi.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#define INTERFACES_MAX 1024u /* addresses; those beyond are not told of */

static struct interface {
	char name[IF_NAMESIZE];
	bool addressed;
	struct lua_prefix prefix;
} interfaces[INTERFACES_MAX];
static size_t n_interfaces;

static uint8_t mask_length(const uint8_t *mask, size_t size)
{
	unsigned bits = 0;
	while (bits < size * 8 && (mask[bits / 8] >> (7 - bits % 8) & 1) != 0)
		bits++;
	return (uint8_t)bits;
}

static const uint8_t *bytes_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6)
		return ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
	return (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
}

static void interface_keep(const struct ifaddrs *from)
{
	struct interface *to = &interfaces[n_interfaces++];
	const struct sockaddr *address = from->ifa_addr;
	memset(to, 0, sizeof(*to));
	strncpy(to->name, from->ifa_name, sizeof(to->name) - 1);
	if (address == NULL || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
		return;
	const size_t size = address->sa_family == AF_INET6 ? 16 : 4;
	to->addressed = true;
	to->prefix.ipv6 = size == 16;
	to->prefix.length = (uint8_t)(size * 8);
	memcpy(to->prefix.bytes, bytes_of(address), size);
	if (from->ifa_netmask != NULL && from->ifa_netmask->sa_family == address->sa_family)
		to->prefix.length = mask_length(bytes_of(from->ifa_netmask), size);
}

size_t sluice_interfaces_read(void)
{
	struct ifaddrs *list;
	n_interfaces = 0;
	if (getifaddrs(&list) != 0)
		return 0;
	for (struct ifaddrs *at = list; at != NULL && n_interfaces < INTERFACES_MAX; at = at->ifa_next)
		interface_keep(at);
	freeifaddrs(list);
	return n_interfaces;
}

bool sluice_interface_at(size_t index, struct lua_bytes *name, struct lua_prefix *prefix)
{
	if (index >= n_interfaces)
		return false;
	*name = (struct lua_bytes){interfaces[index].name, strlen(interfaces[index].name)};
	*prefix = interfaces[index].prefix;
	return interfaces[index].addressed;
}
