/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters. Each lcore writes its own struct stats and nobody else's; the control lcore reads all
 * of them, relaxed. Every drop has a reason, and the reasons say which sum they belong to:
 *
 *   packets received = link packets + queries + backend responses + packets passed to the kernel
 *                      + drops of stage PACKET + fragments joined + fragments that wait for others
 *   passed to the kernel, of the link or not = packets that it took + drops of stage KERNEL
 *   backend responses = matched + drops of stage RESPONSE
 *   queries = responses sent + drops of stage QUERY + in flight + in hand of the control lcore
 *             + answers held back
 */
#ifndef SLUICE_DATAPLANE_STATS_H
#define SLUICE_DATAPLANE_STATS_H

#include <stdint.h>

#include <rte_common.h>

enum drop_stage { DROP_STAGE_PACKET, DROP_STAGE_QUERY, DROP_STAGE_RESPONSE, DROP_STAGE_LINK,
		  DROP_STAGE_KERNEL };

/* reason, stage, help. The name in metrics is the reason in lower case. */
#define STATS_DROPS(X)                                                                             \
	X(NONE, PACKET, "not dropped")                                                             \
	X(FRAME_SHORT, PACKET, "frame shorter than its headers say")                               \
	X(FRAME_VLAN, PACKET, "VLAN tag that is not the port's")                                   \
	X(FRAME_TYPE, PACKET, "EtherType that is not handled")                                     \
	X(FRAME_CHAINED, PACKET, "frame in several buffers, and none free that holds it whole")    \
	X(FRAME_LARGE, PACKET, "frame in several buffers that is longer than any of ours")         \
	X(NOT_OURS, PACKET, "destination address that is not the port's")                          \
	X(IP_HEADER, PACKET, "malformed IP header")                                                \
	X(IP_CUT, PACKET, "packet of which less came than its IP header says")                     \
	X(IP_CHECKSUM, PACKET, "bad IPv4 header checksum")                                         \
	X(MULTICAST, PACKET, "to a group that is not handled")                                     \
	X(BROADCAST, PACKET, "to all hosts of a network")                                          \
	X(IP_FRAGMENT, PACKET, "fragment of what is not UDP")                                      \
	X(FRAGMENT_TINY, PACKET, "fragment that is smaller than any path needs, or lacks headers") \
	X(FRAGMENT_OVERLAP, PACKET, "fragments that overlap, repeat or contradict each other")     \
	X(FRAGMENT_MANY, PACKET, "fragments of a datagram that is in too many")                    \
	X(FRAGMENT_LARGE, PACKET, "fragment of a datagram that is longer than any message")        \
	X(FRAGMENT_TIMEOUT, PACKET, "fragment whose others did not come in time")                  \
	X(FRAGMENT_FULL, PACKET, "fragment that there is no room to keep")                         \
	X(IP_EXTENSION, PACKET, "malformed IPv6 extension header, or with an unknown option")      \
	X(IP_EXTENSIONS_MANY, PACKET, "too many or too long IPv6 extension headers")               \
	X(IP_ROUTED, PACKET, "IPv6 routing header with stops to come")                             \
	X(IP_PROTOCOL, PACKET, "IP protocol that is not handled")                                  \
	X(IP_SOURCE, PACKET, "source address that no host can have")                               \
	X(UDP_HEADER, PACKET, "malformed UDP header or source port 0")                             \
	X(UDP_LARGE, PACKET, "message of more than 4,096 bytes")                                   \
	X(UDP_CHECKSUM, PACKET, "bad UDP checksum, of fragments or as the port reports it")        \
	X(UDP_PORT, PACKET, "UDP port nobody listens on")                                          \
	X(DRAINING, PACKET, "query that came after the end was asked for")                         \
	X(ACL, PACKET, "client address that the ACL does not allow")                               \
	X(PROXY, PACKET, "no PROXY header, or a wrong one, from a sender that has to send it")     \
	X(ARP, LINK, "malformed or foreign ARP")                                                   \
	X(ND, LINK, "malformed or foreign neighbour discovery")                                    \
	X(ICMP, LINK, "ICMP that is not handled")                                                  \
	X(MTU_FOREIGN, LINK, "report of a path's MTU about a packet that we did not send lately")  \
	X(MTU_UNSAFE, LINK, "report of a path's MTU that is less than any has, or no news")        \
	X(KERNEL_RATE, KERNEL, "more for the kernel than its rate")                                \
	X(KERNEL_FULL, KERNEL, "the kernel's queue full, or its interface down")                   \
	X(QUERY_SHORT, QUERY, "query shorter than a DNS header")                                   \
	X(QUERY_NONCOMPLIANT, QUERY, "query with QR or TC set")                                    \
	X(QUERY_EMPTY, QUERY, "query without a question")                                          \
	X(QUERY_MALFORMED, QUERY, "question or EDNS that does not parse")                          \
	X(DYN_BLOCK, QUERY, "a dynamic block of the client or the name said so")                   \
	X(RULE, QUERY, "a rule said so")                                                           \
	X(RULE_RESPONSE, QUERY, "a response rule said so")                                         \
	X(NO_SERVER, QUERY, "no usable server in the pool")                                        \
	X(INFLIGHT_FULL, QUERY, "in-flight table full")                                            \
	X(NO_NEIGHBOUR, QUERY, "next hop did not answer ARP or neighbour discovery")               \
	X(NO_ROUTE, QUERY, "no route to the server")                                               \
	X(TOO_LARGE, QUERY, "query too long for the MTU on the way to the server, or a buffer")    \
	X(TIMEOUT, QUERY, "the server did not answer in time")                                     \
	X(HANDOFF_FULL, QUERY, "ring to the control lcore full and on_overflow is drop")           \
	X(PARKING_FULL, QUERY, "no buffer to park or suspend the packet and on_overflow is drop")  \
	X(IDS_USED_UP, QUERY, "no DNS ID left to show and on_overflow is drop")                    \
	X(ASYNC_FULL, QUERY, "async.max_suspended is reached and on_overflow is drop")             \
	X(ASYNC_DROPPED, QUERY, "dropped by a verdict")                                            \
	X(ASYNC_EXPIRED, QUERY, "verdict did not come and on_expiry is drop")                      \
	X(SEND_FAILED, QUERY, "verdict could not be asked for and the policy drops then")          \
	X(TCP_GAVE_UP, QUERY, "the server did not send a zone to its end over TCP")                \
	X(TCP_FULL, QUERY, "no room to hand a message to the TCP thread")                          \
	X(MUTED, QUERY, "answer from a listening address that is muted")                            \
	X(REPLY_BUILD, QUERY, "answer did not fit its buffer")                                     \
	X(SHUTDOWN, QUERY, "still in hand at the end of shutdown.grace")                           \
	X(RESPONSE_UNSOLICITED, RESPONSE, "response that nobody asked for")                        \
	X(RESPONSE_LATE, RESPONSE, "response to a query that had timed out")                       \
	X(RESPONSE_DUPLICATE, RESPONSE, "response to a query that had been answered")              \
	X(RESPONSE_ID, RESPONSE, "response with another ID than what waits at its port was asked with") \
	X(RESPONSE_SOURCE, RESPONSE, "response from another address than was asked")               \
	X(RESPONSE_QUESTION, RESPONSE, "response to another question")                             \
	X(RESPONSE_MALFORMED, RESPONSE, "response that does not parse")                            \
	X(RESPONSE_HOME_FULL, RESPONSE, "ring to the worker that asked full")

enum drop_reason {
#define X(reason, stage, help) DROP_##reason,
	STATS_DROPS(X)
#undef X
	DROP_COUNT,
};

/* counter, name as in metrics (without prefix and _total), help. */
#define STATS_COUNTERS(X)                                                                          \
	X(RX_PACKETS, "received_packets", "packets received")                                      \
	X(TX_PACKETS, "sent_packets", "packets sent")                                              \
	X(TX_UNSENT, "unsent_packets", "packets that the transmit queue had no room for")          \
	X(NEIGHBOUR_UNPARKED, "unparked_packets", "packets lost since too many wait for a next hop") \
	X(OTHER_GATEWAY, "other_gateway", "queries through another gateway than the first, which did not answer") \
	X(NEIGHBOUR_REFUSED, "neighbours_refused", "hosts that the neighbour table had no room for") \
	X(NEIGHBOUR_DOUBTED, "neighbours_doubted", "next hops asked early since servers behind them did not answer") \
	X(ADDRESS_CLAIMED, "address_claims", "ARP and neighbour discovery of others that have an address of ours") \
	X(ADDRESS_SAID, "address_announcements", "ARP and neighbour discovery sent to say that an address is ours") \
	X(LINK_PACKETS, "link_packets", "ARP, neighbour discovery and ICMP packets")               \
	X(KERNEL_PASSED, "kernel_passed", "packets passed to the kernel, those of the link aside") \
	X(KERNEL_LINK, "kernel_link", "ARP, neighbour discovery and ICMP passed to the kernel too") \
	X(KERNEL_SENT, "kernel_sent", "packets that the kernel took")                              \
	X(KERNEL_RECEIVED, "kernel_received", "packets out of the kernel")                         \
	X(KERNEL_SILENCED, "kernel_silenced", "answers of the kernel that had been given already") \
	X(ARP_SENT, "arp_requests", "ARP requests sent")                                           \
	X(ND_SENT, "neighbour_solicitations", "neighbour solicitations sent")                      \
	X(ECHO, "echo_replies", "ICMP and ICMPv6 echo replies")                                    \
	X(FRAGMENTS, "fragments", "IP fragments of UDP for us")                                    \
	X(REASSEMBLED, "reassembled", "datagrams put together from fragments")                     \
	X(FRAGMENTS_JOINED, "fragments_joined", "fragments that became part of another's datagram") \
	X(RD_QUERIES, "rd_queries", "queries with RD set")                                         \
	X(RESPONSES, "backend_responses", "packets received on ports we asked from")               \
	X(RESPONSES_MATCHED, "backend_responses_matched", "responses that belong to a query")      \
	X(PROBE_ANSWERS, "backend_probe_answers", "answers of servers to checks")                  \
	X(TCP_RETRIES, "tcp_retries", "truncated answers whose queries were asked again over TCP") \
	X(RESPONSES_REDIRECTED, "responses_redirected", "responses passed to the worker that asked") \
	X(CACHE_HITS, "cache_hits", "queries answered out of a packet cache")                      \
	X(CACHE_MISSES, "cache_misses", "queries that a packet cache had no answer for")           \
	X(CACHE_STORED, "cache_stored", "responses put into a packet cache")                       \
	X(FORWARDED, "forwarded", "queries sent to a server")                                      \
	X(NO_SERVER, "no_server", "queries that no server of their pool could take")               \
	X(POLICY_BYPASSED, "server_policy_bypassed",                                               \
	  "queries that were balanced without their policy in Lua, since it had no room")          \
	X(HANDED_OVER, "handed_over", "packets handed to the control lcore")                       \
	X(TAKEN_BACK, "taken_back", "packets taken back from the control lcore")                   \
	X(SUSPENDED_LARGER, "suspended_larger",                                                    \
	  "suspended packets that are too long for a buffer of async.message_size, or found none") \
	X(NOT_WIDENED, "not_widened",                                                              \
	  "resumed packets that found no larger buffer, and did with the room they had")           \
	X(OVERFLOW, "handoff_overflow", "packets that could not be handed over")                   \
	X(DYN_BLOCKED, "dyn_blocked", "queries that a dynamic block did something to")             \
	X(DYN_UNTAGGED, "dyn_block_untagged",                                                      \
	  "queries that a dynamic block found no memory to tag")                                   \
	X(RULE_DROP, "rule_drop", "queries dropped by a rule")                                     \
	X(RULE_NXDOMAIN, "rule_nxdomain", "NXDOMAIN answers made by rules")                        \
	X(RULE_REFUSED, "rule_refused", "REFUSED answers made by rules")                           \
	X(RULE_SERVFAIL, "rule_servfail", "SERVFAIL answers made by rules")                        \
	X(RULE_TRUNCATED, "rule_truncated", "truncated answers made by rules")                     \
	X(RULE_UNNOTED, "rule_unnoted",                                                            \
	  "packets that a rule found no memory, or no room, to note a tag or the like of")                      \
	X(CLIENTS_REPLACED, "counted_clients_replaced",                                            \
	  "clients that groups of dynamic blocks forgot for others")                               \
	X(CLIENTS_REFUSED, "counted_clients_refused",                                              \
	  "queries and answers of clients that groups of dynamic blocks had no room for")          \
	X(CLIENTS_UNTOLD, "counted_clients_untold",                                                \
	  "times that a client may have been above a limit and apply() was not told")              \
	X(LOG_LOST, "log_lost", "packets that rules log and the log had no room for")              \
	X(DELAYED, "delayed_answers", "answers that were held back, as rules say")                 \
	X(DELAY_FULL, "undelayed_answers",                                                         \
	  "answers sent at once, since there was no room to hold them back")                       \
	X(TRUNCATED, "truncated", "answers cut to what the client or the path takes")              \
	X(TRUNC_FAILURES, "truncation_failures", "answers that could not be cut")                  \
	X(FRAGMENTED, "fragmented", "messages sent in fragments")                                  \
	X(PATH_MTUS, "path_mtus", "reports of a path's MTU that were heeded")                      \
	X(SERVFAIL_RESPONSES, "servfail_responses", "SERVFAIL answers of servers")                 \
	X(SENT_NOERROR, "sent_noerror", "answers sent with rcode NOERROR")                         \
	X(SENT_NXDOMAIN, "sent_nxdomain", "answers sent with rcode NXDOMAIN")                      \
	X(SENT_SERVFAIL, "sent_servfail", "answers sent with rcode SERVFAIL")                      \
	X(BUSY_TURNS, "busy_turns", "loop turns that found work")                                  \
	X(IDLE_TURNS, "idle_turns", "loop turns that found none")                                  \
	X(BUSY_CYCLES, "busy_cycles", "TSC cycles spent in turns that found work")

enum stats_counter {
#define X(counter, name, help) STATS_##counter,
	STATS_COUNTERS(X)
#undef X
	STATS_COUNT,
};

/* Where an answer to a client came from. */
enum stats_origin { STATS_FORWARDED_ANSWER, STATS_CACHED_ANSWER, STATS_OWN_ANSWER, STATS_ORIGINS };

/* What clients asked and were told, by the port their queries came in on. */
#define STATS_PORTS 16u
struct stats_port {
	uint64_t queries;
	uint64_t answers[STATS_ORIGINS];
};

/* The same by listening address, as far as those have a number: policy_listener.frontend. */
#define STATS_FRONTENDS 64u
#define STATS_FRONTEND_NONE STATS_FRONTENDS /* the addresses that got no number share it */
struct stats_frontend {
	uint64_t queries;
	uint64_t answers;
	uint64_t noncompliant;
};

/*
 * Latency from a query's arrival to its answer. Bucket b counts what is less than
 * stats_latency_bounds[b] and not less than the bound before it, the last one all the rest. Bound b
 * lies in [2^b, 2^(b+1)), which makes finding the bucket one comparison.
 */
#define STATS_LATENCY_BOUNDS 24u
#define STATS_LATENCY_BUCKETS (STATS_LATENCY_BOUNDS + 1u)

struct stats {
	uint64_t counter[STATS_COUNT];
	uint64_t drop[DROP_COUNT];
	struct stats_port port[STATS_PORTS];
	struct stats_frontend frontend[2][STATS_FRONTENDS + 1]; /* over UDP, over TCP */
	uint64_t latency[STATS_LATENCY_BUCKETS];
	uint64_t latency_sum; /* microseconds */
	uint64_t streamed, streamed_sum; /* of these, answers that left over TCP */
} __rte_cache_aligned;

/* Averages of the latency are over about so many answers. */
#define STATS_AVERAGES 4u
extern const uint32_t stats_averages_over[STATS_AVERAGES];

extern const uint32_t stats_latency_bounds[STATS_LATENCY_BOUNDS]; /* microseconds */

struct stats_drop_info {
	const char *name; /* as in the enum; stats_drop_label() gives the metric's form */
	enum drop_stage stage;
	const char *help;
};

struct stats_counter_info {
	const char *name;
	const char *help;
};

#define STATS_LABEL_SIZE 32

extern const struct stats_drop_info stats_drops[DROP_COUNT];
extern const struct stats_counter_info stats_counters[STATS_COUNT];

extern const char *const stats_origins[STATS_ORIGINS];

/* Writes the reason in lower case, as metrics and logs show it. Any thread. */
void stats_drop_label(enum drop_reason reason, char label[static STATS_LABEL_SIZE]);

/* Owner only. A plain load and store: no other lcore writes, and readers take any recent value. */
static inline void stats_add(uint64_t *cell, uint64_t n)
{
	__atomic_store_n(cell, __atomic_load_n(cell, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* The latency bucket of a number of microseconds. */
static inline unsigned stats_latency_bucket(uint64_t us)
{
	unsigned octave = us == 0 ? 0 : 63 - (unsigned)__builtin_clzll(us);
	if (octave >= STATS_LATENCY_BOUNDS)
		return STATS_LATENCY_BOUNDS;
	return octave + (us >= stats_latency_bounds[octave]);
}

static inline uint64_t stats_read(const uint64_t *cell)
{
	return __atomic_load_n(cell, __ATOMIC_RELAXED);
}

#endif
