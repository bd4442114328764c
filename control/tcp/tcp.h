/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS over TCP (RFC 7766, RFC 9210): kernel sockets on the addresses that the policy listens on, in
 * a thread of their own beside the lcores. Whole queries go to the workers over rings and meet the
 * same pipeline as those of UDP; their answers come back over rings.
 *
 * The thread reads the policy under the workers' RCU; everything else here is its own. Its counters
 * are read relaxed by the control lcore.
 */
#ifndef SLUICE_CONTROL_TCP_TCP_H
#define SLUICE_CONTROL_TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/policy.h"
#include "dataplane/stats.h"

struct control;

#define TCP_RCU_THREAD WORKERS_MAX /* among the readers of policies */

/* Why connections of clients ended. */
#define TCP_ENDS(X)                                                                                \
	X(CLIENT, "client", "the client closed it")                                                \
	X(FAILED, "failed", "the connection broke")                                                \
	X(IDLE, "idle", "nothing was asked for the receive timeout")                               \
	X(SLOW, "slow_query", "a query did not come whole within the receive timeout")             \
	X(UNREAD, "unread_answer", "the client took no answer for the send timeout")               \
	X(READS, "slow_reads", "a query came in too many pieces")                                  \
	X(GARBAGE, "garbage", "what came was no DNS query")                                        \
	X(BROKEN, "broken", "a zone could not be sent to its end")                                 \
	X(DURATION, "duration", "it had lasted as long as the policy allows")                      \
	X(QUERIES, "queries", "it had as many queries as the policy allows")                       \
	X(EVICTED, "evicted", "there were too many, and it was the one unused longest")            \
	X(MEMORY, "memory", "the memory for parts of queries was used up")                         \
	X(STOPPED, "stopped", "its listener or the program ended")

enum tcp_end {
#define X(end, name, help) TCP_END_##end,
	TCP_ENDS(X)
#undef X
	TCP_ENDS_COUNT,
};

/* What a client that wanted a connection did not get. */
enum tcp_refusal { TCP_REFUSED_ACL, TCP_REFUSED_CLIENT, TCP_REFUSED_RATE, TCP_REFUSED_LISTENER,
		   TCP_REFUSED_FULL, TCP_REFUSALS_COUNT };


/* By number of the listening address, as struct stats_frontend. */
struct tcp_frontend_stats {
	uint64_t accepted;
	uint64_t current;
	uint64_t most; /* at a time */
	uint64_t ended[TCP_ENDS_COUNT];
	uint64_t server_timeouts; /* queries whose server did not answer in time */
	uint64_t reads, taken;	  /* calls of recv(), and the queries that they brought */
	uint64_t queries;  /* of connections that ended */
	uint64_t duration; /* of those, milliseconds */
};

/* By backend number; dnsdist's names tell what they are. */
struct tcp_server_stats {
	uint64_t died_sending, died_reading, gave_up;
	uint64_t read_timeouts, write_timeouts, connect_timeouts;
	uint64_t current, most, refused, opened, reused;
	uint64_t too_many; /* queries that waited since there were as many connections as may be */
	uint64_t ended, queries, duration; /* connections that ended, their queries, milliseconds */
	double latency; /* microseconds, on average over about 128 answers */
};

struct tcp_stats {
	struct tcp_server_stats server[POLICY_BACKENDS_MAX];
	struct tcp_frontend_stats frontend[STATS_FRONTENDS + 1];
	uint64_t refused[TCP_REFUSALS_COUNT];
	uint64_t current;
	uint64_t stashed; /* bytes */
	uint64_t queries;
	uint64_t answers;
	uint64_t proxy_invalid; /* connections without the PROXY header that they had to begin with */
	uint64_t late; /* answers whose connection had ended */
	uint64_t rates_full; /* clients whose rate, or ban, there was no place to keep: all were bans */
	double latency[STATS_AVERAGES]; /* microseconds, over stats_averages_over[] answers */
	uint64_t listen_overflows; /* of the kernel, in all network namespaces that have listeners */
	uint64_t stalled; /* turns in which no more queries could be taken in hand */
	uint64_t turns, busy_cycles;
};

extern const char *const tcp_end_names[TCP_ENDS_COUNT];
extern const char *const tcp_refusal_names[TCP_REFUSALS_COUNT];

/* After the policy is in force: returns when its listeners are open. 0, or -1 and a sentence. */
int tcp_create(struct control *control, char *error, size_t error_size);
void tcp_destroy(struct control *control);

/* No new queries are read from now on. */
void tcp_drain(struct control *control);

/* Queries and unsent answers in hand. */
uint64_t tcp_in_hand(const struct control *control);

/* Connections to this backend that are open now. */
uint64_t tcp_connections(const struct control *control, uint16_t number);

/* Its number becomes another server's: nothing is counted for it yet. It has no connections. */
void tcp_forget(const struct control *control, uint16_t number);

const struct tcp_stats *tcp_stats(const struct control *control);

/* Has the thread write all connections to the log, a few a turn. */
void tcp_dump(struct control *control);

/* A table of them for people, cut to `size`; its length. */
size_t tcp_show(const struct control *control, char *text, size_t size);

#endif
