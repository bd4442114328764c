/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv6 extension headers (RFC 8200, section 4), within bounds. Workers only. */
#ifndef SLUICE_DATAPLANE_NET_EXTENSION_H
#define SLUICE_DATAPLANE_NET_EXTENSION_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/stats.h"

#define NET_EXTENSIONS_MAX 4u	     /* headers of one packet */
#define NET_EXTENSIONS_BYTES_MAX 256u /* of all of them */
#define NET_FRAGMENT_HEADER 8u

struct net_extensions {
	uint32_t end;  /* in: where the first header would begin; out: what they stand before */
	uint8_t next;  /* the protocol of what begins at `end` */
	bool fragment; /* it is a piece only; its fragment header ends at `end` */
};

/*
 * Walks over the extension headers of a packet that ends at `length`. Stops behind the header of a
 * fragment; an atomic one, which is a whole packet (RFC 6946), is as any other header. DROP_NONE, or
 * why a host would not look behind them.
 */
enum drop_reason net_extensions_skip(const uint8_t *packet, uint32_t length,
				     struct net_extensions *at);

#endif
