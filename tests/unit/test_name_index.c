/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/name_index.h"
#include "dataplane/rules/name_set.h"
#include "tests/unit/unit.h"

#define BOTH (NAME_ENTRY_SELF | NAME_ENTRY_BELOW)

static uint8_t wire[DNS_NAME_MAX];

static size_t to_wire(const char *text)
{
	int length = dns_name_parse(text, strlen(text), wire);
	ck_assert_int_gt(length, 0);
	return (size_t)length;
}

static void add(struct name_builder *builder, const char *text, uint8_t flags, uint32_t value)
{
	size_t length = to_wire(text);
	ck_assert_int_eq(name_builder_add(builder, wire, length, flags, value), 0);
}

static struct name_index *finish(struct name_builder *builder)
{
	struct name_index *index = name_builder_finish(builder);
	ck_assert_ptr_nonnull(index);
	return index;
}

/* Value of the entry that covers the name, -1 if there is none; checks where it begins. */
static int find(const struct name_index *index, const char *text, const char *entry)
{
	struct name_match match;
	char printed[DNS_NAME_TEXT_SIZE];
	size_t length = to_wire(text);
	if (!name_index_find(index, wire, length, &match))
		return -1;
	ck_assert(name_index_find(index, wire, length, NULL));
	ck_assert_int_gt(dns_name_print(wire + match.offset, printed, sizeof(printed), false), -1);
	if (entry)
		ck_assert_str_eq(printed, entry);
	return (int)match.value;
}

START_TEST(longest_entry)
{
	struct name_builder *builder = name_builder_new();
	add(builder, "Example.COM", BOTH, 1);
	add(builder, "deep.er.example.com", BOTH, 2);
	add(builder, "exact.example.com", NAME_ENTRY_SELF, 3);
	add(builder, "wild.example.com", NAME_ENTRY_BELOW, 4);
	add(builder, "org", NAME_ENTRY_BELOW, 5);
	add(builder, "under.exact.org", NAME_ENTRY_SELF, 6);
	struct name_index *index = finish(builder);
	ck_assert_uint_eq(name_index_count(index), 6);
	ck_assert_int_eq(find(index, "example.com", "example.com"), 1);
	ck_assert_int_eq(find(index, "WWW.eXample.com", "eXample.com"), 1);
	ck_assert_int_eq(find(index, "a.b.deep.er.example.com", "deep.er.example.com"), 2);
	ck_assert_int_eq(find(index, "er.example.com", "example.com"), 1);
	ck_assert_int_eq(find(index, "exact.example.com", "exact.example.com"), 3);
	ck_assert_int_eq(find(index, "x.exact.example.com", "example.com"), 1);
	ck_assert_int_eq(find(index, "wild.example.com", "example.com"), 1);
	ck_assert_int_eq(find(index, "x.wild.example.com", "wild.example.com"), 4);
	ck_assert_int_eq(find(index, "org", NULL), -1);
	ck_assert_int_eq(find(index, "x.org", "org"), 5);
	ck_assert_int_eq(find(index, "x.under.exact.org", "org"), 5);
	ck_assert_int_eq(find(index, "notexample.com", NULL), -1);
	ck_assert_int_eq(find(index, "com", NULL), -1);
	ck_assert_int_eq(find(index, ".", NULL), -1);
	name_index_free(index);
}
END_TEST

START_TEST(root_and_empty)
{
	struct name_index *index = finish(name_builder_new());
	ck_assert_uint_eq(name_index_count(index), 0);
	ck_assert_uint_eq(name_index_text(index), 0);
	ck_assert_int_eq(find(index, ".", NULL), -1);
	ck_assert_int_eq(find(index, "example.com", NULL), -1);
	name_index_free(index);

	struct name_builder *builder = name_builder_new();
	add(builder, ".", NAME_ENTRY_BELOW, 7);
	index = finish(builder);
	ck_assert_int_eq(find(index, ".", NULL), -1);
	ck_assert_int_eq(find(index, "a", ""), 7);
	ck_assert_int_eq(find(index, "a.b.c", ""), 7);
	name_index_free(index);

	builder = name_builder_new();
	add(builder, ".", NAME_ENTRY_SELF, 8);
	index = finish(builder);
	ck_assert_int_eq(find(index, ".", ""), 8);
	ck_assert_int_eq(find(index, "a", NULL), -1);
	name_index_free(index);
}
END_TEST

/* Case is folded in the letters only: "@" and "`" or "[" and "{" stay apart. */
START_TEST(case_folding)
{
	struct name_builder *builder = name_builder_new();
	add(builder, "a@b.AZaz", BOTH, 1);
	add(builder, "\\200\\255.x", BOTH, 2);
	struct name_index *index = finish(builder);
	ck_assert_int_eq(find(index, "A@B.azAZ", "A@B.azAZ"), 1);
	ck_assert_int_eq(find(index, "a`b.azaz", NULL), -1);
	ck_assert_int_eq(find(index, "\\200\\255.X", NULL), 2);
	ck_assert_int_eq(find(index, "\\232\\255.x", NULL), -1);
	name_index_free(index);
}
END_TEST

START_TEST(again)
{
	struct name_builder *builder = name_builder_new();
	add(builder, "a.example", NAME_ENTRY_SELF, 1);
	add(builder, "b.example", NAME_ENTRY_SELF, 2);
	add(builder, "A.Example", NAME_ENTRY_BELOW, 3);
	ck_assert_uint_eq(name_builder_count(builder), 3);
	struct name_index *index = finish(builder);
	ck_assert_uint_eq(name_index_count(index), 2);
	ck_assert_uint_eq(name_index_text(index), 22);
	ck_assert_int_eq(find(index, "a.example", NULL), 3);
	ck_assert_int_eq(find(index, "x.a.example", NULL), 3);
	ck_assert_int_eq(find(index, "b.example", NULL), 2);
	ck_assert_int_eq(find(index, "x.b.example", NULL), -1);
	name_index_free(index);
}
END_TEST

static uint32_t values_join(void *data, const struct name_member *before,
			    const struct name_member *after)
{
	ck_assert_mem_eq(before->name, after->name, before->length);
	ck_assert_uint_eq(before->length, after->length);
	++*(unsigned *)data;
	return before->value * 10 + after->value;
}

START_TEST(again_merged)
{
	unsigned calls = 0;
	struct name_builder *builder = name_builder_new();
	name_builder_merge_set(builder, values_join, &calls);
	for (uint32_t i = 1; i <= 4; i++)
		add(builder, i % 2 ? "odd.example" : "even.example", NAME_ENTRY_SELF, i);
	add(builder, "odd.example", NAME_ENTRY_SELF, 5);
	struct name_index *index = finish(builder);
	ck_assert_uint_eq(calls, 3);
	ck_assert_int_eq(find(index, "odd.example", NULL), 135);
	ck_assert_int_eq(find(index, "even.example", NULL), 24);
	name_index_free(index);
}
END_TEST

START_TEST(refused)
{
	struct name_builder *builder = name_builder_new();
	size_t length = to_wire("example.com");
	ck_assert_int_eq(name_builder_add(builder, wire, length, 0, 1), -EINVAL);
	ck_assert_int_eq(name_builder_add(builder, wire, length, 4, 1), -EINVAL);
	ck_assert_int_eq(name_builder_add(builder, wire, length - 1, BOTH, 1), -EINVAL);
	ck_assert_int_eq(name_builder_add(builder, wire, 0, BOTH, 1), -EINVAL);
	wire[length] = 0;
	ck_assert_int_eq(name_builder_add(builder, wire, length + 1, BOTH, 1), -EINVAL);
	wire[0] = 0xc0;
	ck_assert_int_eq(name_builder_add(builder, wire, length, BOTH, 1), -EINVAL);
	ck_assert_uint_eq(name_builder_count(builder), 0);
	name_builder_free(builder);
	name_builder_free(NULL);
	name_index_free(NULL);
}
END_TEST

/* Names that are none: not covered, and not read past their end, which is that of their memory. */
START_TEST(malformed_names)
{
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"", 0}, {"\0\0", 2}, {"\1", 1}, {"\1a", 2}, {"\7example", 8}, {"\xc0\x0c", 2},
		{"\x3f" "a\0", 3}, {"\1a\0\0", 4}, {"\1a\0\1b\0", 6}, {"\x40" "a", 2}, {"\xff", 1},
	};
	struct name_builder *builder = name_builder_new();
	add(builder, ".", BOTH, 1);
	add(builder, "a", BOTH, 1);
	struct name_index *index = finish(builder);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *exact = malloc(cases[i].length ? cases[i].length : 1);
		memcpy(exact, cases[i].bytes, cases[i].length);
		ck_assert(!name_index_find(index, exact, cases[i].length, NULL));
		free(exact);
	}
	uint8_t longest[512] = {0};
	ck_assert(!name_index_find(index, longest, sizeof(longest), NULL));
	name_index_free(index);
}
END_TEST

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % bound);
}

/* A short alphabet and few labels, so that names often cover each other; some are long. */
static size_t random_name(uint8_t name[static DNS_NAME_MAX])
{
	unsigned labels = random_below(16) == 0 ? random_below(128) : random_below(7);
	unsigned longest = random_below(32) == 0 ? 63 : 2;
	size_t at = 0;
	while (labels-- > 0) {
		unsigned length = 1 + random_below(longest);
		if (at + length + 2 > DNS_NAME_MAX)
			break;
		name[at++] = (uint8_t)length;
		while (length-- > 0)
			name[at++] = (uint8_t)"abABcz@\xe1"[random_below(8)];
	}
	name[at] = 0;
	return at + 1;
}

static size_t slow_length(const struct name_set *set, const uint8_t *name, size_t length)
{
	size_t at;
	return name_set_covers(set, name, length, &at) ? length - at : 0;
}

/*
 * The index against name sets: one for entries that cover themselves, one for those that cover what
 * is below them. Names in exactly their own memory, so that sanitizers see the first byte past it.
 */
static void index_compare(const struct name_index *index, const struct name_set *self,
			  const struct name_set *below)
{
	uint8_t *names[NAME_INDEX_BULK_MAX], lengths[NAME_INDEX_BULK_MAX];
	struct name_match matches[NAME_INDEX_BULK_MAX], match;

	for (unsigned i = 0; i < NAME_INDEX_BULK_MAX; i++) {
		lengths[i] = (uint8_t)random_name(wire);
		names[i] = malloc(lengths[i]);
		memcpy(names[i], wire, lengths[i]);
	}
	uint64_t covered = name_index_find_bulk(index, (const uint8_t *const *)names, lengths,
						NAME_INDEX_BULK_MAX, matches);
	for (unsigned i = 0; i < NAME_INDEX_BULK_MAX; i++) {
		size_t label = names[i][0] + 1u, want = lengths[i];
		if (!name_set_has(self, names[i], lengths[i]))
			want = want == 1 ? 0 : slow_length(below, names[i] + label, want - label);
		bool found = name_index_find(index, names[i], lengths[i], &match);
		ck_assert_uint_eq(found, want != 0);
		ck_assert_uint_eq(covered >> i & 1, found);
		if (found) {
			ck_assert_uint_eq(match.offset, lengths[i] - want);
			ck_assert_uint_eq(match.offset, matches[i].offset);
			ck_assert_uint_eq(match.value, matches[i].value);
			ck_assert_uint_eq(match.flags, matches[i].flags);
		}
		free(names[i]);
	}
}

static void sets_fill(struct name_builder *builder, unsigned count, struct name_set *self,
		      struct name_set *below)
{
	for (unsigned i = 0; i < count; i++) {
		size_t length = random_name(wire);
		uint8_t flags = (uint8_t)(1 + random_below(3));
		ck_assert_int_eq(name_builder_add(builder, wire, length, flags, i), 0);
		if (flags & NAME_ENTRY_SELF)
			name_set_add(self, wire, length);
		if (flags & NAME_ENTRY_BELOW)
			name_set_add(below, wire, length);
	}
}

/* The members are those of the sets, each once. */
static void members_compare(const struct name_index *index, const struct name_set *self,
			    const struct name_set *below)
{
	struct name_member member;
	size_t count = 0, text = 0, in_self = 0, in_below = 0;
	for (uint64_t cursor = 0; name_index_next(index, &cursor, &member);) {
		bool is_self = member.flags & NAME_ENTRY_SELF;
		bool is_below = member.flags & NAME_ENTRY_BELOW;
		ck_assert_uint_eq(name_set_has(self, member.name, member.length), is_self);
		ck_assert_uint_eq(name_set_has(below, member.name, member.length), is_below);
		in_self += is_self;
		in_below += is_below;
		count++;
		text += member.length;
	}
	ck_assert_uint_eq(in_self, self->count);
	ck_assert_uint_eq(in_below, below->count);
	ck_assert_uint_eq(count, name_index_count(index));
	ck_assert_uint_eq(text, name_index_text(index));
	ck_assert_uint_gt(name_index_memory(index), text);
}

START_TEST(against_name_sets)
{
	random_state = (uint64_t)_i + 1;
	struct name_set *self = name_set_new(), *below = name_set_new();
	struct name_builder *builder = name_builder_new();
	sets_fill(builder, random_below(_i % 4 ? 100 : 20000), self, below);
	struct name_index *index = finish(builder);
	members_compare(index, self, below);
	for (unsigned round = 0; round < 50; round++)
		index_compare(index, self, below);
	name_index_free(index);
	name_set_free(self);
	name_set_free(below);
}
END_TEST

/* So many that the memory moves several times while they are added; each is found again. */
START_TEST(many)
{
	enum { COUNT = 300000 };
	char text[64];
	struct name_builder *builder = name_builder_new();
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "host-%u.example.org", i);
		add(builder, text, NAME_ENTRY_SELF, i);
	}
	struct name_index *index = finish(builder);
	ck_assert_uint_eq(name_index_count(index), COUNT);
	ck_assert_uint_lt(name_index_memory(index) - name_index_text(index), 40ul * COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "host-%u.example.org", i);
		ck_assert_int_eq(find(index, text, NULL), (int)i);
		text[0] = 'g';
		ck_assert_int_eq(find(index, text, NULL), -1);
	}
	name_index_free(index);
}
END_TEST

/* A list that repeats itself takes no more than one that does not. */
START_TEST(many_twice)
{
	enum { COUNT = 100000 };
	char text[64];
	struct name_builder *builder = name_builder_new();
	for (unsigned i = 0; i < COUNT * 2; i++) {
		snprintf(text, sizeof(text), "%u.example.org", i % COUNT);
		add(builder, text, BOTH, i);
	}
	struct name_index *index = finish(builder);
	ck_assert_uint_eq(name_index_count(index), COUNT);
	ck_assert_uint_lt(name_index_memory(index) - name_index_text(index), 40ul * COUNT);
	for (unsigned i = 0; i < COUNT; i += 7) {
		snprintf(text, sizeof(text), "%u.example.org", i);
		ck_assert_int_eq(find(index, text, NULL), (int)(i + COUNT));
	}
	name_index_free(index);
}
END_TEST

static Suite *name_index_suite(void)
{
	Suite *suite = suite_create("name_index");
	TCase *tcase = tcase_create("name_index");
	tcase_add_test(tcase, longest_entry);
	tcase_add_test(tcase, root_and_empty);
	tcase_add_test(tcase, case_folding);
	tcase_add_test(tcase, again);
	tcase_add_test(tcase, again_merged);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, malformed_names);
	tcase_add_loop_test(tcase, against_name_sets, 0, 24);
	tcase_add_test(tcase, many);
	tcase_add_test(tcase, many_twice);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(name_index_suite)
