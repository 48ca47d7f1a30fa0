/* Whatever waits can be told to stop, by any thread; a client has one thread at a time; and a
 * thread that ends inside a call leaves nothing behind.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "base/lock.h"
#include "cluster/door.h"
#include "fleet.h"

enum { CALLERS = 4 };

TestSuite(interrupt, .timeout = 60);

static vlot_cluster *open_cluster(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert(cluster);
  return cluster;
}

/* Mail to n1 waits in its mailbox, for as long as one likes. */
static vlot_cluster *open_mute(void) {
  vlot_cluster *cluster = open_cluster(VLOT_DRIVER_THREADS);
  cr_assert_eq(vlot_cluster_suspend(cluster, 1), VLOT_OK);
  return cluster;
}

/* Nobody will lead. */
static vlot_cluster *open_cut(vlot_driver driver) {
  vlot_cluster *cluster = open_cluster(driver);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, 0, &(vlot_link){.is_cut = 1}), VLOT_OK);
  return cluster;
}

static uint32_t visits(vlot_cluster *cluster) {
  return atomic_load(&cluster->door.word) / VLOT__FENCE_EFFECT;
}

typedef struct caller {
  pthread_t thread;
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_result (*call)(struct caller *self);
  vlot_answer answer;
  vlot_result result;
  _Atomic bool has_ended;
} caller;

static void *make_call(void *context) {
  caller *self = context;
  self->result = self->call(self);
  atomic_store(&self->has_ended, true);
  return NULL;
}

static void start(caller *self) {
  cr_assert_eq(pthread_create(&self->thread, NULL, make_call, self), 0);
}

static vlot_result end(caller *self) {
  cr_assert_eq(pthread_join(self->thread, NULL), 0);
  return self->result;
}

/* --- awaits --- */

static vlot_result awaits_leader(caller *self) {
  return vlot_await_leader(self->cluster, VLOT_NEVER, NULL);
}

static vlot_result awaits_applied(caller *self) {
  return vlot_await_applied(self->cluster, 1, 1000000, VLOT_NEVER);
}

static vlot_result awaits_role(caller *self) {
  return vlot_await_role(self->cluster, 1, VLOT_ROLE_LEADER, VLOT_NEVER);
}

/* Nobody is up: it is never quiet. */
static vlot_result awaits_quiet(caller *self) {
  return vlot_await_quiet(self->cluster, VLOT_NEVER);
}

static vlot_result (*const every_await[])(caller *) = {awaits_leader, awaits_applied, awaits_role,
                                                       awaits_quiet};

static void kill_all(vlot_cluster *cluster) {
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
}

Test(interrupt, ends_every_await_that_is_under_way) {
  vlot_cluster *cluster = open_cut(VLOT_DRIVER_THREADS);
  kill_all(cluster);
  caller waits[CALLERS] = {0};
  for (size_t k = 0; k < CALLERS; k++) {
    waits[k].cluster = cluster;
    waits[k].call = every_await[k];
    start(&waits[k]);
  }
  while (atomic_load(&cluster->waiters) < CALLERS) sched_yield();
  cr_expect_eq(vlot_cluster_interrupt(cluster), VLOT_OK);
  for (size_t k = 0; k < CALLERS; k++) cr_expect_eq(end(&waits[k]), VLOT_INTERRUPTED, "%zu", k);
  cr_expect_eq(vlot_await_leader(cluster, 2, NULL), VLOT_TIMEOUT, "and no later one");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(interrupt, ends_the_next_await_when_none_is_under_way) {
  const vlot_driver drivers[] = {VLOT_DRIVER_THREADS, VLOT_DRIVER_LOCKSTEP};
  for (size_t k = 0; k < 2; k++) {
    vlot_cluster *cluster = open_cut(drivers[k]);
    cr_expect_eq(vlot_cluster_interrupt(cluster), VLOT_OK);
    cr_expect_eq(vlot_cluster_interrupt(cluster), VLOT_OK, "several are one");
    cr_expect_eq(vlot_await_leader(cluster, VLOT_NEVER, NULL), VLOT_INTERRUPTED);
    cr_expect_eq(vlot_await_leader(cluster, 2, NULL), VLOT_TIMEOUT);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

Test(interrupt, ends_an_await_that_runs_the_schedule) {
  vlot_cluster *cluster = open_cut(VLOT_DRIVER_LOCKSTEP);
  caller waits = {.cluster = cluster, .call = awaits_leader};
  start(&waits);
  cr_expect_eq(vlot_cluster_interrupt(cluster), VLOT_OK);
  cr_expect_eq(end(&waits), VLOT_INTERRUPTED);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- a client's calls --- */

static vlot_result waits(caller *self) {
  return vlot_client_wait(self->client, &self->answer, 1) == 1 ? self->answer.result
                                                               : VLOT_INTERRUPTED;
}

static vlot_result proposes(caller *self) { return fleet_add(self->client, "x", 1); }

static vlot_result queries(caller *self) {
  char text[8];
  return fleet_get(self->client, "x", text, sizeof text);
}

static vlot_result (*const every_wait[])(caller *) = {waits, proposes, queries};
enum { WAITS = sizeof every_wait / sizeof *every_wait };

/* Nothing is lost: what was under way is answered once n1 goes on. */
static void expect_answer(caller *self) {
  cr_expect_eq(vlot_client_inflight(self->client), 1);
  cr_expect_eq(fleet_add(self->client, "x", 1), VLOT_BUSY, "its answer comes first");
  cr_assert_eq(vlot_cluster_resume(self->cluster, 1), VLOT_OK);
  vlot_answer answer = fleet_wait(self->client);
  cr_expect_neq(answer.sequence, 0);
  cr_expect(answer.result == VLOT_OK || answer.result == VLOT_REJECTED);
  cr_expect_eq(vlot_client_inflight(self->client), 0);
}

static void is_interrupted(vlot_result (*call)(caller *), bool is_before) {
  caller self = {.cluster = open_mute(), .call = call};
  self.client = fleet_client(self.cluster, 1, VLOT_NEVER);
  cr_assert(self.client);
  if (call == waits) cr_assert_eq(fleet_submit(self.client, "x", 1, NULL), VLOT_OK);
  if (is_before) vlot_client_interrupt(self.client);
  start(&self);
  while (!is_before && vlot_client_inflight(self.client) == 0) sched_yield();
  if (!is_before) vlot_client_interrupt(self.client);
  cr_expect_eq(end(&self), VLOT_INTERRUPTED);
  if (is_before && call != waits)
    cr_expect_eq(vlot_client_inflight(self.client), 0, "it was not even asked");
  else
    expect_answer(&self);
  vlot_client_close(self.client);
  cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
}

Test(interrupt, ends_a_clients_wait_and_its_answer_comes) {
  for (size_t k = 0; k < WAITS; k++) {
    is_interrupted(every_wait[k], false);
    is_interrupted(every_wait[k], true);
  }
}

/* It asks again and again, and is certain of each. */
Test(interrupt, ends_a_propose_between_two_rounds) {
  vlot_cluster *cluster = open_cut(VLOT_DRIVER_THREADS);
  kill_all(cluster);
  caller self = {.cluster = cluster, .call = proposes};
  self.client = fleet_client(cluster, 0, VLOT_NEVER);
  cr_assert(self.client);
  start(&self);
  while (atomic_load(&cluster->waiters) == 0) sched_yield();
  vlot_client_interrupt(self.client);
  cr_expect_eq(end(&self), VLOT_INTERRUPTED);
  cr_expect_eq(vlot_client_inflight(self.client), 0);
  vlot_client_close(self.client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- one thread at a time --- */

Test(interrupt, a_second_thread_in_a_client_is_told_so) {
  caller first = {.cluster = open_mute(), .call = waits};
  vlot_answer answer;
  first.client = fleet_client(first.cluster, 1, VLOT_NEVER);
  cr_assert(first.client);
  cr_assert_eq(fleet_submit(first.client, "x", 1, NULL), VLOT_OK);
  start(&first);
  while (visits(first.cluster) == 0) sched_yield();
  cr_expect_eq(fleet_submit(first.client, "x", 1, NULL), VLOT_BUSY);
  cr_expect_eq(fleet_read(first.client, "x", 0, NULL), VLOT_BUSY);
  cr_expect_eq(fleet_add(first.client, "x", 1), VLOT_BUSY);
  cr_expect_eq(queries(&first), VLOT_BUSY);
  cr_expect_eq(vlot_client_wait(first.client, &answer, 1), 0);
  cr_expect_eq(vlot_client_poll(first.client, &answer, 1), 0);
  cr_expect_eq(vlot_client_inflight(first.client), 1);
  vlot_client_interrupt(first.client);
  cr_expect_eq(end(&first), VLOT_INTERRUPTED);
  expect_answer(&first);
  vlot_client_close(first.client);
  cr_expect_eq(vlot_cluster_close(first.cluster), VLOT_OK);
}

Test(interrupt, a_client_that_is_closed_by_another_thread_goes_when_its_owner_leaves) {
  for (size_t k = 0; k < WAITS; k++) {
    caller inside = {.cluster = open_mute(), .call = every_wait[k]};
    inside.client = fleet_client(inside.cluster, 1, VLOT_NEVER);
    cr_assert(inside.client);
    if (every_wait[k] == waits) cr_assert_eq(fleet_submit(inside.client, "x", 1, NULL), VLOT_OK);
    start(&inside);
    while (visits(inside.cluster) == 0) sched_yield();
    vlot_client_close(inside.client);
    vlot_result result = end(&inside);
    cr_expect(result == VLOT_UNKNOWN || result == VLOT_CLOSED ||
                  (every_wait[k] == waits && result == VLOT_INTERRUPTED),
              "%zu: %s", k, vlot_result_name(result));
    cr_expect_eq(vlot_cluster_close(inside.cluster), VLOT_OK);
  }
}

/* --- threads that end inside --- */

static void cancel(caller *self) {
  cr_assert_eq(pthread_cancel(self->thread), 0);
  for (int k = 0; k < 1000; k++) sched_yield(); /* for it to come to harm, if it does */
}

static vlot_result (*inner)(caller *self);

/* The call comes back; the cancellation is acted upon behind it. */
static vlot_result calls_and_is_cancelled(caller *self) {
  self->result = inner(self);
  atomic_store(&self->has_ended, true);
  pthread_testcancel();
  return VLOT_FAILED;
}

Test(interrupt, a_cancelled_thread_leaves_nothing_behind) {
  vlot_result (*const calls[])(caller *) = {awaits_leader, awaits_applied, awaits_role,
                                            waits,         proposes,       queries};
  for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
    caller self = {.cluster = open_cut(VLOT_DRIVER_THREADS), .call = calls_and_is_cancelled};
    kill_all(self.cluster);
    cr_assert_eq(vlot_cluster_spawn(self.cluster, 1), VLOT_OK);
    cr_assert_eq(vlot_cluster_suspend(self.cluster, 1), VLOT_OK);
    self.client = fleet_client(self.cluster, 1, VLOT_NEVER);
    cr_assert(self.client);
    if (calls[k] == waits) cr_assert_eq(fleet_submit(self.client, "x", 1, NULL), VLOT_OK);
    inner = calls[k];
    start(&self);
    while (visits(self.cluster) == 0) sched_yield();
    cancel(&self);
    cr_expect_not(atomic_load(&self.has_ended), "%zu: no point of cancellation", k);
    cr_expect_eq(vlot_cluster_interrupt(self.cluster), VLOT_OK);
    vlot_client_interrupt(self.client);
    void *value;
    cr_assert_eq(pthread_join(self.thread, &value), 0);
    cr_expect_eq(value, PTHREAD_CANCELED);
    cr_expect_eq(self.result, VLOT_INTERRUPTED, "%zu", k);
    cr_expect_eq(visits(self.cluster), 0);
    vlot_client_close(self.client);
    cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
  }
}

/* A machine of whom whoever runs its turn is cancelled, at a point of cancellation. */
static void *make_nothing(void *context, uint32_t node, bool is_replaying) {
  static char nothing;
  (void)context;
  (void)node;
  (void)is_replaying;
  return &nothing;
}

static void cancel_myself(void) {
  (void)pthread_cancel(pthread_self());
  pthread_testcancel();
}

static vlot_result cancels_at_apply(void *state, const vlot_entry *commands, uint32_t count,
                                    uint64_t first_index, vlot_replies *replies) {
  (void)state;
  (void)commands;
  (void)count;
  (void)first_index;
  (void)replies;
  cancel_myself();
  return VLOT_OK;
}

static vlot_result cancels_at_query(void *state, const void *question, size_t size,
                                    vlot_replies *replies) {
  (void)state;
  (void)question;
  (void)size;
  (void)replies;
  cancel_myself();
  return VLOT_OK;
}

static void destroy_nothing(void *state) { (void)state; }

static vlot_result awaits_what_is_submitted(caller *self) {
  cr_assert_eq(fleet_submit(self->client, "x", 1, NULL), VLOT_OK);
  return vlot_await_applied(self->cluster, 1, 2, 10000);
}

static vlot_result waits_for_what_is_submitted(caller *self) {
  cr_assert_eq(fleet_submit(self->client, "x", 1, NULL), VLOT_OK);
  return vlot_client_wait(self->client, &self->answer, 1) == 1 ? self->answer.result : VLOT_FAILED;
}

static vlot_result asks(caller *self) { return vlot_client_query(self->client, "x", 1, NULL); }

/* In lockstep whoever waits runs turns, and they end. */
Test(interrupt, a_thread_that_is_cancelled_in_a_turn_that_it_runs_ends_the_turn_and_its_call) {
  static const vlot_machine machine = {.size = sizeof machine,
                                       .name = "cancels",
                                       .create = make_nothing,
                                       .apply = cancels_at_apply,
                                       .query = cancels_at_query,
                                       .destroy = destroy_nothing};
  vlot_result (*const calls[])(caller *) = {awaits_what_is_submitted, waits_for_what_is_submitted,
                                            proposes, asks};
  for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
    options.machine = &machine;
    caller self = {.cluster = fleet_open(&options), .call = calls_and_is_cancelled};
    cr_assert(self.cluster);
    cr_assert_eq(vlot_await_leader(self.cluster, 10000, NULL), VLOT_OK);
    cr_assert_eq(vlot_await_quiet(self.cluster, 10000), VLOT_OK);
    self.client = fleet_client(self.cluster, 1, 10000);
    cr_assert(self.client);
    inner = calls[k];
    start(&self);
    void *value;
    cr_assert_eq(pthread_join(self.thread, &value), 0);
    cr_expect_eq(value, PTHREAD_CANCELED);
    cr_expect(atomic_load(&self.has_ended), "%zu: it is left in a turn", k);
    cr_expect_eq(self.result, VLOT_OK, "%zu: %s", k, vlot_result_name(self.result));
    cr_expect_eq(visits(self.cluster), 0);
    vlot_client_close(self.client);
    cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
  }
}

static void exits(void *context, const vlot_answer *answer) {
  (void)context;
  (void)answer;
  pthread_exit(context);
}

static bool exits_when_asked(vlot_cluster *cluster, void *context) {
  (void)cluster;
  pthread_exit(context);
}

static void *wait_and_exit(void *client) {
  (void)vlot_client_wait(client, NULL, 0);
  return NULL;
}

static void *step_and_exit(void *cluster) {
  (void)vlot_lockstep_until(cluster, exits_when_asked, cluster, 10);
  return NULL;
}

Test(interrupt, a_thread_that_exits_in_a_function_of_its_own_leaves_nothing_behind) {
  vlot_cluster *cluster = open_cluster(VLOT_DRIVER_THREADS);
  vlot_client_options options;
  vlot_client *client;
  pthread_t thread;
  void *value;
  vlot_client_options_init(&options);
  options.answered = exits;
  options.context = cluster;
  cr_assert_eq(vlot_client_open(&client, cluster, &options), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(fleet_submit(client, "x", 1, NULL), VLOT_OK);
  cr_assert_eq(pthread_create(&thread, NULL, wait_and_exit, client), 0);
  cr_assert_eq(pthread_join(thread, &value), 0);
  cr_expect_eq(value, cluster);
  cr_expect_eq(visits(cluster), 0);
  cr_expect_eq(fleet_submit(client, "x", 1, NULL), VLOT_OK, "nobody is inside");
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  cr_expect_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);

  cluster = open_cluster(VLOT_DRIVER_LOCKSTEP);
  cr_assert_eq(pthread_create(&thread, NULL, step_and_exit, cluster), 0);
  cr_assert_eq(pthread_join(thread, &value), 0);
  cr_expect_eq(value, cluster);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- waits over nobody --- */

Test(interrupt, a_wait_over_nobody_is_not_reached) {
  const vlot_driver drivers[] = {VLOT_DRIVER_THREADS, VLOT_DRIVER_LOCKSTEP};
  for (size_t k = 0; k < 2; k++) {
    vlot_cluster *cluster = open_cluster(drivers[k]);
    cr_assert_eq(vlot_await_leader(cluster, 10000, NULL), VLOT_OK);
    cr_assert_eq(vlot_await_applied(cluster, 0, 1, 10000), VLOT_OK);
    kill_all(cluster);
    cr_expect_eq(vlot_await_applied(cluster, 0, 0, 2), VLOT_TIMEOUT);
    cr_expect_eq(vlot_await_applied(cluster, 0, 99999999, 2), VLOT_TIMEOUT);
    cr_expect_eq(vlot_await_applied(cluster, 1, 1, 2), VLOT_TIMEOUT, "n1 is down");
    cr_expect_eq(vlot_await_applied(cluster, 9, 0, 2), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_await_role(cluster, 1, VLOT_ROLE_FOLLOWER, 2), VLOT_TIMEOUT);
    cr_expect_eq(vlot_await_role(cluster, 0, VLOT_ROLE_FOLLOWER, 2), VLOT_NOT_FOUND);
    cr_expect_eq(vlot_await_quiet(cluster, 2), VLOT_TIMEOUT);
    cr_expect_eq(vlot_await_leader(cluster, 2, NULL), VLOT_TIMEOUT);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}
