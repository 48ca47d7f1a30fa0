/* A start is a recovery from what storage gave back: hard state, log, base. */
#include <criterion/criterion.h>
#include <string.h>

#include "basin.h"

static const vlot_member three[] = {{.id = 1}, {.id = 2}, {.id = 3}};

static vlot_raft *open_with(const vlot_raft_options *like) {
  vlot_raft_options options = *like;
  options.id = 1;
  if (!options.members) {
    options.members = three;
    options.member_count = 3;
  }
  vlot_raft *raft = NULL;
  const char *problem = NULL;
  cr_assert_eq(vlot_raft_open(&raft, &options, &problem), VLOT_OK, "%s", problem ? problem : "");
  return raft;
}

static vlot_raft_status status_of(const vlot_raft *raft) {
  vlot_raft_status status;
  vlot_raft_get_status(raft, &status);
  return status;
}

Test(recovery, a_fresh_node_is_a_follower_of_term_0_with_an_empty_log) {
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  vlot_raft *raft = open_with(&options);
  vlot_raft_status status = status_of(raft);
  cr_assert_eq(status.role, VLOT_ROLE_FOLLOWER);
  cr_assert_eq(status.term, 0);
  cr_assert_eq(status.vote, 0);
  cr_assert_eq(status.leader, 0);
  cr_assert_eq(status.first_index, 1);
  cr_assert_eq(status.last_index, 0);
  cr_assert_eq(status.commit_index, 0);
  cr_assert_eq(status.quorum, 2);
  cr_assert_eq(status.election_elapsed, 0, "no credit of ticks at a start");
  vlot_raft_close(raft);
}

Test(recovery, term_vote_and_log_are_what_the_disk_held) {
  basin *b = basin_open(3, NULL);
  basin_preset(b, 1, 7, 3, "1 1 4 4 5");
  basin_start(b, 1);
  vlot_raft_status status = basin_status(b, 1);
  cr_assert_eq(status.term, 7);
  cr_assert_eq(status.vote, 3);
  cr_assert_eq(status.last_index, 5);
  cr_assert_eq(status.last_term, 5);
  cr_assert_eq(status.durable_index, 5);
  cr_assert_eq(status.commit_index, 0, "nothing is known to be committed");
  cr_assert_str_eq(basin_log(b, 1), "1 1 4 4 5");
  basin_close(b);
}

Test(recovery, slices_and_entries_give_the_same_log) {
  uint64_t terms[5] = {1, 1, 1, 4, 6};
  vlot_log_entry entries[5];
  vlot_entry contents[5];
  const char *texts[5] = {"a", "b", "", "d", "e"};
  for (int k = 0; k < 5; k++) {
    contents[k] = (vlot_entry){.data = (const uint8_t *)texts[k],
                               .size = (uint32_t)strlen(texts[k]),
                               .kind = VLOT_ENTRY_COMMAND};
    entries[k] = (vlot_log_entry){.term = terms[k], .entry = contents[k]};
  }
  vlot_batch *batch = vlot_batch_make(NULL, contents, NULL, 5);
  vlot_slice slices[3] = {{.batch = batch, .index = 1, .term = 1, .first = 0, .count = 3},
                          {.batch = batch, .index = 4, .term = 4, .first = 3, .count = 1},
                          {.batch = batch, .index = 5, .term = 6, .first = 4, .count = 1}};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.hard.term = 6;
  options.log_slices = slices;
  options.log_slice_count = 3;
  vlot_raft *from_slices = open_with(&options);
  options.log_slices = NULL;
  options.log_slice_count = 0;
  options.log_entries = entries;
  options.log_entry_count = 5;
  vlot_raft *from_entries = open_with(&options);
  vlot_batch_release(batch);
  for (uint64_t index = 0; index <= 6; index++) {
    vlot_entry one, other;
    uint64_t term_one, term_other;
    vlot_result result = vlot_raft_get_entry(from_slices, index, &term_one, &one);
    cr_assert_eq(vlot_raft_get_entry(from_entries, index, &term_other, &other), result);
    cr_assert_eq(result, index >= 1 && index <= 5 ? VLOT_OK : VLOT_NOT_FOUND);
    if (result != VLOT_OK) continue;
    cr_assert_eq(term_one, terms[index - 1]);
    cr_assert_eq(term_other, terms[index - 1]);
    cr_assert_eq(one.size, other.size);
    cr_assert(one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
  }
  vlot_raft_close(from_slices);
  vlot_raft_close(from_entries);
}

Test(recovery, a_log_above_a_base_begins_there) {
  vlot_log_entry entries[2] = {{.term = 3, .entry.kind = VLOT_ENTRY_COMMAND},
                               {.term = 4, .entry.kind = VLOT_ENTRY_COMMAND}};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.hard.term = 5;
  options.base_index = 100;
  options.base_term = 3;
  options.log_entries = entries;
  options.log_entry_count = 2;
  vlot_raft *raft = open_with(&options);
  vlot_raft_status status = status_of(raft);
  cr_assert_eq(status.base_index, 100);
  cr_assert_eq(status.first_index, 101);
  cr_assert_eq(status.last_index, 102);
  cr_assert_eq(status.last_term, 4);
  cr_assert_eq(status.commit_index, 100, "a base is committed");
  cr_assert_eq(status.applied_index, 100);
  uint64_t term;
  vlot_entry entry;
  cr_assert_eq(vlot_raft_get_entry(raft, 100, &term, &entry), VLOT_NOT_FOUND);
  cr_assert_eq(vlot_raft_get_entry(raft, 101, &term, &entry), VLOT_OK);
  vlot_raft_close(raft);
}

Test(recovery, an_empty_log_above_a_base_has_the_bases_last_term) {
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.hard.term = 5;
  options.base_index = 100;
  options.base_term = 3;
  vlot_raft *raft = open_with(&options);
  cr_assert_eq(status_of(raft).last_index, 100);
  cr_assert_eq(status_of(raft).last_term, 3);
  vlot_raft_close(raft);
}

Test(recovery, the_members_are_those_of_the_options) {
  const vlot_member members[] = {
      {.id = 1, .disk_id = 11}, {.id = 70000, .disk_id = 12}, {.id = 9, .is_learner = 1}};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.members = members;
  options.member_count = 3;
  options.hard.disk_id = 11;
  vlot_raft *raft = open_with(&options);
  uint32_t count = 0;
  const vlot_member *kept = vlot_configuration_members(vlot_raft_configuration(raft, NULL), &count);
  cr_assert_eq(count, 3);
  cr_assert_neq(kept, members, "copied");
  for (uint32_t k = 0; k < 3; k++) {
    cr_assert_eq(kept[k].id, members[k].id);
    cr_assert_eq(kept[k].disk_id, members[k].disk_id);
    cr_assert_eq(kept[k].is_learner, members[k].is_learner);
  }
  cr_assert_eq(status_of(raft).quorum, 2, "of two voters");
  vlot_raft_close(raft);
}

Test(recovery, a_node_that_lost_unsynced_entries_gets_them_again) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_hold_disk(b, 3);
  basin_propose(b, 1, "a b c");
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 3).last_index, 4);
  cr_assert_eq(basin_status(b, 3).durable_index, 1);
  basin_restart(b, 3);
  cr_assert_eq(basin_status(b, 3).last_index, 1);
  basin_release_disk(b, 3);
  basin_run(b, 5);
  cr_assert_str_eq(basin_applied(b, 3), "a b c");
  cr_assert_str_eq(basin_disk_log(b, 3), "1 1 1 1");
  basin_close(b);
}

Test(recovery, a_whole_cluster_that_stops_comes_back_with_what_was_committed) {
  basin *b = basin_of(3);
  basin_make_leader(b, 2);
  basin_propose(b, 2, "x y");
  basin_run(b, 2);
  for (uint32_t id = 1; id <= 3; id++) basin_crash(b, id);
  basin_start_all(b);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(basin_status(b, id).role, VLOT_ROLE_FOLLOWER);
  basin_run(b, 60);
  cr_assert_neq(basin_leader(b), 0);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_str_eq(basin_applied(b, id), "x y");
  basin_close(b);
}

Test(recovery, every_timeout_is_drawn_afresh_and_inside_its_range) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  uint32_t seen[20] = {0};
  for (uint64_t seed = 1; seed <= 300; seed++) {
    like.seed = seed;
    vlot_raft *raft = open_with(&like);
    uint32_t drawn = status_of(raft).election_ticks;
    cr_assert(drawn >= 10 && drawn < 20);
    seen[drawn]++;
    vlot_raft_close(raft);
  }
  for (uint32_t k = 10; k < 20; k++) cr_assert_gt(seen[k], 5, "%u was hardly ever drawn", k);
}

Test(recovery, the_same_seed_draws_the_same) {
  uint32_t first[20];
  for (int run = 0; run < 2; run++) {
    basin *b = basin_of(1 + 2);
    for (int k = 0; k < 20; k++) {
      basin_tick(b, 1, basin_status(b, 1).election_ticks);
      uint32_t drawn = basin_status(b, 1).election_ticks;
      if (run == 0)
        first[k] = drawn;
      else
        cr_assert_eq(drawn, first[k]);
    }
    basin_close(b);
  }
}

Test(recovery, no_campaign_begins_where_no_term_or_index_is_left) {
  for (int k = 0; k < 2; k++) {
    vlot_raft_options options;
    vlot_raft_options_init(&options);
    options.hard.term = k == 0 ? VLOT_INDEX_MAX - 1 : 5;
    options.base_index = k == 1 ? VLOT_INDEX_MAX - 1 : 5;
    options.base_term = 1;
    vlot_raft *raft = open_with(&options);
    const vlot_output *output;
    vlot_input inputs[2] = {{.kind = VLOT_INPUT_TICK}, {.kind = VLOT_INPUT_CAMPAIGN}};
    inputs[0].as.tick.now = inputs[0].as.tick.elapsed = 1000;
    cr_assert_eq(vlot_raft_step(raft, inputs, 2, &output), VLOT_OK);
    cr_assert_eq(output->outcomes[0].result, VLOT_REJECTED);
    cr_assert_eq(output->outcomes[0].why, VLOT_WHY_INDEX_LIMIT);
    cr_assert_eq(status_of(raft).role, VLOT_ROLE_FOLLOWER);
    cr_assert_eq(output->next_timer, VLOT_NEVER);
    vlot_raft_close(raft);
  }
}
