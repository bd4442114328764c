/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of names: exact and suffix look-up in a hash table of lower-cased wire names. Names with as
 * many labels as no member has are not even hashed.
 *
 * A set is either on the heap and can be edited (name_set_new()), or frozen into memory that the
 * caller gave (name_set_freeze()); look-ups are the same and may run on many lcores at once as long
 * as nobody edits. Names are in wire format, as dns_name_measure() or dns_name_parse() accept them.
 */
#ifndef SLUICE_DATAPLANE_RULES_NAME_SET_H
#define SLUICE_DATAPLANE_RULES_NAME_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_SET_NONE UINT32_MAX

struct name_set_slot {
	uint32_t hash;
	uint32_t at; /* in bytes[]: the length of the name, then the name. 0: free, 1: removed */
};

struct name_set {
	uint64_t labels[2];   /* bit n: some member has n labels */
	struct name_set_slot *slots;
	uint8_t *bytes;
	uint32_t mask;	    /* number of slots - 1 */
	uint32_t count;	    /* members */
	uint32_t used;	    /* slots that are not free */
	uint32_t bytes_used;
	uint32_t bytes_size;
	uint32_t seed; /* a secret: policies may put names into it that clients ask for */
};

/* An empty set to edit, NULL without memory. */
struct name_set *name_set_new(void);

/* A copy to edit of any set, NULL without memory. */
struct name_set *name_set_copy(const struct name_set *set);

void name_set_free(struct name_set *set);

/* 0, -EEXIST, -ENOMEM, or -E2BIG after 4 GiB of names. */
int name_set_add(struct name_set *set, const uint8_t *name, size_t length);

/* 0 or -ENOENT. */
int name_set_remove(struct name_set *set, const uint8_t *name, size_t length);

/*
 * The number of a member's slot, at most set->mask and the same until the set is edited, for what
 * others know about members; NAME_SET_NONE if it is none.
 */
uint32_t name_set_find(const struct name_set *set, const uint8_t *name, size_t length);

bool name_set_has(const struct name_set *set, const uint8_t *name, size_t length);

/*
 * Whether the name is a member or lies below one. `suffix`, if not NULL, gets the offset in `name`
 * of the longest member that it lies in. Never reads past `length`, whatever the bytes.
 */
bool name_set_covers(const struct name_set *set, const uint8_t *name, size_t length,
		     size_t *suffix);

/* The members in no order: start with 0 in `*cursor`; NULL after the last. */
const uint8_t *name_set_next(const struct name_set *set, uint32_t *cursor, size_t *length);

/* Bytes that a frozen copy takes, aligned to 8. */
size_t name_set_frozen_size(const struct name_set *set);

/* Writes a frozen copy to `memory`, which is aligned to 8 and as large as that. */
struct name_set *name_set_freeze(const struct name_set *set, void *memory);

#endif
