/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/handoff.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_errno.h>

int waker_create(struct waker *waker)
{
	waker->asleep = 0;
	waker->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return waker->fd < 0 ? -errno : 0;
}

void waker_destroy(struct waker *waker)
{
	if (waker->fd >= 0)
		close(waker->fd);
	waker->fd = -1;
}

void waker_write(struct waker *waker)
{
	uint64_t one = 1;
	/* One waker is enough: whoever clears the flag writes. A full eventfd is readable anyway. */
	if (__atomic_exchange_n(&waker->asleep, 0, __ATOMIC_RELAXED) != 0)
		(void)!write(waker->fd, &one, sizeof(one));
}

void waker_clear(struct waker *waker)
{
	uint64_t count;
	waker_awake(waker);
	(void)!read(waker->fd, &count, sizeof(count));
}

static struct rte_ring *ring_create(const char *what, unsigned worker, int socket, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "%s_%u", what, worker);
	return rte_ring_create(name, HANDOFF_RING_SIZE, socket, flags);
}

int handoff_create(struct handoff *handoff, unsigned worker, int socket)
{
	const struct {
		struct rte_ring **ring;
		const char *name;
		unsigned flags;
	} rings[] = {
		{&handoff->to_control, "to_control", RING_F_SP_ENQ | RING_F_SC_DEQ},
		{&handoff->inbox, "inbox", RING_F_SC_DEQ},
		{&handoff->reports, "reports", RING_F_SP_ENQ | RING_F_SC_DEQ},
		{&handoff->tcp_in, "tcp_in", RING_F_SP_ENQ | RING_F_SC_DEQ},
		{&handoff->tcp_out, "tcp_out", RING_F_SP_ENQ | RING_F_SC_DEQ},
	};
	int error = 0;
	handoff->worker_waker.fd = -1;
	for (size_t i = 0; i < RTE_DIM(rings); i++) {
		*rings[i].ring = ring_create(rings[i].name, worker, socket, rings[i].flags);
		if (*rings[i].ring == NULL && error == 0)
			error = -rte_errno;
	}
	if (error == 0)
		error = waker_create(&handoff->worker_waker);
	if (error != 0)
		handoff_destroy(handoff);
	return error;
}

void handoff_destroy(struct handoff *handoff)
{
	struct rte_ring **const rings[] = {&handoff->to_control, &handoff->inbox, &handoff->reports,
					   &handoff->tcp_in, &handoff->tcp_out};
	waker_destroy(&handoff->worker_waker);
	for (size_t i = 0; i < RTE_DIM(rings); i++) {
		rte_ring_free(*rings[i]);
		*rings[i] = NULL;
	}
}
