/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/net/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "control/net/kernel_link.h"
#include "control/log/log.h"
#include "control/net/netns.h"

#define TUN_DEVICE "/dev/net/tun"
#define VHOST_DEVICE "/dev/vhost-net"
#define RING 256u /* descriptors of a queue */
#define BUFFERS_SPARE 1024u

static bool is_usable(const char *path)
{
	return access(path, R_OK | W_OK) == 0;
}

/*
 * vhost-net spares the workers a system call a frame, but needs its device beside that of tun;
 * net_tap is the one that is there where any is.
 */
static int driver_choose(uint32_t wanted, bool *virtio, char *error, size_t size)
{
	*virtio = wanted == CONFIG_DRIVER_VIRTIO_USER;
	bool tun = is_usable(TUN_DEVICE);
	if (tun && (!*virtio || is_usable(VHOST_DEVICE)))
		return 0;
	int result = -errno;
	snprintf(error, size, "%s cannot be opened (%s); load the module %s, and be root",
		 tun ? VHOST_DEVICE : TUN_DEVICE, strerror(errno), tun ? "vhost_net" : "tun");
	return result;
}

static void device_print(const struct config_kernel *kernel, bool virtio, unsigned number,
			 const struct net_port *port, unsigned queues, char *device)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	rte_ether_format_addr(mac, sizeof(mac), &port->mac);
	if (virtio)
		snprintf(device, PORT_DEVICE_MAX,
			 "net_virtio_user_kernel%u,path=" VHOST_DEVICE
			 ",iface=%s,mac=%s,queues=%u,queue_size=%u",
			 number, kernel->interface, mac, queues, RING);
	else
		snprintf(device, PORT_DEVICE_MAX, "net_tap_kernel%u,iface=%s,mac=%s", number,
			 kernel->interface, mac);
}

/* In the namespace of the interface. */
static int interface_make(struct control *control, unsigned number, const char *device, char *error,
			  size_t size)
{
	const struct config_port *config = &control->config->ports[number];
	const struct net_port *port = &control->dataplane->ports[number];
	uint16_t queues = (uint16_t)control->config->lcores.n_workers;
	struct net_port unused;
	struct port_options options = {
		.name = config->kernel.interface,
		.device = device,
		.queues = queues,
		.mtu = port->mtu,
		.rx_ring = RING,
		.tx_ring = RING,
		.rx_buffers = queues * 4 * RING + BUFFERS_SPARE,
		.plain = true,
		.interrupts = control->config->lcores.idle == CONFIG_IDLE_AUTO,
	};
	if (kernel_link_exists(config->kernel.interface)) {
		snprintf(error, size, "there is an interface of that name already");
		return -EEXIST;
	}
	int result = port_probe(device);
	if (result != 0) {
		snprintf(error, size, "DPDK cannot make it with '%s' (%s)", device,
			 strerror(-result));
		return result;
	}
	result = kernel_link_prepare(config->kernel.interface, port, error, size);
	if (result == 0)
		result = port_open(&options, &control->kernels[number], &unused, error, size);
	if (result == 0)
		result = kernel_link_setup(config->kernel.interface, port, number, config, error,
					   size);
	return result;
}

static int interface_create(struct control *control, unsigned number, char *error, size_t size)
{
	char device[PORT_DEVICE_MAX];
	const struct config_kernel *kernel = &control->config->ports[number].kernel;
	bool virtio;
	int back, result = driver_choose(kernel->driver, &virtio, error, size);
	if (result != 0)
		return result;
	device_print(kernel, virtio, number, &control->dataplane->ports[number],
		     control->config->lcores.n_workers, device);
	result = netns_enter(kernel->netns, &back, error, size);
	if (result != 0)
		return result;
	result = interface_make(control, number, device, error, size);
	netns_leave(back);
	if (result != 0)
		return result;
	control->dataplane->has_kernel = true;
	control->dataplane->kernels[number] = (struct kernel_port){
		.open = true,
		.id = control->kernels[number].id,
		.rate = RTE_MAX(kernel->rate / control->config->lcores.n_workers, 1u),
	};
	log_info("port %s: the kernel has it as %s%s%s, over %s",
		 control->config->ports[number].name, kernel->interface,
		 kernel->netns != NULL ? " in network namespace " : "",
		 kernel->netns != NULL ? kernel->netns : "", virtio ? "vhost-net" : "a tap");
	return 0;
}

int kernel_create(struct control *control, char *error, size_t size)
{
	char why[1024];
	for (unsigned i = 0; i < control->config->n_ports; i++)
		control->kernels[i].id = RTE_MAX_ETHPORTS;
	for (unsigned i = 0; i < control->config->n_ports; i++) {
		const struct config_port *port = &control->config->ports[i];
		if (port->kernel.interface == NULL)
			continue;
		int result = interface_create(control, i, why, sizeof(why));
		if (result != 0) {
			snprintf(error, size, "port %s: no kernel interface %s: %s", port->name,
				 port->kernel.interface, why);
			kernel_destroy(control);
			return result;
		}
	}
	return 0;
}

void kernel_destroy(struct control *control)
{
	for (unsigned i = 0; i < control->config->n_ports; i++)
		port_close(&control->kernels[i]);
}
