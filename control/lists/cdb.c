/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constant databases, https://cr.yp.to/cdb/cdb.txt: 256 pairs of position and length of the hash
 * tables, then records (length of key, length of data, key, data), then the tables, all numbers of
 * four bytes with the low one first. Since all records are read, the tables are of no use here; the
 * first one's position is where the records end, and the last one's end is the size of the file.
 *
 * Keys are names: in wire format, or as text with or without a final dot. The two cannot be mixed
 * up, for wire names end in a zero byte, which text has none of.
 */
#include <errno.h>
#include <string.h>

#include "control/lists/parse.h"
#include "dataplane/dns/name.h"

#define CDB_TABLES 256u
#define CDB_HEADER (CDB_TABLES * 8)
#define CDB_RECORD 8u	/* bytes before the key */
#define CDB_SLOT 8u	/* bytes of a table's slot */
#define DATA_KEPT 4096u /* bytes; longer data is no concern of a rule */
#define KEY_MAX DNS_NAME_TEXT_SIZE

static uint32_t little32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/* 0 with where the records and the file end, -EBADMSG if this is no CDB. */
static int header_read(struct list_parser *parser, uint64_t *records_end, uint64_t *file_end)
{
	struct list_reader *reader = &parser->reader;
	ssize_t there = list_reader_fill(reader, CDB_HEADER);
	if (there < 0)
		return (int)there;
	if ((size_t)there < CDB_HEADER)
		return -EBADMSG;
	const uint8_t *header = reader->buffer + reader->from;
	*records_end = UINT64_MAX;
	*file_end = 0;
	for (unsigned i = 0; i < CDB_TABLES; i++) {
		uint64_t at = little32(header + 8 * i), slots = little32(header + 8 * i + 4);
		if (at < CDB_HEADER)
			return -EBADMSG;
		*records_end = at < *records_end ? at : *records_end;
		uint64_t end = at + slots * CDB_SLOT;
		*file_end = end > *file_end ? end : *file_end;
	}
	list_reader_take(reader, CDB_HEADER);
	return 0;
}

/* Skips bytes, of which there may be more than fit into the buffer. -EBADMSG at the end. */
static int bytes_skip(struct list_reader *reader, uint64_t size)
{
	while (size > 0) {
		size_t part = size < LIST_LINE_MAX ? (size_t)size : LIST_LINE_MAX;
		ssize_t there = list_reader_fill(reader, part);
		if (there < 0)
			return (int)there;
		if ((size_t)there < part)
			return -EBADMSG;
		list_reader_take(reader, part);
		size -= part;
	}
	return 0;
}

static int record_put(struct list_parser *parser, const uint8_t *key, size_t key_length,
		      const uint8_t *data, size_t data_length)
{
	uint8_t parsed[DNS_NAME_MAX], labels;
	struct list_entry entry = {.name = key, .length = key_length, .data = data,
				   .data_length = data_length};

	if (dns_name_measure(key, key_length, &labels) != key_length) {
		entry.name = parsed;
		entry.length = list_name_parse(parser, (const char *)key, key_length, parsed);
		if (entry.length == 0)
			return 0;
	}
	entry.flags = parser->options->flags ? parser->options->flags
					     : NAME_ENTRY_SELF | NAME_ENTRY_BELOW;
	return list_entry_put(parser, &entry);
}

/* Reads one record that ends before `end`. */
static int record_read(struct list_parser *parser, uint64_t end)
{
	struct list_reader *reader = &parser->reader;
	ssize_t there = list_reader_fill(reader, CDB_RECORD);
	if (there < 0)
		return (int)there;
	if ((size_t)there < CDB_RECORD || end - reader->offset < CDB_RECORD)
		return -EBADMSG;
	uint64_t key = little32(reader->buffer + reader->from);
	uint64_t data = little32(reader->buffer + reader->from + 4);
	list_reader_take(reader, CDB_RECORD);
	if (key + data > end - reader->offset)
		return -EBADMSG;
	parser->report->lines = ++parser->line;
	if (key == 0 || key > KEY_MAX) {
		list_error(parser, parser->line, "a key of %llu bytes is no name",
			   (unsigned long long)key);
		return bytes_skip(reader, key + data);
	}
	size_t kept = data <= DATA_KEPT ? (size_t)data : 0;
	there = list_reader_fill(reader, (size_t)key + kept);
	if (there < 0)
		return (int)there;
	if ((size_t)there < key + kept)
		return -EBADMSG;
	const uint8_t *bytes = reader->buffer + reader->from;
	int error = record_put(parser, bytes, (size_t)key, bytes + key, kept);
	return error != 0 ? error : bytes_skip(reader, key + data);
}

/*
 * A file that is cut off, as while it is copied, fails as a whole: what is left of it would look
 * like a list with fewer names.
 */
int list_cdb_parse(struct list_parser *parser)
{
	uint64_t records_end = 0, file_end = 0;
	int error = header_read(parser, &records_end, &file_end);

	while (error == 0 && parser->reader.offset < records_end) {
		error = record_read(parser, records_end);
		if (error == 0 && parser->line % LIST_STOP_STEP == 0)
			error = list_stop_check(parser);
	}
	if (error == 0 && file_end > records_end)
		error = bytes_skip(&parser->reader, file_end - records_end);
	return error;
}
