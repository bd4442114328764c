/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters in Prometheus' text format: our own names, and dnsdist's where the value is known. */
#ifndef SLUICE_CONTROL_METRICS_METRICS_H
#define SLUICE_CONTROL_METRICS_METRICS_H

#include <stdio.h>

#include "control/control.h"

/* Control lcore only. */
void metrics_print(const struct control *control, FILE *out);

/* dnsdist's names, types and meanings; what cannot be known here is left out. For metrics.c. */
void metrics_dnsdist_print(const struct control *control, FILE *out);

/* What the kernel counts of itself. For metrics/dnsdist.c. */
void metrics_kernel_print(FILE *out);

/* The part of it that is about pools and their caches. For metrics/dnsdist.c. */
void metrics_pools_print(FILE *out);

/* What the TCP thread counts, under our names; and under dnsdist's. */
void metrics_tcp_print(const struct control *control, FILE *out);
void metrics_tcp_dnsdist_print(const struct control *control, FILE *out);

/* And those about dynamic blocks. */
void metrics_blocks_print(const struct control *control, FILE *out);

/* And those about what is told to collectors, and copied. */
void metrics_export_print(const struct control *control, FILE *out);

/* The part of it that only builds with -Dstages=true have. */
#ifdef SLUICE_STAGES
void metrics_stages_print(const struct control *control, FILE *out);
#else
static inline void metrics_stages_print(const struct control *control, FILE *out)
{
	(void)control;
	(void)out;
}
#endif

/* The labels of a server as dnsdist has them, with their braces. */
void metrics_server_labels(const struct control *control, const struct backend *backend, FILE *out);

/* The format's pieces, for all. `type` is "counter", "gauge" or "histogram". */
void metrics_head(FILE *out, const char *name, const char *type, const char *help);
void metrics_value(FILE *out, const char *name, const char *type, const char *help,
		   uint64_t value);
/* Averages of the latency in microseconds, over UDP or TCP. */
void metrics_averages(FILE *out, const char *name, const char *over,
		      const double averages[static STATS_AVERAGES]);
/* A label's value, escaped; a NUL is printed as @. */
void metrics_label(FILE *out, const char *text, size_t length);

#endif
