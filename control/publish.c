/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/publish.h"

#include "control/log/log.h"

#define OLD_MANY 64u /* more than any number of edits leaves while all workers turn */

static struct policy *current;
/* Those before it that a worker may still read, the oldest first. */
static struct policy *oldest, **newest_end = &oldest;
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

/* Nobody waits for the workers: as long as one is stalled, old policies stay. */
static void old_add(struct dataplane *dataplane, struct policy *policy)
{
	policy->next = NULL;
	policy->token = rte_rcu_qsbr_start(dataplane->rcu);
	*newest_end = policy;
	newest_end = &policy->next;
	if (++n_old % OLD_MANY == 0)
		log_warning("%u old policies cannot be freed before all workers have turned; is "
			    "one stalled?",
			    n_old);
}

static struct policy *old_take(void)
{
	struct policy *policy = oldest;
	oldest = policy->next;
	if (oldest == NULL)
		newest_end = &oldest;
	n_old--;
	return policy;
}

void policy_publish(struct dataplane *dataplane, struct policy *policy)
{
	struct policy *before = current;
	routes_set(dataplane, policy);
	for (unsigned i = 0; i < dataplane->n_workers; i++)
		__atomic_store_n(&workers[i].policy, policy, __ATOMIC_RELEASE);
	current = policy;
	if (before != NULL)
		old_add(dataplane, before);
}

const struct policy *policy_current(void)
{
	return current;
}

bool policy_is_published(uint16_t number)
{
	bool found = current != NULL && policy_backend(current, number) != NULL;
	for (const struct policy *old = oldest; old != NULL; old = old->next)
		found |= policy_backend(old, number) != NULL;
	return found;
}

void policy_reclaim(struct dataplane *dataplane)
{
	while (oldest != NULL && rte_rcu_qsbr_check(dataplane->rcu, oldest->token, false) == 1)
		policy_free(old_take());
}

unsigned policy_old_count(void)
{
	return n_old;
}

void policy_unpublish(void)
{
	while (oldest != NULL)
		policy_free(old_take());
	policy_free(current);
	current = NULL;
}
