/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments out of a script: numbers, and bytes of an exact size, so that one too many is noticed. */
#ifndef SLUICE_TESTS_FUZZ_ARGUMENTS_H
#define SLUICE_TESTS_FUZZ_ARGUMENTS_H

#include "tests/fuzz/packets.h"

/* Bytes of an exact size on the heap; given back at the end of a call. */
struct span {
	char *data;
	size_t size;
};

static struct span spans[8];
static unsigned n_spans;
static volatile uint8_t sink;

static inline uint16_t next16(struct script *script)
{
	uint16_t high = next8(script);
	return (uint16_t)(high << 8 | next8(script));
}

static inline uint32_t next32(struct script *script)
{
	uint32_t high = next16(script);
	return high << 16 | next16(script);
}

static inline struct span span_new(size_t size)
{
	struct span span = {malloc(size > 0 ? size : 1), size};
	MUST(span.data != NULL && n_spans < RTE_DIM(spans));
	spans[n_spans++] = span;
	return span;
}

static inline struct span span_next(struct script *script)
{
	size_t size = next8(script);
	struct span span = span_new(RTE_MIN(size, script->left));
	memcpy(span.data, script->at, span.size);
	script->at += span.size;
	script->left -= span.size;
	return span;
}

/* Room for what is handed out, of any size. */
static inline struct span room_next(struct script *script)
{
	return span_new(next16(script) % 300);
}

static inline const char *text_next(struct script *script)
{
	struct span span = span_next(script);
	struct span text = span_new(span.size + 1);
	memcpy(text.data, span.data, span.size);
	text.data[span.size] = '\0';
	return text.data;
}

static inline struct lua_name *name_next(struct script *script)
{
	static struct lua_name name;
	struct span span = span_next(script);
	if (sluice_name_load(span.data, span.size, &name) < 0)
		name = (struct lua_name){.length = 1};
	return &name;
}

static inline void spans_free(void)
{
	while (n_spans > 0)
		free(spans[--n_spans].data);
}

/* Every byte of what was handed out is there. */
static inline void touch(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size; i++)
		sink ^= bytes[i];
}

static inline void touch_text(const char *text)
{
	if (text != NULL)
		touch(text, strlen(text) + 1);
}

#endif
