/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/ports.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET(field) offsetof(struct config_port, field)
#define PORT_DNS 53

static const char *const steering_choices[] = {"auto", "rss", "flow", "ring", NULL};
static const char *const oversize_choices[] = {"truncate", "fragment", NULL};

static bool address_is_unicast(const struct config_address *address)
{
	static const uint8_t zero[16];
	const uint8_t *b = address->bytes;
	if (memcmp(b, zero, 16) == 0)
		return false;
	if (address->ipv6)
		return b[0] != 0xff;
	return b[0] != 0 && b[0] < 224;
}

static bool addresses_equal(const struct config_address *a, const struct config_address *b)
{
	return a->ipv6 == b->ipv6 && memcmp(a->bytes, b->bytes, 16) == 0;
}

/* Reads a unicast address; whether it was one. */
static bool address_read(struct loader *loader, yaml_node_t *node, const char *what,
			 struct config_address *address)
{
	const char *text = schema_scalar(loader, node, what);
	if (text == NULL)
		return false;
	address->line = (unsigned)node->start_mark.line;
	address->column = (unsigned)node->start_mark.column;
	if (config_address_parse(text, address) != 0)
		schema_error(loader, &node->start_mark, "%s: '%.60s' is no IP address", what, text);
	else if (!address_is_unicast(address))
		schema_error(loader, &node->start_mark, "%s: %.60s is not a unicast address", what,
			     text);
	else
		return true;
	return false;
}

/* The same without port and prefix length, which would be passed over in silence. */
static bool host_read(struct loader *loader, yaml_node_t *node, const char *what,
		      struct config_address *address)
{
	if (!address_read(loader, node, what, address))
		return false;
	if (address->port == 0 && !address->has_prefix)
		return true;
	schema_error(loader, &node->start_mark, "%s: an address alone, without %s", what,
		     address->has_prefix ? "prefix length" : "port");
	return false;
}

static void device_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config_port *port = into;
	schema_string(loader, "device", node, &port->device);
	port->device_line = (unsigned)node->start_mark.line;
	port->device_column = (unsigned)node->start_mark.column;
}

/* Whether an address stands before a prefix length that is none: `listen` may name it all the same. */
static bool unsure_read(yaml_node_t *node, struct config_address *address)
{
	char host[64];
	if (node->type != YAML_SCALAR_NODE)
		return false;
	size_t length = strcspn((const char *)node->data.scalar.value, "/");
	if (length == node->data.scalar.length || length >= sizeof(host))
		return false;
	memcpy(host, node->data.scalar.value, length);
	host[length] = '\0';
	address->unsure = config_address_parse(host, address) == 0 && address->port == 0 &&
			  address_is_unicast(address);
	return address->unsure;
}

static void port_address_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config_port *port = into;
	struct config_address *address = &port->addresses[port->n_addresses];
	bool read = address_read(loader, node, "addresses", address);
	if (read && address->port != 0)
		schema_error(loader, &node->start_mark,
			     "addresses: no UDP port here, that is what 'listen' is for");
	if (read && address->port == 0) {
		port->n_addresses++;
		return;
	}
	port->networks_unsure = true;
	if (!read && unsure_read(node, address))
		port->n_addresses++;
}

static void addresses_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config_port *port = into;
	schema_items(loader, node, "addresses", CONFIG_ADDRESSES_MAX, port_address_read, into);
	if (node->type == YAML_SEQUENCE_NODE && port->n_addresses == 0 &&
	    node->data.sequence.items.start == node->data.sequence.items.top)
		schema_error(loader, &node->start_mark, "addresses: at least one is needed");
}

static void gateway_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config_port *port = into;
	if (host_read(loader, node, "gateways", &port->gateways[port->n_gateways]))
		port->n_gateways++;
}

static void gateways_read(struct loader *loader, yaml_node_t *node, void *into)
{
	schema_items(loader, node, "gateways", 4, gateway_read, into);
}

struct neighbour_text {
	struct config_port *port;
	bool address, mac;
};

static void neighbour_address_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct neighbour_text *text = into;
	text->address = host_read(loader, node, "address",
				  &text->port->neighbours[text->port->n_neighbours].address);
}

/* Six pairs of hexadecimal digits, of one station that is not nobody. */
static bool mac_parse(const char *text, uint8_t mac[6])
{
	static const uint8_t nobody[6];
	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		const char *pair = text + 3 * i;
		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]) ||
		    (i < 5 && pair[2] != ':'))
			return false;
		mac[i] = (uint8_t)strtoul((char[]){pair[0], pair[1], '\0'}, NULL, 16);
	}
	return (mac[0] & 1) == 0 && memcmp(mac, nobody, sizeof(nobody)) != 0;
}

static void neighbour_mac_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct neighbour_text *text = into;
	const char *value = schema_scalar(loader, node, "mac");
	if (value == NULL)
		return;
	text->mac = mac_parse(value, text->port->neighbours[text->port->n_neighbours].mac);
	if (!text->mac)
		schema_error(loader, &node->start_mark,
			     "mac: '%.40s' is no unicast MAC address such as 02:00:00:00:00:09", value);
}

static const struct schema neighbour_schema[] = {
	{"address", SCHEMA_CUSTOM, .read = neighbour_address_read, .required = true},
	{"mac", SCHEMA_CUSTOM, .read = neighbour_mac_read, .required = true},
	{0},
};

static void neighbour_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct neighbour_text text = {.port = into};
	schema_read(loader, neighbour_schema, node, "a neighbour", &text);
	if (text.address && text.mac)
		text.port->n_neighbours++;
}

static void neighbours_read(struct loader *loader, yaml_node_t *node, void *into)
{
	schema_items(loader, node, "neighbours", CONFIG_LIST_MAX, neighbour_read, into);
}

static const struct schema port_schema[] = {
	{"name", SCHEMA_STRING, OFFSET(name)},
	{"device", SCHEMA_CUSTOM, .read = device_read, .required = true},
	{"addresses", SCHEMA_CUSTOM, .read = addresses_read, .required = true},
	{"gateways", SCHEMA_CUSTOM, .read = gateways_read},
	{"neighbours", SCHEMA_CUSTOM, .read = neighbours_read},
	{"mtu", SCHEMA_NUMBER, OFFSET(mtu), 576, 9216},
	{"vlan", SCHEMA_NUMBER, OFFSET(vlan), 0, 4094},
	{"oversize", SCHEMA_CHOICE, OFFSET(oversize), .choices = oversize_choices},
	{"kernel", SCHEMA_CUSTOM, .read = config_port_kernel_read},
	{"steering", SCHEMA_CHOICE, OFFSET(steering), .choices = steering_choices},
	{0},
};

static void port_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config *config = into;
	struct config_port *port = &config->ports[config->n_ports];
	port->mtu = 1500;
	port->line = (unsigned)node->start_mark.line;
	port->column = (unsigned)node->start_mark.column;
	schema_read(loader, port_schema, node, "a port", port);
	yaml_mark_t mtu = schema_mark(loader, node, "mtu");
	port->mtu_line = (unsigned)mtu.line;
	port->mtu_column = (unsigned)mtu.column;
	port->networks_unsure |= port->n_addresses == 0;
	if (port->name == NULL && asprintf(&port->name, "port%u", config->n_ports) < 0)
		port->name = NULL;
	config->n_ports++;
}

void config_ports_read(struct loader *loader, yaml_node_t *node, void *into)
{
	(void)into;
	schema_items(loader, node, "ports", CONFIG_PORTS_MAX, port_read, loader->config);
	if (node->type == YAML_SEQUENCE_NODE && loader->config->n_ports == 0)
		schema_error(loader, &node->start_mark, "ports: at least one is needed");
}

static yaml_mark_t mark_of(unsigned line, unsigned column)
{
	return (yaml_mark_t){.line = line, .column = column};
}

static bool prefix_holds(const struct config_address *link, const struct config_address *address)
{
	if (link->ipv6 != address->ipv6)
		return false;
	unsigned whole = link->prefix / 8, rest = link->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);
	return memcmp(link->bytes, address->bytes, whole) == 0 &&
	       (rest == 0 || ((link->bytes[whole] ^ address->bytes[whole]) & mask) == 0);
}

/* Whether one of the first `count` addresses is this one. */
static bool list_has(const struct config_address *list, unsigned count,
		     const struct config_address *address)
{
	for (unsigned i = 0; i < count; i++)
		if (addresses_equal(&list[i], address))
			return true;
	return false;
}

static void gateways_check(struct loader *loader, const struct config_port *port)
{
	for (unsigned g = 0; g < port->n_gateways; g++) {
		const struct config_address *gateway = &port->gateways[g];
		bool link_local = gateway->ipv6 && gateway->bytes[0] == 0xfe &&
				  (gateway->bytes[1] & 0xc0) == 0x80;
		bool on_link = link_local || port->networks_unsure;
		for (unsigned a = 0; a < port->n_addresses; a++)
			on_link |= prefix_holds(&port->addresses[a], gateway);
		yaml_mark_t mark = mark_of(gateway->line, gateway->column);
		if (!on_link)
			schema_error(loader, &mark,
				     "gateways: the gateway is in no network of port '%s'",
				     port->name);
		else if (list_has(port->addresses, port->n_addresses, gateway))
			schema_error(loader, &mark, "gateways: this is the port's own address");
		else if (list_has(port->gateways, g, gateway))
			schema_error(loader, &mark, "gateways: this gateway stands twice");
	}
}

static void neighbours_check(struct loader *loader, const struct config_port *port)
{
	for (unsigned n = 0; n < port->n_neighbours; n++) {
		const struct config_address *address = &port->neighbours[n].address;
		yaml_mark_t mark = mark_of(address->line, address->column);
		bool twice = false;
		for (unsigned i = 0; i < n; i++)
			twice |= addresses_equal(&port->neighbours[i].address, address);
		if (twice)
			schema_error(loader, &mark, "neighbours: this address stands twice");
		else if (list_has(port->addresses, port->n_addresses, address))
			schema_error(loader, &mark, "neighbours: this is the port's own address");
	}
}

static void mtu_check(struct loader *loader, const struct config_port *port)
{
	yaml_mark_t mark = mark_of(port->mtu_line, port->mtu_column);
	for (unsigned a = 0; a < port->n_addresses; a++)
		if (port->addresses[a].ipv6 && port->mtu < 1280) {
			schema_error(loader, &mark, "mtu: IPv6 needs at least 1280 (RFC 8200)");
			return;
		}
}

/* Whether an address stands before this one, on this port or another. One error is enough for either. */
static bool address_seen(const struct config *config, unsigned port, unsigned index)
{
	const struct config_address *address = &config->ports[port].addresses[index];
	for (unsigned p = 0; p <= port; p++)
		for (unsigned a = 0; a < (p < port ? config->ports[p].n_addresses : index); a++)
			if (!config->ports[p].addresses[a].unsure &&
			    addresses_equal(&config->ports[p].addresses[a], address))
				return !address->unsure;
	return false;
}

/* The same driver and number, or the same NIC: DPDK would hand out one device for both. */
static bool devices_equal(const char *a, const char *b)
{
	size_t length = strcspn(a, ",");
	return length == strcspn(b, ",") && strncmp(a, b, length) == 0;
}

static void duplicates_check(struct loader *loader, unsigned p)
{
	const struct config *config = loader->config;
	const struct config_port *port = &config->ports[p];
	yaml_mark_t mark = mark_of(port->line, port->column);
	for (unsigned q = 0; q < p; q++) {
		const struct config_port *other = &config->ports[q];
		if (port->name && other->name && strcmp(port->name, other->name) == 0)
			schema_error(loader, &mark, "two ports are named '%.40s'", port->name);
		if (port->device && other->device && devices_equal(port->device, other->device))
			schema_error(loader, &mark, "two ports have the device '%.*s'",
				     (int)strcspn(port->device, ","), port->device);
	}
	for (unsigned a = 0; a < port->n_addresses; a++)
		if (address_seen(config, p, a)) {
			yaml_mark_t at = mark_of(port->addresses[a].line, port->addresses[a].column);
			schema_error(loader, &at, "addresses: this address stands twice");
		}
}

void config_ports_check(struct loader *loader)
{
	for (unsigned p = 0; p < loader->config->n_ports; p++) {
		gateways_check(loader, &loader->config->ports[p]);
		neighbours_check(loader, &loader->config->ports[p]);
		mtu_check(loader, &loader->config->ports[p]);
		duplicates_check(loader, p);
		config_port_kernel_check(loader, p);
	}
}

static bool port_has(const struct config *config, const struct config_address *address)
{
	for (unsigned p = 0; p < config->n_ports; p++)
		if (list_has(config->ports[p].addresses, config->ports[p].n_addresses, address))
			return true;
	return false;
}

static bool listener_seen(const struct config *config, const struct config_address *address)
{
	for (unsigned i = 0; i < config->n_listen; i++)
		if (addresses_equal(&config->listen[i], address) &&
		    config->listen[i].port == address->port)
			return true;
	return false;
}

static void listener_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config *config = into;
	struct config_address address;
	if (!address_read(loader, node, "listen", &address))
		return;
	const char *text = (const char *)node->data.scalar.value;
	if (address.port == 0)
		address.port = PORT_DNS;
	if (address.has_prefix)
		schema_error(loader, &node->start_mark, "listen: no prefix length here, as in '%.60s'",
			     text);
	else if (!port_has(config, &address))
		schema_error(loader, &node->start_mark, "listen: no port has the address of '%.60s'",
			     text);
	else if (listener_seen(config, &address))
		schema_error(loader, &node->start_mark, "listen: '%.60s' stands twice", text);
	else
		config->listen[config->n_listen++] = address;
}

void config_listen_read(struct loader *loader, yaml_node_t *node)
{
	struct config *config = loader->config;
	if (node != NULL) {
		schema_items(loader, node, "listen", CONFIG_LIST_MAX * CONFIG_PORTS_MAX,
			     listener_read, config);
		return;
	}
	for (unsigned p = 0; p < config->n_ports; p++)
		for (unsigned a = 0; a < config->ports[p].n_addresses; a++) {
			struct config_address *listener = &config->listen[config->n_listen++];
			*listener = config->ports[p].addresses[a];
			listener->port = PORT_DNS;
		}
}
