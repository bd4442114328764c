/* SPDX-License-Identifier: BSD-2-Clause */
/* What a port can do to bring answers home is asked, tried and, where it fails, undone. */
#include "dataplane/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_malloc.h>

#define KEY_MAX UINT8_MAX

struct rss {
	uint64_t types; /* RTE_ETH_RSS_*: what is hashed */
	uint8_t key[KEY_MAX];
	unsigned entries;
	uint16_t table[NET_STEER_ENTRIES_MAX];
};

const char *port_steering_name(enum port_steering steering)
{
	static const char *const names[] = {"auto", "rss", "flow", "ring", "single"};
	return names[steering];
}

/* ---- RSS ---- */

static int table_query(uint16_t id, struct rss *rss)
{
	struct rte_eth_rss_reta_entry64 groups[NET_STEER_ENTRIES_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
	for (unsigned i = 0; i < RTE_DIM(groups); i++)
		groups[i].mask = UINT64_MAX;
	int error = rte_eth_dev_rss_reta_query(id, groups, (uint16_t)rss->entries);
	for (unsigned i = 0; i < rss->entries && error == 0; i++)
		rss->table[i] = groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	return error;
}

/* Some devices begin with a table that leads to one queue. */
static int table_spread(uint16_t id, unsigned entries, unsigned queues)
{
	struct rte_eth_rss_reta_entry64 groups[NET_STEER_ENTRIES_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
	for (unsigned i = 0; i < entries; i++) {
		groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
		groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			(uint16_t)(i % queues);
	}
	return rte_eth_dev_rss_reta_update(id, groups, (uint16_t)entries);
}

static bool table_leads_to_all(const struct rss *rss, unsigned queues)
{
	uint64_t seen = 0;
	for (unsigned i = 0; i < rss->entries; i++)
		seen |= 1ull << (rss->table[i] & 63);
	return seen == (queues < 64 ? (1ull << queues) - 1 : UINT64_MAX);
}

/* What the device says of its RSS, with a table that leads to all queues if it can have one. */
static int rss_read(uint16_t id, unsigned queues, struct rss *rss)
{
	struct rte_eth_dev_info info;
	int error = rte_eth_dev_info_get(id, &info);
	if (error != 0)
		return error;
	/* Some do not say how long their key is, which then is as ethdev has it. */
	uint8_t length = info.hash_key_size != 0 ? info.hash_key_size : NET_STEER_KEY_MIN;
	if (info.reta_size == 0 || info.reta_size > NET_STEER_ENTRIES_MAX ||
	    length < NET_STEER_KEY_MIN)
		return -ENOTSUP;
	struct rte_eth_rss_conf conf = {.rss_key = rss->key, .rss_key_len = length};
	error = rte_eth_dev_rss_hash_conf_get(id, &conf);
	rss->types = conf.rss_hf;
	rss->entries = info.reta_size;
	if (error == 0)
		error = table_query(id, rss);
	if (error != 0 || table_leads_to_all(rss, queues))
		return error;
	error = table_spread(id, rss->entries, queues);
	return error != 0 ? error : table_query(id, rss);
}

static int rss_steer(const struct port_options *options, const struct rss *rss, struct port *port,
		     struct net_port *net, bool ipv6)
{
	uint64_t type = ipv6 ? RTE_ETH_RSS_NONFRAG_IPV6_UDP : RTE_ETH_RSS_NONFRAG_IPV4_UDP;
	if ((rss->types & type) == 0)
		return -ENOTSUP;
	struct net_steer *steer = rte_zmalloc_socket("steer", sizeof(*steer), RTE_CACHE_LINE_SIZE,
						     rte_eth_dev_socket_id(port->id));
	if (steer == NULL)
		return -ENOMEM;
	int error = net_steer_fill(steer, rss->key, rss->table, rss->entries, options->queues, ipv6);
	if (error != 0) {
		rte_free(steer);
		return error;
	}
	port->steering[ipv6] = PORT_STEERING_RSS;
	port->source_ports[ipv6] = steer->least;
	port->steer[ipv6] = steer;
	net->steer[ipv6] = steer;
	return 0;
}

/* ---- rte_flow ---- */

/* Frames of the family to the source ports of one worker, to its queue. NULL: the port does not. */
static struct rte_flow *rule_create(const struct port_options *options, uint16_t id, bool ipv6,
				    uint16_t queue)
{
	const uint32_t share = options->ports_share;
	const struct rte_flow_attr attr = {.ingress = 1};
	const struct rte_flow_item_udp ports = {
		.hdr.dst_port = rte_cpu_to_be_16((uint16_t)(NET_STEER_PORTS_FIRST + queue * share))};
	const struct rte_flow_item_udp mask = {
		.hdr.dst_port = rte_cpu_to_be_16((uint16_t)~(share - 1))};
	const struct rte_flow_action_queue home = {.index = queue};
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &home},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_item pattern[5] = {{.type = RTE_FLOW_ITEM_TYPE_ETH}};
	unsigned n = 1;
	if (options->vlan != 0)
		pattern[n++].type = RTE_FLOW_ITEM_TYPE_VLAN;
	pattern[n++].type = ipv6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4;
	pattern[n++] = (struct rte_flow_item){
		.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &ports, .mask = &mask};
	pattern[n].type = RTE_FLOW_ITEM_TYPE_END;
	struct rte_flow_error error;
	if (rte_flow_validate(id, &attr, pattern, actions, &error) != 0)
		return NULL;
	return rte_flow_create(id, &attr, pattern, actions, &error);
}

/* net_tap takes a mask of UDP ports and matches the port alone. */
static bool flow_is_trusted(uint16_t id)
{
	struct rte_eth_dev_info info;
	return rte_eth_dev_info_get(id, &info) == 0 && strcmp(info.driver_name, "net_tap") != 0;
}

/* All workers' rules or none. */
static int flow_steer(const struct port_options *options, struct port *port, bool ipv6)
{
	struct rte_flow *rules[NET_STEER_QUEUES_MAX];
	struct rte_flow_error error;
	uint16_t n = 0;
	if (!flow_is_trusted(port->id))
		return -ENOTSUP;
	while (n < options->queues &&
	       (rules[n] = rule_create(options, port->id, ipv6, n)) != NULL)
		n++;
	if (n < options->queues) {
		while (n-- > 0)
			rte_flow_destroy(port->id, rules[n], &error);
		return -ENOTSUP;
	}
	port->steering[ipv6] = PORT_STEERING_FLOW;
	return 0;
}

/* ---- */

static bool may(const struct port_options *options, enum port_steering way)
{
	return options->steering == PORT_STEERING_AUTO || options->steering == way;
}

static int refused(const struct port_options *options, char *text, size_t size)
{
	snprintf(text, size,
		 options->steering == PORT_STEERING_RSS
			 ? "port %s: steering: rss, and the device does not tell an RSS key and table "
			   "that spread UDP over all workers; use steering: auto"
			 : "port %s: steering: flow, and the device does not take rte_flow rules for "
			   "ranges of UDP ports; use steering: auto",
		 options->name);
	return -ENOTSUP;
}

int port_steer(const struct port_options *options, struct port *port, struct net_port *net,
	       char *text, size_t size)
{
	struct rss rss = {0};
	bool single = options->queues == 1;
	int known = -ENOTSUP;
	if (!single && may(options, PORT_STEERING_RSS))
		known = rss_read(port->id, options->queues, &rss);
	for (unsigned ipv6 = 0; ipv6 <= 1; ipv6++) {
		port->steering[ipv6] = single ? PORT_STEERING_SINGLE : PORT_STEERING_RING;
		port->source_ports[ipv6] = options->ports_share;
		if (single || (known == 0 && rss_steer(options, &rss, port, net, ipv6) == 0) ||
		    (may(options, PORT_STEERING_FLOW) && flow_steer(options, port, ipv6) == 0))
			continue;
		if (options->steering != PORT_STEERING_AUTO &&
		    options->steering != PORT_STEERING_RING)
			return refused(options, text, size);
	}
	return 0;
}

void port_unsteer(struct port *port)
{
	struct rte_flow_error error;
	for (unsigned ipv6 = 0; ipv6 <= 1; ipv6++) {
		rte_free(port->steer[ipv6]);
		port->steer[ipv6] = NULL;
		if (port->steering[ipv6] == PORT_STEERING_FLOW)
			rte_flow_flush(port->id, &error);
	}
}
