/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/rules/tags.h"
#include "tests/unit/unit.h"

static int blocks; /* given out by the allocator */
static int blocks_left;

static void *counted_alloc(void)
{
	if (blocks_left == 0)
		return NULL;
	blocks_left--;
	blocks++;
	return malloc(NOTE_BLOCK_SIZE);
}

static void counted_free(void *block)
{
	blocks--;
	free(block);
}

static void setup(void)
{
	blocks = 0;
	blocks_left = 1000;
	notes_allocator_set(counted_alloc, counted_free);
}

static void tag_assert(const struct note_block *notes, const char *key, const void *value,
		       size_t length)
{
	const char *found;
	size_t found_length;
	ck_assert(tag_get(notes, key, strlen(key), &found, &found_length));
	ck_assert_uint_eq(found_length, length);
	if (length > 0)
		ck_assert_mem_eq(found, value, length);
}

START_TEST(set_get_overwrite_unset)
{
	struct note_block *notes = NULL;
	ck_assert(!tag_get(notes, "a", 1, NULL, NULL));
	ck_assert(!tag_unset(&notes, "a", 1));
	ck_assert_int_eq(tag_set(&notes, "a", 1, "one", 3), 0);
	ck_assert_int_eq(tag_set(&notes, "ab", 2, "\0x\0", 3), 0);
	ck_assert_int_eq(tag_set(&notes, "", 0, NULL, 0), 0);
	tag_assert(notes, "a", "one", 3);
	tag_assert(notes, "ab", "\0x\0", 3);
	tag_assert(notes, "", NULL, 0);
	ck_assert_int_eq(tag_set(&notes, "a", 1, "two two", 7), 0);
	tag_assert(notes, "a", "two two", 7);
	ck_assert_int_eq(blocks, 1);
	ck_assert(tag_unset(&notes, "a", 1));
	ck_assert(!tag_unset(&notes, "a", 1));
	ck_assert(tag_unset(&notes, "ab", 2));
	ck_assert(tag_unset(&notes, "", 0));
	ck_assert_ptr_null(notes);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

/* Values of every length around what a block holds, and far beyond it. */
START_TEST(all_lengths)
{
	static char value[100000];
	struct note_block *notes = NULL;
	memset(value, 'v', sizeof(value));
	for (size_t length = 0; length < 1100; length++) {
		ck_assert_int_eq(tag_set(&notes, "key", 3, value, length), 0);
		tag_assert(notes, "key", value, length);
	}
	ck_assert_int_eq(blocks, 1);
	ck_assert_int_eq(tag_set(&notes, "key", 3, value, sizeof(value)), 0);
	tag_assert(notes, "key", value, sizeof(value));
	ck_assert_int_eq(tag_set(&notes, value, sizeof(value), "x", 1), -E2BIG);
	ck_assert_int_eq(tag_set(&notes, "k", 1, value, NOTE_VALUE_MAX + 1ul), -E2BIG);
	notes_free(&notes);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(many_tags_over_blocks)
{
	struct note_block *notes = NULL;
	char key[16];
	for (int i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		ck_assert_int_eq(tag_set(&notes, key, strlen(key), key, strlen(key)), 0);
	}
	ck_assert_int_gt(blocks, 10);
	for (int i = 0; i < 500; i += 2) {
		snprintf(key, sizeof(key), "key%d", i);
		ck_assert(tag_unset(&notes, key, strlen(key)));
	}
	for (int i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		if (i % 2)
			tag_assert(notes, key, key, strlen(key));
		else
			ck_assert(!tag_get(notes, key, strlen(key), NULL, NULL));
	}
	notes_free(&notes);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(errors_keep_their_order)
{
	struct note_block *notes = NULL, *copy;
	struct note note;
	ck_assert_int_eq(tag_set(&notes, "t", 1, "v", 1), 0);
	for (uint16_t code = 0; code < 40; code++)
		ck_assert_int_eq(ede_add(&notes, code, "some text here", 14, false), 0);
	struct note_cursor cursor = notes_open(notes);
	for (uint16_t code = 0; code < 40; code++) {
		ck_assert(note_next_of(&cursor, NOTE_EDE, &note));
		ck_assert_uint_eq(note.info_code, code);
		ck_assert_uint_eq(note.value_length, 14);
	}
	ck_assert(!note_next_of(&cursor, NOTE_EDE, &note));
	ck_assert_int_eq(notes_copy(&copy, notes), 0);
	ck_assert_int_eq(ede_add(&notes, 99, NULL, 0, true), 0);
	cursor = notes_open(notes);
	ck_assert(note_next_of(&cursor, NOTE_EDE, &note) && note.info_code == 99);
	ck_assert(!note_next_of(&cursor, NOTE_EDE, &note));
	tag_assert(notes, "t", "v", 1);
	notes_free(&notes);
	tag_assert(copy, "t", "v", 1);
	cursor = notes_open(copy);
	for (unsigned n = 0; n < 40; n++)
		ck_assert(note_next_of(&cursor, NOTE_EDE, &note));
	notes_free(&copy);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(an_empty_allocator_loses_nothing)
{
	struct note_block *notes = NULL;
	char key[16];
	blocks_left = 1;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		ck_assert_int_eq(tag_set(&notes, key, strlen(key), "0123456789", 10), 0);
	}
	tag_assert(notes, "key99", "0123456789", 10);
	ck_assert_int_eq(blocks, 1);
	notes_free(&notes);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(peer_and_values_of_proxies)
{
	const struct note_peer proxy = {.address = {10, 53, 0, 7}, .port = 4242, .local_port = 53};
	struct note_block *notes = NULL, *copy;
	struct note_peer found;
	struct note note;
	static const char large[UINT16_MAX + 1];
	ck_assert(!peer_get(notes, &found));
	proxy_values_clear(&notes);
	ck_assert_int_eq(proxy_value_add(&notes, 0xe0, "one", 3), 0);
	ck_assert_int_eq(peer_set(&notes, &proxy), 0);
	ck_assert_int_eq(tag_set(&notes, "key", 3, "value", 5), 0);
	ck_assert_int_eq(proxy_value_add(&notes, 0xe0, large, UINT16_MAX), 0);
	ck_assert_int_eq(proxy_value_add(&notes, 0xe0, large, UINT16_MAX + 1), -E2BIG);
	ck_assert_int_eq(proxy_value_add(&notes, 0, "", 0), 0);
	ck_assert_int_eq(notes_copy(&copy, notes), 0);
	struct note_cursor cursor = notes_open(copy);
	ck_assert(note_next_of(&cursor, NOTE_PROXY_VALUE, &note) && note.info_code == 0xe0 &&
		  note.value_length == 3 && memcmp(note.value, "one", 3) == 0);
	ck_assert(note_next_of(&cursor, NOTE_PROXY_VALUE, &note) && note.value_length == UINT16_MAX);
	ck_assert(note_next_of(&cursor, NOTE_PROXY_VALUE, &note) && note.info_code == 0);
	ck_assert(!note_next_of(&cursor, NOTE_PROXY_VALUE, &note));
	proxy_values_clear(&copy);
	cursor = notes_open(copy);
	ck_assert(!note_next_of(&cursor, NOTE_PROXY_VALUE, &note));
	tag_assert(copy, "key", "value", 5);
	ck_assert(peer_get(copy, &found));
	ck_assert_mem_eq(&found, &proxy, sizeof(found));
	notes_free(&copy);
	notes_free(&notes);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

static Suite *tags_suite(void)
{
	Suite *suite = suite_create("tags");
	TCase *tcase = tcase_create("tags");
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, set_get_overwrite_unset);
	tcase_add_test(tcase, all_lengths);
	tcase_add_test(tcase, many_tags_over_blocks);
	tcase_add_test(tcase, errors_keep_their_order);
	tcase_add_test(tcase, an_empty_allocator_loses_nothing);
	tcase_add_test(tcase, peer_and_values_of_proxies);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(tags_suite)
