/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an lcore's cycles go, for `scripts/bench --profile`: built with -Dstages=true only, or nothing
 * is left of these macros. STAGE() stands at the head of what belongs to a stage, and holds until its
 * block is left: then what was before goes on. A stage does not contain those it calls.
 */
#ifndef SLUICE_DATAPLANE_STAGES_H
#define SLUICE_DATAPLANE_STAGES_H

#ifndef SLUICE_STAGES

#define STAGE(lcore, stage) _Static_assert(1, "")
#define STAGE_NEXT(lcore, stage) ((void)0)
#define STAGES_OPEN(lcore, stage) ((void)0)
#define STAGES_CLOSE(lcore, work) ((void)0)

#else

#include <stdbool.h>
#include <stdint.h>

#include <rte_cycles.h>

#include "dataplane/stats.h"

/* X(stage, name): a worker's, in the order in which queries meet them; the control lcore's turn. */
#define STAGES(X)                                                                                  \
	X(RX, "rx")                                                                                \
	X(FRAME, "frame")                                                                          \
	X(DNS, "dns")                                                                              \
	X(RULES, "rules")                                                                          \
	X(CACHE, "cache")                                                                          \
	X(FORWARD, "forward")                                                                      \
	X(HANDOFF, "handoff")                                                                      \
	X(TX, "tx")                                                                                \
	X(OTHER, "other")                                                                          \
	X(CONTROL, "control")

enum stage {
#define X(stage, name) STAGE_##stage,
	STAGES(X)
#undef X
	STAGE_COUNT
};

/* What takes longer was no stage: the kernel had given the CPU to somebody else. */
#define STAGE_CYCLES_MAX 100000u

struct stage_sum {
	uint64_t cycles;
	uint64_t parts; /* each has read the counter once, which is part of its cycles */
};

struct stages {
	enum stage now;
	uint64_t since;
	struct stage_sum turn[STAGE_COUNT + 1]; /* the last: between turns */
	/* Of turns that found work; the lcore writes, control reads. */
	struct stage_sum total[STAGE_COUNT];
};

/* Goes on in another stage; the one before. */
static inline enum stage stages_enter(struct stages *stages, enum stage stage)
{
	enum stage before = stages->now;
	if (before == stage)
		return before;
	uint64_t now = rte_rdtsc(), spent = now - stages->since;
	if (spent < STAGE_CYCLES_MAX) {
		stages->turn[before].cycles += spent;
		stages->turn[before].parts++;
	}
	stages->since = now;
	stages->now = stage;
	return before;
}

static inline void stages_open(struct stages *stages, enum stage stage)
{
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		stages->turn[i] = (struct stage_sum){0};
	stages->now = stage;
	stages->since = rte_rdtsc();
}

/* A turn without work is forgotten: how often an lcore polls is no cost of a query's. */
static inline void stages_close(struct stages *stages, bool work)
{
	stages_enter(stages, STAGE_COUNT);
	for (unsigned i = 0; work && i < STAGE_COUNT; i++) {
		stats_add(&stages->total[i].cycles, stages->turn[i].cycles);
		stats_add(&stages->total[i].parts, stages->turn[i].parts);
	}
}

/* Cycles that a part has by being measured, at best. */
static inline double stages_cost(void)
{
	double least = STAGE_CYCLES_MAX;
	for (unsigned round = 0; round < 100; round++) {
		struct stages stages;
		stages_open(&stages, STAGE_OTHER);
		for (unsigned i = 0; i < 200; i++)
			stages_enter(&stages, i % 2 == 0 ? STAGE_RX : STAGE_TX);
		stages_enter(&stages, STAGE_OTHER);
		double cost = (double)(stages.turn[STAGE_RX].cycles + stages.turn[STAGE_TX].cycles) / 200;
		if (stages.turn[STAGE_RX].parts + stages.turn[STAGE_TX].parts == 200 && cost < least)
			least = cost;
	}
	return least;
}

/* Of a stage that began in a block which is left now. */
struct stage_scope {
	struct stages *stages;
	enum stage before;
};

static inline void stages_leave(struct stage_scope *scope)
{
	stages_enter(scope->stages, scope->before);
}

#define STAGE(lcore, stage)                                                                        \
	struct stage_scope stage_scope __attribute__((cleanup(stages_leave), unused)) = {          \
		&(lcore)->stages, stages_enter(&(lcore)->stages, STAGE_##stage)}
#define STAGE_NEXT(lcore, stage) ((void)stages_enter(&(lcore)->stages, STAGE_##stage))
#define STAGES_OPEN(lcore, stage) stages_open(&(lcore)->stages, STAGE_##stage)
#define STAGES_CLOSE(lcore, work) stages_close(&(lcore)->stages, work)

#endif
#endif
