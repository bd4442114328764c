/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/name_index.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "dataplane/rules/name_index_parts.h"

/* A suffix that may be an entry: some entry has as many labels. */
struct candidate {
	const struct name_bucket *bucket;
	uint32_t tag;
	uint8_t length;
};

static_assert(sizeof(struct candidate) == 16, "bursts stream over them");

#define CANDIDATES_NAME (DNS_LABELS_MAX + 1)	/* of one name at most, the root among them */
#define CANDIDATES_BULK (CANDIDATES_NAME + 384) /* of names that are looked up together */

/*
 * Where the labels of a name begin, the root among them; returns how many there are before that, -1 if
 * that is no wire name of this length.
 */
static inline int labels_split(const uint8_t *name, size_t length,
			       uint8_t offsets[static CANDIDATES_NAME])
{
	uint8_t *next = offsets;
	size_t last = length - 1, at = 0;
	while (at < last) {
		unsigned label = name[at];
		*next++ = (uint8_t)at;
		at += label + 1u;
		if (label - 1 >= DNS_LABEL_MAX) /* the root, or too long */
			return -1;
	}
	*next = (uint8_t)at;
	return at == last && name[at] == 0 ? (int)(next - offsets) : -1;
}

/* The suffix of this length; has its bucket fetched. */
static inline void candidate_set(struct candidate *candidate, const struct name_index *index,
				 const struct name_view *view, size_t length)
{
	uint64_t hash = name_view_hash(view, index->secret[2], length);
	const struct name_bucket *bucket =
		&index->buckets[name_hash_bucket(hash, index->n_buckets)];
	__builtin_prefetch(bucket);
	candidate->bucket = bucket;
	candidate->tag = name_hash_tag(hash);
	candidate->length = (uint8_t)length;
}

/* Lists the candidates of a name, the longest first. Returns how many they are. */
static inline unsigned candidates_list(const struct name_index *index, const uint8_t *name,
				       size_t length,
				       struct candidate candidates[static CANDIDATES_NAME])
{
	uint8_t offsets[CANDIDATES_NAME];
	struct name_view view;
	struct candidate *next = candidates;

	if (length == 0 || length > DNS_NAME_MAX)
		return 0;
	name_view_open(&view, index->secret, name, length);
	int labels = labels_split(name, length, offsets);
	if (labels < 0)
		return 0;
	uint64_t some = UINT64_MAX >> (63 - labels % 64);
	for (int word = labels / 64; word >= 0; word--, some = UINT64_MAX) {
		const uint8_t *before = offsets + labels - 64 * word;
		for (some &= index->labels[word]; some != 0;) {
			int n = 63 - __builtin_clzll(some);
			some ^= (uint64_t)1 << n;
			candidate_set(next++, index, &view, length - before[-n]);
		}
	}
	return (unsigned)(next - candidates);
}

/* Not 0: some slots have this tag, see tags_slot(). Free slots may. */
static inline unsigned bucket_tags(const struct name_bucket *bucket, uint32_t tag)
{
#ifdef __SSE2__
	const __m128i *tags = (const __m128i *)bucket->tags;
	__m128i wanted = _mm_set1_epi32((int)tag);
	__m128i low = _mm_cmpeq_epi32(_mm_load_si128(tags), wanted);
	__m128i high = _mm_cmpeq_epi32(_mm_load_si128(tags + 1), wanted);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi32(low, high));
#else
	unsigned found = 0;
	for (unsigned i = 0; i < NAME_BUCKET_SLOTS; i++)
		found |= (unsigned)(bucket->tags[i] == tag) * 3 << 2 * i;
	return found;
#endif
}

/* The first slot of those, and what is left of them. */
static inline unsigned tags_slot(unsigned found)
{
	return (unsigned)__builtin_ctz(found) / 2;
}

static inline unsigned tags_behind(unsigned found)
{
	found &= found - 1;
	return found & (found - 1);
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

/* Whether the candidate's name may be in its bucket or behind it; if not, it is no entry. */
static inline bool candidate_may_be(const struct candidate *candidate)
{
	const struct name_bucket *bucket = candidate->bucket;
	return (bucket_tags(bucket, candidate->tag) | bucket->at[NAME_BUCKET_SLOTS - 1]) != 0;
}

/* The record of exactly the name that ends there, which is the candidate's. */
static inline const struct name_record *record_find(const struct name_index *index,
						    const struct candidate *candidate,
						    const uint8_t *end)
{
	const struct name_bucket *bucket = candidate->bucket;
	for (;; bucket = bucket_behind(index, bucket)) {
		unsigned found = bucket_tags(bucket, candidate->tag);
		for (; found != 0; found = tags_behind(found)) {
			uint32_t at = bucket->at[tags_slot(found)];
			if (at == 0)
				break;
			const struct name_record *record = name_record_at(index->records, at);
			if (name_record_same(record, end, candidate->length))
				return record;
		}
		if (!bucket_full(bucket))
			return NULL;
	}
}

/* Whether the candidate is an entry that covers the name. */
static bool candidate_covers(const struct name_index *index, const uint8_t *name, size_t length,
			     const struct candidate *candidate, struct name_match *match)
{
	uint8_t room[NAME_CHUNK];
	const struct name_record *record =
		record_find(index, candidate, name_end(name, length, room));
	unsigned wanted = candidate->length == length ? NAME_ENTRY_SELF : NAME_ENTRY_BELOW;
	if (!record || !(record->flags & wanted))
		return false;
	if (match) {
		match->value = record->value;
		match->offset = (uint16_t)(length - candidate->length);
		match->flags = record->flags;
	}
	return true;
}

/* Whether one of the candidates is such an entry, the longest first. */
static inline bool candidates_find(const struct name_index *index, const uint8_t *name,
				   size_t length, const struct candidate *candidates,
				   unsigned count, struct name_match *match)
{
	const struct candidate *behind = candidates + count;
	for (; candidates < behind; candidates++)
		if (candidate_may_be(candidates) &&
		    candidate_covers(index, name, length, candidates, match))
			return true;
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
 * The first of the candidates, the longest names first, that may be an entry; `behind` if there is
 * none. Has the record fetched that it may be.
 */
static inline const struct candidate *candidates_first(const struct name_index *index,
						       const struct candidate *candidates,
						       const struct candidate *behind)
{
	while (candidates < behind && !candidate_may_be(candidates))
		candidates++;
	if (candidates == behind)
		return candidates;
	unsigned found = bucket_tags(candidates->bucket, candidates->tag);
	if (found != 0) {
		uint32_t at = candidates->bucket->at[tags_slot(found)];
		record_fetch(name_record_at(index->records, at), candidates->length);
	}
	return candidates;
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
		const struct candidate *candidates = bulk->candidates + bulk->first[i];
		const struct candidate *first = candidates_first(bulk->index, candidates,
								 candidates + bulk->count[i]);
		bulk->first[i] = (uint16_t)(first - bulk->candidates);
		bulk->count[i] = (uint16_t)(candidates + bulk->count[i] - first);
	}
	for (unsigned i = from; i < end; i++) {
		const struct candidate *candidates = bulk->candidates + bulk->first[i];
		bool found = candidates_find(bulk->index, bulk->names[i], bulk->lengths[i],
					     candidates, bulk->count[i], &bulk->matches[i]);
		covered |= (uint64_t)found << i;
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
	size_t at = *cursor == 0 ? NAME_RECORDS_START : *cursor;
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
