/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening sockets: they come and go with the policy. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/log/log.h"
#include "control/net/netns.h"
#include "control/tcp/parts.h"
#include "dataplane/serve/backend.h"

#define RETRY_MS 1000u

socklen_t tcp_address_fill(union tcp_address *to, const struct net_address *address,
			      uint16_t port)
{
	*to = (union tcp_address){0};
	if (address->ipv6) {
		to->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&to->v6.sin6_addr, address->bytes, 16);
		return sizeof(to->v6);
	}
	to->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	memcpy(&to->v4.sin_addr, address->bytes, 4);
	return sizeof(to->v4);
}

static void address_read(const union tcp_address *from, struct net_address *address,
			 uint16_t *port)
{
	*address = (struct net_address){.ipv6 = from->any.sa_family == AF_INET6};
	if (address->ipv6)
		memcpy(address->bytes, &from->v6.sin6_addr, 16);
	else
		memcpy(address->bytes, &from->v4.sin_addr, 4);
	*port = ntohs(address->ipv6 ? from->v6.sin6_port : from->v4.sin_port);
}

const char *tcp_netns_of(const struct tcp *tcp, unsigned port)
{
	const struct config_kernel *kernel = &tcp->config->ports[port].kernel;
	return kernel->interface != NULL ? kernel->netns : NULL;
}

int tcp_socket(const struct tcp *tcp, unsigned port, bool ipv6)
{
	char error[256];
	int back;
	int result = netns_enter(tcp_netns_of(tcp, port), &back, error, sizeof(error));
	if (result < 0) {
		errno = -result;
		return -1;
	}
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int why = errno;
	netns_leave(back);
	errno = why;
	return fd;
}

static int backlog_of(const struct tcp *tcp, const struct policy_listener *wanted)
{
	uint32_t most = tcp->policy->tcp.max_waiting;
	if (wanted->tcp.backlog != 0)
		return wanted->tcp.backlog;
	return most != 0 && most < INT_MAX ? (int)most : INT_MAX; /* the kernel has a limit of its own */
}

static void fast_open_set(const struct tcp *tcp, const struct tcp_listener *listener)
{
	const struct policy_tcp *general = &tcp->policy->tcp;
	const int queue = listener->wanted.tcp.fast_open;
	setsockopt(listener->fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue));
	if (general->fast_open_keyed &&
	    setsockopt(listener->fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, general->fast_open_key,
		       sizeof(general->fast_open_key)) != 0)
		log_warning("the kernel does not take the TCP Fast Open key: %s", strerror(errno));
}

static int listener_open(struct tcp *tcp, struct tcp_listener *listener, unsigned index)
{
	const struct policy_listener *wanted = &listener->wanted;
	const int on = 1;
	union tcp_address address;
	socklen_t length = tcp_address_fill(&address, &wanted->address, wanted->port);
	int fd = tcp_socket(tcp, listener->port, wanted->address.ipv6);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted sockets have this from it: answers do not wait for company. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (wanted->address.ipv6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	struct epoll_event event = {.events = EPOLLIN,
				    .data.u64 = tcp_event_data(TCP_KIND_LISTENER, index, 0)};
	const int backlog = backlog_of(tcp, wanted);
	if (bind(fd, &address.any, length) != 0 || listen(fd, backlog) != 0 ||
	    epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	listener->fd = fd;
	listener->backlog = backlog;
	fast_open_set(tcp, listener);
	return 0;
}

/* What a new policy says of one that is open. */
static void listener_adjust(const struct tcp *tcp, struct tcp_listener *listener)
{
	const int backlog = backlog_of(tcp, &listener->wanted);
	if (listener->fd < 0)
		return;
	if (backlog != listener->backlog && listen(listener->fd, backlog) == 0)
		listener->backlog = backlog;
	fast_open_set(tcp, listener);
}

/* An address that the kernel does not have is no fault: the port may have no kernel interface. */
static void failure_tell(struct tcp_listener *listener, int error)
{
	char text[64];
	if (error == listener->error)
		return;
	listener->error = error;
	backend_address_print(&listener->wanted.address, listener->wanted.port, text, sizeof(text));
	if (error == 0)
		log_debug("listening on %s over TCP", text);
	else if (error == -EADDRNOTAVAIL)
		log_debug("no TCP on %s: the kernel does not have the address", text);
	else
		log_warning("cannot listen on %s over TCP: %s", text, strerror(-error));
}

static bool same(const struct policy_listener *a, const struct policy_listener *b)
{
	return a->port == b->port && net_address_equal(&a->address, &b->address);
}

static const struct policy_listener *wanted_find(const struct tcp *tcp,
						 const struct policy_listener *open)
{
	for (unsigned i = 0; i < tcp->policy->n_listeners; i++)
		if (!tcp->policy->listeners[i].tcp.off && same(&tcp->policy->listeners[i], open))
			return &tcp->policy->listeners[i];
	return NULL;
}

static bool is_open(const struct tcp *tcp, const struct policy_listener *wanted, unsigned port)
{
	for (unsigned i = 0; i < tcp->n_listeners; i++)
		if (tcp->listeners[i].port == port && same(&tcp->listeners[i].wanted, wanted))
			return true;
	return false;
}

bool tcp_netns_is_first(const struct tcp *tcp, unsigned port)
{
	const char *netns = tcp_netns_of(tcp, port);
	for (unsigned i = 0; i < port; i++) {
		const char *other = tcp_netns_of(tcp, i);
		if (netns == other || (netns != NULL && other != NULL && strcmp(netns, other) == 0))
			return false;
	}
	return true;
}

/* One on all addresses is wanted wherever the kernel may have some of ours. */
static bool is_wanted_at(const struct tcp *tcp, const struct policy_listener *wanted, unsigned port)
{
	if (wanted->tcp.off)
		return false;
	return wanted->any ? tcp_netns_is_first(tcp, port)
			   : port == tcp_port_of(tcp, &wanted->address);
}

/* One that waits at it. False: there is none, or it cannot be had. */
static bool listener_take(struct tcp *tcp, const struct tcp_listener *listener)
{
	union tcp_address from;
	socklen_t length = sizeof(from);
	struct net_address address;
	uint16_t port;
	int fd = accept4(listener->fd, &from.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS))
		tcp_client_evict(tcp);
	if (fd < 0)
		return false;
	address_read(&from, &address, &port);
	tcp_client_add(tcp, &listener->wanted, fd, &address, port);
	return true;
}

#define EMPTIED_MAX 4096 /* connections; the other clients wait meanwhile */

/* What waits was connected before: it is taken as if it had been accepted then. No more comes. */
static void listener_empty(struct tcp *tcp, const struct tcp_listener *listener)
{
	listen(listener->fd, 0);
	for (int i = 0; i <= RTE_MIN(listener->backlog, EMPTIED_MAX) && listener_take(tcp, listener); i++)
		;
}

/* The place of one that goes is taken by the last: its events say where it is. */
static void listener_remove(struct tcp *tcp, unsigned index)
{
	struct tcp_listener *gone = &tcp->listeners[index];
	if (gone->fd >= 0)
		close(gone->fd);
	*gone = tcp->listeners[--tcp->n_listeners];
	struct epoll_event event = {.events = EPOLLIN,
				    .data.u64 = tcp_event_data(TCP_KIND_LISTENER, index, 0)};
	if (index < tcp->n_listeners && gone->fd >= 0)
		epoll_ctl(tcp->epoll, EPOLL_CTL_MOD, gone->fd, &event);
}

static void listeners_match(struct tcp *tcp)
{
	const struct policy *policy = tcp->policy;
	for (unsigned i = tcp->n_listeners; i-- > 0;) {
		const struct policy_listener *wanted = wanted_find(tcp, &tcp->listeners[i].wanted);
		if (wanted == NULL) {
			if (tcp->listeners[i].fd >= 0)
				listener_empty(tcp, &tcp->listeners[i]);
			listener_remove(tcp, i);
		} else {
			tcp->listeners[i].wanted = *wanted;
			listener_adjust(tcp, &tcp->listeners[i]);
		}
	}
	for (unsigned i = 0; i < policy->n_listeners; i++)
		for (unsigned port = 0; port < tcp->dataplane->n_ports; port++)
			if (is_wanted_at(tcp, &policy->listeners[i], port) &&
			    !is_open(tcp, &policy->listeners[i], port))
				tcp->listeners[tcp->n_listeners++] =
					(struct tcp_listener){.fd = -1, .port = (uint8_t)port,
							      .wanted = policy->listeners[i]};
	tcp_clients_review(tcp);
}

void tcp_listeners_update(struct tcp *tcp)
{
	bool changed = tcp->generation != tcp->policy->generation;
	if (tcp->config->tcp.listen == CONFIG_TCP_OFF ||
	    (!changed && tcp->now - tcp->listened < RETRY_MS))
		return;
	if (changed)
		listeners_match(tcp);
	tcp->generation = tcp->policy->generation;
	tcp->listened = tcp->now;
	for (unsigned i = 0; i < tcp->n_listeners; i++)
		if (tcp->listeners[i].fd < 0)
			failure_tell(&tcp->listeners[i],
				     listener_open(tcp, &tcp->listeners[i], i));
	tcp_netstat_update(tcp);
}

void tcp_listeners_close(struct tcp *tcp)
{
	while (tcp->n_listeners > 0)
		listener_remove(tcp, tcp->n_listeners - 1);
}

void tcp_listener_accept(struct tcp *tcp, unsigned index)
{
	for (unsigned i = 0; i < TCP_BURST && index < tcp->n_listeners; i++)
		if (!listener_take(tcp, &tcp->listeners[index]))
			return;
}
