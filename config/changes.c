/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a configuration is another than in the one before. */
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#define VALUE(field)                                                                               \
	{                                                                                          \
#field, offsetof(struct config, field), sizeof(((struct config *)0)->field)        \
	}

/* Numbers and choices. What a reload takes over is not among them: on_expiry, on_overflow, log,
 * policy. */
static const struct value {
	const char *key;
	size_t offset, size;
} values[] = {
	VALUE(eal.hugepages),
	VALUE(eal.memory),
	VALUE(lcores.control),
	VALUE(lcores.idle),
	VALUE(lcores.share),
	VALUE(async.max_suspended),
	VALUE(async.message_size),
	VALUE(async.rewrite_ids),
	VALUE(async.send_queue),
	VALUE(dataplane.max_inflight),
	VALUE(dataplane.max_delayed),
	VALUE(dataplane.rx_buffers),
	VALUE(dataplane.rx_ring),
	VALUE(dataplane.tx_ring),
	VALUE(fragments.max),
	VALUE(fragments.timeout),
	VALUE(lua.watchdog),
	VALUE(lua.memory),
	VALUE(tcp.listen),
	VALUE(tcp.connections),
	VALUE(tcp.queries),
	VALUE(tcp.buffers),
	VALUE(shutdown.grace),
};

struct change_list {
	char *text;
	size_t size, used;
};

static void change_add(struct change_list *list, const char *key)
{
	int length = snprintf(list->text + list->used, list->size - list->used, "%s%s",
			      list->used ? ", " : "", key);
	list->used += (size_t)length < list->size - list->used ? (size_t)length
							       : list->size - list->used - 1;
}

static bool texts_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Wherever they stand in their files, and of which network. */
static bool addresses_equal(const struct config_address *a, const struct config_address *b,
			    unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (a[i].ipv6 != b[i].ipv6 || a[i].port != b[i].port ||
		    memcmp(a[i].bytes, b[i].bytes, sizeof(a->bytes)) != 0)
			return false;
	return true;
}

static bool networks_equal(const struct config_port *a, const struct config_port *b)
{
	if (a->n_addresses != b->n_addresses ||
	    !addresses_equal(a->addresses, b->addresses, a->n_addresses))
		return false;
	for (unsigned i = 0; i < a->n_addresses; i++)
		if (a->addresses[i].prefix != b->addresses[i].prefix)
			return false;
	return true;
}

static bool neighbours_equal(const struct config_port *a, const struct config_port *b)
{
	if (a->n_neighbours != b->n_neighbours)
		return false;
	for (unsigned i = 0; i < a->n_neighbours; i++)
		if (!addresses_equal(&a->neighbours[i].address, &b->neighbours[i].address, 1) ||
		    memcmp(a->neighbours[i].mac, b->neighbours[i].mac, 6) != 0)
			return false;
	return true;
}

static bool kernels_equal(const struct config_kernel *a, const struct config_kernel *b)
{
	return texts_equal(a->interface, b->interface) && texts_equal(a->netns, b->netns) &&
	       a->driver == b->driver && a->rate == b->rate;
}

static bool ports_equal(const struct config_port *a, const struct config_port *b)
{
	return texts_equal(a->name, b->name) && texts_equal(a->device, b->device) &&
	       networks_equal(a, b) && a->n_gateways == b->n_gateways &&
	       addresses_equal(a->gateways, b->gateways, a->n_gateways) && neighbours_equal(a, b) &&
	       a->mtu == b->mtu && a->vlan == b->vlan && a->oversize == b->oversize &&
	       a->steering == b->steering && kernels_equal(&a->kernel, &b->kernel);
}

static void lists_compare(struct change_list *list, const struct config *a, const struct config *b)
{
	bool workers = a->lcores.n_workers == b->lcores.n_workers &&
		       memcmp(a->lcores.workers, b->lcores.workers, sizeof(a->lcores.workers)) == 0;
	bool arguments = a->eal.n_args == b->eal.n_args, ports = a->n_ports == b->n_ports;
	for (unsigned i = 0; arguments && i < a->eal.n_args; i++)
		arguments = texts_equal(a->eal.args[i], b->eal.args[i]);
	for (unsigned i = 0; ports && i < a->n_ports; i++)
		ports = ports_equal(&a->ports[i], &b->ports[i]);
	if (!workers)
		change_add(list, "lcores.workers");
	if (!arguments)
		change_add(list, "eal.args");
	if (!ports)
		change_add(list, "ports");
	if (a->n_listen != b->n_listen || !addresses_equal(a->listen, b->listen, a->n_listen))
		change_add(list, "listen");
}

static void sockets_compare(struct change_list *list, const struct config *a,
			    const struct config *b)
{
	if (a->metrics.off != b->metrics.off ||
	    (!a->metrics.off && !addresses_equal(&a->metrics.listen, &b->metrics.listen, 1)))
		change_add(list, "metrics.listen");
	if (a->console.off != b->console.off ||
	    (!a->console.off && !texts_equal(a->console.socket, b->console.socket)))
		change_add(list, "console.socket");
}

bool config_changes(const struct config *now, const struct config *fresh, char *text, size_t size)
{
	struct change_list list = {.text = text, .size = size};
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (memcmp((const char *)now + values[i].offset,
			   (const char *)fresh + values[i].offset, values[i].size) != 0)
			change_add(&list, values[i].key);
	lists_compare(&list, now, fresh);
	sockets_compare(&list, now, fresh);
	return list.used != 0;
}
