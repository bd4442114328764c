/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes from servers. */
#include "dataplane/pipeline_parts.h"

#include "dataplane/dns/message.h"
#include "dataplane/dns/rewrite.h"

/* So many entries, of a few lines each, are fetched meanwhile. */
#define ENTRIES_AHEAD 4

/* With its token and the microseconds it took: its own ring does not wait behind what asks for Lua. */
static void probe_answer(struct worker *worker, struct rte_mbuf *mbuf, struct inflight_entry *entry)
{
	uint64_t us = (uint64_t)worker_us(worker, worker->now - entry->sent);
	packet_of(mbuf)->slot = entry->token;
	packet_of(mbuf)->patience = (uint32_t)RTE_MIN(us, UINT32_MAX);
	count(worker, STATS_PROBE_ANSWERS);
	pipeline_probe_end(worker, entry, INFLIGHT_WAS_ANSWERED);
	if (rte_ring_sp_enqueue(worker->handoff.reports, mbuf) == 0)
		waker_wake(worker->dataplane->control_waker);
	else
		rte_pktmbuf_free(mbuf);
}

/* A response that is another worker's goes to that worker; it parses the frame anew. */
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

/*
 * A response without a question gets the one it answers, if it is an error: so say servers that
 * refuse before they look. Others only if the policy wants them.
 */
static bool question_restore(const struct worker *worker, struct rte_mbuf *mbuf,
			     const struct inflight_entry *entry)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *dns = packet_dns(mbuf), rcode = dns[3] & 0x0f;
	if ((rcode == DNS_RCODE_NOERROR || rcode == DNS_RCODE_NXDOMAIN) &&
	    !policy_now(worker)->allow_empty_response)
		return false;
	int length = dns_question_restore(dns, packet->dns_length, packet_dns_capacity(mbuf),
					  entry->name, entry->name_length, entry->query.qtype,
					  entry->query.qclass);
	if (length > 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	return length > 0;
}

/* Of a zone, messages behind the first need not have the question (RFC 5936, section 2.2.1). */
static bool is_questionless(const struct packet *packet, const uint8_t *dns,
			    const struct inflight_entry *entry)
{
	return entry->tcp && pipeline_is_xfr(&entry->query) && packet->dns_length > DNS_HEADER_SIZE &&
	       (dns_flags_load(dns) & DNS_FLAG_QR) != 0 &&
	       dns_count_load(dns, DNS_SECTION_QUESTION) == 0;
}

/* Why it does not: what is there is no question, or another one. */
static __rte_noinline enum drop_reason question_refuse(struct rte_mbuf *mbuf)
{
	struct dns_question question;
	return dns_question_parse(packet_dns(mbuf), packet_of(mbuf)->dns_length, &question) == DNS_OK
		       ? DROP_RESPONSE_QUESTION
		       : DROP_RESPONSE_MALFORMED;
}

/* Checks that the message answers this entry's question and came from whom it asked. */
static enum drop_reason response_check(const struct worker *worker, struct rte_mbuf *mbuf,
				       const struct inflight_entry *entry)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	if (packet->source_port != entry->server_port || packet->ipv6 != entry->server.ipv6 ||
	    memcmp(packet->query.client_addr, entry->server.bytes, 16) != 0)
		return DROP_RESPONSE_SOURCE;
	if ((dns_flags_load(dns) & DNS_FLAG_QR) == 0)
		return DROP_RESPONSE_MALFORMED;
	if (unlikely(is_questionless(packet, dns, entry)))
		return DROP_NONE;
	if (unlikely(dns_count_load(dns, DNS_SECTION_QUESTION) == 0))
		return question_restore(worker, mbuf, entry) ? DROP_NONE : DROP_RESPONSE_MALFORMED;
	return likely(dns_question_case_restore(dns, packet->dns_length, entry->name,
						entry->name_length, entry->query.qtype,
						entry->query.qclass))
		       ? DROP_NONE
		       : question_refuse(mbuf);
}

/* What an answer is that no query waits for. */
static enum drop_reason stray_reason(const struct worker *worker, const struct packet *packet,
				     uint16_t id)
{
	struct net_address sender = {.ipv6 = packet->ipv6};
	memcpy(sender.bytes, packet->query.client_addr, sizeof(sender.bytes));
	switch (inflight_recall(worker->inflight, packet->destination_port, id, &sender,
				packet->source_port)) {
	case INFLIGHT_TIMED_OUT:
		return DROP_RESPONSE_LATE;
	case INFLIGHT_WAS_ANSWERED:
		return DROP_RESPONSE_DUPLICATE;
	case INFLIGHT_FORGOTTEN:
		break;
	}
	return inflight_port_waits(worker->inflight, packet->destination_port)
		       ? DROP_RESPONSE_ID
		       : DROP_RESPONSE_UNSOLICITED;
}

/* On average over about as many responses as dnsdist takes. */
static void server_latency(const struct worker *worker, struct backend_stats *stats,
			   const struct inflight_entry *entry)
{
	double us = worker_us(worker, worker->now - entry->sent);
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
	packet->keyed = entry->keyed && likely(!packet->more);
	if (packet->keyed)
		packet->key = entry->key;
	uint16_t flags = dns_flags_load(dns) & (uint16_t)~PIPELINE_FLAGS_KEPT;
	dns_flags_store(dns, flags | (entry->query.client_header_flags & PIPELINE_FLAGS_KEPT));
	memcpy(dns, &entry->query.client_id, sizeof(entry->query.client_id));
	count(worker, STATS_RESPONSES_MATCHED);
	if (unlikely(packet->more)) {
		packet->query.notes = NULL; /* the last one has them */
		return;
	}
	struct backend_stats *stats = &worker->backends[entry->query.backend];
	if ((flags & 0x0f) == DNS_RCODE_SERVFAIL) {
		count(worker, STATS_SERVFAIL_RESPONSES);
		stats_add(&stats->servfails, 1);
	}
	stats_add(&stats->responses, 1);
	server_latency(worker, stats, entry);
	pipeline_entry_remove(worker, entry, INFLIGHT_WAS_ANSWERED);
}

/*
 * As truncateTC() wants it: records behind TC are not all, and need not even be whole. The OPT stays,
 * unless what is made here has none. What cannot be cut goes on as it came.
 */
static __rte_noinline void truncated_cut(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const struct policy *policy = policy_now(worker);
	if (!policy->cut_truncated || (packet->query.flags & QUERY_TCP) != 0)
		return;
	int length = policy->own_udp_size != 0
			     ? dns_response_cut(packet_dns(mbuf), packet->dns_length,
						packet->query.client_size)
			     : dns_records_drop(packet_dns(mbuf), packet->dns_length);
	if (length < 0)
		count(worker, STATS_TRUNC_FAILURES);
	else
		packet_dns_resize(mbuf, (uint16_t)length);
}

/* Whose the response is by its source port; found by a range, or as the port should have done it. */
static unsigned response_home(const struct worker *worker, const struct net_steer *steer,
			      const struct packet *packet)
{
	if (steer == NULL)
		return (packet->destination_port - INFLIGHT_PORTS_FIRST) /
		       worker->dataplane->ports_share;
	return net_steer_queue(steer, packet->query.client_addr, packet->source_port,
			       packet->query.local_addr, packet->destination_port);
}

static uint16_t id_of(struct rte_mbuf *mbuf)
{
	uint16_t id = 0;
	if (likely(packet_of(mbuf)->dns_length >= DNS_HEADER_SIZE))
		memcpy(&id, packet_dns(mbuf), sizeof(id));
	return id;
}

void pipeline_response_collect(struct worker *worker, struct rte_mbuf *mbuf)
{
	uint16_t port = packet_of(mbuf)->destination_port;
	uint32_t fold = inflight_fold(port, id_of(mbuf));
	inflight_fetch_bucket(worker->inflight, port, fold);
	worker->answer_folds[worker->n_answers] = fold;
	worker->answers[worker->n_answers++] = mbuf;
	if (unlikely(worker->n_answers == WORKER_BURST))
		pipeline_responses(worker);
}

static inline void entry_fetch(const struct worker *worker, unsigned answer)
{
	inflight_fetch_entry(worker->inflight, worker->answer_folds[answer]);
}

void pipeline_responses(struct worker *worker)
{
	const unsigned count = worker->n_answers;
	for (unsigned i = 0; i < count && i < ENTRIES_AHEAD; i++)
		entry_fetch(worker, i);
	for (unsigned i = 0; i < count; i++) {
		if (i + ENTRIES_AHEAD < count)
			entry_fetch(worker, i + ENTRIES_AHEAD);
		pipeline_response(worker, worker->answers[i]);
	}
	worker->n_answers = 0;
}

/* What no query of this lcore waits for: another lcore's, the kernel's, or nobody's. */
static __rte_noinline void response_stray(struct worker *worker, struct rte_mbuf *mbuf, uint16_t id)
{
	const struct packet *packet = packet_of(mbuf);
	if (!pipeline_is_streamed(worker, mbuf)) {
		const struct net_port *port = &worker->dataplane->ports[packet->query.port];
		unsigned home = response_home(worker, port->steer[packet->ipv6], packet);
		if (home != worker->index) {
			response_redirect(worker, mbuf, home);
			return;
		}
		if (kernel_udp_used(&worker->dataplane->kernel_udp, packet->destination_port)) {
			kernel_offer(worker, packet->query.port, mbuf, DROP_UDP_PORT);
			return;
		}
	}
	count(worker, STATS_RESPONSES);
	pipeline_drop(worker, mbuf,
		      packet->dns_length < DNS_HEADER_SIZE ? DROP_RESPONSE_MALFORMED
							   : stray_reason(worker, packet, id));
}

/* What came for this entry is no answer to its query, or not from its server. */
static __rte_noinline void response_refuse(struct worker *worker, struct rte_mbuf *mbuf,
					   struct inflight_entry *entry, enum drop_reason reason)
{
	const bool streamed = pipeline_is_streamed(worker, mbuf);
	pipeline_drop(worker, mbuf, reason);
	if (reason != DROP_RESPONSE_SOURCE && !entry->probe)
		stats_add(&worker->backends[entry->query.backend].noncompliant, 1);
	if (entry->tcp && streamed)
		pipeline_tcp_failed(worker, entry);
}

/* An answer that is the client's; of a transfer only messages with a name can meet rules. */
static inline void response_pass(struct worker *worker, struct rte_mbuf *mbuf)
{
	if (unlikely(pipeline_is_xfr(&packet_of(mbuf)->query))) {
		if (dns_count_load(packet_dns(mbuf), DNS_SECTION_QUESTION) == 1)
			pipeline_chain_run(worker, mbuf, CHAIN_XFR, 0);
		else
			pipeline_client_send(worker, mbuf);
	} else if (policy_now(worker)->chains[CHAIN_RESPONSE].count == 0) {
		pipeline_cache_keep(worker, mbuf);
	} else {
		pipeline_chain_run(worker, mbuf, CHAIN_RESPONSE, 0);
	}
}

void pipeline_response(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, FORWARD);
	const struct packet *packet = packet_of(mbuf);
	struct inflight_entry *entry = NULL;
	uint16_t id = 0;
	if (likely(packet->dns_length >= DNS_HEADER_SIZE)) {
		memcpy(&id, packet_dns(mbuf), sizeof(id));
		entry = inflight_find(worker->inflight, packet->destination_port, id);
	}
	if (unlikely(entry == NULL)) {
		response_stray(worker, mbuf, id);
		return;
	}
	count(worker, STATS_RESPONSES);
	enum drop_reason reason = response_check(worker, mbuf, entry);
	if (unlikely(entry->tcp && !pipeline_is_streamed(worker, mbuf)))
		reason = DROP_RESPONSE_SOURCE; /* a datagram, to what was asked over TCP */
	if (unlikely(reason != DROP_NONE)) {
		response_refuse(worker, mbuf, entry, reason);
		return;
	}
	if (unlikely(entry->probe)) {
		probe_answer(worker, mbuf, entry);
		return;
	}
	if (unlikely(entry->kept != NULL) &&
	    (dns_flags_load(packet_dns(mbuf)) & DNS_FLAG_TC) != 0) {
		count(worker, STATS_RESPONSES_MATCHED);
		rte_pktmbuf_free(mbuf);
		pipeline_tcp_retry(worker, entry);
		return;
	}
	response_adopt(worker, mbuf, entry);
	if (unlikely((dns_flags_load(packet_dns(mbuf)) & DNS_FLAG_TC) != 0))
		truncated_cut(worker, mbuf);
	response_pass(worker, mbuf);
}
