/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line and the life cycle: an ordered table of what is started, and stopped in reverse. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <luajit.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_version.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "control/console.h"
#include "control/console_client.h"
#include "control/console_frame.h"
#include "control/control.h"
#include "control/eal.h"
#include "control/feed.h"
#include "control/log.h"
#include "control/log_writer.h"
#include "control/loop.h"
#include "control/hand.h"
#include "control/http.h"
#include "control/lua_host.h"
#include "control/lua_policy.h"
#include "control/publish.h"
#include "control/probe.h"
#include "control/replay.h"
#include "control/telemetry.h"
#include "dataplane/rules/tags.h"

#define CONFIG_DEFAULT "/etc/sluice/sluice.yml"
#define ERROR_SIZE 4096
#define PARKING_CACHE 256
#define NOTES_CACHE 256

enum exit_code { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, EXIT_SYSTEM };

static struct control control;
static struct dataplane dataplane;
static struct rte_mempool *notes;

static int refused(char *error, const char *text)
{
	snprintf(error, ERROR_SIZE, "%s", text);
	return -1;
}

/* ---- steps ---- */

static int eal_init(char *error)
{
	return eal_start(control.config, error, ERROR_SIZE);
}

static void *note_take(void)
{
	void *block;
	return rte_mempool_get(notes, &block) == 0 ? block : NULL;
}

static void note_give(void *block)
{
	rte_mempool_put(notes, block);
}

static struct rte_mempool *parking_create(const char *name, uint32_t count, uint16_t room)
{
	return rte_pktmbuf_pool_create(name, count, PARKING_CACHE, PACKET_PRIVATE_SIZE, room,
				       (int)rte_socket_id());
}

/* Buffers for packets that leave their worker, blocks for tags, and how much that is. */
static int memory_init(char *error)
{
	const struct config *config = control.config;
	uint32_t small = config->async.max_suspended + config->lcores.n_workers * 8192 + 1024;
	uint32_t large = small / 16 < 4096 ? 4096 : small / 16;
	uint32_t blocks = config->async.max_suspended / 4 < 8192 ? 8192
								  : config->async.max_suspended / 4;
	struct async_config async = {
		.max_packets = config->async.max_suspended + config->lcores.n_workers * 8192,
		.max_suspended = config->async.max_suspended,
		.on_expiry = (enum async_fate)config->async.on_expiry,
	};
	dataplane.parking_small = parking_create("parking_small", small, WORKER_PARKING_SMALL);
	dataplane.parking_large = parking_create("parking_large", large, PACKET_DATA_SIZE);
	notes = rte_mempool_create("notes", blocks, NOTE_BLOCK_SIZE, NOTES_CACHE, 0, NULL, NULL,
				   NULL, NULL, (int)rte_socket_id(), 0);
	control.async = async_create(&async, 0);
	if (dataplane.parking_small == NULL || dataplane.parking_large == NULL || notes == NULL ||
	    control.async == NULL)
		return refused(error, "no memory for parked packets; raise eal.memory or lower "
				      "async.max_suspended");
	notes_allocator_set(note_take, note_give);
	log_info("memory: %zu MiB for %u suspended packets (buffers %zu, registry %zu, tags %zu)",
		 ((size_t)small * (WORKER_PARKING_SMALL + 320) +
		  (size_t)large * (PACKET_DATA_SIZE + 320) + async_memory(control.async) +
		  (size_t)blocks * NOTE_BLOCK_SIZE) >> 20,
		 config->async.max_suspended,
		 ((size_t)small * (WORKER_PARKING_SMALL + 320) +
		  (size_t)large * (PACKET_DATA_SIZE + 320)) >> 20,
		 async_memory(control.async) >> 20, ((size_t)blocks * NOTE_BLOCK_SIZE) >> 20);
	return 0;
}

static void memory_fini(void)
{
	async_destroy(control.async);
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

static int ports_init(char *error)
{
	const struct config *config = control.config;
	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct config_port *port = &config->ports[i];
		struct net_port *net = &dataplane.ports[i];
		struct port_options options = {
			.name = port->name,
			.device = port->device,
			.queues = (uint16_t)config->lcores.n_workers,
			.mtu = (uint16_t)port->mtu,
			.vlan = (uint16_t)port->vlan,
			.rx_ring = (uint16_t)config->dataplane.rx_ring,
			.tx_ring = (uint16_t)config->dataplane.tx_ring,
			.rx_buffers = config->dataplane.rx_buffers,
		};
		if ((control.replaying && replay_port_create(i, error, ERROR_SIZE) != 0) ||
		    port_open(&options, &control.ports[i], net, error, ERROR_SIZE) != 0) {
			port_close(&control.ports[i]);
			ports_fini();
			return -1;
		}
		if (control.replaying)
			replay_mac(i, &net->mac);
		dataplane.n_ports++;
		for (unsigned a = 0; a < port->n_addresses && a + 1 < NET_PORT_ADDRESSES_MAX; a++)
			net->addresses[net->n_addresses++] = (struct net_prefix){
				address_of(&port->addresses[a]), port->addresses[a].prefix};
		for (unsigned g = 0; g < port->n_gateways; g++)
			net->gateways[net->n_gateways++] = address_of(&port->gateways[g]);
		link_local_add(net);
	}
	return 0;
}

static void ports_fini(void)
{
	for (unsigned i = 0; i < dataplane.n_ports; i++)
		port_close(&control.ports[i]);
}

static int rcu_create(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(WORKERS_MAX);
	dataplane.rcu = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(size, RTE_CACHE_LINE_SIZE));
	return dataplane.rcu == NULL ? -1 : rte_rcu_qsbr_init(dataplane.rcu, WORKERS_MAX);
}

static int neighbours_create(struct worker *worker)
{
	const struct config *config = control.config;
	worker->neighbours = neighbour_create(dataplane.ports, dataplane.n_ports,
					      control.ports[0].pool, worker->tx, &worker->stats);
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

static int workers_init(char *error)
{
	const struct config *config = control.config;
	dataplane.idle_sleep = config->lcores.idle == CONFIG_IDLE_AUTO;
	dataplane.cpus_shared = cpus_shared(config);
	dataplane.on_overflow = (enum worker_overflow)config->async.on_overflow;
	dataplane.control_waker = &control.waker;
	dataplane.ports_share = inflight_ports_share(config->lcores.n_workers);
	if (rcu_create() != 0)
		return refused(error, "no memory");
	for (unsigned i = 0; i < config->lcores.n_workers; i++) {
		if (worker_create(&workers[i], &dataplane, i, config->dataplane.max_inflight,
				  (int)rte_socket_id()) != 0 ||
		    neighbours_create(&workers[i]) != 0)
			return refused(error, "no memory for the workers; lower "
					      "dataplane.max_inflight");
		workers[i].lcore = i + 1;
		dataplane.n_workers++;
	}
	return 0;
}

static void workers_fini(void)
{
	for (unsigned i = 0; i < dataplane.n_workers; i++) {
		neighbour_destroy(workers[i].neighbours);
		worker_destroy(&workers[i]);
	}
	free(dataplane.rcu);
}

static uint64_t hits_sum(void *context, uint32_t slot)
{
	uint64_t sum = control.rules.rule_hits ? stats_read(&control.rules.rule_hits[slot]) : 0;
	(void)context;
	for (unsigned i = 0; i < dataplane.n_workers; i++)
		sum += stats_read(&workers[i].rule_hits[slot]);
	return sum;
}

static int loop_init(char *error)
{
	control.dataplane = &dataplane;
	control.endpoints = endpoint_set_create(lua_abi_send_failed, NULL);
	control.registry = policy_registry_new(hits_sum, NULL);
	control.rules.stats = &control.stats;
	control.rules.lcore = (uint16_t)dataplane.n_workers;
	control.rules.backends = dataplane.backends;
	control.rules.rule_hits = calloc(RULE_HIT_SLOTS, sizeof(uint64_t));
	if (control.endpoints == NULL || control.registry == NULL ||
	    control.rules.rule_hits == NULL || loop_create(&control) != 0)
		return refused(error, "no memory or no file descriptors for the control loop");
	policy_registry_lcores_set(control.registry, (uint16_t)(dataplane.n_workers + 1));
	if (control.replaying)
		endpoint_set_offline(control.endpoints);
	return 0;
}

static void loop_fini(void)
{
	loop_destroy(&control);
	endpoint_set_destroy(control.endpoints);
	policy_registry_free(control.registry);
	free(control.rules.rule_hits);
}

/* On the CPUs that no lcore has, if there are any. */
static int feeds_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return -rte_ctrl_thread_create(thread, "sluice-lists", NULL, run, argument);
}

static int health_init(char *error)
{
	return probe_init(&control) == 0 ? 0 : refused(error, "no memory");
}

static void health_fini(void)
{
	probe_fini(&control);
}

static int feeds_init(char *error)
{
	control.feeds = feeds_create(dataplane.rcu, feeds_thread_start);
	return control.feeds != NULL ? 0 : refused(error, "no memory or no thread for lists");
}

static void feeds_fini(void)
{
	feeds_destroy(control.feeds);
}

static int log_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return -rte_ctrl_thread_create(thread, "sluice-log", NULL, run, argument);
}

static int log_writer_init(char *error)
{
	unsigned n = dataplane.n_workers;
	control.log_writer = log_writer_create(n + 1, rte_get_tsc_hz(), log_thread_start);
	if (control.log_writer == NULL)
		return refused(error, "no memory or no thread for the log of queries");
	for (unsigned i = 0; i < n; i++)
		workers[i].rules.log = log_writer_ring(control.log_writer, i);
	control.rules.log = log_writer_ring(control.log_writer, n);
	return 0;
}

static void log_writer_fini(void)
{
	log_writer_destroy(control.log_writer);
}

static int http_init(char *error)
{
	return http_create(&control, error, ERROR_SIZE);
}

static int console_init(char *error)
{
	return console_create(&control, error, ERROR_SIZE);
}

static int telemetry_init(char *error)
{
	(void)error;
	telemetry_create(&control);
	return 0;
}

static const char *policy_path(void)
{
	return control.policy_path ? control.policy_path : control.config->policy;
}

static int policy_init(char *error)
{
	return lua_policy_load(&control, policy_path(), LUA_POLICY_LOAD, error, ERROR_SIZE);
}

static void policy_fini(void)
{
	lua_policy_finish(&control);
	lua_policy_unload(&control);
	policy_unpublish();
}

static int launch_init(char *error)
{
	for (unsigned i = 0; i < dataplane.n_workers; i++)
		if (rte_eal_remote_launch(worker_main, &workers[i], workers[i].lcore) != 0)
			return refused(error, "a worker's lcore does not start");
	return 0;
}

static void launch_fini(void)
{
	for (unsigned i = 0; i < dataplane.n_workers; i++)
		__atomic_store_n(&workers[i].stop, 1, __ATOMIC_RELAXED);
	rte_eal_mp_wait_lcore();
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
	{"workers", workers_init, workers_fini, EXIT_SYSTEM},
	{"loop", loop_init, loop_fini, EXIT_SYSTEM},
	{"lists", feeds_init, feeds_fini, EXIT_SYSTEM},
	{"log of queries", log_writer_init, log_writer_fini, EXIT_SYSTEM},
	{"metrics", http_init, http_destroy, EXIT_SYSTEM, true},
	{"telemetry", telemetry_init, telemetry_destroy, EXIT_SYSTEM, true},
	{"health", health_init, health_fini, EXIT_SYSTEM, true},
	{"policy", policy_init, policy_fini, EXIT_REFUSED},
	{"console", console_init, console_destroy, EXIT_SYSTEM, true},
	{"lcores", launch_init, launch_fini, EXIT_SYSTEM, true},
};

/* ---- commands ---- */

static enum exit_code config_read(void)
{
	struct config_errors errors = {0};
	control.config = config_load(control.config_path, &errors);
	for (size_t i = 0; i < errors.count; i++)
		fprintf(stderr, "%s:%u:%u: %s\n", errors.file, errors.errors[i].line,
			errors.errors[i].column, errors.errors[i].message);
	config_errors_free(&errors);
	return control.config != NULL ? EXIT_DONE : EXIT_REFUSED;
}

static void signals_block(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* A policy that reads its standard input finds the end of it, rather than wait for somebody. */
static void stdin_close(void)
{
	int nothing = open("/dev/null", O_RDONLY);
	if (nothing > STDIN_FILENO) {
		dup2(nothing, STDIN_FILENO);
		close(nothing);
	}
}

static bool step_is_taken(unsigned step)
{
	return !control.replaying || !steps[step].live;
}

static unsigned steps_start(char *error)
{
	unsigned started = 0;
	while (started < RTE_DIM(steps) &&
	       (!step_is_taken(started) || steps[started].init(error) == 0))
		started++;
	return started;
}

static void steps_stop(unsigned started)
{
	while (started-- > 0)
		if (step_is_taken(started))
			steps[started].fini();
	config_free(control.config);
}

static enum exit_code life_begin(void)
{
	enum exit_code exit_code = config_read();
	if (exit_code != EXIT_DONE)
		return exit_code;
	stdin_close();
	log_setup((enum log_level)control.config->log.level,
		  control.config->log.format == CONFIG_LOG_JSON);
	return EXIT_DONE;
}

static enum exit_code command_run(void)
{
	static char error[ERROR_SIZE];
	enum exit_code exit_code = life_begin();
	if (exit_code != EXIT_DONE)
		return exit_code;
	signals_block();
	unsigned started = steps_start(error);
	if (started == RTE_DIM(steps)) {
		loop_settle(&control);
		fprintf(stderr, "sluice: ready\n");
		sd_notify(0, "READY=1");
		loop_run(&control);
		sd_notify(0, "STOPPING=1");
	} else {
		exit_code = steps[started].exit;
		fprintf(stderr, "%s\n", error);
	}
	steps_stop(started);
	return exit_code;
}

static enum exit_code command_replay(const char *in, const char *out, bool explain)
{
	static char error[ERROR_SIZE];
	enum exit_code exit_code = life_begin();
	unsigned started = 0;
	if (exit_code != EXIT_DONE)
		return exit_code;
	int result = replay_prepare(&control, error, sizeof(error));
	if (result == 0)
		started = steps_start(error);
	if (result == 0 && started == RTE_DIM(steps))
		result = replay_run(&control, in, out, explain, error, sizeof(error));
	else if (result == 0)
		exit_code = steps[started].exit;
	if (result != 0)
		exit_code = EXIT_SYSTEM;
	if (exit_code != EXIT_DONE)
		fprintf(stderr, "%s\n", error);
	steps_stop(started);
	return exit_code;
}

static enum exit_code command_check(void)
{
	static char error[ERROR_SIZE];
	enum exit_code exit_code = config_read();
	if (exit_code != EXIT_DONE)
		return exit_code;
	control.dataplane = &dataplane;
	control.registry = policy_registry_new(NULL, NULL);
	control.endpoints = endpoint_set_create(NULL, NULL);
	control.feeds = feeds_create(NULL, NULL);
	if (control.registry == NULL || control.endpoints == NULL || control.feeds == NULL)
		return EXIT_SYSTEM;
	if (lua_policy_load(&control, policy_path(), LUA_POLICY_CHECK, error, sizeof(error)) != 0) {
		fprintf(stderr, "%s\n", error);
		exit_code = EXIT_REFUSED;
	}
	feeds_destroy(control.feeds);
	endpoint_set_destroy(control.endpoints);
	policy_registry_free(control.registry);
	config_free(control.config);
	return exit_code;
}

static enum exit_code command_version(void)
{
	printf("sluice %s\n%s\n%s\nfeatures: udp async lua-ffi\n", SLUICE_VERSION, rte_version(),
	       LUAJIT_VERSION);
	return EXIT_DONE;
}

/* Where a running instance listens: as told, else as its configuration says if there is one. */
static enum exit_code command_console(const char *socket, const char *expression)
{
	const char *path = socket != NULL ? socket : CONSOLE_SOCKET_DEFAULT;
	bool given = control.config_path != NULL;
	control.config_path = given ? control.config_path : CONFIG_DEFAULT;
	if (socket == NULL && (given || access(CONFIG_DEFAULT, R_OK) == 0)) {
		enum exit_code exit_code = config_read();
		if (exit_code != EXIT_DONE)
			return exit_code;
		if (control.config->console.socket != NULL)
			path = control.config->console.socket;
		if (control.config->console.off) {
			fprintf(stderr, "sluice console: the configuration says 'socket: off'\n");
			return EXIT_REFUSED;
		}
	}
	enum console_end end = console_client(path, expression);
	if (control.config != NULL)
		config_free(control.config);
	if (end == CONSOLE_END_SYSTEM)
		return EXIT_SYSTEM;
	return end == CONSOLE_END_DONE ? EXIT_DONE : EXIT_REFUSED;
}

static enum exit_code usage(void)
{
	fprintf(stderr, "usage: sluice run [-c FILE] [-p POLICY] [-v]\n"
			"       sluice check [-c FILE] [-p POLICY]\n"
			"       sluice replay [-c FILE] [-p POLICY] [--explain] IN.pcap OUT.pcap\n"
			"       sluice console [-c FILE | -s SOCKET] [-e EXPRESSION]\n"
			"       sluice version\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"explain", no_argument, NULL, 'x'}, {0}};
	int option;
	bool verbose = false, explain = false;
	const char *socket = NULL, *expression = NULL;
	lua_host_stack_raise();
	if (argc < 2)
		return usage();
	const char *command = argv[1];
	while ((option = getopt_long(argc - 1, argv + 1, "c:e:p:s:v", options, NULL)) != -1) {
		if (option == 'c')
			control.config_path = optarg;
		else if (option == 'p')
			control.policy_path = optarg;
		else if (option == 'v')
			verbose = true;
		else if (option == 'x')
			explain = true;
		else if (option == 's')
			socket = optarg;
		else if (option == 'e')
			expression = optarg;
		else
			return usage();
	}
	bool console = strcmp(command, "console") == 0;
	bool replay = strcmp(command, "replay") == 0;
	if (argc - 1 - optind != (replay ? 2 : 0) || (socket != NULL && control.config_path != NULL) ||
	    (!console && (socket != NULL || expression != NULL)) || (!replay && explain))
		return usage();
	if (console)
		return command_console(socket, expression);
	if (control.config_path == NULL)
		control.config_path = CONFIG_DEFAULT;
	log_setup(verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, false);
	if (strcmp(command, "run") == 0)
		return command_run();
	if (replay)
		return command_replay(argv[1 + optind], argv[2 + optind], explain);
	if (strcmp(command, "check") == 0)
		return command_check();
	if (strcmp(command, "version") == 0)
		return command_version();
	return usage();
}
