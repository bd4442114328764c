/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker can sleep on, so that what its queues receive wakes it: the packet sockets of
 * net_af_packet, and the receive interrupts of drivers that have them. Ports that have neither
 * (net_memif, net_pcap, ...) have to be looked at again and again.
 */
#ifndef SLUICE_DATAPLANE_PORT_WAKE_H
#define SLUICE_DATAPLANE_PORT_WAKE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/net.h"

#define PORT_WAKES_MAX (2 * NET_PORTS_MAX) /* each port, and its interface in the kernel */

/* Of one worker; its own alone once it runs. */
struct port_wakes {
	unsigned n_ports;   /* that were added */
	unsigned n_sockets; /* of some of them */
	int sockets[PORT_WAKES_MAX];
	int epoll; /* that of all interrupts; -1: there are none */
	unsigned n_interrupts;
	struct {
		uint16_t port, queue;
		bool latent; /* it comes only while it is enabled */
	} interrupts[PORT_WAKES_MAX];
	bool recheck; /* after arming, look at the queues once more: what came before may have caused none */
};

/* Where port_wakes_poll() puts what it waits for, at most. */
#define PORT_WAKES_POLLS (PORT_WAKES_MAX + 1)

void port_wakes_init(struct port_wakes *wakes);

/* Whether the queue of the started port can wake. Start-up, before the port receives in earnest. */
bool port_wakes_add(struct port_wakes *wakes, uint16_t port, uint16_t queue);

/* Before the ports are closed. */
void port_wakes_fini(struct port_wakes *wakes);

/* Whether all ports that were added wake. */
static inline bool port_wakes_all(const struct port_wakes *wakes)
{
	return wakes->n_ports == wakes->n_sockets + wakes->n_interrupts;
}

/* Enables interrupts. What has come just before may have caused none. */
void port_wakes_arm(struct port_wakes *wakes);
void port_wakes_disarm(struct port_wakes *wakes);

/* What to give to poll(); how many. */
unsigned port_wakes_poll(const struct port_wakes *wakes, struct pollfd polls[static PORT_WAKES_POLLS]);

/* After it: takes note of what poll() found, so that it is not found again. Whether there was any. */
bool port_wakes_heed(struct port_wakes *wakes, const struct pollfd *polls, unsigned n_polls);

#endif
