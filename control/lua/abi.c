/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/abi.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "control/lua/guard.h"
#include "dataplane/dns/name.h"
#include "dataplane/rules/actions.h"

#define TEXTS_SIZE (1u << 20) /* bytes of strings that the actions of one batch may return */

static_assert(sizeof(((struct lua_batch *)0)->items) / sizeof(struct lua_question) == LUA_BATCH,
	      "lua/cdef.h has no names for numbers");
static_assert(sizeof(struct lua_header) == 12, "RFC 1035, section 4.1.1");

/* The context in use: Lua's calls carry none. */
static __thread struct lua_context *current;

struct lua_context *lua_context_new(void)
{
	struct lua_context *context = calloc(1, sizeof(*context));
	if (context == NULL)
		return NULL;
	context->texts = malloc(TEXTS_SIZE);
	if (context->texts == NULL) {
		free(context);
		return NULL;
	}
	context->texts_size = TEXTS_SIZE;
	context->send_queue = 4096;
	return context;
}

void lua_abi_use(struct lua_context *context)
{
	current = context;
}

struct lua_context *lua_abi_context(void)
{
	return current;
}

void *lua_owned_new(size_t size)
{
	struct lua_owned *made = calloc(1, size);
	if (made == NULL)
		return NULL;
	made->next = current->owned;
	made->link = &current->owned;
	if (made->next != NULL)
		made->next->link = &made->next;
	current->owned = made;
	return made;
}

void lua_owned_free(void *made)
{
	struct lua_owned *owned = made;
	if (owned == NULL)
		return;
	*owned->link = owned->next;
	if (owned->next != NULL)
		owned->next->link = owned->link;
	free(owned);
}

/* ---- the driver ---- */

#define SIZES(X)                                                                                   \
	X(lua_question) X(lua_batch) X(lua_datagram) X(lua_mailbox) X(lua_name) X(lua_address)     \
	X(lua_prefix) X(lua_bytes) X(lua_tag) X(lua_header) X(lua_facts) X(lua_object)             \
	X(lua_view) X(lua_option) X(lua_record) X(lua_soa) X(lua_reply_options)                    \
	X(lua_list_options) X(lua_lookup) X(lua_list_status) X(lua_server) X(lua_server_tcp)                     \
	X(lua_listener_tcp) X(lua_health) X(lua_server_view)                                       \
	X(lua_check) X(lua_rule) X(lua_cache_options) X(lua_cache_stats) X(lua_bench) X(lua_block) \
	X(lua_recent) X(lua_suffix)                                                                \
	X(lua_group_column) X(lua_group_client)                                                    \
	X(lua_export) X(lua_export_setting) X(lua_export_logger) X(lua_export_stats)               \
	X(dnsdist_ffi_ednsoption) X(dnsdist_ffi_tag)                                               \
	X(dnsdist_ffi_raw_value)

size_t sluice_sizeof(uint32_t index)
{
	static const size_t sizes[] = {
#define X(name) sizeof(struct name),
		SIZES(X)
#undef X
	};
	return index < sizeof(sizes) / sizeof(sizes[0]) ? sizes[index] : 0;
}

struct lua_batch *sluice_batch(void)
{
	return &current->batch;
}

struct lua_batch *sluice_selector_batch(void)
{
	return &current->selector;
}

struct lua_mailbox *sluice_mailbox(void)
{
	return &current->mailbox;
}

void sluice_begin(const struct lua_question *question)
{
	lua_guard_end();
	sluice_progress();
	current->about = question != NULL ? question->tag : 0;
}

void sluice_progress(void)
{
	if (current->progress != NULL)
		++*current->progress;
}

void lua_batch_begin(void)
{
	current->texts_used = 0;
}

void lua_batch_settle(struct lua_context *context, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct lua_question *item = &context->batch.items[i];
		item->suspended = sluice_question_was_suspended(item);
		item->mbuf = sluice_question_find(item);
	}
}

char *lua_text_copy(const char *text, size_t length)
{
	if (length >= current->texts_size - current->texts_used)
		return NULL;
	char *copy = current->texts + current->texts_used;
	if (length > 0)
		memcpy(copy, text, length);
	copy[length] = '\0';
	current->texts_used += length + 1;
	return copy;
}

void sluice_text_store(struct lua_question *question, const char *text, size_t length)
{
	question->text = lua_text_copy(text, length);
	question->text_length = question->text != NULL ? (uint32_t)length : 0;
}

void lua_question_fail(struct lua_question *question)
{
	question->failed = 1;
	question->action = (question->flags & LUA_QUESTION_POLICY)     ? -1
			   : (question->flags & LUA_QUESTION_SELECTOR) ? 0
			   : (question->flags & LUA_QUESTION_RESPONSE)
				   ? (int)RULE_RESPONSE_RESULT_SERVFAIL
				   : (int)RULE_RESULT_SERVFAIL;
	question->text = NULL;
	question->text_length = 0;
}

/* Errors in callbacks are of the senders' making: they are only told when one debugs. */
void sluice_error(const char *message, uint32_t from_listener)
{
	uint64_t held;
	current->errors++;
	current->listener_errors += from_listener != 0;
	if (!log_limit_pass(&current->error_limit, sluice_now(), &held))
		return;
	enum log_level level = from_listener != 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR;
	if (held > 0)
		log_write(level, "Lua error: %s (%llu more were not logged)", message,
			  (unsigned long long)held);
	else
		log_write(level, "Lua error: %s", message);
}

void sluice_log(uint32_t level, const char *text, size_t length)
{
	if (level <= LOG_LEVEL_ERROR)
		log_write((enum log_level)level, "%.*s", (int)(length < 8192 ? length : 8192),
			  text);
}

void sluice_verbose_set(bool verbose)
{
	if (!current->checking)
		log_verbose_set(verbose);
}

bool sluice_is_verbose(void)
{
	return log_is_verbose();
}

void sluice_warn(const char *place, const char *text)
{
	if (current->checking)
		fprintf(stderr, "%s: warning: %s\n", place, text);
	else
		log_warning("%s: %s", place, text);
}

uint64_t sluice_now(void)
{
	const struct lua_abi_hooks *hooks = current->hooks;
	return hooks != NULL && hooks->now != NULL ? hooks->now(current->hooks_ctx) : current->now;
}

uint64_t sluice_wall(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

bool sluice_loading(void)
{
	return current->loading;
}

bool sluice_checking(void)
{
	return current->checking;
}

const char *sluice_version(void)
{
	return SLUICE_VERSION;
}

int sluice_shutdown(void)
{
	if (current->loading)
		return -EBUSY;
	return kill(getpid(), SIGTERM) == 0 ? 0 : -errno;
}

static int is_conf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int sluice_folder(const char *path, char *names, size_t size)
{
	struct dirent **entries;
	size_t used = 0;
	int count = scandir(path, &entries, is_conf, by_bytes);
	if (count < 0)
		return errno == ENOENT ? -ENOTDIR : -errno; /* ENOENT is said of packets */
	for (int i = 0; i < count; i++) {
		used += (size_t)snprintf(names + RTE_MIN(used, size), size - RTE_MIN(used, size),
					 "%s\n", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return used < size ? (int)used : -E2BIG;
}

bool sluice_console_text(struct lua_bytes *text)
{
	const struct lua_console *console = &current->console;
	*text = (struct lua_bytes){console->text, console->length};
	return console->text != NULL;
}

void sluice_console_write(const char *text, size_t length)
{
	if (current->console.out != NULL)
		fwrite(text, 1, length, current->console.out);
}

const char *sluice_strerror(int error)
{
	switch (error < 0 ? -error : error) {
	case ESTALE:
		return "the packet is no longer in hand";
	case EPERM:
		return "a selector, or a server policy, cannot suspend its packet";
	case EACCES:
		return "a server policy cannot change its packet";
	case EROFS:
		return "the packet is suspended: fetch it to change it";
	case ENOSPC:
		return "the packet would be too large";
	case EBADMSG:
		return "the packet is malformed";
	case EALREADY:
		return "the packet has been resumed";
	case ECANCELED:
		return "the packet has been dropped";
	case ENOENT:
		return "the packet is gone: it expired, or was suspended anew";
	default:
		return strerror(error < 0 ? -error : error);
	}
}

/* ---- names ---- */

int sluice_name_parse(const char *text, size_t length, struct lua_name *name)
{
	int wire = dns_name_parse(text, length, name->wire);
	if (wire > 0)
		name->length = (uint8_t)wire;
	return wire < 0 ? wire : 0;
}

int sluice_name_load(const char *wire, size_t length, struct lua_name *name)
{
	uint8_t labels;
	size_t measured = dns_name_measure((const uint8_t *)wire, length, &labels);
	if (measured == 0)
		return -EINVAL;
	memcpy(name->wire, wire, measured);
	name->length = (uint8_t)measured;
	return 0;
}

/* A name that Lua made without a parser (ffi.new) is the root. */
static const uint8_t *name_bytes(const struct lua_name *name, size_t *length)
{
	static const uint8_t root[1];
	uint8_t labels;
	*length = dns_name_measure(name->wire, name->length, &labels);
	if (*length > 0)
		return name->wire;
	*length = 1;
	return root;
}

int sluice_name_print(const struct lua_name *name, char *text, size_t size, bool dot)
{
	size_t length;
	return dns_name_print(name_bytes(name, &length), text, size, dot);
}

bool sluice_name_equal(const struct lua_name *a, const struct lua_name *b)
{
	size_t a_length, b_length;
	const uint8_t *a_bytes = name_bytes(a, &a_length), *b_bytes = name_bytes(b, &b_length);
	return dns_name_equal(a_bytes, a_length, b_bytes, b_length);
}

bool sluice_name_within(const struct lua_name *name, const struct lua_name *suffix)
{
	size_t length, suffix_length;
	const uint8_t *bytes = name_bytes(name, &length);
	const uint8_t *suffix_bytes = name_bytes(suffix, &suffix_length);
	return dns_name_within(bytes, length, suffix_bytes, suffix_length);
}

uint32_t sluice_name_hash(const struct lua_name *name, uint32_t seed)
{
	size_t length;
	const uint8_t *bytes = name_bytes(name, &length);
	return dns_name_hash32(bytes, length, seed);
}

/* ---- addresses ---- */

int sluice_address_parse(const char *text, struct lua_address *address)
{
	struct net_address parsed;
	uint16_t port;
	if (backend_address_parse(text, 0, &parsed, &port) != 0)
		return -EINVAL;
	*address = (struct lua_address){.port = port, .ipv6 = parsed.ipv6};
	memcpy(address->bytes, parsed.bytes, 16);
	return 0;
}

int sluice_address_print(const struct lua_address *address, char *text, size_t size)
{
	int family = address->ipv6 ? AF_INET6 : AF_INET;
	if (inet_ntop(family, address->bytes, text, (socklen_t)size) == NULL)
		return -ENOSPC;
	return (int)strlen(text);
}

/* Host bits stay, as users print what they gave; prefix_parse() judges the syntax. */
int sluice_prefix_parse(const char *text, struct lua_prefix *prefix)
{
	struct prefix_entry entry;
	char address[64];
	if (prefix_parse(text, &entry) != 0)
		return -EINVAL;
	text += *text == '!';
	size_t length = strcspn(text, "/");
	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	*prefix = (struct lua_prefix){
		.length = entry.length, .ipv6 = entry.ipv6, .negated = entry.negated};
	if (inet_pton(entry.ipv6 ? AF_INET6 : AF_INET, address, prefix->bytes) != 1)
		return -EINVAL;
	return 0;
}

int sluice_prefix_print(const struct lua_prefix *prefix, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	inet_ntop(prefix->ipv6 ? AF_INET6 : AF_INET, prefix->bytes, address, sizeof(address));
	return snprintf(text, size, "%s/%u", address, prefix->length);
}

size_t sluice_prefix_key(const struct lua_prefix *prefix, char *key)
{
	size_t size = prefix->ipv6 ? 16 : 4;
	memcpy(key, prefix->bytes, size);
	for (size_t i = prefix->length / 8; i < size; i++) {
		unsigned kept = i == prefix->length / 8 ? prefix->length % 8 : 0;
		key[i] = (char)((uint8_t)key[i] & 0xff00u >> kept);
	}
	key[size] = (char)prefix->length;
	return size + 1;
}

bool sluice_prefix_match(const struct lua_prefix *prefix, const struct lua_address *address)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;
	if (prefix->ipv6 != address->ipv6 || prefix->length > (prefix->ipv6 ? 128 : 32) ||
	    memcmp(prefix->bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || ((prefix->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

/* ---- sets of names ---- */

/* The context owns them: Lua's finalizers only say that one is needed no longer. */
struct lua_names {
	struct lua_names *next, **link;
	struct name_set *set;
};

struct lua_names *sluice_names_new(void)
{
	struct lua_names *names = calloc(1, sizeof(*names));
	struct name_set *set = name_set_new();
	if (names == NULL || set == NULL) {
		name_set_free(set);
		free(names);
		return NULL;
	}
	*names = (struct lua_names){current->names, &current->names, set};
	if (names->next != NULL)
		names->next->link = &names->next;
	current->names = names;
	return names;
}

void sluice_names_free(struct lua_names *names)
{
	if (names == NULL)
		return;
	*names->link = names->next;
	if (names->next != NULL)
		names->next->link = names->link;
	name_set_free(names->set);
	free(names);
}

void lua_names_free_all(struct lua_context *context)
{
	while (context->names != NULL)
		sluice_names_free(context->names);
}

const struct name_set *lua_names_set(const struct lua_names *names)
{
	return names->set;
}

int sluice_names_add(struct lua_names *names, const struct lua_name *name)
{
	size_t length;
	const uint8_t *bytes = name_bytes(name, &length);
	return name_set_add(names->set, bytes, length);
}

int sluice_names_remove(struct lua_names *names, const struct lua_name *name)
{
	size_t length;
	const uint8_t *bytes = name_bytes(name, &length);
	return name_set_remove(names->set, bytes, length);
}

bool sluice_names_has(const struct lua_names *names, const struct lua_name *name)
{
	size_t length;
	const uint8_t *bytes = name_bytes(name, &length);
	return name_set_has(names->set, bytes, length);
}

bool sluice_names_covers(const struct lua_names *names, const struct lua_name *name, size_t *suffix)
{
	size_t length;
	const uint8_t *bytes = name_bytes(name, &length);
	return name_set_covers(names->set, bytes, length, suffix);
}

uint32_t sluice_names_count(const struct lua_names *names)
{
	return names->set->count;
}

bool sluice_names_next(const struct lua_names *names, uint32_t *cursor, struct lua_name *name)
{
	size_t length;
	const uint8_t *bytes = name_set_next(names->set, cursor, &length);
	return bytes != NULL && sluice_name_load((const char *)bytes, length, name) == 0;
}
