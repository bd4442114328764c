/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is allowed in a policy and probably not meant: rules that no packet gets to, and rules that
 * spoof the addresses of one family for queries of both.
 */
#ifndef SLUICE_CONTROL_POLICY_LINT_H
#define SLUICE_CONTROL_POLICY_LINT_H

#include "control/policy/build.h"

/* `place` is "file:line", or "?". */
typedef void policy_lint_fn(const char *place, const char *text);

/* Looks at all rules, in their order. */
void policy_lint(struct policy_model *model, policy_lint_fn *warn);

#endif
