/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/async/ids.h"

#include <stdlib.h>

#include "control/async/wheel.h"

#define NOBODY UINT32_MAX

enum id_state { ID_FREE, ID_TAKEN, ID_RESTING, ID_RESTED };

struct dns_id {
	struct wheel_node rest; /* first, so that a node is its ID's record */
	uint32_t older;		/* in the list of its state */
	uint32_t newer;
	uint32_t rest_ms;
	enum id_state state;
};

/* First in, first out, and any member can be taken out. */
struct id_list {
	uint32_t oldest;
	uint32_t newest;
};

struct async_ids {
	struct id_list free;
	struct id_list rested; /* had their short rest; taken only when nothing is free */
	struct wheel rests;
	struct dns_id ids[ASYNC_IDS_COUNT];
};

static void list_append(struct async_ids *ids, struct id_list *list, uint32_t id)
{
	ids->ids[id].older = list->newest;
	ids->ids[id].newer = NOBODY;
	if (list->newest == NOBODY)
		list->oldest = id;
	else
		ids->ids[list->newest].newer = id;
	list->newest = id;
}

static void list_remove(struct async_ids *ids, struct id_list *list, uint32_t id)
{
	uint32_t older = ids->ids[id].older;
	uint32_t newer = ids->ids[id].newer;

	if (older == NOBODY)
		list->oldest = newer;
	else
		ids->ids[older].newer = newer;
	if (newer == NOBODY)
		list->newest = older;
	else
		ids->ids[newer].older = older;
}

static void set_free(struct async_ids *ids, uint32_t id)
{
	ids->ids[id].state = ID_FREE;
	list_append(ids, &ids->free, id);
}

struct async_ids *async_ids_create(uint64_t now)
{
	struct async_ids *ids = calloc(1, sizeof(*ids));
	if (!ids)
		return NULL;
	ids->free = (struct id_list){NOBODY, NOBODY};
	ids->rested = (struct id_list){NOBODY, NOBODY};
	wheel_init(&ids->rests, now, ids->ids);
	for (uint32_t id = 0; id < ASYNC_IDS_COUNT; id++)
		set_free(ids, id);
	return ids;
}

void async_ids_destroy(struct async_ids *ids)
{
	free(ids);
}

size_t async_ids_memory(void)
{
	return sizeof(struct async_ids);
}

int async_ids_take(struct async_ids *ids)
{
	struct id_list *list = ids->free.oldest != NOBODY ? &ids->free : &ids->rested;
	uint32_t id = list->oldest;
	if (id == NOBODY)
		return -1;

	list_remove(ids, list, id);
	wheel_cancel(&ids->rests, &ids->ids[id].rest);
	ids->ids[id].state = ID_TAKEN;
	return (int)id;
}

void async_ids_release(struct async_ids *ids, uint16_t id, uint32_t rest_ms, uint64_t now)
{
	struct dns_id *record = &ids->ids[id];
	if (record->state != ID_TAKEN)
		return;
	if (rest_ms == 0) {
		set_free(ids, id);
		return;
	}
	record->state = ID_RESTING;
	record->rest_ms = rest_ms;
	wheel_add(&ids->rests, &record->rest, now + rest_ms);
}

void async_ids_advance(struct async_ids *ids, uint64_t now)
{
	struct wheel_node *node;

	while ((node = wheel_expire(&ids->rests, now))) {
		struct dns_id *record = (struct dns_id *)node;
		uint32_t id = (uint32_t)(record - ids->ids);
		if (record->state == ID_RESTED) {
			list_remove(ids, &ids->rested, id);
			set_free(ids, id);
			continue;
		}
		uint64_t more = (uint64_t)record->rest_ms * (ASYNC_IDS_LONG_REST - 1);
		record->state = ID_RESTED;
		list_append(ids, &ids->rested, id);
		wheel_add(&ids->rests, node, node->deadline + more);
	}
}
