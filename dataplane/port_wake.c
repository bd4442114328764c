/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/port_wake.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_spinlock.h>

#define ETHDEV_LOG "lib.ethdev"
#define FOUND_MAX 64

void port_wakes_init(struct port_wakes *wakes)
{
	*wakes = (struct port_wakes){.epoll = -1};
}

/* A packet socket of the interface that receives into a ring, as those of net_af_packet do. */
static bool is_ring_of(int fd, unsigned interface)
{
	int domain = 0, version = 0;
	socklen_t size = sizeof(domain);
	struct sockaddr_ll address = {0};
	socklen_t length = sizeof(address);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_PACKET)
		return false;
	size = sizeof(version);
	return getsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, &size) == 0 &&
	       version == TPACKET_V2 &&
	       getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	       address.sll_ifindex == (int)interface;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* In the order in which they were opened; how many. */
static unsigned rings_find(unsigned interface, int found[static FOUND_MAX])
{
	unsigned n = 0;
	struct dirent *entry;
	DIR *all = opendir("/proc/self/fd");
	if (all == NULL)
		return 0;
	while ((entry = readdir(all)) != NULL && n < FOUND_MAX) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && fd != dirfd(all) && is_ring_of(fd, interface))
			found[n++] = fd;
	}
	closedir(all);
	qsort(found, n, sizeof(*found), by_number);
	return n;
}

/*
 * The driver keeps its sockets to itself, so they are looked for among all of the process: it opens one
 * a queue, in their order. Where there are more or fewer, whose they are is not known.
 */
static bool socket_add(struct port_wakes *wakes, const struct rte_eth_dev_info *info, uint16_t queue)
{
	int found[FOUND_MAX];
	if (strcmp(info->driver_name, "net_af_packet") != 0 ||
	    rings_find(info->if_index, found) != info->nb_rx_queues)
		return false;
	wakes->sockets[wakes->n_sockets++] = found[queue];
	return true;
}

/* Drivers that have no interrupts, or need no enabling, are no errors here. */
static bool interrupt_try(struct port_wakes *wakes, uint16_t port, uint16_t queue, bool *latent)
{
	int log = rte_log_register(ETHDEV_LOG), level = rte_log_get_level((uint32_t)log);
	rte_log_set_level((uint32_t)log, RTE_LOG_CRIT);
	bool has = rte_eth_dev_rx_intr_ctl_q(port, queue, wakes->epoll, RTE_INTR_EVENT_ADD, NULL) == 0;
	int error = has ? rte_eth_dev_rx_intr_enable(port, queue) : 0;
	*latent = error == 0;
	if (error != 0 && error != -ENOTSUP) {
		rte_eth_dev_rx_intr_ctl_q(port, queue, wakes->epoll, RTE_INTR_EVENT_DEL, NULL);
		has = false;
	}
	if (has && *latent)
		rte_eth_dev_rx_intr_disable(port, queue);
	rte_log_set_level((uint32_t)log, (uint32_t)level);
	return has;
}

static bool interrupt_add(struct port_wakes *wakes, uint16_t port, uint16_t queue)
{
	bool latent;
	if (wakes->epoll < 0 && (wakes->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return false;
	if (interrupt_try(wakes, port, queue, &latent)) {
		wakes->interrupts[wakes->n_interrupts].port = port;
		wakes->interrupts[wakes->n_interrupts].queue = queue;
		wakes->interrupts[wakes->n_interrupts++].latent = latent;
		wakes->recheck |= latent;
		return true;
	}
	if (wakes->n_interrupts == 0) {
		close(wakes->epoll);
		wakes->epoll = -1;
	}
	return false;
}

bool port_wakes_add(struct port_wakes *wakes, uint16_t port, uint16_t queue)
{
	struct rte_eth_dev_info info;
	wakes->n_ports++;
	if (wakes->n_ports > PORT_WAKES_MAX || rte_eth_dev_info_get(port, &info) != 0)
		return false;
	return socket_add(wakes, &info, queue) || interrupt_add(wakes, port, queue);
}

void port_wakes_fini(struct port_wakes *wakes)
{
	for (unsigned i = 0; i < wakes->n_interrupts; i++)
		rte_eth_dev_rx_intr_ctl_q(wakes->interrupts[i].port, wakes->interrupts[i].queue,
					  wakes->epoll, RTE_INTR_EVENT_DEL, NULL);
	if (wakes->epoll >= 0)
		close(wakes->epoll);
	port_wakes_init(wakes);
}

/* Drivers have the switches of a port's queues in one register, which they read, change and write. */
static void interrupts_switch(struct port_wakes *wakes, int (*turn)(uint16_t port, uint16_t queue))
{
	static rte_spinlock_t locks[RTE_MAX_ETHPORTS];
	for (unsigned i = 0; i < wakes->n_interrupts; i++) {
		uint16_t port = wakes->interrupts[i].port;
		if (!wakes->interrupts[i].latent)
			continue;
		rte_spinlock_lock(&locks[port]);
		turn(port, wakes->interrupts[i].queue);
		rte_spinlock_unlock(&locks[port]);
	}
}

void port_wakes_arm(struct port_wakes *wakes)
{
	interrupts_switch(wakes, rte_eth_dev_rx_intr_enable);
}

void port_wakes_disarm(struct port_wakes *wakes)
{
	interrupts_switch(wakes, rte_eth_dev_rx_intr_disable);
}

unsigned port_wakes_poll(const struct port_wakes *wakes, struct pollfd polls[static PORT_WAKES_POLLS])
{
	unsigned n = 0;
	for (; n < wakes->n_sockets; n++)
		polls[n] = (struct pollfd){.fd = wakes->sockets[n], .events = POLLIN};
	if (wakes->epoll >= 0)
		polls[n++] = (struct pollfd){.fd = wakes->epoll, .events = POLLIN};
	return n;
}

/* An interface that went down leaves an error, which would wake for ever. */
static void socket_heed(const struct pollfd *polled)
{
	int error;
	socklen_t size = sizeof(error);
	if ((polled->revents & POLLERR) != 0)
		getsockopt(polled->fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

bool port_wakes_heed(struct port_wakes *wakes, const struct pollfd *polls, unsigned n_polls)
{
	struct rte_epoll_event events[PORT_WAKES_MAX];
	bool any = false;
	for (unsigned i = 0; i < n_polls; i++) {
		if (polls[i].revents == 0)
			continue;
		any = true;
		if (polls[i].fd == wakes->epoll)
			rte_epoll_wait(wakes->epoll, events, PORT_WAKES_MAX, 0);
		else
			socket_heed(&polls[i]);
	}
	return any;
}
