/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt, section 2.2): what a proxy puts
 * before a datagram, or at the start of a connection, to say who its client is. Pure code over bytes.
 */
#ifndef SLUICE_DATAPLANE_NET_PROXY_H
#define SLUICE_DATAPLANE_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_HEADER_MIN 16u	  /* signature, command, family, length */
#define PROXY_HEADER_FULL 52u	  /* with IPv6 addresses and ports */
#define PROXY_VALUE_HEADER 3u	  /* type and length of a value */
#define PROXY_SIZE_DEFAULT 512u	  /* most that is taken, all in all, unless the policy says more */

/* Who talks to whom; IPv4 in the first four bytes. Ports in host byte order. */
struct proxy_header {
	uint16_t length; /* of all of it, values included */
	uint16_t values; /* where those begin; `length` if there are none */
	bool local;	 /* from the proxy itself: nothing of what follows is set */
	bool stream;	 /* TCP, else UDP */
	bool ipv6;
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t source[16];
	uint8_t destination[16];
};

/* A type and its bytes, which stay where the header is. */
struct proxy_value {
	uint8_t type;
	uint16_t length;
	const uint8_t *bytes;
};

/*
 * Reads the header at the start of `bytes`. Its length; 0: it may be one, and there is more to come;
 * -EBADMSG: it is none, or says who its client is in a way that is not understood. What says that it
 * is unspecified is as local.
 */
int proxy_parse(const uint8_t *bytes, size_t length, struct proxy_header *header);

/* The value at `*offset`, which starts as header->values and is moved on; false: there is none. */
bool proxy_value_next(const uint8_t *bytes, const struct proxy_header *header, uint16_t *offset,
		      struct proxy_value *value);

/* Bytes of a header without values: what proxy_write() returns. */
uint16_t proxy_size(const struct proxy_header *header);

/*
 * Writes a header that `values` bytes of values follow: local, stream, ipv6, addresses and ports
 * are read. Its length without those. 65535 - PROXY_HEADER_FULL bytes of values at most.
 */
uint16_t proxy_write(uint8_t *bytes, const struct proxy_header *header, uint16_t values);

/* Writes a value, of PROXY_VALUE_HEADER more bytes; that length. */
uint16_t proxy_value_write(uint8_t *bytes, const struct proxy_value *value);

#endif
