/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of names: one to a line, with "#" before comments. "*." or "." before a name is taken off:
 * lists that have it mean the name and all below it.
 */
#include "control/lists/parse.h"
#include "dataplane/dns/name.h"

#define BOTH (NAME_ENTRY_SELF | NAME_ENTRY_BELOW)

static bool suffix_mark_take(const char **word, size_t *length)
{
	size_t mark = *length > 2 && (*word)[0] == '*' && (*word)[1] == '.' ? 2
		      : *length > 1 && (*word)[0] == '.'		    ? 1
									    : 0;
	if (mark > 0 && (*word)[mark] == '.')
		return false; /* what is left would be the root, and cover everything */
	*word += mark;
	*length -= mark;
	return mark > 0;
}

static int line_parse(struct list_parser *parser, const char *line, size_t length)
{
	uint8_t name[DNS_NAME_MAX];
	const char *end = list_comment_find(line, length, '#');
	const char *word;
	size_t size;

	if (!list_word_alone(parser, line, end, &word, &size))
		return 0;
	uint8_t flags = parser->options->flags ? parser->options->flags : BOTH;
	if (suffix_mark_take(&word, &size))
		flags = BOTH;
	size_t name_length = list_name_parse(parser, word, size, name);
	if (name_length == 0)
		return 0;
	struct list_entry entry = {.name = name, .length = name_length, .flags = flags};
	return list_entry_put(parser, &entry);
}

int list_names_parse(struct list_parser *parser)
{
	return list_lines_parse(parser, line_parse);
}
