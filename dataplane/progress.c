/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/progress.h"

#include <stdlib.h>

#include "dataplane/pipeline_parts.h"

struct progress {
	struct {
		uint64_t timeouts, responses;
		uint32_t silent_checks;
	} seen[POLICY_BACKENDS_MAX];
};

struct progress *progress_create(void)
{
	return calloc(1, sizeof(struct progress));
}

void progress_destroy(struct progress *progress)
{
	free(progress);
}

/* Checks may come from another worker: their end counts for all. */
static bool is_silent(struct progress *progress, const struct worker *worker, unsigned number)
{
	const struct backend_stats *stats = &worker->backends[number];
	uint32_t checks = __atomic_load_n(&worker->dataplane->silent_checks[number], __ATOMIC_RELAXED);
	bool asked = stats->timeouts != progress->seen[number].timeouts ||
		     checks != progress->seen[number].silent_checks;
	bool answered = stats->responses != progress->seen[number].responses;
	progress->seen[number].timeouts = stats->timeouts;
	progress->seen[number].responses = stats->responses;
	progress->seen[number].silent_checks = checks;
	return asked && !answered;
}

void progress_look(struct progress *progress, struct worker *worker)
{
	const struct policy *policy = policy_now(worker);
	for (unsigned i = 0; i < policy->n_backends; i++) {
		const struct net_route *route = &worker->dataplane->routes[i];
		if (policy->backends[i] == NULL || !worker->dataplane->routed[i] ||
		    !is_silent(progress, worker, i))
			continue;
		neighbour_doubt(worker->neighbours, route->port, &route->next_hop,
				worker->now / worker->tsc_per_ms);
	}
}
