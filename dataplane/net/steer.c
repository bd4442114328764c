/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/steer.h"

#include <errno.h>

#include <rte_thash.h>

#define WORDS_IPV4 3u /* what is hashed, in words of 32 bits: two addresses, two ports */
#define WORDS_IPV6 9u

/* As RSS sees an answer from the server; its words in host byte order, as rte_softrss() wants them. */
static uint32_t hash_of(const struct net_steer *steer, const uint8_t *server, uint16_t port,
			const uint8_t *ours, uint16_t source_port)
{
	uint32_t words[WORDS_IPV6];
	unsigned address = steer->ipv6 ? 4 : 1, n = steer->ipv6 ? WORDS_IPV6 : WORDS_IPV4;
	memcpy(words, server, address * sizeof(*words));
	memcpy(words + address, ours, address * sizeof(*words));
	for (unsigned i = 0; i < 2 * address; i++)
		words[i] = rte_be_to_cpu_32(words[i]);
	words[n - 1] = (uint32_t)port << 16 | source_port;
	return rte_softrss(words, n, (const uint8_t *)steer->key);
}

uint32_t net_steer_hash(const struct net_steer *steer, const struct net_address *server,
			uint16_t port, const struct net_address *ours)
{
	return hash_of(steer, server->bytes, port, ours->bytes, 0);
}

unsigned net_steer_queue(const struct net_steer *steer, const uint8_t *server, uint16_t port,
			 const uint8_t *ours, uint16_t source_port)
{
	return steer->table[hash_of(steer, server, port, ours, source_port) & steer->mask];
}

static void entries_sort(struct net_steer *steer, unsigned queues)
{
	uint16_t count = 0;
	for (unsigned queue = 0; queue < queues; queue++) {
		steer->entries_start[queue] = count;
		for (unsigned i = 0; i <= steer->mask; i++)
			if (steer->table[i] == queue)
				steer->entries[count++] = (uint16_t)i;
	}
	steer->entries_start[queues] = count;
}

static uint32_t class_of(const struct net_steer *steer, uint32_t source_port)
{
	static const uint8_t nobody[16];
	return hash_of(steer, nobody, 0, nobody, (uint16_t)source_port) & steer->mask;
}

static void classes_sort(struct net_steer *steer)
{
	uint32_t next[NET_STEER_ENTRIES_MAX];
	for (uint32_t port = NET_STEER_PORTS_FIRST; port <= UINT16_MAX; port++)
		steer->class_start[class_of(steer, port) + 1]++;
	for (unsigned class = 0; class <= steer->mask; class++) {
		steer->class_start[class + 1] += steer->class_start[class];
		next[class] = steer->class_start[class];
	}
	for (uint32_t port = NET_STEER_PORTS_FIRST; port <= UINT16_MAX; port++)
		steer->class_ports[next[class_of(steer, port)]++] = (uint16_t)port;
}

/* The least of what a queue has, over all hashes that servers can have; 0: some class is empty. */
static uint32_t least_ports(const struct net_steer *steer, unsigned queues)
{
	uint32_t least = NET_STEER_PORTS;
	for (unsigned class = 0; class <= steer->mask; class++)
		if (steer->class_start[class + 1] == steer->class_start[class])
			return 0;
	for (unsigned queue = 0; queue < queues; queue++)
		for (uint32_t hash = 0; hash <= steer->mask; hash++) {
			uint32_t ports = 0;
			for (unsigned i = steer->entries_start[queue];
			     i < steer->entries_start[queue + 1]; i++) {
				uint32_t class = steer->entries[i] ^ hash;
				ports += steer->class_start[class + 1] - steer->class_start[class];
			}
			least = RTE_MIN(least, ports);
		}
	return least;
}

static bool table_is_usable(const uint16_t *table, unsigned entries, unsigned queues)
{
	if (entries == 0 || entries > NET_STEER_ENTRIES_MAX || !rte_is_power_of_2(entries) ||
	    queues > NET_STEER_QUEUES_MAX)
		return false;
	for (unsigned i = 0; i < entries; i++)
		if (table[i] >= queues)
			return false;
	return true;
}

int net_steer_fill(struct net_steer *steer, const uint8_t key[static NET_STEER_KEY_MIN],
		   const uint16_t *table, unsigned entries, unsigned queues, bool ipv6)
{
	if (!table_is_usable(table, entries, queues))
		return -ENOTSUP;
	steer->mask = entries - 1;
	steer->ipv6 = ipv6;
	memcpy(steer->key, key, sizeof(steer->key));
	memcpy(steer->table, table, entries * sizeof(*table));
	entries_sort(steer, queues);
	classes_sort(steer);
	steer->least = least_ports(steer, queues);
	return steer->least == 0 ? -ENOTSUP : 0;
}
