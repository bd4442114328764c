/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/watchdog.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
#define RETRY_NS 70000u	       /* after code that must not be left */
#define RETRY_SPREAD_NS 60000u /* so that no loop keeps in step with it */
#define TEXT_RANGES 4
#define BLOCKED_NS 10000000u   /* after so long it is most likely a system call that waits */
#define BLOCKED_FACTOR 16u     /* and is looked at more seldom */
#define TICK_SHIFT 3	       /* the clock is looked at eight times a budget */
#define STARVED_FACTOR 4u      /* budgets that a call may have for which there was no CPU */

struct range {
	uintptr_t start, end;
};

static struct range text[TEXT_RANGES]; /* of LuaJIT */
static unsigned n_text;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int setup_error;

static __thread struct {
	timer_t timer;
	bool made;
	volatile uint64_t fires; /* when the timer goes off; 0: it is not set */
	volatile uint64_t span;	 /* ns from when it was set to then */
	struct lua_watchdog *volatile watched;
} thread;

static uint64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ---- where LuaJIT's code is ---- */

/* Takes the object that holds the given address, unless that is the program itself. */
static int object_look(struct dl_phdr_info *info, size_t size, void *address)
{
	struct range found[TEXT_RANGES];
	unsigned n = 0;
	bool hit = false;
	(void)size;
	if (info->dlpi_name == NULL || info->dlpi_name[0] == '\0')
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum && n < TEXT_RANGES; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
			continue;
		uintptr_t start = info->dlpi_addr + header->p_vaddr;
		found[n++] = (struct range){start, start + header->p_memsz};
		hit |= (uintptr_t)address >= start &&
		       (uintptr_t)address < start + header->p_memsz;
	}
	if (!hit)
		return 0;
	for (unsigned i = 0; i < n; i++)
		text[n_text++] = found[i];
	return 1;
}

static bool pc_may_be_left(const struct lua_watchdog *watchdog, uintptr_t pc)
{
	for (unsigned i = 0; i < n_text; i++)
		if (pc >= text[i].start && pc < text[i].end)
			return true;
	return watchdog->owns(watchdog->context, pc);
}

/* ---- traps ---- */

static void fire(int number, siginfo_t *info, void *context);

/* SA_RESTART, or 0 for signals that end a system call which waits. */
static int fire_install(int restart)
{
	struct sigaction action = {.sa_sigaction = fire,
				   .sa_flags = SA_SIGINFO | SA_NODEFER | restart};
	return sigaction(LUA_WATCHDOG_SIGNAL, &action, NULL) == 0 ? 0 : -errno;
}

static struct sigaction segv_before;
static atomic_flag segv_taken = ATOMIC_FLAG_INIT; /* by one thread at a time */

static void trap_release(struct lua_watchdog *watchdog)
{
	if (!watchdog->trapped)
		return;
	watchdog->trapped = false;
	fire_install(SA_RESTART);
	sigaction(SIGSEGV, &segv_before, NULL);
	atomic_flag_clear(&segv_taken);
}

static void leave(struct lua_watchdog *watchdog)
{
	trap_release(watchdog);
	thread.watched = NULL;
	siglongjmp(watchdog->escape, 1);
}

/* Any other fault is raised again and goes where it would have gone. */
static void fault(int number, siginfo_t *info, void *context)
{
	struct lua_watchdog *watchdog = thread.watched;
	const ucontext_t *interrupted = context;
	uintptr_t pc = (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];
	(void)number;
	if (watchdog != NULL && watchdog->trapped && (uintptr_t)info->si_addr == pc &&
	    watchdog->owns(watchdog->context, pc))
		leave(watchdog);
	sigaction(SIGSEGV, &segv_before, NULL);
}

/* Again at each try: LuaJIT may have taken them away while it went on. */
static void trap_set(struct lua_watchdog *watchdog)
{
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	if (!watchdog->trapped) {
		if (atomic_flag_test_and_set(&segv_taken))
			return;
		if (sigaction(SIGSEGV, &action, &segv_before) != 0) {
			atomic_flag_clear(&segv_taken);
			return;
		}
		watchdog->trapped = true;
		/* A read from a pipe shall fail rather than go on waiting behind our back. */
		fire_install(0);
	}
	watchdog->trap(watchdog->context);
}

void lua_watchdog_leave(void)
{
	struct lua_watchdog *watchdog = thread.watched;
	if (watchdog != NULL && watchdog->trapped)
		leave(watchdog);
}

/* ---- the timer ---- */

static int timer_arm(uint64_t at, uint64_t now)
{
	uint64_t rest = at > now ? at - now : 1;
	struct itimerspec when = {
		.it_value = {(time_t)(rest / SECOND_NS), (long)(rest % SECOND_NS)}};
	thread.fires = at;
	thread.span = rest;
	if (timer_settime(thread.timer, 0, &when, NULL) == 0)
		return 0;
	thread.fires = 0;
	return -errno;
}

/* ---- what a call has used ---- */

static uint64_t cpu_ns(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * SECOND_NS +
	       (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000;
}

static void budget_begin(struct lua_watchdog *watchdog, uint64_t now)
{
	struct rusage usage = {0};
	getrusage(RUSAGE_THREAD, &usage);
	watchdog->deadline = now + watchdog->budget;
	watchdog->used = cpu_ns(&usage);
	watchdog->preempted = usage.ru_nivcsw;
}

/* Whether its time ran out for want of a CPU, not since it waited or worked. */
static bool starved(const struct lua_watchdog *watchdog, uint64_t now)
{
	struct rusage usage;
	return now < watchdog->deadline + (STARVED_FACTOR - 1) * watchdog->budget &&
	       getrusage(RUSAGE_THREAD, &usage) == 0 && usage.ru_nivcsw != watchdog->preempted &&
	       cpu_ns(&usage) - watchdog->used < watchdog->budget / 2;
}

/* Runs on the thread it watches. */
static void fire(int number, siginfo_t *info, void *context)
{
	struct lua_watchdog *watchdog = thread.watched;
	const ucontext_t *interrupted = context;
	int saved = errno;
	(void)number;
	(void)info;
	thread.fires = 0;
	if (watchdog == NULL)
		return;
	if (watchdog->slice != 0) {
		watchdog->slice = 0;
		watchdog->pause(watchdog->context);
	}
	uint64_t now = clock_ns();
	if (!watchdog->trapped && watchdog->progress != watchdog->seen) {
		watchdog->seen = watchdog->progress;
		budget_begin(watchdog, now);
	} else if (watchdog->deadline == 0) {
		budget_begin(watchdog, now);
	}
	if (now < watchdog->deadline) {
		timer_arm(watchdog->deadline, now);
	} else if (!watchdog->trapped && starved(watchdog, now)) {
		timer_arm(now + (watchdog->budget >> TICK_SHIFT) + 1, now);
	} else if (pc_may_be_left(watchdog, (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP])) {
		leave(watchdog);
	} else {
		uint64_t retry = RETRY_NS + now % RETRY_SPREAD_NS;
		trap_set(watchdog);
		if (now - watchdog->deadline > BLOCKED_NS)
			retry *= BLOCKED_FACTOR;
		timer_arm(now + retry, now);
	}
	errno = saved;
}

static int timer_make(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
				 .sigev_signo = LUA_WATCHDOG_SIGNAL};
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigset_t mine;
	sigemptyset(&mine);
	sigaddset(&mine, LUA_WATCHDOG_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &thread.timer) != 0)
		return -errno;
	thread.made = true;
	return 0;
}

static int timer_arm_or_make(uint64_t at, uint64_t now)
{
	int error = thread.made ? 0 : timer_make();
	return error != 0 ? error : timer_arm(at, now);
}

/* A child of fork() has no timer. */
static void timer_forget(void)
{
	thread.made = false;
	thread.fires = 0;
}

/* ---- for the host ---- */

static void setup(void)
{
	struct sigaction before;
	void *inside = dlsym(RTLD_DEFAULT, "lua_newstate");
	if (inside == NULL || dl_iterate_phdr(object_look, inside) == 0)
		setup_error = -ENOEXEC;
	else if (sigaction(LUA_WATCHDOG_SIGNAL, NULL, &before) != 0)
		setup_error = -errno;
	else if (before.sa_handler != SIG_DFL)
		setup_error = -EBUSY;
	else if (fire_install(SA_RESTART) != 0)
		setup_error = -errno;
	else
		setup_error = -pthread_atfork(NULL, NULL, timer_forget);
}

int lua_watchdog_setup(void)
{
	pthread_once(&once, setup);
	return setup_error;
}

/*
 * The order matters: once `watched` is set the handler itself keeps the timer going, before that it
 * lets it run out, which is seen here. As a rule the clock is not read: the time of a call counts
 * from the first tick that finds it, which comes within a tick of its start.
 */
int lua_watchdog_start(struct lua_watchdog *watchdog, uint64_t budget)
{
	if (thread.watched != NULL)
		return -EBUSY;
	uint64_t tick = (budget >> TICK_SHIFT) + 1;
	if (watchdog->slice != 0 && watchdog->slice < tick)
		tick = watchdog->slice;
	watchdog->seen = watchdog->progress;
	watchdog->budget = budget;
	watchdog->deadline = 0;
	thread.watched = watchdog;
	if (thread.fires != 0 && thread.span <= tick)
		return 0;
	uint64_t now = clock_ns();
	int error = timer_arm_or_make(now + tick, now);
	if (error != 0)
		thread.watched = NULL;
	return error;
}

/* With traps set the time is over, even if the call came to its end by itself. */
void lua_watchdog_stop(void)
{
	struct lua_watchdog *watchdog = thread.watched;
	if (watchdog != NULL && watchdog->trapped)
		leave(watchdog);
	thread.watched = NULL;
}

void lua_watchdog_give_up(struct lua_watchdog *watchdog)
{
	if (thread.watched == watchdog)
		leave(watchdog);
}

bool lua_watchdog_busy(void)
{
	return thread.watched != NULL;
}
