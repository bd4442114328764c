/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/metrics/custom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define BUCKETS 1024u /* a power of two */
#define OURS "sluice_" /* a second one of a name would cost the reader all metrics */

struct series {
	struct series *next;
	double value;
	char labels[];
};

struct custom_metric {
	struct custom_metric *chain; /* in its bucket, by `name` and by `prometheus` */
	struct custom_metric *prometheus_chain;
	struct custom_metric *next;  /* in the order in which they were declared */
	enum custom_kind kind;
	bool labels;
	bool hidden, told; /* from the next page; and it was said before */
	uint32_t n_series;
	char *help, *prometheus;
	struct series *buckets[16];
	char name[];
};

struct custom_metrics {
	uint32_t count;
	struct custom_metric *first, **last;
	struct custom_metric *buckets[BUCKETS];
	struct custom_metric *prometheus_buckets[BUCKETS];
};

/* FNV-1a. */
static uint32_t text_hash(const char *text, size_t length)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619u;
	return hash;
}

struct custom_metrics *custom_metrics_new(void)
{
	struct custom_metrics *metrics = calloc(1, sizeof(*metrics));
	if (metrics != NULL)
		metrics->last = &metrics->first;
	return metrics;
}

static void metric_free(struct custom_metric *metric)
{
	for (unsigned i = 0; i < RTE_DIM(metric->buckets); i++)
		while (metric->buckets[i] != NULL) {
			struct series *series = metric->buckets[i];
			metric->buckets[i] = series->next;
			free(series);
		}
	free(metric->help);
	free(metric->prometheus);
	free(metric);
}

void custom_metrics_free(struct custom_metrics *metrics)
{
	if (metrics == NULL)
		return;
	while (metrics->first != NULL) {
		struct custom_metric *metric = metrics->first;
		metrics->first = metric->next;
		metric_free(metric);
	}
	free(metrics);
}

/* ---- declaring ---- */

static bool name_is_valid(const char *name)
{
	size_t length = strlen(name);
	return length > 0 && length <= CUSTOM_METRIC_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* What Prometheus takes for a name: its data model says so. */
static bool prometheus_is_valid(const char *name)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
	size_t length = strlen(name);
	if (length == 0 || length > CUSTOM_METRIC_NAME_MAX || strchr(letters, name[0]) == NULL)
		return false;
	for (size_t i = 0; i < length; i++)
		if (strchr(letters, name[i]) == NULL && (name[i] < '0' || name[i] > '9'))
			return false;
	return true;
}

static char *prometheus_name(const char *name, const char *given)
{
	char text[CUSTOM_METRIC_NAME_MAX + sizeof("dnsdist_")];
	if (given != NULL && given[0] != '\0')
		return strdup(given);
	snprintf(text, sizeof(text), "dnsdist_%s", name);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '-')
			*at = '_';
	return strdup(text);
}

static struct custom_metric **prometheus_bucket(struct custom_metrics *metrics, const char *name)
{
	return &metrics->prometheus_buckets[text_hash(name, strlen(name)) % BUCKETS];
}

/* The one that is called so there, or NULL. */
static struct custom_metric *prometheus_find(struct custom_metrics *metrics, const char *name)
{
	struct custom_metric *metric = *prometheus_bucket(metrics, name);
	while (metric != NULL && strcmp(metric->prometheus, name) != 0)
		metric = metric->prometheus_chain;
	return metric;
}

static int metric_add(struct custom_metrics *metrics, struct custom_metric *metric)
{
	if (metric->help == NULL || metric->prometheus == NULL)
		return -ENOMEM;
	if (prometheus_find(metrics, metric->prometheus) != NULL)
		return -EEXIST;
	/* Without labels there is a value at once: it is 0 before anything happened. */
	if (!metric->labels && custom_metric_value(metric, "") == NULL)
		return -ENOMEM;
	struct custom_metric **bucket =
		&metrics->buckets[text_hash(metric->name, strlen(metric->name)) % BUCKETS];
	metric->chain = *bucket;
	__atomic_store_n(bucket, metric, __ATOMIC_RELEASE);
	bucket = prometheus_bucket(metrics, metric->prometheus);
	metric->prometheus_chain = *bucket;
	*bucket = metric;
	*metrics->last = metric;
	metrics->last = &metric->next;
	metrics->count++;
	return 0;
}

int custom_metric_declare(struct custom_metrics *metrics, const char *name, enum custom_kind kind,
			  const char *help, const char *prometheus, bool labels)
{
	if (!name_is_valid(name) ||
	    (prometheus != NULL && prometheus[0] != '\0' && !prometheus_is_valid(prometheus)))
		return -EINVAL;
	if (prometheus != NULL && strncmp(prometheus, OURS, strlen(OURS)) == 0)
		return -EPERM;
	struct custom_metric *metric = custom_metric_find(metrics, name, strlen(name));
	if (metric != NULL)
		return metric->kind == kind && metric->labels == labels ? 0 : -EEXIST;
	if (metrics->count == CUSTOM_METRICS_MAX)
		return -ENOSPC;
	metric = calloc(1, sizeof(*metric) + strlen(name) + 1);
	if (metric == NULL)
		return -ENOMEM;
	metric->kind = kind;
	metric->labels = labels;
	metric->help = strdup(help);
	metric->prometheus = prometheus_name(name, prometheus);
	memcpy(metric->name, name, strlen(name) + 1);
	int error = metric_add(metrics, metric);
	if (error != 0)
		metric_free(metric);
	return error;
}

struct custom_metric *custom_metric_find(const struct custom_metrics *metrics, const char *name,
					 size_t length)
{
	struct custom_metric *metric = __atomic_load_n(
		&metrics->buckets[text_hash(name, length) % BUCKETS], __ATOMIC_ACQUIRE);
	while (metric != NULL &&
	       (strlen(metric->name) != length || memcmp(metric->name, name, length) != 0))
		metric = metric->chain;
	return metric;
}

enum custom_kind custom_metric_kind(const struct custom_metric *metric)
{
	return metric->kind;
}

/* ---- values ---- */

double *custom_metric_value(struct custom_metric *metric, const char *labels)
{
	size_t length = strlen(labels);
	struct series **bucket =
		&metric->buckets[text_hash(labels, length) % RTE_DIM(metric->buckets)];
	for (struct series *series = *bucket; series != NULL; series = series->next)
		if (strcmp(series->labels, labels) == 0)
			return &series->value;
	errno = metric->labels != (length > 0) ? EINVAL : ENOSPC;
	if (errno == EINVAL || metric->n_series == CUSTOM_SERIES_MAX)
		return NULL;
	struct series *series = calloc(1, sizeof(*series) + length + 1);
	if (series == NULL)
		return NULL;
	memcpy(series->labels, labels, length + 1);
	series->next = *bucket;
	*bucket = series;
	metric->n_series++;
	return &series->value;
}

double custom_value_get(const double *value)
{
	double now;
	__atomic_load(value, &now, __ATOMIC_RELAXED);
	return now;
}

void custom_value_set(double *value, double now)
{
	__atomic_store(value, &now, __ATOMIC_RELAXED);
}

double custom_value_add(double *value, double step)
{
	double before = custom_value_get(value), after;
	do
		after = before + step;
	while (!__atomic_compare_exchange(value, &before, &after, true, __ATOMIC_RELAXED,
					  __ATOMIC_RELAXED));
	return after;
}

static void head_print(const struct custom_metric *metric, FILE *out)
{
	fprintf(out, "# HELP %s ", metric->prometheus);
	for (const char *at = metric->help; *at != '\0'; at++)
		if (*at == '\n' || *at == '\\')
			fputs(*at == '\n' ? "\\n" : "\\\\", out);
		else
			fputc(*at, out);
	fprintf(out, "\n# TYPE %s %s\n", metric->prometheus,
		metric->kind == CUSTOM_COUNTER ? "counter" : "gauge");
}

const char *custom_metric_hide(struct custom_metrics *metrics, const char *prometheus)
{
	struct custom_metric *metric = prometheus_find(metrics, prometheus);
	if (metric == NULL)
		return NULL;
	bool told = metric->told;
	metric->hidden = metric->told = true;
	return told ? NULL : metric->name;
}

void custom_metrics_print(struct custom_metrics *metrics, FILE *out)
{
	for (struct custom_metric *m = metrics->first; m != NULL; m = m->next) {
		bool hidden = m->hidden;
		m->hidden = false;
		if (hidden)
			continue;
		head_print(m, out);
		for (unsigned i = 0; i < RTE_DIM(m->buckets); i++)
			for (const struct series *s = m->buckets[i]; s != NULL; s = s->next)
				fprintf(out, m->labels ? "%s{%s} %.17g\n" : "%s%s %.17g\n",
					m->prometheus, s->labels, custom_value_get(&s->value));
	}
}
