/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/metrics/totals.h"

#include <math.h>

#include "control/control.h"

/* Sums one cell of all workers; `cell` is an expression over `worker`. */
#define WORKERS_SUM(control, sum, cell)                                                            \
	for (unsigned w_ = 0; w_ < (control)->dataplane->n_workers; w_++) {                        \
		const struct worker *worker = &workers[w_];                                        \
		(sum) += stats_read(&(cell));                                                      \
	}

uint64_t totals_counter(const struct control *control, enum stats_counter counter)
{
	uint64_t sum = stats_read(&control->stats.counter[counter]);
	WORKERS_SUM(control, sum, worker->stats.counter[counter]);
	return sum;
}

uint64_t totals_drop(const struct control *control, enum drop_reason reason)
{
	uint64_t sum = stats_read(&control->stats.drop[reason]);
	WORKERS_SUM(control, sum, worker->stats.drop[reason]);
	return sum;
}

uint64_t totals_port_queries(const struct control *control, unsigned port)
{
	uint64_t sum = 0;
	WORKERS_SUM(control, sum, worker->stats.port[port].queries);
	return sum;
}

uint64_t totals_port_answers(const struct control *control, unsigned port, enum stats_origin origin)
{
	uint64_t sum = 0;
	WORKERS_SUM(control, sum, worker->stats.port[port].answers[origin]);
	return sum;
}

uint64_t totals_queries(const struct control *control)
{
	uint64_t sum = 0;
	for (unsigned port = 0; port < control->dataplane->n_ports; port++)
		sum += totals_port_queries(control, port);
	return sum;
}

uint64_t totals_answers(const struct control *control, enum stats_origin origin)
{
	uint64_t sum = 0;
	for (unsigned port = 0; port < control->dataplane->n_ports; port++)
		sum += totals_port_answers(control, port, origin);
	return sum;
}

uint64_t totals_latency_below(const struct control *control, unsigned bucket)
{
	uint64_t sum = 0;
	for (unsigned b = 0; b <= bucket && b < STATS_LATENCY_BUCKETS; b++)
		WORKERS_SUM(control, sum, worker->stats.latency[b]);
	return sum;
}

uint64_t totals_latency_sum(const struct control *control)
{
	uint64_t sum = 0;
	WORKERS_SUM(control, sum, worker->stats.latency_sum);
	return sum;
}

void totals_backend(const struct control *control, uint16_t number, struct backend_stats *sum)
{
	*sum = (struct backend_stats){0};
	/* What ended is read before what was sent, so that no more has ended than was sent. */
	WORKERS_SUM(control, sum->responses, worker->backends[number].responses);
	WORKERS_SUM(control, sum->timeouts, worker->backends[number].timeouts);
	WORKERS_SUM(control, sum->servfails, worker->backends[number].servfails);
	WORKERS_SUM(control, sum->send_errors, worker->backends[number].send_errors);
	WORKERS_SUM(control, sum->noncompliant, worker->backends[number].noncompliant);
	WORKERS_SUM(control, sum->queries, worker->backends[number].queries);
	double weighted = 0;
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		const struct backend_stats *stats = &workers[i].backends[number];
		weighted += stats->latency * (double)stats_read(&stats->responses);
	}
	sum->latency = sum->responses > 0 ? weighted / (double)sum->responses : 0;
}

void busy_tick(struct busy *busy, const struct dataplane *dataplane, uint64_t now)
{
	if (busy->started != 0 && now - busy->started < rte_get_tsc_hz())
		return;
	for (unsigned i = 0; i < dataplane->n_workers; i++) {
		uint64_t cycles = stats_read(&workers[i].stats.counter[STATS_BUSY_CYCLES]);
		double share = (double)(cycles - busy->cycles[i]) / (double)(now - busy->started);
		/* A turn that began in the window before is counted in the one it ended in. */
		busy->ratio[i] = share < 1 ? share : 1;
		busy->cycles[i] = cycles;
	}
	busy->known = busy->started != 0;
	busy->started = now;
}

void averages_tick(struct averages *averages, const struct control *control)
{
	/* What left over TCP is read first: it is part of all, which thus is no less. */
	uint64_t count = 0, sum = 0, streamed = 0, streamed_sum = 0;
	WORKERS_SUM(control, streamed, worker->stats.streamed);
	WORKERS_SUM(control, streamed_sum, worker->stats.streamed_sum);
	count = totals_latency_below(control, STATS_LATENCY_BOUNDS) - streamed;
	sum = totals_latency_sum(control) - streamed_sum;
	if (count <= averages->count) /* one of TCP was read in part: the next tick sees it whole */
		return;
	double fresh = (double)(count - averages->count);
	double mean = sum > averages->sum ? (double)(sum - averages->sum) / fresh : 0;
	for (unsigned i = 0; i < STATS_AVERAGES; i++) {
		double kept = exp(fresh * log1p(-1.0 / stats_averages_over[i]));
		averages->us[i] += (1 - kept) * (mean - averages->us[i]);
	}
	averages->count = count;
	averages->sum = sum;
}
