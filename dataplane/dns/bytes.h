/* SPDX-License-Identifier: BSD-2-Clause */
/* Big-endian numbers at any address, and ASCII case folding eight bytes at a time. */
#ifndef SLUICE_DATAPLANE_DNS_BYTES_H
#define SLUICE_DATAPLANE_DNS_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t dns_u16_load(const uint8_t *at)
{
	uint16_t value;
	memcpy(&value, at, sizeof(value));
	return __builtin_bswap16(value);
}

static inline uint32_t dns_u32_load(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return __builtin_bswap32(value);
}

static inline void dns_u16_store(uint8_t *at, uint16_t value)
{
	value = __builtin_bswap16(value);
	memcpy(at, &value, sizeof(value));
}

static inline void dns_u32_store(uint8_t *at, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(at, &value, sizeof(value));
}

/* Eight bytes as they lie in memory: for comparing and hashing, not for numbers. */
static inline uint64_t dns_word_load(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint32_t dns_half_load(const uint8_t *at)
{
	uint32_t half;
	memcpy(&half, at, sizeof(half));
	return half;
}

/* One to seven bytes in one word, without reading past them; equal bytes give equal words. */
static inline uint64_t dns_tail_load(const uint8_t *at, size_t length)
{
	if (length >= 4)
		return dns_half_load(at) | (uint64_t)dns_half_load(at + length - 4) << 32;
	return at[0] | (uint64_t)at[length / 2] << 8 | (uint64_t)at[length - 1] << 16;
}

/*
 * Copies what is short, as names are, to elsewhere: some bytes twice rather than one by one. Not
 * memcpy(): where compilers do not know the length, they choose an instruction that takes long to start.
 */
static inline void dns_short_copy(uint8_t *to, const uint8_t *from, size_t length)
{
	if (length >= 16) {
		for (size_t at = 0; at + 16 < length; at += 16)
			memcpy(to + at, from + at, 16);
		memcpy(to + length - 16, from + length - 16, 16);
	} else if (length >= 8) {
		memcpy(to, from, 8);
		memcpy(to + length - 8, from + length - 8, 8);
	} else if (length >= 4) {
		memcpy(to, from, 4);
		memcpy(to + length - 4, from + length - 4, 4);
	} else if (length > 0) {
		to[0] = from[0];
		to[length / 2] = from[length / 2];
		to[length - 1] = from[length - 1];
	}
}

/*
 * Lower-cases the ASCII letters of eight bytes. Label lengths (0 to 63) lie below 'A', so a whole
 * wire name can be folded without looking for its labels.
 */
static inline uint64_t dns_word_fold(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t low = word & 0x7f * ones;
	uint64_t above_z = low + (0x7f - 'Z') * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones;
	uint64_t upper = (from_a ^ above_z) & ~word & 0x80 * ones;
	return word | upper >> 2; /* 0x80 >> 2 is the bit that tells 'a' from 'A' */
}

/* Whether they are the same but for case; most that are, are so in case too. */
static inline bool dns_word_same(uint64_t a, uint64_t b)
{
	return a == b || dns_word_fold(a) == dns_word_fold(b);
}

static inline uint8_t dns_byte_fold(uint8_t byte)
{
	return byte | (uint8_t)((uint8_t)(byte - 'A') < 26u) << 5;
}

#endif
