/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/loop.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control/blocks.h"
#include "control/console/console.h"
#include "control/lists/feed.h"
#include "control/hand.h"
#include "control/key_lmdb.h"
#include "control/http/http.h"
#include "control/net/links.h"
#include "control/log/log.h"
#include "control/log/writer.h"
#include "control/lua/policy.h"
#include "control/servers/probe.h"
#include "control/publish.h"
#include "control/reload.h"
#include "control/tcp/tcp.h"
#include "control/metrics/telemetry.h"
#include "dataplane/clock.h"

/* While packets keep coming, verdicts and people are served every so many turns or milliseconds. */
#define VERDICTS_TURNS 8
#define VERDICTS_MS 2
#define SOCKETS_TURNS 256
#define SOCKETS_MS 20
#define IDLE_SPIN_TURNS 200
#define START_MS 5000u     /* that the first checks of servers may take */
#define SLEEP_MAX_MS 100   /* housekeeping goes on while nothing comes */
#define TURN_LONG_MS 5      /* more than packets that need this lcore should wait */
#define EVENTS 32

int loop_watch(struct control *control, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	if (epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ||
	    (errno == EEXIST && epoll_ctl(control->epoll, EPOLL_CTL_MOD, fd, &event) == 0))
		return 0;
	return -errno;
}

void loop_unwatch(struct control *control, int fd)
{
	epoll_ctl(control->epoll, EPOLL_CTL_DEL, fd, NULL);
}

int loop_create(struct control *control)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	control->epoll = epoll_create1(EPOLL_CLOEXEC);
	control->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	control->tsc_per_ms = rte_get_tsc_hz() / 1000;
	control->now = control->started = clock_now() / control->tsc_per_ms;
	if (control->epoll < 0 || control->signals < 0)
		return -errno;
	int error = waker_create(&control->waker);
	if (error == 0)
		error = loop_watch(control, control->waker.fd, EPOLLIN);
	if (error == 0)
		error = loop_watch(control, control->signals, EPOLLIN);
	return error;
}

void loop_destroy(struct control *control)
{
	waker_destroy(&control->waker);
	close(control->signals);
	close(control->epoll);
}

static void drain_start(struct control *control)
{
	if (control->ended != 0)
		return;
	log_info("stopping: no new queries, %u ms at most for those in hand",
		 control->config->shutdown.grace);
	control->ended = control->now;
	reload_stop(control);
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		__atomic_store_n(&workers[i].draining, 1, __ATOMIC_RELAXED);
	tcp_drain(control);
}

static void signals_read(struct control *control)
{
	struct signalfd_siginfo info;
	bool asked = false;
	while (read(control->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			asked = true;
		else
			drain_start(control);
	}
	if (asked)
		reload_ask(control);
}

static bool all_done(struct control *control)
{
	uint64_t left = async_in_hand(control->async);
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		struct worker *worker = &workers[i];
		left += inflight_count(worker->inflight) -
			__atomic_load_n(&worker->probes, __ATOMIC_RELAXED);
		left += held_count(worker->held);
		left += rte_ring_count(worker->handoff.to_control);
		left += rte_ring_count(worker->handoff.inbox);
	}
	left += tcp_in_hand(control);
	return left == 0;
}

static void drain_check(struct control *control)
{
	uint64_t over = control->now - control->ended;
	/* A few turns of the workers lie between the last query and what the counts say. */
	if (over >= control->config->shutdown.grace || (over > 20 && all_done(control)))
		control->stop = true;
}

static void write_watches_set(struct control *control)
{
	struct endpoint *endpoint = NULL;
	while ((endpoint = endpoint_next(control->endpoints, endpoint)) != NULL) {
		if (endpoint_wants_write(endpoint))
			loop_watch(control, endpoint_fd(endpoint), EPOLLOUT | EPOLLONESHOT);
	}
}

/* How long nobody else had a turn. The real time, in replay too. */
static void turn_measure(struct control *control, uint64_t begin)
{
	uint64_t took = rte_rdtsc() - begin;
	if (took > control->turn_longest)
		control->turn_longest = took;
	control->turns_long += took > TURN_LONG_MS * control->tsc_per_ms;
}

static void sockets_turn(struct control *control)
{
	uint64_t begin = rte_rdtsc();
	control->sockets_at = control->now;
	signals_read(control);
	busy_tick(&control->busy, control->dataplane, clock_now());
	averages_tick(&control->averages, control);
	pulse_tick(&control->pulse, control->dataplane, control->now);
	links_turn(control);
	telemetry_tick(control);
	if (console_turn(control))
		control->idle_turns = 0;
	http_turn();
	policy_reclaim(control->dataplane);
	blocks_tick(control);
	key_lmdb_tick(control->now);
	reload_tick(control);
	turn_measure(control, begin);
}

static bool rings_empty(const struct control *control)
{
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		if (!rte_ring_empty(workers[i].handoff.to_control) ||
		    !rte_ring_empty(workers[i].handoff.reports) || control->backlog[i].head != NULL)
			return false;
	return true;
}

/* Sleeps until a worker, a socket or a timer wants something. */
static void sleep_turn(struct control *control)
{
	struct epoll_event events[EVENTS];
	uint64_t deadline = async_next_deadline(control->async);
	if (control->health != NULL)
		deadline = RTE_MIN(deadline, control->health_due);
	int patience = SLEEP_MAX_MS;
	if (control->ended != 0 || lua_policy_counts(control))
		patience = 5;
	if (deadline != ASYNC_NEVER && deadline < control->now + (uint64_t)patience)
		patience = deadline > control->now ? (int)(deadline - control->now) : 0;
	write_watches_set(control);
	waker_announce(&control->waker);
	if (!rings_empty(control) || async_done_waiting(control->async))
		patience = 0;
	epoll_wait(control->epoll, events, EVENTS, patience);
	waker_clear(&control->waker);
}

/* A function of its own in each build: callgrind counts between its begin and its end. */
__rte_noinline unsigned loop_turn(struct control *control, unsigned number)
{
	control->now = clock_now() / control->tsc_per_ms;
	endpoint_set_time(control->endpoints, control->now);
	STAGES_OPEN(control, CONTROL);
	unsigned work = hand_receive(control);
	if (work == 0 || number % VERDICTS_TURNS == 0 ||
	    control->now - control->verdicts_at >= VERDICTS_MS) {
		control->verdicts_at = control->now;
		work += lua_policy_receive(control);
	}
	work += hand_finish(control);
	work += probe_turn(control);
	endpoint_flush_all(control->endpoints);
	work += hand_flush(control);
	lua_policy_turn(control);
	STAGES_CLOSE(control, work != 0);
	return work;
}

void loop_settle(struct control *control)
{
	uint64_t end = clock_now() + START_MS * control->tsc_per_ms;
	unsigned number = 0;
	control->serving = true;
	probe_changed(control);
	while (control->health != NULL && health_is_starting(control->health) &&
	       control->ended == 0 && clock_now() < end) {
		if (loop_turn(control, number++) == 0)
			sleep_turn(control);
		signals_read(control);
	}
	signals_read(control); /* also without a server to wait for */
}

void loop_run(struct control *control)
{
	unsigned number = 0;
	control->serving = true;
	log_waits_set(false);
	pulse_start(&control->pulse);
	while (!control->stop) {
		uint64_t begin = rte_rdtsc();
		unsigned work = loop_turn(control, number++);
		bool reads = reload_turn(control, work == 0);
		turn_measure(control, begin);
		control->idle_turns = work != 0 || reads ? 0 : control->idle_turns + 1;
		/* What there will be to do, the worker on this CPU has to receive first. */
		if (work == 0 && control->dataplane->cpus_shared)
			sched_yield();
		if (control->idle_turns > IDLE_SPIN_TURNS) {
			sleep_turn(control);
			sockets_turn(control);
		} else if (number % SOCKETS_TURNS == 0 ||
			   control->now - control->sockets_at >= SOCKETS_MS) {
			sockets_turn(control);
		}
		if (control->ended != 0)
			drain_check(control);
	}
	hand_drop_all(control);
}
