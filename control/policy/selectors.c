/* SPDX-License-Identifier: BSD-2-Clause */
/* Selectors of a policy model. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/policy/expressions.h"
#include "control/policy/model.h"
#include "dataplane/rules/key_store.h"
#include "dataplane/dns/name.h"
#include "dataplane/rules/tags.h"
#include "dataplane/rules/timed_set.h"

#define DEPTH_MAX 200u /* of selectors within selectors */

static struct policy_selector *selector_new(struct policy_model *model,
					    enum policy_selector_node node, size_t count)
{
	struct policy_selector *selector =
		calloc(1, sizeof(*selector) + count * sizeof(selector->members[0]));
	if (!selector)
		return NULL;
	selector->node = node;
	selector->count = count;
	selector->users = 1;
	selector->next = model->selectors;
	selector->link = &model->selectors;
	if (selector->next)
		selector->next->link = &selector->next;
	model->selectors = selector;
	return selector;
}

static struct policy_selector *test_new(struct policy_model *model, struct rule_test test)
{
	struct policy_selector *selector = selector_new(model, NODE_TEST, 0);
	if (!selector)
		return NULL;
	selector->test = test;
	selector->tests = 1;
	selector->lua = test.kind == RULE_TEST_LUA;
	selector->thread = test.kind == RULE_TEST_LUA_THREAD;
	return selector;
}

/* A test with `size` bytes of data of its own, to be filled in and pointed to. */
static struct policy_selector *data_test_new(struct policy_model *model, enum rule_test_kind kind,
					     size_t size)
{
	struct policy_blob *blob = policy_blob_new(size);
	if (!blob)
		return NULL;
	struct policy_selector *selector = test_new(model, (struct rule_test){.kind = kind});
	if (!selector) {
		policy_blob_release(blob);
		return NULL;
	}
	selector->blob = blob;
	return selector;
}

struct policy_selector *policy_selector_all(struct policy_model *model)
{
	return test_new(model, (struct rule_test){.kind = RULE_TEST_ALL});
}

struct policy_selector *policy_selector_qname(struct policy_model *model, const uint8_t *name,
					      size_t length)
{
	if (length == 0 || length > DNS_NAME_MAX) {
		errno = EINVAL;
		return NULL;
	}
	struct policy_selector *selector =
		data_test_new(model, RULE_TEST_QNAME, sizeof(struct rule_name) + length);
	if (!selector)
		return NULL;
	struct rule_name *copy = (void *)selector->blob->data;
	copy->length = (uint8_t)length;
	dns_name_lower(copy->bytes, name, length);
	selector->test.name = copy;
	return selector;
}

static struct policy_selector *names_new(struct policy_model *model, enum rule_test_kind kind,
					 const struct name_set *names)
{
	struct policy_selector *selector =
		data_test_new(model, kind, name_set_frozen_size(names));
	if (selector)
		selector->test.names = name_set_freeze(names, selector->blob->data);
	return selector;
}

struct policy_selector *policy_selector_qname_set(struct policy_model *model,
						  const struct name_set *names)
{
	return names_new(model, RULE_TEST_QNAME_SET, names);
}

struct policy_selector *policy_selector_qname_suffix(struct policy_model *model,
						     const struct name_set *names)
{
	return names_new(model, RULE_TEST_QNAME_SUFFIX, names);
}

struct policy_selector *policy_selector_list(struct policy_model *model, struct policy_blob *list,
					     enum matched_trigger trigger, bool exact)
{
	struct policy_selector *selector = test_new(
		model, (struct rule_test){
			       .kind = RULE_TEST_LIST, .flag = exact, .value = (uint16_t)trigger});
	if (!selector)
		return NULL;
	list->users++;
	selector->blob = list;
	selector->test.list = (const void *)list->data;
	return selector;
}

struct policy_selector *policy_selector_lookup(struct policy_model *model, struct policy_blob *store,
					       const struct rule_lookup *lookup, const char *text)
{
	struct policy_blob *blob = policy_lookup_blob(store, lookup, text);
	if (!blob)
		return NULL;
	struct policy_selector *selector = test_new(
		model, (struct rule_test){.kind = RULE_TEST_LOOKUP, .flag = lookup->range});
	if (!selector) {
		policy_blob_release(blob);
		return NULL;
	}
	selector->blob = blob;
	selector->test.lookup = (const void *)blob->data;
	return selector;
}

struct policy_selector *policy_selector_number(struct policy_model *model, enum rule_test_kind kind,
					       uint16_t value)
{
	return test_new(model, (struct rule_test){.kind = (uint8_t)kind, .value = value});
}

struct policy_selector *policy_selector_window(struct policy_model *model, enum rule_test_kind kind,
					       uint32_t min, uint32_t max)
{
	return test_new(model,
			(struct rule_test){.kind = (uint8_t)kind, .low = min, .high = max});
}

struct policy_selector *policy_selector_records(struct policy_model *model,
						enum dns_section section, uint16_t min,
						uint16_t max)
{
	if (section > DNS_SECTION_ADDITIONAL) {
		errno = EINVAL;
		return NULL;
	}
	return test_new(model, (struct rule_test){
				       .kind = RULE_TEST_RECORDS_COUNT,
				       .flag = (uint8_t)section,
				       .low = min,
				       .high = max,
			       });
}

struct policy_selector *policy_selector_record_types(struct policy_model *model,
						     enum dns_section section, uint16_t type,
						     uint16_t min, uint16_t max)
{
	struct policy_selector *selector = policy_selector_records(model, section, min, max);
	if (selector) {
		selector->test.kind = RULE_TEST_RECORDS_TYPE_COUNT;
		selector->test.value = type;
	}
	return selector;
}

struct policy_selector *policy_selector_size(struct policy_model *model,
					     enum rule_comparison comparison, uint16_t size)
{
	return test_new(model, (struct rule_test){
				       .kind = RULE_TEST_PAYLOAD_SIZE,
				       .flag = (uint8_t)comparison,
				       .value = size,
			       });
}

struct policy_selector *policy_selector_pool(struct policy_model *model, const char *name,
					     size_t length)
{
	int pool = policy_pool_intern(model, name, length);
	if (pool < 0) {
		errno = -pool;
		return NULL;
	}
	return policy_selector_number(model, RULE_TEST_POOL_AVAILABLE, (uint16_t)pool);
}

struct policy_selector *policy_selector_outstanding(struct policy_model *model, const char *name,
						    size_t length, uint32_t limit)
{
	struct policy_selector *selector = policy_selector_pool(model, name, length);
	if (selector) {
		selector->test.kind = RULE_TEST_POOL_OUTSTANDING;
		selector->test.low = limit;
	}
	return selector;
}

struct policy_selector *policy_selector_netmask(struct policy_model *model,
						const struct prefix_list *prefixes,
						bool destination)
{
	struct policy_selector *selector =
		data_test_new(model, RULE_TEST_NETMASK, prefix_set_frozen_size(prefixes));
	if (!selector)
		return NULL;
	selector->test.flag = destination;
	selector->test.prefixes = prefix_set_freeze(prefixes, selector->blob->data);
	return selector;
}

static struct policy_selector *keyed_test_new(struct policy_model *model, enum rule_test_kind kind,
					      const char *key, size_t key_length,
					      const char *value, size_t value_length)
{
	if (!value)
		value_length = 0;
	if (!policy_tag_fits(key_length, value_length))
		return NULL;
	struct policy_selector *selector =
		data_test_new(model, kind, sizeof(struct rule_tag) + key_length + value_length);
	if (!selector)
		return NULL;
	struct rule_tag *tag = (void *)selector->blob->data;
	policy_tag_fill(tag, key, key_length, value, value_length);
	selector->test.tag = tag;
	return selector;
}

struct policy_selector *policy_selector_tag(struct policy_model *model, const char *key,
					    size_t key_length, const char *value,
					    size_t value_length)
{
	return keyed_test_new(model, RULE_TEST_TAG, key, key_length, value, value_length);
}

struct policy_selector *policy_selector_proxy(struct policy_model *model, uint8_t type,
					      const char *value, size_t length)
{
	return keyed_test_new(model, RULE_TEST_PROXY_VALUE, (const char *)&type, 1, value, length);
}

struct policy_selector *policy_selector_probability(struct policy_model *model, double p)
{
	struct rule_test test = {.kind = RULE_TEST_PROBABILITY};
	test.high = p >= 1.0;
	test.low = p > 0.0 && p < 1.0 ? (uint32_t)(p * 4294967296.0) : 0;
	return test_new(model, test);
}

/* The set with room for as many as it has and more, in a blob of its own. */
static struct policy_blob *timed_blob(const struct timed_set *from, uint64_t seed, uint64_t now)
{
	uint32_t count = from ? 2 * timed_set_count(from, now) : 0;
	struct policy_blob *blob = policy_blob_new(timed_set_size(count));
	if (!blob)
		return NULL;
	struct timed_set *set = timed_set_init(blob->data, count, seed);
	if (from)
		timed_set_copy(set, from, now);
	return blob;
}

static struct timed_set *timed_of(const struct policy_selector *selector)
{
	return (void *)selector->blob->data;
}

static void timed_use(struct policy_selector *selector, struct policy_blob *blob)
{
	selector->blob = blob;
	selector->test.timed_set = timed_of(selector);
	selector->test.value = timed_set_bits(timed_of(selector));
}

struct policy_selector *policy_selector_timed(struct policy_model *model)
{
	struct policy_blob *blob = timed_blob(NULL, model->registry->timed_seed, 0);
	if (!blob)
		return NULL;
	struct policy_selector *selector =
		test_new(model, (struct rule_test){.kind = RULE_TEST_TIMED_SET});
	if (!selector) {
		policy_blob_release(blob);
		return NULL;
	}
	timed_use(selector, blob);
	return selector;
}

int policy_timed_clean(struct policy_selector *selector, uint64_t now)
{
	const struct timed_set *set = timed_of(selector);
	struct policy_blob *blob = timed_blob(set, set->seed, now);
	if (!blob)
		return -ENOMEM;
	policy_blob_release(selector->blob);
	timed_use(selector, blob);
	return 0;
}

int policy_timed_add(struct policy_selector *selector, const uint8_t *address, bool ipv6,
		     uint64_t now, uint64_t until)
{
	bool grow = timed_set_is_full(timed_of(selector));
	if (grow && policy_timed_clean(selector, now) < 0)
		return -ENOMEM;
	timed_set_add(timed_of(selector), address, ipv6, until);
	return grow;
}

void policy_timed_clear(struct policy_selector *selector)
{
	timed_set_clear(timed_of(selector));
}

/* While a policy is read who compiles it finds what is wrong; it is told when it is read again. */
static bool regex_fails(const struct policy_model *model, const struct expression *expression,
			char *error, size_t error_size)
{
	const struct regex_source *source = &expression->source;
	if (expression->state == EXPRESSION_BAD) {
		snprintf(error, error_size, "%s", expression->error);
		return true;
	}
	return expression->state == EXPRESSION_NEW &&
	       (model->applied || !expressions_wait(expression->all)) &&
	       regex_check(source->expression, source->kind, error, error_size) != 0;
}

struct policy_selector *policy_selector_regex(struct policy_model *model, const char *text,
					      enum regex_kind kind, char *error, size_t error_size)
{
	struct expression *expression = expression_take(model->registry->expressions, text, kind);
	struct policy_selector *selector = NULL;
	if (expression == NULL || !regex_fails(model, expression, error, error_size)) {
		snprintf(error, error_size, "no memory");
		selector = expression == NULL
				   ? NULL
				   : test_new(model, (struct rule_test){.kind = RULE_TEST_REGEX});
	}
	if (selector == NULL)
		expression_leave(expression);
	else
		selector->expression = expression;
	return selector;
}

struct policy_selector *policy_selector_rate(struct policy_model *model, struct rate_limit limit)
{
	struct policy_selector *selector =
		data_test_new(model, RULE_TEST_MAX_QPS, policy_rate_size());
	if (selector)
		selector->test.rate = policy_rate_init(selector->blob, limit);
	return selector;
}

struct policy_selector *policy_selector_client_rate(struct policy_model *model,
						    struct rate_limit limit, uint8_t v4_prefix,
						    uint8_t v6_prefix, uint32_t clients)
{
	if (v4_prefix > 32 || v6_prefix > 128) {
		errno = EINVAL;
		return NULL;
	}
	struct policy_blob *blob = policy_bank_take(model, v4_prefix, v6_prefix, clients);
	if (!blob)
		return NULL;
	struct policy_selector *selector =
		test_new(model, (struct rule_test){.kind = RULE_TEST_MAX_QPS_IP});
	if (!selector) {
		policy_blob_release(blob);
		return NULL;
	}
	selector->blob = blob;
	selector->client_rate = client_bank_column((void *)blob->data, limit);
	selector->test.client_rate = &selector->client_rate;
	return selector;
}

struct policy_selector *policy_selector_lua(struct policy_model *model, int reference, bool ffi)
{
	return test_new(model,
			(struct rule_test){.kind = RULE_TEST_LUA, .flag = ffi, .lua = reference});
}

struct policy_selector *policy_selector_thread(struct policy_model *model, int reference)
{
	return test_new(model, (struct rule_test){.kind = RULE_TEST_LUA_THREAD, .lua = reference});
}

static struct policy_selector *group_new(struct policy_model *model,
					 enum policy_selector_node node,
					 struct policy_selector *const *members, size_t count)
{
	struct policy_selector *selector = selector_new(model, node, count);
	if (!selector)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct policy_selector *member = members[i];
		selector->members[i] = members[i];
		members[i]->users++;
		selector->tests += member->tests;
		selector->lua |= member->lua;
		selector->thread |= member->thread;
		if (selector->depth <= member->depth)
			selector->depth = member->depth + 1;
		if (selector->tests > RULE_TESTS_MAX || selector->depth > DEPTH_MAX) {
			policy_selector_release(selector);
			errno = E2BIG;
			return NULL;
		}
	}
	if (selector->tests == 0)
		selector->tests = 1; /* so that groups of empty groups have a bound too */
	return selector;
}

struct policy_selector *policy_selector_and(struct policy_model *model,
					    struct policy_selector *const *members, size_t count)
{
	return group_new(model, NODE_AND, members, count);
}

struct policy_selector *policy_selector_or(struct policy_model *model,
					   struct policy_selector *const *members, size_t count)
{
	return group_new(model, NODE_OR, members, count);
}

struct policy_selector *policy_selector_not(struct policy_model *model,
					    struct policy_selector *member)
{
	return group_new(model, NODE_NOT, &member, 1);
}
