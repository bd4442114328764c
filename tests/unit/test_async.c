/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/async_lab.h"
#include "tests/unit/unit.h"

#define MANY 100u

START_TEST(config_out_of_range)
{
	struct async_config config = {.max_packets = 0};
	ck_assert_ptr_null(async_create(&config, 0));
	config.max_packets = ASYNC_PACKETS_MAX + 1;
	ck_assert_ptr_null(async_create(&config, 0));
	config = (struct async_config){.max_packets = 1, .on_expiry = ASYNC_FATE_DROP + 1};
	ck_assert_ptr_null(async_create(&config, 0));
	config = (struct async_config){.max_packets = MILLION};
	ck_assert_uint_ge(async_memory_for(&config), MILLION * 64u);
	ck_assert_uint_le(async_memory_for(&config), MILLION * 128u);
	config.max_packets = 200000;
	ck_assert_uint_eq(async_memory_for(&config), async_memory(async));
}
END_TEST

START_TEST(suspend_fetch_resume)
{
	struct async_ref ref;
	uint32_t slot = take(1);

	ck_assert(async_suspend(async, slot, 7, 0xabcd, 500, START));
	ck_assert_uint_eq(async_suspended_now(async), 1);
	ck_assert_uint_le(async_next_deadline(async), START + 500);
	ck_assert(async_fetch(async, 7, 0xabcd, &ref));
	ck_assert(async_ref_valid(async, ref));
	ck_assert(!async_done_waiting(async));
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	ck_assert(async_done_waiting(async));
	struct async_done done = pop(ASYNC_END_RESUMED);
	ck_assert_uint_eq(done.slot, slot);
	ck_assert_ptr_eq(done.mbuf, mbuf_number(1));
	ck_assert(!done.continue_rules);
	async_release(async, slot);
	ck_assert_uint_eq(async_in_hand(async), 0);
	ck_assert_uint_eq(async_counters(async)->resumed, 1);
	ck_assert_uint_eq(async_next_deadline(async), ASYNC_NEVER);
	check_sum();
}
END_TEST

START_TEST(clients_with_the_same_id_get_their_own)
{
	bool seen[ASYNC_IDS_COUNT] = {false};

	for (uint32_t i = 0; i < ASYNC_IDS_COUNT; i++) {
		uint32_t slot = take(i);
		int id = async_id_take(async, slot);
		ck_assert_int_ge(id, 0);
		ck_assert(!seen[id]);
		seen[id] = true;
		ck_assert_int_eq(async_id(async, slot), id);
		ck_assert(async_suspend(async, slot, 0, (uint16_t)id, 1000, START));
	}
	ck_assert_int_eq(async_id_take(async, take(MILLION)), -1);
	ck_assert_uint_eq(async_counters(async)->duplicate, 0);
}
END_TEST

START_TEST(taken_key_is_refused_and_counted)
{
	struct async_ref ref;
	uint32_t first = take(1);
	uint32_t second = take(2);

	ck_assert(async_suspend(async, first, 1, 2, 100, START));
	ck_assert(!async_suspend(async, second, 1, 2, 100, START));
	ck_assert_uint_eq(async_counters(async)->duplicate, 1);
	ck_assert_uint_eq(async_suspended_now(async), 1);
	ck_assert_int_eq(async_state(async, async_ref_of(async, second)), ASYNC_NOT_SUSPENDED);
	ck_assert(async_suspend(async, second, 2, 1, 100, START));
	ck_assert(async_fetch(async, 1, 2, &ref)); /* the first one is still the key's */
	ck_assert_ptr_eq(async_mbuf(async, ref.slot), mbuf_number(1));
	ck_assert(!async_suspend(async, second, 3, 3, 100, START)); /* suspended already */
	check_sum();
}
END_TEST

START_TEST(limits)
{
	struct async_ref ref;
	make(3, 1);
	uint32_t first = take(1);
	uint32_t second = take(2);
	take(3);

	ck_assert_uint_eq(async_take(async, mbuf_number(4)), ASYNC_NONE);
	ck_assert(async_suspend(async, first, 0, 1, 100, START));
	ck_assert(!async_suspend(async, second, 0, 2, 100, START));
	ck_assert_uint_eq(async_suspend_id(async, second, 100, ASYNC_FATE_DROP, 0, START), 0);
	ck_assert_uint_eq(async_counters(async)->overflow, 2);
	ck_assert(async_was_refused(async, second) && !async_was_refused(async, first));
	/* A fetched one counts as suspended, and may be suspended anew at the limit. */
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert(!async_suspend(async, second, 0, 2, 100, START));
	ck_assert(async_suspend(async, first, 0, 9, 100, START));
	async_release(async, first);
	ck_assert(async_suspend(async, second, 0, 2, 100, START));
	ck_assert(!async_was_refused(async, second));
	ck_assert_uint_ne(async_take(async, mbuf_number(4)), ASYNC_NONE);
	check_sum();
}
END_TEST

START_TEST(expiry_by_the_clock)
{
	uint32_t slot = take(1);
	uint32_t at_once = take(2);

	ck_assert(async_suspend(async, slot, 0, 1, 100, START));
	ck_assert(async_suspend(async, at_once, 0, 2, 0, START));
	ck_assert_uint_eq(async_advance(async, START), 1); /* timeout 0 */
	ck_assert_uint_eq(pop(ASYNC_END_EXPIRED).slot, at_once);
	ck_assert_uint_eq(async_advance(async, START + 99), 0);
	ck_assert_uint_eq(async_advance(async, START - 500), 0); /* time never goes back */
	ck_assert_uint_eq(async_advance(async, START + 100), 1);
	ck_assert_int_eq(pop(ASYNC_END_EXPIRED).fate, ASYNC_FATE_RESUME);
	ck_assert_uint_eq(async_counters(async)->expired, 2);
	ck_assert_uint_eq(async_counters(async)->abandoned, 0);
	check_sum();
}
END_TEST

START_TEST(every_fate)
{
	static const enum async_fate fates[] = {ASYNC_FATE_RESUME, ASYNC_FATE_SERVFAIL,
						ASYNC_FATE_REFUSED, ASYNC_FATE_DROP};
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t slot = take(i);
		bool on = i & 1;
		ck_assert_uint_ne(async_suspend_id(async, slot, 10, fates[i],
						   on ? ASYNC_CONTINUE_RULES : 0, START), 0);
	}
	async_set_on_expiry(async, ASYNC_FATE_REFUSED);
	ck_assert_int_eq(async_on_expiry(async), ASYNC_FATE_REFUSED);
	ck_assert(async_suspend(async, take(4), 0, 0, 10, START));
	ck_assert_uint_eq(async_advance(async, START + 10), 5);
	for (uint32_t i = 0; i < 5; i++) {
		struct async_done done = pop(ASYNC_END_EXPIRED);
		ck_assert_int_eq(done.fate, i < 4 ? fates[i] : ASYNC_FATE_REFUSED);
		ck_assert_int_eq(done.continue_rules, i < 4 && (i & 1));
	}
}
END_TEST

START_TEST(a_late_verdict_finds_nothing)
{
	struct async_ref ref;
	uint32_t slot = take(1);
	uint64_t id = async_suspend_id(async, take(2), 10, ASYNC_FATE_RESUME, 0, START);

	ck_assert(async_suspend(async, slot, 0, 5, 10, START));
	async_advance(async, START + 10);
	ck_assert(!async_fetch(async, 0, 5, &ref));
	ck_assert(!async_find(async, id, &ref));
	ck_assert(!async_find(async, 0, &ref));
	ck_assert(!async_find(async, UINT64_C(1) << 63 | 5, &ref));
	ck_assert(!async_fetch(async, 9, 9, &ref)); /* one that never was */
	ck_assert_uint_eq(async_counters(async)->late, 5);
}
END_TEST

START_TEST(fetched_and_lost)
{
	struct async_ref ref;

	ck_assert(async_suspend(async, take(1), 0, 1, 100, START));
	ck_assert(async_fetch(async, 0, 1, &ref));
	/* The key is free for another packet; the clock goes on for the first. */
	ck_assert(async_suspend(async, take(2), 0, 1, 500, START));
	ck_assert_uint_eq(async_advance(async, START + 100), 1);
	ck_assert_ptr_eq(pop(ASYNC_END_EXPIRED).mbuf, mbuf_number(1));
	ck_assert_uint_eq(async_counters(async)->abandoned, 1);
	ck_assert_uint_eq(async_counters(async)->expired, 1);
	ck_assert_int_eq(async_resume(async, ref), ASYNC_GONE);
	ck_assert_int_eq(async_drop(async, ref), ASYNC_GONE);
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert_ptr_eq(async_mbuf(async, ref.slot), mbuf_number(2));
	check_sum();
}
END_TEST

START_TEST(unfetched_is_as_it_was)
{
	struct async_ref ref, again;
	uint32_t slot = take(1), other = take(2);
	ck_assert(async_suspend(async, slot, 0, 1, 100, START));
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert(async_unfetch(async, ref));
	ck_assert(!async_unfetch(async, ref));
	ck_assert(!async_suspend(async, other, 0, 1, 100, START)); /* the key is taken again */
	ck_assert(async_fetch(async, 0, 1, &again));
	ck_assert_uint_eq(again.generation, ref.generation);
	ck_assert(async_suspend(async, other, 0, 1, 100, START));
	ck_assert(!async_unfetch(async, again)); /* somebody else's by now */
	ck_assert_uint_eq(async_advance(async, START + 99), 0);
	ck_assert_uint_eq(async_advance(async, START + 100), 2);
	ck_assert(!async_unfetch(async, again));
	ck_assert_uint_eq(async_counters(async)->suspended, 2);
	ck_assert_uint_eq(async_counters(async)->expired, 2);
}
END_TEST

START_TEST(resume_twice_and_what_comes_after)
{
	struct async_done done;
	struct async_ref ref;
	uint32_t slot = take(1);

	ck_assert(async_suspend(async, slot, 0, 1, 100, START));
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	ck_assert_int_eq(async_drop(async, ref), ASYNC_RESUMED);
	ck_assert_int_eq(async_mark_answered(async, ref), ASYNC_RESUMED);
	ck_assert_int_eq(async_finish(async, ref, ASYNC_FATE_DROP), ASYNC_RESUMED);
	ck_assert(!async_suspend(async, slot, 0, 2, 100, START));
	ck_assert_uint_eq(async_advance(async, START + 1000), 0);
	pop(ASYNC_END_RESUMED);
	ck_assert(!async_done_pop(async, &done));
	async_release(async, slot);
	ck_assert_int_eq(async_resume(async, ref), ASYNC_GONE);
	ck_assert_uint_eq(async_counters(async)->resumed, 1);
	check_sum();
}
END_TEST

START_TEST(dropped_stays_dropped)
{
	struct async_ref ref;

	ck_assert(async_suspend(async, take(1), 0, 1, 100, START));
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert_int_eq(async_drop(async, ref), ASYNC_OK);
	ck_assert_int_eq(async_resume(async, ref), ASYNC_DROPPED);
	ck_assert_int_eq(async_drop(async, ref), ASYNC_DROPPED);
	pop(ASYNC_END_DROPPED);
	ck_assert(!async_done_waiting(async));
	ck_assert_uint_eq(async_counters(async)->dropped, 1);
	check_sum();
}
END_TEST

START_TEST(an_answer_counts_as_answered)
{
	struct async_ref ref;

	ck_assert(async_suspend(async, take(1), 0, 1, 100, START));
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert_int_eq(async_mark_answered(async, ref), ASYNC_OK);
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	pop(ASYNC_END_RESUMED);
	ck_assert_uint_eq(async_counters(async)->answered, 1);
	ck_assert_uint_eq(async_counters(async)->resumed, 0);
	check_sum();
}
END_TEST

START_TEST(suspended_anew_from_a_callback)
{
	struct async_ref old;
	struct async_ref ref;
	uint32_t slot = take(1);

	ck_assert(async_suspend(async, slot, 1, 1, 100, START));
	ck_assert(async_fetch(async, 1, 1, &old));
	ck_assert(async_suspend(async, slot, 2, 1, 300, START + 50));
	ck_assert_int_eq(async_resume(async, old), ASYNC_GONE);
	ck_assert(!async_ref_valid(async, old));
	ck_assert_uint_eq(async_advance(async, START + 349), 0);
	ck_assert(!async_fetch(async, 1, 1, &ref));
	ck_assert(async_fetch(async, 2, 1, &ref));
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	ck_assert_uint_eq(async_counters(async)->suspended, 1);
	check_sum();
}
END_TEST

START_TEST(own_ids_are_found_and_never_reused)
{
	struct async_ref ref;
	struct async_ref old;
	uint32_t slot = take(1);
	ck_assert_int_ge(async_id_take(async, slot), 0);
	uint64_t id = async_suspend_id(async, slot, 100, ASYNC_FATE_DROP, 0, START);

	ck_assert_int_eq(async_id(async, slot), -1);
	ck_assert_uint_ne(id, 0);
	ck_assert_uint_lt(id, UINT64_C(1) << 53);
	ck_assert(async_find(async, id, &old));
	ck_assert(async_find(async, id, &old)); /* finding leaves it there */
	uint64_t second = async_suspend_id(async, slot, 100, ASYNC_FATE_DROP, 0, START);
	ck_assert_uint_gt(second, id);
	ck_assert_int_eq(async_resume(async, old), ASYNC_GONE);
	ck_assert(!async_find(async, id, &ref));
	ck_assert(async_find(async, second, &ref));
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	ck_assert(!async_find(async, second, &ref));
	ck_assert_uint_eq(async_counters(async)->late, 2);
	async_release(async, pop(ASYNC_END_RESUMED).slot);
	ck_assert_uint_gt(async_suspend_id(async, take(2), 1, ASYNC_FATE_DROP, 0, START), second);
	check_sum();
}
END_TEST

/* A slot of the largest registry has 25 bits for its ids: they are used up in a minute here. */
START_TEST(a_slot_without_ids_left_is_not_used_again)
{
	uint64_t last = 0;
	uint32_t first = 0, used = 0, wrong = 0;
	make(ASYNC_PACKETS_MAX, 10);
	for (;; used++) {
		uint32_t slot = async_take(async, mbuf_number(1));
		uint64_t id = async_suspend_id(async, slot, 100, ASYNC_FATE_DROP, 0, START);
		if (used == 0)
			first = slot;
		if (slot != first)
			break;
		wrong += id <= last || id >= UINT64_C(1) << 53;
		last = id;
		async_release(async, slot);
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(used, 1u << 22);
	ck_assert_uint_eq(async_in_hand(async), 1);
}
END_TEST

START_TEST(a_failed_send_ends_it_at_once)
{
	struct async_ref ref;
	uint32_t slot = take(1);
	uint64_t tag = async_tag(async, slot); /* the datagram is sent before the suspension */

	ck_assert_uint_ne(tag, 0);
	ck_assert(async_tag_ref(async, tag, &ref));
	ck_assert_int_eq(async_finish(async, ref, ASYNC_FATE_DROP), ASYNC_NOT_SUSPENDED);
	ck_assert(async_suspend(async, slot, 0, 1, 100, START));
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert(async_suspend(async, slot, 1, 1, 100, START));
	ck_assert(async_tag_ref(async, tag, &ref));
	ck_assert_int_eq(async_finish(async, ref, ASYNC_FATE_SERVFAIL), ASYNC_OK);
	ck_assert_int_eq(pop(ASYNC_END_FINISHED).fate, ASYNC_FATE_SERVFAIL);
	async_release(async, slot);
	ck_assert(!async_tag_ref(async, tag, &ref));
	ck_assert_uint_eq(take(2), slot);
	ck_assert(!async_tag_ref(async, tag, &ref)); /* another packet in the same slot */
	ck_assert(!async_tag_ref(async, 0, &ref));
	check_sum();
}
END_TEST

START_TEST(released_while_suspended_or_queued)
{
	struct async_done done;
	struct async_ref ref;
	uint32_t first = take(1);
	uint32_t second = take(2);

	ck_assert(async_suspend(async, first, 0, 1, 100, START));
	async_release(async, first);
	async_release(async, first); /* no effect */
	ck_assert(async_suspend(async, second, 0, 1, 100, START));
	ck_assert(async_fetch(async, 0, 1, &ref));
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	async_release(async, second);
	ck_assert(!async_done_pop(async, &done));
	ck_assert_uint_eq(async_in_hand(async), 0);
	ck_assert_uint_eq(async_advance(async, START + 1000), 0);
	ck_assert_int_eq(async_state(async, (struct async_ref){0, 0}), ASYNC_GONE);
	ck_assert_int_eq(async_state(async, (struct async_ref){UINT32_MAX, 1}), ASYNC_GONE);
	check_sum();
}
END_TEST

/* continue_rules: the packet goes on after its expiry, and is suspended once more. */
START_TEST(suspended_again_after_it_ended)
{
	uint32_t slot = take(1);
	int id = async_id_take(async, slot);

	ck_assert(async_suspend(async, slot, 0, (uint16_t)id, 10, START));
	struct async_ref old = async_ref_of(async, slot);
	async_advance(async, START + 10);
	pop(ASYNC_END_EXPIRED);
	int other = async_id_take(async, slot);
	ck_assert_int_ne(other, id);
	ck_assert(async_suspend(async, slot, 0, (uint16_t)other, 10, START + 10));
	ck_assert_int_eq(async_resume(async, old), ASYNC_GONE);
	ck_assert_uint_eq(async_counters(async)->suspended, 2);
	ck_assert_uint_eq(async_advance(async, START + 20), 1);
	check_sum();
}
END_TEST

START_TEST(list_by_age)
{
	struct async_view view;
	struct async_ref ref;
	uint32_t slots[4];

	ck_assert_uint_eq(async_oldest(async, slots, 4), 0);
	uint32_t last = take(2), first = take(1);
	uint64_t id = async_suspend_id(async, last, 500, ASYNC_FATE_DROP, 0, START + 10);
	ck_assert(async_suspend(async, first, 3, 4, 100, START + 10));
	ck_assert(async_suspend(async, take(3), 3, 5, 15, START + 10));
	ck_assert_int_eq(async_resume(async, async_ref_of(async, last)), ASYNC_OK);
	id = async_suspend_id(async, last = take(4), 500, ASYNC_FATE_DROP, 0, START + 20);
	ck_assert(async_fetch(async, 3, 4, &ref));
	ck_assert_uint_eq(async_advance(async, START + 30), 1); /* the third */
	ck_assert_uint_eq(async_oldest(async, slots, 4), 2);
	ck_assert_uint_eq(slots[0], first);
	ck_assert_uint_eq(slots[1], last);
	view = async_view_of(async, first, START + 30);
	ck_assert_uint_eq(view.async_id, 3);
	ck_assert_uint_eq(view.query_id, 4);
	ck_assert_uint_eq(view.id, 0);
	ck_assert(view.fetched);
	ck_assert_uint_eq(view.age, 20);
	ck_assert_uint_eq(view.remaining, 80);
	ck_assert_ptr_eq(view.mbuf, mbuf_number(1));
	view = async_view_of(async, last, START + 30);
	ck_assert_uint_eq(view.id, id);
	ck_assert(!view.fetched);
	ck_assert_uint_eq(view.age, 10);
	ck_assert_uint_eq(view.remaining, 490);
}
END_TEST

/* However few are wanted: those suspended longest ago, in their order, whatever slots they have. */
START_TEST(oldest_of_many)
{
	uint32_t slots[MANY], oldest[MANY + 1];
	for (uint32_t i = 0; i < MANY; i++)
		slots[i] = take(i);
	for (uint32_t i = 0; i < MANY; i++) /* 37 has no factor of theirs: each once */
		ck_assert(async_suspend_id(async, slots[i * 37 % MANY], 100 + i * 7 % 50,
					   ASYNC_FATE_DROP, 0, START + i / 2));
	for (uint32_t size = 0; size <= MANY + 1; size++) {
		uint32_t count = async_oldest(async, oldest, size);
		ck_assert_uint_eq(count, size < MANY ? size : MANY);
		for (uint32_t i = 0; i < count; i++)
			ck_assert_uint_eq(async_view_of(async, oldest[i], START + 1000).age,
					  1000 - i / 2);
	}
}
END_TEST

/* Whatever ends in a turn is gone from the list at once, and ends in its order, to the last of many. */
START_TEST(many_end_in_one_turn)
{
	struct async_view view;
	struct async_done done;
	uint32_t slots[100], cursor = 0, first = 0;
	for (uint32_t i = 0; i < 100; i++) {
		slots[i] = take(i);
		ck_assert(async_suspend_id(async, slots[i], i == 99 ? 5 : 500, ASYNC_FATE_DROP, 0, START));
	}
	for (uint32_t i = 1; i < 98; i++)
		ck_assert_int_eq(async_resume(async, async_ref_of(async, slots[i])), ASYNC_OK);
	ck_assert(async_list(async, START, &cursor, &view) && view.ref.slot == slots[0]);
	ck_assert(async_list(async, START, &cursor, &view) && view.ref.slot == slots[98]);
	ck_assert(async_list(async, START, &cursor, &view) && view.ref.slot == slots[99]);
	ck_assert(!async_list(async, START, &cursor, &view));
	ck_assert(async_done_waiting(async));
	async_release(async, slots[1]); /* before it was popped */
	ck_assert_uint_eq(async_advance(async, START + 5), 1);
	for (first = 2; first < 98; first++) {
		ck_assert(async_done_pop(async, &done) && done.slot == slots[first]);
		async_release(async, done.slot);
	}
	ck_assert_uint_eq(pop(ASYNC_END_EXPIRED).slot, slots[99]);
	ck_assert(!async_done_waiting(async) && async_suspended_now(async) == 2);
	check_sum();
}
END_TEST

/* ---- DNS IDs ---- */

START_TEST(an_expired_packets_id_rests_a_resumed_ones_does_not)
{
	struct async_ref ref;
	uint32_t slots[ASYNC_IDS_COUNT];

	for (uint32_t i = 0; i < ASYNC_IDS_COUNT; i++) {
		slots[i] = take(i);
		async_id_take(async, slots[i]);
	}
	uint32_t other = take(MILLION);
	uint16_t first = (uint16_t)async_id(async, slots[0]);
	uint16_t second = (uint16_t)async_id(async, slots[1]);
	ck_assert(async_suspend(async, slots[0], 0, first, 100, START));
	ck_assert(async_suspend(async, slots[1], 0, second, 100, START));
	ck_assert(async_fetch(async, 0, second, &ref));
	ck_assert_int_eq(async_resume(async, ref), ASYNC_OK);
	async_release(async, pop(ASYNC_END_RESUMED).slot);
	ck_assert_int_eq(async_id_take(async, other), second);
	async_advance(async, START + 100);
	async_release(async, pop(ASYNC_END_EXPIRED).slot);
	other = take(MILLION);
	ck_assert_int_eq(async_id_take(async, other), -1);
	async_advance(async, START + 199);
	ck_assert_int_eq(async_id_take(async, other), -1);
	async_advance(async, START + 200);
	ck_assert_int_eq(async_id_take(async, other), first);
}
END_TEST

static Suite *async_suite(void)
{
	Suite *suite = suite_create("async");
	TCase *tests = tcase_create("registry");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, config_out_of_range);
	tcase_add_test(tests, suspend_fetch_resume);
	tcase_add_test(tests, clients_with_the_same_id_get_their_own);
	tcase_add_test(tests, taken_key_is_refused_and_counted);
	tcase_add_test(tests, limits);
	tcase_add_test(tests, expiry_by_the_clock);
	tcase_add_test(tests, every_fate);
	tcase_add_test(tests, a_late_verdict_finds_nothing);
	tcase_add_test(tests, fetched_and_lost);
	tcase_add_test(tests, unfetched_is_as_it_was);
	tcase_add_test(tests, resume_twice_and_what_comes_after);
	tcase_add_test(tests, dropped_stays_dropped);
	tcase_add_test(tests, an_answer_counts_as_answered);
	tcase_add_test(tests, suspended_anew_from_a_callback);
	tcase_add_test(tests, own_ids_are_found_and_never_reused);
	tcase_add_test(tests, a_slot_without_ids_left_is_not_used_again);
	tcase_add_test(tests, a_failed_send_ends_it_at_once);
	tcase_add_test(tests, released_while_suspended_or_queued);
	tcase_add_test(tests, suspended_again_after_it_ended);
	tcase_add_test(tests, list_by_age);
	tcase_add_test(tests, oldest_of_many);
	tcase_add_test(tests, many_end_in_one_turn);
	tcase_add_test(tests, an_expired_packets_id_rests_a_resumed_ones_does_not);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(async_suite)
