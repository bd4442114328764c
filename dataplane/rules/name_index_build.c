/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building a name index. Names are appended to the records as they come; when all are there, one
 * pass over the records puts them into buckets, joins those that are there twice and closes the
 * gaps. So the most memory that building takes is hardly more than what the index has in the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "dataplane/rules/name_index_parts.h"

#define MEMORY_START (64u << 10)
#define MEMORY_HUGE (4u << 20) /* from this size on huge pages are asked for */
#define RECORDS_MAX ((size_t)UINT32_MAX * NAME_RECORD_UNIT)
#define BATCH 32u /* names whose buckets are fetched together */

struct name_builder {
	struct name_index *index; /* its bucket memory is empty */
	name_merge *merge;
	void *merge_data;
};

static size_t page_round(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (size + page - 1) & ~(page - 1);
}

/* What the system gave, or did not. Huge pages are a request only: plain ones do. */
static int memory_set(struct name_memory *memory, size_t size, void *bytes)
{
	if (bytes == MAP_FAILED)
		return -ENOMEM;
	*memory = (struct name_memory){.bytes = bytes, .size = size};
	if (size >= MEMORY_HUGE)
		(void)madvise(bytes, size, MADV_HUGEPAGE);
	return 0;
}

static int memory_map(struct name_memory *memory, size_t size)
{
	size = page_round(size);
	return memory_set(memory, size,
			  mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0));
}

static void memory_unmap(struct name_memory *memory)
{
	if (memory->bytes)
		munmap(memory->bytes, memory->size);
	*memory = (struct name_memory){0};
}

/* Pages move without being copied; those not yet touched take no memory. */
static int memory_resize(struct name_memory *memory, size_t size)
{
	size = page_round(size);
	return memory_set(memory, size,
			  mremap(memory->bytes, memory->size, size, MREMAP_MAYMOVE));
}

static int secret_make(uint64_t secret[static 3])
{
	const size_t size = 3 * sizeof(secret[0]);
	ssize_t got;
	do
		got = getrandom(secret, size, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)size)
		return -EIO;
	secret[1] |= 1; /* what is multiplied with must not lose bits */
	secret[2] |= 1;
	return 0;
}

void name_index_free(struct name_index *index)
{
	if (!index)
		return;
	memory_unmap(&index->bucket_memory);
	memory_unmap(&index->record_memory);
	free(index);
}

struct name_builder *name_builder_new(void)
{
	struct name_builder *builder = calloc(1, sizeof(*builder));
	if (!builder)
		return NULL;
	builder->index = calloc(1, sizeof(*builder->index));
	if (!builder->index || secret_make(builder->index->secret) != 0 ||
	    memory_map(&builder->index->record_memory, MEMORY_START) != 0) {
		name_builder_free(builder);
		return NULL;
	}
	builder->index->records_end = NAME_RECORDS_START; /* position 0 means none */
	return builder;
}

void name_builder_free(struct name_builder *builder)
{
	if (!builder)
		return;
	name_index_free(builder->index);
	free(builder);
}

void name_builder_merge_set(struct name_builder *builder, name_merge *merge, void *data)
{
	builder->merge = merge;
	builder->merge_data = data;
}

size_t name_builder_count(const struct name_builder *builder)
{
	return builder->index->count;
}

int name_builder_add(struct name_builder *builder, const uint8_t *name, size_t length,
		     uint8_t flags, uint32_t value)
{
	struct name_index *index = builder->index;
	size_t size = name_record_size(length);
	uint8_t labels;

	if (length == 0 || dns_name_measure(name, length, &labels) != length || flags == 0 ||
	    flags > (NAME_ENTRY_SELF | NAME_ENTRY_BELOW))
		return -EINVAL;
	if (index->records_end + size > RECORDS_MAX)
		return -E2BIG;
	struct name_memory *memory = &index->record_memory;
	if (index->records_end + size > memory->size &&
	    memory_resize(memory, memory->size * 2) != 0)
		return -ENOMEM;
	struct name_record *record = (void *)(memory->bytes + index->records_end);
	record->value = value;
	record->length = (uint8_t)length;
	record->flags = flags;
	dns_name_lower(record->name, name, length);
	index->labels[labels / 64] |= (uint64_t)1 << labels % 64;
	index->records_end += size;
	index->count++;
	return 0;
}

static uint64_t name_hash(const struct name_index *index, const uint8_t *name, size_t length)
{
	struct name_view view;
	name_view_open(&view, index->secret, name, length);
	return name_view_hash(&view, index->secret[2], length);
}

/* Joins a record that is there already with a newer one of its name. */
static void record_join(const struct name_builder *builder, struct name_record *record,
			const struct name_record *newer)
{
	struct name_member before = {record->name, record->value, record->length, record->flags};
	struct name_member after = {newer->name, newer->value, newer->length, newer->flags};
	record->value = builder->merge ? builder->merge(builder->merge_data, &before, &after)
				       : newer->value;
	record->flags |= newer->flags;
}

/* Puts the record at `from` into its bucket and moves it to `to`. False: it was there, joined. */
static bool record_place(const struct name_builder *builder, uint64_t hash, size_t from, size_t to)
{
	struct name_index *index = builder->index;
	struct name_bucket *buckets = (void *)index->bucket_memory.bytes;
	uint8_t *records = index->record_memory.bytes;
	const struct name_record *record = (const void *)(records + from);
	uint32_t n = name_hash_bucket(hash, index->n_buckets), tag = name_hash_tag(hash);

	for (unsigned i = 0;; i++) {
		if (i == NAME_BUCKET_SLOTS) {
			i = 0;
			n = n + 1 == index->n_buckets ? 0 : n + 1;
		}
		struct name_bucket *bucket = &buckets[n];
		if (bucket->at[i] == 0) {
			bucket->tags[i] = tag;
			bucket->at[i] = (uint32_t)(to / NAME_RECORD_UNIT);
			if (from != to)
				memmove(records + to, record, name_record_size(record->length));
			return true;
		}
		if (bucket->tags[i] != tag)
			continue;
		struct name_record *other =
			(void *)(records + (size_t)bucket->at[i] * NAME_RECORD_UNIT);
		if (!name_record_same(other, record->name + record->length, record->length))
			continue;
		record_join(builder, other, record);
		return false;
	}
}

/* Puts all records into the buckets, which are empty, and those that are new where `to` is. */
static void records_place(const struct name_builder *builder)
{
	struct name_index *index = builder->index;
	size_t at = NAME_RECORDS_START, to = at, end = index->records_end;

	index->count = index->text = 0;
	while (at < end) {
		uint64_t hashes[BATCH];
		size_t next = at;
		unsigned n = 0;
		for (; n < BATCH && next < end; n++) {
			const struct name_record *record =
				(const void *)(index->record_memory.bytes + next);
			hashes[n] = name_hash(index, record->name, record->length);
			uint32_t bucket = name_hash_bucket(hashes[n], index->n_buckets);
			__builtin_prefetch(index->bucket_memory.bytes +
					   bucket * sizeof(struct name_bucket), 1);
			next += name_record_size(record->length);
		}
		for (unsigned i = 0; i < n; i++) {
			uint8_t length = index->record_memory.bytes[at + 4];
			size_t size = name_record_size(length);
			if (record_place(builder, hashes[i], at, to)) {
				index->count++;
				index->text += length;
				to += size;
			}
			at += size;
		}
	}
	index->records_end = to;
}

static int buckets_fill(const struct name_builder *builder)
{
	struct name_index *index = builder->index;
	if (index->count / NAME_BUCKET_LOAD >= UINT32_MAX)
		return -E2BIG;
	index->n_buckets = (uint32_t)(index->count / NAME_BUCKET_LOAD) + 1;
	int error = memory_map(&index->bucket_memory,
			       index->n_buckets * sizeof(struct name_bucket));
	if (error == 0)
		records_place(builder);
	return error;
}

struct name_index *name_builder_finish(struct name_builder *builder)
{
	struct name_index *index = builder->index;
	size_t added = index->count;

	if (buckets_fill(builder) != 0)
		goto fail;
	/* Many names were there twice: the buckets are too many for those that are left. */
	if (added - index->count > added / 4) {
		memory_unmap(&index->bucket_memory);
		if (buckets_fill(builder) != 0)
			goto fail;
	}
	if (memory_resize(&index->record_memory, index->records_end) != 0)
		goto fail;
	index->buckets = (const void *)index->bucket_memory.bytes;
	index->records = index->record_memory.bytes;
	free(builder);
	return index;
fail:
	name_builder_free(builder);
	return NULL;
}
