/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/socket/listener.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "control/socket/path.h"

/* One byte more than a datagram may have, so that buffers lie on page boundaries. */
#define BUFFER_SIZE (LISTENER_DATAGRAM_MAX + 1)

struct listener {
	struct socket_path bound;
	struct listener_counters counters;
	struct sockaddr_un from[LISTENER_BATCH];
	struct iovec pieces[LISTENER_BATCH];
	struct mmsghdr messages[LISTENER_BATCH];
	uint8_t *buffers;
};

/* ---- opening and closing ---- */

static bool buffers_make(struct listener *listener)
{
	listener->buffers = calloc(LISTENER_BATCH, BUFFER_SIZE);
	if (!listener->buffers)
		return false;
	for (uint32_t i = 0; i < LISTENER_BATCH; i++) {
		struct msghdr *header = &listener->messages[i].msg_hdr;
		listener->pieces[i].iov_base = listener->buffers + i * (size_t)BUFFER_SIZE;
		listener->pieces[i].iov_len = LISTENER_DATAGRAM_MAX;
		header->msg_iov = &listener->pieces[i];
		header->msg_iovlen = 1;
		header->msg_name = &listener->from[i];
	}
	return true;
}

struct listener *listener_bind(const char *path, size_t length, char *error_text, size_t error_size)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int error = -ENOMEM;

	if (listener)
		listener->bound.fd = -1;
	if (!listener || !buffers_make(listener))
		snprintf(error_text, error_size, "no memory for a listening socket: free some");
	else
		error = socket_path_bind(&listener->bound, SOCK_DGRAM, 0, path, length, error_text,
					 error_size);
	if (error == 0)
		return listener;
	listener_close(listener);
	errno = -error;
	return NULL;
}

void listener_close(struct listener *listener)
{
	if (!listener)
		return;
	socket_path_close(&listener->bound);
	free(listener->buffers);
	free(listener);
}

/* ---- receiving ---- */

/* Copies the sender's path; its length is 0 for unbound and abstract senders. */
static size_t from_path(const struct sockaddr_un *from, socklen_t address_length,
			char path[SOCKET_PATH_SIZE + 1])
{
	size_t offset = offsetof(struct sockaddr_un, sun_path);
	size_t length = address_length > offset ? address_length - offset : 0;

	if (length > SOCKET_PATH_SIZE)
		length = SOCKET_PATH_SIZE;
	length = strnlen(from->sun_path, length);
	memcpy(path, from->sun_path, length);
	path[length] = '\0';
	return length;
}

static void datagram_handle(struct listener *listener, uint32_t number,
			    listener_datagram_fn *callback, void *ctx)
{
	struct mmsghdr *message = &listener->messages[number];
	char path[SOCKET_PATH_SIZE + 1];

	if (message->msg_hdr.msg_flags & MSG_TRUNC) {
		listener->counters.oversized++;
		return;
	}
	if (message->msg_len == 0) {
		listener->counters.empty++;
		return;
	}
	size_t length = from_path(&listener->from[number], message->msg_hdr.msg_namelen, path);
	listener->counters.received++;
	callback(ctx, listener->pieces[number].iov_base, message->msg_len, path, length);
}

/* -1 when nothing had come. */
static int batch_receive(struct listener *listener)
{
	for (uint32_t i = 0; i < LISTENER_BATCH; i++)
		listener->messages[i].msg_hdr.msg_namelen = sizeof(listener->from[i]);
	return recvmmsg(listener->bound.fd, listener->messages, LISTENER_BATCH, MSG_DONTWAIT, NULL);
}

uint32_t listener_receive(struct listener *listener, uint32_t limit, listener_datagram_fn *callback,
			  void *ctx)
{
	uint32_t total = 0;

	while (total < limit) {
		int count = batch_receive(listener);
		if (count <= 0)
			break;
		for (uint32_t i = 0; i < (uint32_t)count; i++)
			datagram_handle(listener, i, callback, ctx);
		total += (uint32_t)count;
		if ((uint32_t)count < LISTENER_BATCH)
			break;
	}
	return total;
}

int listener_fd(const struct listener *listener)
{
	return listener->bound.fd;
}

const char *listener_path(const struct listener *listener, size_t *length)
{
	if (length)
		*length = listener->bound.length;
	return listener->bound.path;
}

const struct listener_counters *listener_counters(const struct listener *listener)
{
	return &listener->counters;
}
