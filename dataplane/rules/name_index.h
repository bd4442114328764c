/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large sets of names, ten million and more: an immutable index that finds the longest entry which
 * covers a name. It is built once, off the workers, and then read by any lcore without a lock.
 *
 * Each entry is a name in wire format with flags and a value of the caller's. Names are compared in
 * full and without regard to ASCII case; the hash that finds them is keyed with a secret of each
 * index, so neither lists nor clients can choose names that collide.
 */
#ifndef SLUICE_DATAPLANE_RULES_NAME_INDEX_H
#define SLUICE_DATAPLANE_RULES_NAME_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_INDEX_BULK_MAX 64u

/* What an entry covers. Both is what a suffix means in dnsdist; "*.x" in an RPZ is BELOW only. */
enum {
	NAME_ENTRY_SELF = 1,  /* the name itself */
	NAME_ENTRY_BELOW = 2, /* the names below it */
};

struct name_index;
struct name_builder;

struct name_match {
	uint32_t value;
	uint16_t offset; /* in the name looked up: where the entry begins */
	uint8_t flags;	 /* of the entry */
};

struct name_member {
	const uint8_t *name; /* lower case; valid as long as the index */
	uint32_t value;
	uint8_t length;
	uint8_t flags;
};

/*
 * Whether some entry covers the name; `match`, which may be NULL, gets the longest that does: the
 * name's own entry if it has NAME_ENTRY_SELF, else the first one above with NAME_ENTRY_BELOW.
 * `name` is a wire name of `length` bytes, the root label included; anything else is not covered,
 * and no byte past `length` is read whatever the bytes are. Any lcore, no lock.
 */
bool name_index_find(const struct name_index *index, const uint8_t *name, size_t length,
		     struct name_match *match);

/*
 * The same for a burst, which waits for memory once and not for each name. At most
 * NAME_INDEX_BULK_MAX names. Bit n of the result: names[n] is covered and matches[n] is set.
 */
uint64_t name_index_find_bulk(const struct name_index *index, const uint8_t *const names[],
			      const uint8_t lengths[], unsigned count,
			      struct name_match matches[]);

/* Entries. */
size_t name_index_count(const struct name_index *index);

/* Bytes in all, the names included. */
size_t name_index_memory(const struct name_index *index);

/* Bytes of names in it, as on the wire. */
size_t name_index_text(const struct name_index *index);

/*
 * The entries in the order in which they were added: start with 0 in `*cursor`; false after the
 * last.
 */
bool name_index_next(const struct name_index *index, uint64_t *cursor, struct name_member *member);

/* NULL is nothing to free. */
void name_index_free(struct name_index *index);

/* An empty builder; NULL without memory. */
struct name_builder *name_builder_new(void);

/*
 * Adds an entry. When a name is added again, flags are joined and the later value wins, unless
 * name_builder_merge_set() says otherwise. 0; -EINVAL for what is no wire name or has no flags;
 * -E2BIG when the names no longer fit; -ENOMEM. After an error the builder is as before.
 */
int name_builder_add(struct name_builder *builder, const uint8_t *name, size_t length,
		     uint8_t flags, uint32_t value);

/* Entries added so far, repeated names included. */
size_t name_builder_count(const struct name_builder *builder);

/*
 * The value of a name that was added twice. `before` is the older entry, `after` the newer; their
 * names are the same. Called from name_builder_finish(), in the order in which names were added.
 */
typedef uint32_t name_merge(void *data, const struct name_member *before,
			    const struct name_member *after);

void name_builder_merge_set(struct name_builder *builder, name_merge *merge, void *data);

/*
 * The index of all names added, none is allowed. Consumes the builder, also on failure: NULL
 * without memory.
 */
struct name_index *name_builder_finish(struct name_builder *builder);

/* Gives up a builder that is not finished; NULL is nothing to free. */
void name_builder_free(struct name_builder *builder);

#endif
