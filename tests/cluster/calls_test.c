/* Every call of a threads cluster that can wait, a row each, and what ends it: the cluster closes,
 * its nodes are killed, nobody leads, a machine is stuck in user code, the process forks.
 * docs/calls.md is this table in words; interrupts and calls to actors have tests of their own.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/door.h"
#include "cluster/gate.h"
#include "fleet.h"
#include "vlot/why.h"

TestSuite(calls, .timeout = 120);

/* --- the calls --- */

typedef struct caller {
  pthread_t thread;
  vlot_cluster *cluster;
  vlot_client *client;
  uint64_t ticks; /* until its deadline */
  uint32_t node;
  vlot_result (*call)(struct caller *self);
  vlot_result result;
} caller;

static vlot_result await_leader(caller *self) {
  return vlot_await_leader(self->cluster, self->ticks, NULL);
}
static vlot_result await_applied(caller *self) {
  return vlot_await_applied(self->cluster, 0, 1000000, self->ticks);
}
static vlot_result await_role(caller *self) {
  return vlot_await_role(self->cluster, self->node, VLOT_ROLE_LEADER, self->ticks);
}
static vlot_result await_quiet(caller *self) {
  return vlot_await_quiet(self->cluster, self->ticks);
}
/* Something is in flight already. */
static vlot_result client_wait(caller *self) {
  vlot_answer answer = {.result = VLOT_FAILED};
  (void)vlot_client_wait(self->client, &answer, 1);
  return answer.result;
}
static vlot_result client_propose(caller *self) {
  return vlot_client_propose(self->client, "x", 1, NULL);
}
static vlot_result client_query(caller *self) {
  return vlot_client_query(self->client, "x", 1, NULL);
}
static vlot_result spawn(caller *self) { return vlot_cluster_spawn(self->cluster, self->node); }
static vlot_result kill_node(caller *self) {
  return vlot_cluster_kill(self->cluster, self->node, false);
}
static vlot_result restart(caller *self) {
  return vlot_cluster_restart(self->cluster, self->node, VLOT_RESTART_KEEP);
}
static vlot_result suspend(caller *self) { return vlot_cluster_suspend(self->cluster, self->node); }
static vlot_result resume(caller *self) { return vlot_cluster_resume(self->cluster, self->node); }
static vlot_result set_clock_rate(caller *self) {
  return vlot_cluster_set_clock_rate(self->cluster, self->node, 500);
}
static vlot_result set_disk(caller *self) {
  return vlot_cluster_set_disk(self->cluster, self->node, &(vlot_disk_fault){0});
}
static vlot_result set_link(caller *self) {
  return vlot_cluster_set_link(self->cluster, 1, 2, &(vlot_link){.is_cut = 1});
}
static vlot_result partition(caller *self) {
  const uint32_t sides[] = {1, 0, 2, 3};
  return vlot_cluster_partition(self->cluster, sides, 4);
}
static vlot_result heal(caller *self) { return vlot_cluster_heal(self->cluster); }
static vlot_result hash(caller *self) {
  uint64_t value, applied;
  return vlot_cluster_hash(self->cluster, self->node, &value, &applied);
}
static void look_at_nothing(void *context, const vlot_raft *raft, void *machine) {
  (void)context, (void)raft, (void)machine;
}
static vlot_result look(caller *self) {
  return vlot_cluster_look(self->cluster, self->node, look_at_nothing, NULL);
}
static vlot_result take_snapshot(caller *self) {
  return vlot_cluster_snapshot(self->cluster, self->node, self->ticks, NULL);
}
static vlot_result compact(caller *self) {
  return vlot_cluster_compact(self->cluster, self->node, 1, self->ticks, NULL);
}
static vlot_result export_it(caller *self) {
  return vlot_cluster_export(self->cluster, self->node, "/no/such/place");
}
/* They have no result: 0 is none. */
static vlot_result events(caller *self) {
  vlot_event event;
  return vlot_cluster_events(self->cluster, self->node, &event, 1) == 1 ? VLOT_OK : VLOT_NOT_FOUND;
}
static vlot_result rare_events(caller *self) {
  vlot_event event;
  return vlot_cluster_rare_events(self->cluster, self->node, &event, 1) == 1 ? VLOT_OK
                                                                             : VLOT_NOT_FOUND;
}
static vlot_result why(caller *self) {
  vlot_explanation *told;
  vlot_result result = vlot_cluster_why(self->cluster, NULL, &told);
  vlot_explanation_release(told);
  return result;
}
static vlot_result pause_it(caller *self) { return vlot_cluster_pause(self->cluster); }
static vlot_result unpause(caller *self) { return vlot_cluster_unpause(self->cluster); }

/* --- the table --- */

typedef struct row {
  vlot_result (*call)(caller *self);
  vlot_result closed; /* while it waits: for its own, or for control */
  vlot_result killed; /* all nodes are down */
  vlot_result leaderless;
  vlot_result stuck; /* its node is in user code that does not end */
  vlot_result forked;
} row;

#define NONE VLOT_NOT_FOUND /* 0 events */
#define NO   VLOT_UNSUPPORTED
static const row rows[] = {
    {await_leader, VLOT_CLOSED, VLOT_TIMEOUT, VLOT_TIMEOUT, VLOT_OK, NO},
    {await_applied, VLOT_CLOSED, VLOT_TIMEOUT, VLOT_TIMEOUT, VLOT_TIMEOUT, NO},
    {await_role, VLOT_CLOSED, VLOT_TIMEOUT, VLOT_TIMEOUT, VLOT_OK, NO},
    {await_quiet, VLOT_CLOSED, VLOT_TIMEOUT, VLOT_OK, VLOT_TIMEOUT, NO},
    {client_wait, VLOT_UNKNOWN, VLOT_REJECTED, VLOT_REJECTED, VLOT_UNKNOWN, VLOT_FAILED},
    {client_propose, VLOT_UNKNOWN, VLOT_REJECTED, VLOT_REJECTED, VLOT_UNKNOWN, NO},
    {client_query, VLOT_UNKNOWN, VLOT_REJECTED, VLOT_REJECTED, VLOT_UNKNOWN, NO},
    {spawn, VLOT_CLOSED, VLOT_OK, VLOT_EXISTS, VLOT_EXISTS, NO},
    {kill_node, VLOT_CLOSED, VLOT_CLOSED, VLOT_OK, VLOT_TIMEOUT, NO},
    {restart, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
    {suspend, VLOT_CLOSED, VLOT_CLOSED, VLOT_OK, VLOT_TIMEOUT, NO},
    {resume, VLOT_CLOSED, VLOT_CLOSED, VLOT_OK, VLOT_OK, NO},
    {set_clock_rate, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
    {set_disk, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
    {set_link, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
    {partition, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
    {heal, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
    {hash, VLOT_CLOSED, VLOT_CLOSED, VLOT_OK, VLOT_TIMEOUT, NO},
    {look, VLOT_CLOSED, VLOT_CLOSED, VLOT_OK, VLOT_TIMEOUT, NO},
    {take_snapshot, VLOT_BUSY, VLOT_CLOSED, VLOT_EXISTS, VLOT_TIMEOUT,
     NO}, /* BUSY: suspended; snapshot_calls_test.c */
    {compact, VLOT_BUSY, VLOT_CLOSED, VLOT_NOT_FOUND, VLOT_TIMEOUT, NO},
    {export_it, VLOT_CLOSED, VLOT_CLOSED, VLOT_NOT_FOUND, VLOT_TIMEOUT, NO},
    {events, NONE, VLOT_OK, VLOT_OK, NONE, NONE},
    {rare_events, NONE, VLOT_OK, VLOT_OK, NONE, NONE},
    {why, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
    {pause_it, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_TIMEOUT, NO},
    {unpause, VLOT_CLOSED, VLOT_OK, VLOT_OK, VLOT_OK, NO},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* --- what they wait for --- */

static vlot_cluster *open_cluster(uint32_t nodes, const vlot_machine *machine) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, nodes);
  options.machine = machine;
  options.tick_ns = 1000000;
  options.stop_ns = 20000000;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert(cluster);
  return cluster;
}

/* REJECTED: what is under way at the deadline is UNKNOWN as well. */
static void expect(size_t k, const char *what, vlot_result result, vlot_result right) {
  if (right == VLOT_REJECTED && result == VLOT_UNKNOWN) right = result;
  cr_expect_eq(result, right, "row %zu, %s: %s, not %s", k, what, vlot_result_name(result),
               vlot_result_name(right));
}

static caller open_caller(vlot_cluster *cluster, uint32_t contact, uint64_t ticks, size_t k) {
  caller self = {.cluster = cluster, .ticks = ticks, .node = 1, .call = rows[k].call};
  self.client = fleet_client(cluster, contact, ticks);
  cr_assert(self.client);
  if (self.call == client_wait) cr_assert_eq(fleet_submit(self.client, "x", 1, NULL), VLOT_OK);
  return self;
}

static void *make_call(void *context) {
  caller *self = context;
  self->result = self->call(self);
  return NULL;
}

static void *close_cluster(void *cluster) {
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  return NULL;
}

/* Nobody moves, and this thread has control. */
static vlot_cluster *open_still(void) {
  vlot_cluster *cluster = open_cluster(3, NULL);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_suspend(cluster, id), VLOT_OK);
  vlot__control_begin(cluster);
  return cluster;
}

Test(calls, end_when_the_cluster_closes) {
  for (size_t k = 0; k < ROWS; k++) {
    vlot_cluster *cluster = open_still();
    caller self = open_caller(cluster, 1, VLOT_NEVER, k);
    pthread_t closer;
    cr_assert_eq(pthread_create(&self.thread, NULL, make_call, &self), 0);
    bool waits = rows[k].closed != VLOT_BUSY; /* else it is refused: its node is suspended */
    while (waits && atomic_load(&cluster->door.word) < VLOT__FENCE_EFFECT) sched_yield();
    if (!waits) cr_assert_eq(pthread_join(self.thread, NULL), 0);
    cr_assert_eq(pthread_create(&closer, NULL, close_cluster, cluster), 0);
    if (waits) cr_assert_eq(pthread_join(self.thread, NULL), 0);
    expect(k, "closed", self.result, rows[k].closed);
    vlot__control_end(cluster);
    cr_assert_eq(pthread_join(closer, NULL), 0);
    vlot_client_close(self.client);
  }
}

/* Those that wait do so already. */
Test(calls, end_when_every_node_is_killed) {
  for (size_t k = 0; k < ROWS; k++) {
    vlot_cluster *cluster = open_cluster(3, NULL);
    for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_suspend(cluster, id), VLOT_OK);
    caller self = open_caller(cluster, 1, 50, k);
    bool waits = k < 7;
    if (waits) {
      cr_assert_eq(pthread_create(&self.thread, NULL, make_call, &self), 0);
      while (atomic_load(&cluster->door.word) < VLOT__FENCE_EFFECT) sched_yield();
    }
    for (uint32_t id = 1; id <= 3; id++)
      cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
    if (waits)
      cr_assert_eq(pthread_join(self.thread, NULL), 0);
    else
      self.result = self.call(&self);
    expect(k, "killed", self.result, rows[k].killed);
    vlot_client_close(self.client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

Test(calls, end_while_nobody_leads) {
  for (size_t k = 0; k < ROWS; k++) {
    vlot_cluster *cluster = open_cluster(3, NULL);
    cr_assert_eq(vlot_cluster_set_link(cluster, 0, 0, &(vlot_link){.is_cut = 1}), VLOT_OK);
    for (uint32_t id = 1; id <= 3; id++) /* who has been elected already is no leader any more */
      cr_assert_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP), VLOT_OK);
    caller self = open_caller(cluster, 0, 50, k);
    self.result = self.call(&self);
    expect(k, "leaderless", self.result, rows[k].leaderless);
    vlot_client_close(self.client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

/* --- stuck, and forked: in processes of their own, which leave all of it behind --- */

static _Atomic uint32_t inside; /* apply */

static void *create(void *context, uint32_t node, bool is_replaying) {
  (void)context;
  (void)node;
  (void)is_replaying;
  return &inside;
}

static vlot_result apply_for_ever(void *state, const vlot_entry *commands, uint32_t count,
                                  uint64_t first_index, vlot_replies *replies) {
  (void)state;
  (void)commands;
  (void)count;
  (void)first_index;
  (void)replies;
  atomic_fetch_add(&inside, 1);
  while (atomic_load(&inside) > 0) pause();
  return VLOT_OK;
}

static uint64_t no_hash(void *state) {
  (void)state;
  return 0;
}

static vlot_result no_snapshot(void *state, const vlot_writer *writer) {
  (void)state;
  (void)writer;
  return VLOT_OK;
}

static vlot_result no_restore(void *state, const vlot_reader *reader) {
  (void)state;
  (void)reader;
  return VLOT_OK;
}

static void destroy(void *state) { (void)state; }

static const vlot_machine stuck = {.size = sizeof stuck,
                                   .name = "stuck",
                                   .create = create,
                                   .apply = apply_for_ever,
                                   .hash = no_hash,
                                   .snapshot = no_snapshot,
                                   .restore = no_restore,
                                   .destroy = destroy};

/* Its leader applies for ever; n1 … n3 are asked for that one. */
static int call_stuck(size_t k) {
  vlot_cluster *cluster = open_cluster(3, &stuck);
  vlot_client *client = fleet_client(cluster, 0, VLOT_NEVER);
  caller self = {.cluster = cluster, .ticks = 30, .call = rows[k].call};
  if (vlot_await_leader(cluster, 10000, &self.node) != VLOT_OK) return 100;
  if (fleet_submit(client, "x", 1, NULL) != VLOT_OK) return 101;
  while (atomic_load(&inside) == 0) sched_yield();
  self.client = fleet_client(cluster, self.node, 30);
  if (self.call == client_wait && fleet_submit(self.client, "x", 1, NULL) != VLOT_OK) return 102;
  return (int)self.call(&self);
}

static int call_in_child(const caller *of, size_t k) {
  fflush(NULL);
  pid_t child = fork();
  cr_assert_geq(child, 0);
  if (child == 0) {
    (void)signal(SIGALRM, SIG_DFL);
    alarm(30);
    caller self = of ? *of : (caller){0};
    _exit(of ? (int)rows[k].call(&self) : call_stuck(k));
  }
  int status;
  cr_assert_eq(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(calls, end_while_their_node_is_stuck_in_user_code) {
  for (size_t k = 0; k < ROWS; k++)
    expect(k, "stuck", (vlot_result)call_in_child(NULL, k), rows[k].stuck);
  /* and so does the close, which leaves the node's thread alone */
}

Test(calls, end_in_a_forked_child) {
  vlot_cluster *cluster = open_still();
  vlot__control_end(cluster);
  for (size_t k = 0; k < ROWS; k++) {
    caller self = open_caller(cluster, 1, VLOT_NEVER, k);
    expect(k, "forked", (vlot_result)call_in_child(&self, k), rows[k].forked);
    vlot_client_close(self.client);
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}
