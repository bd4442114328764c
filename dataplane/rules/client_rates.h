/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rate limits by client network, which hold over all lcores together, without a lock, in memory of
 * a fixed size.
 *
 * The rules that tell clients apart alike share a bank: it knows a client once, and has the buckets
 * of all its rules side by side, so that a chain of a thousand such rules reads one piece of memory
 * a client and not a thousand. A bank has as many columns as there were rules before it, so rules
 * that come one by one never take more than twice the memory they need.
 *
 * A bucket is one number: the time at which it will be full again, and a tag of the client. One
 * with another client's tag is full. So a client that takes another's place in the bank finds all
 * buckets full without anybody having to clear them, and whoever still is about to take a token for
 * the client that was there does no harm.
 *
 * Time is the TSC. Any lcore may take tokens.
 */
#ifndef SLUICE_DATAPLANE_RULES_CLIENT_RATES_H
#define SLUICE_DATAPLANE_RULES_CLIENT_RATES_H

#include <assert.h>

#include <rte_common.h>

#include "dataplane/rules/rates.h"

#define CLIENT_BANK_WAYS 8u	   /* clients to a line */
#define CLIENT_BANK_WIDTH_MAX 512u /* buckets of a client: 4 KiB */

struct client_bank {
	uint64_t seed[2];
	uint64_t *clients; /* 48 bits of the key, 16 bits that say when it was last seen */
	uint64_t *buckets; /* of each client `width`, side by side; a power of two */
	uint32_t mask;	   /* number of lines of clients, less one */
	uint16_t width;
	uint8_t v4_prefix, v6_prefix;
	/* control lcore only */
	uint32_t n_clients; /* that it is for */
	uint32_t used;	    /* columns that have a rule */
	uint32_t before;    /* columns in banks before it */
	size_t size;	    /* bytes of `clients` and `buckets` */
};

/* What a rule has of a bank. A chain has those of its rules side by side. */
struct client_rate {
	const struct client_bank *bank;
	uint64_t period; /* as in struct rate_limit, in units of 2^-6 cycles */
	uint64_t depth;
	uint32_t column;
	uint32_t spare;
};

static_assert(sizeof(struct client_rate) == 32, "chains stream over it");

/*
 * Makes an empty bank with so many columns for about `clients` clients. The prefix lengths say what
 * counts as one client. Its memory is real only where it is used. False without memory. Control
 * lcore only, as the next two.
 */
bool client_bank_open(struct client_bank *bank, uint32_t clients, uint16_t width, uint8_t v4_prefix,
		      uint8_t v6_prefix, const uint64_t seed[2]);
void client_bank_close(struct client_bank *bank);

/* The next free column, with this limit. There must be one. */
struct client_rate client_bank_column(struct client_bank *bank, struct rate_limit limit);

/* Bytes that a bank for about so many clients takes, once all of it is used. */
size_t client_bank_size(uint32_t clients, uint16_t width);

/* What the bank knows a client by. IPv4 addresses are in the first 4 bytes. Any lcore. */
uint64_t client_bank_key(const struct client_bank *bank, const uint8_t *address, bool ipv6);

/* Whether both know a client by the same key. */
static inline bool client_banks_alike(const struct client_bank *a, const struct client_bank *b)
{
	return a->v4_prefix == b->v4_prefix && a->v6_prefix == b->v6_prefix &&
	       a->seed[0] == b->seed[0] && a->seed[1] == b->seed[1];
}

/*
 * The client's buckets at TSC `now`: where all places that it may have are taken, it gets the one
 * of whoever was not seen for the longest time. Any lcore.
 */
uint64_t *client_bank_row(const struct client_bank *bank, uint64_t key, uint64_t now);

/* Takes a token of the client's, whose row this is, at TSC `now`; false if it has none. */
static inline bool client_rate_take(const struct client_rate *rate, uint64_t *row, uint64_t key,
				    uint64_t now)
{
	/* Times count 2^-6 cycles and wrap around: a bucket may rest for a year and a half. */
	uint64_t tag = key >> 56 | 1, time = now << 6 & ~UINT64_C(0xff), after;
	uint64_t seen = __atomic_load_n(&row[rate->column], __ATOMIC_RELAXED);
	do {
		int64_t ahead = (seen & 0xff) == tag ? (int64_t)(seen - tag - time) : 0;
		after = (ahead > 0 ? (uint64_t)ahead : 0) + rate->period;
		if (after > rate->depth)
			return false;
	} while (!__atomic_compare_exchange_n(&row[rate->column], &seen, time + after + tag, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

#endif
