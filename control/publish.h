/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands a compiled policy to the workers and frees the one before it after a grace period. */
#ifndef SLUICE_CONTROL_PUBLISH_H
#define SLUICE_CONTROL_PUBLISH_H

#include "dataplane/worker.h"

/*
 * Makes `policy` the current one, at once, whatever the workers do. It and its servers' routes are in place when the first worker
 * reads it. Control lcore only; the policy is this module's from here on.
 */
void policy_publish(struct dataplane *dataplane, struct policy *policy);

/* The current policy, NULL before the first. Control lcore only. */
const struct policy *policy_current(void);

/* Whether the current policy, or one that a worker may still read, has the backend. */
bool policy_is_published(uint16_t number);

/* Frees old policies that no worker reads any more. Every turn or less often; never blocks. */
void policy_reclaim(struct dataplane *dataplane);

/* Policies that wait for that. */
unsigned policy_old_count(void);

/* Frees everything, when no worker runs. */
void policy_unpublish(void);

#endif
