/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua_state.h"

#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "control/lua_maps.h"

#define RETRY_NS 100000 /* when the signal found C code that must not be left */
#define CLASS_MIN_BITS 4
#define CLASSES 44
#define TEXT_RANGES 4

struct range {
	uintptr_t start, end;
};

/* Memory of one state: a mapping, cut up from its start; freed pieces go to a list by size. */
struct arena {
	uint8_t *base;
	size_t used, size;
	void *free[CLASSES];
};

struct lua_state {
	lua_State *lua;
	struct arena arena;
	uint32_t progress;
	uint64_t budget; /* ns */
	timer_t timer;
	/* Shared with the signal handler, which runs on the same thread. */
	volatile sig_atomic_t running;
	volatile sig_atomic_t armed;
	volatile uint32_t seen;
	volatile uint64_t deadline; /* ns, monotonic */
	sigjmp_buf escape;
};

static struct lua_state *volatile guarded_state;
static struct range luajit_text[TEXT_RANGES];
static unsigned n_luajit_text;

/* ---- memory ---- */

/* Sizes are rounded up to 16 bytes times a power of two or one and a half times that. */
static unsigned class_of(size_t size, size_t *rounded)
{
	unsigned bits = CLASS_MIN_BITS;
	while (((size_t)1 << bits) < size)
		bits++;
	*rounded = (size_t)1 << bits;
	if (bits > CLASS_MIN_BITS + 1 && size <= *rounded / 4 * 3) {
		*rounded = *rounded / 4 * 3;
		return 2 * (bits - CLASS_MIN_BITS);
	}
	return 2 * (bits - CLASS_MIN_BITS) + 1;
}

static void *arena_take(struct arena *arena, size_t size)
{
	size_t rounded;
	unsigned class = class_of(size, &rounded);
	if (class >= CLASSES)
		return NULL;
	void *piece = arena->free[class];
	if (piece != NULL) {
		memcpy(&arena->free[class], piece, sizeof(void *));
		return piece;
	}
	rounded = (rounded + 15) & ~(size_t)15;
	if (arena->size - arena->used < rounded)
		return NULL;
	piece = arena->base + arena->used;
	arena->used += rounded;
	return piece;
}

static void arena_give(struct arena *arena, void *piece, size_t size)
{
	size_t rounded;
	unsigned class = class_of(size, &rounded);
	memcpy(piece, &arena->free[class], sizeof(void *));
	arena->free[class] = piece;
}

/* lua_Alloc */
static void *arena_realloc(void *context, void *old, size_t old_size, size_t size)
{
	struct arena *arena = context;
	size_t had = 0, wants;
	if (size == 0) {
		if (old != NULL)
			arena_give(arena, old, old_size);
		return NULL;
	}
	if (old != NULL && class_of(old_size, &had) == class_of(size, &wants))
		return old;
	void *piece = arena_take(arena, size);
	if (piece == NULL)
		return old != NULL && size <= old_size ? old : NULL;
	if (old != NULL) {
		memcpy(piece, old, old_size < size ? old_size : size);
		arena_give(arena, old, old_size);
	}
	return piece;
}

/* ---- watchdog ---- */

static uint64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int object_look(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	if (strstr(info->dlpi_name, "libluajit") == NULL)
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum && n_luajit_text < TEXT_RANGES; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
			continue;
		uintptr_t start = info->dlpi_addr + header->p_vaddr;
		luajit_text[n_luajit_text++] = (struct range){start, start + header->p_memsz};
	}
	return 0;
}

/*
 * Whether an executable mapping without a file is at this address: machine code made at run time.
 * Called in the signal handler: open, read and close only.
 */
static bool code_is_anonymous(uintptr_t pc)
{
	char text[4096];
	struct lua_maps maps = {0};
	bool found = false;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (!found && (got = read(fd, text, sizeof(text))) > 0)
		found = lua_maps_scan(&maps, text, (size_t)got, pc);
	close(fd);
	return found;
}

/* Whether the code at this address is LuaJIT's, which a state that is thrown away may leave. */
static bool code_is_luajit(uintptr_t pc)
{
	for (unsigned i = 0; i < n_luajit_text; i++)
		if (pc >= luajit_text[i].start && pc < luajit_text[i].end)
			return true;
	return code_is_anonymous(pc);
}

static void timer_arm(struct lua_state *state, uint64_t ns)
{
	struct itimerspec when = {
		.it_value = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}};
	state->armed = 1;
	timer_settime(state->timer, 0, &when, NULL);
}

/*
 * Runs on the thread it watches. Leaves the call if its time is over and the interrupted code is
 * LuaJIT's; in the C library or our own functions it comes again a little later.
 */
static void watchdog_fire(int signal, siginfo_t *info, void *context)
{
	struct lua_state *state = guarded_state;
	const ucontext_t *interrupted = context;
	(void)signal;
	(void)info;
	if (state == NULL)
		return;
	state->armed = 0;
	if (!state->running)
		return;
	uint64_t now = clock_ns();
	if (state->progress != state->seen) {
		state->seen = state->progress;
		state->deadline = now + state->budget;
	}
	if (now < state->deadline) {
		timer_arm(state, state->deadline - now);
	} else if (code_is_luajit((uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP])) {
		state->running = 0;
		siglongjmp(state->escape, 1);
	} else {
		timer_arm(state, RETRY_NS);
	}
}

static int watchdog_create(struct lua_state *state)
{
	struct sigaction action = {.sa_sigaction = watchdog_fire,
				   .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (n_luajit_text == 0)
		dl_iterate_phdr(object_look, NULL);
	if (sigaction(SIGRTMIN, &action, NULL) != 0)
		return -1;
	return timer_create(CLOCK_MONOTONIC, &event, &state->timer);
}

/* ---- calls ---- */

struct lua_state *lua_state_create(uint32_t memory, uint32_t watchdog)
{
	struct lua_state *state = calloc(1, sizeof(*state));
	if (state == NULL)
		return NULL;
	state->budget = (uint64_t)watchdog * 1000000u;
	state->arena.size = (size_t)memory << 20;
	state->arena.base = mmap(NULL, state->arena.size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (state->arena.base == MAP_FAILED || watchdog_create(state) != 0) {
		if (state->arena.base != MAP_FAILED)
			munmap(state->arena.base, state->arena.size);
		free(state);
		return NULL;
	}
	state->lua = lua_newstate(arena_realloc, &state->arena);
	if (state->lua == NULL) {
		lua_state_destroy(state);
		return NULL;
	}
	luaL_openlibs(state->lua);
	return state;
}

void lua_state_destroy(struct lua_state *state)
{
	if (state == NULL)
		return;
	if (guarded_state == state)
		guarded_state = NULL;
	timer_delete(state->timer);
	if (state->lua != NULL)
		lua_close(state->lua);
	munmap(state->arena.base, state->arena.size);
	free(state);
}

lua_State *lua_state_of(struct lua_state *state)
{
	return state->lua;
}

uint32_t *lua_state_progress(struct lua_state *state)
{
	return &state->progress;
}

static int traceback(lua_State *lua)
{
	const char *message = lua_tostring(lua, 1);
	luaL_traceback(lua, lua, message ? message : "(error value is not a string)", 1);
	return 1;
}

/* A timer that is armed already goes off within the time and looks again. */
static void watchdog_start(struct lua_state *state)
{
	guarded_state = state;
	state->seen = state->progress;
	state->deadline = clock_ns() + state->budget;
	state->running = 1;
	if (!state->armed)
		timer_arm(state, state->budget);
}

enum lua_outcome lua_state_call(struct lua_state *state, int arguments, int results, bool guarded)
{
	lua_State *lua = state->lua;
	int handler = lua_gettop(lua) - arguments;
	lua_pushcfunction(lua, traceback);
	lua_insert(lua, handler);
	if (guarded) {
		if (sigsetjmp(state->escape, 0) != 0) {
			state->lua = NULL; /* in an unknown state: nothing may touch it again */
			return LUA_OUTCOME_RUNAWAY;
		}
		watchdog_start(state);
	}
	int error = lua_pcall(lua, arguments, results, handler);
	state->running = 0;
	lua_remove(lua, handler);
	return error == 0 ? LUA_OUTCOME_OK : LUA_OUTCOME_ERROR;
}
