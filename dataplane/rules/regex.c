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

/* What Hyperscan is given: RE2Rule's expressions are tied to both ends. NULL without memory. */
static char *text_make(const struct regex_source *source)
{
	char *text = NULL;
	int length = source->kind == REGEX_FULL ? asprintf(&text, "\\A(?:%s)\\z", source->expression)
						: asprintf(&text, "%s", source->expression);
	return length < 0 ? NULL : text;
}

struct texts {
	const char **texts;
	unsigned *flags, *places;
};

static void texts_free(struct texts *texts, unsigned count)
{
	for (unsigned i = 0; texts->texts != NULL && i < count; i++)
		free((void *)(uintptr_t)texts->texts[i]);
	free(texts->texts);
	free(texts->flags);
	free(texts->places);
}

static bool texts_make(struct texts *texts, const struct regex_source *sources, unsigned count)
{
	texts->texts = calloc(count, sizeof(*texts->texts));
	texts->flags = calloc(count, sizeof(*texts->flags));
	texts->places = calloc(count, sizeof(*texts->places));
	if (texts->texts == NULL || texts->flags == NULL || texts->places == NULL)
		return false;
	for (unsigned i = 0; i < count; i++) {
		texts->texts[i] = text_make(&sources[i]);
		texts->flags[i] = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY |
				  (sources[i].kind == REGEX_SEARCH ? HS_FLAG_CASELESS : 0);
		texts->places[i] = i;
		if (texts->texts[i] == NULL)
			return false;
	}
	return true;
}

static hs_database_t *database_compile(const struct regex_source *sources, unsigned count,
				       int *culprit, char *error, size_t error_size)
{
	hs_database_t *database = NULL;
	hs_compile_error_t *why = NULL;
	struct texts texts = {0};
	*culprit = -1;
	if (!texts_make(&texts, sources, count)) {
		snprintf(error, error_size, "no memory");
	} else if (hs_compile_multi(texts.texts, texts.flags, texts.places, count, HS_MODE_BLOCK,
				    NULL, &database, &why) != HS_SUCCESS) {
		snprintf(error, error_size, "%s", why->message);
		*culprit = why->expression;
		hs_free_compile_error(why);
		database = NULL;
	}
	texts_free(&texts, count);
	return database;
}

int regex_set_compile(const struct regex_source *sources, unsigned count, struct regex_code *code,
		      int *culprit, char *error, size_t error_size)
{
	hs_database_t *database = database_compile(sources, count, culprit, error, error_size);
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

int regex_compile(const char *expression, enum regex_kind kind, struct regex_code *code, char *error,
		  size_t error_size)
{
	struct regex_source source = {expression, kind};
	int culprit;
	return regex_set_compile(&source, 1, code, &culprit, error, error_size);
}

int regex_check(const char *expression, enum regex_kind kind, char *error, size_t error_size)
{
	struct regex_source source = {expression, kind};
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *why = NULL;
	struct texts texts = {0};
	int result = -EINVAL;
	if (!texts_make(&texts, &source, 1)) {
		snprintf(error, error_size, "no memory");
	} else if (hs_expression_info(texts.texts[0], texts.flags[0], &info, &why) != HS_SUCCESS) {
		snprintf(error, error_size, "%s", why->message);
		hs_free_compile_error(why);
	} else {
		free(info);
		result = 0;
	}
	texts_free(&texts, 1);
	return result;
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

struct set_scan {
	regex_found_fn *found;
	void *data;
};

static int set_found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		     void *context)
{
	(void)from;
	(void)to;
	(void)flags;
	const struct set_scan *scan = context;
	scan->found(scan->data, id);
	return 0;
}

void regex_set_match(const struct regex *set, const char *text, size_t length,
		     struct hs_scratch *scratch, regex_found_fn *found_fn, void *data)
{
	struct set_scan scan = {found_fn, data};
	hs_scan(database_of(set), text, (unsigned)length, 0, scratch, set_found, &scan);
}
