/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/tcp/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_lcore.h>

#include "control/control.h"
#include "control/log/log.h"
#include "control/tcp/parts.h"
#include "dataplane/clock.h"

#define SLEEP_MAX_MS 100
#define STALLED_MS 1
#define SERVERS_MS 10 /* while servers are asked: what waits for one to come back is looked at */
#define DESCRIPTORS_KEPT 256u /* for all that is no client */
#define NICE 5 /* on a CPU with the control lcore, that one goes first */

/* Rings whose users wait for none of the others: this thread may be taken off its CPU anywhere. */
#define POOL_OPS "ring_mt_rts"
#define POOL_CACHE 64u
#define LARGE_SIZE UINT16_MAX

static struct tcp *instance;

/* ---- to and from workers ---- */

struct rte_mbuf *tcp_buffer(struct tcp *tcp, uint16_t length)
{
	struct rte_mbuf *mbuf = NULL;
	if (length + (uint32_t)RTE_PKTMBUF_HEADROOM <= PACKET_DATA_SIZE)
		return rte_pktmbuf_alloc(tcp->dataplane->tcp_small);
	mbuf = rte_pktmbuf_alloc(tcp->dataplane->tcp_large);
	if (mbuf != NULL && length > rte_pktmbuf_tailroom(mbuf))
		mbuf->data_off = 0;
	return mbuf;
}

static bool lane_has_room(const struct tcp_lane *lane)
{
	return lane->in_hand < TCP_LANE_QUERIES;
}

bool tcp_has_room(const struct tcp *tcp)
{
	for (unsigned w = 0; w < tcp->dataplane->n_workers; w++)
		if (lane_has_room(&tcp->lanes[w]))
			return true;
	return false;
}

bool tcp_query_push(struct tcp *tcp, struct rte_mbuf *mbuf)
{
	for (unsigned i = 0; i < tcp->dataplane->n_workers; i++) {
		unsigned w = (tcp->lane + i) % tcp->dataplane->n_workers;
		if (!lane_has_room(&tcp->lanes[w]) ||
		    rte_ring_sp_enqueue(workers[w].handoff.tcp_in, mbuf) != 0)
			continue;
		tcp->lanes[w].in_hand++;
		tcp->lanes[w].pushed = true;
		tcp->lane = w + 1;
		return true;
	}
	return false;
}

bool tcp_worker_has_room(unsigned worker)
{
	return !rte_ring_full(workers[worker].handoff.tcp_in);
}

bool tcp_worker_push(struct tcp *tcp, unsigned worker, struct rte_mbuf *mbuf)
{
	if (rte_ring_sp_enqueue(workers[worker].handoff.tcp_in, mbuf) != 0)
		return false;
	tcp->lanes[worker].pushed = true;
	return true;
}

static unsigned lane_take(struct tcp *tcp, unsigned w)
{
	void *items[TCP_BURST];
	unsigned count = rte_ring_sc_dequeue_burst(workers[w].handoff.tcp_out, items, TCP_BURST,
						   NULL);
	for (unsigned i = 0; i < count; i++) {
		if (handoff_is_end(items[i])) {
			struct handoff_end end = handoff_end_unpack(items[i]);
			tcp->lanes[w].in_hand -= !end.more;
			tcp_client_end(tcp, &end);
		} else if (packet_of(items[i])->kind == PACKET_ASK) {
			tcp_ask_take(tcp, items[i], (uint8_t)w);
		} else {
			tcp->lanes[w].in_hand -= !packet_of(items[i])->more;
			tcp_client_answer(tcp, items[i]);
		}
	}
	return count;
}

static unsigned lanes_take(struct tcp *tcp)
{
	unsigned total = 0;
	for (unsigned w = 0; w < tcp->dataplane->n_workers; w++)
		total += lane_take(tcp, w);
	return total;
}

static void lanes_wake(struct tcp *tcp)
{
	uint64_t in_hand = 0;
	for (unsigned w = 0; w < tcp->dataplane->n_workers; w++) {
		in_hand += tcp->lanes[w].in_hand;
		if (tcp->lanes[w].pushed)
			waker_wake(&workers[w].handoff.worker_waker);
		tcp->lanes[w].pushed = false;
	}
	tcp_set(&tcp->in_hand, in_hand + !TAILQ_EMPTY(&tcp->waits[TCP_WAIT_SEND]));
}

static bool lanes_empty(const struct tcp *tcp)
{
	for (unsigned w = 0; w < tcp->dataplane->n_workers; w++)
		if (!rte_ring_empty(workers[w].handoff.tcp_out))
			return false;
	return true;
}

/* ---- turns ---- */

static void event_take(struct tcp *tcp, const struct epoll_event *event)
{
	enum tcp_kind kind = (enum tcp_kind)(event->data.u64 >> 56);
	uint32_t slot = event->data.u64 >> 32 & 0xffffff, generation = (uint32_t)event->data.u64;
	struct tcp_client *client;
	switch (kind) {
	case TCP_KIND_WAKER:
		waker_clear(&tcp->waker);
		break;
	case TCP_KIND_LISTENER:
		tcp_listener_accept(tcp, slot);
		break;
	case TCP_KIND_CLIENT:
		client = tcp_client_find(tcp, slot, generation);
		if (client != NULL)
			tcp_client_event(tcp, client, event->events);
		break;
	case TCP_KIND_SERVER:
		tcp_server_event(tcp, slot, generation, event->events);
		break;
	}
}

/* How long to sleep for: until something comes, or the next client has waited too long. */
static int patience(const struct tcp *tcp)
{
	if (!lanes_empty(tcp) || tcp->dumping)
		return 0;
	if (tcp->stalled || tcp->throttled)
		return STALLED_MS;
	bool draining = __atomic_load_n(&tcp->draining, __ATOMIC_RELAXED); /* then no client is read */
	if ((!draining && !TAILQ_EMPTY(&tcp->ready)) || !TAILQ_EMPTY(&tcp->servers_ready))
		return 0;
	return TAILQ_EMPTY(&tcp->active) ? SLEEP_MAX_MS : SERVERS_MS;
}

static int events_wait(struct tcp *tcp, struct epoll_event *events)
{
	waker_announce(&tcp->waker);
	int timeout = patience(tcp);
	rte_rcu_qsbr_thread_offline(tcp->dataplane->rcu, TCP_RCU_THREAD);
	int count = epoll_wait(tcp->epoll, events, TCP_BURST, timeout);
	rte_rcu_qsbr_thread_online(tcp->dataplane->rcu, TCP_RCU_THREAD);
	waker_awake(&tcp->waker);
	return count;
}

static void drain(struct tcp *tcp)
{
	tcp_listeners_close(tcp);
	while (!TAILQ_EMPTY(&tcp->waits[TCP_WAIT_IDLE]))
		tcp_client_close(tcp, TAILQ_FIRST(&tcp->waits[TCP_WAIT_IDLE]), TCP_END_STOPPED);
}

static void turn(struct tcp *tcp)
{
	struct epoll_event events[TCP_BURST];
	int count = events_wait(tcp, events);
	uint64_t started = clock_now();
	tcp->now = started / tcp->tsc_per_ms;
	tcp->policy = __atomic_load_n(&workers[0].policy, __ATOMIC_ACQUIRE);
	bool draining = __atomic_load_n(&tcp->draining, __ATOMIC_RELAXED);
	if (draining)
		drain(tcp);
	else
		tcp_listeners_update(tcp);
	for (int i = 0; i < count; i++)
		event_take(tcp, &events[i]);
	lanes_take(tcp);
	tcp_servers_read(tcp);
	if (!draining)
		tcp_clients_read(tcp);
	tcp_servers_turn(tcp);
	tcp_clients_flush(tcp);
	tcp_clients_expire(tcp);
	tcp_dump_turn(tcp);
	lanes_wake(tcp);
	tcp_count(&tcp->stats.stalled, tcp->stalled);
	tcp_count(&tcp->stats.turns, 1);
	tcp_count(&tcp->stats.busy_cycles, clock_now() - started);
}

static void *tcp_main(void *argument)
{
	struct tcp *tcp = argument;
	setpriority(PRIO_PROCESS, 0, NICE); /* on Linux, of this thread */
	rte_rcu_qsbr_thread_register(tcp->dataplane->rcu, TCP_RCU_THREAD);
	rte_rcu_qsbr_thread_online(tcp->dataplane->rcu, TCP_RCU_THREAD);
	while (!__atomic_load_n(&tcp->stop, __ATOMIC_RELAXED)) {
		turn(tcp);
		if (!tcp->opened)
			__atomic_store_n(&tcp->opened, true, __ATOMIC_RELEASE);
	}
	tcp_listeners_close(tcp);
	while (!TAILQ_EMPTY(&tcp->age))
		tcp_client_close(tcp, TAILQ_FIRST(&tcp->age), TCP_END_STOPPED);
	tcp_servers_close(tcp);
	rte_rcu_qsbr_thread_offline(tcp->dataplane->rcu, TCP_RCU_THREAD);
	rte_rcu_qsbr_thread_unregister(tcp->dataplane->rcu, TCP_RCU_THREAD);
	return NULL;
}

/* ---- life ---- */

static struct rte_mempool *pool_create(const char *name, uint32_t count, uint32_t cache,
				       uint16_t room)
{
	return rte_pktmbuf_pool_create_by_ops(name, count, cache, PACKET_PRIVATE_SIZE, room,
					      (int)rte_socket_id(), POOL_OPS);
}

/* As many connections as the process may have descriptors for. */
static uint32_t capacity_of(uint32_t wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return RTE_MIN(wanted, 512u);
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	uint64_t room = limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT
							      : limit.rlim_cur / 2;
	if (room >= wanted)
		return wanted;
	log_warning("%llu TCP connections at a time rather than %u: raise the limit of open files",
		    (unsigned long long)room, wanted);
	return (uint32_t)room;
}

static int parts_create(struct tcp *tcp)
{
	struct dataplane *dataplane = tcp->dataplane;
	uint32_t queries = tcp->config->tcp.queries;
	uint32_t caches = (dataplane->n_workers + 1) * POOL_CACHE * 3 / 2;
	TAILQ_INIT(&tcp->spare);
	TAILQ_INIT(&tcp->age);
	TAILQ_INIT(&tcp->ready);
	STAILQ_INIT(&tcp->dirty);
	for (unsigned i = 0; i < TCP_WAITS; i++)
		TAILQ_INIT(&tcp->waits[i]);
	tcp->capacity = capacity_of(tcp->config->tcp.connections);
	tcp->clients = calloc(tcp->capacity, sizeof(*tcp->clients));
	if (tcp_limits_create(tcp) != 0)
		return -1;
	tcp->epoll = epoll_create1(EPOLL_CLOEXEC);
	dataplane->tcp_small =
		pool_create("tcp_small", queries + caches, POOL_CACHE, PACKET_DATA_SIZE);
	/* Few: workers would have all of them in their caches by and by, where nobody else finds them. */
	dataplane->tcp_large = pool_create("tcp_large", RTE_MAX(64u, queries / 16), 0, LARGE_SIZE);
	if (tcp_servers_create(tcp) != 0 || tcp->clients == NULL || tcp->epoll < 0 || dataplane->tcp_small == NULL ||
	    dataplane->tcp_large == NULL)
		return -1;
	struct epoll_event event = {.events = EPOLLIN,
				    .data.u64 = tcp_event_data(TCP_KIND_WAKER, 0, 0)};
	dataplane->tcp_waker = &tcp->waker;
	return waker_create(&tcp->waker) == 0 &&
			       epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, tcp->waker.fd, &event) == 0
		       ? 0
		       : -1;
}

int tcp_create(struct control *control, char *error, size_t error_size)
{
	struct tcp *tcp = instance = calloc(1, sizeof(*tcp));
	if (tcp == NULL) {
		snprintf(error, error_size, "no memory for TCP");
		return -1;
	}
	tcp->dataplane = control->dataplane;
	tcp->config = control->config;
	tcp->tsc_per_ms = rte_get_tsc_hz() / 1000;
	tcp->waker.fd = -1;
	for (unsigned port = 0; port < NET_PORTS_MAX; port++)
		tcp->netstat[port] = -1;
	if (parts_create(tcp) != 0) {
		snprintf(error, error_size,
			 "no memory for TCP; raise eal.memory, or lower tcp.queries");
		return -1;
	}
	if (rte_ctrl_thread_create(&tcp->thread, "sluice-tcp", NULL, tcp_main, tcp) != 0) {
		snprintf(error, error_size, "no thread for TCP");
		return -1;
	}
	tcp->running = true;
	while (!__atomic_load_n(&tcp->opened, __ATOMIC_ACQUIRE)) {
		waker_write(&tcp->waker);
		usleep(1000);
	}
	return 0;
}

void tcp_destroy(struct control *control)
{
	struct tcp *tcp = instance;
	(void)control;
	if (tcp == NULL)
		return;
	__atomic_store_n(&tcp->stop, true, __ATOMIC_RELAXED);
	if (tcp->running)
		pthread_join(tcp->thread, NULL);
	waker_destroy(&tcp->waker);
	if (tcp->epoll >= 0)
		close(tcp->epoll);
	tcp_netstat_close(tcp);
	tcp_limits_destroy(tcp);
	free(tcp->clients);
	free(tcp);
	instance = NULL;
}

void tcp_drain(struct control *control)
{
	(void)control;
	if (instance != NULL)
		__atomic_store_n(&instance->draining, true, __ATOMIC_RELAXED);
}

uint64_t tcp_in_hand(const struct control *control)
{
	(void)control;
	return instance != NULL ? stats_read(&instance->in_hand) : 0;
}

uint64_t tcp_connections(const struct control *control, uint16_t number)
{
	(void)control;
	return instance != NULL ? stats_read(&instance->stats.server[number].current) : 0;
}

void tcp_forget(const struct control *control, uint16_t number)
{
	(void)control;
	if (instance != NULL)
		memset(&instance->stats.server[number], 0, sizeof(instance->stats.server[number]));
}

void tcp_dump(struct control *control)
{
	(void)control;
	if (instance == NULL)
		return;
	__atomic_store_n(&instance->dump, true, __ATOMIC_RELAXED);
	waker_write(&instance->waker);
}

const struct tcp_stats *tcp_stats(const struct control *control)
{
	(void)control;
	return instance != NULL ? &instance->stats : NULL;
}
