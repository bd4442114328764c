/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rules of a chain can cover a selector at all, without asking policy_covers() of each: a
 * selector for a name, say, covers only what asks for that name. Each rule is known by an anchor of
 * its selector, and found by what a selector has.
 */
#ifndef SLUICE_CONTROL_POLICY_ANCHORS_H
#define SLUICE_CONTROL_POLICY_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/policy/build.h"

struct policy_anchors;

struct policy_anchors *policy_anchors_new(void); /* NULL: no memory */
void policy_anchors_free(struct policy_anchors *anchors);

/* Adds the selector of a rule; numbers rise. False without memory. */
bool policy_anchors_add(struct policy_anchors *anchors, const struct policy_selector *selector,
			uint32_t rule);

/*
 * The numbers, rising, of all rules added that may cover the selector, unless it is one that
 * matches nothing; valid until the next call. Returns how many; SIZE_MAX without memory.
 */
size_t policy_anchors_find(struct policy_anchors *anchors, const struct policy_selector *selector,
			   const uint32_t **rules);

#endif
