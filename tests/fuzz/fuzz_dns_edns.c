/* SPDX-License-Identifier: BSD-2-Clause */
/* Edits the EDNS of any bytes. The first byte says what to do, the rest is the message. */
#include <stdlib.h>

#include "dataplane/dns/edns.h"

#define GROWTH 64u
#define UNTOUCHED 65001u /* an option code that no edit here uses */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* Both ways of finding the OPT must agree. */
static bool find(const uint8_t *message, size_t size, struct dns_edns *edns)
{
	struct dns_question question;
	struct dns_edns fast;

	enum dns_error error = dns_edns_search(message, size, edns);
	if (dns_question_parse(message, size, &question) == DNS_OK) {
		MUST((dns_edns_find(message, size, question.end, &fast) == DNS_OK) ==
		     (error == DNS_OK));
		MUST(error != DNS_OK || (fast.offset == edns->offset && fast.end == edns->end &&
					 fast.flags == edns->flags && fast.last == edns->last));
	}
	MUST(error != DNS_OK || edns->end <= size);
	return error == DNS_OK;
}

static int edit(unsigned what, uint8_t *message, size_t size, size_t capacity)
{
	static const uint8_t data[16] = "0123456789abcdef";
	switch (what % 6) {
	case 0:
		return dns_option_set(message, size, capacity, DNS_OPTION_COOKIE, data, what / 16,
				      1232);
	case 1:
		return dns_option_remove(message, size, DNS_OPTION_COOKIE);
	case 2:
		return dns_ede_add(message, size, capacity, 15, (const char *)data, what / 16,
				   false);
	case 3:
		return dns_ede_add(message, size, capacity, 15, (const char *)data, what / 16,
				   true);
	case 4:
		return dns_edns_add(message, size, capacity, 1232, true);
	default:
		return dns_edns_remove(message, size);
	}
}

static void edit_judge(unsigned what, const uint8_t *message, size_t size, bool had)
{
	struct dns_edns edns;
	struct dns_option option;

	MUST(dns_message_check(message, size) == 0);
	MUST(find(message, size, &edns));
	MUST((edns.offset != 0) == (what % 6 == 5 ? false : what % 6 == 1 ? had : true));
	if (what % 6 <= 3)
		MUST(dns_option_find(message, &edns, UNTOUCHED, &option) >= 0);
	if (what % 6 == 0) {
		MUST(dns_option_find(message, &edns, DNS_OPTION_COOKIE, &option) == 1);
		MUST(option.length == what / 16);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_edns edns;

	if (size-- < 2)
		return 0;
	unsigned what = *data++;
	size_t capacity = size + GROWTH / (1 + what % 5);
	uint8_t *message = malloc(capacity);
	MUST(message);
	memcpy(message, data, size);
	bool found = find(message, size, &edns);
	int rc = edit(what, message, size, capacity);
	MUST(rc <= (int)capacity);
	MUST(rc < 0 || found);
	if (rc < 0)
		MUST(memcmp(message, data, size) == 0);
	else
		edit_judge(what, message, (size_t)rc, edns.offset != 0);
	free(message);
	return 0;
}
