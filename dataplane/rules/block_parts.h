/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of block_set.h know of each other; control lcore only. */
#ifndef SLUICE_DATAPLANE_RULES_BLOCK_PARTS_H
#define SLUICE_DATAPLANE_RULES_BLOCK_PARTS_H

#include "dataplane/dns/name.h"
#include "dataplane/rules/block_set.h"

#define BLOCK_SLOT_NONE UINT32_MAX
/* Slots of what was removed or cleared wait for their grace period, while there may be as many again. */
#define BLOCK_CHUNKS (2 * BLOCKS_MAX / BLOCK_HITS_ROW + 1)
#define BLOCK_PORT_LENGTHS 17u /* 0 to 16 bits of a port */
#define BLOCK_LABELS (DNS_LABELS_MAX + 1)

enum block_kind { BLOCK_CLIENTS, BLOCK_NAMES, BLOCK_KINDS };

/* All blocks that there were at once; freed some at a call, when no worker reads them any more. */
struct block_cleared {
	struct block_cleared *next;
	struct block **blocks;
	uint32_t count;
	uint64_t token;
};

struct block_set {
	const struct blocks **now;
	struct rte_rcu_qsbr *rcu;
	unsigned lcores;
	uint64_t seed;
	struct block_table *tables[BLOCK_KINDS]; /* NULL: there are none of these */
	uint32_t counts[BLOCK_KINDS];
	/* How many blocks have this prefix, or a whole address and so many bits of the port. */
	uint32_t lengths[2][129], ports[2][BLOCK_PORT_LENGTHS];
	uint32_t labels[BLOCK_LABELS];
	bool reshaped; /* what there is to look for is other than workers know */

	struct block **all;
	uint32_t size; /* of that list */
	uint32_t swept; /* blocks of it that the sweep has yet to look at, 0: it has ended */

	uint64_t *chunks[BLOCK_CHUNKS]; /* hit counters, a row for each lcore */
	uint32_t n_chunks;
	uint32_t *slots; /* those that are free; room for all */
	uint32_t n_slots;

	struct block_retired *fresh, *waiting; /* for a grace period to begin, and to end */
	uint64_t token;
	struct block_cleared *cleared;
};

static inline enum block_kind block_kind(const struct block *block)
{
	return block->name_length > 0 ? BLOCK_NAMES : BLOCK_CLIENTS;
}

static inline uint32_t block_count_all(const struct block_set *set)
{
	return set->counts[BLOCK_CLIENTS] + set->counts[BLOCK_NAMES];
}

/* Has it freed when no worker reads it any more. */
static inline void block_retire(struct block_set *set, struct block_retired *what)
{
	what->next = set->fresh;
	set->fresh = what;
}

/* The cell of the block with the key of this one; NULL: there is none. */
struct block_cell *block_cell_find(const struct block_set *set, const struct block *key);

/* The table is not there, or has no room for one more: then it is made anew. NULL: no memory. */
bool block_table_is_full(const struct block_table *table);
struct block_table *block_table_renew(const struct block_set *set, enum block_kind kind);

/* Puts a block in, whose key is not in it. */
void block_table_put(const struct block_set *set, struct block_table *table, struct block *block);

/* Says of a key that a block more, or less, has it. */
void block_shape_count(struct block_set *set, const struct block *block, int step);

/* What workers are to look up from now on, with these tables. NULL without memory. */
struct blocks *block_view_new(const struct block_set *set,
			      struct block_table *const tables[static BLOCK_KINDS]);

/* It and its tables are what there is; what was before goes. */
void block_view_publish(struct block_set *set, struct blocks *view,
			struct block_table *const tables[static BLOCK_KINDS]);

#endif
