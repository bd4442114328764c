/* SPDX-License-Identifier: BSD-2-Clause */
/* How many connections each client has: an address, or the network that the policy takes for one. */
#include <errno.h>
#include <stdlib.h>

#include <rte_hash.h>
#include <rte_jhash.h>

#include "control/tcp_parts.h"

struct client_key {
	uint8_t address[16];
	uint8_t ipv6;
};

static struct client_key key_of(const struct tcp *tcp, const struct net_address *address)
{
	struct client_key key = {.ipv6 = address->ipv6};
	unsigned bits = address->ipv6 ? tcp->policy->tcp.mask_v6 : tcp->policy->tcp.mask_v4;
	memcpy(key.address, address->bytes, (bits + 7) / 8);
	if (bits % 8 != 0)
		key.address[bits / 8] &= (uint8_t)(0xff << (8 - bits % 8));
	return key;
}

int tcp_limits_create(struct tcp *tcp)
{
	struct rte_hash_parameters parameters = {
		.name = "tcp_clients",
		/* Room for more than there can be: a hash need not take its last entries. */
		.entries = tcp->capacity + tcp->capacity / 4 + 64,
		.key_len = sizeof(struct client_key),
		.hash_func = rte_jhash,
		.socket_id = (int)rte_socket_id(),
	};
	tcp->limits = rte_hash_create(&parameters);
	tcp->of_client = calloc(parameters.entries + 1, sizeof(*tcp->of_client));
	return tcp->limits != NULL && tcp->of_client != NULL ? 0 : -ENOMEM;
}

void tcp_limits_destroy(struct tcp *tcp)
{
	rte_hash_free(tcp->limits);
	free(tcp->of_client);
}

bool tcp_limit_take(struct tcp *tcp, const struct net_address *address, int32_t *place)
{
	struct client_key key = key_of(tcp, address);
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
