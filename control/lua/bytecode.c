/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/bytecode.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#define FIRST_SIZE 4096u

struct bytecode {
	const struct bytecode *next;
	const struct lua_module *module;
	char *bytes;
	size_t size, room;
};

/* Of all modules that were asked for; they stay to the end of the program. */
static const struct bytecode *compiled;

static const struct bytecode *find(const struct lua_module *module)
{
	const struct bytecode *at = __atomic_load_n(&compiled, __ATOMIC_ACQUIRE);
	while (at != NULL && at->module != module)
		at = at->next;
	return at;
}

static int append(lua_State *lua, const void *bytes, size_t size, void *context)
{
	struct bytecode *code = context;
	(void)lua;
	while (code->room - code->size < size) {
		size_t room = code->room == 0 ? FIRST_SIZE : 2 * code->room;
		char *more = realloc(code->bytes, room);
		if (more == NULL)
			return 1;
		code->bytes = more;
		code->room = room;
	}
	memcpy(code->bytes + code->size, bytes, size);
	code->size += size;
	return 0;
}

/* Two threads may compile the same one: the later is found first, and both are right. */
static void publish(struct bytecode *code)
{
	code->next = __atomic_load_n(&compiled, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&compiled, &code->next, code, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

/* Of the function on the stack. Without memory it is compiled the next time, too. */
static void keep(lua_State *lua, const struct lua_module *module)
{
	struct bytecode *code = calloc(1, sizeof(*code));
	if (code == NULL)
		return;
	code->module = module;
	if (lua_dump(lua, append, code) == 0) {
		publish(code);
		return;
	}
	free(code->bytes);
	free(code);
}

void lua_bytecode_load(lua_State *lua, const struct lua_module *module, const char *name)
{
	const struct bytecode *code = find(module);
	int failed = code != NULL ? luaL_loadbufferx(lua, code->bytes, code->size, name, "b")
				  : luaL_loadbufferx(lua, module->text, module->size, name, "t");
	if (failed)
		lua_error(lua);
	if (code == NULL)
		keep(lua, module);
}
