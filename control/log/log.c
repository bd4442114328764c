/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 4096

static enum log_level threshold = LOG_LEVEL_INFO;
static bool as_json, verbose;

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

/* Escapes for JSON (RFC 8259, section 7) into what room there is. */
static void json_escape(const char *text, char *out, size_t size)
{
	size_t used = 0;
	for (const unsigned char *c = (const unsigned char *)text; *c && used + 7 < size; c++) {
		if (*c == '"' || *c == '\\') {
			out[used++] = '\\';
			out[used++] = (char)*c;
		} else if (*c < 0x20) {
			used += (size_t)snprintf(out + used, size - used, "\\u%04x", *c);
		} else {
			out[used++] = (char)*c;
		}
	}
	out[used] = '\0';
}

/* One write() a line, so that lines of several threads do not mix. */
static void line_write(enum log_level level, const char *message)
{
	char line[2 * LINE_SIZE], escaped[LINE_SIZE + 512];
	int length;
	if (as_json) {
		char when[32];
		time_t now = time(NULL);
		struct tm utc;
		gmtime_r(&now, &utc);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
		json_escape(message, escaped, sizeof(escaped));
		length = snprintf(line, sizeof(line),
				  "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"%s\"}\n", when,
				  level_names[level], escaped);
	} else {
		length = snprintf(line, sizeof(line), "sluice: %s%s%s\n",
				  level == LOG_LEVEL_INFO ? "" : level_names[level],
				  level == LOG_LEVEL_INFO ? "" : ": ", message);
	}
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	(void)!write(STDERR_FILENO, line, (size_t)length);
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
	line_write(level, message);
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
