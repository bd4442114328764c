/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What routers report of paths that take less than a port does: ICMP "fragmentation needed" (RFC 1191)
 * and ICMPv6 "packet too big" (RFC 8201). One table a worker, its own alone;
 * what one worker learns it tells the others.
 *
 * Anybody can send such a report. One counts only if it quotes a message that this worker sent within
 * the last seconds: its addresses, ports, length and UDP checksum, which a stranger would have to guess.
 * So only messages longer than NET_MESSAGE_SAFE are remembered; no report makes less of a path than
 * those need.
 */
#ifndef SLUICE_DATAPLANE_NET_PATH_MTU_H
#define SLUICE_DATAPLANE_NET_PATH_MTU_H

#include "dataplane/net/frame.h"

#define PATH_MTU_ENTRIES 1024u /* paths, and messages remembered; a power of two */
#define PATH_MTU_MEMORY_MS 600000u /* RFC 1191, section 6.3 */
#define PATH_MTU_REPORT_MS 5000u   /* how late a report may come */
#define PATH_MTU_MIN4 (NET_MESSAGE_SAFE + 28u)
#define PATH_MTU_MIN6 1280u /* RFC 8200, section 5 */

enum path_mtu_result {
	PATH_MTU_LEARNED,
	PATH_MTU_MALFORMED, /* or about something else than UDP */
	PATH_MTU_UNSAFE,    /* too small, or no smaller than what we use */
	PATH_MTU_FOREIGN,   /* quotes nothing that this worker sent lately */
};

struct path_mtu;

/* NULL: no memory, or no randomness. Start-up. */
struct path_mtu *path_mtu_create(void);
void path_mtu_destroy(struct path_mtu *paths);

/* Where things stand in the table follows from this seed from now on: for replay, never for traffic. */
void path_mtu_replay(struct path_mtu *paths, uint64_t seed);

/* Whether a packet that net_frame_classify() called ICMP or ICMP6 is such a report. */
bool path_mtu_wants(struct rte_mbuf *mbuf);

/* Looks at a report that path_mtu_wants(), and leaves it to the caller. Milliseconds here as below. */
enum path_mtu_result path_mtu_input(struct path_mtu *paths, const struct net_port *port,
				    struct rte_mbuf *mbuf, uint64_t now);

/* Learns from a report that another worker, who sent what it quotes, has believed. */
void path_mtu_learn(struct path_mtu *paths, const struct net_port *port, struct rte_mbuf *mbuf,
		    uint64_t now);

/* Bytes that an IP packet to this address may have out of this port. */
uint16_t path_mtu_find(const struct path_mtu *paths, const struct net_port *port,
		       const struct net_address *to, uint64_t now);

/* Remembers a message that goes out: UDP length, and the checksum as on the wire. */
void path_mtu_sent(struct path_mtu *paths, const struct net_flow *flow, uint16_t length,
		   rte_be16_t checksum, uint64_t now);

#endif
