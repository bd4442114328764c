/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/placement.h"

#include <linux/mempolicy.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SENTENCE_SIZE 512
#define NODES_MAX (8 * sizeof(unsigned long))

static bool far(int a, int b)
{
	return a != PLACEMENT_NOWHERE && b != PLACEMENT_NOWHERE && a != b;
}

static void append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list values;
	va_start(values, format);
	vsnprintf(text + used, SENTENCE_SIZE - used, format, values);
	va_end(values);
}

/* Whether some worker is far from the port. */
static bool port_check(const struct placement *placement, unsigned port, char *sentence)
{
	unsigned strangers = 0;
	int node = placement->ports[port].node;
	*sentence = '\0';
	append(sentence, "port %s is on NUMA node %d, and not there", placement->ports[port].name, node);
	for (unsigned i = 0; i < placement->n_workers; i++)
		if (far(placement->workers[i], node))
			append(sentence, "%s worker %u (CPU %u, node %d)", strangers++ > 0 ? "," : " are:",
			       i, placement->cpus[i], placement->workers[i]);
	append(sentence, "; each of their packets crosses between nodes, so take CPUs of node %d", node);
	return strangers > 0;
}

static bool control_check(const struct placement *placement, char *sentence)
{
	for (unsigned i = 0; i < placement->n_workers; i++)
		if (!far(placement->workers[i], placement->control))
			return false;
	*sentence = '\0';
	append(sentence, "the control lcore is on NUMA node %d and no worker is; what is handed to Lua "
			 "crosses between nodes",
	       placement->control);
	return placement->n_workers > 0;
}

unsigned placement_check(const struct placement *placement, void (*say)(const char *sentence))
{
	char sentence[SENTENCE_SIZE];
	unsigned count = 0;
	for (unsigned port = 0; port < placement->n_ports; port++)
		if (port_check(placement, port, sentence)) {
			say(sentence);
			count++;
		}
	if (control_check(placement, sentence)) {
		say(sentence);
		count++;
	}
	return count;
}

void placement_prefer(int node)
{
	if (node < 0 || (unsigned)node >= NODES_MAX)
		return;
	unsigned long nodes = 1ul << node;
	syscall(SYS_set_mempolicy, MPOL_PREFERRED, &nodes, NODES_MAX + 1);
}

void placement_anywhere(void)
{
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
}
