/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments of datagrams for the net room's laboratory; the table needs memory of EAL. */
#ifndef SLUICE_TESTS_FRAGMENT_LAB_H
#define SLUICE_TESTS_FRAGMENT_LAB_H

#include <rte_eal.h>

#include "dataplane/net/fragment.h"
#include "tests/unit/net_lab.h"

/* EAL in ordinary memory; once a process, before it forks. */
static inline bool lab_eal(void)
{
	char *arguments[] = {"lab",   "--no-huge",	"--no-shconf", "--no-pci", "-m",
			     "64", "--no-telemetry", "--log-level", "1",	  NULL};
	return rte_eal_init(RTE_DIM(arguments) - 1, arguments) >= 0;
}

/* A datagram from port 40000 to 53 with a message of `length` bytes, the checksum right. */
static inline void lab_datagram(uint8_t *out, uint16_t length, bool ipv6)
{
	uint32_t sum = IPPROTO_UDP + 8u + length;
	const struct net_address ends[] = {ipv6 ? lab_ipv6(2) : lab_ipv4(10, 53, 0, 2),
					   ipv6 ? lab_ipv6(1) : lab_ipv4(10, 53, 0, 1)};
	for (unsigned i = 0; i < 2; i++)
		sum += (uint16_t)~lab_checksum(ends[i].bytes, ipv6 ? 16 : 4, 0);
	lab_store(out, 40000);
	lab_store(out + 2, 53);
	lab_store(out + 4, (uint16_t)(8 + length));
	lab_store(out + 6, 0);
	for (unsigned i = 0; i < length; i++)
		out[8 + i] = (uint8_t)(i * 7 + i / 256);
	uint16_t checksum = lab_checksum(out, 8u + length, sum);
	lab_store(out + 6, checksum != 0 ? checksum : 0xffff);
}

/* Bytes `start` to `end` of a datagram as a fragment from fd53::2 or 10.53.0.2. */
static inline struct rte_mbuf *lab_fragment(const uint8_t *datagram, uint16_t start, uint16_t end,
					    bool more, uint16_t id, bool ipv6)
{
	uint8_t frame[14 + 48 + 8192] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint8_t *ip = frame + 14;
	uint16_t header = ipv6 ? 48 : 20, length = (uint16_t)(end - start);
	lab_store(frame + 12, ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ipv6) {
		ip[0] = 0x60;
		lab_store(ip + 4, (uint16_t)(8 + length));
		ip[6] = IPPROTO_FRAGMENT;
		memcpy(ip + 8, lab_ipv6(2).bytes, 16);
		memcpy(ip + 24, lab_ipv6(1).bytes, 16);
		ip[40] = IPPROTO_UDP;
		lab_store(ip + 42, (uint16_t)(start | more));
		lab_store(ip + 46, id);
	} else {
		ip[0] = 0x45;
		lab_store(ip + 2, (uint16_t)(20 + length));
		lab_store(ip + 4, id);
		lab_store(ip + 6, (uint16_t)(start / 8 | (more ? 0x2000 : 0)));
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, lab_ipv4(10, 53, 0, 2).bytes, 4);
		memcpy(ip + 16, lab_ipv4(10, 53, 0, 1).bytes, 4);
		lab_ipv4_seal(frame);
	}
	memcpy(ip + header, datagram + start, length);
	return lab_frame_bytes(frame, 14u + header + length, 0);
}

#endif
