/* SPDX-License-Identifier: BSD-2-Clause */
/* What was gathered from a response policy zone becomes the arrays that workers read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lists/rpz_build.h"
#include "dataplane/dns/name.h"

#define RECENT 4096u /* actions among which one with the same records is looked for */
#define SOA_NUMBERS 5u
#define SOA_DEFAULT 60u /* seconds */

/* The zone while it is made. */
struct making {
	struct rpz_build *build;
	struct rpz_array actions; /* struct rpz_action */
	struct rpz_array records; /* struct rpz_record */
	struct rpz_array bytes;
	uint32_t recent[RECENT]; /* by hash of their records: actions, RPZ_NONE */
};

/* Appends bytes; their offset, UINT64_MAX without memory. */
static uint64_t bytes_put(struct making *making, const void *bytes, size_t length)
{
	uint64_t at = making->bytes.count;
	if (rpz_array_reserve(&making->bytes, length, 1) != 0)
		return UINT64_MAX;
	if (length > 0)
		memcpy((uint8_t *)making->bytes.items + at, bytes, length);
	making->bytes.count += length;
	return at;
}

/* The records of a set, sorted by type; those of one type in their order. Returns how many. */
static unsigned set_list(const struct rpz_build *build, const struct rpz_build_set *set,
			 const struct rpz_build_record *list[static RPZ_SET_MAX])
{
	const struct rpz_build_record *records = build->records.items;
	uint32_t at = set->first;
	for (unsigned n = 0; n < set->count; n++, at = records[at].next) {
		unsigned place = n;
		for (; place > 0 && list[place - 1]->type > records[at].type; place--)
			list[place] = list[place - 1];
		list[place] = &records[at];
	}
	return set->count;
}

static uint64_t list_hash(const struct rpz_build *build,
			  const struct rpz_build_record *const list[], unsigned count,
			  uint8_t policy)
{
	uint64_t hash = policy;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *bytes = (const uint8_t *)build->bytes.items + list[i]->at;
		hash = dns_name_hash(bytes, list[i]->length, hash);
		hash = hash_mix(hash ^ list[i]->type, list[i]->ttl | 1);
	}
	return hash;
}

/* Whether an action has just these records. */
static bool action_same(const struct making *making, const struct rpz_action *action,
			const struct rpz_build_record *const list[], unsigned count,
			uint8_t policy)
{
	const struct rpz_record *records = making->records.items;
	const uint8_t *ours = making->bytes.items, *theirs = making->build->bytes.items;

	if (action->policy != policy || action->count != count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const struct rpz_record *record = &records[action->first + i];
		if (record->type != list[i]->type || record->ttl != list[i]->ttl ||
		    record->length != list[i]->length)
			return false;
		if (record->length > 0 &&
		    memcmp(ours + record->at, theirs + list[i]->at, record->length) != 0)
			return false;
	}
	return true;
}

/* A new action with these records: its number, RPZ_NONE without memory. */
static uint32_t action_add(struct making *making, const struct rpz_build_record *const list[],
			   unsigned count, uint8_t policy)
{
	if (rpz_array_reserve(&making->actions, 1, sizeof(struct rpz_action)) != 0 ||
	    rpz_array_reserve(&making->records, count, sizeof(struct rpz_record)) != 0)
		return RPZ_NONE;
	struct rpz_action *actions = making->actions.items;
	struct rpz_record *records = making->records.items;
	actions[making->actions.count] = (struct rpz_action){
		.policy = policy, .first = (uint32_t)making->records.count, .count = count};
	for (unsigned i = 0; i < count; i++) {
		uint64_t at = bytes_put(making,
					(const uint8_t *)making->build->bytes.items + list[i]->at,
					list[i]->length);
		if (at == UINT64_MAX)
			return RPZ_NONE;
		records[making->records.count++] = (struct rpz_record){
			.ttl = list[i]->ttl, .type = list[i]->type, .length = list[i]->length,
			.at = at};
	}
	return (uint32_t)making->actions.count++;
}

/* Turns a reference into the number of an action. -ENOMEM. */
static int ref_resolve(struct making *making, uint32_t *ref)
{
	const struct rpz_build_record *list[RPZ_SET_MAX];
	if (*ref == RPZ_NONE || *ref < RPZ_FIXED)
		return 0; /* the first actions are the policies without data, in their order */
	struct rpz_build_set *set =
		(struct rpz_build_set *)making->build->sets.items + (*ref - RPZ_FIXED);
	if (set->action == RPZ_NONE) {
		unsigned count = set_list(making->build, set, list);
		uint64_t hash = list_hash(making->build, list, count, set->policy);
		uint32_t *recent = &making->recent[hash % RECENT];
		const struct rpz_action *actions = making->actions.items;
		if (*recent == RPZ_NONE ||
		    !action_same(making, &actions[*recent], list, count, set->policy))
			*recent = action_add(making, list, count, set->policy);
		set->action = *recent;
	}
	*ref = set->action;
	return *ref == RPZ_NONE ? -ENOMEM : 0;
}

static int refs_resolve(struct making *making)
{
	struct rpz_build *build = making->build;
	struct rpz_trigger *triggers = build->triggers.items;
	struct rpz_array *lists[] = {&build->answers, &build->clients};
	int error = 0;

	for (size_t i = 0; i < build->triggers.count && error == 0; i++) {
		error = ref_resolve(making, &triggers[i].self);
		if (error == 0)
			error = ref_resolve(making, &triggers[i].below);
	}
	for (unsigned n = 0; n < 2; n++) {
		struct prefix_member *prefixes = lists[n]->items;
		for (size_t i = 0; i < lists[n]->count && error == 0; i++)
			error = ref_resolve(making, &prefixes[i].value);
	}
	return error;
}

static int making_init(struct making *making)
{
	memset(making->recent, 0xff, sizeof(making->recent)); /* RPZ_NONE */
	for (uint8_t policy = 0; policy < RPZ_FIXED; policy++)
		if (action_add(making, NULL, 0, policy) == RPZ_NONE)
			return -ENOMEM;
	return 0;
}

/* The SOA that was read, or one of our own: its name and data behind the other bytes. */
static int soa_put(struct making *making, struct rpz_zone *zone, uint64_t *at)
{
	static const uint8_t own[] = "\0" "\11localhost\0" "\11localhost\0" "\0\0\0\1"
				     "\0\0\0\74" "\0\0\0\74" "\0\0\0\74" "\0\0\0\74";
	struct rpz_build *build = making->build;
	const uint8_t *soa = build->soa_length > 0 ? build->soa : own;

	zone->soa.zone_length = build->soa_length > 0 ? build->soa_name_length : 1;
	zone->soa.ttl = build->soa_length > 0 ? build->soa_ttl : SOA_DEFAULT;
	*at = bytes_put(making, soa,
			build->soa_length > 0 ? (size_t)build->soa_name_length + build->soa_length
					      : sizeof(own) - 1);
	return *at == UINT64_MAX ? -ENOMEM : 0;
}

/* Points the zone's SOA to its bytes; the parser has checked that the data is what it should be. */
static void soa_read(struct rpz_zone *zone, const uint8_t *at)
{
	struct dns_reply_soa *soa = &zone->soa;
	uint32_t *numbers[SOA_NUMBERS] = {&soa->serial, &soa->refresh, &soa->retry, &soa->expire,
					  &soa->minimum};
	uint8_t labels;

	soa->zone = at;
	soa->mname = at + soa->zone_length;
	soa->mname_length = (uint8_t)dns_name_measure(soa->mname, DNS_NAME_MAX, &labels);
	soa->rname = soa->mname + soa->mname_length;
	soa->rname_length = (uint8_t)dns_name_measure(soa->rname, DNS_NAME_MAX, &labels);
	for (unsigned i = 0; i < SOA_NUMBERS; i++)
		*numbers[i] = dns_u32_load(soa->rname + soa->rname_length + 4 * i);
	/* How long there is nothing: RFC 2308, section 3. */
	if (soa->ttl > soa->minimum)
		soa->ttl = soa->minimum;
}

/* Gives an array to the zone, without the room it does not need. */
static void *array_give(struct rpz_array *array, size_t size)
{
	void *items = array->items;
	if (array->count > 0) {
		void *less = realloc(items, array->count * size);
		items = less ? less : items;
	}
	*array = (struct rpz_array){0};
	return items;
}

static void arrays_give(struct making *making, struct rpz_zone *zone)
{
	struct rpz_build *build = making->build;
	zone->n_triggers = (uint32_t)build->triggers.count;
	zone->n_actions = (uint32_t)making->actions.count;
	zone->n_records = (uint32_t)making->records.count;
	zone->n_bytes = making->bytes.count;
	zone->triggers = array_give(&build->triggers, sizeof(struct rpz_trigger));
	zone->actions = array_give(&making->actions, sizeof(struct rpz_action));
	zone->records = array_give(&making->records, sizeof(struct rpz_record));
	zone->bytes = array_give(&making->bytes, 1);
}

/* Of those that are the same the one with the lower reference first: the result is always one. */
static int references_compare(const void *a, const void *b)
{
	const struct prefix_member *left = a, *right = b;
	int order = prefix_compare(&left->prefix, &right->prefix);
	return order != 0 ? order : (left->value > right->value) - (left->value < right->value);
}

/* Joins what prefixes that are there several times say. */
static void prefixes_join(struct rpz_build *build, struct rpz_array *array)
{
	struct prefix_member *members = array->items;
	size_t kept = 0;

	if (array->count > 0)
		qsort(members, array->count, sizeof(*members), references_compare);
	for (size_t i = 0; i < array->count; i++) {
		struct prefix_member *last = members + kept - 1;
		if (kept > 0 && prefix_compare(&last->prefix, &members[i].prefix) == 0)
			last->value = rpz_refs_join(build, last->value, members[i].value);
		else
			members[kept++] = members[i];
	}
	array->count = kept;
}

static int zone_fill(struct making *making, struct rpz_zone *zone)
{
	struct rpz_build *build = making->build;
	uint64_t soa;

	/* Joins the owners that are there several times, so the references come after it. */
	zone->names = name_builder_finish(build->names);
	build->names = NULL;
	prefixes_join(build, &build->answers);
	prefixes_join(build, &build->clients);
	if (!zone->names || build->error != 0 || making_init(making) != 0 ||
	    refs_resolve(making) != 0 || soa_put(making, zone, &soa) != 0)
		return -ENOMEM;
	arrays_give(making, zone);
	soa_read(zone, zone->bytes + soa);
	zone->answers = prefix_index_build(build->answers.items, build->answers.count);
	zone->clients = prefix_index_build(build->clients.items, build->clients.count);
	return zone->answers && zone->clients ? 0 : -ENOMEM;
}

struct rpz_zone *rpz_zone_make(struct rpz_build *build)
{
	struct making *making = calloc(1, sizeof(*making));
	struct rpz_zone *zone = calloc(1, sizeof(*zone));
	int error = -ENOMEM;

	if (making && zone) {
		making->build = build;
		error = zone_fill(making, zone);
		free(making->actions.items);
		free(making->records.items);
		free(making->bytes.items);
	}
	free(making);
	if (error == 0)
		return zone;
	rpz_zone_free(zone);
	return NULL;
}
