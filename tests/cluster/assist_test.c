/* A caller that waits lends its thread: where it may, where it may not, and that nothing is lost
 * when it stops, is stuck, is cancelled or does something else. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "shelf.h"

enum { LONG = 10000 }; /* ticks */

/* Real time, for what does not go by the cluster clock: look until it holds, at most 20 s. */
#define LOOK_UNTIL(condition)                                         \
  do {                                                                \
    uint64_t look_end = vlot_clock_ns() + UINT64_C(20000000000);      \
    while (!(condition) && vlot_clock_ns() < look_end) sched_yield(); \
    cr_assert(condition);                                             \
  } while (0)

static vlot_cluster *open_with(const vlot_cluster_options *options) {
  vlot_cluster *cluster = fleet_open(options);
  cr_assert_not_null(cluster);
  cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
  return cluster;
}

static uint64_t lent_by(vlot_cluster *cluster, uint32_t commands) {
  vlot_client *client = fleet_client(cluster, 0, LONG);
  uint64_t before = fleet_stats(cluster).lent_turns;
  for (uint32_t k = 0; k < commands; k++) cr_expect_eq(fleet_add(client, "n", 1), VLOT_OK);
  vlot_client_close(client);
  return fleet_stats(cluster).lent_turns - before;
}

/* --- who may --- */

Test(assist, the_defaults_run_a_commands_turns_on_the_thread_that_waits) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = open_with(&options);
  uint64_t lent = lent_by(cluster, 500);
  cr_expect_gt(lent, 500, "%llu turns of 500 commands", (unsigned long long)lent);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(assist, off_leaves_every_turn_to_the_nodes_threads) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.assist = VLOT_ASSIST_OFF;
  vlot_cluster *cluster = open_with(&options);
  cr_expect_eq(lent_by(cluster, 50), 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(assist, a_machine_that_does_not_say_so_stays_on_its_own_threads_unless_it_is_on) {
  vlot_machine machine = *vlot_kv_machine();
  machine.may_run_on_callers = 0;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  vlot_cluster *cluster = open_with(&options);
  cr_expect_eq(lent_by(cluster, 50), 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  options.assist = VLOT_ASSIST_ON;
  cluster = open_with(&options);
  cr_expect_gt(lent_by(cluster, 200), 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(assist, a_storage_that_does_not_say_so_stays_on_its_own_threads) {
  shelf *all = shelf_open(SHELF_SECOND);
  vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = open_with(&options);
  cr_expect_eq(lent_by(cluster, 50), 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  shelf_close(all);
}

Test(assist, another_value_of_it_is_refused) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = NULL;
  const char *problem = NULL;
  options.assist = (vlot_assist)3;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem, "assist: one of VLOT_ASSIST_*");
}

Test(assist, a_paused_or_suspended_cluster_lends_nothing) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = open_with(&options);
  vlot_client *client = fleet_client(cluster, 0, 20);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_suspend(cluster, id), VLOT_OK);
  uint64_t before = fleet_stats(cluster).lent_turns;
  cr_expect_eq(fleet_add(client, "n", 1), VLOT_UNKNOWN);
  cr_expect_eq(fleet_stats(cluster).lent_turns, before);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_resume(cluster, id), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  before = fleet_stats(cluster).lent_turns;
  (void)fleet_add(client, "n", 1);
  cr_expect_eq(fleet_stats(cluster).lent_turns, before);
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- whose thread it is --- */

/* A machine that says who has run it, and can be made to stand still. */
typedef struct probe {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  vlot_cluster *cluster;
  pthread_t caller;
  uint32_t on_caller; /* calls of apply on its thread */
  vlot_result inside; /* what a call from there was told */
  bool must_stand;    /* the next apply on the caller's thread stands still */
  bool stands;
  bool has_stood;
} probe;

static void *probe_create(void *context, uint32_t node, bool is_replaying) {
  (void)node, (void)is_replaying;
  return context;
}

static vlot_result probe_apply(void *context, const vlot_entry *commands, uint32_t count,
                               uint64_t first_index, vlot_replies *replies) {
  probe *self = context;
  (void)commands, (void)count, (void)first_index, (void)replies;
  pthread_mutex_lock(&self->lock);
  if (pthread_equal(pthread_self(), self->caller)) {
    self->on_caller++;
    self->inside = vlot_await_leader(self->cluster, 1, NULL);
    self->stands = self->must_stand;
    self->has_stood |= self->stands;
    pthread_cond_broadcast(&self->changed);
    while (self->must_stand) pthread_cond_wait(&self->changed, &self->lock);
    self->stands = false;
  }
  pthread_mutex_unlock(&self->lock);
  return VLOT_OK;
}

static void probe_destroy(void *context) { (void)context; }

static probe *make_probe(vlot_machine *machine) {
  probe *self = calloc(1, sizeof *self);
  pthread_mutex_init(&self->lock, NULL);
  pthread_cond_init(&self->changed, NULL);
  self->inside = VLOT_OK;
  *machine = (vlot_machine){.size = sizeof *machine,
                            .name = "probe",
                            .context = self,
                            .create = probe_create,
                            .apply = probe_apply,
                            .destroy = probe_destroy,
                            .may_run_on_callers = 1};
  return self;
}

static void let_go(probe *self) {
  pthread_mutex_lock(&self->lock);
  self->must_stand = false;
  pthread_cond_broadcast(&self->changed);
  pthread_mutex_unlock(&self->lock);
}

Test(assist, a_borrowed_turn_is_a_nodes_and_its_thread_is_the_callers_again_behind_it) {
  vlot_machine machine;
  probe *self = make_probe(&machine);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  self->cluster = open_with(&options);
  vlot_client *client = fleet_client(self->cluster, 0, LONG);
  self->caller = pthread_self();
  for (int k = 0; k < 200 || self->on_caller == 0; k++)
    cr_assert_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
  cr_expect_eq(self->inside, VLOT_DEADLOCK);
  cr_expect_eq(vlot_await_leader(self->cluster, LONG, NULL), VLOT_OK);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(self->cluster), VLOT_OK);
  free(self);
}

/* --- nobody waits for ever --- */

static void make_habit(vlot_client *client) {
  for (int k = 0; k < 200; k++) {
    cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
    cr_assert_eq(fleet_wait(client).result, VLOT_OK);
  }
}

static bool have_applied(vlot_cluster *cluster, uint64_t index) {
  for (uint32_t id = 1; id <= 3; id++)
    if (fleet_status(cluster, id).applied_index < index) return false;
  return true;
}

Test(assist, a_client_with_the_habit_of_waiting_that_does_not_wait_is_served_all_the_same) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.tick_ns = 20000000; /* no election comes in between */
  vlot_cluster *cluster = open_with(&options);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  make_habit(client);
  for (int k = 0; k < 3; k++) {
    uint64_t last = fleet_stats(cluster).commits;
    cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
    LOOK_UNTIL(fleet_stats(cluster).commits > last);
  }
  vlot_answer answers[8];
  size_t count = 0;
  LOOK_UNTIL((count += vlot_client_poll(client, answers, 8)) == 3);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(assist, a_poll_pays_what_a_submit_has_put_off) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.tick_ns = 20000000; /* no election comes in between */
  vlot_cluster *cluster = open_with(&options);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  vlot_answer answer;
  for (int round = 0; round < 20; round++) {
    make_habit(client);
    cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
    size_t count = 0;
    LOOK_UNTIL((count += vlot_client_poll(client, &answer, 1)) == 1);
    cr_expect_eq(answer.result, VLOT_OK);
  }
  cr_assert_eq(vlot_await_applied(cluster, 0, answer.index, LONG), VLOT_OK);
  cr_expect(have_applied(cluster, answer.index));
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- a caller inside a turn --- */

typedef struct asker {
  pthread_t thread;
  probe *machine;
  vlot_client *client;
  vlot_result result;
} asker;

static bool has_stood(probe *self) {
  pthread_mutex_lock(&self->lock);
  bool stood = self->has_stood;
  pthread_mutex_unlock(&self->lock);
  return stood;
}

static void *ask_until_it_stands(void *context) {
  asker *self = context;
  pthread_mutex_lock(&self->machine->lock);
  self->machine->caller = pthread_self();
  self->machine->must_stand = true;
  pthread_mutex_unlock(&self->machine->lock);
  do {
    self->result = vlot_client_propose(self->client, "x", 1, NULL);
  } while (self->result == VLOT_OK && !has_stood(self->machine));
  return NULL;
}

static void await_standing(probe *self) {
  pthread_mutex_lock(&self->lock);
  while (!self->stands) pthread_cond_wait(&self->changed, &self->lock);
  pthread_mutex_unlock(&self->lock);
}

static uint32_t node_of_turn(vlot_cluster *cluster) {
  for (uint32_t id = 1; id <= 3; id++)
    if (vlot_cluster_suspend(cluster, id) == VLOT_TIMEOUT) return id;
  return 0;
}

Test(assist, a_kill_fences_a_node_whose_turn_a_caller_is_stuck_in_and_takes_no_thread_of_it) {
  vlot_machine machine;
  probe *self = make_probe(&machine);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  options.stop_ns = 500000000; /* what is not stuck ends within it, on a busy machine too */
  options.has_checker = 0;
  vlot_cluster *cluster = self->cluster = open_with(&options);
  asker caller = {.machine = self, .client = fleet_client(cluster, 0, 100)};
  cr_assert_eq(pthread_create(&caller.thread, NULL, ask_until_it_stands, &caller), 0);
  await_standing(self);
  uint32_t id = node_of_turn(cluster);
  cr_assert_neq(id, 0);
  bool was_leader = fleet_status(cluster, id).raft.role == VLOT_ROLE_LEADER;
  cr_expect_eq(vlot_cluster_kill(cluster, id, false), VLOT_TIMEOUT);
  for (uint32_t other = 1; other <= 3; other++)
    if (other != id) cr_expect_eq(vlot_cluster_resume(cluster, other), VLOT_OK);
  cr_expect_eq(vlot_cluster_spawn(cluster, id), VLOT_OK);
  cr_expect_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
  let_go(self);
  vlot_cluster_interrupt(cluster);
  vlot_client_interrupt(caller.client);
  cr_assert_eq(pthread_join(caller.thread, NULL), 0);
  if (was_leader) /* else the leader has committed it, or may have */
    cr_expect_neq(caller.result, VLOT_OK);
  vlot_client_close(caller.client);
  vlot_result closed = vlot_cluster_close(cluster);
  cr_expect_eq(closed, VLOT_OK, "%s", vlot_problem(closed));
  free(self);
}

/* Its memory is left alone for good, and what it points to: known to whoever looks for leaks. */
static vlot_cluster *volatile left_alone;
static probe *volatile its_machine;

Test(assist, close_waits_for_a_caller_stuck_in_a_turn_no_longer_than_for_a_node) {
  vlot_machine machine;
  probe *self = its_machine = make_probe(&machine);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  options.stop_ns = 50000000;
  options.has_checker = 0;
  self->cluster = left_alone = open_with(&options);
  asker caller = {.machine = self, .client = fleet_client(self->cluster, 0, LONG)};
  cr_assert_eq(pthread_create(&caller.thread, NULL, ask_until_it_stands, &caller), 0);
  await_standing(self);
  cr_expect_eq(vlot_cluster_close(self->cluster), VLOT_TIMEOUT);
  let_go(self);
  cr_assert_eq(pthread_join(caller.thread, NULL), 0);
  cr_expect_eq(caller.result, VLOT_UNKNOWN);
  vlot_client_close(caller.client);
}

static void *propose_for_ever(void *context) {
  for (;;) {
    (void)fleet_add(context, "n", 1);
    pthread_testcancel();
  }
  return NULL;
}

Test(assist, a_caller_that_is_cancelled_leaves_the_nodes_as_they_were) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = open_with(&options);
  for (int k = 0; k < 20; k++) {
    pthread_t thread;
    vlot_client *client = fleet_client(cluster, 0, LONG);
    uint64_t before = fleet_stats(cluster).lent_turns;
    cr_assert_eq(pthread_create(&thread, NULL, propose_for_ever, client), 0);
    LOOK_UNTIL(fleet_stats(cluster).lent_turns > before);
    cr_assert_eq(pthread_cancel(thread), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    vlot_client_close(client);
    uint64_t lent = 0; /* on a busy machine the nodes' own threads may be there first */
    LOOK_UNTIL((lent += lent_by(cluster, 20)) > 0);
  }
  cr_expect(fleet_settle(cluster, LONG));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}
