/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/inflight.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define RANDOM_WORDS 512
#define DRAWS_MAX 16 /* of a port and an ID, until a pair is free */

/* Those that wait equally long, in order of sending: so their deadlines are in order too. */
struct queue {
	uint64_t patience; /* TSC cycles */
	uint32_t oldest;   /* ends of the list, 0: empty */
	uint32_t newest;
};

struct inflight {
	uint32_t capacity;
	uint32_t mask; /* of the buckets */
	uint32_t ports;
	uint16_t first_port;
	uint32_t free;	 /* head of the list of free entries, linked through `newer` */
	uint32_t count;
	uint32_t n_queues;
	struct queue queues[INFLIGHT_QUEUES];
	uint64_t replayed; /* state of the generator that replay draws from, 0: the kernel does */
	uint32_t words_left;
	uint32_t words[RANDOM_WORDS]; /* from the kernel, each used once */
	uint32_t *buckets;
	struct inflight_entry *entries; /* number 0 is never used: it ends lists */
};

uint32_t inflight_ports_share(unsigned workers)
{
	uint32_t share = 65536u - INFLIGHT_PORTS_FIRST;
	if (workers == 0)
		return 0;
	share /= workers;
	while (share & (share - 1))
		share &= share - 1;
	return share < INFLIGHT_PORTS_MIN ? 0 : share;
}

static uint32_t buckets_for(uint32_t capacity)
{
	uint32_t buckets = 256;
	while (buckets < capacity)
		buckets <<= 1;
	return buckets;
}

size_t inflight_memory(uint32_t capacity)
{
	return sizeof(struct inflight) + buckets_for(capacity) * sizeof(uint32_t) +
	       (capacity + (size_t)1) * sizeof(struct inflight_entry);
}

struct inflight *inflight_create(uint32_t capacity, uint16_t first_port, uint32_t ports)
{
	struct inflight *table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	table->mask = buckets_for(capacity) - 1;
	table->buckets = calloc(table->mask + (size_t)1, sizeof(*table->buckets));
	table->entries = calloc(capacity + (size_t)1, sizeof(*table->entries));
	if (table->buckets == NULL || table->entries == NULL) {
		inflight_destroy(table);
		return NULL;
	}
	table->capacity = capacity;
	table->first_port = first_port;
	table->ports = ports;
	for (uint32_t i = capacity; i > 0; i--) {
		table->entries[i].newer = table->free;
		table->free = i;
	}
	return table;
}

void inflight_destroy(struct inflight *table)
{
	if (table == NULL)
		return;
	free(table->buckets);
	free(table->entries);
	free(table);
}

void inflight_replay(struct inflight *table, uint64_t seed)
{
	table->replayed = seed | 1;
}

/* A xorshift: the same IDs and ports each time, for replay, which sends nothing to anybody. */
static uint32_t replay_draw(struct inflight *table)
{
	table->replayed ^= table->replayed << 13;
	table->replayed ^= table->replayed >> 7;
	table->replayed ^= table->replayed << 17;
	return (uint32_t)(table->replayed >> 32);
}

/* One call of the kernel for 512 queries: unpredictable, and the cost is a few cycles each. */
static uint32_t random_draw(struct inflight *table)
{
	if (unlikely(table->replayed != 0))
		return replay_draw(table);
	while (table->words_left == 0) {
		ssize_t got = getrandom(table->words, sizeof(table->words), 0);
		if (got > 0)
			table->words_left = (uint32_t)got / sizeof(table->words[0]);
		else if (errno != EINTR)
			abort(); /* no entropy source at all: predictable IDs would be worse */
	}
	return table->words[--table->words_left];
}

static uint32_t *bucket_of(struct inflight *table, uint16_t source_port, uint16_t id)
{
	/* Both parts are random, so folding them is all the hashing that is needed. */
	uint32_t key = (uint32_t)source_port << 16 | id;
	return &table->buckets[(key ^ key >> 15) & table->mask];
}

struct inflight_entry *inflight_find(struct inflight *table, uint16_t source_port, uint16_t id)
{
	uint32_t index = *bucket_of(table, source_port, id);
	while (index != 0) {
		struct inflight_entry *entry = &table->entries[index];
		if (entry->source_port == source_port && entry->id == id)
			return entry;
		index = entry->chain;
	}
	return NULL;
}

static bool free_pair_draw(struct inflight *table, uint16_t *source_port, uint16_t *id)
{
	for (int draw = 0; draw < DRAWS_MAX; draw++) {
		uint32_t word = random_draw(table);
		uint32_t more = word >> 16;
		*id = (uint16_t)word;
		*source_port = (uint16_t)(table->first_port + (more & (table->ports - 1)));
		if (inflight_find(table, *source_port, *id) == NULL)
			return true;
	}
	return false;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The queue of this patience. When all are in use by others, the nearest. */
static uint32_t queue_of(struct inflight *table, uint64_t patience)
{
	uint32_t nearest = 0;
	for (uint32_t i = 0; i < table->n_queues; i++) {
		if (likely(table->queues[i].patience == patience))
			return i;
		if (distance(table->queues[i].patience, patience) <
		    distance(table->queues[nearest].patience, patience))
			nearest = i;
	}
	for (uint32_t i = 0; i < table->n_queues; i++)
		if (table->queues[i].oldest == 0) {
			table->queues[i].patience = patience;
			return i;
		}
	if (table->n_queues == INFLIGHT_QUEUES)
		return nearest;
	table->queues[table->n_queues].patience = patience;
	return table->n_queues++;
}

static void queue_link(struct inflight *table, struct inflight_entry *entry, uint32_t number)
{
	struct queue *queue = &table->queues[number];
	uint32_t index = (uint32_t)(entry - table->entries);
	entry->queue = number;
	entry->older = queue->newest;
	entry->newer = 0;
	if (queue->newest != 0)
		table->entries[queue->newest].newer = index;
	else
		queue->oldest = index;
	queue->newest = index;
}

static void queue_unlink(struct inflight *table, struct inflight_entry *entry)
{
	struct queue *queue = &table->queues[entry->queue];
	if (entry->older != 0)
		table->entries[entry->older].newer = entry->newer;
	else
		queue->oldest = entry->newer;
	if (entry->newer != 0)
		table->entries[entry->newer].older = entry->older;
	else
		queue->newest = entry->older;
}

struct inflight_entry *inflight_add(struct inflight *table, uint64_t now, uint64_t patience)
{
	uint16_t source_port, id;
	if (table->free == 0 || !free_pair_draw(table, &source_port, &id))
		return NULL;
	uint32_t index = table->free;
	struct inflight_entry *entry = &table->entries[index];
	table->free = entry->newer;

	uint32_t *bucket = bucket_of(table, source_port, id);
	entry->chain = *bucket;
	*bucket = index;
	queue_link(table, entry, queue_of(table, patience));
	__atomic_store_n(&table->count, table->count + 1, __ATOMIC_RELAXED);

	entry->deadline = now + table->queues[entry->queue].patience;
	entry->id = id;
	entry->source_port = source_port;
	return entry;
}

static void bucket_unlink(struct inflight *table, struct inflight_entry *entry, uint32_t index)
{
	uint32_t *link = bucket_of(table, entry->source_port, entry->id);
	while (*link != index)
		link = &table->entries[*link].chain;
	*link = entry->chain;
}

void inflight_remove(struct inflight *table, struct inflight_entry *entry)
{
	uint32_t index = (uint32_t)(entry - table->entries);
	bucket_unlink(table, entry, index);
	queue_unlink(table, entry);
	entry->newer = table->free;
	table->free = index;
	__atomic_store_n(&table->count, table->count - 1, __ATOMIC_RELAXED);
}

struct inflight_entry *inflight_any(struct inflight *table)
{
	for (uint32_t i = 0; i < table->n_queues; i++)
		if (table->queues[i].oldest != 0)
			return &table->entries[table->queues[i].oldest];
	return NULL;
}

struct inflight_entry *inflight_expired(struct inflight *table, uint64_t now)
{
	for (uint32_t i = 0; i < table->n_queues; i++) {
		uint32_t index = table->queues[i].oldest;
		if (index != 0 && (int64_t)(now - table->entries[index].deadline) >= 0)
			return &table->entries[index];
	}
	return NULL;
}

uint32_t inflight_count(const struct inflight *table)
{
	return __atomic_load_n(&table->count, __ATOMIC_RELAXED);
}
