/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of a policy model, in their order, and the counters of matches that they have. */
#include "control/policy/model.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "control/policy/key_hash.h"

#define UUID_BYTES 16

/* Random numbers are asked for in advance, for many: it is a system call. */
static void uuid_bytes(uint8_t bytes[static UUID_BYTES])
{
	static uint8_t pool[256]; /* no more than that comes whole */
	static size_t left;
	if (left == 0) {
		while (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
			;
		left = sizeof(pool);
	}
	left -= UUID_BYTES;
	memcpy(bytes, pool + left, UUID_BYTES);
}

void policy_uuid_make(char uuid[static POLICY_UUID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t b[UUID_BYTES];
	uuid_bytes(b);
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < UUID_BYTES; i++) {
		*uuid++ = digits[b[i] >> 4];
		*uuid++ = digits[b[i] & 15];
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*uuid++ = '-';
	}
	*uuid = '\0';
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

static uint32_t *slot_head(struct policy_registry *registry, const char *key)
{
	return &registry->slot_heads[key_hash(key, strlen(key)) % RULE_HIT_SLOTS];
}

static bool slot_is_ours(const struct policy_model *model, uint32_t slot)
{
	return model->slots[slot / 64] >> slot % 64 & 1;
}

static void slot_ours_set(struct policy_model *model, uint32_t slot, bool ours)
{
	uint64_t bit = UINT64_C(1) << slot % 64;
	model->slots[slot / 64] &= ~bit;
	if (ours)
		model->slots[slot / 64] |= bit;
}

/* The slot that a rule of another model with this key has; UINT32_MAX if there is none. */
static uint32_t slot_inherit(const struct policy_model *model, const char *key)
{
	struct policy_registry *registry = model->registry;
	for (uint32_t i = *slot_head(registry, key); i != 0; i = registry->slots[i - 1].next) {
		const struct policy_hit_slot *slot = &registry->slots[i - 1];
		if (strcmp(slot->key, key) == 0 && !slot_is_ours(model, i - 1))
			return i - 1;
	}
	return UINT32_MAX;
}

static void slot_key_drop(struct policy_registry *registry, uint32_t index)
{
	struct policy_hit_slot *slot = &registry->slots[index];
	if (!slot->key)
		return;
	uint32_t *link = slot_head(registry, slot->key);
	while (*link != index + 1)
		link = &registry->slots[*link - 1].next;
	*link = slot->next;
	free(slot->key);
	slot->key = NULL;
}

/* Behind the others: of rules with the same name the first has the first's. */
static void slot_key_put(struct policy_registry *registry, uint32_t index, char *key)
{
	uint32_t *link = slot_head(registry, key);
	while (*link != 0)
		link = &registry->slots[*link - 1].next;
	*link = index + 1;
	registry->slots[index].key = key;
	registry->slots[index].next = 0;
}

/* One that nobody has, those that are free for longest first; UINT32_MAX if there is none. */
static uint32_t slot_free(struct policy_registry *registry)
{
	for (uint32_t tried = 0; tried < RULE_HIT_SLOTS; tried++) {
		uint32_t at = registry->next_slot;
		registry->next_slot = (at + 1) % RULE_HIT_SLOTS;
		if (registry->slots[at].users == 0)
			return at;
	}
	return UINT32_MAX;
}

/* Takes over `key`. */
static int slot_take(struct policy_model *model, char *key, uint32_t *index)
{
	struct policy_registry *registry = model->registry;
	uint32_t at = key ? slot_inherit(model, key) : UINT32_MAX;
	if (at != UINT32_MAX) {
		free(key);
	} else if ((at = slot_free(registry)) != UINT32_MAX) {
		registry->slots[at].base = slot_hits(registry, at);
		registry->n_slots = RTE_MAX(registry->n_slots, at + 1);
		if (key)
			slot_key_put(registry, at, key);
	} else {
		free(key);
		return -ENOSPC;
	}
	registry->slots[at].users++;
	slot_ours_set(model, at, true);
	*index = at;
	return 0;
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
	if (rule->slot != UINT32_MAX) {
		if (--model->registry->slots[rule->slot].users == 0)
			slot_key_drop(model->registry, rule->slot);
		slot_ours_set(model, rule->slot, false);
	}
	policy_selector_release(rule->selector);
	policy_action_release(rule->action);
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
	return error ? error : slot_take(model, key, &rule->slot);
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
	size_t all = 0;
	for (unsigned i = 0; i < CHAIN_COUNT; i++)
		all += model->chains[i].count;
	return rules->count < UINT16_MAX && all < RULE_COUNT_MAX ? 0 : -ENOSPC;
}

static int uuid_compare(const void *a, const void *b)
{
	return strcasecmp(((const struct policy_rule *)a)->uuid,
			  ((const struct policy_rule *)b)->uuid);
}

static int uuid_note(struct policy_rules *rules, struct policy_rule *rule)
{
	struct policy_rule **noted = tsearch(rule, &rules->by_uuid, uuid_compare);
	if (!noted)
		return -ENOMEM;
	return *noted == rule ? 0 : -EEXIST;
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
		selector->users++;
		action->users++;
		error = rule_fill(model, chain, rule, name, uuid);
	}
	if (error == 0)
		error = uuid_note(rules, rule);
	if (error != 0) {
		if (rule)
			rule_free(model, rule);
		errno = -error;
		return NULL;
	}
	rule->created = model->rules_made++;
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
	struct policy_rule *rule = rule_take(rules, index);
	tdelete(rule, &rules->by_uuid, uuid_compare);
	rule_free(model, rule);
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

/* Rules are freed by their order. */
static void rule_left(void *rule)
{
	(void)rule;
}

void policy_rules_clear(struct policy_model *model, enum chain_id chain)
{
	struct policy_rules *rules = &model->chains[chain];
	tdestroy(rules->by_uuid, rule_left);
	rules->by_uuid = NULL;
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

uint64_t policy_rule_created(const struct policy_rule *rule)
{
	return rule->created;
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
