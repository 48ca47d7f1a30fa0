/* Where a cluster is stepped, what a person does to it is an action, as what happens by itself
 * is. */
#include <criterion/criterion.h>
#include <string.h>

#include "fleet.h"

static vlot_cluster *cluster;
static uint64_t message; /* pending, from n1 to n2 */

static uint64_t actions(void) { return fleet_stats(cluster).actions; }

/* What the rows below do; each is called once, in this order. */
static vlot_result suspend(void) { return vlot_cluster_suspend(cluster, 3); }
static vlot_result resume(void) { return vlot_cluster_resume(cluster, 3); }
static vlot_result kill_one(void) { return vlot_cluster_kill(cluster, 3, false); }
static vlot_result spawn(void) { return vlot_cluster_spawn(cluster, 3); }
static vlot_result restart(void) { return vlot_cluster_restart(cluster, 3, VLOT_RESTART_LOSE); }
static vlot_result order(void) { return vlot_cluster_order(cluster, 2, VLOT_INPUT_CAMPAIGN, 0); }
static vlot_result order_nothing(void) {
  return vlot_cluster_order(cluster, 2, VLOT_INPUT_PROPOSE, 0);
}
static vlot_result cut(void) {
  return vlot_cluster_set_link(cluster, 3, 1, &(vlot_link){.is_cut = 1});
}
static vlot_result cut_nobody(void) {
  return vlot_cluster_set_link(cluster, 4, 1, &(vlot_link){.is_cut = 1});
}
static vlot_result cut_badly(void) {
  return vlot_cluster_set_link(cluster, 3, 1, &(vlot_link){.is_cut = 2});
}
static vlot_result part(void) { return vlot_cluster_partition(cluster, (const uint32_t[]){3}, 1); }
static vlot_result heal(void) { return vlot_cluster_heal(cluster); }
static vlot_result clock_rate(void) { return vlot_cluster_set_clock_rate(cluster, 3, 500); }
static vlot_result clock_badly(void) { return vlot_cluster_set_clock_rate(cluster, 3, 100001); }
static vlot_result disk(void) {
  return vlot_cluster_set_disk(cluster, 3, &(vlot_disk_fault){.delay_ticks_max = 2});
}
static vlot_result disk_badly(void) {
  return vlot_cluster_set_disk(cluster, 3, &(vlot_disk_fault){.delay_ticks_min = 2});
}
static vlot_result hold(void) { return vlot_lockstep_hold(cluster, message, true); }
static vlot_result release(void) { return vlot_lockstep_hold(cluster, message, false); }
static vlot_result delay(void) { return vlot_lockstep_delay(cluster, message, 3); }
static vlot_result duplicate(void) { return vlot_lockstep_duplicate(cluster, message, NULL); }
static vlot_result delay_timer(void) {
  return vlot_lockstep_delay(cluster, VLOT_PENDING_TIMER_ID(1), 3);
}
static vlot_result hold_nothing(void) { return vlot_lockstep_hold(cluster, 999999, true); }
static vlot_result drop(void) { return vlot_lockstep_drop(cluster, message); }

static const struct {
  const char *what;
  vlot_result (*call)(void);
  vlot_result expected;
  uint32_t counts;
} commands[] = {
    {"hold", hold, VLOT_OK, 1},
    {"hold what is held", hold, VLOT_OK, 0},
    {"release", release, VLOT_OK, 1},
    {"delay", delay, VLOT_OK, 1},
    {"delay a timer", delay_timer, VLOT_UNSUPPORTED, 0},
    {"hold nothing", hold_nothing, VLOT_NOT_FOUND, 0},
    {"duplicate", duplicate, VLOT_OK, 1},
    {"drop", drop, VLOT_OK, 1},
    {"drop it again", drop, VLOT_NOT_FOUND, 0},
    {"suspend", suspend, VLOT_OK, 1},
    {"suspend what is suspended", suspend, VLOT_OK, 0},
    {"resume", resume, VLOT_OK, 1},
    {"resume what is up", resume, VLOT_OK, 0},
    {"kill", kill_one, VLOT_OK, 1},
    {"kill what is down", kill_one, VLOT_CLOSED, 0},
    {"suspend what is down", suspend, VLOT_CLOSED, 0},
    {"spawn", spawn, VLOT_OK, 1},
    {"spawn what is up", spawn, VLOT_EXISTS, 0},
    {"restart", restart, VLOT_OK, 1},
    {"order", order, VLOT_OK, 1},
    {"an order that is none", order_nothing, VLOT_INVALID, 0},
    {"cut", cut, VLOT_OK, 1},
    {"cut nobody", cut_nobody, VLOT_NOT_FOUND, 0},
    {"cut badly", cut_badly, VLOT_INVALID, 0},
    {"partition", part, VLOT_OK, 1},
    {"heal", heal, VLOT_OK, 1},
    {"clock", clock_rate, VLOT_OK, 1},
    {"clock badly", clock_badly, VLOT_INVALID, 0},
    {"disk", disk, VLOT_OK, 1},
    {"disk badly", disk_badly, VLOT_INVALID, 0},
};

static uint64_t find_message(uint32_t from, uint32_t to) {
  vlot_pending pending[64];
  for (int tries = 0; tries < 1000; tries++) {
    size_t count = vlot_lockstep_pending(cluster, pending, 64);
    for (size_t k = 0; k < count && k < 64; k++)
      if (pending[k].kind == VLOT_PENDING_MESSAGE && pending[k].from == from &&
          pending[k].node == to)
        return pending[k].id;
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  }
  return 0;
}

Test(command, each_is_one_action_unless_it_fails_or_changes_nothing) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  uint32_t leader;
  cluster = fleet_open(&options);
  cr_assert_eq(actions(), 0);
  cr_assert_eq(vlot_await_leader(cluster, 5000, &leader), VLOT_OK);
  cr_assert_eq(vlot_cluster_order(cluster, 1, VLOT_INPUT_ELECT, 0), VLOT_OK);
  cr_assert_eq(vlot_await_role(cluster, 1, VLOT_ROLE_LEADER, 100), VLOT_OK);
  message = find_message(1, 2);
  cr_assert_neq(message, 0);
  for (size_t k = 0; k < sizeof commands / sizeof *commands; k++) {
    uint64_t before = actions(), tick = vlot_cluster_now(cluster);
    cr_expect_eq(commands[k].call(), commands[k].expected, "%s", commands[k].what);
    cr_expect_eq(actions(), before + commands[k].counts, "%s", commands[k].what);
    cr_expect_eq(vlot_cluster_now(cluster), tick, "%s", commands[k].what);
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(command, its_events_carry_its_number_and_follow_from_nothing) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_event event;
  cluster = fleet_open(&options);
  cr_assert_eq(vlot_await_leader(cluster, 5000, NULL), VLOT_OK);
  const struct {
    vlot_result (*call)(void);
    uint32_t node; /* whose event tells it */
    vlot_event_kind kind;
  } told[] = {
      {suspend, 3, VLOT_EVENT_SUSPEND}, {resume, 3, VLOT_EVENT_RESUME},
      {part, 0, VLOT_EVENT_FAULT},      {heal, 0, VLOT_EVENT_FAULT},
      {kill_one, 3, VLOT_EVENT_KILL},   {spawn, 3, VLOT_EVENT_START},
  };
  for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
    cr_assert_eq(told[k].call(), VLOT_OK);
    cr_assert_eq(vlot_cluster_events(cluster, told[k].node, &event, 1), 1);
    cr_expect_eq(event.kind, told[k].kind);
    cr_expect_eq(event.action, actions(), "%s", vlot_event_kind_name(told[k].kind));
    cr_expect_eq(event.cause, 0, "%s", vlot_event_kind_name(told[k].kind));
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(command, what_clients_submit_is_no_action_until_it_is_delivered) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  cluster = fleet_open(&options);
  cr_assert_eq(vlot_await_leader(cluster, 5000, NULL), VLOT_OK);
  vlot_client *client = fleet_client(cluster, 0, 500);
  uint64_t before = actions();
  cr_assert_eq(fleet_submit(client, "k", 1, NULL), VLOT_OK);
  cr_assert_eq(fleet_read(client, "k", VLOT_READ_LINEARIZABLE, NULL), VLOT_OK);
  cr_expect_eq(actions(), before);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(command, only_who_steps_a_cluster_counts) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  cluster = fleet_open(&options);
  cr_assert_eq(vlot_await_leader(cluster, 5000, NULL), VLOT_OK);
  cr_assert_eq(suspend(), VLOT_OK);
  cr_assert_eq(resume(), VLOT_OK);
  cr_expect_eq(actions(), 0);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  cr_assert_eq(part(), VLOT_OK);
  cr_expect_eq(actions(), 1);
  cr_assert_eq(heal(), VLOT_OK);
  cr_expect_eq(actions(), 2);
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}
