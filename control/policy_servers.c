/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools and servers of a policy model. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/policy_model.h"

static int registry_pool_intern(struct policy_registry *registry, const char *name, size_t length)
{
	for (uint32_t i = 0; i < registry->n_pools; i++)
		if (registry->pools[i].length == length &&
		    (length == 0 || memcmp(registry->pools[i].name, name, length) == 0))
			return (int)i;
	if (registry->n_pools == POLICY_POOLS_MAX)
		return -ENOSPC;
	char *copy = malloc(length + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, length);
	copy[length] = '\0';
	registry->pools[registry->n_pools].name = copy;
	registry->pools[registry->n_pools].length = length;
	return (int)registry->n_pools++;
}

int policy_pool_intern(struct policy_model *model, const char *name, size_t length)
{
	int number = registry_pool_intern(model->registry, name, length);
	if (number >= 0)
		model->pools[number].known = true;
	return number;
}

size_t policy_pools_count(const struct policy_model *model)
{
	return model->registry->n_pools;
}

const char *policy_pool_name_at(const struct policy_model *model, size_t number, size_t *length)
{
	if (number >= model->registry->n_pools || !model->pools[number].known)
		return NULL;
	*length = model->registry->pools[number].length;
	return model->registry->pools[number].name;
}

static void title_make(struct backend *backend)
{
	char where[64];
	backend_address_print(&backend->address, backend->port, where, sizeof(where));
	snprintf(backend->title, sizeof(backend->title), backend->name[0] ? "%s (%s)" : "%s%s",
		 backend->name, where);
}

static bool source_same(const struct net_source *a, const struct net_source *b)
{
	return a->port == b->port && a->addressed == b->addressed &&
	       net_address_equal(&a->address, &b->address);
}

static bool has_server(const struct policy_model *model, const struct backend *backend)
{
	for (size_t i = 0; i < model->n_servers; i++)
		if (model->servers[i] == backend)
			return true;
	return false;
}

/*
 * A backend of that address, name and source that the model has not got yet: what it adds twice are
 * two, and so they are in the next model. The one with this UUID, if there is one.
 */
static struct backend *registry_backend_find(const struct policy_model *model,
					     const struct net_address *address, uint16_t port,
					     const char *name, const char *id,
					     const struct net_source *source)
{
	struct backend *found = NULL;
	for (uint32_t i = 0; i < model->registry->n_backends; i++) {
		struct backend *known = model->registry->backends[i];
		if (known->port != port || !net_address_equal(&known->address, address) ||
		    strcmp(known->name, name) != 0 || !source_same(&known->source, source) ||
		    has_server(model, known))
			continue;
		if (id != NULL && strcmp(known->id, id) == 0)
			return known;
		if (found == NULL)
			found = known;
	}
	return found;
}

/* As before, made if there is none: then 1. */
static int registry_backend_intern(struct policy_model *model, const struct net_address *address,
				   uint16_t port, const char *name, const char *id,
				   const struct net_source *source, struct backend **backend)
{
	struct policy_registry *registry = model->registry;
	*backend = registry_backend_find(model, address, port, name, id, source);
	if (*backend != NULL)
		return 0;
	if (registry->n_backends == POLICY_BACKENDS_MAX)
		return -ENOSPC;
	struct backend *made = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*made));
	if (!made)
		return -ENOMEM;
	*made = (struct backend){
		.address = *address, .source = *source, .port = port, .number = (uint16_t)registry->n_backends};
	snprintf(made->name, sizeof(made->name), "%s", name);
	title_make(made);
	registry->backends[registry->n_backends++] = made;
	*backend = made;
	return 1;
}

static int server_add(struct policy_model *model, const struct policy_server_options *options,
		      struct backend **backend)
{
	struct net_address address;
	uint16_t port;
	const char *name = options->name ? options->name : "";
	if (strlen(name) >= BACKEND_NAME_SIZE || (options->id && !policy_uuid_is(options->id)) ||
	    backend_address_parse(options->address, POLICY_PORT, &address, &port) != 0)
		return -EINVAL;
	int made = registry_backend_intern(model, &address, port, name, options->id,
					   &options->source, backend);
	if (made < 0)
		return made;
	if (made)
		backend_up_set(*backend, !options->down);
	if (options->id)
		snprintf((*backend)->id, sizeof((*backend)->id), "%s", options->id);
	else if (made)
		policy_uuid_make((*backend)->id);
	(*backend)->weight = options->weight ? options->weight : 1;
	(*backend)->order = options->order;
	(*backend)->udp_timeout = options->udp_timeout;
	(*backend)->dscp = options->dscp;
	(*backend)->max_outstanding = options->max_outstanding;
	(*backend)->qps.limit = options->qps;
	(*backend)->ecs = options->ecs;
	(*backend)->ecs_no_share = options->ecs_no_share;
	(*backend)->proxy = options->proxy;
	if (made) /* else it is being asked as it is set */
		(*backend)->tcp = (struct backend_tcp)BACKEND_TCP_DEFAULT;
	model->servers[model->n_servers++] = *backend;
	return 0;
}

struct backend *policy_server_add(struct policy_model *model,
				  const struct policy_server_options *options)
{
	struct backend *backend;
	int error = server_add(model, options, &backend);
	if (error == 0)
		return backend;
	errno = -error;
	return NULL;
}

void policy_pool_sort(struct policy_model_pool *pool)
{
	for (size_t i = 1; i < pool->count; i++) {
		struct backend *backend = pool->servers[i];
		size_t at = i;
		for (; at > 0 && pool->servers[at - 1]->order > backend->order; at--)
			pool->servers[at] = pool->servers[at - 1];
		pool->servers[at] = backend;
	}
}

/* Its place in the pool, or the pool's count. */
static size_t pool_place(const struct policy_model_pool *pool, const struct backend *backend)
{
	size_t at = 0;
	while (at < pool->count && pool->servers[at] != backend)
		at++;
	return at;
}

static int pool_remove(struct policy_model_pool *pool, const struct backend *backend)
{
	size_t at = pool_place(pool, backend);
	if (at == pool->count)
		return -ENOENT;
	pool->count--;
	memmove(pool->servers + at, pool->servers + at + 1,
		(pool->count - at) * sizeof(pool->servers[0]));
	return 0;
}

int policy_server_remove(struct policy_model *model, const struct backend *backend)
{
	size_t at = 0;
	while (at < model->n_servers && model->servers[at] != backend)
		at++;
	if (at == model->n_servers)
		return -ENOENT;
	model->n_servers--;
	memmove(model->servers + at, model->servers + at + 1,
		(model->n_servers - at) * sizeof(model->servers[0]));
	for (uint32_t i = 0; i < model->registry->n_pools; i++)
		pool_remove(&model->pools[i], backend);
	return 0;
}

size_t policy_servers_count(const struct policy_model *model)
{
	return model->n_servers;
}

struct backend *policy_server_at(const struct policy_model *model, size_t index)
{
	return index < model->n_servers ? model->servers[index] : NULL;
}

struct backend *policy_pool_server_at(struct policy_model *model, uint32_t number, size_t index)
{
	struct policy_model_pool *pool = &model->pools[number];
	policy_pool_sort(pool);
	return index < pool->count ? pool->servers[index] : NULL;
}

int policy_server_pool_add(struct policy_model *model, const struct backend *backend,
			   const char *name, size_t length)
{
	if (!has_server(model, backend))
		return -ENOENT;
	int number = policy_pool_intern(model, name, length);
	if (number < 0)
		return number;
	struct policy_model_pool *pool = &model->pools[number];
	if (pool_place(pool, backend) < pool->count)
		return -EEXIST;
	struct backend **grown = realloc(pool->servers, (pool->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	pool->servers = grown;
	pool->servers[pool->count++] = model->registry->backends[backend->number];
	return 0;
}

int policy_server_pool_remove(struct policy_model *model, const struct backend *backend,
			      const char *name, size_t length)
{
	for (uint32_t i = 0; i < model->registry->n_pools; i++)
		if (model->registry->pools[i].length == length &&
		    (length == 0 || memcmp(model->registry->pools[i].name, name, length) == 0))
			return pool_remove(&model->pools[i], backend);
	return -ENOENT;
}

int policy_server_health_set(struct policy_model *model, const struct backend *backend,
			     const struct health_options *options)
{
	struct health_options **kept = &model->health[backend->number];
	if (*kept == NULL)
		*kept = malloc(sizeof(**kept));
	if (*kept == NULL)
		return -ENOMEM;
	**kept = *options;
	return 0;
}

const struct health_options *policy_server_health(const struct policy_model *model,
						  const struct backend *backend)
{
	return model->health[backend->number];
}

/* ---- the client's subnet ---- */

struct policy_pool_ecs *policy_pool_ecs(struct policy_model *model, uint32_t pool)
{
	return &model->pools[pool].ecs;
}

bool policy_pool_ecs_used(const struct policy_model *model, uint32_t number)
{
	const struct policy_model_pool *pool = &model->pools[number];
	bool used = pool->ecs.use > 0;
	for (size_t i = 0; i < pool->count; i++)
		used |= pool->servers[i]->ecs; /* or their answers would be for anybody */
	return used;
}

bool policy_pool_ecs_shared(const struct policy_model *model, uint32_t number)
{
	const struct policy_model_pool *pool = &model->pools[number];
	bool shared = pool->ecs.share != 0;
	for (size_t i = 0; i < pool->count; i++)
		shared &= !pool->servers[i]->ecs_no_share;
	return shared;
}

struct policy_ecs policy_registry_ecs(const struct policy_registry *registry)
{
	return (struct policy_ecs){
		.v4_prefix = __atomic_load_n(&registry->ecs.v4_prefix, __ATOMIC_RELAXED),
		.v6_prefix = __atomic_load_n(&registry->ecs.v6_prefix, __ATOMIC_RELAXED),
		.override = __atomic_load_n(&registry->ecs.override, __ATOMIC_RELAXED),
	};
}

void policy_servers_free(struct policy_model *model)
{
	for (size_t i = 0; i < POLICY_POOLS_MAX; i++) {
		free(model->pools[i].servers);
		policy_blob_release(model->pools[i].ring);
	}
	for (size_t i = 0; i < POLICY_BACKENDS_MAX; i++)
		free(model->health[i]);
}
