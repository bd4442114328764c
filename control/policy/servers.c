/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools and servers of a policy model. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/policy/model.h"

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

static uint32_t who_hash(const struct net_address *address, uint16_t port, const char *name)
{
	uint32_t hash = 0x811c9dc5u ^ port;
	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = (hash ^ address->bytes[i]) * 0x01000193u;
	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 0x01000193u;
	return hash;
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
	uint32_t who = who_hash(address, port, name);
	for (uint32_t i = 0; i < model->registry->n_backends; i++) {
		struct backend *known = model->registry->backends[i];
		if (model->registry->numbers[i].who != who ||
		    !model->registry->numbers[i].given || known->port != port ||
		    !net_address_equal(&known->address, address) ||
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

/* ---- numbers ---- */

/* A packet may be on its way for so long with the number of a server that its policy has left. */
#define REST_MS 1000u

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Gives back the numbers of backends that nobody has any more. */
static void registry_sweep(struct policy_registry *registry)
{
	bool candidates[POLICY_BACKENDS_MAX] = {false};
	for (uint32_t i = 0; i < registry->n_backends; i++)
		candidates[i] = registry->numbers[i].given && registry->numbers[i].models == 0 &&
				(!registry->numbers[i].in_force ||
				 now_ms() - registry->numbers[i].left >= REST_MS);
	if (registry->sweep != NULL)
		registry->sweep(registry->sweep_context, candidates);
	for (uint32_t i = 0; i < registry->n_backends; i++)
		registry->numbers[i].given &= !candidates[i];
}

static long free_number(const struct policy_registry *registry)
{
	for (uint32_t i = 0; i < registry->n_backends; i++)
		if (!registry->numbers[i].given)
			return i;
	return registry->n_backends < POLICY_BACKENDS_MAX ? (long)registry->n_backends : -ENOSPC;
}

/* Memory for one, with a number of its own. 0 or -errno. */
static int registry_backend_take(struct policy_registry *registry, struct backend **backend)
{
	long number = free_number(registry);
	if (number < 0) {
		registry_sweep(registry);
		number = free_number(registry);
	}
	registry->short_of_numbers |= number < 0;
	if (number < 0)
		return (int)number;
	if (registry->backends[number] == NULL)
		registry->backends[number] =
			aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(struct backend));
	if (registry->backends[number] == NULL)
		return -ENOMEM;
	registry->n_backends = RTE_MAX(registry->n_backends, (uint32_t)number + 1);
	registry->numbers[number].given = true;
	registry->numbers[number].in_force = false;
	*backend = registry->backends[number];
	**backend = (struct backend){.number = (uint16_t)number, .serial = ++registry->serial};
	return 0;
}

void policy_registry_sweep_set(struct policy_registry *registry, policy_sweep_fn *sweep,
			       void *context)
{
	registry->sweep = sweep;
	registry->sweep_context = context;
}

bool policy_registry_was_short(struct policy_registry *registry)
{
	bool was = registry->short_of_numbers;
	registry->short_of_numbers = false;
	return was;
}

unsigned policy_registry_numbers(struct policy_registry *registry)
{
	unsigned spare = POLICY_BACKENDS_MAX - registry->n_backends;
	registry_sweep(registry);
	for (uint32_t i = 0; i < registry->n_backends; i++)
		spare += !registry->numbers[i].given;
	return spare;
}

/* ---- servers ---- */

/* As registry_backend_find(), made if there is none: then 1. */
static int registry_backend_intern(struct policy_model *model, const struct net_address *address,
				   uint16_t port, const char *name, const char *id,
				   const struct net_source *source, struct backend **backend)
{
	*backend = registry_backend_find(model, address, port, name, id, source);
	if (*backend != NULL)
		return 0;
	int error = registry_backend_take(model->registry, backend);
	if (error != 0)
		return error;
	struct backend *made = *backend;
	made->address = *address;
	made->source = *source;
	made->port = port;
	made->tcp = (struct backend_tcp)BACKEND_TCP_DEFAULT;
	policy_uuid_make(made->id);
	snprintf(made->name, sizeof(made->name), "%s", name);
	title_make(made);
	model->registry->numbers[made->number].who = who_hash(address, port, name);
	return 1;
}

/* The model has nothing to say of the backend but this. */
static int model_backend_set(struct policy_model *model, const struct backend *backend,
			     const struct policy_server_options *options)
{
	struct policy_backend **at = &model->backends[backend->number];
	if (*at == NULL && (*at = malloc(sizeof(**at))) == NULL)
		return -ENOMEM;
	**at = (struct policy_backend){.state = -1};
	(*at)->options = (struct backend_options){
		.weight = options->weight ? options->weight : 1,
		.order = options->order,
		.udp_timeout = options->udp_timeout,
		.max_outstanding = options->max_outstanding,
		.dscp = options->dscp,
		.ecs = options->ecs,
		.ecs_no_share = options->ecs_no_share,
		.proxy = options->proxy,
		.tcp = BACKEND_TCP_DEFAULT,
		.qps_limit = options->qps,
	};
	if (options->tcp != NULL)
		(*at)->options.tcp = *options->tcp;
	snprintf((*at)->options.id, sizeof((*at)->options.id), "%s",
		 options->id ? options->id : backend->id);
	return 0;
}

static int32_t order_of(const struct policy_model *model, const struct backend *backend)
{
	return policy_options(model, backend)->order;
}

/* As in dnsdist, numbers of servers go by the order that each is added with. */
static void server_place(struct policy_model *model, struct backend *backend)
{
	size_t at = model->n_servers++;
	for (; at > 0 && order_of(model, model->servers[at - 1]) > order_of(model, backend); at--)
		model->servers[at] = model->servers[at - 1];
	model->servers[at] = backend;
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
	if (model->n_servers == POLICY_SERVERS_MAX)
		return -ENOSPC;
	int made = registry_backend_intern(model, &address, port, name, options->id,
					   &options->source, backend);
	if (made < 0)
		return made;
	if (made)
		backend_up_set(*backend, !options->down);
	int error = model_backend_set(model, *backend, options);
	if (error != 0)
		return error; /* its number is given back in time, if it is new */
	model->registry->numbers[(*backend)->number].models++;
	server_place(model, *backend);
	return 0;
}

struct backend_options *policy_server_options(const struct policy_model *model,
					      const struct backend *backend)
{
	struct policy_backend *said = model->backends[backend->number];
	return said != NULL ? &said->options : NULL;
}

void policy_model_apply(struct policy_model *model)
{
	model->applied = true;
	for (size_t i = 0; i < model->n_servers; i++) {
		struct backend *backend = model->servers[i];
		model->registry->numbers[backend->number].in_force = true;
		backend->options = *policy_options(model, backend);
		backend->qps.limit = backend->qps_limit;
	}
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

void policy_pool_sort(const struct policy_model *model, struct policy_model_pool *pool)
{
	for (size_t i = 1; i < pool->count; i++) {
		struct backend *backend = pool->servers[i];
		size_t at = i;
		for (; at > 0 && order_of(model, pool->servers[at - 1]) > order_of(model, backend); at--)
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

/* The model has the server no more. */
static void server_leave(struct policy_model *model, const struct backend *backend)
{
	model->registry->numbers[backend->number].models--;
	model->registry->numbers[backend->number].left = now_ms();
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
	server_leave(model, backend);
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
	policy_pool_sort(model, pool);
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
	struct policy_backend *said = model->backends[backend->number];
	if (said == NULL)
		return -ENOENT;
	said->watched = true;
	said->health = *options;
	return 0;
}

const struct health_options *policy_server_health(const struct policy_model *model,
						  const struct backend *backend)
{
	const struct policy_backend *said = model->backends[backend->number];
	return said != NULL && said->watched ? &said->health : NULL;
}

void policy_server_state_set(struct policy_model *model, const struct backend *backend, bool up)
{
	struct policy_backend *said = model->backends[backend->number];
	if (said != NULL)
		said->state = up;
}

int policy_server_state_take(struct policy_model *model, const struct backend *backend)
{
	struct policy_backend *said = model->backends[backend->number];
	int state = said != NULL ? said->state : -1;
	if (said != NULL)
		said->state = -1;
	return state;
}

/* ---- the client's subnet ---- */

struct policy_pool_ecs *policy_pool_ecs(struct policy_model *model, uint32_t pool)
{
	return &model->pools[pool].ecs;
}

bool policy_pool_ecs_used(const struct policy_model *model, uint32_t number)
{
	const struct policy_model_pool *pool = &model->pools[number];
	/* As in dnsdist it is for the servers to say; but Lua may choose one of another pool. */
	bool used = pool->ecs.use > 0 &&
		    (pool->count == 0 || policy_pool_balance(model, number).method >= BALANCE_LUA);
	for (size_t i = 0; i < pool->count; i++)
		used |= policy_options(model, pool->servers[i])->ecs; /* or their answers would be for anybody */
	return used;
}

bool policy_pool_ecs_shared(const struct policy_model *model, uint32_t number)
{
	const struct policy_model_pool *pool = &model->pools[number];
	bool shared = pool->ecs.share != 0;
	for (size_t i = 0; i < pool->count; i++)
		shared &= !policy_options(model, pool->servers[i])->ecs_no_share;
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
	for (size_t i = 0; i < model->n_servers; i++)
		server_leave(model, model->servers[i]);
	for (size_t i = 0; i < POLICY_BACKENDS_MAX; i++)
		free(model->backends[i]);
}
