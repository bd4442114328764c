/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/rdata.h"

#include <errno.h>

struct dns_rdata_layout dns_rdata_layout_of(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_NS:
	case DNS_TYPE_MD:
	case DNS_TYPE_MF:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_MB:
	case DNS_TYPE_MG:
	case DNS_TYPE_MR:
	case DNS_TYPE_PTR:
		return (struct dns_rdata_layout){.names = 1, .compress = true};
	case DNS_TYPE_SOA:
	case DNS_TYPE_MINFO:
		return (struct dns_rdata_layout){.names = 2, .compress = true};
	case DNS_TYPE_MX:
		return (struct dns_rdata_layout){.fixed = 2, .names = 1, .compress = true};
	/* Receivers are to read these when compressed, senders must not compress them. */
	case DNS_TYPE_DNAME:
	case DNS_TYPE_NXT:
	case DNS_TYPE_NSEC:
		return (struct dns_rdata_layout){.names = 1};
	case DNS_TYPE_RP:
		return (struct dns_rdata_layout){.names = 2};
	case DNS_TYPE_AFSDB:
	case DNS_TYPE_RT:
	case DNS_TYPE_KX:
		return (struct dns_rdata_layout){.fixed = 2, .names = 1};
	case DNS_TYPE_PX:
		return (struct dns_rdata_layout){.fixed = 2, .names = 2};
	case DNS_TYPE_SRV:
		return (struct dns_rdata_layout){.fixed = 6, .names = 1};
	case DNS_TYPE_SIG:
	case DNS_TYPE_RRSIG:
		return (struct dns_rdata_layout){.fixed = 18, .names = 1};
	case DNS_TYPE_NAPTR:
		return (struct dns_rdata_layout){.fixed = 4, .strings = 3, .names = 1};
	default:
		return (struct dns_rdata_layout){0};
	}
}

int dns_rdata_name_find(const uint8_t *message, const struct dns_record *record,
			struct dns_rdata_layout layout)
{
	size_t at = record->rdata + layout.fixed;
	for (unsigned i = 0; i < layout.strings && at < record->end; i++)
		at += message[at] + 1u;
	return at < record->end ? (int)at : -EBADMSG;
}
