/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/blocks.h"

#include <string.h>

#include <rte_common.h>
#include <rte_prefetch.h>

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

static inline void cell_prefetch(const struct block_table *table, uint64_t hash)
{
	rte_prefetch0(&table->cells[(uint32_t)hash & table->mask]);
}

/* What the first cells point to, where their hashes are those that are looked for. */
static inline void block_prefetch(const struct block_table *table, const struct block_ask *ask)
{
	for (unsigned i = 0; i < ask->n_ahead; i++) {
		const struct block_cell *cell = &table->cells[(uint32_t)ask->ahead[i] & table->mask];
		if (__atomic_load_n(&cell->hash, __ATOMIC_ACQUIRE) != ask->ahead[i])
			continue;
		const struct block *block = __atomic_load_n(&cell->block, __ATOMIC_RELAXED);
		if (block == NULL)
			continue;
		rte_prefetch0(block);
		rte_prefetch0(block->name);
	}
}

static inline bool is_over(const struct block *block, uint64_t now)
{
	return __atomic_load_n(&block->until, __ATOMIC_RELAXED) <= now;
}

/* ---- clients ---- */

static const struct block *client_find(const struct blocks *blocks, const struct block_ask *ask,
				       uint64_t now)
{
	struct block_client client;
	const struct block *block;
	uint64_t words[2];
	block_words(ask->bytes, ask->ipv6, words);
	for (unsigned i = 0; i < blocks->n_shapes[ask->ipv6]; i++) {
		client_shape(&blocks->shapes[ask->ipv6][i], words, ask->ipv6, ask->port, &client);
		uint64_t hash = i < ask->n_ahead ? ask->ahead[i]
						 : block_client_hash(blocks->seed, &client);
		uint32_t at = (uint32_t)hash;
		while ((block = cell_next(blocks->clients, hash, &at)) != NULL)
			if (client_is_same(&block->client, &client) && !is_over(block, now))
				return block;
	}
	return NULL;
}

static void client_ahead(const struct blocks *blocks, struct block_ask *ask)
{
	struct block_client client;
	uint64_t words[2];
	block_words(ask->bytes, ask->ipv6, words);
	ask->n_ahead = (uint8_t)RTE_MIN(blocks->n_shapes[ask->ipv6], BLOCKS_AHEAD);
	for (unsigned i = 0; i < ask->n_ahead; i++) {
		client_shape(&blocks->shapes[ask->ipv6][i], words, ask->ipv6, ask->port, &client);
		ask->ahead[i] = block_client_hash(blocks->seed, &client);
		cell_prefetch(blocks->clients, ask->ahead[i]);
	}
}

void blocks_find_clients(const struct blocks *blocks, struct block_ask *asks, unsigned count,
			 uint64_t now)
{
	for (unsigned i = 0; i < count; i++)
		client_ahead(blocks, &asks[i]);
	for (unsigned i = 0; i < count; i++)
		block_prefetch(blocks->clients, &asks[i]);
	for (unsigned i = 0; i < count; i++)
		asks[i].found = client_find(blocks, &asks[i], now);
}

/* ---- names ---- */

static const struct block *name_find(const struct blocks *blocks, const uint8_t *name,
				     size_t length, uint64_t hash, uint64_t now)
{
	const struct block *block;
	uint32_t at = (uint32_t)hash;
	while ((block = cell_next(blocks->names, hash, &at)) != NULL)
		if (dns_name_equal(block->name, block->name_length, name, length) &&
		    !is_over(block, now))
			return block;
	return NULL;
}

/* The suffix after that which begins with label `*next` that some block has as many labels as. */
static bool suffix_next(const struct blocks *blocks, const struct block_ask *ask,
			const uint8_t *offsets, unsigned labels, unsigned *next, size_t *at)
{
	for (; *next <= labels; ++*next) {
		unsigned left = labels - *next;
		if ((blocks->labels[left / 64] >> left % 64 & 1) == 0)
			continue;
		*at = left > 0 ? offsets[*next] : ask->length - 1u;
		++*next;
		return true;
	}
	return false;
}

static const struct block *suffix_find(const struct blocks *blocks, const struct block_ask *ask,
				       uint64_t now)
{
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned labels = dns_name_split(ask->bytes, ask->length, offsets), next = 0;
	size_t at;
	for (unsigned i = 0; suffix_next(blocks, ask, offsets, labels, &next, &at); i++) {
		const uint8_t *suffix = ask->bytes + at;
		size_t length = ask->length - at;
		uint64_t hash = i < ask->n_ahead ? ask->ahead[i]
						 : block_name_hash(blocks->seed, suffix, length);
		const struct block *block = name_find(blocks, suffix, length, hash, now);
		if (block != NULL)
			return block;
	}
	return NULL;
}

static void suffix_ahead(const struct blocks *blocks, struct block_ask *ask)
{
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned labels = dns_name_split(ask->bytes, ask->length, offsets), next = 0;
	size_t at;
	ask->n_ahead = 0;
	while (ask->n_ahead < BLOCKS_AHEAD &&
	       suffix_next(blocks, ask, offsets, labels, &next, &at)) {
		uint64_t hash = block_name_hash(blocks->seed, ask->bytes + at, ask->length - at);
		ask->ahead[ask->n_ahead++] = hash;
		cell_prefetch(blocks->names, hash);
	}
}

void blocks_find_names(const struct blocks *blocks, struct block_ask *asks, unsigned count,
		       uint64_t now)
{
	for (unsigned i = 0; i < count; i++)
		suffix_ahead(blocks, &asks[i]);
	for (unsigned i = 0; i < count; i++)
		block_prefetch(blocks->names, &asks[i]);
	for (unsigned i = 0; i < count; i++)
		asks[i].found = suffix_find(blocks, &asks[i], now);
}
