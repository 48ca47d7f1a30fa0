/* Both ends of the log, at the limits of its segments; what it keeps in memory; cores that go on
 * above a base; what its caller must not do. */
#include <criterion/criterion.h>
#include <signal.h>

#include "basin.h"
#include "raft/batch.h"
#include "raft/core.h"

static vlot_batch *a_batch(uint32_t count) {
  vlot_entry entries[32] = {0};
  for (uint32_t k = 0; k < count; k++) entries[k].kind = VLOT_ENTRY_COMMAND;
  return vlot_batch_make(NULL, entries, NULL, count);
}

/* --- the front, the back, and the limits of a segment --- */

/* Append [count] slices of one entry each, of term = index. */
static void append_single(vlot_log *log, vlot_batch *batch, uint64_t count) {
  for (uint64_t k = 0; k < count; k++) {
    uint64_t index = log->last_index + 1;
    cr_assert(vlot_log_reserve(log, 1));
    vlot_log_append(log, &(vlot_slice){.batch = batch, .index = index, .term = index, .count = 1});
  }
}

/* Entries base + 1 … last, of which each has its index as its term. */
static void expect_single(const vlot_log *log, uint64_t base, uint64_t last) {
  uint64_t term = 99, found_term;
  cr_assert_eq(log->base_index, base);
  cr_assert_eq(log->base_term, base);
  cr_assert_eq(log->last_index, last);
  cr_assert_eq(log->last_term, last);
  cr_assert_eq(log->slice_end - log->slice_first, last - base);
  cr_assert_lt(log->slice_first, VLOT_LOG_SEGMENT);
  cr_assert(base == 0 || !vlot_log_term(log, base - 1, &term));
  cr_assert_not(vlot_log_term(log, last + 1, &term));
  cr_assert_eq(term, 99);
  for (uint64_t index = base; index <= last; index++) {
    cr_assert(vlot_log_term(log, index, &term));
    cr_assert_eq(term, index);
    cr_assert_eq(vlot_log_find_agreement(log, index, UINT64_MAX, &found_term), index);
    cr_assert_eq(vlot_log_find_agreement(log, UINT64_MAX, index, &found_term), index);
    cr_assert_eq(found_term, index);
    if (index == base) continue;
    cr_assert_eq(vlot_log_find(log, index), log->slice_first + (index - base - 1));
    cr_assert_eq(vlot_log_slice(log, vlot_log_find(log, index))->index, index);
  }
}

static const uint64_t limits[] = {0,
                                  1,
                                  VLOT_LOG_SEGMENT - 1,
                                  VLOT_LOG_SEGMENT,
                                  VLOT_LOG_SEGMENT + 1,
                                  2 * VLOT_LOG_SEGMENT - 1,
                                  2 * VLOT_LOG_SEGMENT,
                                  2 * VLOT_LOG_SEGMENT + 1};
enum { LIMITS = sizeof limits / sizeof *limits };

/* One log of [length]: compacted up to an index, truncated from another on, and appended to. */
static void drop_both_ends(uint64_t length, uint64_t to, uint64_t kept) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_batch *batch = a_batch(1);
  vlot_log log;
  vlot_log_init(&log, vlot_fault_allocator_get(faults), 0, 0);
  append_single(&log, batch, length);
  uint64_t made = (length + VLOT_LOG_SEGMENT - 1) / VLOT_LOG_SEGMENT;
  vlot_log_compact(&log, to);
  expect_single(&log, to, length);
  cr_assert_eq(log.segment_count, made - to / VLOT_LOG_SEGMENT, "an emptied segment is given back");
  cr_assert_eq(vlot_fault_allocator_live(faults), (length > 0) + log.segment_count);
  vlot_log_truncate(&log, kept + 1);
  expect_single(&log, to, kept);
  append_single(&log, batch, VLOT_LOG_SEGMENT + 1);
  expect_single(&log, to, kept + VLOT_LOG_SEGMENT + 1);
  vlot_log_compact(&log, log.last_index);
  expect_single(&log, kept + VLOT_LOG_SEGMENT + 1, kept + VLOT_LOG_SEGMENT + 1);
  append_single(&log, batch, 1);
  cr_assert_leq(vlot_fault_allocator_live(faults), 4);
  vlot_batch_release(batch);
  vlot_log_deinit(&log);
  vlot_fault_allocator_close(faults);
}

Test(log, drops_its_front_and_its_back_at_the_limits_of_segments) {
  for (size_t length = 0; length < LIMITS; length++)
    for (size_t to = 0; to <= length; to++)
      for (size_t kept = to; kept <= length; kept++)
        drop_both_ends(limits[length], limits[to], limits[kept]);
}

Test(log, a_compaction_cuts_the_slice_that_holds_the_new_base) {
  for (uint64_t to = 100; to <= 109; to++) {
    vlot_batch *batch = a_batch(5);
    vlot_log log;
    vlot_log_init(&log, NULL, 100, 1);
    cr_assert(vlot_log_reserve(&log, 3));
    for (uint64_t k = 0; k < 3; k++)
      vlot_log_append(&log, &(vlot_slice){.batch = batch,
                                          .index = 101 + 3 * k,
                                          .term = 2 + k,
                                          .first = (uint32_t)k,
                                          .count = 3});
    vlot_log_compact(&log, to);
    cr_assert_eq(log.base_index, to);
    cr_assert_eq(log.base_term, to == 100 ? 1 : 2 + (to - 101) / 3);
    cr_assert_eq(log.last_index, 109);
    cr_assert_eq(log.last_term, 4);
    for (uint64_t index = to + 1; index <= 109; index++) {
      uint64_t k = (index - 101) / 3;
      const vlot_slice *slice = vlot_log_slice(&log, vlot_log_find(&log, index));
      cr_assert_eq(slice->term, 2 + k);
      cr_assert_eq(slice->first + (index - slice->index), k + (index - 101 - 3 * k));
      cr_assert_eq(vlot__slice_last(slice), 103 + 3 * k);
      cr_assert_gt(slice->index, to);
    }
    vlot_batch_release(batch);
    vlot_log_deinit(&log);
  }
}

Test(log, what_is_appended_at_one_end_and_dropped_at_the_other_takes_no_further_memory) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_batch *batch = a_batch(1);
  vlot_log log;
  vlot_log_init(&log, vlot_fault_allocator_get(faults), 0, 0);
  for (uint64_t round = 0; round < 3000; round++) {
    append_single(&log, batch, 100);
    if (log.last_index > 1000) vlot_log_compact(&log, log.last_index - 1000);
    cr_assert_leq(vlot_fault_allocator_live(faults), 1 + 1100 / VLOT_LOG_SEGMENT + 3);
    cr_assert_leq(log.segment_capacity, 4 * (1100 / VLOT_LOG_SEGMENT + 2));
  }
  expect_single(&log, 299000, 300000);
  /* as many allocations as segments, and a few for the table */
  cr_assert_leq(vlot_fault_allocator_made(faults), 300000 / VLOT_LOG_SEGMENT + 8);
  vlot_batch_release(batch);
  vlot_log_deinit(&log);
  vlot_fault_allocator_close(faults);
}

Test(log, keeps_one_segment_more_than_is_reserved) {
  static const struct {
    size_t reserved, then, segments;
  } cases[] = {
      {4 * VLOT_LOG_SEGMENT, 4 * VLOT_LOG_SEGMENT, 4},
      {4 * VLOT_LOG_SEGMENT, 2 * VLOT_LOG_SEGMENT + 1, 4},
      {4 * VLOT_LOG_SEGMENT, 2 * VLOT_LOG_SEGMENT, 3},
      {4 * VLOT_LOG_SEGMENT, 2 * VLOT_LOG_SEGMENT - 1, 3},
      {4 * VLOT_LOG_SEGMENT, 1, 2},
      {4 * VLOT_LOG_SEGMENT, 0, 1},
      {4 * VLOT_LOG_SEGMENT, 4 * VLOT_LOG_SEGMENT + 1, 5},
  };
  vlot_batch *batch = a_batch(1);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    vlot_fault_allocator *faults = vlot_fault_allocator_open();
    vlot_log log;
    vlot_log_init(&log, vlot_fault_allocator_get(faults), 0, 0);
    cr_assert(vlot_log_reserve(&log, cases[k].reserved));
    cr_assert(vlot_log_reserve(&log, cases[k].then));
    cr_assert_eq(vlot_fault_allocator_live(faults), 1 + cases[k].segments);
    /* what is reserved outlives a truncation and a compaction */
    uint64_t made = vlot_fault_allocator_made(faults);
    for (uint64_t n = 1; n <= cases[k].then; n++) {
      vlot_log_append(
          &log, &(vlot_slice){.batch = batch, .index = log.last_index + 1, .term = 1, .count = 1});
      if (n % 3 == 1) vlot_log_compact(&log, log.last_index);
      if (n % 3 == 0) vlot_log_truncate(&log, log.last_index);
    }
    cr_assert_eq(vlot_fault_allocator_made(faults), made);
    vlot_log_deinit(&log);
    vlot_fault_allocator_close(faults);
  }
  vlot_batch_release(batch);
}

Test(log, room_for_more_than_can_be_counted_is_refused) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_log log;
  vlot_log_init(&log, vlot_fault_allocator_get(faults), 0, 0);
  for (size_t segments = 0; segments <= 1; segments++) {
    cr_assert_eq(log.segment_count, segments);
    vlot_fault_allocator_fail_at(faults, 1, true); /* a sanitizer aborts on such a size */
    for (size_t less = 0; less <= 2 * VLOT_LOG_SEGMENT; less++)
      cr_assert_not(vlot_log_reserve(&log, SIZE_MAX - less));
    vlot_fault_allocator_fail_at(faults, 0, false);
    cr_assert(vlot_log_reserve(&log, 1));
  }
  cr_assert_eq(log.segment_count, 1);
  vlot_log_deinit(&log);
  vlot_fault_allocator_close(faults);
}

/* Whichever allocation fails, of a log that has lost its front: the same entries stand in it, there
 * is room for as many as before, and the next try succeeds. */
Test(log, without_memory_a_reserve_changes_nothing) {
  vlot_batch *batch = a_batch(1);
  for (size_t length = 0; length < LIMITS; length++)
    for (uint64_t k = 1, failed = 1; failed > 0; k++) {
      vlot_fault_allocator *faults = vlot_fault_allocator_open();
      vlot_log log;
      vlot_log_init(&log, vlot_fault_allocator_get(faults), 0, 0);
      append_single(&log, batch, limits[length]);
      vlot_log_compact(&log, limits[length] / 2);
      size_t room = log.segment_count * VLOT_LOG_SEGMENT - log.slice_end;
      vlot_fault_allocator_fail_at(faults, k, false);
      failed = !vlot_log_reserve(&log, 10 * VLOT_LOG_SEGMENT);
      vlot_fault_allocator_fail_at(faults, 0, false);
      cr_assert(failed || k > 10);
      expect_single(&log, limits[length] / 2, limits[length]);
      cr_assert_geq(log.segment_count * VLOT_LOG_SEGMENT - log.slice_end, room);
      append_single(&log, batch, 10 * VLOT_LOG_SEGMENT);
      expect_single(&log, limits[length] / 2, limits[length] + 10 * VLOT_LOG_SEGMENT);
      vlot_log_deinit(&log);
      vlot_fault_allocator_close(faults);
    }
  vlot_batch_release(batch);
}

/* --- in cores --- */

static void compact_core(basin *b, uint32_t id) {
  basin_snapshot(b, id, 0);
  cr_assert_eq(basin_status(b, id).base_index, basin_status(b, id).applied_index);
}

static void propose_and_expect(basin *b, uint32_t leader, uint32_t count) {
  uint64_t last = basin_status(b, leader).last_index + count;
  for (uint32_t k = 0; k < count; k++) {
    basin_propose(b, leader, "x");
    basin_deliver_all(b);
  }
  cr_assert_eq(basin_status(b, leader).last_index, last);
  cr_assert_eq(basin_status(b, leader).commit_index, last);
}

Test(log, cores_whose_logs_have_dropped_their_front_go_on) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  for (uint32_t round = 0; round < 4; round++) {
    propose_and_expect(b, 1, VLOT_LOG_SEGMENT - 1);
    basin_run(b, 2);
    for (uint32_t id = 1; id <= 3; id++) compact_core(b, id);
  }
  cr_assert_eq(basin_core(b, 1)->log.slice_first, basin_core(b, 1)->log.slice_end);

  /* a conflict directly above the base */
  uint64_t base = basin_status(b, 1).base_index;
  basin_isolate(b, 1);
  basin_propose(b, 1, "lost");
  basin_force_elect(b, 2);
  basin_deliver_all(b);
  propose_and_expect(b, 2, 2);
  basin_heal(b);
  basin_run(b, 3);
  for (uint32_t id = 1; id <= 3; id++) {
    cr_assert_eq(basin_status(b, id).base_index, base);
    cr_assert_eq(basin_status(b, id).commit_index, base + 3, "a no-op and two commands");
    cr_assert_eq(basin_status(b, id).last_term, basin_status(b, 2).term);
  }
  cr_assert_str_eq(basin_applied(b, 1), basin_applied(b, 2));
  basin_close(b);
}

Test(log, who_lacks_what_was_dropped_waits_where_there_is_no_snapshot_and_the_others_go_on) {
  basin *b = basin_open(3, NULL);
  basin_lawless(b); /* nobody knows what stood below the base */
  for (uint32_t id = 1; id <= 2; id++) {
    basin_preset(b, id, 1, 0, "1 1 1 1 1");
    basin_preset_snapshot(b, id, NULL, 3);
  }
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 5);
  cr_assert_eq(basin_progress(b, 1, 3).why, VLOT_WHY_NEEDS_SNAPSHOT);
  cr_assert_eq(basin_progress(b, 1, 3).state, VLOT_PROGRESS_PROBE);
  propose_and_expect(b, 1, 3);
  cr_assert_eq(basin_status(b, 3).last_index, 0);
  basin_close(b);
}
