/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/inflight.h"

#include <stdlib.h>

#include <rte_prefetch.h>

#include "dataplane/draw.h"

#define DRAWS_MAX 16 /* of a port and an ID, until a pair is free */
#define AHEAD 16u    /* pairs that are drawn before they are needed: their buckets are fetched meanwhile */

#define FETCH_LINES ((offsetof(struct inflight_entry, name) + 32) / RTE_CACHE_LINE_SIZE + 1)

struct pair {
	uint16_t source_port;
	uint16_t id;
};

/* Those that wait equally long, in order of sending: so their deadlines are in order too. */
struct queue {
	uint64_t patience; /* TSC cycles */
	uint32_t oldest;   /* ends of the list, 0: empty */
	uint32_t newest;
};

/* A query that has ended. All zero is none: port 0 is nobody's. */
struct ended {
	uint16_t source_port;
	uint16_t id;
	uint32_t server; /* server_fold() */
};
static_assert(sizeof(struct ended) == 8, "one store a query");

struct inflight {
	uint32_t capacity;
	uint32_t mask; /* of the buckets */
	uint32_t ports;
	uint16_t first_port;
	uint32_t free;	 /* head of the list of free entries, linked through `newer` */
	uint32_t count;
	uint32_t n_queues;
	struct queue queues[INFLIGHT_QUEUES];
	struct draw draw;
	uint32_t next; /* of those ahead */
	struct pair ahead[AHEAD];
	uint32_t *buckets;
	struct inflight_entry *entries; /* number 0 is never used: it ends lists */
	uint16_t *waiting;		/* entries by port, from INFLIGHT_PORTS_FIRST on */
	struct ended *answered;		/* INFLIGHT_ANSWERED records by pair */
	struct ended *timed_out;	/* as many as buckets */
};

uint32_t inflight_ports_share(unsigned workers)
{
	uint32_t share = NET_STEER_PORTS;
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
	size_t buckets = buckets_for(capacity);
	return sizeof(struct inflight) + buckets * (sizeof(uint32_t) + sizeof(struct ended)) +
	       (capacity + (size_t)1) * sizeof(struct inflight_entry) +
	       NET_STEER_PORTS * sizeof(uint16_t) +
	       INFLIGHT_ANSWERED * sizeof(struct ended);
}

static uint32_t *bucket_of(struct inflight *table, uint32_t fold)
{
	return &table->buckets[fold & table->mask];
}

static void pair_fetch(struct inflight *table, uint16_t source_port, uint32_t fold)
{
	rte_prefetch0(bucket_of(table, fold));
	rte_prefetch0(&table->waiting[source_port - INFLIGHT_PORTS_FIRST]);
}

static struct pair pair_draw(struct inflight *table)
{
	uint32_t word = draw_next(&table->draw), more = word >> 16;
	return (struct pair){(uint16_t)(table->first_port + (more & (table->ports - 1))),
			     (uint16_t)word};
}

static void ahead_fill(struct inflight *table)
{
	table->next = 0;
	for (unsigned i = 0; i < AHEAD; i++)
		table->ahead[i] = pair_draw(table);
}

/* The pair that was drawn longest ago; another one takes its place. */
static struct pair ahead_take(struct inflight *table)
{
	struct pair *at = &table->ahead[table->next++ % AHEAD], taken = *at;
	*at = pair_draw(table);
	pair_fetch(table, at->source_port, inflight_fold(at->source_port, at->id));
	return taken;
}

struct inflight *inflight_create(uint32_t capacity, uint16_t first_port, uint32_t ports)
{
	struct inflight *table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	table->mask = buckets_for(capacity) - 1;
	table->buckets = calloc(table->mask + (size_t)1, sizeof(*table->buckets));
	table->entries = aligned_alloc(RTE_CACHE_LINE_SIZE,
				       (capacity + (size_t)1) * sizeof(*table->entries));
	table->waiting = calloc(NET_STEER_PORTS, sizeof(*table->waiting));
	table->answered = calloc(INFLIGHT_ANSWERED, sizeof(*table->answered));
	table->timed_out = calloc(table->mask + (size_t)1, sizeof(*table->timed_out));
	if (table->buckets == NULL || table->entries == NULL || table->waiting == NULL ||
	    table->answered == NULL || table->timed_out == NULL) {
		inflight_destroy(table);
		return NULL;
	}
	memset(table->entries, 0, (capacity + (size_t)1) * sizeof(*table->entries));
	table->capacity = capacity;
	table->first_port = first_port;
	table->ports = ports;
	ahead_fill(table);
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
	free(table->waiting);
	free(table->answered);
	free(table->timed_out);
	free(table);
}

void inflight_replay(struct inflight *table, uint64_t seed)
{
	draw_replay(&table->draw, seed);
	ahead_fill(table);
}

void inflight_warm(struct inflight *table)
{
	draw_warm(&table->draw);
}

static struct inflight_entry *chain_find(struct inflight *table, uint32_t index,
					 uint16_t source_port, uint16_t id)
{
	while (index != 0) {
		struct inflight_entry *entry = &table->entries[index];
		if (entry->source_port == source_port && entry->id == id)
			return entry;
		index = entry->chain;
	}
	return NULL;
}

struct inflight_entry *inflight_find(struct inflight *table, uint16_t source_port, uint16_t id)
{
	uint32_t index = *bucket_of(table, inflight_fold(source_port, id));
	return chain_find(table, index, source_port, id);
}

/* An answer goes to the queue of `way` only from some ports, which cannot be drawn ahead. */
static struct pair pair_next(struct inflight *table, const struct net_steer_way *way)
{
	if (likely(way == NULL))
		return ahead_take(table);
	struct pair pair = pair_draw(table);
	pair.source_port = net_steer_draw(way, draw_next(&table->draw));
	return pair;
}

/* The bucket that the pair's entry goes into; NULL: none was free. */
static uint32_t *free_pair_draw(struct inflight *table, const struct net_steer_way *way,
				struct pair *pair)
{
	for (int draw = 0; draw < DRAWS_MAX; draw++) {
		*pair = pair_next(table, way);
		uint32_t *bucket = bucket_of(table, inflight_fold(pair->source_port, pair->id));
		if (likely(chain_find(table, *bucket, pair->source_port, pair->id) == NULL))
			return bucket;
	}
	return NULL;
}

static struct ended *answered_at(const struct inflight *table, uint32_t fold)
{
	return &table->answered[fold & (INFLIGHT_ANSWERED - 1)];
}

void inflight_fetch_bucket(struct inflight *table, uint16_t source_port, uint32_t fold)
{
	pair_fetch(table, source_port, fold);
	rte_prefetch0(answered_at(table, fold));
}

void inflight_fetch_entry(struct inflight *table, uint32_t fold)
{
	const char *entry = (const char *)&table->entries[*bucket_of(table, fold)];
	for (unsigned line = 0; line < FETCH_LINES; line++)
		rte_prefetch0(entry + line * RTE_CACHE_LINE_SIZE);
}

/* The entry of the next query, before it is written. */
static void free_fetch(const struct inflight *table)
{
	const char *entry = (const char *)&table->entries[table->free];
	for (unsigned line = 0; line < FETCH_LINES; line++)
		rte_prefetch0(entry + line * RTE_CACHE_LINE_SIZE);
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

struct inflight_entry *inflight_add_on(struct inflight *table, uint64_t now, uint64_t patience,
				       const struct net_steer_way *way)
{
	struct pair pair;
	uint32_t *bucket, index = table->free;
	if (unlikely(index == 0) || (bucket = free_pair_draw(table, way, &pair)) == NULL)
		return NULL;
	struct inflight_entry *entry = &table->entries[index];
	table->free = entry->newer;
	free_fetch(table);

	entry->chain = *bucket;
	*bucket = index;
	queue_link(table, entry, queue_of(table, patience));
	__atomic_store_n(&table->count, table->count + 1, __ATOMIC_RELAXED);

	entry->deadline = now + table->queues[entry->queue].patience;
	entry->id = pair.id;
	entry->source_port = pair.source_port;
	table->waiting[pair.source_port - INFLIGHT_PORTS_FIRST]++;
	return entry;
}

static void bucket_unlink(struct inflight *table, const struct inflight_entry *entry,
			  uint32_t index, uint32_t fold)
{
	uint32_t *link = bucket_of(table, fold);
	while (*link != index)
		link = &table->entries[*link].chain;
	*link = entry->chain;
}

/* Tells servers apart; who would match another's has to know the port and the ID as well. */
static uint32_t server_fold(const struct net_address *address, uint16_t port)
{
	uint64_t high, low;
	memcpy(&high, address->bytes, sizeof(high));
	memcpy(&low, address->bytes + sizeof(high), sizeof(low));
	return (uint32_t)(((high ^ low ^ port) * 0x9e3779b97f4a7c15u) >> 32);
}

static struct ended *timed_out_at(const struct inflight *table, uint32_t fold)
{
	return &table->timed_out[fold & table->mask];
}

/* Stores alone; those of an answer's record do not hold up others, for its line was fetched. */
static void remember(struct inflight *table, const struct inflight_entry *entry, uint32_t fold,
		     enum inflight_end end)
{
	struct ended *record = end == INFLIGHT_WAS_ANSWERED ? answered_at(table, fold)
							    : timed_out_at(table, fold);
	*record = (struct ended){
		.source_port = entry->source_port,
		.id = entry->id,
		.server = server_fold(&entry->server, entry->server_port),
	};
}

enum inflight_end inflight_recall(const struct inflight *table, uint16_t source_port, uint16_t id,
				  const struct net_address *server, uint16_t server_port)
{
	const struct ended wanted = {source_port, id, server_fold(server, server_port)};
	uint32_t fold = inflight_fold(source_port, id);
	if (memcmp(answered_at(table, fold), &wanted, sizeof(wanted)) == 0)
		return INFLIGHT_WAS_ANSWERED;
	if (memcmp(timed_out_at(table, fold), &wanted, sizeof(wanted)) == 0)
		return INFLIGHT_TIMED_OUT;
	return INFLIGHT_FORGOTTEN;
}

bool inflight_port_waits(const struct inflight *table, uint16_t source_port)
{
	return table->waiting[source_port - INFLIGHT_PORTS_FIRST] != 0;
}

void inflight_remove(struct inflight *table, struct inflight_entry *entry, enum inflight_end end)
{
	uint32_t index = (uint32_t)(entry - table->entries);
	uint32_t fold = inflight_fold(entry->source_port, entry->id);
	if (end != INFLIGHT_FORGOTTEN)
		remember(table, entry, fold, end);
	table->waiting[entry->source_port - INFLIGHT_PORTS_FIRST]--;
	bucket_unlink(table, entry, index, fold);
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

uint64_t inflight_next(const struct inflight *table)
{
	uint64_t next = INFLIGHT_NEVER;
	for (uint32_t i = 0; i < table->n_queues; i++) {
		uint32_t index = table->queues[i].oldest;
		if (index != 0)
			next = RTE_MIN(next, table->entries[index].deadline);
	}
	return next;
}

uint32_t inflight_count(const struct inflight *table)
{
	return __atomic_load_n(&table->count, __ATOMIC_RELAXED);
}
