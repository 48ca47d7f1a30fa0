/* Bugs that other implementations of Raft had, each as the shortest schedule that shows it;
 * docs/catalogue.md says in a sentence what goes wrong. All protections are on unless the schedule
 * needs them off. What every test here relies on beside its own assertions: the laws of the basin
 * (basin_laws.c).
 */
#include <criterion/criterion.h>
#include <string.h>

#include "basin.h"

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

static basin *safe(uint32_t count) {
  basin *b = with(count, VLOT_SWITCH_ALL);
  basin_start_all(b);
  return b;
}

/* Votes are asked for directly. */
static basin *plain(uint32_t count) {
  basin *b =
      with(count, VLOT_SWITCH_ALL & ~(uint32_t)(VLOT_SWITCH_PRE_VOTE | VLOT_SWITCH_STICKINESS));
  basin_start_all(b);
  return b;
}

static bool is_ok(const vlot_message *message) { return (message->flags & VLOT_MESSAGE_OK) != 0; }

static vlot_role role(const basin *b, uint32_t id) { return basin_status(b, id).role; }

static const vlot_message *peek(const basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  const vlot_message *message = basin_peek(b, from, to, kind);
  cr_assert_not_null(message, "nothing of kind %u from %u to %u", kind, from, to);
  return message;
}

/* --- A. Terms, votes, elections --------------------------------------------------------------- */

Test(exhibits, b001_term_and_vote_are_one_record) {
  basin *b = plain(3);
  basin_hold_disk(b, 3);
  vlot_message vote = basin_forge_vote(b, 1, 3, 5, 0, 0);
  basin_inject(b, &vote);
  cr_assert_eq(basin_pending_writes(b, 3), 1);
  cr_assert_eq(basin_count(b, 3, 1, VLOT_MESSAGE_VOTE_REPLY), 0);
  basin_restart(b, 3); /* nothing was written, nothing was said */
  cr_assert_eq(basin_status(b, 3).term, 0);
  vote = basin_forge_vote(b, 2, 3, 5, 0, 0);
  basin_inject(b, &vote);
  basin_store_all(b, 3);
  cr_assert(is_ok(peek(b, 3, 2, VLOT_MESSAGE_VOTE_REPLY)));
  cr_assert_eq(basin_count(b, 3, 1, VLOT_MESSAGE_VOTE_REPLY), 0);
  basin_close(b);
}

Test(exhibits, b003_the_candidates_own_vote_counts_when_it_is_durable) {
  basin *b = plain(3);
  basin_hold_disk(b, 1);
  basin_campaign(b, 1);
  cr_assert_eq(basin_status(b, 1).votes_granted, 0);
  cr_assert_eq(basin_count(b, 1, BASIN_ANY, VLOT_MESSAGE_VOTE), 0, "and nobody is asked before");
  basin_store_all(b, 1);
  cr_assert_eq(basin_status(b, 1).votes_granted, 1);
  cr_assert_eq(basin_count(b, 1, BASIN_ANY, VLOT_MESSAGE_VOTE), 2);
  basin_close(b);
}

Test(exhibits, b003_grants_that_answer_requests_not_sent_yet_do_not_elect) {
  basin *b = plain(3);
  basin_hold_disk(b, 1);
  basin_campaign(b, 1);
  for (uint32_t from = 2; from <= 3; from++)
    for (uint64_t guess = 0; guess < 4; guess++) {
      vlot_message grant = basin_forge(b, VLOT_MESSAGE_VOTE_REPLY, from, 1, 1);
      grant.flags = VLOT_MESSAGE_OK;
      grant.request_id = ((uint64_t)1 << 32) + guess;
      basin_inject(b, &grant);
    }
  cr_assert_eq(role(b, 1), VLOT_ROLE_CANDIDATE);
  basin_close(b);
}

Test(exhibits, b004_a_write_that_fails_fences_the_node_before_anything_is_sent) {
  basin *b = plain(3);
  basin_hold_disk(b, 3);
  vlot_message vote = basin_forge_vote(b, 1, 3, 5, 0, 0);
  basin_inject(b, &vote);
  cr_assert_eq(basin_fail_write(b, 3), VLOT_FENCED);
  cr_assert_eq(basin_count(b, 3, BASIN_ANY, BASIN_ANY), 0);
  cr_assert_eq(basin_status(b, 3).fenced_why, VLOT_WHY_WRITE_FAILED);
  cr_assert_eq(basin_change(b, 3, VLOT_CHANGE_FENCED).why, VLOT_WHY_WRITE_FAILED);
  cr_assert_eq(basin_inject(b, &vote), VLOT_FENCED, "and it takes nothing any more");
  basin_restart(b, 3);
  cr_assert_eq(basin_status(b, 3).is_fenced, 0);
  basin_close(b);
}

Test(exhibits, b006_a_vote_reply_of_an_older_term_is_not_counted) {
  basin *b = plain(3);
  basin_campaign(b, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_VOTE);
  basin_hold(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY); /* the grant of term 1 is late */
  basin_drop(b, 1, BASIN_ANY, BASIN_ANY);
  basin_tick(b, 1, basin_status(b, 1).election_ticks);
  cr_assert_eq(basin_status(b, 1).term, 2);
  basin_release(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY);
  basin_deliver_one(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_eq(role(b, 1), VLOT_ROLE_CANDIDATE);
  cr_assert_eq(basin_status(b, 1).votes_granted, 1);
  basin_close(b);
}

Test(exhibits, b006_a_pre_vote_reply_of_an_earlier_campaign_is_not_counted) {
  basin *b = safe(3);
  basin_campaign(b, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_PRE_VOTE);
  basin_hold(b, 2, 1, BASIN_ANY);
  basin_drop(b, 1, BASIN_ANY, BASIN_ANY);
  basin_campaign(b, 1); /* the same term, another campaign */
  basin_release(b, 2, 1, BASIN_ANY);
  basin_deliver_one(b, 2, 1, VLOT_MESSAGE_PRE_VOTE_REPLY);
  cr_assert_eq(role(b, 1), VLOT_ROLE_PRE_CANDIDATE);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_NOT_CANDIDATE);
  basin_close(b);
}

Test(exhibits, b007_the_same_voter_is_counted_once) {
  basin *b = plain(5);
  basin_campaign(b, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_VOTE);
  basin_duplicate(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY);
  basin_duplicate(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_eq(basin_deliver(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY), 4);
  cr_assert_eq(basin_status(b, 1).votes_granted, 2);
  cr_assert_eq(role(b, 1), VLOT_ROLE_CANDIDATE);
  basin_close(b);
}

Test(exhibits, b007_strangers_and_learners_are_not_counted) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  basin *b = basin_open(3, &like);
  basin_start(b, 1);
  basin_switches(b, 1, 0);
  basin_campaign(b, 1);
  vlot_message grant = basin_forge_reply(peek(b, 1, 2, VLOT_MESSAGE_VOTE), 1, true, 0);
  grant.from = 9;
  basin_inject(b, &grant);
  cr_assert_eq(role(b, 1), VLOT_ROLE_CANDIDATE);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_UNKNOWN_MEMBER);
  basin_close(b);
}

Test(exhibits, b008_becoming_a_follower_does_not_give_the_vote_back) {
  basin *b = plain(3);
  basin_lawless(b); /* the leader of term 1 is forged */
  basin_campaign(b, 3);
  vlot_message append = basin_forge_append(b, 1, 3, 1, 0, 0, 0, "");
  basin_inject(b, &append);
  cr_assert_eq(role(b, 3), VLOT_ROLE_FOLLOWER);
  cr_assert_eq(basin_status(b, 3).vote, 3);
  vlot_message vote = basin_forge_vote(b, 2, 3, 1, 9, 1);
  basin_inject(b, &vote);
  cr_assert_eq(peek(b, 3, 2, VLOT_MESSAGE_VOTE_REPLY)->why, VLOT_WHY_ALREADY_VOTED);
  basin_close(b);
}

Test(exhibits, b008_stepping_down_and_forgetting_a_leader_do_not_give_the_vote_back) {
  basin *b = plain(3);
  basin_make_leader(b, 1);
  basin_step_down(b, 1);
  basin_forget_leader(b, 2);
  for (uint32_t voter = 1; voter <= 2; voter++) {
    vlot_message vote = basin_forge_vote(b, 3, voter, 1, 9, 1);
    basin_inject(b, &vote);
    cr_assert_eq(peek(b, voter, 3, VLOT_MESSAGE_VOTE_REPLY)->why, VLOT_WHY_ALREADY_VOTED);
  }
  basin_close(b);
}

Test(exhibits, b009_a_candidate_compares_with_the_term_it_campaigns_for) {
  basin *b = with(3, 0);
  basin_preset(b, 1, 178, 0, "");
  basin_start(b, 1);
  for (int k = 0; k < 17; k++) basin_campaign(b, 1);
  cr_assert_eq(basin_status(b, 1).term, 195);
  vlot_message append = basin_forge_append(b, 2, 1, 185, 0, 0, 0, "185");
  basin_inject(b, &append);
  cr_assert_eq(peek(b, 1, 2, VLOT_MESSAGE_APPEND_REPLY)->why, VLOT_WHY_STALE_TERM);
  cr_assert_eq(basin_status(b, 1).last_index, 0);
  basin_close(b);
}

Test(exhibits, b010_a_repeated_request_of_the_same_candidate_is_granted_again) {
  basin *b = plain(3);
  vlot_message vote = basin_forge_vote(b, 1, 3, 3, 0, 0);
  for (int k = 0; k < 5; k++) {
    basin_inject(b, &vote);
    cr_assert(is_ok(peek(b, 3, 1, VLOT_MESSAGE_VOTE_REPLY)));
    basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY); /* lost */
  }
  basin_close(b);
}

Test(exhibits, b013_a_rejoining_node_does_not_depose_a_healthy_leader) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 3);
  basin_run(b, 300);
  cr_assert_eq(role(b, 3), VLOT_ROLE_PRE_CANDIDATE);
  cr_assert_eq(basin_status(b, 3).term, 1, "PreVote keeps its term where it was");
  basin_heal(b);
  basin_run(b, 50);
  cr_assert_eq(basin_leader(b), 1);
  cr_assert_eq(basin_status(b, 1).term, 1);
  basin_restart(b, 3);
  cr_assert_eq(basin_status(b, 3).election_elapsed, 0, "no ticks for free at a start");
  basin_close(b);
}

Test(exhibits, b013_without_pre_vote_it_does) {
  basin *b = with(3, VLOT_SWITCH_ALL & ~(uint32_t)(VLOT_SWITCH_PRE_VOTE | VLOT_SWITCH_STICKINESS));
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_isolate(b, 3);
  basin_run(b, 100);
  basin_heal(b);
  basin_run(b, 50);
  cr_assert_gt(basin_status(b, 1).term, 2);
  basin_close(b);
}

Test(exhibits, b014_a_node_at_a_higher_term_is_not_stranded) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  for (uint32_t id = 1; id <= 3; id++) basin_preset(b, id, id == 3 ? 9 : 5, 0, "1 5");
  basin_start_all(b);
  basin_isolate(b, 3);
  basin_make_leader(b, 1);
  cr_assert_eq(basin_status(b, 1).term, 6);
  basin_run(b, 3);
  basin_heal(b);
  basin_run(b, 60);
  uint32_t leader = basin_leader(b);
  cr_assert_neq(leader, 0);
  for (uint32_t id = 1; id <= 3; id++) {
    cr_assert_eq(basin_status(b, id).leader, leader);
    cr_assert_geq(basin_status(b, id).term, 9);
  }
  basin_close(b);
}

Test(exhibits, b015_a_refused_pre_vote_teaches_the_term) {
  basin *b = with(
      3, VLOT_SWITCH_ALL); /* A: high term, short log; C: low term, long log; the leader is dead */
  basin_preset(b, 1, 5, 0, "1");
  basin_preset(b, 3, 1, 0, "1 1 1");
  basin_start(b, 1);
  basin_start(b, 3);
  basin_run(b, 100);
  cr_assert_eq(basin_leader(b), 3);
  cr_assert_gt(basin_status(b, 3).term, 5);
  basin_close(b);
}

Test(exhibits, b016_granting_a_pre_vote_changes_nothing) {
  basin *b = safe(3);
  basin_tick(b, 2, 5);
  vlot_raft_status before = basin_status(b, 2);
  basin_campaign(b, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_PRE_VOTE);
  vlot_raft_status after = basin_status(b, 2);
  cr_assert(is_ok(peek(b, 2, 1, VLOT_MESSAGE_PRE_VOTE_REPLY)));
  cr_assert_eq(after.vote, 0);
  cr_assert_eq(after.term, before.term);
  cr_assert_eq(after.leader, 0);
  cr_assert_eq(after.election_elapsed, before.election_elapsed, "nor does the timer begin anew");
  vlot_message vote = basin_forge_vote(b, 3, 2, 1, 0, 0);
  basin_inject(b, &vote);
  cr_assert(is_ok(peek(b, 2, 3, VLOT_MESSAGE_VOTE_REPLY)), "the real vote is still free");
  basin_close(b);
}

Test(exhibits, b017_a_leader_grants_neither_votes_nor_pre_votes) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  for (int k = 0; k < 9; k++) {
    basin_tick(b, 1, 1);
    vlot_message pre_vote = basin_forge(b, VLOT_MESSAGE_PRE_VOTE, 2, 1, 1);
    pre_vote.as.vote.last_index = pre_vote.as.vote.last_term = 1;
    basin_inject(b, &pre_vote);
    cr_assert_eq(peek(b, 1, 2, VLOT_MESSAGE_PRE_VOTE_REPLY)->why, VLOT_WHY_IS_LEADER);
    vlot_message vote = basin_forge_vote(b, 2, 1, 7, 9, 1);
    basin_inject(b, &vote);
    cr_assert_eq(peek(b, 1, 2, VLOT_MESSAGE_VOTE_REPLY)->why, VLOT_WHY_IS_LEADER);
    cr_assert_eq(role(b, 1), VLOT_ROLE_LEADER);
  }
  basin_close(b);
}

Test(exhibits, b017_without_stickiness_a_leader_does_not_vote_in_its_own_term_either) {
  basin *b = plain(3);
  basin_make_leader(b, 1);
  vlot_message vote = basin_forge_vote(b, 2, 1, 1, 9, 1);
  basin_inject(b, &vote);
  cr_assert_eq(peek(b, 1, 2, VLOT_MESSAGE_VOTE_REPLY)->why, VLOT_WHY_ALREADY_VOTED);
  vlot_message pre_vote = basin_forge(b, VLOT_MESSAGE_PRE_VOTE, 2, 1, 1);
  pre_vote.as.vote.last_index = 9;
  pre_vote.as.vote.last_term = 1;
  basin_inject(b, &pre_vote);
  cr_assert_eq(peek(b, 1, 2, VLOT_MESSAGE_PRE_VOTE_REPLY)->why, VLOT_WHY_IS_LEADER);
  cr_assert_eq(role(b, 1), VLOT_ROLE_LEADER);
  basin_close(b);
}

Test(exhibits, who_is_told_to_campaign_names_the_order_and_not_its_timer) {
  basin *b = safe(3);
  vlot_outcome outcome = basin_campaign(b, 1);
  cr_assert_eq(outcome.result, VLOT_OK);
  cr_assert_eq(role(b, 1), VLOT_ROLE_PRE_CANDIDATE);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_ROLE).why, VLOT_WHY_ASKED);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_CAMPAIGN).why, VLOT_WHY_ASKED);
  basin_deliver_all(b);
  cr_assert_eq(role(b, 1), VLOT_ROLE_LEADER);
  outcome = basin_campaign(b, 1);
  cr_assert_eq(outcome.result, VLOT_EXISTS);
  cr_assert_eq(outcome.why, VLOT_WHY_IS_LEADER);
  basin_close(b);
}

Test(exhibits, b018_a_candidate_answers_pre_votes_of_its_own_term) {
  basin *b =
      with(3,
           /* A is dead; C: candidate with the short log; B: pre-candidate with the long one */
           VLOT_SWITCH_ALL);
  basin_preset(b, 2, 4, 0, "1 1");
  basin_preset(b, 3, 4, 0, "1");
  basin_start(b, 2);
  basin_start(b, 3);
  basin_switches(b, 3, VLOT_SWITCH_ALL & ~(uint32_t)VLOT_SWITCH_PRE_VOTE);
  basin_campaign(b, 3);
  cr_assert_eq(role(b, 3), VLOT_ROLE_CANDIDATE);
  basin_deliver_all(b); /* B refuses for the log, and takes the term */
  cr_assert_eq(basin_status(b, 2).term, 5);
  basin_campaign(b, 2);
  basin_deliver(b, 2, 3, VLOT_MESSAGE_PRE_VOTE);
  cr_assert(is_ok(peek(b, 3, 2, VLOT_MESSAGE_PRE_VOTE_REPLY)));
  basin_deliver_all(b);
  cr_assert_eq(role(b, 2), VLOT_ROLE_LEADER);
  basin_close(b);
}

Test(exhibits, b019_half_connected_nodes_leave_a_stable_leader_alone) {
  basin *b = safe(5); /* links 1-2, 1-3, 2-3, 2-4, 3-5; the leader is 3 */
  const uint32_t cut[][2] = {{1, 4}, {1, 5}, {2, 5}, {3, 4}, {4, 5}};
  basin_make_leader(b, 3);
  basin_run(b, 2);
  for (size_t k = 0; k < 5; k++) basin_cut_both(b, cut[k][0], cut[k][1]);
  basin_run(b, 400);
  cr_assert_eq(basin_leader(b), 3);
  cr_assert_eq(basin_status(b, 3).term, 1);
  basin_propose(b, 3, "x");
  basin_run(b, 3);
  cr_assert_str_eq(basin_applied(b, 1), "x");
  basin_close(b);
}

Test(exhibits, b020_a_leader_without_a_quorum_lets_others_vote) {
  basin *b =
      safe(5); /* old leader 1 reaches the bridge 2 only; 2, 3, 4 reach each other; 5 is alone */
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 5);
  basin_cut_both(b, 1, 3);
  basin_cut_both(b, 1, 4);
  basin_run(b, 80);
  cr_assert_neq(role(b, 1), VLOT_ROLE_LEADER);
  uint32_t leader = basin_leader(b);
  cr_assert(leader >= 2 && leader <= 4);
  basin_propose(b, leader, "x");
  basin_run(b, 3);
  cr_assert_str_eq(basin_applied(b, leader), "x");
  basin_close(b);
}

Test(exhibits, b024_who_answers_a_vote_does_not_ask_who_is_a_member) {
  basin *b = plain(3);
  vlot_message vote = basin_forge_vote(b, 2, 1, 4, 0, 0);
  vote.from = 77; /* a member that 1 has not heard of */
  basin_lawless(b);
  vlot_input input = {.kind = VLOT_INPUT_MESSAGE, .as.message = &vote};
  const vlot_output *output;
  cr_assert_eq(vlot_raft_step(basin_core(b, 1), &input, 1, &output), VLOT_OK);
  uint64_t token = output->write.token;
  input = (vlot_input){.kind = VLOT_INPUT_STORED, .as.token = token};
  cr_assert_eq(vlot_raft_step(basin_core(b, 1), &input, 1, &output), VLOT_OK);
  cr_assert_eq(output->message_count, 1);
  cr_assert_eq(output->messages[0].to, 77);
  cr_assert(is_ok(&output->messages[0]));
  basin_close(b);
}

Test(exhibits, b026a_only_the_leader_a_granted_vote_and_an_own_campaign_reset_the_timer) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 1, 5, 0, "1 5");
  basin_start(b, 1);
  basin_tick(b, 1, 4);
  vlot_message stale = basin_forge_append(b, 2, 1, 4, 0, 0, 0, ""),
               behind = basin_forge_vote(b, 2, 1, 5, 1, 1);
  vlot_message pre_vote = basin_forge(b, VLOT_MESSAGE_PRE_VOTE, 2, 1, 5);
  pre_vote.as.vote.last_index = 9;
  pre_vote.as.vote.last_term = 5;
  basin_inject(b, &stale);
  basin_inject(b, &behind);
  basin_inject(b, &pre_vote);
  cr_assert_eq(basin_status(b, 1).election_elapsed, 4);
  vlot_message vote = basin_forge_vote(b, 2, 1, 5, 2, 5);
  basin_inject(b, &vote);
  cr_assert_eq(basin_status(b, 1).election_elapsed, 0);
  basin_tick(b, 1, 4);
  vlot_message append =
      basin_forge_append(b, 2, 1, 5, 9, 5, 0, ""); /* refused, but from the leader */
  basin_inject(b, &append);
  cr_assert_eq(basin_status(b, 1).election_elapsed, 0);
  basin_close(b);
}

Test(exhibits, b026b_every_campaign_draws_another_timeout) {
  basin *b = plain(3);
  basin_isolate(b, 1);
  uint32_t changed = 0;
  for (int k = 0; k < 30; k++) {
    uint32_t before = basin_status(b, 1).election_ticks;
    basin_tick(b, 1, before);
    changed += basin_status(b, 1).election_ticks != before;
  }
  cr_assert_gt(changed, 15);
  basin_close(b);
}

Test(exhibits, b026c_a_slow_disk_does_not_make_the_voter_campaign_at_once) {
  basin *b = plain(3);
  basin_hold_disk(b, 2);
  vlot_message vote = basin_forge_vote(b, 1, 2, 1, 0, 0);
  basin_inject(b, &vote);
  basin_tick(b, 2, 9);
  basin_store_all(b, 2);
  cr_assert(is_ok(peek(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY)));
  cr_assert_eq(basin_status(b, 2).election_elapsed, 0);
  basin_close(b);
}

Test(exhibits, b026d_a_stall_counts_as_much_as_the_driver_says) {
  basin *b = safe(3);
  vlot_input tick = {.kind = VLOT_INPUT_TICK};
  tick.as.tick.now = 100000; /* the process was stopped for long */
  tick.as.tick.elapsed = 1;
  basin_step(b, 1, &tick, 1);
  cr_assert_eq(role(b, 1), VLOT_ROLE_FOLLOWER);
  cr_assert_eq(basin_status(b, 1).election_elapsed, 1);
  cr_assert_eq(basin_status(b, 1).now, 100000);
  basin_close(b);
}

Test(exhibits, b027_a_second_leader_of_the_same_term_fences_with_both_names) {
  basin *b = plain(3);
  basin_lawless(b);
  basin_make_leader(b, 1);
  vlot_message append = basin_forge_append(b, 2, 1, 1, 0, 0, 0, "");
  cr_assert_eq(basin_inject(b, &append), VLOT_FENCED);
  vlot_change fenced = basin_change(b, 1, VLOT_CHANGE_FENCED);
  cr_assert_eq(fenced.why, VLOT_WHY_TWO_LEADERS);
  cr_assert_eq(fenced.peer, 2);
  cr_assert_eq(fenced.from, 1);
  cr_assert_eq(fenced.term, 1);
  append = basin_forge_append(b, 2, 3, 1, 0, 0, 0, ""); /* and a follower of 1 sees it too */
  cr_assert_eq(basin_inject(b, &append), VLOT_FENCED);
  cr_assert_eq(basin_change(b, 3, VLOT_CHANGE_FENCED).why, VLOT_WHY_TWO_LEADERS);
  basin_close(b);
}

/* --- B. Replication and commit ---------------------------------------------------------------- */

Test(exhibits, b028_an_older_terms_entry_is_not_committed_by_counting) {
  basin *b =
      with(3, VLOT_SWITCH_RANDOM_TIMEOUT); /* without the no-op; figure_8 tells the whole story */
  for (uint32_t id = 1; id <= 3; id++) basin_preset(b, id, 2, 0, "1 2");
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 5);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 2);
  cr_assert_eq(basin_progress(b, 1, 3).match_index, 2);
  cr_assert_eq(basin_status(b, 1).commit_index, 0);
  basin_close(b);
}

Test(exhibits, b029_old_entries_do_not_block_newer_ones) {
  basin *b = with(3, VLOT_SWITCH_RANDOM_TIMEOUT);
  for (uint32_t id = 1; id <= 3; id++) basin_preset(b, id, 2, 0, "1 1 2 2");
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 1).commit_index, 5);
  basin_close(b);
}

Test(exhibits, b030_a_follower_commits_no_further_than_the_message_verified) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 1, 2, 0, "1 1 1 1 1 1 1 1 1 1"); /* 10 was never compared with anybody's */
  basin_start(b, 1);
  vlot_message append = basin_forge_append(b, 2, 1, 2, 9, 1, 11, "");
  basin_inject(b, &append);
  cr_assert_eq(basin_status(b, 1).commit_index, 9);
  basin_close(b);
}

Test(exhibits, b031_what_confirms_a_read_does_not_commit_more) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 1, 2, 0, "1 1");
  basin_start(b, 1);
  vlot_message append =
      basin_forge_append(b, 2, 1, 2, 0, 0, 12, ""); /* a heartbeat that verifies nothing */
  basin_inject(b, &append);
  cr_assert_eq(basin_status(b, 1).commit_index, 0);
  basin_close(b);
}

Test(exhibits, b032_a_smaller_leader_commit_does_not_lower_the_commit_index) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 1, 1, 0, "1 1");
  basin_start(b, 1);
  vlot_message append = basin_forge_append(b, 2, 1, 1, 2, 1, 2, "");
  basin_inject(b, &append);
  append = basin_forge_append(b, 3, 1, 2, 2, 1, 1, ""); /* a new leader knows less */
  basin_inject(b, &append);
  cr_assert_eq(basin_status(b, 1).commit_index, 2);
  basin_close(b);
}

Test(exhibits, b033_a_late_append_does_not_cut_a_suffix_that_matches) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_tick(b, 1, 1);
  basin_hold(b, 1, 2, VLOT_MESSAGE_APPEND); /* an empty append, late */
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_str_eq(basin_log(b, 2), "1 1");
  basin_release(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_deliver_all(b);
  cr_assert_str_eq(basin_log(b, 2), "1 1");
  cr_assert_eq(basin_changes(b, 2, VLOT_CHANGE_TRUNCATE), 0);
  basin_close(b);
}

Test(exhibits, b036_an_unknown_previous_term_is_a_mismatch_not_term_0) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 1, 2, 0, "1 1");
  basin_start(b, 1);
  vlot_message append = basin_forge_append(b, 2, 1, 2, 7, 2, 9, "2");
  append.as.append.prev_term = 0; /* what a leader would say that took "compacted" for term 0 */
  basin_inject(b, &append);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_MALFORMED);
  cr_assert_eq(basin_status(b, 1).commit_index, 0);
  cr_assert_str_eq(basin_log(b, 1), "1 1");
  basin_close(b);
}

/* A leader whose log begins above what a follower has can prove no previous entry to it: it sends
 * no gap, and says why. */
Test(exhibits, b037_a_missing_prefix_does_not_become_a_gap) {
  const vlot_member members[] = {{.id = 1}, {.id = 2}, {.id = 3}};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = members;
  options.member_count = 3;
  options.base_index = 40;
  options.base_term = 1;
  options.hard.term = 1;
  options.switches = 0;
  vlot_log_entry entries[10] = {0};
  for (int k = 0; k < 10; k++)
    entries[k] = (vlot_log_entry){.term = 1, .entry.kind = VLOT_ENTRY_COMMAND};
  options.log_entries = entries;
  options.log_entry_count = 10;
  vlot_raft *raft;
  cr_assert_eq(vlot_raft_open(&raft, &options, NULL), VLOT_OK);
  const vlot_output *output;
  vlot_input input = {.kind = VLOT_INPUT_CAMPAIGN};
  cr_assert_eq(vlot_raft_step(raft, &input, 1, &output), VLOT_OK);
  input = (vlot_input){.kind = VLOT_INPUT_STORED, .as.token = output->write.token};
  cr_assert_eq(vlot_raft_step(raft, &input, 1, &output), VLOT_OK);
  vlot_message reply = basin_forge_reply(&output->messages[1], 2, true, 0);
  input = (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &reply};
  cr_assert_eq(vlot_raft_step(raft, &input, 1, &output), VLOT_OK);
  for (int round = 0; round < 5; round++) { /* 2 says that it holds nothing above 10 */
    const vlot_message *append = NULL;
    for (uint32_t k = 0; k < output->message_count; k++) {
      cr_assert_eq(vlot_message_check(&output->messages[k]), VLOT_WHY_NONE);
      cr_assert_geq(output->messages[k].as.append.prev_index, 40);
      if (output->messages[k].to == 2) append = &output->messages[k];
    }
    if (append) {
      reply = basin_forge_reply(append, 2, false, 0);
      reply.as.reply.hint_index = 10;
      reply.as.reply.hint_term = 1;
      input = (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &reply};
    } else {
      input = (vlot_input){.kind = VLOT_INPUT_TICK,
                           .as.tick = {.now = 5u * (uint64_t)(round + 1), .elapsed = 5}};
    }
    cr_assert_eq(vlot_raft_step(raft, &input, 1, &output), VLOT_OK);
  }
  vlot_progress progress;
  cr_assert_eq(vlot_raft_get_progress(raft, 2, &progress), VLOT_OK);
  cr_assert_eq(progress.why, VLOT_WHY_NEEDS_SNAPSHOT);
  cr_assert_eq(progress.match_index, 0);
  vlot_raft_close(raft);
}

Test(exhibits, b038_match_index_does_not_move_backwards) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_tick(b, 1, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_hold(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY); /* match 1, late */
  basin_propose(b, 1, "x y");
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 3);
  basin_release(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  basin_deliver_one(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 3);
  cr_assert_eq(basin_status(b, 1).commit_index, 3);
  basin_close(b);
}

Test(exhibits, b039_next_index_stays_above_match_index) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y");
  basin_run(b, 2);
  vlot_progress before = basin_progress(b, 1, 2);
  cr_assert_eq(before.match_index, 3);
  basin_tick(b, 1, 1);
  for (uint64_t prev = 1; prev <= 4; prev++) { /* refusals of whatever age */
    vlot_message refusal = basin_forge_reply(peek(b, 1, 2, VLOT_MESSAGE_APPEND), 1, false, 0);
    refusal.request_id = 1; /* sent before it acknowledged */
    refusal.as.reply.prev_index = prev;
    refusal.as.reply.hint_index = 1;
    refusal.as.reply.hint_term = 1;
    basin_inject(b, &refusal);
    vlot_progress after = basin_progress(b, 1, 2);
    cr_assert_gt(after.next_index, after.match_index);
    cr_assert_eq(after.match_index, 3);
  }
  basin_close(b);
}

Test(exhibits, b040_the_acknowledgement_reports_what_the_request_verified) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 3, 1, 0, "1 1 1 1 1 1"); /* 5 and 6 are of a dead leader */
  basin_start(b, 3);
  vlot_message append = basin_forge_append(b, 2, 3, 2, 4, 1, 0, "");
  basin_inject(b, &append);
  const vlot_message *reply = peek(b, 3, 2, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert(is_ok(reply));
  cr_assert_eq(reply->as.reply.match_index, 4);
  append = basin_forge_append(b, 2, 3, 2, 3, 1, 0, "1");
  basin_inject(b, &append);
  cr_assert_eq(peek(b, 3, 2, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 4);
  basin_close(b);
}

Test(exhibits, b041_a_heartbeat_reply_credits_what_it_states) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_tick(b, 1, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_propose(b, 1, "x");
  basin_deliver(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY); /* of the heartbeat before x */
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 1);
  cr_assert_eq(basin_status(b, 1).commit_index, 1);
  basin_close(b);
}

Test(exhibits, b042_a_reply_of_an_earlier_leadership_is_not_counted) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 3);
  basin_propose(b, 1, "x");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_hold(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY); /* match 2 in term 1 */
  basin_step_down(b, 1);
  basin_forget_leader(b, 2);
  basin_make_leader(b, 1); /* term 2 */
  basin_forget_changes(b, 1);
  basin_release(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  basin_deliver_one(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_STALE_TERM);
  cr_assert_eq(basin_changes(b, 1, VLOT_CHANGE_MATCH), 0);
  basin_close(b);
}

Test(exhibits, b043_a_reply_of_another_dealing_is_not_counted) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_propose(b, 1, "x");
  vlot_message reply = basin_forge_reply(peek(b, 1, 2, VLOT_MESSAGE_APPEND), 1, true, 2);
  reply.dealing += 5;
  basin_inject(b, &reply);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 1);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_STALE_REPLY);
  reply.dealing -= 5;
  reply.request_id += 1000; /* nor one to a request that was never made */
  basin_inject(b, &reply);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 1);
  basin_close(b);
}

Test(exhibits, b044_a_late_conflict_is_not_taken_for_a_loss) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_propose(b, 1, "x y");
  basin_hold(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_tick(b, 1, 1); /* a heartbeat overtakes the entries and is refused */
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_hold(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_release(b, 1, 2, VLOT_MESSAGE_APPEND), 1);
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 3);
  basin_release(b, 2, 1,
                VLOT_MESSAGE_APPEND_REPLY); /* the refusal arrives after the acknowledgement */
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 3);
  cr_assert_eq(basin_status(b, 1).is_fenced, 0);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_IGNORED).why, VLOT_WHY_STALE_REPLY);
  basin_close(b);
}

Test(exhibits, b045_an_idle_cluster_repairs_a_follower_that_is_behind) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y z");
  basin_run(b, 3);
  basin_crash(b, 3);
  basin_lawless(b); /* the disk is emptied under its old id: what it acknowledged is gone */
  basin_preset(b, 3, 1, 1, "");
  basin_run(b, 2);
  basin_step_down(b, 1); /* another leadership, and from here on nothing but heartbeats */
  basin_start(b, 3);
  basin_run(b, 60);
  cr_assert_neq(basin_leader(b), 0);
  cr_assert_str_eq(basin_applied(b, 3), "x y z");
  basin_close(b);
}

Test(exhibits, b045_a_disk_with_another_id_is_dealt_with_afresh) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y z");
  basin_run(b, 3);
  basin_crash(b, 3);
  basin_lawless(b);
  basin_preset(b, 3, 0, 0, "");
  basin_preset_disk(b, 3, 0, 999);
  basin_start(b, 3);
  uint64_t dealing = basin_progress(b, 1, 3).dealing;
  basin_run(b, 8); /* idle */
  cr_assert_neq(basin_progress(b, 1, 3).dealing, dealing);
  cr_assert_str_eq(basin_applied(b, 3), "x y z");
  basin_close(b);
}

Test(exhibits, b046_a_batch_that_is_all_there_already_is_acknowledged_whole) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 3, 2, 0, "1 1 1 1 1 1 1 1 1");
  basin_start(b, 3);
  vlot_message append = basin_forge_append(b, 2, 3, 2, 4, 1, 0, "1 1 1 1 1");
  basin_inject(b, &append);
  cr_assert_eq(peek(b, 3, 2, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 9);
  basin_close(b);
}

Test(exhibits, b047_the_window_is_released_when_the_state_changes) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  for (int round = 0; round < 4; round++) {
    basin_propose(b, 1, "some bytes");
    cr_assert_gt(basin_progress(b, 1, 2).inflight_bytes, 0);
    /* refused by one who is said to have less than it acknowledged: back to probing */
    vlot_message refusal =
        basin_forge_reply(peek(b, 1, 2, VLOT_MESSAGE_APPEND), basin_status(b, 1).term, false, 0);
    basin_drop(b, 1, 2, VLOT_MESSAGE_APPEND);
    basin_hold(b, 1, 2, BASIN_ANY);
    basin_inject(b, &refusal);
    cr_assert_eq(basin_progress(b, 1, 2).state, VLOT_PROGRESS_PROBE);
    cr_assert_eq(basin_progress(b, 1, 2).inflight_bytes, 0);
    cr_assert_eq(basin_progress(b, 1, 2).inflight_messages, 0);
    basin_release(b, 1, 2, BASIN_ANY);
    basin_run(b, 2);
    cr_assert_eq(basin_progress(b, 1, 2).state, VLOT_PROGRESS_REPLICATE);
  }
  basin_close(b);
}

Test(exhibits, b048_a_gap_in_the_pipeline_is_filled_from_where_it_begins) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  for (int k = 0; k < 4; k++) basin_propose(b, 1, "x");
  basin_deliver_one(b, 1, 2, VLOT_MESSAGE_APPEND);
  for (uint32_t k = 0; basin_in_flight(b, k); k++) /* the second one is lost */
    if (basin_in_flight(b, k)->to == 2 && basin_in_flight(b, k)->kind == VLOT_MESSAGE_APPEND) {
      basin_drop_kth(b, k);
      break;
    }
  basin_deliver_all(b);
  basin_run(b, 2);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 5);
  cr_assert_eq(basin_progress(b, 1, 2).state, VLOT_PROGRESS_REPLICATE);
  basin_close(b);
}

Test(exhibits, b048_replication_goes_on_after_a_followers_disk_failed) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_hold_disk(b, 2);
  for (int k = 0; k < 4; k++) basin_propose(b, 1, "x");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_fail_write(b, 2);
  basin_restart(b, 2);
  basin_release_disk(b, 2);
  basin_run(b, 4);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 5);
  basin_close(b);
}

Test(exhibits, b049_a_caught_up_follower_leaves_probing_by_heartbeats_alone) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  basin_isolate(b, 3);
  basin_run(b, 5);
  basin_heal(b);
  basin_run(b, 2); /* no write */
  cr_assert_eq(basin_progress(b, 1, 3).state, VLOT_PROGRESS_REPLICATE);
  basin_close(b);
}

Test(exhibits, b051_an_entry_has_the_term_of_the_leadership_that_made_it) {
  basin *b = plain(3);
  basin_make_leader(b, 1);
  basin_run(b, 1);
  vlot_message vote = basin_forge_vote(b, 2, 1, 78, 9, 1);
  vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
  vlot_input inputs[3] = {{.kind = VLOT_INPUT_PROPOSE},
                          {.kind = VLOT_INPUT_MESSAGE, .as.message = &vote},
                          {.kind = VLOT_INPUT_PROPOSE}};
  inputs[0].as.propose.commands = inputs[2].as.propose.commands = &command;
  inputs[0].as.propose.count = inputs[2].as.propose.count = 1;
  const vlot_output *output;
  cr_assert_eq(vlot_raft_step(basin_core(b, 1), inputs, 3, &output), VLOT_OK);
  cr_assert_eq(output->outcomes[0].result, VLOT_OK);
  cr_assert_eq(output->outcomes[0].term, 1);
  cr_assert_eq(output->outcomes[1].result, VLOT_NOT_LEADER, "the term moved between the two");
  cr_assert_eq(output->write.slice_count, 1);
  cr_assert_eq(output->write.slices[0].term, 1);
  for (uint32_t k = 0; k < output->message_count; k++)
    cr_assert_neq(output->messages[k].kind, VLOT_MESSAGE_APPEND);
  basin_close(b);
}

Test(exhibits, b053_every_reply_tells_a_stale_leader) {
  for (uint16_t kind = VLOT_MESSAGE_PRE_VOTE_REPLY; kind <= VLOT_MESSAGE_APPEND_REPLY;
       kind = (uint16_t)(kind + 2)) {
    basin *b = safe(3);
    basin_make_leader(b, 1);
    vlot_message reply = basin_forge(b, (vlot_message_kind)kind, 2, 1, 6);
    reply.why = VLOT_WHY_STALE_TERM;
    basin_inject(b, &reply);
    cr_assert_eq(role(b, 1), VLOT_ROLE_FOLLOWER, "kind %u", kind);
    cr_assert_eq(basin_status(b, 1).term, 6);
    basin_close(b);
  }
}

Test(exhibits, b053_heartbeats_alone_end_a_stale_leadership) {
  basin *b = with(3, VLOT_SWITCH_ALL & ~(uint32_t)VLOT_SWITCH_CHECK_QUORUM);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 1);
  basin_run(b, 60);
  cr_assert_eq(role(b, 1), VLOT_ROLE_LEADER, "without CheckQuorum it cannot know");
  cr_assert_neq(basin_leader(b), 1);
  basin_heal(b);
  basin_run(b, 2);
  cr_assert_eq(role(b, 1), VLOT_ROLE_FOLLOWER);
  basin_close(b);
}

Test(exhibits, b054_the_ledger_of_the_tail_is_given_back_however_a_leadership_ends) {
  for (int how = 0; how < 3; how++) {
    basin *b = plain(3);
    basin_make_leader(b, 1);
    basin_run(b, 2);
    basin_propose(b, 1, "some bytes");
    cr_assert_eq(basin_status(b, 1).tail_bytes, 9 + 2 * VLOT_ENTRY_OVERHEAD);
    vlot_message vote = basin_forge_vote(b, 2, 1, 9, 99, 8);
    if (how == 0) basin_deliver_all(b);
    if (how == 1) basin_step_down(b, 1);
    if (how == 2) basin_inject(b, &vote);
    cr_assert_eq(basin_status(b, 1).tail_bytes, 0, "way %d", how);
    basin_close(b);
  }
}

Test(exhibits, b055_a_leader_whose_write_failed_does_not_use_the_index_again) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_hold_disk(b, 1);
  basin_propose(b, 1, "x");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND); /* 2 holds x; the leader's own write fails */
  cr_assert_eq(basin_fail_write(b, 1), VLOT_FENCED);
  cr_assert_eq(basin_propose(b, 1, "y").result, VLOT_FENCED);
  basin_crash(b, 1);
  basin_start(b, 1);
  basin_release_disk(b, 1);
  basin_run(b, 60);
  uint32_t leader = basin_leader(b);
  cr_assert_neq(leader, 0);
  cr_assert_gt(basin_status(b, leader).term, 1, "whoever uses it does so in another term");
  basin_close(b);
}

Test(exhibits, b055_a_leader_commits_without_its_own_slow_disk_and_does_not_count_itself) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_hold_disk(b, 1);
  basin_propose(b, 1, "x");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_deliver(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_status(b, 1).commit_index, 1, "one durable copy of three");
  basin_deliver(b, 1, 3, VLOT_MESSAGE_APPEND);
  basin_deliver(b, 3, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_status(b, 1).commit_index, 2);
  basin_close(b);
}

Test(exhibits, b056_completions_in_any_grouping_leave_the_log_alone) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_hold_disk(b, 1);
  basin_isolate(b, 1);
  basin_propose(b, 1, "x");
  basin_propose(b, 1, "y");
  basin_step_down(b, 1);
  basin_store_one(b, 1);
  cr_assert_str_eq(basin_log(b, 1), "1 1 1");
  basin_store_all(b, 1);
  cr_assert_str_eq(basin_log(b, 1), "1 1 1");
  cr_assert_eq(basin_status(b, 1).durable_index, 3);
  basin_close(b);
}

Test(exhibits, b056_a_completion_told_twice_or_of_nothing_is_harmless_or_fenced) {
  basin *b = safe(1);
  basin_make_leader(b, 1);
  vlot_change durable = basin_change(b, 1, VLOT_CHANGE_DURABLE);
  cr_assert_eq(durable.to, 1);
  uint64_t token = (uint64_t)1 << 32; /* the first of this incarnation */
  vlot_input input = {.kind = VLOT_INPUT_STORED, .as.token = token};
  cr_assert_eq(basin_step(b, 1, &input, 1), VLOT_OK);
  input.as.token = token + 1000;
  cr_assert_eq(basin_step(b, 1, &input, 1), VLOT_FENCED);
  cr_assert_eq(basin_status(b, 1).fenced_why, VLOT_WHY_TOKEN_UNKNOWN);
  basin_close(b);
}

/* --- C. Durability ---------------------------------------------------------------------------- */

Test(exhibits, b057_an_append_is_acknowledged_when_it_is_durable) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_hold_disk(b, 2);
  basin_propose(b, 1, "x");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  cr_assert_eq(basin_count(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY), 0);
  basin_tick(b, 1, 1); /* a heartbeat is answered at once, for what is durable */
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  cr_assert_eq(peek(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 1);
  basin_store_all(b, 2);
  cr_assert_eq(peek(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 2);
  basin_close(b);
}

Test(exhibits, b058_the_completion_of_an_overwritten_write_acknowledges_nothing_new) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 2, 1, 0, "1 1");
  basin_start(b, 2);
  basin_hold_disk(b, 2);
  vlot_message old = basin_forge_append(b, 1, 2, 2, 2, 1, 0, "2 2"),
               new = basin_forge_append(b, 3, 2, 3, 2, 1, 0, "3 3");
  basin_inject(b, &old);
  basin_inject(b, &new);
  cr_assert_eq(basin_pending_writes(b, 2), 2);
  basin_store_one(b, 2); /* 3 and 4 of term 2 */
  cr_assert_eq(basin_status(b, 2).durable_index, 2);
  cr_assert_eq(basin_count(b, 2, BASIN_ANY, VLOT_MESSAGE_APPEND_REPLY), 0,
               "neither leader hears of it");
  basin_store_one(b, 2);
  cr_assert_eq(basin_status(b, 2).durable_index, 4);
  cr_assert_eq(peek(b, 2, 3, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 4);
  cr_assert_eq(basin_count(b, 2, 1, BASIN_ANY), 0);
  basin_close(b);
}

Test(exhibits, b058_the_same_with_both_messages_in_one_step) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 2, 1, 0, "1 1");
  basin_start(b, 2);
  basin_hold_disk(b, 2);
  vlot_message old = basin_forge_append(b, 1, 2, 2, 2, 1, 0, "2 2 2"),
               new = basin_forge_append(b, 3, 2, 3, 3, 2, 0, "3");
  vlot_input inputs[2] = {{.kind = VLOT_INPUT_MESSAGE, .as.message = &old},
                          {.kind = VLOT_INPUT_MESSAGE, .as.message = &new}};
  basin_step(b, 2, inputs, 2);
  cr_assert_eq(basin_pending_writes(b, 2), 1, "one net write");
  basin_store_all(b, 2);
  cr_assert_str_eq(basin_disk_log(b, 2), "1 1 2 3");
  cr_assert_eq(basin_count(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY), 0);
  cr_assert_eq(peek(b, 2, 3, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 4);
  basin_close(b);
}

/* Every node applies what is committed, whoever leads; who is elected answers a read behind it. */
Test(exhibits, b084_a_new_leader_has_applied_what_the_old_one_answered_for) {
  basin *b = safe(3);
  vlot_read_answer answer;
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_propose(b, 1, "x");
  basin_run(b, 3);
  cr_assert(strstr(basin_applied(b, 1), "x"));
  cr_assert_str_eq(basin_applied(b, 2), basin_applied(b, 1), "followers apply it too");
  cr_assert_str_eq(basin_applied(b, 3), basin_applied(b, 1));
  basin_isolate(b, 1);
  basin_run(b, 60);
  uint32_t next = basin_leader(b);
  cr_assert_neq(next, 1);
  cr_assert(strstr(basin_applied(b, next), "x"));
  cr_assert_eq(basin_read(b, next, 7).result, VLOT_OK);
  basin_run(b, 3);
  cr_assert(basin_read_answer(b, next, 7, &answer));
  cr_assert_geq(basin_status(b, next).applied_index, answer.index);
  basin_close(b);
}

Test(exhibits, b068_a_wiped_disk_neither_votes_nor_counts) {
  basin *b = with(3, VLOT_SWITCH_ALL & ~(uint32_t)VLOT_SWITCH_CHECK_QUORUM);
  for (uint32_t id = 1; id <= 3; id++) basin_preset_disk(b, id, 100 + id, 100 + id);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_crash(b, 2);
  basin_crash(b, 3);
  basin_preset(b, 2, 0, 0, "");
  basin_preset_disk(b, 2, 102, 999);
  basin_lawless(b);
  basin_start(b, 2);
  basin_propose(b, 1, "x");
  basin_run(b, 5);
  cr_assert_eq(basin_status(b, 1).commit_index, 1, "its acknowledgement does not count");
  cr_assert_eq(basin_progress(b, 1, 2).why, VLOT_WHY_FOREIGN_DISK);
  vlot_message vote = basin_forge_vote(b, 3, 2, 9, 99, 8);
  basin_forget_leader(b, 2);
  basin_inject(b, &vote);
  cr_assert_eq(peek(b, 2, 3, VLOT_MESSAGE_VOTE_REPLY)->why, VLOT_WHY_FOREIGN_DISK);
  cr_assert_eq(basin_campaign(b, 2).why, VLOT_WHY_FOREIGN_DISK);
  basin_close(b);
}

/* --- H. What arrives may be anything ---------------------------------------------------------- */

Test(exhibits, b067_an_overwrite_of_what_is_committed_is_refused_and_fences) {
  basin *b = with(3, VLOT_SWITCH_ALL);
  basin_preset(b, 1, 1, 0, "1 1");
  basin_start(b, 1);
  basin_lawless(b);
  vlot_message append = basin_forge_append(b, 2, 1, 1, 2, 1, 2, "");
  basin_inject(b, &append);
  append = basin_forge_append(b, 3, 1, 2, 1, 1, 0, "2");
  cr_assert_eq(basin_inject(b, &append), VLOT_FENCED);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_FENCED).why, VLOT_WHY_COMMITTED_CONFLICT);
  cr_assert_str_eq(basin_log(b, 1), "1 1");
  basin_close(b);
}

Test(exhibits, b136_malformed_messages_are_counted_and_change_nothing) {
  basin *b = safe(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  vlot_message bad[6];
  for (int k = 0; k < 6; k++) bad[k] = basin_forge_append(b, 2, 3, 9, 0, 0, 0, "9");
  bad[0].term = UINT64_MAX;
  bad[1].as.append.prev_index = UINT64_MAX;
  bad[2].as.append.entry_count = 7;
  bad[3].kind = 99;
  bad[4].as.append.prev_term = 4;
  bad[5].from = 3;
  for (int k = 0; k < 6; k++) {
    basin_forget_changes(b, 3);
    cr_assert_eq(basin_inject(b, &bad[k]), VLOT_OK);
    cr_assert_eq(basin_changes(b, 3, VLOT_CHANGE_IGNORED), 1, "case %d", k);
    cr_assert_eq(basin_status(b, 3).term, 1);
  }
  vlot_message misdirected = basin_forge_append(b, 2, 1, 9, 0, 0, 0, "");
  vlot_input input = {.kind = VLOT_INPUT_MESSAGE, .as.message = &misdirected};
  cr_assert_eq(basin_step(b, 3, &input, 1), VLOT_OK);
  cr_assert_eq(basin_change(b, 3, VLOT_CHANGE_IGNORED).why, VLOT_WHY_NOT_FOR_ME);
  basin_close(b);
}
