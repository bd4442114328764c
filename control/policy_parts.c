/* SPDX-License-Identifier: BSD-2-Clause */
/* What selectors and actions of a policy model have in common. */
#include <errno.h>
#include <stdlib.h>

#include "control/policy_model.h"
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
