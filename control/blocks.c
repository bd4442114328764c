/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/blocks.h"

#include <errno.h>
#include <stdlib.h>

#include <sys/random.h>

#include "control/lua/policy.h"
#include "dataplane/clock.h"
#include "dataplane/rules/block_set.h"

#define MARK_MS 10000u /* block_set.h says so */

/* A round through all blocks, over several turns, and when the last ones began. */
static struct {
	bool runs, purges, marks;
	uint64_t purged, marked; /* ms */
} sweep;

int blocks_create(struct control *control)
{
	struct dataplane *dataplane = control->dataplane;
	uint64_t seed; /* a secret: clients choose what is hashed */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	control->blocks =
		block_set_create(&dataplane->blocks, dataplane->rcu, dataplane->n_workers, seed);
	return control->blocks != NULL ? 0 : -ENOMEM;
}

void blocks_destroy(struct control *control)
{
	block_set_destroy(control->blocks);
	control->blocks = NULL;
}

static uint64_t purge_ms(const struct control *control)
{
	return control->lua != NULL
		       ? policy_model_settings(control->lua->model)->block_purge * (uint64_t)1000
		       : POLICY_BLOCK_PURGE * 1000u;
}

static void sweep_begin(const struct control *control)
{
	sweep.purges = control->now - sweep.purged >= purge_ms(control);
	sweep.marks = control->now - sweep.marked >= MARK_MS;
	sweep.runs = sweep.purges || sweep.marks;
	if (sweep.purges)
		sweep.purged = control->now;
	if (sweep.marks)
		sweep.marked = control->now;
}

void blocks_tick(struct control *control)
{
	if (!sweep.runs)
		sweep_begin(control);
	if (sweep.runs)
		sweep.runs = !block_set_sweep(control->blocks, clock_now(), sweep.purges,
					      sweep.marks);
	block_set_reclaim(control->blocks);
}
