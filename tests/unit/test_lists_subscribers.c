/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of subscribers: what is read, each way to be broken, and the table that comes of a file. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "control/lists/lists.h"
#include "tests/unit/unit.h"

static char found[65536]; /* "prefix[:first-last] id key=value ...\n" for each entry */
static struct list_report report;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list arguments;
	size_t used = strlen(found);
	va_start(arguments, format);
	int length = vsnprintf(found + used, sizeof(found) - used, format, arguments);
	va_end(arguments);
	ck_assert_uint_lt((size_t)length, sizeof(found) - used);
}

static int entry_note(void *data, const struct list_entry *entry)
{
	const struct subscriber_entry *subscriber = entry->subscriber;
	char text[64];
	(void)data;
	ck_assert_int_gt(prefix_print(&subscriber->prefix, text, sizeof(text)), 0);
	note("%s", text);
	if (subscriber->ports)
		note(":%u-%u", subscriber->first_port, subscriber->last_port);
	note(" %.*s", (int)subscriber->id_length, subscriber->id);
	for (unsigned i = 0; i < subscriber->n_tags; i++)
		note(" %.*s=%.*s", subscriber->tags[i].key_length, subscriber->tags[i].key,
		     subscriber->tags[i].value_length, subscriber->tags[i].value);
	note("\n");
	return 0;
}

/* Reads bytes in exactly their own memory. */
static int parse_bytes(const void *bytes, size_t size)
{
	struct list_options options = {.format = LIST_FORMAT_SUBSCRIBERS};
	struct list_sink sink = {.entry = entry_note};
	void *exact = malloc(size ? size : 1);
	memcpy(exact, bytes, size);
	found[0] = '\0';
	int error = list_parse_memory(exact, size, &options, &sink, &report);
	free(exact);
	return error;
}

START_TEST(in_order)
{
	static const char text[] =
		"# subscribers\r\n"
		"; of the north\n"
		"100.64.0.1:1024-2047 sub4711 profile=kids,region=north # the first\n"
		"\t100.64.0.1:2048-2048\tcust#17;a   profile=kids ,, region=north,x=\r\n"
		"10.1.2.3/8 whole\n"
		"192.0.2.1 ;one\n"
		"192.0.2.1 one ;two\n"
		"2001:db8:0:ff00::/56 m\xc3\xbcller a=b=c\n"
		"::ffff:192.0.2.1 mapped\n"
		"0.0.0.0:0-65535 all";
	ck_assert_int_eq(parse_bytes(text, sizeof(text) - 1), 0);
	ck_assert_str_eq(found, "100.64.0.1/32:1024-2047 sub4711 profile=kids region=north\n"
				"100.64.0.1/32:2048-2048 cust#17;a profile=kids region=north x=\n"
				"10.0.0.0/8 whole\n"
				"192.0.2.1/32 one\n"
				"2001:db8:0:ff00::/56 m\xc3\xbcller a=b=c\n"
				"::ffff:192.0.2.1/128 mapped\n"
				"0.0.0.0/32:0-65535 all\n");
	ck_assert_uint_eq(report.lines, 10);
	ck_assert_uint_eq(report.entries, 7);
	ck_assert_uint_eq(report.errors, 1);
	ck_assert_uint_eq(report.messages[0].line, 6);
}
END_TEST

#define TEXT_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT_256 TEXT_64 TEXT_64 TEXT_64 TEXT_64

static const struct {
	const char *line;
	const char *message;
} broken[] = {
	{"example.com a", "\"example.com\" is no address or prefix"},
	{"192.0.2.1/33 a", "is no address or prefix"},
	{"!192.0.2.1 a", "is no address or prefix"},
	{"2001:db8::/129 a", "is no address or prefix"},
	{"[2001:db8::1]:1-2 a", "is no address or prefix"},
	{TEXT_64 " a", "..\" is no address or prefix"},
	{"192.0.2.1: a", "has no range of ports"},
	{"192.0.2.1:1024 a", "has no range of ports"},
	{"192.0.2.1:-1 a", "has no range of ports"},
	{"192.0.2.1:1- a", "has no range of ports"},
	{"192.0.2.1:2-1 a", "has no range of ports"},
	{"192.0.2.1:1-65536 a", "has no range of ports"},
	{"192.0.2.1:000001-2 a", "has no range of ports"},
	{"192.0.2.1:1-2-3 a", "has no range of ports"},
	{"192.0.2.1:1-2/32 a", "has no range of ports"},
	{"192.0.2.1/31:1-2 a", "only a single address"},
	{"192.0.2.1", "without the id"},
	{"192.0.2.1 # id", "without the id"},
	{"192.0.2.1 a\001b", "\"a?b\" has a character that no id has"},
	{"192.0.2.1 " TEXT_256, "is too long for an id"},
	{"192.0.2.1 a b", "\"b\" is no tag"},
	{"192.0.2.1 a =b", "\"=b\" is no tag"},
	{"192.0.2.1 a k=1,k=2", "\"k=2\" is a tag that the line has already"},
	{"192.0.2.1 a k=\033[2J", "has a character that no tag has"},
	{"192.0.2.1 a " TEXT_256 "=", "is too long for a tag"},
	{"192.0.2.1 a k=" TEXT_256, "is too long for a tag"},
	{"192.0.2.1 a a=,b=,c=,d=,e=,f=,g=,h=,i=,j=,k=,l=,m=,n=,o=,p=,q=",
	 "\"q=\" is one tag too many"},
};

START_TEST(lines_broken)
{
	char text[1024];
	snprintf(text, sizeof(text), "10.0.0.1 first\n%s\n10.0.0.2 last\n", broken[_i].line);
	ck_assert_int_eq(parse_bytes(text, strlen(text)), 0);
	ck_assert_str_eq(found, "10.0.0.1/32 first\n10.0.0.2/32 last\n");
	ck_assert_uint_eq(report.errors, 1);
	ck_assert_uint_eq(report.messages[0].line, 2);
	ck_assert_msg(strstr(report.messages[0].text, broken[_i].message) != NULL,
		      "\"%s\" is not in \"%s\"", broken[_i].message, report.messages[0].text);
}
END_TEST

START_TEST(at_the_bounds)
{
	char text[4096] = "192.0.2.1 ";
	strcat(text, &TEXT_256[1]);
	strcat(text, " ");
	strcat(text, &TEXT_256[1]);
	strcat(text, "=");
	strcat(text, &TEXT_256[1]);
	strcat(text, " a=,b=,c=,d=,e=,f=,g=,h=,i=,j=,k=,l=,m=,n=,o=\n");
	ck_assert_int_eq(parse_bytes(text, strlen(text)), 0);
	ck_assert_uint_eq(report.entries, 1);
	ck_assert_uint_eq(report.errors, 0);
}
END_TEST

/* A byte that ends strings in C is no end here. */
START_TEST(nul)
{
	static const char text[] = "192.0.2.1\0 a\n192.0.2.2 a\0b\n192.0.2.3 c\n";
	ck_assert_int_eq(parse_bytes(text, sizeof(text) - 1), 0);
	ck_assert_str_eq(found, "192.0.2.3/32 c\n");
	ck_assert_uint_eq(report.errors, 2);
}
END_TEST

static struct subscriber_table *load(const char *text)
{
	struct list_options options = {0};
	char path[] = "/tmp/sluice-subscribers-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	struct subscriber_table *table = list_load_subscribers(path, &options, &report);
	unlink(path);
	return table;
}

static void id_assert(const struct subscriber_table *table, const char *address, uint16_t port,
		      const char *id)
{
	struct subscriber subscriber;
	uint8_t bytes[16];
	size_t length = 0;
	bool ipv6 = strchr(address, ':') != NULL;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, address, bytes), 1);
	ck_assert(subscriber_find(table, bytes, ipv6, port, &subscriber));
	const char *text = subscriber_id(&subscriber, &length);
	ck_assert_uint_eq(length, strlen(id));
	ck_assert_mem_eq(text, id, length);
}

START_TEST(file)
{
	struct subscriber_table *table = load("100.64.0.1:2000-2999 b profile=kids\n"
					      "100.64.0.1:1000-1999 a profile=kids\n"
					      "broken\n"
					      "100.64.0.1:2999-3000 c\n"
					      "2001:db8::/56 d\n"
					      "2001:db8::/56 e\n");
	ck_assert_ptr_nonnull(table);
	id_assert(table, "100.64.0.1", 1999, "a");
	id_assert(table, "100.64.0.1", 2999, "b");
	id_assert(table, "2001:db8::9", 1, "d");
	ck_assert_uint_eq(subscriber_table_count(table), 3);
	ck_assert_uint_eq(subscriber_table_tag_sets(table), 2);
	subscriber_table_free(table);
	ck_assert_uint_eq(report.entries, 3);
	ck_assert_uint_eq(report.errors, 3);
	ck_assert_uint_eq(report.messages[0].line, 3);
	ck_assert_uint_eq(report.messages[1].line, 4);
	ck_assert_str_eq(report.messages[1].text,
			 "its ports overlap those of the same address in line 1");
	ck_assert_uint_eq(report.messages[2].line, 6);
	ck_assert_str_eq(report.messages[2].text, "the same prefix is in line 5");
}
END_TEST

START_TEST(file_useless)
{
	ck_assert_ptr_null(load(""));
	ck_assert_str_eq(report.failure, "is empty");
	ck_assert_ptr_null(load("# nothing\nno subscriber\n"));
	ck_assert_str_eq(report.failure, "has no usable entry; 1 of 2 lines are broken");
	struct list_options options = {0};
	ck_assert_ptr_null(list_load_subscribers("/nonexistent/subscribers", &options, &report));
	ck_assert_str_eq(report.failure, "No such file or directory");
}
END_TEST

static Suite *lists_subscribers_suite(void)
{
	Suite *suite = suite_create("lists_subscribers");
	TCase *tests = tcase_create("lists_subscribers");
	tcase_add_test(tests, in_order);
	tcase_add_loop_test(tests, lines_broken, 0, sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(tests, at_the_bounds);
	tcase_add_test(tests, nul);
	tcase_add_test(tests, file);
	tcase_add_test(tests, file_useless);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(lists_subscribers_suite)
