/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy as it is edited, and its compilation into what workers read. Control lcore only.
 *
 * A registry lives as long as the process and gives numbers that must not change: to pools by name,
 * to backends by address and name, to match counters by rule. A model holds one set of rules: it
 * is filled when the policy file is read, edited at runtime, compiled after each change, and freed
 * when a newer file took its place. Selectors and actions belong to their model and live as long.
 *
 * Functions that return pointers return NULL and set errno; the others return 0 or -errno.
 */
#ifndef SLUICE_CONTROL_POLICY_BUILD_H
#define SLUICE_CONTROL_POLICY_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/servers/health.h"
#include "dataplane/net/proxy.h"
#include "dataplane/policy.h"
#include "dataplane/rules/client_counts.h"
#include "dataplane/rules/matched.h"
#include "dataplane/rules/name_set.h"
#include "dataplane/rules/prefix_set.h"
#include "dataplane/rules/rates.h"
#include "dataplane/rules/regex.h"
#include "dataplane/serve/backend.h"
#include "dataplane/serve/cache.h"

#define POLICY_CACHES_MAX 64u
#define POLICY_GROUPS_MAX 16u
#define POLICY_UUID_SIZE 37u /* with the final NUL */

struct policy_registry;
struct policy_model;
struct policy_selector;
struct policy_action;
struct policy_rule;
struct policy_client_group;

/* Sums a match counter over all lcores, to tell what a slot that is used again started from. */
typedef uint64_t policy_hits_fn(void *context, uint32_t slot);

/* `hits` may be NULL: all counters are 0. */
struct policy_registry *policy_registry_new(policy_hits_fn *hits, void *context);
/* How many lcores run rules: their numbers are below it. 1 unless said otherwise. */
void policy_registry_lcores_set(struct policy_registry *registry, uint16_t count);
uint16_t policy_registry_lcores(const struct policy_registry *registry);
void policy_registry_free(struct policy_registry *registry);

/*
 * Where what takes long is done; NULL, as at first: at once. Then a policy may have to wait: see
 * policy_model_waits().
 */
struct works;
void policy_registry_works_set(struct policy_registry *registry, struct works *works);
/* A policy begins to be read: what one before waits for is not wanted any more. */
void policy_registry_reading(struct policy_registry *registry);
/* How much is still being done that somebody wants. */
unsigned policy_registry_left(const struct policy_registry *registry);
/* Sleeps until some of it is done, or the time is over; only where waiting is allowed. */
void policy_registry_wait(struct policy_registry *registry, int ms);
/* Gives up what nobody uses; with `keep` a policy waits for what it asked for when it was read. */
void policy_registry_tidy(struct policy_registry *registry, bool keep);

/* The metrics that policies declared. */
struct custom_metrics;
struct custom_metrics *policy_registry_metrics(struct policy_registry *registry);

/* The backend with this number, whether or not a policy uses it; NULL if there never was one. */
struct backend *policy_registry_backend(struct policy_registry *registry, uint16_t number);

/* A model with the default ACL, no listener, no server, no rule. */
struct policy_model *policy_model_new(struct policy_registry *registry);
void policy_model_free(struct policy_model *model);

/*
 * The snapshot, with a generation of its own; to be freed with policy_free(). NULL with a sentence
 * in `error`; the model can be edited on.
 */
struct policy *policy_model_compile(struct policy_model *model, char *error, size_t error_size);

/*
 * Whether it was not compiled since something is being done elsewhere: again when policy_registry_left()
 * is 0. Where nothing is left, some part turned out to be wrong, and who makes the model anew is told.
 */
bool policy_model_waits(const struct policy_model *model);
/* Whether compiling a model that is in force again may give more, once some of that is done. */
bool policy_model_came(const struct policy_model *model);

/*
 * What runs the Lua of the lcores' own in policies compiled from now on; the model takes over one
 * use of it and gives up what it had before. NULL: nothing does.
 */
void policy_model_threads_set(struct policy_model *model, struct rule_threads *threads);
struct rule_threads *policy_model_threads(const struct policy_model *model);

/* How a pool is balanced. */
struct policy_balance {
	enum balance_method method;
	bool ffi;	   /* BALANCE_LUA: LuaFFI rather than Lua */
	int32_t reference; /* what to call, from BALANCE_LUA on: of the driver, or code of the lcores */
};

#define POLICY_BLOCK_PURGE 60u /* seconds */

/* What is recorded of late queries and responses. */
struct policy_recent {
	uint32_t size; /* entries of each kind, of all lcores together */
	uint32_t rate; /* as in struct recent_options */
	bool queries, responses;
	bool counted; /* each query is recorded, for those who count them by name */
};
#define POLICY_RECENT_SIZE 10000u
#define POLICY_RECENT_MAX 1000000u

/* Settings. policy_model_new() gives them the defaults of struct policy. */
struct policy_settings {
	uint32_t udp_timeout; /* milliseconds, at least 1 */
	uint32_t stale, stale_timeout; /* seconds */
	bool servfail_when_no_server;
	bool round_robin_fail;
	bool allow_empty_response;
	bool cut_truncated;  /* of what servers answer with TC, clients get no records */
	bool verbose_checks; /* each check of a server that fails is logged */
	uint8_t block_action; /* of dynamic blocks that say none: enum rule_result */
	uint32_t block_purge; /* seconds between times when those that have expired are removed */
	bool answer_empty; /* NOTIMP to queries without a question */
	bool own_edns;	   /* answers made here have an OPT */
	uint16_t own_udp_size; /* that it announces, bytes */
	struct policy_balance balance; /* of pools that have none of their own */
	uint32_t perturbation;
	double weighted_factor, consistent_factor; /* at least 1; 0: no bound */
	struct policy_ecs ecs;
	uint16_t proxy_size;	/* bytes of PROXY headers, at most */
	bool proxy_clients_acl; /* the ACL is for the clients that they name, too */
	struct policy_tcp tcp;
	struct policy_recent recent;
};

struct policy_settings *policy_model_settings(struct policy_model *model);

/* The ACL, to be edited in place. */
struct prefix_list *policy_model_acl(struct policy_model *model);

/* Who has to send PROXY headers, likewise; nobody at first. */
struct prefix_list *policy_model_proxy_acl(struct policy_model *model);

/* dnsdist's: private, link-local, loopback, shared (100.64/10) and unique local addresses. */
int policy_acl_default(struct prefix_list *acl);

/*
 * Listens on "address[:port]", port 53 if there is none; with `proxied` for PROXY headers too, of
 * those who have to send them. -EINVAL, -EEXIST, -ENOSPC, -ENOMEM.
 */
int policy_listener_add(struct policy_model *model, const char *text, bool proxied);
/* How the one that was added last listens over TCP. */
void policy_listener_tcp_set(struct policy_model *model, const struct policy_listener_tcp *tcp);
/* Queries to it over UDP, or over TCP, get no answers. 0, -ENOENT, or -ENOSPC: that many cannot be told apart. */
int policy_listener_mute(struct policy_model *model, size_t index, bool tcp, bool muted);
void policy_listeners_clear(struct policy_model *model);
size_t policy_listeners_count(const struct policy_model *model);
const struct policy_listener *policy_listener_at(const struct policy_model *model, size_t index);

/*
 * Selectors: their arguments are copied. One is there until whoever made it has released it and no
 * rule or other selector has it any more, or its model goes.
 */
void policy_selector_release(struct policy_selector *selector);
struct policy_selector *policy_selector_all(struct policy_model *model);
struct policy_selector *policy_selector_qname(struct policy_model *model, const uint8_t *name,
					      size_t length);
struct policy_selector *policy_selector_qname_set(struct policy_model *model,
						  const struct name_set *names);
/* A list as control/lists/feed.h has them; `exact`: the name itself is an entry. Shares the blob. */
/* Looks the packet up in a store, whose blob has its live_list; the names of the tags: as `text` has them. */
struct policy_selector *policy_selector_lookup(struct policy_model *model, struct policy_blob *store,
					       const struct rule_lookup *lookup, const char *text);
struct policy_selector *policy_selector_list(struct policy_model *model, struct policy_blob *list,
					     enum matched_trigger trigger, bool exact);
struct policy_selector *policy_selector_qname_suffix(struct policy_model *model,
						     const struct name_set *names);
/*
 * QTYPE, QCLASS, OPCODE, RCODE, EXTENDED_RCODE, DST_PORT: equals; EDNS_OPTION: is there;
 * EDNS_VERSION: above; RD, DNSSEC, TRAILING_DATA: any value; TCP: 1 or 0.
 */
struct policy_selector *policy_selector_number(struct policy_model *model, enum rule_test_kind kind,
					       uint16_t value);
/* QNAME_LABELS, QNAME_LENGTH: outside of [min, max]. */
struct policy_selector *policy_selector_window(struct policy_model *model, enum rule_test_kind kind,
					       uint32_t min, uint32_t max);
/* Within [min, max] records in the header's count. */
struct policy_selector *policy_selector_records(struct policy_model *model,
						enum dns_section section, uint16_t min,
						uint16_t max);
/* Within [min, max] records of the type in the section. */
struct policy_selector *policy_selector_record_types(struct policy_model *model,
						     enum dns_section section, uint16_t type,
						     uint16_t min, uint16_t max);
/* Compares the size of the message in bytes. */
struct policy_selector *policy_selector_size(struct policy_model *model,
					     enum rule_comparison comparison, uint16_t size);
/* Whether a server of the pool is up. */
struct policy_selector *policy_selector_pool(struct policy_model *model, const char *name,
					     size_t length);
/* Whether the pool's servers have more than `limit` queries to answer. */
struct policy_selector *policy_selector_outstanding(struct policy_model *model, const char *name,
						    size_t length, uint32_t limit);
/* An empty set of clients; the three below are for it. Times are TSC. */
struct policy_selector *policy_selector_timed(struct policy_model *model);
/* 0; 1 if the policy must be compiled anew, since the set moved; -ENOMEM. */
int policy_timed_add(struct policy_selector *selector, const uint8_t *address, bool ipv6,
		     uint64_t now, uint64_t until);
void policy_timed_clear(struct policy_selector *selector);
/* Gives up the memory of what has expired; then the policy must be compiled anew. 0 or -ENOMEM. */
int policy_timed_clean(struct policy_selector *selector, uint64_t now);
/* As regex_compile(): NULL, and what is wrong in `error`. */
struct policy_selector *policy_selector_regex(struct policy_model *model, const char *expression,
					      enum regex_kind kind, char *error, size_t error_size);
/* A token of one bucket is there, and taken. */
struct policy_selector *policy_selector_rate(struct policy_model *model, struct rate_limit limit);
/* The client's bucket is empty. Memory for about `clients` of them. EINVAL. */
struct policy_selector *policy_selector_client_rate(struct policy_model *model,
						    struct rate_limit limit, uint8_t v4_prefix,
						    uint8_t v6_prefix, uint32_t clients);
struct policy_selector *policy_selector_netmask(struct policy_model *model,
						const struct prefix_list *prefixes,
						bool destination);
/* `value` NULL: any value. */
struct policy_selector *policy_selector_tag(struct policy_model *model, const char *key,
					    size_t key_length, const char *value,
					    size_t value_length);
/* A PROXY header has, or is to have, a value of the type; `value` NULL: any value. */
struct policy_selector *policy_selector_proxy(struct policy_model *model, uint8_t type,
					      const char *value, size_t length);
struct policy_selector *policy_selector_probability(struct policy_model *model, double p);
struct policy_selector *policy_selector_lua(struct policy_model *model, int reference, bool ffi);
/* Lua that each lcore runs itself: code `reference` of policy_model_threads_set(). */
struct policy_selector *policy_selector_thread(struct policy_model *model, int reference);
struct policy_selector *policy_selector_and(struct policy_model *model,
					    struct policy_selector *const *members, size_t count);
struct policy_selector *policy_selector_or(struct policy_model *model,
					   struct policy_selector *const *members, size_t count);
struct policy_selector *policy_selector_not(struct policy_model *model,
					    struct policy_selector *member);

/* Actions, likewise. */
void policy_action_release(struct policy_action *action);
/* NONE, ALLOW, DROP, TRUNCATE, NO_RECURSE, DISABLE_VALIDATION, SKIP_CACHE, CACHE_ONLY, ECS_OFF. */
struct policy_action *policy_action_plain(struct policy_model *model, enum rule_action_kind kind);
/* `options` may be NULL. */
struct policy_action *policy_action_rcode(struct policy_model *model, uint16_t rcode,
					  const struct dns_reply_options *options);
struct policy_action *policy_action_spoof(struct policy_model *model,
					  const struct dns_reply_address *addresses, size_t count,
					  const struct dns_reply_options *options);
/* `target` is a wire name. */
struct policy_action *policy_action_cname(struct policy_model *model, const uint8_t *target,
					  size_t length, const struct dns_reply_options *options);
/* `type_for_any` is the type of the records where the query is for ANY, 0: ANY. */
struct policy_action *policy_action_raw(struct policy_model *model,
					const struct dns_reply_rdata *values, size_t count,
					uint16_t type_for_any,
					const struct dns_reply_options *options);
struct policy_action *policy_action_packet(struct policy_model *model, const uint8_t *packet,
					   size_t length);
struct policy_action *policy_action_negative(struct policy_model *model, bool nxdomain,
					     const struct dns_reply_soa *soa, bool authority,
					     const struct dns_reply_options *options);
/* Does what `wrapped` does, and goes on. EINVAL: `wrapped` is one of these. */
struct policy_action *policy_action_continue(struct policy_model *model,
					     const struct policy_action *wrapped);
struct policy_action *policy_action_option(struct policy_model *model, uint16_t code,
					   const char *data, size_t length);
/* CLEAR_TYPES; LIMIT_TTL: to [min, max] seconds; no types: all. */
struct policy_action *policy_action_types(struct policy_model *model, enum rule_action_kind kind,
					  uint32_t min, uint32_t max, const uint16_t *types,
					  size_t count);
/* TTLs become this percentage of what they are. */
struct policy_action *policy_action_reduce(struct policy_model *model, uint16_t percent);
/* `file` is a number of log_writer_open(). */
struct policy_action *policy_action_log(struct policy_model *model, uint16_t file);
uint16_t policy_action_file(const struct policy_action *action);
/* As exporter_form() made it. */
struct policy_action *policy_action_export(struct policy_model *model, struct rule_export what);
struct policy_action *policy_action_pool(struct policy_model *model, const char *name,
					 size_t length, bool stop);
/* Drops what is above the limit. */
struct policy_action *policy_action_rate(struct policy_model *model, struct rate_limit limit);
/* Into the pool as long as there are tokens. */
struct policy_action *policy_action_rate_pool(struct policy_model *model, struct rate_limit limit,
					      const char *name, size_t length, bool stop);
/* TEMP_FAILURE_TTL, MAX_RETURNED_TTL; seconds. */
struct policy_action *policy_action_ttl(struct policy_model *model, enum rule_action_kind kind,
					uint32_t ttl);
struct policy_action *policy_action_delay(struct policy_model *model, uint32_t ms);
struct policy_action *policy_action_mac(struct policy_model *model, uint16_t code);
struct policy_action *policy_action_lookup(struct policy_model *model, struct policy_blob *store,
					   const struct rule_lookup *lookup, const char *text);
struct policy_action *policy_action_tag(struct policy_model *model, const char *key,
					size_t key_length, const char *value, size_t value_length);
/* {entry} and {list} in the text of a tag or extended error are replaced: matched_expand(). */
void policy_action_expand(struct policy_action *action);
/* What a response policy zone says; shares the blob of the list. */
struct policy_action *policy_action_rpz(struct policy_model *model, struct policy_blob *list);
/* The tags of who the client is in a table, and a tag with the id; likewise. */
struct policy_action *policy_action_subscriber(struct policy_model *model, struct policy_blob *list,
					       const char *tag, size_t length);
struct policy_action *policy_action_ecs_override(struct policy_model *model, bool override);
/* Bits of the client's address. */
struct policy_action *policy_action_ecs_prefix(struct policy_model *model, uint8_t v4, uint8_t v6);
/* What servers are told in place of the client's address. */
struct policy_action *policy_action_ecs(struct policy_model *model, const struct note_subnet *v4,
					const struct note_subnet *v6);
/* Values for the PROXY headers to servers, in place of those that are there or besides them. */
struct policy_action *policy_action_proxy(struct policy_model *model,
					  const struct proxy_value *values, size_t count,
					  bool replace);
struct policy_action *policy_action_untag(struct policy_model *model, const char *key,
					  size_t key_length);
struct policy_action *policy_action_extended_error(struct policy_model *model, uint16_t info_code,
						   const char *text, size_t length, bool clear);
struct policy_action *policy_action_lua(struct policy_model *model, int reference, bool ffi);
struct policy_action *policy_action_thread(struct policy_model *model, int reference);

#define POLICY_RULE_LAST SIZE_MAX

/*
 * Puts a rule at `position` (0 is first), or behind the last. `name` and `uuid` may be NULL; then
 * there is no name and a random UUID. EEXIST: the chain has this UUID; EINVAL: not a UUID, a
 * position beyond the end, or an action that this chain cannot run; ENOSPC: the model has RULE_COUNT_MAX,
 * or the chain UINT16_MAX.
 */
struct policy_rule *policy_rule_add(struct policy_model *model, enum chain_id chain,
				    size_t position, struct policy_selector *selector,
				    struct policy_action *action, const char *name,
				    const char *uuid);
size_t policy_rules_count(const struct policy_model *model, enum chain_id chain);
struct policy_rule *policy_rule_at(struct policy_model *model, enum chain_id chain, size_t index);

/* Index of the rule with this UUID, or else this name; -ENOENT. */
long policy_rule_find(const struct policy_model *model, enum chain_id chain, const char *text);

/* Pointers to the rule are invalid afterwards. -ENOENT. */
int policy_rule_remove(struct policy_model *model, enum chain_id chain, size_t index);

/* Takes the rule out and puts it back so that it is before what was at `to`. -ENOENT. */
int policy_rule_move(struct policy_model *model, enum chain_id chain, size_t from, size_t to);

/* Moves the last rule to the front. -ENOENT without rules. */
int policy_rule_move_to_top(struct policy_model *model, enum chain_id chain);
void policy_rules_clear(struct policy_model *model, enum chain_id chain);

const char *policy_rule_name(const struct policy_rule *rule); /* "" if it has none */
/* Where the policy says it, as "file:line"; "?" if nobody said so. */
void policy_rule_place_set(struct policy_rule *rule, const char *place);
const char *policy_rule_place(const struct policy_rule *rule);
uint64_t policy_rule_created(const struct policy_rule *rule); /* how many were before it */
const char *policy_rule_uuid(const struct policy_rule *rule);
/* Whether the text is a UUID in its usual form. */
bool policy_uuid_is(const char *text);
struct policy_selector *policy_rule_selector(const struct policy_rule *rule);
struct policy_action *policy_rule_action(const struct policy_rule *rule);

/* The number of its match counter, below RULE_HIT_SLOTS. */
uint32_t policy_rule_slot(const struct policy_rule *rule);

/* Matches since the rule was added; over reloads for rules with a UUID or name of their own. */
uint64_t policy_rule_hits(const struct policy_model *model, const struct policy_rule *rule);

/* The pool's number; gives it one if it is new. -ENOSPC, -ENOMEM. */
int policy_pool_intern(struct policy_model *model, const char *name, size_t length);

/* Names of pools that the model knows, "" first, by number; NULL at a number it does not know. */
size_t policy_pools_count(const struct policy_model *model);
const char *policy_pool_name_at(const struct policy_model *model, size_t number, size_t *length);

/*
 * A packet cache of the model; options are compared as bytes, so their padding is zero. One with the
 * same options that a policy before it made, and this model has not got yet, is taken over with all
 * that is in it: then `*known` is true. Else its memory is taken, and with `populate` also touched,
 * which may take a second for each few GiB. ENOMEM, ENOSPC.
 */
struct policy_blob *policy_cache_new(struct policy_model *model,
				     const struct cache_options *options, bool populate,
				     bool *known);
struct cache *policy_cache_of(struct policy_blob *blob);
size_t policy_cache_size(struct policy_blob *blob); /* bytes of memory */

/* Whose counters of a cache the control lcore writes. */
unsigned policy_cache_lcore(const struct policy_model *model);

/* The cache of the pool with this number; NULL: none. */
struct policy_blob *policy_pool_cache(const struct policy_model *model, uint32_t pool);
void policy_pool_cache_set(struct policy_model *model, uint32_t pool, struct policy_blob *cache);

/* What a pool says of the client's subnet: -1: nothing, then its servers do. */
struct policy_pool_ecs {
	int8_t use, share;
};
struct policy_pool_ecs *policy_pool_ecs(struct policy_model *model, uint32_t pool);

/* What holds for it: whether subnets are part of its keys, and answers for all shared. */
bool policy_pool_ecs_used(const struct policy_model *model, uint32_t pool);
bool policy_pool_ecs_shared(const struct policy_model *model, uint32_t pool);

/* What servers are told unless a query says otherwise, in the policy compiled last. Any lcore. */
struct policy_ecs policy_registry_ecs(const struct policy_registry *registry);

struct policy_server_options {
	const char *address; /* "address[:port]" */
	const char *name;    /* NULL: none */
	const char *id;	     /* UUID, NULL: random for a new backend */
	struct net_source source; /* of what it is sent: with the address and name it is who it is */
	uint32_t weight;     /* 0: 1; this and what follows as in struct backend_options */
	int32_t order;
	uint32_t udp_timeout;
	uint8_t dscp;
	uint32_t max_outstanding;
	struct rate_limit qps;
	bool down;	      /* starts down (a backend that is known keeps its state) */
	bool ecs, ecs_no_share, proxy;
	const struct backend_tcp *tcp; /* NULL: as usual */
};

/*
 * Adds a server to the model, in no pool yet. One that is added twice is two. EINVAL: no such
 * address; ENOSPC: the model has POLICY_SERVERS_MAX, or all numbers are still in use.
 */
struct backend *policy_server_add(struct policy_model *model,
				  const struct policy_server_options *options);
int policy_server_remove(struct policy_model *model, const struct backend *backend);
size_t policy_servers_count(const struct policy_model *model);
struct backend *policy_server_at(const struct policy_model *model, size_t index);

/*
 * What the model says of a server, to be changed; of one that was removed for as long as its number
 * is not another's. NULL: it never was in this model.
 */
struct backend_options *policy_server_options(const struct policy_model *model,
					      const struct backend *backend);

/* Up or down once the policy is in force, whatever checks said. */
void policy_server_state_set(struct policy_model *model, const struct backend *backend, bool up);
/* The same, 1 or 0, and forgotten; -1: nothing was said. */
int policy_server_state_take(struct policy_model *model, const struct backend *backend);

/* The model comes into force: its servers are told what it says of them. */
void policy_model_apply(struct policy_model *model);

/*
 * Tells which backends, that no model has any more, somebody still refers to: takes them out of
 * `numbers`, and forgets what it knows of the others, which are new ones from then on. Called when
 * numbers run out; of those that were never in force it is told, too.
 */
typedef void policy_sweep_fn(void *context, bool numbers[static POLICY_BACKENDS_MAX]);
void policy_registry_sweep_set(struct policy_registry *registry, policy_sweep_fn *sweep,
			       void *context);

/* Whether a server found no number since the last call: those that have left keep theirs for a while. */
bool policy_registry_was_short(struct policy_registry *registry);

/* Numbers that the next policy may give to servers that no policy has. Has others given back. */
unsigned policy_registry_numbers(struct policy_registry *registry);

/* How the server is watched once the policy is in force. 0 or -ENOMEM; NULL: nothing was said. */
int policy_server_health_set(struct policy_model *model, const struct backend *backend,
			     const struct health_options *options);
const struct health_options *policy_server_health(const struct policy_model *model,
						  const struct backend *backend);

/* By the pool's number. */
struct policy_balance policy_pool_balance(const struct policy_model *model, uint32_t pool);
void policy_pool_balance_set(struct policy_model *model, uint32_t pool,
			     struct policy_balance balance);

/*
 * A ring for consistent hashing over these servers; `count` gets its points. NULL with errno ENOMEM,
 * or E2BIG for weights that sum to more than BALANCE_POINTS_MAX. And what a ring depends on: equal
 * keys are equal rings.
 */
struct policy_blob *policy_ring_make(const struct backend_options *const *servers,
				     size_t n_servers, uint32_t perturbation, uint32_t *count);
uint64_t policy_ring_key(const struct backend_options *const *servers, size_t n_servers,
			 uint32_t perturbation);

/* The servers of the pool with this number, in their order. NULL after the last. */
struct backend *policy_pool_server_at(struct policy_model *model, uint32_t pool, size_t index);

/* -EEXIST if it is in the pool, -ENOENT if it is not, or not in the model. */
int policy_server_pool_add(struct policy_model *model, const struct backend *backend,
			   const char *pool, size_t length);
int policy_server_pool_remove(struct policy_model *model, const struct backend *backend,
			      const char *pool, size_t length);

/*
 * A group of dynamic blocks, which counts nothing yet. What the groups of policies before counted is
 * taken over by groups that count the same. `hz`: of the TSC. ENOSPC: the model has
 * POLICY_GROUPS_MAX.
 */
struct policy_client_group *policy_group_new(struct policy_model *model, uint64_t hz);
/* It counts no more, once the policy is compiled anew. */
void policy_group_free(struct policy_model *model, struct policy_client_group *group);

/* What it counts, of queries first; `limits`: by column, of all workers. */
void policy_group_shape_set(struct policy_client_group *group, const struct count_shape *shape,
			    const double *limits);

/* Clients that are not counted, to be edited in place. */
struct prefix_list *policy_group_excluded(struct policy_client_group *group);

/*
 * Looks at the clients that may be above a limit: all that is known of each. False after the last.
 * How many notes of more clients there were than there is room for.
 */
uint64_t policy_group_begin(struct policy_client_group *group);
bool policy_group_next(struct policy_client_group *group, uint64_t now,
		       struct count_client *client, uint64_t sums[static 2][COUNT_COLUMNS_MAX]);

/* The expressions of a chain, once a policy with it was compiled. */
struct policy_expressions {
	size_t together; /* found in one pass over a name */
	size_t alone;	 /* asked one by one */
	size_t size;	 /* bytes of those that are together */
	double seconds;	 /* that compiling them took */
};
void policy_expressions(const struct policy_model *model, enum chain_id chain,
			struct policy_expressions *expressions);

/* What the model's `index`th takes, once a policy with it was compiled. False: there is none. */
struct policy_group_memory {
	size_t size; /* of all workers */
	uint32_t clients;
	bool known; /* taken over from a policy before */
};
bool policy_group_memory(const struct policy_model *model, size_t index,
			 struct policy_group_memory *memory);

#endif
