/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies that are read in slices: as they would be at once, whatever they are at when a slice ends. */
#include "control/lua/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

#include "tests/unit/unit.h"

#define MIB (1u << 20)
#define SLICE_NS 20000u
#define LONG_MS 60000
#define SLICES_MIN 20

static char path[] = "/tmp/test_lua_reader.XXXXXX";

/* What policies do that may be left badly: C functions above Lua, handlers, coroutines, FFI, machine code. */
static const char busy[] =
	"local ffi = require('ffi')\n"
	"ffi.cdef('int abs(int);')\n"
	"local sum, rounds = 0, ROUNDS\n"
	"local function add(n) sum = (sum * 31 + n) % 2147483647 end\n"
	"local object = setmetatable({}, {__index = function(_, key) local n = 0\n"
	"  for i = 1, 3 do n = n + i end return key * 2 + n end,\n"
	"  __call = function(_, ...) return select('#', ...) end,\n"
	"  __concat = function() return 'both' end, __lt = function() return true end})\n"
	"local function deep(n) if n == 0 then return 1 end return 1 + deep(n - 1) end\n"
	"for round = 1, rounds do\n"
	"  local list = {}\n"
	"  for i = 1, 30 do list[i] = (i * 7919 + round) % 101 end\n"
	"  table.sort(list, function(a, b) return a < b end)\n"
	"  for _, n in ipairs(list) do add(n) end\n"
	"  add(#string.gsub(('x'):rep(20), 'x', function(c) return c .. round end))\n"
	"  add(object[round]) add(object(round, nil, nil)) add(#(object .. 'x'))\n"
	"  add(select(2, pcall(function() error({code = round}) end)).code)\n"
	"  add(#select(2, xpcall(function() error('x', 0) end, function(m) return m .. round end)))\n"
	"  local step = coroutine.wrap(function(n) for i = 1, n do coroutine.yield(i) end return 0 end)\n"
	"  local n = step(10) while n ~= 0 do add(n) n = step() end\n"
	"  add(ffi.C.abs(-round)) add(deep(40)) add(loadstring('return ... + 1')(round))\n"
	"  for i = 1, 500 do sum = (sum + i * i) % 1000003 end\n"
	"  local cells = ffi.new('int[8]') for i = 0, 7 do cells[i] = i * round add(cells[i]) end\n"
	"end\n"
	"function result() return sum end\n";

static struct lua_host *host_make(uint32_t load_ms)
{
	char error[512] = "";
	struct lua_host_config config = {
		.memory = 32 * MIB, .watchdog_ms = 1000, .load_ms = load_ms};
	struct lua_host *host = lua_host_create(&config, error, sizeof(error));
	ck_assert_msg(host != NULL, "%s", error);
	return host;
}

static void file_write(const char *text)
{
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void busy_write(unsigned rounds)
{
	char text[sizeof(busy) + 16];
	const char *at = strstr(busy, "ROUNDS");
	snprintf(text, sizeof(text), "%.*s%u%s", (int)(at - busy), busy, rounds, at + 6);
	file_write(text);
}

/* To its end; how many slices that took. */
static int read_sliced(struct lua_host *host, uint64_t slice, unsigned *slices, char *error, size_t size)
{
	int result;
	*slices = 0;
	do {
		result = lua_host_read(host, path, slice, error, size);
		++*slices;
	} while (result == LUA_HOST_READING);
	return result;
}

static double result_of(struct lua_host *host)
{
	double result = 0;
	int function = lua_host_function(host, "result");
	ck_assert_int_ne(function, LUA_HOST_NO_FUNCTION);
	ck_assert_int_eq(lua_host_run(host, function, NULL, 0, &result), LUA_RESULT_OK);
	return result;
}

static void begin(void)
{
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void end(void)
{
	unlink(path);
}

/* As many rounds as it takes until slices ended in all kinds of places. */
START_TEST(slices_change_nothing)
{
	char error[4096] = "";
	unsigned slices = 0, rounds = 100;
	double at_once = 0;
	for (; slices < SLICES_MIN; rounds *= 2) {
		struct lua_host *host = host_make(LONG_MS);
		busy_write(rounds);
		ck_assert_msg(lua_host_load(host, path, error, sizeof(error)) == 0, "%s", error);
		at_once = result_of(host);
		lua_host_destroy(host);
		host = host_make(LONG_MS);
		ck_assert_msg(read_sliced(host, SLICE_NS, &slices, error, sizeof(error)) == 0, "%s",
			      error);
		ck_assert_double_eq(result_of(host), at_once);
		lua_host_destroy(host);
	}
}
END_TEST

START_TEST(a_slice_of_nothing_is_the_whole)
{
	char error[4096] = "";
	unsigned slices;
	struct lua_host *host = host_make(LONG_MS);
	busy_write(200);
	ck_assert_int_eq(read_sliced(host, 0, &slices, error, sizeof(error)), 0);
	ck_assert_uint_eq(slices, 1);
	lua_host_destroy(host);
}
END_TEST

/* Errors tell the line and how it came there, as if it had been one call. */
START_TEST(errors_tell_where)
{
	char error[4096] = "", line[64];
	unsigned slices;
	struct lua_host *host = host_make(LONG_MS);
	file_write("local n = 0\nlocal stop = os.clock() + 0.01\nwhile os.clock() < stop do n = n + 1 end\n"
		   "local function inner()\n  error('broken')\nend\ninner()\n");
	ck_assert_int_eq(read_sliced(host, SLICE_NS, &slices, error, sizeof(error)), -EINVAL);
	ck_assert_uint_gt(slices, 1);
	snprintf(line, sizeof(line), "%s:5: broken\n", path);
	ck_assert_ptr_nonnull(strstr(error, line));
	ck_assert_ptr_nonnull(strstr(error, "in function 'inner'"));
	ck_assert_ptr_nonnull(strstr(error, ":7: in main chunk"));
	file_write("function result() return 7 end\n"); /* the state is as good as before */
	ck_assert_msg(read_sliced(host, SLICE_NS, &slices, error, sizeof(error)) == 0, "%s", error);
	ck_assert_double_eq(result_of(host), 7);
	lua_host_destroy(host);
}
END_TEST

/* Also where what says what is wrong knows of no line. */
START_TEST(every_error_has_a_line)
{
	static const char *const rows[][2] = {
		{"\ndofile('/nowhere.lua')\n", ":2: cannot open /nowhere.lua: No such file or directory\n"},
		{"\n\nerror({})\n", ":3: (error object is a table value)\n"},
		{"error('12: none', 0)\n", ":1: 12: none\n"},
		{"error('none', 0)\n", ":1: none\n"},
		{"error('a.lua:7: mine', 0)\n", "a.lua:7: mine\n"},
		{"error('a:b.lua:7: mine', 0)\n", "a:b.lua:7: mine\n"},
		{"error('a:b\\nc:7: mine', 0)\n", ":1: a:b\n"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char error[4096] = "", expected[256];
		struct lua_host *host = host_make(LONG_MS);
		file_write(rows[i][0]);
		ck_assert_int_eq(lua_host_load(host, path, error, sizeof(error)), -EINVAL);
		snprintf(expected, sizeof(expected), "%s%s", *rows[i][1] == ':' ? path : "", rows[i][1]);
		ck_assert_msg(strncmp(error, expected, strlen(expected)) == 0, "%s", error);
		lua_host_destroy(host);
	}
}
END_TEST

START_TEST(nobody_yields_to_us)
{
	char error[4096] = "";
	struct lua_host *host = host_make(LONG_MS);
	file_write("local a = 1\ncoroutine.yield(a)\n");
	ck_assert_int_eq(lua_host_load(host, path, error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "outside a coroutine"));
	ck_assert_ptr_nonnull(strstr(error, ":2: in main chunk"));
	file_write("local ok, message = pcall(coroutine.yield, 1)\n"
		   "assert(not ok and message:find('outside a coroutine'), message)\n"
		   "assert(not pcall(function() coroutine.yield() end))\n"
		   "local step = coroutine.wrap(function(a) return coroutine.yield(a, 2) end)\n"
		   "local a, b = step(1)\n"
		   "function result() return a + b + step(4) end\n");
	ck_assert_msg(lua_host_load(host, path, error, sizeof(error)) == 0, "%s", error);
	ck_assert_double_eq(result_of(host), 7);
	lua_host_destroy(host);
}
END_TEST

/* In slices nothing is compiled; who turns the compiler off or on finds it so afterwards. */
START_TEST(the_compiler_is_the_policys)
{
	static const char *const last[] = {"jit.off()", "jit.on()", "jit.off(nil)", "jit.off(true)"};
	char error[4096] = "", text[512];
	for (unsigned i = 0; i < 2 * 4; i++) {
		unsigned slices;
		struct lua_host *host = host_make(LONG_MS);
		snprintf(text, sizeof(text),
			 "%s\nlocal now = jit.status()\nlocal n = 0\n"
			 "for i = 1, 1e5 do n = n + #tostring(i) end\n"
			 "function result() return (now and 2 or 0) + (jit.status() and 1 or 0) end\n",
			 last[i % 4]);
		file_write(text);
		int result = read_sliced(host, i < 4 ? 0 : SLICE_NS, &slices, error, sizeof(error));
		ck_assert_msg(result == 0, "%s", error);
		ck_assert(i < 4 || slices > 1);
		ck_assert_double_eq(result_of(host), i % 2 == 0 ? 0 : 3);
		lua_host_destroy(host);
	}
}
END_TEST

/* The time that a policy may take is that of all its slices. */
START_TEST(endless_policies_end)
{
	char error[4096] = "";
	unsigned slices;
	struct lua_host *host = host_make(200);
	file_write("local n = 0\nwhile true do n = n + #tostring(n) end\n");
	ck_assert_int_eq(read_sliced(host, SLICE_NS, &slices, error, sizeof(error)), -ETIME);
	ck_assert_msg(strstr(error, "ran for 200 ms"), "%s", error);
	ck_assert_ptr_null(lua_host_lua(host));
	lua_host_destroy(host);
}
END_TEST

/* One that is given up in the midst. */
START_TEST(readings_can_be_dropped)
{
	char error[4096] = "";
	for (unsigned i = 0; i < 20; i++) {
		struct lua_host *host = host_make(LONG_MS);
		busy_write(20000);
		for (unsigned k = 0; k <= i; k++)
			ck_assert_int_eq(lua_host_read(host, path, SLICE_NS, error, sizeof(error)),
					 LUA_HOST_READING);
		lua_host_destroy(host);
	}
}
END_TEST

static Suite *lua_reader_suite(void)
{
	Suite *suite = suite_create("lua_reader");
	TCase *slices = tcase_create("slices");
	tcase_add_unchecked_fixture(slices, begin, end);
	tcase_set_timeout(slices, 60);
	tcase_add_test(slices, slices_change_nothing);
	tcase_add_test(slices, a_slice_of_nothing_is_the_whole);
	tcase_add_test(slices, errors_tell_where);
	tcase_add_test(slices, every_error_has_a_line);
	tcase_add_test(slices, nobody_yields_to_us);
	tcase_add_test(slices, the_compiler_is_the_policys);
	tcase_add_test(slices, endless_policies_end);
	tcase_add_test(slices, readings_can_be_dropped);
	suite_add_tcase(suite, slices);
	return suite;
}

UNIT_MAIN(lua_reader_suite)
