#include <criterion/criterion.h>

#include "actor/timers.h"

static void set(vlot__timers *timers, uint64_t kind, uint64_t due) {
  cr_assert_eq(vlot__timers_set(timers, vlot_allocator_default(), kind, due), VLOT_OK);
}

/* The kind that comes next at a time, or 0. */
static uint64_t pop(vlot__timers *timers, uint64_t now) {
  vlot_timer_expiry expiry;
  return vlot__timers_pop(timers, now, UINT64_MAX, &expiry) ? expiry.kind : 0;
}

Test(timers, expire_in_the_order_of_deadline_then_arming) {
  vlot__timers timers = {0};
  set(&timers, 3, 20);
  set(&timers, 1, 10);
  set(&timers, 4, 20);
  set(&timers, 2, 10);
  cr_assert_eq(vlot__timers_next_ns(&timers), 10);
  cr_assert_eq(pop(&timers, 9), 0);
  const uint64_t order[] = {1, 2, 3, 4, 0};
  for (size_t i = 0; i < 5; i++) cr_assert_eq(pop(&timers, 20), order[i]);
  cr_assert_eq(vlot__timers_next_ns(&timers), VLOT__TIMER_NEVER);
  vlot__timers_deinit(&timers, vlot_allocator_default());
}

Test(timers, arming_replaces_and_there_is_one_per_kind) {
  vlot__timers timers = {0};
  set(&timers, 7, 10);
  set(&timers, 7, 30);
  cr_assert_eq(timers.count, 1);
  cr_assert_eq(pop(&timers, 29), 0);
  cr_assert_eq(pop(&timers, 30), 7);
  cr_assert_eq(pop(&timers, 1000), 0);
  vlot__timers_deinit(&timers, vlot_allocator_default());
}

Test(timers, a_cancelled_timer_never_expires_even_if_it_was_due) {
  vlot__timers timers = {0};
  set(&timers, 7, 0);
  cr_assert(vlot__timers_cancel(&timers, 7));
  cr_assert_not(vlot__timers_cancel(&timers, 7));
  cr_assert_eq(pop(&timers, UINT64_MAX), 0);
  vlot__timers_deinit(&timers, vlot_allocator_default());
}

Test(timers, one_armed_after_a_generation_waits_for_the_next_turn) {
  vlot__timers timers = {0};
  vlot_timer_expiry expiry;
  set(&timers, 1, 0);
  uint64_t turn = timers.generation;
  set(&timers, 2, 0);
  cr_assert(vlot__timers_pop(&timers, 5, turn, &expiry));
  cr_assert_eq(expiry.kind, 1);
  cr_assert_not(vlot__timers_pop(&timers, 5, turn, &expiry));
  cr_assert(vlot__timers_pop(&timers, 5, timers.generation, &expiry));
  cr_assert_eq(expiry.kind, 2);
  vlot__timers_deinit(&timers, vlot_allocator_default());
}

Test(timers, a_deadline_at_the_end_of_time_is_kept_and_not_taken_for_none) {
  vlot__timers timers = {0};
  set(&timers, 1, UINT64_MAX);
  cr_assert_lt(vlot__timers_next_ns(&timers), VLOT__TIMER_NEVER);
  cr_assert(vlot__timers_cancel(&timers, 1));
  vlot__timers_deinit(&timers, vlot_allocator_default());
}

Test(timers, without_memory_nothing_changes) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  vlot__timers timers = {0};
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_eq(vlot__timers_set(&timers, allocator, 1, 10), VLOT_NOMEM);
  cr_assert_eq(vlot__timers_next_ns(&timers), VLOT__TIMER_NEVER);
  cr_assert_eq(vlot__timers_set(&timers, allocator, 1, 10), VLOT_OK);
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_eq(vlot__timers_set(&timers, allocator, 1, 20), VLOT_OK,
               "a kind that has a slot needs no memory");
  vlot__timers_deinit(&timers, allocator);
  vlot_fault_allocator_close(faults);
}
