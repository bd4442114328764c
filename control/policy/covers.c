/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/policy/covers.h"

#include <string.h>

#include "control/policy/model.h"
#include "dataplane/rules/matched.h"

enum truth { FALSE, UNKNOWN, TRUE };

static bool step(struct policy_view *view, uint64_t count)
{
	bool enough = view->patience >= count;
	view->patience -= enough ? count : view->patience;
	return enough;
}

/* ---- of one selector ---- */

static enum truth truth_of(const struct policy_selector *selector, struct policy_view *view);

/* And is true unless a member says otherwise, or false the other way round. */
static enum truth members_truth(const struct policy_selector *selector, struct policy_view *view,
				enum truth all, enum truth one)
{
	enum truth result = all;
	for (size_t i = 0; i < selector->count; i++) {
		enum truth member = truth_of(selector->members[i], view);
		if (member == one)
			return one;
		if (member == UNKNOWN)
			result = UNKNOWN;
	}
	return result;
}

static enum truth truth_of(const struct policy_selector *selector, struct policy_view *view)
{
	if (!step(view, 1))
		return UNKNOWN;
	switch (selector->node) {
	case NODE_AND:
		return members_truth(selector, view, TRUE, FALSE);
	case NODE_OR:
		return members_truth(selector, view, FALSE, TRUE);
	case NODE_NOT:
		return TRUE - truth_of(selector->members[0], view);
	case NODE_TEST:
		break;
	}
	if (selector->test.kind == RULE_TEST_ALL)
		return TRUE;
	if (selector->test.kind == RULE_TEST_QTYPE && view->qtype != 0)
		return selector->test.value == view->qtype ? TRUE : FALSE;
	return UNKNOWN;
}

bool policy_may_match(const struct policy_selector *selector, struct policy_view *view)
{
	return truth_of(selector, view) != FALSE;
}

/* ---- of two tests ---- */

/* Whether each name of the test is, or is below, one of the set; `below` counts for the set. */
static bool names_cover(const struct name_set *set, bool below, const struct rule_test *test,
			struct policy_view *view)
{
	const uint8_t *name;
	size_t length;
	uint32_t cursor = 0;
	if (test->kind == RULE_TEST_QNAME)
		return below ? name_set_covers(set, test->name->bytes, test->name->length, NULL)
			     : name_set_has(set, test->name->bytes, test->name->length);
	if (test->kind != RULE_TEST_QNAME_SET && (test->kind != RULE_TEST_QNAME_SUFFIX || !below))
		return false;
	while ((name = name_set_next(test->names, &cursor, &length)) != NULL)
		if (!step(view, 1) || !(below ? name_set_covers(set, name, length, NULL)
					      : name_set_has(set, name, length)))
			return false;
	return true;
}

static bool names_same(const struct rule_test *a, const struct rule_test *b)
{
	return b->kind == RULE_TEST_QNAME &&
	       dns_name_equal(a->name->bytes, a->name->length, b->name->bytes, b->name->length);
}

static bool prefixes_same(const struct rule_test *a, const struct rule_test *b)
{
	const struct prefix_set *left = a->prefixes, *right = b->prefixes;
	return a->flag == b->flag && left->v4_count == right->v4_count &&
	       left->v6_count == right->v6_count &&
	       memcmp(left->v4, right->v4, left->v4_count * sizeof(left->v4[0])) == 0 &&
	       memcmp(left->v6, right->v6, left->v6_count * sizeof(left->v6[0])) == 0;
}

static bool tags_cover(const struct rule_tag *a, const struct rule_tag *b)
{
	return a->key_length == b->key_length && memcmp(a->bytes, b->bytes, a->key_length) == 0 &&
	       (a->any_value ||
		(!b->any_value && a->value_length == b->value_length &&
		 memcmp(a->bytes + a->key_length, b->bytes + b->key_length, a->value_length) == 0));
}

/* Tests of the same kind that look at nothing but what a value or two say. */
static bool values_same(const struct rule_test *a, const struct rule_test *b)
{
	return a->flag == b->flag && a->value == b->value && a->low == b->low && a->high == b->high;
}

static bool same_kind_covers(const struct rule_test *a, const struct rule_test *b, bool unedited)
{
	switch ((enum rule_test_kind)a->kind) {
	case RULE_TEST_QTYPE:
	case RULE_TEST_QCLASS:
	case RULE_TEST_OPCODE:
	case RULE_TEST_TCP:
	case RULE_TEST_DST_PORT:
		return a->value == b->value;
	case RULE_TEST_QNAME_LABELS:
	case RULE_TEST_QNAME_LENGTH:
		return values_same(a, b);
	case RULE_TEST_NETMASK:
		return prefixes_same(a, b);
	case RULE_TEST_LIST:
		return a->list == b->list && a->value == b->value && a->flag <= b->flag;
	case RULE_TEST_TIMED_SET:
		return a->timed_set == b->timed_set;
	case RULE_TEST_TAG:
	case RULE_TEST_PROXY_VALUE:
		return unedited && tags_cover(a->tag, b->tag);
	case RULE_TEST_RCODE:
	case RULE_TEST_EXTENDED_RCODE:
	case RULE_TEST_RD:
	case RULE_TEST_DNSSEC:
	case RULE_TEST_EDNS_OPTION:
	case RULE_TEST_EDNS_VERSION:
	case RULE_TEST_TRAILING_DATA:
		return unedited && a->value == b->value;
	case RULE_TEST_RECORDS_COUNT:
	case RULE_TEST_RECORDS_TYPE_COUNT:
		return unedited && values_same(a, b);
	case RULE_TEST_PAYLOAD_SIZE:
		return unedited && a->flag == b->flag && a->value == b->value;
	default: /* what chance, the time or Lua decides */
		return false;
	}
}

bool policy_test_compares(const struct rule_test *test)
{
	return same_kind_covers(test, test, true);
}

/* Whether what the test says of a packet ends with the name that it has. */
static bool asks_name(const struct rule_test *test)
{
	switch ((enum rule_test_kind)test->kind) {
	case RULE_TEST_QNAME:
	case RULE_TEST_QNAME_SET:
	case RULE_TEST_QNAME_SUFFIX:
	case RULE_TEST_QNAME_LABELS:
	case RULE_TEST_QNAME_LENGTH:
	case RULE_TEST_REGEX:
		return true;
	case RULE_TEST_LIST:
		return test->value == MATCHED_NAME;
	default:
		return false;
	}
}

static bool test_covers(const struct policy_selector *selector, const struct policy_selector *other,
			struct policy_view *view)
{
	const struct rule_test *a = &selector->test, *b = &other->test;
	if (view->renamed && asks_name(a))
		return false;
	switch ((enum rule_test_kind)a->kind) {
	case RULE_TEST_QNAME:
		return names_same(a, b);
	case RULE_TEST_QNAME_SET:
		return names_cover(a->names, false, b, view);
	case RULE_TEST_QNAME_SUFFIX:
		return names_cover(a->names, true, b, view);
	case RULE_TEST_REGEX:
		return selector->expression == other->expression;
	default:
		return a->kind == b->kind && same_kind_covers(a, b, view->unedited);
	}
}

/* ---- of two selectors ---- */

static bool covers_each(const struct policy_selector *selector, const struct policy_selector *other,
			struct policy_view *view)
{
	for (size_t i = 0; i < other->count; i++)
		if (!policy_covers(selector, other->members[i], view))
			return false;
	return true;
}

static bool covers_some(const struct policy_selector *selector, const struct policy_selector *other,
			struct policy_view *view)
{
	for (size_t i = 0; i < other->count; i++)
		if (policy_covers(selector, other->members[i], view))
			return true;
	return false;
}

static bool each_covers(const struct policy_selector *selector, const struct policy_selector *other,
			struct policy_view *view)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!policy_covers(selector->members[i], other, view))
			return false;
	return true;
}

static bool some_covers(const struct policy_selector *selector, const struct policy_selector *other,
			struct policy_view *view)
{
	for (size_t i = 0; i < selector->count; i++)
		if (policy_covers(selector->members[i], other, view))
			return true;
	return false;
}

bool policy_covers(const struct policy_selector *selector, const struct policy_selector *other,
		   struct policy_view *view)
{
	if (!step(view, 1))
		return false;
	/* What long chains mostly have, first. */
	if (view->qtype == 0 && selector->node == NODE_TEST && other->node == NODE_TEST)
		return selector->test.kind == RULE_TEST_ALL ||
		       test_covers(selector, other, view);
	if (truth_of(selector, view) == TRUE || truth_of(other, view) == FALSE)
		return true;
	if (other->node == NODE_OR)
		return covers_each(selector, other, view);
	if (selector->node == NODE_AND)
		return each_covers(selector, other, view);
	if (other->node == NODE_AND && covers_some(selector, other, view))
		return true;
	if (selector->node == NODE_OR)
		return some_covers(selector, other, view);
	if (selector->node == NODE_NOT && other->node == NODE_NOT)
		return policy_covers(other->members[0], selector->members[0], view);
	return selector->node == NODE_TEST && other->node == NODE_TEST &&
	       test_covers(selector, other, view);
}
