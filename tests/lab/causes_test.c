/* Every cause of many seeds is true; and what looks at them would see one that is not. */
#include "causes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fleet.h"
#include "sim.h"

enum { SEEDS = 40, ACTIONS = 6000, STORMS = 60, FIRST_STORM = 860, ROUNDS = 300 };

Test(causes, of_every_event_of_some_seeds_are_true) {
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    vlot__recording record;
    cr_assert(vlot__recording_open(&record, NULL, NULL));
    vlot__sim_world world = {.seed = seed, .actions = ACTIONS, .record = &record};
    vlot__sim_run(&world);
    cr_assert_eq(world.end, VLOT__SIM_SAFE, "seed %llu: %s", (unsigned long long)seed, world.text);
    cr_assert(vlot__recording_close(&record));
  }
}

/* Leaders hand over under load, to the best, to a named one, and to one that is not there. */
Test(causes, of_leaders_that_hand_over_are_true) {
  for (uint64_t seed = 1; seed <= 6; seed++) {
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 5);
    vlot_subscription *events;
    vlot_event event;
    uint64_t handed = 0, sequence;
    options.seed = seed;
    options.keeps_events = 1;
    vlot_cluster *cluster = fleet_open(&options);
    vlot__causes *causes = vlot__causes_open();
    cr_assert(cluster && causes);
    vlot_client *client = fleet_client(cluster, 1, 500);
    for (uint32_t round = 0; round < 12; round++) {
      if (round == 4) cr_assert_eq(vlot_cluster_kill(cluster, 5, false), VLOT_OK);
      cr_assert_eq(vlot_await_leader(cluster, 3000, NULL), VLOT_OK);
      cr_assert_eq(fleet_submit(client, "key", 3, &sequence), VLOT_OK);
      vlot_result result = vlot_cluster_transfer(cluster, (round + (uint32_t)seed) % 6, 0, NULL);
      cr_assert_eq(result, VLOT_OK, "%s", vlot_problem(result));
      fleet_pass(cluster, 3 + round);
    }
    vlot_client_close(client);
    cr_assert_eq(vlot_subscription_open(&events, cluster, 0), VLOT_OK);
    while (vlot_subscription_next(events, &event)) {
      const char *problem = vlot__causes_feed(causes, &event);
      cr_assert_null(problem, "seed %llu: %s", (unsigned long long)seed, problem);
      handed += event.kind == VLOT_EVENT_CAMPAIGN && event.as.change.from == 2;
    }
    cr_expect_gt(handed, 0, "seed %llu: nobody was told to campaign", (unsigned long long)seed);
    vlot_subscription_close(events);
    vlot__causes_close(causes);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

/* Mail that a suspended node has kept is taken in one turn: chunks of a snapshot, and with them the
 * entries that make it stale. */
Test(causes, of_storms_with_snapshots_are_true) {
  for (uint64_t seed = FIRST_STORM; seed < FIRST_STORM + STORMS; seed++) {
    vlot_cluster_options options =
        fleet_options(VLOT_DRIVER_LOCKSTEP, 3 + 2 * (uint32_t)(seed % 2));
    vlot_subscription *events;
    vlot_event event;
    options.seed = seed;
    options.keeps_events = 1;
    options.snapshot_bytes = 300;
    options.snapshot_trailing = seed % 7;
    options.raft.snapshot_chunk_bytes = 16;
    vlot_cluster *cluster = fleet_open(&options);
    vlot__causes *causes = vlot__causes_open();
    cr_assert(cluster && causes);
    (void)fleet_storm(cluster, seed, ROUNDS, 0);
    cr_assert_eq(vlot_subscription_open(&events, cluster, 0), VLOT_OK);
    while (vlot_subscription_next(events, &event)) {
      const char *problem = vlot__causes_feed(causes, &event);
      cr_assert_null(problem, "seed %llu: %s", (unsigned long long)seed, problem);
    }
    cr_assert_eq(vlot_subscription_lost(events), 0);
    vlot_subscription_close(events);
    vlot__causes_close(causes);
    cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

/* --- what is false is seen --- */

static vlot_event of(uint32_t node, uint64_t sequence, vlot_event_kind kind, uint64_t cause) {
  return (vlot_event){.node = node,
                      .sequence = sequence,
                      .lamport = sequence,
                      .incarnation = 1,
                      .cause = cause,
                      .kind = (uint16_t)kind};
}

static vlot_event message_of(uint32_t node, uint64_t sequence, vlot_event_kind kind, uint32_t peer,
                             vlot_message_kind message, uint64_t cause) {
  vlot_event event = of(node, sequence, kind, cause);
  event.peer = peer;
  event.as.message.kind = message;
  event.as.message.term = 1;
  event.as.message.from = kind == VLOT_EVENT_SENT ? node : peer;
  return event;
}

static vlot_event vote_of(uint32_t candidate, uint64_t term, uint64_t cause) {
  vlot_event event = of(2, 10, VLOT_EVENT_VOTE, cause);
  event.peer = candidate;
  event.as.change.to = 1;
  event.as.change.term = term;
  return event;
}

/* n1 asks n2 for its vote and sends an append, n2 takes both. */
static vlot__causes *told(void) {
  vlot__causes *causes = vlot__causes_open();
  const vlot_event all[] = {
      message_of(1, 1, VLOT_EVENT_SENT, 2, VLOT_MESSAGE_VOTE, 0),
      message_of(1, 2, VLOT_EVENT_SENT, 2, VLOT_MESSAGE_APPEND, 0),
      message_of(2, 3, VLOT_EVENT_RECEIVED, 1, VLOT_MESSAGE_VOTE, vlot_event_id(1, 1)),
      message_of(2, 4, VLOT_EVENT_RECEIVED, 1, VLOT_MESSAGE_APPEND, vlot_event_id(1, 2)),
  };
  cr_assert_not_null(causes);
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    cr_assert_null(vlot__causes_feed(causes, &all[k]));
  return causes;
}

static void expect(const vlot_event *event, const char *problem) {
  vlot__causes *causes = told();
  const char *seen = vlot__causes_feed(causes, event);
  if (problem)
    cr_expect(seen && strstr(seen, problem), "%s instead of %s", seen ? seen : "nothing", problem);
  else
    cr_expect_null(seen, "%s", seen);
  vlot__causes_close(causes);
}

Test(causes, that_are_false_are_told_with_what_is_wrong) {
  vlot_event event = vote_of(1, 1, vlot_event_id(2, 3));
  expect(&event, NULL);
  event = vote_of(1, 1, vlot_event_id(2, 4)); /* the append: what the prompt once said */
  expect(&event, "the two do not fit");
  event = vote_of(3, 1, vlot_event_id(2, 3));
  expect(&event, "the two do not fit");
  event = vote_of(1, 2, vlot_event_id(2, 3));
  expect(&event, "the two do not fit");
  event = vote_of(1, 1, vlot_event_id(1, 1));
  expect(&event, "its kind does not lead there");
  event = vote_of(1, 1, vlot_event_id(2, 77));
  expect(&event, "that has not happened yet");
  event = vote_of(1, 1, 0);
  expect(&event, "something must have led there");
  event = vote_of(1, 1, vlot_event_id(2, 3));
  event.lamport = 3;
  expect(&event, "its time is later");
  event = vote_of(1, 1, vlot_event_id(2, 3));
  event.incarnation = 2;
  expect(&event, "it is of another node");
}

/* --- which reply completed a quorum --- */

static vlot_event voter(uint64_t sequence, uint32_t id) {
  vlot_event event = of(0, sequence, VLOT_EVENT_CONFIG, 0);
  event.peer = id;
  event.as.config.place = id - 1;
  event.as.config.count = 5;
  event.as.config.roles = VLOT_CONFIG_VOTER;
  return event;
}

static vlot_event change_of(uint64_t sequence, vlot_event_kind kind, uint32_t peer, uint64_t from,
                            uint64_t to, uint64_t cause) {
  vlot_event event = of(1, sequence, kind, cause);
  event.peer = peer;
  event.as.change.from = from;
  event.as.change.to = to;
  event.as.change.term = 1;
  return event;
}

static vlot_event reply_of(uint64_t sequence, uint32_t peer, uint64_t match) {
  vlot_event event =
      message_of(1, sequence, VLOT_EVENT_RECEIVED, peer, VLOT_MESSAGE_APPEND_REPLY, 0);
  event.as.message.flags = VLOT_MESSAGE_OK;
  event.as.message.index = match;
  return event;
}

/* n1 leads five and has entry 1 on its disk. In one step n2, n3 and n3 again say what they have. */
static const char *commit_because(uint64_t sequence) {
  vlot__causes *causes = vlot__causes_open();
  vlot_event commit = of(1, 19, VLOT_EVENT_COMMIT, vlot_event_id(1, sequence));
  commit.as.slice.first = commit.as.slice.count = commit.as.slice.term = 1;
  const vlot_event all[] = {
      voter(1, 1),
      voter(2, 2),
      voter(3, 3),
      voter(4, 4),
      voter(5, 5),
      of(1, 6, VLOT_EVENT_START, 0),
      change_of(7, VLOT_EVENT_LEADER, 0, 0, 0, 0),
      of(1, 8, VLOT_EVENT_STEP, 0),
      change_of(9, VLOT_EVENT_DURABLE, 0, 0, 2, 0),
      reply_of(12, 2, 1),
      reply_of(13, 3, 1),
      reply_of(14, 3, 2),
      of(1, 15, VLOT_EVENT_STEP, 0),
      change_of(16, VLOT_EVENT_MATCH, 2, 0, 1, vlot_event_id(1, 12)),
      change_of(17, VLOT_EVENT_MATCH, 3, 0, 1, vlot_event_id(1, 13)),
      change_of(18, VLOT_EVENT_MATCH, 3, 1, 2, vlot_event_id(1, 14)),
  };
  cr_assert_not_null(causes);
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    (void)vlot__causes_feed(causes, &all[k]); /* some of them have no beginning here */
  const char *seen = vlot__causes_feed(causes, &commit);
  static char text[800];
  snprintf(text, sizeof text, "%s", seen ? seen : "");
  vlot__causes_close(causes);
  return text;
}

Test(causes, of_a_commit_are_those_that_completed_the_quorum) {
  cr_expect_str_eq(commit_because(13), "");
  cr_expect_not_null(strstr(commit_because(14), "another one completed the quorum"));
  cr_expect_not_null(strstr(commit_because(12), "another one completed the quorum"));
}
