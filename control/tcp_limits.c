/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many connections each client has, and how fast it begins them: an address, or the network that the
 * policy takes for one.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_random.h>

#include "control/tcp_parts.h"

#define RATE_LINES 8192u
#define RATE_WAYS 8u /* clients to a line: the one not seen for the longest time makes place */
#define MINUTE_MS 60000.0

struct client_key {
	uint8_t address[16];
	uint8_t ipv6;
};

/* A bucket of connections, a minute's worth of them. */
struct tcp_rate {
	struct client_key key;
	double left;
	uint64_t seen; /* ms; 0: never */
	uint64_t banned; /* ms: until then */
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
	tcp->rates = calloc((size_t)RATE_LINES * RATE_WAYS, sizeof(*tcp->rates));
	tcp->rates_seed = (uint32_t)rte_rand();
	return tcp->limits != NULL && tcp->of_client != NULL && tcp->rates != NULL ? 0 : -ENOMEM;
}

void tcp_limits_destroy(struct tcp *tcp)
{
	rte_hash_free(tcp->limits);
	free(tcp->of_client);
	free(tcp->rates);
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

/* The client's, or that of whoever of its line was not seen for the longest time, made full. */
static struct tcp_rate *rate_find(struct tcp *tcp, const struct client_key *key, double most)
{
	uint32_t line = rte_jhash(key, sizeof(*key), tcp->rates_seed) % RATE_LINES;
	struct tcp_rate *found = &tcp->rates[line * RATE_WAYS], *oldest = found;
	for (unsigned i = 0; i < RATE_WAYS; i++, found++) {
		if (found->seen != 0 && memcmp(&found->key, key, sizeof(*key)) == 0)
			return found;
		if (found->seen < oldest->seen)
			oldest = found;
	}
	*oldest = (struct tcp_rate){.key = *key, .left = most, .seen = tcp->now};
	return oldest;
}

bool tcp_rate_take(struct tcp *tcp, const struct net_address *address)
{
	const struct policy_tcp *limits = &tcp->policy->tcp;
	if (limits->max_rate == 0)
		return true;
	struct client_key key = key_of(tcp, address);
	double most = limits->max_rate;
	struct tcp_rate *rate = rate_find(tcp, &key, most);
	double now = rate->left + (double)(tcp->now - rate->seen) * most / MINUTE_MS;
	rate->left = RTE_MIN(now, most);
	rate->seen = tcp->now;
	if (tcp->now < rate->banned)
		return false;
	if (rate->left < 1) {
		rate->banned = tcp->now + limits->ban * 1000ull;
		return false;
	}
	rate->left--;
	return true;
}
