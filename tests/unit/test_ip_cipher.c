/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses in cipher, of which networks stay together: the vectors of draft-denis-ipcrypt. */
#include "control/crypto/ip_cipher.h"

#include <string.h>

#include <arpa/inet.h>

#include "tests/unit/unit.h"

static const char basic[] = "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"
			    "\x10\x32\x54\x76\x98\xba\xdc\xfe\xef\xcd\xab\x89\x67\x45\x23\x01";
static const char other[] = "\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c"
			    "\xa9\xf5\xba\x40\xdb\x21\x4c\x37\x98\xf2\xe1\xc2\x34\x56\x78\x9a";

static const struct {
	const char *key, *plain, *cipher;
} vectors[] = {
	{basic, "0.0.0.0", "151.82.155.134"},
	{basic, "255.255.255.255", "94.185.169.89"},
	{basic, "192.0.2.1", "100.115.72.131"},
	{basic, "2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"},
	{other, "10.0.0.47", "19.214.210.244"},
	{other, "10.0.0.129", "19.214.210.80"},
	{other, "10.0.0.234", "19.214.210.30"},
	{other, "172.16.5.193", "210.78.229.136"},
	{other, "172.16.97.42", "210.78.179.241"},
	{other, "2001:db8::a5c9:4e2f:bb91:5a7d", "7cec:702c:1243:f70:1956:125:b9bd:1aba"},
	{other, "2001:db8::7234:d8f1:3c6e:9a52", "7cec:702c:1243:f70:a3ef:c8e:95c1:cd0d"},
	/* What dnsdist makes of it. */
	{"12345678901234567890123456789012", "127.0.0.1", "109.33.15.148"},
};

START_TEST(networks_stay_together)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		bool ipv6 = strchr(vectors[i].plain, ':') != NULL;
		uint8_t address[16];
		char text[INET6_ADDRSTRLEN];
		ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, vectors[i].plain, address),
				 1);
		ck_assert_int_eq(
			ip_cipher_encrypt_prefixes(address, ipv6, (const uint8_t *)vectors[i].key),
			0);
		inet_ntop(ipv6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
		ck_assert_str_eq(text, vectors[i].cipher);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("ip_cipher");
	TCase *tests = tcase_create("ip_cipher");
	tcase_add_test(tests, networks_stay_together);
	suite_add_tcase(made, tests);
	return made;
}

UNIT_MAIN(suite)
