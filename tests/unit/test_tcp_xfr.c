/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/tcp/xfr.h"

#include <string.h>

#include "dataplane/dns/message.h"
#include "tests/unit/unit.h"

struct message {
	size_t length;
	uint8_t bytes[2048];
};

/* Records of the root: a number is a SOA of that serial, 0 an A record. */
static struct message message_of(uint16_t qtype, enum dns_section section, const uint32_t *records,
				 unsigned count)
{
	struct message m = {.length = DNS_HEADER_SIZE + 5};
	uint8_t *at = m.bytes + DNS_HEADER_SIZE;
	dns_counts_store(m.bytes, 1, 0, 0, 0);
	dns_count_store(m.bytes, section, (uint16_t)count);
	dns_u16_store(at + 1, qtype);
	dns_u16_store(at + 3, DNS_CLASS_IN);
	for (unsigned i = 0; i < count; i++) {
		uint16_t size = records[i] != 0 ? 22 : 4;
		at = m.bytes + m.length;
		memset(at, 0, 11 + (size_t)size);
		dns_u16_store(at + 1, records[i] != 0 ? DNS_TYPE_SOA : DNS_TYPE_A);
		dns_u16_store(at + 3, DNS_CLASS_IN);
		dns_u16_store(at + 9, size);
		if (records[i] != 0)
			dns_u32_store(at + 13, records[i]);
		m.length += 11 + (size_t)size;
	}
	return m;
}

#define LIST(...) (const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4

/* A query of a client that has version `serial`, 0: it does not say. */
static struct tcp_xfr begun(uint16_t qtype, uint32_t serial)
{
	struct message query = message_of(qtype, DNS_SECTION_AUTHORITY, &serial, serial != 0);
	struct tcp_xfr xfr;
	tcp_xfr_begin(&xfr, query.bytes, query.length, qtype);
	return xfr;
}

static bool ends(struct tcp_xfr *xfr, const uint32_t *records, unsigned count)
{
	struct message m = message_of(DNS_TYPE_AXFR, DNS_SECTION_ANSWER, records, count);
	return tcp_xfr_ended(xfr, m.bytes, m.length);
}

START_TEST(whole_zone)
{
	struct tcp_xfr xfr = begun(DNS_TYPE_AXFR, 0);
	ck_assert(ends(&xfr, LIST(7, 0, 0, 7)));
	xfr = begun(DNS_TYPE_AXFR, 0);
	ck_assert(!ends(&xfr, LIST(7)));
	ck_assert(!ends(&xfr, LIST(0)));
	ck_assert(!ends(&xfr, LIST(0, 0)));
	ck_assert(ends(&xfr, LIST(7)));
	/* In answer to an IXFR. */
	xfr = begun(DNS_TYPE_IXFR, 3);
	ck_assert(!ends(&xfr, LIST(7, 0)));
	ck_assert(ends(&xfr, LIST(0, 7)));
	xfr = begun(DNS_TYPE_IXFR, 3);
	ck_assert(!ends(&xfr, LIST(7)));
	ck_assert(ends(&xfr, LIST(0, 7)));
}
END_TEST

START_TEST(differences)
{
	struct tcp_xfr xfr = begun(DNS_TYPE_IXFR, 5);
	ck_assert(ends(&xfr, LIST(7, 5, 0, 6, 0, 6, 0, 7, 0, 7)));
	xfr = begun(DNS_TYPE_IXFR, 5);
	ck_assert(!ends(&xfr, LIST(7)));
	ck_assert(!ends(&xfr, LIST(5, 0, 7)));
	ck_assert(ends(&xfr, LIST(0, 7)));
}
END_TEST

/* Over UDP's size the server says SOA alone, too; over TCP that there is nothing newer. */
START_TEST(nothing_newer)
{
	struct tcp_xfr xfr = begun(DNS_TYPE_IXFR, 7);
	ck_assert(ends(&xfr, LIST(7)));
	xfr = begun(DNS_TYPE_IXFR, 9);
	ck_assert(ends(&xfr, LIST(7)));
	xfr = begun(DNS_TYPE_IXFR, 0xfffffff0);
	ck_assert(!ends(&xfr, LIST(7))); /* RFC 1982: 7 is newer */
	xfr = begun(DNS_TYPE_IXFR, 0);
	ck_assert(ends(&xfr, LIST(7)));
}
END_TEST

START_TEST(no_zone)
{
	struct tcp_xfr xfr = begun(DNS_TYPE_AXFR, 0);
	ck_assert(ends(&xfr, LIST(0)));
	xfr = begun(DNS_TYPE_AXFR, 0);
	ck_assert(ends(&xfr, NULL, 0));
	struct message refused = message_of(DNS_TYPE_AXFR, DNS_SECTION_ANSWER, LIST(7));
	refused.bytes[3] = DNS_RCODE_REFUSED;
	xfr = begun(DNS_TYPE_AXFR, 0);
	ck_assert(tcp_xfr_ended(&xfr, refused.bytes, refused.length));
	/* Cut off, at every length. */
	struct message m = message_of(DNS_TYPE_AXFR, DNS_SECTION_ANSWER, LIST(7, 0, 0));
	for (size_t length = 0; length < m.length; length++) {
		xfr = begun(DNS_TYPE_AXFR, 0);
		ck_assert(tcp_xfr_ended(&xfr, m.bytes, length));
	}
}
END_TEST

static Suite *tcp_xfr_suite(void)
{
	Suite *suite = suite_create("tcp_xfr");
	TCase *all = tcase_create("all");
	tcase_add_test(all, whole_zone);
	tcase_add_test(all, differences);
	tcase_add_test(all, nothing_newer);
	tcase_add_test(all, no_zone);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(tcp_xfr_suite)
