/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rules of a chain are for certain names only: those that a chain's index finds by the name,
 * or its set of expressions. A rule is, if its selector cannot be true for other names and nothing
 * that has an effect, such as taking a token of a rate, comes before the name is asked.
 */
#include <stdlib.h>

#include "control/policy/expressions.h"
#include "control/policy/model.h"
#include "dataplane/rules/chain_index.h"
#include "dataplane/rules/chain_regexes.h"
#include "dataplane/rules/name_set.h"

#define NAMES_MAX 256u /* of one rule: a large set is found fast as it is */
#define RULES_MIN 4u   /* fewer cost less than the index */

struct needs {
	struct chain_need *needs;
	size_t count;
	size_t size;
	size_t start; /* of this rule's */
	struct chain_regex_need *regexes;
	size_t n_regexes, regexes_size;
	uint16_t rule;
	bool failed; /* without memory */
};

static bool need_add(struct needs *needs, const uint8_t *name, size_t length, bool below)
{
	if (needs->count - needs->start == NAMES_MAX)
		return false;
	if (needs->count == needs->size) {
		size_t size = needs->size ? needs->size * 2 : 64;
		void *grown = realloc(needs->needs, size * sizeof(*needs->needs));
		if (grown == NULL) {
			needs->failed = true;
			return false;
		}
		needs->needs = grown;
		needs->size = size;
	}
	needs->needs[needs->count++] = (struct chain_need){
		.name = name, .length = (uint8_t)length, .below = below, .rule = needs->rule};
	return true;
}

/* An expression that is in the chain's set. */
static bool regex_add(struct needs *needs, uint16_t expression)
{
	if (expression == CHAIN_REGEX_NONE)
		return false;
	if (needs->n_regexes == needs->regexes_size) {
		size_t size = needs->regexes_size ? needs->regexes_size * 2 : 64;
		void *grown = realloc(needs->regexes, size * sizeof(*needs->regexes));
		needs->failed |= grown == NULL;
		if (grown == NULL)
			return false;
		needs->regexes = grown;
		needs->regexes_size = size;
	}
	needs->regexes[needs->n_regexes++] =
		(struct chain_regex_need){.expression = expression, .rule = needs->rule};
	return true;
}

static bool set_add(struct needs *needs, const struct name_set *set, bool below)
{
	uint32_t cursor = 0;
	const uint8_t *name;
	size_t length;

	if (set->count > NAMES_MAX)
		return false;
	while ((name = name_set_next(set, &cursor, &length)))
		if (!need_add(needs, name, length, below))
			return false;
	return true;
}

static bool names_of(struct needs *needs, const struct policy_selector *selector);

/* The first member that is for certain names only, if what is asked before it is pure. */
static bool names_of_all(struct needs *needs, const struct policy_selector *selector)
{
	for (size_t i = 0; i < selector->count; i++) {
		size_t before = needs->count, regexes_before = needs->n_regexes;
		if (names_of(needs, selector->members[i]))
			return true;
		needs->count = before;
		needs->n_regexes = regexes_before;
		if (!policy_selector_pure(selector->members[i]))
			return false;
	}
	return false;
}

static bool names_of_any(struct needs *needs, const struct policy_selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!names_of(needs, selector->members[i]))
			return false;
	return true;
}

/* Whether the selector is true for certain names at most; adds those. */
static bool names_of(struct needs *needs, const struct policy_selector *selector)
{
	switch (selector->node) {
	case NODE_AND:
		return names_of_all(needs, selector);
	case NODE_OR:
		return names_of_any(needs, selector);
	case NODE_NOT:
		return false;
	case NODE_TEST:
		break;
	}
	switch ((enum rule_test_kind)selector->test.kind) {
	case RULE_TEST_QNAME:
		return need_add(needs, selector->test.name->bytes, selector->test.name->length,
				false);
	case RULE_TEST_QNAME_SET:
		return set_add(needs, selector->test.names, false);
	case RULE_TEST_QNAME_SUFFIX:
		return set_add(needs, selector->test.names, true);
	case RULE_TEST_REGEX:
		return regex_add(needs, selector->test.value);
	default:
		return false;
	}
}

/* Without an index every rule is asked. */
static void links_plain(struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rules[i].next_plain = (uint16_t)i;
}

/* Marks the rules that are for certain names; returns how many. */
static size_t needs_find(struct needs *needs, const struct policy_rules *from, struct rule *rules)
{
	size_t indexed = 0;
	for (size_t i = 0; i < from->count && !needs->failed; i++) {
		size_t regexes_before = needs->n_regexes;
		needs->rule = (uint16_t)i;
		needs->start = needs->count;
		if (names_of(needs, from->rules[i]->selector)) {
			rules[i].next_plain = CHAIN_NO_RULE;
			indexed++;
		} else {
			needs->count = needs->start;
			needs->n_regexes = regexes_before;
		}
	}
	return indexed;
}

bool policy_chain_index(const struct policy_rules *from, const struct policy_regexes *regexes,
			struct rule *rules, struct rule_chain *chain)
{
	struct needs needs = {0};

	links_plain(rules, from->count);
	size_t indexed = needs_find(&needs, from, rules);
	if (indexed < RULES_MIN || needs.failed) {
		links_plain(rules, from->count);
		needs.n_regexes = 0;
	} else {
		for (size_t i = from->count - 1; i-- > 0;)
			if (rules[i].next_plain == CHAIN_NO_RULE)
				rules[i].next_plain = rules[i + 1].next_plain;
		chain->index = chain_index_new(needs.needs, needs.count);
		needs.failed = chain->index == NULL;
	}
	if (regexes->set != NULL && !needs.failed) {
		chain->regexes = chain_regexes_new((const void *)regexes->set->blob->data,
						   (uint16_t)regexes->set->count, needs.regexes,
						   needs.n_regexes, from->count);
		needs.failed = chain->regexes == NULL;
	}
	free(needs.needs);
	free(needs.regexes);
	return !needs.failed;
}
