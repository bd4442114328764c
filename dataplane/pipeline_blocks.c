/* SPDX-License-Identifier: BSD-2-Clause */
/* What dynamic blocks do to queries before these meet their rules. */
#include "dataplane/pipeline_parts.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/blocks.h"

/* These say whether the query goes on; else it is answered, dropped or sent past its rules. */
static bool rcode_answer(struct worker *worker, struct rte_mbuf *mbuf, uint16_t rcode)
{
	if (rule_block_rcode(mbuf, &worker->rules, rcode) == RULE_DROP)
		pipeline_drop(worker, mbuf, packet_of(mbuf)->drop_reason);
	else
		pipeline_answer(worker, mbuf);
	return false;
}

static bool truncated_answer(struct worker *worker, struct rte_mbuf *mbuf)
{
	if (rule_block_truncated(mbuf, &worker->rules) == RULE_DROP)
		pipeline_drop(worker, mbuf, packet_of(mbuf)->drop_reason);
	else
		pipeline_answer(worker, mbuf);
	return false;
}

/* As dnsdist has it, the query rules are not for a query whose RD a block has cleared. */
static bool recursion_end(struct worker *worker, struct rte_mbuf *mbuf)
{
	dns_header_of(packet_dns(mbuf))->rd = 0;
	pipeline_cache_ask(worker, mbuf);
	return false;
}

static bool tag_put(struct worker *worker, struct rte_mbuf *mbuf, const struct block_tag *tag)
{
	if (tag_set(&packet_of(mbuf)->query.notes, tag->bytes, tag->key_length,
		    tag->bytes + tag->key_length, tag->value_length) != 0)
		count(worker, STATS_DYN_UNTAGGED);
	return true;
}

static uint8_t action_of(const struct worker *worker, const struct block *block)
{
	uint8_t action = __atomic_load_n(&block->action, __ATOMIC_RELAXED);
	return action != RULE_RESULT_NONE ? action : policy_now(worker)->block_action;
}

static bool block_apply(struct worker *worker, struct rte_mbuf *mbuf, const struct block *block)
{
	uint8_t action = action_of(worker, block);
	bool tcp = (packet_of(mbuf)->query.flags & QUERY_TCP) != 0;
	stats_add(&block->hits[worker->index * BLOCK_HITS_ROW], 1);
	if (action == RULE_RESULT_NO_OP || (action == RULE_RESULT_TRUNCATE && tcp) ||
	    (action == RULE_RESULT_SET_TAG && block->tag == NULL))
		return true;
	count(worker, STATS_DYN_BLOCKED);
	switch (action) {
	case RULE_RESULT_NXDOMAIN:
		return rcode_answer(worker, mbuf, DNS_RCODE_NXDOMAIN);
	case RULE_RESULT_REFUSED:
		return rcode_answer(worker, mbuf, DNS_RCODE_REFUSED);
	case RULE_RESULT_TRUNCATE:
		return truncated_answer(worker, mbuf);
	case RULE_RESULT_NO_RECURSE:
		return recursion_end(worker, mbuf);
	case RULE_RESULT_SET_TAG:
		return tag_put(worker, mbuf, block->tag);
	default:
		pipeline_drop(worker, mbuf, DROP_DYN_BLOCK);
		return false;
	}
}

/* Applies what was found; how many queries go on, which are the first ones then. */
static uint16_t found_apply(struct worker *worker, const struct block_ask *asks, uint16_t total)
{
	uint16_t passed = 0;
	for (uint16_t i = 0; i < total; i++)
		if (asks[i].found == NULL ||
		    block_apply(worker, worker->queries[i], asks[i].found))
			worker->queries[passed++] = worker->queries[i];
	return passed;
}

static uint16_t clients_check(struct worker *worker, const struct blocks *blocks, uint16_t total)
{
	struct block_ask asks[WORKER_BURST];
	for (uint16_t i = 0; i < total; i++) {
		const struct query_state *query = &packet_of(worker->queries[i])->query;
		asks[i].bytes = query->client_addr;
		asks[i].ipv6 = (query->flags & QUERY_IPV6) != 0;
		asks[i].port = query->client_port;
	}
	blocks_find_clients(blocks, asks, total, worker->now);
	return found_apply(worker, asks, total);
}

static uint16_t names_check(struct worker *worker, const struct blocks *blocks, uint16_t total)
{
	struct block_ask asks[WORKER_BURST];
	for (uint16_t i = 0; i < total; i++) {
		asks[i].bytes = packet_dns(worker->queries[i]) + DNS_HEADER_SIZE;
		asks[i].length = packet_of(worker->queries[i])->query.qname_length;
	}
	blocks_find_names(blocks, asks, total, worker->now);
	return found_apply(worker, asks, total);
}

/* The clients first, then the names: what a client's block lets pass, one for the name may not. */
uint16_t pipeline_blocks(struct worker *worker, const struct blocks *blocks, uint16_t total)
{
	if (blocks->clients != NULL)
		total = clients_check(worker, blocks, total);
	if (blocks->names != NULL)
		total = names_check(worker, blocks, total);
	return total;
}
