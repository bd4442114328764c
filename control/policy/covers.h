/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be told of selectors without a packet: whether one is true wherever another one is. A
 * "no" may mean that nobody knows.
 */
#ifndef SLUICE_CONTROL_POLICY_COVERS_H
#define SLUICE_CONTROL_POLICY_COVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/policy/build.h"

struct rule_test;

struct policy_view {
	uint64_t patience; /* comparisons that may still be made; at 0 nothing is covered */
	uint16_t qtype;	   /* only queries of this type count; 0: all */
	bool unedited;	   /* nothing edits the packet between the two */
	bool renamed;	   /* something between the two may give it another name */
};

/* Whether some packet of the view may be one for the selector. */
bool policy_may_match(const struct policy_selector *selector, struct policy_view *view);

/* Whether `selector` is true for each packet of the view for which `other` is. */
bool policy_covers(const struct policy_selector *selector, const struct policy_selector *other,
		   struct policy_view *view);

/*
 * Whether a test covers others of its kind with the same value, as it covers itself; else it covers
 * none. Those for names and expressions are told otherwise.
 */
bool policy_test_compares(const struct rule_test *test);

#endif
