/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include "dataplane/packet.h"

#define POOL_CACHE 256
#define TAP_LOG "pmd.net.tap"
/* An AF_XDP frame is a page at most, with all that DPDK keeps before its data. */
#define XDP_DATA_SIZE (RTE_PKTMBUF_HEADROOM + 3328u)
/*
 * Rings of packet sockets: places of `framesz` bytes, of which PACKET_HEADER are the kernel's. They follow
 * each other without a gap, so that a whole number of them fills a block of memory, which has whole pages.
 * The kernel hands out IPv4 fragments put together: a place is for the longest message of them, too. A
 * buffer has to have PACKET_SLACK bytes less.
 */
#define PACKET_HEADER 66u
#define PACKET_SLACK 32u
#define PACKET_FRAME 5120u
#define PACKET_FRAME_PAGES 15u /* of a block of these */
#define PACKET_BLOCK 65536u    /* of places that are a power of two */
#define PACKET_RING (16u << 20)

struct device_default {
	const char *driver;
	const char *key; /* not added when the user names it */
	const char *value;
};

static const struct device_default device_defaults[] = {
	{"net_af_packet", "qdisc_bypass", "1"},
	{"net_af_xdp", "busy_budget", "0"},
};

/* Drivers that have as many queues as an argument says. */
static const struct device_default device_queues[] = {
	{"net_af_packet", "qpairs", NULL},
	{"net_af_xdp", "queue_count", NULL},
};

static bool device_is(const char *device, const char *driver)
{
	return strncmp(device, driver, strlen(driver)) == 0;
}

static bool device_has(const char *device, const char *key)
{
	size_t length = strlen(key);
	for (const char *at = strchr(device, ','); at != NULL; at = strchr(at + 1, ','))
		if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=')
			return true;
	return false;
}

/* A number among the arguments; `missing` if it is not there. */
static uint32_t device_number(const char *device, const char *key, uint32_t missing)
{
	size_t length = strlen(key);
	for (const char *at = strchr(device, ','); at != NULL; at = strchr(at + 1, ','))
		if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=')
			return (uint32_t)strtoul(at + 2 + length, NULL, 10);
	return missing;
}

static int argument_append(char *out, const char *key, const char *value)
{
	size_t used = strlen(out);
	int more = snprintf(out + used, PORT_DEVICE_MAX - used, ",%s=%s", key, value);
	return used + (size_t)more < PORT_DEVICE_MAX ? 0 : -ENAMETOOLONG;
}

static int number_append(const char *device, char *out, const char *key, uint32_t value)
{
	char text[16];
	if (device_has(device, key))
		return 0;
	snprintf(text, sizeof(text), "%u", value);
	return argument_append(out, key, text);
}

static uint32_t packet_frame(const char *device, uint32_t mtu)
{
	uint32_t frame = mtu + PORT_OVERHEAD + PACKET_HEADER;
	/* Whoever chose a block has most likely one that powers of two fill. */
	if (frame > PACKET_FRAME || device_has(device, "blocksz"))
		frame = rte_align32pow2(RTE_MAX(frame, PACKET_FRAME));
	else
		frame = PACKET_FRAME;
	return device_number(device, "framesz", frame);
}

static uint32_t packet_block(const char *device, uint32_t frame)
{
	uint32_t pages = PACKET_FRAME_PAGES * (uint32_t)sysconf(_SC_PAGESIZE);
	return device_number(device, "blocksz", frame == PACKET_FRAME ? pages : PACKET_BLOCK);
}

/* As many places as fill the ring, whole blocks of them, since the kernel takes no others. */
static int packet_ring(const char *device, uint32_t mtu, char *out)
{
	uint32_t frame = packet_frame(device, mtu);
	uint32_t block = packet_block(device, frame);
	uint32_t blocks = block == 0 ? 1 : RTE_MAX(PACKET_RING / block, 1u);
	uint32_t count = frame == 0 ? 0 : block / frame * blocks;
	int error = number_append(device, out, "framesz", frame);
	if (error == 0)
		error = number_append(device, out, "blocksz", block);
	return error != 0 ? error : number_append(device, out, "framecnt", count);
}

int port_device_arguments(const char *device, uint16_t queues, uint32_t mtu,
			  char out[static PORT_DEVICE_MAX])
{
	int error = 0;
	char number[8];
	if (snprintf(out, PORT_DEVICE_MAX, "%s", device) >= PORT_DEVICE_MAX)
		return -ENAMETOOLONG;
	snprintf(number, sizeof(number), "%u", queues);
	if (device_is(device, "net_af_packet"))
		error = packet_ring(device, mtu, out);
	for (size_t i = 0; i < RTE_DIM(device_defaults) && error == 0; i++)
		if (device_is(device, device_defaults[i].driver) &&
		    !device_has(device, device_defaults[i].key))
			error = argument_append(out, device_defaults[i].key, device_defaults[i].value);
	for (size_t i = 0; i < RTE_DIM(device_queues) && error == 0; i++)
		if (queues > 1 && device_is(device, device_queues[i].driver) &&
		    !device_has(device, device_queues[i].key))
			error = argument_append(out, device_queues[i].key, number);
	return error;
}

static int failed(int error, char *text, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return error < 0 ? error : -EIO;
}

int port_probe(const char *device)
{
	int tap = rte_log_register(TAP_LOG), level = rte_log_get_level((uint32_t)tap);
	rte_log_set_level((uint32_t)tap, RTE_LOG_CRIT);
	int error = rte_dev_probe(device);
	rte_log_set_level((uint32_t)tap, (uint32_t)level);
	return error;
}

static int device_attach(const struct port_options *options, uint16_t *id, char *text, size_t size)
{
	char device[PORT_DEVICE_MAX], name[PORT_DEVICE_MAX];
	if (port_device_arguments(options->device, options->queues, options->mtu, device) != 0)
		return failed(-ENAMETOOLONG, text, size, "port %s: the device string is too long",
			      options->name);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0; /* EAL probed it at its start, or replay made it */
	int error = port_probe(device);
	if (error != 0 && error != -EEXIST)
		return failed(error, text, size,
			      "port %s: cannot open device '%s' (%s); check its name and arguments, "
			      "that its interface exists, and that you are root",
			      options->name, device, strerror(-error));
	error = rte_eth_dev_get_port_by_name(name, id);
	if (error != 0)
		return failed(error, text, size,
			      "port %s: device '%s' is no Ethernet port; bind a NIC with scripts/bind",
			      options->name, name);
	return 0;
}

static int queues_check(const struct port_options *options, const struct rte_eth_dev_info *info,
			char *text, size_t size)
{
	if (info->max_rx_queues >= options->queues && info->max_tx_queues >= options->queues)
		return 0;
	return failed(-EINVAL, text, size,
		      "port %s: the device has %u receive and %u transmit queues, %u workers need one "
		      "of each; use fewer workers or ask the device for more queues",
		      options->name, info->max_rx_queues, info->max_tx_queues, options->queues);
}

/* Bytes of a buffer that this device receives into. */
static uint16_t data_room(const struct port_options *options)
{
	if (device_is(options->device, "net_af_xdp"))
		return XDP_DATA_SIZE;
	if (!device_is(options->device, "net_af_packet"))
		return PACKET_DATA_SIZE;
	/* It checks that its places fit, as it never uses more than one buffer. */
	uint32_t frame = packet_frame(options->device, options->mtu);
	uint32_t room = RTE_PKTMBUF_HEADROOM + frame - PACKET_SLACK;
	if (frame < PACKET_SLACK || room < PACKET_DATA_SIZE)
		return PACKET_DATA_SIZE;
	return (uint16_t)RTE_MIN(room, (uint32_t)UINT16_MAX);
}

static struct rte_eth_conf device_conf(const struct port_options *options,
				       const struct rte_eth_dev_info *info, bool interrupts)
{
	struct rte_eth_conf conf = {.intr_conf.rxq = interrupts};
	if (options->plain)
		return conf;
	uint64_t wanted = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	conf.txmode.offloads = wanted & info->tx_offload_capa;
	conf.rxmode.offloads = info->rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
							RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	/* Longer frames come in several buffers, where the device can do that. */
	if (options->mtu + PORT_OVERHEAD + RTE_PKTMBUF_HEADROOM > data_room(options))
		conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	if (options->queues > 1 && info->flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info->flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
	}
	return conf;
}

static int queues_setup(const struct port_options *options, struct port *port, char *text,
			size_t size)
{
	uint16_t rx_ring = options->rx_ring, tx_ring = options->tx_ring;
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_ring, &tx_ring);
	if (error != 0)
		return failed(error, text, size, "port %s: the device refuses rings of this size (%s)",
			      options->name, strerror(-error));
	uint32_t buffers = options->rx_buffers;
	if (buffers == 0)
		buffers = options->queues * (uint32_t)(rx_ring + tx_ring + 4 * POOL_CACHE) + 4096;
	char name[RTE_MEMPOOL_NAMESIZE];
	snprintf(name, sizeof(name), "rx_%u", port->id);
	int socket = rte_eth_dev_socket_id(port->id);
	uint16_t room = data_room(options);
	if (port->pool == NULL)
		port->pool = rte_pktmbuf_pool_create(name, buffers, POOL_CACHE,
						     PACKET_PRIVATE_SIZE, room, socket);
	if (port->pool == NULL)
		return failed(-rte_errno, text, size,
			      "port %s: no memory for %u packet buffers (%s); raise eal.memory or "
			      "reserve more hugepages with scripts/hugepages",
			      options->name, buffers, rte_strerror(rte_errno));
	for (uint16_t q = 0; q < options->queues && error == 0; q++) {
		error = rte_eth_rx_queue_setup(port->id, q, rx_ring, socket, NULL, port->pool);
		if (error == 0)
			error = rte_eth_tx_queue_setup(port->id, q, tx_ring, socket, NULL);
	}
	if (error != 0)
		return failed(error, text, size, "port %s: cannot set up its queues (%s)",
			      options->name, strerror(-error));
	return 0;
}

static void net_fill(const struct port_options *options, const struct rte_eth_conf *conf,
		     const struct port *port, struct net_port *net)
{
	net->id = port->id;
	net->mtu = options->mtu;
	net->vlan = options->vlan;
	net->message_safe = net_message_safe(options->mtu);
	net->fragments = options->fragments;
	net->tx_ip_checksum = conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	net->tx_udp_checksum = conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	rte_eth_macaddr_get(port->id, &net->mac);
}

void port_multicast_enable(uint16_t id)
{
	if (rte_eth_allmulticast_enable(id) != 0)
		rte_eth_promiscuous_enable(id);
}

static int device_start(const struct port_options *options, struct port *port, char *text,
			size_t size)
{
	int error = rte_eth_dev_set_mtu(port->id, options->mtu);
	/* These take what their interface does, whose MTU is the user's; the drivers deny that. */
	if (error == -EINVAL && (device_is(options->device, "net_af_packet") ||
				 device_is(options->device, "net_tap")))
		error = 0;
	if (error != 0 && error != -ENOTSUP)
		return failed(error, text, size, "port %s: the device refuses an MTU of %u (%s)",
			      options->name, options->mtu, strerror(-error));
	error = rte_eth_dev_start(port->id);
	if (error != 0)
		return failed(error, text, size, "port %s: cannot start the device (%s)",
			      options->name, strerror(-error));
	port_multicast_enable(port->id);
	return 0;
}

static int device_bring_up(const struct port_options *options, const struct rte_eth_conf *conf,
			   struct port *port, char *text, size_t size)
{
	int error = rte_eth_dev_configure(port->id, options->queues, options->queues, conf);
	if (error != 0)
		return failed(error, text, size, "port %s: the device refuses its configuration (%s)",
			      options->name, strerror(-error));
	error = queues_setup(options, port, text, size);
	if (error == 0)
		error = device_start(options, port, text, size);
	return error;
}

int port_open(const struct port_options *options, struct port *port, struct net_port *net,
	      char *text, size_t size)
{
	struct rte_eth_dev_info info;
	*port = (struct port){.id = RTE_MAX_ETHPORTS};
	int error = device_attach(options, &port->id, text, size);
	if (error != 0)
		return error;
	error = rte_eth_dev_info_get(port->id, &info);
	if (error != 0)
		return failed(error, text, size, "port %s: the device does not describe itself (%s)",
			      options->name, strerror(-error));
	error = queues_check(options, &info, text, size);
	if (error != 0)
		return error;
	struct rte_eth_conf conf = device_conf(options, &info, options->interrupts);
	error = device_bring_up(options, &conf, port, text, size);
	/* Some drivers refuse to start with interrupts that the machine does not have. */
	if (error != 0 && options->interrupts) {
		conf = device_conf(options, &info, false);
		error = device_bring_up(options, &conf, port, text, size);
	}
	if (error == 0)
		net_fill(options, &conf, port, net);
	return error;
}

void port_close(struct port *port)
{
	if (port->id == RTE_MAX_ETHPORTS)
		return;
	port_unsteer(port);
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
	rte_mempool_free(port->pool);
	port->pool = NULL;
	port->id = RTE_MAX_ETHPORTS;
}
