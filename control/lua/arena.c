/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/arena.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_SIZE 4096u
#define SMALL_MAX 2048u /* larger objects get pages of their own */
#define FINE_MAX 512u	/* up to here every 16 bytes are a class */
#define FINE_CLASSES (FINE_MAX / 16)
#define CLASSES (FINE_CLASSES + 5)
#define BINS 32
#define SEARCH_NEAR 8 /* runs looked at before a larger one is cut */
#define NONE UINT32_MAX

enum page_kind { PAGE_INSIDE, PAGE_FREE, PAGE_LARGE, PAGE_SMALL };

/* First and last page of each run are described; SMALL runs are one page. */
struct page {
	uint32_t length;     /* pages of the run */
	uint32_t prev, next; /* in the bin of a free run, or among the class's pages with room */
	uint16_t free;	     /* SMALL: offset of the first freed object, 0 is none: see offset_of */
	uint16_t fresh;	     /* SMALL: objects from here on were never used */
	uint16_t used;	     /* SMALL: objects handed out */
	uint8_t kind, class;
};

struct lua_arena {
	uint8_t *base; /* of page 0 */
	size_t used;
	uint32_t n_pages;
	uint32_t bins[BINS];	/* free runs by the power of two below their length */
	uint32_t room[CLASSES]; /* pages of a class that have a free object */
	size_t mapped;
	struct page pages[];
};

static const uint16_t coarse_sizes[CLASSES - FINE_CLASSES] = {640, 816, 1024, 1360, 2048};

/* For a size in steps of 128 bytes, above FINE_MAX. */
static const uint8_t coarse_class[SMALL_MAX / 128 + 1] = {0, 0, 0, 0, 0, 0, 2, 2, 2,
							  3, 3, 4, 4, 4, 4, 4, 4};

static unsigned class_of(size_t size)
{
	if (size <= FINE_MAX)
		return (unsigned)((size + 15) / 16) - 1;
	unsigned class = coarse_class[(size + 127) / 128];
	if (class > 0 && size <= coarse_sizes[class - 1])
		class--;
	return FINE_CLASSES + class;
}

static uint32_t class_size(unsigned class)
{
	return class < FINE_CLASSES ? (class + 1) * 16 : coarse_sizes[class - FINE_CLASSES];
}

static uint32_t pages_for(size_t size)
{
	return (uint32_t)((size + PAGE_SIZE - 1) / PAGE_SIZE);
}

static uint8_t *page_address(const struct lua_arena *arena, uint32_t index)
{
	return arena->base + (size_t)index * PAGE_SIZE;
}

/* ---- lists of pages ---- */

static void list_push(struct lua_arena *arena, uint32_t *head, uint32_t index)
{
	arena->pages[index].prev = NONE;
	arena->pages[index].next = *head;
	if (*head != NONE)
		arena->pages[*head].prev = index;
	*head = index;
}

static void list_remove(struct lua_arena *arena, uint32_t *head, uint32_t index)
{
	const struct page *page = &arena->pages[index];
	if (page->prev == NONE)
		*head = page->next;
	else
		arena->pages[page->prev].next = page->next;
	if (page->next != NONE)
		arena->pages[page->next].prev = page->prev;
}

/* ---- runs of pages ---- */

static unsigned bin_of(uint32_t length)
{
	return 31u - (unsigned)__builtin_clz(length);
}

static void run_mark(struct lua_arena *arena, uint32_t first, uint32_t length, enum page_kind kind)
{
	struct page *last = &arena->pages[first + length - 1];
	last->kind = (uint8_t)kind;
	last->length = length;
	arena->pages[first].kind = (uint8_t)kind;
	arena->pages[first].length = length;
}

static void run_insert(struct lua_arena *arena, uint32_t first, uint32_t length)
{
	run_mark(arena, first, length, PAGE_FREE);
	list_push(arena, &arena->bins[bin_of(length)], first);
}

static void run_remove(struct lua_arena *arena, uint32_t first)
{
	list_remove(arena, &arena->bins[bin_of(arena->pages[first].length)], first);
}

/* Joins the run with the free ones beside it. */
static void run_give(struct lua_arena *arena, uint32_t first, uint32_t length)
{
	uint32_t after = first + length;
	if (after < arena->n_pages && arena->pages[after].kind == PAGE_FREE) {
		length += arena->pages[after].length;
		run_remove(arena, after);
	}
	if (first > 0 && arena->pages[first - 1].kind == PAGE_FREE) {
		uint32_t before = arena->pages[first - 1].length;
		run_remove(arena, first - before);
		first -= before;
		length += before;
	}
	run_insert(arena, first, length);
}

/* A free run of at least this length: near in size, else cut from a larger one. */
static uint32_t run_find(const struct lua_arena *arena, uint32_t length)
{
	unsigned own = bin_of(length), looked = 0;
	uint32_t at = arena->bins[own];
	for (; at != NONE && looked < SEARCH_NEAR; at = arena->pages[at].next, looked++)
		if (arena->pages[at].length >= length)
			return at;
	for (unsigned bin = own + 1; bin < BINS; bin++)
		if (arena->bins[bin] != NONE)
			return arena->bins[bin];
	for (; at != NONE; at = arena->pages[at].next)
		if (arena->pages[at].length >= length)
			return at;
	return NONE;
}

/* Keeps the first `length` pages of a run that is in no list. */
static void run_trim(struct lua_arena *arena, uint32_t first, uint32_t length, uint32_t whole,
		     enum page_kind kind)
{
	run_mark(arena, first, length, kind);
	if (whole > length)
		run_give(arena, first + length, whole - length);
}

static uint32_t run_take(struct lua_arena *arena, uint32_t length, enum page_kind kind)
{
	uint32_t first = run_find(arena, length);
	if (first == NONE)
		return NONE;
	run_remove(arena, first);
	run_trim(arena, first, length, arena->pages[first].length, kind);
	return first;
}

/* ---- small objects ---- */

/* Offsets are stored plus one: 0 is the end of a list. */
static void *small_take(struct lua_arena *arena, unsigned class)
{
	uint32_t size = class_size(class), index = arena->room[class];
	if (index == NONE) {
		index = run_take(arena, 1, PAGE_SMALL);
		if (index == NONE)
			return NULL;
		struct page *made = &arena->pages[index];
		made->free = made->fresh = made->used = 0;
		made->class = (uint8_t)class;
		list_push(arena, &arena->room[class], index);
	}
	struct page *page = &arena->pages[index];
	uint8_t *object = page_address(arena, index);
	if (page->free != 0) {
		object += page->free - 1;
		memcpy(&page->free, object, sizeof(page->free));
	} else {
		object += page->fresh;
		page->fresh = (uint16_t)(page->fresh + size);
	}
	page->used++;
	arena->used += size;
	if (page->free == 0 && page->fresh + size > PAGE_SIZE)
		list_remove(arena, &arena->room[class], index);
	return object;
}

static void small_give(struct lua_arena *arena, void *object, unsigned class)
{
	size_t offset = (size_t)((uint8_t *)object - arena->base);
	uint32_t size = class_size(class), index = (uint32_t)(offset / PAGE_SIZE);
	struct page *page = &arena->pages[index];
	assert(page->kind == PAGE_SMALL && page->class == class && page->used > 0);
	bool was_full = page->free == 0 && page->fresh + size > PAGE_SIZE;
	memcpy(object, &page->free, sizeof(page->free));
	page->free = (uint16_t)(offset % PAGE_SIZE + 1);
	page->used--;
	arena->used -= size;
	if (was_full)
		list_push(arena, &arena->room[class], index);
	/* The last page of a class stays: giving and taking one object must stay cheap. */
	if (page->used == 0 && (page->next != NONE || page->prev != NONE)) {
		list_remove(arena, &arena->room[class], index);
		run_give(arena, index, 1);
	}
}

/* ---- large objects ---- */

static void *large_take(struct lua_arena *arena, size_t size)
{
	if (size > (size_t)arena->n_pages * PAGE_SIZE)
		return NULL;
	uint32_t index = run_take(arena, pages_for(size), PAGE_LARGE);
	if (index == NONE)
		return NULL;
	arena->used += (size_t)pages_for(size) * PAGE_SIZE;
	return page_address(arena, index);
}

static void large_give(struct lua_arena *arena, void *object, size_t size)
{
	uint32_t index = (uint32_t)((size_t)((uint8_t *)object - arena->base) / PAGE_SIZE);
	assert(arena->pages[index].kind == PAGE_LARGE);
	assert(arena->pages[index].length == pages_for(size));
	arena->used -= (size_t)pages_for(size) * PAGE_SIZE;
	run_give(arena, index, pages_for(size));
}

/* Shrinks, or grows into the free run behind. */
static bool large_resize(struct lua_arena *arena, void *object, size_t old_size, size_t size)
{
	uint32_t index = (uint32_t)((size_t)((uint8_t *)object - arena->base) / PAGE_SIZE);
	uint32_t had = pages_for(old_size), wants, whole = had, after = index + had;
	if (size > (size_t)arena->n_pages * PAGE_SIZE)
		return false;
	wants = pages_for(size);
	if (wants > had) {
		if (after >= arena->n_pages || arena->pages[after].kind != PAGE_FREE ||
		    had + arena->pages[after].length < wants)
			return false;
		whole += arena->pages[after].length;
		run_remove(arena, after);
	}
	if (wants != had) {
		arena->used += ((size_t)wants - had) * PAGE_SIZE;
		run_trim(arena, index, wants, whole, PAGE_LARGE);
	}
	return true;
}

/* ---- the arena ---- */

struct lua_arena *lua_arena_create(size_t limit)
{
	size_t n_pages = limit / PAGE_SIZE;
	if (n_pages == 0 || n_pages > UINT32_MAX / 2) {
		errno = EINVAL;
		return NULL;
	}
	size_t head = sizeof(struct lua_arena) + n_pages * sizeof(struct page);
	head = (head + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
	struct lua_arena *arena = mmap(NULL, head + n_pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED)
		return NULL;
	arena->mapped = head + n_pages * PAGE_SIZE;
	arena->base = (uint8_t *)arena + head;
	arena->n_pages = (uint32_t)n_pages;
	memset(arena->bins, 0xff, sizeof(arena->bins));
	memset(arena->room, 0xff, sizeof(arena->room));
	run_insert(arena, 0, arena->n_pages);
	return arena;
}

void lua_arena_destroy(struct lua_arena *arena)
{
	if (arena != NULL)
		munmap(arena, arena->mapped);
}

static void *take(struct lua_arena *arena, size_t size)
{
	return size <= SMALL_MAX ? small_take(arena, class_of(size)) : large_take(arena, size);
}

static void give(struct lua_arena *arena, void *object, size_t size)
{
	if (size <= SMALL_MAX)
		small_give(arena, object, class_of(size));
	else
		large_give(arena, object, size);
}

void *lua_arena_realloc(void *context, void *old, size_t old_size, size_t size)
{
	struct lua_arena *arena = context;
	if (old == NULL || old_size == 0)
		return size == 0 ? NULL : take(arena, size);
	if (size == 0) {
		give(arena, old, old_size);
		return NULL;
	}
	if (old_size <= SMALL_MAX && size <= SMALL_MAX && class_of(old_size) == class_of(size))
		return old;
	if (old_size > SMALL_MAX && size > SMALL_MAX && large_resize(arena, old, old_size, size))
		return old;
	void *object = take(arena, size);
	if (object == NULL)
		return NULL;
	memcpy(object, old, old_size < size ? old_size : size);
	give(arena, old, old_size);
	return object;
}

size_t lua_arena_used(const struct lua_arena *arena)
{
	return arena->used;
}

size_t lua_arena_limit(const struct lua_arena *arena)
{
	return (size_t)arena->n_pages * PAGE_SIZE;
}
