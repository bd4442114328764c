/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clients of which some worker noted that they may be above a limit: kept until the part of the
 * time that the note is from has ended and been looked at. Control lcore only.
 */
#ifndef SLUICE_CONTROL_POLICY_CLIENT_WATCH_H
#define SLUICE_CONTROL_POLICY_CLIENT_WATCH_H

#include "dataplane/rules/client_counts.h"

#define CLIENT_WATCH_MAX 16384u
#define CLIENT_WATCH_INDEX (2 * CLIENT_WATCH_MAX)

struct client_watched {
	uint64_t key;
	struct count_told told;
};

struct client_watch {
	uint32_t count;
	uint32_t at, kept;  /* of a look at all: the next one, and how many of those before stay */
	uint64_t lost; /* notes of more clients than there is room for */
	struct client_watched *clients;
	uint32_t *index; /* by key: a number among the clients, and one; 0: free */
};

/* False without memory. */
bool client_watch_open(struct client_watch *watch);
void client_watch_close(struct client_watch *watch);

/* Takes what workers noted, and begins a look at all clients. */
void client_watch_begin(struct client_watch *watch, struct client_counts *counts);

/* The next one, and what it did up to now; false after the last. */
bool client_watch_next(struct client_watch *watch, const struct client_counts *counts, uint64_t now,
		       struct count_client *client, uint64_t sums[static 2][COUNT_COLUMNS_MAX]);

#endif
