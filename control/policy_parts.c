/* SPDX-License-Identifier: BSD-2-Clause */
/* Selectors and actions of a policy model. */
#include <errno.h>
#include <stdlib.h>

#include "control/policy_model.h"
#include "dataplane/dns/name.h"
#include "dataplane/rules/tags.h"

#define DEPTH_MAX 200u /* of selectors within selectors */

static struct policy_blob *blob_new(size_t size)
{
	struct policy_blob *blob = calloc(1, sizeof(*blob) + size);
	if (blob)
		blob->users = 1;
	return blob;
}

void policy_parts_free(struct policy_model *model)
{
	while (model->selectors) {
		struct policy_selector *selector = model->selectors;
		model->selectors = selector->next;
		policy_blob_release(selector->blob);
		free(selector);
	}
	while (model->actions) {
		struct policy_action *action = model->actions;
		model->actions = action->next;
		policy_blob_release(action->blob);
		free(action);
	}
}

static struct policy_selector *selector_new(struct policy_model *model,
					    enum policy_selector_node node, size_t count)
{
	struct policy_selector *selector =
		calloc(1, sizeof(*selector) + count * sizeof(selector->members[0]));
	if (!selector)
		return NULL;
	selector->node = node;
	selector->count = count;
	selector->next = model->selectors;
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
	return selector;
}

/* A test with `size` bytes of data of its own, to be filled in and pointed to. */
static struct policy_selector *data_test_new(struct policy_model *model, enum rule_test_kind kind,
					     size_t size)
{
	struct policy_blob *blob = blob_new(size);
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

static void tag_fill(struct rule_tag *tag, const char *key, size_t key_length, const char *value,
		     size_t value_length)
{
	tag->key_length = (uint32_t)key_length;
	tag->value_length = (uint32_t)value_length;
	tag->any_value = !value;
	if (key_length > 0)
		memcpy(tag->bytes, key, key_length);
	if (value_length > 0)
		memcpy(tag->bytes + key_length, value, value_length);
}

static bool tag_fits(size_t key_length, size_t value_length)
{
	if (key_length <= NOTE_KEY_MAX && value_length <= NOTE_VALUE_MAX)
		return true;
	errno = E2BIG;
	return false;
}

struct policy_selector *policy_selector_tag(struct policy_model *model, const char *key,
					    size_t key_length, const char *value,
					    size_t value_length)
{
	if (!value)
		value_length = 0;
	if (!tag_fits(key_length, value_length))
		return NULL;
	struct policy_selector *selector = data_test_new(
		model, RULE_TEST_TAG, sizeof(struct rule_tag) + key_length + value_length);
	if (!selector)
		return NULL;
	struct rule_tag *tag = (void *)selector->blob->data;
	tag_fill(tag, key, key_length, value, value_length);
	selector->test.tag = tag;
	return selector;
}

struct policy_selector *policy_selector_probability(struct policy_model *model, double p)
{
	struct rule_test test = {.kind = RULE_TEST_PROBABILITY};
	test.high = p >= 1.0;
	test.low = p > 0.0 && p < 1.0 ? (uint32_t)(p * 4294967296.0) : 0;
	return test_new(model, test);
}

struct policy_selector *policy_selector_lua(struct policy_model *model, int reference, bool ffi)
{
	return test_new(model,
			(struct rule_test){.kind = RULE_TEST_LUA, .flag = ffi, .lua = reference});
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
		selector->tests += member->tests;
		selector->lua |= member->lua;
		if (selector->depth <= member->depth)
			selector->depth = member->depth + 1;
		if (selector->tests > RULE_TESTS_MAX || selector->depth > DEPTH_MAX) {
			/* Stays in the model's list, unused. */
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

/* An action with `size` bytes of data, none if 0. */
static struct policy_action *action_new(struct policy_model *model, enum rule_action_kind kind,
					size_t size)
{
	struct policy_action *action = calloc(1, sizeof(*action));
	if (!action)
		return NULL;
	if (size > 0 && !(action->blob = blob_new(size))) {
		free(action);
		return NULL;
	}
	action->action.kind = (uint8_t)kind;
	action->next = model->actions;
	model->actions = action;
	return action;
}

struct policy_action *policy_action_plain(struct policy_model *model, enum rule_action_kind kind)
{
	return action_new(model, kind, 0);
}

struct policy_action *policy_action_rcode(struct policy_model *model, uint16_t rcode,
					  const struct dns_reply_options *options)
{
	struct policy_action *action =
		action_new(model, RULE_ACTION_RCODE, options ? sizeof(*options) : 0);
	if (!action)
		return NULL;
	action->action.value = rcode;
	if (options) {
		memcpy(action->blob->data, options, sizeof(*options));
		action->action.options = (const void *)action->blob->data;
	}
	return action;
}

struct policy_action *policy_action_spoof(struct policy_model *model,
					  const struct dns_reply_address *addresses, size_t count,
					  const struct dns_reply_options *options)
{
	if (count > UINT16_MAX) {
		errno = E2BIG;
		return NULL;
	}
	size_t bytes = count * sizeof(*addresses);
	struct policy_action *action =
		action_new(model, RULE_ACTION_SPOOF, sizeof(struct rule_spoof) + bytes);
	if (!action)
		return NULL;
	struct rule_spoof *spoof = (void *)action->blob->data;
	spoof->options = options ? *options : (struct dns_reply_options)DNS_REPLY_OPTIONS_DEFAULT;
	spoof->count = (uint32_t)count;
	if (bytes > 0)
		memcpy(spoof->addresses, addresses, bytes);
	action->action.spoof = spoof;
	return action;
}

struct policy_action *policy_action_pool(struct policy_model *model, const char *name,
					 size_t length, bool stop)
{
	int pool = policy_pool_intern(model, name, length);
	if (pool < 0) {
		errno = -pool;
		return NULL;
	}
	struct policy_action *action = action_new(model, RULE_ACTION_POOL, 0);
	if (!action)
		return NULL;
	action->action.value = (uint16_t)pool;
	action->action.stop = stop;
	return action;
}

struct policy_action *policy_action_ttl(struct policy_model *model, enum rule_action_kind kind,
					uint32_t ttl)
{
	struct policy_action *action = action_new(model, kind, 0);
	if (action)
		action->action.ttl = ttl;
	return action;
}

struct policy_action *policy_action_tag(struct policy_model *model, const char *key,
					size_t key_length, const char *value, size_t value_length)
{
	if (!tag_fits(key_length, value_length))
		return NULL;
	struct policy_action *action =
		action_new(model, RULE_ACTION_SET_TAG,
			   sizeof(struct rule_tag) + key_length + value_length);
	if (!action)
		return NULL;
	tag_fill((void *)action->blob->data, key, key_length, value, value_length);
	action->action.tag = (const void *)action->blob->data;
	return action;
}

struct policy_action *policy_action_untag(struct policy_model *model, const char *key,
					  size_t key_length)
{
	struct policy_action *action = policy_action_tag(model, key, key_length, NULL, 0);
	if (action)
		action->action.kind = RULE_ACTION_UNSET_TAG;
	return action;
}

struct policy_action *policy_action_extended_error(struct policy_model *model, uint16_t info_code,
						   const char *text, size_t length, bool clear)
{
	if (!tag_fits(0, length))
		return NULL;
	struct policy_action *action = action_new(
		model, RULE_ACTION_EXTENDED_ERROR, sizeof(struct rule_extended_error) + length);
	if (!action)
		return NULL;
	struct rule_extended_error *error = (void *)action->blob->data;
	error->info_code = info_code;
	error->clear = clear;
	error->text_length = (uint32_t)length;
	if (length > 0)
		memcpy(error->text, text, length);
	action->action.error = error;
	return action;
}

struct policy_action *policy_action_lua(struct policy_model *model, int reference, bool ffi)
{
	struct policy_action *action =
		action_new(model, ffi ? RULE_ACTION_LUA_FFI : RULE_ACTION_LUA, 0);
	if (action)
		action->action.lua = reference;
	return action;
}
