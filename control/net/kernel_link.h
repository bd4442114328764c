/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An interface of the kernel made to look like a port of ours, over rtnetlink: its addresses, routes
 * through its gateways, its static neighbours. All of it goes with the interface. The calling thread
 * is in the interface's network namespace. Start-up.
 */
#ifndef SLUICE_CONTROL_NET_KERNEL_LINK_H
#define SLUICE_CONTROL_NET_KERNEL_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "dataplane/net/net.h"

bool kernel_link_exists(const char *interface);

/*
 * Before the interface is up: the MAC address; no address that the kernel makes itself, no router
 * that tells it one, and no answers to ARP for the addresses of other interfaces. 0, or -errno and a
 * sentence in `error`, as below.
 */
int kernel_link_prepare(const char *interface, const struct net_port *port, char *error, size_t size);

/*
 * Once it is up. Default routes come last of all that the namespace may have, and those of port
 * `number` after those of the ports before it.
 */
int kernel_link_setup(const char *interface, const struct net_port *port, unsigned number,
		      const struct config_port *config, char *error, size_t size);

#endif
