/* Callers that lend their threads, many at once: one by one, windows, reads, awaits, submits that
 * nobody waits for; while nodes are killed, spawned, suspended and looked into, the cluster is
 * paused, waits are interrupted and callers cancelled. At the end nothing that was acknowledged is
 * lost, all agree, and a close comes while callers are inside.
 *
 * assist [seconds] [seed]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "fleet.h"

enum { NODES = 3, CALLERS = 5, WINDOW = 24 };

typedef struct caller {
  pthread_t thread;
  vlot_cluster *cluster;
  vlot_client *client;
  atomic_bool *must_stop;
  atomic_ullong acknowledged;
  atomic_ullong unknown;
  uint32_t number;
  const char *complaint;
} caller;

static void key_of(const caller *self, char *key) { snprintf(key, 8, "c%u", self->number); }

/* One that is interrupted goes on, and may come of it what will. */
static void note(caller *self, vlot_result result) {
  if (result == VLOT_OK)
    self->acknowledged++;
  else if (result == VLOT_UNKNOWN || result == VLOT_INTERRUPTED || result == VLOT_CLOSED)
    self->unknown++;
  else if (result != VLOT_REJECTED && result != VLOT_BUSY)
    self->complaint = vlot_result_name(result);
}

static void drain(caller *self, bool counts) {
  vlot_answer answers[WINDOW];
  while (vlot_client_inflight(self->client) > 0) {
    size_t count = vlot_client_wait(self->client, answers, WINDOW);
    for (size_t k = 0; counts && k < count; k++) note(self, answers[k].result);
    if (count == 0 && atomic_load(self->must_stop)) return;
  }
}

static void add_one(caller *self, const char *key) {
  note(self, fleet_add(self->client, key, 1));
  drain(self, false);
}

static void add_window(caller *self, const char *key, uint32_t count) {
  uint32_t sent = 0;
  while (sent < count && fleet_submit(self->client, key, 1, NULL) == VLOT_OK) sent++;
  drain(self, true);
}

/* Nobody waits for it: poll until it is there. */
static void add_and_poll(caller *self, const char *key) {
  vlot_answer answer;
  if (fleet_submit(self->client, key, 1, NULL) != VLOT_OK) return;
  while (vlot_client_poll(self->client, &answer, 1) == 0)
    if (vlot_client_inflight(self->client) == 0) return;
  note(self, answer.result);
}

static void read_back(caller *self, const char *key) {
  char text[32];
  vlot_result result = fleet_get(self->client, key, text, sizeof text);
  drain(self, false);
  if (result != VLOT_OK) return;
  uint64_t value = strtoull(text, NULL, 10);
  if (value < self->acknowledged) self->complaint = "an acknowledged command is lost";
  if (value > self->acknowledged + self->unknown) self->complaint = "one was carried out twice";
}

static void *work(void *context) {
  caller *self = context;
  char key[8];
  key_of(self, key);
  for (uint32_t round = 0; !atomic_load(self->must_stop) && !self->complaint; round++) {
    if (self->number == 0)
      add_one(self, key);
    else if (self->number == 1)
      add_window(self, key, WINDOW);
    else if (self->number == 2 && round % 16 == 0)
      add_and_poll(self, key);
    else
      add_window(self, key, 1);
    if (round % 8 == 0) read_back(self, key);
    if (round % 32 == 0) (void)!vlot_await_applied(self->cluster, 0, 1, 3);
    pthread_testcancel();
  }
  return NULL;
}

/* --- chaos --- */

static void disturb(vlot_cluster *cluster, vlot__prng *prng, caller *callers) {
  uint32_t id = 1 + (uint32_t)vlot__prng_below(prng, NODES);
  vlot_link slow = {.delay_ticks_max = 2, .loss = 20000};
  vlot_event events[8];
  uint64_t hash, applied;
  switch (vlot__prng_below(prng, 8)) {
  case 0: (void)vlot_cluster_kill(cluster, id, true); break;
  case 1: (void)vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP); break;
  case 2: (void)vlot_cluster_suspend(cluster, id); break;
  case 3: (void)vlot_cluster_set_link(cluster, 0, id, &slow); break;
  case 4: (void)vlot_cluster_events(cluster, id, events, 8); break;
  case 5: (void)!vlot_cluster_hash(cluster, id, &hash, &applied); break;
  case 6: vlot_client_interrupt(callers[vlot__prng_below(prng, CALLERS)].client); break;
  default:
    if (vlot_cluster_pause(cluster) == VLOT_OK) (void)vlot_cluster_unpause(cluster);
  }
  (void)vlot_cluster_interrupt(cluster);
  fleet_pass(cluster, 1 + vlot__prng_below(prng, 6));
  for (id = 1; id <= NODES; id++) {
    (void)vlot_cluster_spawn(cluster, id);
    (void)vlot_cluster_resume(cluster, id);
  }
  (void)vlot_cluster_heal(cluster);
  fleet_pass(cluster, vlot__prng_below(prng, 30));
}

/* A caller of its own that goes in the middle of whatever it does. */
static void *wait_until_cancelled(void *context) {
  for (;;) {
    (void)fleet_add(context, "cancelled", 1);
    pthread_testcancel();
  }
  return NULL;
}

static void cancel_one(vlot_cluster *cluster) {
  pthread_t thread;
  vlot_client *client = fleet_client(cluster, 0, 50);
  if (!client || pthread_create(&thread, NULL, wait_until_cancelled, client) != 0) exit(2);
  fleet_pass(cluster, 2);
  pthread_cancel(thread);
  pthread_join(thread, NULL);
  vlot_client_close(client);
}

static bool begin(caller *callers, vlot_cluster *cluster, atomic_bool *must_stop) {
  atomic_store(must_stop, false);
  for (uint32_t k = 0; k < CALLERS; k++) {
    callers[k].cluster = cluster;
    callers[k].number = k;
    callers[k].must_stop = must_stop;
    callers[k].client = fleet_client(cluster, 0, 100);
    if (!callers[k].client || pthread_create(&callers[k].thread, NULL, work, &callers[k]) != 0)
      return false;
  }
  return true;
}

static const char *end(caller *callers, atomic_bool *must_stop) {
  const char *complaint = NULL;
  atomic_store(must_stop, true);
  for (uint32_t k = 0; k < CALLERS; k++) {
    pthread_join(callers[k].thread, NULL);
    vlot_client_close(callers[k].client);
    if (callers[k].complaint) complaint = callers[k].complaint;
  }
  return complaint;
}

static int fail(const char *what) {
  fprintf(stderr, "assist: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? strtod(argv[1], NULL) : 2.0;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  vlot__prng prng;
  vlot__prng_init(&prng, seed, 0);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, NODES);
  options.seed = seed;
  vlot_cluster *cluster = fleet_open(&options);
  static caller callers[CALLERS];
  atomic_bool must_stop = false;
  if (!cluster || vlot_await_leader(cluster, 10000, NULL) != VLOT_OK) return fail("no leader");
  if (!begin(callers, cluster, &must_stop)) return fail("no caller");
  uint64_t until = vlot_clock_ns() + (uint64_t)(seconds * 1e9);
  while (vlot_clock_ns() < until) {
    disturb(cluster, &prng, callers);
    cancel_one(cluster);
  }
  const char *complaint = end(callers, &must_stop);
  if (complaint) return fail(complaint);
  if (!fleet_settle(cluster, 10000)) return fail("it does not settle");
  if (!fleet_agrees(cluster)) return fail("nodes differ");
  char text[256];
  if (vlot_cluster_violation(cluster, text, sizeof text)) return fail(text);
  uint64_t lent = fleet_stats(cluster).lent_turns, acknowledged = 0;
  if (!begin(callers, cluster, &must_stop)) return fail("no caller");
  fleet_pass(cluster, 20);
  vlot_result closed = vlot_cluster_close(cluster); /* with callers inside */
  complaint = end(callers, &must_stop);
  for (uint32_t k = 0; k < CALLERS; k++) acknowledged += callers[k].acknowledged;
  printf("assist: %llu acknowledged, %llu turns on callers' threads\n",
         (unsigned long long)acknowledged, (unsigned long long)lent);
  if (complaint) return fail(complaint);
  if (acknowledged == 0 || lent == 0) return fail("nothing was done, or nobody lent a thread");
  return closed == VLOT_OK ? 0 : fail("it does not close");
}
