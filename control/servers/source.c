/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/servers/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool address_parse(const char *text, struct net_address *address)
{
	*address = (struct net_address){.ipv6 = strchr(text, ':') != NULL};
	return inet_pton(address->ipv6 ? AF_INET6 : AF_INET, text, address->bytes) == 1;
}

static bool port_has(const struct config_port *port, const struct net_address *address)
{
	for (unsigned i = 0; i < port->n_addresses; i++)
		if (port->addresses[i].ipv6 == address->ipv6 &&
		    memcmp(port->addresses[i].bytes, address->bytes, address->ipv6 ? 16 : 4) == 0)
			return true;
	return false;
}

static bool port_has_family(const struct config_port *port, bool ipv6)
{
	for (unsigned i = 0; i < port->n_addresses; i++)
		if (port->addresses[i].ipv6 == ipv6)
			return true;
	return false;
}

/* Its number, and one; 0: there is none. */
static uint8_t port_named(const struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->n_ports; i++)
		if (config->ports[i].name != NULL && strcmp(config->ports[i].name, name) == 0)
			return (uint8_t)(i + 1);
	return 0;
}

static int address_check(const struct config *config, const char *text, bool ipv6,
			 const struct net_source *source, char *error, size_t error_size)
{
	bool found = false;
	if (source->address.ipv6 != ipv6) {
		snprintf(error, error_size, "%s is not of the server's address family", text);
		return -EINVAL;
	}
	for (unsigned i = 0; i < config->n_ports; i++)
		found |= (source->port == 0 || source->port == i + 1) &&
			 port_has(&config->ports[i], &source->address);
	if (found)
		return 0;
	if (source->port != 0)
		snprintf(error, error_size, "%s is no address of the port \"%s\"", text,
			 config->ports[source->port - 1].name);
	else
		snprintf(error, error_size, "%s is an address of no port", text);
	return -EINVAL;
}

static int port_check(const struct config *config, const char *name, bool ipv6, uint8_t port,
		      char *error, size_t error_size)
{
	if (port == 0)
		snprintf(error, error_size, "there is no port \"%s\"", name);
	else if (!port_has_family(&config->ports[port - 1], ipv6))
		snprintf(error, error_size, "the port \"%s\" has no %s address", name,
			 ipv6 ? "IPv6" : "IPv4");
	else
		return 0;
	return -EINVAL;
}

int server_source_find(const struct config *config, const char *text, bool ipv6,
		       struct net_source *source, char *error, size_t error_size)
{
	char address[INET6_ADDRSTRLEN] = "";
	const char *at = strchr(text, '@'), *name = at != NULL ? at + 1 : NULL;
	size_t length = at != NULL ? (size_t)(at - text) : strlen(text);
	*source = (struct net_source){0};
	if (length < sizeof(address))
		memcpy(address, text, length);
	if (length > 0 && address_parse(address, &source->address)) {
		source->addressed = true;
	} else if (at == NULL) {
		name = text;
	} else if (length > 0) {
		snprintf(error, error_size, "\"%.*s\" is no address", (int)length, text);
		return -EINVAL;
	}
	if (name != NULL) {
		source->port = port_named(config, name);
		if (port_check(config, name, ipv6, source->port, error, error_size) != 0)
			return -EINVAL;
	}
	return source->addressed ? address_check(config, address, ipv6, source, error, error_size) : 0;
}
