/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic blocks as workers see them: clients, by network and by range of ports, and names with all
 * below them, that something is done to for a time. They are no part of the policy: block_set.h
 * adds and removes them one by one while workers look.
 *
 * A table has cells of a hash and a pointer. A cell that was taken keeps its hash until the table is
 * made anew in other memory, so a search that meets it goes on whatever happens meanwhile; what was
 * removed leaves a cell without a block. A client is looked for once for each length of prefixes
 * and ports that there is, the longest first; a name once for each number of labels.
 */
#ifndef SLUICE_DATAPLANE_RULES_BLOCKS_H
#define SLUICE_DATAPLANE_RULES_BLOCKS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_prefetch.h>

#define BLOCK_HITS_ROW 1024u /* counters of one lcore in a row */

/* What waits until no worker reads it any more; control lcore only. */
struct block_retired {
	struct block_retired *next;
	uint32_t slot; /* of hit counters that goes with it */
};

struct block_client {
	uint64_t words[2]; /* the address as in struct query_state, masked */
	uint16_t port;	   /* masked, host byte order */
	uint8_t length;	   /* of the prefix */
	uint8_t port_bits; /* 0: all ports */
	uint8_t ipv6;
};

struct block_tag {
	uint16_t key_length, value_length;
	char bytes[]; /* the key, the value */
};

struct block {
	/* Control writes, workers read: `until` and `action` while they do, the others before. */
	struct block_retired retired;
	uint64_t until; /* TSC */
	uint64_t *hits; /* those of lcore n are at n * BLOCK_HITS_ROW */
	const struct block_tag *tag; /* NULL: none */
	struct block_client client;
	uint8_t action;	     /* enum rule_result; RULE_RESULT_NONE: what the policy says */
	uint8_t name_length; /* 0: of clients */

	/* Control alone. */
	bool warning; /* would have been a block if there had been more of it */
	uint32_t index;	 /* in the list of all */
	uint64_t before; /* hits that are not this block's, but of one of the same key before it */
	uint64_t marks[7]; /* hits at the last times that were counted at */
	uint64_t recent;   /* in the last minute of these */
	char *reason;

	uint8_t name[]; /* wire format, lower case */
};

struct block_cell {
	uint64_t hash; /* 0: free */
	struct block *block; /* NULL: removed */
};

struct block_table {
	struct block_retired retired;
	uint32_t mask;
	uint32_t used; /* cells that are not free; control lcore only */
	struct block_cell cells[];
};

/* A length of prefixes, and bits of ports, that there are blocks with. */
struct block_shape {
	uint64_t mask[2];
	uint16_t port_mask;
	uint8_t length;
	uint8_t port_bits;
};

/* What there is to look up; immutable but for the cells of its tables. */
struct blocks {
	struct block_retired retired;
	const struct block_table *clients; /* NULL: there are none, as with names */
	const struct block_table *names;
	uint64_t seed;	    /* a secret: clients choose addresses and names */
	uint64_t labels[2]; /* bit n: some name has n labels */
	const struct block_shape *shapes[2]; /* of IPv4, of IPv6: the longest first */
	uint8_t n_shapes[2];
	struct block_shape space[];
};

/* The bytes as two words: those after an IPv4 address do not count. */
void block_words(const uint8_t *address, bool ipv6, uint64_t words[static 2]);

uint64_t block_client_hash(uint64_t seed, const struct block_client *client);
uint64_t block_name_hash(uint64_t seed, const uint8_t *name, size_t length);

/*
 * Any lcore: the block for the longest prefix that covers the client and has not expired, that
 * with the most bits of the port first; NULL: none. The address is as in struct query_state.
 */
const struct block *blocks_find_client(const struct blocks *blocks, const uint8_t *address,
				       bool ipv6, uint16_t port, uint64_t now);

/* Has the first cell that this would read fetched. */
void blocks_prefetch_client(const struct blocks *blocks, const uint8_t *address, bool ipv6,
			    uint16_t port);

/* Likewise for the longest name that this wire name is, or lies below. */
const struct block *blocks_find_name(const struct blocks *blocks, const uint8_t *name,
				     size_t length, uint64_t now);

#endif
