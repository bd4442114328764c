/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a policy model, shared by the files that implement policy/build.h. */
#ifndef SLUICE_CONTROL_POLICY_MODEL_H
#define SLUICE_CONTROL_POLICY_MODEL_H

#include "control/policy/build.h"
#include "dataplane/rules/client_rates.h"
#include "dataplane/stats.h"

#define POLICY_BANKS_MAX 8u /* kinds of rates by client that take columns at a time */

/* A match counter. `key` tells rules that carry over: chain, kind and text; NULL: anonymous. */
struct policy_hit_slot {
	uint64_t base; /* what the counter was when the slot was given out */
	uint32_t users;
	uint32_t next; /* with a key of the same hash, plus one; 0: none */
	char *key;
};

struct policy_registry {
	policy_hits_fn *hits;
	struct custom_metrics *metrics;
	void *hits_context;
	uint32_t generation;
	uint16_t n_lcores; /* that run rules */
	uint32_t next_slot; /* where to look for a free one: reused oldest first */
	uint32_t n_slots;   /* given out at some time */
	uint32_t n_pools;
	uint32_t n_backends;
	struct policy_hit_slot slots[RULE_HIT_SLOTS];
	uint32_t slot_heads[RULE_HIT_SLOTS]; /* by the hash of a key: the first slot, plus one */
	struct {
		char *name;
		size_t length;
	} pools[POLICY_POOLS_MAX];
	struct backend *backends[POLICY_BACKENDS_MAX]; /* one that is given back stays, to be used again */
	struct {
		uint64_t left; /* milliseconds, when the last model gave it up */
		uint32_t models; /* that have it */
		uint32_t who; /* a hash of its address, port and name */
		bool given;
		bool in_force; /* it was, at some time: somebody may still know the number */
	} numbers[POLICY_BACKENDS_MAX];
	uint32_t serial; /* of the last backend */
	policy_sweep_fn *sweep;
	void *sweep_context;
	bool short_of_numbers; /* a server found none */
	uint32_t n_frontends;
	struct policy_listener frontends[STATS_FRONTENDS];
	uint32_t cache_numbers; /* given out */
	uint64_t rate_seed[2]; /* of the keys that clients have in banks of rates */
	uint64_t timed_seed;   /* of the addresses in timed sets */
	struct policy_ecs ecs; /* of the last policy; bytes, each atomic */
	struct policy_blob *caches[POLICY_CACHES_MAX]; /* in use by some policy or model */
	struct policy_blob *groups[4 * POLICY_GROUPS_MAX]; /* likewise what is counted for groups */
	struct policy_blob *recent; /* rings of the last policy that has any; NULL: there are none */
	struct works *works; /* what takes long is done there; NULL: at once */
	struct expressions *expressions;
	struct policy_memory *memories; /* that are being filled, or wait for a policy */
	uint32_t reading; /* number of the last reading of a policy */
};

enum policy_selector_node { NODE_TEST, NODE_AND, NODE_OR, NODE_NOT };

struct policy_selector {
	struct policy_selector *next, **link; /* of its model */
	uint32_t users; /* who made it, rules, and selectors that it is a member of */
	enum policy_selector_node node;
	uint32_t tests; /* that it compiles to */
	uint16_t depth;
	bool lua;
	bool thread; /* it, or a member, is Lua of the lcores' own */
	struct rule_test test; /* its jumps are not set */
	struct expression *expression; /* of RULE_TEST_REGEX, a use of it; else NULL */
	struct client_rate client_rate; /* of RULE_TEST_MAX_QPS_IP; its bank is the blob */
	struct policy_blob *blob;
	size_t count;
	struct policy_selector *members[];
};

struct policy_action {
	struct policy_action *next, **link; /* of its model */
	uint32_t users; /* who made it, and rules */
	struct rule_action action;
	struct policy_blob *blob;
	struct policy_blob *wrapped; /* CONTINUE: the wrapped action's, a use of it */
};

struct policy_rule {
	struct policy_selector *selector;
	struct policy_action *action;
	char *name; /* NULL: none */
	char *place; /* NULL: not known */
	char uuid[POLICY_UUID_SIZE];
	uint32_t slot;
	uint64_t created; /* how many rules its model was given before */
};

struct policy_rules {
	void *by_uuid; /* the same rules, for tsearch() */
	struct policy_rule **rules;
	size_t count;
	size_t size;
};

struct policy_model_pool {
	bool known;
	bool own_balance; /* else it is the settings' */
	struct policy_balance balance;
	struct backend **servers;
	size_t count;
	struct policy_blob *ring; /* of points, for consistent hashing; NULL: not made yet */
	uint64_t ring_key;
	uint32_t ring_count;
	struct policy_blob *cache; /* of its model; NULL: none */
	struct policy_pool_ecs ecs;
};

/* What a chain's expressions are searched for with, a use of each. */
struct policy_regexes {
	struct expression_set *set;  /* that has nearly all that the chain has; NULL: none */
	struct expression_set *next; /* that is, or was, waited for; NULL: none */
	size_t alone;		     /* of the chain, not in the set */
};

struct policy_client_group {
	struct count_shape shape; /* without columns it counts nothing */
	double limits[COUNT_COLUMNS_MAX];
	struct prefix_list excluded;
	uint64_t hz;
	struct policy_blob *blob; /* of what is counted; NULL: not compiled yet */
	bool known;
};

/* What a model says of a backend, and the backend is told when the model comes into force. */
struct policy_backend {
	struct backend_options options;
	bool watched; /* `health` is set */
	int8_t state; /* up or down, told but once; -1: nothing */
	struct health_options health;
};

struct policy_model {
	struct policy_registry *registry;
	struct policy_settings settings;
	struct rule_threads *threads; /* NULL: none */
	struct prefix_list acl;
	struct prefix_list proxy_acl;
	struct policy_listener listeners[POLICY_LISTENERS_MAX];
	size_t n_listeners;
	struct policy_selector *selectors;
	struct policy_action *actions;
	struct policy_rules chains[CHAIN_COUNT];
	uint64_t slots[RULE_HIT_SLOTS / 64]; /* those that its rules have, a bit each */
	uint64_t rules_made;
	struct policy_regexes regexes[CHAIN_COUNT];
	struct policy_model_pool pools[POLICY_POOLS_MAX];
	struct backend *servers[POLICY_SERVERS_MAX];
	struct policy_backend *backends[POLICY_BACKENDS_MAX]; /* by number; NULL: it never had it */
	size_t n_servers;
	struct policy_blob *caches[POLICY_CACHES_MAX]; /* a use of each */
	unsigned n_caches;
	struct policy_client_group *groups[POLICY_GROUPS_MAX];
	unsigned n_groups;
	struct hs_scratch *scratch; /* fits all regular expressions; NULL: there are none */
	struct policy_blob *banks[POLICY_BANKS_MAX]; /* that have had columns free; a use of each */
	unsigned next_bank; /* that is given up for another */
	bool applied; /* it is, or was, in force: it does not wait for all that is best */
	bool waits;   /* it was not compiled, since something is not ready */
};

/* Frees all selectors and actions of the model, whoever has them: what rules it had are gone. */
void policy_parts_free(struct policy_model *model);

/* For a blob with a bucket: its size, and the bucket, full. */
size_t policy_rate_size(void);
struct rate *policy_rate_init(struct policy_blob *blob, struct rate_limit limit);

/*
 * A blob with a bank of rates by client of this kind, with a use of it for the caller, who takes a
 * column. NULL without memory.
 */
struct policy_blob *policy_bank_take(struct policy_model *model, uint8_t v4_prefix,
				     uint8_t v6_prefix, uint32_t clients);
void policy_banks_free(struct policy_model *model);

/* What a look-up in a store needs to know, with the store's blob. NULL with errno set. */
struct policy_blob *policy_lookup_blob(struct policy_blob *store, const struct rule_lookup *lookup,
				       const char *text);

/* Fills in a tag: its key and its value, NULL for any. */
void policy_tag_fill(struct rule_tag *tag, const char *key, size_t key_length, const char *value,
		     size_t value_length);

/* Whether a tag may be that long; else errno is E2BIG. */
bool policy_tag_fits(size_t key_length, size_t value_length);

/*
 * Makes the index of a chain whose rules are compiled, and what finds its expressions, if it is
 * worth them, and links the rules that they leave out. False without memory.
 */
bool policy_chain_index(const struct policy_rules *from, const struct policy_regexes *regexes,
			struct rule *rules, struct rule_chain *chain);

/* Whether nothing but the packet decides, and asking leaves no trace. */
bool policy_selector_pure(const struct policy_selector *selector);

/* Fills in the gates of a chain's rules; false if too few have one. */
bool policy_chain_gates(const struct policy_rules *from, struct rule_gate *gates);

/* Brings the sets of expressions up to date. 0, -ENOMEM, or -EAGAIN: not all are compiled. */
int policy_regexes_prepare(struct policy_model *model);
/* Whether a set that was waited for is there. */
bool policy_regexes_came(const struct policy_model *model);
/* Gives a chain's expressions their places in its set, before its rules are compiled. */
void policy_regexes_place(struct policy_model *model, enum chain_id chain);
void policy_regexes_free(struct policy_model *model);

/* By order, and as they were added where that is the same. */
void policy_pool_sort(const struct policy_model *model, struct policy_model_pool *pool);

/*
 * Makes the pool's ring if what it is made of has changed. 0, -ENOMEM, or -E2BIG, as for
 * policy_ring_make(): then it has none. The pool's servers are in their order already.
 */
int policy_pool_ring(struct policy_model *model, uint32_t pool);

/* What the model says of a server of its own. */
static inline struct backend_options *policy_options(const struct policy_model *model,
						     const struct backend *backend)
{
	return &model->backends[backend->number]->options;
}

/* Has memory for what groups count. 0, -ENOMEM, -ENOSPC, or -EAGAIN: it is not there yet. */
int policy_groups_prepare(struct policy_model *model);
/* How much memory they take in a policy, and how they are written to it. */
size_t policy_groups_size(const struct policy_model *model);
void policy_groups_compile(const struct policy_model *model, struct policy *policy, void *memory);
void policy_groups_free(struct policy_model *model);
/* As policy_registry_caches_forget(). */
void policy_registry_groups_forget(struct policy_registry *registry);

/* Whether the caches have their memory: 0 or -EAGAIN. */
int policy_caches_prepare(struct policy_model *model);
/* Gives up the model's uses of caches. */
void policy_caches_free(struct policy_model *model);

/* Gives the policy the lcores' rings: those of the policy before, if they are to be alike. */
bool policy_recent_compile(const struct policy_model *model, struct policy *policy);
void policy_registry_recent_forget(struct policy_registry *registry);

/* The registry goes, and policies may still use its caches. */
void policy_registry_caches_forget(struct policy_registry *registry);

/* Frees all servers' places in pools. */
void policy_servers_free(struct policy_model *model);

/* Writes a random UUID (version 4). */
void policy_uuid_make(char uuid[static POLICY_UUID_SIZE]);

#endif
