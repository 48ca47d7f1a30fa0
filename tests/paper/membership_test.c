/* Changes of membership as others got them wrong, each as the shortest schedule that shows it
 * (docs/catalogue.md), and what section 6 of the paper and chapter 4 of the thesis ask for. Beside
 * the assertions stand the laws of the basin.
 */
#include <criterion/criterion.h>

#include "basin.h"

enum { UNSTICKY = VLOT_SWITCH_ALL & ~VLOT_SWITCH_STICKINESS };

static basin *with(uint32_t count, uint32_t switches) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  like.switches = switches;
  like.seed = 5;
  return basin_open(count, &like);
}

/* 1 leads those up to members; the others wait to hear of the cluster. */
static basin *led_by_1(uint32_t members, uint32_t count) {
  basin *b = with(count, VLOT_SWITCH_ALL);
  for (uint32_t id = members + 1; id <= count; id++) basin_preset_absent(b, id);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  return b;
}

static vlot_result answer(const basin *b, uint32_t id, uint64_t tag) {
  vlot_late_answer given;
  return basin_late_answer(b, id, tag, &given) ? given.result : VLOT_IO; /* IO: not yet */
}

/* --- removed nodes ---------------------------------------------------------------------------- */

static void disturb(uint32_t switches) {
  basin *b = with(3, switches);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 3);
  cr_assert_eq(basin_change_members(b, 1, "-3", 1).result, VLOT_OK);
  basin_run(b, 3);
  cr_assert_eq(answer(b, 1, 1), VLOT_OK);
  basin_heal(b);
  uint64_t term = basin_status(b, 1).term;
  basin_run(b, 200); /* nobody tells 3 */
  cr_expect_eq(basin_leader(b), 1);
  cr_expect_eq(basin_status(b, 1).term, term, "3 is at term %llu",
               (unsigned long long)basin_status(b, 3).term);
  cr_expect_eq(basin_status(b, 2).term, term);
  basin_close(b);
}

Test(members, b021_a_removed_node_does_not_disturb) { disturb(VLOT_SWITCH_ALL); }

Test(members, b021_nor_without_pre_vote_while_followers_are_sticky) {
  disturb(VLOT_SWITCH_ALL & ~(uint32_t)VLOT_SWITCH_PRE_VOTE);
}

Test(members, late_replies_of_a_removed_node_depose_nobody) {
  basin *b = led_by_1(3, 3);
  basin_tick(b, 1, 1);
  vlot_message request = *basin_peek(b, 1, 3, VLOT_MESSAGE_APPEND);
  basin_deliver_all(b);
  cr_assert_eq(basin_change_members(b, 1, "-3", 1).result, VLOT_OK);
  basin_run(b, 2);
  vlot_message reply = basin_forge_reply(&request, 9, false, 0);
  reply.as.reply.hint_index = 0;
  basin_inject(b, &reply);
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_expect_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_UNKNOWN_MEMBER);
  basin_close(b);
}

Test(members, a_node_that_was_not_added_yet_neither_campaigns_nor_counts) {
  basin *b = led_by_1(3, 4);
  basin_run(b, 100);
  cr_expect_eq(basin_status(b, 4).term, 0);
  cr_expect_eq(basin_campaign(b, 4).why, VLOT_WHY_NOT_A_VOTER);
  basin_isolate(b, 2);
  basin_isolate(b, 3);
  basin_run(b, 30);
  cr_expect_eq(basin_leader(b), 0);
  basin_close(b);
}

Test(members, b097_a_removed_node_that_was_wiped_makes_no_quorum_for_a_stale_peer) {
  basin *b = with(5, UNSTICKY);
  for (uint32_t id = 1; id <= 5; id++) basin_preset_disk(b, id, 100 + id, 100 + id);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 5); /* it knows the old configuration */
  cr_assert_eq(basin_change_members(b, 1, "-3 -4", 1).result, VLOT_OK);
  basin_run(b, 4);
  cr_assert_eq(answer(b, 1, 1), VLOT_OK);
  for (uint32_t id = 3; id <= 4; id++) {
    basin_crash(b, id);
    basin_wipe(b, id, 200 + id);
    basin_start(b, id);
  }
  basin_heal(b);
  basin_cut_both(b, 5, 1);
  basin_cut_both(b, 5, 2);
  basin_force_elect(b, 5);
  basin_deliver_all(b);
  cr_expect_neq(basin_status(b, 5).role, VLOT_ROLE_LEADER, "3, 4 and 5 were a quorum of five");
  basin_close(b);
}

/* --- the bug of 2015 -------------------------------------------------------------------------- */

/* Four voters and a learner that has everything. 1 is cut off with 5, and makes it a voter: that
 * is on 1 and 5 only. 2 is elected by 2, 3, 4. */
static basin *two_leaders_of_four(uint32_t switches) {
  basin *b = with(5, switches);
  basin_preset_learner(b, 5);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  for (uint32_t id = 2; id <= 4; id++) basin_cut_both(b, 1, id);
  cr_assert_eq(basin_change_members(b, 1, "^5", 1).result, VLOT_OK);
  basin_deliver_all(b);
  cr_assert_str_eq(basin_members(b, 5), "1 2 3 4 5");
  basin_force_elect(b, 2);
  basin_deliver(b, 2, BASIN_ANY, VLOT_MESSAGE_VOTE);
  basin_deliver(b, BASIN_ANY, 2, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_eq(basin_status(b, 2).role, VLOT_ROLE_LEADER);
  basin_cut_both(b, 2, 4);
  basin_cut_both(b, 2, 5);
  basin_deliver_all(b); /* its no-op is on 2 and 3 */
  return b;
}

Test(members, b087_without_the_rule_two_leaders_have_no_common_quorum) {
  basin *b = two_leaders_of_four(VLOT_SWITCH_ALL & ~(uint32_t)VLOT_SWITCH_TERM_FIRST);
  basin_lawless(b);
  cr_assert_eq(basin_change_members(b, 2, "-1", 2).result, VLOT_OK);
  basin_deliver_all(b);
  uint64_t lost = basin_status(b, 2).commit_index;
  cr_assert_eq(answer(b, 2, 2), VLOT_OK, "2 and 3 are a quorum of 2, 3, 4");
  basin_heal(b);
  basin_cut_both(b, 1, 2);
  basin_cut_both(b, 1, 3);
  basin_step_down(b, 1);
  basin_force_elect(b, 1); /* of term 2: it is told of 2's */
  basin_deliver_all(b);
  basin_force_elect(b, 1);
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER, "1, 4 and 5 are a quorum of five");
  cr_assert_gt(basin_status(b, 1).term, 2);
  basin_heal(b);
  basin_run(b, 3);
  cr_expect_eq(basin_status(b, 2).fenced_why, VLOT_WHY_COMMITTED_CONFLICT);
  uint64_t term = 0;
  vlot_entry entry;
  cr_assert_eq(vlot_raft_get_entry(basin_core(b, 1), lost, &term, &entry), VLOT_OK);
  cr_expect_neq(term, 2, "what 2 had committed is lost");
  basin_close(b);
}

Test(members, b087_with_the_rule_the_second_change_waits_until_the_first_cannot_win) {
  basin *b = two_leaders_of_four(VLOT_SWITCH_ALL);
  vlot_outcome outcome = basin_change_members(b, 2, "-1", 2);
  cr_assert_eq(outcome.result, VLOT_BUSY);
  cr_assert_eq(outcome.why, VLOT_WHY_NO_ENTRY_OF_TERM);
  basin_heal(b);
  for (uint32_t id = 2; id <= 4; id++) basin_cut_both(b, 1, id);
  basin_run(b, 3); /* 2, 3 and 4 have its no-op: whoever wins without them has less */
  cr_assert_eq(basin_change_members(b, 2, "-1", 3).result, VLOT_OK);
  basin_deliver_all(b);
  basin_heal(b);
  basin_cut_both(b, 1, 2);
  basin_cut_both(b, 1, 3);
  basin_force_elect(b, 1);
  basin_force_elect(b, 1);
  basin_deliver_all(b);
  cr_expect_neq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  basin_heal(b);
  basin_run(b, 60);
  cr_assert_neq(basin_leader(b), 0);
  cr_expect_str_eq(basin_members(b, basin_leader(b)), "2 3 4 5?");
  basin_close(b);
}

/* --- in force --------------------------------------------------------------------------------- */

Test(members, b088_a_candidate_counts_by_what_it_has_appended_committed_or_not) {
  basin *b = with(4, VLOT_SWITCH_ALL);
  basin_preset_learner(b, 4);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 2);
  basin_isolate(b, 4);
  cr_assert_eq(basin_change_members(b, 1, "^4", 1).result, VLOT_OK);
  basin_deliver_all(b);
  cr_assert_str_eq(basin_members(b, 3), "1 2 3 4");
  cr_assert_lt(basin_status(b, 3).commit_index, basin_status(b, 3).config_index);
  basin_crash(b, 1);
  basin_heal(b);
  basin_cut_both(b, 3, 4);
  basin_force_elect(b, 3);
  basin_deliver_all(b);
  cr_expect_eq(basin_status(b, 3).quorum, 3);
  cr_expect_eq(basin_status(b, 3).votes_granted, 2);
  cr_expect_eq(basin_status(b, 3).role, VLOT_ROLE_CANDIDATE);
  basin_close(b);
}

Test(members, b089_a_joint_configuration_is_left_when_both_halves_have_it) {
  basin *b = led_by_1(2, 2);
  basin_cut_both(b, 1, 2);
  cr_assert_eq(basin_change_members(b, 1, "joint -2", 1).result, VLOT_OK);
  basin_restart(b, 1);
  basin_run(b, 60);
  cr_expect_str_eq(basin_members(b, 1), "1 | 1 2");
  cr_expect_neq(basin_leader(b), 1, "alone it is no quorum of the old half");
  basin_heal(b);
  basin_run(b, 100);
  cr_expect_str_eq(basin_members(b, 1), "1");
  cr_expect_eq(basin_leader(b), 1);
  basin_close(b);
}

Test(members, b090_the_next_leader_leaves_what_the_last_one_has_entered) {
  basin *b = led_by_1(5, 5);
  cr_assert_eq(basin_change_members(b, 1, "-4 -5", 1).result, VLOT_OK);
  basin_deliver(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND);
  basin_deliver(b, BASIN_ANY, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_str_eq(basin_members(b, 1), "1 2 3", "it has left it, and tells nobody");
  basin_crash(b, 1);
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  cr_assert_str_eq(basin_members(b, 2), "1 2 3 | 1 2 3 4 5");
  basin_force_elect(b, 2);
  basin_run(b, 5);
  cr_expect_str_eq(basin_members(b, 2), "1 2 3");
  cr_expect_str_eq(basin_members(b, 3), "1 2 3");
  basin_close(b);
}

Test(members, b091_a_joint_configuration_is_left_once) {
  basin *b = led_by_1(5, 5);
  cr_assert_eq(basin_change_members(b, 1, "-4 -5", 1).result, VLOT_OK);
  for (uint32_t k = 0; k < 5; k++) basin_propose(b, 1, "x");
  basin_run(b, 5);
  cr_expect_eq(basin_changes(b, 2, VLOT_CHANGE_CONFIG), 2);
  cr_expect_eq(basin_change_members(b, 1, "-3", 2).result, VLOT_OK);
  basin_close(b);
}

Test(members, b092_what_makes_no_sense_is_refused_and_leaves_no_entry) {
  basin *b = led_by_1(3, 3);
  uint64_t last = basin_status(b, 1).last_index;
  cr_expect_eq(basin_cancel_change(b, 1).result, VLOT_NOT_FOUND);
  cr_expect_eq(basin_change_members(b, 1, "^3", 1).why, VLOT_WHY_NO_EFFECT);
  cr_expect_eq(basin_status(b, 1).last_index, last);
  basin_close(b);
}

Test(members, b101_every_quorum_is_of_both_halves) {
  basin *b = led_by_1(3, 5);
  cr_assert_eq(basin_change_members(b, 1, "?4 ?5", 1).result, VLOT_OK);
  basin_run(b, 5);
  basin_hold_disk(b, 4);
  basin_hold_disk(b, 5);
  cr_assert_eq(basin_change_members(b, 1, "v2 v3 ^4 ^5", 2).result, VLOT_OK);
  basin_deliver_all(b);
  cr_assert(basin_status(b, 1).is_joint);
  basin_cut_both(b, 1, 2);
  basin_cut_both(b, 1, 3);
  vlot_read_answer given;
  basin_read(b, 1, 7);
  basin_run(b, 2);
  cr_expect_not(basin_read_answer(b, 1, 7, &given), "4 and 5 answer, and are one half");
  basin_heal(b);
  basin_cut_both(b, 1, 3);
  basin_run(b, 2);
  cr_expect(basin_read_answer(b, 1, 7, &given), "2 votes in the old half, and answers");
  basin_close(b);
}

Test(members, b102_who_belongs_to_it_is_said_by_the_log_and_nothing_else) {
  basin *b = led_by_1(3, 4);
  cr_assert_eq(basin_change_members(b, 1, "+4", 1).result, VLOT_OK);
  basin_run(b, 5);
  for (uint32_t id = 2; id <= 4; id++) {
    basin_restart(b, id);
    cr_expect_str_eq(basin_members(b, id), "1 2 3 4", "as its log has it");
  }
  basin_close(b);
}

Test(members, b103_an_isolated_leader_does_not_remove_its_way_to_a_quorum) {
  basin *b = led_by_1(5, 5);
  basin_isolate(b, 1);
  const char *edits[] = {"-5", "-4", "-3", "-2"};
  uint64_t commit = basin_status(b, 1).commit_index;
  cr_assert_eq(basin_change_members(b, 1, edits[0], 0).result, VLOT_OK);
  for (uint64_t k = 1; k < 4; k++)
    cr_expect_eq(basin_change_members(b, 1, edits[k], k).why, VLOT_WHY_CHANGE_UNDER_WAY);
  basin_run(b, 8);
  cr_expect_eq(basin_status(b, 1).commit_index, commit);
  basin_close(b);
}

/* --- section 6, thesis 4 ---------------------------------------------------------------------- */

Test(section6, the_cluster_goes_on_with_commands_throughout_a_change) {
  basin *b = led_by_1(3, 5);
  cr_assert_eq(basin_change_members(b, 1, "+4 +5 -2 -3", 1).result, VLOT_OK);
  for (uint32_t k = 0; k < 12; k++) {
    uint64_t before = basin_status(b, 1).commit_index;
    cr_expect_eq(basin_propose(b, 1, "x").result, VLOT_OK);
    basin_run(b, 1);
    cr_expect_gt(basin_status(b, 1).commit_index, before);
  }
  cr_expect_eq(answer(b, 1, 1), VLOT_OK);
  cr_expect_str_eq(basin_members(b, 5), "1 4 5");
  basin_close(b);
}

Test(section6, a_crash_in_the_middle_of_a_joint_change_ends_it_one_way_or_the_other) {
  for (uint32_t is_known = 0; is_known < 2; is_known++) {
    basin *b = led_by_1(5, 5);
    cr_assert_eq(basin_change_members(b, 1, "-4 -5", 1).result, VLOT_OK);
    if (is_known) basin_deliver_one(b, 1, 2, VLOT_MESSAGE_APPEND);
    basin_crash(b, 1);
    basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
    basin_force_elect(b, is_known ? 2 : 3);
    basin_run(b, 6);
    cr_expect_str_eq(basin_members(b, 3), is_known ? "1 2 3" : "1 2 3 4 5");
    basin_start(b, 1);
    basin_run(b, 6);
    cr_expect_str_eq(basin_members(b, 1), is_known ? "1 2 3" : "1 2 3 4 5");
    basin_close(b);
  }
}

Test(section6, servers_take_entries_and_vote_whoever_stands_in_their_configuration) {
  basin *b = with(3, UNSTICKY);
  basin_preset_absent(b, 3);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  vlot_message append = basin_forge_append(b, 1, 3, 1, 0, 0, 0, "");
  basin_inject(b, &append);
  cr_expect_eq(basin_count(b, 3, 1, VLOT_MESSAGE_APPEND_REPLY), 1, "of a leader it never heard of");
  vlot_message vote = basin_forge_vote(b, 2, 3, 2, 1, 1);
  basin_inject(b, &vote);
  cr_expect_eq(basin_disk_hard(b, 3).vote, 2);
  basin_close(b);
}
