/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/nap.h"

#include <poll.h>

#include "dataplane/clock.h"
#include "dataplane/worker.h"

const char *const nap_ends[NAP_ENDS] = {"packet", "lcore", "time"};

/* Until the first query in flight may have to be given up; housekeeping is once a millisecond. */
static uint32_t until_expiry(const struct worker *worker)
{
	uint64_t deadline = inflight_next(worker->inflight);
	uint64_t now = clock_now();
	if (deadline == INFLIGHT_NEVER)
		return NAP_SLEEP_US;
	uint64_t ms = deadline > now ? (deadline - now) / worker->tsc_per_ms : 0;
	return ms >= NAP_SLEEP_US / 1000 ? NAP_SLEEP_US : (uint32_t)(ms + 1) * 1000;
}

uint32_t nap_length(const struct worker *worker)
{
	uint32_t naps = worker->idle_turns - NAP_SPIN_TURNS;
	if (port_wakes_all(&worker->nap.ports) && held_count(worker->held) == 0)
		return until_expiry(worker);
	if (naps > NAP_LONG_TURNS && held_count(worker->held) == 0 &&
	    inflight_count(worker->inflight) == 0)
		return NAP_LONG_US;
	return naps > 5 ? NAP_MAX_US : RTE_MIN(NAP_MIN_US << naps, NAP_MAX_US);
}

static bool is_wanted(const struct worker *worker)
{
	return rte_ring_empty(worker->handoff.inbox) && rte_ring_empty(worker->handoff.tcp_in) &&
	       __atomic_load_n(&worker->announce, __ATOMIC_RELAXED) == 0 &&
	       !__atomic_load_n(&worker->stop, __ATOMIC_RELAXED);
}

/* Between the announcement and its end. */
static enum nap_end sleep_on(struct worker *worker, uint32_t us)
{
	struct waker *waker = &worker->handoff.worker_waker;
	struct timespec patience = {.tv_nsec = us * 1000L};
	struct pollfd polls[1 + PORT_WAKES_POLLS] = {{.fd = waker->fd, .events = POLLIN}};
	unsigned n = port_wakes_poll(&worker->nap.ports, polls + 1);
	ppoll(polls, 1 + n, &patience, NULL);
	bool packet = port_wakes_heed(&worker->nap.ports, polls + 1, n);
	if (polls[0].revents != 0)
		waker_clear(waker);
	if (packet)
		return NAP_PACKET;
	return polls[0].revents != 0 ? NAP_LCORE : NAP_TIME;
}

static enum nap_end sleep_announced(struct worker *worker)
{
	enum nap_end end = NAP_LCORE;
	struct waker *waker = &worker->handoff.worker_waker;
	rte_rcu_qsbr_thread_offline(worker->dataplane->rcu, worker->index);
	waker_announce(waker);
	if (is_wanted(worker)) {
		end = sleep_on(worker, nap_length(worker));
		stats_add(&worker->nap.ended[end], 1);
	}
	waker_awake(waker);
	rte_rcu_qsbr_thread_online(worker->dataplane->rcu, worker->index);
	return end;
}

bool nap_take(struct worker *worker)
{
	bool work = false;
	port_wakes_arm(&worker->nap.ports);
	/* What came before the interrupt was enabled may not have caused it. */
	if (worker->nap.ports.recheck)
		work = worker_turn(worker);
	/* net_tap wakes before its driver lets anybody see the packet. */
	if (!work)
		work = sleep_announced(worker) == NAP_PACKET;
	port_wakes_disarm(&worker->nap.ports);
	return work;
}
