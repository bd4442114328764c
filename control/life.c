/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/life.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "control/blocks.h"
#include "control/console/console.h"
#include "control/eal.h"
#include "control/export/exporter.h"
#include "control/lists/feed.h"
#include "control/hand.h"
#include "control/net/kernel.h"
#include "control/http/http.h"
#include "control/log/writer.h"
#include "control/net/links.h"
#include "control/loop.h"
#include "control/lua/host.h"
#include "control/lua/errands.h"
#include "control/lua/policy.h"
#include "control/parking.h"
#include "control/placement.h"
#include "control/servers/probe.h"
#include "control/publish.h"
#include "control/replay.h"
#include "control/servers/numbers.h"
#include "control/tcp/tcp.h"
#include "control/works.h"
#include "control/metrics/telemetry.h"

#define ERROR_SIZE LIFE_ERROR_SIZE
#define PORT_ERROR_SIZE 512

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

static struct net_address address_of(const struct config_address *address)
{
	struct net_address plain = {.ipv6 = address->ipv6};
	memcpy(plain.bytes, address->bytes, 16);
	return plain;
}

/* The link-local address that the MAC gives (RFC 4291, appendix A). */
static void link_local_add(struct net_port *net)
{
	struct net_prefix *prefix = &net->addresses[net->n_addresses++];
	const uint8_t *mac = net->mac.addr_bytes;
	*prefix = (struct net_prefix){.length = 64, .address = {.ipv6 = 1}};
	uint8_t bytes[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff,
			     0xfe, mac[3], mac[4], mac[5]};
	memcpy(prefix->address.bytes, bytes, sizeof(bytes));
}

static void ports_fini(void);

static void steering_log(const char *name, const struct port *port)
{
	if (port->steering[0] == PORT_STEERING_SINGLE)
		return;
	log_info("port %s: answers come home by %s over IPv4 and by %s over IPv6; each worker has at "
		 "least %u and %u source ports to a server",
		 name, port_steering_name(port->steering[0]), port_steering_name(port->steering[1]),
		 port->source_ports[0], port->source_ports[1]);
	if (RTE_MIN(port->source_ports[0], port->source_ports[1]) < INFLIGHT_PORTS_ADVISED)
		log_warning("port %s: with so many workers each has few source ports, which makes "
			    "answers easier to forge; keep servers on a network of your own, or take "
			    "fewer workers",
			    name);
}

static struct port_options port_options_of(const struct config_port *port)
{
	const struct config *config = control->config;
	return (struct port_options){
		.name = port->name,
		.device = port->device,
		.queues = (uint16_t)config->lcores.n_workers,
		.mtu = (uint16_t)port->mtu,
		.vlan = (uint16_t)port->vlan,
		.fragments = port->oversize == CONFIG_OVERSIZE_FRAGMENT,
		.rx_ring = (uint16_t)config->dataplane.rx_ring,
		.tx_ring = (uint16_t)config->dataplane.tx_ring,
		.rx_buffers = config->dataplane.rx_buffers,
		.steering = (enum port_steering)port->steering,
		.ports_share = inflight_ports_share(config->lcores.n_workers),
		.interrupts = config->lcores.idle == CONFIG_IDLE_AUTO,
	};
}

static int port_init(unsigned i, char *error, size_t size)
{
	const struct config_port *port = &control->config->ports[i];
	struct net_port *net = &control->dataplane->ports[i];
	struct port_options options = port_options_of(port);
	control->ports[i] = (struct port){.id = RTE_MAX_ETHPORTS};
	if ((control->replaying && replay_port_create(i, error, size) != 0) ||
	    port_open(&options, &control->ports[i], net, error, size) != 0 ||
	    port_steer(&options, &control->ports[i], net, error, size) != 0) {
		port_close(&control->ports[i]);
		return -1;
	}
	if (control->replaying)
		replay_mac(i, &net->mac);
	steering_log(port->name, &control->ports[i]);
	for (unsigned a = 0; a < port->n_addresses && a + 1 < NET_PORT_ADDRESSES_MAX; a++)
		net->addresses[net->n_addresses++] = (struct net_prefix){
			address_of(&port->addresses[a]), port->addresses[a].prefix};
	for (unsigned g = 0; g < port->n_gateways; g++)
		net->gateways[net->n_gateways++] = address_of(&port->gateways[g]);
	link_local_add(net);
	return 0;
}

/* Each is tried, so that all that is wrong is said at once, with the place of its device. */
static int ports_init(char *error)
{
	const struct config *config = control->config;
	size_t used = 0;
	control->dataplane->n_ports = config->n_ports;
	for (unsigned i = 0; i < config->n_ports; i++) {
		char text[PORT_ERROR_SIZE];
		const struct config_port *port = &config->ports[i];
		if (port_init(i, text, sizeof(text)) == 0)
			continue;
		used += (size_t)snprintf(error + used, ERROR_SIZE - used, "%s%s:%u:%u: %s",
					 used > 0 ? "\n" : "", control->config_path,
					 port->device_line + 1, port->device_column + 1, text);
		used = RTE_MIN(used, ERROR_SIZE - 1u);
	}
	if (used == 0)
		return 0;
	ports_fini();
	return -1;
}

static void ports_fini(void)
{
	for (unsigned i = 0; i < control->dataplane->n_ports; i++)
		port_close(&control->ports[i]);
}

static int kernel_init(char *error)
{
	return kernel_create(control, error, ERROR_SIZE);
}

static void kernel_fini(void)
{
	kernel_destroy(control);
}

#define RCU_READERS (WORKERS_MAX + 1) /* and the TCP thread */

static int rcu_create(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(RCU_READERS);
	control->dataplane->rcu = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(size, RTE_CACHE_LINE_SIZE));
	return control->dataplane->rcu == NULL ? -1
					       : rte_rcu_qsbr_init(control->dataplane->rcu, RCU_READERS);
}

static int neighbours_create(struct worker *worker)
{
	const struct config *config = control->config;
	worker->neighbours = neighbour_create(control->dataplane->ports, control->dataplane->n_ports,
					      control->ports[0].pool, worker->tx, &worker->stats);
	if (worker->neighbours == NULL)
		return -1;
	for (unsigned p = 0; p < config->n_ports; p++)
		for (unsigned n = 0; n < config->ports[p].n_neighbours; n++) {
			const struct config_neighbour *known = &config->ports[p].neighbours[n];
			struct net_address address = address_of(&known->address);
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
static void placement_log(void)
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
static void worker_wakes_add(struct worker *worker)
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
static int worker_init(unsigned number)
{
	struct worker *worker = &workers[number];
	int node = (int)rte_lcore_to_socket_id(number + 1);
	placement_prefer(node);
	int result = worker_create(worker, control->dataplane, number,
				   control->config->dataplane.max_inflight, node);
	if (result == 0)
		result = neighbours_create(worker);
	placement_anywhere();
	worker->lcore = number + 1;
	if (result == 0 && control->dataplane->idle_sleep && !control->replaying)
		worker_wakes_add(worker);
	return result;
}

static int workers_init(char *error)
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
	if (rcu_create() != 0)
		return refused(error, "no memory");
	for (unsigned i = 0; i < config->lcores.n_workers; i++) {
		if (worker_init(i) != 0)
			return refused(error, "no memory for the workers; lower "
					      "dataplane.max_inflight");
		control->dataplane->n_workers++;
	}
	placement_log();
	return 0;
}

static void workers_fini(void)
{
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		neighbour_destroy(workers[i].neighbours);
		worker_destroy(&workers[i]);
	}
	free(control->dataplane->rcu);
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
