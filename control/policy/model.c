/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry, and what a policy model has beside rules, pools and servers: listeners, settings. */
#include "control/policy/expressions.h"
#include "control/policy/memory.h"
#include "control/policy/model.h"
#include "control/metrics/custom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "dataplane/dns/edns.h"
#include "dataplane/rules/threads.h"

struct policy_registry *policy_registry_new(policy_hits_fn *hits, void *context)
{
	struct policy_registry *registry = calloc(1, sizeof(*registry));
	if (!registry)
		return NULL;
	registry->hits = hits;
	registry->hits_context = context;
	registry->n_lcores = 1;
	registry->ecs = (struct policy_ecs)POLICY_ECS_DEFAULT;
	registry->pools[0].name = strdup("");
	registry->n_pools = 1;
	registry->metrics = custom_metrics_new();
	if (registry->pools[0].name && registry->metrics &&
	    getrandom(registry->rate_seed, sizeof(registry->rate_seed), 0) ==
		    sizeof(registry->rate_seed) &&
	    getrandom(&registry->timed_seed, sizeof(registry->timed_seed), 0) ==
		    sizeof(registry->timed_seed) &&
	    (registry->expressions = expressions_new()) != NULL)
		return registry;
	policy_registry_free(registry);
	return NULL;
}

void policy_registry_free(struct policy_registry *registry)
{
	if (!registry)
		return;
	for (uint32_t i = 0; i < registry->n_slots; i++)
		free(registry->slots[i].key);
	for (uint32_t i = 0; i < registry->n_pools; i++)
		free(registry->pools[i].name);
	for (uint32_t i = 0; i < registry->n_backends; i++)
		free(registry->backends[i]);
	custom_metrics_free(registry->metrics);
	policy_memories_tidy(registry, false);
	policy_registry_caches_forget(registry);
	policy_registry_recent_forget(registry);
	policy_registry_groups_forget(registry);
	expressions_free(registry->expressions);
	free(registry);
}

struct custom_metrics *policy_registry_metrics(struct policy_registry *registry)
{
	return registry->metrics;
}

struct backend *policy_registry_backend(struct policy_registry *registry, uint16_t number)
{
	return number < registry->n_backends && registry->numbers[number].given
		       ? registry->backends[number]
		       : NULL;
}

int policy_acl_default(struct prefix_list *acl)
{
	static const char *const prefixes[] = {
		"127.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.168.0.0/16",
		"172.16.0.0/12", "::1/128", "fc00::/7", "fe80::/10",
	};
	prefix_list_clear(acl);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		int error = prefix_list_add_text(acl, prefixes[i]);
		if (error != 0)
			return error;
	}
	return 0;
}

struct policy_model *policy_model_new(struct policy_registry *registry)
{
	struct policy_model *model = calloc(1, sizeof(*model));
	if (!model)
		return NULL;
	model->registry = registry;
	model->settings.udp_timeout = POLICY_UDP_TIMEOUT_MS;
	model->settings.own_edns = true;
	model->settings.answer_empty = true;
	model->settings.block_action = RULE_RESULT_DROP;
	model->settings.block_purge = POLICY_BLOCK_PURGE;
	model->settings.proxy_size = PROXY_SIZE_DEFAULT;
	model->settings.ecs = (struct policy_ecs)POLICY_ECS_DEFAULT;
	model->settings.tcp = (struct policy_tcp)POLICY_TCP_DEFAULT;
	model->settings.recent = (struct policy_recent){
		.size = POLICY_RECENT_SIZE, .queries = true, .responses = true};
	for (unsigned i = 0; i < POLICY_POOLS_MAX; i++)
		model->pools[i].ecs = (struct policy_pool_ecs){-1, -1};
	model->settings.own_udp_size = DNS_EDNS_UDP_SIZE;
	model->pools[POLICY_POOL_DEFAULT].known = true;
	if (policy_acl_default(&model->acl) == 0)
		return model;
	policy_model_free(model);
	errno = ENOMEM;
	return NULL;
}

void policy_registry_works_set(struct policy_registry *registry, struct works *works)
{
	registry->works = works;
	expressions_works_set(registry->expressions, works);
}

void policy_registry_reading(struct policy_registry *registry)
{
	registry->reading++;
	expressions_reading(registry->expressions);
}

unsigned policy_registry_left(const struct policy_registry *registry)
{
	return expressions_left(registry->expressions) + policy_memories_left(registry);
}

void policy_registry_wait(struct policy_registry *registry, int ms)
{
	works_turn(registry->works);
	works_wait(registry->works, ms);
	works_turn(registry->works);
}

void policy_registry_tidy(struct policy_registry *registry, bool keep)
{
	expressions_tidy(registry->expressions, keep);
	policy_memories_tidy(registry, keep);
}

bool policy_model_waits(const struct policy_model *model)
{
	return model->waits;
}

bool policy_model_came(const struct policy_model *model)
{
	return model->waits || policy_regexes_came(model);
}

void policy_registry_lcores_set(struct policy_registry *registry, uint16_t count)
{
	registry->n_lcores = count;
}

uint16_t policy_registry_lcores(const struct policy_registry *registry)
{
	return registry->n_lcores;
}

void policy_model_free(struct policy_model *model)
{
	if (!model)
		return;
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		policy_rules_clear(model, chain);
		free(model->chains[chain].rules);
	}
	policy_servers_free(model);
	policy_caches_free(model);
	policy_groups_free(model);
	policy_regexes_free(model);
	policy_parts_free(model);
	policy_banks_free(model);
	prefix_list_clear(&model->acl);
	prefix_list_clear(&model->proxy_acl);
	regex_scratch_free(model->scratch);
	rule_threads_release(model->threads);
	free(model);
}

void policy_model_threads_set(struct policy_model *model, struct rule_threads *threads)
{
	rule_threads_release(model->threads);
	model->threads = threads;
}

struct rule_threads *policy_model_threads(const struct policy_model *model)
{
	return model->threads;
}

struct policy_settings *policy_model_settings(struct policy_model *model)
{
	return &model->settings;
}

struct prefix_list *policy_model_acl(struct policy_model *model)
{
	return &model->acl;
}

struct prefix_list *policy_model_proxy_acl(struct policy_model *model)
{
	return &model->proxy_acl;
}

static bool listener_same(const struct policy_listener *a, const struct policy_listener *b)
{
	return a->port == b->port && net_address_equal(&a->address, &b->address);
}

/* The number that the address has for its counters, for as long as the process lives. */
static uint8_t registry_frontend(struct policy_registry *registry,
				 const struct policy_listener *listener)
{
	for (uint32_t i = 0; i < registry->n_frontends; i++)
		if (listener_same(&registry->frontends[i], listener))
			return (uint8_t)i;
	if (registry->n_frontends == STATS_FRONTENDS)
		return STATS_FRONTEND_NONE;
	registry->frontends[registry->n_frontends] = *listener;
	return (uint8_t)registry->n_frontends++;
}

int policy_listener_add(struct policy_model *model, const char *text, bool proxied)
{
	static const uint8_t zero[16];
	struct policy_listener listener = {.unproxied = !proxied};
	int error = backend_address_parse(text, POLICY_PORT, &listener.address, &listener.port);
	if (error != 0)
		return error;
	listener.any = memcmp(listener.address.bytes, zero, sizeof(zero)) == 0;
	for (size_t i = 0; i < model->n_listeners; i++)
		if (listener_same(&model->listeners[i], &listener))
			return -EEXIST;
	if (model->n_listeners == POLICY_LISTENERS_MAX)
		return -ENOSPC;
	listener.tcp.max_in_flight = POLICY_TCP_IN_FLIGHT;
	listener.frontend = registry_frontend(model->registry, &listener);
	model->listeners[model->n_listeners++] = listener;
	return 0;
}

void policy_listener_tcp_set(struct policy_model *model, const struct policy_listener_tcp *tcp)
{
	model->listeners[model->n_listeners - 1].tcp = *tcp;
}

int policy_listener_mute(struct policy_model *model, size_t index, bool tcp, bool muted)
{
	if (index >= model->n_listeners)
		return -ENOENT;
	model->listeners[index].muted[tcp] = muted;
	return model->listeners[index].frontend < STATS_FRONTENDS ? 0 : -ENOSPC;
}

void policy_listeners_clear(struct policy_model *model)
{
	model->n_listeners = 0;
}

size_t policy_listeners_count(const struct policy_model *model)
{
	return model->n_listeners;
}

const struct policy_listener *policy_listener_at(const struct policy_model *model, size_t index)
{
	return index < model->n_listeners ? &model->listeners[index] : NULL;
}
