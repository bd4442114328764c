/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel counts of our listeners: connections that found no place in the queue to be accepted from. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/net/netns.h"
#include "control/tcp/parts.h"

#define TEXT_SIZE 8192 /* of which it is about half */

/* The number under a name of the two lines that begin with "TcpExt:": names, and their values. */
static uint64_t value_find(char *text, const char *wanted)
{
	char *names = strstr(text, "TcpExt: "), *values, *name_at, *value_at;
	char *end = names != NULL ? strchr(names, '\n') : NULL;
	if (end == NULL || strncmp(end + 1, "TcpExt: ", 8) != 0)
		return 0;
	*end = '\0';
	values = end + 1;
	if ((end = strchr(values, '\n')) != NULL)
		*end = '\0';
	char *name = strtok_r(names, " ", &name_at), *value = strtok_r(values, " ", &value_at);
	while (name != NULL && value != NULL && strcmp(name, wanted) != 0) {
		name = strtok_r(NULL, " ", &name_at);
		value = strtok_r(NULL, " ", &value_at);
	}
	return name != NULL && value != NULL ? strtoull(value, NULL, 10) : 0;
}

/* The file stays that of the network namespace where it was opened. */
static int file_open(const char *netns)
{
	char error[256];
	int back;
	if (netns_enter(netns, &back, error, sizeof(error)) < 0)
		return -1;
	int fd = open("/proc/thread-self/net/netstat", O_RDONLY | O_CLOEXEC);
	netns_leave(back);
	return fd;
}

void tcp_netstat_update(struct tcp *tcp)
{
	char text[TEXT_SIZE];
	uint64_t sum = 0;
	for (unsigned port = 0; port < tcp->dataplane->n_ports; port++) {
		if (!tcp_netns_is_first(tcp, port))
			continue;
		if (tcp->netstat[port] < 0)
			tcp->netstat[port] = file_open(tcp_netns_of(tcp, port));
		ssize_t length = tcp->netstat[port] >= 0
					 ? pread(tcp->netstat[port], text, sizeof(text) - 1, 0)
					 : -1;
		if (length < 0)
			return; /* rather the last sum than one without it */
		text[length] = '\0';
		sum += value_find(text, "ListenOverflows");
	}
	tcp_set(&tcp->stats.listen_overflows, sum);
}

void tcp_netstat_close(struct tcp *tcp)
{
	for (unsigned port = 0; port < NET_PORTS_MAX; port++)
		if (tcp->netstat[port] >= 0)
			close(tcp->netstat[port]);
}
