/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/ports.h"

#include <stdio.h>
#include <string.h>

#include "control/log/log.h"
#include "control/replay.h"

#define PORT_ERROR_SIZE 512

/* The link-local address that the MAC gives (RFC 4291, appendix A). */
static void link_local_add(struct net_port *net)
{
	struct net_prefix *prefix = &net->addresses[net->n_addresses++];
	const uint8_t *mac = net->mac.addr_bytes;
	*prefix = (struct net_prefix){.length = 64, .address = {.ipv6 = 1}};
	uint8_t bytes[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff,
			     0xfe, mac[3], mac[4], mac[5]};
	memcpy(prefix->address.bytes, bytes, sizeof(bytes));
}

static void steering_log(const char *name, const struct port *port)
{
	if (port->steering[0] == PORT_STEERING_SINGLE)
		return;
	log_info("port %s: answers come home by %s over IPv4 and by %s over IPv6; each worker has at "
		 "least %u and %u source ports to a server",
		 name, port_steering_name(port->steering[0]), port_steering_name(port->steering[1]),
		 port->source_ports[0], port->source_ports[1]);
	if (RTE_MIN(port->source_ports[0], port->source_ports[1]) < INFLIGHT_PORTS_ADVISED)
		log_warning("port %s: with so many workers each has few source ports, which makes "
			    "answers easier to forge; keep servers on a network of your own, or take "
			    "fewer workers",
			    name);
}

static struct port_options port_options_of(const struct config *config, const struct config_port *port)
{
	return (struct port_options){
		.name = port->name,
		.device = port->device,
		.queues = (uint16_t)config->lcores.n_workers,
		.mtu = (uint16_t)port->mtu,
		.vlan = (uint16_t)port->vlan,
		.fragments = port->oversize == CONFIG_OVERSIZE_FRAGMENT,
		.rx_ring = (uint16_t)config->dataplane.rx_ring,
		.tx_ring = (uint16_t)config->dataplane.tx_ring,
		.rx_buffers = config->dataplane.rx_buffers,
		.steering = (enum port_steering)port->steering,
		.ports_share = inflight_ports_share(config->lcores.n_workers),
		.interrupts = config->lcores.idle == CONFIG_IDLE_AUTO,
	};
}

static int port_init(struct control *control, unsigned i, char *error, size_t size)
{
	const struct config_port *port = &control->config->ports[i];
	struct net_port *net = &control->dataplane->ports[i];
	struct port_options options = port_options_of(control->config, port);
	control->ports[i] = (struct port){.id = RTE_MAX_ETHPORTS};
	if ((control->replaying && replay_port_create(i, error, size) != 0) ||
	    port_open(&options, &control->ports[i], net, error, size) != 0 ||
	    port_steer(&options, &control->ports[i], net, error, size) != 0) {
		port_close(&control->ports[i]);
		return -1;
	}
	if (control->replaying)
		replay_mac(i, &net->mac);
	steering_log(port->name, &control->ports[i]);
	for (unsigned a = 0; a < port->n_addresses && a + 1 < NET_PORT_ADDRESSES_MAX; a++)
		net->addresses[net->n_addresses++] = (struct net_prefix){
			ports_address(&port->addresses[a]), port->addresses[a].prefix};
	for (unsigned g = 0; g < port->n_gateways; g++)
		net->gateways[net->n_gateways++] = ports_address(&port->gateways[g]);
	link_local_add(net);
	return 0;
}

/* Each is tried, so that all that is wrong is said at once, with the place of its device. */
int ports_open(struct control *control, char *error, size_t size)
{
	const struct config *config = control->config;
	size_t used = 0;
	control->dataplane->n_ports = config->n_ports;
	for (unsigned i = 0; i < config->n_ports; i++) {
		char text[PORT_ERROR_SIZE];
		const struct config_port *port = &config->ports[i];
		if (port_init(control, i, text, sizeof(text)) == 0)
			continue;
		used += (size_t)snprintf(error + used, size - used, "%s%s:%u:%u: %s",
					 used > 0 ? "\n" : "", control->config_path,
					 port->device_line + 1, port->device_column + 1, text);
		used = RTE_MIN(used, size - 1);
	}
	if (used == 0)
		return 0;
	ports_close(control);
	return -1;
}

void ports_close(struct control *control)
{
	for (unsigned i = 0; i < control->dataplane->n_ports; i++)
		port_close(&control->ports[i]);
}
