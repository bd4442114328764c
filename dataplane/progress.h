/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether queries to servers get anywhere. Where they time out and none is answered, the next hop is asked
 * whether it is there, rather than when its time has come (RFC 4861, section 7.3.1: what upper layers know).
 */
#ifndef SLUICE_DATAPLANE_PROGRESS_H
#define SLUICE_DATAPLANE_PROGRESS_H

struct worker;
struct progress;

/* NULL: no memory. */
struct progress *progress_create(void);
void progress_destroy(struct progress *progress);

/* Looks at what was counted since the last time; once a second is enough. */
void progress_look(struct progress *progress, struct worker *worker);

#endif
