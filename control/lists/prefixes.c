/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of prefixes: "address[/length]" one to a line, "!" before one that is not to be covered,
 * with "#" or ";" before comments; so are the lists of those who publish networks.
 */
#include "control/lists/parse.h"

#include <string.h>

#define PREFIX_TEXT 64u /* with the final NUL: longer ones are none */

static const char *comment_find(const char *line, size_t length)
{
	const char *end = list_comment_find(line, length, '#');
	return list_comment_find(line, (size_t)(end - line), ';');
}

/* What is in a file does not get into a log as it is. */
static void no_prefix(struct list_parser *parser, char *text)
{
	for (char *at = text; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	list_error(parser, parser->line, "\"%s\" is no prefix", text);
}

static int line_parse(struct list_parser *parser, const char *line, size_t length)
{
	char text[PREFIX_TEXT];
	struct prefix_entry prefix;
	const char *end = comment_find(line, length);
	const char *word;
	size_t size;

	if (!list_word_alone(parser, line, end, &word, &size))
		return 0;
	size_t kept = size < sizeof(text) ? size : sizeof(text) - 1;
	memcpy(text, word, kept);
	text[kept] = '\0';
	if (kept < size || memchr(text, '\0', kept) != NULL || prefix_parse(text, &prefix) != 0) {
		no_prefix(parser, text);
		return 0;
	}
	struct list_entry entry = {.prefix = &prefix};
	return list_entry_put(parser, &entry);
}

int list_prefixes_parse(struct list_parser *parser)
{
	return list_lines_parse(parser, line_parse);
}
