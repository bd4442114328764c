/* SPDX-License-Identifier: BSD-2-Clause */
/* The control lcore's part of feeds. */
#include "control/lists/feed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "control/lists/feed_parts.h"
#include "control/log/log.h"

#define WAIT_MS 1000
#define MESSAGES_LOGGED 10u

/* ---- the whole ---- */

/* Without the signals that others read. */
static int thread_start(struct feeds *feeds, feeds_start_fn *start)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = start != NULL ? start(&feeds->thread, feed_thread, feeds)
				  : pthread_create(&feeds->thread, NULL, feed_thread, feeds);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

struct feeds *feeds_create(struct rte_rcu_qsbr *rcu, feeds_start_fn *start)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));
	if (feeds == NULL)
		return NULL;
	feeds->rcu = rcu;
	atomic_store(&feeds->look_ms, FEED_LOOK_MS);
	feeds->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	feeds->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	feeds->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (feeds->wake >= 0 && feeds->done >= 0 && feeds->inotify >= 0 &&
	    thread_start(feeds, start) == 0)
		return feeds;
	int error = errno != 0 ? errno : EAGAIN;
	close(feeds->wake);
	close(feeds->done);
	close(feeds->inotify);
	free(feeds);
	errno = error;
	return NULL;
}

void feeds_wake(struct feeds *feeds)
{
	uint64_t one = 1;
	if (write(feeds->wake, &one, sizeof(one)) < 0) {
		/* The counter is full: it wakes as well. */
	}
}

void feeds_destroy(struct feeds *feeds)
{
	if (feeds == NULL)
		return;
	atomic_store(&feeds->stop, true);
	feeds_wake(feeds);
	pthread_join(feeds->thread, NULL);
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		struct feed *feed = atomic_load(&feeds->slots[i]);
		if (feed != NULL)
			feed_free(feed);
	}
	close(feeds->wake);
	close(feeds->done);
	close(feeds->inotify);
	free(feeds);
}

/* ---- opening and closing ---- */

static const char *name_of(const char *path, const struct feed_options *options)
{
	const char *slash = strrchr(path, '/');
	if (options->name != NULL)
		return options->name;
	return slash != NULL ? slash + 1 : path;
}

static struct feed *feed_find(const struct feeds *feeds, const char *path,
			      const struct feed_options *options)
{
	for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next)
		if (strcmp(feed->path, path) == 0 &&
		    strcmp(feed_live(feed)->name, name_of(path, options)) == 0 &&
		    feed->options.format == options->format &&
		    feed->options.flags == options->flags && feed->options.watch == options->watch)
			return feed;
	return NULL;
}

static struct policy_blob *list_blob(const char *name, enum list_format format)
{
	struct policy_blob *blob = policy_blob_new(sizeof(struct live_list));
	if (blob == NULL)
		return NULL;
	struct live_list *list = (struct live_list *)blob->data;
	list->kind = format == LIST_FORMAT_RPZ		 ? LIVE_LIST_ZONE
		     : format == LIST_FORMAT_PREFIXES	 ? LIVE_LIST_PREFIXES
		     : format == LIST_FORMAT_SUBSCRIBERS ? LIVE_LIST_SUBSCRIBERS
		     : format == LIST_FORMAT_STORE	 ? LIVE_LIST_STORE
							 : LIVE_LIST_NAMES;
	snprintf(list->name, sizeof(list->name), "%s", name);
	return blob;
}

static struct feed *feed_new(struct feeds *feeds, const char *path,
			     const struct feed_options *options)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	if (feed == NULL)
		return NULL;
	*feed = (struct feed){.feeds = feeds,
			      .options = *options,
			      .state = FEED_LOADING,
			      .watched = {{.folder = -1}, {.folder = -1}}};
	feed->path = strdup(path);
	feed->blob = list_blob(name_of(path, options), options->format);
	if (feed->path != NULL && feed->blob != NULL)
		return feed;
	free(feed->path);
	policy_blob_release(feed->blob);
	free(feed);
	errno = ENOMEM;
	return NULL;
}

static struct feed *feed_start(struct feeds *feeds, const char *path,
			       const struct feed_options *options)
{
	unsigned slot = 0;
	while (slot < FEEDS_MAX && atomic_load(&feeds->slots[slot]) != NULL)
		slot++;
	if (slot == FEEDS_MAX) {
		errno = ENOSPC;
		return NULL;
	}
	struct feed *feed = feed_new(feeds, path, options);
	if (feed == NULL)
		return NULL;
	atomic_store(&feed->anew, true);
	feed->next = feeds->first;
	feeds->first = feed;
	atomic_store(&feeds->slots[slot], feed);
	feeds_wake(feeds);
	return feed;
}

struct feed *feed_open(struct feeds *feeds, const char *path, const struct feed_options *options)
{
	if (path[0] == '\0' || strlen(name_of(path, options)) >= LIVE_LIST_NAME_SIZE) {
		errno = EINVAL;
		return NULL;
	}
	struct feed *feed = feed_find(feeds, path, options);
	if (feed == NULL)
		feed = feed_start(feeds, path, options);
	if (feed != NULL)
		feed->users++;
	return feed;
}

void feed_close(struct feed *feed)
{
	feed->users--;
}

/* ---- what was read ---- */

static uint64_t data_memory(const struct feed *feed, const void *data)
{
	switch (feed_live(feed)->kind) {
	case LIVE_LIST_ZONE:
		return rpz_zone_memory(data);
	case LIVE_LIST_PREFIXES:
		return prefix_index_memory(data);
	case LIVE_LIST_SUBSCRIBERS:
		return subscriber_table_memory(data);
	case LIVE_LIST_STORE:
		return ((const struct key_store *)data)->memory;
	default:
		return name_index_memory(data);
	}
}

static void errors_log(const struct feed *feed)
{
	const struct list_report *report = &feed->report;
	for (unsigned i = 0; i < report->n_messages && i < MESSAGES_LOGGED; i++)
		log_warning("%s:%lu: %s", feed->path, (unsigned long)report->messages[i].line,
			    report->messages[i].text);
	if (report->errors > report->n_messages)
		log_warning("%s: %lu more broken lines, all passed over", feed->path,
			    (unsigned long)(report->errors - report->n_messages));
	if (report->unsupported > 0)
		log_warning("%s: %lu triggers of a kind that nothing here can match", feed->path,
			    (unsigned long)report->unsupported);
}

static void read_failed(struct feed *feed)
{
	feed->status.failures++;
	snprintf(feed->failure, sizeof(feed->failure), "%s", feed->report.failure);
	if (feed->state == FEED_LOADING)
		feed->state = FEED_FAILED;
	errors_log(feed);
	log_warning("%s: %s; %s", feed->path, feed->failure,
		    feed->state == FEED_READY ? "the list stays as it was" : "the list is empty");
}

static void swap(struct feed *feed)
{
	struct live_list *list = feed_live(feed);
	struct timespec now;
	feed->old = list->now;
	__atomic_store_n(&list->now, feed->fresh, __ATOMIC_RELEASE);
	if (feed->feeds->rcu != NULL)
		feed->old_token = rte_rcu_qsbr_start(feed->feeds->rcu);
	clock_gettime(CLOCK_REALTIME, &now);
	feed->state = FEED_READY;
	feed->failure[0] = '\0';
	feed->status.loaded = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	feed->status.entries = feed->report.entries;
	feed->status.errors = feed->report.errors;
	feed->status.memory = data_memory(feed, feed->fresh);
	errors_log(feed);
	log_info("%s: %lu entries in %.2f s, %lu MiB", feed->path,
		 (unsigned long)feed->report.entries, feed->seconds,
		 (unsigned long)(feed->status.memory >> 20));
}

static void take(struct feed *feed)
{
	feed->status.loads++;
	feed->status.seconds = feed->seconds;
	if (feed->fresh != NULL)
		swap(feed);
	else
		read_failed(feed);
	feed->fresh = NULL;
	atomic_store(&feed->phase, FEED_PHASE_THREAD);
	feeds_wake(feed->feeds); /* it may have changed since */
}

/* Hands what was replaced to the thread, once no worker reads it. */
static void retire(struct feed *feed)
{
	const struct feeds *feeds = feed->feeds;
	if (feed->old == NULL || atomic_load(&feed->garbage) != NULL ||
	    (feeds->rcu != NULL && rte_rcu_qsbr_check(feeds->rcu, feed->old_token, false) != 1))
		return;
	atomic_store(&feed->garbage, feed->old);
	feed->old = NULL;
	feeds_wake(feed->feeds);
}

static bool unused(const struct feed *feed)
{
	return feed->users == 0 && feed->blob->users == 1 && feed->old == NULL;
}

void feeds_turn(struct feeds *feeds, bool keep)
{
	struct feed **link = &feeds->first;
	while (*link != NULL) {
		struct feed *feed = *link;
		retire(feed);
		if (feed->old == NULL && atomic_load(&feed->phase) == FEED_PHASE_CONTROL)
			take(feed);
		if (keep || !unused(feed)) {
			link = &feed->next;
			continue;
		}
		*link = feed->next;
		atomic_store(&feed->gone, true);
		feeds_wake(feeds);
	}
}

enum feed_state feed_wait(struct feed *feed, feed_progress_fn *progress, void *context)
{
	struct pollfd watched = {.fd = feed->feeds->done, .events = POLLIN};
	unsigned seconds = 0;
	uint64_t count;
	while (feed->state == FEED_LOADING) {
		if (poll(&watched, 1, WAIT_MS) == 0 && progress != NULL)
			progress(context, feed->path, ++seconds);
		if (read(watched.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			break;
		feeds_turn(feed->feeds, true);
	}
	return feed->state;
}

void feed_check(struct feed *feed)
{
	if (feed->state == FEED_FAILED) {
		feed->state = FEED_LOADING;
		atomic_store(&feed->anew, true);
	}
	atomic_store(&feed->wanted, true);
	feeds_wake(feed->feeds);
}

void feeds_check(struct feeds *feeds)
{
	for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next)
		feed_check(feed);
}

/* ---- asking ---- */

enum feed_state feed_state(const struct feed *feed)
{
	return feed->state;
}

const struct live_list *feed_list(const struct feed *feed)
{
	return feed_live(feed);
}

struct policy_blob *feed_blob(struct feed *feed)
{
	return feed->blob;
}

struct feed_status feed_status(const struct feed *feed)
{
	struct feed_status status = feed->status;
	status.path = feed->path;
	status.name = feed_live(feed)->name;
	status.state = feed->state;
	status.failure = feed->failure;
	return status;
}

const struct feed *feeds_next(const struct feeds *feeds, const struct feed *feed)
{
	return feed != NULL ? feed->next : feeds->first;
}

unsigned feeds_loading(const struct feeds *feeds)
{
	unsigned count = 0;
	for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next)
		count += feed->state == FEED_LOADING;
	return count;
}
