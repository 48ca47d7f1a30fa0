/* Lints are looked at by the clock and read by others, while nodes are suspended, cut off,
 * restarted and paused under load. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/cluster.h"

enum { ROUNDS = 3, PATIENCE = 20000 }; /* ticks */

typedef struct shared_state {
  vlot_cluster *cluster;
  _Atomic bool must_stop;
} shared_state;

static void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "race lints: %s\n", what);
  exit(1);
}

/* A few ticks. */
static void pass(vlot_cluster *cluster) {
  check(vlot_await_applied(cluster, 1, VLOT_INDEX_MAX, 2) == VLOT_TIMEOUT, "time does not pass");
}

/* Submits to node 2, which does not always take it. */
static void *flood(void *argument) {
  shared_state *shared = argument;
  vlot_client_options options;
  vlot_client *client;
  vlot_answer answers[64];
  vlot_bytes *add = vlot_kv_encode(
      NULL,
      &(vlot_kv_command){.operation = VLOT_KV_INCREMENT, .key = "n", .key_size = 1, .amount = 1});
  vlot_command command = {.data = vlot_bytes_data(add), .size = vlot_bytes_size(add)};
  vlot_client_options_init(&options);
  options.contact = 2;
  check(vlot_client_open(&client, shared->cluster, &options) == VLOT_OK,
        "a client cannot be opened");
  while (!atomic_load(&shared->must_stop)) {
    for (int k = 0; k < 20; k++)
      if (vlot_client_submit(client, &command, 1, NULL) != VLOT_OK) break;
    while (vlot_client_poll(client, answers, 64) > 0) continue;
    pass(shared->cluster);
  }
  vlot_client_close(client);
  vlot_bytes_release(add);
  return NULL;
}

static bool has(vlot_cluster *cluster, uint32_t number) {
  vlot_lint lints[32];
  size_t count = vlot_cluster_lint(cluster, lints, 32);
  for (size_t k = 0; k < count && k < 32; k++)
    if (lints[k].number == number) return true;
  return false;
}

static void wait_for(vlot_cluster *cluster, uint32_t number, bool wanted) {
  uint64_t end = vlot_cluster_now(cluster) + PATIENCE;
  while (has(cluster, number) != wanted) {
    check(vlot_cluster_now(cluster) < end,
          wanted ? "a lint does not come" : "a lint does not pass");
    pass(cluster);
  }
}

static void one_round(vlot_cluster *cluster) {
  uint32_t leader = 0;
  check(vlot_cluster_suspend(cluster, 2) == VLOT_OK, "it cannot be suspended");
  wait_for(cluster, VLOT_LINT_MAILBOX_GROWS, true);
  check(vlot_cluster_pause(cluster) == VLOT_OK && vlot_lockstep_step(cluster, 50, NULL) == VLOT_OK,
        "it cannot be stepped");
  check(vlot_cluster_unpause(cluster) == VLOT_OK, "it does not go on");
  check(vlot_cluster_resume(cluster, 2) == VLOT_OK, "it cannot be resumed");
  wait_for(cluster, VLOT_LINT_MAILBOX_GROWS, false);
  check(vlot_await_leader(cluster, PATIENCE, &leader) == VLOT_OK, "there is no leader");
  check(vlot_cluster_partition(cluster, &leader, 1) == VLOT_OK, "it cannot be cut");
  wait_for(cluster, VLOT_LINT_NO_QUORUM_CONTACT, true);
  check(vlot_cluster_heal(cluster) == VLOT_OK, "it cannot be healed");
  wait_for(cluster, VLOT_LINT_NO_QUORUM_CONTACT, false);
  check(vlot_cluster_restart(cluster, 3, VLOT_RESTART_KEEP) == VLOT_OK, "it cannot be restarted");
}

int main(void) {
  shared_state shared = {0};
  vlot_cluster_options options;
  pthread_t threads[2];
  vlot_cluster_options_init(&options);
  options.tick_ns = 1000000;
  options.raft.switches &= ~(uint32_t)(VLOT_SWITCH_CHECK_QUORUM | VLOT_SWITCH_STICKINESS);
  check(vlot_cluster_open(&shared.cluster, &options, NULL) == VLOT_OK,
        "the cluster cannot be opened");
  check(vlot_await_leader(shared.cluster, PATIENCE, NULL) == VLOT_OK, "there is no leader");
  for (int k = 0; k < 2; k++)
    check(pthread_create(&threads[k], NULL, flood, &shared) == 0, "no thread");
  for (int round = 0; round < ROUNDS; round++) one_round(shared.cluster);
  atomic_store(&shared.must_stop, true);
  for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
  check(vlot_cluster_close(shared.cluster) == VLOT_OK, "it does not close well");
  printf("lints came and passed %d times under load\n", ROUNDS);
  return 0;
}
