/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a response policy zone. Records of one owner make one set of local data, also when they
 * stand apart in the file; sets with the same records share one action, as do policies without
 * data, so that a zone that sends a million names to one address has one action.
 */
#include "control/lists/rpz_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"

int rpz_array_reserve(struct rpz_array *array, size_t more, size_t size)
{
	if (array->count + more <= array->room)
		return 0;
	size_t room = (array->count + more) * 3 / 2 + 16;
	if (array->count + more >= RPZ_NONE - RPZ_FIXED && size > 1)
		return -ENOMEM;
	void *items = realloc(array->items, room * size);
	if (!items)
		return -ENOMEM;
	array->items = items;
	array->room = room;
	return 0;
}

static struct rpz_build_set *set_of(const struct rpz_build *build, uint32_t set)
{
	return (struct rpz_build_set *)build->sets.items + set;
}

static struct rpz_build_record *record_of(const struct rpz_build *build, uint32_t record)
{
	return (struct rpz_build_record *)build->records.items + record;
}

static bool records_same(const struct rpz_build *build, const struct rpz_build_record *a,
			 const struct rpz_build_record *b)
{
	const uint8_t *bytes = build->bytes.items;
	return a->type == b->type && a->length == b->length &&
	       (a->length == 0 || memcmp(bytes + a->at, bytes + b->at, a->length) == 0);
}

/* Whether a set has this record. */
static bool set_has(const struct rpz_build *build, const struct rpz_build_set *set,
		    const struct rpz_build_record *record)
{
	uint32_t at = set->first;
	for (uint32_t i = 0; i < set->count; i++, at = record_of(build, at)->next)
		if (records_same(build, record_of(build, at), record))
			return true;
	return false;
}

/*
 * Puts a record that is in no set into one. It is left out if it is there already, and if a CNAME
 * and other data would come together, or too many.
 */
static void set_put(struct rpz_build *build, struct rpz_build_set *set, uint32_t number)
{
	struct rpz_build_record *record = record_of(build, number);
	if (set->count > 0 && set_has(build, set, record))
		return;
	if (set->count == RPZ_SET_MAX ||
	    (set->count > 0 && (record->type == DNS_TYPE_CNAME ||
				record_of(build, set->first)->type == DNS_TYPE_CNAME))) {
		build->conflicts++;
		return;
	}
	record->next = RPZ_NONE;
	if (set->count++ == 0)
		set->first = number;
	else
		record_of(build, set->last)->next = number;
	set->last = number;
}

uint32_t rpz_refs_join(struct rpz_build *build, uint32_t before, uint32_t after)
{
	if (before == RPZ_NONE || before == after)
		return after;
	if (after == RPZ_NONE)
		return before;
	if (before < RPZ_FIXED || after < RPZ_FIXED) {
		build->conflicts++;
		return after;
	}
	struct rpz_build_set *to = set_of(build, before - RPZ_FIXED);
	struct rpz_build_set *from = set_of(build, after - RPZ_FIXED);
	uint32_t at = from->first, count = from->count;
	for (from->count = 0; count > 0; count--) {
		uint32_t next = record_of(build, at)->next;
		set_put(build, to, at);
		at = next;
	}
	return before;
}

/* A new trigger; RPZ_NONE without memory. */
static uint32_t trigger_add(struct rpz_build *build, uint32_t self, uint32_t below)
{
	if (rpz_array_reserve(&build->triggers, 1, sizeof(struct rpz_trigger)) != 0) {
		build->error = -ENOMEM;
		return RPZ_NONE;
	}
	struct rpz_trigger *triggers = build->triggers.items;
	triggers[build->triggers.count] = (struct rpz_trigger){self, below};
	return (uint32_t)build->triggers.count++;
}

/* Where a reference without data stands among those made beforehand, RPZ_NONE last. */
static uint32_t fixed_place(uint32_t ref)
{
	return ref == RPZ_NONE ? RPZ_FIXED : ref < RPZ_FIXED ? ref : UINT32_MAX;
}

/*
 * The trigger for two references. Those without data are made beforehand, one for each pair, for a
 * zone has few kinds of them and millions of names.
 */
static uint32_t trigger_of(struct rpz_build *build, uint32_t self, uint32_t below)
{
	uint32_t row = fixed_place(self), column = fixed_place(below);
	if (row <= RPZ_FIXED && column <= RPZ_FIXED)
		return row * (RPZ_FIXED + 1) + column;
	return trigger_add(build, self, below);
}

static int triggers_init(struct rpz_build *build)
{
	for (uint32_t row = 0; row <= RPZ_FIXED; row++)
		for (uint32_t column = 0; column <= RPZ_FIXED; column++)
			if (trigger_add(build, row < RPZ_FIXED ? row : RPZ_NONE,
					column < RPZ_FIXED ? column : RPZ_NONE) == RPZ_NONE)
				return -ENOMEM;
	return 0;
}

/* Called when the index is made: an owner that has records in several places of the file. */
static uint32_t owners_join(void *data, const struct name_member *before,
			    const struct name_member *after)
{
	struct rpz_build *build = data;
	const struct rpz_trigger *triggers = build->triggers.items;
	struct rpz_trigger first = triggers[before->value], second = triggers[after->value];
	uint32_t self = rpz_refs_join(build, first.self, second.self);
	uint32_t below = rpz_refs_join(build, first.below, second.below);
	uint32_t trigger = trigger_of(build, self, below);
	return trigger == RPZ_NONE ? before->value : trigger;
}

/* Whether the entry has the same owner as the one before. */
static bool owner_same(const struct rpz_build *build, const struct list_rpz_entry *entry)
{
	if (build->last_set == RPZ_NONE || entry->kind != build->last.kind)
		return false;
	if (entry->kind != LIST_RPZ_NAME)
		return memcmp(&entry->prefix, &build->last.prefix, sizeof(entry->prefix)) == 0;
	return entry->flags == build->last.flags &&
	       dns_name_equal(entry->name, entry->length, build->last_name, build->last.length);
}

static void owner_keep(struct rpz_build *build, const struct list_rpz_entry *entry, uint32_t set)
{
	build->last_set = set;
	build->last = *entry;
	if (entry->kind == LIST_RPZ_NAME)
		memcpy(build->last_name, entry->name, entry->length);
}

/* Keeps the entry's record: its number, RPZ_NONE without memory. */
static uint32_t record_add(struct rpz_build *build, const struct list_rpz_entry *entry)
{
	if (rpz_array_reserve(&build->records, 1, sizeof(struct rpz_build_record)) != 0 ||
	    rpz_array_reserve(&build->bytes, entry->rdata_length, 1) != 0)
		return RPZ_NONE;
	memcpy((uint8_t *)build->bytes.items + build->bytes.count, entry->rdata,
	       entry->rdata_length);
	*record_of(build, (uint32_t)build->records.count) = (struct rpz_build_record){
		.next = RPZ_NONE,
		.ttl = entry->ttl,
		.at = build->bytes.count,
		.type = entry->type,
		.length = entry->rdata_length,
	};
	build->bytes.count += entry->rdata_length;
	return (uint32_t)build->records.count++;
}

/* Binds a reference to the owner: a name, or a prefix. */
static int owner_bind(struct rpz_build *build, const struct list_rpz_entry *entry, uint32_t ref)
{
	if (entry->kind == LIST_RPZ_NAME) {
		bool self = entry->flags == NAME_ENTRY_SELF;
		uint32_t trigger = trigger_of(build, self ? ref : RPZ_NONE, self ? RPZ_NONE : ref);
		if (trigger == RPZ_NONE)
			return -ENOMEM;
		return name_builder_add(build->names, entry->name, entry->length, entry->flags,
					trigger);
	}
	struct rpz_array *array =
		entry->kind == LIST_RPZ_ANSWER ? &build->answers : &build->clients;
	if (rpz_array_reserve(array, 1, sizeof(struct prefix_member)) != 0)
		return -ENOMEM;
	struct prefix_member *prefixes = array->items;
	prefixes[array->count++] = (struct prefix_member){.prefix = entry->prefix, .value = ref};
	return 0;
}

/* A record of local data. */
static int data_add(struct rpz_build *build, const struct list_rpz_entry *entry)
{
	uint32_t record = record_add(build, entry);
	if (record == RPZ_NONE)
		return -ENOMEM;
	if (owner_same(build, entry)) {
		set_put(build, set_of(build, build->last_set), record);
		return 0;
	}
	if (rpz_array_reserve(&build->sets, 1, sizeof(struct rpz_build_set)) != 0)
		return -ENOMEM;
	uint32_t set = (uint32_t)build->sets.count++;
	*set_of(build, set) = (struct rpz_build_set){.action = RPZ_NONE, .policy = entry->policy};
	set_put(build, set_of(build, set), record);
	owner_keep(build, entry, set);
	return owner_bind(build, entry, set + RPZ_FIXED);
}

static void soa_keep(struct rpz_build *build, const struct list_rpz_entry *entry)
{
	memcpy(build->soa, entry->name, entry->length);
	memcpy(build->soa + entry->length, entry->rdata, entry->rdata_length);
	build->soa_name_length = (uint8_t)entry->length;
	build->soa_length = entry->rdata_length;
	build->soa_ttl = entry->ttl;
}

static int entry_add(void *data, const struct list_rpz_entry *entry)
{
	struct rpz_build *build = data;
	if (entry->kind == LIST_RPZ_SOA) {
		soa_keep(build, entry);
		return 0;
	}
	if (entry->policy >= RPZ_FIXED)
		return data_add(build, entry);
	build->last_set = RPZ_NONE;
	return owner_bind(build, entry, entry->policy);
}

static void build_free(struct rpz_build *build)
{
	if (!build)
		return;
	name_builder_free(build->names);
	free(build->triggers.items);
	free(build->sets.items);
	free(build->records.items);
	free(build->bytes.items);
	free(build->answers.items);
	free(build->clients.items);
	free(build);
}

static struct rpz_build *build_new(void)
{
	struct rpz_build *build = calloc(1, sizeof(*build));
	if (!build)
		return NULL;
	build->names = name_builder_new();
	build->last_set = RPZ_NONE;
	if (!build->names || triggers_init(build) != 0) {
		build_free(build);
		return NULL;
	}
	name_builder_merge_set(build->names, owners_join, build);
	return build;
}

static void fail(struct list_report *report, const char *why)
{
	snprintf(report->failure, sizeof(report->failure), "%s", why);
}

/* Owners that contradict themselves are no error of one line. */
static void conflicts_report(struct list_report *report, uint64_t conflicts)
{
	if (conflicts == 0)
		return;
	report->errors += conflicts;
	if (report->n_messages == LIST_MESSAGES_MAX)
		return;
	struct list_message *message = &report->messages[report->n_messages++];
	message->line = 0;
	snprintf(message->text, sizeof(message->text),
		 "%llu records are left out: they contradict others of their owner",
		 (unsigned long long)conflicts);
}

/* From a file if there is a path, else from memory. */
static struct rpz_zone *zone_load(const char *path, const void *bytes, size_t size,
				  const struct list_options *options, struct list_report *report)
{
	struct rpz_build *build = build_new();
	struct rpz_zone *zone = NULL;
	struct list_options rpz = *options;
	struct list_sink sink = {.data = build, .rpz = entry_add};

	*report = (struct list_report){0};
	if (!build) {
		fail(report, strerror(ENOMEM));
		return NULL;
	}
	rpz.format = LIST_FORMAT_RPZ;
	int error = path ? list_parse_file(path, &rpz, &sink, report)
			 : list_parse_memory(bytes, size, &rpz, &sink, report);
	if (error == 0) {
		zone = rpz_zone_make(build);
		if (!zone)
			fail(report, strerror(ENOMEM));
		conflicts_report(report, build->conflicts);
	}
	build_free(build);
	return zone;
}

struct rpz_zone *list_load_rpz(const char *path, const struct list_options *options,
			       struct list_report *report)
{
	return zone_load(path, NULL, 0, options, report);
}

struct rpz_zone *list_load_rpz_memory(const void *bytes, size_t size,
				      const struct list_options *options,
				      struct list_report *report)
{
	return zone_load(NULL, bytes, size, options, report);
}
