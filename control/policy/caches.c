/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet caches of policies: their memory, and which of them a newer policy takes over. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "control/policy/memory.h"
#include "control/policy/model.h"

/* What the blob of a cache holds. The registry forgets it when nobody uses it any more. */
struct cache_holder {
	struct policy_memory memory;
	struct cache *cache;
	struct policy_blob **entry; /* in the registry; NULL: that is gone */
};

static struct cache_holder *holder_of(struct policy_blob *blob)
{
	return (struct cache_holder *)(void *)blob->data;
}

static void holder_close(void *data)
{
	struct cache_holder *holder = data;
	if (holder->entry != NULL)
		*holder->entry = NULL;
	policy_memory_unmap(&holder->memory);
}

void policy_registry_caches_forget(struct policy_registry *registry)
{
	for (unsigned i = 0; i < POLICY_CACHES_MAX; i++)
		if (registry->caches[i] != NULL) {
			holder_of(registry->caches[i])->entry = NULL;
			holder_of(registry->caches[i])->memory.registry = NULL;
		}
}

static uint64_t seed_draw(void)
{
	uint64_t seed = 0;
	while (getrandom(&seed, sizeof(seed), 0) < 0 && errno == EINTR)
		;
	return seed;
}

static struct policy_blob *cache_make(struct policy_registry *registry, unsigned entry,
				      const struct cache_options *options, bool populate)
{
	size_t size = cache_memory(options, registry->n_lcores);
	struct policy_blob *blob = policy_blob_new(sizeof(struct cache_holder));
	struct cache_holder *holder = blob != NULL ? holder_of(blob) : NULL;
	if (blob == NULL || !policy_memory_map(registry, &holder->memory, size, populate)) {
		policy_blob_release(blob);
		errno = ENOMEM;
		return NULL;
	}
	holder->cache = cache_create(holder->memory.bytes, options, registry->n_lcores,
				     ++registry->cache_numbers, seed_draw());
	holder->entry = &registry->caches[entry];
	blob->close = holder_close;
	registry->caches[entry] = blob;
	if (populate) /* workers must not wait for its pages */
		policy_memory_fill(&holder->memory, blob);
	return blob;
}

static bool has_cache(const struct policy_model *model, const struct policy_blob *cache)
{
	for (unsigned i = 0; i < model->n_caches; i++)
		if (model->caches[i] == cache)
			return true;
	return false;
}

/* One of a policy before, with the same options, that this one has not taken over yet. */
static struct policy_blob *cache_known(const struct policy_model *model,
				       const struct cache_options *options)
{
	for (unsigned i = 0; i < POLICY_CACHES_MAX; i++) {
		struct policy_blob *blob = model->registry->caches[i];
		if (blob != NULL && !has_cache(model, blob) &&
		    memcmp(cache_options_of(policy_cache_of(blob)), options, sizeof(*options)) == 0)
			return blob;
	}
	return NULL;
}

struct policy_blob *policy_cache_new(struct policy_model *model,
				     const struct cache_options *options, bool populate,
				     bool *known)
{
	struct policy_registry *registry = model->registry;
	struct policy_blob *blob = cache_known(model, options);
	unsigned entry = 0;
	while (entry < POLICY_CACHES_MAX && registry->caches[entry] != NULL)
		entry++;
	if (model->n_caches == POLICY_CACHES_MAX ||
	    (blob == NULL && entry == POLICY_CACHES_MAX)) {
		errno = ENOSPC;
		return NULL;
	}
	*known = blob != NULL;
	if (*known)
		blob->users++;
	else
		blob = cache_make(registry, entry, options, populate);
	if (blob != NULL)
		model->caches[model->n_caches++] = blob;
	return blob;
}

int policy_caches_prepare(struct policy_model *model)
{
	int waits = 0;
	for (unsigned i = 0; i < model->n_caches; i++)
		/* Without all of its pages it serves as well. */
		if (policy_memory_ready(&holder_of(model->caches[i])->memory) == -EAGAIN)
			waits = -EAGAIN;
	return waits;
}

struct cache *policy_cache_of(struct policy_blob *blob)
{
	return holder_of(blob)->cache;
}

size_t policy_cache_size(struct policy_blob *blob)
{
	return holder_of(blob)->memory.size;
}

unsigned policy_cache_lcore(const struct policy_model *model)
{
	return model->registry->n_lcores - 1u;
}

struct policy_blob *policy_pool_cache(const struct policy_model *model, uint32_t pool)
{
	return model->pools[pool].cache;
}

void policy_pool_cache_set(struct policy_model *model, uint32_t pool, struct policy_blob *cache)
{
	model->pools[pool].cache = cache;
}

void policy_caches_free(struct policy_model *model)
{
	for (unsigned i = 0; i < model->n_caches; i++)
		policy_blob_release(model->caches[i]);
}
