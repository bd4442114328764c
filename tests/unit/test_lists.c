/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of names, hosts files and CDB files: what is read, and each way to be broken. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/lists/lists.h"
#include "dataplane/dns/name.h"
#include "tests/unit/unit.h"

#define BOTH (NAME_ENTRY_SELF | NAME_ENTRY_BELOW)

static char found[65536]; /* "name/flags[=data] " for each entry */
static struct list_report report;

static int entry_note(void *data, const struct list_entry *entry)
{
	char text[DNS_NAME_TEXT_SIZE];
	char *end = found + strlen(found);
	size_t room = sizeof(found) - strlen(found);
	(void)data;
	ck_assert_int_ge(dns_name_print(entry->name, text, sizeof(text), true), 0);
	int length = snprintf(end, room, "%s/%u%s%.*s ", text, entry->flags,
			      entry->data_length ? "=" : "", (int)entry->data_length,
			      entry->data ? (const char *)entry->data : "");
	ck_assert_uint_lt((size_t)length, room);
	return 0;
}

/* Reads bytes in exactly their own memory. */
static int parse_bytes(enum list_format format, uint8_t flags, const void *bytes, size_t size)
{
	struct list_options options = {.format = format, .flags = flags};
	struct list_sink sink = {.entry = entry_note};
	void *exact = malloc(size ? size : 1);
	memcpy(exact, bytes, size);
	found[0] = '\0';
	int error = list_parse_memory(exact, size, &options, &sink, &report);
	free(exact);
	return error;
}

static int parse(enum list_format format, const char *text)
{
	return parse_bytes(format, 0, text, strlen(text));
}

static void errors_assert(uint64_t count, uint64_t line, const char *text)
{
	ck_assert_uint_eq(report.errors, count);
	ck_assert_uint_ge(report.n_messages, 1);
	ck_assert_uint_eq(report.messages[0].line, line);
	ck_assert_msg(strstr(report.messages[0].text, text) != NULL, "\"%s\" is not in \"%s\"", text,
		      report.messages[0].text);
}

START_TEST(names)
{
	ck_assert_int_eq(parse(LIST_FORMAT_NAMES,
			       "\xef\xbb\xbf" "# a list\r\n\r\nexample.com\r\n  Ads.Example.NET. \t# why\n"
			       "\n*.wild.example\n.dot.example\n\t\n_x.a-b.1\nlast.example"),
			 0);
	ck_assert_str_eq(found, "example.com./3 Ads.Example.NET./3 wild.example./3 "
				"dot.example./3 _x.a-b.1./3 last.example./3 ");
	ck_assert_uint_eq(report.lines, 10);
	ck_assert_uint_eq(report.entries, 6);
	ck_assert_uint_eq(report.errors, 0);
	ck_assert_str_eq(report.failure, "");
	ck_assert_int_eq(parse_bytes(LIST_FORMAT_NAMES, NAME_ENTRY_SELF, "a\n*.b\n", 6), 0);
	ck_assert_str_eq(found, "a./1 b./3 ");
	ck_assert_int_eq(parse(LIST_FORMAT_NAMES, ".\n"), 0);
	ck_assert_str_eq(found, "./3 ");
}
END_TEST

static const struct {
	const char *line;
	const char *message;
} broken_names[] = {
	{"two words", "more than one word"},
	{"a..b", "\"a..b\" is no name"},
	{"..", "is no name"},
	{"*..", "is no name"},
	{"m\xc3\xbcnchen.de", "is not ASCII"},
	{"a\001b", "a character that no name has"},
	{"a\\", "is no name"},
	{"<html>", "a character that no name has"},
	{"||ads.example^", "a character that no name has"},
	{"a,b", "a character that no name has"},
	{"a\\300", "is no name"},
	{"0123456789012345678901234567890123456789012345678901234567890123.com", "too long"},
};

START_TEST(names_broken)
{
	char text[512];
	snprintf(text, sizeof(text), "first\n%s\nlast\n", broken_names[_i].line);
	ck_assert_int_eq(parse(LIST_FORMAT_NAMES, text), 0);
	ck_assert_str_eq(found, "first./3 last./3 ");
	errors_assert(1, 2, broken_names[_i].message);
	ck_assert_int_eq(parse(LIST_FORMAT_NAMES, broken_names[_i].line), -EBADMSG);
	ck_assert_str_eq(report.failure, "has no usable entry; 1 of 1 lines are broken");
}
END_TEST

/* A byte that ends strings in C is no end here. */
START_TEST(names_nul)
{
	ck_assert_int_eq(parse_bytes(LIST_FORMAT_NAMES, 0, "a\0b\nc\n", 6), 0);
	ck_assert_str_eq(found, "c./3 ");
	errors_assert(1, 1, "\"a?b\" has a character");
}
END_TEST

/* Lines longer than any buffer, at each end of one, go by as one error each. */
START_TEST(names_long_line)
{
	for (size_t size = 65535; size <= 400000; size += size < 65537 ? 1 : 66923) {
		char *text = malloc(size + 16);
		memset(text, 'a', size);
		memcpy(text + size, "\nnext.example\n", 15);
		ck_assert_int_eq(parse(LIST_FORMAT_NAMES, text), 0);
		ck_assert_str_eq(found, "next.example./3 ");
		errors_assert(1, 1, size < 65536 ? "is too long for a name"
						 : "more than 65536 bytes");
		ck_assert_uint_eq(report.lines, 2);
		text[size] = '\0';
		ck_assert_int_eq(parse(LIST_FORMAT_NAMES, text), -EBADMSG);
		free(text);
	}
}
END_TEST

START_TEST(messages_bounded)
{
	char text[4096] = "a\n";
	for (unsigned i = 0; i < 100; i++)
		strcat(text, "..\n");
	ck_assert_int_eq(parse(LIST_FORMAT_NAMES, text), 0);
	ck_assert_uint_eq(report.errors, 100);
	ck_assert_uint_eq(report.n_messages, LIST_MESSAGES_MAX);
	ck_assert_uint_eq(report.messages[LIST_MESSAGES_MAX - 1].line, LIST_MESSAGES_MAX + 1);
}
END_TEST

START_TEST(hosts)
{
	ck_assert_int_eq(parse(LIST_FORMAT_HOSTS,
			       "\xef\xbb\xbf" "127.0.0.1 localhost localhost.localdomain\n"
			       "::1\tip6-LOCALHOST\n"
			       "fe80::1%lo0 localhost\n255.255.255.255 broadcasthost\n"
			       "# comment\n\n0.0.0.0 0.0.0.0\n0.0.0.0 a.example B.example # why\r\n"
			       "::  c.example\n127.0.0.1 d.example.\n"),
			 0);
	ck_assert_str_eq(found, "a.example./1 B.example./1 c.example./1 d.example./1 ");
	ck_assert_uint_eq(report.errors, 0);
	ck_assert_int_eq(parse_bytes(LIST_FORMAT_HOSTS, BOTH, "::1 a\n", 6), 0);
	ck_assert_str_eq(found, "a./3 ");
}
END_TEST

static const struct {
	const char *line;
	const char *message;
} broken_hosts[] = {
	{"example.com", "does not start with an address"},
	{"0.0.0 a", "does not start with an address"},
	{"0.0.0.0", "an address without a name"},
	{"0.0.0.0 # a", "an address without a name"},
	{"0.0.0.0 a..b", "is no name"},
	{":::1 a", "does not start with an address"},
	{"00000000000000000000000000000000000000000000000000000000000000000000000000 a",
	 "does not start with an address"},
};

START_TEST(hosts_broken)
{
	char text[512];
	snprintf(text, sizeof(text), "::1 first\n%s\n::1 last\n", broken_hosts[_i].line);
	ck_assert_int_eq(parse(LIST_FORMAT_HOSTS, text), 0);
	ck_assert_str_eq(found, "first./1 last./1 ");
	errors_assert(1, 2, broken_hosts[_i].message);
}
END_TEST

START_TEST(hosts_partly_broken)
{
	ck_assert_int_eq(parse(LIST_FORMAT_HOSTS, "::1 a b..c d\n"), 0);
	ck_assert_str_eq(found, "a./1 d./1 ");
	errors_assert(1, 1, "\"b..c\" is no name");
	ck_assert_int_eq(parse(LIST_FORMAT_HOSTS, "127.0.0.1 localhost\n"), -EBADMSG);
	ck_assert_str_eq(report.failure, "has no usable entry; 0 of 1 lines are broken");
}
END_TEST

/* Makes a CDB of pairs of key and data; the tables are there but empty. Returns its size. */
struct cdb {
	uint8_t bytes[200000];
	size_t size;
};

static void little_put(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++, value >>= 8)
		at[i] = (uint8_t)value;
}

static void cdb_add(struct cdb *cdb, const char *key, size_t key_length, size_t data_length)
{
	if (cdb->size == 0)
		cdb->size = 2048;
	uint8_t *at = cdb->bytes + cdb->size;
	little_put(at, (uint32_t)key_length);
	little_put(at + 4, (uint32_t)data_length);
	memcpy(at + 8, key, key_length);
	memset(at + 8 + key_length, 'd', data_length);
	cdb->size += 8 + key_length + data_length;
}

/* One slot in the first table, so that a file without its end can be told. */
static void cdb_finish(struct cdb *cdb)
{
	if (cdb->size == 0)
		cdb->size = 2048;
	for (unsigned i = 0; i < 256; i++) {
		little_put(cdb->bytes + 8 * i, (uint32_t)cdb->size + (i > 0 ? 8 : 0));
		little_put(cdb->bytes + 8 * i + 4, i == 0);
	}
	memset(cdb->bytes + cdb->size, 0, 8);
	cdb->size += 8;
}

static int cdb_parse(const struct cdb *cdb)
{
	return parse_bytes(LIST_FORMAT_CDB, 0, cdb->bytes, cdb->size);
}

START_TEST(cdb_keys)
{
	static struct cdb cdb;
	cdb_add(&cdb, "\7example\3com", 13, 0);
	cdb_add(&cdb, "www.example.org", 15, 3);
	cdb_add(&cdb, "dot.example.", 12, 1);
	cdb_add(&cdb, "\0", 1, 0);
	cdb_add(&cdb, "large.example", 13, 100000);
	cdb_finish(&cdb);
	ck_assert_int_eq(cdb_parse(&cdb), 0);
	ck_assert_str_eq(found, "example.com./3 www.example.org./3=ddd dot.example./3=d ./3 "
				"large.example./3 ");
	ck_assert_uint_eq(report.errors, 0);
	ck_assert_uint_eq(report.lines, 5);
}
END_TEST

START_TEST(cdb_broken_keys)
{
	static struct cdb cdb;
	static char long_key[3000];
	memset(long_key, 'k', sizeof(long_key));
	cdb_add(&cdb, "a", 1, 0);
	cdb_add(&cdb, "", 0, 5);
	cdb_add(&cdb, long_key, sizeof(long_key), 70000);
	cdb_add(&cdb, "\5short\0x", 8, 1);
	cdb_add(&cdb, "\xc0\x0c", 2, 1);
	cdb_add(&cdb, "b..c", 4, 1);
	cdb_add(&cdb, "z", 1, 0);
	cdb_finish(&cdb);
	ck_assert_int_eq(cdb_parse(&cdb), 0);
	ck_assert_str_eq(found, "a./3 z./3 ");
	errors_assert(5, 2, "a key of 0 bytes is no name");
	ck_assert_uint_eq(report.messages[4].line, 6);
}
END_TEST

/* Cut off anywhere it is no CDB; lengths that lead out of the file neither. */
START_TEST(cdb_cut_off)
{
	static struct cdb cdb;
	cdb_add(&cdb, "first", 5, 4);
	cdb_add(&cdb, "second", 6, 4);
	cdb_finish(&cdb);
	size_t size = cdb.size;
	for (cdb.size = 0; cdb.size < size; cdb.size++) {
		ck_assert_int_eq(cdb_parse(&cdb), -EBADMSG);
		ck_assert_str_eq(report.failure, "is no CDB file, or is cut off");
	}
	cdb.size = size;
	ck_assert_int_eq(cdb_parse(&cdb), 0);
	for (uint32_t add = 1; add != 0; add <<= 1) {
		little_put(cdb.bytes + 2048, 5 + add);
		ck_assert_int_eq(cdb_parse(&cdb), -EBADMSG);
		little_put(cdb.bytes + 2048, 5);
		little_put(cdb.bytes + 2048 + 4, 4 + add);
		ck_assert_int_eq(cdb_parse(&cdb), -EBADMSG);
		little_put(cdb.bytes + 2048 + 4, 4);
	}
	little_put(cdb.bytes, 2047);
	ck_assert_int_eq(cdb_parse(&cdb), -EBADMSG);
	little_put(cdb.bytes, UINT32_MAX);
	ck_assert_int_eq(cdb_parse(&cdb), -EBADMSG);
}
END_TEST

START_TEST(empty)
{
	for (int format = 0; format < LIST_FORMAT_STORE; format++) { /* that one has no entries */
		ck_assert_int_eq(parse(format, ""), -EBADMSG);
		ck_assert_str_ne(report.failure, "");
		ck_assert_int_eq(parse(format, "\n# nothing\n;\n"), -EBADMSG);
		ck_assert_str_ne(report.failure, "");
	}
	ck_assert_int_eq(parse(LIST_FORMAT_NAMES, ""), -EBADMSG);
	ck_assert_str_eq(report.failure, "is empty");
}
END_TEST

static int entry_refuse(void *data, const struct list_entry *entry)
{
	(void)entry;
	return ++*(unsigned *)data == 2 ? -E2BIG : 0;
}

START_TEST(sink_ends_it)
{
	unsigned calls = 0;
	struct list_options options = {.format = LIST_FORMAT_NAMES};
	struct list_sink sink = {.data = &calls, .entry = entry_refuse};
	ck_assert_int_eq(list_parse_memory("a\nb\nc\n", 6, &options, &sink, &report), -E2BIG);
	ck_assert_uint_eq(calls, 2);
	ck_assert_str_ne(report.failure, "");
}
END_TEST

START_TEST(stop_ends_it)
{
	atomic_bool stop = true;
	struct list_options options = {.format = LIST_FORMAT_NAMES, .stop = &stop};
	struct list_sink sink = {0};
	enum { LINES = 20000 };
	char *text = malloc(2 * LINES);
	for (unsigned i = 0; i < LINES; i++)
		memcpy(text + 2 * i, "a\n", 2);
	ck_assert_int_eq(list_parse_memory(text, 2 * LINES, &options, &sink, &report), -ECANCELED);
	ck_assert_uint_lt(report.lines, LINES);
	stop = false;
	ck_assert_int_eq(list_parse_memory(text, 2 * LINES, &options, &sink, &report), 0);
	ck_assert_uint_eq(report.lines, LINES);
	free(text);
}
END_TEST

START_TEST(format_names)
{
	for (int format = 0; format < LIST_FORMAT_COUNT; format++)
		ck_assert_int_eq(list_format_parse(list_format_name(format)), format);
	ck_assert_int_eq(list_format_parse("NAMES"), -1);
	ck_assert_int_eq(list_format_parse(""), -1);
}
END_TEST

/* Files: a good one, and those that nothing can be read from. */
START_TEST(files)
{
	struct list_options options = {.format = LIST_FORMAT_NAMES};
	char folder[] = "/tmp/test_lists.XXXXXX", path[64];
	uint8_t name[DNS_NAME_MAX];
	struct name_match match;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/list", folder);
	ck_assert_ptr_null(list_load_names(path, &options, 7, &report));
	ck_assert_str_eq(report.failure, "No such file or directory");
	ck_assert_ptr_null(list_load_names(folder, &options, 7, &report));
	ck_assert_str_eq(report.failure, "Is a directory");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_ptr_null(list_load_names(path, &options, 7, &report));
	ck_assert_str_eq(report.failure, "is not a file");
	ck_assert_int_eq(unlink(path), 0);

	FILE *file = fopen(path, "w");
	ck_assert_ptr_null(list_load_names(path, &options, 7, &report));
	ck_assert_str_eq(report.failure, "is empty");
	for (unsigned i = 0; i < 100000; i++)
		fprintf(file, "host%u.example\n", i);
	fclose(file);
	struct name_index *index = list_load_names(path, &options, 7, &report);
	ck_assert_ptr_nonnull(index);
	ck_assert_uint_eq(name_index_count(index), 100000);
	ck_assert_uint_eq(report.entries, 100000);
	int length = dns_name_parse("www.host99999.example", 21, name);
	ck_assert(name_index_find(index, name, (size_t)length, &match));
	ck_assert_uint_eq(match.value, 7);
	name_index_free(index);
	unlink(path);
	rmdir(folder);
}
END_TEST

static Suite *lists_suite(void)
{
	Suite *suite = suite_create("lists");
	TCase *tcase = tcase_create("lists");
	tcase_add_test(tcase, names);
	tcase_add_loop_test(tcase, names_broken, 0,
			    (int)(sizeof(broken_names) / sizeof(broken_names[0])));
	tcase_add_test(tcase, names_nul);
	tcase_add_test(tcase, names_long_line);
	tcase_add_test(tcase, messages_bounded);
	tcase_add_test(tcase, hosts);
	tcase_add_loop_test(tcase, hosts_broken, 0,
			    (int)(sizeof(broken_hosts) / sizeof(broken_hosts[0])));
	tcase_add_test(tcase, hosts_partly_broken);
	tcase_add_test(tcase, cdb_keys);
	tcase_add_test(tcase, cdb_broken_keys);
	tcase_add_test(tcase, cdb_cut_off);
	tcase_add_test(tcase, empty);
	tcase_add_test(tcase, sink_ends_it);
	tcase_add_test(tcase, stop_ends_it);
	tcase_add_test(tcase, format_names);
	tcase_add_test(tcase, files);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(lists_suite)
