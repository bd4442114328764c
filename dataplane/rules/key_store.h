/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores of keys and values that rules look packets up in, and the keys that packets give.
 *
 * A store is behind a live_list, so that it can be replaced under its rules. What it is made of
 * is behind function pointers: constant databases (CDB) lie in memory, and are here; others have a
 * library and are the control plane's.
 */
#ifndef SLUICE_DATAPLANE_RULES_KEY_STORE_H
#define SLUICE_DATAPLANE_RULES_KEY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct live_list;

struct key_value {
	const char *bytes;
	size_t length;
};

struct key_store {
	/*
	 * Whether the store has the key; with `range` a range that it is in. `lcore` is the caller's
	 * number. The value is valid until key_store_done(). Never blocks.
	 */
	bool (*find)(const struct key_store *store, unsigned lcore, const void *key, size_t length,
		     bool range, struct key_value *value);
	void (*done)(const struct key_store *store, unsigned lcore); /* NULL: nothing to do */
	uint64_t memory; /* bytes */
};

/* To be called after each find() that found something. */
static inline void key_store_done(const struct key_store *store, unsigned lcore)
{
	if (store->done != NULL)
		store->done(store, lcore);
}

/* ---- constant databases, https://cr.yp.to/cdb/cdb.txt ---- */

#define KEY_CDB_SIZE_MAX UINT32_MAX /* bytes, as the format has it */

/*
 * A store out of the bytes of a CDB, for which malloc() has been asked and which are the store's
 * from here on. NULL with errno EBADMSG: they are none; ENOMEM. Any thread.
 */
struct key_store *key_cdb_new(uint8_t *bytes, size_t size);
void key_cdb_free(struct key_store *store);

/* How many records there are, by the tables. */
uint64_t key_cdb_count(const struct key_store *store);

/* ---- rules ---- */

enum rule_lookup_kind {
	RULE_LOOKUP_QNAME,
	RULE_LOOKUP_SUFFIX, /* the name, then those it is below, as long as there are enough labels */
	RULE_LOOKUP_SOURCE,
	RULE_LOOKUP_TAG,
};

#define RULE_LOOKUP_KEY_MAX 1100u /* bytes: a name as text */

/* What of a packet is looked up where. */
struct rule_lookup {
	const struct live_list *store;
	uint8_t kind; /* enum rule_lookup_kind */
	bool range;
	bool wire;	  /* names in wire format, else as text without the final dot; lower case both */
	bool port;	  /* SOURCE: the client's port follows its address */
	uint8_t v4, v6;	  /* SOURCE: bits of the address that count */
	uint8_t min_labels; /* SUFFIX */
	uint16_t key_length; /* TAG: its name's */
	uint16_t set_length; /* of the tag that an action sets */
	char text[];	     /* both names */
};

struct rule_context;

/* Whether the store has one of the packet's keys; for selectors. */
bool rule_lookup_test(const struct rule_lookup *lookup, struct rte_mbuf *mbuf,
		      const struct rule_context *context);

/*
 * Sets the tag to the value of the first of the packet's keys that the store has, to nothing if it
 * has none. 0, -ENOMEM or -E2BIG.
 */
int rule_lookup_run(const struct rule_lookup *lookup, struct rte_mbuf *mbuf,
		    const struct rule_context *context);

#endif
