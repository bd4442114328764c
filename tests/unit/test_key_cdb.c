/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/key_store.h"

#define TABLES 256u
#define RECORDS_MAX 1000u

/* A CDB as its makers write it: records, then for each table twice as many slots as it needs. */
static struct maker {
	uint8_t bytes[1 << 20];
	size_t size, count;
	uint32_t hashes[RECORDS_MAX], places[RECORDS_MAX];
} maker;

static void put(size_t at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		maker.bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static void add(const void *key, size_t length, const void *data, size_t data_length)
{
	uint32_t hash = 5381;
	for (size_t i = 0; i < length; i++)
		hash = hash * 33 ^ ((const uint8_t *)key)[i];
	maker.hashes[maker.count] = hash;
	maker.places[maker.count++] = (uint32_t)maker.size;
	put(maker.size, (uint32_t)length);
	put(maker.size + 4, (uint32_t)data_length);
	memcpy(maker.bytes + maker.size + 8, key, length);
	memcpy(maker.bytes + maker.size + 8 + length, data, data_length);
	maker.size += 8 + length + data_length;
}

static void table_put(unsigned table)
{
	uint32_t slots = 0;
	for (size_t i = 0; i < maker.count; i++)
		slots += 2 * (maker.hashes[i] % TABLES == table);
	put(table * 8, (uint32_t)maker.size);
	put(table * 8 + 4, slots);
	memset(maker.bytes + maker.size, 0, slots * 8);
	for (size_t i = 0; i < maker.count; i++) {
		if (maker.hashes[i] % TABLES != table)
			continue;
		uint32_t slot = maker.hashes[i] / TABLES % slots;
		while (memcmp(maker.bytes + maker.size + slot * 8 + 4, "\0\0\0", 4) != 0)
			slot = (slot + 1) % slots;
		put(maker.size + slot * 8, maker.hashes[i]);
		put(maker.size + slot * 8 + 4, maker.places[i]);
	}
	maker.size += slots * 8;
}

static void tables_put(void)
{
	for (unsigned table = 0; table < TABLES; table++)
		table_put(table);
}

static struct key_store *store_of(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, bytes, size);
	return key_cdb_new(copy, size);
}

static void setup(void)
{
	memset(&maker, 0, sizeof(maker));
	maker.size = TABLES * 8;
}

static bool finds(const struct key_store *store, const void *key, size_t length, const char *data)
{
	struct key_value value = {0};
	if (!store->find(store, 0, key, length, false, &value))
		return false;
	ck_assert_uint_eq(value.length, strlen(data));
	ck_assert_mem_eq(value.bytes, data, value.length);
	key_store_done(store, 0);
	return true;
}

START_TEST(keys_have_their_values)
{
	char key[16], data[16];
	for (unsigned i = 0; i < RECORDS_MAX - 2; i++) {
		snprintf(key, sizeof(key), "key %u", i);
		snprintf(data, sizeof(data), "data %u", i);
		add(key, strlen(key), data, strlen(data));
	}
	add("\3www\0", 5, "wire", 4);
	add("nothing", 7, "", 0);
	tables_put();
	struct key_store *store = store_of(maker.bytes, maker.size);
	ck_assert_ptr_nonnull(store);
	ck_assert_uint_eq(key_cdb_count(store), RECORDS_MAX);
	ck_assert_uint_ge(store->memory, maker.size);
	for (unsigned i = 0; i < RECORDS_MAX - 2; i++) {
		snprintf(key, sizeof(key), "key %u", i);
		snprintf(data, sizeof(data), "data %u", i);
		ck_assert(finds(store, key, strlen(key), data));
		key[0] = 'K';
		ck_assert(!finds(store, key, strlen(key), data));
	}
	ck_assert(finds(store, "\3www\0", 5, "wire"));
	ck_assert(!finds(store, "\3www", 4, "wire"));
	ck_assert(finds(store, "nothing", 7, ""));
	ck_assert(!finds(store, "", 0, ""));
	struct key_value value;
	ck_assert(!store->find(store, 0, "key 1", 5, true, &value)); /* it has no order */
	key_cdb_free(store);
}
END_TEST

START_TEST(an_empty_one_has_nothing)
{
	tables_put();
	struct key_store *store = store_of(maker.bytes, maker.size);
	ck_assert_ptr_nonnull(store);
	ck_assert(!finds(store, "key", 3, ""));
	ck_assert_uint_eq(key_cdb_count(store), 0);
	key_cdb_free(store);
	key_cdb_free(NULL);
}
END_TEST

START_TEST(what_is_cut_off_is_none)
{
	add("key", 3, "data", 4);
	tables_put();
	for (size_t size = 0; size < maker.size; size++) {
		errno = 0;
		ck_assert_ptr_null(store_of(maker.bytes, size));
		ck_assert_int_eq(errno, EBADMSG);
	}
}
END_TEST

/* Whatever a byte is, no look-up leaves the file: a sanitizer watches. */
START_TEST(nonsense_is_survived)
{
	volatile uint8_t touched;
	add("key", 3, "data", 4);
	add("other", 5, "more", 4);
	tables_put();
	for (size_t at = 0; at < maker.size; at++) {
		uint8_t before = maker.bytes[at];
		struct key_value value;
		maker.bytes[at] ^= (uint8_t)(0x80 + at);
		struct key_store *store = store_of(maker.bytes, maker.size);
		if (store != NULL) {
			store->find(store, 0, "key", 3, false, &value);
			if (store->find(store, 0, "other", 5, false, &value) && value.length > 0)
				touched = (uint8_t)value.bytes[value.length - 1], (void)touched;
			key_cdb_free(store);
		}
		maker.bytes[at] = before;
	}
}
END_TEST

static Suite *key_cdb_suite(void)
{
	Suite *suite = suite_create("key_cdb");
	TCase *tcase = tcase_create("key_cdb");
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, keys_have_their_values);
	tcase_add_test(tcase, an_empty_one_has_nothing);
	tcase_add_test(tcase, what_is_cut_off_is_none);
	tcase_add_test(tcase, nonsense_is_survived);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(key_cdb_suite)
