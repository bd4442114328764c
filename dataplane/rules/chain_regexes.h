/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The regular expressions of a chain, found in a name all at once: one pass over it, however many
 * they are. Says for each whether it matches, and which of the rules that need one to match can.
 *
 * Immutable: made by the policy builder, read by any lcore.
 */
#ifndef SLUICE_DATAPLANE_RULES_CHAIN_REGEXES_H
#define SLUICE_DATAPLANE_RULES_CHAIN_REGEXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_REGEXES_MAX 65472u      /* in one set; more are asked one by one */
#define CHAIN_REGEX_NONE UINT16_MAX   /* an expression that the set does not have */
#define CHAIN_RULES_WORDS (65536u / 64) /* a bit for each rule of a chain */

struct hs_scratch;
struct regex;

struct chain_regexes {
	const struct regex *set;
	uint16_t count; /* of expressions */
	uint16_t words; /* of `driven` */
	const uint32_t *first; /* by expression, and the end: where its rules are in rules[] */
	const uint16_t *rules;
	const uint64_t *driven; /* bit n: rule n matches only if one of its expressions does */
};

/* What was found in a name: valid for the chain that it was looked for. */
struct chain_regexes_found {
	uint64_t expressions[CHAIN_REGEXES_MAX / 64];
	uint64_t rules[CHAIN_RULES_WORDS];
};

/* An expression, and a rule that needs it or another of its own to match. */
struct chain_regex_need {
	uint16_t expression;
	uint16_t rule;
};

/*
 * For a chain of `rules` rules; `count` expressions are in the set, which stays the caller's. The
 * needs are sorted. NULL without memory.
 */
struct chain_regexes *chain_regexes_new(const struct regex *set, uint16_t count,
					struct chain_regex_need *needs, size_t n_needs,
					size_t rules);
void chain_regexes_free(struct chain_regexes *regexes);

void chain_regexes_scan(const struct chain_regexes *regexes, const char *text, size_t length,
			struct hs_scratch *scratch, struct chain_regexes_found *found);

static inline bool chain_regexes_has(const struct chain_regexes_found *found, uint16_t expression)
{
	return found->expressions[expression / 64] >> expression % 64 & 1;
}

/* The first bit from `rule` on, UINT16_MAX if there is none. */
static inline uint16_t chain_regexes_next(const struct chain_regexes *regexes, const uint64_t *bits,
					  uint16_t rule)
{
	unsigned word = rule / 64u;
	if (word >= regexes->words)
		return UINT16_MAX;
	uint64_t left = bits[word] & UINT64_MAX << rule % 64;
	while (left == 0)
		if (++word >= regexes->words)
			return UINT16_MAX;
		else
			left = bits[word];
	return (uint16_t)(word * 64 + (unsigned)__builtin_ctzll(left));
}

#endif
