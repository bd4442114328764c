/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/mcode.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>

#include <luajit.h>

#define PAGE_MASK ((uintptr_t)4095)
#define AREAS_MAX 4096
#define LINES_MANY 200
#define FRAME_LENGTH_MAX 64 /* of the first record in the unwinder's table */

/* The start of each area of machine code. */
struct area {
	const struct area *next;
	size_t size;
	uint32_t frame[2]; /* length and kind of the table handed to the unwinder, if there is one */
};

#define AREA_HEAD offsetof(struct area, frame)

/* As they stand in LuaJIT's jit_State, of 2.1 betas and of the rolling releases. */
struct lua_mcode_words {
	const struct area *area; /* the newest */
	uintptr_t top, bottom;	 /* of its unused part */
	size_t size;		 /* of the newest */
	size_t total;		 /* of all */
};

/* True for the five words of a state with exactly one area. */
static bool words_match(const struct lua_mcode_words *words)
{
	uintptr_t start = (uintptr_t)words->area;
	return start != 0 && (start & PAGE_MASK) == 0 && words->size != 0 &&
	       (words->size & PAGE_MASK) == 0 && words->total == words->size &&
	       words->bottom >= start + AREA_HEAD && words->bottom < words->top &&
	       words->top <= start + words->size;
}

bool lua_mcode_find(struct lua_mcode *mcode, const void *state, size_t size)
{
	mcode->words = NULL;
	for (size_t at = 0; at + sizeof(struct lua_mcode_words) <= size; at += sizeof(void *)) {
		const void *here = (const uint8_t *)state + at;
		const struct lua_mcode_words *words = here;
		if (!words_match(words) || words->area->next != NULL ||
		    words->area->size != words->size)
			continue;
		mcode->words = words;
		return true;
	}
	return false;
}

bool lua_mcode_owns(const void *context, uintptr_t pc)
{
	const struct lua_mcode *mcode = context;
	if (mcode->words == NULL)
		return false;
	const struct area *area = mcode->words->area;
	for (unsigned i = 0; area != NULL && i < AREAS_MAX; area = area->next, i++)
		if (pc >= (uintptr_t)area && pc < (uintptr_t)area + area->size)
			return true;
	return false;
}

void lua_mcode_block(const struct lua_mcode *mcode)
{
	if (mcode->words == NULL)
		return;
	const struct area *area = mcode->words->area;
	for (unsigned i = 0; area != NULL && area->size != 0 && i < AREAS_MAX; i++) {
		const struct area *next = area->next;
		mprotect((void *)(uintptr_t)area, area->size, PROT_READ | PROT_WRITE);
		area = next;
	}
}

/*
 * The unwinder keeps a pointer to a table in the area: it must be told first. It aborts on a table
 * it does not know, so an area that may not have been registered yet is left alone. The function is
 * looked up as LuaJIT's reference to it was, lest this be the one of another copy of the unwinder.
 */
static bool area_deregister(const struct area *area)
{
	bool registered = area->frame[0] != 0 && area->frame[0] <= FRAME_LENGTH_MAX &&
			  area->frame[1] == 0;
	if (!registered)
		return true;
	void *symbol = dlsym(RTLD_DEFAULT, "__deregister_frame");
	void (*deregister)(const void *) = NULL;
	memcpy(&deregister, &symbol, sizeof(deregister));
	if (deregister == NULL)
		return false;
	deregister(area->frame);
	return true;
}

void lua_mcode_unmap(const struct lua_mcode *mcode)
{
	if (mcode->words == NULL)
		return;
	const struct lua_mcode_words words = *mcode->words;
	const struct area *area = words.area;
	for (unsigned i = 0; area != NULL && i < AREAS_MAX; i++) {
		const struct area *next = area->next;
		size_t size = area->size;
		if (size == 0 || (size & PAGE_MASK) != 0 || size > words.total)
			return;
		/* The newest may have been on its way to the unwinder. */
		bool whole = area != words.area || words.bottom > (uintptr_t)area + AREA_HEAD;
		if (whole && area_deregister(area))
			munmap((void *)(uintptr_t)area, size);
		area = next;
	}
}

void lua_mcode_spare(lua_State *lua)
{
	lua_Debug file;
	lua_pushvalue(lua, -1);
	lua_getinfo(lua, ">S", &file);
	if (file.lastlinedefined > LINES_MANY)
		luaJIT_setmode(lua, -1, LUAJIT_MODE_FUNC | LUAJIT_MODE_OFF);
}
