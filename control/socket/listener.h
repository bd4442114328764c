/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unix datagram sockets that other programs send to. The control lcore only.
 */
#ifndef SLUICE_CONTROL_SOCKET_LISTENER_H
#define SLUICE_CONTROL_SOCKET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTENER_DATAGRAM_MAX (65535u + 4096u) /* bytes: a DNS message and what goes with it */
#define LISTENER_BATCH 32u		       /* datagrams per system call */
#define LISTENER_ERROR_SIZE 256u	       /* bytes that every error text fits in */

struct listener;

struct listener_counters {
	uint64_t received;  /* handed to the callback */
	uint64_t empty;	    /* ignored */
	uint64_t oversized; /* larger than LISTENER_DATAGRAM_MAX, dropped */
};

/*
 * One datagram; data is valid during the call. `from` is the sender's path, followed by a NUL;
 * from_length is 0 when the sender is unbound or has an abstract name. Must not close the listener.
 */
typedef void listener_datagram_fn(void *ctx, const uint8_t *data, size_t length, const char *from,
				  size_t from_length);

/*
 * Listens on a path; a first byte of NUL makes it an abstract name (unix(7)). A socket that a
 * process left behind is replaced; anything else that exists there is refused. NULL with errno, and
 * `error` says in one sentence what is wrong and what to do.
 */
struct listener *listener_bind(const char *path, size_t length, char *error, size_t error_size);

/* Closes it and removes the socket file where it is still this one. NULL has no effect. */
void listener_close(struct listener *listener);

/*
 * Hands what has come to the callback, at most about `limit` datagrams (whole batches), and
 * returns how many were read, ignored ones included. 0: nothing had come.
 */
uint32_t listener_receive(struct listener *listener, uint32_t limit, listener_datagram_fn *callback,
			  void *ctx);

int listener_fd(const struct listener *listener);
/* The path as given to listener_bind(); it is followed by a NUL. */
const char *listener_path(const struct listener *listener, size_t *length);
const struct listener_counters *listener_counters(const struct listener *listener);

#endif
