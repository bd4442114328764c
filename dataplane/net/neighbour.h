/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The neighbour cache: which MAC address a next hop has. ARP (RFC 826) and neighbour discovery
 * (RFC 4861), both ways: asked, answered, retried, refreshed and expired. One table a worker, its
 * own alone; frames that teach something are copied to every worker.
 *
 * Strangers cannot fill the table: an entry is made only for a next hop that we ask for, or for a
 * host on our link that asks for us, and the latter kind is bounded. Nothing is ever evicted. What
 * is heard without having been asked for updates entries that exist.
 *
 * Somebody else who has an address of ours is counted, and told off to everybody's ear, so that who
 * believed him hears better (RFC 5227, section 2.4; RFC 4861, section 7.2.6).
 */
#ifndef SLUICE_DATAPLANE_NET_NEIGHBOUR_H
#define SLUICE_DATAPLANE_NET_NEIGHBOUR_H

#include <rte_mempool.h>

#include "dataplane/net/net.h"
#include "dataplane/stats.h"

#define NEIGHBOUR_ENTRIES 4096u
#define NEIGHBOUR_PARKED 64u	  /* packets that wait for one next hop: a burst at start is kept */
#define NEIGHBOUR_PARKED_ALL 1024u
#define NEIGHBOUR_TRIES 3u
#define NEIGHBOUR_RETRY_MS 1000u
#define NEIGHBOUR_FRESH_MS 30000u  /* then a used entry is asked again, by unicast */
#define NEIGHBOUR_DOUBT_MS 5000u   /* one confirmed since is not doubted: DELAY_FIRST_PROBE_TIME */
#define NEIGHBOUR_UNUSED_MS 600000u
#define NEIGHBOUR_DEFEND_MS 10000u /* RFC 5227, section 1.1: DEFEND_INTERVAL */

enum neighbour_result {
	NEIGHBOUR_HIT,
	NEIGHBOUR_PENDING, /* asked; neighbour_park() the packet */
	NEIGHBOUR_FAILED,  /* did not answer lately */
};

struct neighbour_table;

/*
 * `tx` has one element per port and is shared with the worker, which sends what is in it after each
 * turn. Questions are allocated from `pool`. NULL: no memory. Start-up.
 */
struct neighbour_table *neighbour_create(const struct net_port *ports, unsigned n_ports,
					 struct rte_mempool *pool, struct net_tx *tx,
					 struct stats *stats);
void neighbour_destroy(struct neighbour_table *table);

/* An entry that is never asked for nor forgotten. 0 or -ENOSPC. Start-up. */
int neighbour_add_static(struct neighbour_table *table, uint8_t port,
			 const struct net_address *address, const struct rte_ether_addr *mac);

/* The MAC of a next hop; asks for it if it is not known. `now` in milliseconds, here as below. */
enum neighbour_result neighbour_resolve(struct neighbour_table *table, uint8_t port,
					const struct net_address *address, uint64_t now,
					struct rte_ether_addr *mac);

/*
 * What goes over this next hop is not answered: it is asked by unicast at once, and where it does not answer
 * either, by its address. Often: nothing happens while that goes on, nor to one that was there lately.
 */
void neighbour_doubt(struct neighbour_table *table, uint8_t port, const struct net_address *address,
		     uint64_t now);

/*
 * Keeps a finished frame that lacks its destination MAC until the next hop is known; then it is
 * sent, or freed when there is no answer (STATS_NEIGHBOUR_UNPARKED: the query itself stays in
 * flight, and ends as a timeout). False if there is no room: the packet is the caller's.
 */
bool neighbour_park(struct neighbour_table *table, uint8_t port, const struct net_address *address,
		    struct rte_mbuf *mbuf);

/*
 * Takes a frame that net_frame_classify() called ARP, or that neighbour_nd_wants(), and frees it
 * or, for questions about us and if `reply`, answers in it: that needs 90 bytes from the start of
 * the mbuf's data, which the buffers of a port have.
 */
void neighbour_arp_input(struct neighbour_table *table, uint8_t port, struct rte_mbuf *mbuf,
			 uint64_t now, bool reply);
void neighbour_nd_input(struct neighbour_table *table, uint8_t port, struct rte_mbuf *mbuf,
			uint64_t now, bool reply);

/* Whether a classified ICMPv6 packet is a neighbour solicitation or advertisement. */
bool neighbour_nd_wants(struct rte_mbuf *mbuf);

/* Says to all on a port's link that its addresses are ours (RFC 5227, section 2.3; RFC 9131). */
void neighbour_announce(struct neighbour_table *table, uint8_t port);

/* Timers; every few milliseconds. */
void neighbour_tick(struct neighbour_table *table, uint64_t now);

#endif
