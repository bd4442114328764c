/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/crew.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "control/log/log.h"
#include "control/placement.h"
#include "control/ports.h"

#define RCU_READERS (WORKERS_MAX + 1) /* and the TCP thread */

static int refused(char *error, size_t size, const char *text)
{
	snprintf(error, size, "%s", text);
	return -1;
}

static int rcu_create(struct control *control)
{
	size_t size = rte_rcu_qsbr_get_memsize(RCU_READERS);
	control->dataplane->rcu = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(size, RTE_CACHE_LINE_SIZE));
	return control->dataplane->rcu == NULL ? -1
					       : rte_rcu_qsbr_init(control->dataplane->rcu, RCU_READERS);
}

static int neighbours_create(struct control *control, struct worker *worker)
{
	const struct config *config = control->config;
	worker->neighbours = neighbour_create(control->dataplane->ports, control->dataplane->n_ports,
					      control->ports[0].pool, worker->tx, &worker->stats);
	if (worker->neighbours == NULL)
		return -1;
	for (unsigned p = 0; p < config->n_ports; p++)
		for (unsigned n = 0; n < config->ports[p].n_neighbours; n++) {
			const struct config_neighbour *known = &config->ports[p].neighbours[n];
			struct net_address address = ports_address(&known->address);
			struct rte_ether_addr mac;
			memcpy(mac.addr_bytes, known->mac, sizeof(known->mac));
			if (neighbour_add_static(worker->neighbours, (uint8_t)p, &address, &mac) != 0)
				return -1;
		}
	return 0;
}

/* Whether a CPU has two lcores; `share` only allows it. */
static bool cpus_shared(const struct config *config)
{
	for (unsigned i = 0; i < config->lcores.n_workers; i++) {
		if (config->lcores.workers[i] == config->lcores.control)
			return true;
		for (unsigned k = 0; k < i; k++)
			if (config->lcores.workers[i] == config->lcores.workers[k])
				return true;
	}
	return false;
}

static void placement_say(const char *sentence)
{
	log_warning("%s", sentence);
}

/* Once ports and workers are known. */
static void placement_log(const struct control *control)
{
	struct placement placement = {.control = (int)rte_socket_id(),
				      .n_workers = control->dataplane->n_workers,
				      .n_ports = control->dataplane->n_ports};
	for (unsigned i = 0; i < placement.n_workers; i++) {
		placement.workers[i] = (int)rte_lcore_to_socket_id(workers[i].lcore);
		placement.cpus[i] = control->config->lcores.workers[i];
	}
	for (unsigned i = 0; i < placement.n_ports; i++) {
		placement.ports[i].name = control->config->ports[i].name;
		placement.ports[i].node = rte_eth_dev_socket_id(control->ports[i].id);
	}
	placement_check(&placement, placement_say);
}

/* Whatever it receives from, it can sleep on, if that is possible. */
static void worker_wakes_add(const struct control *control, struct worker *worker)
{
	const struct dataplane *dataplane = control->dataplane;
	for (unsigned i = 0; i < dataplane->n_ports; i++) {
		bool wakes = port_wakes_add(&worker->nap.ports, dataplane->ports[i].id,
					    (uint16_t)worker->index);
		if (!wakes && worker->index == 0)
			log_info("port %s: its device cannot wake a worker that sleeps, which looks "
				 "at it every %.1f ms at least",
				 control->config->ports[i].name, NAP_LONG_US / 1000.0);
		if (dataplane->kernels[i].open)
			port_wakes_add(&worker->nap.ports, dataplane->kernels[i].id,
				       (uint16_t)worker->index);
	}
}

/* With its memory on its own node. */
static int worker_init(struct control *control, unsigned number)
{
	struct worker *worker = &workers[number];
	int node = (int)rte_lcore_to_socket_id(number + 1);
	placement_prefer(node);
	int result = worker_create(worker, control->dataplane, number,
				   control->config->dataplane.max_inflight, node);
	if (result == 0)
		result = neighbours_create(control, worker);
	placement_anywhere();
	worker->lcore = number + 1;
	if (result == 0 && control->dataplane->idle_sleep && !control->replaying)
		worker_wakes_add(control, worker);
	return result;
}

int crew_create(struct control *control, char *error, size_t size)
{
	const struct config *config = control->config;
	control->dataplane->idle_sleep = config->lcores.idle == CONFIG_IDLE_AUTO;
	control->dataplane->cpus_shared = cpus_shared(config);
	control->dataplane->on_overflow = (enum worker_overflow)config->async.on_overflow;
	control->dataplane->fragments_max = config->fragments.max;
	control->dataplane->fragments_patience = config->fragments.timeout;
	for (unsigned i = 0; i < config->n_ports; i++)
		control->dataplane->frame_max = RTE_MAX(control->dataplane->frame_max,
							config->ports[i].mtu + PORT_OVERHEAD);
	control->dataplane->control_waker = &control->waker;
	control->dataplane->ports_share = inflight_ports_share(config->lcores.n_workers);
	if (rcu_create(control) != 0)
		return refused(error, size, "no memory");
	for (unsigned i = 0; i < config->lcores.n_workers; i++) {
		if (worker_init(control, i) != 0)
			return refused(error, size, "no memory for the workers; lower "
					      "dataplane.max_inflight");
		control->dataplane->n_workers++;
	}
	placement_log(control);
	return 0;
}

void crew_destroy(struct control *control)
{
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		neighbour_destroy(workers[i].neighbours);
		worker_destroy(&workers[i]);
	}
	free(control->dataplane->rcu);
}
