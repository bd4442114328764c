/* SPDX-License-Identifier: BSD-2-Clause */
/* The metrics that a policy declares, and those that are there anyway. */
#include "control/lua/abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/metrics/custom.h"
#include "control/utf8.h"

static struct custom_metrics *all(void)
{
	const struct lua_context *context = lua_abi_context();
	return context->registry != NULL ? policy_registry_metrics(context->registry) : NULL;
}

int sluice_metric_declare(const char *name, bool gauge, const char *help, const char *prometheus,
			  bool labels)
{
	if (all() == NULL || lua_abi_context()->lone)
		return -ENOTSUP;
	return custom_metric_declare(all(), name, gauge ? CUSTOM_GAUGE : CUSTOM_COUNTER, help,
				     prometheus, labels);
}

/* 0, 1 for a gauge, -1 if nobody declared it. */
int sluice_metric_kind(const char *name, size_t length)
{
	const struct custom_metric *metric =
		all() != NULL ? custom_metric_find(all(), name, length) : NULL;
	return metric != NULL ? (int)custom_metric_kind(metric) : -1;
}

static double *value_of(const char *name, size_t length, const char *labels)
{
	struct custom_metric *metric = all() != NULL ? custom_metric_find(all(), name, length) : NULL;
	errno = ENOENT;
	return metric != NULL ? custom_metric_value(metric, labels) : NULL;
}

int sluice_metric_add(const char *name, size_t length, const char *labels, double step, double *now)
{
	double *value = value_of(name, length, labels);
	if (value == NULL)
		return -errno;
	*now = custom_value_add(value, step);
	return 0;
}

int sluice_metric_set(const char *name, size_t length, const char *labels, double now)
{
	double *value = value_of(name, length, labels);
	if (value == NULL)
		return -errno;
	custom_value_set(value, now);
	return 0;
}

int sluice_metric_get(const char *name, size_t length, const char *labels, double *now)
{
	double *value = value_of(name, length, labels);
	if (value == NULL)
		return -errno;
	*now = custom_value_get(value);
	return 0;
}

bool sluice_metrics_text(struct lua_bytes *text)
{
	struct lua_context *context = lua_abi_context();
	free(context->metrics_text);
	context->metrics_text = NULL;
	*text = (struct lua_bytes){0};
	if (context->hooks == NULL || context->hooks->metrics == NULL)
		return false;
	FILE *out = open_memstream(&context->metrics_text, &text->length);
	if (out == NULL)
		return false;
	context->hooks->metrics(context->hooks_ctx, out);
	if (fclose(out) != 0)
		return false;
	text->data = context->metrics_text;
	return true;
}

/* ---- dnsdist's own; errors are not told, as there ---- */

bool dnsdist_ffi_metric_declare(const char *name, size_t length, const char *type,
				const char *description, const char *customName)
{
	char text[256]; /* there may be no NUL behind the name */
	if (name == NULL || length == 0 || length >= sizeof(text) || type == NULL ||
	    description == NULL || memchr(name, '\0', length) != NULL)
		return false;
	bool gauge = strcmp(type, "gauge") == 0;
	memcpy(text, name, length);
	text[length] = '\0';
	return (gauge || strcmp(type, "counter") == 0) &&
	       sluice_metric_declare(text, gauge, description, customName, false) == 0;
}

static void counter_add(const char *name, size_t length, double step)
{
	double now;
	if (sluice_metric_kind(name, length) == CUSTOM_COUNTER)
		sluice_metric_add(name, length, "", step, &now);
}

void dnsdist_ffi_metric_inc(const char *metricName, size_t metricNameLen)
{
	counter_add(metricName, metricNameLen, 1);
}

void dnsdist_ffi_metric_inc_by(const char *metricName, size_t metricNameLen, uint64_t value)
{
	counter_add(metricName, metricNameLen, (double)value);
}

void dnsdist_ffi_metric_dec(const char *metricName, size_t metricNameLen)
{
	counter_add(metricName, metricNameLen, -1);
}

void dnsdist_ffi_metric_set(const char *metricName, size_t metricNameLen, double value)
{
	if (sluice_metric_kind(metricName, metricNameLen) == CUSTOM_GAUGE)
		sluice_metric_set(metricName, metricNameLen, "", value);
}

double dnsdist_ffi_metric_get(const char *metricName, size_t metricNameLen, bool isCounter)
{
	double now = 0;
	if (sluice_metric_kind(metricName, metricNameLen) ==
	    (isCounter ? CUSTOM_COUNTER : CUSTOM_GAUGE))
		sluice_metric_get(metricName, metricNameLen, "", &now);
	return now;
}

size_t sluice_utf8_length(const char *text, size_t length, size_t at)
{
	return at < length ? utf8_length((const uint8_t *)text + at, length - at) : 0;
}
