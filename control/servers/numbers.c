/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/servers/numbers.h"

#include "control/publish.h"
#include "control/tcp/tcp.h"

/* Queries that were sent to it and have not ended, on any worker or connection. */
static bool is_asked(const struct control *control, uint16_t number)
{
	struct backend_stats sum;
	totals_backend(control, number, &sum);
	return sum.queries != sum.responses + sum.timeouts ||
	       tcp_connections(control, number) != 0;
}

/*
 * No policy that a worker reads has the server, and nothing that was sent to it is to come: so no
 * worker writes its counters, or reads its route, before a policy has the number anew.
 */
static void number_forget(struct control *control, uint16_t number)
{
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		workers[i].backends[number] = (struct backend_stats){0};
	control->latencies[number] = (struct backend_stats){0};
	control->dataplane->routed[number] = false;
	tcp_forget(control, number);
	if (control->health != NULL)
		health_forget(control->health, number);
}

static void numbers_sweep(void *context, bool numbers[static POLICY_BACKENDS_MAX])
{
	struct control *control = context;
	policy_reclaim(control->dataplane);
	async_backends_keep(control->async, numbers);
	for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++) {
		if (!numbers[i])
			continue;
		numbers[i] = !policy_is_published((uint16_t)i) && !is_asked(control, (uint16_t)i);
		if (numbers[i])
			number_forget(control, (uint16_t)i);
	}
}

void server_numbers_init(struct control *control)
{
	policy_registry_sweep_set(control->registry, numbers_sweep, control);
}
