/* Two threads, each with clusters of its own that it opens, uses and closes, over and over:
 * threads, lockstep inline and lockstep on the nodes' threads. One of them also gives up in the
 * middle: closes with commands in flight, and with nodes down or suspended.
 *
 * cluster_two [rounds]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet.h"

typedef struct side {
  pthread_t thread;
  uint32_t number;
  uint32_t rounds;
  const char *complaint;
} side;

/* A cluster of threads is paused with commands under way, stepped, and goes on. */
static const char *pause_and_step(vlot_cluster *cluster, vlot_client *client) {
  vlot_answer answers[8];
  uint64_t count = 0;
  if (fleet_submit(client, "p", 8, NULL) != VLOT_OK) return "not submitted";
  if (vlot_cluster_pause(cluster) != VLOT_OK) return "not paused";
  if (vlot_lockstep_step(cluster, 5, NULL) != VLOT_OK) return "not stepped";
  if (vlot_cluster_unpause(cluster) != VLOT_OK) return "not resumed";
  for (size_t taken; (taken = vlot_client_wait(client, answers, 8)) > 0;)
    for (size_t k = 0; k < taken; k++) count += answers[k].result == VLOT_OK;
  return count == 8 ? NULL : "a pause loses commands";
}

static const char *use(vlot_cluster *cluster, bool has_threads, bool must_finish) {
  const char *complaint = NULL;
  uint32_t leader;
  vlot_client *client = fleet_client(cluster, 0, 2000);
  if (!client) return "no client";
  if (must_finish) {
    if (vlot_await_leader(cluster, 5000, &leader) != VLOT_OK) return "no leader";
    for (int k = 0; k < 5; k++)
      if (fleet_add(client, "n", 1) != VLOT_OK) return "not committed";
    if (has_threads) complaint = pause_and_step(cluster, client);
    if (complaint) return complaint;
    if (vlot_await_quiet(cluster, 5000) != VLOT_OK) return "not quiet";
    if (!fleet_agrees(cluster)) return "replicas differ";
  } else {
    vlot_result result = fleet_submit(client, "n", 20, NULL);
    if (result != VLOT_OK && result != VLOT_REJECTED) return "strange result of a submission";
    (void)vlot_cluster_kill(cluster, 1, true);
    (void)vlot_cluster_suspend(cluster, 2);
    (void)fleet_submit(client, "n", 20, NULL);
  }
  vlot_client_close(client);
  return NULL;
}

static const char *play(uint32_t round, uint32_t number) {
  vlot_cluster_options options =
      fleet_options(round % 3 == 0 ? VLOT_DRIVER_LOCKSTEP : VLOT_DRIVER_THREADS, 1 + round % 4);
  options.is_inline = round % 2;
  options.seed = round * 2 + number;
  options.has_checker = round % 2;
  vlot_cluster *cluster = fleet_open(&options);
  if (!cluster) return "not opened";
  const char *complaint =
      use(cluster, options.driver == VLOT_DRIVER_THREADS, (round + number) % 2 == 0);
  vlot_result closed = vlot_cluster_close(cluster);
  return complaint ? complaint : closed == VLOT_OK ? NULL : vlot_result_name(closed);
}

static void *run(void *context) {
  side *self = context;
  for (uint32_t round = 0; round < self->rounds && !self->complaint; round++)
    self->complaint = play(round, self->number);
  return NULL;
}

int main(int argc, char **argv) {
  uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 36;
  side sides[2] = {{.number = 0, .rounds = rounds}, {.number = 1, .rounds = rounds}};
  bool is_good = true;
  for (int k = 0; k < 2; k++) pthread_create(&sides[k].thread, NULL, run, &sides[k]);
  for (int k = 0; k < 2; k++) pthread_join(sides[k].thread, NULL);
  for (int k = 0; k < 2; k++) {
    printf("side %d: %s\n", k, sides[k].complaint ? sides[k].complaint : "ok");
    is_good = is_good && !sides[k].complaint;
  }
  return is_good ? 0 : 1;
}
