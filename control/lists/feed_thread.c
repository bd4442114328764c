/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that reads lists: off the lcores, and with less priority than whatever else runs. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/lists/feed_parts.h"

#define NICENESS 10
#define EVENTS_SIZE 4096

void feed_data_free(const struct feed *feed, const void *data)
{
	switch (feed_live(feed)->kind) {
	case LIVE_LIST_NAMES:
		name_index_free((struct name_index *)data);
		break;
	case LIVE_LIST_ZONE:
		rpz_zone_free((struct rpz_zone *)data);
		break;
	case LIVE_LIST_PREFIXES:
		prefix_index_free((struct prefix_index *)data);
		break;
	case LIVE_LIST_SUBSCRIBERS:
		subscriber_table_free((struct subscriber_table *)data);
		break;
	case LIVE_LIST_STORE:
		key_cdb_free((struct key_store *)data);
		break;
	}
}

void feed_free(struct feed *feed)
{
	feed_data_free(feed, feed_live(feed)->now);
	feed_data_free(feed, feed->old);
	feed_data_free(feed, feed->fresh);
	feed_data_free(feed, atomic_load(&feed->garbage));
	policy_blob_release(feed->blob);
	free(feed->path);
	free(feed);
}

static bool identity_read(const char *path, struct feed_identity *identity)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return false;
	*identity = (struct feed_identity){status.st_dev, status.st_ino, status.st_size,
					   status.st_mtim};
	return true;
}

static bool identity_equal(const struct feed_identity *a, const struct feed_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static double clock_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const void *list_read(struct feed *feed)
{
	struct list_options options = {
		.format = feed->options.format,
		.flags = feed->options.flags,
		.stop = &feed->feeds->stop,
	};
	if (feed_live(feed)->kind == LIVE_LIST_ZONE)
		return list_load_rpz(feed->path, &options, &feed->report);
	if (feed_live(feed)->kind == LIVE_LIST_PREFIXES)
		return list_load_prefixes(feed->path, &options, &feed->report);
	if (feed_live(feed)->kind == LIVE_LIST_SUBSCRIBERS)
		return list_load_subscribers(feed->path, &options, &feed->report);
	if (feed_live(feed)->kind == LIVE_LIST_STORE)
		return list_load_store(feed->path, &options, &feed->report);
	return list_load_names(feed->path, &options, 0, &feed->report);
}

/* Whether another file is under the name by now, which may be what was read, and half written. */
static bool feed_replaced(const struct feed *feed)
{
	struct feed_identity now;
	return identity_read(feed->path, &now) &&
	       (!feed->known || now.inode != feed->identity.inode ||
		now.device != feed->identity.device);
}

/* The file that was found there (NULL: none); `anew`: whatever is there by now. */
static void feed_read(struct feed *feed, const struct feed_identity *found, bool anew)
{
	double start = clock_seconds();
	uint64_t one = 1;
	memset(&feed->report, 0, sizeof(feed->report));
	feed->known = found != NULL;
	if (found != NULL)
		feed->identity = *found;
	feed->fresh = list_read(feed);
	/* Not twice: who replaces it faster than it can be read has whole ones. */
	feed->late = !anew && !feed->late && feed_replaced(feed);
	if (feed->late) {
		feed_data_free(feed, feed->fresh);
		feed->fresh = NULL;
		feed->known = false; /* it is read when it is whole */
		return;
	}
	feed->seconds = clock_seconds() - start;
	atomic_store(&feed->phase, FEED_PHASE_CONTROL);
	if (write(feed->feeds->done, &one, sizeof(one)) < 0) {
		/* The counter is full: it wakes as well. */
	}
}

/* Whether the file is another one than that which was read; a file that went is one too, once. */
static bool feed_changed(const struct feed *feed, const struct feed_identity *found)
{
	if (found == NULL || !feed->known)
		return (found != NULL) != feed->known;
	return !identity_equal(found, &feed->identity);
}

/* Who writes a file is told of only in the end: one that changed of late may be half written. */
static bool is_settled(const struct feed_identity *found)
{
	return found == NULL ||
	       llabs((long long)time(NULL) - found->changed.tv_sec) >= FEED_SETTLED_S;
}

/* A file is told of by its name in its folder. A folder that is watched already is looked up. */
static struct feed_watch watch_open(const struct feeds *feeds, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct feed_watch watch = {.folder = -1};
	char folder[PATH_MAX];
	int length = slash == NULL    ? snprintf(folder, sizeof(folder), ".")
		     : slash == path ? snprintf(folder, sizeof(folder), "/")
				     : snprintf(folder, sizeof(folder), "%.*s",
						(int)(slash - path), path);
	if (length < 0 || (size_t)length >= sizeof(folder))
		return watch;
	snprintf(watch.name, sizeof(watch.name), "%s", slash == NULL ? path : slash + 1);
	watch.folder = inotify_add_watch(feeds->inotify, folder,
					 IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
	return watch;
}

/* A file behind a symbolic link also changes where that leads. */
static void feed_watch(struct feed *feed)
{
	char *real = realpath(feed->path, NULL);
	feed->watched[0] = watch_open(feed->feeds, feed->path);
	feed->watched[1] = watch_open(feed->feeds, real != NULL ? real : feed->path);
	free(real);
}

/* Where a file left, another one may be there by now that is being written. */
static void feed_event(struct feed *feed, const struct inotify_event *event)
{
	for (unsigned i = 0; i < 2 && feed->options.watch; i++)
		if (event->wd == feed->watched[i].folder && event->len > 0 &&
		    strcmp(event->name, feed->watched[i].name) == 0) {
			if (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
				atomic_store(&feed->wanted, true);
			else
				feed->left = true;
		}
}

static void events_read(struct feeds *feeds)
{
	_Alignas(struct inotify_event) char bytes[EVENTS_SIZE];
	ssize_t size;
	while ((size = read(feeds->inotify, bytes, sizeof(bytes))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(bytes + at);
			for (unsigned i = 0; i < FEEDS_MAX; i++) {
				struct feed *feed = atomic_load(&feeds->slots[i]);
				if (feed != NULL && !atomic_load(&feed->gone))
					feed_event(feed, event);
			}
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
}

/* One feed's turn; `look` also where nobody told of a change. */
static void feed_turn(struct feed *feed, bool look)
{
	feed_data_free(feed, atomic_exchange(&feed->garbage, NULL));
	if (atomic_load(&feed->phase) != FEED_PHASE_THREAD)
		return;
	bool anew = atomic_exchange(&feed->anew, false);
	bool wanted = atomic_exchange(&feed->wanted, false);
	look |= feed->left;
	feed->left = false;
	if (!anew && !wanted && !(look && feed->options.watch))
		return;
	if (anew && feed->options.watch)
		feed_watch(feed); /* first: what changes from here on is told */
	/* Once for all: between two looks it may be another one. */
	struct feed_identity identity;
	const struct feed_identity *found = identity_read(feed->path, &identity) ? &identity : NULL;
	look = look && feed->options.watch && is_settled(found);
	if (!anew && !((wanted || look) && feed_changed(feed, found)))
		return;
	if (!anew && feed->options.watch)
		feed_watch(feed);
	feed_read(feed, found, anew);
}

static void feeds_look(struct feeds *feeds, bool look)
{
	for (unsigned i = 0; i < FEEDS_MAX && !atomic_load(&feeds->stop); i++) {
		struct feed *feed = atomic_load(&feeds->slots[i]);
		if (feed == NULL)
			continue;
		if (atomic_load(&feed->gone)) {
			feed_free(feed);
			atomic_store(&feeds->slots[i], NULL);
		} else {
			feed_turn(feed, look);
		}
	}
}

/* Reading a list may take a processor for seconds: whatever else runs there goes first. */
static void priority_lower(void)
{
	struct sched_param none = {0};
	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
	setpriority(PRIO_PROCESS, 0, NICENESS); /* of this thread alone, as Linux has it */
}

void *feed_thread(void *argument)
{
	struct feeds *feeds = argument;
	struct pollfd watched[] = {{.fd = feeds->wake, .events = POLLIN},
				   {.fd = feeds->inotify, .events = POLLIN}};
	double looked = clock_seconds();
	uint64_t count;
	priority_lower();
	while (!atomic_load(&feeds->stop)) {
		unsigned look_ms = atomic_load(&feeds->look_ms);
		poll(watched, 2, (int)look_ms);
		if (read(feeds->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
			break;
		events_read(feeds);
		/* However busy the folders are. */
		bool look = clock_seconds() - looked >= look_ms / 1e3;
		if (look)
			looked = clock_seconds();
		feeds_look(feeds, look);
		feeds->looks += look;
	}
	return NULL;
}
