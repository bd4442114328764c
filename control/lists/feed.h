/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds: lists that are read from files in the background and replaced under live rules. One
 * thread, which is not an lcore, reads files, watches them and frees what was replaced; the control
 * lcore swaps pointers and never waits for it, except where it says so.
 *
 * A feed lives as long as a policy has it open or a snapshot's rules use its list. Opening the same
 * file in the same way again, as a policy does that is loaded anew, gives the same feed with what
 * it has. Control lcore only, but for the list itself.
 */
#ifndef SLUICE_CONTROL_LISTS_FEED_H
#define SLUICE_CONTROL_LISTS_FEED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "control/lists/lists.h"
#include "dataplane/policy.h"
#include "dataplane/rules/live_list.h"

#define FEEDS_MAX 256u

struct feed;
struct feeds;

struct feed_options {
	const char *name; /* NULL: the file's, without its folder */
	enum list_format format; /* RPZ: a zone with its policies */
	uint8_t flags;		 /* as in struct list_options */
	bool watch;		 /* read again when the file changes */
};

enum feed_state {
	FEED_LOADING, /* for the first time */
	FEED_READY,   /* it has a list; the last reading of the file may have failed */
	FEED_FAILED,  /* it has none */
};

/* What is to be told about a feed. */
struct feed_status {
	const char *path, *name;
	enum feed_state state;
	uint64_t entries, errors; /* of the list in force: usable lines, broken ones */
	uint64_t memory;	  /* bytes, likewise */
	uint64_t loads, failures; /* readings of the file since the feed was opened */
	double loaded;		  /* when, seconds since 1970; 0: never */
	double seconds;		  /* what the last reading took */
	const char *failure; /* why the last reading failed; "" if it did not */
};

/* Called about once a second by feed_wait(). */
typedef void feed_progress_fn(void *context, const char *path, unsigned seconds);

/* As pthread_create() without attributes: 0 or what is wrong. */
typedef int feeds_start_fn(pthread_t *thread, void *(*run)(void *), void *argument);

/*
 * `rcu` is the workers'; NULL: there are none. `start` places the thread off their CPUs; NULL:
 * where its creator is. NULL with errno set.
 */
struct feeds *feeds_create(struct rte_rcu_qsbr *rcu, feeds_start_fn *start);
/* When no worker runs and no policy is left. NULL is fine. */
void feeds_destroy(struct feeds *feeds);

/*
 * Opens a feed, to be closed again. EINVAL: no such path; ENOSPC: there are FEEDS_MAX; ENOMEM. Its
 * file is read in the background; errors in it are logged.
 */
struct feed *feed_open(struct feeds *feeds, const char *path, const struct feed_options *options);
void feed_close(struct feed *feed);

/* Blocks until the file has been read for the first time: before workers run. */
enum feed_state feed_wait(struct feed *feed, feed_progress_fn *progress, void *context);

enum feed_state feed_state(const struct feed *feed);

/* Reads the file again if it changed. */
void feed_check(struct feed *feed);

/* The list, valid while the feed is open or the blob is used. */
const struct live_list *feed_list(const struct feed *feed);
struct policy_blob *feed_blob(struct feed *feed);

struct feed_status feed_status(const struct feed *feed);
/* The first feed for NULL; NULL after the last. */
const struct feed *feeds_next(const struct feeds *feeds, const struct feed *feed);

/*
 * Puts what was read in force, and gives up what nobody uses. Often; never blocks. With `keep`
 * feeds that are not open stay: their policy is about to be loaded.
 */
void feeds_turn(struct feeds *feeds, bool keep);

/* How many feeds are read for the first time. */
unsigned feeds_loading(const struct feeds *feeds);

/* Reads all files that changed, and tries those again that failed, watched or not. */
void feeds_check(struct feeds *feeds);

#endif
