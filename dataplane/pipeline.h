/* SPDX-License-Identifier: BSD-2-Clause */
/* The stages of a DNS message on its worker, in the order in which packets meet them. */
#ifndef SLUICE_DATAPLANE_PIPELINE_H
#define SLUICE_DATAPLANE_PIPELINE_H

#include "dataplane/net/proxy.h"
#include "dataplane/worker.h"

/* A query as the frame stage left it: checks; what passes is collected, at most WORKER_BURST. */
void pipeline_query(struct worker *worker, struct rte_mbuf *mbuf);

/* The queries collected: rules, then the cache, forward, answer or hand over. */
void pipeline_queries(struct worker *worker);

/* The queries that are past their rules, and wait for the others to be looked up together. */
void pipeline_lookups(struct worker *worker);

/* A message to one of our source ports: match, rules, to the client. */
void pipeline_response(struct worker *worker, struct rte_mbuf *mbuf);

/* The same for those of a burst: they are looked up together, at the latest when it has ended. */
void pipeline_response_collect(struct worker *worker, struct rte_mbuf *mbuf);
void pipeline_responses(struct worker *worker);

/*
 * A probe out of the inbox: sent to the server query.backend, up or not. Its answer goes to the
 * control lcore as a report; without one there is none.
 */
void pipeline_probe(struct worker *worker, struct rte_mbuf *mbuf);

/* A packet out of the inbox: goes on where packet->next says. */
void pipeline_return(struct worker *worker, struct rte_mbuf *mbuf);

/* What comes over TCP: queries of clients, and answers of servers. How many there were. */
unsigned pipeline_tcp_receive(struct worker *worker);

/* Wakes the TCP thread if it was given something. */
void pipeline_tcp_hand_over(struct worker *worker);

/* A report of a path's MTU, from a port or another worker. */
void pipeline_report(struct worker *worker, struct rte_mbuf *mbuf);

/* One that another worker believed. */
void pipeline_path(struct worker *worker, struct rte_mbuf *mbuf);

/* Ends the queries whose server did not answer in time; all of them if `all`. */
void pipeline_expire(struct worker *worker, bool all);

/* Sends answers that were held back and whose time has come, at most a burst. How many. */
unsigned pipeline_delayed(struct worker *worker);

/* The same for all, whatever their time: the worker ends. */
void pipeline_delayed_end(struct worker *worker);

/*
 * What a PROXY header says becomes the query's, and who sent it its peer, in its notes; the values
 * are noted too. `bytes` is the header. A local one changes nothing. 0 or -ENOMEM.
 */
int pipeline_proxy_adopt(struct query_state *query, const uint8_t *bytes,
			 const struct proxy_header *header);

/* Frees a packet with its notes and counts why. */
void pipeline_drop(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason);

/* Transmits what waits for a port, or hands over what waits for the control lcore. */
void pipeline_transmit(struct worker *worker, unsigned port);
void pipeline_hand_over(struct worker *worker);

#endif
