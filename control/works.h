/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that takes long, done off the lcores: expressions that are compiled, memory that is made real.
 * The control lcore hands a work over, goes on, and is told in one of its turns that it is done. A
 * thread and the control lcore meet in a slot for one work, without a lock: nobody waits for a thread
 * that has lost its CPU.
 *
 * Quick works, of milliseconds, have a thread of their own and never wait for long ones. Control lcore
 * only, but for what a work runs.
 */
#ifndef SLUICE_CONTROL_WORKS_H
#define SLUICE_CONTROL_WORKS_H

#include <pthread.h>
#include <stdbool.h>

struct work {
	void (*run)(struct work *work);	 /* on a thread; what it touches is its own meanwhile */
	void (*done)(struct work *work); /* control lcore, after it; the work may be freed here */
	bool quick;
	bool unwanted; /* set any time by who gave it: not begun any more, but done() is called */
	struct work *next;
};

struct works;

/* As pthread_create() without attributes: 0 or what is wrong. */
typedef int works_start_fn(pthread_t *thread, void *(*run)(void *), void *argument);
typedef void works_wake_fn(void *context);

/*
 * `start` places threads off the lcores' CPUs, NULL: where their creator is; `wake` is called by
 * threads when a work has run, NULL: nobody sleeps. NULL with errno set.
 */
struct works *works_create(works_start_fn *start, works_wake_fn *wake, void *context);
/*
 * What is in the queue is done() without having run. A thread that is in the middle of a work is left
 * to the end of the process, with what it works on. NULL is fine.
 */
void works_destroy(struct works *works);

/* Without works (NULL) it runs, and is done, before this returns. */
void works_give(struct works *works, struct work *work);

/* Calls done() of those that have run, and begins others; how many are done. Never blocks. */
unsigned works_turn(struct works *works);

/* Sleeps until some work has run or the time is over. Only where waiting is allowed. */
void works_wait(struct works *works, int ms);

#endif
