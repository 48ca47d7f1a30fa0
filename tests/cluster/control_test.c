/* What a person can do to a running cluster, in both drivers: nodes, disks, clocks, links, orders,
 * clients, waiting. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

static const vlot_driver drivers[] = {VLOT_DRIVER_LOCKSTEP, VLOT_DRIVER_THREADS};

enum { LONG = 5000 }; /* ticks: far more than anything takes */

static vlot_cluster *open_nodes(vlot_driver driver, uint32_t nodes) {
  vlot_cluster_options options = fleet_options(driver, nodes);
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  return cluster;
}

static void close_well(vlot_cluster *cluster) {
  char text[256];
  if (vlot_cluster_violation(cluster, text, sizeof text)) cr_expect_fail("%s", text);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static uint32_t leader_of(vlot_cluster *cluster) {
  uint32_t leader = 0;
  cr_assert_eq(vlot_await_leader(cluster, LONG, &leader), VLOT_OK);
  return leader;
}

/* One that has heard from the leader: a quorum follows it without this one. */
static uint32_t follower_of(vlot_cluster *cluster) {
  uint32_t follower = leader_of(cluster) == 1 ? 2 : 1;
  cr_assert_eq(vlot_await_applied(cluster, follower, 1, LONG), VLOT_OK);
  return follower;
}

static vlot_client *client_of(vlot_cluster *cluster, uint32_t contact, uint64_t timeout) {
  vlot_client *client = fleet_client(cluster, contact, timeout);
  cr_assert_not_null(client);
  return client;
}

static void expect_value(vlot_client *client, const char *key, const char *expected) {
  char value[32];
  cr_assert_eq(fleet_get(client, key, value, sizeof value), VLOT_OK);
  cr_expect_str_eq(value, expected);
}

/* Runs a test's body in both drivers. */
static void in_both(void (*body)(vlot_cluster *cluster), uint32_t nodes) {
  for (size_t k = 0; k < sizeof drivers / sizeof *drivers; k++) {
    vlot_cluster *cluster = open_nodes(drivers[k], nodes);
    body(cluster);
    close_well(cluster);
  }
}

/* --- nodes --- */

static void kill_and_spawn(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster);
  vlot_client *client = client_of(cluster, 0, LONG);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_expect_eq(vlot_cluster_spawn(cluster, leader), VLOT_EXISTS);
  cr_assert_eq(vlot_cluster_kill(cluster, leader, true), VLOT_OK);
  cr_expect_eq(vlot_cluster_kill(cluster, leader, true), VLOT_CLOSED);
  cr_expect_eq(fleet_status(cluster, leader).state, VLOT_NODE_DOWN);
  cr_expect_eq(vlot_cluster_suspend(cluster, leader), VLOT_CLOSED);
  cr_expect_eq(vlot_cluster_resume(cluster, leader), VLOT_CLOSED);
  cr_expect_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_CAMPAIGN, 0), VLOT_CLOSED);
  uint64_t hash, applied;
  cr_expect_eq(vlot_cluster_hash(cluster, leader, &hash, &applied), VLOT_CLOSED);
  cr_expect_neq(leader_of(cluster), leader);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_cluster_spawn(cluster, leader), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, leader).incarnation, 2);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  cr_expect(fleet_agrees(cluster));
  cr_expect_eq(fleet_stats(cluster).kills, 1);
  vlot_client_close(client);
}

Test(control, a_killed_leader_is_replaced_and_catches_up_when_it_is_spawned) {
  in_both(kill_and_spawn, 3);
}

static void restart_all(vlot_cluster *cluster) {
  static const vlot_restart ways[] = {VLOT_RESTART_KEEP, VLOT_RESTART_LOSE};
  vlot_client *client = client_of(cluster, 0, LONG);
  for (size_t k = 0; k < 2; k++)
    for (uint32_t id = 1; id <= 3; id++) {
      cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
      cr_assert_eq(vlot_cluster_restart(cluster, id, ways[k]), VLOT_OK);
    }
  cr_expect_eq(vlot_cluster_restart(cluster, 1, (vlot_restart)3), VLOT_INVALID);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, true), VLOT_OK);
  cr_expect_eq(vlot_cluster_leader(cluster), 0);
  for (uint32_t id = 1; id <= 3; id++)
    cr_assert_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP), VLOT_OK);
  expect_value(client, "n", "6");
  cr_expect_eq(fleet_stats(cluster).restarts, 9);
  vlot_client_close(client);
}

Test(control, what_was_acknowledged_survives_restarts_of_all_nodes) { in_both(restart_all, 3); }

/* A write that is not durable is lost with the power; with KEEP it is not. */
static void lose_unsynced(vlot_cluster *cluster) {
  vlot_disk_fault stalled = {.is_stalled = 1};
  vlot_client *client = client_of(cluster, 0, 40);
  leader_of(cluster);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  uint64_t durable = fleet_status(cluster, 1).raft.durable_index;
  for (uint32_t id = 1; id <= 3; id++)
    cr_assert_eq(vlot_cluster_set_disk(cluster, id, &stalled), VLOT_OK);
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  cr_expect_eq(fleet_wait(client).result, VLOT_UNKNOWN, "no disk answers");
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, true), VLOT_OK);
  cr_expect_gt(fleet_status(cluster, 1).lost_writes + fleet_status(cluster, 2).lost_writes +
                   fleet_status(cluster, 3).lost_writes,
               0);
  cr_expect(fleet_settle(cluster, LONG));
  cr_expect_geq(fleet_status(cluster, 1).raft.durable_index, durable);
  vlot_client_close(client);
}

Test(control, a_power_cut_loses_writes_that_were_not_durable) { in_both(lose_unsynced, 3); }

/* A wiped member's votes and acknowledgements do not count (docs/decisions/disk-ids.md). */
static void wipe(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster), other = leader == 3 ? 2 : 3, wiped = 6 - leader - other;
  vlot_client *client = client_of(cluster, 0, 60), *patient = client_of(cluster, 0, LONG);
  uint64_t disk = fleet_status(cluster, wiped).disk_id;
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_cluster_restart(cluster, wiped, VLOT_RESTART_WIPE), VLOT_OK);
  cr_expect_neq(fleet_status(cluster, wiped).disk_id, disk);
  cr_assert_eq(fleet_add(patient, "n", 1), VLOT_OK, "the two others are a quorum");
  cr_assert_eq(vlot_cluster_kill(cluster, other, false), VLOT_OK);
  vlot_result result = fleet_add(client, "n", 1);
  cr_expect(result == VLOT_UNKNOWN || result == VLOT_REJECTED,
            "leader and wiped member are none: %s", vlot_result_name(result));
  cr_assert_eq(vlot_cluster_restart(cluster, leader, VLOT_RESTART_KEEP), VLOT_OK);
  cr_expect_eq(vlot_await_leader(cluster, 200, NULL), VLOT_TIMEOUT, "its vote does not count");
  cr_assert_eq(vlot_cluster_spawn(cluster, other), VLOT_OK);
  cr_expect_neq(leader_of(cluster), wiped);
  cr_expect_eq(fleet_add(patient, "n", 1), VLOT_OK);
  vlot_client_close(client);
  vlot_client_close(patient);
}

Test(control, a_wiped_member_grants_no_vote_and_its_acknowledgements_do_not_count) {
  in_both(wipe, 3);
}

static void suspend_and_resume(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster), follower = follower_of(cluster);
  vlot_client *client = client_of(cluster, 0, LONG);
  cr_assert_eq(vlot_cluster_suspend(cluster, follower), VLOT_OK);
  cr_expect_eq(vlot_cluster_suspend(cluster, follower), VLOT_OK, "twice is once");
  cr_expect_eq(fleet_status(cluster, follower).state, VLOT_NODE_SUSPENDED);
  uint64_t applied = fleet_status(cluster, follower).applied_index;
  for (int k = 0; k < 10; k++) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  fleet_pass(cluster, 300);
  cr_expect_eq(fleet_status(cluster, follower).applied_index, applied, "mail waits");
  cr_expect_gt(fleet_status(cluster, follower).mailbox, 0);
  uint64_t elections = fleet_stats(cluster).elections, campaigns = fleet_stats(cluster).campaigns;
  uint64_t term = fleet_status(cluster, leader).raft.term;
  cr_assert_eq(vlot_cluster_resume(cluster, follower), VLOT_OK);
  cr_expect_eq(vlot_cluster_resume(cluster, follower), VLOT_OK);
  cr_assert_eq(vlot_await_applied(cluster, follower, applied + 10, LONG), VLOT_OK);
  fleet_pass(cluster, 100);
  cr_expect_eq(fleet_stats(cluster).elections, elections,
               "the ticks it slept through count as one (P15)");
  cr_expect_eq(fleet_stats(cluster).campaigns, campaigns);
  cr_expect_eq(fleet_status(cluster, leader).raft.term, term);
  vlot_client_close(client);
}

Test(control, a_resumed_node_goes_on_without_a_burst_of_elections) {
  in_both(suspend_and_resume, 3);
}

static void suspend_leader(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster);
  vlot_client *client = client_of(cluster, 0, LONG);
  cr_assert_eq(vlot_cluster_suspend(cluster, leader), VLOT_OK);
  cr_expect_neq(leader_of(cluster), leader);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_cluster_kill(cluster, leader, false), VLOT_OK,
               "a suspended node can be killed");
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
}

Test(control, a_suspended_leader_is_replaced_and_can_be_killed) { in_both(suspend_leader, 3); }

/* --- orders --- */

static void orders(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster), follower = follower_of(cluster);
  cr_expect_eq(vlot_cluster_order(cluster, follower, VLOT_INPUT_ELECT, 0), VLOT_OK);
  cr_assert_eq(vlot_await_role(cluster, follower, VLOT_ROLE_LEADER, LONG), VLOT_OK);
  cr_assert_eq(vlot_await_role(cluster, leader, VLOT_ROLE_FOLLOWER, LONG), VLOT_OK);
  leader = leader_of(cluster);
  uint64_t elections = fleet_stats(cluster).elections;
  cr_expect_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_STEP_DOWN, 0), VLOT_OK);
  cr_assert_eq(vlot_await_role(cluster, leader, VLOT_ROLE_FOLLOWER, LONG), VLOT_OK);
  leader = leader_of(cluster);
  cr_expect_gt(fleet_stats(cluster).elections, elections);
  uint32_t switches = VLOT_SWITCH_ALL & ~(uint32_t)VLOT_SWITCH_PRE_VOTE;
  cr_expect_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_SWITCHES, switches), VLOT_OK);
  for (int tries = 0; tries < 100 && fleet_status(cluster, leader).raft.switches != switches;
       tries++)
    fleet_pass(cluster, 2);
  cr_expect_eq(fleet_status(cluster, leader).raft.switches, switches);
  cr_expect_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_SWITCHES, VLOT_SWITCH_ALL + 1),
               VLOT_INVALID);
  cr_expect_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_TICK, 0), VLOT_INVALID);
  cr_expect_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_STORED, 0), VLOT_INVALID);
  cr_expect_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_PROPOSE, 0), VLOT_INVALID);
  cr_expect_eq(vlot_cluster_order(cluster, leader, (vlot_input_kind)0, 0), VLOT_INVALID);
}

Test(control, orders_are_obeyed_in_a_turn) { in_both(orders, 3); }

/* --- clocks --- */

static void still_clock(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster), follower = follower_of(cluster);
  cr_expect_eq(vlot_cluster_set_clock_rate(cluster, follower, 100001), VLOT_INVALID);
  cr_expect_eq(vlot_cluster_set_clock_rate(cluster, follower, 100000), VLOT_OK);
  cr_expect_eq(vlot_cluster_set_clock_rate(cluster, follower, 0), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, follower).clock_permille, 0);
  cr_assert_eq(vlot_cluster_kill(cluster, leader, false), VLOT_OK);
  cr_expect_neq(leader_of(cluster), follower);
  for (uint32_t id = 1; id <= 5; id++)
    if (id != follower) (void)vlot_cluster_kill(cluster, id, false);
  fleet_pass(cluster, 400);
  cr_expect_eq(fleet_status(cluster, follower).raft.role, VLOT_ROLE_FOLLOWER);
  cr_expect(fleet_settle(cluster, LONG));
}

Test(control, a_node_whose_clock_stands_still_never_stands_for_election) {
  in_both(still_clock, 5);
}

static void clock_change(vlot_cluster *cluster) {
  uint32_t follower = follower_of(cluster);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, follower, &(vlot_link){.is_cut = 1}), VLOT_OK,
               "nothing makes it look at its clock");
  cr_assert_eq(vlot_cluster_set_clock_rate(cluster, follower, 0), VLOT_OK);
  fleet_pass(cluster, 300);
  uint64_t campaigns = fleet_stats(cluster).campaigns;
  uint64_t before = fleet_status(cluster, follower).raft.now, tick = vlot_cluster_now(cluster);
  cr_assert_eq(vlot_cluster_set_clock_rate(cluster, follower, 1000), VLOT_OK);
  fleet_pass(cluster, 12);
  uint64_t passed = vlot_cluster_now(cluster) - tick;
  cr_expect_leq(fleet_status(cluster, follower).raft.now, before + passed + 8,
                "the ticks of the old rate do not count by the new one: %llu, then %llu after %llu",
                (unsigned long long)before,
                (unsigned long long)fleet_status(cluster, follower).raft.now,
                (unsigned long long)passed);
  cr_expect_eq(fleet_stats(cluster).campaigns, campaigns);
}

Test(control, another_clock_rate_holds_from_now_on) { in_both(clock_change, 3); }

/* --- disks --- */

static void disk_delay(vlot_cluster *cluster) {
  vlot_disk_fault slow = {.delay_ticks_min = 2, .delay_ticks_max = 3},
                  wrong = {.delay_ticks_min = 3, .delay_ticks_max = 2};
  vlot_client *client = client_of(cluster, 0, LONG);
  cr_expect_eq(vlot_cluster_set_disk(cluster, 1, &wrong), VLOT_INVALID);
  for (uint32_t id = 1; id <= 3; id++)
    cr_assert_eq(vlot_cluster_set_disk(cluster, id, &slow), VLOT_OK);
  uint64_t now = vlot_cluster_now(cluster);
  for (int k = 0; k < 5; k++) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_expect_geq(vlot_cluster_now(cluster), now + 10, "a command waits for a disk");
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
}

Test(control, a_slow_disk_makes_commands_slow) { in_both(disk_delay, 3); }

static void disk_stall(vlot_cluster *cluster) {
  vlot_disk_fault stalled = {.is_stalled = 1};
  uint32_t leader = leader_of(cluster), follower = follower_of(cluster);
  vlot_client *client = client_of(cluster, 0, LONG);
  cr_assert_eq(vlot_cluster_set_disk(cluster, follower, &stalled), VLOT_OK);
  for (int k = 0; k < 5; k++)
    cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK, "the others are a quorum");
  uint64_t committed = fleet_status(cluster, leader).raft.commit_index;
  cr_expect_lt(fleet_status(cluster, follower).raft.durable_index, committed);
  cr_assert_eq(vlot_cluster_set_disk(cluster, follower, &(vlot_disk_fault){0}), VLOT_OK);
  cr_expect_eq(vlot_await_applied(cluster, follower, committed, LONG), VLOT_OK);
  vlot_client_close(client);
}

Test(control, a_stalled_disk_holds_up_only_its_node) { in_both(disk_stall, 3); }

static void disk_fails(vlot_cluster *cluster) {
  const vlot_disk_fault faults[] = {
      {.fail_at = 1}, {.is_full = 1}, {.fail_at = 1, .delay_ticks_max = 3}};
  vlot_client *client = client_of(cluster, 0, LONG);
  for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
    uint32_t leader = leader_of(cluster), victim = k == 1 ? leader : follower_of(cluster);
    cr_assert_eq(vlot_cluster_set_disk(cluster, victim, &faults[k]), VLOT_OK);
    if (victim != leader)
      cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
    else
      (void)!fleet_add(client, "n", 1);
    for (int tries = 0; tries < 500 && fleet_status(cluster, victim).state != VLOT_NODE_FENCED;
         tries++)
      fleet_pass(cluster, 2);
    vlot_node_status status = fleet_status(cluster, victim);
    cr_expect_eq(status.state, VLOT_NODE_FENCED, "fault %zu", k);
    cr_expect_eq(status.raft.fenced_why, VLOT_WHY_WRITE_FAILED);
    uint64_t hash = 1, applied = 1;
    cr_expect_eq(vlot_cluster_hash(cluster, victim, &hash, &applied), VLOT_FENCED);
    cr_expect(hash == 0 && applied == 0, "its last word is no replica's");
    cr_expect_neq(leader_of(cluster), victim);
    cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
    cr_assert_eq(vlot_cluster_set_disk(cluster, victim, &(vlot_disk_fault){0}), VLOT_OK);
    cr_expect_eq(vlot_cluster_spawn(cluster, victim), VLOT_EXISTS, "it is fenced, not down");
    cr_assert_eq(vlot_cluster_restart(cluster, victim, VLOT_RESTART_KEEP), VLOT_OK);
    cr_expect(fleet_settle(cluster, LONG));
  }
  vlot_client_close(client);
}

Test(control, a_failed_write_fences_the_node_until_it_is_restarted) { in_both(disk_fails, 3); }

/* --- links --- */

static void links_round_trip(vlot_cluster *cluster) {
  vlot_link link = {.loss = 10, .delay_ticks_max = 4, .kinds = 1u << VLOT_MESSAGE_APPEND},
            read = {0};
  cr_expect_eq(vlot_cluster_set_link(cluster, 1, 2, &link), VLOT_OK);
  cr_expect_eq(vlot_cluster_get_link(cluster, 1, 2, &read), VLOT_OK);
  cr_expect(read.loss == 10 && read.delay_ticks_max == 4 && read.kinds == link.kinds);
  cr_expect_eq(vlot_cluster_get_link(cluster, 2, 1, &read), VLOT_OK);
  cr_expect(read.loss == 0 && read.kinds == 0, "a link is directed");
  cr_expect_eq(vlot_cluster_heal(cluster), VLOT_OK);
  cr_expect_eq(vlot_cluster_get_link(cluster, 1, 2, &read), VLOT_OK);
  cr_expect_eq(read.loss, 0);
  const vlot_link wrong[] = {{.loss = 1000001},    {.duplicate = 1000001},
                             {.reorder = 1000001}, {.tail = 1000001},
                             {.is_cut = 2},        {.delay_ticks_min = 2, .delay_ticks_max = 1}};
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
    cr_expect_eq(vlot_cluster_set_link(cluster, 1, 2, &wrong[k]), VLOT_INVALID, "link %zu", k);
  const vlot_link most = {
      .loss = 1000000, .duplicate = 1000000, .reorder = 1000000, .tail = 1000000, .is_cut = 1};
  cr_expect_eq(vlot_cluster_set_link(cluster, 1, 2, &most), VLOT_OK);
  cr_expect_eq(vlot_cluster_set_link(cluster, 4, 1, &link), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_cluster_set_link(cluster, 1, 4, &link), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_cluster_get_link(cluster, 0, 1, &read), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_cluster_get_link(cluster, 1, 1, &read), VLOT_NOT_FOUND);
}

Test(control, links_are_directed_and_judged) { in_both(links_round_trip, 3); }

/* The leader sends and is not heard: it steps down by CheckQuorum and the others elect. */
static void one_way(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, leader, &(vlot_link){.is_cut = 1}), VLOT_OK);
  cr_expect_eq(vlot_await_role(cluster, leader, VLOT_ROLE_FOLLOWER, LONG), VLOT_OK);
  cr_expect_neq(leader_of(cluster), leader);
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
  cr_expect(fleet_settle(cluster, LONG));
}

Test(control, a_leader_that_hears_nobody_steps_down) { in_both(one_way, 3); }

static void total_loss(vlot_cluster *cluster) {
  leader_of(cluster);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, 0, &(vlot_link){.loss = 1000000}), VLOT_OK);
  for (uint32_t id = 1; id <= 3; id++)
    for (int tries = 0; tries < 500 && fleet_status(cluster, id).raft.role == VLOT_ROLE_LEADER;
         tries++)
      fleet_pass(cluster, 2);
  cr_expect_eq(vlot_cluster_leader(cluster), 0);
  uint64_t delivered = fleet_stats(cluster).delivered;
  uint64_t term = fleet_status(cluster, 1).raft.term;
  fleet_pass(cluster, 200);
  cr_expect_eq(fleet_stats(cluster).delivered, delivered);
  cr_expect_eq(fleet_status(cluster, 1).raft.term, term, "PreVote raises no term");
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
  cr_expect(fleet_settle(cluster, LONG));
}

Test(control, when_every_message_is_lost_nothing_happens_until_it_heals) { in_both(total_loss, 3); }

static void everything_twice(vlot_cluster *cluster) {
  vlot_link link = {
      .duplicate = 1000000, .delay_ticks_max = 2, .reorder = 500000, .reorder_ticks = 3};
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, 0, &link), VLOT_OK);
  vlot_client *client = client_of(cluster, follower_of(cluster), LONG);
  for (int k = 0; k < 20; k++) {
    vlot_result result = fleet_add(client, "n", 1);
    cr_assert_eq(result, VLOT_OK, "%d: %s", k, vlot_result_name(result));
  }
  expect_value(client, "n", "20");
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
}

Test(control, duplicates_and_reordering_apply_no_command_twice) { in_both(everything_twice, 3); }

static void by_kind(vlot_cluster *cluster) {
  leader_of(cluster);
  vlot_link deaf = {.loss = 1000000,
                    .kinds = 1u << VLOT_MESSAGE_PRE_VOTE | 1u << VLOT_MESSAGE_VOTE};
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, 0, &deaf), VLOT_OK);
  vlot_client *client = client_of(cluster, 0, LONG);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK, "appends are not touched");
  cr_assert_eq(vlot_cluster_kill(cluster, leader_of(cluster), false), VLOT_OK);
  cr_expect_eq(vlot_await_leader(cluster, 200, NULL), VLOT_TIMEOUT, "nobody hears a candidate");
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
}

Test(control, a_link_may_touch_some_kinds_of_messages_only) { in_both(by_kind, 3); }

static void partition(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster);
  vlot_client *minority = client_of(cluster, leader, 40), *patient = client_of(cluster, 0, LONG);
  uint32_t companion = leader == 1 ? 2 : 1;
  cr_assert_eq(vlot_cluster_partition(cluster, (uint32_t[]){leader, companion}, 2), VLOT_OK);
  cr_assert_eq(fleet_submit(minority, "m", 1, NULL), VLOT_OK);
  cr_expect_eq(fleet_wait(minority).result, VLOT_UNKNOWN, "two of five commit nothing");
  cr_expect_eq(vlot_await_role(cluster, leader, VLOT_ROLE_FOLLOWER, LONG), VLOT_OK);
  uint32_t majority = leader_of(cluster);
  cr_expect(majority != leader && majority != companion);
  vlot_client *direct = client_of(cluster, majority, LONG);
  cr_expect_eq(fleet_add(direct, "n", 1), VLOT_OK);
  uint64_t term = fleet_status(cluster, majority).raft.term;
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
  cr_expect(fleet_settle(cluster, LONG));
  cr_expect_eq(fleet_status(cluster, majority).raft.term, term,
               "whoever comes back disturbs nobody");
  expect_value(patient, "m", "");
  expect_value(patient, "n", "1");
  vlot_client_close(minority);
  vlot_client_close(patient);
  vlot_client_close(direct);
}

Test(control, a_minority_commits_nothing_and_comes_back_quietly) { in_both(partition, 5); }

static bool is_cut(vlot_cluster *cluster, uint32_t from, uint32_t to) {
  vlot_link link;
  cr_assert_eq(vlot_cluster_get_link(cluster, from, to, &link), VLOT_OK);
  return link.is_cut;
}

static void sides(vlot_cluster *cluster) {
  cr_expect_eq(vlot_cluster_partition(cluster, (uint32_t[]){1, 6}, 2), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_cluster_partition(cluster, (uint32_t[]){1, 0, 2, 1}, 4), VLOT_INVALID);
  for (uint32_t to = 2; to <= 5; to++) cr_expect_not(is_cut(cluster, 1, to), "nothing happened");
  cr_assert_eq(vlot_cluster_partition(cluster, (uint32_t[]){5, 0, 2, 1}, 4), VLOT_OK);
  const uint32_t side[] = {2, 2, 3, 3, 1};
  for (uint32_t from = 1; from <= 5; from++)
    for (uint32_t to = 1; to <= 5; to++)
      if (from != to)
        cr_expect_eq(is_cut(cluster, from, to), side[from - 1] != side[to - 1], "%u to %u", from,
                     to);
}

Test(control, a_partition_has_the_sides_that_are_named_and_the_rest) { in_both(sides, 5); }

/* --- learners --- */

static void learners(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 4);
  options.learners = 2;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = client_of(cluster, 0, LONG), *brief = client_of(cluster, 0, 60);
  uint32_t leader = leader_of(cluster), other = 3 - leader;
  cr_expect_leq(leader, 2);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_await_applied(cluster, 4, 2, LONG), VLOT_OK, "learners receive entries");
  cr_expect_eq(fleet_status(cluster, 4).is_learner, 1);
  cr_expect_eq(fleet_status(cluster, 1).is_learner, 0);
  (void)vlot_cluster_order(cluster, 3, VLOT_INPUT_ELECT, 0);
  fleet_pass(cluster, 30);
  cr_expect_eq(fleet_status(cluster, 3).raft.role, VLOT_ROLE_FOLLOWER, "a learner never stands");
  cr_assert_eq(vlot_cluster_kill(cluster, other, false), VLOT_OK);
  vlot_result result = fleet_add(brief, "n", 1);
  cr_expect(result == VLOT_UNKNOWN || result == VLOT_REJECTED, "learners are no quorum");
  cr_assert_eq(vlot_cluster_spawn(cluster, other), VLOT_OK);
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
  vlot_client_close(brief);
  close_well(cluster);
}

Test(control, learners_follow_and_do_not_count) {
  for (size_t k = 0; k < 2; k++) learners(drivers[k]);
}

/* --- forwarding --- */

static void forwarding(vlot_cluster *cluster) {
  uint32_t follower = follower_of(cluster), leader = leader_of(cluster);
  vlot_client *client = client_of(cluster, follower, LONG);
  for (int k = 0; k < 30; k++) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  expect_value(client, "n", "30");
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  vlot_answer answer = fleet_wait(client);
  cr_expect_eq(answer.result, VLOT_OK);
  cr_expect_eq(answer.node, leader, "the leader answers");
  cr_expect_eq(fleet_number(&answer), 31);
  vlot_client_close(client);
}

Test(control, a_follower_forwards_a_command_once) { in_both(forwarding, 3); }

/* B118: a follower that believes in a leader which is none any more does not send a command round
 * and round. */
static void hop_limit(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster), follower = follower_of(cluster);
  vlot_client *client = client_of(cluster, follower, LONG);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  for (uint32_t id = 1; id <= 3; id++) /* nobody takes over: no timers */
    cr_assert_eq(vlot_cluster_set_clock_rate(cluster, id, 0), VLOT_OK);
  cr_assert_eq(vlot_cluster_order(cluster, leader, VLOT_INPUT_STEP_DOWN, 0), VLOT_OK);
  cr_assert_eq(vlot_await_role(cluster, leader, VLOT_ROLE_FOLLOWER, LONG), VLOT_OK);
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  vlot_answer answer = fleet_wait(client);
  cr_expect_eq(answer.result, VLOT_REJECTED, "%s", vlot_result_name(answer.result));
  cr_expect(answer.why == VLOT_WHY_NOT_LEADER || answer.why == VLOT_WHY_NO_LEADER);
  cr_assert_eq(fleet_read(client, "n", VLOT_READ_LINEARIZABLE, NULL), VLOT_OK);
  cr_expect_eq(fleet_wait(client).result, VLOT_REJECTED);
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
}

Test(control, a_command_is_forwarded_at_most_once) { in_both(hop_limit, 3); }

/* --- reads --- */

static void reads(vlot_cluster *cluster) {
  uint32_t follower = follower_of(cluster), leader = leader_of(cluster);
  vlot_client *client = client_of(cluster, 0, LONG), *beside = client_of(cluster, follower, LONG);
  for (int64_t k = 1; k <= 10; k++) {
    cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
    vlot_answer written = fleet_wait(client);
    cr_assert_eq(written.result, VLOT_OK);
    cr_assert_eq(fleet_read(beside, "n", VLOT_READ_LINEARIZABLE, NULL), VLOT_OK);
    vlot_answer read = fleet_wait(beside);
    cr_assert_eq(read.result, VLOT_OK);
    cr_expect_eq(fleet_number(&read), k, "a linearizable read sees what was acknowledged");
    cr_expect_eq(read.node, leader);
    cr_assert_eq(fleet_read(beside, "n", written.index, NULL), VLOT_OK);
    read = fleet_wait(beside);
    cr_assert_eq(read.result, VLOT_OK);
    cr_expect_eq(fleet_number(&read), k, "a local read waits for its index");
    cr_expect_eq(read.node, follower);
    cr_expect_geq(read.index, written.index);
  }
  vlot_client_close(client);
  vlot_client_close(beside);
}

Test(control, reads_are_linearizable_or_local_with_a_minimum_index) { in_both(reads, 3); }

/* B106: a leader without a quorum answers no linearizable read; its own state it does tell. */
static void deposed_read(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster);
  vlot_client *old = client_of(cluster, leader, 60), *client = client_of(cluster, 0, LONG);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  cr_assert_eq(vlot_cluster_partition(cluster, &leader, 1), VLOT_OK);
  cr_assert_eq(fleet_read(old, "n", VLOT_READ_LINEARIZABLE, NULL), VLOT_OK);
  vlot_answer answer = fleet_wait(old);
  cr_expect_neq(answer.result, VLOT_OK, "no quorum confirmed it");
  cr_expect_neq(leader_of(cluster), leader);
  vlot_client *fresh = client_of(cluster, leader_of(cluster), LONG);
  cr_assert_eq(fleet_add(fresh, "n", 1), VLOT_OK);
  cr_assert_eq(fleet_read(old, "n", 0, NULL), VLOT_OK);
  answer = fleet_wait(old);
  cr_expect_eq(answer.result, VLOT_OK);
  cr_expect_eq(fleet_number(&answer), 1, "its own state is an old one");
  cr_assert_eq(fleet_read(old, "n", VLOT_READ_LINEARIZABLE, NULL), VLOT_OK);
  cr_expect_neq(fleet_wait(old).result, VLOT_OK);
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  expect_value(client, "n", "2");
  vlot_client_close(old);
  vlot_client_close(fresh);
  vlot_client_close(client);
}

Test(control, a_deposed_leader_answers_no_linearizable_read) { in_both(deposed_read, 3); }

/* B107: a local read with an index that is not applied yet waits, and its deadline ends it. */
static void read_ahead(vlot_cluster *cluster) {
  uint32_t follower = follower_of(cluster);
  vlot_client *client = client_of(cluster, follower, 40);
  cr_assert_eq(fleet_read(client, "n", 1000000, NULL), VLOT_OK);
  vlot_answer answer = fleet_wait(client);
  cr_expect_eq(answer.result, VLOT_UNKNOWN);
  cr_expect_eq(answer.why, VLOT_WHY_DEADLINE);
  cr_assert_eq(fleet_read(client, "n", 1000000, NULL), VLOT_OK);
  if (fleet_stats(cluster).actions > 0)
    cr_assert_eq(vlot_lockstep_step(cluster, 20, NULL), VLOT_OK);
  for (int tries = 0; tries < 200 && fleet_status(cluster, follower).waiting == 0; tries++)
    fleet_pass(cluster, 1);
  cr_assert_eq(vlot_cluster_kill(cluster, follower, false), VLOT_OK);
  cr_expect_neq(fleet_wait(client).result, VLOT_OK);
  cr_assert_eq(fleet_read(client, "n", 0, NULL), VLOT_REJECTED, "its contact is down");
  vlot_client_close(client);
}

Test(control, a_read_of_the_future_waits_until_its_deadline_or_the_nodes_end) {
  in_both(read_ahead, 3);
}

Test(control, an_empty_question_and_an_empty_command_are_possible) {
  for (size_t k = 0; k < 2; k++) {
    vlot_cluster *cluster = open_nodes(drivers[k], 1);
    vlot_client *client = client_of(cluster, 0, LONG);
    vlot_bytes *reply;
    cr_expect_eq(vlot_client_propose(client, "", 0, &reply), VLOT_OK);
    vlot_bytes_release(reply);
    cr_expect_eq(vlot_client_query(client, NULL, 0, &reply), VLOT_OK);
    vlot_bytes_release(reply);
    vlot_client_close(client);
    close_well(cluster);
  }
}

/* --- the three answers --- */

/* B117, B122: what a deposed leader took is overwritten and then certainly not committed; what was
 * pending at a kill is unknown. */
static void three_answers(vlot_cluster *cluster) {
  uint32_t leader = leader_of(cluster);
  vlot_client *old = client_of(cluster, leader, LONG), *client = client_of(cluster, 0, LONG);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  cr_assert_eq(vlot_cluster_partition(cluster, &leader, 1), VLOT_OK);
  cr_assert_eq(fleet_submit(old, "m", 3, NULL), VLOT_OK);
  cr_assert_eq(fleet_submit(old, "m", 2, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_role(cluster, leader, VLOT_ROLE_FOLLOWER, LONG), VLOT_OK);
  cr_expect_neq(leader_of(cluster), leader);
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
  for (int k = 0; k < 5; k++) {
    vlot_answer answer = fleet_wait(old);
    cr_expect_eq(answer.result, VLOT_REJECTED);
    cr_expect_eq(answer.why, VLOT_WHY_OVERWRITTEN);
  }
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  expect_value(client, "m", "");
  leader = leader_of(cluster);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, leader, &(vlot_link){.is_cut = 1}), VLOT_OK);
  vlot_client *now = client_of(cluster, leader, LONG);
  uint64_t last = fleet_status(cluster, leader).raft.last_index;
  cr_assert_eq(fleet_submit(now, "k", 1, NULL), VLOT_OK);
  for (int tries = 0; tries < 500 && fleet_status(cluster, leader).raft.last_index == last; tries++)
    fleet_pass(cluster, 1);
  cr_assert_eq(vlot_cluster_kill(cluster, leader, false), VLOT_OK);
  vlot_answer answer = fleet_wait(now);
  cr_expect_eq(answer.result, VLOT_UNKNOWN, "%s, %s", vlot_result_name(answer.result),
               vlot_why_name(answer.why));
  cr_expect_eq(answer.why, VLOT_WHY_KILLED);
  vlot_client_close(old);
  vlot_client_close(now);
  vlot_client_close(client);
}

Test(control, a_command_is_committed_or_certainly_not_or_unknown) { in_both(three_answers, 3); }

static void all_down(vlot_cluster *cluster) {
  vlot_client *client = client_of(cluster, 0, 30);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
  cr_expect_eq(fleet_submit(client, "n", 1, NULL), VLOT_REJECTED);
  cr_expect_eq(vlot_client_inflight(client), 0);
  uint64_t now = vlot_cluster_now(cluster);
  cr_expect_eq(fleet_add(client, "n", 1), VLOT_REJECTED, "asked again until its deadline");
  cr_expect_geq(vlot_cluster_now(cluster), now + 30);
  cr_expect_eq(vlot_client_wait(client, &(vlot_answer){0}, 1), 0, "nothing is in flight");
  vlot_client_close(client);
}

Test(control, with_every_node_down_a_command_is_rejected) { in_both(all_down, 3); }

/* --- clients: bounds --- */

static void bounds(vlot_cluster *cluster) {
  vlot_client_options options;
  vlot_client *client;
  vlot_client_options_init(&options);
  options.inflight_max = 4;
  options.timeout_ticks = LONG;
  cr_assert_eq(vlot_client_open(&client, cluster, &options), VLOT_OK);
  leader_of(cluster);
  cr_expect_eq(fleet_submit(client, "n", 5, NULL), VLOT_BUSY);
  cr_assert_eq(fleet_submit(client, "n", 4, NULL), VLOT_OK);
  cr_expect_eq(fleet_submit(client, "n", 1, NULL), VLOT_BUSY);
  cr_expect_eq(fleet_add(client, "n", 1), VLOT_BUSY, "others are in flight");
  for (int k = 0; k < 4; k++) cr_assert_eq(fleet_wait(client).result, VLOT_OK);
  cr_expect_eq(vlot_client_inflight(client), 0);
  cr_expect_eq(vlot_client_submit(client, NULL, 0, NULL), VLOT_INVALID);
  size_t most = 4u << 20;
  uint8_t *large = calloc(1, most + 1);
  cr_expect_eq(vlot_client_propose(client, large, most, NULL), VLOT_OK, "the limit itself");
  cr_expect_eq(vlot_client_propose(client, large, most + 1, NULL), VLOT_TOO_LARGE);
  cr_expect_eq(
      vlot_client_submit(client, &(vlot_command){.data = large, .size = most + 1}, 1, NULL),
      VLOT_TOO_LARGE);
  cr_expect_eq(vlot_client_read(client, large, most + 1, VLOT_READ_LINEARIZABLE, NULL),
               VLOT_TOO_LARGE);
  free(large);
  uint32_t number = vlot_client_number(client);
  vlot_client_close(client);
  client = client_of(cluster, 0, UINT64_MAX);
  cr_expect_gt(vlot_client_number(client), number, "numbers are not used twice");
  cr_expect_eq(fleet_add(client, "n", 1), VLOT_OK, "a deadline that never comes");
  vlot_client_close(client);
  vlot_client_close(NULL);
}

Test(control, a_client_has_bounds) { in_both(bounds, 3); }

Test(control, client_options_are_judged_at_their_limits) {
  vlot_cluster *cluster = open_nodes(VLOT_DRIVER_LOCKSTEP, 3);
  const struct {
    uint32_t contact, inflight_max;
    uint64_t timeout_ticks;
    vlot_result expected;
  } table[] = {{0, 1, 1, VLOT_OK},
               {3, 65536, 500, VLOT_OK},
               {4, 65536, 500, VLOT_INVALID},
               {0, 0, 500, VLOT_INVALID},
               {0, 1u << 20, 500, VLOT_OK},
               {0, (1u << 20) + 1, 500, VLOT_INVALID},
               {0, 65536, 0, VLOT_INVALID},
               {0, 65536, VLOT_NEVER, VLOT_OK}};
  for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
    vlot_client_options options;
    vlot_client *client = NULL;
    vlot_client_options_init(&options);
    options.contact = table[k].contact;
    options.inflight_max = table[k].inflight_max;
    options.timeout_ticks = table[k].timeout_ticks;
    cr_expect_eq(vlot_client_open(&client, cluster, &options), table[k].expected, "row %zu", k);
    cr_expect_eq(client != NULL, table[k].expected == VLOT_OK);
    vlot_client_close(client);
    options.size--;
    cr_expect_eq(vlot_client_open(&client, cluster, &options), VLOT_INVALID);
  }
  close_well(cluster);
}

/* --- waiting --- */

static void awaits(vlot_cluster *cluster) {
  uint32_t leader = 0;
  cr_expect_eq(vlot_await_leader(cluster, LONG, &leader), VLOT_OK);
  cr_expect_eq(vlot_await_leader(cluster, 0, NULL), VLOT_OK, "it holds already");
  cr_expect_eq(vlot_await_role(cluster, leader, VLOT_ROLE_LEADER, LONG), VLOT_OK);
  cr_expect_eq(vlot_await_role(cluster, leader, VLOT_ROLE_FOLLOWER, 3), VLOT_TIMEOUT);
  cr_expect_eq(vlot_await_role(cluster, 0, VLOT_ROLE_LEADER, 3), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_await_role(cluster, 4, VLOT_ROLE_LEADER, 3), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_await_applied(cluster, 4, 1, 3), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_await_applied(cluster, 0, 1, LONG), VLOT_OK, "the no-op, everywhere");
  uint64_t now = vlot_cluster_now(cluster);
  cr_expect_eq(vlot_await_applied(cluster, 1, 1000, 7), VLOT_TIMEOUT);
  cr_expect_geq(vlot_cluster_now(cluster), now + 7);
  cr_expect_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
  leader = 7;
  cr_expect_eq(vlot_await_leader(cluster, 5, &leader), VLOT_TIMEOUT);
  cr_expect_eq(leader, 0);
}

Test(control, awaiting_ends_at_the_condition_or_the_deadline) { in_both(awaits, 3); }

/* --- wrong arguments --- */

static void wrong_ids(vlot_cluster *cluster) {
  static const uint32_t wrong[] = {0, 4, UINT32_MAX};
  vlot_disk_fault fault = {0};
  vlot_node_status status;
  vlot_event events[4];
  uint64_t hash, applied;
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
    uint32_t id = wrong[k];
    cr_expect_eq(vlot_cluster_spawn(cluster, id), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_kill(cluster, id, false), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_suspend(cluster, id), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_resume(cluster, id), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_order(cluster, id, VLOT_INPUT_CAMPAIGN, 0), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_set_clock_rate(cluster, id, 1000), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_set_disk(cluster, id, &fault), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_get_status(cluster, id, &status), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_cluster_hash(cluster, id, &hash, &applied), VLOT_NOT_FOUND);
    if (id) cr_expect_eq(vlot_cluster_events(cluster, id, events, 4), 0);
  }
}

Test(control, ids_of_nobody_are_not_found) { in_both(wrong_ids, 3); }

typedef struct limit {
  size_t offset;
  uint64_t low, high; /* allowed */
  size_t size;
  const char *name;
} limit;

#define LIMIT(field, low, high)                                                                   \
  {                                                                                               \
    offsetof(vlot_cluster_options, field), low, high, sizeof(((vlot_cluster_options *)0)->field), \
        #field                                                                                    \
  }

static void set_field(vlot_cluster_options *options, const limit *one, uint64_t value) {
  uint32_t half = (uint32_t)value;
  if (one->size == sizeof value)
    memcpy((char *)options + one->offset, &value, sizeof value);
  else
    memcpy((char *)options + one->offset, &half, sizeof half);
}

static void expect_range(const limit *one, uint64_t value, bool is_allowed) {
  vlot_cluster_options options;
  vlot_cluster *cluster = NULL;
  const char *problem = "unset";
  vlot_cluster_options_init(&options);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  options.raft.election_ticks_max = 2000000; /* room below */
  set_field(&options, one, value);
  vlot_result result = vlot_cluster_open(&cluster, &options, &problem);
  if (is_allowed) {
    cr_expect_eq(result, VLOT_OK, "%s = %llu: %s", one->name, (unsigned long long)value,
                 problem ? problem : "");
    cr_expect_null(problem);
  } else {
    const char *last = strrchr(one->name, '.');
    cr_expect_eq(result, VLOT_INVALID, "%s = %llu", one->name, (unsigned long long)value);
    cr_expect_null(cluster);
    cr_assert_not_null(problem);
    cr_expect(strstr(problem, last ? last + 1 : one->name), "%s = %llu: %s", one->name,
              (unsigned long long)value, problem);
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(control, every_option_is_judged_at_its_limits_and_named) {
  static const limit limits[] = {
      LIMIT(nodes, 1, VLOT_MEMBERS_MAX),
      LIMIT(learners, 0, 2),
      LIMIT(driver, 0, VLOT_DRIVER_LOCKSTEP),
      LIMIT(tick_ns, 100000, UINT64_C(10000000000)),
      LIMIT(has_checker, 0, 3),
      LIMIT(clock_waits, 0, VLOT_CLOCK_WAITS_ALWAYS),
      LIMIT(place, 0, VLOT_PLACE_SPREAD),
      LIMIT(turn_max, 1, 64),
      LIMIT(observed_entries, 1, 1u << 24),
      LIMIT(has_lints, 0, 1),
      LIMIT(raft.heartbeat_ticks, 1, 14),
      LIMIT(raft.election_ticks_min, 6, 1u << 20),
      LIMIT(raft.switches, 0, VLOT_SWITCH_ALL),
      LIMIT(raft.entry_bytes_max, 1, 64u << 20),
      LIMIT(raft.append_entries_max, 1, 65536),
      LIMIT(raft.append_bytes_max, 1, 64u << 20),
      LIMIT(raft.window_messages_max, 1, 1024),
      LIMIT(raft.window_bytes_max, 1, 1u << 30),
      LIMIT(raft.tail_bytes_max, 1, 1u << 30),
      LIMIT(raft.reads_max, 1, 1u << 20),
      LIMIT(raft.apply_entries_max, 1, 1u << 20),
  };
  for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
    const limit *one = &limits[k];
    bool is_period = strstr(one->name, "heartbeat") != NULL; /* named by what it must stay below */
    expect_range(one, one->low, true);
    expect_range(one, one->high, true);
    if (one->high > one->low) expect_range(one, one->high - 1, true);
    if (one->low > 0) expect_range(one, one->low - 1, false);
    if (!is_period) expect_range(one, one->high + 1, false);
  }
  static const uint64_t rings[] = {15, 17, 8, 24, 131072, 0};
  static const limit ring = LIMIT(ring_events, 16, 65536), stop = LIMIT(stop_ns, 1, 1);
  for (size_t k = 0; k < sizeof rings / sizeof *rings; k++) expect_range(&ring, rings[k], false);
  expect_range(&ring, 16, true);
  expect_range(&ring, 65536, true);
  expect_range(&stop, 0, false);
}

static void *create_nothing(void *context, uint32_t node, bool is_replaying) {
  (void)context;
  (void)node;
  (void)is_replaying;
  return NULL;
}

Test(control, options_that_are_no_options_are_refused) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  const char *problem;
  vlot_machine machine = *vlot_kv_machine();
  vlot_cluster_options_init(&options);
  options.size--;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect(strstr(problem, "vlot_cluster_options_init"));
  vlot_cluster_options_init(&options);
  options.raft.size++;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  vlot_cluster_options_init(&options);
  options.machine = &machine;
  machine.apply = NULL;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect(strstr(problem, "machine"));
  machine = *vlot_kv_machine();
  machine.create = create_nothing;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_FAILED, "no machine, no node");
  cr_expect_null(cluster);
  cr_assert_eq(vlot_cluster_open(&cluster, NULL, NULL), VLOT_OK, "the defaults");
  cr_expect_eq(vlot_cluster_nodes(cluster), 3);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(vlot_cluster_close(NULL), VLOT_OK);
}
