/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/name_index.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "dataplane/rules/name_index_parts.h"

/* A suffix that may be an entry: some entry has as many labels. */
struct candidate {
	uint32_t bucket, tag;
	uint8_t offset; /* in the name */
};

#define CANDIDATES_NAME (DNS_LABELS_MAX + 1)	/* of one name at most, the root among them */
#define CANDIDATES_BULK (CANDIDATES_NAME + 384) /* of names that are looked up together */

static inline bool labels_has(const struct name_index *index, unsigned labels)
{
	return index->labels[labels / 64] >> labels % 64 & 1;
}

/*
 * Where the labels of a name begin, the root among them; returns how many there are before that, -1 if
 * that is no wire name of this length.
 */
static int labels_split(const uint8_t *name, size_t length,
			uint8_t offsets[static CANDIDATES_NAME])
{
	int count = 0;
	size_t last = length - 1, at = 0;
	while (at < last) {
		uint8_t label = name[at];
		if (label == 0 || label > DNS_LABEL_MAX || at + label >= last)
			return -1;
		offsets[count++] = (uint8_t)at;
		at += label + 1u;
	}
	offsets[count] = (uint8_t)at;
	return name[at] == 0 ? count : -1;
}

/*
 * Lists the candidates of a name, the longest first, and has their buckets fetched. Returns how
 * many they are.
 */
static unsigned candidates_list(const struct name_index *index, const uint8_t *name, size_t length,
				struct candidate candidates[static CANDIDATES_NAME])
{
	uint8_t offsets[CANDIDATES_NAME];
	struct name_view view;
	unsigned count = 0;

	if (length == 0 || length > DNS_NAME_MAX)
		return 0;
	name_view_open(&view, index->secret, name, length);
	int n_labels = labels_split(name, length, offsets);
	int labels = n_labels < index->labels_most ? n_labels : index->labels_most;
	for (; labels >= index->labels_least; labels--) {
		if (!labels_has(index, (unsigned)labels))
			continue;
		uint8_t offset = offsets[n_labels - labels];
		uint64_t hash = name_view_hash(&view, index->secret, offset);
		uint32_t bucket = name_hash_bucket(hash, index->n_buckets);
		__builtin_prefetch(&index->buckets[bucket]);
		candidates[count++] = (struct candidate){bucket, name_hash_tag(hash), offset};
	}
	return count;
}

/* Bit n: slot n has this tag. Free slots may. */
static inline unsigned bucket_tags(const struct name_bucket *bucket, uint32_t tag)
{
#ifdef __SSE2__
	const __m128i *tags = (const __m128i *)bucket->tags;
	__m128i wanted = _mm_set1_epi32((int)tag);
	__m128i low = _mm_cmpeq_epi32(_mm_load_si128(tags), wanted);
	__m128i high = _mm_cmpeq_epi32(_mm_load_si128(tags + 1), wanted);
	return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(low)) |
	       (unsigned)_mm_movemask_ps(_mm_castsi128_ps(high)) << 4;
#else
	unsigned found = 0;
	for (unsigned i = 0; i < NAME_BUCKET_SLOTS; i++)
		found |= (unsigned)(bucket->tags[i] == tag) << i;
	return found;
#endif
}

static inline bool bucket_full(const struct name_bucket *bucket)
{
	return bucket->at[NAME_BUCKET_SLOTS - 1] != 0;
}

static inline const struct name_bucket *bucket_behind(const struct name_index *index,
						      const struct name_bucket *bucket)
{
	return ++bucket == index->buckets + index->n_buckets ? index->buckets : bucket;
}

/* The record of exactly this name, which is the candidate's. */
static const struct name_record *record_find(const struct name_index *index,
					     const struct candidate *candidate,
					     const uint8_t *name, size_t length)
{
	const struct name_bucket *bucket = &index->buckets[candidate->bucket];
	for (;; bucket = bucket_behind(index, bucket)) {
		unsigned found = bucket_tags(bucket, candidate->tag);
		for (; found != 0; found &= found - 1) {
			uint32_t at = bucket->at[__builtin_ctz(found)];
			if (at == 0)
				break;
			const struct name_record *record = name_record_at(index->records, at);
			if (dns_name_equal(record->name, record->length, name, length))
				return record;
		}
		if (!bucket_full(bucket))
			return NULL;
	}
}

/* Whether one of the candidates is an entry that covers the name, the longest first. */
static bool candidates_find(const struct name_index *index, const uint8_t *name, size_t length,
			    const struct candidate *candidates, unsigned count,
			    struct name_match *match)
{
	for (unsigned i = 0; i < count; i++) {
		size_t offset = candidates[i].offset;
		const struct name_record *record =
			record_find(index, &candidates[i], name + offset, length - offset);
		unsigned wanted = offset == 0 ? NAME_ENTRY_SELF : NAME_ENTRY_BELOW;
		if (!record || !(record->flags & wanted))
			continue;
		if (match) {
			match->value = record->value;
			match->offset = (uint16_t)offset;
			match->flags = record->flags;
		}
		return true;
	}
	return false;
}

bool name_index_find(const struct name_index *index, const uint8_t *name, size_t length,
		     struct name_match *match)
{
	struct candidate candidates[CANDIDATES_NAME];
	unsigned count = candidates_list(index, name, length, candidates);
	return candidates_find(index, name, length, candidates, count, match);
}

/* All lines of a record with a name of this length. */
static inline void record_fetch(const struct name_record *record, size_t length)
{
	const uint8_t *at = (const uint8_t *)record, *end = record->name + length;
	for (; at < end; at += 64)
		__builtin_prefetch(at);
	__builtin_prefetch(end - 1);
}

/*
 * The first of the candidates, the longest names first, whose bucket has its tag, or may go on behind;
 * `count` if there is none. Has the record behind that tag fetched.
 */
static unsigned candidates_first(const struct name_index *index, const struct candidate *candidates,
				 unsigned count, size_t length)
{
	unsigned i = 0;
	for (; i < count; i++) {
		const struct name_bucket *bucket = &index->buckets[candidates[i].bucket];
		unsigned found = bucket_tags(bucket, candidates[i].tag);
		if (found != 0) {
			uint32_t at = bucket->at[__builtin_ctz(found)];
			record_fetch(name_record_at(index->records, at),
				     length - candidates[i].offset);
			break;
		}
		if (bucket_full(bucket))
			break;
	}
	return i;
}

struct bulk {
	const struct name_index *index;
	const uint8_t *const *names;
	const uint8_t *lengths;
	struct name_match *matches;
	unsigned n_candidates;
	uint16_t first[NAME_INDEX_BULK_MAX], count[NAME_INDEX_BULK_MAX]; /* of each name's */
	struct candidate candidates[CANDIDATES_BULK];
};

/* Lists candidates of names from `from` on while there is room; returns the name behind. */
static unsigned bulk_list(struct bulk *bulk, unsigned from, unsigned end)
{
	bulk->n_candidates = 0;
	for (; from < end && bulk->n_candidates <= CANDIDATES_BULK - CANDIDATES_NAME; from++) {
		bulk->first[from] = (uint16_t)bulk->n_candidates;
		struct candidate *behind = bulk->candidates + bulk->n_candidates;
		bulk->count[from] = (uint16_t)candidates_list(bulk->index, bulk->names[from],
							      bulk->lengths[from], behind);
		bulk->n_candidates += bulk->count[from];
	}
	return from;
}

static uint64_t bulk_find(struct bulk *bulk, unsigned from, unsigned end)
{
	uint64_t covered = 0;

	for (unsigned i = from; i < end; i++) {
		unsigned skip = candidates_first(bulk->index, bulk->candidates + bulk->first[i],
						 bulk->count[i], bulk->lengths[i]);
		bulk->first[i] = (uint16_t)(bulk->first[i] + skip);
		bulk->count[i] = (uint16_t)(bulk->count[i] - skip);
	}
	for (unsigned i = from; i < end; i++) {
		const struct candidate *candidates = bulk->candidates + bulk->first[i];
		if (bulk->count[i] > 0 &&
		    candidates_find(bulk->index, bulk->names[i], bulk->lengths[i], candidates,
				    bulk->count[i], &bulk->matches[i]))
			covered |= (uint64_t)1 << i;
	}
	return covered;
}

uint64_t name_index_find_bulk(const struct name_index *index, const uint8_t *const names[],
			      const uint8_t lengths[], unsigned count, struct name_match matches[])
{
	struct bulk bulk;
	uint64_t covered = 0;

	bulk.index = index;
	bulk.names = names;
	bulk.lengths = lengths;
	bulk.matches = matches;
	if (count > NAME_INDEX_BULK_MAX)
		count = NAME_INDEX_BULK_MAX;
	for (unsigned from = 0, end; from < count; from = end) {
		end = bulk_list(&bulk, from, count);
		covered |= bulk_find(&bulk, from, end);
	}
	return covered;
}

size_t name_index_count(const struct name_index *index)
{
	return index->count;
}

size_t name_index_memory(const struct name_index *index)
{
	return sizeof(*index) + index->bucket_memory.size + index->record_memory.size;
}

size_t name_index_text(const struct name_index *index)
{
	return index->text;
}

bool name_index_next(const struct name_index *index, uint64_t *cursor, struct name_member *member)
{
	size_t at = *cursor == 0 ? NAME_RECORD_UNIT : *cursor;
	if (at >= index->records_end)
		return false;
	const struct name_record *record = (const void *)(index->records + at);
	*member = (struct name_member){
		.name = record->name,
		.value = record->value,
		.length = record->length,
		.flags = record->flags,
	};
	*cursor = at + name_record_size(record->length);
	return true;
}
