/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet cache's stages: queries that it answers, and responses that it keeps. */
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/pipeline_parts.h"

/* So many responses are fetched meanwhile: a core waits for a few dozen lines at a time. */
#define LOOKUPS_AHEAD 8
#define FLAGS_KEPT (DNS_FLAG_RD | DNS_FLAG_CD) /* of the client's header, given back to it */

static struct cache *cache_of(const struct policy *policy, uint16_t pool)
{
	return pool < policy->n_pools ? policy->pools[pool].cache : NULL;
}

static const uint8_t *name_of(struct rte_mbuf *mbuf)
{
	return packet_dns(mbuf) + DNS_HEADER_SIZE;
}

/* ---- queries ---- */

enum taken { TAKEN_NOTHING, TAKEN_ANSWER, TAKEN_NARROW /* but for want of room */ };

/* The query becomes its answer, if the cache has one. The question is the client's, in its case. */
static enum taken answer_take(struct worker *worker, struct rte_mbuf *mbuf,
			      const struct cache_lookup *lookup, uint32_t stale, bool again)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	struct cache_query query = {
		.message = dns,
		.length = packet->dns_length,
		.room = packet_dns_capacity(mbuf),
		.name_length = packet->query.qname_length,
		.again = again,
	};
	struct cache_found found;
	if (!cache_lookup_answer(lookup, &packet->key, &query, worker->seconds, stale,
				 worker->index, &found))
		return found.narrow ? TAKEN_NARROW : TAKEN_NOTHING;
	if (unlikely(cache_options_of(lookup->cache)->shuffle))
		cache_answer_shuffle(dns, found.length, rule_random(&worker->rules));
	uint16_t flags = dns_flags_load(dns) & (uint16_t)~FLAGS_KEPT;
	dns_flags_store(dns, flags | (packet->query.client_header_flags & FLAGS_KEPT));
	packet_dns_resize(mbuf, (uint16_t)found.length);
	packet->kind = PACKET_RESPONSE;
	packet->origin = STATS_CACHED_ANSWER;
	packet->stale = found.expired != 0;
	packet->keyed = false;
	return TAKEN_ANSWER;
}

/*
 * Likewise, and the packet; what comes back from Lua may lie where a large answer has no room, and
 * moves then.
 */
static struct rte_mbuf *answer_find(struct worker *worker, struct rte_mbuf *mbuf,
				    const struct cache_lookup *lookup, uint32_t stale, bool *found)
{
	for (bool again = mbuf->buf_len < PACKET_DATA_SIZE;; again = false) {
		enum taken taken = answer_take(worker, mbuf, lookup, stale, again);
		*found = taken == TAKEN_ANSWER;
		if (likely(taken != TAKEN_NARROW || !again))
			return mbuf;
		mbuf = pipeline_widen(worker, mbuf);
	}
}

static void hit(struct worker *worker, struct rte_mbuf *mbuf)
{
	count(worker, STATS_CACHE_HITS);
	if (policy_now(worker)->chains[CHAIN_CACHE_HIT].count == 0)
		pipeline_client_send(worker, mbuf);
	else
		pipeline_chain_run(worker, mbuf, CHAIN_CACHE_HIT, 0);
}

static void miss(struct worker *worker, struct rte_mbuf *mbuf)
{
	count(worker, STATS_CACHE_MISSES);
	if (policy_now(worker)->chains[CHAIN_CACHE_MISS].count == 0)
		pipeline_forward(worker, mbuf);
	else
		pipeline_chain_run(worker, mbuf, CHAIN_CACHE_MISS, 0);
}

/* What servers are told of the client goes into the key. False: the query has no key then. */
static bool key_tell(struct worker *worker, struct rte_mbuf *mbuf, const struct cache *cache)
{
	struct packet *packet = packet_of(mbuf);
	struct pipeline_ecs chosen;
	if (!pipeline_ecs_choose(policy_now(worker), mbuf, &chosen))
		return false;
	if (chosen.ecs.length == 0)
		return true;
	if (!cache_key_subnet_add(&packet->key, dns_ecs_data(&chosen.ecs),
				  dns_ecs_data_length(&chosen.ecs)))
		return false;
	cache_key_hash_for(cache, &packet->key, name_of(mbuf), packet->query.qname_length);
	return true;
}

static void look_up(struct worker *worker, struct rte_mbuf *mbuf, const struct cache_lookup *lookup);

/* Waits for others to be looked up together. */
static void look_up_later(struct worker *worker, struct rte_mbuf *mbuf, const struct cache *cache)
{
	struct cache_lookup lookup;
	cache_lookup_open(&lookup, cache, &packet_of(mbuf)->key, worker->index);
	if (unlikely(worker->n_lookups == WORKER_LOOKUPS)) {
		look_up(worker, mbuf, &lookup);
		return;
	}
	worker->lookups[worker->n_lookups].mbuf = mbuf;
	worker->lookups[worker->n_lookups++].lookup = lookup;
}

static bool is_shared(const struct cache_key *key)
{
	return (key->head[CACHE_KEY_HEAD - 1] & CACHE_KEY_SHARED) != 0;
}

/* No answer is for all subnets: is there one for the client's? */
static void look_up_told(struct worker *worker, struct rte_mbuf *mbuf, const struct cache *cache)
{
	struct packet *packet = packet_of(mbuf);
	packet->key.head[CACHE_KEY_HEAD - 1] &= (uint8_t)~CACHE_KEY_SHARED;
	packet->keyed = key_tell(worker, mbuf, cache);
	if (likely(packet->keyed))
		look_up_later(worker, mbuf, cache);
	else
		miss(worker, mbuf);
}

static void look_up(struct worker *worker, struct rte_mbuf *mbuf, const struct cache_lookup *lookup)
{
	const struct policy *policy = policy_now(worker);
	uint32_t stale = policy->stale;
	if (unlikely(stale != 0) && backend_pool_available(policy, packet_of(mbuf)->query.pool))
		stale = 0;
	bool found;
	mbuf = answer_find(worker, mbuf, lookup, stale, &found);
	if (likely(found))
		hit(worker, mbuf);
	else if (unlikely(is_shared(&packet_of(mbuf)->key)))
		look_up_told(worker, mbuf, lookup->cache);
	else
		miss(worker, mbuf);
}

/* Whether an answer for all subnets may serve: not where the client sent a subnet itself. */
static uint8_t key_flags_told(struct worker *worker, struct rte_mbuf *mbuf,
			      const struct cache *cache, const struct policy_pool *pool)
{
	struct pipeline_ecs chosen;
	if (!pipeline_ecs_choose(policy_now(worker), mbuf, &chosen) || chosen.ecs.length == 0)
		return 0;
	if (chosen.replaces)
		return CACHE_KEY_REPLACED;
	if (!pool->ecs_share || !cache_options_of(cache)->parse_ecs)
		return 0;
	packet_of(mbuf)->query.flags |= QUERY_ECS_SHARED;
	return CACHE_KEY_SHARED;
}

/* False: the query must not be cached. */
static bool key_make(struct worker *worker, struct rte_mbuf *mbuf, const struct cache *cache,
		     const struct policy_pool *pool)
{
	struct packet *packet = packet_of(mbuf);
	size_t question_end = DNS_HEADER_SIZE + packet->query.qname_length + DNS_QUESTION_FIXED;
	uint8_t flags = (packet->query.flags & QUERY_TCP) != 0 ? CACHE_KEY_TCP : 0;
	if (unlikely(question_end > packet->dns_length))
		return false; /* no question is left of it */
	if ((packet->query.flags & QUERY_HAD_EDNS) == 0)
		flags |= CACHE_KEY_NO_EDNS;
	if (unlikely(pool->ecs))
		flags |= key_flags_told(worker, mbuf, cache, pool);
	if (!cache_key_of(cache, &packet->key, packet_dns(mbuf), packet->dns_length, question_end,
			  flags))
		return false;
	return likely(!pool->ecs) || (flags & CACHE_KEY_SHARED) != 0 ||
	       key_tell(worker, mbuf, cache);
}

/* Apart, so that who has no cache does not pay for what this one needs. */
static __rte_noinline void cache_ask(struct worker *worker, struct rte_mbuf *mbuf,
				     const struct policy *policy, const struct cache *cache)
{
	struct packet *packet = packet_of(mbuf);
	if (unlikely(pipeline_is_xfr(&packet->query)))
		packet->query.flags |= QUERY_SKIP_CACHE;
	if (unlikely((packet->query.flags & QUERY_SKIP_CACHE) != 0)) {
		pipeline_forward(worker, mbuf);
		return;
	}
	packet->keyed = key_make(worker, mbuf, cache, &policy->pools[packet->query.pool]);
	if (unlikely(!packet->keyed))
		miss(worker, mbuf);
	else
		look_up_later(worker, mbuf, cache);
}

void pipeline_cache_ask(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, CACHE);
	const struct policy *policy = policy_now(worker);
	const struct cache *cache = cache_of(policy, packet_of(mbuf)->query.pool);
	if (cache == NULL)
		pipeline_forward(worker, mbuf);
	else
		cache_ask(worker, mbuf, policy, cache);
}

static void lookup_prefetch(const struct worker *worker, uint16_t number)
{
	cache_lookup_prefetch(&worker->lookups[number].lookup,
			      &packet_of(worker->lookups[number].mbuf)->key);
}

void pipeline_lookups(struct worker *worker)
{
	STAGE(worker, CACHE);
	/* On their way some may fill a ring, so that others come here in their turn. */
	for (uint16_t first = 0, end; (end = worker->n_lookups) > first; first = end) {
		for (uint16_t i = first; i < end && i < first + LOOKUPS_AHEAD; i++)
			lookup_prefetch(worker, i);
		for (uint16_t i = first; i < end; i++) {
			if (i + LOOKUPS_AHEAD < end)
				lookup_prefetch(worker, (uint16_t)(i + LOOKUPS_AHEAD));
			look_up(worker, worker->lookups[i].mbuf, &worker->lookups[i].lookup);
		}
	}
	worker->n_lookups = 0;
}

/* The packet lies in a large buffer, as all that are made anew. */
static bool rescue_by_key(struct worker *worker, struct rte_mbuf *mbuf, const struct cache *cache)
{
	struct packet *packet = packet_of(mbuf);
	struct cache_lookup lookup;
	cache_lookup_open(&lookup, cache, &packet->key, worker->index);
	if (answer_take(worker, mbuf, &lookup, policy_now(worker)->stale_timeout, false) !=
	    TAKEN_ANSWER)
		return false;
	hit(worker, mbuf);
	return true;
}

bool pipeline_cache_rescue(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct policy *policy = policy_now(worker);
	struct packet *packet = packet_of(mbuf);
	const struct cache *cache = cache_of(policy, packet->query.pool);
	if (policy->stale_timeout == 0 || !packet->keyed || cache == NULL ||
	    cache_number(cache) != packet->key.cache)
		return false;
	if (rescue_by_key(worker, mbuf, cache))
		return true;
	return (packet->query.flags & QUERY_ECS_SHARED) != 0 &&
	       cache_key_share_for(cache, &packet->key, name_of(mbuf),
				   packet->query.qname_length) &&
	       rescue_by_key(worker, mbuf, cache);
}

/* ---- responses ---- */

/* Where a rule renamed the answer, the key stays, and it will not be kept. */
static void key_share(struct rte_mbuf *mbuf, const struct cache *cache)
{
	struct packet *packet = packet_of(mbuf);
	if (DNS_HEADER_SIZE + packet->query.qname_length <= packet->dns_length)
		cache_key_share_for(cache, &packet->key, name_of(mbuf),
				    packet->query.qname_length);
}

/* `shared`: the answer is for all subnets. */
static bool keep(struct worker *worker, struct rte_mbuf *mbuf, bool shared)
{
	const struct packet *packet = packet_of(mbuf);
	const struct query_state *query = &packet->query;
	struct cache *cache = cache_of(policy_now(worker), query->pool);
	if (cache == NULL || cache_number(cache) != packet->key.cache)
		return false; /* the policy changed meanwhile */
	if (unlikely(shared))
		key_share(mbuf, cache);
	struct cache_stats *stats = cache_stats_of(cache, worker->index);
	uint32_t seconds, failure = UINT32_MAX;
	if (unlikely((query->flags & QUERY_TEMP_FAILURE_TTL) != 0))
		failure = query->temp_failure_ttl;
	struct cache_places *places = worker->places;
	enum cache_fitness fitness = cache_answer_check(
		packet_dns(mbuf), packet->dns_length, query->qtype, &cache_options_of(cache)->ttls,
		failure, places, &seconds);
	if (fitness != CACHE_FIT) {
		stats_add(fitness == CACHE_UNFIT ? &stats->unfit : &stats->ttl_too_short, 1);
		return false;
	}
	return cache_insert(cache, &packet->key, packet_dns(mbuf), packet->dns_length, places,
			    worker->seconds, seconds, worker->index);
}

/* Of an answer that may go into a cache, or whose query had an OPT of ours. */
static __rte_noinline void cache_keep(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	bool wanted = packet->keyed && (packet->query.flags & QUERY_SKIP_CACHE) == 0;
	bool shared = false;
	/* What the client did not ask for is not for it, nor for anybody who asks the same. */
	if (unlikely((packet->query.flags & PIPELINE_EDNS_OURS) != 0)) {
		shared = wanted && pipeline_ecs_is_shared(mbuf);
		pipeline_edns_restore(mbuf);
	}
	packet->keyed = false;
	if (!wanted || !keep(worker, mbuf, shared)) {
		pipeline_client_send(worker, mbuf);
		return;
	}
	count(worker, STATS_CACHE_STORED);
	if (policy_now(worker)->chains[CHAIN_CACHE_INSERTED].count == 0)
		pipeline_client_send(worker, mbuf);
	else
		pipeline_chain_run(worker, mbuf, CHAIN_CACHE_INSERTED, 0);
}

void pipeline_cache_keep(struct worker *worker, struct rte_mbuf *mbuf)
{
	STAGE(worker, CACHE);
	const struct packet *packet = packet_of(mbuf);
	if (packet->keyed || unlikely((packet->query.flags & PIPELINE_EDNS_OURS) != 0))
		cache_keep(worker, mbuf);
	else
		pipeline_client_send(worker, mbuf);
}
