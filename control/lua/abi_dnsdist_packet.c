/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsdist's FFI for packets that Lua has as strings, and what else needs no packet in hand. */
#include "control/lua/abi.h"

#include <string.h>

#include "dataplane/dns/message.h"

#define RECORDS_MAX (DNS_MESSAGE_MAX / 11) /* more do not fit into a message */
#define HASH_PRIME 0x01000193u /* FNV-1a */

/* What was found when it was parsed; the bytes stay Lua's and are handed in again. */
struct dnsdist_ffi_dnspacket_t {
	struct lua_owned owned;
	size_t length;
	struct lua_record question;
	size_t count;
	struct lua_record records[];
};

bool dnsdist_ffi_dnspacket_parse(const char *packet, size_t packetSize,
				 dnsdist_ffi_dnspacket_t **out)
{
	struct lua_record question;
	if (packet == NULL || out == NULL || packetSize > UINT16_MAX ||
	    !sluice_packet_question(packet, packetSize, &question))
		return false;
	size_t count = sluice_records(packet, packetSize, NULL, 0);
	if (count > RECORDS_MAX)
		return false;
	dnsdist_ffi_dnspacket_t *made =
		lua_owned_new(sizeof(*made) + count * sizeof(made->records[0]));
	if (made == NULL)
		return false;
	made->length = packetSize;
	made->question = question;
	made->count = sluice_records(packet, packetSize, made->records, count);
	*out = made;
	return true;
}

void dnsdist_ffi_dnspacket_free(dnsdist_ffi_dnspacket_t *packet)
{
	lua_owned_free(packet);
}

static const struct lua_record *record_at(const dnsdist_ffi_dnspacket_t *packet, size_t idx)
{
	return packet != NULL && idx < packet->count ? &packet->records[idx] : NULL;
}

/* ---- the question ---- */

void dnsdist_ffi_dnspacket_get_qname_raw(const dnsdist_ffi_dnspacket_t *packet, const char **qname,
					 size_t *qnameSize)
{
	*qname = packet != NULL ? (const char *)packet->question.name.wire : NULL;
	*qnameSize = packet != NULL ? packet->question.name.length : 0;
}

uint16_t dnsdist_ffi_dnspacket_get_qtype(const dnsdist_ffi_dnspacket_t *packet)
{
	return packet != NULL ? packet->question.type : 0;
}

uint16_t dnsdist_ffi_dnspacket_get_qclass(const dnsdist_ffi_dnspacket_t *packet)
{
	return packet != NULL ? packet->question.rclass : 0;
}

/* ---- records ---- */

uint16_t dnsdist_ffi_dnspacket_get_records_count_in_section(const dnsdist_ffi_dnspacket_t *packet,
							    uint8_t section)
{
	uint16_t count = 0; /* the question is no record */
	for (size_t i = 0; packet != NULL && i < packet->count; i++)
		count = (uint16_t)(count + (packet->records[i].place == section));
	return count;
}

void dnsdist_ffi_dnspacket_get_record_name_raw(const dnsdist_ffi_dnspacket_t *packet, size_t idx,
					       const char **name, size_t *nameSize)
{
	const struct lua_record *record = record_at(packet, idx);
	*name = record != NULL ? (const char *)record->name.wire : NULL;
	*nameSize = record != NULL ? record->name.length : 0;
}

uint16_t dnsdist_ffi_dnspacket_get_record_type(const dnsdist_ffi_dnspacket_t *packet, size_t idx)
{
	const struct lua_record *record = record_at(packet, idx);
	return record != NULL ? record->type : 0;
}

uint16_t dnsdist_ffi_dnspacket_get_record_class(const dnsdist_ffi_dnspacket_t *packet, size_t idx)
{
	const struct lua_record *record = record_at(packet, idx);
	return record != NULL ? record->rclass : 0;
}

uint32_t dnsdist_ffi_dnspacket_get_record_ttl(const dnsdist_ffi_dnspacket_t *packet, size_t idx)
{
	const struct lua_record *record = record_at(packet, idx);
	return record != NULL ? record->ttl : 0;
}

uint16_t dnsdist_ffi_dnspacket_get_record_content_length(const dnsdist_ffi_dnspacket_t *packet,
							 size_t idx)
{
	const struct lua_record *record = record_at(packet, idx);
	return record != NULL ? record->length : 0;
}

uint16_t dnsdist_ffi_dnspacket_get_record_content_offset(const dnsdist_ffi_dnspacket_t *packet,
							 size_t idx)
{
	const struct lua_record *record = record_at(packet, idx);
	return record != NULL ? record->offset : 0;
}

/* Copies `size` bytes out if there is room for them; says how many. */
static size_t copy_out(const void *bytes, size_t size, char *to, size_t room)
{
	if (to == NULL || size > room)
		return 0;
	memcpy(to, bytes, size);
	return size;
}

size_t dnsdist_ffi_dnspacket_get_name_at_offset_raw(const char *packet, size_t packetSize,
						    size_t offset, char *name, size_t nameSize)
{
	struct lua_name found;
	if (packet == NULL || !sluice_packet_name(packet, packetSize, offset, &found))
		return 0;
	return copy_out(found.wire, found.length, name, nameSize);
}

/* `raw` is as long as the packet was when it was parsed. */
static bool address_read(const char *raw, const dnsdist_ffi_dnspacket_t *packet, size_t idx,
			 uint16_t type, uint16_t length, char *addr, size_t *addrSize)
{
	const struct lua_record *record = record_at(packet, idx);
	if (raw == NULL || addrSize == NULL || record == NULL || record->type != type ||
	    record->length != length || (size_t)record->offset + length > packet->length ||
	    copy_out(raw + record->offset, length, addr, *addrSize) == 0)
		return false;
	*addrSize = length;
	return true;
}

bool dnsdist_ffi_dnspacket_parse_a_record(const char *raw, const dnsdist_ffi_dnspacket_t *packet,
					  size_t idx, char *addr, size_t *addrSize)
{
	return address_read(raw, packet, idx, DNS_TYPE_A, 4, addr, addrSize);
}

bool dnsdist_ffi_dnspacket_parse_aaaa_record(const char *raw,
					     const dnsdist_ffi_dnspacket_t *packet, size_t idx,
					     char *addr, size_t *addrSize)
{
	return address_read(raw, packet, idx, DNS_TYPE_AAAA, 16, addr, addrSize);
}

bool dnsdist_ffi_dnspacket_parse_address_record(const char *raw,
						const dnsdist_ffi_dnspacket_t *packet, size_t idx,
						char *addr, size_t *addrSize)
{
	return dnsdist_ffi_dnspacket_parse_a_record(raw, packet, idx, addr, addrSize) ||
	       dnsdist_ffi_dnspacket_parse_aaaa_record(raw, packet, idx, addr, addrSize);
}

bool dnsdist_ffi_dnspacket_parse_cname_record(const char *raw,
					      const dnsdist_ffi_dnspacket_t *packet, size_t idx,
					      char *name, size_t *nameSize)
{
	const struct lua_record *record = record_at(packet, idx);
	if (record == NULL || record->type != DNS_TYPE_CNAME || nameSize == NULL)
		return false;
	*nameSize = dnsdist_ffi_dnspacket_get_name_at_offset_raw(raw, packet->length,
								 record->offset, name, *nameSize);
	return *nameSize > 0;
}

/* ---- without a packet ---- */

/* FNV-1a with a last mix (of MurmurHash3): spread well, and no secret. */
uint32_t dnsdist_ffi_hash(uint32_t seed, const unsigned char *data, size_t dataSize,
			  bool caseInsensitive)
{
	uint32_t hash = seed ^ 0x811c9dc5u;
	for (size_t i = 0; data != NULL && i < dataSize; i++) {
		unsigned char byte = data[i];
		if (caseInsensitive && byte >= 'A' && byte <= 'Z')
			byte |= 0x20;
		hash = (hash ^ byte) * HASH_PRIME;
	}
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35u;
	return hash ^ hash >> 16;
}
