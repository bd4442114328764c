/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/pipeline_parts.h"

#include <rte_ethdev.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/reply.h"
#include "dataplane/dns/rewrite.h"
#include "dataplane/net/frame.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/tags.h"

#define FLAGS_KEPT (DNS_FLAG_RD | DNS_FLAG_CD) /* of the client's header, given back to it */

static void query_answer(struct worker *worker, struct rte_mbuf *mbuf);

void pipeline_drop(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	notes_free(&packet_of(mbuf)->query.notes);
	stats_add(&worker->stats.drop[reason], 1);
	rte_pktmbuf_free(mbuf);
}

/* ---- out ---- */

void pipeline_transmit(struct worker *worker, unsigned port)
{
	struct net_tx *tx = &worker->tx[port];
	if (tx->count == 0)
		return;
	uint16_t sent = rte_eth_tx_burst(worker->dataplane->ports[port].id, (uint16_t)worker->index,
					 tx->mbufs, tx->count);
	stats_add(&worker->stats.counter[STATS_TX_PACKETS], sent);
	if (unlikely(sent < tx->count)) {
		stats_add(&worker->stats.counter[STATS_TX_UNSENT], tx->count - sent);
		rte_pktmbuf_free_bulk(tx->mbufs + sent, tx->count - sent);
	}
	tx->count = 0;
}

static inline void tx_push(struct worker *worker, unsigned port, struct rte_mbuf *mbuf)
{
	struct net_tx *tx = &worker->tx[port];
	tx->mbufs[tx->count++] = mbuf;
	if (unlikely(tx->count >= NET_TX_BURST))
		pipeline_transmit(worker, port);
}

static void latency_count(struct worker *worker, const struct query_state *query)
{
	uint64_t us = 0;
	/* Most own answers leave in the turn their query came in: no division for those. */
	if ((int64_t)(worker->now - query->arrival) > 0)
		us = (worker->now - query->arrival) * 1000 / worker->tsc_per_ms;
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

/* The extended errors that rules set go into an answer that has an OPT and room for them. */
static void errors_add(struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	struct note_cursor cursor = notes_open(packet->query.notes);
	struct note note;
	while (note_next_of(&cursor, NOTE_EDE, &note)) {
		int length = dns_ede_add(packet_dns(mbuf), packet->dns_length,
					 packet_dns_capacity(mbuf), note.info_code, note.value,
					 note.value_length, false);
		if (length > 0)
			packet_dns_resize(mbuf, (uint16_t)length);
	}
}

void pipeline_client_send(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	struct query_state *query = &packet->query;
	if (unlikely(query->notes != NULL)) {
		errors_add(mbuf);
		notes_free(&query->notes);
	}
	if (unlikely((query->flags & PIPELINE_EDNS_OURS) != 0))
		pipeline_edns_restore(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	memcpy(dns, &query->client_id, sizeof(query->client_id));
	if (unlikely((query->flags & QUERY_MAX_TTL) != 0))
		dns_ttls_limit(dns, packet->dns_length, 0, query->max_returned_ttl, NULL, 0);
	const struct net_port *port = &worker->dataplane->ports[query->port];
	uint16_t room = RTE_MIN(query->client_size,
				net_message_room(port, query->flags & QUERY_IPV6));
	if (unlikely(packet->dns_length > room)) {
		int length = dns_response_truncate(dns, packet->dns_length, room);
		if (length < 0) {
			pipeline_drop(worker, mbuf, DROP_REPLY_BUILD);
			return;
		}
		count(worker, STATS_TRUNCATED);
		packet_dns_resize(mbuf, (uint16_t)length);
	}
	rcode_count(worker, packet_dns(mbuf)[3] & 0x0f);
	latency_count(worker, query);

	struct net_flow flow = {
		.source_port = query->local_port,
		.destination_port = query->client_port,
	};
	bool ipv6 = (query->flags & QUERY_IPV6) != 0;
	memcpy(flow.source.bytes, query->local_addr, 16);
	memcpy(flow.destination.bytes, query->client_addr, 16);
	flow.source.ipv6 = flow.destination.ipv6 = ipv6;
	memcpy(flow.destination_mac.addr_bytes, query->client_mac, sizeof(query->client_mac));
	stats_add(&worker->stats.port[query->port].answers[packet->origin], 1);
	stats_add(&worker->stats.frontend[query->frontend].answers, 1);
	net_frame_write(port, mbuf, &flow);
	tx_push(worker, query->port, mbuf);
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
	unsigned handed = rte_ring_sp_enqueue_burst(worker->handoff.to_control,
						    (void *const *)worker->hand, worker->handing,
						    NULL);
	stats_add(&worker->stats.counter[STATS_HANDED_OVER], handed);
	uint16_t total = worker->handing;
	worker->handing = 0; /* overflow() may collect again */
	for (unsigned i = handed; i < total; i++) {
		struct packet *packet = packet_of(worker->hand[i]);
		if (overflow(worker, worker->hand[i], DROP_HANDOFF_FULL))
			pipeline_chain_run(worker, worker->hand[i], packet->chain, packet->rule_cursor + 1);
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
	struct dataplane *dataplane = worker->dataplane;
	struct rte_mbuf *parked = NULL;
	if (packet->dns_length + (uint32_t)RTE_PKTMBUF_HEADROOM <= WORKER_PARKING_SMALL)
		parked = rte_pktmbuf_alloc(dataplane->parking_small);
	if (parked == NULL)
		parked = rte_pktmbuf_alloc(dataplane->parking_large);
	if (parked == NULL)
		return NULL;
	packet_move(parked, mbuf);
	return parked;
}

/* As overflow(). A full ring is seen first: then it costs no copy. */
static bool hand_collect(struct worker *worker, struct rte_mbuf *mbuf)
{
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

/* No rule said so: it is not counted as a rule's SERVFAIL. */
static void query_servfail(struct worker *worker, struct rte_mbuf *mbuf)
{
	int length = dns_reply_rcode_set(packet_dns(mbuf), packet_of(mbuf)->dns_length,
					 packet_dns_capacity(mbuf), DNS_RCODE_SERVFAIL, true,
					 DNS_EDNS_UDP_SIZE);
	if (length < 0) {
		pipeline_drop(worker, mbuf, DROP_REPLY_BUILD);
		return;
	}
	packet_dns_resize(mbuf, (uint16_t)length);
	query_answer(worker, mbuf);
}

static void entry_fill(struct inflight_entry *entry, const struct backend *backend,
		       struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	packet->query.backend = backend->number;
	entry->query = packet->query;
	entry->server = backend->address;
	entry->server_port = backend->port;
	entry->name_length = packet->query.qname_length;
	memcpy(entry->name, dns + DNS_HEADER_SIZE, entry->name_length);
	entry->keyed = packet->keyed;
	if (packet->keyed)
		entry->key = packet->key;
	memcpy(dns, &entry->id, sizeof(entry->id));
	packet->query.notes = NULL; /* the entry has them now */
}

/* Removes an entry whose query ends without an answer. */
static void entry_end(struct worker *worker, struct inflight_entry *entry, enum drop_reason reason)
{
	notes_free(&entry->query.notes);
	stats_add(&worker->stats.drop[reason], 1);
	inflight_remove(worker->inflight, entry);
}

/* False: there is no way to the server now, and the packet is gone. */
static bool server_send(struct worker *worker, struct rte_mbuf *mbuf, struct inflight_entry *entry,
			const struct net_route *route)
{
	uint64_t now_ms = worker->now / worker->tsc_per_ms;
	struct net_flow flow = {
		.source = route->source,
		.destination = entry->server,
		.source_port = entry->source_port,
		.destination_port = entry->server_port,
	};
	enum neighbour_result result = neighbour_resolve(
		worker->neighbours, route->port, &route->next_hop, now_ms, &flow.destination_mac);
	if (unlikely(result == NEIGHBOUR_FAILED)) {
		rte_pktmbuf_free(mbuf);
		return false;
	}
	net_frame_write(&worker->dataplane->ports[route->port], mbuf, &flow);
	if (likely(result == NEIGHBOUR_HIT)) {
		tx_push(worker, route->port, mbuf);
		return true;
	}
	/* A parked query stays in flight: its end is its answer or its timeout. */
	if (!neighbour_park(worker->neighbours, route->port, &route->next_hop, mbuf)) {
		rte_pktmbuf_free(mbuf);
		stats_add(&worker->stats.counter[STATS_NEIGHBOUR_UNPARKED], 1);
	}
	return true;
}

/* A query that nobody may be asked for. */
static void query_refuse_uncached(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	int length = dns_reply_rcode_set(packet_dns(mbuf), packet->dns_length,
					 packet_dns_capacity(mbuf), DNS_RCODE_REFUSED, true,
					 DNS_EDNS_UDP_SIZE);
	if (length < 0) {
		pipeline_drop(worker, mbuf, DROP_REPLY_BUILD);
		return;
	}
	packet_dns_resize(mbuf, (uint16_t)length);
	query_answer(worker, mbuf);
}

void pipeline_forward(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct policy *policy = policy_now(worker);
	struct packet *packet = packet_of(mbuf);
	if (unlikely((packet->query.flags & QUERY_CACHE_ONLY) != 0)) {
		query_refuse_uncached(worker, mbuf);
		return;
	}
	uint16_t number =
		balance_choose(policy, packet->query.pool, packet_dns(mbuf) + DNS_HEADER_SIZE,
			       packet->query.qname_length, worker->now, worker->balance);
	const struct backend *backend =
		number == BACKEND_NONE ? NULL : policy_backend(policy, number);
	if (unlikely(backend == NULL)) {
		count(worker, STATS_NO_SERVER);
		if (policy->servfail_when_no_server)
			query_servfail(worker, mbuf);
		else
			pipeline_drop(worker, mbuf, DROP_NO_SERVER);
		return;
	}
	if (unlikely(!worker->dataplane->routed[number])) {
		stats_add(&worker->backends[number].send_errors, 1);
		pipeline_drop(worker, mbuf, DROP_NO_ROUTE);
		return;
	}
	const struct net_route *route = &worker->dataplane->routes[number];
	if (unlikely(backend->ecs)) {
		if ((mbuf = pipeline_ecs_add(worker, mbuf)) == NULL)
			return;
		packet = packet_of(mbuf);
	}
	if (unlikely(packet->dns_length > net_message_room(&worker->dataplane->ports[route->port],
							   route->source.ipv6))) {
		pipeline_drop(worker, mbuf, DROP_TOO_LARGE);
		return;
	}
	uint32_t patience = backend->udp_timeout ? backend->udp_timeout : policy->udp_timeout;
	struct inflight_entry *entry =
		inflight_add(worker->inflight, worker->now, patience * worker->tsc_per_ms);
	if (unlikely(entry == NULL)) {
		pipeline_drop(worker, mbuf, DROP_INFLIGHT_FULL);
		return;
	}
	entry->sent = worker->now;
	entry->probe = false;
	entry_fill(entry, backend, mbuf);
	if (likely(server_send(worker, mbuf, entry, route))) {
		count(worker, STATS_FORWARDED);
		stats_add(&worker->backends[number].queries, 1);
	} else {
		stats_add(&worker->backends[number].send_errors, 1);
		entry_end(worker, entry, DROP_NO_NEIGHBOUR);
	}
}

/* ---- probes ---- */

static void probes_count(struct worker *worker, int step)
{
	__atomic_store_n(&worker->probes, worker->probes + (uint32_t)step, __ATOMIC_RELAXED);
}

static void probe_end(struct worker *worker, struct inflight_entry *entry)
{
	probes_count(worker, -1);
	inflight_remove(worker->inflight, entry);
}

void pipeline_probe(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	uint16_t number = packet->query.backend;
	const struct backend *backend = policy_backend(policy_now(worker), number);
	struct inflight_entry *entry = NULL;
	if (backend != NULL && worker->dataplane->routed[number])
		entry = inflight_add(worker->inflight, worker->now,
				     packet->patience * worker->tsc_per_ms);
	if (entry == NULL) {
		rte_pktmbuf_free(mbuf); /* as if it were lost on its way: it is not answered */
		return;
	}
	probes_count(worker, 1);
	entry->sent = worker->now;
	entry->probe = true;
	entry->token = packet->slot;
	entry_fill(entry, backend, mbuf);
	if (!server_send(worker, mbuf, entry, &worker->dataplane->routes[number]))
		probe_end(worker, entry);
}

/* What the control lcore waits for goes there without the packet. */
static void probe_answer(struct worker *worker, struct rte_mbuf *mbuf, struct inflight_entry *entry)
{
	struct handoff_report report = {
		.token = entry->token,
		.rcode = packet_dns(mbuf)[3] & 0x0f,
		.latency = (uint32_t)RTE_MIN(
			(worker->now - entry->sent) * 1000 / worker->tsc_per_ms, UINT32_MAX),
	};
	count(worker, STATS_PROBE_ANSWERS);
	probe_end(worker, entry);
	rte_pktmbuf_free(mbuf);
	if (rte_ring_sp_enqueue(worker->handoff.reports, handoff_report_pack(&report)) == 0)
		waker_wake(worker->dataplane->control_waker);
}

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
	uint16_t flags = dns_flags_load(dns) & (uint16_t)~FLAGS_KEPT;
	dns_flags_store(dns, flags | (query->client_header_flags & FLAGS_KEPT));
	if ((query->flags & QUERY_HAD_EDNS) == 0)
		return;
	int length = dns_edns_turn(dns, packet_of(mbuf)->dns_length, query->client_size,
				   DNS_EDNS_UDP_SIZE);
	if (length > 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	uint16_t size = policy_now(worker)->own_udp_size;
	if (unlikely(size != DNS_EDNS_UDP_SIZE))
		edns_own(mbuf, size);
}

/* Self-answered rules, then out. */
static void query_answer(struct worker *worker, struct rte_mbuf *mbuf)
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
		query_answer(worker, mbuf);
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

void pipeline_chain_run(struct worker *worker, struct rte_mbuf *mbuf, enum chain_id chain,
			uint16_t cursor)
{
	enum rule_verdict verdict;
	while ((verdict = rule_chain_run(policy_now(worker), chain, mbuf, cursor,
					 &worker->rules)) == RULE_LUA) {
		if (!hand_collect(worker, mbuf))
			return;
		cursor = packet_of(mbuf)->rule_cursor + 1;
	}
	switch (verdict) {
	case RULE_DROP:
		pipeline_drop(worker, mbuf, packet_of(mbuf)->drop_reason);
		break;
	case RULE_ANSWER:
		query_answer(worker, mbuf);
		break;
	default:
		chain_passed(worker, mbuf, chain);
	}
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
		stats_add(&worker->stats.frontend[packet_of(mbuf)->query.frontend].noncompliant, 1);
	pipeline_drop(worker, mbuf, reason);
}

void pipeline_query(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	packet->kind = PACKET_QUERY;
	packet->origin = STATS_OWN_ANSWER;
	packet->keyed = false;
	packet->stale = false;
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

void pipeline_queries(struct worker *worker)
{
	uint16_t total = worker->n_queries;
	worker->n_queries = 0;
	for (uint16_t i = 0; i < total; i++)
		pipeline_chain_run(worker, worker->queries[i], CHAIN_QUERY, 0);
	pipeline_lookups(worker);
}

/* ---- responses ---- */

/* A response whose port is another worker's goes to that worker; it parses the frame anew. */
static void response_redirect(struct worker *worker, struct rte_mbuf *mbuf, unsigned home)
{
	if (home >= worker->dataplane->n_workers) {
		pipeline_drop(worker, mbuf, DROP_RESPONSE_UNSOLICITED);
		return;
	}
	packet_of(mbuf)->kind = PACKET_OTHER;
	if (rte_ring_enqueue(workers[home].handoff.inbox, mbuf) != 0) {
		pipeline_drop(worker, mbuf, DROP_RESPONSE_HOME_FULL);
		return;
	}
	count(worker, STATS_RESPONSES_REDIRECTED);
	waker_wake(&workers[home].handoff.worker_waker);
}

/* Checks that the message answers this entry's question and came from whom it asked. */
static enum drop_reason response_check(struct rte_mbuf *mbuf, const struct inflight_entry *entry)
{
	struct packet *packet = packet_of(mbuf);
	struct dns_question question;
	uint8_t *dns = packet_dns(mbuf);
	if (packet->source_port != entry->server_port || packet->ipv6 != entry->server.ipv6 ||
	    memcmp(packet->query.client_addr, entry->server.bytes, 16) != 0)
		return DROP_RESPONSE_SOURCE;
	if ((dns_flags_load(dns) & DNS_FLAG_QR) == 0 ||
	    dns_question_parse(dns, packet->dns_length, &question) != DNS_OK)
		return DROP_RESPONSE_MALFORMED;
	if (question.qtype != entry->query.qtype || question.qclass != entry->query.qclass ||
	    !dns_question_case_restore(dns, &question, entry->name, entry->name_length))
		return DROP_RESPONSE_QUESTION;
	return DROP_NONE;
}

/* On average over about as many responses as dnsdist takes. */
static void server_latency(const struct worker *worker, struct backend_stats *stats,
			   const struct inflight_entry *entry)
{
	double us = (double)(worker->now - entry->sent) * 1000 / (double)worker->tsc_per_ms;
	stats->latency = stats->latency == 0 ? us : stats->latency * 127 / 128 + us / 128;
}

/* The response takes over what the query left: the client, its ID and flags, tags. */
static void response_adopt(struct worker *worker, struct rte_mbuf *mbuf,
			   struct inflight_entry *entry)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	packet->kind = PACKET_RESPONSE;
	packet->origin = STATS_FORWARDED_ANSWER;
	packet->stale = false;
	packet->query = entry->query;
	packet->keyed = entry->keyed;
	if (entry->keyed)
		packet->key = entry->key;
	uint16_t flags = dns_flags_load(dns) & (uint16_t)~FLAGS_KEPT;
	dns_flags_store(dns, flags | (entry->query.client_header_flags & FLAGS_KEPT));
	memcpy(dns, &entry->query.client_id, sizeof(entry->query.client_id));
	count(worker, STATS_RESPONSES_MATCHED);
	struct backend_stats *stats = &worker->backends[entry->query.backend];
	if ((flags & 0x0f) == DNS_RCODE_SERVFAIL) {
		count(worker, STATS_SERVFAIL_RESPONSES);
		stats_add(&stats->servfails, 1);
	}
	stats_add(&stats->responses, 1);
	server_latency(worker, stats, entry);
	inflight_remove(worker->inflight, entry);
}

void pipeline_response(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	unsigned home = (packet->destination_port - INFLIGHT_PORTS_FIRST) /
			worker->dataplane->ports_share;
	if (unlikely(home != worker->index)) {
		response_redirect(worker, mbuf, home);
		return;
	}
	count(worker, STATS_RESPONSES);
	if (unlikely(packet->dns_length < DNS_HEADER_SIZE)) {
		pipeline_drop(worker, mbuf, DROP_RESPONSE_MALFORMED);
		return;
	}
	uint16_t id;
	memcpy(&id, packet_dns(mbuf), sizeof(id));
	struct inflight_entry *entry =
		inflight_find(worker->inflight, packet->destination_port, id);
	enum drop_reason reason = entry == NULL ? DROP_RESPONSE_UNSOLICITED
						: response_check(mbuf, entry);
	if (unlikely(reason != DROP_NONE)) {
		pipeline_drop(worker, mbuf, reason);
		return;
	}
	if (unlikely(entry->probe)) {
		probe_answer(worker, mbuf, entry);
		return;
	}
	response_adopt(worker, mbuf, entry);
	pipeline_chain_run(worker, mbuf, CHAIN_RESPONSE, 0);
}

/* ---- queries without an answer ---- */

/* The question that was asked, as the head of a response; its entry's notes are the packet's now. */
static struct rte_mbuf *entry_revive(struct worker *worker, struct inflight_entry *entry)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->dataplane->parking_large);
	if (mbuf == NULL)
		return NULL;
	struct packet *packet = packet_of(mbuf);
	memset(packet, 0, offsetof(struct packet, key));
	packet->kind = PACKET_RESPONSE;
	packet->origin = STATS_FORWARDED_ANSWER;
	packet->worker = (uint8_t)worker->index;
	packet->ipv6 = (entry->query.flags & QUERY_IPV6) != 0;
	packet->query = entry->query;
	entry->query.notes = NULL;
	packet->keyed = entry->keyed;
	if (entry->keyed)
		packet->key = entry->key;
	packet_dns_resize(mbuf, (uint16_t)(DNS_HEADER_SIZE + entry->name_length +
					   DNS_QUESTION_FIXED));
	uint8_t *dns = packet_dns(mbuf), *fixed = dns + DNS_HEADER_SIZE + entry->name_length;
	memset(dns, 0, DNS_HEADER_SIZE);
	memcpy(dns, &entry->query.client_id, sizeof(entry->query.client_id));
	dns_flags_store(dns, DNS_FLAG_QR | (entry->query.client_header_flags &
					    (FLAGS_KEPT | DNS_FLAG_OPCODE)));
	dns_count_store(dns, DNS_SECTION_QUESTION, 1);
	memcpy(dns + DNS_HEADER_SIZE, entry->name, entry->name_length);
	dns_u16_store(fixed, entry->query.qtype);
	dns_u16_store(fixed + 2, entry->query.qclass);
	return mbuf;
}

/* Something else may be done than to drop it. */
static bool timeout_matters(const struct policy *policy, const struct inflight_entry *entry)
{
	return policy->chains[CHAIN_TIMEOUT].count > 0 ||
	       (policy->stale_timeout > 0 && entry->keyed);
}

static void timed_out(struct worker *worker, struct inflight_entry *entry)
{
	struct rte_mbuf *mbuf = NULL;
	if (timeout_matters(policy_now(worker), entry))
		mbuf = entry_revive(worker, entry);
	if (mbuf == NULL) {
		entry_end(worker, entry, DROP_TIMEOUT);
		return;
	}
	inflight_remove(worker->inflight, entry);
	if (!pipeline_cache_rescue(worker, mbuf))
		pipeline_chain_run(worker, mbuf, CHAIN_TIMEOUT, 0);
}

void pipeline_expire(struct worker *worker, bool all)
{
	struct inflight_entry *entry;
	while ((entry = all ? inflight_any(worker->inflight)
			    : inflight_expired(worker->inflight, worker->now)) != NULL) {
		if (entry->probe) { /* the control lcore has a clock of its own */
			probe_end(worker, entry);
			continue;
		}
		stats_add(&worker->backends[entry->query.backend].timeouts, 1);
		if (all)
			entry_end(worker, entry, DROP_SHUTDOWN);
		else
			timed_out(worker, entry);
	}
}

/* ---- back from the control lcore ---- */

void pipeline_return(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	count(worker, STATS_TAKEN_BACK);
	/* The client's ID again: what Lua saw was ours. */
	memcpy(packet_dns(mbuf), &packet->query.client_id, sizeof(packet->query.client_id));
	switch ((enum packet_next)packet->next) {
	case PACKET_NEXT_CHAIN:
		/* Under another policy the cursor means nothing: its rules are met from the first. */
		if (packet->generation != policy_now(worker)->generation)
			packet->rule_cursor = 0;
		pipeline_chain_run(worker, mbuf, packet->chain, packet->rule_cursor);
		break;
	case PACKET_NEXT_FORWARD:
	case PACKET_NEXT_RESPOND:
		chain_passed(worker, mbuf, packet->chain);
		break;
	case PACKET_NEXT_ANSWER:
		query_answer(worker, mbuf);
		break;
	case PACKET_NEXT_SEND:
		pipeline_client_send(worker, mbuf);
		break;
	case PACKET_NEXT_DROP:
		pipeline_drop(worker, mbuf, packet->drop_reason);
		break;
	}
}
