/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list that is replaced under the rules that use it: control/lists/feed.c stores a new one with one
 * pointer, workers read it with one load. What they read stays until they pass a quiescent state.
 */
#ifndef SLUICE_DATAPLANE_RULES_LIVE_LIST_H
#define SLUICE_DATAPLANE_RULES_LIVE_LIST_H

#include <stdbool.h>

#include "dataplane/rules/key_store.h"
#include "dataplane/rules/name_index.h"
#include "dataplane/rules/prefix_index.h"
#include "dataplane/rules/rpz.h"
#include "dataplane/rules/subscriber_table.h"

#define LIVE_LIST_NAME_SIZE 64u

enum live_list_kind {
	LIVE_LIST_NAMES,    /* a struct name_index */
	LIVE_LIST_ZONE,	    /* a struct rpz_zone */
	LIVE_LIST_PREFIXES, /* a struct prefix_index */
	LIVE_LIST_SUBSCRIBERS, /* a struct subscriber_table */
	LIVE_LIST_STORE, /* a struct key_store */
};

struct live_list {
	const void *now; /* NULL: nothing was loaded yet */
	enum live_list_kind kind;
	char name[LIVE_LIST_NAME_SIZE]; /* what the policy calls it */
};

/* Any lcore. NULL: nothing there, or no response policy zone. */
static inline const struct rpz_zone *live_list_zone(const struct live_list *list)
{
	return list->kind == LIVE_LIST_ZONE ? __atomic_load_n(&list->now, __ATOMIC_ACQUIRE) : NULL;
}

/* The names: of a response policy zone its QNAME triggers. Any lcore; NULL: nothing there. */
static inline const struct name_index *live_list_names(const struct live_list *list)
{
	const void *now = __atomic_load_n(&list->now, __ATOMIC_ACQUIRE);
	if (now == NULL || (list->kind != LIVE_LIST_NAMES && list->kind != LIVE_LIST_ZONE))
		return NULL;
	return list->kind == LIVE_LIST_ZONE ? ((const struct rpz_zone *)now)->names : now;
}

/* Any lcore. NULL: nothing there, or no list of prefixes. */
static inline const struct prefix_index *live_list_prefixes(const struct live_list *list)
{
	return list->kind == LIVE_LIST_PREFIXES ? __atomic_load_n(&list->now, __ATOMIC_ACQUIRE)
						: NULL;
}

/* Any lcore. NULL: nothing there, or no table of subscribers. */
static inline const struct subscriber_table *live_list_subscribers(const struct live_list *list)
{
	return list->kind == LIVE_LIST_SUBSCRIBERS ? __atomic_load_n(&list->now, __ATOMIC_ACQUIRE)
						   : NULL;
}

/* Any lcore. NULL: nothing there, or no store. */
static inline const struct key_store *live_list_store(const struct live_list *list)
{
	return list->kind == LIVE_LIST_STORE ? __atomic_load_n(&list->now, __ATOMIC_ACQUIRE) : NULL;
}

#endif
