/* What a follower passes on to the leader gets there over links that lose, double and reorder: in
 * time, in order, and once.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "fleet.h"

enum { FORWARDS = 1 /* vlot_link.kinds: nothing but what is forwarded, and its answers */ };

struct place {
  vlot_cluster *cluster;
  uint32_t leader, follower;
  vlot_client *client; /* of the follower */
};

static struct place led(uint64_t timeout_ticks) {
  struct place at = {0};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  at.cluster = fleet_open(&options);
  cr_assert_not_null(at.cluster);
  cr_assert_eq(vlot_await_leader(at.cluster, 500, &at.leader), VLOT_OK);
  at.follower = at.leader % 3 + 1;
  at.client = fleet_client(at.cluster, at.follower, timeout_ticks);
  cr_assert_not_null(at.client);
  return at;
}

static void leave(struct place *at) {
  vlot_client_close(at->client);
  cr_assert_not(vlot_cluster_violation(at->cluster, NULL, 0));
  cr_assert_eq(vlot_cluster_close(at->cluster), VLOT_OK);
}

static uint64_t now(const struct place *at) { return vlot_cluster_now(at->cluster); }

static void set_link(const struct place *at, uint32_t from, uint32_t to, vlot_link link) {
  cr_assert_eq(vlot_cluster_set_link(at->cluster, from, to, &link), VLOT_OK);
}

static const vlot_link loses_forwards = {.loss = 1000000, .kinds = FORWARDS};
static const vlot_link clean;

static void expect_value(vlot_cluster *cluster, const char *key, const char *value) {
  char found[32];
  vlot_client *client = fleet_client(cluster, 0, 0);
  cr_assert_eq(fleet_get(client, key, found, sizeof found), VLOT_OK);
  cr_assert_str_eq(found, value, "%s is %s", key, found);
  vlot_client_close(client);
}

/* --- loss ------------------------------------------------------------------------------------- */

Test(forward, a_command_that_is_lost_goes_again_after_two_ticks) {
  struct place at = led(500);
  set_link(&at, at.follower, at.leader, loses_forwards);
  uint64_t began = now(&at);
  cr_assert_eq(fleet_submit(at.client, "x", 1, NULL), VLOT_OK);
  fleet_pass(at.cluster, 1);
  set_link(&at, at.follower, at.leader, clean);
  cr_assert_eq(fleet_wait(at.client).result, VLOT_OK);
  cr_assert_leq(now(&at) - began, 3);
  expect_value(at.cluster, "x", "1");
  leave(&at);
}

Test(forward, a_read_that_is_lost_goes_again) {
  struct place at = led(500);
  set_link(&at, at.follower, at.leader, loses_forwards);
  uint64_t began = now(&at);
  cr_assert_eq(fleet_read(at.client, "x", VLOT_READ_LINEARIZABLE, NULL), VLOT_OK);
  fleet_pass(at.cluster, 1);
  set_link(&at, at.follower, at.leader, clean);
  cr_assert_eq(fleet_wait(at.client).result, VLOT_OK);
  cr_assert_leq(now(&at) - began, 3);
  leave(&at);
}

/* A gap is shown by what follows it: no tick need pass. */
Test(forward, what_follows_a_loss_shows_it) {
  struct place at = led(500);
  vlot_answer answer;
  set_link(&at, at.follower, at.leader, loses_forwards);
  cr_assert_eq(fleet_submit(at.client, "x", 1, NULL), VLOT_OK);
  cr_assert_eq(vlot_lockstep_step(at.cluster, 1, NULL), VLOT_OK); /* taken, passed on and lost */
  set_link(&at, at.follower, at.leader, clean);
  uint64_t began = now(&at);
  cr_assert_eq(fleet_submit(at.client, "x", 1, NULL), VLOT_OK);
  for (uint64_t sequence = 1; sequence <= 2; sequence++) {
    answer = fleet_wait(at.client);
    cr_assert_eq(answer.result, VLOT_OK);
    cr_assert_eq(answer.sequence, sequence, "in the order of their submission");
  }
  cr_assert_leq(now(&at) - began, 1);
  expect_value(at.cluster, "x", "2");
  leave(&at);
}

/* The leader's word that it has taken something is lost as often as anything else. */
Test(forward, a_command_whose_answer_is_lost_is_carried_out_once) {
  struct place at = led(500);
  set_link(&at, at.leader, at.follower, loses_forwards);
  uint64_t began = now(&at);
  cr_assert_eq(fleet_submit(at.client, "x", 1, NULL), VLOT_OK);
  cr_assert_eq(fleet_wait(at.client).result, VLOT_OK);
  cr_assert_leq(now(&at) - began, 1, "its client is answered all the same");
  cr_assert_eq(fleet_status(at.cluster, at.follower).waiting, 1);
  fleet_pass(at.cluster, 100); /* it goes again and again */
  set_link(&at, at.leader, at.follower, clean);
  fleet_pass(at.cluster, 10);
  cr_assert_eq(fleet_status(at.cluster, at.follower).waiting, 0, "the ledger is empty at rest");
  expect_value(at.cluster, "x", "1");
  leave(&at);
}

static uint64_t forwards_listed(const struct place *at) {
  vlot_pending pending[64];
  uint64_t count = 0;
  size_t listed = vlot_lockstep_pending(at->cluster, pending, 64);
  cr_assert_lt(listed, 64);
  for (size_t k = 0; k < listed; k++)
    count += pending[k].kind == VLOT_PENDING_MESSAGE && pending[k].message_kind == 0 &&
             pending[k].from == at->follower && pending[k].node == at->leader;
  return count;
}

/* 2 ticks, then 4, then a heartbeat at most; and never more than one mail. */
Test(forward, what_is_not_answered_goes_again_in_intervals_that_double_up_to_the_heartbeat) {
  struct place at = led(500);
  vlot_link slow = {.delay_ticks_min = 1000, .delay_ticks_max = 1000, .kinds = FORWARDS};
  static const struct {
    uint64_t ticks, copies;
  } rows[] = {{1, 0}, {1, 1}, {3, 1}, {1, 2}, {4, 2}, {1, 3}, {4, 3}, {1, 4}, {50, 14}};
  set_link(&at, at.follower, at.leader, slow);
  for (uint64_t k = 1; k <= 3; k++) {
    cr_assert_eq(fleet_submit(at.client, "x", 1, NULL), VLOT_OK);
    while (forwards_listed(&at) < k) cr_assert_eq(vlot_lockstep_step(at.cluster, 1, NULL), VLOT_OK);
  }
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    fleet_pass(at.cluster, rows[k].ticks);
    cr_assert_eq(forwards_listed(&at), 3 + rows[k].copies, "row %zu: %" PRIu64, k,
                 forwards_listed(&at));
  }
  leave(&at);
}

/* How many mails from one to another are listed while a command is answered. */
static uint64_t forwards_of_one_command(const struct place *at, uint32_t from, uint32_t to) {
  uint64_t newest = 0, count = 0;
  vlot_answer answer;
  cr_assert_eq(fleet_submit(at->client, "x", 1, NULL), VLOT_OK);
  while (vlot_client_poll(at->client, &answer, 1) == 0) {
    vlot_pending pending[32];
    cr_assert_eq(vlot_lockstep_step(at->cluster, 1, NULL), VLOT_OK);
    size_t listed = vlot_lockstep_pending(at->cluster, pending, 32);
    for (size_t k = 0; k < listed; k++) {
      const vlot_pending *one = &pending[k];
      if (one->kind != VLOT_PENDING_MESSAGE || one->message_kind != 0 || one->from != from ||
          one->node != to || one->id <= newest)
        continue;
      newest = one->id;
      count++;
    }
  }
  cr_assert_eq(answer.result, VLOT_OK);
  return count;
}

Test(forward, over_a_clean_link_each_goes_once_and_so_does_its_answer) {
  struct place at = led(500);
  for (int k = 0; k < 30; k++) {
    cr_assert_eq(forwards_of_one_command(&at, at.follower, at.leader), 1);
    cr_assert_eq(vlot_await_quiet(at.cluster, 100), VLOT_OK);
    cr_assert_leq(forwards_of_one_command(&at, at.leader, at.follower), 1);
    cr_assert_eq(vlot_await_quiet(at.cluster, 100), VLOT_OK);
  }
  expect_value(at.cluster, "x", "60");
  leave(&at);
}

/* A follower has been given a command, and what it forwards is lost. */
static struct place with_one_lost(void) {
  struct place at = led(500);
  set_link(&at, at.follower, at.leader, loses_forwards);
  cr_assert_eq(fleet_submit(at.client, "x", 1, NULL), VLOT_OK);
  return at;
}

/* --- another term ----------------------------------------------------------------------------- */

Test(forward, of_an_earlier_term_it_is_unknown_and_goes_to_nobody) {
  struct place at = with_one_lost();
  fleet_pass(at.cluster, 1);
  uint64_t began = now(&at);
  cr_assert_eq(vlot_cluster_order(at.cluster, 6 - at.leader - at.follower, VLOT_INPUT_ELECT, 0),
               VLOT_OK);
  vlot_answer answer = fleet_wait(at.client);
  cr_assert_eq(answer.result, VLOT_UNKNOWN);
  cr_assert_eq(answer.why, VLOT_WHY_LEADERSHIP_LOST);
  cr_assert_leq(now(&at) - began, 2, "long before its deadline");
  set_link(&at, at.follower, at.leader, clean);
  fleet_pass(at.cluster, 100);
  expect_value(at.cluster, "x", "");
  leave(&at);
}

/* Whoever led in the term says what it has taken: nothing more is certain. */
Test(forward, to_a_leader_that_has_stepped_down_is_certainly_refused) {
  struct place at = with_one_lost();
  cr_assert_eq(vlot_lockstep_step(at.cluster, 1, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_order(at.cluster, at.leader, VLOT_INPUT_STEP_DOWN, 0), VLOT_OK);
  fleet_pass(at.cluster, 1);
  set_link(&at, at.follower, at.leader, clean);
  vlot_answer answer = fleet_wait(at.client);
  cr_assert_eq(answer.result, VLOT_REJECTED);
  cr_assert_eq(answer.why, VLOT_WHY_NOT_LEADER);
  fleet_pass(at.cluster, 100);
  expect_value(at.cluster, "x", "");
  leave(&at);
}

Test(forward, of_a_follower_that_is_killed_is_unknown) {
  struct place at = with_one_lost();
  fleet_pass(at.cluster, 1);
  uint64_t began = now(&at);
  cr_assert_eq(vlot_cluster_kill(at.cluster, at.follower, false), VLOT_OK);
  cr_assert_eq(fleet_wait(at.client).result, VLOT_UNKNOWN);
  cr_assert_eq(now(&at), began);
  leave(&at);
}

/* --- bounds ----------------------------------------------------------------------------------- */

Test(forward, is_refused_where_too_much_waits) {
  enum { MOST = 65536 };
  struct place at = led(10000);
  vlot_client *other = fleet_client(at.cluster, at.follower, 10000);
  set_link(&at, at.follower, at.leader, loses_forwards);
  for (uint32_t k = 0; k < MOST - 1; k++)
    cr_assert_eq(fleet_submit(at.client, "x", 1, NULL), VLOT_OK);
  fleet_pass(at.cluster, 1);
  cr_assert_eq(fleet_status(at.cluster, at.follower).waiting, MOST - 1);
  for (uint32_t k = 0; k < 2; k++) cr_assert_eq(fleet_submit(other, "x", 1, NULL), VLOT_OK);
  vlot_answer answer = fleet_wait(other);
  cr_assert_eq(fleet_status(at.cluster, at.follower).waiting, MOST);
  cr_assert_eq(answer.sequence, 2);
  cr_assert_eq(answer.result, VLOT_REJECTED);
  cr_assert_eq(answer.why, VLOT_WHY_MAILBOX_FULL);
  set_link(&at, at.follower, at.leader, clean);
  for (uint32_t k = 0; k < MOST - 1; k++) cr_assert_eq(fleet_wait(at.client).result, VLOT_OK);
  fleet_pass(at.cluster, 10);
  cr_assert_eq(fleet_status(at.cluster, at.follower).waiting, 0);
  vlot_client_close(other);
  leave(&at);
}

/* --- storms ----------------------------------------------------------------------------------- */

enum { CLIENTS = 3, ROUNDS = 60, EACH = 3, COMMANDS = CLIENTS * ROUNDS * EACH };

struct storm {
  vlot_cluster *cluster;
  vlot__prng dice;
  vlot_client *clients[CLIENTS];
  uint32_t order[CLIENTS][ROUNDS * EACH]; /* by sequence - 1: which command it was */
  uint32_t count[CLIENTS];
  vlot_result results[COMMANDS];
};

static void key_of(uint32_t command, char key[16]) { snprintf(key, 16, "c%" PRIu32, command); }

static void take_answers(struct storm *storm, uint32_t client) {
  vlot_answer answers[16];
  size_t count;
  while ((count = vlot_client_poll(storm->clients[client], answers, 16)) > 0)
    for (size_t k = 0; k < count; k++)
      storm->results[storm->order[client][answers[k].sequence - 1]] = answers[k].result;
}

static void submit_some(struct storm *storm, uint32_t *command) {
  for (uint32_t client = 0; client < CLIENTS; client++) {
    for (uint32_t k = 0; k < EACH; k++, ++*command) {
      char key[16];
      uint64_t sequence;
      key_of(*command, key);
      storm->results[*command] = fleet_submit(storm->clients[client], key, 1, &sequence);
      if (storm->results[*command] != VLOT_OK) {
        storm->results[*command] = VLOT_REJECTED;
        continue;
      }
      storm->results[*command] = VLOT_PENDING;
      cr_assert_eq(sequence, storm->count[client] + 1);
      storm->order[client][storm->count[client]++] = *command;
    }
  }
}

static void do_harm(struct storm *storm) {
  uint32_t id = 1 + (uint32_t)vlot__prng_below(&storm->dice, 3);
  uint64_t what = vlot__prng_below(&storm->dice, 12);
  vlot_result result = VLOT_OK;
  if (what == 0)
    result = vlot_cluster_kill(storm->cluster, id, what == 0);
  else if (what <= 3)
    result = vlot_cluster_restart(storm->cluster, id, VLOT_RESTART_KEEP);
  else if (what == 4)
    result = vlot_cluster_order(storm->cluster, id, VLOT_INPUT_ELECT, 0);
  else if (what == 5)
    result = vlot_cluster_suspend(storm->cluster, id);
  else if (what <= 8)
    result = vlot_cluster_resume(storm->cluster, id);
  (void)result; /* who is down cannot be killed, and so on */
}

/* Now and then Raft has it easy and what is forwarded, or its answers, has not: then terms change
 * while some of it is taken and not known to be. */
static void lose_forwards(struct storm *storm) {
  vlot_link link = {.loss = 300000 + (uint32_t)vlot__prng_below(&storm->dice, 700001),
                    .delay_ticks_max = (uint32_t)vlot__prng_below(&storm->dice, 30),
                    .kinds = FORWARDS};
  uint32_t from = 1 + (uint32_t)vlot__prng_below(&storm->dice, 3);
  if (vlot__prng_below(&storm->dice, 2) == 0) return;
  cr_assert_eq(vlot_cluster_set_link(storm->cluster, from, 0, &link), VLOT_OK);
}

static uint32_t run_storm(struct storm *storm, uint64_t seed) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.seed = seed;
  options.turn_max = 1 + (uint32_t)(seed % 8);
  vlot__prng_init(&storm->dice, seed, 77);
  storm->cluster = fleet_open(&options);
  for (uint32_t client = 0; client < CLIENTS; client++)
    storm->clients[client] = fleet_client(storm->cluster, client + 1, 100);
  cr_assert_eq(vlot_await_leader(storm->cluster, 500, NULL), VLOT_OK);
  uint32_t command = 0;
  for (int round = 0; round < ROUNDS; round++) {
    vlot_link link = {.loss = (uint32_t)vlot__prng_below(&storm->dice, 300000),
                      .duplicate = (uint32_t)vlot__prng_below(&storm->dice, 400000),
                      .reorder = (uint32_t)vlot__prng_below(&storm->dice, 500000),
                      .reorder_ticks = 8,
                      .delay_ticks_max = (uint32_t)vlot__prng_below(&storm->dice, 4)};
    cr_assert_eq(vlot_cluster_set_link(storm->cluster, 0, 0, &link), VLOT_OK);
    lose_forwards(storm);
    do_harm(storm);
    submit_some(storm, &command);
    fleet_pass(storm->cluster, 1 + vlot__prng_below(&storm->dice, 12));
    for (uint32_t client = 0; client < CLIENTS; client++) take_answers(storm, client);
  }
  cr_assert(fleet_settle(storm->cluster, 3000));
  fleet_pass(storm->cluster, 200);
  uint32_t ok = 0;
  for (uint32_t client = 0; client < CLIENTS; client++) take_answers(storm, client);
  for (uint32_t k = 0; k < COMMANDS; k++) ok += storm->results[k] == VLOT_OK;
  return ok;
}

static void judge(struct storm *storm, uint64_t seed) {
  vlot_client *client = fleet_client(storm->cluster, 0, 0);
  for (uint32_t k = 0; k < COMMANDS; k++) {
    char key[16], value[32];
    key_of(k, key);
    cr_assert_eq(fleet_get(client, key, value, sizeof value), VLOT_OK);
    bool is_done = strcmp(value, "1") == 0, is_absent = value[0] == '\0';
    cr_assert(is_done || is_absent, "seed %" PRIu64 ": %s was carried out %s times", seed, key,
              value);
    cr_assert(storm->results[k] != VLOT_OK || is_done, "seed %" PRIu64 ": %s was answered OK", seed,
              key);
    cr_assert(storm->results[k] != VLOT_REJECTED || is_absent,
              "seed %" PRIu64 ": %s was answered REJECTED", seed, key);
    cr_assert_neq(storm->results[k], VLOT_PENDING);
  }
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(fleet_status(storm->cluster, id).waiting, 0);
  vlot_client_close(client);
}

Test(forward, is_never_carried_out_twice_whatever_links_and_nodes_do) {
  static struct storm storm;
  uint32_t ok = 0;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    memset(&storm, 0, sizeof storm);
    ok += run_storm(&storm, seed);
    judge(&storm, seed);
    for (uint32_t client = 0; client < CLIENTS; client++) vlot_client_close(storm.clients[client]);
    cr_assert_not(vlot_cluster_violation(storm.cluster, NULL, 0));
    cr_assert_eq(vlot_cluster_close(storm.cluster), VLOT_OK);
  }
  cr_assert_gt(ok, 40 * COMMANDS / 8, "only %" PRIu32 " commands were carried out", ok);
}
