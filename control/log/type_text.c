/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/log/type_text.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const types[] = {
	[1] = "A", [2] = "NS", [5] = "CNAME", [6] = "SOA", [12] = "PTR", [13] = "HINFO",
	[15] = "MX", [16] = "TXT", [28] = "AAAA", [33] = "SRV", [35] = "NAPTR", [39] = "DNAME",
	[41] = "OPT", [43] = "DS", [44] = "SSHFP", [46] = "RRSIG", [47] = "NSEC", [48] = "DNSKEY",
	[50] = "NSEC3", [51] = "NSEC3PARAM", [52] = "TLSA", [59] = "CDS", [60] = "CDNSKEY",
	[64] = "SVCB", [65] = "HTTPS", [99] = "SPF", [250] = "TSIG", [251] = "IXFR",
	[252] = "AXFR", [255] = "ANY", [257] = "CAA",
};

const char *type_text_of(uint16_t type, char *text, size_t size)
{
	if (type < COUNT(types) && types[type] != NULL)
		return types[type];
	snprintf(text, size, "TYPE%u", type);
	return text;
}
