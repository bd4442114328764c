/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum's sum (RFC 1071), eight bytes at a time, with what is carried added back at
 * once: folded, that is the sum of the 16-bit words.
 */
#ifndef SLUICE_DATAPLANE_NET_CHECKSUM_H
#define SLUICE_DATAPLANE_NET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t net_sum_add(uint64_t sum, uint64_t word)
{
	uint64_t total;
	unsigned carry = __builtin_add_overflow(sum, word, &total);
	return total + carry;
}

static inline uint64_t net_sum_4(uint64_t sum, const void *at)
{
	uint32_t half;
	memcpy(&half, at, sizeof(half));
	return net_sum_add(sum, half);
}

static inline uint64_t net_sum_8(uint64_t sum, const void *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return net_sum_add(sum, word);
}

/*
 * Of so many bytes. The first eight come last: they are a message's header, whose narrow stores a wide
 * load just behind them would have to wait for.
 */
static inline uint64_t net_sum(uint64_t sum, const uint8_t *bytes, size_t length)
{
	uint64_t rest = 0;
	if (__builtin_expect(length < sizeof(rest), 0)) {
		memcpy(&rest, bytes, length);
		return net_sum_add(sum, rest);
	}
	const uint8_t *at = bytes + sizeof(rest), *end = bytes + length;
	for (; at + 2 * sizeof(rest) <= end; at += 2 * sizeof(rest))
		sum = net_sum_8(net_sum_8(sum, at), at + sizeof(rest));
	if (at + sizeof(rest) <= end) {
		sum = net_sum_8(sum, at);
		at += sizeof(rest);
	}
	if (at < end) { /* the last eight, of which those are shifted out that have been summed */
		memcpy(&rest, end - sizeof(rest), sizeof(rest));
		sum = net_sum_add(sum, rest >> 8 * (at + sizeof(rest) - end));
	}
	return net_sum_8(sum, bytes);
}

/* Its sixteen bits, of which the checksum is the complement. */
static inline uint16_t net_sum_fold(uint64_t sum)
{
	uint32_t half;
	uint16_t quarter;
	unsigned carry = __builtin_add_overflow((uint32_t)sum, (uint32_t)(sum >> 32), &half);
	half += carry;
	carry = __builtin_add_overflow((uint16_t)half, (uint16_t)(half >> 16), &quarter);
	return (uint16_t)(quarter + carry);
}

#endif
