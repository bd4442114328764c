/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet is annotated with: tags (a key and a value), Extended DNS Errors (RFC 8914), a copy
 * of its query that it can be asked by again, the subnet that its server is told, what a PROXY header
 * said or is to say, and how long its answer is to wait.
 *
 * They hang on query_state.notes: NULL is none and costs nothing. Notes are kept in blocks of
 * NOTE_BLOCK_SIZE bytes that come from the allocator set at start; what does not fit a block lies
 * on the heap. Keys, values and texts are bytes: they may hold NUL. Whoever holds the packet owns
 * its notes. Pointers that are given out are valid until the next change of the same notes.
 */
#ifndef SLUICE_DATAPLANE_RULES_TAGS_H
#define SLUICE_DATAPLANE_RULES_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTE_BLOCK_SIZE 256u	   /* bytes of one object of the allocator, 8-byte aligned */
#define NOTE_KEY_MAX 65535u	   /* bytes of a key */
#define NOTE_VALUE_MAX (1u << 24) /* bytes of a value or text */
#define NOTE_DELAY_MAX 3600000u	  /* ms: an hour */

struct note_block;

/* Returns NOTE_BLOCK_SIZE bytes, or NULL: then the heap is asked. */
typedef void *note_alloc_fn(void);
typedef void note_free_fn(void *block);

enum note_kind { NOTE_TAG, NOTE_EDE, NOTE_QUERY, NOTE_SUBNET, NOTE_PEER, NOTE_PROXY_VALUE,
		 NOTE_DELAY, NOTE_META, NOTE_IDENTITY };

/* Who asks, as collectors are told. */
enum note_identity { NOTE_DEVICE_ID, NOTE_DEVICE_NAME, NOTE_REQUESTOR_ID, NOTE_IDENTITIES };

/* One note, as it is found. */
struct note {
	enum note_kind kind;
	const char *key; /* of a tag or of metadata */
	size_t key_length;
	const char *value; /* of a tag or in a PROXY header; text of an error; the query, subnet or peer */
	size_t value_length;
	uint16_t info_code; /* of an error; the type of a value; of an identity which; of metadata 1: a number */
};

/* A walk over notes, oldest first. Private to note_next(). */
struct note_cursor {
	const struct note_block *block;
	uint32_t offset;
};

/* Set once at start, before the first packet; both may be called by any lcore. */
void notes_allocator_set(note_alloc_fn *alloc, note_free_fn *free);

/* Sets or overwrites. 0, -ENOMEM or -E2BIG; then the notes are unchanged. */
int tag_set(struct note_block **notes, const char *key, size_t key_length, const char *value,
	    size_t value_length);

/* Sets a tag that is not set yet, which is not checked; else as tag_set(). */
int tag_add(struct note_block **notes, const char *key, size_t key_length, const char *value,
	    size_t value_length);

/* Whether the tag is set; `value` and `value_length` may be NULL. */
bool tag_get(const struct note_block *notes, const char *key, size_t key_length,
	     const char **value, size_t *value_length);

/* Whether it was set. */
bool tag_unset(struct note_block **notes, const char *key, size_t key_length);

/* Appends an error; with `clear` in place of all others. 0, -ENOMEM or -E2BIG. */
int ede_add(struct note_block **notes, uint16_t info_code, const char *text, size_t text_length,
	    bool clear);

/* Keeps a copy of the query, in place of one that is kept already. 0, -ENOMEM or -E2BIG. */
int query_keep(struct note_block **notes, const uint8_t *message, size_t length);

/* The query that was kept; NULL: none. */
const uint8_t *query_kept(const struct note_block *notes, size_t *length);

/* A subnet in place of the client's. */
struct note_subnet {
	uint8_t address[16]; /* IPv4 in the first four bytes */
	uint8_t prefix;
	uint8_t ipv6;
};

/* Sets or replaces it. 0 or -ENOMEM. */
int subnet_set(struct note_block **notes, const struct note_subnet *subnet);

/* False: none is set. */
bool subnet_get(const struct note_block *notes, struct note_subnet *subnet);

/* Who a query came from, where that is a proxy, and to which address of ours. */
struct note_peer {
	uint8_t address[16]; /* IPv4 in the first four bytes, as local */
	uint8_t local[16];
	uint16_t port; /* host byte order, as local_port */
	uint16_t local_port;
	uint8_t ipv6;
};

/* To be set once. 0 or -ENOMEM. */
int peer_set(struct note_block **notes, const struct note_peer *peer);

/* False: it came from the client itself. */
bool peer_get(const struct note_block *notes, struct note_peer *peer);

/* Appends a value to those that are told in a PROXY header. 0, -ENOMEM or -E2BIG. */
int proxy_value_add(struct note_block **notes, uint8_t type, const void *value, size_t length);
void proxy_values_clear(struct note_block **notes);

/* Milliseconds that the answer waits, in place of others; more than NOTE_DELAY_MAX are as many. 0 or -ENOMEM. */
int delay_set(struct note_block **notes, uint32_t ms);

/* The same, which is gone then; 0: it does not wait. */
uint32_t delay_take(struct note_block **notes);

/* Sets or replaces it; with 0 bytes there is none. 0, -ENOMEM or -E2BIG. */
int identity_set(struct note_block **notes, enum note_identity which, const char *text,
		 size_t length);

/* False: it is not set. */
bool identity_get(const struct note_block *notes, enum note_identity which, const char **text,
		  size_t *length);

/* Appends a value to those of a key, for collectors alone. 0, -ENOMEM or -E2BIG. */
int meta_add(struct note_block **notes, const char *key, size_t key_length, const char *value,
	     size_t value_length);
int meta_add_number(struct note_block **notes, const char *key, size_t key_length, int64_t value);

/* Forgets what the key has. */
void meta_clear(struct note_block **notes, const char *key, size_t key_length);

static inline struct note_cursor notes_open(const struct note_block *notes)
{
	return (struct note_cursor){.block = notes};
}

/* The next note of any kind; false after the last. */
bool note_next(struct note_cursor *cursor, struct note *note);

/* The next note of one kind. */
static inline bool note_next_of(struct note_cursor *cursor, enum note_kind kind, struct note *note)
{
	while (note_next(cursor, note))
		if (note->kind == kind)
			return true;
	return false;
}

/* A copy of all notes for another packet. 0 or -ENOMEM; then `*to` is NULL. */
int notes_copy(struct note_block **to, const struct note_block *from);

/* Frees all and sets `*notes` to NULL. */
void notes_free_all(struct note_block **notes);

static inline void notes_free(struct note_block **notes)
{
	if (*notes)
		notes_free_all(notes);
}

#endif
