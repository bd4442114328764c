/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of large tables of policies (caches, counts of clients): every page of it is there before a
 * worker sees the table. Where that takes long it is done off the control lcore, and the policy waits; so
 * is giving it back. Control lcore only.
 */
#ifndef SLUICE_CONTROL_POLICY_MEMORY_H
#define SLUICE_CONTROL_POLICY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/works.h"

struct policy_blob;
struct policy_registry;

struct policy_memory {
	struct work work; /* first */
	struct policy_registry *registry;
	struct policy_memory *next; /* of the registry's that are being filled, or wait to be used */
	struct policy_blob *blob;   /* that it is in, and that it uses while it is one of these */
	void *bytes;
	size_t size;
	bool huge;	/* of huge pages that were set aside */
	uint32_t asked; /* by which reading of a policy */
	bool filling;
	bool ran;
	bool failed;
};

/* Maps it, all 0, from huge pages if `huge` and there are any. False without memory. */
bool policy_memory_map(struct policy_registry *registry, struct policy_memory *memory, size_t size,
		       bool huge);

/* Has its pages made. The blob is the one that the memory is a part of. */
void policy_memory_fill(struct policy_memory *memory, struct policy_blob *blob);

/* A policy wants it: 0, -EAGAIN while it is being filled, -ENOMEM if that failed. */
int policy_memory_ready(struct policy_memory *memory);

/* When its blob goes. */
void policy_memory_unmap(struct policy_memory *memory);

/* As expressions_left() and expressions_tidy(). */
unsigned policy_memories_left(const struct policy_registry *registry);
void policy_memories_tidy(struct policy_registry *registry, bool keep);

#endif
