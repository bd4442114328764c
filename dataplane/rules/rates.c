/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/rates.h"

struct rate_limit rate_limit_of(double rate, double burst, uint64_t hz)
{
	struct rate_limit limit = {.period = UINT64_MAX / 4};
	if (rate <= 0 || burst < 1)
		return limit;
	double period = (double)hz / rate, depth = period * burst;
	const double most = (double)(UINT64_MAX / 8);
	limit.period = period < 1 ? 1 : period < most ? (uint64_t)period : UINT64_MAX / 8;
	limit.depth = depth < most ? (uint64_t)depth : UINT64_MAX / 8;
	if (limit.depth < limit.period)
		limit.depth = limit.period;
	return limit;
}

/* When the bucket is full again after a token is taken now; 0 if there is none. */
static uint64_t full_after(uint64_t full, const struct rate_limit *limit, uint64_t now)
{
	uint64_t after = (full > now ? full : now) + limit->period;
	return after - now <= limit->depth ? after : 0;
}

bool rate_take(struct rate *rate, uint64_t now)
{
	uint64_t full = __atomic_load_n(&rate->full, __ATOMIC_RELAXED);
	uint64_t after;
	do {
		after = full_after(full, &rate->limit, now);
		if (after == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&rate->full, &full, after, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}
