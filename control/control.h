/* SPDX-License-Identifier: BSD-2-Clause */
/* The control lcore: what it owns. Everything here is read and written by that lcore alone. */
#ifndef SLUICE_CONTROL_CONTROL_H
#define SLUICE_CONTROL_CONTROL_H

#include "config/config.h"
#include "control/async/async.h"
#include "control/socket/endpoint.h"
#include "control/policy/build.h"
#include "control/pulse.h"
#include "control/metrics/totals.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"

#define CONTROL_BATCH 64u

struct block_set;
struct exporter;
struct health;
struct links;
struct log_writer;
struct lua_policy;

/* Packets for a worker whose inbox was full. */
struct control_backlog {
	struct rte_mbuf *head, *tail;
};

/* A new policy is being read, or waits until its lists have been, or until numbers of servers are free. */
enum control_reload {
	CONTROL_RELOAD_NONE,
	CONTROL_RELOAD_READING,
	CONTROL_RELOAD_LISTS,
	CONTROL_RELOAD_SERVERS
};

struct control {
	struct config *config;
	const char *config_path;
	const char *policy_path; /* -p, or NULL: what the configuration says */
	struct dataplane *dataplane;
	struct port ports[NET_PORTS_MAX];
	struct port kernels[NET_PORTS_MAX]; /* their interfaces in the kernel, where they have one */
	struct links *links; /* of the ports; NULL in replay */
	struct async *async;
	struct endpoint_set *endpoints;
	struct policy_registry *registry;
	struct feeds *feeds;
	struct block_set *blocks; /* dynamic blocks; NULL in `sluice check` */
	struct log_writer *log_writer; /* NULL in `sluice check` */
	struct exporter *exporter; /* NULL in `sluice check` and in replay */
	struct health *health; /* NULL: nobody is asked, as in replay */
	uint64_t health_due;   /* when health_turn() has something to do */
	struct lua_policy *lua; /* the policy in force */
	struct rule_context rules;
	struct stats stats;
#ifdef SLUICE_STAGES
	struct stages stages;
#endif
	struct control_backlog backlog[WORKERS_MAX];
	struct control_backlog choosing; /* queries whose server Lua is to choose in this turn */
	struct balance *balance;	 /* for policies that ask us; NULL: it is not made yet */
	struct backend_stats latencies[POLICY_BACKENDS_MAX]; /* all workers', for `balance` */
	struct waker waker; /* workers wake us through it */
	int epoll;
	int signals; /* signalfd */
	uint64_t tsc_per_ms;
	uint64_t now; /* milliseconds, monotonic */
	uint64_t started; /* the same, of the loop's start */
	struct busy busy; /* of the workers */
	struct averages averages; /* likewise */
	struct pulse pulse; /* likewise */
	uint64_t expiry_late; /* TSC units: the most that a suspended packet expired late */
	uint64_t overdue; /* suspended packets that expired later than they should */
	uint64_t turn_longest; /* TSC units: the most that a turn took between two sleeps */
	uint64_t turns_long;   /* that took more than they should */
	uint64_t ended; /* when the end was asked for, 0: not yet */
	uint64_t verdicts_at; /* milliseconds, monotonic: when verdicts were last received */
	uint64_t sockets_at;  /* likewise: when the sockets of people were last looked at */
	uint32_t idle_turns;
	uint32_t burst; /* packets that are taken from a ring in a turn; 0: not set yet */
	bool stop;
	bool serving; /* workers run: nothing may block */
	struct works *works; /* where what takes too long for a turn is done */
	enum control_reload reload;	  /* control/reload.h */
	enum control_reload reload_cause; /* what it had waited for before it began */
	bool reload_asked;		  /* for one more */
	struct config *reload_fresh;	  /* the configuration that comes with it */
	uint64_t reload_began;	/* milliseconds, monotonic */
	uint64_t reload_sliced; /* likewise: the end of the last slice */
	uint64_t reload_looked; /* likewise: when there were so many numbers of servers */
	uint64_t reload_pause;	/* milliseconds until it is tried again */
	unsigned reload_numbers;
	bool replaying; /* no sockets, and the packets' own time: see replay.h */
};

#endif
