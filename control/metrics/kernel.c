/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel counts of itself, under dnsdist's names: CPUs, and its UDP, which queries pass by. */
#include "control/metrics/metrics.h"

#include <inttypes.h>
#include <string.h>

/* The number in the column that the line before calls `name`, both beginning with `prefix`. */
static bool column_read(FILE *file, const char *prefix, const char *name, uint64_t *value)
{
	char names[1024], values[1024], *name_at, *value_at;
	bool found = false;
	rewind(file);
	while (!found && fgets(names, sizeof(names), file) != NULL) {
		if (strncmp(names, prefix, strlen(prefix)) != 0 ||
		    fgets(values, sizeof(values), file) == NULL)
			continue;
		char *left = names, *right = values;
		while ((name_at = strsep(&left, " \n")) != NULL &&
		       (value_at = strsep(&right, " \n")) != NULL && !found)
			if (strcmp(name_at, name) == 0)
				found = sscanf(value_at, "%" SCNu64, value) == 1;
	}
	return found;
}

static void udp_print(FILE *out)
{
	static const struct {
		const char *metric, *column;
	} rows[] = {
		{"dnsdist_udp_in_errors", "InErrors"},
		{"dnsdist_udp_noport_errors", "NoPorts"},
		{"dnsdist_udp_recvbuf_errors", "RcvbufErrors"},
		{"dnsdist_udp_sndbuf_errors", "SndbufErrors"},
		{"dnsdist_udp_in_csum_errors", "InCsumErrors"},
	};
	FILE *file = fopen("/proc/net/snmp", "re");
	for (unsigned i = 0; file != NULL && i < RTE_DIM(rows); i++) {
		char help[64];
		uint64_t value;
		if (!column_read(file, "Udp:", rows[i].column, &value))
			continue;
		snprintf(help, sizeof(help), "From /proc/net/snmp %s", rows[i].column);
		metrics_value(out, rows[i].metric, "counter", help, value);
	}
	if (file != NULL)
		fclose(file);
}

static void udp6_print(FILE *out)
{
	static const struct {
		const char *metric, *row;
	} rows[] = {
		{"dnsdist_udp6_in_errors", "Udp6InErrors"},
		{"dnsdist_udp6_noport_errors", "Udp6NoPorts"},
		{"dnsdist_udp6_recvbuf_errors", "Udp6RcvbufErrors"},
		{"dnsdist_udp6_sndbuf_errors", "Udp6SndbufErrors"},
		{"dnsdist_udp6_in_csum_errors", "Udp6InCsumErrors"},
	};
	char name[64], help[96];
	uint64_t value;
	FILE *file = fopen("/proc/net/snmp6", "re");
	while (file != NULL && fscanf(file, "%63s %" SCNu64, name, &value) == 2)
		for (unsigned i = 0; i < RTE_DIM(rows); i++)
			if (strcmp(name, rows[i].row) == 0) {
				snprintf(help, sizeof(help), "From /proc/net/snmp6 %s", name);
				metrics_value(out, rows[i].metric, "counter", help, value);
			}
	if (file != NULL)
		fclose(file);
}

static void cpus_print(FILE *out)
{
	uint64_t wait, steal;
	FILE *file = fopen("/proc/stat", "re");
	if (file == NULL)
		return;
	if (fscanf(file, "cpu %*u %*u %*u %*u %" SCNu64 " %*u %*u %" SCNu64, &wait, &steal) == 2) {
		metrics_value(out, "dnsdist_cpu_iowait", "counter",
			      "Time waiting for I/O to complete by the whole system, in units of "
			      "USER_HZ",
			      wait);
		metrics_value(out, "dnsdist_cpu_steal", "counter",
			      "Stolen time of the whole system, in units of USER_HZ", steal);
	}
	fclose(file);
}

void metrics_kernel_print(FILE *out)
{
	udp_print(out);
	udp6_print(out);
	cpus_print(out);
}
