/* Changes of membership at cores alone: what is asked, what stands in the log, who counts when. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "basin.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* Nodes 1 … members belong to it, those up to count wait to hear of it; 1 leads, and an entry of
 * its term is committed. */
static basin *cluster_of(uint32_t members, uint32_t count) {
  basin *b = basin_open(count, NULL);
  for (uint32_t id = members + 1; id <= count; id++) basin_preset_absent(b, id);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  return b;
}

static vlot_late_answer answer_of(const basin *b, uint32_t id, uint64_t tag) {
  vlot_late_answer answer = {0};
  cr_assert(basin_late_answer(b, id, tag, &answer), "%llu is not answered",
            (unsigned long long)tag);
  return answer;
}

static void expect_answer(const basin *b, uint32_t id, uint64_t tag, vlot_result result,
                          vlot_why why) {
  vlot_late_answer answer = answer_of(b, id, tag);
  cr_expect_eq(answer.result, result, "%llu: %s", (unsigned long long)tag,
               vlot_result_name(answer.result));
  cr_expect_eq(answer.why, why, "%llu: %s", (unsigned long long)tag, vlot_why_name(answer.why));
}

static bool is_answered(const basin *b, uint32_t id, uint64_t tag) {
  vlot_late_answer answer;
  return basin_late_answer(b, id, tag, &answer);
}

/* --- what may be asked ------------------------------------------------------------------------ */

/* Members 1, 2, 3 and the learner 4; 5 waits. */
static basin *mixed_cluster(void) {
  basin *b = basin_open(5, NULL);
  for (uint32_t id = 1; id <= 4; id++) basin_preset_disk(b, id, 100 + id, 100 + id);
  basin_preset_learner(b, 4);
  basin_preset_absent(b, 5);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  return b;
}

Test(change, an_edit_is_refused_with_its_reason_and_nothing_changes) {
  const struct {
    const char *edits;
    vlot_result result;
    vlot_why why;
    uint32_t accepted;
  } rows[] = {
      {"+0", VLOT_INVALID, VLOT_WHY_NONE, 0},
      {"", VLOT_INVALID, VLOT_WHY_NONE, 0},
      {"-1:101", VLOT_INVALID, VLOT_WHY_NONE, 0},
      {"+3", VLOT_EXISTS, VLOT_WHY_MEMBER_EXISTS, 0},
      {"?4", VLOT_EXISTS, VLOT_WHY_MEMBER_EXISTS, 0},
      {"+5:105 +2", VLOT_EXISTS, VLOT_WHY_MEMBER_EXISTS, 1},
      {"-5", VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER, 0},
      {"^5", VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER, 0},
      {"v5", VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER, 0},
      {"*5:1", VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER, 0},
      {"^2", VLOT_INVALID, VLOT_WHY_NO_EFFECT, 0},
      {"v4", VLOT_INVALID, VLOT_WHY_NO_EFFECT, 0},
      {"*2:102", VLOT_INVALID, VLOT_WHY_NO_EFFECT, 0},
      {"-2 v3 +2:202", VLOT_INVALID, VLOT_WHY_MEMBER_TWICE, 2},
      {"-1 -2 -3", VLOT_INVALID, VLOT_WHY_NO_VOTER_LEFT, 3},
      {"v1 v2 v3", VLOT_INVALID, VLOT_WHY_NO_VOTER_LEFT, 3},
      {"*2:202 +5:105", VLOT_INVALID, VLOT_WHY_MIXED_WITH_DISK, 2},
      {"*2:202 ^4", VLOT_INVALID, VLOT_WHY_MIXED_WITH_DISK, 2},
      {"at:1 -4", VLOT_REJECTED, VLOT_WHY_CONFIG_CHANGED, 0},
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    basin *b = mixed_cluster();
    uint64_t last = basin_status(b, 1).last_index;
    vlot_outcome outcome = basin_change_members(b, 1, rows[k].edits, 7);
    cr_expect_eq(outcome.result, rows[k].result, "%s: %s", rows[k].edits,
                 vlot_result_name(outcome.result));
    cr_expect_eq(outcome.why, rows[k].why, "%s: %s", rows[k].edits, vlot_why_name(outcome.why));
    cr_expect_eq(outcome.accepted, rows[k].accepted, "%s: %u", rows[k].edits, outcome.accepted);
    cr_expect_eq(basin_status(b, 1).last_index, last, "%s", rows[k].edits);
    cr_expect_str_eq(basin_members(b, 1), "1 2 3 4?", "%s", rows[k].edits);
    basin_run(b, 40);
    cr_expect_not(is_answered(b, 1, 7), "%s", rows[k].edits);
    basin_close(b);
  }
}

Test(change, every_edit_leads_where_it_says) {
  const struct {
    const char *edits, *first, *last;
    bool is_joint;
  } rows[] = {
      {"+5:105", "1 2 3 4? 5?+", "1 2 3 4? 5", false},
      {"?5:105", "1 2 3 4? 5?", "1 2 3 4? 5?", false},
      {"^4", "1 2 3 4", "1 2 3 4", false}, /* it has everything already */
      {"v2", "1 2? 3 4?", "1 2? 3 4?", false},
      {"-3", "1 2 4?", "1 2 4?", false},
      {"-4", "1 2 3", "1 2 3", false},
      {"*4:204", "1 2 3 4?", "1 2 3 4?", false}, /* it has no vote */
      {"*3:203", "1 2 3 4? | 1 2 3 4?", "1 2 3 4?", true},
      {"-3 ^4", "1 2 4 | 1 2 3 4?", "1 2 4", true},
      {"v2 v3", "1 2? 3? 4? | 1 2 3 4?", "1 2? 3? 4?", true},
      {"+5:105 -3", "1 2 3- 4? 5?+", "1 2 4? 5", true},
      {"+5:105 v3 -4", "1 2 3v 4?- 5?+", "1 2 3? 5", true},
      {"+5:105 ^4", "1 2 3 4?^ 5?+", "1 2 3 4 5", true},
      {"joint -3", "1 2 4? | 1 2 3 4?", "1 2 4?", true},
      {"joint +5:105", "1 2 3 4? 5?+", "1 2 3 4? 5", true},
      {"joint -4", "1 2 3 | 1 2 3 4?", "1 2 3", true},
      {"at:0 -4", "1 2 3", "1 2 3", false},
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    basin *b = mixed_cluster();
    vlot_outcome outcome = basin_change_members(b, 1, rows[k].edits, 7);
    cr_expect_eq(outcome.result, VLOT_OK, "%s: %s %s", rows[k].edits,
                 vlot_result_name(outcome.result), vlot_why_name(outcome.why));
    cr_expect_str_eq(basin_members(b, 1), rows[k].first, "%s: %s", rows[k].edits,
                     basin_members(b, 1));
    bool was_joint = basin_status(b, 1).is_joint;
    for (uint32_t tick = 0; tick < 20; tick++) {
      while (basin_in_flight(b, 0)) {
        basin_deliver_kth(b, 0);
        was_joint |= basin_status(b, 1).is_joint != 0;
      }
      basin_tick(b, BASIN_ANY, 1);
    }
    cr_expect_eq(was_joint, rows[k].is_joint, "%s", rows[k].edits);
    cr_expect_str_eq(basin_members(b, 1), rows[k].last, "%s: %s", rows[k].edits,
                     basin_members(b, 1));
    expect_answer(b, 1, 7, VLOT_OK, VLOT_WHY_NONE);
    cr_expect_eq(answer_of(b, 1, 7).index, basin_status(b, 1).config_index, "%s", rows[k].edits);
    cr_expect_not(basin_status(b, 1).is_changing, "%s", rows[k].edits);
    basin_close(b);
  }
}

/* B100 */
Test(change, there_is_one_at_a_time_and_none_before_an_entry_of_the_term) {
  basin *b = basin_open(4, NULL);
  basin_preset_absent(b, 4);
  basin_start_all(b);
  basin_campaign(b, 1);
  basin_deliver_all(b);
  basin_crash(b, 1);
  basin_start(b, 1);
  basin_run(b, 40);
  uint32_t leader = basin_leader(b), other = leader == 1 ? 2 : 1;
  cr_assert_eq(basin_change_members(b, other, "+4", 1).result, VLOT_NOT_LEADER);
  basin_step_down(b, leader);
  basin_hold_disk(b, other);
  for (uint32_t id = 1; id <= 3; id++)
    if (id != other && id != leader) basin_hold_disk(b, id);
  basin_force_elect(b, leader);
  for (uint32_t id = 1; id <= 3; id++)
    if (id != leader) {
      basin_deliver(b, leader, id, VLOT_MESSAGE_VOTE);
      basin_store_all(b, id);
    }
  basin_deliver(b, BASIN_ANY, leader, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_eq(basin_status(b, leader).role, VLOT_ROLE_LEADER);
  vlot_outcome outcome = basin_change_members(b, leader, "+4", 2);
  cr_expect_eq(outcome.result, VLOT_BUSY);
  cr_expect_eq(outcome.why, VLOT_WHY_NO_ENTRY_OF_TERM);
  for (uint32_t id = 1; id <= 3; id++) basin_release_disk(b, id);
  basin_run(b, 5);
  cr_assert_eq(basin_change_members(b, leader, "+4", 3).result, VLOT_OK);
  outcome = basin_change_members(b, leader, "-2", 4);
  cr_expect_eq(outcome.result, VLOT_BUSY);
  cr_expect_eq(outcome.why, VLOT_WHY_CHANGE_UNDER_WAY);
  basin_run(b, 20);
  expect_answer(b, leader, 3, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_not(is_answered(b, leader, 4));
  basin_close(b);
}

/* B098 */
Test(change, what_would_leave_too_few_who_answer_is_refused) {
  basin *b = cluster_of(3, 3);
  basin_crash(b, 3);
  basin_run(b, 30);
  vlot_outcome outcome = basin_change_members(b, 1, "-2", 1);
  cr_expect_eq(outcome.result, VLOT_REJECTED);
  cr_expect_eq(outcome.why, VLOT_WHY_WOULD_LOSE_QUORUM);
  cr_assert_eq(basin_change_members(b, 1, "-3", 2).result, VLOT_OK);
  basin_run(b, 10);
  expect_answer(b, 1, 2, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_str_eq(basin_members(b, 2), "1 2");
  basin_close(b);
}

Test(change, a_member_comes_back_only_with_a_new_disk) {
  basin *b = mixed_cluster();
  cr_assert_eq(basin_change_members(b, 1, "-3", 1).result, VLOT_OK);
  basin_run(b, 5);
  vlot_outcome outcome = basin_change_members(b, 1, "+3:103", 2);
  cr_expect_eq(outcome.result, VLOT_REJECTED);
  cr_expect_eq(outcome.why, VLOT_WHY_DISK_KNOWN);
  basin_crash(b, 3);
  basin_wipe(b, 3, 203);
  basin_start(b, 3);
  cr_assert_eq(basin_change_members(b, 1, "+3:203", 3).result, VLOT_OK);
  basin_run(b, 20);
  expect_answer(b, 1, 3, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_str_eq(basin_members(b, 3), "1 2 4? 3");
  outcome = basin_change_members(b, 1, "*3:103", 4);
  cr_expect_eq(outcome.why, VLOT_WHY_DISK_KNOWN);
  basin_close(b);
}

/* --- catching up ------------------------------------------------------------------------------ */

/* B099 */
Test(catchup, a_new_voter_does_not_count_before_it_is_there) {
  basin *b = cluster_of(2, 3);
  for (uint32_t k = 0; k < 20; k++) basin_propose(b, 1, "x y z");
  basin_run(b, 3);
  basin_cut_both(b, 1, 3);
  cr_assert_eq(basin_change_members(b, 1, "+3", 1).result, VLOT_OK);
  basin_run(b, 10);
  cr_expect_str_eq(basin_members(b, 2), "1 2 3?+");
  basin_propose(b, 1, "more");
  basin_run(b, 2);
  cr_expect_eq(basin_status(b, 1).commit_index, basin_status(b, 1).last_index, "without 3");
  cr_expect_eq(basin_progress(b, 1, 3).round, 1);
  basin_heal(b);
  basin_run(b, 10);
  cr_expect_str_eq(basin_members(b, 3), "1 2 3");
  expect_answer(b, 1, 1, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_str_eq(basin_applied(b, 3), basin_applied(b, 1));
  basin_close(b);
}

Test(catchup, who_never_comes_closer_is_given_up_and_leaves_nothing_behind) {
  basin *b = cluster_of(3, 4);
  basin_isolate(b, 4);
  cr_assert_eq(basin_change_members(b, 1, "+4 -3", 1).result, VLOT_OK);
  basin_run(b, 90);
  cr_expect_not(is_answered(b, 1, 1));
  basin_run(b, 20);
  expect_answer(b, 1, 1, VLOT_REJECTED, VLOT_WHY_NOT_CAUGHT_UP);
  cr_expect_eq(answer_of(b, 1, 1).peer, 4);
  cr_expect_str_eq(basin_members(b, 1), "1 2 3");
  cr_expect_str_eq(basin_members(b, 3), "1 2 3");
  cr_assert_eq(basin_change_members(b, 1, "-3", 2).result, VLOT_OK, "another may follow");
  basin_close(b);
}

Test(catchup, what_cannot_be_reached_in_ten_rounds_is_given_up) {
  basin *b = cluster_of(3, 4);
  cr_assert_eq(basin_change_members(b, 1, "+4", 1).result, VLOT_OK);
  basin_hold_disk(b, 4);
  /* each round takes longer than an election timeout */
  for (uint32_t k = 0; k < 300 && !is_answered(b, 1, 1); k++) {
    basin_propose(b, 1, "x");
    basin_run(b, 1);
    if (k % 12 == 11) basin_store_all(b, 4);
  }
  expect_answer(b, 1, 1, VLOT_REJECTED, VLOT_WHY_NOT_CAUGHT_UP);
  cr_expect_eq(basin_change(b, 1, VLOT_CHANGE_ROUND).why, VLOT_WHY_NOT_CAUGHT_UP);
  basin_close(b);
}

Test(catchup, a_change_that_catches_up_can_be_cancelled) {
  basin *b = cluster_of(3, 4);
  cr_expect_eq(basin_cancel_change(b, 1).result, VLOT_NOT_FOUND);
  cr_expect_eq(basin_cancel_change(b, 2).result, VLOT_NOT_LEADER);
  basin_isolate(b, 4);
  cr_assert_eq(basin_change_members(b, 1, "+4", 1).result, VLOT_OK);
  basin_run(b, 5);
  cr_expect_eq(basin_cancel_change(b, 1).result, VLOT_OK);
  basin_run(b, 3);
  expect_answer(b, 1, 1, VLOT_REJECTED, VLOT_WHY_CANCELLED);
  cr_expect_str_eq(basin_members(b, 2), "1 2 3");
  basin_isolate(b, 2);
  basin_isolate(b, 3);
  cr_assert_eq(basin_change_members(b, 1, "-3", 2).result, VLOT_OK);
  vlot_outcome outcome = basin_cancel_change(b, 1);
  cr_expect_eq(outcome.result, VLOT_REJECTED);
  cr_expect_eq(outcome.why, VLOT_WHY_CHANGE_UNDER_WAY);
  basin_close(b);
}

Test(catchup, the_next_leader_goes_on_with_the_whole_wish) {
  basin *b = cluster_of(3, 4);
  basin_cut_both(b, 1, 4);
  cr_assert_eq(basin_change_members(b, 1, "+4 -3", 1).result, VLOT_OK);
  basin_run(b, 3);
  cr_expect_str_eq(basin_members(b, 2), "1 2 3- 4?+");
  basin_crash(b, 1);
  basin_force_elect(b, 2);
  basin_run(b, 10);
  cr_expect_str_eq(basin_members(b, 2), "1 2 4");
  basin_start(b, 1);
  basin_run(b, 10);
  cr_expect_str_eq(basin_members(b, 1), "1 2 4");
  cr_expect_str_eq(basin_members(b, 4), "1 2 4");
  cr_expect_not(is_answered(b, 1, 1), "who asked is gone");
  basin_close(b);
}

Test(catchup, a_leader_that_loses_its_place_answers_unknown) {
  basin *b = cluster_of(3, 4);
  basin_isolate(b, 4);
  cr_assert_eq(basin_change_members(b, 1, "+4", 1).result, VLOT_OK);
  basin_run(b, 3);
  basin_force_elect(b, 2);
  basin_run(b, 3);
  expect_answer(b, 1, 1, VLOT_UNKNOWN, VLOT_WHY_LEADERSHIP_LOST);
  basin_close(b);
}

Test(catchup, a_new_voter_is_brought_up_by_a_snapshot) {
  basin *b = cluster_of(3, 4);
  for (uint32_t k = 0; k < 10; k++) basin_propose(b, 1, "a b c");
  basin_run(b, 3);
  basin_snapshot(b, 1, 0);
  cr_assert_eq(basin_change_members(b, 1, "+4", 1).result, VLOT_OK);
  basin_run(b, 20);
  expect_answer(b, 1, 1, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_eq(basin_swaps(b, 4), 1);
  cr_expect_str_eq(basin_members(b, 4), "1 2 3 4");
  cr_expect_str_eq(basin_applied(b, 4), basin_applied(b, 1));
  basin_snapshot(b, 4, 0);
  basin_restart(b, 4);
  cr_expect_str_eq(basin_members(b, 4), "1 2 3 4", "a snapshot knows its configuration");
  basin_close(b);
}

/* --- in force --------------------------------------------------------------------------------- */

/* B093 */
Test(force, what_was_appended_counts_after_a_restart_and_what_is_truncated_does_not) {
  basin *b = cluster_of(3, 3);
  basin_isolate(b, 1);
  cr_assert_eq(basin_change_members(b, 1, "-3", 1).result, VLOT_OK);
  cr_expect_str_eq(basin_members(b, 1), "1 2");
  basin_restart(b, 1);
  cr_expect_str_eq(basin_members(b, 1), "1 2", "committed or not");
  basin_force_elect(b, 2);
  basin_run(b, 3);
  basin_heal(b);
  basin_run(b, 5);
  cr_expect_str_eq(basin_members(b, 1), "1 2 3");
  vlot_change change = basin_change(b, 1, VLOT_CHANGE_CONFIG);
  cr_expect_gt(change.from, change.to);
  cr_expect_eq(change.why, VLOT_WHY_CONFLICT);
  basin_close(b);
}

Test(force, both_halves_must_agree_while_joint) {
  basin *b = cluster_of(3, 5);
  cr_assert_eq(basin_change_members(b, 1, "?4 ?5", 1).result, VLOT_OK);
  basin_run(b, 5);
  basin_cut_both(b, 1, 2);
  basin_cut_both(b, 1, 3);
  cr_assert_eq(basin_change_members(b, 1, "^4 ^5 -2 -3", 2).result, VLOT_OK);
  cr_assert_str_eq(basin_members(b, 1), "1 4 5 | 1 2 3 4? 5?");
  uint64_t commit = basin_status(b, 1).commit_index;
  basin_run(b, 5);
  cr_expect_eq(basin_status(b, 1).commit_index, commit, "the old half has not agreed");
  cr_expect_str_eq(basin_members(b, 4), "1 4 5 | 1 2 3 4? 5?");
  basin_run(b, 20);
  cr_expect_neq(basin_status(b, 1).role, VLOT_ROLE_LEADER, "it hears from one half only");
  basin_heal(b);
  basin_run(b, 60);
  uint32_t leader = basin_leader(b);
  cr_assert_neq(leader, 0);
  cr_expect_not(basin_status(b, leader).is_joint, "whoever leads leaves it");
  basin_close(b);
}

/* B094, B095, B096 */
Test(force, a_leader_that_removes_itself_leads_until_that_is_committed) {
  basin *b = cluster_of(3, 3);
  basin_cut_both(b, 1, 3);
  cr_assert_eq(basin_change_members(b, 1, "-1", 1).result, VLOT_OK);
  cr_expect_str_eq(basin_members(b, 1), "2 3");
  basin_deliver_all(b);
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_expect_not(is_answered(b, 1, 1), "2 alone is no quorum of 2 and 3, and 1 does not count");
  basin_heal(b);
  basin_tick(b, 1, 1);
  basin_deliver_all(b);
  expect_answer(b, 1, 1, VLOT_OK, VLOT_WHY_NONE);
  basin_tick(b, 1, 1);
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER);
  cr_expect_eq(basin_change(b, 1, VLOT_CHANGE_ROLE).why, VLOT_WHY_REMOVED);
  cr_expect_neq(basin_leader(b), 0, "somebody was told to go on, and has won already");
  cr_expect_neq(basin_leader(b), 1);
  cr_expect_eq(basin_change(b, basin_leader(b), VLOT_CHANGE_CAMPAIGN).why, VLOT_WHY_TRANSFER);
  basin_run(b, 100);
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER, "it knows, and does not campaign");
  basin_close(b);
}

Test(force, the_last_of_two_is_left_when_the_other_removes_itself) { /* figure 4.6 */
  basin *b = cluster_of(2, 2);
  basin_cut_both(b, 1, 2);
  cr_assert_eq(basin_change_members(b, 1, "-1", 1).result, VLOT_OK);
  basin_restart(b, 1);
  basin_heal(b);
  /* 2 cannot win, its log is behind; 1 stands in no configuration of its own and is still needed */
  basin_run(b, 100);
  cr_expect_str_eq(basin_members(b, 2), "2");
  cr_expect_eq(basin_leader(b), 2);
  basin_close(b);
}

Test(force, a_cluster_grows_from_one_to_five_and_shrinks_again) {
  basin *b = cluster_of(1, 5);
  for (uint32_t id = 2; id <= 5; id++) {
    char edit[8];
    snprintf(edit, sizeof edit, "+%u", id);
    cr_assert_eq(basin_change_members(b, basin_leader(b), edit, id).result, VLOT_OK);
    basin_propose(b, basin_leader(b), "x");
    basin_run(b, 5);
    expect_answer(b, 1, id, VLOT_OK, VLOT_WHY_NONE);
  }
  cr_expect_str_eq(basin_members(b, 5), "1 2 3 4 5");
  for (uint32_t id = 1; id <= 4; id++) {
    char edit[8];
    uint32_t leader = basin_leader(b);
    snprintf(edit, sizeof edit, "-%u", id);
    cr_assert_eq(basin_change_members(b, leader, edit, 10 + id).result, VLOT_OK);
    basin_run(b, 30);
    expect_answer(b, leader, 10 + id, VLOT_OK, VLOT_WHY_NONE);
    basin_propose(b, basin_leader(b), "y");
    basin_run(b, 3);
    if (id < 4) basin_crash(b, id);
  }
  cr_expect_str_eq(basin_members(b, 5), "5");
  cr_expect_eq(basin_leader(b), 5);
  basin_close(b);
}

Test(force, a_wiped_node_counts_again_when_its_new_disk_stands_in_the_configuration) {
  basin *b = mixed_cluster();
  basin_crash(b, 2);
  basin_wipe(b, 2, 202);
  basin_start(b, 2);
  basin_run(b, 5);
  cr_expect_eq(basin_progress(b, 1, 2).why, VLOT_WHY_FOREIGN_DISK);
  cr_assert_eq(basin_change_members(b, 1, "*2:202", 1).result, VLOT_OK);
  basin_run(b, 5);
  expect_answer(b, 1, 1, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_eq(basin_progress(b, 1, 2).why, VLOT_WHY_NONE);
  basin_crash(b, 3);
  basin_propose(b, 1, "x");
  basin_run(b, 2);
  cr_expect_eq(basin_status(b, 1).commit_index, basin_status(b, 1).last_index);
  basin_close(b);
}
