/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies are read in a coroutine, so that whoever has other things to do may have them read in
 * slices: at the end of one, the watchdog's timer sets a hook, in which the coroutine yields. Machine
 * code looks at no hooks, so that none is made meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <luajit.h>

#include "control/lua/host_parts.h"

#define MS 1000000u /* ns */
#define SECOND 1000000000u
#define READER "lua_host.reader"
#define RETRY 1000 /* instructions, where the policy cannot be left as yet */
#define RETRY_SOON 16 /* in our own modules, which it is in for a moment */
#define MODULES "@lua/" /* what their names begin with, and no further slash in them */

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* ---- inside the state ---- */

/* The error is at the top of the stack, and tells all that there is to say. */
static int fail(lua_State *lua, struct lua_host *host)
{
	host->told = true;
	return lua_error(lua);
}

static void reader_open(lua_State *lua, struct lua_host *host)
{
	lua_State *reader = lua_newthread(lua);
	lua_setfield(lua, LUA_REGISTRYINDEX, READER);
	int result = luaL_loadfilex(reader, host->path, "t"), error = errno;
	if (result == LUA_ERRFILE)
		lua_pushfstring(reader, "%s:1:1: cannot read the file: %s", host->path,
				strerror(error));
	if (result != 0) {
		lua_xmove(reader, lua, 1);
		fail(lua, host);
	}
	lua_mcode_spare(reader);
	host->reader = reader;
}

/* Between two calls of C that belong together nobody else's may come: a module goes on to its end. */
static bool is_module(lua_State *lua, lua_Debug *event)
{
	lua_getinfo(lua, "S", event);
	return strncmp(event->source, MODULES, sizeof(MODULES) - 1) == 0 &&
	       strchr(event->source + sizeof(MODULES) - 1, '/') == NULL;
}

/* In a coroutine that the policy made itself, or below a function in C, nothing can be left. */
static void hook_pause(lua_State *lua, lua_Debug *event)
{
	void *context;
	lua_getallocf(lua, &context);
	struct lua_host *host = context;
	if (lua != host->reader || !lua_isyieldable(lua)) {
		lua_sethook(lua, hook_pause, LUA_MASKCOUNT, RETRY);
		return;
	}
	if (is_module(lua, event)) {
		lua_sethook(lua, hook_pause, LUA_MASKCOUNT, RETRY_SOON);
		return;
	}
	lua_sethook(lua, NULL, 0, 0);
	host->paused = true;
	lua_yield(lua, 0);
}

/*
 * LuaJIT allows hooks to be set in signal handlers. Once a slice: in the midst of another lua_sethook(), as
 * hook_pause() has, it would leave LuaJIT between the two.
 */
void lua_host_read_pause(const void *context)
{
	const struct lua_host *host = context;
	lua_sethook(host->lua, hook_pause, LUA_MASKCOUNT, 1);
}

/* ---- what a policy would notice ---- */

static int yield(lua_State *lua)
{
	if (lua == lua_host_of(lua)->reader)
		return luaL_error(lua, "attempt to yield from outside a coroutine");
	return lua_yield(lua, lua_gettop(lua));
}

/* Turns the compiler on or off: in a slice, for what follows the slices. Whether it is on. */
static int compiler(lua_State *lua)
{
	struct lua_host *host = lua_host_of(lua);
	if (lua_gettop(lua) > 0) {
		/* Never where the watchdog could not find its way out of what is compiled. */
		host->compiles = lua_toboolean(lua, 1) && host->mcode.words != NULL;
		if (host->watchdog.slice == 0)
			luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE |
						       (host->compiles ? LUAJIT_MODE_ON
								       : LUAJIT_MODE_OFF));
	}
	lua_pushboolean(lua, host->compiles);
	return 1;
}

/* Tail calls: "true" is the function that calls. */
static const char plain[] =
	"local yield, compiler = ...\n"
	"local jit = require('jit')\n"
	"local on, off, status = jit.on, jit.off, jit.status\n"
	"coroutine.yield = yield\n"
	"function jit.on(...) if (...) ~= nil then return on(...) end compiler(true) end\n"
	"function jit.off(...) if (...) ~= nil then return off(...) end compiler(false) end\n"
	"function jit.status() return compiler(), select(2, status()) end\n";

void lua_host_read_hide(lua_State *lua)
{
	if (luaL_loadbuffer(lua, plain, sizeof(plain) - 1, "=reader") != 0)
		lua_error(lua);
	lua_pushlightuserdata(lua, lua_host_of(lua));
	lua_pushcclosure(lua, yield, 1);
	lua_pushlightuserdata(lua, lua_host_of(lua));
	lua_pushcclosure(lua, compiler, 1);
	lua_call(lua, 2, 0);
}

/* Whether a message begins with a file, whose name may have a colon, and a line. */
static bool has_place(const char *text)
{
	const char *line = text + strcspn(text, ":\n");
	for (; *line == ':'; line += 1 + strcspn(line + 1, ":\n")) {
		size_t digits = strspn(line + 1, "0123456789");
		if (digits > 0 && line[1 + digits] == ':')
			return true;
	}
	return false;
}

/* Names the innermost line of the policy's own in a message that names none, as those of dofile() are. */
static void place_add(lua_State *lua, lua_State *reader)
{
	lua_Debug at;
	for (int level = 0; lua_getstack(reader, level, &at) != 0; level++) {
		lua_getinfo(reader, "Sl", &at);
		if (*at.what == 'C' || is_module(reader, &at))
			continue;
		lua_pushfstring(lua, "%s:%d: %s", at.short_src, at.currentline,
				lua_tostring(lua, -1));
		lua_remove(lua, -2);
		return;
	}
}

/* Leaves the message for an error that ended the reading. */
static void error_take(lua_State *lua, lua_State *reader)
{
	lua_xmove(reader, lua, 1);
	lua_host_error_text(lua);
	if (!has_place(lua_tostring(lua, -1)))
		place_add(lua, reader);
	luaL_traceback(lua, reader, lua_tostring(lua, -1), 0);
}

int lua_host_read_step(lua_State *lua)
{
	struct lua_host *host = lua_host_of(lua);
	host->paused = false;
	if (host->reader == NULL)
		reader_open(lua, host);
	lua_State *reader = host->reader;
	int status = lua_resume(reader, 0);
	if (host->paused)
		return 0;
	if (status != 0)
		error_take(lua, reader);
	/* Here, where memory may run out. */
	lua_pushnil(lua);
	lua_setfield(lua, LUA_REGISTRYINDEX, READER);
	return status == 0 ? 0 : fail(lua, host);
}

/* ---- outside ---- */

/* Never while a pause may be asked for: both change what LuaJIT looks at between instructions. */
static void compiler_set(struct lua_host *host, int mode)
{
	if (host->lua != NULL && host->compiles)
		luaJIT_setmode(host->lua, 0, LUAJIT_MODE_ENGINE | mode);
}

static void reader_close(struct lua_host *host)
{
	host->reader = NULL;
	host->read_used = 0;
	if (host->lua == NULL)
		return;
	lua_sethook(host->lua, NULL, 0, 0);
}

/* What the policy may still take, as if it were one call: ns. */
static uint64_t budget_left(const struct lua_host *host)
{
	uint64_t whole = (uint64_t)host->config.load_ms * MS;
	return whole > host->read_used ? whole - host->read_used : whole == 0 ? 0 : 1;
}

static int read_slice(struct lua_host *host, uint64_t slice)
{
	uint64_t begin = now_ns();
	host->told = false;
	if (slice != 0)
		compiler_set(host, LUAJIT_MODE_OFF);
	host->watchdog.slice = slice;
	enum lua_result result = lua_host_slot_call(host, SLOT_READ, budget_left(host));
	host->watchdog.slice = 0;
	if (slice != 0)
		compiler_set(host, LUAJIT_MODE_ON);
	host->told = false;
	host->read_used += now_ns() - begin;
	if (host->watchdog.progress != host->read_seen) {
		host->read_seen = host->watchdog.progress;
		host->read_used = 0;
	}
	if (result == LUA_RESULT_OK && host->paused)
		return LUA_HOST_READING;
	reader_close(host);
	if (result == LUA_RESULT_OK)
		return 0;
	return result == LUA_RESULT_RUNAWAY ? -ETIME : -EINVAL;
}

static void read_begin(struct lua_host *host)
{
	host->reader = NULL;
	host->read_seen = host->watchdog.progress;
}

int lua_host_read_all(struct lua_host *host)
{
	read_begin(host);
	return read_slice(host, 0);
}

static int path_set(struct lua_host *host, const char *path)
{
	char *copy = strdup(path);
	if (copy == NULL) {
		lua_host_message_set(host, "no memory");
		return -ENOMEM;
	}
	free(host->path);
	host->path = copy;
	if (host->lua != NULL)
		return 0;
	lua_host_message_set(host, "there is no Lua state");
	return -ENODEV;
}

int lua_host_read(struct lua_host *host, const char *path, uint64_t slice, char *error, size_t size)
{
	int result = 0;
	if (host->reader == NULL) {
		result = path_set(host, path);
		read_begin(host);
	}
	if (result == 0)
		result = read_slice(host, slice);
	if (result < 0)
		snprintf(error, size, "%s", host->message);
	return result;
}

int lua_host_load(struct lua_host *host, const char *path, char *error, size_t size)
{
	return lua_host_read(host, path, 0, error, size);
}

void lua_host_where(struct lua_host *host, char *text, size_t size)
{
	lua_State *lua = host->lua;
	if (lua == NULL || size == 0)
		return;
	luaL_traceback(lua, host->reader != NULL ? host->reader : lua, NULL, 0);
	snprintf(text, size, "%s", lua_tostring(lua, -1));
}
