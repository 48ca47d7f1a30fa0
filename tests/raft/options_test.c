/* What a core may be opened with: every field just inside its range, at the limit and outside; and
 * what storage gave back. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/raft.h"

static const vlot_member three[] = {{.id = 1}, {.id = 2}, {.id = 3}};

static vlot_raft_options good(void) {
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = three;
  options.member_count = 3;
  return options;
}

/* Does it open? When not, the problem must name the field and nothing is made. */
static bool opens(const vlot_raft_options *options, const char *field) {
  vlot_raft *raft = (vlot_raft *)1;
  const char *problem = "unset";
  vlot_result result = vlot_raft_open(&raft, options, &problem);
  if (result == VLOT_OK) {
    cr_assert_null(problem);
    vlot_raft_close(raft);
    return true;
  }
  cr_assert_eq(result, VLOT_INVALID);
  cr_assert_null(raft);
  cr_assert_not_null(problem);
  cr_assert_not_null(strstr(problem, field), "\"%s\" does not speak of %s", problem, field);
  return false;
}

#define EXPECT_RANGE(field, low, high)                                                     \
  do {                                                                                     \
    static const struct {                                                                  \
      uint64_t value;                                                                      \
      bool is_good;                                                                        \
    } cases[] = {{(uint64_t)(low)-1, false}, {low, true},  {(uint64_t)(low) + 1, true},    \
                 {(uint64_t)(high)-1, true}, {high, true}, {(uint64_t)(high) + 1, false}}; \
    for (int k = 0; k < 6; k++) {                                                          \
      vlot_raft_options options = good();                                                  \
      set_##field(&options, cases[k].value);                                               \
      cr_assert_eq(opens(&options, #field), cases[k].is_good, #field " = %llu",            \
                   (unsigned long long)cases[k].value);                                    \
    }                                                                                      \
  } while (false)

#define SETTER(field, type)                                             \
  static void set_##field(vlot_raft_options *options, uint64_t value) { \
    options->field = (type)value;                                       \
  }
SETTER(election_ticks_min, uint32_t)
SETTER(election_ticks_max, uint32_t)
SETTER(entry_bytes_max, uint32_t)
SETTER(append_entries_max, uint32_t)
SETTER(append_bytes_max, uint32_t)
SETTER(window_messages_max, uint32_t)
SETTER(window_bytes_max, uint64_t)
SETTER(tail_bytes_max, uint64_t)
SETTER(reads_max, uint32_t)
SETTER(apply_entries_max, uint32_t)
SETTER(request_base, uint64_t)
SETTER(snapshot_chunk_bytes, uint32_t)
SETTER(snapshot_window_bytes, uint32_t)
SETTER(snapshot_tick_bytes, uint32_t)
SETTER(snapshot_bytes_max, uint64_t)

Test(options, every_limit_is_kept_on_both_sides) {
  EXPECT_RANGE(election_ticks_min, 6, 29); /* heartbeat 5, max 30 */
  EXPECT_RANGE(election_ticks_max, 16, 2097152);
  EXPECT_RANGE(entry_bytes_max, 1, 67108864);
  EXPECT_RANGE(append_entries_max, 1, 65536);
  EXPECT_RANGE(append_bytes_max, 1, 67108864);
  EXPECT_RANGE(window_messages_max, 1, 1024);
  EXPECT_RANGE(window_bytes_max, 1, 1073741824);
  EXPECT_RANGE(tail_bytes_max, 1, 1073741824);
  EXPECT_RANGE(reads_max, 1, 1048576);
  EXPECT_RANGE(apply_entries_max, 1, 1048576);
  EXPECT_RANGE(request_base, 1, VLOT_INDEX_MAX - 1);
  EXPECT_RANGE(snapshot_chunk_bytes, 1, 67108864);
  EXPECT_RANGE(snapshot_window_bytes, 1, 1073741824);
  EXPECT_RANGE(snapshot_tick_bytes, 0, 1073741824);
  EXPECT_RANGE(snapshot_bytes_max, 1, (uint64_t)1 << 40);
}

Test(options, the_heartbeat_is_shorter_than_the_election_timeout) {
  vlot_raft_options options = good();
  options.heartbeat_ticks = 0;
  cr_assert_not(opens(&options, "heartbeat_ticks"));
  options.heartbeat_ticks = 14;
  cr_assert(opens(&options, ""));
  options.heartbeat_ticks = 15;
  cr_assert_not(opens(&options, "heartbeat_ticks"), "equal to election_ticks_min");
}

Test(options, must_be_initialised) {
  vlot_raft_options options = good();
  options.size--;
  cr_assert_not(opens(&options, "init"));
  memset(&options, 0, sizeof options);
  cr_assert_not(opens(&options, "init"));
}

Test(options, unknown_switches_are_refused) {
  vlot_raft_options options = good();
  options.switches = 0;
  cr_assert(opens(&options, ""));
  options.switches = VLOT_SWITCH_ALL + 1;
  cr_assert_not(opens(&options, "switches"));
}

Test(options, members_are_none_or_1_to_1024_different_ones_with_a_voter_and_oneself) {
  vlot_member *members = calloc(VLOT_MEMBERS_MAX + 1, sizeof *members);
  for (uint32_t k = 0; k <= VLOT_MEMBERS_MAX; k++) members[k].id = k + 1;
  vlot_raft_options options = good();
  options.members = members;
  const uint32_t counts[] = {0, 1, 2, 1023, 1024, 1025};
  for (int k = 0; k < 6; k++) {
    options.member_count = counts[k];
    cr_assert_eq(opens(&options, "members"), counts[k] <= 1024, "%u members", counts[k]);
  }
  options.member_count = 3;
  options.members = NULL;
  cr_assert_not(opens(&options, "members"));
  options.members = members;
  members[2].id = 2;
  cr_assert_not(opens(&options, "members"), "an id twice");
  members[2].id = 0;
  cr_assert_not(opens(&options, "members"), "id 0");
  members[2].id = 3;
  members[2].is_learner = 2;
  cr_assert_not(opens(&options, "members"), "half a learner");
  for (int k = 0; k < 3; k++) members[k].is_learner = 1;
  cr_assert_not(opens(&options, "members"), "no voter");
  members[1].is_learner = 0;
  cr_assert(opens(&options, ""));
  options.id = 4;
  cr_assert_not(opens(&options, "id"), "not a member itself");
  options.id = 0;
  cr_assert_not(opens(&options, "id"));
  free(members);
}

Test(options, the_log_must_be_one_that_a_node_can_have_left) {
  vlot_entry empty[4] = {{.kind = 1}, {.kind = 1}, {.kind = 1}, {.kind = 1}};
  vlot_batch *batch = vlot_batch_make(NULL, empty, NULL, 4);
  const vlot_slice sound[2] = {{.batch = batch, .index = 11, .term = 3, .first = 0, .count = 2},
                               {.batch = batch, .index = 13, .term = 5, .first = 2, .count = 2}};
  vlot_raft_options options = good();
  options.base_index = 10;
  options.base_term = 3;
  options.hard.term = 5;
  options.log_slices = sound;
  options.log_slice_count = 2;
  cr_assert(opens(&options, ""));
  for (int k = 0; k < 7; k++) {
    vlot_slice slices[2] = {sound[0], sound[1]};
    if (k == 0) slices[0].index = 12;
    if (k == 1) slices[1].index = 14;
    if (k == 2) slices[0].term = 2;
    if (k == 3) slices[1].term = 2;
    if (k == 4) slices[1].count = 3;
    if (k == 5) slices[1].count = 0;
    if (k == 6) slices[0].batch = NULL;
    options.log_slices = slices;
    cr_assert_not(opens(&options, "log_slices"), "case %d", k);
  }
  options.log_slices = NULL;
  cr_assert_not(opens(&options, "log_slices"));
  vlot_batch_release(batch);
}

Test(options, the_log_can_be_given_as_entries) {
  vlot_log_entry entries[3] = {{.term = 1}, {.term = 1}, {.term = 4}};
  vlot_raft_options options = good();
  options.hard.term = 4;
  options.log_entries = entries;
  options.log_entry_count = 3;
  cr_assert(opens(&options, ""));
  entries[2].term = 0;
  cr_assert_not(opens(&options, "log_entries"));
  entries[1].term = 5, entries[2].term = 4;
  cr_assert_not(opens(&options, "log_entries"));
  entries[1].term = 1;
  entries[1].entry.kind = 2;
  cr_assert_not(opens(&options, "log_entries"));
  entries[1].entry = (vlot_entry){.size = 1};
  cr_assert_not(opens(&options, "log_entries"), "data missing");
  options.log_entries = NULL;
  cr_assert_not(opens(&options, "log_entries"));
  vlot_slice slice = {0};
  options.log_slices = &slice;
  options.log_slice_count = 1;
  cr_assert_not(opens(&options, "both"));
}

Test(options, a_log_without_its_hard_state_is_refused) {
  vlot_log_entry entry = {.term = 4, .entry = {.kind = VLOT_ENTRY_COMMAND}};
  vlot_raft_options options = good();
  options.log_entries = &entry;
  options.log_entry_count = 1;
  for (uint64_t term = 0; term < 4; term++) {
    options.hard.term = term;
    cr_assert_not(opens(&options, "hard.term"), "term %d", (int)term);
  }
  options.hard.term = 4;
  cr_assert(opens(&options, ""));
}

Test(options, terms_and_indexes_stay_below_2_to_the_62) {
  vlot_raft_options options = good();
  options.hard.term = VLOT_INDEX_MAX - 1;
  options.base_index = VLOT_INDEX_MAX - 1;
  options.base_term = 1;
  cr_assert(opens(&options, ""));
  vlot_log_entry entry = {.term = 1, .entry = {.kind = VLOT_ENTRY_COMMAND}};
  options.log_entries = &entry;
  options.log_entry_count = 1;
  cr_assert_not(opens(&options, "2^62"));
  options.base_index--;
  cr_assert(opens(&options, ""));
  options.hard.term = VLOT_INDEX_MAX;
  cr_assert_not(opens(&options, "hard.term"));
  options = good();
  options.base_index = VLOT_INDEX_MAX;
  options.base_term = options.hard.term = 1;
  cr_assert_not(opens(&options, "base_index"));
}

Test(options, the_base_has_a_term_exactly_when_it_has_an_index) {
  vlot_raft_options options = good();
  options.hard.term = 9;
  options.base_index = 4;
  cr_assert_not(opens(&options, "base_term"));
  options.base_term = 9;
  cr_assert(opens(&options, ""));
  options.base_index = 0;
  cr_assert_not(opens(&options, "base_term"));
}

Test(options, the_problem_may_be_ignored) {
  vlot_raft *raft;
  vlot_raft_options options = good();
  options.id = 9;
  cr_assert_eq(vlot_raft_open(&raft, &options, NULL), VLOT_INVALID);
  vlot_raft_close(NULL);
}
