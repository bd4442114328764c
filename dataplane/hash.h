/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of what others choose, under secrets that they do not know. Any thread. */
#ifndef SLUICE_DATAPLANE_HASH_H
#define SLUICE_DATAPLANE_HASH_H

#include <stdint.h>

/* Both halves of the product: of the low one what lower bits say, of the high one what higher ones say. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Of two words under two secrets. Of IPv4 addresses one word is always the same, so that a single
 * product is of the other one and a constant: under unlucky secrets neighbours then share few buckets.
 * Therefore its halves are multiplied once more.
 */
static inline uint64_t hash_pair(const uint64_t words[static 2], uint64_t secret, uint64_t other)
{
	__extension__ unsigned __int128 product =
		(unsigned __int128)(words[0] ^ secret) * (words[1] ^ other);
	return hash_mix((uint64_t)product ^ secret, (uint64_t)(product >> 64) ^ other);
}

#endif
