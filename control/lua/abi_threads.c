/* SPDX-License-Identifier: BSD-2-Clause */
/* Code for the lcores' own Lua: what a policy collects of it, and what lua/thread.lua asks for. */
#include "control/lua/abi.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct code {
	char *text; /* NULL: it does not compile */
	size_t length;
	char *place;
	uint32_t kind;
};

struct lua_codes {
	size_t count;
	size_t size;
	struct code *list;
};

unsigned lua_abi_codes(const struct lua_context *context)
{
	return context->codes != NULL ? (unsigned)context->codes->count : 0;
}

/* Contexts of lcores borrow the policy's. */
void lua_codes_free_all(struct lua_context *context)
{
	struct lua_codes *codes = context->codes;
	if (codes == NULL || context->lone)
		return;
	for (size_t i = 0; i < codes->count; i++) {
		free(codes->list[i].text);
		free(codes->list[i].place);
	}
	free(codes->list);
	free(codes);
	context->codes = NULL;
}

void lua_codes_break(struct lua_context *context, unsigned from)
{
	for (unsigned i = from; i < lua_abi_codes(context); i++) {
		free(context->codes->list[i].text);
		context->codes->list[i].text = NULL;
	}
}

static bool codes_reserve(struct lua_context *context)
{
	if (context->codes == NULL)
		context->codes = calloc(1, sizeof(*context->codes));
	struct lua_codes *codes = context->codes;
	if (codes == NULL || codes->count < codes->size)
		return codes != NULL;
	size_t size = codes->size > 0 ? codes->size * 2 : 8;
	struct code *grown = realloc(codes->list, size * sizeof(*grown));
	if (grown == NULL)
		return false;
	codes->list = grown;
	codes->size = size;
	return true;
}

int sluice_thread_add(const char *text, size_t length, const char *place, uint32_t kind)
{
	struct lua_context *context = lua_abi_context();
	if (context->lone || lua_abi_codes(context) == INT_MAX || !codes_reserve(context))
		return -ENOMEM;
	struct code made = {malloc(length + 1), length, strdup(place), kind};
	if (made.text == NULL || made.place == NULL) {
		free(made.text);
		free(made.place);
		return -ENOMEM;
	}
	memcpy(made.text, text, length);
	made.text[length] = '\0';
	context->codes->list[context->codes->count] = made;
	return (int)context->codes->count++;
}

static const struct code *code_at(uint32_t index)
{
	const struct lua_codes *codes = lua_abi_context()->codes;
	return codes != NULL && index < codes->count ? &codes->list[index] : NULL;
}

const char *sluice_thread_text(uint32_t index, size_t *length)
{
	const struct code *code = code_at(index);
	*length = code != NULL && code->text != NULL ? code->length : 0;
	return code != NULL ? code->text : NULL;
}

const char *sluice_thread_place(uint32_t index)
{
	const struct code *code = code_at(index);
	return code != NULL ? code->place : "";
}

uint32_t sluice_thread_kind(uint32_t index)
{
	const struct code *code = code_at(index);
	return code != NULL ? code->kind : 0;
}

const struct balance_list *sluice_thread_servers(void)
{
	return sluice_guard_servers(&lua_abi_context()->servers);
}

struct lua_question *sluice_thread_item(void)
{
	return sluice_guard_question(&lua_abi_context()->selector.items[0]);
}

double *sluice_thread_answer(void)
{
	return &lua_abi_context()->answer;
}

bool sluice_thread_text_store(const char *text, size_t length)
{
	struct lua_question *item = &lua_abi_context()->selector.items[0];
	sluice_text_store(item, text, length);
	return item->text != NULL;
}

struct policy_selector *sluice_selector_thread(int reference)
{
	return lua_policy_keep(policy_selector_thread(lua_abi_context()->model, reference));
}

struct policy_action *sluice_action_thread(int reference)
{
	return lua_policy_keep(policy_action_thread(lua_abi_context()->model, reference));
}
