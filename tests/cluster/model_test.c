/* The model of a log: terms and hash chains, whatever the slices are that it came in. */
#include <criterion/criterion.h>
#include <string.h>

#include "cluster/model.h"

/* Entries first … first + count - 1 of a log whose k-th entry holds k letters. */
static void append(vlot__model *model, uint64_t term, uint32_t count, uint8_t letter) {
  uint8_t data[64];
  vlot_entry entries[64];
  memset(data, letter, sizeof data);
  uint64_t first = vlot__model_last(model) + 1;
  for (uint32_t k = 0; k < count; k++)
    entries[k] =
        (vlot_entry){.data = data, .size = (uint32_t)(first + k) % 40, .kind = VLOT_ENTRY_COMMAND};
  vlot_slice slice = {.batch = vlot_batch_make(NULL, entries, NULL, count),
                      .index = first,
                      .term = term,
                      .count = count};
  vlot__model_append(model, &slice);
  vlot_batch_release(slice.batch);
}

static uint64_t chain_at(const vlot__model *model, uint64_t index) {
  uint64_t term, chain = 0;
  cr_assert(vlot__model_at(model, index, &term, &chain));
  return chain;
}

Test(model, chains_do_not_depend_on_how_entries_are_cut_into_slices) {
  vlot__model whole, cut;
  vlot__model_init(&whole, vlot_allocator_default(), 0, 0);
  vlot__model_init(&cut, vlot_allocator_default(), 0, 0);
  append(&whole, 3, 50, 'x');
  for (uint32_t count = 1, left = 50; left > 0;
       left -= count, count = count < left ? count + 1 : left)
    append(&cut, 3, count < left ? count : left, 'x');
  cr_assert_eq(vlot__model_last(&cut), 50);
  for (uint64_t index = 0; index <= 50; index++)
    cr_assert_eq(chain_at(&whole, index), chain_at(&cut, index));
  vlot__model_deinit(&whole);
  vlot__model_deinit(&cut);
}

Test(model, a_chain_tells_terms_contents_and_prefixes_apart) {
  struct {
    uint64_t term;
    uint8_t first, second;
  } logs[] = {{1, 'x', 'x'}, {2, 'x', 'x'}, {1, 'y', 'x'}, {1, 'x', 'y'}};
  uint64_t chains[4];
  for (int k = 0; k < 4; k++) {
    vlot__model model;
    vlot__model_init(&model, vlot_allocator_default(), 0, 0);
    append(&model, logs[k].term, 1, logs[k].first);
    append(&model, logs[k].term, 1, logs[k].second);
    chains[k] = chain_at(&model, 2);
    for (int other = 0; other < k; other++) cr_assert_neq(chains[k], chains[other]);
    vlot__model_deinit(&model);
  }
}

Test(model, what_is_truncated_is_gone_and_may_be_appended_again) {
  vlot__model model;
  uint64_t term, chain;
  vlot__model_init(&model, vlot_allocator_default(), 10, 4);
  append(&model, 5, 6, 'x');
  uint64_t before = chain_at(&model, 16);
  vlot__model_truncate(&model, 14);
  cr_assert_eq(vlot__model_last(&model), 13);
  cr_assert_not(vlot__model_at(&model, 14, &term, &chain));
  vlot__model_truncate(&model, 20); /* above the end: nothing */
  cr_assert_eq(vlot__model_last(&model), 13);
  append(&model, 5, 3, 'x');
  cr_assert_eq(chain_at(&model, 16), before);
  vlot__model_truncate(&model, 11);
  cr_assert_eq(vlot__model_last(&model), 10);
  vlot__model_deinit(&model);
}

Test(model, the_base_has_its_term_and_nothing_is_known_outside) {
  vlot__model model;
  uint64_t term, chain;
  vlot__model_init(&model, vlot_allocator_default(), 10, 4);
  cr_assert(vlot__model_at(&model, 10, &term, &chain));
  cr_assert_eq(term, 4);
  cr_assert_eq(chain, 0);
  cr_assert_not(vlot__model_at(&model, 9, &term, &chain));
  cr_assert_not(vlot__model_at(&model, 11, &term, &chain));
  append(&model, 5, 1, 'x');
  cr_assert(vlot__model_at(&model, 11, &term, &chain));
  cr_assert_eq(term, 5);
  cr_assert_neq(chain, 0);
  vlot__model_deinit(&model);
}

Test(model, without_memory_it_is_lost_and_knows_nothing) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__model model;
  uint64_t term, chain;
  vlot__model_init(&model, vlot_fault_allocator_get(faults), 0, 0);
  append(&model, 1, 2, 'x');
  vlot_fault_allocator_fail_at(faults, 1, true);
  for (int k = 0; k < 3; k++) append(&model, 1, 60, 'x');
  cr_assert(model.is_lost);
  cr_assert_not(vlot__model_at(&model, 1, &term, &chain));
  vlot__model_deinit(&model);
  vlot_fault_allocator_close(faults);
}

/* --- its window --- */

static void append_many(vlot__model *model, uint64_t term, uint64_t last) {
  while (vlot__model_last(model) < last) {
    uint64_t left = last - vlot__model_last(model);
    append(model, term, left < 50 ? (uint32_t)left : 50, 'x');
  }
}

/* Forgotten is what is more than the window below the applied index, one segment at a time. */
Test(model, what_is_far_below_the_applied_index_is_forgotten) {
  enum { WINDOW = 10, LIMIT = WINDOW + VLOT__SPAN_SEGMENT, LAST = 1000 };
  for (uint64_t applied = LIMIT - 1; applied <= LIMIT + 1; applied++) {
    vlot__model model, whole;
    uint64_t term, chain;
    vlot__model_init(&model, vlot_allocator_default(), 0, 0);
    vlot__model_init(&whole, vlot_allocator_default(), 0, 0);
    append_many(&model, 3, LAST);
    append_many(&whole, 3, LAST);
    vlot__model_forget(&model, applied, WINDOW);
    uint64_t base = applied < LIMIT ? 0 : applied - WINDOW;
    cr_expect_eq(vlot__model_base(&model), base, "applied %d", (int)applied);
    cr_expect_eq(vlot__model_last(&model), LAST);
    for (uint64_t index = base; index <= LAST; index++)
      cr_assert_eq(chain_at(&model, index), chain_at(&whole, index));
    if (base > 0) cr_expect_not(vlot__model_at(&model, base - 1, &term, &chain));
    vlot__model_deinit(&model);
    vlot__model_deinit(&whole);
  }
}

Test(model, nothing_above_the_applied_index_is_forgotten_and_memory_stays_bounded) {
  enum { WINDOW = 100 };
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__model model;
  vlot__model_init(&model, vlot_fault_allocator_get(faults), 0, 0);
  for (uint64_t last = 500; last <= 100000; last += 500) {
    append_many(&model, 1, last);
    vlot__model_forget(&model, last - 300, WINDOW);
    cr_assert_leq(vlot__model_base(&model), last - 300 - WINDOW);
    cr_assert_geq(vlot__model_base(&model) + WINDOW + VLOT__SPAN_SEGMENT, last - 300);
  }
  /* segments, the spare one, the ring of them */
  cr_expect_leq(vlot_fault_allocator_live(faults), (500 + 300 + WINDOW) / VLOT__SPAN_SEGMENT + 4);
  vlot__model_deinit(&model);
  vlot_fault_allocator_close(faults);
}

/* A member that starts again above another base goes on with the chain it had there. */
Test(model, a_new_base_keeps_its_chain_where_it_is_known) {
  vlot__model model, whole;
  vlot__model_init(&model, vlot_allocator_default(), 0, 0);
  vlot__model_init(&whole, vlot_allocator_default(), 0, 0);
  append_many(&model, 2, 40);
  append_many(&whole, 2, 60);
  vlot__model_reset(&model, 30, 2);
  cr_expect_eq(vlot__model_last(&model), 30);
  append_many(&model, 2, 60);
  cr_expect_eq(model.origin, 0);
  for (uint64_t index = 30; index <= 60; index++)
    cr_assert_eq(chain_at(&model, index), chain_at(&whole, index));
  vlot__model_reset(&model, 100, 2); /* nobody looked there */
  cr_expect_eq(model.origin, 100);
  cr_expect_eq(chain_at(&model, 100), 0);
  vlot__model_reset(&whole, 40, 3); /* what stood there was of another term */
  cr_expect_eq(whole.origin, 40);
  vlot__model_deinit(&model);
  vlot__model_deinit(&whole);
}

/* --- the span below it --- */

Test(model, both_ends_of_a_span_can_be_dropped_anywhere) {
  enum { S = VLOT__SPAN_SEGMENT };
  static const uint64_t places[] = {0, 1, S - 1, S, S + 1, 2 * S - 1, 2 * S, 2 * S + 1, 3 * S};
  enum { PLACES = sizeof places / sizeof *places };
  for (int front = 0; front < PLACES; front++)
    for (int back = front; back < PLACES; back++) {
      vlot__span span;
      vlot__span_entry entry;
      vlot__span_init(&span, vlot_allocator_default(), 0, &(vlot__span_entry){0});
      for (uint64_t index = 1; index <= 3 * S; index++)
        *vlot__span_push(&span) = (vlot__span_entry){.term = index, .chain = ~index};
      vlot__span_drop(&span, places[front]);
      vlot__span_cut(&span, places[back]);
      for (uint64_t index = places[back] + 1; index <= 4 * S; index++)
        *vlot__span_push(&span) = (vlot__span_entry){.term = index, .chain = ~index};
      for (uint64_t index = 0; index <= 4 * S + 1; index++) {
        vlot__known wanted = index < places[front] ? VLOT__FORGOTTEN
                             : index > 4 * S       ? VLOT__ABSENT
                                                   : VLOT__KNOWN;
        cr_assert_eq(vlot__span_look(&span, index, &entry), wanted);
        cr_assert_eq(entry.term, wanted == VLOT__KNOWN ? index : 0);
      }
      vlot__span_deinit(&span);
    }
}
