/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lauxlib.h>

#include "control/lua/arena.h"
#include "control/lua/stack.h"
#include "tests/unit/unit.h"

#define MIB (1u << 20)
#define WATCHDOG_MS 50
#define REPETITIONS 8
#define LATE_MS 10.0 /* half of the repetitions that had the CPU to themselves must do better */
#define GROWTH_MAX (24u * MIB)
#define TEXT(text) text, sizeof(text) - 1

static volatile uint32_t *reported;
static char file_path[64];

/* Called by policies over FFI; long enough that the signal mostly finds it running. */
double test_work(double n);
void test_progress(double n);

double test_work(double n)
{
	volatile double sum = 0;
	for (int i = 0; i < 2000; i++)
		sum = sum + n;
	return sum;
}

void test_progress(double n)
{
	*reported = (uint32_t)n;
}

/* How often this thread had to leave its CPU to another. */
static long preemptions(void)
{
	struct rusage usage;
	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nivcsw;
}

static double clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Resident memory of the process in bytes. */
static size_t resident(void)
{
	size_t size = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%zu %zu", &size, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Mappings of the process that are executable and of no file. */
static unsigned code_mappings(void)
{
	char line[512], access[8];
	unsigned n = 0;
	FILE *file = fopen("/proc/self/maps", "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%*s %7s", access) == 1 && access[2] == 'x' &&
		    strchr(line, '/') == NULL && strchr(line, '[') == NULL)
			n++;
	fclose(file);
	return n;
}

/* ---- hosts for the tests ---- */

static void setup_pointers(lua_State *lua, void *context)
{
	(void)context;
	char text[32];
	snprintf(text, sizeof(text), "%p", (void *)(uintptr_t)test_work);
	lua_pushstring(lua, text);
	lua_setglobal(lua, "work_address");
	snprintf(text, sizeof(text), "%p", (void *)(uintptr_t)test_progress);
	lua_pushstring(lua, text);
	lua_setglobal(lua, "progress_address");
}

static const char boot_text[] =
	"local ffi = require('ffi')\n"
	"work = ffi.cast('double (*)(double)', tonumber(work_address))\n"
	"progress = ffi.cast('void (*)(double)', tonumber(progress_address))\n"
	"return { twice = function(n) return n * require('helper').factor end }\n";
static const char helper_text[] = "return { factor = 2 }\n";
static const char broken_text[] = "local a = 1\nerror('no boot')\n";

static const struct lua_module modules[] = {{"boot", TEXT(boot_text)},
					    {"helper", TEXT(helper_text)},
					    {"broken", TEXT(broken_text)},
					    {NULL, NULL, 0}};

static struct lua_host *host_make(size_t memory, uint32_t watchdog_ms)
{
	char error[512] = "";
	struct lua_host_config config = {.memory = memory,
					 .watchdog_ms = watchdog_ms,
					 .boot = "boot",
					 .modules = modules,
					 .setup = setup_pointers};
	struct lua_host *host = lua_host_create(&config, error, sizeof(error));
	ck_assert_msg(host != NULL, "%s", error);
	reported = lua_host_progress(host);
	return host;
}

static int host_load_text(struct lua_host *host, const char *text, char *error, size_t size)
{
	strcpy(file_path, "/tmp/test_lua_host.XXXXXX");
	int fd = mkstemp(file_path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return lua_host_load(host, file_path, error, size);
}

static struct lua_host *host_with(size_t memory, uint32_t watchdog_ms, const char *text)
{
	char error[4096] = "";
	struct lua_host *host = host_make(memory, watchdog_ms);
	int result = host_load_text(host, text, error, sizeof(error));
	ck_assert_msg(result == 0, "%s", error);
	return host;
}

static void host_free(struct lua_host *host)
{
	lua_host_destroy(host);
	if (file_path[0] != '\0')
		unlink(file_path);
}

static enum lua_result host_call(struct lua_host *host, const char *name, double n, double *result)
{
	int function = lua_host_function(host, name);
	ck_assert_int_ne(function, LUA_HOST_NO_FUNCTION);
	return lua_host_run(host, function, &n, 1, result);
}

/* ---- the arena ---- */

START_TEST(arena_survives_random_use)
{
	enum { N = 2000 };
	static struct {
		uint8_t *at;
		size_t size;
	} held[N];
	struct lua_arena *arena = lua_arena_create(64 * MIB);
	uint32_t seed = 1;
	for (int i = 0; i < 400000; i++) {
		seed = seed * 1664525u + 1013904223u;
		unsigned k = (seed >> 8) % N;
		size_t size = (seed >> 4) % 5 == 0 ? 0 : (seed >> 20) >> ((seed >> 3) % 9);
		if ((seed >> 5) % 64 == 0)
			size *= 40;
		if (held[k].size != 0)
			ck_assert_uint_eq(held[k].at[held[k].size - 1], (uint8_t)k);
		uint8_t first = held[k].size != 0 ? held[k].at[0] : (uint8_t)~k;
		uint8_t *at = lua_arena_realloc(arena, held[k].at, held[k].size, size);
		ck_assert(size == 0 ? at == NULL : at != NULL);
		ck_assert_uint_eq((uintptr_t)at % 16, 0);
		if (size > 1 && held[k].size > 1)
			ck_assert_uint_eq(at[0], first);
		held[k].at = at;
		held[k].size = size;
		if (size != 0) {
			at[0] = (uint8_t)~k;
			at[size - 1] = (uint8_t)k;
		}
	}
	for (int k = 0; k < N; k++)
		lua_arena_realloc(arena, held[k].at, held[k].size, 0);
	ck_assert_uint_eq(lua_arena_used(arena), 0);
	/* All pages joined again but one for each class. */
	ck_assert_ptr_nonnull(lua_arena_realloc(arena, NULL, 0, 30 * MIB));
	lua_arena_destroy(arena);
}
END_TEST

START_TEST(arena_keeps_its_limit)
{
	static const size_t sizes[] = {16, 100, 640, 2048, 2049, 4096, 70000};
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct lua_arena *arena = lua_arena_create(MIB);
		size_t n = 0;
		while (lua_arena_realloc(arena, NULL, 0, sizes[k]) != NULL)
			n++;
		ck_assert_uint_le(n * sizes[k], MIB);
		ck_assert_uint_ge(n * sizes[k], MIB / 3);
		ck_assert_uint_le(lua_arena_used(arena), lua_arena_limit(arena));
		ck_assert_ptr_null(lua_arena_realloc(arena, NULL, 0, SIZE_MAX - 4096));
		lua_arena_destroy(arena);
	}
	ck_assert_ptr_null(lua_arena_create(0));
}
END_TEST

/* ---- loading and calling ---- */

START_TEST(functions_are_found_and_called)
{
	struct lua_host *host = host_with(16 * MIB, WATCHDOG_MS,
					  "function add(n) return n + 1 end\n"
					  "function name() return 'x' end\n");
	double result = -1;
	ck_assert_int_eq(host_call(host, "twice", 21, &result), LUA_RESULT_OK);
	ck_assert_double_eq(result, 42);
	ck_assert_int_eq(host_call(host, "add", 21, &result), LUA_RESULT_OK);
	ck_assert_double_eq(result, 22);
	ck_assert_int_eq(host_call(host, "name", 0, &result), LUA_RESULT_OK);
	ck_assert_double_eq(result, 0);
	ck_assert_int_eq(lua_host_function(host, "nothing"), LUA_HOST_NO_FUNCTION);
	ck_assert(lua_host_compiles(host));
	double many[LUA_HOST_ARGUMENTS_MAX + 1] = {0};
	ck_assert_int_eq(lua_host_run(host, lua_host_function(host, "add"), many,
				      LUA_HOST_ARGUMENTS_MAX + 1, NULL),
			 LUA_RESULT_ERROR);
	ck_assert_int_eq(lua_host_run(host, LUA_HOST_NO_FUNCTION, NULL, 0, NULL), LUA_RESULT_ERROR);
	host_free(host);
}
END_TEST

START_TEST(errors_tell_where)
{
	char error[4096] = "";
	struct lua_host *host = host_make(16 * MIB, WATCHDOG_MS);
	ck_assert_int_eq(host_load_text(host, "x = 1\nlocal function f() error('bad') end\nf()\n",
					error, sizeof(error)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, ":2: bad"));
	ck_assert_ptr_nonnull(strstr(error, ":3: in main chunk"));
	unlink(file_path);
	ck_assert_int_eq(host_load_text(host, "x =\n", error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "unexpected symbol"));
	unlink(file_path);
	ck_assert_int_eq(host_load_text(host, "\033LJ\002", error, sizeof(error)), -EINVAL);
	unlink(file_path);
	ck_assert_int_eq(lua_host_load(host, "/nonexistent.lua", error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "/nonexistent.lua"));
	host_free(host);

	struct lua_host_config config = {.memory = MIB, .boot = "broken", .modules = modules};
	ck_assert_ptr_null(lua_host_create(&config, error, sizeof(error)));
	ck_assert_ptr_nonnull(strstr(error, "lua/broken.lua:2: no boot"));
}
END_TEST

static const struct {
	const char *text, *message;
} mistakes[] = {
	{"function run() error('bad') end", ":1: bad"},
	{"function run() error({}) end", "error object is a table"},
	{"function run() error(setmetatable({}, {__tostring = function() return 'mine' end})) end",
	 "mine"},
	{"function run() error(setmetatable({}, {__tostring = function() error('x') end})) end", "error"},
	{"function run() error() end", "error object is a nil"},
	{"function run() error(12) end", "12"},
	{"function run() return 1 + run() end", "stack overflow"},
	{"function run() xpcall(error, function() error('again') end) error('after') end", "after"},
	{"function run() return (string.gsub('a', 'a', run)) end", "stack overflow"},
	{"function run() return table.sort({1, 2, 3}, run) end", "stack overflow"},
	{"t = setmetatable({}, {__tostring = function(t) return ('%s'):format(t) end})\n"
	 "function run() return tostring(t) end", "stack overflow"},
	{"function run() for _ in ('a'):gmatch('a') do pcall(error); ('a'):gsub('a', run) end end",
	 "stack overflow"},
};

/* Each error leaves a state that still works, many times over. */
START_TEST(mistakes_are_errors)
{
	ck_assert_int_eq(lua_stack_raise(), 0);
	struct lua_host *host = host_with(8 * MIB, 10000, mistakes[_i].text);
	for (int i = 0; i < 10; i++) {
		double result = 0;
		ck_assert_int_eq(host_call(host, "run", i, NULL), LUA_RESULT_ERROR);
		ck_assert_msg(strstr(lua_host_message(host), mistakes[_i].message) != NULL, "%s",
			      lua_host_message(host));
		ck_assert_int_eq(host_call(host, "twice", i, &result), LUA_RESULT_OK);
		ck_assert_double_eq(result, 2.0 * i);
	}
	host_free(host);
}
END_TEST

static const char *const hungry[] = {
	"function run() local t = {} for i = 1, 1e8 do t[i] = {i} end end",
	"function run() local s = 'x' while true do s = s .. s end end",
	"function run() return string.rep('x', 1e9) end",
	"local t = {} function run() while true do t[#t + 1] = ('x'):rep(9000) .. #t end end",
	"jit.off() function run() local t = {} for i = 1, 1e8 do t[i] = {i} end end",
};

/* Want of memory ends a state, in machine code as in the interpreter, and the next one works. */
START_TEST(hungry_states_are_thrown_away)
{
	char error[4096];
	struct lua_host *host = host_with(32 * MIB, 5000, hungry[_i]);
	for (int i = 0; i < 20; i++) {
		double result = 0;
		ck_assert_int_eq(host_call(host, "run", i, NULL), LUA_RESULT_RUNAWAY);
		ck_assert_str_eq(lua_host_message(host), "stopped: its memory is full");
		ck_assert_msg(lua_host_rebuild(host, error, sizeof(error)) == 0, "%s", error);
		ck_assert_int_eq(host_call(host, "twice", i, &result), LUA_RESULT_OK);
		ck_assert_double_eq(result, 2.0 * i);
	}
	host_free(host);
}
END_TEST

START_TEST(garbage_is_collected_in_steps)
{
	struct lua_host *host = host_with(16 * MIB, 1000,
					  "function run() for i = 1, 1000 do local t = {i} end end\n"
					  "function stop() collectgarbage('stop') end\n");
	int run = lua_host_function(host, "run");
	size_t most = 0;
	host_call(host, "stop", 0, NULL);
	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(lua_host_run(host, run, NULL, 0, NULL), LUA_RESULT_OK);
		ck_assert_int_eq(lua_host_gc_step(host), LUA_RESULT_OK);
		if (lua_host_memory(host).used > most)
			most = lua_host_memory(host).used;
	}
	ck_assert_uint_le(most, lua_host_memory(host).limit);
	ck_assert_uint_gt(most, 10000);
	host_free(host);
}
END_TEST

/* A state that has grown by much, as with a large policy, is not gone through at once. */
START_TEST(large_states_are_collected_in_steps)
{
	struct lua_host *host = host_with(256 * MIB, 20,
					  "kept = {}\n"
					  "function run() for i = 1, 2000 do\n"
					  "local t = {} for k = 1, 10 do t[k] = {k, {k}} end\n"
					  "kept[#kept + 1] = t end end\n"
					  "function settle() collectgarbage() end\n");
	int run = lua_host_function(host, "run"), settle = lua_host_function(host, "settle");
	while (lua_host_memory(host).used < 120 * MIB)
		ck_assert_int_eq(lua_host_prepare(host, run, NULL, 0, NULL), LUA_RESULT_OK);
	ck_assert_int_eq(lua_host_prepare(host, settle, NULL, 0, NULL), LUA_RESULT_OK);
	for (int i = 0; i < 10000; i++)
		ck_assert_msg(lua_host_gc_step(host) == LUA_RESULT_OK, "step %d: %s", i,
			      lua_host_message(host));
	host_free(host);
}
END_TEST

/* ---- the watchdog ---- */

static const char *const runaways[] = {
	"function run() while true do end end",
	"jit.off() function run() while true do end end",
	"function run() local t = {} while true do t = {t[1]} end end",
	"function run() while true do local s = string.rep('x', 1e6) .. 'y' end end",
	"function run() local s = string.rep('a', 30) return s:find('.-.-.-.-.-.-.-.-.-.-b') end",
	"function run() while true do pcall(function() while true do pcall(error) end end) end end",
	"function run() while true do work(1) end end",
	"jit.off() function run() while true do pcall(work, 1) end end",
	"function run() local c = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
	"while true do c() end end",
	"function run() coroutine.wrap(function() pcall(function() while true do end end) end)() end",
	"function run() local i = 0 while true do i = i + 1 loadstring('local a = ' .. i ..\n"
	" ' for i = 1, 100 do a = a + i end')() end end",
	"function run() while true do jit.flush() for i = 1, 100 do work(1) end end end",
	"function run() return io.read() end",
	"function run() while true do io.read('*a') end end",
};

#define RUNAWAYS ((int)(sizeof(runaways) / sizeof(runaways[0])))

START_TEST(runaways_are_stopped)
{
	char error[4096];
	size_t before = 0;
	unsigned late = 0, alone = 0, code = 0;
	int silent[2]; /* somebody who never says a word */
	ck_assert_int_eq(pipe(silent), 0);
	ck_assert_int_eq(dup2(silent[0], STDIN_FILENO), STDIN_FILENO);
	struct lua_host *host = host_with(32 * MIB, WATCHDOG_MS, runaways[_i]);
	for (int i = 0; i < REPETITIONS; i++) {
		double result = 0, start = clock_ms();
		long preempted = preemptions();
		ck_assert_int_eq(host_call(host, "run", i, NULL), LUA_RESULT_RUNAWAY);
		double took = clock_ms() - start;
		ck_assert_double_ge(took, WATCHDOG_MS);
		if (preemptions() == preempted) {
			alone++;
			late += took > WATCHDOG_MS + LATE_MS;
		}
		ck_assert_ptr_null(lua_host_lua(host));
		ck_assert_int_eq(lua_host_run(host, 1, NULL, 0, NULL), LUA_RESULT_ERROR);
		ck_assert_msg(lua_host_rebuild(host, error, sizeof(error)) == 0, "%s", error);
		ck_assert_int_eq(host_call(host, "twice", i, &result), LUA_RESULT_OK);
		ck_assert_double_eq(result, 2.0 * i);
		if (i == REPETITIONS / 4) {
			before = resident();
			code = code_mappings();
		}
	}
	ck_assert_uint_le(late, alone / 2);
	ck_assert_uint_lt(resident(), before + GROWTH_MAX);
	ck_assert_uint_le(code_mappings(), code + 2);
	host_free(host);
}
END_TEST

START_TEST(stopping_leaves_other_states_alone)
{
	char error[4096];
	struct lua_host *other = host_make(16 * MIB, WATCHDOG_MS);
	struct lua_host *host = host_with(16 * MIB, 5, "function run() while true do end end\n");
	for (int i = 0; i < 100; i++) {
		double result = 0;
		ck_assert_int_eq(host_call(host, "run", 0, NULL), LUA_RESULT_RUNAWAY);
		for (int k = 0; k < 100; k++)
			ck_assert_int_eq(host_call(other, "twice", k, &result), LUA_RESULT_OK);
		ck_assert_double_eq(result, 198);
		ck_assert_int_eq(lua_host_rebuild(host, error, sizeof(error)), 0);
	}
	lua_host_destroy(other);
	host_free(host);
}
END_TEST

START_TEST(progress_gives_a_new_measure)
{
	struct lua_host *host = host_with(
		16 * MIB, WATCHDOG_MS,
		"function run() local stop, n = os.clock() + 0.1, 0\n"
		"while os.clock() < stop do n = n + 1 progress(n) end end\n"
		"function hang() progress(7) while true do end end\n");
	ck_assert_int_eq(host_call(host, "run", 0, NULL), LUA_RESULT_OK);
	*lua_host_progress(host) = 0;
	double start = clock_ms();
	ck_assert_int_eq(host_call(host, "hang", 0, NULL), LUA_RESULT_RUNAWAY);
	ck_assert_double_ge(clock_ms() - start, WATCHDOG_MS);
	ck_assert_uint_eq(*lua_host_progress(host), 7);
	host_free(host);
}
END_TEST

START_TEST(calls_in_time_are_left_alone)
{
	struct lua_host *host =
		host_with(16 * MIB, 2, "function run(n) for i = 1, n do work(1) end return n end\n");
	int run = lua_host_function(host, "run");
	double start = clock_ms();
	unsigned stopped = 0;
	for (double n = 1; clock_ms() - start < 300; n = n < 20 ? n + 1 : 1) {
		double result = 0;
		enum lua_result outcome = lua_host_run(host, run, &n, 1, &result);
		if (outcome == LUA_RESULT_RUNAWAY) { /* possible if the machine held us up */
			stopped++;
			ck_assert_int_eq(lua_host_rebuild(host, NULL, 0), 0);
			run = lua_host_function(host, "run");
			continue;
		}
		ck_assert_int_eq(outcome, LUA_RESULT_OK);
		ck_assert_double_eq(result, n);
	}
	ck_assert_uint_lt(stopped, 40);
	host_free(host);
}
END_TEST

START_TEST(load_and_finalizers_are_watched)
{
	char error[4096] = "";
	struct lua_host_config config = {.memory = 16 * MIB, .watchdog_ms = 20, .load_ms = 40};
	struct lua_host *host = lua_host_create(&config, error, sizeof(error));
	ck_assert_msg(host != NULL, "%s", error);
	ck_assert_int_eq(host_load_text(host, "while true do end", error, sizeof(error)), -ETIME);
	ck_assert_ptr_nonnull(strstr(error, "40 ms"));
	ck_assert_int_eq(lua_host_rebuild(host, error, sizeof(error)), -ETIME);
	host_free(host);

	host = host_with(16 * MIB, WATCHDOG_MS,
			 /* what is made in the midst of a cycle outlives that */
			 "function run() collectgarbage() local p = newproxy(true)\n"
			 "getmetatable(p).__gc = function() while true do end end end\n");
	ck_assert_int_eq(host_call(host, "run", 0, NULL), LUA_RESULT_OK);
	enum lua_result outcome = LUA_RESULT_OK;
	for (int i = 0; i < 10000 && outcome == LUA_RESULT_OK; i++)
		outcome = lua_host_gc_step(host);
	ck_assert_int_eq(outcome, LUA_RESULT_RUNAWAY);
	ck_assert_int_eq(lua_host_rebuild(host, error, sizeof(error)), 0);
	ck_assert_int_eq(host_call(host, "run", 0, NULL), LUA_RESULT_OK);
	host_free(host); /* the finalizer hangs here again */
}
END_TEST

static Suite *lua_host_suite(void)
{
	Suite *suite = suite_create("lua_host");
	TCase *arena = tcase_create("arena");
	tcase_add_test(arena, arena_survives_random_use);
	tcase_add_test(arena, arena_keeps_its_limit);
	suite_add_tcase(suite, arena);
	TCase *calls = tcase_create("calls");
	tcase_set_timeout(calls, 60);
	tcase_add_test(calls, functions_are_found_and_called);
	tcase_add_test(calls, errors_tell_where);
	tcase_add_loop_test(calls, mistakes_are_errors, 0,
			    (int)(sizeof(mistakes) / sizeof(mistakes[0])));
	tcase_add_loop_test(calls, hungry_states_are_thrown_away, 0,
			    (int)(sizeof(hungry) / sizeof(hungry[0])));
	tcase_add_test(calls, garbage_is_collected_in_steps);
	tcase_add_test(calls, large_states_are_collected_in_steps);
	suite_add_tcase(suite, calls);
	TCase *watchdog = tcase_create("watchdog");
	tcase_set_timeout(watchdog, 60);
	tcase_add_loop_test(watchdog, runaways_are_stopped, 0, RUNAWAYS);
	tcase_add_test(watchdog, stopping_leaves_other_states_alone);
	tcase_add_test(watchdog, progress_gives_a_new_measure);
	tcase_add_test(watchdog, calls_in_time_are_left_alone);
	tcase_add_test(watchdog, load_and_finalizers_are_watched);
	suite_add_tcase(suite, watchdog);
	return suite;
}

UNIT_MAIN(lua_host_suite)
