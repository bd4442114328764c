/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the TCP thread share. */
#ifndef SLUICE_CONTROL_TCP_PARTS_H
#define SLUICE_CONTROL_TCP_PARTS_H

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/queue.h>

#include "config/config.h"
#include "control/tcp/tcp.h"
#include "control/tcp/frame.h"
#include "control/tcp/xfr.h"
#include "dataplane/policy.h"
#include "dataplane/worker.h"

#define TCP_BURST 64u
#define TCP_READ_SIZE 16384u /* bytes of a connection in a turn */
#define TCP_LANE_QUERIES (HANDOFF_RING_SIZE / 2) /* in hand of a worker at a time */

/* One on all addresses is a socket in each network namespace that a port has its kernel interface in. */
#define TCP_LISTENERS_MAX (POLICY_LISTENERS_MAX * NET_PORTS_MAX)

/* What an event of epoll is about, beside the slot and its generation. */
enum tcp_kind { TCP_KIND_WAKER, TCP_KIND_LISTENER, TCP_KIND_CLIENT, TCP_KIND_SERVER };

/* What a connection waits for; each list is ordered by when that began. */
enum tcp_wait { TCP_WAIT_IDLE, TCP_WAIT_QUERY, TCP_WAIT_ANSWER, TCP_WAIT_SEND, TCP_WAITS };

struct tcp_listener {
	int fd; /* -1: it could not be opened, and is tried again */
	int backlog; /* that it has */
	uint8_t port; /* in the network namespace of whose kernel interface it is */
	struct policy_listener wanted;
	int error; /* of the last attempt */
};

struct tcp_client {
	int fd;
	uint32_t generation;
	struct net_address address, local;
	uint16_t port, local_port;
	uint8_t net_port; /* whose address the local one is */
	uint8_t frontend;
	uint8_t wait; /* enum tcp_wait */
	bool readable : 1; /* there may be something to read */
	bool hung_up : 1;  /* the client sends no more, which a read will tell */
	bool ended : 1;	   /* the client sent all that it sends */
	bool finished : 1; /* no more is read: what is in hand is answered, then it is closed */
	bool ready : 1;	   /* in the list of those */
	bool dirty : 1;	   /* in the list of those with answers to send */
	bool lingers : 1;  /* it was told the end, and is read until it has ended too */
	bool headed : 1;   /* its PROXY header has not come yet */
	bool leaving : 1;  /* its listener is gone: what has come is the last that is taken */
	bool read_out : 1; /* and that has been read */
	uint8_t end;	   /* enum tcp_end, once finished */
	uint16_t max_in_flight;
	uint16_t in_flight; /* queries that workers have */
	uint16_t queued;    /* answers that wait to be sent */
	uint16_t expected;  /* messages of a transfer that a worker has */
	uint32_t sent;	    /* bytes of the first of them, with its length */
	uint32_t queries;
	uint32_t reads;	   /* since its last whole query */
	int32_t limit;	   /* of its client, as tcp/limits.c has it */
	uint64_t since;	   /* ms: when what it waits for began */
	uint64_t accepted; /* ms */
	struct rte_mbuf *first, *last;
	uint8_t *proxy; /* the PROXY header of a client behind a proxy, which each query begins with */
	uint16_t proxy_length;
	struct tcp_stash stash;
	TAILQ_ENTRY(tcp_client) waiting, age, readying;
	STAILQ_ENTRY(tcp_client) dirtied;
};

#define TCP_SERVERS_MAX 1024u /* connections to servers, in all */
#define TCP_ASKS_MAX 64u      /* queries of one that wait for their answers */

struct tcp_server;

/* A query to a server, in the place of the cache key of its buffer: the in-flight table has that. */
struct tcp_ask {
	TAILQ_ENTRY(tcp_ask) link;
	struct rte_mbuf *mbuf;
	uint64_t since; /* ms: when it was handed over */
	uint16_t entry_id; /* network byte order, as wire_id: the worker's, and the connection's */
	uint16_t wire_id;
	uint8_t attempts;
	uint8_t worker;
	bool is_xfr;
	bool held; /* there were too many connections */
	bool begun; /* a part of its answer has come */
	struct tcp_xfr xfr;
};

static_assert(sizeof(struct tcp_ask) <= sizeof(struct cache_key), "one takes the other's place");

TAILQ_HEAD(tcp_asks, tcp_ask);

struct tcp_server {
	int fd;
	uint32_t generation;
	uint16_t number; /* of its backend */
	bool connecting : 1;
	bool exclusive : 1; /* for one transfer */
	bool readable : 1;
	bool ready : 1;
	uint16_t in_flight;
	uint8_t round; /* of IDs, so that an old one is told from a new one */
	struct tcp_asks asks; /* in the order of asking */
	struct tcp_ask *next; /* to be sent; NULL: all are */
	uint32_t sent; /* bytes of that one, with its length */
	uint32_t queries;
	uint64_t opened, since; /* ms; the latter when it last did what was waited for */
	struct tcp_ask *by_id[TCP_ASKS_MAX];
	uint8_t *head; /* the PROXY header that it begins with: all its queries are of that client */
	uint16_t head_length, head_sent;
	struct tcp_stash stash;
	TAILQ_ENTRY(tcp_server) sibling, readying;
};

TAILQ_HEAD(tcp_servers, tcp_server);

/* What is known of a backend while it is asked over TCP. */
struct tcp_backend {
	const struct backend *backend;
	struct tcp_servers servers;
	struct tcp_asks waiting;
	uint32_t count;	   /* connections */
	uint32_t failures; /* to connect, one after the other */
	uint64_t retry;	   /* ms: not before then */
	TAILQ_ENTRY(tcp_backend) active;
	bool is_active;
};

TAILQ_HEAD(tcp_backends, tcp_backend);

TAILQ_HEAD(tcp_clients, tcp_client);
STAILQ_HEAD(tcp_dirty, tcp_client);

/* To and from one worker. */
struct tcp_lane {
	uint32_t in_hand;
	bool pushed;
};

struct tcp {
	struct dataplane *dataplane;
	const struct config *config;
	pthread_t thread;
	int epoll;
	struct waker waker;
	uint64_t tsc_per_ms;
	uint64_t now; /* ms */
	bool running;
	bool opened;   /* atomic: the first policy's listeners are */
	bool stop;     /* atomic */
	bool dump;     /* atomic: connections are to be written to the log, */
	bool dumping;
	uint32_t dumped; /* as far as this slot */
	bool draining; /* atomic */
	uint64_t in_hand; /* atomic: queries, and whether there are unsent answers */
	const struct policy *policy; /* of this turn */
	uint32_t generation; /* of the policy whose listeners these are */
	uint64_t listened;   /* ms: when opening them was last tried */
	unsigned n_listeners;
	struct tcp_listener listeners[TCP_LISTENERS_MAX];
	int netstat[NET_PORTS_MAX]; /* the kernel's counters, by port where a namespace is first seen; -1 */

	struct tcp_client *clients; /* by slot */
	uint32_t capacity, used;    /* slots that were in use at some time */
	struct rte_hash *limits;    /* clients, and by their places there: */
	uint32_t *of_client;	    /* how many connections they have */
	struct tcp_rate *rates;	    /* how fast clients begin them */
	uint32_t rates_seed;
	uint64_t banned; /* ms: nobody for longer */
	struct tcp_clients spare, age, ready, waits[TCP_WAITS];
	struct tcp_dirty dirty;
	bool stalled; /* no query can be taken in hand */
	unsigned lane;
	struct tcp_lane lanes[WORKERS_MAX];
	struct tcp_server *servers; /* by slot */
	uint32_t servers_used;
	struct tcp_servers servers_spare, servers_ready;
	struct tcp_backend *backends; /* by number */
	struct tcp_backends active;
	bool throttled; /* a transfer waits for its client, or for a buffer */
	uint8_t scratch[TCP_READ_SIZE];
	struct tcp_stats stats;
};

static inline uint64_t tcp_event_data(enum tcp_kind kind, uint32_t slot, uint32_t generation)
{
	return (uint64_t)kind << 56 | (uint64_t)slot << 32 | generation;
}

static inline void tcp_count(uint64_t *cell, uint64_t n)
{
	stats_add(cell, n);
}

static inline void tcp_set(uint64_t *cell, uint64_t value)
{
	__atomic_store_n(cell, value, __ATOMIC_RELAXED);
}

/* ---- tcp/listen.c ---- */

/* Opens and closes listeners as the policy of the turn says. */
void tcp_listeners_update(struct tcp *tcp);
void tcp_listeners_close(struct tcp *tcp);

/* Accepts what waits at a listener, within the turn's bound. */
void tcp_listener_accept(struct tcp *tcp, unsigned index);

/* ---- tcp/client.c, and tcp/query.c for what comes ---- */

/* The socket is the client's now, or closed. */
void tcp_client_add(struct tcp *tcp, const struct policy_listener *listener, int fd,
		    const struct net_address *address, uint16_t port);
void tcp_client_close(struct tcp *tcp, struct tcp_client *client, enum tcp_end end);

/* The port whose address this is, or the first. */
uint8_t tcp_port_of(const struct tcp *tcp, const struct net_address *address);

/* NULL: it is gone. */
struct tcp_client *tcp_client_find(struct tcp *tcp, uint32_t slot, uint32_t generation);

void tcp_client_event(struct tcp *tcp, struct tcp_client *client, uint32_t events);
void tcp_clients_read(struct tcp *tcp);

/* What came from a worker: an answer, or how a query of this connection ended. */
void tcp_client_answer(struct tcp *tcp, struct rte_mbuf *mbuf);
void tcp_client_end(struct tcp *tcp, const struct handoff_end *end);

/* Ends those whose listener is gone, after a change of the policy. */
void tcp_clients_review(struct tcp *tcp);

/* Sends what was queued this turn. */
void tcp_clients_flush(struct tcp *tcp);

/* Ends those that waited too long; when the next one would, ms. */
void tcp_clients_expire(struct tcp *tcp);

/* Closes the connection unused longest. False: all are in use. */
bool tcp_client_evict(struct tcp *tcp);

/* ---- tcp/limits.c ---- */

int tcp_limits_create(struct tcp *tcp);
void tcp_limits_destroy(struct tcp *tcp);

/* One more connection of that client, to be given back. False: it has as many as it may. */
bool tcp_limit_take(struct tcp *tcp, const struct net_address *address, uint16_t port,
		    int32_t *place);
void tcp_limit_give(struct tcp *tcp, int32_t place);

/* ---- tcp/rates.c ---- */

struct tcp_client_key {
	uint8_t address[16];
	uint8_t port[2]; /* of an IPv4 client, as far as it tells clients behind one address apart */
	uint8_t ipv6;
	uint8_t none; /* 0: rte_jhash() reads four bytes at a time */
};

int tcp_rates_create(struct tcp *tcp);
void tcp_rates_destroy(struct tcp *tcp);

/* Who a client is to limits. */
struct tcp_client_key tcp_client_key(const struct tcp *tcp, const struct net_address *address,
				     uint16_t port);

/* One more that a client begins. False: it began too many, or did so lately. */
bool tcp_rate_take(struct tcp *tcp, const struct net_address *address, uint16_t port);

/* The client gets no connection for as long as the policy says for queries that take too many reads. */
void tcp_ban(struct tcp *tcp, const struct net_address *address, uint16_t port);

/* ---- tcp/server.c ---- */

int tcp_servers_create(struct tcp *tcp);
void tcp_servers_close(struct tcp *tcp);

/* A worker's query to a server. */
void tcp_ask_take(struct tcp *tcp, struct rte_mbuf *mbuf, uint8_t worker);
void tcp_server_event(struct tcp *tcp, uint32_t slot, uint32_t generation, uint32_t events);
void tcp_servers_read(struct tcp *tcp);
/* Sends what waits, opens connections that are wanted, ends what took too long. */
void tcp_servers_turn(struct tcp *tcp);

/* ---- tcp/listen.c, for both kinds of connection ---- */

union tcp_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

socklen_t tcp_address_fill(union tcp_address *to, const struct net_address *address,
			   uint16_t port);

/* The namespace of a port's kernel interface, NULL: ours; whether no port before it has the same. */
const char *tcp_netns_of(const struct tcp *tcp, unsigned port);
bool tcp_netns_is_first(const struct tcp *tcp, unsigned port);

/* A stream socket in the network namespace of a port's kernel interface. -1 and errno. */
int tcp_socket(const struct tcp *tcp, unsigned port, bool ipv6);

/* ---- tcp/netstat.c and tcp/dump.c ---- */

void tcp_netstat_update(struct tcp *tcp);
void tcp_netstat_close(struct tcp *tcp);

/* Writes some connections to the log, when that was asked for. */
void tcp_dump_turn(struct tcp *tcp);

/* ---- tcp.c ---- */

/* Gives a worker something else than a query. False: there is no room, which none but this thread takes. */
bool tcp_worker_has_room(unsigned worker);
bool tcp_worker_push(struct tcp *tcp, unsigned worker, struct rte_mbuf *mbuf);

/* A buffer for a message of that length, NULL: there is none. */
struct rte_mbuf *tcp_buffer(struct tcp *tcp, uint16_t length);

/* Hands a query to some worker. False: all have as many as they may, and the buffer is the caller's. */
bool tcp_query_push(struct tcp *tcp, struct rte_mbuf *mbuf);

/* Whether another query could be taken in hand. */
bool tcp_has_room(const struct tcp *tcp);

#endif
