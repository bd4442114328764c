/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic blocks, what happened of late, and groups. Read by the compiler and by ffi.cdef() as
 * lua/cdef.h is, and behind that one: declarations only.
 */

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
/*
 * Counting: each query is recorded, and read here but once, in the order of its lcore; with its name
 * in lower case. False: there are no more for now. What was overwritten before is lost.
 */
int sluice_counted_set(bool counted);
bool sluice_counted_next(struct lua_recent *query);
double sluice_counted_lost(void);
/* Writes a file that is not there yet, for its owner alone. */
int sluice_file_new(const char *path, const char *text, size_t length);

/* Groups of dynamic blocks; NULL: sluice_policy_error() says why. */
struct policy_client_group *sluice_group_new(void);
void sluice_group_free(struct policy_client_group *group);
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
