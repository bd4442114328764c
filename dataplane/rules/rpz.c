/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/rpz.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"

static const char *const policy_names[] = {
#define X(policy, name) [RPZ_##policy] = name,
	RPZ_POLICIES(X)
#undef X
};

const char *rpz_policy_name(enum rpz_policy policy)
{
	return policy < RPZ_POLICY_COUNT ? policy_names[policy] : "?";
}

bool rpz_match_of(const struct rpz_zone *zone, const struct name_match *found,
		  struct rpz_match *match)
{
	const struct rpz_trigger *trigger = &zone->triggers[found->value];
	bool wildcard = found->offset != 0;
	uint32_t action = wildcard ? trigger->below : trigger->self;
	if (action == RPZ_NONE)
		return false;
	*match = (struct rpz_match){
		.action = &zone->actions[action],
		.offset = found->offset,
		.wildcard = wildcard,
	};
	return true;
}

bool rpz_find_address(const struct rpz_zone *zone, const struct prefix_index *prefixes,
		      const uint8_t *address, bool ipv6, struct rpz_match *match)
{
	const struct prefix_member *member = prefix_index_find(prefixes, address, ipv6);
	if (!member)
		return false;
	*match = (struct rpz_match){.action = &zone->actions[member->value],
				    .prefix = &member->prefix};
	return true;
}

unsigned rpz_action_records(const struct rpz_zone *zone, const struct rpz_action *action,
			    uint16_t qtype, const struct rpz_record **records)
{
	uint32_t from = 0, count = 0;

	if (action->count == 0)
		return 0;
	const struct rpz_record *first = zone->records + action->first;
	if (first->type == DNS_TYPE_CNAME || qtype == DNS_TYPE_ANY)
		qtype = first->type;
	while (from < action->count && first[from].type != qtype)
		from++;
	while (from + count < action->count && first[from + count].type == qtype)
		count++;
	*records = first + from;
	return count;
}

size_t rpz_wild_target(const struct rpz_zone *zone, const struct rpz_action *action,
		       const uint8_t *name, size_t length, uint8_t target[static DNS_NAME_MAX])
{
	if (action->count == 0 || length == 0)
		return 0;
	const struct rpz_record *record = zone->records + action->first;
	if (length - 1 + record->length > DNS_NAME_MAX)
		return 0;
	memcpy(target, name, length - 1);
	memcpy(target + length - 1, zone->bytes + record->at, record->length);
	return length - 1 + record->length;
}

size_t rpz_zone_memory(const struct rpz_zone *zone)
{
	return sizeof(*zone) + name_index_memory(zone->names) +
	       zone->n_triggers * sizeof(*zone->triggers) +
	       zone->n_actions * sizeof(*zone->actions) +
	       zone->n_records * sizeof(*zone->records) + zone->n_bytes +
	       prefix_index_memory(zone->answers) + prefix_index_memory(zone->clients);
}

void rpz_zone_free(struct rpz_zone *zone)
{
	if (!zone)
		return;
	name_index_free((struct name_index *)zone->names);
	free((void *)zone->triggers);
	free((void *)zone->actions);
	free((void *)zone->records);
	free((void *)zone->bytes);
	prefix_index_free((struct prefix_index *)zone->answers);
	prefix_index_free((struct prefix_index *)zone->clients);
	free(zone);
}
