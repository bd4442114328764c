/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "dataplane/net/route.h"
#include "tests/unit/net_lab.h"
#include "tests/unit/unit.h"

static struct net_port ports[2];
static struct net_route route;
static struct net_source from; /* all zero unless a test says */

/* Port 0: 10.53.0.1/24, fd53::1/64; port 1: 10.53.0.129/25, 192.0.2.1/31, link-local alone. */
static void setup(void)
{
	ports[0] = lab_port(0);
	ports[1] = lab_port(0);
	ports[1].n_addresses = 3;
	ports[1].addresses[0] = (struct net_prefix){lab_ipv4(10, 53, 0, 129), 25};
	ports[1].addresses[1] = (struct net_prefix){lab_ipv4(192, 0, 2, 1), 31};
	memset(&route, 0, sizeof(route));
	from = (struct net_source){0};
}

static bool leads(struct net_address to, uint8_t port, struct net_address next_hop,
		  struct net_address source)
{
	return net_route_lookup(ports, 2, &to, &from, &route) == 0 && route.port == port &&
	       net_address_equal(&route.next_hop, &next_hop) &&
	       net_address_equal(&route.source, &source);
}

static bool leads_nowhere(struct net_address to)
{
	return net_route_lookup(ports, 2, &to, &from, &route) == -ENETUNREACH;
}

START_TEST(longest_prefix_on_link)
{
	struct net_address low = lab_ipv4(10, 53, 0, 127), high = lab_ipv4(10, 53, 0, 128);
	struct net_address pair = lab_ipv4(192, 0, 2, 0);
	ck_assert(leads(low, 0, low, lab_ipv4(10, 53, 0, 1)));
	ck_assert(leads(high, 1, high, lab_ipv4(10, 53, 0, 129)));
	ck_assert(leads(pair, 1, pair, lab_ipv4(192, 0, 2, 1)));
	ck_assert(leads_nowhere(lab_ipv4(192, 0, 2, 2)));
	ck_assert(leads(lab_ipv6(2), 0, lab_ipv6(2), lab_ipv6(1)));
}
END_TEST

START_TEST(whole_and_host_prefixes)
{
	struct net_address far = lab_ipv4(203, 0, 113, 9);
	ports[0].addresses[0].length = 0;
	ck_assert(leads(far, 0, far, lab_ipv4(10, 53, 0, 1)));
	ports[0].addresses[0].length = 32;
	ck_assert(leads_nowhere(far));
	ports[0].addresses[1].length = 128;
	ck_assert(leads_nowhere(lab_ipv6(2)));
	ports[0].addresses[1].length = 127;
	ck_assert(leads(lab_ipv6(0), 0, lab_ipv6(0), lab_ipv6(1)));
}
END_TEST

START_TEST(gateway_of_the_family)
{
	struct net_address far = lab_ipv4(203, 0, 113, 9);
	struct net_address far6 = {.bytes = {0x20, 1, 0xd, 0xb8}, .ipv6 = 1};
	ck_assert(leads_nowhere(far));
	ck_assert(leads_nowhere(far6));
	ports[1].gateways[0] = lab_ipv4(192, 0, 2, 0);
	ports[1].n_gateways = 1;
	ck_assert(leads(far, 1, ports[1].gateways[0], lab_ipv4(192, 0, 2, 1)));
	ck_assert(leads_nowhere(far6));
	ports[0].gateways[0] = lab_ipv6(0xfe);
	ports[0].gateways[1] = lab_ipv4(10, 53, 0, 2);
	ports[0].n_gateways = 2;
	ck_assert(leads(far6, 0, ports[0].gateways[0], lab_ipv6(1)));
	ck_assert(leads(far, 0, ports[0].gateways[1], lab_ipv4(10, 53, 0, 1)));
}
END_TEST

/* A link-local address is no source for what is far away. */
START_TEST(gateway_that_is_link_local)
{
	struct net_address far6 = {.bytes = {0x20, 1, 0xd, 0xb8}, .ipv6 = 1};
	struct net_address gateway = {.bytes = {0xfe, 0x80, [15] = 9}, .ipv6 = 1};
	ports[1].gateways[0] = gateway; /* that port has nothing else */
	ports[1].n_gateways = 1;
	ck_assert(leads_nowhere(far6));
	ports[0].gateways[0] = gateway;
	ports[0].n_gateways = 1;
	ck_assert(leads(far6, 0, gateway, lab_ipv6(1)));
}
END_TEST

/* fec0::/10 begins with the same byte as fe80::/10, but reaches further than its link. */
START_TEST(link_local_is_ten_bits)
{
	struct net_address far6 = {.bytes = {0x20, 1, 0xd, 0xb8}, .ipv6 = 1};
	struct net_address site = {.bytes = {0xfe, 0xc0, [15] = 1}, .ipv6 = 1};
	ports[0].addresses[1] = (struct net_prefix){site, 64};
	ports[0].gateways[0] = site;
	ports[0].gateways[0].bytes[15] = 2;
	ports[0].n_gateways = 1;
	ck_assert(leads(far6, 0, ports[0].gateways[0], site));
}
END_TEST

START_TEST(prefixes_hold)
{
	struct net_prefix prefix = {lab_ipv4(10, 53, 0, 1), 20};
	struct net_address in = lab_ipv4(10, 53, 15, 255), out = lab_ipv4(10, 53, 16, 0);
	ck_assert(net_prefix_holds(&prefix, &in));
	ck_assert(!net_prefix_holds(&prefix, &out));
	in.ipv6 = 1;
	ck_assert(!net_prefix_holds(&prefix, &in));
}
END_TEST

/* From where somebody said: that address, and a port that has it. */
START_TEST(sources)
{
	struct net_address server = lab_ipv4(10, 53, 0, 200);
	from = (struct net_source){.port = 1};
	ck_assert(leads(server, 0, server, lab_ipv4(10, 53, 0, 1)));
	from = (struct net_source){.port = 2};
	ck_assert(leads(server, 1, server, lab_ipv4(10, 53, 0, 129)));
	from = (struct net_source){.addressed = true, .address = lab_ipv4(10, 53, 0, 1)};
	ck_assert(leads(server, 0, server, lab_ipv4(10, 53, 0, 1)));
	from.address = lab_ipv4(192, 0, 2, 1);
	ck_assert(leads(server, 1, server, lab_ipv4(192, 0, 2, 1)));
	ck_assert(leads_nowhere(lab_ipv4(10, 53, 0, 7))); /* of port 0 alone */
	from.port = 1; /* which has not got it */
	ck_assert(leads_nowhere(server));
	from = (struct net_source){.addressed = true, .address = lab_ipv4(10, 53, 0, 2)};
	ck_assert(leads_nowhere(server));
	ports[0].gateways[0] = lab_ipv4(10, 53, 0, 9);
	ports[1].gateways[0] = lab_ipv4(10, 53, 0, 130);
	ports[0].n_gateways = ports[1].n_gateways = 1;
	struct net_address far = lab_ipv4(198, 51, 100, 1);
	from = (struct net_source){.addressed = true, .address = lab_ipv4(192, 0, 2, 1)};
	ck_assert(leads(far, 1, ports[1].gateways[0], lab_ipv4(192, 0, 2, 1)));
}
END_TEST

static Suite *net_route_suite(void)
{
	Suite *suite = suite_create("net_route");
	TCase *tcase = tcase_create("route");
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, longest_prefix_on_link);
	tcase_add_test(tcase, whole_and_host_prefixes);
	tcase_add_test(tcase, gateway_of_the_family);
	tcase_add_test(tcase, gateway_that_is_link_local);
	tcase_add_test(tcase, link_local_is_ten_bits);
	tcase_add_test(tcase, prefixes_hold);
	tcase_add_test(tcase, sources);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(net_route_suite)
