/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy says of where packets to a server leave from, by the ports of the configuration. */
#ifndef SLUICE_CONTROL_SERVERS_SOURCE_H
#define SLUICE_CONTROL_SERVERS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "dataplane/net/route.h"

/*
 * Reads "address", "port" or "address@port", where a port is one by its name and an address one of a
 * port's, for a server of this family. 0; -EINVAL with a sentence in `error`.
 */
int server_source_find(const struct config *config, const char *text, bool ipv6,
		       struct net_source *source, char *error, size_t error_size);

#endif
