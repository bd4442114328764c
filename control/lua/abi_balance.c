/* SPDX-License-Identifier: BSD-2-Clause */
/* Server policies: how pools are balanced, what a policy in Lua sees of its servers, and ours for it. */
#include "control/lua/abi.h"

#include <errno.h>
#include <string.h>

#include "dataplane/clock.h"

#define RINGS 8u /* of lists that policies made, kept for the next time */

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

static int changed(int error)
{
	if (error == 0)
		sluice_policy_changed();
	return error;
}

/* ---- which policy ---- */

int sluice_balance(const char *pool, size_t length, int32_t *reference)
{
	struct policy_balance balance = policy_model_settings(model())->balance;
	if (pool != NULL) {
		long number = lua_pool_number(pool, length);
		if (number < 0)
			return -1;
		balance = policy_pool_balance(model(), (uint32_t)number);
	}
	*reference = balance.reference;
	return lua_abi_index((int)balance.method);
}

int sluice_balance_set(const char *pool, size_t length, uint32_t method, int32_t reference,
		       bool ffi)
{
	const struct policy_balance balance = {(enum balance_method)method, ffi, reference};
	if (method >= BALANCE_COUNT)
		return -EINVAL;
	if (pool == NULL) {
		policy_model_settings(model())->balance = balance;
		return changed(0);
	}
	int number = policy_pool_intern(model(), pool, length);
	if (number < 0)
		return number;
	policy_pool_balance_set(model(), (uint32_t)number, balance);
	return changed(0);
}

int sluice_balance_factor_set(bool consistent, double factor)
{
	struct policy_settings *settings = policy_model_settings(model());
	if (factor != 0 && !(factor >= 1 && factor < 1e6))
		return -EINVAL;
	if (consistent)
		settings->consistent_factor = factor;
	else
		settings->weighted_factor = factor;
	return changed(0);
}

/* ---- what a policy chooses from ---- */

static struct balance_list *list_now(void)
{
	return &lua_abi_context()->servers;
}

const struct balance_list *sluice_choice_open(const struct lua_question *question)
{
	struct lua_context *context = lua_abi_context();
	struct rte_mbuf *mbuf = sluice_question_find(question);
	*list_now() = (struct balance_list){0};
	if (mbuf == NULL || context->balance == NULL || context->hooks == NULL ||
	    context->hooks->choice == NULL)
		return NULL;
	context->hooks->choice(context->hooks_ctx, mbuf, list_now());
	list_now()->balance = context->balance;
	return list_now()->pool != NULL ? list_now() : NULL;
}

double sluice_choice_key(void)
{
	return (double)list_now()->policy->generation * POLICY_POOLS_MAX + list_now()->number;
}

size_t sluice_choice_count(void)
{
	return list_now()->pool != NULL ? list_now()->pool->count : 0;
}

struct backend *sluice_choice_server(size_t index)
{
	return index < sluice_choice_count()
		       ? policy_backend(list_now()->policy, list_now()->pool->servers[index])
		       : NULL;
}

int sluice_choice_number(double index)
{
	if (!(index >= 0) || index >= (double)sluice_choice_count())
		return -1;
	return list_now()->pool->servers[(size_t)index];
}

bool sluice_choice_has(uint16_t number)
{
	return list_now()->policy != NULL && policy_backend(list_now()->policy, number) != NULL;
}

/* In microseconds: a worker goes by what itself has seen, the control lcore by all of them. */
static double latency_of(const struct backend *server)
{
	const struct lua_context *context = lua_abi_context();
	const struct lua_abi_hooks *hooks = context->hooks;
	struct backend_stats sum = {0};
	if (context->lone)
		return context->servers.balance->own[server->number].latency;
	if (hooks != NULL && hooks->server_totals != NULL)
		hooks->server_totals(context->hooks_ctx, server->number, &sum);
	return sum.latency;
}

/* ---- ours, for a list that a policy made ---- */

static struct {
	uint64_t key;
	uint32_t count;
	uint32_t used; /* when, by turns */
	struct policy_blob *ring;
} rings[RINGS];

/* The ring for these servers, which is made but once in a while. NULL without memory, or too long. */
static struct policy_blob *ring_of(const struct backend_options *const *servers, size_t count,
				   uint32_t perturbation, uint32_t *points)
{
	static uint32_t turn;
	uint64_t key = policy_ring_key(servers, count, perturbation);
	unsigned at = 0;
	turn++;
	for (unsigned i = 0; i < RINGS; i++) {
		if (rings[i].ring != NULL && rings[i].key == key) {
			rings[i].used = turn;
			*points = rings[i].count;
			return rings[i].ring;
		}
		if (rings[i].used < rings[at].used)
			at = i;
	}
	policy_blob_release(rings[at].ring);
	rings[at].ring = policy_ring_make(servers, count, perturbation, points);
	rings[at].key = key;
	rings[at].count = *points;
	rings[at].used = turn;
	return rings[at].ring;
}

void lua_balance_forget(void)
{
	for (unsigned i = 0; i < RINGS; i++) {
		policy_blob_release(rings[i].ring);
		rings[i].ring = NULL;
	}
}

/* A policy of nothing but these servers; 0 or -errno. */
struct list_made {
	struct policy policy;
	struct policy_pool pool;
	struct backend *backends[POLICY_BACKENDS_MAX]; /* by number */
	const struct backend_options *servers[POLICY_SERVERS_MAX]; /* by place */
	uint64_t weights[POLICY_SERVERS_MAX];
};

static int list_make(struct list_made *made, const uint16_t *numbers, size_t count)
{
	const struct policy_settings *settings = policy_model_settings(model());
	struct backend_stats *latencies = lua_abi_context()->latencies;
	uint64_t sum = 0;
	if (count > POLICY_SERVERS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		struct backend *server = sluice_server_number(numbers[i]);
		const struct backend_options *options =
			server != NULL ? policy_server_options(model(), server) : NULL;
		if (options == NULL)
			return -EINVAL;
		made->backends[numbers[i]] = server;
		made->servers[i] = options;
		if (latencies != NULL)
			latencies[numbers[i]].latency = latency_of(server);
		made->weights[i] = sum += options->weight;
	}
	made->policy = (struct policy){
		.backends = made->backends,
		.round_robin_fail = settings->round_robin_fail,
		.weighted_factor = settings->weighted_factor,
		.consistent_factor = settings->consistent_factor,
	};
	made->pool = (struct policy_pool){
		.servers = numbers, .count = (uint16_t)count, .weights = made->weights};
	return 0;
}

/* What methods go by besides the servers themselves. False: there is no ring. */
static bool list_prepare(struct list_made *made, struct balance *balance,
			 enum balance_method method)
{
	uint32_t perturbation = policy_model_settings(model())->perturbation;
	balance->pools[BALANCE_NO_POOL].at = 0; /* it was another list's */
	if (method == BALANCE_CHASHED) {
		const struct policy_blob *ring = ring_of(made->servers, made->pool.count,
							 perturbation, &made->pool.n_points);
		if (ring == NULL)
			return false;
		const void *data = ring->data;
		made->pool.points = data;
	}
	return true;
}

static uint32_t hash_of(const struct lua_question *question)
{
	uint32_t perturbation = policy_model_settings(model())->perturbation;
	struct lua_name name;
	if (question == NULL || !sluice_question_qname(question, &name))
		return 0;
	return balance_hash(name.wire, name.length, perturbation);
}

int sluice_balance_among(uint32_t method, const uint16_t *numbers, size_t count,
			 const struct lua_question *question)
{
	static struct list_made made;
	struct balance *balance = lua_abi_context()->balance;
	if (method >= BALANCE_LUA || balance == NULL)
		return -EINVAL;
	int error = list_make(&made, numbers, count);
	if (error != 0)
		return error;
	if (count == 0 || !list_prepare(&made, balance, (enum balance_method)method))
		return -1;
	const struct balance_list list = {&made.policy, &made.pool, BALANCE_NO_POOL, clock_now(),
					  balance};
	unsigned place = balance_place(&list, (enum balance_method)method, hash_of(question));
	return lua_abi_index(place < count ? (int)place : -1);
}

/* ---- dnsdist's FFI: an index that is too large gives no server, which is down and all zeros ---- */

size_t dnsdist_ffi_servers_list_get_count(const dnsdist_ffi_servers_list_t *list)
{
	return list->pool != NULL ? list->pool->count : 0;
}

void dnsdist_ffi_servers_list_get_server(const dnsdist_ffi_servers_list_t *list, size_t idx,
					 const dnsdist_ffi_server_t **out)
{
	*out = idx < dnsdist_ffi_servers_list_get_count(list)
		       ? list->policy->backends[list->pool->servers[idx]]
		       : NULL;
}

static size_t by_hash(const struct balance_list *list, enum balance_method method, size_t hash)
{
	/* The hash may be of 64 bits, all of which may count. */
	return list->pool != NULL ? balance_place(list, method, (uint32_t)(hash ^ hash >> 32)) : 0;
}

size_t dnsdist_ffi_servers_list_chashed(const dnsdist_ffi_servers_list_t *list,
					const dnsdist_ffi_dnsquestion_t *dq, size_t hash)
{
	(void)dq;
	return by_hash(list, BALANCE_CHASHED, hash);
}

size_t dnsdist_ffi_servers_list_whashed(const dnsdist_ffi_servers_list_t *list,
					const dnsdist_ffi_dnsquestion_t *dq, size_t hash)
{
	(void)dq;
	return by_hash(list, BALANCE_WHASHED, hash);
}

uint64_t dnsdist_ffi_server_get_outstanding(const dnsdist_ffi_server_t *server)
{
	const struct balance *balance = list_now()->balance;
	if (balance == NULL || server == NULL)
		return 0;
	return backend_outstanding(server->number, balance->rules->backends);
}

bool dnsdist_ffi_server_is_up(const dnsdist_ffi_server_t *server)
{
	return server != NULL && backend_is_up(server);
}

const char *dnsdist_ffi_server_get_name(const dnsdist_ffi_server_t *server)
{
	return server != NULL ? server->name : NULL;
}

const char *dnsdist_ffi_server_get_name_with_addr(const dnsdist_ffi_server_t *server)
{
	return server != NULL ? server->title : NULL;
}

int dnsdist_ffi_server_get_weight(const dnsdist_ffi_server_t *server)
{
	return server != NULL ? lua_abi_index((int)server->weight) : 0;
}

int dnsdist_ffi_server_get_order(const dnsdist_ffi_server_t *server)
{
	return server != NULL ? lua_abi_index(server->order) : 0;
}

double dnsdist_ffi_server_get_latency(const dnsdist_ffi_server_t *server)
{
	return server != NULL ? latency_of(server) : 0;
}
