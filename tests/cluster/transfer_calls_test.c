/* Leadership handed over by hand: to a named member and to the best one, in both drivers; what is
 * refused, and why; recorded and replayed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fleet.h"
#include "taped.h"

enum { WAIT = 3000 };

static uint32_t other_than(uint32_t id) { return id % 3 + 1; }

static void add(vlot_cluster *cluster, uint32_t count) {
  vlot_client *client = fleet_client(cluster, 1, 2000);
  for (uint32_t k = 0; k < count; k++) cr_assert_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
}

static void hand_over_in(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  vlot_cluster *cluster = fleet_open(&options);
  uint32_t leader, now;
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, WAIT));
  for (uint32_t round = 0; round < 4; round++) {
    leader = vlot_cluster_leader(cluster);
    uint64_t term = fleet_status(cluster, leader).raft.term;
    uint32_t to = round < 3 ? other_than(leader) : 0;
    vlot_result result = vlot_cluster_transfer(cluster, to, WAIT, &now);
    cr_assert_eq(result, VLOT_OK, "%s", vlot_problem(result));
    cr_expect(to == 0 ? now != leader && now != 0 : now == to);
    cr_assert_eq(vlot_await_role(cluster, now, VLOT_ROLE_LEADER, WAIT), VLOT_OK);
    cr_expect_eq(fleet_status(cluster, now).raft.term, term + 1, "one election, and no other");
    add(cluster, 3);
  }
  cr_assert(fleet_settle(cluster, WAIT));
  cr_expect(fleet_agrees(cluster));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(transfer_calls, leadership_goes_to_whom_it_is_given_in_lockstep) {
  hand_over_in(VLOT_DRIVER_LOCKSTEP);
}
Test(transfer_calls, leadership_goes_to_whom_it_is_given_with_threads) {
  hand_over_in(VLOT_DRIVER_THREADS);
}

static void expect(vlot_cluster *cluster, uint32_t to, vlot_result result, const char *words) {
  uint32_t now = 77;
  vlot_result got = vlot_cluster_transfer(cluster, to, WAIT, &now);
  cr_expect_eq(got, result, "%s, not %s: %s", vlot_result_name(got), vlot_result_name(result),
               vlot_problem(got));
  cr_expect(strstr(vlot_problem(got), words), "'%s' has no '%s'", vlot_problem(got), words);
  cr_expect_eq(now, 0);
}

static void refuse_in(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 4);
  options.learners = 1;
  vlot_cluster *cluster = fleet_open(&options);
  char words[64];
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, WAIT));
  uint32_t leader = vlot_cluster_leader(cluster), to = other_than(leader);
  expect(cluster, 9, VLOT_NOT_FOUND, "9");
  expect(cluster, leader, VLOT_INVALID, "it is the leader itself");
  expect(cluster, 4, VLOT_INVALID, "to node 4: ");
  cr_assert_eq(vlot_cluster_kill(cluster, to, false), VLOT_OK);
  snprintf(words, sizeof words, "node %u may have handed over to node %u: ", leader, to);
  expect(cluster, to, VLOT_UNKNOWN, words);
  cr_expect_eq(vlot_cluster_leader(cluster), leader, "it stays with whom it was");
  add(cluster, 3);
  cr_assert_eq(vlot_cluster_suspend(cluster, leader), VLOT_OK);
  expect(cluster, to, VLOT_NOT_LEADER, "nobody leads"); /* that is up */
  cr_assert_eq(vlot_cluster_resume(cluster, leader), VLOT_OK);
  cr_assert_eq(vlot_cluster_spawn(cluster, to), VLOT_OK);
  cr_assert(fleet_settle(cluster, WAIT));
  for (uint32_t id = 1; id <= 4; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
  expect(cluster, to, VLOT_NOT_LEADER, "nobody leads");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(transfer_calls, what_cannot_be_is_refused_with_the_reason_in_lockstep) {
  refuse_in(VLOT_DRIVER_LOCKSTEP);
}
Test(transfer_calls, what_cannot_be_is_refused_with_the_reason_with_threads) {
  refuse_in(VLOT_DRIVER_THREADS);
}

/* While it hands over it takes no commands, and no second order; when it gives up it does again. */
Test(transfer_calls, meanwhile_commands_and_other_orders_are_refused) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, WAIT));
  uint32_t leader = vlot_cluster_leader(cluster), to = other_than(leader);
  cr_assert_eq(vlot_cluster_kill(cluster, to, false), VLOT_OK);
  cr_assert_eq(vlot_cluster_transfer(cluster, to, 0, NULL), VLOT_OK);
  fleet_pass(cluster, 1);
  expect(cluster, 0, VLOT_BUSY, "leadership is being handed over");
  vlot_client *client = fleet_client(cluster, leader, 200);
  uint64_t sequence;
  cr_assert_eq(fleet_submit(client, "key", 1, &sequence), VLOT_OK);
  vlot_answer answer = fleet_wait(client);
  cr_expect_eq(answer.result, VLOT_REJECTED);
  cr_expect_eq(answer.why, VLOT_WHY_TRANSFER);
  fleet_pass(cluster, 40);
  cr_expect_eq(vlot_cluster_leader(cluster), leader);
  cr_expect_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(transfer_calls, a_recorded_run_with_them_is_replayed) {
  taped tape = {0};
  char text[320];
  uint32_t now;
  vlot_writer sink = taped_sink(&tape);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.journal = &sink;
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 10);
  for (uint32_t round = 0; round < 4; round++) {
    cr_assert(fleet_settle(cluster, WAIT));
    uint32_t to = round % 2 ? 0 : other_than(vlot_cluster_leader(cluster));
    cr_assert_eq(vlot_cluster_transfer(cluster, to, WAIT, &now), VLOT_OK);
    cr_assert_eq(vlot_await_role(cluster, now, VLOT_ROLE_LEADER, WAIT), VLOT_OK);
    add(cluster, 5);
  }
  cr_assert(fleet_settle(cluster, WAIT));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  vlot_cluster *replay;
  cr_expect_str_eq(taped_replay(&tape, NULL, &replay, text), "");
  cr_expect_eq(vlot_cluster_transfer(replay, 1, WAIT, &now), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_cluster_close(replay), VLOT_OK);
  taped_free(&tape);
}
