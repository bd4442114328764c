/* SPDX-License-Identifier: BSD-2-Clause */
/* What policies see of the network beside packets: interfaces, neighbours, hosts by name. */
#include "control/lua/abi.h"

#include <errno.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "control/net/neighbours.h"

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

/* ---- hosts ---- */

int sluice_lookup(const char *host, int32_t reference)
{
	const struct lua_context *context = lua_abi_context();
	if (context->hooks == NULL || context->hooks->lookup == NULL)
		return -ENOTSUP;
	return context->hooks->lookup(context->hooks_ctx, host, reference);
}

int sluice_send(const struct lua_address *to, uint32_t sender, const char *text, size_t length)
{
	const struct lua_context *context = lua_abi_context();
	if (context->hooks == NULL || context->hooks->send == NULL)
		return -ENOTSUP;
	return context->hooks->send(context->hooks_ctx, to, sender, text, length);
}

const struct lua_resolved *sluice_resolved(void)
{
	return lua_abi_context()->resolved;
}

/* Of late queries and responses, the newest that knows it. */
static bool recent_mac(const struct lua_address *address, uint8_t *mac)
{
	struct lua_recents *recents = sluice_recents_open(3, 0);
	bool found = false;
	if (recents == NULL)
		return false;
	const struct lua_recent *const *entries = sluice_recents_array(recents);
	double newest = 0;
	for (size_t i = 0; i < sluice_recents_count(recents); i++) {
		const struct lua_recent *entry = entries[i];
		if (!entry->has_mac || entry->client.ipv6 != address->ipv6 ||
		    memcmp(entry->client.bytes, address->bytes, 16) != 0 ||
		    (found && entry->when <= newest))
			continue;
		memcpy(mac, entry->mac, sizeof(entry->mac));
		newest = entry->when;
		found = true;
	}
	sluice_recents_free(recents);
	return found;
}

bool sluice_address_mac(const struct lua_address *address, uint8_t *mac)
{
	return recent_mac(address, mac) ||
	       kernel_neighbour_find(address->bytes, address->ipv6, mac) == 0;
}
