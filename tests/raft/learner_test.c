/* Learners receive entries, and neither campaign nor count; who they are is a matter of the
 * configuration alone. */
#include <criterion/criterion.h>

#include "basin.h"

/* Voters 1 and 2, learner 3. */
static basin *with_a_learner(void) {
  basin *b = basin_open(3, NULL);
  basin_preset_learner(b, 3);
  basin_start_all(b);
  return b;
}

Test(learner, does_not_campaign) {
  basin *b = with_a_learner();
  basin_tick(b, 3, 1000);
  cr_assert_eq(basin_status(b, 3).role, VLOT_ROLE_FOLLOWER);
  cr_assert_eq(basin_status(b, 3).next_timer, VLOT_NEVER);
  cr_assert_eq(basin_status(b, 3).is_voter, 0);
  vlot_outcome outcome = basin_campaign(b, 3);
  cr_assert_eq(outcome.result, VLOT_REJECTED);
  cr_assert_eq(outcome.why, VLOT_WHY_NOT_A_VOTER);
  cr_assert_eq(basin_force_elect(b, 3).why, VLOT_WHY_NOT_A_VOTER);
  basin_close(b);
}

Test(learner, receives_and_applies_entries) {
  basin *b = with_a_learner();
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y");
  basin_run(b, 2);
  cr_assert_str_eq(basin_applied(b, 3), "x y");
  cr_assert_eq(basin_progress(b, 1, 3).match_index, 3);
  cr_assert_eq(basin_progress(b, 1, 3).is_voter, 0);
  basin_close(b);
}

Test(learner, is_not_asked_for_votes_and_its_vote_does_not_count) {
  basin *b = with_a_learner();
  basin_switches(b, 1, 0);
  basin_campaign(b, 1);
  cr_assert_eq(basin_count(b, 1, 3, BASIN_ANY), 0);
  vlot_message grant = basin_forge_reply(basin_peek(b, 1, 2, VLOT_MESSAGE_VOTE), 1, true, 0);
  grant.from = 3;
  basin_inject(b, &grant);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_CANDIDATE);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_NOT_A_VOTER);
  basin_close(b);
}

Test(learner, does_not_count_for_a_commit) {
  basin *b = with_a_learner();
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 2);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 3).match_index, 2);
  cr_assert_eq(basin_status(b, 1).commit_index, 1);
  basin_close(b);
}

Test(learner, does_not_count_for_a_read_or_for_the_leaders_contact) {
  basin *b = with_a_learner();
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 2);
  basin_read(b, 1, 5);
  basin_run(b, 5);
  vlot_read_answer answer;
  cr_assert_not(basin_read_answer(b, 1, 5, &answer));
  basin_run(b, 30);
  cr_assert_neq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_LEADER).to, 0);
  basin_close(b);
}

/* B024: it may be a voter of a configuration that it has not heard of yet. */
Test(learner, answers_votes_on_log_and_promise) {
  basin *b = with_a_learner();
  vlot_message vote = basin_forge_vote(b, 2, 3, 4, 0, 0);
  basin_inject(b, &vote);
  cr_assert(basin_peek(b, 3, 2, VLOT_MESSAGE_VOTE_REPLY)->flags & VLOT_MESSAGE_OK);
  basin_close(b);
}
