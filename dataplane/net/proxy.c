/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/proxy.h"

#include <errno.h>
#include <string.h>

enum { VERSION = 2, COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
enum { FAMILY_NONE = 0, FAMILY_IPV4 = 1, FAMILY_IPV6 = 2, TRANSPORT_STREAM = 1, TRANSPORT_DGRAM = 2 };

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
				      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static uint16_t u16_load(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void u16_store(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t addresses_size(bool ipv6)
{
	return ipv6 ? 36 : 12;
}

/* Addresses and ports, whose bytes are there. False: not of a kind that is understood. */
static bool addresses_parse(const uint8_t *bytes, struct proxy_header *header)
{
	uint8_t family = bytes[13] >> 4, transport = bytes[13] & 0x0f;
	const uint8_t *at = bytes + PROXY_HEADER_MIN;
	size_t size = family == FAMILY_IPV6 ? 16 : 4;
	if ((family != FAMILY_IPV4 && family != FAMILY_IPV6) ||
	    (transport != TRANSPORT_STREAM && transport != TRANSPORT_DGRAM))
		return false;
	header->ipv6 = family == FAMILY_IPV6;
	header->stream = transport == TRANSPORT_STREAM;
	header->values = (uint16_t)(PROXY_HEADER_MIN + addresses_size(header->ipv6));
	if (header->values > header->length)
		return false;
	memcpy(header->source, at, size);
	memcpy(header->destination, at + size, size);
	header->source_port = u16_load(at + 2 * size);
	header->destination_port = u16_load(at + 2 * size + 2);
	return true;
}

/* Whether the values end where the header does. */
static bool values_fit(const uint8_t *bytes, const struct proxy_header *header)
{
	uint16_t offset = header->values;
	struct proxy_value value;
	while (proxy_value_next(bytes, header, &offset, &value))
		;
	return offset == header->length;
}

int proxy_parse(const uint8_t *bytes, size_t length, struct proxy_header *header)
{
	size_t compared = length < sizeof(signature) ? length : sizeof(signature);
	*header = (struct proxy_header){0};
	if (memcmp(bytes, signature, compared) != 0)
		return -EBADMSG;
	if (length > 12 && (bytes[12] >> 4 != VERSION || (bytes[12] & 0x0f) > COMMAND_PROXY))
		return -EBADMSG;
	if (length < PROXY_HEADER_MIN)
		return 0;
	uint32_t whole = PROXY_HEADER_MIN + (uint32_t)u16_load(bytes + 14);
	if (whole > UINT16_MAX)
		return -EBADMSG;
	if (length < whole)
		return 0;
	header->length = header->values = (uint16_t)whole;
	header->local = (bytes[12] & 0x0f) == COMMAND_LOCAL || bytes[13] >> 4 == FAMILY_NONE;
	if (header->local)
		return (int)whole;
	if (!addresses_parse(bytes, header) || !values_fit(bytes, header))
		return -EBADMSG;
	return (int)whole;
}

bool proxy_value_next(const uint8_t *bytes, const struct proxy_header *header, uint16_t *offset,
		      struct proxy_value *value)
{
	uint32_t left = header->length - *offset;
	const uint8_t *at = bytes + *offset;
	if (left < PROXY_VALUE_HEADER)
		return false;
	*value = (struct proxy_value){at[0], u16_load(at + 1), at + PROXY_VALUE_HEADER};
	if (value->length > left - PROXY_VALUE_HEADER)
		return false;
	*offset = (uint16_t)(*offset + PROXY_VALUE_HEADER + value->length);
	return true;
}

uint16_t proxy_size(const struct proxy_header *header)
{
	return (uint16_t)(PROXY_HEADER_MIN + (header->local ? 0 : addresses_size(header->ipv6)));
}

uint16_t proxy_write(uint8_t *bytes, const struct proxy_header *header, uint16_t values)
{
	uint16_t size = proxy_size(header);
	size_t address = header->ipv6 ? 16 : 4;
	uint8_t *at = bytes + PROXY_HEADER_MIN;
	memcpy(bytes, signature, sizeof(signature));
	bytes[12] = VERSION << 4 | (header->local ? COMMAND_LOCAL : COMMAND_PROXY);
	bytes[13] = 0;
	u16_store(bytes + 14, (uint16_t)(size - PROXY_HEADER_MIN + values));
	if (header->local)
		return size;
	bytes[13] = (uint8_t)((header->ipv6 ? FAMILY_IPV6 : FAMILY_IPV4) << 4 |
			      (header->stream ? TRANSPORT_STREAM : TRANSPORT_DGRAM));
	memcpy(at, header->source, address);
	memcpy(at + address, header->destination, address);
	u16_store(at + 2 * address, header->source_port);
	u16_store(at + 2 * address + 2, header->destination_port);
	return size;
}

uint16_t proxy_value_write(uint8_t *bytes, const struct proxy_value *value)
{
	bytes[0] = value->type;
	u16_store(bytes + 1, value->length);
	if (value->length > 0)
		memcpy(bytes + PROXY_VALUE_HEADER, value->bytes, value->length);
	return (uint16_t)(PROXY_VALUE_HEADER + value->length);
}
