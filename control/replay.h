/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice replay`: the packets of a capture through the policy, as if they had arrived on the first
 * port, and a capture of what would have been sent on any. One worker, run by the control lcore;
 * ports that are rings; the time is that of the packets, and DNS IDs and source ports come from a
 * generator of a fixed seed. So the same capture gives the same one each time, without privileges,
 * and captures may hold the answers of servers.
 *
 * No socket is opened: endpoints have no peer, listeners hear nothing.
 */
#ifndef SLUICE_CONTROL_REPLAY_H
#define SLUICE_CONTROL_REPLAY_H

#include <stddef.h>

#include <rte_ether.h>

#include "control/control.h"

/* Before DPDK starts: what the configuration says of the machine gives way to what replay has. */
int replay_prepare(struct control *control, char *error, size_t error_size);

/* The rings of a port, before port_open() opens them as the device that replay_prepare() named. */
int replay_port_create(unsigned port, char *error, size_t error_size);

/* The MAC address of a port: 02:00:00:00:00:01 of the first, and so on. */
void replay_mac(unsigned port, struct rte_ether_addr *mac);

/* What the command line asks for. */
struct replay_order {
	const char *in, *out;
	bool explain;	/* a line for each packet */
	unsigned burst; /* packets that the worker gets at a time, at most WORKER_BURST */
};

/*
 * Replays a capture into another one and prints the sums, once the policy is in force. 0, or -errno
 * with a sentence in `error`.
 */
int replay_run(struct control *control, const struct replay_order *order, char *error,
	       size_t error_size);

#endif
