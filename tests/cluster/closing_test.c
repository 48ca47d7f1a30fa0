/* Closing a cluster: what waits inside ends, what is held of it outlives it. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/door.h"
#include "cluster/driver.h"
#include "fleet.h"
#include "taped.h"

static vlot_cluster *open_cluster(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert(cluster);
  return cluster;
}

/* Nobody will lead, and nothing be committed. */
static vlot_cluster *open_cut(vlot_driver driver) {
  vlot_cluster *cluster = open_cluster(driver);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, 0, &(vlot_link){.is_cut = 1}), VLOT_OK);
  return cluster;
}

static void wait_for_visits(vlot_cluster *cluster, uint32_t count) {
  while (atomic_load(&cluster->door.word) / VLOT__FENCE_EFFECT < count) sched_yield();
}

static void wait_for_awaits(vlot_cluster *cluster, uint32_t count) {
  while (atomic_load(&cluster->waiters) < count) sched_yield();
}

static void wait_for_shut(vlot_cluster *cluster) {
  while (!vlot__is_shut(cluster)) sched_yield();
}

/* --- a thread that makes one call --- */

typedef struct caller {
  pthread_t thread;
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_result (*call)(struct caller *self);
  vlot_answer answer; /* of a client's call: a copy, its reply not looked at */
  vlot_result result;
} caller;

static void *make_call(void *context) {
  caller *self = context;
  self->result = self->call(self);
  return NULL;
}

static void start(caller *self) {
  cr_assert_eq(pthread_create(&self->thread, NULL, make_call, self), 0);
}

static vlot_result end(caller *self) {
  cr_assert_eq(pthread_join(self->thread, NULL), 0);
  return self->result;
}

static vlot_result calls_close(caller *self) { return vlot_cluster_close(self->cluster); }

/* --- every await --- */

static vlot_result awaits_leader(caller *self) {
  uint32_t id = 7;
  vlot_result result = vlot_await_leader(self->cluster, VLOT_NEVER, &id);
  cr_expect_eq(id, 0);
  return result;
}

static vlot_result awaits_applied(caller *self) {
  return vlot_await_applied(self->cluster, 1, 1000000, VLOT_NEVER);
}

static vlot_result awaits_applied_by_all(caller *self) {
  return vlot_await_applied(self->cluster, 0, 1000000, VLOT_NEVER);
}

static vlot_result awaits_role(caller *self) {
  return vlot_await_role(self->cluster, 1, VLOT_ROLE_LEADER, VLOT_NEVER);
}

static vlot_result awaits_quiet(caller *self) {
  return vlot_await_quiet(self->cluster, VLOT_NEVER);
}

/* A leader's entry that does not become durable: it is never quiet. */
static vlot_cluster *open_loud(void) {
  vlot_cluster *cluster = open_cluster(VLOT_DRIVER_THREADS);
  vlot_client *client = fleet_client(cluster, 0, 0);
  uint32_t leader;
  cr_assert(client);
  cr_assert_eq(vlot_await_leader(cluster, 10000, &leader), VLOT_OK);
  for (uint32_t id = 1; id <= 3; id++)
    cr_assert_eq(vlot_cluster_set_disk(cluster, id, &(vlot_disk_fault){.is_stalled = 1}), VLOT_OK);
  cr_assert_eq(fleet_submit(client, "x", 1, NULL), VLOT_OK);
  for (;;) {
    vlot_raft_status raft = fleet_status(cluster, leader).raft;
    if (raft.last_index > raft.durable_index) break;
    sched_yield();
  }
  vlot_client_close(client);
  return cluster;
}

Test(closing, every_await_ends_when_its_cluster_closes) {
  vlot_result (*const calls[])(caller *) = {awaits_leader, awaits_applied, awaits_applied_by_all,
                                            awaits_role};
  for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
    vlot_cluster *cluster = open_cut(VLOT_DRIVER_THREADS);
    caller waits = {.cluster = cluster, .call = calls[k]};
    start(&waits);
    wait_for_awaits(cluster, 1);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
    cr_expect_eq(end(&waits), VLOT_CLOSED, "call %zu", k);
  }
  vlot_cluster *cluster = open_loud();
  caller waits = {.cluster = cluster, .call = awaits_quiet};
  start(&waits);
  wait_for_awaits(cluster, 1);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(end(&waits), VLOT_CLOSED);
}

/* --- a client's calls --- */

/* One command is under way. */
static vlot_result waits_for_answer(caller *self) {
  cr_assert_eq(vlot_client_wait(self->client, &self->answer, 1), 1);
  return self->answer.result;
}

static vlot_result proposes(caller *self) { return fleet_add(self->client, "x", 1); }

static vlot_result queries(caller *self) {
  char text[8];
  return fleet_get(self->client, "x", text, sizeof text);
}

/* Mail to n1 waits in its mailbox, for as long as one likes. */
static vlot_cluster *open_mute(void) {
  vlot_cluster *cluster = open_cluster(VLOT_DRIVER_THREADS);
  cr_assert_eq(vlot_cluster_suspend(cluster, 1), VLOT_OK);
  return cluster;
}

static void ends_unknown(vlot_cluster *cluster, uint32_t contact,
                         vlot_result (*call)(caller *self)) {
  caller waits = {
      .cluster = cluster, .client = fleet_client(cluster, contact, VLOT_NEVER), .call = call};
  cr_assert(waits.client);
  if (call == waits_for_answer) cr_assert_eq(fleet_submit(waits.client, "x", 1, NULL), VLOT_OK);
  start(&waits);
  wait_for_visits(cluster, 1);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(end(&waits), VLOT_UNKNOWN);
  if (call == waits_for_answer) cr_expect_eq(waits.answer.why, VLOT_WHY_CLUSTER_CLOSED);
  cr_expect_eq(vlot_client_inflight(waits.client), 0);
  vlot_client_close(waits.client);
}

Test(closing, what_a_client_waits_for_is_unknown_when_the_cluster_closes) {
  ends_unknown(open_mute(), 1, waits_for_answer);
  ends_unknown(open_mute(), 1, proposes);
  ends_unknown(open_mute(), 1, queries);
  /* nobody leads, and they ask again and again */
  ends_unknown(open_cut(VLOT_DRIVER_THREADS), 0, proposes);
  ends_unknown(open_cut(VLOT_DRIVER_THREADS), 0, queries);
}

Test(closing, any_number_of_waiting_clients_are_woken) {
  enum { CLIENTS = 150 };
  vlot_cluster *cluster = open_mute();
  static caller waits[CLIENTS];
  for (int k = 0; k < CLIENTS; k++) {
    waits[k] = (caller){.cluster = cluster,
                        .client = fleet_client(cluster, 1, VLOT_NEVER),
                        .call = waits_for_answer};
    cr_assert(waits[k].client);
    cr_assert_eq(fleet_submit(waits[k].client, "x", 1, NULL), VLOT_OK);
    start(&waits[k]);
  }
  wait_for_visits(cluster, CLIENTS);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  for (int k = 0; k < CLIENTS; k++) {
    cr_expect_eq(end(&waits[k]), VLOT_UNKNOWN);
    cr_expect_eq(waits[k].answer.why, VLOT_WHY_CLUSTER_CLOSED);
    vlot_client_close(waits[k].client);
  }
}

/* --- control, and what else there is while it closes --- */

/* A machine whose creation waits: so a spawn can be stopped inside. */
typedef struct doorway {
  vlot_cluster *cluster;
  atomic_bool must_wait;
  atomic_bool is_waiting;
  vlot_result closed; /* what a close says in there */
} doorway;

static void *create(void *context, uint32_t node, bool is_replaying) {
  doorway *door = context;
  (void)node;
  (void)is_replaying;
  if (atomic_load(&door->must_wait)) {
    door->closed = vlot_cluster_close(door->cluster);
    atomic_store(&door->is_waiting, true);
    while (atomic_load(&door->must_wait)) sched_yield();
  }
  return context;
}

static vlot_result apply(void *state, const vlot_entry *commands, uint32_t count,
                         uint64_t first_index, vlot_replies *replies) {
  (void)state;
  (void)commands;
  (void)count;
  (void)first_index;
  (void)replies;
  return VLOT_OK;
}

static void destroy(void *state) { (void)state; }

static vlot_result spawns(caller *self) { return vlot_cluster_spawn(self->cluster, 3); }
static vlot_result heals(caller *self) { return vlot_cluster_heal(self->cluster); }

static bool is_never(vlot_cluster *cluster, void *context) {
  (void)cluster;
  (void)context;
  return false;
}

/* What is there to be called, and says no. */
static void expect_refusals(vlot_cluster *cluster) {
  vlot_link link = {0};
  vlot_disk_fault fault = {0};
  vlot_node_status status;
  vlot_cluster_stats stats = {.elections = 7};
  vlot_client *client;
  vlot_subscription *subscription;
  vlot_journal_status journal;
  vlot_replay_status replay;
  vlot_event event;
  vlot_lint lint;
  uint64_t hash, applied;
  uint32_t id = 1;
  const vlot_result results[] = {
      vlot_cluster_close(cluster),
      vlot_cluster_spawn(cluster, 1),
      vlot_cluster_kill(cluster, 1, false),
      vlot_cluster_restart(cluster, 1, VLOT_RESTART_KEEP),
      vlot_cluster_suspend(cluster, 1),
      vlot_cluster_resume(cluster, 1),
      vlot_cluster_order(cluster, 1, VLOT_INPUT_CAMPAIGN, 0),
      vlot_cluster_set_clock_rate(cluster, 1, 1000),
      vlot_cluster_set_disk(cluster, 1, &fault),
      vlot_cluster_set_link(cluster, 0, 0, &link),
      vlot_cluster_get_link(cluster, 1, 2, &link),
      vlot_cluster_partition(cluster, &id, 1),
      vlot_cluster_heal(cluster),
      vlot_cluster_get_status(cluster, 1, &status),
      vlot_cluster_hash(cluster, 1, &hash, &applied),
      vlot_subscription_open(&subscription, cluster, 0),
      vlot_client_open(&client, cluster, NULL),
      vlot_await_leader(cluster, 1, NULL),
      vlot_await_applied(cluster, 1, 1, 1),
      vlot_await_role(cluster, 1, VLOT_ROLE_LEADER, 1),
      vlot_await_quiet(cluster, 1),
      vlot_lockstep_step(cluster, 1, NULL),
      vlot_lockstep_until(cluster, is_never, NULL, 1),
      vlot_lockstep_fire(cluster, 1),
      vlot_lockstep_drop(cluster, 1),
      vlot_lockstep_hold(cluster, 1, true),
      vlot_lockstep_duplicate(cluster, 1, NULL),
      vlot_lockstep_delay(cluster, 1, 1),
      vlot_lockstep_set_inline(cluster, true),
      vlot_cluster_pause(cluster),
      vlot_cluster_unpause(cluster),
      vlot_journal_get_status(cluster, &journal),
      vlot_replay_get_status(cluster, &replay),
  };
  for (size_t k = 0; k < sizeof results / sizeof *results; k++)
    cr_expect_eq(results[k], VLOT_CLOSED, "call %zu: %s", k, vlot_result_name(results[k]));
  vlot_cluster_get_stats(cluster, &stats);
  cr_expect_eq(stats.elections, 0);
  cr_expect_null(client);
  cr_expect_null(subscription);
  cr_expect_eq(vlot_cluster_nodes(cluster), 0);
  cr_expect_eq(vlot_cluster_ids(cluster, NULL, 0), 0);
  cr_expect_eq(vlot_cluster_leader(cluster), 0);
  cr_expect_eq(vlot_cluster_now(cluster), 0);
  cr_expect_eq(vlot_cluster_events(cluster, 1, &event, 1), 0);
  cr_expect_eq(vlot_cluster_lint(cluster, &lint, 1), 0);
  cr_expect_eq(vlot_lockstep_pending(cluster, NULL, 0), 0);
  cr_expect_not(vlot_cluster_violation(cluster, NULL, 0));
}

Test(closing, a_call_inside_keeps_the_cluster_and_everything_else_is_refused) {
  doorway door = {.closed = VLOT_OK};
  vlot_machine machine = {.size = sizeof machine,
                          .name = "doorway",
                          .context = &door,
                          .create = create,
                          .apply = apply,
                          .destroy = destroy};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  vlot_cluster *cluster = door.cluster = fleet_open(&options);
  cr_assert(cluster);
  cr_assert_eq(vlot_cluster_kill(cluster, 3, false), VLOT_OK);
  caller inside = {.cluster = cluster, .call = spawns};
  caller next = {.cluster = cluster, .call = heals},
         closes = {.cluster = cluster, .call = calls_close};
  atomic_store(&door.must_wait, true);
  start(&inside);
  while (!atomic_load(&door.is_waiting)) sched_yield();
  start(&next);
  wait_for_visits(cluster, 2);
  start(&closes);
  cr_expect_eq(end(&next), VLOT_CLOSED, "it waits for control no longer");
  wait_for_shut(cluster);
  expect_refusals(cluster);
  atomic_store(&door.must_wait, false);
  cr_expect_eq(end(&inside), VLOT_OK, "it has ended as if nothing were");
  cr_expect_eq(end(&closes), VLOT_OK);
  cr_expect_eq(door.closed, VLOT_DEADLOCK, "by who is inside it cannot be closed");
}

/* --- a paused cluster --- */

static vlot_result pauses(caller *self) { return vlot_cluster_pause(self->cluster); }

static vlot_result pauses_and_steps(caller *self) {
  cr_assert_eq(vlot_cluster_pause(self->cluster), VLOT_OK);
  return vlot_lockstep_step(self->cluster, UINT64_MAX, NULL);
}

static vlot_result pauses_and_steps_until(caller *self) {
  cr_assert_eq(vlot_cluster_pause(self->cluster), VLOT_OK);
  return vlot_lockstep_until(self->cluster, is_never, NULL, UINT64_MAX);
}

static vlot_result pauses_and_awaits(caller *self) {
  cr_assert_eq(vlot_cluster_pause(self->cluster), VLOT_OK);
  return awaits_applied(self);
}

static vlot_result pauses_and_waits(caller *self) {
  cr_assert_eq(vlot_cluster_pause(self->cluster), VLOT_OK);
  return waits_for_answer(self);
}

static void closes_paused(vlot_result (*call)(caller *self), vlot_result expected) {
  vlot_cluster *cluster = open_mute();
  caller steps = {.cluster = cluster, .client = fleet_client(cluster, 1, VLOT_NEVER), .call = call};
  cr_assert(steps.client);
  if (call == pauses_and_waits) cr_assert_eq(fleet_submit(steps.client, "x", 1, NULL), VLOT_OK);
  start(&steps);
  if (call == pauses) {
    cr_expect_eq(end(&steps), VLOT_OK);
  } else {
    while (!vlot__driver_of(cluster)->is_stepped) sched_yield();
    wait_for_visits(cluster, 1);
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  if (call != pauses) cr_expect_eq(end(&steps), expected);
  vlot_client_close(steps.client);
}

Test(closing, a_cluster_that_another_thread_has_paused_and_steps_is_closed) {
  closes_paused(pauses, VLOT_OK);
  closes_paused(pauses_and_steps, VLOT_CLOSED);
  closes_paused(pauses_and_steps_until, VLOT_CLOSED);
  closes_paused(pauses_and_awaits, VLOT_CLOSED);
  closes_paused(pauses_and_waits, VLOT_UNKNOWN);
}

/* --- closing from inside --- */

typedef struct insider {
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_result closed;
  uint32_t answers;
  uint32_t closes_at; /* the client, with the n-th answer */
} insider;

static void closes_cluster(void *context, const vlot_answer *answer) {
  insider *self = context;
  (void)answer;
  self->answers++;
  self->closed = vlot_cluster_close(self->cluster);
}

static bool until_closed(vlot_cluster *cluster, void *context) {
  insider *self = context;
  self->closed = vlot_cluster_close(cluster);
  return true;
}

static insider open_insider(vlot_driver driver,
                            void (*answered)(void *context, const vlot_answer *answer),
                            insider *self) {
  vlot_client_options options;
  vlot_client_options_init(&options);
  options.answered = answered;
  options.context = self;
  insider made = {.cluster = open_cluster(driver)};
  cr_assert_eq(vlot_await_leader(made.cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_open(&made.client, made.cluster, &options), VLOT_OK);
  return made;
}

static void is_refused_inside(vlot_driver driver) {
  insider self;
  self = open_insider(driver, closes_cluster, &self);
  cr_assert_eq(fleet_submit(self.client, "x", 1, NULL), VLOT_OK);
  cr_expect_eq(vlot_client_wait(self.client, NULL, 0), 1);
  cr_expect_eq(self.answers, 1);
  cr_expect_eq(self.closed, VLOT_DEADLOCK);
  if (driver == VLOT_DRIVER_LOCKSTEP) {
    self.closed = VLOT_OK;
    cr_expect_eq(vlot_lockstep_until(self.cluster, until_closed, &self, 1), VLOT_OK);
    cr_expect_eq(self.closed, VLOT_DEADLOCK);
  }
  cr_expect_eq(fleet_add(self.client, "x", 1), VLOT_OK, "nothing was done");
  vlot_client_close(self.client);
  cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
}

Test(closing, by_who_is_inside_it_is_a_deadlock) {
  is_refused_inside(VLOT_DRIVER_THREADS);
  is_refused_inside(VLOT_DRIVER_LOCKSTEP);
}

/* Functions of the user that the cluster's own threads call: the clock's, the journal's. */
typedef struct overheard {
  _Atomic(vlot_cluster *) cluster; /* NULL: nothing is to be closed */
  atomic_bool was_called;
  vlot_result closed;
} overheard;

static void try_to_close(overheard *self) {
  vlot_cluster *cluster = atomic_load(&self->cluster);
  if (!cluster || atomic_load(&self->was_called)) return;
  self->closed = vlot_cluster_close(cluster);
  atomic_store(&self->was_called, true);
}

static void log_closes(void *context, const char *line) {
  (void)line;
  try_to_close(context);
}

static vlot_result sink_closes(void *context, const void *data, size_t size) {
  (void)data;
  (void)size;
  try_to_close(context);
  return VLOT_OK;
}

Test(closing, by_a_function_that_a_thread_of_the_cluster_calls_it_is_a_deadlock) {
  overheard log = {.closed = VLOT_OK}, sink = {.closed = VLOT_OK};
  vlot_writer journal = {.context = &sink, .write = sink_closes};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.raft.switches &=
      ~(uint32_t)VLOT_SWITCH_CHECK_QUORUM; /* a lint says so, and a leader stays */
  options.tick_ns = 1000000;
  options.log = log_closes;
  options.log_context = &log;
  options.journal = &journal;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert(cluster);
  atomic_store(&log.cluster, cluster);
  atomic_store(&sink.cluster, cluster);
  cr_assert_eq(vlot_await_leader(cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, 0, &(vlot_link){.is_cut = 1}), VLOT_OK);
  while (!atomic_load(&log.was_called) || !atomic_load(&sink.was_called)) sched_yield();
  cr_expect_eq(log.closed, VLOT_DEADLOCK);
  cr_expect_eq(sink.closed, VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static void closes_client(void *context, const vlot_answer *answer) {
  insider *self = context;
  (void)answer;
  if (++self->answers != self->closes_at) return;
  vlot_client_close(self->client);
  cr_expect_eq(fleet_submit(self->client, "x", 1, NULL), VLOT_CLOSED);
}

/* The first answer polls once more, and there the client is closed. */
static void polls_and_closes(void *context, const vlot_answer *answer) {
  insider *self = context;
  closes_client(context, answer);
  if (self->answers == 1) (void)vlot_client_poll(self->client, NULL, 0);
}

static void is_closed_inside(vlot_driver driver, uint32_t closes_at,
                             void (*answered)(void *context, const vlot_answer *answer)) {
  insider self;
  self = open_insider(driver, answered, &self);
  self.closes_at = closes_at;
  cr_assert_eq(fleet_submit(self.client, "x", 5, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(self.cluster, 10000), VLOT_OK);
  (void)vlot_client_wait(self.client, NULL, 0);
  cr_expect_eq(self.answers, closes_at, "it is not called any more");
  cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
}

Test(closing, a_client_may_be_closed_in_its_own_function) {
  for (uint32_t at = 1; at <= 5; at++) {
    is_closed_inside(VLOT_DRIVER_THREADS, at, closes_client);
    is_closed_inside(VLOT_DRIVER_LOCKSTEP, at, closes_client);
  }
  is_closed_inside(VLOT_DRIVER_LOCKSTEP, 2, polls_and_closes);
  is_closed_inside(VLOT_DRIVER_THREADS, 2, polls_and_closes);
}

/* --- shells --- */

/* One answer has arrived and is not taken, two commands are under way. */
typedef struct held {
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_subscription *events;
  uint32_t number;
} held;

static held open_held(vlot_driver driver, const vlot_allocator *allocator) {
  vlot_cluster_options options = fleet_options(driver, 3);
  options.allocator = allocator;
  options.keeps_events = 1;
  held all = {.cluster = fleet_open(&options)};
  cr_assert(all.cluster);
  all.client = fleet_client(all.cluster, 0, VLOT_NEVER);
  cr_assert(all.client);
  cr_assert_eq(vlot_subscription_open(&all.events, all.cluster, 0), VLOT_OK);
  all.number = vlot_client_number(all.client);
  cr_assert_eq(vlot_await_leader(all.cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(fleet_submit(all.client, "x", 1, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(all.cluster, 10000), VLOT_OK);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_suspend(all.cluster, id), VLOT_OK);
  cr_assert_eq(fleet_submit(all.client, "x", 2, NULL), VLOT_OK);
  return all;
}

static void expect_client_shell(const held *all) {
  vlot_answer answers[4];
  uint8_t byte = 1;
  vlot_command command = {.data = &byte, .size = 1};
  cr_expect_eq(vlot_client_number(all->client), all->number);
  cr_expect_eq(vlot_client_inflight(all->client), 3);
  cr_expect_eq(vlot_client_submit(all->client, &command, 1, NULL), VLOT_CLOSED);
  cr_expect_eq(vlot_client_read(all->client, "x", 1, 0, NULL), VLOT_CLOSED);
  cr_expect_eq(vlot_client_propose(all->client, "x", 1, NULL), VLOT_CLOSED);
  cr_expect_eq(vlot_client_query(all->client, "x", 1, NULL), VLOT_CLOSED);
  cr_assert_eq(vlot_client_wait(all->client, answers, 4), 1, "what has arrived comes first");
  cr_expect_eq(answers[0].sequence, 1);
  cr_expect_eq(answers[0].result, VLOT_OK);
  cr_expect_eq(fleet_number(&answers[0]), 1);
  cr_assert_eq(vlot_client_poll(all->client, answers, 1), 1);
  cr_assert_eq(vlot_client_wait(all->client, answers + 1, 3), 1);
  for (int k = 0; k < 2; k++) {
    cr_expect_eq(answers[k].sequence, (uint64_t)k + 2);
    cr_expect_eq(answers[k].result, VLOT_UNKNOWN);
    cr_expect_eq(answers[k].why, VLOT_WHY_CLUSTER_CLOSED);
  }
  cr_expect_eq(vlot_client_inflight(all->client), 0);
  cr_expect_eq(vlot_client_wait(all->client, answers, 4), 0);
  cr_expect_eq(vlot_client_poll(all->client, answers, 4), 0);
}

/* From the first event to the last, of the closing itself. */
static void expect_event_shell(const held *all) {
  vlot_event event;
  uint32_t kills = 0;
  uint64_t next[4] = {1, 1, 1, 1};
  while (vlot_subscription_next(all->events, &event)) {
    cr_assert_leq(event.node, 3);
    cr_assert_eq(event.sequence, next[event.node]++);
    kills += event.kind == VLOT_EVENT_KILL;
  }
  cr_expect_eq(kills, 3);
  cr_expect_not(vlot_subscription_next(all->events, &event));
  cr_expect_eq(vlot_subscription_lost(all->events), 0);
}

/* The three handles are closed in each order; whoever comes behind the cluster is a shell. */
static void close_in_order(vlot_driver driver, const char *order) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  held all = open_held(driver, vlot_fault_allocator_get(faults));
  bool is_shell = false;
  for (const char *one = order; *one; one++) {
    if (*one == 'c') {
      if (is_shell) expect_client_shell(&all);
      vlot_client_close(all.client);
    } else if (*one == 'e') {
      if (is_shell) expect_event_shell(&all);
      vlot_subscription_close(all.events);
    } else {
      cr_expect_eq(vlot_cluster_close(all.cluster), VLOT_OK);
      is_shell = true;
    }
  }
  cr_expect_eq(vlot_fault_allocator_live(faults), 0, "%s", order);
  vlot_fault_allocator_close(faults);
}

Test(closing, handles_are_closed_in_any_order) {
  const char *const orders[] = {"Cce", "Cec", "cCe", "eCc", "ceC", "ecC"};
  for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
    close_in_order(VLOT_DRIVER_LOCKSTEP, orders[k]);
    close_in_order(VLOT_DRIVER_THREADS, orders[k]);
  }
}

Test(closing, what_a_replay_is_held_by_outlives_it) {
  taped tape = {0};
  vlot_writer sink = taped_sink(&tape);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  char text[320];
  options.journal = &sink;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert(cluster);
  cr_assert_eq(vlot_await_leader(cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  options.journal = NULL;
  options.keeps_events = 1;
  cr_expect_str_eq(taped_replay(&tape, &options, &cluster, text), "");
  held all = {.cluster = cluster, .client = fleet_client(cluster, 0, 0)};
  cr_assert(all.client);
  cr_assert_eq(vlot_subscription_open(&all.events, cluster, 0), VLOT_OK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(vlot_client_propose(all.client, "x", 1, NULL), VLOT_CLOSED);
  vlot_client_close(all.client);
  vlot_event event;
  uint64_t count = 0;
  while (vlot_subscription_next(all.events, &event)) count++;
  cr_expect_gt(count, 3);
  vlot_subscription_close(all.events);
  taped_free(&tape);
}

/* --- how many clients --- */

static vlot_result open_small(vlot_client **client, vlot_cluster *cluster) {
  vlot_client_options options;
  vlot_client_options_init(&options);
  options.inflight_max = 1;
  return vlot_client_open(client, cluster, &options);
}

static void keep_line(void *context, const char *line) { snprintf(context, 128, "%s", line); }

Test(closing, so_many_clients_may_be_open_at_once) {
  static vlot_client *clients[VLOT_CLIENTS_MAX + 1];
  char said[128] = "";
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  options.log = keep_line;
  options.log_context = said;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert(cluster);
  for (uint32_t k = 0; k < VLOT_CLIENTS_MAX; k++)
    cr_assert_eq(open_small(&clients[k], cluster), VLOT_OK, "client %u", k);
  cr_expect_eq(open_small(&clients[VLOT_CLIENTS_MAX], cluster), VLOT_BUSY);
  cr_expect_null(clients[VLOT_CLIENTS_MAX]);
  cr_expect(strstr(said, "65536"), "%s", said);
  vlot_client_close(clients[7]); /* one below, and at the limit again */
  cr_assert_eq(open_small(&clients[7], cluster), VLOT_OK);
  cr_expect_eq(vlot_client_number(clients[7]), VLOT_CLIENTS_MAX + 1, "numbers are new");
  /* each is found by its number */
  for (uint32_t k = 0; k < VLOT_CLIENTS_MAX; k += VLOT_CLIENTS_MAX / 16 - 1)
    cr_assert_eq(fleet_add(clients[k], "x", 1), VLOT_OK, "client %u", k);
  cr_assert_eq(fleet_add(clients[7], "x", 1), VLOT_OK);
  for (uint32_t k = 0; k < VLOT_CLIENTS_MAX / 2; k++) vlot_client_close(clients[k]);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  for (uint32_t k = VLOT_CLIENTS_MAX / 2; k < VLOT_CLIENTS_MAX; k++) vlot_client_close(clients[k]);
}

/* Bytes that are allocated, and the most that ever were. */
typedef struct scale {
  size_t bytes, most;
} scale;

static void *weigh(void *context, void *memory, size_t size) {
  scale *self = context;
  self->bytes -= memory ? malloc_usable_size(memory) : 0;
  void *made = NULL;
  if (size > 0)
    made = realloc(memory, size);
  else
    free(memory);
  self->bytes += made ? malloc_usable_size(made) : 0;
  if (self->bytes > self->most) self->most = self->bytes;
  return made;
}

Test(closing, a_million_clients_one_after_another_need_no_memory) {
  scale weight = {0};
  vlot_allocator allocator = {.context = &weight, .resize = weigh};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  options.allocator = &allocator;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client;
  cr_assert(cluster);
  cr_assert_eq(open_small(&client, cluster), VLOT_OK);
  vlot_client_close(client);
  size_t before = weight.bytes;
  for (uint32_t k = 0; k < 1000; k++) {
    cr_assert_eq(open_small(&client, cluster), VLOT_OK);
    vlot_client_close(client);
  }
  size_t most = weight.most;
  for (uint32_t k = 1000; k < 1000000; k++) {
    cr_assert_eq(open_small(&client, cluster), VLOT_OK);
    vlot_client_close(client);
  }
  cr_expect_eq(weight.bytes, before);
  cr_expect_eq(weight.most, most);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(weight.bytes, 0);
}
