/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#endif
#include "control/socket/endpoint.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/socket/endpoint_queue.h"

#define BATCH 64u /* datagrams per system call */
/* Enough for a few of the largest datagrams; the kernel caps it for those without privileges. */
#define SEND_BUFFER (1024 * 1024)
#define NEVER_TRIED UINT64_MAX

struct endpoint {
	struct endpoint *next;
	struct endpoint_set *set;
	struct sockaddr_un address;
	socklen_t address_length;
	size_t path_length;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	int fd;
	uint32_t users;
	bool connected;	    /* as far as is known: a lost peer is noticed when sending */
	bool was_connected; /* ever */
	bool valid;	    /* what the last probe saw */
	uint64_t tried_at;  /* ms: last attempt to connect */
	uint64_t probed_at;
	struct endpoint_queue queue;
	struct endpoint_counters counters;
};

struct endpoint_set {
	struct endpoint *first;
	endpoint_failed_fn *failed;
	void *ctx;
	uint64_t now;
	int probe_fd;
	bool offline; /* every peer is absent */
};

static int datagram_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

struct endpoint_set *endpoint_set_create(endpoint_failed_fn *failed, void *ctx)
{
	struct endpoint_set *set = calloc(1, sizeof(*set));
	if (!set)
		return NULL;
	set->failed = failed;
	set->ctx = ctx;
	set->probe_fd = datagram_socket();
	if (set->probe_fd < 0) {
		free(set);
		return NULL;
	}
	return set;
}

static void endpoint_free(struct endpoint *endpoint)
{
	if (endpoint->fd >= 0)
		close(endpoint->fd);
	endpoint_queue_free(&endpoint->queue);
	free(endpoint);
}

void endpoint_set_destroy(struct endpoint_set *set)
{
	if (!set)
		return;
	while (set->first) {
		struct endpoint *endpoint = set->first;
		set->first = endpoint->next;
		endpoint_free(endpoint);
	}
	close(set->probe_fd);
	free(set);
}

void endpoint_set_time(struct endpoint_set *set, uint64_t now)
{
	set->now = now;
}

/* ---- opening and closing ---- */

static int path_check(const char *path, size_t length)
{
	if (length == 0)
		return -EINVAL;
	bool abstract = path[0] == '\0';
	if (!abstract && memchr(path, '\0', length))
		return -EINVAL;
	if (length > sizeof(((struct sockaddr_un *)0)->sun_path) - (abstract ? 0 : 1))
		return -ENAMETOOLONG;
	return 0;
}

static void address_set(struct endpoint *endpoint, const char *path, size_t length)
{
	bool abstract = path[0] == '\0';

	endpoint->address.sun_family = AF_UNIX;
	memcpy(endpoint->address.sun_path, path, length);
	memcpy(endpoint->path, path, length);
	endpoint->path_length = length;
	endpoint->address_length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
}

static int socket_open(struct endpoint *endpoint)
{
	int size = SEND_BUFFER;

	endpoint->fd = datagram_socket();
	if (endpoint->fd < 0)
		return -errno;
	/* Where the larger size is refused, the smaller one of everybody does. */
	if (setsockopt(endpoint->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(endpoint->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

static struct endpoint *endpoint_make(struct endpoint_set *set, const char *path, size_t length,
				      uint32_t queue_limit)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	if (!endpoint)
		return NULL;
	endpoint->set = set;
	endpoint->fd = -1;
	endpoint->tried_at = NEVER_TRIED;
	endpoint->probed_at = NEVER_TRIED;
	address_set(endpoint, path, length);

	int error = endpoint_queue_init(&endpoint->queue, queue_limit);
	if (!error)
		error = socket_open(endpoint);
	if (error) {
		endpoint_free(endpoint);
		errno = -error;
		return NULL;
	}
	return endpoint;
}

struct endpoint *endpoint_open(struct endpoint_set *set, const char *path, size_t length,
			       uint32_t queue_limit)
{
	int error = path_check(path, length);
	if (!error && (queue_limit == 0 || queue_limit > ENDPOINT_QUEUE_MAX))
		error = -EINVAL;
	if (error) {
		errno = -error;
		return NULL;
	}
	struct endpoint *endpoint = endpoint_find(set, path, length);
	if (!endpoint) {
		endpoint = endpoint_make(set, path, length, queue_limit);
		if (!endpoint)
			return NULL;
		/* At the end: metrics list endpoints in the order of the policy. */
		struct endpoint **link = &set->first;
		while (*link)
			link = &(*link)->next;
		*link = endpoint;
	}
	endpoint->users++;
	return endpoint;
}

struct endpoint *endpoint_find(const struct endpoint_set *set, const char *path, size_t length)
{
	struct endpoint *endpoint = set->first;
	while (endpoint && (endpoint->path_length != length ||
			    memcmp(endpoint->path, path, length) != 0))
		endpoint = endpoint->next;
	return endpoint;
}

struct endpoint *endpoint_next(const struct endpoint_set *set, const struct endpoint *previous)
{
	return previous ? previous->next : set->first;
}

/* The oldest datagram leaves the queue undelivered. */
static void fail_oldest(struct endpoint *endpoint)
{
	uint64_t tag = endpoint_queue_at(&endpoint->queue, 0)->tag;

	endpoint->queue.first++;
	endpoint->counters.failed++;
	if (endpoint->set->failed)
		endpoint->set->failed(endpoint->set->ctx, endpoint, tag);
}

/* Those queued now; not what the callback may add. */
static void fail_queued(struct endpoint *endpoint)
{
	for (uint32_t count = endpoint_queue_count(&endpoint->queue); count > 0; count--)
		fail_oldest(endpoint);
}

void endpoint_close(struct endpoint *endpoint)
{
	if (--endpoint->users > 0)
		return;
	fail_queued(endpoint);
	struct endpoint **link = &endpoint->set->first;
	while (*link != endpoint)
		link = &(*link)->next;
	*link = endpoint->next;
	endpoint_free(endpoint);
}

/* ---- the peer ---- */

void endpoint_set_offline(struct endpoint_set *set)
{
	set->offline = true;
}

static bool endpoint_connect(struct endpoint *endpoint)
{
	if (endpoint->tried_at == endpoint->set->now)
		return false;
	endpoint->tried_at = endpoint->set->now;
	if (endpoint->set->offline || connect(endpoint->fd, (const struct sockaddr *)&endpoint->address,
		    endpoint->address_length) < 0)
		return false;
	if (endpoint->was_connected)
		endpoint->counters.reconnected++;
	endpoint->connected = true;
	endpoint->was_connected = true;
	return true;
}

bool endpoint_is_valid(struct endpoint *endpoint)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	int fd = endpoint->set->probe_fd;

	if (endpoint->probed_at == endpoint->set->now)
		return endpoint->valid;
	endpoint->probed_at = endpoint->set->now;
	/* Not with the endpoint's own socket: that a peer was lost is for sending to find out. */
	endpoint->valid = !endpoint->set->offline && connect(fd, (const struct sockaddr *)&endpoint->address,
				  endpoint->address_length) == 0;
	if (endpoint->valid)
		connect(fd, &nobody, sizeof(nobody)); /* cannot fail, and lets go of the peer */
	return endpoint->valid;
}

/* ---- sending ---- */

bool endpoint_send(struct endpoint *endpoint, const void *data, size_t length, uint64_t tag)
{
	bool possible = length > 0 && length <= ENDPOINT_DATAGRAM_MAX &&
			endpoint_queue_fits(&endpoint->queue, (uint32_t)length) &&
			(endpoint->connected || endpoint_connect(endpoint));
	if (!possible) {
		endpoint->counters.failed++;
		return false;
	}
	endpoint_queue_append(&endpoint->queue, data, (uint32_t)length, tag);
	return true;
}

/* One system call for the oldest datagrams: how many were sent, or -errno. */
static int send_batch(struct endpoint *endpoint)
{
	struct mmsghdr messages[BATCH];
	struct iovec pieces[BATCH][2];
	uint32_t count = endpoint_queue_count(&endpoint->queue);
	if (count > BATCH)
		count = BATCH;

	memset(messages, 0, count * sizeof(messages[0]));
	for (uint32_t i = 0; i < count; i++) {
		struct queued *queued = endpoint_queue_at(&endpoint->queue, i);
		messages[i].msg_hdr.msg_iov = pieces[i];
		messages[i].msg_hdr.msg_iovlen = endpoint_queue_pieces(
			&endpoint->queue, queued->start, queued->length, pieces[i]);
	}
	int sent = sendmmsg(endpoint->fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent < 0 ? -errno : sent;
}

/*
 * Every pass sends something, takes something out as failed, or ends: the passes are bounded by
 * what is queued, and the callback of a failure adds at most one queue's length.
 */
void endpoint_flush(struct endpoint *endpoint)
{
	uint32_t passes = 2 * endpoint_queue_count(&endpoint->queue) + 2;

	while (endpoint_queue_count(&endpoint->queue) > 0 && passes-- > 0) {
		int sent = endpoint->connected ? send_batch(endpoint) : -ENOTCONN;
		switch (sent < 0 ? -sent : 0) {
		case 0:
			endpoint->queue.first += (uint32_t)sent;
			endpoint->counters.sent += (uint32_t)sent;
			break;
		case EINTR:
			break;
		case EAGAIN:
		case ENOBUFS:
		case ENOMEM:
			return;
		case EMSGSIZE:
			fail_oldest(endpoint);
			break;
		default:
			endpoint->connected = false;
			if (!endpoint_connect(endpoint))
				fail_queued(endpoint);
		}
	}
}

void endpoint_flush_all(struct endpoint_set *set)
{
	for (struct endpoint *endpoint = set->first; endpoint; endpoint = endpoint->next)
		if (endpoint_queue_count(&endpoint->queue) > 0)
			endpoint_flush(endpoint);
}

/* ---- what is seen from outside ---- */

bool endpoint_wants_write(const struct endpoint *endpoint)
{
	return endpoint_queue_count(&endpoint->queue) > 0;
}

uint32_t endpoint_queued(const struct endpoint *endpoint)
{
	return endpoint_queue_count(&endpoint->queue);
}

int endpoint_fd(const struct endpoint *endpoint)
{
	return endpoint->fd;
}

const char *endpoint_path(const struct endpoint *endpoint, size_t *length)
{
	if (length)
		*length = endpoint->path_length;
	return endpoint->path;
}

const struct endpoint_counters *endpoint_counters(const struct endpoint *endpoint)
{
	return &endpoint->counters;
}
