/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: one line a message on standard error, as text or JSON. Any thread. */
#ifndef SLUICE_CONTROL_LOG_LOG_H
#define SLUICE_CONTROL_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

void log_setup(enum log_level level, bool json);
/* Everything is written, whatever the level; whether it is. Control lcore only. */
void log_verbose_set(bool verbose);
bool log_is_verbose(void);
/*
 * Whether who reads standard error is waited for, as at first. Without that, a message for which there
 * is no room at once is lost, and how many were is told as soon as there is some.
 */
void log_waits_set(bool waits);
/* Messages that were lost, since the start. Any thread. */
uint64_t log_lost(void);
void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

/* Lets one message a second through; zero it. `held` counts those that were not written since. */
struct log_limit {
	uint64_t second;
	uint64_t held;
};

/* Whether to write now; `*held` gets how many were held back before. `now` in milliseconds. */
bool log_limit_pass(struct log_limit *limit, uint64_t now, uint64_t *held);

#endif
