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
	handoff->worker_waker.fd = -1;
	handoff->inbox = NULL;
	handoff->to_control =
		ring_create("to_control", worker, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (handoff->to_control != NULL)
		handoff->inbox = ring_create("inbox", worker, socket, RING_F_SC_DEQ);
	handoff->reports = NULL;
	if (handoff->inbox != NULL)
		handoff->reports =
			ring_create("reports", worker, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	int error = handoff->reports == NULL ? -rte_errno : waker_create(&handoff->worker_waker);
	if (error != 0)
		handoff_destroy(handoff);
	return error;
}

void handoff_destroy(struct handoff *handoff)
{
	waker_destroy(&handoff->worker_waker);
	rte_ring_free(handoff->to_control);
	rte_ring_free(handoff->inbox);
	rte_ring_free(handoff->reports);
	handoff->to_control = NULL;
	handoff->reports = NULL;
	handoff->inbox = NULL;
}
