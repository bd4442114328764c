/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRORS_MAX 1000u /* of hostile files */

void schema_error(struct loader *loader, const yaml_mark_t *mark, const char *format, ...)
{
	struct config_errors *errors = loader->errors;
	if (errors->count >= ERRORS_MAX)
		return;
	struct config_error *grown =
		realloc(errors->errors, (errors->count + 1) * sizeof(*errors->errors));
	if (grown == NULL)
		return;
	errors->errors = grown;
	struct config_error *error = &grown[errors->count++];
	error->line = (unsigned)mark->line + 1;
	error->column = (unsigned)mark->column + 1;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
}

const char *schema_scalar(struct loader *loader, yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE) {
		schema_error(loader, &node->start_mark, "%s: expected a single value", what);
		return NULL;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		schema_error(loader, &node->start_mark, "%s: a NUL byte is not allowed", what);
		return NULL;
	}
	return text;
}

void schema_items(struct loader *loader, yaml_node_t *node, const char *what, unsigned max,
		  void (*item)(struct loader *, yaml_node_t *, void *), void *into)
{
	if (node->type != YAML_SEQUENCE_NODE) {
		schema_error(loader, &node->start_mark, "%s: expected a list", what);
		return;
	}
	unsigned count = 0;
	for (yaml_node_item_t *at = node->data.sequence.items.start;
	     at < node->data.sequence.items.top; at++) {
		yaml_node_t *child = yaml_document_get_node(&loader->document, *at);
		if (count++ == max) {
			schema_error(loader, &child->start_mark, "%s: at most %u are possible", what,
				     max);
			return;
		}
		item(loader, child, into);
	}
}

bool schema_number(const char *text, uint32_t *value)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || text[digits] != '\0')
		return false;
	unsigned long long number = strtoull(text, NULL, 10); /* ULLONG_MAX if it is more */
	*value = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
	return true;
}

static bool duration_parse(const char *text, uint32_t *ms)
{
	char digits[24];
	size_t length = strspn(text, "0123456789");
	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!schema_number(digits, ms))
		return false;
	const char *unit = text + length;
	if (strcmp(unit, "s") == 0) {
		*ms = *ms > UINT32_MAX / 1000 ? UINT32_MAX : *ms * 1000;
		return true;
	}
	return *unit == '\0' || strcmp(unit, "ms") == 0;
}

/* A number below zero, which no range holds. */
static bool number_negative(const char *text)
{
	uint32_t rest;
	return *text == '-' && schema_number(text + 1, &rest);
}

static void number_read(struct loader *loader, const struct schema *row, yaml_node_t *node,
			void *into)
{
	uint32_t value = 0;
	const char *text = schema_scalar(loader, node, row->key);
	if (text == NULL)
		return;
	bool duration = row->type == SCHEMA_DURATION, negative = number_negative(text);
	if (!negative && !(duration ? duration_parse(text, &value) : schema_number(text, &value)))
		schema_error(loader, &node->start_mark, "%s: expected %s, found '%.40s'", row->key,
			     duration ? "a duration such as 2s or 500ms" : "a whole number", text);
	else if (negative || value < row->min || value > row->max)
		schema_error(loader, &node->start_mark,
			     "%s: %.40s is out of range, %u to %u%s are possible", row->key, text,
			     row->min, row->max, duration ? " ms" : "");
	else
		memcpy((char *)into + row->offset, &value, sizeof(value));
}

void schema_bool(struct loader *loader, const char *what, yaml_node_t *node, bool *value)
{
	const char *text = schema_scalar(loader, node, what);
	if (text == NULL)
		return;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		schema_error(loader, &node->start_mark, "%s: expected true or false, found '%.40s'",
			     what, text);
	else
		*value = strcmp(text, "true") == 0;
}

static void choice_read(struct loader *loader, const struct schema *row, yaml_node_t *node,
			void *into)
{
	char possible[120] = "";
	const char *text = schema_scalar(loader, node, row->key);
	if (text == NULL)
		return;
	for (uint32_t i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(text, row->choices[i]) == 0) {
			memcpy((char *)into + row->offset, &i, sizeof(i));
			return;
		}
		size_t used = strlen(possible);
		snprintf(possible + used, sizeof(possible) - used, "%s%s", i ? ", " : "",
			 row->choices[i]);
	}
	schema_error(loader, &node->start_mark, "%s: '%.40s' is none of %s", row->key, text,
		     possible);
}

void schema_string(struct loader *loader, const char *what, yaml_node_t *node, char **value)
{
	const char *text = schema_scalar(loader, node, what);
	if (text == NULL)
		return;
	if (text[0] == '\0') {
		schema_error(loader, &node->start_mark, "%s: must not be empty", what);
		return;
	}
	free(*value);
	*value = strdup(text);
}

static void row_read(struct loader *loader, const struct schema *row, yaml_node_t *node, void *into)
{
	switch (row->type) {
	case SCHEMA_NUMBER:
	case SCHEMA_DURATION:
		number_read(loader, row, node, into);
		break;
	case SCHEMA_BOOL:
		schema_bool(loader, row->key, node, (bool *)((char *)into + row->offset));
		break;
	case SCHEMA_CHOICE:
		choice_read(loader, row, node, into);
		break;
	case SCHEMA_STRING:
		schema_string(loader, row->key, node, (char **)((char *)into + row->offset));
		break;
	case SCHEMA_MAPPING:
		schema_read(loader, row->children, node, row->key, into);
		break;
	case SCHEMA_CUSTOM:
		row->read(loader, node, into);
		break;
	case SCHEMA_END:
		break;
	}
}

/* How many edits apart two keys are; short strings only. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[32];
	size_t n = strlen(b);
	if (n >= 31 || strlen(a) >= 31)
		return 99;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned cost = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < cost)
				cost = row[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			row[j] = cost;
		}
	}
	return row[n];
}

static void unknown_key(struct loader *loader, const struct schema *table, const yaml_mark_t *mark,
			const char *key, const char *what)
{
	const char *nearest = NULL;
	unsigned best = 3;
	for (const struct schema *row = table; row->type != SCHEMA_END; row++) {
		unsigned apart = distance(key, row->key);
		if (apart < best) {
			best = apart;
			nearest = row->key;
		}
	}
	if (nearest != NULL)
		schema_error(loader, mark, "unknown key '%.40s' in %s, did you mean '%s'?", key, what,
			     nearest);
	else
		schema_error(loader, mark, "unknown key '%.40s' in %s", key, what);
}

static void required_check(struct loader *loader, const struct schema *table, yaml_node_t *node,
			   uint64_t seen, const char *what)
{
	for (unsigned i = 0; table[i].type != SCHEMA_END; i++)
		if (table[i].required && (seen & 1ull << i) == 0)
			schema_error(loader, &node->start_mark, "%s: the key '%s' is missing", what,
				     table[i].key);
}

void schema_read(struct loader *loader, const struct schema *table, yaml_node_t *node,
		 const char *what, void *into)
{
	uint64_t seen = 0;
	if (node->type != YAML_MAPPING_NODE) {
		schema_error(loader, &node->start_mark, "%s: expected keys with values", what);
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&loader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&loader->document, pair->value);
		const char *name = schema_scalar(loader, key, what);
		unsigned i = 0;
		if (name == NULL)
			continue;
		while (table[i].type != SCHEMA_END && strcmp(table[i].key, name) != 0)
			i++;
		if (table[i].type == SCHEMA_END) {
			unknown_key(loader, table, &key->start_mark, name, what);
			continue;
		}
		if ((seen & 1ull << i) != 0) {
			/* Not read again: lists would grow beyond their bounds. */
			schema_error(loader, &key->start_mark, "%s: the key '%s' stands twice", what,
				     name);
			continue;
		}
		seen |= 1ull << i;
		row_read(loader, &table[i], value, into);
	}
	required_check(loader, table, node, seen, what);
}

yaml_mark_t schema_mark(struct loader *loader, yaml_node_t *node, const char *name)
{
	if (node->type != YAML_MAPPING_NODE)
		return node->start_mark;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&loader->document, pair->key);
		if (key->type == YAML_SCALAR_NODE &&
		    strcmp((const char *)key->data.scalar.value, name) == 0)
			return yaml_document_get_node(&loader->document, pair->value)->start_mark;
	}
	return node->start_mark;
}
