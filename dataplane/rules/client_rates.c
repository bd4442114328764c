/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/client_rates.h"

#include <string.h>
#include <sys/mman.h>

#include "dataplane/hash.h"

#define TRIES 16      /* at places that others keep taking */
#define SEEN 0xffffu  /* the bits of a client that say when it was last seen */
#define SEEN_SHIFT 26 /* in units of some ten milliseconds; they wrap around after half an hour */
#define UNIT 256u     /* of times in buckets: what is left beside the tag */

static_assert(CLIENT_BANK_WAYS * sizeof(uint64_t) == RTE_CACHE_LINE_SIZE, "a line a look-up");

/* ---- building ---- */

static uint32_t lines_of(uint32_t clients)
{
	uint32_t lines = 2;
	/* Twice as many places as clients: few lines get more clients than they have places. */
	while (lines < (1u << 27) && lines * (CLIENT_BANK_WAYS / 2) < clients)
		lines *= 2;
	return lines;
}

static size_t places_of(uint32_t clients)
{
	return (size_t)lines_of(clients) * CLIENT_BANK_WAYS;
}

size_t client_bank_size(uint32_t clients, uint16_t width)
{
	return places_of(clients) * (1 + (size_t)width) * sizeof(uint64_t);
}

bool client_bank_open(struct client_bank *bank, uint32_t clients, uint16_t width, uint8_t v4_prefix,
		      uint8_t v6_prefix, const uint64_t seed[2])
{
	size_t size = client_bank_size(clients, width);
	/* Huge pages would make it all real for a few clients. */
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	*bank = (struct client_bank){
		.seed = {seed[0], seed[1]},
		.clients = memory,
		.buckets = (uint64_t *)memory + places_of(clients),
		.mask = lines_of(clients) - 1,
		.width = width,
		.v4_prefix = v4_prefix,
		.v6_prefix = v6_prefix,
		.n_clients = clients,
		.size = size,
	};
	return true;
}

void client_bank_close(struct client_bank *bank)
{
	if (bank->clients != NULL)
		munmap(bank->clients, bank->size);
	bank->clients = NULL;
}

struct client_rate client_bank_column(struct client_bank *bank, struct rate_limit limit)
{
	const uint64_t most = UINT64_C(1) << 55; /* cycles: some months */
	struct client_rate rate = {.bank = bank, .column = bank->used++};
	uint64_t period = RTE_MIN(limit.period, most), depth = RTE_MIN(limit.depth, most);
	rate.period = (period * 64 + UNIT / 2) / UNIT * UNIT;
	if (rate.period == 0)
		rate.period = UNIT;
	/* As many tokens as before, though the period was rounded. */
	rate.depth =
		(uint64_t)((double)depth / (double)period * (double)rate.period) + rate.period / 16;
	if (limit.depth < limit.period)
		rate.depth = 0;
	return rate;
}

/* ---- taking ---- */

/* The first `length` bits of eight bytes. */
static uint64_t bits_load(const uint8_t *bytes, unsigned length)
{
	uint64_t value;
	memcpy(&value, bytes, sizeof(value));
	value = __builtin_bswap64(value);
	return length == 0 ? 0 : length >= 64 ? value : value & ~(UINT64_MAX >> length);
}

/* The client's network as a number that nobody can aim at without the seed; never a free place's.
 */
uint64_t client_bank_key(const struct client_bank *bank, const uint8_t *address, bool ipv6)
{
	uint64_t high, low = 0;
	if (ipv6) {
		unsigned length = bank->v6_prefix;
		high = bits_load(address, length);
		low = bits_load(address + 8, length > 64 ? length - 64 : 0);
	} else {
		uint8_t padded[8] = {0};
		memcpy(padded, address, 4);
		high = bits_load(padded, bank->v4_prefix) | 1; /* no IPv6 network of 64 bits */
	}
	uint64_t key = hash_mix(hash_mix(high ^ bank->seed[0], 0x9e3779b97f4a7c15u ^ bank->seed[1]),
				low ^ bank->seed[1] ^ ipv6);
	return key > SEEN ? key : SEEN + 1;
}

/* A place of a client's, as it was when it was looked at. */
struct place {
	uint64_t *client;
	uint64_t seen;
	uint32_t age; /* since it was last seen; more than any: it is free */
};

static inline bool place_is(const struct place *place, uint64_t key)
{
	return ((place->seen ^ key) & ~(uint64_t)SEEN) == 0;
}

/* The client's place in a line, or else the one that is free or was not seen for the longest. */
static struct place line_search(uint64_t *line, uint64_t key, uint64_t stamp)
{
	struct place chosen = {0};
	for (unsigned i = 0; i < CLIENT_BANK_WAYS; i++) {
		struct place place = {&line[i], __atomic_load_n(&line[i], __ATOMIC_RELAXED), 0};
		if (place_is(&place, key))
			return place;
		/* One lcore's time may be somewhat behind another's. */
		place.age =
			place.seen == 0 ? SEEN + 1 : (uint32_t)((stamp + 1 - place.seen) & SEEN);
		if (chosen.client == NULL || place.age > chosen.age)
			chosen = place;
	}
	return chosen;
}

/* Likewise in its line and the one beside that, where those are that found the line full. */
static struct place place_search(const struct client_bank *bank, uint64_t key, uint64_t stamp)
{
	uint64_t line = key >> 16 & bank->mask;
	struct place home = line_search(&bank->clients[line * CLIENT_BANK_WAYS], key, stamp);
	if (place_is(&home, key))
		return home;
	struct place beside =
		line_search(&bank->clients[(line ^ 1) * CLIENT_BANK_WAYS], key, stamp);
	return place_is(&beside, key) || beside.age > home.age ? beside : home;
}

uint64_t *client_bank_row(const struct client_bank *bank, uint64_t key, uint64_t now)
{
	uint64_t stamp = now >> SEEN_SHIFT & SEEN, wanted = (key & ~(uint64_t)SEEN) | stamp;
	struct place place;
	for (unsigned i = 0; i < TRIES; i++) {
		place = place_search(bank, key, stamp);
		if (place.seen == wanted)
			break;
		bool taken = __atomic_compare_exchange_n(place.client, &place.seen, wanted, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED);
		if (taken || place_is(&place, key))
			break;
	}
	/* So many at once that the row may be another's: then all buckets are full. */
	return bank->buckets + (size_t)(place.client - bank->clients) * bank->width;
}
