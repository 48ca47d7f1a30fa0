/* Linearizable reads by ReadIndex (thesis 6.4): from which index on, and not before a quorum said
 * that this is still the leader. */
#include <criterion/criterion.h>

#include "basin.h"

/* Is the read answered, and with OK at this index? */
static void expect_served(const basin *b, uint32_t id, uint64_t tag, uint64_t index) {
  vlot_read_answer answer;
  cr_assert(basin_read_answer(b, id, tag, &answer), "read %d is not answered", (int)tag);
  cr_assert_eq(answer.result, VLOT_OK);
  cr_assert_eq(answer.index, index);
}

static bool is_answered(const basin *b, uint32_t id, uint64_t tag) {
  vlot_read_answer answer;
  return basin_read_answer(b, id, tag, &answer);
}

static basin *led(void) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x");
  basin_run(b, 2);
  return b;
}

Test(reads, are_answered_when_a_quorum_answers_what_was_sent_after_them) {
  basin *b = led();
  cr_assert_eq(basin_read(b, 1, 7).result, VLOT_OK);
  cr_assert_not(is_answered(b, 1, 7));
  cr_assert_eq(basin_status(b, 1).pending_reads, 1);
  cr_assert_eq(basin_count(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND), 2, "it asks at once");
  basin_deliver_one(b, 1, 2, VLOT_MESSAGE_APPEND);
  cr_assert_not(is_answered(b, 1, 7));
  basin_deliver_one(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  expect_served(b, 1, 7, 2);
  cr_assert_eq(basin_status(b, 1).pending_reads, 0);
  basin_close(b);
}

Test(reads, are_not_confirmed_by_answers_to_what_was_sent_before_them) {
  basin *b = led();
  basin_tick(b, 1, 1);
  basin_deliver(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND);
  cr_assert_eq(basin_hold(b, BASIN_ANY, 1, VLOT_MESSAGE_APPEND_REPLY), 2);
  basin_read(b, 1, 7);
  basin_drop(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND);
  basin_release(b, BASIN_ANY, 1, VLOT_MESSAGE_APPEND_REPLY);
  basin_deliver_all(b);
  cr_assert_not(is_answered(b, 1, 7));
  basin_run(b, 1); /* the next heartbeat confirms it */
  expect_served(b, 1, 7, 2);
  basin_close(b);
}

Test(reads, one_round_confirms_all_that_were_asked_before_it) {
  basin *b = led();
  for (uint64_t tag = 1; tag <= 5; tag++) basin_read(b, 1, tag);
  basin_deliver_all(b);
  for (uint64_t tag = 1; tag <= 5; tag++) expect_served(b, 1, tag, 2);
  basin_close(b);
}

Test(reads, wait_for_an_entry_of_the_leaders_term) { /* B104 */
  basin *b = led();
  basin_hold_machine(b, 1);
  basin_propose(b, 1, "y");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND); /* 3 is on a quorum */
  basin_deliver(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(basin_status(b, 1).commit_index, 3);
  basin_crash(b, 1);
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  basin_forget_leader(b, 3);
  basin_campaign(b, 2);
  basin_forget_leader(b, 3);
  basin_deliver(b, 2, 3, BASIN_ANY);
  basin_deliver(b, 3, 2, BASIN_ANY);
  basin_deliver(b, 2, 3, BASIN_ANY);
  basin_deliver(b, 3, 2, BASIN_ANY);
  cr_assert_eq(basin_status(b, 2).role, VLOT_ROLE_LEADER);
  cr_assert_eq(basin_status(b, 2).commit_index, 2, "it does not know yet that 3 is committed");
  basin_hold_disk(b, 3);
  cr_assert_eq(basin_read(b, 2, 9).result, VLOT_OK);
  basin_deliver_all(b); /* a quorum confirms it, but nothing of this term can commit */
  cr_assert_not(is_answered(b, 2, 9));
  basin_release_disk(b, 3);
  basin_run(b, 2);
  expect_served(b, 2, 9, 4);
  basin_close(b);
}

Test(reads, are_not_answered_without_a_quorum) { /* B106 */
  basin *b = led();
  basin_isolate(b, 1);
  basin_read(b, 1, 7);
  basin_run(b, 8);
  cr_assert_not(is_answered(b, 1, 7));
  basin_run(b, 60);
  vlot_read_answer answer;
  cr_assert(basin_read_answer(b, 1, 7, &answer), "and it is not forgotten either (B112)");
  cr_assert_eq(answer.result, VLOT_NOT_LEADER);
  cr_assert_eq(answer.why, VLOT_WHY_LEADERSHIP_LOST);
  basin_close(b);
}

Test(reads, of_a_deposed_leader_fail_when_it_learns_of_it) {
  basin *b = led();
  basin_isolate(b, 1);
  basin_read(b, 1, 7);
  basin_forget_leader(b, 2);
  basin_forget_leader(b, 3);
  basin_make_leader(b, 2);
  basin_propose(b, 2, "y");
  basin_run(b, 1);
  cr_assert_not(is_answered(b, 1, 7));
  basin_heal(b);
  basin_run(b, 3);
  vlot_read_answer answer;
  cr_assert(basin_read_answer(b, 1, 7, &answer));
  cr_assert_eq(answer.result, VLOT_NOT_LEADER);
  basin_close(b);
}

Test(reads, with_one_voter_need_nobody_else) {
  basin *b = basin_of(1);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x");
  basin_read(b, 1, 7);
  expect_served(b, 1, 7, 2);
  basin_close(b);
}

Test(reads, with_one_voter_wait_for_the_no_op_too) {
  basin *b = basin_of(1);
  basin_hold_disk(b, 1);
  basin_campaign(b, 1);
  basin_store_all(b, 1);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  basin_read(b, 1, 7);
  cr_assert_not(is_answered(b, 1, 7));
  basin_store_all(b, 1);
  expect_served(b, 1, 7, 1);
  basin_close(b);
}

Test(reads, are_refused_by_whoever_does_not_lead) {
  basin *b = led();
  vlot_outcome outcome = basin_read(b, 2, 1);
  cr_assert_eq(outcome.result, VLOT_NOT_LEADER);
  cr_assert_eq(outcome.why, VLOT_WHY_NOT_LEADER);
  basin_close(b);
}

Test(reads, are_refused_beyond_their_limit) {
  for (uint32_t max = 1; max <= 3; max++) {
    vlot_raft_options like;
    vlot_raft_options_init(&like);
    like.reads_max = max;
    basin *b = basin_open(3, &like);
    basin_start_all(b);
    basin_make_leader(b, 1);
    for (uint32_t k = 0; k < 5; k++) {
      vlot_outcome outcome = basin_read(b, 1, k + 1);
      cr_assert_eq(outcome.result, k < max ? VLOT_OK : VLOT_BUSY);
      if (k >= max) cr_assert_eq(outcome.why, VLOT_WHY_READS_FULL);
    }
    basin_deliver_all(b);
    cr_assert_eq(basin_status(b, 1).pending_reads, 0);
    cr_assert_eq(basin_read(b, 1, 9).result, VLOT_OK, "answers give room again");
    basin_close(b);
  }
}

/* B105: the answers to an old round, duplicated and late, say nothing about a read that came after
 * it. */
Test(reads, the_same_tag_asked_again_is_another_read) {
  basin *b = led();
  basin_read(b, 1, 7);
  basin_deliver(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND);
  basin_duplicate(b, BASIN_ANY, 1, VLOT_MESSAGE_APPEND_REPLY);
  basin_deliver_one(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  expect_served(b, 1, 7, 2);
  basin_hold(b, BASIN_ANY, 1, VLOT_MESSAGE_APPEND_REPLY);
  basin_isolate(b, 1); /* others take over behind its back */
  basin_forget_leader(b, 2);
  basin_forget_leader(b, 3);
  basin_make_leader(b, 2);
  basin_propose(b, 2, "newer");
  basin_run(b, 1);
  basin_read(b, 1, 7);
  basin_read(b, 1, 8);
  basin_heal(b);
  basin_drop(b, 1, BASIN_ANY, BASIN_ANY);
  basin_release(b, BASIN_ANY, 1, VLOT_MESSAGE_APPEND_REPLY);
  basin_deliver(b, BASIN_ANY, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_not(is_answered(b, 1, 8));
  cr_assert_eq(basin_status(b, 1).pending_reads, 2);
  basin_close(b);
}

/* B107: the core says from which index on; whoever serves waits until that is applied. At a start
 * nothing is. */
Test(reads, name_an_index_that_the_machine_may_not_have_reached) {
  basin *b = led();
  basin_hold_machine(b, 1);
  basin_propose(b, 1, "y");
  basin_deliver_all(b);
  basin_read(b, 1, 7);
  basin_deliver_all(b);
  expect_served(b, 1, 7, 3);
  cr_assert_lt(basin_status(b, 1).applied_index, 3);
  basin_close(b);
}

Test(reads, a_wiped_disk_confirms_nothing) {
  basin *b = basin_open(3, NULL);
  for (uint32_t id = 1; id <= 3; id++) basin_preset_disk(b, id, 100 + id, 100 + id);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_crash(b, 2);
  basin_crash(b, 3);
  basin_preset(b, 2, 0, 0, "");
  basin_preset_disk(b, 2, 102, 999);
  basin_lawless(b); /* what 2 promised and acknowledged is forgotten, on purpose */
  basin_start(b, 2);
  basin_read(b, 1, 7);
  basin_run(b, 3);
  cr_assert_not(is_answered(b, 1, 7));
  basin_close(b);
}
