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
#include "control/lua/policy.h"
#include "control/lua/stack.h"
#include "control/replay.h"
#include "control/works.h"

#define CONFIG_DEFAULT "/etc/sluice/sluice.yml"

static struct dataplane dataplane;
static struct control control = {.dataplane = &dataplane};

/* What the command line says beside the files. */
static struct {
	bool config_given;
	struct replay_order replay;
	const char *socket, *expression;
	char **words; /* what is no option */
} asked;

/* Says all that is wrong with the configuration; what `load` gives of it. */
static enum exit_code config_read(struct config *load(const char *, struct config_errors *))
{
	struct config_errors errors = {0};
	control.config = load(control.config_path, &errors);
	for (size_t i = 0; i < errors.count; i++)
		fprintf(stderr, "%s:%u:%u: %s\n", errors.file, errors.errors[i].line,
			errors.errors[i].column, errors.errors[i].message);
	bool whole = errors.count == 0;
	config_errors_free(&errors);
	return whole ? EXIT_DONE : EXIT_REFUSED;
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
	enum exit_code exit_code = config_read(config_load);
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

/* Not if it is told to end before: it answers nothing then. */
static void ready_tell(void)
{
	if (control.ended != 0)
		return;
	fprintf(stderr, "sluice: ready\n");
	sd_notify(0, "READY=1");
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
		ready_tell();
		loop_run(&control);
		sd_notify(0, "STOPPING=1");
	} else {
		fprintf(stderr, "%s\n", error);
	}
	life_end();
	return exit_code;
}

static enum exit_code command_replay(void)
{
	static char error[LIFE_ERROR_SIZE];
	const struct replay_order order = {.in = asked.words[0],
					   .out = asked.words[1],
					   .explain = asked.replay.explain,
					   .burst = RTE_MAX(asked.replay.burst, 1u)};
	enum exit_code exit_code = life_begin();
	if (exit_code != EXIT_DONE)
		return exit_code;
	if (replay_prepare(&control, error, sizeof(error)) != 0)
		exit_code = EXIT_SYSTEM;
	else if (life_start(&control, error, &exit_code) == 0 &&
		 replay_run(&control, &order, error, sizeof(error)) != 0)
		exit_code = EXIT_SYSTEM;
	if (exit_code != EXIT_DONE)
		fprintf(stderr, "%s\n", error);
	life_end();
	return exit_code;
}

static enum exit_code policy_check(void)
{
	static char error[LIFE_ERROR_SIZE];
	control.rules.backends = dataplane.backends; /* no worker: none counts */
	control.registry = policy_registry_new(NULL, NULL);
	control.endpoints = endpoint_set_create(NULL, NULL);
	control.feeds = feeds_create(NULL, NULL);
	control.works = works_create(NULL, NULL, NULL);
	if (control.registry == NULL || control.endpoints == NULL || control.feeds == NULL ||
	    control.works == NULL)
		return EXIT_SYSTEM;
	policy_registry_works_set(control.registry, control.works);
	int result = lua_policy_load(&control, life_policy_path(&control), LUA_POLICY_CHECK, error,
				     sizeof(error));
	if (result != 0)
		fprintf(stderr, "%s\n", error);
	works_destroy(control.works);
	feeds_destroy(control.feeds);
	endpoint_set_destroy(control.endpoints);
	policy_registry_free(control.registry);
	return result == 0 ? EXIT_DONE : EXIT_REFUSED;
}

/* Whatever is wrong with the configuration, the policy is looked at too, if it is known which. */
static enum exit_code command_check(void)
{
	enum exit_code exit_code = config_read(config_load_partly);
	if (control.config == NULL || life_policy_path(&control) == NULL)
		return exit_code;
	enum exit_code policy = policy_check();
	config_free(control.config);
	return exit_code != EXIT_DONE ? exit_code : policy;
}

static enum exit_code command_version(void)
{
	printf("sluice %s\n%s\n%s\nfeatures: udp tcp async lua-ffi\n", SLUICE_VERSION, rte_version(),
	       LUAJIT_VERSION);
	return EXIT_DONE;
}

/* Where a running instance listens: as told, else as its configuration says if there is one. */
static enum exit_code command_console(void)
{
	const char *path = asked.socket != NULL ? asked.socket : CONSOLE_SOCKET_DEFAULT;
	if (asked.socket == NULL && (asked.config_given || access(CONFIG_DEFAULT, R_OK) == 0)) {
		enum exit_code exit_code = config_read(config_load);
		if (exit_code != EXIT_DONE)
			return exit_code;
		if (control.config->console.socket != NULL)
			path = control.config->console.socket;
		if (control.config->console.off) {
			fprintf(stderr, "sluice console: the configuration says 'socket: off'\n");
			return EXIT_REFUSED;
		}
	}
	enum console_end end = console_client(path, asked.expression);
	if (control.config != NULL)
		config_free(control.config);
	if (end == CONSOLE_END_SYSTEM)
		return EXIT_SYSTEM;
	return end == CONSOLE_END_DONE ? EXIT_DONE : EXIT_REFUSED;
}

#define USAGE                                                                                      \
	"usage: sluice run [-c FILE] [-p POLICY] [-v]\n"                                            \
	"       sluice check [-c FILE] [-p POLICY] [-v]\n"                                          \
	"       sluice replay [-c FILE] [-p POLICY] [-v] [--explain | --burst N] IN.pcap OUT.pcap\n" \
	"       sluice console [-c FILE | -s SOCKET] [-e EXPRESSION]\n"                             \
	"       sluice version\n"

static enum exit_code usage(void)
{
	fputs(USAGE, stderr);
	return EXIT_USAGE;
}

static enum exit_code command_help(void)
{
	fputs(USAGE, stdout);
	return EXIT_DONE;
}

/* Too many for a burst if it is no number of packets. */
static unsigned burst_read(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	return *end == '\0' && number > 0 && number <= WORKER_BURST ? (unsigned)number : UINT_MAX;
}

static const struct option no_long[] = {{0}};
static const struct option replay_long[] = {{"explain", no_argument, NULL, 'x'},
					    {"burst", required_argument, NULL, 'b'},
					    {0}};

static const struct command {
	const char *name;
	const char *letters; /* options, as getopt(3) has them */
	const struct option *words;
	int arguments; /* beside them */
	enum exit_code (*run)(void);
} commands[] = {
	{"run", "c:p:v", no_long, 0, command_run},
	{"check", "c:p:v", no_long, 0, command_check},
	{"replay", "c:p:v", replay_long, 2, command_replay},
	{"console", "c:e:s:", no_long, 0, command_console},
	{"version", "", no_long, 0, command_version},
	{"--version", "", no_long, 0, command_version},
	{"--help", "", no_long, 0, command_help},
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* Whether these are options that it has, together. `line` begins with the command. */
static bool options_read(const struct command *command, int count, char **line)
{
	int option;
	while ((option = getopt_long(count, line, command->letters, command->words, NULL)) != -1) {
		if (option == 'c')
			control.config_path = optarg;
		else if (option == 'p')
			control.policy_path = optarg;
		else if (option == 'v')
			log_verbose_set(true);
		else if (option == 'x')
			asked.replay.explain = true;
		else if (option == 'b' && asked.replay.burst == 0)
			asked.replay.burst = burst_read(optarg);
		else if (option == 's')
			asked.socket = optarg;
		else if (option == 'e')
			asked.expression = optarg;
		else
			return false;
	}
	return count - optind == command->arguments &&
	       (asked.socket == NULL || control.config_path == NULL) &&
	       (asked.replay.burst == 0 ||
		(!asked.replay.explain && asked.replay.burst <= WORKER_BURST));
}

int main(int argc, char **argv)
{
	lua_stack_raise();
	const struct command *command = argc < 2 ? NULL : command_find(argv[1]);
	log_setup(LOG_LEVEL_INFO, false);
	if (command == NULL || !options_read(command, argc - 1, argv + 1))
		return usage();
	asked.words = argv + 1 + optind;
	asked.config_given = control.config_path != NULL;
	if (control.config_path == NULL)
		control.config_path = CONFIG_DEFAULT;
	return command->run();
}
