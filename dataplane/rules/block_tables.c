/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of dynamic blocks, and what workers have to look for in them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/block_parts.h"

#define CELLS_MIN 1024u /* cells of removed blocks count until the table is made anew */

static struct block_table *table_new(uint32_t count)
{
	uint32_t cells = CELLS_MIN;
	while (cells / 4 < count)
		cells *= 2;
	struct block_table *table =
		calloc(1, sizeof(*table) + (size_t)cells * sizeof(struct block_cell));
	if (table == NULL)
		return NULL;
	table->retired.slot = BLOCK_SLOT_NONE;
	table->retired.memory = table;
	table->mask = cells - 1;
	return table;
}

static uint64_t hash_of(const struct block_set *set, const struct block *block)
{
	return block->name_length > 0
		       ? block_name_hash(set->seed, block->name, block->name_length)
		       : block_client_hash(set->seed, &block->client);
}

static void cell_put(struct block_table *table, uint64_t hash, struct block *block)
{
	for (uint32_t at = (uint32_t)hash;; at++) {
		struct block_cell *cell = &table->cells[at & table->mask];
		if (cell->hash == hash && cell->block == NULL) { /* one that was removed: again */
			__atomic_store_n(&cell->block, block, __ATOMIC_RELEASE);
			return;
		}
		if (cell->hash != 0)
			continue;
		table->used++;
		cell->block = block;
		__atomic_store_n(&cell->hash, hash, __ATOMIC_RELEASE);
		return;
	}
}

void block_table_put(const struct block_set *set, struct block_table *table, struct block *block)
{
	cell_put(table, hash_of(set, block), block);
}

static bool is_same(const struct block *a, const struct block *b)
{
	if (a->name_length > 0)
		return dns_name_equal(a->name, a->name_length, b->name, b->name_length);
	return memcmp(a->client.words, b->client.words, sizeof(a->client.words)) == 0 &&
	       a->client.port == b->client.port && a->client.length == b->client.length &&
	       a->client.port_bits == b->client.port_bits && a->client.ipv6 == b->client.ipv6;
}

struct block_cell *block_cell_find(const struct block_set *set, const struct block *key)
{
	struct block_table *table = set->tables[block_kind(key)];
	if (table == NULL)
		return NULL;
	uint64_t hash = hash_of(set, key);
	for (uint32_t at = (uint32_t)hash;; at++) {
		struct block_cell *cell = &table->cells[at & table->mask];
		if (cell->hash == 0)
			return NULL;
		if (cell->hash == hash && cell->block != NULL && is_same(cell->block, key))
			return cell;
	}
}

bool block_table_is_full(const struct block_table *table)
{
	return table == NULL || table->used > table->mask / 2;
}

struct block_table *block_table_renew(const struct block_set *set, enum block_kind kind)
{
	const struct block_table *old = set->tables[kind];
	struct block_table *table = table_new(set->counts[kind] + 1);
	if (table == NULL || old == NULL)
		return table;
	for (uint32_t i = 0; i <= old->mask; i++)
		if (old->cells[i].block != NULL)
			cell_put(table, old->cells[i].hash, old->cells[i].block);
	return table;
}

/* ---- what there is to look up ---- */

static void mask_make(uint8_t length, bool ipv6, uint64_t mask[static 2])
{
	uint8_t bytes[16] = {0};
	for (unsigned i = 0; i < length; i++)
		bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	block_words(bytes, ipv6, mask);
}

static uint16_t port_mask(uint8_t bits)
{
	return (uint16_t)~(0xffffu >> bits);
}

static struct block_shape shape_of(uint8_t length, bool ipv6, uint8_t port_bits)
{
	struct block_shape shape = {
		.port_mask = port_mask(port_bits), .length = length, .port_bits = port_bits};
	mask_make(length, ipv6, shape.mask);
	return shape;
}

/* Writes the shapes of a family, the longest first, if `to` is not NULL; how many. */
static unsigned shapes_list(const struct block_set *set, bool ipv6, struct block_shape *to)
{
	unsigned whole = ipv6 ? 128 : 32, count = 0;
	for (unsigned bits = BLOCK_PORT_LENGTHS - 1; bits > 0; bits--)
		if (set->ports[ipv6][bits] > 0 && ++count && to != NULL)
			*to++ = shape_of((uint8_t)whole, ipv6, (uint8_t)bits);
	for (unsigned length = whole + 1; length-- > 0;)
		if (set->lengths[ipv6][length] > 0 && ++count && to != NULL)
			*to++ = shape_of((uint8_t)length, ipv6, 0);
	return count;
}

struct blocks *block_view_new(const struct block_set *set,
			      struct block_table *const tables[static BLOCK_KINDS])
{
	unsigned v4 = shapes_list(set, false, NULL), v6 = shapes_list(set, true, NULL);
	struct blocks *view = calloc(1, sizeof(*view) + (v4 + v6) * sizeof(struct block_shape));
	if (view == NULL)
		return NULL;
	view->retired.slot = BLOCK_SLOT_NONE;
	view->retired.memory = view;
	view->clients = tables[BLOCK_CLIENTS];
	view->names = tables[BLOCK_NAMES];
	view->seed = set->seed;
	view->shapes[0] = view->space;
	view->shapes[1] = view->space + v4;
	view->n_shapes[0] = (uint8_t)shapes_list(set, false, view->space);
	view->n_shapes[1] = (uint8_t)shapes_list(set, true, view->space + v4);
	for (unsigned i = 0; i <= DNS_LABELS_MAX; i++)
		if (set->labels[i] > 0)
			view->labels[i / 64] |= (uint64_t)1 << i % 64;
	return view;
}

static void table_retire(struct block_set *set, const struct block_table *table)
{
	if (table != NULL)
		block_retire(set, (struct block_retired *)(uintptr_t)&table->retired);
}

void block_view_publish(struct block_set *set, struct blocks *view,
			struct block_table *const tables[static BLOCK_KINDS])
{
	struct blocks *old = (struct blocks *)(uintptr_t)*set->now;
	__atomic_store_n(set->now, view, __ATOMIC_RELEASE);
	if (old != NULL) {
		if (view == NULL || old->clients != view->clients)
			table_retire(set, old->clients);
		if (view == NULL || old->names != view->names)
			table_retire(set, old->names);
		block_retire(set, &old->retired);
	}
	set->tables[BLOCK_CLIENTS] = tables[BLOCK_CLIENTS];
	set->tables[BLOCK_NAMES] = tables[BLOCK_NAMES];
	set->reshaped = false;
}

void block_shape_count(struct block_set *set, const struct block *block, int step)
{
	uint8_t labels = 0;
	uint32_t *count;
	if (block->name_length > 0) {
		dns_name_measure(block->name, block->name_length, &labels);
		count = &set->labels[labels];
	} else if (block->client.port_bits > 0) {
		count = &set->ports[block->client.ipv6][block->client.port_bits];
	} else {
		count = &set->lengths[block->client.ipv6][block->client.length];
	}
	if (*count == (step > 0 ? 0u : 1u))
		set->reshaped = true;
	*count += (uint32_t)step;
}

/* ---- keys ---- */

int block_client_make(struct block_client *client, const uint8_t *address, bool ipv6,
		      uint8_t length, uint16_t port, uint8_t port_bits)
{
	unsigned whole = ipv6 ? 128 : 32;
	uint64_t mask[2];
	if (length > whole || port_bits > 16 || (port_bits > 0 && length < whole))
		return -EINVAL;
	memset(client, 0, sizeof(*client));
	block_words(address, ipv6, client->words);
	mask_make(length, ipv6, mask);
	client->words[0] &= mask[0];
	client->words[1] &= mask[1];
	client->length = length;
	client->ipv6 = ipv6;
	client->port_bits = port_bits;
	client->port = port & port_mask(port_bits);
	return 0;
}

size_t block_client_print(const struct block_client *client, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	inet_ntop(client->ipv6 ? AF_INET6 : AF_INET, client->words, address, sizeof(address));
	if (client->port_bits == 0)
		return (size_t)snprintf(text, size, "%s/%u", address, client->length);
	return (size_t)snprintf(text, size, client->ipv6 ? "[%s]:%u/%u" : "%s:%u/%u", address,
				client->port, client->port_bits);
}
