/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading configurations out of strings, and comparing all that is wrong with them at once. */
#ifndef SLUICE_TESTS_CONFIG_SAMPLES_H
#define SLUICE_TESTS_CONFIG_SAMPLES_H

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "tests/unit/unit.h"

/* Four lines; what a test adds begins on line 5. */
#define BASE                                                                                       \
	"lcores: {workers: [1]}\n"                                                                 \
	"ports:\n"                                                                                 \
	"  - device: net_null0\n"                                                                  \
	"    addresses: [10.53.0.1/24, \"fd53::1/64\"]\n"

/* A machine of eight CPUs. */
static bool cpu_of_eight(uint32_t cpu)
{
	return cpu < 8;
}

static struct config *load(const char *text, struct config_errors *errors)
{
	*errors = (struct config_errors){0};
	return config_load_buffer("test.yml", text, strlen(text), cpu_of_eight, errors);
}

/* One line an error, as `sluice check` prints them but for the file's name. */
static void errors_print(const struct config_errors *errors, char *out, size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < errors->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%u:%u: %s\n",
					 errors->errors[i].line, errors->errors[i].column,
					 errors->errors[i].message);
}

static inline struct config *accept(const char *text)
{
	char said[4096];
	struct config_errors errors;
	struct config *config = load(text, &errors);
	errors_print(&errors, said, sizeof(said));
	ck_assert_str_eq(said, "");
	ck_assert_ptr_nonnull(config);
	config_errors_free(&errors);
	return config;
}

/* `expected` is everything that is said, in its order. */
static inline void refuse(const char *text, const char *expected)
{
	char said[4096];
	struct config_errors errors;
	struct config *config = load(text, &errors);
	errors_print(&errors, said, sizeof(said));
	ck_assert_str_eq(errors.file, "test.yml");
	ck_assert_str_eq(said, expected);
	ck_assert_ptr_null(config);
	config_errors_free(&errors);
}

/* The same for each row: {text, errors}. */
static inline void refuse_all(const char *const (*rows)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		refuse(rows[i][0], rows[i][1]);
}

#define REFUSE_ALL(rows) refuse_all(rows, sizeof(rows) / sizeof(*(rows)))

#endif
