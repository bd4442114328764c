/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/neighbour.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_ip.h>

#include "dataplane/net/frame.h"
#include "dataplane/net/neighbour_frames.h"
#include "dataplane/net/route.h"
#include "dataplane/packet.h"

#define BUCKETS 2048u /* a power of two */
#define TICKS 64u
#define STRANGERS_MAX (NEIGHBOUR_ENTRIES / 4) /* entries made since somebody asked for us */

enum neighbour_state { STATE_FREE, STATE_STATIC, STATE_ASKING, STATE_KNOWN, STATE_FAILED };

struct neighbour {
	struct net_address address;
	uint8_t port;
	uint8_t state;
	uint8_t tries;
	uint8_t parked;
	bool used;     /* since it was last confirmed */
	bool doubted;  /* likewise */
	bool stranger; /* it asked for us before we needed it */
	struct rte_ether_addr mac;
	uint16_t chain; /* next in the bucket or the free list, number + 1 */
	uint64_t confirmed; /* ms */
	uint64_t asked;
	uint64_t last_used;
	struct rte_mbuf *queue[NEIGHBOUR_PARKED];
};

struct neighbour_table {
	const struct net_port *ports;
	unsigned n_ports;
	struct rte_mempool *pool;
	struct net_tx *tx;
	struct stats *stats;
	uint64_t seeds[2]; /* of the hash: nobody else can tell which addresses share a bucket */
	uint32_t parked;
	uint32_t strangers;
	uint64_t defended; /* ms, 0: never */
	uint32_t swept; /* where the timers go on */
	uint32_t highest; /* number of an entry that was ever used */
	struct neighbour *last; /* resolved: most go where the one before went; NULL: not there any more */
	uint64_t ticked; /* ms */
	uint16_t free;
	uint16_t buckets[BUCKETS];
	struct neighbour entries[NEIGHBOUR_ENTRIES];
};

struct neighbour_table *neighbour_create(const struct net_port *ports, unsigned n_ports,
					 struct rte_mempool *pool, struct net_tx *tx,
					 struct stats *stats)
{
	struct neighbour_table *table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	if (getrandom(table->seeds, sizeof(table->seeds), 0) != sizeof(table->seeds)) {
		free(table);
		return NULL;
	}
	table->ports = ports;
	table->n_ports = n_ports;
	table->pool = pool;
	table->tx = tx;
	table->stats = stats;
	for (unsigned i = NEIGHBOUR_ENTRIES; i > 0; i--) {
		table->entries[i - 1].chain = table->free;
		table->free = (uint16_t)i;
	}
	return table;
}

static uint32_t bucket_of(const struct neighbour_table *table, uint8_t port,
			  const struct net_address *address)
{
	return net_address_hash(address, table->seeds, port) & (BUCKETS - 1);
}

static inline bool entry_is(const struct neighbour *entry, uint8_t port,
			    const struct net_address *address)
{
	return entry->port == port && net_address_equal(&entry->address, address);
}

static struct neighbour *entry_find(struct neighbour_table *table, uint8_t port,
				    const struct net_address *address)
{
	for (uint16_t n = table->buckets[bucket_of(table, port, address)]; n != 0;) {
		struct neighbour *entry = &table->entries[n - 1];
		if (entry_is(entry, port, address))
			return entry;
		n = entry->chain;
	}
	return NULL;
}

static struct neighbour *entry_add(struct neighbour_table *table, uint8_t port,
				   const struct net_address *address)
{
	uint16_t n = table->free;
	if (n == 0)
		return NULL;
	struct neighbour *entry = &table->entries[n - 1];
	table->free = entry->chain;
	table->highest = RTE_MAX(table->highest, (uint32_t)n);
	*entry = (struct neighbour){.address = *address, .port = port};
	uint16_t *bucket = &table->buckets[bucket_of(table, port, address)];
	entry->chain = *bucket;
	*bucket = n;
	return entry;
}

static void queue_free(struct neighbour_table *table, struct neighbour *entry)
{
	for (unsigned i = 0; i < entry->parked; i++)
		rte_pktmbuf_free(entry->queue[i]);
	stats_add(&table->stats->counter[STATS_NEIGHBOUR_UNPARKED], entry->parked);
	table->parked -= entry->parked;
	entry->parked = 0;
}

static void entry_remove(struct neighbour_table *table, struct neighbour *entry)
{
	uint16_t n = (uint16_t)(entry - table->entries + 1);
	uint16_t *link = &table->buckets[bucket_of(table, entry->port, &entry->address)];
	while (*link != n)
		link = &table->entries[*link - 1].chain;
	*link = entry->chain;
	queue_free(table, entry);
	table->strangers -= entry->stranger;
	if (table->last == entry)
		table->last = NULL;
	entry->state = STATE_FREE;
	entry->chain = table->free;
	table->free = n;
}

void neighbour_destroy(struct neighbour_table *table)
{
	if (table == NULL)
		return;
	for (unsigned i = 0; i < NEIGHBOUR_ENTRIES; i++)
		for (unsigned q = 0; q < table->entries[i].parked; q++)
			rte_pktmbuf_free(table->entries[i].queue[q]);
	free(table);
}

int neighbour_add_static(struct neighbour_table *table, uint8_t port,
			 const struct net_address *address, const struct rte_ether_addr *mac)
{
	struct neighbour *entry = entry_find(table, port, address);
	if (entry == NULL)
		entry = entry_add(table, port, address);
	if (entry == NULL)
		return -ENOSPC;
	entry->state = STATE_STATIC;
	entry->mac = *mac;
	return 0;
}

/* One place is left to the worker: it pushes first, and sends when that was one too many. */
static bool tx_push(struct neighbour_table *table, uint8_t port, struct rte_mbuf *mbuf)
{
	struct net_tx *tx = &table->tx[port];
	if (tx->count >= RTE_DIM(tx->mbufs) - 1)
		return false;
	tx->mbufs[tx->count++] = mbuf;
	return true;
}

/* An address of ours to ask from: the one on the target's link, else any of the family. */
static const struct net_address *source_for(const struct net_port *port,
					    const struct net_address *target)
{
	const struct net_address *any = NULL;
	for (unsigned a = 0; a < port->n_addresses; a++) {
		const struct net_prefix *prefix = &port->addresses[a];
		if (prefix->address.ipv6 != target->ipv6)
			continue;
		if (any == NULL || net_prefix_holds(prefix, target))
			any = &prefix->address;
	}
	return any;
}

static void entry_ask(struct neighbour_table *table, struct neighbour *entry, uint64_t now,
		      const struct rte_ether_addr *mac)
{
	const struct net_port *port = &table->ports[entry->port];
	const struct net_address *source = source_for(port, &entry->address);
	struct rte_mbuf *mbuf = source ? rte_pktmbuf_alloc(table->pool) : NULL;
	entry->asked = now;
	entry->tries++;
	if (mbuf == NULL)
		return;
	if (entry->address.ipv6)
		neighbour_nd_ask(port, mbuf, source, &entry->address, mac);
	else
		neighbour_arp_ask(port, mbuf, source, &entry->address, mac);
	if (tx_push(table, entry->port, mbuf))
		stats_add(&table->stats->counter[entry->address.ipv6 ? STATS_ND_SENT
								     : STATS_ARP_SENT],
			  1);
	else
		rte_pktmbuf_free(mbuf);
}

enum neighbour_result neighbour_resolve(struct neighbour_table *table, uint8_t port,
					const struct net_address *address, uint64_t now,
					struct rte_ether_addr *mac)
{
	struct neighbour *entry = table->last;
	if (unlikely(entry == NULL || !entry_is(entry, port, address)))
		entry = table->last = entry_find(table, port, address);
	if (likely(entry != NULL &&
		   (entry->state == STATE_KNOWN || entry->state == STATE_STATIC))) {
		entry->used = true;
		entry->last_used = now;
		*mac = entry->mac;
		return NEIGHBOUR_HIT;
	}
	*mac = (struct rte_ether_addr){{0}};
	if (entry == NULL) {
		entry = entry_add(table, port, address);
		if (entry == NULL) {
			stats_add(&table->stats->counter[STATS_NEIGHBOUR_REFUSED], 1);
			return NEIGHBOUR_FAILED;
		}
		entry->state = STATE_ASKING;
		entry_ask(table, entry, now, NULL);
	}
	entry->last_used = now;
	return entry->state == STATE_FAILED ? NEIGHBOUR_FAILED : NEIGHBOUR_PENDING;
}

void neighbour_doubt(struct neighbour_table *table, uint8_t port, const struct net_address *address,
		     uint64_t now)
{
	struct neighbour *entry = entry_find(table, port, address);
	if (entry == NULL || entry->state != STATE_KNOWN || entry->doubted ||
	    now - entry->confirmed < NEIGHBOUR_DOUBT_MS)
		return;
	entry->doubted = true;
	stats_add(&table->stats->counter[STATS_NEIGHBOUR_DOUBTED], 1);
}

bool neighbour_park(struct neighbour_table *table, uint8_t port, const struct net_address *address,
		    struct rte_mbuf *mbuf)
{
	struct neighbour *entry = entry_find(table, port, address);
	if (entry == NULL || entry->state != STATE_ASKING || entry->parked >= NEIGHBOUR_PARKED ||
	    table->parked >= NEIGHBOUR_PARKED_ALL)
		return false;
	entry->queue[entry->parked++] = mbuf;
	table->parked++;
	return true;
}

/* What the transmit queue has no room for waits for the timers. */
static void queue_send(struct neighbour_table *table, struct neighbour *entry)
{
	unsigned sent = 0;
	for (; sent < entry->parked; sent++) {
		struct rte_mbuf *mbuf = entry->queue[sent];
		rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *)->dst_addr = entry->mac;
		if (!tx_push(table, entry->port, mbuf))
			break;
	}
	table->parked -= sent;
	entry->parked = (uint8_t)(entry->parked - sent);
	memmove(entry->queue, entry->queue + sent, entry->parked * sizeof(entry->queue[0]));
}

static bool is_on_link(const struct net_port *port, const struct net_address *address)
{
	for (unsigned a = 0; a < port->n_addresses; a++)
		if (net_prefix_holds(&port->addresses[a], address))
			return true;
	return false;
}

/* An entry for a host that asked for us before we needed it. NULL: there are enough of those. */
static struct neighbour *stranger_add(struct neighbour_table *table, uint8_t port,
				      const struct net_address *address, uint64_t now)
{
	if (!is_on_link(&table->ports[port], address))
		return NULL;
	struct neighbour *entry = table->strangers < STRANGERS_MAX
					  ? entry_add(table, port, address)
					  : NULL;
	if (entry == NULL) {
		stats_add(&table->stats->counter[STATS_NEIGHBOUR_REFUSED], 1);
		return NULL;
	}
	entry->stranger = true;
	entry->last_used = now;
	table->strangers++;
	return entry;
}

static void entry_confirm(struct neighbour *entry, uint64_t now)
{
	entry->state = STATE_KNOWN;
	entry->confirmed = now;
	entry->tries = 0;
	entry->used = false;
	entry->doubted = false;
}

/* Nobody's address, or ours. Our MAC may be another's as well: the kernel's end of a tap has it. */
static bool is_nonsense(const struct net_port *port, const struct neighbour_news *news)
{
	static const uint8_t zero[16];
	return memcmp(news->sender.bytes, zero, sizeof(zero)) == 0 ||
	       net_port_owns(port, news->sender.bytes, news->sender.ipv6);
}

/* Says to all on the link that the address is ours. */
static void address_defend(struct neighbour_table *table, uint8_t port,
			   const struct net_address *address)
{
	const struct net_port *net = &table->ports[port];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(table->pool);
	if (mbuf == NULL)
		return;
	if (address->ipv6)
		neighbour_nd_answer(net, mbuf, &(struct neighbour_news){.target = *address});
	else
		neighbour_arp_ask(net, mbuf, address, address, NULL);
	if (tx_push(table, port, mbuf))
		stats_add(&table->stats->counter[STATS_ADDRESS_SAID], 1);
	else
		rte_pktmbuf_free(mbuf);
}

void neighbour_announce(struct neighbour_table *table, uint8_t port)
{
	for (unsigned i = 0; i < table->ports[port].n_addresses; i++)
		address_defend(table, port, &table->ports[port].addresses[i].address);
}

/* Of several workers that hear of it, the one that received the frame does something about it. */
static void claim_check(struct neighbour_table *table, uint8_t port,
			const struct neighbour_news *news, uint64_t now)
{
	const struct net_port *net = &table->ports[port];
	if (!news->has_mac || rte_is_same_ether_addr(&news->mac, &net->mac) ||
	    !net_port_owns(net, news->sender.bytes, news->sender.ipv6))
		return;
	stats_add(&table->stats->counter[STATS_ADDRESS_CLAIMED], 1);
	if (table->defended != 0 && now - table->defended < NEIGHBOUR_DEFEND_MS)
		return;
	table->defended = now;
	address_defend(table, port, &news->sender);
}

/* Learns a sender's address: of an entry that exists, or of a stranger who asked for us. */
static void learn(struct neighbour_table *table, uint8_t port, const struct neighbour_news *news,
		  bool asked_for_us, uint64_t now)
{
	if (is_nonsense(&table->ports[port], news))
		return;
	struct neighbour *entry = entry_find(table, port, &news->sender);
	if (entry == NULL && asked_for_us && news->has_mac)
		entry = stranger_add(table, port, &news->sender, now);
	if (entry == NULL || entry->state == STATE_STATIC)
		return;
	bool known = entry->state == STATE_KNOWN;
	if (!news->has_mac) {
		/* The answer to our question to one host need not tell its MAC (section 7.2.4). */
		if (known && news->solicited && entry->tries > 0)
			entry_confirm(entry, now);
		return;
	}
	if (known && !news->override && !rte_is_same_ether_addr(&entry->mac, &news->mac))
		return;
	entry->mac = news->mac;
	entry_confirm(entry, now);
	queue_send(table, entry);
}

/* Answers in the received mbuf, or frees it. */
static void finish(struct neighbour_table *table, uint8_t port, struct rte_mbuf *mbuf,
		   bool answered)
{
	if (answered && tx_push(table, port, mbuf))
		return;
	stats_add(&table->stats->counter[STATS_TX_UNSENT], answered);
	rte_pktmbuf_free(mbuf);
}

void neighbour_arp_input(struct neighbour_table *table, uint8_t port, struct rte_mbuf *mbuf,
			 uint64_t now, bool reply)
{
	struct neighbour_news news;
	if (!neighbour_arp_read(mbuf, &news)) {
		stats_add(&table->stats->drop[DROP_ARP], 1);
		rte_pktmbuf_free(mbuf);
		return;
	}
	bool for_us = news.question &&
		      net_port_owns(&table->ports[port], news.target.bytes, false);
	learn(table, port, &news, for_us, now);
	if (reply)
		claim_check(table, port, &news, now);
	if (reply && for_us)
		neighbour_arp_answer(&table->ports[port], mbuf, &news);
	finish(table, port, mbuf, reply && for_us);
}

bool neighbour_nd_wants(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	/* Right behind the IPv6 header: never in fragments (RFC 6980), nobody needs other headers. */
	if (!packet->ipv6 || mbuf->data_len <= packet->dns_offset ||
	    packet->dns_offset != packet->l3_offset + sizeof(struct rte_ipv6_hdr))
		return false;
	uint8_t type = *rte_pktmbuf_mtod_offset(mbuf, uint8_t *, packet->dns_offset);
	return type == ND_SOLICITATION || type == ND_ADVERTISEMENT;
}

void neighbour_nd_input(struct neighbour_table *table, uint8_t port, struct rte_mbuf *mbuf,
			uint64_t now, bool reply)
{
	struct neighbour_news news;
	if (!neighbour_nd_read(mbuf, &news)) {
		stats_add(&table->stats->drop[DROP_ND], 1);
		rte_pktmbuf_free(mbuf);
		return;
	}
	bool for_us = news.question &&
		      net_port_owns(&table->ports[port], news.target.bytes, true);
	learn(table, port, &news, for_us, now);
	if (reply)
		claim_check(table, port, &news, now);
	if (reply && for_us)
		neighbour_nd_answer(&table->ports[port], mbuf, &news);
	finish(table, port, mbuf, reply && for_us);
}

/* Whether it is time to ask whether it is there. */
static bool is_due(const struct neighbour *entry, uint64_t now)
{
	return (entry->doubted ||
		(entry->used && now - entry->confirmed > NEIGHBOUR_FRESH_MS)) &&
	       now - entry->asked > NEIGHBOUR_RETRY_MS;
}

static void entry_tick(struct neighbour_table *table, struct neighbour *entry, uint64_t now)
{
	switch ((enum neighbour_state)entry->state) {
	case STATE_ASKING:
		if (now - entry->asked < NEIGHBOUR_RETRY_MS)
			break;
		if (entry->tries < NEIGHBOUR_TRIES) {
			entry_ask(table, entry, now, NULL);
			break;
		}
		entry->state = STATE_FAILED;
		entry->asked = now;
		queue_free(table, entry);
		break;
	case STATE_FAILED:
		if (now - entry->asked >= NEIGHBOUR_RETRY_MS)
			entry_remove(table, entry);
		break;
	case STATE_KNOWN:
		queue_send(table, entry);
		if (now - entry->last_used > NEIGHBOUR_UNUSED_MS)
			entry_remove(table, entry);
		else if (is_due(entry, now)) {
			if (entry->tries >= NEIGHBOUR_TRIES) {
				entry->state = STATE_ASKING;
				entry->tries = 0;
				entry_ask(table, entry, now, NULL);
			} else {
				entry_ask(table, entry, now, &entry->mac);
			}
		}
		break;
	default:
		break;
	}
}

/* A slice of the table each time: all of it comes by within 64 calls. */
void neighbour_tick(struct neighbour_table *table, uint64_t now)
{
	/* All of them in TICKS milliseconds, though nobody may have come for some. */
	uint64_t passed = RTE_MIN(now - table->ticked, (uint64_t)TICKS);
	unsigned slice = (table->highest + TICKS - 1) / TICKS;
	unsigned turns = RTE_MAX((unsigned)passed, 1u);
	unsigned n = RTE_MIN(slice * turns, table->highest);
	table->ticked = now;
	for (unsigned i = 0; i < n; i++) {
		table->swept = table->swept < table->highest ? table->swept : 0;
		struct neighbour *entry = &table->entries[table->swept++];
		if (entry->state != STATE_FREE && entry->state != STATE_STATIC)
			entry_tick(table, entry, now);
	}
}
