/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/neighbour_lab.h"

START_TEST(arp_is_answered)
{
	arrive(SAMPLE_ARP_REQUEST_IN, START);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_ARP_REPLY_OUT));
	ck_assert(known_as(peer, START, 2)); /* who asks for us will hear from us */
	ck_assert_uint_eq(stats.counter[STATS_ARP_SENT], 0);
}
END_TEST

START_TEST(nd_is_answered)
{
	arrive(SAMPLE_NS_IN, START);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_NA_OUT));
	ck_assert(known_as(peer6, START, 2));
	ck_assert_uint_eq(stats.counter[STATS_ND_SENT], 0);
}
END_TEST

/* Duplicate address detection (RFC 4862, section 5.4): all must hear that the address is taken. */
START_TEST(nd_defends_addresses)
{
	arrive(SAMPLE_DAD_IN, START);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_DAD_OUT));
}
END_TEST

/* A tag that the port stripped is there again in the answer. */
START_TEST(answers_are_tagged)
{
	static const char *const questions[] = {SAMPLE_ARP_REQUEST_IN, SAMPLE_NS_IN};
	static const char *const answers[] = {SAMPLE_ARP_REPLY_TAGGED_OUT, SAMPLE_NA_TAGGED_OUT};
	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *mbuf = lab_frame(questions[i]);
		mbuf->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		mbuf->vlan_tci = 5;
		deliver(1, mbuf, START, true);
		ck_assert(lab_sent_is(&tx[1], answers[i]));
	}
}
END_TEST

START_TEST(copies_teach_only)
{
	deliver(0, lab_frame(SAMPLE_ARP_REQUEST_IN), START, false);
	deliver(0, lab_frame(SAMPLE_NS_IN), START, false);
	deliver(0, lab_frame(SAMPLE_DAD_IN), START, false);
	ck_assert_uint_eq(tx[0].count, 0);
	ck_assert(known_as(peer, START, 2));
	ck_assert(known_as(peer6, START, 2));
}
END_TEST

/* A probe (RFC 5227) has no sender's address; it is answered, and teaches nothing. */
START_TEST(arp_probe)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_ARP_REQUEST_IN, bytes);
	memset(bytes + 28, 0, 4);
	deliver(0, lab_frame_bytes(bytes, length, 0), START, true);
	struct rte_mbuf *mbuf = lab_sent(&tx[0]);
	ck_assert_ptr_nonnull(mbuf);
	lab_bytes(SAMPLE_ARP_REPLY_OUT, bytes);
	memset(bytes + 38, 0, 4);
	ck_assert_mem_eq(rte_pktmbuf_mtod(mbuf, void *), bytes, 42);
	rte_pktmbuf_free(mbuf);
	ck_assert(unknown((struct net_address){.ipv6 = 0}, START));
}
END_TEST

START_TEST(arp_malformed)
{
	static const uint8_t wrong[][2] = {{15, 2}, {16, 0x86}, {18, 8}, {19, 16},
					   {21, 0}, {21, 3},	{20, 1}, {22, 3}};
	uint8_t bytes[LAB_FRAME_MAX];
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		size_t length = lab_bytes(SAMPLE_ARP_REQUEST_IN, bytes);
		bytes[wrong[i][0]] = wrong[i][1];
		deliver(0, lab_frame_bytes(bytes, length, 0), START, true);
		ck_assert_uint_eq(stats.drop[DROP_ARP], i + 1);
	}
	lab_bytes(SAMPLE_ARP_REQUEST_IN, bytes);
	memset(bytes + 22, 0, 6); /* no MAC */
	deliver(0, lab_frame_bytes(bytes, 60, 0), START, true);
	for (size_t length = 14; length < 42; length++)
		deliver(0, lab_frame_bytes(bytes, length, 0), START, true);
	ck_assert_uint_eq(stats.drop[DROP_ARP], RTE_DIM(wrong) + 1 + 28);
	ck_assert_uint_eq(tx[0].count, 0);
	ck_assert(unknown(peer, START));
}
END_TEST

/* A sample with one byte changed and, if `seal`, its checksum right again, is dropped. */
static void nd_refused(int line, const char *hex, size_t at, uint8_t value, bool seal)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(hex, bytes);
	uint64_t before = stats.drop[DROP_ND];
	bytes[at] = value;
	if (seal)
		lab_icmp6_seal(bytes, length);
	deliver(0, lab_frame_bytes(bytes, length, 0), START, true);
	ck_assert_msg(stats.drop[DROP_ND] == before + 1 && tx[0].count == 0, "line %d", line);
}

#define ND_REFUSED(hex, at, value) nd_refused(__LINE__, hex, at, value, true)

START_TEST(nd_malformed)
{
	static const char *const both[] = {SAMPLE_NS_IN, SAMPLE_NA_IN};
	for (unsigned i = 0; i < 2; i++) {
		ND_REFUSED(both[i], 21, 254); /* came through a router */
		nd_refused(__LINE__, both[i], 57, 0x11, false);
		ND_REFUSED(both[i], 55, 1);
		ND_REFUSED(both[i], 62, 0xff); /* about a group */
		ND_REFUSED(both[i], 79, 0);    /* option of no length */
		ND_REFUSED(both[i], 79, 2);    /* option beyond the end */
	}
	arrive(SAMPLE_NA_SOLICITED_GROUP_IN, START); /* an answer to one, told to all */
	ck_assert_uint_eq(stats.drop[DROP_ND], 13);
	ck_assert(unknown(peer6, START));
}
END_TEST

/* Who has no address yet tells no MAC. */
START_TEST(nd_detection_malformed)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_NS_IN, bytes);
	memset(bytes + 22, 0, 16);
	lab_icmp6_seal(bytes, length);
	deliver(0, lab_frame_bytes(bytes, length, 0), START, true);
	ck_assert_uint_eq(stats.drop[DROP_ND], 1);
	ck_assert_uint_eq(tx[0].count, 0);
	/* Nor does anybody advertise without an address. */
	length = lab_bytes(SAMPLE_DAD_IN, bytes);
	bytes[54] = 136;
	lab_icmp6_seal(bytes, length);
	deliver(0, lab_frame_bytes(bytes, length, 0), START, true);
	ck_assert_uint_eq(stats.drop[DROP_ND], 2);
}
END_TEST

/* The message cut after every byte, with a length and a checksum that agree to it. */
START_TEST(nd_truncated)
{
	uint8_t bytes[LAB_FRAME_MAX];
	unsigned refused = 0;
	for (size_t length = 55; length < 86; length++) {
		lab_bytes(SAMPLE_NS_IN, bytes);
		bytes[19] = (uint8_t)(length - 54);
		if (length >= 58)
			lab_icmp6_seal(bytes, length);
		deliver(0, lab_frame_bytes(bytes, length, 64), START, true);
		refused += tx[0].count == 0;
		forget_sent();
	}
	ck_assert_uint_eq(refused, 30); /* without its option it is whole */
	ck_assert_uint_eq(stats.drop[DROP_ND], 30);
}
END_TEST

/* Options that are not known are passed over; of a sender without MAC nothing is learned. */
START_TEST(nd_options)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_NS_IN, bytes);
	bytes[78] = 14; /* a nonce */
	lab_icmp6_seal(bytes, length);
	deliver(0, lab_frame_bytes(bytes, length, 64), START, true);
	ck_assert(lab_sent_is(&tx[0], SAMPLE_NA_OUT));
	ck_assert(unknown(peer6, START));
	length = lab_bytes(SAMPLE_NS_IN, bytes);
	bytes[80] = 3; /* the MAC of a group */
	lab_icmp6_seal(bytes, length);
	deliver(0, lab_frame_bytes(bytes, length, 64), START, true);
	forget_sent();
	ck_assert_int_eq(resolve(peer6, START), NEIGHBOUR_PENDING);
}
END_TEST

static Suite *net_neighbour_frames_suite(void)
{
	Suite *suite = suite_create("net_neighbour_frames");
	TCase *tcase = tcase_create("frames");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, arp_is_answered);
	tcase_add_test(tcase, nd_is_answered);
	tcase_add_test(tcase, nd_defends_addresses);
	tcase_add_test(tcase, answers_are_tagged);
	tcase_add_test(tcase, copies_teach_only);
	tcase_add_test(tcase, arp_probe);
	tcase_add_test(tcase, arp_malformed);
	tcase_add_test(tcase, nd_malformed);
	tcase_add_test(tcase, nd_detection_malformed);
	tcase_add_test(tcase, nd_truncated);
	tcase_add_test(tcase, nd_options);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(net_neighbour_frames_suite)
