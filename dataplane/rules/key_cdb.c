/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constant databases: 256 pairs of position and length of the hash tables, then records (length of
 * key, length of data, key, data), then the tables, of a hash and a position each; all numbers of four
 * bytes with the low one first. A look-up touches a pair, a few slots side by side, and the record.
 *
 * Nothing in the bytes is trusted: each position is checked before it is followed, and a table is gone
 * through once at most.
 */
#include "dataplane/rules/key_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLES 256u
#define PAIR 8u
#define HEADER (TABLES * PAIR)
#define SLOT 8u
#define RECORD 8u /* bytes before the key */
#define HASH_START 5381u
#define PROBES_MAX 4096u /* of one look-up: tables are half empty, so that a real one takes a few */

struct key_cdb {
	struct key_store store;
	uint8_t *bytes;
	size_t size;
};

static uint32_t little32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static uint32_t hash_of(const uint8_t *key, size_t length)
{
	uint32_t hash = HASH_START;
	for (size_t i = 0; i < length; i++)
		hash = ((hash << 5) + hash) ^ key[i];
	return hash;
}

/* Whether the record there has the key. */
static bool record_is(const struct key_cdb *cdb, uint64_t at, const uint8_t *key, size_t length,
		      struct key_value *value)
{
	if (at + RECORD > cdb->size || little32(cdb->bytes + at) != length)
		return false;
	uint64_t data = little32(cdb->bytes + at + 4), start = at + RECORD + length;
	if (start + data > cdb->size || memcmp(cdb->bytes + at + RECORD, key, length) != 0)
		return false;
	*value = (struct key_value){(const char *)cdb->bytes + start, (size_t)data};
	return true;
}

static bool cdb_find(const struct key_store *store, unsigned lcore, const void *key, size_t length,
		     bool range, struct key_value *value)
{
	const struct key_cdb *cdb = (const struct key_cdb *)store;
	const uint32_t hash = hash_of(key, length);
	const uint8_t *pair = cdb->bytes + hash % TABLES * PAIR;
	const uint64_t table = little32(pair), slots = little32(pair + 4);
	(void)lcore;
	if (range || slots == 0)
		return false;
	uint64_t slot = hash / TABLES % slots;
	for (uint64_t i = 0; i < slots && i < PROBES_MAX; i++) {
		const uint8_t *at = cdb->bytes + table + slot * SLOT;
		uint32_t record = little32(at + 4);
		if (record == 0)
			return false;
		if (little32(at) == hash && record_is(cdb, record, key, length, value))
			return true;
		slot = slot + 1 < slots ? slot + 1 : 0;
	}
	return false;
}

/* All tables lie within the bytes. */
static bool tables_check(const uint8_t *bytes, size_t size)
{
	if (size < HEADER || size > KEY_CDB_SIZE_MAX)
		return false;
	for (unsigned i = 0; i < TABLES; i++) {
		uint64_t at = little32(bytes + i * PAIR), slots = little32(bytes + i * PAIR + 4);
		if (at < HEADER || at + slots * SLOT > size)
			return false;
	}
	return true;
}

struct key_store *key_cdb_new(uint8_t *bytes, size_t size)
{
	struct key_cdb *cdb = calloc(1, sizeof(*cdb));
	errno = cdb != NULL ? EBADMSG : ENOMEM;
	if (cdb == NULL || !tables_check(bytes, size)) {
		free(cdb);
		free(bytes);
		return NULL;
	}
	*cdb = (struct key_cdb){{.find = cdb_find, .memory = sizeof(*cdb) + size}, bytes, size};
	return &cdb->store;
}

void key_cdb_free(struct key_store *store)
{
	struct key_cdb *cdb = (struct key_cdb *)store;
	if (cdb != NULL)
		free(cdb->bytes);
	free(cdb);
}

uint64_t key_cdb_count(const struct key_store *store)
{
	const struct key_cdb *cdb = (const struct key_cdb *)store;
	uint64_t slots = 0;
	for (unsigned i = 0; i < TABLES; i++)
		slots += little32(cdb->bytes + i * PAIR + 4);
	return slots / 2; /* tables are made twice as large as what is in them */
}
