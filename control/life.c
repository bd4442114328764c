/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/life.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "control/blocks.h"
#include "control/console/console.h"
#include "control/crew.h"
#include "control/eal.h"
#include "control/export/exporter.h"
#include "control/hand.h"
#include "control/http/http.h"
#include "control/lists/feed.h"
#include "control/log/writer.h"
#include "control/loop.h"
#include "control/lua/errands.h"
#include "control/lua/policy.h"
#include "control/metrics/telemetry.h"
#include "control/net/kernel.h"
#include "control/net/links.h"
#include "control/parking.h"
#include "control/ports.h"
#include "control/publish.h"
#include "control/servers/numbers.h"
#include "control/servers/probe.h"
#include "control/tcp/tcp.h"
#include "control/works.h"

#define ERROR_SIZE LIFE_ERROR_SIZE

static struct control *control;
static unsigned started; /* steps */

static int refused(char *error, const char *text)
{
	snprintf(error, ERROR_SIZE, "%s", text);
	return -1;
}

static int eal_init(char *error)
{
	return eal_start(control->config, error, ERROR_SIZE);
}

/* Buffers for packets that leave their worker, blocks for tags, and how much that is. */
static int memory_init(char *error)
{
	if (parking_create(control) != 0)
		return refused(error, "no memory for parked packets; raise eal.memory or lower "
				      "async.max_suspended or dataplane.max_delayed");
	return 0;
}

static void memory_fini(void)
{
	parking_destroy(control);
}

static int ports_init(char *error)
{
	return ports_open(control, error, ERROR_SIZE);
}

static void ports_fini(void)
{
	ports_close(control);
}

static int kernel_init(char *error)
{
	return kernel_create(control, error, ERROR_SIZE);
}

static void kernel_fini(void)
{
	kernel_destroy(control);
}

static int workers_init(char *error)
{
	return crew_create(control, error, ERROR_SIZE);
}

static void workers_fini(void)
{
	crew_destroy(control);
}

static uint64_t hits_sum(void *context, uint32_t slot)
{
	uint64_t sum = control->rules.rule_hits ? stats_read(&control->rules.rule_hits[slot]) : 0;
	(void)context;
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		sum += stats_read(&workers[i].rule_hits[slot]);
	return sum;
}

static int loop_init(char *error)
{
	control->endpoints = endpoint_set_create(lua_abi_send_failed, NULL);
	control->registry = policy_registry_new(hits_sum, NULL);
	control->rules.stats = &control->stats;
	control->rules.lcore = (uint16_t)control->dataplane->n_workers;
	control->rules.backends = control->dataplane->backends;
	control->rules.ports = control->dataplane->ports;
	control->rules.rule_hits = calloc(RULE_HIT_SLOTS, sizeof(uint64_t));
	if (control->endpoints == NULL || control->registry == NULL ||
	    control->rules.rule_hits == NULL || loop_create(control) != 0)
		return refused(error, "no memory or no file descriptors for the control loop");
	server_numbers_init(control);
	policy_registry_lcores_set(control->registry, (uint16_t)(control->dataplane->n_workers + 1));
	if (control->replaying)
		endpoint_set_offline(control->endpoints);
	return 0;
}

static void loop_fini(void)
{
	loop_destroy(control);
	endpoint_set_destroy(control->endpoints);
	policy_registry_free(control->registry);
	free(control->rules.rule_hits);
}

/* On the CPUs that no lcore has, if there are any. */
static int feeds_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return -rte_ctrl_thread_create(thread, "sluice-lists", NULL, run, argument);
}

static int works_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return -rte_ctrl_thread_create(thread, "sluice-works", NULL, run, argument);
}

static void works_wake(void *context)
{
	(void)context;
	waker_wake(&control->waker);
}

static int works_init(char *error)
{
	control->works = works_create(works_thread_start, works_wake, NULL);
	if (control->works == NULL)
		return refused(error, "no memory or no threads for what takes long");
	policy_registry_works_set(control->registry, control->works);
	return 0;
}

/* What the registry gives back after this it gives back itself. */
static void works_fini(void)
{
	works_destroy(control->works);
	control->works = NULL;
	policy_registry_works_set(control->registry, NULL);
}

static int health_init(char *error)
{
	return probe_init(control) == 0 ? 0 : refused(error, "no memory");
}

static void health_fini(void)
{
	probe_fini(control);
}

static int links_init(char *error)
{
	return links_create(control, error, ERROR_SIZE);
}

static void links_fini(void)
{
	links_destroy(control);
}

static int feeds_init(char *error)
{
	control->feeds = feeds_create(control->dataplane->rcu, feeds_thread_start);
	return control->feeds != NULL ? 0 : refused(error, "no memory or no thread for lists");
}

static int blocks_init(char *error)
{
	return blocks_create(control) == 0 ? 0 : refused(error, "no memory for dynamic blocks");
}

static void blocks_fini(void)
{
	blocks_destroy(control);
}

static void feeds_fini(void)
{
	feeds_destroy(control->feeds);
}

static int log_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return -rte_ctrl_thread_create(thread, "sluice-log", NULL, run, argument);
}

static int log_writer_init(char *error)
{
	unsigned n = control->dataplane->n_workers;
	control->log_writer = log_writer_create(n + 1, rte_get_tsc_hz(), log_thread_start);
	if (control->log_writer == NULL)
		return refused(error, "no memory or no thread for the log of queries");
	for (unsigned i = 0; i < n; i++)
		workers[i].rules.log = log_writer_ring(control->log_writer, i);
	control->rules.log = log_writer_ring(control->log_writer, n);
	return 0;
}

static void log_writer_fini(void)
{
	log_writer_destroy(control->log_writer);
}

static int export_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return -rte_ctrl_thread_create(thread, "sluice-export", NULL, run, argument);
}

static int exporter_init(char *error)
{
	unsigned n = control->dataplane->n_workers;
	control->exporter = exporter_create(n + 1, rte_get_tsc_hz(), export_thread_start);
	if (control->exporter == NULL)
		return refused(error, "no memory or no thread for the export of queries");
	for (unsigned i = 0; i < n; i++)
		workers[i].rules.exports = exporter_ring(control->exporter, i);
	control->rules.exports = exporter_ring(control->exporter, n);
	return 0;
}

static void exporter_fini(void)
{
	exporter_destroy(control->exporter);
}

static int http_init(char *error)
{
	return http_create(control, error, ERROR_SIZE);
}

static int console_init(char *error)
{
	return console_create(control, error, ERROR_SIZE);
}

static int telemetry_init(char *error)
{
	(void)error;
	telemetry_create(control);
	return 0;
}

static int policy_init(char *error)
{
	return lua_policy_load(control, life_policy_path(control), LUA_POLICY_LOAD, error, ERROR_SIZE);
}

static void policy_fini(void)
{
	lua_policy_finish(control);
	lua_policy_unload(control);
	lua_errands_close();
	policy_unpublish();
}

static void launch_fini(void)
{
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		__atomic_store_n(&workers[i].stop, 1, __ATOMIC_RELAXED);
		waker_wake(&workers[i].handoff.worker_waker);
	}
	rte_eal_mp_wait_lcore();
}

static int launch_init(char *error)
{
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		if (rte_eal_remote_launch(worker_main, &workers[i], workers[i].lcore) != 0) {
			launch_fini(); /* those that have started */
			return refused(error, "a worker's lcore does not start");
		}
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		while (!__atomic_load_n(&workers[i].warm, __ATOMIC_ACQUIRE))
			sched_yield(); /* milliseconds, so that the first queries do not wait */
	return 0;
}

static int tcp_init(char *error)
{
	return tcp_create(control, error, ERROR_SIZE);
}

static void tcp_fini(void)
{
	tcp_destroy(control);
}

/* In the order of starting; `exit` is what a failure of the step means. */
static const struct step {
	const char *name;
	int (*init)(char *error);
	void (*fini)(void);
	enum exit_code exit;
	bool live; /* not in replay */
} steps[] = {
	{"DPDK", eal_init, eal_stop, EXIT_SYSTEM},
	{"memory", memory_init, memory_fini, EXIT_SYSTEM},
	{"ports", ports_init, ports_fini, EXIT_SYSTEM},
	{"kernel interfaces", kernel_init, kernel_fini, EXIT_SYSTEM, true},
	{"workers", workers_init, workers_fini, EXIT_SYSTEM},
	{"loop", loop_init, loop_fini, EXIT_SYSTEM},
	{"works", works_init, works_fini, EXIT_SYSTEM},
	{"links", links_init, links_fini, EXIT_SYSTEM, true},
	{"dynamic blocks", blocks_init, blocks_fini, EXIT_SYSTEM},
	{"lists", feeds_init, feeds_fini, EXIT_SYSTEM},
	{"log of queries", log_writer_init, log_writer_fini, EXIT_SYSTEM},
	{"export of queries", exporter_init, exporter_fini, EXIT_SYSTEM, true},
	{"metrics", http_init, http_destroy, EXIT_SYSTEM, true},
	{"telemetry", telemetry_init, telemetry_destroy, EXIT_SYSTEM, true},
	{"health", health_init, health_fini, EXIT_SYSTEM, true},
	{"policy", policy_init, policy_fini, EXIT_REFUSED},
	{"TCP", tcp_init, tcp_fini, EXIT_SYSTEM, true},
	{"console", console_init, console_destroy, EXIT_SYSTEM, true},
	{"lcores", launch_init, launch_fini, EXIT_SYSTEM, true},
};

static bool step_is_taken(unsigned step)
{
	return !control->replaying || !steps[step].live;
}

int life_start(struct control *whose, char *error, enum exit_code *exit_code)
{
	control = whose;
	while (started < RTE_DIM(steps) &&
	       (!step_is_taken(started) || steps[started].init(error) == 0))
		started++;
	if (started == RTE_DIM(steps))
		return 0;
	*exit_code = steps[started].exit;
	return -1;
}

void life_stop(void)
{
	while (started > 0)
		if (step_is_taken(--started))
			steps[started].fini();
}
