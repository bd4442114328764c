/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/eal.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "control/log/log.h"
#include "control/lua/stack.h"

#define ARGUMENTS_MAX 96
#define ARGUMENT_SIZE 1024 /* of the list of lcores */
#define HUGEPAGES_FOLDER "/sys/kernel/mm/hugepages"

struct arguments {
	int count;
	char text[ARGUMENTS_MAX][ARGUMENT_SIZE];
	char *list[ARGUMENTS_MAX + 1];
};

static void argument(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void argument(struct arguments *arguments, const char *format, ...)
{
	va_list values;
	if (arguments->count == ARGUMENTS_MAX)
		return;
	char *text = arguments->text[arguments->count];
	va_start(values, format);
	vsnprintf(text, ARGUMENT_SIZE, format, values);
	va_end(values);
	arguments->list[arguments->count++] = text;
}

static unsigned long number_read(const char *path)
{
	unsigned long number = 0;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

/* MiB of free hugepages of all sizes. */
static unsigned long hugepages_free(void)
{
	unsigned long total = 0;
	DIR *folder = opendir(HUGEPAGES_FOLDER);
	if (folder == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		unsigned long kib;
		char path[512];
		if (sscanf(entry->d_name, "hugepages-%lukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), HUGEPAGES_FOLDER "/%s/free_hugepages", entry->d_name);
		total += number_read(path) * kib / 1024;
	}
	closedir(folder);
	return total;
}

/* Hugepages if they are wanted and there; a line says which memory it is, unless `never` does. */
static int memory_arguments(struct arguments *arguments, const struct config *config, char *error,
			    size_t size)
{
	bool huge = config->eal.hugepages != CONFIG_HUGEPAGES_NEVER;
	unsigned long available = huge ? hugepages_free() : 0;
	if (huge && available < config->eal.memory) {
		if (config->eal.hugepages == CONFIG_HUGEPAGES_REQUIRE) {
			snprintf(error, size,
				 "eal.memory asks for %u MiB of hugepages and %lu MiB are free; "
				 "reserve them with scripts/hugepages %u",
				 config->eal.memory, available, config->eal.memory);
			return -ENOMEM;
		}
		log_info("running without hugepages (%lu MiB free, %u MiB wanted): slower; "
			 "scripts/hugepages %u reserves them",
			 available, config->eal.memory, config->eal.memory);
		huge = false;
	}
	if (huge) {
		log_info("running with hugepages (%lu MiB free, %u MiB wanted)", available,
			 config->eal.memory);
		argument(arguments, "--in-memory");
	} else {
		argument(arguments, "--no-huge");
		argument(arguments, "--no-shconf");
	}
	argument(arguments, "-m");
	argument(arguments, "%u", config->eal.memory);
	return 0;
}

static bool device_is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	return sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ||
	       sscanf(device, "%x:%x.%x", &bus, &slot, &function) == 3;
}

/* Cards that are part of a device, such as the legs of a bonded pair, the user names himself. */
static bool user_allows_cards(const struct config *config)
{
	for (unsigned i = 0; i < config->eal.n_args; i++)
		if (strncmp(config->eal.args[i], "-a", 2) == 0 ||
		    strncmp(config->eal.args[i], "--allow", strlen("--allow")) == 0)
			return true;
	return false;
}

static void device_arguments(struct arguments *arguments, const struct config *config)
{
	bool pci = user_allows_cards(config);
	for (unsigned i = 0; i < config->n_ports; i++)
		if (device_is_pci(config->ports[i].device)) {
			argument(arguments, "-a");
			argument(arguments, "%s", config->ports[i].device);
			pci = true;
		}
	if (!pci)
		argument(arguments, "--no-pci");
}

/* Lcore 0 is the control lcore, lcore 1 the first worker and so on, each on its CPU. */
static void lcore_arguments(struct arguments *arguments, const struct config *config)
{
	char list[ARGUMENT_SIZE];
	int used = snprintf(list, sizeof(list), "0@%u", config->lcores.control);
	for (unsigned i = 0; i < config->lcores.n_workers; i++)
		used += snprintf(list + used, sizeof(list) - (size_t)used, ",%u@%u", i + 1,
				 config->lcores.workers[i]);
	argument(arguments, "--lcores");
	argument(arguments, "%s", list);
}

/* A line of DPDK's is one of ours, of its level: in the format that is asked for, and nobody waits
 * for who reads it. */
static void line_write(const char *line, int length)
{
	int level = rte_log_cur_msg_loglevel();
	log_write(level > (int)RTE_LOG_WARNING	  ? LOG_LEVEL_INFO
		  : level == (int)RTE_LOG_WARNING ? LOG_LEVEL_WARNING
						  : LOG_LEVEL_ERROR,
		  "%.*s", length, line);
}

/* Under the stream's lock. What has no end yet is kept, as it comes in pieces. */
static ssize_t lines_write(void *cookie, const char *text, size_t size)
{
	static char line[1024];
	static size_t used;
	(void)cookie;
	for (size_t i = 0; i < size; i++) {
		bool end = text[i] == '\n';
		if (!end)
			line[used++] = text[i];
		if (used == sizeof(line) || (end && used > 0)) {
			line_write(line, (int)used);
			used = 0;
		}
	}
	return (ssize_t)size;
}

/* As long as the process lives: DPDK has something to say when it ends, too. */
static void log_take(void)
{
	static const cookie_io_functions_t functions = {.write = lines_write};
	FILE *stream = fopencookie(NULL, "w", functions);
	if (stream == NULL)
		return;
	setvbuf(stream, NULL, _IONBF, 0); /* or a thread would write what another has begun */
	rte_openlog_stream(stream);
}

/* DPDK makes a folder for the telemetry socket, and takes only the socket away. */
static void runtime_folder_remove(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

int eal_start(const struct config *config, char *error, size_t size)
{
	static struct arguments kept; /* EAL keeps pointers to them as long as the process lives */
	struct arguments *arguments = &kept;
	argument(arguments, "sluice");
	lcore_arguments(arguments, config);
	argument(arguments, "--file-prefix");
	argument(arguments, "sluice-%d", getpid());
	argument(arguments, "--log-level=warning");
	int result = memory_arguments(arguments, config, error, size);
	if (result == 0) {
		device_arguments(arguments, config);
		for (unsigned i = 0; i < config->eal.n_args; i++)
			argument(arguments, "%s", config->eal.args[i]);
		/* Registered before DPDK's own, so it runs after that one. */
		atexit(runtime_folder_remove);
		log_take();
		lua_stack_threads(true); /* of the workers, which may run Lua */
		int started = rte_eal_init(arguments->count, arguments->list);
		lua_stack_threads(false);
		if (started < 0) {
			snprintf(error, size,
				 "DPDK does not start (%s); its messages above say why, eal.memory "
				 "and eal.args in the configuration are what to look at",
				 rte_strerror(rte_errno));
			return -EIO;
		}
		return 0;
	}
	return result;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
