/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua_state.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

#define REPETITIONS 20
#define WATCHDOG_MS 20

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static const char *const runaways[] = {
	"while true do end",
	"jit.off(true, true) while true do end",
	"local n = 0 while true do n = n + 1 end",
	"while true do pcall(function() while true do end end) end",
	"local s = string.rep('a', 26) .. 'b' while true do s:find('.-.-.-.-.-.-.-.-.-c') end",
	"while true do local s = string.rep('x', 1e6) end",
	"local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
	"local ffi = require('ffi') ffi.cdef('int getppid(void);') while true do ffi.C.getppid() end",
};

START_TEST(runaway_is_left_in_time)
{
	for (int i = 0; i < REPETITIONS; i++) {
		struct lua_state *state = lua_state_create(64, WATCHDOG_MS);
		ck_assert_ptr_nonnull(state);
		ck_assert_int_eq(luaL_loadstring(lua_state_of(state), runaways[_i]), 0);
		double start = now_ms();
		ck_assert_int_eq(lua_state_call(state, 0, 0, true), LUA_OUTCOME_RUNAWAY);
		double took = now_ms() - start;
		ck_assert_msg(took >= WATCHDOG_MS - 1 && took < WATCHDOG_MS * 25, "took %f ms", took);
		lua_state_destroy(state);
	}
}
END_TEST

START_TEST(growing_table_is_an_error_or_left)
{
	for (int i = 0; i < REPETITIONS; i++) {
		struct lua_state *state = lua_state_create(16, WATCHDOG_MS * 50);
		luaL_loadstring(lua_state_of(state), "local t = {} while true do t[#t + 1] = {} end");
		ck_assert_int_ne(lua_state_call(state, 0, 0, true), LUA_OUTCOME_OK);
		lua_state_destroy(state);
	}
}
END_TEST

START_TEST(error_has_traceback)
{
	struct lua_state *state = lua_state_create(64, WATCHDOG_MS);
	lua_State *lua = lua_state_of(state);
	static const char text[] = "local function f() error('bad') end\nf()";
	luaL_loadbuffer(lua, text, sizeof(text) - 1, "@policy.lua");
	ck_assert_int_eq(lua_state_call(state, 0, 0, true), LUA_OUTCOME_ERROR);
	const char *message = lua_tostring(lua, -1);
	ck_assert_ptr_nonnull(strstr(message, "policy.lua:1: bad"));
	ck_assert_ptr_nonnull(strstr(message, "policy.lua:2: in main chunk"));
	lua_state_destroy(state);
}
END_TEST

START_TEST(calls_in_time_are_left_alone)
{
	struct lua_state *state = lua_state_create(64, WATCHDOG_MS);
	lua_State *lua = lua_state_of(state);
	for (int i = 0; i < 20000; i++) {
		luaL_loadstring(lua, "local n = 0 for i = 1, 100 do n = n + i end return n");
		ck_assert_int_eq(lua_state_call(state, 0, 1, true), LUA_OUTCOME_OK);
		ck_assert_int_eq((int)lua_tointeger(lua, -1), 5050);
		lua_pop(lua, 1);
	}
	lua_state_destroy(state);
}
END_TEST

static Suite *lua_state_suite(void)
{
	Suite *suite = suite_create("lua_state");
	TCase *tcase = tcase_create("watchdog");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, runaway_is_left_in_time, 0,
			    (int)(sizeof(runaways) / sizeof(runaways[0])));
	tcase_add_test(tcase, growing_table_is_an_error_or_left);
	tcase_add_test(tcase, error_has_traceback);
	tcase_add_test(tcase, calls_in_time_are_left_alone);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(lua_state_suite)
