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
#include "control/tcp/tcp.h"
#include "control/works.h"
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
#define NUMBERS_MS 250     /* between tries to find numbers for servers, at least */
#define NUMBERS_MAX_MS 2000 /* without any sign that there are more */
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

/* Whether the policy comes into force by itself, later. */
static bool reload_waits(struct control *control, int result)
{
	enum control_reload before = control->reload;
	control->reload = CONTROL_RELOAD_NONE;
	if (result == LUA_POLICY_WAITS) {
		control->reload = CONTROL_RELOAD_LISTS;
		log_info("the policy comes into force when its %s",
			 feeds_loading(control->feeds) > 0
				 ? "lists have been read"
				 : "regular expressions are compiled and its tables filled");
	} else if (result == LUA_POLICY_SHORT) {
		control->reload = CONTROL_RELOAD_SERVERS;
		control->reload_looked = control->now;
		control->reload_numbers = policy_registry_numbers(control->registry);
		/* A policy that takes long to read is not all that this lcore does meanwhile. */
		uint64_t took = clock_now() / control->tsc_per_ms - control->now;
		control->reload_pause = RTE_MAX(4 * took, (uint64_t)NUMBERS_MS);
		if (before != CONTROL_RELOAD_SERVERS)
			log_info("the policy comes into force when queries to servers that have "
				 "left have ended, as there are too many of those");
	}
	return control->reload != CONTROL_RELOAD_NONE;
}

static void reload(struct control *control)
{
	char error[2048];
	struct config_errors errors = {0};
	struct config *fresh = config_load(control->config_path, &errors);
	for (size_t i = 0; i < errors.count; i++)
		log_error("%s:%u:%u: %s", errors.file, errors.errors[i].line,
			  errors.errors[i].column, errors.errors[i].message);
	config_errors_free(&errors);
	if (fresh == NULL) {
		control->reload = CONTROL_RELOAD_NONE;
		log_error("the configuration is refused, the old one stays in force");
		return;
	}
	const char *path = control->policy_path ? control->policy_path : fresh->policy;
	int result = lua_policy_load(control, path, LUA_POLICY_LOAD, error, sizeof(error));
	if (reload_waits(control, result)) {
		config_free(fresh);
		return;
	}
	if (result != 0) {
		log_error("%s", error);
		log_error("the policy is refused, the old one stays in force");
		config_free(fresh);
		return;
	}
	/* What can change while packets flow; the rest needs a restart. */
	control->config->async.on_overflow = fresh->async.on_overflow;
	control->config->async.on_expiry = fresh->async.on_expiry;
	control->config->log = fresh->log;
	char *policy = control->config->policy;
	control->config->policy = fresh->policy;
	fresh->policy = policy;
	async_set_on_expiry(control->async, (enum async_fate)control->config->async.on_expiry);
	log_setup((enum log_level)control->config->log.level,
		  control->config->log.format == CONFIG_LOG_JSON);
	config_free(fresh);
	log_info("policy reloaded");
}

static void drain_start(struct control *control)
{
	if (control->ended != 0)
		return;
	log_info("stopping: no new queries, %u ms at most for those in hand",
		 control->config->shutdown.grace);
	control->ended = control->now;
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		__atomic_store_n(&workers[i].draining, 1, __ATOMIC_RELAXED);
	tcp_drain(control);
}

/* Nothing comes into force any more once we stop, which a policy that is long to read would only hold up. */
static void reload_asked(struct control *control)
{
	log_writer_reopen(control->log_writer, -1);
	if (control->ended != 0) {
		log_info("SIGHUP reads no policy: we are stopping");
		return;
	}
	feeds_check(control->feeds);
	reload(control);
}

/*
 * One reading of the policy is enough for all that ask for it. Those that come while it is read have theirs
 * in a turn to come: packets, people and SIGTERM are served in between.
 */
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
		reload_asked(control);
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

/*
 * Servers that find numbers now may have found none the last time. Some may have come between that and
 * the count, so that after a while it is tried without more of them.
 */
static bool numbers_came(const struct control *control)
{
	uint64_t waited = control->now - control->reload_looked;
	return waited >= control->reload_pause &&
	       (waited >= NUMBERS_MAX_MS ||
		policy_registry_numbers(control->registry) > control->reload_numbers);
}

static bool reload_is_due(const struct control *control)
{
	if (control->reload == CONTROL_RELOAD_LISTS)
		return feeds_loading(control->feeds) == 0 &&
		       policy_registry_left(control->registry) == 0;
	return control->reload == CONTROL_RELOAD_SERVERS && numbers_came(control);
}

static void reload_tick(struct control *control)
{
	feeds_turn(control->feeds, control->reload == CONTROL_RELOAD_LISTS);
	if (works_turn(control->works) > 0)
		lua_policy_came(control);
	policy_registry_tidy(control->registry, control->reload == CONTROL_RELOAD_LISTS);
	if (control->ended == 0 && reload_is_due(control))
		reload(control);
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
}

void loop_run(struct control *control)
{
	unsigned number = 0;
	control->serving = true;
	pulse_start(&control->pulse);
	while (!control->stop) {
		uint64_t begin = rte_rdtsc();
		unsigned work = loop_turn(control, number++);
		turn_measure(control, begin);
		control->idle_turns = work != 0 ? 0 : control->idle_turns + 1;
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
