/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's table of neighbours, in Sluice's network namespace: rtnetlink(7). */
#ifndef SLUICE_CONTROL_NET_NEIGHBOURS_H
#define SLUICE_CONTROL_NET_NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>

/* The MAC of an address of 4 or 16 bytes: 0, -ENOENT, or another -errno. Does not wait for anybody. */
int kernel_neighbour_find(const uint8_t *address, bool ipv6, uint8_t mac[static 6]);

#endif
