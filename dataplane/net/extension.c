/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/extension.h"

#include <netinet/in.h>

#define HEADER_UNIT 8u
#define OPTION_PAD1 0
#define OPTION_MUST_KNOW 0xc0 /* either bit: who does not know the option discards the packet */
#define FRAGMENT_PLACE 0xfff9 /* offset, and whether there is more */

/* Options that a host may pass over without knowing them; none is one that we know. */
static bool options_passable(const uint8_t *header, uint32_t size)
{
	for (uint32_t at = 2; at < size;) {
		if (header[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if ((header[at] & OPTION_MUST_KNOW) != 0 || size - at < 2 ||
		    size - at - 2 < header[at + 1])
			return false;
		at += 2u + header[at + 1];
	}
	return true;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_ROUTING || protocol == IPPROTO_FRAGMENT;
}

static enum drop_reason header_check(uint8_t protocol, const uint8_t *header, uint32_t size)
{
	switch (protocol) {
	case IPPROTO_ROUTING: /* once at its last stop it says nothing any more, whatever its type */
		return header[3] == 0 ? DROP_NONE : DROP_IP_ROUTED;
	case IPPROTO_FRAGMENT:
		return DROP_NONE;
	default:
		return options_passable(header, size) ? DROP_NONE : DROP_IP_EXTENSION;
	}
}

enum drop_reason net_extensions_skip(const uint8_t *packet, uint32_t length,
				     struct net_extensions *at)
{
	uint32_t start = at->end;
	at->fragment = false;
	for (unsigned count = 0; is_extension(at->next) && !at->fragment; count++) {
		const uint8_t *header = packet + at->end;
		uint32_t size = HEADER_UNIT;
		if (count == NET_EXTENSIONS_MAX)
			return DROP_IP_EXTENSIONS_MANY;
		if (length - at->end < HEADER_UNIT || (at->next == IPPROTO_HOPOPTS && count != 0))
			return DROP_IP_EXTENSION;
		if (at->next != IPPROTO_FRAGMENT)
			size += header[1] * HEADER_UNIT;
		if (size > length - at->end)
			return DROP_IP_EXTENSION;
		if (at->end + size - start > NET_EXTENSIONS_BYTES_MAX)
			return DROP_IP_EXTENSIONS_MANY;
		enum drop_reason why = header_check(at->next, header, size);
		if (why != DROP_NONE)
			return why;
		at->fragment = at->next == IPPROTO_FRAGMENT &&
			       ((header[2] << 8 | header[3]) & FRAGMENT_PLACE) != 0;
		at->next = header[0];
		at->end += size;
	}
	return DROP_NONE;
}
