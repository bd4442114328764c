/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Lua and C share: read by the compiler (through lua/abi.h) and, as it stands, by ffi.cdef().
 * Declarations only, not one preprocessor line. The control lcore only.
 *
 * sluice_* is for our own Lua: what packets need is here, the rest in lua/cdef_policy.h,
 * lua/cdef_recent.h and lua/cdef_export.h; what is for policies is in lua/cdef_dnsdist.h. ffi.cdef()
 * gets them in this order. int results are 0 or -errno unless they say otherwise. A question that has
 * left gives 0, NULL, or -ESTALE.
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

/* A host that was looked up; no address: it has none, or that is not known. */
struct lua_resolved {
	const char *host;
	int32_t reference;
	uint32_t count;
	struct lua_address addresses[64];
};

/* A header of a request to the web server (kind 0), or an argument of its path (1). */
struct lua_web_pair {
	uint8_t kind;
	struct lua_bytes key, value;
};

struct lua_web_request {
	struct lua_bytes method, path, body;
	struct lua_address client;
	uint8_t here; /* 1: from this machine */
	uint32_t count;
	const struct lua_web_pair *pairs;
};

/* Sizes that Lua compares with its own, in the order in which lua/boot.lua lists them. */
size_t sluice_sizeof(uint32_t index);

/* The driver. */
struct lua_batch *sluice_batch(void);
struct lua_batch *sluice_selector_batch(void);
struct lua_mailbox *sluice_mailbox(void);
/* Another item is begun: datagrams are about this packet, or about none yet. */
void sluice_begin(const struct lua_question *question);
void sluice_progress(void); /* of long work about no packet, for the watchdog */
void lua_question_fail(struct lua_question *question); /* ServFail, or no match */
void sluice_text_store(struct lua_question *question, const char *text, size_t length);
void sluice_error(const char *message, uint32_t from_listener);
void sluice_log(uint32_t level, const char *text, size_t length); /* enum log_level */
void sluice_verbose_set(bool verbose); /* whatever log.level says */
bool sluice_is_verbose(void);
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
/* Its address, with the bits that do not count too, and its length. The length of the text. */
int sluice_prefix_print(const struct lua_prefix *prefix, char *text, size_t size);
/* What two prefixes of the same addresses have in common: `key` has room for 17 bytes. Its length. */
size_t sluice_prefix_key(const struct lua_prefix *prefix, char *key);
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
