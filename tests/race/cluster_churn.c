/* Five nodes on their own threads, the checker on. Three client threads count up and read, one
 * thread reads the event stream, while nodes are killed (power cuts too), spawned, restarted,
 * suspended, and links and disks disturbed. At the end all agree, nothing that was acknowledged is
 * lost, and what certainly did not happen has not happened.
 *
 * cluster_churn [seconds] [seed]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "fleet.h"

enum { NODES = 5, CLIENTS = 3, BATCH = 8 };

typedef struct worker {
  pthread_t thread;
  vlot_cluster *cluster;
  atomic_bool *must_stop;
  uint32_t number;
  uint64_t acknowledged;
  uint64_t unknown;
  uint64_t rejected;
  uint64_t reads;
  const char *complaint;
} worker;

static void key_of(const worker *self, char *key) { snprintf(key, 8, "c%u", self->number); }

static void count_answers(worker *self, vlot_client *client) {
  vlot_answer answers[BATCH];
  for (size_t count; (count = vlot_client_wait(client, answers, BATCH)) > 0;)
    for (size_t k = 0; k < count; k++) {
      if (answers[k].result == VLOT_OK)
        self->acknowledged++;
      else if (answers[k].result == VLOT_UNKNOWN)
        self->unknown++;
      else if (answers[k].result == VLOT_REJECTED)
        self->rejected++;
      else
        self->complaint = vlot_result_name(answers[k].result);
    }
}

/* The counter stands between what was acknowledged and what may have happened besides. */
static void check_value(worker *self, int64_t value) {
  self->reads++;
  if (value < (int64_t)self->acknowledged) self->complaint = "an acknowledged command is lost";
  if (value > (int64_t)(self->acknowledged + self->unknown))
    self->complaint = "a rejected command was carried out, or one twice";
}

static void read_back(worker *self, vlot_client *client, const char *key) {
  char text[32];
  vlot_result result = fleet_get(client, key, text, sizeof text);
  if (result == VLOT_OK)
    check_value(self, strtoll(text, NULL, 10));
  else if (result != VLOT_UNKNOWN && result != VLOT_REJECTED)
    self->complaint = "a strange result of a read";
}

static void *work(void *context) {
  worker *self = context;
  vlot_client *client = fleet_client(self->cluster, self->number == 2 ? 2 : 0, 100);
  char key[8];
  key_of(self, key);
  for (uint32_t round = 0; client && !atomic_load(self->must_stop) && !self->complaint; round++) {
    uint32_t count = round % 3 == 0 ? 1 : BATCH;
    if (fleet_submit(client, key, count, NULL) != VLOT_OK) fleet_pass(self->cluster, 5);
    count_answers(self, client);
    if (round % 4 == 0) read_back(self, client, key);
    if (round % 16 == 0) { /* a new client now and then */
      vlot_client_close(client);
      client = fleet_client(self->cluster, self->number == 2 ? 1 + round / 16 % NODES : 0, 100);
    }
  }
  if (!client) self->complaint = "no client";
  vlot_client_close(client);
  return NULL;
}

typedef struct reader {
  pthread_t thread;
  vlot_cluster *cluster;
  vlot_subscription *events;
  atomic_bool *must_stop;
  uint64_t next[NODES + 1];
  uint64_t count;
  const char *complaint;
} reader;

static void take_events(reader *self) {
  for (vlot_event event; vlot_subscription_next(self->events, &event); self->count++) {
    uint64_t *next = &self->next[event.node];
    if (*next != 0 && event.sequence != *next)
      self->complaint = "an event is missing or out of order";
    *next = event.sequence + 1;
  }
}

static void *read_events(void *context) {
  reader *self = context;
  while (!atomic_load(self->must_stop)) {
    take_events(self);
    fleet_pass(self->cluster, 2);
    for (uint32_t id = 1; id <= NODES; id++) (void)fleet_status(self->cluster, id);
  }
  return NULL;
}

/* --- chaos --- */

static void look_inside(vlot_cluster *cluster, uint32_t id) {
  vlot_event events[16];
  uint64_t hash, applied;
  char text[64];
  (void)vlot_cluster_events(cluster, id, events, 16);
  if (vlot_cluster_hash(cluster, id, &hash, &applied) != VLOT_OK) return;
  (void)vlot_cluster_violation(cluster, text, sizeof text);
}

static void divide(vlot_cluster *cluster, vlot__prng *prng) {
  uint32_t ids[NODES], count = 0;
  for (uint32_t id = 1; id <= NODES; id++)
    if (vlot__prng_below(prng, 2) == 1) ids[count++] = id;
  (void)vlot_cluster_partition(cluster, ids, count);
}

static void disturb_links(vlot_cluster *cluster, vlot__prng *prng, uint32_t id) {
  vlot_link link = {.delay_ticks_max = (uint32_t)vlot__prng_below(prng, 4)};
  link.loss = (uint32_t)vlot__prng_below(prng, 200000);
  link.duplicate = (uint32_t)vlot__prng_below(prng, 200000);
  link.reorder = (uint32_t)vlot__prng_below(prng, 200000);
  link.reorder_ticks = 5;
  (void)vlot_cluster_set_link(cluster, id, 0, &link);
}

static void disturb_disk(vlot_cluster *cluster, vlot__prng *prng, uint32_t id) {
  vlot_disk_fault fault = {.delay_ticks_max = (uint32_t)vlot__prng_below(prng, 4)};
  fault.is_stalled = vlot__prng_below(prng, 4) == 0;
  (void)vlot_cluster_set_disk(cluster, id, &fault);
}

static void revive(vlot_cluster *cluster) {
  vlot_disk_fault healthy = {0};
  for (uint32_t id = 1; id <= NODES; id++) {
    (void)vlot_cluster_set_disk(cluster, id, &healthy);
    (void)vlot_cluster_resume(cluster, id);
    (void)vlot_cluster_spawn(cluster, id);
  }
}

static void disturb(vlot_cluster *cluster, vlot__prng *prng) {
  uint32_t id = 1 + (uint32_t)vlot__prng_below(prng, NODES);
  uint32_t draw = (uint32_t)vlot__prng_below(prng, 4);
  switch (vlot__prng_below(prng, 13)) {
  case 0:
  case 1: (void)vlot_cluster_kill(cluster, id, draw < 2); break;
  case 2:
  case 3: (void)vlot_cluster_spawn(cluster, id); break;
  case 4:
    (void)vlot_cluster_restart(cluster, id, draw < 2 ? VLOT_RESTART_KEEP : VLOT_RESTART_LOSE);
    break;
  case 5: (void)vlot_cluster_suspend(cluster, id); break;
  case 6: revive(cluster); break;
  case 7: divide(cluster, prng); break;
  case 8: (void)vlot_cluster_heal(cluster); break;
  case 9: disturb_links(cluster, prng, id); break;
  case 10: disturb_disk(cluster, prng, id); break;
  case 11:
    (void)vlot_cluster_order(cluster, id, draw < 2 ? VLOT_INPUT_CAMPAIGN : VLOT_INPUT_STEP_DOWN, 0);
    break;
  default: (void)vlot_cluster_set_clock_rate(cluster, id, 500 + 250 * draw); break;
  }
  look_inside(cluster, id);
}

static uint64_t churn(vlot_cluster *cluster, uint64_t seed, uint64_t seconds) {
  vlot__prng prng;
  uint64_t rounds = 0, end = vlot_clock_ns() + seconds * 1000000000;
  vlot__prng_init(&prng, seed, 5);
  for (; vlot_clock_ns() < end; rounds++) {
    disturb(cluster, &prng);
    fleet_pass(cluster, vlot__prng_below(&prng, 12));
    if (rounds % 20 == 19) { /* and a breathing space, so that something is committed */
      (void)vlot_cluster_heal(cluster);
      revive(cluster);
      fleet_pass(cluster, 60);
    }
  }
  return rounds;
}

static const char *check_end(vlot_cluster *cluster, worker *workers, char *text, size_t size) {
  char key[8];
  if (!fleet_settle(cluster, 5000)) return "the cluster does not settle";
  vlot_client *client = fleet_client(cluster, 0, 5000);
  for (uint32_t k = 0; client && k < CLIENTS; k++) {
    key_of(&workers[k], key);
    uint64_t reads = workers[k].reads;
    read_back(&workers[k], client, key);
    if (workers[k].reads == reads) workers[k].complaint = "the last read fails";
  }
  vlot_client_close(client);
  if (vlot_cluster_violation(cluster, text, size)) return text;
  for (uint32_t k = 0; k < CLIENTS; k++) {
    if (workers[k].complaint) return workers[k].complaint;
    if (workers[k].acknowledged == 0) return "nothing was ever acknowledged";
  }
  return NULL;
}

int main(int argc, char **argv) {
  uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 5;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, NODES);
  atomic_bool must_stop;
  worker workers[CLIENTS] = {0};
  char text[300];
  atomic_init(&must_stop, false);
  options.seed = seed;
  vlot_cluster *cluster = fleet_open(&options);
  reader events = {.cluster = cluster, .must_stop = &must_stop};
  if (!cluster || vlot_subscription_open(&events.events, cluster, 0) != VLOT_OK) return 1;
  pthread_create(&events.thread, NULL, read_events, &events);
  for (uint32_t k = 0; k < CLIENTS; k++) {
    workers[k] = (worker){.cluster = cluster, .must_stop = &must_stop, .number = k};
    pthread_create(&workers[k].thread, NULL, work, &workers[k]);
  }
  uint64_t rounds = churn(cluster, seed, seconds);
  (void)vlot_cluster_heal(cluster);
  revive(cluster);
  atomic_store(&must_stop, true);
  for (uint32_t k = 0; k < CLIENTS; k++) pthread_join(workers[k].thread, NULL);
  pthread_join(events.thread, NULL);
  const char *complaint = check_end(cluster, workers, text, sizeof text);
  take_events(&events);
  if (!complaint) complaint = events.complaint;
  vlot_subscription_close(events.events);
  vlot_cluster_stats stats = fleet_stats(cluster);
  vlot_result closed = vlot_cluster_close(cluster);
  printf("seed %llu: %llu rounds, %llu elections, %llu kills, %llu commits, %llu events\n",
         (unsigned long long)seed, (unsigned long long)rounds, (unsigned long long)stats.elections,
         (unsigned long long)stats.kills, (unsigned long long)stats.commits,
         (unsigned long long)events.count);
  for (uint32_t k = 0; k < CLIENTS; k++)
    printf("client %u: %llu acknowledged, %llu unknown, %llu rejected, %llu reads\n", k,
           (unsigned long long)workers[k].acknowledged, (unsigned long long)workers[k].unknown,
           (unsigned long long)workers[k].rejected, (unsigned long long)workers[k].reads);
  if (!complaint && closed != VLOT_OK) complaint = vlot_result_name(closed);
  if (complaint) printf("FAILED: %s\n", complaint);
  return complaint ? 1 : 0;
}
