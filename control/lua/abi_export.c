/* SPDX-License-Identifier: BSD-2-Clause */
/* Collectors of queries and responses as policies see them. */
#include "control/lua/abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "control/export/exporter.h"
#include "dataplane/rules/tags.h"

#define ITEMS_SIZE (64u << 10) /* of what Lua changes of one message */
#define SETTINGS_MAX 128u

static_assert(COPIES_COUNT <= sizeof(((struct lua_export_stats *)0)->copies) / sizeof(uint64_t),
	      "room for all");

/* What the function that runs has changed. */
static struct {
	uint8_t bytes[ITEMS_SIZE];
	uint32_t used;
} items;

static struct exporter *exporter(void)
{
	return lua_abi_context()->exporter;
}

/* What policies that are gone had named of collectors, until no worker has their rules. */
static struct exporter_uses *exports_left;

void lua_exports_leave(struct exporter_uses *uses)
{
	if (uses == NULL)
		return;
	uses->next = exports_left;
	exports_left = uses;
}

/* At the end nobody is told: the exporter, which goes then, sends what waits before it closes all. */
void lua_exports_release(struct exporter *exporter)
{
	while (exports_left != NULL) {
		struct exporter_uses *uses = exports_left;
		exports_left = uses->next;
		if (exporter != NULL)
			exporter_release(exporter, uses);
		free(uses);
	}
}

/* ---- collectors ---- */

static socklen_t socket_address(const struct lua_address *from, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (void *)to;
	struct sockaddr_in6 *v6 = (void *)to;
	if (from->ipv6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(from->port);
		memcpy(&v6->sin6_addr, from->bytes, 16);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(from->port);
	memcpy(&v4->sin_addr, from->bytes, 4);
	return sizeof(*v4);
}

static int unix_address(const char *path, struct sockaddr_storage *to)
{
	struct sockaddr_un *address = (void *)to;
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	address->sun_family = AF_UNIX;
	strcpy(address->sun_path, path);
	return sizeof(*address);
}

int sluice_export_logger(const struct lua_export_logger *from, const struct lua_address *address,
			 const struct lua_address *local)
{
	struct exporter_logger logger = {
		.kind = (enum exporter_kind)from->kind,
		.name = from->name,
		.queue = from->queue,
		.connect_ms = from->connect_ms,
		.reconnect_ms = from->reconnect_ms,
		.stall_ms = from->stall_ms,
		.connections = from->connections,
	};
	if (address != NULL) {
		logger.address_size = socket_address(address, &logger.address);
	} else {
		int size = unix_address(from->name, &logger.address);
		if (size < 0)
			return size;
		logger.address_size = (socklen_t)size;
	}
	if (local != NULL) {
		if (address == NULL || local->ipv6 != address->ipv6)
			return -EAFNOSUPPORT;
		socket_address(local, &logger.local);
	}
	return exporter() != NULL ? exporter_logger(exporter(), lua_abi_context()->exports, &logger) : 0;
}

void sluice_export_stats(int logger, struct lua_export_stats *to)
{
	struct exporter_stats stats = {0};
	if (exporter() != NULL)
		exporter_stats(exporter(), (unsigned)logger, &stats);
	*to = (struct lua_export_stats){
		.queued = stats.queued,
		.sent = stats.sent,
		.full = stats.full + stats.lost,
		.too_large = stats.too_large,
		.failures = stats.failures,
		.connected = stats.connected,
	};
	memcpy(to->copies, stats.copies, sizeof(stats.copies));
}

const char *sluice_export_counter(unsigned int number)
{
	return number < COPIES_COUNT ? copies_names[number] : NULL;
}

/* ---- what actions say ---- */

/* Without anybody to say it to, as in `sluice check`. */
static int form_try(enum export_encoding encoding, uint8_t flags,
		    const struct export_setting *settings, unsigned count)
{
	struct export_form *form = export_form_new(encoding, 0, flags, settings, count);
	if (form == NULL)
		return -errno;
	export_form_free(form);
	return 0;
}

int sluice_export_form(uint32_t encoding, int logger, uint32_t flags,
		       const struct lua_export_setting *from, unsigned int count,
		       struct lua_export *to)
{
	struct export_setting settings[SETTINGS_MAX];
	struct rule_export made = {0};
	if (count > SETTINGS_MAX)
		return -E2BIG;
	for (unsigned i = 0; i < count; i++)
		settings[i] = (struct export_setting){from[i].kind, from[i].key_length,
						      from[i].value_length, from[i].key,
						      from[i].value};
	int error = exporter() == NULL
			    ? form_try((enum export_encoding)encoding, (uint8_t)flags, settings,
				       count)
			    : exporter_form(exporter(), lua_abi_context()->exports,
					    (enum export_encoding)encoding, (uint8_t)logger,
					    (uint8_t)flags, settings, count, &made);
	*to = (struct lua_export){made.form, made.logger, made.parts};
	return error;
}

static struct rule_export export_of(const struct lua_export *from)
{
	return (struct rule_export){from->form, from->logger, from->parts};
}

struct policy_action *sluice_action_export(const struct lua_export *what)
{
	return lua_policy_keep(policy_action_export(lua_abi_context()->model, export_of(what)));
}

/* ---- messages that Lua changes ---- */

void sluice_export_begin(void)
{
	items.used = 0;
}

int sluice_export_item(uint32_t kind, uint16_t code, const char *key, uint16_t key_length,
		       const char *value, uint32_t value_length)
{
	const struct export_item item = {(uint16_t)kind, code, key_length, value_length,
					 (const uint8_t *)key, (const uint8_t *)value};
	uint32_t size = export_item_put(items.bytes + items.used, ITEMS_SIZE - items.used, &item);
	items.used += size;
	return size > 0 ? 0 : -E2BIG;
}

int sluice_export_push(struct lua_question *question, const struct lua_export *what)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	const struct rule_context *rules = lua_abi_context()->rules;
	if (mbuf == NULL)
		return -ESTALE;
	if (rules != NULL)
		export_push(rules, export_of(what), mbuf, items.bytes, items.used);
	items.used = 0;
	return 0;
}

/* ---- what a packet has for collectors ---- */

int sluice_question_identity_set(struct lua_question *question, uint32_t which, const char *text,
				 size_t length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	return identity_set(&packet_of(mbuf)->query.notes, (enum note_identity)which, text, length);
}

bool sluice_question_identity(const struct lua_question *question, uint32_t which,
			      struct lua_bytes *text)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	return mbuf != NULL && identity_get(packet_of(mbuf)->query.notes, (enum note_identity)which,
					    &text->data, &text->length);
}

int sluice_question_meta_clear(struct lua_question *question, const char *key, size_t key_length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	meta_clear(&packet_of(mbuf)->query.notes, key, key_length);
	return 0;
}

int sluice_question_meta_add(struct lua_question *question, const char *key, size_t key_length,
			     const char *value, size_t value_length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	return meta_add(&packet_of(mbuf)->query.notes, key, key_length, value, value_length);
}

int sluice_question_meta_number(struct lua_question *question, const char *key, size_t key_length,
				int64_t value)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	return meta_add_number(&packet_of(mbuf)->query.notes, key, key_length, value);
}

/* ---- dnsdist's FFI, for any lcore ---- */

static _Thread_local struct {
	char text[256]; /* longer keys are cut */
	size_t length;
} begun;

static void identity_put(struct lua_question *question, enum note_identity which,
			 const char *value, size_t length)
{
	if (value != NULL)
		sluice_question_identity_set(question, which, value, length);
}

void dnsdist_ffi_dnsquestion_set_requestor_id(dnsdist_ffi_dnsquestion_t *dq, const char *value,
					      size_t valueSize)
{
	identity_put(dq, NOTE_REQUESTOR_ID, value, valueSize);
}

void dnsdist_ffi_dnsquestion_set_device_id(dnsdist_ffi_dnsquestion_t *dq, const char *value,
					   size_t valueSize)
{
	identity_put(dq, NOTE_DEVICE_ID, value, valueSize);
}

void dnsdist_ffi_dnsquestion_set_device_name(dnsdist_ffi_dnsquestion_t *dq, const char *value,
					     size_t valueSize)
{
	identity_put(dq, NOTE_DEVICE_NAME, value, valueSize);
}

void dnsdist_ffi_dnsquestion_meta_begin_key(dnsdist_ffi_dnsquestion_t *dq, const char *key,
					    size_t keyLen)
{
	begun.length = key != NULL ? RTE_MIN(keyLen, sizeof(begun.text)) : 0;
	if (begun.length == 0)
		return;
	memcpy(begun.text, key, begun.length);
	sluice_question_meta_clear(dq, begun.text, begun.length);
}

void dnsdist_ffi_dnsquestion_meta_add_str_value_to_key(dnsdist_ffi_dnsquestion_t *dq,
						       const char *value, size_t valueLen)
{
	if (begun.length > 0 && value != NULL)
		sluice_question_meta_add(dq, begun.text, begun.length, value, valueLen);
}

void dnsdist_ffi_dnsquestion_meta_add_int64_value_to_key(dnsdist_ffi_dnsquestion_t *dq,
							 int64_t value)
{
	if (begun.length > 0)
		sluice_question_meta_number(dq, begun.text, begun.length, value);
}

void dnsdist_ffi_dnsquestion_meta_end_key(dnsdist_ffi_dnsquestion_t *dq)
{
	(void)dq;
	begun.length = 0;
}

void dnsdist_ffi_dnsresponse_meta_begin_key(dnsdist_ffi_dnsresponse_t *dr, const char *key,
					    size_t keyLen)
{
	dnsdist_ffi_dnsquestion_meta_begin_key(dr, key, keyLen);
}

void dnsdist_ffi_dnsresponse_meta_add_str_value_to_key(dnsdist_ffi_dnsresponse_t *dr,
						       const char *value, size_t valueLen)
{
	dnsdist_ffi_dnsquestion_meta_add_str_value_to_key(dr, value, valueLen);
}

void dnsdist_ffi_dnsresponse_meta_add_int64_value_to_key(dnsdist_ffi_dnsresponse_t *dr,
							 int64_t value)
{
	dnsdist_ffi_dnsquestion_meta_add_int64_value_to_key(dr, value);
}

void dnsdist_ffi_dnsresponse_meta_end_key(dnsdist_ffi_dnsresponse_t *dr)
{
	dnsdist_ffi_dnsquestion_meta_end_key(dr);
}
