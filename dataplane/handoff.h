/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings between lcores. A worker hands packets to the control lcore over its own ring; into a
 * worker's inbox come packets that the control lcore gives back and frames that another worker
 * passes on. Handing over is one pointer; a full ring is reported, never waited for.
 *
 * A lcore that sleeps is woken through an eventfd, written only when it sleeps.
 */
#ifndef SLUICE_DATAPLANE_HANDOFF_H
#define SLUICE_DATAPLANE_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_atomic.h>
#include <rte_ring.h>

#define HANDOFF_RING_SIZE 4096u
#define HANDOFF_BURST 64u

struct waker {
	int fd; /* eventfd, nonblocking */
	uint32_t asleep;
};

struct handoff {
	struct rte_ring *to_control; /* one producer: the worker */
	struct rte_ring *inbox;	     /* many producers, one consumer: the worker */
	struct rte_ring *reports;    /* to control, as to_control: answers to probes, no packets */
	struct rte_ring *tcp_in;     /* one producer: the TCP thread; one consumer: the worker */
	struct rte_ring *tcp_out;    /* the other way: packets, and packed struct handoff_end */
	struct waker worker_waker;
};

/*
 * A query over TCP that ended without an answer, in the place of a pointer on a ring. The lowest bit
 * tells it from a packet.
 */
struct handoff_end {
	uint16_t slot; /* of its connection, as the generation */
	uint32_t generation;
	bool close; /* the connection is not worth keeping */
	bool broken; /* its answer broke off */
	bool more;  /* it goes on: a message of its answer was dropped */
	bool timeout; /* its server did not answer in time */
};

static inline void *handoff_end_pack(const struct handoff_end *end)
{
	return (void *)((uintptr_t)end->generation << 32 | (uintptr_t)end->slot << 16 |
			(uintptr_t)end->timeout << 4 | (uintptr_t)end->broken << 3 |
			(uintptr_t)end->more << 2 | (uintptr_t)end->close << 1 | 1u);
}

static inline bool handoff_is_end(const void *item)
{
	return ((uintptr_t)item & 1u) != 0;
}

static inline struct handoff_end handoff_end_unpack(const void *packed)
{
	uintptr_t bits = (uintptr_t)packed;
	return (struct handoff_end){.slot = (uint16_t)(bits >> 16),
				    .generation = (uint32_t)(bits >> 32),
				    .close = (bits & 2u) != 0,
				    .more = (bits & 4u) != 0,
				    .broken = (bits & 8u) != 0,
				    .timeout = (bits & 16u) != 0};
}

/* 0 or -errno. `worker` numbers the rings' names. Start-up. */
int handoff_create(struct handoff *handoff, unsigned worker, int socket);
void handoff_destroy(struct handoff *handoff);

int waker_create(struct waker *waker);
void waker_destroy(struct waker *waker);

/*
 * The sleeper announces itself, looks at its rings once more and only then sleeps; whoever enqueues
 * looks at the announcement after the enqueue. The two full fences make one of them see the other.
 */
static inline void waker_announce(struct waker *waker)
{
	__atomic_store_n(&waker->asleep, 1, __ATOMIC_RELAXED);
	rte_smp_mb();
}

static inline void waker_awake(struct waker *waker)
{
	__atomic_store_n(&waker->asleep, 0, __ATOMIC_RELAXED);
}

void waker_write(struct waker *waker);

/* Empties the eventfd after a sleep. */
void waker_clear(struct waker *waker);

/* Once per burst of enqueues, by the lcore that enqueued. */
static inline void waker_wake(struct waker *waker)
{
	rte_smp_mb();
	if (unlikely(__atomic_load_n(&waker->asleep, __ATOMIC_RELAXED)))
		waker_write(waker);
}

#endif
