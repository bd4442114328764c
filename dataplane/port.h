/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet devices: attach, queues, offloads, MTU, buffers. Start-up and shutdown only. */
#ifndef SLUICE_DATAPLANE_PORT_H
#define SLUICE_DATAPLANE_PORT_H

#include <stdint.h>

#include <rte_mempool.h>

#include "dataplane/net/net.h"
#include "dataplane/net/steer.h"

#define PORT_DEVICE_MAX 512
#define PORT_OVERHEAD 22u /* bytes of a frame beside its MTU: Ethernet and two VLAN tags */

/* How a server's answer gets to the worker that asked; what may be asked for, and what came of it. */
enum port_steering { PORT_STEERING_AUTO, PORT_STEERING_RSS, PORT_STEERING_FLOW, PORT_STEERING_RING,
		     PORT_STEERING_SINGLE /* there is but one worker */ };

struct port_options {
	const char *name;   /* for messages */
	const char *device; /* a vdev string with its arguments, or a PCI address */
	uint16_t queues;    /* RX and TX, one each per worker */
	uint16_t mtu;
	uint16_t vlan;
	bool fragments;	    /* larger messages leave in fragments, not truncated */
	uint16_t rx_ring; /* descriptors per queue */
	uint16_t tx_ring;
	uint32_t rx_buffers; /* per port, 0: chosen from the rings */
	enum port_steering steering;
	uint32_t ports_share; /* source ports of a worker's own range */
	bool interrupts; /* what it receives may wake: have the driver's interrupts, if it has any */
	bool plain; /* no offloads: what comes out of it is complete, for other ports to send */
};

struct port {
	uint16_t id;
	struct rte_mempool *pool; /* what this port receives into */
	/* Of IPv4 and of IPv6. */
	enum port_steering steering[2];
	uint32_t source_ports[2]; /* that a worker has to a server, at least */
	struct net_steer *steer[2]; /* of PORT_STEERING_RSS */
};

/*
 * The device string with arguments that make it fast where the user gave none: net_af_packet's
 * default ring moves an eighth of what a larger one does, and its places are too small for what the
 * kernel puts together, or for an MTU as large; net_af_xdp over veth moves half without busy_budget=0.
 * Devices with a queue count argument get one queue a worker.
 */
int port_device_arguments(const char *device, uint16_t queues, uint32_t mtu,
			  char out[static PORT_DEVICE_MAX]);

/*
 * Has DPDK make a device. A tap would say at length that it does without rte_flow and secondary
 * processes, as we do; what fails is told by the result. 0 or -errno.
 */
int port_probe(const char *device);

/* Neighbour discovery needs groups; devices without filters get everything anyway. */
void port_multicast_enable(uint16_t id);

/*
 * Attaches, configures and starts a device and fills in id, mac, mtu and offloads of `net`.
 * 0, or -errno with a sentence in `error` that says what to do.
 */
int port_open(const struct port_options *options, struct port *port, struct net_port *net,
	      char *error, size_t error_size);
void port_close(struct port *port);

/*
 * Has the answers that an open port receives come home: by source ports that its RSS leads to the
 * worker's queue, else by rules of rte_flow for the workers' ranges of ports, else over the rings
 * between workers. 0, or -errno with a sentence in `error` if the options ask for one way and the
 * port does not have it.
 */
int port_steer(const struct port_options *options, struct port *port, struct net_port *net,
	       char *error, size_t error_size);

/* Undoes it; on close. */
void port_unsteer(struct port *port);

/* The word for it, as in the configuration. */
const char *port_steering_name(enum port_steering steering);

#endif
