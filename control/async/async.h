/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of the packets in hand of the control lcore: which are suspended, under which key,
 * until when, and how each of them ended. A suspended packet ends exactly once, as resumed,
 * answered, dropped, expired or finished; the registry alone decides and counts it:
 *
 *   suspended = resumed + answered + dropped + expired + finished + async_suspended_now()
 *
 * Life of a packet: async_take(), async_id_take(), then either async_release() (not suspended), or
 * async_suspend() or async_suspend_id(), one of the ways to end it, async_done_pop() at the end of
 * the control turn, async_release().
 *
 * Everything is O(1) and in memory allocated by async_create(). The mbuf is an opaque pointer here:
 * whoever calls writes IDs into packets. One lcore only: the control lcore. All times are
 * milliseconds of a monotonic clock, handed in by the caller.
 */
#ifndef SLUICE_CONTROL_ASYNC_ASYNC_H
#define SLUICE_CONTROL_ASYNC_ASYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct async;
struct rte_mbuf;

#define ASYNC_NONE UINT32_MAX	    /* no slot */
#define ASYNC_NEVER UINT64_MAX	    /* no deadline */
#define ASYNC_PACKETS_MAX (1u << 28) /* largest max_packets */

/* What becomes of a packet whose verdict does not come. */
enum async_fate {
	ASYNC_FATE_RESUME,
	ASYNC_FATE_SERVFAIL,
	ASYNC_FATE_REFUSED,
	ASYNC_FATE_DROP,
};

enum async_flag {
	ASYNC_CONTINUE_RULES = 1 << 0, /* on resume go on at the next rule, not after the chain */
};

enum async_result {
	ASYNC_OK,
	ASYNC_GONE,	     /* expired, finished, released, or suspended anew under another key */
	ASYNC_RESUMED,	     /* was resumed in this turn */
	ASYNC_DROPPED,	     /* was dropped in this turn */
	ASYNC_NOT_SUSPENDED, /* in hand, but has not been suspended */
};

enum async_end {
	ASYNC_END_RESUMED, /* as it was, or with the answer it carries */
	ASYNC_END_DROPPED,
	ASYNC_END_EXPIRED,  /* fate says what to do */
	ASYNC_END_FINISHED, /* by async_finish(); fate says what to do */
};

struct async_config {
	uint32_t max_packets;	   /* slots: all in hand, suspended or not; to ASYNC_PACKETS_MAX */
	uint32_t max_suspended;	   /* fetched ones count until they end */
	enum async_fate on_expiry; /* of async_suspend() */
};

/* A handle that outlives its packet without harm. All zero is never valid. */
struct async_ref {
	uint32_t slot;
	uint32_t generation;
};

struct async_done {
	uint32_t slot;
	enum async_end end;
	enum async_fate fate; /* for EXPIRED and FINISHED */
	bool continue_rules;  /* ASYNC_CONTINUE_RULES was given */
	uint64_t deadline; /* ms; of an expired packet */
	struct rte_mbuf *mbuf;
};

struct async_counters {
	uint64_t suspended; /* packets; one suspended anew from a callback is not counted again */
	uint64_t resumed;
	uint64_t answered; /* resumed after async_mark_answered() */
	uint64_t dropped;
	uint64_t expired;
	uint64_t finished;  /* ended by async_finish() */
	uint64_t late;	    /* verdicts for a key or id that nothing is suspended under */
	uint64_t duplicate; /* suspensions refused because the key is taken */
	uint64_t overflow;  /* suspensions refused because max_suspended is reached */
	uint64_t abandoned; /* of the expired ones, those that had been fetched */
};

/* One suspended packet, for the console. */
struct async_view {
	struct async_ref ref;
	uint64_t id;	   /* of async_suspend_id(); 0: suspended under async_id and query_id */
	uint16_t async_id; /* where id is 0, as query_id */
	uint16_t query_id;
	bool fetched;
	uint64_t age;	    /* ms since it was suspended, for the last time */
	uint64_t remaining; /* ms to its expiry */
	struct rte_mbuf *mbuf;
};

/* NULL with errno: EINVAL for a config out of range, ENOMEM. */
struct async *async_create(const struct async_config *config, uint64_t now);
/* Forgets all packets; the caller frees their mbufs first. NULL has no effect. */
void async_destroy(struct async *async);
/* Bytes taken by async_create(), whether touched yet or not. */
size_t async_memory(const struct async *async);
/* The same for a registry that is yet to be made: to be said at start. */
size_t async_memory_for(const struct async_config *config);
/* Fate of packets suspended by async_suspend() from now on: a reload may change it. */
void async_set_on_expiry(struct async *async, enum async_fate fate);
enum async_fate async_on_expiry(const struct async *async);

/* A slot for a packet that came into hand; ASYNC_NONE when all are taken. */
uint32_t async_take(struct async *async, struct rte_mbuf *mbuf);

/*
 * A DNS ID (host byte order) that no other packet in hand has; -1 when they are used up. An ID that
 * the slot already had goes back first, so a packet that is to be suspended once more after it
 * expired (continue_rules) gets another one.
 */
int async_id_take(struct async *async, uint32_t slot);

/* The packet leaves the control lcore. Where it is still suspended this counts as dropped. */
void async_release(struct async *async, uint32_t slot);

struct rte_mbuf *async_mbuf(const struct async *async, uint32_t slot); /* NULL: slot not taken */
/* The packet has moved to another buffer (a copy into the parking pool). The slot must be taken. */
void async_set_mbuf(struct async *async, uint32_t slot, struct rte_mbuf *mbuf);
int async_id(const struct async *async, uint32_t slot); /* its DNS ID, -1: none */

/* A handle of a taken slot: valid until it is suspended anew from a callback, ends or leaves. */
struct async_ref async_ref_of(const struct async *async, uint32_t slot);
/* Whether the handle's packet is still suspended (or fetched). */
bool async_ref_valid(const struct async *async, struct async_ref ref);
/* What a handle's packet is: ASYNC_OK while it is suspended or fetched. */
enum async_result async_state(const struct async *async, struct async_ref ref);

/*
 * A tag for the datagrams sent about a packet: never 0, and good until the packet leaves, also when
 * it is suspended only after the datagram was sent, or anew. async_tag_ref() turns it into a
 * handle; false when the packet has left.
 */
uint64_t async_tag(const struct async *async, uint32_t slot);
bool async_tag_ref(const struct async *async, uint64_t tag, struct async_ref *ref);
struct rte_mbuf *async_tag_mbuf(const struct async *async, uint64_t tag); /* NULL: it has left */

/*
 * Suspends a packet in hand, or suspends a fetched one anew (its handles are ASYNC_GONE then), for
 * timeout_ms from `now`; 0 expires at the next async_advance(). False, and the packet is as it was:
 * the key is taken (counted duplicate), max_suspended is reached (counted overflow), or the packet
 * is suspended and not fetched, or has ended (not counted: the caller's mistake).
 */
bool async_suspend(struct async *async, uint32_t slot, uint16_t async_id, uint16_t query_id,
		   uint32_t timeout_ms, uint64_t now);

/*
 * The same under an id of the registry's own: below 2^53, never 0, never used twice. The packet gives
 * its DNS ID back, so that more than 65,536 can be suspended. A packet found by async_find() may be
 * suspended anew too. 0 when it fails. flags: enum async_flag.
 */
uint64_t async_suspend_id(struct async *async, uint32_t slot, uint32_t timeout_ms,
			  enum async_fate fate, uint32_t flags, uint64_t now);

/* Whether max_suspended was all that kept it, when last tried, from being suspended. */
bool async_was_refused(const struct async *async, uint32_t slot);

/*
 * Fetches the packet suspended under the key: the key is free again, the clock goes on. False and
 * counted late when there is none.
 */
bool async_fetch(struct async *async, uint16_t async_id, uint16_t query_id, struct async_ref *ref);

/*
 * Undoes async_fetch(): the packet is found under its key again, and keeps its handles and the time
 * it had left. False if it is not fetched, or the key has been taken since.
 */
bool async_unfetch(struct async *async, struct async_ref ref);

/* Finds the packet suspended under an id and leaves it there. False and counted late if none. */
bool async_find(struct async *async, uint64_t id, struct async_ref *ref);

/*
 * Queues the packet for the end of the turn. ASYNC_OK also when it was resumed before in the same
 * turn (no effect). A Lua object that lives on after the turn sees ASYNC_GONE: it remembers itself
 * that it was resumed.
 */
enum async_result async_resume(struct async *async, struct async_ref ref);
enum async_result async_drop(struct async *async, struct async_ref ref);
/* The packet has been given an answer of its own: its resumption will count as answered. */
enum async_result async_mark_answered(struct async *async, struct async_ref ref);
/* Ends the packet with `fate` at the end of the turn: its verdict could not be asked for. */
enum async_result async_finish(struct async *async, struct async_ref ref, enum async_fate fate);

/* Expires what is due at `now`: onto the list of async_done_pop(). Returns how many expired. */
uint32_t async_advance(struct async *async, uint64_t now);

/* The next packet that ended, in the order in which they did; false: none. Then async_release(). */
bool async_done_pop(struct async *async, struct async_done *done);
/* Whether async_done_pop() has something: do not sleep. */
bool async_done_waiting(const struct async *async);

/* When async_advance() should next be called, at the latest; ASYNC_NEVER when nothing waits. */
uint64_t async_next_deadline(const struct async *async);

uint32_t async_in_hand(const struct async *async);	 /* slots taken */
uint32_t async_suspended_now(const struct async *async); /* suspended or fetched */
/* Sets false what responses in the registry name as their backend, of POLICY_BACKENDS_MAX numbers. */
void async_backends_keep(const struct async *async, bool *unused);

const struct async_counters *async_counters(const struct async *async);

/*
 * The suspended packets, in the order of their slots: *cursor is 0 to begin with; false at the end.
 * Packets may end between the calls.
 */
bool async_list(const struct async *async, uint64_t now, uint32_t *cursor, struct async_view *view);

/*
 * The slots of the packets suspended longest ago, the oldest first, `size` at most; how many. Looks
 * at all slots: for people, not for packets.
 */
uint32_t async_oldest(const struct async *async, uint32_t *slots, uint32_t size);

/* How a suspended packet is seen now. */
struct async_view async_view_of(const struct async *async, uint32_t slot, uint64_t now);

#endif
