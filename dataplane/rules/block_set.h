/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dynamic blocks that there are, as the control lcore keeps them: it alone calls what is here.
 * Adding and removing costs the same however many there are, but for a table that has become too
 * small, which is made anew. What workers may still read is freed after a grace period.
 */
#ifndef SLUICE_DATAPLANE_RULES_BLOCK_SET_H
#define SLUICE_DATAPLANE_RULES_BLOCK_SET_H

#include "dataplane/rules/blocks.h"

#define BLOCKS_MAX (1u << 20)

struct rte_rcu_qsbr;
struct block_set;

/* What is to be done to whom a block is for. */
struct block_order {
	const char *reason;
	uint64_t until; /* TSC */
	uint8_t action; /* enum rule_result */
	bool warning;
	const char *tag; /* NULL: none; with RULE_RESULT_SET_TAG */
	const char *value;
	uint16_t tag_length, value_length;
};

enum block_added {
	BLOCK_KEPT,	/* the one that there is stays: it ends later, or is more than a warning */
	BLOCK_EXTENDED, /* the one that there is has become this one */
	BLOCK_ADDED,	/* there was none, or a warning */
};

/*
 * For workers whose numbers are below `lcores`, which read `*now`: NULL as long as there are no
 * blocks. Without `rcu` nobody does. NULL without memory.
 */
struct block_set *block_set_create(const struct blocks **now, struct rte_rcu_qsbr *rcu,
				   unsigned lcores, uint64_t seed);

/* When no worker runs. */
void block_set_destroy(struct block_set *set);

/*
 * Masks an address (as in struct query_state) and port; `port_bits` of 0 are all ports. 0, or
 * -EINVAL: too long, or ports of what is no whole address.
 */
int block_client_make(struct block_client *client, const uint8_t *address, bool ipv6,
		      uint8_t length, uint16_t port, uint8_t port_bits);

/* "192.0.2.0/24", with ports "192.0.2.1:16384/2" and "[2001:db8::1]:0/1"; 64 bytes always do. */
size_t block_client_print(const struct block_client *client, char *text, size_t size);

/* enum block_added, -ENOMEM, or -ENOSPC: there are BLOCKS_MAX. */
int block_set_add_client(struct block_set *set, const struct block_client *client,
			 const struct block_order *order, uint64_t now);
int block_set_add_name(struct block_set *set, const uint8_t *name, size_t length,
		       const struct block_order *order, uint64_t now);

/* 0 or -ENOENT; one that has expired is removed, too, and told as if there were none. */
int block_set_remove_client(struct block_set *set, const struct block_client *client,
			    uint64_t now);
int block_set_remove_name(struct block_set *set, const uint8_t *name, size_t length, uint64_t now);
/* All at once, whose memory block_set_reclaim() gives back over the next calls. */
void block_set_clear(struct block_set *set);

/* Those that are kept, expired ones among them; by clients and by name. */
uint32_t block_set_count(const struct block_set *set, bool names);

/* All in no order: start with 0 in `*cursor`; NULL after the last. Not to be edited meanwhile. */
const struct block *block_set_next(const struct block_set *set, uint32_t *cursor);

/* Queries that it matched, on all lcores. */
uint64_t block_set_hits(const struct block_set *set, const struct block *block);

/*
 * Goes through all, some at a call: removes what has expired if `purge`, and counts what the others
 * did lately if `mark`, which is to be every ten seconds. True: this was the last of them.
 */
bool block_set_sweep(struct block_set *set, uint64_t now, bool purge, bool mark);

/* Frees what no worker reads any more. Every turn or less often; never blocks. */
void block_set_reclaim(struct block_set *set);

#endif
