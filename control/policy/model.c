/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry and the parts of a policy model that are edited: rules, pools, servers, settings. */
#include "control/policy/expressions.h"
#include "control/policy/memory.h"
#include "control/policy/model.h"
#include "control/metrics/custom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
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

/* Rules */

void policy_uuid_make(char uuid[static POLICY_UUID_SIZE])
{
	uint8_t b[16] = {0};
	while (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(uuid, POLICY_UUID_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
}

bool policy_uuid_is(const char *text)
{
	if (strlen(text) != POLICY_UUID_SIZE - 1)
		return false;
	for (size_t i = 0; i < POLICY_UUID_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
			return false;
	}
	return true;
}

static uint64_t slot_hits(const struct policy_registry *registry, uint32_t slot)
{
	return registry->hits ? registry->hits(registry->hits_context, slot) : 0;
}

static bool slot_is_ours(const struct policy_model *model, enum chain_id chain, uint32_t slot)
{
	const struct policy_rules *rules = &model->chains[chain];
	for (size_t i = 0; i < rules->count; i++)
		if (rules->rules[i]->slot == slot)
			return true;
	return false;
}

/* The slot that a rule of another model with this key has; UINT32_MAX if there is none. */
static uint32_t slot_inherit(const struct policy_model *model, enum chain_id chain, const char *key)
{
	const struct policy_registry *registry = model->registry;
	for (uint32_t i = 0; i < registry->n_slots; i++) {
		const struct policy_hit_slot *slot = &registry->slots[i];
		if (slot->users > 0 && slot->key && strcmp(slot->key, key) == 0 &&
		    !slot_is_ours(model, chain, i))
			return i;
	}
	return UINT32_MAX;
}

/* Takes over `key`. */
static int slot_take(struct policy_model *model, enum chain_id chain, char *key, uint32_t *index)
{
	struct policy_registry *registry = model->registry;
	*index = key ? slot_inherit(model, chain, key) : UINT32_MAX;
	if (*index != UINT32_MAX) {
		registry->slots[*index].users++;
		free(key);
		return 0;
	}
	for (uint32_t tried = 0; tried < RULE_HIT_SLOTS; tried++) {
		uint32_t at = registry->next_slot;
		struct policy_hit_slot *slot = &registry->slots[at];
		registry->next_slot = (at + 1) % RULE_HIT_SLOTS;
		if (slot->users > 0)
			continue;
		free(slot->key);
		*slot = (struct policy_hit_slot){slot_hits(registry, at), 1, key};
		if (at >= registry->n_slots)
			registry->n_slots = at + 1;
		*index = at;
		return 0;
	}
	free(key);
	return -ENOSPC;
}

static int slot_key_make(enum chain_id chain, const char *name, const char *uuid, char **key)
{
	*key = NULL;
	if (!name && !uuid)
		return 0;
	return asprintf(key, "%u %c %s", (unsigned)chain, uuid ? 'u' : 'n', uuid ? uuid : name) < 0
		       ? -ENOMEM
		       : 0;
}

static void rule_free(struct policy_model *model, struct policy_rule *rule)
{
	if (rule->slot != UINT32_MAX)
		model->registry->slots[rule->slot].users--;
	free(rule->name);
	free(rule->place);
	free(rule);
}

static int rule_fill(struct policy_model *model, enum chain_id chain, struct policy_rule *rule,
		     const char *name, const char *uuid)
{
	char *key;
	if (name && !(rule->name = strdup(name)))
		return -ENOMEM;
	if (uuid)
		memcpy(rule->uuid, uuid, POLICY_UUID_SIZE);
	else
		policy_uuid_make(rule->uuid);
	int error = slot_key_make(chain, name, uuid, &key);
	return error ? error : slot_take(model, chain, key, &rule->slot);
}

static int rules_reserve(struct policy_rules *rules)
{
	if (rules->count < rules->size)
		return 0;
	if (rules->count >= UINT16_MAX)
		return -ENOSPC;
	size_t size = rules->size ? rules->size * 2 : 16;
	struct policy_rule **grown = realloc(rules->rules, size * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rules->rules = grown;
	rules->size = size;
	return 0;
}

static bool chain_runs(enum chain_id chain, enum rule_action_kind kind)
{
	if (chain == CHAIN_QUERY || chain == CHAIN_CACHE_MISS)
		return true;
	return kind != RULE_ACTION_RCODE && kind != RULE_ACTION_SPOOF && kind != RULE_ACTION_POOL &&
	       kind != RULE_ACTION_NO_RECURSE && kind != RULE_ACTION_DISABLE_VALIDATION &&
	       kind != RULE_ACTION_TEMP_FAILURE_TTL;
}

static int rule_check(const struct policy_model *model, enum chain_id chain, size_t position,
		      const struct policy_action *action, const char *uuid)
{
	const struct policy_rules *rules = &model->chains[chain];
	if (position != POLICY_RULE_LAST && position > rules->count)
		return -EINVAL;
	if (!chain_runs(chain, action->action.kind) || (uuid && !policy_uuid_is(uuid)))
		return -EINVAL;
	for (size_t i = 0; uuid && i < rules->count; i++)
		if (strcasecmp(rules->rules[i]->uuid, uuid) == 0)
			return -EEXIST;
	size_t all = 0;
	for (unsigned i = 0; i < CHAIN_COUNT; i++)
		all += model->chains[i].count;
	return rules->count < UINT16_MAX && all < RULE_COUNT_MAX ? 0 : -ENOSPC;
}

struct policy_rule *policy_rule_add(struct policy_model *model, enum chain_id chain,
				    size_t position, struct policy_selector *selector,
				    struct policy_action *action, const char *name,
				    const char *uuid)
{
	struct policy_rules *rules = &model->chains[chain];
	struct policy_rule *rule = NULL;
	int error = rule_check(model, chain, position, action, uuid);
	if (error == 0)
		error = rules_reserve(rules);
	if (error == 0 && !(rule = calloc(1, sizeof(*rule))))
		error = -ENOMEM;
	if (error == 0) {
		*rule = (struct policy_rule){
			.selector = selector, .action = action, .slot = UINT32_MAX};
		error = rule_fill(model, chain, rule, name, uuid);
	}
	if (error != 0) {
		if (rule)
			rule_free(model, rule);
		errno = -error;
		return NULL;
	}
	size_t at = position == POLICY_RULE_LAST ? rules->count : position;
	memmove(rules->rules + at + 1, rules->rules + at,
		(rules->count - at) * sizeof(rules->rules[0]));
	rules->rules[at] = rule;
	rules->count++;
	return rule;
}

size_t policy_rules_count(const struct policy_model *model, enum chain_id chain)
{
	return model->chains[chain].count;
}

struct policy_rule *policy_rule_at(struct policy_model *model, enum chain_id chain, size_t index)
{
	const struct policy_rules *rules = &model->chains[chain];
	return index < rules->count ? rules->rules[index] : NULL;
}

long policy_rule_find(const struct policy_model *model, enum chain_id chain, const char *text)
{
	const struct policy_rules *rules = &model->chains[chain];
	for (size_t i = 0; i < rules->count; i++)
		if (strcasecmp(rules->rules[i]->uuid, text) == 0)
			return (long)i;
	for (size_t i = 0; i < rules->count; i++)
		if (rules->rules[i]->name && strcmp(rules->rules[i]->name, text) == 0)
			return (long)i;
	return -ENOENT;
}

/* Takes the rule at `index` out of the order. */
static struct policy_rule *rule_take(struct policy_rules *rules, size_t index)
{
	struct policy_rule *rule = rules->rules[index];
	rules->count--;
	memmove(rules->rules + index, rules->rules + index + 1,
		(rules->count - index) * sizeof(rules->rules[0]));
	return rule;
}

int policy_rule_remove(struct policy_model *model, enum chain_id chain, size_t index)
{
	struct policy_rules *rules = &model->chains[chain];
	if (index >= rules->count)
		return -ENOENT;
	rule_free(model, rule_take(rules, index));
	return 0;
}

int policy_rule_move(struct policy_model *model, enum chain_id chain, size_t from, size_t to)
{
	struct policy_rules *rules = &model->chains[chain];
	if (from >= rules->count || to > rules->count)
		return -ENOENT;
	struct policy_rule *rule = rule_take(rules, from);
	if (to > from)
		to--;
	memmove(rules->rules + to + 1, rules->rules + to,
		(rules->count - to) * sizeof(rules->rules[0]));
	rules->rules[to] = rule;
	rules->count++;
	return 0;
}

int policy_rule_move_to_top(struct policy_model *model, enum chain_id chain)
{
	size_t count = model->chains[chain].count;
	return count > 0 ? policy_rule_move(model, chain, count - 1, 0) : -ENOENT;
}

void policy_rules_clear(struct policy_model *model, enum chain_id chain)
{
	struct policy_rules *rules = &model->chains[chain];
	while (rules->count > 0)
		rule_free(model, rules->rules[--rules->count]);
}

const char *policy_rule_name(const struct policy_rule *rule)
{
	return rule->name ? rule->name : "";
}

void policy_rule_place_set(struct policy_rule *rule, const char *place)
{
	free(rule->place);
	rule->place = strdup(place);
}

const char *policy_rule_place(const struct policy_rule *rule)
{
	return rule->place ? rule->place : "?";
}

const char *policy_rule_uuid(const struct policy_rule *rule)
{
	return rule->uuid;
}

struct policy_selector *policy_rule_selector(const struct policy_rule *rule)
{
	return rule->selector;
}

struct policy_action *policy_rule_action(const struct policy_rule *rule)
{
	return rule->action;
}

uint32_t policy_rule_slot(const struct policy_rule *rule)
{
	return rule->slot;
}

uint64_t policy_rule_hits(const struct policy_model *model, const struct policy_rule *rule)
{
	return slot_hits(model->registry, rule->slot) - model->registry->slots[rule->slot].base;
}
