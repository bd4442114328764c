/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LMDB databases as stores that rules look into. Lcores read the file's mapping itself: each has a
 * read transaction of its own, which it renews for a look-up and resets after it, so that it sees
 * what was committed last, takes no lock, and makes no system call; what is not in memory yet is
 * read then, as with any mapping.
 *
 * An environment stays open to the end of the program, with whatever policy: LMDB wants each file to
 * be opened once in a process. Control lcore only, but for the look-ups.
 */
#ifndef SLUICE_CONTROL_KEY_LMDB_H
#define SLUICE_CONTROL_KEY_LMDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_blob;

/*
 * The live_list of a database in a file (no folder; "": the one without a name), for lcores 0 to
 * `n_lcores` - 1. It is the callee's. `no_lock`: the file is not told that somebody reads it, and
 * nobody may write it. NULL, and why in `error`.
 */
struct policy_blob *key_lmdb_open(const char *path, const char *database, bool no_lock,
				  unsigned n_lcores, char *error, size_t error_size);

/* Look-ups that failed, of all databases: a key that is not there is no failure. */
uint64_t key_lmdb_errors(void);

/* Tells the log of them, now and then. `now` in milliseconds. */
void key_lmdb_tick(uint64_t now);

#endif
