/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/net/neighbours.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#define BUFFER_SIZE 32768u /* as much as the kernel writes at a time */

/* Where its MAC is known; what failed or is incomplete has none. */
static bool entry_tells(const struct nlmsghdr *header, const uint8_t *address, size_t size,
			uint8_t *mac)
{
	const struct ndmsg *entry = NLMSG_DATA(header);
	bool same = false, known = false;
	int left = (int)header->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*entry));
	const struct rtattr *at = (const void *)((const char *)entry + NLMSG_ALIGN(sizeof(*entry)));
	if (left < 0 || (entry->ndm_state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP)) != 0)
		return false;
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type == NDA_DST && RTA_PAYLOAD(at) == size)
			same = memcmp(RTA_DATA(at), address, size) == 0;
		if (at->rta_type == NDA_LLADDR && RTA_PAYLOAD(at) == 6) {
			memcpy(mac, RTA_DATA(at), 6);
			known = true;
		}
	}
	return same && known;
}

static int ask(int fd, bool ipv6)
{
	struct {
		struct nlmsghdr header;
		struct ndmsg entry;
	} request = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)),
			   .nlmsg_type = RTM_GETNEIGH,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.entry = {.ndm_family = ipv6 ? AF_INET6 : AF_INET},
	};
	return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* The kernel has its answer ready when the request was sent: -EAGAIN is an end as well. */
static int answers_read(int fd, const uint8_t *address, size_t size, uint8_t *mac)
{
	static _Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
	uint8_t found[6];
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (length <= 0)
			return length < 0 && errno != EAGAIN ? -errno : -ENOENT;
		const struct nlmsghdr *at = (const void *)buffer;
		for (unsigned left = (unsigned)length; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
			if (at->nlmsg_type == NLMSG_DONE || at->nlmsg_type == NLMSG_ERROR)
				return -ENOENT;
			if (at->nlmsg_type == RTM_NEWNEIGH && entry_tells(at, address, size, found)) {
				memcpy(mac, found, sizeof(found));
				return 0;
			}
		}
	}
}

int kernel_neighbour_find(const uint8_t *address, bool ipv6, uint8_t mac[static 6])
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	int result = ask(fd, ipv6);
	if (result == 0)
		result = answers_read(fd, address, ipv6 ? 16 : 4, mac);
	close(fd);
	return result;
}
