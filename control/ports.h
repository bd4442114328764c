/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports that the configuration names: opened, steered and given their addresses. Control lcore only. */
#ifndef SLUICE_CONTROL_PORTS_H
#define SLUICE_CONTROL_PORTS_H

#include "control/control.h"

/* 0, or -1 and what is wrong with any of them in `error`, a line each; then none is open. */
int ports_open(struct control *control, char *error, size_t size);
void ports_close(struct control *control);

static inline struct net_address ports_address(const struct config_address *address)
{
	struct net_address plain = {.ipv6 = address->ipv6};
	memcpy(plain.bytes, address->bytes, 16);
	return plain;
}

#endif
