/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel path: frames of a port that are nothing for Sluice go to the kernel's interface of that
 * port, and frames of the kernel go out of the port. Each worker has a queue of its own in that
 * interface, so nothing is handed over. Frames wait until the worker has done its turn of DNS, and
 * KERNEL_BURST each way is what it then gives to a port at most.
 *
 * The kernel sees ARP and neighbour discovery too, so that its neighbours are those that we know;
 * its answers about addresses that are the port's are dropped, since the worker has given them.
 */
#ifndef SLUICE_DATAPLANE_KERNEL_H
#define SLUICE_DATAPLANE_KERNEL_H

#include <rte_mbuf.h>

#include "dataplane/stats.h"

#define KERNEL_BURST 16u
#define KERNEL_QUEUE 256u /* frames of a worker that wait for a port's; a power of two */

/* Of a port; written at start-up, read by workers. */
struct kernel_port {
	uint16_t id; /* DPDK port of its interface */
	bool open;   /* it has one */
	uint32_t rate; /* packets a second towards the kernel, of one worker */
};

/* Of a worker and port; the worker's alone. */
struct kernel_queue {
	uint64_t filled; /* ms */
	uint32_t credit; /* packets that may go to the kernel now, in thousandths */
	uint32_t head, tail;
	struct rte_mbuf *mbufs[KERNEL_QUEUE];
};

/* UDP ports that the kernel has lately sent from, though servers answer us there. All workers. */
struct kernel_udp {
	uint64_t since; /* ms: when `now` was begun; worker 0's */
	uint64_t now[1024], before[1024];
};

struct worker;

/*
 * Gives a classified frame to the kernel; where the port has no interface there, or no more is to go
 * to it, drops it (for `reason` in the first case).
 */
void kernel_offer(struct worker *worker, unsigned port, struct rte_mbuf *mbuf,
		  enum drop_reason reason);

/* The same with a copy, where the port has an interface. */
void kernel_copy(struct worker *worker, unsigned port, struct rte_mbuf *mbuf);

/* Both ways, bounded: at the end of a turn. How many frames there were. */
unsigned kernel_turn(struct worker *worker);

/* New credit; once a millisecond or so. */
void kernel_tick(struct worker *worker);

/* Start-up: full of credit. Once the interfaces are there. */
void kernel_queues_init(struct worker *worker);
/* Frees what waits. */
void kernel_queues_free(struct worker *worker);

/* Whether the kernel sent from this UDP port in the last minute or two. */
bool kernel_udp_used(const struct kernel_udp *udp, uint16_t port);

#endif
