/* What is bounded, and that every bound is given back: messages and bytes in flight per peer,
 * entries and bytes per message, the uncommitted tail, what the machine has before it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "basin.h"

static vlot_raft_options small(void) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  like.seed = 1;
  return like;
}

static basin *led_with(const vlot_raft_options *like) {
  basin *b = basin_open(3, like);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  return b;
}

static void expect_empty_window(const basin *b, uint32_t leader, uint32_t peer) {
  vlot_progress progress = basin_progress(b, leader, peer);
  cr_assert_eq(progress.inflight_messages, 0);
  cr_assert_eq(progress.inflight_bytes, 0);
  cr_assert_eq(progress.state, VLOT_PROGRESS_REPLICATE);
  cr_assert_eq(progress.match_index, basin_status(b, leader).last_index);
}

Test(window, holds_so_many_messages_and_no_more) {
  for (uint32_t max = 1; max <= 5; max++) {
    vlot_raft_options like = small();
    like.window_messages_max = max;
    basin *b = led_with(&like);
    for (uint32_t k = 0; k < 8; k++) {
      basin_propose(b, 1, "x");
      uint32_t sent = k + 1 < max ? k + 1 : max;
      cr_assert_eq(basin_progress(b, 1, 2).inflight_messages, sent);
      cr_assert_eq(basin_count(b, 1, 2, VLOT_MESSAGE_APPEND), sent);
    }
    basin_deliver_all(b);
    cr_assert_eq(basin_status(b, 2).last_index, 9);
    expect_empty_window(b, 1, 2);
    basin_close(b);
  }
}

Test(window, is_closed_from_so_many_bytes_on) {
  for (uint64_t max = 1; max <= 12; max++) {
    vlot_raft_options like = small();
    like.window_bytes_max = max;
    basin *b = led_with(&like);
    for (uint32_t k = 0; k < 6; k++) {
      uint64_t before = basin_progress(b, 1, 3).inflight_bytes;
      basin_propose(b, 1, "four");
      uint64_t after = basin_progress(b, 1, 3).inflight_bytes;
      cr_assert_eq(after, before < max ? before + 4 : before,
                   "one message may cross the limit, none begins beyond it");
    }
    basin_deliver_all(b);
    expect_empty_window(b, 1, 3);
    cr_assert_eq(basin_status(b, 3).last_index, 7);
    basin_close(b);
  }
}

Test(window, is_given_back_when_a_peer_leaves_pipelining) { /* B047 */
  vlot_raft_options like = small();
  like.window_messages_max = 2;
  basin *b = led_with(&like);
  for (int round = 0; round < 5; round++) {
    basin_propose(b, 1, "x");
    basin_propose(b, 1, "y");
    cr_assert_eq(basin_progress(b, 1, 2).inflight_messages, 2);
    basin_drop(b, 1, 2,
               VLOT_MESSAGE_APPEND); /* lost: the next heartbeat is refused, and probing begins */
    basin_run(b, 3);
    expect_empty_window(b, 1, 2);
    basin_deliver_all(b);
  }
  cr_assert_eq(basin_status(b, 2).last_index, 11);
  basin_close(b);
}

Test(window, is_given_back_at_the_end_of_a_leadership) {
  vlot_raft_options like = small();
  like.window_messages_max = 2;
  basin *b = led_with(&like);
  basin_propose(b, 1, "x");
  basin_propose(b, 1, "y");
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  basin_step_down(b, 1);
  cr_assert_eq(basin_status(b, 1).tail_bytes, 0);
  basin_forget_leader(b, 2);
  basin_forget_leader(b, 3);
  basin_make_leader(b, 1);
  basin_run(b, 3);
  expect_empty_window(b, 1, 2);
  expect_empty_window(b, 1, 3);
  basin_close(b);
}

Test(append, carries_so_many_entries_and_no_more) {
  for (uint32_t max = 1; max <= 7; max++) {
    vlot_raft_options like = small();
    like.append_entries_max = max;
    basin *b = led_with(&like);
    basin_propose(b, 1, "a b c d e f g");
    uint32_t messages = basin_count(b, 1, 2, VLOT_MESSAGE_APPEND);
    cr_assert_eq(messages, (7 + max - 1) / max);
    for (uint32_t k = 0; basin_in_flight(b, k); k++)
      cr_assert_leq(basin_in_flight(b, k)->as.append.entry_count, max);
    basin_run(b, 2);
    cr_assert_str_eq(basin_applied(b, 2), "a b c d e f g");
    basin_close(b);
  }
}

Test(append, carries_so_many_bytes_but_one_entry_always) {
  for (uint32_t max = 1; max <= 20; max++) {
    vlot_raft_options like = small();
    like.append_bytes_max = max;
    basin *b = led_with(&like);
    basin_propose(b, 1, "four sixsix 1 12 1234567890");
    for (uint32_t k = 0; basin_in_flight(b, k); k++) {
      const vlot_message *message = basin_in_flight(b, k);
      uint64_t bytes = 0;
      for (uint32_t s = 0; s < message->as.append.slice_count; s++)
        bytes += vlot_slice_bytes(&message->as.append.slices[s]);
      cr_assert(bytes <= max || message->as.append.entry_count == 1);
    }
    basin_run(b, 2);
    cr_assert_str_eq(basin_applied(b, 3), "four sixsix 1 12 1234567890");
    basin_close(b);
  }
}

/* What does not fit any more may be followed by something small: the message must end all the
 * same. */
Test(append, never_skips_an_entry_that_does_not_fit) {
  vlot_raft_options like = small();
  like.append_bytes_max = 10;
  basin *b = basin_open(3, &like);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_isolate(b, 2);
  basin_propose(b, 1, "sixsix eighteig");
  basin_propose(b, 1, "1");
  basin_deliver_all(b);
  basin_heal(b);
  basin_run(b, 10);
  cr_assert_str_eq(basin_applied(b, 2), "sixsix eighteig 1");
  basin_close(b);
}

/* --- the uncommitted tail (B054) -------------------------------------------------------------- */

Test(tail, is_refused_beyond_its_limit_and_given_back_by_commits) {
  vlot_raft_options like = small();
  like.tail_bytes_max = 10 + 3 * VLOT_ENTRY_OVERHEAD;
  basin *b = led_with(&like);
  basin_isolate(b, 1);
  struct {
    const char *commands;
    uint32_t accepted;
    vlot_result result;
    uint64_t tail;
  } cases[] = {{"four", 1, VLOT_OK, 4 + VLOT_ENTRY_OVERHEAD},
               {"1234 12 x", 2, VLOT_BUSY, 10 + 3 * VLOT_ENTRY_OVERHEAD},
               {"x", 0, VLOT_BUSY, 10 + 3 * VLOT_ENTRY_OVERHEAD}};
  for (int k = 0; k < 3; k++) {
    vlot_outcome outcome = basin_propose(b, 1, cases[k].commands);
    cr_assert_eq(outcome.accepted, cases[k].accepted, "case %d", k);
    cr_assert_eq(outcome.result, cases[k].result);
    if (outcome.result != VLOT_OK) cr_assert_eq(outcome.why, VLOT_WHY_TAIL_FULL);
    cr_assert_eq(basin_status(b, 1).tail_bytes, cases[k].tail);
  }
  basin_heal(b);
  basin_run(b, 4);
  cr_assert_eq(basin_status(b, 1).tail_bytes, 0);
  cr_assert_str_eq(basin_applied(b, 2), "four 1234 12");
  cr_assert_eq(basin_propose(b, 1, "1234567890").result, VLOT_OK);
  cr_assert_eq(basin_status(b, 1).tail_bytes, 10 + VLOT_ENTRY_OVERHEAD);
  basin_close(b);
}

Test(tail, is_counted_again_by_the_next_leader) {
  vlot_raft_options like = small();
  like.tail_bytes_max = 10 + 3 * VLOT_ENTRY_OVERHEAD;
  basin *b = led_with(&like);
  basin_cut(b, 2, 1);
  basin_cut(b, 3, 1); /* they hear, and are not heard */
  basin_propose(b, 1, "1234567");
  basin_deliver_all(b);
  basin_crash(b, 1);
  basin_forget_leader(b, 2);
  basin_forget_leader(b, 3);
  basin_campaign(b, 2);
  basin_deliver(b, 2, 3, VLOT_MESSAGE_PRE_VOTE);
  basin_deliver(b, 3, 2, VLOT_MESSAGE_PRE_VOTE_REPLY);
  basin_deliver(b, 2, 3, VLOT_MESSAGE_VOTE);
  basin_deliver(b, 3, 2, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_eq(basin_status(b, 2).role, VLOT_ROLE_LEADER);
  cr_assert_eq(basin_status(b, 2).tail_bytes, 7 + 2 * VLOT_ENTRY_OVERHEAD,
               "what it found uncommitted counts, and its no-op");
  cr_assert_eq(basin_propose(b, 2, "four").result, VLOT_BUSY);
  basin_run(b, 3);
  cr_assert_eq(basin_status(b, 2).tail_bytes, 0);
  cr_assert_eq(basin_propose(b, 2, "four").result, VLOT_OK);
  basin_close(b);
}

/* They hold memory too: what each entry takes beside its payload. */
Test(tail, is_filled_by_commands_without_a_byte_too) {
  vlot_raft_options like = small();
  like.tail_bytes_max = 20 * VLOT_ENTRY_OVERHEAD;
  basin *b = led_with(&like);
  vlot_command commands[8] = {{0}};
  vlot_input input = {.kind = VLOT_INPUT_PROPOSE};
  input.as.propose.commands = commands;
  input.as.propose.count = 8;
  basin_isolate(b, 1);
  for (int k = 0; k < 5; k++) basin_step(b, 1, &input, 1);
  cr_assert_eq(basin_status(b, 1).last_index, 21, "a no-op and 20 commands");
  cr_assert_eq(basin_status(b, 1).tail_bytes, 20 * VLOT_ENTRY_OVERHEAD);
  basin_heal(b);
  basin_run(b, 4);
  cr_assert_eq(basin_status(b, 1).tail_bytes, 0);
  basin_close(b);
}

Test(tail, takes_one_command_whatever_its_limit) {
  vlot_raft_options like = small();
  like.tail_bytes_max = 1;
  basin *b = led_with(&like);
  cr_assert_eq(basin_propose(b, 1, "first second").accepted, 1);
  cr_assert_eq(basin_propose(b, 1, "second").why, VLOT_WHY_TAIL_FULL);
  basin_run(b, 4);
  cr_assert_eq(basin_propose(b, 1, "second").accepted, 1);
  basin_close(b);
}

Test(tail, does_not_grow_without_end_when_proposals_are_repeated_without_a_quorum) {
  vlot_raft_options like = small();
  like.tail_bytes_max = 50 + 10 * VLOT_ENTRY_OVERHEAD;
  like.switches = VLOT_SWITCH_ALL & ~(uint32_t)VLOT_SWITCH_CHECK_QUORUM;
  basin *b = led_with(&like);
  basin_isolate(b, 1);
  uint32_t accepted = 0;
  for (int k = 0; k < 1000; k++) {
    accepted += basin_propose(b, 1, "again").accepted;
    basin_tick(b, 1, 1);
    basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  }
  cr_assert_eq(accepted, 10);
  cr_assert_eq(basin_status(b, 1).last_index, 11);
  basin_close(b);
}

Test(propose, an_entry_larger_than_its_limit_is_refused_and_what_came_before_it_stands) {
  for (uint32_t max = 3; max <= 5; max++) {
    vlot_raft_options like = small();
    like.entry_bytes_max = max;
    basin *b = led_with(&like);
    vlot_outcome outcome = basin_propose(b, 1, "abc four abc");
    cr_assert_eq(outcome.accepted, max >= 4 ? 3 : 1);
    cr_assert_eq(outcome.result, max >= 4 ? VLOT_OK : VLOT_TOO_LARGE);
    if (max < 4) cr_assert_eq(outcome.why, VLOT_WHY_ENTRY_TOO_LARGE);
    cr_assert_eq(outcome.index, 2);
    cr_assert_eq(outcome.term, 1);
    basin_close(b);
  }
}

Test(propose, is_refused_by_whoever_does_not_lead) {
  basin *b = basin_of(3);
  vlot_outcome outcome = basin_propose(b, 1, "x");
  cr_assert_eq(outcome.result, VLOT_NOT_LEADER);
  cr_assert_eq(outcome.accepted, 0);
  basin_make_leader(b, 1);
  cr_assert_eq(basin_propose(b, 2, "x").result, VLOT_NOT_LEADER);
  cr_assert_eq(basin_status(b, 2).last_index, 1);
  basin_close(b);
}

Test(propose, shared_bytes_travel_without_a_copy) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  vlot_bytes *owner = vlot_bytes_copy(NULL, "shared", 6);
  vlot_command command = {.data = vlot_bytes_data(owner), .size = 6, .owner = owner};
  vlot_input input = {.kind = VLOT_INPUT_PROPOSE};
  input.as.propose.commands = &command;
  input.as.propose.count = 1;
  cr_assert_eq(basin_step(b, 1, &input, 1), VLOT_OK);
  basin_deliver_all(b);
  for (uint32_t id = 1; id <= 3; id++) {
    uint64_t term;
    vlot_entry entry;
    cr_assert_eq(vlot_raft_get_entry(basin_core(b, id), 2, &term, &entry), VLOT_OK);
    cr_assert_eq(entry.data, vlot_bytes_data(owner), "node %u holds a copy", id);
  }
  vlot_bytes_release(owner);
  basin_close(b);
}

Test(lost, proposals_that_were_overwritten_are_told_once_exactly) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_run(b, 1);
  basin_isolate(b, 1);
  vlot_outcome outcome = basin_propose(b, 1, "x y");
  cr_assert_eq(outcome.index, 2);
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  basin_run(b, 40);
  uint32_t leader = basin_leader(b);
  cr_assert(leader == 2 || leader == 3);
  basin_propose(b, leader, "a b c");
  basin_run(b, 2);
  cr_assert_eq(basin_lost_count(b, 1), 0, "as far as it knows they may still be committed");
  basin_heal(b);
  basin_run(b, 30);
  cr_assert_eq(basin_lost_count(b, 1), 1);
  vlot_lost lost = basin_lost(b, 1, 0);
  cr_assert_eq(lost.term, outcome.term);
  cr_assert_eq(lost.first, 2);
  cr_assert_eq(lost.last, 3);
  cr_assert_str_eq(basin_applied(b, 1), "a b c");
  basin_close(b);
}

Test(lost, proposals_that_another_leader_commits_are_not_told) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_run(b, 1);
  basin_propose(b, 1, "x");
  basin_deliver(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND);
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY); /* stored everywhere, acknowledged nowhere */
  basin_step_down(b, 1);
  basin_forget_leader(b, 2);
  basin_forget_leader(b, 3);
  basin_make_leader(b, 2);
  basin_run(b, 2);
  cr_assert_str_eq(basin_applied(b, 1), "x");
  cr_assert_eq(basin_lost_count(b, 1), 0);
  basin_close(b);
}

Test(machine, has_no_more_entries_before_it_than_its_limit) {
  for (uint32_t max = 1; max <= 4; max++) {
    vlot_raft_options like = small();
    like.apply_entries_max = max;
    basin *b = basin_open(1, &like);
    basin_start_all(b);
    basin_hold_machine(b, 1);
    basin_make_leader(b, 1);
    basin_propose(b, 1, "a b c d e f"); /* behind the no-op */
    const char *expected[] = {"",        "a",         "a b",         "a b c",
                              "a b c d", "a b c d e", "a b c d e f", "a b c d e f"};
    for (uint64_t applied = 0; applied <= 6; applied++) {
      if (applied > 0) basin_apply_to(b, 1, applied);
      uint64_t handed = applied + max < 7 ? applied + max : 7;
      const char *text = basin_applied(b, 1);
      cr_assert_str_eq(text, expected[handed - 1]);
    }
    basin_close(b);
  }
}
