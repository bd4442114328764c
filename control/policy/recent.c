/* SPDX-License-Identifier: BSD-2-Clause */
/* The lcores' rings of late queries and responses: a policy takes over those of the one before. */
#include <string.h>

#include "control/policy/model.h"
#include "dataplane/recent.h"

/* The registry forgets the rings when no policy has them any more. */
struct recent_holder {
	struct policy_registry *registry; /* NULL: that is gone */
	struct recent *recent;
	uint8_t memory[]; /* and a cache line more than they need */
};

static struct recent_holder *holder_of(struct policy_blob *blob)
{
	return (struct recent_holder *)(void *)blob->data;
}

static void holder_close(void *data)
{
	struct recent_holder *holder = data;
	if (holder->registry != NULL && holder->registry->recent != NULL &&
	    holder_of(holder->registry->recent) == holder)
		holder->registry->recent = NULL;
}

void policy_registry_recent_forget(struct policy_registry *registry)
{
	if (registry->recent != NULL)
		holder_of(registry->recent)->registry = NULL;
}

static uint32_t workers_of(const struct policy_registry *registry)
{
	return registry->n_lcores > 1 ? registry->n_lcores - 1u : 1; /* the last one is control's */
}

static struct recent_options options_of(const struct policy_model *model)
{
	const struct policy_recent *wanted = &model->settings.recent;
	uint32_t workers = workers_of(model->registry);
	/* More than is ever looked at would be memory for nothing. */
	uint32_t size = (RTE_MIN(wanted->size, RECENT_READ_MAX) + workers - 1) / workers;
	uint32_t queries = wanted->queries ? size : 0;
	if (wanted->counted) /* as many as there is time for, until they are read */
		queries = (RECENT_READ_MAX + workers - 1) / workers;
	return (struct recent_options){
		.size = {[RECENT_QUERIES] = queries,
			 [RECENT_RESPONSES] = wanted->responses ? size : 0},
		.rate = wanted->counted ? 1 : wanted->rate,
	};
}

static struct policy_blob *recent_make(struct policy_registry *registry,
				       const struct recent_options *options)
{
	size_t size = recent_memory(options, workers_of(registry));
	struct policy_blob *blob =
		policy_blob_new(sizeof(struct recent_holder) + size + RTE_CACHE_LINE_SIZE);
	if (blob == NULL)
		return NULL;
	struct recent_holder *holder = holder_of(blob);
	void *memory = RTE_PTR_ALIGN((void *)holder->memory, RTE_CACHE_LINE_SIZE);
	memset(memory, 0, size); /* workers must not wait for pages */
	holder->recent = recent_open(memory, options, workers_of(registry));
	holder->registry = registry;
	blob->close = holder_close;
	return blob;
}

bool policy_recent_compile(const struct policy_model *model, struct policy *policy)
{
	struct policy_registry *registry = model->registry;
	struct recent_options options = options_of(model);
	if (options.size[RECENT_QUERIES] == 0 && options.size[RECENT_RESPONSES] == 0)
		return true;
	struct policy_blob *blob = registry->recent;
	if (blob != NULL &&
	    memcmp(&holder_of(blob)->recent->options, &options, sizeof(options)) == 0 &&
	    holder_of(blob)->recent->n_lcores == workers_of(registry))
		blob->users++;
	else
		blob = recent_make(registry, &options);
	if (blob == NULL)
		return false;
	policy_registry_recent_forget(registry);
	registry->recent = blob;
	holder_of(blob)->registry = registry;
	policy->recent_holder = blob;
	policy->recent = holder_of(blob)->recent;
	return true;
}
