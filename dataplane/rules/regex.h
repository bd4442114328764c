/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regular expressions over names, by Hyperscan: the time a match takes grows with the length of the
 * name alone, whatever the expression. An expression is compiled once and lies in the memory given;
 * each lcore needs scratch of its own, large enough for all expressions of its policy.
 */
#ifndef SLUICE_DATAPLANE_RULES_REGEX_H
#define SLUICE_DATAPLANE_RULES_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct regex; /* compiled */
struct hs_scratch;

enum regex_kind {
	REGEX_SEARCH, /* anywhere in the text, in any case (RegexRule) */
	REGEX_FULL,   /* the whole text, as it is written (RE2Rule) */
};

struct regex_source {
	const char *expression;
	enum regex_kind kind;
};

/* A compiled expression, or a set of them, as bytes that regex_place() reads. */
struct regex_code {
	char *bytes;
	size_t length;
};

/*
 * Compiles an expression of PCRE's syntax without back references and look-around. 0, or -EINVAL
 * and what is wrong in `error`. Takes milliseconds; any thread; free with regex_code_free().
 */
int regex_compile(const char *expression, enum regex_kind kind, struct regex_code *code, char *error,
		  size_t error_size);
/*
 * The same for several at once: one pass over a text finds all that match. Many take many seconds.
 * `culprit`: which one is wrong, or -1.
 */
int regex_set_compile(const struct regex_source *sources, unsigned count, struct regex_code *code,
		      int *culprit, char *error, size_t error_size);
/* Whether it is an expression: takes a tenth of the time, and hardly ever misses what is wrong. */
int regex_check(const char *expression, enum regex_kind kind, char *error, size_t error_size);
void regex_code_free(struct regex_code *code);

/* Bytes that regex_place() needs, and the expression placed there, aligned to 8. NULL: broken. */
size_t regex_size(const struct regex_code *code);
const struct regex *regex_place(const struct regex_code *code, void *memory);

/* Enlarges scratch for one more expression; NULL at first. 0 or -ENOMEM. */
int regex_scratch_fit(const struct regex *regex, struct hs_scratch **scratch);
/* NULL without memory. */
struct hs_scratch *regex_scratch_copy(const struct hs_scratch *scratch);
/* NULL is fine. */
void regex_scratch_free(struct hs_scratch *scratch);

/* Any lcore, with its own scratch. */
bool regex_match(const struct regex *regex, const char *text, size_t length,
		 struct hs_scratch *scratch);

/* Called once for each expression of a set that matches, by its place among the sources. */
typedef void regex_found_fn(void *data, unsigned place);
void regex_set_match(const struct regex *set, const char *text, size_t length,
		     struct hs_scratch *scratch, regex_found_fn *found, void *data);

#endif
