/* Leadership is handed over: thesis 3.10. And ranks. */
#include <criterion/criterion.h>

#include "basin.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static basin *led_by_1(uint32_t count) {
  basin *b = basin_of(count);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  return b;
}

static void expect_answer(const basin *b, uint32_t id, uint64_t tag, vlot_result result,
                          vlot_why why) {
  vlot_late_answer answer = {0};
  cr_assert(basin_late_answer(b, id, tag, &answer), "%llu is not answered",
            (unsigned long long)tag);
  cr_expect_eq(answer.what, VLOT_INPUT_TRANSFER);
  cr_expect_eq(answer.result, result, "%s", vlot_result_name(answer.result));
  cr_expect_eq(answer.why, why, "%s", vlot_why_name(answer.why));
}

static bool is_answered(const basin *b, uint32_t id, uint64_t tag) {
  vlot_late_answer answer;
  return basin_late_answer(b, id, tag, &answer);
}

Test(transfer, the_target_leads_without_an_election_timeout) {
  basin *b = led_by_1(3);
  cr_assert_eq(basin_transfer(b, 1, 3, 0, 1).result, VLOT_OK);
  basin_deliver_all(b);
  cr_expect_eq(basin_leader(b), 3);
  cr_expect_eq(basin_status(b, 3).term, 2);
  vlot_change campaign = basin_change(b, 3, VLOT_CHANGE_CAMPAIGN);
  cr_expect_eq(campaign.from, 2, "forced: nobody is sticky, and there is no PreVote");
  cr_expect_eq(campaign.why, VLOT_WHY_TRANSFER);
  expect_answer(b, 1, 1, VLOT_OK, VLOT_WHY_NONE);
  basin_close(b);
}

Test(transfer, a_target_that_is_behind_is_brought_up_first_and_commands_wait) {
  basin *b = led_by_1(3);
  basin_hold_disk(b, 3);
  basin_propose(b, 1, "x y z");
  basin_deliver_all(b);
  cr_assert_eq(basin_transfer(b, 1, 3, 0, 1).result, VLOT_OK);
  basin_deliver_all(b);
  cr_expect_eq(basin_count(b, 1, 3, VLOT_MESSAGE_TIMEOUT_NOW), 0);
  cr_expect_eq(basin_changes(b, 3, VLOT_CHANGE_CAMPAIGN), 0);
  vlot_outcome outcome = basin_propose(b, 1, "late");
  cr_expect_eq(outcome.result, VLOT_BUSY);
  cr_expect_eq(outcome.why, VLOT_WHY_TRANSFER);
  outcome = basin_change_members(b, 1, "-2", 2);
  cr_expect_eq(outcome.result, VLOT_BUSY);
  cr_expect_eq(outcome.why, VLOT_WHY_TRANSFER);
  cr_expect_eq(basin_status(b, 1).transfer_to, 3);
  basin_release_disk(b, 3);
  basin_deliver_all(b);
  cr_expect_eq(basin_leader(b), 3);
  expect_answer(b, 1, 1, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_eq(basin_propose(b, 3, "now").result, VLOT_OK);
  basin_close(b);
}

Test(transfer, the_best_is_whoever_has_most_of_the_log) {
  basin *b = led_by_1(5);
  for (uint32_t id = 2; id <= 5; id++)
    if (id != 4) basin_cut_both(b, 1, id);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  basin_heal(b);
  cr_assert_eq(basin_transfer(b, 1, 0, 0, 1).result, VLOT_OK);
  cr_expect_eq(basin_status(b, 1).transfer_to, 4);
  basin_deliver_all(b);
  cr_expect_eq(basin_leader(b), 4);
  basin_close(b);
}

Test(transfer, is_refused_to_a_learner_a_stranger_and_itself) {
  basin *b = basin_open(4, NULL);
  basin_preset_learner(b, 4);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  const struct {
    uint32_t at, to;
    vlot_result result;
    vlot_why why;
  } rows[] = {
      {1, 1, VLOT_INVALID, VLOT_WHY_IS_LEADER},
      {1, 4, VLOT_INVALID, VLOT_WHY_NOT_A_VOTER},
      {1, 9, VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER},
      {2, 3, VLOT_NOT_LEADER, VLOT_WHY_NOT_LEADER},
      {1, 2, VLOT_OK, VLOT_WHY_NONE},
      {1, 3, VLOT_BUSY, VLOT_WHY_TRANSFER},
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    vlot_outcome outcome = basin_transfer(b, rows[k].at, rows[k].to, 0, k);
    cr_expect_eq(outcome.result, rows[k].result, "row %zu: %s", k,
                 vlot_result_name(outcome.result));
    cr_expect_eq(outcome.why, rows[k].why, "row %zu: %s", k, vlot_why_name(outcome.why));
  }
  basin_close(b);
  b = basin_of(1);
  basin_make_leader(b, 1);
  cr_expect_eq(basin_transfer(b, 1, 0, 0, 1).why, VLOT_WHY_NO_SUCH_MEMBER);
  basin_close(b);
}

Test(transfer, at_its_deadline_it_is_given_up_and_commands_are_taken_again) {
  basin *b = led_by_1(3);
  basin_isolate(b, 3);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_eq(basin_transfer(b, 1, 3, 4, 1).result, VLOT_OK);
  basin_run(b, 3);
  cr_expect_not(is_answered(b, 1, 1));
  cr_expect_leq(basin_status(b, 1).next_timer, basin_now(b, 1) + 1);
  basin_run(b, 1);
  expect_answer(b, 1, 1, VLOT_REJECTED, VLOT_WHY_DEADLINE);
  cr_expect_eq(basin_propose(b, 1, "y").result, VLOT_OK);
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  basin_close(b);
}

Test(transfer, when_the_target_was_told_the_deadline_leaves_it_unknown) {
  basin *b = led_by_1(3);
  cr_assert_eq(basin_transfer(b, 1, 3, 2, 1).result, VLOT_OK);
  basin_hold(b, 1, 3, VLOT_MESSAGE_TIMEOUT_NOW);
  basin_tick(b, 1, 1);
  cr_expect_eq(basin_count(b, 1, 3, VLOT_MESSAGE_TIMEOUT_NOW), 1, "it is told again");
  basin_drop(b, 1, 3, VLOT_MESSAGE_TIMEOUT_NOW);
  basin_tick(b, 1, 1);
  expect_answer(b, 1, 1, VLOT_UNKNOWN, VLOT_WHY_DEADLINE);
  basin_release(b, 1, 3, VLOT_MESSAGE_TIMEOUT_NOW);
  basin_run(b, 2);
  cr_expect_eq(basin_leader(b), 3, "and so it may come after all");
  basin_close(b);
}

Test(transfer, ends_when_the_target_is_removed) {
  basin *b = basin_open(4, NULL);
  basin_preset_absent(b, 4);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 4);
  cr_assert_eq(basin_change_members(b, 1, "+4 -3", 1).result, VLOT_OK);
  basin_run(b, 2);
  basin_hold_disk(b, 3);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_eq(basin_transfer(b, 1, 3, 9, 2).result, VLOT_OK);
  basin_heal(b);
  basin_run(b, 4);
  expect_answer(b, 1, 2, VLOT_REJECTED, VLOT_WHY_NOT_A_VOTER);
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_expect_str_eq(basin_members(b, 1), "1 2 4");
  basin_close(b);
}

Test(transfer, ends_when_the_target_falls_behind) {
  basin *b = led_by_1(3);
  basin_hold_disk(b, 3);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_eq(basin_transfer(b, 1, 3, 9, 1).result, VLOT_OK);
  basin_crash(b, 3);
  basin_wipe(b, 3, 203);
  basin_start(b, 3);
  basin_release_disk(b, 3);
  basin_run(b, 2);
  expect_answer(b, 1, 1, VLOT_REJECTED, VLOT_WHY_NOT_CAUGHT_UP);
  cr_expect_eq(basin_propose(b, 1, "y").result, VLOT_OK);
  basin_close(b);
}

Test(transfer, is_overtaken_by_an_election) {
  basin *b = led_by_1(3);
  basin_isolate(b, 3);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_eq(basin_transfer(b, 1, 3, 0, 1).result, VLOT_OK);
  basin_force_elect(b, 2);
  basin_deliver_all(b);
  cr_expect_eq(basin_leader(b), 2);
  expect_answer(b, 1, 1, VLOT_REJECTED, VLOT_WHY_ELECTED_OTHER);
  basin_close(b);
}

Test(transfer, when_nobody_comes_to_lead_in_time_it_is_unknown) {
  basin *b = led_by_1(3);
  cr_assert_eq(basin_transfer(b, 1, 3, 5, 1).result, VLOT_OK);
  basin_deliver_one(b, 1, 3, VLOT_MESSAGE_TIMEOUT_NOW);
  basin_deliver_one(b, 3, 1, VLOT_MESSAGE_VOTE);
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER);
  basin_isolate(b, 1);
  basin_tick(b, 1, 5);
  expect_answer(b, 1, 1, VLOT_UNKNOWN, VLOT_WHY_DEADLINE);
  basin_close(b);
}

Test(transfer, who_may_not_campaign_ignores_the_word) {
  basin *b = basin_open(3, NULL);
  basin_preset_learner(b, 3);
  basin_start_all(b);
  basin_make_leader(b, 1);
  vlot_message message = basin_forge(b, VLOT_MESSAGE_TIMEOUT_NOW, 1, 3, 1);
  basin_inject(b, &message);
  cr_expect_eq(basin_change(b, 3, VLOT_CHANGE_IGNORED).why, VLOT_WHY_NOT_A_VOTER);
  basin_force_elect(b, 2);
  basin_deliver_all(b);
  message = basin_forge(b, VLOT_MESSAGE_TIMEOUT_NOW, 1, 3, 1);
  basin_inject(b, &message);
  cr_expect_eq(basin_change(b, 3, VLOT_CHANGE_IGNORED).why, VLOT_WHY_STALE_TERM);
  cr_expect_eq(basin_status(b, 3).role, VLOT_ROLE_FOLLOWER);
  basin_close(b);
}

/* --- ranks ------------------------------------------------------------------------------------ */

static basin *ranked(uint32_t count, const vlot_rank *ranks, uint32_t rank_count) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  like.seed = 3;
  like.ranks = ranks;
  like.rank_count = rank_count;
  basin *b = basin_open(count, &like);
  basin_start_all(b);
  return b;
}

Test(ranks, the_highest_goes_first) {
  const vlot_rank ranks[] = {{1, 1}, {2, 2}, {3, 3}};
  basin *b = ranked(3, ranks, 3);
  cr_expect_lt(basin_status(b, 3).election_ticks, 20);
  cr_expect_geq(basin_status(b, 2).election_ticks, 20);
  cr_expect_lt(basin_status(b, 2).election_ticks, 30);
  cr_expect_geq(basin_status(b, 1).election_ticks, 30);
  cr_expect_eq(basin_status(b, 1).rank, 1);
  basin_run(b, 25);
  cr_expect_eq(basin_leader(b), 3);
  basin_close(b);
}

Test(ranks, never_leave_a_cluster_without_a_leader) {
  const vlot_rank ranks[] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
  basin *b = ranked(5, ranks, 5);
  basin_isolate(b, 5);
  basin_isolate(b, 4);
  basin_run(b, 60);
  cr_expect_eq(basin_leader(b), 3);
  cr_expect_lt(basin_status(b, 1).election_ticks, 20 + 3 * 10 + 1, "three spreads at most");
  basin_close(b);
}

Test(ranks, a_leader_of_lower_rank_hands_over_once_per_term_when_a_better_one_is_there) {
  const vlot_rank ranks[] = {{1, 1}, {2, 2}, {3, 2}};
  basin *b = ranked(3, NULL, 0);
  basin_make_leader(b, 1);
  basin_run(b, 3);
  cr_expect_eq(basin_ranks(b, 1, ranks, 3).result, VLOT_OK);
  basin_tick(b, 1, 1);
  uint32_t heir = basin_status(b, 1).transfer_to;
  cr_expect_neq(heir, 0);
  basin_drop(b, 1, BASIN_ANY, VLOT_MESSAGE_TIMEOUT_NOW);
  for (uint32_t k = 0; k < 30; k++) { /* it never gets there */
    basin_tick(b, 1, 1);
    basin_drop(b, 1, BASIN_ANY, VLOT_MESSAGE_TIMEOUT_NOW);
    basin_deliver_all(b);
  }
  cr_expect_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_expect_eq(basin_status(b, 1).transfer_to, 0);
  cr_expect_eq(basin_propose(b, 1, "x").result, VLOT_OK, "and not tried again in this term");
  basin_step_down(b, 1);
  basin_force_elect(b, 1);
  basin_run(b, 6);
  cr_expect_neq(basin_leader(b), 1);
  cr_expect_neq(basin_leader(b), 0);
  cr_expect_eq(basin_change(b, basin_leader(b), VLOT_CHANGE_CAMPAIGN).why, VLOT_WHY_TRANSFER);
  basin_close(b);
}

Test(ranks, one_that_is_behind_or_silent_is_not_handed_over_to) {
  const vlot_rank ranks[] = {{1, 1}, {3, 2}};
  basin *b = ranked(3, NULL, 0);
  basin_make_leader(b, 1);
  basin_run(b, 3);
  basin_isolate(b, 3);
  basin_run(b, 25);
  basin_propose(b, 1, "x");
  basin_run(b, 2);
  cr_expect_eq(basin_ranks(b, 1, ranks, 2).result, VLOT_OK);
  basin_run(b, 10);
  cr_expect_eq(basin_status(b, 1).transfer_to, 0);
  basin_heal(b);
  basin_run(b, 5);
  cr_expect_eq(basin_leader(b), 3);
  const vlot_rank nobody = {0, 1};
  cr_expect_eq(basin_ranks(b, 1, &nobody, 1).result, VLOT_INVALID);
  basin_close(b);
}
