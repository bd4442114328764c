/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast clients begin connections, and which have none for a time. A client is an address, or the network
 * that the policy takes for one.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_jhash.h>

#include "control/tcp/parts.h"

#define RATE_LINES 8192u
#define RATE_WAYS 8u /* clients to a line: the one not seen for the longest time makes place */
#define SLICES 5u    /* of the time that a rate is an average over */
#define MINUTE_MS 60000ull

/* Connections that a client began, by slices of time since it was first seen. */
struct tcp_rate {
	struct tcp_client_key key;
	uint32_t begun[SLICES]; /* by number of the slice, modulo SLICES */
	uint32_t slice;	 /* the last in which it began one */
	uint64_t first;	 /* ms: when slice 0 began */
	uint64_t seen;	 /* ms; 0: never */
	uint64_t banned; /* ms: until then */
};

static void bits_take(uint8_t *to, const uint8_t *from, unsigned bits)
{
	memcpy(to, from, (bits + 7) / 8);
	if (bits % 8 != 0)
		to[bits / 8] &= (uint8_t)(0xff << (8 - bits % 8));
}

struct tcp_client_key tcp_client_key(const struct tcp *tcp, const struct net_address *address,
				     uint16_t port)
{
	const struct policy_tcp *limits = &tcp->policy->tcp;
	const uint8_t port_bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};
	struct tcp_client_key key = {.ipv6 = address->ipv6};
	bits_take(key.address, address->bytes, address->ipv6 ? limits->mask_v6 : limits->mask_v4);
	if (!address->ipv6 && limits->mask_v4 == 32)
		bits_take(key.port, port_bytes, limits->mask_v4_port);
	return key;
}

int tcp_rates_create(struct tcp *tcp)
{
	tcp->rates = calloc((size_t)RATE_LINES * RATE_WAYS, sizeof(*tcp->rates));
	if (getrandom(&tcp->rates_seed, sizeof(tcp->rates_seed), 0) != sizeof(tcp->rates_seed))
		return -EIO;
	return tcp->rates != NULL ? 0 : -ENOMEM;
}

void tcp_rates_destroy(struct tcp *tcp)
{
	free(tcp->rates);
}

/*
 * The client's, or of whoever of its line was not seen for the longest time: who is banned keeps his place
 * until that ends. NULL unless `make`, or where all of the line are banned, which is counted.
 */
static struct tcp_rate *rate_find(struct tcp *tcp, const struct tcp_client_key *key, bool make)
{
	uint32_t line = rte_jhash(key, sizeof(*key), tcp->rates_seed) % RATE_LINES;
	struct tcp_rate *found = &tcp->rates[line * RATE_WAYS], *oldest = NULL;
	for (unsigned i = 0; i < RATE_WAYS; i++, found++) {
		if (found->seen != 0 && memcmp(&found->key, key, sizeof(*key)) == 0)
			return found;
		if (found->banned <= tcp->now && (oldest == NULL || found->seen < oldest->seen))
			oldest = found;
	}
	if (!make)
		return NULL;
	if (oldest == NULL) {
		tcp_count(&tcp->stats.rates_full, 1);
		return NULL;
	}
	*oldest = (struct tcp_rate){.key = *key, .first = tcp->now, .seen = tcp->now};
	return oldest;
}

/* Forgets what is out of the time that counts. A slice that is not the last one's successor: all of it. */
static uint32_t slices_turn(struct tcp_rate *rate, uint64_t now, uint64_t slice_ms)
{
	uint64_t slice = (now - rate->first) / slice_ms;
	if (slice >= (uint64_t)rate->slice + SLICES || slice < rate->slice) {
		memset(rate->begun, 0, sizeof(rate->begun));
		rate->first = now;
		slice = rate->slice = 0;
	}
	while (rate->slice < slice)
		rate->begun[++rate->slice % SLICES] = 0;
	return rate->slice;
}

/* Whether one more keeps it within so many a second, on average since the first that counts. */
static bool is_within(const struct tcp_rate *rate, uint64_t now, uint64_t slice_ms, uint32_t most)
{
	uint64_t count = 1, oldest = rate->slice;
	for (uint32_t back = 0; back < SLICES && back <= rate->slice; back++) {
		uint32_t of_slice = rate->begun[(rate->slice - back) % SLICES];
		count += of_slice;
		if (of_slice > 0)
			oldest = rate->slice - back;
	}
	uint64_t seconds = 1 + (now - rate->first - oldest * slice_ms) / 1000;
	return count <= most * seconds;
}

bool tcp_rate_take(struct tcp *tcp, const struct net_address *address, uint16_t port)
{
	const struct policy_tcp *limits = &tcp->policy->tcp;
	if (limits->max_rate == 0 && tcp->now >= tcp->banned)
		return true;
	struct tcp_client_key key = tcp_client_key(tcp, address, port);
	struct tcp_rate *rate = rate_find(tcp, &key, limits->max_rate != 0);
	if (rate == NULL)
		return true;
	rate->seen = tcp->now;
	if (tcp->now < rate->banned)
		return false;
	if (limits->max_rate == 0)
		return true;
	const uint64_t slice_ms = limits->rate_interval * MINUTE_MS / SLICES;
	uint32_t slice = slices_turn(rate, tcp->now, slice_ms);
	if (!is_within(rate, tcp->now, slice_ms, limits->max_rate)) {
		rate->banned = tcp->now + limits->ban * 1000ull;
		return false;
	}
	rate->begun[slice % SLICES]++;
	return true;
}

void tcp_ban(struct tcp *tcp, const struct net_address *address, uint16_t port)
{
	uint64_t until = tcp->now + tcp->policy->tcp.reads_ban * 1000ull;
	struct tcp_client_key key = tcp_client_key(tcp, address, port);
	struct tcp_rate *rate = rate_find(tcp, &key, true);
	if (rate == NULL)
		return;
	rate->seen = tcp->now;
	rate->banned = RTE_MAX(rate->banned, until);
	tcp->banned = RTE_MAX(tcp->banned, until);
}
