/* Figure 2 of the paper, one test per sentence, in its order. The figure knows neither PreVote nor
 * CheckQuorum, stickiness or the no-op of section 8, so that these are switched off unless a test
 * says otherwise.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "basin.h"

static basin *bare(uint32_t count) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  like.switches = VLOT_SWITCH_RANDOM_TIMEOUT;
  like.seed = 1;
  return basin_open(count, &like);
}

static basin *bare_and_started(uint32_t count) {
  basin *b = bare(count);
  basin_start_all(b);
  return b;
}

static const vlot_message *answer(const basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  const vlot_message *message = basin_peek(b, from, to, kind);
  cr_assert_not_null(message, "node %u does not answer", from);
  return message;
}

static bool is_ok(const vlot_message *message) { return (message->flags & VLOT_MESSAGE_OK) != 0; }

/* --- State ------------------------------------------------------------------------------------ */

Test(state, current_term_is_initialized_to_0_on_first_boot) {
  basin *b = bare_and_started(3);
  cr_assert_eq(basin_status(b, 1).term, 0);
  basin_close(b);
}

Test(state, current_term_increases_monotonically) {
  basin *b = bare_and_started(3);
  uint64_t term = 0;
  const uint64_t heard[] = {3, 1, 3, 2, 9, 4, 9};
  for (int k = 0; k < 7; k++) {
    vlot_message message = basin_forge_vote(b, 2, 1, heard[k], 0, 0);
    basin_inject(b, &message);
    cr_assert_geq(basin_status(b, 1).term, term);
    term = basin_status(b, 1).term;
  }
  cr_assert_eq(term, 9);
  basin_close(b);
}

Test(state, voted_for_is_the_candidate_that_received_the_vote_in_the_current_term_or_none) {
  basin *b = bare_and_started(3);
  cr_assert_eq(basin_status(b, 1).vote, 0);
  vlot_message message = basin_forge_vote(b, 3, 1, 1, 0, 0);
  basin_inject(b, &message);
  cr_assert_eq(basin_status(b, 1).vote, 3);
  message = basin_forge_append(b, 2, 1, 2, 0, 0, 0, "");
  basin_inject(b, &message);
  cr_assert_eq(basin_status(b, 1).vote, 0, "a new term, no vote in it");
  basin_close(b);
}

Test(state, the_first_log_index_is_1) {
  basin *b = bare_and_started(1);
  basin_make_leader(b, 1);
  cr_assert_eq(basin_propose(b, 1, "x").index, 1);
  basin_close(b);
}

Test(state, persistent_state_is_updated_on_stable_storage_before_responding) {
  basin *b = bare_and_started(3);
  basin_hold_disk(b, 1);
  vlot_message vote = basin_forge_vote(b, 2, 1, 1, 0, 0);
  basin_inject(b, &vote);
  cr_assert_eq(basin_count(b, 1, 2, VLOT_MESSAGE_VOTE_REPLY), 0);
  cr_assert_eq(basin_status(b, 1).held_messages, 1);
  basin_store_all(b, 1);
  cr_assert(is_ok(answer(b, 1, 2, VLOT_MESSAGE_VOTE_REPLY)));
  vlot_message append = basin_forge_append(b, 2, 1, 1, 0, 0, 0, "1 1");
  basin_inject(b, &append);
  cr_assert_eq(basin_count(b, 1, 2, VLOT_MESSAGE_APPEND_REPLY), 0);
  basin_store_all(b, 1);
  cr_assert_eq(answer(b, 1, 2, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 2);
  basin_close(b);
}

Test(state, commit_index_is_initialized_to_0_and_increases_monotonically) {
  basin *b = bare(3);
  basin_start(b, 1);
  cr_assert_eq(basin_status(b, 1).commit_index, 0);
  const uint64_t told[] = {2, 1, 3, 0, 3};
  const uint64_t expected[] = {2, 2, 3, 3, 3};
  for (int k = 0; k < 5; k++) {
    vlot_message message = basin_forge_append(b, 2, 1, 1, 0, 0, told[k], "1 1 1");
    basin_inject(b, &message);
    cr_assert_eq(basin_status(b, 1).commit_index, expected[k]);
  }
  basin_close(b);
}

Test(state, last_applied_is_initialized_to_0_and_follows_the_commit_index) {
  basin *b = bare(3);
  basin_start(b, 1);
  cr_assert_eq(basin_status(b, 1).applied_index, 0);
  vlot_message message = basin_forge_append(b, 2, 1, 1, 0, 0, 2, "1 1 1");
  basin_inject(b, &message);
  cr_assert_eq(basin_status(b, 1).applied_index, 2);
  basin_close(b);
}

Test(state, next_index_is_initialized_to_the_leaders_last_log_index_plus_1) {
  basin *b = bare(3);
  basin_preset(b, 1, 4, 0, "1 1 4");
  basin_start_all(b);
  basin_campaign(b, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_VOTE);
  basin_deliver(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_assert_eq(basin_progress(b, 1, 2).next_index, 4);
  cr_assert_eq(basin_progress(b, 1, 3).next_index, 4);
  cr_assert_eq(basin_peek(b, 1, 3, VLOT_MESSAGE_APPEND)->as.append.prev_index, 3);
  basin_close(b);
}

Test(state, match_index_is_initialized_to_0) {
  basin *b = bare(3);
  for (uint32_t id = 1; id <= 3; id++) basin_preset(b, id, 4, 0, "1 1 4");
  basin_start_all(b);
  basin_campaign(b, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_VOTE);
  basin_deliver(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 0, "a vote says nothing about the log");
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 3);
  basin_close(b);
}

/* --- AppendEntries ---------------------------------------------------------------------------- */

Test(append_entries, reply_false_if_term_is_below_current_term) {
  basin *b = bare(3);
  basin_preset(b, 1, 5, 0, "1 1");
  basin_start(b, 1);
  vlot_message message = basin_forge_append(b, 2, 1, 4, 2, 1, 2, "4");
  basin_inject(b, &message);
  const vlot_message *reply = answer(b, 1, 2, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_not(is_ok(reply));
  cr_assert_eq(reply->why, VLOT_WHY_STALE_TERM);
  cr_assert_eq(reply->term, 5, "for the leader to update itself");
  cr_assert_str_eq(basin_log(b, 1), "1 1");
  cr_assert_eq(basin_status(b, 1).commit_index, 0);
  basin_close(b);
}

Test(append_entries, reply_false_if_the_log_has_no_entry_at_prev_log_index_with_prev_log_term) {
  struct {
    uint64_t prev_index, prev_term;
    bool is_ok;
  } cases[] = {{0, 0, true},  {1, 1, true},  {3, 4, true}, {3, 3, false},
               {2, 4, false}, {4, 4, false}, {9, 4, false}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    basin *b = bare(3);
    basin_preset(b, 1, 5, 0, "1 1 4");
    basin_start(b, 1);
    vlot_message message =
        basin_forge_append(b, 2, 1, 5, cases[k].prev_index, cases[k].prev_term, 0, "");
    basin_inject(b, &message);
    const vlot_message *reply = answer(b, 1, 2, VLOT_MESSAGE_APPEND_REPLY);
    cr_assert_eq(is_ok(reply), cases[k].is_ok, "case %zu", k);
    if (!cases[k].is_ok) cr_assert_eq(reply->why, VLOT_WHY_LOG_MISMATCH);
    cr_assert_str_eq(basin_log(b, 1), "1 1 4", "a test of consistency alone changes nothing");
    basin_close(b);
  }
}

Test(append_entries, delete_an_existing_entry_that_conflicts_and_all_that_follow_it) {
  struct {
    uint64_t prev_index, prev_term;
    const char *entries, *expected;
  } cases[] = {
      {2, 1, "5", "1 1 5"},     {1, 1, "1 5 5", "1 1 5 5"}, {0, 0, "5", "5"},
      {2, 1, "4 5", "1 1 4 5"}, {4, 4, "5", "1 1 4 4 5"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    basin *b = bare(3);
    basin_preset(b, 1, 5, 0, "1 1 4 4 4 4");
    basin_start(b, 1);
    vlot_message message = basin_forge_append(b, 2, 1, 5, cases[k].prev_index, cases[k].prev_term,
                                              0, cases[k].entries);
    basin_inject(b, &message);
    cr_assert_str_eq(basin_log(b, 1), cases[k].expected, "case %zu", k);
    cr_assert_str_eq(basin_disk_log(b, 1), cases[k].expected, "and on disk, in one write");
    basin_close(b);
  }
}

Test(append_entries, append_any_new_entries_not_already_in_the_log) {
  struct {
    uint64_t prev_index, prev_term;
    const char *entries, *expected;
  } cases[] = {
      {3, 4, "", "1 1 4"},  {3, 4, "4 5", "1 1 4 4 5"}, {1, 1, "1 4 4", "1 1 4 4"},
      {1, 1, "1", "1 1 4"}, {0, 0, "1 1", "1 1 4"},     {0, 0, "1 1 4 5", "1 1 4 5"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    basin *b = bare(3);
    basin_preset(b, 1, 5, 0, "1 1 4");
    basin_start(b, 1);
    vlot_message message = basin_forge_append(b, 2, 1, 5, cases[k].prev_index, cases[k].prev_term,
                                              0, cases[k].entries);
    basin_inject(b, &message);
    cr_assert_str_eq(basin_log(b, 1), cases[k].expected, "case %zu", k);
    cr_assert(is_ok(answer(b, 1, 2, VLOT_MESSAGE_APPEND_REPLY)));
    basin_close(b);
  }
}

Test(append_entries, commit_index_becomes_the_smaller_of_leader_commit_and_the_last_new_entry) {
  struct {
    uint64_t prev_index, prev_term, leader_commit;
    const char *entries;
    uint64_t expected;
  } cases[] = {
      {0, 0, 9, "1 1", 2}, {0, 0, 1, "1 1", 1}, {2, 1, 9, "", 2},
      {2, 1, 9, "4", 3},   {0, 0, 9, "", 0},    {2, 1, 0, "4", 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    basin *b = bare(3);
    basin_preset(b, 1, 5, 0, "1 1 4 4 4");
    basin_start(b, 1);
    vlot_message message = basin_forge_append(b, 2, 1, 5, cases[k].prev_index, cases[k].prev_term,
                                              cases[k].leader_commit, cases[k].entries);
    basin_inject(b, &message);
    cr_assert_eq(basin_status(b, 1).commit_index, cases[k].expected, "case %zu", k);
    basin_close(b);
  }
}

/* --- RequestVote ------------------------------------------------------------------------------ */

Test(request_vote, reply_false_if_term_is_below_current_term) {
  basin *b = bare(3);
  basin_preset(b, 1, 5, 0, "");
  basin_start(b, 1);
  vlot_message message = basin_forge_vote(b, 2, 1, 4, 9, 4);
  basin_inject(b, &message);
  const vlot_message *reply = answer(b, 1, 2, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_not(is_ok(reply));
  cr_assert_eq(reply->why, VLOT_WHY_STALE_TERM);
  cr_assert_eq(reply->term, 5, "for the candidate to update itself");
  cr_assert_eq(basin_status(b, 1).vote, 0);
  basin_close(b);
}

Test(request_vote, grant_if_voted_for_is_none_or_the_candidate_and_its_log_is_up_to_date) {
  struct {
    uint32_t voted_for;
    uint64_t last_index, last_term;
    vlot_why why;
  } cases[] = {
      {0, 3, 4, VLOT_WHY_NONE},          {2, 3, 4, VLOT_WHY_NONE},
      {3, 3, 4, VLOT_WHY_ALREADY_VOTED}, {1, 3, 4, VLOT_WHY_ALREADY_VOTED},
      {0, 2, 4, VLOT_WHY_LOG_BEHIND},    {0, 9, 3, VLOT_WHY_LOG_BEHIND},
      {0, 1, 5, VLOT_WHY_NONE},          {0, 4, 4, VLOT_WHY_NONE},
      {0, 0, 0, VLOT_WHY_LOG_BEHIND},    {3, 9, 5, VLOT_WHY_ALREADY_VOTED},
      {2, 2, 4, VLOT_WHY_LOG_BEHIND},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    basin *b = bare(3);
    basin_preset(b, 1, 6, cases[k].voted_for, "1 1 4");
    basin_start(b, 1);
    vlot_message message = basin_forge_vote(b, 2, 1, 6, cases[k].last_index, cases[k].last_term);
    basin_inject(b, &message);
    const vlot_message *reply = answer(b, 1, 2, VLOT_MESSAGE_VOTE_REPLY);
    cr_assert_eq(is_ok(reply), cases[k].why == VLOT_WHY_NONE, "case %zu", k);
    cr_assert_eq(reply->why, cases[k].why, "case %zu", k);
    cr_assert_eq(basin_disk_hard(b, 1).vote,
                 cases[k].why == VLOT_WHY_NONE ? 2 : cases[k].voted_for);
    basin_close(b);
  }
}

/* --- Rules for servers: all ------------------------------------------------------------------- */

Test(all_servers, apply_what_is_committed_in_order_and_once) {
  basin *b = bare_and_started(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a b");
  basin_propose(b, 1, "c");
  basin_run(b, 2);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_str_eq(basin_applied(b, id), "a b c");
  basin_run(b, 5);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_str_eq(basin_applied(b, id), "a b c");
  basin_close(b);
}

/* Every kind of message brings the term, in every role. */
Test(all_servers, a_higher_term_in_any_message_makes_a_follower_of_that_term) {
  for (uint16_t kind = VLOT_MESSAGE_PRE_VOTE; kind <= VLOT_MESSAGE_APPEND_REPLY; kind++)
    for (int role = VLOT_ROLE_FOLLOWER; role <= VLOT_ROLE_LEADER; role++) {
      basin *b = bare_and_started(3);
      if (role == VLOT_ROLE_PRE_CANDIDATE) basin_switches(b, 1, VLOT_SWITCH_PRE_VOTE);
      if (role != VLOT_ROLE_FOLLOWER) basin_campaign(b, 1);
      if (role == VLOT_ROLE_LEADER) basin_deliver_all(b);
      cr_assert_eq((int)basin_status(b, 1).role, role);
      basin_forget_changes(b, 1);
      vlot_message message = basin_forge(b, (vlot_message_kind)kind, 2, 1, 7);
      if (kind % 2 == 0) message.why = VLOT_WHY_LOG_BEHIND;
      basin_inject(b, &message);
      cr_assert_eq(basin_status(b, 1).term, 7, "kind %u, role %d", kind, role);
      cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER);
      cr_assert_eq(basin_disk_hard(b, 1).term, 7);
      cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_TERM).why, VLOT_WHY_HIGHER_TERM);
      basin_close(b);
    }
}

/* --- Rules for servers: followers ------------------------------------------------------------- */

Test(followers, respond_to_candidates_and_leaders) {
  basin *b = bare_and_started(3);
  vlot_message vote = basin_forge_vote(b, 2, 1, 1, 0, 0);
  basin_inject(b, &vote);
  answer(b, 1, 2, VLOT_MESSAGE_VOTE_REPLY);
  vlot_message append = basin_forge_append(b, 2, 1, 1, 0, 0, 0, "1");
  basin_inject(b, &append);
  answer(b, 1, 2, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_count(b, 1, BASIN_ANY, BASIN_ANY), 2, "and say nothing else");
  basin_close(b);
}

Test(followers, convert_to_candidate_when_the_election_timeout_elapses) {
  basin *b = bare_and_started(3);
  uint32_t timeout = basin_status(b, 1).election_ticks;
  basin_tick(b, 1, timeout - 1);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER);
  basin_tick(b, 1, 1);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_CANDIDATE);
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_CAMPAIGN).why, VLOT_WHY_ELECTION_TIMEOUT);
  basin_close(b);
}

Test(followers, stay_so_while_they_hear_from_the_leader) {
  basin *b = bare_and_started(3);
  for (int k = 0; k < 10; k++) {
    basin_tick(b, 1, 9);
    vlot_message message = basin_forge_append(b, 2, 1, 1, 0, 0, 0, "");
    basin_inject(b, &message);
    cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER);
    cr_assert_eq(basin_status(b, 1).election_elapsed, 0);
  }
  basin_close(b);
}

Test(followers, granting_a_vote_starts_the_timeout_anew) {
  basin *b = bare_and_started(3);
  basin_tick(b, 1, 9);
  vlot_message message = basin_forge_vote(b, 2, 1, 1, 0, 0);
  basin_inject(b, &message);
  cr_assert_eq(basin_status(b, 1).election_elapsed, 0);
  basin_close(b);
}

/* --- Rules for servers: candidates ------------------------------------------------------------ */

Test(candidates, on_conversion_increment_the_term_vote_for_self_reset_the_timer_and_ask_everybody) {
  basin *b = bare(5);
  basin_preset(b, 1, 3, 2, "1 3");
  basin_start(b, 1);
  basin_tick(b, 1, basin_status(b, 1).election_ticks);
  vlot_raft_status status = basin_status(b, 1);
  cr_assert_eq(status.term, 4);
  cr_assert_eq(status.vote, 1);
  cr_assert_eq(status.election_elapsed, 0);
  cr_assert_eq(basin_disk_hard(b, 1).term, 4);
  cr_assert_eq(basin_disk_hard(b, 1).vote, 1);
  for (uint32_t to = 2; to <= 5; to++) {
    const vlot_message *request = basin_peek(b, 1, to, VLOT_MESSAGE_VOTE);
    cr_assert_not_null(request);
    cr_assert_eq(request->term, 4);
    cr_assert_eq(request->as.vote.last_index, 2);
    cr_assert_eq(request->as.vote.last_term, 3);
  }
  basin_close(b);
}

Test(candidates, become_leader_with_votes_from_a_majority) {
  for (uint32_t count = 1; count <= 7; count++) {
    basin *b = bare_and_started(count);
    basin_campaign(b, 1);
    for (uint32_t voter = 2; voter <= count; voter++) {
      uint32_t votes = voter - 1; /* with its own */
      cr_assert_eq(basin_status(b, 1).role == VLOT_ROLE_LEADER, votes > count / 2, "%u of %u votes",
                   votes, count);
      basin_deliver(b, 1, voter, VLOT_MESSAGE_VOTE);
      basin_deliver(b, voter, 1, VLOT_MESSAGE_VOTE_REPLY);
    }
    cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
    basin_close(b);
  }
}

Test(candidates, convert_to_follower_when_a_new_leader_of_their_term_is_heard_from) {
  basin *b = bare_and_started(3);
  basin_campaign(b, 1);
  vlot_message message = basin_forge_append(b, 2, 1, 1, 0, 0, 0, "");
  basin_inject(b, &message);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER);
  cr_assert_eq(basin_status(b, 1).leader, 2);
  cr_assert_eq(basin_status(b, 1).term, 1);
  cr_assert_eq(basin_status(b, 1).vote, 1, "the vote of this term stays given");
  cr_assert_eq(basin_change(b, 1, VLOT_CHANGE_ROLE).why, VLOT_WHY_LEADER_SEEN);
  basin_close(b);
}

Test(candidates, start_a_new_election_when_the_timeout_elapses) {
  basin *b = bare_and_started(3);
  basin_campaign(b, 1);
  for (uint64_t term = 2; term <= 5; term++) {
    basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
    basin_tick(b, 1, basin_status(b, 1).election_ticks);
    cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_CANDIDATE);
    cr_assert_eq(basin_status(b, 1).term, term);
    cr_assert_eq(basin_count(b, 1, BASIN_ANY, VLOT_MESSAGE_VOTE), 2);
  }
  basin_close(b);
}

/* --- Rules for servers: leaders --------------------------------------------------------------- */

Test(leaders, send_heartbeats_upon_election) {
  basin *b = bare_and_started(3);
  basin_campaign(b, 1);
  basin_deliver(b, 1, 2, VLOT_MESSAGE_VOTE);
  basin_deliver(b, 2, 1, VLOT_MESSAGE_VOTE_REPLY);
  for (uint32_t to = 2; to <= 3; to++) {
    const vlot_message *message = basin_peek(b, 1, to, VLOT_MESSAGE_APPEND);
    cr_assert_not_null(message);
    cr_assert_eq(message->as.append.entry_count, 0);
  }
  basin_close(b);
}

Test(leaders, repeat_heartbeats_during_idle_periods_so_that_nobody_times_out) {
  basin *b = bare_and_started(3);
  basin_make_leader(b, 1);
  for (int k = 0; k < 200; k++) {
    basin_tick(b, BASIN_ANY, 1);
    cr_assert_eq(basin_count(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND), 2,
                 "one each per heartbeat period");
    basin_deliver_all(b);
  }
  cr_assert_eq(basin_leader(b), 1);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(basin_status(b, id).term, 1);
  basin_close(b);
}

Test(leaders, append_a_command_to_the_local_log_and_replicate_it) {
  basin *b = bare_and_started(3);
  basin_make_leader(b, 1);
  basin_run(b, 1);
  vlot_outcome outcome = basin_propose(b, 1, "x");
  cr_assert_eq(outcome.result, VLOT_OK);
  cr_assert_eq(outcome.index, 1);
  cr_assert_eq(outcome.term, 1);
  cr_assert_str_eq(basin_log(b, 1), "1");
  cr_assert_str_eq(basin_applied(b, 1), "", "the answer waits until it is applied");
  cr_assert_eq(basin_peek(b, 1, 2, VLOT_MESSAGE_APPEND)->as.append.entry_count, 1);
  basin_deliver_all(b);
  cr_assert_str_eq(basin_applied(b, 1), "x");
  basin_close(b);
}

Test(leaders, send_the_entries_from_next_index_on) {
  basin *b = bare_and_started(3);
  basin_make_leader(b, 1);
  basin_isolate(b, 3);
  basin_propose(b, 1, "a b c");
  basin_deliver_all(b);
  basin_heal(b);
  basin_run(b, 1);
  basin_propose(b, 1, "d");
  const vlot_message *message = basin_peek(b, 1, 2, VLOT_MESSAGE_APPEND);
  cr_assert_eq(message->as.append.prev_index, 3);
  cr_assert_eq(message->as.append.entry_count, 1);
  basin_deliver_all(b);
  cr_assert_str_eq(basin_log(b, 3), "1 1 1 1");
  basin_close(b);
}

Test(leaders, update_next_and_match_index_when_an_append_succeeds) {
  basin *b = bare_and_started(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a b");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 0);
  basin_deliver(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 2);
  cr_assert_eq(basin_progress(b, 1, 2).next_index, 3);
  basin_close(b);
}

Test(leaders, decrement_next_index_and_retry_when_the_logs_are_inconsistent) {
  basin *b = bare(3);
  basin_preset(b, 1, 3, 0, "1 1 3 3");
  basin_preset(b, 2, 3, 0, "1 1 2 2 2");
  basin_preset(b, 3, 3, 0, "1 1 3 3");
  basin_start_all(b);
  basin_make_leader(b, 1);
  cr_assert_str_eq(basin_log(b, 2), "1 1 3 3");
  cr_assert_eq(basin_progress(b, 1, 2).next_index, 5);
  cr_assert_geq(basin_changes(b, 2, VLOT_CHANGE_MISMATCH), 1);
  basin_close(b);
}

Test(leaders, commit_what_a_majority_stores_if_its_term_is_the_current_one) {
  basin *b = bare(5);
  for (uint32_t id = 1; id <= 5; id++) basin_preset(b, id, 3, 0, "1 3");
  basin_start_all(b);
  basin_make_leader(b, 1);
  cr_assert_eq(basin_progress(b, 1, 5).match_index, 2);
  cr_assert_eq(basin_status(b, 1).commit_index, 0, "all store them, but they are of an older term");
  basin_propose(b, 1, "x");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_deliver(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_status(b, 1).commit_index, 0, "two of five");
  basin_deliver(b, 1, 3, VLOT_MESSAGE_APPEND);
  basin_deliver(b, 3, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_status(b, 1).commit_index, 3,
               "three of five, and what stands below is committed with it");
  basin_close(b);
}
