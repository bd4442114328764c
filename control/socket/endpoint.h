/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unix datagram endpoints: the sockets of other programs that datagrams are sent to. A peer may be
 * absent at any time; an endpoint connects when it appears and again after it was restarted on the
 * same path. Sending never blocks: datagrams are queued within a bound and leave in batches.
 *
 * One turn: endpoint_set_time(), endpoint_send() as often as wanted, endpoint_flush_all(). Poll for
 * EPOLLOUT what endpoint_wants_write(); then endpoint_flush(). An endpoint keeps its descriptor for
 * life, whatever becomes of its peer.
 *
 * The control lcore only.
 */
#ifndef SLUICE_CONTROL_SOCKET_ENDPOINT_H
#define SLUICE_CONTROL_SOCKET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENDPOINT_DATAGRAM_MAX (65535u + 4096u) /* bytes: a DNS message and what goes with it */
#define ENDPOINT_QUEUE_MAX (1u << 20)	       /* largest queue_limit, datagrams */

struct endpoint;
struct endpoint_set;

struct endpoint_counters {
	uint64_t sent;
	uint64_t failed;      /* refused by endpoint_send() or reported as failed later */
	uint64_t reconnected; /* connected again after the peer was lost */
};

/*
 * A datagram that endpoint_send() had taken could not be delivered. Called from the flush functions
 * (and when an endpoint is closed) once per datagram. May call endpoint_send(), but neither close
 * nor flush.
 */
typedef void endpoint_failed_fn(void *ctx, struct endpoint *endpoint, uint64_t tag);

/* NULL with errno. `failed` may be NULL. */
struct endpoint_set *endpoint_set_create(endpoint_failed_fn *failed, void *ctx);
/* Closes every endpoint, whoever uses it; what is queued is not reported. NULL has no effect. */
void endpoint_set_destroy(struct endpoint_set *set);
/* Tells the set the time, milliseconds of a monotonic clock: once per turn. */
void endpoint_set_time(struct endpoint_set *set, uint64_t now);
/* From now on no peer is there, whatever the paths are; for replay, before the first open. */
void endpoint_set_offline(struct endpoint_set *set);

/*
 * The endpoint of a path; a first byte of NUL makes it an abstract name (unix(7)). An endpoint that
 * the set already has for it is handed out again, with one more user and its own queue_limit.
 * queue_limit: datagrams, 1..ENDPOINT_QUEUE_MAX; their bytes are bounded by 2 KiB for each and at
 * least 1 MiB (rounded up to a power of two). An absent peer is no error. NULL with errno: EINVAL
 * (empty path or a NUL within, queue_limit), ENAMETOOLONG (108 bytes, less one for a path), ENOMEM,
 * EMFILE.
 */
struct endpoint *endpoint_open(struct endpoint_set *set, const char *path, size_t length,
			       uint32_t queue_limit);
/* One user less; the last one closes it, and what is queued is reported as failed. */
void endpoint_close(struct endpoint *endpoint);

/* NULL when the set has none for the path. No new user. */
struct endpoint *endpoint_find(const struct endpoint_set *set, const char *path, size_t length);
/* Iterates: NULL gives the first; NULL at the end. */
struct endpoint *endpoint_next(const struct endpoint_set *set, const struct endpoint *previous);

/* Whether the peer is there now: asks the kernel, at most once per millisecond. */
bool endpoint_is_valid(struct endpoint *endpoint);

/*
 * Queues a datagram; never blocks. False, and counted failed, when it is empty or larger than
 * ENDPOINT_DATAGRAM_MAX, the peer is absent (one attempt to connect per millisecond) or the queue
 * is full. The data is copied. `tag` comes back should the datagram fail later.
 */
bool endpoint_send(struct endpoint *endpoint, const void *data, size_t length, uint64_t tag);

/*
 * Sends what is queued as far as the peer takes it. Where the peer was lost it connects again once
 * and goes on; where that fails, everything queued has failed.
 */
void endpoint_flush(struct endpoint *endpoint);
void endpoint_flush_all(struct endpoint_set *set);

bool endpoint_wants_write(const struct endpoint *endpoint); /* something is still queued */
uint32_t endpoint_queued(const struct endpoint *endpoint);  /* datagrams */
int endpoint_fd(const struct endpoint *endpoint);
/* The path as given to endpoint_open(); it is followed by a NUL. */
const char *endpoint_path(const struct endpoint *endpoint, size_t *length);
const struct endpoint_counters *endpoint_counters(const struct endpoint *endpoint);

#endif
