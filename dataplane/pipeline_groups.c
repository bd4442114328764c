/* SPDX-License-Identifier: BSD-2-Clause */
/* What clients ask and are answered, counted for groups of dynamic blocks. */
#include "dataplane/pipeline_parts.h"
#include "dataplane/rules/client_counts.h"

static void group_flush(struct worker *worker, const struct policy_group *group)
{
	struct count_losses losses = {0};
	client_counts_flush(group->counts, worker->index, group->limits, worker->now, &losses);
	stats_add(&worker->stats.counter[STATS_CLIENTS_REPLACED], losses.replaced);
	stats_add(&worker->stats.counter[STATS_CLIENTS_REFUSED], losses.refused);
	stats_add(&worker->stats.counter[STATS_CLIENTS_UNTOLD], losses.untold);
}

static void event_add(struct worker *worker, const struct policy_group *group,
		      const struct query_state *query, const struct count_event *event)
{
	bool ipv6 = (query->flags & QUERY_IPV6) != 0;
	if (group->excluded != NULL && prefix_set_match(group->excluded, query->client_addr, ipv6))
		return;
	if (client_counts_add(group->counts, worker->index, query->client_addr, ipv6,
			      query->client_port, event))
		group_flush(worker, group);
}

void pipeline_groups_queries(struct worker *worker, uint16_t total)
{
	const struct policy *policy = policy_now(worker);
	for (unsigned g = 0; g < policy->n_groups; g++) {
		const struct policy_group *group = &policy->groups[g];
		if (group->counts->shape.n_queries == 0)
			continue;
		for (unsigned i = 0; i < total; i++) {
			const struct query_state *query = &packet_of(worker->queries[i])->query;
			event_add(worker, group, query, &(struct count_event){.value = query->qtype});
		}
	}
}

void pipeline_groups_answer(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct policy *policy = policy_now(worker);
	const struct packet *packet = packet_of(mbuf);
	const struct count_event event = {
		.answer = true,
		.value = packet_dns(mbuf)[3] & 0x0f,
		.bytes = packet->dns_length,
		.miss = packet->origin == STATS_FORWARDED_ANSWER,
		.part = packet->more,
	};
	for (unsigned g = 0; g < policy->n_groups; g++) {
		const struct policy_group *group = &policy->groups[g];
		if (group->counts->shape.n_columns > group->counts->shape.n_queries)
			event_add(worker, group, &packet->query, &event);
	}
}

void pipeline_groups_flush(struct worker *worker)
{
	const struct policy *policy = policy_now(worker);
	for (unsigned g = 0; g < policy->n_groups; g++)
		group_flush(worker, &policy->groups[g]);
}
