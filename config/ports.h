/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the configuration that are about ports and addresses. Private to config/. */
#ifndef SLUICE_CONFIG_PORTS_H
#define SLUICE_CONFIG_PORTS_H

#include "config/schema.h"

void config_ports_read(struct loader *loader, yaml_node_t *node, void *into);

/* What can be seen only once all ports are read: duplicates, gateways off every link. */
void config_ports_check(struct loader *loader);

/* The listen list, or port 53 of every address if there is none. */
void config_listen_read(struct loader *loader, yaml_node_t *node);

/* `into` is a struct config_port. */
void config_port_kernel_read(struct loader *loader, yaml_node_t *node, void *into);
/* What can be seen only once all ports are read: interfaces that two want. */
void config_port_kernel_check(struct loader *loader, unsigned index);

#endif
