/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/icmp.h"
#include "tests/unit/net_lab.h"
#include "tests/unit/net_samples.h"
#include "tests/unit/unit.h"

#define ECHO_SLACK 128u /* what a bucket may hold beyond the rate */

static struct net_port port;
static struct icmp icmp;
static struct net_tx tx;
static struct stats stats;

static void setup(void)
{
	lab_setup();
	port = lab_port(0);
	memset(&icmp, 0, sizeof(icmp));
	memset(&tx, 0, sizeof(tx));
	memset(&stats, 0, sizeof(stats));
}

static void teardown(void)
{
	ck_assert_uint_eq(lab_outstanding, 0);
}

static bool input(struct rte_mbuf *mbuf, uint64_t now)
{
	uint8_t reason = DROP_NONE;
	enum net_class class = net_frame_classify(&port, mbuf, &reason);
	ck_assert(class == NET_CLASS_ICMP || class == NET_CLASS_ICMP6);
	return icmp_input(&icmp, &port, mbuf, now, &tx, &stats);
}

static void refused(struct rte_mbuf *mbuf)
{
	ck_assert(!input(mbuf, 5000));
	rte_pktmbuf_free(mbuf);
	ck_assert_uint_eq(stats.drop[DROP_ICMP], 0);
	ck_assert_uint_eq(tx.count, 0);
	ck_assert_uint_eq(stats.counter[STATS_ECHO], 0);
}

static struct rte_mbuf *changed(const char *hex, size_t at, uint8_t value)
{
	struct rte_mbuf *mbuf = lab_frame(hex);
	rte_pktmbuf_mtod(mbuf, uint8_t *)[at] = value;
	return mbuf;
}

START_TEST(echo_is_golden)
{
	input(lab_frame(SAMPLE_ECHO4_IN), 5000);
	ck_assert(lab_sent_is(&tx, SAMPLE_ECHO4_OUT));
	input(lab_frame(SAMPLE_ECHO6_IN), 5000);
	ck_assert(lab_sent_is(&tx, SAMPLE_ECHO6_OUT));
	ck_assert_uint_eq(stats.counter[STATS_ECHO], 2);
	ck_assert_uint_eq(stats.drop[DROP_ICMP], 0);
}
END_TEST

/* A message of nothing but zeros has the checksum that adjusting one never yields. */
START_TEST(echo_of_nothing)
{
	input(lab_frame(SAMPLE_ECHO4_NOTHING_IN), 5000);
	ck_assert(lab_sent_is(&tx, SAMPLE_ECHO4_NOTHING_OUT));
}
END_TEST

START_TEST(echo_keeps_the_vlan)
{
	port = lab_port(5);
	struct rte_mbuf *mbuf = lab_frame(SAMPLE_ECHO4_IN);
	mbuf->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	mbuf->vlan_tci = 5;
	input(mbuf, 5000);
	ck_assert(lab_sent_is(&tx, SAMPLE_ECHO4_TAGGED_OUT));
}
END_TEST

START_TEST(others_are_refused)
{
	refused(changed(SAMPLE_ECHO4_IN, 34, 13)); /* timestamp */
	refused(changed(SAMPLE_ECHO4_IN, 34, 0));  /* a reply is not replied to */
	refused(changed(SAMPLE_ECHO4_IN, 35, 1));
	refused(changed(SAMPLE_ECHO4_IN, 44, 0xff)); /* bad checksum */
	refused(changed(SAMPLE_ECHO6_IN, 54, 129));
	refused(changed(SAMPLE_ECHO6_IN, 54, 134));
	refused(changed(SAMPLE_ECHO6_IN, 64, 0xff));
	refused(lab_frame(SAMPLE_ECHO4_OPTIONS_IN));
}
END_TEST

/* Groups are not echoed to: one packet would have many answers. */
START_TEST(group_is_refused)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_NS_IN, bytes);
	bytes[54] = 128;
	lab_icmp6_seal(bytes, length);
	refused(lab_frame_bytes(bytes, length, 0));
}
END_TEST

/* The message cut after every byte, the packet's length along with it. */
START_TEST(short_is_refused)
{
	uint8_t bytes[LAB_FRAME_MAX];
	lab_bytes(SAMPLE_ECHO4_IN, bytes);
	for (size_t length = 34; length < 42; length++) {
		bytes[17] = (uint8_t)(length - 14);
		lab_ipv4_seal(bytes);
		refused(lab_frame_bytes(bytes, length, 0));
	}
	lab_bytes(SAMPLE_ECHO6_IN, bytes);
	for (size_t length = 54; length < 62; length++) {
		bytes[19] = (uint8_t)(length - 54);
		refused(lab_frame_bytes(bytes, length, 0));
	}
}
END_TEST

static struct rte_mbuf *sized(size_t ip_length)
{
	uint8_t bytes[LAB_FRAME_MAX] = {0};
	lab_bytes(SAMPLE_ECHO4_IN, bytes);
	lab_store(bytes + 16, (uint16_t)ip_length);
	lab_ipv4_seal(bytes);
	lab_store(bytes + 36, 0);
	lab_store(bytes + 36, lab_checksum(bytes + 34, ip_length - 20, 0));
	return lab_frame_bytes(bytes, ip_length + 14, 0);
}

START_TEST(longer_than_the_mtu_is_refused)
{
	refused(sized(port.mtu + 1u));
	input(sized(port.mtu), 5000);
	struct rte_mbuf *mbuf = lab_sent(&tx);
	ck_assert_ptr_nonnull(mbuf);
	ck_assert_uint_eq(mbuf->data_len, port.mtu + 14u);
	ck_assert_uint_eq(
		lab_checksum(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, 34), port.mtu - 20u, 0), 0);
	rte_pktmbuf_free(mbuf);
}
END_TEST

START_TEST(full_queue_is_counted)
{
	tx.count = NET_TX_BURST;
	input(lab_frame(SAMPLE_ECHO4_IN), 5000);
	ck_assert_uint_eq(tx.count, NET_TX_BURST);
	ck_assert_uint_eq(stats.drop[DROP_ICMP], 1);
}
END_TEST

/* Requests of one per `gap` microseconds from `from` on: how many were answered. */
static unsigned answered(uint64_t from, uint64_t milliseconds, unsigned gap)
{
	unsigned replies = 0;
	for (uint64_t us = 0; us < milliseconds * 1000; us += gap) {
		input(lab_frame(SAMPLE_ECHO4_IN), from + us / 1000);
		struct rte_mbuf *mbuf = lab_sent(&tx);
		replies += mbuf != NULL;
		rte_pktmbuf_free(mbuf);
	}
	return replies;
}

START_TEST(rate_is_limited)
{
	const uint64_t start =
		1000000 - 500; /* no window of one second has more, wherever it lies */
	ck_assert_uint_le(answered(start, 1000, 100), ICMP_ECHO_PER_SECOND + ECHO_SLACK);
	unsigned later = answered(start + 1000, 3000, 200);
	ck_assert_uint_ge(later, 3 * ICMP_ECHO_PER_SECOND - ECHO_SLACK);
	ck_assert_uint_le(later, 3 * ICMP_ECHO_PER_SECOND + ECHO_SLACK);
	/* Below the rate nothing is lost, and a long silence earns no more than the bucket holds.
	 */
	ck_assert_uint_eq(answered(start + 10000, 1000, 2000), 500);
	ck_assert_uint_le(answered(start + 10000000, 10, 1), 10 + ECHO_SLACK);
}
END_TEST

START_TEST(rate_starts_at_time_zero)
{
	ck_assert_uint_gt(answered(0, 10, 1000), 5);
}
END_TEST

static Suite *net_icmp_suite(void)
{
	Suite *suite = suite_create("net_icmp");
	TCase *tcase = tcase_create("icmp");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, echo_is_golden);
	tcase_add_test(tcase, echo_of_nothing);
	tcase_add_test(tcase, echo_keeps_the_vlan);
	tcase_add_test(tcase, others_are_refused);
	tcase_add_test(tcase, group_is_refused);
	tcase_add_test(tcase, short_is_refused);
	tcase_add_test(tcase, longer_than_the_mtu_is_refused);
	tcase_add_test(tcase, full_queue_is_counted);
	tcase_add_test(tcase, rate_is_limited);
	tcase_add_test(tcase, rate_starts_at_time_zero);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(net_icmp_suite)
