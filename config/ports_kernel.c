/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's interface of a port. */
#include "config/ports.h"

#include <stdlib.h>
#include <string.h>

#define OFFSET(field) offsetof(struct config_port, kernel.field)
#define RATE_DEFAULT 10000

static const char *const driver_choices[] = {"auto", "tap", "virtio-user", NULL};

/* What the kernel takes as an interface's name. */
static bool interface_is_possible(const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || length >= CONFIG_INTERFACE_SIZE || strcmp(text, ".") == 0 ||
	    strcmp(text, "..") == 0)
		return false;
	/* Of these, '%' would be a pattern and ',' the end of a DPDK argument. */
	return strcspn(text, "/:%, \t\n\v\f\r") == length;
}

static void interface_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config_port *port = into;
	const char *text = schema_scalar(loader, node, "interface");
	if (text == NULL)
		return;
	if (!interface_is_possible(text)) {
		schema_error(loader, &node->start_mark,
			     "interface: '%.40s' is no name for an interface: 1 to %u characters, "
			     "none of them '/', ':', '%%', ',' or space",
			     text, CONFIG_INTERFACE_SIZE - 1);
		return;
	}
	port->kernel.interface = strdup(text);
	port->kernel.line = (unsigned)node->start_mark.line;
	port->kernel.column = (unsigned)node->start_mark.column;
}

/* A name as of `ip netns`, or an absolute path. */
static void netns_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config_port *port = into;
	const char *text = schema_scalar(loader, node, "netns");
	if (text == NULL)
		return;
	bool name = *text != '\0' && strchr(text, '/') == NULL && strlen(text) < 256 &&
		    strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
	if (name || (text[0] == '/' && text[1] != '\0' && strlen(text) < 4096))
		port->kernel.netns = strdup(text);
	else
		schema_error(loader, &node->start_mark,
			     "netns: expected a name as of 'ip netns' or an absolute path, found "
			     "'%.60s'",
			     text);
}

static const struct schema kernel_schema[] = {
	{"interface", SCHEMA_CUSTOM, .read = interface_read, .required = true},
	{"netns", SCHEMA_CUSTOM, .read = netns_read},
	{"driver", SCHEMA_CHOICE, OFFSET(driver), .choices = driver_choices},
	{"rate", SCHEMA_NUMBER, OFFSET(rate), 1, 10000000},
	{0},
};

void config_port_kernel_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config_port *port = into;
	port->kernel.rate = RATE_DEFAULT;
	schema_read(loader, kernel_schema, node, "kernel", port);
}

static bool netns_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whether the port's device, where it is a tap, makes an interface of that name here. */
static bool device_makes(const char *device, const char *interface)
{
	const char *key = ",iface=";
	const char *at = device != NULL ? strstr(device, key) : NULL;
	if (at == NULL || strncmp(device, "net_tap", strlen("net_tap")) != 0)
		return false;
	at += strlen(key);
	size_t length = strcspn(at, ",");
	return strlen(interface) == length && strncmp(at, interface, length) == 0;
}

void config_port_kernel_check(struct loader *loader, unsigned index)
{
	const struct config *config = loader->config;
	const struct config_kernel *kernel = &config->ports[index].kernel;
	if (kernel->interface == NULL)
		return;
	yaml_mark_t mark = {.line = kernel->line, .column = kernel->column};
	for (unsigned p = 0; p < config->n_ports; p++) {
		const struct config_port *other = &config->ports[p];
		bool twice = p < index && other->kernel.interface != NULL &&
			     strcmp(other->kernel.interface, kernel->interface) == 0 &&
			     netns_equal(other->kernel.netns, kernel->netns);
		if (twice)
			schema_error(loader, &mark, "interface: two ports have '%s'",
				     kernel->interface);
		else if (kernel->netns == NULL && device_makes(other->device, kernel->interface))
			schema_error(loader, &mark,
				     "interface: '%s' is the one that the device of port '%.40s' "
				     "makes",
				     kernel->interface, other->name ? other->name : "");
	}
}
