/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/log/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "control/utf8.h"

#define LINE_SIZE 4096

static enum log_level threshold = LOG_LEVEL_INFO;
static bool as_json, verbose;
static bool waits = true; /* atomic, relaxed: for who reads standard error */
static uint64_t lost;	  /* likewise: messages that nobody had room for, since the start */
static bool cut;	  /* the last line lacks its end */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_setup(enum log_level level, bool json)
{
	threshold = level;
	as_json = json;
}

void log_verbose_set(bool wanted)
{
	verbose = wanted;
}

bool log_is_verbose(void)
{
	return verbose || threshold == LOG_LEVEL_DEBUG;
}

/* Escapes for JSON (RFC 8259, sections 7 and 8.1) into what room there is; what is no UTF-8 is spelt out. */
static void json_escape(const char *text, char *out, size_t size)
{
	size_t used = 0, length;
	const unsigned char *c = (const unsigned char *)text, *end = c + strlen(text);
	for (; c < end && used + 7 < size; c += length) {
		length = *c < 0x80 ? 1 : utf8_length(c, (size_t)(end - c));
		if (length == 0) {
			length = 1;
			used += (size_t)snprintf(out + used, size - used, "\\\\x%02x", *c);
		} else if (*c == '"' || *c == '\\') {
			out[used++] = '\\';
			out[used++] = (char)*c;
		} else if (*c < 0x20) {
			used += (size_t)snprintf(out + used, size - used, "\\u%04x", *c);
		} else {
			memcpy(out + used, c, length);
			used += length;
		}
	}
	out[used] = '\0';
}

/* Whether so much can be written at once, as it can to a file, and to a pipe that has PIPE_BUF of room. */
static bool is_read(void)
{
	struct pollfd error = {.fd = STDERR_FILENO, .events = POLLOUT};
	return poll(&error, 1, 0) > 0 && (error.revents & POLLOUT) != 0;
}

/* As much as somebody takes; whether that was all. */
static bool bytes_write(const char *bytes, size_t length)
{
	bool patient = __atomic_load_n(&waits, __ATOMIC_RELAXED);
	while (length > 0) {
		size_t part = !patient && length > PIPE_BUF ? PIPE_BUF : length;
		if (!patient && !is_read())
			return false;
		ssize_t went = write(STDERR_FILENO, bytes, part);
		if (went < 0 && errno == EINTR)
			continue;
		if (went < 0)
			return false;
		bytes += went;
		length -= (size_t)went;
		cut = length > 0;
	}
	return true;
}

static size_t line_make(char line[static 2 * LINE_SIZE], enum log_level level, const char *message)
{
	char escaped[LINE_SIZE + 512];
	int length;
	if (as_json) {
		char when[32];
		time_t now = time(NULL);
		struct tm utc;
		gmtime_r(&now, &utc);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
		json_escape(message, escaped, sizeof(escaped));
		length = snprintf(line, 2 * LINE_SIZE,
				  "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"%s\"}\n", when,
				  level_names[level], escaped);
	} else {
		length = snprintf(line, 2 * LINE_SIZE, "sluice: %s%s%s\n",
				  level == LOG_LEVEL_INFO ? "" : level_names[level],
				  level == LOG_LEVEL_INFO ? "" : ": ", message);
	}
	return RTE_MIN((size_t)length, 2 * LINE_SIZE - 1u);
}

/* Under the lock, so that lines do not mix, and what there is room for is room for us. */
static void message_write(enum log_level level, const char *message)
{
	static uint64_t told;
	char line[2 * LINE_SIZE], text[96];
	pthread_mutex_lock(&writing);
	if (cut)
		bytes_write("\n", 1);
	uint64_t before = __atomic_load_n(&lost, __ATOMIC_RELAXED);
	if (before != told) {
		snprintf(text, sizeof(text), "%llu messages were lost, since nobody read them",
			 (unsigned long long)(before - told));
		if (bytes_write(line, line_make(line, LOG_LEVEL_WARNING, text)))
			told = before;
	}
	if (!bytes_write(line, line_make(line, level, message)))
		__atomic_store_n(&lost, before + 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&writing);
}

void log_waits_set(bool wanted)
{
	__atomic_store_n(&waits, wanted, __ATOMIC_RELAXED);
}

uint64_t log_lost(void)
{
	return __atomic_load_n(&lost, __ATOMIC_RELAXED);
}

void log_write(enum log_level level, const char *format, ...)
{
	char message[LINE_SIZE];
	va_list arguments;
	if (level < threshold && !verbose)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	message_write(level, message);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now, uint64_t *held)
{
	uint64_t second = now / 1000 + 1;
	if (limit->second == second) {
		limit->held++;
		return false;
	}
	*held = limit->held;
	limit->second = second;
	limit->held = 0;
	return true;
}
