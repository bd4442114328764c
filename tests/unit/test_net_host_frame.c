/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/host_frame.h"
#include "tests/unit/net_samples.h"
#include "tests/unit/port_lab.h"

/* From 10.53.0.2 and fd53::2 to us, with the protocol's number left open. */
#define IP4(protocol, length)                                                                      \
	"02000000000102000000000208004500" length "0000400040" protocol "00000a3500020a350001"
#define IP6(protocol, length)                                                                      \
	"02000000000102000000000286dd60000000" length protocol "40"                                \
	"fd530000000000000000000000000002fd530000000000000000000000000001"
#define TCP(flags) "9c4000b30000000100000000" "50" flags "ffff00000000"
#define UDP "9c40000900090000" "21"

#define TAGGED_ARP_REPLY_IN                                                                        \
	"02000000000102000000000281000005080600010800060400020200000000020a3500020200000000010a35" \
	"0001"

/* A frame that came in, classified; whether it matters. Cut after any byte it must not be read beyond. */
static bool matters(const char *hex)
{
	uint8_t bytes[LAB_FRAME_MAX] = {0}, reason;
	size_t whole = lab_bytes(hex, bytes);
	if (bytes[12] == 8 && bytes[13] == 0)
		lab_ipv4_seal(bytes);
	bool result = false;
	for (size_t length = RTE_ETHER_HDR_LEN; length <= whole; length++) {
		struct rte_mbuf *mbuf = lab_frame_bytes(bytes, length, 0);
		net_frame_classify(&port, mbuf, &reason);
		result = net_frame_matters(mbuf);
		rte_pktmbuf_free(mbuf);
	}
	return result;
}

START_TEST(what_lives_matters_more_than_what_begins)
{
	ck_assert(matters(IP4("06", "0028") TCP("10")));
	ck_assert(matters(IP4("06", "0028") TCP("12"))); /* the answer to a connection of ours */
	ck_assert(matters(IP4("06", "0028") TCP("04")));
	ck_assert(!matters(IP4("06", "0028") TCP("02")));
	ck_assert(matters(IP6("06", "0014") TCP("11")));
	ck_assert(!matters(IP6("06", "0014") TCP("02")));
	ck_assert(matters(IP4("59", "0014"))); /* OSPF */
	ck_assert(!matters(IP4("11", "001d") UDP));
	ck_assert(!matters(IP6("11", "0009") UDP));
	ck_assert(!matters(SAMPLE_ECHO4_IN));
	ck_assert(!matters(SAMPLE_ECHO6_IN));
	ck_assert(!matters(SAMPLE_ARP_REQUEST_IN));
	ck_assert(matters(SAMPLE_ARP_REPLY_IN));
	ck_assert(!matters(SAMPLE_NS_IN));
	ck_assert(matters(SAMPLE_NA_IN));
	ck_assert(!matters("02000000000102000000000288cc0207"));
	port = lab_port(5);
	ck_assert(matters(TAGGED_ARP_REPLY_IN));
}
END_TEST

/* A frame out of the kernel; its UDP source port goes into `source`. */
static enum net_host_frame read(const char *hex, uint16_t *source)
{
	uint8_t bytes[LAB_FRAME_MAX];
	enum net_host_frame result = NET_HOST_FRAME;
	size_t whole = lab_bytes(hex, bytes);
	for (size_t length = 0; length <= whole; length++) {
		struct rte_mbuf *mbuf = lab_frame_bytes(bytes, length, 0);
		result = net_host_frame_read(&port, mbuf, source);
		rte_pktmbuf_free(mbuf);
	}
	return result;
}

START_TEST(answers_about_our_addresses_are_ours_to_give)
{
	uint16_t source;
	ck_assert_int_eq(read(SAMPLE_ARP_REPLY_OUT, &source), NET_HOST_FRAME_ANSWER);
	ck_assert_int_eq(read(SAMPLE_NA_OUT, &source), NET_HOST_FRAME_ANSWER);
	ck_assert_int_eq(read(SAMPLE_DAD_OUT, &source), NET_HOST_FRAME_ANSWER);
	/* Questions, and answers about addresses that the kernel has beside ours. */
	ck_assert_int_eq(read(SAMPLE_ARP_REQUEST_OUT, &source), NET_HOST_FRAME);
	ck_assert_int_eq(read(SAMPLE_NS_OUT, &source), NET_HOST_FRAME);
	ck_assert_int_eq(read(SAMPLE_ARP_REPLY_IN, &source), NET_HOST_FRAME);
	ck_assert_int_eq(read(SAMPLE_NA_IN, &source), NET_HOST_FRAME);
	ck_assert_int_eq(read(IP4("06", "0028") TCP("10"), &source), NET_HOST_FRAME);
}
END_TEST

START_TEST(ports_that_the_kernel_asks_from)
{
	uint16_t source = 0;
	ck_assert_int_eq(read(IP4("11", "001d") UDP, &source), NET_HOST_FRAME_UDP);
	ck_assert_uint_eq(source, 40000);
	source = 0;
	ck_assert_int_eq(read(IP6("11", "0009") UDP, &source), NET_HOST_FRAME_UDP);
	ck_assert_uint_eq(source, 40000);
}
END_TEST

START_TEST(the_kernel_sees_no_tag)
{
	uint8_t reason;
	port = lab_port(5);
	struct rte_mbuf *mbuf = lab_frame(TAGGED_ARP_REPLY_IN);
	net_frame_classify(&port, mbuf, &reason);
	net_frame_untag(mbuf);
	ck_assert_uint_eq(mbuf->data_len, strlen(TAGGED_ARP_REPLY_IN) / 2 - 4);
	ck_assert_mem_eq(rte_pktmbuf_mtod(mbuf, char *), "\2\0\0\0\0\1\2\0\0\0\0\2\x08\x06\0\1", 16);
	rte_pktmbuf_free(mbuf);
	port = lab_port(0);
	mbuf = lab_frame(SAMPLE_ARP_REPLY_IN);
	net_frame_classify(&port, mbuf, &reason);
	net_frame_untag(mbuf);
	ck_assert(lab_is(mbuf, SAMPLE_ARP_REPLY_IN));
	rte_pktmbuf_free(mbuf);
}
END_TEST

static Suite *net_host_frame_suite(void)
{
	Suite *suite = suite_create("net_host_frame");
	TCase *tests = tcase_create("net_host_frame");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_lives_matters_more_than_what_begins);
	tcase_add_test(tests, answers_about_our_addresses_are_ours_to_give);
	tcase_add_test(tests, ports_that_the_kernel_asks_from);
	tcase_add_test(tests, the_kernel_sees_no_tag);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(net_host_frame_suite)
