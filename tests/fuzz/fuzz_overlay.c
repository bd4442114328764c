/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads any bytes as Lua reads packets that it has as strings: newDNSPacketOverlay() and the FFI. */
#include <stdlib.h>
#include <string.h>

#include "control/lua/abi.h"
#include "dataplane/dns/message.h"

#define RECORDS 64u
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static struct lua_context *context;

static void name_judge(const char *name, size_t size)
{
	uint8_t labels;
	MUST(size > 0 && dns_name_measure((const uint8_t *)name, size, &labels) == size);
}

/* What an object of Lua is made of. */
static void overlay(const char *packet, size_t size)
{
	static struct lua_record records[RECORDS];
	struct lua_record question;
	struct lua_name name;
	if (sluice_packet_question(packet, size, &question))
		name_judge((const char *)question.name.wire, question.name.length);
	size_t count = sluice_records(packet, size, records, RECORDS);
	MUST(count == sluice_records(packet, size, NULL, 0));
	for (size_t i = 0; i < count && i < RECORDS; i++) {
		MUST((size_t)records[i].offset + records[i].length <= size);
		name_judge((const char *)records[i].name.wire, records[i].name.length);
		if (sluice_packet_name(packet, size, records[i].offset, &name))
			name_judge((const char *)name.wire, name.length);
	}
}

/* Names at any place: into a buffer that is large enough, and into one that is a byte too small. */
static void names(const char *packet, size_t size)
{
	for (size_t at = 0; at <= size && at < 600; at++) {
		char name[256];
		size_t length = dnsdist_ffi_dnspacket_get_name_at_offset_raw(packet, size, at, name,
									     sizeof(name));
		if (length == 0)
			continue;
		name_judge(name, length);
		char *exact = malloc(length);
		MUST(exact != NULL);
		MUST(dnsdist_ffi_dnspacket_get_name_at_offset_raw(packet, size, at, exact,
								  length - 1) == 0);
		MUST(dnsdist_ffi_dnspacket_get_name_at_offset_raw(packet, size, at, exact,
								  length) == length);
		free(exact);
	}
}

static void record_read(const char *packet, size_t size, const dnsdist_ffi_dnspacket_t *parsed,
			size_t i)
{
	const char *name;
	size_t length, room = 16;
	char address[16], target[256];
	dnsdist_ffi_dnspacket_get_record_name_raw(parsed, i, &name, &length);
	MUST((name == NULL) == (length == 0));
	if (name != NULL)
		name_judge(name, length);
	uint16_t offset = dnsdist_ffi_dnspacket_get_record_content_offset(parsed, i);
	MUST(offset + (size_t)dnsdist_ffi_dnspacket_get_record_content_length(parsed, i) <= size);
	uint16_t type = dnsdist_ffi_dnspacket_get_record_type(parsed, i);
	dnsdist_ffi_dnspacket_get_record_class(parsed, i);
	dnsdist_ffi_dnspacket_get_record_ttl(parsed, i);
	if (dnsdist_ffi_dnspacket_parse_address_record(packet, parsed, i, address, &room))
		MUST((type == DNS_TYPE_A && room == 4) || (type == DNS_TYPE_AAAA && room == 16));
	room = 3;
	MUST(!dnsdist_ffi_dnspacket_parse_a_record(packet, parsed, i, address, &room));
	MUST(!dnsdist_ffi_dnspacket_parse_aaaa_record(packet, parsed, i, address, &room));
	length = sizeof(target);
	if (dnsdist_ffi_dnspacket_parse_cname_record(packet, parsed, i, target, &length))
		name_judge(target, length);
}

static void ffi(const char *packet, size_t size)
{
	dnsdist_ffi_dnspacket_t *parsed = NULL;
	const char *name;
	size_t length, count = 0;
	if (!dnsdist_ffi_dnspacket_parse(packet, size, &parsed))
		return;
	dnsdist_ffi_dnspacket_get_qname_raw(parsed, &name, &length);
	name_judge(name, length);
	dnsdist_ffi_dnspacket_get_qtype(parsed);
	dnsdist_ffi_dnspacket_get_qclass(parsed);
	for (uint8_t section = 1; section <= 3; section++)
		count += dnsdist_ffi_dnspacket_get_records_count_in_section(parsed, section);
	MUST(count == sluice_records(packet, size, NULL, 0));
	for (size_t i = 0; i <= count; i++)
		record_read(packet, size, parsed, i);
	if (size % 2 == 0) /* else it goes with its context */
		dnsdist_ffi_dnspacket_free(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	context = lua_context_new();
	MUST(context != NULL);
	lua_abi_use(context);
	overlay((const char *)data, size);
	names((const char *)data, size);
	ffi((const char *)data, size);
	lua_context_free(context);
	return 0;
}
