/* SPDX-License-Identifier: BSD-2-Clause */
/* How many connections each client has. */
#include <errno.h>
#include <stdlib.h>

#include <rte_hash.h>
#include <rte_jhash.h>

#include "control/tcp/parts.h"

int tcp_limits_create(struct tcp *tcp)
{
	struct rte_hash_parameters parameters = {
		.name = "tcp_clients",
		/* Room for more than there can be: a hash need not take its last entries. */
		.entries = tcp->capacity + tcp->capacity / 4 + 64,
		.key_len = sizeof(struct tcp_client_key),
		.hash_func = rte_jhash,
		.socket_id = (int)rte_socket_id(),
	};
	tcp->limits = rte_hash_create(&parameters);
	tcp->of_client = calloc(parameters.entries + 1, sizeof(*tcp->of_client));
	return tcp->limits != NULL && tcp->of_client != NULL ? tcp_rates_create(tcp) : -ENOMEM;
}

void tcp_limits_destroy(struct tcp *tcp)
{
	rte_hash_free(tcp->limits);
	free(tcp->of_client);
	tcp_rates_destroy(tcp);
}

bool tcp_limit_take(struct tcp *tcp, const struct net_address *address, uint16_t port,
		    int32_t *place)
{
	struct tcp_client_key key = tcp_client_key(tcp, address, port);
	*place = rte_hash_add_key(tcp->limits, &key);
	if (*place < 0)
		return false;
	uint32_t most = tcp->policy->tcp.max_of_client;
	if (most != 0 && tcp->of_client[*place] >= most)
		return false;
	tcp->of_client[*place]++;
	return true;
}

void tcp_limit_give(struct tcp *tcp, int32_t place)
{
	void *key;
	if (--tcp->of_client[place] == 0 &&
	    rte_hash_get_key_with_position(tcp->limits, place, &key) == 0)
		rte_hash_del_key(tcp->limits, key);
}
