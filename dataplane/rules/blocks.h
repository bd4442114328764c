/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic blocks as workers see them: clients, by network and by range of ports, and names with all
 * below them, that something is done to for a time. They are no part of the policy: block_set.h
 * adds and removes them one by one while workers look.
 *
 * A table has cells of a hash and a pointer. A cell that was taken keeps its hash until the table
 * is made anew in other memory, so a search that meets it goes on whatever happens meanwhile;
 * what was removed leaves a cell without a block. A client is looked for once for each length of prefixes
 * and ports that there is, the longest first; a name once for each number of labels.
 */
#ifndef SLUICE_DATAPLANE_RULES_BLOCKS_H
#define SLUICE_DATAPLANE_RULES_BLOCKS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKS_AHEAD 8u
#define BLOCK_HITS_ROW 1024u /* counters of one lcore in a row */

/* What waits until no worker reads it any more; control lcore only. */
struct block_retired {
	struct block_retired *next;
	void *memory;  /* that is to be freed */
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
	uint64_t until; /* TSC */
	uint64_t *hits; /* those of lcore n are at n * BLOCK_HITS_ROW */
	const struct block_tag *tag; /* NULL: none */
	struct block_client client;
	uint8_t action;	     /* enum rule_result; RULE_RESULT_NONE: what the policy says */
	uint8_t name_length; /* 0: of clients */

	/* Control alone. */
	bool warning;	 /* would have been a block if there had been more of it */
	uint32_t index;	 /* in the list of all */
	uint64_t before; /* hits that are not this block's, but of one of the same key before it */
	uint64_t marks[7]; /* hits at the last times that were counted at */
	uint64_t recent;   /* in the last minute of these */
	char *reason;
	struct block_retired retired;

	uint8_t name[]; /* wire format, lower case */
};

static_assert(offsetof(struct block, index) <= 64, "workers read one line of a client's block");

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

/* Which block is for a client, or for a name. */
struct block_ask {
	const uint8_t *bytes; /* the address as in struct query_state, or the name */
	uint16_t length;      /* of the name */
	uint16_t port;
	bool ipv6;
	uint8_t n_ahead;
	uint64_t ahead[BLOCKS_AHEAD]; /* the hashes that are looked for first */
	const struct block *found; /* NULL: none */
};

/*
 * Any lcore: finds for each client the block for the longest prefix that covers it and has not
 * expired, those with the most bits of the port first. All are looked for together, so that they
 * wait for memory together.
 */
void blocks_find_clients(const struct blocks *blocks, struct block_ask *asks, unsigned count,
			 uint64_t now);

/* Likewise for the longest name that each wire name is, or lies below. */
void blocks_find_names(const struct blocks *blocks, struct block_ask *asks, unsigned count,
		       uint64_t now);

#endif
