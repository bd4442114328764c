/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores of keys and values as policies see them. */
#include "control/lua/abi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/lists/feed.h"
#include "control/key_lmdb.h"
#include "dataplane/rules/key_store.h"

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

struct policy_blob *sluice_store_lmdb(const char *path, const char *database, bool no_lock,
				      char *error, size_t error_size)
{
	return key_lmdb_open(path, database, no_lock, policy_cache_lcore(model()) + 1, error,
			     error_size);
}

struct policy_blob *sluice_store_cdb(const struct lua_feed *list)
{
	return feed_blob(lua_feed_of(list));
}

static void lookup_fill(struct rule_lookup *lookup, const struct lua_lookup *from)
{
	*lookup = (struct rule_lookup){
		.kind = from->kind,
		.range = from->range,
		.wire = from->wire,
		.port = from->port,
		.v4 = from->v4,
		.v6 = from->v6,
		.min_labels = from->min_labels,
		.key_length = from->key_length,
		.set_length = from->set_length,
	};
}

struct policy_selector *sluice_selector_lookup(struct policy_blob *store,
					       const struct lua_lookup *lookup, const char *text)
{
	struct rule_lookup made;
	lookup_fill(&made, lookup);
	return lua_policy_keep(policy_selector_lookup(model(), store, &made, text));
}

struct policy_action *sluice_action_lookup(struct policy_blob *store,
					   const struct lua_lookup *lookup, const char *text)
{
	struct rule_lookup made;
	lookup_fill(&made, lookup);
	return lua_policy_keep(policy_action_lookup(model(), store, &made, text));
}

bool sluice_store_find(struct policy_blob *blob, const char *key, size_t length,
		       struct lua_bytes *value)
{
	static struct {
		char *bytes;
		size_t size;
	} kept;
	const struct key_store *store = live_list_store((const void *)blob->data);
	/* This lcore comes behind those of the workers. */
	const unsigned lcore = policy_cache_lcore(model());
	struct key_value found;
	if (store == NULL || !store->find(store, lcore, key, length, false, &found))
		return false;
	if (found.length > kept.size) {
		char *grown = realloc(kept.bytes, found.length);
		if (grown != NULL) {
			kept.bytes = grown;
			kept.size = found.length;
		}
	}
	*value = (struct lua_bytes){kept.bytes, RTE_MIN(found.length, kept.size)};
	if (value->length > 0)
		memcpy(kept.bytes, found.bytes, value->length);
	key_store_done(store, lcore);
	return true;
}
