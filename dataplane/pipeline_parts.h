/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the pipeline use of each other. */
#ifndef SLUICE_DATAPLANE_PIPELINE_PARTS_H
#define SLUICE_DATAPLANE_PIPELINE_PARTS_H

#include "dataplane/dns/ecs.h"
#include "dataplane/dns/message.h"
#include "dataplane/net/frame.h"
#include "dataplane/pipeline.h"
#include "dataplane/rules/tags.h"
#include "dataplane/serve/backend.h"

/* Of the client's header, given back to it. */
#define PIPELINE_FLAGS_KEPT (DNS_FLAG_RD | DNS_FLAG_CD)

static inline const struct policy *policy_now(const struct worker *worker)
{
	return __atomic_load_n(&worker->policy, __ATOMIC_ACQUIRE);
}

static inline void count(struct worker *worker, enum stats_counter counter)
{
	stats_add(&worker->stats.counter[counter], 1);
}

/* Runs a chain from a rule on, and the packet's way from there. */
void pipeline_chain_run(struct worker *worker, struct rte_mbuf *mbuf, enum chain_id chain,
			uint16_t cursor);

/* Last stage of every answer: the client's ID and size, the frame, the transmit queue. */
void pipeline_client_send(struct worker *worker, struct rte_mbuf *mbuf);

/* Whether an answer is held back; it is the callee's then, and meets the last stage again. */
bool pipeline_delay(struct worker *worker, struct rte_mbuf *mbuf);

/*
 * The message in a buffer that may go to the TCP thread, which frees what it sends, and gets none
 * that packets come in. NULL: there is none left, and the packet has been dropped.
 */
struct rte_mbuf *pipeline_tcp_buffer(struct worker *worker, struct rte_mbuf *mbuf);

/* The answer in such a buffer, as the client is to have it, to its connection. */
void pipeline_tcp_answer(struct worker *worker, struct rte_mbuf *mbuf);

/* Tells the TCP thread that a query of its ends without an answer, and is counted as dropped. */
void pipeline_tcp_end(struct worker *worker, const struct query_state *query,
		      enum drop_reason reason, bool more);

/* A transfer of a zone, whose answer may be of many messages. Over UDP it is a query like others. */
static inline bool pipeline_is_xfr(const struct query_state *query)
{
	return (query->flags & QUERY_TCP) != 0 &&
	       (query->qtype == DNS_TYPE_AXFR || query->qtype == DNS_TYPE_IXFR);
}

/* Asks a server over TCP; the packet is the callee's. */
void pipeline_tcp_ask(struct worker *worker, struct rte_mbuf *mbuf, const struct backend *backend);

/* Passes a query whose entry is filled in to the TCP thread; `proxied`: behind a PROXY header, which has room. */
void pipeline_tcp_push(struct worker *worker, struct rte_mbuf *mbuf, bool proxied,
		       struct inflight_entry *entry);

/*
 * A copy of a query that came over TCP, before it goes out over UDP: it will be asked over TCP if its
 * answer is truncated. NULL: there is no buffer for it.
 */
struct rte_mbuf *pipeline_tcp_keep(struct worker *worker, struct rte_mbuf *mbuf);

/* A query over TCP has no answer, or none that is one. */
void pipeline_tcp_failed(struct worker *worker, struct inflight_entry *entry);

/* Whether a message came over TCP: what is received in frames is in no buffer of these. */
static inline bool pipeline_is_streamed(const struct worker *worker, const struct rte_mbuf *mbuf)
{
	return unlikely(mbuf->pool == worker->dataplane->tcp_small ||
			mbuf->pool == worker->dataplane->tcp_large);
}

/* The answer to this entry's query is truncated: the query that was kept is asked over TCP. */
void pipeline_tcp_retry(struct worker *worker, struct inflight_entry *entry);

/* An entry is filled in, and the query has its ID and no notes any more. */
void pipeline_entry_fill(struct inflight_entry *entry, const struct backend *backend,
			 struct rte_mbuf *mbuf);

/* The query ends without an answer. */
void pipeline_entry_end(struct worker *worker, struct inflight_entry *entry,
			enum drop_reason reason);

/* The server did not answer: something else may. */
void pipeline_timed_out(struct worker *worker, struct inflight_entry *entry);

/* Takes an entry out, and what was kept with it. */
static inline void pipeline_entry_remove(struct worker *worker, struct inflight_entry *entry,
					 enum inflight_end end)
{
	if (unlikely(entry->kept != NULL))
		rte_pktmbuf_free(entry->kept);
	entry->kept = NULL;
	inflight_remove(worker->inflight, entry, end);
}

/* Counts an answer that is about to leave. */
void pipeline_answer_count(struct worker *worker, struct rte_mbuf *mbuf);

/* The rest of pipeline_client_send() for an answer beyond its client's size, or message_safe. */
void pipeline_large_answer(struct worker *worker, struct rte_mbuf *mbuf,
			   const struct net_flow *flow);

/* Whether a message of so many bytes, more than message_safe, can be sent there. */
bool pipeline_large_fits(const struct worker *worker, unsigned port, const struct net_address *to,
			 size_t length);

/*
 * Writes the frame of a message that may be longer than message_safe, or frames if it has to leave in
 * fragments. How many; 0: there are no buffers for them, or there is no way. Then it is as it was.
 */
unsigned pipeline_large_write(struct worker *worker, unsigned port, struct rte_mbuf *mbuf,
			      const struct net_flow *flow,
			      struct rte_mbuf *frames[static NET_FRAGMENTS_MAX]);

/* Appends a frame to what waits for its port. */
void pipeline_push(struct worker *worker, unsigned port, struct rte_mbuf *mbuf);

/* A query that is its own answer now: self-answered rules, then out. */
void pipeline_answer(struct worker *worker, struct rte_mbuf *mbuf);

/*
 * Has a packet handed over at the end of the burst, for PACKET_NEXT_CHAIN or PACKET_NEXT_CHOOSE. True:
 * it could not be, and is to go on here without; else it is no longer the caller's.
 */
bool pipeline_hand_collect(struct worker *worker, struct rte_mbuf *mbuf, enum packet_next next);

/*
 * To a server of the query's pool: as the pool has it; without Lua, which had no room for it; to the
 * server query.backend that Lua chose.
 */
void pipeline_forward(struct worker *worker, struct rte_mbuf *mbuf);
void pipeline_balance(struct worker *worker, struct rte_mbuf *mbuf);
void pipeline_forward_chosen(struct worker *worker, struct rte_mbuf *mbuf);

/*
 * Does what dynamic blocks say to the first `total` queries of the burst; those that go on to their
 * rules are the first ones then, and how many is returned.
 */
uint16_t pipeline_blocks(struct worker *worker, const struct blocks *blocks, uint16_t total);

/* Counts the first `total` queries of the burst by client, for the policy's groups of blocks. */
void pipeline_groups_queries(struct worker *worker, uint16_t total);
/* Likewise an answer, before it becomes a frame. */
void pipeline_groups_answer(struct worker *worker, struct rte_mbuf *mbuf);
/* What was collected is counted, at the end of a turn. */
void pipeline_groups_flush(struct worker *worker);

/* A query past its rules: to the cache of its pool if that has one, else to a server. */
void pipeline_cache_ask(struct worker *worker, struct rte_mbuf *mbuf);

/* Removes a probe's entry, answered or not. */
void pipeline_probe_end(struct worker *worker, struct inflight_entry *entry, enum inflight_end end);

/* What its server is to be told of the client's subnet. */
struct pipeline_ecs {
	struct dns_ecs ecs; /* without bytes: nothing that is not in the query already */
	bool replaces;	    /* what the client sent */
	uint16_t question_end;
	struct dns_edns edns; /* of the query, unless it is told nothing */
};

/* False: the query's EDNS does not parse, and nothing is chosen. */
bool pipeline_ecs_choose(const struct policy *policy, struct rte_mbuf *mbuf,
			 struct pipeline_ecs *chosen);

/*
 * Puts the client's subnet into a query for a server that is to be told. The packet, which may be in
 * another buffer now; NULL: it has been dropped.
 */
struct rte_mbuf *pipeline_ecs_add(struct worker *worker, struct rte_mbuf *mbuf);

/* The packet in a buffer that has room for more; the packet itself, if there is none. */
struct rte_mbuf *pipeline_widen(struct worker *worker, struct rte_mbuf *mbuf);

/*
 * Takes the PROXY header off what a proxy sent: the query is the client's then, and its answer goes
 * to the proxy. DROP_NONE, or why that cannot be.
 */
enum drop_reason pipeline_proxy_take(const struct policy *policy, struct rte_mbuf *mbuf);

/* Who sends the query's packets and gets its answers, where that is a proxy. */
static inline bool pipeline_peer(const struct query_state *query, struct note_peer *peer)
{
	return unlikely(query->notes != NULL) && peer_get(query->notes, peer);
}

/* Bytes of the PROXY header that says whose query it is. */
size_t pipeline_proxy_size(const struct query_state *query);

/* Makes room for `size` bytes before the message. The packet; NULL: it has been dropped. */
struct rte_mbuf *pipeline_proxy_reserve(struct worker *worker, struct rte_mbuf *mbuf, size_t size);

/* Writes the header into that room: then it is part of the message. NULL: the query is our own. */
void pipeline_proxy_put(struct rte_mbuf *mbuf, const struct query_state *query);

/* Whether a response may be kept for all subnets: its server says so, and the cache is to know. */
bool pipeline_ecs_is_shared(struct rte_mbuf *mbuf);

/* What of a response is there since the query was given more EDNS than the client sent. */
#define PIPELINE_EDNS_OURS (QUERY_EDNS_ADDED | QUERY_ECS_ADDED)

/* Takes it out; only for packets that have one of these flags. */
void pipeline_edns_restore(struct rte_mbuf *mbuf);

/*
 * The extended errors that rules set go into an answer that has an OPT. The packet, in a larger buffer
 * if it needed one.
 */
struct rte_mbuf *pipeline_errors_add(struct worker *worker, struct rte_mbuf *mbuf);

/*
 * Answers the question of a packet, whose server did not answer, with what has expired. False: there
 * is nothing that may serve.
 */
bool pipeline_cache_rescue(struct worker *worker, struct rte_mbuf *mbuf);

/* A response past its rules: into the cache, and to the client. */
void pipeline_cache_keep(struct worker *worker, struct rte_mbuf *mbuf);

#endif
