/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/blocks.h"

#include <string.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/timed_set.h"

void block_words(const uint8_t *address, bool ipv6, uint64_t words[static 2])
{
	words[0] = words[1] = 0;
	if (ipv6)
		memcpy(words, address, 16);
	else
		memcpy(words, address, 4);
}

/* What is not of the address goes into the seed. */
uint64_t block_client_hash(uint64_t seed, const struct block_client *client)
{
	uint64_t rest = (uint64_t)client->port << 32 | (uint64_t)client->length << 16 |
			(uint64_t)client->port_bits << 8 | client->ipv6;
	return timed_set_hash(seed ^ rest * 0x9e3779b97f4a7c15u, client->words);
}

uint64_t block_name_hash(uint64_t seed, const uint8_t *name, size_t length)
{
	return dns_name_hash(name, length, seed) | (uint64_t)1 << 63;
}

static bool client_is_same(const struct block_client *a, const struct block_client *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1] && a->port == b->port &&
	       a->length == b->length && a->port_bits == b->port_bits && a->ipv6 == b->ipv6;
}

/* The client as a block of this shape would have it. */
static inline void client_shape(const struct block_shape *shape, const uint64_t words[static 2],
				bool ipv6, uint16_t port, struct block_client *client)
{
	client->words[0] = words[0] & shape->mask[0];
	client->words[1] = words[1] & shape->mask[1];
	client->port = port & shape->port_mask;
	client->length = shape->length;
	client->port_bits = shape->port_bits;
	client->ipv6 = ipv6;
}

/* The next cell from `at` on that has this hash; NULL after the last. */
static inline const struct block *cell_next(const struct block_table *table, uint64_t hash,
					    uint32_t *at)
{
	for (;; ++*at) {
		const struct block_cell *cell = &table->cells[*at & table->mask];
		uint64_t found = __atomic_load_n(&cell->hash, __ATOMIC_ACQUIRE);
		if (found == 0)
			return NULL;
		const struct block *block = __atomic_load_n(&cell->block, __ATOMIC_ACQUIRE);
		if (found == hash && block != NULL) {
			++*at;
			return block;
		}
	}
}

static inline bool is_over(const struct block *block, uint64_t now)
{
	return __atomic_load_n(&block->until, __ATOMIC_RELAXED) <= now;
}

const struct block *blocks_find_client(const struct blocks *blocks, const uint8_t *address,
				       bool ipv6, uint16_t port, uint64_t now)
{
	struct block_client client;
	const struct block *block;
	uint64_t words[2];
	block_words(address, ipv6, words);
	for (unsigned i = 0; i < blocks->n_shapes[ipv6]; i++) {
		client_shape(&blocks->shapes[ipv6][i], words, ipv6, port, &client);
		uint64_t hash = block_client_hash(blocks->seed, &client);
		uint32_t at = (uint32_t)hash;
		while ((block = cell_next(blocks->clients, hash, &at)) != NULL)
			if (client_is_same(&block->client, &client) && !is_over(block, now))
				return block;
	}
	return NULL;
}

void blocks_prefetch_client(const struct blocks *blocks, const uint8_t *address, bool ipv6,
			    uint16_t port)
{
	struct block_client client;
	uint64_t words[2];
	if (blocks->n_shapes[ipv6] == 0)
		return;
	block_words(address, ipv6, words);
	client_shape(&blocks->shapes[ipv6][0], words, ipv6, port, &client);
	uint32_t at = (uint32_t)block_client_hash(blocks->seed, &client);
	rte_prefetch0(&blocks->clients->cells[at & blocks->clients->mask]);
}

static const struct block *name_find(const struct blocks *blocks, const uint8_t *name,
				     size_t length, uint64_t now)
{
	const struct block *block;
	uint64_t hash = block_name_hash(blocks->seed, name, length);
	uint32_t at = (uint32_t)hash;
	while ((block = cell_next(blocks->names, hash, &at)) != NULL)
		if (dns_name_equal(block->name, block->name_length, name, length) &&
		    !is_over(block, now))
			return block;
	return NULL;
}

const struct block *blocks_find_name(const struct blocks *blocks, const uint8_t *name,
				     size_t length, uint64_t now)
{
	uint8_t offsets[DNS_LABELS_MAX];
	if (blocks->names == NULL || length == 0)
		return NULL;
	unsigned labels = dns_name_split(name, length, offsets);
	for (unsigned skip = 0; skip <= labels; skip++) {
		unsigned left = labels - skip;
		if ((blocks->labels[left / 64] >> left % 64 & 1) == 0)
			continue;
		size_t at = skip < labels ? offsets[skip] : length - 1;
		const struct block *block = name_find(blocks, name + at, length - at, now);
		if (block != NULL)
			return block;
	}
	return NULL;
}
