/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a response policy zone, and then what workers do with it. */
#include "tests/fuzz/lists.h"

#include "dataplane/dns/message.h"

static void action_check(const struct rpz_zone *zone, const struct rpz_action *action)
{
	const struct rpz_record *records;
	uint8_t target[DNS_NAME_MAX], labels;

	if (action->policy >= RPZ_POLICY_COUNT || action->first + action->count > zone->n_records)
		abort();
	for (uint32_t i = action->first; i < action->first + action->count; i++) {
		const struct rpz_record *record = &zone->records[i];
		if (record->at + record->length > zone->n_bytes)
			abort();
		if (record->type == DNS_TYPE_CNAME &&
		    (action->count != 1 || dns_name_measure(zone->bytes + record->at,
							    record->length, &labels) !=
						   record->length))
			abort();
	}
	if (action->policy != RPZ_DATA && action->policy != RPZ_WILD_CNAME && action->count > 0)
		abort();
	if (rpz_action_records(zone, action, DNS_TYPE_ANY, &records) > action->count)
		abort();
	if (action->policy == RPZ_WILD_CNAME)
		rpz_wild_target(zone, action, (const uint8_t *)"\1a", 3, target);
}

static bool name_find(const struct rpz_zone *zone, const uint8_t *name, size_t length,
		      struct rpz_match *match)
{
	struct name_match found;
	return name_index_find(zone->names, name, length, &found) &&
	       rpz_match_of(zone, &found, match);
}

static void names_check(const struct rpz_zone *zone)
{
	struct name_member member;
	struct rpz_match match;
	uint8_t below[2 + DNS_NAME_MAX] = "\1-";

	for (uint64_t cursor = 0; name_index_next(zone->names, &cursor, &member);) {
		if (member.value >= zone->n_triggers)
			abort();
		const struct rpz_trigger *trigger = &zone->triggers[member.value];
		if ((trigger->self == RPZ_NONE) != !(member.flags & NAME_ENTRY_SELF) ||
		    (trigger->below == RPZ_NONE) != !(member.flags & NAME_ENTRY_BELOW))
			abort();
		if ((member.flags & NAME_ENTRY_SELF) &&
		    (!name_find(zone, member.name, member.length, &match) || match.wildcard))
			abort();
		memcpy(below + 2, member.name, member.length);
		if ((member.flags & NAME_ENTRY_BELOW) && member.length + 2u <= DNS_NAME_MAX &&
		    !name_find(zone, below, member.length + 2u, &match))
			abort();
	}
}

/* The first address of each prefix is in it, or in a longer one. */
static void prefixes_check(const struct rpz_zone *zone, const struct prefix_index *prefixes)
{
	struct rpz_match match;
	for (size_t i = 0; i < prefix_index_count(prefixes); i++) {
		const struct prefix_member *member = prefix_index_at(prefixes, i);
		const struct prefix_entry *prefix = &member->prefix;
		if (member->value >= zone->n_actions ||
		    !rpz_find_address(zone, prefixes, prefix->address, prefix->ipv6, &match) ||
		    match.prefix->length < prefix->length)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list_options options = {.format = LIST_FORMAT_RPZ};
	struct list_report report;
	struct rpz_zone *zone = list_load_rpz_memory(data, size, &options, &report);

	if ((zone == NULL) != (report.failure[0] != '\0') || (zone && report.entries == 0))
		abort();
	if (zone == NULL)
		return 0;
	for (uint32_t i = 0; i < zone->n_actions; i++)
		action_check(zone, &zone->actions[i]);
	names_check(zone);
	prefixes_check(zone, zone->answers);
	prefixes_check(zone, zone->clients);
	rpz_zone_free(zone);
	return 0;
}
