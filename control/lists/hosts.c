/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hosts files, hosts(5): an address, then names. Which address does not matter here. Names that
 * every hosts file has for the machine itself are passed over.
 */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "control/lists/parse.h"
#include "dataplane/dns/name.h"

#define ADDRESS_MAX 64u /* characters, a zone behind "%" among them */

static const char *const own_names[] = {
	"localhost", "localhost.localdomain", "local", "broadcasthost", "localhost4",
	"localhost6", "localhost4.localdomain4", "localhost6.localdomain6", "ip6-localhost",
	"ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters",
	"ip6-allhosts", "0.0.0.0",
};

static bool own_name(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++)
		if (strlen(own_names[i]) == length && strncasecmp(own_names[i], word, length) == 0)
			return true;
	return false;
}

static bool address_valid(const char *word, size_t length)
{
	char text[ADDRESS_MAX];
	uint8_t address[16];
	const char *zone = memchr(word, '%', length);

	if (zone)
		length = (size_t)(zone - word);
	if (length >= sizeof(text))
		return false;
	memcpy(text, word, length);
	text[length] = '\0';
	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static int line_parse(struct list_parser *parser, const char *line, size_t length)
{
	uint8_t name[DNS_NAME_MAX];
	const char *end = list_comment_find(line, length, '#');
	const char *word;
	size_t size, names = 0;

	if (!list_word_next(&line, end, &word, &size))
		return 0;
	if (!address_valid(word, size)) {
		list_error(parser, parser->line, "does not start with an address");
		return 0;
	}
	for (; list_word_next(&line, end, &word, &size); names++) {
		size_t name_length = 0;
		if (!own_name(word, size))
			name_length = list_name_parse(parser, word, size, name);
		if (name_length == 0)
			continue;
		uint8_t flags = parser->options->flags ? parser->options->flags : NAME_ENTRY_SELF;
		struct list_entry entry = {.name = name, .length = name_length, .flags = flags};
		int error = list_entry_put(parser, &entry);
		if (error != 0)
			return error;
	}
	if (names == 0)
		list_error(parser, parser->line, "an address without a name");
	return 0;
}

int list_hosts_parse(struct list_parser *parser)
{
	return list_lines_parse(parser, line_parse);
}
