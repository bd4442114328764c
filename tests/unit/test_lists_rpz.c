/* SPDX-License-Identifier: BSD-2-Clause */
/* Response policy zones: the zone file format, triggers, policies, and each way to be broken. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "control/lists/lists.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"
#include "tests/unit/unit.h"

static struct list_report report;
static char folder[] = "/tmp/test_lists_rpz.XXXXXX";
static char path[64];

static void folder_make(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/zone", folder);
}

static void folder_remove(void)
{
	unlink(path);
	rmdir(folder);
}

static struct rpz_zone *load(const char *text)
{
	struct list_options options = {0};
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return list_load_rpz(path, &options, &report);
}

/* A zone that is read without an error. */
static struct rpz_zone *load_clean(const char *text)
{
	struct rpz_zone *zone = load(text);
	ck_assert_msg(zone != NULL, "%s; %s", report.failure, report.messages[0].text);
	ck_assert_msg(report.errors == 0, "line %u: %s", (unsigned)report.messages[0].line,
		      report.messages[0].text);
	return zone;
}

static bool name_find(const struct rpz_zone *zone, const uint8_t *name, size_t length,
		      struct rpz_match *match)
{
	struct name_match found;
	return name_index_find(zone->names, name, length, &found) &&
	       rpz_match_of(zone, &found, match);
}

static const struct rpz_action *action_find(const struct rpz_zone *zone, const char *name,
					    struct rpz_match *match)
{
	uint8_t wire[DNS_NAME_MAX];
	int length = dns_name_parse(name, strlen(name), wire);
	ck_assert_int_gt(length, 0);
	return name_find(zone, wire, (size_t)length, match) ? match->action : NULL;
}

/* The policy for a name as text, "none" if nothing covers it. */
static const char *policy(const struct rpz_zone *zone, const char *name)
{
	struct rpz_match match;
	const struct rpz_action *action = action_find(zone, name, &match);
	return action ? rpz_policy_name(action->policy) : "none";
}

/* The policy for an address. */
static const char *address_policy(const struct rpz_zone *zone, const struct prefix_index *prefixes,
				  const char *text)
{
	uint8_t address[16];
	struct rpz_match match;
	bool ipv6 = strchr(text, ':') != NULL;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address), 1);
	if (!rpz_find_address(zone, prefixes, address, ipv6, &match))
		return "none";
	return rpz_policy_name(match.action->policy);
}

/* The local data for a name and type, as hexadecimal digits with a blank behind each record. */
static const char *data(const struct rpz_zone *zone, const char *name, uint16_t qtype)
{
	static char hex[4096];
	struct rpz_match match;
	const struct rpz_record *records;
	const struct rpz_action *action = action_find(zone, name, &match);
	size_t at = 0;

	ck_assert_ptr_nonnull(action);
	ck_assert_uint_eq(action->policy, RPZ_DATA);
	unsigned count = rpz_action_records(zone, action, qtype, &records);
	hex[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		for (unsigned n = 0; n < records[i].length; n++, at += 2)
			snprintf(hex + at, sizeof(hex) - at, "%02x",
				 zone->bytes[records[i].at + n]);
		at += (size_t)snprintf(hex + at, sizeof(hex) - at, " ");
	}
	return hex;
}

#define HEAD                                                                                       \
	"$TTL 2h\n$ORIGIN rpz.example.\n"                                                          \
	"@ IN SOA ns hostmaster.example. (\n\t7 ; serial\n\t3600 600 1w\n 30 )\n"                   \
	"  IN NS ns.example.\n"

START_TEST(policies)
{
	struct rpz_zone *zone = load_clean(
		HEAD "nx.test CNAME .\n*.nx.test CNAME .\nnodata.test CNAME *.\n"
		     "pass.test CNAME rpz-passthru.\ndrop.test CNAME RPZ-Drop.\n"
		     "tcp.test CNAME rpz-tcp-only.\nself.test CNAME self.test.\n"
		     "*.old.test CNAME *.old.test.\n"
		     "both.test CNAME rpz-passthru.\n*.both.test CNAME .\n"
		     "cname.test CNAME walled.example.\n*.wild.test CNAME *.garden.example.\n");
	ck_assert_str_eq(policy(zone, "nx.test"), "nxdomain");
	ck_assert_str_eq(policy(zone, "a.b.NX.test"), "nxdomain");
	ck_assert_str_eq(policy(zone, "nodata.test"), "nodata");
	ck_assert_str_eq(policy(zone, "x.nodata.test"), "none");
	ck_assert_str_eq(policy(zone, "pass.test"), "passthru");
	ck_assert_str_eq(policy(zone, "drop.test"), "drop");
	ck_assert_str_eq(policy(zone, "tcp.test"), "tcp-only");
	ck_assert_str_eq(policy(zone, "self.test"), "passthru");
	ck_assert_str_eq(policy(zone, "old.test"), "none");
	ck_assert_str_eq(policy(zone, "x.old.test"), "passthru");
	ck_assert_str_eq(policy(zone, "both.test"), "passthru");
	ck_assert_str_eq(policy(zone, "x.both.test"), "nxdomain");
	ck_assert_str_eq(policy(zone, "cname.test"), "data");
	ck_assert_str_eq(policy(zone, "x.wild.test"), "wildcard-cname");
	ck_assert_str_eq(policy(zone, "test"), "none");
	ck_assert_uint_eq(report.entries, 12);
	ck_assert_uint_gt(rpz_zone_memory(zone), name_index_memory(zone->names));
	rpz_zone_free(zone);
}
END_TEST

START_TEST(soa)
{
	struct rpz_zone *zone = load_clean(HEAD "x CNAME .\n");
	ck_assert(dns_name_equal(zone->soa.zone, zone->soa.zone_length,
				 (const uint8_t *)"\3rpz\7example", 13));
	ck_assert(dns_name_equal(zone->soa.mname, zone->soa.mname_length,
				 (const uint8_t *)"\2ns\3rpz\7example", 16));
	ck_assert(dns_name_equal(zone->soa.rname, zone->soa.rname_length,
				 (const uint8_t *)"\12hostmaster\7example", 20));
	ck_assert_uint_eq(zone->soa.ttl, 30);
	ck_assert_uint_eq(zone->soa.serial, 7);
	ck_assert_uint_eq(zone->soa.refresh, 3600);
	ck_assert_uint_eq(zone->soa.retry, 600);
	ck_assert_uint_eq(zone->soa.expire, 604800);
	ck_assert_uint_eq(zone->soa.minimum, 30);
	rpz_zone_free(zone);
	zone = load_clean("x CNAME .\n");
	ck_assert_uint_eq(zone->soa.zone_length, 1);
	ck_assert(dns_name_equal(zone->soa.rname, zone->soa.rname_length,
				 (const uint8_t *)"\11localhost", 11));
	ck_assert_uint_eq(zone->soa.serial, 1);
	ck_assert_uint_eq(zone->soa.minimum, 60);
	rpz_zone_free(zone);
}
END_TEST

static uint32_t ttl(const struct rpz_zone *zone, const char *name)
{
	struct rpz_match match;
	return zone->records[action_find(zone, name, &match)->first].ttl;
}

/* Where no TTL is stated the SOA's minimum is one. */
START_TEST(no_ttl)
{
	struct rpz_zone *zone = load_clean("@ SOA ns. h. 7 1h 10m 1w 45\na A 192.0.2.1\n"
					   "b 9 A 192.0.2.2\nc A 192.0.2.3\n");
	ck_assert_uint_eq(zone->soa.ttl, 45);
	ck_assert_uint_eq(ttl(zone, "a"), 45);
	ck_assert_uint_eq(ttl(zone, "b"), 9);
	ck_assert_uint_eq(ttl(zone, "c"), 45);
	rpz_zone_free(zone);
	zone = load_clean("$TTL 0\n@ SOA ns. h. 7 1h 10m 1w 45\na A 192.0.2.1\n");
	ck_assert_uint_eq(ttl(zone, "a"), 0);
	rpz_zone_free(zone);
}
END_TEST

/* The ways to write the same: owners left out, case, escapes, DOS lines, other orders. */
START_TEST(zone_format)
{
	struct rpz_zone *zone = load_clean(
		"\xef\xbb\xbf" "$ORIGIN .\r\n; comment\r\nRPZ.example 60 IN SOA a. b. 1 2 3 4 5\r\n"
		"$ORIGIN rpz.EXAMPLE.\r\n"
		"a 10 IN A 192.0.2.1 ; comment (with) \"marks\"\r\n"
		"\tIN 20 A 192.0.2.2\n  AAAA 2001:db8::1\n \t\n\n"
		"b\\.c.d TXT \"a;b (\\\" \\065\" plain \"\"\n"
		"e.rpz.example. ( ; open\n  A\n192.0.2.3 )\n"
		"$ORIGIN sub.rpz.example.\n@ CNAME .\nf CNAME @\n"
		"g CNAME h ; relative\n"
		"$TTL 1h30m\ni TYPE65 \\# 5 0001 00 00ff\nj TYPE1 192.0.2.4\nk IN 1d A 192.0.2.5\n");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_A), "c0000201 c0000202 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_AAAA), "20010db8000000000000000000000001 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_ANY), "c0000201 c0000202 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_MX), "");
	ck_assert_str_eq(data(zone, "b\\.c.d", DNS_TYPE_TXT), "08613b62202822204105706c61696e00 ");
	ck_assert_str_eq(data(zone, "e", DNS_TYPE_A), "c0000203 ");
	ck_assert_str_eq(policy(zone, "sub"), "nxdomain");
	ck_assert_str_eq(data(zone, "f.sub", DNS_TYPE_A), "037375620372707a076578616d706c6500 ");
	ck_assert_str_eq(data(zone, "g.sub", DNS_TYPE_A),
			 "0168037375620372707a076578616d706c6500 ");
	ck_assert_str_eq(data(zone, "i.sub", DNS_TYPE_HTTPS), "00010000ff ");
	ck_assert_str_eq(data(zone, "j.sub", DNS_TYPE_A), "c0000204 ");
	struct rpz_match match;
	const struct rpz_action *action = action_find(zone, "i.sub", &match);
	ck_assert_uint_eq(zone->records[action->first].ttl, 5400);
	action = action_find(zone, "a", &match);
	ck_assert_uint_eq(zone->records[action->first].ttl, 10);
	ck_assert_uint_eq(zone->records[action->first + 1].ttl, 20);
	action = action_find(zone, "k.sub", &match);
	ck_assert_uint_eq(zone->records[action->first].ttl, 86400);
	rpz_zone_free(zone);
}
END_TEST

START_TEST(data_types)
{
	struct rpz_zone *zone = load_clean(
		HEAD "a MX 10 mail.example.\n  SRV 1 2 3 t.\n  PTR p.\n  CAA 0 issue \"ca.example\"\n"
		     "  HINFO cpu os\n  NAPTR 1 2 u sip \"!x!\" .\n  SPF v=spf1\n  RP a. b.\n");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_MX), "000a046d61696c076578616d706c6500 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_SRV), "000100020003017400 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_PTR), "017000 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_CAA), "0005697373756563612e6578616d706c65 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_HINFO), "03637075026f73 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_NAPTR), "000100020175037369700321782100 ");
	ck_assert_str_eq(data(zone, "a", 99), "06763d73706631 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_RP), "016100016200 ");
	rpz_zone_free(zone);
}
END_TEST

/* Records of an owner that stand apart are one set; equal sets are one action. */
START_TEST(sets)
{
	struct rpz_zone *zone = load_clean(
		HEAD "a A 192.0.2.1\nb A 192.0.2.1\na AAAA ::1\nc A 192.0.2.1\na A 192.0.2.1\n"
		     "*.c A 192.0.2.9\nc A 192.0.2.2\n*.b CNAME .\n");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_A), "c0000201 ");
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_AAAA), "00000000000000000000000000000001 ");
	ck_assert_str_eq(data(zone, "c", DNS_TYPE_A), "c0000201 c0000202 ");
	ck_assert_str_eq(data(zone, "x.c", DNS_TYPE_A), "c0000209 ");
	ck_assert_str_eq(policy(zone, "x.b"), "nxdomain");
	rpz_zone_free(zone);
	zone = load_clean(HEAD "a A 192.0.2.1\nb A 192.0.2.1\n*.a A 192.0.2.1\nc A 192.0.2.2\n");
	struct rpz_match a, b, c;
	action_find(zone, "a", &a);
	ck_assert(!a.wildcard && a.offset == 0);
	ck_assert_ptr_eq(a.action, action_find(zone, "b", &b));
	ck_assert_ptr_eq(a.action, action_find(zone, "x.a", &b));
	ck_assert(b.wildcard && b.offset == 2);
	ck_assert_ptr_ne(a.action, action_find(zone, "c", &c));
	rpz_zone_free(zone);
}
END_TEST

START_TEST(conflicts)
{
	struct rpz_zone *zone = load(HEAD "a A 192.0.2.1\na CNAME x.\nb CNAME .\nb A 192.0.2.2\n"
					  "c CNAME x.\nz A ::\nc A 192.0.2.1\n");
	ck_assert_ptr_nonnull(zone);
	ck_assert_uint_eq(report.errors, 4);
	ck_assert_uint_eq(report.messages[0].line, 13);
	ck_assert_uint_eq(report.messages[1].line, 0);
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_A), "c0000201 ");
	ck_assert_str_eq(data(zone, "b", DNS_TYPE_A), "c0000202 ");
	ck_assert_str_eq(data(zone, "c", DNS_TYPE_A), "017800 ");
	rpz_zone_free(zone);
}
END_TEST

START_TEST(too_many_records)
{
	char text[8192] = HEAD;
	for (unsigned i = 0; i < 70; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "a A 192.0.2.%u\n", i);
	struct rpz_zone *zone = load(text);
	struct rpz_match match;
	ck_assert_ptr_nonnull(zone);
	ck_assert_uint_eq(action_find(zone, "a", &match)->count, 64);
	ck_assert_uint_eq(report.errors, 6);
	rpz_zone_free(zone);
}
END_TEST

START_TEST(wild_target)
{
	struct rpz_zone *zone = load_clean(HEAD "*.x CNAME *.garden.example.\n");
	uint8_t name[DNS_NAME_MAX], target[DNS_NAME_MAX];
	char text[DNS_NAME_TEXT_SIZE];
	struct rpz_match match;
	int length = dns_name_parse("a.b.x", 5, name);

	ck_assert(name_find(zone, name, (size_t)length, &match));
	size_t size = rpz_wild_target(zone, match.action, name, (size_t)length, target);
	ck_assert_uint_eq(size, 22);
	ck_assert_int_gt(dns_name_print(target, text, sizeof(text), true), 0);
	ck_assert_str_eq(text, "a.b.x.garden.example.");
	/* 239 bytes before the root and the 16 of the target are one too many for 254. */
	memset(name, 1, sizeof(name));
	memcpy(name + 237, "\1x", 3);
	for (unsigned at = 0; at < 237; at += name[at] + 1u)
		name[at] = 1;
	name[234] = 2;
	ck_assert_uint_eq(rpz_wild_target(zone, match.action, name, 240, target), 255);
	ck_assert_uint_eq(rpz_wild_target(zone, match.action, name, 241, target), 0);
	rpz_zone_free(zone);
}
END_TEST

START_TEST(addresses)
{
	struct rpz_zone *zone = load_clean(
		HEAD "24.0.2.0.192.rpz-ip CNAME .\n32.1.2.0.192.rpz-ip CNAME rpz-passthru.\n"
		     "25.128.2.0.192.rpz-ip CNAME *.\n8.0.0.0.255.rpz-ip CNAME rpz-drop.\n"
		     "32.zz.db8.2001.rpz-ip CNAME .\n128.57.zz.1.0.db8.2001.rpz-ip CNAME *.\n"
		     "64.zz.1.RPZ-ip CNAME rpz-drop.\n128.8.7.6.5.4.3.2.1.rpz-ip A 192.0.2.99\n"
		     "8.0.0.0.10.rpz-client-ip CNAME rpz-passthru.\n"
		     "1.zz.8000.rpz-client-ip CNAME rpz-drop.\n"
		     "16.0.0.31.172.rpz-ip CNAME 16.0.0.31.172.RPZ-ip.\n");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.2.0"), "nxdomain");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.2.1"), "passthru");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.2.2"), "nxdomain");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.2.127"), "nxdomain");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.2.128"), "nodata");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.2.255"), "nodata");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.3.0"), "none");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.1.255"), "none");
	ck_assert_str_eq(address_policy(zone, zone->answers, "0.0.0.0"), "none");
	ck_assert_str_eq(address_policy(zone, zone->answers, "255.255.255.255"), "drop");
	ck_assert_str_eq(address_policy(zone, zone->answers, "10.1.2.3"), "none");
	ck_assert_str_eq(address_policy(zone, zone->answers, "172.31.0.1"), "passthru");
	ck_assert_str_eq(address_policy(zone, zone->answers, "2001:db8::"), "nxdomain");
	ck_assert_str_eq(address_policy(zone, zone->answers, "2001:db8:0:1::57"), "nodata");
	ck_assert_str_eq(address_policy(zone, zone->answers, "2001:db8:0:1::58"), "nxdomain");
	ck_assert_str_eq(address_policy(zone, zone->answers, "2001:db9::"), "none");
	ck_assert_str_eq(address_policy(zone, zone->answers, "1::ffff"), "drop");
	ck_assert_str_eq(address_policy(zone, zone->answers, "1:0:0:1::"), "none");
	ck_assert_str_eq(address_policy(zone, zone->answers, "1:2:3:4:5:6:7:8"), "data");
	ck_assert_str_eq(address_policy(zone, zone->clients, "10.255.255.255"), "passthru");
	ck_assert_str_eq(address_policy(zone, zone->clients, "11.0.0.0"), "none");
	ck_assert_str_eq(address_policy(zone, zone->clients, "::"), "none");
	ck_assert_str_eq(address_policy(zone, zone->clients, "ffff::"), "drop");
	ck_assert_uint_eq(name_index_count(zone->names), 0);
	rpz_zone_free(zone);
}
END_TEST

START_TEST(unsupported)
{
	struct rpz_zone *zone = load_clean(
		HEAD "a CNAME .\nns.example.rpz-nsdname CNAME .\n32.1.2.0.192.rpz-nsip CNAME .\n"
		     "@ TXT \"about the zone\"\na RRSIG CNAME 8 3 60 ( x\n y )\nb DNSKEY 1 2 3 x\n");
	ck_assert_uint_eq(report.unsupported, 2);
	ck_assert_uint_eq(report.entries, 1);
	ck_assert_uint_eq(name_index_count(zone->names), 1);
	rpz_zone_free(zone);
}
END_TEST

static const struct {
	const char *lines;
	const char *message;
	uint64_t line; /* of the ones here */
} broken[] = {
	{"a CNAME", "data that is not complete", 1},
	{"a CNAME . x", "more data than the type has", 1},
	{"a CNAME rpz-unknown.", "a policy that is unknown", 1},
	{"a NONSENSE x", "a type that is unknown", 1},
	{"a 60 IN", "no type", 1},
	{"a", "no type", 1},
	{"a CH TXT x", "not of class IN", 1},
	{"a..b CNAME .", "no name", 1},
	{"\"\" CNAME .", "an empty name", 1},
	{"a CNAME b..c", "no name", 1},
	{"a A 192.0.2", "an address that is none", 1},
	{"a A 192.0.2.1 192.0.2.2", "more data", 1},
	{"a AAAA 192.0.2.1", "an address that is none", 1},
	{"a AAAA 1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", "an address that", 1},
	{"a MX 65536 b", "a number that is none", 1},
	{"a MX x b", "a number that is none", 1},
	{"a TXT", "data that is not complete", 1},
	{"a TXT \"open", "quotes that are not closed", 1},
	{"a TXT x\\", "a broken escape", 1},
	{"a TXT \\999", "a broken escape", 1},
	{"a TXT ) x", "a parenthesis is closed", 1},
	{"a HTTPS 1 . alpn=h2", "can only be written as \\#", 1},
	{"a A \\# 3 c00002", "an address that is none", 1},
	{"a AAAA \\# 4 c0000201", "an address that is none", 1},
	{"a TYPE65 \\# 2 00", "data of another length", 1},
	{"a TYPE65 \\# 1 0x", "not hexadecimal", 1},
	{"a TYPE65 \\# 70000 00", "a number that is none", 1},
	{"a TYPE65 \\# 1 000", "data of another length", 1},
	{"a TYPE41 \\# 0", "a type that cannot be local data", 1},
	{"a TYPE0 \\# 0", "a type that cannot be local data", 1},
	{"a NS b.", "a type that cannot be local data", 1},
	{"a DNAME b.", "a type that cannot be local data", 1},
	{"a TYPE65536 \\# 0", "a type that is unknown", 1},
	{"a.elsewhere. CNAME .", "a name that is not in the zone", 1},
	{"$INCLUDE other", "a directive that is not supported", 1},
	{"$GENERATE 1-3 a$ CNAME .", "a directive that is not supported", 1},
	{"$TTL x", "no time behind $TTL", 1},
	{"$TTL 1h2", "", 0},
	{"$TTL 99999999999", "no time behind $TTL", 1},
	{"33.1.2.0.192.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
	{"0.0.0.0.0.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
	{"24.1.2.0.192.rpz-ip CNAME .", "bits behind its prefix", 1},
	{"32.256.2.0.192.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
	{"rpz-ip CNAME .", "without the length of a prefix", 1},
	{"x.rpz-ip CNAME .", "without the length of a prefix", 1},
	{"x.1.rpz-ip CNAME .", "without the length of a prefix", 1},
	{"128.zz.1.zz.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
	{"128.1.2.3.4.5.6.7.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
	{"128.1.2.3.4.5.6.7.8.9.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
	{"128.zz.1.2.3.4.5.6.7.8.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
	{"128.10000.zz.1.rpz-ip CNAME .", "an address trigger that is no prefix", 1},
};

START_TEST(broken_records)
{
	char text[1024];
	snprintf(text, sizeof(text), HEAD "first CNAME .\n%s\nlast CNAME .\n", broken[_i].lines);
	struct rpz_zone *zone = load(text);
	ck_assert_ptr_nonnull(zone);
	ck_assert_str_eq(policy(zone, "first"), "nxdomain");
	ck_assert_str_eq(policy(zone, "last"), "nxdomain");
	ck_assert_uint_eq(name_index_count(zone->names), 2);
	ck_assert_uint_eq(report.errors, broken[_i].line != 0);
	if (report.errors > 0) {
		ck_assert_uint_eq(report.messages[0].line, 8 + broken[_i].line);
		ck_assert_msg(strstr(report.messages[0].text, broken[_i].message) != NULL,
			      "\"%s\"", report.messages[0].text);
	}
	rpz_zone_free(zone);
}
END_TEST

/* What follows a broken owner or origin without saying whose it is has no owner. */
START_TEST(broken_before)
{
	struct rpz_zone *zone = load(HEAD "a A 192.0.2.1\nb..c A 192.0.2.2\n  A 192.0.2.3\n"
					  "d A \"192.0.2.4\n  A 192.0.2.5\n"
					  "e A x\n  A 192.0.2.6\n"
					  "$ORIGIN x..y\nf A 192.0.2.7\nf.rpz.example. A 192.0.2.8\n");
	ck_assert_ptr_nonnull(zone);
	ck_assert_uint_eq(report.errors, 7);
	ck_assert_str_eq(data(zone, "a", DNS_TYPE_A), "c0000201 ");
	ck_assert_str_eq(policy(zone, "d"), "none");
	ck_assert_str_eq(data(zone, "e", DNS_TYPE_A), "c0000206 ");
	ck_assert_str_eq(data(zone, "f", DNS_TYPE_A), "c0000208 ");
	ck_assert_uint_eq(name_index_count(zone->names), 3);
	rpz_zone_free(zone);
}
END_TEST

/* A parenthesis that nobody closes costs some lines, not the file. */
START_TEST(open_parenthesis)
{
	enum { SIZE = 65536 };
	char *text = malloc(SIZE);
	strcpy(text, HEAD "a TXT ( x\n");
	for (unsigned i = 0; i < 1000; i++)
		snprintf(text + strlen(text), SIZE - strlen(text), "n%u CNAME .\n", i);
	struct rpz_zone *zone = load(text);
	ck_assert_ptr_nonnull(zone);
	ck_assert_uint_eq(report.errors, 1);
	ck_assert_uint_eq(report.messages[0].line, 8);
	ck_assert_str_eq(policy(zone, "n0"), "none");
	ck_assert_str_eq(policy(zone, "n300"), "nxdomain");
	rpz_zone_free(zone);
	strcpy(text, HEAD "a CNAME rpz-passthru.\nb TXT (\n");
	for (unsigned i = 1; i < 256; i++)
		strcat(text, "x\n");
	strcat(text, "  A 192.0.2.1\nc CNAME .\n");
	zone = load(text);
	ck_assert_ptr_nonnull(zone);
	ck_assert_uint_eq(report.errors, 2);
	ck_assert_str_eq(policy(zone, "a"), "passthru");
	ck_assert_str_eq(policy(zone, "c"), "nxdomain");
	rpz_zone_free(zone);
	zone = load(HEAD "a CNAME .\nb TXT ( x\n");
	ck_assert_ptr_nonnull(zone);
	ck_assert_uint_eq(report.errors, 1);
	ck_assert_str_eq(policy(zone, "a"), "nxdomain");
	rpz_zone_free(zone);
	free(text);
}
END_TEST

/* A line that is too long may have begun a record, or ended one. */
START_TEST(long_lines)
{
	enum { LONG = 70000 };
	char *text = malloc(4 * LONG), *x = malloc(LONG + 1);
	memset(x, 'x', LONG);
	x[LONG] = '\0';
	snprintf(text, 4 * LONG,
		 HEAD "a CNAME rpz-passthru.\nb TXT \"%s\"\n  A 192.0.2.1\n"
		      "c TXT ( y\n\"%s\" )\nd A 192.0.2.2\n  A 192.0.2.3\n", x, x);
	struct rpz_zone *zone = load(text);
	ck_assert_ptr_nonnull(zone);
	ck_assert_uint_eq(report.errors, 3);
	ck_assert_str_eq(policy(zone, "a"), "passthru");
	ck_assert_str_eq(policy(zone, "b"), "none");
	ck_assert_str_eq(policy(zone, "c"), "none");
	ck_assert_str_eq(data(zone, "d", DNS_TYPE_A), "c0000202 c0000203 ");
	rpz_zone_free(zone);
	free(text);
	free(x);
}
END_TEST

START_TEST(no_origin)
{
	struct rpz_zone *zone = load_clean("$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\n"
					   "  NS localhost.\nbad.example CNAME .\n*.bad.example. CNAME .\n"
					   "32.1.2.0.192.rpz-ip CNAME .\n");
	ck_assert_str_eq(policy(zone, "bad.example"), "nxdomain");
	ck_assert_str_eq(policy(zone, "x.bad.example"), "nxdomain");
	ck_assert_str_eq(address_policy(zone, zone->answers, "192.0.2.1"), "nxdomain");
	rpz_zone_free(zone);
	zone = load_clean("* CNAME .\n");
	ck_assert_str_eq(policy(zone, "any.name"), "nxdomain");
	ck_assert_str_eq(policy(zone, "."), "none");
	rpz_zone_free(zone);
}
END_TEST

START_TEST(nothing_usable)
{
	ck_assert_ptr_null(load(HEAD));
	ck_assert_str_eq(report.failure, "has no usable entry; 0 of 7 lines are broken");
	ck_assert_ptr_null(load(""));
	ck_assert_str_eq(report.failure, "is empty");
	struct list_options options = {.format = LIST_FORMAT_RPZ};
	rpz_zone_free(load(HEAD "32.1.2.0.192.rpz-ip CNAME .\n"));
	ck_assert_ptr_null(list_load_names(path, &options, 1, &report));
	ck_assert_ptr_null(list_load_rpz("/nonexistent/zone", &options, &report));
	ck_assert_str_eq(report.failure, "No such file or directory");
}
END_TEST

START_TEST(as_names)
{
	struct list_options options = {.format = LIST_FORMAT_RPZ};
	struct name_match match;
	rpz_zone_free(load_clean(HEAD "a.test CNAME .\n*.b.test A 192.0.2.1\n"));
	struct name_index *index = list_load_names(path, &options, 5, &report);
	ck_assert_ptr_nonnull(index);
	ck_assert(name_index_find(index, (const uint8_t *)"\1a\4test", 8, &match));
	ck_assert_uint_eq(match.value, 5);
	ck_assert(!name_index_find(index, (const uint8_t *)"\1b\4test", 8, NULL));
	ck_assert(name_index_find(index, (const uint8_t *)"\1x\1b\4test", 10, NULL));
	name_index_free(index);
}
END_TEST

static Suite *lists_rpz_suite(void)
{
	Suite *suite = suite_create("lists_rpz");
	TCase *tcase = tcase_create("lists_rpz");
	tcase_add_checked_fixture(tcase, folder_make, folder_remove);
	tcase_add_test(tcase, policies);
	tcase_add_test(tcase, soa);
	tcase_add_test(tcase, no_ttl);
	tcase_add_test(tcase, zone_format);
	tcase_add_test(tcase, data_types);
	tcase_add_test(tcase, sets);
	tcase_add_test(tcase, conflicts);
	tcase_add_test(tcase, too_many_records);
	tcase_add_test(tcase, wild_target);
	tcase_add_test(tcase, addresses);
	tcase_add_test(tcase, unsupported);
	tcase_add_loop_test(tcase, broken_records, 0, (int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_test(tcase, broken_before);
	tcase_add_test(tcase, open_parenthesis);
	tcase_add_test(tcase, long_lines);
	tcase_add_test(tcase, no_origin);
	tcase_add_test(tcase, nothing_usable);
	tcase_add_test(tcase, as_names);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(lists_rpz_suite)
