/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stops Lua code that does not end. A timer signal on the thread itself looks at the clock and
 * leaves the watched call by siglongjmp(), but only where nothing but the Lua state can be left
 * half done: in LuaJIT's text and in machine code of the state's own compiler. In the C library,
 * the arena or a function called over FFI it sets traps for the way back, a hook in the interpreter
 * and machine code that may not be executed, and comes back a moment later as well.
 * From then on it also interrupts system calls that wait (a read from a pipe); not waitpid() in
 * os.execute(), which the C library begins anew.
 *
 * A call costs no system call as a rule, and no look at the clock: the timer runs on after a call
 * has ended, and a later call needs to set it only when it has gone off with nothing to watch. For
 * that a call may have an eighth more than its budget. Each thread has one timer, made at its first
 * watched call and never deleted.
 *
 * The budget is time as everybody else sees it, since a call that waits holds up as much as one that
 * works. But where other programs took the CPU away meanwhile, a call may have up to four times as
 * much, until it has used half of its budget itself: it is not to be stopped for what they did.
 */
#ifndef SLUICE_CONTROL_LUA_WATCHDOG_H
#define SLUICE_CONTROL_LUA_WATCHDOG_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* From the far end: net_tap takes real-time signals from SIGRTMIN on, one for each queue. */
#define LUA_WATCHDOG_SIGNAL (SIGRTMAX - 1)

struct lua_watchdog {
	/* Whether the address is in the state's machine code. Called in the signal handler. */
	bool (*owns)(const void *context, uintptr_t pc);
	/* Sets the traps. Called in the signal handler; the state must not be used afterwards. */
	void (*trap)(const void *context);
	/* Asks the code to pause. Called in the signal handler, at the end of a slice. */
	void (*pause)(const void *context);
	const void *context;
	volatile bool trapped;
	volatile uint32_t progress; /* the watched code changes it to say that it got on */
	volatile uint32_t seen;
	volatile uint64_t slice; /* ns after which `pause` is called, once; 0: never. Set before the start */
	volatile uint64_t budget;
	volatile uint64_t deadline; /* ns of the monotonic clock; 0: no tick saw the call yet */
	volatile uint64_t used;	    /* the thread's CPU time when the budget began, ns */
	volatile long preempted;    /* how often it had been taken off its CPU by then */
	sigjmp_buf escape;
};

/* Finds LuaJIT's code and installs the signal handler, once a process. 0 or -errno. */
int lua_watchdog_setup(void);

/*
 * Watches the code from here to lua_watchdog_stop(). The caller has just filled `escape` with
 * sigsetjmp(escape, 0), which returns a second time, no longer watched, when the budget (ns) was
 * used up without progress. 0 or -errno: -EBUSY inside a watched call of the same thread.
 */
int lua_watchdog_start(struct lua_watchdog *watchdog, uint64_t budget);
/* Does not return, but leaves, if traps have been set. */
void lua_watchdog_stop(void);

/* For the hook that `trap` sets: leaves the watched call if traps are set. */
void lua_watchdog_leave(void);

/* Leaves the watched call at once, as if its time were over; returns where it is not watched. */
void lua_watchdog_give_up(struct lua_watchdog *watchdog);

/* Whether a call is being watched on this thread. */
bool lua_watchdog_busy(void);

#endif
