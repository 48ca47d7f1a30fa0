/* Clients go on talking while the cluster is paused, stepped and let go again, many times. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/cluster.h"

enum { CLIENTS = 3, PAUSES = 60, STEPS = 20 };

typedef struct talk {
  vlot_cluster *cluster;
  _Atomic bool must_stop;
  _Atomic uint64_t acknowledged;
} talk;

static void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "race cluster_pause: %s\n", what);
  exit(1);
}

static vlot_bytes *increment(void) {
  return vlot_kv_encode(
      NULL,
      &(vlot_kv_command){.operation = VLOT_KV_INCREMENT, .key = "n", .key_size = 1, .amount = 1});
}

static void *keep_talking(void *argument) {
  talk *shared = argument;
  vlot_bytes *add = increment();
  vlot_client *client;
  vlot_node_status status;
  check(vlot_client_open(&client, shared->cluster, NULL) == VLOT_OK, "a client cannot be opened");
  while (!atomic_load(&shared->must_stop)) {
    if (vlot_client_propose(client, vlot_bytes_data(add), vlot_bytes_size(add), NULL) == VLOT_OK)
      atomic_fetch_add(&shared->acknowledged, 1);
    check(vlot_cluster_get_status(shared->cluster, 1, &status) == VLOT_OK, "no status");
  }
  vlot_client_close(client);
  vlot_bytes_release(add);
  return NULL;
}

static bool has_more(vlot_cluster *cluster, uint64_t applied) {
  vlot_node_status status;
  uint32_t leader = vlot_cluster_leader(cluster);
  return leader && vlot_cluster_get_status(cluster, leader, &status) == VLOT_OK &&
         status.applied_index > applied;
}

int main(void) {
  talk shared = {0};
  vlot_cluster_options options;
  pthread_t threads[CLIENTS];
  char text[256];
  vlot_cluster_options_init(&options);
  options.has_checker = 1;
  check(vlot_cluster_open(&shared.cluster, &options, NULL) == VLOT_OK,
        "the cluster cannot be opened");
  check(vlot_await_leader(shared.cluster, 10000, NULL) == VLOT_OK, "there is no leader");
  for (int k = 0; k < CLIENTS; k++)
    check(pthread_create(&threads[k], NULL, keep_talking, &shared) == 0, "no thread");
  for (int round = 0; round < PAUSES; round++) {
    uint64_t before = atomic_load(&shared.acknowledged);
    vlot_result paused = vlot_cluster_pause(shared.cluster);
    check(paused == VLOT_OK, "it cannot be paused");
    check(vlot_lockstep_step(shared.cluster, STEPS, NULL) == VLOT_OK, "it cannot be stepped");
    if (round % 7 == 0)
      check(vlot_cluster_restart(shared.cluster, 3, VLOT_RESTART_KEEP) == VLOT_OK, "no restart");
    check(vlot_cluster_unpause(shared.cluster) == VLOT_OK, "it does not go on");
    check(vlot_await_leader(shared.cluster, 10000, NULL) == VLOT_OK,
          "there is no leader after a pause");
    while (round % 10 == 0 && atomic_load(&shared.acknowledged) == before)
      (void)has_more(shared.cluster, before);
  }
  atomic_store(&shared.must_stop, true);
  for (int k = 0; k < CLIENTS; k++) pthread_join(threads[k], NULL);
  check(atomic_load(&shared.acknowledged) > 0, "nothing was acknowledged");
  if (vlot_cluster_violation(shared.cluster, text, sizeof text)) fprintf(stderr, "%s\n", text);
  check(vlot_cluster_close(shared.cluster) == VLOT_OK, "it does not close well");
  printf("paused %d times under load\n", PAUSES);
  return 0;
}
