/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes to servers, and what becomes of it when they do not answer. */
#include "dataplane/pipeline_parts.h"

#include "dataplane/dns/message.h"
#include "dataplane/dns/reply.h"
#include "dataplane/net/frame.h"
#include "dataplane/rules/threads.h"

/* An answer that no rule gave: it is not counted as a rule's. */
static void query_end(struct worker *worker, struct rte_mbuf *mbuf, uint8_t rcode)
{
	int length = dns_reply_rcode_set(packet_dns(mbuf), packet_of(mbuf)->dns_length,
					 packet_dns_capacity(mbuf), rcode, true, DNS_EDNS_UDP_SIZE);
	if (length < 0) {
		pipeline_drop(worker, mbuf, DROP_REPLY_BUILD);
		return;
	}
	dns_header_of(packet_dns(mbuf))->ra = 0; /* as in dnsdist: nobody recursed */
	packet_dns_resize(mbuf, (uint16_t)length);
	pipeline_answer(worker, mbuf);
}

void pipeline_entry_fill(struct inflight_entry *entry, const struct backend *backend,
			 struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	packet->query.backend = backend->number;
	entry->query = packet->query;
	entry->server = backend->address;
	entry->server_port = backend->port;
	entry->name_length = packet->query.qname_length;
	dns_short_copy(entry->name, dns + DNS_HEADER_SIZE, entry->name_length);
	entry->kept = NULL;
	entry->tcp = false;
	entry->keyed = packet->keyed;
	if (packet->keyed)
		entry->key = packet->key;
	memcpy(dns, &entry->id, sizeof(entry->id));
	packet->query.notes = NULL; /* the entry has them now */
}

/* Removes an entry whose query ends without an answer. */
void pipeline_entry_end(struct worker *worker, struct inflight_entry *entry, enum drop_reason reason)
{
	notes_free(&entry->query.notes);
	stats_add(&worker->stats.drop[reason], 1);
	if (unlikely((entry->query.flags & QUERY_TCP) != 0))
		pipeline_tcp_end(worker, &entry->query, reason, false);
	pipeline_entry_remove(worker, entry,
			reason == DROP_TIMEOUT ? INFLIGHT_TIMED_OUT : INFLIGHT_FORGOTTEN);
}

/* A frame to a next hop, which may be yet to answer. */
static void frame_send(struct worker *worker, struct rte_mbuf *mbuf, const struct net_route *route,
		       bool known)
{
	if (likely(known)) {
		pipeline_push(worker, route->port, mbuf);
		return;
	}
	/* A parked query stays in flight: its end is its answer or its timeout. */
	if (!neighbour_park(worker->neighbours, route->port, &route->next_hop, mbuf)) {
		rte_pktmbuf_free(mbuf);
		stats_add(&worker->stats.counter[STATS_NEIGHBOUR_UNPARKED], 1);
	}
}

/* A query longer than message_safe. Without buffers for its fragments it is as lost on its way. */
static __rte_noinline void large_send(struct worker *worker, struct rte_mbuf *mbuf,
				      const struct inflight_entry *entry,
				      const struct net_route *route, uint8_t dscp,
				      const struct rte_ether_addr *mac, bool known)
{
	struct rte_mbuf *frames[NET_FRAGMENTS_MAX];
	struct net_flow flow = {
		.source = route->source,
		.destination = entry->server,
		.source_port = entry->source_port,
		.destination_port = entry->server_port,
		.destination_mac = *mac,
		.dscp = dscp,
	};
	unsigned n = pipeline_large_write(worker, route->port, mbuf, &flow, frames);
	for (unsigned i = 0; i < n; i++)
		frame_send(worker, frames[i], route, known);
	if (n == 0) {
		rte_pktmbuf_free(mbuf);
		count(worker, STATS_TX_UNSENT);
	}
}

/* As long as the gateway of a route does not answer, another one of its port serves that does. */
static __rte_noinline enum neighbour_result gateway_other(struct worker *worker,
							  const struct net_route *route,
							  uint64_t now_ms,
							  struct rte_ether_addr *mac,
							  enum neighbour_result result)
{
	const struct net_port *port = &worker->dataplane->ports[route->port];
	for (unsigned i = 0; i < port->n_gateways; i++) {
		const struct net_address *gateway = &port->gateways[i];
		if (gateway->ipv6 != route->next_hop.ipv6 ||
		    net_address_equal(gateway, &route->next_hop) ||
		    neighbour_resolve(worker->neighbours, route->port, gateway, now_ms, mac) !=
			    NEIGHBOUR_HIT)
			continue;
		count(worker, STATS_OTHER_GATEWAY);
		return NEIGHBOUR_HIT;
	}
	return result;
}

/* False: there is no way to the server now, and the packet is gone. */
static bool server_send(struct worker *worker, struct rte_mbuf *mbuf, struct inflight_entry *entry,
			const struct net_route *route, uint8_t dscp)
{
	struct rte_ether_addr mac;
	enum neighbour_result result = neighbour_resolve(worker->neighbours, route->port,
							 &route->next_hop, worker->now_ms, &mac);
	if (unlikely(result != NEIGHBOUR_HIT) &&
	    !net_address_equal(&route->next_hop, &entry->server))
		result = gateway_other(worker, route, worker->now_ms, &mac, result);
	if (unlikely(result == NEIGHBOUR_FAILED)) {
		rte_pktmbuf_free(mbuf);
		return false;
	}
	packet_headroom_make(mbuf);
	const struct net_port *port = &worker->dataplane->ports[route->port];
	bool known = result == NEIGHBOUR_HIT;
	if (unlikely(packet_of(mbuf)->dns_length > port->message_safe)) {
		large_send(worker, mbuf, entry, route, dscp, &mac, known);
		return true;
	}
	net_frame_send(port, mbuf, (struct net_ends){
					   .source = route->source.bytes,
					   .destination = entry->server.bytes,
					   .mac = &mac,
					   .source_port = entry->source_port,
					   .destination_port = entry->server_port,
					   .dscp = dscp,
					   .ipv6 = entry->server.ipv6,
				   });
	frame_send(worker, mbuf, route, known);
	return true;
}

/* An entry for a query to this server, with a source port that brings the answer home. */
static struct inflight_entry *entry_new(struct worker *worker, const struct net_route *route,
					uint64_t patience_ms)
{
	struct net_steer_way way = {
		.steer = worker->dataplane->ports[route->port].steer[route->source.ipv6],
		.hash = route->steer_hash,
		.queue = worker->index,
	};
	return inflight_add_on(worker->inflight, worker->now, patience_ms * worker->tsc_per_ms,
			       way.steer != NULL ? &way : NULL);
}

/*
 * Whether the query goes to its server over TCP, as the server wants it, or the client does and UDP
 * will not do; else what came over TCP is kept, in case its answer is truncated.
 */
static bool must_stream(struct worker *worker, struct rte_mbuf *mbuf, const struct backend *backend,
			bool fits, struct rte_mbuf **kept)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	if (backend->tcp.only)
		return true;
	if (likely((query->flags & QUERY_TCP) == 0))
		return false;
	return !fits || pipeline_is_xfr(query) ||
	       (*kept = pipeline_tcp_keep(worker, mbuf)) == NULL;
}

/*
 * What its server is told besides the query, and the way there. `proxy` gets the size of its PROXY
 * header, `kept` the copy of what came over TCP. The packet; NULL: it went another way, or was
 * dropped.
 */
static struct rte_mbuf *query_equip(struct worker *worker, struct rte_mbuf *mbuf,
				    const struct backend *backend, const struct net_route *route,
				    size_t *proxy, struct rte_mbuf **kept)
{
	*proxy = 0;
	*kept = NULL;
	if (unlikely(backend->ecs) && (mbuf = pipeline_ecs_add(worker, mbuf)) == NULL)
		return NULL;
	if (unlikely(backend->proxy))
		*proxy = pipeline_proxy_size(&packet_of(mbuf)->query);
	size_t length = packet_of(mbuf)->dns_length + *proxy;
	bool fits = likely(length <= worker->dataplane->ports[route->port].message_safe) ||
		    pipeline_large_fits(worker, route->port, &backend->address, length);
	if (unlikely(must_stream(worker, mbuf, backend, fits, kept))) {
		pipeline_tcp_ask(worker, mbuf, backend);
		return NULL;
	}
	if (unlikely(!fits)) {
		pipeline_drop(worker, mbuf, DROP_TOO_LARGE);
		return NULL;
	}
	if (likely(*proxy == 0))
		return mbuf;
	if ((mbuf = pipeline_proxy_reserve(worker, mbuf, *proxy)) == NULL)
		rte_pktmbuf_free(*kept);
	return mbuf;
}

/* To the server with this number. */
static void server_ask(struct worker *worker, struct rte_mbuf *mbuf, uint16_t number)
{
	const struct policy *policy = policy_now(worker);
	const struct backend *backend =
		number == BACKEND_NONE ? NULL : policy_backend(policy, number);
	if (unlikely(backend == NULL)) {
		count(worker, STATS_NO_SERVER);
		if (policy->servfail_when_no_server)
			query_end(worker, mbuf, DNS_RCODE_SERVFAIL);
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
	struct rte_mbuf *kept;
	size_t proxy;
	if (unlikely((mbuf = query_equip(worker, mbuf, backend, route, &proxy, &kept)) == NULL))
		return;
	uint32_t patience = backend->udp_timeout ? backend->udp_timeout : policy->udp_timeout;
	struct inflight_entry *entry = entry_new(worker, route, patience);
	if (unlikely(entry == NULL)) {
		rte_pktmbuf_free(kept);
		pipeline_drop(worker, mbuf, DROP_INFLIGHT_FULL);
		return;
	}
	entry->sent = worker->now;
	entry->probe = false;
	pipeline_entry_fill(entry, backend, mbuf);
	entry->kept = kept;
	if (unlikely(proxy != 0))
		pipeline_proxy_put(mbuf, &entry->query);
	if (likely(server_send(worker, mbuf, entry, route, backend->dscp))) {
		count(worker, STATS_FORWARDED);
		stats_add(&worker->backends[number].queries, 1);
	} else {
		stats_add(&worker->backends[number].send_errors, 1);
		pipeline_entry_end(worker, entry, DROP_NO_NEIGHBOUR);
	}
}

/* ---- which server ---- */

static uint16_t choose(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	return balance_choose(policy_now(worker), packet->query.pool,
			      packet_dns(mbuf) + DNS_HEADER_SIZE, packet->query.qname_length,
			      worker->now, worker->balance);
}

/* The lcore's own Lua may have made the query its answer. */
static void forward_by_thread(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct policy *policy = policy_now(worker);
	uint16_t pool = packet_of(mbuf)->query.pool;
	const struct balance_list list = {policy, &policy->pools[pool], pool, worker->now,
					  worker->balance};
	uint32_t place = list.pool->count;
	rule_thread_forget(mbuf, &worker->rules);
	if (place > 0 && policy->threads != NULL)
		place = policy->threads->choose(policy->threads, worker->rules.lcore, mbuf,
						list.pool->lua, &list);
	if (packet_is_answered(mbuf))
		pipeline_answer(worker, mbuf);
	else
		server_ask(worker, mbuf,
			   place < list.pool->count ? list.pool->servers[place] : BACKEND_NONE);
}

void pipeline_balance(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, FORWARD);
	count(worker, STATS_POLICY_BYPASSED);
	server_ask(worker, mbuf, choose(worker, mbuf));
}

/* Past the cache, wherever it comes back to. */
static void choice_hand_over(struct worker *worker, struct rte_mbuf *mbuf)
{
	packet_of(mbuf)->chain = CHAIN_CACHE_MISS;
	if (pipeline_hand_collect(worker, mbuf, PACKET_NEXT_CHOOSE))
		pipeline_balance(worker, mbuf);
}

void pipeline_forward(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, FORWARD);
	const struct packet *packet = packet_of(mbuf);
	enum balance_method method = policy_method(policy_now(worker), packet->query.pool);
	if (unlikely((packet->query.flags & QUERY_CACHE_ONLY) != 0))
		query_end(worker, mbuf, DNS_RCODE_REFUSED);
	else if (method == BALANCE_LUA)
		choice_hand_over(worker, mbuf);
	else if (method == BALANCE_THREAD)
		forward_by_thread(worker, mbuf);
	else
		server_ask(worker, mbuf, choose(worker, mbuf));
}

void pipeline_forward_chosen(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, FORWARD);
	uint16_t number = packet_of(mbuf)->query.backend;
	/* The server may have left the policy meanwhile. */
	if (number != BACKEND_NONE && policy_backend(policy_now(worker), number) == NULL)
		pipeline_forward(worker, mbuf);
	else
		server_ask(worker, mbuf, number);
}

/* ---- probes ---- */

static void probes_count(struct worker *worker, int step)
{
	__atomic_store_n(&worker->probes, worker->probes + (uint32_t)step, __ATOMIC_RELAXED);
}

void pipeline_probe_end(struct worker *worker, struct inflight_entry *entry, enum inflight_end end)
{
	probes_count(worker, -1);
	pipeline_entry_remove(worker, entry, end);
}

void pipeline_probe(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	uint16_t number = packet->query.backend;
	const struct backend *backend = policy_backend(policy_now(worker), number);
	struct inflight_entry *entry = NULL;
	if (backend != NULL && worker->dataplane->routed[number])
		entry = entry_new(worker, &worker->dataplane->routes[number], packet->patience);
	if (entry == NULL) {
		rte_pktmbuf_free(mbuf); /* as if it were lost on its way: it is not answered */
		return;
	}
	probes_count(worker, 1);
	entry->sent = worker->now;
	entry->probe = true;
	entry->token = packet->slot;
	pipeline_entry_fill(entry, backend, mbuf);
	if (backend->tcp.only || backend->tcp.check) {
		pipeline_tcp_push(worker, mbuf, backend->proxy, entry);
		return;
	}
	if (backend->proxy)
		pipeline_proxy_put(mbuf, NULL);
	if (!server_send(worker, mbuf, entry, &worker->dataplane->routes[number],
			 backend->dscp))
		pipeline_probe_end(worker, entry, INFLIGHT_FORGOTTEN);
}

/* ---- queries without an answer ---- */

/* The question that was asked, as the head of a response; its entry's notes are the packet's now. */
static struct rte_mbuf *entry_revive(struct worker *worker, struct inflight_entry *entry)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->dataplane->parking.large);
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
					    (PIPELINE_FLAGS_KEPT | DNS_FLAG_OPCODE)));
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

void pipeline_timed_out(struct worker *worker, struct inflight_entry *entry)
{
	struct rte_mbuf *mbuf = NULL;
	if (timeout_matters(policy_now(worker), entry))
		mbuf = entry_revive(worker, entry);
	if (mbuf == NULL) {
		pipeline_entry_end(worker, entry, DROP_TIMEOUT);
		return;
	}
	pipeline_entry_remove(worker, entry, INFLIGHT_TIMED_OUT);
	if (!pipeline_cache_rescue(worker, mbuf))
		pipeline_chain_run(worker, mbuf, CHAIN_TIMEOUT, 0);
}

void pipeline_expire(struct worker *worker, bool all)
{
	struct inflight_entry *entry;
	while ((entry = all ? inflight_any(worker->inflight)
			    : inflight_expired(worker->inflight, worker->now)) != NULL) {
		if (entry->probe) { /* the control lcore has a clock of its own */
			pipeline_probe_end(worker, entry, INFLIGHT_TIMED_OUT);
			continue;
		}
		stats_add(&worker->backends[entry->query.backend].timeouts, 1);
		if (all) {
			pipeline_entry_end(worker, entry, DROP_SHUTDOWN);
			continue;
		}
		recent_timeout(&worker->recent, &entry->query, entry->name, worker->now);
		pipeline_timed_out(worker, entry);
	}
}
