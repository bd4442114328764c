/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_SIZE 64u /* longer ones have no like */
#define SUGGESTION_SIZE (2 * NAME_MAX_SIZE)

struct search {
	const char *wanted;
	size_t length;
	unsigned best; /* the distance must be below it */
	char found[SUGGESTION_SIZE];
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters added, left out, changed or swapped with the next one; case does not count. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][NAME_MAX_SIZE + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	for (unsigned k = 0; k <= b_length; k++)
		last[k] = k;
	for (unsigned i = 1; i <= a_length; i++) {
		now[0] = i;
		for (unsigned k = 1; k <= b_length; k++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[k - 1]);
			now[k] = least(least(last[k], now[k - 1]) + 1, last[k - 1] + (x != y));
			if (i > 1 && k > 1 && x == tolower((unsigned char)b[k - 2]) &&
			    y == tolower((unsigned char)a[i - 2]))
				now[k] = least(now[k], before[k - 2] + 1);
		}
		unsigned *spare = before;
		before = last, last = now, now = spare;
	}
	return last[b_length];
}

/* Of names as near as each other the first one in the alphabet, whatever order they come in. */
static void name_try(struct search *search, const char *prefix, const char *name, size_t length)
{
	char whole[SUGGESTION_SIZE];
	if (length > NAME_MAX_SIZE || memchr(name, '\0', length) != NULL)
		return;
	unsigned found = distance(search->wanted, search->length, name, length);
	snprintf(whole, sizeof(whole), "%s%.*s", prefix, (int)length, name);
	if (found > search->best || (found == search->best && (search->found[0] == '\0' ||
							       strcmp(whole, search->found) >= 0)))
		return;
	search->best = found;
	memcpy(search->found, whole, sizeof(whole));
}

/* The names in the table on top of the stack. */
static void table_search(lua_State *lua, struct search *search, const char *prefix)
{
	lua_pushnil(lua);
	while (lua_next(lua, -2) != 0) {
		size_t length;
		const char *name = lua_type(lua, -2) == LUA_TSTRING ?
					   lua_tolstring(lua, -2, &length) : NULL;
		if (name != NULL)
			name_try(search, prefix, name, length);
		lua_pop(lua, 1);
	}
}

/* Found by looking at all: to make its name in Lua could fail. */
static void sluice_search(lua_State *lua, struct search *search)
{
	bool found = false;
	lua_pushnil(lua);
	while (!found && lua_next(lua, -2) != 0) {
		found = lua_type(lua, -2) == LUA_TSTRING && lua_istable(lua, -1) &&
			strcmp(lua_tostring(lua, -2), "sluice") == 0;
		if (found)
			table_search(lua, search, "sluice.");
		lua_pop(lua, found ? 2 : 1);
	}
}

/* The name that the error's first line is about. */
static bool name_find(const char *error, size_t line, struct search *search, bool *global)
{
	static const struct {
		const char *text;
		bool global;
	} words[] = {{"attempt to call global '", true},
		     {"attempt to index global '", true},
		     {"attempt to call field '", false}};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *at = strstr(error, words[i].text);
		if (at == NULL || at >= error + line)
			continue;
		search->wanted = at + strlen(words[i].text);
		const char *end = strchr(search->wanted, '\'');
		if (end == NULL || (size_t)(end - search->wanted) > NAME_MAX_SIZE)
			return false;
		search->length = (size_t)(end - search->wanted);
		*global = words[i].global;
		return strncmp(end, "' (a nil value)", 15) == 0;
	}
	return false;
}

void lua_suggest(lua_State *lua, char *error, size_t size)
{
	struct search search = {0};
	bool global;
	char hint[SUGGESTION_SIZE + 32];
	size_t line = strcspn(error, "\n");
	if (lua == NULL || !name_find(error, line, &search, &global))
		return;
	search.best = search.length < 6 ? 1 : (unsigned)search.length / 3;
	lua_pushvalue(lua, LUA_GLOBALSINDEX);
	if (global)
		table_search(lua, &search, "");
	sluice_search(lua, &search);
	lua_pop(lua, 1);
	size_t length = (size_t)snprintf(hint, sizeof(hint), "; did you mean %s?", search.found);
	size_t whole = strlen(error);
	if (search.found[0] == '\0' || whole + length >= size)
		return;
	memmove(error + line + length, error + line, whole - line + 1);
	memcpy(error + line, hint, length);
}
