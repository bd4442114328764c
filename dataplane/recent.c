/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/recent.h"

#include <string.h>

#include "dataplane/dns/message.h"
#include "dataplane/serve/backend.h"
#include "dataplane/stats.h"

size_t recent_memory(const struct recent_options *options, uint32_t n_lcores)
{
	size_t entries = (size_t)options->size[RECENT_QUERIES] + options->size[RECENT_RESPONSES];
	size_t head = sizeof(struct recent) + n_lcores * sizeof(struct recent_ring[RECENT_KINDS]);
	return RTE_CACHE_LINE_ROUNDUP(head) + n_lcores * entries * sizeof(struct recent_entry);
}

struct recent *recent_open(void *memory, const struct recent_options *options, uint32_t n_lcores)
{
	static uint64_t serials;
	struct recent *recent = memory;
	size_t head = sizeof(*recent) + n_lcores * sizeof(recent->rings[0]);
	struct recent_entry *entries = RTE_PTR_ADD(memory, RTE_CACHE_LINE_ROUNDUP(head));
	recent->options = *options;
	recent->n_lcores = n_lcores;
	recent->serial = ++serials;
	for (uint32_t lcore = 0; lcore < n_lcores; lcore++) {
		for (unsigned kind = 0; kind < RECENT_KINDS; kind++) {
			recent->rings[lcore][kind].entries = entries;
			recent->rings[lcore][kind].size = options->size[kind];
			entries += options->size[kind];
		}
	}
	return recent;
}

/* ---- which packets ---- */

/* A xorshift; nothing depends on that nobody foresees it but which packets are looked at. */
static uint32_t random_below(struct recent_lcore *lcore, uint32_t bound)
{
	uint64_t word = lcore->random;
	word ^= word << 13;
	word ^= word >> 7;
	word ^= word << 17;
	lcore->random = word;
	return (uint32_t)((word >> 32) * bound >> 32);
}

/* Draws from a block of packets, which begins behind what is left of the one before. */
static void block_draw(struct recent_lcore *lcore, struct recent_draw *draw, uint32_t block,
		       uint32_t left)
{
	uint32_t at = block > 1 ? random_below(lcore, block) : 0;
	draw->block = block;
	draw->rest = block - 1 - at;
	draw->pick = draw->start = left + at;
}

void recent_adopt(struct recent_lcore *lcore, struct recent *recent, uint32_t index)
{
	lcore->recent = recent;
	lcore->serial = recent_serial(recent);
	lcore->rings = recent != NULL && index < recent->n_lcores ? recent->rings[index] : NULL;
	lcore->rate = recent != NULL ? recent->options.rate : 0;
	if (lcore->random == 0)
		lcore->random = (index + 1) * 0x9e3779b97f4a7c15u;
	for (unsigned kind = 0; kind < RECENT_KINDS; kind++) {
		lcore->draws[kind].passed = 0;
		block_draw(lcore, &lcore->draws[kind], RTE_MAX(lcore->rate, 1u), 0);
	}
}

void recent_turn_begin(struct recent_lcore *lcore)
{
	struct recent_draw *draw = &lcore->draws[RECENT_RESPONSES];
	uint32_t passed = draw->passed + (draw->start - draw->pick);
	if (lcore->rate != 0)
		return;
	draw->passed = 0;
	uint32_t block = RTE_MAX(passed, draw->block / 2);
	block = RTE_MIN(block, RECENT_BLOCK_MAX);
	block_draw(lcore, draw, block > 1 ? block : 1, 0);
}

/* The packet that was drawn has come: what it stands for. The next one is drawn. */
static uint32_t draw_next(struct recent_lcore *lcore, struct recent_draw *draw)
{
	uint32_t weight = draw->block;
	uint32_t next = lcore->rate != 0 ? lcore->rate : RTE_MIN(2 * weight, RECENT_BLOCK_MAX);
	draw->passed += draw->start + 1;
	block_draw(lcore, draw, next, draw->rest);
	return weight;
}

/* ---- entries ---- */

/* The next entry, for its owner to fill in. */
static struct recent_entry *entry_begin(struct recent_ring *ring)
{
	struct recent_entry *entry = &ring->entries[ring->next];
	__atomic_store_n(&entry->sequence, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return entry;
}

/* Odd, so never 0. */
static uint32_t sequence_of(uint64_t number)
{
	return (uint32_t)number << 1 | 1;
}

static void entry_end(struct recent_ring *ring, struct recent_entry *entry)
{
	__atomic_store_n(&entry->sequence, sequence_of(ring->count), __ATOMIC_RELEASE);
	if (++ring->next == ring->size)
		ring->next = 0;
	__atomic_store_n(&ring->count, ring->count + 1, __ATOMIC_RELEASE);
}

static void client_fill(struct recent_entry *entry, const struct query_state *query)
{
	memcpy(entry->client, query->client_addr, sizeof(entry->client));
	memcpy(entry->mac, query->client_mac, sizeof(entry->mac));
	entry->client_port = query->client_port;
	entry->qtype = query->qtype;
	entry->flags = (query->flags & QUERY_IPV6) != 0 ? RECENT_IPV6 : 0;
	entry->flags |= (query->flags & QUERY_TCP) != 0 ? RECENT_TCP : RECENT_MAC;
}

static void name_fill(struct recent_entry *entry, const uint8_t *name, uint8_t length)
{
	entry->name_length = length;
	dns_short_copy(entry->name, name, length);
}

static void message_fill(struct recent_entry *entry, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const uint8_t *dns = packet_dns(mbuf);
	uint8_t length = packet->query.qname_length;
	entry->size = packet->dns_length;
	if (unlikely(DNS_HEADER_SIZE + length > packet->dns_length))
		length = 0; /* Lua may have left less than a question of it */
	if (likely(packet->dns_length >= DNS_HEADER_SIZE))
		memcpy(entry->header, dns, DNS_HEADER_SIZE);
	else
		memset(entry->header, 0, DNS_HEADER_SIZE);
	name_fill(entry, dns + DNS_HEADER_SIZE, length);
}

static uint32_t ticks_since(uint64_t then, uint64_t now)
{
	uint64_t ticks = (int64_t)(now - then) > 0 ? (now - then) >> RECENT_TICK_SHIFT : 0;
	return ticks < RECENT_TIMEOUT ? (uint32_t)ticks : RECENT_TIMEOUT - 1;
}

static void query_record(struct recent_lcore *lcore, struct rte_mbuf *mbuf, uint32_t weight,
			 uint64_t now)
{
	struct recent_ring *ring = &lcore->rings[RECENT_QUERIES];
	struct recent_entry *entry = entry_begin(ring);
	entry->weight = weight;
	entry->when = now;
	entry->backend = BACKEND_NONE;
	entry->ticks = 0;
	client_fill(entry, &packet_of(mbuf)->query);
	message_fill(entry, mbuf);
	entry_end(ring, entry);
}

void recent_queries(struct recent_lcore *lcore, struct rte_mbuf *const *mbufs, uint32_t count,
		    uint64_t now)
{
	struct recent_draw *draw = &lcore->draws[RECENT_QUERIES];
	if (count == 0 || lcore->rings == NULL || lcore->rings[RECENT_QUERIES].size == 0)
		return;
	if (likely(lcore->rate == 0)) {
		uint32_t at = count > 1 ? random_below(lcore, count) : 0;
		query_record(lcore, mbufs[at], count, now);
		return;
	}
	uint32_t at = 0;
	while (draw->pick < count - at) {
		at += draw->pick;
		query_record(lcore, mbufs[at++], draw_next(lcore, draw), now);
	}
	draw->pick -= count - at;
}

/* The ring, if responses are recorded, and what the one that was drawn stands for. */
static struct recent_ring *response_begin(struct recent_lcore *lcore, uint32_t *weight)
{
	*weight = draw_next(lcore, &lcore->draws[RECENT_RESPONSES]);
	return lcore->rings != NULL && lcore->rings[RECENT_RESPONSES].size != 0
		       ? &lcore->rings[RECENT_RESPONSES]
		       : NULL;
}

void recent_answer_record(struct recent_lcore *lcore, struct rte_mbuf *mbuf, uint64_t now)
{
	const struct packet *packet = packet_of(mbuf);
	uint32_t weight;
	struct recent_ring *ring = response_begin(lcore, &weight);
	if (ring == NULL)
		return;
	bool forwarded = packet->origin == STATS_FORWARDED_ANSWER;
	struct recent_entry *entry = entry_begin(ring);
	entry->weight = weight;
	entry->when = now;
	entry->backend = forwarded ? packet->query.backend : BACKEND_NONE;
	entry->ticks = ticks_since(packet->query.arrival, now);
	client_fill(entry, &packet->query);
	entry->flags |= RECENT_RESPONSE;
	if (forwarded)
		entry->flags |= RECENT_FORWARDED;
	else if (packet->origin == STATS_CACHED_ANSWER)
		entry->flags |= RECENT_CACHED;
	message_fill(entry, mbuf);
	entry_end(ring, entry);
}

void recent_timeout(struct recent_lcore *lcore, const struct query_state *query,
		    const uint8_t *name, uint64_t now)
{
	uint32_t weight;
	if (lcore->draws[RECENT_RESPONSES].pick-- != 0)
		return;
	struct recent_ring *ring = response_begin(lcore, &weight);
	if (ring == NULL)
		return;
	struct recent_entry *entry = entry_begin(ring);
	entry->weight = weight;
	entry->when = now;
	entry->backend = query->backend;
	entry->ticks = RECENT_TIMEOUT;
	entry->size = 0;
	client_fill(entry, query);
	entry->flags |= RECENT_RESPONSE | RECENT_FORWARDED;
	memset(entry->header, 0, sizeof(entry->header));
	memcpy(entry->header, &query->client_id, sizeof(query->client_id));
	dns_flags_store(entry->header, query->client_header_flags);
	name_fill(entry, name, query->qname_length);
	entry_end(ring, entry);
}

/* ---- reading ---- */

bool recent_copy(const struct recent_ring *ring, uint64_t number, struct recent_entry *copy)
{
	const struct recent_entry *entry = &ring->entries[number % ring->size];
	uint32_t sequence = __atomic_load_n(&entry->sequence, __ATOMIC_ACQUIRE);
	if (sequence != sequence_of(number))
		return false;
	memcpy(copy, entry, offsetof(struct recent_entry, name));
	memcpy(copy->name, entry->name, copy->name_length);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&entry->sequence, __ATOMIC_RELAXED) == sequence;
}
