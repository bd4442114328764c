/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's interfaces of the ports: made at the start, gone at the end. */
#ifndef SLUICE_CONTROL_NET_KERNEL_H
#define SLUICE_CONTROL_NET_KERNEL_H

#include <stddef.h>

#include "control/control.h"

/*
 * Makes the interface of each port that has one in the configuration: it has the port's MAC address,
 * MTU and addresses, and as many queues as there are workers. Says which driver it took. The ports
 * are open. 0, or -errno and a sentence in `error`; then what was made is gone.
 */
int kernel_create(struct control *control, char *error, size_t size);
void kernel_destroy(struct control *control);

#endif
