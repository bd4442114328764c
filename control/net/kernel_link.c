/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/net/kernel_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "control/log/log.h"

#define MESSAGE_SIZE 1024
/* Routes of the user's own come first; in IPv6 what routers announce has 1024. */
#define ROUTE_METRIC 20000u

struct link {
	struct mnl_socket *socket;
	const char *interface;
	unsigned index;
	uint32_t sequence;
	char message[MESSAGE_SIZE];
};

bool kernel_link_exists(const char *interface)
{
	return if_nametoindex(interface) != 0;
}

static int link_open(struct link *link, const char *interface)
{
	*link = (struct link){.interface = interface, .index = if_nametoindex(interface)};
	if (link->index == 0)
		return -errno;
	link->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (link->socket == NULL)
		return -errno;
	return mnl_socket_bind(link->socket, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
}

static void link_close(struct link *link)
{
	if (link->socket != NULL)
		mnl_socket_close(link->socket);
}

static struct nlmsghdr *message_begin(struct link *link, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(link->message);
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	message->nlmsg_seq = ++link->sequence;
	return message;
}

/* Sends the message and waits for the kernel's word on it. */
static int message_end(struct link *link, struct nlmsghdr *message)
{
	char answer[MESSAGE_SIZE * 4];
	if (mnl_socket_sendto(link->socket, message, message->nlmsg_len) < 0)
		return -errno;
	ssize_t length = mnl_socket_recvfrom(link->socket, answer, sizeof(answer));
	if (length < 0 ||
	    mnl_cb_run(answer, (size_t)length, link->sequence,
		       mnl_socket_get_portid(link->socket), NULL, NULL) < 0)
		return -errno;
	return 0;
}

static void address_put(struct nlmsghdr *message, uint16_t type, const uint8_t *bytes, bool ipv6)
{
	mnl_attr_put(message, type, ipv6 ? 16 : 4, bytes);
}

static uint8_t family_of(bool ipv6)
{
	return ipv6 ? AF_INET6 : AF_INET;
}

static int mac_set(struct link *link, const struct net_port *port)
{
	struct nlmsghdr *message = message_begin(link, RTM_NEWLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)link->index;
	mnl_attr_put(message, IFLA_ADDRESS, RTE_ETHER_ADDR_LEN, port->mac.addr_bytes);
	return message_end(link, message);
}

/* Our link-local address is made of the MAC; the kernel's might be made of something else. */
static int link_local_stop(struct link *link)
{
	struct nlmsghdr *message = message_begin(link, RTM_NEWLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)link->index;
	struct nlattr *families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
	struct nlattr *ipv6 = mnl_attr_nest_start(message, AF_INET6);
	mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(message, ipv6);
	mnl_attr_nest_end(message, families);
	return message_end(link, message);
}

/* The namespace is that of the thread. Where /proc is not to be written, the user has the last word. */
static void setting_write(const char *interface, const char *family, const char *key,
			  const char *value)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, key);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, 1) != 1)
		log_debug("kernel interface %s: %s stays as it is", interface, path);
	if (fd >= 0)
		close(fd);
}

static int failed(const char *interface, int result, const char *what, char *error, size_t size)
{
	if (result != 0)
		snprintf(error, size, "kernel interface %s: the kernel refuses %s (%s)", interface,
			 what, strerror(-result));
	return result;
}

int kernel_link_prepare(const char *interface, const struct net_port *port, char *error, size_t size)
{
	struct link link;
	int result = link_open(&link, interface);
	if (result == 0)
		result = mac_set(&link, port);
	/* A kernel without IPv6 has nothing to stop. */
	if (result == 0 && link_local_stop(&link) != 0)
		log_debug("kernel interface %s: no IPv6", interface);
	link_close(&link);
	setting_write(interface, "ipv6", "autoconf", "0");
	setting_write(interface, "ipv6", "keep_addr_on_down", "1");
	setting_write(interface, "ipv4", "arp_ignore", "1");
	setting_write(interface, "ipv4", "arp_announce", "2");
	return failed(interface, result, "its MAC address", error, size);
}

/* Without duplicate address detection, which is ours. */
static int address_add(struct link *link, const struct net_prefix *prefix)
{
	const struct net_address *address = &prefix->address;
	struct nlmsghdr *message =
		message_begin(link, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	bool link_local = address->ipv6 && address->bytes[0] == 0xfe;
	*info = (struct ifaddrmsg){
		.ifa_family = family_of(address->ipv6),
		.ifa_prefixlen = prefix->length,
		.ifa_flags = address->ipv6 ? IFA_F_NODAD : 0,
		.ifa_scope = link_local ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.ifa_index = link->index,
	};
	address_put(message, IFA_LOCAL, address->bytes, address->ipv6);
	address_put(message, IFA_ADDRESS, address->bytes, address->ipv6);
	if (!address->ipv6 && prefix->length <= 30) {
		uint32_t broadcast;
		memcpy(&broadcast, address->bytes, sizeof(broadcast));
		broadcast |= htonl(UINT32_MAX >> prefix->length);
		mnl_attr_put(message, IFA_BROADCAST, sizeof(broadcast), &broadcast);
	}
	return message_end(link, message);
}

static int route_add(struct link *link, const struct net_address *gateway, uint32_t metric)
{
	struct nlmsghdr *message =
		message_begin(link, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	*route = (struct rtmsg){
		.rtm_family = family_of(gateway->ipv6),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	address_put(message, RTA_GATEWAY, gateway->bytes, gateway->ipv6);
	mnl_attr_put_u32(message, RTA_OIF, link->index);
	mnl_attr_put_u32(message, RTA_PRIORITY, metric);
	return message_end(link, message);
}

static int neighbour_add(struct link *link, const struct config_neighbour *known)
{
	struct nlmsghdr *message =
		message_begin(link, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *neighbour = mnl_nlmsg_put_extra_header(message, sizeof(*neighbour));
	*neighbour = (struct ndmsg){
		.ndm_family = family_of(known->address.ipv6),
		.ndm_ifindex = (int)link->index,
		.ndm_state = NUD_PERMANENT,
	};
	address_put(message, NDA_DST, known->address.bytes, known->address.ipv6);
	mnl_attr_put(message, NDA_LLADDR, sizeof(known->mac), known->mac);
	return message_end(link, message);
}

int kernel_link_setup(const char *interface, const struct net_port *port, unsigned number,
		      const struct config_port *config, char *error, size_t size)
{
	struct link link;
	int result = failed(interface, link_open(&link, interface), "to show it", error, size);
	for (unsigned i = 0; i < port->n_addresses && result == 0; i++) {
		char text[INET6_ADDRSTRLEN];
		const struct net_address *address = &port->addresses[i].address;
		inet_ntop(family_of(address->ipv6), address->bytes, text, sizeof(text));
		result = failed(interface, address_add(&link, &port->addresses[i]), text, error,
				size);
	}
	for (unsigned i = 0; i < config->n_neighbours && result == 0; i++)
		result = failed(interface, neighbour_add(&link, &config->neighbours[i]),
				"a static neighbour", error, size);
	for (unsigned i = 0; i < port->n_gateways && result == 0; i++) {
		uint32_t metric = ROUTE_METRIC + number * NET_PORT_GATEWAYS_MAX + i;
		result = failed(interface, route_add(&link, &port->gateways[i], metric),
				"the route to a gateway", error, size);
	}
	link_close(&link);
	return result;
}
