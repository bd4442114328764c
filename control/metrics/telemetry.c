/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/metrics/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <luajit.h>
#include <rte_telemetry.h>
#include <rte_version.h>

#include "control/log/log.h"
#include "control/lua/policy.h"
#include "control/metrics/totals.h"

#define COPY_EVERY_MS 100u
#define ENDPOINTS_MAX 64u
#define PATH_SIZE 112u

struct endpoint_copy {
	char path[PATH_SIZE];
	struct endpoint_counters counters;
	uint32_t queued;
};

/* What only the control lcore may read, as it was when the copy was made. */
struct copy {
	uint64_t made; /* ms */
	uint64_t uptime; /* s */
	uint64_t lua_errors;
	struct async_counters async;
	uint32_t suspended, in_hand;
	uint32_t inflight[WORKERS_MAX], handoff[WORKERS_MAX], busy[WORKERS_MAX];
	uint64_t stalled_ms[WORKERS_MAX], stalls[WORKERS_MAX];
	bool busy_known;
	unsigned n_endpoints;
	struct endpoint_copy endpoints[ENDPOINTS_MAX];
};

/*
 * The lock is for `copy` and `source`. The control lcore only tries it, except at the end, when it
 * waits for the command that runs.
 */
static struct {
	pthread_mutex_t lock;
	const struct control *source; /* NULL: nothing to be had */
	struct copy copy;
} telemetry = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the control lcore's side ---- */

/* Bytes that JSON or a terminal could trip over become '?', the NUL of an abstract name '@'. */
static void path_copy(const struct endpoint *endpoint, char text[static PATH_SIZE])
{
	size_t length;
	const char *path = endpoint_path(endpoint, &length);
	size_t i = 0;
	for (; i < length && i + 1 < PATH_SIZE; i++)
		text[i] = path[i] == '\0' ? '@' : path[i] < ' ' || path[i] > '~' ? '?' : path[i];
	text[i] = '\0';
}

static void endpoints_copy(const struct control *control, struct copy *copy)
{
	struct endpoint *endpoint = NULL;
	copy->n_endpoints = 0;
	while (copy->n_endpoints < ENDPOINTS_MAX &&
	       (endpoint = endpoint_next(control->endpoints, endpoint)) != NULL) {
		struct endpoint_copy *one = &copy->endpoints[copy->n_endpoints++];
		path_copy(endpoint, one->path);
		one->counters = *endpoint_counters(endpoint);
		one->queued = endpoint_queued(endpoint);
	}
}

static void workers_copy(const struct control *control, struct copy *copy)
{
	copy->busy_known = control->busy.known;
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		copy->inflight[i] = inflight_count(workers[i].inflight);
		copy->handoff[i] = rte_ring_count(workers[i].handoff.to_control);
		copy->busy[i] = (uint32_t)(control->busy.ratio[i] * 1000 + 0.5);
		copy->stalled_ms[i] = pulse_stalled_ms(&control->pulse, i);
		copy->stalls[i] = control->pulse.worker[i].stalls;
	}
}

void telemetry_tick(const struct control *control)
{
	struct copy *copy = &telemetry.copy;
	if (control->now - copy->made < COPY_EVERY_MS ||
	    pthread_mutex_trylock(&telemetry.lock) != 0)
		return;
	copy->made = control->now;
	copy->uptime = (control->now - control->started) / 1000;
	copy->lua_errors = lua_policy_errors();
	copy->async = *async_counters(control->async);
	copy->suspended = async_suspended_now(control->async);
	copy->in_hand = async_in_hand(control->async);
	workers_copy(control, copy);
	endpoints_copy(control, copy);
	pthread_mutex_unlock(&telemetry.lock);
}

/* ---- the commands, in DPDK's thread, with the lock held ---- */

typedef int answer_fn(const struct control *control, const struct copy *copy, long number,
		      struct rte_tel_data *data);

static void put(struct rte_tel_data *data, const char *name, uint64_t value)
{
	rte_tel_data_add_dict_u64(data, name, value);
}

static int info_answer(const struct control *control, const struct copy *copy, long number,
		       struct rte_tel_data *data)
{
	if (number >= 0)
		return -EINVAL;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "version", SLUICE_VERSION);
	rte_tel_data_add_dict_string(data, "dpdk", rte_version());
	rte_tel_data_add_dict_string(data, "luajit", LUAJIT_VERSION);
	put(data, "uptime", copy->uptime);
	put(data, "ports", control->dataplane->n_ports);
	put(data, "workers", control->dataplane->n_workers);
	put(data, "lua_errors", copy->lua_errors);
	return 0;
}

static int stats_answer(const struct control *control, const struct copy *copy, long number,
			struct rte_tel_data *data)
{
	(void)copy;
	if (number >= 0)
		return -EINVAL;
	rte_tel_data_start_dict(data);
	put(data, "queries", totals_queries(control));
	for (unsigned i = 0; i < STATS_ORIGINS; i++) {
		char name[64];
		snprintf(name, sizeof(name), "responses_%s", stats_origins[i]);
		put(data, name, totals_answers(control, (enum stats_origin)i));
	}
	for (unsigned i = 0; i < STATS_COUNT; i++)
		put(data, stats_counters[i].name, totals_counter(control, (enum stats_counter)i));
	for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++) {
		char label[STATS_LABEL_SIZE], name[64];
		stats_drop_label((enum drop_reason)i, label);
		snprintf(name, sizeof(name), "drop_%s", label);
		put(data, name, totals_drop(control, (enum drop_reason)i));
	}
	return 0;
}

static int async_answer(const struct control *control, const struct copy *copy, long number,
			struct rte_tel_data *data)
{
	const struct async_counters *async = &copy->async;
	(void)control;
	if (number >= 0)
		return -EINVAL;
	rte_tel_data_start_dict(data);
	put(data, "suspended_now", copy->suspended);
	put(data, "in_hand", copy->in_hand);
	put(data, "suspended", async->suspended);
	put(data, "resumed", async->resumed);
	put(data, "answered", async->answered);
	put(data, "dropped", async->dropped);
	put(data, "expired", async->expired);
	put(data, "finished", async->finished);
	put(data, "late", async->late);
	put(data, "duplicate", async->duplicate);
	put(data, "overflow", async->overflow);
	put(data, "abandoned", async->abandoned);
	return 0;
}

static int workers_answer(const struct control *control, const struct copy *copy, long number,
			  struct rte_tel_data *data)
{
	if (number < 0) {
		rte_tel_data_start_array(data, RTE_TEL_INT_VAL);
		for (unsigned i = 0; i < control->dataplane->n_workers; i++)
			rte_tel_data_add_array_int(data, (int)i);
		return 0;
	}
	if ((unsigned long)number >= control->dataplane->n_workers)
		return -ENOENT;
	const struct worker *worker = &workers[number];
	rte_tel_data_start_dict(data);
	put(data, "lcore", worker->lcore);
	if (copy->busy_known)
		put(data, "busy_permille", copy->busy[number]);
	put(data, "stalled_ms", copy->stalled_ms[number]);
	put(data, "stalls", copy->stalls[number]);
	put(data, "inflight", copy->inflight[number]);
	put(data, "handoff_depth", copy->handoff[number]);
	uint64_t queries = 0, drops = 0;
	for (unsigned i = 0; i < control->dataplane->n_ports; i++)
		queries += stats_read(&worker->stats.port[i].queries);
	for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++)
		drops += stats_read(&worker->stats.drop[i]);
	put(data, "queries", queries);
	put(data, "drops", drops);
	for (unsigned i = 0; i < STATS_COUNT; i++)
		put(data, stats_counters[i].name, stats_read(&worker->stats.counter[i]));
	return 0;
}

static int ports_answer(const struct control *control, const struct copy *copy, long number,
			struct rte_tel_data *data)
{
	const struct config_port *ports = control->config->ports;
	(void)copy;
	if (number < 0) {
		rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
		for (unsigned i = 0; i < control->dataplane->n_ports; i++)
			rte_tel_data_add_array_string(data, ports[i].name);
		return 0;
	}
	if ((unsigned long)number >= control->dataplane->n_ports)
		return -ENOENT;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "name", ports[number].name);
	rte_tel_data_add_dict_string(data, "device", ports[number].device);
	put(data, "dpdk_port", control->dataplane->ports[number].id);
	const struct port *port = &control->ports[number];
	rte_tel_data_add_dict_string(data, "steering_ipv4", port_steering_name(port->steering[0]));
	rte_tel_data_add_dict_string(data, "steering_ipv6", port_steering_name(port->steering[1]));
	put(data, "source_ports_ipv4", port->source_ports[0]);
	put(data, "source_ports_ipv6", port->source_ports[1]);
	put(data, "queries", totals_port_queries(control, (unsigned)number));
	for (unsigned i = 0; i < STATS_ORIGINS; i++) {
		char name[64];
		snprintf(name, sizeof(name), "responses_%s", stats_origins[i]);
		put(data, name,
		    totals_port_answers(control, (unsigned)number, (enum stats_origin)i));
	}
	return 0;
}

static int endpoints_answer(const struct control *control, const struct copy *copy, long number,
			    struct rte_tel_data *data)
{
	(void)control;
	if (number < 0) {
		rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
		for (unsigned i = 0; i < copy->n_endpoints; i++)
			rte_tel_data_add_array_string(data, copy->endpoints[i].path);
		return 0;
	}
	if ((unsigned long)number >= copy->n_endpoints)
		return -ENOENT;
	const struct endpoint_copy *endpoint = &copy->endpoints[number];
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "path", endpoint->path);
	put(data, "sent", endpoint->counters.sent);
	put(data, "failed", endpoint->counters.failed);
	put(data, "reconnected", endpoint->counters.reconnected);
	put(data, "queued", endpoint->queued);
	return 0;
}

static const struct {
	const char *command;
	answer_fn *answer;
	const char *help;
} commands[] = {
	{"/sluice/info", info_answer, "Versions, uptime, ports and workers. No parameters"},
	{"/sluice/stats", stats_answer, "All counters, and all drops by reason. No parameters"},
	{"/sluice/async", async_answer, "Suspended packets and how they ended. No parameters"},
	{"/sluice/workers", workers_answer, "The workers. Parameters: int number, one's counters"},
	{"/sluice/ports", ports_answer, "The ports. Parameters: int number, one's counters"},
	{"/sluice/endpoints", endpoints_answer,
	 "The unix endpoints. Parameters: int number, one's counters"},
};

/* A number, -1 for no parameter; anything else is refused. */
static int parameter_read(const char *text, long *number)
{
	char *end;
	*number = -1;
	if (text == NULL || *text == '\0')
		return 0;
	errno = 0;
	*number = strtol(text, &end, 10);
	return end == text || *end != '\0' || errno != 0 || *number < 0 ? -EINVAL : 0;
}

static int command_run(const char *command, const char *parameters, struct rte_tel_data *data)
{
	long number;
	int result = parameter_read(parameters, &number);
	if (result != 0)
		return result;
	result = -ENODEV;
	pthread_mutex_lock(&telemetry.lock);
	for (unsigned i = 0; i < RTE_DIM(commands); i++)
		if (telemetry.source != NULL && strcmp(commands[i].command, command) == 0)
			result = commands[i].answer(telemetry.source, &telemetry.copy, number, data);
	pthread_mutex_unlock(&telemetry.lock);
	return result;
}

void telemetry_create(const struct control *control)
{
	pthread_mutex_lock(&telemetry.lock);
	telemetry.source = control;
	pthread_mutex_unlock(&telemetry.lock);
	for (unsigned i = 0; i < RTE_DIM(commands); i++)
		if (rte_telemetry_register_cmd(commands[i].command, command_run,
					       commands[i].help) != 0)
			log_warning("telemetry: %s cannot be offered", commands[i].command);
}

void telemetry_destroy(void)
{
	pthread_mutex_lock(&telemetry.lock);
	telemetry.source = NULL;
	pthread_mutex_unlock(&telemetry.lock);
}
