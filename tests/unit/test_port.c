/* SPDX-License-Identifier: BSD-2-Clause */
/* What Sluice adds to a device's arguments, and what it leaves to the user. */
#include <errno.h>
#include <string.h>

#include "dataplane/port.h"
#include "tests/unit/unit.h"

static const struct {
	const char *device;
	uint16_t queues;
	uint32_t mtu;
	const char *expected;
} rows[] = {
	{"net_tap0,iface=sluice0", 2, 1500, "net_tap0,iface=sluice0"},
	{"0000:01:00.0", 4, 1500, "0000:01:00.0"},
	{"net_af_xdp0,iface=edge", 1, 1500, "net_af_xdp0,iface=edge,busy_budget=0"},
	{"net_af_xdp0,iface=edge,busy_budget=64", 1, 1500, "net_af_xdp0,iface=edge,busy_budget=64"},
	{"net_af_xdp0,iface=edge", 2, 1500, "net_af_xdp0,iface=edge,busy_budget=0,queue_count=2"},
	{"net_af_xdp0,queue_count=3,iface=edge", 2, 1500,
	 "net_af_xdp0,queue_count=3,iface=edge,busy_budget=0"},
	{"net_af_packet0,iface=edge", 1, 1500,
	 "net_af_packet0,iface=edge,framesz=5120,blocksz=61440,framecnt=3276,qdisc_bypass=1"},
	{"net_af_packet0,iface=edge,framecnt=512", 3, 1500,
	 "net_af_packet0,iface=edge,framecnt=512,framesz=5120,blocksz=61440,qdisc_bypass=1,qpairs=3"},
	{"net_af_packet0,iface=qpairs", 2, 1500, /* a value is no key */
	 "net_af_packet0,iface=qpairs,framesz=5120,blocksz=61440,framecnt=3276,qdisc_bypass=1,"
	 "qpairs=2"},
	/* Places that the user chose, as many as there were; frames that need larger ones. */
	{"net_af_packet0,framesz=2048", 1, 1500,
	 "net_af_packet0,framesz=2048,blocksz=65536,framecnt=8192,qdisc_bypass=1"},
	{"net_af_packet0,framesz=2048,blocksz=4096", 1, 1500,
	 "net_af_packet0,framesz=2048,blocksz=4096,framecnt=8192,qdisc_bypass=1"},
	{"net_af_packet0,blocksz=131072", 1, 9000,
	 "net_af_packet0,blocksz=131072,framesz=16384,framecnt=1024,qdisc_bypass=1"},
	{"net_af_packet0,blocksz=131072", 1, 1500,
	 "net_af_packet0,blocksz=131072,framesz=8192,framecnt=2048,qdisc_bypass=1"},
	{"net_af_packet0", 1, 5032,
	 "net_af_packet0,framesz=5120,blocksz=61440,framecnt=3276,qdisc_bypass=1"},
	{"net_af_packet0", 1, 5033,
	 "net_af_packet0,framesz=8192,blocksz=65536,framecnt=2048,qdisc_bypass=1"},
	{"net_af_packet0", 1, 9216,
	 "net_af_packet0,framesz=16384,blocksz=65536,framecnt=1024,qdisc_bypass=1"},
};

START_TEST(arguments_of_devices)
{
	char out[PORT_DEVICE_MAX];
	ck_assert_int_eq(port_device_arguments(rows[_i].device, rows[_i].queues, rows[_i].mtu, out), 0);
	ck_assert_str_eq(out, rows[_i].expected);
}
END_TEST

START_TEST(a_string_that_is_too_long)
{
	char device[PORT_DEVICE_MAX + 1], out[PORT_DEVICE_MAX];
	memset(device, 'x', sizeof(device));
	device[PORT_DEVICE_MAX] = '\0';
	ck_assert_int_eq(port_device_arguments(device, 1, 1500, out), -ENAMETOOLONG);
	device[PORT_DEVICE_MAX - 1] = '\0';
	ck_assert_int_eq(port_device_arguments(device, 1, 1500, out), 0);
	memcpy(device, "net_af_xdp", strlen("net_af_xdp")); /* fits, its arguments do not */
	ck_assert_int_eq(port_device_arguments(device, 1, 1500, out), -ENAMETOOLONG);
}
END_TEST

static Suite *port_suite(void)
{
	Suite *suite = suite_create("port");
	TCase *tests = tcase_create("port");
	tcase_add_loop_test(tests, arguments_of_devices, 0, sizeof(rows) / sizeof(*rows));
	tcase_add_test(tests, a_string_that_is_too_long);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(port_suite)
