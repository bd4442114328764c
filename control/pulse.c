/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/pulse.h"

#include <rte_lcore.h>
#include <systemd/sd-daemon.h>

#include "control/log/log.h"

void pulse_start(struct pulse *pulse)
{
	uint64_t us = 0;
	*pulse = (struct pulse){0};
	if (sd_watchdog_enabled(0, &us) <= 0)
		return;
	/* Twice as often as it asks, as its manual advises. */
	pulse->every = us / 2000 > 0 ? us / 2000 : 1;
	log_info("systemd's watchdog is told every %lu ms, while all workers turn",
		 (unsigned long)pulse->every);
}

static uint64_t turns_of(const struct worker *worker)
{
	return stats_read(&worker->stats.counter[STATS_BUSY_TURNS]) +
	       stats_read(&worker->stats.counter[STATS_IDLE_TURNS]);
}

static void look(struct pulse *pulse, const struct worker *worker, unsigned number,
		 uint64_t passed)
{
	uint64_t turns = turns_of(worker);
	uint64_t still = pulse->worker[number].still;
	bool stalled = pulse->worker[number].stalled;
	if (turns != pulse->worker[number].turns) {
		pulse->worker[number].turns = turns;
		pulse->worker[number].still = 0;
		pulse->worker[number].stalled = false;
		if (stalled)
			log_warning("worker %u turns again, after %.1f s", number,
				    (double)still / 1000);
		return;
	}
	pulse->worker[number].still = still += passed;
	if (stalled || still < PULSE_STALL_MS)
		return;
	pulse->worker[number].stalled = true;
	pulse->worker[number].stalls++;
	log_error("worker %u (lcore %u) is stalled: it has not turned for %.1f s, and what its "
		  "queues receive waits",
		  number, worker->lcore, (double)still / 1000);
}

static bool any_stalled(const struct pulse *pulse, unsigned workers_count)
{
	for (unsigned i = 0; i < workers_count; i++)
		if (pulse->worker[i].stalled)
			return true;
	return false;
}

void pulse_tick(struct pulse *pulse, const struct dataplane *dataplane, uint64_t now)
{
	uint64_t passed = pulse->looked != 0 ? now - pulse->looked : 0;
	pulse->looked = now;
	for (unsigned i = 0; i < dataplane->n_workers; i++)
		look(pulse, &workers[i], i, RTE_MIN(passed, (uint64_t)PULSE_LOOK_MS));
	if (pulse->every == 0 || now - pulse->notified < pulse->every ||
	    any_stalled(pulse, dataplane->n_workers))
		return;
	pulse->notified = now;
	sd_notify(0, "WATCHDOG=1");
}
