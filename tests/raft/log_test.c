/* The log against a plain array: append, truncate, compact, terms, slices, agreement, over random
 * histories. Its ends: log_ends_test.c. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "raft/batch.h"
#include "vlot/raft_log.h"

enum { ENTRIES_MAX = 4000 };

/* The model: terms and identities by index. An entry's identity is its batch and its place in
 * it. */
typedef struct model {
  uint64_t base_index, base_term, last_index;
  struct {
    uint64_t term;
    vlot_batch *batch;
    uint32_t at;
  } entries[ENTRIES_MAX]; /* by index, modulo their number */
} model;

static model plain;

static vlot_batch *a_batch(uint32_t count) {
  vlot_entry entries[32] = {0};
  for (uint32_t k = 0; k < count; k++) entries[k].kind = VLOT_ENTRY_COMMAND;
  return vlot_batch_make(NULL, entries, NULL, count);
}

static uint64_t model_term(uint64_t index) {
  return index == plain.base_index ? plain.base_term : plain.entries[index % ENTRIES_MAX].term;
}

static void append_random(vlot_log *log, vlot__prng *prng) {
  uint32_t whole = 1 + (uint32_t)vlot__prng_below(prng, 30);
  vlot_batch *batch = a_batch(whole);
  vlot_slice slice = {.batch = batch, .index = plain.last_index + 1};
  slice.first = (uint32_t)vlot__prng_below(prng, whole);
  slice.count = 1 + (uint32_t)vlot__prng_below(prng, whole - slice.first);
  slice.term = model_term(plain.last_index) +
               (vlot__prng_chance(prng, 300000) ? 1 + vlot__prng_below(prng, 3) : 0);
  if (slice.term == 0) slice.term = 1;
  if (plain.last_index - plain.base_index + slice.count < ENTRIES_MAX) {
    cr_assert(vlot_log_reserve(log, 1));
    vlot_log_append(log, &slice);
    for (uint32_t k = 0; k < slice.count; k++) {
      plain.last_index++;
      plain.entries[plain.last_index % ENTRIES_MAX].term = slice.term;
      plain.entries[plain.last_index % ENTRIES_MAX].batch = batch;
      plain.entries[plain.last_index % ENTRIES_MAX].at = slice.first + k;
    }
  }
  vlot_batch_release(batch);
}

static void truncate_random(vlot_log *log, vlot__prng *prng) {
  if (plain.last_index == plain.base_index) return;
  uint64_t from = vlot__prng_chance(prng, 900000)
                      ? plain.last_index -
                            vlot__prng_below(prng, (plain.last_index - plain.base_index + 9) / 10)
                      : vlot__prng_between(prng, plain.base_index + 1, plain.last_index);
  vlot_log_truncate(log, from);
  plain.last_index = from - 1;
}

static void compact_random(vlot_log *log, vlot__prng *prng) {
  uint64_t kept = vlot__prng_below(prng, plain.last_index - plain.base_index + 1);
  if (vlot__prng_chance(prng, 900000)) kept = plain.last_index - plain.base_index - kept / 20;
  uint64_t to = plain.last_index - kept;
  vlot_log_compact(log, to);
  plain.base_term = model_term(to);
  plain.base_index = to;
}

static void expect_same(const vlot_log *log) {
  uint64_t index = plain.base_index + 1, term;
  cr_assert_eq(log->base_index, plain.base_index);
  cr_assert_eq(log->base_term, plain.base_term);
  cr_assert_eq(log->last_index, plain.last_index);
  cr_assert_eq(log->last_term, model_term(plain.last_index));
  for (size_t k = log->slice_first; k < log->slice_end; k++) {
    const vlot_slice *slice = vlot_log_slice(log, k);
    cr_assert_eq(slice->index, index);
    cr_assert_gt(slice->count, 0);
    for (uint32_t n = 0; n < slice->count; n++, index++) {
      cr_assert_eq(slice->batch, plain.entries[index % ENTRIES_MAX].batch);
      cr_assert_eq(slice->first + n, plain.entries[index % ENTRIES_MAX].at);
      cr_assert_eq(slice->term, plain.entries[index % ENTRIES_MAX].term);
    }
  }
  cr_assert_eq(index, plain.last_index + 1);
  for (index = plain.base_index; index <= plain.last_index; index++) {
    cr_assert(vlot_log_term(log, index, &term));
    cr_assert_eq(term, model_term(index));
    if (index == plain.base_index) continue;
    const vlot_slice *slice = vlot_log_slice(log, vlot_log_find(log, index));
    cr_assert(slice->index <= index && index < slice->index + slice->count);
  }
}

static void expect_same_agreement(const vlot_log *log, vlot__prng *prng) {
  uint64_t limit = vlot__prng_between(prng, plain.base_index, plain.last_index + 3);
  uint64_t term = vlot__prng_between(prng, 0, model_term(plain.last_index) + 1), found_term;
  uint64_t wanted = limit < plain.last_index ? limit : plain.last_index;
  while (wanted > plain.base_index && model_term(wanted) > term) wanted--;
  cr_assert_eq(vlot_log_find_agreement(log, limit, term, &found_term), wanted);
  cr_assert_eq(found_term, model_term(wanted));
}

static void live(uint64_t seed, uint64_t base_index, uint64_t base_term) {
  vlot__prng prng;
  vlot_log log;
  vlot__prng_init(&prng, seed, 0);
  vlot_log_init(&log, vlot_allocator_default(), base_index, base_term);
  plain = (model){.base_index = base_index, .base_term = base_term, .last_index = base_index};
  for (int round = 0; round < 400; round++) {
    if (vlot__prng_chance(&prng, 750000))
      append_random(&log, &prng);
    else
      truncate_random(&log, &prng);
    for (int k = 0; k < 5; k++) expect_same_agreement(&log, &prng);
    if (round % 20 == 0) expect_same(&log);
  }
  expect_same(&log);
  vlot_log_deinit(&log);
}

Test(log, behaves_like_a_plain_array) {
  for (uint64_t seed = 1; seed <= 20; seed++) live(seed, 0, 0);
}

Test(log, behaves_like_a_plain_array_above_a_base) {
  for (uint64_t seed = 21; seed <= 40; seed++) live(seed, 1000 * seed, 7);
}

/* With a table of pointers, and segments for its slices, for what is dropped of the first one, and
 * the one that is spare. */
static void expect_little_memory(const vlot_log *log, const vlot_fault_allocator *faults) {
  size_t slices = log->slice_end - log->slice_first;
  cr_assert_leq(vlot_fault_allocator_live(faults), 1 + slices / VLOT_LOG_SEGMENT + 3);
  cr_assert_leq(log->segment_capacity, 4 * (ENTRIES_MAX / VLOT_LOG_SEGMENT + 3));
}

/* Appends, truncations and compactions; now and then there is no memory, and then nothing has
 * changed. */
static void storm(uint64_t seed, uint32_t rounds) {
  vlot__prng prng;
  vlot_log log;
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__prng_init(&prng, seed, 1);
  vlot_log_init(&log, vlot_fault_allocator_get(faults), 0, 0);
  plain = (model){0};
  uint32_t refused = 0, dropped = 0;
  for (uint32_t round = 0; round < rounds; round++) {
    if (vlot__prng_chance(&prng, 5000)) {
      vlot_fault_allocator_fail_at(faults, 1 + vlot__prng_below(&prng, 2), true);
      refused += !vlot_log_reserve(&log, 1 + (size_t)vlot__prng_below(&prng, 1000));
      vlot_fault_allocator_fail_at(faults, 0, false);
      expect_same(&log);
    }
    uint64_t what = vlot__prng_below(&prng, 100);
    if (what < 96) {
      append_random(&log, &prng);
      expect_little_memory(&log, faults);
    } else if (what < 97) {
      truncate_random(&log, &prng);
    } else {
      compact_random(&log, &prng);
      dropped += log.slice_first > 0;
    }
    expect_same_agreement(&log, &prng);
    if (round % 64 == 0) expect_same(&log);
  }
  expect_same(&log);
  cr_assert_gt(refused, 0);
  cr_assert_gt(dropped, 0);
  vlot_log_deinit(&log);
  vlot_fault_allocator_close(faults); /* asserts that nothing is left */
}

Test(log, behaves_like_a_plain_array_whose_front_is_dropped) {
  for (uint64_t seed = 1; seed <= 6; seed++) storm(seed, 8000);
}

Test(log, grows_past_its_segments_and_shrinks_to_any_length) {
  enum { SLICES = 3 * VLOT_LOG_SEGMENT + 1 };
  for (uint64_t from = 1; from <= SLICES; from += 31) {
    vlot_log log;
    vlot_log_init(&log, vlot_allocator_default(), 0, 0);
    vlot_batch *batch = a_batch(1);
    for (uint64_t index = 1; index <= SLICES; index++) {
      cr_assert(vlot_log_reserve(&log, 1));
      vlot_log_append(&log,
                      &(vlot_slice){.batch = batch, .index = index, .term = index, .count = 1});
    }
    vlot_log_truncate(&log, from);
    cr_assert_eq(log.last_index, from - 1);
    cr_assert_eq(log.last_term, from - 1);
    cr_assert(vlot_log_reserve(&log, 1));
    vlot_log_append(&log, &(vlot_slice){.batch = batch, .index = from, .term = 1000, .count = 1});
    uint64_t term;
    cr_assert(vlot_log_term(&log, from, &term));
    cr_assert_eq(term, 1000);
    vlot_batch_release(batch);
    vlot_log_deinit(&log);
  }
}

Test(log, a_term_that_is_not_known_is_not_term_0) {
  vlot_log log;
  uint64_t term = 99;
  vlot_log_init(&log, vlot_allocator_default(), 10, 3);
  cr_assert_not(vlot_log_term(&log, 9, &term));
  cr_assert_not(vlot_log_term(&log, 11, &term));
  cr_assert_not(vlot_log_term(&log, 0, &term));
  cr_assert_eq(term, 99);
  cr_assert(vlot_log_term(&log, 10, &term));
  cr_assert_eq(term, 3);
  vlot_log_deinit(&log);
}

Test(log, holds_one_reference_per_slice_and_gives_it_back) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  vlot_entry entry = {.kind = VLOT_ENTRY_COMMAND};
  vlot_batch *batch = vlot_batch_make(allocator, &entry, NULL, 1);
  vlot_log log;
  vlot_log_init(&log, vlot_allocator_default(), 0, 0);
  cr_assert(vlot_log_reserve(&log, 2));
  vlot_log_append(&log, &(vlot_slice){.batch = batch, .index = 1, .term = 1, .count = 1});
  vlot_batch_release(batch);
  cr_assert_eq(vlot_fault_allocator_live(faults), 1, "the log keeps the batch alive");
  vlot_log_truncate(&log, 1);
  cr_assert_eq(vlot_fault_allocator_live(faults), 0);
  batch = vlot_batch_make(allocator, &entry, NULL, 1);
  vlot_log_append(&log, &(vlot_slice){.batch = batch, .index = 1, .term = 1, .count = 1});
  vlot_batch_release(batch);
  cr_assert_eq(vlot_fault_allocator_live(faults), 1);
  vlot_log_compact(&log, 1);
  cr_assert_eq(vlot_fault_allocator_live(faults), 0, "and the front as the back");
  vlot_log_deinit(&log);
  vlot_fault_allocator_close(faults);
}

/* --- slices and batches --- */

Test(slice, a_cut_is_the_part_inside_the_range) {
  vlot_batch *batch = a_batch(10);
  vlot_slice whole = {.batch = batch, .index = 100, .term = 4, .first = 2, .count = 8};
  for (uint64_t from = 98; from <= 107; from++)
    for (uint64_t to = from < 100 ? 100 : from; to <= 110; to++) {
      vlot_slice cut = vlot__slice_cut(&whole, from, to);
      uint64_t first = from < 100 ? 100 : from, last = to > 107 ? 107 : to;
      cr_assert_eq(cut.index, first);
      cr_assert_eq(cut.count, last - first + 1);
      cr_assert_eq(cut.first, 2 + (first - 100));
      cr_assert_eq(cut.term, 4);
      cr_assert_eq(vlot__slice_last(&cut), last);
    }
  vlot_batch_release(batch);
}

Test(batch, copies_what_has_no_owner_and_shares_what_has) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  vlot_bytes *owner = vlot_bytes_copy(allocator, "shared", 6);
  char text[] = "copied";
  vlot_entry entries[3] = {{.data = (uint8_t *)text, .size = 6, .kind = VLOT_ENTRY_COMMAND},
                           {.data = vlot_bytes_data(owner), .size = 6, .kind = VLOT_ENTRY_COMMAND},
                           {.kind = VLOT_ENTRY_COMMAND}};
  vlot_bytes *owners[3] = {NULL, owner, NULL};
  vlot_batch *batch = vlot_batch_make(allocator, entries, owners, 3);
  cr_assert_not_null(batch);
  vlot_bytes_release(owner);
  text[0] = 'X';
  vlot_slice slice = {.batch = batch, .index = 1, .term = 1, .count = 3};
  const vlot_entry *kept = vlot_slice_entries(&slice);
  cr_assert_eq(memcmp(kept[0].data, "copied", 6), 0);
  cr_assert_eq(kept[1].data, entries[1].data);
  cr_assert_eq(memcmp(kept[1].data, "shared", 6), 0);
  cr_assert_eq(vlot_slice_bytes(&slice), 12);
  slice.first = 1, slice.count = 2;
  cr_assert_eq(vlot_slice_bytes(&slice), 6);
  cr_assert_null(vlot_batch_make(allocator, entries, NULL, 0));
  vlot_batch_release(vlot_batch_retain(batch));
  vlot_batch_release(batch);
  vlot_batch_release(NULL);
  vlot_fault_allocator_close(faults);
}
