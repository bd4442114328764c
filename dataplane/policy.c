/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/policy.h"

#include <stdlib.h>

#include "dataplane/rules/chain_index.h"
#include "dataplane/rules/regex.h"
#include "dataplane/rules/threads.h"

static int pool_name_compare(const struct policy_pool_name *pool, const char *name, size_t length)
{
	if (pool->length != length)
		return pool->length < length ? -1 : 1;
	return length ? memcmp(pool->name, name, length) : 0;
}

int policy_pool_find(const struct policy *policy, const char *name, size_t length)
{
	unsigned at = 0, end = policy->n_pool_names;
	while (at < end) {
		unsigned middle = at + (end - at) / 2;
		int order = pool_name_compare(&policy->pool_names[middle], name, length);
		if (order == 0)
			return policy->pool_names[middle].pool;
		if (order < 0)
			at = middle + 1;
		else
			end = middle;
	}
	return -1;
}

struct policy_blob *policy_blob_new(size_t size)
{
	struct policy_blob *blob = calloc(1, sizeof(*blob) + size);
	if (blob)
		blob->users = 1;
	return blob;
}

void policy_blob_release(struct policy_blob *blob)
{
	while (blob && --blob->users == 0) {
		struct policy_blob *held = blob->holds;
		if (blob->close)
			blob->close(blob->data);
		free(blob);
		blob = held;
	}
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (unsigned i = 0; i < CHAIN_COUNT; i++) {
		chain_index_free(policy->chains[i].index);
		chain_regexes_free(policy->chains[i].regexes);
	}
	for (size_t i = 0; i < policy->n_blobs; i++)
		policy_blob_release(policy->blobs[i]);
	policy_blob_release(policy->recent_holder);
	for (unsigned i = 0; i < policy->n_scratch; i++)
		regex_scratch_free(policy->scratch[i]);
	free(policy->scratch);
	rule_threads_release(policy->threads);
	free(policy);
}
