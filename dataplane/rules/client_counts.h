/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What clients did lately, for groups of dynamic blocks: how many queries they sent and what they
 * were answered, over the last so many seconds.
 *
 * Each worker has a table of its own, which nobody else writes. It knows a client by a hash of its
 * masked address (and port) and has a cell for each column, that is for each thing that is counted
 * over some time. A cell splits its time in COUNT_PARTS and has a counter for each and for one more.
 * Parts begin at the same moments in all tables, so that the cells of a client can be added up.
 *
 * There are two sums: of the part that runs and those before it, which is a little less than the whole
 * time; and of all parts before that one, which is all of the time, but ended a moment ago. No sum is
 * more than what happened within the time of the column. So a client that stays within its limit
 * is never above it here; one whose events are even, or come within 5/6 of the time, always is.
 *
 * What is above its share of a limit in one worker may be above the limit over all: of that client
 * the worker leaves a note on a ring, once in a part. The control lcore takes these and adds up.
 * Where a client is above a limit over all workers, one of them has more than its share.
 *
 * Events are collected and counted together, so that the memory of many clients is fetched at once.
 */
#ifndef SLUICE_DATAPLANE_RULES_CLIENT_COUNTS_H
#define SLUICE_DATAPLANE_RULES_CLIENT_COUNTS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>
#include <rte_prefetch.h>

#define COUNT_COLUMNS_MAX 32u
#define COUNT_PARTS 6u
#define COUNT_PENDING 64u
#define COUNT_WAYS 10u
#define COUNT_TOLD 4096u /* notes that a ring holds; a power of two */
#define COUNT_CLIENTS_MAX (1u << 26)

enum count_kind {
	COUNT_QUERIES, /* queries first: see count_shape */
	COUNT_TYPE,    /* queries for one type */
	COUNT_RCODES,  /* answers with one of these rcodes */
	COUNT_BYTES,   /* of answers */
	COUNT_MISSES,  /* answers of servers, rather than of a cache or our own */
};

struct count_column {
	uint8_t kind;	/* enum count_kind */
	uint8_t spare;	/* 0 */
	uint16_t value; /* TYPE: which; RCODES: bit n for rcode n */
	uint32_t seconds;
};

/* What is counted of whom: equal shapes may be one another's. Unused columns are 0. */
struct count_shape {
	uint32_t clients; /* of each worker, at most */
	uint8_t v4_prefix, v6_prefix;
	uint8_t port_bits; /* of whole addresses */
	uint8_t n_columns;
	uint8_t n_queries; /* so many columns, the first, are of queries */
	uint8_t spare[3];  /* 0 */
	struct count_column columns[COUNT_COLUMNS_MAX];
};

/* Masked; the address as in struct query_state, with nothing behind one of IPv4. */
struct count_client {
	uint64_t words[2];
	uint16_t port;
	uint8_t ipv6;
	uint8_t spare[5];
};

struct count_event {
	uint64_t key;
	struct count_client client;
	uint32_t bytes; /* of an answer */
	uint16_t value; /* type of a query, rcode of an answer */
	bool answer;
	bool miss;
	bool part; /* of an answer that others are part of: its bytes alone count */
};

/* A worker's note that a client may be above a limit, for as long as it may only become so. */
struct count_told {
	struct count_client client;
	uint64_t until; /* TSC */
};

struct count_cell {
	uint32_t parts[COUNT_PARTS + 1];
	uint32_t stamp; /* number of the part that was counted in last, and whether that was told */
};

static_assert(sizeof(struct count_cell) == 32, "two to a cache line");

struct count_bucket {
	uint64_t keys[COUNT_WAYS]; /* 0: free */
	uint32_t rows[COUNT_WAYS];
	uint64_t spare;
};

static_assert(sizeof(struct count_bucket) == 2 * RTE_CACHE_LINE_SIZE, "fetched as two lines");

/* Where in time a column is. */
struct count_clock {
	uint64_t end; /* TSC at which the part ends */
	uint64_t part;
	uint32_t slot; /* of the part in cells */
};

/* Of a row. */
struct count_owner {
	uint32_t place; /* in the buckets */
	uint32_t seen;	/* number of the turn of count_table.turn in which it was counted in last */
};

/* What went wrong. */
struct count_losses {
	uint64_t replaced; /* clients that were still counted and made room for others */
	uint64_t refused; /* events of clients that nobody made room for */
	uint64_t untold; /* notes that the ring had no room for */
};

struct count_ring {
	uint32_t head __rte_cache_aligned; /* the worker writes */
	uint32_t tail __rte_cache_aligned; /* the control lcore writes */
	struct count_told told[COUNT_TOLD];
};

struct count_table {
	/* The worker writes, control reads. */
	struct count_bucket *buckets;
	struct count_cell *cells; /* a row for each client */
	/* The worker's alone. */
	struct count_owner *owners; /* by row */
	uint32_t used;	  /* rows that were given out; those behind are nobody's yet */
	uint32_t hand;	  /* where a row is looked for next that can be another's */
	struct count_clock turn; /* tells who was seen lately */
	struct count_clock clocks[COUNT_COLUMNS_MAX];
	uint32_t n_pending;
	struct count_event pending[COUNT_PENDING];
	/* The worker puts, control takes. */
	struct count_ring ring;
} __rte_cache_aligned;

struct client_counts {
	struct count_shape shape;
	uint64_t seed[2];
	uint64_t masks[2][2]; /* of IPv4, of IPv6 */
	uint16_t port_masks[2];
	uint16_t n_tables;
	uint32_t bucket_mask;
	uint32_t width; /* cells of a row */
	uint64_t lengths[COUNT_COLUMNS_MAX]; /* TSC cycles of a part */
	uint64_t turn; /* and of a turn: a second, or the shortest part */
	struct count_table *tables;
	size_t size; /* bytes */
};

/*
 * Tables for so many workers: how many bytes they take, and, once these are there, all 0 and aligned to
 * a cache line, where they are. The memory is the caller's. Control lcore only.
 */
size_t client_counts_measure(struct client_counts *counts, const struct count_shape *shape,
			     uint16_t n_tables, uint64_t hz, const uint64_t seed[static 2]);
void client_counts_place(struct client_counts *counts, void *memory);

/* The client of an address as in struct query_state, and its key, never 0. Any lcore. */
void count_client_make(const struct client_counts *counts, const uint8_t *address, bool ipv6,
		       uint16_t port, struct count_client *client);
uint64_t count_client_key(const struct client_counts *counts, const struct count_client *client);

/* Counts what is pending. `limits`: by column, of a worker. The table's worker only. */
void client_counts_flush(struct client_counts *counts, unsigned table, const uint32_t *limits,
			 uint64_t now, struct count_losses *losses);

/*
 * Collects an event, whose key and client are filled in here; true: the events must be flushed
 * before the next. The table's worker only.
 */
bool client_counts_add(struct client_counts *counts, unsigned table, const uint8_t *address,
		       bool ipv6, uint16_t port, const struct count_event *event);

/* Takes a note of that worker's. Control lcore only, as the next. */
bool client_counts_told(struct client_counts *counts, unsigned table, struct count_told *told);

/* Adds up what all workers counted of a client: both sums of each column. */
void client_counts_sum(const struct client_counts *counts, const struct count_client *client,
		       uint64_t now, uint64_t sums[static 2][COUNT_COLUMNS_MAX]);

#endif
