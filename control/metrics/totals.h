/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums over all lcores' counters, and how busy the workers are. The sums read counters relaxed and
 * nothing else, so that any thread may ask while the workers exist; a sum is of no one moment.
 */
#ifndef SLUICE_CONTROL_METRICS_TOTALS_H
#define SLUICE_CONTROL_METRICS_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/serve/backend.h"
#include "dataplane/stats.h"
#include "dataplane/worker.h"

struct control;

uint64_t totals_counter(const struct control *control, enum stats_counter counter);
uint64_t totals_drop(const struct control *control, enum drop_reason reason);

/* Of one port, and of all. */
uint64_t totals_port_queries(const struct control *control, unsigned port);
uint64_t totals_port_answers(const struct control *control, unsigned port,
			     enum stats_origin origin);
uint64_t totals_queries(const struct control *control);
uint64_t totals_answers(const struct control *control, enum stats_origin origin);

/* Answers that took less than stats_latency_bounds[bucket], or all for the last bucket. */
uint64_t totals_latency_below(const struct control *control, unsigned bucket);
uint64_t totals_latency_sum(const struct control *control); /* microseconds */

void totals_backend(const struct control *control, uint16_t number, struct backend_stats *sum);

/*
 * How much of its time each worker spent in turns that found work, over the last whole window of a
 * second: busy_tick() looks at the workers' cycle counters when a window is over. Control lcore
 * only.
 */
struct busy {
	uint64_t started; /* TSC at which the window began, 0: not yet */
	uint64_t cycles[WORKERS_MAX];
	double ratio[WORKERS_MAX];
	bool known; /* a window is over */
};

/* `now` is the TSC. */
void busy_tick(struct busy *busy, const struct dataplane *dataplane, uint64_t now);

/*
 * The latency of answers over UDP, each one of the last N weighing (1 - 1/N) times the next: with
 * what the workers sum up anyway. What came between two ticks counts as if each answer had taken
 * their mean. Control lcore only.
 */
struct averages {
	uint64_t count, sum;	   /* as they were at the last tick */
	double us[STATS_AVERAGES]; /* over stats_averages_over[] */
};

void averages_tick(struct averages *averages, const struct control *control);

#endif
