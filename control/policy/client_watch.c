/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/policy/client_watch.h"

#include <stdlib.h>

bool client_watch_open(struct client_watch *watch)
{
	*watch = (struct client_watch){
		.clients = calloc(CLIENT_WATCH_MAX, sizeof(*watch->clients)),
		.index = calloc(CLIENT_WATCH_INDEX, sizeof(*watch->index)),
	};
	if (watch->clients != NULL && watch->index != NULL)
		return true;
	client_watch_close(watch);
	return false;
}

void client_watch_close(struct client_watch *watch)
{
	free(watch->clients);
	free(watch->index);
	*watch = (struct client_watch){0};
}

/* Where in the index the client is, or would be. */
static uint32_t *place_of(const struct client_watch *watch, uint64_t key)
{
	uint32_t at = (uint32_t)(key >> 32) % CLIENT_WATCH_INDEX;
	while (watch->index[at] != 0 && watch->clients[watch->index[at] - 1].key != key)
		at = (at + 1) % CLIENT_WATCH_INDEX;
	return &watch->index[at];
}

static void client_note(struct client_watch *watch, const struct client_counts *counts,
			const struct count_told *told)
{
	uint64_t key = count_client_key(counts, &told->client);
	uint32_t *place = place_of(watch, key);
	if (*place == 0 && watch->count == CLIENT_WATCH_MAX) {
		watch->lost++;
		return;
	}
	if (*place == 0) {
		watch->clients[watch->count] = (struct client_watched){key, *told};
		*place = ++watch->count;
	}
	struct client_watched *client = &watch->clients[*place - 1];
	client->told.until = RTE_MAX(client->told.until, told->until);
}

static void turn_round(struct client_watched *clients, uint32_t count)
{
	for (uint32_t i = 0; i < count / 2; i++) {
		struct client_watched first = clients[i];
		clients[i] = clients[count - 1 - i];
		clients[count - 1 - i] = first;
	}
}

/* Those that are no longer watched leave. Where a look ended early the next one begins with the rest. */
static void index_make(struct client_watch *watch)
{
	uint32_t rest = watch->count - watch->at, looked = watch->kept;
	memmove(&watch->clients[looked], &watch->clients[watch->at], rest * sizeof(*watch->clients));
	watch->count = looked + rest;
	if (rest > 0) {
		turn_round(watch->clients, looked);
		turn_round(watch->clients + looked, rest);
		turn_round(watch->clients, watch->count);
	}
	memset(watch->index, 0, CLIENT_WATCH_INDEX * sizeof(*watch->index));
	for (uint32_t i = 0; i < watch->count; i++)
		*place_of(watch, watch->clients[i].key) = i + 1;
	watch->at = watch->kept = 0;
}

void client_watch_begin(struct client_watch *watch, struct client_counts *counts)
{
	struct count_told told;
	index_make(watch);
	for (unsigned i = 0; i < counts->n_tables; i++)
		/* No more than a ring holds, however fast its worker is. */
		for (unsigned k = 0; k < COUNT_TOLD && client_counts_told(counts, i, &told); k++)
			client_note(watch, counts, &told);
}

bool client_watch_next(struct client_watch *watch, const struct client_counts *counts, uint64_t now,
		       struct count_client *client, uint64_t sums[static 2][COUNT_COLUMNS_MAX])
{
	if (watch->at == watch->count)
		return false;
	struct client_watched *next = &watch->clients[watch->at++];
	*client = next->told.client;
	client_counts_sum(counts, client, now, sums);
	if (next->told.until > now)
		watch->clients[watch->kept++] = *next;
	return true;
}
