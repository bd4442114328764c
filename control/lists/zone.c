/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lists/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dataplane/dns/message.h"

#define RECORD_LINES_MAX 256u /* within parentheses; so one not closed costs no more than these */

struct zone_reader *zone_reader_new(struct list_parser *parser)
{
	struct zone_reader *zone = calloc(1, sizeof(*zone));
	if (!zone)
		return NULL;
	zone->parser = parser;
	zone->origin.length = 1;
	return zone;
}

void zone_reader_free(struct zone_reader *zone)
{
	free(zone);
}

/* Whether the last dot of the text is one that ends a name, and not part of a label. */
static bool absolute(const char *text, size_t length)
{
	size_t backslashes = 0;
	if (length == 0 || text[length - 1] != '.')
		return false;
	while (backslashes < length - 1 && text[length - 2 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 0;
}

const char *zone_name_parse(const struct zone_reader *zone, const struct zone_token *token,
			    struct zone_name *name)
{
	bool complete = absolute(token->text, token->length);
	bool at = token->length == 1 && token->text[0] == '@' && !token->quoted;

	name->length = 0;
	if (token->length == 0)
		return "an empty name";
	if (!complete && zone->origin.length == 0)
		return "a name relative to a broken $ORIGIN";
	if (at) {
		*name = zone->origin;
		return NULL;
	}
	int length = dns_name_parse(token->text, token->length, name->wire);
	if (length == -ENAMETOOLONG)
		return "too long for a name";
	if (length <= 0)
		return "no name";
	if (!complete) {
		if (length - 1 + zone->origin.length > (int)DNS_NAME_MAX)
			return "too long for a name";
		memcpy(name->wire + length - 1, zone->origin.wire, zone->origin.length);
		length += zone->origin.length - 1;
	}
	name->length = (uint8_t)length;
	return NULL;
}

static uint32_t unit_seconds(char unit)
{
	switch (unit | 0x20) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 604800;
	default:
		return 0;
	}
}

bool zone_period_parse(const struct zone_token *token, uint32_t *seconds)
{
	uint64_t sum = 0, number = 0;
	bool digits = false, units = false;

	for (uint32_t i = 0; i < token->length; i++) {
		char byte = token->text[i];
		if (byte >= '0' && byte <= '9') {
			number = number * 10 + (uint64_t)(byte - '0');
			digits = true;
		} else {
			uint32_t unit = unit_seconds(byte);
			if (!digits || unit == 0)
				return false;
			sum += number * unit;
			number = 0;
			digits = false;
			units = true;
		}
		if (number > INT32_MAX || sum > INT32_MAX)
			return false;
	}
	*seconds = (uint32_t)(sum + number);
	return (digits || units) && sum + number <= INT32_MAX;
}

static bool special(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == ';' || byte == '(' ||
	       byte == ')' || byte == '"';
}

/* The end of the token at `at`, SIZE_MAX if its quotes are not closed. */
static size_t token_end(const char *line, size_t length, size_t at, bool quoted)
{
	for (; at < length; at++) {
		if (line[at] == '\\')
			at++;
		else if (quoted ? line[at] == '"' : special(line[at]))
			return at;
	}
	return quoted ? SIZE_MAX : length;
}

static const char *token_add(struct zone_reader *zone, const char *text, size_t length, bool quoted)
{
	if (zone->n_tokens == ZONE_TOKENS_MAX || length > ZONE_TEXT_MAX - zone->text_used)
		return "a record that is too long";
	char *kept = zone->text + zone->text_used;
	memcpy(kept, text, length);
	zone->text_used += length;
	zone->tokens[zone->n_tokens++] =
		(struct zone_token){.text = kept, .length = (uint32_t)length, .quoted = quoted};
	return NULL;
}

/* Adds the tokens of a line. NULL or what is wrong with it. */
static const char *line_scan(struct zone_reader *zone, const char *line, size_t length)
{
	for (size_t at = 0; at < length && line[at] != ';';) {
		char byte = line[at];
		if (byte == ' ' || byte == '\t' || byte == '\r') {
			at++;
		} else if (byte == '(') {
			zone->depth++;
			at++;
		} else if (byte == ')') {
			if (zone->depth == 0)
				return "a parenthesis is closed that is not open";
			zone->depth--;
			at++;
		} else {
			bool quoted = byte == '"';
			at += quoted;
			size_t end = token_end(line, length, at, quoted);
			if (end == SIZE_MAX)
				return "quotes that are not closed";
			const char *problem = token_add(zone, line + at, end - at, quoted);
			if (problem)
				return problem;
			at = end + quoted;
		}
	}
	return NULL;
}

static void tokens_clear(struct zone_reader *zone)
{
	zone->depth = zone->n_tokens = 0;
	zone->text_used = 0;
}

/* Gives up a record. What came before belongs to an owner that is not known now. */
static void record_drop(struct zone_reader *zone)
{
	if (!zone->owner_omitted)
		zone->record.owner.length = 0;
	zone->n_tokens = 0;
}

/* Tokens of the next record or directive, which may take several lines. 1, 0, -errno. */
static int tokens_next(struct zone_reader *zone)
{
	struct list_parser *parser = zone->parser;
	const char *line, *problem = NULL;
	size_t length;

	tokens_clear(zone);
	for (unsigned lines = 0; lines == 0 || zone->depth > 0; lines++) {
		uint64_t before = parser->line;
		bool full = lines == RECORD_LINES_MAX;
		int got = full ? 1 : list_line_next(parser, &line, &length);
		if (got < 0)
			return got;
		if (got == 0 || full) {
			if (lines > 0)
				list_error(parser, zone->record.line,
					   "a parenthesis that is not closed");
			record_drop(zone);
			return got;
		}
		/* One that was too long may have named an owner, or closed what was open. */
		if (parser->line != before + 1) {
			zone->record.owner.length = 0;
			tokens_clear(zone);
			lines = 0;
		}
		if (lines == 0) {
			zone->record.line = parser->line;
			zone->owner_omitted = length > 0 && (*line == ' ' || *line == '\t');
		}
		problem = line_scan(zone, line, length);
		if (problem) {
			list_error(parser, parser->line, "%s", problem);
			record_drop(zone);
			return 1;
		}
	}
	return 1;
}

static bool token_is(const struct zone_token *token, const char *text)
{
	return !token->quoted && token->length == strlen(text) &&
	       strncasecmp(token->text, text, token->length) == 0;
}

/* "$ORIGIN name" or "$TTL period". */
static void directive_apply(struct zone_reader *zone)
{
	const struct zone_token *tokens = zone->tokens;
	const char *problem = NULL;

	if (token_is(&tokens[0], "$ORIGIN")) {
		struct zone_name origin = {0};
		problem = zone->n_tokens == 2 ? zone_name_parse(zone, &tokens[1], &origin)
					      : "not one name behind $ORIGIN";
		zone->origin = origin;
	} else if (token_is(&tokens[0], "$TTL")) {
		if (zone->n_tokens != 2 || !zone_period_parse(&tokens[1], &zone->ttl))
			problem = "no time behind $TTL";
		else
			zone->ttl_given = zone->ttl_known = true;
	} else {
		problem = "a directive that is not supported";
	}
	if (problem)
		list_error(zone->parser, zone->record.line, "%s", problem);
}

static bool class_internet(const struct zone_token *token)
{
	return token_is(token, "IN") || token_is(token, "CLASS1");
}

static bool class_other(const struct zone_token *token)
{
	return token_is(token, "CH") || token_is(token, "HS") || token_is(token, "CS") ||
	       (token->length > 5 && strncasecmp(token->text, "CLASS", 5) == 0);
}

/* TTL, class and type, from token `at` on; returns the number of the first token of the data. */
static const char *fields_parse(struct zone_reader *zone, unsigned *at)
{
	struct zone_record *record = &zone->record;
	bool ttl = false, class = false;

	record->ttl = zone->ttl;
	for (; *at < zone->n_tokens; ++*at) {
		const struct zone_token *token = &zone->tokens[*at];
		if (!class && class_internet(token))
			class = true;
		else if (class_other(token))
			return "not of class IN";
		else if (!ttl && zone_period_parse(token, &record->ttl))
			ttl = true;
		else
			break;
	}
	if (ttl && !zone->ttl_given)
		zone->ttl = record->ttl;
	zone->ttl_known |= ttl;
	if (*at == zone->n_tokens)
		return "no type";
	int type = zone_type_parse(&zone->tokens[*at]);
	if (type < 0)
		return "a type that is unknown";
	record->type = (uint16_t)type;
	++*at;
	return NULL;
}

/* Where nothing states a TTL before it, the SOA's minimum is as good as a $TTL: so BIND has it. */
static void ttl_take(struct zone_reader *zone)
{
	struct zone_record *record = &zone->record;
	record->ttl = zone->ttl = dns_u32_load(record->rdata + record->rdata_length - 4);
	zone->ttl_given = zone->ttl_known = true;
}

/* NULL or what is wrong with the record whose tokens are there. */
static const char *record_parse(struct zone_reader *zone)
{
	unsigned at = 0;
	const char *problem;

	if (!zone->owner_omitted) {
		problem = zone_name_parse(zone, &zone->tokens[at++], &zone->record.owner);
		if (problem)
			return problem;
	}
	if (zone->record.owner.length == 0)
		return "no owner before it";
	problem = fields_parse(zone, &at);
	if (!problem)
		problem = zone_rdata_parse(zone, at);
	if (!problem && zone->record.type == DNS_TYPE_SOA && !zone->ttl_known)
		ttl_take(zone);
	return problem;
}

int zone_record_next(struct zone_reader *zone)
{
	struct list_parser *parser = zone->parser;
	for (;;) {
		int got = tokens_next(zone);
		if (got > 0 && parser->line % LIST_STOP_STEP == 0 &&
		    list_stop_check(parser) != 0)
			return -ECANCELED;
		if (got <= 0)
			return got;
		if (zone->n_tokens == 0)
			continue;
		if (!zone->owner_omitted && !zone->tokens[0].quoted &&
		    zone->tokens[0].text[0] == '$') {
			directive_apply(zone);
			continue;
		}
		const char *problem = record_parse(zone);
		if (!problem)
			return 1;
		list_error(parser, zone->record.line, "%s", problem);
	}
}
