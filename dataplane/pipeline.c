/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/pipeline_parts.h"

#include <rte_ethdev.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/reply.h"
#include "dataplane/dns/rewrite.h"
#include "dataplane/net/frame.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/matched.h"

void pipeline_drop(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	struct query_state *query = &packet_of(mbuf)->query;
	notes_free(&query->notes);
	stats_add(&worker->stats.drop[reason], 1);
	if (unlikely((query->flags & QUERY_TCP) != 0))
		pipeline_tcp_end(worker, query, reason, packet_of(mbuf)->more);
	rte_pktmbuf_free(mbuf);
}

/* ---- out ---- */

void pipeline_transmit(struct worker *worker, unsigned port)
{
	struct net_tx *tx = &worker->tx[port];
	if (tx->count == 0)
		return;
	STAGE(worker, TX);
	uint16_t sent = rte_eth_tx_burst(worker->dataplane->ports[port].id, (uint16_t)worker->index,
					 tx->mbufs, tx->count);
	stats_add(&worker->stats.counter[STATS_TX_PACKETS], sent);
	if (unlikely(sent < tx->count)) {
		stats_add(&worker->stats.counter[STATS_TX_UNSENT], tx->count - sent);
		rte_pktmbuf_free_bulk(tx->mbufs + sent, tx->count - sent);
	}
	tx->count = 0;
}

void pipeline_push(struct worker *worker, unsigned port, struct rte_mbuf *mbuf)
{
	struct net_tx *tx = &worker->tx[port];
	tx->mbufs[tx->count++] = mbuf;
	if (unlikely(tx->count >= NET_TX_BURST))
		pipeline_transmit(worker, port);
}

static void latency_count(struct worker *worker, const struct query_state *query)
{
	uint64_t us = 0;
	/* Most own answers leave in the turn their query came in. */
	if ((int64_t)(worker->now - query->arrival) > 0)
		us = (uint64_t)worker_us(worker, worker->now - query->arrival);
	stats_add(&worker->stats.latency[stats_latency_bucket(us)], 1);
	stats_add(&worker->stats.latency_sum, us);
}

static void rcode_count(struct worker *worker, uint8_t rcode)
{
	if (rcode == DNS_RCODE_NOERROR)
		count(worker, STATS_SENT_NOERROR);
	else if (rcode == DNS_RCODE_NXDOMAIN)
		count(worker, STATS_SENT_NXDOMAIN);
	else if (rcode == DNS_RCODE_SERVFAIL)
		count(worker, STATS_SENT_SERVFAIL);
}

void pipeline_answer_count(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	rcode_count(worker, packet_dns(mbuf)[3] & 0x0f);
	latency_count(worker, &packet->query);
	if (unlikely(packet->more)) /* one of many messages: the last is counted */
		return;
	stats_add(&worker->stats.port[packet->query.port].answers[packet->origin], 1);
	stats_add(&frontend_of(worker, &packet->query)->answers, 1);
	recent_answer(&worker->recent, mbuf, worker->now);
}

static void stream_send(struct worker *worker, struct rte_mbuf *mbuf)
{
	if ((mbuf = pipeline_tcp_buffer(worker, mbuf)) == NULL)
		return;
	uint64_t before = worker->stats.latency_sum;
	pipeline_answer_count(worker, mbuf);
	stats_add(&worker->stats.streamed, 1);
	stats_add(&worker->stats.streamed_sum, worker->stats.latency_sum - before);
	pipeline_tcp_answer(worker, mbuf);
}

/* To whom an answer goes, and from which address of ours, if a proxy asked: to that. */
static bool proxy_flow(const struct query_state *query, struct net_flow *flow)
{
	struct note_peer peer;
	if (!pipeline_peer(query, &peer))
		return false;
	flow->dscp = 0;
	memcpy(flow->destination_mac.addr_bytes, query->client_mac, sizeof(query->client_mac));
	flow->source_port = peer.local_port;
	flow->destination_port = peer.port;
	memcpy(flow->source.bytes, peer.local, 16);
	memcpy(flow->destination.bytes, peer.address, 16);
	flow->source.ipv6 = flow->destination.ipv6 = peer.ipv6;
	return true;
}

static void client_flow(const struct query_state *query, struct net_flow *flow)
{
	flow->dscp = 0;
	memcpy(flow->destination_mac.addr_bytes, query->client_mac, sizeof(query->client_mac));
	flow->source_port = query->local_port;
	flow->destination_port = query->client_port;
	memcpy(flow->source.bytes, query->local_addr, 16);
	memcpy(flow->destination.bytes, query->client_addr, 16);
	flow->source.ipv6 = flow->destination.ipv6 = (query->flags & QUERY_IPV6) != 0;
}

static __rte_noinline void large_send(struct worker *worker, struct rte_mbuf *mbuf,
				      const struct net_flow *proxy)
{
	struct net_flow flow;
	if (proxy == NULL)
		client_flow(&packet_of(mbuf)->query, &flow);
	pipeline_large_answer(worker, mbuf, proxy != NULL ? proxy : &flow);
}

/* `proxy`: NULL, or where the answer goes in place of the client. */
static inline void datagram_send(struct worker *worker, struct rte_mbuf *mbuf,
				 const struct net_flow *proxy)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	uint8_t port = query->port;
	const struct net_port *way = &worker->dataplane->ports[port];
	if (unlikely(packet_of(mbuf)->dns_length > RTE_MIN(query->client_size, way->message_safe))) {
		large_send(worker, mbuf, proxy);
		return;
	}
	pipeline_answer_count(worker, mbuf);
	packet_headroom_make(mbuf);
	if (likely(proxy == NULL))
		net_frame_answer(way, mbuf);
	else
		net_frame_write(way, mbuf, proxy);
	pipeline_push(worker, port, mbuf);
}

/* False: the address that was asked is muted. */
static __rte_noinline bool answer_watch(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct policy *policy = policy_now(worker);
	const struct query_state *query = &packet_of(mbuf)->query;
	const bool tcp = (query->flags & QUERY_TCP) != 0;
	if (query->frontend < STATS_FRONTENDS && (policy->muted[tcp] >> query->frontend & 1) != 0) {
		pipeline_drop(worker, mbuf, DROP_MUTED);
		return false;
	}
	if (policy->groups_answers)
		pipeline_groups_answer(worker, mbuf);
	return true;
}

void pipeline_client_send(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, TX);
	struct packet *packet = packet_of(mbuf);
	struct query_state *query = &packet->query;
	struct net_flow proxy;
	bool proxied = false;
	if (unlikely(query->notes != NULL)) {
		if (unlikely(pipeline_delay(worker, mbuf)))
			return;
		proxied = proxy_flow(query, &proxy);
		mbuf = pipeline_errors_add(worker, mbuf);
		packet = packet_of(mbuf);
		query = &packet->query;
		notes_free(&query->notes);
	}
	if (unlikely((query->flags & PIPELINE_EDNS_OURS) != 0))
		pipeline_edns_restore(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	memcpy(dns, &query->client_id, sizeof(query->client_id));
	if (unlikely((query->flags & QUERY_MAX_TTL) != 0))
		dns_ttls_limit(dns, packet->dns_length, 0, query->max_returned_ttl, NULL, 0);
	if (unlikely(policy_now(worker)->answers_watched) && !answer_watch(worker, mbuf))
		return;
	if (unlikely((query->flags & QUERY_TCP) != 0))
		stream_send(worker, mbuf);
	else
		datagram_send(worker, mbuf, proxied ? &proxy : NULL);
}

/* ---- to the control lcore ---- */

/* Whether the packet is to go on at its next rule; else it has been answered or dropped. */
static bool overflow(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	struct packet *packet = packet_of(mbuf);
	count(worker, STATS_OVERFLOW);
	switch (worker->dataplane->on_overflow) {
	case WORKER_OVERFLOW_RESUME:
		return true;
	case WORKER_OVERFLOW_DROP:
		pipeline_drop(worker, mbuf, reason);
		return false;
	default: {
		uint8_t rcode = worker->dataplane->on_overflow == WORKER_OVERFLOW_REFUSED
					? DNS_RCODE_REFUSED
					: DNS_RCODE_SERVFAIL;
		int length = dns_reply_rcode_set(packet_dns(mbuf), packet->dns_length,
						 packet_dns_capacity(mbuf), rcode, true,
						 DNS_EDNS_UDP_SIZE);
		if (length < 0) {
			pipeline_drop(worker, mbuf, DROP_REPLY_BUILD);
			return false;
		}
		packet_dns_resize(mbuf, (uint16_t)length);
		pipeline_client_send(worker, mbuf);
		return false;
	}
	}
}

void pipeline_hand_over(struct worker *worker)
{
	if (worker->handing == 0)
		return;
	STAGE(worker, HANDOFF);
	unsigned handed = rte_ring_sp_enqueue_burst(worker->handoff.to_control,
						    (void *const *)worker->hand, worker->handing,
						    NULL);
	stats_add(&worker->stats.counter[STATS_HANDED_OVER], handed);
	uint16_t total = worker->handing;
	worker->handing = 0; /* overflow() may collect again */
	for (unsigned i = handed; i < total; i++) {
		struct packet *packet = packet_of(worker->hand[i]);
		if (!overflow(worker, worker->hand[i], DROP_HANDOFF_FULL))
			continue;
		if (packet->next == PACKET_NEXT_CHOOSE)
			pipeline_balance(worker, worker->hand[i]);
		else
			pipeline_chain_run(worker, worker->hand[i], packet->chain,
					   packet->rule_cursor + 1);
	}
	if (handed > 0)
		waker_wake(worker->dataplane->control_waker);
}

/*
 * A packet that leaves for the control lcore moves to a parking buffer, so that however long it
 * stays there, reception has its buffers.
 */
static struct rte_mbuf *packet_park(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	if (unlikely(packet->dns_length + (uint32_t)RTE_PKTMBUF_HEADROOM > PACKET_DATA_SIZE))
		return mbuf; /* only over TCP, and reception has none of those buffers */
	struct rte_mbuf *parked = parking_take(&worker->dataplane->parking, packet->dns_length);
	if (parked != NULL)
		packet_move(parked, mbuf);
	return parked;
}

/* A full ring is seen first: then it costs no copy. */
bool pipeline_hand_collect(struct worker *worker, struct rte_mbuf *mbuf, enum packet_next next)
{
	STAGE(worker, HANDOFF);
	packet_of(mbuf)->next = (uint8_t)next;
	if (unlikely(rte_ring_free_count(worker->handoff.to_control) <= worker->handing))
		return overflow(worker, mbuf, DROP_HANDOFF_FULL);
	struct rte_mbuf *parked = packet_park(worker, mbuf);
	if (unlikely(parked == NULL))
		return overflow(worker, mbuf, DROP_PARKING_FULL);
	packet_of(parked)->worker = (uint8_t)worker->index;
	worker->hand[worker->handing++] = parked;
	if (worker->handing >= HANDOFF_BURST)
		pipeline_hand_over(worker);
	return false;
}

/* ---- queries ---- */

/* The OPT of an answer made here, as the policy wants it: with another size, or none. */
static void edns_own(struct rte_mbuf *mbuf, uint16_t size)
{
	uint8_t *dns = packet_dns(mbuf);
	struct dns_edns edns;
	if (size == 0) {
		int length = dns_edns_remove(dns, packet_of(mbuf)->dns_length);
		if (length > 0)
			packet_dns_resize(mbuf, (uint16_t)length);
	} else if (dns_edns_search(dns, packet_of(mbuf)->dns_length, &edns) == DNS_OK &&
		   edns.offset != 0) {
		dns_u16_store(dns + edns.offset + DNS_OPT_SIZE_OFFSET, size);
	}
}

/* What rules did to the query for its server's sake is not for the client to see. */
static void query_restore(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	uint8_t *dns = packet_dns(mbuf);
	uint16_t flags = dns_flags_load(dns) & (uint16_t)~PIPELINE_FLAGS_KEPT;
	dns_flags_store(dns, flags | (query->client_header_flags & PIPELINE_FLAGS_KEPT));
	if ((query->flags & QUERY_HAD_EDNS) == 0)
		return;
	if (!packet_of(mbuf)->built) {
		int length = dns_edns_turn(dns, packet_of(mbuf)->dns_length, query->client_size,
					   DNS_EDNS_UDP_SIZE);
		if (length > 0)
			packet_dns_resize(mbuf, (uint16_t)length);
	}
	uint16_t size = policy_now(worker)->own_udp_size;
	if (unlikely(size != DNS_EDNS_UDP_SIZE))
		edns_own(mbuf, size);
}

/* Self-answered rules, then out. */
void pipeline_answer(struct worker *worker, struct rte_mbuf *mbuf)
{
	query_restore(worker, mbuf);
	if (policy_now(worker)->chains[CHAIN_SELF_ANSWERED].count == 0)
		pipeline_client_send(worker, mbuf);
	else
		pipeline_chain_run(worker, mbuf, CHAIN_SELF_ANSWERED, 0);
}

static void chain_passed(struct worker *worker, struct rte_mbuf *mbuf, enum chain_id chain)
{
	bool query = chain == CHAIN_QUERY || chain == CHAIN_CACHE_MISS;
	if (query && packet_is_answered(mbuf))
		pipeline_answer(worker, mbuf);
	else if (chain == CHAIN_QUERY)
		pipeline_cache_ask(worker, mbuf);
	else if (chain == CHAIN_CACHE_MISS)
		pipeline_forward(worker, mbuf);
	else if (chain == CHAIN_RESPONSE)
		pipeline_cache_keep(worker, mbuf);
	else if (chain == CHAIN_TIMEOUT)
		pipeline_drop(worker, mbuf, DROP_TIMEOUT);
	else
		pipeline_client_send(worker, mbuf);
}

/* Whether a rule's answer found no room in a buffer of Lua's, and the query is in a larger one now. */
static bool reply_widened(struct worker *worker, struct rte_mbuf **mbuf)
{
	struct rte_mbuf *before = *mbuf;
	if (packet_of(before)->drop_reason == DROP_REPLY_BUILD && before->buf_len < PACKET_DATA_SIZE)
		*mbuf = pipeline_widen(worker, before);
	return *mbuf != before;
}

/* All under one policy, whatever is published meanwhile: the cursor means nothing in another. */
static void chain_run(struct worker *worker, const struct policy *policy, struct rte_mbuf *mbuf,
		      enum chain_id chain, uint16_t cursor)
{
	STAGE(worker, RULES);
	enum rule_verdict verdict = rule_chain_run(policy, chain, mbuf, cursor, &worker->rules);
	for (;;) {
		if (unlikely(verdict == RULE_LUA)) {
			if (!pipeline_hand_collect(worker, mbuf, PACKET_NEXT_CHAIN))
				return;
			cursor = packet_of(mbuf)->rule_cursor + 1;
			verdict = rule_chain_run(policy, chain, mbuf, cursor, &worker->rules);
		} else if (unlikely(verdict == RULE_DROP && reply_widened(worker, &mbuf))) {
			verdict = rule_chain_again(policy, mbuf, &worker->rules);
		} else {
			break;
		}
	}
	switch (verdict) {
	case RULE_DROP:
		pipeline_drop(worker, mbuf, packet_of(mbuf)->drop_reason);
		break;
	case RULE_ANSWER:
		pipeline_answer(worker, mbuf);
		break;
	default:
		chain_passed(worker, mbuf, chain);
	}
}

void pipeline_chain_run(struct worker *worker, struct rte_mbuf *mbuf, enum chain_id chain,
			uint16_t cursor)
{
	chain_run(worker, policy_now(worker), mbuf, chain, cursor);
}

/* At the packet's cursor; under another policy than it met, its rules are met from the first. */
static void chain_resume(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct policy *policy = policy_now(worker);
	const struct packet *packet = packet_of(mbuf);
	chain_run(worker, policy, mbuf, packet->chain,
		  packet->generation == policy->generation ? packet->rule_cursor : 0);
}

/* What a query must be to be looked at: DROP_NONE, or why not. RFC 9619 for QDCOUNT. */
static enum drop_reason query_check(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	const uint8_t *dns = packet_dns(mbuf);
	if (unlikely(packet->dns_length < DNS_HEADER_SIZE))
		return DROP_QUERY_SHORT;
	uint16_t flags = dns_flags_load(dns);
	if (unlikely((flags & (DNS_FLAG_QR | DNS_FLAG_TC)) != 0))
		return DROP_QUERY_NONCOMPLIANT;
	if ((flags & DNS_FLAG_RD) != 0)
		count(worker, STATS_RD_QUERIES);
	packet->query.client_header_flags = flags;
	memcpy(&packet->query.client_id, dns, sizeof(packet->query.client_id));
	if (unlikely(dns_count_load(dns, DNS_SECTION_QUESTION) == 0))
		return DROP_QUERY_EMPTY;
	return DROP_NONE;
}

/* Reads question and EDNS into the packet's context. */
static enum dns_error query_parse(struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	struct query_state *query = &packet->query;
	struct dns_question question;
	struct dns_edns edns;
	const uint8_t *dns = packet_dns(mbuf);
	enum dns_error error = dns_question_parse(dns, packet->dns_length, &question);
	if (error == DNS_OK)
		error = dns_edns_find(dns, packet->dns_length, question.end, &edns);
	if (error != DNS_OK)
		return error;
	query->qname_length = question.qname_length;
	query->qname_labels = question.qname_labels;
	query->qtype = question.qtype;
	query->qclass = question.qclass;
	query->client_size = dns_edns_client_size(&edns);
	if (edns.offset != 0)
		query->flags |= QUERY_HAD_EDNS;
	if (dns_edns_do(&edns))
		query->flags |= QUERY_DO;
	return DNS_OK;
}

static void query_notimp(struct worker *worker, struct rte_mbuf *mbuf)
{
	packet_of(mbuf)->query.client_size = PACKET_CLIENT_SIZE_MIN;
	packet_dns_resize(mbuf, (uint16_t)dns_reply_notimp(packet_dns(mbuf)));
	pipeline_client_send(worker, mbuf);
}

/* Drops what is no query. One without a question is counted by its reason alone, as in dnsdist. */
static void query_refuse(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	if (reason != DROP_QUERY_EMPTY)
		stats_add(&frontend_of(worker, &packet_of(mbuf)->query)->noncompliant, 1);
	pipeline_drop(worker, mbuf, reason);
}

void pipeline_query(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, DNS);
	struct packet *packet = packet_of(mbuf);
	packet->kind = PACKET_QUERY;
	packet->origin = STATS_OWN_ANSWER;
	packet->keyed = false;
	packet->stale = false;
	packet->built = false;
	packet->query.arrival = worker->now;
	enum drop_reason reason = query_check(worker, mbuf);
	if (unlikely(reason == DROP_QUERY_EMPTY && policy_now(worker)->answer_empty)) {
		query_notimp(worker, mbuf);
		return;
	}
	if (unlikely(reason != DROP_NONE)) {
		query_refuse(worker, mbuf, reason);
		return;
	}
	enum dns_error error = query_parse(mbuf);
	if (likely(error == DNS_OK))
		worker->queries[worker->n_queries++] = mbuf;
	else if (error == DNS_ERROR_QDCOUNT)
		query_notimp(worker, mbuf);
	else
		query_refuse(worker, mbuf, DROP_QUERY_MALFORMED);
}

/* A chain without rules is not run: who only forwards has none. */
static inline void queries_pass(struct worker *worker, const struct policy *policy, uint16_t total)
{
	for (uint16_t i = 0; i < total; i++) {
		packet_of(worker->queries[i])->generation = policy->generation;
		pipeline_cache_ask(worker, worker->queries[i]);
	}
}

static inline void queries_rule(struct worker *worker, const struct policy *policy, uint16_t total)
{
	rule_ahead_find(&worker->rules.ahead, policy, worker->queries, total);
	for (uint16_t i = 0; i < total; i++)
		pipeline_chain_run(worker, worker->queries[i], CHAIN_QUERY, 0);
	rule_ahead_end(&worker->rules.ahead);
}

void pipeline_queries(struct worker *worker)
{
	STAGE(worker, RULES);
	uint16_t total = worker->n_queries;
	worker->n_queries = 0;
	const struct policy *policy = policy_now(worker);
	recent_queries(&worker->recent, worker->queries, total, worker->now);
	/* Before anything blocks them: who goes on stays blocked. */
	if (unlikely(policy->n_groups != 0))
		pipeline_groups_queries(worker, total);
	const struct blocks *blocks =
		__atomic_load_n(&worker->dataplane->blocks, __ATOMIC_ACQUIRE);
	if (unlikely(blocks != NULL))
		total = pipeline_blocks(worker, blocks, total);
	if (policy->chains[CHAIN_QUERY].count == 0)
		queries_pass(worker, policy, total);
	else
		queries_rule(worker, policy, total);
	pipeline_lookups(worker);
}

/* ---- back from the control lcore ---- */

/* Whether what comes next may make the message longer. */
static bool may_grow(const struct worker *worker, const struct packet *packet)
{
	bool noted = packet->query.notes != NULL; /* they may be errors for the client */
	if (packet->next == PACKET_NEXT_SEND)
		return noted;
	if (packet->next == PACKET_NEXT_ANSWER)
		return noted || policy_now(worker)->chains[CHAIN_SELF_ANSWERED].count != 0;
	return packet->next != PACKET_NEXT_DROP;
}

/* Out of the buffer that it was suspended in. Without another its stages do with what room is left. */
static struct rte_mbuf *suspended_widen(struct worker *worker, struct rte_mbuf *mbuf)
{
	if (!may_grow(worker, packet_of(mbuf)))
		return mbuf;
	struct rte_mbuf *wide = parking_widen(&worker->dataplane->parking, mbuf);
	if (unlikely(wide == mbuf))
		count(worker, STATS_NOT_WIDENED);
	return wide;
}

void pipeline_return(struct worker *worker, struct rte_mbuf *mbuf)
{
	count(worker, STATS_TAKEN_BACK);
	if (mbuf->buf_len < PARKING_SMALL)
		mbuf = suspended_widen(worker, mbuf);
	struct packet *packet = packet_of(mbuf);
	packet->built = false; /* Lua may have changed it since */
	/* The client's ID again: what Lua saw was ours. */
	memcpy(packet_dns(mbuf), &packet->query.client_id, sizeof(packet->query.client_id));
	switch ((enum packet_next)packet->next) {
	case PACKET_NEXT_CHAIN:
		chain_resume(worker, mbuf);
		break;
	case PACKET_NEXT_FORWARD:
	case PACKET_NEXT_RESPOND:
		chain_passed(worker, mbuf, packet->chain);
		break;
	case PACKET_NEXT_ANSWER:
		pipeline_answer(worker, mbuf);
		break;
	case PACKET_NEXT_SEND:
		pipeline_client_send(worker, mbuf);
		break;
	case PACKET_NEXT_DROP:
		pipeline_drop(worker, mbuf, packet->drop_reason);
		break;
	case PACKET_NEXT_CHOOSE:
		pipeline_balance(worker, mbuf);
		break;
	case PACKET_NEXT_SERVER:
		pipeline_forward_chosen(worker, mbuf);
		break;
	}
}
