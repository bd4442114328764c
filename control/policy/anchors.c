/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/policy/anchors.h"

#include <stdlib.h>
#include <string.h>

#include "control/policy/covers.h"
#include "control/policy/key_hash.h"
#include "control/policy/model.h"

#define NAMES_MAX 65536u /* of one rule: with more it is asked each time */

/* How much the anchors of a selector tell; what has none may cover anything. */
enum rank { RANK_NONE, RANK_VALUE, RANK_NAME, RANK_NEVER };

struct anchor {
	uint64_t key;
	uint32_t rule;
};

struct numbers {
	uint32_t *list;
	size_t count, size;
};

struct policy_anchors {
	struct anchor *list;
	size_t count, size;
	bool sorted;
	struct numbers rules;  /* all */
	struct numbers others; /* those without anchors */
	struct numbers met;    /* by the anchors of the selector that is asked for */
	struct numbers found;
};

/* ---- growing lists ---- */

static bool reserve(void **list, size_t *size, size_t count, size_t element)
{
	if (count < *size)
		return true;
	size_t wanted = *size ? *size * 2 : 64;
	void *grown = realloc(*list, wanted * element);
	if (!grown)
		return false;
	*list = grown;
	*size = wanted;
	return true;
}

static bool number_add(struct numbers *numbers, uint32_t number)
{
	if (!reserve((void **)&numbers->list, &numbers->size, numbers->count,
		     sizeof(*numbers->list)))
		return false;
	numbers->list[numbers->count++] = number;
	return true;
}

static bool anchor_add(struct policy_anchors *anchors, uint64_t key, uint32_t rule)
{
	if (!reserve((void **)&anchors->list, &anchors->size, anchors->count,
		     sizeof(*anchors->list)))
		return false;
	anchors->list[anchors->count++] = (struct anchor){key, rule};
	anchors->sorted = false;
	return true;
}

/* ---- keys ---- */

/* Two that differ may have the same: then one is looked at in vain. */
static uint64_t key_of(unsigned kind, const void *bytes, size_t length)
{
	return (uint64_t)kind << 32 | key_hash(bytes, length);
}

static uint64_t name_key(bool below, const uint8_t *name, size_t length)
{
	uint8_t lower[DNS_NAME_MAX];
	dns_name_lower(lower, name, length);
	return key_of(below ? RULE_TEST_QNAME_SUFFIX : RULE_TEST_QNAME, lower, length);
}

static bool is_names(const struct rule_test *test)
{
	return test->kind == RULE_TEST_QNAME_SET || test->kind == RULE_TEST_QNAME_SUFFIX;
}

/* Of the tests that cover one of their kind by what it compares with, those that do have the same. */
static bool value_key(const struct policy_selector *selector, uint64_t *key)
{
	const struct rule_test *test = &selector->test;
	const struct prefix_set *prefixes = test->prefixes;
	switch ((enum rule_test_kind)test->kind) {
	case RULE_TEST_NETMASK:
		*key = key_of(RULE_TEST_NETMASK, prefixes->v4,
			      prefixes->v4_count * sizeof(prefixes->v4[0])) +
		       key_of(test->flag, prefixes->v6,
			      prefixes->v6_count * sizeof(prefixes->v6[0]));
		return true;
	case RULE_TEST_REGEX:
		*key = key_of(test->kind, &selector->expression, sizeof(selector->expression));
		return true;
	case RULE_TEST_LIST:
		*key = key_of(test->kind, &test->list, sizeof(test->list));
		return true;
	case RULE_TEST_TIMED_SET:
		*key = key_of(test->kind, &test->timed_set, sizeof(test->timed_set));
		return true;
	case RULE_TEST_TAG:
	case RULE_TEST_PROXY_VALUE:
		*key = key_of(test->kind, test->tag->bytes, test->tag->key_length);
		return true;
	default:
		*key = key_of(test->kind, &test->value, sizeof(test->value));
		return policy_test_compares(test);
	}
}

/* ---- of rules ---- */

static enum rank rank_of(const struct policy_selector *selector)
{
	const struct rule_test *test = &selector->test;
	uint64_t key;
	if (selector->node == NODE_NOT)
		return RANK_NONE;
	if (selector->node == NODE_TEST) {
		/* A type may be what all queries have that are spoken of. */
		if (test->kind == RULE_TEST_ALL || test->kind == RULE_TEST_QTYPE)
			return RANK_NONE;
		if (is_names(test))
			return test->names->count <= NAMES_MAX ? RANK_NAME : RANK_NONE;
		if (test->kind == RULE_TEST_QNAME)
			return RANK_NAME;
		return value_key(selector, &key) ? RANK_VALUE : RANK_NEVER;
	}
	enum rank rank = selector->node == NODE_AND ? RANK_NONE : RANK_NEVER;
	for (size_t i = 0; i < selector->count; i++) {
		enum rank member = rank_of(selector->members[i]);
		if (selector->node == NODE_AND ? member > rank : member < rank)
			rank = member;
	}
	return rank;
}

static bool test_note(struct policy_anchors *anchors, const struct policy_selector *selector,
		      uint32_t rule)
{
	const struct rule_test *test = &selector->test;
	const uint8_t *name;
	size_t length;
	uint32_t cursor = 0;
	uint64_t key;
	if (test->kind == RULE_TEST_QNAME)
		return anchor_add(anchors, name_key(false, test->name->bytes, test->name->length),
				  rule);
	if (!is_names(test))
		return !value_key(selector, &key) || anchor_add(anchors, key, rule);
	while ((name = name_set_next(test->names, &cursor, &length)) != NULL)
		if (!anchor_add(anchors,
				name_key(test->kind == RULE_TEST_QNAME_SUFFIX, name, length), rule))
			return false;
	return true;
}

/* All of an "or", and the member of an "and" that tells most, since each has to cover. */
static bool selector_note(struct policy_anchors *anchors, const struct policy_selector *selector,
			  enum rank rank, uint32_t rule)
{
	if (selector->node == NODE_TEST)
		return test_note(anchors, selector, rule);
	for (size_t i = 0; i < selector->count; i++) {
		enum rank member = rank_of(selector->members[i]);
		if (selector->node == NODE_AND && member != rank)
			continue;
		if (!selector_note(anchors, selector->members[i], member, rule))
			return false;
		if (selector->node == NODE_AND)
			break;
	}
	return true;
}

bool policy_anchors_add(struct policy_anchors *anchors, const struct policy_selector *selector,
			uint32_t rule)
{
	enum rank rank = rank_of(selector);
	if (!number_add(&anchors->rules, rule))
		return false;
	return rank == RANK_NONE ? number_add(&anchors->others, rule)
				 : selector_note(anchors, selector, rank, rule);
}

/* ---- of what they may cover ---- */

static int anchor_compare(const void *a, const void *b)
{
	const struct anchor *left = a, *right = b;
	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	return left->rule < right->rule ? -1 : left->rule > right->rule;
}

static int number_compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return left < right ? -1 : left > right;
}

static bool key_meet(struct policy_anchors *anchors, uint64_t key)
{
	size_t low = 0, high = anchors->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (anchors->list[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < anchors->count && anchors->list[low].key == key; low++)
		if (!number_add(&anchors->met, anchors->list[low].rule))
			return false;
	return true;
}

/* Sets that cover the name, of names below them and, if `exact`, of names. */
static bool name_meet(struct policy_anchors *anchors, const uint8_t *name, size_t length,
		      bool exact)
{
	if (exact && !key_meet(anchors, name_key(false, name, length)))
		return false;
	for (size_t at = 0; at < length; at += name[at] + 1u)
		if (!key_meet(anchors, name_key(true, name + at, length - at)))
			return false;
	return true;
}

static bool test_meet(struct policy_anchors *anchors, const struct policy_selector *selector,
		      bool *all)
{
	const struct rule_test *test = &selector->test;
	uint32_t cursor = 0;
	size_t length;
	uint64_t key;
	if (test->kind == RULE_TEST_QNAME)
		return name_meet(anchors, test->name->bytes, test->name->length, true);
	if (!is_names(test))
		return !value_key(selector, &key) || key_meet(anchors, key);
	/* What covers the set covers its first name; an empty one is covered by each set. */
	const uint8_t *name = name_set_next(test->names, &cursor, &length);
	*all |= name == NULL;
	return name == NULL || name_meet(anchors, name, length, test->kind == RULE_TEST_QNAME_SET);
}

static bool selector_meet(struct policy_anchors *anchors, const struct policy_selector *selector,
			  bool *all)
{
	if (selector->node == NODE_TEST)
		return test_meet(anchors, selector, all);
	for (size_t i = 0; i < selector->count; i++)
		if (!selector_meet(anchors, selector->members[i], all))
			return false;
	return true;
}

/* Those that were met and the others, each once, in their order. */
static bool merge(struct policy_anchors *anchors)
{
	const struct numbers *met = &anchors->met, *others = &anchors->others;
	struct numbers *found = &anchors->found;
	size_t i = 0, j = 0;
	found->count = 0;
	while (i < met->count || j < others->count) {
		bool first =
			j == others->count || (i < met->count && met->list[i] < others->list[j]);
		uint32_t next = first ? met->list[i++] : others->list[j++];
		if (found->count > 0 && found->list[found->count - 1] == next)
			continue;
		if (!number_add(found, next))
			return false;
	}
	return true;
}

size_t policy_anchors_find(struct policy_anchors *anchors, const struct policy_selector *selector,
			   const uint32_t **rules)
{
	bool all = false;
	if (!anchors->sorted && anchors->count > 0)
		qsort(anchors->list, anchors->count, sizeof(*anchors->list), anchor_compare);
	anchors->sorted = true;
	anchors->met.count = 0;
	if (!selector_meet(anchors, selector, &all))
		return SIZE_MAX;
	if (anchors->met.count > 1)
		qsort(anchors->met.list, anchors->met.count, sizeof(uint32_t), number_compare);
	if (!all && !merge(anchors))
		return SIZE_MAX;
	const struct numbers *found = all ? &anchors->rules : &anchors->found;
	*rules = found->list;
	return found->count;
}

/* ---- life ---- */

struct policy_anchors *policy_anchors_new(void)
{
	return calloc(1, sizeof(struct policy_anchors));
}

void policy_anchors_free(struct policy_anchors *anchors)
{
	if (!anchors)
		return;
	free(anchors->list);
	free(anchors->rules.list);
	free(anchors->others.list);
	free(anchors->met.list);
	free(anchors->found.list);
	free(anchors);
}
