/* SPDX-License-Identifier: BSD-2-Clause */
/* Actions as workers run them: native ones, and the results that Lua actions return. */
#ifndef SLUICE_DATAPLANE_RULES_ACTIONS_H
#define SLUICE_DATAPLANE_RULES_ACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/dns/reply.h"
#include "dataplane/packet.h"
#include "dataplane/rules/export.h"
#include "dataplane/rules/tags.h"

struct live_list;
struct net_port;
struct policy;
struct rule_context;
struct rule_tag;

/* kind, name of the constructor in Lua without "Action"; the response form has "Response" too. */
#define RULE_ACTIONS(X)                                                                            \
	X(NONE, "None")                                                                            \
	X(ALLOW, "Allow")                                                                          \
	X(DROP, "Drop")                                                                            \
	X(RCODE, "RCode")                                                                          \
	X(TRUNCATE, "TC")                                                                          \
	X(SPOOF, "Spoof")                                                                          \
	X(SPOOF_CNAME, "SpoofCNAME")                                                               \
	X(SPOOF_RAW, "SpoofRaw")                                                                   \
	X(SPOOF_PACKET, "SpoofPacket")                                                             \
	X(NEGATIVE, "NegativeAndSOA")                                                              \
	X(CONTINUE, "Continue")                                                                    \
	X(EDNS_OPTION, "SetEDNSOption")                                                            \
	X(CLIENT_MAC, "SetMacAddr")                                                                \
	X(CLEAR_TYPES, "ClearRecordTypes")                                                         \
	X(LIMIT_TTL, "LimitTTL")                                                                   \
	X(REDUCE_TTL, "SetReducedTTL")                                                             \
	X(POOL, "Pool")                                                                            \
	X(QPS, "QPS")                                                                              \
	X(QPS_POOL, "QPSPool")                                                                     \
	X(NO_RECURSE, "SetNoRecurse")                                                              \
	X(DISABLE_VALIDATION, "SetDisableValidation")                                              \
	X(SKIP_CACHE, "SetSkipCache")                                                              \
	X(CACHE_ONLY, "CacheOnly")                                                                 \
	X(ECS_OFF, "SetDisableECS")                                                                \
	X(ECS_OVERRIDE, "SetECSOverride")                                                          \
	X(ECS_PREFIX, "SetECSPrefixLength")                                                        \
	X(ECS, "SetECS")                                                                           \
	X(PROXY_VALUES, "SetProxyProtocolValues")                                                  \
	X(TEMP_FAILURE_TTL, "SetTempFailureCacheTTL")                                              \
	X(MAX_RETURNED_TTL, "SetMaxReturnedTTL")                                                   \
	X(DELAY, "Delay")                                                                          \
	X(SET_TAG, "SetTag")                                                                       \
	X(UNSET_TAG, "UnsetTag")                                                                   \
	X(EXTENDED_ERROR, "SetExtendedDNSError")                                                   \
	X(RPZ, "RPZ")                                                                              \
	X(SUBSCRIBER, "Subscriber")                                                                \
	X(LOOKUP, "KeyValueStoreLookup")                                                           \
	X(LOG, "Log")                                                                              \
	X(EXPORT, "RemoteLog")                                                                     \
	X(LUA, "Lua")                                                                              \
	X(LUA_FFI, "LuaFFI")                                                                       \
	X(LUA_THREAD, "LuaFFIPerThread")

enum rule_action_kind {
#define X(kind, name) RULE_ACTION_##kind,
	RULE_ACTIONS(X)
#undef X
	RULE_ACTION_COUNT,
};

/* What becomes of a packet. */
enum rule_verdict {
	RULE_NEXT,   /* past the end of the chain, or allowed: on with the next stage */
	RULE_DROP,   /* packet->drop_reason says why; the caller counts and frees */
	RULE_ANSWER, /* the query is its own answer now: QR set, packet resized */
	RULE_LUA,    /* stopped at packet->rule_cursor, where Lua is needed */
	RULE_GO_ON,  /* inside the rules only, and from rule_*result_apply(): the next rule's turn */
};

/* The values of DNSAction in Lua. */
enum rule_result {
	RULE_RESULT_DROP = 0,
	RULE_RESULT_NXDOMAIN = 1,
	RULE_RESULT_REFUSED = 2,
	RULE_RESULT_SPOOF = 3,
	RULE_RESULT_ALLOW = 4,
	RULE_RESULT_HEADER_MODIFY = 5,
	RULE_RESULT_POOL = 6,
	RULE_RESULT_DELAY = 7,
	RULE_RESULT_TRUNCATE = 8,
	RULE_RESULT_SERVFAIL = 9,
	RULE_RESULT_NONE = 10,
	RULE_RESULT_NO_OP = 11,
	RULE_RESULT_NO_RECURSE = 12,
	RULE_RESULT_SPOOF_RAW = 13,
	RULE_RESULT_SPOOF_PACKET = 14,
	RULE_RESULT_SET_TAG = 15,
};

/* The values of DNSResponseAction in Lua. */
enum rule_response_result {
	RULE_RESPONSE_RESULT_ALLOW = 0,
	RULE_RESPONSE_RESULT_DELAY = 1,
	RULE_RESPONSE_RESULT_DROP = 2,
	RULE_RESPONSE_RESULT_HEADER_MODIFY = 3,
	RULE_RESPONSE_RESULT_SERVFAIL = 4,
	RULE_RESPONSE_RESULT_TRUNCATE = 5,
	RULE_RESPONSE_RESULT_NONE = 6,
};

struct rule_spoof {
	struct dns_reply_options options;
	uint32_t count;
	struct dns_reply_address addresses[];
};

struct rule_cname {
	struct dns_reply_options options;
	uint8_t length;
	uint8_t target[]; /* wire name */
};

struct rule_raw {
	struct dns_reply_options options;
	uint16_t type_for_any; /* 0: ANY */
	uint32_t count;
	struct dns_reply_rdata values[]; /* their bytes follow */
};

struct rule_bytes {
	uint32_t length;
	uint8_t bytes[];
};

struct rule_negative {
	struct dns_reply_options options;
	bool nxdomain;
	bool authority; /* the SOA goes there, not into the additional section */
	struct dns_reply_soa soa;
	uint8_t names[]; /* that it points to */
};

struct rule_option {
	uint16_t code;
	uint16_t length;
	uint8_t data[];
};

struct rule_types {
	uint32_t min, max; /* LIMIT_TTL: seconds */
	uint32_t count;	   /* 0: all types */
	uint16_t types[];
};

struct rule_subscriber {
	const struct live_list *list;
	uint16_t tag_length;
	char tag[]; /* what the id becomes */
};

struct rule_ecs {
	struct note_subnet v4, v6; /* by the client's family */
};

struct rule_extended_error {
	uint16_t info_code;
	bool clear;
	bool expand; /* the text is one for matched_expand() */
	uint32_t text_length;
	char text[];
};

/* One rule's action; its data lies in the policy's arena. */
struct rule_action {
	uint8_t kind; /* enum rule_action_kind */
	uint8_t stop; /* POOL, QPS_POOL: ends the chain; LUA*: 1 does not, whatever it returns */
	uint16_t value; /* the rcode, the code of an option, the number of the pool or of the log's file, percent, or truth;
			 * PROXY_VALUES: 1 in place of those there are */
	union {
		int lua; /* reference */
		uint32_t ttl; /* seconds */
		uint32_t delay; /* ms */
		struct {
			uint8_t v4, v6; /* bits */
		} prefix;
		const struct rule_ecs *ecs;
		const struct dns_reply_options *options; /* RCODE */
		const struct rule_spoof *spoof;
		const struct rule_cname *cname;
		const struct rule_raw *raw;
		const struct rule_bytes *bytes; /* the packet, or values as in a PROXY header */
		const struct rule_negative *negative;
		const struct rule_option *option;
		const struct rule_types *types;
		const struct rule_action *wrapped; /* CONTINUE; never Lua */
		struct rate *rate; /* shared by all lcores, and from policy to policy */
		const struct rule_tag *tag;
		const struct live_list *list;
		const struct rule_extended_error *error;
		const struct rule_subscriber *subscriber;
		const struct rule_lookup *lookup;
		struct rule_export export;
	};
};

/*
 * Runs a native action on a query or response. RULE_GO_ON: the chain continues. LUA_THREAD is
 * rule_thread_run()'s, and does nothing here.
 */
enum rule_verdict rule_action_run(const struct rule_action *action, struct rte_mbuf *mbuf,
				  struct rule_context *context);

/*
 * The MAC that the query came from if it is the client's: if his address is on the port's link. Not so
 * over TCP, which the kernel has taken, and behind a proxy. NULL: it is not known, or `ports` is NULL.
 */
const uint8_t *rule_client_mac(const struct query_state *query, const struct net_port *ports);

/*
 * Applies what a Lua action returned for a query: a value of enum rule_result and the string that
 * came with it (bytes; may be NULL if `length` is 0). RULE_GO_ON: continue the chain behind this
 * rule. A value that is none of them is ServFail, and so is Delay with a string that is no number of
 * milliseconds. The packet must hold a question, as parsed.
 */
enum rule_verdict rule_result_apply(const struct policy *policy, struct rte_mbuf *mbuf,
				    struct rule_context *context, int result, const char *text,
				    size_t length);

/*
 * The same for a response action and enum rule_response_result. ServFail and HeaderModify return RULE_NEXT, as Allow.
 */
enum rule_verdict rule_response_result_apply(const struct policy *policy, struct rte_mbuf *mbuf,
					     struct rule_context *context, int result,
					     const char *text, size_t length);

#endif
