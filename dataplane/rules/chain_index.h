/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rules of a chain a name can match. Many rules match some names only, whatever else they
 * ask: those are found here by the name, with a hash look-up for each of its suffixes, and the
 * others of that kind are not even looked at. So a thousand rules for a name each cost about what
 * one name set costs, and the first rule that matches is still the first.
 *
 * Immutable: made by the policy builder, read by any lcore.
 */
#ifndef SLUICE_DATAPLANE_RULES_CHAIN_INDEX_H
#define SLUICE_DATAPLANE_RULES_CHAIN_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_SPANS_MAX 16u /* entries that one name may meet; beyond them all rules are asked */
#define CHAIN_NO_RULE UINT16_MAX

struct name_set;

/* The rules for a name, in the order of the chain. */
struct chain_index_entry {
	uint32_t rules;	 /* where those for it and what lies below are, in rules[]; then ... */
	uint16_t below;	 /* their number */
	uint16_t itself; /* ... as many for exactly this name */
};

struct chain_index {
	uint64_t labels_below[2]; /* bit n: a name with n labels has rules for what lies below */
	uint64_t labels_itself[2];
	struct name_set *names;
	const struct chain_index_entry *entries; /* by slot of the set */
	const uint16_t *rules;
};

/* The rules that a name may match: a few sorted lists. */
struct chain_candidates {
	unsigned count;
	struct {
		const uint16_t *next, *end;
	} spans[CHAIN_SPANS_MAX];
};

/* A rule and a name that it is for, as the builder found them. */
struct chain_need {
	const uint8_t *name; /* lower case; stays the caller's */
	uint8_t length;
	bool below; /* and what lies below */
	uint16_t rule;
};

/* An index over these needs, which are sorted and lose their doubles. NULL without memory. */
struct chain_index *chain_index_new(struct chain_need *needs, size_t count);
void chain_index_free(struct chain_index *index);

/*
 * Finds the candidates; false if there are too many lists. Never
 * reads past `length`, whatever the bytes.
 */
bool chain_index_find(const struct chain_index *index, const uint8_t *name, size_t length,
		      struct chain_candidates *candidates);

/* The first candidate from `rule` on, CHAIN_NO_RULE if there is none. `rule` never goes back. */
static inline uint16_t chain_candidates_next(struct chain_candidates *candidates, uint16_t rule)
{
	uint16_t first = CHAIN_NO_RULE;
	for (unsigned i = 0; i < candidates->count; i++) {
		const uint16_t *next = candidates->spans[i].next;
		while (next < candidates->spans[i].end && *next < rule)
			next++;
		candidates->spans[i].next = next;
		if (next < candidates->spans[i].end && *next < first)
			first = *next;
	}
	return first;
}

#endif
