/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of keys of any length and any alignment. */
#ifndef SLUICE_CONTROL_POLICY_KEY_HASH_H
#define SLUICE_CONTROL_POLICY_KEY_HASH_H

#include <stdint.h>
#include <string.h>

#include <rte_common.h>
#include <rte_jhash.h>

/* rte_jhash() itself reads whole words, also of what lies behind the last byte. */
static inline uint32_t key_hash(const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	uint32_t hash = (uint32_t)length;
	for (size_t at = 0; at < length; at += 3 * sizeof(uint32_t)) {
		uint32_t words[3] = {0};
		memcpy(words, from + at, RTE_MIN(length - at, sizeof(words)));
		hash = rte_jhash_3words(words[0], words[1], words[2], hash);
	}
	return hash;
}

#endif
