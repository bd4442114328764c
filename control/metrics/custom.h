/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Metrics that a policy declares: counters and gauges, with labels if it says so. They live as long
 * as the process, so that a policy that is loaded anew counts on.
 *
 * Declaring is the control lcore's. Values are changed atomically.
 */
#ifndef SLUICE_CONTROL_METRICS_CUSTOM_H
#define SLUICE_CONTROL_METRICS_CUSTOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CUSTOM_METRICS_MAX 4096u
#define CUSTOM_SERIES_MAX 10000u /* of a metric: as many sets of labels */
#define CUSTOM_METRIC_NAME_MAX 128u

struct custom_metrics;
struct custom_metric;

enum custom_kind { CUSTOM_COUNTER, CUSTOM_GAUGE };

struct custom_metrics *custom_metrics_new(void);
void custom_metrics_free(struct custom_metrics *metrics);

/*
 * `name` is of a-z, 0-9 and "-"; `prometheus` is what it is called there, NULL: dnsdist_<name>. One
 * that is there stays as it is: 0 again. -EINVAL: no such name; -EPERM: one of ours; -EEXIST: it is of
 * the other kind, or with labels and now without; -ENOSPC; -ENOMEM.
 */
int custom_metric_declare(struct custom_metrics *metrics, const char *name, enum custom_kind kind,
			  const char *help, const char *prometheus, bool labels);

/* NULL: nobody declared it. Any lcore. */
struct custom_metric *custom_metric_find(const struct custom_metrics *metrics, const char *name,
					 size_t length);
enum custom_kind custom_metric_kind(const struct custom_metric *metric);

/*
 * The value of these labels, as Prometheus writes them ("" without), made if there is none. NULL
 * with EINVAL if the metric has none and there are some, or the reverse; ENOSPC; ENOMEM. Control
 * lcore only; what it gives is good for as long as the process.
 */
double *custom_metric_value(struct custom_metric *metric, const char *labels);

/* Adds to a value and sets it; what it is then. Any lcore. */
double custom_value_add(double *value, double step);
void custom_value_set(double *value, double now);
double custom_value_get(const double *value);

/* Leaves the one that is called so out of the next page; its name, the first time. Control lcore only. */
const char *custom_metric_hide(struct custom_metrics *metrics, const char *prometheus);

/* In Prometheus' text format, at the end of a page. Control lcore only. */
void custom_metrics_print(struct custom_metrics *metrics, FILE *out);

#endif
