/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of keys that drives loading: one row a key, one table a mapping. Private to config/. */
#ifndef SLUICE_CONFIG_SCHEMA_H
#define SLUICE_CONFIG_SCHEMA_H

#include <yaml.h>

#include "config/config.h"

enum schema_type {
	SCHEMA_END,
	SCHEMA_NUMBER,	 /* uint32_t within min and max */
	SCHEMA_DURATION, /* the same; "2s", "200ms" or milliseconds */
	SCHEMA_BOOL,
	SCHEMA_CHOICE,	/* uint32_t: index into choices */
	SCHEMA_STRING,	/* char *, not empty */
	SCHEMA_MAPPING, /* children */
	SCHEMA_CUSTOM,	/* read() */
};

struct loader;

struct schema {
	const char *key;
	enum schema_type type;
	size_t offset; /* within the struct that the mapping fills */
	uint32_t min, max;
	const char *const *choices;	/* NULL ends them */
	const struct schema *children;	/* their offsets count from the same struct */
	void (*read)(struct loader *loader, yaml_node_t *node, void *into);
	bool required;
};

struct loader {
	yaml_document_t document;
	struct config *config;
	struct config_errors *errors;
	config_cpu_fn *cpu;
	yaml_node_t *listen; /* looked at once all ports are known */
	yaml_mark_t worker_marks[CONFIG_WORKERS_MAX];
	bool control_wrong, share_wrong; /* there is an error about them already */
	bool control_given;
};

/* Reads a mapping by its table; every fault becomes an error with its place. */
void schema_read(struct loader *loader, const struct schema *table, yaml_node_t *node,
		 const char *what, void *into);

/* Where the value of a key of a mapping stands; without one, where the mapping does. */
yaml_mark_t schema_mark(struct loader *loader, yaml_node_t *node, const char *name);

void schema_error(struct loader *loader, const yaml_mark_t *mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A scalar's text, or NULL and an error. */
const char *schema_scalar(struct loader *loader, yaml_node_t *node, const char *what);

/* true or false into `value`, or an error. */
void schema_bool(struct loader *loader, const char *what, yaml_node_t *node, bool *value);

/* A copy of a scalar's text, which must not be empty, into `value`, or an error. */
void schema_string(struct loader *loader, const char *what, yaml_node_t *node, char **value);

/* Calls `item` for each item of a sequence, at most `max` of them. */
void schema_items(struct loader *loader, yaml_node_t *node, const char *what, unsigned max,
		  void (*item)(struct loader *, yaml_node_t *, void *), void *into);

/* Whether it is digits only; what is beyond 32 bits becomes UINT32_MAX, which no range holds. */
bool schema_number(const char *text, uint32_t *value);

#endif
