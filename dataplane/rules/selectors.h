/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Selectors as workers run them: per rule a flat program of tests, each of which names the test to
 * go on with if it is true and if it is false. And, Or and Not exist only as such jumps.
 */
#ifndef SLUICE_DATAPLANE_RULES_SELECTORS_H
#define SLUICE_DATAPLANE_RULES_SELECTORS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/dns/edns.h"
#include "dataplane/packet.h"

struct policy;
struct rule_context;

/* kind, name of the constructor in Lua without "Rule". */
#define RULE_TESTS(X)                                                                              \
	X(ALL, "All")                                                                              \
	X(QNAME, "QName")                                                                          \
	X(QNAME_SET, "QNameSet")                                                                   \
	X(QNAME_SUFFIX, "QNameSuffix")                                                             \
	X(LIST, "List")                                                                            \
	X(LOOKUP, "KeyValueStoreLookup")                                                           \
	X(QNAME_LABELS, "QNameLabelsCount")                                                        \
	X(QNAME_LENGTH, "QNameWireLength")                                                         \
	X(QTYPE, "QType")                                                                          \
	X(QCLASS, "QClass")                                                                        \
	X(OPCODE, "Opcode")                                                                        \
	X(RCODE, "RCode")                                                                          \
	X(RD, "RD")                                                                                \
	X(DNSSEC, "DNSSEC")                                                                        \
	X(TCP, "TCP")                                                                              \
	X(DST_PORT, "DSTPort")                                                                     \
	X(NETMASK, "NetmaskGroup")                                                                 \
	X(TAG, "Tag")                                                                              \
	X(PROXY_VALUE, "ProxyProtocolValue")                                                       \
	X(PROBABILITY, "Proba")                                                                    \
	X(RECORDS_COUNT, "RecordsCount")                                                           \
	X(RECORDS_TYPE_COUNT, "RecordsTypeCount")                                                  \
	X(EDNS_OPTION, "EDNSOption")                                                               \
	X(EDNS_VERSION, "EDNSVersion")                                                             \
	X(EXTENDED_RCODE, "ERCode")                                                                \
	X(PAYLOAD_SIZE, "PayloadSize")                                                             \
	X(TRAILING_DATA, "TrailingData")                                                           \
	X(POOL_AVAILABLE, "PoolAvailable")                                                         \
	X(POOL_OUTSTANDING, "PoolOutstanding")                                                     \
	X(TIMED_SET, "TimedIPSet")                                                                 \
	X(REGEX, "Regex")                                                                          \
	X(MAX_QPS, "MaxQPS")                                                                       \
	X(MAX_QPS_IP, "MaxQPSIP")                                                                  \
	X(LUA, "Lua")                                                                              \
	X(LUA_THREAD, "LuaFFIPerThread")

enum rule_test_kind {
#define X(kind, name) RULE_TEST_##kind,
	RULE_TESTS(X)
#undef X
	RULE_TEST_COUNT,
};

/* Jump targets that end a program; others count from the rule's first test. */
#define RULE_MATCH 0xffffu
#define RULE_MISS 0xfffeu
#define RULE_TESTS_MAX 0xfff0u /* of one rule */

/* How PAYLOAD_SIZE compares the message with the value. */
enum rule_comparison {
	RULE_EQUAL,
	RULE_GREATER,
	RULE_GREATER_OR_EQUAL,
	RULE_SMALLER,
	RULE_SMALLER_OR_EQUAL,
};

struct rule_name {
	uint8_t length;
	uint8_t bytes[]; /* lower case */
};

struct rule_tag {
	uint32_t key_length;
	uint32_t value_length;
	bool any_value;
	bool expand; /* to set: the value is a text for matched_expand() */
	char bytes[]; /* the key, then the value */
};

struct rule_test {
	uint8_t kind; /* enum rule_test_kind */
	uint8_t flag; /* NETMASK: 1 is the destination; RECORDS_*: the section; LUA: 1 is FFI;
		       * PAYLOAD_SIZE: enum rule_comparison; LIST: 1 is the name itself only */
	uint16_t on_true;
	uint16_t on_false;
	uint16_t value; /* the type, class, code, port or pool meant; the version or size compared;
			 * LIST: enum matched_trigger; REGEX: its place in the chain's set;
			 * TIMED_SET: see timed_set_bits() */
	union {
		const struct rule_name *name;
		const struct name_set *names;
		const struct live_list *list;
		const struct rule_lookup *lookup;
		const struct prefix_set *prefixes;
		const struct rule_tag *tag;
		const struct regex *regex; /* NULL: it is in the chain's set */
		const struct timed_set *timed_set; /* whose cells' number `value` has */
		struct rate *rate;	       /* shared by all lcores, and from policy to policy */
		const struct client_rate *client_rate; /* its buckets likewise */
		struct {
			/* A window; POOL_OUTSTANDING: above `low`; PROBABILITY: below `low` of
			 * 2^32, `high` 1: always. */
			uint32_t low, high;
		};
		int lua; /* reference */
	};
};

static_assert(sizeof(struct rule_test) == 16, "chains stream over it");

/* What a packet has one of, and rules most often compare with a value. */
enum rule_number {
	RULE_NUMBER_NONE, /* 0 */
	RULE_NUMBER_QTYPE,
	RULE_NUMBER_QCLASS,
	RULE_NUMBER_OPCODE,
	RULE_NUMBER_RCODE,
	RULE_NUMBER_RD,
	RULE_NUMBER_DNSSEC,
	RULE_NUMBER_TCP,
	RULE_NUMBER_DST_PORT,
	RULE_NUMBER_COUNT,
};

/* A rule misses packets whose number has another value, and nothing else is asked of them. */
struct rule_gate {
	uint16_t number; /* enum rule_number */
	uint16_t value;
};

static_assert(sizeof(struct rule_gate) == 4, "chains stream over it");

/* How many records of a type a section has. */
struct rule_type_count {
	uint16_t type;
	uint16_t section;
	uint32_t count;
};

#define RULE_TYPES_COUNTED 16u /* of a packet, by section */

enum rule_types_state {
	RULE_TYPES_UNKNOWN,
	RULE_TYPES_ALL,	 /* all there are have been counted */
	RULE_TYPES_MANY, /* they are too many: each is counted when it is asked for */
	RULE_TYPES_NONE, /* the message cannot be walked */
};

/*
 * What the tests look at, gathered once per chain run; what not every chain asks for, when it is
 * first asked.
 */
struct rule_facts {
	const struct policy *policy;
	const struct packet *packet;
	const uint8_t *dns;
	const uint8_t *qname; /* in the message; the root if it has no question of its own */
	uint16_t qtype;
	uint16_t qclass;
	uint8_t qname_length;
	uint8_t qname_labels;
	int text_length; /* of the name in rule_context.text; below 0: not written yet */
	const struct chain_regexes *regexes; /* of the chain that runs; NULL: none */
	bool regexes_known; /* rule_context.regexes is of this name */
	int8_t edns_state;     /* 0: not looked for; 1: the message has an OPT; -1: none to be read */
	uint8_t types_state;   /* enum rule_types_state */
	uint8_t n_types;       /* in rule_context.types */
	int end; /* of the message, as dns_message_end(); 0: not looked for */
	struct dns_edns edns; /* if edns_state is 1 */
	uint64_t now;	       /* 0: not read */
	const struct client_bank *bank; /* that `key` and `buckets` are of; NULL: none yet */
	uint64_t key; /* of the client */
	uint64_t *buckets; /* the client's */
	const struct rule_test *tests_end; /* of the chain that runs */
	uint64_t client_hash; /* of rule_context.client; 0: not made yet */
};

/* The message may have been edited: what was found in it counts no more. */
static inline void rule_facts_renew(struct rule_facts *facts)
{
	facts->edns_state = 0;
	facts->types_state = RULE_TYPES_UNKNOWN;
	facts->end = 0;
}

/*
 * Finds all expressions of the chain in the name, unless that was done, and puts them into
 * rule_context.regexes. False if it has none, or this lcore cannot.
 */
bool rule_regexes_find(struct rule_facts *facts, struct rule_context *context);

/* Fills in the facts, but for what the chain has. Safe for any message of at least a header. */
void rule_facts_of(struct rule_facts *facts, const struct policy *policy, struct rte_mbuf *mbuf);

/* All numbers of a packet. */
void rule_numbers_of(const struct rule_facts *facts, uint16_t numbers[static RULE_NUMBER_COUNT]);

/*
 * Runs a program from test `at` on, which may be RULE_MATCH or RULE_MISS; jumps lead forward only,
 * so it ends. The facts are gathered anew if a Lua test may have edited the packet.
 */
bool rule_tests_run(const struct rule_test *tests, uint16_t at, struct rule_facts *facts,
		    struct rte_mbuf *mbuf, struct rule_context *context);

#endif
