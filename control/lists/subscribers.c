/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of subscribers, one to a line: "address[/length]" or "address:first-last" with a range of
 * ports, then the subscriber's id, then tags as "key=value", with blanks or commas between them.
 * A word that begins with "#" or ";" begins a comment.
 */
#include "control/lists/parse.h"

#include <string.h>

#define PLACE_TEXT 64u /* of a prefix with the final NUL: longer ones are none */
#define PORT_DIGITS 5u

struct words {
	const char *at, *end;
};

/* The next word that is no comment. */
static bool word_take(struct words *words, const char **word, size_t *length)
{
	if (!list_word_next(&words->at, words->end, word, length))
		return false;
	if (**word != '#' && **word != ';')
		return true;
	words->at = words->end;
	return false;
}

static void complain(struct list_parser *parser, const char *text, size_t length, const char *what)
{
	char shown[LIST_SHOWN_SIZE];
	list_text_show(text, length, shown);
	list_error(parser, parser->line, "\"%s\" %s", shown, what);
}

/* What ids and tags consist of: anything that is no control character. */
static bool printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((uint8_t)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return true;
}

/* Digits up to `end`, which a port has: false if they are none. */
static bool port_parse(const char *text, const char *end, uint16_t *port)
{
	uint32_t value = 0;
	if (text == end || end - text > (ptrdiff_t)PORT_DIGITS)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint32_t)(*text - '0');
	}
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

static bool ports_parse(const char *text, const char *end, struct subscriber_entry *entry)
{
	const char *dash = memchr(text, '-', (size_t)(end - text));
	entry->ports = true;
	return dash != NULL && port_parse(text, dash, &entry->first_port) &&
	       port_parse(dash + 1, end, &entry->last_port) &&
	       entry->first_port <= entry->last_port;
}

/* The colon before ports, behind an IPv4 address; the end if there is none. */
static const char *ports_find(const char *word, const char *end)
{
	const char *colon = memchr(word, ':', (size_t)(end - word));
	return colon != NULL && memchr(word, '.', (size_t)(colon - word)) != NULL ? colon : end;
}

static bool place_parse(struct list_parser *parser, const char *word, size_t length,
			struct subscriber_entry *entry)
{
	const char *end = word + length, *colon = ports_find(word, end);
	char text[PLACE_TEXT];
	size_t size = (size_t)(colon - word);
	bool fits = size < sizeof(text) && memchr(word, '\0', size) == NULL;

	memcpy(text, word, fits ? size : 0);
	text[fits ? size : 0] = '\0';
	if (!fits || prefix_parse(text, &entry->prefix) != 0 || entry->prefix.negated) {
		complain(parser, word, length, "is no address or prefix");
		return false;
	}
	if (colon == end)
		return true;
	if (!ports_parse(colon + 1, end, entry)) {
		complain(parser, word, length,
			 "has no range of ports (first-last) behind its colon");
		return false;
	}
	if (entry->prefix.length < 32)
		complain(parser, word, length, "has ports, which only a single address can have");
	return entry->prefix.length == 32;
}

static bool id_parse(struct list_parser *parser, struct words *words,
		     struct subscriber_entry *entry)
{
	const char *what = NULL;
	if (!word_take(words, &entry->id, &entry->id_length)) {
		list_error(parser, parser->line, "a prefix without the id of a subscriber");
		return false;
	}
	if (entry->id_length > SUBSCRIBER_ID_MAX)
		what = "is too long for an id";
	else if (!printable(entry->id, entry->id_length))
		what = "has a character that no id has";
	if (what != NULL)
		complain(parser, entry->id, entry->id_length, what);
	return what == NULL;
}

static bool tag_known(const struct subscriber_entry *entry, const char *key, size_t length)
{
	for (unsigned i = 0; i < entry->n_tags; i++)
		if (entry->tags[i].key_length == length &&
		    memcmp(entry->tags[i].key, key, length) == 0)
			return true;
	return false;
}

static bool tag_parse(struct list_parser *parser, const char *text, size_t length,
		      struct subscriber_entry *entry, struct subscriber_tag *tag)
{
	const char *equal = memchr(text, '=', length);
	size_t key = equal != NULL ? (size_t)(equal - text) : 0;
	const char *what = NULL;
	if (key == 0)
		what = "is no tag, which is key=value";
	else if (key > SUBSCRIBER_TEXT_MAX || length - key - 1 > SUBSCRIBER_TEXT_MAX)
		what = "is too long for a tag";
	else if (!printable(text, length))
		what = "has a character that no tag has";
	else if (tag_known(entry, text, key))
		what = "is a tag that the line has already";
	else if (entry->n_tags == SUBSCRIBER_TAGS_MAX)
		what = "is one tag too many";
	if (what != NULL) {
		complain(parser, text, length, what);
		return false;
	}
	*tag = (struct subscriber_tag){text, equal + 1, (uint8_t)key, (uint8_t)(length - key - 1)};
	entry->n_tags++;
	return true;
}

/* Tags with commas between them; empty ones are none. */
static bool tags_parse(struct list_parser *parser, const char *word, size_t length,
		       struct subscriber_entry *entry, struct subscriber_tag *tags)
{
	const char *end = word + length;
	while (word < end) {
		const char *comma = list_comment_find(word, (size_t)(end - word), ',');
		if (comma > word &&
		    !tag_parse(parser, word, (size_t)(comma - word), entry, &tags[entry->n_tags]))
			return false;
		word = comma + 1;
	}
	return true;
}

static int line_parse(struct list_parser *parser, const char *line, size_t length)
{
	struct subscriber_tag tags[SUBSCRIBER_TAGS_MAX];
	struct subscriber_entry subscriber = {.tags = tags, .line = parser->line};
	struct words words = {line, line + length};
	const char *word;
	size_t size;

	if (!word_take(&words, &word, &size) || !place_parse(parser, word, size, &subscriber) ||
	    !id_parse(parser, &words, &subscriber))
		return 0;
	while (word_take(&words, &word, &size))
		if (!tags_parse(parser, word, size, &subscriber, tags))
			return 0;
	struct list_entry entry = {.subscriber = &subscriber};
	return list_entry_put(parser, &entry);
}

int list_subscribers_parse(struct list_parser *parser)
{
	return list_lines_parse(parser, line_parse);
}
