/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What collectors are told of queries and responses. Read by the compiler and by ffi.cdef() as
 * lua/cdef.h is, and behind that one: declarations only.
 */

/* Which form collectors get, by whose losses are counted, and what of a packet that needs. */
struct lua_export {
	uint16_t form;
	uint8_t logger;
	uint8_t parts;
};

struct lua_export_setting { /* `kind` of enum export_option */
	uint16_t kind;
	uint16_t key_length;
	uint32_t value_length;
	const char *key;
	const char *value;
};

struct lua_export_logger { /* `kind` of enum exporter_kind; its address may be a path, the name */
	uint32_t kind;
	uint32_t queue; /* bytes */
	uint32_t connect_ms, reconnect_ms, stall_ms;
	uint32_t connections;
	const char *name;
};

struct lua_export_stats {
	uint64_t queued, sent, full, too_large, failures;
	uint64_t connected; /* connections */
	uint64_t copies[16]; /* by sluice_export_counter() */
};


/* `address` NULL: a unix socket; `local` NULL: any. A number, or -errno. */
int sluice_export_logger(const struct lua_export_logger *logger, const struct lua_address *address,
			 const struct lua_address *local);
void sluice_export_stats(int logger, struct lua_export_stats *stats);
const char *sluice_export_counter(unsigned int number); /* NULL behind the last */
/* `encoding` of enum export_encoding, `flags` of enum export_form_flag. */
int sluice_export_form(uint32_t encoding, int logger, uint32_t flags,
		       const struct lua_export_setting *settings, unsigned int count,
		       struct lua_export *made);
struct policy_action *sluice_action_export(const struct lua_export *what);
/* One message: begun, changed by items of enum export_item_kind, and told. */
void sluice_export_begin(void);
int sluice_export_item(uint32_t kind, uint16_t code, const char *key, uint16_t key_length,
		       const char *value, uint32_t value_length);
int sluice_export_push(struct lua_question *question, const struct lua_export *what);

/* Who asks, `which` of enum note_identity, and metadata by keys: for collectors. */
int sluice_question_identity_set(struct lua_question *question, uint32_t which, const char *text,
				 size_t length);
bool sluice_question_identity(const struct lua_question *question, uint32_t which,
			      struct lua_bytes *text);
int sluice_question_meta_clear(struct lua_question *question, const char *key, size_t key_length);
int sluice_question_meta_add(struct lua_question *question, const char *key, size_t key_length,
			     const char *value, size_t value_length);
int sluice_question_meta_number(struct lua_question *question, const char *key, size_t key_length,
				int64_t value);
