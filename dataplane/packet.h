/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet context: everything that is known about a DNS message on its way through Sluice.
 *
 * It sits in the private area of the packet's mbuf, so handing a packet to another lcore is one
 * pointer on a ring. Whoever holds the mbuf owns the context; nobody else may read or write it.
 * Positions are offsets from the start of the mbuf's data, never pointers: edits move bytes.
 */
#ifndef SLUICE_DATAPLANE_PACKET_H
#define SLUICE_DATAPLANE_PACKET_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/serve/cache_key.h"

struct note_block;

/* Room kept before the DNS message for the longest headers: Ethernet, VLAN, IPv6, fragment, UDP. */
#define PACKET_HEADERS_MAX 74u
/* Data room of a buffer that any UDP DNS message we accept fits in (4,096 bytes and its headers). */
#define PACKET_DATA_SIZE (RTE_PKTMBUF_HEADROOM + PACKET_MESSAGE_MAX + 128u)
#define PACKET_MESSAGE_MAX 4096u
#define PACKET_CLIENT_SIZE_MIN 512u /* RFC 1035, section 4.2.1 */
#define PACKET_RESTARTS_MAX 16u /* of one query */

enum packet_kind {
	PACKET_OTHER,
	PACKET_QUERY,
	PACKET_PROXIED, /* a query over TCP, behind the PROXY header that its connection began with */
	PACKET_RESPONSE,
	PACKET_PROBE, /* a question of the control lcore's own to a server */
	PACKET_REPORT, /* of a path's MTU, looking for the worker who sent what it quotes */
	PACKET_PATH, /* such a report, believed by that worker, on its way to the others */
	PACKET_ASK, /* a query to a server over TCP; back from there: it could not be asked */
	PACKET_LINK, /* ARP or neighbour discovery, passed on so that every worker learns from it */
};

/* The rule chains, in the order in which a packet can meet them. */
enum chain_id {
	CHAIN_QUERY,
	CHAIN_CACHE_MISS,
	CHAIN_RESPONSE,
	CHAIN_CACHE_HIT,
	CHAIN_CACHE_INSERTED,
	CHAIN_SELF_ANSWERED,
	CHAIN_TIMEOUT, /* a query whose server did not answer: its question, with QR set */
	CHAIN_XFR, /* messages of a zone transfer over TCP, in place of CHAIN_RESPONSE */
	CHAIN_COUNT,
};

/* Where a packet that comes back to its worker goes on. */
enum packet_next {
	PACKET_NEXT_CHAIN,    /* at rule_cursor of its chain (registry or ring was full, on_overflow: resume) */
	PACKET_NEXT_FORWARD,  /* query: past the rules of its chain, to the cache or to a backend */
	PACKET_NEXT_ANSWER,   /* query with QR set: self-answered rules, then to the client */
	PACKET_NEXT_RESPOND,  /* response: past the rules of its chain, to cache and client */
	PACKET_NEXT_SEND,     /* to the client, no further rules */
	PACKET_NEXT_DROP,     /* drop for packet->drop_reason */
	/*
	 * To the control lcore: its policy chooses the server of this query. Back from there: it
	 * could not take it, and the query is balanced without.
	 */
	PACKET_NEXT_CHOOSE,
	PACKET_NEXT_SERVER, /* query: to query.backend, which may be BACKEND_NONE */
};

enum query_flag {
	QUERY_HAD_EDNS = 1 << 0,
	QUERY_DO = 1 << 1,
	QUERY_SKIP_CACHE = 1 << 2,
	QUERY_TEMP_FAILURE_TTL = 1 << 3, /* temp_failure_ttl is set */
	QUERY_MAX_TTL = 1 << 4,		 /* max_returned_ttl is set */
	QUERY_IPV6 = 1 << 5,		 /* the client's address family */
	QUERY_TCP = 1 << 6,
	QUERY_CACHE_ONLY = 1 << 7,	 /* no server is to be asked */
	QUERY_EDNS_ADDED = 1 << 8, /* it has an OPT that the client does not expect back */
	QUERY_RPZ_PASSED = 1 << 9, /* a response policy zone exempted it from all others */
	QUERY_ECS_OFF = 1 << 10,   /* no server is told its subnet; pipeline_ecs.c */
	QUERY_ECS_KEEP = 1 << 11,  /* a subnet that the client sent stays, whatever the policy says */
	QUERY_ECS_OVERRIDE = 1 << 12, /* such a subnet is replaced */
	QUERY_ECS_ADDED = 1 << 13,    /* the server got one that the client does not expect back */
	QUERY_ECS_SHARED = 1 << 14,   /* an answer for all subnets may be kept for all of them */
};

/* Which connection a query came over: its place among them, and the how manieth there it is. */
struct packet_connection {
	uint16_t slot;
	uint16_t generation[2]; /* low half first: the struct fits where a MAC does */
};

/* What must survive from the query to its response; the in-flight table keeps a copy. */
struct query_state {
	uint8_t client_addr[16]; /* IPv4 in the first four bytes */
	uint8_t local_addr[16];	 /* the address the client asked */
	uint16_t client_port;	 /* host byte order, as local_port */
	uint16_t local_port;
	union {
		uint8_t client_mac[6]; /* the answer leaves the way the query came */
		struct packet_connection connection; /* with QUERY_TCP */
	};
	uint8_t port;	       /* DPDK port the query came in on */
	uint8_t restarts;
	uint16_t client_id;    /* DNS ID as the client sent it, network byte order */
	uint16_t client_header_flags; /* second 16 bits of the header as received, host byte order */
	uint16_t qtype;
	uint16_t qclass;
	uint16_t client_size; /* largest answer the client takes, bytes, at least 512 */
	uint8_t qname_length; /* wire length with the root label */
	uint8_t qname_labels;
	uint16_t pool;	  /* pool number, stable over policies */
	uint16_t backend; /* backend number, stable over policies; of a response, or once chosen */
	uint16_t flags;	  /* enum query_flag */
	uint8_t frontend; /* number of the address that was asked, for its counters */
	uint8_t ecs_prefix; /* bits of its subnet, and one; 0: as the policy has it */
	uint32_t temp_failure_ttl; /* seconds */
	uint32_t max_returned_ttl; /* seconds */
	uint64_t arrival;	   /* TSC when the query was received */
	struct note_block *notes;  /* tags and extended errors; NULL costs nothing */
};

struct packet {
	uint16_t dns_offset; /* start of the DNS message in the mbuf's data */
	uint16_t dns_length; /* its length in bytes: data_len - dns_offset once the frame was trimmed */
	uint8_t l3_offset;
	uint8_t kind;	     /* enum packet_kind */
	uint8_t chain;	     /* enum chain_id: the chain it is in */
	uint8_t next;	     /* enum packet_next */
	uint8_t drop_reason; /* enum drop_reason */
	uint8_t worker;	     /* home: index of the worker that received the query */
	uint16_t rule_cursor;
	union {
		uint32_t generation; /* of the policy that rule_cursor belongs to */
		uint32_t patience;   /* of a probe: milliseconds to wait for its answer */
		uint32_t due;	     /* of an answer that is held back: the millisecond it is to leave */
	};
	uint16_t source_port; /* UDP ports of the frame as received, host byte order */
	uint16_t destination_port;
	uint8_t ipv6;	      /* 1: the received frame is IPv6 */
	uint8_t origin; /* enum stats_origin: where the answer comes from */
	uint8_t keyed; /* 1: `key` is the query's, and its answer may go into the cache */
	uint8_t stale; /* 1: from the cache, though it had expired */
	uint32_t slot; /* the control lcore's record of this packet; of a probe its token */
	uint8_t more; /* 1: over TCP, and more messages of the same answer follow */
	uint8_t built; /* 1: an answer that a rule has made, its OPT included */
	struct rte_mbuf *link; /* next in a list of the holder */
	struct query_state query;
	struct cache_key key;
};

static_assert(sizeof(struct query_state) == 88, "the in-flight table and every burst stream over it");
static_assert(offsetof(struct packet, key) == 128, "two cache lines, and two for who has a cache");

/* Bytes of private area to ask rte_pktmbuf_pool_create() for. */
#define PACKET_PRIVATE_SIZE RTE_ALIGN(sizeof(struct packet), RTE_MBUF_PRIV_ALIGN)

static inline struct packet *packet_of(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}

/* As nothing is known yet of what has come. The key counts with `keyed` alone. */
static inline void packet_clear(struct packet *packet)
{
	/* Not memset(): for so few bytes compilers choose an instruction that takes long to start. */
	typedef uint64_t __attribute__((vector_size(16), may_alias, aligned(8))) words;
	words *at = (words *)(void *)packet;
	static_assert(offsetof(struct packet, key) == 8 * sizeof(*at), "all of them");
	at[0] = at[1] = at[2] = at[3] = at[4] = at[5] = at[6] = at[7] = (words){0};
}

static inline uint8_t *packet_dns(struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod_offset(mbuf, uint8_t *, packet_of(mbuf)->dns_offset);
}

/* Bytes the DNS message may grow to within this mbuf. */
static inline uint32_t packet_dns_capacity(struct rte_mbuf *mbuf)
{
	return mbuf->buf_len - mbuf->data_off - packet_of(mbuf)->dns_offset;
}

/* Tells the mbuf that the DNS message is now `length` bytes long; at most packet_dns_capacity(). */
static inline void packet_dns_resize(struct rte_mbuf *mbuf, uint16_t length)
{
	struct packet *packet = packet_of(mbuf);
	packet->dns_length = length;
	mbuf->data_len = packet->dns_offset + length;
	mbuf->pkt_len = mbuf->data_len;
}

/*
 * Moves the DNS message, and what is known of it, to the start of an empty mbuf that has room for
 * it; frees the one it came in.
 */
static inline void packet_move(struct rte_mbuf *to, struct rte_mbuf *from)
{
	uint16_t length = packet_of(from)->dns_length;
	memcpy(rte_pktmbuf_mtod(to, void *), packet_dns(from), length);
	memcpy(packet_of(to), packet_of(from), offsetof(struct packet, key));
	if (packet_of(from)->keyed)
		packet_of(to)->key = packet_of(from)->key;
	packet_of(to)->dns_offset = 0;
	packet_of(to)->l3_offset = 0;
	packet_dns_resize(to, length);
	rte_pktmbuf_free(from);
}

/* A response becomes the query that its bytes are now: past the query rules, as yet unanswered. */
static inline void packet_restart(struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	packet->kind = PACKET_QUERY;
	packet->chain = CHAIN_QUERY;
	packet->generation = 0; /* it stands at no rule */
	packet->origin = 0;
	packet->keyed = false;
	packet->stale = false;
	packet->built = false;
	packet->query.flags &= (uint16_t)~(QUERY_ECS_ADDED | QUERY_ECS_SHARED);
	packet->query.restarts++;
}

/*
 * The message moves where headers fit before it, at an even address as they expect: it may begin at
 * an odd one behind a PROXY header. It has room behind it to do so.
 */
static inline void packet_headroom_make(struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	uint32_t start = mbuf->data_off + packet->dns_offset;
	if (likely(start >= PACKET_HEADERS_MAX && start % 2 == 0))
		return;
	uint8_t *dns = packet_dns(mbuf);
	uint32_t room = mbuf->buf_len - RTE_PKTMBUF_HEADROOM;
	if (unlikely(packet->dns_length > room)) { /* then nobody can have it whole over UDP */
		packet->dns_length = (uint16_t)room;
		dns[2] |= 0x02; /* TC */
	}
	mbuf->data_off = start > PACKET_HEADERS_MAX ? (uint16_t)(start - 1) : RTE_PKTMBUF_HEADROOM;
	packet->dns_offset = 0;
	memmove(packet_dns(mbuf), dns, packet->dns_length);
	packet_dns_resize(mbuf, packet->dns_length);
}

static inline void packet_ecs_override_set(struct query_state *query, bool override)
{
	query->flags &= (uint16_t)~(QUERY_ECS_KEEP | QUERY_ECS_OVERRIDE);
	query->flags |= override ? QUERY_ECS_OVERRIDE : QUERY_ECS_KEEP;
}

/* More bits than the address has count as all of them. */
static inline void packet_ecs_prefix_set(struct query_state *query, uint16_t prefix)
{
	query->ecs_prefix = (uint8_t)(RTE_MIN(prefix, 128u) + 1);
}

static inline bool packet_is_answered(struct rte_mbuf *mbuf)
{
	return packet_dns(mbuf)[2] & 0x80; /* QR */
}

#endif
