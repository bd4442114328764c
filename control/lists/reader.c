/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in pieces, lines, words and names: what the parsers of lists share. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/lists/parse.h"
#include "dataplane/dns/name.h"

#define BUFFER_SIZE (4 * LIST_LINE_MAX)
#define PART_SHOWN (LIST_SHOWN_SIZE - 4) /* characters of the file in a message */

int list_reader_init(struct list_reader *reader, int fd, const void *memory, size_t size)
{
	*reader = (struct list_reader){.fd = fd, .memory = memory, .memory_left = size};
	reader->buffer = malloc(BUFFER_SIZE);
	return reader->buffer ? 0 : -ENOMEM;
}

void list_reader_fini(struct list_reader *reader)
{
	free(reader->buffer);
	reader->buffer = NULL;
}

/* Reads once: bytes, 0 at the end, -errno. */
static ssize_t reader_read(struct list_reader *reader, uint8_t *to, size_t room)
{
	if (reader->fd >= 0) {
		ssize_t got;
		do
			got = read(reader->fd, to, room);
		while (got < 0 && errno == EINTR);
		return got < 0 ? -errno : got;
	}
	size_t part = reader->memory_left < room ? reader->memory_left : room;
	if (part > 0)
		memcpy(to, reader->memory, part);
	reader->memory += part;
	reader->memory_left -= part;
	return (ssize_t)part;
}

ssize_t list_reader_fill(struct list_reader *reader, size_t size)
{
	while (reader->to - reader->from < size && !reader->end) {
		if (BUFFER_SIZE - reader->from < size) {
			memmove(reader->buffer, reader->buffer + reader->from,
				reader->to - reader->from);
			reader->to -= reader->from;
			reader->from = 0;
		}
		ssize_t got = reader_read(reader, reader->buffer + reader->to,
					  BUFFER_SIZE - reader->to);
		if (got < 0)
			return got;
		reader->end = got == 0;
		reader->to += (size_t)got;
	}
	size_t there = reader->to - reader->from;
	return (ssize_t)(there < size ? there : size);
}

void list_reader_take(struct list_reader *reader, size_t size)
{
	reader->from += size;
	reader->offset += size;
}

/* Takes the rest of a line that is too long. */
static ssize_t line_skip(struct list_reader *reader)
{
	for (;;) {
		ssize_t there = list_reader_fill(reader, LIST_LINE_MAX);
		if (there <= 0)
			return there;
		uint8_t *at = reader->buffer + reader->from;
		uint8_t *newline = memchr(at, '\n', (size_t)there);
		list_reader_take(reader, newline ? (size_t)(newline - at) + 1 : (size_t)there);
		if (newline)
			return 0;
	}
}

/* What some editors put before the first line to say that it is UTF-8. */
static void bom_take(const char **line, size_t *length)
{
	if (*length >= 3 && memcmp(*line, "\xef\xbb\xbf", 3) == 0) {
		*line += 3;
		*length -= 3;
	}
}

int list_line_next(struct list_parser *parser, const char **line, size_t *length)
{
	struct list_reader *reader = &parser->reader;
	for (;;) {
		/* What is there already does for most lines. */
		size_t there = reader->to - reader->from;
		uint8_t *newline = memchr(reader->buffer + reader->from, '\n', there);
		if (!newline) {
			ssize_t got = list_reader_fill(reader, LIST_LINE_MAX);
			if (got <= 0)
				return (int)got;
			there = (size_t)got;
			newline = memchr(reader->buffer + reader->from, '\n', there);
		}
		parser->report->lines = ++parser->line;
		size_t size = newline ? (size_t)(newline - reader->buffer) - reader->from : there;
		if (size >= LIST_LINE_MAX) {
			list_error(parser, parser->line, "more than %u bytes in a line",
				   LIST_LINE_MAX);
			ssize_t error = line_skip(reader);
			if (error < 0)
				return (int)error;
			continue;
		}
		*line = (const char *)reader->buffer + reader->from;
		list_reader_take(reader, newline ? size + 1 : size);
		*length = size > 0 && (*line)[size - 1] == '\r' ? size - 1 : size;
		if (parser->line == 1)
			bom_take(line, length);
		return 1;
	}
}

int list_lines_parse(struct list_parser *parser, list_line_fn *parse)
{
	const char *line;
	size_t length;
	int error;

	while ((error = list_line_next(parser, &line, &length)) > 0) {
		error = parse(parser, line, length);
		if (error == 0 && parser->line % LIST_STOP_STEP == 0)
			error = list_stop_check(parser);
		if (error != 0)
			return error;
	}
	return error;
}

void list_error(struct list_parser *parser, uint64_t line, const char *format, ...)
{
	struct list_report *report = parser->report;
	char text[LIST_MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	report->errors++;
	if (report->n_messages < LIST_MESSAGES_MAX) {
		struct list_message *message = &report->messages[report->n_messages++];
		message->line = line;
		memcpy(message->text, text, sizeof(text));
	}
	if (parser->sink->error)
		parser->sink->error(parser->sink->data, line, text);
}

int list_entry_put(struct list_parser *parser, const struct list_entry *entry)
{
	parser->report->entries++;
	return parser->sink->entry ? parser->sink->entry(parser->sink->data, entry) : 0;
}

int list_stop_check(const struct list_parser *parser)
{
	const atomic_bool *stop = parser->options->stop;
	return stop && atomic_load_explicit(stop, memory_order_relaxed) ? -ECANCELED : 0;
}

/* Those of host names, "_" of services, "*", "/" of RFC 2317; all others only with a backslash. */
static bool name_character(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
	       byte == '*' || byte == '/';
}

/*
 * Stricter than the DNS: a list in a format that nobody has told, or a web page that says that the
 * list is not there, is to be reported and not to become names.
 */
static const char *name_problem(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((uint8_t)text[i] >= 0x80)
			return "is not ASCII: such names are written xn--";
		if (text[i] == '\\' && i + 1 < length && text[i + 1] > ' ' && text[i + 1] < 0x7f)
			i++;
		else if (text[i] != '\\' && !name_character(text[i]))
			return "has a character that no name has";
	}
	return NULL;
}

void list_text_show(const char *text, size_t length, char shown[static LIST_SHOWN_SIZE])
{
	size_t part = length < PART_SHOWN ? length : PART_SHOWN;
	for (size_t i = 0; i < part; i++)
		shown[i] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
	strcpy(shown + part, part < length ? "..." : "");
}

size_t list_name_parse(struct list_parser *parser, const char *text, size_t length,
		       uint8_t name[static DNS_NAME_MAX])
{
	char shown[LIST_SHOWN_SIZE];
	const char *problem = name_problem(text, length);
	int size = 0;

	if (!problem) {
		size = dns_name_parse(text, length, name);
		if (size > 0)
			return (size_t)size;
		problem = size == -ENAMETOOLONG ? "is too long for a name" : "is no name";
	}
	list_text_show(text, length, shown);
	list_error(parser, parser->line, "\"%s\" %s", shown, problem);
	return 0;
}

static bool blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

bool list_word_next(const char **text, const char *end, const char **word, size_t *length)
{
	const char *at = *text;
	while (at < end && blank(*at))
		at++;
	*word = at;
	while (at < end && !blank(*at))
		at++;
	*text = at;
	*length = (size_t)(at - *word);
	return *length > 0;
}

bool list_word_alone(struct list_parser *parser, const char *line, const char *end,
		     const char **word, size_t *length)
{
	const char *more;
	size_t more_length;

	if (!list_word_next(&line, end, word, length))
		return false;
	if (!list_word_next(&line, end, &more, &more_length))
		return true;
	list_error(parser, parser->line, "more than one word in a line");
	return false;
}

const char *list_comment_find(const char *line, size_t length, char mark)
{
	const char *found = memchr(line, mark, length);
	return found ? found : line + length;
}
