/* SPDX-License-Identifier: BSD-2-Clause */
/* A registry of suspended packets, and packets that are numbers. */
#ifndef SLUICE_TESTS_ASYNC_LAB_H
#define SLUICE_TESTS_ASYNC_LAB_H

#include "control/async/async.h"
#include "control/async/ids.h"
#include "tests/unit/unit.h"

#define START 1000u /* ms */
#define MILLION 1000000u

static struct async *async;

static inline void make(uint32_t max_packets, uint32_t max_suspended)
{
	struct async_config config = {.max_packets = max_packets, .max_suspended = max_suspended};
	async_destroy(async);
	async = async_create(&config, START);
	ck_assert_ptr_nonnull(async);
}

static inline void setup(void)
{
	async = NULL;
	make(200000, 100000);
}

static inline void teardown(void)
{
	async_destroy(async);
}

static inline struct rte_mbuf *mbuf_number(uintptr_t number)
{
	return (struct rte_mbuf *)(number * 64 + 64);
}

static inline uint32_t take(uintptr_t number)
{
	uint32_t slot = async_take(async, mbuf_number(number));
	ck_assert_uint_ne(slot, ASYNC_NONE);
	return slot;
}

static inline struct async_done pop(enum async_end end)
{
	struct async_done done;
	ck_assert(async_done_pop(async, &done));
	ck_assert_int_eq(done.end, end);
	return done;
}

/* The sum that async.h promises. */
static inline void check_sum(void)
{
	const struct async_counters *c = async_counters(async);
	ck_assert_uint_eq(c->suspended, c->resumed + c->answered + c->dropped + c->expired +
						c->finished + async_suspended_now(async));
}

#endif
