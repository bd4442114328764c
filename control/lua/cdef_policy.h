/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes a policy: rules, lists, stores, servers, caches, metrics. Read by the compiler and by
 * ffi.cdef() as lua/cdef.h is, and behind that one: declarations only.
 */

struct lua_list_options {
	const char *name; /* NULL: the file's */
	int32_t format;	  /* sluice_list_format() */
	uint8_t flags;	  /* 1: a name covers itself, 2: the names below it; 0: as the format has it */
	uint8_t watch;
};

/* What of a packet is looked up in a store: enum rule_lookup_kind, and the lengths of two names of tags. */
struct lua_lookup {
	uint8_t kind, range, wire, port, v4, v6, min_labels;
	uint16_t key_length, set_length;
};

struct lua_list_status {
	const char *path, *name, *failure;
	int32_t state; /* 0 loading, 1 ready, 2 failed */
	uint64_t entries, errors, memory, loads, failures;
	double loaded, seconds;
};

/* How a server is asked over TCP; milliseconds. */
struct lua_server_tcp {
	uint32_t connect_timeout, send_timeout, receive_timeout;
	uint32_t max_connections; /* 0: as many as Sluice allows itself */
	uint16_t retries, max_in_flight;
	uint8_t only, check;
};

struct lua_server {
	const char *address;
	const char *name; /* NULL: none, as id */
	const char *id;
	const char *source; /* an address, a port's name, or "address@port" */
	uint32_t weight;
	int32_t order;
	uint32_t udp_timeout;	  /* ms */
	uint32_t max_outstanding; /* 0: no limit */
	double qps;		  /* 0: no limit */
	uint8_t proxy; /* it wants PROXY headers */
	uint8_t dscp;
	uint8_t ecs, ecs_no_share; /* it is told clients' subnets; what it says of all is not believed */
	struct lua_server_tcp tcp;
};

/* How an address is listened on over TCP. */
struct lua_listener_tcp {
	uint32_t max_connections;
	uint16_t max_in_flight, backlog, fast_open; /* 0: the usual */
	uint8_t off;
};

struct lua_cache_options {
	uint32_t entries;
	uint32_t max_ttl, min_ttl, negative_ttl, failure_ttl, truncated_ttl, stale_ttl; /* seconds */
	uint32_t entry_max; /* bytes */
	uint8_t dont_age, parse_ecs, shuffle;
	uint16_t n_skip, n_ranks;
	uint16_t skip[16], ranks[16];
};

struct lua_cache_stats {
	uint64_t entries, capacity, memory;
	uint64_t hits, misses, stale_hits, inserts, evictions;
	uint64_t deferred_inserts, deferred_lookups, lookup_collisions;
	uint64_t ttl_too_short, unfit, too_large, cleanups;
};

struct lua_health {
	struct lua_name name; /* of the question */
	uint16_t qtype, qclass;
	uint8_t mode; /* 0 auto, 1 up, 2 down, 3 lazy */
	uint8_t must_resolve, set_cd, lazy_timeouts, lazy_backoff;
	int32_t callback, validator; /* 0: none */
	uint32_t interval, timeout; /* ms */
	uint32_t failures, rise;
	uint32_t lazy_samples, lazy_least, lazy_threshold;
	uint32_t lazy_interval, lazy_longest; /* ms */
};

struct lua_server_view {
	struct lua_address address;
	uint32_t weight;
	int32_t order;
	uint16_t number;
	uint8_t up, mode, lazy;
	const char *name;
	const char *id;
	double qps_limit, latency; /* ms */
	uint64_t queries, responses, drops, outstanding, send_errors, noncompliant;
	uint64_t checks, check_failures;
	double check_latency; /* ms */
};

/*
 * The question of a check, for its function to change; or the answer, for another to judge: then the
 * header is the answer's.
 */
struct lua_check {
	struct lua_name name;
	struct lua_header header;
	uint16_t qtype, qclass;
	int32_t reference;
	uint8_t good;
	struct lua_bytes answer;
};

struct lua_rule {
	const char *name;
	const char *uuid;
	uint64_t hits;
	uint64_t created; /* how many rules were added before */
	struct policy_selector *selector;
	struct policy_action *action;
};

struct lua_bench {
	uint32_t matches;
	uint32_t count; /* of runs, fewer than asked for if they took too long */
	double us;
};

/* The policy. NULL: errno says why, as text in sluice_policy_error(). */
const char *sluice_policy_error(void);
const char *sluice_strerror(int error);
void sluice_selector_release(struct policy_selector *selector);
struct policy_selector *sluice_selector_all(void);
struct policy_selector *sluice_selector_qname(const struct lua_name *name);
struct policy_selector *sluice_selector_names(const struct lua_names *names, bool suffix);
/* Names below one, and the name itself. */
struct policy_selector *sluice_selector_suffix(const struct lua_name *name);
/* Lists from files; the handle is good as long as the policy. */
struct lua_feed *sluice_list_open(const char *path, const struct lua_list_options *options);
void sluice_list_status(const struct lua_feed *list, struct lua_list_status *status);
void sluice_list_check(struct lua_feed *list);
/* -1: there is no such format. */
int sluice_list_format(const char *name);
/* Where the entry that covers the name begins in it, in bytes; -1: none does. */
long sluice_list_find(const struct lua_feed *list, const struct lua_name *name);
/* The prefix that covers the address as text, up to the next call of a function; NULL: none does. */
const char *sluice_list_find_address(const struct lua_feed *list,
				     const struct lua_address *address);
/* Trigger 0: the name, 1: the client, 2: the address it asked, 3: an address of the answer. */
struct policy_selector *sluice_selector_list(struct lua_feed *list, uint32_t trigger, bool exact);
struct policy_action *sluice_action_rpz(struct lua_feed *list);
struct policy_action *sluice_action_subscriber(struct lua_feed *list, const char *tag,
					       size_t length);
/*
 * Who uses a port of an address: fills in the id and at most `size` tags, valid up to the next call
 * of a function, and returns how many tags there are; -1: nobody.
 */
int sluice_list_find_subscriber(const struct lua_feed *list, const struct lua_address *address,
				uint32_t port, struct lua_bytes *id, struct lua_tag *tags,
				size_t size);
/* Stores; the blob is good as long as the policy. NULL, and why in `error`. */
struct policy_blob *sluice_store_lmdb(const char *path, const char *database, bool no_lock,
				      char *error, size_t error_size);
struct policy_blob *sluice_store_cdb(const struct lua_feed *list);
/* The value is good up to the next call. */
bool sluice_store_find(struct policy_blob *store, const char *key, size_t length,
		       struct lua_bytes *value);
/* `text`: the name of the tag that is looked up, then of that which is set. */
struct policy_selector *sluice_selector_lookup(struct policy_blob *store,
					       const struct lua_lookup *lookup, const char *text);
struct policy_action *sluice_action_lookup(struct policy_blob *store,
					   const struct lua_lookup *lookup, const char *text);
/* For tags and extended errors. */
void sluice_action_expand(struct policy_action *action);
struct policy_selector *sluice_selector_number(const char *kind, uint16_t value);
struct policy_selector *sluice_selector_window(const char *kind, uint32_t min, uint32_t max);
struct policy_selector *sluice_selector_records(uint32_t section, uint16_t min, uint16_t max);
struct policy_selector *sluice_selector_record_types(uint32_t section, uint16_t type, uint16_t min,
						     uint16_t max);
struct policy_selector *sluice_selector_size(uint32_t comparison, uint16_t size);
struct policy_selector *sluice_selector_pool(const char *name, size_t length);
struct policy_selector *sluice_selector_outstanding(const char *name, size_t length, uint32_t limit);
struct policy_selector *sluice_selector_regex(const char *expression, bool full, char *error,
					      size_t error_size);
struct policy_selector *sluice_selector_timed(void);
int sluice_timed_add(struct policy_selector *selector, const struct lua_address *address,
		     double seconds);
void sluice_timed_clear(struct policy_selector *selector);
int sluice_timed_clean(struct policy_selector *selector);
struct policy_selector *sluice_selector_rate(double rate, double burst);
struct policy_selector *sluice_selector_client_rate(double rate, double burst, uint8_t v4_prefix,
						    uint8_t v6_prefix, uint32_t clients);
struct policy_selector *sluice_selector_netmask(const struct lua_prefix *prefixes, size_t count,
						bool destination);
/* The value NULL: any. */
struct policy_selector *sluice_selector_proxy(uint8_t type, const char *value, size_t length);
struct policy_selector *sluice_selector_tag(const char *key, size_t key_length, const char *value,
					    size_t value_length);
struct policy_selector *sluice_selector_probability(double p);
struct policy_selector *sluice_selector_lua(int reference, bool ffi);
/* Code that each lcore runs itself; `place`: where in the policy it is. Its number, or -ENOMEM. */
/* `kind` as sluice_thread_kind() gives it. */
int sluice_thread_add(const char *text, size_t length, const char *place, uint32_t kind);
struct policy_selector *sluice_selector_thread(int reference);
struct policy_selector *sluice_selector_join(uint32_t kind, struct policy_selector *const *members,
					     size_t count); /* 0: and, 1: or, 2: not */
void sluice_action_release(struct policy_action *action);
struct policy_action *sluice_action_plain(const char *kind);
struct policy_action *sluice_action_rcode(uint16_t rcode, const struct lua_reply_options *options);
struct policy_action *sluice_action_spoof(const struct lua_address *addresses, size_t count,
					  const struct lua_reply_options *options);
struct policy_action *sluice_action_cname(const struct lua_name *target,
					  const struct lua_reply_options *options);
struct policy_action *sluice_action_raw(const struct lua_bytes *values, size_t count,
					uint16_t type_for_any,
					const struct lua_reply_options *options);
struct policy_action *sluice_action_packet(const char *packet, size_t length);
struct policy_action *sluice_action_negative(const struct lua_soa *from, bool authority,
					     const struct lua_reply_options *options);
struct policy_action *sluice_action_continue(const struct policy_action *wrapped);
struct policy_action *sluice_action_option(uint16_t code, const char *data, size_t length);
struct policy_action *sluice_action_clear(const uint16_t *types, size_t count);
struct policy_action *sluice_action_limit(uint32_t min, uint32_t max, const uint16_t *types,
					  size_t count);
struct policy_action *sluice_action_reduce(uint16_t percent);
/* `path` "": the program's own log; `flags` of enum log_writer_flag. */
struct policy_action *sluice_action_log(const char *path, unsigned int flags);
void sluice_action_log_reopen(const struct policy_action *action);
struct policy_action *sluice_action_rate(double rate);
struct policy_action *sluice_action_rate_pool(double rate, const char *pool, size_t length,
					      bool stop);
struct policy_action *sluice_action_pool(const char *name, size_t length, bool stop);
struct policy_action *sluice_action_ttl(const char *kind, uint32_t ttl);
struct policy_action *sluice_action_delay(uint32_t ms);
struct policy_action *sluice_action_mac(uint16_t code);
/* Reads the addresses of the kernel's interfaces; how many there are. */
size_t sluice_interfaces_read(void);
/* Of those that were read last. False: an interface without this address, or none at all. */
bool sluice_interface_at(size_t index, struct lua_bytes *name, struct lua_prefix *prefix);
/* 0 or -errno: the driver's resolved() is called with it later. */
int sluice_lookup(const char *host, int32_t reference);
const struct lua_resolved *sluice_resolved(void);
/*
 * Sends a text over TCP, some time: what goes wrong is in the log. 0 or -errno; -EBUSY: what the
 * same sender, a number, sent there before is still in hand.
 */
int sluice_send(const struct lua_address *to, uint32_t sender, const char *text, size_t length);
/* The MAC that was seen last with an address, or that the kernel knows it by. */
bool sluice_address_mac(const struct lua_address *address, uint8_t *mac);
/* A key of 16 bytes out of a password; an address through it, both ways. 0 or -errno. */
int sluice_cipher_key(const char *password, size_t length, uint8_t *key);
int sluice_address_cipher(struct lua_address *address, const char *key, bool encrypt);
/* 160 bytes hold any hash. 0 or -errno. */
int sluice_password_hash(const char *password, size_t length, uint32_t work, char *text);
bool sluice_password_is_hash(const char *text, size_t length);
/* The same within the limit of guesses. */
bool sluice_password_try(const char *hash, size_t hash_length, const char *password, size_t length);
bool sluice_password_matches(const char *hash, size_t hash_length, const char *password,
			     size_t length);
struct policy_action *sluice_action_tag(const char *key, size_t key_length, const char *value,
					size_t value_length);
struct policy_action *sluice_action_ecs_override(bool override);
struct policy_action *sluice_action_ecs_prefix(uint8_t v4, uint8_t v6);
/* For clients of either family. */
struct policy_action *sluice_action_ecs(const struct lua_prefix *v4, const struct lua_prefix *v6);
/* The codes are types. */
struct policy_action *sluice_action_proxy(const struct lua_option *values, size_t count,
					  bool replace);
struct policy_action *sluice_action_untag(const char *key, size_t key_length);
struct policy_action *sluice_action_ede(uint16_t code, const char *text, size_t length, bool clear);
struct policy_action *sluice_action_lua(int reference, bool ffi);
struct policy_action *sluice_action_thread(int reference);
bool sluice_uuid_is(const char *text);
bool sluice_rule_add(uint32_t chain, struct policy_selector *selector,
		     struct policy_action *action, const char *name, const char *uuid,
		     const char *place); /* "file:line" */
size_t sluice_rules_count(uint32_t chain);
bool sluice_rule_at(uint32_t chain, size_t index, struct lua_rule *rule);
/* Runs the selector over queries below `suffix`. NULL, or why not. */
const char *sluice_bench(struct policy_selector *selector, uint32_t times,
			 const struct lua_name *suffix, struct lua_bench *bench);
long sluice_rule_find(uint32_t chain, const char *text);
int sluice_rule_remove(uint32_t chain, size_t index);
int sluice_rule_move(uint32_t chain, size_t from, size_t to);
int sluice_rule_top(uint32_t chain);
int sluice_rules_clear(uint32_t chain);
struct backend *sluice_server_add(const struct lua_server *options);
const char *sluice_server_source(const struct lua_server *options); /* why not; NULL: it may be */
uint32_t sluice_server_serial(const struct backend *server); /* another's, where its number is */
/* Of the address that was added last. */
void sluice_listener_tcp_set(const struct lua_listener_tcp *tcp);
int sluice_tcp_setting_set(const char *name, uint32_t value);
/* Connections over TCP as text, 0 bytes where there is no thread for them. */
size_t sluice_tcp_show(char *text, size_t size);
void sluice_tcp_dump(void);
/* Four words, the first of the key's text first. */
void sluice_tcp_fast_open_key_set(const uint32_t *words);
int sluice_server_pool(struct backend *server, const char *pool, size_t length, bool add);
int sluice_server_remove(struct backend *server);
size_t sluice_servers_count(void);
struct backend *sluice_server_at(size_t index);
struct backend *sluice_server_number(uint16_t number);
bool sluice_server_view(const struct backend *server, struct lua_server_view *view);
int sluice_server_set(struct backend *server, uint32_t weight, int32_t order);
int sluice_server_qps_set(struct backend *server, double qps);
bool sluice_server_accepts(struct backend *server, bool take);
/* What is set, or dnsdist's defaults; NULL: those. */
void sluice_server_health(const struct backend *server, struct lua_health *health);
int sluice_server_health_set(struct backend *server, const struct lua_health *health);
/* As if checks had said so. */
void sluice_server_state_set(struct backend *server, bool up);
struct backend *sluice_pool_server_at(const char *pool, size_t length, size_t index);
size_t sluice_pools_count(void);
/* NULL: this number has no pool. */
const char *sluice_pool_at(size_t number, struct lua_bytes *name);
/*
 * `pool` NULL: of all that have none of their own. The method, -1: there is no such pool. From the
 * first that is Lua on `reference` says what is called.
 */
int sluice_balance(const char *pool, size_t length, int32_t *reference);
int sluice_balance_set(const char *pool, size_t length, uint32_t method, int32_t reference,
		       bool ffi);
/* The place from 0 of what a method of ours chooses among these servers; -1: none; -EINVAL. */
int sluice_balance_among(uint32_t method, const uint16_t *numbers, size_t count,
			 const struct lua_question *question);
/* What the question's policy is to choose from, until the next; and what tells it from others. */
const struct balance_list *sluice_choice_open(const struct lua_question *question);
double sluice_choice_key(void);
size_t sluice_choice_count(void);
struct backend *sluice_choice_server(size_t index);
int sluice_choice_number(double index); /* the number of the server there; -1: none */
bool sluice_choice_has(uint16_t number); /* whether the policy in force has this server */
int sluice_balance_factor_set(bool consistent, double factor);
int sluice_metric_declare(const char *name, bool gauge, const char *help, const char *prometheus,
			  bool labels);
int sluice_metric_kind(const char *name, size_t length);
int sluice_metric_add(const char *name, size_t length, const char *labels, double step,
		      double *now);
int sluice_metric_set(const char *name, size_t length, const char *labels, double now);
int sluice_metric_get(const char *name, size_t length, const char *labels, double *now);
/* What GET /metrics says; valid until it is asked for again. */
bool sluice_metrics_text(struct lua_bytes *text);
/* Bytes of the UTF-8 character beyond ASCII at this place of the text; 0: none begins there. */
size_t sluice_utf8_length(const char *text, size_t length, size_t at);
struct lua_check *sluice_check_item(void);
struct lua_bytes *sluice_state_item(void);
int sluice_listener_add(const char *text, bool proxied); /* PROXY headers are looked for */
bool sluice_listener_lacks_port(const char *text); /* as the configuration has them */
int sluice_listeners_clear(void);
int sluice_listener_mute(size_t index, bool tcp, bool muted);
bool sluice_listener_muted(size_t index, bool tcp);
/* The length of its address and port as text, or -ENOENT: there are no more. */
int sluice_listener_print(size_t index, char *text, size_t size, bool *tcp);
int sluice_acl_add(const struct lua_prefix *prefixes, size_t count);
int sluice_acl_remove(const char *text);
int sluice_acl_clear(void);
size_t sluice_acl_count(void);
int sluice_acl_print(size_t index, char *text, size_t size);
int sluice_proxy_acl_add(const struct lua_prefix *prefixes, size_t count);
void sluice_proxy_acl_clear(void);
int sluice_setting_set(const char *name, uint32_t value);
int64_t sluice_setting_get(const char *name); /* of those that the REST interface tells; -EINVAL */

/* The request that the driver's web() is to answer; what it adds to the answer, and the answer. */
const struct lua_web_request *sluice_web_request(void);
/* Whether the metrics are for everybody, as they are at first: then even when Lua gives no answer. */
void sluice_web_metrics_open(bool open);
void sluice_web_header(const char *name, const char *value);
/* `status` 0: what was asked for is not Lua's. */
void sluice_web_answer(uint32_t status, const char *body, size_t length);

/* Packet caches. */
struct policy_blob *sluice_cache_new(const struct lua_cache_options *options);
void sluice_cache_stats(struct policy_blob *cache, struct lua_cache_stats *stats);
/* How many were removed: until `left` are left; of those only what has expired; of a name. */
uint64_t sluice_cache_expunge(struct policy_blob *cache, uint64_t left);
uint64_t sluice_cache_purge(struct policy_blob *cache, uint64_t left);
/* `qtype` -1: of any type; `suffix`: and of all names below. */
uint64_t sluice_cache_expunge_name(struct policy_blob *cache, const struct lua_name *name,
				   int32_t qtype, bool suffix);
/* Writes all to a file; how many, or -1, and why in `reason`. */
int64_t sluice_cache_dump(struct policy_blob *cache, const char *path, bool raw,
			  const char **reason);
/* Names whose answers have an address, and addresses in the answers for a name; then the results. */
size_t sluice_cache_domains(struct policy_blob *cache, const struct lua_address *address);
size_t sluice_cache_addresses(struct policy_blob *cache, const struct lua_name *name);
const struct lua_name *sluice_cache_domain_at(size_t index);
const struct lua_address *sluice_cache_address_at(size_t index);
/* NULL: none. */
int sluice_pool_cache_set(const char *pool, size_t length, struct policy_blob *cache);
struct policy_blob *sluice_pool_cache(const char *pool, size_t length);
/* Whether subnets are part of its keys; `share`: whether answers for all of them are for all. */
bool sluice_pool_ecs(const char *pool, size_t length, bool share);
int sluice_pool_ecs_set(const char *pool, size_t length, bool share, bool value);
void sluice_policy_changed(void); /* rules were edited at runtime */
uint32_t sluice_policy_changes(void); /* how often */
