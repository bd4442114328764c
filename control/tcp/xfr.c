/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/tcp/xfr.h"

#include "dataplane/dns/message.h"

#define SOA_FIXED 20u /* serial, refresh, retry, expire, minimum: the end of the data */

/* The serial stands at a fixed distance from the end of the record. */
static bool soa_serial(const uint8_t *message, const struct dns_record *record, uint32_t *serial)
{
	if (record->type != DNS_TYPE_SOA || record->rdlength < SOA_FIXED + 2)
		return false;
	*serial = dns_u32_load(message + record->end - SOA_FIXED);
	return true;
}

void tcp_xfr_begin(struct tcp_xfr *xfr, const uint8_t *query, size_t length, uint16_t qtype)
{
	struct dns_records records;
	struct dns_record record;
	*xfr = (struct tcp_xfr){.ixfr = qtype == DNS_TYPE_IXFR};
	if (!xfr->ixfr || dns_records_open(&records, query, length) != 0)
		return;
	while (dns_record_next(&records, &record) > 0)
		if (record.section == DNS_SECTION_AUTHORITY &&
		    soa_serial(query, &record, &xfr->serial))
			xfr->has_serial = true;
}

/* RFC 1982: at or after. */
static bool serial_reached(uint32_t have, uint32_t offered)
{
	return (int32_t)(have - offered) >= 0;
}

/* One record of the answer: whether it is the last. */
static bool record_take(struct tcp_xfr *xfr, const uint8_t *message,
			const struct dns_record *record)
{
	uint32_t serial = 0;
	bool soa = soa_serial(message, record, &serial);
	uint64_t number = xfr->records++;
	if (number == 0) {
		xfr->newest = serial;
		xfr->soas = 1;
		return !soa; /* whatever it is, it is no zone */
	}
	if (!soa)
		return false;
	if (number == 1 && xfr->ixfr && serial != xfr->newest)
		xfr->incremental = true;
	xfr->soas += serial == xfr->newest;
	return xfr->soas == (xfr->incremental ? 3 : 2);
}

bool tcp_xfr_ended(struct tcp_xfr *xfr, const uint8_t *message, size_t length)
{
	struct dns_records records;
	struct dns_record record;
	int found;
	if (length < DNS_HEADER_SIZE || (message[3] & 0x0f) != DNS_RCODE_NOERROR ||
	    dns_records_open(&records, message, length) != 0)
		return true;
	bool first = xfr->records == 0;
	while ((found = dns_record_next(&records, &record)) > 0 &&
	       record.section == DNS_SECTION_ANSWER)
		if (record_take(xfr, message, &record))
			return true;
	if (found < 0 || xfr->records == 0)
		return true;
	/* A lone SOA says that there is nothing newer; or it is the first of many messages. */
	return first && xfr->ixfr && xfr->records == 1 &&
	       (!xfr->has_serial || serial_reached(xfr->serial, xfr->newest));
}
