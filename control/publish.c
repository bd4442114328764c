/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/publish.h"

#include "control/log.h"

#define OLD_MAX 64

struct old_policy {
	struct policy *policy;
	uint64_t token;
};

static struct policy *current;
static struct old_policy old[OLD_MAX];
static unsigned n_old;

static void steer_hash_set(const struct net_port *port, const struct backend *backend,
			   struct net_route *route)
{
	const struct net_steer *steer = port->steer[route->source.ipv6];
	if (steer != NULL)
		route->steer_hash = net_steer_hash(steer, &backend->address, backend->port,
						   &route->source);
}

static void routes_set(struct dataplane *dataplane, const struct policy *policy)
{
	for (unsigned i = 0; i < policy->n_backends; i++) {
		const struct backend *backend = policy->backends[i];
		if (backend == NULL || dataplane->routed[i])
			continue;
		struct net_route *route = &dataplane->routes[i];
		dataplane->routed[i] = net_route_lookup(dataplane->ports, dataplane->n_ports,
							&backend->address, &backend->source,
							route) == 0;
		if (dataplane->routed[i])
			steer_hash_set(&dataplane->ports[route->port], backend, route);
		if (!dataplane->routed[i]) {
			char text[64];
			backend_address_print(&backend->address, backend->port, text, sizeof(text));
			log_warning("no route to server %s: give a port an address on its network, "
				    "or a gateway",
				    text);
		}
	}
}

void policy_publish(struct dataplane *dataplane, struct policy *policy)
{
	struct policy *before = current;
	routes_set(dataplane, policy);
	for (unsigned i = 0; i < dataplane->n_workers; i++)
		__atomic_store_n(&workers[i].policy, policy, __ATOMIC_RELEASE);
	current = policy;
	if (before == NULL)
		return;
	if (n_old == OLD_MAX) {
		/* Publications outran the workers' turns: wait for one grace period. */
		rte_rcu_qsbr_synchronize(dataplane->rcu, RTE_QSBR_THRID_INVALID);
		policy_reclaim(dataplane);
	}
	old[n_old++] = (struct old_policy){before, rte_rcu_qsbr_start(dataplane->rcu)};
}

const struct policy *policy_current(void)
{
	return current;
}

bool policy_is_published(uint16_t number)
{
	bool found = current != NULL && policy_backend(current, number) != NULL;
	for (unsigned i = 0; i < n_old; i++)
		found |= policy_backend(old[i].policy, number) != NULL;
	return found;
}

void policy_reclaim(struct dataplane *dataplane)
{
	while (n_old > 0 && rte_rcu_qsbr_check(dataplane->rcu, old[0].token, false) == 1) {
		policy_free(old[0].policy);
		n_old--;
		for (unsigned i = 0; i < n_old; i++)
			old[i] = old[i + 1];
	}
}

void policy_unpublish(void)
{
	for (unsigned i = 0; i < n_old; i++)
		policy_free(old[i].policy);
	n_old = 0;
	policy_free(current);
	current = NULL;
}
