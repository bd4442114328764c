/* SPDX-License-Identifier: BSD-2-Clause */
/* Network namespaces. Start-up, and threads that open sockets: never a worker. */
#ifndef SLUICE_CONTROL_NET_NETNS_H
#define SLUICE_CONTROL_NET_NETNS_H

#include <stddef.h>

/*
 * Takes the calling thread, and it alone, into a network namespace: a name as of `ip netns`, or a
 * path; NULL is where it is already. What it opens there (sockets, devices) stays there. `back` is
 * for netns_leave(). 0, or -errno and a sentence in `error`.
 */
int netns_enter(const char *netns, int *back, char *error, size_t size);

/* Back again; a thread that cannot go back would open its files in the wrong place: it aborts. */
void netns_leave(int back);

#endif
