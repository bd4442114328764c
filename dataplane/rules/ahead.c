/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/ahead.h"

#include "dataplane/policy.h"
#include "dataplane/rules/live_list.h"
#include "dataplane/rules/matched.h"

#define LIST_MIN (1u << 20) /* bytes: smaller lists are in the caches anyway */

static_assert(RULE_AHEAD_MAX <= NAME_INDEX_BULK_MAX, "names");
static_assert(RULE_AHEAD_MAX <= PREFIX_INDEX_BULK_MAX, "prefixes");
static_assert(RULE_AHEAD_MAX <= SUBSCRIBER_BULK_MAX, "subscribers");

/* The queries of the burst. */
struct burst {
	struct rte_mbuf *const *mbufs;
	unsigned count;
};

static bool names_find(struct rule_ahead_list *to, const struct live_list *seen,
		       const struct burst *burst)
{
	const uint8_t *names[RULE_AHEAD_MAX];
	uint8_t lengths[RULE_AHEAD_MAX];
	const struct name_index *index = live_list_names(seen);
	if (index == NULL || name_index_memory(index) < LIST_MIN)
		return false;
	for (unsigned i = 0; i < burst->count; i++) {
		size_t length;
		names[i] = matched_name(burst->mbufs[i], &length);
		lengths[i] = names[i] != NULL ? (uint8_t)length : 0; /* of no name */
	}
	to->covered = name_index_find_bulk(index, names, lengths, burst->count, to->names);
	return true;
}

static bool prefixes_find(struct rule_ahead_list *to, const struct live_list *seen,
			  const struct burst *burst)
{
	const uint8_t *addresses[RULE_AHEAD_MAX];
	uint64_t ipv6 = 0;
	const struct prefix_index *index = live_list_prefixes(seen);
	if (index == NULL || prefix_index_memory(index) < LIST_MIN)
		return false;
	for (unsigned i = 0; i < burst->count; i++) {
		const struct query_state *query = &packet_of(burst->mbufs[i])->query;
		addresses[i] = query->client_addr;
		ipv6 |= (uint64_t)((query->flags & QUERY_IPV6) != 0) << i;
	}
	prefix_index_find_bulk(index, addresses, ipv6, burst->count, to->prefixes);
	return true;
}

static bool subscribers_find(struct rule_ahead_list *to, const struct live_list *seen,
			     const struct burst *burst)
{
	struct subscriber_client clients[RULE_AHEAD_MAX];
	const struct subscriber_table *table = live_list_subscribers(seen);
	if (table == NULL || subscriber_table_memory(table) < LIST_MIN)
		return false;
	for (unsigned i = 0; i < burst->count; i++) {
		const struct query_state *query = &packet_of(burst->mbufs[i])->query;
		clients[i] = (struct subscriber_client){
			query->client_addr, query->flags & QUERY_IPV6, query->client_port};
	}
	subscriber_find_bulk(table, clients, burst->count, to->records);
	return true;
}

/* Looks at the list once: another may be stored meanwhile. False if it is not worth it. */
static bool list_find(struct rule_ahead_list *to, const struct burst *burst)
{
	const struct live_list seen = {
		.now = __atomic_load_n(&to->list->now, __ATOMIC_ACQUIRE),
		.kind = to->list->kind,
	};
	to->now = seen.now;
	switch (seen.kind) {
	case LIVE_LIST_NAMES:
	case LIVE_LIST_ZONE:
		return names_find(to, &seen, burst);
	case LIVE_LIST_PREFIXES:
		return prefixes_find(to, &seen, burst);
	case LIVE_LIST_SUBSCRIBERS:
		return subscribers_find(to, &seen, burst);
	case LIVE_LIST_STORE:
		break;
	}
	return false;
}

void rule_ahead_find(struct rule_ahead *ahead, const struct policy *policy,
		     struct rte_mbuf *const mbufs[], unsigned count)
{
	struct burst burst = {mbufs, RTE_MIN(count, RULE_AHEAD_MAX)};
	ahead->count = 0;
	if (policy->n_ahead == 0 || count < 2)
		return;
	ahead->n_lists = 0;
	for (unsigned i = 0; i < policy->n_ahead; i++) {
		struct rule_ahead_list *to = &ahead->lists[ahead->n_lists];
		to->list = policy->ahead[i].list;
		to->trigger = policy->ahead[i].trigger;
		ahead->n_lists += list_find(to, &burst);
	}
	if (ahead->n_lists == 0)
		return;
	for (unsigned i = 0; i < burst.count; i++)
		ahead->mbufs[i] = mbufs[i];
	ahead->count = burst.count;
	ahead->at = 0;
}

/* Rules meet the queries in their order, so the first look is nearly always right. */
static bool query_seek(struct rule_ahead *ahead, const struct rte_mbuf *mbuf)
{
	for (unsigned i = 0, at = ahead->at; i < ahead->count; i++) {
		if (ahead->mbufs[at] == mbuf) {
			ahead->at = at;
			return true;
		}
		at = at + 1 == ahead->count ? 0 : at + 1;
	}
	return false;
}

void rule_ahead_forget(struct rule_ahead *ahead, const struct rte_mbuf *mbuf)
{
	if (query_seek(ahead, mbuf))
		ahead->mbufs[ahead->at] = NULL;
}

const struct rule_ahead_list *rule_ahead_get(struct rule_ahead *ahead, const struct rte_mbuf *mbuf,
					     const struct live_list *list, unsigned trigger,
					     unsigned *number)
{
	if (!query_seek(ahead, mbuf))
		return NULL;
	for (unsigned i = 0; i < ahead->n_lists; i++)
		if (ahead->lists[i].list == list && ahead->lists[i].trigger == trigger) {
			*number = ahead->at;
			return &ahead->lists[i];
		}
	return NULL;
}
