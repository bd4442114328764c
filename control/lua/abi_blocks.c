/* SPDX-License-Identifier: BSD-2-Clause */
/* Dynamic blocks, as policies add them and look at them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lua/abi.h"
#include "dataplane/clock.h"
#include "dataplane/dns/name.h"
#include "dataplane/rules/block_set.h"

#define SAID_MAX 20u /* lines of the log in a second */
#define KEY_SIZE 1024u
#define SECONDS_MAX 1e9 /* 31 years, which a time stamp counter counts */

static struct block_set *blocks(void)
{
	return lua_abi_context()->blocks;
}

static bool action_is_known(unsigned action)
{
	switch (action) {
	case RULE_RESULT_DROP:
	case RULE_RESULT_NXDOMAIN:
	case RULE_RESULT_REFUSED:
	case RULE_RESULT_TRUNCATE:
	case RULE_RESULT_NONE:
	case RULE_RESULT_NO_OP:
	case RULE_RESULT_NO_RECURSE:
	case RULE_RESULT_SET_TAG:
		return true;
	default:
		return false;
	}
}

static uint64_t until_of(double seconds)
{
	double most = seconds < SECONDS_MAX ? seconds : SECONDS_MAX;
	return clock_now() + (uint64_t)(most * (double)lua_abi_context()->tsc_hz);
}

static int client_of(const struct lua_block *block, struct block_client *client)
{
	return block_client_make(client, block->client.bytes, block->client.ipv6,
				 block->client.length, block->port, block->port_bits);
}

int sluice_block_add(const struct lua_block *block)
{
	struct block_client client;
	if (lua_abi_context()->checking)
		return BLOCK_KEPT;
	if (blocks() == NULL)
		return -ENOTSUP;
	if (!action_is_known(block->action) || block->tag_length > UINT16_MAX ||
	    block->value_length > UINT16_MAX)
		return -EINVAL;
	struct block_order order = {
		.reason = block->reason,
		.until = until_of(block->seconds),
		.action = block->action,
		.warning = block->warning,
		.tag = block->tag,
		.value = block->value,
		.tag_length = (uint16_t)block->tag_length,
		.value_length = (uint16_t)block->value_length,
	};
	if (block->named)
		return block_set_add_name(blocks(), block->suffix.wire, block->suffix.length, &order,
					  clock_now());
	int error = client_of(block, &client);
	return error != 0 ? error
			  : block_set_add_client(blocks(), &client, &order, clock_now());
}

int sluice_block_remove(const struct lua_block *block)
{
	struct block_client client;
	if (blocks() == NULL)
		return -ENOENT;
	if (block->named)
		return block_set_remove_name(blocks(), block->suffix.wire, block->suffix.length,
					     clock_now());
	int error = client_of(block, &client);
	return error != 0 ? error : block_set_remove_client(blocks(), &client, clock_now());
}

void sluice_blocks_clear(void)
{
	if (blocks() != NULL)
		block_set_clear(blocks());
}

size_t sluice_blocks_count(void)
{
	return blocks() == NULL
		       ? 0
		       : (size_t)block_set_count(blocks(), false) + block_set_count(blocks(), true);
}

static uint8_t action_of(const struct block *block)
{
	struct policy_model *model = lua_abi_context()->model;
	if (block->action != RULE_RESULT_NONE || model == NULL)
		return block->action;
	return policy_model_settings(model)->block_action;
}

static void block_read(const struct block *from, uint64_t now, struct lua_block *to)
{
	*to = (struct lua_block){
		.client = {.length = from->client.length, .ipv6 = from->client.ipv6},
		.port = from->client.port,
		.port_bits = from->client.port_bits,
		.named = from->name_length > 0,
		.action = action_of(from),
		.warning = from->warning,
		.suffix = {.length = from->name_length},
		.reason = from->reason,
		.seconds = (double)(from->until - now) / (double)lua_abi_context()->tsc_hz,
		.hits = block_set_hits(blocks(), from),
	};
	memcpy(to->client.bytes, from->client.words, sizeof(to->client.bytes));
	memcpy(to->suffix.wire, from->name, from->name_length);
	if (from->tag == NULL)
		return;
	to->tag = from->tag->bytes;
	to->tag_length = from->tag->key_length;
	to->value = from->tag->bytes + from->tag->key_length;
	to->value_length = from->tag->value_length;
}

bool sluice_block_next(uint32_t *cursor, bool clients, bool names, struct lua_block *block)
{
	const struct block *found;
	uint64_t now = clock_now();
	while (blocks() != NULL && (found = block_set_next(blocks(), cursor)) != NULL) {
		if (found->until <= now || !(found->name_length > 0 ? names : clients))
			continue;
		block_read(found, now, block);
		return true;
	}
	return false;
}

/* As the table has it, whatever was asked for. */
size_t sluice_block_print(const struct lua_block *block, char *text, size_t size)
{
	struct block_client client;
	uint8_t name[DNS_NAME_MAX];
	if (!block->named)
		return client_of(block, &client) == 0 ? block_client_print(&client, text, size)
						      : 0;
	dns_name_lower(name, block->suffix.wire, block->suffix.length);
	return (size_t)dns_name_print(name, text, size, true);
}

void sluice_block_say(const struct lua_block *block)
{
	static uint64_t second, said;
	char key[KEY_SIZE];
	uint64_t now = sluice_now() / 1000;
	if (now != second) {
		if (said > SAID_MAX)
			log_warning("Inserting dynamic blocks: %llu more were not logged",
				    (unsigned long long)(said - SAID_MAX));
		second = now;
		said = 0;
	}
	if (said++ >= SAID_MAX)
		return;
	sluice_block_print(block, key, sizeof(key));
	log_warning("Inserting %sdynamic block for %s for %.0f seconds: %s",
		    block->warning ? "(warning) " : "", key, block->seconds, block->reason);
}

/* ---- dnsdist's FFI ---- */

static bool added(struct lua_block *block, const char *function)
{
	int result = sluice_block_add(block);
	if (result < 0)
		log_error("%s: %s", function, strerror(-result));
	if (result == BLOCK_ADDED)
		sluice_block_say(block);
	return result > 0;
}

static struct lua_block block_of(const char *message, uint8_t action, unsigned int duration,
				 const char *key, const char *value)
{
	struct lua_block block = {
		.action = action, .seconds = duration, .reason = message != NULL ? message : ""};
	if (action == RULE_RESULT_SET_TAG && key != NULL) {
		block.tag = key;
		block.tag_length = strlen(key);
		block.value = value != NULL ? value : "";
		block.value_length = strlen(block.value);
	}
	return block;
}

bool dnsdist_ffi_dynamic_blocks_add(const char *address, const char *message, uint8_t action,
				    unsigned int duration, uint8_t clientIPMask,
				    uint8_t clientIPPortMask, const char *tagKey,
				    const char *tagValue)
{
	struct lua_address client;
	struct lua_block block = block_of(message, action, duration, tagKey, tagValue);
	if (address == NULL || sluice_address_parse(address, &client) != 0) {
		log_error("%s: \"%s\" is not an address", __func__, address != NULL ? address : "");
		return false;
	}
	memcpy(block.client.bytes, client.bytes, sizeof(block.client.bytes));
	block.client.ipv6 = client.ipv6;
	block.client.length = clientIPMask;
	block.port = client.port;
	block.port_bits = clientIPPortMask;
	return added(&block, __func__);
}

bool dnsdist_ffi_dynamic_blocks_smt_add(const char *suffix, const char *message, uint8_t action,
					unsigned int duration, const char *tagKey,
					const char *tagValue)
{
	struct lua_block block = block_of(message, action, duration, tagKey, tagValue);
	block.named = 1;
	if (suffix == NULL || sluice_name_parse(suffix, strlen(suffix), &block.suffix) < 0) {
		log_error("%s: \"%s\" is not a name", __func__, suffix != NULL ? suffix : "");
		return false;
	}
	return added(&block, __func__);
}

struct dnsdist_ffi_dynamic_blocks_list_t {
	size_t count, size;
	dnsdist_ffi_dynamic_block_entry_t *entries;
};

static bool entry_add(dnsdist_ffi_dynamic_blocks_list_t *list, const struct lua_block *block)
{
	char key[KEY_SIZE];
	if (list->count == list->size) {
		size_t size = list->size > 0 ? list->size * 2 : 64;
		void *entries = realloc(list->entries, size * sizeof(*list->entries));
		if (entries == NULL)
			return false;
		list->entries = entries;
		list->size = size;
	}
	sluice_block_print(block, key, sizeof(key));
	dnsdist_ffi_dynamic_block_entry_t *entry = &list->entries[list->count];
	*entry = (dnsdist_ffi_dynamic_block_entry_t){
		.key = strdup(key),
		.reason = strdup(block->reason),
		.blockedQueries = block->hits,
		.remainingTime = (uint64_t)block->seconds,
		.action = block->action,
		.warning = block->warning,
	};
	list->count++;
	return entry->key != NULL && entry->reason != NULL;
}

static size_t entries_list(dnsdist_ffi_dynamic_blocks_list_t **out, bool named)
{
	struct lua_block block;
	uint32_t cursor = 0;
	if (out == NULL)
		return 0;
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return 0;
	while (sluice_block_next(&cursor, !named, named, &block)) {
		if (entry_add(*out, &block))
			continue;
		dnsdist_ffi_dynamic_blocks_list_free(*out);
		*out = NULL;
		return 0;
	}
	return (*out)->count;
}

size_t dnsdist_ffi_dynamic_blocks_get_entries(dnsdist_ffi_dynamic_blocks_list_t **out)
{
	return entries_list(out, false);
}

size_t dnsdist_ffi_dynamic_blocks_smt_get_entries(dnsdist_ffi_dynamic_blocks_list_t **out)
{
	return entries_list(out, true);
}

const dnsdist_ffi_dynamic_block_entry_t *
dnsdist_ffi_dynamic_blocks_list_get(const dnsdist_ffi_dynamic_blocks_list_t *list, size_t idx)
{
	return list != NULL && idx < list->count ? &list->entries[idx] : NULL;
}

void dnsdist_ffi_dynamic_blocks_list_free(dnsdist_ffi_dynamic_blocks_list_t *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		free(list->entries[i].key);
		free(list->entries[i].reason);
	}
	free(list->entries);
	free(list);
}
