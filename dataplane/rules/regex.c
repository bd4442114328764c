/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/regex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hs.h>

static const hs_database_t *database_of(const struct regex *regex)
{
	return (const hs_database_t *)regex;
}

static hs_database_t *database_compile(const char *expression, enum regex_kind kind, char *error,
				       size_t error_size)
{
	hs_database_t *database = NULL;
	hs_compile_error_t *why = NULL;
	char *whole = NULL;
	unsigned flags = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;
	if (kind == REGEX_SEARCH)
		flags |= HS_FLAG_CASELESS;
	else if (asprintf(&whole, "\\A(?:%s)\\z", expression) < 0)
		whole = NULL;
	const char *text = kind == REGEX_FULL ? whole : expression;
	if (text == NULL) {
		snprintf(error, error_size, "no memory");
	} else if (hs_compile(text, flags, HS_MODE_BLOCK, NULL, &database, &why) != HS_SUCCESS) {
		snprintf(error, error_size, "%s", why->message);
		hs_free_compile_error(why);
		database = NULL;
	}
	free(whole);
	return database;
}

int regex_compile(const char *expression, enum regex_kind kind, struct regex_code *code, char *error,
		  size_t error_size)
{
	hs_database_t *database = database_compile(expression, kind, error, error_size);
	*code = (struct regex_code){0};
	if (database == NULL)
		return -EINVAL;
	hs_error_t result = hs_serialize_database(database, &code->bytes, &code->length);
	hs_free_database(database);
	if (result == HS_SUCCESS)
		return 0;
	snprintf(error, error_size, "no memory");
	return -EINVAL;
}

void regex_code_free(struct regex_code *code)
{
	free(code->bytes);
	*code = (struct regex_code){0};
}

size_t regex_size(const struct regex_code *code)
{
	size_t size = 0;
	return hs_serialized_database_size(code->bytes, code->length, &size) == HS_SUCCESS ? size : 0;
}

const struct regex *regex_place(const struct regex_code *code, void *memory)
{
	hs_error_t result = hs_deserialize_database_at(code->bytes, code->length, memory);
	return result == HS_SUCCESS ? memory : NULL;
}

int regex_scratch_fit(const struct regex *regex, struct hs_scratch **scratch)
{
	return hs_alloc_scratch(database_of(regex), scratch) == HS_SUCCESS ? 0 : -ENOMEM;
}

struct hs_scratch *regex_scratch_copy(const struct hs_scratch *scratch)
{
	hs_scratch_t *copy = NULL;
	return hs_clone_scratch(scratch, &copy) == HS_SUCCESS ? copy : NULL;
}

void regex_scratch_free(struct hs_scratch *scratch)
{
	hs_free_scratch(scratch);
}

static int found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		 void *context)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	*(bool *)context = true;
	return 1; /* one is enough */
}

bool regex_match(const struct regex *regex, const char *text, size_t length,
		 struct hs_scratch *scratch)
{
	bool match = false;
	hs_scan(database_of(regex), text, (unsigned)length, 0, scratch, found, &match);
	return match;
}
