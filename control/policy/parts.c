/* SPDX-License-Identifier: BSD-2-Clause */
/* What selectors and actions of a policy model have in common. */
#include <errno.h>
#include <stdlib.h>

#include "control/policy/expressions.h"
#include "control/policy/model.h"
#include "dataplane/rules/key_store.h"
#include "dataplane/rules/tags.h"

void policy_tag_fill(struct rule_tag *tag, const char *key, size_t key_length, const char *value,
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

bool policy_tag_fits(size_t key_length, size_t value_length)
{
	if (key_length <= NOTE_KEY_MAX && value_length <= NOTE_VALUE_MAX)
		return true;
	errno = E2BIG;
	return false;
}

/* A line of its own: all workers write it. */
size_t policy_rate_size(void)
{
	return sizeof(struct rate) + RTE_CACHE_LINE_SIZE;
}

struct rate *policy_rate_init(struct policy_blob *blob, struct rate_limit limit)
{
	struct rate *rate = RTE_PTR_ALIGN((void *)blob->data, RTE_CACHE_LINE_SIZE);
	*rate = (struct rate){.limit = limit};
	return rate;
}

/* ---- rates by client ---- */

struct policy_blob *policy_lookup_blob(struct policy_blob *store, const struct rule_lookup *lookup,
				       const char *text)
{
	size_t length = (size_t)lookup->key_length + lookup->set_length;
	struct policy_blob *blob = policy_blob_new(sizeof(*lookup) + length);
	if (!blob)
		return NULL;
	struct rule_lookup *made = (void *)blob->data;
	*made = *lookup;
	made->store = (const void *)store->data;
	if (length > 0)
		memcpy(made->text, text, length);
	store->users++;
	blob->holds = store;
	return blob;
}

static void bank_close(void *data)
{
	client_bank_close(data);
}

static struct policy_blob *bank_new(const struct policy_model *model, uint8_t v4_prefix,
				    uint8_t v6_prefix, uint32_t clients, uint32_t before)
{
	struct policy_blob *blob = policy_blob_new(sizeof(struct client_bank));
	if (!blob)
		return NULL;
	struct client_bank *bank = (void *)blob->data;
	uint32_t width = before == 0 ? 1 : RTE_MIN(before, CLIENT_BANK_WIDTH_MAX);
	if (!client_bank_open(bank, clients, (uint16_t)width, v4_prefix, v6_prefix,
			      model->registry->rate_seed)) {
		policy_blob_release(blob);
		return NULL;
	}
	bank->before = before;
	blob->close = bank_close;
	return blob;
}

/* Where the last bank of this kind is among those of the model, or one that is given up for it. */
static struct policy_blob **bank_place(struct policy_model *model, uint8_t v4_prefix,
				       uint8_t v6_prefix, uint32_t clients)
{
	for (unsigned i = 0; i < POLICY_BANKS_MAX && model->banks[i] != NULL; i++) {
		const struct client_bank *bank = (const void *)model->banks[i]->data;
		if (bank->v4_prefix == v4_prefix && bank->v6_prefix == v6_prefix &&
		    bank->n_clients == clients)
			return &model->banks[i];
	}
	struct policy_blob **place = &model->banks[model->next_bank++ % POLICY_BANKS_MAX];
	policy_blob_release(*place);
	*place = NULL;
	return place;
}

struct policy_blob *policy_bank_take(struct policy_model *model, uint8_t v4_prefix,
				     uint8_t v6_prefix, uint32_t clients)
{
	struct policy_blob **place = bank_place(model, v4_prefix, v6_prefix, clients);
	const struct client_bank *last = *place != NULL ? (const void *)(*place)->data : NULL;
	if (last == NULL || last->used == last->width) {
		uint32_t before = last != NULL ? last->before + last->width : 0;
		struct policy_blob *blob = bank_new(model, v4_prefix, v6_prefix, clients, before);
		if (!blob)
			return NULL;
		policy_blob_release(*place);
		*place = blob;
	}
	(*place)->users++;
	return *place;
}

void policy_banks_free(struct policy_model *model)
{
	for (unsigned i = 0; i < POLICY_BANKS_MAX; i++)
		policy_blob_release(model->banks[i]);
}

/* ---- the end of selectors and actions ---- */

static void selector_free(struct policy_selector *selector)
{
	*selector->link = selector->next;
	if (selector->next)
		selector->next->link = selector->link;
	policy_blob_release(selector->blob);
	expression_leave(selector->expression);
	free(selector);
}

static void action_free(struct policy_action *action)
{
	*action->link = action->next;
	if (action->next)
		action->next->link = action->link;
	policy_blob_release(action->blob);
	policy_blob_release(action->wrapped);
	free(action);
}

/* As deep as selectors are within selectors, at most. */
void policy_selector_release(struct policy_selector *selector)
{
	if (!selector || --selector->users > 0)
		return;
	for (size_t i = 0; i < selector->count; i++)
		policy_selector_release(selector->members[i]);
	selector_free(selector);
}

void policy_action_release(struct policy_action *action)
{
	if (action && --action->users == 0)
		action_free(action);
}

void policy_parts_free(struct policy_model *model)
{
	while (model->selectors)
		selector_free(model->selectors);
	while (model->actions)
		action_free(model->actions);
}
