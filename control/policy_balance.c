/* SPDX-License-Identifier: BSD-2-Clause */
/* What balancing needs of each pool, prepared when a policy is compiled. */
#include <errno.h>
#include <stdlib.h>

#include "control/policy_model.h"
#include "dataplane/serve/balance.h"

enum balance_method policy_pool_method(const struct policy_model *model, uint32_t pool)
{
	const struct policy_model_pool *from = &model->pools[pool];
	return from->own_method ? from->method : model->settings.method;
}

void policy_pool_method_set(struct policy_model *model, uint32_t pool, enum balance_method method)
{
	model->pools[pool].own_method = true;
	model->pools[pool].method = method;
}

/* What a ring depends on: equal keys are equal rings. */
static uint64_t ring_key(const struct policy_model *model, const struct policy_model_pool *pool)
{
	uint64_t key = 0xcbf29ce484222325 ^ model->settings.perturbation;
	for (size_t i = 0; i < pool->count; i++) {
		const struct backend *backend = pool->servers[i];
		const uint8_t *bytes = (const uint8_t *)backend->id;
		for (size_t k = 0; bytes[k] != 0; k++)
			key = (key ^ bytes[k]) * 0x100000001b3;
		key = (key ^ backend->weight) * 0x100000001b3;
	}
	return key;
}

static struct policy_blob *ring_make(const struct policy_model *model,
				     const struct policy_model_pool *pool, size_t count)
{
	struct policy_blob *blob = policy_blob_new(count * sizeof(struct balance_point));
	if (blob == NULL)
		return NULL;
	void *data = blob->data;
	struct balance_point *points = data;
	size_t at = 0;
	for (size_t place = 0; place < pool->count; place++)
		for (uint32_t i = 0; i < pool->servers[place]->weight; i++)
			points[at++] = (struct balance_point){
				balance_point_hash(pool->servers[place]->id, i,
						   model->settings.perturbation),
				(uint32_t)place};
	balance_points_sort(points, count);
	return blob;
}

int policy_pool_ring(struct policy_model *model, uint32_t number)
{
	struct policy_model_pool *pool = &model->pools[number];
	uint64_t count = 0, key = ring_key(model, pool);
	for (size_t i = 0; i < pool->count; i++)
		count += pool->servers[i]->weight;
	if (pool->ring != NULL && pool->ring_key == key && pool->ring_count == count)
		return 0;
	if (count > BALANCE_POINTS_MAX)
		return -E2BIG;
	struct policy_blob *ring = ring_make(model, pool, count);
	if (ring == NULL)
		return -ENOMEM;
	policy_blob_release(pool->ring);
	pool->ring = ring;
	pool->ring_key = key;
	pool->ring_count = (uint32_t)count;
	return 0;
}
