/* SPDX-License-Identifier: BSD-2-Clause */
/* What balancing needs of each pool, prepared when a policy is compiled. */
#include <errno.h>
#include <stdlib.h>

#include "control/policy/model.h"
#include "dataplane/serve/balance.h"

struct policy_balance policy_pool_balance(const struct policy_model *model, uint32_t pool)
{
	const struct policy_model_pool *from = &model->pools[pool];
	return from->own_balance ? from->balance : model->settings.balance;
}

void policy_pool_balance_set(struct policy_model *model, uint32_t pool,
			     struct policy_balance balance)
{
	model->pools[pool].own_balance = true;
	model->pools[pool].balance = balance;
}

uint64_t policy_ring_key(const struct backend_options *const *servers, size_t n_servers, uint32_t perturbation)
{
	uint64_t key = 0xcbf29ce484222325 ^ perturbation;
	for (size_t i = 0; i < n_servers; i++) {
		const uint8_t *bytes = (const uint8_t *)servers[i]->id;
		for (size_t k = 0; bytes[k] != 0; k++)
			key = (key ^ bytes[k]) * 0x100000001b3;
		key = (key ^ servers[i]->weight) * 0x100000001b3;
	}
	return key;
}

static uint64_t weights_sum(const struct backend_options *const *servers, size_t n_servers)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n_servers; i++)
		sum += servers[i]->weight;
	return sum;
}

struct policy_blob *policy_ring_make(const struct backend_options *const *servers, size_t n_servers,
				     uint32_t perturbation, uint32_t *count)
{
	uint64_t sum = weights_sum(servers, n_servers);
	errno = E2BIG;
	if (sum > BALANCE_POINTS_MAX)
		return NULL;
	errno = ENOMEM;
	struct policy_blob *blob = policy_blob_new(sum * sizeof(struct balance_point));
	if (blob == NULL)
		return NULL;
	void *data = blob->data;
	struct balance_point *points = data;
	for (size_t place = 0, at = 0; place < n_servers; place++)
		for (uint32_t i = 0; i < servers[place]->weight; i++)
			points[at++] = (struct balance_point){
				balance_point_hash(servers[place]->id, i, perturbation),
				(uint32_t)place};
	balance_points_sort(points, sum);
	*count = (uint32_t)sum;
	return blob;
}

int policy_pool_ring(struct policy_model *model, uint32_t number)
{
	struct policy_model_pool *pool = &model->pools[number];
	const struct backend_options *servers[POLICY_SERVERS_MAX];
	uint32_t perturbation = model->settings.perturbation;
	for (size_t i = 0; i < pool->count; i++)
		servers[i] = policy_options(model, pool->servers[i]);
	uint64_t key = policy_ring_key(servers, pool->count, perturbation);
	if (pool->ring != NULL && pool->ring_key == key &&
	    pool->ring_count == weights_sum(servers, pool->count))
		return 0;
	policy_blob_release(pool->ring);
	pool->ring = policy_ring_make(servers, pool->count, perturbation, &pool->ring_count);
	pool->ring_key = key;
	return pool->ring != NULL ? 0 : -errno;
}
