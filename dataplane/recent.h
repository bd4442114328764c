/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was asked and answered of late: two rings for each lcore, of queries and of responses. Their
 * lcore alone writes, any other may read; an entry that is written meanwhile is none.
 *
 * Not every packet is recorded, and an entry says how many it stands for. Whichever packet it is, the
 * number that it was recorded for is that of packets among which it was drawn, each as likely as the
 * others: so sums over entries are those of the packets, on average, under any load.
 * - Of each burst of queries one is recorded.
 * - How many responses a turn will have nobody knows. They are drawn from blocks: the first is as
 *   large as the turn before, or half as large as its last block where it had fewer, and each next
 *   one is twice the one before. Of few packets all are recorded, of many about one a turn.
 * - A sampling rate that the policy sets takes the place of both.
 */
#ifndef SLUICE_DATAPLANE_RECENT_H
#define SLUICE_DATAPLANE_RECENT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>

#include "dataplane/packet.h"

#define RECENT_NAME_MAX 255u
#define RECENT_BLOCK_MAX 64u
/* Entries of each kind, of all lcores, that are looked at in one go: packets for Lua wait meanwhile. */
#define RECENT_READ_MAX 20000u
#define RECENT_TICK_SHIFT 8 /* a tick is so many TSC cycles, as a power of two */
#define RECENT_TIMEOUT UINT32_MAX /* in place of ticks: no answer came */

enum recent_kind { RECENT_QUERIES, RECENT_RESPONSES, RECENT_KINDS };

enum recent_flag {
	RECENT_IPV6 = 1 << 0,
	RECENT_TCP = 1 << 1,
	RECENT_MAC = 1 << 2,
	RECENT_FORWARDED = 1 << 3, /* a response of a server's, or the lack of one */
	RECENT_CACHED = 1 << 4,
	RECENT_RESPONSE = 1 << 5,
};

struct recent_entry {
	uint32_t sequence; /* of its number; 0: it is being written */
	uint32_t weight;   /* packets that it stands for */
	uint64_t when;	   /* TSC */
	uint8_t client[16]; /* as in struct query_state */
	uint16_t client_port;
	uint16_t qtype;
	uint16_t size; /* of the message, bytes */
	uint16_t backend;
	uint32_t ticks; /* since the query came */
	uint8_t header[12];
	uint8_t mac[6]; /* of the frame that the query came in */
	uint8_t flags;
	uint8_t name_length;
	uint8_t name[RECENT_NAME_MAX]; /* on the wire; so much of it as name_length says is written */
} __rte_cache_aligned;

static_assert(sizeof(struct recent_entry) == 320, "a line, and what names need");
static_assert(offsetof(struct recent_entry, name) == 64, "a line, and what names need");

struct recent_ring {
	uint64_t count; /* of all entries that were ever written */
	uint32_t next;	/* place of the next one */
	uint32_t size;
	struct recent_entry *entries;
} __rte_cache_aligned;

/* A size of 0: nothing of that kind is recorded. */
struct recent_options {
	uint32_t size[RECENT_KINDS]; /* entries for each lcore */
	uint32_t rate; /* of so many packets one is recorded; 0: see above */
};

/* All lcores' rings; made by recent_open() in memory of recent_memory() bytes. */
struct recent {
	struct recent_options options;
	uint32_t n_lcores;
	uint64_t serial; /* no other rings have had it; never 0 */
	struct recent_ring rings[][RECENT_KINDS];
};

/* Which of the packets to come is recorded next. */
struct recent_draw {
	uint32_t pick;	/* packets before that one */
	uint32_t rest;	/* of its block, behind it */
	uint32_t block; /* packets among which it was drawn */
	uint32_t start; /* `pick` as it was drawn */
	uint32_t passed; /* packets of this turn up to then */
};

/* What an lcore has for itself. All zero: nothing is recorded. */
struct recent_lcore {
	struct recent *recent; /* that the draws are for */
	uint64_t serial;       /* its, since others may get its memory */
	struct recent_ring *rings; /* of this lcore; NULL: none */
	struct recent_draw draws[RECENT_KINDS];
	uint32_t rate;
	uint64_t random;
};

size_t recent_memory(const struct recent_options *options, uint32_t n_lcores);
/* The memory is all zero, and at a multiple of cache lines. */
struct recent *recent_open(void *memory, const struct recent_options *options, uint32_t n_lcores);

/* ---- its lcore ---- */

/* Other rings than before, NULL: none. */
void recent_adopt(struct recent_lcore *lcore, struct recent *recent, uint32_t index);
/* The first block of a turn's responses is drawn. */
void recent_turn_begin(struct recent_lcore *lcore);

static inline uint64_t recent_serial(const struct recent *recent)
{
	return recent != NULL ? recent->serial : 0;
}

/* At the start of each turn. */
static inline void recent_turn(struct recent_lcore *lcore, struct recent *recent, uint32_t index)
{
	const struct recent_draw *draw = &lcore->draws[RECENT_RESPONSES];
	if (unlikely(recent != lcore->recent || recent_serial(recent) != lcore->serial))
		recent_adopt(lcore, recent, index);
	if (draw->passed != 0 || draw->pick != draw->start || draw->block > 1)
		recent_turn_begin(lcore);
}

/* The queries of a burst, parsed, at the time `now`. */
void recent_queries(struct recent_lcore *lcore, struct rte_mbuf *const *mbufs, uint32_t count,
		    uint64_t now);

/* `mbuf` is about to leave for its client. */
void recent_answer_record(struct recent_lcore *lcore, struct rte_mbuf *mbuf, uint64_t now);

static inline void recent_answer(struct recent_lcore *lcore, struct rte_mbuf *mbuf, uint64_t now)
{
	if (unlikely(lcore->draws[RECENT_RESPONSES].pick-- == 0))
		recent_answer_record(lcore, mbuf, now);
}

/* The server did not answer a query for this name. */
void recent_timeout(struct recent_lcore *lcore, const struct query_state *query,
		    const uint8_t *name, uint64_t now);

/* ---- any lcore ---- */

/* How many entries were ever written: their numbers are from 0. The last `size` of them are there. */
static inline uint64_t recent_count(const struct recent_ring *ring)
{
	return __atomic_load_n(&ring->count, __ATOMIC_ACQUIRE);
}

/* Copies an entry, without the bytes behind its name. False: it is not there, or no more. */
bool recent_copy(const struct recent_ring *ring, uint64_t number, struct recent_entry *copy);

#endif
