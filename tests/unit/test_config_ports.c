/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports, addresses, gateways, neighbours and listeners of the configuration. */
#include "tests/unit/config_samples.h"

/* What stands in a port beyond its device begins on line 4, column 5. */
#define PORT "lcores: {workers: [1]}\nports:\n  - device: net_null0\n    "
#define ADDRESS PORT "addresses: [192.0.2.1/24]\n    "

START_TEST(address_texts)
{
	static const struct {
		const char *text;
		uint8_t first, last; /* bytes of the address */
		bool ipv6;
		bool has_prefix;
		uint8_t prefix;
		uint16_t port;
	} good[] = {
		{"192.0.2.7", 192, 7, false, false, 32, 0},
		{"192.0.2.7:53", 192, 7, false, false, 32, 53},
		{"192.0.2.7/0", 192, 7, false, true, 0, 0},
		{"192.0.2.7/32", 192, 7, false, true, 32, 0},
		{"2001:db8::9", 0x20, 9, true, false, 128, 0},
		{"2001:db8::9/48", 0x20, 9, true, true, 48, 0},
		{"[2001:db8::9]", 0x20, 9, true, false, 128, 0},
		{"[2001:db8::9]:65535", 0x20, 9, true, false, 128, 65535},
		{"::ffff:192.0.2.7", 0, 7, true, false, 128, 0},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct config_address address;
		memset(&address, 0xa5, sizeof(address));
		ck_assert_msg(config_address_parse(good[i].text, &address) == 0, "%s", good[i].text);
		ck_assert_uint_eq(address.bytes[0], good[i].first);
		ck_assert_uint_eq(address.bytes[good[i].ipv6 ? 15 : 3], good[i].last);
		ck_assert_uint_eq(address.ipv6, good[i].ipv6);
		ck_assert_uint_eq(address.has_prefix, good[i].has_prefix);
		ck_assert_uint_eq(address.prefix, good[i].prefix);
		ck_assert_uint_eq(address.port, good[i].port);
		if (!good[i].ipv6)
			ck_assert_mem_eq(address.bytes + 4, "\0\0\0\0\0\0\0\0\0\0\0", 12);
	}
}
END_TEST

START_TEST(texts_that_are_no_address)
{
	static const char *const bad[] = {
		"", "/", ":", "[]", "[", "]", "192.0.2", "192.0.2.256", "192.0.2.1.1", "192.0.2.01x",
		"192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1: 53",
		"192.0.2.1:000053", "192.0.2.1/", "192.0.2.1/33", "192.0.2.1/-1", "192.0.2.1/24:53",
		"192.0.2.1/24/24", "[192.0.2.1]:53", "[192.0.2.1]", "2001:db8::g", "2001:db8:::1",
		"2001:db8::1/129", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]53",
		"[2001:db8::1]:", "[2001:db8::1]:0", "fe80::1%eth0", "localhost", "dns.example:53",
		"1111:2222:3333:4444:5555:6666:7777:8888:1111:2222:3333:4444:5555:6666:7777",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct config_address address;
		ck_assert_msg(config_address_parse(bad[i], &address) == -1, "'%s'", bad[i]);
	}
}
END_TEST

START_TEST(a_port_with_everything)
{
	struct config *config = accept(
		PORT "name: edge\n"
		"    addresses: [10.53.0.1/24, 127.0.0.9/8, \"fd53::1/64\"]\n"
		"    gateways: [10.53.0.254, \"fd53::fe\", \"fe80::1\"]\n"
		"    neighbours: [{address: 10.53.0.9, mac: \"02:00:00:00:aB:09\"}]\n"
		"    mtu: 9216\n"
		"    vlan: 4094\n"
		"    steering: flow\n"
		"    oversize: fragment\n"
		"  - {device: 0000:01:00.0, addresses: [192.0.2.1/31]}\n");
	const struct config_port *port = &config->ports[0];
	ck_assert_uint_eq(config->n_ports, 2);
	ck_assert_str_eq(port->name, "edge");
	ck_assert_str_eq(port->device, "net_null0");
	ck_assert_uint_eq(port->n_addresses, 3);
	ck_assert_uint_eq(port->addresses[0].prefix, 24);
	ck_assert_uint_eq(port->n_gateways, 3);
	ck_assert_uint_eq(port->n_neighbours, 1);
	ck_assert_mem_eq(port->neighbours[0].mac, "\x02\0\0\0\xab\x09", 6);
	ck_assert_mem_eq(port->neighbours[0].address.bytes, "\x0a\x35\0\x09", 4);
	ck_assert_uint_eq(port->mtu, 9216);
	ck_assert_uint_eq(port->vlan, 4094);
	ck_assert_uint_eq(port->steering, CONFIG_STEERING_FLOW);
	ck_assert_uint_eq(port->oversize, CONFIG_OVERSIZE_FRAGMENT);
	ck_assert_str_eq(config->ports[1].name, "port1");
	ck_assert_str_eq(config->ports[1].device, "0000:01:00.0");
	ck_assert_uint_eq(config->ports[1].mtu, 1500);
	ck_assert_uint_eq(config->ports[1].vlan, 0);
	ck_assert_uint_eq(config->ports[1].steering, CONFIG_STEERING_AUTO);
	ck_assert_uint_eq(config->ports[1].oversize, CONFIG_OVERSIZE_TRUNCATE);
	ck_assert_uint_eq(config->n_listen, 4); /* port 53 of every address */
	for (unsigned i = 0; i < config->n_listen; i++)
		ck_assert_uint_eq(config->listen[i].port, 53);
	ck_assert(config->listen[2].ipv6);
	config_free(config);
}
END_TEST

START_TEST(keys_of_a_port)
{
	static const char *const rows[][2] = {
		{"lcores: {workers: [1]}\nports: []\n", "2:8: ports: at least one is needed\n"},
		{"lcores: {workers: [1]}\nports: edge\n", "2:8: ports: expected a list\n"},
		{"lcores: {workers: [1]}\nports: [edge]\n",
		 "2:9: a port: expected keys with values\n"},
		{"lcores: {workers: [1]}\nports: [{}]\n",
		 "2:9: a port: the key 'device' is missing\n"
		 "2:9: a port: the key 'addresses' is missing\n"},
		{ADDRESS "device: net_null1\n", "5:5: a port: the key 'device' stands twice\n"},
		{ADDRESS "name: \"\"\n", "5:11: name: must not be empty\n"},
		{ADDRESS "mtu: 575\n", "5:10: mtu: 575 is out of range, 576 to 9216 are possible\n"},
		{ADDRESS "mtu: 9217\n", "5:10: mtu: 9217 is out of range, 576 to 9216 are possible\n"},
		{ADDRESS "oversize: drop\n",
		 "5:15: oversize: 'drop' is none of truncate, fragment\n"},
		{ADDRESS "vlan: 4095\n", "5:11: vlan: 4095 is out of range, 0 to 4094 are possible\n"},
		{ADDRESS "adresses: []\n",
		 "5:5: unknown key 'adresses' in a port, did you mean 'addresses'?\n"},
		{PORT "addresses: [\"fd53::1/64\"]\n    mtu: 1279\n",
		 "5:10: mtu: IPv6 needs at least 1280 (RFC 8200)\n"},
	};
	REFUSE_ALL(rows);
	config_free(accept(ADDRESS "mtu: 576\n"));
	config_free(accept(PORT "addresses: [\"fd53::1/64\"]\n    mtu: 1280\n"));
}
END_TEST

START_TEST(addresses)
{
	static const char *const rows[][2] = {
		{PORT "addresses: []\n", "4:16: addresses: at least one is needed\n"},
		{PORT "addresses: 192.0.2.1/24\n", "4:16: addresses: expected a list\n"},
		{PORT "addresses: [192.0.2.1/24, x, {}]\n",
		 "4:31: addresses: 'x' is no IP address\n"
		 "4:34: addresses: expected a single value\n"},
		{PORT "addresses: [\"192.0.2.1:53\"]\n",
		 "4:17: addresses: no UDP port here, that is what 'listen' is for\n"},
		{PORT "addresses: [0.0.0.0/0, 0.1.2.3/8, 224.0.0.1/4, 255.255.255.255/32]\n",
		 "4:17: addresses: 0.0.0.0/0 is not a unicast address\n"
		 "4:28: addresses: 0.1.2.3/8 is not a unicast address\n"
		 "4:39: addresses: 224.0.0.1/4 is not a unicast address\n"
		 "4:52: addresses: 255.255.255.255/32 is not a unicast address\n"},
		{PORT "addresses: [\"::/0\", \"ff02::1/128\"]\n",
		 "4:17: addresses: ::/0 is not a unicast address\n"
		 "4:25: addresses: ff02::1/128 is not a unicast address\n"},
		{PORT "addresses: [192.0.2.1/24, 192.0.2.1/32]\n",
		 "4:31: addresses: this address stands twice\n"},
	};
	REFUSE_ALL(rows);
}
END_TEST

/* One place of the port's 32 is its link-local address's. */
START_TEST(as_many_addresses_as_a_port_has_room_for)
{
	char text[2048], *at = text + sprintf(text, PORT "addresses: [10.0.0.1/8");
	for (unsigned i = 2; i <= 31; i++)
		at += sprintf(at, ", 10.0.0.%u/8", i);
	strcpy(at, "]\n");
	struct config *config = accept(text);
	ck_assert_uint_eq(config->ports[0].n_addresses, 31);
	config_free(config);
	strcpy(at, ",\n10.0.0.32/8]\n");
	refuse(text, "5:1: addresses: at most 31 are possible\n");
}
END_TEST

START_TEST(gateways)
{
	static const char *const rows[][2] = {
		{ADDRESS "gateways: [192.0.3.1]\n",
		 "5:16: gateways: the gateway is in no network of port 'port0'\n"},
		{ADDRESS "gateways: [\"fd53::1\"]\n",
		 "5:16: gateways: the gateway is in no network of port 'port0'\n"},
		{ADDRESS "gateways: [192.0.2.1]\n", "5:16: gateways: this is the port's own address\n"},
		{ADDRESS "gateways: [192.0.2.2, 192.0.2.2]\n",
		 "5:27: gateways: this gateway stands twice\n"},
		{ADDRESS "gateways: [192.0.2.2/24, \"192.0.2.3:53\"]\n",
		 "5:16: gateways: an address alone, without prefix length\n"
		 "5:30: gateways: an address alone, without port\n"},
		{ADDRESS "gateways: [224.0.0.5]\n",
		 "5:16: gateways: 224.0.0.5 is not a unicast address\n"},
		{ADDRESS "gateways: [192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6]\n",
		 "5:60: gateways: at most 4 are possible\n"},
		/* Of networks that cannot be read nothing can be said. */
		{PORT "addresses: [192.0.2.1/33]\n    gateways: [192.0.2.2]\n",
		 "4:17: addresses: '192.0.2.1/33' is no IP address\n"},
		{PORT "addresses: 192.0.2.1/24\n    gateways: [192.0.2.2]\n",
		 "4:16: addresses: expected a list\n"},
		{PORT "gateways: [192.0.2.2]\n", "3:5: a port: the key 'addresses' is missing\n"},
		{PORT "addresses: [192.0.2.1/25]\n    gateways: [192.0.2.129]\n",
		 "5:16: gateways: the gateway is in no network of port 'port0'\n"},
	};
	REFUSE_ALL(rows);
	config_free(accept(PORT "addresses: [192.0.2.1/25]\n    gateways: [192.0.2.127]\n"));
	config_free(accept(PORT "addresses: [192.0.2.1/0]\n    gateways: [8.8.8.8]\n"));
	config_free(accept(ADDRESS "gateways: [\"febf::1\"]\n")); /* link-local */
}
END_TEST

START_TEST(neighbours)
{
	static const char *const rows[][2] = {
		{ADDRESS "neighbours: [{address: 192.0.2.2}]\n",
		 "5:18: a neighbour: the key 'mac' is missing\n"},
		{ADDRESS "neighbours: [{mac: \"02:00:00:00:00:09\"}]\n",
		 "5:18: a neighbour: the key 'address' is missing\n"},
		{ADDRESS "neighbours: [{address: 192.0.2.2/24, mac: \"02:00:00:00:00:09\"}]\n",
		 "5:28: address: an address alone, without prefix length\n"},
		{ADDRESS "neighbours:\n"
			 "    - {address: 192.0.2.2, mac: \"02:00:00:00:00:09\"}\n"
			 "    - {address: 192.0.2.1, mac: \"02:00:00:00:00:09\"}\n"
			 "    - {address: 192.0.2.2, mac: \"02:00:00:00:00:0a\"}\n",
		 "7:17: neighbours: this is the port's own address\n"
		 "8:17: neighbours: this address stands twice\n"},
	};
	static const char *const macs[] = {
		"01:00:00:00:00:09",  "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "02:00:00:00:00",
		"02-00-00-00-00-09",  "02:00:00:00:00: 9", "02:00:00:00:00:+9", "02:00:00:00:00:0g",
		"02:00:00:00:00:009", "0200.0000.0009",	   "02:00:00:00:0009:",
	};
	REFUSE_ALL(rows);
	for (size_t i = 0; i < sizeof(macs) / sizeof(*macs); i++) {
		char text[256], expected[256];
		snprintf(text, sizeof(text),
			 ADDRESS "neighbours: [{address: 192.0.2.2, mac: \"%s\"}]\n", macs[i]);
		snprintf(expected, sizeof(expected),
			 "5:44: mac: '%s' is no unicast MAC address such as 02:00:00:00:00:09\n",
			 macs[i]);
		refuse(text, expected);
	}
}
END_TEST

START_TEST(listeners)
{
	static const char *const rows[][2] = {
		{BASE "listen: [10.53.0.2]\n", "5:10: listen: no port has the address of '10.53.0.2'\n"},
		{BASE "listen: [\"[fd53::2]:53\"]\n",
		 "5:10: listen: no port has the address of '[fd53::2]:53'\n"},
		{BASE "listen: 10.53.0.1\n", "5:9: listen: expected a list\n"},
		{BASE "listen: [\"10.53.0.1:99999\"]\n",
		 "5:10: listen: '10.53.0.1:99999' is no IP address\n"},
		/* That a port has an address is known, whatever its network. */
		{PORT "addresses: [192.0.2.1/33, 192.0.2.1/24, 192.0.2.2/-1]\nlisten: [192.0.2.2, 192.0.2.3]\n",
		 "4:17: addresses: '192.0.2.1/33' is no IP address\n"
		 "4:45: addresses: '192.0.2.2/-1' is no IP address\n"
		 "5:21: listen: no port has the address of '192.0.2.3'\n"},
		{BASE "listen: [10.53.0.1/24]\n",
		 "5:10: listen: no prefix length here, as in '10.53.0.1/24'\n"},
		{BASE "listen: [10.53.0.1, \"10.53.0.1:54\", \"10.53.0.1:53\"]\n",
		 "5:37: listen: '10.53.0.1:53' stands twice\n"},
	};
	REFUSE_ALL(rows);
	/* It may stand before the ports. */
	struct config *config = accept("listen: [\"10.53.0.1:54\", \"[fd53::1]\"]\n" BASE);
	ck_assert_uint_eq(config->n_listen, 2);
	ck_assert_uint_eq(config->listen[0].port, 54);
	ck_assert_uint_eq(config->listen[1].port, 53);
	ck_assert(config->listen[1].ipv6);
	config_free(config);
}
END_TEST

START_TEST(ports_beside_each_other)
{
	static const char *const rows[][2] = {
		{BASE "  - {device: net_null1, name: port0, addresses: [10.54.0.1/24]}\n",
		 "5:5: two ports are named 'port0'\n"},
		{BASE "  - {device: \"net_null0,size=64\", addresses: [10.54.0.1/24]}\n",
		 "5:5: two ports have the device 'net_null0'\n"},
		{BASE "  - {device: net_null1, addresses: [10.53.0.1/16]}\n",
		 "5:37: addresses: this address stands twice\n"},
	};
	REFUSE_ALL(rows);
	config_free(accept(BASE "  - {device: net_null01, addresses: [10.54.0.1/24]}\n"));
}
END_TEST

START_TEST(sixteen_ports_and_no_more)
{
	char text[4096], *at = text + sprintf(text, "lcores: {workers: [1]}\nports:\n");
	for (unsigned i = 0; i < 16; i++)
		at += sprintf(at, "- {device: net_null%u, addresses: [10.0.%u.1/24]}\n", i, i);
	struct config *config = accept(text);
	ck_assert_uint_eq(config->n_ports, 16);
	config_free(config);
	strcpy(at, "- {device: net_null16, addresses: [10.0.16.1/24]}\n");
	refuse(text, "19:3: ports: at most 16 are possible\n");
}
END_TEST

START_TEST(the_interface_of_the_kernel)
{
	static const char *const rows[][2] = {
		{ADDRESS "kernel: sluice-edge\n", "5:13: kernel: expected keys with values\n"},
		{ADDRESS "kernel: {netns: sluice}\n", "5:13: kernel: the key 'interface' is missing\n"},
		{ADDRESS "kernel: {interface: edge, rate: 0, driver: kni, nets: x}\n",
		 "5:37: rate: 0 is out of range, 1 to 10000000 are possible\n"
		 "5:48: driver: 'kni' is none of auto, tap, virtio-user\n"
		 "5:53: unknown key 'nets' in kernel, did you mean 'netns'?\n"},
		{ADDRESS "kernel: {interface: edge, netns: a/b}\n",
		 "5:38: netns: expected a name as of 'ip netns' or an absolute path, found 'a/b'\n"},
		{ADDRESS "kernel: {interface: edge}\n"
			 "  - {device: net_null1, addresses: [192.0.3.1/24], kernel: {interface: edge}}\n",
		 "6:72: interface: two ports have 'edge'\n"},
		{ADDRESS "kernel: {interface: edge}\n"
			 "  - {device: \"net_tap0,iface=edge,x=y\", name: t, addresses: [192.0.3.1/24]}\n",
		 "5:25: interface: 'edge' is the one that the device of port 't' makes\n"},
	};
	static const char *const names[] = {"a/b", "sixteen--letters", "..", "tap%d", "a,b", "a b", ""};
	REFUSE_ALL(rows);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char text[256], expected[256];
		snprintf(text, sizeof(text), ADDRESS "kernel: {interface: \"%s\"}\n", names[i]);
		snprintf(expected, sizeof(expected),
			 "5:25: interface: '%s' is no name for an interface: 1 to 15 characters, none "
			 "of them '/', ':', '%%', ',' or space\n",
			 names[i]);
		refuse(text, expected);
	}
	struct config *config = accept(
		ADDRESS "kernel: {interface: fifteen-letters, netns: sluice, rate: 500, driver: tap}\n"
			"  - {device: net_null1, addresses: [192.0.3.1/24], kernel: {interface: edge}}\n"
			"  - {device: net_null2, addresses: [192.0.4.1/24],\n"
			"     kernel: {interface: edge, netns: /proc/7/ns/net}}\n"
			"  - {device: \"net_null3,iface=edge\", addresses: [192.0.5.1/24]}\n");
	ck_assert_str_eq(config->ports[0].kernel.interface, "fifteen-letters");
	ck_assert_str_eq(config->ports[0].kernel.netns, "sluice");
	ck_assert_uint_eq(config->ports[0].kernel.rate, 500);
	ck_assert_uint_eq(config->ports[0].kernel.driver, CONFIG_DRIVER_TAP);
	ck_assert_uint_eq(config->ports[1].kernel.rate, 10000);
	ck_assert_ptr_null(config->ports[1].kernel.netns);
	ck_assert_str_eq(config->ports[2].kernel.netns, "/proc/7/ns/net");
	ck_assert_ptr_null(config->ports[3].kernel.interface);
	config_free(config);
}
END_TEST

static Suite *config_ports_suite(void)
{
	Suite *suite = suite_create("config_ports");
	TCase *tests = tcase_create("config_ports");
	tcase_add_test(tests, address_texts);
	tcase_add_test(tests, texts_that_are_no_address);
	tcase_add_test(tests, a_port_with_everything);
	tcase_add_test(tests, keys_of_a_port);
	tcase_add_test(tests, addresses);
	tcase_add_test(tests, as_many_addresses_as_a_port_has_room_for);
	tcase_add_test(tests, gateways);
	tcase_add_test(tests, neighbours);
	tcase_add_test(tests, listeners);
	tcase_add_test(tests, ports_beside_each_other);
	tcase_add_test(tests, sixteen_ports_and_no_more);
	tcase_add_test(tests, the_interface_of_the_kernel);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(config_ports_suite)
