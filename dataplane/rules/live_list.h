/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list that is replaced under the rules that use it: control/feed.c stores a new one with one
 * pointer, workers read it with one load. What they read stays until they pass a quiescent state.
 */
#ifndef SLUICE_DATAPLANE_RULES_LIVE_LIST_H
#define SLUICE_DATAPLANE_RULES_LIVE_LIST_H

#include <stdbool.h>

#include "dataplane/rules/name_index.h"
#include "dataplane/rules/rpz.h"

#define LIVE_LIST_NAME_SIZE 64u

struct live_list {
	const void *now; /* a struct rpz_zone or name_index; NULL: nothing was loaded yet */
	bool rpz;
	char name[LIVE_LIST_NAME_SIZE]; /* what the policy calls it */
};

/* Any lcore. NULL: nothing there, or no response policy zone. */
static inline const struct rpz_zone *live_list_zone(const struct live_list *list)
{
	return list->rpz ? __atomic_load_n(&list->now, __ATOMIC_ACQUIRE) : NULL;
}

/* The names: of a response policy zone its QNAME triggers. Any lcore; NULL: nothing there. */
static inline const struct name_index *live_list_names(const struct live_list *list)
{
	const void *now = __atomic_load_n(&list->now, __ATOMIC_ACQUIRE);
	if (now == NULL || !list->rpz)
		return now;
	return ((const struct rpz_zone *)now)->names;
}

#endif
