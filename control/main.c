/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <luajit.h>
#include <rte_version.h>
#include <systemd/sd-daemon.h>

#include "control/console/console.h"
#include "control/console/client.h"
#include "control/console/frame.h"
#include "control/lists/feed.h"
#include "control/life.h"
#include "control/log/log.h"
#include "control/loop.h"
#include "control/lua/host.h"
#include "control/lua/policy.h"
#include "control/replay.h"
#include "control/works.h"

#define CONFIG_DEFAULT "/etc/sluice/sluice.yml"

static struct dataplane dataplane;
static struct control control = {.dataplane = &dataplane};

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

static void life_end(void)
{
	life_stop();
	config_free(control.config);
}

static enum exit_code command_run(void)
{
	static char error[LIFE_ERROR_SIZE];
	enum exit_code exit_code = life_begin();
	if (exit_code != EXIT_DONE)
		return exit_code;
	signals_block();
	if (life_start(&control, error, &exit_code) == 0) {
		loop_settle(&control);
		fprintf(stderr, "sluice: ready\n");
		sd_notify(0, "READY=1");
		loop_run(&control);
		sd_notify(0, "STOPPING=1");
	} else {
		fprintf(stderr, "%s\n", error);
	}
	life_end();
	return exit_code;
}

static enum exit_code command_replay(const struct replay_order *order)
{
	static char error[LIFE_ERROR_SIZE];
	enum exit_code exit_code = life_begin();
	if (exit_code != EXIT_DONE)
		return exit_code;
	if (replay_prepare(&control, error, sizeof(error)) != 0)
		exit_code = EXIT_SYSTEM;
	else if (life_start(&control, error, &exit_code) == 0 &&
		 replay_run(&control, order, error, sizeof(error)) != 0)
		exit_code = EXIT_SYSTEM;
	if (exit_code != EXIT_DONE)
		fprintf(stderr, "%s\n", error);
	life_end();
	return exit_code;
}

static enum exit_code command_check(void)
{
	static char error[LIFE_ERROR_SIZE];
	enum exit_code exit_code = config_read();
	if (exit_code != EXIT_DONE)
		return exit_code;
	control.rules.backends = dataplane.backends; /* no worker: none counts */
	control.registry = policy_registry_new(NULL, NULL);
	control.endpoints = endpoint_set_create(NULL, NULL);
	control.feeds = feeds_create(NULL, NULL);
	control.works = works_create(NULL, NULL, NULL);
	if (control.registry == NULL || control.endpoints == NULL || control.feeds == NULL ||
	    control.works == NULL)
		return EXIT_SYSTEM;
	policy_registry_works_set(control.registry, control.works);
	if (lua_policy_load(&control, life_policy_path(&control), LUA_POLICY_CHECK, error,
			    sizeof(error)) != 0) {
		fprintf(stderr, "%s\n", error);
		exit_code = EXIT_REFUSED;
	}
	works_destroy(control.works);
	feeds_destroy(control.feeds);
	endpoint_set_destroy(control.endpoints);
	policy_registry_free(control.registry);
	config_free(control.config);
	return exit_code;
}

static enum exit_code command_version(void)
{
	printf("sluice %s\n%s\n%s\nfeatures: udp tcp async lua-ffi\n", SLUICE_VERSION, rte_version(),
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
			"       sluice replay [-c FILE] [-p POLICY] [--explain | --burst N] IN.pcap OUT.pcap\n"
			"       sluice console [-c FILE | -s SOCKET] [-e EXPRESSION]\n"
			"       sluice version\n");
	return EXIT_USAGE;
}

/* Too many for a burst if it is no number of packets. */
static unsigned burst_read(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	return *end == '\0' && number > 0 && number <= WORKER_BURST ? (unsigned)number : UINT_MAX;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"explain", no_argument, NULL, 'x'},
						{"burst", required_argument, NULL, 'b'},
						{0}};
	int option;
	bool verbose = false;
	struct replay_order order = {0};
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
			order.explain = true;
		else if (option == 'b' && order.burst == 0)
			order.burst = burst_read(optarg);
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
	    (!console && (socket != NULL || expression != NULL)) || (!replay && order.explain) ||
	    (order.burst != 0 && (!replay || order.explain || order.burst > WORKER_BURST)))
		return usage();
	if (console)
		return command_console(socket, expression);
	if (control.config_path == NULL)
		control.config_path = CONFIG_DEFAULT;
	log_setup(verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, false);
	if (strcmp(command, "run") == 0)
		return command_run();
	if (replay) {
		order.in = argv[1 + optind];
		order.out = argv[2 + optind];
		order.burst = RTE_MAX(order.burst, 1u);
		return command_replay(&order);
	}
	if (strcmp(command, "check") == 0)
		return command_check();
	if (strcmp(command, "version") == 0)
		return command_version();
	return usage();
}
