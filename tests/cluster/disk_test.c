#include "cluster/disk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "base/prng.h"
#include "cluster/disk_inside.h"
#include "vlot/raft_snapshot.h"

/* --- helpers --- */

/* What completions have said, in their order. */
typedef struct record {
  uint64_t tokens[256];
  vlot_result results[256];
  size_t count;
} record;

static void note(void *context, uint64_t token, vlot_result result) {
  record *into = context;
  cr_assert_lt(into->count, 256);
  into->tokens[into->count] = token;
  into->results[into->count++] = result;
}

/* Entries [count] of a term from an index on; each holds its index and term, so that a mix-up
 * shows.
 */
static vlot_slice slice_make(const vlot_allocator *allocator, uint64_t index, uint64_t term,
                             uint32_t count) {
  uint64_t content[8][2];
  vlot_entry entries[8];
  cr_assert_leq(count, 8);
  for (uint32_t k = 0; k < count; k++) {
    content[k][0] = index + k;
    content[k][1] = term;
    entries[k] = (vlot_entry){
        .data = (uint8_t *)content[k], .size = sizeof content[k], .kind = VLOT_ENTRY_COMMAND};
  }
  vlot_batch *batch = vlot_batch_make(allocator, entries, NULL, count);
  return (vlot_slice){.batch = batch, .index = index, .term = term, .count = count};
}

static vlot_result append(vlot__disk *disk, record *into, uint64_t token, uint64_t index,
                          uint64_t term, uint32_t count) {
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_slice slice = slice_make(NULL, index, term, count);
  vlot_write write = {.token = token, .slices = &slice, .slice_count = 1};
  vlot_storage_done done = {.context = into, .done = note};
  vlot_result result = storage.submit(storage.context, &write, &done);
  vlot_batch_release(slice.batch);
  return result;
}

/* A log as terms by index, and the hard state: what a disk is compared with. */
typedef struct picture {
  uint64_t terms[512]; /* of index k + 1 */
  size_t last;
  vlot_hard_state hard;
} picture;

static picture picture_of(vlot__disk *disk) {
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_stored stored;
  cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
  picture seen = {.hard = stored.hard, .last = (size_t)stored.base_index};
  for (size_t k = 0; k < stored.slice_count; k++) {
    const vlot_slice *slice = &stored.slices[k];
    cr_assert_eq(slice->index, seen.last + 1);
    for (uint32_t e = 0; e < slice->count; e++) {
      uint64_t content[2];
      memcpy(content, vlot_slice_entries(slice)[e].data, sizeof content);
      cr_assert_eq(content[0], slice->index + e);
      cr_assert_eq(content[1], slice->term);
      seen.terms[seen.last++] = slice->term;
    }
  }
  return seen;
}

static bool is_same(const picture *a, const picture *b) {
  return a->last == b->last && memcmp(a->terms, b->terms, a->last * sizeof *a->terms) == 0 &&
         a->hard.term == b->hard.term && a->hard.vote == b->hard.vote &&
         a->hard.disk_id == b->hard.disk_id;
}

/* --- without faults --- */

Test(disk, a_blank_disk_loads_blank) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_stored stored;
  cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
  cr_assert_eq(stored.hard.term, 0);
  cr_assert_eq(stored.hard.vote, 0);
  cr_assert_eq(stored.hard.disk_id, 0);
  cr_assert_eq(stored.base_index, 0);
  cr_assert_eq(stored.slice_count, 0);
  cr_assert_eq(vlot__disk_next_due(disk), VLOT_NEVER);
  storage.release(storage.context);
}

Test(disk, without_a_fault_a_write_is_durable_when_submit_returns) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  for (uint64_t k = 0; k < 400; k++)
    cr_assert_eq(append(disk, &done, k + 1, k + 1, 1 + k / 100, 1), VLOT_OK);
  vlot_write hard = {.token = 401, .has_hard = 1, .hard = {.term = 9, .vote = 2, .disk_id = 77}};
  cr_assert_eq(storage.submit(storage.context, &hard, NULL), VLOT_OK);
  storage.stop(storage.context, true);
  picture seen = picture_of(disk);
  cr_assert_eq(seen.last, 400);
  for (size_t k = 0; k < 400; k++) cr_assert_eq(seen.terms[k], 1 + k / 100);
  cr_assert_eq(seen.hard.term, 9);
  cr_assert_eq(seen.hard.vote, 2);
  cr_assert_eq(vlot__disk_id(disk), 77);
  cr_assert_eq(vlot__disk_last(disk), 400);
  cr_assert_eq(vlot__disk_lost(disk), 0);
  cr_assert_eq(done.count, 0, "done is for pending writes only");
  vlot__disk_close(disk);
}

Test(disk, a_slice_is_retained_not_copied) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_slice slice = slice_make(NULL, 1, 1, 4);
  vlot_write write = {.token = 1, .slices = &slice, .slice_count = 1};
  cr_assert_eq(storage.submit(storage.context, &write, NULL), VLOT_OK);
  vlot_stored stored;
  cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
  cr_assert_eq(stored.slices[0].batch, slice.batch);
  vlot_batch_release(slice.batch);
  cr_assert_eq(vlot_slice_entries(&stored.slices[0])[3].size, 16,
               "the disk holds a reference of its own");
  vlot__disk_close(disk);
}

Test(disk, truncation_may_cut_inside_a_slice_and_is_one_record_with_the_append) {
  for (uint64_t from = 1; from <= 9; from++) {
    vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
    vlot_storage storage = vlot__disk_storage(disk);
    record done = {0};
    cr_assert_eq(append(disk, &done, 1, 1, 1, 4), VLOT_OK);
    cr_assert_eq(append(disk, &done, 2, 5, 2, 4), VLOT_OK);
    vlot_slice slice = slice_make(NULL, from, 3, 2);
    vlot_write write = {.token = 3,
                        .truncate_from = from,
                        .slices = &slice,
                        .slice_count = 1,
                        .has_hard = 1,
                        .hard = {.term = 3}};
    cr_assert_eq(storage.submit(storage.context, &write, NULL), VLOT_OK);
    vlot_batch_release(slice.batch);
    picture seen = picture_of(disk);
    cr_assert_eq(seen.last, from + 1);
    cr_assert_eq(seen.hard.term, 3);
    for (uint64_t k = 1; k <= seen.last; k++)
      cr_assert_eq(seen.terms[k - 1], k >= from ? 3 : k <= 4 ? 1 : 2);
    vlot__disk_close(disk);
  }
}

/* --- delays and stalls --- */

Test(disk, a_delayed_write_is_pending_until_it_is_due) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  cr_assert_eq(vlot__disk_set_delay(disk, 4, 4), VLOT_OK);
  cr_assert_eq(vlot__disk_advance(disk, 10), 0);
  cr_assert_eq(append(disk, &done, 7, 1, 1, 2), VLOT_PENDING);
  uint64_t token = 0;
  cr_assert_eq(vlot__disk_pending(disk, &token, 1), 1);
  cr_assert_eq(token, 7);
  cr_assert_eq(vlot__disk_next_due(disk), 14);
  cr_assert_eq(vlot__disk_advance(disk, 13), 0);
  cr_assert_eq(vlot__disk_last(disk), 0);
  cr_assert_eq(vlot__disk_advance(disk, 14), 1);
  cr_assert_eq(vlot__disk_last(disk), 2);
  cr_assert_eq(done.count, 1);
  cr_assert_eq(done.tokens[0], 7);
  cr_assert_eq(done.results[0], VLOT_OK);
  cr_assert_eq(vlot__disk_next_due(disk), VLOT_NEVER);
  vlot__disk_close(disk);
}

Test(disk, the_clock_it_was_given_says_when_a_write_was_submitted) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  _Atomic uint64_t now;
  atomic_init(&now, 1000);
  record done = {0};
  vlot__disk_set_clock(disk, &now);
  cr_assert_eq(vlot__disk_set_delay(disk, 5, 5), VLOT_OK);
  cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_PENDING);
  cr_assert_eq(vlot__disk_next_due(disk), 1005);
  vlot__disk_close(disk);
}

Test(disk, a_later_write_never_completes_before_an_earlier_one) {
  for (uint64_t seed = 0; seed < 50; seed++) {
    vlot__disk *disk = vlot__disk_open(NULL, seed, 1);
    record done = {0};
    cr_assert_eq(vlot__disk_set_delay(disk, 0, 20), VLOT_OK);
    for (uint64_t k = 1; k <= 30; k++) {
      if (k == 25)
        cr_assert_eq(vlot__disk_set_delay(disk, 0, 0),
                     VLOT_OK); /* does not let the rest overtake */
      cr_assert_eq(append(disk, &done, k, k, 1, 1), VLOT_PENDING);
    }
    for (uint64_t now = 0; now <= 20; now++) {
      size_t before = done.count;
      cr_assert_eq(vlot__disk_advance(disk, now), done.count - before);
      cr_assert_eq(vlot__disk_last(disk), done.count);
      cr_assert_gt(vlot__disk_next_due(disk), now);
    }
    cr_assert_eq(done.count, 30);
    for (size_t k = 0; k < done.count; k++) cr_assert_eq(done.tokens[k], k + 1);
    cr_assert_eq(append(disk, &done, 31, 31, 1, 1), VLOT_OK, "nothing waits any more");
    vlot__disk_close(disk);
  }
}

Test(disk, delays_are_drawn_from_the_seed_and_the_member) {
  uint64_t due[4];
  static const uint64_t seeds[4] = {5, 5, 6, 5};
  static const uint32_t members[4] = {1, 1, 1, 2};
  for (int k = 0; k < 4; k++) {
    vlot__disk *disk = vlot__disk_open(NULL, seeds[k], members[k]);
    record done = {0};
    cr_assert_eq(vlot__disk_set_delay(disk, 1, UINT32_MAX), VLOT_OK);
    cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_PENDING);
    due[k] = vlot__disk_next_due(disk);
    vlot__disk_close(disk);
  }
  cr_assert_eq(due[0], due[1]);
  cr_assert_neq(due[0], due[2]);
  cr_assert_neq(due[0], due[3]);
}

Test(disk, nothing_completes_while_it_stalls_and_all_that_was_due_does_afterwards) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  vlot__disk_stall(disk, true);
  for (uint64_t k = 1; k <= 3; k++) cr_assert_eq(append(disk, &done, k, k, 1, 1), VLOT_PENDING);
  cr_assert_eq(vlot__disk_next_due(disk), VLOT_NEVER);
  cr_assert_eq(vlot__disk_advance(disk, 100), 0);
  cr_assert_eq(done.count, 0);
  vlot__disk_stall(disk, false);
  cr_assert_leq(vlot__disk_next_due(disk), 100);
  cr_assert_eq(vlot__disk_advance(disk, 100), 3);
  cr_assert_eq(done.count, 3);
  vlot__disk_close(disk);
}

Test(disk, one_completion_is_an_action_of_its_own) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  uint64_t token = 0;
  cr_assert_not(vlot__disk_complete_one(disk, &token));
  cr_assert_not(vlot__disk_postpone(disk, 0, 1));
  vlot__disk_stall(disk, true);
  for (uint64_t k = 1; k <= 3; k++)
    cr_assert_eq(append(disk, &done, k + 10, k, 1, 1), VLOT_PENDING);
  for (uint64_t k = 1; k <= 3; k++) {
    cr_assert(vlot__disk_complete_one(disk, &token));
    cr_assert_eq(token, k + 10);
    cr_assert_eq(done.count, k);
    cr_assert_eq(vlot__disk_last(disk), k);
  }
  cr_assert_not(vlot__disk_complete_one(disk, NULL));
  vlot__disk_close(disk);
}

Test(disk, what_is_postponed_holds_up_what_stands_behind_it) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  cr_assert_eq(vlot__disk_set_delay(disk, 2, 2), VLOT_OK);
  cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_PENDING);
  cr_assert_eq(append(disk, &done, 2, 2, 1, 1), VLOT_PENDING);
  cr_assert(vlot__disk_postpone(disk, 0, 10));
  cr_assert_eq(vlot__disk_advance(disk, 11), 0);
  cr_assert_eq(vlot__disk_advance(disk, 12), 2);
  cr_assert_eq(done.tokens[0], 1);
  vlot__disk_close(disk);
}

/* --- failures --- */

Test(disk, after_a_failed_write_every_later_one_fails_until_the_next_load) {
  for (uint64_t n = 1; n <= 4; n++) {
    vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
    record done = {0};
    vlot__disk_fail_at(disk, n);
    for (uint64_t k = 1; k <= 6; k++)
      cr_assert_eq(append(disk, &done, k, k < n ? k : n, 1, 1), k < n ? VLOT_OK : VLOT_IO);
    picture seen = picture_of(disk);
    cr_assert_eq(seen.last, n - 1);
    cr_assert_eq(append(disk, &done, 9, n, 1, 1), VLOT_OK);
    cr_assert_eq(vlot__disk_last(disk), n);
    vlot__disk_close(disk);
  }
}

Test(disk, a_write_that_fails_behind_others_says_so_in_its_turn) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  cr_assert_eq(vlot__disk_set_delay(disk, 1, 3), VLOT_OK);
  vlot__disk_fail_at(disk, 3);
  for (uint64_t k = 1; k <= 5; k++) cr_assert_eq(append(disk, &done, k, k, 1, 1), VLOT_PENDING);
  cr_assert_eq(vlot__disk_advance(disk, 10), 5);
  for (size_t k = 0; k < 5; k++) {
    cr_assert_eq(done.tokens[k], k + 1);
    cr_assert_eq(done.results[k], k < 2 ? VLOT_OK : VLOT_IO);
  }
  storage.stop(storage.context, false);
  cr_assert_eq(picture_of(disk).last, 2);
  cr_assert_eq(append(disk, &done, 6, 3, 1, 1), VLOT_PENDING);
  cr_assert_eq(vlot__disk_advance(disk, 20), 1);
  cr_assert_eq(done.results[5], VLOT_OK);
  vlot__disk_close(disk);
}

Test(disk, what_failed_is_not_kept_by_a_stop_that_keeps) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  vlot__disk_stall(disk, true);
  vlot__disk_fail_at(disk, 3);
  for (uint64_t k = 1; k <= 5; k++) cr_assert_eq(append(disk, &done, k, k, 1, 1), VLOT_PENDING);
  storage.stop(storage.context, false);
  cr_assert_eq(picture_of(disk).last, 2);
  cr_assert_eq(vlot__disk_lost(disk), 0);
  cr_assert_eq(done.count, 0);
  vlot__disk_close(disk);
}

Test(disk, a_full_disk_fails_every_write_even_after_a_load) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_OK);
  vlot__disk_set_full(disk, true);
  cr_assert_eq(append(disk, &done, 2, 2, 1, 1), VLOT_IO);
  cr_assert_eq(picture_of(disk).last, 1);
  cr_assert_eq(append(disk, &done, 3, 2, 1, 1), VLOT_IO);
  vlot__disk_set_full(disk, false);
  cr_assert_eq(append(disk, &done, 4, 2, 1, 1), VLOT_IO, "the failure lasts until the next load");
  cr_assert_eq(picture_of(disk).last, 1);
  cr_assert_eq(append(disk, &done, 5, 2, 1, 1), VLOT_OK);
  vlot__disk_close(disk);
}

Test(disk, the_faults_of_the_public_struct_are_these) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  cr_assert_eq(
      vlot__disk_set_fault(disk, &(vlot_disk_fault){.delay_ticks_min = 2, .delay_ticks_max = 1}),
      VLOT_INVALID);
  cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_OK, "nothing has changed");
  cr_assert_eq(
      vlot__disk_set_fault(disk, &(vlot_disk_fault){.delay_ticks_min = 3, .delay_ticks_max = 3}),
      VLOT_OK);
  cr_assert_eq(append(disk, &done, 2, 2, 1, 1), VLOT_PENDING);
  cr_assert_eq(vlot__disk_next_due(disk), 3);
  cr_assert_eq(vlot__disk_set_fault(disk, &(vlot_disk_fault){.is_stalled = 1}), VLOT_OK);
  cr_assert_eq(vlot__disk_next_due(disk), VLOT_NEVER);
  cr_assert_eq(vlot__disk_set_fault(disk, &(vlot_disk_fault){0}), VLOT_OK);
  cr_assert_eq(vlot__disk_advance(disk, 3), 1);
  cr_assert_eq(vlot__disk_set_fault(disk, &(vlot_disk_fault){.fail_at = 2}), VLOT_OK);
  cr_assert_eq(append(disk, &done, 3, 3, 1, 1), VLOT_OK);
  cr_assert_eq(append(disk, &done, 4, 4, 1, 1), VLOT_IO);
  cr_assert_eq(vlot__disk_set_fault(disk, &(vlot_disk_fault){.is_full = 1}), VLOT_OK);
  cr_assert_eq(picture_of(disk).last, 3);
  cr_assert_eq(append(disk, &done, 5, 4, 1, 1), VLOT_IO);
  vlot__disk_close(disk);
}

/* --- stops --- */

Test(disk, a_stop_that_keeps_makes_every_pending_write_durable_and_calls_nobody) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  vlot__disk_stall(disk, true);
  for (uint64_t k = 1; k <= 5; k++) cr_assert_eq(append(disk, &done, k, k, 1, 1), VLOT_PENDING);
  storage.stop(storage.context, false);
  vlot__disk_stall(disk, false);
  cr_assert_eq(vlot__disk_advance(disk, 1000), 0);
  cr_assert_eq(done.count, 0);
  cr_assert_eq(picture_of(disk).last, 5);
  cr_assert_eq(vlot__disk_lost(disk), 0);
  vlot__disk_close(disk);
}

Test(disk, a_power_cut_keeps_a_prefix_that_the_seed_chooses) {
  bool has_kept[6] = {false};
  for (uint64_t seed = 0; seed < 100; seed++) {
    size_t kept[2];
    for (int run = 0; run < 2; run++) {
      vlot__disk *disk = vlot__disk_open(NULL, seed, 3);
      vlot_storage storage = vlot__disk_storage(disk);
      record done = {0};
      vlot__disk_stall(disk, true);
      for (uint64_t k = 1; k <= 5; k++) cr_assert_eq(append(disk, &done, k, k, k, 1), VLOT_PENDING);
      storage.stop(storage.context, true);
      picture seen = picture_of(disk);
      for (size_t k = 0; k < seen.last; k++) cr_assert_eq(seen.terms[k], k + 1);
      cr_assert_eq(vlot__disk_lost(disk), 5 - seen.last);
      kept[run] = seen.last;
      vlot__disk_close(disk);
    }
    cr_assert_eq(kept[0], kept[1], "one seed, two outcomes");
    has_kept[kept[0]] = true;
  }
  for (size_t k = 0; k <= 5; k++) cr_assert(has_kept[k], "no seed keeps %zu of 5 writes", k);
}

/* A seeded script of writes against the pictures after each of them. */
typedef struct script {
  vlot__disk *disk;
  vlot__prng prng;
  record done;
  picture after[64]; /* [submitted + 1]: what the log is once so many writes are durable */
  uint64_t submitted;
  uint64_t now;
} script;

static void script_write(script *run) {
  picture *was = &run->after[run->submitted];
  picture *is = &run->after[run->submitted + 1];
  *is = *was;
  vlot_storage storage = vlot__disk_storage(run->disk);
  vlot_write write = {.token = run->submitted + 1};
  uint64_t what = vlot__prng_below(&run->prng, 4);
  if (what == 0 || was->hard.term == 0) {
    write.has_hard = 1;
    write.hard = (vlot_hard_state){
        .term = was->hard.term + 1, .vote = 1 + (uint32_t)(run->submitted % 3), .disk_id = 5};
    is->hard = write.hard;
  }
  if (what == 1 && was->last > 0) {
    write.truncate_from = 1 + vlot__prng_below(&run->prng, was->last);
    is->last = (size_t)write.truncate_from - 1;
  }
  vlot_slice slices[3];
  if (what != 0) {
    write.slice_count = 1 + (uint32_t)vlot__prng_below(&run->prng, 3);
    for (uint32_t k = 0; k < write.slice_count; k++) {
      uint32_t count = 1 + (uint32_t)vlot__prng_below(&run->prng, 3);
      slices[k] = slice_make(NULL, is->last + 1, is->hard.term, count);
      for (uint32_t e = 0; e < count; e++) is->terms[is->last++] = is->hard.term;
    }
    write.slices = slices;
  }
  vlot_storage_done done = {.context = &run->done, .done = note};
  vlot_result result = storage.submit(storage.context, &write, &done);
  cr_assert(result == VLOT_OK || result == VLOT_PENDING);
  if (result == VLOT_OK) note(&run->done, write.token, result);
  for (uint32_t k = 0; k < write.slice_count; k++) vlot_batch_release(slices[k].batch);
  run->submitted++;
}

static void script_run(script *run, uint64_t seed, uint64_t operations) {
  run->disk = vlot__disk_open(NULL, seed, 1);
  vlot__prng_init(&run->prng, seed, 99);
  for (uint64_t k = 0; k < operations; k++) {
    switch (vlot__prng_below(&run->prng, 6)) {
    case 0: vlot__disk_advance(run->disk, run->now += vlot__prng_below(&run->prng, 5)); break;
    case 1:
      cr_assert_eq(vlot__disk_set_delay(run->disk, 0, (uint32_t)vlot__prng_below(&run->prng, 8)),
                   VLOT_OK);
      break;
    case 2: vlot__disk_stall(run->disk, vlot__prng_below(&run->prng, 3) == 0); break;
    default: script_write(run);
    }
  }
}

Test(disk, a_crash_at_every_operation_leaves_a_legal_prefix) {
  static script run;
  for (uint64_t seed = 0; seed < 12; seed++) {
    for (uint64_t operations = 0; operations <= 60; operations++) {
      for (int is_power_cut = 0; is_power_cut < 2; is_power_cut++) {
        memset(&run, 0, sizeof run);
        script_run(&run, seed, operations);
        vlot_storage storage = vlot__disk_storage(run.disk);
        size_t acknowledged = run.done.count;
        for (size_t k = 0; k < acknowledged; k++) cr_assert_eq(run.done.tokens[k], k + 1);
        storage.stop(storage.context, is_power_cut);
        picture seen = picture_of(run.disk);
        uint64_t survived = run.submitted - vlot__disk_lost(run.disk);
        cr_assert(is_power_cut || survived == run.submitted);
        cr_assert_geq(survived, acknowledged, "an acknowledged write is lost");
        cr_assert(is_same(&seen, &run.after[survived]), "seed %d operations %d", (int)seed,
                  (int)operations);
        cr_assert_eq(run.done.count, acknowledged);
        vlot__disk_close(run.disk);
      }
    }
  }
}

/* --- format, wipe --- */

Test(disk, formatting_gives_a_position_to_start_from) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  uint64_t content[6][2];
  vlot_log_entry entries[6];
  static const uint64_t terms[6] = {1, 1, 2, 2, 2, 5};
  for (uint64_t k = 0; k < 6; k++) {
    content[k][0] = k + 1;
    content[k][1] = terms[k];
    entries[k] = (vlot_log_entry){.term = terms[k],
                                  .entry = {.data = (uint8_t *)content[k],
                                            .size = sizeof content[k],
                                            .kind = VLOT_ENTRY_COMMAND}};
  }
  vlot_hard_state hard = {.term = 6, .vote = 2, .disk_id = 11};
  cr_assert_eq(vlot__disk_format(disk, &hard, 0, 0, entries, 6), VLOT_OK);
  memset(content, 0, sizeof content); /* they are copied */
  picture seen = picture_of(disk);
  cr_assert_eq(seen.last, 6);
  cr_assert(memcmp(seen.terms, terms, sizeof terms) == 0);
  cr_assert_eq(seen.hard.term, 6);
  cr_assert_eq(seen.hard.vote, 2);
  cr_assert_eq(seen.hard.disk_id, 11);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 7, 6, 1), VLOT_OK);
  cr_assert_eq(picture_of(disk).last, 7);
  vlot__disk_close(disk);
}

Test(disk, a_label_is_kept_beside_the_log_and_may_come_twice) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 2);
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_member members[2] = {{.id = 1, .disk_id = 11}, {.id = 2, .disk_id = 12}};
  vlot_disk_label label = {
      .cluster_id = 9, .disk_id = 12, .member = 2, .member_count = 2, .members = members};
  vlot_stored stored = {0};
  record done = {0};
  cr_assert_eq(storage.size, sizeof storage);
  for (uint32_t round = 0; round < 3; round++) {
    label.is_made = round > 0;
    cr_assert_eq(storage.format(storage.context, &label), VLOT_OK);
    if (round == 0) cr_assert_eq(append(disk, &done, 1, 1, 1, 3), VLOT_OK);
  }
  memset(members, 0, sizeof members); /* they are copied */
  cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
  cr_expect(stored.label.cluster_id == 9 && stored.label.disk_id == 12 &&
            stored.label.member == 2 && stored.label.is_made == 1);
  cr_assert_eq(stored.label.member_count, 2);
  cr_expect(stored.label.members[0].disk_id == 11 && stored.label.members[1].disk_id == 12);
  cr_expect_eq(stored.hard.disk_id, 12);
  cr_expect_eq(picture_of(disk).last, 3, "the log is as it was");
  vlot__disk_wipe(disk, 13);
  cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
  cr_expect(stored.label.cluster_id == 9 && stored.label.disk_id == 13 && stored.label.is_made);
  cr_expect_eq(stored.label.members[1].disk_id, 12, "the disk that the configuration names");
  cr_expect(stored.hard.term == 0 && stored.hard.disk_id == 13 && stored.slice_count == 0);
  vlot__disk_close(disk);
}

Test(disk, compacting_drops_the_front_of_the_log) {
  const struct {
    uint64_t index, term;
    vlot_result result;
  } rows[] = {{0, 0, VLOT_OK},      {11, 2, VLOT_INVALID}, {3, 2, VLOT_INVALID},
              {3, 1, VLOT_OK},      {3, 1, VLOT_OK},       {2, 1, VLOT_INVALID},
              {3, 2, VLOT_INVALID}, {8, 2, VLOT_OK},       {10, 2, VLOT_OK}};
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 5), VLOT_OK);
  cr_assert_eq(append(disk, &done, 2, 6, 2, 5), VLOT_OK);
  uint64_t base = 0, term = 0;
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    vlot_stored stored = {0};
    cr_assert_eq(storage.compact(storage.context, rows[k].index, rows[k].term), rows[k].result,
                 "row %zu", k);
    if (rows[k].result == VLOT_OK) base = rows[k].index, term = rows[k].term;
    cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
    cr_expect_eq(stored.base_index, base);
    cr_expect_eq(stored.base_term, term);
    uint64_t next = base + 1;
    for (size_t s = 0; s < stored.slice_count; s++) {
      cr_expect_eq(stored.slices[s].index, next);
      next += stored.slices[s].count;
    }
    cr_expect_eq(next, 11, "what is behind it stays");
  }
  cr_assert_eq(append(disk, &done, 3, 11, 2, 1), VLOT_OK, "and goes on");
  vlot__disk_close(disk);
}

Test(disk, a_format_that_is_no_log_is_refused_and_changes_nothing) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_hard_state hard = {.term = 6, .disk_id = 11};
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 3), VLOT_OK);
  static const uint64_t bad[][2] = {{0, 1}, {2, 1}, {3, 0}};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    vlot_log_entry entries[2] = {{.term = bad[k][0]}, {.term = bad[k][1]}};
    cr_assert_eq(vlot__disk_format(disk, &hard, 0, 0, entries, 2), VLOT_INVALID);
  }
  vlot_log_entry below_base = {.term = 2};
  cr_assert_eq(vlot__disk_format(disk, &hard, 5, 3, &below_base, 1), VLOT_INVALID);
  vlot_slice slices[2] = {slice_make(NULL, 1, 2, 2), slice_make(NULL, 4, 2, 2)};
  cr_assert_eq(vlot__disk_format_slices(disk, &hard, 0, 0, slices, 2), VLOT_INVALID, "a gap");
  slices[1].index = 3;
  slices[1].term = 1;
  cr_assert_eq(vlot__disk_format_slices(disk, &hard, 0, 0, slices, 2), VLOT_INVALID,
               "an older term");
  picture seen = picture_of(disk);
  cr_assert_eq(seen.last, 3);
  cr_assert_eq(seen.hard.term, 0);
  for (int k = 0; k < 2; k++) vlot_batch_release(slices[k].batch);
  vlot__disk_close(disk);
}

Test(disk, slices_can_be_formatted_above_a_base) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_slice slices[2] = {slice_make(NULL, 8, 2, 2), slice_make(NULL, 10, 3, 1)};
  cr_assert_eq(vlot__disk_format_slices(disk, &(vlot_hard_state){.term = 3}, 7, 2, slices, 2),
               VLOT_OK);
  for (int k = 0; k < 2; k++) vlot_batch_release(slices[k].batch);
  vlot_stored stored;
  cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
  cr_assert_eq(stored.base_index, 7);
  cr_assert_eq(stored.base_term, 2);
  cr_assert_eq(stored.slice_count, 2);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 11, 3, 1), VLOT_OK);
  cr_assert_eq(vlot__disk_last(disk), 11);
  vlot__disk_close(disk);
}

/* What will be compaction, once there are snapshots: the durable log drops its front, and a core
 * starts from what is left. */
Test(disk, a_log_that_has_dropped_its_front_loads_above_its_base_and_a_core_starts_there) {
  for (uint64_t base = 0; base <= 10; base++) {
    vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
    vlot_storage storage = vlot__disk_storage(disk);
    record done = {0};
    for (uint64_t k = 0; k < 5; k++)
      cr_assert_eq(append(disk, &done, k + 1, 2 * k + 1, k + 1, 2), VLOT_OK);
    vlot_write hard = {.token = 6, .has_hard = 1, .hard = {.term = 5}};
    cr_assert_eq(storage.submit(storage.context, &hard, NULL), VLOT_OK);
    vlot_log_compact(&disk->log, base);
    cr_assert_eq(append(disk, &done, 7, 11, 5, 2), VLOT_OK);
    vlot_stored stored;
    cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
    cr_assert_eq(stored.base_index, base);
    cr_assert_eq(stored.base_term, (base + 1) / 2);
    cr_assert_eq(stored.slice_count, 6 - base / 2);
    cr_assert_eq(stored.slices[0].index, base + 1);
    picture seen = picture_of(disk);
    cr_assert_eq(seen.last, 12, "each entry is where it was");
    cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);

    vlot_member alone = {.id = 1};
    vlot_raft_options options;
    vlot_raft_options_init(&options);
    options.id = 1;
    options.members = &alone;
    options.member_count = 1;
    options.hard = stored.hard;
    options.base_index = stored.base_index;
    options.base_term = stored.base_term;
    options.log_slices = stored.slices;
    options.log_slice_count = stored.slice_count;
    vlot_raft *raft;
    const char *problem;
    cr_assert_eq(vlot_raft_open(&raft, &options, &problem), VLOT_OK, "%s", problem);
    vlot_raft_status status;
    vlot_raft_get_status(raft, &status);
    cr_assert_eq(status.base_index, base);
    cr_assert_eq(status.commit_index, base);
    cr_assert_eq(status.last_index, 12);
    cr_assert_eq(status.last_term, 5);
    vlot_raft_close(raft);
    vlot__disk_close(disk);
  }
}

Test(disk, a_wiped_disk_is_blank_but_for_its_new_id) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 3), VLOT_OK);
  vlot_write write = {.token = 2, .has_hard = 1, .hard = {.term = 4, .vote = 1, .disk_id = 10}};
  cr_assert_eq(storage.submit(storage.context, &write, NULL), VLOT_OK);
  vlot__disk_wipe(disk, 20);
  picture seen = picture_of(disk);
  cr_assert_eq(seen.last, 0);
  cr_assert_eq(seen.hard.term, 0);
  cr_assert_eq(seen.hard.vote, 0);
  cr_assert_eq(seen.hard.disk_id, 20);
  cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_OK);
  vlot__disk_close(disk);
}

/* --- snapshots --- */

static vlot_snapshot *snapshot_at(uint64_t index, uint64_t term) {
  static const vlot_member alone = {.id = 1};
  vlot_configuration *configuration = vlot_configuration_make(NULL, &alone, 1, NULL, 0);
  vlot_bytes *bytes = vlot_bytes_copy(NULL, "state", 5);
  vlot_snapshot_head head = {.index = index,
                             .term = term,
                             .size = 5,
                             .checksum = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, "state", 5),
                             .configuration = configuration};
  vlot_snapshot *snapshot = vlot_snapshot_make(NULL, &head, bytes);
  vlot_bytes_release(bytes);
  vlot_configuration_release(configuration);
  cr_assert_not_null(snapshot);
  return snapshot;
}

/* Where its snapshot, its base and its log's end are. */
typedef struct place {
  uint64_t snapshot, base, last;
} place;

static place place_of(vlot__disk *disk) {
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_stored stored = {0};
  cr_assert_eq(storage.load(storage.context, &stored), VLOT_OK);
  place seen = {.base = stored.base_index, .last = stored.base_index};
  if (stored.snapshot) {
    seen.snapshot = vlot_snapshot_get(stored.snapshot)->index;
    cr_assert_eq(vlot_snapshot_verify(stored.snapshot), VLOT_OK);
  }
  for (size_t k = 0; k < stored.slice_count; k++) {
    cr_assert_eq(stored.slices[k].index, seen.last + 1);
    seen.last += stored.slices[k].count;
  }
  return seen;
}

static void expect_place(vlot__disk *disk, uint64_t snapshot, uint64_t base, uint64_t last) {
  place seen = place_of(disk);
  cr_expect(seen.snapshot == snapshot && seen.base == base && seen.last == last,
            "snapshot %lu, base %lu, last %lu", (unsigned long)seen.snapshot,
            (unsigned long)seen.base, (unsigned long)seen.last);
}

static vlot_result keep(vlot__disk *disk, uint64_t index, uint64_t term) {
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_snapshot *snapshot = snapshot_at(index, term);
  vlot_result result = storage.keep(storage.context, snapshot);
  vlot_snapshot_release(snapshot);
  return result;
}

/* Begin at a snapshot, with entries of term 3 behind it. */
static vlot_result begin_at(vlot__disk *disk, const vlot_allocator *allocator, record *into,
                            uint64_t token, uint64_t index, uint32_t count) {
  vlot_storage storage = vlot__disk_storage(disk);
  vlot_slice slice = slice_make(allocator, index + 1, 3, count > 0 ? count : 1);
  vlot_write write = {.token = token,
                      .snapshot = snapshot_at(index, 3),
                      .slices = &slice,
                      .slice_count = count > 0};
  vlot_storage_done done = {.context = into, .done = note};
  vlot_result result = storage.submit(storage.context, &write, &done);
  vlot_batch_release(slice.batch);
  vlot_snapshot_release(write.snapshot);
  return result;
}

Test(disk, a_snapshot_is_kept_beside_the_log_and_outlives_a_power_cut) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 8), VLOT_OK);
  expect_place(disk, 0, 0, 8);
  cr_assert_eq(keep(disk, 5, 1), VLOT_OK);
  storage.stop(storage.context, true);
  expect_place(disk, 5, 0, 8);
  cr_assert_eq(storage.compact(storage.context, 3, 1), VLOT_OK);
  storage.stop(storage.context, true);
  expect_place(disk, 5, 3, 8);
  cr_assert_eq(keep(disk, 4, 1), VLOT_INVALID, "a pointer never goes back");
  cr_assert_eq(keep(disk, 5, 1), VLOT_OK, "the same may come again");
  cr_assert_eq(keep(disk, 7, 1), VLOT_OK);
  expect_place(disk, 7, 3, 8);
  vlot__disk_wipe(disk, 9);
  expect_place(disk, 0, 0, 0);
  vlot__disk_close(disk);
}

Test(disk, a_log_is_compacted_behind_writes_that_wait) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 8), VLOT_OK);
  vlot__disk_stall(disk, true);
  cr_assert_eq(append(disk, &done, 2, 9, 1, 2), VLOT_PENDING);
  cr_assert_eq(storage.compact(storage.context, 6, 1), VLOT_OK);
  cr_assert_eq(storage.compact(storage.context, 9, 1), VLOT_INVALID, "it is not durable");
  vlot__disk_stall(disk, false);
  cr_assert_eq(vlot__disk_advance(disk, 1), 1);
  expect_place(disk, 0, 6, 10);
  vlot__disk_close(disk);
}

Test(disk, keeping_a_snapshot_has_the_faults_of_a_write) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 8), VLOT_OK);
  cr_assert_eq(keep(disk, 2, 1), VLOT_OK);
  vlot__disk_stall(disk, true);
  cr_assert_eq(keep(disk, 3, 1), VLOT_BUSY);
  vlot__disk_stall(disk, false);
  vlot__disk_set_full(disk, true);
  cr_assert_eq(keep(disk, 3, 1), VLOT_IO);
  vlot__disk_set_full(disk, false);
  cr_assert_eq(append(disk, &done, 2, 9, 1, 1), VLOT_IO, "and so does what comes later");
  expect_place(disk, 2, 0, 8);
  vlot__disk_fail_at(disk, 2);
  cr_assert_eq(append(disk, &done, 3, 9, 1, 1), VLOT_OK);
  cr_assert_eq(keep(disk, 4, 1), VLOT_IO, "it is the second write");
  expect_place(disk, 2, 0, 9);
  vlot__disk_close(disk);
}

static vlot_result append_as(vlot__disk *disk, uint64_t token, uint64_t index, vlot_result result) {
  vlot_slice slice = slice_make(NULL, index, 1, 1);
  vlot_write write = {.token = token, .slices = &slice, .slice_count = 1};
  vlot_result made = vlot__disk_submit_as(disk, &write, result);
  vlot_batch_release(slice.batch);
  return made;
}

/* What is written behind a snapshot that could not be kept waits for its turn, and fails then. */
Test(disk, a_write_behind_a_failed_snapshot_fails_in_its_turn) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  cr_assert_eq(vlot__disk_set_delay(disk, 1, 1), VLOT_OK);
  vlot__disk_fail_at(disk, 2);
  cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_PENDING);
  cr_assert_eq(keep(disk, 1, 1), VLOT_IO);
  cr_assert_eq(append(disk, &done, 2, 2, 1, 1), VLOT_PENDING);
  cr_assert_eq(vlot__disk_advance(disk, 10), 2);
  cr_expect(done.results[0] == VLOT_OK && done.results[1] == VLOT_IO);
  expect_place(disk, 0, 0, 1);
  vlot__disk_close(disk);
}

/* The same happens to the disk of a replay, however the replay comes to its end. */
Test(disk, a_write_behind_a_failed_snapshot_is_replayed) {
  for (int stops = 0; stops < 2; stops++) {
    vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
    vlot_snapshot *snapshot = snapshot_at(1, 1);
    cr_assert_eq(append_as(disk, 1, 1, VLOT_PENDING), VLOT_PENDING);
    cr_assert_eq(vlot__disk_keep_as(disk, snapshot, VLOT_IO), VLOT_IO);
    cr_expect_eq(append_as(disk, 2, 2, VLOT_OK), VLOT_INVALID, "it cannot be durable");
    cr_expect_eq(append_as(disk, 2, 2, VLOT_PENDING), VLOT_PENDING);
    if (stops)
      vlot__disk_stop_at(disk, 2, false);
    else
      vlot__disk_settle(disk, 2, true);
    expect_place(disk, 0, 0, 1);
    vlot_snapshot_release(snapshot);
    vlot__disk_close(disk);
  }
}

Test(disk, a_write_with_a_snapshot_leaves_no_entry_of_before) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  cr_assert_eq(append(disk, &done, 1, 1, 1, 8), VLOT_OK);
  cr_assert_eq(begin_at(disk, NULL, &done, 2, 5, 0), VLOT_OK);
  expect_place(disk, 5, 5, 5);
  cr_assert_eq(append(disk, &done, 3, 6, 3, 2), VLOT_OK);
  expect_place(disk, 5, 5, 7);
  cr_assert_eq(begin_at(disk, NULL, &done, 4, 20, 3), VLOT_OK);
  expect_place(disk, 20, 20, 23);
  vlot__disk_close(disk);
}

Test(disk, a_power_cut_leaves_all_or_nothing_of_a_write_with_a_snapshot) {
  bool was_kept[4] = {false};
  for (uint64_t seed = 1; seed <= 40; seed++) {
    vlot__disk *disk = vlot__disk_open(NULL, seed, 1);
    vlot_storage storage = vlot__disk_storage(disk);
    record done = {0};
    cr_assert_eq(append(disk, &done, 1, 1, 1, 8), VLOT_OK);
    cr_assert_eq(keep(disk, 4, 1), VLOT_OK);
    vlot__disk_stall(disk, true);
    cr_assert_eq(append(disk, &done, 2, 9, 1, 2), VLOT_PENDING);
    cr_assert_eq(begin_at(disk, NULL, &done, 3, 20, 1), VLOT_PENDING);
    cr_assert_eq(append(disk, &done, 4, 22, 3, 1), VLOT_PENDING);
    storage.stop(storage.context, true);
    place seen = place_of(disk);
    uint64_t lost = vlot__disk_lost(disk);
    const place right[4] = {{20, 20, 22}, {20, 20, 21}, {4, 0, 10}, {4, 0, 8}};
    cr_assert_leq(lost, 3);
    cr_expect_eq(memcmp(&seen, &right[lost], sizeof seen), 0, "seed %lu", (unsigned long)seed);
    was_kept[lost] = true;
    vlot__disk_close(disk);
  }
  for (int k = 0; k < 4; k++) cr_expect(was_kept[k], "no seed lost %d writes", k);
}

Test(disk, without_memory_a_write_with_a_snapshot_fails_whole) {
  bool has_failed = true;
  uint64_t fail_at = 0;
  while (has_failed) {
    vlot_fault_allocator *faults = vlot_fault_allocator_open();
    vlot__disk *disk = vlot__disk_open(vlot_fault_allocator_get(faults), 1, 1);
    record done = {0};
    vlot__disk_stall(disk, true);
    cr_assert_eq(append(disk, &done, 1, 1, 1, 8), VLOT_PENDING);
    vlot_fault_allocator_fail_at(faults, ++fail_at, false);
    vlot_result result = begin_at(disk, NULL, &done, 2, 20, 1);
    has_failed = result == VLOT_NOMEM;
    cr_assert(has_failed || result == VLOT_PENDING);
    vlot__disk_stall(disk, false);
    cr_assert_eq(vlot__disk_advance(disk, 1), has_failed ? 1 : 2);
    vlot_fault_allocator_fail_at(faults, 0, false);
    if (has_failed)
      expect_place(disk, 0, 0, 8);
    else
      expect_place(disk, 20, 20, 21);
    vlot__disk_close(disk);
    vlot_fault_allocator_close(faults); /* asserts that nothing is left */
  }
  cr_assert_gt(fail_at, 1, "the sweep failed nothing");
}

/* --- memory --- */

/* Writes until one fails for lack of memory; what is durable then is what was acknowledged. */
static bool sweep_once(uint64_t fail_at, bool is_delayed) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__disk *disk = vlot__disk_open(vlot_fault_allocator_get(faults), 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  if (is_delayed) cr_assert_eq(vlot__disk_set_delay(disk, 1, 1), VLOT_OK);
  vlot_fault_allocator_fail_at(faults, fail_at, false);
  uint64_t taken = 0;
  bool has_failed = false;
  for (uint64_t k = 1; k <= 200; k++) {
    vlot_result result = append(disk, &done, k, taken + 1, 1, 1);
    if (has_failed) {
      cr_assert(result == VLOT_IO || (is_delayed && result == VLOT_PENDING),
                "a later write did not fail");
      continue;
    }
    has_failed = result == VLOT_NOMEM;
    if (!has_failed) taken++;
    cr_assert_eq(result, has_failed ? VLOT_NOMEM : is_delayed ? VLOT_PENDING : VLOT_OK);
  }
  vlot__disk_advance(disk, 10);
  cr_assert_eq(vlot__disk_last(disk), taken);
  storage.stop(storage.context, false);
  vlot_stored stored;
  vlot_result result = storage.load(storage.context, &stored);
  if (result == VLOT_NOMEM) {
    has_failed = true;
    result = storage.load(storage.context, &stored);
  }
  cr_assert_eq(result, VLOT_OK);
  cr_assert_eq(stored.slice_count, taken);
  storage.release(storage.context);
  vlot_fault_allocator_close(faults); /* asserts that nothing is left */
  return has_failed;
}

Test(disk, without_memory_a_write_fails_whole_and_nothing_leaks) {
  for (int is_delayed = 0; is_delayed < 2; is_delayed++) {
    uint64_t fail_at = 1;
    while (sweep_once(fail_at, is_delayed)) fail_at++;
    cr_assert_gt(fail_at, 3, "the sweep failed nothing");
  }
}

Test(disk, without_memory_a_format_changes_nothing) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_null(vlot__disk_open(vlot_fault_allocator_get(faults), 1, 1));
  vlot__disk *disk = vlot__disk_open(vlot_fault_allocator_get(faults), 1, 1);
  vlot_log_entry entries[3] = {{.term = 1}, {.term = 2}, {.term = 2}};
  uint64_t fail_at = 0;
  vlot_result result;
  do {
    cr_assert_eq(vlot__disk_last(disk), 0);
    vlot_fault_allocator_fail_at(faults, ++fail_at, false);
    result = vlot__disk_format(disk, &(vlot_hard_state){.term = 2}, 0, 0, entries, 3);
    cr_assert(result == VLOT_OK || result == VLOT_NOMEM);
  } while (result == VLOT_NOMEM);
  cr_assert_gt(fail_at, 3);
  cr_assert_eq(vlot__disk_last(disk), 3);
  vlot__disk_close(disk);
  vlot_fault_allocator_close(faults);
}

/* --- a caller's broken duty --- */

Test(disk, a_load_with_a_write_pending_is_asserted_against, .signal = SIGABRT) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  vlot_storage storage = vlot__disk_storage(disk);
  record done = {0};
  vlot__disk_stall(disk, true);
  cr_assert_eq(append(disk, &done, 1, 1, 1, 1), VLOT_PENDING);
  vlot_stored stored;
  (void)storage.load(storage.context, &stored);
}

Test(disk, a_write_that_leaves_a_gap_is_asserted_against, .signal = SIGABRT) {
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  record done = {0};
  (void)append(disk, &done, 1, 2, 1, 1);
}
