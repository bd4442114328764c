/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What large lists have for the queries of a burst, looked up for all of them at once before they
 * meet their rules: so the burst waits for memory a few times, and not each of its queries. Rules
 * take what was found; what was not looked up ahead they look up themselves.
 */
#ifndef SLUICE_DATAPLANE_RULES_AHEAD_H
#define SLUICE_DATAPLANE_RULES_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/rules/name_index.h"

#define RULE_AHEAD_MAX 64u  /* queries */
#define RULE_AHEAD_LISTS 4u /* things that are looked up */

struct live_list;
struct policy;
struct prefix_member;
struct rte_mbuf;

/* What one list had for each query. */
struct rule_ahead_list {
	const struct live_list *list;
	const void *now;  /* what the list was then */
	unsigned trigger; /* enum matched_trigger */
	uint64_t covered; /* bit n: query n has a name in the list */
	union {
		struct name_match names[RULE_AHEAD_MAX];
		const struct prefix_member *prefixes[RULE_AHEAD_MAX]; /* NULL: none */
		uint32_t records[RULE_AHEAD_MAX]; /* of subscribers; SUBSCRIBER_NOBODY */
	};
};

/* Of a burst; the lcore's own. */
struct rule_ahead {
	unsigned count; /* queries; 0: nothing was looked up */
	unsigned at;	/* where the one is that was asked for last */
	unsigned n_lists;
	const struct rte_mbuf *mbufs[RULE_AHEAD_MAX];
	struct rule_ahead_list lists[RULE_AHEAD_LISTS];
};

/*
 * Looks up what the policy's first query rules will ask of large lists, for the first
 * RULE_AHEAD_MAX of these queries. What is found is good until rule_ahead_end(), which is to be
 * called before any of the buffers is another packet's.
 */
void rule_ahead_find(struct rule_ahead *ahead, const struct policy *policy,
		     struct rte_mbuf *const mbufs[], unsigned count);

static inline void rule_ahead_end(struct rule_ahead *ahead)
{
	ahead->count = 0;
}

/* The query may have become another: what was found for it counts no more. */
void rule_ahead_forget(struct rule_ahead *ahead, const struct rte_mbuf *mbuf);

/* What was found for a query, and its number in the burst; NULL: nothing was looked up. */
const struct rule_ahead_list *rule_ahead_get(struct rule_ahead *ahead, const struct rte_mbuf *mbuf,
					     const struct live_list *list, unsigned trigger,
					     unsigned *number);

#endif
