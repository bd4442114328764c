/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of subscribers against a plain search through all of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/subscriber_table.h"
#include "dataplane/rules/tags.h"
#include "tests/unit/unit.h"

#define ENTRIES_MAX 6000u
#define ID_SIZE 16u

struct known {
	struct subscriber_entry entry;
	char id[ID_SIZE];
	bool dropped;
};

static struct known known[ENTRIES_MAX];
static size_t count, conflicts;
static struct subscriber_builder *builder;
static struct subscriber_table *table;
static uint64_t seed = 88172645463325252u;

static uint64_t chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void setup(void)
{
	builder = subscriber_builder_new();
	ck_assert_ptr_nonnull(builder);
	count = conflicts = 0;
}

static void teardown(void)
{
	subscriber_builder_free(builder);
	subscriber_table_free(table);
	builder = NULL;
	table = NULL;
}

/* The entry of line `count + 1`, whose id is told by its line. */
static void entry_add(struct subscriber_entry entry)
{
	ck_assert_uint_lt(count, ENTRIES_MAX);
	struct known *to = &known[count++];
	*to = (struct known){.entry = entry};
	snprintf(to->id, sizeof(to->id), "s%zu", count);
	to->entry.line = count;
	to->entry.id = to->id;
	to->entry.id_length = strlen(to->id);
	ck_assert_int_eq(subscriber_builder_add(builder, &to->entry), 0);
}

/* "address[/length]", or with ports if `last` is not below `first`. */
static void add(const char *text, int first, int last)
{
	struct subscriber_entry entry = {.ports = first <= last,
					 .first_port = (uint16_t)first,
					 .last_port = (uint16_t)last};
	ck_assert_int_eq(prefix_parse(text, &entry.prefix), 0);
	entry_add(entry);
}

static bool covers(const struct prefix_entry *prefix, const uint8_t *address, bool ipv6)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;
	if (prefix->ipv6 != ipv6 || memcmp(prefix->address, address, whole) != 0)
		return false;
	return rest == 0 || (prefix->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static bool prefix_same(const struct prefix_entry *a, const struct prefix_entry *b)
{
	return a->ipv6 == b->ipv6 && a->length == b->length &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static bool clash(const struct subscriber_entry *a, const struct subscriber_entry *b)
{
	if (a->ports != b->ports || !prefix_same(&a->prefix, &b->prefix))
		return false;
	return !a->ports || (a->first_port <= b->last_port && b->first_port <= a->last_port);
}

static void conflict_note(void *data, uint64_t line, uint64_t other, bool ports)
{
	ck_assert_ptr_eq(data, &conflicts);
	ck_assert_uint_gt(line, other);
	ck_assert_uint_gt(other, 0);
	ck_assert_uint_le(line, count);
	struct known *left = &known[line - 1], *stays = &known[other - 1];
	ck_assert(!left->dropped);
	ck_assert(clash(&left->entry, &stays->entry));
	ck_assert(left->entry.ports == ports);
	left->dropped = true;
	conflicts++;
}

/* Clients that were asked for, to be asked for together: a burst finds what each finds alone. */
static uint8_t asked[SUBSCRIBER_BULK_MAX][16];
static struct subscriber_client clients[SUBSCRIBER_BULK_MAX];
static unsigned n_asked;

static void build(void)
{
	n_asked = 0;
	table = subscriber_builder_finish(builder, conflict_note, &conflicts);
	builder = NULL;
	ck_assert_ptr_nonnull(table);
	ck_assert_uint_eq(subscriber_table_count(table), count - conflicts);
}

static const struct known *expected(const uint8_t *address, bool ipv6, uint16_t port)
{
	const struct known *best = NULL;
	int best_length = -1;
	for (size_t i = 0; i < count; i++) {
		const struct subscriber_entry *entry = &known[i].entry;
		int length = entry->ports ? 33 : entry->prefix.length;
		bool ports = !entry->ports ||
			     (entry->first_port <= port && port <= entry->last_port);
		if (known[i].dropped || !ports || !covers(&entry->prefix, address, ipv6) ||
		    length <= best_length)
			continue;
		best = &known[i];
		best_length = length;
	}
	return best;
}

static void burst_ask(void)
{
	uint32_t records[SUBSCRIBER_BULK_MAX];
	struct subscriber found;
	subscriber_find_bulk(table, clients, n_asked, records);
	for (unsigned i = 0; i < n_asked; i++) {
		bool have = subscriber_find(table, clients[i].address, clients[i].ipv6,
					    clients[i].port, &found);
		ck_assert_uint_eq(records[i], have ? found.record : SUBSCRIBER_NOBODY);
	}
	n_asked = 0;
}

/* The line of who is found; 0: nobody. */
static size_t ask(const uint8_t *address, bool ipv6, uint16_t port)
{
	memcpy(asked[n_asked], address, ipv6 ? 16 : 4);
	clients[n_asked] = (struct subscriber_client){asked[n_asked], ipv6, port};
	if (++n_asked == SUBSCRIBER_BULK_MAX || port % 37 == 0)
		burst_ask();
	const struct known *want = expected(address, ipv6, port);
	struct subscriber found;
	size_t length;
	bool have = subscriber_find(table, address, ipv6, port, &found);
	ck_assert_int_eq(have, want != NULL);
	if (!have)
		return 0;
	const char *id = subscriber_id(&found, &length);
	ck_assert_uint_eq(length, strlen(want->id));
	ck_assert_mem_eq(id, want->id, length);
	return want->entry.line;
}

static size_t line_at(const char *text, uint16_t port)
{
	uint8_t address[16] = {0};
	bool ipv6 = strchr(text, ':') != NULL;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address), 1);
	return ask(address, ipv6, port);
}

START_TEST(ports_within_prefixes)
{
	add("100.64.0.0/10", 1, 0);
	add("100.64.0.1", 1024, 2047);
	add("100.64.0.1", 2048, 2048);
	add("100.64.0.1", 65000, 65535);
	add("100.64.0.2", 1, 0);
	add("100.64.0.2", 0, 65535);
	add("255.255.255.255", 60000, 65535);
	add("2001:db8::/56", 1, 0);
	add("2001:db8:0:1::/64", 1, 0);
	build();
	ck_assert_uint_eq(conflicts, 0);
	ck_assert_uint_eq(line_at("100.64.0.1", 0), 1);
	ck_assert_uint_eq(line_at("100.64.0.1", 1023), 1);
	ck_assert_uint_eq(line_at("100.64.0.1", 1024), 2);
	ck_assert_uint_eq(line_at("100.64.0.1", 2047), 2);
	ck_assert_uint_eq(line_at("100.64.0.1", 2048), 3);
	ck_assert_uint_eq(line_at("100.64.0.1", 2049), 1);
	ck_assert_uint_eq(line_at("100.64.0.1", 65535), 4);
	ck_assert_uint_eq(line_at("100.64.0.2", 0), 6);
	ck_assert_uint_eq(line_at("100.64.0.2", 65535), 6);
	ck_assert_uint_eq(line_at("100.64.0.3", 1024), 1);
	ck_assert_uint_eq(line_at("100.63.255.255", 1024), 0);
	ck_assert_uint_eq(line_at("100.128.0.0", 0), 0);
	ck_assert_uint_eq(line_at("255.255.255.255", 59999), 0);
	ck_assert_uint_eq(line_at("255.255.255.255", 65535), 7);
	ck_assert_uint_eq(line_at("2001:db8::1", 7), 8);
	ck_assert_uint_eq(line_at("2001:db8:0:1::1", 7), 9);
	ck_assert_uint_eq(line_at("2001:db8:0:2::", 7), 8);
	ck_assert_uint_eq(line_at("2001:db8:0:100::", 7), 0);
	ck_assert_uint_eq(line_at("::", 7), 0);
}
END_TEST

START_TEST(edges)
{
	build();
	ck_assert_uint_eq(line_at("0.0.0.0", 0), 0);
	ck_assert_uint_eq(line_at("::", 0), 0);
	teardown();
	setup();
	add("0.0.0.0/0", 1, 0);
	add("0.0.0.0", 0, 0);
	add("::/0", 1, 0);
	add("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 0);
	add("::", 1, 0);
	build();
	ck_assert_uint_eq(line_at("0.0.0.0", 0), 2);
	ck_assert_uint_eq(line_at("0.0.0.0", 1), 1);
	ck_assert_uint_eq(line_at("255.255.255.255", 65535), 1);
	ck_assert_uint_eq(line_at("::", 0), 5);
	ck_assert_uint_eq(line_at("::1", 0), 3);
	ck_assert_uint_eq(line_at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 0), 3);
	ck_assert_uint_eq(line_at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0), 4);
}
END_TEST

START_TEST(in_conflict)
{
	add("192.0.2.1", 1000, 1999);
	add("192.0.2.1", 1999, 2000); /* one port that is taken */
	add("192.0.2.1", 2000, 2999);
	add("192.0.2.1", 0, 65535);
	add("192.0.2.2", 1000, 1999); /* another address */
	add("192.0.2.0/24", 1, 0);
	add("192.0.2.0/24", 1, 0);
	add("2001:db8::/64", 1, 0);
	add("2001:db8::/64", 1, 0);
	build();
	ck_assert_uint_eq(conflicts, 4);
	ck_assert_uint_eq(line_at("192.0.2.1", 1999), 1);
	ck_assert_uint_eq(line_at("192.0.2.1", 2000), 3);
	ck_assert_uint_eq(line_at("192.0.2.1", 3000), 6);
	ck_assert_uint_eq(line_at("192.0.2.2", 1999), 5);
	ck_assert_uint_eq(line_at("2001:db8::", 0), 8);
}
END_TEST

static void tag_assert(const struct subscriber_tag *tag, const char *key, const char *value)
{
	ck_assert_uint_eq(tag->key_length, strlen(key));
	ck_assert_mem_eq(tag->key, key, strlen(key));
	ck_assert_uint_eq(tag->value_length, strlen(value));
	ck_assert_mem_eq(tag->value, value, strlen(value));
}

/* So many sets that their table grows, each of them used twice. */
START_TEST(sets_of_tags)
{
	static const char keys[] = "k0k1k2k3k4k5k6k7k8k9kakbkckdkekf";
	char value[8];
	struct subscriber_tag tags[SUBSCRIBER_TAGS_MAX], found_tags[SUBSCRIBER_TAGS_MAX];
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(value, sizeof(value), "%u", i % 2000);
		for (unsigned n = 0; n < SUBSCRIBER_TAGS_MAX; n++)
			tags[n] = (struct subscriber_tag){&keys[2 * n], value, 2,
							  (uint8_t)strlen(value)};
		struct subscriber_entry entry = {.prefix = {.address = {10, 0, (uint8_t)(i >> 8),
									(uint8_t)i},
							    .length = 32},
						 .tags = tags,
						 .n_tags = i % (SUBSCRIBER_TAGS_MAX + 1)};
		entry_add(entry);
	}
	build();
	/* 17 and 2000 have no common factor: no two alike but those without tags. */
	ck_assert_uint_eq(subscriber_table_tag_sets(table), 1 + 4000 - (4000 + 16) / 17);
	for (unsigned i = 0; i < 4000; i++) {
		struct subscriber found;
		uint8_t address[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
		ck_assert_uint_eq(ask(address, false, 0), i + 1);
		ck_assert(subscriber_find(table, address, false, 0, &found));
		snprintf(value, sizeof(value), "%u", i % 2000);
		unsigned n = subscriber_tags(&found, found_tags);
		ck_assert_uint_eq(n, i % (SUBSCRIBER_TAGS_MAX + 1));
		if (n > 0)
			tag_assert(&found_tags[0], "k0", value);
		if (n == SUBSCRIBER_TAGS_MAX)
			tag_assert(&found_tags[n - 1], "kf", value);
	}
}
END_TEST

START_TEST(sets_kept_once)
{
	static const struct subscriber_tag kids[] = {{"profile", "kids", 7, 4}},
					   empty[] = {{"profile", "", 7, 0}};
	for (unsigned i = 0; i < 3000; i++)
		entry_add((struct subscriber_entry){
			.prefix = {.address = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}, .length = 32},
			.tags = i % 2 ? kids : empty,
			.n_tags = 1});
	build();
	ck_assert_uint_eq(subscriber_table_tag_sets(table), 3);
	/* 12 bytes and a fifteenth of 8, 5 of the record and the id. */
	ck_assert_uint_lt(subscriber_table_memory(table), 3000 * (13 + 5 + 5) + 2000);
}
END_TEST

static void note_assert(const struct note_block *notes, const char *key, const char *value)
{
	const char *found;
	size_t length;
	ck_assert_msg(tag_get(notes, key, strlen(key), &found, &length), "no tag \"%s\"", key);
	ck_assert_uint_eq(length, strlen(value));
	ck_assert_mem_eq(found, value, length);
}

static size_t notes_count(const struct note_block *notes)
{
	struct note_cursor cursor = notes_open(notes);
	struct note one;
	size_t n = 0;
	while (note_next(&cursor, &one))
		n++;
	return n;
}

/* On a packet without tags, again, over others of the same names, and with the id over a tag. */
START_TEST(tags_of_packets)
{
	static const struct subscriber_tag tags[] = {{"profile", "kids", 7, 4},
						     {"region", "", 6, 0}};
	struct note_block *notes = NULL;
	struct subscriber found;
	entry_add((struct subscriber_entry){.prefix = {.length = 32}, .tags = tags, .n_tags = 2});
	build();
	ck_assert(subscriber_find(table, (const uint8_t[4]){0}, false, 9, &found));
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(subscriber_tags_set(&found, "subscriber", 10, &notes), 0);
		ck_assert_uint_eq(notes_count(notes), 3);
		note_assert(notes, "profile", "kids");
		note_assert(notes, "region", "");
		note_assert(notes, "subscriber", "s1");
	}
	notes_free(&notes);
	ck_assert_int_eq(tag_set(&notes, "profile", 7, "old", 3), 0);
	ck_assert_int_eq(tag_set(&notes, "other", 5, "one", 3), 0);
	ck_assert_int_eq(subscriber_tags_set(&found, "region", 6, &notes), 0);
	ck_assert_uint_eq(notes_count(notes), 3);
	note_assert(notes, "profile", "kids");
	note_assert(notes, "other", "one");
	note_assert(notes, "region", "s1");
	notes_free(&notes);
	ck_assert_int_eq(subscriber_tags_set(&found, "profile", 7, &notes), 0);
	ck_assert_uint_eq(notes_count(notes), 2);
	note_assert(notes, "profile", "s1");
	notes_free(&notes);
}
END_TEST

/* More than a block of notes. */
START_TEST(tags_at_their_bounds)
{
	static char text[SUBSCRIBER_TEXT_MAX + 1];
	static char keys[SUBSCRIBER_TAGS_MAX][SUBSCRIBER_TEXT_MAX + 1];
	struct subscriber_tag tags[SUBSCRIBER_TAGS_MAX];
	struct note_block *notes = NULL;
	struct subscriber found;
	memset(text, 'v', SUBSCRIBER_TEXT_MAX);
	for (unsigned i = 0; i < SUBSCRIBER_TAGS_MAX; i++) {
		memset(keys[i], 'a' + (int)i, SUBSCRIBER_TEXT_MAX);
		tags[i] = (struct subscriber_tag){keys[i], text, SUBSCRIBER_TEXT_MAX,
						  SUBSCRIBER_TEXT_MAX};
	}
	entry_add((struct subscriber_entry){.prefix = {.length = 32},
					    .tags = tags,
					    .n_tags = SUBSCRIBER_TAGS_MAX});
	build();
	ck_assert(subscriber_find(table, (const uint8_t[4]){0}, false, 9, &found));
	ck_assert_int_eq(subscriber_tags_set(&found, "subscriber", 10, &notes), 0);
	ck_assert_uint_eq(notes_count(notes), SUBSCRIBER_TAGS_MAX + 1);
	for (unsigned i = 0; i < SUBSCRIBER_TAGS_MAX; i++)
		note_assert(notes, keys[i], text);
	notes_free(&notes);
}
END_TEST

START_TEST(bounds)
{
	static const char text[SUBSCRIBER_ID_MAX + 1] = "x";
	struct subscriber_tag tags[SUBSCRIBER_TAGS_MAX + 1] = {{"", "", 0, 0}};
	struct subscriber_entry good = {.prefix = {.length = 32}, .id = text, .id_length = 1};
	struct subscriber_entry bad[8];
	for (unsigned i = 0; i < 8; i++)
		bad[i] = good;
	bad[0].id_length = 0;
	bad[1].id_length = SUBSCRIBER_ID_MAX + 1;
	bad[2].tags = tags;
	bad[2].n_tags = 1;
	bad[3].tags = tags;
	bad[3].n_tags = SUBSCRIBER_TAGS_MAX + 1;
	bad[4].ports = true;
	bad[4].first_port = 1;
	bad[5].ports = true;
	bad[5].prefix.length = 31;
	bad[6].prefix.negated = 1;
	bad[7].prefix.length = 33;
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(subscriber_builder_add(builder, &bad[i]), -EINVAL);
	good.id_length = SUBSCRIBER_ID_MAX;
	ck_assert_int_eq(subscriber_builder_add(builder, &good), 0);
	count = 1;
	build();
}
END_TEST

/* Few distinct bits, so that entries lie within one another and beside one another. */
static void entry_make(struct subscriber_entry *entry, unsigned spread, bool deep)
{
	bool ipv6 = chance() % 3 == 0;
	unsigned bits = ipv6 ? deep ? 128 : 64 : 32;
	*entry = (struct subscriber_entry){.prefix.ipv6 = ipv6};
	for (unsigned i = 0; i < (ipv6 ? 16u : 4u); i++)
		entry->prefix.address[i] = chance() % 3 == 0 ? (uint8_t)(chance() % spread) : 0;
	if (chance() % 16 == 0)
		memset(entry->prefix.address, 0xff, ipv6 ? 16 : 4);
	entry->prefix.length = (uint8_t)(chance() % 3 ? bits : chance() % (bits + 1));
	for (unsigned bit = entry->prefix.length; bit < 128; bit++)
		entry->prefix.address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	entry->ports = !ipv6 && entry->prefix.length == 32 && chance() % 4;
	if (!entry->ports)
		return;
	uint16_t at = (uint16_t)(chance() % 16 * 4096 + chance() % 3), width = chance() % 6000;
	entry->first_port = at;
	entry->last_port = (uint16_t)(at + width < at || at + width > 65535 ? 65535 : at + width);
}

static void border_ask(const struct subscriber_entry *near)
{
	uint8_t address[16];
	memcpy(address, near->prefix.address, sizeof(address));
	address[near->prefix.ipv6 ? 15 : 3] += (uint8_t)(chance() % 3 - 1);
	uint16_t port = chance() % 2 ? near->first_port : near->last_port;
	ask(address, near->prefix.ipv6, (uint16_t)(port + chance() % 3 - 1));
	ask(near->prefix.address, near->prefix.ipv6, (uint16_t)(port + chance() % 3 - 1));
}

START_TEST(against_all)
{
	static const unsigned sizes[] = {1, 2, 15, 16, 17, 255, 257, 600, 4500};
	for (unsigned round = 0; round < sizeof(sizes) / sizeof(sizes[0]) * 4; round++) {
		unsigned spread = round % 2 == 0 ? 4 : 256;
		for (unsigned i = 0; i < sizes[round / 4]; i++) {
			struct subscriber_entry entry;
			entry_make(&entry, spread, round % 4 < 2);
			entry_add(entry);
		}
		build();
		for (unsigned i = 0; i < 2000; i++)
			border_ask(&known[chance() % count].entry);
		for (size_t i = 0; i < count && count <= 600; i++)
			for (size_t k = 0; k < i; k++)
				ck_assert(known[i].dropped || known[k].dropped ||
					  !clash(&known[i].entry, &known[k].entry));
		teardown();
		setup();
	}
}
END_TEST

static Suite *subscriber_table_suite(void)
{
	Suite *suite = suite_create("subscriber_table");
	TCase *tests = tcase_create("subscriber_table");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, ports_within_prefixes);
	tcase_add_test(tests, edges);
	tcase_add_test(tests, in_conflict);
	tcase_add_test(tests, sets_of_tags);
	tcase_add_test(tests, sets_kept_once);
	tcase_add_test(tests, tags_of_packets);
	tcase_add_test(tests, tags_at_their_bounds);
	tcase_add_test(tests, bounds);
	tcase_add_test(tests, against_all);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(subscriber_table_suite)
