/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Digits only, at most `max`. */
static int number_parse(const char *text, unsigned max, unsigned *value)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return -1;
	*value = (unsigned)strtoul(text, NULL, 10);
	return *value <= max ? 0 : -1;
}

/* Splits "[v6]:port", "[v6]" and "v4:port" into host and port; a bare IPv6 address has no port. */
static int port_split(char *host, char **start, unsigned *port)
{
	char *colon = NULL;
	*start = host;
	if (host[0] == '[') {
		char *end = strchr(host, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return -1;
		*start = host + 1;
		colon = end[1] == ':' ? end + 1 : NULL;
		*end = '\0';
	} else if (strchr(host, ':') == strrchr(host, ':')) {
		colon = strchr(host, ':');
	}
	if (colon == NULL)
		return 0;
	*colon = '\0';
	return number_parse(colon + 1, 65535, port) == 0 && *port != 0 ? 0 : -1;
}

int config_address_parse(const char *text, struct config_address *address)
{
	char host[64];
	char *start;
	unsigned port = 0, prefix = 0;
	if (strlen(text) >= sizeof(host))
		return -1;
	strcpy(host, text);
	char *slash = strchr(host, '/');
	if (slash != NULL)
		*slash = '\0';
	if (port_split(host, &start, &port) != 0)
		return -1;
	memset(address->bytes, 0, sizeof(address->bytes));
	address->ipv6 = strchr(start, ':') != NULL;
	if (start != host && !address->ipv6)
		return -1; /* brackets are for IPv6 (RFC 3986, 3.2.2) */
	if (inet_pton(address->ipv6 ? AF_INET6 : AF_INET, start, address->bytes) != 1)
		return -1;
	unsigned bits = address->ipv6 ? 128 : 32;
	if (slash != NULL && number_parse(slash + 1, bits, &prefix) != 0)
		return -1;
	address->has_prefix = slash != NULL;
	address->prefix = (uint8_t)(slash != NULL ? prefix : bits);
	address->port = (uint16_t)port;
	return 0;
}
