/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/client_counts.h"

#include <rte_branch_prediction.h>

#include "dataplane/hash.h"

#define SLOTS (COUNT_PARTS + 1)
#define TOLD (1u << 31) /* in a cell's stamp */
#define PART_MASK (TOLD - 1)
#define SWEEP (RTE_CACHE_LINE_SIZE / sizeof(struct count_owner)) /* rows looked at: a line of owners */
#define SWEEP_WAYS 4u /* likewise of a bucket that is full */
#define NO_ROW UINT32_MAX

/* ---- making ---- */

static uint32_t buckets_of(uint32_t clients)
{
	uint32_t buckets = 2;
	/* Four clients to ten places: hardly a bucket gets more clients than it has places. */
	while (buckets * 4 < clients)
		buckets *= 2;
	return buckets;
}

static void masks_fill(struct client_counts *counts)
{
	const uint8_t prefixes[] = {counts->shape.v4_prefix, counts->shape.v6_prefix};
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		uint8_t bytes[16] = {0};
		for (unsigned bit = 0; bit < prefixes[ipv6]; bit++)
			bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		memcpy(counts->masks[ipv6], bytes, sizeof(bytes));
		if (prefixes[ipv6] == (ipv6 ? 128 : 32))
			counts->port_masks[ipv6] = (uint16_t)~(0xffffu >> counts->shape.port_bits);
	}
}

static void *memory_take(uint8_t **memory, size_t size)
{
	void *taken = *memory;
	*memory += RTE_ALIGN_CEIL(size, (size_t)RTE_CACHE_LINE_SIZE);
	return taken;
}

/* Lays the tables out from `memory` on; with NULL it only measures. The size. */
static size_t tables_place(struct client_counts *counts, uint8_t *memory)
{
	const uint32_t clients = counts->shape.clients;
	uint8_t *at = memory;
	struct count_table *tables = memory_take(&at, counts->n_tables * sizeof(*tables));
	for (unsigned i = 0; i < counts->n_tables; i++) {
		struct count_bucket *buckets =
			memory_take(&at, (counts->bucket_mask + (size_t)1) * sizeof(*buckets));
		struct count_cell *cells =
			memory_take(&at, (size_t)clients * counts->width * sizeof(*cells));
		struct count_owner *owners =
			memory_take(&at, (size_t)clients * sizeof(*owners));
		if (memory == NULL)
			continue;
		tables[i].buckets = buckets;
		tables[i].cells = cells;
		tables[i].owners = owners;
	}
	counts->tables = tables;
	return (size_t)((uintptr_t)at - (uintptr_t)memory);
}

size_t client_counts_measure(struct client_counts *counts, const struct count_shape *shape,
			     uint16_t n_tables, uint64_t hz, const uint64_t seed[static 2])
{
	*counts = (struct client_counts){
		.shape = *shape,
		.seed = {seed[0], seed[1]},
		.n_tables = n_tables,
		.bucket_mask = buckets_of(shape->clients) - 1,
		.width = RTE_ALIGN_CEIL(shape->n_columns, 2), /* rows begin with a cache line */
		.turn = hz,
	};
	for (unsigned i = 0; i < shape->n_columns; i++) {
		counts->lengths[i] = RTE_MAX(hz * shape->columns[i].seconds / COUNT_PARTS, 1u);
		counts->turn = RTE_MIN(counts->turn, counts->lengths[i]);
	}
	masks_fill(counts);
	return counts->size = tables_place(counts, NULL);
}

void client_counts_place(struct client_counts *counts, void *memory)
{
	tables_place(counts, memory);
}

/* ---- clients ---- */

void count_client_make(const struct client_counts *counts, const uint8_t *address, bool ipv6,
		       uint16_t port, struct count_client *client)
{
	uint64_t words[2];
	memcpy(words, address, sizeof(words));
	*client = (struct count_client){
		.words = {words[0] & counts->masks[ipv6][0], words[1] & counts->masks[ipv6][1]},
		.port = port & counts->port_masks[ipv6],
		.ipv6 = ipv6,
	};
}

/* Nobody can aim at another's without the seed. */
uint64_t count_client_key(const struct client_counts *counts, const struct count_client *client)
{
	uint64_t rest = client->words[1] ^ ((uint64_t)client->port << 1 | client->ipv6) << 32;
	uint64_t key = hash_mix(hash_mix(client->words[0] ^ counts->seed[0],
					 0x9e3779b97f4a7c15u ^ counts->seed[1]),
				rest ^ counts->seed[1]);
	return key != 0 ? key : 1;
}

static struct count_bucket *bucket_of(const struct client_counts *counts,
				      const struct count_table *table, uint64_t key)
{
	return &table->buckets[key & counts->bucket_mask];
}

static int way_of(const struct count_bucket *bucket, uint64_t key)
{
	for (unsigned i = 0; i < COUNT_WAYS; i++)
		if (__atomic_load_n(&bucket->keys[i], __ATOMIC_ACQUIRE) == key)
			return (int)i;
	return -1;
}

static struct count_cell *row_of(const struct client_counts *counts,
				 const struct count_table *table, uint32_t row)
{
	return &table->cells[(size_t)row * counts->width];
}

/* ---- time ---- */

static inline void clock_advance(struct count_clock *clock, uint64_t length, uint64_t now)
{
	if (likely(now < clock->end && clock->end - now <= length))
		return;
	clock->part = now / length;
	clock->end = (clock->part + 1) * length;
	clock->slot = (uint32_t)(clock->part % SLOTS);
}

static void clocks_advance(const struct client_counts *counts, struct count_table *table,
			   uint64_t now)
{
	clock_advance(&table->turn, counts->turn, now);
	for (unsigned i = 0; i < counts->shape.n_columns; i++)
		clock_advance(&table->clocks[i], counts->lengths[i], now);
}

/* How many parts the cell is behind; below 0: it is ahead. */
static int64_t cell_behind(uint32_t stamp, uint64_t part)
{
	uint32_t behind = ((uint32_t)part - stamp) & PART_MASK;
	return behind < PART_MASK / 2 ? (int64_t)behind : (int64_t)behind - PART_MASK - 1;
}

static inline void part_store(struct count_cell *cell, uint32_t slot, uint32_t value)
{
	__atomic_store_n(&cell->parts[slot], value, __ATOMIC_RELAXED);
}

/* The parts since it was counted in are empty, and what was then is out of its time by so much. */
static void cell_advance(struct count_cell *cell, const struct count_clock *clock, int64_t behind)
{
	uint32_t slot = clock->slot, cleared = 0;
	uint32_t clear = behind < 0 || behind > SLOTS ? SLOTS : (uint32_t)behind;
	while (cleared++ < clear) {
		part_store(cell, slot, 0);
		slot = slot == 0 ? SLOTS - 1 : slot - 1;
	}
	__atomic_store_n(&cell->stamp, (uint32_t)clock->part & PART_MASK, __ATOMIC_RELEASE);
}

/* ---- places ---- */

/* Whether anything that was counted in the row is still within its time. */
static bool row_counts(const struct client_counts *counts, const struct count_table *table,
		       uint32_t row)
{
	const struct count_cell *cells = row_of(counts, table, row);
	for (unsigned i = 0; i < counts->shape.n_columns; i++)
		if (cell_behind(cells[i].stamp, table->clocks[i].part) <= (int64_t)COUNT_PARTS)
			return true;
	return false;
}

static void row_leave(const struct client_counts *counts, struct count_table *table, uint32_t row,
		      struct count_losses *losses)
{
	uint32_t place = table->owners[row].place;
	losses->replaced += row_counts(counts, table, row);
	__atomic_store_n(&table->buckets[place / COUNT_WAYS].keys[place % COUNT_WAYS], 0,
			 __ATOMIC_RELAXED);
	/* Whoever reads the row finds its key gone before its numbers are another's. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Rows that are looked at in turn, for the one that was not seen for the longest. */
struct sweep {
	uint32_t row; /* NO_ROW: all of them were in this turn, and keep their rows */
	uint32_t most;
};

static inline void sweep_row(struct sweep *sweep, const struct count_table *table, uint32_t row)
{
	uint32_t age = (uint32_t)table->turn.part - table->owners[row].seen;
	if (age > sweep->most)
		*sweep = (struct sweep){row, age};
}

/* Where all rows are given out: of the next few, which lie in a line. */
static uint32_t row_sweep(const struct client_counts *counts, struct count_table *table)
{
	struct sweep sweep = {.row = NO_ROW};
	uint32_t end = RTE_MIN(table->hand + (uint32_t)SWEEP, counts->shape.clients);
	for (uint32_t row = table->hand; row < end; row++)
		sweep_row(&sweep, table, row);
	table->hand = end < counts->shape.clients ? end : 0;
	rte_prefetch0(&table->owners[table->hand]);
	return sweep.row;
}

/* Where a bucket is full: of some of its rows, by the key, which lie far from each other. */
static uint32_t bucket_sweep(const struct count_table *table, const struct count_bucket *bucket,
			     uint64_t key)
{
	struct sweep sweep = {.row = NO_ROW};
	unsigned way = key >> 32 & 7;
	for (unsigned i = 0; i < SWEEP_WAYS; i++) {
		sweep_row(&sweep, table, bucket->rows[way]);
		way = way + 1 < COUNT_WAYS ? way + 1 : 0;
	}
	return sweep.row;
}

/* An empty row for a client that has none; NO_ROW: nobody makes room for it. */
static uint32_t row_take(const struct client_counts *counts, struct count_table *table,
			 uint64_t key, struct count_losses *losses)
{
	struct count_bucket *bucket = bucket_of(counts, table, key);
	int way = way_of(bucket, 0);
	uint32_t row;
	if (way >= 0 && table->used < counts->shape.clients) {
		row = table->used++;
	} else {
		row = way < 0 ? bucket_sweep(table, bucket, key) : row_sweep(counts, table);
		if (row == NO_ROW) {
			losses->refused++;
			return NO_ROW;
		}
		row_leave(counts, table, row, losses);
	}
	if (way < 0)
		way = way_of(bucket, 0);
	struct count_cell *cells = row_of(counts, table, row);
	for (unsigned i = 0; i < counts->shape.n_columns; i++)
		cell_advance(&cells[i], &table->clocks[i], SLOTS);
	table->owners[row] = (struct count_owner){
		.place = (uint32_t)(bucket - table->buckets) * COUNT_WAYS + (uint32_t)way,
		.seen = (uint32_t)table->turn.part,
	};
	__atomic_store_n(&bucket->rows[way], row, __ATOMIC_RELAXED);
	__atomic_store_n(&bucket->keys[way], key, __ATOMIC_RELEASE);
	return row;
}

static uint32_t row_find(const struct client_counts *counts, struct count_table *table,
			 uint64_t key, struct count_losses *losses)
{
	const struct count_bucket *bucket = bucket_of(counts, table, key);
	int way = way_of(bucket, key);
	return likely(way >= 0) ? bucket->rows[way] : row_take(counts, table, key, losses);
}

/* ---- counting ---- */

/* False: the ring is full. */
static bool client_tell(struct count_table *table, const struct count_client *client,
			uint64_t until, struct count_losses *losses)
{
	struct count_ring *ring = &table->ring;
	uint32_t head = ring->head;
	if (unlikely(head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == COUNT_TOLD)) {
		losses->untold++;
		return false;
	}
	ring->told[head % COUNT_TOLD] = (struct count_told){*client, until};
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

/* Adds to the part that runs; whether the client is above the limit, and that was not told in it. */
static inline bool cell_add(struct count_cell *cell, const struct count_clock *clock, uint32_t n,
			    uint32_t limit)
{
	uint32_t stamp = cell->stamp;
	int64_t behind = cell_behind(stamp, clock->part);
	if (unlikely(behind != 0)) {
		cell_advance(cell, clock, behind);
		stamp = cell->stamp;
	}
	uint64_t now = (uint64_t)cell->parts[clock->slot] + n, sum = 0;
	now = RTE_MIN(now, UINT32_MAX);
	part_store(cell, clock->slot, (uint32_t)now);
	for (unsigned i = 0; i < SLOTS; i++)
		sum += cell->parts[i];
	uint64_t oldest = cell->parts[clock->slot + 1 < SLOTS ? clock->slot + 1 : 0];
	if (likely(sum - RTE_MIN(now, oldest) <= limit || (stamp & TOLD) != 0))
		return false;
	__atomic_store_n(&cell->stamp, stamp | TOLD, __ATOMIC_RELAXED);
	return true;
}

/* The note of it was lost: with the next event, then. */
static inline void cell_untold(struct count_cell *cell)
{
	__atomic_store_n(&cell->stamp, cell->stamp & ~TOLD, __ATOMIC_RELAXED);
}

/* How much the event is in a column. */
static inline uint32_t event_weight(const struct count_event *event,
				    const struct count_column *column)
{
	switch ((enum count_kind)column->kind) {
	case COUNT_QUERIES:
		return 1;
	case COUNT_TYPE:
		return event->value == column->value;
	case COUNT_RCODES:
		return !event->part && (column->value >> event->value & 1) != 0;
	case COUNT_BYTES:
		return event->bytes;
	case COUNT_MISSES:
		return !event->part && event->miss;
	}
	return 0;
}

static void event_count(const struct client_counts *counts, struct count_table *table,
			const struct count_event *event, uint32_t row, const uint32_t *limits,
			struct count_losses *losses)
{
	const struct count_shape *shape = &counts->shape;
	struct count_cell *cells = row_of(counts, table, row);
	unsigned at = event->answer ? shape->n_queries : 0;
	unsigned end = event->answer ? shape->n_columns : shape->n_queries;
	for (; at < end; at++) {
		uint32_t weight = event_weight(event, &shape->columns[at]);
		if (weight != 0 && cell_add(&cells[at], &table->clocks[at], weight, limits[at]) &&
		    !client_tell(table, &event->client, table->clocks[at].end, losses))
			cell_untold(&cells[at]);
	}
}

static inline void row_seen(struct count_table *table, uint32_t row)
{
	if (unlikely(table->owners[row].seen != (uint32_t)table->turn.part))
		table->owners[row].seen = (uint32_t)table->turn.part;
}

void client_counts_flush(struct client_counts *counts, unsigned number, const uint32_t *limits,
			 uint64_t now, struct count_losses *losses)
{
	struct count_table *table = &counts->tables[number];
	uint32_t rows[COUNT_PENDING], total = table->n_pending;
	table->n_pending = 0;
	clocks_advance(counts, table, now);
	for (unsigned i = 0; i < total; i++) {
		rows[i] = row_find(counts, table, table->pending[i].key, losses);
		if (unlikely(rows[i] == NO_ROW))
			continue;
		rte_prefetch0(&table->owners[rows[i]]);
		for (unsigned k = 0; k < counts->width; k += 2)
			rte_prefetch0(row_of(counts, table, rows[i]) + k);
	}
	for (unsigned i = 0; i < total; i++) {
		const struct count_event *event = &table->pending[i];
		if (unlikely(rows[i] == NO_ROW))
			continue;
		const uint32_t place = table->owners[rows[i]].place;
		/* One that came later may have taken its row. */
		if (unlikely(table->buckets[place / COUNT_WAYS].keys[place % COUNT_WAYS] !=
			     event->key))
			rows[i] = row_find(counts, table, event->key, losses);
		if (unlikely(rows[i] == NO_ROW))
			continue;
		row_seen(table, rows[i]);
		event_count(counts, table, event, rows[i], limits, losses);
	}
}

bool client_counts_add(struct client_counts *counts, unsigned number, const uint8_t *address,
		       bool ipv6, uint16_t port, const struct count_event *given)
{
	struct count_table *table = &counts->tables[number];
	struct count_event *event = &table->pending[table->n_pending++];
	*event = *given;
	count_client_make(counts, address, ipv6, port, &event->client);
	event->key = count_client_key(counts, &event->client);
	const struct count_bucket *bucket = bucket_of(counts, table, event->key);
	rte_prefetch0(bucket);
	rte_prefetch0((const uint8_t *)bucket + RTE_CACHE_LINE_SIZE);
	return table->n_pending == COUNT_PENDING;
}

/* ---- adding up ---- */

bool client_counts_told(struct client_counts *counts, unsigned number, struct count_told *told)
{
	struct count_ring *ring = &counts->tables[number].ring;
	uint32_t tail = ring->tail;
	if (tail == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE))
		return false;
	*told = ring->told[tail % COUNT_TOLD];
	__atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}

/* What a cell has in the two times that end with a part, and before it. */
static void cell_sum(const struct count_cell *cell, uint64_t part, uint64_t sums[static 2])
{
	uint32_t stamp = __atomic_load_n(&cell->stamp, __ATOMIC_ACQUIRE);
	int64_t behind = cell_behind(stamp, part);
	for (unsigned ago = 0; ago < SLOTS; ago++) {
		/* An older one's slot is in use for a later one, and the other way round. */
		if ((int64_t)ago < behind || (int64_t)ago > behind + (int64_t)COUNT_PARTS)
			continue;
		uint32_t slot = (uint32_t)((part + SLOTS - ago) % SLOTS);
		uint64_t count = __atomic_load_n(&cell->parts[slot], __ATOMIC_RELAXED);
		sums[0] += ago < COUNT_PARTS ? count : 0;
		sums[1] += ago > 0 ? count : 0;
	}
}

static void table_sum(const struct client_counts *counts, const struct count_table *table,
		      uint64_t key, uint64_t now, uint64_t sums[static 2][COUNT_COLUMNS_MAX])
{
	const struct count_bucket *bucket = bucket_of(counts, table, key);
	uint64_t found[COUNT_COLUMNS_MAX][2] = {{0}};
	int way = way_of(bucket, key);
	if (way < 0)
		return;
	uint32_t row = __atomic_load_n(&bucket->rows[way], __ATOMIC_RELAXED);
	for (unsigned i = 0; i < counts->shape.n_columns; i++)
		cell_sum(&row_of(counts, table, row)[i], now / counts->lengths[i], found[i]);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&bucket->keys[way], __ATOMIC_RELAXED) != key)
		return; /* it was not seen for long */
	for (unsigned i = 0; i < counts->shape.n_columns; i++) {
		sums[0][i] += found[i][0];
		sums[1][i] += found[i][1];
	}
}

void client_counts_sum(const struct client_counts *counts, const struct count_client *client,
		       uint64_t now, uint64_t sums[static 2][COUNT_COLUMNS_MAX])
{
	uint64_t key = count_client_key(counts, client);
	memset(sums, 0, 2 * COUNT_COLUMNS_MAX * sizeof(uint64_t));
	for (unsigned i = 0; i < counts->n_tables; i++)
		table_sum(counts, &counts->tables[i], key, now, sums);
}
