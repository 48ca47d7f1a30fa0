/* A cluster is closed, by two threads at once, while others are inside: they await, propose, query,
 * submit and wait, read events, kill and restart nodes, pause, look, and open and close clients.
 * The closers begin at another moment in every round: after so many calls have ended. Then
 * everybody finds CLOSED, every command has had its one answer, and no event is missing.
 *
 * A client that is open keeps the handle good for calls that are refused: so nobody need know when
 * it was closed.
 *
 * close [rounds] [seed]
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "fleet.h"

enum { NODES = 3, BATCH = 16, CALLS_MAX = 3000 };

typedef struct stage {
  vlot_cluster *cluster;
  _Atomic uint64_t calls;  /* that have ended, of all threads */
  _Atomic uint32_t closed; /* by so many */
} stage;

static void check(bool condition, const char *what, vlot_result result) {
  if (condition) return;
  fprintf(stderr, "race close: %s (%s)\n", what, vlot_result_name(result));
  exit(1);
}

/* Goes on until the cluster is closed. */
static bool goes_on(stage *shared, vlot_result result) {
  atomic_fetch_add_explicit(&shared->calls, 1, memory_order_relaxed);
  return result != VLOT_CLOSED;
}

/* --- who waits for the cluster --- */

static void *await_leader(void *context) {
  stage *shared = context;
  vlot_result result = VLOT_OK;
  while (goes_on(shared, result)) {
    result = vlot_await_leader(shared->cluster, VLOT_NEVER, NULL);
    check(result == VLOT_OK || result == VLOT_CLOSED, "await_leader", result);
  }
  return NULL;
}

static void *await_applied(void *context) {
  stage *shared = context;
  vlot_result result = vlot_await_applied(shared->cluster, 1, UINT64_MAX, VLOT_NEVER);
  check(!goes_on(shared, result), "await_applied", result);
  return NULL;
}

static void *await_quiet(void *context) {
  stage *shared = context;
  vlot_result result = VLOT_OK;
  while (goes_on(shared, result)) {
    result = vlot_await_quiet(shared->cluster, VLOT_NEVER);
    check(result == VLOT_OK || result == VLOT_CLOSED, "await_quiet", result);
  }
  return NULL;
}

/* --- clients --- */

static bool is_answer(vlot_result result) {
  return result == VLOT_OK || result == VLOT_REJECTED || result == VLOT_UNKNOWN ||
         result == VLOT_BUSY || result == VLOT_CLOSED;
}

static vlot_client *open_client(stage *shared) {
  vlot_client *client;
  vlot_result result = vlot_client_open(&client, shared->cluster, NULL);
  check(result == VLOT_OK || result == VLOT_CLOSED, "client_open", result);
  return client;
}

static void *propose(void *context) {
  stage *shared = context;
  vlot_client *client = open_client(shared);
  vlot_result result = client ? VLOT_OK : VLOT_CLOSED;
  while (goes_on(shared, result)) {
    result = fleet_add(client, "x", 1);
    check(is_answer(result), "propose", result);
  }
  vlot_client_close(client);
  return NULL;
}

static void *query(void *context) {
  stage *shared = context;
  vlot_client *client = open_client(shared);
  vlot_result result = client ? VLOT_OK : VLOT_CLOSED;
  char text[32];
  while (goes_on(shared, result)) {
    result = fleet_get(client, "x", text, sizeof text);
    check(is_answer(result), "query", result);
  }
  vlot_client_close(client);
  return NULL;
}

static void *submit_and_wait(void *context) {
  stage *shared = context;
  vlot_client *client = open_client(shared);
  vlot_result result = client ? VLOT_OK : VLOT_CLOSED;
  vlot_answer answers[BATCH];
  uint64_t submitted = 0, answered = 0;
  while (goes_on(shared, result)) {
    result = fleet_submit(client, "y", BATCH, NULL);
    check(is_answer(result), "submit", result);
    if (result == VLOT_OK) submitted += BATCH;
    answered += vlot_client_wait(client, answers, BATCH);
  }
  for (size_t count; client && (count = vlot_client_wait(client, answers, BATCH)) > 0;)
    answered += count;
  check(answered == submitted, "not every command has had one answer", result);
  vlot_client_close(client);
  return NULL;
}

static void *open_and_close(void *context) {
  stage *shared = context;
  vlot_result result = VLOT_OK;
  vlot_client *client;
  vlot_subscription *events;
  while (goes_on(shared, result)) {
    client = open_client(shared);
    if (client) (void)fleet_submit(client, "z", 1, NULL);
    result = vlot_subscription_open(&events, shared->cluster, 0);
    check(result == VLOT_OK || result == VLOT_CLOSED, "subscription_open", result);
    vlot_client_close(client);
    vlot_subscription_close(events);
  }
  return NULL;
}

/* --- who looks --- */

static void take_events(vlot_subscription *events, uint64_t next[NODES + 1]) {
  for (vlot_event event; vlot_subscription_next(events, &event);) {
    check(next[event.node] == 0 || event.sequence == next[event.node], "an event is missing",
          VLOT_OK);
    next[event.node] = event.sequence + 1;
  }
}

static void *read_events(void *context) {
  stage *shared = context;
  vlot_subscription *events;
  vlot_node_status status;
  uint64_t next[NODES + 1] = {0};
  vlot_result result = vlot_subscription_open(&events, shared->cluster, 0);
  while (goes_on(shared, result)) {
    take_events(events, next);
    result = vlot_cluster_get_status(shared->cluster, 1, &status);
  }
  if (events) take_events(events, next);
  vlot_subscription_close(events);
  return NULL;
}

static void *look(void *context) {
  stage *shared = context;
  vlot_result result = VLOT_OK;
  vlot_event events[8];
  vlot_lint lints[8];
  uint64_t hash, applied;
  while (goes_on(shared, result)) {
    result = vlot_cluster_hash(shared->cluster, 2, &hash, &applied);
    (void)vlot_cluster_events(shared->cluster, 2, events, 8);
    (void)vlot_cluster_lint(shared->cluster, lints, 8);
    (void)vlot_cluster_leader(shared->cluster);
    (void)fleet_stats(shared->cluster);
  }
  return NULL;
}

/* --- who interferes --- */

static void *kill_and_restart(void *context) {
  stage *shared = context;
  vlot_result result = VLOT_OK;
  for (uint32_t id = 1; goes_on(shared, result); id = id % NODES + 1) {
    result = vlot_cluster_kill(shared->cluster, id, true);
    if (result == VLOT_CLOSED) result = vlot_cluster_spawn(shared->cluster, id);
    if (result != VLOT_CLOSED)
      result = vlot_cluster_restart(shared->cluster, id, VLOT_RESTART_LOSE);
    check(result == VLOT_OK || result == VLOT_BUSY || result == VLOT_CLOSED, "restart", result);
  }
  return NULL;
}

static void *pause_and_step(void *context) {
  stage *shared = context;
  vlot_result result = VLOT_OK;
  while (goes_on(shared, result)) {
    result = vlot_cluster_pause(shared->cluster);
    if (result == VLOT_OK) result = vlot_lockstep_step(shared->cluster, 20, NULL);
    if (result == VLOT_OK) result = vlot_cluster_unpause(shared->cluster);
    check(result == VLOT_OK || result == VLOT_CLOSED, "pause", result);
  }
  return NULL;
}

static void *close_it(void *context) {
  stage *shared = context;
  vlot_result result = vlot_cluster_close(shared->cluster);
  check(result == VLOT_OK || result == VLOT_CLOSED, "close", result);
  if (result == VLOT_OK) atomic_fetch_add(&shared->closed, 1);
  return NULL;
}

/* --- a round --- */

static void play(uint64_t calls) {
  static void *(*const parts[])(void *) = {
      await_leader,   await_applied,    await_quiet, propose, query,         submit_and_wait,
      open_and_close, kill_and_restart, read_events, look,    pause_and_step};
  enum { PARTS = sizeof parts / sizeof *parts };
  pthread_t threads[PARTS + 2];
  stage shared = {0};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, NODES);
  options.tick_ns = 1000000;
  shared.cluster = fleet_open(&options);
  check(shared.cluster != NULL, "open", VLOT_OK);
  vlot_client *keeps = open_client(&shared);
  for (size_t k = 0; k < PARTS; k++)
    check(pthread_create(&threads[k], NULL, parts[k], &shared) == 0, "no thread", VLOT_OK);
  while (atomic_load(&shared.calls) < calls) sched_yield();
  for (size_t k = PARTS; k < PARTS + 2; k++)
    check(pthread_create(&threads[k], NULL, close_it, &shared) == 0, "no thread", VLOT_OK);
  for (size_t k = 0; k < PARTS + 2; k++) pthread_join(threads[k], NULL);
  check(atomic_load(&shared.closed) == 1, "it was not closed once", VLOT_OK);
  vlot_client_close(keeps);
}

int main(int argc, char **argv) {
  uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 150;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  vlot__prng prng;
  vlot__prng_init(&prng, seed, 0);
  for (uint64_t round = 0; round < rounds; round++) play(vlot__prng_below(&prng, CALLS_MAX));
  printf("closed %llu times under load\n", (unsigned long long)rounds);
  return 0;
}
