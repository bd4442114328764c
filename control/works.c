/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/works.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS 3u /* the first for quick works; of two long ones, one may not be wanted any more */
#define NICENESS 10
#define LAST_MS 200  /* that threads have at the end to finish */
#define LAST_LOOKS 10

enum phase { PHASE_FREE, PHASE_BEGUN, PHASE_RUN, PHASE_STOP };

struct slot {
	struct works *works;
	pthread_t thread;
	bool started;
	int wake;	    /* eventfd: there is something in the slot */
	struct work *work;  /* whose it is says the phase: the thread's while BEGUN */
	atomic_int phase;   /* enum phase */
};

struct works {
	struct slot slots[THREADS];
	struct work *first[2], **last[2]; /* the queues: long, quick */
	works_wake_fn *wake;
	void *context;
	int ran; /* eventfd: some work has run */
};

static void event_send(int fd)
{
	uint64_t one = 1;
	if (write(fd, &one, sizeof(one)) < 0) {
		/* The counter is full: it wakes as well. */
	}
}

/* ---- the threads ---- */

/* What is done here may take a CPU for seconds: whatever else runs there goes first. */
static void priority_lower(void)
{
	struct sched_param none = {0};
	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
	setpriority(PRIO_PROCESS, 0, NICENESS); /* of this thread alone, as Linux has it */
}

static void *thread_run(void *argument)
{
	struct slot *slot = argument;
	uint64_t count;
	priority_lower();
	for (;;) {
		if (read(slot->wake, &count, sizeof(count)) < 0 && errno != EINTR)
			return NULL;
		int phase = atomic_load(&slot->phase);
		if (phase == PHASE_STOP)
			return NULL;
		if (phase != PHASE_BEGUN)
			continue;
		slot->work->run(slot->work);
		atomic_store(&slot->phase, PHASE_RUN);
		event_send(slot->works->ran);
		if (slot->works->wake != NULL)
			slot->works->wake(slot->works->context);
	}
}

/* Without the signals that others read. */
static int slot_start(struct works *works, struct slot *slot, works_start_fn *start)
{
	sigset_t all, before;
	slot->works = works;
	slot->wake = eventfd(0, EFD_CLOEXEC);
	if (slot->wake < 0)
		return errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = start != NULL ? start(&slot->thread, thread_run, slot)
				  : pthread_create(&slot->thread, NULL, thread_run, slot);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	slot->started = error == 0;
	return error;
}

/* ---- the control lcore ---- */

struct works *works_create(works_start_fn *start, works_wake_fn *wake, void *context)
{
	struct works *works = calloc(1, sizeof(*works));
	if (works == NULL)
		return NULL;
	works->wake = wake;
	works->context = context;
	for (unsigned quick = 0; quick < 2; quick++)
		works->last[quick] = &works->first[quick];
	for (unsigned i = 0; i < THREADS; i++)
		works->slots[i].wake = -1;
	works->ran = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int error = works->ran < 0 ? errno : 0;
	for (unsigned i = 0; i < THREADS && error == 0; i++)
		error = slot_start(works, &works->slots[i], start);
	if (error == 0)
		return works;
	works_destroy(works);
	errno = error;
	return NULL;
}

static struct work *queue_take(struct works *works, bool quick)
{
	struct work *work = works->first[quick];
	if (work == NULL)
		return NULL;
	works->first[quick] = work->next;
	if (work->next == NULL)
		works->last[quick] = &works->first[quick];
	return work;
}

/* The next that is still wanted; how many others were done with instead. */
static struct work *queue_next(struct works *works, bool quick, unsigned *done)
{
	struct work *work;
	while ((work = queue_take(works, quick)) != NULL && work->unwanted) {
		work->done(work);
		(*done)++;
	}
	return work;
}

/* Has the thread begin, if it is free and there is something. */
static void slot_begin(struct works *works, unsigned number, unsigned *done)
{
	struct slot *slot = &works->slots[number];
	if (atomic_load(&slot->phase) != PHASE_FREE)
		return;
	struct work *work = queue_next(works, number == 0, done);
	if (work == NULL)
		return;
	slot->work = work;
	atomic_store(&slot->phase, PHASE_BEGUN);
	event_send(slot->wake);
}

unsigned works_turn(struct works *works)
{
	unsigned done = 0;
	for (unsigned i = 0; works != NULL && i < THREADS; i++) {
		struct slot *slot = &works->slots[i];
		if (atomic_load(&slot->phase) == PHASE_RUN) {
			struct work *work = slot->work;
			slot->work = NULL;
			atomic_store(&slot->phase, PHASE_FREE);
			work->done(work);
			done++;
		}
		slot_begin(works, i, &done);
	}
	return done;
}

void works_give(struct works *works, struct work *work)
{
	work->next = NULL;
	if (works == NULL) {
		work->run(work);
		work->done(work);
		return;
	}
	*works->last[work->quick] = work;
	works->last[work->quick] = &work->next;
	/* Those that run are done() in a turn only; here nobody expects that. */
	unsigned none = 0;
	bool first = works->first[work->quick] == work;
	for (unsigned i = work->quick ? 0 : 1; first && i < (work->quick ? 1 : THREADS); i++)
		slot_begin(works, i, &none);
}

void works_wait(struct works *works, int ms)
{
	struct pollfd watched = {.fd = works->ran, .events = POLLIN};
	uint64_t count;
	poll(&watched, 1, ms);
	if (read(watched.fd, &count, sizeof(count)) < 0) {
		/* Nothing has run. */
	}
}

/* Those that wait are not begun any more. */
static void queues_clear(struct works *works)
{
	unsigned done = 0;
	for (unsigned quick = 0; quick < 2; quick++) {
		for (struct work *work = works->first[quick]; work != NULL; work = work->next)
			work->unwanted = true;
		queue_next(works, quick, &done);
	}
}

static bool any_begun(const struct works *works)
{
	for (unsigned i = 0; i < THREADS; i++)
		if (atomic_load(&works->slots[i].phase) == PHASE_BEGUN)
			return true;
	return false;
}

/* Whether the thread has ended. One that is at work does not. */
static bool slot_stop(struct slot *slot)
{
	int idle = PHASE_FREE;
	if (!slot->started)
		return true;
	if (!atomic_compare_exchange_strong(&slot->phase, &idle, PHASE_STOP))
		return false;
	event_send(slot->wake);
	pthread_join(slot->thread, NULL);
	return true;
}

static void event_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void works_destroy(struct works *works)
{
	if (works == NULL)
		return;
	bool ended = true;
	queues_clear(works);
	for (unsigned i = 0; i < LAST_LOOKS && any_begun(works); i++)
		works_wait(works, LAST_MS / LAST_LOOKS);
	works_turn(works);
	for (unsigned i = 0; i < THREADS; i++)
		ended &= slot_stop(&works->slots[i]);
	if (!ended)
		return;
	for (unsigned i = 0; i < THREADS; i++)
		event_close(works->slots[i].wake);
	event_close(works->ran);
	free(works);
}
