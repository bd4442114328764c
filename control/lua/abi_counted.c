/* SPDX-License-Identifier: BSD-2-Clause */
/* The queries that policies count by name, out of the rings of late ones. */
#include "control/lua/abi.h"

#include <string.h>

#include "dataplane/dns/name.h"
#include "dataplane/recent.h"

int sluice_counted_set(bool counted)
{
	policy_model_settings(lua_abi_context()->model)->recent.counted = counted;
	sluice_policy_changed();
	return 0;
}

double sluice_counted_lost(void)
{
	return (double)lua_abi_context()->counted.lost;
}

static const struct recent *rings_now(const struct lua_context *context)
{
	return context->hooks != NULL && context->hooks->recent != NULL
		       ? context->hooks->recent(context->hooks_ctx)
		       : NULL;
}

static uint32_t lcores_of(const struct recent *recent)
{
	return RTE_MIN(recent->n_lcores, LUA_COUNTED_LCORES);
}

/* What came before it was counted is not: other rings are read from their end on. */
static void rings_adopt(struct lua_counted *counted, const struct recent *recent)
{
	counted->recent = recent;
	counted->serial = recent_serial(recent);
	for (uint32_t i = 0; recent != NULL && i < lcores_of(recent); i++)
		counted->next[i] = recent_count(&recent->rings[i][RECENT_QUERIES]);
}

static bool entry_next(struct lua_counted *counted, uint32_t lcore, struct recent_entry *entry)
{
	const struct recent_ring *ring = &counted->recent->rings[lcore][RECENT_QUERIES];
	uint64_t end = recent_count(ring), *next = &counted->next[lcore];
	if (ring->size > 0 && end - *next > ring->size) {
		counted->lost += end - ring->size - *next;
		*next = end - ring->size;
	}
	while (*next < end) {
		if (recent_copy(ring, (*next)++, entry))
			return true;
		counted->lost++;
	}
	return false;
}

static void query_read(const struct recent_entry *from, struct lua_recent *to)
{
	uint8_t labels;
	memset(to, 0, offsetof(struct lua_recent, name));
	to->weight = from->weight;
	to->qtype = from->qtype;
	to->size = from->size;
	to->tcp = (from->flags & RECENT_TCP) != 0;
	to->client.ipv6 = (from->flags & RECENT_IPV6) != 0;
	to->client.port = from->client_port;
	memcpy(to->client.bytes, from->client, to->client.ipv6 ? 16 : 4);
	memcpy(to->header.bytes, from->header, sizeof(to->header.bytes));
	to->name.length = (uint8_t)dns_name_measure(from->name, from->name_length, &labels);
	dns_name_lower(to->name.wire, from->name, to->name.length);
}

bool sluice_counted_next(struct lua_recent *query)
{
	struct lua_context *context = lua_abi_context();
	struct lua_counted *counted = &context->counted;
	const struct recent *recent = rings_now(context);
	struct recent_entry entry;
	if (recent == NULL || !policy_model_settings(context->model)->recent.counted)
		return false;
	if (recent != counted->recent || recent->serial != counted->serial)
		rings_adopt(counted, recent);
	for (uint32_t i = 0; i < lcores_of(recent); i++)
		if (entry_next(counted, i, &entry)) {
			query_read(&entry, query);
			return true;
		}
	return false;
}
