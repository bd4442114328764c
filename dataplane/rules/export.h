/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules say is to be told to collectors, or copied to other servers, of a packet: records of any
 * length, on a ring of each lcore that runs rules, for a thread that encodes and sends them. The lcore
 * never waits: no room is a counted loss.
 */
#ifndef SLUICE_DATAPLANE_RULES_EXPORT_H
#define SLUICE_DATAPLANE_RULES_EXPORT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#define EXPORT_LOGGERS 64u /* collectors and servers that get copies, all in all */
#define EXPORT_RING_SIZE (4u << 20) /* bytes: a power of two */
#define EXPORT_RECORD_MAX (128u << 10) /* of one record, what it has of the message included */

struct rule_context;

/* What a record of a query has of it, beside the facts; of a response it has the message. */
enum export_part {
	EXPORT_QUESTION = 0,	 /* header and question */
	EXPORT_MESSAGE = 1 << 0, /* all of it */
	EXPORT_NOTES = 1 << 1,	 /* tags and what else the packet is annotated with */
};

/* What an action says; `form` is a number that exporter_form() gave. */
struct rule_export {
	uint16_t form;
	uint8_t logger; /* whose losses are counted */
	uint8_t parts;	/* enum export_part */
};

enum export_flag {
	EXPORT_RESPONSE = 1 << 0,
	EXPORT_IPV6 = 1 << 1,
	EXPORT_TCP = 1 << 2,
	EXPORT_CACHE_HIT = 1 << 3, /* a response of the cache's */
	EXPORT_FORWARDED = 1 << 4, /* one of a server's */
};

/* Followed by the message, or the part of it that there is, and by items. */
struct export_record {
	uint32_t size; /* of all, a multiple of 8 */
	uint16_t form;
	uint16_t message_length; /* that the record has */
	uint16_t length;	 /* that the message has */
	uint16_t id;		 /* the client's, network byte order */
	uint32_t items_length;
	uint64_t arrival, now; /* TSC: the query's, and when the rule ran */
	uint8_t client[16], local[16]; /* IPv4 in the first four bytes */
	uint16_t client_port, local_port; /* host byte order, as the others */
	uint16_t qtype, qclass;
	uint16_t pool;
	uint8_t qname_length; /* of the name behind the header; 0: the question is lost */
	uint8_t flags;	      /* enum export_flag */
	uint32_t spare;
	uint8_t bytes[];
};

static_assert(offsetof(struct export_record, bytes) % 8 == 0, "what follows lies as it is counted");

/* What is more to say of a packet: its notes, and what Lua changes of a message. */
enum export_item_kind {
	EXPORT_ITEM_TAG,       /* a key and a value */
	EXPORT_ITEM_META,      /* likewise; `code` 1: the value is an int64_t */
	EXPORT_ITEM_IDENTITY,  /* of the client's device: `code` is an enum note_identity */
	EXPORT_ITEM_PROXY,     /* `code`: the type of a value */
	EXPORT_ITEM_ERROR,     /* an extended one: `code`, and its text */
	EXPORT_ITEM_POLICY_TAG, /* one more tag, whole */
	EXPORT_ITEM_QUESTION,  /* key: type and class, uint16_t each; value: a name on the wire */
	EXPORT_ITEM_BYTES,     /* uint64_t */
	EXPORT_ITEM_TIME,      /* seconds and microseconds, uint32_t each */
	EXPORT_ITEM_QUERY_TIME, /* likewise */
	EXPORT_ITEM_RCODE,     /* `code` */
	EXPORT_ITEM_REQUESTOR, /* key: the port, uint16_t, if it is not empty; value: 4 or 16 bytes */
	EXPORT_ITEM_RESPONDER, /* likewise */
	EXPORT_ITEM_SERVER,    /* the identity of ours */
	EXPORT_ITEM_SUBNET,    /* 4 or 16 bytes */
	EXPORT_ITEM_RECORD,    /* key: name on the wire, type, class, TTL (uint16_t, twice, uint32_t) */
	EXPORT_ITEM_TYPE,      /* `code`: of the message */
	EXPORT_ITEM_EXTRA,     /* bytes */
};

struct export_item {
	uint16_t kind; /* enum export_item_kind */
	uint16_t code;
	uint16_t key_length;
	uint32_t value_length;
	const uint8_t *key, *value;
};

/* One producer, one consumer. Memory that is cleared, as calloc() gives it, is an empty ring. */
struct export_ring {
	uint32_t head; /* the producer's alone but for reading; both count bytes, without end */
	uint32_t tail_seen; /* the producer's: what it knows of `tail` */
	uint64_t lost[EXPORT_LOGGERS]; /* likewise: records without room */
	uint32_t tail __rte_cache_aligned; /* the consumer's, likewise */
	uint8_t bytes[EXPORT_RING_SIZE] __rte_cache_aligned;
};

/*
 * Makes a record of the packet, a query or a response by the chain that it is in, with items that
 * export_item_put() made; context->exports may be NULL.
 */
void export_push(const struct rule_context *context, struct rule_export what, struct rte_mbuf *mbuf,
		 const uint8_t *items, uint32_t items_length);

/* The oldest record, NULL: there is none. Valid until export_done(), which takes it off. */
const struct export_record *export_peek(struct export_ring *ring);

static inline void export_done(struct export_ring *ring, const struct export_record *record)
{
	__atomic_store_n(&ring->tail, ring->tail + record->size, __ATOMIC_RELEASE);
}

/* Writes an item; its bytes, 0 if `room` is too small. */
uint32_t export_item_put(uint8_t *to, uint32_t room, const struct export_item *item);

/* Reads the item at `*offset` of a record and moves on; false: there is none. */
bool export_item_next(const struct export_record *record, uint32_t *offset,
		      struct export_item *item);

#endif
