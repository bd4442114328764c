/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of feeds, shared by feed.c, the control lcore's part, and feed_thread.c. */
#ifndef SLUICE_CONTROL_LISTS_FEED_PARTS_H
#define SLUICE_CONTROL_LISTS_FEED_PARTS_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "control/lists/feed.h"

/* Between looks for changes that inotify does not tell; with FEED_SETTLED_S no more than 30 s. */
#define FEED_LOOK_MS 25000u
#define FEED_SETTLED_S 5 /* a file whose name tells nothing is not being written any more */

/* Whose turn it is with `fresh`, `report` and `seconds`. */
enum feed_phase {
	FEED_PHASE_THREAD,
	FEED_PHASE_CONTROL, /* the file was read */
};

/* Tells versions of a file apart. */
struct feed_identity {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* Where inotify tells of a file. */
struct feed_watch {
	int folder; /* watch descriptor; -1: none */
	char name[NAME_MAX + 1];
};

struct feed {
	/* Fixed when it is opened. */
	struct feeds *feeds;
	char *path;
	struct feed_options options; /* name is not used: the list has it */
	struct policy_blob *blob;    /* a struct live_list; one use is the feed's */

	/* The control lcore's. */
	struct feed *next;
	uint32_t users; /* openings */
	enum feed_state state;
	struct feed_status status;
	char failure[LIST_MESSAGE_SIZE];
	const void *old; /* replaced; workers may still read it */
	uint64_t old_token;

	/* Between the two. */
	atomic_int phase;	 /* enum feed_phase */
	atomic_bool wanted;	 /* look whether the file changed */
	atomic_bool anew;	 /* read it even if it did not */
	atomic_bool gone;	 /* the thread's from here on, all of it, to be freed */
	_Atomic(const void *) garbage; /* for the thread to free */

	/* The thread's, or whose phase it is. */
	const void *fresh; /* NULL: report.failure says why */
	struct list_report report;
	double seconds;

	/* The thread's. */
	struct feed_identity identity;
	bool known; /* the identity is that of a file that was read */
	bool left;  /* it was told that the file is no longer there */
	bool late;  /* the last one was replaced while it was read */
	struct feed_watch watched[2]; /* its path, and where that leads */
};

struct feeds {
	struct rte_rcu_qsbr *rcu;
	struct feed *first;
	pthread_t thread;
	int wake; /* eventfd: the thread has something to do */
	int done; /* eventfd: a file was read */
	int inotify;
	atomic_bool stop;
	atomic_uint look_ms; /* FEED_LOOK_MS */
	atomic_uint looks;   /* that there were */
	/* Set by the control lcore, cleared by the thread. */
	_Atomic(struct feed *) slots[FEEDS_MAX];
};

static inline struct live_list *feed_live(const struct feed *feed)
{
	return (struct live_list *)feed->blob->data;
}

/* The thread's main function; the argument is the struct feeds. */
void *feed_thread(void *argument);

/* Frees a list of the feed's kind. NULL is fine. */
void feed_data_free(const struct feed *feed, const void *data);

/* Frees a feed with all that it has. */
void feed_free(struct feed *feed);

/* Makes the thread look at its feeds. */
void feeds_wake(struct feeds *feeds);

#endif
