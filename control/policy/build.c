/* SPDX-License-Identifier: BSD-2-Clause */
/* Compiling a policy model: everything is measured first, then laid out in one piece of memory. */
#include "control/policy/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/policy/expressions.h"
#include "control/policy/model.h"
#include "dataplane/rules/chain_regexes.h"
#include "dataplane/rules/live_list.h"
#include "dataplane/rules/matched.h"
#include "dataplane/rules/threads.h"
#include "dataplane/serve/balance.h"

/* Memory that is handed out from its start; it was measured, so it never runs out. */
struct arena {
	uint8_t *memory;
	size_t used;
};

static size_t size_align(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static void *arena_take(struct arena *arena, size_t count, size_t size)
{
	void *taken = arena->memory + arena->used;
	arena->used += size_align(count * size);
	return taken;
}

static size_t selector_rates(const struct policy_selector *selector)
{
	size_t count = selector->node == NODE_TEST && selector->test.kind == RULE_TEST_MAX_QPS_IP;
	for (size_t i = 0; i < selector->count; i++)
		count += selector_rates(selector->members[i]);
	return count;
}

static size_t selector_blobs(const struct policy_selector *selector)
{
	size_t count = selector->blob != NULL || selector->expression != NULL;
	for (size_t i = 0; i < selector->count; i++)
		count += selector_blobs(selector->members[i]);
	return count;
}

struct measures {
	size_t tests;
	size_t rules;
	size_t blobs;
	size_t rates; /* of clients */
	size_t places; /* of servers in pools */
};

static struct measures model_measure(const struct policy_model *model)
{
	struct measures sum = {0};
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		const struct policy_rules *rules = &model->chains[chain];
		sum.rules += rules->count;
		sum.blobs += model->regexes[chain].set != NULL;
		for (size_t i = 0; i < rules->count; i++) {
			sum.tests += rules->rules[i]->selector->tests;
			sum.rates += selector_rates(rules->rules[i]->selector);
			sum.blobs += selector_blobs(rules->rules[i]->selector);
			sum.blobs += rules->rules[i]->action->blob != NULL;
			sum.blobs += rules->rules[i]->action->wrapped != NULL;
		}
	}
	for (size_t i = 0; i < model->registry->n_pools; i++) {
		sum.places += model->pools[i].count;
		sum.blobs += model->pools[i].ring != NULL;
		sum.blobs += model->pools[i].cache != NULL;
	}
	sum.blobs += model->n_groups;
	return sum;
}

static size_t model_size(const struct policy_model *model, const struct measures *sum)
{
	const struct policy_registry *registry = model->registry;
	return size_align(sizeof(struct policy)) + size_align(sum->tests * sizeof(struct rule_test)) +
	       sum->rates * sizeof(struct client_rate) +
	       sum->rules * (size_align(sizeof(struct rule)) + sizeof(struct rule_gate)) +
	       CHAIN_COUNT * 16 + /* each chain's two lists */
	       size_align(sum->blobs * sizeof(struct policy_blob *)) +
	       sum->places * (sizeof(uint16_t) + sizeof(uint64_t)) +
	       registry->n_pools * 8 + /* each pool's list */
	       size_align(registry->n_pools * sizeof(struct policy_pool)) +
	       size_align(registry->n_pools * sizeof(struct policy_pool_name)) +
	       size_align(registry->n_backends * sizeof(struct backend *)) +
	       size_align(model->n_listeners * sizeof(struct policy_listener)) +
	       prefix_set_frozen_size(&model->acl) + prefix_set_frozen_size(&model->proxy_acl) +
	       policy_groups_size(model);
}

/* Where the programs of all rules and the blobs they use go. */
struct emission {
	struct rule_test *tests; /* of this rule */
	uint16_t at;		 /* tests are written from the last to the first */
	struct client_rate *rates; /* where the next one goes */
	struct policy_blob **blobs;
	size_t n_blobs;
};

static void blob_use(struct emission *emission, struct policy_blob *blob)
{
	if (!blob)
		return;
	blob->users++;
	emission->blobs[emission->n_blobs++] = blob;
}

/* Writes a selector given where to go on if it is true and if not; returns where to enter it. */
static uint16_t selector_emit(struct emission *emission, const struct policy_selector *selector,
			      uint16_t on_true, uint16_t on_false)
{
	size_t i = selector->count;
	switch (selector->node) {
	case NODE_AND:
		while (i-- > 0)
			on_true = selector_emit(emission, selector->members[i], on_true, on_false);
		return on_true;
	case NODE_OR:
		while (i-- > 0)
			on_false = selector_emit(emission, selector->members[i], on_true, on_false);
		return on_false;
	case NODE_NOT:
		return selector_emit(emission, selector->members[0], on_false, on_true);
	case NODE_TEST:
		break;
	}
	bool alone = selector->expression != NULL && selector->test.value == CHAIN_REGEX_NONE;
	struct policy_blob *blob = alone ? selector->expression->blob : selector->blob;
	blob_use(emission, blob);
	if (selector->test.kind == RULE_TEST_ALL)
		return on_true;
	if (alone && blob == NULL)
		return on_false; /* it turned out to be none */
	struct rule_test *test = &emission->tests[--emission->at];
	*test = selector->test;
	if (alone)
		test->regex = (const void *)blob->data;
	if (test->kind == RULE_TEST_MAX_QPS_IP) {
		*emission->rates = *test->client_rate;
		test->client_rate = emission->rates++;
	}
	test->on_true = on_true;
	test->on_false = on_false;
	return emission->at;
}

static struct rule rule_compile(const struct policy_rule *from, struct emission *emission,
				struct arena *tests)
{
	uint32_t count = from->selector->tests;
	emission->tests = arena_take(tests, count, sizeof(struct rule_test));
	emission->at = (uint16_t)count;
	blob_use(emission, from->action->blob);
	blob_use(emission, from->action->wrapped);
	return (struct rule){
		.action = from->action->action,
		.tests = emission->tests,
		.hit_slot = from->slot & 0xffffff,
		.lua_selector = from->selector->lua,
		.edits = from->selector->lua || from->selector->thread ||
			 from->action->action.kind == RULE_ACTION_LUA_THREAD,
		.entry = selector_emit(emission, from->selector, RULE_MATCH, RULE_MISS),
	};
}

/* What rules point to; the blobs of the pools' rings and caches and of groups are with them. */
static void blobs_open(const struct policy_model *model, const struct measures *sum,
		       struct emission *emission, struct arena *arena)
{
	emission->blobs = arena_take(arena, sum->blobs, sizeof(struct policy_blob *));
	for (size_t i = 0; i < model->registry->n_pools; i++) {
		blob_use(emission, model->pools[i].ring);
		blob_use(emission, model->pools[i].cache);
	}
	for (unsigned i = 0; i < model->n_groups; i++)
		blob_use(emission, model->groups[i]->blob);
}

static void list_ahead(struct policy *policy, const struct live_list *list,
		       enum matched_trigger trigger)
{
	for (unsigned i = 0; i < policy->n_ahead; i++)
		if (policy->ahead[i].list == list && policy->ahead[i].trigger == trigger)
			return;
	if (policy->n_ahead < RULE_AHEAD_LISTS)
		policy->ahead[policy->n_ahead++] = (struct policy_ahead){list, trigger};
}

/* Names, and clients; the few clients that a zone is for are found as fast alone. */
static bool test_ahead(const struct rule_test *test)
{
	if (test->kind != RULE_TEST_LIST)
		return false;
	return test->value == MATCHED_NAME ||
	       (test->value == MATCHED_CLIENT && test->list->kind != LIVE_LIST_ZONE);
}

static void selector_ahead(struct policy *policy, const struct policy_selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		selector_ahead(policy, selector->members[i]);
	if (selector->node == NODE_TEST && test_ahead(&selector->test))
		list_ahead(policy, selector->test.list,
			   (enum matched_trigger)selector->test.value);
}

/* What the first query rules that have some ask of lists. */
static void ahead_compile(const struct policy_rules *from, struct policy *policy)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct rule_action *action = &from->rules[i]->action->action;
		selector_ahead(policy, from->rules[i]->selector);
		if (action->kind == RULE_ACTION_RPZ)
			list_ahead(policy, action->list, MATCHED_NAME);
		if (action->kind == RULE_ACTION_SUBSCRIBER)
			list_ahead(policy, action->subscriber->list, MATCHED_CLIENT);
	}
}

/* False without memory. */
static bool chains_compile(struct policy_model *model, const struct measures *sum,
			   struct policy *policy, struct arena *arena)
{
	bool indexed = true;
	const struct rule_test *all = arena_take(arena, sum->tests, sizeof(struct rule_test));
	struct arena tests = {.memory = (void *)(uintptr_t)all};
	struct emission emission = {0};
	blobs_open(model, sum, &emission, arena);
	emission.rates = arena_take(arena, sum->rates, sizeof(struct client_rate));

	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		const struct policy_rules *from = &model->chains[chain];
		struct rule *rules = arena_take(arena, from->count, sizeof(*rules));
		policy_regexes_place(model, chain);
		if (model->regexes[chain].set != NULL)
			blob_use(&emission, model->regexes[chain].set->blob);
		for (size_t i = 0; i < from->count; i++)
			rules[i] = rule_compile(from->rules[i], &emission, &tests);
		policy->chains[chain] = (struct rule_chain){.rules = rules,
							    .tests_end = all + tests.used / sizeof(*all),
							    .count = (uint16_t)from->count};
		struct rule_gate *gates = arena_take(arena, from->count, sizeof(*gates));
		if (policy_chain_gates(from, gates))
			policy->chains[chain].gates = gates;
		indexed &= policy_chain_index(from, &model->regexes[chain], rules,
					      &policy->chains[chain]);
	}
	ahead_compile(&model->chains[CHAIN_QUERY], policy);
	policy->timed_seed = model->registry->timed_seed;
	policy->blobs = emission.blobs;
	policy->n_blobs = emission.n_blobs;
	return indexed;
}

static int pool_names_compare(const void *a, const void *b)
{
	const struct policy_pool_name *left = a, *right = b;
	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->name, right->name, left->length);
}

static struct policy_pool pool_compile(const struct policy_model *model, uint32_t number,
				       struct arena *arena)
{
	const struct policy_model_pool *from = &model->pools[number];
	uint16_t *servers = arena_take(arena, from->count, sizeof(*servers));
	uint64_t *weights = arena_take(arena, from->count, sizeof(*weights));
	uint64_t sum = 0;
	for (size_t i = 0; i < from->count; i++) {
		servers[i] = from->servers[i]->number;
		weights[i] = sum += policy_options(model, from->servers[i])->weight;
	}
	struct policy_balance balance = policy_pool_balance(model, number);
	struct policy_pool pool = {
		.name = model->registry->pools[number].name,
		.name_length = model->registry->pools[number].length,
		.servers = servers,
		.weights = weights,
		.count = (uint16_t)from->count,
		.method = (uint8_t)balance.method,
		.lua_ffi = balance.ffi,
		.lua = balance.reference,
		.ecs = policy_pool_ecs_used(model, number),
		.ecs_share = policy_pool_ecs_shared(model, number),
	};
	if (from->cache != NULL)
		pool.cache = policy_cache_of(from->cache);
	if (from->ring != NULL && balance.method >= BALANCE_CHASHED) {
		void *points = from->ring->data;
		pool.points = points;
		pool.n_points = from->ring_count;
	}
	return pool;
}

/* Names are the registry's, which outlives all policies. */
static void pools_compile(struct policy_model *model, struct policy *policy, struct arena *arena)
{
	const struct policy_registry *registry = model->registry;
	struct policy_pool *pools = arena_take(arena, registry->n_pools, sizeof(*pools));
	struct policy_pool_name *names = arena_take(arena, registry->n_pools, sizeof(*names));

	for (uint32_t i = 0; i < registry->n_pools; i++) {
		pools[i] = (struct policy_pool){0};
		if (!model->pools[i].known)
			continue;
		pools[i] = pool_compile(model, i, arena);
		names[policy->n_pool_names++] = (struct policy_pool_name){
			pools[i].name, (uint32_t)pools[i].name_length, (uint16_t)i};
	}
	qsort(names, policy->n_pool_names, sizeof(*names), pool_names_compare);
	policy->pools = pools;
	policy->pool_names = names;
	policy->n_pools = (uint16_t)registry->n_pools;
}

static void backends_compile(const struct policy_model *model, struct policy *policy,
			     struct arena *arena)
{
	uint32_t count = model->registry->n_backends;
	struct backend **backends = arena_take(arena, count, sizeof(*backends));
	memset(backends, 0, count * sizeof(*backends));
	for (size_t i = 0; i < model->n_servers; i++)
		backends[model->servers[i]->number] = model->servers[i];
	policy->backends = backends;
	policy->n_backends = (uint16_t)count;
}

static void settings_compile(const struct policy_model *model, struct policy *policy,
			     struct arena *arena)
{
	struct policy_listener *listeners =
		arena_take(arena, model->n_listeners, sizeof(*listeners));
	void *acl = arena_take(arena, 1, prefix_set_frozen_size(&model->acl));
	void *proxy_acl = arena_take(arena, 1, prefix_set_frozen_size(&model->proxy_acl));

	memcpy(listeners, model->listeners, model->n_listeners * sizeof(*listeners));
	for (size_t i = 0; i < model->n_listeners; i++)
		for (unsigned tcp = 0; tcp < 2; tcp++)
			if (listeners[i].muted[tcp] && listeners[i].frontend < STATS_FRONTENDS)
				policy->muted[tcp] |= UINT64_C(1) << listeners[i].frontend;
	policy->answers_watched = (policy->muted[0] | policy->muted[1]) != 0;
	policy->listeners = listeners;
	policy->n_listeners = (uint16_t)model->n_listeners;
	policy->acl = prefix_set_freeze(&model->acl, acl);
	if (model->proxy_acl.count > 0)
		policy->proxy_acl = prefix_set_freeze(&model->proxy_acl, proxy_acl);
	policy->proxy_size = model->settings.proxy_size;
	policy->proxy_clients_acl = model->settings.proxy_clients_acl;
	policy->udp_timeout = model->settings.udp_timeout;
	policy->stale = model->settings.stale;
	policy->stale_timeout = model->settings.stale_timeout;
	policy->block_action = model->settings.block_action;
	policy->answer_empty = model->settings.answer_empty;
	policy->own_udp_size = model->settings.own_edns ? model->settings.own_udp_size : 0;
	policy->servfail_when_no_server = model->settings.servfail_when_no_server;
	policy->round_robin_fail = model->settings.round_robin_fail;
	policy->allow_empty_response = model->settings.allow_empty_response;
	policy->cut_truncated = model->settings.cut_truncated;
	policy->verbose_checks = model->settings.verbose_checks;
	policy->perturbation = model->settings.perturbation;
	policy->weighted_factor = model->settings.weighted_factor;
	policy->consistent_factor = model->settings.consistent_factor;
	policy->ecs = model->settings.ecs;
	policy->tcp = model->settings.tcp;
}

/* For the lcores' own Lua, which has no model. */
static void ecs_tell(struct policy_registry *registry, const struct policy_ecs *ecs)
{
	__atomic_store_n(&registry->ecs.v4_prefix, ecs->v4_prefix, __ATOMIC_RELAXED);
	__atomic_store_n(&registry->ecs.v6_prefix, ecs->v6_prefix, __ATOMIC_RELAXED);
	__atomic_store_n(&registry->ecs.override, ecs->override, __ATOMIC_RELAXED);
}

static uint32_t generation_next(struct policy_registry *registry)
{
	if (++registry->generation == 0)
		registry->generation = 1;
	return registry->generation;
}

/* Each lcore gets scratch of its own. False without memory. */
static bool scratch_make(const struct policy_model *model, struct policy *policy)
{
	uint16_t count = model->registry->n_lcores;
	if (model->scratch == NULL)
		return true;
	policy->scratch = calloc(count, sizeof(*policy->scratch));
	for (; policy->scratch && policy->n_scratch < count; policy->n_scratch++) {
		struct hs_scratch *copy = regex_scratch_copy(model->scratch);
		if (!copy)
			return false;
		policy->scratch[policy->n_scratch] = copy;
	}
	return policy->scratch != NULL;
}

/* Brings the pools' servers into order, and their rings up to date. */
static bool pools_prepare(struct policy_model *model, char *error, size_t error_size)
{
	for (uint32_t i = 0; i < model->registry->n_pools; i++) {
		policy_pool_sort(model, &model->pools[i]);
		enum balance_method method = policy_pool_balance(model, i).method;
		if (model->pools[i].count == 0 || method < BALANCE_CHASHED)
			continue;
		int result = policy_pool_ring(model, i);
		/* A policy in Lua may well do without. */
		if (result == 0 || (result == -E2BIG && method != BALANCE_CHASHED))
			continue;
		snprintf(error, error_size,
			 result == -E2BIG ? "the weights in the pool \"%s\" sum to more than the %u "
					    "points that consistent hashing has room for"
					  : "no memory for the points of the pool \"%s\"",
			 model->registry->pools[i].name, BALANCE_POINTS_MAX);
		return false;
	}
	return true;
}

/* What is made elsewhere is begun all at once. */
static bool parts_prepare(struct policy_model *model, char *error, size_t error_size)
{
	const char *what = "regular expressions";
	int result = policy_regexes_prepare(model);
	model->waits = result == -EAGAIN;
	if (result == 0 || model->waits) {
		what = "what groups of dynamic blocks count";
		result = policy_groups_prepare(model);
		model->waits |= result == -EAGAIN;
	}
	if (result != 0 && result != -EAGAIN) {
		model->waits = false;
		snprintf(error, error_size, "no memory for %s", what);
		return false;
	}
	model->waits |= policy_caches_prepare(model) == -EAGAIN;
	if (model->waits)
		snprintf(error, error_size, "regular expressions are being compiled, or tables filled");
	return !model->waits;
}

struct policy *policy_model_compile(struct policy_model *model, char *error, size_t error_size)
{
	model->waits = false;
	if (!pools_prepare(model, error, error_size))
		return NULL;
	if (!parts_prepare(model, error, error_size))
		return NULL;
	struct measures sum = model_measure(model);
	size_t size = model_size(model, &sum);
	if (model->settings.udp_timeout == 0) {
		snprintf(error, error_size, "the UDP timeout must be at least 1 ms");
		errno = EINVAL;
		return NULL;
	}
	struct arena arena = {.memory = calloc(1, size)};
	if (!arena.memory) {
		snprintf(error, error_size, "no memory for a policy of %zu bytes", size);
		return NULL;
	}
	struct policy *policy = arena_take(&arena, 1, sizeof(*policy));
	*policy = (struct policy){.generation = generation_next(model->registry)};
	settings_compile(model, policy, &arena);
	ecs_tell(model->registry, &policy->ecs);
	pools_compile(model, policy, &arena);
	backends_compile(model, policy, &arena);
	policy_groups_compile(model, policy, arena_take(&arena, 1, policy_groups_size(model)));
	const char *what = "rules";
	policy->threads = model->threads;
	if (policy->threads)
		policy->threads->users++;
	if (chains_compile(model, &sum, policy, &arena)) {
		what = "regular expressions";
		if (scratch_make(model, policy)) {
			what = "what was asked and answered of late";
			if (policy_recent_compile(model, policy))
				return policy;
		}
	}
	policy_free(policy);
	snprintf(error, error_size, "no memory for %s", what);
	return NULL;
}
