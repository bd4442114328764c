/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/tags.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Items lie one behind the other, without gaps; a block without items is freed. */
struct note_block {
	struct note_block *next;
	uint32_t used; /* bytes of items */
	uint32_t heap; /* 1: the allocator had none left */
	uint8_t items[NOTE_BLOCK_SIZE - 16];
};

static_assert(sizeof(struct note_block) == NOTE_BLOCK_SIZE, "one object of the allocator");

/* Followed by key and value, or by a pointer to them on the heap. */
struct note_item {
	uint16_t size; /* in the block, this header included, a multiple of 4 */
	uint8_t kind;
	uint8_t external;
	uint16_t key_length;
	uint16_t info_code;
	uint32_t value_length;
};

#define ITEM_INLINE_MAX (sizeof(((struct note_block *)0)->items) - sizeof(struct note_item))

static void *heap_alloc(void)
{
	return malloc(NOTE_BLOCK_SIZE);
}

/* Set once, before any packet. */
static note_alloc_fn *block_alloc = heap_alloc;
static note_free_fn *block_free = free;

void notes_allocator_set(note_alloc_fn *alloc, note_free_fn *free_block)
{
	block_alloc = alloc;
	block_free = free_block;
}

/* A tag that is lost would change what a policy does, so an empty allocator is no error. */
static struct note_block *block_new(void)
{
	struct note_block *block = block_alloc();
	bool heap = block == NULL;
	if (heap)
		block = malloc(NOTE_BLOCK_SIZE);
	if (!block)
		return NULL;
	block->next = NULL;
	block->used = 0;
	block->heap = heap;
	return block;
}

static void block_release(struct note_block *block)
{
	if (block->heap)
		free(block);
	else
		block_free(block);
}

static const struct note_item *item_at(const struct note_block *block, uint32_t offset)
{
	return (const struct note_item *)(const void *)(block->items + offset);
}

static const char *item_bytes(const struct note_item *item)
{
	const char *bytes = (const char *)(item + 1);
	if (item->external)
		memcpy(&bytes, item + 1, sizeof(bytes));
	return bytes;
}

bool note_next(struct note_cursor *cursor, struct note *note)
{
	while (cursor->block && cursor->offset >= cursor->block->used)
		*cursor = (struct note_cursor){.block = cursor->block->next};
	if (!cursor->block)
		return false;
	const struct note_item *item = item_at(cursor->block, cursor->offset);
	const char *bytes = item_bytes(item);
	*note = (struct note){
		.kind = item->kind,
		.key = bytes,
		.key_length = item->key_length,
		.value = bytes + item->key_length,
		.value_length = item->value_length,
		.info_code = item->info_code,
	};
	cursor->offset += item->size;
	return true;
}

static void item_free(const struct note_item *item)
{
	if (item->external)
		free((void *)(uintptr_t)item_bytes(item));
}

/* Takes out the item at `offset`; may free the block, whose place in the list is `*link`. */
static void item_remove(struct note_block **link, uint32_t offset)
{
	struct note_block *block = *link;
	const struct note_item *item = item_at(block, offset);
	uint16_t size = item->size;

	item_free(item);
	memmove(block->items + offset, block->items + offset + size, block->used - offset - size);
	block->used -= size;
	if (block->used == 0) {
		*link = block->next;
		block_release(block);
	}
}

/* Room for `size` bytes at the end, so that notes stay in their order. NULL without memory. */
static void *items_extend(struct note_block **notes, uint16_t size)
{
	struct note_block **link = notes;
	while (*link && (*link)->next)
		link = &(*link)->next;
	if (*link && sizeof((*link)->items) - (*link)->used < size)
		link = &(*link)->next;
	if (!*link) {
		*link = block_new();
		if (!*link)
			return NULL;
	}
	void *room = (*link)->items + (*link)->used;
	(*link)->used += size;
	return room;
}

static void bytes_join(char *to, const struct note *note)
{
	if (note->key_length > 0)
		memcpy(to, note->key, note->key_length);
	if (note->value_length > 0)
		memcpy(to + note->key_length, note->value, note->value_length);
}

static int note_append(struct note_block **notes, const struct note *note)
{
	if (note->key_length > NOTE_KEY_MAX || note->value_length > NOTE_VALUE_MAX)
		return -E2BIG;
	size_t length = note->key_length + note->value_length;
	char *external = NULL;
	if (length > ITEM_INLINE_MAX) {
		external = malloc(length);
		if (!external)
			return -ENOMEM;
	}
	size_t stored = external ? sizeof(external) : length;
	uint16_t size = (uint16_t)((sizeof(struct note_item) + stored + 3) & ~(size_t)3);
	struct note_item *item = items_extend(notes, size);
	if (!item) {
		free(external);
		return -ENOMEM;
	}
	*item = (struct note_item){
		.size = size,
		.kind = (uint8_t)note->kind,
		.external = external != NULL,
		.key_length = (uint16_t)note->key_length,
		.info_code = note->info_code,
		.value_length = (uint32_t)note->value_length,
	};
	bytes_join(external ? external : (char *)(item + 1), note);
	if (external)
		memcpy(item + 1, &external, sizeof(external));
	return 0;
}

static bool item_is_tag(const struct note_item *item, const char *key, size_t key_length)
{
	return item->kind == NOTE_TAG && item->key_length == key_length &&
	       (key_length == 0 || memcmp(item_bytes(item), key, key_length) == 0);
}

bool tag_unset(struct note_block **notes, const char *key, size_t key_length)
{
	for (struct note_block **link = notes; *link; link = &(*link)->next) {
		for (uint32_t at = 0; at < (*link)->used; at += item_at(*link, at)->size) {
			if (item_is_tag(item_at(*link, at), key, key_length)) {
				item_remove(link, at);
				return true;
			}
		}
	}
	return false;
}

int tag_add(struct note_block **notes, const char *key, size_t key_length, const char *value,
	    size_t value_length)
{
	return note_append(notes, &(struct note){
					  .kind = NOTE_TAG,
					  .key = key,
					  .key_length = key_length,
					  .value = value,
					  .value_length = value_length,
				  });
}

int tag_set(struct note_block **notes, const char *key, size_t key_length, const char *value,
	    size_t value_length)
{
	/* The new one goes behind the old one, so that it is there before the old one goes. */
	bool replace = tag_get(*notes, key, key_length, NULL, NULL);
	int error = tag_add(notes, key, key_length, value, value_length);
	if (error == 0 && replace)
		tag_unset(notes, key, key_length);
	return error;
}

bool tag_get(const struct note_block *notes, const char *key, size_t key_length,
	     const char **value, size_t *value_length)
{
	for (; notes; notes = notes->next) {
		for (uint32_t at = 0; at < notes->used; at += item_at(notes, at)->size) {
			const struct note_item *item = item_at(notes, at);
			if (!item_is_tag(item, key, key_length))
				continue;
			if (value)
				*value = item_bytes(item) + item->key_length;
			if (value_length)
				*value_length = item->value_length;
			return true;
		}
	}
	return false;
}

/* Takes out all notes of a kind but the last `kept`. */
static void thin_out(struct note_block **notes, enum note_kind kind, size_t kept)
{
	struct note_cursor cursor = notes_open(*notes);
	struct note note;
	size_t left = 0;

	while (note_next_of(&cursor, kind, &note))
		left++;
	for (struct note_block **link = notes; *link && left > kept;) {
		struct note_block *block = *link;
		uint32_t at = 0;
		while (*link == block && at < block->used && left > kept) {
			const struct note_item *item = item_at(block, at);
			if (item->kind != kind) {
				at += item->size;
				continue;
			}
			left--;
			item_remove(link, at);
		}
		if (*link == block)
			link = &block->next;
	}
}

/* A note with the bytes of a struct. */
static int struct_append(struct note_block **notes, enum note_kind kind, const void *bytes,
			 size_t size)
{
	return note_append(notes, &(struct note){
					  .kind = kind,
					  .value = bytes,
					  .value_length = size,
				  });
}

static bool struct_get(const struct note_block *notes, enum note_kind kind, void *bytes, size_t size)
{
	struct note_cursor cursor = notes_open(notes);
	struct note note;
	if (!note_next_of(&cursor, kind, &note))
		return false;
	memcpy(bytes, note.value, size);
	return true;
}

int ede_add(struct note_block **notes, uint16_t info_code, const char *text, size_t text_length,
	    bool clear)
{
	int error = note_append(notes, &(struct note){
					       .kind = NOTE_EDE,
					       .value = text,
					       .value_length = text_length,
					       .info_code = info_code,
				       });
	if (error == 0 && clear)
		thin_out(notes, NOTE_EDE, 1);
	return error;
}

int query_keep(struct note_block **notes, const uint8_t *message, size_t length)
{
	int error = struct_append(notes, NOTE_QUERY, message, length);
	if (error == 0)
		thin_out(notes, NOTE_QUERY, 1);
	return error;
}

const uint8_t *query_kept(const struct note_block *notes, size_t *length)
{
	struct note_cursor cursor = notes_open(notes);
	struct note note;
	if (!note_next_of(&cursor, NOTE_QUERY, &note))
		return NULL;
	*length = note.value_length;
	return (const uint8_t *)note.value;
}

int subnet_set(struct note_block **notes, const struct note_subnet *subnet)
{
	int error = struct_append(notes, NOTE_SUBNET, subnet, sizeof(*subnet));
	if (error == 0)
		thin_out(notes, NOTE_SUBNET, 1);
	return error;
}

bool subnet_get(const struct note_block *notes, struct note_subnet *subnet)
{
	return struct_get(notes, NOTE_SUBNET, subnet, sizeof(*subnet));
}

int peer_set(struct note_block **notes, const struct note_peer *peer)
{
	return struct_append(notes, NOTE_PEER, peer, sizeof(*peer));
}

bool peer_get(const struct note_block *notes, struct note_peer *peer)
{
	return struct_get(notes, NOTE_PEER, peer, sizeof(*peer));
}

int delay_set(struct note_block **notes, uint32_t ms)
{
	ms = ms < NOTE_DELAY_MAX ? ms : NOTE_DELAY_MAX;
	if (ms == 0) {
		thin_out(notes, NOTE_DELAY, 0);
		return 0;
	}
	int error = struct_append(notes, NOTE_DELAY, &ms, sizeof(ms));
	if (error == 0)
		thin_out(notes, NOTE_DELAY, 1);
	return error;
}

uint32_t delay_take(struct note_block **notes)
{
	uint32_t ms;
	if (!struct_get(*notes, NOTE_DELAY, &ms, sizeof(ms)))
		return 0;
	thin_out(notes, NOTE_DELAY, 0);
	return ms;
}

int proxy_value_add(struct note_block **notes, uint8_t type, const void *value, size_t length)
{
	if (length > UINT16_MAX)
		return -E2BIG;
	return note_append(notes, &(struct note){
					  .kind = NOTE_PROXY_VALUE,
					  .value = value,
					  .value_length = length,
					  .info_code = type,
				  });
}

void proxy_values_clear(struct note_block **notes)
{
	thin_out(notes, NOTE_PROXY_VALUE, 0);
}

/* Takes out the notes of a kind that have this key, and this code. */
static void notes_unset(struct note_block **notes, enum note_kind kind, uint16_t code,
			const char *key, size_t key_length)
{
	for (struct note_block **link = notes; *link;) {
		struct note_block *block = *link;
		uint32_t at = 0;
		while (*link == block && at < block->used) {
			const struct note_item *item = item_at(block, at);
			if (item->kind == kind && (item->info_code == code || key_length > 0) &&
			    item->key_length == key_length &&
			    (key_length == 0 || memcmp(item_bytes(item), key, key_length) == 0))
				item_remove(link, at);
			else
				at += item->size;
		}
		if (*link == block)
			link = &block->next;
	}
}

int identity_set(struct note_block **notes, enum note_identity which, const char *text,
		 size_t length)
{
	if (length > NOTE_VALUE_MAX)
		return -E2BIG;
	notes_unset(notes, NOTE_IDENTITY, (uint16_t)which, NULL, 0);
	return length == 0 ? 0
			   : note_append(notes, &(struct note){.kind = NOTE_IDENTITY,
							       .value = text,
							       .value_length = length,
							       .info_code = (uint16_t)which});
}

bool identity_get(const struct note_block *notes, enum note_identity which, const char **text,
		  size_t *length)
{
	struct note_cursor cursor = notes_open(notes);
	struct note note;
	while (note_next_of(&cursor, NOTE_IDENTITY, &note)) {
		if (note.info_code != which)
			continue;
		*text = note.value;
		*length = note.value_length;
		return true;
	}
	return false;
}

static int meta_append(struct note_block **notes, const struct note *what)
{
	struct note note = *what;
	note.kind = NOTE_META;
	return note_append(notes, &note);
}

int meta_add(struct note_block **notes, const char *key, size_t key_length, const char *value,
	     size_t value_length)
{
	return meta_append(notes, &(struct note){.key = key,
						 .key_length = key_length,
						 .value = value,
						 .value_length = value_length});
}

int meta_add_number(struct note_block **notes, const char *key, size_t key_length, int64_t value)
{
	return meta_append(notes, &(struct note){.key = key,
						 .key_length = key_length,
						 .value = (const char *)&value,
						 .value_length = sizeof(value),
						 .info_code = 1});
}

void meta_clear(struct note_block **notes, const char *key, size_t key_length)
{
	notes_unset(notes, NOTE_META, 0, key, key_length);
}

int notes_copy(struct note_block **to, const struct note_block *from)
{
	struct note_cursor cursor = notes_open(from);
	struct note note;

	*to = NULL;
	while (note_next(&cursor, &note)) {
		int error = note_append(to, &note);
		if (error != 0) {
			notes_free(to);
			return error;
		}
	}
	return 0;
}

void notes_free_all(struct note_block **notes)
{
	while (*notes) {
		struct note_block *block = *notes;
		for (uint32_t at = 0; at < block->used; at += item_at(block, at)->size)
			item_free(item_at(block, at));
		*notes = block->next;
		block_release(block);
	}
}
