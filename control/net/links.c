/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/net/links.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <libmnl/libmnl.h>
#include <rte_eth_bond.h>
#include <rte_ethdev.h>

#include "control/log/log.h"
#include "control/loop.h"

#define LINKS_MAX 64u
#define LOOK_MS 100u
#define MESSAGES_SIZE 32768 /* as much as the kernel packs together */
#define MESSAGES_TURN 64

/* Who knows of a link. */
enum source { SOURCE_DRIVER, SOURCE_KERNEL, SOURCE_NOBODY /* its interface went away */ };

struct link {
	struct link_state state;
	char device[RTE_ETH_NAME_MAX_LEN];
	uint16_t id;	/* DPDK's port */
	unsigned index; /* of the kernel's interface */
	enum source source;
	bool known;
	bool movable;	 /* works on when its interface goes to another network namespace */
	uint64_t since;	 /* of this state; milliseconds */
	bool leading;	 /* of a pair: a leg is taking over, and lacks something yet */
	int failed;	 /* likewise: what was said last of a leg that did not take over */
};

/* Legs follow their port. */
struct links {
	struct mnl_socket *socket; /* NULL: the kernel is not asked */
	bool missed; /* something that the kernel said */
	uint64_t looked;
	unsigned n;
	struct link links[LINKS_MAX];
};

/* ---- changes ---- */

static const char *port_name(const struct control *control, const struct link *link)
{
	return control->config->ports[link->state.port].name;
}

static void change_log(const struct control *control, const struct link *link, uint64_t lasted)
{
	char what[RTE_ETH_NAME_MAX_LEN + 8] = "its link";
	if (link->state.leg != NULL)
		snprintf(what, sizeof(what), "its leg %s", link->state.leg);
	if (!link->state.up)
		log_warning("port %s: %s is down", port_name(control, link), what);
	else if (link->state.changes != 0)
		log_info("port %s: %s is up again, after %.1f s", port_name(control, link), what,
			 (double)lasted / 1000);
}

/* What is heard first is no change. */
static void link_set(struct control *control, struct link *link, bool up)
{
	uint64_t lasted = control->now - link->since;
	if (link->known && link->state.up == up)
		return;
	link->state.changes += link->known;
	link->state.up = up;
	link->since = control->now;
	if (link->known || !up)
		change_log(control, link, lasted);
	/* Who is beyond it may have forgotten us. */
	if (link->known && up && link->state.leg == NULL)
		worker_announce(&workers[0], link->state.port);
	link->known = true;
}

/* ---- what the kernel says ---- */

static struct link *link_of_interface(struct links *links, int index)
{
	for (unsigned i = 0; i < links->n; i++)
		if (links->links[i].source == SOURCE_KERNEL &&
		    links->links[i].index == (unsigned)index)
			return &links->links[i];
	return NULL;
}

static int message_read(const struct nlmsghdr *message, void *context)
{
	struct control *control = context;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*info) || info->ifi_family != AF_UNSPEC)
		return MNL_CB_OK; /* a bridge's view of it has a family of its own */
	struct link *link = link_of_interface(control->links, info->ifi_index);
	if (link == NULL)
		return MNL_CB_OK;
	if (message->nlmsg_type == RTM_DELLINK)
		link->source = SOURCE_NOBODY;
	if (link->source == SOURCE_NOBODY)
		link_set(control, link, link->movable);
	else
		link_set(control, link, (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING));
	return MNL_CB_OK;
}

/* All interfaces are told about, like changes. */
static int interfaces_ask(struct links *links)
{
	char text[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(text);
	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	return mnl_socket_sendto(links->socket, message, message->nlmsg_len) < 0 ? -errno : 0;
}

static void kernel_hear(struct control *control)
{
	static char messages[MESSAGES_SIZE] __attribute__((aligned(8)));
	struct links *links = control->links;
	if (links->missed)
		links->missed = interfaces_ask(links) != 0;
	for (unsigned i = 0; i < MESSAGES_TURN; i++) {
		ssize_t length = mnl_socket_recvfrom(links->socket, messages, sizeof(messages));
		if (length > 0)
			mnl_cb_run(messages, (size_t)length, 0, 0, message_read, control);
		else if (errno == ENOBUFS)
			links->missed = true;
		else if (errno != ENOSPC) /* something longer was cut */
			break;
	}
}

static int kernel_open(struct control *control)
{
	struct links *links = control->links;
	links->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (links->socket == NULL ||
	    mnl_socket_bind(links->socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) != 0)
		return -errno;
	int error = loop_watch(control, mnl_socket_get_fd(links->socket), EPOLLIN);
	return error != 0 ? error : interfaces_ask(links);
}

/* ---- what drivers say ---- */

static void drivers_ask(struct control *control)
{
	struct links *links = control->links;
	for (unsigned i = 0; i < links->n; i++) {
		struct link *link = &links->links[i];
		struct rte_eth_link found;
		if (link->source == SOURCE_DRIVER && rte_eth_link_get_nowait(link->id, &found) == 0)
			link_set(control, link, found.link_status == RTE_ETH_LINK_UP);
	}
}

/* ---- bonded pairs ---- */

static bool leads(const struct link *leg, uint16_t id)
{
	return leg->id == id && leg->state.up;
}

/* The leg that should carry: that which does, if it is up and no other is to be preferred. */
static const struct link *leg_choose(const struct control *control, const struct link *port,
				     unsigned n, uint16_t carries)
{
	const char *device = control->config->ports[port->state.port].device;
	const char *primary = strstr(device, ",primary=");
	const struct link *best = NULL;
	for (const struct link *leg = port + 1; leg <= port + n; leg++) {
		size_t length = strlen(leg->device);
		if (leg->state.up && primary != NULL &&
		    strncmp(primary + strlen(",primary="), leg->device, length) == 0 &&
		    strchr(",", primary[strlen(",primary=") + length]) != NULL)
			return leg;
		if (leads(leg, carries) || (best == NULL && leg->state.up))
			best = leg;
	}
	return best;
}

/* The leg that carries has the pair's MAC address, and takes what is for groups. */
static int leg_lead(struct control *control, const struct link *port, const struct link *leg,
		    bool carries)
{
	int error = carries ? 0 : rte_eth_bond_primary_set(port->id, leg->id);
	if (error == 0)
		error = rte_eth_bond_mac_address_set(
			port->id, &control->dataplane->ports[port->state.port].mac);
	port_multicast_enable(leg->id);
	return error;
}

static void pair_lead(struct control *control, struct link *port, unsigned n)
{
	int carries = rte_eth_bond_primary_get(port->id);
	const struct link *leg = leg_choose(control, port, n, (uint16_t)carries);
	if (carries < 0 || leg == NULL || (leg->id == carries && !port->leading))
		return;
	int error = leg_lead(control, port, leg, leg->id == carries);
	port->leading = error != 0;
	if (error != 0) {
		if (error != port->failed)
			log_warning("port %s: its leg %s does not take over (%s)",
				    port_name(control, port), leg->device, strerror(-error));
		port->failed = error;
		return;
	}
	port->failed = 0;
	log_warning("port %s: its leg %s carries now", port_name(control, port), leg->device);
	/* Switches learn where our addresses are now. */
	worker_announce(&workers[0], port->state.port);
}

static unsigned legs_count(const struct links *links, const struct link *port)
{
	const struct link *leg = port + 1;
	while (leg < links->links + links->n && leg->state.leg != NULL)
		leg++;
	return (unsigned)(leg - port - 1);
}

/* Without a leg that is up a pair is down, whatever its driver thinks of it. */
static void pairs_look(struct control *control)
{
	struct links *links = control->links;
	for (unsigned i = 0; i < links->n; i++) {
		struct link *port = &links->links[i];
		unsigned n = legs_count(links, port), up = 0;
		if (port->state.leg != NULL || n == 0)
			continue;
		for (const struct link *leg = port + 1; leg <= port + n; leg++)
			up += leg->state.up;
		link_set(control, port, up != 0);
		if (rte_eth_bond_mode_get(port->id) == BONDING_MODE_ACTIVE_BACKUP)
			pair_lead(control, port, n);
	}
}

/* ---- life ---- */

static struct link *link_add(struct links *links, unsigned port, uint16_t id)
{
	struct rte_eth_dev_info info;
	if (links->n == LINKS_MAX || rte_eth_dev_info_get(id, &info) != 0)
		return NULL;
	struct link *link = &links->links[links->n++];
	*link = (struct link){.state = {.port = port, .up = true}, .id = id, .index = info.if_index};
	rte_eth_dev_get_name_by_port(id, link->device);
	link->source = info.if_index != 0 ? SOURCE_KERNEL : SOURCE_DRIVER;
	link->movable = strcmp(info.driver_name, "net_tap") == 0;
	return link;
}

static void port_add(struct links *links, unsigned port, uint16_t id)
{
	uint16_t legs[RTE_MAX_ETHPORTS];
	struct link *link = link_add(links, port, id);
	int n = link == NULL ? 0 : rte_eth_bond_slaves_get(id, legs, RTE_DIM(legs));
	for (int i = 0; i < n; i++) {
		struct link *leg = link_add(links, port, legs[i]);
		if (leg != NULL)
			leg->state.leg = leg->device;
	}
	if (n > 0)
		link->source = SOURCE_NOBODY;
}

int links_create(struct control *control, char *error, size_t size)
{
	struct links *links = control->links = calloc(1, sizeof(*links));
	if (links == NULL) {
		snprintf(error, size, "no memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < control->dataplane->n_ports; i++)
		port_add(links, i, control->ports[i].id);
	for (unsigned i = 0; i < links->n; i++)
		links->links[i].since = control->now;
	/* Without the kernel's word ports work as well. */
	int result = kernel_open(control);
	if (result != 0) {
		log_warning("the kernel does not tell of its interfaces' links (%s)",
			    strerror(-result));
		if (links->socket != NULL)
			mnl_socket_close(links->socket);
		links->socket = NULL;
	}
	links_turn(control);
	return 0;
}

void links_destroy(struct control *control)
{
	if (control->links != NULL && control->links->socket != NULL)
		mnl_socket_close(control->links->socket);
	free(control->links);
	control->links = NULL;
}

void links_turn(struct control *control)
{
	struct links *links = control->links;
	if (links == NULL)
		return;
	if (links->socket != NULL)
		kernel_hear(control);
	if (links->looked == 0 || control->now - links->looked >= LOOK_MS) {
		links->looked = control->now;
		drivers_ask(control);
	}
	pairs_look(control);
}

const struct link_state *links_next(const struct links *links, const struct link_state *link)
{
	if (links == NULL)
		return NULL;
	const struct link *next = links->links;
	if (link != NULL)
		next = (const struct link *)((const char *)link - offsetof(struct link, state)) + 1;
	return next < links->links + links->n ? &next->state : NULL;
}
