/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parsers of lists share. A parser is called once for a file and reads it to its end. */
#ifndef SLUICE_CONTROL_LISTS_PARSE_H
#define SLUICE_CONTROL_LISTS_PARSE_H

#include <stdarg.h>
#include <sys/types.h>

#include "control/lists/lists.h"

#define LIST_LINE_MAX 65536u /* bytes in a line; longer ones are errors */
#define LIST_SHOWN_SIZE 44u /* of text in a message */
#define LIST_STOP_STEP 4096u /* lines or records between two looks at whether it shall end */

/* Bytes of a file, or of memory if `fd` is -1, read from front to back. */
struct list_reader {
	int fd;
	const uint8_t *memory;
	size_t memory_left;
	uint8_t *buffer;
	size_t from, to; /* what of the buffer is read and not yet used */
	bool end;	 /* nothing comes after that */
	uint64_t offset; /* of `from` in the file */
};

struct list_parser {
	struct list_reader reader;
	const struct list_options *options;
	const struct list_sink *sink;
	struct list_report *report;
	uint64_t line; /* number of the last one read */
};

/* A pipe could keep the reader waiting for ever, so files only. The descriptor or -errno. */
int list_file_open(const char *path);

/* Says why nothing came of it, unless somebody has said so already. The error. */
int list_failure(struct list_report *report, int error);

/* 0 or -ENOMEM; `fd` -1 reads the memory, which must stay. */
int list_reader_init(struct list_reader *reader, int fd, const void *memory, size_t size);
void list_reader_fini(struct list_reader *reader);

/*
 * Sees to it that `size` bytes, at most LIST_LINE_MAX, can be had from `reader->buffer +
 * reader->from`. Returns how many there are, less only at the end of the file, or -errno.
 */
ssize_t list_reader_fill(struct list_reader *reader, size_t size);

/* Takes bytes that list_reader_fill() gave. */
void list_reader_take(struct list_reader *reader, size_t size);

/*
 * The next line without its end ("\n" or "\r\n"), the first without a byte order mark, valid until
 * the next call. 1, 0 after the last one, or -errno. Lines that are too long are reported and
 * skipped.
 */
int list_line_next(struct list_parser *parser, const char **line, size_t *length);

/* What a format makes of a line: 0 to go on, or -errno. */
typedef int list_line_fn(struct list_parser *parser, const char *line, size_t length);

/* Gives all lines to the format: 0 or -errno. */
int list_lines_parse(struct list_parser *parser, list_line_fn *parse);

/* Counts and reports something broken. */
void list_error(struct list_parser *parser, uint64_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Text of the file for a message: cut, and without what could confuse a terminal. */
void list_text_show(const char *text, size_t length, char shown[static LIST_SHOWN_SIZE]);

/* Gives an entry to the sink and counts it: 0 or what the sink says. */
int list_entry_put(struct list_parser *parser, const struct list_entry *entry);

/* -ECANCELED if the caller wants it to end. */
int list_stop_check(const struct list_parser *parser);

/*
 * Reads a name as lists have it: printable ASCII only. Reports what is none, as of this line, and
 * returns 0; else its length.
 */
size_t list_name_parse(struct list_parser *parser, const char *text, size_t length,
		       uint8_t name[static DNS_NAME_MAX]);

/* The next word of a line: bytes without blanks. False if there is none. */
bool list_word_next(const char **text, const char *end, const char **word, size_t *length);

/* The only word of a line. False if there is none, or several, which is reported. */
bool list_word_alone(struct list_parser *parser, const char *line, const char *end,
		     const char **word, size_t *length);

/* Where a comment that starts with this character begins, or the end of the text. */
const char *list_comment_find(const char *line, size_t length, char mark);

/* The formats. 0, or -errno for what ends the reading: the reader's, the sink's, -ENOMEM. */
int list_names_parse(struct list_parser *parser);
int list_prefixes_parse(struct list_parser *parser);
int list_subscribers_parse(struct list_parser *parser);
int list_hosts_parse(struct list_parser *parser);
int list_cdb_parse(struct list_parser *parser);
int list_rpz_parse(struct list_parser *parser);

#endif
