/* SPDX-License-Identifier: BSD-2-Clause */
/* What the TCP thread counts, as a table for people. */
#include <inttypes.h>
#include <stdio.h>

#include "control/publish.h"
#include "control/tcp/tcp.h"

static void frontends_show(const struct tcp_stats *stats, const struct policy *policy, FILE *out)
{
	fprintf(out, "%-48s %9s %9s %9s %10s %10s %9s\n", "Address", "Current", "Most", "Accepted",
		"Queries", "Timeouts", "Garbage");
	for (unsigned i = 0; i < policy->n_listeners; i++) {
		const struct policy_listener *listener = &policy->listeners[i];
		const struct tcp_frontend_stats *of = &stats->frontend[listener->frontend];
		char address[64];
		if (listener->tcp.off)
			continue;
		backend_address_print(&listener->address, listener->port, address, sizeof(address));
		fprintf(out,
			"%-48s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %10" PRIu64 " %10" PRIu64
			" %9" PRIu64 "\n",
			address, stats_read(&of->current), stats_read(&of->most),
			stats_read(&of->accepted), stats_read(&of->taken),
			stats_read(&of->ended[TCP_END_IDLE]) + stats_read(&of->ended[TCP_END_SLOW]) +
				stats_read(&of->ended[TCP_END_UNREAD]),
			stats_read(&of->ended[TCP_END_GARBAGE]));
	}
}

static void servers_show(const struct tcp_stats *stats, const struct policy *policy, FILE *out)
{
	fprintf(out, "\n%-48s %9s %9s %9s %10s %10s %9s\n", "Server", "Current", "Most", "Opened",
		"Reused", "Timeouts", "Gave up");
	for (unsigned i = 0; i < policy->n_backends; i++) {
		const struct tcp_server_stats *of = &stats->server[i];
		if (policy->backends[i] == NULL || stats_read(&of->opened) == 0)
			continue;
		fprintf(out,
			"%-48s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %10" PRIu64 " %10" PRIu64
			" %9" PRIu64 "\n",
			policy->backends[i]->title, stats_read(&of->current), stats_read(&of->most),
			stats_read(&of->opened), stats_read(&of->reused),
			stats_read(&of->connect_timeouts) + stats_read(&of->write_timeouts) +
				stats_read(&of->read_timeouts),
			stats_read(&of->gave_up));
	}
}

size_t tcp_show(const struct control *control, char *text, size_t size)
{
	const struct tcp_stats *stats = tcp_stats(control);
	const struct policy *policy = policy_current();
	FILE *out = stats != NULL && policy != NULL ? fmemopen(text, size, "w") : NULL;
	if (out == NULL)
		return 0;
	frontends_show(stats, policy, out);
	servers_show(stats, policy, out);
	long length = ftell(out);
	fclose(out);
	return length > 0 ? (size_t)length < size ? (size_t)length : size : 0;
}
