/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Lua and C share: read by the compiler (through lua/abi.h) and, as it stands, by ffi.cdef().
 * Declarations only, not one preprocessor line. The control lcore only.
 *
 * sluice_* is for our own Lua; what is for policies is in lua/cdef_dnsdist.h, which ffi.cdef() gets
 * behind this. int results are 0 or -errno unless they say otherwise. A question that has left
 * gives 0, NULL, or -ESTALE.
 */

struct rte_mbuf;
struct endpoint;
struct backend;
struct balance_list;
struct policy_selector;
struct policy_action;
struct policy_client_group;
struct lua_names;
struct lua_feed;
struct lua_recents;

/* A handle of a packet in hand. Policies see it as dnsdist_ffi_dnsquestion_t and ..response_t. */
struct lua_question {
	struct rte_mbuf *mbuf; /* for the control lcore; Lua goes by slot and tag */
	uint64_t tag;	       /* async_tag(): whose packet it is */
	uint32_t slot;
	uint32_t generation; /* of its slot, when this was filled in or fetched */
	int32_t reference;   /* the function to call */
	int32_t action;	     /* what it returned */
	uint16_t flags;	     /* enum lua_question_flag; 1: response, 4: FFI */
	uint8_t suspended;   /* 1: was suspended, whatever the action then did; set after the call */
	uint8_t failed;	     /* 1: the call raised an error */
	uint32_t text_length;
	const char *text; /* the string that came with the action; good until the next batch */
};

struct lua_batch {
	uint32_t count;
	uint32_t progress; /* index of the item that Lua is at */
	struct lua_question items[64];
};

struct lua_datagram {
	const char *data;
	const char *from; /* followed by a NUL */
	uint32_t length;
	uint32_t from_length;
	int32_t reference;
	uint16_t endpoint_id;
	uint16_t ffi;
};

struct lua_mailbox {
	uint32_t count;
	uint32_t progress;
	struct lua_datagram items[64];
};

struct lua_name {
	uint8_t length; /* bytes on the wire */
	uint8_t wire[255];
};

struct lua_address {
	uint8_t bytes[16]; /* IPv4 in the first four, the rest zero */
	uint16_t port;	   /* host byte order */
	uint8_t ipv6;
	uint8_t spare;
};

struct lua_prefix {
	uint8_t bytes[16]; /* as they were given: bits after the length are kept */
	uint8_t length;
	uint8_t ipv6;
	uint8_t negated;
	uint8_t spare;
};

/* A piece of a packet or of the context; good until the next call that changes anything. */
struct lua_bytes {
	const char *data;
	size_t length;
};

struct lua_tag {
	struct lua_bytes key;
	struct lua_bytes value;
};

/* Lies over the packet: as it is on the wire. */
struct lua_header {
	uint8_t bytes[12];
};

/* Objects of policies: a handle each, so that what they stand for can be told apart. */
struct lua_query {
	struct lua_question handle;
};

struct lua_response {
	struct lua_question handle;
};

struct lua_live_header { /* looked up in the packet at each use */
	struct lua_question handle;
};

struct lua_facts {
	uint16_t qtype;
	uint16_t qclass;
	uint16_t length; /* of the message */
	uint16_t local_port;
	uint16_t remote_port;
	uint8_t opcode;
	uint8_t rcode;
	uint8_t tcp;
	uint8_t skip_cache;
	uint8_t dnssec_ok;
	uint8_t has_temp_failure_ttl;
	uint8_t restarts;
	uint8_t response;
	uint8_t stale;
	uint8_t use_ecs, ecs_override;
	uint8_t ecs_prefix; /* bits */
	uint16_t pool;
	uint16_t backend;
	uint32_t temp_failure_ttl;
};

struct lua_object {
	uint32_t slot;
	uint32_t generation;
	uint64_t tag;
	uint8_t response;
	uint8_t resumed; /* by this object */
	uint8_t dropped;
	uint8_t spare[5];
};

struct lua_view {
	uint64_t id;
	uint64_t age;	    /* ms */
	uint64_t remaining; /* ms */
	uint16_t async_id;
	uint16_t query_id;
	uint8_t fetched;
	uint8_t response;
	uint16_t qtype;
	struct lua_name qname;
};

struct lua_option {
	uint16_t code;
	struct lua_bytes data;
};

struct lua_record {
	struct lua_name name;
	uint32_t ttl;
	uint16_t type;
	uint16_t rclass;
	uint16_t length;
	uint16_t offset; /* of the data */
	uint8_t place;	 /* 0 to 3: the section */
};

struct lua_soa {
	struct lua_name zone, mname, rname;
	uint32_t ttl, serial, refresh, retry, expire, minimum;
	uint8_t nxdomain;
};

struct lua_reply_options {
	uint32_t ttl;
	uint8_t set_aa, aa, set_ad, ad, set_ra, ra;
};

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
	uint64_t queries, responses, drops, outstanding, send_errors;
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
	struct policy_selector *selector;
	struct policy_action *action;
};

struct lua_bench {
	uint32_t matches;
	uint32_t count; /* of runs, fewer than asked for if they took too long */
	double us;
};

/* A dynamic block, as it is asked for and as it is. */
struct lua_block {
	struct lua_prefix client; /* it is masked; as is the port, whose bits may be 0: all ports */
	uint16_t port;
	uint8_t port_bits;
	uint8_t named; /* 1: of the suffix, and not of the client */
	uint8_t action;
	uint8_t warning;
	struct lua_name suffix;
	const char *reason; /* one that is read is good until one is added or removed */
	const char *tag, *value; /* NULL: none */
	size_t tag_length, value_length;
	double seconds; /* that are left */
	uint64_t hits;
};

/* A query or a response of late. */
struct lua_recent {
	double when; /* seconds since 1970 */
	double age;  /* seconds */
	uint32_t weight; /* packets that it stands for */
	uint32_t us;	 /* since the query came; 4294967295: no answer came */
	uint16_t qtype, size, backend;
	uint8_t response, tcp;
	uint8_t origin; /* of a response: 1 a server, 2 a cache, 0 ourselves */
	uint8_t has_mac;
	uint8_t mac[6];
	struct lua_header header;
	struct lua_address client;
	struct lua_address server; /* port 0: none */
	struct lua_name name;
};

/* Sums over responses. */
struct lua_suffix_sums {
	double queries, noerrors, nxdomains, servfails, drops, bytes, hits;
};

/* Of those for a name, and for it and all names below. */
struct lua_suffix {
	struct lua_suffix_sums own, all;
	uint32_t labels, children;
	uint8_t length;
	uint8_t name[255];
	uint32_t text_length;
	char text[1008]; /* "" for the root */
	int32_t action;	 /* that a visitor set; -1: none */
	uint32_t reason_length;
	char reason[256];
};

/* What is counted of clients, for a group of dynamic blocks; `kind`: enum count_kind. */
struct lua_group_column {
	double limit; /* of all workers, from which on the client is looked at */
	uint32_t seconds;
	uint16_t value;
	uint8_t kind;
	uint8_t spare;
};

/* A client that may be above a limit, and both sums of each column. */
struct lua_group_client {
	struct lua_address address; /* masked; its port too */
	double sums[2][32];
};

/* Sizes that Lua compares with its own, in the order in which lua/boot.lua lists them. */
size_t sluice_sizeof(uint32_t index);

/* The driver. */
struct lua_batch *sluice_batch(void);
struct lua_batch *sluice_selector_batch(void);
struct lua_mailbox *sluice_mailbox(void);
/* Another item is begun: datagrams are about this packet, or about none yet. */
void sluice_begin(const struct lua_question *question);
void lua_question_fail(struct lua_question *question); /* ServFail, or no match */
void sluice_text_store(struct lua_question *question, const char *text, size_t length);
void sluice_error(const char *message, uint32_t from_listener);
void sluice_log(uint32_t level, const char *text, size_t length); /* enum log_level */
/* Of a probable mistake in the policy at "file:line". */
void sluice_warn(const char *place, const char *text);
uint64_t sluice_now(void);					  /* ms, monotonic */
uint64_t sluice_wall(void);					  /* us since 1970 */
bool sluice_loading(void); /* the policy file is being read */
/* Debug builds watch pointers: what they give out for what a function is to be called with. */
bool sluice_guarded(void);
struct lua_question *sluice_guard_question(struct lua_question *question);
const struct lua_datagram *sluice_guard_datagram(const struct lua_datagram *datagram);
const struct balance_list *sluice_guard_servers(const struct balance_list *list);
bool sluice_checking(void); /* and only to be checked */
const char *sluice_version(void);
/* As SIGTERM does; not while the policy file is read. */
int sluice_shutdown(void);
/*
 * The names in a folder that end in ".conf", in their order, each with an end of line. Their length,
 * or -errno; -E2BIG: they are too many for `size`.
 */
int sluice_folder(const char *path, char *names, size_t size);
bool sluice_console_text(struct lua_bytes *text); /* what the console runs; false: nothing */
void sluice_console_write(const char *text, size_t length);

/* The packet. */
bool sluice_question_was_suspended(const struct lua_question *question); /* since it was filled */
struct rte_mbuf *sluice_question_find(const struct lua_question *question);
bool sluice_question_facts(const struct lua_question *question, struct lua_facts *facts);
bool sluice_question_qname(const struct lua_question *question, struct lua_name *name);
bool sluice_question_address(const struct lua_question *question, bool local,
			     struct lua_address *address);
bool sluice_question_elapsed(const struct lua_question *question, uint64_t *us); /* since it came */
bool sluice_question_content(const struct lua_question *question, struct lua_bytes *content);
int sluice_question_content_set(struct lua_question *question, const char *data, size_t length);
int sluice_question_resize(struct lua_question *question, size_t length);
struct lua_header *sluice_question_header(const struct lua_question *question);
struct lua_header *sluice_question_header_edit(struct lua_question *question);
int sluice_question_rcode_set(struct lua_question *question, uint32_t rcode);
int sluice_question_skip_cache_set(struct lua_question *question, bool skip);
int sluice_question_ecs_use_set(struct lua_question *question, bool use);
int sluice_question_ecs_override_set(struct lua_question *question, bool override);
int sluice_question_ecs_prefix_set(struct lua_question *question, uint16_t prefix);
/* Keeps a copy of the query; makes the query of it again, if there is one and it may. */
int sluice_question_keep(struct lua_question *question);
int sluice_question_restart(struct lua_question *question, bool *restarted);
int sluice_question_failure_ttl_set(struct lua_question *question, bool set, uint32_t ttl);
int sluice_question_max_ttl_set(struct lua_question *question, uint32_t ttl);
bool sluice_question_pool(const struct lua_question *question, struct lua_bytes *name);
int sluice_question_pool_set(struct lua_question *question, const char *name, size_t length);
bool sluice_question_tag(const struct lua_question *question, const char *key, size_t key_length,
			 struct lua_bytes *value);
int sluice_question_tag_set(struct lua_question *question, const char *key, size_t key_length,
			    const char *value, size_t value_length);
int sluice_question_tag_unset(struct lua_question *question, const char *key, size_t key_length);
/* Returns how many tags there are and fills in at most `size`. */
size_t sluice_question_tags(const struct lua_question *question, struct lua_tag *tags, size_t size);
int sluice_question_ede(struct lua_question *question, uint16_t code, const char *text,
			size_t length, bool clear);
size_t sluice_question_proxy_values(const struct lua_question *question, struct lua_option *values,
				    size_t size); /* the codes are types */
int sluice_question_proxy_value_add(struct lua_question *question, uint8_t type, const char *value,
				    size_t length);
int sluice_question_proxy_values_clear(struct lua_question *question);
size_t sluice_question_options(const struct lua_question *question, struct lua_option *options,
			       size_t size);
int sluice_question_option_set(struct lua_question *question, uint16_t code, const char *data,
			       size_t length);
bool sluice_question_trailing(const struct lua_question *question, struct lua_bytes *data);
int sluice_question_trailing_set(struct lua_question *question, const char *data, size_t length);
int sluice_question_rename(struct lua_question *question, const struct lua_name *name);
int sluice_question_spoof_addresses(struct lua_question *question,
				    const struct lua_address *addresses, size_t count);
int sluice_question_spoof_raw(struct lua_question *question, const struct lua_bytes *values,
			      size_t count, uint16_t type_for_any, uint32_t ttl);
int sluice_question_negative(struct lua_question *question, const struct lua_soa *soa);
int sluice_question_ttls_limit(struct lua_question *question, uint32_t min, uint32_t max);
int sluice_question_types_clear(struct lua_question *question, const uint16_t *types, size_t count);
/* Records of the message, the question left out: how many there are; fills in at most `size`. */
size_t sluice_records(const char *message, size_t length, struct lua_record *records, size_t size);
bool sluice_packet_question(const char *message, size_t length, struct lua_record *question);
bool sluice_packet_name(const char *message, size_t length, size_t offset, struct lua_name *name);
int sluice_question_ttl_store(struct lua_question *question, const struct lua_record *record,
			      uint32_t ttl);

/* Suspended packets. */
bool sluice_suspend(struct lua_question *question, uint16_t async_id, uint16_t query_id,
		    uint32_t timeout_ms);
uint64_t sluice_suspend_id(struct lua_question *question, uint32_t timeout_ms, int32_t fate,
			   bool continue_rules);
const char *sluice_suspend_reason(void); /* why the last one failed */
bool sluice_object_fetch(uint16_t async_id, uint16_t query_id, struct lua_object *object);
bool sluice_object_find(uint64_t id, struct lua_object *object);
/* 0, -ENOENT: gone, -EALREADY: resumed, -ECANCELED: dropped, -EBADMSG or -ENOSPC from an edit. */
int sluice_object_state(const struct lua_object *object);
int sluice_object_resume(struct lua_object *object);
int sluice_object_drop(struct lua_object *object);
int sluice_object_rcode(struct lua_object *object, uint8_t rcode, bool clear);
int sluice_object_question(const struct lua_object *object, struct lua_question *question);
size_t sluice_suspended_now(void);
size_t sluice_suspended_list(struct lua_view *views, size_t size);

/* Endpoints and listeners. */
struct endpoint *sluice_endpoint_open(const char *path, size_t length);
bool sluice_endpoint_valid(struct endpoint *endpoint);
bool sluice_endpoint_send(struct endpoint *endpoint, const char *data, size_t length);
int sluice_endpoint_fate_set(struct endpoint *endpoint, int32_t fate); /* enum async_fate, -1 */
bool sluice_listen(const char *path, size_t length, uint16_t endpoint_id, int32_t reference,
		   bool ffi);
const char *sluice_listen_error(void);

/* Names and addresses. */
int sluice_name_parse(const char *text, size_t length, struct lua_name *name);
int sluice_name_load(const char *wire, size_t length, struct lua_name *name);
int sluice_name_print(const struct lua_name *name, char *text, size_t size, bool dot);
bool sluice_name_equal(const struct lua_name *a, const struct lua_name *b);
bool sluice_name_within(const struct lua_name *name, const struct lua_name *suffix);
uint32_t sluice_name_hash(const struct lua_name *name, uint32_t seed);
int sluice_address_parse(const char *text, struct lua_address *address);
int sluice_address_print(const struct lua_address *address, char *text, size_t size);
int sluice_prefix_parse(const char *text, struct lua_prefix *prefix);
bool sluice_prefix_match(const struct lua_prefix *prefix, const struct lua_address *address);

/* Sets. A group is an array of prefixes that Lua owns. */
struct lua_names *sluice_names_new(void);
void sluice_names_free(struct lua_names *names);
int sluice_names_add(struct lua_names *names, const struct lua_name *name);
int sluice_names_remove(struct lua_names *names, const struct lua_name *name);
bool sluice_names_has(const struct lua_names *names, const struct lua_name *name);
bool sluice_names_covers(const struct lua_names *names, const struct lua_name *name,
			 size_t *suffix);
uint32_t sluice_names_count(const struct lua_names *names);
/* Start with 0 in the cursor; false after the last. */
bool sluice_names_next(const struct lua_names *names, uint32_t *cursor, struct lua_name *name);

/* The policy. NULL: errno says why, as text in sluice_policy_error(). */
const char *sluice_policy_error(void);
const char *sluice_strerror(int error);
struct policy_selector *sluice_selector_all(void);
struct policy_selector *sluice_selector_qname(const struct lua_name *name);
struct policy_selector *sluice_selector_names(const struct lua_names *names, bool suffix);
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
struct lua_check *sluice_check_item(void);
struct lua_bytes *sluice_state_item(void);
int sluice_listener_add(const char *text, bool proxied); /* PROXY headers are looked for */
int sluice_listeners_clear(void);
/* The length of its address and port as text, or -ENOENT: there are no more. */
int sluice_listener_print(size_t index, char *text, size_t size, bool *tcp);
int sluice_acl_add(const char *text);
int sluice_acl_remove(const char *text);
int sluice_acl_clear(void);
size_t sluice_acl_count(void);
int sluice_acl_print(size_t index, char *text, size_t size);
int sluice_proxy_acl_add(const char *text);
void sluice_proxy_acl_clear(void);
int sluice_setting_set(const char *name, uint32_t value);

/*
 * Dynamic blocks. What becomes of one that is added: 0: one that ends later, or is more than a
 * warning, is kept; 1: one that was there has become this; 2: it is new, or was a warning; -errno.
 */
int sluice_block_add(const struct lua_block *block);
int sluice_block_remove(const struct lua_block *block); /* of this key; -ENOENT */
void sluice_blocks_clear(void);
size_t sluice_blocks_count(void); /* expired ones among them */
/* Those that have not expired: start with 0 in the cursor; false after the last. */
bool sluice_block_next(uint32_t *cursor, bool clients, bool names, struct lua_block *block);
/* Its key as text; 1,024 bytes always do. The length. */
size_t sluice_block_print(const struct lua_block *block, char *text, size_t size);
/* That it was added, in the log. */
void sluice_block_say(const struct lua_block *block);

/* What is recorded of late queries and responses: `size` of all lcores; `rate` 0: as it suits. */
int sluice_recent_set(uint32_t size, uint32_t rate, bool queries, bool responses);
/*
 * What is there now, of `kinds`, 1 queries and 2 responses, and not older than so many seconds; 0: of
 * any age. The newest come first; of each kind there are 20,000 at most. NULL: no memory.
 */
struct lua_recents *sluice_recents_open(uint32_t kinds, double seconds);
size_t sluice_recents_count(const struct lua_recents *recents);
const struct lua_recent *const *sluice_recents_array(const struct lua_recents *recents);
/* Sums over the responses among them by suffix: each name behind those below it, the root last. */
bool sluice_recents_suffix(struct lua_recents *recents, struct lua_suffix *suffix);
void sluice_recents_free(struct lua_recents *recents);
/* Writes a file that is not there yet, for its owner alone. */
int sluice_file_new(const char *path, const char *text, size_t length);

/* Groups of dynamic blocks; NULL: sluice_policy_error() says why. */
struct policy_client_group *sluice_group_new(void);
/* What it counts of whom; columns of queries first. */
int sluice_group_set(struct policy_client_group *group, uint32_t clients, uint8_t v4_prefix,
		     uint8_t v6_prefix, uint8_t port_bits, const struct lua_group_column *columns,
		     size_t count);
/* The longest prefix says who is not counted; with a negated one those are who are. */
int sluice_group_excluded_set(struct policy_client_group *group, const struct lua_prefix *prefixes,
			      size_t count);
/* A look at the clients that may be above a limit; false after the last. */
void sluice_group_begin(struct policy_client_group *group);
bool sluice_group_next(struct policy_client_group *group, struct lua_group_client *client);

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
