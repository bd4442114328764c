/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Response policy zones (draft-vixie-dnsop-dns-rpz): what the records of a zone file say. The
 * zone's name is that of its SOA, else its first $ORIGIN; a file with neither has names that are
 * relative to the root, as files have that get their origin from a server's configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/lists/zone.h"
#include "dataplane/dns/message.h"

struct rpz_reader {
	struct list_parser *parser;
	struct zone_reader *zone;
	struct zone_name name; /* the zone's */
	bool soa;	       /* it is known from the SOA */
};

/* What a record's owner triggers on. */
struct trigger {
	struct list_rpz_entry entry;
	bool supported;
	uint8_t length;
	uint8_t name[DNS_NAME_MAX]; /* the owner's, with the zone's taken off */
};

static bool label_is(const uint8_t *label, const char *text)
{
	size_t length = strlen(text);
	if (*label != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (dns_byte_fold(label[1 + i]) != (uint8_t)text[i])
			return false;
	return true;
}

/* A number in a label: decimal or hexadecimal digits, at most `digits` of them. */
static bool label_number(const uint8_t *label, unsigned base, unsigned digits, uint32_t *number)
{
	uint32_t value = 0;
	if (*label == 0 || *label > digits)
		return false;
	for (unsigned i = 1; i <= *label; i++) {
		uint8_t byte = dns_byte_fold(label[i]);
		unsigned digit = byte >= '0' && byte <= '9'   ? byte - '0' + 0u
				 : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10u
							      : 16;
		if (digit >= base)
			return false;
		value = value * base + digit;
	}
	*number = value;
	return true;
}

/* The labels B4.B3.B2.B1 of an IPv4 prefix. */
static bool v4_parse(const uint8_t *name, const uint8_t *offsets, uint8_t address[static 16])
{
	for (unsigned i = 0; i < 4; i++) {
		uint32_t number;
		if (!label_number(name + offsets[i], 10, 3, &number) || number > 255)
			return false;
		address[3 - i] = (uint8_t)number;
	}
	return true;
}

/* The labels W8.....W1 of an IPv6 prefix, "zz" for the words that "::" leaves out. */
static bool v6_parse(const uint8_t *name, const uint8_t *offsets, unsigned labels,
		     uint8_t address[static 16])
{
	bool gap = false;
	unsigned word = 8;

	for (unsigned i = 0; i < labels; i++) {
		uint32_t number;
		if (label_is(name + offsets[i], "zz")) {
			if (gap || labels > 8)
				return false;
			gap = true;
			word -= 8 - (labels - 1);
			continue;
		}
		if (word == 0 || !label_number(name + offsets[i], 16, 4, &number))
			return false;
		word--;
		dns_u16_store(address + 2 * word, (uint16_t)number);
	}
	return word == 0 && (gap || labels == 8);
}

/* Whether all bits of an address behind the first `length` are 0. */
static bool host_bits_clear(const uint8_t address[static 16], unsigned length)
{
	for (unsigned bit = length; bit < 128; bit++)
		if (address[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

/* "LENGTH.ADDRESS" before "rpz-ip": the first `labels` labels of the name. */
static const char *prefix_read(const uint8_t *name, const uint8_t *offsets, unsigned labels,
			       struct prefix_entry *prefix)
{
	uint32_t length;
	*prefix = (struct prefix_entry){0};
	if (labels < 2 || !label_number(name + offsets[0], 10, 3, &length))
		return "an address trigger without the length of a prefix";
	prefix->ipv6 = labels != 5 || label_is(name + offsets[1], "zz") ||
		       label_is(name + offsets[2], "zz") || label_is(name + offsets[3], "zz") ||
		       label_is(name + offsets[4], "zz");
	bool valid = prefix->ipv6 ? v6_parse(name, offsets + 1, labels - 1, prefix->address)
				  : v4_parse(name, offsets + 1, prefix->address);
	if (!valid || length == 0 || length > (prefix->ipv6 ? 128u : 32u))
		return "an address trigger that is no prefix";
	prefix->length = (uint8_t)length;
	if (!host_bits_clear(prefix->address, length))
		return "an address trigger with bits behind its prefix";
	return NULL;
}

/* What the owner, with the zone's name taken off, triggers on. */
static const char *trigger_read(const struct zone_name *owner, size_t zone_length,
				struct trigger *trigger)
{
	uint8_t offsets[DNS_LABELS_MAX];
	size_t length = owner->length - zone_length; /* without the root label */
	struct list_rpz_entry *entry = &trigger->entry;

	memcpy(trigger->name, owner->wire, length);
	trigger->name[length] = 0;
	trigger->length = (uint8_t)(length + 1);
	unsigned labels = dns_name_split(trigger->name, length, offsets);
	const uint8_t *last = trigger->name + offsets[labels - 1];
	trigger->supported = true;
	entry->kind = label_is(last, "rpz-client-ip") ? LIST_RPZ_CLIENT : LIST_RPZ_ANSWER;
	if (entry->kind == LIST_RPZ_CLIENT || label_is(last, "rpz-ip"))
		return prefix_read(trigger->name, offsets, labels - 1, &entry->prefix);
	trigger->supported = !label_is(last, "rpz-nsdname") && !label_is(last, "rpz-nsip");
	entry->kind = LIST_RPZ_NAME;
	bool wildcard = label_is(trigger->name, "*");
	entry->flags = wildcard ? NAME_ENTRY_BELOW : NAME_ENTRY_SELF;
	entry->name = trigger->name + (wildcard ? 2 : 0);
	entry->length = length + 1 - (wildcard ? 2 : 0);
	return NULL;
}

/* Whether a wire name is the one label of this text, below the root. */
static bool target_is(const struct zone_record *record, const char *text)
{
	return record->rdata_length == strlen(text) + 2 && label_is(record->rdata, text);
}

/* Whether a CNAME leads to what it is triggered by: an old way to say PASSTHRU. */
static bool target_is_trigger(const struct zone_record *record, const struct trigger *trigger)
{
	return dns_name_equal(record->rdata, record->rdata_length, trigger->name, trigger->length);
}

/* The policy that a CNAME stands for. */
static const char *cname_read(const struct zone_record *record, struct trigger *trigger)
{
	static const struct {
		const char *target;
		enum rpz_policy policy;
	} special[] = {
		{"*", RPZ_NODATA},
		{"rpz-passthru", RPZ_PASSTHRU},
		{"rpz-drop", RPZ_DROP},
		{"rpz-tcp-only", RPZ_TCP_ONLY},
	};
	struct list_rpz_entry *entry = &trigger->entry;
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned labels = dns_name_split(record->rdata, record->rdata_length, offsets);

	entry->policy = RPZ_NXDOMAIN;
	if (labels == 0)
		return NULL;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		entry->policy = special[i].policy;
		if (target_is(record, special[i].target))
			return NULL;
	}
	entry->policy = RPZ_PASSTHRU;
	if (target_is_trigger(record, trigger))
		return NULL;
	const uint8_t *last = record->rdata + offsets[labels - 1];
	if (*last >= 4 && dns_byte_fold(last[1]) == 'r' && dns_byte_fold(last[2]) == 'p' &&
	    dns_byte_fold(last[3]) == 'z' && last[4] == '-')
		return "a policy that is unknown";
	entry->policy = RPZ_DATA;
	if (label_is(record->rdata, "*")) {
		entry->policy = RPZ_WILD_CNAME;
		entry->rdata += 2;
		entry->rdata_length -= 2;
	}
	return NULL;
}

/* Types that are about a zone and not about names in it; the draft has them ignored. */
static bool type_ignored(const struct zone_record *record)
{
	return record->opaque || record->type == DNS_TYPE_SOA;
}

/* Types that no answer may have as data. */
static bool type_refused(uint16_t type)
{
	return type == 0 || type == DNS_TYPE_OPT || (type >= 128 && type <= 255) ||
	       type == DNS_TYPE_NS || type == DNS_TYPE_DNAME;
}

static int entry_put(const struct list_parser *parser, const struct list_rpz_entry *entry)
{
	return parser->sink->rpz ? parser->sink->rpz(parser->sink->data, entry) : 0;
}

static int soa_put(struct rpz_reader *reader)
{
	const struct zone_record *record = &reader->zone->record;
	struct list_rpz_entry entry = {
		.kind = LIST_RPZ_SOA,
		.name = record->owner.wire,
		.length = record->owner.length,
		.ttl = record->ttl,
		.type = record->type,
		.rdata = record->rdata,
		.rdata_length = record->rdata_length,
	};
	reader->name = record->owner;
	reader->soa = true;
	return entry_put(reader->parser, &entry);
}

/* Gives a record's meaning to the sink. Sets what is wrong with it instead. */
static int record_put(struct rpz_reader *reader, const char **problem)
{
	struct list_parser *parser = reader->parser;
	const struct zone_record *record = &reader->zone->record;
	struct trigger trigger = {.entry = {
		.policy = RPZ_DATA,
		.ttl = record->ttl,
		.type = record->type,
		.rdata = record->rdata,
		.rdata_length = record->rdata_length,
	}};

	if (!dns_name_within(record->owner.wire, record->owner.length, reader->name.wire,
			     reader->name.length)) {
		*problem = "a name that is not in the zone";
		return 0;
	}
	if (record->owner.length == reader->name.length || type_ignored(record))
		return 0; /* the zone's own */
	if ((*problem = trigger_read(&record->owner, reader->name.length, &trigger)))
		return 0;
	if (!trigger.supported) {
		parser->report->unsupported++;
		return 0;
	}
	*problem = type_refused(record->type)	     ? "a type that cannot be local data"
		   : record->type == DNS_TYPE_CNAME ? cname_read(record, &trigger)
						     : NULL;
	if (*problem)
		return 0;
	parser->report->entries++;
	return entry_put(parser, &trigger.entry);
}

static int records_read(struct rpz_reader *reader)
{
	struct zone_reader *zone = reader->zone;
	int got;

	while ((got = zone_record_next(zone)) > 0) {
		const char *problem = NULL;
		int error = 0;
		if (reader->name.length == 0)
			reader->name = zone->origin.length > 0 ? zone->origin
							       : (struct zone_name){.length = 1};
		if (zone->record.type == DNS_TYPE_SOA && !reader->soa)
			error = soa_put(reader);
		else
			error = record_put(reader, &problem);
		if (error != 0)
			return error;
		if (problem)
			list_error(reader->parser, zone->record.line, "%s", problem);
	}
	return got;
}

int list_rpz_parse(struct list_parser *parser)
{
	struct rpz_reader reader = {.parser = parser, .zone = zone_reader_new(parser)};
	if (!reader.zone)
		return -ENOMEM;
	int error = records_read(&reader);
	zone_reader_free(reader.zone);
	return error;
}
